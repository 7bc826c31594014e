//! Hacer: los pasos que cambian algo, y la espera de los que miran.

use super::look::{Miss, look};
use super::patience::{LOOK_EVERY, Patience, USUAL};
use super::pod::{Pod, micropod};
use super::step::Step;
use crate::state::ProcessId;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Para escribir un fichero, esté o no.
const NEW_TEXT: i32 = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC;

/// Cómo acabó un paso que no se cumplió.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Lo que se ve no es lo que debía.
    Wrong(String),
    /// No llegó a tiempo, y aún podía llegar.
    Late { seen: String, waited: Duration },
}

/// Da un paso: hace lo que dice, o espera a que se cumpla.
pub fn take(pod: &mut Pod, step: &Step, patience: Patience) -> Result<(), Failure> {
    let wrong = |done: Result<(), String>| done.map_err(Failure::Wrong);
    match step {
        Step::Write(c, path, text) => wrong(write(pod, c, path, text)),
        Step::WriteBeside(path, text) => wrong(write_beside(pod, path, text)),
        Step::RemoveBeside(path) => wrong(remove_beside(pod, path)),
        Step::AskToStop => wrong(delete(pod, &["--wait=false"])),
        Step::Remove(c, path) => wrong(remove(pod, c, path)),
        Step::Signal(c, name) => wrong(pod.pid(c).and_then(|pid| signal(&[pid], name))),
        Step::SignalAll(c, name) => wrong(pod.processes(c).and_then(|all| signal(&all, name))),
        Step::KillChildren(c) => wrong(kill_children(pod, c)),
        Step::StopsWithin(seconds) => {
            let took = stop(pod).map_err(Failure::Wrong)?;
            let limit = patience.of(Duration::from_secs_f64(*seconds));
            let text = format!("tardó {:.1} s en pararse", took.as_secs_f64()).replace('.', ",");
            if took <= limit { Ok(()) } else { Err(Failure::Wrong(text)) }
        }
        Step::Rebirth => {
            pod.delete();
            *pod = Pod::start(pod.run.clone()).map_err(Failure::Wrong)?;
            Ok(())
        }
        Step::Holds(seconds, inner) => {
            take(pod, inner, patience)?;
            holds(pod, inner, Duration::from_secs_f64(*seconds))
        }
        Step::Within(seconds, inner) => wait(pod, inner, patience.of(Duration::from_secs_f64(*seconds))),
        Step::WithinClock(seconds, inner) => wait(pod, inner, Duration::from_secs_f64(*seconds)),
        Step::MatchesReal(real) => {
            wait(pod, &Step::MatchesReal(real.with_patience(patience)), patience.of(real.takes()))
        }
        Step::Now(inner) => look(pod, inner).map_err(|miss| Failure::Wrong(miss.seen)),
        watching => wait(pod, watching, patience.of(USUAL)),
    }
}

/// Espera a que se cumpla, o a que ya no pueda.
fn wait(pod: &Pod, step: &Step, limit: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        // antes de mirar: lo que hizo hasta acabar ya se ve
        let over = is_over(pod, step);
        match look(pod, step) {
            Ok(()) => return Ok(()),
            Err(Miss { seen, hope }) if over || !hope => return Err(Failure::Wrong(seen)),
            Err(Miss { seen, .. }) if start.elapsed() >= limit => {
                return Err(Failure::Late { seen, waited: start.elapsed() });
            }
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// ¿Habla de contenedores que han acabado para siempre? De ellos ya no cambia nada.
fn is_over(pod: &Pod, step: &Step) -> bool {
    match step {
        Step::Any(all) => all.iter().all(|step| is_over(pod, step)),
        Step::Not(inner) => is_over(pod, inner),
        step => step.container().is_some_and(|container| pod.is_over(container)),
    }
}

/// Mira que siga cumpliéndose todo ese tiempo.
fn holds(pod: &Pod, step: &Step, time: Duration) -> Result<(), Failure> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        look(pod, step).map_err(|miss| Failure::Wrong(miss.seen))?;
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// ¿Se ven ahora todos estos síntomas?
pub fn shows(pod: &Pod, steps: &[Step]) -> bool {
    steps.iter().all(|step| look(pod, step).is_ok())
}

fn write(pod: &Pod, container: &str, path: &str, text: &str) -> Result<(), String> {
    put(pod.open(container, path, NEW_TEXT)?, text)
}

fn write_beside(pod: &Pod, path: &str, text: &str) -> Result<(), String> {
    put(pod.open_beside(path, NEW_TEXT)?, text)
}

fn put(fd: OwnedFd, text: &str) -> Result<(), String> {
    File::from(fd).write_all(text.as_bytes()).map_err(|e| crate::error::in_spanish(e.to_string()))
}

const DIRECTORY: i32 = libc::O_PATH | libc::O_DIRECTORY;

fn remove(pod: &Pod, container: &str, path: &str) -> Result<(), String> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("/", path));
    let above = if above.is_empty() { "/" } else { above };
    unlink(pod.open(container, above, DIRECTORY)?, name)
        .map_err(|e| format!("{path} de «{container}»: {}", crate::error::spanish(e)))
}

fn remove_beside(pod: &Pod, path: &str) -> Result<(), String> {
    let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
    match unlink(pod.open_beside(above, DIRECTORY)?, name) {
        // lo que se quiere es que no esté
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(errno) => Err(format!("{path}, junto al fichero del Pod: {}", crate::error::spanish(errno))),
    }
}

fn unlink(dir: OwnedFd, name: &str) -> nix::Result<()> {
    nix::unistd::unlinkat(&dir, name, nix::unistd::UnlinkatFlags::NoRemoveDir)
}

fn signal(pids: &[i32], name: &str) -> Result<(), String> {
    let signal: Signal = format!("SIG{name}").parse().map_err(|_| format!("no hay señal {name}"))?;
    let watched: Vec<OwnedFd> = pids.iter().filter_map(|pid| ProcessId::of(*pid)?.open(None)).collect();
    let spanish = |e| crate::error::spanish(e).to_string();
    for pid in pids {
        match kill(Pid::from_raw(*pid), signal) {
            // acabó mientras se miraba quién había
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(spanish(errno)),
        }
    }
    if signal == Signal::SIGKILL {
        // a esta nadie se resiste: lo que se mire después, que no sea a quien se está muriendo
        for dead in &watched {
            let mut fds = [PollFd::new(dead.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::from(5000u16)).map_err(spanish)?;
        }
    }
    Ok(())
}

fn kill_children(pod: &Pod, container: &str) -> Result<(), String> {
    let main = pod.pid(container)?;
    for pid in pod.processes(container)?.into_iter().filter(|pid| *pid != main) {
        // si ya ha muerto, mejor
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    Ok(())
}

/// Para el Pod con buenas maneras y dice lo que tardó.
fn stop(pod: &Pod) -> Result<Duration, String> {
    let start = Instant::now();
    delete(pod, &[]).map(|()| start.elapsed())
}

fn delete(pod: &Pod, more: &[&str]) -> Result<(), String> {
    let words = ["delete", "pod", &pod.name].into_iter().chain(more.iter().copied());
    let output = micropod(words).map_err(|e| e.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_string()),
    }
}
