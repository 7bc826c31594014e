//! Lo que no se debe ver ni tocar de `/proc` y `/sys`, aunque se sea root dentro.

use super::SecurityPlan;
use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::ops::{Bind, MakeDir, Mount, OpenDir, OpenPath, Place, RestrictMount};
use nix::mount::MsFlags;
use std::path::Path;

/// Hablan de toda la máquina, o de sus secretos: se tapan.
const MASKED: [&str; 22] = [
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
    "/sys/devices/system/cpu/cpu0/thermal_throttle",
    "/sys/devices/system/cpu/cpu1/thermal_throttle",
];

/// Se pueden mirar, pero no cambiar: valen para toda la máquina.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Donde se monta el directorio vacío con el que se tapan los demás.
const EMPTY: &str = "/dev/.vacio";

// ANCHOR: hide
/// Del lado del contenedor, ya en su raíz: tapa lo que no debe verse y protege lo que no debe tocarse.
pub fn hide_paths(k: &mut Kernel, plan: &SecurityPlan) -> Result<(), StepError> {
    if !plan.masked {
        return Ok(());
    }
    let closed = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    k.step("crear un directorio con el que tapar otros", MakeDir::new(EMPTY, 0o555))?;
    k.step(
        "montar en él un sistema de ficheros vacío, en el que no cabe nada",
        Mount {
            fstype: "tmpfs",
            target: &Place::at(EMPTY),
            flags: closed,
            data: "nr_blocks=1,nr_inodes=1".into(),
        },
    )?;
    for path in MASKED {
        // lo que este kernel no tiene no hace falta taparlo; en un ensayo se cuenta todo
        let Ok(found) = std::fs::metadata(path) else { continue };
        let cover = if found.is_dir() { EMPTY } else { "/dev/null" };
        let (source, target) = (Place::at(cover), Place::at(path));
        k.step(format_args!("tapar {path}"), Bind { source: &source, target: &target })?;
    }
    for path in READ_ONLY {
        if std::fs::metadata(path).is_ok() {
            protect(k, Path::new(path))?;
        }
    }
    Ok(())
}
// ANCHOR_END: hide

/// Un montaje encima de sí mismo, que se puede dejar en solo lectura sin tocar lo de debajo.
fn protect(k: &mut Kernel, path: &Path) -> Result<(), StepError> {
    let (source, target) = (Place::at(path), Place::at(path));
    let shown = path.display();
    k.step(
        format_args!("montar {shown} sobre sí mismo, para poder protegerlo"),
        Bind { source: &source, target: &target },
    )?;
    let open: Result<Place, StepError> = match path.is_dir() {
        true => k.step(format_args!("mirar {shown} ya montado"), OpenDir(path.into())),
        false => k.step(format_args!("mirar {shown} ya montado"), OpenPath(path.into())),
    };
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    k.step(
        format_args!("dejar {shown} en solo lectura"),
        RestrictMount { target: &open?, flags, recursive: true },
    )
}
