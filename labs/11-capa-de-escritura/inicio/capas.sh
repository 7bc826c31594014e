#!/bin/sh
# capas.sh ORDEN…: prepara las tres raíces y ejecuta la orden
exec unshare --user --map-root-user --mount sh -c '
    # TAREA 1. Así se ve la imagen, pero es una copia: ocupa lo mismo, y nadie la comparte
    mkdir -p /obra/{{larga}}
    cp -r /imagen/. /obra/{{larga}}
    # TAREA 2
    mkdir -p /obra/{{corta}}
    # TAREA 3
    mkdir -p /obra/{{fija}}
    exec "$@"
' capas "$@"
