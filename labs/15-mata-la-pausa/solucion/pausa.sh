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

unshare --net --uts --ipc tail -f /dev/null &
pausa=$!
while [ "$(readlink /proc/$pausa/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do usleep 100000; done
nsenter -t $pausa -n ip link set lo up
nsenter -t $pausa -u hostname {{nombre}}

siempre nsenter -t $pausa -n -u -i unshare --pid -f httpd -f -p 80 -h /tmp &
siempre nsenter -t $pausa -n -u -i unshare --pid -f sleep 1000 &

wait $pausa
exit {{codigo}}
