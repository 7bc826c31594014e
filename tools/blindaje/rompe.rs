//! `make rompe`: un sabotaje, su prueba, y que la prueba falle. Lo ya visto no se repite mientras no
//! cambien el sabotaje ni el fichero de su prueba.

use super::blindaje::lista::project;
use super::blindaje::sabotages::{self, Sabotage};
use super::tree::Tree;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Lo que tarda como mucho una prueba: quien se cuelga con un sabotaje también lo ha visto.
const LIMIT: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, PartialEq)]
enum Verdict {
    /// La prueba falla, y dice esto.
    Caught(String),
    /// La prueba sigue pasando: es floja.
    Escaped,
    /// No se ha podido saber: no compila, no se puede ser root…
    Unknown(String),
}

/// Los hace todos, o solo los que se nombran. `false`: alguno no lo ve nadie.
pub fn run(wanted: &[String]) -> Result<bool, String> {
    let (all, _) = sabotages::read();
    let chosen = |s: &&Sabotage| {
        let named = |w: &String| *w == s.id || w == sabotages::promise_of(&s.id);
        wanted.is_empty() || wanted.iter().any(named)
    };
    let chosen: Vec<&Sabotage> = all.iter().filter(chosen).collect();
    if chosen.is_empty() {
        return Err(format!("no hay ningún sabotaje que se llame {}", wanted.join(" ni ")));
    }
    let tree = Tree::new();
    let mut known = done(&tree.done);
    for sabotage in &chosen {
        let key = key(sabotage);
        if wanted.is_empty() && known.contains_key(&key) {
            continue;
        }
        let start = Instant::now();
        let verdict = one(&tree, sabotage);
        println!("{:5} {} ({} s)", sabotage.id, said(&verdict), start.elapsed().as_secs());
        if let Verdict::Caught(how) = verdict {
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&tree.done)
                .map_err(|e| e.to_string())?;
            writeln!(file, "{key} {how}").map_err(|e| e.to_string())?;
            known.insert(key, how);
        } else {
            known.remove(&key);
        }
    }
    table(&all, &chosen, &known);
    let caught = all.iter().filter(|s| known.contains_key(&key(s))).count();
    let missed = all.len() - caught;
    println!("\n{caught} sabotajes vistos de {}", all.len());
    if wanted.is_empty() {
        super::note(vec![("sabotajes".into(), caught as u64, missed as u64)]);
    }
    Ok(chosen.iter().all(|s| known.contains_key(&key(s))))
}

fn table(all: &[Sabotage], chosen: &[&Sabotage], known: &BTreeMap<String, String>) {
    println!();
    for sabotage in all.iter().filter(|s| chosen.contains(s)) {
        let seen = match known.get(&key(sabotage)) {
            Some(how) => format!("lo ve: {how}"),
            None => "NO LO VE NADIE".to_string(),
        };
        println!("{:5} {}\n      {}\n      {seen}", sabotage.id, sabotage.why, sabotage.test);
    }
}

fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Caught(how) => format!("visto: {how}"),
        Verdict::Escaped => "NO LO VE NADIE".into(),
        Verdict::Unknown(why) => format!("no se sabe: {why}"),
    }
}

/// Lo que distingue un sabotaje: qué cambia, y el fichero de la prueba que lo ve.
fn key(sabotage: &Sabotage) -> String {
    let mut hash = Sha256::new();
    for part in [&sabotage.id, &sabotage.file, &sabotage.old, &sabotage.new, &sabotage.test] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    if let Some((file, _)) = sabotage.test.split_once("::") {
        hash.update(fs::read(project().join(format!("tests/{file}.rs"))).unwrap_or_default());
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn done(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once(' ')).map(|(key, how)| (key.into(), how.into())).collect()
}

fn one(tree: &Tree, sabotage: &Sabotage) -> Verdict {
    let broken = match sabotage.apply() {
        Ok(text) => text,
        Err(problem) => return Verdict::Unknown(problem),
    };
    if let Err(e) = fs::write(tree.dir.join(&sabotage.file), broken) {
        return Verdict::Unknown(e.to_string());
    }
    let verdict = match build(tree, sabotage) {
        Ok(binary) => try_out(tree, sabotage, &binary),
        Err(problem) => Verdict::Unknown(problem),
    };
    tree.restore(&sabotage.file);
    verdict
}

/// Compila solo la prueba de un sabotaje, y dice dónde está.
fn build(tree: &Tree, sabotage: &Sabotage) -> Result<PathBuf, String> {
    let (file, _) = sabotage.test.split_once("::").ok_or("la prueba no dice su fichero")?;
    let mut cargo = Command::new("tools/cargo");
    cargo.args(["test", "--no-run", "--message-format=json", "--quiet"]);
    match file {
        "lib" => cargo.arg("--lib"),
        file => cargo.args(["--test", file]),
    };
    // sin símbolos de depuración: se compila antes y ocupa menos
    cargo.current_dir(&tree.dir).env("CARGO_TARGET_DIR", &tree.target).env("CARGO_PROFILE_DEV_DEBUG", "0");
    cargo.env("RUSTFLAGS", "-A warnings");
    let output = cargo.output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = text.lines().find_map(|l| l.split_once("\"rendered\":\"")).map(|(_, why)| why);
        return Err(format!("no compila: {}", why.map_or("", |w| w.split("\\n").next().unwrap_or(w))));
    }
    let name = if file == "lib" { "micropod" } else { file };
    let ours =
        |line: &&str| line.contains("\"test\":true}") && line.contains(&format!("\"name\":\"{name}\""));
    let line = text.lines().rfind(|line| ours(line) && line.contains("\"executable\":\""));
    let path = line.and_then(|line| line.split("\"executable\":\"").nth(1)?.split('"').next());
    path.map(PathBuf::from).ok_or("cargo no ha dicho qué ha compilado".into())
}

/// Ejecuta la prueba: debe fallar.
fn try_out(tree: &Tree, sabotage: &Sabotage, binary: &Path) -> Verdict {
    let (file, test) = sabotage.test.split_once("::").unwrap_or_default();
    let micropod = tree.target.join("debug/micropod");
    let mut command = match file {
        "lib" => Command::new(binary),
        _ if file.starts_with("vm_") => in_vm(tree, &micropod, binary),
        _ if file.starts_with("host_") => {
            let mut command = Command::new("unshare");
            command.args(["--net", "--mount"]).arg(binary).env("MICROPOD_CAPA", "root");
            command
        }
        _ => Command::new(binary),
    };
    command.arg(test).arg("--nocapture");
    if file != "lib" {
        command.arg("--exact"); // los de dentro llevan delante el nombre de su módulo
    }
    command.current_dir(&tree.dir).env("CARGO_MANIFEST_DIR", &tree.dir).env("MICROPOD_BIN", &micropod);
    let log = tree.dir.with_file_name("salida");
    match finish(command, &log) {
        Ok(None) => Verdict::Caught(format!("se cuelga: sigue a los {} s", LIMIT.as_secs())),
        Ok(Some(text)) => judge(&text),
        Err(problem) => Verdict::Unknown(problem),
    }
}

fn in_vm(tree: &Tree, micropod: &Path, binary: &Path) -> Command {
    let mut command = Command::new(tree.dir.join("tests/vm/arranca"));
    command.arg("--micropod").arg(micropod).arg("--lleva").arg(binary);
    command.args(["--env", "MICROPOD_CAPA=vm", "--env", "MICROPOD_BIN=/usr/bin/micropod", "--"]).arg(binary);
    command
}

/// Lo que dice un comando, o nada si no acaba a tiempo.
fn finish(mut command: Command, log: &Path) -> Result<Option<String>, String> {
    let file = fs::File::create(log).map_err(|e| e.to_string())?;
    let errors = file.try_clone().map_err(|e| e.to_string())?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
    let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
    let deadline = Instant::now() + LIMIT;
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if Instant::now() > deadline {
            stop(&mut child);
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = fs::read(log).map_err(|e| e.to_string())?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Mata la prueba y a cuantos son de su grupo; sus mundos mueren con ella.
fn stop(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
}

/// ¿Falló, y por la prueba?
fn judge(text: &str) -> Verdict {
    let result = text.lines().rfind(|line| line.starts_with("test result:")).unwrap_or_default();
    if text.contains("omitido:") && !result.contains("FAILED") {
        return Verdict::Unknown(text.lines().find(|l| l.contains("omitido:")).unwrap_or_default().into());
    }
    if result.contains("FAILED") {
        let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
        lines.next();
        let said: String = lines.next().unwrap_or_default().trim().chars().take(160).collect();
        return Verdict::Caught(if said.is_empty() { "falla".into() } else { said });
    }
    if result.is_empty() && text.contains("running 1 test") {
        return Verdict::Caught("el test no llega a acabar: muere".into());
    }
    match result.contains("0 passed") || result.is_empty() {
        true => Verdict::Unknown(format!(
            "no se ha ejecutado ninguna prueba: {}",
            text.lines().last().unwrap_or_default()
        )),
        false => Verdict::Escaped,
    }
}
