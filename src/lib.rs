//! micropod: un Pod de Kubernetes en un solo ordenador, paso a paso.
//!
//! Los módulos, en el orden en que se leen.

// Antes que nadie: sus macros valen para todos.
#[macro_use]
mod say;

// De lo que se escribe a lo que se decide.
pub mod cli;
pub mod spec;
pub mod plan;

// La historia: el anfitrión, la pausa y el contenedor.
pub mod run;
pub mod sandbox;
pub mod container;
pub mod runtime;

// Un capítulo, un módulo.
pub mod process;
pub mod namespaces;
pub mod rootfs;
pub mod image;
pub mod cgroup;
pub mod usage;
pub mod volume;
pub mod config;
pub mod network;
pub mod security;
pub mod terminal;

// La vida del Pod: quien decide, quien obedece y quien recoge.
pub mod logic;
pub mod supervise;
pub mod controller;
pub mod check;
pub mod attach;
pub mod control;
pub mod logs;
pub mod recording;
pub mod state;
pub mod gc;
pub mod notify;

// El Pod como objeto de Kubernetes, y cómo se escribe.
pub mod object;
pub mod output;

// Lo que solo tiene micropod.
pub mod explain;
pub mod audit;
pub mod lab;
pub mod api;

// Lo que se prueba con basura.
pub mod fuzz;

// Los cimientos.
pub mod data;
pub mod texts;
pub mod kernel;
pub mod mountinfo;
pub mod error;
pub mod order;
pub mod chapters;
