//! Capítulo 22 · Una capa por encima: la política es la misma, aísle quien aísle.
//!
//!     sudo paso22 MOTOR PROGRAMA [ARGUMENTO]...
//!
//! MOTOR es `paso09`, el nuestro, o `unshare`, el de Debian. Si acaba mal, se intenta tres veces.

use std::process::{Command, exit};

/// Lo que la capa de arriba pide a un motor. No dice cómo ha de hacerse.
trait Runtime {
    /// Ejecuta el programa, aislado a su manera, y dice con qué código acaba.
    fn run(&self, program: &[String]) -> i32;
}

struct Ours;

impl Runtime for Ours {
    fn run(&self, program: &[String]) -> i32 {
        code_of(Command::new("paso09").args(program))
    }
}

struct UtilLinux;

impl Runtime for UtilLinux {
    fn run(&self, program: &[String]) -> i32 {
        let flags = ["--net", "--uts", "--ipc", "--mount-proc", "--pid", "--fork"];
        code_of(Command::new("unshare").args(flags).args(program))
    }
}

fn code_of(command: &mut Command) -> i32 {
    command.status().ok().and_then(|status| status.code()).unwrap_or(127)
}

/// La capa de arriba: una política de reinicio. Vale para cualquier motor, porque no conoce ninguno.
fn on_failure(runtime: &dyn Runtime, program: &[String]) -> i32 {
    let mut code = 0;
    for attempt in 1..=3 {
        code = runtime.run(program);
        println!("intento {attempt}: código {code}");
        if code == 0 {
            break;
        }
    }
    code
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime: &dyn Runtime = match words.first().map(String::as_str) {
        Some("paso09") => &Ours,
        Some("unshare") => &UtilLinux,
        _ => panic!("uso: sudo paso22 MOTOR PROGRAMA [ARGUMENTO]..."),
    };
    exit(on_failure(runtime, &words[1..]));
}
