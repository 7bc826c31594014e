//! El bucle de un controlador: atender, preguntar al núcleo, obedecer, publicar, esperar.

use super::set::{Core, Means, Set, job_rules};
use super::state::{self, Owner, Record, Status};
use super::{forget_pods, name_of, names, template_of};
use crate::cli::term;
use crate::control::{self, Control, Request, Response};
use crate::error::{Error, exit};
use crate::logic::Note;
use crate::logic::controllers::cron_job::{self, CronJob, CronRules};
use crate::logic::controllers::job::Job;
use crate::logic::controllers::replica_set::ReplicaSet;
use crate::logic::controllers::{Action, Event};
use crate::logic::schedule::Schedule;
use crate::run::{Outcome, RunOptions};
use crate::spec::Controlled;
use crate::spec::types::{CronJobSpec, Object};
use crate::state::{Claim, ProcessId};
use crate::supervise::{STARTED, Signals};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{InitFlags, Inotify};
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Sin nada que hacer se despierta al menos cada tanto: el reloj de la pared puede saltar.
const LONGEST: Duration = Duration::from_secs(30);

pub struct Manager<'a> {
    key: String,
    controlled: Controlled,
    options: &'a RunOptions,
    signals: Signals,
    control: Control,
    inotify: Inotify,
    reader: term::Reader,
    /// Los Jobs que crea, si es un CronJob.
    cron: Option<CronJob>,
    sets: Vec<Set>,
    /// Sucesos por atender: de qué grupo es cada uno.
    events: VecDeque<(u64, Event)>,
    status: Status,
    published: Option<Status>,
    born: Instant,
    interruptions: usize,
    finished: bool,
    parent: Option<OwnedFd>,
    told_systemd: bool,
}

/// El `run` de un controlador que ya está en marcha: se le dice lo que se quiere desde ahora.
pub fn change_running(key: &str, controlled: &Controlled, replace: bool) -> Result<Outcome, Error> {
    let (kind, name) = (controlled.object.kind(), name_of(&controlled.object));
    let Object::ReplicaSet(wanted) = &controlled.object else {
        return Err(Error::failed(format!("ya hay un {kind} `{name}` en marcha"))
            .with_hint(format!("bórralo con `sudo micropod delete {} {name}`", kind.to_lowercase())));
    };
    let is_wanted =
        |seen: state::Controller| matches!(seen.record.object, Object::ReplicaSet(now) if now == *wanted);
    let same = !replace && state::see(kind, &name).is_some_and(is_wanted);
    state::write(key, "next.json", &(&controlled.object, &controlled.config, &controlled.base))
        .map_err(|e| Error::failed("no se pudo dejar dicho el cambio").because(e))?;
    control::ask(&state::dir(key).join("control"), &Request::Change { replace }).map_err(|errno| {
        Error::failed(format!("quien ejecuta el {kind} `{name}` no contesta"))
            .because(crate::error::spanish(errno))
    })?;
    let done = if same { "unchanged" } else { "configured" };
    term::data(&format!("{}/{name} {done}", kind.to_lowercase()));
    if !replace && !same {
        term::note(
            "pista: los Pods que ya hay siguen siendo los de antes, como en Kubernetes: los nuevos nacerán del molde \
             nuevo. Bórralos de uno en uno, o repite con --reemplaza",
        );
    }
    Ok(exit::OK.into())
}

/// Ha acabado: un Job se recuerda; lo demás se olvida.
pub fn finish(claim: Claim, key: &str) -> Result<u8, Error> {
    let status: Status = state::read(key, "status.json").unwrap_or_default();
    let record: Option<Record> = state::read(key, "record.json");
    if !record.is_some_and(|r| matches!(r.object, Object::Job(_))) {
        return super::forget(claim, key).map(|()| exit::OK);
    }
    let complete = status.sets.iter().all(|set| set.verdict.as_ref().is_some_and(|(v, _)| v == "Complete"));
    Ok(if complete { exit::OK } else { exit::FAILED })
}

impl<'a> Manager<'a> {
    pub fn new(
        key: &str,
        controlled: Controlled,
        options: &'a RunOptions,
        parent: &mut Option<OwnedFd>,
    ) -> Result<Manager<'a>, Error> {
        let failed = |what: &str, e: std::io::Error| Error::failed(what.to_string()).because(e);
        let signals = Signals::listen().map_err(|e| failed("no se pudieron atender las señales", e))?;
        crate::kernel::sys::set_process_name(c"micropod");
        let uid = crate::state::new_uid().map_err(|e| failed("no se pudo inventar un UID", e))?;
        let record = Record {
            uid: uid.clone(),
            object: controlled.object.clone(),
            born: crate::state::unix_millis(),
            supervisor: ProcessId::of(std::process::id() as i32).unwrap_or(ProcessId { pid: 0, start: 0 }),
        };
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)
            .map_err(|e| failed("no se pudo vigilar a los Pods", e.into()))?;
        let control = Control::listen(&state::dir(key).join("control"))?;
        state::write(key, "record.json", &record).map_err(|e| failed("no se pudo guardar la ficha", e))?;
        let mut manager = Manager {
            key: key.to_string(),
            controlled,
            options,
            signals,
            control,
            inotify,
            reader: if options.detach { term::Reader::ignored() } else { term::Reader::default() },
            cron: None,
            sets: Vec::new(),
            events: VecDeque::new(),
            status: Status::default(),
            published: None,
            born: Instant::now(),
            interruptions: 0,
            finished: false,
            parent: parent.take(),
            told_systemd: false,
        };
        manager.begin(uid);
        Ok(manager)
    }

    /// El primer grupo, o el horario.
    fn begin(&mut self, uid: String) {
        let (kind, name) = (self.controlled.object.kind(), name_of(&self.controlled.object));
        let core = match &self.controlled.object {
            Object::CronJob(cron) => {
                self.cron =
                    Some(CronJob::new(cron_rules(&cron.spec), unix(), crate::kernel::sys::local_offset));
                self.say_next();
                return;
            }
            Object::ReplicaSet(set) => Core::ReplicaSet(ReplicaSet::new(set.spec.replicas.map_or(1, count))),
            Object::Job(job) => Core::Job(Job::new(job_rules(&job.spec, self.acelera()))),
            Object::Pod(_) | Object::ConfigMap(_) | Object::Secret(_) | Object::List(_) => return,
        };
        self.add_set(0, Owner { kind: kind.into(), name, uid }, core);
    }

    fn acelera(&self) -> u32 {
        self.options.acelera.unwrap_or(1)
    }

    fn add_set(&mut self, id: u64, owner: Owner, core: Core) {
        let template = template_of(&self.controlled.object);
        self.sets.push(Set::new(id, owner, core, template, self.born.elapsed()));
        self.events.push_back((id, Event::TimePassed));
    }

    // ANCHOR: run
    /// El bucle entero.
    pub fn run(mut self) {
        loop {
            while let Some((id, event)) = self.events.pop_front() {
                let Some(at) = self.sets.iter().position(|s| s.id == id) else { continue };
                for action in self.sets[at].step(self.born.elapsed(), event) {
                    self.obey(id, action);
                }
            }
            self.step_cron(cron_job::Event::TimePassed);
            self.publish();
            if self.finished {
                break;
            }
            if self.events.is_empty() {
                self.wait();
            }
        }
    }
    // ANCHOR_END: run

    fn obey(&mut self, id: u64, action: Action) {
        let now = self.born.elapsed();
        let Some(set) = self.sets.iter_mut().find(|s| s.id == id) else { return };
        match action {
            Action::Create(pod) => {
                let means =
                    Means { controlled: &self.controlled, options: self.options, inotify: &self.inotify };
                match set.create(pod, &means) {
                    Ok(name) => {
                        say(&format!("{}: crea el Pod {name}", set.owner.shown()));
                        self.record(false, "SuccessfulCreate", format!("crea el Pod {name}"));
                    }
                    Err(error) => {
                        say(&format!("error: {error}"));
                        self.events.push_back((id, Event::Refused { pod, why: error.to_string() }));
                    }
                }
            }
            Action::Delete { pod, keep } => {
                if let Some(name) = set.delete(pod, keep) {
                    say(&format!("{}: para el Pod {name}", set.owner.shown()));
                    self.record(false, "SuccessfulDelete", format!("para el Pod {name}"));
                }
            }
            Action::Record(note) => {
                say(&format!("{}: {}", set.owner.shown(), note.message));
                crate::logic::history::record(&mut self.status.events, note, now);
            }
            Action::Finish => {
                set.over = true;
                let complete = set.verdict().is_some_and(|(verdict, _)| verdict == "Complete");
                match self.cron {
                    Some(_) => self.step_cron(cron_job::Event::Ended { job: id, succeeded: complete }),
                    None => self.finished = true,
                }
            }
        }
    }

    fn record(&mut self, warning: bool, reason: &str, message: String) {
        let note = Note { warning, reason: reason.into(), container: None, message };
        crate::logic::history::record(&mut self.status.events, note, self.born.elapsed());
    }

    fn step_cron(&mut self, event: cron_job::Event) {
        let Some(cron) = &mut self.cron else { return };
        let actions = cron.step(unix(), event, crate::kernel::sys::local_offset);
        for action in actions {
            match action {
                cron_job::Action::Start { job, scheduled } => self.start_job(job, scheduled),
                cron_job::Action::Stop(job) => self.events.push_back((job, Event::StopRequested)),
                cron_job::Action::Forget(job) => {
                    if let Some(at) = self.sets.iter().position(|s| s.id == job) {
                        let set = self.sets.remove(at);
                        say(&format!("job/{}: se olvida; solo se recuerdan los últimos", set.owner.name));
                        forget_pods(&set.owner.uid);
                    }
                }
                cron_job::Action::Record(note) => {
                    say(&format!("{}: {}", self.key.replacen('.', "/", 1), note.message));
                    crate::logic::history::record(&mut self.status.events, note, self.born.elapsed());
                }
                cron_job::Action::Finish => self.finished = true,
            }
        }
    }

    fn start_job(&mut self, job: u64, scheduled: i64) {
        let Object::CronJob(cron) = &self.controlled.object else { return };
        let name = names::of_job(&cron.metadata.name, scheduled);
        let rules = job_rules(&cron.spec.job_template.spec, self.acelera());
        let uid = crate::state::new_uid().unwrap_or_default();
        say(&format!("{}: es la hora; crea el Job {name}", self.key.replacen('.', "/", 1)));
        self.record(false, "SuccessfulCreate", format!("crea el Job {name}"));
        self.add_set(job, Owner { kind: "Job".into(), name, uid }, Core::Job(Job::new(rules)));
        self.say_next();
    }

    fn say_next(&self) {
        if let Some(next) = self.cron.as_ref().and_then(CronJob::next) {
            let local = next + crate::kernel::sys::local_offset(next);
            let civil = crate::logs::Civil::from_unix(u64::try_from(local).unwrap_or(0));
            let name = self.key.replacen('.', "/", 1);
            say(&format!("{name}: la próxima vez, el {} a las {}", civil.date(), civil.time()));
        }
    }

    fn wait(&mut self) {
        let now = self.born.elapsed();
        let cron = self.cron.as_ref().and_then(CronJob::next);
        let cron = cron.map(|at| Duration::from_secs(u64::try_from(at - unix()).unwrap_or(0)));
        let sets = self.sets.iter().filter_map(Set::next_deadline).map(|at| at.saturating_sub(now));
        let wait = sets.chain(cron).min().unwrap_or(LONGEST).min(LONGEST) + Duration::from_micros(999);
        let dead: Vec<(u64, usize)> = {
            let mut fds = vec![
                PollFd::new(self.signals.fd(), PollFlags::POLLIN),
                PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
            ];
            fds.extend(self.control.fds().into_iter().map(|(fd, flags)| PollFd::new(fd, flags)));
            fds.extend(self.reader.fd().map(|fd| PollFd::new(fd, PollFlags::empty())));
            let first = fds.len();
            let mut members = Vec::new();
            for set in &self.sets {
                for (i, member) in set.pods.iter().enumerate() {
                    fds.push(PollFd::new(member.pidfd.as_fd(), PollFlags::POLLIN));
                    members.push((set.id, i));
                }
            }
            // si falla (EINTR), a la vuelta siguiente se mira otra vez
            let _ = poll(&mut fds, PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX));
            let died = |fd: &PollFd| fd.revents().is_some_and(|r| !r.is_empty());
            members.into_iter().zip(&fds[first..]).filter(|(_, fd)| died(fd)).map(|(m, _)| m).collect()
        };
        self.look();
        // de atrás hacia delante: quitar uno no mueve a los que quedan por mirar
        for (id, i) in dead.into_iter().rev() {
            let Some(set) = self.sets.iter_mut().find(|s| s.id == id) else { continue };
            let (event, line) = set.bury(i);
            say(&line);
            self.events.push_back((id, event));
        }
        self.serve();
        for set in &self.sets {
            if set.next_deadline().is_some_and(|at| at <= self.born.elapsed()) {
                self.events.push_back((set.id, Event::TimePassed));
            }
        }
    }

    /// Qué Pods han cambiado de estado.
    fn look(&mut self) {
        let Ok(changes) = self.inotify.read_events() else { return };
        for set in &mut self.sets {
            for i in 0..set.pods.len() {
                if !changes.iter().any(|change| Some(change.wd) == set.pods[i].watch) {
                    continue;
                }
                let (event, line) = set.look(i);
                if let Some(line) = line {
                    say(&line);
                }
                self.events.extend(event.map(|event| (set.id, event)));
            }
        }
    }

    /// Señales y peticiones.
    fn serve(&mut self) {
        let count = self.signals.drain();
        if count > 0 {
            self.interruptions += count;
            self.stop();
        }
        if self.reader.has_left() && self.interruptions == 0 {
            self.interruptions = 1;
            say("nadie lee ya la salida");
            self.stop();
        }
        for (client, request) in self.control.attend() {
            match request {
                Request::Change { replace } => self.change(replace),
                Request::Condition(_) | Request::Configure => {}
                Request::Delete { .. } => self.stop(),
                Request::Attach { .. } | Request::Debug { .. } => {
                    let why = "un controlador no tiene terminal: conéctate a uno de sus Pods".into();
                    self.control.answer(client, &Response::Refused(why));
                    continue;
                }
            }
            self.control.answer(client, &Response::Accepted);
        }
    }

    fn stop(&mut self) {
        if self.interruptions <= 1 {
            say("parada ordenada: se para a los Pods y se les espera");
        }
        if self.interruptions > 1 {
            // la segunda señal a un supervisor es «ya»
            for member in self.sets.iter().flat_map(|s| &s.pods) {
                let _ = crate::kernel::sys::pidfd_send_signal(member.pidfd.as_fd(), libc::SIGTERM);
            }
        }
        match self.cron {
            Some(_) => self.step_cron(cron_job::Event::StopRequested),
            None => self.events.extend(self.sets.iter().map(|s| (s.id, Event::StopRequested))),
        }
    }

    // ANCHOR: change
    /// Otro `run` del mismo ReplicaSet: cuántos Pods y de qué molde, desde ahora.
    fn change(&mut self, replace: bool) {
        let Some((object, config, base)) = state::read(&self.key, "next.json") else { return };
        let Object::ReplicaSet(wanted) = &object else { return };
        let replicas = wanted.spec.replicas.map_or(1, count);
        let template = wanted.spec.template.clone();
        self.controlled = Controlled { object, config, base };
        let now = self.born.elapsed();
        let Some(set) = self.sets.first_mut() else { return };
        let new_template = set.template != template;
        say(&format!(
            "{}: desde ahora, {replicas} Pods{}",
            set.owner.shown(),
            match (new_template, replace) {
                (false, _) => "",
                (true, false) => "; los que nazcan saldrán del molde nuevo",
                (true, true) => " del molde nuevo: nace uno y, cuando está listo, se va uno de los de antes",
            }
        ));
        set.template = template;
        let id = set.id;
        let actions = match &mut set.core {
            Core::ReplicaSet(core) => core.change(now, replicas, new_template, replace),
            Core::Job(_) => Vec::new(),
        };
        if let Some(mut record) = state::read::<Record>(&self.key, "record.json") {
            record.object = self.controlled.object.clone();
            // si no se puede, `get` enseñará lo de antes; los Pods son los de ahora
            let _ = state::write(&self.key, "record.json", &record);
        }
        for action in actions {
            self.obey(id, action);
        }
    }
    // ANCHOR_END: change

    fn publish(&mut self) {
        let now = self.born.elapsed();
        for set in &mut self.sets {
            set.refresh(now);
        }
        self.status.sets = self.sets.iter().map(|s| s.status.clone()).collect();
        self.status.last_schedule = self.cron.as_ref().and_then(CronJob::last);
        if self.published.as_ref() != Some(&self.status) {
            if let Err(error) = state::write(&self.key, "status.json", &self.status) {
                log::error!("no se pudo publicar el estado de {}: {error}", self.key);
            }
            self.published = Some(self.status.clone());
        }
        if !std::mem::replace(&mut self.told_systemd, true) {
            crate::notify::notify("READY=1");
        }
        if let Some(parent) = self.parent.take() {
            // si quien esperaba se fue, nadie lo lee
            let _ = nix::unistd::write(&parent, STARTED.as_bytes());
        }
    }
}

fn cron_rules(spec: &CronJobSpec) -> CronRules {
    CronRules {
        // la validación ya lo entendió
        schedule: Schedule::parse(&spec.schedule).unwrap_or(Schedule::Every(i64::MAX / 2)),
        concurrency: spec.concurrency_policy,
        starting_deadline: spec.starting_deadline_seconds,
        keep_succeeded: spec.successful_jobs_history_limit.map_or(3, count),
        keep_failed: spec.failed_jobs_history_limit.map_or(1, count),
        suspend: spec.suspend,
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn unix() -> i64 {
    (crate::state::unix_millis() / 1000) as i64
}

/// Lo que hace el controlador, para quien mira.
fn say(line: &str) {
    term::note(&format!("· {line}"));
}
