//! Del árbol a los tipos: un solo camino para todos los lenguajes.
//!
//! Cuando se llega aquí el árbol ya se ha comparado con los tipos ([`super::structure`]) y no le sobra
//! ni le falta nada. Se pasa a JSON y de ahí a los tipos con la misma lectura que usan las fichas de
//! los Pods: un lector más por cada lenguaje sería otra copia de todos los tipos en el binario.

use super::fields::Data;
use super::language::Language;
use super::schema::Field;
use super::tree::{Node, Tree, Value};
use super::types::Object;
use super::{objects, scalar};
use crate::data::{self, Fault, Value as Json};
use std::ops::Range;

// ANCHOR: read
/// Los objetos del árbol, cada uno con su camino: vacío si es el único, `[1]` si es el segundo documento.
/// Los campos cuya clave está en `dropped` no se leen.
pub fn read(text: &str, tree: &Tree, dropped: &[Range<usize>]) -> Result<Vec<(String, Object)>, Fault> {
    let reader = Reader { text, language: tree.language, dropped };
    let read = |node| Object::read(reader.object(node));
    if !tree.documents {
        return Ok(vec![(String::new(), read(&tree.root)?)]);
    }
    let documents = tree.root.items().iter().enumerate();
    documents.map(|(i, node)| Ok((format!("[{i}]"), read(node)?))).collect()
}
// ANCHOR_END: read

/// Lo que dice el campo `name` de un objeto, si es un texto.
pub fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    let is = |value: &Value| matches!(value, Value::Text(key) if key == name);
    match &node.entries().iter().find(|e| is(&e.key.value))?.value.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

struct Reader<'a> {
    text: &'a str,
    language: Language,
    dropped: &'a [Range<usize>],
}

impl Reader<'_> {
    /// `{"kind": "Pod", …}` y `Pod(…)` son `{"Pod": {…}}`, que es como lo esperan los tipos.
    fn object(&self, node: &Node) -> Json {
        let kind = match &node.value {
            Value::Object { name: Some(name), .. } => &self.text[name.clone()],
            _ => text(node, "kind").unwrap_or_default(),
        };
        let known = objects::kind(kind).map_or(&[][..], |kind| (kind.fields)());
        let mut fields = serde_json::Map::new();
        for (name, value, field) in self.written(node, known) {
            let value = match (kind, name, &value.value) {
                // ya dicho, o lo que pone kubectl en las listas que escribe
                (_, "apiVersion" | "kind", _) | ("List", "metadata", _) => continue,
                ("List", "items", Value::List(items)) => items.iter().map(|i| self.object(i)).collect(),
                _ => self.json(value, field),
            };
            fields.insert(name.to_string(), value);
        }
        Json::Object([(kind.to_string(), Json::Object(fields))].into_iter().collect())
    }

    /// Los campos que están escritos, con lo que se sabe de ellos. `null` es como no haberlo hecho, y
    /// `None` también, salvo que sea una de sus palabras (`dnsPolicy: None`).
    fn written<'n>(
        &'n self,
        node: &'n Node,
        fields: &'static [Field],
    ) -> impl Iterator<Item = (&'n str, &'n Node, Option<&'static Field>)> {
        let entries = node.entries().iter().filter(|e| !self.dropped.contains(&e.key.span));
        entries.filter_map(move |e| {
            let name = e.key.name(self.text);
            let field = fields.iter().find(|field| field.is(name));
            let nothing = match &e.value.value {
                Value::Null => true,
                Value::Word(word) => word == "None" && !field.is_some_and(|f| (f.values)().contains(&"None")),
                _ => false,
            };
            (!nothing).then_some((name, &e.value, field))
        })
    }

    fn json(&self, node: &Node, field: Option<&'static Field>) -> Json {
        match &node.value {
            Value::Map(_) | Value::Object { .. } => {
                let fields = field.map_or(&[][..], |field| (field.fields)());
                let pairs = self.written(node, fields);
                Json::Object(pairs.map(|(name, value, f)| (name.to_string(), self.json(value, f))).collect())
            }
            Value::List(items) => items.iter().map(|item| self.json(item, field)).collect(),
            Value::Text(text) => Json::String(text.clone()),
            Value::Number(number) => self::number(self.language, number),
            Value::Word(word) if matches!(word.as_str(), "true" | "false") => Json::Bool(word == "true"),
            // las palabras de RON: `Always`
            Value::Word(word) => Json::String(word.clone()),
            // ninguno casa con ningún tipo: no se llega aquí con ellos
            Value::Null | Value::Char | Value::Tuple { .. } | Value::Unknown => Json::Null,
        }
    }
}

/// En RON `0644` es seiscientos cuarenta y cuatro, y los números pueden llevar `_` y `0x`.
pub fn number(language: Language, number: &str) -> Json {
    let json = match language {
        Language::Yaml | Language::Json => number.to_string(),
        Language::Ron => {
            let plain = number.replace('_', "");
            let decimal = plain.trim_start_matches('+').trim_start_matches('0');
            let decimal = if decimal.starts_with(|c: char| c.is_ascii_digit()) { decimal } else { &plain };
            match scalar::resolve(if plain.contains(['x', 'b', 'o']) { &plain } else { decimal }) {
                Value::Number(number) => number,
                _ => plain,
            }
        }
    };
    data::parse(json.as_bytes()).unwrap_or_default()
}
