//! Capítulo 11 · De un tar hostil a un árbol de ficheros.
//!
//! Cada capa de una imagen es un tar con lo que cambia respecto a las de debajo. Lo que añade o
//! sustituye es un fichero corriente; lo que borra, un fichero vacío con un nombre especial:
//!
//! - `dir/.wh.x` borra `dir/x` de las capas de debajo,
//! - `dir/.wh..wh..opq` borra todo lo que las de debajo pusieron en `dir` (directorio opaco).
//!
//! Ninguno de los dos toca lo que pone su misma capa, y en el tar pueden ir antes o después. Por eso
//! la capa se lee dos veces: en la primera ([`erase`]) solo se borra (y de paso se comprueban límites
//! y resúmenes); en la segunda ([`write`]), solo se escribe.

use super::inroot::{Place, Root, empty, io_problem, is, ours, set_owner};
use super::tarball::{Entry, Tarball};
use crate::error::Error;
use crate::kernel::sys;
use nix::errno::Errno;
use nix::sys::stat::{SFlag, UtimensatFlags, futimens, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use tar::EntryType;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// El atributo extendido con las capacidades de un ejecutable. Los demás no hacen falta.
const CAPABILITY: &str = "security.capability";

/// Hasta dónde se deja llegar a un tar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes descomprimidos, entre todas las capas.
    pub(super) bytes: u64,
    /// Entradas, entre todas las capas.
    pub(super) entries: u64,
    /// Directorios anidados.
    pub(super) depth: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 16 << 30, entries: 2_000_000, depth: 100 }
    }
}

/// Por dónde pasa cada ruta antes de escribirse; `None`: esa entrada se salta.
pub(super) type Rename<'a> = dyn Fn(&[u8]) -> Option<Vec<u8>> + 'a;

/// Un árbol que se va llenando, capa a capa.
pub(super) struct Unpacker<'a> {
    root: &'a Root,
    limits: Limits,
    pub(super) rename: Option<&'a Rename<'a>>,
    /// Dispositivos y tuberías que no se han creado.
    pub(super) skipped: u64,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(root: &'a Root, limits: Limits) -> Unpacker<'a> {
        Unpacker { root, limits, rename: None, skipped: 0 }
    }

    // ANCHOR: erase
    /// Primera lectura de una capa: borra lo que la capa tapa y comprueba que se puede leer entera.
    pub(super) fn erase<R: Read>(&mut self, source: R) -> Result<R, Error> {
        let mut tarball = Tarball::new(source, self.limits.bytes);
        let mut left = self.limits.entries;
        while let Some(entry) = tarball.next().map_err(unreadable)? {
            count_entry(&mut left)?;
            let path = self.checked(&entry.path)?;
            if path.split(|byte| *byte == b'/').rev().skip(1).any(|part| part.starts_with(WHITEOUT)) {
                return Err(refused(&entry.path, "pasa por una marca de borrado (.wh.)"));
            }
            let (above, name) =
                path.split_at(path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1));
            let done = if name == OPAQUE {
                self.hide_all(above.strip_suffix(b"/").unwrap_or(above))
            } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                self.hide(&[above, hidden].concat(), hidden)
            } else {
                continue;
            };
            done.map_err(|e| trouble("no se pudo borrar lo que tapa", &path, e.into()))?;
        }
        tarball.finish().map_err(unreadable)
    }
    // ANCHOR_END: erase

    fn hide_all(&self, path: &[u8]) -> Result<(), Errno> {
        match self.root.dir(path) {
            Ok(dir) => empty(dir),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()), // debajo no había nada
            Err(e) => Err(e),
        }
    }

    fn hide(&self, path: &[u8], name: &[u8]) -> Result<(), Errno> {
        // `.wh.`, `.wh..` y `.wh...` taparían el propio directorio o el de encima; y `.wh..wh.…` es
        // la contabilidad interna de un sistema de ficheros que ya no existe (aufs)
        if name.is_empty() || name == b"." || name == b".." || name.starts_with(WHITEOUT) {
            return Err(Errno::EINVAL);
        }
        match self.root.existing_place(path) {
            Ok(place) => place.remove(),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
            Err(e) => Err(e),
        }
    }

    // ANCHOR: write
    /// Segunda lectura: escribe lo que la capa pone. `layered`: las marcas de borrado no son ficheros.
    pub(super) fn write<R: Read>(&mut self, source: R, layered: bool) -> Result<R, Error> {
        let mut tarball = Tarball::new(source, self.limits.bytes);
        let mut directories = Vec::new();
        while let Some(entry) = tarball.next().map_err(unreadable)? {
            count_entry(&mut self.limits.entries)?;
            let mut path = self.checked(&entry.path)?;
            let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            if layered && name.starts_with(WHITEOUT) {
                continue;
            }
            if let Some(rename) = self.rename {
                let Some(renamed) = rename(&path) else { continue };
                path = renamed;
            }
            let written = self.write_entry(&entry, &path, &mut tarball);
            written.map_err(|e| trouble("no se pudo crear", &path, e))?;
            if entry.kind == EntryType::Directory {
                directories.push((path, entry.mtime));
            }
        }
        self.limits.bytes = self.limits.bytes.saturating_sub(tarball.position);
        // crear un fichero cambia la fecha de su directorio: las de los directorios, al final
        for (path, mtime) in directories.into_iter().rev() {
            if let Ok(dir) = self.root.dir(&path) {
                set_time(&dir, mtime)
                    .map_err(|e| trouble("no se pudo poner la fecha de", &path, e.into()))?;
            }
        }
        tarball.finish().map_err(unreadable)
    }
    // ANCHOR_END: write

    fn write_entry<R: Read>(
        &mut self,
        entry: &Entry,
        path: &[u8],
        tarball: &mut Tarball<R>,
    ) -> io::Result<()> {
        if path.is_empty() {
            return if entry.kind == EntryType::Directory {
                Ok(own(&self.root.dir(b"")?, entry)?)
            } else {
                Err(ours("la raíz tiene que ser un directorio"))
            };
        }
        match entry.kind {
            EntryType::Directory => self.write_dir(entry, path),
            EntryType::Regular | EntryType::Continuous => self.write_file(entry, path, tarball),
            EntryType::Symlink => self.write_symlink(entry, path),
            EntryType::Link => self.write_hard_link(entry, path),
            // mknod crearía una puerta al hardware del anfitrión; el /dev del contenedor lo ponemos nosotros
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                self.skipped += 1;
                Ok(())
            }
            EntryType::GNUSparse => Err(ours("es un fichero disperso: vuelve a crear el tar sin --sparse")),
            _ => Err(ours("es de un tipo desconocido")),
        }
    }

    fn write_dir(&self, entry: &Entry, path: &[u8]) -> io::Result<()> {
        let place = self.root.place(path)?;
        // un directorio se funde con el que ya hubiera; cualquier otra cosa se sustituye, también un
        // enlace simbólico a un directorio
        if place.stat()?.is_some_and(|stat| !is(&stat, SFlag::S_IFDIR)) {
            place.remove()?;
        }
        Ok(own(&place.create_dir()?, entry)?)
    }

    fn write_file<R: Read>(&self, entry: &Entry, path: &[u8], tarball: &mut Tarball<R>) -> io::Result<()> {
        let place = self.free_place(path)?;
        let mut file = place.create_file()?;
        let mut buffer = [0; 64 * 1024];
        loop {
            match tarball.read_data(&mut buffer)? {
                0 => break,
                read => file.write_all(&buffer[..read])?,
            }
        }
        own(&file, entry)?;
        Ok(set_time(&file, entry.mtime)?)
    }

    fn write_symlink(&self, entry: &Entry, path: &[u8]) -> io::Result<()> {
        // adónde lleve da igual: quien lo siga lo hará dentro de la raíz
        let place = self.free_place(path)?;
        place.create_symlink(&entry.link)?;
        own_symlink(&place, entry)?;
        Ok(())
    }

    fn write_hard_link(&self, entry: &Entry, path: &[u8]) -> io::Result<()> {
        let mut target = self.checked(&entry.link).map_err(|_| ours("enlaza con una ruta que no vale"))?;
        if let Some(rename) = self.rename {
            target = rename(&target).ok_or_else(|| ours("enlaza con algo que se ha excluido"))?;
        }
        let original = self.root.existing_place(&target)?;
        let Some(there) = original.stat()? else {
            return Err(ours(format!("enlaza con «{}», que no existe", show(&target))));
        };
        let place = self.root.place(path)?;
        match place.stat()? {
            Some(stat) if (stat.st_dev, stat.st_ino) == (there.st_dev, there.st_ino) => return Ok(()),
            Some(_) => place.remove()?,
            None => {}
        }
        Ok(place.create_hard_link(&original)?)
    }

    /// El sitio de algo que no es un directorio: lo que hubiera, se quita.
    fn free_place(&self, path: &[u8]) -> Result<Place, Errno> {
        let place = self.root.place(path)?;
        place.remove()?;
        Ok(place)
    }

    // ANCHOR: checked
    /// La ruta de una entrada, relativa a la raíz y sin trozos vacíos ni `.`. El `/` del principio
    /// es la raíz de la imagen. `..` no tiene nada que hacer en un tar honrado.
    fn checked(&self, path: &[u8]) -> Result<Vec<u8>, Error> {
        let refuse = |why: &str| Err(refused(path, why));
        let parts: Vec<&[u8]> =
            path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        if path.is_empty() {
            return refuse("no tiene nombre");
        }
        if path.contains(&0) {
            return refuse("tiene un carácter NUL");
        }
        if parts.contains(&b"..".as_slice()) {
            return refuse("contiene «..» y podría salir de la raíz");
        }
        if parts.len() > self.limits.depth {
            return refuse("está en demasiados directorios anidados");
        }
        if path.len() > 4095 || parts.iter().any(|part| part.len() > 255) {
            return refuse("es demasiado larga");
        }
        Ok(parts.join(&b'/'))
    }
    // ANCHOR_END: checked
}

fn count_entry(left: &mut u64) -> Result<(), Error> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| Error::failed("el tar tiene más entradas de las que se admiten"))?;
    Ok(())
}

// ANCHOR: own
/// Dueño, modo y, al final, capacidades: `chown` las borra.
fn own(fd: &impl AsFd, entry: &Entry) -> Result<(), Errno> {
    set_owner(fd, entry.uid, entry.gid, entry.mode)?;
    if entry.kind == EntryType::Directory {
        return Ok(());
    }
    for (name, value) in entry.xattrs.iter().filter(|(name, _)| name == CAPABILITY) {
        sys::fsetxattr(fd.as_fd(), name, value)?;
    }
    Ok(())
}
// ANCHOR_END: own

fn own_symlink(place: &Place, entry: &Entry) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
    let name = place.name.as_c_str();
    fchownat(&place.dir, name, Some(uid), Some(gid), nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let time = time_spec(entry.mtime);
    utimensat(&place.dir, name, &time, &time, UtimensatFlags::NoFollowSymlink)
}

fn set_time(fd: &impl AsFd, mtime: (i64, u32)) -> Result<(), Errno> {
    let time = time_spec(mtime);
    futimens(fd, &time, &time)
}

fn time_spec((seconds, nanoseconds): (i64, u32)) -> TimeSpec {
    TimeSpec::new(seconds, i64::from(nanoseconds))
}

fn refused(path: &[u8], why: &str) -> Error {
    Error::failed(format!("el tar contiene una ruta que no se admite: «{}»", show(path)))
        .because(format!("la ruta {why}"))
}

fn unreadable(e: io::Error) -> Error {
    io_problem("no se pudo leer el tar", e)
}

fn trouble(what: &str, path: &[u8], e: io::Error) -> Error {
    io_problem(&format!("{what} «{}» dentro de la imagen", show(path)), e)
}

/// Una ruta hostil, para un mensaje: sin caracteres de control y no muy larga.
pub(super) fn show(path: &[u8]) -> String {
    let text: String = path.escape_ascii().to_string().chars().take(120).collect();
    if path.is_ascii() {
        text
    } else {
        String::from_utf8_lossy(path).chars().filter(|c| !c.is_control()).take(120).collect()
    }
}

/// Abre un directorio como raíz de una imagen.
pub(super) fn open_root(path: &std::path::Path) -> Result<Root, Error> {
    Root::open(path).map_err(|e| io_problem(&format!("no se pudo abrir {}", path.display()), e.into()))
}
