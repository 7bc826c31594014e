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

use super::bundle::{self, Bundle};
use super::hashed::Hashed;
use super::inroot::io_problem;
use super::oci::{self, Layer};
use super::store::Staging;
use super::tarball::is_header;
use super::unpack::{Limits, Unpacker, open_root};
use super::{Image, ImageConfig, Name, Store};
use crate::error::Error;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
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
        let config = match open_bundle(path, &staging, limits)? {
            Source::Root(mut file) => {
                unpacker.write(decompressed(&mut file)?, false)?;
                ImageConfig { env: vec![super::DEFAULT_PATH.into()], ..ImageConfig::default() }
            }
            Source::Bundle(bundle) => {
                let plan = oci::plan(&bundle, name.as_str())?;
                for layer in &plan.layers {
                    add_layer(&mut unpacker, &bundle, layer)?;
                }
                plan.config
            }
        };
        warn_skipped(unpacker.skipped);
        self.commit(&name, staging, config)
    }
    // ANCHOR_END: import
}

/// Lo que ha resultado ser el fichero.
enum Source {
    Root(File),
    Bundle(Bundle),
}

fn open_bundle(path: &Path, staging: &Staging, limits: Limits) -> Result<Source, Error> {
    let unreadable = |e| io_problem(&format!("no se pudo leer {}", path.display()), e);
    if path.is_dir() {
        let bundle = Bundle::Directory(open_root(path)?);
        return if bundle.has("oci-layout") && bundle.has("index.json") {
            Ok(Source::Bundle(bundle))
        } else {
            Err(Error::failed(format!(
                "{} no es un directorio de imágenes OCI: le falta oci-layout",
                path.display()
            ))
            .with_hint(format!(
                "si es la raíz de un sistema, haz un tar: tar -C {} -cf RAÍZ.tar .",
                path.display()
            )))
        };
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut members = bundle::scan(decompressed(&mut file)?, limits).map_err(unreadable)?;
    if !bundle::is_bundle(&members) {
        return Ok(Source::Root(file));
    }
    if is_gzip(&mut file).map_err(unreadable)? {
        // para saltar de una pieza a otra hay que tenerlo sin comprimir
        let mut plain = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(staging.scratch("archivo.tar"))
            .map_err(unreadable)?;
        io::copy(&mut decompressed(&mut file)?.take(limits.bytes), &mut plain).map_err(unreadable)?;
        members = bundle::scan(decompressed(&mut plain)?, limits).map_err(unreadable)?;
        file = plain;
    }
    Ok(Source::Bundle(Bundle::Archive { file, members }))
}

// ANCHOR: add_layer
/// Pone una capa sobre las anteriores: primero lo que borra, después lo que escribe.
fn add_layer(unpacker: &mut Unpacker, bundle: &Bundle, layer: &Layer) -> Result<(), Error> {
    let mut piece = bundle.open(&layer.name)?;
    layer.check_piece(&mut piece)?;
    let (_, found, _) = unpacker.erase(Hashed::new(piece.layer()?))?.finish();
    layer.check_content(&found)?;
    unpacker.write(piece.layer()?, true)?;
    Ok(())
}
// ANCHOR_END: add_layer

/// Los nodos de dispositivo que no se han creado se dicen siempre, en una línea.
pub(super) fn warn_skipped(skipped: u64) {
    if skipped > 0 {
        eprintln!("aviso: {skipped} dispositivos y tuberías del tar no se han creado: /dev lo pone micropod");
    }
}

// ANCHOR: decompressed
fn is_gzip(file: &mut File) -> io::Result<bool> {
    let mut start = [0; 2];
    file.rewind()?;
    file.read_exact(&mut start)?;
    Ok(start == [0x1f, 0x8b])
}

/// El contenido de un fichero desde el principio: tal cual si es un tar; descomprimido si es gzip.
pub(super) fn decompressed<'a>(file: &'a mut (impl Read + Seek)) -> Result<Box<dyn Read + 'a>, Error> {
    let unreadable = |e| io_problem("no se pudo leer el fichero", e);
    let mut start = Vec::new();
    file.rewind().map_err(unreadable)?;
    Read::take(&mut *file, 512).read_to_end(&mut start).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
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
