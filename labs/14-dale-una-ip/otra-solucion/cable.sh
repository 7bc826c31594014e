#!/bin/sh
# De otra manera: el cable nace dentro de cada Pod y es la punta de fuera la que se muda, con órdenes de las
# de antes. Cada Pod se prepara él mismo y espera a que lo enchufen.
case $1 in
maquina)
    brctl addbr {{puente}}
    ifconfig {{puente}} 10.{{red}}.0.1 netmask 255.255.255.0 up
    sh "$0" pod 10.{{red}}.0.2 $$ httpd -f -p 80 -h /tmp &
    sh "$0" pod 10.{{red}}.0.3 $$ tail -f /dev/null &
    while [ "$(ls /tmp | grep -c listo)" -lt 2 ]; do usleep 100000; done
    for punta in /tmp/*.listo; do
        punta=$(basename "$punta" .listo)
        brctl addif {{puente}} "$punta"
        ifconfig "$punta" up
    done
    exec sleep 1000
    ;;
pod)
    shift
    exec unshare -n sh "$0" dentro "$@"
    ;;
dentro)
    ip link add eth0 type veth
    ip link set veth0 name "p$$"
    ip link set "p$$" netns "$3"
    ifconfig lo 127.0.0.1 up
    ifconfig eth0 "$2" netmask 255.255.255.0 up
    route add default gw 10.{{red}}.0.1
    touch "/tmp/p$$.listo"
    shift 3
    exec "$@"
    ;;
*)
    exec unshare -U -r -n sh "$0" maquina
    ;;
esac
