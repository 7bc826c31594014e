//! Quien está conectado a la entrada y la salida de un contenedor (`micropod attach`).

use super::{Source, Supervisor};
use crate::attach::{Frame, MAX_TEXT, Queue, Received, receive};
use crate::control::Response;
use crate::kernel::sys;
use crate::logic::{ContainerId, Glance};
use crate::logs::Stream;
use nix::errno::Errno;
use nix::poll::PollFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Conectados a la vez, en todo el Pod.
const MAX_ATTACHED: usize = 8;

pub struct Attached {
    socket: OwnedFd,
    id: ContainerId,
    /// ¿Teclea, o solo mira?
    stdin: bool,
    queue: Queue,
    /// Lo tecleado que aún no ha cabido en la entrada del contenedor.
    typed: Vec<u8>,
    /// El tamaño de su ventana, si la tiene.
    window: Option<(u16, u16)>,
    /// El contenedor ha acabado: falta que le llegue lo último.
    ending: bool,
    gone: bool,
}

impl Attached {
    fn send(&mut self, frame: &Frame) {
        if !self.queue.push(frame) {
            log::warn!("quien miraba un contenedor no da abasto: se le desconecta");
            self.gone = true;
        }
        self.flush();
    }

    fn flush(&mut self) {
        if !self.queue.flush(&self.socket) || (self.ending && self.queue.is_empty()) {
            self.gone = true;
        }
    }
}

impl Supervisor {
    pub(super) fn attach(&mut self, client: OwnedFd, container: &str, stdin: bool) {
        let running = self.running(container);
        let refused = match running {
            _ if self.attached.len() >= MAX_ATTACHED => {
                Some(format!("ya hay {MAX_ATTACHED} conectados a este Pod"))
            }
            None => Some(format!("el contenedor `{container}` no está en marcha")),
            Some(_) => None,
        };
        let (Some(id), None) = (running, &refused) else {
            let why = refused.unwrap_or_default();
            return self.control.answer(client, &Response::Refused(why));
        };
        self.accept_attached(client, id, stdin);
    }

    /// Conecta a `client` con el contenedor, haya nacido o no.
    pub(super) fn accept_attached(&mut self, client: OwnedFd, id: ContainerId, stdin: bool) {
        self.control.answer_and_keep(&client, &Response::Accepted);
        let (queue, typed) = (Queue::default(), Vec::new());
        self.attached.push(Attached {
            socket: client,
            id,
            stdin,
            queue,
            typed,
            window: None,
            ending: false,
            gone: false,
        });
    }

    /// Lo que se vigila de ellos. Mientras no quepa lo tecleado no se lee más: así se frena quien
    /// escribe, y no el Pod.
    pub(super) fn watch_attached<'a>(&'a self, all: &mut Vec<(Source, BorrowedFd<'a>, PollFlags)>) {
        for (i, attached) in self.attached.iter().enumerate() {
            let mut flags = PollFlags::empty();
            if attached.typed.is_empty() {
                flags |= PollFlags::POLLIN;
            }
            if !attached.queue.is_empty() {
                flags |= PollFlags::POLLOUT;
            }
            all.push((Source::Attached(i), attached.socket.as_fd(), flags));
            let input = self.lives[attached.id].as_ref().and_then(|life| life.input.as_ref());
            if let (Some(input), false) = (input, attached.typed.is_empty()) {
                all.push((Source::Attached(i), input.as_fd(), PollFlags::POLLOUT));
            }
        }
    }

    pub(super) fn forget_gone(&mut self) {
        self.attached.retain(|attached| !attached.gone);
    }

    pub(super) fn attend_attached(&mut self, i: usize) {
        self.attached[i].flush();
        if self.attached[i].typed.is_empty() {
            match receive(&self.attached[i].socket) {
                Received::Frame(frame) => self.hear_attached(i, frame),
                Received::Nothing => {}
                Received::Gone => self.left(i),
            }
        }
        self.type_in(i);
    }

    fn hear_attached(&mut self, i: usize, frame: Frame) {
        let id = self.attached[i].id;
        match frame {
            Frame::Input(text) if self.attached[i].stdin => self.attached[i].typed = text,
            Frame::InputEnd => self.close_input(i),
            Frame::Window(rows, columns) => {
                self.attached[i].window = Some((rows, columns));
                self.fit_terminal(id);
            }
            // lo demás no lo dice nadie que se porte bien
            Frame::Input(_) | Frame::Output(_) | Frame::Errors(_) | Frame::End => {}
        }
    }

    /// Da a la terminal del contenedor el tamaño de la ventana por la que se mira: quien lo mira desde que
    /// nace lo dice antes de que la haya.
    pub(super) fn fit_terminal(&self, id: ContainerId) {
        let tty = self.plan.containers[id].tty;
        let terminal = self.lives[id].as_ref().and_then(|life| life.output.as_ref()).filter(|_| tty);
        let window = self.attached.iter().rev().filter(|a| a.id == id && !a.gone).find_map(|a| a.window);
        if let (Some(terminal), Some((rows, columns))) = (terminal, window) {
            // una terminal con otro tamaño funciona igual, solo que más fea
            let _ = sys::set_terminal_size(terminal.as_fd(), rows, columns);
        }
    }

    fn left(&mut self, i: usize) {
        self.attached[i].gone = true;
        self.close_input(i);
    }

    /// Quien tecleaba no tecleará más. Con `stdinOnce`, tampoco nadie después de él.
    fn close_input(&mut self, i: usize) {
        let attached = &self.attached[i];
        if attached.stdin && self.plan.containers[attached.id].stdin_once {
            if let Some(life) = &mut self.lives[attached.id] {
                life.input = None;
            }
        }
    }

    /// Pasa al contenedor lo tecleado que quepa.
    fn type_in(&mut self, i: usize) {
        let attached = &mut self.attached[i];
        if attached.typed.is_empty() {
            return;
        }
        let Some(life) = &mut self.lives[attached.id] else {
            // el que está por nacer lo leerá entonces
            if !matches!(self.core.glance(attached.id), Glance::Pending | Glance::Waiting | Glance::Starting)
            {
                attached.typed.clear();
            }
            return;
        };
        let Some(input) = &life.input else {
            // mientras se prepara, su terminal aún no ha llegado
            if life.channel.is_none() {
                attached.typed.clear();
            }
            return;
        };
        match nix::unistd::write(input, &attached.typed) {
            Ok(n) => drop(attached.typed.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => {
                life.input = None;
                attached.typed.clear();
            }
        }
    }

    /// Enseña lo que acaba de escribir el contenedor a quien lo esté mirando.
    pub(super) fn show_attached(&mut self, id: ContainerId, stream: Stream, text: &[u8]) {
        for attached in self.attached.iter_mut().filter(|a| a.id == id && !a.ending && !a.gone) {
            for piece in text.chunks(MAX_TEXT) {
                attached.send(&match stream {
                    Stream::Stdout => Frame::Output(piece.to_vec()),
                    Stream::Stderr => Frame::Errors(piece.to_vec()),
                });
            }
        }
    }

    /// El contenedor ha acabado: quien lo miraba se entera, cuando le haya llegado todo.
    pub(super) fn end_attached(&mut self, id: ContainerId) {
        for attached in self.attached.iter_mut().filter(|a| a.id == id && !a.gone) {
            attached.ending = true;
            attached.typed.clear();
            attached.send(&Frame::End);
        }
    }
}
