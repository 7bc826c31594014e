//! Un contenedor visto por el núcleo: en qué momento de su vida está y qué fue de las anteriores.

use super::lifecycle::Farewell;
use super::probe::{ProbeState, Verdict};
use super::restart::{Backoff, NextStart};
use super::rules::ContainerRules;
use super::status::Terminated;
use super::{Exit, ProbeKind};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Por qué espera un contenedor: razón de Kubernetes y mensaje.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub reason: String,
    pub message: String,
}

// ANCHOR: state
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Aún no le ha tocado arrancar.
    Pending,
    /// Arrancará cuando llegue su hora.
    Waiting {
        next: NextStart,
        notice: Option<Notice>,
    },
    /// Se ha pedido que arranque y no se sabe nada.
    Starting {
        notice: Option<Notice>,
    },
    /// Ya corre, pero su *hook* postStart no ha acabado: aún no cuenta como Running.
    PostStart {
        since: Duration,
    },
    Running {
        since: Duration,
        probes: Probes,
    },
    /// Se le está parando. `notice`: lo que se dice de él si aún no contaba como Running.
    Stopping {
        since: Duration,
        probes: Probes,
        notice: Option<Notice>,
        farewell: Farewell,
    },
    /// No volverá a arrancar.
    Ended,
}
// ANCHOR_END: state

/// Las sondas de una vida.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    pub startup: Option<ProbeState>,
    pub readiness: Option<ProbeState>,
    pub liveness: Option<ProbeState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub state: State,
    /// Vidas que han empezado.
    pub lives: u32,
    /// La última vida acabada y la anterior a ella.
    pub latest: Option<Terminated>,
    pub previous: Option<Terminated>,
    /// ¿Ha llegado alguna vez a estar arrancado (con su sonda de inicio aprobada)?
    pub has_started: bool,
    pub backoff: Backoff,
    /// Cuando le toque otra vez su turno, no antes de esto.
    pub not_before: Option<NextStart>,
}

impl Probes {
    /// Resultados iniciales: no se sabe si arrancó, no está listo, sí está vivo.
    pub fn new(rules: &ContainerRules, since: Duration) -> Probes {
        let probe = |kind, verdict| rules.probe(kind).map(|r| ProbeState::new(r, verdict, since));
        Probes {
            startup: probe(ProbeKind::Startup, Verdict::Unknown),
            readiness: probe(ProbeKind::Readiness, Verdict::Failing),
            liveness: probe(ProbeKind::Liveness, Verdict::Passing),
        }
    }

    /// Sin sonda de inicio, arrancado está en cuanto corre.
    pub fn started(&self) -> bool {
        self.startup.as_ref().is_none_or(|p| p.verdict == Verdict::Passing)
    }

    pub fn ready(&self) -> bool {
        self.started() && self.readiness.as_ref().is_none_or(|p| p.verdict == Verdict::Passing)
    }

    pub fn get_mut(&mut self, kind: ProbeKind) -> Option<&mut ProbeState> {
        match kind {
            ProbeKind::Startup => self.startup.as_mut(),
            ProbeKind::Readiness => self.readiness.as_mut(),
            ProbeKind::Liveness => self.liveness.as_mut(),
        }
    }

    pub fn get(&self, kind: ProbeKind) -> Option<&ProbeState> {
        match kind {
            ProbeKind::Startup => self.startup.as_ref(),
            ProbeKind::Readiness => self.readiness.as_ref(),
            ProbeKind::Liveness => self.liveness.as_ref(),
        }
    }

    // ANCHOR: active
    /// Las sondas que preguntan: mientras no ha arrancado, solo la de inicio; al despedirse, solo
    /// la de preparación.
    pub fn active(&self, stopping: bool) -> &'static [ProbeKind] {
        match (self.started(), stopping) {
            (false, false) => &[ProbeKind::Startup],
            (false, true) => &[],
            (true, false) => &[ProbeKind::Readiness, ProbeKind::Liveness],
            (true, true) => &[ProbeKind::Readiness],
        }
    }
    // ANCHOR_END: active

    /// Las que tienen una pregunta sin responder.
    pub fn asking(&self) -> Vec<ProbeKind> {
        let mut all = vec![ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness];
        all.retain(|kind| self.get(*kind).is_some_and(ProbeState::is_asking));
        all
    }

    /// La sonda por la que hay que matar al contenedor, si la hay.
    pub fn fatal(&self) -> Option<ProbeKind> {
        let fails = |kind: &ProbeKind| self.get(*kind).is_some_and(|p| p.verdict == Verdict::Failing);
        [ProbeKind::Startup, ProbeKind::Liveness].into_iter().find(fails)
    }

    fn deadline(&self, stopping: bool) -> Option<Duration> {
        self.active(stopping).iter().filter_map(|kind| self.get(*kind)).map(ProbeState::deadline).min()
    }
}

impl Container {
    pub fn new() -> Container {
        Container {
            state: State::Pending,
            lives: 0,
            latest: None,
            previous: None,
            has_started: false,
            backoff: Backoff::default(),
            not_before: None,
        }
    }

    /// ¿Hay un proceso corriendo?
    pub fn is_alive(&self) -> bool {
        self.since().is_some()
    }

    /// ¿Hay, o puede haber en cualquier momento, un proceso corriendo?
    pub fn may_live(&self) -> bool {
        self.is_alive() || matches!(self.state, State::Starting { .. })
    }

    /// Desde cuándo corre, si corre.
    pub fn since(&self) -> Option<Duration> {
        match &self.state {
            State::PostStart { since } | State::Running { since, .. } | State::Stopping { since, .. } => {
                Some(*since)
            }
            State::Pending | State::Waiting { .. } | State::Starting { .. } | State::Ended => None,
        }
    }

    /// Las sondas de la vida actual, si cuenta como Running.
    pub fn probes(&self) -> Option<&Probes> {
        match &self.state {
            State::Running { probes, .. } | State::Stopping { probes, notice: None, .. } => Some(probes),
            State::Stopping { notice: Some(_), .. }
            | State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::PostStart { .. }
            | State::Ended => None,
        }
    }

    pub fn probes_mut(&mut self) -> Option<&mut Probes> {
        match &mut self.state {
            State::Running { probes, .. } | State::Stopping { probes, notice: None, .. } => Some(probes),
            State::Stopping { notice: Some(_), .. }
            | State::Pending
            | State::Waiting { .. }
            | State::Starting { .. }
            | State::PostStart { .. }
            | State::Ended => None,
        }
    }

    /// Lo que se dice de él mientras no cuenta como Running.
    pub fn notice_mut(&mut self) -> Option<&mut Notice> {
        match &mut self.state {
            State::Waiting { notice, .. } | State::Starting { notice } | State::Stopping { notice, .. } => {
                notice.as_mut()
            }
            State::Pending | State::PostStart { .. } | State::Running { .. } | State::Ended => None,
        }
    }

    /// Anota una vida acabada.
    pub fn bury(&mut self, ended: Terminated) {
        self.previous = self.latest.replace(ended);
    }

    /// El próximo instante en que algo suyo vence.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Waiting { next, .. } => Some(next.at),
            State::Running { probes, .. } => probes.deadline(false),
            State::Stopping { probes, farewell, notice, .. } => {
                let probes = if notice.is_none() { probes.deadline(true) } else { None };
                [probes, farewell.deadline()].into_iter().flatten().min()
            }
            State::Pending | State::Starting { .. } | State::PostStart { .. } | State::Ended => None,
        }
    }
}

/// La ficha de una vida acabada. Las razones de los códigos son las de Kubernetes.
pub fn terminated(
    exit: Exit,
    oom: bool,
    message: String,
    started: Duration,
    finished: Duration,
) -> Terminated {
    let reason = match exit {
        _ if oom => "OOMKilled",
        Exit::Code(0) => "Completed",
        Exit::Code(_) | Exit::Signal(_) => "Error",
    };
    let signal = match exit {
        Exit::Signal(signal) => signal,
        Exit::Code(_) => 0,
    };
    Terminated { exit_code: exit.code(), signal, reason: reason.into(), message, started, finished }
}
