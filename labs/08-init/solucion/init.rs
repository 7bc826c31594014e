//! El proceso 1 de un contenedor, en un fichero.

use std::process::{Command, exit};
use std::sync::atomic::{AtomicI32, Ordering};

unsafe extern "C" {
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

const SIGTERM: i32 = 15;

/// El programa, para quien recibe la señal.
static CHILD: AtomicI32 = AtomicI32::new(0);

extern "C" fn pass_on(number: i32) {
    let child = CHILD.load(Ordering::Relaxed);
    if child > 0 {
        // SAFETY: kill es de las que se pueden llamar desde un manejador
        unsafe { kill(child, number) };
    }
}

fn main() {
    // SAFETY: pass_on solo lee un átomo y llama a kill
    unsafe { signal(SIGTERM, pass_on) };
    let mut args = std::env::args().skip(1);
    let program = args.next().unwrap_or_default();
    let Ok(child) = Command::new(program).args(args).spawn() else { exit(127) };
    let main = child.id() as i32;
    CHILD.store(main, Ordering::Relaxed);
    loop {
        let mut status = 0;
        // SAFETY: status es nuestro, y waitpid escribe un entero en él
        let dead = unsafe { waitpid(-1, &mut status, 0) };
        if dead == main {
            let (killer, code) = (status & 0x7f, status >> 8 & 0xff);
            exit(if killer == 0 { code } else { 128 + killer });
        }
    }
}
