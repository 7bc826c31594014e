//! Lo que solo tiene micropod: el mismo Pod como guion, como dibujo, como demostración y como historia.

mod claims;
pub mod compare;
pub mod draw;
pub mod engines;
pub mod facts;
pub mod faults;
pub mod inside;
mod mounts;
mod net;
mod picture;
pub mod prove;
pub mod replay;
pub mod script;
pub mod simulate;
pub mod story;
mod svg;
mod text;
pub mod why;
pub mod world;
