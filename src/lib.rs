//! micropod: un Pod de Kubernetes en un solo ordenador, paso a paso.
//!
//! Los módulos, en el orden en que se leen.

pub mod chapters;
pub mod cli;
pub mod error;
pub mod image;
pub mod kernel;
pub mod logic;
pub mod process;
pub mod run;
pub mod security;
pub mod spec;
pub mod state;
