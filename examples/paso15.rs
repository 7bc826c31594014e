//! Capítulo 15 · La pausa: un proceso que no hace nada y sostiene lo que comparten los demás.
//!
//!     sudo paso15 ORDEN [ORDEN]...
//!
//! Cada ORDEN la ejecuta una shell distinta; todas, con la misma red y el mismo nombre de máquina.

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, wait, waitpid};
use nix::unistd::{ForkResult, Pid, execv, fork, sethostname};
use std::ffi::CString;
use std::fs::File;

fn main() {
    let pause = born(hold);
    waitpid(pause, Some(WaitPidFlag::WUNTRACED)).expect("esperar a que esté lista");
    println!("[{pause}] soy la pausa");
    for order in std::env::args().skip(1) {
        let child = born(|| join(pause, &order));
        println!("[{child}] {order}");
    }
    // mientras quede alguien que no sea la pausa
    for _ in std::env::args().skip(1) {
        let ended = wait().expect("recoger a uno").pid().unwrap();
        println!("[{ended}] ha acabado");
    }
    kill(pause, Signal::SIGKILL).expect("la pausa ya no hace falta");
    println!("[{pause}] la pausa ya no hace falta");
}

/// Nace un hijo que vive `story`, y no vuelve de ella.
#[allow(unsafe_code)]
fn born(story: impl FnOnce() -> nix::Result<()>) -> Pid {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    match unsafe { fork() }.expect("crear un proceso") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => panic!("no se pudo: {:?}", story()),
    }
}

/// La pausa estrena lo compartido y se para: no vuelve a ejecutar ni una instrucción.
fn hold() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
    sethostname("pod")?;
    raise(Signal::SIGSTOP)
}

/// Los demás no estrenan nada: entran en lo que ella sostiene.
fn join(pause: Pid, order: &str) -> nix::Result<()> {
    for name in ["net", "uts", "ipc"] {
        let held = File::open(format!("/proc/{pause}/ns/{name}")).expect("la pausa vive");
        setns(held, CloneFlags::empty())?;
    }
    let words = ["/bin/sh", "-c", order].map(|word| CString::new(word).unwrap());
    execv(&words[0], &words).map(|_| ())
}
