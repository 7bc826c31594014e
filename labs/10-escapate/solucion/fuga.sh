#!/bin/sh
exec nsenter --mount=/proc/self/ns/mnt sh -c '
    cp /tmp/secreto /tmp/{{nombre}}
    exec sleep 1000
'
