//! Archivos que no son de fiar, sin imagen de por medio: para alimentarlos con basura (`crate::fuzz`).

use super::tarball::Tarball;
use super::unpack::{Limits, Unpacker, open_root};
use crate::error::Error;
use std::io;
use std::path::Path;

/// Poco: un archivo de prueba no necesita más, y uno que miente no debe llegar lejos.
const LIMITS: Limits = Limits { bytes: 4 << 20, entries: 1000, depth: 20 };

/// Cuántas entradas hay en un .tar, leyendo también sus datos.
pub fn walk(bytes: &[u8]) -> io::Result<u64> {
    let mut tarball = Tarball::new(bytes, LIMITS.bytes);
    let mut entries = 0;
    let mut buffer = [0; 512];
    while tarball.next()?.is_some() {
        entries += 1;
        while tarball.read_data(&mut buffer)? > 0 {}
    }
    Ok(entries)
}

/// Escribe unas capas en `root`, una sobre otra: como `image import`, primero lo que tapan y luego lo suyo.
pub fn unpack_layers(root: &Path, layers: &[&[u8]]) -> Result<(), Error> {
    let root = open_root(root)?;
    let mut unpacker = Unpacker::new(&root, LIMITS);
    for layer in layers {
        unpacker.erase(*layer)?;
        unpacker.write(*layer, true)?;
    }
    Ok(())
}
