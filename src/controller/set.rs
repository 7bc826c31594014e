//! Un grupo de Pods con un núcleo que decide: los de un ReplicaSet o los de un Job.

use super::names;
use super::state::{Owner, SetStatus};
use crate::error::Error;
use crate::kernel::Mode;
use crate::logic::controllers::job::{Job, JobRules, Verdict};
use crate::logic::controllers::replica_set::ReplicaSet;
use crate::logic::controllers::{Action, Event, PodId};
use crate::logic::status::Phase;
use crate::run::RunOptions;
use crate::runtime::Kind;
use crate::spec::types::{JobSpec, Object, PodTemplate, RestartPolicy};
use crate::spec::{Config, Controlled, write};
use crate::state;
use nix::sys::inotify::{AddWatchFlags, Inotify, WatchDescriptor};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Quien decide.
#[derive(Debug)]
pub enum Core {
    ReplicaSet(ReplicaSet),
    Job(Job),
}

/// Un grupo de Pods.
#[derive(Debug)]
pub struct Set {
    /// El número del Job dentro de su CronJob; 0 si no hay CronJob.
    pub id: u64,
    pub owner: Owner,
    pub core: Core,
    pub template: PodTemplate,
    pub status: SetStatus,
    pub pods: Vec<Member>,
    pub over: bool,
    /// Desde que nació el controlador.
    born: Duration,
}

/// Un Pod del grupo y el proceso que lo supervisa.
#[derive(Debug)]
pub struct Member {
    pub id: PodId,
    pub name: String,
    pub pidfd: OwnedFd,
    pub watch: Option<WatchDescriptor>,
    supervisor: Child,
    /// Lo último que se dijo de él: si está listo y sus reinicios.
    told: (bool, u32),
    address: Option<String>,
    /// Ya se sabe que se va.
    leaving: bool,
    /// Al pararlo, ¿se queda su ficha?
    keep: bool,
}

/// Lo que hace falta para que un grupo cree Pods.
pub struct Means<'a> {
    pub controlled: &'a Controlled,
    pub options: &'a RunOptions,
    pub inotify: &'a Inotify,
}

/// Las reglas de un Job, con los valores predeterminados de Kubernetes.
pub fn job_rules(spec: &JobSpec, acelera: u32) -> JobRules {
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    JobRules {
        completions: match (spec.completions, spec.parallelism) {
            (None, None) => Some(1),
            (completions, _) => completions.map(count),
        },
        parallelism: spec.parallelism.map_or(1, count),
        backoff_limit: spec.backoff_limit.map_or(6, count),
        active_deadline: spec.active_deadline_seconds.map(|s| Duration::from_secs(s.unsigned_abs())),
        restarts_count: spec.template.spec.restart_policy == RestartPolicy::OnFailure,
        acelera,
    }
}

impl Set {
    pub fn new(id: u64, owner: Owner, core: Core, template: PodTemplate, born: Duration) -> Set {
        let status =
            SetStatus { name: owner.name.clone(), uid: owner.uid.clone(), born, ..SetStatus::default() };
        Set { id, owner, core, template, status, pods: Vec::new(), over: false, born }
    }

    /// Un suceso para su núcleo. `now` es el tiempo desde que nació el controlador.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let age = now.saturating_sub(self.born);
        match &mut self.core {
            Core::ReplicaSet(set) => set.step(age, event),
            Core::Job(job) => job.step(age, event),
        }
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        let next = match &self.core {
            Core::ReplicaSet(set) => set.next_deadline(),
            Core::Job(job) => job.next_deadline(),
        };
        next.map(|at| at + self.born)
    }

    /// Cómo ha acabado un Job: `Complete`, o `Failed` y por qué.
    pub fn verdict(&self) -> Option<(String, String)> {
        let Core::Job(job) = &self.core else { return None };
        match job.verdict().filter(|_| self.over)? {
            Verdict::Complete => Some(("Complete".into(), String::new())),
            Verdict::Failed(reason, message) => Some(("Failed".into(), format!("{reason}: {message}"))),
            Verdict::Stopped => Some(("Failed".into(), "Stopped: lo pararon".into())),
        }
    }

    /// Pone al día lo que se publica.
    pub fn refresh(&mut self, now: Duration) {
        match &self.core {
            Core::ReplicaSet(set) => {
                let counts = set.counts();
                self.status.desired = counts.desired as u32;
                (self.status.current, self.status.ready) = (counts.current as u32, counts.ready as u32);
            }
            Core::Job(job) => {
                let counts = job.counts();
                (self.status.current, self.status.ready) = (counts.active as u32, counts.ready as u32);
                (self.status.succeeded, self.status.failed) = (counts.succeeded, counts.failed);
            }
        }
        self.status.pods = self.pods.iter().map(|m| m.name.clone()).collect();
        self.status.verdict = self.verdict();
        if self.over {
            self.status.finished.get_or_insert(now);
        }
    }

    // ANCHOR: create
    /// Crea un Pod: un `micropod run` hijo de este proceso, con la especificación por su entrada.
    pub fn create(&mut self, id: PodId, means: &Means) -> Result<String, Error> {
        let name = names::fresh(&self.owner.name)?;
        let text = self.spec_of(&name, means.controlled);
        let dir = state::pod_dir(&name);
        state::make_private_dir(&dir)?;
        let watch = means.inotify.add_watch(&dir, AddWatchFlags::IN_MOVED_TO).ok();
        let mut supervisor = self.command(means).spawn().map_err(|e| {
            Error::failed(format!("no se pudo lanzar el supervisor del Pod {name}")).because(e)
        })?;
        if let Some(mut input) = supervisor.stdin.take() {
            // si ya ha muerto, su muerte lo dirá
            let _ = input.write_all(text.as_bytes());
        }
        let pidfd = crate::kernel::sys::pidfd_open(supervisor.id() as i32).map_err(|e| {
            Error::failed("no se pudo vigilar al supervisor").because(crate::error::spanish(e))
        })?;
        let told = (false, 0);
        self.pods.push(Member {
            id,
            name: name.clone(),
            pidfd,
            watch,
            supervisor,
            told,
            address: None,
            leaving: false,
            keep: true,
        });
        Ok(name)
    }
    // ANCHOR_END: create

    fn command(&self, means: &Means) -> Command {
        let Owner { kind, name, uid } = &self.owner;
        let mut command = Command::new("/proc/self/exe");
        command.args(["run", "-", "--dueno", &format!("{kind}/{name}/{uid}/{}", std::process::id())]);
        if means.options.runtime != Kind::Native {
            command.args(["--runtime", means.options.runtime.name()]);
        }
        if let Some(acelera) = means.options.acelera {
            command.args(["--acelera", &acelera.to_string()]);
        }
        command.args(["--policy", means.options.policy.name()]);
        if means.options.mode == Mode::Narrate {
            command.arg("--narra");
        }
        // en su propio grupo: el Ctrl-C de la terminal es para este proceso, que los para con orden
        // a systemd le habla quien crea los Pods, no cada uno de ellos
        command.env_remove("NOTIFY_SOCKET");
        command.current_dir(&means.controlled.base).process_group(0).stdin(Stdio::piped());
        if means.options.detach {
            // en segundo plano nadie mira: lo que digan está en sus logs
            command.stdout(Stdio::null());
        }
        command
    }

    /// El Pod y lo que usa, como si lo hubiera escrito alguien.
    fn spec_of(&self, name: &str, controlled: &Controlled) -> String {
        let mut pod = self.template.pod(name);
        // un Pod nace en el espacio de nombres de quien lo crea
        pod.metadata.namespace = controlled.object.metadata().and_then(|m| m.namespace.clone());
        if matches!(self.core, Core::Job(_)) {
            for key in ["job-name", "batch.kubernetes.io/job-name"] {
                pod.metadata.labels.insert(key.into(), self.owner.name.clone());
            }
        }
        let Config { config_maps, secrets } = controlled.config.clone();
        let mut items = vec![Object::Pod(pod)];
        items.extend(config_maps.into_values().map(Object::ConfigMap));
        items.extend(secrets.into_values().map(Object::Secret));
        // en JSON, que no necesita más código que el de las fichas
        write::kubernetes_list(&items).to_string()
    }

    /// Pide a un Pod que acabe con orden.
    pub fn delete(&mut self, id: PodId, keep: bool) -> Option<String> {
        let member = self.pods.iter_mut().find(|m| m.id == id)?;
        (member.keep, member.leaving) = (keep, true);
        // si ya ha muerto, su muerte lo dirá
        let _ = crate::kernel::sys::pidfd_send_signal(std::os::fd::AsFd::as_fd(&member.pidfd), libc::SIGTERM);
        Some(member.name.clone())
    }

    /// El estado de uno de sus Pods ha cambiado: qué le importa de eso al núcleo, y qué contar.
    pub fn look(&mut self, i: usize) -> (Option<Event>, Option<String>) {
        let member = &mut self.pods[i];
        let Some(seen) = state::see(&member.name) else { return (None, None) };
        let status = &seen.live.status;
        let ready = status.conditions.iter().any(|c| c.kind == "Ready" && c.status);
        let restarts = status.all().map(|c| c.restart_count).sum();
        let mut line = None;
        if member.address.is_none() {
            member.address = seen.record.network.as_ref().map(|net| net.ip.to_string());
            let uid = &seen.record.uid[..8.min(seen.record.uid.len())];
            let address = member.address.as_deref().unwrap_or("la de esta máquina");
            line = Some(format!("{}: UID {uid}…, IP {address}", member.name));
        }
        if !seen.live.leaving.is_empty() && !member.leaving {
            member.leaving = true;
            return (Some(Event::Leaving { pod: member.id }), line);
        }
        if (ready, restarts) == member.told {
            return (None, line);
        }
        if ready && !member.told.0 {
            line = Some(format!(
                "{}: listo{}",
                member.name,
                match line {
                    Some(birth) => format!("; {}", birth.split_once(": ").map_or("", |(_, rest)| rest)),
                    None => String::new(),
                }
            ));
        }
        member.told = (ready, restarts);
        (Some(Event::Changed { pod: member.id, ready, restarts }), line)
    }

    // ANCHOR: bury
    /// El supervisor de un Pod ha muerto: se le recoge y se ve cómo acabó el Pod.
    pub fn bury(&mut self, i: usize) -> (Event, String) {
        let mut member = self.pods.remove(i);
        // ha muerto: no hay que esperarle
        let code = member.supervisor.wait().ok().and_then(|status| status.code());
        let born = member.address.is_some() || state::see(&member.name).is_some();
        // si lo mataron, deja cosas a medias
        crate::gc::sweep_pending();
        let (pod, name) = (member.id, member.name);
        let Some(seen) = state::see(&name) else {
            // sin ficha: o alguien lo borró, o no llegó a nacer
            let _ = std::fs::remove_dir(state::pod_dir(&name));
            return match born {
                true => (Event::Ended { pod, succeeded: false }, format!("{name}: alguien lo ha borrado")),
                false => {
                    let why = format!("su supervisor salió con {}", code.unwrap_or(-1));
                    (Event::Refused { pod, why: why.clone() }, format!("{name}: no llegó a nacer ({why})"))
                }
            };
        };
        let phase = seen.live.status.phase;
        if !member.keep {
            super::forget_one(&name);
        }
        let reason = match seen.live.status.reason.as_str() {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        (
            Event::Ended { pod, succeeded: phase == Phase::Succeeded },
            format!("{name}: ha acabado, {phase}{reason}"),
        )
    }
    // ANCHOR_END: bury
}
