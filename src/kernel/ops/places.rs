//! Órdenes sobre lo que hay dentro de la raíz de un contenedor.
//!
//! La imagen y los volúmenes no son de fiar: lo de dentro se nombra siempre desde un descriptor de su
//! raíz, con `openat2`, y lo que se abre se comprueba antes de usarlo.

use super::{Place, quote_path};
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat, makedev};
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

/// Algo que se ha encontrado dentro de una raíz.
pub struct Found {
    pub place: Place,
    pub directory: bool,
}

impl Place {
    /// Lo que haya en `path` sin salir de aquí ni seguir enlaces, si hay algo. En un ensayo se mira
    /// esa ruta de la propia máquina: mirar no es tocar.
    pub fn find(&self, path: &str) -> Option<Found> {
        let inside = path.trim_start_matches('/');
        let shown = self.path.join(inside);
        let Some(root) = &self.fd else {
            let directory = fs::metadata(Path::new("/").join(inside)).ok()?.is_dir();
            return Some(Found { place: Place::at(shown), directory });
        };
        let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_SYMLINKS;
        let path = CString::new(inside).ok()?;
        let fd = sys::openat2(root.as_fd(), &path, libc::O_PATH, 0, resolve).ok()?;
        let kind = SFlag::from_bits_truncate(fstat(&fd).ok()?.st_mode) & SFlag::S_IFMT;
        Some(Found { place: Place { fd: Some(fd), path: shown }, directory: kind == SFlag::S_IFDIR })
    }

    /// Los nombres de lo que hay en el directorio `path`, que no es un enlace; ninguno si no está.
    pub fn names_in(&self, path: &str) -> Vec<String> {
        let Some(found) = self.find(path) else { return Vec::new() };
        // `found` vive hasta el final: su descriptor es el que se lista
        let dir = match &found.place.fd {
            Some(fd) => format!("/proc/self/fd/{}", fd.as_raw_fd()),
            None => format!("/{}", path.trim_start_matches('/')),
        };
        let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
        entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect()
    }
}

/// Abrir un dispositivo de caracteres de una raíz, comprobando que es ese y no otro.
pub struct OpenDevice<'a> {
    pub root: &'a Place,
    pub path: &'static str,
    pub major: u64,
    pub minor: u64,
}

impl Op for OpenDevice<'_> {
    type Output = Place;
    fn syscall(&self) -> &'static str {
        "openat2(2)"
    }
    fn shell(&self) -> String {
        format!("test -c {}", quote_path(&self.root.path.join(self.path.trim_start_matches('/'))))
    }
    fn run(&self) -> Result<Place, Errno> {
        let found = self.root.find(self.path).ok_or(Errno::ENOENT)?;
        let stat = fstat(found.place.fd.as_ref().ok_or(Errno::EBADF)?)?;
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        match kind == SFlag::S_IFCHR && stat.st_rdev == makedev(self.major, self.minor) {
            true => Ok(found.place),
            false => Err(Errno::ENODEV),
        }
    }
    fn rehearse(&self) -> Place {
        Place::at(self.root.path.join(self.path.trim_start_matches('/')))
    }
}

/// Abrir algo que ya está por debajo de un directorio: un enlace que saliera de él es un error.
pub struct OpenBeneath<'a> {
    pub root: &'a Place,
    pub path: &'a str,
}

impl Op for OpenBeneath<'_> {
    type Output = Place;
    fn syscall(&self) -> &'static str {
        "openat2(2)"
    }
    fn shell(&self) -> String {
        let path = quote_path(&self.root.path.join(self.path));
        format!("case $(realpath -e {path}) in {}/*) ;; *) exit 1 ;; esac", quote_path(&self.root.path))
    }
    fn run(&self) -> Result<Place, Errno> {
        let root = self.root.fd.as_ref().ok_or(Errno::EBADF)?;
        let path = CString::new(self.path.trim_matches('/')).map_err(|_| Errno::EINVAL)?;
        let path = if path.is_empty() { c".".to_owned() } else { path };
        let resolve = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_MAGICLINKS;
        let fd = sys::openat2(root.as_fd(), &path, libc::O_PATH, 0, resolve)?;
        Ok(Place { fd: Some(fd), path: self.root.path.join(self.path) })
    }
    fn rehearse(&self) -> Place {
        Place::at(self.root.path.join(self.path))
    }
}

/// Comprobar que el sitio donde se va a montar algo no es lo que monta micropod. El nombre ya se miró
/// al leer el Pod; pero un enlace de la imagen puede llevarlo a `/proc` o a `/dev`.
pub struct CheckMountPoint<'a> {
    pub root: &'a Place,
    pub target: &'a Place,
}

impl Op for CheckMountPoint<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "readlink(2)"
    }
    fn shell(&self) -> String {
        let root = quote_path(&self.root.path);
        let target = quote_path(&self.target.path);
        format!(
            "case $(realpath {target}) in {root} | {root}/proc* | {root}/sys* | {root}/dev*) exit 1 ;; esac"
        )
    }
    fn run(&self) -> Result<(), Errno> {
        let real = |place: &Place| fs::read_link(place.for_kernel()).map_err(|e| super::errno_of(&e));
        let (root, target) = (real(self.root)?, real(self.target)?);
        // todo descriptor abierto desde la raíz cuelga de ella
        let inside = Path::new("/").join(target.strip_prefix(&root).map_err(|_| Errno::EXDEV)?);
        match crate::spec::is_reserved(&inside.to_string_lossy()) {
            true => Err(Errno::EBUSY),
            false => Ok(()),
        }
    }
    fn rehearse(&self) {}
}

/// Ir a un directorio ya abierto.
pub struct EnterDir<'a>(pub &'a Place);

impl Op for EnterDir<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "fchdir(2)"
    }
    fn shell(&self) -> String {
        format!("cd {}", quote_path(&self.0.path))
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::fchdir(self.0.fd.as_ref().ok_or(Errno::EBADF)?)
    }
    fn rehearse(&self) {}
}
