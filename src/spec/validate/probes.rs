//! Sondas: una sola manera de preguntar, y números que no dejen al supervisor dando vueltas.

use super::{Checks, MAX_INT, containers, is_sidecar, range};
use crate::spec::errors::visible;
use crate::spec::suggest;
use crate::spec::types::{Container, ExecAction, HttpGetAction, IntOrString, Pod, Probe, UriScheme};

pub fn check(checks: &mut Checks, pod: &Pod) {
    for (path, init, container) in containers(pod) {
        let probes = [
            ("livenessProbe", &container.liveness_probe),
            ("readinessProbe", &container.readiness_probe),
            ("startupProbe", &container.startup_probe),
        ];
        for (name, probe) in probes {
            let Some(probe) = probe else { continue };
            let path = format!("{path}.{name}");
            if init && !is_sidecar(container) {
                let problem = format!("un contenedor de inicialización no puede tener `{name}`");
                let hint = "acaba solo, y eso ya dice si fue bien: quita la sonda; o, si es un auxiliar que se \
                            queda, añade `restartPolicy: Always`";
                checks.add("MP0149", path, problem, hint);
                continue;
            }
            handler(checks, &path, container, probe);
            numbers(checks, &path, name, probe);
        }
    }
}

/// Un comando que no dice qué ejecutar.
pub fn command(checks: &mut Checks, code: &'static str, path: &str, exec: &ExecAction) {
    if exec.command.first().is_none_or(String::is_empty) {
        let hint = "por ejemplo, `command: [\"cat\", \"/tmp/listo\"]`";
        checks.add(code, format!("{path}.exec.command"), "el comando está vacío", hint);
    }
}

/// Una petición HTTP de una sonda o de un *hook*.
pub fn page(checks: &mut Checks, path: &str, container: &Container, http: &HttpGetAction) {
    let path = format!("{path}.httpGet");
    port(checks, &format!("{path}.port"), container, &http.port);
    request(checks, &path, http);
    if http.scheme == UriScheme::HTTPS {
        let hint = "pregunta sin cifrar a otro puerto, o usa `tcpSocket`: acierta si alguien escucha";
        checks.add(
            "MP0173",
            format!("{path}.scheme"),
            "micropod no habla TLS: no puede pedir por HTTPS",
            hint,
        );
    }
}

fn handler(checks: &mut Checks, path: &str, container: &Container, probe: &Probe) {
    let handlers = [
        ("exec", probe.exec.is_some()),
        ("httpGet", probe.http_get.is_some()),
        ("tcpSocket", probe.tcp_socket.is_some()),
        ("grpc", probe.grpc.is_some()),
    ];
    let chosen: Vec<&str> = handlers.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    match chosen.as_slice() {
        [] => {
            let hint = "añade `httpGet: (port: 80)`, `tcpSocket: (port: 80)` o `exec: (command: [\"…\"])`";
            checks.add("MP0145", path, "la sonda no dice cómo preguntar", hint);
        }
        [_] => {}
        [first, second, ..] => {
            let problem = format!("la sonda pregunta de dos maneras: `{first}` y `{second}`");
            checks.add("MP0145", format!("{path}.{second}"), problem, "deja una sola");
        }
    }
    if let Some(exec) = &probe.exec {
        command(checks, "MP0145", path, exec);
    }
    if let Some(http) = &probe.http_get {
        page(checks, path, container, http);
    }
    if let Some(grpc) = &probe.grpc {
        range(checks, "MP0138", &format!("{path}.grpc.port"), grpc.port, 1, 65535);
    }
    if let Some(tcp) = &probe.tcp_socket {
        port(checks, &format!("{path}.tcpSocket.port"), container, &tcp.port);
        host(checks, &format!("{path}.tcpSocket.host"), tcp.host.as_deref());
    }
}

fn port(checks: &mut Checks, path: &str, container: &Container, port: &IntOrString) {
    let name = match port {
        IntOrString::Int(number) => return range(checks, "MP0138", path, *number, 1, 65535),
        IntOrString::String(name) => name,
    };
    let names = || container.ports.iter().filter_map(|p| p.name.as_deref());
    if names().any(|n| n == name) {
        return;
    }
    let shown = visible(name, 63);
    let hint = if name.parse::<u16>().is_ok() {
        format!("si es un número, quita las comillas: `port: {name}`")
    } else if let Some(better) = suggest::nearest(name, names()) {
        format!("¿querías decir `{better}`?")
    } else {
        format!("decláralo en sus `ports`: `(name: \"{shown}\", containerPort: 80)`")
    };
    let problem = format!(
        "el contenedor `{}` no tiene ningún puerto que se llame `{shown}`",
        visible(&container.name, 63)
    );
    checks.add("MP0148", path, problem, hint);
}

/// Lo que rompería la petición: un espacio o un salto de línea dentro de la primera línea o de una cabecera.
fn request(checks: &mut Checks, path: &str, http: &HttpGetAction) {
    if let Some(page) = &http.path {
        if !page.starts_with('/') || page.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let problem = format!("la ruta `{}` no se puede pedir", visible(page, 80));
            checks.add(
                "MP0164",
                format!("{path}.path"),
                problem,
                "empieza por `/` y no lleva espacios: `/salud`",
            );
        }
    }
    host(checks, &format!("{path}.host"), http.host.as_deref());
    for (i, header) in http.http_headers.iter().enumerate() {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if header.name.is_empty() || !header.name.chars().all(token) {
            let problem = format!("`{}` no es un nombre de cabecera", visible(&header.name, 60));
            checks.add("MP0164", format!("{path}.httpHeaders[{i}].name"), problem, "por ejemplo, `Host`");
        }
        if header.value.contains(['\r', '\n']) {
            let problem = "el valor de una cabecera no puede tener saltos de línea";
            checks.add(
                "MP0164",
                format!("{path}.httpHeaders[{i}].value"),
                problem,
                "ponlo en una sola línea",
            );
        }
    }
}

fn host(checks: &mut Checks, path: &str, host: Option<&str>) {
    let Some(host) = host else { return };
    if host.is_empty() || host.chars().any(|c| c.is_whitespace() || matches!(c, '/' | '@')) {
        let problem = format!("`{}` no es el nombre de una máquina", visible(host, 60));
        checks.add("MP0164", path, problem, "escribe su IP, o quítalo para preguntar al propio Pod");
    }
}

/// En Kubernetes 0 es lo mismo que no ponerlo: vale el predeterminado.
fn numbers(checks: &mut Checks, path: &str, name: &str, probe: &Probe) {
    let fields = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("periodSeconds", probe.period_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            range(checks, "MP0146", &format!("{path}.{field}"), value, 0, MAX_INT);
        }
    }
    if name != "readinessProbe" && probe.success_threshold.is_some_and(|n| n > 1) {
        let hint = "quítalo: solo `readinessProbe` puede pedir varios aciertos seguidos";
        checks.add("MP0147", format!("{path}.successThreshold"), format!("en `{name}` debe ser 1"), hint);
    }
    let Some(seconds) = probe.termination_grace_period_seconds else { return };
    let path = format!("{path}.terminationGracePeriodSeconds");
    if name == "readinessProbe" {
        let problem = "`readinessProbe` no mata al contenedor: no tiene período de gracia";
        checks.add("MP0147", path, problem, "quítalo, o ponlo en `livenessProbe`");
    } else {
        range(checks, "MP0146", &path, seconds, 1, MAX_INT);
    }
}
