//! Lo que solo tiene micropod: el mismo Pod como guion, como dibujo y como demostración.

pub mod draw;
pub mod facts;
pub mod prove;
pub mod script;
