// El buscador, en español.
//
// mdBook indexa con las reglas del inglés: con ellas, «politica» no encuentra «política». Aquí el
// índice se vuelve a hacer en el navegador, con las del español. La última pasada (tools/libro) pone
// esto detrás de elasticlunr.js: tiene que estar antes de que el buscador de mdBook empiece.
'use strict';

(function buscador() {
    if (typeof elasticlunr === 'undefined') {
        return;
    }

    // «no» no está: «lo que no hace» se busca con él
    const VACIAS = new Set(('a al ante como con cual cuando de del desde donde e el ella en entre era es esa ese eso '
        + 'esta este esto fue ha han hasta hay la las le les lo los mas me mi muy ni nos o para pero por porque que '
        + 'quien se ser si sin sobre son su sus tambien te tiene tu tus u un una uno unos y ya').split(' '));

    // sin tildes ni diéresis; la ñ se queda, que es otra letra
    function llana(palabra) {
        return palabra.toLowerCase().normalize('NFD').replace(/n\u0303/g, '\u0001')
            .replace(/[\u0300-\u036f]/g, '').replace(/\u0001/g, 'ñ');
    }

    // De la más larga a la más corta: lo que distingue a las palabras de una misma familia.
    const FINALES = ['aciones', 'iciones', 'amiento', 'imiento', 'acion', 'icion', 'ando', 'iendo', 'ados', 'adas',
        'idos', 'idas', 'aron', 'ieron', 'aran', 'eran', 'iran', 'ado', 'ada', 'ido', 'ida', 'aba', 'ian', 'ar', 'er',
        'ir', 'an', 'en', 'a', 'e', 'o'];

    function raiz(palabra) {
        let p = palabra;
        // el plural: luces → luz, órdenes → orden, políticas → política
        if (p.length > 3 && p.endsWith('ces')) {
            p = p.slice(0, -3) + 'z';
        } else if (p.length > 4 && /[bcdfghjlmnrtxyz]es$/.test(p)) {
            p = p.slice(0, -2);
        } else if (p.length > 3 && p.endsWith('s')) {
            p = p.slice(0, -1);
        }
        const final = FINALES.find(f => p.endsWith(f) && p.length - f.length >= 3);
        if (final) {
            p = p.slice(0, -final.length);
        }
        // reinici-o, reinici-ar y reinic-ie son de la misma familia
        return p.length > 4 && p.endsWith('i') ? p.slice(0, -1) : p;
    }

    function palabra(trozo) {
        const limpia = llana(trozo).replace(/^[^0-9a-zñ]+|[^0-9a-zñ]+$/g, '');
        return limpia === '' || VACIAS.has(limpia) ? '' : raiz(limpia);
    }

    elasticlunr.tokenizer = function (texto) {
        if (texto === null || texto === undefined) {
            return [];
        }
        const todo = Array.isArray(texto) ? texto.join(' ') : String(texto);
        return todo.split(/[^\p{L}\p{N}_.]+/u).filter(Boolean);
    };
    elasticlunr.stemmer = palabra;
    const paso = function (trozo) {
        const p = palabra(trozo);
        return p === '' ? undefined : p;
    };
    elasticlunr.Pipeline.registerFunction(paso, 'español');

    elasticlunr.Index.load = function (guardado) {
        const indice = new elasticlunr.Index();
        indice.setRef(guardado.ref);
        guardado.fields.forEach(campo => indice.addField(campo));
        indice.pipeline.add(paso);
        const documentos = guardado.documentStore.docs;
        Object.keys(documentos).forEach(id => indice.addDoc(documentos[id]));
        return indice;
    };
})();
