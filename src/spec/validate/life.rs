//! La vida de los contenedores: reglas de reinicio, la anotación que las acelera y los *hooks*.

use super::{Checks, containers, is_sidecar, probes, range, volumes};
use crate::logic::rules::{ACELERA, MAX_ACELERA, parse_acelera};
use crate::spec::errors::visible;
use crate::spec::types::{Container, ContainerRestartRule, LifecycleHandler, Pod};

/// Reglas de reinicio de un contenedor, y códigos de una regla, como mucho.
const MAX_RULES: usize = 20;
const MAX_CODES: usize = 255;

pub fn check(checks: &mut Checks, pod: &Pod) {
    annotations(checks, pod);
    let grace = pod.spec.termination_grace_period_seconds.unwrap_or(30);
    for (path, init, container) in containers(pod) {
        restart_rules(checks, &path, container);
        lifecycle(checks, &path, init, container, grace);
        last_words(checks, &path, container);
    }
}

fn lifecycle(checks: &mut Checks, path: &str, init: bool, container: &Container, grace: i64) {
    let Some(lifecycle) = &container.lifecycle else { return };
    let path = format!("{path}.lifecycle");
    if init && !is_sidecar(container) {
        let problem = "un contenedor de inicialización no puede tener `lifecycle`";
        let hint = "quítalo; o, si es un auxiliar que se queda, añade `restartPolicy: Always`";
        return checks.add("MP0172", path, problem, hint);
    }
    if let Some(signal) = &lifecycle.stop_signal {
        if !signal.starts_with("SIG") || signal.parse::<nix::sys::signal::Signal>().is_err() {
            let problem = format!("`{}` no es el nombre de una señal", visible(signal, 40));
            checks.add("MP0172", format!("{path}.stopSignal"), problem, "por ejemplo, `SIGINT` o `SIGQUIT`");
        }
    }
    for (name, handler) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
        if let Some(handler) = handler {
            hook(checks, &format!("{path}.{name}"), container, handler, grace);
        }
    }
}

/// El fichero en el que dice por qué acaba se monta en la raíz del contenedor, encima de sus volúmenes.
fn last_words(checks: &mut Checks, path: &str, container: &Container) {
    let Some(file) = &container.termination_message_path else { return };
    let taken =
        container.volume_mounts.iter().any(|m| volumes::normal(&m.mount_path) == volumes::normal(file));
    let below = |root: &str| file.starts_with(root);
    let fault = if !file.starts_with('/') || volumes::normal(file) == "/" {
        "tiene que ser la ruta absoluta de un fichero"
    } else if volumes::has_dot_dot(file) {
        "lleva `..`"
    } else if file.len() > volumes::MAX_PATH {
        "es demasiado larga"
    } else if below("/proc/") || below("/sys/") {
        "ahí solo escribe el kernel"
    } else if taken {
        "ahí se monta un volumen"
    } else {
        return;
    };
    let problem = format!("la ruta `{}` no vale: {fault}", visible(file, 80));
    let hint = "por ejemplo, `/tmp/adios`; sin ponerla es `/dev/termination-log`";
    checks.add("MP0174", format!("{path}.terminationMessagePath"), problem, hint);
}

fn hook(checks: &mut Checks, path: &str, container: &Container, handler: &LifecycleHandler, grace: i64) {
    let handlers = [
        ("exec", handler.exec.is_some()),
        ("httpGet", handler.http_get.is_some()),
        ("sleep", handler.sleep.is_some()),
        ("tcpSocket", handler.tcp_socket.is_some()),
    ];
    let chosen: Vec<&str> = handlers.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    match chosen.as_slice() {
        [] => {
            let hint = "añade `exec: (command: [\"…\"])`, `httpGet: (port: 80)` o `sleep: (seconds: 5)`";
            checks.add("MP0172", path, "el hook no dice qué hacer", hint);
        }
        ["tcpSocket"] => {
            let problem =
                "un hook no puede abrir una conexión: Kubernetes admite `tcpSocket` aquí y falla siempre";
            let hint = "usa `exec`, `httpGet` o `sleep`; `tcpSocket` es para las sondas";
            checks.add("MP0172", format!("{path}.tcpSocket"), problem, hint);
        }
        [_] => {}
        [first, second, ..] => {
            let problem = format!("el hook hace dos cosas: `{first}` y `{second}`");
            checks.add("MP0172", format!("{path}.{second}"), problem, "deja una sola");
        }
    }
    if let Some(exec) = &handler.exec {
        probes::command(checks, "MP0172", path, exec);
    }
    if let Some(http) = &handler.http_get {
        probes::page(checks, path, container, http);
    }
    if let Some(sleep) = &handler.sleep {
        // más sería esperar a lo que ya no da tiempo
        range(checks, "MP0172", &format!("{path}.sleep.seconds"), sleep.seconds, 0, grace.max(0));
    }
}

/// Las anotaciones de micropod cambian lo que hace: una que no existe es una errata.
fn annotations(checks: &mut Checks, pod: &Pod) {
    for (key, value) in pod.metadata.annotations.iter().filter(|(key, _)| key.starts_with("micropod/")) {
        let path = format!("metadata.annotations[\"{key}\"]");
        if key != ACELERA {
            let problem = format!("micropod no tiene ninguna anotación `{}`", visible(key, 80));
            checks.add("MP0170", path, problem, format!("la que hay es `{ACELERA}`"));
            checks.on_key();
        } else if parse_acelera(value).is_none() {
            let problem = format!("`{}` no dice por cuánto dividir las esperas", visible(value, 40));
            checks.add(
                "MP0170",
                path,
                problem,
                format!("un número entero de 1 a {MAX_ACELERA}, entre comillas"),
            );
        }
    }
}

fn restart_rules(checks: &mut Checks, path: &str, container: &Container) {
    let rules = &container.restart_policy_rules;
    let path = format!("{path}.restartPolicyRules");
    if rules.is_empty() {
        return;
    }
    if container.restart_policy.is_none() {
        let hint = "añade `restartPolicy` al contenedor: es lo que vale cuando ninguna regla casa";
        checks.add("MP0171", &path, "hay reglas de reinicio y falta `restartPolicy`", hint);
    }
    if rules.len() > MAX_RULES {
        let problem = format!("hay {} reglas de reinicio, y el máximo es {MAX_RULES}", rules.len());
        checks.add("MP0171", &path, problem, "junta códigos en una misma regla");
    }
    for (i, rule) in rules.iter().enumerate() {
        exit_codes(checks, &format!("{path}[{i}].exitCodes.values"), rule);
    }
}

fn exit_codes(checks: &mut Checks, path: &str, rule: &ContainerRestartRule) {
    let codes = &rule.exit_codes.values;
    if codes.is_empty() {
        let hint = "pon al menos uno: `values: [42]`";
        checks.add("MP0171", path, "la regla no dice ningún código", hint);
    }
    if codes.len() > MAX_CODES {
        let problem = format!("hay {} códigos, y el máximo es {MAX_CODES}", codes.len());
        checks.add("MP0171", path, problem, "usa `operator: NotIn` con los que faltan");
    }
    for (i, code) in codes.iter().enumerate() {
        let path = format!("{path}[{i}]");
        if !(0..=255).contains(code) {
            checks.add("MP0171", path, format!("{code} no es un código de salida"), "van de 0 a 255");
        } else if codes[..i].contains(code) {
            checks.add("MP0171", path, format!("el código {code} está repetido"), "deja uno solo");
        }
    }
}
