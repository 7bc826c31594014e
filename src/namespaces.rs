//! Capítulo 9 · Espacios de nombres: qué se separa y qué se comparte.

use crate::spec::types::PodSpec;
use nix::sched::CloneFlags;

// ANCHOR: sandbox
/// Los espacios de nombres que sostiene la pausa, y que todos los contenedores del Pod comparten.
///
/// El de montajes no es para compartir ficheros: en él están los volúmenes de memoria del Pod,
/// y cada contenedor parte de una copia suya.
pub fn of_the_pod(spec: &PodSpec) -> CloneFlags {
    let mut shared = CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWNS;
    if !spec.host_network {
        // con la red de la máquina, también se lleva su nombre
        shared |= CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS;
    }
    if spec.share_process_namespace {
        shared |= CloneFlags::CLONE_NEWPID;
    }
    shared
}
// ANCHOR_END: sandbox

// ANCHOR: container
/// Los que estrena cada contenedor al nacer: sus procesos (salvo que el Pod los comparta) y, si hay
/// cgroup v2, su vista de los grupos de control.
pub fn of_a_container(spec: &PodSpec, cgroup: bool) -> CloneFlags {
    let mut own = CloneFlags::empty();
    if !spec.share_process_namespace {
        own |= CloneFlags::CLONE_NEWPID;
    }
    if cgroup {
        own |= CloneFlags::CLONE_NEWCGROUP;
    }
    own
}
// ANCHOR_END: container
