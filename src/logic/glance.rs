//! El núcleo de un vistazo: lo que necesita quien lo dibuja o lo cuenta a cada paso, sin construir
//! todo el estado que se publica.

use super::container::State;
use super::pod::Pod;
use super::restart::succeeded;
use super::{ContainerId, ProbeKind};
use std::time::Duration;

/// En qué está un contenedor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Glance {
    /// Aún no le ha tocado.
    Pending,
    /// Espera para volver a arrancar.
    Waiting,
    /// Se le ha mandado arrancar, o corre su postStart.
    Starting,
    Running {
        started: bool,
        ready: bool,
    },
    /// Se le está parando.
    Stopping,
    /// No volverá a arrancar. `ok`: acabó bien.
    Ended {
        ok: bool,
    },
}

impl Pod {
    /// El contenedor `id` de un vistazo.
    pub fn glance(&self, id: ContainerId) -> Glance {
        let Some(container) = self.containers.get(id) else { return Glance::Pending };
        match &container.state {
            State::Pending => Glance::Pending,
            State::Waiting { .. } => Glance::Waiting,
            State::Starting { .. } | State::PostStart { .. } => Glance::Starting,
            State::Running { probes, .. } => {
                Glance::Running { started: probes.started(), ready: probes.ready() }
            }
            State::Stopping { .. } => Glance::Stopping,
            State::Ended => {
                let kind = self.rules.containers[id].kind;
                Glance::Ended { ok: container.latest.as_ref().is_some_and(|t| succeeded(kind, t)) }
            }
        }
    }

    /// Cuándo volverá a arrancar un contenedor que espera para hacerlo.
    pub fn restarts_at(&self, id: ContainerId) -> Option<Duration> {
        match &self.containers.get(id)?.state {
            State::Waiting { next, .. } => Some(next.at),
            State::Pending
            | State::Starting { .. }
            | State::PostStart { .. }
            | State::Running { .. }
            | State::Stopping { .. }
            | State::Ended => None,
        }
    }

    /// La racha de una sonda: la última respuesta y cuántas veces seguidas se ha repetido. `None`
    /// si no tiene esa sonda o aún no ha respondido en esta vida.
    pub fn streak(&self, id: ContainerId, kind: ProbeKind) -> Option<(bool, u32)> {
        self.containers.get(id)?.probes()?.get(kind)?.streak()
    }

    /// ¿Están volviendo a empezar todos?
    pub fn is_restarting(&self) -> bool {
        self.restarting.is_some()
    }

    /// ¿Está acabando?
    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }
}
