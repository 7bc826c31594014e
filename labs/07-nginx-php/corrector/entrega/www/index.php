<?php
// La página con la que se corrige: dice en qué máquina se ejecuta y algo que nadie sabía antes.
echo '{{ficha3}}' . '-' . gethostname() . "\n";
