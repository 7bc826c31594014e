#!/bin/sh
# Paso a paso: un unshare por cada espacio.
exec unshare -U -r -u -n sh -c '
    hostname {{nombre}}
    ifconfig lo 127.0.0.1 up
    exec unshare -p -m -f sh -c "mount -t proc otro /proc && exec sleep 1000"
'
