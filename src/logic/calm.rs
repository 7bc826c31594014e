//! La calma: ratos en los que solo pasan sondas que responden lo de siempre. En una simulación se
//! saltan enteros.
//!
//! Mientras nada más ocurra, el Pod vuelve a estar igual cada mínimo común múltiplo de los periodos
//! de sus sondas: dar mil de esas vueltas, o adelantar el reloj, es lo mismo.

use super::container::{Container, State};
use super::pod::{Pod, Sandbox};
use super::{ContainerId, ProbeKind};
use std::time::Duration;

/// Una sonda que responde siempre lo mismo, cada cierto tiempo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beat {
    pub id: ContainerId,
    pub kind: ProbeKind,
    pub period: Duration,
    /// ¿Acierta?
    pub ok: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Calm {
    pub beats: Vec<Beat>,
    /// Lo que dura una vuelta entera de todas las sondas.
    pub turn: Duration,
    /// El primer plazo que no es de una sonda.
    pub until: Option<Duration>,
}

impl Pod {
    /// ¿Está el Pod en calma? Nadie arranca, ni para, ni tiene una sonda en el aire o en duda.
    pub fn calm(&self) -> Option<Calm> {
        if self.over || self.ending.is_some() || self.sandbox != Sandbox::Ready {
            return None;
        }
        let mut calm = Calm { beats: Vec::new(), turn: Duration::ZERO, until: self.rules.active_deadline };
        for (id, container) in self.containers.iter().enumerate() {
            match &container.state {
                State::Waiting { next, .. } => {
                    calm.until = Some(calm.until.map_or(next.at, |until| until.min(next.at)));
                }
                State::Running { probes, .. } => {
                    for &kind in probes.active(false) {
                        let (Some(probe), Some(rules)) =
                            (probes.get(kind), self.rules.containers[id].probe(kind))
                        else {
                            continue;
                        };
                        // a quien falla la de vida se le mata: eso no es calma
                        let ok = probe.settled(rules).filter(|ok| *ok || kind == ProbeKind::Readiness)?;
                        if probe.is_asking() {
                            return None;
                        }
                        calm.turn = common_multiple(calm.turn, rules.period)?;
                        calm.beats.push(Beat { id, kind, period: rules.period, ok });
                    }
                }
                State::Pending | State::Ended => {}
                State::Starting { .. } | State::PostStart { .. } | State::Stopping { .. } => return None,
            }
        }
        (!calm.beats.is_empty()).then_some(calm)
    }

    /// Adelanta el reloj `by`, que son vueltas enteras de calma.
    pub fn skip(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
        for probes in self.containers.iter_mut().filter_map(Container::probes_mut) {
            for kind in [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness] {
                if let Some(probe) = probes.get_mut(kind) {
                    probe.shift(by);
                }
            }
        }
    }
}

/// El mínimo común múltiplo de dos periodos en segundos enteros; el de cero y otro, el otro.
fn common_multiple(a: Duration, b: Duration) -> Option<Duration> {
    let (a, b) = (a.as_secs(), b.as_secs());
    if a == 0 || b == 0 {
        return Some(Duration::from_secs(a.max(b))).filter(|turn| !turn.is_zero());
    }
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a.checked_mul(b / x).map(Duration::from_secs)
}
