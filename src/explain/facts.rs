//! Los hechos de un Pod, leídos del kernel y de nadie más: `/proc`, `/sys` y los cgroups.

use crate::state::{ProcessId, Seen};
use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Los espacios de nombres que se miran, en el orden en que se enseñan.
pub const NAMESPACES: [&str; 6] = ["net", "ipc", "uts", "pid", "mnt", "cgroup"];

/// Un miembro del Pod: la pausa o un contenedor.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub is_pause: bool,
    pub pid: i32,
    /// Número de inodo de cada espacio de nombres.
    pub namespaces: BTreeMap<&'static str, u64>,
    /// Los procesos que viven en él: (pid en el anfitrión, pid dentro, nombre).
    pub processes: Vec<(i32, i32, String)>,
    pub cgroup: Option<Cgroup>,
    /// Ficheros montados que vienen de un volumen: (ruta, dispositivo, inodo, solo lectura).
    pub volumes: Vec<Mounted>,
    pub hostname: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mounted {
    pub volume: String,
    pub path: String,
    pub device: u64,
    pub inode: u64,
    pub read_only: bool,
}

/// Un cgroup y los valores de sus límites, tal como los lee el kernel.
#[derive(Clone, Debug)]
pub struct Cgroup {
    pub path: PathBuf,
    /// (fichero, valor); solo los que existen.
    pub values: Vec<(&'static str, String)>,
}

/// La red del Pod.
#[derive(Clone, Debug)]
pub struct Network {
    pub addresses: Vec<Ipv4Addr>,
    pub mac: String,
    /// El extremo del par veth que queda en el anfitrión, y el puente al que está enchufado.
    pub veth: Option<String>,
    pub bridge: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Facts {
    pub members: Vec<Member>,
    pub pod_cgroup: Option<Cgroup>,
    pub network: Option<Network>,
    /// Los espacios de nombres del anfitrión, para comparar.
    pub host: BTreeMap<&'static str, u64>,
}

/// Lee los hechos de un Pod en marcha.
pub fn read(seen: &Seen) -> Facts {
    let mut members = Vec::new();
    if let Some(pause) = seen.live.pause.filter(|p| p.is_alive()) {
        members.push(member("la pausa", true, pause, seen, &[]));
    }
    for (plan, process) in seen.record.plans.iter().zip(&seen.live.processes) {
        if let Some(process) = process.filter(|p: &ProcessId| p.is_alive()) {
            members.push(member(&plan.name, false, process, seen, &plan.mounts));
        }
    }
    // el /sys de un contenedor es el de su red; la pausa ve el del anfitrión
    let inside = members.iter().find(|m| !m.is_pause).or(members.first());
    let network = seen.record.network.as_ref().and(inside).map(network_of);
    Facts {
        network,
        pod_cgroup: seen.record.cgroup.as_deref().map(cgroup),
        host: namespaces(std::process::id() as i32),
        members,
    }
}

fn member(
    name: &str,
    is_pause: bool,
    process: ProcessId,
    seen: &Seen,
    mounts: &[crate::process::MountPlan],
) -> Member {
    let pid = process.pid;
    let leaf = if is_pause { crate::cgroup::PAUSE } else { name };
    let cgroup = seen.record.cgroup.as_ref().map(|pod| cgroup(&pod.join(leaf)));
    Member {
        name: name.to_string(),
        is_pause,
        pid,
        namespaces: namespaces(pid),
        processes: processes_of(pid, cgroup.as_ref()),
        cgroup,
        volumes: mounts.iter().filter_map(|m| mounted(pid, m)).collect(),
        hostname: hostname_of(pid),
    }
}

/// Los inodos de `/proc/PID/ns/*`: dos procesos con el mismo número comparten ese espacio.
pub fn namespaces(pid: i32) -> BTreeMap<&'static str, u64> {
    let inode =
        |name: &&'static str| Some((*name, fs::metadata(format!("/proc/{pid}/ns/{name}")).ok()?.ino()));
    NAMESPACES.iter().filter_map(inode).collect()
}

/// Los procesos del cgroup o, si no lo hay, el principal.
fn processes_of(pid: i32, cgroup: Option<&Cgroup>) -> Vec<(i32, i32, String)> {
    let listed = cgroup.and_then(|c| fs::read_to_string(c.path.join("cgroup.procs")).ok());
    let mut pids: Vec<i32> = listed.map_or(vec![pid], |t| t.lines().filter_map(|l| l.parse().ok()).collect());
    pids.sort_unstable();
    pids.into_iter().filter_map(|pid| Some((pid, inner_pid(pid)?, command_name(pid)))).collect()
}

/// El número que tiene un proceso dentro de su espacio de procesos: el último de `NSpid`.
fn inner_pid(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("NSpid:"))?.split_whitespace().last()?.parse().ok()
}

fn command_name(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_string()
}

/// El nombre de máquina que ve un proceso: el de su espacio UTS, que se lee en su `/etc/hostname`.
fn hostname_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/root/etc/hostname")).unwrap_or_default().trim().to_string()
}

fn mounted(pid: i32, mount: &crate::process::MountPlan) -> Option<Mounted> {
    let found = fs::metadata(format!("/proc/{pid}/root{}", mount.target)).ok()?;
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).ok()?;
    let line = mounts.lines().rev().find(|l| l.split_whitespace().nth(4) == Some(mount.target.as_str()))?;
    let read_only = line.split_whitespace().nth(5).is_some_and(|o| o.split(',').any(|o| o == "ro"));
    Some(Mounted {
        volume: mount.volume.clone(),
        path: mount.target.clone(),
        device: found.dev(),
        inode: found.ino(),
        read_only,
    })
}

const VALUES: [&str; 6] =
    ["memory.max", "memory.current", "cpu.max", "cpu.weight", "pids.max", "pids.current"];

fn cgroup(path: &Path) -> Cgroup {
    let value =
        |name: &&'static str| Some((*name, fs::read_to_string(path.join(name)).ok()?.trim().to_string()));
    Cgroup { path: path.to_path_buf(), values: VALUES.iter().filter_map(value).collect() }
}

/// Lee la red desde `/proc/PID/net` y `/sys`: los del espacio de red de ese proceso.
fn network_of(member: &Member) -> Network {
    let trie = fs::read_to_string(format!("/proc/{}/net/fib_trie", member.pid)).unwrap_or_default();
    let interface = format!("/proc/{}/root/sys/class/net/eth0", member.pid);
    let read =
        |name: &str| fs::read_to_string(format!("{interface}/{name}")).unwrap_or_default().trim().to_string();
    let veth = veth_with_index(&read("iflink"));
    let bridge = veth.as_ref().and_then(|v| fs::read_link(format!("/sys/class/net/{v}/master")).ok());
    Network {
        addresses: local_addresses(&trie),
        mac: read("address"),
        bridge: bridge.and_then(|b| Some(b.file_name()?.to_string_lossy().into_owned())),
        veth,
    }
}

/// Las direcciones propias (`/32 host LOCAL`) que no son de loopback.
fn local_addresses(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines() {
        if let Some(text) = line.trim().strip_prefix("|-- ") {
            last = text.trim().parse::<Ipv4Addr>().ok();
        } else if line.contains("/32 host LOCAL") {
            if let Some(ip) = last.filter(|ip| !ip.is_loopback() && !found.contains(ip)) {
                found.push(ip);
            }
        }
    }
    found
}

fn veth_with_index(index: &str) -> Option<String> {
    let names = crate::state::names_in(Path::new("/sys/class/net"));
    let same = |name: &String| {
        fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).is_ok_and(|i| i.trim() == index)
    };
    names.into_iter().find(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn las_direcciones_propias_se_leen_de_fib_trie_una_sola_vez() {
        let trie = "Main:\n  +-- 0.0.0.0/0\n     |-- 10.244.0.0\n        /16 link UNICAST\n     |-- 10.244.0.7\n        \
                    /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\nLocal:\n     |-- 10.244.0.7\n        /32 host LOCAL\n";
        assert_eq!(local_addresses(trie), [Ipv4Addr::new(10, 244, 0, 7)]);
    }

    #[test]
    fn los_espacios_de_nombres_propios_se_leen_de_proc() {
        assert_eq!(namespaces(std::process::id() as i32).len(), NAMESPACES.len());
    }
}
