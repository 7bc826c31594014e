//! El lado de dentro: una shell por terminal, y lo que imprime cada comando.

use crate::console::{Command, Outcome, Script, Step};
use crate::matching::{self, Varying};
use crate::specs::Expected;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::time::{Duration, Instant};

/// Quién ejecuta los bloques, y dónde.
pub struct Person {
    /// La carpeta personal: se vacía al empezar cada capítulo.
    pub home: PathBuf,
    /// Lo que precede a la shell de un usuario corriente (`setpriv …`); vacío para quedarse como se está.
    pub become_user: Vec<String>,
    /// Lo que precede a la shell de root.
    pub become_root: Vec<String>,
    /// Por cuánto se multiplican los plazos.
    pub slowness: u64,
    /// Dónde se dejan los comandos, para que la shell los lea.
    pub scratch: PathBuf,
}

/// Por donde busca root los programas.
pub const ROOT_PATH: &str = "/run/libro/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Marca el final de un comando en la salida.
const MARK: char = '\u{1e}';

/// Una shell que sigue viva entre comandos: sus variables, su directorio.
struct Shell {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Shell {
    fn start(person: &Person, root: bool) -> std::io::Result<Shell> {
        let prefix = if root { &person.become_root } else { &person.become_user };
        let mut words = prefix.iter().map(String::as_str).chain(["bash", "--noprofile", "--norc"]);
        let mut command = Process::new(words.next().unwrap_or("bash"));
        command.args(words).current_dir(&person.home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { unreachable!("se han pedido tuberías") };
        Ok(Shell { child, input, output })
    }

    /// Ejecuta un texto y espera a su marca. Devuelve lo que imprimió y su código.
    fn run(&mut self, text: &str, file: &Path, patience: Duration) -> (String, Option<i32>) {
        let line = format!(". {} </dev/null 2>&1; printf '\\n{MARK}%s{MARK}\\n' \"$?\"\n", file.display());
        let asked = fs::write(file, text).and_then(|()| self.input.write_all(line.as_bytes()));
        if let Err(e) = asked.and_then(|()| self.input.flush()) {
            return (format!("la shell ha muerto: {e}"), None);
        }
        let deadline = Instant::now() + patience;
        let mut seen = Vec::new();
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            if let Some(done) = split_mark(&seen) {
                return done;
            }
            let timeout =
                PollTimeout::try_from(left.as_millis().min(1000) as i32).unwrap_or(PollTimeout::ZERO);
            let mut fds = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, timeout).unwrap_or(0) > 0 {
                let mut buffer = [0; 4096];
                match self.output.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => seen.extend(&buffer[..n]),
                }
            }
        }
        split_mark(&seen).unwrap_or((String::from_utf8_lossy(&seen).into_owned(), None))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lo que hay antes de la marca, y el código que lleva dentro.
fn split_mark(seen: &[u8]) -> Option<(String, Option<i32>)> {
    let text = String::from_utf8_lossy(seen);
    let (before, after) = text.split_once(MARK)?;
    let (code, _) = after.split_once(MARK)?;
    // la línea en blanco que precede a la marca es nuestra
    Some((before.strip_suffix('\n').unwrap_or(before).to_string(), code.parse().ok()))
}

/// Ejecuta un guion y llama a `report` tras cada paso.
pub fn run(script: &Script, person: &Person, report: &mut dyn FnMut(Outcome)) -> std::io::Result<()> {
    empty(&person.home)?;
    let mut shells: Vec<(String, bool, Shell)> = Vec::new();
    let mut learnt = Vec::new();
    for step in &script.steps {
        match step {
            Step::Save { name, text, .. } => save(person, name, text)?,
            Step::Run(command) => {
                let text = matching::apply(&command.text, &learnt);
                let outcome = run_command(script, command, &text, person, &mut shells)?;
                let wanted: Vec<&str> = command.expected.iter().map(String::as_str).collect();
                let seen: Vec<&str> = outcome.output.iter().map(String::as_str).collect();
                learnt.extend(matching::learn(&wanted, &seen, &Varying::read(&command.varying)));
                report(outcome);
            }
            Step::Reach { line, file, expected } => {
                let (code, output) = match reach(file, expected, person.slowness) {
                    Ok(()) => (0, Vec::new()),
                    Err(problem) => (1, vec![problem]),
                };
                report(Outcome { page: script.page.clone(), line: *line, output, code: Some(code) });
            }
        }
    }
    drop(shells);
    let left = pods();
    if !left.is_empty() {
        report(Outcome { page: script.page.clone(), line: 0, output: left.clone(), code: None });
        for pod in left {
            let _ = micropod(&["delete", "pod", &pod, "--force"]);
        }
    }
    Ok(())
}

fn run_command(
    script: &Script,
    command: &Command,
    text: &str,
    person: &Person,
    shells: &mut Vec<(String, bool, Shell)>,
) -> std::io::Result<Outcome> {
    let found = shells.iter().position(|(name, root, _)| *name == command.terminal && *root == command.root);
    let at = match found {
        Some(at) => at,
        None => {
            shells.push((command.terminal.clone(), command.root, Shell::start(person, command.root)?));
            shells.len() - 1
        }
    };
    let patience = Duration::from_secs(command.patience * person.slowness);
    let (printed, code) = shells[at].2.run(text, &person.scratch.join("comando"), patience);
    if code.is_none() {
        shells.remove(at);
    }
    let output = printed.lines().map(|l| l.trim_end().to_string()).collect();
    Ok(Outcome { page: script.page.clone(), line: command.line, output, code })
}

fn save(person: &Person, name: &str, text: &str) -> std::io::Result<()> {
    let path = person.home.join(name);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
        own(dir, &person.home);
    }
    fs::write(&path, text)?;
    own(&path, &person.home);
    Ok(())
}

/// Lo que se guarda es de quien tiene la carpeta personal.
fn own(path: &Path, home: &Path) {
    use std::os::unix::fs::MetadataExt;
    if let Ok(owner) = fs::metadata(home) {
        let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

fn empty(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

fn micropod(args: &[&str]) -> (bool, String) {
    match Process::new("micropod").env("PATH", ROOT_PATH).args(args).stdin(Stdio::null()).output() {
        Ok(done) => {
            let text =
                String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
            (done.status.success(), text)
        }
        Err(e) => (false, format!("no se puede ejecutar micropod: {e}")),
    }
}

/// Los nombres de los Pods que hay.
fn pods() -> Vec<String> {
    let (_, text) = micropod(&["get", "pods", "-o", "name"]);
    text.lines().filter_map(|l| l.strip_prefix("pod/")).map(String::from).collect()
}

/// Levanta el Pod de `file`, espera a que llegue al estado declarado y lo borra.
fn reach(file: &str, expected: &Expected, slowness: u64) -> Result<(), String> {
    if let Some(code) = &expected.error {
        let (ok, text) = micropod(&["run", file, "--dry-run"]);
        return match !ok && text.contains(code.as_str()) {
            true => Ok(()),
            false => Err(format!("debía dar {code}: {}", text.lines().next().unwrap_or("no falla"))),
        };
    }
    let before = pods();
    let (ok, text) = micropod(&["run", file, "-d"]);
    // si lo que falla es su programa, el Pod existe, y puede ser lo que se espera
    if !ok && pods().iter().all(|p| before.contains(p)) {
        return Err(format!("no arranca: {}", text.trim()));
    }
    let deadline = Instant::now() + Duration::from_secs(60 * slowness);
    let mut seen;
    let result = loop {
        let new = pods().into_iter().find(|p| !before.contains(p));
        let (_, text) = micropod(&["get", "pod", new.as_deref().unwrap_or_default(), "-o", "json"]);
        let pod: Value = serde_json::from_str(&text).unwrap_or_default();
        if expected.reached(&pod) {
            break Ok(());
        }
        seen = Expected::describe(&pod);
        if Instant::now() > deadline {
            break Err(format!("no llega a {expected:?}; se queda en: {seen}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    // un controlador crearía más Pods mientras se borran los suyos
    micropod(&["delete", "-f", file, "--now"]);
    for pod in pods().iter().filter(|p| !before.contains(p)) {
        micropod(&["delete", "pod", pod, "--now"]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn una_shell_recuerda_lo_que_se_hizo_en_ella() {
        let dir = std::env::temp_dir().join(format!("micropod-libro-sesion-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let person = Person {
            home: dir.clone(),
            become_user: vec![],
            become_root: vec![],
            slowness: 1,
            scratch: dir.clone(),
        };
        let mut shell = Shell::start(&person, false).unwrap();
        let file = dir.join("comando");
        let wait = Duration::from_secs(10);
        assert_eq!(shell.run("x=5; echo uno >&2", &file, wait), ("uno\n".into(), Some(0)));
        assert_eq!(shell.run("printf $x; false", &file, wait), ("5".into(), Some(1)));
        assert_eq!(shell.run("sleep 5", &file, Duration::from_millis(50)).1, None);
        drop(shell);
        fs::remove_dir_all(dir).unwrap();
    }
}
