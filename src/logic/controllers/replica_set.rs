//! Un ReplicaSet: que haya siempre el mismo número de Pods.

use super::{Action, Event, PodId, doubled, note};
use std::time::Duration;

/// Si un Pod no llega a nacer, o se estropea nada más nacer, se espera antes de probar con otro:
/// sin espera, un fallo que no se cura solo pediría Pods sin descanso.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(60);
/// Quien vive menos que esto y acaba por su cuenta cuenta como fallo.
const TOO_SOON: Duration = Duration::from_secs(10);

// ANCHOR: replica_set
/// Un ReplicaSet: lo que se quiere y los Pods que hay.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    replicas: usize,
    /// La versión de su plantilla: la de partida es la 1.
    revision: u32,
    /// ¿Hay que cambiar los Pods de otra versión por Pods de esta, de uno en uno?
    replacing: bool,
    pods: Vec<Replica>,
    next: PodId,
    failures: u32,
    retry_at: Duration,
    stopping: bool,
    over: bool,
    now: Duration,
}

/// Un Pod suyo.
#[derive(Clone, Debug)]
struct Replica {
    id: PodId,
    revision: u32,
    born: Duration,
    ready: bool,
    leaving: bool,
}
// ANCHOR_END: replica_set

/// Lo que se ve de un ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub desired: usize,
    pub current: usize,
    pub ready: usize,
}

impl ReplicaSet {
    pub fn new(replicas: usize) -> ReplicaSet {
        ReplicaSet {
            replicas,
            revision: 1,
            replacing: false,
            pods: Vec::new(),
            next: 0,
            failures: 0,
            retry_at: Duration::ZERO,
            stopping: false,
            over: false,
            now: Duration::ZERO,
        }
    }

    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.now = self.now.max(now);
        if !self.over {
            self.hear(event, &mut out);
            while self.advance(&mut out) {}
        }
        out
    }

    /// Cambia lo que se quiere. Con `new_template`, los Pods que nazcan serán de otra versión; los
    /// que ya hay siguen como están, salvo que se pida reemplazarlos.
    pub fn change(
        &mut self,
        now: Duration,
        replicas: usize,
        new_template: bool,
        replace: bool,
    ) -> Vec<Action> {
        self.replicas = replicas;
        if new_template {
            self.revision += 1;
        }
        self.replacing = replace;
        self.step(now, Event::TimePassed)
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        let waiting = !self.over && !self.stopping && self.alive() < self.wanted();
        waiting.then_some(self.retry_at)
    }

    pub fn counts(&self) -> Counts {
        let ready = self.pods.iter().filter(|p| p.ready && !p.leaving).count();
        Counts { desired: self.replicas, current: self.alive(), ready }
    }

    /// La versión de la plantilla de la que salen los Pods que nacen ahora.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    fn hear(&mut self, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Changed { pod, ready, .. } => {
                for replica in self.pods.iter_mut().filter(|p| p.id == pod) {
                    replica.ready = ready;
                }
                if ready {
                    self.failures = 0;
                }
            }
            Event::Leaving { pod } => {
                for replica in self.pods.iter_mut().filter(|p| p.id == pod) {
                    replica.leaving = true;
                }
            }
            Event::Ended { pod, .. } => {
                let Some(replica) = self.take(pod) else { return };
                if replica.leaving {
                    return;
                }
                if self.now.saturating_sub(replica.born) < TOO_SOON && !replica.ready {
                    self.back_off();
                }
            }
            Event::Refused { pod, why } => {
                if self.take(pod).is_some() {
                    self.back_off();
                    out.push(Action::Record(note(
                        true,
                        "FailedCreate",
                        format!("no se pudo crear un Pod: {why}"),
                    )));
                }
            }
            Event::StopRequested => self.stopping = true,
            Event::TimePassed => {}
        }
    }

    fn take(&mut self, pod: PodId) -> Option<Replica> {
        let at = self.pods.iter().position(|p| p.id == pod)?;
        Some(self.pods.remove(at))
    }

    fn back_off(&mut self) {
        self.failures += 1;
        self.retry_at = self.now + doubled(RETRY, MAX_RETRY, self.failures);
    }

    fn alive(&self) -> usize {
        self.pods.iter().filter(|p| !p.leaving).count()
    }

    fn has_old(&self) -> bool {
        self.pods.iter().any(|p| !p.leaving && p.revision < self.revision)
    }

    /// Cuántos Pods debe haber ahora: mientras se reemplazan, uno de más, para que nunca falte ninguno.
    fn wanted(&self) -> usize {
        self.replicas + usize::from(self.replacing && self.has_old())
    }

    // ANCHOR: advance
    /// Acerca lo que hay a lo que se quiere, de un Pod en un Pod; `false` si ya son lo mismo.
    fn advance(&mut self, out: &mut Vec<Action>) -> bool {
        if self.over {
            return false;
        }
        if self.stopping {
            return self.stop(out);
        }
        let (alive, wanted) = (self.alive(), self.wanted());
        if alive < wanted && self.now >= self.retry_at {
            out.push(Action::Create(self.next));
            let (id, revision, born) = (self.next, self.revision, self.now);
            self.pods.push(Replica { id, revision, born, ready: false, leaving: false });
            self.next += 1;
            return true;
        }
        if alive > wanted {
            // el que menos se echará de menos: si no está listo, mejor; si no, el más joven
            let spare = (0..self.pods.len()).filter(|i| !self.pods[*i].leaving);
            return match spare.min_by_key(|i| (self.pods[*i].ready, std::cmp::Reverse(self.pods[*i].id))) {
                Some(i) => self.delete(i, out),
                None => false,
            };
        }
        self.replace_one(out)
    }
    // ANCHOR_END: advance

    /// El nuevo ya está listo: se va uno de los de antes, el más viejo.
    fn replace_one(&mut self, out: &mut Vec<Action>) -> bool {
        let new_are_ready =
            self.pods.iter().filter(|p| !p.leaving && p.revision == self.revision).all(|p| p.ready);
        if !self.replacing || !new_are_ready || self.alive() < self.wanted() {
            return false;
        }
        match self.pods.iter().position(|p| !p.leaving && p.revision < self.revision) {
            Some(i) => self.delete(i, out),
            None => {
                self.replacing = false;
                false
            }
        }
    }

    fn stop(&mut self, out: &mut Vec<Action>) -> bool {
        if let Some(i) = self.pods.iter().position(|p| !p.leaving) {
            return self.delete(i, out);
        }
        if self.pods.is_empty() {
            self.over = true;
            out.push(Action::Finish);
        }
        false
    }

    fn delete(&mut self, i: usize, out: &mut Vec<Action>) -> bool {
        self.pods[i].leaving = true;
        out.push(Action::Delete { pod: self.pods[i].id, keep: false });
        true
    }
}
