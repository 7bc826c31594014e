//! Los hechos de un Pod, leídos del kernel y de nadie más: `/proc`, los cgroups y rtnetlink.
//!
//! De la ficha solo salen los nombres: qué contenedores y volúmenes tiene el Pod, y qué proceso es el
//! principal de cada uno. Lo demás se mira.

use super::inside::{self, Inside};
use super::mounts::{self, Mounted, Root, Volume};
use super::net::{self, Network};
use crate::cgroup::Hierarchy;
use crate::kernel::ops::Place;
use crate::logic::Kind;
use crate::logic::rules::init_kind;
use crate::network::look::View;
use crate::state::{ProcessId, Seen};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Los espacios de nombres que se miran, en el orden en que se enseñan.
pub const NAMESPACES: [&str; 6] = ["net", "ipc", "uts", "pid", "mnt", "cgroup"];

/// Número de inodo de cada espacio de nombres: dos procesos con el mismo número lo comparten.
pub type Namespaces = BTreeMap<&'static str, u64>;

/// Todo lo que se sabe de un Pod en marcha.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub pod: String,
    /// La máquina, para comparar: sus espacios de nombres, su nombre y su red.
    pub host: Host,
    /// La pausa y los contenedores que viven.
    pub members: Vec<Member>,
    /// Los que no viven, y por qué.
    pub absent: Vec<(String, String)>,
    pub cgroup: Option<Cgroup>,
    /// La red propia del Pod; `None`, si usa la de la máquina.
    pub network: Option<Network>,
    pub volumes: Vec<Volume>,
}

#[derive(Clone, Debug, Default)]
pub struct Host {
    pub name: String,
    pub namespaces: Namespaces,
    pub view: View,
}

/// Qué es un miembro del Pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    Pause,
    #[default]
    App,
    Init,
    /// De inicialización, y se queda.
    Sidecar,
    /// Llegó a mirar.
    Ephemeral,
}

/// La pausa o un contenedor.
#[derive(Clone, Debug, Default)]
pub struct Member {
    pub name: String,
    pub role: Role,
    /// Su proceso principal, visto desde la máquina.
    pub pid: i32,
    pub namespaces: Namespaces,
    pub processes: Vec<Process>,
    /// De dónde sale su raíz.
    pub root: Root,
    pub mounts: Vec<Mounted>,
    pub cgroup: Option<Cgroup>,
    /// Lo que se ve entrando en él.
    pub inside: Inside,
    /// Dispositivo e inodo de su `/dev/shm`.
    pub shm: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// El número que tiene dentro.
    pub inner: i32,
    pub name: String,
}

/// Un cgroup y sus valores, tal como los da el kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroup {
    pub path: PathBuf,
    /// Contenido de cada fichero; solo los que existen.
    pub values: BTreeMap<&'static str, String>,
}

impl Facts {
    pub fn containers(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.role != Role::Pause)
    }

    pub fn pause(&self) -> Option<&Member> {
        self.members.iter().find(|m| m.role == Role::Pause)
    }

    /// El inodo de ese espacio de nombres, si lo comparten todos los miembros.
    pub fn shared(&self, namespace: &str) -> Option<u64> {
        let first = *self.members.first()?.namespaces.get(namespace)?;
        self.members.iter().all(|m| m.namespaces.get(namespace) == Some(&first)).then_some(first)
    }

    /// ¿Es ese el de la máquina?
    pub fn is_of_host(&self, namespace: &str, inode: u64) -> bool {
        self.host.namespaces.get(namespace) == Some(&inode)
    }
}

const VALUES: [&str; 8] = [
    "memory.max",
    "memory.current",
    "memory.swap.max",
    "cpu.max",
    "cpu.weight",
    "pids.max",
    "pids.current",
    "memory.oom.group",
];

/// Lee los hechos de un Pod en marcha.
pub fn read(seen: &Seen) -> Facts {
    let hierarchy = Hierarchy::find().map(|h| h.root);
    let mut facts = Facts {
        pod: seen.record.name.clone(),
        host: Host {
            name: read_trimmed(Path::new("/proc/sys/kernel/hostname")),
            namespaces: namespaces(std::process::id() as i32),
            // sin permiso para preguntar no hay red que enseñar
            view: View::look().unwrap_or_default(),
        },
        ..Facts::default()
    };
    let uid = &seen.record.uid;
    let pause = seen.live.pause.filter(|p| p.is_alive());
    if let Some(process) = pause {
        facts.members.push(member("la pausa", uid, Role::Pause, process, hierarchy.as_deref()));
    }
    let spec = &seen.record.pod.spec;
    let all = crate::plan::all_containers(spec).map(Some).chain(std::iter::repeat(None)).enumerate();
    for ((id, container), plan) in all.zip(&seen.record.plans) {
        let role = match container {
            None => Role::Ephemeral,
            Some(_) if id >= spec.init_containers.len() => Role::App,
            Some(container) if init_kind(container) == Kind::Sidecar => Role::Sidecar,
            Some(_) => Role::Init,
        };
        let process = seen.live.processes.get(id).copied().flatten().filter(|p| p.is_alive());
        match process {
            Some(process) => {
                let mut found = member(&plan.name, uid, role, process, hierarchy.as_deref());
                found.mounts = mounts::of(process.pid, &plan.mounts, pause);
                facts.members.push(found);
            }
            // el que miraba y se ha ido no falta
            None if role == Role::Ephemeral => {}
            None => facts.absent.push((plan.name.clone(), why_absent(seen, id))),
        }
    }
    facts.volumes = mounts::volumes(seen, pause);
    facts.cgroup = facts.members.first().and_then(|m| m.cgroup.as_ref()?.path.parent()).map(cgroup);
    let home = facts.cgroup.as_ref().map(|own| own.path.as_path());
    for found in facts.members.iter_mut().filter_map(|member| member.cgroup.as_mut()) {
        // el que hace un motor cuelga del que le hace micropod, que es el del contenedor
        if let Some(parent) = found.path.parent().filter(|path| path.parent() == home) {
            *found = cgroup(parent);
        }
    }
    facts.network = net::of(&facts);
    facts
}

fn member(name: &str, uid: &str, role: Role, process: ProcessId, hierarchy: Option<&Path>) -> Member {
    let pid = process.pid;
    let cgroup = hierarchy.and_then(|root| cgroup_of(pid, root));
    let namespaces = namespaces(pid);
    let shm = Place::root_of(process).and_then(|root| root.stat("/dev/shm").ok());
    let shm = shm.map(|found| (found.st_dev, found.st_ino));
    Member {
        name: name.to_string(),
        role,
        pid,
        processes: processes(pid, &namespaces, role, cgroup.as_ref()),
        namespaces,
        root: mounts::root_of(pid, uid),
        mounts: Vec::new(),
        cgroup,
        inside: inside::look(process),
        shm,
    }
}

/// Los inodos de `/proc/PID/ns/*`.
pub fn namespaces(pid: i32) -> Namespaces {
    let inode =
        |name: &&'static str| Some((*name, fs::metadata(format!("/proc/{pid}/ns/{name}")).ok()?.ino()));
    NAMESPACES.iter().filter_map(inode).collect()
}

/// Los procesos de un miembro: los de su cgroup y, de un contenedor, cuantos ven sus mismos montajes.
fn processes(pid: i32, own: &Namespaces, role: Role, cgroup: Option<&Cgroup>) -> Vec<Process> {
    let listed = cgroup.map(|c| read_trimmed(&c.path.join("cgroup.procs"))).unwrap_or_default();
    let mut pids: Vec<i32> = listed.lines().filter_map(|l| l.parse().ok()).chain([pid]).collect();
    if role != Role::Pause {
        let all = crate::state::names_in(Path::new("/proc")).into_iter().filter_map(|n| n.parse().ok());
        let mount = |pid: i32| fs::metadata(format!("/proc/{pid}/ns/mnt")).ok().map(|m| m.ino());
        pids.extend(all.filter(|pid| mount(*pid) == own.get("mnt").copied()));
    }
    crate::order::sort(&mut pids);
    pids.dedup();
    pids.into_iter().filter_map(process).collect()
}

fn process(pid: i32) -> Option<Process> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // el último número es el que tiene en el espacio de procesos más hondo: el suyo
    let inner = status.lines().find_map(|l| l.strip_prefix("NSpid:"))?;
    let inner = inner.split_whitespace().last()?.parse().ok()?;
    let name = crate::cli::term::harmless(&read_trimmed(Path::new(&format!("/proc/{pid}/comm"))));
    Some(Process { pid, inner, name })
}

/// El cgroup en el que vive un proceso, según el kernel.
fn cgroup_of(pid: i32, root: &Path) -> Option<Cgroup> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|l| l.strip_prefix("0::/"))?;
    Some(cgroup(&root.join(path)))
}

fn cgroup(path: &Path) -> Cgroup {
    let value =
        |name: &&'static str| Some((*name, fs::read_to_string(path.join(name)).ok()?.trim().to_string()));
    Cgroup { path: path.to_path_buf(), values: VALUES.iter().filter_map(value).collect() }
}

fn why_absent(seen: &Seen, id: usize) -> String {
    use crate::logic::status::ContainerState;
    let status = &seen.live.status;
    match status.all().nth(id).map(|c| &c.state) {
        Some(ContainerState::Terminated(end)) => format!("acabó con código {}", end.exit_code),
        Some(ContainerState::Waiting { reason, .. }) => format!("espera: {reason}"),
        Some(ContainerState::Running { .. }) | None => "acaba de morir".into(),
    }
}

fn read_trimmed(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_espacios_de_nombres_propios_se_leen_de_proc() {
        assert_eq!(namespaces(std::process::id() as i32).len(), NAMESPACES.len());
    }

    #[test]
    fn un_proceso_tiene_un_numero_fuera_y_otro_dentro() {
        let pid = std::process::id() as i32;
        let own = process(pid).unwrap();
        assert_eq!(own.pid, pid);
        assert!(own.inner > 0 && !own.name.is_empty());
        assert_eq!(process(0), None);
    }

    #[test]
    fn compartido_es_que_lo_tengan_todos() {
        let member = |net| Member { namespaces: [("net", net)].into(), ..Member::default() };
        let facts =
            |nets: &[u64]| Facts { members: nets.iter().map(|n| member(*n)).collect(), ..Facts::default() };
        assert_eq!(facts(&[7, 7, 7]).shared("net"), Some(7));
        assert_eq!(facts(&[7, 7, 8]).shared("net"), None);
        assert_eq!(facts(&[7]).shared("ipc"), None);
        assert_eq!(facts(&[]).shared("net"), None);
    }
}
