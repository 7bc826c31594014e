//! Decide si un contenedor vuelve a empezar, y cuándo.
//!
//!     reinicio POLITICA <VIDAS

use std::io::stdin;
use std::process::exit;

/// Lo que se recuerda de un contenedor.
struct Container {
    policy: String,
    /// El segundo en que empezó la vida de ahora.
    start: u64,
    // TAREA 2: algo más hay que recordar
}

impl Container {
    /// La vida de ahora ha durado `lasted` segundos y ha acabado con `code`. Dice en qué segundo empieza la
    /// siguiente; `None`, si no hay más.
    fn ended(&mut self, lasted: u64, code: i32) -> Option<u64> {
        // TAREA 1: ¿vuelve? Lo dice self.policy, mirando code
        let _ = (&self.policy, code);
        // TAREA 3: ¿se olvida lo anterior?
        // TAREA 2: la espera, y lo que tocará esperar la próxima vez
        self.start += lasted;
        Some(self.start)
    }
}

fn main() {
    let Some(policy) = std::env::args().nth(1) else { exit(2) };
    let mut container = Container { policy, start: 0 };
    for line in stdin().lines() {
        let line = line.unwrap_or_default();
        let Some((lasted, code)) = line.split_once(' ') else { exit(2) };
        let (Ok(lasted), Ok(code)) = (lasted.parse(), code.parse()) else { exit(2) };
        match container.ended(lasted, code) {
            Some(start) => println!("{start}"),
            // TAREA 1: la fase del Pod depende de cómo acabó esta vida
            None => exit(0),
        }
    }
}
