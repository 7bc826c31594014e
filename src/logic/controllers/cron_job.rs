//! Un CronJob: un Job cada vez que lo dice el horario.
//!
//! Su reloj es el de la pared, en segundos desde 1970: un horario no habla de otra cosa.

use super::note;
use crate::logic::Note;
use crate::logic::schedule::Schedule;
use crate::spec::types::ConcurrencyPolicy;

/// Un Job suyo: el primero que crea es el 0.
pub type JobId = u64;

#[derive(Clone, Debug, PartialEq)]
pub struct CronRules {
    pub schedule: Schedule,
    pub concurrency: ConcurrencyPolicy,
    /// Segundos de retraso que se consienten.
    pub starting_deadline: Option<i64>,
    /// Cuántos Jobs acabados se recuerdan: bien y mal.
    pub keep_succeeded: usize,
    pub keep_failed: usize,
    pub suspend: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Ended { job: JobId, succeeded: bool },
    StopRequested,
    TimePassed,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Crear el Job que tocaba a esa hora.
    Start {
        job: JobId,
        scheduled: i64,
    },
    Stop(JobId),
    /// Olvidar un Job acabado, con sus Pods y sus logs.
    Forget(JobId),
    Record(Note),
    Finish,
}

// ANCHOR: cron_job
#[derive(Clone, Debug)]
pub struct CronJob {
    rules: CronRules,
    jobs: Vec<Entry>,
    next_job: JobId,
    /// La próxima vez que toca.
    next: Option<i64>,
    last: Option<i64>,
    stopping: bool,
    over: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    id: JobId,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Active,
    Leaving,
    Done { succeeded: bool },
}
// ANCHOR_END: cron_job

impl CronJob {
    /// `offset`: lo que va la hora local por delante de UTC en un instante, en segundos.
    pub fn new(rules: CronRules, now: i64, offset: impl Fn(i64) -> i64) -> CronJob {
        let next = rules.schedule.next(now, offset).filter(|_| !rules.suspend);
        CronJob { rules, jobs: Vec::new(), next_job: 0, next, last: None, stopping: false, over: false }
    }

    pub fn step(&mut self, now: i64, event: Event, offset: impl Fn(i64) -> i64) -> Vec<Action> {
        let mut out = Vec::new();
        if self.over {
            return out;
        }
        match event {
            Event::Ended { job, succeeded } => {
                for entry in self.jobs.iter_mut().filter(|e| e.id == job) {
                    entry.state = State::Done { succeeded };
                }
                self.forget_old(&mut out);
            }
            Event::StopRequested => self.stopping = true,
            Event::TimePassed => {}
        }
        match self.stopping {
            true => self.stop(&mut out),
            false => self.start_if_due(now, &offset, &mut out),
        }
        out
    }

    /// La próxima vez que toca, en segundos desde 1970.
    pub fn next(&self) -> Option<i64> {
        self.next.filter(|_| !self.stopping && !self.over)
    }

    pub fn last(&self) -> Option<i64> {
        self.last
    }

    pub fn active(&self) -> usize {
        self.jobs.iter().filter(|e| !matches!(e.state, State::Done { .. })).count()
    }

    // ANCHOR: start_if_due
    /// ¿Es la hora? Si la máquina durmió y pasaron varias, solo cuenta la última.
    fn start_if_due(&mut self, now: i64, offset: &impl Fn(i64) -> i64, out: &mut Vec<Action>) {
        let Some(mut due) = self.next.filter(|at| *at <= now) else { return };
        let mut following = self.rules.schedule.next(due, offset);
        while let Some(later) = following.filter(|at| *at <= now) {
            due = later;
            following = self.rules.schedule.next(due, offset);
        }
        self.next = following;
        if self.rules.starting_deadline.is_some_and(|most| now - due > most) {
            let late = now - due;
            return out.push(Action::Record(note(
                true,
                "MissSchedule",
                format!("se llega {late} s tarde: esta vez no"),
            )));
        }
        let busy = self.jobs.iter().any(|e| e.state == State::Active);
        match self.rules.concurrency {
            ConcurrencyPolicy::Forbid if self.active() > 0 => {
                return out.push(Action::Record(note(
                    false,
                    "JobAlreadyActive",
                    "el anterior no ha acabado: esta vez no",
                )));
            }
            ConcurrencyPolicy::Replace if busy => {
                for entry in self.jobs.iter_mut().filter(|e| e.state == State::Active) {
                    entry.state = State::Leaving;
                    out.push(Action::Stop(entry.id));
                }
            }
            ConcurrencyPolicy::Allow | ConcurrencyPolicy::Forbid | ConcurrencyPolicy::Replace => {}
        }
        out.push(Action::Start { job: self.next_job, scheduled: due });
        self.jobs.push(Entry { id: self.next_job, state: State::Active });
        self.next_job += 1;
        self.last = Some(due);
    }
    // ANCHOR_END: start_if_due

    /// De los acabados se recuerdan los últimos: tantos que acabaron bien y tantos que mal.
    fn forget_old(&mut self, out: &mut Vec<Action>) {
        for (succeeded, keep) in [(true, self.rules.keep_succeeded), (false, self.rules.keep_failed)] {
            let done: Vec<JobId> =
                self.jobs.iter().filter(|e| e.state == State::Done { succeeded }).map(|e| e.id).collect();
            for id in done.iter().take(done.len().saturating_sub(keep)) {
                self.jobs.retain(|e| e.id != *id);
                out.push(Action::Forget(*id));
            }
        }
    }

    fn stop(&mut self, out: &mut Vec<Action>) {
        for entry in self.jobs.iter_mut().filter(|e| e.state == State::Active) {
            entry.state = State::Leaving;
            out.push(Action::Stop(entry.id));
        }
        if self.active() == 0 {
            self.over = true;
            out.push(Action::Finish);
        }
    }
}
