//! Capítulo 16 · El supervisor: espera, pregunta al núcleo y obedece.
//!
//! Un solo hilo y un solo `poll` sobre todo lo que puede dar noticias: señales, muertes (pidfd),
//! tuberías de logs, sondas, el socket de control y el próximo plazo. Ninguna espera más que esa:
//! un contenedor que inunda sus logs o una sonda colgada no detienen a los demás.

mod attach;
mod config;
mod containers;
mod debug;
mod last_words;
mod probes;
mod scale;

pub use probes::namespaces_of_a_container;

use crate::check::Asking;
use crate::cli::term::Screen;
use crate::control::{Control, Request, Response};
use crate::data;
use crate::error::StepError;
use crate::kernel::{Kernel, ops};
use crate::logic::pod::Pod;
use crate::logic::status::ContainerState;
use crate::logic::{Action, ContainerId, Event, StopReason};
use crate::plan::{self, PodPlan};
use crate::recording::Recorder;
use crate::runtime::Runtime;
use crate::spec::types::PodSpec;
use crate::state::{self, Live, ProcessId};
use crate::volume;
use attach::Attached;
use containers::Life;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use probes::{InFlight, Purpose};
use scale::Scale;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Las señales que piden al supervisor que acabe, y la que no pide nada pero despierta.
pub struct Signals {
    pipe: UnixStream,
}

/// Las señales que piden acabar.
fn asking_to_end() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

/// Que las señales que piden acabar esperen: desde que se toma el nombre de un Pod, morir sin más
/// dejaría a medias lo que se ha reservado para él. Llegan con [`Signals::listen`].
pub fn hold_signals() -> std::io::Result<()> {
    Ok(asking_to_end().thread_block()?)
}

/// Quien no va a supervisar el Pod vuelve a morir con ellas.
pub fn release_signals() -> std::io::Result<()> {
    Ok(asking_to_end().thread_unblock()?)
}

impl Signals {
    /// Desde ahora, SIGTERM, SIGINT, SIGHUP y SIGQUIT no matan: se leen por una tubería.
    pub fn listen() -> std::io::Result<Signals> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        for signal in &asking_to_end() {
            signal_hook::low_level::pipe::register(signal as i32, write.try_clone()?)?;
        }
        // las que llegaron mientras esperaban
        release_signals()?;
        Ok(Signals { pipe: read })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Cuántas han llegado desde la última vez.
    pub fn drain(&self) -> usize {
        let mut bytes = [0; 64];
        nix::unistd::read(&self.pipe, &mut bytes).unwrap_or(0)
    }
}

// ANCHOR: sources
/// Quién puede dar noticias.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Signals,
    Pause,
    Channel(ContainerId),
    Death(ContainerId),
    Output(ContainerId),
    Errors(ContainerId),
    Asked(usize),
    AskedOutput(usize),
    Scale,
    Control,
    Input,
    Attached(usize),
    Reader,
}
// ANCHOR_END: sources

pub struct Supervisor {
    k: Kernel,
    plan: PodPlan,
    runtime: &'static dyn Runtime,
    spec: PodSpec,
    core: Pod,
    born: Instant,
    live: Live,
    recorder: Recorder,
    /// Lo último que se publicó.
    published: Option<Live>,
    signals: Signals,
    control: Control,
    pause: Option<(ProcessId, OwnedFd)>,
    /// La vida actual de cada contenedor, y cuántas ha tenido ya.
    lives: Vec<Option<Life>>,
    lives_so_far: Vec<u32>,
    /// Las sondas y los hooks que aún no han respondido.
    asked: Vec<InFlight>,
    scale: Scale,
    attached: Vec<Attached>,
    screen: Option<Screen>,
    events: VecDeque<Event>,
    interruptions: usize,
    /// Los fallos de arranque que aún no se han contado en pantalla.
    failures: Vec<String>,
    /// Lo último que se contó de un contenedor que no puede ni nacer.
    told: Vec<String>,
    told_parent: Option<OwnedFd>,
    told_systemd: bool,
    finished: bool,
}

/// Lo que se dice a quien espera tras `run -d` cuando todo va bien.
pub const STARTED: &str = "listo";

/// Lo que hace falta para empezar a supervisar.
pub struct Start {
    pub k: Kernel,
    pub plan: PodPlan,
    pub runtime: &'static dyn Runtime,
    pub spec: PodSpec,
    pub core: Pod,
    pub signals: Signals,
    pub control: Control,
    /// Donde enseñar los logs, en primer plano.
    pub screen: Option<Screen>,
    /// Por donde avisar a quien espera (`run -d`) de que el Pod ya está en marcha.
    pub parent: Option<OwnedFd>,
}

impl Supervisor {
    pub fn new(start: Start) -> Supervisor {
        let count = start.plan.containers.len();
        let dir = state::log_dir(&start.plan.name);
        let born = state::unix_millis();
        Supervisor {
            recorder: Recorder::new(&dir, &start.plan.uid, born, &start.spec, &start.core),
            scale: Scale::new(&start.plan.volumes),
            attached: Vec::new(),
            k: start.k,
            runtime: start.runtime,
            plan: start.plan,
            spec: start.spec,
            core: start.core,
            born: Instant::now(),
            live: Live { processes: vec![None; count], ..Live::default() },
            published: None,
            signals: start.signals,
            control: start.control,
            pause: None,
            lives: (0..count).map(|_| None).collect(),
            lives_so_far: vec![0; count],
            asked: Vec::new(),
            screen: start.screen,
            events: VecDeque::from([Event::TimePassed]),
            interruptions: 0,
            failures: Vec::new(),
            told: vec![String::new(); count],
            told_parent: start.parent,
            told_systemd: false,
            finished: false,
        }
    }

    // ANCHOR: run
    /// El bucle entero: atender, preguntar al núcleo, obedecer, publicar, esperar.
    pub fn run(mut self) -> (Live, Vec<StepError>) {
        loop {
            while let Some(event) = self.events.pop_front() {
                log::debug!("{event:?}");
                let now = self.born.elapsed();
                self.recorder.hear(now, &event);
                let actions = self.core.step(now, event);
                self.recorder.asked(&self.core, &actions);
                for action in actions {
                    log::debug!("→ {action:?}");
                    self.obey(action);
                }
            }
            self.publish();
            if self.finished {
                break;
            }
            self.wait();
            self.reap_strangers();
            self.wake_sleepers();
            self.events.push_back(Event::TimePassed);
        }
        let failures = self.k.teardown();
        self.publish();
        self.recorder.flush();
        (self.live, failures)
    }
    // ANCHOR_END: run

    // ANCHOR: obey
    /// Hace lo que pide el núcleo. Lo que salga de ello volverá como suceso.
    fn obey(&mut self, action: Action) {
        match action {
            Action::StartSandbox => self.start_sandbox(),
            Action::Start(id) => self.start_container(id),
            Action::Probe(id, kind) => self.start_probe(id, kind),
            Action::AbandonProbe(id, kind) => self.abandon(id, Purpose::Probe(kind)),
            Action::RunHook(id, kind) => self.run_hook(id, kind),
            Action::AbandonHook(id, kind) => self.abandon(id, Purpose::Hook(kind)),
            Action::Kill(id, signal) => self.kill(id, signal),
            Action::StopSandbox => self.stop_sandbox(),
            Action::Record(note) => {
                let now = self.born.elapsed();
                self.live.record(note, now);
            }
        }
    }
    // ANCHOR_END: obey

    fn start_sandbox(&mut self) {
        let pause = match self.runtime.run_sandbox(&mut self.k, &self.plan) {
            Ok(pause) => pause,
            Err(error) => return self.no_sandbox(error.to_string()),
        };
        // sin saber cuándo nació, mañana no se la distinguiría de otro proceso con su número
        let Some(process) = ProcessId::of(pause.pid) else {
            let fault = format!("no se pudo leer /proc/{}/stat, que dice qué proceso es la pausa", pause.pid);
            pause.dismiss();
            return self.no_sandbox(fault);
        };
        if let Some((pidfd, _channel)) = pause.into_parts() {
            self.live.pause = Some(process);
            self.pause = Some((process, pidfd));
        }
        self.events.push_back(Event::SandboxReady);
    }

    fn no_sandbox(&mut self, fault: String) {
        self.events.push_back(Event::SandboxFailed(fault.clone()));
        self.failures.push(fault);
    }

    /// Nada queda por correr: muere la pausa, y con ella la red y los montajes del Pod.
    fn stop_sandbox(&mut self) {
        if let Some((process, pidfd)) = self.pause.take() {
            let signal = ops::SendSignal {
                pidfd: Some(pidfd.as_fd()),
                process: process.pid.to_string(),
                signal: libc::SIGKILL,
            };
            // si no se puede, ya no está: lo que importa es que no viva
            let _ = self.k.step("terminar la pausa: con ella se van la red y los montajes del Pod", signal);
            reap(pidfd.as_fd());
        }
        self.runtime.stop_sandbox();
        self.live.pause = None;
        self.finished = true;
    }

    // ANCHOR: wait
    /// Espera la próxima noticia o el próximo plazo, y atiende cuantas haya.
    fn wait(&mut self) {
        let timeout = self.timeout();
        self.forget_gone();
        let (sources, ready) = {
            let watched = self.watched();
            let mut fds: Vec<PollFd> =
                watched.iter().map(|(_, fd, flags)| PollFd::new(*fd, *flags)).collect();
            match poll(&mut fds, timeout) {
                Ok(_) => {}
                Err(nix::errno::Errno::EINTR) => return,
                Err(errno) => {
                    log::error!("poll: {errno}");
                    return;
                }
            }
            let sources: Vec<Source> = watched.iter().map(|(source, ..)| *source).collect();
            let ready: Vec<bool> = fds.iter().map(|fd| fd.revents().is_some_and(|r| !r.is_empty())).collect();
            (sources, ready)
        };
        // de atrás hacia delante: atender una pregunta la quita de la lista, y así no mueve a las demás
        for (source, ready) in sources.into_iter().zip(ready).rev() {
            if ready {
                self.attend(source);
            }
        }
    }
    // ANCHOR_END: wait

    // ANCHOR: timeout
    fn timeout(&self) -> PollTimeout {
        let now = self.born.elapsed();
        // mientras se despide, la pantalla cuenta los segundos
        let counting = self.screen.is_some() && !self.live.leaving.is_empty();
        let screen = counting.then_some(now + Duration::from_secs(1));
        let all = [self.core.next_deadline(), self.scale.next(), self.next_waking(), screen];
        let next = all.into_iter().flatten().min();
        let Some(next) = next else { return PollTimeout::NONE };
        // hacia arriba: despertarse un milisegundo antes sería dar otra vuelta para nada
        let wait = next.saturating_sub(now) + Duration::from_micros(999);
        PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
    }
    // ANCHOR_END: timeout

    fn watched(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let read = PollFlags::POLLIN;
        let mut all = vec![(Source::Signals, self.signals.pipe.as_fd(), read)];
        if let Some((_, pidfd)) = &self.pause {
            all.push((Source::Pause, pidfd.as_fd(), read));
        }
        for (fd, flags) in self.control.fds() {
            all.push((Source::Control, fd, flags));
        }
        for (id, life) in self.lives.iter().enumerate() {
            let Some(life) = life else { continue };
            if let Some(channel) = &life.channel {
                all.push((Source::Channel(id), channel.as_fd(), read));
            }
            all.push((Source::Death(id), life.pidfd.as_fd(), read));
            for (source, pipe) in [(Source::Output(id), &life.output), (Source::Errors(id), &life.errors)] {
                if let Some(pipe) = pipe {
                    all.push((source, pipe.as_fd(), read));
                }
            }
        }
        for (i, asked) in self.asked.iter().enumerate() {
            match &asked.asking {
                Asking::Talk(talk) => all.push((Source::Asked(i), talk.fd(), talk.interest())),
                Asking::Errand(errand) => {
                    all.push((Source::Asked(i), errand.pidfd(), read));
                    all.extend(errand.pipe().map(|pipe| (Source::AskedOutput(i), pipe, read)));
                }
                Asking::Sleep(_) => {}
            }
        }
        if let Some(pidfd) = self.scale.measuring() {
            all.push((Source::Scale, pidfd, read));
        }
        if let Some(input) = self.input() {
            all.push((Source::Input, input, read));
        }
        self.watch_attached(&mut all);
        if let Some(output) = self.screen.as_ref().and_then(|screen| screen.reader.fd()) {
            all.push((Source::Reader, output, PollFlags::empty()));
        }
        all
    }

    fn attend(&mut self, source: Source) {
        match source {
            Source::Signals => self.interrupted(),
            Source::Pause => self.pause_died(),
            Source::Channel(id) => self.hear(id),
            Source::Death(id) => self.container_died(id),
            Source::Output(id) => self.copy_output(id, crate::logs::Stream::Stdout),
            Source::Errors(id) => self.copy_output(id, crate::logs::Stream::Stderr),
            Source::Asked(i) => self.attend_asked(i),
            Source::AskedOutput(i) => self.listen_asked(i),
            Source::Scale => self.weigh(),
            Source::Control => self.serve(),
            Source::Input => self.copy_input(),
            Source::Attached(i) => self.attend_attached(i),
            Source::Reader => self.reader_left(),
        }
    }

    /// Ctrl-C una vez: parada ordenada. Dos: ya.
    fn interrupted(&mut self) {
        let count = self.signals.drain();
        if count == 0 {
            return;
        }
        self.interruptions += count;
        let now = self.interruptions > 1;
        self.request_stop(now.then_some(Duration::ZERO), now);
    }

    /// Quien leía la salida se ha ido (`micropod run … | head`): es un Ctrl-C, si no lo había habido ya.
    fn reader_left(&mut self) {
        let left = self.screen.as_mut().is_some_and(|screen| screen.reader.has_left());
        if left && self.interruptions == 0 {
            self.interruptions = 1;
            crate::cli::term::note("nadie lee ya la salida");
            self.request_stop(None, false);
        }
    }

    /// Pide al núcleo que acabe. `at_once`: además se mata ya a todos los contenedores.
    fn request_stop(&mut self, grace: Option<Duration>, at_once: bool) {
        crate::notify::notify("STOPPING=1");
        // que quede dicho por si el supervisor no llega a contarlo
        let _ = state::mark_pending(&self.plan.name, &self.plan.uid);
        self.events.push_back(Event::StopRequested { grace, reason: StopReason::Deleted });
        if at_once {
            for id in 0..self.lives.len() {
                self.kill(id, crate::logic::Signal::Kill);
            }
        }
        if let Some(screen) = &mut self.screen {
            screen.stopping(at_once);
        }
    }

    fn pause_died(&mut self) {
        if let Some((_, pidfd)) = self.pause.take() {
            reap(pidfd.as_fd());
        }
        self.live.pause = None;
        self.events.push_back(Event::SandboxDied("se queda sin red y sin nombre".into()));
    }

    fn serve(&mut self) {
        for (client, request) in self.control.attend() {
            match request {
                Request::Delete { grace_seconds, force } => {
                    self.request_stop(grace_seconds.map(Duration::from_secs), force);
                    self.control.answer(client, &Response::Accepted);
                }
                Request::Attach { container, stdin } => self.attach(client, &container, stdin),
                Request::Condition(condition) => {
                    let answer = match self.core.rules().readiness_gates.contains(&condition.kind) {
                        true => Response::Accepted,
                        false => Response::Refused(format!(
                            "`{}` no está en sus readinessGates",
                            crate::spec::errors::visible(&condition.kind, 80)
                        )),
                    };
                    self.events.push_back(Event::ConditionSet(condition));
                    self.control.answer(client, &answer);
                }
                Request::Configure => {
                    let answer = match self.reconfigure() {
                        Ok(changed) => Response::Configured { changed },
                        Err(why) => Response::Refused(why),
                    };
                    self.control.answer(client, &answer);
                }
                Request::Debug { container, attach } => self.debug(client, *container, attach),
                // es para un controlador; quien lo pide a un Pod ve que se le cuelga
                Request::Change { .. } => {}
            }
        }
    }

    /// Toca pesar los volúmenes con tope, o ya se ha pesado alguno.
    fn weigh(&mut self) {
        if let Some((volume, limit)) = self.scale.verdict() {
            let message = format!("el volumen emptyDir `{volume}` pasa de su tope de {limit} bytes");
            self.events.push_back(Event::StopRequested { grace: None, reason: StopReason::Evicted(message) });
        }
    }

    // ANCHOR: publish
    /// Publica el estado, si ha cambiado algo que se vea.
    fn publish(&mut self) {
        self.live.status = self.core.status();
        self.live.leaving = self.core.leaving();
        self.scale.start_if_due(&mut self.k, self.born.elapsed());
        if let Some(screen) = &mut self.screen {
            screen.show(&self.live, &self.plan.containers, self.born.elapsed(), &mut self.failures);
        }
        // compararlo cuesta mucho menos que escribirlo, y casi siempre es igual: una sonda que acierta
        if self.published.as_ref() == Some(&self.live) {
            return;
        }
        let bytes = data::bytes(&self.live);
        let path = state::pod_dir(&self.plan.name).join("status.json");
        if let Err(error) = state::replace_file(&path, &bytes) {
            log::error!("no se pudo publicar el estado en {}: {error}", path.display());
        }
        self.published = Some(self.live.clone());
        self.recorder.flush();
        self.tell_parent();
        self.tell_systemd();
    }
    // ANCHOR_END: publish

    /// A quien espera tras `run -d`: ya corre lo que puede correr, o ya ha fallado algo.
    fn tell_parent(&mut self) {
        let status = &self.live.status;
        let containers = status.all();
        let begun =
            |c: &crate::logic::status::ContainerStatus| !matches!(c.state, ContainerState::Waiting { .. });
        let init_begun = status.init_containers.iter().any(begun);
        let all_begun = status.containers.iter().all(begun);
        // su programa ya corre y aún no cuenta como Running: lo retiene su postStart, lo que tarde
        let runs = |life: &Option<Life>| life.as_ref().is_some_and(|life| life.channel.is_none());
        let held = self.lives.iter().zip(containers.clone()).any(|(life, c)| runs(life) && !begun(c));
        let failed = !self.failures.is_empty() || self.finished;
        if !(init_begun || all_begun || held || failed || containers.clone().any(|c| c.last.is_some())) {
            return;
        }
        if let Some(parent) = self.told_parent.take() {
            let report: Vec<String> = self.failures.drain(..).collect();
            let report = if report.is_empty() { STARTED.into() } else { report.join("\n\n") };
            // si quien esperaba se fue, nadie lo lee
            let _ = nix::unistd::write(&parent, report.as_bytes());
            state::clear_pending(&self.plan.name);
        }
    }

    /// A systemd, si es quien lo lanzó: ya corren (o han corrido) todos los contenedores de aplicación.
    fn tell_systemd(&mut self) {
        let began = |c: &crate::logic::status::ContainerStatus| {
            c.last.is_some() || !matches!(c.state, ContainerState::Waiting { .. })
        };
        let ready = self.finished || self.live.status.containers.iter().all(began);
        if ready && !std::mem::replace(&mut self.told_systemd, true) {
            crate::notify::notify("READY=1");
        }
    }

    /// Cuántos contenedores declara el Pod: los efímeros van detrás.
    fn declared(&self) -> usize {
        plan::all_containers(&self.spec).count()
    }

    /// La entrada de quien lanzó `run` en primer plano, si algún contenedor la quiere.
    fn input(&self) -> Option<BorrowedFd<'_>> {
        let screen = self.screen.as_ref()?;
        let wanted = self.lives[..self.declared()].iter().flatten().any(|life| life.input.is_some());
        if wanted { screen.input() } else { None }
    }

    /// Lo que se teclea va al primer contenedor con la entrada abierta; a un efímero le teclea quien lo pidió.
    fn copy_input(&mut self) {
        let own = self.declared();
        let Some(screen) = &mut self.screen else { return };
        let mut lives = self.lives[..own].iter_mut().flatten();
        let Some(life) = lives.find(|life| life.input.is_some()) else { return };
        let mut bytes = [0; 4096];
        match screen.read_input(&mut bytes) {
            // fin de la entrada: el contenedor lo ve también
            None => life.input = None,
            Some(n) => life.feed(&bytes[..n]),
        }
    }
}

// ANCHOR: reap
/// Recoge a un hijo que acaba (o está a punto de acabar) y dice cómo murió.
pub fn reap(pidfd: BorrowedFd) -> Option<crate::logic::Exit> {
    use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
    loop {
        match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED) {
            Ok(WaitStatus::Exited(_, code)) => return Some(crate::logic::Exit::Code(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Some(crate::logic::Exit::Signal(signal as i32)),
            Err(nix::errno::Errno::EINTR) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}
// ANCHOR_END: reap

/// Acabado el Pod, el hijo que quede es de quien hacía los contenedores y no acabó: se mata y se recoge.
pub fn end_orphans() {
    let own = std::process::id() as i32;
    let is_child = |pid: &i32| state::parent_of(*pid) == Some(own);
    // cada uno que muere puede dejarnos a los suyos: se da otra vuelta, pero no para siempre
    for _ in 0..64 {
        let pids = state::names_in(std::path::Path::new("/proc")).into_iter();
        let mut left = false;
        for process in pids.filter_map(|name| name.parse().ok()).filter(is_child).filter_map(ProcessId::of) {
            let Some(pidfd) = process.open(None) else { continue };
            left = true;
            // si ya ha muerto, basta recogerlo
            let _ = crate::kernel::sys::pidfd_send_signal(pidfd.as_fd(), libc::SIGKILL);
            reap(pidfd.as_fd());
        }
        if !left {
            return;
        }
    }
}

/// Los volúmenes en disco con tope, para pesarlos.
fn limited(volumes: &[volume::VolumePlan]) -> Vec<(String, std::path::PathBuf, u64)> {
    let limit = |v: &volume::VolumePlan| match v.kind {
        volume::VolumeKind::Disk { limit: Some(limit) } => Some((v.name.clone(), v.path.clone(), limit)),
        volume::VolumeKind::Disk { limit: None }
        | volume::VolumeKind::Memory { .. }
        | volume::VolumeKind::Data
        | volume::VolumeKind::SecretData { .. }
        | volume::VolumeKind::Host(_) => None,
    };
    volumes.iter().filter_map(limit).collect()
}
