//! Capítulo 9 · Un proceso que estrena espacios de nombres: ve un mundo más pequeño.
//!
//!     sudo paso09 PROGRAMA [ARGUMENTO]...

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, getpid, sethostname};
use std::ffi::CString;
use std::process::exit;

fn main() {
    let argv: Vec<_> = std::env::args().skip(1).map(|word| CString::new(word).unwrap()).collect();
    if argv.is_empty() {
        eprintln!("uso: sudo paso09 PROGRAMA [ARGUMENTO]...");
        exit(2);
    }
    if let Err(errno) = new_world() {
        eprintln!("no se pudo separar del resto: {}", errno.desc());
        exit(125);
    }
    exit(collect(born(&argv)));
}

/// Lo único nuevo: dejar de compartir con la máquina.
fn new_world() -> nix::Result<()> {
    let alone = CloneFlags::CLONE_NEWUTS // el nombre de la máquina
        | CloneFlags::CLONE_NEWIPC // la memoria entre procesos
        | CloneFlags::CLONE_NEWNET // la red
        | CloneFlags::CLONE_NEWPID // los procesos; vale para los hijos que nazcan desde ahora
        | CloneFlags::CLONE_NEWNS; // los montajes
    unshare(alone)?;
    sethostname("contenedor")?;
    // sin esto, lo que se monte aquí podría verse también fuera
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
}

/// Como en el capítulo 8: nace un hijo y se convierte en otro programa.
#[allow(unsafe_code)]
fn born(argv: &[CString]) -> Pid {
    // SAFETY: este programa no tiene hilos, así que la copia que recibe el hijo está entera.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => child,
        Ok(ForkResult::Child) => {
            println!("soy el proceso {}", getpid());
            let Err(errno) = execvp(&argv[0], argv);
            eprintln!("no se pudo ejecutar {:?}: {}", argv[0], errno.desc());
            exit(127);
        }
        Err(errno) => panic!("no se pudo crear un proceso: {errno}"),
    }
}

fn collect(child: Pid) -> i32 {
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
        other => panic!("no se esperaba {other:?}"),
    }
}
