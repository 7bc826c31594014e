//! Capítulo 8 · Un proceso por dentro: qué programa, con qué argumentos, entorno y usuario.

use crate::security::SecurityPlan;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Todo lo decidido para crear un contenedor. Se guarda en la ficha: `exec` y las sondas entran
/// con lo mismo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerPlan {
    pub name: String,
    pub image: String,
    /// La raíz de la imagen: la capa inferior del overlay.
    pub lower: PathBuf,
    pub argv: Vec<String>,
    /// `CLAVE=valor`, en orden.
    pub env: Vec<String>,
    /// Directorio de trabajo, absoluto.
    pub cwd: String,
    pub mounts: Vec<MountPlan>,
    pub limits: Limits,
    pub security: SecurityPlan,
    /// Número de la señal de parada (15: SIGTERM).
    pub stop_signal: i32,
    pub stdin: bool,
    pub tty: bool,
}

/// Un volumen en un contenedor: de dónde sale y dónde se monta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MountPlan {
    /// Nombre del volumen.
    pub volume: String,
    /// Ruta en el anfitrión (o en el espacio de montajes de la pausa, si el volumen es de memoria).
    pub source: PathBuf,
    /// Ruta relativa dentro de `source`, o vacía.
    pub sub_path: String,
    /// Ruta absoluta dentro del contenedor.
    pub target: String,
    pub read_only: bool,
}

/// Los ficheros de cgroup v2 que se escriben, con su valor; `None`: no se toca.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub memory_max: Option<u64>,
    /// Milésimas de CPU.
    pub cpu_max: Option<u64>,
    /// De 1 a 10000.
    pub cpu_weight: Option<u64>,
    pub pids_max: Option<u64>,
    /// Ajuste de `oom_score_adj`.
    pub oom_score_adj: Option<i32>,
}
