//! Las pistas: lo que se sabe de un Pod, de su estado, de sus logs y del kernel, antes de opinar.

use super::past::{self, Past};
use super::sockets::{self, Listener};
use crate::cgroup::counter;
use crate::logic::rules::{Kind, init_kind};
use crate::logic::status::{ContainerState, ContainerStatus, Terminated};
use crate::logic::{ContainerId, ProbeKind};
use crate::plan::all_containers;
use crate::process::ContainerPlan;
use crate::spec::types::{Container, Probe};
use crate::state::{PodEvent, ProcessId, Seen};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lo que se sabe de un Pod.
pub struct Clues<'a> {
    pub seen: &'a Seen,
    /// Lo que ha pasado desde que nació.
    pub now: Duration,
    pub past: Option<Past>,
    pub containers: Vec<Clue<'a>>,
    pub listeners: Vec<Listener>,
    pub pod_ip: Ipv4Addr,
}

/// Lo que se sabe de un contenedor.
pub struct Clue<'a> {
    pub id: ContainerId,
    pub kind: Kind,
    pub spec: &'a Container,
    pub plan: &'a ContainerPlan,
    pub status: &'a ContainerStatus,
    /// Su PID 1, si vive.
    pub process: Option<ProcessId>,
    /// Los procesos que viven en él.
    pub pids: Vec<i32>,
    pub cgroup: Option<PathBuf>,
}

impl<'a> Clues<'a> {
    pub fn gather(seen: &'a Seen) -> Clues<'a> {
        let status = &seen.live.status;
        let spec = &seen.record.pod.spec;
        let all = status.all();
        let inits = spec.init_containers.len();
        let clue = |(id, ((spec, plan), status)): (
            usize,
            ((&'a Container, &'a ContainerPlan), &'a ContainerStatus),
        )| {
            let cgroup = seen.record.cgroup.as_ref().map(|pod| pod.join(&plan.name));
            let process = seen.live.processes.get(id).copied().flatten().filter(|p| p.is_alive());
            Clue {
                id,
                kind: if id < inits { init_kind(spec) } else { Kind::App },
                spec,
                plan,
                status,
                pids: process.map(|p| pids_of(p.pid, cgroup.as_deref())).unwrap_or_default(),
                process,
                cgroup,
            }
        };
        let containers: Vec<Clue> =
            all_containers(spec).zip(&seen.record.plans).zip(all).enumerate().map(clue).collect();
        let alive = containers.iter().find_map(|c| c.process).or(seen.live.pause.filter(|p| p.is_alive()));
        Clues {
            seen,
            now: seen.since(Duration::ZERO),
            past: past::of(&seen.record.name),
            listeners: alive.map(|p| sockets::listeners(p.pid)).unwrap_or_default(),
            pod_ip: seen.record.network.as_ref().map_or(Ipv4Addr::LOCALHOST, |net| net.ip),
            containers,
        }
    }

    pub fn pod(&self) -> &str {
        &self.seen.record.name
    }

    /// Los sucesos de un contenedor con esa razón, del más nuevo al más viejo.
    pub fn events<'s>(&'s self, name: &'s str, reason: &'s str) -> impl Iterator<Item = &'s PodEvent> {
        let ours = move |event: &&PodEvent| {
            event.note.reason == reason && event.note.container.as_deref() == Some(name)
        };
        self.seen.live.events.iter().rev().filter(ours)
    }

    /// Los sucesos del Pod con esa razón.
    pub fn pod_event(&self, reason: &str) -> Option<&PodEvent> {
        self.seen.live.events.iter().rev().find(|e| e.note.reason == reason && e.note.container.is_none())
    }

    /// Los que escuchan, de los procesos de un contenedor.
    pub fn listeners_of(&self, clue: &Clue) -> Vec<&Listener> {
        let sockets: Vec<_> = clue.pids.iter().map(|pid| sockets::sockets_of(*pid)).collect();
        self.listeners.iter().filter(|l| sockets.iter().any(|own| own.contains(&l.inode))).collect()
    }

    /// Qué contenedor escucha en ese socket.
    pub fn owner_of(&self, listener: &Listener) -> Option<&str> {
        let owns = |c: &&Clue| c.pids.iter().any(|pid| sockets::sockets_of(*pid).contains(&listener.inode));
        self.containers.iter().find(owns).map(|c| c.spec.name.as_str())
    }

    /// Un instante del Pod, dicho desde ahora.
    pub fn ago(&self, at: Duration) -> String {
        format!("hace {}", brief(self.now.saturating_sub(at)))
    }

    /// Las últimas líneas que escribió una vida de un contenedor: (errores o salida, texto).
    pub fn last_lines(&self, clue: &Clue, life: u32, count: usize) -> Vec<LogLine> {
        let dir = crate::state::log_dir(self.pod()).join(&clue.spec.name);
        let mut lines = last_lines(&dir.join(format!("{life}.log")), count);
        lines.iter_mut().for_each(|line| line.text = without_secrets(&line.text, &clue.plan.hidden));
        lines
    }
}

impl Clue<'_> {
    pub fn probe(&self, kind: ProbeKind) -> Option<&Probe> {
        match kind {
            ProbeKind::Startup => self.spec.startup_probe.as_ref(),
            ProbeKind::Readiness => self.spec.readiness_probe.as_ref(),
            ProbeKind::Liveness => self.spec.liveness_probe.as_ref(),
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.status.state, ContainerState::Running { .. })
    }

    /// Cómo acabó su última vida, y qué número de vida era (la primera, 0).
    pub fn last_end(&self) -> Option<(&Terminated, u32)> {
        match &self.status.state {
            ContainerState::Terminated(end) => Some((end, self.status.restart_count)),
            ContainerState::Waiting { .. } => {
                self.status.last.as_ref().map(|end| (end, self.status.restart_count))
            }
            ContainerState::Running { .. } => {
                self.status.last.as_ref().map(|end| (end, self.status.restart_count.saturating_sub(1)))
            }
        }
    }

    /// Un valor de su cgroup, si lo hay: `nr_throttled` de `cpu.stat`.
    pub fn counter(&self, file: &str, key: &str) -> Option<u64> {
        counter(self.cgroup.as_deref()?, file, key)
    }
}

/// Un rato, en segundos enteros si pasa de uno: nadie necesita los milisegundos de hace un minuto.
pub fn brief(time: Duration) -> String {
    let time = if time.as_secs() > 0 {
        Duration::from_secs(time.as_secs())
    } else {
        Duration::from_millis(time.as_millis() as u64 / 100 * 100)
    };
    crate::explain::story::short(time)
}

/// Los procesos de un contenedor: los de su cgroup o, si no tiene, los de su espacio de procesos.
fn pids_of(pid: i32, cgroup: Option<&Path>) -> Vec<i32> {
    let listed =
        cgroup.and_then(|path| fs::read_to_string(path.join("cgroup.procs")).ok()).unwrap_or_default();
    let listed: Vec<i32> = listed.lines().filter_map(|line| line.parse().ok()).collect();
    if listed.contains(&pid) { listed } else { same_pid_namespace(pid) }
}

/// Los procesos que comparten el espacio de procesos de `pid`. Si es el de la máquina, solo él.
fn same_pid_namespace(pid: i32) -> Vec<i32> {
    let of = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/pid")).map(|m| m.ino()).ok();
    let (Some(own), Some(host)) = (of(pid), of(std::process::id() as i32)) else { return vec![pid] };
    if own == host {
        return vec![pid];
    }
    let Ok(entries) = fs::read_dir("/proc") else { return vec![pid] };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| of(*pid) == Some(own)).collect()
}

/// `text` sin los valores que no se enseñan, por si el programa los ha escrito.
fn without_secrets(text: &str, hidden: &[crate::process::Hidden]) -> String {
    let values = hidden.iter().map(|h| h.real.split_once('=').map_or(h.real.as_str(), |(_, value)| value));
    // uno muy corto está en cualquier texto: taparlo no tapa nada y lo estropea todo
    values.filter(|v| v.chars().count() >= 4).fold(text.to_string(), |text, v| text.replace(v, "(oculto)"))
}

/// Una línea de un log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    pub error: bool,
    pub text: String,
}

/// Lo que se lee del final de un log.
const TAIL: u64 = 16 * 1024;

fn last_lines(path: &Path, count: usize) -> Vec<LogLine> {
    use std::io::{Read, Seek, SeekFrom};
    let Ok(mut file) = fs::File::open(path) else { return Vec::new() };
    let size = file.metadata().map(|m| m.len()).unwrap_or(0);
    let mut bytes = Vec::new();
    let skipped = size > TAIL;
    if file.seek(SeekFrom::Start(size.saturating_sub(TAIL))).is_err() || file.read_to_end(&mut bytes).is_err()
    {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    // si se empieza a leer por medio, la primera línea no está entera
    let lines = text.lines().skip(usize::from(skipped)).filter_map(|line| {
        let mut parts = line.splitn(4, ' ');
        let (_stamp, stream, _partial) = (parts.next()?, parts.next()?, parts.next()?);
        let text = crate::spec::errors::visible(parts.next()?.trim_end(), 200);
        (!text.is_empty()).then_some(LogLine { error: stream == "stderr", text })
    });
    let mut all: Vec<LogLine> = lines.collect();
    all.split_off(all.len().saturating_sub(count))
}
