//! Quien graba: no espera a nadie, y si no puede escribir lo dice una vez y lo deja.

use super::{CURRENT, Header, MAX_FILE, OLDER, terse};
use crate::data;
use crate::logic::{Action, Event, Outcome, Pod, ProbeKind};
use crate::spec::types::{Container, PodSpec};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Se escribe al cambiar algo que se vea o al juntarse esto: las sondas que van bien no cuestan una
/// escritura cada una.
const CHUNK: usize = 8 * 1024;

pub struct Recorder {
    dir: PathBuf,
    uid: String,
    born: u64,
    file: Option<File>,
    /// Ya no se graba: algo falló.
    broken: bool,
    /// Lo que aún no se ha escrito.
    buffer: Vec<u8>,
    /// El paso a medias: lo que pasó, sin lo que se pidió.
    step: Vec<u8>,
    /// ¿Ha pasado algo, o solo el tiempo?
    news: bool,
    size: u64,
    /// Los contenedores y sus sondas que ejecutan un comando.
    commands: Vec<[bool; 3]>,
}

impl Recorder {
    /// Graba en `dir` la vida de un Pod que aún no ha dado ningún paso.
    pub fn new(dir: &Path, uid: &str, born: u64, spec: &PodSpec, pod: &Pod) -> Recorder {
        let mut recorder = Recorder {
            dir: dir.to_path_buf(),
            uid: uid.to_string(),
            born,
            file: None,
            broken: false,
            buffer: Vec::new(),
            step: Vec::new(),
            news: false,
            size: 0,
            commands: crate::plan::all_containers(spec).map(commands).collect(),
        };
        recorder.checkpoint(pod);
        recorder
    }

    // ANCHOR: record
    /// Va a pasar esto. Lo que pida el núcleo se dice luego, con [`Recorder::asked`].
    pub fn hear(&mut self, now: Duration, event: &Event) {
        self.news = *event != Event::TimePassed;
        self.step.clear();
        let t = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        // en memoria no falla
        let _ = write!(self.step, "{{\"t\":{t},\"e\":");
        match self.without_words(event) {
            Some(event) => to_json(&mut self.step, &event),
            None => to_json(&mut self.step, event),
        }
    }

    /// Y esto ha pedido el núcleo, que ha quedado así.
    pub fn asked(&mut self, pod: &Pod, actions: &[Action]) {
        if actions.is_empty() && !self.news {
            return; // que pase el tiempo no es noticia
        }
        self.buffer.append(&mut self.step);
        if !actions.is_empty() {
            let actions: Vec<String> = actions.iter().map(terse).collect();
            self.buffer.extend_from_slice(b",\"a\":");
            to_json(&mut self.buffer, &actions);
        }
        self.buffer.extend_from_slice(b"}\n");
        if self.size + self.buffer.len() as u64 > MAX_FILE {
            self.flush();
            self.rotate(pod);
        } else if self.buffer.len() >= CHUNK {
            self.flush();
        }
    }
    // ANCHOR_END: record

    /// El suceso sin lo que dijo un programa, si dijo algo.
    fn without_words(&self, event: &Event) -> Option<Event> {
        let runs =
            |id: usize, kind: ProbeKind| self.commands.get(id).is_some_and(|probes| probes[kind as usize]);
        match event {
            Event::Exited { id, exit, oom, message } if !message.is_empty() => {
                Some(Event::Exited { id: *id, exit: *exit, oom: *oom, message: String::new() })
            }
            Event::Probed(id, kind, outcome) if runs(*id, *kind) => {
                let said = || "su comando ha fallado".to_string();
                let outcome = match outcome {
                    Outcome::Success => Outcome::Success,
                    Outcome::Warning(_) => Outcome::Warning(String::new()),
                    Outcome::Failure(_) => Outcome::Failure(said()),
                    Outcome::Error(_) => Outcome::Error(said()),
                };
                Some(Event::Probed(*id, *kind, outcome))
            }
            Event::HookDone(id, hook, Err(_)) => Some(Event::HookDone(*id, *hook, Err("ha fallado".into()))),
            Event::Exited { .. }
            | Event::Probed(..)
            | Event::HookDone(..)
            | Event::SandboxReady
            | Event::SandboxFailed(_)
            | Event::SandboxDied(_)
            | Event::Started(_)
            | Event::StartFailed(..)
            | Event::StopRequested { .. }
            | Event::ConditionSet(_)
            | Event::EphemeralAdded(_)
            | Event::TimePassed => None,
        }
    }

    /// Escribe lo pendiente.
    pub fn flush(&mut self) {
        if self.broken || self.buffer.is_empty() {
            self.buffer.clear();
            return;
        }
        if let Err(error) = self.write() {
            log::error!("se deja de grabar el Pod en {}: {error}", self.dir.display());
            self.broken = true;
        }
        self.size += self.buffer.len() as u64;
        self.buffer.clear();
    }

    fn write(&mut self) -> std::io::Result<()> {
        if self.file.is_none() {
            // que no se pueda crear se verá al abrir el fichero
            let _ = crate::state::make_private_dir(&self.dir);
            let path = self.dir.join(CURRENT);
            self.file =
                Some(OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?);
        }
        match &mut self.file {
            Some(file) => file.write_all(&self.buffer),
            None => Ok(()),
        }
    }

    /// Lleno: lo que había pasa a ser lo de antes, y se empieza por cómo está el núcleo ahora.
    fn rotate(&mut self, pod: &Pod) {
        self.file = None;
        self.size = 0;
        if let Err(error) = fs::rename(self.dir.join(CURRENT), self.dir.join(OLDER)) {
            log::error!("se deja de grabar el Pod en {}: {error}", self.dir.display());
            self.broken = true;
        }
        self.checkpoint(pod);
    }

    fn checkpoint(&mut self, pod: &Pod) {
        let header = Header {
            micropod: env!("CARGO_PKG_VERSION").into(),
            uid: self.uid.clone(),
            born: self.born,
            pod: pod.without_words(),
        };
        to_json(&mut self.buffer, &header);
        self.buffer.push(b'\n');
    }
}

fn to_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    out.extend(data::bytes(value));
}

/// ¿Qué sondas de un contenedor ejecutan un comando? En el orden de [`ProbeKind`].
fn commands(container: &Container) -> [bool; 3] {
    [&container.startup_probe, &container.readiness_probe, &container.liveness_probe]
        .map(|probe| probe.as_ref().is_some_and(|p| p.exec.is_some()))
}
