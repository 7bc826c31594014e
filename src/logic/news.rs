//! Lo que ha pasado: cada suceso cambia lo que se sabe, y lo que no se esperaba no cambia nada.

use super::container::{Container, Notice, Probes, State, terminated};
use super::lifecycle::{Cause, MIN_GRACE, Step};
use super::notes;
use super::pod::{Pod, Sandbox};
use super::restart::{NextStart, Restart, after, next_start};
use super::rules::{ContainerRules, Kind, RestartPolicy};
use super::{Action, ContainerId, Event, Exit, HookKind, Note, Outcome, ProbeKind, StartFailure, StopReason};
use std::time::Duration;

/// Lo que espera quien no llegó a nacer antes de volver a intentarlo.
pub const RETRY_START: Duration = Duration::from_secs(10);

impl Pod {
    pub(super) fn note(&mut self, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::SandboxReady => {
                if self.sandbox == Sandbox::Starting {
                    self.sandbox = Sandbox::Ready;
                }
            }
            Event::SandboxFailed(why) => self.lose_sandbox(notes::sandbox_failed(&why), out),
            Event::SandboxDied(why) => self.lose_sandbox(notes::sandbox_died(&why), out),
            Event::Started(id) => self.started(id, out),
            Event::StartFailed(id, failure) => self.start_failed(id, failure, out),
            Event::Exited { id, exit, oom, message } => self.exited(id, exit, oom, message, out),
            Event::Probed(id, kind, outcome) => self.probed(id, kind, outcome, out),
            Event::HookDone(id, hook, result) => self.hook_done(id, hook, result, out),
            Event::StopRequested { grace, reason } => self.stop_requested(grace, reason, out),
            Event::EphemeralAdded(rules) => self.add_ephemeral(*rules),
            Event::ConditionSet(condition) => self.set_condition(condition),
            Event::TimePassed => {}
        }
    }

    /// Sin pausa no hay red ni, quizá, procesos: el Pod falla entero, nunca a medias.
    fn lose_sandbox(&mut self, note: Note, out: &mut Vec<Action>) {
        match self.sandbox {
            Sandbox::Starting | Sandbox::Ready => {}
            Sandbox::New | Sandbox::Gone => return,
        }
        self.sandbox = Sandbox::Gone;
        self.condemn(note, out);
        self.end(Duration::ZERO, true);
    }

    // ANCHOR: ephemeral
    /// Viene a mirar un Pod que vive. Del que acaba ya no hay nada que mirar.
    fn add_ephemeral(&mut self, rules: ContainerRules) {
        let known = self.rules.containers.iter().any(|other| other.name == rules.name);
        if known || self.ending.is_some() || rules.kind != Kind::Ephemeral {
            return;
        }
        self.rules.containers.push(rules);
        self.containers.push(Container::new());
    }
    // ANCHOR_END: ephemeral

    fn started(&mut self, id: ContainerId, out: &mut Vec<Action>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        if !matches!(container.state, State::Starting { .. }) {
            return;
        }
        let rules = &self.rules.containers[id];
        out.extend([notes::pulled(rules), notes::created(rules), notes::started(rules)].map(Action::Record));
        container.lives = container.lives.saturating_add(1);
        container.state = if rules.post_start && self.ending.is_none() {
            out.push(Action::RunHook(id, HookKind::PostStart));
            State::PostStart { since: self.now }
        } else {
            State::Running { since: self.now, probes: Probes::new(rules, self.now) }
        };
    }

    fn start_failed(&mut self, id: ContainerId, failure: StartFailure, out: &mut Vec<Action>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        if !matches!(container.state, State::Starting { .. }) {
            return;
        }
        let rules = &self.rules.containers[id];
        out.extend(notes::start_failed(rules, &failure).into_iter().map(Action::Record));
        let notice = Notice { reason: failure.reason, message: failure.message };
        let Some(code) = failure.exit_code else {
            // ni nació: no es una vida, así que se reintenta con cualquier política
            let finished = container.latest.as_ref().map(|ended| ended.finished);
            let ready = finished.map_or(Duration::ZERO, |f| {
                f.saturating_add(container.backoff.delay(f) / self.rules.acelera)
            });
            let at = ready.max(self.now.saturating_add(RETRY_START));
            container.state = State::Waiting { next: NextStart { at, finished }, notice: Some(notice) };
            return;
        };
        container.lives = container.lives.saturating_add(1);
        let mut ended = terminated(Exit::Code(code), false, notice.message.clone(), self.now, self.now);
        ended.reason = "StartError".into();
        container.bury(ended);
        self.decide(id, None, Some(notice), out);
    }

    fn exited(&mut self, id: ContainerId, exit: Exit, oom: bool, message: String, out: &mut Vec<Action>) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let Some(since) = container.since() else { return };
        if let Some(probes) = container.probes() {
            out.extend(probes.asking().into_iter().map(|kind| Action::AbandonProbe(id, kind)));
        }
        let (cause, notice) = match &container.state {
            State::Stopping { farewell, notice, .. } => {
                if farewell.step == Step::PreStop {
                    out.push(Action::AbandonHook(id, HookKind::PreStop));
                }
                (Some(farewell.cause), notice.clone())
            }
            State::PostStart { .. } => {
                out.push(Action::AbandonHook(id, HookKind::PostStart));
                (None, None)
            }
            State::Running { .. }
            | State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::Ended => (None, None),
        };
        container.bury(terminated(exit, oom, message, since, self.now));
        self.decide(id, cause, notice, out);
    }

    // ANCHOR: decide
    /// Un contenedor acaba de acabar: ¿vuelve?, ¿cuándo?
    fn decide(
        &mut self,
        id: ContainerId,
        cause: Option<Cause>,
        notice: Option<Notice>,
        out: &mut Vec<Action>,
    ) {
        let rules = &self.rules.containers[id];
        let container = &mut self.containers[id];
        let by_probe = cause == Some(Cause::Probe);
        let restart = match (&self.ending, &container.latest) {
            (None, Some(_)) if cause == Some(Cause::Restart) => {
                container.state = State::Pending;
                return;
            }
            // quien muere por una sonda no ha elegido su código de salida: solo manda la política
            (None, Some(_)) if by_probe && rules.policy != RestartPolicy::Never => Restart::Itself,
            (None, Some(ended)) if !by_probe => after(rules, ended),
            (Some(_), _) | (None, _) => Restart::Nobody,
        };
        if restart == Restart::Nobody {
            container.state = State::Ended;
            return;
        }
        let older = container.previous.as_ref().map(|ended| ended.finished);
        let next = next_start(&mut container.backoff, self.now, by_probe, older, self.rules.acelera);
        if restart == Restart::Everyone {
            container.state = State::Pending;
            container.not_before = Some(next);
            return self.restart_everyone(id, out);
        }
        self.containers[id].state = self.wait_until(id, next, notice, out);
    }
    // ANCHOR_END: decide

    fn probed(&mut self, id: ContainerId, kind: ProbeKind, outcome: Outcome, out: &mut Vec<Action>) {
        let Some(rules) = self.rules.containers.get(id) else { return };
        let Some(probes) = self.containers[id].probes_mut() else { return };
        let (Some(state), Some(probe)) = (probes.get_mut(kind), rules.probe(kind)) else { return };
        if !state.is_asking() {
            return; // llegó tarde: ya se contó como fallo, o es de otra vida
        }
        match outcome {
            Outcome::Success => state.observe(probe, true),
            Outcome::Warning(text) => {
                state.observe(probe, true);
                out.push(Action::Record(notes::probe_warning(rules, kind, &text)));
            }
            Outcome::Failure(text) => {
                state.observe(probe, false);
                out.push(Action::Record(notes::probe_failed(rules, kind, &text)));
            }
            Outcome::Error(text) => {
                if state.retry(probe, self.now) {
                    out.push(Action::Probe(id, kind));
                } else {
                    out.push(Action::Record(notes::probe_error(rules, kind, &text)));
                }
            }
        }
    }

    fn hook_done(
        &mut self,
        id: ContainerId,
        hook: HookKind,
        result: Result<(), String>,
        out: &mut Vec<Action>,
    ) {
        let Some(container) = self.containers.get_mut(id) else { return };
        let rules = &self.rules.containers[id];
        match (hook, &mut container.state) {
            (HookKind::PostStart, State::PostStart { since }) => {
                let since = *since;
                match result {
                    Ok(()) => container.state = State::Running { since, probes: Probes::new(rules, since) },
                    Err(why) => {
                        out.push(Action::Record(notes::post_start_failed(rules, &why)));
                        let notice = Notice { reason: "PostStartHookError".into(), message: why };
                        let killing = notes::killing_post_start(rules);
                        let grace = self.rules.grace;
                        self.stop_container(id, Cause::PostStart, Some(notice), grace, killing, out);
                    }
                }
            }
            (HookKind::PreStop, State::Stopping { farewell, .. }) if farewell.step == Step::PreStop => {
                farewell.step = Step::Turn;
                if let Err(why) = result {
                    out.push(Action::Record(notes::pre_stop_failed(rules, &why)));
                }
            }
            (HookKind::PostStart | HookKind::PreStop, _) => {} // de un *hook* que ya no se espera
        }
    }

    fn stop_requested(&mut self, grace: Option<Duration>, reason: StopReason, out: &mut Vec<Action>) {
        let default = match reason {
            StopReason::Deleted => {
                self.deleting = true;
                self.rules.grace
            }
            StopReason::Evicted(message) => {
                self.condemn(notes::evicted(&message), out);
                MIN_GRACE
            }
        };
        self.end(grace.unwrap_or(default), false);
    }
}
