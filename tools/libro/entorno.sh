# shellcheck shell=sh
# La máquina de quien lee el libro: un usuario `alumno` que puede hacer sudo, con su carpeta vacía,
# y las imágenes. Se ejecuta como root, dentro de la micro-VM o de un mundo aparte.
#
#   sh -c "$(cat entorno.sh)" sh DIRECTORIO_DE_IMAGENES
set -eu
mkdir -p /run/libro /home
mount -t tmpfs -o mode=755 libro /run/libro
mkdir /run/libro/bin

# sudo, en pequeño: solo él puede ejecutar la copia de setpriv que cambia de usuario
cp "$(command -v setpriv)" /run/libro/como-root
chmod 4755 /run/libro/como-root
cat >/run/libro/bin/sudo <<'FIN'
#!/bin/sh
exec /run/libro/como-root --reuid=0 --regid=0 --clear-groups env -i HOME=/root USER=root LOGNAME=root \
    SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb SUDO_USER=alumno CURL_HOME=/run/libro \
    PATH=/run/libro/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
FIN
chmod 755 /run/libro/bin/sudo

# en una terminal, curl no enseña cuánto lleva descargado; aquí no hay terminal
printf 'silent\nshow-error\n' >/run/libro/.curlrc

for base in passwd group; do
    grep -v ':1000:' "/etc/$base" >"/run/libro/$base"
done
echo 'alumno:x:1000:1000::/home/alumno:/bin/bash' >>/run/libro/passwd
echo 'alumno:x:1000:' >>/run/libro/group
for base in passwd group; do mount --bind "/run/libro/$base" "/etc/$base"; done

mount -t tmpfs -o mode=755 casa /home
mkdir /home/alumno
chown 1000:1000 /home/alumno

[ -z "${MICROPOD:-}" ] || ln -s "$MICROPOD" /run/libro/bin/micropod
for paso in "$1"/paso[0-9]*; do
    [ ! -e "$paso" ] || cp "$paso" /run/libro/bin/
done
PATH=/run/libro/bin:$PATH
mkdir -p /var/lib/micropod/images
for imagen in "$1"/*.imagen.tar; do
    [ ! -e "$imagen" ] || tar -C /var/lib/micropod/images -xf "$imagen"
done
micropod image import busybox "$1/busybox.tar" >/dev/null
