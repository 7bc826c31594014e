//! Qué hay aquí: lo primero que pregunta kubectl, y lo que se guarda para no preguntarlo más.

use super::answer::Problem;
use serde_json::{Value, json};

/// La versión de Kubernetes cuya forma tienen los objetos.
pub const KUBERNETES: (&str, &str) = ("1", "33");

struct Group {
    name: &'static str,
    version: &'static str,
}

const GROUPS: [Group; 2] =
    [Group { name: "events.k8s.io", version: "v1" }, Group { name: "metrics.k8s.io", version: "v1beta1" }];

pub fn version() -> Value {
    let (major, minor) = KUBERNETES;
    json!({
        "major": major, "minor": minor,
        "gitVersion": format!("v{major}.{minor}.0+micropod.{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "compiler": "rustc", "platform": format!("linux/{}", std::env::consts::ARCH),
    })
}

pub fn versions(address: &str) -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"],
           "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]})
}

pub fn groups() -> Value {
    let groups: Vec<Value> = GROUPS.iter().map(group_object).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group_object(group: &Group) -> Value {
    let version =
        json!({"groupVersion": format!("{}/{}", group.name, group.version), "version": group.version});
    json!({"name": group.name, "versions": [version], "preferredVersion": version})
}

pub fn group(name: &str) -> Result<Value, Problem> {
    let found = GROUPS.iter().find(|group| group.name == name);
    let mut object = found.map(group_object).ok_or_else(|| Problem::missing(&format!("el grupo {name}")))?;
    object["kind"] = json!("APIGroup");
    object["apiVersion"] = json!("v1");
    Ok(object)
}

/// Los recursos de un grupo y una versión. `changes`: si se admite crear y borrar.
pub fn resources(group_version: &str, changes: bool) -> Result<Value, Problem> {
    let look = ["get", "list", "watch"];
    let pod_verbs = match changes {
        true => vec!["create", "delete", "get", "list", "patch", "watch"],
        false => look.to_vec(),
    };
    let resources = match group_version {
        "v1" => json!([
            resource(("events", "event"), true, "Event", &["ev"], &look),
            resource(("namespaces", "namespace"), false, "Namespace", &["ns"], &["get", "list"]),
            {"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": pod_verbs,
             "shortNames": ["po"], "categories": ["all"]},
            resource(("pods/log", ""), true, "Pod", &[], &["get"]),
        ]),
        "events.k8s.io/v1" => json!([resource(("events", "event"), true, "Event", &["ev"], &look)]),
        "metrics.k8s.io/v1beta1" => {
            json!([resource(("pods", ""), true, "PodMetrics", &[], &["get", "list"])])
        }
        other => return Err(Problem::missing(&format!("el grupo {other}"))),
    };
    Ok(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
              "resources": resources}))
}

fn resource(names: (&str, &str), namespaced: bool, kind: &str, short: &[&str], verbs: &[&str]) -> Value {
    let mut value = json!({"name": names.0, "singularName": names.1, "namespaced": namespaced, "kind": kind,
                           "verbs": verbs});
    if !short.is_empty() {
        value["shortNames"] = json!(short);
    }
    value
}

/// Un espacio de nombres: aquí son solo una etiqueta más del Pod.
pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
           "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sin_permitir_cambios_no_se_anuncia_ningun_verbo_que_cambie() {
        let verbs = |changes| {
            let list = resources("v1", changes).unwrap();
            let all = list["resources"].as_array().unwrap().clone();
            let each = all.iter().flat_map(|r| r["verbs"].as_array().unwrap().clone());
            each.map(|v| v.as_str().unwrap().to_string()).collect::<Vec<_>>()
        };
        let changing = |verb: &String| matches!(verb.as_str(), "create" | "delete" | "patch" | "update");
        assert!(!verbs(false).iter().any(changing));
        assert!(verbs(true).iter().any(changing));
    }

    #[test]
    fn lo_que_no_hay_se_dice_y_lo_que_se_anuncia_esta() {
        assert_eq!(resources("apps/v1", true).unwrap_err().status, 404);
        assert_eq!(group("apps").unwrap_err().status, 404);
        for group in groups()["groups"].as_array().unwrap() {
            let version = group["preferredVersion"]["groupVersion"].as_str().unwrap();
            assert!(resources(version, false).is_ok(), "{version}");
            assert!(self::group(group["name"].as_str().unwrap()).is_ok());
        }
    }
}
