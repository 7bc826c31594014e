//! Capítulo 16 · Lo que un proceso del contenedor puede y no puede hacer.

use serde::{Deserialize, Serialize};

/// Todo lo decidido sobre los privilegios de un contenedor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityPlan {
    pub uid: u32,
    pub gid: u32,
    /// Grupos suplementarios.
    pub groups: Vec<u32>,
    /// Máscara de capacidades (bit = número de la capacidad).
    pub capabilities: u64,
    pub no_new_privs: bool,
    /// ¿Filtro de llamadas al sistema?
    pub seccomp: bool,
    /// ¿Rutas ocultas y de solo lectura?
    pub masked: bool,
    pub privileged: bool,
    pub read_only_root: bool,
}
