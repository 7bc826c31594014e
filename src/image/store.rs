//! Capítulo 11 · El almacén de imágenes.
//!
//! Una imagen aparece entera o no aparece: se prepara en un directorio aparte y al final se cambia
//! de nombre, que es lo único que el kernel hace de golpe. Quien prepara tiene un cerrojo sobre su
//! directorio; el kernel lo suelta si muere, y así el siguiente comando sabe qué es basura.

use super::inroot::io_problem;
use super::{HOST, Image, ImageConfig, Name, recipe};
use crate::data;
use crate::error::Error;
use crate::kernel::sys;
use crate::state::{self, Seen};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const STAGING: &str = ".nuevo-";
const TRASH: &str = ".viejo-";

/// Un almacén de imágenes: un directorio.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// Lo que se guarda junto a la raíz.
#[derive(Serialize, Deserialize)]
struct Stored {
    config: ImageConfig,
    /// Milisegundos desde 1970.
    created: u64,
    size: u64,
}

impl Store {
    /// El almacén de esta máquina.
    pub fn local() -> Store {
        Store { dir: Path::new(state::LIB).join("images") }
    }

    /// Un almacén en otro sitio.
    pub fn at(dir: &Path) -> Store {
        Store { dir: dir.to_path_buf() }
    }

    // ANCHOR: find
    pub fn find(&self, name: &str) -> Result<Image, Error> {
        let name = Name::parse(name)?;
        if name.is_host() {
            return Ok(host());
        }
        self.check_readable()?;
        self.load(&name).ok_or_else(|| self.missing(&name))
    }
    // ANCHOR_END: find

    /// Sin permiso para mirarlo no se sabe qué imágenes hay.
    pub fn check_readable(&self) -> Result<(), Error> {
        let images = state::names_in(&self.dir).into_iter().filter(|name| Name::of_directory(name).is_some());
        let unreadable = images
            .map(|name| self.dir.join(name))
            .chain([self.dir.clone()])
            .filter_map(|dir| fs::read_dir(dir).err())
            .find(|e| e.kind() == io::ErrorKind::PermissionDenied);
        match unreadable {
            Some(e) => Err(io_problem("no se puede mirar qué imágenes hay en esta máquina", e)),
            None => Ok(()),
        }
    }

    fn load(&self, name: &Name) -> Option<Image> {
        let dir = self.dir.join(name.directory());
        let stored: Stored = data::read(&fs::read(dir.join("config.json")).ok()?).ok()?;
        let Stored { config, created, size } = stored;
        Some(Image { name: name.to_string(), root: dir.join("rootfs"), config, created, size })
    }

    pub fn list(&self) -> Vec<Image> {
        let mut names: Vec<Name> =
            state::names_in(&self.dir).iter().filter_map(|directory| Name::of_directory(directory)).collect();
        crate::order::sort(&mut names);
        names.iter().filter_map(|name| self.load(name)).collect()
    }

    /// El error de una imagen que no está: cuáles hay, a cuál se parece y cómo se crea.
    fn missing(&self, name: &Name) -> Error {
        let local: Vec<String> = self.list().into_iter().map(|image| image.name).collect();
        let there = if local.is_empty() {
            format!("no hay ninguna imagen local; `{HOST}` (la raíz de esta máquina) vale siempre")
        } else {
            format!("imágenes locales: {}; y `{HOST}`, la raíz de esta máquina", local.join(", "))
        };
        let similar =
            closest(name.as_str(), local.iter().map(String::as_str).chain([HOST]).chain(recipe::SHIPPED));
        let question = similar.map(|s| format!("¿querías decir `{s}`? ")).unwrap_or_default();
        let create = if recipe::SHIPPED.contains(&name.as_str()) {
            format!("sudo micropod image build {name}")
        } else {
            format!("sudo micropod image import {name} FICHERO.tar")
        };
        Error::failed(format!("no existe la imagen «{name}»"))
            .because(there)
            .with_hint(format!("{question}Para crearla: {create}"))
    }

    /// Borra la imagen `name`, si ningún Pod la usa.
    pub fn remove(&self, name: &Name) -> Result<(), Error> {
        if name.is_host() {
            return Err(Error::usage("`host` es la raíz de esta máquina: no se puede borrar"));
        }
        self.sweep();
        let dir = self.dir.join(name.directory());
        if !dir.exists() {
            return Err(self.missing(name));
        }
        self.refuse_if_used(name)?;
        let trash = self.unused(TRASH);
        fs::rename(&dir, &trash)
            .map_err(|e| io_problem(&format!("no se pudo borrar la imagen «{name}»"), e))?;
        fs::remove_dir_all(&trash)
            .map_err(|e| io_problem(&format!("no se pudo borrar del todo la imagen «{name}»"), e))
    }

    /// Borrar la capa inferior de un overlay montado tiene un resultado indefinido, dice overlayfs.
    pub(super) fn refuse_if_used(&self, name: &Name) -> Result<(), Error> {
        let root = self.dir.join(name.directory()).join("rootfs");
        match user_of(&root, &state::see_all()) {
            Some(pod) => Err(Error::failed(format!("la imagen «{name}» la está usando el Pod «{pod}»"))
                .with_hint(format!("bórralo antes: sudo micropod delete pod {pod}"))),
            None => Ok(()),
        }
    }

    // ANCHOR: staging
    /// Un sitio donde preparar una imagen. Recoge antes lo que dejaran a medias otros.
    pub(super) fn stage(&self) -> Result<Staging, Error> {
        state::make_public_dir(&self.dir)?;
        self.sweep();
        loop {
            let dir = self.unused(STAGING);
            let what = format!("no se pudo crear {}", dir.display());
            DirBuilder::new().mode(0o700).create(&dir).map_err(|e| io_problem(&what, e))?;
            // entre crearlo y cerrarlo, otro comando pudo tomarlo por basura: entonces, otra vez
            let Ok(file) = File::open(&dir) else { continue };
            let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else { continue };
            if lock.metadata().is_ok_and(|m| m.nlink() > 0) && dir.exists() {
                let root = dir.join("rootfs");
                fs::create_dir(&root).map_err(|e| io_problem(&what, e))?;
                let _ = fs::set_permissions(&root, fs::Permissions::from_mode(0o755)); // por si hay umask
                return Ok(Staging { dir, done: false, _lock: lock });
            }
        }
    }
    // ANCHOR_END: staging

    /// Borra lo que dejaron a medias comandos que ya no viven.
    pub fn sweep(&self) {
        for name in state::names_in(&self.dir) {
            let path = self.dir.join(&name);
            let dead = name.starts_with(TRASH)
                || name.starts_with(STAGING)
                    && File::open(&path)
                        .is_ok_and(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok());
            if dead {
                // si no se puede ahora, lo intentará el siguiente comando
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    // ANCHOR: commit
    /// Pone en su sitio una imagen ya preparada. Si había otra con ese nombre, la sustituye de golpe.
    pub(super) fn commit(
        &self,
        name: &Name,
        mut staging: Staging,
        config: ImageConfig,
    ) -> Result<Image, Error> {
        let what = format!("no se pudo guardar la imagen «{name}»");
        let size = tree_size(&staging.root()).map_err(|e| io_problem(&what, e))?;
        let stored = Stored { config, created: state::unix_millis(), size };
        let file = staging.dir.join("config.json");
        fs::write(&file, data::pretty(&stored)).map_err(|e| io_problem(&what, e))?;
        // cualquiera mira qué imágenes hay (un ensayo no pide root); en su raíz, que lleva ejecutables
        // setuid, solo entra root: la raíz de un contenedor toma sus permisos de la capa de escritura
        for (path, mode) in [(file, 0o644), (staging.root(), 0o700), (staging.dir.clone(), 0o755)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| io_problem(&what, e))?;
        }
        self.refuse_if_used(name)?;
        let target = self.dir.join(name.directory());
        let swap = |flags| sys::rename_with(&staging.dir, &target, flags);
        match swap(libc::RENAME_NOREPLACE) {
            // ahora en el directorio de preparación está la vieja: la borra el final de esta función
            Err(Errno::EEXIST) => swap(libc::RENAME_EXCHANGE).map_err(|e| io_problem(&what, e.into()))?,
            Err(e) => return Err(io_problem(&what, e.into())),
            Ok(()) => staging.done = true,
        }
        drop(staging);
        self.load(name).ok_or_else(|| Error::failed(what))
    }
    // ANCHOR_END: commit

    /// Una ruta del almacén que no existe y que no puede ser el nombre de una imagen.
    fn unused(&self, prefix: &str) -> PathBuf {
        let pid = std::process::id();
        let mut free = (0u32..).map(|i| self.dir.join(format!("{prefix}{pid}-{i}")));
        free.find(|path| !path.exists()).expect("hay más números que directorios")
    }
}

/// Una imagen a medio preparar. Al soltarla desaparece, salvo que [`Store::commit`] la haya colocado.
pub(super) struct Staging {
    dir: PathBuf,
    done: bool,
    _lock: Flock<File>,
}

impl Staging {
    pub(super) fn root(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    /// Sitio para ficheros de trabajo; desaparece con lo demás.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.done {
            // lo que no se pueda borrar ahora lo recoge el siguiente comando
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// El Pod vivo que tiene `root` como raíz de alguno de sus contenedores.
pub(super) fn user_of(root: &Path, pods: &[Seen]) -> Option<String> {
    let uses = |seen: &&Seen| seen.supervised && seen.record.plans.iter().any(|plan| plan.lower == root);
    pods.iter().find(uses).map(|seen| seen.record.name.clone())
}

fn host() -> Image {
    let config = ImageConfig { env: vec![super::DEFAULT_PATH.to_string()], ..ImageConfig::default() };
    Image { name: HOST.to_string(), root: PathBuf::from("/"), config, created: 0, size: 0 }
}

/// El nombre que más se parece a `name`, si alguno se parece.
fn closest<'a>(name: &str, options: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let score = |option: &str| strsim::jaro_winkler(name, option);
    let best = options.filter(|o| *o != name).max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(best) > 0.8).then_some(best)
}

/// Bytes de los ficheros de un árbol; los que tienen varios nombres cuentan una vez.
fn tree_size(root: &Path) -> io::Result<u64> {
    let (mut total, mut seen, mut pending) = (0, HashSet::new(), vec![root.to_path_buf()]);
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let meta = entry.metadata()?; // la del propio enlace simbólico: no se sigue
            if meta.is_dir() {
                pending.push(entry.path());
            } else if meta.is_file() && (meta.nlink() == 1 || seen.insert(meta.ino())) {
                total += meta.len();
            }
        }
    }
    Ok(total)
}

/// `2.1MiB`, `340KiB`, `12B`.
pub fn human_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if value < 10.0 && unit != "B" {
                format!("{value:.1}{unit}")
            } else {
                format!("{value:.0}{unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1}TiB")
}
