//! Los tipos de los objetos, para `kubectl explain` y para quien comprueba antes de enviar.
//!
//! Salen de la misma descripción que `micropod explain`: los comentarios de los tipos de Rust. En JSON,
//! y en la versión 2 también en protobuf, que es como la piden los kubectl más viejos.

use crate::spec::kubernetes_fields;
use crate::spec::objects::{self, Kind};
use crate::spec::schema::{Described, Field};
use crate::spec::types::ObjectMeta;
use crate::spec::validation::neutral;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Cómo se nombra un tipo desde otro.
#[derive(Clone, Copy, PartialEq)]
pub enum Version {
    Two,
    Three,
}

const CORE: &str = "io.k8s.api.core.v1.";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/// Lo que pone en los metadatos quien sirve, y nadie escribe.
const SERVED_METADATA: [(&str, &str); 7] = [
    ("creationTimestamp", "Cuándo se creó."),
    ("deletionGracePeriodSeconds", "Segundos que se le dan para acabar."),
    ("deletionTimestamp", "Cuándo acabará como muy tarde, si se ha pedido que acabe."),
    ("generateName", "No se usa: un Pod de micropod tiene el nombre que se le da."),
    ("resourceVersion", "La revisión en la que cambió por última vez."),
    ("selfLink", "No se usa."),
    ("uid", "El identificador de este Pod y de ningún otro."),
];

/// Las listas que `kubectl apply` funde elemento a elemento, y por qué campo los reconoce.
const MERGED_LISTS: [(&str, &str); 8] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("imagePullSecrets", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("hostAliases", "ip"),
];

/// El índice de la versión 3.
pub fn index() -> Value {
    json!({"paths": {"api/v1": {"serverRelativeURL": format!("/openapi/v3/api/v1?hash={}", env!("CARGO_PKG_VERSION"))}}})
}

/// El documento de la versión 3 de `v1`.
pub fn three(changes: bool) -> Value {
    json!({
        "openapi": "3.0.0", "info": info(), "paths": paths(Version::Three, changes),
        "components": {"schemas": definitions(Version::Three)},
    })
}

/// El de la versión 2, que es uno para todo.
pub fn two() -> Value {
    json!({"swagger": "2.0", "info": info(), "paths": paths(Version::Two, false),
           "definitions": definitions(Version::Two)})
}

fn info() -> Value {
    json!({"title": "micropod", "version": format!("v{}", env!("CARGO_PKG_VERSION"))})
}

fn group_version_kind() -> Value {
    json!({"group": "", "version": "v1", "kind": "Pod"})
}

/// Las rutas de un Pod: por ellas sabe kubectl qué tipo es, y si el servidor comprueba los campos él mismo.
fn paths(version: Version, changes: bool) -> Value {
    let one = reference(version, &format!("{CORE}Pod"));
    let parameter = |name: &str| match version {
        Version::Two => json!({"name": name, "in": "query", "type": "string"}),
        Version::Three => json!({"name": name, "in": "query", "schema": {"type": "string"}}),
    };
    let operation = |action: &str, parameters: &[&str]| {
        let answer = match version {
            Version::Two => json!({"description": "OK", "schema": one}),
            Version::Three => json!({"description": "OK", "content": {"application/json": {"schema": one}}}),
        };
        json!({
            "operationId": format!("{action}CoreV1NamespacedPod"),
            "parameters": parameters.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
            "responses": {"200": answer},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": group_version_kind(),
        })
    };
    let checked = ["dryRun", "fieldManager", "fieldValidation"];
    let mut all = json!({"get": operation("list", &["fieldSelector", "labelSelector", "watch"])});
    let mut single = json!({"get": operation("get", &[])});
    if changes {
        all["post"] = operation("post", &checked);
        single["patch"] = operation("patch", &checked);
        let kinds = super::patch::KINDS.iter().map(|kind| (kind.to_string(), json!({})));
        single["patch"]["requestBody"] = json!({"content": Map::from_iter(kinds)});
        single["delete"] = operation("delete", &["gracePeriodSeconds"]);
    }
    json!({"/api/v1/namespaces/{namespace}/pods": all, "/api/v1/namespaces/{namespace}/pods/{name}": single})
}

/// Todos los tipos que hay dentro de un Pod, por su nombre.
fn definitions(version: Version) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    all.insert(QUANTITY.to_string(), json!({"type": "string", "description": "Una cantidad: 500m, 64Mi."}));
    let either = "Un número entero o un texto.";
    all.insert(
        INT_OR_STRING.to_string(),
        json!({"type": "string", "format": "int-or-string", "description": either}),
    );
    if let Some(pod) = objects::kind("Pod") {
        root(version, pod, &mut all);
    }
    all
}

fn root(version: Version, kind: &Kind, all: &mut BTreeMap<String, Value>) {
    let mut schema = structure(version, (kind.fields)(), (kind.doc)(), all);
    let text = |doc: &str| json!({"type": "string", "description": doc});
    schema["properties"]["apiVersion"] = text("El grupo y la versión de esta clase de objetos: v1.");
    schema["properties"]["kind"] = text("La clase del objeto: Pod.");
    schema["properties"]["status"] =
        json!({"type": "object", "description": "Cómo está. Lo escribe micropod."});
    // `kubectl` acepta los objetos con todo lo que él mismo enseña
    let metadata = named("ObjectMeta");
    if let Some(properties) = all.get_mut(&metadata).and_then(|meta| meta["properties"].as_object_mut()) {
        for (name, doc) in SERVED_METADATA {
            let kind = if name.ends_with("Seconds") { "integer" } else { "string" };
            properties.insert(name.into(), json!({"type": kind, "description": doc}));
        }
        for name in ["managedFields", "ownerReferences"] {
            let schema =
                json!({"type": "array", "items": {"type": "object"}, "description": "Lo pone micropod."});
            properties.insert(name.into(), schema);
        }
    }
    if let Some(properties) =
        all.get_mut(&named("PodSpec")).and_then(|spec| spec["properties"].as_object_mut())
    {
        for name in neutral("PodSpec") {
            let doc = "En una sola máquina no significa nada: se acepta, y se dice.";
            properties.entry(*name).or_insert(json!({"description": doc}));
        }
    }
    schema["x-kubernetes-group-version-kind"] = json!([group_version_kind()]);
    all.insert(named(kind.name), schema);
}

fn structure(version: Version, fields: &[Field], doc: &str, all: &mut BTreeMap<String, Value>) -> Value {
    let mut properties = Map::new();
    for field in fields {
        properties.insert(field.name(), property(version, field, all));
    }
    let required: Vec<String> = fields.iter().filter(|f| f.required).map(Field::name).collect();
    let mut schema = json!({"type": "object", "description": doc, "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(version: Version, field: &Field, all: &mut BTreeMap<String, Value>) -> Value {
    let kind = (field.kind)();
    let mut schema = typed(version, &kind, field, all);
    if schema.get("$ref").is_some() && version == Version::Three {
        // en la versión 3, junto a un $ref no puede ir nada
        schema = json!({"allOf": [schema]});
    }
    schema["description"] = json!(field.doc());
    if let Some((_, key)) =
        MERGED_LISTS.iter().find(|(name, _)| *name == field.name() && kind.starts_with("[]"))
    {
        schema["x-kubernetes-patch-merge-key"] = json!(key);
        schema["x-kubernetes-patch-strategy"] = json!("merge");
    }
    let values = (field.values)();
    if !values.is_empty() {
        let mut values = values.to_vec();
        crate::order::sort(&mut values);
        let place = if kind.starts_with("[]") { &mut schema["items"] } else { &mut schema };
        place["enum"] = json!(values);
    }
    schema
}

fn typed(version: Version, kind: &str, field: &Field, all: &mut BTreeMap<String, Value>) -> Value {
    if let Some(element) = kind.strip_prefix("[]") {
        return json!({"type": "array", "items": typed(version, element, field, all)});
    }
    if let Some(element) = kind.strip_prefix("map[string]") {
        return json!({"type": "object", "additionalProperties": typed(version, element, field, all)});
    }
    match kind {
        "string" => json!({"type": "string"}),
        "boolean" => json!({"type": "boolean"}),
        "integer" => json!({"type": "integer", "format": "int64"}),
        "Quantity" => reference(version, QUANTITY),
        "IntOrString" => reference(version, INT_OR_STRING),
        // en Kubernetes es un mapa: micropod documenta las claves que admite
        "ResourceList" => json!({"type": "object", "additionalProperties": reference(version, QUANTITY)}),
        kind => {
            let name = named(kind);
            if !all.contains_key(&name) {
                // antes que sus campos: un tipo puede llevar a sí mismo
                all.insert(name.clone(), Value::Null);
                let schema = structure(version, (field.fields)(), (field.type_doc)(), all);
                all.insert(name.clone(), schema);
            }
            reference(version, &name)
        }
    }
}

/// El nombre largo que da Kubernetes al tipo que micropod llama `kind`.
fn named(kind: &str) -> String {
    let short = kubernetes_fields::of(kind).map_or(kind, |known| known.name);
    let home = if kind == ObjectMeta::kind() { META } else { CORE };
    format!("{home}{short}")
}

fn reference(version: Version, name: &str) -> Value {
    let home = match version {
        Version::Two => "#/definitions",
        Version::Three => "#/components/schemas",
    };
    json!({"$ref": format!("{home}/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cada `$ref` de `value` lleva a un tipo que está.
    fn references(value: &Value, prefix: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    match inner.as_str().and_then(|text| text.strip_prefix(prefix)) {
                        Some(name) if key == "$ref" => found.push(name.trim_start_matches('/').to_string()),
                        _ => references(inner, prefix, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, prefix, found)),
            _ => {}
        }
    }

    #[test]
    fn cada_tipo_del_que_se_habla_esta_y_ninguno_se_queda_a_medias() {
        for (version, document, place, prefix) in [
            (Version::Two, two(), "/definitions", "#/definitions"),
            (Version::Three, three(true), "/components/schemas", "#/components/schemas"),
        ] {
            let all = definitions(version);
            let mut found = Vec::new();
            references(&document, prefix, &mut found);
            assert!(found.len() > 50, "{}", found.len());
            for name in found {
                assert!(all.get(&name).is_some_and(Value::is_object), "{name}");
                assert!(document.pointer(place).unwrap().get(&name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn los_campos_y_sus_textos_son_los_de_micropod_explain() {
        let all = definitions(Version::Three);
        let container = &all["io.k8s.api.core.v1.Container"];
        assert_eq!(container["required"], json!(["name", "image"]));
        let probe = &container["properties"]["livenessProbe"];
        assert_eq!(probe["allOf"][0]["$ref"], "#/components/schemas/io.k8s.api.core.v1.Probe");
        let policy = &all["io.k8s.api.core.v1.PodSpec"]["properties"]["restartPolicy"];
        assert_eq!(policy["enum"], json!(["Always", "Never", "OnFailure"]));
        assert!(policy["description"].as_str().unwrap().contains("Always (siempre)"));
        let requirements = &all["io.k8s.api.core.v1.ResourceRequirements"]["properties"]["limits"];
        assert_eq!(requirements["type"], "object");
        // sin saber por qué campo se reconocen, `kubectl apply` enviaría siempre las listas enteras
        let containers = &all["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        assert!(all["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"].get("uid").is_some());
    }

    #[test]
    fn dos_tipos_de_rust_con_el_mismo_nombre_en_kubernetes_tienen_los_mismos_campos() {
        fn visit(fields: &'static [Field], known: &mut BTreeMap<String, Vec<String>>) {
            for field in fields {
                let kind = (field.kind)().trim_start_matches("[]").to_string();
                let inner = (field.fields)();
                if inner.is_empty() || kind == "ResourceList" {
                    continue;
                }
                let names: Vec<String> = inner.iter().map(Field::name).collect();
                let same = known.entry(named(&kind)).or_insert_with(|| names.clone());
                assert_eq!(*same, names, "{kind}");
                visit(inner, known);
            }
        }
        visit((objects::kind("Pod").unwrap().fields)(), &mut BTreeMap::new());
    }

    #[test]
    fn sin_permitir_cambios_no_se_dice_que_se_comprueben() {
        let validates = |document: Value| document.to_string().contains("fieldValidation");
        assert!(validates(three(true)) && !validates(three(false)));
    }
}
