//! Capítulo 16 · PID 1, señales y parada ordenada: en qué orden y con qué plazos se despide un
//! contenedor.
//!
//! ```text
//! plazo de gracia g ───────────────────────────────────────────────┐
//! preStop (si lo hay) │ su turno (auxiliares) │ señal de parada … │ SIGKILL
//!                                              └── g − lo gastado, y nunca menos de 2 s
//! ```

use super::container::{Notice, Probes, State};
use super::notes;
use super::pod::Pod;
use super::rules::Kind;
use super::{Action, ContainerId, HookKind, Note, ProbeKind, Signal};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Tras la señal de parada se espera al menos esto antes de SIGKILL.
pub const MIN_STOP: Duration = Duration::from_secs(2);
/// Al acabar un Pod, ningún plazo de gracia vale menos que esto.
pub const MIN_GRACE: Duration = Duration::from_secs(1);

/// Por qué se para a un contenedor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Acaba el Pod.
    Pod,
    /// Lo condena una sonda.
    Probe,
    /// Falló su *hook* postStart.
    PostStart,
    /// Otro contenedor ha pedido que vuelvan a empezar todos.
    Restart,
}

/// La despedida del Pod entero.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ending {
    pub began: Duration,
    pub grace: Duration,
    /// Sin cortesías: la pausa ya no está.
    pub hard: bool,
}

// ANCHOR: farewell
/// La despedida de un contenedor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Farewell {
    pub cause: Cause,
    /// Cuándo empezó y cuánto se le concede en total.
    pub began: Duration,
    pub grace: Duration,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Su *hook* preStop corre, a costa del plazo de gracia.
    PreStop,
    /// Espera a que acaben los que deben acabar antes que él.
    Turn,
    /// Ya tiene la señal de parada.
    Stopped { kill_at: Duration },
    /// Ya tiene SIGKILL: solo queda que el kernel lo confirme.
    Killed,
}
// ANCHOR_END: farewell

impl Farewell {
    /// Cuándo se le acaba el plazo.
    pub fn until(&self) -> Duration {
        self.began.saturating_add(self.grace)
    }

    // ANCHOR: kill_at
    /// Cuándo llega SIGKILL si la señal de parada se envía en `now`: se descuentan los segundos
    /// enteros ya gastados, y siempre quedan al menos 2.
    pub fn kill_at(&self, now: Duration) -> Duration {
        let spent = Duration::from_secs(now.saturating_sub(self.began).as_secs());
        now.saturating_add(self.grace.saturating_sub(spent).max(MIN_STOP))
    }
    // ANCHOR_END: kill_at

    /// El Pod acaba con un plazo nuevo que se cuenta desde `now`: solo puede acortar el que había.
    pub fn shorten(&mut self, now: Duration, grace: Duration) {
        self.cause = Cause::Pod;
        if now.saturating_add(grace) < self.until() {
            (self.began, self.grace) = (now, grace);
        }
        if let Step::Stopped { kill_at } = &mut self.step {
            *kill_at = (*kill_at).min(now.saturating_add(grace.max(MIN_STOP)));
        }
    }

    pub fn deadline(&self) -> Option<Duration> {
        match self.step {
            Step::PreStop | Step::Turn => Some(self.until()),
            Step::Stopped { kill_at } => Some(kill_at),
            Step::Killed => None,
        }
    }
}

impl Pod {
    /// El Pod acabará en Failed por esta causa; la primera manda.
    pub(super) fn condemn(&mut self, note: Note, out: &mut Vec<Action>) {
        if self.condemned.is_none() {
            self.condemned = Some(Notice { reason: note.reason.clone(), message: note.message.clone() });
            out.push(Action::Record(note));
        }
    }

    // ANCHOR: end
    /// El Pod empieza a acabar. Si ya acababa, el plazo solo puede acortarse.
    pub(super) fn end(&mut self, grace: Duration, hard: bool) {
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

    pub(super) fn stop_for_probe(&mut self, id: ContainerId, kind: ProbeKind, out: &mut Vec<Action>) {
        let rules = &self.rules.containers[id];
        let grace = rules.probe(kind).and_then(|p| p.grace).unwrap_or(self.rules.grace);
        let killing = notes::killing_probe(rules, kind);
        self.stop_container(id, Cause::Probe, None, grace, killing, out);
    }

    pub(super) fn stop_with_the_pod(&mut self, id: ContainerId, out: &mut Vec<Action>) {
        let Some(ending) = &self.ending else { return };
        // al que arranca cuando el Pod ya acaba se le da lo que quede, no un plazo nuevo
        let left = ending.began.saturating_add(ending.grace).saturating_sub(self.now);
        let unready = matches!(self.containers[id].state, State::PostStart { .. });
        let notice = unready.then(|| self.not_yet());
        let killing = notes::killing(&self.rules.containers[id]);
        self.stop_container(id, Cause::Pod, notice, left, killing, out);
    }

    /// Empieza la despedida de un contenedor vivo.
    pub(super) fn stop_container(
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
        let (since, mut probes) = match std::mem::replace(&mut container.state, State::Ended) {
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

    // ANCHOR: advance_farewell
    pub(super) fn advance_farewell(&mut self, id: ContainerId, out: &mut Vec<Action>) -> bool {
        let now = self.now;
        let hard = self.ending.as_ref().is_some_and(|ending| ending.hard);
        let turn = self.is_its_turn(id);
        let State::Stopping { farewell, .. } = &mut self.containers[id].state else { return false };
        let hard = hard || farewell.cause == Cause::Restart;
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
    // ANCHOR_END: advance_farewell

    // ANCHOR: turn
    /// Cuando el Pod acaba, los auxiliares esperan a todos los demás y, entre ellos, se paran en
    /// orden inverso al de arranque.
    fn is_its_turn(&self, id: ContainerId) -> bool {
        let kind = |id: ContainerId| self.rules.containers[id].kind;
        let waits_for = |other: ContainerId| match kind(other) {
            Kind::Init | Kind::App => true,
            Kind::Sidecar => other > id,
            Kind::Ephemeral => false,
        };
        let first = |other: ContainerId| other != id && waits_for(other) && self.containers[other].may_live();
        kind(id) != Kind::Sidecar || !(0..self.containers.len()).any(first)
    }
    // ANCHOR_END: turn
}
