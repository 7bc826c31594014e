//! Las sondas en marcha y el peso de los volúmenes, del lado del supervisor.

use super::{Supervisor, limited, reap};
use crate::check::{self, Asking};
use crate::container::Target;
use crate::kernel::Kernel;
use crate::logic::{ContainerId, Event, Exit, Outcome, ProbeKind};
use crate::plan::all_containers;
use crate::spec::types::{Container, Probe};
use crate::volume::VolumePlan;
use nix::sched::CloneFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Una sonda que aún no ha respondido, y de qué vida de qué contenedor es: una respuesta tardía
/// no vale para la vida siguiente.
pub struct InFlight {
    pub id: ContainerId,
    pub life: u32,
    pub kind: ProbeKind,
    pub asking: Asking,
    /// ¿Puede decir algo más?
    pub listening: bool,
    /// El núcleo ya no la espera: solo queda recogerla.
    pub abandoned: bool,
}

fn probe_of(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    match kind {
        ProbeKind::Startup => container.startup_probe.as_ref(),
        ProbeKind::Readiness => container.readiness_probe.as_ref(),
        ProbeKind::Liveness => container.liveness_probe.as_ref(),
    }
}

impl Supervisor {
    pub(super) fn start_probe(&mut self, id: ContainerId, kind: ProbeKind) {
        let container = all_containers(&self.spec).nth(id);
        let Some((container, probe)) = container.and_then(|c| Some((c, probe_of(c, kind)?))) else { return };
        let ip = self.plan.network.as_ref().map(|net| net.ip);
        let question = check::question(probe, container, ip);
        let Some(life) = &self.lives[id] else { return };
        let target = Target {
            plan: &self.plan.containers[id],
            pidfd: life.pidfd.as_fd(),
            pid: life.process.pid,
            cgroup: life.cgroup.clone(),
            namespaces: namespaces_of_a_container(self.plan.hierarchy.is_some()),
        };
        let told = format_args!("sonda {kind:?} de {id}");
        match self.k.tell_once(told, |k| check::ask(k, &question, &target)) {
            Ok(asking) => self.probes.push(InFlight {
                id,
                life: life.number,
                kind,
                asking,
                listening: true,
                abandoned: false,
            }),
            Err(error) => {
                let outcome = Outcome::Error(error.summary());
                self.events.push_back(Event::Probed(id, kind, outcome));
            }
        }
    }

    pub(super) fn probe_answered(&mut self, index: usize) {
        let probe = self.probes.remove(index);
        let code = match reap(probe.asking.pidfd()) {
            Some(Exit::Code(code)) => code,
            Some(signal @ Exit::Signal(_)) => signal.code(),
            None => return,
        };
        let current = self.lives[probe.id].as_ref().is_some_and(|life| life.number == probe.life);
        if probe.abandoned || !current {
            return;
        }
        self.events.push_back(Event::Probed(probe.id, probe.kind, probe.asking.outcome(code)));
    }
}

/// Los espacios de nombres en los que entra quien quiere estar dentro de un contenedor.
pub fn namespaces_of_a_container(cgroup: bool) -> CloneFlags {
    let mut all = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS;
    if cgroup {
        all |= CloneFlags::CLONE_NEWCGROUP;
    }
    all
}

/// Cada cuánto se mira si un `emptyDir` en disco pasa de su tope, como en kubelet.
const WEIGH_EVERY: Duration = Duration::from_secs(10);

/// La balanza de los volúmenes con tope: los pesa por turnos, en un hijo.
pub struct Scale {
    volumes: Vec<(String, PathBuf, u64)>,
    turn: usize,
    next: Duration,
    measuring: Option<OwnedFd>,
}

impl Scale {
    pub fn new(volumes: &[VolumePlan]) -> Scale {
        Scale { volumes: limited(volumes), turn: 0, next: WEIGH_EVERY, measuring: None }
    }

    /// Cuándo toca pesar otra vez; nunca, si no hay nada que pesar o ya se está pesando.
    pub fn next(&self) -> Option<Duration> {
        (!self.volumes.is_empty() && self.measuring.is_none()).then_some(self.next)
    }

    pub fn measuring(&self) -> Option<BorrowedFd<'_>> {
        self.measuring.as_ref().map(AsFd::as_fd)
    }

    pub fn start_if_due(&mut self, k: &mut Kernel, now: Duration) {
        if self.next().is_none_or(|next| now < next) {
            return;
        }
        let (_, path, limit) = &self.volumes[self.turn];
        match k.tell_once("balanza", |k| check::measure(k, path, *limit)) {
            Ok(pidfd) => self.measuring = Some(pidfd),
            Err(error) => log::error!("{error}"),
        }
        self.next = now + WEIGH_EVERY / self.volumes.len() as u32;
    }

    /// El volumen que se estaba pesando, con su tope, si lo pasa.
    pub fn verdict(&mut self) -> Option<(String, u64)> {
        let pidfd = self.measuring.take()?;
        let over = reap(pidfd.as_fd()) == Some(Exit::Code(1));
        let (name, _, limit) = self.volumes[self.turn].clone();
        self.turn = (self.turn + 1) % self.volumes.len();
        over.then_some((name, limit))
    }
}
