//! Las variables de entorno: su valor, o de dónde saldrá. El de un Secret no se enseña nunca.

use super::{Page, flag, list, text, text_or};
use crate::spec::quantity::Quantity;
use serde_json::Value;

pub(super) fn describe(page: &mut Page, spec: &Value, pod: &Value) {
    let from = list(&spec["envFrom"]);
    if !from.is_empty() {
        page.line(2, "Environment Variables from:");
        from.iter().for_each(|source| everything_of(page, source));
    }
    let env = list(&spec["env"]);
    page.line(2, if env.is_empty() { "Environment:\t<none>" } else { "Environment:" });
    for variable in env {
        let name = text(&variable["name"]);
        let from = &variable["valueFrom"];
        if from.is_object() {
            referred(page, name, from, spec, pod);
            continue;
        }
        for (i, line) in text(&variable["value"]).split('\n').enumerate() {
            let title = if i == 0 { format!("{name}:") } else { String::new() };
            page.line(3, &format!("{title}\t{line}"));
        }
    }
}

fn everything_of(page: &mut Page, source: &Value) {
    let (kind, reference) = match &source["configMapRef"] {
        Value::Null => ("Secret", &source["secretRef"]),
        map => ("ConfigMap", map),
    };
    let prefix = match text(&source["prefix"]) {
        "" => String::new(),
        prefix => format!(" with prefix '{prefix}'"),
    };
    let optional = flag(&reference["optional"]);
    page.line(3, &format!("{}\t{kind}{prefix}\tOptional: {optional}", text(&reference["name"])));
}

fn referred(page: &mut Page, name: &str, from: &Value, spec: &Value, pod: &Value) {
    let key = |kind: &str, what: &str, reference: &Value| {
        format!(
            "{name}:\t<set to the key '{}' {what} {kind} '{}'>\tOptional: {}",
            text(&reference["key"]),
            text(&reference["name"]),
            flag(&reference["optional"])
        )
    };
    let line = if from["fieldRef"].is_object() {
        let path = text(&from["fieldRef"]["fieldPath"]);
        let version = text_or(&from["fieldRef"]["apiVersion"], "v1");
        format!("{name}:\t{} ({version}:{path})", field(pod, path))
    } else if from["resourceFieldRef"].is_object() {
        let reference = &from["resourceFieldRef"];
        format!("{name}:\t{} ({})", resource(reference, spec), text(&reference["resource"]))
    } else if from["secretKeyRef"].is_object() {
        key("secret", "in", &from["secretKeyRef"])
    } else if from["configMapKeyRef"].is_object() {
        key("config map", "of", &from["configMapKeyRef"])
    } else {
        return;
    };
    page.line(3, &line);
}

/// El valor de un campo del Pod. kubectl solo rellena estos dos.
fn field<'a>(pod: &'a Value, path: &str) -> &'a str {
    match path {
        "metadata.name" => text(&pod["metadata"]["name"]),
        "metadata.namespace" => text(&pod["metadata"]["namespace"]),
        _ => "",
    }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

/// `limits.cpu` del contenedor, en unidades de `divisor` y hacia arriba.
fn resource(reference: &Value, spec: &Value) -> String {
    let name = text(&reference["resource"]);
    let found = spec["resources"].pointer(&pointer(name)).map_or("0", text);
    let amount = |text: &str| Quantity::parse(text).map(|q| q.millis_exact()).unwrap_or(0);
    let one = if reference["divisor"].is_string() { amount(text(&reference["divisor"])) } else { 0 };
    let value = amount(found).div_ceil(if one == 0 { 1000 } else { one });
    match (value, name) {
        (0, "limits.cpu" | "limits.memory") => "node allocatable".into(),
        (value, _) => value.to_string(),
    }
}
