//! Capítulo 11 · Qué hay dentro de un tar.
//!
//! Un tar es una fila de bloques de 512 bytes: una cabecera, los datos de ese fichero rellenados
//! hasta otro bloque, la siguiente cabecera… y al final dos bloques de ceros. Lo que no cabe en la
//! cabecera (rutas de más de 100 letras, atributos extendidos) va delante, en una entrada que parece
//! otro fichero: `x` en los tar de POSIX (pax), `L` y `K` en los de GNU.
//!
//! Se lee aquí, y no con un desempaquetador hecho, porque quien escribe el tar puede mentir: nada
//! se cree antes de comprobarlo, y nada crece sin límite.

use super::inroot::ours;
use std::io::{self, Read};
use tar::{EntryType, Header};

const BLOCK: u64 = 512;
/// Lo que puede ocupar una cabecera larga: sobra para una ruta y sus atributos.
const MAX_EXTENSION: u64 = 1 << 20;

/// Una entrada: todo lo que el tar dice de un fichero, menos sus datos.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    /// Adónde lleva, si es un enlace.
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) size: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    /// Segundos desde 1970 y nanosegundos.
    pub(super) mtime: (i64, u32),
    /// Atributos extendidos: nombre y valor.
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
}

/// Lo que una cabecera larga dice de la entrada que viene detrás.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<(i64, u32)>,
    xattrs: Vec<(String, Vec<u8>)>,
}

/// Un tar que se va leyendo, con un límite de bytes: una bomba comprimida se para ahí.
pub(super) struct Tarball<R> {
    source: R,
    /// Bytes que aún se aceptan.
    budget: u64,
    /// Datos de la entrada actual que faltan por leer.
    data: u64,
    /// Relleno tras ellos.
    padding: u64,
    /// Por dónde va: el desplazamiento en `source`.
    pub(super) position: u64,
}

impl<R: Read> Tarball<R> {
    pub(super) fn new(source: R, budget: u64) -> Tarball<R> {
        Tarball { source, budget, data: 0, padding: 0, position: 0 }
    }

    // ANCHOR: next
    /// La siguiente entrada, o `None` al final. Los datos de la anterior que no se leyeran se saltan.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut extension = Extension::default();
        loop {
            self.skip(self.data + self.padding)?;
            (self.data, self.padding) = (0, 0);
            let mut block = [0; BLOCK as usize];
            self.fill(&mut block)?;
            if block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            check_sum(&block)?;
            let header = Header::from_byte_slice(&block);
            let old = header.as_old();
            let kind = header.entry_type();
            let own = number(&old.size)?;
            // el tamaño de pax es el del fichero que sigue, no el de otra cabecera larga
            let size = if kind.is_gnu_longname()
                || kind.is_gnu_longlink()
                || kind.is_pax_local_extensions()
                || kind.is_pax_global_extensions()
            {
                own
            } else {
                extension.size.unwrap_or(own)
            };
            self.announce(size, kind)?;
            match kind {
                EntryType::XHeader => parse_pax(&self.extension_data()?, &mut extension)?,
                EntryType::XGlobalHeader => drop(self.extension_data()?),
                EntryType::GNULongName => extension.path = Some(trim_nul(self.extension_data()?)),
                EntryType::GNULongLink => extension.link = Some(trim_nul(self.extension_data()?)),
                _ => return entry(header, kind, size, extension).map(Some),
            }
        }
    }
    // ANCHOR_END: next

    /// Anota los datos que anuncia una cabecera. Antes de leer o escribir un byte: una que promete
    /// 8 TiB se rechaza aquí.
    fn announce(&mut self, size: u64, kind: EntryType) -> io::Result<()> {
        // los enlaces, directorios y dispositivos no tienen datos, diga lo que diga su tamaño
        let has_data = !matches!(
            kind,
            EntryType::Symlink
                | EntryType::Directory
                | EntryType::Char
                | EntryType::Block
                | EntryType::Fifo
                | EntryType::Link
        );
        let size = if has_data { size } else { 0 };
        if size > self.budget {
            return Err(too_big());
        }
        self.data = size;
        self.padding = (BLOCK - size % BLOCK) % BLOCK;
        Ok(())
    }

    /// Los datos de una cabecera larga, que han de caber en memoria.
    fn extension_data(&mut self) -> io::Result<Vec<u8>> {
        if self.data > MAX_EXTENSION {
            return Err(ours(format!(
                "una cabecera del tar anuncia {} bytes de nombres y atributos",
                self.data
            )));
        }
        let mut data = vec![0; self.data as usize];
        self.data = 0;
        self.fill(&mut data)?;
        Ok(data)
    }

    /// Lee datos de la entrada actual; 0 cuando se acaban.
    pub(super) fn read_data(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.data).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.source.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.data -= read as u64;
        self.spend(read as u64)?;
        Ok(read)
    }

    /// Lee hasta el final lo que quede tras el último bloque (para que el resumen lo incluya).
    pub(super) fn finish(mut self) -> io::Result<R> {
        let mut buffer = [0; 8192];
        loop {
            match self.source.read(&mut buffer)? {
                0 => return Ok(self.source),
                read => self.spend(read as u64)?,
            }
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.source.read_exact(buffer)?;
        self.spend(buffer.len() as u64)
    }

    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        let mut buffer = [0; 8192];
        while count > 0 {
            let chunk = count.min(buffer.len() as u64) as usize;
            self.fill(&mut buffer[..chunk])?;
            count -= chunk as u64;
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        self.position += bytes;
        self.budget = self.budget.checked_sub(bytes).ok_or_else(too_big)?;
        Ok(())
    }
}

fn too_big() -> io::Error {
    ours("descomprimida ocupa más de lo que se admite")
}

/// ¿Parece `block` la cabecera de un tar? Su suma de control lo dice.
pub(super) fn is_header(block: &[u8]) -> bool {
    block.len() >= BLOCK as usize && check_sum(&block[..BLOCK as usize]).is_ok()
}

/// La suma de los bytes de la cabecera, contando como espacios los del propio campo.
fn check_sum(block: &[u8]) -> io::Result<()> {
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let field: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    if number(&block[148..156]).is_ok_and(|written| written == sum - field + 8 * u64::from(b' ')) {
        return Ok(());
    }
    Err(ours("no es un tar, o está estropeado: no cuadra la suma de control de una cabecera"))
}

/// Un número de la cabecera: en octal, o en binario si el primer bit está encendido (GNU).
fn number(field: &[u8]) -> io::Result<u64> {
    let wrong = || ours("una cabecera del tar tiene un número que no lo es");
    match field.first() {
        Some(0xff) => return Ok(0), // negativo: una fecha anterior a 1970
        Some(byte) if byte & 0x80 != 0 => {
            let first = u64::from(byte & 0x7f);
            let add = |sum: u64, byte: &u8| {
                sum.checked_mul(256).and_then(|sum| sum.checked_add(u64::from(*byte))).ok_or_else(too_big)
            };
            return field[1..].iter().try_fold(first, add);
        }
        _ => {}
    }
    let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(text).map_err(|_| wrong())?.trim();
    if text.is_empty() { Ok(0) } else { u64::from_str_radix(text, 8).map_err(|_| wrong()) }
}

fn entry(header: &Header, kind: EntryType, size: u64, extension: Extension) -> io::Result<Entry> {
    let old = header.as_old();
    let id = |value: u64| {
        // el último número significa «no lo cambies» en chown(2): dejaría el fichero a nombre de root
        u32::try_from(value)
            .ok()
            .filter(|id| *id != u32::MAX)
            .ok_or_else(|| ours("un dueño o un grupo imposible"))
    };
    let own_link = || header.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default();
    Ok(Entry {
        path: extension.path.unwrap_or_else(|| header.path_bytes().into_owned()),
        link: extension.link.unwrap_or_else(own_link),
        kind,
        size,
        uid: id(extension.uid.map_or_else(|| number(&old.uid), Ok)?)?,
        gid: id(extension.gid.map_or_else(|| number(&old.gid), Ok)?)?,
        mode: number(&old.mode)? as u32 & 0o7777,
        mtime: match extension.mtime {
            Some(mtime) => mtime,
            None => (i64::try_from(number(&old.mtime)?).unwrap_or(0), 0),
        },
        xattrs: extension.xattrs,
    })
}

// ANCHOR: pax
/// Lee una cabecera pax: registros `LONGITUD CLAVE=VALOR\n`. El valor puede llevar cualquier byte,
/// saltos de línea incluidos: lo que manda es la longitud.
fn parse_pax(mut data: &[u8], extension: &mut Extension) -> io::Result<()> {
    let wrong = || ours("una cabecera pax del tar está mal formada");
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length = decimal(&data[..space]).ok_or_else(wrong)? as usize;
        if length <= space + 1 || length > data.len() || data[length - 1] != b'\n' {
            return Err(wrong());
        }
        let record = &data[space + 1..length - 1];
        data = &data[length..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let key = std::str::from_utf8(&record[..equals]).map_err(|_| wrong())?;
        set(extension, key, &record[equals + 1..]).ok_or_else(wrong)?;
        if key.starts_with("GNU.sparse.") {
            return Err(ours("el tar tiene ficheros dispersos: vuelve a crearlo sin --sparse"));
        }
    }
    Ok(())
}
// ANCHOR_END: pax

/// Guarda un registro pax; `None` si su valor no se entiende.
fn set(extension: &mut Extension, key: &str, value: &[u8]) -> Option<()> {
    match key {
        "path" => extension.path = Some(value.to_vec()),
        "linkpath" => extension.link = Some(value.to_vec()),
        "size" => extension.size = Some(decimal(value)?),
        "uid" => extension.uid = Some(decimal(value)?),
        "gid" => extension.gid = Some(decimal(value)?),
        "mtime" => extension.mtime = Some(timestamp(value)?),
        _ => {
            if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                extension.xattrs.push((name.to_string(), value.to_vec()));
            }
        }
    }
    Some(())
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `1700000000.25` → segundos y nanosegundos.
fn timestamp(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    // nueve cifras: las que falten son ceros y las que sobren no caben
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(if seconds < 0 { (seconds, 0) } else { (seconds, nanoseconds) })
}

/// Los nombres largos de GNU acaban en NUL.
fn trim_nul(mut name: Vec<u8>) -> Vec<u8> {
    while name.last() == Some(&0) {
        name.pop();
    }
    name
}
