//! `micropod demuestra`: cada frase sobre el Pod, demostrada o refutada mirando solo al kernel.

use super::facts::{self, Facts, Member};
use crate::error::{Error, exit};
use crate::state::Seen;

/// Una frase y su veredicto.
pub struct Statement {
    pub text: String,
    pub holds: bool,
    pub evidence: String,
}

/// Imprime la demostración. Sale con 1 si algo no se cumple.
pub fn prove(seen: &Seen) -> Result<u8, Error> {
    let facts = facts::read(seen);
    if facts.members.is_empty() {
        return Err(Error::failed(format!(
            "el Pod `{}` no está en marcha: no hay nada que mirar",
            seen.record.name
        )));
    }
    let statements = statements(&facts);
    for Statement { text, holds, evidence } in &statements {
        println!("{} {text}\n    {evidence}", if *holds { "[demostrado]" } else { "[REFUTADO]  " });
    }
    Ok(if statements.iter().all(|s| s.holds) { exit::OK } else { exit::FAILED })
}

/// Lo que dice el texto fuente de un Pod, frase a frase.
pub fn statements(facts: &Facts) -> Vec<Statement> {
    let containers: Vec<&Member> = facts.members.iter().filter(|m| !m.is_pause).collect();
    let mut all = Vec::new();
    for (namespace, phrase) in [
        ("net", "los contenedores comparten la red, y con ella localhost y los puertos"),
        ("ipc", "comparten la memoria entre procesos (IPC)"),
        ("uts", "comparten el nombre de máquina"),
    ] {
        all.push(shared(facts, namespace, phrase));
    }
    all.push(separate(&containers, "mnt", "cada contenedor tiene sus propios ficheros"));
    all.push(separate_from_host(facts));
    if let Some(net) = &facts.network {
        let ips: Vec<String> = net.addresses.iter().map(ToString::to_string).collect();
        all.push(Statement {
            text: "el Pod tiene una única IP".into(),
            holds: net.addresses.len() == 1,
            evidence: format!("direcciones del espacio de red: {}", ips.join(", ")),
        });
    }
    for member in &containers {
        let main = member.processes.iter().find(|(pid, ..)| *pid == member.pid);
        all.push(Statement {
            text: format!("el proceso principal de {} es el PID 1 de su espacio de procesos", member.name),
            holds: main.is_some_and(|(_, inner, _)| *inner == 1),
            evidence: main.map_or("no se ve".into(), |(pid, inner, name)| {
                format!("{name}: pid {pid} fuera, {inner} dentro")
            }),
        });
    }
    all.extend(shared_volumes(&containers));
    all
}

fn inodes(members: &[&Member], namespace: &str) -> String {
    let one = |m: &&Member| {
        format!("{} {namespace}:[{}]", m.name, m.namespaces.get(namespace).copied().unwrap_or(0))
    };
    members.iter().map(one).collect::<Vec<_>>().join(" · ")
}

fn shared(facts: &Facts, namespace: &'static str, phrase: &str) -> Statement {
    let members: Vec<&Member> = facts.members.iter().collect();
    let first = members.first().and_then(|m| m.namespaces.get(namespace));
    Statement {
        text: phrase.into(),
        holds: first.is_some() && members.iter().all(|m| m.namespaces.get(namespace) == first),
        evidence: inodes(&members, namespace),
    }
}

fn separate(containers: &[&Member], namespace: &'static str, phrase: &str) -> Statement {
    let mut seen: Vec<u64> = containers.iter().filter_map(|m| m.namespaces.get(namespace).copied()).collect();
    seen.sort_unstable();
    seen.dedup();
    Statement {
        text: phrase.into(),
        holds: seen.len() == containers.len(),
        evidence: inodes(containers, namespace),
    }
}

fn separate_from_host(facts: &Facts) -> Statement {
    let own = facts.members.first().and_then(|m| m.namespaces.get("net").copied()).unwrap_or(0);
    let host = facts.host.get("net").copied().unwrap_or(0);
    Statement {
        text: "la red del Pod no es la de la máquina".into(),
        holds: own != host || facts.network.is_none(),
        evidence: format!("Pod net:[{own}] · anfitrión net:[{host}]"),
    }
}

/// Dos contenedores que montan el mismo volumen ven el mismo dispositivo y el mismo inodo.
fn shared_volumes(containers: &[&Member]) -> Vec<Statement> {
    let mut names: Vec<&str> =
        containers.iter().flat_map(|m| m.volumes.iter().map(|v| v.volume.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    let mut all = Vec::new();
    for name in names {
        let mounts: Vec<(&str, &facts::Mounted)> = containers
            .iter()
            .flat_map(|m| m.volumes.iter().filter(|v| v.volume == name).map(|v| (m.name.as_str(), v)))
            .collect();
        if mounts.len() < 2 {
            continue;
        }
        let (_, first) = mounts[0];
        let same = mounts.iter().all(|(_, v)| (v.device, v.inode) == (first.device, first.inode));
        let one = |(member, v): &(&str, &facts::Mounted)| {
            format!(
                "{member} {} (dispositivo {}, inodo {}{})",
                v.path,
                v.device,
                v.inode,
                if v.read_only { ", ro" } else { "" }
            )
        };
        all.push(Statement {
            text: format!("comparten el volumen {name}: los mismos ficheros, no copias"),
            holds: same,
            evidence: mounts.iter().map(one).collect::<Vec<_>>().join(" · "),
        });
    }
    all
}
