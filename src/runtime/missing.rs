//! Mirar si un programa se puede ejecutar antes de pedírselo a un motor: cada uno lo diría con sus palabras, y
//! alguno con otro código.

use crate::container::Target;
use crate::error::StepError;
use crate::kernel::ops::{Place, quote_path};
use crate::kernel::{Kernel, Op};
use crate::process::{ContainerPlan, HEAD, MountPlan, explain_exec, find_program, interpreter, shown};
use crate::state::{self, ProcessId};
use nix::errno::Errno;
use nix::sys::stat::FileStat;
use std::path::{Path, PathBuf};

/// La capacidad de no mirar los permisos: capabilities(7).
const DAC_OVERRIDE: u64 = 1 << 1;

/// Mirar si el comando de un `exec` se puede ejecutar en su contenedor. Si ya ha acabado, lo dirá el motor.
pub fn look_for_command(k: &mut Kernel, target: &Target, argv: &[String]) -> Result<(), StepError> {
    let Some(root) = ProcessId::of(target.pid).and_then(Place::root_of) else { return Ok(()) };
    let name = argv.first().map_or("", String::as_str);
    look_for(k, FindProgram { root: &root, plan: target.plan, name, unseen: &[] })
}

/// Mirar si un programa se puede ejecutar.
pub fn look_for(k: &mut Kernel, find: FindProgram) -> Result<(), StepError> {
    let (root, plan) = (find.root, find.plan);
    let (name, path) = (find.name, find.path().unwrap_or_default());
    let goal = format!("mirar si se puede ejecutar {}", shown(name, &plan.hidden));
    k.step(goal, find).map_err(|error| explain_exec(error, Some(root), &plan.cwd, name, &path))
}

pub struct FindProgram<'a> {
    pub root: &'a Place,
    pub plan: &'a ContainerPlan,
    pub name: &'a str,
    /// Lo que aún no está montado: lo que haya ahí no se mira, se da por bueno.
    pub unseen: &'a [MountPlan],
}

impl FindProgram<'_> {
    fn is_unseen(&self, path: &Path) -> bool {
        self.unseen.iter().any(|mount| path.starts_with(&mount.target))
    }

    fn stat(&self, path: &Path) -> Result<FileStat, Errno> {
        self.root.stat(&path.to_string_lossy())
    }

    fn path(&self) -> Result<PathBuf, Errno> {
        let mode = |path: &Path| match self.is_unseen(path) {
            true => Some(libc::S_IFREG | 0o111),
            false => self.stat(path).ok().map(|found| found.st_mode),
        };
        find_program(self.name, &self.plan.env, mode)
    }

    /// ¿Puede el usuario del contenedor ejecutar ese fichero?
    fn is_allowed(&self, found: &FileStat) -> bool {
        let who = &self.plan.security;
        let bits = match () {
            () if who.kept_capabilities() & DAC_OVERRIDE != 0 => 0o111,
            () if who.uid == found.st_uid => 0o100,
            () if who.gid == found.st_gid || who.groups.contains(&found.st_gid) => 0o010,
            () => 0o001,
        };
        found.st_mode & libc::S_IFMT == libc::S_IFREG && found.st_mode & bits != 0
    }
}

impl Op for FindProgram<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "stat(2)"
    }
    fn shell(&self) -> String {
        let name = Path::new(shown(self.name, &self.plan.hidden));
        format!("chroot {} which {}", quote_path(&self.root.path), quote_path(name))
    }
    fn run(&self) -> Result<(), Errno> {
        let cwd = Path::new(&self.plan.cwd);
        let path = cwd.join(self.path()?);
        if self.is_unseen(&path) {
            return Ok(());
        }
        if !self.is_allowed(&self.stat(&path)?) {
            return Err(Errno::EACCES);
        }
        // si no se puede leer, se da por bueno
        let Ok(head) = self.root.read(&path.to_string_lossy(), HEAD) else { return Ok(()) };
        match interpreter(&head).map(|loader| cwd.join(loader)) {
            Some(loader) if !self.is_unseen(&loader) && self.stat(&loader).is_err() => Err(Errno::ENOENT),
            None if !head.starts_with(b"\x7fELF") && !reads_other_formats() => Err(Errno::ENOEXEC),
            _ => Ok(()),
        }
    }
    fn rehearse(&self) {}
}

/// ¿Le han enseñado al kernel otros formatos? Además de ellos, hay siempre dos ficheros.
fn reads_other_formats() -> bool {
    state::names_in(Path::new("/proc/sys/fs/binfmt_misc")).len() > 2
}
