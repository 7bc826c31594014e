//! Poner a la vista los ficheros de un volumen de datos de golpe: quien lee ve los de antes o los de
//! ahora, nunca una mezcla.
//!
//! ```text
//! color            -> ..data/color
//! ..data           -> ..2026_11_25_19_01_02.123456789
//! ..2026_11_25_19_01_02.123456789/color
//! ```
//!
//! Los nombres que usa el programa son enlaces que pasan por `..data`. Para cambiarlos todos a la vez
//! se prepara un directorio nuevo y se sustituye `..data` con un solo rename(2), que es atómico.

use super::files::{File, Files};
use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::ops::{MakeDir, RemoveFile, RemoveTree, Rename, SetGroup, Symlink, WriteData};
use crate::logs::Civil;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Un volumen de datos del Pod.
#[derive(Clone, Debug)]
pub struct DataVolume {
    pub name: String,
    /// Donde está en el anfitrión; si es de memoria, en el espacio de montajes de la pausa.
    pub path: PathBuf,
    pub memory: bool,
    /// El grupo del Pod (`fsGroup`), si tiene.
    pub group: Option<u32>,
    /// Sus ficheros, o qué le falta para tenerlos.
    pub files: Result<Files, String>,
}

/// El directorio de una versión: la hora en que se hizo, como en Kubernetes.
pub fn version(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let civil = Civil::from_unix(since.as_secs());
    let time = civil.time().replace(':', "_");
    format!("..{}_{:02}_{:02}_{time}.{:09}", civil.year, civil.month, civil.day, since.subsec_nanos())
}

/// Pone a la vista los volúmenes que están en disco, o los que están en memoria. Al que le falta algo
/// se le deja vacío: sus contenedores esperan.
pub fn all(k: &mut Kernel, volumes: &[DataVolume], memory: bool, version: &str) -> Result<(), StepError> {
    for volume in volumes.iter().filter(|v| v.memory == memory) {
        if let Ok(files) = &volume.files {
            publish(k, volume, &volume.path, files, version)?;
        }
    }
    Ok(())
}

// ANCHOR: publish
/// Pone a la vista `files` en el directorio `dir` de un volumen, en la versión `version`.
pub fn publish(
    k: &mut Kernel,
    volume: &DataVolume,
    dir: &Path,
    files: &Files,
    version: &str,
) -> Result<(), StepError> {
    let name = &volume.name;
    let fresh = dir.join(version);
    k.step(
        format_args!("crear un directorio para esta versión del volumen {name}"),
        MakeDir::new(&fresh, 0o755),
    )?;
    for sub in directories(files) {
        let path = fresh.join(&sub);
        k.step(format_args!("crear {sub} dentro de ella"), MakeDir::new(&path, 0o755))?;
        share(k, volume, &path, 0o755, true)?;
    }
    for (path, file) in files {
        write(k, volume, &fresh.join(path), path, file)?;
    }
    share(k, volume, &fresh, 0o755, true)?;
    let next = dir.join("..data_tmp");
    k.step("preparar el enlace a esta versión", Symlink { target: version.to_string(), path: next.clone() })?;
    k.step(
        format_args!("poner a la vista de golpe esta versión del volumen {name}"),
        Rename { from: next, to: dir.join("..data") },
    )?;
    for top in tops(files) {
        let path = dir.join(&top);
        if k.is_real() && path.symlink_metadata().is_ok() {
            continue;
        }
        k.step(
            format_args!("enlazar {top}, que pasa por ..data para cambiar con él"),
            Symlink { target: format!("..data/{top}"), path },
        )?;
    }
    Ok(())
}
// ANCHOR_END: publish

fn write(
    k: &mut Kernel,
    volume: &DataVolume,
    path: &Path,
    shown: &str,
    file: &File,
) -> Result<(), StepError> {
    k.step(
        format_args!("escribir {shown} en el volumen {}", volume.name),
        WriteData { path: path.to_path_buf(), content: &file.content, mode: file.mode, secret: file.secret },
    )?;
    share(k, volume, path, file.mode, false)
}

/// Con `fsGroup`, lo del volumen es del grupo del Pod, que puede leerlo.
fn share(
    k: &mut Kernel,
    volume: &DataVolume,
    path: &Path,
    mode: u32,
    directory: bool,
) -> Result<(), StepError> {
    let Some(group) = volume.group else { return Ok(()) };
    let mode = mode | 0o440 | if directory { 0o2110 } else { 0 };
    k.step("que lo pueda leer el grupo del Pod (fsGroup)", SetGroup { path: path.to_path_buf(), group, mode })
}

// ANCHOR: replace
/// Cambia lo que hay en `dir` por `files`, y recoge la versión anterior.
pub fn replace(
    k: &mut Kernel,
    volume: &DataVolume,
    dir: &Path,
    files: &Files,
    version: &str,
) -> Result<(), StepError> {
    let old = std::fs::read_link(dir.join("..data")).ok();
    publish(k, volume, dir, files, version)?;
    let wanted = tops(files);
    for name in crate::state::names_in(dir) {
        // los enlaces son nuestros; lo que subPath haya creado, no
        let path = dir.join(&name);
        if !name.starts_with("..") && !wanted.contains(&name) && path.is_symlink() {
            k.step(format_args!("quitar {name}, que ya no está"), RemoveFile(path))?;
        }
    }
    match old {
        Some(old) => k.step("borrar la versión anterior", RemoveTree(dir.join(old))),
        None => Ok(()),
    }
}
// ANCHOR_END: replace

/// Los directorios que hay por encima de los ficheros, de fuera adentro.
fn directories(files: &Files) -> BTreeSet<String> {
    let above =
        |path: &String| path.match_indices('/').map(|(at, _)| path[..at].to_string()).collect::<Vec<_>>();
    files.keys().flat_map(above).collect()
}

/// Lo que se ve en la raíz del volumen.
fn tops(files: &Files) -> BTreeSet<String> {
    files.keys().map(|path| path.split('/').next().unwrap_or(path).to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Mode;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    fn file(content: &str, mode: u32) -> File {
        File { content: content.as_bytes().to_vec(), mode, secret: false }
    }

    fn volume(path: &Path) -> DataVolume {
        DataVolume {
            name: "v".into(),
            path: path.into(),
            memory: false,
            group: None,
            files: Ok(Files::new()),
        }
    }

    #[test]
    fn la_version_es_la_hora_en_que_se_hizo() {
        let at = UNIX_EPOCH + Duration::new(1_764_097_262, 123);
        assert_eq!(version(at), "..2025_11_25_19_01_02.000000123");
    }

    #[test]
    fn al_cambiar_un_volumen_todo_cambia_a_la_vez_y_no_quedan_restos() {
        let dir = std::env::temp_dir().join(format!("micropod-datos-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        let (volume, mut k) = (volume(&dir), Kernel::new(Mode::Quiet));
        let first = Files::from([("a".into(), file("uno", 0o400)), ("d/e/f".into(), file("dos", 0o644))]);
        publish(&mut k, &volume, &dir, &first, "..v1").unwrap();
        assert_eq!(fs::read_to_string(dir.join("a")).unwrap(), "uno");
        assert_eq!(fs::metadata(dir.join("a")).unwrap().permissions().mode() & 0o7777, 0o400);
        assert_eq!(fs::read_link(dir.join("d")).unwrap(), Path::new("..data/d"));
        assert_eq!(fs::read_to_string(dir.join("d/e/f")).unwrap(), "dos");

        // quien tenía abierto el directorio de antes lo sigue viendo entero
        let held = fs::File::open(dir.join("a")).unwrap();
        let second = Files::from([("a".into(), file("tres", 0o444)), ("nuevo".into(), file("", 0o644))]);
        replace(&mut k, &volume, &dir, &second, "..v2").unwrap();
        assert_eq!(std::io::read_to_string(held).unwrap(), "uno");
        assert_eq!(fs::read_to_string(dir.join("a")).unwrap(), "tres");
        let mut names = crate::state::names_in(&dir);
        crate::order::sort(&mut names);
        assert_eq!(names, ["..data", "..v2", "a", "nuevo"]);
        fs::remove_dir_all(&dir).unwrap();
    }
}
