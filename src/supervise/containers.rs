//! Nacimiento, salida y muerte de los contenedores, del lado del supervisor.

use super::last_words::last_words;
use super::{Supervisor, reap};
use crate::cgroup;
use crate::config::publish::DataVolume;
use crate::container::{Layer, Pause, Stdio};
use crate::error::{StepError, exit};
use crate::kernel::Actor;
use crate::kernel::channel::Channel;
use crate::kernel::child::News;
use crate::kernel::ops::{Pipe, RemoveTree};
use crate::kernel::sys;
use crate::logic::{ContainerId, Event, Exit, Note, RETRY_START, Signal, StartFailure};
use crate::logs::{LogWriter, Stream};
use crate::plan::all_containers;
use crate::process::ConfigError;
use crate::rootfs;
use crate::runtime::{Alive, Order, adopted};
use crate::state::{self, ProcessId};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Una vida de un contenedor: desde que nace su proceso hasta que se recoge.
pub struct Life {
    /// La primera es la 0.
    pub number: u32,
    pub process: ProcessId,
    /// El hijo que trajimos al mundo: el contenedor, quien lo manda hacer o el cliente de un motor.
    pub spawned: i32,
    /// De quien dirá con su muerte que el contenedor ha acabado.
    pub pidfd: OwnedFd,
    /// Mientras se prepara; se cierra cuando ya corre su programa.
    pub channel: Option<Channel>,
    pub output: Option<OwnedFd>,
    pub errors: Option<OwnedFd>,
    /// Por donde se le escribe, si quiere la entrada abierta.
    pub input: Option<OwnedFd>,
    pub logs: LogWriter,
    pub cgroup: Option<PathBuf>,
    /// No pudo convertirse en su programa.
    pub failure: Option<StepError>,
}

impl Life {
    /// Escribe en su entrada lo que quepa; lo demás se pierde antes que detener a todo el Pod.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some(input) = &self.input else { return };
        match nix::unistd::write(input, bytes) {
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.input = None,
        }
    }
}

/// Lo que se lee de una tubería de una vez; ninguna acapara el bucle.
const CHUNK: usize = 64 * 1024;

/// Lo que se espera a quien está acabando, en milisegundos: de sobra incluso en una máquina muy cargada.
const LAST_BREATH: u16 = 1000;

/// Las tuberías de un contenedor: los extremos del supervisor.
struct Ends {
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    errors: Option<OwnedFd>,
}

impl Supervisor {
    pub(super) fn start_container(&mut self, id: ContainerId) {
        if let Some(fault) = self.unfilled_volume() {
            return self.wait_for_volumes(id, &fault);
        }
        if let Some(error) = self.plan.containers[id].config_error.clone() {
            return self.misconfigured(id, &error);
        }
        if let (Some(target), None) = (self.target_of(id), self.target_process(id)) {
            let problem = format!("el contenedor `{target}`, al que mira, no está en marcha");
            let hint = "nacerá cuando lo esté".into();
            return self.misconfigured(id, &ConfigError { problem, hint });
        }
        match self.try_start(id) {
            Ok(life) => {
                self.live.processes[id] = Some(life.process);
                self.lives[id] = Some(life);
            }
            Err(error) => {
                self.discard(id, self.lives_so_far[id]);
                self.lives_so_far[id] += 1;
                self.start_failed(id, error, None);
            }
        }
    }

    /// Por qué no está completo algún volumen del Pod, si alguno no lo está.
    fn unfilled_volume(&self) -> Option<String> {
        let missing = |v: &DataVolume| {
            let missing = v.files.as_ref().err()?;
            Some(format!("no se puede preparar el volumen `{}`: {missing}", v.name))
        };
        self.plan.data.iter().find_map(missing)
    }

    /// Sin todos sus volúmenes no arranca ningún contenedor del Pod. El núcleo volverá a probar.
    fn wait_for_volumes(&mut self, id: ContainerId, fault: &str) {
        let reason =
            if self.spec.init_containers.is_empty() { "ContainerCreating" } else { "PodInitializing" };
        let failure = StartFailure { reason: reason.into(), message: fault.to_string(), exit_code: None };
        self.events.push_back(Event::StartFailed(id, failure));
        let told = format!(
            "{fault}\n  pista: ponlo en la `List` del fichero, junto al Pod, o pídelo con `optional: true`"
        );
        if self.untold(0, &told) {
            self.failures.push(told);
        }
    }

    /// No se puede saber con qué arrancaría: ni nace. El núcleo volverá a probar, como en Kubernetes.
    fn misconfigured(&mut self, id: ContainerId, error: &ConfigError) {
        let failure = StartFailure {
            reason: "CreateContainerConfigError".into(),
            message: error.problem.clone(),
            exit_code: None,
        };
        self.events.push_back(Event::StartFailed(id, failure));
        let name = &self.plan.containers[id].name;
        let told =
            format!("el contenedor {name} no puede arrancar: {}\n  pista: {}", error.problem, error.hint);
        // se vuelve a probar cada poco: se cuenta una vez
        if self.untold(id, &told) {
            self.failures.push(told);
        }
    }

    /// ¿Es la primera vez que se cuenta esto de un contenedor?
    fn untold(&mut self, id: ContainerId, what: &str) -> bool {
        let last = &mut self.told[id];
        let new = last != what;
        *last = what.to_string();
        new
    }

    fn try_start(&mut self, id: ContainerId) -> Result<Life, StepError> {
        let number = self.lives_so_far[id];
        let (stdio, ends) = self.open_pipes(id)?;
        let shown = shown(&self.pause);
        let target = self.target_process(id);
        let order = Order {
            pod: &self.plan,
            id,
            life: number,
            pause: seen(&self.pause, &shown),
            target: target.as_ref().map(|(fd, shown)| Pause { pidfd: Some(fd.as_fd()), shown }),
        };
        let born = self.runtime.create(&mut self.k, &order, stdio)?;
        self.runtime.start(&mut self.k, &born);
        let pid = born.child.pid;
        let logs =
            LogWriter::open(&state::log_dir(&self.plan.name).join(&self.plan.containers[id].name), number);
        let Some((pidfd, channel)) = born.child.into_parts() else { unreachable!("aquí no se ensaya") };
        self.lives_so_far[id] += 1;
        Ok(Life {
            number,
            // si ya ha muerto, su pidfd lo dirá
            process: ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 }),
            spawned: pid,
            pidfd,
            channel: Some(channel),
            output: ends.output,
            errors: ends.errors,
            input: ends.input,
            logs,
            cgroup: born.cgroup,
            failure: None,
        })
    }

    fn open_pipes(&mut self, id: ContainerId) -> Result<(Stdio, Ends), StepError> {
        let plan = &self.plan.containers[id];
        if plan.tty {
            return Ok((Stdio::Terminal, Ends { input: None, output: None, errors: None }));
        }
        let stdin = plan.stdin;
        let name = plan.name.clone();
        let pipe = |nonblocking_read| Pipe { flags: OFlag::O_CLOEXEC, nonblocking_read };
        let (output, their_output) =
            self.k.step(format_args!("abrir la tubería de la salida de {name}"), pipe(true))?;
        let (errors, their_errors) =
            self.k.step(format_args!("abrir la tubería de los errores de {name}"), pipe(true))?;
        let (their_input, input) = match stdin {
            true => {
                let (theirs, ours) =
                    self.k.step(format_args!("abrir la tubería de la entrada de {name}"), pipe(false))?;
                let nonblocking = nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK);
                // si fallara, escribir podría esperar: no hay otra consecuencia
                let _ = nix::fcntl::fcntl(&ours, nonblocking);
                (Some(theirs), Some(ours))
            }
            false => (None, None),
        };
        let stdio = Stdio::Pipes { input: their_input, output: their_output, errors: their_errors };
        Ok((stdio, Ends { input, output: Some(output), errors: Some(errors) }))
    }

    /// Un contenedor habla por su canal: cuenta un paso, falla, o lo cierra porque ya corre.
    pub(super) fn hear(&mut self, id: ContainerId) {
        let Some(channel) = self.lives[id].as_mut().and_then(|life| life.channel.take()) else { return };
        let news = self.k.hear(&channel);
        let own = id < self.declared();
        let Some(life) = &mut self.lives[id] else { return };
        match news {
            None | Some(News::Ready) => life.channel = Some(channel),
            Some(News::Terminal(master)) => {
                life.channel = Some(channel);
                if let Some(master) = &master {
                    // quien no lee lo que se le teclea no puede detener al Pod
                    let nonblocking = nix::fcntl::FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK);
                    if let Err(errno) = nix::fcntl::fcntl(master, nonblocking) {
                        log::error!("la terminal del contenedor {id} puede hacer esperar: {errno}");
                    }
                }
                life.input = master.as_ref().and_then(|fd| fd.try_clone().ok());
                life.output = master;
                // la del efímero es de quien lo pidió, y no de quien lanzó el Pod
                if let Some(screen) = self.screen.as_mut().filter(|_| own) {
                    screen.use_terminal(life.output.as_ref().map(AsFd::as_fd));
                }
                self.fit_terminal(id);
            }
            // su muerte, que viene detrás, dirá el resto
            Some(News::Born(pid)) => self.adopt(id, pid),
            Some(News::Client(pid)) => {
                life.channel = Some(channel);
                self.note_container(id, pid);
            }
            Some(News::Failed(error)) => life.failure = Some(*error),
            Some(News::Closed) => self.events.push_back(Event::Started(id)),
        }
    }

    /// Otro ha creado el contenedor, y quien hizo el recado se queda con él: su muerte dirá la del contenedor.
    fn note_container(&mut self, id: ContainerId, pid: i32) {
        let Some(life) = &mut self.lives[id] else { return };
        // puede haber acabado ya: su cliente, que acaba con él, lo dirá
        let Some(process) = ProcessId::of(pid) else { return };
        let cgroup = life.cgroup.as_deref();
        match process.open(None).is_none_or(|pidfd| in_its_place(process, &pidfd, cgroup)) {
            true => {
                life.process = process;
                self.live.processes[id] = Some(process);
            }
            false => {
                life.failure =
                    Some(not_a_container(self.runtime.name(), &self.plan.containers[id].name, pid));
                // si ya ha muerto, mejor
                let _ = sys::pidfd_send_signal(life.pidfd.as_fd(), libc::SIGKILL);
            }
        }
    }

    /// Recoge a los que un motor dejó huérfanos y han acabado: su número no es ya de nadie.
    pub(super) fn reap_strangers(&mut self) {
        use nix::sys::wait::{Id, WaitPidFlag, waitid};
        let names = self.runtime.strangers();
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        while !names.is_empty() {
            let dead = waitid(Id::All, look | WaitPidFlag::WNOWAIT).ok().and_then(|status| status.pid());
            let Some(pid) = dead else { return };
            let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let ours = self.lives.iter().flatten().any(|life| life.spawned == pid.as_raw())
                || self.asked.iter().any(|asked| asked.is(pid.as_raw()));
            if ours || !names.contains(&comm.trim()) {
                return;
            }
            // es un hijo nuestro, y muerto: nadie más puede llevar su número
            let _ = waitid(Id::Pid(pid), look);
        }
    }

    /// Otro ha creado el contenedor, y quien hizo el recado acaba: desde ahora es hijo nuestro.
    fn adopt(&mut self, id: ContainerId, pid: i32) {
        let Some(life) = &mut self.lives[id] else { return };
        // aunque ya haya muerto, su número es suyo hasta que lo recojamos
        let cgroup = life.cgroup.as_deref();
        let known = self.pause.as_ref().is_some_and(|(pause, _)| pause.pid == pid);
        let Some((process, pidfd)) =
            adopted(pid).filter(|(process, pidfd)| !known && in_its_place(*process, pidfd, cgroup))
        else {
            life.failure = Some(not_a_container(self.runtime.name(), &self.plan.containers[id].name, pid));
            return;
        };
        let errand = std::mem::replace(&mut life.pidfd, pidfd);
        reap(errand.as_fd());
        life.process = process;
        self.live.processes[id] = Some(process);
        self.events.push_back(Event::Started(id));
    }

    /// Copia a los logs (y a la pantalla) lo que haya escrito, de una sola lectura.
    pub(super) fn copy_output(&mut self, id: ContainerId, stream: Stream) {
        let Some(life) = &mut self.lives[id] else { return };
        let pipe = match stream {
            Stream::Stdout => &mut life.output,
            Stream::Stderr => &mut life.errors,
        };
        let Some(fd) = pipe else { return };
        // en la pila: musl le devolvería al kernel la de cada lectura, y volver a pedirla cuesta más que copiarla
        let mut chunk = [0; CHUNK];
        match nix::unistd::read(&*fd, &mut chunk) {
            Ok(0) => *pipe = None,
            Ok(n) => {
                life.logs.write(stream, &chunk[..n], SystemTime::now());
                if let Some(screen) = &mut self.screen {
                    screen.output(id, stream, &chunk[..n]);
                }
                self.show_attached(id, stream, &chunk[..n]);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // EIO: la terminal se ha quedado sin nadie al otro lado
            Err(_) => *pipe = None,
        }
    }

    // ANCHOR: died
    /// El PID 1 ha muerto: se recogen su código, lo último que dijo y cuanto era suyo.
    pub(super) fn container_died(&mut self, id: ContainerId) {
        // lo que aún quede en el canal se oye antes: puede ser el porqué
        while self.lives[id].as_ref().is_some_and(|life| life.channel.is_some() && life.failure.is_none()) {
            self.hear(id);
        }
        let Some(pidfd) = self.lives[id].as_ref().and_then(|life| life.pidfd.try_clone().ok()) else {
            return;
        };
        // quien ha muerto es el que hizo el recado: el contenedor vive
        if !sys::has_died(&pidfd) {
            return;
        }
        let exit = reap(pidfd.as_fd()).unwrap_or(Exit::Signal(libc::SIGKILL));
        self.drain(id);
        self.end_attached(id);
        let Some(mut life) = self.lives[id].take() else { return };
        life.logs.finish(SystemTime::now());
        self.live.processes[id] = None;
        // antes de borrar el cgroup: con él se va la cuenta
        let oom = life.cgroup.as_deref().is_some_and(|path| cgroup::oom_kills(path) > 0);
        if let (true, Some(path)) = (oom, &life.cgroup) {
            self.tell_oom(id, path);
        }
        let message = self.termination_message(id, life.number, exit);
        self.discard(id, life.number);
        self.forget_life(id, life.number);
        match life.failure {
            Some(error) => {
                let code = i32::from(error.exit_code);
                self.start_failed(id, error, Some(code));
            }
            None => self.events.push_back(Event::Exited { id, exit, oom, message }),
        }
    }
    // ANCHOR_END: died

    /// Cuenta con qué tope chocó y cuánto llegó a gastar: con el cgroup se van las dos cifras.
    fn tell_oom(&mut self, id: ContainerId, path: &std::path::Path) {
        let name = &self.plan.containers[id].name;
        let note = Note {
            warning: true,
            reason: "OOMKilling".into(),
            container: Some(name.clone()),
            message: cgroup::why_oom_killed(path, name),
        };
        let now = self.born.elapsed();
        self.live.record(note, now);
    }

    /// Lo que quede por leer en sus tuberías. Con el PID 1 muere todo su espacio de procesos, así
    /// que acaba; si el Pod comparte procesos, otro puede tenerlas abiertas: se lee lo que haya.
    fn drain(&mut self, id: ContainerId) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut reads = 0;
            while self.has_output(id, stream) && reads < 1024 {
                self.copy_output(id, stream);
                reads += 1;
            }
        }
    }

    fn has_output(&self, id: ContainerId, stream: Stream) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let Some(life) = &self.lives[id] else { return false };
        let pipe = match stream {
            Stream::Stdout => &life.output,
            Stream::Stderr => &life.errors,
        };
        let Some(pipe) = pipe else { return false };
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
    }

    /// Lo que el contenedor dejó dicho antes de acabar.
    fn termination_message(&self, id: ContainerId, life: u32, exit: Exit) -> String {
        let ephemeral = self.spec.ephemeral_containers.iter().map(|c| c.termination_message_policy);
        let mut policies = all_containers(&self.spec).map(|c| c.termination_message_policy).chain(ephemeral);
        let (Some((pause, _)), Some(policy)) = (&self.pause, policies.nth(id)) else {
            return String::new();
        };
        // el fichero está en un montaje que solo ve la pausa
        let name = &self.plan.containers[id].name;
        let path = rootfs::termination_log(name);
        let seen = PathBuf::from(format!("/proc/{}/root{}", pause.pid, path.display()));
        let logs = state::log_dir(&self.plan.name).join(name);
        let containers = self.plan.containers.len();
        last_words(&seen, (&logs, life), policy, exit, containers)
    }

    /// Deshace lo que era de una vida del contenedor: lo que corra aún, su cgroup y su capa.
    fn discard(&mut self, id: ContainerId, number: u32) {
        let shown = shown(&self.pause);
        let order =
            Order { pod: &self.plan, id, life: number, pause: seen(&self.pause, &shown), target: None };
        if let Err(error) = self.runtime.remove(&mut self.k, &order) {
            log::error!("{error}");
        }
        let name = &self.plan.containers[id].name;
        let layer = Layer::of(&self.plan.uid, name, number);
        for (what, path) in [("la capa de escritura", layer.upper), ("lo que el overlay usaba", layer.work)] {
            let goal = format!("borrar {what} de {name}, que muere con él");
            if let Err(error) = self.k.step(goal, RemoveTree(path)) {
                log::error!("{error}");
            }
        }
    }

    fn start_failed(&mut self, id: ContainerId, error: StepError, exit_code: Option<i32>) {
        // 126 y 127: el contenedor se hizo entero y lo que falla es su programa
        let reason = if error.exit_code > 125 { "RunContainerError" } else { "CreateContainerError" };
        let failure = StartFailure { reason: reason.into(), message: error.summary(), exit_code };
        // el que nunca nació se reintenta con cualquier política: se cuenta una vez, y que se hará
        if exit_code.is_some() {
            self.failures.push(error.to_string());
        } else if self.untold(id, &failure.message) {
            let (wait, pod) = (RETRY_START.as_secs(), &self.plan.name);
            self.failures.push(format!(
                "{error}\n  y ahora:    se vuelve a intentar cada {wait} s, hasta que se pueda o hasta `micropod delete pod {pod}`"
            ));
        }
        self.events.push_back(Event::StartFailed(id, failure));
    }

    // ANCHOR: signal
    /// Envía una señal al PID 1, o mata el contenedor entero.
    pub(super) fn kill(&mut self, id: ContainerId, signal: Signal) {
        let Some(life) = &self.lives[id] else { return };
        let plan = &self.plan.containers[id];
        let number = match signal {
            Signal::Stop => plan.stop_signal,
            Signal::Kill => libc::SIGKILL,
        };
        let shown = shown(&self.pause);
        let alive = Alive {
            order: Order {
                pod: &self.plan,
                id,
                life: life.number,
                pause: seen(&self.pause, &shown),
                target: None,
            },
            pid: life.process.pid,
            pidfd: life.pidfd.as_fd(),
            cgroup: life.cgroup.as_deref(),
        };
        if let Err(error) = self.runtime.stop(&mut self.k, &alive, number) {
            log::error!("{error}");
        }
    }
    // ANCHOR_END: signal
}

/// Quien lo hizo dice que el contenedor es un proceso que no lo es.
/// ¿Está en el grupo del contenedor, o ha muerto? Quien acaba deja de salir en `cgroup.procs` un momento antes de
/// darse por muerto: se le espera, para no tomarlo por otro.
fn in_its_place(process: ProcessId, pidfd: &OwnedFd, cgroup: Option<&Path>) -> bool {
    process.open(cgroup).is_some() || sys::dies_within(pidfd, LAST_BREATH)
}

fn not_a_container(runtime: &str, name: &str, pid: i32) -> StepError {
    StepError {
        actor: Actor::Host.to_string(),
        goal: format!("seguir al proceso {pid}, que según {runtime} es el contenedor {name}"),
        syscall: "read(2)".into(),
        shell: format!("cat /proc/{pid}/cgroup"),
        errno: Errno::ESRCH as i32,
        file: file!().into(),
        line: line!(),
        hint: Some(format!(
            "no está en el grupo de control del contenedor: comprueba que {runtime} es el de verdad, con `{runtime} --version`"
        )),
        exit_code: exit::SETUP,
    }
}

/// La pausa de un Pod, si vive.
type OwnPause = Option<(ProcessId, OwnedFd)>;

/// Cómo se escribe en la shell.
fn shown(pause: &OwnPause) -> String {
    pause.as_ref().map(|(process, _)| process.pid.to_string()).unwrap_or_default()
}

/// Como la ve quien va a unirse a ella.
fn seen<'a>(pause: &'a OwnPause, shown: &'a str) -> Pause<'a> {
    Pause { pidfd: pause.as_ref().map(|(_, fd)| fd.as_fd()), shown }
}
