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

/// La clase de un dibujo en SVG, suya y siempre la misma: sus reglas y sus tramas no tocan lo ajeno cuando
/// va dentro de una página con otros.
fn svg_scope(texts: &[&str]) -> String {
    // FNV-1a
    let bytes = texts.iter().flat_map(|text| text.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("micropod-{hash:016x}")
}
