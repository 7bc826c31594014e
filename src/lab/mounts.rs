//! Los montajes que ve un proceso, según su `mountinfo`.

use super::look::{Look, expect, lost};
use super::pod::Pod;

/// Una línea de `mountinfo`.
#[derive(Debug, PartialEq)]
pub struct Mount {
    /// Qué hay montado: el número del sistema de ficheros y qué directorio suyo.
    what: (String, String),
    path: String,
    pub read_only: bool,
    pub kind: String,
}

/// El último gana: tapa a los anteriores.
fn read(mountinfo: &str) -> Vec<Mount> {
    let line = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let before: Vec<&str> = before.split(' ').collect();
        let after: Vec<&str> = after.split(' ').collect();
        let is_ro = |options: &&str| options.split(',').any(|option| option == "ro");
        Some(Mount {
            what: (before.get(2)?.to_string(), before.get(3)?.to_string()),
            path: before.get(4)?.to_string(),
            // un montaje es de solo lectura si lo es él, o si lo es todo el sistema de ficheros
            read_only: is_ro(before.get(5)?) || after.get(2).is_some_and(is_ro),
            kind: after.first()?.to_string(),
        })
    };
    mountinfo.lines().filter_map(line).collect()
}

fn at(pod: &Pod, container: &str, path: &str) -> Result<Option<Mount>, String> {
    let all = read(&pod.proc(container, "mountinfo")?);
    Ok(all.into_iter().rev().find(|mount| mount.path == path))
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
    let seen = read(&pod.proc(container, "mountinfo")?).iter().any(|mount| mount.what == wanted.what);
    expect(seen, || format!("«{container}» no ve el {path} de «{other}»"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_un_montaje_se_sabe_que_es_donde_esta_y_si_se_puede_escribir() {
        let text = "159 315 0:53 /tmp/casa / rw,nosuid shared:1 - overlay capa rw,lowerdir=/x\n\
                    160 159 0:60 / /fija rw - overlay capa ro,lowerdir=/x:/y\n\
                    161 159 8:1 /a /b ro,nodev - ext4 /dev/sda1 rw\n\
                    una línea que no lo es\n";
        let all = read(text);
        let shown: Vec<_> = all.iter().map(|m| (m.path.as_str(), m.kind.as_str(), m.read_only)).collect();
        assert_eq!(shown, [("/", "overlay", false), ("/fija", "overlay", true), ("/b", "ext4", true)]);
        assert_eq!(all[0].what, ("0:53".to_string(), "/tmp/casa".to_string()));
    }
}
