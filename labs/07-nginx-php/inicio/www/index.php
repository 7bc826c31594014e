<?php
// Cuenta visitas en un fichero del volumen compartido.
$fichero = __DIR__ . '/compartido/visitas.txt';
$visitas = (int) @file_get_contents($fichero);
if (@file_put_contents($fichero, $visitas + 1) !== false) {
    $visitas++;
}
echo "visitas=$visitas maquina=" . gethostname() . "\n";
