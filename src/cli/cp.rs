//! `micropod cp`: ficheros de un contenedor a la máquina, y al revés.
//!
//! La raíz del contenedor se abre en `/proc/PID/root` y nunca se sale de ella: el kernel recorre las
//! rutas como si fuera la raíz del sistema, haya los enlaces que haya. No hace falta nada dentro: ni
//! `tar`, ni una shell.

use super::{bare_name, choose_container, exec, require_root, see_in, term};
use crate::error::{Error, exit, spanish};
use crate::image::inroot::{Place, Root, is, set_owner};
use crate::security::SecurityPlan;
use clap::ArgMatches;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Directorios uno dentro de otro, como mucho.
const MAX_DEPTH: usize = 200;

/// Uno de los dos extremos de una copia.
#[derive(Debug, PartialEq)]
enum Side {
    Local(PathBuf),
    Inside { pod: String, path: String },
}

pub fn cp(args: &ArgMatches) -> Result<u8, Error> {
    require_root("copiar ficheros de un contenedor")?;
    let sides = ["ORIGEN", "DESTINO"].map(|name| side(super::text(args, name)));
    let [from, to] = sides;
    let container = args.get_one::<String>("container");
    match (from?, to?) {
        (Side::Inside { pod, path }, Side::Local(local)) => {
            let (root, _) = open(args, &pod, container)?;
            Copy { root, no_preserve: false }.take_out(&path, &local)
        }
        (Side::Local(local), Side::Inside { pod, path }) => {
            let (root, owner) = open(args, &pod, container)?;
            Copy { root, no_preserve: args.get_flag("no-preserve") }.bring_in(&local, &path, &owner)
        }
        (Side::Local(_), Side::Local(_)) => Err(Error::usage("uno de los dos tiene que ser de un Pod")
            .with_hint("escríbelo así: micropod cp web:/etc/hosts ./hosts")),
        (Side::Inside { .. }, Side::Inside { .. }) => {
            Err(Error::usage("one of src or dest must be a local file specification")
                .with_hint("cópialo en dos veces, pasando por un fichero de esta máquina"))
        }
    }?;
    Ok(exit::OK)
}

/// `POD:RUTA`, o una ruta de esta máquina. Lo que empieza por `/` o por `.` es siempre una ruta.
fn side(text: &str) -> Result<Side, Error> {
    let Some((pod, path)) = text.split_once(':').filter(|_| !text.starts_with(['/', '.'])) else {
        return Ok(Side::Local(PathBuf::from(text)));
    };
    if path.is_empty() || pod.is_empty() {
        return Err(Error::usage(format!(
            "«{}» no dice qué fichero",
            crate::spec::errors::visible(text, 80)
        ))
        .with_hint("escríbelo así: web:/etc/hosts"));
    }
    Ok(Side::Inside { pod: bare_name(pod).to_string(), path: path.to_string() })
}

/// La raíz de un contenedor en marcha, y con qué usuario corre.
fn open(args: &ArgMatches, pod: &str, container: Option<&String>) -> Result<(Root, SecurityPlan), Error> {
    let seen = see_in(args, pod)?;
    let id = choose_container(&seen, container)?;
    let (process, _pidfd) = exec::running(&seen, id)?;
    let root = Root::open(Path::new(&format!("/proc/{}/root", process.pid)));
    let root = root.ok().filter(|_| process.is_alive());
    let root =
        root.ok_or_else(|| Error::failed(format!("no se pudo abrir la raíz del contenedor de {pod}")))?;
    Ok((root, seen.record.plans[id].security.clone()))
}

struct Copy {
    root: Root,
    no_preserve: bool,
}

fn failed(what: &str, path: impl std::fmt::Display, errno: Errno) -> Error {
    let path = term::harmless(&path.to_string());
    Error::failed(format!("no se pudo {what} {path}")).because(spanish(errno))
}

fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Una ruta sin la barra del principio ni la del final: la raíz ya se sabe cuál es.
fn trimmed(path: &str) -> Vec<u8> {
    path.trim_matches('/').as_bytes().to_vec()
}

fn below(path: &[u8], name: &str) -> Vec<u8> {
    if path.is_empty() { name.into() } else { [path, b"/", name.as_bytes()].concat() }
}

impl Copy {
    /// Del contenedor a la máquina. Un directorio da su contenido, como en kubectl.
    fn take_out(&self, path: &str, local: &Path) -> Result<(), Error> {
        let inside = trimmed(path);
        match self.root.file(&inside) {
            Ok(file) => {
                let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
                let to = if local.is_dir() { local.join(name) } else { local.to_path_buf() };
                save(file, &to)
            }
            Err(Errno::EINVAL | Errno::EISDIR) if self.root.dir(&inside).is_ok() => {
                self.out_dir(&inside, local, 0)
            }
            Err(Errno::EINVAL) => {
                Err(Error::failed(format!("{} no es un fichero ni un directorio", term::harmless(path))))
            }
            Err(errno) => Err(failed("leer", format!("{path}, dentro del contenedor"), errno)),
        }
    }

    fn out_dir(&self, inside: &[u8], local: &Path, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::failed(format!("hay más de {MAX_DEPTH} directorios uno dentro de otro")));
        }
        fs::create_dir_all(local).map_err(|e| failed("crear", local.display(), errno_of(&e)))?;
        let mut names = self.root.names(inside).map_err(|errno| failed("leer", lossy(inside), errno))?;
        names.sort();
        for name in names {
            let (from, to) = (below(inside, &name), local.join(&name));
            let stat = self.root.existing_place(&from).and_then(|place| place.stat());
            // lo que se borra mientras se mira ya no está
            let Some(stat) = stat.map_err(|errno| failed("mirar", lossy(&from), errno))? else { continue };
            match () {
                () if is(&stat, SFlag::S_IFDIR) => self.out_dir(&from, &to, depth + 1)?,
                () if is(&stat, SFlag::S_IFREG) => {
                    let file = self.root.file(&from).map_err(|errno| failed("leer", lossy(&from), errno))?;
                    save(file, &to)?;
                }
                () => skipped(&lossy(&from), is(&stat, SFlag::S_IFLNK)),
            }
        }
        Ok(())
    }

    /// De la máquina al contenedor: lo creado es del usuario con el que corre.
    fn bring_in(&self, local: &Path, path: &str, owner: &SecurityPlan) -> Result<(), Error> {
        let mut inside = trimmed(path);
        if self.root.dir(&inside).is_ok() {
            let absolute =
                fs::canonicalize(local).map_err(|e| failed("leer", local.display(), errno_of(&e)))?;
            let name = absolute.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
            inside = below(&inside, &lossy(&name));
        }
        self.put(local, &inside, owner, 0)
    }

    fn put(&self, local: &Path, inside: &[u8], owner: &SecurityPlan, depth: usize) -> Result<(), Error> {
        let meta = if depth == 0 { fs::metadata(local) } else { fs::symlink_metadata(local) };
        let meta = meta.map_err(|e| failed("leer", local.display(), errno_of(&e)))?;
        let wrong = |errno| failed("escribir", format!("/{}, dentro del contenedor", lossy(inside)), errno);
        let place = self.root.place(inside).map_err(wrong)?;
        let mode = |default: u32| if self.no_preserve { default } else { meta.permissions().mode() & 0o777 };
        match meta.file_type() {
            kind if kind.is_dir() => {
                if depth > MAX_DEPTH {
                    return Err(Error::failed(format!(
                        "hay más de {MAX_DEPTH} directorios uno dentro de otro"
                    )));
                }
                let new = place.stat().map_err(wrong)?.is_none();
                let dir = place.create_dir().map_err(wrong)?;
                if new {
                    set_owner(&dir, owner.uid, owner.gid, mode(0o755)).map_err(wrong)?;
                }
                let entries =
                    fs::read_dir(local).map_err(|e| failed("leer", local.display(), errno_of(&e)))?;
                let mut children: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                children.sort();
                for child in children {
                    let name = child.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
                    self.put(&child, &[inside, b"/", &name].concat(), owner, depth + 1)?;
                }
                Ok(())
            }
            kind if kind.is_file() => {
                // sin esperar: entre mirarlo y abrirlo puede haberse vuelto una tubería
                let from = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(local);
                let mut from = from.map_err(|e| failed("leer", local.display(), errno_of(&e)))?;
                clear(&place).map_err(wrong)?;
                let mut to = place.create_file().map_err(wrong)?;
                io::copy(&mut from, &mut to).map_err(|e| wrong(errno_of(&e)))?;
                set_owner(&to, owner.uid, owner.gid, mode(0o644)).map_err(wrong)
            }
            kind if kind.is_symlink() => {
                let target =
                    fs::read_link(local).map_err(|e| failed("leer", local.display(), errno_of(&e)))?;
                clear(&place).map_err(wrong)?;
                place.create_symlink(target.as_os_str().as_bytes()).map_err(wrong)
            }
            _ => {
                skipped(&local.display().to_string(), false);
                Ok(())
            }
        }
    }
}

/// Quita lo que haya en el sitio de un fichero nuevo. Un directorio no: sería borrar de más.
fn clear(place: &Place) -> Result<(), Errno> {
    match place.stat()? {
        Some(stat) if is(&stat, SFlag::S_IFDIR) => Err(Errno::EISDIR),
        Some(_) => place.remove(),
        None => Ok(()),
    }
}

/// Escribe un fichero de la máquina, con los permisos que tenía dentro.
fn save(mut from: File, to: &Path) -> Result<(), Error> {
    let wrong = |e: io::Error| failed("escribir", to.display(), errno_of(&e));
    let mode = from.metadata().map_err(wrong)?.permissions().mode() & 0o777;
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(wrong)?;
    }
    let mut file = File::create(to).map_err(wrong)?;
    io::copy(&mut from, &mut file).map_err(wrong)?;
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(wrong)
}

fn skipped(path: &str, link: bool) {
    let path = term::harmless(path);
    match link {
        true => term::note(&format!("warning: skipping symlink: \"{path}\"")),
        false => term::note(&format!("aviso: {path} no es un fichero ni un directorio: no se copia")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_extremo_es_de_un_pod_si_lleva_dos_puntos_y_no_parece_una_ruta() {
        let inside = |pod: &str, path: &str| Side::Inside { pod: pod.into(), path: path.into() };
        assert_eq!(side("web:/etc/hosts").unwrap(), inside("web", "/etc/hosts"));
        assert_eq!(side("pod/web:datos").unwrap(), inside("web", "datos"));
        for local in ["hosts", "./a:b", "/tmp/a:b", "../x:y"] {
            assert_eq!(side(local).unwrap(), Side::Local(local.into()), "{local}");
        }
        assert!(side("web:").is_err() && side(":x").is_err());
    }
}
