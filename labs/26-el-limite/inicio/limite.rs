//! Pone un límite de memoria y de CPU y se convierte en un programa.
//!
//!     limite GRUPO MEMORIA CPU PROGRAMA ARGUMENTOS…

use std::process::{Command, exit};

/// TAREA 1: de `64Mi` a bytes. `None`, si no se entiende.
fn bytes(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// TAREA 1: de `200m` a microsegundos de cada cien mil. `None`, si no se entiende.
fn quota(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [group, memory, cpu, program, rest @ ..] = args.as_slice() else { exit(2) };
    println!("{group}: {:?} bytes, {:?} de CPU", bytes(memory), quota(cpu));
    // TAREA 1: crear el grupo y escribir los topes
    // TAREA 2: entrar en él y convertirse en el programa. Esto crea otro proceso:
    let status = Command::new(program).args(rest).status();
    // TAREA 3: los errores
    exit(status.map_or(1, |status| status.code().unwrap_or(1)));
}
