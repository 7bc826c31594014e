//! Capítulo 13 · Un volumen: enseñar un directorio de fuera dentro de una raíz.
//!
//!     sudo paso13 ORIGEN DESTINO PROGRAMA [ARGUMENTO]...
//!
//! Monta ORIGEN también en DESTINO y se convierte en lo que venga detrás. Va antes de la mudanza,
//! mientras aún se ve lo de fuera: sudo paso09 paso13 datos raiz/datos paso10 raiz PROGRAMA

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::execvp;
use std::ffi::CString;
use std::fs::create_dir_all;
use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [source, target, program @ ..] = words.as_slice() else { usage() };
    if program.is_empty() {
        usage();
    }
    if let Err(error) = bind(source, target) {
        eprintln!("no se pudo montar {source} en {target}: {error}");
        exit(125);
    }
    become_program(program)
}

fn usage() -> ! {
    eprintln!("uso: sudo paso13 ORIGEN DESTINO PROGRAMA [ARGUMENTO]...");
    exit(2)
}

/// Lo único nuevo: un montaje bind. No copia nada: es el mismo directorio, con otro nombre más.
fn bind(source: &str, target: &str) -> std::io::Result<()> {
    create_dir_all(target)?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
    Ok(())
}

/// Como en los capítulos anteriores.
fn become_program(words: &[String]) -> ! {
    let argv: Vec<_> = words.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(&argv[0], &argv);
    eprintln!("no se pudo ejecutar {}: {}", words[0], errno.desc());
    exit(127);
}
