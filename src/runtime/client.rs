//! Lo común a los motores que dejan a un cliente con el contenedor: acaba cuando él y con su código.

use super::Order;
use super::made::RestrictRoot;
use super::tool::Tool;
use crate::cgroup::{self, PAUSE};
use crate::error::{StepError, exit};
use crate::kernel::channel::{Channel, Message};
use crate::kernel::ops::{self, CloseInherited, Execve, OpenPath, Place, WriteFile, quote_path};
use crate::kernel::program::DIRECTORIES;
use crate::kernel::sys::{self, Cloned};
use crate::kernel::{Actor, Kernel, Op};
use crate::state::ProcessId;
use crate::supervise;
use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Cómo se llama quien espera a que el contenedor empiece de verdad.
pub const WITNESS: &str = "testigo";

/// Cada cuánto mira.
const GLANCE: Duration = Duration::from_millis(2);

/// Donde nace el recado. El cliente y quien vigila son de la infraestructura del Pod, como la pausa: mueren
/// con él.
pub fn infrastructure(k: &mut Kernel, order: &Order) -> Result<Option<Place>, StepError> {
    let home = order.pod.cgroup.as_ref().map(|path| path.join(PAUSE));
    home.map(|path| k.step("abrir el grupo de control del recado", OpenPath(path))).transpose()
}

/// El grupo de control del contenedor. Lo hace micropod, y el del motor cuelga de él: el motor borra el
/// suyo en cuanto acaba el PID 1, y con él se iría la cuenta de a quién mató el kernel.
pub fn own_cgroup(k: &mut Kernel, order: &Order) -> Result<Option<PathBuf>, StepError> {
    let plan = &order.pod.containers[order.id];
    let (Some(hierarchy), Some(pod)) = (&order.pod.hierarchy, &order.pod.cgroup) else { return Ok(None) };
    cgroup::prepare_container(k, hierarchy, pod, &plan.name, &plan.limits).map(Some)
}

// ANCHOR: client
/// Convertirse en el cliente `tool`: acabará cuando lo que pide, y con su código.
pub fn become_client(k: &mut Kernel, tool: Tool, why: &str) -> Result<(), StepError> {
    let channel = k.channel().map(|c| c.as_fd().as_raw_fd());
    k.step("cerrar todo descriptor heredado, salvo el canal", CloseInherited(channel))?;
    let name = tool.program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let argv: Vec<String> = std::iter::once(name).chain(tool.args).collect();
    let mut env =
        vec![format!("PATH={}", DIRECTORIES.join(":")), "HOME=/root".into(), "LC_ALL=C.UTF-8".into()];
    env.extend(tool.variable.map(|(name, value)| format!("{name}={value}")));
    k.step(why, Execve { path: tool.program, argv: &argv, env: &env, hidden: &tool.hidden }).map(drop)
}
// ANCHOR_END: client

// ANCHOR: herald
/// El programa de un proceso, mientras vive.
fn program_of(pid: i32) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Deja a un proceso que hace `watch` y acaba: huérfano, lo adopta el supervisor, que lo recogerá. Le pasa
/// con qué saber si vive el cliente.
fn leave(watch: impl FnOnce(&OwnedFd)) -> Result<(), Errno> {
    let client =
        ProcessId::of(std::process::id() as i32).and_then(|own| own.open(None)).ok_or(Errno::ESRCH)?;
    match ops::Fork.run()? {
        Some(Cloned::Parent { pidfd, .. }) => drop(supervise::reap(pidfd.as_fd())),
        // su padre acaba enseguida
        _ => {
            if let Ok(Some(Cloned::Child)) = ops::Fork.run() {
                sys::set_process_name(c"testigo");
                watch(&client);
            }
            sys::exit_now(0)
        }
    }
    Ok(())
}

/// Dejar un proceso con el canal abierto hasta que el contenedor deje de ser quien lo prepara.
pub struct LeaveWitness {
    /// `None` en un ensayo.
    pub pid: Option<i32>,
}

impl Op for LeaveWitness {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "clone3(2)"
    }
    fn shell(&self) -> String {
        ": esperar a que /proc/$PID/exe cambie".into()
    }
    fn run(&self) -> Result<(), Errno> {
        let pid = self.pid.ok_or(Errno::ESRCH)?;
        let before = program_of(pid);
        leave(|client| {
            while before.is_some() && program_of(pid) == before && !sys::has_died(client) {
                std::thread::sleep(GLANCE);
            }
        })
    }
    fn rehearse(&self) {}
}

/// Lo mismo, cuando el contenedor aún no está hecho y lo hará el cliente: el testigo dice además quién es.
pub struct LeaveHerald {
    pub channel: Option<Channel>,
    /// Donde quedará escrito el número del PID 1.
    pub pid_file: PathBuf,
    /// Lo que se crea cuando ya puede empezar.
    pub ready: PathBuf,
    /// El programa que prepara el contenedor: mientras lo sea su PID 1, no ha empezado.
    pub preparer: PathBuf,
    pub engine: &'static str,
    /// Lo que se le devuelve a su raíz, que quien lo prepara se lo quita.
    pub nosuid: bool,
}

impl LeaveHerald {
    /// El número apuntado, cuando está entero.
    fn written(&self) -> Option<i32> {
        std::fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// ¿Ese programa es aún quien lo prepara? runc se copia antes en memoria.
    fn prepares(&self, program: &Path) -> bool {
        program == self.preparer || program.to_string_lossy().starts_with("/memfd:runc")
    }

    fn watch(&self, client: &OwnedFd) {
        let Some(channel) = &self.channel else { return };
        let lives = || !sys::has_died(client);
        while self.written().is_none() && lives() {
            std::thread::sleep(GLANCE);
        }
        let Some(pid) = self.written() else {
            // si ya no escucha nadie, tampoco hay a quién decírselo
            let _ = channel.send(&Message::Failed(self.failure()));
            return;
        };
        let attributes = RestrictRoot { pid: Some(pid), nosuid: self.nosuid };
        let go = WriteFile { path: self.ready.clone(), content: String::new(), mode: 0o600 };
        // si ya ha acabado, no hay a quién
        let restored = match attributes.run() {
            Err(Errno::ESRCH) => Ok(()),
            other => other.and_then(|()| go.run()),
        };
        if let Err(errno) = restored {
            let _ = sys::pidfd_send_signal(client.as_fd(), libc::SIGKILL);
            let goal = "devolver a su raíz los atributos que haya perdido";
            let _ = channel.send(&Message::Failed(StepError {
                errno: errno as i32,
                goal: goal.into(),
                ..self.failure()
            }));
            return;
        }
        let _ = channel.send(&Message::Client(pid));
        while program_of(pid).is_some_and(|program| self.prepares(&program)) && lives() {
            std::thread::sleep(GLANCE);
        }
    }
    // ANCHOR_END: herald

    fn failure(&self) -> StepError {
        StepError {
            actor: Actor::Host.to_string(),
            goal: format!("que {} hiciera el contenedor", self.engine),
            syscall: "execve(2)".into(),
            shell: ":".into(),
            errno: Errno::EREMOTEIO as i32,
            file: file!().into(),
            line: line!(),
            hint: Some(format!("{} dejó escrito por qué: míralo con `micropod logs`", self.engine)),
            exit_code: exit::SETUP,
        }
    }
}

impl Op for LeaveHerald {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "clone3(2)"
    }
    fn shell(&self) -> String {
        format!(": esperar a que esté {} y a que /proc/$PID/exe cambie", quote_path(&self.pid_file))
    }
    fn run(&self) -> Result<(), Errno> {
        leave(|client| self.watch(client))
    }
    fn rehearse(&self) {}
}
