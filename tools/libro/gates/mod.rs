//! Las comprobaciones. Cada una mira el libro entero y devuelve sus faltas y un resumen.
//!
//! Las rápidas no ejecutan nada y van también en `make test`; las lentas (la consola, las
//! especificaciones, el HTML) solo en `make book`.

pub mod code;
pub mod coverage;
pub mod figures;
pub mod links;
pub mod shape;
pub mod source_map;
pub mod style;

use crate::book::Book;
use crate::fault::Report;

/// Las que no ejecutan nada.
pub const FAST: &[fn(&Book) -> Report] = &[
    code::includes,
    code::handwritten,
    code::drawings,
    code::steps,
    code::not_run,
    shape::chapters,
    shape::pending,
    shape::specs,
    links::internal,
    figures::prose,
    style::glossary,
    style::words,
    style::readability,
    source_map::complete,
];

/// Las que no miran el libro, sino el programa que cuenta. No van en `make test`: un código de error
/// nuevo se prueba allí con lo suyo, y su página se mira al construir el libro.
pub const PROGRAM: &[fn(&Book) -> Report] = &[crate::errors::produced];

/// Las que se pueden hacer sin ejecutar nada, pero que solo mandan en `make book`.
pub const BOOK_ONLY: &[fn(&Book) -> Report] = &[coverage::ratchet];
