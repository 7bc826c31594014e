//! Lo que cuenta la grabación de un Pod: la racha de cada sonda, cuándo vuelve cada contenedor y quién
//! mató a los que han muerto. Sale de dar al núcleo los sucesos que se grabaron.

use crate::logic::{Action, ContainerId, Event, Exit, Outcome, Pod, ProbeKind};
use crate::recording::{Line, Recording, of_pod};
use std::time::Duration;

/// Una muerte.
#[derive(Clone, Debug, PartialEq)]
pub struct Death {
    pub at: Duration,
    pub exit: Exit,
    pub oom: bool,
    /// Quién la pidió, si no fue cosa suya.
    pub killed: Option<Killer>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Killer {
    /// Una sonda, y lo último que dijo al fallar.
    Probe(ProbeKind, String),
    /// El Pod acababa.
    Ending,
    /// El Pod volvía a empezar entero.
    Restarting,
    /// Falló su postStart.
    Hook,
}

/// El núcleo tal como quedó, y las muertes de cada contenedor, de la más vieja a la más nueva.
pub struct Past {
    pub pod: Pod,
    pub deaths: Vec<Vec<Death>>,
    /// Lo último que dijo cada sonda al fallar, en el orden de [`ProbeKind`].
    pub said: Vec<[String; 3]>,
}

/// Muertes que se recuerdan de cada contenedor.
const MAX_DEATHS: usize = 20;

/// El pasado del Pod `name`, si está grabado.
pub fn of(name: &str) -> Option<Past> {
    let bytes = of_pod(name).ok()?;
    let recording = Recording::parse(name, bytes.as_slice()).ok()?;
    Some(remember(&recording))
}

fn remember(recording: &Recording) -> Past {
    let pod = recording.header.pod.clone();
    let count = pod.rules().containers.len();
    let mut past = Past { pod, deaths: vec![Vec::new(); count], said: vec![Default::default(); count] };
    let mut killers: Vec<Option<Killer>> = vec![None; count];
    for line in &recording.lines {
        let Line::Step(_, step) = line else { continue };
        let at = Duration::from_nanos(step.t);
        if let Event::Probed(id, kind, Outcome::Failure(text)) = &step.e {
            past.heard(*id, *kind, text);
        }
        let actions = past.pod.step(at, step.e.clone());
        let count = past.pod.rules().containers.len();
        past.deaths.resize(count, Vec::new());
        past.said.resize(count, Default::default());
        killers.resize(count, None);
        if let Event::Exited { id, exit, oom, .. } = step.e {
            let killed = killers.get_mut(id).and_then(Option::take);
            past.died(id, Death { at, exit, oom, killed });
        }
        for (i, action) in actions.iter().enumerate() {
            match action {
                Action::AbandonProbe(id, kind) => past.gave_up(*id, *kind, actions.get(i + 1)),
                Action::Kill(id, _) => {
                    if let Some(killer) = killers.get_mut(*id).filter(|k| k.is_none()) {
                        *killer = Some(past.killer(*id));
                    }
                }
                Action::StartSandbox
                | Action::Start(_)
                | Action::Probe(..)
                | Action::RunHook(..)
                | Action::AbandonHook(..)
                | Action::StopSandbox
                | Action::Record(_) => {}
            }
        }
    }
    past
}

impl Past {
    fn heard(&mut self, id: ContainerId, kind: ProbeKind, text: &str) {
        if let Some(said) = self.said.get_mut(id) {
            said[kind as usize] = text.to_string();
        }
    }

    /// Se dejó de esperar a una sonda: si detrás viene su queja, es que no contestó a tiempo.
    fn gave_up(&mut self, id: ContainerId, kind: ProbeKind, next: Option<&Action>) {
        if let Some(Action::Record(note)) = next {
            if note.reason == "Unhealthy" {
                self.heard(id, kind, TIMEOUT);
            }
        }
    }

    fn died(&mut self, id: ContainerId, death: Death) {
        let Some(deaths) = self.deaths.get_mut(id) else { return };
        if deaths.len() == MAX_DEATHS {
            deaths.remove(0);
        }
        deaths.push(death);
    }

    /// Por qué acaba de mandar el núcleo que muera: o se acaba el Pod, o lo condena una sonda.
    fn killer(&self, id: ContainerId) -> Killer {
        let failing = |kind: &ProbeKind| {
            let failed = self.pod.streak(id, *kind).filter(|(ok, _)| !ok).map(|(_, times)| times);
            let limit = self.pod.rules().containers[id].probe(*kind).map(|p| p.failure_threshold);
            failed.zip(limit).is_some_and(|(failed, limit)| failed >= limit)
        };
        match [ProbeKind::Startup, ProbeKind::Liveness].into_iter().find(failing) {
            Some(kind) if !self.pod.is_ending() => Killer::Probe(kind, self.said[id][kind as usize].clone()),
            Some(_) | None if self.pod.is_ending() => Killer::Ending,
            Some(_) | None if self.pod.is_restarting() => Killer::Restarting,
            Some(_) | None => Killer::Hook,
        }
    }
}

/// Lo que se apunta de una sonda que no contestó a tiempo.
pub const TIMEOUT: &str = "no respondió a tiempo";
