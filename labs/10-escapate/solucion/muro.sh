#!/bin/sh
mkdir -p /tmp/casa/bin /tmp/casa/proc /tmp/casa/vieja
cp /bin/busybox /tmp/casa/bin/
echo {{palabra}} >/tmp/casa/casa
exec unshare --user --map-root-user --mount --pid --fork sh -c '
    mount --bind /tmp/casa /tmp/casa
    mount -t proc nada /tmp/casa/proc
    cd /tmp/casa
    pivot_root . vieja
    umount -l /vieja
    exec "$@"
' sh "$@"
