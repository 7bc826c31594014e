#!/bin/sh
# Se ejecuta sin ser root. Dentro de este espacio de usuario mandas en lo que crees.
[ "$1" = dentro ] || exec unshare --user --map-root-user sh "$0" dentro

# Vuelve a empezar una orden cada vez que acaba.
siempre() {
    while :; do
        "$@"
        usleep 200000
    done
}

# TAREA 1: hoy el servidor estrena los espacios de nombres, y el otro entra en los suyos
siempre unshare --net --uts --ipc httpd -f -p 80 -h /tmp &
sleep 1
siempre nsenter -t "$(pidof httpd)" -n -u -i sleep 1000 &

# TAREA 4: ¿a quién hay que esperar?
wait
