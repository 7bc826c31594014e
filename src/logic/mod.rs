//! El núcleo: decide qué hacer con un Pod. No mira el reloj, no toca el sistema, no imprime.
//!
//! Llega un suceso ([`Event`]), sale una lista de órdenes ([`Action`]). El tiempo es un argumento:
//! lo transcurrido desde que nació el Pod. Quien obedece es `supervise.rs`.
//!
//! # El trato entre el núcleo y quien obedece
//!
//! ```text
//! let mut pod = Pod::new(PodRules::from(&objeto, acelera));
//! bucle, hasta que pod.is_over():
//!     espera un suceso, o a pod.next_deadline() (entonces el suceso es TimePassed)
//!     por cada orden de pod.step(ahora, suceso): obedécela, en ese orden
//!     publica pod.status()
//! ```
//!
//! El primer suceso es `TimePassed` en el instante cero. Lo que resulta de obedecer vuelve como un
//! suceso posterior: nunca se llama a `step` mientras se recorren las órdenes de otro `step`.
//!
//! | orden | quien obedece responde |
//! |---|---|
//! | `StartSandbox` | una vez: `SandboxReady` o `SandboxFailed`. Si luego muere la pausa: `SandboxDied` |
//! | `Start(c)` | una vez: `Started` (el programa ya se ejecuta) o `StartFailed`. Tras `Started`, y nunca tras `StartFailed`, un `Exited` cuando acabe. Si nació y murió antes de poder contarlo: `Started` y luego `Exited` |
//! | `Probe(c, k)` | una vez: `Probed(c, k, …)`, salvo que antes llegue `AbandonProbe(c, k)` |
//! | `AbandonProbe(c, k)` | nada: mata esa sonda y tira su respuesta. De los plazos se ocupa el núcleo |
//! | `RunHook(c, h)` | una vez: `HookDone(c, h, …)`, salvo que antes llegue `AbandonHook(c, h)` |
//! | `AbandonHook(c, h)` | nada: tira su respuesta (el proceso del *hook* no se mata) |
//! | `Kill(c, s)` | nada: si el contenedor acaba, ya llegará su `Exited` |
//! | `StopSandbox` | nada: es la última orden del Pod (también si la pausa no llegó a nacer) |
//! | `Record(nota)` | nada: se anota con la hora de ese `step`, sumando las repetidas |
//!
//! Lo que el núcleo promete: un `Start` en vuelo por contenedor como mucho; ningún `Start` después
//! de `StopRequested`; `Kill` solo entre `Started` y `Exited`; toda sonda y todo *hook* pendientes
//! se abandonan antes de olvidarlos (también al acabar el contenedor). Lo que no esperaba (sucesos
//! repetidos, de otra vida, de un contenedor que no existe) lo ignora.
//!
//! Lo que pide: que un `Probed` o un `HookDone` sea de la vida actual del contenedor (quien los
//! trae los empareja por contenedor y vida: [`Pod::life`]) y que `now` no retroceda.

mod again;
pub mod calm;
pub mod columns;
mod conditions;
mod container;
pub mod glance;
pub mod controllers;
pub mod history;
pub mod lifecycle;
mod news;
mod notes;
pub mod pod;
pub mod probe;
pub mod restart;
pub mod rules;
pub mod schedule;
pub mod simulate;
pub mod status;

pub use glance::Glance;
pub use news::RETRY_START;
pub use pod::{Leaving, Pod};
pub use rules::{ContainerRules, Kind, PodRules};

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Un contenedor, por su índice: primero los de inicialización y luego los de aplicación, en el
/// orden de la especificación; detrás, los efímeros, según llegan.
pub type ContainerId = usize;

/// Cómo acabó un proceso.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    /// El código que ve Kubernetes: el del programa, o 128 más la señal que lo mató.
    pub fn code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookKind {
    PostStart,
    PreStop,
}

/// Lo que respondió una sonda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Success,
    /// Acierta, pero con algo que contar (una redirección a otra máquina): suceso ProbeWarning.
    Warning(String),
    Failure(String),
    /// No se pudo preguntar (no es un fallo del contenedor).
    Error(String),
}

/// Por qué no llegó a correr un contenedor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartFailure {
    /// `CreateContainerConfigError`, `CreateContainerError`, `RunContainerError`, `ErrImageNeverPull`…
    pub reason: String,
    pub message: String,
    /// Si el proceso llegó a nacer y murió sin ejecutar su programa: 126, 127… `None`: ni nació.
    pub exit_code: Option<i32>,
}

/// Una condición que pone alguien de fuera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutsideCondition {
    pub kind: String,
    pub status: bool,
    pub reason: String,
    pub message: String,
}

/// Por qué se pide que el Pod acabe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StopReason {
    /// `delete`, Ctrl-C o SIGTERM al supervisor.
    Deleted,
    /// Se expulsa: el Pod queda Failed con razón Evicted y este mensaje.
    Evicted(String),
}

// ANCHOR: event
/// Lo que le pasa al Pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// La pausa está en pie y el Pod tiene su red.
    SandboxReady,
    /// No se pudo crear. El Pod falla entero: aquí no hay otro nodo en el que probar.
    SandboxFailed(String),
    /// La pausa ha muerto: el Pod falla entero, nunca a medias.
    SandboxDied(String),
    /// El programa del contenedor ya se ejecuta.
    Started(ContainerId),
    StartFailed(ContainerId, StartFailure),
    /// El proceso principal acabó. `oom`: el kernel mató algo suyo por falta de memoria.
    Exited {
        id: ContainerId,
        exit: Exit,
        oom: bool,
        message: String,
    },
    /// Respuesta de una sonda de la vida actual del contenedor.
    Probed(ContainerId, ProbeKind, Outcome),
    /// Un hook acabó: bien, o con un error que contar.
    HookDone(ContainerId, HookKind, Result<(), String>),
    /// Alguien pide que el Pod acabe. `grace`: en vez del plazo de la especificación.
    StopRequested {
        grace: Option<Duration>,
        reason: StopReason,
    },
    /// Llega un contenedor efímero, a mirar.
    EphemeralAdded(Box<ContainerRules>),
    /// Alguien de fuera pone una de las condiciones de `readinessGates`.
    ConditionSet(OutsideCondition),
    /// Ha vencido algún plazo (o no: no hace daño llamarlo de más).
    TimePassed,
}
// ANCHOR_END: event

/// Señal que se envía a un contenedor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// La de parada: STOPSIGNAL de la imagen o SIGTERM, solo al PID 1.
    Stop,
    /// SIGKILL a todo el contenedor.
    Kill,
}

// ANCHOR: action
/// Lo que el Pod pide hacer.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    StartSandbox,
    Start(ContainerId),
    Probe(ContainerId, ProbeKind),
    AbandonProbe(ContainerId, ProbeKind),
    RunHook(ContainerId, HookKind),
    /// Dejar de esperar a un hook (no se mata: como hace kubelet).
    AbandonHook(ContainerId, HookKind),
    Kill(ContainerId, Signal),
    /// No queda nada que correr: deshacer la red y la pausa.
    StopSandbox,
    /// Un suceso que contar (`describe`, `events`).
    Record(Note),
}
// ANCHOR_END: action

/// Un suceso de Kubernetes: su razón, en inglés; su mensaje, en español.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub warning: bool,
    /// `Started`, `Killing`, `BackOff`, `Unhealthy`…
    pub reason: String,
    /// El contenedor del que habla, o `None` si habla del Pod.
    pub container: Option<String>,
    pub message: String,
}

#[cfg(test)]
mod tests;
