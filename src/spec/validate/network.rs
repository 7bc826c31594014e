//! Puertos: los contenedores de un Pod comparten la IP, así que también los puertos.

use super::{Checks, containers, is_sidecar, names, range};
use crate::spec::errors::visible;
use crate::spec::types::{Container, ContainerPort, Pod};
use std::net::Ipv4Addr;

const MAX_PORT: i64 = 65535;

pub fn check(checks: &mut Checks, pod: &Pod) {
    for (path, _, container) in containers(pod) {
        for (i, port) in container.ports.iter().enumerate() {
            let path = format!("{path}.ports[{i}]");
            one(checks, &path, port, pod.spec.host_network);
            names_of(checks, &path, &container.ports[..i], port);
        }
    }
    let together = together(pod);
    same_container_port(checks, &together);
    let mut taken = Vec::new();
    for (path, container) in &together {
        same_host_port(checks, path, container, &mut taken);
    }
    // los demás de inicialización no coinciden en el tiempo con nadie
    for (path, _, container) in containers(pod).filter(|(_, init, c)| *init && !is_sidecar(c)) {
        same_host_port(checks, &path, container, &mut Vec::new());
    }
}

fn one(checks: &mut Checks, path: &str, port: &ContainerPort, host_network: bool) {
    range(checks, "MP0138", &format!("{path}.containerPort"), port.container_port, 1, MAX_PORT);
    if let Some(host_port) = port.host_port {
        range(checks, "MP0138", &format!("{path}.hostPort"), host_port, 1, MAX_PORT);
        if host_network && host_port != port.container_port {
            let problem = format!(
                "con `hostNetwork` el puerto {} no puede ser otro en la máquina",
                port.container_port
            );
            let hint = "quita `hostPort`: el Pod ya usa los puertos de la máquina";
            checks.add("MP0143", format!("{path}.hostPort"), problem, hint);
        }
    }
    let Some(ip) = &port.host_ip else { return };
    if ip.parse::<Ipv4Addr>().is_err() {
        let problem = format!("`{}` no es una dirección IPv4", visible(ip, 60));
        let hint =
            if ip.contains(':') { "micropod solo da direcciones IPv4" } else { "por ejemplo, `127.0.0.1`" };
        checks.add("MP0141", format!("{path}.hostIP"), problem, hint);
    } else if port.host_port.is_none() {
        let hint = "añade `hostPort`, o quita `hostIP`";
        checks.add("MP0141", format!("{path}.hostIP"), "`hostIP` no sirve sin `hostPort`", hint);
    }
}

fn names_of(checks: &mut Checks, path: &str, before: &[ContainerPort], port: &ContainerPort) {
    let Some(name) = &port.name else { return };
    let path = format!("{path}.name");
    if let Some(fault) = names::port_name_fault(name) {
        let problem = format!("el nombre de puerto `{}` no vale: {fault}", visible(name, 63));
        checks.add(
            "MP0142",
            path,
            problem,
            "15 caracteres como mucho: letras minúsculas, cifras y guiones, como `web`",
        );
    } else if before.iter().any(|p| p.name.as_ref() == Some(name)) {
        checks.add(
            "MP0131",
            path,
            format!("ya hay un puerto que se llama `{name}`"),
            "da a cada puerto un nombre distinto",
        );
    }
}

/// Los que corren a la vez, con su camino: los auxiliares y los de aplicación.
fn together(pod: &Pod) -> Vec<(String, &Container)> {
    let all = containers(pod).filter(|(_, init, c)| !init || is_sidecar(c));
    all.map(|(path, _, container)| (path, container)).collect()
}

// ANCHOR: same_port
fn same_container_port(checks: &mut Checks, containers: &[(String, &Container)]) {
    for (i, (path, container)) in containers.iter().enumerate() {
        for (j, port) in container.ports.iter().enumerate() {
            let same =
                |p: &ContainerPort| p.container_port == port.container_port && p.protocol == port.protocol;
            let other = containers[..i].iter().find(|(_, c)| c.ports.iter().any(same));
            let Some((_, other)) = other else { continue };
            let problem = format!(
                "los contenedores `{}` y `{}` declaran el mismo puerto, {}/{}",
                visible(&other.name, 63),
                visible(&container.name, 63),
                port.container_port,
                port.protocol
            );
            let hint = "comparten la IP del Pod: solo uno podría escuchar ahí; cambia uno de los dos";
            checks.add("MP0139", format!("{path}.ports[{j}].containerPort"), problem, hint);
        }
    }
}
// ANCHOR_END: same_port

fn same_host_port<'a>(
    checks: &mut Checks,
    path: &str,
    container: &'a Container,
    taken: &mut Vec<&'a ContainerPort>,
) {
    for (j, port) in container.ports.iter().enumerate() {
        let Some(host_port) = port.host_port else { continue };
        let clash = |p: &&ContainerPort| {
            p.host_port == port.host_port && p.protocol == port.protocol && overlap(&p.host_ip, &port.host_ip)
        };
        if taken.iter().any(clash) {
            let problem =
                format!("el puerto {host_port}/{} de la máquina ya está pedido en este Pod", port.protocol);
            checks.add("MP0140", format!("{path}.ports[{j}].hostPort"), problem, "usa otro `hostPort`");
        }
        taken.push(port);
    }
}

/// Sin dirección, o con 0.0.0.0, son todas.
fn overlap(a: &Option<String>, b: &Option<String>) -> bool {
    let all = |ip: &Option<String>| ip.as_deref().is_none_or(|ip| ip.is_empty() || ip == "0.0.0.0");
    all(a) || all(b) || a == b
}
