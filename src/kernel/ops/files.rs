//! Órdenes sobre ficheros y directorios.

use super::{quote, quote_path};
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, readlinkat};
use nix::sys::stat::{Mode, SFlag, fchmod, makedev, mkdirat, mknodat};
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// El errno que hay dentro de un error de la biblioteca estándar.
pub fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}

/// Una ruta para el kernel; un NUL dentro sería otra ruta.
pub fn c_path(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)
}

/// Crear un directorio con exactamente esos permisos, diga lo que diga la umask.
pub struct MakeDir {
    pub path: PathBuf,
    pub mode: u32,
    /// Que ya exista no es un fallo.
    pub existing: bool,
}

impl MakeDir {
    pub fn new(path: impl Into<PathBuf>, mode: u32) -> MakeDir {
        MakeDir { path: path.into(), mode, existing: false }
    }

    /// Da igual que ya exista.
    pub fn if_missing(path: impl Into<PathBuf>, mode: u32) -> MakeDir {
        MakeDir { path: path.into(), mode, existing: true }
    }
}

impl Op for MakeDir {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mkdir(2)"
    }
    fn shell(&self) -> String {
        let parents = if self.existing { "-p " } else { "" };
        format!("mkdir {parents}-m {:04o} {}", self.mode, quote_path(&self.path))
    }
    fn run(&self) -> Result<(), Errno> {
        match mkdirat(AT_FDCWD, &self.path, Mode::from_bits_truncate(self.mode)) {
            Err(Errno::EEXIST) if self.existing => Ok(()),
            Err(errno) => Err(errno),
            // la umask solo estorba a los permisos de grupo y otros: así se ahorra una llamada
            Ok(()) if self.mode & 0o077 == 0 => Ok(()),
            Ok(()) => fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))
                .map_err(|e| errno_of(&e)),
        }
    }
    fn rehearse(&self) {}
}

/// Crear un directorio y los que falten por encima.
pub struct MakeDirs(pub PathBuf);

impl Op for MakeDirs {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mkdir(2)"
    }
    fn shell(&self) -> String {
        format!("mkdir -p {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        fs::create_dir_all(&self.0).map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) {}
}

/// Borrar un directorio vacío. Que ya no esté no es un fallo.
pub struct RemoveDir(pub PathBuf);

impl Op for RemoveDir {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rmdir(2)"
    }
    fn shell(&self) -> String {
        format!("rmdir {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        match fs::remove_dir(&self.0) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(errno_of(&e)),
            _ => Ok(()),
        }
    }
    fn rehearse(&self) {}
}

/// Borrar un directorio con cuanto contiene, sin seguir ni un enlace. Que ya no esté no es un fallo.
pub struct RemoveTree(pub PathBuf);

impl Op for RemoveTree {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "unlinkat(2)"
    }
    fn shell(&self) -> String {
        format!("rm -rf --one-file-system {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        match fs::remove_dir_all(&self.0) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(errno_of(&e)),
            _ => Ok(()),
        }
    }
    fn rehearse(&self) {}
}

/// Crear un fichero (o vaciarlo) y escribir en él.
pub struct WriteFile {
    pub path: PathBuf,
    pub content: String,
    pub mode: u32,
}

impl Op for WriteFile {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let path = quote_path(&self.path);
        format!("printf %s {} > {path}\nchmod {:04o} {path}", quote(&self.content), self.mode)
    }
    fn run(&self) -> Result<(), Errno> {
        let io = |e: std::io::Error| errno_of(&e);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(self.mode)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)
            .map_err(io)?;
        file.write_all(self.content.as_bytes()).map_err(io)?;
        fchmod(&file, Mode::from_bits_truncate(self.mode))
    }
    fn rehearse(&self) {}
}

/// Crear un enlace simbólico.
pub struct Symlink {
    pub target: String,
    pub path: PathBuf,
}

impl Op for Symlink {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "symlink(2)"
    }
    fn shell(&self) -> String {
        format!("ln -s {} {}", quote(&self.target), quote_path(&self.path))
    }
    fn run(&self) -> Result<(), Errno> {
        nix::unistd::symlinkat(self.target.as_str(), AT_FDCWD, &self.path)
    }
    fn rehearse(&self) {}
}

/// Crear un dispositivo de caracteres.
pub struct MakeDevice {
    pub path: PathBuf,
    pub major: u64,
    pub minor: u64,
}

impl Op for MakeDevice {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mknod(2)"
    }
    fn shell(&self) -> String {
        format!("mknod -m 666 {} c {} {}", quote_path(&self.path), self.major, self.minor)
    }
    fn run(&self) -> Result<(), Errno> {
        let mode = Mode::from_bits_truncate(0o666);
        mknodat(AT_FDCWD, &self.path, SFlag::S_IFCHR, mode, makedev(self.major, self.minor))?;
        // la umask se ha llevado los permisos de escritura
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o666)).map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) {}
}

/// Un lugar ya abierto: el descriptor manda; la ruta es para enseñarla.
#[derive(Debug)]
pub struct Place {
    /// `None` en un ensayo.
    pub fd: Option<OwnedFd>,
    pub path: PathBuf,
}

impl Place {
    /// Un lugar que se nombra solo por su ruta, porque nadie más puede cambiarla.
    pub fn at(path: impl Into<PathBuf>) -> Place {
        Place { fd: None, path: path.into() }
    }

    /// La ruta que se da al kernel: el descriptor, si lo hay, que ya nadie puede desviar.
    pub fn for_kernel(&self) -> PathBuf {
        match &self.fd {
            Some(fd) => PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd())),
            None => self.path.clone(),
        }
    }
}

/// Abrir un directorio para nombrar lo que cuelga de él.
pub struct OpenDir(pub PathBuf);

impl Op for OpenDir {
    type Output = Place;
    fn syscall(&self) -> &'static str {
        "open(2)"
    }
    fn shell(&self) -> String {
        format!("test -d {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<Place, Errno> {
        let fd = nix::fcntl::open(
            &self.0,
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
            Mode::empty(),
        )?;
        Ok(Place { fd: Some(fd), path: self.0.clone() })
    }
    fn rehearse(&self) -> Place {
        Place::at(self.0.clone())
    }
}

/// Abrir lo que haya en una ruta del anfitrión, solo para nombrarlo.
pub struct OpenPath(pub PathBuf);

impl Op for OpenPath {
    type Output = Place;
    fn syscall(&self) -> &'static str {
        "open(2)"
    }
    fn shell(&self) -> String {
        format!("test -e {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<Place, Errno> {
        let fd = nix::fcntl::open(&self.0, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(Place { fd: Some(fd), path: self.0.clone() })
    }
    fn rehearse(&self) -> Place {
        Place::at(self.0.clone())
    }
}

/// Qué hay que crear si falta el lugar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
    /// Nada: tiene que estar.
    Present,
}

// ANCHOR: open_in_root
/// Abrir (y crear, si falta) una ruta sin salir jamás de `root`, haya los enlaces que haya.
///
/// La imagen no es de fiar: puede traer un `/etc` que sea un enlace a otro sitio. `openat2` con
/// `RESOLVE_IN_ROOT` resuelve los enlaces como si `root` fuera `/`; con `RESOLVE_BENEATH`,
/// se niega a seguirlos fuera.
pub struct OpenInRoot<'a> {
    pub root: &'a Place,
    /// Ruta dentro de `root`, con o sin `/` delante.
    pub path: &'a str,
    pub kind: Kind,
    pub resolve: u64,
}

impl<'a> OpenInRoot<'a> {
    /// Un punto de montaje dentro de la raíz de un contenedor.
    pub fn mount_point(root: &'a Place, path: &'a str, kind: Kind) -> OpenInRoot<'a> {
        OpenInRoot { root, path, kind, resolve: sys::RESOLVE_IN_ROOT }
    }

    fn shown(&self) -> PathBuf {
        self.root.path.join(self.path.trim_start_matches('/'))
    }

    fn open(&self, root: BorrowedFd, path: &str) -> Result<OwnedFd, Errno> {
        let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
        sys::openat2(root, &path, libc::O_PATH, 0, self.resolve | sys::RESOLVE_NO_MAGICLINKS)
    }

    /// Abre `path`; si falta, crea antes lo que tenga por encima. `links`: enlaces que aún se siguen.
    fn open_or_create(
        &self,
        root: BorrowedFd,
        path: &str,
        kind: Kind,
        links: usize,
    ) -> Result<OwnedFd, Errno> {
        match self.open(root, path) {
            Err(Errno::ENOENT) if kind != Kind::Present => {}
            other => return other,
        }
        let (above, name) = match path.rsplit_once('/') {
            Some((above, name)) => (Some(above), name),
            None => (None, path),
        };
        let parent = match above {
            Some(above) => self.open_or_create(root, above, Kind::Directory, links)?,
            None => root.try_clone_to_owned().map_err(|e| errno_of(&e))?,
        };
        // `name` es un solo componente: aquí ya no se sigue ningún enlace
        let created = match kind {
            Kind::Directory => mkdirat(&parent, name, Mode::from_bits_truncate(0o755)),
            Kind::File => mknodat(&parent, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0),
            Kind::Present => Err(Errno::ENOENT),
        };
        match created {
            Ok(()) => self.open(root, path),
            // está y no se llega a él: es un enlace a algo que falta, y eso es lo que hay que crear
            Err(Errno::EEXIST) => match self.open(root, path) {
                Err(Errno::ENOENT) if links > 0 => {
                    let target = readlinkat(&parent, name)?;
                    let target = target.to_str().ok_or(Errno::EILSEQ)?;
                    // lo que siga se vuelve a resolver desde la raíz, que es quien no deja salir
                    let next = match (target.strip_prefix('/'), above) {
                        (Some(from_root), _) => from_root.to_string(),
                        (None, Some(above)) => format!("{above}/{target}"),
                        (None, None) => target.to_string(),
                    };
                    self.open_or_create(root, &normal(&next), kind, links - 1)
                }
                other => other,
            },
            Err(errno) => Err(errno),
        }
    }
}
// ANCHOR_END: open_in_root

/// Los enlaces que se siguen como mucho, como el kernel.
const MAX_LINKS: usize = 40;

/// Una ruta relativa sin barras de más; la raíz es «.».
fn normal(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { ".".to_string() } else { parts.join("/") }
}

impl Op for OpenInRoot<'_> {
    type Output = Place;
    fn syscall(&self) -> &'static str {
        "openat2(2)"
    }
    fn shell(&self) -> String {
        let path = quote_path(&self.shown());
        match self.kind {
            Kind::Directory => format!("mkdir -p {path}"),
            Kind::File => {
                let above = self.shown();
                let above = quote_path(above.parent().unwrap_or(Path::new("/")));
                format!("mkdir -p {above}\ntest -e {path} || : > {path}")
            }
            Kind::Present => format!("test -e {path}"),
        }
    }
    fn run(&self) -> Result<Place, Errno> {
        let Some(root) = &self.root.fd else { return Err(Errno::EBADF) };
        let fd = self.open_or_create(root.as_fd(), &normal(self.path), self.kind, MAX_LINKS)?;
        Ok(Place { fd: Some(fd), path: self.shown() })
    }
    fn rehearse(&self) -> Place {
        Place::at(self.shown())
    }
    fn caveat(&self) -> Option<&'static str> {
        Some(match self.kind {
            Kind::Present => "test sí sigue enlaces simbólicos que salgan de la raíz; openat2 se niega",
            _ => "mkdir sí sigue enlaces simbólicos que salgan de la raíz; openat2 se niega",
        })
    }
}

/// Crear un dispositivo igual que otro del anfitrión.
pub struct CopyDevice {
    pub path: PathBuf,
    pub block: bool,
    pub rdev: u64,
    pub mode: u32,
}

impl Op for CopyDevice {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "mknod(2)"
    }
    fn shell(&self) -> String {
        let kind = if self.block { 'b' } else { 'c' };
        let (major, minor) = (nix::sys::stat::major(self.rdev), nix::sys::stat::minor(self.rdev));
        format!("mknod -m {:o} {} {kind} {major} {minor}", self.mode, quote_path(&self.path))
    }
    fn run(&self) -> Result<(), Errno> {
        let kind = if self.block { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
        mknodat(AT_FDCWD, &self.path, kind, Mode::from_bits_truncate(self.mode), self.rdev)
    }
    fn rehearse(&self) {}
}
