<?php
// Cuenta las visitas en un fichero, y le pide ese fichero a nginx, por la red.
$fichero = "/usr/share/nginx/html/compartido/visitas.txt";
$visitas = (int) @file_get_contents($fichero) + 1;
file_put_contents($fichero, $visitas);
$leido = file_get_contents("http://127.0.0.1/compartido/visitas.txt");
echo "Soy PHP, en ", gethostname(), "\n";
echo "Visita $visitas, y nginx ha leído un $leido\n";
