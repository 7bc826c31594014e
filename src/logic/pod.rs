//! Capítulo 23 · El bucle que lo une todo: llega un suceso, salen órdenes.
//!
//! `step` hace dos cosas: anota lo que ha pasado (`news.rs`) y, después, repite [`Pod::advance`]
//! hasta que en este instante no quede nada por hacer.

use super::conditions::Conditions;
use super::container::{Container, Notice, State};
use super::lifecycle::{Cause, Ending, Step};
use super::notes;
use super::probe::Due;
use super::restart::succeeded;
use super::rules::{ContainerRules, Kind, PodRules};
use super::{Action, ContainerId, Event};
use serde::{Deserialize, Serialize};
use std::time::Duration;

// ANCHOR: pod
/// Un Pod: sus reglas y lo que se sabe de él.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pod {
    pub(super) rules: PodRules,
    pub(super) containers: Vec<Container>,
    pub(super) sandbox: Sandbox,
    /// Se está acabando, y con qué plazo.
    pub(super) ending: Option<Ending>,
    pub(super) deleting: bool,
    /// Por qué falla el Pod, digan lo que digan sus códigos de salida: razón y mensaje.
    pub(super) condemned: Option<Notice>,
    /// Quién ha pedido que todos vuelvan a empezar, mientras quede quien no ha muerto.
    pub(super) restarting: Option<ContainerId>,
    pub(super) over: bool,
    pub(super) conditions: Conditions,
    /// Las condiciones que han puesto desde fuera, en el orden en que llegaron.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) outside: Vec<super::status::Condition>,
    pub(super) now: Duration,
}
// ANCHOR_END: pod

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Sandbox {
    New,
    Starting,
    Ready,
    Gone,
}

/// Un contenedor al que se espera mientras el Pod acaba.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaving {
    pub container: String,
    pub step: Step,
    /// Cuándo se da el paso siguiente aunque no responda.
    pub deadline: Option<Duration>,
}

impl Pod {
    pub fn new(rules: PodRules) -> Pod {
        Pod {
            containers: rules.containers.iter().map(|_| Container::new()).collect(),
            conditions: Conditions::new(!rules.containers.iter().any(|c| c.kind.is_init())),
            rules,
            outside: Vec::new(),
            sandbox: Sandbox::New,
            ending: None,
            deleting: false,
            condemned: None,
            restarting: None,
            over: false,
            now: Duration::ZERO,
        }
    }

    // ANCHOR: step
    /// El corazón de micropod: con el mismo estado, hora y suceso, siempre pide lo mismo.
    ///
    /// `now` es el tiempo desde que nació el Pod.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.now = self.now.max(now);
        if self.over {
            return out;
        }
        self.note(event, &mut out);
        while self.advance(&mut out) {}
        self.update_conditions(self.now);
        out
    }
    // ANCHOR_END: step

    /// Cuándo hay que volver a llamar a `step` aunque no pase nada.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.over {
            return None;
        }
        let active = self.rules.active_deadline.filter(|_| self.ending.is_none());
        self.containers.iter().filter_map(Container::deadline).chain(active).min()
    }

    /// ¿Ha acabado del todo? Ya se dio la última orden y no habrá más.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// El número de reinicio de la vida que corre o va a empezar: 0 en la primera. Da nombre a
    /// sus logs, y distingue las respuestas que llegan tarde.
    pub fn life(&self, id: ContainerId) -> u32 {
        let Some(container) = self.containers.get(id) else { return 0 };
        if container.is_alive() { container.lives.saturating_sub(1) } else { container.lives }
    }

    /// A quién se espera para que el Pod acabe, y hasta cuándo. Vacía si no está acabando.
    pub fn leaving(&self) -> Vec<Leaving> {
        let leaving = |(rules, container): (&ContainerRules, &Container)| match &container.state {
            State::Stopping { farewell, .. } if farewell.cause == Cause::Pod => Some(Leaving {
                container: rules.name.clone(),
                step: farewell.step.clone(),
                deadline: farewell.deadline(),
            }),
            State::Stopping { .. }
            | State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::PostStart { .. }
            | State::Running { .. }
            | State::Ended => None,
        };
        self.rules.containers.iter().zip(&self.containers).filter_map(leaving).collect()
    }

    // ANCHOR: advance
    /// Da un paso de lo que toca en este instante; `false` si no queda ninguno.
    fn advance(&mut self, out: &mut Vec<Action>) -> bool {
        if self.over {
            return false;
        }
        self.create_sandbox(out)
            || self.check_active_deadline(out)
            || self.advance_containers(out)
            || self.check_restarted()
            || self.start_next(out)
            || self.check_finished()
            || self.check_over(out)
    }
    // ANCHOR_END: advance

    fn create_sandbox(&mut self, out: &mut Vec<Action>) -> bool {
        if self.sandbox != Sandbox::New || self.ending.is_some() {
            return false;
        }
        self.sandbox = Sandbox::Starting;
        out.push(Action::Record(notes::scheduled(&self.rules)));
        out.extend(
            self.rules.missing_cluster_dns.as_deref().map(notes::missing_cluster_dns).map(Action::Record),
        );
        out.push(Action::StartSandbox);
        true
    }

    fn check_active_deadline(&mut self, out: &mut Vec<Action>) -> bool {
        let expired = self.rules.active_deadline.is_some_and(|at| self.now >= at);
        if !expired || self.ending.is_some() {
            return false;
        }
        self.condemn(notes::deadline_exceeded(), out);
        self.end(self.rules.grace, false);
        true
    }

    /// Un paso de todos: si se parara en el primero, mil contenedores costarían un millón de miradas.
    fn advance_containers(&mut self, out: &mut Vec<Action>) -> bool {
        let mut advanced = false;
        for id in 0..self.containers.len() {
            advanced |= self.advance_container(id, out);
        }
        advanced
    }

    fn advance_container(&mut self, id: ContainerId, out: &mut Vec<Action>) -> bool {
        let now = self.now;
        let restarts = self.must_restart(id);
        let container = &mut self.containers[id];
        match &mut container.state {
            State::Pending | State::Waiting { .. } if self.ending.is_some() => {
                container.state = State::Ended;
                true
            }
            State::Waiting { next, notice } if now >= next.at => {
                if let Some(finished) = next.finished {
                    container.backoff.restarted(now, finished);
                }
                container.state = State::Starting { notice: notice.take() };
                out.push(Action::Start(id));
                true
            }
            State::PostStart { .. } | State::Running { .. } if self.ending.is_some() => {
                self.stop_with_the_pod(id, out);
                true
            }
            // estaba naciendo cuando se pidió que volvieran a empezar todos
            State::PostStart { .. } | State::Running { .. } if restarts => {
                self.stop_to_restart(id, out);
                true
            }
            State::Running { probes, .. } => {
                if !container.has_started && probes.started() {
                    container.has_started = true;
                }
                match probes.fatal() {
                    Some(kind) => {
                        self.stop_for_probe(id, kind, out);
                        true
                    }
                    None => self.advance_probes(id, false, out),
                }
            }
            State::Stopping { .. } => self.advance_farewell(id, out) || self.advance_probes(id, true, out),
            State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::PostStart { .. }
            | State::Ended => false,
        }
    }

    fn advance_probes(&mut self, id: ContainerId, stopping: bool, out: &mut Vec<Action>) -> bool {
        let now = self.now;
        let rules = &self.rules.containers[id];
        let Some(probes) = self.containers[id].probes_mut() else { return false };
        for &kind in probes.active(stopping) {
            let (Some(state), Some(probe)) = (probes.get_mut(kind), rules.probe(kind)) else { continue };
            match state.due(probe, now) {
                Due::Nothing => continue,
                Due::Ask => out.push(Action::Probe(id, kind)),
                Due::GiveUp => {
                    out.push(Action::AbandonProbe(id, kind));
                    out.push(Action::Record(notes::probe_timeout(rules, kind, probe.timeout)));
                }
            }
            return true;
        }
        false
    }

    // ANCHOR: start_next
    /// Arranca el siguiente contenedor que nunca ha arrancado, si le toca.
    fn start_next(&mut self, out: &mut Vec<Action>) -> bool {
        if self.sandbox != Sandbox::Ready || self.ending.is_some() || self.restarting.is_some() {
            return false;
        }
        let Some(id) = self.next_in_line() else { return false };
        self.containers[id].state = match self.containers[id].not_before.take() {
            Some(next) => self.wait_until(id, next, None, out),
            None => {
                out.push(Action::Start(id));
                State::Starting { notice: None }
            }
        };
        true
    }

    /// Los de inicialización, de uno en uno y cada uno cuando el anterior ha salido bien (o, si se
    /// queda, cuando ha arrancado). Los de aplicación, en orden, sin esperar a que estén listos:
    /// solo a que el anterior haya nacido y su postStart haya acabado. Los efímeros no esperan a nadie.
    fn next_in_line(&self) -> Option<ContainerId> {
        if let Some(id) = self.ephemerals().find(|id| self.containers[*id].state == State::Pending) {
            return Some(id);
        }
        for (id, (rules, container)) in self.rules.containers.iter().zip(&self.containers).enumerate() {
            let lets_pass = match (&container.state, rules.kind) {
                (_, Kind::Ephemeral) => true,
                (State::Pending, _) => return Some(id),
                (_, Kind::Init) => self.init_succeeded(id),
                (_, Kind::Sidecar) => container.has_started,
                (State::Starting { .. } | State::PostStart { .. }, Kind::App) => false,
                (State::Stopping { notice, .. }, Kind::App) => notice.is_none(),
                (State::Waiting { .. } | State::Running { .. } | State::Ended, Kind::App) => true,
            };
            if !lets_pass {
                return None;
            }
        }
        None
    }
    // ANCHOR_END: start_next

    fn ephemerals(&self) -> impl Iterator<Item = ContainerId> {
        let all = self.rules.containers.iter().enumerate();
        all.filter(|(_, rules)| rules.kind == Kind::Ephemeral).map(|(id, _)| id)
    }

    /// ¿Acabó bien este contenedor de inicialización?
    pub(super) fn init_succeeded(&self, id: ContainerId) -> bool {
        let container = &self.containers[id];
        container.state == State::Ended && container.latest.as_ref().is_some_and(|t| succeeded(Kind::Init, t))
    }

    /// Nada que hacer ya: o falló la inicialización, o los de aplicación acabaron para siempre. Los
    /// auxiliares no alargan la vida del Pod.
    fn check_finished(&mut self) -> bool {
        if self.sandbox != Sandbox::Ready || self.ending.is_some() {
            return false;
        }
        let all = || self.rules.containers.iter().zip(&self.containers).enumerate();
        let ended = |c: &Container| c.state == State::Ended;
        let init_failed =
            all().any(|(id, (r, c))| r.kind == Kind::Init && ended(c) && !self.init_succeeded(id));
        let apps_ended = all().all(|(_, (r, c))| r.kind != Kind::App || ended(c));
        if init_failed || apps_ended {
            self.end(self.rules.grace, false);
        }
        init_failed || apps_ended
    }

    /// Se acabó cuando no queda ningún proceso, ni puede nacer ninguno.
    fn check_over(&mut self, out: &mut Vec<Action>) -> bool {
        let pending = self.sandbox == Sandbox::Starting || self.containers.iter().any(Container::may_live);
        if self.ending.is_none() || pending {
            return false;
        }
        self.over = true;
        out.push(Action::StopSandbox);
        true
    }
}

/// Lo que hace falta para guardar el núcleo y volver a él.
impl Pod {
    pub fn rules(&self) -> &PodRules {
        &self.rules
    }

    /// El instante del último paso.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// El mismo Pod sin lo que dijeron sus programas, que no cambia nada de lo que decide.
    pub fn without_words(&self) -> Pod {
        let mut pod = self.clone();
        for container in &mut pod.containers {
            for ended in container.latest.iter_mut().chain(&mut container.previous) {
                ended.message.clear();
            }
            if let Some(notice) = container.notice_mut() {
                notice.message.clear();
            }
        }
        pod
    }

    /// ¿Puede ser de verdad? Lo que se lee de un fichero, quizá no.
    pub fn makes_sense(&self) -> bool {
        self.containers.len() == self.rules.containers.len()
            && self.restarting.is_none_or(|id| id < self.containers.len())
            && !self.rules.containers.is_empty()
    }
}
