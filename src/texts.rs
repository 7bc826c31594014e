//! Los textos que van dentro del binario comprimidos, porque casi nunca hacen falta: los laboratorios, las
//! recetas de las imágenes, lo que se explica de cada campo, de cada error y de cada causa…

use std::collections::BTreeMap;
use std::io::Read;

/// Lo que guardó `build.rs`.
static PACKAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/textos.z"));

/// Todos: nombre → texto.
pub fn all() -> BTreeMap<String, String> {
    let mut all = String::new();
    // lo escribió `build.rs`, y las pruebas lo leen: no puede fallar
    let _ = flate2::read::DeflateDecoder::new(PACKAGE).read_to_string(&mut all);
    let mut parts = all.split_terminator('\0').map(str::to_string);
    std::iter::from_fn(|| parts.next().zip(parts.next())).collect()
}

/// El que se llama así: están todos, y las pruebas los leen.
pub fn one(name: &str) -> String {
    all().remove(name).unwrap_or_default()
}

/// Un párrafo de un fichero de textos: un nombre, una línea y lo demás, seguido.
pub struct Entry {
    pub name: String,
    pub line: String,
    pub text: String,
}

/// Los párrafos de `file`, menos el primero, que dice qué son.
pub fn entries(file: &str) -> Vec<Entry> {
    let text = one(file);
    let entry = |paragraph: &str| {
        let mut lines = paragraph.lines().map(str::to_string);
        let mut next = || lines.next().unwrap_or_default();
        Entry { name: next(), line: next(), text: lines.collect::<Vec<_>>().join(" ") }
    };
    text.trim_end().split("\n\n").skip(1).map(entry).collect()
}
