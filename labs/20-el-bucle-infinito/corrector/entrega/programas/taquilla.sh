# Vende entradas mientras exista /web/abierta.
mkdir -p /web
echo si >/web/abierta
exec httpd -f -p 81 -h /web
