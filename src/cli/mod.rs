//! Los verbos: un fichero por verbo.

pub mod term;
