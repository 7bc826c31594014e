//! El estado de un Pod con la forma que le da Kubernetes. Los instantes se cuentan desde que nació.

use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[default]
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

impl Phase {
    /// De esta fase ya no se sale.
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodStatus {
    pub phase: Phase,
    /// `Evicted`, `DeadlineExceeded`…; vacía si no hay.
    pub reason: String,
    pub message: String,
    /// Se ha pedido que acabe.
    pub deleting: bool,
    /// Cuándo se pidió y con qué plazo.
    #[serde(default)]
    pub deletion: Option<Deletion>,
    /// En el orden en que las muestra Kubernetes.
    pub conditions: Vec<Condition>,
    pub init_containers: Vec<ContainerStatus>,
    pub containers: Vec<ContainerStatus>,
    #[serde(default)]
    pub ephemeral_containers: Vec<ContainerStatus>,
}

impl PodStatus {
    /// Todos sus contenedores, en el orden de [`crate::logic::ContainerId`].
    pub fn all(&self) -> impl Iterator<Item = &ContainerStatus> + Clone {
        self.init_containers.iter().chain(&self.containers).chain(&self.ephemeral_containers)
    }
}

/// El borrado de un Pod.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deletion {
    pub requested: Duration,
    pub grace: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// `PodReadyToStartContainers`, `Initialized`, `Ready`, `ContainersReady`, `PodScheduled`.
    pub kind: String,
    pub status: bool,
    pub reason: String,
    pub message: String,
    pub since: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerStatus {
    pub name: String,
    /// ¿Es un contenedor de inicialización que se reinicia (auxiliar, *sidecar*)?
    pub sidecar: bool,
    pub ready: bool,
    pub started: bool,
    pub restart_count: u32,
    pub state: ContainerState,
    /// La vida anterior, si la hubo.
    pub last: Option<Terminated>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ContainerState {
    Waiting { reason: String, message: String },
    Running { since: Duration },
    Terminated(Terminated),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terminated {
    pub exit_code: i32,
    /// La señal que lo mató, o 0.
    pub signal: i32,
    /// `Completed`, `Error`, `OOMKilled`, `ContainerStatusUnknown`, `StartError`…
    pub reason: String,
    pub message: String,
    pub started: Duration,
    pub finished: Duration,
}
