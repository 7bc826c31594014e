//! Qué comparte y qué no comparte el Pod, más allá de lo que dice el texto fuente.

use super::{all_different, inodes};
use crate::explain::facts::Facts;
use crate::explain::prove::Statement;

/// El mismo nombre, preguntado a cada uno desde dentro de su espacio UTS.
pub fn hostname(facts: &Facts) -> Statement {
    let names: Vec<&str> = facts.members.iter().map(|m| m.inside.hostname.as_str()).collect();
    let same = names.windows(2).all(|pair| pair[0] == pair[1]);
    let said: Vec<String> =
        facts.members.iter().map(|m| format!("{} dice «{}»", m.name, m.inside.hostname)).collect();
    Statement::new(
        "tienen el mismo nombre de máquina (UTS)",
        same && facts.shared("uts").is_some() && !names.contains(&""),
        format!("{}\n{}", inodes(&facts.members, "uts"), said.join(" · ")),
    )
}

/// La misma memoria compartida: el espacio IPC y el `/dev/shm`, que es otro montaje.
pub fn memory(facts: &Facts) -> Statement {
    let shm: Vec<_> = facts.containers().map(|m| m.shm).collect();
    let same_shm = shm.windows(2).all(|pair| pair[0] == pair[1]) && shm.iter().all(Option::is_some);
    let said: Vec<String> = facts
        .containers()
        .map(|m| {
            let at = m.shm.map_or("no se ve".into(), |(d, i)| {
                format!("dispositivo {}, inodo {i}", crate::explain::mounts::device_text(d))
            });
            format!("{} /dev/shm: {at}", m.name)
        })
        .collect();
    Statement::new(
        "comparten la memoria entre procesos (IPC y /dev/shm)",
        facts.shared("ipc").is_some() && same_shm,
        format!("{}\n{}", inodes(&facts.members, "ipc"), said.join(" · ")),
    )
}

pub fn own_roots(facts: &Facts) -> Statement {
    let roots: Vec<String> = facts
        .containers()
        .map(|m| {
            format!(
                "{}: {} sobre {}{}",
                m.name,
                m.root.fstype,
                m.root.lower,
                if m.root.read_only { " (ro)" } else { "" }
            )
        })
        .collect();
    Statement::new(
        "cada contenedor tiene su propia raíz de ficheros",
        all_different(facts, "mnt") && facts.containers().all(|m| m.root.fstype == "overlay"),
        format!("{}\n{}", inodes(facts.containers(), "mnt"), roots.join(" · ")),
    )
}

pub fn own_cgroups(facts: &Facts) -> Statement {
    let mut paths: Vec<_> = facts.containers().filter_map(|m| m.cgroup.as_ref().map(|c| &c.path)).collect();
    let text = "cada contenedor tiene su grupo de control, dentro del grupo del Pod";
    if paths.is_empty() {
        return Statement::unseen(text, "esta máquina no tiene cgroup v2");
    }
    let shown: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    let count = facts.containers().count();
    let parent = facts.cgroup.as_ref().map(|c| c.path.as_path());
    let inside = paths.iter().all(|p| p.parent() == parent);
    crate::order::sort(&mut paths);
    paths.dedup();
    Statement::new(text, paths.len() == count && inside, shown.join("\n"))
}

pub fn net_apart_from_host(facts: &Facts) -> Statement {
    let own = facts.members.first().and_then(|m| m.namespaces.get("net"));
    let host = facts.host.namespaces.get("net");
    let number = |inode: Option<&u64>| inode.map_or("no se ve".into(), |i| format!("net:[{i}]"));
    Statement::new(
        "la red del Pod no es la de la máquina",
        own.is_some() && own != host,
        format!("Pod {} · máquina {}", number(own), number(host)),
    )
}

/// El par veth: cada extremo dice que el otro es el suyo, y el de fuera está en el puente.
pub fn cable(facts: &Facts) -> Statement {
    let text = "un cable une el Pod con el puente de la máquina";
    let Some(net) = &facts.network else {
        return Statement::unseen(text, "con la red de la máquina no hace falta cable");
    };
    let Some(cable) = &net.cable else {
        return Statement::new(
            text,
            false,
            format!("{} no tiene su otro extremo en esta máquina", net.eth0.name),
        );
    };
    let bridge = cable.bridge.as_ref();
    let addresses: Vec<String> =
        bridge.iter().flat_map(|b| &b.addresses).map(|a| format!("{}/{}", a.ip, a.prefix)).collect();
    Statement::new(
        text,
        bridge.is_some(),
        format!(
            "eth0 (índice {}) ═ {} (índice {}) ═ {} {}",
            net.eth0.index,
            cable.veth.name,
            cable.veth.index,
            bridge.map_or("ningún puente", |b| b.link.name.as_str()),
            addresses.join(", ")
        ),
    )
}
