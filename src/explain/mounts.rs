//! Los montajes de un proceso, según `/proc/PID/mountinfo`: su raíz y sus volúmenes.

use crate::kernel::ops::Place;
use crate::mountinfo::{self, Mount};
use crate::process::MountPlan;
use crate::rootfs;
use crate::spec::fields::Data;
use crate::state::{self, ProcessId, Seen};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// De dónde sale la raíz de un contenedor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Root {
    pub fstype: String,
    /// La capa de abajo de un overlay: la imagen.
    pub lower: String,
    /// La de arriba: donde va lo que escribe.
    pub upper: String,
    pub read_only: bool,
    /// ¿Está la de arriba en el directorio del Pod, que se borra con él?
    pub dies_with_pod: bool,
}

/// Un volumen montado en un contenedor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounted {
    pub volume: String,
    pub path: String,
    pub device: u64,
    pub inode: u64,
    pub read_only: bool,
    /// Qué parte del volumen se monta; vacía si es todo.
    pub sub_path: String,
    /// Lo que hay en esa parte del volumen: si es lo mismo, el montaje es el volumen y no una copia.
    pub original: Option<(u64, u64)>,
}

impl Mounted {
    /// ¿Es el volumen mismo, por dispositivo e inodo?
    pub fn is_the_volume(&self) -> bool {
        self.original == Some((self.device, self.inode))
    }
}

/// Un volumen, esté montado donde esté.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    /// Cómo lo llama la especificación: `emptyDir`, `hostPath`…
    pub kind: String,
    /// Ruta en la máquina (o en los montajes de la pausa, si es de memoria).
    pub place: String,
    /// ¿Nació con el Pod y morirá con él?
    pub of_the_pod: bool,
    /// El tipo de su sistema de ficheros: `ext4`, `tmpfs`…
    pub fstype: String,
    pub device: u64,
    pub inode: u64,
}

/// «254:0», como lo escriben `ls` y mountinfo.
pub fn device_text(device: u64) -> String {
    format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device))
}

fn mounts_of(pid: i32) -> Vec<Mount> {
    mountinfo::of(pid).unwrap_or_default()
}

/// La raíz de un proceso del Pod `uid`.
pub fn root_of(pid: i32, uid: &str) -> Root {
    let root = mounts_of(pid).iter().rev().find(|m| m.point == "/").map(root).unwrap_or_default();
    Root { dies_with_pod: Path::new(&root.upper).starts_with(state::data_dir(uid)), ..root }
}

fn root(mount: &Mount) -> Root {
    let option = |name| mount.fs_option(name).unwrap_or_default();
    let lower = option("lowerdir=");
    // debajo de la imagen va el suelo, que es el mismo para todas: no dice de dónde sale la raíz
    let floor = format!(":{}", rootfs::floor().display());
    Root {
        lower: lower.strip_suffix(&floor).unwrap_or(lower).to_string(),
        upper: option("upperdir=").to_string(),
        fstype: mount.fstype.clone(),
        read_only: mount.has("ro"),
        dies_with_pod: false,
    }
}

/// Los volúmenes que ve montados un contenedor. Los originales se miran a través de la pausa, que ve
/// los de la máquina y además los de memoria.
pub fn of(pid: i32, plans: &[MountPlan], pause: Option<ProcessId>) -> Vec<Mounted> {
    let mounts = mounts_of(pid);
    plans.iter().filter_map(|plan| mounted(pid, plan, &mounts, pause)).collect()
}

fn mounted(pid: i32, plan: &MountPlan, mounts: &[Mount], pause: Option<ProcessId>) -> Option<Mounted> {
    // el último montado en un sitio es el que se ve
    let mount = mounts.iter().rev().find(|m| m.point == plan.target)?;
    let (device, inode) = identity(ProcessId::of(pid)?, &plan.target)?;
    let source = plan.source.join(&plan.sub_path);
    Some(Mounted {
        volume: plan.volume.clone(),
        path: plan.target.clone(),
        device,
        inode,
        read_only: mount.has("ro"),
        sub_path: plan.sub_path.clone(),
        original: pause.and_then(|pause| identity(pause, &source.to_string_lossy())),
    })
}

/// Qué hay en una ruta de las que ve un proceso: dispositivo e inodo.
fn identity(process: ProcessId, path: &str) -> Option<(u64, u64)> {
    let found = Place::root_of(process)?.stat(path).ok()?;
    Some((found.st_dev, found.st_ino))
}

/// Los volúmenes del Pod que monta algún contenedor, mirados donde están de verdad.
pub fn volumes(seen: &Seen, pause: Option<ProcessId>) -> Vec<Volume> {
    let Some(pause) = pause else { return Vec::new() };
    let own = state::data_dir(&seen.record.uid);
    let mut all: Vec<Volume> = Vec::new();
    for plan in seen.record.plans.iter().flat_map(|p| &p.mounts) {
        if all.iter().any(|v| v.name == plan.volume) {
            continue;
        }
        // los de memoria solo existen en los montajes de la pausa; los demás, también
        let Some(found) = fs::metadata(through(pause, &plan.source)).ok() else { continue };
        all.push(Volume {
            name: plan.volume.clone(),
            kind: kind(seen, &plan.volume),
            place: plan.source.display().to_string(),
            of_the_pod: plan.source.starts_with(&own),
            fstype: fstype_at(pause.pid, &plan.source),
            device: found.dev(),
            inode: found.ino(),
        });
    }
    all
}

/// El campo que dice de dónde sale un volumen. Sin ninguno es un `emptyDir`.
fn kind(seen: &Seen, name: &str) -> String {
    let volume = seen.record.pod.spec.volumes.iter().find(|v| v.name == name);
    let fields = volume.map(Data::write).unwrap_or_default();
    let used =
        fields.as_object().into_iter().flatten().find(|(key, value)| *key != "name" && !value.is_null());
    used.map_or("emptyDir".into(), |(key, _)| key.clone())
}

fn through(pause: ProcessId, path: &Path) -> String {
    format!("/proc/{}/root{}", pause.pid, path.display())
}

/// El sistema de ficheros que hay bajo una ruta: el del montaje más hondo que la contiene.
fn fstype_at(pid: i32, path: &Path) -> String {
    let mounts = mounts_of(pid).into_iter().enumerate();
    let under = mounts.filter(|(_, m)| path.starts_with(&m.point));
    under.max_by_key(|(i, m)| (m.point.len(), *i)).map(|(_, m)| m.fstype).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_raiz_dice_de_que_imagen_sale() {
        let line = "1 0 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/micropod/images/nginx/rootfs:/var/lib/micropod/suelo,upperdir=/u";
        let found = root(&mountinfo::read(line)[0]);
        assert_eq!(
            (found.fstype.as_str(), found.lower.as_str()),
            ("overlay", "/var/lib/micropod/images/nginx/rootfs")
        );
    }

    #[test]
    fn un_dispositivo_se_escribe_con_sus_dos_numeros() {
        assert_eq!(device_text(nix::sys::stat::makedev(254, 3)), "254:3");
    }
}
