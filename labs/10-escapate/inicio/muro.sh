#!/bin/sh
# muro.sh ORDEN…: la ejecuta con /tmp/casa por raíz
mkdir -p /tmp/casa/bin /tmp/casa/proc
cp /bin/busybox /tmp/casa/bin/
for orden in sh ls cat sleep; do
    ln -sf busybox /tmp/casa/bin/$orden
done
echo {{palabra}} >/tmp/casa/casa
exec unshare --user --map-root-user --mount --pid --fork sh -c '
    mount -t proc proc /tmp/casa/proc
    # TAREAS 2 y 3. chroot no cambia la raíz del espacio de montajes: solo adónde mira quien lo llama
    exec chroot /tmp/casa "$@"
' muro "$@"
