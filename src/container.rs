//! Capítulo 10 · LA HISTORIA de un contenedor, del lado del contenedor.
//!
//! Un proceso nace dentro de su cgroup, entra en lo que comparte el Pod, se hace una raíz, suelta
//! sus privilegios y se convierte en el programa. [`story`] es esa historia, línea a línea.

use crate::error::StepError;
use crate::kernel::child::Child;
use crate::kernel::ops::*;
use crate::kernel::{Actor, Kernel};
use crate::plan::PodPlan;
use crate::process::{self, ContainerPlan};
use crate::runtime::{Order, Runtime};
use crate::security::CheckSealed;
use crate::{cgroup, rootfs, security, state, terminal};
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// La pausa, vista por quien se une a ella. En un ensayo no tiene descriptor.
#[derive(Clone, Copy)]
pub struct Pause<'a> {
    pub pidfd: Option<BorrowedFd<'a>>,
    /// Cómo se escribe en la shell.
    pub shown: &'a str,
}

/// Por dónde entra y sale el texto de un proceso.
pub enum Stdio {
    /// Tuberías: la entrada (si la quiere abierta), la salida y los errores.
    Pipes { input: Option<OwnedFd>, output: OwnedFd, errors: OwnedFd },
    /// Una terminal propia, cuyo otro extremo se manda por el canal.
    Terminal,
    /// En un ensayo no hay nada que conectar.
    Rehearsal,
}

impl Stdio {
    /// ¿Hay por dónde hablarle?
    pub fn talks(&self) -> bool {
        matches!(self, Stdio::Terminal | Stdio::Pipes { input: Some(_), .. })
    }
}

/// Un contenedor que acaba de nacer.
pub struct Born {
    pub child: Child,
    /// Su cgroup, que hay que borrar cuando muera.
    pub cgroup: Option<PathBuf>,
}

// ANCHOR: create
/// Del lado del anfitrión: prepara lo suyo y trae al mundo al contenedor, que espera a que se le diga
/// «adelante».
pub fn create(k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
    let Order { pod, id, life, pause, target } = *order;
    let plan = &pod.containers[id];
    k.step("comprobar que desde dentro no se puede reescribir micropod", CheckSealed)?;
    let layer = prepare_layer(k, &pod.uid, &plan.name, life)?;
    let cgroup = match (&pod.hierarchy, &pod.cgroup) {
        (Some(h), Some(path)) => Some(cgroup::prepare_container(k, h, path, &plan.name, &plan.limits)?),
        _ => None,
    };
    let cgroup_fd = match &cgroup {
        Some(path) => Some(k.step("abrir su grupo de control", OpenPath(path.clone()))?),
        None => None,
    };
    let others = join_pids(k, pod.shared, pause, target)?;
    let birth = Clone3 {
        namespaces: if others { pod.own.difference(CloneFlags::CLONE_NEWPID) } else { pod.own },
        cgroup: cgroup_fd.as_ref().and_then(|p| p.fd.as_ref()).map(AsFd::as_fd),
        cgroup_path: cgroup.clone(),
    };
    let why = format!("crear el proceso del contenedor {}, ya dentro de sus límites", plan.name);
    let actor = Actor::Container(plan.name.clone());
    let child = k.spawn(why, birth, "$CONTENEDOR", actor, |k| story(k, pod, plan, &layer, pause, stdio));
    leave_pids(k, others)?;
    Ok(Born { child: child?, cgroup })
}
// ANCHOR_END: create

// ANCHOR: story
/// Del lado del contenedor: de proceso recién nacido a programa encerrado. En este orden.
fn story(
    k: &mut Kernel,
    pod: &PodPlan,
    plan: &ContainerPlan,
    layer: &Layer,
    pause: Pause,
    stdio: Stdio,
) -> Result<(), StepError> {
    join(k, pod.shared, pause)?;
    k.step("sesión propia, sin la terminal de quien lanzó micropod", NewSession)?;
    rootfs::enter(k, plan, layer, pod.hierarchy.is_some())?;
    connect(k, stdio)?;
    confine_and_exec(k, plan, &plan.argv)
}
// ANCHOR_END: story

// ANCHOR: confine
/// El final común de un contenedor, un `exec` y una sonda: nadie entra con más privilegios que otro.
fn confine_and_exec(k: &mut Kernel, plan: &ContainerPlan, argv: &[String]) -> Result<(), StepError> {
    // antes de pisar ninguna ruta que elija el contenedor: /proc/self/fd/N sería una puerta a lo de fuera
    let channel = k.channel().map(|c| c.as_fd().as_raw_fd());
    k.step(
        "cerrar todo descriptor heredado, salvo el canal por el que se cuenta un fallo",
        CloseInherited(channel),
    )?;
    enter_working_dir(k, &plan.cwd)?;
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    security::limit_process(k, &plan.security, plan.limits.oom_score_adj)?;
    security::drop_privileges(k, &plan.security)?;
    process::exec(k, plan, argv)
}
// ANCHOR_END: confine

// ANCHOR: layer
/// La capa de escritura de una vida de un contenedor.
pub struct Layer {
    /// Lo que ha escrito.
    pub upper: PathBuf,
    /// Donde el overlay prepara cada cosa antes de ponerla a la vista.
    pub work: PathBuf,
}

// ANCHOR: layer_of
impl Layer {
    pub fn of(uid: &str, name: &str, life: u32) -> Layer {
        // ningún nombre lleva puntos: no puede coincidir con otro, ni con el de los volúmenes
        let dir = state::data_dir(uid);
        Layer { upper: dir.join(format!("{name}.{life}")), work: dir.join(format!("{name}.{life}.work")) }
    }
}
// ANCHOR_END: layer_of

/// Del lado del anfitrión: la capa de escritura de una vida del contenedor.
pub fn prepare_layer(k: &mut Kernel, uid: &str, name: &str, life: u32) -> Result<Layer, StepError> {
    let layer = Layer::of(uid, name, life);
    k.step(
        format_args!("crear la capa de escritura de {name}: vivirá lo que viva él"),
        MakeDir::new(&layer.upper, 0o755),
    )?;
    k.step("crear la parte de la capa que usa el propio overlay", MakeDir::new(&layer.work, 0o700))?;
    Ok(layer)
}
// ANCHOR_END: layer

/// Del lado del anfitrión: que los próximos hijos nazcan entre los procesos del Pod, si los comparte, o
/// entre los del contenedor al que miran.
fn join_pids(
    k: &mut Kernel,
    shared: CloneFlags,
    pause: Pause,
    target: Option<Pause>,
) -> Result<bool, StepError> {
    let (whose, others) = match target {
        _ if shared.contains(CloneFlags::CLONE_NEWPID) => ("del Pod", pause),
        Some(target) => ("del contenedor al que mira", target),
        None => return Ok(false),
    };
    k.step(
        format_args!("que el próximo hijo nazca en el espacio de procesos {whose}"),
        JoinNamespaces {
            pidfd: others.pidfd,
            process: others.shown.into(),
            namespaces: CloneFlags::CLONE_NEWPID,
        },
    )?;
    Ok(true)
}

/// Del lado del anfitrión: y que los siguientes vuelvan a nacer aquí.
fn leave_pids(k: &mut Kernel, joined: bool) -> Result<(), StepError> {
    if joined {
        k.step("que los siguientes hijos vuelvan a nacer en el nuestro", ReturnToOwnPids)?;
    }
    Ok(())
}

// ANCHOR: join
/// Entra en los espacios de nombres que sostiene la pausa y se queda con una copia propia de los montajes.
fn join(k: &mut Kernel, shared: CloneFlags, pause: Pause) -> Result<(), StepError> {
    // en el de procesos ya nació: setns no mueve a quien llama, solo a sus hijos
    let namespaces = shared.difference(CloneFlags::CLONE_NEWPID);
    k.step(
        "entrar en lo que comparte el Pod: la red, la memoria compartida, el nombre y los volúmenes",
        JoinNamespaces { pidfd: pause.pidfd, process: pause.shown.into(), namespaces },
    )?;
    k.step("tener una lista de montajes propia", Unshare(CloneFlags::CLONE_NEWNS))?;
    k.step(
        "que lo que se monte aquí no se vea fuera, ni al revés",
        Propagation { target: "/".into(), kind: MsFlags::MS_PRIVATE },
    )
}
// ANCHOR_END: join

/// El directorio de trabajo; si falta, se crea, como hacen los demás motores.
fn enter_working_dir(k: &mut Kernel, cwd: &str) -> Result<(), StepError> {
    let root = k.step("mirar la raíz, para no salir de ella", OpenDir("/".into()))?;
    let dir = k.step(
        format_args!("buscar el directorio de trabajo {cwd}; si falta, se crea"),
        OpenInRoot::mount_point(&root, cwd, Kind::Directory),
    )?;
    k.step(format_args!("ir al directorio de trabajo {cwd}"), EnterDir(&dir))?;
    k.step("comprobar que está dentro de la raíz del contenedor", CheckInsideRoot)
}

/// Conecta la entrada, la salida y los errores.
pub fn connect(k: &mut Kernel, stdio: Stdio) -> Result<(), StepError> {
    let (input, output, errors) = match stdio {
        Stdio::Rehearsal => return Ok(()),
        Stdio::Pipes { input, output, errors } => (input, output, errors),
        Stdio::Terminal => {
            let slave = terminal::own(k)?;
            return k.step("usar su terminal para leer y escribir", UseTerminal(slave));
        }
    };
    k.step(
        "conectar la entrada, la salida y los errores con el supervisor",
        ConnectStdio { input, output, errors },
    )
}

/// De quién es un contenedor.
pub struct Owner<'a> {
    /// El nombre del Pod, y su uid.
    pub pod: &'a str,
    pub uid: &'a str,
    pub id: usize,
}

/// Un contenedor que ya corre, visto por quien quiere entrar en él.
pub struct Target<'a> {
    pub plan: &'a ContainerPlan,
    /// De qué Pod, y cuál de los suyos.
    pub owner: Owner<'a>,
    /// Quién lo creó.
    pub runtime: &'static dyn Runtime,
    /// Su PID 1.
    pub pidfd: BorrowedFd<'a>,
    pub pid: i32,
    pub cgroup: Option<PathBuf>,
    /// Los espacios de nombres en los que entrar.
    pub namespaces: CloneFlags,
}

// ANCHOR: exec
/// Trae al mundo un proceso dentro de un contenedor que ya corre: `exec` y las sondas.
///
/// Nace en el cgroup del contenedor y entre sus procesos, entra en lo demás y suelta los mismos
/// privilegios que su PID 1.
pub fn exec(k: &mut Kernel, target: &Target, argv: &[String], stdio: Stdio) -> Result<Child, StepError> {
    k.step("comprobar que desde dentro no se puede reescribir micropod", CheckSealed)?;
    let cgroup = match &target.cgroup {
        Some(path) => Some(k.step("abrir el grupo de control del contenedor", OpenPath(path.clone()))?),
        None => None,
    };
    let process = target.pid.to_string();
    let name = &target.plan.name;
    k.step(
        format_args!("que el próximo hijo nazca entre los procesos de {name}"),
        JoinNamespaces {
            pidfd: Some(target.pidfd),
            process: process.clone(),
            namespaces: CloneFlags::CLONE_NEWPID,
        },
    )?;
    let birth = Clone3::inside(cgroup.as_ref());
    let why = format!("crear un proceso dentro de {name}");
    let child = k.spawn(why, birth, "$PROCESO", Actor::Container(name.clone()), |k| {
        let rest = target.namespaces.difference(CloneFlags::CLONE_NEWPID);
        let join = JoinNamespaces { pidfd: Some(target.pidfd), process, namespaces: rest };
        k.step("entrar en los demás espacios de nombres del contenedor", join)?;
        k.step("sesión propia", NewSession)?;
        connect(k, stdio)?;
        confine_and_exec(k, target.plan, argv)
    });
    leave_pids(k, true)?;
    let child = child?;
    k.go(&child);
    Ok(child)
}
// ANCHOR_END: exec
