//! Capítulo 11 · Los archivos de imágenes por fuera: un montón de piezas con nombre.
//!
//! Da igual que sea un directorio o un tar: lo que hace falta es abrir una pieza por su nombre y
//! leerla las veces que se quiera. Del tar se apunta dónde empieza cada una; no se desempaqueta.

use super::import::decompressed;
use super::inroot::{Root, io_problem, ours};
use super::tarball::Tarball;
use super::unpack::{Limits, show};
use crate::error::Error;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use tar::EntryType;

/// Piezas que se apuntan como mucho: una imagen de verdad tiene decenas.
const MAX_MEMBERS: usize = 65_536;
/// Lo que puede ocupar un JSON.
const MAX_JSON: u64 = 4 << 20;
/// Enlaces que se siguen de una pieza a otra.
const MAX_HOPS: usize = 8;

pub(super) enum Bundle {
    Directory(Root),
    Archive { file: File, members: Members },
}

pub(super) type Members = BTreeMap<Vec<u8>, Member>;

/// Lo que hay en un archivo con un nombre.
pub(super) enum Member {
    Data {
        start: u64,
        length: u64,
    },
    /// `docker save` no repite una capa: pone un enlace a la otra.
    Link(Vec<u8>),
    Directory,
}

// ANCHOR: scan
/// Recorre un tar y apunta sus piezas. Sirve para saber qué es y, si es un archivo de imágenes, para
/// leerlas. Lo que está hondo no interesa: no es de ningún archivo de imágenes.
pub(super) fn scan(source: impl Read, limits: Limits) -> io::Result<Members> {
    let mut tarball = Tarball::new(source, limits.bytes);
    let (mut members, mut left) = (Members::new(), limits.entries);
    while let Some(entry) = tarball.next()? {
        left = left.checked_sub(1).ok_or_else(|| ours("tiene más entradas de las que se admiten"))?;
        let path = normal(b"", &entry.path);
        if path.split(|byte| *byte == b'/').count() > 3 || members.len() >= MAX_MEMBERS {
            continue;
        }
        let member = match entry.kind {
            EntryType::Regular | EntryType::Continuous => {
                Member::Data { start: tarball.position, length: entry.size }
            }
            EntryType::Symlink => Member::Link(normal(parent(&path), &entry.link)),
            EntryType::Link => Member::Link(normal(b"", &entry.link)),
            EntryType::Directory => Member::Directory,
            _ => continue,
        };
        members.insert(path, member);
    }
    if left == limits.entries {
        return Err(ours("el tar no contiene nada"));
    }
    Ok(members)
}
// ANCHOR_END: scan

/// ¿Son las piezas de un archivo de imágenes? Una raíz puede tener un `manifest.json`, pero además
/// tiene directorios de sistema.
pub(super) fn is_bundle(members: &Members) -> bool {
    let has = |name: &[u8]| members.contains_key(name);
    let root = [b"etc".as_slice(), b"usr", b"bin"].iter().any(|name| has(name));
    !root && (has(b"manifest.json") || has(b"oci-layout") && has(b"index.json"))
}

impl Bundle {
    pub(super) fn has(&self, name: &str) -> bool {
        self.open(name).is_ok()
    }

    /// Abre la pieza `name`.
    pub(super) fn open(&self, name: &str) -> Result<Piece, Error> {
        let missing = || Error::failed(format!("al archivo le falta la pieza «{}»", show(name.as_bytes())));
        match self {
            Bundle::Directory(root) => {
                let file = root.file(name.as_bytes()).map_err(|e| match e {
                    Errno::ENOENT => missing(),
                    e => io_problem(&format!("no se pudo abrir «{name}»"), e.into()),
                })?;
                let length = file.metadata().map_err(|e| io_problem("no se pudo mirar la pieza", e))?.len();
                Ok(Piece { file, start: 0, length, position: 0 })
            }
            Bundle::Archive { file, members } => {
                let (start, length) = locate(members, name).ok_or_else(missing)?;
                let file = file.try_clone().map_err(|e| io_problem("no se pudo leer el archivo", e))?;
                Ok(Piece { file, start, length, position: 0 })
            }
        }
    }

    /// El contenido de una pieza pequeña.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut piece = self.open(name)?;
        if piece.length > MAX_JSON {
            return Err(Error::failed(format!(
                "«{name}» mide {} bytes: no puede ser lo que dice ser",
                piece.length
            )));
        }
        let mut bytes = Vec::new();
        piece.read_to_end(&mut bytes).map_err(|e| io_problem(&format!("no se pudo leer «{name}»"), e))?;
        Ok(bytes)
    }
}

/// Dónde empieza y cuánto mide la pieza `name`, tras seguir los enlaces.
fn locate(members: &Members, name: &str) -> Option<(u64, u64)> {
    let mut path = normal(b"", name.as_bytes());
    for _ in 0..MAX_HOPS {
        match members.get(&path)? {
            Member::Data { start, length } => return Some((*start, *length)),
            Member::Link(target) => path = target.clone(),
            Member::Directory => return None,
        }
    }
    None
}

/// Una ruta dentro del archivo, sin `.` ni `..`. Solo sirve para buscar en una lista: no abre nada.
fn normal(base: &[u8], path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in base.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join(&b'/')
}

fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |slash| &path[..slash])
}

/// Una pieza abierta: un tramo de un fichero.
pub(super) struct Piece {
    file: File,
    start: u64,
    pub(super) length: u64,
    position: u64,
}

impl Piece {
    /// El contenido desde el principio, descomprimido si hace falta.
    pub(super) fn layer(&mut self) -> Result<Box<dyn Read + '_>, Error> {
        decompressed(self).map_err(|e| {
            e.with_hint(
                "vuelve a exportar la imagen con las capas en gzip o sin comprimir: \
                 `podman save --format docker-archive` o `skopeo copy --dest-compress-format gzip`",
            )
        })
    }
}

impl Read for Piece {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.length - self.position).unwrap_or(usize::MAX));
        let read = self.file.read_at(&mut buffer[..wanted], self.start + self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Piece {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        let target = target.filter(|at| *at <= self.length).ok_or(io::ErrorKind::InvalidInput)?;
        self.position = target;
        Ok(target)
    }
}
