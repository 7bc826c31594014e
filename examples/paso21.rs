//! Capítulo 21 · Soltar poder: un root que casi no puede hacer nada.
//!
//!     sudo paso21 PROGRAMA [ARGUMENTO]...
//!
//! Deja a lo que venga detrás con las capacidades de KEPT y sin forma de recuperar las demás.

use nix::errno::Errno;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::execvp;
use std::ffi::CString;
use std::process::exit;

/// Las que se quedan, por su número en `capabilities(7)`: cambiar de dueño un fichero, leer y
/// escribir los de otros, mandar señales, cambiar de usuario y de grupo, abrir puertos bajos.
const KEPT: [u64; 6] = [0, 1, 5, 6, 7, 10];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        eprintln!("uso: sudo paso21 PROGRAMA [ARGUMENTO]...");
        exit(2);
    }
    if let Err(errno) = let_go() {
        eprintln!("no se pudo soltar los privilegios: {}", errno.desc());
        exit(125);
    }
    become_program(&words)
}

/// Lo único nuevo. Lo que se quita aquí no vuelve: ni con sudo, ni con un programa setuid.
fn let_go() -> nix::Result<()> {
    // el tope: lo que ningún programa que se ejecute desde ahora podrá tener, aunque sea root
    for capability in 0..64 {
        if KEPT.contains(&capability) {
            continue;
        }
        match drop_from_the_limit(capability) {
            Err(Errno::EINVAL) => break, // este kernel no conoce más
            other => other?,
        }
    }
    // y que ejecutar otro programa nunca dé más de lo que se tiene
    set_no_new_privs()
}

#[allow(unsafe_code)]
fn drop_from_the_limit(capability: u64) -> nix::Result<()> {
    // SAFETY: PR_CAPBSET_DROP recibe un número y no toca la memoria.
    Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }).map(drop)
}

/// Como en los capítulos anteriores.
fn become_program(words: &[String]) -> ! {
    let argv: Vec<_> = words.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(&argv[0], &argv);
    eprintln!("no se pudo ejecutar {}: {}", words[0], errno.desc());
    exit(127);
}
