# Contesta enseguida, pero los libros llegan cuando llegan. Al cerrar, lo apunta.
trap 'echo cerrada >>/diario/sala.txt; exit 0' TERM
mkdir -p /web
echo bienvenida >/web/index.html
httpd -p {{puerto}} -h /web
until test -s /datos/libros.txt; do sleep 0.2; done
sort /datos/libros.txt >/web/libros.txt
while :; do sleep 0.2; done
