//! Capítulo 18 · Antes, lo que haga falta: unos programas que acaban, en orden, y luego el de verdad.
//!
//!     paso18 PREPARACIÓN... -- [PREPARACIÓN... --]... PROGRAMA...
//!
//! Se encadena con el anterior, que lo repite si falla: paso17 OnFailure paso18 …

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execvp, fork};
use std::ffi::CString;
use std::process::exit;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).map(|word| CString::new(word).unwrap()).collect();
    let programs: Vec<&[CString]> = words.split(|word| word.as_bytes() == b"--").collect();
    if programs.iter().any(|program| program.is_empty()) {
        eprintln!("uso: paso18 PREPARACIÓN... -- [PREPARACIÓN... --]... PROGRAMA...");
        exit(2);
    }
    let (last, before) = programs.split_last().expect("siempre hay uno");
    for (i, program) in before.iter().enumerate() {
        let code = run(program);
        println!("preparación {} de {}: código {code}", i + 1, before.len());
        // el siguiente no empieza si este no ha acabado bien
        if code != 0 {
            exit(code);
        }
    }
    println!("todo preparado: empieza el programa");
    become_program(last)
}

/// Ejecuta un programa, lo espera y devuelve su código de salida.
#[allow(unsafe_code)]
fn run(program: &[CString]) -> i32 {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => become_program(program),
        Ok(ForkResult::Parent { child }) => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => code,
            Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
            other => panic!("no se esperaba {other:?}"),
        },
        Err(errno) => panic!("no se pudo crear un proceso: {errno}"),
    }
}

/// Como en los capítulos anteriores.
fn become_program(program: &[CString]) -> ! {
    let Err(errno) = execvp(&program[0], program);
    eprintln!("no se pudo ejecutar {:?}: {}", program[0], errno.desc());
    exit(127);
}
