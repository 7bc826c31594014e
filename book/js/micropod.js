// Lo que este libro hace con los bloques de consola: los comandos se distinguen de lo que contestan, y
// el botón de copiar copia solo los comandos, sin el `$`.
'use strict';

(function consola() {
    // Los comandos de un bloque: [línea, ¿es comando?, largo de su indicador]
    function lineas(texto) {
        let sigue = false;
        return texto.replace(/\n$/, '').split('\n').map(linea => {
            const empieza = /^[$#] /.test(linea);
            const continua = sigue && /^>( |$)/.test(linea);
            sigue = empieza || continua;
            return [linea, sigue];
        });
    }

    for (const bloque of document.querySelectorAll('code.language-console')) {
        const partes = lineas(bloque.textContent);
        if (!partes.some(([, comando]) => comando)) {
            continue;
        }
        bloque.replaceChildren();
        for (const [linea, comando] of partes) {
            if (comando) {
                const indicador = document.createElement('span');
                indicador.className = 'indicador';
                indicador.textContent = linea.slice(0, 2);
                const orden = document.createElement('span');
                orden.className = 'orden';
                orden.textContent = linea.slice(2);
                bloque.append(indicador, orden, '\n');
            } else {
                bloque.append(linea + '\n');
            }
        }
    }

    const todo = window.playground_text;
    if (typeof todo !== 'function') {
        return;
    }
    window.playground_text = function (bloque, ocultas) {
        const codigo = bloque.querySelector('code.language-console');
        const comandos = codigo ? lineas(codigo.textContent).filter(([, comando]) => comando) : [];
        return comandos.length > 0 ? comandos.map(([linea]) => linea.slice(2)).join('\n') : todo(bloque, ocultas);
    };
})();

// En papel no se puede abrir nada: las respuestas y lo del profesorado salen abiertos.
(function imprimir() {
    const abre = () => document.querySelectorAll('main details').forEach(d => { d.open = true; });
    window.addEventListener('beforeprint', abre);
    if (/print\.html$/.test(location.pathname)) {
        abre();
    }
})();
