//! Por qué un texto no es YAML: lo que dice la biblioteca, en español y con lo que suele ser.

use super::errors::visible;
use super::tree::Fault;
use std::ops::Range;

/// El fallo que la biblioteca encontró en el byte `at` y cuenta con `said`; `open` es dónde empieza lo
/// último que quedó sin cerrar.
pub fn explain(text: &str, at: usize, said: &str, open: Option<usize>) -> Fault {
    let line = line_at(text, at);
    let opener = open.filter(|&open| text[open..].starts_with(['[', '{']) && open < line.start);
    if let Some(open) = opener.filter(|_| said.contains("flow") || said.contains("eof")) {
        let (opener, close) = if text[open..].starts_with('[') { ('[', ']') } else { ('{', '}') };
        let problem = format!("este `{opener}` no se cierra");
        return fault(open..open + 1, "MP0210", &problem, &format!("falta un `{close}`, o una coma antes"));
    }
    if let Some(open) = unclosed(text, at, said) {
        let hint = format!(
            "falta su comilla del final, `{}`; si sigue en otra línea, va más adentro que su campo",
            &text[open..open + 1]
        );
        return fault(open..line_at(text, open).end, "MP0210", "este texto no se cierra", &hint);
    }
    let (problem, hint) = phrase(&text[line.clone()], said);
    let (code, problem, hint) = match tab_in_indent(text, at)
        .filter(|_| said.contains("tab") || said.contains("indent"))
    {
        Some(tab) => {
            let hint = "YAML se sangra con espacios: cámbialo por dos";
            return fault(tab, "MP0210", "hay un tabulador en la sangría", hint);
        }
        None if said.contains("recursion limit") => {
            ("MP0111", "hay demasiadas listas y mapas unos dentro de otros", "un Pod no necesita más de 12")
        }
        None => ("MP0210", problem, hint),
    };
    // de lo que se descubre al final de la línea (o al principio de otra) se señala la palabra
    let start = at.min(text.len());
    let word =
        text[start..line.end.max(start)].find([' ', ',']).unwrap_or(line.end.saturating_sub(start)).max(1);
    let word = if code == "MP0111" { 1 } else { word };
    fault(start..start + word, code, problem, hint)
}

/// Dónde se abre la comilla que falta cerrar, si es eso. La biblioteca la señala, o señala lo que sigue a la
/// primera comilla que encontró después, que era la que abría otro texto.
fn unclosed(text: &str, at: usize, said: &str) -> Option<usize> {
    let quotes = ['"', '\''];
    if said.contains("trailing content") {
        let (before, quote) =
            text.get(..at)?.char_indices().next_back().filter(|(_, c)| quotes.contains(c))?;
        let open = text[..before].match_indices(quote).rfind(|(i, _)| !text[..*i].ends_with('\\'))?.0;
        return (open < line_at(text, at).start).then_some(open);
    }
    let endless = ["indentation in quoted", "unexpected end of stream", "unexpected document indicator"];
    (text.get(at..)?.starts_with(quotes) && endless.iter().any(|end| said.contains(end))).then_some(at)
}

fn fault(at: Range<usize>, code: &'static str, problem: &str, hint: &str) -> Fault {
    Fault { at, code, problem: visible(problem, 300), hint: Some(hint.to_string()).filter(|h| !h.is_empty()) }
}

/// La línea del byte `at`, sin su salto.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let at = at.min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    start..text[at..].find('\n').map_or(text.len(), |i| at + i)
}

/// El tabulador con el que empieza la línea, o el que sigue a sus espacios: de esa o, si la biblioteca
/// lo vio venir, de la siguiente.
fn tab_in_indent(text: &str, at: usize) -> Option<Range<usize>> {
    let line = line_at(text, at);
    let next = line_at(text, line.end + 1);
    [line, next].into_iter().find_map(|line| {
        let inside = &text[line.clone()];
        let indent = inside.len() - inside.trim_start_matches([' ', '\t']).len();
        let tab = inside[..indent].find('\t')?;
        Some(line.start + tab..line.start + tab + 1)
    })
}

fn phrase(line: &str, said: &str) -> (&'static str, &'static str) {
    let has = |part: &str| said.contains(part);
    if has("mapping values are not allowed") || has("illegal placement of ':'") {
        return (
            "aquí no puede ir `:`",
            "un texto que lleva `: ` va entre comillas; y si es un campo, mira su sangría: \
             los de un mismo objeto empiezan en la misma columna",
        );
    }
    if has("unknown anchor") {
        return (
            "esta referencia no nombra ningún ancla anterior",
            "un texto que empieza por `*` va entre comillas",
        );
    }
    if has("expected key") || has("expected '-'") || has("invalid indentation") || has("<document start>") {
        return (
            "esta línea no está donde le toca",
            "la sangría dice de quién es cada campo: los de un mismo objeto empiezan en la misma columna, \
             y los `-` de una misma lista también",
        );
    }
    if has("simple key expect") || has("must be followed by a valid YAML whitespace") {
        return (
            "falta `: ` después de la clave",
            "se escribe `campo: valor`, con un espacio detrás de los dos puntos",
        );
    }
    if has("trailing content") {
        return (
            "hay algo pegado detrás de un texto",
            "una comilla dentro de un texto se escribe `\\\"` si lo abre una doble, y `''` si lo abre una simple",
        );
    }
    if has("escape") || has("hexadecimal") {
        return (
            "hay una secuencia de escape que no vale dentro de un texto",
            "entre comillas simples las barras invertidas no significan nada: `'C:\\dir'`",
        );
    }
    if has("flow mapping") || has("flow sequence") || has("flow construct") || has("misplaced bracket") {
        return match line.contains('(') {
            true => (
                "falta una coma, o la llave o el corchete que cierra",
                "en YAML los paréntesis no significan nada",
            ),
            false => (
                "falta una coma, o la llave o el corchete que cierra",
                "cada `{` lleva su `}`, y cada `[` su `]`",
            ),
        };
    }
    if has("block sequence entries") {
        return ("aquí no puede empezar una lista", "el primer `-` va en la línea siguiente al campo");
    }
    if has("block scalar") {
        return (
            "este bloque de texto no está bien sangrado",
            "todo el texto que sigue a `|` va más adentro que su campo",
        );
    }
    if has("tab") {
        return ("aquí no puede ir un tabulador", "cámbialo por espacios");
    }
    if has("unexpected character") || has("plain scalar") || has("node content") || has("next token") {
        return ("esto no puede ir aquí sin comillas", "si es un texto, ponle comillas");
    }
    if has("tag") || has("TAG") || has("handle") || has("directive") {
        return ("esta etiqueta o directiva no vale", "quítala: un objeto de Kubernetes no las necesita");
    }
    ("esto no es YAML válido", "compara con un ejemplo de la documentación")
}
