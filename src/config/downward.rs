//! Lo que un contenedor puede saber de su Pod sin preguntar a nadie («API descendente»): nombre,
//! etiquetas, IP, límites.

use crate::cgroup;
use crate::spec::quantity::Quantity;
use crate::spec::types::{Container, PodSpec, ResourceFieldSelector, ResourceRequirements};
use std::collections::BTreeMap;

/// Los campos que se pueden pedir en una variable y en un fichero.
pub const FIELDS: [&str; 3] = ["metadata.name", "metadata.namespace", "metadata.uid"];
/// Los que solo en una variable: cambiarían, y un fichero tendría que cambiar con ellos.
pub const ENV_FIELDS: [&str; 6] = [
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Los mapas: en un fichero, enteros; y en los dos sitios, una clave suya: `metadata.labels['app']`.
pub const MAPS: [&str; 2] = ["metadata.labels", "metadata.annotations"];
/// Los recursos que se pueden pedir.
pub const RESOURCES: [&str; 4] = ["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];

/// La cuenta de servicio de todos los Pods: aquí no hay otras.
pub const SERVICE_ACCOUNT: &str = "default";

/// Lo que se sabe del Pod cuando va a arrancar.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub node_name: String,
    pub host_ip: String,
    pub pod_ip: String,
    pub node: Node,
}

/// Lo que tiene la máquina: vale por el límite que un contenedor no ponga.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    /// Milésimas de CPU.
    pub cpu: u64,
    /// Bytes.
    pub memory: u64,
}

impl Node {
    pub fn this() -> Node {
        Node { cpu: cgroup::node_cpus() * 1000, memory: cgroup::node_memory() }
    }
}

/// `metadata.labels['app']` → (`metadata.labels`, Some(`app`)).
pub fn subscript(path: &str) -> (&str, Option<&str>) {
    let split = path.strip_suffix("']").and_then(|rest| rest.split_once("['"));
    split.map_or((path, None), |(map, key)| (map, Some(key)))
}

// ANCHOR: field
/// El valor del campo `path`; `None` si no hay ninguno que se llame así.
pub fn field(facts: &Facts, path: &str) -> Option<String> {
    let (map, key) = subscript(path);
    Some(match (map, key) {
        ("metadata.name", None) => facts.name.clone(),
        ("metadata.namespace", None) => facts.namespace.clone(),
        ("metadata.uid", None) => facts.uid.clone(),
        ("metadata.labels", None) => lines(&facts.labels),
        ("metadata.annotations", None) => lines(&facts.annotations),
        ("metadata.labels", Some(key)) => facts.labels.get(key).cloned().unwrap_or_default(),
        ("metadata.annotations", Some(key)) => facts.annotations.get(key).cloned().unwrap_or_default(),
        ("spec.nodeName", None) => facts.node_name.clone(),
        ("spec.serviceAccountName", None) => SERVICE_ACCOUNT.to_string(),
        ("status.hostIP" | "status.hostIPs", None) => facts.host_ip.clone(),
        ("status.podIP" | "status.podIPs", None) => facts.pod_ip.clone(),
        _ => return None,
    })
}
// ANCHOR_END: field

/// Un mapa en un fichero: una línea `clave="valor"` por entrada, en orden alfabético.
fn lines(map: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = map.iter().map(|(key, value)| format!("{key}={}", quoted(value))).collect();
    lines.join("\n")
}

/// Entre comillas, con los caracteres de control escritos como en el lenguaje C.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() && (c as u32) < 0x80 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

// ANCHOR: resource
/// Lo que vale un recurso, dividido y redondeado hacia arriba: 250m de CPU entre 1 es 1.
pub fn resource(
    spec: &PodSpec,
    container: &Container,
    wanted: &ResourceFieldSelector,
    node: Node,
) -> Option<u64> {
    let own = &container.resources;
    let (value, unit) = match wanted.resource.as_str() {
        "limits.cpu" => (limit(own, spec, node.cpu, true), millis as fn(&Quantity) -> u64),
        "limits.memory" => (limit(own, spec, node.memory, false), Quantity::units as _),
        // sin solicitud, Kubernetes pone la del límite; sin ninguno de los dos, no se pide nada
        "requests.cpu" => {
            (own.requests.cpu.as_ref().or(own.limits.cpu.as_ref()).map_or(0, millis), millis as _)
        }
        "requests.memory" => {
            let asked = own.requests.memory.as_ref().or(own.limits.memory.as_ref());
            (asked.map_or(0, Quantity::units), Quantity::units as _)
        }
        _ => return None,
    };
    let one = if wanted.resource.ends_with("cpu") { 1000 } else { 1 };
    let divisor = wanted.divisor.as_ref().map(unit).filter(|d| *d > 0).unwrap_or(one);
    Some(value.div_ceil(divisor))
}
// ANCHOR_END: resource

fn millis(quantity: &Quantity) -> u64 {
    quantity.millis()
}

/// El límite del contenedor; si no lo tiene, el del Pod; y si tampoco, lo que haya en la máquina.
fn limit(own: &ResourceRequirements, spec: &PodSpec, node: u64, cpu: bool) -> u64 {
    let of = |r: &ResourceRequirements| match cpu {
        true => r.limits.cpu.as_ref().map(millis),
        false => r.limits.memory.as_ref().map(Quantity::units),
    };
    [of(own), of(&spec.resources)].into_iter().flatten().find(|value| *value > 0).unwrap_or(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::types::ResourceList;

    fn facts() -> Facts {
        let map =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Facts {
            namespace: "default".into(),
            name: "web".into(),
            uid: "u-1".into(),
            labels: map(&[("zona", "norte"), ("app", "a\"b")]),
            annotations: map(&[("nota", "dos\nlíneas\u{1}")]),
            node_name: "aula".into(),
            host_ip: "10.244.0.1".into(),
            pod_ip: "10.244.0.7".into(),
            node: Node { cpu: 4000, memory: 8 << 30 },
        }
    }

    #[test]
    fn cada_campo_del_pod_se_lee_por_su_camino() {
        let facts = facts();
        for (path, value) in [
            ("metadata.name", "web"),
            ("metadata.namespace", "default"),
            ("metadata.uid", "u-1"),
            ("metadata.labels['zona']", "norte"),
            ("metadata.labels['falta']", ""),
            ("metadata.annotations['nota']", "dos\nlíneas\u{1}"),
            ("metadata.labels", "app=\"a\\\"b\"\nzona=\"norte\""),
            ("metadata.annotations", "nota=\"dos\\nlíneas\\x01\""),
            ("spec.nodeName", "aula"),
            ("spec.serviceAccountName", "default"),
            ("status.hostIP", "10.244.0.1"),
            ("status.hostIPs", "10.244.0.1"),
            ("status.podIP", "10.244.0.7"),
            ("status.podIPs", "10.244.0.7"),
        ] {
            assert_eq!(field(&facts, path).as_deref(), Some(value), "{path}");
        }
        for path in ["", "metadata", "metadata.name['x']", "spec.containers", "status.phase"] {
            assert_eq!(field(&facts, path), None, "{path}");
        }
        for path in FIELDS.iter().chain(&ENV_FIELDS).chain(&MAPS) {
            assert!(field(&facts, path).is_some(), "{path} está en la lista y no se sabe leer");
        }
    }

    #[test]
    fn un_recurso_se_divide_y_se_redondea_hacia_arriba() {
        let quantity = |text: &str| Some(Quantity::parse(text).unwrap());
        let mut container = Container::default();
        container.resources.limits =
            ResourceList { cpu: quantity("250m"), memory: quantity("64Mi"), pids: None };
        container.resources.requests.memory = quantity("1k");
        let node = facts().node;
        let value = |spec: &PodSpec, container: &Container, resource: &str, divisor: Option<&str>| {
            let divisor = divisor.and_then(quantity);
            let wanted = ResourceFieldSelector { resource: resource.into(), container_name: None, divisor };
            super::resource(spec, container, &wanted, node)
        };
        let mut spec = PodSpec::default();
        for (resource, divisor, expected) in [
            ("limits.cpu", None, 1),
            ("limits.cpu", Some("1"), 1),
            ("limits.cpu", Some("1m"), 250),
            ("limits.memory", None, 64 << 20),
            ("limits.memory", Some("1Mi"), 64),
            ("limits.memory", Some("1M"), 68),
            ("limits.memory", Some("1Gi"), 1),
            ("requests.cpu", Some("1m"), 250),
            ("requests.memory", Some("1Ki"), 1),
            ("requests.memory", Some("0"), 1000),
        ] {
            assert_eq!(value(&spec, &container, resource, divisor), Some(expected), "{resource} {divisor:?}");
        }
        let bare = Container::default();
        assert_eq!(value(&spec, &bare, "limits.cpu", None), Some(4), "sin límite, la máquina");
        assert_eq!(value(&spec, &bare, "limits.memory", Some("1Gi")), Some(8));
        assert_eq!(value(&spec, &bare, "requests.cpu", None), Some(0));
        spec.resources.limits.cpu = quantity("1500m");
        assert_eq!(value(&spec, &bare, "limits.cpu", None), Some(2), "o el Pod, si lo tiene");
        assert_eq!(value(&spec, &bare, "limits.discos", None), None);
    }
}
