//! Dónde se recuerdan los controladores.
//!
//! ```text
//! /run/micropod/controladores/CLASE.NOMBRE/lock         lo tiene quien lo ejecuta, con flock
//!                                         /record.json  lo que se decidió al nacer
//!                                         /status.json  el estado: se sustituye con rename
//!                                         /next.json    lo que se quiere desde ahora (otro `run`)
//!                                         /control      socket para pararlo o cambiarlo
//! ```
//!
//! Un Job acabado se queda hasta que se borra, como un Pod. Un ReplicaSet y un CronJob no acaban: si
//! su cerrojo está libre, quien los ejecutaba ya no está, y el siguiente comando los olvida. Los
//! Pods que dejaran son de sus propios supervisores.

use crate::data;
use crate::error::Error;
use crate::spec::types::Object;
use crate::state::{self, Claim, PodEvent, ProcessId, Seen};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// De quién es un Pod: quién lo creó.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `ReplicaSet` o `Job`.
    pub kind: String,
    pub name: String,
    pub uid: String,
}

impl Owner {
    /// Como se nombra en la línea de comandos: `replicaset/web`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// Un controlador: lo que se decidió al nacer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub uid: String,
    pub object: Object,
    /// Milisegundos desde 1970 cuando nació.
    pub born: u64,
    pub supervisor: ProcessId,
}

/// Lo que publica quien ejecuta un controlador, a cada cambio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Un ReplicaSet o un Job tienen un grupo de Pods; un CronJob, uno por Job.
    pub sets: Vec<SetStatus>,
    /// De un CronJob: la última vez que tocó, en segundos desde 1970.
    pub last_schedule: Option<i64>,
    pub events: Vec<PodEvent>,
}

/// Un grupo de Pods: los de un ReplicaSet o los de un Job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetStatus {
    pub name: String,
    pub uid: String,
    /// Desde que nació su controlador.
    pub born: Duration,
    pub finished: Option<Duration>,
    /// Los que debe haber, los que hay y los que están listos.
    pub desired: u32,
    pub current: u32,
    pub ready: u32,
    /// De un Job: los que acabaron bien y los que no.
    pub succeeded: u32,
    pub failed: u32,
    /// De un Job acabado: `Complete` o `Failed`, y por qué.
    pub verdict: Option<(String, String)>,
    /// Los Pods que tiene en marcha.
    pub pods: Vec<String>,
}

/// Un controlador visto desde fuera.
#[derive(Clone, Debug)]
pub struct Controller {
    pub record: Record,
    pub status: Status,
    /// ¿Vive quien lo ejecuta?
    pub supervised: bool,
}

impl Controller {
    pub fn kind(&self) -> &'static str {
        self.record.object.kind()
    }

    pub fn name(&self) -> &str {
        self.record.object.metadata().map_or("", |m| &m.name)
    }

    /// ¿Cayó quien lo ejecutaba sin terminar su trabajo?
    fn was_abandoned(&self) -> bool {
        let finished = |set: &SetStatus| set.verdict.is_some();
        let has_end = self.kind() == "Job" && self.status.sets.iter().all(finished);
        !self.supervised && !has_end
    }
}

fn dir_of_all() -> PathBuf {
    Path::new(state::RUN).join("controladores")
}

/// El nombre con el que se recuerda: no puede ser el de ningún Pod.
pub fn key(kind: &str, name: &str) -> String {
    format!("{}.{name}", kind.to_lowercase())
}

pub fn dir(key: &str) -> PathBuf {
    dir_of_all().join(key)
}

/// Donde van los diagnósticos de quien lo ejecuta en segundo plano.
pub fn log_dir(key: &str) -> PathBuf {
    Path::new(state::LOG).join(format!("_{key}"))
}

/// Toma el nombre de un controlador, o `None` si ya lo tiene otro.
pub fn claim(key: &str) -> Result<Option<Claim>, Error> {
    Claim::take_in(dir(key), key)
}

pub fn write(key: &str, file: &str, value: &impl Serialize) -> std::io::Result<()> {
    state::replace_file(&dir(key).join(file), &data::bytes(value))
}

pub fn read<T: serde::de::DeserializeOwned>(key: &str, file: &str) -> Option<T> {
    data::read(&fs::read(dir(key).join(file)).ok()?).ok()
}

/// El controlador de esa clase y ese nombre, si lo hay.
pub fn see(kind: &str, name: &str) -> Option<Controller> {
    see_key(&key(kind, name))
}

fn see_key(key: &str) -> Option<Controller> {
    // el cerrojo, antes que el estado: si acaba entre medias, se lee el final
    let supervised = state::is_locked(&dir(key).join("lock"));
    let record = read(key, "record.json")?;
    let status = read(key, "status.json").unwrap_or_default();
    Some(Controller { record, status, supervised })
}

/// Todos los que hay, por clase y nombre.
pub fn see_all() -> Vec<Controller> {
    let mut keys = state::names_in(&dir_of_all());
    crate::order::sort(&mut keys);
    keys.iter().filter_map(|key| see_key(key)).collect()
}

/// Los Pods que creó el grupo que tiene ese UID.
pub fn pods_of(uid: &str) -> Vec<Seen> {
    let own = |seen: &Seen| seen.record.owner.as_ref().is_some_and(|owner| owner.uid == uid);
    state::see_all().into_iter().filter(own).collect()
}

/// Olvida los Jobs acabados; dice cuáles.
pub fn forget_finished() -> Result<Vec<String>, Error> {
    let mut done = Vec::new();
    for controller in see_all().into_iter().filter(|c| !c.supervised) {
        let key = key(controller.kind(), controller.name());
        if let Some(claim) = claim(&key)? {
            super::forget(claim, &key)?;
            done.push(key.replacen('.', "/", 1));
        }
    }
    Ok(done)
}

/// Olvida los controladores de quien ya no está. Sin ninguno, es mirar un directorio que no existe.
pub fn sweep() {
    for key in state::names_in(&dir_of_all()) {
        let abandoned = see_key(&key).is_none_or(|c| c.was_abandoned());
        if !abandoned {
            continue;
        }
        // si alguien lo tiene tomado es que está naciendo
        if let Ok(Some(claim)) = self::claim(&key) {
            let _ = fs::remove_dir_all(log_dir(&key));
            // si no se puede, el siguiente comando lo intentará
            let _ = claim.forget();
        }
    }
}
