//! Un mundo de mentira: el reloj salta de suceso en suceso y un mes de vida de un Pod cabe en un
//! parpadeo. Es quien obedece al núcleo en los diarios de las pruebas y en `micropod simula`.

use super::calm::Beat;
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

/// Hace vivir a `pod` hasta que acabe o hasta el instante `until`. `world` contesta a cada orden.
/// Devuelve el diario: las órdenes y cuándo se dieron.
pub fn simulate(
    pod: &mut Pod,
    until: Duration,
    plans: Answers,
    world: impl FnMut(Duration, &Action) -> Answers,
) -> Vec<Entry> {
    let mut diary = Diary { world, entries: Vec::new() };
    live(pod, until, plans, &mut diary);
    diary.entries
}

/// Quien hace de mundo y quien mira.
pub trait Stage {
    /// Lo que responde el mundo a una orden.
    fn answer(&mut self, now: Duration, action: &Action) -> Answers;

    /// Un paso del núcleo, ya dado.
    fn see(&mut self, pod: &Pod, at: Duration, event: &Event, actions: &[Action]);

    /// Hasta cuándo, desde `now`, responderán estas sondas lo mismo y al momento; `None`: no se sabe.
    fn calm_until(&self, _now: Duration, _beats: &[Beat]) -> Option<Duration> {
        None
    }

    /// Desde `now` se han saltado vueltas enteras de calma, que duran `by`.
    fn skipped(&mut self, _now: Duration, _by: Duration, _beats: &[Beat]) {}
}

// ANCHOR: simulate
/// Hace vivir a `pod` hasta que acabe o hasta el instante `until`, sin guardar nada.
///
/// Como haría `supervise.rs`, se olvida de lo que el núcleo abandona y de lo que era de una vida
/// que ya acabó. `plans` son sucesos que ocurren por su cuenta (alguien pide parar…).
pub fn live(pod: &mut Pod, until: Duration, plans: Answers, stage: &mut impl Stage) {
    let mut agenda = Agenda { queue: plans };
    let mut next = Some((Duration::ZERO, Event::TimePassed));
    let mut look_again = Duration::ZERO;
    while let Some((now, event)) = next.filter(|(at, _)| *at <= until) {
        if event == Event::TimePassed && now >= look_again {
            if let Some(by) = skip(pod, now, until, &agenda, stage, &mut look_again) {
                next = Some((now + by, event));
                continue;
            }
        }
        if let Event::Exited { id, .. } = event {
            agenda.forget_life(id);
        }
        let actions = pod.step(now, event.clone());
        for action in &actions {
            agenda.obey(action);
            for (delay, answer) in stage.answer(now, action) {
                agenda.add(now.saturating_add(delay), answer);
            }
        }
        stage.see(pod, now, &event, &actions);
        next = agenda.next(pod.next_deadline());
    }
}
// ANCHOR_END: simulate

/// Si desde `now` no van a pasar más que sondas que responden lo mismo, salta cuantas vueltas enteras quepan.
fn skip(
    pod: &mut Pod,
    now: Duration,
    until: Duration,
    agenda: &Agenda,
    stage: &mut impl Stage,
    look_again: &mut Duration,
) -> Option<Duration> {
    let calm = pod.calm()?;
    let limits = [
        stage.calm_until(now, &calm.beats)?,
        until,
        calm.until.unwrap_or(until),
        agenda.first().unwrap_or(until),
    ];
    let limit = limits.into_iter().min().unwrap_or(now);
    let turns = limit.saturating_sub(now).as_secs().saturating_sub(1) / calm.turn.as_secs().max(1);
    // hasta que pase algo, no merece la pena volver a mirar
    *look_again = limit;
    let by = Duration::from_secs(turns.checked_mul(calm.turn.as_secs())?);
    if by.is_zero() {
        return None;
    }
    pod.skip(by);
    stage.skipped(now, by, &calm.beats);
    Some(by)
}

/// El escenario de los diarios: lo apunta todo.
struct Diary<W> {
    world: W,
    entries: Vec<Entry>,
}

impl<W: FnMut(Duration, &Action) -> Answers> Stage for Diary<W> {
    fn answer(&mut self, now: Duration, action: &Action) -> Answers {
        (self.world)(now, action)
    }

    fn see(&mut self, _: &Pod, at: Duration, _: &Event, actions: &[Action]) {
        self.entries.extend(actions.iter().map(|action| Entry { at, action: action.clone() }));
    }
}

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

    fn first(&self) -> Option<Duration> {
        self.queue.iter().map(|(at, _)| *at).min()
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
