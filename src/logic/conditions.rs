//! El estado que se publica: fase, condiciones y estado de cada contenedor, con las palabras de
//! Kubernetes.

use super::OutsideCondition;
use super::container::{Container, Notice, State};
use super::pod::{Pod, Sandbox};
use super::restart::succeeded;
use super::rules::{ContainerRules, Kind};
use super::status::{Condition, ContainerState, ContainerStatus, Deletion, Phase, PodStatus};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Las condiciones que cambian: si se cumplen y desde cuándo están así.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Conditions {
    /// La pausa está en pie y con red.
    sandbox: (bool, Duration),
    initialized: (bool, Duration),
    /// `Ready`: los contenedores, y además las condiciones de fuera.
    ready: (bool, Duration),
    /// `ContainersReady`.
    #[serde(default)]
    containers: (bool, Duration),
}

impl Conditions {
    /// Al nacer el Pod: si no hay contenedores de inicialización, ya está inicializado.
    pub fn new(initialized: bool) -> Conditions {
        let zero = Duration::ZERO;
        let no = (false, zero);
        Conditions { sandbox: no, initialized: (initialized, zero), ready: no, containers: no }
    }
}

impl Pod {
    /// El estado del Pod, con la forma que le da Kubernetes.
    pub fn status(&self) -> PodStatus {
        let all = |belongs: fn(Kind) -> bool| {
            let some = self.each().filter(|(rules, _)| belongs(rules.kind));
            some.map(|(rules, c)| self.container_status(rules, c)).collect()
        };
        let condemned = self.condemned.as_ref().filter(|_| self.over);
        PodStatus {
            phase: self.phase(),
            reason: condemned.map(|why| why.reason.clone()).unwrap_or_default(),
            message: condemned.map(|why| why.message.clone()).unwrap_or_default(),
            deleting: self.deleting,
            deletion: self
                .ending
                .as_ref()
                .filter(|_| self.deleting)
                .map(|ending| Deletion { requested: ending.began, grace: ending.grace }),
            conditions: self.conditions_now(),
            init_containers: all(Kind::is_init),
            containers: all(|kind| kind == Kind::App),
            ephemeral_containers: all(|kind| kind == Kind::Ephemeral),
        }
    }

    fn each(&self) -> impl Iterator<Item = (&ContainerRules, &Container)> {
        self.rules.containers.iter().zip(&self.containers)
    }

    fn apps(&self) -> impl Iterator<Item = &Container> {
        self.each().filter(|(rules, _)| rules.kind == Kind::App).map(|(_, c)| c)
    }

    // ANCHOR: phase
    /// La fase. Solo es final cuando ya no queda ningún proceso.
    pub fn phase(&self) -> Phase {
        if self.over {
            return self.final_phase();
        }
        // quien se cae una y otra vez ya ha corrido: CrashLoopBackOff es una razón, no una fase
        let every_app_has_run = self.apps().all(|c| c.lives > 0);
        if self.incomplete().next().is_none() && every_app_has_run { Phase::Running } else { Phase::Pending }
    }

    /// Los códigos de los de inicialización que se quedan no cuentan.
    fn final_phase(&self) -> Phase {
        let ended_well = |c: &Container| c.latest.as_ref().is_some_and(|t| succeeded(Kind::App, t));
        if self.condemned.is_none() && self.apps().all(ended_well) { Phase::Succeeded } else { Phase::Failed }
    }
    // ANCHOR_END: phase

    /// Los de inicialización que aún impiden arrancar a los de aplicación. Lo que hicieron no se
    /// deshace: un auxiliar que se cae después no vuelve a contar.
    fn initializing(&self) -> Vec<&str> {
        self.incomplete().map(|rules| rules.name.as_str()).collect()
    }

    fn incomplete(&self) -> impl Iterator<Item = &ContainerRules> {
        let incomplete = |(id, (rules, c)): &(usize, (&ContainerRules, &Container))| match rules.kind {
            Kind::Init => !self.init_succeeded(*id),
            Kind::Sidecar => !c.has_started,
            Kind::App | Kind::Ephemeral => false,
        };
        self.each().enumerate().filter(incomplete).map(|(_, (rules, _))| rules)
    }

    fn unready(&self) -> Vec<&str> {
        self.not_ready().map(|rules| rules.name.as_str()).collect()
    }

    fn not_ready(&self) -> impl Iterator<Item = &ContainerRules> {
        let unready = |(rules, c): &(&ContainerRules, &Container)| {
            matches!(rules.kind, Kind::Sidecar | Kind::App) && !is_ready(c)
        };
        self.each().filter(unready).map(|(rules, _)| rules)
    }

    /// ¿Se cumple la condición Ready?
    pub fn is_ready(&self) -> bool {
        self.containers_ready() && self.closed_gates().next().is_none()
    }

    fn containers_ready(&self) -> bool {
        !self.over && self.not_ready().next().is_none()
    }

    // ANCHOR: gates
    /// Las condiciones de fuera que no se cumplen, o que nadie ha puesto: no dicho es que no.
    pub fn closed_gates(&self) -> impl Iterator<Item = &str> {
        let open = |gate: &&String| self.outside.iter().any(|c| c.kind == **gate && c.status);
        self.rules.readiness_gates.iter().filter(move |gate| !open(gate)).map(String::as_str)
    }
    // ANCHOR_END: gates

    /// Solo las de sus `readinessGates`. La hora es la de cuando cambió de sí a no, o al revés.
    pub(super) fn set_condition(&mut self, new: OutsideCondition) {
        let OutsideCondition { kind, status, reason, message } = new;
        if !self.rules.readiness_gates.contains(&kind) {
            return;
        }
        let old = self.outside.iter_mut().find(|old| old.kind == kind);
        let since = old.as_ref().filter(|old| old.status == status).map_or(self.now, |old| old.since);
        let new = Condition { kind, status, reason, message, since };
        match old {
            Some(old) => *old = new,
            None => self.outside.push(new),
        }
    }

    /// Apunta cuándo cambia cada condición.
    pub(super) fn update_conditions(&mut self, now: Duration) {
        let new = [
            self.sandbox == Sandbox::Ready && !self.over,
            self.incomplete().next().is_none(),
            self.is_ready(),
            self.containers_ready(),
        ];
        let conditions = &mut self.conditions;
        let Conditions { sandbox, initialized, ready, containers } = conditions;
        let old = [sandbox, initialized, ready, containers];
        for (old, new) in old.into_iter().zip(new) {
            if old.0 != new {
                *old = (new, now);
            }
        }
    }

    /// En el orden en que las enseña Kubernetes.
    // ANCHOR: conditions_now
    fn conditions_now(&self) -> Vec<Condition> {
        let phase = self.phase();
        let why = |met: bool, reason: &str, text: &str, names: &[&str]| match phase {
            _ if met => Default::default(),
            Phase::Succeeded => ("PodCompleted".to_string(), String::new()),
            Phase::Failed => ("PodFailed".to_string(), String::new()),
            Phase::Pending | Phase::Running | Phase::Unknown => {
                (reason.to_string(), format!("{text}: [{}]", names.join(" ")))
            }
        };
        let condition = |kind: &str, (status, since): (bool, Duration), why: (String, String)| Condition {
            kind: kind.into(),
            status,
            reason: why.0,
            message: why.1,
            since,
        };
        let Conditions { sandbox, initialized, ready, containers } = self.conditions;
        let incomplete = self.initializing();
        // que falte la inicialización se dice también cuando el Pod ya ha fallado
        let initialized_why = match initialized.0 {
            true if phase == Phase::Succeeded => ("PodCompleted".to_string(), String::new()),
            true => Default::default(),
            false => (
                "ContainersNotInitialized".to_string(),
                format!("contenedores sin completar: [{}]", incomplete.join(" ")),
            ),
        };
        let containers_why =
            why(containers.0, "ContainersNotReady", "contenedores que no están listos", &self.unready());
        let ready_why = match ready.0 {
            false if containers.0 => ("ReadinessGatesNotReady".to_string(), self.gates_message()),
            _ => containers_why.clone(),
        };
        let own = [
            condition("PodReadyToStartContainers", sandbox, Default::default()),
            condition("Initialized", initialized, initialized_why),
            condition("Ready", ready, ready_why),
            condition("ContainersReady", containers, containers_why),
            condition("PodScheduled", (true, Duration::ZERO), Default::default()),
        ];
        own.into_iter().chain(self.outside.iter().cloned()).collect()
    }
    // ANCHOR_END: conditions_now

    fn gates_message(&self) -> String {
        let one = |gate: &str| match self.outside.iter().any(|c| c.kind == gate) {
            true => format!("la condición «{gate}» de sus readinessGates no es True: es False"),
            false => format!("nadie ha puesto aún la condición «{gate}» de sus readinessGates"),
        };
        self.closed_gates().map(one).collect::<Vec<_>>().join("; ")
    }

    /// La espera de quien aún no ha arrancado.
    pub(super) fn not_yet(&self) -> Notice {
        let has_init = self.rules.containers.iter().any(|c| c.kind.is_init());
        let reason = if has_init { "PodInitializing" } else { "ContainerCreating" };
        Notice { reason: reason.into(), message: String::new() }
    }

    fn container_status(&self, rules: &ContainerRules, container: &Container) -> ContainerStatus {
        let (state, last_is_latest) = self.container_state(container);
        let last = if last_is_latest { &container.latest } else { &container.previous };
        let exited_well = |t: &ContainerState| matches!(t, ContainerState::Terminated(t) if t.exit_code == 0);
        ContainerStatus {
            name: rules.name.clone(),
            sidecar: rules.kind == Kind::Sidecar,
            ready: match rules.kind {
                Kind::Init => exited_well(&state),
                Kind::Sidecar | Kind::App => is_ready(container),
                Kind::Ephemeral => false,
            },
            started: container.probes().is_some_and(|probes| probes.started()),
            restart_count: container.lives.saturating_sub(1),
            state,
            last: last.clone(),
        }
    }

    /// El estado, y si la última vida acabada es la anterior (o es el propio estado).
    fn container_state(&self, container: &Container) -> (ContainerState, bool) {
        let waiting = |notice: &Notice| ContainerState::Waiting {
            reason: notice.reason.clone(),
            message: notice.message.clone(),
        };
        match (&container.state, &container.latest) {
            (State::Running { since, .. } | State::Stopping { since, notice: None, .. }, _) => {
                (ContainerState::Running { since: *since }, true)
            }
            (State::Waiting { notice: Some(notice), .. }, _)
            | (State::Starting { notice: Some(notice) }, _)
            | (State::Stopping { notice: Some(notice), .. }, _) => (waiting(notice), true),
            (State::PostStart { .. }, _) => (waiting(&self.not_yet()), true),
            // a punto de volver, sin espera: se sigue viendo cómo acabó
            (
                State::Waiting { notice: None, .. } | State::Starting { notice: None } | State::Ended,
                Some(ended),
            ) => (ContainerState::Terminated(ended.clone()), false),
            (State::Pending, _)
            | (State::Waiting { notice: None, .. } | State::Starting { notice: None } | State::Ended, None) => {
                (waiting(&self.not_yet()), true)
            }
        }
    }
}

fn is_ready(container: &Container) -> bool {
    container.probes().is_some_and(|probes| probes.ready())
}
