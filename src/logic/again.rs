//! Capítulo 17 · Volver a empezar: uno con espera, o todos desde el principio.

use super::container::{Notice, State};
use super::lifecycle::Cause;
use super::notes;
use super::pod::Pod;
use super::restart::NextStart;
use super::rules::Kind;
use super::{Action, ContainerId};
use std::time::Duration;

impl Pod {
    // ANCHOR: wait_until
    /// La espera de quien va a volver a arrancar; si no es inmediato, se cuenta.
    pub(super) fn wait_until(
        &self,
        id: ContainerId,
        next: NextStart,
        notice: Option<Notice>,
        out: &mut Vec<Action>,
    ) -> State {
        let rules = &self.rules.containers[id];
        if next.at <= self.now {
            return State::Waiting { next, notice };
        }
        out.push(Action::Record(notes::back_off(rules, &self.rules.name)));
        let notice = notes::crash_loop(rules, &self.rules.name, next.at - self.now);
        State::Waiting { next, notice: Some(notice) }
    }
    // ANCHOR_END: wait_until

    // ANCHOR: restart_everyone
    /// `RestartAllContainers`: mueren todos, sin despedidas, y el Pod vuelve a empezar por los de
    /// inicialización, también los que ya habían acabado. Se quedan la pausa, la red y los volúmenes.
    ///
    /// Quien lo pide espera lo suyo cuando le vuelva a tocar el turno: si no, quien falla siempre
    /// reiniciaría el Pod sin descanso.
    pub(super) fn restart_everyone(&mut self, by: ContainerId, out: &mut Vec<Action>) {
        self.restarting = Some(by);
        for id in 0..self.containers.len() {
            self.containers[id].has_started = false;
            if self.must_restart(id) {
                self.stop_to_restart(id, out);
            }
        }
        self.back_to_the_start();
    }

    /// ¿Tiene que volver a empezar con los demás? Un efímero no empieza dos veces.
    pub(super) fn must_restart(&self, id: ContainerId) -> bool {
        self.restarting.is_some() && self.rules.containers[id].kind != Kind::Ephemeral
    }

    /// Mata a quien corra: ni preStop ni plazo de gracia.
    pub(super) fn stop_to_restart(&mut self, id: ContainerId, out: &mut Vec<Action>) {
        let Some(by) = self.restarting else { return };
        let notice = match &mut self.containers[id].state {
            State::Stopping { farewell, .. } => {
                farewell.cause = Cause::Restart;
                return;
            }
            State::PostStart { .. } => Some(self.not_yet()),
            State::Running { .. } => None,
            State::Pending | State::Waiting { .. } | State::Starting { .. } | State::Ended => return,
        };
        let killing = notes::killing_restart(&self.rules.containers[id], &self.rules.containers[by]);
        self.stop_container(id, Cause::Restart, notice, Duration::ZERO, killing, out);
    }

    /// Quien no corre espera su turno, aunque ya hubiera acabado.
    fn back_to_the_start(&mut self) -> bool {
        let mut changed = false;
        for id in 0..self.containers.len() {
            let restarts = self.must_restart(id);
            let container = &mut self.containers[id];
            if restarts && matches!(container.state, State::Waiting { .. } | State::Ended) {
                container.state = State::Pending;
                changed = true;
            }
        }
        changed
    }

    /// ¿Han muerto ya todos los que tenían que volver a empezar?
    pub(super) fn check_restarted(&mut self) -> bool {
        if self.restarting.is_none() || self.ending.is_some() {
            return false;
        }
        let changed = self.back_to_the_start();
        let alive = |id: ContainerId| self.must_restart(id) && self.containers[id].may_live();
        if (0..self.containers.len()).any(alive) {
            return changed;
        }
        self.restarting = None;
        true
    }
    // ANCHOR_END: restart_everyone
}
