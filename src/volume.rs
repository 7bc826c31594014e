//! Capítulo 13 · Almacenamiento compartido: de la especificación a los montajes.

use crate::error::{Error, StepError};
use crate::kernel::Kernel;
use crate::kernel::ops::{
    Bind, Kind, MakeDir, Mount, OpenBeneath, OpenDir, OpenInRoot, OpenPath, Place, RestrictMount, SetGroup,
    WriteFile,
};
use crate::kernel::sys;
use crate::process::MountPlan;
use crate::spec::types::{Container, HostPath, HostPathType, Medium, PodSpec, Volume};
use crate::state;
use nix::mount::MsFlags;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

// ANCHOR: types
/// Un volumen ya decidido.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumePlan {
    pub name: String,
    /// Donde está en el anfitrión; el de memoria, en el espacio de montajes de la pausa.
    pub path: PathBuf,
    pub kind: VolumeKind,
    /// Con la política `lab`, el directorio del que un hostPath no puede salir, y su ruta desde él.
    pub confined: Option<(PathBuf, String)>,
    /// El grupo del Pod (`fsGroup`), de quien es el volumen. Nunca, si es del anfitrión.
    pub group: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VolumeKind {
    /// Un directorio en disco que nace y muere con el Pod. `limit`, en bytes: pasarlo expulsa al Pod.
    Disk { limit: Option<u64> },
    /// Un tmpfs, con su tamaño en bytes.
    Memory { size: u64 },
    /// Algo que ya era del anfitrión, y lo sigue siendo.
    Host(HostPathType),
    /// Ficheros de un ConfigMap, en disco.
    Data,
    /// Ficheros que pueden ser secretos: en un tmpfs, con su tamaño en bytes.
    SecretData { size: u64 },
}
// ANCHOR_END: types

impl VolumeKind {
    /// ¿Son ficheros que pone micropod, y no un directorio en el que escribir?
    pub fn is_data(self) -> bool {
        matches!(self, VolumeKind::Data | VolumeKind::SecretData { .. })
    }
}

// ANCHOR: plan
/// Decide dónde vive cada volumen del Pod. Un volumen sin origen es un `emptyDir`.
/// `confine`: que ningún `hostPath` salga del directorio del fichero.
pub fn plan(
    spec: &PodSpec,
    base: &Path,
    uid: &str,
    pod_memory: Option<u64>,
    confine: bool,
) -> Vec<VolumePlan> {
    let group = spec.security_context.fs_group.and_then(|group| u32::try_from(group).ok());
    let one = |volume: &Volume| {
        let own = state::data_dir(uid).join("volumes").join(&volume.name);
        if let Some(HostPath { path, r#type }) = &volume.host_path {
            // `join` deja como están las rutas absolutas
            let path = base.join(path);
            let inside = path.strip_prefix(base).map(|p| p.to_string_lossy().into_owned());
            return VolumePlan {
                name: volume.name.clone(),
                kind: VolumeKind::Host(*r#type),
                // la política ya ha comprobado que está por debajo
                confined: confine.then(|| (base.to_path_buf(), inside.unwrap_or_default())),
                path,
                group: None,
            };
        }
        let secret = volume.secret.is_some() || volume.downward_api.is_some() || volume.projected.is_some();
        let empty = volume.empty_dir.clone().unwrap_or_default();
        let limit = empty.size_limit.as_ref().map(|q| q.units());
        let kind = match empty.medium {
            _ if volume.config_map.is_some() => VolumeKind::Data,
            _ if secret => VolumeKind::SecretData { size: memory_size(None, pod_memory) },
            Medium::Disk => VolumeKind::Disk { limit },
            Medium::Memory => VolumeKind::Memory { size: memory_size(limit, pod_memory) },
        };
        VolumePlan { name: volume.name.clone(), path: own, kind, confined: None, group }
    };
    spec.volumes.iter().map(one).collect()
}
// ANCHOR_END: plan

/// El tamaño de un volumen de memoria: el menor de su tope, el del Pod y la mitad de la máquina.
fn memory_size(limit: Option<u64>, pod_memory: Option<u64>) -> u64 {
    let half = crate::cgroup::node_memory() / 2;
    [limit, pod_memory].into_iter().flatten().fold(half, u64::min)
}

// ANCHOR: mounts_of
/// Los montajes de un contenedor.
pub fn mounts_of(container: &Container, volumes: &[VolumePlan]) -> Vec<MountPlan> {
    let mounts = container.volume_mounts.iter();
    let one = |mount: &crate::spec::types::VolumeMount| {
        let volume = volumes.iter().find(|v| v.name == mount.name)?;
        Some(MountPlan {
            volume: mount.name.clone(),
            source: volume.path.clone(),
            confined: volume.confined.clone(),
            sub_path: mount.sub_path.clone().unwrap_or_default(),
            target: mount.mount_path.clone(),
            // lo que sale de un ConfigMap, un Secret o el Pod nunca se escribe desde dentro
            read_only: mount.read_only || volume.kind.is_data(),
            devices: matches!(
                volume.kind,
                VolumeKind::Host(HostPathType::CharDevice | HostPathType::BlockDevice)
            ),
        })
    };
    // la validación ya ha comprobado que todo montaje nombra un volumen declarado
    mounts.filter_map(one).collect()
}
// ANCHOR_END: mounts_of

// ANCHOR: check
/// ¿Es lo que hay en la ruta lo que el `hostPath` dice que debe haber? Se mira antes de crear nada.
pub fn check(volumes: &[VolumePlan]) -> Result<(), Error> {
    for volume in volumes {
        let VolumeKind::Host(kind) = volume.kind else { continue };
        let found = std::fs::metadata(&volume.path).map(|m| m.file_type());
        let (fits, expected) = match (kind, &found) {
            (HostPathType::DirectoryOrCreate, found) => {
                (found.as_ref().map_or(true, |t| t.is_dir()), "un directorio")
            }
            (HostPathType::Directory, Ok(t)) => (t.is_dir(), "un directorio"),
            (HostPathType::FileOrCreate, found) => {
                (found.as_ref().map_or(true, |t| t.is_file()), "un fichero")
            }
            (HostPathType::File, Ok(t)) => (t.is_file(), "un fichero"),
            (HostPathType::Socket, Ok(t)) => (t.is_socket(), "un socket"),
            (HostPathType::CharDevice, Ok(t)) => (t.is_char_device(), "un dispositivo de caracteres"),
            (HostPathType::BlockDevice, Ok(t)) => (t.is_block_device(), "un dispositivo de bloques"),
            (HostPathType::Unchecked, Ok(_)) => (true, ""),
            (_, Err(_)) => (false, "algo que exista"),
        };
        if !fits {
            let problem =
                format!("el volumen `{}` pide {expected} en {}", volume.name, volume.path.display());
            let (cause, hint) = match (kind, found) {
                (_, Ok(_)) => ("hay otra cosa", "corrige hostPath.path, o su type"),
                (HostPathType::File, _) => (
                    "no hay nada",
                    "corrige hostPath.path, o usa type: FileOrCreate para que se cree el fichero",
                ),
                (HostPathType::Directory | HostPathType::Unchecked, _) => (
                    "no hay nada",
                    "corrige hostPath.path, o usa type: DirectoryOrCreate para que se cree el directorio",
                ),
                _ => ("no hay nada", "corrige hostPath.path"),
            };
            return Err(Error::failed(problem).because(cause).with_hint(hint));
        }
    }
    Ok(())
}
// ANCHOR_END: check

// ANCHOR: prepare
/// Del lado del anfitrión: crea los directorios de los volúmenes.
pub fn prepare(k: &mut Kernel, uid: &str, volumes: &[VolumePlan]) -> Result<(), StepError> {
    if volumes.iter().any(|v| !matches!(v.kind, VolumeKind::Host(_))) {
        let why = "crear el directorio de los volúmenes del Pod";
        k.step(why, MakeDir::new(state::data_dir(uid).join("volumes"), 0o700))?;
    }
    for VolumePlan { name, path, kind, confined, group } in volumes {
        if let (Some((base, inside)), VolumeKind::Host(kind)) = (confined, kind) {
            create_beneath(k, name, base, inside, *kind)?;
            continue;
        }
        match kind {
            // 0777: cualquier usuario de cualquier contenedor debe poder escribir en él
            VolumeKind::Disk { .. } => k.step(
                format_args!("crear el volumen {name}, vacío, que vivirá lo que viva el Pod"),
                MakeDir::new(path, 0o777),
            )?,
            VolumeKind::Data => k.step(
                format_args!("crear el volumen {name}, para los ficheros de un ConfigMap"),
                MakeDir::new(path, 0o777),
            )?,
            VolumeKind::Memory { .. } | VolumeKind::SecretData { .. } => k.step(
                format_args!("crear el punto de montaje del volumen {name}"),
                MakeDir::new(path, 0o700),
            )?,
            VolumeKind::Host(HostPathType::DirectoryOrCreate) => k.step(
                format_args!("crear el directorio del anfitrión para el volumen {name}, si falta"),
                crate::kernel::ops::MakeDirs(path.clone()),
            )?,
            VolumeKind::Host(HostPathType::FileOrCreate) if !k.is_real() || !path.exists() => k.step(
                format_args!("crear el fichero del anfitrión para el volumen {name}"),
                WriteFile { path: path.clone(), content: String::new(), mode: 0o644 },
            )?,
            VolumeKind::Host(_) => {}
        }
        if let (VolumeKind::Disk { .. } | VolumeKind::Data, Some(group)) = (kind, group) {
            let path = path.clone();
            k.step(
                format_args!("que el volumen {name} y lo que se cree en él sea del grupo del Pod (fsGroup)"),
                SetGroup { path, group: *group, mode: 0o2777 },
            )?;
        }
    }
    Ok(())
}
// ANCHOR_END: prepare

/// Lo que falte de un `hostPath` que no puede salir de `base`, haya los enlaces que haya.
fn create_beneath(
    k: &mut Kernel,
    name: &str,
    base: &Path,
    inside: &str,
    kind: HostPathType,
) -> Result<(), StepError> {
    let wanted = match kind {
        HostPathType::DirectoryOrCreate => Kind::Directory,
        HostPathType::FileOrCreate => Kind::File,
        _ => return Ok(()),
    };
    let base = k.step("abrir el directorio del ejercicio", OpenDir(base.to_path_buf()))?;
    let resolve = sys::RESOLVE_BENEATH;
    k.step(
        format_args!("crear lo que falte del volumen {name}, sin salir de él"),
        OpenInRoot { root: &base, path: inside, kind: wanted, resolve },
    )?;
    Ok(())
}

// ANCHOR: own
/// Del lado de la pausa: monta los volúmenes de memoria en su espacio de montajes, donde mueren con ella.
pub fn own(k: &mut Kernel, volumes: &[VolumePlan]) -> Result<(), StepError> {
    for VolumePlan { name, path, kind, group, .. } in volumes {
        let (size, swap) = match kind {
            VolumeKind::Memory { size } => (size, ""),
            VolumeKind::SecretData { size } => (size, no_swap()),
            VolumeKind::Disk { .. } | VolumeKind::Data | VolumeKind::Host(_) => continue,
        };
        let owner = match group {
            Some(group) => format!("mode=2777,gid={group}"),
            None => "mode=0777".to_string(),
        };
        let target = Place::at(path);
        k.step(
            format_args!("montar en memoria el volumen {name}"),
            Mount {
                fstype: "tmpfs",
                target: &target,
                flags: MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
                data: format!("size={size},{owner}{swap}"),
            },
        )?;
    }
    Ok(())
}
// ANCHOR_END: own

/// Que un secreto no acabe en el disco con la memoria de intercambio. Lo sabe hacer Linux desde 6.4.
fn no_swap() -> &'static str {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map_while(|n| n.trim().parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= (6, 4) { ",noswap" } else { "" }
}

// ANCHOR: enter
/// Del lado del contenedor: monta un volumen en su raíz.
pub fn enter(k: &mut Kernel, root: &Place, mount: &MountPlan) -> Result<(), StepError> {
    let volume = &mount.volume;
    let source = open_source(k, mount)?;
    let kind = match source.for_kernel().is_dir() || !k.is_real() {
        true => Kind::Directory,
        false => Kind::File,
    };
    let target = k.step(
        format_args!("buscar dónde montar el volumen {volume}, sin salir de la raíz del contenedor"),
        OpenInRoot::mount_point(root, &mount.target, kind),
    )?;
    crate::rootfs::check_target(k, root, &target)?;
    k.step(
        format_args!("montar el volumen {volume}: quien lo monte verá los mismos ficheros"),
        Bind { source: &source, target: &target },
    )?;
    // el descriptor de antes señala lo que ha quedado debajo del montaje: se abre otra vez
    let mounted = k.step(
        format_args!("mirar el volumen {volume} ya montado"),
        OpenInRoot::mount_point(root, &mount.target, kind),
    )?;
    k.step(
        format_args!("quitarle lo que un volumen no necesita: ni setuid ni dispositivos"),
        RestrictMount { target: &mounted, flags: restrictions(mount), recursive: true },
    )
}
// ANCHOR_END: enter

/// Del lado de quien ve los volúmenes: deja uno montado en `place`, sin lo que un volumen no necesita, para
/// que quien cree el contenedor lo encuentre por su nombre sin poder salirse de él.
pub fn lay_out(k: &mut Kernel, mount: &MountPlan, place: &Path) -> Result<(), StepError> {
    let volume = &mount.volume;
    let source = open_source(k, mount)?;
    let goal = format!("crear donde dejar preparado el volumen {volume}");
    match source.for_kernel().is_dir() || !k.is_real() {
        true => k.step(goal, MakeDir::new(place, 0o700))?,
        false => k.step(goal, WriteFile { path: place.into(), content: String::new(), mode: 0o600 })?,
    }
    let target = Place::at(place);
    k.step(format_args!("montar ahí el volumen {volume}"), Bind { source: &source, target: &target })?;
    let mounted = k.step("mirarlo ya montado", OpenPath(place.into()))?;
    k.step(
        format_args!("quitarle lo que un volumen no necesita: ni setuid ni dispositivos"),
        RestrictMount { target: &mounted, flags: restrictions(mount), recursive: true },
    )
}

/// Lo que se le quita a un volumen ya montado.
fn restrictions(mount: &MountPlan) -> MsFlags {
    let mut flags = MsFlags::MS_NOSUID;
    flags.set(MsFlags::MS_NODEV, !mount.devices);
    flags.set(MsFlags::MS_RDONLY, mount.read_only);
    flags
}

// ANCHOR: source
/// Abre el origen de un montaje: el volumen o, con subPath, algo de dentro, sin salir jamás de él.
fn open_source(k: &mut Kernel, mount: &MountPlan) -> Result<Place, StepError> {
    let why = format!("abrir el volumen {}", mount.volume);
    let volume = match &mount.confined {
        Some((base, inside)) => {
            let base = k.step("abrir el directorio del ejercicio", OpenDir(base.clone()))?;
            k.step(format_args!("{why}, sin salir de él"), OpenBeneath { root: &base, path: inside })?
        }
        None => k.step(why, OpenPath(mount.source.clone()))?,
    };
    if mount.sub_path.is_empty() {
        return Ok(volume);
    }
    k.step(
        format_args!("bajar a {} sin salir del volumen, haya los enlaces que haya", mount.sub_path),
        OpenInRoot {
            root: &volume,
            path: &mount.sub_path,
            kind: Kind::Directory,
            resolve: sys::RESOLVE_BENEATH,
        },
    )
}
// ANCHOR_END: source

/// Bytes que ocupa en disco un árbol de ficheros, sin seguir enlaces.
pub fn disk_usage(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    let mut pending = vec![path.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512;
            if metadata.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_tipo_de_hostpath_admite_lo_suyo_y_nada_mas() {
        use HostPathType::*;
        let dir = std::env::temp_dir().join(format!("micropod-hostpath-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("fichero"), "").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap();
        let fits = |kind, path: &Path| {
            let (name, kind) = ("v".to_string(), VolumeKind::Host(kind));
            check(&[VolumePlan { name, path: path.to_path_buf(), kind, confined: None, group: None }]).is_ok()
        };
        let places =
            [dir.clone(), dir.join("fichero"), dir.join("socket"), "/dev/null".into(), dir.join("nada")];
        for (kind, expected) in [
            (Unchecked, [true, true, true, true, false]),
            (DirectoryOrCreate, [true, false, false, false, true]),
            (Directory, [true, false, false, false, false]),
            (FileOrCreate, [false, true, false, false, true]),
            (File, [false, true, false, false, false]),
            (Socket, [false, false, true, false, false]),
            (CharDevice, [false, false, false, true, false]),
            (BlockDevice, [false; 5]),
        ] {
            let found: Vec<bool> = places.iter().map(|path| fits(kind, path)).collect();
            assert_eq!(found, expected, "{kind:?}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
