//! Los montajes que ve un proceso, según su `mountinfo`.

use super::look::{Look, expect, lost};
use super::pod::{MAX_READ, Pod};
use crate::error::spanish;
use crate::explain::inside;
use crate::kernel::Op;
use crate::kernel::ops::OpenDir;
use crate::mountinfo::{self, Mount};
use nix::sched::CloneFlags;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt;

fn at(pod: &Pod, container: &str, path: &str) -> Result<Option<Mount>, String> {
    let all = mountinfo::read(&pod.proc(container, "mountinfo")?);
    Ok(all.into_iter().rev().find(|mount| mount.point == path))
}

/// ¿Hay en `path` un montaje así? Los de un contenedor no cambian mientras vive.
pub fn mounted(pod: &Pod, container: &str, path: &str, holds: impl Fn(&Mount) -> bool, no: &str) -> Look {
    let found = at(pod, container, path)?;
    match found.as_ref().is_some_and(holds) {
        true => Ok(()),
        false => lost(format!("en {path} de «{container}» {no}")),
    }
}

/// El espacio de montajes de un proceso, visto desde su raíz. La de quien está en él puede ser otra, más
/// abajo, y entonces ni él ni su `mountinfo` enseñan lo que queda por encima.
#[derive(Serialize, Deserialize)]
pub struct Space {
    /// El dispositivo y el inodo de la raíz.
    pub root: (u64, u64),
    mountinfo: String,
}

/// Entrar en un espacio de montajes pone a quien entra en su raíz: se entra, y se mira.
pub fn space(pod: &Pod, container: &str) -> Result<Space, String> {
    let process = pod.process(container)?;
    // el /proc de aquí: el de allí lo ha montado otro
    let proc = OpenDir("/proc".into()).run().map_err(|errno| spanish(errno).to_string())?;
    let look = || {
        let root = std::fs::metadata("/").ok()?;
        let mountinfo = proc.read("self/mountinfo", MAX_READ).ok()?;
        let mountinfo = String::from_utf8_lossy(&mountinfo).into_owned();
        Some(Space { root: (root.dev(), root.ino()), mountinfo })
    };
    let seen = inside::ask_in(process, CloneFlags::CLONE_NEWNS, look).flatten();
    seen.ok_or_else(|| format!("no se puede entrar en el espacio de montajes de «{container}»"))
}

/// ¿Está en el espacio de `container` el montaje que `other` tiene en `path`?
pub fn sees_mount(pod: &Pod, container: &str, other: &str, path: &str) -> Look {
    let wanted =
        at(pod, other, path)?.ok_or_else(|| format!("en {path} de «{other}» no hay nada montado"))?;
    let all = mountinfo::read(&space(pod, container)?.mountinfo);
    let seen = all.iter().any(|mount| (&mount.device, &mount.root) == (&wanted.device, &wanted.root));
    expect(seen, || format!("«{container}» no ve el {path} de «{other}»"))
}
