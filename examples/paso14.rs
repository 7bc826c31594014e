//! Capítulo 14 · Una IP: un cable con una punta en la máquina y la otra en la red del hijo.
//!
//!     sudo paso14 IP_DE_FUERA IP_DE_DENTRO PROGRAMA [ARGUMENTO]...

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, pipe, read, write};
use std::ffi::CString;
use std::process::{Command, exit};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [outside, inside, program @ ..] = words.as_slice() else { usage() };
    if program.is_empty() {
        usage();
    }
    // dos tuberías, para que cada uno espere al otro
    let (separated, i_am_separated) = pipe().expect("una tubería");
    let (plugged, it_is_plugged) = pipe().expect("otra tubería");
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    #[allow(unsafe_code)]
    match unsafe { fork() }.expect("crear un proceso") {
        ForkResult::Parent { child } => {
            read(&separated, &mut [0]).expect("esperar a que tenga su red");
            plug(child, outside);
            write(&it_is_plugged, b".").expect("avisar");
            exit(match waitpid(child, None) {
                Ok(WaitStatus::Exited(_, code)) => code,
                _ => 1,
            })
        }
        ForkResult::Child => {
            unshare(CloneFlags::CLONE_NEWNET).expect("separar la red");
            write(&i_am_separated, b".").expect("avisar");
            read(&plugged, &mut [0]).expect("esperar al cable");
            ip(&format!("address add {inside} dev eth0"));
            ip("link set eth0 up");
            ip("link set lo up");
            let argv: Vec<_> = program.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
            panic!("no se pudo ejecutar {}: {:?}", program[0], execvp(&argv[0], &argv))
        }
    }
}

fn usage() -> ! {
    eprintln!("uso: sudo paso14 IP_DE_FUERA IP_DE_DENTRO PROGRAMA [ARGUMENTO]...");
    exit(2)
}

/// Lo único nuevo: el cable. Una punta se queda aquí y la otra aparece en la red del hijo.
fn plug(child: Pid, outside: &str) {
    ip(&format!("link add cable{child} type veth peer name eth0 netns {child}"));
    ip(&format!("address add {outside} dev cable{child}"));
    ip(&format!("link set cable{child} up"));
}

fn ip(order: &str) {
    let done = Command::new("ip").args(order.split(' ')).status();
    assert!(done.is_ok_and(|status| status.success()), "no se pudo: ip {order}");
}
