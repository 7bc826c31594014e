# Lleva el timón hasta que llega SIGTERM. Entonces amarra, lo apunta y acaba con el código {{codigo}}.
trap 'sleep {{amarre}}; cat /tmp/rumbo >>/diario/timon.txt; exit {{codigo}}' TERM
echo 'al timón'
while :; do sleep 0.2; done
