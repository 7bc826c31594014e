//! Los controladores, en pequeño: quién crea Pods nuevos en lugar de los que ya no están.
//!
//! Como el núcleo de un Pod: llega un suceso, salen órdenes, y el tiempo es un argumento. Un
//! controlador no sabe qué es un proceso: nombra a sus Pods por un número de orden ([`PodId`]), y
//! quien obedece (`src/controller/`) los crea, los para y le cuenta lo que les pasa.

pub mod cron_job;
pub mod job;
pub mod replica_set;

use super::Note;
use std::time::Duration;

/// Un Pod de un controlador: el primero que crea es el 0.
pub type PodId = u64;

// ANCHOR: event
/// Lo que le pasa a un controlador.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Un Pod suyo está listo o ha dejado de estarlo, o alguno de sus contenedores se ha reiniciado.
    Changed { pod: PodId, ready: bool, restarts: u32 },
    /// Alguien ha pedido que un Pod suyo acabe: aún no ha terminado, pero ya no se cuenta con él.
    Leaving { pod: PodId },
    /// Un Pod suyo ha terminado del todo.
    Ended { pod: PodId, succeeded: bool },
    /// Un Pod suyo no llegó a nacer.
    Refused { pod: PodId, why: String },
    /// Alguien pide que acabe, con sus Pods.
    StopRequested,
    /// Ha vencido algún plazo (o no: no hace daño llamarlo de más).
    TimePassed,
}
// ANCHOR_END: event

// ANCHOR: action
/// Lo que un controlador pide hacer.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Crear un Pod nuevo. Responderá `Ended` o `Refused`, una vez.
    Create(PodId),
    /// Parar un Pod con orden: con `keep`, su ficha y sus logs se quedan.
    Delete { pod: PodId, keep: bool },
    /// Un suceso que contar.
    Record(Note),
    /// No queda nada por hacer ni Pods que esperar.
    Finish,
}
// ANCHOR_END: action

fn note(warning: bool, reason: &str, message: impl Into<String>) -> Note {
    Note { warning, reason: reason.into(), container: None, message: message.into() }
}

/// Una espera que se dobla con cada fallo: de `first` a `most`.
fn doubled(first: Duration, most: Duration, failures: u32) -> Duration {
    let times = 1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(times).min(most)
}

#[cfg(test)]
mod tests;
