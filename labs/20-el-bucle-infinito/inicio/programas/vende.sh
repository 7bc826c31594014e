# ¿Se puede subir? Acaba con 0 si gira la noria y la taquilla está abierta.
sh /programas/gira.sh && wget -q -O /dev/null http://127.0.0.1:81/abierta
