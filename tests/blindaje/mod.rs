//! Lo que comparten `tests/blindaje.rs`, que mira que las listas estén en orden, y `tools/blindaje`, que
//! las pone a prueba: los sabotajes, y las cifras de lo que se ha medido.

#![allow(dead_code)] // cada uno usa solo una parte

pub mod figures;
#[path = "../lista/mod.rs"]
pub mod lista;
pub mod sabotages;
