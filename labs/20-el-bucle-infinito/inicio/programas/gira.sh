# ¿Gira la noria? Acaba con 0 si la última vuelta es de hace tres segundos o menos.
[ -s /tmp/vuelta ] && [ $(($(date +%s) - $(cat /tmp/vuelta))) -le 3 ]
