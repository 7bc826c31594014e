//! `micropod exec`: un comando dentro de un contenedor que ya corre.

use super::{choose_container, one_pod, term, words};
use crate::container::{Owner, Stdio, Target};
use crate::error::{Error, StepError, exit, spanish};
use crate::kernel::child::News;
use crate::kernel::{Kernel, Mode};
use crate::state::{ProcessId, Seen};
use crate::supervise;
use clap::ArgMatches;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

pub fn exec(args: &ArgMatches) -> Result<u8, Error> {
    let quiet = args.get_flag("quiet");
    let wanted = args.get_one::<String>("container");
    let name = super::bare_name(super::text(args, "POD"));
    let first = one_pod(args, "POD")?;
    crate::security::seal()?;
    // callado, tampoco se dice cuál se ha elegido
    let first_app = first.record.pod.spec.init_containers.len();
    let id = if quiet && wanted.is_none() { first_app } else { choose_container(&first, wanted)? };
    let mut seen = match args.get_one::<String>("pod-running-timeout") {
        Some(timeout) => when_running(name, first, id, super::duration(timeout)?)?,
        None => first,
    };
    let (process, pidfd) = running(&seen, id)?;
    let (stdin, tty) = (args.get_flag("stdin"), args.get_flag("tty"));
    // como containerd: quien tiene una terminal sabe de qué clase es, aunque el contenedor naciera sin ella
    let env = &mut seen.record.plans[id].env;
    if tty && !env.iter().any(|pair| pair.starts_with("TERM=")) {
        env.push("TERM=xterm".into());
    }
    let plan = &seen.record.plans[id];
    let target = Target {
        plan,
        owner: Owner { pod: &seen.record.name, uid: &seen.record.uid, id },
        runtime: seen.record.runtime.runtime(),
        pidfd: pidfd.as_fd(),
        pid: process.pid,
        cgroup: seen.record.cgroup.as_ref().map(|pod| pod.join(&plan.name)),
        namespaces: supervise::namespaces_of_a_container(seen.record.cgroup.is_some()),
    };
    let resized = tty
        .then(watch_window)
        .transpose()
        .map_err(|e| Error::failed("no se pudo vigilar la ventana").because(e))?;
    let mut k = Kernel::new(Mode::Quiet);
    let child = target.runtime.exec(&mut k, &target, &words(args, "COMANDO"), stdio(stdin, tty)?)?;
    let Some((mut child, channel)) = child.into_parts() else {
        return Err(Error::failed("no se ensaya un exec"));
    };
    let mut terminal = None;
    loop {
        match k.hear(&channel) {
            None | Some(News::Ready) => {}
            Some(News::Terminal(master)) => terminal = master,
            Some(News::Failed(error)) => {
                supervise::reap(child.as_fd());
                return Err(refused(error, &words(args, "COMANDO")[0], &plan.name));
            }
            // lo ha traído otro, que acaba: desde ahora es hijo nuestro
            Some(News::Born(pid)) => {
                supervise::reap(child.as_fd());
                let gone = || {
                    Error::failed(format!("no se puede seguir al proceso {pid}, que iba a ser el comando"))
                };
                child = crate::runtime::adopted(pid).ok_or_else(gone)?.1;
                break;
            }
            Some(News::Closed | News::Client(_)) => break,
        }
    }
    drop(channel);
    if let Some(terminal) = &terminal {
        relay(terminal, child.as_fd(), stdin, resized.as_ref());
    }
    let code = supervise::reap(child.as_fd()).map_or(exit::FAILED, |end| (end.code() & 0xff) as u8);
    if code != 0 && !quiet {
        term::note(&format!("command terminated with exit code {code}"));
    }
    Ok(code)
}

/// Lo que no se puede ejecutar se dice igual con todos los motores: no es cosa suya.
fn refused(error: Box<StepError>, command: &str, container: &str) -> Error {
    match &error.hint {
        Some(hint) if matches!(error.exit_code, exit::NOT_EXECUTABLE | exit::NOT_FOUND) => {
            Error::failed(format!("no se puede ejecutar `{command}` en el contenedor `{container}`"))
                .because(spanish(error.errno()))
                .with_hint(hint)
                .with_code(error.exit_code)
        }
        _ => Error::Step(error),
    }
}

/// Espera a que corra, como mucho `timeout`. Si el Pod acaba antes, no hay nada que esperar.
fn when_running(name: &str, first: Seen, id: usize, timeout: Duration) -> Result<Seen, Error> {
    let deadline = Instant::now() + timeout;
    let mut seen = first;
    while running(&seen, id).is_err() && !seen.live.status.phase.is_final() && Instant::now() < deadline {
        std::thread::sleep(super::LOOK_EVERY);
        seen = super::see(name)?;
    }
    Ok(seen)
}

/// El PID 1 del contenedor, comprobado después de abrir su pidfd: el número pudo pasar a otro.
pub fn running(seen: &Seen, id: usize) -> Result<(ProcessId, OwnedFd), Error> {
    let name = &seen.record.plans[id].name;
    let process = seen.live.processes.get(id).copied().flatten().filter(|_| seen.supervised);
    let cgroup = seen.record.cgroup.as_ref().map(|pod| pod.join(name));
    let open = process.and_then(|p| Some((p, p.open(cgroup.as_deref())?)));
    open.ok_or_else(|| {
        Error::failed(format!("el contenedor `{name}` no está en marcha"))
            .with_hint(format!("mira por qué con `micropod describe pod {}`", seen.record.name))
    })
}

/// Sin terminal, el comando escribe directamente donde escribe micropod.
fn stdio(stdin: bool, tty: bool) -> Result<Stdio, Error> {
    if tty {
        return Ok(Stdio::Terminal);
    }
    let copy = |fd: BorrowedFd| {
        fd.try_clone_to_owned().map_err(|e| Error::failed("no se pudo duplicar un descriptor").because(e))
    };
    let input = if stdin { Some(copy(std::io::stdin().as_fd())?) } else { None };
    Ok(Stdio::Pipes {
        input,
        output: copy(std::io::stdout().as_fd())?,
        errors: copy(std::io::stderr().as_fd())?,
    })
}

/// Un descriptor que despierta cuando cambia el tamaño de la ventana.
pub(super) fn watch_window() -> std::io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    write.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(libc::SIGWINCH, write)?;
    Ok(read)
}

/// Lleva lo tecleado al contenedor y lo suyo a la pantalla, hasta que acabe.
fn relay(terminal: &OwnedFd, child: BorrowedFd, stdin: bool, resized: Option<&UnixStream>) {
    let _raw = term::RawMode::enter();
    term::copy_size(terminal.as_fd());
    let input = std::io::stdin();
    let mut typing = stdin;
    let mut buffer = [0; 8192];
    loop {
        let mut fds =
            vec![PollFd::new(terminal.as_fd(), PollFlags::POLLIN), PollFd::new(child, PollFlags::POLLIN)];
        fds.extend(resized.map(|r| PollFd::new(r.as_fd(), PollFlags::POLLIN)));
        if typing {
            fds.push(PollFd::new(input.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        }
        let ready = |i: usize| fds.get(i).and_then(PollFd::revents).is_some_and(|r| !r.is_empty());
        if ready(0) {
            match nix::unistd::read(terminal, &mut buffer) {
                Ok(n) if n > 0 && write_all(std::io::stdout().as_fd(), &buffer[..n]) => {}
                // EIO: ya nadie tiene el otro extremo
                _ => return,
            }
            continue;
        }
        if ready(1) {
            return;
        }
        if let Some(window) = resized.filter(|_| ready(2)) {
            // vaciar el aviso; cuántos hubo da igual
            let _ = nix::unistd::read(window, &mut buffer);
            term::copy_size(terminal.as_fd());
        }
        if typing && ready(if resized.is_some() { 3 } else { 2 }) {
            match nix::unistd::read(input.as_fd(), &mut buffer) {
                Ok(n) if n > 0 => typing = write_all(terminal.as_fd(), &buffer[..n]),
                _ => {
                    // fin de la entrada: lo que teclearía quien pulsa Ctrl-D
                    typing = false;
                    write_all(terminal.as_fd(), &[4]);
                }
            }
        }
    }
}

fn write_all(fd: BorrowedFd, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match nix::unistd::write(fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}
