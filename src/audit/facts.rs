//! Lo que el kernel dice de un contenedor en marcha, leído desde fuera: nada sale de lo que guarda
//! micropod.

use crate::kernel::ops::Place;
use crate::kernel::sys::{self, BpfInstruction};
use crate::mountinfo::{self, Mount};
use crate::state::ProcessId;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::stat::{FileStat, SFlag};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Los espacios de nombres que un contenedor no debe compartir con la máquina.
pub const NAMESPACES: [&str; 6] = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];

/// Lo que hay en una ruta, vista desde dentro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Nothing,
    /// El dispositivo que se traga todo: con él se tapan los ficheros.
    NullDevice,
    EmptyDir,
    FullDir,
    File,
}

/// Los hechos de un contenedor.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub pid: i32,
    /// `/proc/PID/status`, campo a campo.
    pub status: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    /// Los suyos y los de la máquina.
    pub namespaces: BTreeMap<&'static str, (u64, u64)>,
    /// Los filtros de llamadas; `None` si este kernel no los enseña.
    pub filters: Option<Vec<Vec<BpfInstruction>>>,
    /// Los dispositivos que hay en su `/dev`: nombre y si es de bloques.
    pub devices: Vec<(String, bool)>,
    /// Lo que hay en cada ruta delicada.
    pub things: BTreeMap<&'static str, Thing>,
    /// Ficheros abiertos que no están en ninguno de sus montajes.
    pub foreign_files: Vec<String>,
    pub cwd_inside: bool,
    /// El tope de procesos de su cgroup o de alguno de los de encima, hasta el del Pod.
    pub pids_max: Option<String>,
}

/// Lee los hechos del proceso `pid`. `paths`: las rutas delicadas. `cgroup`: el de su Pod.
pub fn read(process: ProcessId, paths: &[&'static str], cgroup: Option<&Path>) -> std::io::Result<Facts> {
    let pid = process.pid;
    let proc = format!("/proc/{pid}");
    let root = Place::root_of(process).ok_or(std::io::ErrorKind::NotFound)?;
    let mounts = mountinfo::of(pid)?;
    let known = |id: &str| mounts.iter().any(|m| m.id == id);
    Ok(Facts {
        pid,
        status: read_status(&fs::read_to_string(format!("{proc}/status"))?),
        namespaces: namespaces(pid),
        filters: filters(pid).ok(),
        devices: devices(&root),
        things: paths.iter().map(|path| (*path, look(&root, path))).collect(),
        foreign_files: foreign_files(pid, &known),
        cwd_inside: mount_of(&format!("{proc}/cwd")).is_some_and(|id| known(&id)),
        pids_max: cgroup.and_then(|path| fs::read_to_string(path.join("pids.max")).ok()),
        mounts,
    })
}

fn read_status(text: &str) -> BTreeMap<String, String> {
    let one = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_string(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
    };
    text.lines().filter_map(one).collect()
}

fn namespaces(pid: i32) -> BTreeMap<&'static str, (u64, u64)> {
    let inode = |who: &str, name: &str| fs::metadata(format!("/proc/{who}/ns/{name}")).map_or(0, |m| m.ino());
    NAMESPACES.map(|name| (name, (inode(&pid.to_string(), name), inode("self", name)))).into()
}

fn devices(root: &Place) -> Vec<(String, bool)> {
    let one = |name: String| {
        let path = format!("/dev/{name}");
        // un enlace no es un dispositivo: runc deja `core`, que lleva a un /proc/kcore tapado con /dev/null
        root.find(&path)?;
        let kind = kind_of(&root.stat(&path).ok()?);
        let device = kind == SFlag::S_IFBLK || kind == SFlag::S_IFCHR;
        device.then(|| (name, kind == SFlag::S_IFBLK))
    };
    root.names_in("/dev").into_iter().filter_map(one).collect()
}

fn kind_of(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

/// Mira sin leer: leer `/proc/kmsg` se llevaría los mensajes.
fn look(root: &Place, path: &str) -> Thing {
    let Ok(found) = root.stat(path) else { return Thing::Nothing };
    match kind_of(&found) {
        SFlag::S_IFCHR if found.st_rdev == nix::sys::stat::makedev(1, 3) => Thing::NullDevice,
        SFlag::S_IFDIR if root.names_in(path).is_empty() => Thing::EmptyDir,
        SFlag::S_IFDIR => Thing::FullDir,
        _ => Thing::File,
    }
}

/// El número del montaje en el que está un fichero, mirado a través de un descriptor.
fn mount_of(path: &str) -> Option<String> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path).ok()?;
    mount_id(&format!("/proc/self/fdinfo/{}", file.as_raw_fd()))
}

fn mount_id(fdinfo: &str) -> Option<String> {
    let text = fs::read_to_string(fdinfo).ok()?;
    text.lines().find_map(|l| l.strip_prefix("mnt_id:")).map(|id| id.trim().to_string())
}

/// Los ficheros abiertos con ruta que no están en ninguno de los montajes de dentro. Las tuberías y
/// los sockets no tienen ruta.
fn foreign_files(pid: i32, known: &impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for number in crate::state::names_in(Path::new(&format!("/proc/{pid}/fd"))) {
        let Ok(target) = fs::read_link(format!("/proc/{pid}/fd/{number}")) else { continue };
        let target = target.to_string_lossy().into_owned();
        // un fichero en memoria o ya borrado no es una puerta
        let named =
            target.starts_with('/') && !target.starts_with("/memfd:") && !target.ends_with(" (deleted)");
        let outside = mount_id(&format!("/proc/{pid}/fdinfo/{number}")).is_some_and(|id| !known(&id));
        if named && outside && !is_harmless(pid, &number) {
            found.push(format!("{number} → {target}"));
        }
    }
    found
}

/// `/dev/null` del anfitrión: es la entrada de quien no tiene otra, y no lleva a ninguna parte.
fn is_harmless(pid: i32, number: &str) -> bool {
    fs::metadata(format!("/proc/{pid}/fd/{number}"))
        .is_ok_and(|m| m.file_type().is_char_device() && m.rdev() == nix::sys::stat::makedev(1, 3))
}

// ANCHOR: filters
/// Los filtros de llamadas que tiene puestos. Para leerlos hay que detenerlo un instante, como haría
/// un depurador, y soltarlo.
fn filters(pid: i32) -> Result<Vec<Vec<BpfInstruction>>, Errno> {
    let process = Pid::from_raw(pid);
    ptrace::seize(process, ptrace::Options::empty())?;
    let read = stop(process).and_then(|()| {
        let mut programs = Vec::new();
        loop {
            match sys::seccomp_get_filter(pid, programs.len()) {
                Ok(program) => programs.push(program),
                // ENOENT: ya no hay más; EINVAL: no tiene ninguno
                Err(Errno::ENOENT | Errno::EINVAL) => return Ok(programs),
                Err(errno) => return Err(errno),
            }
        }
    });
    // si ha muerto entretanto, no hay a quién soltar
    let _ = ptrace::detach(process, None::<Signal>);
    read
}
// ANCHOR_END: filters

/// Lo detiene. Una señal que llegara a la vez se le entrega, y se vuelve a esperar.
fn stop(process: Pid) -> Result<(), Errno> {
    ptrace::interrupt(process)?;
    loop {
        match waitpid(process, Some(WaitPidFlag::__WALL))? {
            WaitStatus::PtraceEvent(_, _, event) if event == libc::PTRACE_EVENT_STOP => return Ok(()),
            WaitStatus::Stopped(_, signal) => ptrace::cont(process, signal)?,
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return Err(Errno::ESRCH),
            _ => return Ok(()),
        }
    }
}
