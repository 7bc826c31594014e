//! Capítulo 21 · Lo que un proceso del contenedor puede y no puede hacer.
//!
//! De fábrica: ocho capacidades, ningún privilegio que ganar, un filtro de llamadas al sistema y lo
//! delicado de `/proc` y `/sys`, oculto o en solo lectura. El orden importa y está en [`drop_privileges`].

pub mod bpf;
pub mod capabilities;
mod ops;
mod paths;
mod seal;
pub mod seccomp;
pub mod syscalls;
pub mod sysctls;
mod users;
mod warnings;

pub use capabilities::NAMES as CAPABILITIES;
pub use ops::{LIMITS, Limit};
pub use paths::{READ_ONLY, hide_paths, masked_here};
pub use seal::{CheckSealed, seal};
pub use warnings::warnings;

use crate::error::StepError;
use crate::kernel::{Kernel, Op};
use crate::spec::types::{Container, PodSpec, ProcMount, SeccompProfileType, SupplementalGroupsPolicy};
use ops::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

// ANCHOR: plan
/// Todo lo decidido sobre los privilegios de un contenedor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SecurityPlan {
    pub uid: u32,
    pub gid: u32,
    /// Grupos suplementarios.
    pub groups: Vec<u32>,
    /// Máscara de capacidades (bit = número de la capacidad).
    pub capabilities: u64,
    pub no_new_privs: bool,
    /// ¿Filtro de llamadas al sistema?
    pub seccomp: bool,
    /// ¿Rutas ocultas y de solo lectura?
    pub masked: bool,
    pub privileged: bool,
    pub read_only_root: bool,
}

impl SecurityPlan {
    /// Las capacidades con las que arranca: quien no es root no conserva ninguna, como en cualquier motor.
    pub fn kept_capabilities(&self) -> u64 {
        if self.uid == 0 { self.capabilities } else { 0 }
    }

    /// Las que el filtro da por abiertas: a quien aún puede ganar las de su tope no se le debe negar lo
    /// que ellas dan.
    pub fn open_to_filter(&self) -> u64 {
        if self.no_new_privs { self.kept_capabilities() } else { self.capabilities }
    }
}

/// Decide con qué privilegios corre un contenedor. Devuelve también su directorio personal.
///
/// Lo del contenedor gana a lo del Pod, y lo del Pod, a lo de la imagen.
pub fn plan(
    pod: &PodSpec,
    container: &Container,
    image_user: &str,
    root: &Path,
) -> Result<(SecurityPlan, String), String> {
    let (of_pod, own) = (&pod.security_context, &container.security_context);
    // el grupo de los volúmenes es uno más de los suyos
    let extra: Vec<i64> = of_pod.supplemental_groups.iter().chain(&of_pod.fs_group).copied().collect();
    let wanted = users::Wanted {
        uid: own.run_as_user.or(of_pod.run_as_user),
        gid: own.run_as_group.or(of_pod.run_as_group),
        extra: &extra,
        merge: of_pod.supplemental_groups_policy == SupplementalGroupsPolicy::Merge,
        image: image_user,
    };
    let user = users::resolve(&wanted, root)?;
    let privileged = own.privileged.unwrap_or(false);
    let profile = own.seccomp_profile.as_ref().or(of_pod.seccomp_profile.as_ref());
    let unconfined = profile.is_some_and(|p| p.r#type == SeccompProfileType::Unconfined);
    let plan = SecurityPlan {
        uid: user.uid,
        gid: user.gid,
        groups: user.groups,
        capabilities: capabilities::decide(own.capabilities.as_ref(), privileged)?,
        no_new_privs: !own.allow_privilege_escalation.unwrap_or(privileged),
        seccomp: !privileged && !unconfined,
        masked: !privileged && own.proc_mount != ProcMount::Unmasked,
        privileged,
        read_only_root: own.read_only_root_filesystem.unwrap_or(false),
    };
    Ok((plan, user.home))
}
// ANCHOR_END: plan

/// `runAsNonRoot`, y el usuario que sale es root: por qué no puede arrancar, y qué hacer. Se mira el
/// usuario que sale, no el que se escribe: el de la imagen también cuenta.
pub fn forbidden_root(pod: &PodSpec, container: &Container, plan: &SecurityPlan) -> Option<(String, String)> {
    let (of_pod, own) = (&pod.security_context, &container.security_context);
    let forbidden = own.run_as_non_root.or(of_pod.run_as_non_root).unwrap_or(false);
    (forbidden && plan.uid == 0).then(|| {
        (
            "runAsNonRoot es true, y su usuario sería root (uid 0)".to_string(),
            "di con qué usuario se ejecuta: securityContext: (runAsUser: 1000)".to_string(),
        )
    })
}

/// El filtro que se pone, en esta máquina, a quien tiene esas capacidades.
pub fn default_filter(capabilities: u64) -> Vec<crate::kernel::sys::BpfInstruction> {
    seccomp::program(syscalls::Arch::HERE, capabilities)
}

/// Lo que el kubelet se pone a sí mismo (`qos/policy.go`): menos que el contenedor que menos se ofrece.
/// La pausa lo hereda, y tiene que ser así: en un Pod `Guaranteed` sus contenedores llevan −997, y si se
/// llena el límite del Pod el kernel elige entre ellos y la pausa.
const SUPERVISOR_OOM_SCORE: i32 = -999;

/// Del supervisor: si falta memoria, que muera antes cualquier contenedor. Sus hijos lo heredan.
pub fn protect_supervisor() {
    // sin CAP_SYS_RESOURCE no se puede: se queda como estaba
    if let Err(errno) = SetOomScore(SUPERVISOR_OOM_SCORE).run() {
        log::warn!("no se pudo proteger al supervisor del verdugo de la memoria: {errno}");
    }
}

/// Del lado del contenedor: lo que no se hereda de quien lanzó micropod.
pub fn limit_process(
    k: &mut Kernel,
    plan: &SecurityPlan,
    oom_score_adj: Option<i32>,
) -> Result<(), StepError> {
    k.step("que los ficheros que cree no los pueda escribir cualquiera", SetUmask(0o022))?;
    k.step("poner los límites de recursos de siempre, no los de quien lanzó micropod", SetLimits)?;
    set_oom_score(k, oom_score_adj)?;
    own_keyring(k, plan)
}

pub fn own_keyring(k: &mut Kernel, plan: &SecurityPlan) -> Result<(), StepError> {
    match plan.privileged {
        true => Ok(()),
        false => k.step("estrenar llavero, para no ver las llaves del anfitrión", NewKeyring),
    }
}

/// A quién matar antes: lo heredan los hijos.
pub fn set_oom_score(k: &mut Kernel, oom_score_adj: Option<i32>) -> Result<(), StepError> {
    match oom_score_adj {
        Some(adj) => k.step("decir al kernel a quién matar antes si falta memoria", SetOomScore(adj)),
        None => Ok(()),
    }
}

// ANCHOR: drop_privileges
/// Del lado del contenedor: suelta todo lo que no necesita. El orden lo manda el kernel: sin el
/// tope ya puesto se podría recuperar lo soltado, y después de cambiar de usuario ya no se puede
/// cambiar de grupos.
pub fn drop_privileges(k: &mut Kernel, plan: &SecurityPlan) -> Result<(), StepError> {
    if !plan.no_new_privs {
        // sin renunciar a ganar privilegios, filtrar exige CAP_SYS_ADMIN: antes de soltarla
        filter_syscalls(k, plan)?;
    }
    k.step(
        "poner tope a las capacidades: ni un ejecutable setuid podrá pasarlo",
        DropBounding(plan.capabilities),
    )?;
    k.step("conservar las capacidades al cambiar de usuario", KeepCapabilities)?;
    k.step("quedarse solo con sus grupos", SetGroups(plan.groups.clone()))?;
    k.step("cambiar de grupo", SetGid(plan.gid))?;
    k.step("cambiar de usuario", SetUid(plan.uid))?;
    k.step(
        "quedarse solo con sus capacidades, y sin dejar ninguna en herencia",
        SetCapabilities(plan.kept_capabilities()),
    )?;
    // cambiar de usuario la borra: se pide otra vez
    k.step("morir si muere el supervisor", DieWithParent)?;
    if plan.no_new_privs {
        k.step("renunciar a ganar privilegios para siempre", NoNewPrivileges)?;
        filter_syscalls(k, plan)?;
    }
    Ok(())
}
// ANCHOR_END: drop_privileges

/// El filtro: lo último antes de ejecutar el programa, o casi.
fn filter_syscalls(k: &mut Kernel, plan: &SecurityPlan) -> Result<(), StepError> {
    if !plan.seccomp {
        return Ok(());
    }
    let filter = InstallFilter(plan.open_to_filter());
    k.step("filtrar las llamadas al sistema: desde aquí, las peligrosas se niegan", filter)
}
