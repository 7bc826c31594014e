//! Diarios: qué pide el núcleo y cuándo. Se leen de arriba abajo.

mod again;
mod ephemeral;

mod init;
mod printed;
mod probes;
mod properties;
mod restarts;
mod status;
mod termination;

use super::rules::{Kind, PodRules, RestartPolicy};
use super::simulate::{Answers, Entry, obedient, simulate};
use super::status::{ContainerState, ContainerStatus, Phase};
use super::*;
use crate::spec::types;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Un Pod de nombre `web` con un contenedor de aplicación por cada nombre.
fn rules(policy: RestartPolicy, names: &[&str]) -> PodRules {
    let container = |name: &&str| types::Container { name: name.to_string(), ..Default::default() };
    let spec = types::PodSpec {
        containers: names.iter().map(container).collect(),
        restart_policy: policy,
        ..Default::default()
    };
    let metadata = types::ObjectMeta { name: "web".into(), ..Default::default() };
    PodRules::from(&types::Pod { metadata, spec }, 1)
}

/// Una sonda que pregunta cada `period` segundos y se cree el fallo número `failures`.
fn probe(period: u64, failures: u32) -> super::probe::ProbeRules {
    super::probe::ProbeRules {
        initial_delay: s(0),
        period: s(period),
        timeout: s(1),
        success_threshold: 1,
        failure_threshold: failures,
        grace: None,
    }
}

fn exited(id: ContainerId, code: i32) -> Event {
    Event::Exited { id, exit: Exit::Code(code), oom: false, message: String::new() }
}

fn delete() -> Event {
    Event::StopRequested { grace: None, reason: StopReason::Deleted }
}

/// Las órdenes, una por línea, sin los sucesos que se cuentan.
fn orders(diary: &[Entry]) -> Vec<String> {
    diary.iter().filter(|entry| !entry.is_note()).map(Entry::to_string).collect()
}

/// Los sucesos que se cuentan, sin su hora.
fn notes(diary: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| entry.to_string().trim_start().split_once(' ').unwrap().1.to_string();
    diary.iter().filter(|entry| entry.is_note()).map(text).collect()
}

/// Cuándo arranca el contenedor `id`, en segundos.
fn starts(diary: &[Entry], id: ContainerId) -> Vec<u64> {
    let starts = diary.iter().filter(|entry| entry.action == Action::Start(id));
    starts.map(|entry| entry.at.as_secs()).collect()
}

fn state(pod: &Pod, id: usize) -> ContainerStatus {
    let status = pod.status();
    status.all().nth(id).unwrap().clone()
}

fn reason(pod: &Pod, id: usize) -> String {
    match state(pod, id).state {
        ContainerState::Waiting { reason, .. } => reason,
        ContainerState::Running { .. } => "Running".into(),
        ContainerState::Terminated(ended) => ended.reason,
    }
}

fn condition(pod: &Pod, kind: &str) -> (bool, String, String, u64) {
    let found = pod.status().conditions.into_iter().find(|c| c.kind == kind).unwrap();
    (found.status, found.reason, found.message, found.since.as_secs())
}
