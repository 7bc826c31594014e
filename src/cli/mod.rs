//! Los verbos: un fichero por verbo.

pub mod explain;
pub mod term;
