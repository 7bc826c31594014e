//! Los verbos: un fichero por verbo.

pub mod image;
pub mod term;
