//! Un programa que hace lo que se le pide y acaba.

use crate::kernel::Op;
use crate::kernel::ops::{WriteFile, errno_of, literal, quote_path};
use crate::kernel::program::Program;
use crate::process::{Hidden, shown};
use nix::errno::Errno;
use serde_json::json;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Una ruta, como argumento de un programa.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// De sobra para hacer un contenedor, incluso en una máquina muy cargada.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Ejecutar un programa y esperar a que acabe bien. Si no acaba en [`PATIENCE`], se le mata.
pub struct Tool {
    pub program: PathBuf,
    /// Todo lo escribe micropod: no hay nada de quien nos usa.
    pub args: Vec<String>,
    /// ¿Hereda la entrada, la salida y los errores? Si no, no dice nada.
    pub shares: bool,
    /// Una variable más de su entorno.
    pub variable: Option<(&'static str, String)>,
    /// Si no escribe él su registro, dónde se deja lo último de lo que se queje.
    pub log: Option<PathBuf>,
    /// Lo que no se enseña.
    pub hidden: Vec<Hidden>,
    /// Cuántos ceros se le dan por la entrada: con bastantes, un `tar` sin nada.
    pub zeros: usize,
}

impl Tool {
    /// Lo ejecuta y deja escrito de qué se quejó, como lo habría hecho uno de la norma OCI.
    fn listen(&self, program: Program, log: &Path) -> io::Result<ExitStatus> {
        let ended = program.run(&vec![0; self.zeros])?;
        let said = String::from_utf8_lossy(&ended.err).into_owned();
        let lines = || said.lines().filter(|line| !line.trim().is_empty());
        // tras el error puede decir cómo se usa
        let complaint = lines().rfind(|line| line.starts_with("Error: ")).or(lines().next_back());
        if let Some(line) = complaint.filter(|_| !ended.status.success()) {
            let message = line.trim_start_matches("Error: ");
            let content = format!("{}\n", json!({ "level": "error", "msg": message }));
            WriteFile { path: log.to_path_buf(), content, mode: 0o600 }.run()?;
        }
        Ok(ended.status)
    }
}

impl Op for Tool {
    type Output = ();
    fn syscall(&self) -> &'static str {
        match self.program.file_name().and_then(|name| name.to_str()) {
            Some("runc") => "runc(8)",
            Some("crun") => "crun(1)",
            Some("youki") => "youki",
            Some("podman") => "podman(1)",
            Some("ctr") => "ctr(8)",
            Some("docker") => "docker(1)",
            _ => "execve(2)",
        }
    }
    fn shell(&self) -> String {
        let words: Vec<String> = self.args.iter().map(|word| literal(shown(word, &self.hidden))).collect();
        let variable = self.variable.iter().map(|(name, value)| format!("{name}={} ", literal(value)));
        let silent = if self.shares || self.zeros > 0 { "" } else { " < /dev/null > /dev/null 2>&1" };
        let variable: String = variable.collect();
        let zeros = match self.zeros {
            0 => String::new(),
            n => format!("head -c {n} /dev/zero | "),
        };
        format!("{zeros}{variable}{} {}{silent}", quote_path(&self.program), words.join(" "))
    }
    fn run(&self) -> Result<(), Errno> {
        let io = |e: io::Error| if e.kind() == ErrorKind::TimedOut { Errno::ETIMEDOUT } else { errno_of(&e) };
        let program = Program::new(&self.program, PATIENCE).map_err(io)?;
        let program = program.options(&self.args).die_with_us();
        let program = match &self.variable {
            Some((name, value)) => program.variable(name, value),
            None => program,
        };
        let status = match &self.log {
            Some(log) => self.listen(program, log),
            None => program.finish(self.shares),
        };
        let status = status.map_err(io)?;
        // por qué no, lo ha dejado escrito: quien da el paso lo lee
        if status.success() { Ok(()) } else { Err(Errno::EREMOTEIO) }
    }
    fn rehearse(&self) {}
}
