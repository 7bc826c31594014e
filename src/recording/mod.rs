//! La grabación de un Pod: todo lo que le pasó y lo que pidió el núcleo, una línea de JSON por paso.
//!
//! ```text
//! /var/log/micropod/POD/grabacion.jsonl     lo último
//!                      /grabacion.1.jsonl   lo de antes
//!
//! {"micropod":"0.1.0","uid":"…","born":1764000000000,"pod":{…}}    así estaba el núcleo
//! {"t":5000123456,"e":{"Started":0}}                               y esto pasó, a los 5 s
//! {"t":5000223456,"e":"TimePassed","a":["Probe 0 Readiness"]}      con lo que pidió entonces
//! ```
//!
//! Entre los dos ficheros no pasan de 2 MiB por Pod: cada uno empieza por el estado entero del núcleo, así
//! que al llenarse se puede olvidar el más viejo y seguir reproduciendo desde el otro.
//!
//! Lo que escriben los programas no se graba (ni su mensaje de terminación, ni lo que dicen los
//! comandos de las sondas y los *hooks*): una grabación se enseña a otros, y ahí puede haber secretos.

mod read;
mod write;

pub use read::{Line, Recording, of_pod, read};
pub use write::Recorder;

use crate::logic::{Action, Event, Pod};
use serde::{Deserialize, Serialize};

pub const CURRENT: &str = "grabacion.jsonl";
pub const OLDER: &str = "grabacion.1.jsonl";

/// Lo que cabe en cada uno de los dos ficheros.
pub const MAX_FILE: u64 = 1 << 20;

/// La primera línea: de quién es y cómo estaba el núcleo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// La versión que grabó.
    pub micropod: String,
    pub uid: String,
    /// Milisegundos desde 1970 cuando nació el Pod.
    pub born: u64,
    pub pod: Pod,
}

/// Un paso: a los `t` nanosegundos de nacer pasó `e`, y el núcleo pidió `a`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub t: u64,
    pub e: Event,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub a: Vec<String>,
}

/// Una orden, en pocas letras: lo que basta para saber si es la misma.
pub fn terse(action: &Action) -> String {
    match action {
        Action::StartSandbox => "StartSandbox".into(),
        Action::Start(id) => format!("Start {id}"),
        Action::Probe(id, kind) => format!("Probe {id} {kind:?}"),
        Action::AbandonProbe(id, kind) => format!("AbandonProbe {id} {kind:?}"),
        Action::RunHook(id, hook) => format!("RunHook {id} {hook:?}"),
        Action::AbandonHook(id, hook) => format!("AbandonHook {id} {hook:?}"),
        Action::Kill(id, signal) => format!("Kill {id} {signal:?}"),
        Action::StopSandbox => "StopSandbox".into(),
        // sin su mensaje: puede llevar lo que dijo un programa
        Action::Record(note) => match &note.container {
            Some(name) => format!("Record {} {name}", note.reason),
            None => format!("Record {}", note.reason),
        },
    }
}
