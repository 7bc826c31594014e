//! Capítulo 19 · Una conversación por red que no espera a nadie: vive en el bucle del supervisor.
//!
//! La conexión se abre desde el anfitrión hacia la IP del Pod, como las de kubelet, y nunca bloquea:
//! si no hay nada que leer o que escribir, el bucle sigue con otra cosa y vuelve cuando lo haya.

use super::http::{self, Follow, Request};
use super::{Question, grpc};
use crate::error::spanish;
use crate::kernel::Kernel;
use crate::kernel::ops::Connect;
use crate::logic::Outcome;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{MsgFlags, getsockopt, recv, send, sockopt};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Peticiones encadenadas por redirecciones, como mucho.
const MAX_REQUESTS: u32 = 10;
/// Lo que se lee de una vez.
const CHUNK: usize = 16 * 1024;

/// Lo que se espera de la otra parte.
enum Wanted {
    /// Que acepte la conexión.
    Connection,
    Page {
        request: Request,
        reader: http::Reader,
        asked: u32,
    },
    Health(grpc::Reader),
}

/// Una conversación en marcha.
pub struct Talk {
    socket: OwnedFd,
    ip: IpAddr,
    port: u16,
    wanted: Wanted,
    /// Lo que falta por enviar.
    unsent: Vec<u8>,
    connected: bool,
    /// A un hook le vale cualquier respuesta.
    any_answer: bool,
}

/// Cómo va.
enum Progress {
    Done(Outcome),
    /// Hay que preguntar en otra página.
    Again(Request),
    /// Se ha leído algo, y puede que haya más.
    More,
    Wait,
}

/// Lecturas seguidas, como mucho: quien responde de byte en byte no acapara el bucle.
const MAX_READS: usize = 32;

impl Talk {
    // ANCHOR: start
    /// Empieza a preguntar a `ip`. Si se sabe ya la respuesta (nadie escucha), es esa.
    pub fn start(k: &mut Kernel, question: Question, ip: IpAddr, any_answer: bool) -> Result<Talk, Outcome> {
        let (port, wanted, unsent) = match question {
            Question::Http(request) => {
                let (port, bytes) = (request.port, request.bytes());
                (port, Wanted::Page { request, reader: http::Reader::default(), asked: 1 }, bytes)
            }
            Question::Tcp { port, .. } => (port, Wanted::Connection, Vec::new()),
            Question::Grpc { host, port, service } => {
                let bytes = grpc::question(&format!("{host}:{port}"), &service);
                (port, Wanted::Health(grpc::Reader::default()), bytes)
            }
            Question::Exec { .. } | Question::Sleep(_) => {
                return Err(Outcome::Error("no es una pregunta de red".into()));
            }
        };
        let socket = connect(k, ip, port)?;
        Ok(Talk { socket, ip, port, wanted, unsent, connected: false, any_answer })
    }
    // ANCHOR_END: start

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Qué hay que esperar de su descriptor.
    pub fn interest(&self) -> PollFlags {
        let speaking = !self.unsent.is_empty() || matches!(self.wanted, Wanted::Connection);
        if speaking { PollFlags::POLLOUT } else { PollFlags::POLLIN }
    }

    // ANCHOR: advance
    /// Sigue hasta donde se pueda sin esperar; la respuesta, cuando la haya.
    pub fn advance(&mut self, k: &mut Kernel) -> Option<Outcome> {
        for _ in 0..MAX_READS {
            match self.go_on() {
                Ok(Progress::Wait) => return None,
                Ok(Progress::More) => {}
                Ok(Progress::Done(outcome)) => return Some(outcome),
                Ok(Progress::Again(request)) => {
                    if let Err(outcome) = self.ask_again(k, request) {
                        return Some(outcome);
                    }
                }
                Err(problem) => return Some(Outcome::Failure(problem)),
            }
        }
        None
    }
    // ANCHOR_END: advance

    fn go_on(&mut self) -> Result<Progress, String> {
        if matches!(self.wanted, Wanted::Connection) {
            let done = self.finish_connecting()?;
            return Ok(if done { Progress::Done(Outcome::Success) } else { Progress::Wait });
        }
        if !self.unsent.is_empty() {
            return self.send();
        }
        let mut chunk = [0; CHUNK];
        match recv(self.socket.as_raw_fd(), &mut chunk, MsgFlags::empty()) {
            Ok(0) => self.closed(),
            Ok(n) => self.heard(&chunk[..n]),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Progress::Wait),
            Err(errno) => Err(format!("se corta la conexión con {}: {}", self.place(), spanish(errno))),
        }
    }

    /// ¿Está ya hecha la conexión? Falla si la otra parte la rechaza.
    fn finish_connecting(&self) -> Result<bool, String> {
        use nix::poll::{PollFd, PollTimeout, poll};
        let errno = getsockopt(&self.socket, sockopt::SocketError).unwrap_or(0);
        if errno != 0 {
            return Err(refused(self.ip, self.port, Errno::from_raw(errno)));
        }
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
        Ok(matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1)))
    }

    /// Envía lo que quepa. Con la conexión a medias no cabe nada; si la rechazan, lo dice este envío.
    fn send(&mut self) -> Result<Progress, String> {
        match send(self.socket.as_raw_fd(), &self.unsent, MsgFlags::MSG_NOSIGNAL) {
            Ok(n) => {
                self.unsent.drain(..n);
                self.connected = true;
                // la respuesta no puede haber llegado ya: el bucle avisará
                Ok(Progress::Wait)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Progress::Wait),
            Err(errno) if !self.connected => Err(refused(self.ip, self.port, errno)),
            Err(errno) => Err(format!("no se pudo preguntar a {}: {}", self.place(), spanish(errno))),
        }
    }

    fn heard(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        match &mut self.wanted {
            Wanted::Connection => Ok(Progress::Done(Outcome::Success)),
            Wanted::Page { reader, .. } => match reader.feed(bytes)? {
                Some(response) => self.judge(response),
                None => Ok(Progress::More),
            },
            Wanted::Health(reader) => match reader.feed(bytes, &mut self.unsent) {
                Some(grpc::Answer::Serving) => Ok(Progress::Done(Outcome::Success)),
                Some(grpc::Answer::Not(why)) => Err(format!("{}: {why}", self.place())),
                None => Ok(Progress::More),
            },
        }
    }

    fn closed(&mut self) -> Result<Progress, String> {
        let place = self.place();
        match &mut self.wanted {
            Wanted::Connection => Ok(Progress::Done(Outcome::Success)),
            Wanted::Page { reader, .. } => {
                let response = reader.closed().map_err(|why| format!("{place}: {why}"))?;
                self.judge(response)
            }
            Wanted::Health(reader) => Err(format!("{place}: {}", reader.closed())),
        }
    }

    // ANCHOR: judge
    /// Entre 200 y 399, acierto. Una redirección se sigue solo a la misma máquina; lo demás que acabe
    /// en 3xx es acierto con aviso, como en Kubernetes.
    fn judge(&self, response: http::Response) -> Result<Progress, String> {
        let Wanted::Page { request, asked, .. } = &self.wanted else { return Ok(Progress::Wait) };
        let done = |outcome| Ok(Progress::Done(outcome));
        let warn = |text: String| match self.any_answer {
            true => done(Outcome::Success),
            false => done(Outcome::Warning(text)),
        };
        match (response.code, response.location) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => match http::follow(request, &location) {
                Follow::Here(_) if *asked >= MAX_REQUESTS => {
                    Err(format!("{} redirige {MAX_REQUESTS} veces seguidas", request.url()))
                }
                Follow::Here(next) => Ok(Progress::Again(next)),
                Follow::Elsewhere => {
                    warn(format!("redirige a otra máquina ({location}): no se sigue, se da por buena"))
                }
                Follow::Encrypted => warn(format!(
                    "redirige a {location}, y micropod no habla TLS: no se sigue, se da por buena"
                )),
            },
            _ if self.any_answer => done(Outcome::Success),
            (200..=299, _) => done(Outcome::Success),
            (code @ 300..=399, _) => warn(format!("responde con el código {code} y no se sigue")),
            (code, _) => Err(format!("la página {} respondió con el código {code}", request.url())),
        }
    }
    // ANCHOR_END: judge

    /// Una conexión nueva para la página siguiente: no se mantiene ninguna.
    fn ask_again(&mut self, k: &mut Kernel, next: Request) -> Result<(), Outcome> {
        self.socket = connect(k, self.ip, next.port)?;
        (self.port, self.connected, self.unsent) = (next.port, false, next.bytes());
        if let Wanted::Page { request, reader, asked } = &mut self.wanted {
            (*request, *reader) = (next, http::Reader::default());
            *asked += 1;
        }
        Ok(())
    }

    fn place(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// Que nadie escuche es una respuesta; que esta máquina no pueda ni preguntar, no.
fn connect(k: &mut Kernel, ip: IpAddr, port: u16) -> Result<OwnedFd, Outcome> {
    let address = SocketAddr::new(ip, port);
    match k.step(format_args!("conectar con {address} para preguntar, sin esperar"), Connect(address)) {
        Ok(Some(socket)) => Ok(socket),
        Ok(None) => Err(Outcome::Error("una sonda no se ensaya".into())),
        Err(error) => Err(match error.errno() {
            Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS => Outcome::Error(error.summary()),
            errno => Outcome::Failure(refused(ip, port, errno)),
        }),
    }
}

fn refused(ip: IpAddr, port: u16, errno: Errno) -> String {
    format!("conexión a {}: {}", SocketAddr::new(ip, port), spanish(errno))
}
