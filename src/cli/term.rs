//! La terminal: narración, Intro, colores.

/// Imprime un paso narrado en la salida de errores, de una sola escritura.
pub fn narration(text: &str) {
    eprint!("{text}");
}

/// Espera a que quien lee pulse Intro en la terminal.
pub fn wait_for_enter() {
    use std::io::{BufRead, BufReader};
    let Ok(tty) = std::fs::File::open("/dev/tty") else { return };
    let mut line = String::new();
    // si la terminal se cierra, se sigue sin esperar
    let _ = BufReader::new(tty).read_line(&mut line);
}
