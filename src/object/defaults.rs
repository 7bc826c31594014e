//! Los valores que Kubernetes pone cuando nadie los dice, escritos en el objeto.

use super::quantity;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Rellena lo que falta en `spec`. `base`: el directorio del que salió el fichero del Pod.
pub fn apply(spec: &mut Value, base: &Path) {
    let Some(map) = spec.as_object_mut() else { return };
    put(map, "restartPolicy", json!("Always"));
    put(map, "terminationGracePeriodSeconds", json!(30));
    put(map, "dnsPolicy", json!("ClusterFirst"));
    put(map, "schedulerName", json!("default-scheduler"));
    put(map, "serviceAccountName", json!("default"));
    put(map, "securityContext", json!({}));
    if let Some(resources) = map.get_mut("resources") {
        complete_resources(resources);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(map.get_mut(list), container);
    }
    each(map.get_mut("volumes"), |volume| self::volume(volume, base));
}

fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    map.entry(key).or_insert(value);
}

/// Lo mismo con cada objeto de una lista.
fn each(list: Option<&mut Value>, mut change: impl FnMut(&mut Map<String, Value>)) {
    let items = list.and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut change);
}

fn container(map: &mut Map<String, Value>) {
    put(map, "resources", json!({}));
    put(map, "imagePullPolicy", json!("IfNotPresent"));
    put(map, "terminationMessagePath", json!("/dev/termination-log"));
    put(map, "terminationMessagePolicy", json!("File"));
    each(map.get_mut("ports"), |port| put(port, "protocol", json!("TCP")));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = map.get_mut(probe).and_then(Value::as_object_mut) {
            self::probe(probe);
        }
    }
    for hook in ["postStart", "preStop"] {
        let hook = map.get_mut("lifecycle").and_then(|lifecycle| lifecycle.get_mut(hook));
        if let Some(hook) = hook.and_then(Value::as_object_mut) {
            page(hook);
        }
    }
    each(map.get_mut("env"), |variable| {
        let from = variable.get_mut("valueFrom");
        if let Some(field) = from.and_then(|from| from.get_mut("fieldRef")).and_then(Value::as_object_mut) {
            put(field, "apiVersion", json!("v1"));
        }
    });
    if let Some(resources) = map.get_mut("resources") {
        complete_resources(resources);
    }
}

/// Cero también es «lo predeterminado», salvo en la espera inicial.
fn probe(map: &mut Map<String, Value>) {
    for (field, default) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if map.get(field).and_then(Value::as_i64).unwrap_or(0) == 0 {
            map.insert(field.into(), json!(default));
        }
    }
    page(map);
    if let Some(grpc) = map.get_mut("grpc").and_then(Value::as_object_mut) {
        put(grpc, "service", json!(""));
    }
}

fn page(map: &mut Map<String, Value>) {
    if let Some(get) = map.get_mut("httpGet").and_then(Value::as_object_mut) {
        put(get, "path", json!("/"));
        put(get, "scheme", json!("HTTP"));
    }
}

/// Lo que tiene límite y no petición pide su límite. Las cantidades, en su forma más corta.
fn complete_resources(resources: &mut Value) {
    let Some(map) = resources.as_object_mut() else { return };
    if let Some(limits) = map.get("limits").and_then(Value::as_object).cloned() {
        let requests = map.entry("requests").or_insert(json!({}));
        for (name, limit) in limits {
            // `pids` solo tiene límite
            if let (Some(requests), true) = (requests.as_object_mut(), name != "pids") {
                requests.entry(name).or_insert(limit);
            }
        }
        if requests.as_object().is_some_and(Map::is_empty) {
            map.remove("requests");
        }
    }
    for list in ["limits", "requests"] {
        for (_, quantity) in map.get_mut(list).and_then(Value::as_object_mut).into_iter().flatten() {
            canonical(quantity);
        }
    }
}

fn canonical(quantity: &mut Value) {
    if let Some(text) = quantity.as_str() {
        *quantity = json!(quantity::canonical(text));
    }
}

fn volume(map: &mut Map<String, Value>, base: &Path) {
    if map.len() == 1 {
        // sin origen, es un emptyDir
        put(map, "emptyDir", json!({}));
    }
    if let Some(host) = map.get_mut("hostPath").and_then(Value::as_object_mut) {
        put(host, "type", json!(""));
        if let Some(path) = host.get("path").and_then(Value::as_str) {
            // micropod admite rutas relativas al fichero del Pod; Kubernetes, no
            let absolute = base.join(path).display().to_string();
            host.insert("path".into(), json!(absolute));
        }
    }
    if let Some(size) = map.get_mut("emptyDir").and_then(|empty| empty.get_mut("sizeLimit")) {
        canonical(size);
    }
    for source in ["configMap", "secret", "downwardAPI", "projected"] {
        if let Some(source) = map.get_mut(source).and_then(Value::as_object_mut) {
            put(source, "defaultMode", json!(0o644));
        }
    }
}
