//! Un Job: insistir hasta que el trabajo esté hecho, o hasta que no merezca la pena.

use super::{Action, Event, PodId, doubled, note};
use std::time::Duration;

/// Tras un fallo se espera esto, y el doble tras el siguiente, hasta [`MAX_BACKOFF`].
const BACKOFF: Duration = Duration::from_secs(10);
const MAX_BACKOFF: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq)]
pub struct JobRules {
    /// Cuántos Pods deben acabar bien. `None`: basta uno, y se espera a los demás.
    pub completions: Option<u32>,
    pub parallelism: u32,
    /// Fallos que se consienten.
    pub backoff_limit: u32,
    pub active_deadline: Option<Duration>,
    /// Los contenedores se reinician en su Pod (`OnFailure`): cada reinicio cuenta como un fallo.
    pub restarts_count: bool,
    /// Divisor de las esperas, y solo de ellas. 1: tiempo real.
    pub acelera: u32,
}

// ANCHOR: job
/// Un Job: sus reglas, los Pods que tiene en marcha y lo que llevan hecho los anteriores.
#[derive(Clone, Debug)]
pub struct Job {
    rules: JobRules,
    pods: Vec<Attempt>,
    next: PodId,
    succeeded: u32,
    failed: u32,
    /// Fallos desde el último acierto, y cuándo fue el último.
    streak: u32,
    last_failure: Duration,
    verdict: Option<Verdict>,
    over: bool,
    now: Duration,
}

#[derive(Clone, Debug)]
struct Attempt {
    id: PodId,
    ready: bool,
    restarts: u32,
    leaving: bool,
}
// ANCHOR_END: job

/// Cómo acaba un Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Complete,
    /// La razón, de Kubernetes, y el mensaje.
    Failed(&'static str, String),
    /// Lo pararon.
    Stopped,
}

/// Lo que se ve de un Job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub active: usize,
    pub ready: usize,
    pub succeeded: u32,
    pub failed: u32,
}

impl Job {
    pub fn new(rules: JobRules) -> Job {
        Job {
            rules,
            pods: Vec::new(),
            next: 0,
            succeeded: 0,
            failed: 0,
            streak: 0,
            last_failure: Duration::ZERO,
            verdict: None,
            over: false,
            now: Duration::ZERO,
        }
    }

    /// `now` es el tiempo desde que nació el Job.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.now = self.now.max(now);
        if !self.over {
            self.hear(event, &mut out);
            while self.advance(&mut out) {}
        }
        out
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        if self.over || self.verdict.is_some() {
            return None;
        }
        let retry = (self.active() < self.wanted()).then(|| self.retry_at());
        [retry, self.rules.active_deadline].into_iter().flatten().min()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            active: self.active(),
            ready: self.pods.iter().filter(|p| p.ready && !p.leaving).count(),
            succeeded: self.succeeded,
            failed: self.failed,
        }
    }

    /// Cómo ha acabado, o va a acabar en cuanto se vayan sus Pods.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    fn hear(&mut self, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Changed { pod, ready, restarts } => {
                for attempt in self.pods.iter_mut().filter(|p| p.id == pod) {
                    (attempt.ready, attempt.restarts) = (ready, restarts);
                }
            }
            Event::Ended { pod, succeeded } => {
                let Some(at) = self.pods.iter().position(|p| p.id == pod) else { return };
                self.pods.remove(at);
                match succeeded {
                    true => {
                        self.succeeded += 1;
                        self.streak = 0;
                    }
                    false => self.failure(),
                }
            }
            Event::Refused { pod, why } => {
                if let Some(at) = self.pods.iter().position(|p| p.id == pod) {
                    self.pods.remove(at);
                    self.failure();
                    out.push(Action::Record(note(
                        true,
                        "FailedCreate",
                        format!("no se pudo crear un Pod: {why}"),
                    )));
                }
            }
            Event::StopRequested => self.end(Verdict::Stopped),
            // se espera a ver cómo acaba: un fallo más, o un acierto
            Event::Leaving { .. } | Event::TimePassed => {}
        }
    }

    fn failure(&mut self) {
        self.failed += 1;
        self.streak += 1;
        self.last_failure = self.now;
    }

    fn end(&mut self, verdict: Verdict) {
        self.verdict.get_or_insert(verdict);
    }

    fn active(&self) -> usize {
        self.pods.iter().filter(|p| !p.leaving).count()
    }

    /// Cuántos Pods debería haber ahora en marcha.
    fn wanted(&self) -> usize {
        let pending = match self.rules.completions {
            Some(completions) => completions.saturating_sub(self.succeeded),
            // una cola de trabajo: en cuanto uno acierta no se crean más
            None if self.succeeded > 0 => 0,
            None => u32::MAX,
        };
        pending.min(self.rules.parallelism) as usize
    }

    fn retry_at(&self) -> Duration {
        match self.streak {
            0 => Duration::ZERO,
            n => self.last_failure + doubled(BACKOFF, MAX_BACKOFF, n) / self.rules.acelera.max(1),
        }
    }

    // ANCHOR: advance
    /// Un paso: ver si ya ha acabado y, si no, crear el Pod que falte.
    fn advance(&mut self, out: &mut Vec<Action>) -> bool {
        if self.over {
            return false;
        }
        if self.verdict.is_none() {
            self.judge(out);
        }
        if self.verdict.is_some() {
            return self.wind_up(out);
        }
        if self.active() < self.wanted() && self.now >= self.retry_at() {
            out.push(Action::Create(self.next));
            self.pods.push(Attempt { id: self.next, ready: false, restarts: 0, leaving: false });
            self.next += 1;
            return true;
        }
        false
    }
    // ANCHOR_END: advance

    // ANCHOR: judge
    /// ¿Está hecho el trabajo, o ya no merece la pena seguir?
    fn judge(&mut self, out: &mut Vec<Action>) {
        let enough = match self.rules.completions {
            Some(completions) => self.succeeded >= completions,
            None => self.succeeded > 0 && self.pods.is_empty(),
        };
        if enough {
            out.push(Action::Record(note(false, "Completed", "el Job ha terminado su trabajo")));
            return self.end(Verdict::Complete);
        }
        // en el mismo Pod los fallos son reinicios; Kubernetes los cuenta así
        let restarts: u32 = self.pods.iter().map(|p| p.restarts).sum();
        let limit = self.rules.backoff_limit;
        let too_many_restarts = self.rules.restarts_count && restarts > 0 && restarts >= limit;
        if self.failed > limit || too_many_restarts {
            let message = format!("el Job ha llegado a su tope de {limit} reintentos");
            out.push(Action::Record(note(true, "BackoffLimitExceeded", message.clone())));
            return self.end(Verdict::Failed("BackoffLimitExceeded", message));
        }
        if self.rules.active_deadline.is_some_and(|at| self.now >= at) {
            let message = "el Job ha estado activo más tiempo del permitido".to_string();
            out.push(Action::Record(note(true, "DeadlineExceeded", message.clone())));
            self.end(Verdict::Failed("DeadlineExceeded", message));
        }
    }
    // ANCHOR_END: judge

    /// Se acaba: se paran los Pods que queden y, cuando no hay ninguno, ya está.
    fn wind_up(&mut self, out: &mut Vec<Action>) -> bool {
        if let Some(attempt) = self.pods.iter_mut().find(|p| !p.leaving) {
            attempt.leaving = true;
            out.push(Action::Delete { pod: attempt.id, keep: true });
            return true;
        }
        if self.pods.is_empty() {
            self.over = true;
            out.push(Action::Finish);
        }
        false
    }
}
