//! Un Pod que se está corrigiendo: quién es, dónde están sus procesos y cómo se entra en sus ficheros.

use super::patience::{self, LOOK_EVERY};
use crate::kernel::sys;
use crate::logic::status::{ContainerState, ContainerStatus};
use crate::state::{self, ProcessId, Seen};
use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Lo más que se lee de un fichero o de una respuesta.
pub const MAX_READ: u64 = 256 * 1024;
/// Lo que se espera al primer Pod de un controlador: su hora puede tardar en llegar.
const FIRST_POD: Duration = Duration::from_secs(30);

/// Un Pod levantado por el corrector.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    /// Con qué se levantó, para levantarlo otra vez.
    pub run: Vec<String>,
    /// El controlador que lo crea, si lo entregado no era un Pod: `cronjob/copia`.
    pub creator: Option<String>,
}

/// `micropod ARGS`, este mismo programa.
pub fn micropod<'a>(args: impl IntoIterator<Item = &'a str>) -> std::io::Result<Output> {
    Command::new("/proc/self/exe").args(args).stdin(Stdio::null()).env("NO_COLOR", "1").output()
}

impl Pod {
    /// Levanta el Pod que describen los argumentos de `run`, o dice por qué no se pudo. De un controlador, el
    /// primero que crea.
    pub fn start(run: Vec<String>) -> Result<Pod, String> {
        let output = micropod(run.iter().map(String::as_str)).map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_string());
        }
        let created = said.lines().find_map(|line| line.strip_suffix(" created"));
        let created = created.ok_or("el fichero no describe nada que se ejecute")?;
        match created.strip_prefix("pod/") {
            Some(name) => Ok(Pod { name: name.to_string(), run, creator: None }),
            None => Pod::first_of(created, run),
        }
    }

    fn first_of(creator: &str, run: Vec<String>) -> Result<Pod, String> {
        let end = Instant::now() + FIRST_POD;
        while Instant::now() < end {
            // en el mundo del corrector no hay más Pods que los suyos
            if let Some(first) = state::see_all().into_iter().find(|seen| seen.record.owner.is_some()) {
                return Ok(Pod { name: first.record.name, run, creator: Some(creator.to_string()) });
            }
            std::thread::sleep(LOOK_EVERY);
        }
        remove(creator);
        Err(format!("{creator} no ha creado ningún Pod en {} s", FIRST_POD.as_secs()))
    }

    /// El directorio de su fichero.
    pub fn base(&self) -> &Path {
        let file = self.run.get(1).map_or(Path::new("/"), Path::new);
        file.parent().unwrap_or(file)
    }

    pub fn seen(&self) -> Result<Seen, String> {
        state::see(&self.name).ok_or_else(|| "el Pod ya no existe".to_string())
    }

    /// El contenedor que se llama así, en el orden de la ficha.
    pub fn index(&self, seen: &Seen, container: &str) -> Result<usize, String> {
        let all = &seen.record.plans;
        all.iter().position(|plan| plan.name == container).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|plan| plan.name.as_str()).collect();
            format!("no hay ningún contenedor «{container}»: los que hay son {}", known.join(", "))
        })
    }

    /// Su proceso principal, si vive. Con `contenedor/nombre`, el primero de los suyos que se llama así,
    /// esté en los espacios de nombres que esté.
    pub fn process(&self, container: &str) -> Result<ProcessId, String> {
        if let Some((container, name)) = container.split_once('/') {
            return descendant(self.pid(container)?, name)
                .ok_or_else(|| format!("en «{container}» no hay ningún proceso `{name}`"));
        }
        let seen = self.seen()?;
        let index = self.index(&seen, container)?;
        let process = seen.live.processes.get(index).copied().flatten().filter(|p| p.is_alive());
        process.ok_or_else(|| format!("«{container}» no está en marcha"))
    }

    pub fn pid(&self, container: &str) -> Result<i32, String> {
        Ok(self.process(container)?.pid)
    }

    /// Un fichero de `/proc` de su proceso principal.
    pub fn proc(&self, container: &str, file: &str) -> Result<String, String> {
        let pid = self.pid(container)?;
        let bytes = std::fs::read(format!("/proc/{pid}/{file}"));
        let bytes = bytes.map_err(|_| format!("«{container}» acaba de morir"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Los procesos que ven sus mismos procesos, su principal incluido.
    pub fn processes(&self, container: &str) -> Result<Vec<i32>, String> {
        let main = self.pid(container)?;
        let space = |pid: i32| std::fs::metadata(format!("/proc/{pid}/ns/pid")).ok().map(|m| m.ino());
        let own = space(main);
        let all = state::names_in("/proc".as_ref()).into_iter().filter_map(|name| name.parse().ok());
        // de quien acaba de morir no se sabe en qué espacio estaba: no es de los suyos
        Ok(all.filter(|pid| *pid == main || own.is_some() && space(*pid) == own).collect())
    }

    /// Abre una ruta de dentro de un contenedor sin salir de su raíz, haya los enlaces que haya.
    pub fn open(&self, container: &str, path: &str, flags: i32) -> Result<OwnedFd, String> {
        let pid = self.pid(container)?;
        let root = File::options().read(true).custom_flags(libc::O_PATH).open(format!("/proc/{pid}/root"));
        let root = root.map_err(|_| format!("«{container}» acaba de morir"))?;
        let inner = CString::new(path).map_err(|_| format!("la ruta «{path}» no vale"))?;
        let resolve = sys::RESOLVE_IN_ROOT | sys::RESOLVE_NO_MAGICLINKS;
        // sin esperar a nadie: podría ser una tubería con nombre
        let patient = if flags & libc::O_PATH == 0 { libc::O_NONBLOCK } else { 0 };
        sys::openat2(root.as_fd(), &inner, flags | patient, open_mode(flags), resolve)
            .map_err(|errno| format!("{path} de «{container}»: {}", crate::error::spanish(errno)))
    }

    /// Abre una ruta de junto a su fichero: es de quien entrega, y no se sigue ningún enlace.
    pub fn open_beside(&self, path: &str, flags: i32) -> Result<OwnedFd, String> {
        let say = |why: String| format!("{path}, junto al fichero del Pod: {why}");
        let base = File::options().read(true).custom_flags(libc::O_PATH).open(self.base());
        let base = base.map_err(|e| say(crate::error::in_spanish(e.to_string())))?;
        let inner = CString::new(path).map_err(|_| say("la ruta no vale".into()))?;
        let resolve = sys::RESOLVE_BENEATH | sys::RESOLVE_NO_SYMLINKS;
        let patient = if flags & libc::O_PATH == 0 { libc::O_NONBLOCK } else { 0 };
        sys::openat2(base.as_fd(), &inner, flags | patient, open_mode(flags), resolve)
            .map_err(|errno| say(crate::error::spanish(errno).to_string()))
    }

    pub fn read(&self, container: &str, path: &str) -> Result<String, String> {
        let text = read_all(self.open(container, path, libc::O_RDONLY)?);
        text.map_err(|why| format!("{path} de «{container}»: {why}"))
    }

    pub fn read_beside(&self, path: &str) -> Result<String, String> {
        let text = read_all(self.open_beside(path, libc::O_RDONLY)?);
        text.map_err(|why| format!("{path}, junto al fichero del Pod: {why}"))
    }

    /// Lo que ha escrito en su salida, en todas sus vidas.
    pub fn output(&self, container: &str) -> Result<String, String> {
        let seen = self.seen()?;
        self.index(&seen, container)?;
        let dir = state::log_dir(&self.name).join(container);
        let lives = 0..=crate::logs::last_life(&dir).unwrap_or(0);
        let lines = lives.flat_map(|life| crate::logs::read(&dir, life));
        let mut text = Vec::new();
        for line in lines {
            text.extend_from_slice(&line.text);
            if !line.partial {
                text.push(b'\n');
            }
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// ¿Acabó para siempre?
    pub fn is_over(&self, container: &str) -> bool {
        let over = |seen: Seen| {
            let index = self.index(&seen, container)?;
            Ok::<_, String>(patience::stays_down(&seen.record.pod, &seen.live.status, index))
        };
        self.seen().and_then(over).unwrap_or(false)
    }

    /// ¿Ha acabado mal alguna de sus dos últimas vidas?
    pub fn failed(&self, container: &str) -> bool {
        let status = || -> Option<ContainerStatus> {
            let seen = self.seen().ok()?;
            let index = self.index(&seen, container).ok()?;
            seen.live.status.all().nth(index).cloned()
        };
        status().is_some_and(|status| {
            let now = match status.state {
                ContainerState::Terminated(end) => Some(end.exit_code),
                _ => None,
            };
            now.into_iter().chain(status.last.map(|end| end.exit_code)).any(|code| code != 0)
        })
    }

    /// La IP del Pod.
    pub fn ip(&self) -> Result<std::net::Ipv4Addr, String> {
        let seen = self.seen()?;
        seen.record.network.map(|network| network.ip).ok_or_else(|| "el Pod no tiene red propia".into())
    }

    /// Lo borra, esté como esté, y a quien lo crea.
    pub fn delete(&self) {
        if let Some(creator) = &self.creator {
            return remove(creator);
        }
        // si no se puede, lo mata el fin del mundo del corrector
        let _ = micropod(["delete", "pod", &self.name, "--force", "--ignore-not-found"]);
    }
}

fn read_all(fd: OwnedFd) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::from(fd).take(MAX_READ).read_to_end(&mut bytes);
    read.map_err(|e| crate::error::in_spanish(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Borra un controlador y sus Pods.
fn remove(creator: &str) {
    let (kind, name) = creator.split_once('/').unwrap_or(("pod", creator));
    // si no se puede, lo mata el fin del mundo del corrector
    let _ = micropod(["delete", kind, name]);
}

/// El proceso más viejo de los que se llaman `name`, de `main` hacia abajo.
fn descendant(main: i32, name: &str) -> Option<ProcessId> {
    let mut family = vec![main];
    let all: Vec<i32> = state::names_in("/proc".as_ref()).iter().filter_map(|n| n.parse().ok()).collect();
    let parent = |pid: i32| -> Option<i32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let parents: Vec<(i32, i32)> = all.into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut next = 0;
    while let Some(&pid) = family.get(next) {
        family.extend(parents.iter().filter(|(_, above)| *above == pid).map(|(pid, _)| *pid));
        next += 1;
    }
    let called = |pid: &i32| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        comm.trim() == name
    };
    family.into_iter().find(called).and_then(ProcessId::of)
}

/// `openat2` no admite permisos si no va a crear nada.
fn open_mode(flags: i32) -> u32 {
    if flags & libc::O_CREAT != 0 { 0o644 } else { 0 }
}
