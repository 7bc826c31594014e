//! Una conexión: lo que ha llegado, lo que falta por enviar y lo que se está haciendo por ella.
//!
//! Nada espera a nadie. De cada lado se guarda poco: si quien pide no lee, no se le prepara más; si no
//! acaba de pedir, o no acaba de leer, se le cuelga.

use super::answer::{Answer, Problem};
use super::change::Change;
use super::http::{self, Length, Parser, Request};
use super::log::{LogStream, Progress};
use super::metrics::Measure;
use super::store::Store;
use super::watch::Watch;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{MsgFlags, recv, send};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

// ANCHOR: limits
/// Lo que se tiene preparado para quien lee; con esto, no se le prepara más.
pub const HIGH_WATER: usize = 64 * 1024;
/// Lo que se guarda de lo que llega mientras se atiende otra cosa.
const MAX_INPUT: usize = 32 * 1024;
/// Para pedir, de la primera letra a la última.
const TO_ASK: Duration = Duration::from_secs(10);
/// Sin leer ni una letra de lo que se le envía.
const TO_READ: Duration = Duration::from_secs(30);
/// Sin pedir nada entre una petición y otra.
const IDLE: Duration = Duration::from_secs(60);
/// Tras el adiós, para que llegue a leerlo.
const TO_LEAVE: Duration = Duration::from_secs(1);
// ANCHOR_END: limits

/// Lo que no se contesta de una vez.
pub enum Job {
    Watch(Box<Watch>),
    Log(Box<LogStream>),
    Measure(Measure),
    Change(Box<Change>),
}

pub struct Connection {
    socket: TcpStream,
    pub theirs: SocketAddr,
    pub ours: SocketAddr,
    parser: Parser,
    input: Vec<u8>,
    output: Vec<u8>,
    /// De la salida, lo que ya se ha enviado.
    sent: usize,
    job: Option<Job>,
    /// Cómo va partida la salida del trabajo en curso, y si tras él se cuelga.
    framing: Length,
    close_after: bool,
    /// Desde cuándo se espera lo que se espera.
    since: Instant,
    /// De su lado no llegará más.
    ended: bool,
    /// Lo último ya está en la salida: al vaciarse, se cuelga.
    leaving: bool,
    said_goodbye: bool,
    pub over: bool,
}

impl Connection {
    pub fn new(socket: TcpStream, theirs: SocketAddr, ours: SocketAddr) -> Connection {
        Connection {
            socket,
            theirs,
            ours,
            parser: Parser::default(),
            input: Vec::new(),
            output: Vec::new(),
            sent: 0,
            job: None,
            framing: Length::Chunked,
            close_after: false,
            since: Instant::now(),
            ended: false,
            leaving: false,
            said_goodbye: false,
            over: false,
        }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Lo que espera del socket.
    pub fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, !self.ended && (self.said_goodbye || self.input.len() < MAX_INPUT));
        flags.set(PollFlags::POLLOUT, self.pending() > 0);
        flags
    }

    pub fn pending(&self) -> usize {
        self.output.len() - self.sent
    }

    pub fn job(&self) -> Option<&Job> {
        self.job.as_ref()
    }

    /// ¿Se le puede colgar sin cortar nada?
    pub fn is_idle(&self) -> bool {
        self.job.is_none() && self.pending() == 0
    }

    pub fn since(&self) -> Instant {
        self.since
    }

    /// Lee lo que haya llegado. `news`: lo que ha dicho `poll`.
    pub fn receive(&mut self, news: PollFlags) {
        // si ya no cabe nada y se ha roto, no hay nada que leer que lo diga
        let broken = news.intersects(PollFlags::POLLERR | PollFlags::POLLHUP);
        self.over |= broken && !self.interest().contains(PollFlags::POLLIN);
        let mut chunk = [0; 16 * 1024];
        while self.said_goodbye || self.input.len() < MAX_INPUT {
            match recv(self.socket.as_raw_fd(), &mut chunk, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => {
                    self.ended = true;
                    // de quien ya no escribe no se sabe si lee: se le contesta, pero no se le sigue contando
                    let follows = matches!(self.job, Some(Job::Watch(_) | Job::Log(_)));
                    self.over |= follows || self.said_goodbye;
                    return;
                }
                // lo que llegue tras el adiós se tira
                Ok(_) if self.leaving => {}
                Ok(n) => {
                    if self.input.is_empty() && !self.parser.is_waiting() && self.is_idle() {
                        self.since = Instant::now();
                    }
                    self.input.extend_from_slice(&chunk[..n]);
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    self.over = true;
                    return;
                }
            }
        }
    }

    /// La siguiente petición, si ya está entera y se puede atender.
    pub fn request(&mut self) -> Option<Request> {
        if self.job.is_some() || self.leaving || self.pending() >= HIGH_WATER || self.input.is_empty() {
            return None;
        }
        match self.parser.feed(&self.input) {
            Ok((used, request)) => {
                self.input.drain(..used);
                request
            }
            Err(refusal) => {
                let problem = Problem::new(refusal.status, "BadRequest", refusal.why);
                self.input.clear();
                self.answer(&problem.answer(), true);
                None
            }
        }
    }

    pub fn answer(&mut self, answer: &Answer, close: bool) {
        self.output.extend_from_slice(&answer.bytes(close));
        self.leaving |= close;
        self.since = Instant::now();
    }

    /// Empieza algo que no se contesta de una vez.
    pub fn begin(&mut self, job: Job, request: &Request) {
        let kind = match &job {
            Job::Watch(_) => Some(super::answer::JSON),
            Job::Log(_) => Some(super::answer::TEXT),
            Job::Measure(_) | Job::Change(_) => None,
        };
        self.framing = if request.old { Length::UntilClose } else { Length::Chunked };
        self.close_after = request.close || request.old;
        if let Some(kind) = kind {
            let head = http::head(200, kind, self.framing, self.close_after, &[]);
            self.output.extend_from_slice(&head);
        }
        self.job = Some(job);
        self.since = Instant::now();
    }

    /// Avanza lo que se está haciendo, mientras quepa.
    pub fn work(&mut self, store: &mut Store) {
        let Some(mut job) = self.job.take() else { return };
        let done = match &mut job {
            Job::Watch(watch) => {
                while self.pending() < HIGH_WATER {
                    let Some(line) = watch.next(store) else { break };
                    self.put(&line);
                }
                watch.is_over() && self.pending() < HIGH_WATER
            }
            Job::Log(log) => self.pump(log),
            Job::Measure(measure) if Instant::now() < measure.ready => false,
            Job::Measure(measure) => {
                store.refresh();
                self.answer(&Answer::json(&measure.finish(store)), self.close_after);
                true
            }
            Job::Change(change) => match change.advance(store) {
                None => false,
                Some(answer) => {
                    self.answer(&answer, self.close_after);
                    true
                }
            },
        };
        match (done, &job) {
            (false, _) => self.job = Some(job),
            (true, Job::Watch(_) | Job::Log(_)) => self.finish_stream(),
            (true, Job::Measure(_) | Job::Change(_)) => {}
        }
    }

    fn pump(&mut self, log: &mut LogStream) -> bool {
        let mut text = Vec::new();
        while self.pending() < HIGH_WATER {
            text.clear();
            let progress = log.pump(&mut text, HIGH_WATER / 4);
            self.put(&text);
            match progress {
                Progress::More => {}
                Progress::Idle => return false,
                Progress::End => return true,
            }
        }
        false
    }

    fn put(&mut self, data: &[u8]) {
        if self.pending() == 0 {
            self.since = Instant::now();
        }
        match self.framing {
            Length::Chunked => http::chunk(&mut self.output, data),
            Length::Known(_) | Length::UntilClose => self.output.extend_from_slice(data),
        }
    }

    fn finish_stream(&mut self) {
        if self.framing == Length::Chunked {
            self.output.extend_from_slice(http::LAST_CHUNK);
        }
        self.leaving |= self.close_after;
        self.since = Instant::now();
    }

    /// Envía lo que quepa.
    pub fn flush(&mut self) {
        while self.pending() > 0 {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            match send(self.socket.as_raw_fd(), &self.output[self.sent..], flags) {
                Ok(n) => {
                    self.sent += n;
                    self.since = Instant::now();
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(_) => {
                    self.over = true;
                    return;
                }
            }
        }
        // lo enviado no se guarda
        if self.sent >= HIGH_WATER || self.pending() == 0 {
            self.output.drain(..self.sent);
            self.sent = 0;
            if self.output.capacity() > 4 * HIGH_WATER {
                self.output.shrink_to(HIGH_WATER);
            }
        }
        if self.pending() == 0 && self.job.is_none() {
            self.farewell();
        }
    }

    /// No queda nada por enviar: quizá sea el momento de colgar.
    fn farewell(&mut self) {
        let nothing_more = self.ended && self.input.is_empty();
        if self.leaving && !self.said_goodbye {
            self.said_goodbye = true;
            // colgar con algo por leer borraría lo que aún no ha leído: primero se le dice que no hay más
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        self.over |= nothing_more;
    }

    /// La orden que dejó a medias, si la hay.
    pub fn into_change(self) -> Option<Change> {
        match self.job {
            Some(Job::Change(change)) => Some(*change),
            _ => None,
        }
    }

    /// Cuándo se le cuelga si no cambia nada.
    pub fn deadline(&self) -> Option<Instant> {
        let patience = if self.said_goodbye {
            TO_LEAVE
        } else if self.pending() > 0 {
            TO_READ
        } else if self.job.is_some() {
            return None;
        } else if self.parser.is_waiting() || !self.input.is_empty() {
            TO_ASK
        } else {
            IDLE
        };
        Some(self.since + patience)
    }
}
