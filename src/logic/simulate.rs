//! Un mundo de mentira: el reloj salta de suceso en suceso y un mes de vida de un Pod cabe en un
//! parpadeo. Es quien obedece al núcleo en los diarios de las pruebas y en `micropod simula`.

use super::{Action, ContainerId, Event, Note, Pod, Signal};
use std::fmt;
use std::time::Duration;

/// Una orden del núcleo y cuándo la dio.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Duration,
    pub action: Action,
}

/// Lo que responde el mundo a una orden: sucesos, y cuánto tarda cada uno.
pub type Answers = Vec<(Duration, Event)>;

// ANCHOR: simulate
/// Hace vivir a `pod` hasta que acabe o hasta el instante `until`. `world` contesta a cada orden.
///
/// Como haría `supervise.rs`, se olvida de lo que el núcleo abandona y de lo que era de una vida
/// que ya acabó. `plans` son sucesos que ocurren por su cuenta (alguien pide parar…).
pub fn simulate(
    pod: &mut Pod,
    until: Duration,
    plans: Answers,
    mut world: impl FnMut(Duration, &Action) -> Answers,
) -> Vec<Entry> {
    let mut diary = Vec::new();
    let mut agenda = Agenda { queue: plans };
    let mut next = Some((Duration::ZERO, Event::TimePassed));
    while let Some((now, event)) = next.filter(|(at, _)| *at <= until) {
        if let Event::Exited { id, .. } = event {
            agenda.forget_life(id);
        }
        for action in pod.step(now, event) {
            agenda.obey(&action);
            for (delay, answer) in world(now, &action) {
                agenda.add(now.saturating_add(delay), answer);
            }
            diary.push(Entry { at: now, action });
        }
        next = agenda.next(pod.next_deadline());
    }
    diary
}
// ANCHOR_END: simulate

/// Lo que está por ocurrir, sin orden: son unas pocas cosas.
struct Agenda {
    queue: Answers,
}

impl Agenda {
    /// Lo siguiente que ocurre: lo más temprano y, a la vez, lo que se apuntó antes.
    fn next(&mut self, deadline: Option<Duration>) -> Option<(Duration, Event)> {
        let first = (0..self.queue.len()).min_by_key(|i| self.queue[*i].0);
        match (first, deadline) {
            (Some(i), Some(at)) if at < self.queue[i].0 => Some((at, Event::TimePassed)),
            (Some(i), _) => Some(self.queue.remove(i)),
            (None, at) => at.map(|at| (at, Event::TimePassed)),
        }
    }

    /// Un contenedor muere una vez: si ya iba a morir, vale lo que ocurra antes.
    fn add(&mut self, at: Duration, event: Event) {
        if let Event::Exited { id, .. } = event {
            let dies = |(_, e): &(Duration, Event)| matches!(e, Event::Exited { id: i, .. } if *i == id);
            if let Some(i) = self.queue.iter().position(dies) {
                if self.queue[i].0 <= at {
                    return;
                }
                self.queue.remove(i);
            }
        }
        self.queue.push((at, event));
    }

    /// Quien abandona una sonda o un *hook* tira su respuesta.
    fn obey(&mut self, action: &Action) {
        match action {
            Action::AbandonProbe(c, k) => {
                self.queue.retain(|(_, e)| !matches!(e, Event::Probed(i, kind, _) if (i, kind) == (c, k)));
            }
            Action::AbandonHook(c, h) => {
                self.queue.retain(|(_, e)| !matches!(e, Event::HookDone(i, hook, _) if (i, hook) == (c, h)));
            }
            Action::StartSandbox
            | Action::Start(_)
            | Action::Probe(..)
            | Action::RunHook(..)
            | Action::Kill(..)
            | Action::StopSandbox
            | Action::Record(_) => {}
        }
    }

    fn forget_life(&mut self, id: ContainerId) {
        self.queue.retain(|(_, e)| !matches!(e, Event::Probed(i, ..) | Event::HookDone(i, ..) if *i == id));
    }
}

/// Un mundo en el que nada falla: todo arranca y responde al momento, y el que recibe la señal de
/// parada muere de ella.
pub fn obedient(action: &Action) -> Answers {
    use super::{Exit, Outcome};
    let dies = |id: ContainerId, signal| Event::Exited {
        id,
        exit: Exit::Signal(signal),
        oom: false,
        message: String::new(),
    };
    let event = match action {
        Action::StartSandbox => Event::SandboxReady,
        Action::Start(id) => Event::Started(*id),
        Action::Probe(id, kind) => Event::Probed(*id, *kind, Outcome::Success),
        Action::RunHook(id, hook) => Event::HookDone(*id, *hook, Ok(())),
        Action::Kill(id, Signal::Stop) => dies(*id, 15),
        Action::Kill(id, Signal::Kill) => dies(*id, 9),
        Action::AbandonProbe(..) | Action::AbandonHook(..) | Action::StopSandbox | Action::Record(_) => {
            return Vec::new();
        }
    };
    vec![(Duration::ZERO, event)]
}

impl fmt::Display for Entry {
    /// `"  15s Kill(0, Stop)"`; los milisegundos, solo si los hay.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let at = match self.at.subsec_millis() {
            0 => format!("{}s", self.at.as_secs()),
            millis => format!("{}.{millis:03}s", self.at.as_secs()),
        };
        match &self.action {
            Action::Record(Note { reason, container: Some(name), message, .. }) => {
                write!(f, "{at:>5} {reason} {name}: {message}")
            }
            Action::Record(Note { reason, container: None, message, .. }) => {
                write!(f, "{at:>5} {reason}: {message}")
            }
            order @ (Action::StartSandbox
            | Action::Start(_)
            | Action::Probe(..)
            | Action::AbandonProbe(..)
            | Action::RunHook(..)
            | Action::AbandonHook(..)
            | Action::Kill(..)
            | Action::StopSandbox) => write!(f, "{at:>5} {order:?}"),
        }
    }
}

impl Entry {
    /// ¿Es un suceso que contar, y no una orden?
    pub fn is_note(&self) -> bool {
        matches!(self.action, Action::Record(_))
    }
}
