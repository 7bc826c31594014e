//! Lo que escribe quien usa micropod: los objetos de Kubernetes, su lectura y su validación.

pub mod quantity;
pub mod schema;
pub mod types;

use std::fmt;
use std::path::{Path, PathBuf};
use types::Pod;

/// Un error en lo que se ha escrito: dónde, qué y qué hacer.
#[derive(Clone, Debug, PartialEq)]
pub struct SpecError {
    /// Código estable: `MP0101`. `micropod explain MP0101` lo cuenta.
    pub code: &'static str,
    pub file: String,
    /// Línea y columna, desde 1, y cuántos caracteres se subrayan; `None` si no hay lugar que señalar.
    pub place: Option<Place>,
    /// El camino del campo: `spec.containers[0].image`.
    pub field: String,
    pub problem: String,
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
    pub width: usize,
    /// El texto de la línea.
    pub text: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.problem)
    }
}

impl std::error::Error for SpecError {}

/// Un Pod leído y validado, y de dónde salió.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub pod: Pod,
    /// El directorio del fichero: las rutas relativas de hostPath lo son a él.
    pub base: PathBuf,
}

/// Lee y valida el fichero `path`; `-` es la entrada estándar.
pub fn load(path: &Path) -> Result<Loaded, crate::error::Error> {
    let _ = path;
    Err(crate::error::Error::failed("pendiente"))
}
