//! La versión 2 de OpenAPI en protobuf (`openapi.v2.Document`, de gnostic): los kubectl viejos, y los
//! nuevos al comprobar antes de enviar, no la piden de otra manera.
//!
//! De un documento solo se escribe lo que kubectl lee: las definiciones y el principio.

use serde_json::{Map, Value};

/// Los campos de los mensajes, por su número.
mod field {
    pub const SWAGGER: u32 = 1;
    pub const INFO: u32 = 2;
    pub const PATHS: u32 = 8;
    pub const DEFINITIONS: u32 = 9;
    pub const TITLE: u32 = 1;
    pub const VERSION: u32 = 2;
    /// El de la lista que hay dentro de Definitions, Properties, TypeItem e ItemsItem.
    pub const EACH: u32 = 1;
    pub const NAME: u32 = 1;
    pub const VALUE: u32 = 2;
    pub const REF: u32 = 1;
    pub const FORMAT: u32 = 2;
    pub const DESCRIPTION: u32 = 4;
    pub const REQUIRED: u32 = 19;
    pub const ENUM: u32 = 20;
    pub const ADDITIONAL: u32 = 21;
    pub const TYPE: u32 = 22;
    pub const ITEMS: u32 = 23;
    pub const PROPERTIES: u32 = 25;
    pub const EXTENSION: u32 = 31;
    pub const YAML: u32 = 2;
}

/// El documento de la versión 2, en protobuf.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, field::SWAGGER, &document["swagger"]);
    let mut info = Vec::new();
    text(&mut info, field::TITLE, &document["info"]["title"]);
    text(&mut info, field::VERSION, &document["info"]["version"]);
    bytes(&mut out, field::INFO, &info);
    bytes(&mut out, field::PATHS, &[]);
    let mut definitions = Vec::new();
    for (name, value) in document["definitions"].as_object().into_iter().flatten() {
        named(&mut definitions, name, &schema(value));
    }
    bytes(&mut out, field::DEFINITIONS, &definitions);
    out
}

fn schema(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, field::REF, &value["$ref"]);
    text(&mut out, field::FORMAT, &value["format"]);
    text(&mut out, field::DESCRIPTION, &value["description"]);
    for name in value["required"].as_array().into_iter().flatten() {
        text(&mut out, field::REQUIRED, name);
    }
    for word in value["enum"].as_array().into_iter().flatten() {
        let mut any = Vec::new();
        bytes(&mut any, field::YAML, word.to_string().as_bytes());
        bytes(&mut out, field::ENUM, &any);
    }
    if value["additionalProperties"].is_object() {
        wrapped(&mut out, field::ADDITIONAL, &schema(&value["additionalProperties"]));
    }
    if let Some(kind) = value["type"].as_str() {
        wrapped(&mut out, field::TYPE, kind.as_bytes());
    }
    if value["items"].is_object() {
        wrapped(&mut out, field::ITEMS, &schema(&value["items"]));
    }
    let empty = Map::new();
    let properties = value["properties"].as_object().unwrap_or(&empty);
    if !properties.is_empty() {
        let mut all = Vec::new();
        for (name, value) in properties {
            named(&mut all, name, &schema(value));
        }
        bytes(&mut out, field::PROPERTIES, &all);
    }
    for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-")) {
        let mut any = Vec::new();
        bytes(&mut any, field::YAML, value.to_string().as_bytes());
        let mut extension = Vec::new();
        bytes(&mut extension, field::NAME, name.as_bytes());
        bytes(&mut extension, field::VALUE, &any);
        bytes(&mut out, field::EXTENSION, &extension);
    }
    out
}

/// Un nombre y su tipo, dentro de una lista de ellos.
fn named(out: &mut Vec<u8>, name: &str, schema: &[u8]) {
    let mut pair = Vec::new();
    bytes(&mut pair, field::NAME, name.as_bytes());
    bytes(&mut pair, field::VALUE, schema);
    bytes(out, field::EACH, &pair);
}

/// Un mensaje con un solo campo dentro.
fn wrapped(out: &mut Vec<u8>, number: u32, inner: &[u8]) {
    let mut message = Vec::new();
    bytes(&mut message, field::EACH, inner);
    bytes(out, number, &message);
}

fn text(out: &mut Vec<u8>, number: u32, value: &Value) {
    if let Some(value) = value.as_str().filter(|text| !text.is_empty()) {
        bytes(out, number, value.as_bytes());
    }
}

/// Un campo de longitud variable: su número, cuánto mide y lo que lleva.
fn bytes(out: &mut Vec<u8>, number: u32, data: &[u8]) {
    varint(out, u64::from(number << 3 | 2));
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn el_protobuf_se_escribe_byte_a_byte_como_dice_su_formato() {
        let document = json!({"swagger": "2.0", "info": {"title": "m", "version": "1"}, "definitions": {
            "P": {"type": "object", "properties": {"n": {"type": "string"}}}}});
        let expected: &[u8] = &[
            0x0a, 3, b'2', b'.', b'0', // swagger
            0x12, 6, 0x0a, 1, b'm', 0x12, 1, b'1', // info
            0x42, 0, // paths
            0x4a, 0x27, 0x0a, 0x25, 0x0a, 1, b'P', 0x12, 0x20, // definitions: P
            0xb2, 1, 8, 0x0a, 6, b'o', b'b', b'j', b'e', b'c', b't', // su tipo
            0xca, 1, 0x12, 0x0a, 0x10, 0x0a, 1, b'n', 0x12, 11, // sus campos: n
            0xb2, 1, 8, 0x0a, 6, b's', b't', b'r', b'i', b'n', b'g', // y su tipo
        ];
        assert_eq!(encode(&document), expected);
        let mut out = Vec::new();
        varint(&mut out, 300);
        assert_eq!(out, [0xac, 2]);
    }
}
