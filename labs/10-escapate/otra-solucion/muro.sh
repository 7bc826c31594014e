#!/bin/sh
# La raíz nueva, en memoria, y la vieja encima de ella misma: no hace falta un directorio donde dejarla.
exec unshare -U -r -m -p -f sh -c '
    mkdir -p /tmp/casa
    mount -t tmpfs casa /tmp/casa
    mkdir /tmp/casa/bin /tmp/casa/proc
    cp /bin/busybox /tmp/casa/bin/ && /tmp/casa/bin/busybox --install -s /tmp/casa/bin
    echo {{palabra}} >/tmp/casa/casa
    mount -t proc otro /tmp/casa/proc
    cd /tmp/casa && pivot_root . . && umount -l . && cd /
    exec "$@"
' muro "$@"
