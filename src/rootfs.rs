//! Capítulo 10 · Una raíz propia: overlay, `pivot_root`, `/proc`, `/sys` y `/dev`.
//!
//! Todo ocurre en el espacio de montajes del contenedor: cuando muere su último proceso, el kernel
//! lo deshace solo. Por eso aquí nadie apunta cómo deshacer nada.

use crate::container::Layer;
use crate::error::StepError;
use crate::kernel::ops::*;
use crate::kernel::sys;
use crate::kernel::{Kernel, Mode};
use crate::process::ContainerPlan;
use crate::security::{self, SecurityPlan};
use crate::{state, volume};
use nix::errno::Errno;
use nix::mount::MsFlags;
use std::path::{Path, PathBuf};

/// Donde cada contenedor monta su raíz antes de mudarse a ella. Todos usan el mismo directorio
/// vacío: cada uno ve ahí la suya, porque cada uno tiene su lista de montajes.
pub fn mount_point() -> PathBuf {
    Path::new(state::LIB).join("raiz")
}

/// Los ficheros que comparte todo el Pod, en un tmpfs de la pausa. El mismo directorio vacío para
/// todos los Pods, también: cada pausa monta lo suyo en su propia lista.
pub fn pod_files() -> PathBuf {
    Path::new(state::LIB).join("pausa/etc")
}

/// La memoria compartida del Pod.
pub fn pod_shm() -> PathBuf {
    Path::new(state::LIB).join("pausa/shm")
}

/// Dónde deja dicho un contenedor por qué acaba, si no dice otra cosa.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// El mismo fichero, visto por la pausa.
pub fn termination_log(container: &str) -> PathBuf {
    pod_files().join(format!("termination-{container}"))
}

// ANCHOR: floor
/// El suelo común: los puntos de montaje que toda raíz necesita, vacíos. Va debajo de la imagen, y
/// solo se ve donde a ella le falten; si no, habría que crearlos y borrarlos en la capa de cada
/// contenedor, que es casi la mitad de lo que un contenedor corto le cuesta al disco.
pub fn floor() -> PathBuf {
    Path::new(state::LIB).join("suelo")
}

/// Los directorios y los ficheros del suelo. El último es la señal de que está entero.
const FLOOR_DIRS: [&str; 4] = ["proc", "sys", "dev", "etc"];
const FLOOR_FILES: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

/// Del lado del anfitrión: el suelo se hace una vez y sirve a todos los Pods.
pub fn prepare_floor(k: &mut Kernel) -> Result<(), StepError> {
    // un guion se puede ejecutar en otra máquina: lo lleva siempre
    if k.mode() != Mode::Script && FLOOR_FILES.last().is_some_and(|file| floor().join(file).exists()) {
        return Ok(());
    }
    k.step(
        "hacer el suelo común a todas las raíces: lo que falte en una imagen se verá de él",
        MakeDir::if_missing(floor(), 0o755),
    )?;
    for dir in FLOOR_DIRS {
        k.step(
            format_args!("crear en el suelo /{dir}, donde montar"),
            MakeDir::if_missing(floor().join(dir), 0o755),
        )?;
    }
    for file in FLOOR_FILES {
        k.step(
            format_args!("crear en el suelo /{file}, donde montar el del Pod"),
            WriteFile { path: floor().join(file), content: String::new(), mode: 0o644 },
        )?;
    }
    Ok(())
}

/// Lo que hay debajo de la capa de escritura: la imagen y, bajo ella, el suelo. La raíz del
/// anfitrión va sola: tiene de todo, y el suelo, que está dentro de ella, no puede ser otra capa.
fn lower(image: &Path) -> String {
    match image == Path::new("/") {
        true => image.display().to_string(),
        false => format!("{}:{}", image.display(), floor().display()),
    }
}
// ANCHOR_END: floor

// ANCHOR: enter
/// Del lado del contenedor: monta su raíz, con todo lo que lleva dentro, y se muda a ella.
pub fn enter(k: &mut Kernel, plan: &ContainerPlan, layer: &Layer, cgroup: bool) -> Result<(), StepError> {
    let root = overlay(k, plan, layer)?;
    kernel_views(k, &root, cgroup, &plan.security)?;
    devices(k, &root, plan)?;
    // antes de que entre un volumen: aquí todo es aún nuestro
    security::hide_paths(k, &root, &plan.security)?;
    shared_files(k, &root, plan)?;
    for mount in &plan.mounts {
        volume::enter(k, &root, mount)?;
    }
    last_words(k, &root, plan)?;
    pivot(k)?;
    if plan.security.read_only_root {
        let root = k.step("mirar la raíz ya montada", OpenDir("/".into()))?;
        let flags = MsFlags::MS_RDONLY;
        k.step("dejar la raíz en solo lectura", RestrictMount { target: &root, flags, recursive: false })?;
    }
    Ok(())
}
// ANCHOR_END: enter

// ANCHOR: overlay
/// La imagen, debajo y sin tocar; encima, una capa que se escribe y muere con el contenedor.
pub fn overlay(k: &mut Kernel, plan: &ContainerPlan, layer: &Layer) -> Result<Place, StepError> {
    let path = mount_point();
    let mut flags = MsFlags::MS_NODEV;
    if plan.security.no_new_privs {
        flags |= MsFlags::MS_NOSUID;
    }
    k.step(
        format_args!("montar la imagen {} con una capa de escritura encima, para no ensuciarla", plan.image),
        Mount {
            fstype: "overlay",
            target: &Place::at(&path),
            flags,
            // volatile: la capa muere con el contenedor, así que nunca hace falta llevarla al disco
            data: format!(
                "lowerdir={},upperdir={},workdir={},volatile",
                lower(&plan.lower),
                layer.upper.display(),
                layer.work.display()
            ),
        },
    )?;
    k.step("abrir la nueva raíz, para no salir de ella al montar dentro", OpenDir(path))
}
// ANCHOR_END: overlay

/// Un punto de montaje que debe ser un directorio de verdad: si la imagen trae ahí un enlace, se niega.
fn real_directory(k: &mut Kernel, root: &Place, path: &'static str) -> Result<Place, StepError> {
    k.step(
        format_args!("buscar {path} en la raíz, sin seguir enlaces"),
        OpenInRoot {
            root,
            path,
            kind: Kind::Directory,
            resolve: sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_SYMLINKS,
        },
    )
}

// ANCHOR: kernel_views
/// Lo que el kernel enseña de sí mismo: los procesos de este contenedor, y el resto sin poder tocarlo.
fn kernel_views(
    k: &mut Kernel,
    root: &Place,
    cgroup: bool,
    security: &SecurityPlan,
) -> Result<(), StepError> {
    let closed = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // el privilegiado puede tocar la máquina: para eso se pide
    let only_look = if security.privileged { closed } else { closed | MsFlags::MS_RDONLY };
    let proc = real_directory(k, root, "/proc")?;
    k.step(
        "montar un /proc propio, para que ps solo vea este contenedor",
        Mount { fstype: "proc", target: &proc, flags: closed, data: String::new() },
    )?;
    let sys = real_directory(k, root, "/sys")?;
    k.step(
        "montar /sys, para mirar la máquina; salvo si es privilegiado, sin poder tocarla",
        Mount { fstype: "sysfs", target: &sys, flags: only_look, data: String::new() },
    )?;
    if cgroup {
        k.step(
            "montar los grupos de control: el contenedor ve sus límites y, salvo si es privilegiado, no los cambia",
            Mount {
                fstype: "cgroup2",
                target: &Place::at(root.path.join("sys/fs/cgroup")),
                flags: only_look,
                data: String::new(),
            },
        )?;
    }
    Ok(())
}
// ANCHOR_END: kernel_views

// ANCHOR: device_table
/// Los dispositivos de todo contenedor: (nombre, número mayor, número menor).
const DEVICES: [(&str, u64, u64); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Los enlaces de `/dev` que espera cualquier programa.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
// ANCHOR_END: device_table

// ANCHOR: devices
/// Un `/dev` mínimo y nuestro: los dispositivos se crean aquí, nunca se toman de la imagen.
fn devices(k: &mut Kernel, root: &Place, plan: &ContainerPlan) -> Result<(), StepError> {
    let (nosuid, noexec, nodev) = (MsFlags::MS_NOSUID, MsFlags::MS_NOEXEC, MsFlags::MS_NODEV);
    let place = real_directory(k, root, "/dev")?;
    k.step(
        "montar un /dev vacío en memoria",
        Mount {
            fstype: "tmpfs",
            target: &place,
            flags: nosuid | noexec,
            data: "mode=0755,size=64k,nr_inodes=1k".into(),
        },
    )?;
    let dev = root.path.join("dev");
    for (name, major, minor) in DEVICES {
        k.step(format_args!("crear /dev/{name}"), MakeDevice { path: dev.join(name), major, minor })?;
    }
    for (name, target) in LINKS {
        k.step(
            format_args!("enlazar /dev/{name}"),
            Symlink { target: target.to_string(), path: dev.join(name) },
        )?;
    }
    for name in ["pts", "shm", "mqueue"] {
        k.step(format_args!("crear /dev/{name}, donde montar"), MakeDir::new(dev.join(name), 0o755))?;
    }
    let pts = Place::at(dev.join("pts"));
    let data = "newinstance,ptmxmode=0666,mode=0620,gid=5".to_string();
    k.step(
        "montar terminales propias",
        Mount { fstype: "devpts", target: &pts, flags: nosuid | noexec, data },
    )?;
    let shm = Place::at(dev.join("shm"));
    k.step("montar la memoria compartida del Pod", Bind { source: &Place::at(pod_shm()), target: &shm })?;
    let mqueue = Place::at(dev.join("mqueue"));
    let flags = nosuid | noexec | nodev;
    k.step(
        "montar las colas de mensajes del Pod",
        Mount { fstype: "mqueue", target: &mqueue, flags, data: String::new() },
    )?;
    if plan.security.privileged {
        host_devices(k, &dev)?;
    }
    Ok(())
}
// ANCHOR_END: devices

/// El fichero en el que puede decir por qué acaba: nuevo en cada vida, y de la pausa, que es quien lo
/// leerá cuando el contenedor ya no esté.
fn last_words(k: &mut Kernel, root: &Place, plan: &ContainerPlan) -> Result<(), StepError> {
    fresh_last_words(k, plan)?;
    let log = termination_log(&plan.name);
    let path = &plan.termination_log;
    let target = k.step("buscar dónde montarlo", OpenInRoot::mount_point(root, path, Kind::File))?;
    if !path.starts_with("/dev/") {
        check_target(k, root, &target)?;
    }
    k.step(format_args!("montarlo en {path}"), Bind { source: &Place::at(log), target: &target })
}

/// Del lado de quien ve los ficheros del Pod: vacío, para esta vida.
pub fn fresh_last_words(k: &mut Kernel, plan: &ContainerPlan) -> Result<(), StepError> {
    let path = termination_log(&plan.name);
    k.step(
        "crear el fichero en el que el contenedor puede decir por qué acaba",
        WriteFile { path, content: String::new(), mode: 0o666 },
    )
}

/// Un dispositivo del anfitrión.
pub struct HostDevice {
    pub name: String,
    pub block: bool,
    pub rdev: u64,
    pub mode: u32,
}

/// Los que ve un contenedor privilegiado: todos, salvo los que ya tiene.
pub fn devices_of_host() -> impl Iterator<Item = HostDevice> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let known =
        |name: &String| DEVICES.iter().any(|(n, ..)| n == name) || LINKS.iter().any(|(n, _)| n == name);
    state::names_in(Path::new("/dev")).into_iter().filter(move |name| !known(name)).filter_map(|name| {
        let found = std::fs::symlink_metadata(Path::new("/dev").join(&name)).ok()?;
        let kind = found.file_type();
        let device = kind.is_char_device() || kind.is_block_device();
        let (block, rdev, mode) = (kind.is_block_device(), found.rdev(), found.mode() & 0o777);
        device.then_some(HostDevice { name, block, rdev, mode })
    })
}

/// Un contenedor privilegiado ve los dispositivos del anfitrión, salvo los que ya tiene.
fn host_devices(k: &mut Kernel, dev: &Path) -> Result<(), StepError> {
    for HostDevice { name, block, rdev, mode } in devices_of_host() {
        let op = CopyDevice { path: dev.join(&name), block, rdev, mode };
        k.step(format_args!("crear /dev/{name}, porque el contenedor es privilegiado"), op)?;
    }
    Ok(())
}

// ANCHOR: shared_files
/// `/etc/hosts`, `/etc/hostname` y `/etc/resolv.conf`: los mismos en todo el Pod, salvo que el
/// contenedor monte ahí los suyos.
fn shared_files(k: &mut Kernel, root: &Place, plan: &ContainerPlan) -> Result<(), StepError> {
    for (name, path) in
        [("hosts", "/etc/hosts"), ("hostname", "/etc/hostname"), ("resolv.conf", "/etc/resolv.conf")]
    {
        if plan.mounts.iter().any(|m| m.target == path) {
            continue;
        }
        let target = k.step(
            format_args!("buscar {path} sin salir de la raíz del contenedor"),
            OpenInRoot::mount_point(root, path, Kind::File),
        )?;
        check_target(k, root, &target)?;
        let source = Place::at(pod_files().join(name));
        k.step(format_args!("montar el {path} del Pod"), Bind { source: &source, target: &target })?;
    }
    Ok(())
}
// ANCHOR_END: shared_files

// ANCHOR: check_target
/// Un enlace de la imagen puede llevar un punto de montaje a `/proc` o a `/dev`: se niega.
pub fn check_target(k: &mut Kernel, root: &Place, target: &Place) -> Result<(), StepError> {
    k.step("comprobar que no se tapa nada de lo que monta micropod", CheckMountPoint { root, target })
        .map_err(|error| match error.errno() {
            Errno::EBUSY => error.hint(
                "la imagen trae un enlace que lleva esa ruta a `/proc`, `/sys`, `/dev` o la raíz: monta en otra",
            ),
            _ => error,
        })
}
// ANCHOR_END: check_target

// ANCHOR: pivot
/// La mudanza: lo que estaba montado en `raiz` pasa a ser `/`, y lo antiguo se suelta.
fn pivot(k: &mut Kernel) -> Result<(), StepError> {
    k.step("entrar en la nueva raíz", Chdir(mount_point()))?;
    k.step("cambiar la raíz del sistema por la del contenedor", PivotRoot)?;
    k.step("soltar la raíz antigua, que quedó montada encima", Detach(".".into()))?;
    k.step("volver a la raíz, que ya es la nueva", Chdir("/".into()))
}
// ANCHOR_END: pivot
