//! Capítulo 11 · Una capa de escritura: la imagen, debajo y sin tocar; lo que se escriba, encima.
//!
//!     sudo paso11 IMAGEN RAIZ PROGRAMA [ARGUMENTO]...
//!
//! Monta en RAIZ la IMAGEN con una capa vacía encima, y se convierte en lo que venga detrás:
//! sudo paso09 paso11 IMAGEN RAIZ paso10 RAIZ PROGRAMA

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::execvp;
use std::ffi::CString;
use std::fs::create_dir_all;
use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [image, root, program @ ..] = words.as_slice() else { usage() };
    if program.is_empty() {
        usage();
    }
    if let Err(error) = lay(image, root) {
        eprintln!("no se pudo montar {image} en {root}: {error}");
        exit(125);
    }
    become_program(program)
}

fn usage() -> ! {
    eprintln!("uso: sudo paso11 IMAGEN RAIZ PROGRAMA [ARGUMENTO]...");
    exit(2)
}

/// Lo único nuevo: un montaje de tipo overlay, que junta dos directorios en uno.
fn lay(image: &str, root: &str) -> std::io::Result<()> {
    let (upper, work) = (format!("{root}.capa"), format!("{root}.obra"));
    for dir in [root, &upper, &work] {
        create_dir_all(dir)?;
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    // lowerdir: solo se lee · upperdir: donde se escribe · workdir: donde el kernel prepara cada cosa
    let layers = format!("lowerdir={image},upperdir={upper},workdir={work}");
    mount(Some("overlay"), root, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))?;
    Ok(())
}

/// Como en los capítulos anteriores.
fn become_program(words: &[String]) -> ! {
    let argv: Vec<_> = words.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(&argv[0], &argv);
    eprintln!("no se pudo ejecutar {}: {}", words[0], errno.desc());
    exit(127);
}
