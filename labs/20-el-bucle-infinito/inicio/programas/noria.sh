# Monta la noria cuando llegan las piezas, la hace girar y apunta la hora de cada vuelta.
trap 'exit 143' TERM
mkdir -p /web
httpd -p {{puerto}} -h /web
echo 'esperando las piezas'
while [ ! -e /obra/piezas ]; do usleep 200000; done

# Con gente arriba no se puede marchar sin más: primero baja a todos.
trap 'sleep {{bajada}}; { cat /web/dueno 2>/dev/null || echo abajo; } >>/obra/diario.txt; exit 0' TERM
echo 'gira'
while [ ! -e /tmp/atasco ]; do
    date +%s >/tmp/vuelta
    usleep 200000
done

# El fallo: de este bucle no sale nunca, y no atiende a nadie.
trap 'echo no atiende' TERM
echo 'se atasca'
while :; do usleep 200000; done
