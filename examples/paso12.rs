//! Capítulo 12 · Un grupo de control: cuánta memoria y cuántos procesos, como mucho.
//!
//!     sudo paso12 MEMORIA PROCESOS PROGRAMA [ARGUMENTO]...
//!
//! Crea un grupo, se mete en él y se convierte en lo que venga detrás. Va el primero de la cadena,
//! para que todo lo demás nazca ya dentro: sudo paso12 32M 20 paso09 PROGRAMA

use nix::unistd::execvp;
use std::ffi::CString;
use std::fs::{create_dir, write};
use std::path::{Path, PathBuf};
use std::process::exit;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [memory, processes, program @ ..] = words.as_slice() else { usage() };
    if program.is_empty() {
        usage();
    }
    match limit(memory, processes) {
        Ok(group) => println!("estoy en {}", group.display()),
        Err(error) => {
            eprintln!("no se pudo crear el grupo: {error}");
            exit(125);
        }
    }
    become_program(program)
}

fn usage() -> ! {
    eprintln!("uso: sudo paso12 MEMORIA PROCESOS PROGRAMA [ARGUMENTO]...");
    exit(2)
}

/// Lo único nuevo. No hay llamada al sistema: son directorios y ficheros.
fn limit(memory: &str, processes: &str) -> std::io::Result<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    // que los grupos de debajo puedan contar estas dos cosas
    write(root.join("cgroup.subtree_control"), "+memory +pids")?;
    let group = root.join(format!("paso12-{}", std::process::id()));
    create_dir(&group)?;
    write(group.join("memory.max"), memory)?;
    let swap = group.join("memory.swap.max");
    if swap.exists() {
        write(swap, "0")?; // que al llenarse no se vaya al disco
    }
    write(group.join("pids.max"), processes)?;
    // desde aquí, este proceso y todos sus descendientes
    write(group.join("cgroup.procs"), "0")?;
    Ok(group)
}

/// Como en los capítulos anteriores.
fn become_program(words: &[String]) -> ! {
    let argv: Vec<_> = words.iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let Err(errno) = execvp(&argv[0], &argv);
    eprintln!("no se pudo ejecutar {}: {}", words[0], errno.desc());
    exit(127);
}
