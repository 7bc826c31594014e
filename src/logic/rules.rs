//! Las reglas de un Pod: lo que el núcleo necesita de la especificación, con los valores
//! predeterminados de Kubernetes ya puestos.

use super::ProbeKind;
use super::probe::ProbeRules;
use super::restart::{ExitRule, Restart};
use crate::spec::types;
pub use crate::spec::types::RestartPolicy;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodRules {
    pub name: String,
    /// Plazo de gracia al parar: 30 s si no se dice otro.
    pub grace: Duration,
    /// Lo que puede estar activo, desde que nace.
    pub active_deadline: Option<Duration>,
    /// Divisor de las esperas entre reinicios, y solo de ellas. 1: tiempo real.
    pub acelera: u32,
    /// Los de inicialización, los de aplicación y los efímeros, en su orden.
    pub containers: Vec<ContainerRules>,
    /// La política de DNS que pide un clúster que no hay, si la pide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_cluster_dns: Option<String>,
    /// Las condiciones de fuera de las que depende que esté listo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readiness_gates: Vec<String>,
}

/// La anotación que dice por cuánto se dividen las esperas entre reinicios.
pub const ACELERA: &str = "micropod/acelera";
/// Más no se acelera: sin esperas, un contenedor que se cae gastaría la máquina entera.
pub const MAX_ACELERA: u32 = 1000;

/// De «10» a 10, entre 1 y [`MAX_ACELERA`].
pub fn parse_acelera(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=MAX_ACELERA).contains(n))
}

/// Lo que dice la anotación del Pod; 1, tiempo real, si no la tiene.
pub fn annotated_acelera(pod: &types::Pod) -> u32 {
    pod.metadata.annotations.get(ACELERA).and_then(|text| parse_acelera(text)).unwrap_or(1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Acaba con 0 antes de que empiece el siguiente.
    Init,
    /// De inicialización que se queda: arranca en su turno y se para el último.
    Sidecar,
    App,
    /// Llegó con el Pod ya en marcha, a mirar: empieza sin esperar a nadie, una vez, y no cuenta para nada.
    Ephemeral,
}

impl Kind {
    /// ¿Es de los que se ejecutan antes que los de aplicación?
    pub fn is_init(self) -> bool {
        matches!(self, Kind::Init | Kind::Sidecar)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerRules {
    pub name: String,
    pub image: String,
    pub kind: Kind,
    /// La suya si la tiene; si no, la del Pod.
    pub policy: RestartPolicy,
    /// Se miran por orden antes que la política; gana la primera que case.
    pub exit_rules: Vec<ExitRule>,
    pub startup: Option<ProbeRules>,
    pub readiness: Option<ProbeRules>,
    pub liveness: Option<ProbeRules>,
    /// ¿Tiene *hooks*?
    pub post_start: bool,
    pub pre_stop: bool,
}

impl PodRules {
    /// Las reglas del Pod `pod`. `acelera` divide las esperas entre reinicios (0 vale como 1).
    pub fn from(pod: &types::Pod, acelera: u32) -> PodRules {
        let spec = &pod.spec;
        let init = spec.init_containers.iter().map(|c| container(c, init_kind(c), spec.restart_policy));
        let apps = spec.containers.iter().map(|c| container(c, Kind::App, spec.restart_policy));
        PodRules {
            name: pod.metadata.name.clone(),
            grace: spec.termination_grace_period_seconds.map_or(DEFAULT_GRACE, seconds),
            active_deadline: spec.active_deadline_seconds.map(seconds),
            acelera: acelera.max(1),
            containers: init.chain(apps).collect(),
            missing_cluster_dns: missing_cluster_dns(spec),
            readiness_gates: gates(spec),
        }
    }
}

/// Cada una, una vez.
fn gates(spec: &types::PodSpec) -> Vec<String> {
    let mut gates: Vec<String> = Vec::new();
    for gate in &spec.readiness_gates {
        if !gates.contains(&gate.condition_type) {
            gates.push(gate.condition_type.clone());
        }
    }
    gates
}

/// Quien pide el DNS del clúster y se queda con el de la máquina. Solo si lo ha escrito: es lo que
/// vale cuando no se dice nada, y entonces no hay a quién avisar. Con hostNetwork, ClusterFirst es el de
/// la máquina también en Kubernetes.
fn missing_cluster_dns(spec: &types::PodSpec) -> Option<String> {
    use types::DNSPolicy as Policy;
    match spec.dns_policy? {
        Policy::ClusterFirst if spec.host_network => None,
        policy @ (Policy::ClusterFirst | Policy::ClusterFirstWithHostNet) => Some(policy.to_string()),
        Policy::Default | Policy::None => None,
    }
}

/// Las de uno efímero: nunca se reinicia.
pub fn ephemeral(c: &types::EphemeralContainer) -> ContainerRules {
    container(&c.as_container(), Kind::Ephemeral, RestartPolicy::Never)
}

const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// El de inicialización que se reinicia siempre no acaba nunca: es un auxiliar.
pub fn init_kind(c: &types::Container) -> Kind {
    if c.restart_policy == Some(RestartPolicy::Always) { Kind::Sidecar } else { Kind::Init }
}

fn container(c: &types::Container, kind: Kind, policy: RestartPolicy) -> ContainerRules {
    ContainerRules {
        name: c.name.clone(),
        image: c.image.clone(),
        kind,
        policy: c.restart_policy.unwrap_or(policy),
        exit_rules: c.restart_policy_rules.iter().map(exit_rule).collect(),
        startup: c.startup_probe.as_ref().map(probe),
        readiness: c.readiness_probe.as_ref().map(probe),
        liveness: c.liveness_probe.as_ref().map(probe),
        post_start: c.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some()),
        pre_stop: c.lifecycle.as_ref().is_some_and(|l| l.pre_stop.is_some()),
    }
}

fn exit_rule(rule: &types::ContainerRestartRule) -> ExitRule {
    use types::{ContainerRestartRuleAction as Action, ContainerRestartRuleOnExitCodesOperator as Operator};
    ExitRule {
        // la validación los deja entre 0 y 255
        codes: rule.exit_codes.values.iter().filter_map(|n| i32::try_from(*n).ok()).collect(),
        listed: rule.exit_codes.operator == Operator::In,
        then: match rule.action {
            Action::Restart => Restart::Itself,
            Action::RestartAllContainers => Restart::Everyone,
        },
    }
}

// ANCHOR: probe
/// Kubernetes toma el 0 por «no dicho» en todos los campos menos en `initialDelaySeconds`: un
/// periodo de cero haría girar el bucle sin descanso.
fn probe(p: &types::Probe) -> ProbeRules {
    let or = |field: Option<i64>, default| field.filter(|n| *n > 0).unwrap_or(default);
    let times = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    ProbeRules {
        initial_delay: seconds(p.initial_delay_seconds.unwrap_or(0)),
        period: seconds(or(p.period_seconds, 10)),
        timeout: seconds(or(p.timeout_seconds, 1)),
        success_threshold: times(or(p.success_threshold, 1)),
        failure_threshold: times(or(p.failure_threshold, 3)),
        grace: p.termination_grace_period_seconds.map(seconds),
    }
}
// ANCHOR_END: probe

/// Los negativos no llegan aquí (la validación los rechaza); si llegaran, valen 0.
fn seconds(n: i64) -> Duration {
    Duration::from_secs(u64::try_from(n).unwrap_or(0))
}

impl ContainerRules {
    pub fn probe(&self, kind: ProbeKind) -> Option<&ProbeRules> {
        match kind {
            ProbeKind::Startup => self.startup.as_ref(),
            ProbeKind::Readiness => self.readiness.as_ref(),
            ProbeKind::Liveness => self.liveness.as_ref(),
        }
    }
}
