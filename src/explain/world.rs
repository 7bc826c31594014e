//! El mundo de `micropod simula`: todo va bien, menos lo que digan las averías.

use super::faults::{Fault, Faults, Trouble, What};
use crate::logic::calm::Beat;
use crate::logic::rules::Kind;
use crate::logic::simulate::{Answers, obedient};
use crate::logic::{
    Action, ContainerId, Event, Exit, HookKind, Outcome, PodRules, ProbeKind, Signal, StartFailure,
    StopReason,
};
use std::time::Duration;

/// Lo que dura uno de inicialización del que no se dice nada.
pub const INIT_TAKES: Duration = Duration::from_secs(1);

const NOW: Duration = Duration::ZERO;

/// Un mundo sin procesos ni reloj: contesta a cada orden según las averías.
pub struct World {
    faults: Faults,
    kinds: Vec<Kind>,
    /// Las vidas de cada contenedor y cuándo empezó la última.
    lives: Vec<(u32, Duration)>,
    /// Las averías que ya han hecho algo.
    used: Vec<bool>,
}

impl World {
    pub fn new(faults: Faults, rules: &PodRules) -> World {
        World {
            used: vec![false; faults.all.len()],
            faults,
            kinds: rules.containers.iter().map(|c| c.kind).collect(),
            lives: vec![(0, NOW); rules.containers.len()],
        }
    }

    /// Lo que ocurre por su cuenta, a una hora del Pod.
    pub fn plans(&self) -> Answers {
        let plan = |fault: &Fault| match &fault.what {
            What::SandboxDies { at } => Some((*at, Event::SandboxDied("avería simulada".into()))),
            What::Delete { at, grace } => {
                Some((*at, Event::StopRequested { grace: *grace, reason: StopReason::Deleted }))
            }
            What::Evict { at, says } => {
                Some((*at, Event::StopRequested { grace: None, reason: StopReason::Evicted(says.clone()) }))
            }
            What::SandboxFails { .. } | What::Container { .. } => None,
        };
        self.faults.all.iter().filter_map(plan).collect()
    }

    /// Las averías que no llegaron a hacer nada antes del instante `end`.
    pub fn unused(&self, end: Duration) -> Vec<usize> {
        let late = |(fault, used): &(&Fault, &bool)| match &fault.what {
            What::SandboxDies { at } | What::Delete { at, .. } | What::Evict { at, .. } => *at > end,
            What::SandboxFails { .. } | What::Container { .. } => !**used,
        };
        self.faults.all.iter().zip(&self.used).filter(late).map(|(fault, _)| fault.line).collect()
    }

    /// Hasta cuándo, desde `now`, responderán estas sondas lo mismo y al momento; `None` si no lo harán.
    pub fn calm_until(&self, now: Duration, beats: &[Beat]) -> Option<Duration> {
        let mut until = Duration::MAX;
        let mut failing = Vec::new();
        for fault in &self.faults.all {
            let What::Container { id, life, trouble } = &fault.what else { continue };
            let (current, since) = self.lives[*id];
            let (kind, when, slow) = match trouble {
                Trouble::ProbeFails { kind, when, .. } => (*kind, when, false),
                Trouble::ProbeSlow { kind, when, .. } => (*kind, when, true),
                _ => continue,
            };
            if life.is_some_and(|life| life != current) {
                continue;
            }
            if when.contains(now, since) {
                if slow {
                    return None;
                }
                failing.push((*id, kind));
            }
            until = until.min(when.changes_after(now, since).unwrap_or(Duration::MAX));
        }
        let as_always = |beat: &Beat| beat.ok != failing.contains(&(beat.id, beat.kind));
        beats.iter().all(as_always).then_some(until)
    }

    // ANCHOR: answer
    /// Lo que contesta el mundo a una orden dada en el instante `now`.
    pub fn answer(&mut self, now: Duration, action: &Action) -> Answers {
        match action {
            Action::StartSandbox => self.sandbox(action),
            Action::Start(id) => self.start(*id, now),
            Action::Probe(id, kind) => self.probe(*id, *kind, now),
            Action::RunHook(id, hook) => self.hook(*id, *hook),
            Action::Kill(id, Signal::Stop) => self.stop(*id, action),
            Action::Kill(_, Signal::Kill)
            | Action::AbandonProbe(..)
            | Action::AbandonHook(..)
            | Action::StopSandbox
            | Action::Record(_) => obedient(action),
        }
    }
    // ANCHOR_END: answer

    fn sandbox(&mut self, action: &Action) -> Answers {
        for (fault, used) in self.faults.all.iter().zip(&mut self.used) {
            if let What::SandboxFails { says } = &fault.what {
                *used = true;
                return vec![(NOW, Event::SandboxFailed(says.clone()))];
            }
        }
        obedient(action)
    }

    /// La avería de este contenedor que acepta `pick`; la de esta vida gana a la de todas.
    fn find<T>(&mut self, id: ContainerId, pick: impl Fn(&Trouble) -> Option<T>) -> Option<T> {
        let (life, _) = self.lives[id];
        let mut best: Option<(usize, T, bool)> = None;
        for (i, fault) in self.faults.all.iter().enumerate() {
            let What::Container { id: whose, life: when, trouble } = &fault.what else { continue };
            if *whose != id || when.is_some_and(|when| when != life) {
                continue;
            }
            if best.as_ref().is_some_and(|(.., exact)| *exact || when.is_none()) {
                continue;
            }
            if let Some(found) = pick(trouble) {
                best = Some((i, found, when.is_some()));
            }
        }
        let (i, found, _) = best?;
        self.used[i] = true;
        Some(found)
    }

    fn start(&mut self, id: ContainerId, now: Duration) -> Answers {
        self.lives[id].0 += 1;
        let delay = self.find(id, |t| match t {
            Trouble::SlowStart { takes } => Some(*takes),
            _ => None,
        });
        let delay = delay.unwrap_or(NOW);
        self.lives[id].1 = now + delay;
        let failure = self.find(id, |t| match t {
            Trouble::NoStart { exit_code, says } => Some((*exit_code, says.clone())),
            _ => None,
        });
        if let Some((exit_code, message)) = failure {
            let reason = if exit_code.is_some() { "RunContainerError" } else { "CreateContainerError" };
            if exit_code.is_none() {
                self.lives[id].0 -= 1; // ni nació: no es una vida
            }
            let failure = StartFailure { reason: reason.into(), message, exit_code };
            return vec![(delay, Event::StartFailed(id, failure))];
        }
        let mut answers = vec![(delay, Event::Started(id))];
        answers.extend(self.end_of_life(id, delay));
        answers
    }

    /// Cómo y cuándo acabará esta vida si nadie la para. De varias muertes, la primera.
    fn end_of_life(&mut self, id: ContainerId, delay: Duration) -> Option<(Duration, Event)> {
        let (life, _) = self.lives[id];
        let mut first: Option<(usize, Exit, bool, Duration, bool)> = None;
        for (i, fault) in self.faults.all.iter().enumerate() {
            let What::Container { id: whose, life: when, trouble: Trouble::Ends { exit, oom, after } } =
                &fault.what
            else {
                continue;
            };
            let exact = when.is_some();
            let better = first.is_none_or(|(.., best, was)| (exact, best) > (was, *after));
            if *whose == id && when.is_none_or(|when| when == life) && better {
                first = Some((i, *exit, *oom, *after, exact));
            }
        }
        let (exit, oom, after) = match first {
            Some((i, exit, oom, after, _)) => {
                self.used[i] = true;
                (exit, oom, after)
            }
            None if self.kinds[id] == Kind::Init => (Exit::Code(0), false, INIT_TAKES),
            None => return None,
        };
        Some((delay + after, Event::Exited { id, exit, oom, message: String::new() }))
    }

    fn probe(&mut self, id: ContainerId, kind: ProbeKind, now: Duration) -> Answers {
        let (_, since) = self.lives[id];
        let slow = self.find(id, |t| match t {
            Trouble::ProbeSlow { kind: k, when, takes } if *k == kind && when.contains(now, since) => {
                Some(*takes)
            }
            _ => None,
        });
        let fails = self.find(id, |t| match t {
            Trouble::ProbeFails { kind: k, when, says } if *k == kind && when.contains(now, since) => {
                Some(says.clone())
            }
            _ => None,
        });
        let outcome = fails.map_or(Outcome::Success, Outcome::Failure);
        vec![(slow.unwrap_or(NOW), Event::Probed(id, kind, outcome))]
    }

    fn hook(&mut self, id: ContainerId, hook: HookKind) -> Answers {
        let slow = self.find(id, |t| match t {
            Trouble::HookSlow { hook: h, takes } if *h == hook => Some(*takes),
            _ => None,
        });
        let fails = self.find(id, |t| match t {
            Trouble::HookFails { hook: h, says } if *h == hook => Some(says.clone()),
            _ => None,
        });
        vec![(slow.unwrap_or(NOW), Event::HookDone(id, hook, fails.map_or(Ok(()), Err)))]
    }

    fn stop(&mut self, id: ContainerId, action: &Action) -> Answers {
        let stop = self.find(id, |t| match t {
            Trouble::IgnoresStop => Some(None),
            Trouble::SlowStop { takes, code } => Some(Some((*takes, *code))),
            _ => None,
        });
        let exited = |exit| Event::Exited { id, exit, oom: false, message: String::new() };
        match stop {
            None => obedient(action),
            Some(None) => Vec::new(),
            Some(Some((takes, code))) => vec![(takes, exited(Exit::Code(code)))],
        }
    }
}
