//! Qué cambiaría un parche. Puro: dice qué es distinto, no lo cambia.

use crate::spec::types::Pod;
use serde_json::{Map, Value};

/// Donde `kubectl apply` guarda lo que envió la última vez.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Las maneras de decir un parche que se entienden.
pub const KINDS: [&str; 3] = [APPLY, STRATEGIC, MERGE];
/// El objeto entero (`kubectl apply --server-side`).
pub const APPLY: &str = "application/apply-patch+yaml";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const MERGE: &str = "application/merge-patch+json";

/// Por qué campo se reconocen los elementos de una lista en un parche estratégico.
const MERGE_KEYS: [&str; 5] = ["name", "containerPort", "mountPath", "ip", "uid"];

/// Los caminos que un parche dejaría distintos en `current`. `strategic`: las listas se funden por su
/// clave; si no, se sustituyen enteras.
pub fn differences(patch: &Value, current: &Value, strategic: bool) -> Vec<String> {
    let mut found = Vec::new();
    compare(patch, current, strategic, "", &mut found);
    found
}

fn compare(patch: &Value, current: &Value, strategic: bool, path: &str, found: &mut Vec<String>) {
    match (patch, current) {
        (Value::Object(patch), Value::Object(current)) => {
            compare_maps(patch, current, strategic, path, found)
        }
        (Value::Array(patch), Value::Array(current)) if strategic => {
            compare_lists(patch, current, path, found)
        }
        // quitar lo que no está no cambia nada, y decir un mapa vacío donde no hay nada, tampoco
        (Value::Null, Value::Null) => {}
        (Value::Object(patch), Value::Null) => compare_maps(patch, &Map::new(), strategic, path, found),
        (patch, current) if patch == current => {}
        _ => found.push(if path.is_empty() { ".".into() } else { path.to_string() }),
    }
}

fn compare_maps(
    patch: &Map<String, Value>,
    current: &Map<String, Value>,
    strategic: bool,
    path: &str,
    found: &mut Vec<String>,
) {
    for (key, value) in patch {
        // instrucciones sobre el orden y sobre lo que se conserva: de lo que ya está, nada cambian
        if strategic && (key.starts_with("$setElementOrder/") || key == "$retainKeys") {
            continue;
        }
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        // la lleva cada `kubectl apply`: la de un Pod que no nació así no se puede guardar
        if inner == format!("metadata.annotations.{LAST_APPLIED}") {
            continue;
        }
        compare(value, current.get(key).unwrap_or(&Value::Null), strategic, &inner, found);
    }
}

fn compare_lists(patch: &[Value], current: &[Value], path: &str, found: &mut Vec<String>) {
    for (i, wanted) in patch.iter().enumerate() {
        let key = MERGE_KEYS.iter().find(|key| wanted.get(**key).is_some());
        let same = |one: &&Value| match key {
            Some(key) => one.get(*key) == wanted.get(*key),
            None => *one == wanted,
        };
        let label =
            key.and_then(|key| wanted[*key].as_str().map(String::from)).unwrap_or_else(|| i.to_string());
        let inner = format!("{path}[{label}]");
        let deletes = wanted.get("$patch").is_some_and(|order| order == "delete");
        match current.iter().find(same) {
            None if deletes => {}
            Some(one) if !deletes => compare(wanted, one, true, &inner, found),
            _ => found.push(inner),
        }
    }
}

/// El Pod sin lo que escribe `kubectl` para sí.
pub fn bare(pod: &Pod) -> Pod {
    let mut pod = pod.clone();
    pod.metadata.annotations.remove(LAST_APPLIED);
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({"metadata": {"name": "web", "labels": {"app": "web"}},
               "spec": {"containers": [{"name": "c", "image": "nginx", "env": [{"name": "A", "value": "1"}]}],
                        "restartPolicy": "Always"}})
    }

    fn strategic(patch: Value) -> Vec<String> {
        differences(&patch, &pod(), true)
    }

    #[test]
    fn un_parche_que_dice_lo_que_hay_no_cambia_nada() {
        for same in [
            json!({}),
            json!({"spec": {"containers": [{"name": "c", "image": "nginx"}]}}),
            json!({"spec": {"$setElementOrder/containers": [{"name": "c"}], "restartPolicy": "Always"}}),
            json!({"metadata": {"annotations": {LAST_APPLIED: "{}"}}}),
            json!({"metadata": {"labels": {"otra": null}}}),
            json!({"spec": {"containers": [{"name": "otro", "$patch": "delete"}]}}),
        ] {
            assert_eq!(strategic(same.clone()), Vec::<String>::new(), "{same}");
        }
    }

    #[test]
    fn lo_que_cambiaria_se_dice_por_su_camino() {
        let image = json!({"spec": {"containers": [{"name": "c", "image": "otra"}]}});
        assert_eq!(strategic(image), ["spec.containers[c].image"]);
        assert_eq!(
            strategic(json!({"spec": {"containers": [{"name": "d", "image": "x"}]}})),
            ["spec.containers[d]"]
        );
        assert_eq!(
            strategic(json!({"spec": {"containers": [{"name": "c", "$patch": "delete"}]}})),
            ["spec.containers[c]"]
        );
        assert_eq!(
            strategic(json!({"metadata": {"labels": {"app": null, "n": "1"}}})),
            ["metadata.labels.app", "metadata.labels.n"]
        );
        assert_eq!(strategic(json!({"metadata": {"annotations": {"x": "1"}}})), ["metadata.annotations.x"]);
        assert_eq!(strategic(json!({"metadata": null})), ["metadata"]);
    }

    #[test]
    fn en_un_parche_que_no_es_estrategico_una_lista_se_sustituye_entera() {
        let patch = json!({"spec": {"containers": [{"name": "c", "image": "nginx"}]}});
        assert_eq!(differences(&patch, &pod(), false), ["spec.containers"]);
    }
}
