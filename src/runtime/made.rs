//! El contenedor que otro dice haber hecho: se busca y se comprueba antes de tocarlo.

use crate::kernel::Op;
use crate::kernel::ops::{errno_of, quote_path};
use crate::kernel::sys;
use crate::state::{self, ProcessId};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::unistd::getppid;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Averiguar qué proceso es el contenedor: el que quien lo hizo dejó apuntado. Ha de ser hijo del
/// supervisor, que adopta a los que aquel deja huérfanos: con otro, no se ha dicho la verdad.
pub struct FindContainer {
    pub file: PathBuf,
    /// Hijo, 1; nieto, si entre los dos hay quien lo vigila, 2.
    pub generations: u32,
}

impl Op for FindContainer {
    /// `None` en un ensayo.
    type Output = Option<i32>;
    fn syscall(&self) -> &'static str {
        "read(2)"
    }
    fn shell(&self) -> String {
        format!("PID=$(cat {})", quote_path(&self.file))
    }
    fn run(&self) -> Result<Option<i32>, Errno> {
        let mut text = Vec::new();
        let file = File::open(&self.file).map_err(|e| errno_of(&e))?;
        file.take(32).read_to_end(&mut text).map_err(|e| errno_of(&e))?;
        let text = String::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        let pid: i32 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
        let forebear = (0..self.generations).try_fold(pid, |pid, _| state::parent_of(pid));
        if forebear == Some(getppid().as_raw()) { Ok(Some(pid)) } else { Err(Errno::ECHILD) }
    }
    fn rehearse(&self) -> Option<i32> {
        None
    }
}

/// Qué dijo quien lo hizo, si no era verdad.
pub fn lie(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => "dijo que lo había hecho, y no dejó apuntado qué proceso es",
        Errno::EINVAL => "dijo que lo había hecho, y lo que apuntó no es el número de un proceso",
        Errno::ECHILD => "dijo que lo había hecho, y el proceso que apuntó no lo ha creado él",
        _ => "dijo que lo había hecho, y no se puede comprobar",
    }
}

/// Poner atributos al montaje de la raíz de otro proceso, entrando en sus montajes y saliendo.
pub struct RestrictRoot {
    /// `None` en un ensayo.
    pub pid: Option<i32>,
    pub nosuid: bool,
}

impl Op for RestrictRoot {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mount_setattr(2)"
    }
    fn shell(&self) -> String {
        let process = self.pid.map_or("$PID".into(), |pid| pid.to_string());
        let nosuid = if self.nosuid { ",nosuid" } else { "" };
        format!("nsenter --target {process} --mount mount -o remount,bind,nodev{nosuid} /")
    }
    fn run(&self) -> Result<(), Errno> {
        let open = |path: &str| File::open(path).map_err(|e| errno_of(&e));
        let target = self.pid.and_then(ProcessId::of).and_then(|process| process.open(None));
        let target = target.ok_or(Errno::ESRCH)?;
        let own = open("/proc/self/ns/mnt")?;
        setns(&target, CloneFlags::CLONE_NEWNS)?;
        let nosuid = if self.nosuid { libc::MOUNT_ATTR_NOSUID } else { 0 };
        let restricted = open("/")
            .and_then(|root| sys::mount_setattr(root.as_fd(), false, libc::MOUNT_ATTR_NODEV | nosuid, 0));
        setns(&own, CloneFlags::CLONE_NEWNS)?;
        restricted
    }
    fn rehearse(&self) {}
}
