//! Capítulo 23 · El bucle: lo que se quiere, lo que hay, y qué hacer para que coincidan.
//!
//!     paso23 CUANTOS PROGRAMA [ARGUMENTO]...
//!
//! Mantiene en marcha CUANTOS procesos con ese programa, hasta que le llega SIGTERM.

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::process::Command;

/// Lo que hay que hacer.
#[derive(Debug)]
enum Action {
    Start,
    Kill(Pid),
}

/// La cabeza. No toca nada: recibe lo que se quiere y lo que hay, y contesta qué hacer.
fn decide(wanted: usize, alive: &[Pid]) -> Vec<Action> {
    let missing = (alive.len()..wanted).map(|_| Action::Start);
    let spare = alive.iter().skip(wanted).map(|pid| Action::Kill(*pid));
    missing.chain(spare).collect()
}

/// Las manos. Un solo bucle: decidir, hacer, y dormir hasta que pase algo.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut wanted: usize = words[0].parse().expect("CUANTOS es un número");
    let signals = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM]);
    signals.thread_block().expect("que las señales esperen a que las lea");
    let mut alive: Vec<Pid> = Vec::new();
    while wanted > 0 || !alive.is_empty() {
        for action in decide(wanted, &alive) {
            println!("quiero {wanted} y hay {}: {action:?}", alive.len());
            match action {
                Action::Start => alive.push(start(&words[1..])),
                Action::Kill(pid) => kill(pid, Signal::SIGKILL).expect("matar a un hijo"),
            }
        }
        match signals.wait().expect("dormir hasta que llegue una señal") {
            Signal::SIGTERM => wanted = 0,
            _ => alive.retain(|pid| !collected(*pid)),
        }
    }
}

// lo recoge `collected`, cuando muera
#[allow(clippy::zombie_processes)]
fn start(words: &[String]) -> Pid {
    let child = Command::new(&words[0]).args(&words[1..]).spawn().expect("crear un proceso");
    Pid::from_raw(child.id() as i32)
}

/// ¿Ha muerto? Si es así, queda recogido.
fn collected(pid: Pid) -> bool {
    let news = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    matches!(news, Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)))
}
