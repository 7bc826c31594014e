//! ConfigMaps y Secrets: claves que valen como nombre de fichero, y base64 bien escrito.

use super::{Broken, Checks, names};
use crate::spec::base64;
use crate::spec::errors::visible;
use crate::spec::types::{ConfigMap, Secret};
use std::collections::BTreeMap;

pub fn config_map(map: &ConfigMap) -> Vec<Broken> {
    let mut checks = Checks::default();
    names::metadata(&mut checks, &map.metadata, "el nombre del ConfigMap");
    keys(&mut checks, "data", &map.data);
    keys(&mut checks, "binaryData", &map.binary_data);
    for key in map.binary_data.keys().filter(|key| map.data.contains_key(*key)) {
        let problem = format!("la clave `{}` está también en `data`", visible(key, 63));
        checks.add("MP0182", format!("binaryData[\"{key}\"]"), problem, "deja una de las dos");
        checks.on_key();
    }
    for (key, value) in &map.binary_data {
        encoded(&mut checks, &format!("binaryData[\"{key}\"]"), key, value);
    }
    checks.broken
}

pub fn secret(secret: &Secret) -> Vec<Broken> {
    let mut checks = Checks::default();
    names::metadata(&mut checks, &secret.metadata, "el nombre del Secret");
    keys(&mut checks, "data", &secret.data);
    keys(&mut checks, "stringData", &secret.string_data);
    for (key, value) in &secret.data {
        encoded(&mut checks, &format!("data[\"{key}\"]"), key, value.reveal());
    }
    required_keys(&mut checks, secret);
    checks.broken
}

/// Una clave puede acabar siendo el nombre de un fichero.
fn keys<T>(checks: &mut Checks, field: &str, data: &BTreeMap<String, T>) {
    for name in data.keys() {
        let before = checks.broken.len();
        key(checks, &format!("{field}[\"{name}\"]"), name);
        if checks.broken.len() > before {
            checks.on_key();
        }
    }
}

pub fn key(checks: &mut Checks, path: &str, key: &str) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fault = if key.is_empty() {
        "está vacía".to_string()
    } else if key.len() > 253 {
        "tiene más de 253 caracteres".to_string()
    } else if let Some(c) = key.chars().find(|&c| !allowed(c)) {
        match c {
            '/' => "lleva `/`, y una clave no es una ruta".to_string(),
            c if c.is_whitespace() => "lleva espacios".to_string(),
            c => format!("lleva `{}`", visible(&c.to_string(), 1)),
        }
    } else if key == "." || key.starts_with("..") {
        "empieza por `..`, que micropod usa por dentro".to_string()
    } else {
        return;
    };
    let problem = format!("la clave `{}` no vale: {fault}", visible(key, 63));
    let hint = "letras, cifras, `-`, `_` y `.`; para ponerla en un subdirectorio usa `items` en el volumen";
    checks.add("MP0182", path, problem, hint);
}

fn encoded(checks: &mut Checks, path: &str, key: &str, value: &str) {
    let Err(fault) = base64::decode(value) else { return };
    let problem = format!("el valor de `{}` no está en base64: {fault}", visible(key, 63));
    let hint = match path.starts_with("data") {
        true => {
            "si lo has escrito sin codificar, ponlo en `stringData`; si no, `printf %s VALOR | base64 -w0`"
        }
        false => "se hace con `base64 -w0 FICHERO`; si es texto, ponlo en `data`",
    };
    checks.add("MP0183", path, problem, hint);
}

/// Los tipos de Secret de Kubernetes que exigen claves: todas, o al menos una.
fn required_keys(checks: &mut Checks, secret: &Secret) {
    let kind = secret.r#type.as_deref().unwrap_or("Opaque");
    let (keys, all): (&[&str], bool) = match kind {
        "kubernetes.io/tls" => (&["tls.crt", "tls.key"], true),
        "kubernetes.io/basic-auth" => (&["username", "password"], false),
        "kubernetes.io/ssh-auth" => (&["ssh-privatekey"], true),
        "kubernetes.io/dockerconfigjson" => (&[".dockerconfigjson"], true),
        "kubernetes.io/dockercfg" => (&[".dockercfg"], true),
        _ => return,
    };
    let has = |key: &&&str| secret.data.contains_key(**key) || secret.string_data.contains_key(**key);
    let present = keys.iter().filter(has).count();
    if present == keys.len() || !all && present > 0 {
        return;
    }
    let names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    let (need, joint) =
        if all { ("necesita", " y ") } else { ("necesita al menos una de las claves", " o ") };
    let problem = format!("un Secret de tipo `{kind}` {need} {}", names.join(joint));
    checks.add(
        "MP0184",
        "type",
        problem,
        "añádelas en `stringData`, o quita `type` si es un Secret cualquiera",
    );
}
