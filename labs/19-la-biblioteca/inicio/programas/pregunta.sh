# ¿Funciona el archivo? Lo piensa un rato, y la primera de cada tres veces se equivoca.
sleep {{tarda}}
test ! -e /tmp/roto || exit 1
echo vez >>/tmp/veces
test $(($(wc -l </tmp/veces) % 3)) != 1
