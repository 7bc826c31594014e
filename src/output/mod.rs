//! Cómo se escribe un objeto: tablas, fichas, YAML, JSON, jsonpath y columnas a medida.
//!
//! Aquí solo hay texto: entra el objeto de Kubernetes ([`crate::object`]) y sale lo que se imprime,
//! byte a byte como lo imprime kubectl 1.33.

pub mod columns;
pub mod describe;
pub mod events;
pub mod format;
pub mod json;
pub mod jsonpath;
pub mod sort;
pub mod tabwriter;
pub mod time;
pub mod yaml;
