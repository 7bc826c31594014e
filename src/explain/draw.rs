//! `micropod dibuja`: el Pod tal como lo ve el kernel ahora mismo, en la terminal o en SVG.

use super::facts;
use super::picture::{self, COLUMNS};
use super::{svg, text};
use crate::error::Error;
use crate::state::Seen;

/// El SVG no tiene que caber en una terminal.
const SVG_COLUMNS: usize = 124;

/// Dibuja el Pod en la terminal o, si se dice, en el fichero `file`; `-` es la salida.
pub fn draw(seen: &Seen, file: Option<&String>) -> Result<(), Error> {
    let facts = facts::read(seen);
    if facts.members.is_empty() {
        return Err(Error::failed(format!(
            "el Pod `{}` no está en marcha: no hay nada que dibujar",
            seen.record.name
        )));
    }
    match file.map(String::as_str) {
        None => print!("{}", text::paint(&picture::lay_out(&facts, COLUMNS))),
        Some("-") => print!("{}", svg::paint(&picture::lay_out(&facts, SVG_COLUMNS))),
        Some(path) => std::fs::write(path, svg::paint(&picture::lay_out(&facts, SVG_COLUMNS)))
            .map_err(|e| Error::failed(format!("no se pudo escribir {path}")).because(e))?,
    }
    Ok(())
}
