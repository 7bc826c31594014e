//! Un programa que hace lo que se le pide y acaba.

use crate::kernel::Op;
use crate::kernel::ops::{errno_of, literal, quote_path};
use crate::kernel::program::Program;
use nix::errno::Errno;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

/// De sobra para hacer un contenedor, incluso en una máquina muy cargada.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Ejecutar un programa y esperar a que acabe bien. Si no acaba en [`PATIENCE`], se le mata.
pub struct Tool {
    pub program: PathBuf,
    /// Todo lo escribe micropod: no hay nada de quien nos usa.
    pub args: Vec<String>,
    /// ¿Hereda la entrada, la salida y los errores? Si no, no dice nada.
    pub shares: bool,
}

impl Op for Tool {
    type Output = ();
    fn syscall(&self) -> &'static str {
        match self.program.file_name().and_then(|name| name.to_str()) {
            Some("runc") => "runc(8)",
            Some("crun") => "crun(1)",
            Some("youki") => "youki",
            _ => "execve(2)",
        }
    }
    fn shell(&self) -> String {
        let words: Vec<String> = self.args.iter().map(|word| literal(word)).collect();
        let silent = if self.shares { "" } else { " < /dev/null > /dev/null 2>&1" };
        format!("{} {}{silent}", quote_path(&self.program), words.join(" "))
    }
    fn run(&self) -> Result<(), Errno> {
        let io = |e: io::Error| if e.kind() == ErrorKind::TimedOut { Errno::ETIMEDOUT } else { errno_of(&e) };
        let program = Program::new(&self.program, PATIENCE).map_err(io)?;
        let status = program.options(&self.args).die_with_us().finish(self.shares).map_err(io)?;
        // por qué no, lo ha dejado escrito: quien da el paso lo lee
        if status.success() { Ok(()) } else { Err(Errno::EREMOTEIO) }
    }
    fn rehearse(&self) {}
}
