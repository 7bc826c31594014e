# No atiende SIGTERM. Acaba cuando aparece /tmp/apaga, y lo apunta.
trap '' TERM
echo 'encendido'
while [ ! -e /tmp/apaga ]; do sleep 0.2; done
cat /tmp/rumbo >>/diario/faro.txt
