//! `micropod lab`: ejercicios que se corrigen solos, mirando al kernel y a la red.
//!
//! Un laboratorio son unos ficheros de partida y una hoja de criterios (`sheet.rs`). Corregir es levantar
//! lo entregado en un mundo aparte (`world.rs`), dar los pasos de cada criterio (`act.rs`, `look.rs`) y
//! decir qué idea equivocada explica lo que se ve (`grade.rs`).

pub mod catalog;
pub mod values;
pub mod sheet;
pub mod step;
pub mod folder;
pub mod hand_in;
pub mod exam;
pub mod needs;
pub mod world;
pub mod job;
pub mod compile;
pub mod grade;
pub mod patience;
pub mod report;
pub mod results;
pub mod class;
pub mod kit;
mod act;
mod look;
mod mounts;
mod net;
mod pod;
mod timeline;
mod web;
