#!/bin/sh
# De otra manera: los espacios los estrena una shell, que se prepara, lanza a los contenedores (los heredan: no
# hace falta nsenter) y acaba convertida en la pausa. Quien la lanzó la espera.
case $1 in
"")
    exec unshare -U -r sh "$0" vigila
    ;;
vigila)
    unshare -n -u -i sh "$0" vaina
    exit {{codigo}}
    ;;
vaina)
    hostname {{nombre}}
    ifconfig lo 127.0.0.1 up
    sh "$0" contenedor httpd -f -p 80 -h /tmp &
    sh "$0" contenedor sleep 1000 &
    exec tail -f /dev/null
    ;;
contenedor)
    shift
    until false; do
        unshare -p -f "$@"
        usleep 900000
    done
    ;;
esac
