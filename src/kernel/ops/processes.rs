//! Órdenes sobre procesos y espacios de nombres.

use super::{Place, c_path, literal, quote, quote_path};
use crate::kernel::channel::{Channel, Message};
use crate::kernel::{Op, sys};
use crate::process::{Hidden, shown};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

// ANCHOR: names
/// Los espacios de nombres de `flags`, como los escriben `unshare` y `nsenter`.
pub fn namespace_options(flags: CloneFlags) -> String {
    let names: Vec<&str> = [
        (CloneFlags::CLONE_NEWNET, "--net"),
        (CloneFlags::CLONE_NEWIPC, "--ipc"),
        (CloneFlags::CLONE_NEWUTS, "--uts"),
        (CloneFlags::CLONE_NEWNS, "--mount"),
        (CloneFlags::CLONE_NEWPID, "--pid"),
        (CloneFlags::CLONE_NEWCGROUP, "--cgroup"),
    ]
    .iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .map(|(_, name)| *name)
    .collect();
    names.join(" ")
}
// ANCHOR_END: names

// ANCHOR: clone3
/// Nacer: un proceso nuevo con espacios de nombres nuevos, ya dentro de su cgroup.
pub struct Clone3<'a> {
    pub namespaces: CloneFlags,
    /// El cgroup en el que nace, si hay cgroup v2.
    pub cgroup: Option<BorrowedFd<'a>>,
    pub cgroup_path: Option<PathBuf>,
}

impl<'a> Clone3<'a> {
    /// Sin espacios de nombres nuevos, dentro de ese cgroup.
    pub fn inside(place: Option<&'a Place>) -> Clone3<'a> {
        Clone3 {
            namespaces: CloneFlags::empty(),
            cgroup: place.and_then(|p| p.fd.as_ref()).map(AsFd::as_fd),
            cgroup_path: place.map(|place| place.path.clone()),
        }
    }
}

impl Op for Clone3<'_> {
    type Output = Option<sys::Cloned>;
    fn syscall(&self) -> &'static str {
        "clone3(2)"
    }
    fn shell(&self) -> String {
        let enter = self.cgroup_path.as_ref().map(|p| format!("echo $$ > {}/cgroup.procs\n", quote_path(p)));
        let fork = if self.namespaces.contains(CloneFlags::CLONE_NEWPID) { " --fork" } else { "" };
        format!("{}unshare {}{fork} sh", enter.unwrap_or_default(), namespace_options(self.namespaces))
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        sys::clone3(self.namespaces.bits() as u64, self.cgroup).map(Some)
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
    fn caveat(&self) -> Option<&'static str> {
        self.cgroup.map(|_| "clone3 lo mete en el cgroup al nacer; la shell, justo después")
    }
}
// ANCHOR_END: clone3

// ANCHOR: join
/// Entrar en los espacios de nombres de otro proceso.
pub struct JoinNamespaces<'a> {
    /// `None` en un ensayo.
    pub pidfd: Option<BorrowedFd<'a>>,
    /// Cómo se escribe ese proceso en la shell: su número, o `$PAUSA`.
    pub process: String,
    pub namespaces: CloneFlags,
}

impl Op for JoinNamespaces<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setns(2)"
    }
    fn shell(&self) -> String {
        format!("nsenter --target {} {} sh", self.process, namespace_options(self.namespaces))
    }
    fn run(&self) -> Result<(), Errno> {
        setns(self.pidfd.ok_or(Errno::EBADF)?, self.namespaces)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: join

// ANCHOR: unshare
/// Separar este proceso en espacios de nombres propios.
pub struct Unshare(pub CloneFlags);

impl Op for Unshare {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "unshare(2)"
    }
    fn shell(&self) -> String {
        format!("unshare {} sh", namespace_options(self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        unshare(self.0)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: unshare

// ANCHOR: hostname
/// Poner nombre a la máquina.
pub struct SetHostname(pub String);

impl Op for SetHostname {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "sethostname(2)"
    }
    fn shell(&self) -> String {
        format!("hostname {}", quote(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::sethostname(&self.0)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: hostname

/// Cambiar de directorio.
pub struct Chdir(pub PathBuf);

impl Op for Chdir {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "chdir(2)"
    }
    fn shell(&self) -> String {
        format!("cd {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::chdir(&self.0)
    }
    fn rehearse(&self) {}
}

/// Una sesión nueva: sin terminal de control y con grupo de procesos propio.
pub struct NewSession;

impl Op for NewSession {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setsid(2)"
    }
    fn shell(&self) -> String {
        "setsid sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::setsid().map(drop)
    }
    fn rehearse(&self) {}
}

/// Convertirse en otro programa. Si sale bien, no vuelve.
pub struct Execve<'a> {
    pub path: PathBuf,
    pub argv: &'a [String],
    pub env: &'a [String],
    /// Lo que no se enseña: lleva un secreto dentro.
    pub hidden: &'a [Hidden],
}

impl Execve<'_> {
    fn strings(all: &[String]) -> Result<Vec<CString>, Errno> {
        all.iter().map(|s| CString::new(s.as_str()).map_err(|_| Errno::EINVAL)).collect()
    }
}

impl Op for Execve<'_> {
    /// En un ensayo no hay nada que devolver.
    type Output = Option<Infallible>;
    fn syscall(&self) -> &'static str {
        "execve(2)"
    }
    fn shell(&self) -> String {
        let words: Vec<String> =
            self.env.iter().chain(self.argv).map(|w| literal(shown(w, self.hidden))).collect();
        format!("exec env -i {}", words.join(" "))
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let (argv, env) = (Self::strings(self.argv)?, Self::strings(self.env)?);
        Err(sys::execve(&c_path(&self.path)?, &argv, &env))
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
    fn caveat(&self) -> Option<&'static str> {
        (!self.hidden.is_empty()).then_some("los valores de los Secret no se enseñan: ponlos tú")
    }
}

/// Enviar una señal a un proceso, sin confundirlo con otro.
pub struct SendSignal<'a> {
    /// `None` en un ensayo.
    pub pidfd: Option<BorrowedFd<'a>>,
    pub process: String,
    pub signal: i32,
}

impl Op for SendSignal<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "pidfd_send_signal(2)"
    }
    fn shell(&self) -> String {
        format!("kill -{} {}", self.signal, self.process)
    }
    fn run(&self) -> Result<(), Errno> {
        match sys::pidfd_send_signal(self.pidfd.ok_or(Errno::EBADF)?.as_fd(), self.signal) {
            Err(Errno::ESRCH) => Ok(()), // ya había muerto
            other => other,
        }
    }
    fn rehearse(&self) {}
}

/// Nombrar un proceso con un descriptor, para notar su muerte y no confundirlo con otro.
pub struct OpenPidfd(pub i32);

impl OpenPidfd {
    /// El proceso que llama.
    pub fn this() -> OpenPidfd {
        OpenPidfd(std::process::id() as i32)
    }
}

impl Op for OpenPidfd {
    /// `None` en un ensayo.
    type Output = Option<OwnedFd>;
    fn syscall(&self) -> &'static str {
        "pidfd_open(2)"
    }
    fn shell(&self) -> String {
        format!(": pidfd_open {}", self.0)
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        sys::pidfd_open(self.0).map(Some)
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell no tiene pidfd: nombra los procesos por su número, que puede pasar a otro")
    }
}

/// Que los próximos hijos nazcan en el espacio de procesos de este proceso.
pub struct ReturnToOwnPids;

impl Op for ReturnToOwnPids {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "setns(2)"
    }
    fn shell(&self) -> String {
        "nsenter --target $$ --pid sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        let own = std::fs::File::open("/proc/self/ns/pid").map_err(|e| super::errno_of(&e))?;
        setns(own, CloneFlags::CLONE_NEWPID)
    }
    fn rehearse(&self) {}
}

/// Comprobar que el directorio actual está dentro de la raíz: uno de fuera se vería «(unreachable)».
pub struct CheckInsideRoot;

impl Op for CheckInsideRoot {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "getcwd(2)"
    }
    fn shell(&self) -> String {
        "case $(pwd -P) in /*) ;; *) exit 1 ;; esac".into()
    }
    fn run(&self) -> Result<(), Errno> {
        // getcwd de nix falla con ENOENT si la ruta no empieza por «/»
        let cwd = nix::unistd::getcwd()?;
        if cwd.is_absolute() { Ok(()) } else { Err(Errno::ENOENT) }
    }
    fn rehearse(&self) {}
}

/// Nacer sin nada nuevo: un proceso con una copia de la memoria de este.
pub struct Fork;

impl Op for Fork {
    /// `None` en un ensayo.
    type Output = Option<sys::Cloned>;
    fn syscall(&self) -> &'static str {
        "clone3(2)"
    }
    fn shell(&self) -> String {
        "( … ) &".into()
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        sys::clone3(0, None).map(Some)
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
}

/// Que ninguna señal llegue ignorada ni bloqueada al programa.
pub struct ResetSignals;

impl Op for ResetSignals {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "sigaction(2)"
    }
    fn shell(&self) -> String {
        "env --default-signal sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::default_signals();
        Ok(())
    }
    fn rehearse(&self) {}
}

/// Adoptar a los nietos: el que se quede huérfano será hijo nuestro, y sabremos cómo acaba.
pub struct Adopt;

impl Op for Adopt {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "PR_SET_CHILD_SUBREAPER(2const)"
    }
    fn shell(&self) -> String {
        ": prctl PR_SET_CHILD_SUBREAPER 1".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0).map(drop)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell no puede pedirlo para sí misma")
    }
}

/// Decir al anfitrión qué proceso es el contenedor, que ha hecho otro.
pub struct TellPid {
    pub channel: Option<Channel>,
    /// Si quien lo dice se va o se queda con él: `Message::Born` o `Message::Client`.
    pub message: fn(i32) -> Message,
    /// `None` en un ensayo.
    pub pid: Option<i32>,
}

impl Op for TellPid {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "send(2)"
    }
    fn shell(&self) -> String {
        format!("echo {}", self.pid.map_or("$PID".into(), |pid| pid.to_string()))
    }
    fn run(&self) -> Result<(), Errno> {
        let pid = self.pid.ok_or(Errno::ESRCH)?;
        self.channel.as_ref().ok_or(Errno::EBADF)?.send(&(self.message)(pid))
    }
    fn rehearse(&self) {}
}
