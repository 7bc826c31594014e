//! Capítulo 20 · Preguntar cada segundo si sigue vivo, y matarlo si no contesta.
//!
//!     paso20 PREGUNTA PROGRAMA [ARGUMENTO]...
//!
//! Se encadena con el del capítulo 17, que lo levanta otra vez: paso17 Always paso20 …

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork};
use std::ffi::CString;
use std::process::{Command, exit};
use std::time::Duration;

/// Fallos seguidos para darlo por muerto.
const FAILURES: u32 = 3;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [question, program @ ..] = words.as_slice() else { exit(2) };
    let child = born(program);
    let mut failed = 0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        if let Some(code) = ended(child) {
            println!("acaba con código {code}");
            exit(code);
        }
        failed = if ask(question) { 0 } else { failed + 1 };
        if failed == FAILURES {
            println!("{FAILURES} fallos seguidos: se le mata");
            let _ = kill(child, Signal::SIGKILL);
        }
    }
}

fn ask(question: &str) -> bool {
    Command::new("sh").args(["-c", question]).status().is_ok_and(|status| status.success())
}

/// El código de salida, si ya ha acabado.
fn ended(child: Pid) -> Option<i32> {
    match waitpid(child, Some(WaitPidFlag::WNOHANG)).expect("es hijo nuestro") {
        WaitStatus::Exited(_, code) => Some(code),
        WaitStatus::Signaled(_, signal, _) => Some(128 + signal as i32),
        _ => None,
    }
}

#[allow(unsafe_code)]
fn born(program: &[String]) -> Pid {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    if let ForkResult::Parent { child } = unsafe { fork() }.expect("no se pudo crear un proceso") {
        return child;
    }
    let argv: Vec<_> = program.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(argv.first().expect("falta el programa"), &argv);
    eprintln!("no se pudo ejecutar {}: {}", program[0], errno.desc());
    exit(127)
}
