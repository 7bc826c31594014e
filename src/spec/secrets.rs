//! Ningún error enseña lo que guarda un Secret, ni cuando el error está en él.

use super::errors::SpecErrors;
use super::language::Language;
use super::structure::is_secret_field;
use super::tree::{Node, Tree, Value};
use super::typed;
use std::ops::Range;

/// Los errores de `text`, con los datos de sus Secrets tapados en las líneas que enseñan.
pub fn hide(text: &str, tree: &Tree, errors: SpecErrors) -> SpecErrors {
    if tree.fault.is_some() && tree.language != Language::Ron && text.contains("Secret") {
        // no hay árbol: se tapa el valor de todas las líneas
        return cover_errors(text, &values_of_lines(text), errors);
    }
    let mut search = Search { text, broken: tree.fault.is_some(), hidden: Vec::new() };
    search.visit(&tree.root);
    // una referencia de YAML está escrita antes que lo que la usa
    crate::order::sort_by_key(&mut search.hidden, |range| range.start);
    if search.hidden.is_empty() {
        return errors;
    }
    cover_errors(text, &search.hidden, errors)
}

/// De cada línea, lo que sigue a su primer `:`; si no tiene, entera.
fn values_of_lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let range = start + line.find(':').map_or(0, |i| i + 1)..start + line.len();
        start += line.len();
        range
    });
    lines.collect()
}

fn cover_errors(text: &str, hidden: &[Range<usize>], mut errors: SpecErrors) -> SpecErrors {
    let covered = cover(text, hidden);
    let lines: Vec<&str> = covered.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    for error in &mut errors.0 {
        let Some(place) = &mut error.place else { continue };
        let Some(line) = lines.get(place.line - 1) else { continue };
        place.text = line.to_string();
        // un error de sintaxis en el propio valor lo repite, para decir cómo escribirlo bien
        if line.chars().nth(place.column - 1) == Some(COVER) && error.field.is_empty() {
            error.problem = "este valor de un Secret no está bien escrito".to_string();
            error.hint = Some("los datos de un Secret son textos, entre comillas: `\"…\"`".to_string());
        }
    }
    errors
}

/// Lo que se ve en lugar de cada carácter que no se enseña.
const COVER: char = '•';

/// Busca los bytes que no se enseñan.
struct Search<'a> {
    text: &'a str,
    /// ¿Está mal escrito? Entonces no se sabe bien dónde acaba cada valor: se tapa de más.
    broken: bool,
    hidden: Vec<Range<usize>>,
}

impl Search<'_> {
    /// Los valores de `data` y `stringData`. Los de un ConfigMap no son secretos; los de un objeto
    /// que no se sabe qué es (un `Secreto(…)`), por si acaso, sí.
    fn visit(&mut self, node: &Node) {
        let public = match &node.value {
            Value::Object { name: Some(name), .. } => matches!(&self.text[name.clone()], "ConfigMap" | "Pod"),
            Value::Map(_) => matches!(typed::text(node, "kind"), Some("ConfigMap" | "Pod")),
            _ => false,
        };
        for entry in node.entries() {
            let field = entry.key.name(self.text);
            match is_secret_field(field) && !public {
                true => self.values(&entry.value),
                false => self.visit(&entry.value),
            }
        }
        for item in node.items() {
            self.visit(item);
        }
    }

    fn values(&mut self, data: &Node) {
        let entries = data.entries();
        if entries.is_empty() {
            self.hidden.push(data.span.clone());
        }
        for (i, entry) in entries.iter().enumerate() {
            let next = entries.get(i + 1).map_or(data.span.end, |next| next.key.span.start);
            let end = if self.broken { next } else { entry.value.span.end };
            self.hidden.push(entry.value.span.start..end);
        }
    }
}

/// `text` con un punto gordo en vez de cada carácter que no se enseña: mide lo mismo.
fn cover(text: &str, hidden: &[Range<usize>]) -> String {
    let mut covered = String::with_capacity(text.len());
    let mut next = hidden.iter().peekable();
    for (at, c) in text.char_indices() {
        while next.next_if(|range| range.end <= at).is_some() {}
        let is_hidden = next.peek().is_some_and(|range| range.contains(&at)) && !matches!(c, '\n' | '\r');
        covered.push(if is_hidden { COVER } else { c });
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_tapan_los_datos_de_un_secret_y_los_de_nadie_mas() {
        let text = "List(items: [\n  Secret(stringData: {\"clave\": \"ñu\", \"pin\": 12}),\n  ConfigMap(data: {\"a\": \"visible\"}),\n])";
        let mut search = Search { text, broken: false, hidden: Vec::new() };
        search.visit(&Tree::read(Language::Ron, text).root);
        assert_eq!(cover(text, &search.hidden), text.replace("\"ñu\"", "••••").replace(": 12}", ": ••}"));
    }
}
