//! Capítulo 10 · Una raíz propia: mudarse a un directorio y soltar todo lo demás.
//!
//!     sudo paso10 RAIZ PROGRAMA [ARGUMENTO]...
//!
//! Hace su parte y se convierte en lo que venga detrás, así que se encadena con el anterior:
//! sudo paso09 paso10 RAIZ PROGRAMA

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, execvp, pivot_root};
use std::ffi::CString;
use std::path::Path;
use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [root, program @ ..] = words.as_slice() else { usage() };
    if program.is_empty() {
        usage();
    }
    if let Err(errno) = move_into(Path::new(root)) {
        eprintln!("no se pudo hacer de {root} la raíz: {}", errno.desc());
        exit(125);
    }
    become_program(program)
}

fn usage() -> ! {
    eprintln!("uso: sudo paso10 RAIZ PROGRAMA [ARGUMENTO]...");
    exit(2)
}

/// La mudanza. Lo primero, montajes propios: nada de lo que sigue se ve fuera.
fn move_into(root: &Path) -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    // 1. la raíz nueva ha de ser un montaje: se monta el directorio sobre sí mismo
    mount(Some(root), root, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
    // 2. dentro, un /proc que enseñe los procesos de este espacio
    mount(Some("proc"), &root.join("proc"), Some("proc"), MsFlags::empty(), None::<&str>)?;
    // 3. donde estamos pasa a ser la raíz, y la de antes queda montada encima
    chdir(root)?;
    pivot_root(".", ".")?;
    // 4. se suelta la de antes: desde aquí no hay forma de nombrarla
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")
}

/// Como en los capítulos anteriores.
fn become_program(words: &[String]) -> ! {
    let argv: Vec<_> = words.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(&argv[0], &argv);
    eprintln!("no se pudo ejecutar {}: {}", words[0], errno.desc());
    exit(127);
}
