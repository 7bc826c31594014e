//! Lo que escribe quien usa micropod: los objetos de Kubernetes, su lectura y su validación.

pub mod base64;
pub mod codes;
pub mod controllers;
pub mod dns;
pub mod errors;
pub mod kubernetes_fields;
pub mod json;
pub mod language;
pub mod life;
pub mod manifest;
pub mod objects;
pub mod parse;
pub mod policy;
pub mod quantity;
pub mod reader;
pub mod scalar;
pub mod schema;
pub mod secrets;
pub mod sources;
pub mod structure;
pub mod suggest;
pub mod tree;
pub mod typed;
pub mod types;
pub mod validate;
pub mod validation;
pub mod write;
pub mod yaml;
mod yaml_faults;

pub use errors::{Place, SpecError, SpecErrors};
pub use manifest::{Config, Controlled, Loaded, Manifest, Workload};
pub use parse::{load, load_all, load_with};
pub use policy::Policy;
pub use validate::is_reserved;
pub use validation::Validation;
