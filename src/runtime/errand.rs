//! El recado: el hijo que prepara lo que es de la capa del Pod y llama a quien hace el contenedor.
//!
//! Todos los motores empiezan igual; después, cada uno pide el contenedor a su manera.

use super::bundle::Bundle;
use super::made::{FindContainer, lie};
use super::missing::{FindProgram, look_for};
use super::tool::{PATIENCE, Tool};
use super::{Alive, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::Layer;
use crate::data;
use crate::error::{StepError, exit};
use crate::kernel::child::{Child, News};
use crate::kernel::ops::{Bind, Clone3, JoinNamespaces, NewSession, Place, Propagation, Unshare};
use crate::kernel::{Actor, Kernel};
use crate::process::ContainerPlan;
use crate::{rootfs, supervise, volume};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use std::fmt::Display;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Lo más que se lee de lo que cuente en su registro.
const MAX_LOG: u64 = 1 << 20;

// ANCHOR: errand
/// Crear el hijo que hace el recado de un contenedor, en el grupo de control `home`.
#[track_caller]
pub fn set_out(
    k: &mut Kernel,
    name: &str,
    home: Option<&Place>,
    why: impl Display,
    story: impl FnOnce(&mut Kernel) -> Result<(), StepError>,
) -> Result<Child, StepError> {
    k.spawn(why, Clone3::inside(home), "$RECADO", Actor::Container(name.into()), story)
}

/// Del lado del recado: la raíz y los volúmenes, que son de la capa del Pod y los mismos con todos los motores,
/// donde solo los ve él y quien nazca de él.
pub fn lay_out(k: &mut Kernel, order: &Order, bundle: &Bundle, layer: &Layer) -> Result<Place, StepError> {
    let plan = &order.pod.containers[order.id];
    own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
    let root = rootfs::overlay(k, plan, layer)?;
    for (n, mount) in plan.mounts.iter().enumerate() {
        volume::lay_out(k, mount, &bundle.volume(n))?;
    }
    rootfs::fresh_last_words(k, plan)?;
    look_for(k, FindProgram { root: &root, plan, name: command(plan), unseen: &plan.mounts })?;
    Ok(root)
}
// ANCHOR_END: errand

/// Enviar una señal con `tool`, y por nuestra cuenta a quien no le llegue así.
pub fn send(k: &mut Kernel, alive: &Alive, signal: i32, program: &str, tool: Tool) -> Result<(), StepError> {
    let goal = format!("enviar la señal {signal} a {} con {program}", alive.name());
    match errand(k, &alive.order, program, &goal, tool) {
        Ok(()) if signal != libc::SIGKILL => Ok(()),
        // solo ha matado al PID 1: el kernel remata a cuantos haya en su grupo de control
        Ok(()) => Native.stop(k, alive, signal),
        // aún se está haciendo, o ya no está: se lo decimos nosotros a lo que haya
        Err(error) => {
            log::debug!("{error}");
            Native.stop(k, alive, signal)
        }
    }
}

/// Un recado corto: llamar una vez a quien creó el contenedor, y esperar.
pub fn errand(k: &mut Kernel, order: &Order, program: &str, goal: &str, tool: Tool) -> Result<(), StepError> {
    let birth = Clone3::inside(None);
    let why = format!("crear el proceso que hará el recado de llamar a {program}");
    let child = k.spawn(why, birth, "$RECADO", Actor::Host, |k| {
        own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
        k.step(goal, tool)
    })?;
    k.go(&child);
    let Some((pidfd, channel)) = child.into_parts() else { return Ok(()) };
    let result = loop {
        match k.hear(&channel) {
            None | Some(News::Ready) => {}
            Some(News::Failed(error)) => break Err(*error),
            Some(News::Closed | News::Terminal(_) | News::Born(_) | News::Client(_)) => break Ok(()),
        }
    };
    supervise::reap(pidfd.as_fd());
    result
}

/// Del lado del recado: ver los ficheros del Pod (si hacen falta), y la jerarquía de cgroup v2 donde
/// todos la buscan.
pub fn own_view(
    k: &mut Kernel,
    order: Option<&Order>,
    hierarchy: Option<&Hierarchy>,
) -> Result<(), StepError> {
    k.step("sesión propia, sin la terminal de quien lanzó micropod", NewSession)?;
    if let Some(order) = order.filter(|order| order.pause.pidfd.is_some() || !k.is_real()) {
        let namespaces = CloneFlags::CLONE_NEWNS;
        let join = JoinNamespaces { pidfd: order.pause.pidfd, process: order.pause.shown.into(), namespaces };
        k.step("entrar donde se ven los volúmenes y los ficheros del Pod", join)?;
    }
    k.step("tener una lista de montajes propia", Unshare(CloneFlags::CLONE_NEWNS))?;
    k.step(
        "que lo que se monte aquí no se vea fuera, ni al revés",
        Propagation { target: "/".into(), kind: MsFlags::MS_PRIVATE },
    )?;
    let usual = Path::new("/sys/fs/cgroup");
    match hierarchy {
        Some(hierarchy) if hierarchy.root != usual => k.step(
            "enseñar cgroup v2 donde se busca siempre: esta máquina lo tiene en otra parte",
            Bind { source: &Place::at(&hierarchy.root), target: &Place::at(usual) },
        ),
        _ => Ok(()),
    }
}

/// El proceso que dejó apuntado quien lo hizo, comprobado.
pub fn found(
    k: &mut Kernel,
    file: PathBuf,
    program: &str,
    generations: u32,
) -> Result<Option<i32>, StepError> {
    let find = FindContainer { file, generations };
    k.step(format_args!("averiguar qué proceso ha hecho {program}"), find).map_err(|error| {
        let lie = lie(error.errno());
        error.hint(format!("{program} {lie}: comprueba que es el de verdad, con `{program} --version`"))
    })
}

pub fn command(plan: &ContainerPlan) -> &str {
    plan.argv.first().map_or("", String::as_str)
}

/// De qué se quejó: la última línea de su registro que sea un error.
fn complaint(log: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(log).ok()?.take(MAX_LOG).read_to_end(&mut bytes).ok()?;
    let log = String::from_utf8_lossy(&bytes);
    let said = |line: &str| {
        let value = data::parse(line.as_bytes()).ok()?;
        let error = value["level"].as_str()?.eq_ignore_ascii_case("error");
        // youki lo llama de otra manera, y detrás dice por qué funciones iba
        let message = value["msg"].as_str().or_else(|| value["message"].as_str())?;
        error.then(|| message.split("\n\n").next().unwrap_or(message).to_string())
    };
    log.lines().rev().find_map(said)
}

/// Por qué no se pudo, con las palabras de siempre si es que falta el programa.
pub fn explain(error: StepError, log: &Path, name: &str, program: &str) -> StepError {
    if error.errno() == Errno::ETIMEDOUT {
        let seconds = PATIENCE.as_secs();
        return error
            .hint(format!("{program} no acabó en {seconds} s, y se le ha matado: prueba con otro motor"));
    }
    let Some(said) = complaint(log) else {
        return error.hint(format!(
            "{program} no ha dicho por qué: comprueba que es el de verdad, con `{program} --version`"
        ));
    };
    let about_exec = said.contains("exec") || said.contains(name);
    let lower = said.to_lowercase();
    if about_exec && (lower.contains("not found") || lower.contains("no such file")) {
        let hint = format!("`{name}` no está en la imagen: revisa `command` ({program} dice: {said})");
        return error.exit_code(exit::NOT_FOUND).hint(hint);
    }
    if about_exec && lower.contains("permission denied") {
        let hint = format!("`{name}` no se puede ejecutar: revisa sus permisos ({program} dice: {said})");
        return error.exit_code(exit::NOT_EXECUTABLE).hint(hint);
    }
    error.hint(format!("{program} dice: {said}"))
}
