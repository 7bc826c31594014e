#!/bin/sh
# Instala micropod en esta máquina con lo que hay en este kit. No usa la red, y se puede repetir.
#
#   sudo sh instala [PREFIJO]        si no se dice, /usr/local
set -eu
kit=$(cd "$(dirname "$0")" && pwd)
prefijo=${1:-/usr/local}
muere() { echo "error: $1" >&2; exit 1; }

[ "$(id -u)" = 0 ] || muere "instalar es cosa de root: sudo sh $0"
cd "$kit"
echo 'Comprobando que el kit está entero…'
sha256sum -c SHA256SUMS >/dev/null 2>&1 || muere 'el kit está estropeado o a medias: hazlo otra vez con micropod lab prepara'

mkdir -p "$prefijo/bin"
cp micropod "$prefijo/bin/.micropod.nuevo"
chmod 755 "$prefijo/bin/.micropod.nuevo"
mv "$prefijo/bin/.micropod.nuevo" "$prefijo/bin/micropod"
echo "micropod, en $prefijo/bin"

for carpeta in imagenes/*/; do
    [ -d "$carpeta" ] || continue
    nombre=$(basename "$carpeta")
    if "$prefijo/bin/micropod" image ls 2>/dev/null | grep -q "^$nombre "; then
        echo "la imagen $nombre ya estaba"
    else
        "$prefijo/bin/micropod" image import "$nombre" "$carpeta"
    fi
done

if [ -d libro ]; then
    documentos=$prefijo/share/doc/micropod
    mkdir -p "$documentos"
    rm -rf "$documentos/libro"
    cp -R libro "$documentos/libro"
    chmod -R a+rX "$documentos/libro"
    echo "el libro, en $documentos/libro/index.html"
fi
"$prefijo/bin/micropod" lab lista
