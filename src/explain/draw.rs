//! `micropod dibuja`: el Pod tal como lo ve el kernel ahora mismo, en la terminal o en SVG.

use super::facts;
use super::picture::{self, COLUMNS};
use super::simulate::Output;
use super::{svg, text};
use crate::error::Error;
use crate::state::Seen;

/// El SVG no tiene que caber en una terminal.
const SVG_COLUMNS: usize = 124;

/// Dibuja el Pod en la terminal o, si se pide, en SVG.
pub fn draw(seen: &Seen, output: Output) -> Result<(), Error> {
    let facts = facts::read(seen);
    if facts.members.is_empty() {
        return Err(Error::failed(format!(
            "el Pod `{}` no está en marcha: no hay nada que dibujar",
            seen.record.name
        )));
    }
    match output {
        Output::Svg => print!("{}", svg::paint(&picture::lay_out(&facts, SVG_COLUMNS))),
        _ => print!("{}", text::paint(&picture::lay_out(&facts, COLUMNS))),
    }
    Ok(())
}
