# Falla con el código {{codigo}} tantas veces como diga $1, y después acaba bien.
veces=$(cat $CASA/veces 2>/dev/null || echo 0)
echo $((veces + 1)) >$CASA/veces
echo 'vuelta {{ficha}}'
[ "$veces" -ge "$1" ] || exit {{codigo}}
