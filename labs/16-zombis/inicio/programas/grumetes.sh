# Manda cinco recados: cada uno se queda sin padre y muere al cabo de un segundo.
for n in 1 2 3 4 5; do
    sh -c '(sleep 1; echo recado hecho) &'
done
exec tail -f /dev/null
