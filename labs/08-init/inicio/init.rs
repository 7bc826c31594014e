//! El proceso 1 de un contenedor, en un fichero.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, exit};

// De la biblioteca de C. `waitpid(-1, …)` espera a cualquiera.
#[allow(dead_code)]
unsafe extern "C" {
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

fn main() {
    let mut args = std::env::args().skip(1);
    let program = args.next().expect("falta el programa");
    let child = Command::new(program).args(args).spawn();
    let mut child = child.expect("no se puede ejecutar");
    // TAREA 3: cuando llegue SIGTERM (15), mandársela al hijo: child.id()
    // TAREA 2: mientras tanto, recoger también a los que no son hijos nuestros de nacimiento
    let status = child.wait().expect("no se puede esperar");
    // TAREA 1: el código de salida, o 128 más la señal: status.signal()
    println!("{:?} {:?}", status.code(), status.signal());
    exit(0);
}
