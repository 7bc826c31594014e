//! Otra manera: sin manejador que llame a kill, con una bandera que mira el bucle, y con la biblioteca de Rust
//! para entender el estado.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

const WNOHANG: i32 = 1;
static ASKED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn note(_: i32) {
    ASKED.store(true, Ordering::SeqCst);
}

fn main() {
    // SAFETY: note solo escribe un átomo
    unsafe { signal(15, note) };
    let args: Vec<String> = std::env::args().collect();
    let child = match Command::new(&args[1]).args(&args[2..]).spawn() {
        Ok(child) => child.id() as i32,
        Err(error) => {
            eprintln!("{}: {error}", args[1]);
            exit(127);
        }
    };
    loop {
        if ASKED.swap(false, Ordering::SeqCst) {
            // SAFETY: una señal a un hijo que aún no hemos recogido
            unsafe { kill(child, 15) };
        }
        let mut raw = 0;
        // SAFETY: raw es nuestro
        let dead = unsafe { waitpid(-1, &mut raw, WNOHANG) };
        match dead {
            pid if pid == child => {
                let status = ExitStatus::from_raw(raw);
                exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
            }
            0 => sleep(Duration::from_millis(10)),
            _ => {}
        }
    }
}
