//! Lo que escribe quien usa micropod: los objetos de Kubernetes, su lectura y su validación.

pub mod codes;
pub mod errors;
pub mod kubernetes_fields;
pub mod life;
pub mod parse;
pub mod quantity;
pub mod reader;
pub mod schema;
pub mod structure;
pub mod suggest;
pub mod tree;
pub mod types;
pub mod validate;

pub use errors::{Place, SpecError, SpecErrors};
pub use parse::load;

use std::path::PathBuf;
use types::Pod;

/// Un Pod leído y validado, y de dónde salió.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub pod: Pod,
    /// El directorio del fichero, absoluto y sin enlaces: las rutas relativas de hostPath lo son a
    /// él. Lo que llega por la entrada estándar cuenta desde el directorio actual.
    pub base: PathBuf,
}
