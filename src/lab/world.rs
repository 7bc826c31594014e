//! El mundo del corrector: red, montajes, procesos y cgroups aparte, con micropod como recién instalado.
//!
//! Lo que se entrega no es de fiar, y quien lo prueba puede tener otros Pods en marcha. Aquí no hay
//! más red que la de sus Pods, los nombres no chocan, y todo muere a la vez: aunque se pulse Ctrl-C,
//! aunque maten al corrector. De fuera solo se ven las imágenes.

use super::job::Job;
use crate::cgroup::Hierarchy;
use crate::data;
use crate::error::{Error, exit, in_spanish};
use crate::kernel::Op;
use crate::kernel::ops::{CgroupValue, WriteCgroup};
use crate::network::SetLink;
use crate::state;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Lo que se vacía: dentro, micropod empieza de cero.
const EMPTIED: [&str; 3] = [state::RUN, state::LOG, "/var/lib/micropod/pods"];
/// Cómo empieza el nombre del cgroup de un mundo; sigue el pid de quien lo hizo.
const CGROUP: &str = "micropod-lab-";

/// ¿Han pulsado Ctrl-C? También después de corregir: quien atiende una señal ya no muere de ella.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

pub fn interrupted() -> bool {
    STOP.load(Ordering::Relaxed)
}

fn failed(what: &str, why: impl std::fmt::Display) -> Error {
    Error::failed(format!("no se pudo preparar el corrector: {what}")).because(in_spanish(why.to_string()))
}

/// Hace `job` en un mundo nuevo y devuelve lo que escribe. Se rinde a los `limit`, o con Ctrl-C.
pub fn run(job: &Job, limit: Duration) -> Result<Vec<u8>, Error> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        signal_hook::flag::register(signal, STOP.clone()).map_err(|e| failed("las señales", e))?;
    }
    let cgroup = make_cgroup();
    let result = run_in(job, limit, cgroup.as_deref(), &STOP);
    if let Some(cgroup) = &cgroup {
        remove_cgroup(cgroup);
    }
    result
}

fn run_in(job: &Job, limit: Duration, cgroup: Option<&Path>, stop: &AtomicBool) -> Result<Vec<u8>, Error> {
    let memory = |name| memfd_create(name, MFdFlags::MFD_CLOEXEC).map(File::from);
    let mut order = memory("encargo").map_err(|e| failed("la memoria", e))?;
    let mut answer = memory("respuesta").map_err(|e| failed("la memoria", e))?;
    let text = data::bytes(job);
    order.write_all(&text).and_then(|()| order.rewind()).map_err(|e| failed("el encargo", e))?;
    let out = answer.try_clone().map_err(|e| failed("la respuesta", e))?;
    let mut child = Command::new("/proc/self/exe")
        .args(["lab", "corrector"])
        .arg(cgroup.unwrap_or(Path::new("")))
        .stdin(order)
        .stdout(out)
        .spawn()
        .map_err(|e| failed("lanzarlo", e))?;
    let finished = wait(&mut child, Instant::now() + limit, stop).map_err(|e| failed("esperarlo", e))?;
    match finished {
        Some(true) => {
            let mut bytes = Vec::new();
            answer
                .rewind()
                .and_then(|()| answer.read_to_end(&mut bytes))
                .map_err(|e| failed("la respuesta", e))?;
            Ok(bytes)
        }
        Some(false) => Err(Error::Exit(exit::SETUP)),
        None if stop.load(Ordering::Relaxed) => Err(Error::Exit(130)),
        None => Err(Error::failed(format!("la corrección no acabó en {} s", limit.as_secs()))
            .with_hint("se ha dejado: prueba otra vez con la máquina más tranquila")),
    }
}

/// `Some` si acabó (bien o mal); `None` si hubo que matarlo.
fn wait(child: &mut Child, end: Instant, stop: &AtomicBool) -> std::io::Result<Option<bool>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if stop.load(Ordering::Relaxed) || Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Del lado del mundo: primero, quien se aparta; después, hijo suyo, el proceso 1 de dentro.
pub fn enter(cgroup: &str) -> Result<u8, Error> {
    // si muere quien lo encargó, esto también
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(|e| failed("prctl", e))?;
    if std::process::id() != 1 {
        return apart(cgroup);
    }
    prepare(cgroup)?;
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(|e| failed("leer el encargo", e))?;
    let job: Job = data::read(&text).map_err(|e| failed("entender el encargo", e))?;
    let answer = job.carry_out()?;
    std::io::stdout().write_all(&answer).map_err(|e| failed("responder", e))?;
    Ok(exit::OK)
}

fn apart(cgroup: &str) -> Result<u8, Error> {
    // Ctrl-C es para quien lo encargó, que sabe recoger
    nix::unistd::setsid().map_err(|e| failed("setsid", e))?;
    if !cgroup.is_empty() {
        enter_cgroup(Path::new(cgroup))?;
    }
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    // por su ruta: la de /proc/self/exe es de los montajes de fuera, y desde dentro no se podría sellar
    let own = std::env::current_exe().map_err(|e| failed("saber quién es", e))?;
    unshare(all).map_err(|e| failed("apartarse", e))?;
    if !cgroup.is_empty() {
        // en la raíz de los cgroups del mundo no puede quedar nadie: «no internal processes»
        enter_cgroup(&Path::new(cgroup).join("_mundo"))?;
    }
    let status = Command::new(own).args(["lab", "corrector", cgroup]).status();
    let status = status.map_err(|e| failed("entrar", e))?;
    Ok(status.code().map_or(exit::FAILED, |code| code as u8))
}

fn enter_cgroup(path: &Path) -> Result<(), Error> {
    let pid = std::process::id().to_string();
    fs::write(path.join("cgroup.procs"), pid).map_err(|e| failed("entrar en su cgroup", e))
}

/// Monta lo que el mundo tiene suyo.
fn prepare(cgroup: &str) -> Result<(), Error> {
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).map_err(|e| failed("apartar los montajes", e))?;
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), safe, nothing).map_err(|e| failed("montar /proc", e))?;
    for dir in EMPTIED {
        mount(Some("micropod-lab"), dir, Some("tmpfs"), MsFlags::empty(), Some("mode=700"))
            .map_err(|e| failed(&format!("vaciar {dir}"), e))?;
    }
    if !cgroup.is_empty() {
        let place = Hierarchy::find().ok_or_else(|| failed("los cgroups", "ya no están"))?.root;
        // el mismo sistema de ficheros no se puede montar encima de sí mismo
        umount2(&place, MntFlags::MNT_DETACH).map_err(|e| failed("dejar los cgroups de fuera", e))?;
        mount(Some("cgroup2"), &place, Some("cgroup2"), MsFlags::empty(), nothing)
            .map_err(|e| failed("montar sus cgroups", e))?;
    }
    SetLink { name: "lo".into(), master: None }.run().map_err(|e| failed("encender lo", e))
}

/// El cgroup de un mundo, si hay cgroup v2. Los de mundos que ya no están se borran antes.
fn make_cgroup() -> Option<PathBuf> {
    let hierarchy = Hierarchy::find()?;
    for name in state::names_in(&hierarchy.root) {
        let owner = name.strip_prefix(CGROUP).and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| state::ProcessId::of(pid).is_none()) {
            remove_cgroup(&hierarchy.root.join(name));
        }
    }
    for controller in ["+cpu", "+memory", "+pids"] {
        // en una máquina híbrida no están, y no pasa nada: los laboratorios que los piden no se ofrecen
        let value = CgroupValue::Controllers(controller.to_string());
        let _ = WriteCgroup { dir: hierarchy.root.clone(), value }.run();
    }
    let path = hierarchy.root.join(format!("{CGROUP}{}", std::process::id()));
    fs::create_dir_all(path.join("_mundo")).ok()?;
    Some(path)
}

fn remove_cgroup(path: &Path) {
    // sin nadie dentro no hay a quién matar
    let _ = crate::cgroup::kill(path);
    let end = Instant::now() + Duration::from_secs(5);
    while crate::cgroup::remove_tree(path).is_err() && path.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Prepara los directorios que el mundo tapa, que han de existir.
pub fn make_places() -> Result<(), Error> {
    EMPTIED.iter().try_for_each(|dir| state::make_private_dir(Path::new(dir)))
}
