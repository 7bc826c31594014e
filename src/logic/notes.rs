//! Los sucesos que se cuentan: la razón, la de Kubernetes; el mensaje, en español.

use super::container::Notice;
use super::rules::{ContainerRules, PodRules, RestartPolicy};
use super::{Note, ProbeKind, StartFailure};
use std::time::Duration;

fn pod(warning: bool, reason: &str, message: String) -> Note {
    Note { warning, reason: reason.into(), container: None, message }
}

fn normal(c: &ContainerRules, reason: &str, message: String) -> Note {
    Note { warning: false, reason: reason.into(), container: Some(c.name.clone()), message }
}

fn warning(c: &ContainerRules, reason: &str, message: String) -> Note {
    Note { warning: true, reason: reason.into(), container: Some(c.name.clone()), message }
}

pub fn scheduled(rules: &PodRules) -> Note {
    pod(false, "Scheduled", format!("el Pod {} se ejecuta en esta máquina", rules.name))
}

pub fn missing_cluster_dns(policy: &str) -> Note {
    let why = format!("aquí no hay un DNS del clúster: en vez de {policy} vale el de la máquina (Default)");
    pod(true, "MissingClusterDNS", why)
}

pub fn sandbox_failed(why: &str) -> Note {
    pod(true, "FailedCreatePodSandBox", format!("no se pudo crear el entorno aislado del Pod: {why}"))
}

pub fn sandbox_died(why: &str) -> Note {
    pod(true, "SandboxChanged", format!("la pausa ha muerto y el Pod, con ella: {why}"))
}

pub fn evicted(message: &str) -> Note {
    pod(true, "Evicted", message.to_string())
}

pub fn deadline_exceeded() -> Note {
    pod(false, "DeadlineExceeded", "el Pod ha estado activo más tiempo del permitido".into())
}

pub fn pulled(c: &ContainerRules) -> Note {
    normal(c, "Pulled", format!("la imagen {} ya está en esta máquina", c.image))
}

pub fn created(c: &ContainerRules) -> Note {
    normal(c, "Created", format!("contenedor creado: {}", c.name))
}

pub fn started(c: &ContainerRules) -> Note {
    normal(c, "Started", format!("contenedor {} en marcha", c.name))
}

/// Lo que se cuenta de un arranque fallido: hasta dónde llegó y por qué no siguió.
pub fn start_failed(c: &ContainerRules, failure: &StartFailure) -> Vec<Note> {
    let message = format!("error: {}", failure.message);
    match failure.reason.as_str() {
        // aún no es cosa de un contenedor: falta algo de un volumen, que es de todo el Pod
        "ContainerCreating" | "PodInitializing" => vec![pod(true, "FailedMount", failure.message.clone())],
        "ErrImageNeverPull" => vec![warning(c, "ErrImageNeverPull", failure.message.clone())],
        "ErrImagePull" | "InvalidImageName" | "ImageInspectError" => vec![warning(c, "Failed", message)],
        _ if failure.exit_code.is_some() => vec![pulled(c), created(c), warning(c, "Failed", message)],
        _ => vec![pulled(c), warning(c, "Failed", message)],
    }
}

pub fn back_off(c: &ContainerRules, pod_name: &str) -> Note {
    let message = format!("espera antes de reiniciar el contenedor {} del Pod {pod_name}", c.name);
    warning(c, "BackOff", message)
}

/// Por qué espera un contenedor que se cae una y otra vez.
pub fn crash_loop(c: &ContainerRules, pod_name: &str, wait: Duration) -> Notice {
    Notice {
        reason: "CrashLoopBackOff".into(),
        message: format!(
            "espera de {} antes de reiniciar el contenedor {} del Pod {pod_name}",
            short(wait),
            c.name
        ),
    }
}

/// Una espera como la escribe Kubernetes: `20s`, `1m20s`, `500ms`.
fn short(wait: Duration) -> String {
    match (wait.as_secs() / 60, wait.as_secs() % 60) {
        (0, 0) => format!("{}ms", wait.as_millis()),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

pub fn killing(c: &ContainerRules) -> Note {
    normal(c, "Killing", format!("parando el contenedor {}", c.name))
}

pub fn killing_post_start(c: &ContainerRules) -> Note {
    normal(c, "Killing", format!("se para el contenedor {}: falló su postStart", c.name))
}

pub fn killing_restart(c: &ContainerRules, by: &ContainerRules) -> Note {
    let why = format!("se para el contenedor {}: con su salida, {} reinicia el Pod entero", c.name, by.name);
    normal(c, "Killing", why)
}

pub fn killing_probe(c: &ContainerRules, kind: ProbeKind) -> Note {
    let end = if c.policy == RestartPolicy::Never { "se para" } else { "se reiniciará" };
    normal(c, "Killing", format!("el contenedor {} no pasa la {}: {end}", c.name, name(kind)))
}

fn name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Startup => "sonda de inicio",
        ProbeKind::Readiness => "sonda de preparación",
        ProbeKind::Liveness => "sonda de vida",
    }
}

pub fn probe_failed(c: &ContainerRules, kind: ProbeKind, text: &str) -> Note {
    warning(c, "Unhealthy", format!("falla la {}: {text}", name(kind)))
}

pub fn probe_timeout(c: &ContainerRules, kind: ProbeKind, timeout: Duration) -> Note {
    probe_failed(c, kind, &format!("no respondió en {}", short(timeout)))
}

pub fn probe_error(c: &ContainerRules, kind: ProbeKind, text: &str) -> Note {
    warning(c, "Unhealthy", format!("no se pudo hacer la {}: {text}", name(kind)))
}

pub fn probe_warning(c: &ContainerRules, kind: ProbeKind, text: &str) -> Note {
    warning(c, "ProbeWarning", format!("la {} avisa: {text}", name(kind)))
}

pub fn post_start_failed(c: &ContainerRules, why: &str) -> Note {
    warning(c, "FailedPostStartHook", format!("falló el hook postStart: {why}"))
}

pub fn pre_stop_failed(c: &ContainerRules, why: &str) -> Note {
    warning(c, "FailedPreStopHook", format!("falló el hook preStop: {why}"))
}
