//! Dónde recuerda micropod lo que hay: directorios, cerrojos y fichas de los Pods.
//!
//! ```text
//! /run/micropod/pods/NOMBRE/lock          lo tiene el supervisor con flock mientras vive
//!                          /pod.json      la ficha: se escribe una vez, al nacer
//!                          /status.json   el estado: se sustituye con rename a cada cambio
//!                          /control       socket por el que se pide delete
//!                          /olvidar       la ficha se borra en cuanto acabe (delete --wait=false)
//! /run/micropod/pendientes/NOMBRE         alguien debe mirar ese Pod: está naciendo, muriendo o cayó
//! /run/micropod/ips/10.244.0.5            dirección ocupada; dentro, el UID del Pod
//! /var/lib/micropod/images/IMAGEN/        raíz y valores de las imágenes
//! /var/lib/micropod/pods/UID/             capas de los contenedores y volúmenes emptyDir
//! /var/log/micropod/POD/CONTENEDOR/N.log  logs en formato CRI; N: número de reinicio
//! ```
//!
//! Cerrojo libre y estado sin acabar significa que el supervisor murió a la fuerza: el Pod se da por
//! Failed y el siguiente comando recoge lo que dejó. Es contabilidad nuestra, no órdenes que
//! construyan el Pod: por eso no pasa por `Kernel::step` (y un ensayo no la toca).

use crate::data;
use crate::error::{Error, spanish};
use crate::kernel::sys;
pub use crate::logic::history::PodEvent;
use crate::logic::pod::Leaving;
use crate::logic::status::{ContainerState, PodStatus, Terminated};
use crate::logic::{Note, history, status};
use crate::network::PodNetwork;
use crate::process::ContainerPlan;
use crate::spec::types::Pod;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const RUN: &str = "/run/micropod";
pub const LIB: &str = "/var/lib/micropod";
pub const LOG: &str = "/var/log/micropod";

/// La señal, en la ficha de un Pod, de que hay que olvidarla en cuanto acabe.
const FORGET: &str = "olvidar";

/// Un proceso, sin confundirlo con otro que herede su número: pid e instante de nacimiento
/// (campo 22 de `/proc/PID/stat`, en tics desde el arranque).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    pub start: u64,
}

impl ProcessId {
    /// El proceso que ahora tiene el número `pid`, si lo hay.
    pub fn of(pid: i32) -> Option<ProcessId> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // el nombre va entre paréntesis y puede llevar espacios: se cuenta desde el último paréntesis
        let start = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
        Some(ProcessId { pid, start })
    }

    pub fn is_alive(self) -> bool {
        ProcessId::of(self.pid) == Some(self)
    }

    /// Un descriptor de este proceso y de ningún otro: entre leer la ficha y abrirlo, su número pudo
    /// pasar a otro, así que se comprueba después. `cgroup`: donde debe vivir, si se sabe.
    pub fn open(self, cgroup: Option<&Path>) -> Option<OwnedFd> {
        let pidfd = sys::pidfd_open(self.pid).ok()?;
        (self.is_alive() && cgroup.is_none_or(|dir| self.lives_in(dir))).then_some(pidfd)
    }

    /// ¿Vive en ese cgroup, o en alguno que cuelga de él?
    fn lives_in(self, dir: &Path) -> bool {
        crate::cgroup::members(dir).contains(&self.pid)
    }
}

/// Quién es el padre de un proceso.
pub fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// El formato de la ficha. Sube cuando una versión anterior ya no entendería lo que se escribe.
pub const FORMAT: u32 = 1;

/// Lo que se entiende de una ficha la escriba la versión que la escriba.
#[derive(Deserialize)]
struct Heading {
    #[serde(default)]
    format: u32,
    uid: String,
}

/// La ficha de un Pod: lo que se decidió al nacer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Con qué formato se escribió: las de antes de que hubiera formatos no lo dicen.
    #[serde(default)]
    pub format: u32,
    pub name: String,
    pub uid: String,
    pub pod: Pod,
    /// El directorio del fichero del que salió.
    pub base: PathBuf,
    /// Milisegundos desde 1970 cuando nació: lo que se suma a los instantes del estado.
    pub born: u64,
    pub supervisor: ProcessId,
    /// Directorio de su cgroup, si lo tiene.
    pub cgroup: Option<PathBuf>,
    /// La red propia, o `None` con hostNetwork.
    pub network: Option<PodNetwork>,
    /// Quién lo creó, si fue un controlador.
    #[serde(default)]
    pub owner: Option<crate::controller::state::Owner>,
    /// Quién crea sus contenedores.
    #[serde(default)]
    pub runtime: crate::runtime::Kind,
    /// Borrar la ficha al acabar (`run --rm`).
    pub remove: bool,
    /// Los contenedores, en el orden de [`crate::logic::ContainerId`].
    pub plans: Vec<ContainerPlan>,
}

/// El estado que el supervisor publica a cada cambio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    pub status: PodStatus,
    pub pause: Option<ProcessId>,
    /// El PID 1 de cada contenedor (visto desde el anfitrión), en el orden de `Record::plans`.
    pub processes: Vec<Option<ProcessId>>,
    /// A quién se espera, si el Pod está acabando.
    #[serde(default)]
    pub leaving: Vec<Leaving>,
    pub events: Vec<PodEvent>,
    /// El supervisor murió sin escribir el final: lo ha supuesto quien lee.
    #[serde(skip)]
    pub lost: bool,
}

impl Live {
    /// Anota un suceso en el instante `now`.
    pub fn record(&mut self, note: Note, now: Duration) {
        history::record(&mut self.events, note, now);
    }
}

/// Un Pod visto desde fuera.
#[derive(Clone, Debug)]
pub struct Seen {
    pub record: Record,
    pub live: Live,
    /// ¿Vive su supervisor?
    pub supervised: bool,
}

impl Seen {
    /// El instante `at` (desde que nació el Pod), como hora del reloj.
    pub fn clock(&self, at: Duration) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.record.born) + at
    }

    /// Lo que ha pasado desde el instante `at`. Negativo nunca: el reloj pudo cambiar.
    pub fn since(&self, at: Duration) -> Duration {
        SystemTime::now().duration_since(self.clock(at)).unwrap_or_default()
    }

    /// ¿Cayó el supervisor sin terminar su trabajo?
    pub fn was_abandoned(&self) -> bool {
        !self.supervised && (self.live.lost || !self.live.status.phase.is_final())
    }
}

pub fn pods_dir() -> PathBuf {
    Path::new(RUN).join("pods")
}

/// Directorio de la ficha de un Pod. `name` ya está validado: es un nombre de DNS.
pub fn pod_dir(name: &str) -> PathBuf {
    pods_dir().join(name)
}

/// Directorio de las capas y los volúmenes de un Pod.
pub fn data_dir(uid: &str) -> PathBuf {
    Path::new(LIB).join("pods").join(uid)
}

pub fn log_dir(pod: &str) -> PathBuf {
    Path::new(LOG).join(pod)
}

/// Crea `path` y lo que falte por encima, solo para root.
pub fn make_private_dir(path: &Path) -> Result<(), Error> {
    make_dir(path, 0o700)
}

/// Crea `path`, que cualquiera puede mirar y solo root cambiar; se puede llegar a él desde [`LIB`].
pub fn make_public_dir(path: &Path) -> Result<(), Error> {
    make_dir(path, 0o755)?;
    for dir in path.ancestors().take_while(|dir| dir.starts_with(LIB)) {
        let opened = fs::set_permissions(dir, fs::Permissions::from_mode(0o755));
        opened
            .map_err(|e| Error::failed(format!("no se pudo abrir a todos {}", dir.display())).because(e))?;
    }
    Ok(())
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    let create = || DirBuilder::new().recursive(true).mode(mode).create(path);
    let mut made = create();
    // «ya existe», y al mirarlo ya no: lo estaba borrando quien lo tenía
    for _ in 0..100 {
        match &made {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => made = create(),
            _ => break,
        }
    }
    made.map_err(|e| {
        let errno = Errno::from_raw(e.raw_os_error().unwrap_or(0));
        Error::failed(format!("no se pudo crear el directorio {}", path.display()))
            .because(spanish(errno))
            .with_hint(match errno {
                Errno::EACCES | Errno::EPERM => "repite el comando con sudo",
                Errno::ENOSPC => "no queda sitio: mira `df -h` y `df -i` y libera espacio",
                Errno::EROFS => "ese sistema de ficheros es de solo lectura: mira `findmnt`",
                _ => "mira `micropod doctor`",
            })
    })
}

/// Crea (o vacía) un fichero que solo lee root, diga lo que diga la umask.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    open?.write_all(bytes)
}

/// Sustituye `path` de golpe: quien lee ve lo viejo o lo nuevo, nunca la mitad.
pub fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("tmp");
    let replaced = write_private(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if replaced.is_err() {
        // a medias no sirve a nadie; el fallo que importa es el primero
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

/// La ficha de un Pod, si esta versión la entiende.
fn read_record(name: &str) -> Option<Record> {
    let path = pod_dir(name).join("pod.json");
    let Heading { format, .. } = read_json(&path)?;
    if format <= FORMAT { read_json(&path) } else { None }
}

/// El formato de una ficha que no es de esta versión y que esta no entiende.
pub fn other_format(name: &str) -> Option<u32> {
    let Heading { format, .. } = read_json(&pod_dir(name).join("pod.json"))?;
    (format != FORMAT && read_record(name).is_none()).then_some(format)
}

/// Los Pods en marcha que no están entre los vistos porque no se entiende su ficha, por ser de otra versión
/// o por haberse estropeado; con su UID, si se puede leer.
pub fn running_unread(seen: &[Seen]) -> Vec<(String, Option<String>)> {
    let known: HashSet<&str> = seen.iter().map(|seen| seen.record.name.as_str()).collect();
    // entre mirar los demás y mirar este ha podido nacer
    let unread =
        |name: &String| !known.contains(name.as_str()) && is_supervised(name) && read_record(name).is_none();
    let uid = |name: &str| read_json(&pod_dir(name).join("pod.json")).map(|h: Heading| h.uid);
    let names = names_in(&pods_dir()).into_iter().filter(unread);
    names.map(|name| (uid(&name), name)).map(|(uid, name)| (name, uid)).collect()
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    data::read(&fs::read(path).ok()?).ok()
}

// ANCHOR: claim
/// El derecho a ser el supervisor de un nombre. Se suelta solo al morir el proceso: un cerrojo
/// olvidado es imposible.
pub struct Claim {
    pub name: String,
    dir: PathBuf,
    lock: Flock<File>,
}

impl Claim {
    /// Toma el cerrojo del Pod `name`, o `None` si ya lo tiene otro.
    pub fn take(name: &str) -> Result<Option<Claim>, Error> {
        Claim::take_in(pod_dir(name), name)
    }

    /// Toma el cerrojo que hay en `dir`, o `None` si ya lo tiene otro.
    pub fn take_in(dir: PathBuf, name: &str) -> Result<Option<Claim>, Error> {
        loop {
            make_private_dir(&dir)?;
            let path = dir.join("lock");
            let open = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path);
            let file = match open {
                Ok(file) => file,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue, // lo borraron entre medias
                Err(e) => {
                    // solo si está vacío: si no lo está, es de otro
                    let _ = fs::remove_dir(&dir);
                    return Err(Error::failed(format!("no se pudo abrir {}", path.display())).because(e));
                }
            };
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) if is_still(&lock, &path) => {
                    return Ok(Some(Claim { name: name.to_string(), dir, lock }));
                }
                Ok(_) => continue, // era el de un Pod que acaban de borrar
                Err((_, _)) => return Ok(None),
            }
        }
    }

    /// El descriptor del cerrojo, para quien deba heredarlo.
    pub fn lock(&self) -> &File {
        &self.lock
    }

    /// Se lo deja a quien lo ha heredado: cierra esta copia sin soltarlo. Si siguiera abierta, el siguiente
    /// hijo la heredaría también, y el nombre no quedaría libre hasta que acabaran los dos.
    pub fn leave(self) {
        // si no se pudiera cerrar, se cierra al acabar este proceso
        let _ = nix::unistd::close(self.lock.as_raw_fd());
        std::mem::forget(self);
    }

    /// Borra la ficha y suelta el nombre.
    pub fn forget(self) -> std::io::Result<()> {
        fs::remove_dir_all(&self.dir)
    }
}
// ANCHOR_END: claim

/// ¿Sigue siendo `file` el fichero que hay en `path`?
fn is_still(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    ours.ino() == there.ino() && ours.dev() == there.dev()
}

/// ¿Tiene alguien el cerrojo de `name`?
fn is_supervised(name: &str) -> bool {
    is_locked(&pod_dir(name).join("lock"))
}

/// ¿Tiene alguien tomado el cerrojo `path`?
pub fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
}

/// El fichero con los ConfigMaps y Secrets que un Pod en marcha ha de tener desde ahora.
pub const NEXT_CONFIG: &str = "config.json";

pub fn write_record(record: &Record) -> std::io::Result<()> {
    replace_file(&pod_dir(&record.name).join("pod.json"), &data::bytes(record))
}

pub fn write_live(name: &str, live: &Live) -> std::io::Result<()> {
    replace_file(&pod_dir(name).join("status.json"), &data::bytes(live))
}

/// El Pod `name`, si hay ficha. El de un supervisor caído se ve ya Failed, con sus contenedores
/// en `ContainerStatusUnknown`.
pub fn see(name: &str) -> Option<Seen> {
    // el cerrojo se mira antes que el estado: si el supervisor acaba entre medias, se lee el final
    let supervised = is_supervised(name);
    let record = read_record(name)?;
    let live = read_json(&pod_dir(name).join("status.json")).unwrap_or_default();
    let mut seen = Seen { record, live, supervised };
    if seen.was_abandoned() {
        declare_lost(&mut seen.live);
    }
    Some(seen)
}

/// El Pod que había con este nombre antes de tomar su cerrojo: ya no lo supervisa nadie.
pub fn see_claimed(claim: &Claim) -> Option<Seen> {
    let record = read_record(&claim.name)?;
    let live = read_json(&pod_dir(&claim.name).join("status.json")).unwrap_or_default();
    let mut seen = Seen { record, live, supervised: false };
    if seen.was_abandoned() {
        declare_lost(&mut seen.live);
    }
    Some(seen)
}

/// Pide que se olvide la ficha de `name` en cuanto el Pod acabe: nadie va a esperarlo.
pub fn forget_when_over(name: &str) -> std::io::Result<()> {
    write_private(&pod_dir(name).join(FORGET), b"")
}

/// ¿Hay que olvidar su ficha en cuanto acabe?
pub fn is_to_be_forgotten(name: &str) -> bool {
    pod_dir(name).join(FORGET).exists()
}

/// Olvida al Pod anterior de este nombre, sin soltar el nombre.
pub fn forget_previous(claim: &Claim) {
    for file in ["status.json", "pod.json", "control", FORGET] {
        // si no estaba, mejor
        let _ = fs::remove_file(pod_dir(&claim.name).join(file));
    }
}

/// Todos los Pods con ficha, por nombre.
pub fn see_all() -> Vec<Seen> {
    let mut names: Vec<String> = names_in(&pods_dir());
    crate::order::sort(&mut names);
    names.iter().filter_map(|name| see(name)).collect()
}

/// Los nombres de lo que hay en un directorio; vacío si no existe.
pub fn names_in(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect()
}

/// El supervisor cayó: lo que corría, se perdió.
pub fn declare_lost(live: &mut Live) {
    live.lost = true;
    let lost = |container: &mut status::ContainerStatus| {
        if let ContainerState::Running { since } = container.state {
            container.state = ContainerState::Terminated(Terminated {
                exit_code: 137,
                signal: 9,
                reason: "ContainerStatusUnknown".into(),
                message: "el supervisor del Pod murió a la fuerza".into(),
                started: since,
                finished: since,
            });
        }
        container.ready = false;
        container.started = false;
    };
    let status = &mut live.status;
    status
        .init_containers
        .iter_mut()
        .chain(&mut status.containers)
        .chain(&mut status.ephemeral_containers)
        .for_each(lost);
    for condition in &mut status.conditions {
        if condition.kind == "Ready" || condition.kind == "ContainersReady" {
            condition.status = false;
            condition.reason = "PodFailed".into();
        }
    }
    status.phase = status::Phase::Failed;
    status.message = "el supervisor del Pod murió a la fuerza y sus procesos, con él".into();
}

fn pending_dir() -> PathBuf {
    Path::new(RUN).join("pendientes")
}

/// La señal de que alguien debe mirar ese Pod.
pub fn pending_path(name: &str) -> PathBuf {
    pending_dir().join(name)
}

/// Pide que alguien mire este Pod: está a medio hacer o a medio deshacer. Dentro va su UID, que
/// basta para encontrar cuanto es suyo aunque no llegara a tener ficha.
pub fn mark_pending(name: &str, uid: &str) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(pending_dir())?;
    write_private(&pending_path(name), uid.as_bytes())
}

/// Ya no hay nada que mirar.
pub fn clear_pending(name: &str) {
    // si no estaba, mejor
    let _ = fs::remove_file(pending_path(name));
}

/// Los Pods que alguien debe mirar. En reposo, ninguno: mirarlo no cuesta más con mil Pods.
pub fn pending() -> Vec<String> {
    names_in(&pending_dir())
}

/// Un UID como los de Kubernetes: un UUID versión 4.
pub fn new_uid() -> std::io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    Ok(text.trim().to_string())
}

/// Milisegundos desde 1970.
pub fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_millis() as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_directorio_se_crea_aunque_otro_lo_este_borrando() {
        let path = std::env::temp_dir().join(format!("micropod-directorio-{}", std::process::id()));
        let erase = || {
            for _ in 0..20_000 {
                // si no estaba, mejor
                let _ = fs::remove_dir(&path);
            }
        };
        std::thread::scope(|scope| {
            let eraser = scope.spawn(erase);
            while !eraser.is_finished() {
                make_private_dir(&path).unwrap();
            }
        });
        let _ = fs::remove_dir(&path);
    }
}
