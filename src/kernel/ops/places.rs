//! Órdenes sobre lo que hay dentro de la raíz de un contenedor.
//!
//! La imagen y los volúmenes no son de fiar: lo de dentro se nombra siempre desde un descriptor de su
//! raíz, con `openat2`, y lo que se abre se comprueba antes de usarlo.

use super::{OpenDir, Place, quote_path};
use crate::kernel::{Op, sys};
use crate::state::ProcessId;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat, makedev};
use std::ffi::CString;
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
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

impl Place {
    /// La raíz que ve un proceso, si sigue siendo él.
    pub fn root_of(process: ProcessId) -> Option<Place> {
        let place = OpenDir(format!("/proc/{}/root/.", process.pid).into()).run().ok()?;
        process.is_alive().then_some(place)
    }

    /// Abre lo que haya en `path` resolviendo los enlaces como si esto fuera `/`: no se sale.
    fn open(&self, path: &str, flags: i32) -> Result<OwnedFd, Errno> {
        let root = self.fd.as_ref().ok_or(Errno::EBADF)?;
        let path = CString::new(path.trim_start_matches('/')).map_err(|_| Errno::EINVAL)?;
        let path = if path.is_empty() { c".".to_owned() } else { path };
        sys::openat2(root.as_fd(), &path, flags, 0, sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS)
    }

    /// Lo que se sabe de lo que haya en `path`.
    pub fn stat(&self, path: &str) -> Result<FileStat, Errno> {
        fstat(&self.open(path, libc::O_PATH)?)
    }

    /// El principio del fichero `path`, como mucho `max` bytes. Una tubería con nombre no hace esperar.
    pub fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, Errno> {
        let file = fs::File::from(self.open(path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY)?);
        let mut bytes = Vec::new();
        file.take(max).read_to_end(&mut bytes).map_err(|e| super::errno_of(&e))?;
        Ok(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Una raíz con un fichero, un directorio con dos nombres y enlaces que quieren salir.
    fn root(test: &str) -> (std::path::PathBuf, Place) {
        let dir = std::env::temp_dir().join(format!("micropod-sitios-{test}-{}", std::process::id()));
        fs::create_dir_all(dir.join("raiz/d")).unwrap();
        for (path, text) in [("raiz/f", "dentro"), ("raiz/d/a", "1"), ("raiz/d/b", "2"), ("fuera", "fuera")] {
            fs::write(dir.join(path), text).unwrap();
        }
        for (path, target) in [("salida", "../fuera"), ("absoluto", "/f"), ("magia", "/proc/self/root")] {
            symlink(target, dir.join("raiz").join(path)).unwrap();
        }
        let place = OpenDir(dir.join("raiz")).run().unwrap();
        (dir, place)
    }

    #[test]
    fn lo_de_dentro_se_lee_y_los_enlaces_no_sacan() {
        let (dir, root) = root("lee");
        assert_eq!(root.read("/f", 3).unwrap(), b"den");
        assert_eq!(root.read("absoluto", 100).unwrap(), b"dentro", "su / es la raíz");
        assert_eq!(
            root.read("salida", 100).unwrap_err(),
            Errno::ENOENT,
            "subir desde la raíz es quedarse en ella"
        );
        assert!(root.stat("magia/etc").is_err());
        let mut names = root.names_in("/d");
        crate::order::sort(&mut names);
        assert_eq!(names, ["a", "b"]);
        assert!(root.names_in("no-esta").is_empty());
        assert!(root.find("/d").unwrap().directory && !root.find("f").unwrap().directory);
        assert!(root.find("absoluto").is_none(), "un enlace no es lo que se busca");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn por_debajo_es_por_debajo() {
        let (dir, root) = root("debajo");
        let open = |path| OpenBeneath { root: &root, path }.run().map(drop);
        assert_eq!(open("./d/a"), Ok(()));
        assert_eq!(open(""), Ok(()));
        for path in ["salida", "absoluto", "../fuera", "d/../../fuera"] {
            assert_eq!(open(path), Err(Errno::EXDEV), "{path}");
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn un_dispositivo_que_no_es_el_que_dice_no_vale() {
        let (dir, root) = root("dispositivo");
        let open = |path| OpenDevice { root: &root, path, major: 1, minor: 3 }.run().map(drop);
        assert_eq!(open("/f"), Err(Errno::ENODEV));
        assert_eq!(open("/no"), Err(Errno::ENOENT));
        let whole = OpenDir("/".into()).run().unwrap();
        let null = |minor| OpenDevice { root: &whole, path: "/dev/null", major: 1, minor }.run().is_ok();
        assert!(null(3) && !null(5));
        fs::remove_dir_all(dir).unwrap();
    }
}
