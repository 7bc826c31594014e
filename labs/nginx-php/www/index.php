<?php
// Lo que PHP y nginx comparten dentro del Pod, demostrado en una página.

// 1. El volumen: PHP cuenta esta visita en un fichero del emptyDir. Con cerrojo, porque PHP-FPM
//    atiende varias peticiones a la vez.
$fichero = __DIR__ . '/compartido/visitas.txt';
$abierto = fopen($fichero, 'c+');
$visitas = 0;
if ($abierto !== false && flock($abierto, LOCK_EX)) {
    $visitas = (int) stream_get_contents($abierto) + 1;
    rewind($abierto);
    ftruncate($abierto, 0);
    fwrite($abierto, "$visitas\n");
    fclose($abierto);
}

// 2. La red: PHP le pide ese mismo fichero a nginx por 127.0.0.1. nginx está en otro contenedor, con
//    otra raíz, pero en la misma red y con el mismo volumen.
$plazo = stream_context_create(['http' => ['timeout' => 2]]);
$segun_nginx = @file_get_contents('http://127.0.0.1/compartido/visitas.txt', false, $plazo);
$servidor = explode('/', $_SERVER['SERVER_SOFTWARE'] ?? '¿?');

$filas = [
    'Nombre de la máquina' => gethostname(),
    'Dirección IP del Pod' => gethostbyname(gethostname()),
    'Servidor web' => implode(' ', $servidor),
    'Versión de PHP' => PHP_VERSION,
    'Visitas, según PHP (escribe)' => $visitas,
    'Visitas, según nginx (lee)' => $segun_nginx === false ? 'nginx no responde' : trim($segun_nginx),
];
$coinciden = $visitas > 0 && trim((string) $segun_nginx) === (string) $visitas;
?>
<!DOCTYPE html>
<html lang="es">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Un Pod con nginx y PHP</title>
    <style>
        body { font-family: system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ccc; }
        .si { color: #060; } .no { color: #900; }
    </style>
</head>
<body>
    <h1>¡Hola desde un Pod!</h1>
    <table>
<?php foreach ($filas as $nombre => $valor): ?>
        <tr><th><?= htmlspecialchars($nombre) ?></th><td><?= htmlspecialchars((string) $valor) ?></td></tr>
<?php endforeach ?>
    </table>
<?php if ($coinciden): ?>
    <p class="si">Los dos contenedores ven el mismo fichero: el volumen se comparte. Y PHP ha encontrado
        a nginx en 127.0.0.1: la red también.</p>
<?php else: ?>
    <p class="no">Los dos contenedores no ven lo mismo: mira los montajes y la red del Pod.</p>
<?php endif ?>
    <p>Recarga la página y compara con <a href="/compartido/visitas.txt">/compartido/visitas.txt</a>,
        que sirve nginx sin pasar por PHP.</p>
</body>
</html>
