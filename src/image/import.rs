//! Capítulo 11 · De un fichero a una imagen, sin hablar con ningún registro.
//!
//! El fichero puede ser tres cosas, y se averigua mirando dentro, no por su nombre:
//!
//! - un **tar de una raíz**: se desempaqueta tal cual (lo que hace `docker export`),
//! - un **archivo de imágenes**: lo que escriben `docker save`, `podman save` o `skopeo copy`;
//!   dentro hay capas y un JSON que dice en qué orden van,
//! - un **directorio OCI**: lo mismo, sin el tar de fuera.
//!
//! Cualquiera de los dos primeros puede venir comprimido con gzip.

use super::inroot::io_problem;
use super::tarball::is_header;
use super::unpack::{Limits, Unpacker, open_root};
use super::{Image, ImageConfig, Name, Store};
use crate::error::Error;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Crea la imagen `name` con lo que hay en `file`.
pub fn import(name: &str, file: &Path) -> Result<Image, Error> {
    Store::local().import(name, file)
}

impl Store {
    pub fn import(&self, name: &str, path: &Path) -> Result<Image, Error> {
        self.import_within(name, path, Limits::default())
    }

    // ANCHOR: import
    pub(super) fn import_within(&self, name: &str, path: &Path, limits: Limits) -> Result<Image, Error> {
        let name = Name::parse(name)?;
        if name.is_host() {
            return Err(Error::usage("`host` es la raíz de esta máquina: elige otro nombre para la imagen"));
        }
        self.refuse_if_used(&name)?;
        let staging = self.stage()?;
        let root = open_root(&staging.root())?;
        let mut unpacker = Unpacker::new(&root, limits);
        let mut file =
            File::open(path).map_err(|e| io_problem(&format!("no se pudo abrir {}", path.display()), e))?;
        unpacker.write(decompressed(&mut file)?, false)?;
        warn_skipped(unpacker.skipped);
        self.commit(
            &name,
            staging,
            ImageConfig { env: vec![super::DEFAULT_PATH.into()], ..ImageConfig::default() },
        )
    }
    // ANCHOR_END: import
}

/// Los nodos de dispositivo que no se han creado se dicen siempre, en una línea.
pub(super) fn warn_skipped(skipped: u64) {
    if skipped > 0 {
        eprintln!("aviso: {skipped} dispositivos y tuberías del tar no se han creado: /dev lo pone micropod");
    }
}

// ANCHOR: decompressed
/// El contenido de un fichero desde el principio: tal cual si es un tar; descomprimido si es gzip.
pub(super) fn decompressed<'a>(file: &'a mut (impl Read + Seek)) -> Result<Box<dyn Read + 'a>, Error> {
    let unreadable = |e| io_problem("no se pudo leer el fichero", e);
    let mut start = Vec::new();
    file.take(512).read_to_end(&mut start).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let strange = |what: &str, how: &str| {
        Err(Error::failed(format!("el fichero {what}, y micropod solo lee tar y tar.gz")).with_hint(how))
    };
    match start.as_slice() {
        [0x1f, 0x8b, ..] => Ok(Box::new(MultiGzDecoder::new(BufReader::new(file)))),
        _ if is_header(&start) => Ok(Box::new(BufReader::new(file))),
        [] => strange("está vacío", "mira con `ls -l` si se copió entero"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            strange("está comprimido con zstd", "descomprímelo antes con `unzstd FICHERO`")
        }
        [0xfd, b'7', b'z', ..] => strange("está comprimido con xz", "descomprímelo antes con `unxz FICHERO`"),
        [b'B', b'Z', b'h', ..] => {
            strange("está comprimido con bzip2", "descomprímelo antes con `bunzip2 FICHERO`")
        }
        [b'P', b'K', ..] => strange("es un zip", "extráelo y haz un tar con su contenido"),
        _ => strange("no es un tar", "créalo con `docker save`, `podman save` o `tar -C RAÍZ -cf FICHERO .`"),
    }
}
// ANCHOR_END: decompressed

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn humo() {
        let dir = std::path::Path::new("/tmp/img/store");
        let store = Store::at(dir);
        let image = store.import("bb", Path::new("/tmp/img/bb.tar")).unwrap();
        println!("{image:?}");
        println!("{}", store.find("busybos").unwrap_err());
        store.import("bb", Path::new("/tmp/img/nginx-light.tar")).unwrap();
        println!("{:?}", store.list());
    }
}
