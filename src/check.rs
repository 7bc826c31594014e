//! Capítulo 19 · Una sonda: una pregunta y, si hay suerte, una respuesta.
//!
//! Las de red son una conversación del propio supervisor, que no espera a nadie (`talk.rs`); las de
//! comando, un hijo que entra en el contenedor. Los *hooks* son lo mismo: una pregunta a la que le
//! vale casi cualquier respuesta. Cuando el núcleo se cansa de esperarlas, se olvidan.

pub mod grpc;
pub mod hpack;
pub mod http;
mod talk;

use crate::container::{Stdio, Target};
use crate::error::StepError;
use crate::kernel::channel::Channel;
use crate::kernel::child::News;
use crate::kernel::program::Program;
use crate::kernel::{Kernel, Mode, sys};
use crate::logic::Outcome;
use crate::spec::types::{Container, HttpGetAction, IntOrString, LifecycleHandler, Probe};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::io::Write;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;
pub use talk::Talk;

/// Lo más que se guarda de lo que dice un comando.
const MAX_OUTPUT: usize = 10 * 1024;

/// Una pregunta ya decidida: puertos con número y máquina con nombre.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    Exec {
        command: Vec<String>,
    },
    Http(http::Request),
    Tcp {
        host: String,
        port: u16,
    },
    Grpc {
        host: String,
        port: u16,
        service: String,
    },
    /// Solo esperar (un *hook*).
    Sleep(Duration),
}

impl Question {
    /// A qué máquina se pregunta, si es por red.
    fn host(&self) -> Option<&str> {
        match self {
            Question::Http(request) => Some(&request.host),
            Question::Tcp { host, .. } | Question::Grpc { host, .. } => Some(host),
            Question::Exec { .. } | Question::Sleep(_) => None,
        }
    }
}

/// Una pregunta en marcha.
pub enum Asking {
    Talk(Box<Talk>),
    Errand(Errand),
    /// Hasta cuándo se espera.
    Sleep(Duration),
}

/// Un hijo que hace un recado y muere.
pub struct Errand {
    /// Quien hace el recado o, si lo que trajo al mundo es de otro motor, el propio comando.
    pidfd: OwnedFd,
    pub pid: i32,
    pipe: OwnedFd,
    output: Vec<u8>,
    /// ¿Puede decir algo más?
    listening: bool,
    /// Aún no es el comando: es quien le pide a otro motor que lo traiga al mundo.
    asks_another: bool,
    what: What,
}

enum What {
    /// Un comando dentro del contenedor. Por el canal dice si no llegó a ejecutarse, y por qué.
    Command { channel: Channel, heard: Heard },
    /// Buscar la dirección de una máquina, para preguntarle luego.
    Resolve { question: Question, any_answer: bool },
}

/// Lo que ha dicho por el canal quien iba a ser el comando.
enum Heard {
    Nothing,
    Failed(Box<StepError>),
    /// El comando es este otro proceso, y ya es hijo nuestro o lo será en cuanto acabe el recado.
    Born(i32),
    /// Lo que acaba es el propio comando.
    Itself,
}

impl Heard {
    fn from(news: Option<News>) -> Heard {
        match news {
            Some(News::Failed(error)) => Heard::Failed(error),
            Some(News::Born(pid)) => Heard::Born(pid),
            Some(News::Ready | News::Terminal(_) | News::Client(_) | News::Closed) | None => Heard::Itself,
        }
    }
}

/// Cómo acabó un recado.
pub enum Done {
    Answer(Outcome),
    /// Quien acaba ha dejado el comando en marcha.
    Goes(Errand),
    /// Ya se sabe a quién preguntar: sigue la conversación.
    Talk(Box<Talk>),
}

impl Errand {
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Por donde habla, mientras pueda decir algo más.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.listening.then_some(self.pipe.as_fd())
    }

    /// Recoge lo que haya dicho hasta ahora; lo que pase del tope se lee y se tira.
    pub fn listen(&mut self) {
        let mut chunk = [0; 4096];
        match nix::unistd::read(&self.pipe, &mut chunk) {
            Ok(0) => self.listening = false,
            Ok(n) => {
                let room = MAX_OUTPUT.saturating_sub(self.output.len());
                self.output.extend_from_slice(&chunk[..n.min(room)]);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => self.listening = false,
        }
    }

    /// A quien lo pide a otro motor se le deja acabar, que es cosa de un instante: matarlo dejaría sin
    /// dueño a un comando que ya hubiera nacido, y sin que nadie lo recogiera el contenedor no podría morir.
    pub fn kill(&self) {
        if self.asks_another {
            return;
        }
        // si ya ha muerto, mejor
        let _ = sys::pidfd_send_signal(self.pidfd.as_fd(), libc::SIGKILL);
    }

    /// Lo que trae, una vez muerto con el código `code`.
    pub fn done(mut self, k: &mut Kernel, code: i32) -> Done {
        while self.listening && readable(self.pipe.as_fd()) {
            self.listen();
        }
        let text = String::from_utf8_lossy(&self.output).trim_end().to_string();
        match self.what {
            What::Command { channel, heard } => {
                let heard = if let Heard::Nothing = heard { Heard::from(k.hear(&channel)) } else { heard };
                match heard {
                    Heard::Failed(error) => Done::Answer(command_outcome(Some(error), code, text)),
                    Heard::Nothing | Heard::Itself => Done::Answer(command_outcome(None, code, text)),
                    Heard::Born(pid) => match crate::runtime::adopted(pid) {
                        Some((process, pidfd)) => {
                            let what = What::Command { channel, heard: Heard::Itself };
                            Done::Goes(Errand { pidfd, pid: process.pid, what, asks_another: false, ..self })
                        }
                        None => Done::Answer(Outcome::Error(format!("no se puede seguir al proceso {pid}"))),
                    },
                }
            }
            What::Resolve { question, any_answer } => match text.parse() {
                Ok(ip) => match Talk::start(k, question, ip, any_answer) {
                    Ok(talk) => Done::Talk(Box::new(talk)),
                    Err(outcome) => Done::Answer(outcome),
                },
                Err(_) => {
                    let host = question.host().unwrap_or_default();
                    Done::Answer(Outcome::Failure(format!("no se encuentra la dirección de {host}")))
                }
            },
        }
    }
}

fn command_outcome(failure: Option<Box<StepError>>, code: i32, text: String) -> Outcome {
    match (failure, code) {
        // no llegó a ejecutarse: no es culpa de aquello por lo que se pregunta
        (Some(error), _) => Outcome::Error(error.summary()),
        (None, 0) => Outcome::Success,
        (None, code) if text.is_empty() => Outcome::Failure(format!("el comando salió con el código {code}")),
        (None, code) => Outcome::Failure(format!("el comando salió con el código {code}: {text}")),
    }
}

fn readable(fd: BorrowedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
}

// ANCHOR: ask
/// Hace la pregunta. Las de red salen del anfitrión hacia la IP del Pod, como las de kubelet;
/// las de comando entran en el contenedor con los mismos privilegios que su PID 1.
///
/// Si no hay nada que esperar, la respuesta sale por el error. `now` es el reloj del Pod.
pub fn ask(
    k: &mut Kernel,
    question: Question,
    target: &Target,
    now: Duration,
    any_answer: bool,
) -> Result<Asking, Outcome> {
    let failed = |error: StepError| Outcome::Error(error.summary());
    match &question {
        Question::Sleep(time) => return Ok(Asking::Sleep(now.saturating_add(*time))),
        Question::Exec { command } => return run(k, command, target).map(Asking::Errand).map_err(failed),
        Question::Http(_) | Question::Tcp { .. } | Question::Grpc { .. } => {}
    }
    let host = question.host().unwrap_or_default();
    match host.parse::<IpAddr>() {
        Ok(ip) => Talk::start(k, question, ip, any_answer).map(|talk| Asking::Talk(Box::new(talk))),
        Err(_) => resolve(k, question, any_answer).map(Asking::Errand).map_err(failed),
    }
}
// ANCHOR_END: ask

fn pipe(k: &mut Kernel) -> Result<(OwnedFd, OwnedFd), StepError> {
    k.step(
        "abrir una tubería por la que responda",
        crate::kernel::ops::Pipe { flags: OFlag::O_CLOEXEC, nonblocking_read: true },
    )
}

/// Ejecuta un comando dentro del contenedor.
fn run(k: &mut Kernel, command: &[String], target: &Target) -> Result<Errand, StepError> {
    let (ours, theirs) = pipe(k)?;
    let errors =
        k.step("compartir la tubería entre salida y errores", crate::kernel::ops::Duplicate(&theirs))?;
    let stdio = Stdio::Pipes { input: None, output: theirs, errors };
    let child = target.runtime.exec(k, target, command, stdio)?;
    let pid = child.pid;
    let Some((pidfd, channel)) = child.into_parts() else { unreachable!("una sonda nunca se ensaya") };
    let mut heard = Heard::Nothing;
    if k.mode() != Mode::Quiet {
        // cuenta sus pasos y espera el permiso de cada uno, hasta que ejecuta su programa
        let news = loop {
            if let Some(news) = k.hear(&channel) {
                break news;
            }
        };
        heard = Heard::from(Some(news));
    }
    let what = What::Command { channel, heard };
    let asks_another = target.runtime.adopts();
    Ok(Errand { pidfd, pid, pipe: ours, output: Vec::new(), listening: true, asks_another, what })
}

/// Busca la dirección de un nombre en un hijo: preguntarla puede tardar.
fn resolve(k: &mut Kernel, question: Question, any_answer: bool) -> Result<Errand, StepError> {
    let (ours, theirs) = pipe(k)?;
    match k.step("crear el proceso que busca la dirección", crate::kernel::ops::Fork)? {
        Some(sys::Cloned::Child) => {
            let found = question.host().and_then(address_of).map(|ip| ip.to_string());
            // si el supervisor ya no escucha, da igual
            let _ = std::fs::File::from(theirs).write_all(found.unwrap_or_default().as_bytes());
            sys::exit_now(0)
        }
        Some(sys::Cloned::Parent { pidfd, pid }) => {
            let what = What::Resolve { question, any_answer };
            Ok(Errand {
                pidfd,
                pid,
                pipe: ours,
                output: Vec::new(),
                listening: true,
                asks_another: false,
                what,
            })
        }
        None => unreachable!("una sonda nunca se ensaya"),
    }
}

/// La dirección de un nombre, según los mismos ficheros y servidores que los demás programas de la
/// máquina. Si no está en `/etc/hosts` lo pregunta `getent`: en un binario estático, la resolución de
/// glibc no es de fiar.
fn address_of(host: &str) -> Option<IpAddr> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    if let Some(ip) = in_hosts(&hosts, host) {
        return Some(ip);
    }
    let getent = Program::new(std::path::Path::new("/usr/bin/getent"), Duration::from_secs(60)).ok()?;
    let answer = getent.operands(["ahosts", host]).run(b"").ok()?;
    String::from_utf8_lossy(&answer.out).split_whitespace().next()?.parse().ok()
}

/// La primera dirección que `/etc/hosts` da a un nombre.
fn in_hosts(hosts: &str, host: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let ip = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(ip)
    })
}

/// Lo que hace falta para convertir lo que dice la especificación en una pregunta.
struct Place<'a> {
    container: &'a Container,
    ip: String,
    agent: &'static str,
}

impl Place<'_> {
    fn host(&self, host: &Option<String>) -> String {
        host.clone().unwrap_or_else(|| self.ip.clone())
    }

    /// La validación ya ha comprobado que el nombre existe en este contenedor.
    fn port(&self, port: &IntOrString) -> u16 {
        let named = |name: &String| self.container.ports.iter().find(|p| p.name.as_ref() == Some(name));
        match port {
            IntOrString::Int(number) => *number as u16,
            IntOrString::String(name) => named(name).map_or(0, |p| p.container_port as u16),
        }
    }

    fn page(&self, get: &HttpGetAction) -> Question {
        Question::Http(http::Request {
            host: self.host(&get.host),
            port: self.port(&get.port),
            path: get.path.clone().filter(|path| !path.is_empty()).unwrap_or_else(|| "/".into()),
            headers: get.http_headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect(),
            agent: self.agent,
        })
    }
}

fn place<'a>(container: &'a Container, pod_ip: &str, agent: &'static str) -> Place<'a> {
    Place { container, ip: pod_ip.to_string(), agent }
}

/// Convierte la sonda de la especificación en una pregunta: la IP del Pod y puertos con número.
pub fn question(probe: &Probe, container: &Container, pod_ip: &str) -> Question {
    let place = place(container, pod_ip, "kube-probe/1.36");
    if let Some(get) = &probe.http_get {
        return place.page(get);
    }
    if let Some(tcp) = &probe.tcp_socket {
        return Question::Tcp { host: place.host(&tcp.host), port: place.port(&tcp.port) };
    }
    if let Some(grpc) = &probe.grpc {
        return Question::Grpc { host: place.ip, port: grpc.port as u16, service: grpc.service.clone() };
    }
    let command = probe.exec.as_ref().map(|e| e.command.clone()).unwrap_or_default();
    // $(NOMBRE) se cambia solo por los valores literales de `env`
    let value = |name: &str| container.env.iter().find(|e| e.name == name).map(|e| e.value.clone());
    Question::Exec { command: command.iter().map(|w| crate::process::expand(w, value)).collect() }
}

/// Lo mismo con un *hook*. En su comando no se cambia nada.
pub fn hook_question(handler: &LifecycleHandler, container: &Container, pod_ip: &str) -> Question {
    if let Some(get) = &handler.http_get {
        return place(container, pod_ip, "kube-lifecycle/1.36").page(get);
    }
    if let Some(sleep) = &handler.sleep {
        return Question::Sleep(Duration::from_secs(sleep.seconds.unsigned_abs()));
    }
    Question::Exec { command: handler.exec.as_ref().map(|e| e.command.clone()).unwrap_or_default() }
}

/// ¿Cuánto ocupa un volumen en disco? Contarlo puede tardar: lo hace un hijo. Sale con 1 si pasa del tope.
pub fn measure(k: &mut Kernel, path: &std::path::Path, limit: u64) -> Result<OwnedFd, StepError> {
    match k.step("crear el proceso que mide el volumen", crate::kernel::ops::Fork)? {
        Some(sys::Cloned::Child) => {
            let over = crate::volume::disk_usage(path) > limit;
            sys::exit_now(u8::from(over))
        }
        Some(sys::Cloned::Parent { pidfd, .. }) => Ok(pidfd),
        None => unreachable!("un volumen nunca se mide en un ensayo"),
    }
}

#[cfg(test)]
mod tests;
