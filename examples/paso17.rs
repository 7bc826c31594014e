//! Capítulo 17 · El mismo programa, otra vez: cuándo, y cuánto se espera.
//!
//!     paso17 Always|OnFailure|Never PROGRAMA [ARGUMENTO]...

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execvp, fork};
use std::ffi::CString;
use std::process::exit;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// La primera espera, y la mayor. Las de Kubernetes son diez veces más largas.
const FIRST: Duration = Duration::from_secs(1);
const MAX: Duration = Duration::from_secs(30);
/// Quien vive más que esto empieza de cero.
const FORGET: Duration = Duration::from_secs(60);

fn main() {
    let words: Vec<_> = std::env::args().skip(1).map(|word| CString::new(word).unwrap()).collect();
    let (Some(policy), Some(program)) = (words.first(), words.get(1..).filter(|p| !p.is_empty())) else {
        eprintln!("uso: paso17 Always|OnFailure|Never PROGRAMA [ARGUMENTO]...");
        exit(2);
    };
    // el primer reinicio no espera
    let mut delay = Duration::ZERO;
    loop {
        let began = Instant::now();
        let code = life(program);
        let again = match policy.to_str() {
            Ok("Always") => true,
            Ok("OnFailure") => code != 0,
            _ => false,
        };
        if !again {
            println!("acaba con código {code}, y no vuelve");
            exit(code);
        }
        if began.elapsed() > FORGET {
            delay = Duration::ZERO;
        }
        println!("acaba con código {code}: vuelve en {} s", delay.as_secs());
        sleep(delay);
        delay = (delay * 2).clamp(FIRST, MAX);
    }
}

/// Una vida del programa, como en el capítulo 8; devuelve su código de salida.
#[allow(unsafe_code)]
fn life(program: &[CString]) -> i32 {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    match unsafe { fork() }.and_then(|who| match who {
        ForkResult::Parent { child } => waitpid(child, None),
        ForkResult::Child => execvp(&program[0], program).map(|_| WaitStatus::StillAlive),
    }) {
        Ok(WaitStatus::Exited(_, code)) => code,
        Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
        _ => exit(127), // el hijo no pudo convertirse en el programa
    }
}
