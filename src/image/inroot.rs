//! Capítulo 11 · Una raíz de la que no se sale.
//!
//! Las rutas de un tar las escribe quien hizo el tar. Si una capa pone `datos -> /etc` y la siguiente
//! escribe `datos/passwd`, un `open` corriente escribiría en el anfitrión. Aquí **toda** ruta se
//! resuelve con `openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)`: el kernel la recorre como si la
//! imagen fuera la raíz del sistema, y de una raíz no se sale ni con `..` ni con enlaces. Comprobar
//! primero y abrir después no serviría: entre medias puede cambiar.
//!
//! El último trozo de una ruta nunca se sigue: se abre el directorio que lo contiene y se trabaja
//! con el nombre.

use crate::error::{Error, spanish};
use crate::kernel::sys::{self, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, linkat, symlinkat, unlinkat};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Una raíz abierta.
pub(crate) struct Root {
    fd: OwnedFd,
}

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Root, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Root { fd: nix::fcntl::open(path, flags, Mode::empty())? })
    }

    // ANCHOR: resolve
    /// Abre `path` sin salir de la raíz: los enlaces simbólicos del camino se siguen dentro de ella.
    fn resolve(&self, path: &CStr, flags: OFlag) -> Result<OwnedFd, Errno> {
        let resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
        sys::openat2(self.fd.as_fd(), path, flags.bits(), 0, resolve)
    }
    // ANCHOR_END: resolve

    /// Abre el directorio `path` (vacío: la raíz).
    pub(crate) fn dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { c".".to_owned() } else { c_string(path)? };
        self.resolve(&path, OFlag::O_RDONLY | OFlag::O_DIRECTORY)
    }

    /// Abre para leer el fichero corriente `path`; nunca se queda esperando en una tubería.
    pub(crate) fn file(&self, path: &[u8]) -> Result<File, Errno> {
        let fd = self.resolve(&c_string(path)?, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY)?;
        if !is(&fstat(&fd)?, SFlag::S_IFREG) {
            return Err(Errno::EINVAL);
        }
        Ok(File::from(fd))
    }

    /// Los nombres de lo que hay en el directorio `path`.
    pub(crate) fn names(&self, path: &[u8]) -> Result<Vec<String>, Errno> {
        let names = names(self.dir(path)?)?;
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    /// Abre el directorio `path` y crea lo que falte por encima, de root y con modo 0755.
    pub(crate) fn make_dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        match self.dir(path) {
            Err(Errno::ENOENT) if !path.is_empty() => {}
            result => return result,
        }
        let (above, name) = split(path);
        let parent = self.make_dir(above)?;
        match mkdirat(&parent, c_string(name)?.as_c_str(), Mode::from_bits_truncate(0o755)) {
            // existe y aun así no se pudo abrir: es un enlace simbólico que no lleva a ningún sitio
            Err(Errno::EEXIST) => Err(Errno::ENOENT),
            Err(e) => Err(e),
            Ok(()) => self.dir(path),
        }
    }

    /// El directorio que contiene `path` (que se crea si falta) y el último trozo de la ruta.
    pub(crate) fn place(&self, path: &[u8]) -> Result<Place, Errno> {
        let (above, name) = split(path);
        Ok(Place { dir: self.make_dir(above)?, name: c_string(name)? })
    }

    /// Como [`Root::place`], sin crear nada.
    pub(crate) fn existing_place(&self, path: &[u8]) -> Result<Place, Errno> {
        let (above, name) = split(path);
        Ok(Place { dir: self.dir(above)?, name: c_string(name)? })
    }
}

/// Un nombre dentro de un directorio abierto. El nombre no se sigue aunque sea un enlace simbólico.
pub(crate) struct Place {
    pub(crate) dir: OwnedFd,
    pub(crate) name: CString,
}

impl Place {
    /// Lo que hay ahí ahora, si hay algo.
    pub(crate) fn stat(&self) -> Result<Option<FileStat>, Errno> {
        match fstatat(&self.dir, self.name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Un fichero nuevo y vacío. Falla si ya había algo: nunca se escribe a través de un enlace.
    pub(crate) fn create_file(&self) -> Result<File, Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.dir, self.name.as_c_str(), flags, Mode::from_bits_truncate(0o600)).map(File::from)
    }

    /// Un directorio: el que ya hay, o uno nuevo.
    pub(crate) fn create_dir(&self) -> Result<OwnedFd, Errno> {
        match mkdirat(&self.dir, self.name.as_c_str(), Mode::from_bits_truncate(0o700)) {
            Ok(()) | Err(Errno::EEXIST) => self.open_dir(),
            Err(e) => Err(e),
        }
    }

    pub(crate) fn open_dir(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.dir, self.name.as_c_str(), flags, Mode::empty())
    }

    pub(crate) fn create_symlink(&self, target: &[u8]) -> Result<(), Errno> {
        symlinkat(c_string(target)?.as_c_str(), &self.dir, self.name.as_c_str())
    }

    /// Otro nombre para lo que hay en `original` (si es un enlace simbólico, para el propio enlace).
    pub(crate) fn create_hard_link(&self, original: &Place) -> Result<(), Errno> {
        linkat(&original.dir, original.name.as_c_str(), &self.dir, self.name.as_c_str(), AtFlags::empty())
    }

    /// Borra lo que haya, con todo lo que cuelgue de ello.
    pub(crate) fn remove(&self) -> Result<(), Errno> {
        match self.stat()? {
            None => Ok(()),
            Some(stat) if is(&stat, SFlag::S_IFDIR) => {
                empty(self.open_dir()?)?;
                unlinkat(&self.dir, self.name.as_c_str(), UnlinkatFlags::RemoveDir)
            }
            Some(_) => unlinkat(&self.dir, self.name.as_c_str(), UnlinkatFlags::NoRemoveDir),
        }
    }
}

/// Borra todo lo que hay en un directorio abierto. La profundidad está acotada al desempaquetar.
pub(crate) fn empty(mut dir: OwnedFd) -> Result<(), Errno> {
    for name in names(dir.try_clone().map_err(errno_of)?)? {
        let place = Place { dir, name };
        place.remove()?;
        dir = place.dir;
    }
    Ok(())
}

/// Los nombres que hay en un directorio abierto, sin `.` ni `..`.
fn names(dir: OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(dir)?.iter() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Dueño y modo, en este orden: `chown` borra los bits setuid y setgid.
pub(crate) fn set_owner(fd: &impl AsFd, uid: u32, gid: u32, mode: u32) -> Result<(), Errno> {
    fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    fchmod(fd, Mode::from_bits_truncate(mode))
}

/// ¿Es de ese tipo?
pub(crate) fn is(stat: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind
}

/// `a/b/c` → (`a/b`, `c`).
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

/// Un NUL dentro de una ruta la cortaría en silencio: no vale.
fn c_string(path: &[u8]) -> Result<CString, Errno> {
    CString::new(path).map_err(|_| Errno::EINVAL)
}

pub(crate) fn errno_of(e: io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Un error de entrada o salida, dicho en español.
pub(crate) fn io_problem(what: &str, e: io::Error) -> Error {
    let error = Error::failed(what);
    match (e.raw_os_error().map(Errno::from_raw), e.kind()) {
        (Some(errno @ (Errno::EPERM | Errno::EACCES)), _) => {
            error.because(spanish(errno)).with_hint("repite el comando con sudo")
        }
        (Some(Errno::ENOSPC), _) => error.because(spanish(Errno::ENOSPC)).with_hint(
            "mira `df -h` y `df -i` y libera espacio; `micropod image ls` dice lo que ocupa cada imagen",
        ),
        (Some(errno), _) => error.because(spanish(errno)),
        (None, io::ErrorKind::UnexpectedEof) => error
            .because("el fichero se acaba antes de tiempo: está cortado")
            .with_hint("vuelve a copiarlo o a crearlo"),
        // lo que dice flate2 de un gzip que no lo es
        (None, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
            if e.get_ref().is_some_and(is_ours) =>
        {
            error.because(e)
        }
        (None, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => error
            .because("los datos comprimidos están estropeados")
            .with_hint("vuelve a copiarlo o a crearlo"),
        (None, _) => error.because(e),
    }
}

/// Un error nuestro que viaja dentro de un `io::Error`.
#[derive(Debug)]
pub(crate) struct Ours(pub(super) String);

impl std::fmt::Display for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Ours {}

pub(crate) fn ours(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Ours(text.into()))
}

fn is_ours(e: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    e.is::<Ours>()
}
