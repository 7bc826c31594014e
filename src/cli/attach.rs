//! `micropod attach`: la entrada y la salida del programa principal de un contenedor.

use super::{choose_container, one_pod, term};
use crate::attach::{Frame, MAX_TEXT, Queue, Received, receive};
use crate::control::{self, Request, Response};
use crate::error::{Error, exit};
use crate::kernel::sys;
use crate::logic::status::Phase;
use crate::state;
use clap::ArgMatches;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};

pub fn attach(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("conectarse a un contenedor")?;
    let seen = one_pod(args, "POD")?;
    let id = choose_container(&seen, args.get_one::<String>("container"))?;
    let plan = &seen.record.plans[id];
    let phase = seen.live.status.phase;
    if matches!(phase, Phase::Succeeded | Phase::Failed) {
        return Err(Error::failed(format!(
            "cannot attach a container in a completed pod; current phase is {phase}"
        ))
        .with_hint(format!("lo que escribió se ve con `micropod logs {}`", seen.record.name)));
    }
    let stdin =
        args.get_flag("stdin") && allowed(plan.stdin, "no tiene abierta la entrada", "stdin", &plan.name);
    let tty = args.get_flag("tty");
    if tty && !plan.tty {
        term::note(&format!("error: Unable to use a TTY - container {} did not allocate one", plan.name));
    }
    let request = Request::Attach { container: plan.name.clone(), stdin };
    let path = state::pod_dir(&seen.record.name).join("control");
    let (socket, response) = control::call(&path, &request).map_err(|errno| {
        Error::failed(format!("el supervisor del Pod `{}` no responde", seen.record.name))
            .because(crate::error::spanish(errno))
    })?;
    if let Response::Refused(why) = response {
        return Err(Error::failed(why).with_hint(format!("micropod describe pod {}", seen.record.name)));
    }
    follow(socket, stdin, tty && plan.tty)
}

/// Enseña lo que llega por `socket` y, con `stdin`, manda lo que se teclea, hasta que el contenedor acabe.
pub(super) fn follow(socket: OwnedFd, stdin: bool, tty: bool) -> Result<u8, Error> {
    let terminal = tty && std::io::stdin().is_terminal();
    Session { socket, stdin, queue: Queue::default(), terminal }.run()
}

/// Si no se puede teclear, se dice y se mira.
fn allowed(can: bool, lacks: &str, field: &str, container: &str) -> bool {
    if !can {
        term::note(&format!(
            "aviso: el contenedor `{container}` {lacks}: le falta `{field}: true`; solo se mira"
        ));
    }
    can
}

struct Session {
    socket: OwnedFd,
    stdin: bool,
    queue: Queue,
    terminal: bool,
}

impl Session {
    fn run(mut self) -> Result<u8, Error> {
        let window = match self.terminal {
            true => Some(
                super::exec::watch_window()
                    .map_err(|e| Error::failed("no se pudo vigilar la ventana").because(e))?,
            ),
            false => None,
        };
        let raw = if self.terminal && self.stdin { term::RawMode::enter() } else { None };
        if raw.is_some() {
            term::note("If you don't see a command prompt, try pressing enter.\r");
        }
        if self.terminal {
            self.send_window();
        }
        let input = std::io::stdin();
        loop {
            // mientras no se haya enviado lo tecleado no se lee más
            let reading = self.stdin && self.queue.is_empty();
            let mut flags = PollFlags::POLLIN;
            if !self.queue.is_empty() {
                flags |= PollFlags::POLLOUT;
            }
            let mut fds = vec![PollFd::new(self.socket.as_fd(), flags)];
            fds.extend(window.as_ref().map(|window| PollFd::new(window.as_fd(), PollFlags::POLLIN)));
            if reading {
                fds.push(PollFd::new(input.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Error::failed("poll").because(crate::error::spanish(errno))),
            }
            let ready = |i: usize| fds.get(i).and_then(PollFd::revents).is_some_and(|r| !r.is_empty());
            let (socket, resized) = (ready(0), window.is_some() && ready(1));
            let typed = reading && ready(fds.len() - 1);
            if resized {
                // vaciar el aviso; cuántos hubo da igual
                let _ = window.as_ref().map(|window| nix::unistd::read(window, &mut [0; 64]));
                self.send_window();
            }
            if typed {
                self.read_typed();
            }
            if !self.queue.flush(&self.socket) {
                return Err(lost());
            }
            if socket {
                match receive(&self.socket) {
                    Received::Frame(Frame::End) => return Ok(exit::OK),
                    Received::Frame(frame) if show(&frame) => {}
                    Received::Nothing => {}
                    // ya no hay nadie mirando
                    Received::Frame(_) => return Ok(exit::OK),
                    Received::Gone => return Err(lost()),
                }
            }
        }
    }

    fn read_typed(&mut self) {
        let mut bytes = vec![0; MAX_TEXT];
        match nix::unistd::read(std::io::stdin().as_fd(), &mut bytes) {
            Ok(n) if n > 0 => self.queue.push(&Frame::Input(bytes[..n].to_vec())),
            Err(Errno::EINTR | Errno::EAGAIN) => true,
            Ok(_) | Err(_) => {
                self.stdin = false;
                self.queue.push(&Frame::InputEnd)
            }
        };
    }

    fn send_window(&mut self) {
        if let Ok((rows, columns)) = sys::terminal_size(std::io::stdout().as_fd()) {
            self.queue.push(&Frame::Window(rows, columns));
        }
    }
}

/// Escribe lo que llega donde toca; `false` si nadie lo lee.
fn show(frame: &Frame) -> bool {
    let written = match frame {
        Frame::Output(text) => {
            let mut out = std::io::stdout();
            out.write_all(text).and_then(|()| out.flush())
        }
        Frame::Errors(text) => std::io::stderr().write_all(text),
        Frame::End | Frame::Input(_) | Frame::InputEnd | Frame::Window(..) => Ok(()),
    };
    written.is_ok()
}

fn lost() -> Error {
    Error::failed("se ha perdido la conexión con el contenedor")
        .because("su supervisor ha acabado, o esta terminal no daba abasto con lo que escribe")
        .with_hint("lo que escribió está en sus logs: micropod logs")
}
