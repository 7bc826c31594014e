//! Capítulo 22 · La capa de abstracción: qué es del Pod y qué es de quien crea contenedores.
//!
//! ```text
//! la capa del Pod    especificación · pausa e IP · volúmenes · reinicios · sondas · logs · sucesos
//! ──────────────── trait Runtime: los verbos de CRI, la interfaz por la que pide kubelet ────────────
//! quien los crea     raíz · espacios de nombres · límites · privilegios · señales
//! ```
//!
//! | verbo de CRI | aquí |
//! |---|---|
//! | RunPodSandbox, StopPodSandbox | [`Runtime::run_sandbox`]; la pausa muere con un SIGKILL, y [`Runtime::stop_sandbox`] |
//! | CreateContainer | [`Runtime::create`] |
//! | StartContainer | [`Runtime::start`] |
//! | StopContainer | [`Runtime::stop`]; el plazo de gracia lo cuenta el núcleo (`logic/`) |
//! | RemoveContainer | [`Runtime::remove`] |
//! | ExecSync, Exec | [`Runtime::exec`] |
//! | ContainerStatus | no se pregunta: el pidfd del PID 1 avisa de su muerte |
//! | logs, Attach | las tuberías, que abre la capa del Pod y hereda el contenedor |

mod bundle;
mod client;
mod console;
mod daemon;
mod errand;
mod filter;
mod made;
mod missing;
mod native;
mod oci;
mod podman;
mod starting;
mod tool;

pub use native::Native;
pub use oci::adopted;

use crate::container::{self, Born, Pause, Stdio, Target};
use crate::error::{Error, StepError};
use crate::kernel::Kernel;
use crate::kernel::child::Child;
use crate::kernel::program::{self, Program};
use crate::plan::{PodPlan, all_containers};
use crate::process::{Limits, Overhead};
use crate::spec::types::PodSpec;
use crate::{cgroup, sandbox};
use daemon::Daemon;
use oci::Oci;
use podman::Podman;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

// ANCHOR: kind
/// Los que se saben usar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Native,
    Runc,
    Crun,
    Podman,
    Containerd,
    Docker,
    Youki,
}

impl Kind {
    pub const ALL: [Kind; 7] =
        [Kind::Native, Kind::Runc, Kind::Crun, Kind::Podman, Kind::Containerd, Kind::Docker, Kind::Youki];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Native => "native",
            Kind::Runc => "runc",
            Kind::Crun => "crun",
            Kind::Podman => "podman",
            Kind::Containerd => "containerd",
            Kind::Docker => "docker",
            Kind::Youki => "youki",
        }
    }

    /// De dónde se saca, si falta.
    pub fn source(self) -> &'static str {
        match self {
            Kind::Native => "viene con micropod",
            Kind::Runc => "sudo apt-get install runc",
            Kind::Crun => "sudo apt-get install crun",
            Kind::Podman => "sudo apt-get install podman",
            Kind::Containerd => "sudo apt-get install containerd",
            Kind::Docker => "sudo apt-get install docker.io",
            Kind::Youki => {
                "hace falta el 0.7.0 con libseccomp, y no otro, que quizá lea al revés el filtro: `cargo install youki@0.7.0 --features seccomp,v2`, y cópialo a /usr/local/bin"
            }
        }
    }

    /// El que se pide por su nombre, si está instalado; si no, una línea que dice qué hacer.
    pub fn wanted(name: &str) -> Result<Kind, Error> {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == name) else {
            return Err(unknown(name));
        };
        match kind.missing() {
            None => Ok(kind),
            Some(missing) => Err(Error::usage(format!("{kind} {missing}: {}", kind.source()))),
        }
    }

    /// Lo que le falta para poder usarse, si le falta algo.
    pub fn missing(self) -> Option<String> {
        let absent = |name: &&&str| program::find(name).is_none();
        match self.programs().iter().find(absent) {
            Some(name) if *name == self.programs()[0] => Some("no está instalado".into()),
            Some(name) => Some(format!("está instalado, pero no `{name}`, que le hace falta")),
            None if self == Kind::Youki => youki_is_another(&self.says().unwrap_or_default()),
            None => None,
        }
    }

    /// Los programas que hacen falta; primero, el suyo.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Kind::Native => &[],
            Kind::Runc => &["runc"],
            Kind::Crun => &["crun"],
            Kind::Podman => &["podman"],
            Kind::Containerd => &["containerd", "ctr", "containerd-shim-runc-v2", "runc"],
            Kind::Docker => &["dockerd", "docker", "containerd", "containerd-shim-runc-v2", "runc"],
            Kind::Youki => &["youki"],
        }
    }

    pub fn is_installed(self) -> bool {
        self.missing().is_none()
    }

    /// El programa.
    fn path(self) -> PathBuf {
        program::find(self.name()).unwrap_or_else(|| self.name().into())
    }

    fn says(self) -> Option<String> {
        let program = program::find(self.programs().first()?)?;
        let program = Program::new(&program, Duration::from_secs(10)).ok()?;
        // quien no es root no puede leer la carpeta de root, y sin ella podman ni dice qué versión es
        let said = program.options(["--version"]).variable("HOME", "/").run(b"").ok()?.out;
        Some(String::from_utf8_lossy(&said).into_owned())
    }

    /// Lo que dice de sí mismo: `1.1.5+ds1`.
    pub fn version(self) -> Option<String> {
        let said = self.says().filter(|_| self.is_installed())?;
        let mut words = said.lines().next()?.split_whitespace();
        // docker dice detrás de qué cambio salió
        let version = if self == Kind::Docker { words.nth(2) } else { words.last() };
        version.map(|version| version.trim_end_matches(',').to_string())
    }

    /// Quien crea los contenedores.
    pub fn runtime(self) -> &'static dyn Runtime {
        match self {
            Kind::Native => &Native,
            Kind::Runc => &Oci(Kind::Runc),
            Kind::Crun => &Oci(Kind::Crun),
            Kind::Podman => &Podman,
            Kind::Containerd => &Daemon(Kind::Containerd),
            Kind::Docker => &Daemon(Kind::Docker),
            Kind::Youki => &Oci(Kind::Youki),
        }
    }
}
// ANCHOR_END: kind

/// Qué tiene de malo este youki, si no es el que se sabe cómo lee el filtro de llamadas. Otro podría leerlo como
/// manda la norma, y el que se le escribe a este quedaría en casi nada. Sin libseccomp lo aceptaría y no lo pondría.
fn youki_is_another(said: &str) -> Option<String> {
    match said.lines().find_map(|line| line.strip_prefix("youki version: ")) {
        Some("0.7.0") if said.contains("\nlibseccomp: ") => None,
        Some("0.7.0") => Some("está instalado, pero sin libseccomp".into()),
        Some(version) => Some(format!("está instalado, pero es el {version}")),
        None => Some("está instalado, pero no dice qué versión es".into()),
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Un nombre que no es de ninguno. Hay varios que merecen una explicación.
fn unknown(name: &str) -> Error {
    let known = Kind::ALL.map(Kind::name).join(", ");
    match name {
        "rkt" | "rocket" => Error::usage(
            "rkt se retiró en 2020 y nadie lo mantiene: micropod no lo usa, aunque de él es la idea de un Pod sin demonio",
        ),
        "cri-o" | "crio" => Error::usage(
            "CRI-O solo se maneja por el socket de CRI, con gRPC, y micropod no lo habla: usa lo que CRI-O llama por debajo, `--runtime crun` o `--runtime runc`",
        ),
        _ => Error::usage(format!("no conozco el motor `{name}`")).with_hint(format!("los que hay: {known}")),
    }
}

/// Un contenedor que se pide: de qué Pod, cuál de los suyos y en qué vida. La primera es la 0.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub pod: &'a PodPlan,
    pub id: usize,
    pub life: u32,
    pub pause: Pause<'a>,
    /// El contenedor entre cuyos procesos nace, si no estrena los suyos.
    pub target: Option<Pause<'a>>,
}

/// Un contenedor que corre, para pararlo.
pub struct Alive<'a> {
    pub order: Order<'a>,
    pub pid: i32,
    pub pidfd: BorrowedFd<'a>,
    pub cgroup: Option<&'a Path>,
}

impl Alive<'_> {
    fn name(&self) -> &str {
        &self.order.pod.containers[self.order.id].name
    }
}

// ANCHOR: runtime
/// Lo que la capa del Pod pide a quien crea los contenedores.
pub trait Runtime {
    /// Cómo se llama.
    fn name(&self) -> &'static str;

    /// Levanta lo que comparten los contenedores. La pausa es de la capa del Pod, y la misma con todos.
    fn run_sandbox(&self, k: &mut Kernel, pod: &PodPlan) -> Result<Child, StepError> {
        sandbox::start(k, pod)
    }

    /// ¿Lo que hace nace huérfano, y lo adopta quien lo pidió?
    fn adopts(&self) -> bool {
        false
    }

    /// La pausa ya ha muerto: no queda nada de lo que se levantó.
    fn stop_sandbox(&self) {}

    /// Cómo se llaman los programas que deja huérfanos y que el supervisor ha de recoger cuando acaben.
    fn strangers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Lo que gastan quienes deja en medio, por cada contenedor.
    fn overhead(&self) -> Overhead {
        Overhead::default()
    }

    /// Los límites del grupo de control del Pod: los que pide, y sitio además para esos.
    fn pod_limits(&self, pod: &PodSpec) -> Limits {
        cgroup::pod_limits(pod).with_room_for(self.overhead(), all_containers(pod).count())
    }

    /// Trae al mundo lo que va a ser el contenedor. No empieza hasta [`Runtime::start`].
    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError>;

    /// Le dice «adelante». No espera: que su programa ya corre, o por qué no, se oye por su canal.
    fn start(&self, k: &mut Kernel, born: &Born) {
        k.go(&born.child);
    }

    /// Envía una señal a su PID 1; SIGKILL, a cuanto corre en él.
    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError>;

    /// Borra lo que quede de una vida que ha acabado, o que no llegó a empezar.
    fn remove(&self, k: &mut Kernel, order: &Order) -> Result<(), StepError>;

    /// Mete un proceso en un contenedor que ya corre: `exec`, las sondas y los *hooks*.
    fn exec(
        &self,
        k: &mut Kernel,
        target: &Target,
        argv: &[String],
        stdio: Stdio,
    ) -> Result<Child, StepError> {
        container::exec(k, target, argv, stdio)
    }
}
// ANCHOR_END: runtime

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_youki_solo_vale_el_que_se_sabe_como_lee_el_filtro() {
        let says = |version: &str, rest: &str| youki_is_another(&format!("youki version: {version}\n{rest}"));
        assert_eq!(says("0.7.0", "commit: x\nspec: 1.1.0\nrustc: 1.95.0\nlibseccomp: 2.5.4\n"), None);
        for version in ["0.7.1", "0.7.0-rc1", "0.5.4"] {
            let said = says(version, "libseccomp: 2.5.4\n");
            assert_eq!(said, Some(format!("está instalado, pero es el {version}")));
        }
        let without = says("0.7.0", "commit: x\nspec: 1.1.0\nrustc: 1.95.0\n").unwrap();
        assert!(without.contains("sin libseccomp"), "sin libseccomp no filtra");
        assert_eq!(youki_is_another("").unwrap(), "está instalado, pero no dice qué versión es");
    }
}
