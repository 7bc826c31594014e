//! Qué cambiaría un parche. Puro: dice qué es distinto, no lo cambia.

use crate::spec::quantity::Quantity;
use crate::spec::types::Pod;
use crate::spec::validation::neutral;
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
        // quitar lo que no está no cambia nada, y decir un mapa o un texto vacíos donde no hay nada, tampoco
        (Value::Null, Value::Null) => {}
        (Value::String(text), Value::Null) if text.is_empty() => {}
        (Value::Object(patch), Value::Null) => compare_maps(patch, &Map::new(), strategic, path, found),
        (patch, current) if patch == current || same_quantity(patch, current, path) => {}
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

/// ¿Es la misma cantidad, escrita de dos maneras? `0.1` y `100m`.
fn same_quantity(patch: &Value, current: &Value, path: &str) -> bool {
    let read = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), String::from);
        Quantity::parse(&text).ok().map(|quantity| quantity.millis_exact())
    };
    let measured =
        [".limits.", ".requests.", ".sizeLimit", ".divisor"].iter().any(|place| path.contains(place));
    measured && read(patch).is_some_and(|wanted| Some(wanted) == read(current))
}

/// ¿Es el camino de un campo del Pod que en una sola máquina no significa nada, o de algo que está en él?
pub fn is_neutral(path: &str) -> bool {
    let field = path.strip_prefix("spec.").and_then(|inside| inside.split(['.', '[']).next());
    field.is_some_and(|field| neutral("PodSpec").contains(&field))
}

/// Le pone al objeto de un Pod lo que se dijo al aplicarlo y aquí no es nada: lo que habla del clúster y lo que
/// está vacío. En Kubernetes estaría, y es con lo que `kubectl apply` compara su fichero.
pub fn restore(mut object: Value) -> Value {
    let applied = last_applied(&object);
    fill(&applied["spec"], &mut object["spec"], "spec");
    object
}

/// Lo que envió el último `kubectl apply`; nada, si el Pod no nació así.
pub fn last_applied(object: &Value) -> Value {
    let text = object["metadata"]["annotations"][LAST_APPLIED].as_str();
    text.and_then(|text| serde_json::from_slice(text.as_bytes()).ok()).unwrap_or_default()
}

fn fill(applied: &Value, object: &mut Value, path: &str) {
    match (applied, object) {
        (Value::Object(applied), Value::Object(object)) => {
            for (key, value) in applied {
                let inner = format!("{path}.{key}");
                match object.get_mut(key) {
                    // la máquina, si está, es esta
                    Some(there) if !is_neutral(&inner) || key == "nodeName" => fill(value, there, &inner),
                    None if !is_neutral(&inner) && !is_empty(value) => {}
                    Some(_) | None => {
                        object.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(applied), Value::Array(object)) => {
            for one in applied {
                let key = MERGE_KEYS.iter().find(|key| one.get(**key).is_some());
                let same = |other: &&mut Value| key.is_some_and(|key| other.get(*key) == one.get(*key));
                if let Some(there) = object.iter_mut().find(same) {
                    fill(one, there, path);
                }
            }
        }
        _ => {}
    }
}

/// ¿No dice nada? Lo nulo no se guarda en ningún sitio.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
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
               "spec": {"containers": [{"name": "c", "image": "nginx", "env": [{"name": "A", "value": "1"}],
                                            "resources": {"limits": {"cpu": "100m", "memory": "1Mi"}}}],
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
            json!({"spec": {"hostname": "", "securityContext": {}}}),
            json!({"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": 0.1, "memory": "1024Ki"}}}]}}),
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
        let more = |what| json!({"spec": {"containers": [{"name": "c", "resources": {"limits": what}}]}});
        assert_eq!(strategic(more(json!({"cpu": "1"}))), ["spec.containers[c].resources.limits.cpu"]);
        // fuera de donde van cantidades, `1` y `1000m` son dos textos
        let env = json!({"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1000m"}]}]}});
        assert_eq!(strategic(env), ["spec.containers[c].env[A].value"]);
    }

    #[test]
    fn el_objeto_lleva_lo_que_se_aplico_y_aqui_no_es_nada_y_nada_mas() {
        let applied = json!({"spec": {
            "nodeSelector": {"disk": "ssd"}, "serviceAccountName": "yo", "nodeName": "otra", "securityContext": {},
            "restartPolicy": "Never", "hostPID": true,
            "containers": [{"name": "c", "image": "otra", "resources": {"limits": {}}, "env": [{"name": "B", "value": ""}],
                            "securityContext": {"privileged": true}, "stdin": null}, {"name": "d", "tty": {}}],
        }});
        let mut object = pod();
        object["spec"]["nodeName"] = json!("esta");
        object["spec"]["serviceAccountName"] = json!("default");
        object["spec"]["containers"][0]["resources"] = json!({});
        let mut expected = object.clone();
        object["metadata"]["annotations"] = json!({LAST_APPLIED: applied.to_string()});
        expected["metadata"]["annotations"] = object["metadata"]["annotations"].clone();
        expected["spec"]["nodeSelector"] = json!({"disk": "ssd"});
        expected["spec"]["serviceAccountName"] = json!("yo");
        expected["spec"]["securityContext"] = json!({});
        expected["spec"]["containers"][0]["resources"] = json!({"limits": {}});
        assert_eq!(restore(object), expected);
        assert_eq!(restore(pod()), pod());
        assert!(is_neutral("spec.tolerations[0].key") && !is_neutral("spec.containers[c].image"));
    }

    #[test]
    fn en_un_parche_que_no_es_estrategico_una_lista_se_sustituye_entera() {
        let patch = json!({"spec": {"containers": [{"name": "c", "image": "nginx"}]}});
        assert_eq!(differences(&patch, &pod(), false), ["spec.containers"]);
    }
}
