#!/bin/sh
exec unshare --user --map-root-user --mount sh -c '
    mkdir -p /obra/{{larga}} /obra/{{corta}} /obra/{{fija}} /obra/capa /obra/trabajo
    mount -t overlay -o lowerdir=/imagen,upperdir=/obra/capa,workdir=/obra/trabajo larga /obra/{{larga}}
    mount -t tmpfs nueva /tmp
    mkdir /tmp/capa /tmp/trabajo
    mount -t overlay -o lowerdir=/imagen,upperdir=/tmp/capa,workdir=/tmp/trabajo corta /obra/{{corta}}
    mount -t overlay -o lowerdir=/parche:/imagen fija /obra/{{fija}}
    exec "$@"
' capas "$@"
