#!/bin/sh
# Se ejecuta sin ser root. Aquí nacen un espacio de usuario y una red, la máquina: en ellos mandas.
[ "$1" = dentro ] || exec unshare --user --map-root-user --net sh "$0" dentro

# Espera a que el proceso $1 ya no esté en la red de este guion.
espera_red() {
    while [ "$(readlink /proc/$1/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do usleep 100000; done
}

# Un cable del puente a la red del proceso $1, que allí tendrá la dirección $2.
enchufa() {
    espera_red $1
    ip link add cable$1 type veth
    ip link set veth0 netns $1
    ip link set cable$1 master {{puente}}
    ip link set cable$1 up
    nsenter -t $1 -n ip link set veth0 name eth0
    nsenter -t $1 -n ip addr add $2 dev eth0
    nsenter -t $1 -n ip link set eth0 up
    nsenter -t $1 -n ip link set lo up
    nsenter -t $1 -n ip route add default via 10.{{red}}.0.1
}

ip link add {{puente}} type bridge
ip addr add 10.{{red}}.0.1/24 dev {{puente}}
ip link set {{puente}} up

unshare --net httpd -f -p 80 -h /tmp &
enchufa $! 10.{{red}}.0.2/24
unshare --net tail -f /dev/null &
enchufa $! 10.{{red}}.0.3/24

exec sleep 1000
