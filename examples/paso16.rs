//! Capítulo 16 · Un proceso principal que hace lo que debe: pide, espera, mata y recoge.
//!
//!     paso16 SEGUNDOS PROGRAMA [ARGUMENTO]...

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, execvp, fork, getpid};
use std::ffi::CString;
use std::process::exit;

fn main() -> nix::Result<()> {
    let words: Vec<_> = std::env::args().skip(1).map(|word| CString::new(word).unwrap()).collect();
    let [grace, program @ ..] = words.as_slice() else { exit(2) };
    let grace = grace.to_str().unwrap().parse().expect("los segundos, antes que el programa");
    // las señales que nos importan no interrumpen: esperan a que preguntemos por ellas
    let ours: SigSet = [Signal::SIGTERM, Signal::SIGALRM, Signal::SIGCHLD].into_iter().collect();
    ours.thread_block()?;
    let child = born(program, &ours)?;
    loop {
        let (what, signal) = match ours.wait()? {
            Signal::SIGTERM => ("le pido que acabe", Signal::SIGTERM),
            Signal::SIGALRM => ("se acabó el plazo", Signal::SIGKILL),
            _ => {
                collect_all(child);
                continue;
            }
        };
        println!("[{}] {signal} para {child}: {what}", getpid());
        kill(child, signal)?;
        alarm::set(grace);
    }
}

/// Un aviso puede valer por varios hijos: se recoge mientras quede alguno que haya acabado.
fn collect_all(child: Pid) {
    while let Ok(ended) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        let (who, code) = match ended {
            WaitStatus::Exited(who, code) => (who, code),
            WaitStatus::Signaled(who, signal, _) => (who, 128 + signal as i32),
            _ => return,
        };
        println!("[{}] recojo a {who}: código {code}", getpid());
        if who == child {
            exit(code);
        }
    }
}

/// Como en el capítulo 8, y el hijo vuelve a oír las señales.
#[allow(unsafe_code)]
fn born(program: &[CString], blocked: &SigSet) -> nix::Result<Pid> {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        return Ok(child);
    }
    blocked.thread_unblock()?;
    let Err(errno) = execvp(program.first().expect("falta el programa"), program);
    eprintln!("no se pudo ejecutar {:?}: {}", program[0], errno.desc());
    exit(127)
}
