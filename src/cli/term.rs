//! La terminal: narración, Intro, colores.

use crate::error::StepError;
use crate::logic::status::PodStatus;
use crate::logs::Stream;
use crate::process::ContainerPlan;
use std::os::fd::BorrowedFd;
use std::path::Path;

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
pub fn note(text: &str) { eprintln!("{text}"); }
pub fn redirect_to(_p: &Path) {}
pub struct Screen;
impl Screen {
    pub fn new(_c: &[ContainerPlan]) -> Screen { Screen }
    pub fn stopping(&mut self, _n: bool) {}
    pub fn show(&mut self, _s: &PodStatus, _f: &mut Vec<StepError>) {}
    pub fn input(&self) -> Option<BorrowedFd<'_>> { None }
    pub fn read_input(&mut self, _b: &mut [u8]) -> Option<usize> { None }
    pub fn use_terminal(&mut self, _f: Option<BorrowedFd>) {}
    pub fn output(&mut self, _i: usize, _s: Stream, _b: &[u8]) {}
}
