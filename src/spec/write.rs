//! De los objetos a su texto: en RON, como lo escribiría una persona, y en el árbol de Kubernetes.

use super::errors::is_hidden;
use super::fields::Data;
use super::objects::{self, Object};
use super::schema::Field;
use serde_json::{Map, Value, json};

/// A partir de aquí, lo que cabría en una línea se abre en varias.
const WIDTH: usize = 100;

/// El objeto como lo espera Kubernetes: con su `apiVersion` y su `kind`.
pub fn kubernetes(object: &Object) -> Value {
    let mut fields = Map::new();
    let version = objects::kind(object.kind()).map(|kind| kind.api_version);
    fields.insert("apiVersion".into(), json!(version));
    fields.insert("kind".into(), json!(object.kind()));
    if let Value::Object(inside) = inside(object) {
        fields.extend(inside);
    }
    Value::Object(fields)
}

/// Los objetos de un fichero, en uno: si son varios, una `List`.
pub fn kubernetes_list(objects: &[Object]) -> Value {
    match objects {
        [one] => kubernetes(one),
        many => {
            let items: Vec<Value> = many.iter().map(kubernetes).collect();
            json!({"apiVersion": "v1", "kind": "List", "items": items})
        }
    }
}

/// Los objetos de un fichero, en RON.
pub fn ron(objects: &[Object]) -> String {
    let text = |object: &Object, indent| {
        let fields = objects::kind(object.kind()).map_or(&[][..], |kind| (kind.fields)());
        let shape = Shape { kind: object.kind(), fields, words: &[] };
        format!("{}{}", object.kind(), write(&inside(object), shape, indent))
    };
    match objects {
        [one] => text(one, 0) + "\n",
        many => {
            let items: String = many.iter().map(|object| format!("    {},\n", text(object, 4))).collect();
            format!("List(items: [\n{items}])\n")
        }
    }
}

/// Los campos del objeto: los tipos lo escriben como `{"Pod": {…}}`.
fn inside(object: &Object) -> Value {
    match object.write() {
        Value::Object(mut outer) => outer.remove(object.kind()).unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Lo que se sabe del sitio de un valor.
#[derive(Clone, Copy)]
struct Shape<'a> {
    kind: &'a str,
    fields: &'a [Field],
    words: &'a [&'a str],
}

/// El valor, en una línea si cabe y, si no, con cada cosa en la suya.
fn write(value: &Value, shape: Shape, indent: usize) -> String {
    let flat = enclosed(value, shape, None);
    let fits = !flat.contains('\n') && flat.chars().count() + indent <= WIDTH;
    match value {
        Value::Array(_) | Value::Object(_) if !fits => enclosed(value, shape, Some(indent)),
        _ => flat,
    }
}

/// `indent`: el margen de quien lo contiene; sin él, todo va en una línea.
fn enclosed(value: &Value, shape: Shape, indent: Option<usize>) -> String {
    let inner = |value: &Value, shape: Shape| match indent {
        Some(indent) => write(value, shape, indent + 4),
        None => enclosed(value, shape, None),
    };
    let (open, parts, close) = match value {
        Value::Array(items) => {
            let shape = Shape { kind: shape.kind.strip_prefix("[]").unwrap_or(shape.kind), ..shape };
            ('[', items.iter().map(|item| inner(item, shape)).collect::<Vec<_>>(), ']')
        }
        Value::Object(map) if shape.kind.starts_with("map[") => {
            let text = Shape { kind: "string", fields: &[], words: &[] };
            let pair = |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), inner(value, text));
            ('{', map.iter().map(pair).collect(), '}')
        }
        Value::Object(map) => {
            // en el orden en que se explican, que empieza por el nombre
            let known = shape.fields.iter().filter_map(|field| Some((field, map.get(&field.name())?)));
            let pair = |(field, value): (&Field, &Value)| {
                let kind = (field.kind)();
                let shape = Shape { kind: &kind, fields: (field.fields)(), words: (field.values)() };
                format!("{}: {}", field.name(), inner(value, shape))
            };
            ('(', known.map(pair).collect(), ')')
        }
        Value::String(text) if !shape.words.is_empty() => return text.clone(),
        Value::String(text) => return quoted(text),
        other => return other.to_string(),
    };
    let Some(indent) = indent else { return format!("{open}{}{close}", parts.join(", ")) };
    let margin = " ".repeat(indent + 4);
    let lines: String = parts.iter().map(|part| format!("{margin}{part},\n")).collect();
    format!("{open}\n{lines}{}{close}", " ".repeat(indent))
}

/// Un texto entre comillas; si tiene varias líneas y nada raro, crudo: se lee como es.
fn quoted(text: &str) -> String {
    let plain = |c: char| matches!(c, '\n' | '\t') || !is_hidden(c);
    if text.contains('\n') && text.chars().all(plain) {
        let mut hashes = String::new();
        while text.contains(&format!("\"{hashes}")) {
            hashes.push('#');
        }
        return format!("r{hashes}\"{text}\"{hashes}");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => out += &format!("\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}
