//! JSON como lo escriben los programas de Go: con cuatro espacios o en una línea, las claves en
//! orden y `<`, `>` y `&` escritos de manera que no estorben dentro de una página web.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// El documento entero, con cuatro espacios por nivel, acabado en salto de línea.
pub fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    // a una lista de bytes se escribe siempre
    let _ =
        value.serialize(&mut Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    ")));
    html_safe(String::from_utf8(bytes).unwrap_or_default()) + "\n"
}

/// En una línea.
pub fn compact(value: &Value) -> String {
    html_safe(value.to_string())
}

/// Estos caracteres solo pueden estar dentro de un texto: se sustituyen donde estén.
fn html_safe(json: String) -> String {
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return json;
    }
    let pairs = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    pairs.into_iter().fold(json, |text, (c, escaped)| text.replace(c, escaped))
}
