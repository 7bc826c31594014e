//! Del árbol a los tipos: un solo camino para todos los lenguajes que no son RON.
//!
//! Cuando se llega aquí el árbol ya se ha comparado con los tipos ([`super::structure`]) y no le sobra
//! ni le falta nada. Se pasa a JSON y de ahí a los tipos con la misma lectura que usan las fichas de
//! los Pods: un lector más por cada lenguaje sería otra copia de todos los tipos en el binario.

use super::tree::{Node, Tree, Value};
use super::types::Object;
use serde_json::Value as Json;

/// Los objetos del árbol, cada uno con su camino: vacío si es el único, `[1]` si es el segundo documento.
pub fn objects(tree: &Tree) -> Result<Vec<(String, Object)>, serde_json::Error> {
    if !tree.documents {
        return Ok(vec![(String::new(), read(&tree.root)?)]);
    }
    let documents = tree.root.items().iter().enumerate();
    documents.map(|(i, node)| Ok((format!("[{i}]"), read(node)?))).collect()
}

fn read(node: &Node) -> Result<Object, serde_json::Error> {
    serde_json::from_value(object(node))
}

/// Lo que dice el campo `name` de un objeto, si es un texto.
pub fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    let is = |value: &Value| matches!(value, Value::Text(key) if key == name);
    match &node.entries().iter().find(|e| is(&e.key.value))?.value.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// `{"kind": "Pod", …}` es `{"Pod": {…}}`, que es como lo esperan los tipos.
fn object(node: &Node) -> Json {
    let kind = text(node, "kind").unwrap_or_default();
    let mut fields = serde_json::Map::new();
    for entry in node.entries() {
        let Value::Text(name) = &entry.key.value else { continue };
        let value = match (kind, name.as_str(), &entry.value.value) {
            // ya dicho, o lo que pone kubectl en las listas que escribe
            (_, "apiVersion" | "kind", _) | ("List", "metadata", _) | (_, _, Value::Null) => continue,
            ("List", "items", Value::List(items)) => Json::Array(items.iter().map(object).collect()),
            _ => json(&entry.value),
        };
        fields.insert(name.clone(), value);
    }
    Json::Object([(kind.to_string(), Json::Object(fields))].into_iter().collect())
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Map(entries) => {
            let written = entries.iter().filter(|e| !matches!(e.value.value, Value::Null));
            let pairs = written.filter_map(|e| match &e.key.value {
                Value::Text(key) => Some((key.clone(), json(&e.value))),
                _ => None,
            });
            Json::Object(pairs.collect())
        }
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Text(text) => Json::String(text.clone()),
        Value::Number(number) => serde_json::from_str(number).unwrap_or_default(),
        Value::Word(word) => Json::Bool(word == "true"),
        // ni el lector de YAML ni el de JSON hacen de estos
        Value::Null | Value::Char | Value::Object { .. } | Value::Tuple { .. } | Value::Unknown => Json::Null,
    }
}
