//! Órdenes que quitan privilegios. Casi ninguna tiene un comando de la shell que haga lo mismo sin
//! ejecutar otro programa: lo que se escribe es el más parecido, como comentario ejecutable.

use super::capabilities::NAMES;
use super::seccomp;
use super::syscalls::Arch;
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{Gid, Uid};
use std::io::Write;

const NO_SHELL: Option<&str> =
    Some("la shell no puede hacérselo a sí misma; setpriv lo hace al ejecutar otro programa");

/// Los permisos que se quitan a los ficheros nuevos.
pub struct SetUmask(pub u32);

impl Op for SetUmask {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "umask(2)"
    }
    fn shell(&self) -> String {
        format!("umask {:04o}", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        umask(Mode::from_bits_truncate(self.0));
        Ok(())
    }
    fn rehearse(&self) {}
}

/// Un límite: cuál, cómo lo llama `ulimit`, en qué unidad, el blando y el duro.
pub type Limit = (Resource, &'static str, u64, u64, u64);

/// Los límites de recursos de un contenedor (`getrlimit(2)`): siempre los mismos, sean cuales sean los
/// de quien lanzó micropod. Cada uno: cómo lo llama `ulimit`, su unidad, el blando y el duro. El de
/// procesos no está: se cuenta por usuario de toda la máquina; los de un Pod los cuenta su cgroup.
pub const LIMITS: [Limit; 7] = [
    // un volcado de memoria puede llevar secretos
    (Resource::RLIMIT_CORE, "c", 512, 0, 0),
    // más de 1024 rompe a quien usa select(2); quien necesite más, que lo suba
    (Resource::RLIMIT_NOFILE, "n", 1, 1024, 524_288),
    (Resource::RLIMIT_STACK, "s", 1024, 8 * 1024 * 1024, RLIM_INFINITY),
    (Resource::RLIMIT_FSIZE, "f", 512, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_CPU, "t", 1, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_AS, "v", 1024, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_DATA, "d", 1024, RLIM_INFINITY, RLIM_INFINITY),
];

/// Poner los límites de recursos de siempre.
pub struct SetLimits;

impl Op for SetLimits {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setrlimit(2)"
    }
    fn shell(&self) -> String {
        let word = |value: u64, unit: u64| match value {
            RLIM_INFINITY => "unlimited".to_string(),
            value => (value / unit).to_string(),
        };
        let one = |(_, name, unit, soft, hard): &Limit| {
            let (soft, hard) = (word(*soft, *unit), word(*hard, *unit));
            format!("ulimit -S{name} {soft} && ulimit -H{name} {hard} 2>/dev/null || :")
        };
        LIMITS.iter().map(one).collect::<Vec<_>>().join("\n")
    }
    fn run(&self) -> Result<(), Errno> {
        for (resource, _, _, soft, hard) in LIMITS {
            match setrlimit(resource, soft, hard) {
                // subir un tope duro exige CAP_SYS_RESOURCE: sin ella, hasta donde llegue el heredado
                Err(Errno::EPERM) => {
                    let (_, most) = getrlimit(resource)?;
                    setrlimit(resource, soft.min(most), hard.min(most))?;
                }
                other => other?,
            }
        }
        Ok(())
    }
    fn rehearse(&self) {}
}

/// A quién matar antes si falta memoria. Bajarlo exige CAP_SYS_RESOURCE: sin ella se queda como está.
pub struct SetOomScore(pub i32);

impl Op for SetOomScore {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        format!("echo {} > /proc/self/oom_score_adj || :", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        let io = |e: std::io::Error| crate::kernel::ops::errno_of(&e);
        let mut file =
            std::fs::OpenOptions::new().write(true).open("/proc/self/oom_score_adj").map_err(io)?;
        // quien entra en un contenedor privilegiado puede encontrarse otro /proc montado encima
        if fstatfs(&file)?.filesystem_type() != PROC_SUPER_MAGIC {
            return Err(Errno::ENODEV);
        }
        match file.write_all(self.0.to_string().as_bytes()).map_err(io) {
            Err(Errno::EACCES) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        Some("bajarlo exige CAP_SYS_RESOURCE; sin ella el kernel lo deja como está")
    }
}

/// Un llavero de sesión nuevo. Un kernel sin llaveros no tiene nada que ocultar.
pub struct NewKeyring;

impl Op for NewKeyring {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "keyctl(2)"
    }
    fn shell(&self) -> String {
        ": keyctl session".into()
    }
    fn run(&self) -> Result<(), Errno> {
        match sys::new_session_keyring() {
            // EDQUOT: el usuario ya tiene demasiadas llaves; el llavero heredado está vacío igualmente
            Err(Errno::ENOSYS | Errno::EDQUOT) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
}

/// Quitar del tope (`bounding set`) todas las capacidades que no estén en la máscara.
pub struct DropBounding(pub u64);

impl Op for DropBounding {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "prctl(2)"
    }
    fn shell(&self) -> String {
        let kept = NAMES.iter().enumerate().filter(|(i, _)| self.0 & (1 << i) != 0);
        let kept: String = kept.map(|(_, n)| format!(",+{}", n.to_lowercase())).collect();
        format!("setpriv --bounding-set=-all{kept} sh")
    }
    fn run(&self) -> Result<(), Errno> {
        for number in 0..64u64 {
            if self.0 & (1 << number) != 0 {
                continue;
            }
            match sys::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) {
                Ok(_) => {}
                Err(Errno::EINVAL) => break, // este kernel no tiene más
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// No perder las capacidades permitidas al dejar de ser el uid 0.
pub struct KeepCapabilities;

impl Op for KeepCapabilities {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "prctl(2)"
    }
    fn shell(&self) -> String {
        ": setpriv --securebits=+keep_caps".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0).map(drop)
    }
    fn rehearse(&self) {}
}

/// Los grupos suplementarios.
pub struct SetGroups(pub Vec<u32>);

impl Op for SetGroups {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setgroups(2)"
    }
    fn shell(&self) -> String {
        match self.0.is_empty() {
            true => "setpriv --clear-groups sh".into(),
            false => {
                let all: Vec<String> = self.0.iter().map(u32::to_string).collect();
                format!("setpriv --groups={} sh", all.join(","))
            }
        }
    }
    fn run(&self) -> Result<(), Errno> {
        let groups: Vec<Gid> = self.0.iter().map(|g| Gid::from_raw(*g)).collect();
        nix::unistd::setgroups(&groups)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// El grupo: real, efectivo y guardado.
pub struct SetGid(pub u32);

impl Op for SetGid {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setresgid(2)"
    }
    fn shell(&self) -> String {
        format!("setpriv --regid={} sh", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        let gid = Gid::from_raw(self.0);
        nix::unistd::setresgid(gid, gid, gid)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// El usuario: real, efectivo y guardado.
pub struct SetUid(pub u32);

impl Op for SetUid {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setresuid(2)"
    }
    fn shell(&self) -> String {
        format!("setpriv --reuid={} sh", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        let uid = Uid::from_raw(self.0);
        nix::unistd::setresuid(uid, uid, uid)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// Las capacidades efectivas y permitidas; ninguna heredable ni ambiental.
pub struct SetCapabilities(pub u64);

impl Op for SetCapabilities {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "capset(2)"
    }
    fn shell(&self) -> String {
        format!(": capset {:016x}", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        // una capacidad que el propio micropod no tiene no la puede dar
        let own = own_capabilities();
        sys::capset(self.0 & own)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// Las capacidades permitidas de este proceso.
fn own_capabilities() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("CapPrm:"));
    line.and_then(|l| u64::from_str_radix(l.trim(), 16).ok()).unwrap_or(0)
}

/// Ningún programa que ejecute podrá darle más privilegios.
pub struct NoNewPrivileges;

impl Op for NoNewPrivileges {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "prctl(2)"
    }
    fn shell(&self) -> String {
        "setpriv --no-new-privs sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).map(drop)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        NO_SHELL
    }
}

/// Recibir SIGKILL cuando muera quien lo creó.
pub struct DieWithParent;

impl Op for DieWithParent {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "prctl(2)"
    }
    fn shell(&self) -> String {
        "setpriv --pdeathsig=KILL sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0, 0, 0).map(drop)
    }
    fn rehearse(&self) {}
}

/// El filtro de llamadas al sistema de un proceso con esas capacidades.
pub struct InstallFilter(pub u64);

impl InstallFilter {
    fn program(&self) -> Vec<sys::BpfInstruction> {
        seccomp::program(Arch::HERE, self.0)
    }
}

impl Op for InstallFilter {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "seccomp(2)"
    }
    fn shell(&self) -> String {
        format!(": seccomp {} instrucciones", self.program().len())
    }
    fn run(&self) -> Result<(), Errno> {
        sys::seccomp_set_filter(&self.program())
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell no puede instalar filtros de seccomp")
    }
}
