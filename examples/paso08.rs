//! Capítulo 8 · Un proceso nace, se convierte en otro programa, acaba y alguien lo recoge.
//!
//!     paso08 PROGRAMA [ARGUMENTO]...

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, getpid, getppid};
use std::ffi::CString;
use std::process::exit;

fn main() {
    let words = std::env::args().skip(1).map(|word| CString::new(word).expect("sin bytes nulos"));
    let argv: Vec<CString> = words.collect();
    if argv.is_empty() {
        eprintln!("uso: paso08 PROGRAMA [ARGUMENTO]...");
        exit(2);
    }
    println!("[{}] soy el padre", getpid());
    let child = born(&argv);
    let code = collect(child);
    println!("[{}] el {child} ha acabado: código {code}", getpid());
    exit(code);
}

/// Crea un hijo que se convertirá en `argv`.
#[allow(unsafe_code)]
fn born(argv: &[CString]) -> Pid {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => child,
        Ok(ForkResult::Child) => become_program(argv),
        Err(errno) => panic!("no se pudo crear un proceso: {errno}"),
    }
}

/// Del lado del hijo: dejar de ser este programa y empezar a ser otro. No vuelve.
fn become_program(argv: &[CString]) -> ! {
    println!("[{}] soy el hijo de {}, y todavía soy paso08", getpid(), getppid());
    let Err(errno) = execvp(&argv[0], argv);
    eprintln!("no se pudo ejecutar {:?}: {}", argv[0], errno.desc());
    // los códigos de las shells: 127 si no existe, 126 si existe y no se deja
    exit(if errno == Errno::ENOENT { 127 } else { 126 });
}

/// Espera a que el hijo acabe, lo recoge y dice cómo acabó.
fn collect(child: Pid) -> i32 {
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        // a quien mata una señal se le pone 128 más el número de la señal
        Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
        other => panic!("no se esperaba {other:?}"),
    }
}
