//! Lo que solo tiene micropod: el mismo Pod como guion, como dibujo, como demostración y como historia.

pub mod draw;
pub mod facts;
pub mod faults;
pub mod prove;
pub mod script;
pub mod simulate;
pub mod story;
pub mod world;
