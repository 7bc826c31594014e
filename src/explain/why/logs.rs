//! Lo que un programa dijo antes de acabar, contrastado con el kernel: un texto es una pista, no una prueba.

use super::causes::Cause;
use super::clues::{Clue, Clues, LogLine};
use super::finding::{Finding, From};
use crate::cgroup::counter;
use crate::kernel::Op;
use crate::kernel::ops::{OpenBeneath, OpenDir, Place};
use crate::logic::status::Terminated;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat};
use std::path::{Path, PathBuf};

/// Lo que se reconoce en el final de un log, si algo se reconoce.
pub fn explain(clues: &Clues, clue: &Clue, end: &Terminated, lines: &[LogLine]) -> Option<Finding> {
    if end.exit_code == 0 {
        return None;
    }
    let find = |words: &[&str]| {
        let says = |line: &&LogLine| {
            let text = line.text.to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        lines.iter().rev().find(says)
    };
    if let Some(line) = find(&["address already in use", "address in use", "eaddrinuse"]) {
        return Some(port_in_use(clues, clue, line));
    }
    if let Some(line) = find(&["read-only file system", "erofs"]) {
        return Some(read_only(clue, line));
    }
    if let Some(line) = find(&["resource temporarily unavailable", "can't fork", "cannot fork", "eagain"]) {
        let finding = too_many_processes(clues, Some(clue)).or_else(|| perhaps_too_many(clues, clue));
        if let Some(finding) = finding {
            return Some(finding.because(From::Logs, format!("«{}»", line.text)));
        }
    }
    if let Some(line) = find(&["no space left on device", "enospc"]) {
        return Some(no_space(clue, line));
    }
    if let Some(line) = find(&["permission denied", "eacces"]) {
        return Some(permission_denied(clues, clue, line));
    }
    None
}

fn port_in_use(clues: &Clues, clue: &Clue, line: &LogLine) -> Finding {
    let name = &clue.spec.name;
    let others: Vec<_> = clues
        .listeners
        .iter()
        .filter_map(|l| Some((l, clues.owner_of(l)?)))
        .filter(|(_, owner)| owner != name)
        .collect();
    // el puerto que dice el mensaje; si no lo dice, el que declara
    let said = numbers(&line.text);
    let declared: Vec<u16> =
        clue.spec.ports.iter().filter_map(|p| u16::try_from(p.container_port).ok()).collect();
    let clash = others.iter().find(|(l, _)| said.contains(&l.port) || declared.contains(&l.port));
    let finding = match (clash, others.as_slice()) {
        (Some((listener, owner)), _) => Finding::new(
            Cause::PortInUse,
            format!("{name} quiere el puerto {} y en él ya escucha {owner}: los contenedores de un Pod comparten la red", listener.port),
        ),
        (None, [(listener, owner)]) => Finding::new(
            Cause::PortInUse,
            format!("{name} quiere el puerto {} y en él ya escucha {owner}: los contenedores de un Pod comparten la red", listener.port),
        )
        .unsure(),
        (None, _) => Finding::new(Cause::PortInUse, format!("{name} quiere un puerto en el que ya escucha otro")).unsure(),
    };
    let listening: Vec<String> = others.iter().map(|(l, owner)| format!("{} ({owner})", l.shown())).collect();
    finding
        .because(From::Kernel, format!("en la red del Pod escuchan: {}", join_or_none(&listening)))
        .try_now("cambia el puerto de uno de los dos, o deja uno solo".to_string())
}

/// Los números de un texto que podrían ser puertos.
fn numbers(text: &str) -> Vec<u16> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).filter(|n| *n > 0).collect()
}

fn read_only(clue: &Clue, line: &LogLine) -> Finding {
    let name = &clue.spec.name;
    let path = path_in(clue, &line.text);
    let volume = path.as_deref().and_then(|path| mount_of(clue, path));
    let root = clue.plan.security.read_only_root || clue.spec.image == "host";
    match (volume, root) {
        (Some(mount), _) if mount.read_only => Finding::new(
            Cause::ReadOnlyRoot,
            format!(
                "{name} escribe en {}, que es el volumen {} montado en solo lectura",
                mount.target, mount.volume
            ),
        )
        .because(From::Spec, format!("volumeMounts: {} con readOnly: true", mount.volume))
        .try_now("quita readOnly de ese montaje, o escribe en otro sitio".to_string()),
        (_, true) => {
            Finding::new(Cause::ReadOnlyRoot, format!("{name} escribe en su raíz, que es de solo lectura"))
                .because(
                    From::Spec,
                    if clue.spec.image == "host" {
                        "image: \"host\" es la raíz de la máquina, en solo lectura"
                    } else {
                        "securityContext: readOnlyRootFilesystem: true"
                    },
                )
                .try_now("monta un emptyDir donde escriba, o quita readOnlyRootFilesystem".to_string())
        }
        (_, false) => {
            Finding::new(Cause::ReadOnlyRoot, format!("{name} escribe en un sitio de solo lectura")).unsure()
        }
    }
}

fn no_space(clue: &Clue, line: &LogLine) -> Finding {
    let name = &clue.spec.name;
    let mount = path_in(clue, &line.text).as_deref().and_then(|path| mount_of(clue, path)).cloned();
    match mount {
        Some(mount) => Finding::new(
            Cause::NoSpace,
            format!("{name} ha llenado el volumen {}, en {}", mount.volume, mount.target),
        ),
        None => {
            Finding::new(Cause::NoSpace, format!("{name} se ha quedado sin sitio donde escribe")).unsure()
        }
    }
    .try_now("sube el sizeLimit del volumen, o escribe menos; `df -h` dice cómo está la máquina".to_string())
}

fn permission_denied(clues: &Clues, clue: &Clue, line: &LogLine) -> Finding {
    let name = &clue.spec.name;
    let user = clue.plan.security.uid;
    let vague = || {
        Finding::new(
            Cause::PermissionDenied,
            format!("{name}, que corre con el usuario {user}, no tiene permiso para lo que hace"),
        )
        .unsure()
    };
    let Some(path) = path_in(clue, &line.text) else { return vague() };
    let Some((root, inner, volume)) = outside(clues, clue, &path) else {
        return vague().because(From::Spec, format!("su usuario es el {user}"));
    };
    // lo que no existe no se pudo crear: cuenta el directorio
    let Some((shown, found)) = existing(&root, &inner, &path) else { return vague() };
    let owner = format!(
        "{shown} es del usuario {} y el grupo {}, con modo {:o}",
        found.st_uid,
        found.st_gid,
        found.st_mode & 0o7777
    );
    let denied = !allows_writing(&found, user, clue.plan.security.gid, &clue.plan.security.groups);
    let says = format!("{name} corre con el usuario {user} y {owner}");
    let finding = Finding::new(Cause::PermissionDenied, says);
    let finding = if denied { finding } else { finding.unsure() };
    let from = volume.map(|v| format!("está en el volumen {v}")).unwrap_or_default();
    finding
        .because(From::Kernel, from)
        .try_now("cambia el dueño o los permisos en la máquina (chown, chmod), o el runAsUser".to_string())
}

/// ¿Puede escribir quien tiene ese usuario y esos grupos? Sin contar capacidades, que no siendo root no tiene.
fn allows_writing(found: &FileStat, uid: u32, gid: u32, groups: &[u32]) -> bool {
    let mode = found.st_mode;
    match () {
        () if uid == 0 => true,
        () if found.st_uid == uid => mode & 0o200 != 0,
        () if found.st_gid == gid || groups.contains(&found.st_gid) => mode & 0o020 != 0,
        () => mode & 0o002 != 0,
    }
}

/// Dónde cae una ruta de un contenedor: la raíz de su volumen o de su imagen, y su ruta desde ella.
fn outside(clues: &Clues, clue: &Clue, path: &str) -> Option<(Place, String, Option<String>)> {
    if let Some(mount) = mount_of(clue, path) {
        let inner = path.strip_prefix(mount.target.trim_end_matches('/'))?.trim_start_matches('/');
        let source = mount.source.join(&mount.sub_path);
        // un volumen de memoria solo lo ve la pausa
        let place = match (source.exists(), clues.seen.live.pause) {
            (false, Some(pause)) => {
                let root = Place::root_of(pause)?;
                OpenBeneath { root: &root, path: source.to_str()? }.run().ok()?
            }
            _ => OpenDir(source).run().ok()?,
        };
        return Some((place, inner.to_string(), Some(mount.volume.clone())));
    }
    let inner = path.strip_prefix('/')?;
    Some((OpenDir(clue.plan.lower.clone()).run().ok()?, inner.to_string(), None))
}

/// El fichero o, si no existe, el primero de sus directorios que sí: su ruta dentro y sus datos. Nada
/// si un enlace lleva fuera: los de un contenedor no llevan a donde parecen.
fn existing(root: &Place, inner: &str, shown: &str) -> Option<(String, FileStat)> {
    let mut shown = PathBuf::from(shown);
    for path in Path::new(inner).ancestors() {
        match (OpenBeneath { root, path: path.to_str()? }).run() {
            Ok(found) => return Some((shown.display().to_string(), fstat(found.fd.as_ref()?).ok()?)),
            Err(Errno::ENOENT) => {}
            Err(_) => return None,
        }
        if !shown.pop() {
            return None;
        }
    }
    None
}

/// El montaje más profundo que contiene esa ruta.
fn mount_of<'c>(clue: &'c Clue, path: &str) -> Option<&'c crate::process::MountPlan> {
    let contains = |m: &&crate::process::MountPlan| Path::new(path).starts_with(&m.target);
    clue.plan.mounts.iter().filter(contains).max_by_key(|m| m.target.len())
}

/// Las rutas absolutas de un texto; la de quien habla (`/bin/sh: can't create /datos/x: …`), la última.
fn paths_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || "'\"`«»‘’()[]".contains(c)).enumerate();
    let mut paths: Vec<(bool, String)> = words
        .filter(|(_, word)| word.starts_with('/') && !word.split('/').any(|part| part == ".."))
        .map(|(i, word)| {
            (i == 0 && word.ends_with(':'), word.trim_end_matches([':', ',', ';', '.']).to_string())
        })
        .filter(|(_, path)| path.len() > 1)
        .collect();
    crate::order::sort_by_key(&mut paths, |(speaks, _)| *speaks);
    paths.into_iter().map(|(_, path)| path).collect()
}

/// La ruta de la que se queja: la primera que cae en un volumen o, si ninguna, la primera que no es
/// quien habla.
fn path_in(clue: &Clue, text: &str) -> Option<String> {
    let paths = paths_in(text);
    let first = paths.first().filter(|path| !text.starts_with(&format!("{path}:"))).cloned();
    paths.into_iter().find(|path| mount_of(clue, path).is_some()).or(first)
}

/// El cgroup ya no está y con él se fueron sus cuentas: solo queda lo que dijo el programa.
fn perhaps_too_many(clues: &Clues, clue: &Clue) -> Option<Finding> {
    let limits = &clues.seen.record.pod.spec.resources.limits;
    let limit = limits.pids.as_ref().map_or(crate::cgroup::DEFAULT_PIDS, |q| q.units());
    let says = format!("{} no pudo crear más procesos: el límite del Pod es de {limit}", clue.spec.name);
    // sin cgroup no hay límite con el que topar
    clues.seen.record.cgroup.is_some().then(|| Finding::new(Cause::TooManyProcesses, says).unsure())
}

/// ¿Ha topado el Pod con su límite de procesos?
pub fn too_many_processes(clues: &Clues, clue: Option<&Clue>) -> Option<Finding> {
    let cgroup = clues.seen.record.cgroup.as_deref()?;
    // hasta Linux 6.12 lo apunta el cgroup de quien quiso crear otro, y no el del límite: muere con él
    let own = clues.containers.iter().filter_map(|c| c.counter("pids.events", "max "));
    let failed: u64 = own.chain(counter(cgroup, "pids.events", "max ")).sum();
    if failed == 0 {
        return None;
    }
    let read = |file: &str| std::fs::read_to_string(cgroup.join(file)).unwrap_or_default().trim().to_string();
    let who = clue.map_or("sus contenedores".to_string(), |c| c.spec.name.clone());
    let says =
        format!("el Pod llegó a su límite de {} procesos, y {who} no puede crear más", read("pids.max"));
    Some(
        Finding::new(Cause::TooManyProcesses, says)
            .because(
                From::Kernel,
                format!(
                    "pids.events: max {failed} veces; ahora hay {} procesos de {}",
                    read("pids.current"),
                    read("pids.max")
                ),
            )
            .try_now(format!("micropod top pod {} --containers", clues.pod()))
            .try_now("sube spec.resources.limits.pids, o busca quién no recoge a sus hijos".to_string()),
    )
}

pub fn join_or_none(items: &[String]) -> String {
    if items.is_empty() { "nadie".into() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_una_queja_se_saca_su_ruta_y_sus_numeros() {
        for (text, path) in [
            ("sh: can't create /datos/x: Permission denied", Some("/datos/x")),
            ("open(\"/var/log/a.log\"): Read-only file system", Some("/var/log/a.log")),
            ("mkdir: cannot create directory ‘x’: Permission denied", None),
            (
                "nginx: [emerg] open() \"/run/nginx.pid\" failed (13: Permission denied)",
                Some("/run/nginx.pid"),
            ),
            ("cp: /a/../../etc/x: Permission denied", None),
            ("/: Permission denied", None),
            ("/bin/sh: can't create /datos/f: Read-only file system", Some("/datos/f")),
        ] {
            assert_eq!(paths_in(text).first().map(String::as_str), path, "{text}");
        }
        assert_eq!(numbers("bind() to 0.0.0.0:8080 failed (98: Address in use)"), [8080, 98]);
    }
}
