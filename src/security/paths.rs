//! Lo que no se debe ver ni tocar de `/proc` y `/sys`, aunque se sea root dentro.
//!
//! Se hace cuando en la nueva raíz solo hay `/proc`, `/sys` y `/dev` nuestros: antes de que entre un
//! volumen, que podría traer otro `/dev/null` con el que tapar.

use super::SecurityPlan;
use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::ops::{Bind, Kind, Mount, OpenDevice, OpenInRoot, Place, RestrictMount};
use crate::kernel::sys;
use nix::mount::MsFlags;

// ANCHOR: lists
/// Hablan de toda la máquina, o de sus secretos: se tapan.
const MASKED: [&str; 20] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/bpf",
    "/sys/fs/selinux",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
];

/// Cuánto se calienta cada procesador dice qué hacen los vecinos: hay uno por cada uno.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// Se pueden mirar, pero no cambiar: valen para toda la máquina.
pub const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
// ANCHOR_END: lists

const CLOSED: MsFlags =
    MsFlags::MS_RDONLY.union(MsFlags::MS_NOSUID).union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

// ANCHOR: hide
/// Del lado del contenedor: tapa lo que no debe verse y protege lo que no debe tocarse.
pub fn hide_paths(k: &mut Kernel, root: &Place, plan: &SecurityPlan) -> Result<(), StepError> {
    if !plan.masked {
        return Ok(());
    }
    let null = k.step(
        "comprobar que se tapa con un /dev/null de verdad",
        OpenDevice { root, path: "/dev/null", major: 1, minor: 3 },
    )?;
    let mut empty = None;
    // lo que este kernel no tiene no hace falta taparlo
    for path in masked(root) {
        let Some(target) = root.find(&path) else { continue };
        let source = if target.directory { empty.as_ref() } else { Some(&null) };
        match source {
            Some(source) => k.step(format_args!("tapar {path}"), Bind { source, target: &target.place })?,
            None => empty = Some(empty_directory(k, root, &path, &target.place)?),
        }
    }
    for path in READ_ONLY {
        protect(k, root, path)?;
    }
    Ok(())
}
// ANCHOR_END: hide

/// Las rutas que se tapan: las de la lista y la de cada procesador.
fn masked(root: &Place) -> Vec<String> {
    let processors = root.names_in(PROCESSORS).into_iter().filter(|name| name.starts_with("cpu"));
    let heat = processors.map(|cpu| format!("{PROCESSORS}/{cpu}/thermal_throttle"));
    MASKED.iter().map(|path| path.to_string()).chain(heat).collect()
}

/// Las mismas, miradas desde el anfitrión: para quien las tape por nosotros.
pub fn masked_here() -> Vec<String> {
    let root = Place::at("/");
    // la lista, entera; lo de cada procesador, si lo tiene
    let present = |path: &String| MASKED.contains(&path.as_str()) || root.find(path).is_some();
    masked(&root).into_iter().filter(present).collect()
}

/// Tapa el primer directorio con un sistema de ficheros sin nada, que después tapa los demás: montarlo
/// aparte costaría desmontarlo, y eso espera a todos los procesadores.
fn empty_directory(k: &mut Kernel, root: &Place, path: &str, target: &Place) -> Result<Place, StepError> {
    k.step(
        format_args!("tapar {path} con un sistema de ficheros vacío, en el que no cabe nada"),
        Mount { fstype: "tmpfs", target, flags: CLOSED, data: "nr_blocks=1,nr_inodes=1".into() },
    )?;
    k.step("abrirlo, para tapar con él los demás directorios", inside(root, path))
}

/// Algo de la nueva raíz, cuando en ella solo hay lo nuestro: sin seguir ni un enlace.
fn inside<'a>(root: &'a Place, path: &'a str) -> OpenInRoot<'a> {
    let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_SYMLINKS;
    OpenInRoot { root, path, kind: Kind::Present, resolve }
}

/// Un montaje encima de sí mismo, que se puede dejar en solo lectura sin tocar lo de debajo.
fn protect(k: &mut Kernel, root: &Place, path: &'static str) -> Result<(), StepError> {
    let Some(found) = root.find(path) else { return Ok(()) };
    let place = &found.place;
    k.step(
        format_args!("montar {path} sobre sí mismo, para poder protegerlo"),
        Bind { source: place, target: place },
    )?;
    // el descriptor de antes señala lo que ha quedado debajo: se abre otra vez
    let mounted = k.step(format_args!("mirar {path} ya montado"), inside(root, path))?;
    k.step(
        format_args!("dejar {path} en solo lectura"),
        RestrictMount { target: &mounted, flags: CLOSED, recursive: true },
    )
}
