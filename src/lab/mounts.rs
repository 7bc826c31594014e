//! Los montajes que ve un proceso, según su `mountinfo`.

use super::look::{Look, expect, lost};
use super::pod::Pod;
use crate::mountinfo::{self, Mount};

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

/// ¿Ve `container` el montaje que `other` tiene en `path`?
pub fn sees_mount(pod: &Pod, container: &str, other: &str, path: &str) -> Look {
    let wanted =
        at(pod, other, path)?.ok_or_else(|| format!("en {path} de «{other}» no hay nada montado"))?;
    let all = mountinfo::read(&pod.proc(container, "mountinfo")?);
    let seen = all.iter().any(|mount| (&mount.device, &mount.root) == (&wanted.device, &wanted.root));
    expect(seen, || format!("«{container}» no ve el {path} de «{other}»"))
}
