//! Una falta del libro: dónde está y qué pasa. Una por línea, para saltar a ella desde el editor.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Desde la raíz del proyecto.
    pub file: String,
    /// Desde 1; 0 si la falta es del fichero entero.
    pub line: usize,
    pub text: String,
}

impl Fault {
    pub fn new(file: impl Into<String>, line: usize, text: impl Into<String>) -> Fault {
        Fault { file: file.into(), line, text: text.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line.max(1), self.text)
    }
}

/// Lo que ha visto una comprobación: sus faltas, y la línea que resume lo que ha mirado.
#[derive(Debug, Default)]
pub struct Report {
    pub name: &'static str,
    pub faults: Vec<Fault>,
    pub summary: String,
}
