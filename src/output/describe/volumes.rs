//! Los volúmenes: de qué clase son y de dónde salen.

use super::{Page, flag, list, text, text_or};
use serde_json::Value;

pub(super) fn describe(page: &mut Page, volumes: &Value) {
    let volumes = list(volumes);
    if volumes.is_empty() {
        return page.line(0, "Volumes:\t<none>");
    }
    page.line(0, "Volumes:");
    for volume in volumes {
        page.line(1, &format!("{}:", text(&volume["name"])));
        match lines(volume) {
            Some(lines) => lines.iter().for_each(|line| page.line(2, line)),
            None => page.line(1, "<unknown>"),
        }
    }
}

/// Las líneas del origen del volumen, o `None` si es de una clase que no se conoce.
fn lines(volume: &Value) -> Option<Vec<String>> {
    let there = |field: &str| Some(&volume[field]).filter(|source| source.is_object());
    Some(if let Some(host) = there("hostPath") {
        vec![
            "Type:\tHostPath (bare host directory volume)".into(),
            format!("Path:\t{}", text(&host["path"])),
            format!("HostPathType:\t{}", host["type"].as_str().unwrap_or("<none>")),
        ]
    } else if let Some(empty) = there("emptyDir") {
        vec![
            "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)".into(),
            format!("Medium:\t{}", text(&empty["medium"])),
            format!("SizeLimit:\t{}", text_or(&empty["sizeLimit"], "<unset>")),
        ]
    } else if let Some(secret) = there("secret") {
        vec![
            "Type:\tSecret (a volume populated by a Secret)".into(),
            format!("SecretName:\t{}", text(&secret["secretName"])),
            format!("Optional:\t{}", flag(&secret["optional"])),
        ]
    } else if let Some(map) = there("configMap") {
        vec![
            "Type:\tConfigMap (a volume populated by a ConfigMap)".into(),
            format!("Name:\t{}", text(&map["name"])),
            format!("Optional:\t{}", flag(&map["optional"])),
        ]
    } else if let Some(claim) = there("persistentVolumeClaim") {
        vec![
            "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
                .into(),
            format!("ClaimName:\t{}", text(&claim["claimName"])),
            format!("ReadOnly:\t{}", flag(&claim["readOnly"])),
        ]
    } else if let Some(downward) = there("downwardAPI") {
        downward_api(downward)
    } else if let Some(projected) = there("projected") {
        projected_sources(projected)
    } else {
        return None;
    })
}

fn downward_api(downward: &Value) -> Vec<String> {
    let mut lines = vec![
        "Type:\tDownwardAPI (a volume populated by information about the pod)".to_string(),
        "Items:".to_string(),
    ];
    for item in list(&downward["items"]) {
        let sources = [&item["fieldRef"]["fieldPath"], &item["resourceFieldRef"]["resource"]];
        for source in sources.into_iter().filter_map(Value::as_str) {
            lines.push(format!("  {source} -> {}", text(&item["path"])));
        }
    }
    lines
}

fn projected_sources(projected: &Value) -> Vec<String> {
    let mut lines =
        vec!["Type:\tProjected (a volume that contains injected data from multiple sources)".to_string()];
    for source in list(&projected["sources"]) {
        let named = [("SecretName", &source["secret"]), ("ConfigMapName", &source["configMap"])];
        if let Some((title, from)) = named.into_iter().find(|(_, from)| from.is_object()) {
            lines.push(format!("{title}:\t{}", text(&from["name"])));
            lines.push(format!("Optional:\t{}", flag(&from["optional"])));
        } else if source["downwardAPI"].is_object() {
            lines.push("DownwardAPI:\ttrue".into());
        } else if let Some(seconds) = source["serviceAccountToken"]["expirationSeconds"].as_i64() {
            lines.push(format!("TokenExpirationSeconds:\t{seconds}"));
        }
    }
    lines
}
