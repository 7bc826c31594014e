#!/bin/sh
# Se ejecuta sin ser root. Aquí nacen un espacio de usuario y una red, la máquina: en ellos mandas.
[ "$1" = dentro ] || exec unshare --user --map-root-user --net sh "$0" dentro

# Espera a que el proceso $1 ya no esté en la red de este guion.
espera_red() {
    while [ "$(readlink /proc/$1/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do usleep 100000; done
}

# TAREA 1: el puente

# TAREA 2: cada uno, en su red
httpd -f -p 80 -h /tmp &
web=$!
tail -f /dev/null &
cliente=$!

# TAREAS 2, 3 y 4: los cables, las direcciones y las rutas

exec sleep 1000
