#!/bin/sh
# Se ejecuta sin ser root. unshare aparta al programa que lanza.
exec unshare --user --map-root-user sh -c '
    # aquí ya eres root, pero solo de tu espacio de usuario
    exec sleep 1000
'
