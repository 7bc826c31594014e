//! Dónde se ejecuta el libro: en la micro-VM, que tiene cgroup v2, o en esta máquina, en un mundo
//! aparte, para quien escribe un capítulo y no quiere esperar.

use crate::console::{Outcome, Script};
use crate::session::{self, Person};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Lo que convierte una máquina recién arrancada en la de quien lee: un usuario, su sudo y las imágenes.
const SETUP: &str = include_str!("entorno.sh");
/// Lo que hace de esta máquina un mundo aparte.
const WORLD: &str = include_str!("mundo.sh");

/// Precede a cada resultado en la salida de lo que se ejecuta dentro.
const MARK: &str = "@@libro ";

/// La micro-VM sin KVM va unas diez veces más despacio.
const VM_SLOWNESS: u64 = 6;

pub struct Machine {
    pub root: PathBuf,
    pub micropod: PathBuf,
    /// En la micro-VM; si no, aquí mismo.
    pub vm: bool,
}

impl Machine {
    /// Ejecuta los guiones y devuelve lo que pasó, o por qué no se ha podido.
    pub fn execute(&self, scripts: &[Script]) -> Result<Vec<Outcome>, String> {
        let dir = std::env::temp_dir().join(format!("micropod-libro-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let result = self.execute_in(&dir, scripts);
        let _ = fs::remove_dir_all(&dir);
        result
    }

    fn execute_in(&self, dir: &Path, scripts: &[Script]) -> Result<Vec<Outcome>, String> {
        let plan = dir.join("plan.json");
        let text = serde_json::to_string(scripts).map_err(|e| e.to_string())?;
        fs::write(&plan, &text).map_err(|e| e.to_string())?;
        self.carry_images(dir, &text)?;
        carry_steps(dir, &text)?;
        // una copia: mientras se ejecuta, alguien puede volver a compilar
        let this = dir.join("libro");
        fs::copy("/proc/self/exe", &this).map_err(|e| e.to_string())?;
        strip(dir);
        let mut command = if self.vm { self.in_vm(dir, &this, scripts.len()) } else { self.in_world(dir)? };
        command.arg(&this).arg("ejecuta").arg(&plan).arg(dir).current_dir(&self.root);
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let done = command.output().map_err(|e| format!("no se puede ejecutar {command:?}: {e}"))?;
        let text = String::from_utf8_lossy(&done.stdout);
        let mut outcomes = Vec::new();
        for line in text.lines() {
            match line.split_once(MARK) {
                Some((_, json)) => {
                    let outcome =
                        serde_json::from_str(json).map_err(|e| format!("no se entiende «{json}»: {e}"))?;
                    outcomes.push(outcome);
                }
                None if !line.trim().is_empty() => eprintln!("  | {line}"),
                None => {}
            }
        }
        match done.status.success() {
            true => Ok(outcomes),
            false => Err(format!("la máquina de prácticas salió con {}", done.status)),
        }
    }

    /// Las imágenes que nombra el libro: busybox, hecha aquí, y las que ya estén construidas.
    fn carry_images(&self, dir: &Path, plan: &str) -> Result<(), String> {
        let made =
            Command::new(self.root.join("tests/common/busybox-tar")).arg(dir.join("busybox.tar")).status();
        if !made.is_ok_and(|s| s.success()) {
            return Err("no se pudo hacer la imagen busybox".into());
        }
        for name in ["nginx", "php-fpm"] {
            let built = Path::new("/var/lib/micropod/images").join(name);
            // en el plan, el texto de los ficheros va dentro de JSON: las comillas llevan barra
            let wanted =
                [format!("image: \\\"{name}\\\""), format!("/{name}.ron")].iter().any(|w| plan.contains(w))
                    || plan.contains("nginx-php");
            if !wanted {
                continue;
            }
            if !built.exists() {
                return Err(format!("falta la imagen {name}: sudo micropod image build {name}"));
            }
            let tar = Command::new("tar")
                .arg("-C")
                .arg("/var/lib/micropod/images")
                .arg("-cf")
                .arg(dir.join(format!("{name}.imagen.tar")))
                .arg(name)
                .status();
            if !tar.is_ok_and(|s| s.success()) {
                return Err(format!("no se pudo copiar la imagen {name}"));
            }
        }
        Ok(())
    }

    /// `scripts`: cuántos guiones hay; sin KVM, uno tarda minutos.
    fn in_vm(&self, dir: &Path, this: &Path, scripts: usize) -> Command {
        let mut command = Command::new(self.root.join("tests/vm/arranca"));
        command.arg("--micropod").arg(&self.micropod).arg("--lleva").arg(this).arg("--lleva").arg(dir);
        command.arg("--plazo").arg((900 * scripts).to_string()).arg("--");
        command
    }

    fn in_world(&self, dir: &Path) -> Result<Command, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("para ejecutar aquí hace falta ser root; en la micro-VM, no".into());
        }
        let mut command = Command::new("sh");
        command.args(["-c", WORLD, "sh"]).arg(&self.micropod).arg(dir);
        Ok(command)
    }
}

/// Los programas de `examples/` que nombra el libro, ya compilados: están junto a este.
fn carry_steps(dir: &Path, plan: &str) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|e| e.to_string())?;
    for number in 8..30 {
        let name = format!("paso{number:02}");
        if !plan.contains(&name) {
            continue;
        }
        let built = this.with_file_name(&name);
        fs::copy(&built, dir.join(&name))
            .map_err(|e| format!("falta {}: {e} (cargo build --examples)", built.display()))?;
    }
    Ok(())
}

/// Quita los símbolos de depuración a lo que se lleva: en la micro-VM, el disco es la memoria.
fn strip(dir: &Path) {
    for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
        if path.extension().is_none() {
            // sin `strip` solo ocupa más
            let _ = Command::new("strip").arg("--strip-unneeded").arg(path).stderr(Stdio::null()).status();
        }
    }
}

/// El lado de dentro: prepara la máquina, ejecuta cada guion y dice lo que pasa, línea a línea.
pub fn execute_inside(plan: &Path, dir: &Path) -> Result<(), String> {
    let setup = Command::new("sh").args(["-c", SETUP, "sh"]).arg(dir).stdin(Stdio::null()).status();
    if !setup.is_ok_and(|s| s.success()) {
        return Err("no se pudo preparar la máquina de prácticas".into());
    }
    let text = fs::read_to_string(plan).map_err(|e| format!("{}: {e}", plan.display()))?;
    let scripts: Vec<Script> = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
    let person = Person {
        home: "/home/alumno".into(),
        become_user: words(
            "setpriv --reuid=1000 --regid=1000 --clear-groups env -i HOME=/home/alumno USER=alumno LOGNAME=alumno \
             SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb \
             CURL_HOME=/run/libro PATH=/run/libro/bin:/usr/local/bin:/usr/bin:/bin",
        ),
        become_root: words(
            "env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb \
             CURL_HOME=/run/libro PATH=/run/libro/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        slowness: if std::env::var_os("MICROPOD_VM").is_some() { VM_SLOWNESS } else { 1 },
        scratch: "/run/libro".into(),
    };
    for script in &scripts {
        let mut report = |outcome: Outcome| {
            // una línea por resultado: la consola de la VM es una tubería
            println!("{MARK}{}", serde_json::to_string(&outcome).unwrap_or_default());
        };
        session::run(script, &person, &mut report).map_err(|e| format!("{}: {e}", script.page))?;
    }
    Ok(())
}
