//! Las columnas READY, STATUS y RESTARTS de `get pods`, con el algoritmo de kubectl.
//!
//! STATUS no es la fase: es lo más útil que se puede decir en una palabra. Los contenedores se
//! miran del último al primero, así que gana el primero que tenga algo que contar.

use super::status::{ContainerState, ContainerStatus, Phase, PodStatus, Terminated};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// `1/2`
    pub ready: String,
    pub status: String,
    pub restarts: u32,
    /// Cuándo acabó la última vida reemplazada, contado desde que nació el Pod: `3 (20s ago)`.
    pub last_restart: Option<Duration>,
}

pub fn columns(pod: &PodStatus) -> Columns {
    let sidecars = || pod.init_containers.iter().filter(|c| c.sidecar);
    let total = pod.containers.len() + sidecars().count();
    let first = if pod.reason.is_empty() { pod.phase.to_string() } else { pod.reason.clone() };
    let (initialized, stuck) = initialization(pod);
    // los auxiliares que hay más allá del que aún no ha hecho lo suyo no se miran
    let mut ready = initialized.iter().filter(|c| c.sidecar && c.started && c.ready).count();
    let (status, counted): (String, Vec<&ContainerStatus>) = match &stuck {
        Some((container, status)) if !is_true(pod, "Initialized") => {
            // aún no han arrancado los de aplicación: cuentan los reinicios de los de inicialización
            (status.clone(), initialized.iter().chain([*container]).collect())
        }
        stuck => {
            ready += pod.containers.iter().filter(|c| is_running_ready(c)).count();
            let base = stuck.as_ref().map_or(first, |(_, status)| status.clone());
            let all = initialized.iter().chain(stuck.iter().map(|(container, _)| *container));
            (running_status(pod, base), all.filter(|c| c.sidecar).chain(&pod.containers).collect())
        }
    };
    let terminating = pod.deleting && !pod.phase.is_final();
    let restarts = counted.iter().map(|c| c.restart_count).sum();
    Columns {
        ready: format!("{ready}/{total}"),
        status: if terminating { "Terminating".into() } else { status },
        restarts,
        last_restart: counted
            .iter()
            .filter_map(|c| c.last.as_ref().map(|last| last.finished))
            .max()
            .filter(|_| restarts > 0),
    }
}

/// Los de inicialización que ya han hecho lo suyo y, si hay alguno que no, el primero y qué le pasa:
/// `Init:…`.
fn initialization(pod: &PodStatus) -> (&[ContainerStatus], Option<(&ContainerStatus, String)>) {
    let total = pod.init_containers.len();
    for (i, container) in pod.init_containers.iter().enumerate() {
        let status = match &container.state {
            ContainerState::Terminated(ended) if ended.exit_code == 0 => continue,
            _ if container.sidecar && container.started => continue,
            ContainerState::Terminated(ended) => format!("Init:{}", how_it_ended(ended)),
            ContainerState::Waiting { reason, .. } if !reason.is_empty() && reason != "PodInitializing" => {
                format!("Init:{reason}")
            }
            ContainerState::Waiting { .. } | ContainerState::Running { .. } => format!("Init:{i}/{total}"),
        };
        return (&pod.init_containers[..i], Some((container, status)));
    }
    (&pod.init_containers, None)
}

/// La razón del primer contenedor que tenga una. Si es `Completed` pero otro sigue corriendo, el
/// Pod no ha acabado: `Running` si está listo; si no, lo que haya fallado o `NotReady`.
fn running_status(pod: &PodStatus, first: String) -> String {
    let reasons: Vec<String> = pod.containers.iter().filter_map(reason).collect();
    let status = reasons.first().cloned().unwrap_or(first);
    if status != "Completed" || !pod.containers.iter().any(is_running_ready) {
        return status;
    }
    if is_true(pod, "Ready") {
        return Phase::Running.to_string();
    }
    let error = reasons.into_iter().find(|reason| reason != "Completed");
    error.unwrap_or_else(|| "NotReady".into())
}

fn reason(container: &ContainerStatus) -> Option<String> {
    match &container.state {
        ContainerState::Waiting { reason, .. } => Some(reason.clone()).filter(|reason| !reason.is_empty()),
        ContainerState::Terminated(ended) => Some(how_it_ended(ended)),
        ContainerState::Running { .. } => None,
    }
}

fn how_it_ended(ended: &Terminated) -> String {
    match (ended.reason.as_str(), ended.signal) {
        ("", 0) => format!("ExitCode:{}", ended.exit_code),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_string(),
    }
}

fn is_running_ready(container: &ContainerStatus) -> bool {
    container.ready && matches!(container.state, ContainerState::Running { .. })
}

fn is_true(pod: &PodStatus, kind: &str) -> bool {
    pod.conditions.iter().any(|condition| condition.kind == kind && condition.status)
}
