//! Las frases del texto fuente que hablan de un Pod. Las que hablan de lo que pasa con el tiempo no
//! se ven en un instante: se dice con qué comando se ven.

use super::{all_different, inodes};
use crate::explain::facts::{Facts, Member};
use crate::explain::mounts::{Mounted, device_text};
use crate::explain::prove::Statement;
use std::collections::BTreeSet;

/// Las frases del texto fuente, en su orden.
pub fn of_the_source(facts: &Facts) -> Vec<Statement> {
    let mut all = vec![wrapper(facts)];
    all.extend(shared_volumes(facts));
    all.push(one_ip(facts));
    all.push(same_system(facts));
    all.push(not_a_machine(facts));
    all.extend(facts.containers().map(|m| one_process(facts, m)));
    all.push(separate_processes(facts));
    all.push(information(facts));
    all.extend(in_time(&facts.pod));
    all
}

fn wrapper(facts: &Facts) -> Statement {
    let containers: Vec<&Member> = facts.containers().collect();
    let names: Vec<String> = containers.iter().map(|m| format!("{} (pid {})", m.name, m.pid)).collect();
    let pause =
        facts.pause().map_or("la pausa no vive".into(), |p| format!("la pausa (pid {}) los sostiene", p.pid));
    Statement::new(
        "es una envoltura que contiene uno o varios contenedores",
        !containers.is_empty() && facts.pause().is_some(),
        format!("{pause}: {}", names.join(", ")),
    )
}

// ANCHOR: shared_volumes
/// Cada volumen que montan dos contenedores: los dos ven lo que hay en él, por dispositivo e inodo.
fn shared_volumes(facts: &Facts) -> Vec<Statement> {
    let mut all = Vec::new();
    for volume in &facts.volumes {
        let mounts: Vec<(&str, &Mounted)> = facts
            .containers()
            .flat_map(|m| m.mounts.iter().map(|mount| (m.name.as_str(), mount)))
            .filter(|(_, mount)| mount.volume == volume.name)
            .collect();
        let users: BTreeSet<&str> = mounts.iter().map(|(name, _)| *name).collect();
        if users.len() < 2 {
            continue;
        }
        all.push(Statement::new(
            format!(
                "comparten almacenamiento: el volumen {} es el mismo para todos, no una copia",
                volume.name
            ),
            mounts.iter().all(|(_, mount)| mount.is_the_volume()),
            mounts.iter().map(|(name, mount)| mount_text(name, mount)).collect::<Vec<_>>().join("\n"),
        ));
    }
    if all.is_empty() {
        let why = "en este Pod ningún volumen está montado en dos contenedores";
        all.push(Statement::unseen("los contenedores comparten almacenamiento", why));
    }
    all
}
// ANCHOR_END: shared_volumes

fn mount_text(name: &str, mount: &Mounted) -> String {
    let at = |(device, inode)| format!("dispositivo {}, inodo {inode}", device_text(device));
    let mode = if mount.read_only { "ro" } else { "rw" };
    let part = match mount.sub_path.as_str() {
        "" => String::new(),
        sub => format!(", que es {sub} dentro del volumen"),
    };
    let found = format!("{name} {} ({mode}): {}{part}", mount.path, at((mount.device, mount.inode)));
    match mount.original {
        Some(_) if mount.is_the_volume() => found,
        Some(other) => format!("{found}; pero en el volumen hay {}", at(other)),
        None => format!("{found}; pero en el volumen no está"),
    }
}

// ANCHOR: one_ip
/// Una sola dirección, y todos la ven: cada uno, preguntado desde dentro.
fn one_ip(facts: &Facts) -> Statement {
    let seen = |m: &Member| -> BTreeSet<String> {
        m.inside.view.outer_addresses().iter().map(|a| a.ip.to_string()).collect()
    };
    let all: BTreeSet<String> = facts.members.iter().flat_map(seen).collect();
    let same = facts.members.iter().all(|m| seen(m) == all);
    let evidence: Vec<String> = facts
        .members
        .iter()
        .map(|m| format!("{} ve {}", m.name, seen(m).into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    let host = match facts.network {
        Some(_) => "",
        None => "\nes la red de la máquina (hostNetwork), con las direcciones de la máquina",
    };
    Statement::new(
        "comparten una única IP",
        all.len() == 1 && same && facts.network.is_some(),
        format!("{}{host}", evidence.join(" · ")),
    )
}
// ANCHOR_END: one_ip

// ANCHOR: same_system
fn same_system(facts: &Facts) -> Statement {
    Statement::new(
        "se comunican como si estuvieran en el mismo sistema: la misma red, con su localhost y sus puertos",
        facts.shared("net").is_some(),
        inodes(&facts.members, "net"),
    )
}
// ANCHOR_END: same_system

/// Los procesos del Pod tienen número en esta máquina: los lleva su kernel, y no otro.
fn not_a_machine(facts: &Facts) -> Statement {
    let all = facts.containers().flat_map(|m| &m.processes);
    let pids: Vec<String> = all.map(|p| format!("{} {}", p.name, p.pid)).collect();
    Statement::new(
        "no es una máquina virtual: sus procesos son procesos de esta máquina",
        !pids.is_empty(),
        format!("están en su /proc: {}", pids.join(", ")),
    )
}

fn one_process(facts: &Facts, member: &Member) -> Statement {
    let main = member.processes.iter().find(|p| p.pid == member.pid);
    let others = member.processes.len().saturating_sub(1);
    let more = match others {
        0 => String::new(),
        1 => "; hay otro más, con él".into(),
        n => format!("; hay otros {n}, con él"),
    };
    let shared = match facts.shared("pid") {
        Some(_) => "; los procesos son de todo el Pod (shareProcessNamespace), y el 1 es la pausa",
        None => "",
    };
    Statement::new(
        format!("un proceso por contenedor: el principal de {} es el número 1 de los suyos", member.name),
        main.is_some_and(|p| p.inner == 1),
        main.map_or("su proceso no se ve".into(), |p| {
            format!("{}: {} fuera, {} dentro{more}{shared}", p.name, p.pid, p.inner)
        }),
    )
}

// ANCHOR: separate_processes
fn separate_processes(facts: &Facts) -> Statement {
    let shared = facts.shared("pid").map(|_| "\nlo comparten porque el Pod lo pide: shareProcessNamespace");
    Statement::new(
        "cada proceso va en su contenedor: ninguno ve los de otro",
        all_different(facts, "pid"),
        format!("{}{}", inodes(facts.containers(), "pid"), shared.unwrap_or_default()),
    )
}
// ANCHOR_END: separate_processes

/// Lo que se escribe fuera de un volumen va a una capa que está en el directorio del Pod.
fn information(facts: &Facts) -> Statement {
    let layers: Vec<String> = facts.containers().map(|m| format!("{}: {}", m.name, m.root.upper)).collect();
    Statement::new(
        "lo que guarda un contenedor fuera de un volumen no sobrevive al Pod",
        facts.containers().all(|m| m.root.fstype == "overlay" && m.root.dies_with_pod),
        format!("se escribe en una capa que se borra con él:\n{}", layers.join("\n")),
    )
}

/// Lo que dice de la vida de un Pod: hay que verlo pasar.
fn in_time(pod: &str) -> [Statement; 4] {
    let watch = |what: &str| format!("se ve pasar: {what}");
    [
        Statement::unseen(
            "los Pods son efímeros: se lanzan, se paran y otros los sustituyen",
            watch(&format!("bórralo y vuelve a lanzarlo; `micropod get pod {pod} -o wide` dará otra IP")),
        ),
        Statement::unseen(
            "el Pod se ejecuta mientras lo haga el proceso de su contenedor",
            watch("con restartPolicy: Never, mátalo y mira `micropod get pods -w`"),
        ),
        Statement::unseen(
            "las políticas de reinicio deciden qué pasa cuando un proceso acaba",
            watch(&format!("`micropod describe pod {pod}` cuenta los reinicios")),
        ),
        Statement::unseen(
            "las sondas comprueban si está inicializado (readiness) y si sigue vivo (liveness)",
            watch(&format!("`micropod describe pod {pod}` cuenta las que fallan")),
        ),
    ]
}
