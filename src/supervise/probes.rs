//! Las sondas y los *hooks* en marcha, del lado del supervisor.

use super::{Supervisor, reap};
use crate::check::{self, Asking, Done, Errand, Question};
use crate::container::{Owner, Target};
use crate::logic::{ContainerId, Event, HookKind, Outcome, ProbeKind};
use crate::plan::all_containers;
use crate::spec::types::{Container, LifecycleHandler, Probe};
use nix::sched::CloneFlags;
use std::fmt;
use std::os::fd::AsFd;
use std::time::Duration;

/// Lo que se ha preguntado.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    Probe(ProbeKind),
    Hook(HookKind),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Purpose::Probe(kind) => write!(f, "sonda {kind:?}"),
            Purpose::Hook(kind) => write!(f, "hook {kind:?}"),
        }
    }
}

/// Una pregunta que aún no ha respondido, y de qué vida de qué contenedor es: una respuesta tardía
/// no vale para la vida siguiente.
pub struct InFlight {
    pub id: ContainerId,
    pub life: u32,
    pub purpose: Purpose,
    pub asking: Asking,
    /// El núcleo ya no la espera: solo queda recogerla.
    pub abandoned: bool,
}

impl InFlight {
    /// ¿Lo que se espera es este proceso?
    pub fn is(&self, pid: i32) -> bool {
        matches!(&self.asking, Asking::Errand(errand) if errand.pid == pid)
    }
}

fn probe_of(container: &Container, kind: ProbeKind) -> Option<&Probe> {
    match kind {
        ProbeKind::Startup => container.startup_probe.as_ref(),
        ProbeKind::Readiness => container.readiness_probe.as_ref(),
        ProbeKind::Liveness => container.liveness_probe.as_ref(),
    }
}

fn hook_of(container: &Container, kind: HookKind) -> Option<&LifecycleHandler> {
    let lifecycle = container.lifecycle.as_ref()?;
    match kind {
        HookKind::PostStart => lifecycle.post_start.as_ref(),
        HookKind::PreStop => lifecycle.pre_stop.as_ref(),
    }
}

impl Supervisor {
    pub(super) fn start_probe(&mut self, id: ContainerId, kind: ProbeKind) {
        let ip = &self.plan.facts.pod_ip;
        let container = all_containers(&self.spec).nth(id);
        let question = container.and_then(|c| Some(check::question(probe_of(c, kind)?, c, ip)));
        if let Some(question) = question {
            self.ask(id, Purpose::Probe(kind), question);
        }
    }

    pub(super) fn run_hook(&mut self, id: ContainerId, kind: HookKind) {
        let ip = &self.plan.facts.pod_ip;
        let container = all_containers(&self.spec).nth(id);
        let question = container.and_then(|c| Some(check::hook_question(hook_of(c, kind)?, c, ip)));
        if let Some(question) = question {
            self.ask(id, Purpose::Hook(kind), question);
        }
    }

    fn ask(&mut self, id: ContainerId, purpose: Purpose, question: Question) {
        let Some(life) = &self.lives[id] else { return };
        let target = Target {
            plan: &self.plan.containers[id],
            owner: Owner { pod: &self.plan.name, uid: &self.plan.uid, id },
            runtime: self.runtime,
            pidfd: life.pidfd.as_fd(),
            pid: life.process.pid,
            cgroup: life.cgroup.clone(),
            namespaces: namespaces_of_a_container(self.plan.hierarchy.is_some()),
        };
        let (number, now) = (life.number, self.born.elapsed());
        // a un hook le vale cualquier respuesta; a una sonda, no
        let any_answer = matches!(purpose, Purpose::Hook(_));
        let told = format!("{purpose} de {id}");
        let asking = self.k.tell_once(told, |k| check::ask(k, question, &target, now, any_answer));
        match asking {
            Ok(asking) => {
                self.asked.push(InFlight { id, life: number, purpose, asking, abandoned: false });
                // una conversación suele poder dar ya el paso siguiente
                self.go_on_talking(self.asked.len() - 1);
            }
            Err(outcome) => self.answered(id, purpose, outcome),
        }
    }

    /// El descriptor de una pregunta tiene noticias.
    pub(super) fn attend_asked(&mut self, index: usize) {
        match &self.asked[index].asking {
            Asking::Talk(_) => self.go_on_talking(index),
            Asking::Errand(_) => self.errand_done(index),
            Asking::Sleep(_) => {}
        }
    }

    pub(super) fn listen_asked(&mut self, index: usize) {
        if let Asking::Errand(errand) = &mut self.asked[index].asking {
            errand.listen();
        }
    }

    fn go_on_talking(&mut self, index: usize) {
        let asked = &mut self.asked[index];
        let Asking::Talk(talk) = &mut asked.asking else { return };
        let told = format!("{} de {}", asked.purpose, asked.id);
        if let Some(outcome) = self.k.tell_once(told, |k| talk.advance(k)) {
            let asked = self.asked.remove(index);
            self.close(asked, outcome);
        }
    }

    fn errand_done(&mut self, index: usize) {
        let asked = self.asked.remove(index);
        let Asking::Errand(errand) = asked.asking else { return };
        let Some(exit) = reap(errand.pidfd()) else { return };
        let told = format!("{} de {}", asked.purpose, asked.id);
        match self.k.tell_once(told, |k| errand.done(k, exit.code())) {
            Done::Answer(outcome) => {
                self.close(InFlight { asking: Asking::Sleep(Duration::ZERO), ..asked }, outcome)
            }
            // ahora es otro quien ha de acabar
            Done::Goes(errand) => {
                if asked.abandoned {
                    errand.kill();
                }
                self.asked.push(InFlight { asking: Asking::Errand(errand), ..asked });
            }
            Done::Talk(talk) if !asked.abandoned => {
                self.asked.push(InFlight { asking: Asking::Talk(talk), ..asked });
            }
            Done::Talk(_) => {}
        }
    }

    /// Los que solo esperaban y ya han esperado bastante.
    pub(super) fn wake_sleepers(&mut self) {
        let now = self.born.elapsed();
        let over = |asked: &InFlight| matches!(asked.asking, Asking::Sleep(until) if now >= until);
        while let Some(index) = self.asked.iter().position(over) {
            let asked = self.asked.remove(index);
            self.close(asked, Outcome::Success);
        }
    }

    /// Cuándo despierta el primero de los que solo esperan.
    pub(super) fn next_waking(&self) -> Option<Duration> {
        let until = |asked: &InFlight| match asked.asking {
            Asking::Sleep(until) => Some(until),
            Asking::Talk(_) | Asking::Errand(_) => None,
        };
        self.asked.iter().filter_map(until).min()
    }

    fn close(&mut self, asked: InFlight, outcome: Outcome) {
        let current = self.lives[asked.id].as_ref().is_some_and(|life| life.number == asked.life);
        if current && !asked.abandoned {
            self.answered(asked.id, asked.purpose, outcome);
        }
    }

    fn answered(&mut self, id: ContainerId, purpose: Purpose, outcome: Outcome) {
        let event = match purpose {
            Purpose::Probe(kind) => Event::Probed(id, kind, outcome),
            Purpose::Hook(kind) => {
                let result = match outcome {
                    Outcome::Success | Outcome::Warning(_) => Ok(()),
                    Outcome::Failure(why) | Outcome::Error(why) => Err(why),
                };
                Event::HookDone(id, kind, result)
            }
        };
        self.events.push_back(event);
    }

    /// El núcleo deja de esperar. Una sonda se mata; a un *hook*, como hace kubelet, se le deja.
    pub(super) fn abandon(&mut self, id: ContainerId, purpose: Purpose) {
        let mine = |asked: &InFlight| asked.id == id && asked.purpose == purpose;
        self.forget(mine, matches!(purpose, Purpose::Probe(_)));
    }

    /// Ha muerto el contenedor: lo que se le preguntaba ya no tiene respuesta. Lo que corría dentro
    /// ha muerto con él, pero hay que recogerlo.
    pub(super) fn forget_life(&mut self, id: ContainerId, life: u32) {
        self.forget(|asked| asked.id == id && asked.life == life, true);
    }

    fn forget(&mut self, which: impl Fn(&InFlight) -> bool, kill: bool) {
        self.asked.retain_mut(|asked| {
            if !which(asked) {
                return true;
            }
            asked.abandoned = true;
            match &asked.asking {
                Asking::Errand(errand) => {
                    if kill {
                        Errand::kill(errand);
                    }
                    true
                }
                Asking::Talk(_) => !kill,
                Asking::Sleep(_) => false,
            }
        });
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
