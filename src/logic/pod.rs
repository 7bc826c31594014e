//! Capítulo 22 · El bucle que lo une todo: llega un suceso, salen órdenes.
//!
//! `step` hace dos cosas: anota lo que ha pasado y, después, repite [`Pod::advance`] hasta que en
//! este instante no quede nada por hacer. Las reglas están una vez, en `advance` y lo que llama.

use super::conditions::Conditions;
use super::container::{Container, Notice, Probes, State, terminated};
use super::lifecycle::{Cause, Farewell, MIN_GRACE, Step};
use super::notes;
use super::probe::Due;
use super::restart::{NextStart, next_start, should_restart, succeeded};
use super::rules::{ContainerRules, Kind, PodRules, RestartPolicy};
use super::{
    Action, ContainerId, Event, Exit, HookKind, Note, Outcome, ProbeKind, Signal, StartFailure, StopReason,
};
use std::time::Duration;

/// Lo que espera quien no llegó a arrancar antes de volver a intentarlo.
const RETRY_START: Duration = Duration::from_secs(10);

// ANCHOR: pod
/// Un Pod: sus reglas y lo que se sabe de él.
#[derive(Clone, Debug)]
pub struct Pod {
    pub(super) rules: PodRules,
    pub(super) containers: Vec<Container>,
    pub(super) sandbox: Sandbox,
    /// Se está acabando, y con qué plazo.
    pub(super) ending: Option<Ending>,
    pub(super) deleting: bool,
    /// Por qué falla el Pod, digan lo que digan sus códigos de salida: razón y mensaje.
    pub(super) condemned: Option<Notice>,
    pub(super) over: bool,
    pub(super) conditions: Conditions,
    now: Duration,
}
// ANCHOR_END: pod

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sandbox {
    New,
    Starting,
    Ready,
    Gone,
}

#[derive(Clone, Debug)]
pub(super) struct Ending {
    began: Duration,
    grace: Duration,
    /// Sin despedidas: la pausa ya no está.
    hard: bool,
}

/// Un contenedor al que se espera mientras el Pod acaba.
#[derive(Clone, Debug, PartialEq)]
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
            conditions: Conditions::new(!rules.containers.iter().any(|c| c.kind != Kind::App)),
            rules,
            sandbox: Sandbox::New,
            ending: None,
            deleting: false,
            condemned: None,
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

    // ---- lo que ha pasado ----

    fn note(&mut self, event: Event, out: &mut Vec<Action>) {
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
        let restarts = match (&self.ending, &container.latest) {
            // quien muere por una sonda no ha elegido su código de salida: solo manda la política
            (None, Some(_)) if by_probe => rules.policy != RestartPolicy::Never,
            (None, Some(ended)) => should_restart(rules, ended),
            (Some(_), _) | (None, None) => false,
        };
        if !restarts {
            container.state = State::Ended;
            return;
        }
        let older = container.previous.as_ref().map(|ended| ended.finished);
        let next = next_start(&mut container.backoff, self.now, by_probe, older, self.rules.acelera);
        let notice = if next.at > self.now {
            out.push(Action::Record(notes::back_off(rules, &self.rules.name)));
            Some(notes::crash_loop(rules, &self.rules.name, next.at - self.now))
        } else {
            notice
        };
        container.state = State::Waiting { next, notice };
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
                        self.stop_container(
                            id,
                            Cause::PostStart,
                            Some(notice),
                            self.rules.grace,
                            killing,
                            out,
                        );
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

    /// El Pod acabará en Failed por esta causa; la primera manda.
    fn condemn(&mut self, note: Note, out: &mut Vec<Action>) {
        if self.condemned.is_none() {
            self.condemned = Some(Notice { reason: note.reason.clone(), message: note.message.clone() });
            out.push(Action::Record(note));
        }
    }

    // ANCHOR: end
    /// El Pod empieza a acabar. Si ya acababa, el plazo solo puede acortarse.
    fn end(&mut self, grace: Duration, hard: bool) {
        let now = self.now;
        let grace = grace.max(MIN_GRACE);
        match &mut self.ending {
            None => self.ending = Some(Ending { began: now, grace, hard }),
            Some(ending) => {
                if now.saturating_add(grace) < ending.began.saturating_add(ending.grace) {
                    (ending.began, ending.grace) = (now, grace);
                }
                ending.hard |= hard;
            }
        }
        for container in &mut self.containers {
            if let State::Stopping { farewell, .. } = &mut container.state {
                farewell.shorten(now, grace);
            }
        }
    }
    // ANCHOR_END: end

    // ---- lo que toca hacer ----

    // ANCHOR: advance
    /// Da un paso de lo que toca en este instante; `false` si no queda ninguno.
    fn advance(&mut self, out: &mut Vec<Action>) -> bool {
        if self.over {
            return false;
        }
        self.create_sandbox(out)
            || self.check_active_deadline(out)
            || (0..self.containers.len()).fold(false, |did, id| self.advance_container(id, out) || did)
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
        out.extend([Action::Record(notes::scheduled(&self.rules)), Action::StartSandbox]);
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

    fn advance_container(&mut self, id: ContainerId, out: &mut Vec<Action>) -> bool {
        let now = self.now;
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

    fn stop_for_probe(&mut self, id: ContainerId, kind: ProbeKind, out: &mut Vec<Action>) {
        let rules = &self.rules.containers[id];
        let grace = rules.probe(kind).and_then(|p| p.grace).unwrap_or(self.rules.grace);
        let killing = notes::killing_probe(rules, kind);
        self.stop_container(id, Cause::Probe, None, grace, killing, out);
    }

    fn stop_with_the_pod(&mut self, id: ContainerId, out: &mut Vec<Action>) {
        let Some(ending) = &self.ending else { return };
        // al que arranca cuando el Pod ya acaba se le da lo que quede, no un plazo nuevo
        let left = ending.began.saturating_add(ending.grace).saturating_sub(self.now);
        let unready = matches!(self.containers[id].state, State::PostStart { .. });
        let notice = unready.then(|| self.not_yet());
        let killing = notes::killing(&self.rules.containers[id]);
        self.stop_container(id, Cause::Pod, notice, left, killing, out);
    }

    /// Empieza la despedida de un contenedor vivo.
    fn stop_container(
        &mut self,
        id: ContainerId,
        cause: Cause,
        notice: Option<Notice>,
        grace: Duration,
        killing: Note,
        out: &mut Vec<Action>,
    ) {
        let hard = self.ending.as_ref().is_some_and(|ending| ending.hard);
        let container = &mut self.containers[id];
        let (since, probes) = match std::mem::replace(&mut container.state, State::Ended) {
            State::Running { since, probes } => (since, probes),
            State::PostStart { since } => {
                if cause != Cause::PostStart {
                    out.push(Action::AbandonHook(id, HookKind::PostStart));
                }
                (since, Probes::default())
            }
            other @ (State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Ended) => {
                container.state = other;
                return;
            }
        };
        let mut probes = probes;
        let mut farewell = Farewell { cause, began: self.now, grace, step: Step::Turn };
        for kind in [ProbeKind::Startup, ProbeKind::Liveness] {
            if probes.asking().contains(&kind) {
                out.push(Action::AbandonProbe(id, kind));
            }
            if let Some(probe) = probes.get_mut(kind) {
                probe.abandon();
            }
        }
        out.push(Action::Record(killing));
        if self.rules.containers[id].pre_stop && !grace.is_zero() && !hard {
            farewell.step = Step::PreStop;
            out.push(Action::RunHook(id, HookKind::PreStop));
        }
        container.state = State::Stopping { since, probes, notice, farewell };
    }

    fn advance_farewell(&mut self, id: ContainerId, out: &mut Vec<Action>) -> bool {
        let now = self.now;
        let hard = self.ending.as_ref().is_some_and(|ending| ending.hard);
        let turn = self.is_its_turn(id);
        let State::Stopping { farewell, .. } = &mut self.containers[id].state else { return false };
        let expired = now >= farewell.until();
        match farewell.step {
            Step::PreStop if hard || expired => {
                out.push(Action::AbandonHook(id, HookKind::PreStop));
                farewell.step = Step::Turn;
            }
            Step::Turn | Step::Stopped { .. } if hard => {
                out.push(Action::Kill(id, Signal::Kill));
                farewell.step = Step::Killed;
            }
            Step::Turn if expired || turn || farewell.cause != Cause::Pod => {
                farewell.step = Step::Stopped { kill_at: farewell.kill_at(now) };
                out.push(Action::Kill(id, Signal::Stop));
            }
            Step::Stopped { kill_at } if now >= kill_at => {
                out.push(Action::Kill(id, Signal::Kill));
                farewell.step = Step::Killed;
            }
            Step::PreStop | Step::Turn | Step::Stopped { .. } | Step::Killed => return false,
        }
        true
    }

    // ANCHOR: turn
    /// Cuando el Pod acaba, los auxiliares esperan a todos los demás y, entre ellos, se paran en
    /// orden inverso al de arranque.
    fn is_its_turn(&self, id: ContainerId) -> bool {
        let kind = |id: ContainerId| self.rules.containers[id].kind;
        let waits_for = |other: ContainerId| kind(other) != Kind::Sidecar || other > id;
        let first = |other: ContainerId| other != id && waits_for(other) && self.containers[other].may_live();
        kind(id) != Kind::Sidecar || !(0..self.containers.len()).any(first)
    }
    // ANCHOR_END: turn

    // ANCHOR: start_next
    /// Arranca el siguiente contenedor que nunca ha arrancado, si le toca.
    fn start_next(&mut self, out: &mut Vec<Action>) -> bool {
        if self.sandbox != Sandbox::Ready || self.ending.is_some() {
            return false;
        }
        let Some(id) = self.next_in_line() else { return false };
        self.containers[id].state = State::Starting { notice: None };
        out.push(Action::Start(id));
        true
    }

    /// Los de inicialización, de uno en uno y cada uno cuando el anterior ha salido bien (o, si se
    /// queda, cuando ha arrancado). Los de aplicación, en orden, sin esperar a que estén listos:
    /// solo a que el anterior haya nacido y su postStart haya acabado.
    fn next_in_line(&self) -> Option<ContainerId> {
        for (id, (rules, container)) in self.rules.containers.iter().zip(&self.containers).enumerate() {
            let lets_pass = match (&container.state, rules.kind) {
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
