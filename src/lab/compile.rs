//! Compilar lo que se entrega en Rust: con `rustc` a secas, dentro de un Pod, sin ser nadie y sin red.
//!
//! Ni cargo ni scripts de construcción ni macros de otros: al compilar no se ejecuta nada de quien lo
//! escribió. Aun así podría pedir que se incluyera un fichero ajeno: quien compila no puede leerlos.

use super::act::{self, Failure};
use super::patience::Patience;
use super::pod::Pod;
use super::step::Step;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// El usuario que compila: nadie.
const NOBODY: u32 = 65534;
/// Lo que tarda en compilar un fichero, como mucho, en una máquina tranquila.
const TIME: f64 = 30.0;

/// Un compilador instalado: el directorio de su distribución (`rustc --print sysroot`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compiler {
    pub sysroot: PathBuf,
}

impl Compiler {
    /// El de esta máquina: el de la PATH o, si se usó `sudo`, el de quien lo usó. Lo que hay en la carpeta de
    /// alguien se ejecuta como ese alguien, nunca como root.
    pub fn find() -> Option<Compiler> {
        let homes =
            [std::env::var("HOME").ok(), std::env::var("SUDO_USER").ok().map(|user| format!("/home/{user}"))];
        let homes: Vec<PathBuf> = homes.into_iter().flatten().map(PathBuf::from).collect();
        let own = homes.iter().map(|home| (home.join(".cargo/bin/rustc"), home.clone()));
        let anywhere = homes.iter().map(|home| (PathBuf::from("rustc"), home.clone()));
        own.chain(anywhere).find_map(|(rustc, home)| {
            let owner = fs::metadata(&home).ok()?;
            let mut ask = Command::new(rustc);
            ask.args(["--print", "sysroot"]).env("HOME", home);
            if nix::unistd::geteuid().is_root() {
                ask.uid(owner.uid()).gid(owner.gid());
            }
            let asked = ask.output().ok()?;
            let sysroot = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
            sysroot.join("bin/rustc").is_file().then_some(Compiler { sysroot })
        })
    }
}

fn manifest(compiler: &Compiler, source: &str) -> String {
    let args = ["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols"];
    let args: Vec<String> = args.iter().map(|arg| format!("{arg:?}")).collect();
    let sysroot = &compiler.sysroot;
    format!(
        r#"Pod(metadata: (name: "compila"), spec: (
    restartPolicy: Never,
    containers: [(
        name: "rustc", image: "host",
        command: ["/mnt/rust/bin/rustc", {}, "-o", "/mnt/programa/programa", "/mnt/entrega/{source}"],
        env: [(name: "PATH", value: "/usr/local/bin:/usr/bin:/bin"), (name: "TMPDIR", value: "/mnt/programa")],
        securityContext: (runAsUser: {NOBODY}, runAsGroup: {NOBODY}, capabilities: (drop: ["ALL"])),
        volumeMounts: [
            (name: "rust", mountPath: "/mnt/rust", readOnly: true),
            (name: "entrega", mountPath: "/mnt/entrega", readOnly: true),
            (name: "programa", mountPath: "/mnt/programa"),
        ],
    )],
    volumes: [
        (name: "rust", hostPath: (path: {sysroot:?})),
        (name: "entrega", hostPath: (path: "entrega")),
        (name: "programa", hostPath: (path: "programa")),
    ],
))
"#,
        args.join(", ")
    )
}

/// Compila `source`, de lo entregado en `dir`, y deja `programa/programa`.
pub fn compile(
    compiler: Option<&Compiler>,
    dir: &Path,
    source: &str,
    patience: Patience,
) -> Result<(), String> {
    let compiler = compiler.ok_or("no hay compilador de Rust en esta máquina")?;
    if !dir.join("entrega").join(source).is_file() {
        return Err(format!("falta el fichero {source}"));
    }
    let say = |e: std::io::Error| crate::error::in_spanish(e.to_string());
    let target = dir.join("programa");
    if target.join("programa").is_file() {
        return Ok(()); // ya lo pidió otro ensayo de esta misma corrección
    }
    std::os::unix::fs::chown(&target, Some(NOBODY), Some(NOBODY)).map_err(say)?;
    let file = dir.join("compila.ron");
    fs::write(&file, manifest(compiler, source)).map_err(say)?;
    let words = ["run".to_string(), file.to_string_lossy().into_owned(), "-d".into()];
    let mut pod = Pod::start(words.to_vec())?;
    let done = Step::Within(TIME, Box::new(Step::Ended("rustc".into(), 0)));
    let result = act::take(&mut pod, &done, patience).map_err(|failure| match failure {
        Failure::Wrong(_) => complaint(&pod.output("rustc").unwrap_or_default()),
        Failure::Late { waited, .. } => format!("el compilador no acabó en {} s", waited.as_secs()),
    });
    pod.delete();
    result
}

/// Las primeras líneas de lo que dice el compilador.
fn complaint(output: &str) -> String {
    let lines: Vec<String> = output.lines().take(12).map(crate::cli::term::harmless).collect();
    format!("no compila:\n{}", lines.join("\n"))
}
