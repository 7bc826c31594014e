//! Órdenes sobre montajes.

use super::{Place, quote, quote_path};
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Las opciones que se escriben tras `mount -o`.
fn options(flags: MsFlags) -> Vec<&'static str> {
    [
        (MsFlags::MS_RDONLY, "ro"),
        (MsFlags::MS_NOSUID, "nosuid"),
        (MsFlags::MS_NODEV, "nodev"),
        (MsFlags::MS_NOEXEC, "noexec"),
    ]
    .iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .map(|(_, name)| *name)
    .collect()
}

// ANCHOR: mount
/// Montar un sistema de ficheros nuevo.
pub struct Mount<'a> {
    pub fstype: &'static str,
    pub target: &'a Place,
    pub flags: MsFlags,
    /// Opciones propias de ese sistema de ficheros: `size=64k,mode=755`.
    pub data: String,
}

impl Op for Mount<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mount(2)"
    }
    fn shell(&self) -> String {
        let mut all: Vec<&str> = options(self.flags);
        if !self.data.is_empty() {
            all.push(&self.data);
        }
        let all = if all.is_empty() { String::new() } else { format!("-o {} ", quote(&all.join(","))) };
        format!("mount -t {} {all}{} {}", self.fstype, self.fstype, quote_path(&self.target.path))
    }
    fn run(&self) -> Result<(), Errno> {
        let data = (!self.data.is_empty()).then_some(self.data.as_str());
        mount(Some(self.fstype), &self.target.for_kernel(), Some(self.fstype), self.flags, data)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: mount

// ANCHOR: bind
/// Enseñar en `target` lo mismo que hay en `source` (montaje *bind*), con lo que tenga montado dentro.
pub struct Bind<'a> {
    pub source: &'a Place,
    pub target: &'a Place,
}

impl Op for Bind<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mount(2)"
    }
    fn shell(&self) -> String {
        format!("mount --rbind {} {}", quote_path(&self.source.path), quote_path(&self.target.path))
    }
    fn run(&self) -> Result<(), Errno> {
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&self.source.for_kernel()), &self.target.for_kernel(), None::<&str>, flags, None::<&str>)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: bind

// ANCHOR: restrict
/// Cambiar los atributos de un montaje y de cuanto cuelga de él.
pub struct RestrictMount<'a> {
    /// El montaje, abierto *después* de montar: si no, se cambiaría lo de debajo.
    pub target: &'a Place,
    /// `MS_RDONLY`, `MS_NOSUID`, `MS_NODEV`, `MS_NOEXEC`.
    pub flags: MsFlags,
    pub recursive: bool,
}

impl Op for RestrictMount<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mount_setattr(2)"
    }
    fn shell(&self) -> String {
        format!("mount -o remount,bind,{} {}", options(self.flags).join(","), quote_path(&self.target.path))
    }
    fn run(&self) -> Result<(), Errno> {
        let pairs = [
            (MsFlags::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
            (MsFlags::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
            (MsFlags::MS_NODEV, libc::MOUNT_ATTR_NODEV),
            (MsFlags::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
        ];
        let set = pairs.iter().filter(|(flag, _)| self.flags.contains(*flag)).fold(0, |all, (_, a)| all | a);
        let Some(fd) = &self.target.fd else { return Err(Errno::EBADF) };
        sys::mount_setattr(fd.as_fd(), self.recursive, set, 0)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        self.recursive
            .then_some("el comando mount no alcanza a los montajes que haya dentro; mount_setattr, sí")
    }
}
// ANCHOR_END: restrict

// ANCHOR: propagation
/// Cómo se propagan los montajes entre espacios de nombres.
pub struct Propagation {
    pub target: PathBuf,
    /// `MS_PRIVATE` (a nadie) o `MS_SLAVE` (solo del anfitrión hacia aquí).
    pub kind: MsFlags,
}

impl Op for Propagation {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mount(2)"
    }
    fn shell(&self) -> String {
        let kind = if self.kind.contains(MsFlags::MS_SLAVE) { "rslave" } else { "rprivate" };
        format!("mount --make-{kind} {}", quote_path(&self.target))
    }
    fn run(&self) -> Result<(), Errno> {
        mount(None::<&str>, &self.target, None::<&str>, self.kind | MsFlags::MS_REC, None::<&str>)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: propagation

// ANCHOR: detach
/// Soltar un montaje, aunque alguien lo esté usando todavía.
pub struct Detach(pub PathBuf);

impl Op for Detach {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "umount2(2)"
    }
    fn shell(&self) -> String {
        format!("umount -l {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        umount2(&self.0, MntFlags::MNT_DETACH)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: detach

// ANCHOR: pivot_root
/// Hacer del directorio actual la raíz y dejar la antigua montada encima.
pub struct PivotRoot;

impl Op for PivotRoot {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "pivot_root(2)"
    }
    fn shell(&self) -> String {
        "pivot_root . .".into()
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::pivot_root(".", ".")
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: pivot_root
