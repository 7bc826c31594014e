//! Capítulo 11 · De una receta a una imagen.

use super::debian::{self, program};
use super::inroot::{Root, io_problem, is, set_owner};
use super::recipe::{self, FileSpec, From, Link, Recipe};
use super::unpack::open_root;
use super::{Image, Name, Store};
use crate::error::Error;
use crate::kernel::program::Program;
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Construye la imagen que describe la receta `path`; se llama como diga ella, o `name`.
pub fn build(path: &Path, name: Option<&str>) -> Result<Image, Error> {
    Store::local().build(path, name)
}

impl Store {
    // ANCHOR: build
    pub fn build(&self, path: &Path, name: Option<&str>) -> Result<Image, Error> {
        let recipe::Loaded { recipe, base } = recipe::load(path)?;
        let name = Name::parse(name.unwrap_or(&recipe.name))?;
        if name.is_host() {
            return Err(Error::usage("`host` es la raíz de esta máquina: elige otro nombre para la imagen"));
        }
        self.refuse_if_used(&name)?;
        let staging = self.stage()?;
        let root = open_root(&staging.root())?;
        if let From::Debian { packages } = &recipe.from {
            eprintln!("{name}: extrayendo paquetes de Debian ({})", packages.join(", "));
            debian::fill(&root, packages, &recipe.exclude, &staging)?;
        }
        eprintln!("{name}: añadiendo ficheros, usuarios y enlaces");
        add_directories(&root, &recipe)?;
        add_users(&root, &recipe)?;
        for file in &recipe.files {
            add_file(&root, file, &base)?;
        }
        for link in &recipe.links {
            add_link(&root, link)?;
        }
        for command in &recipe.run {
            eprintln!("{name}: ejecutando {}", command.join(" "));
            run_inside(&staging.root(), command)?;
        }
        let image = self.commit(&name, staging, recipe.config())?;
        eprintln!("{name}: lista, {}", super::human_size(image.size));
        Ok(image)
    }
    // ANCHOR_END: build
}

/// Los que pide la receta, y donde se montará lo que pone micropod: si faltara, cada contenedor
/// tendría que crearlo en su capa.
fn add_directories(root: &Root, recipe: &Recipe) -> Result<(), Error> {
    for mount_point in ["/dev", "/proc", "/sys"] {
        root.make_dir(inside(mount_point)).map_err(|e| trouble(mount_point, e.into()))?;
    }
    for mount_point in ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"] {
        write(root, mount_point, b"", (0, 0, 0o644))?;
    }
    for wanted in &recipe.directories {
        root.make_dir(inside(&wanted.path))
            .and_then(|dir| set_owner(&dir, wanted.uid, wanted.gid, wanted.mode))
            .map_err(|e| trouble(&wanted.path, e.into()))?;
    }
    Ok(())
}

/// Los paquetes no se configuran: sin esto no habría ni `root`.
fn add_users(root: &Root, recipe: &Recipe) -> Result<(), Error> {
    let mut passwd = String::from("root:x:0:0:root:/root:/bin/sh\n");
    let mut group = String::from("root:x:0:\n");
    for user in recipe.users.iter().filter(|user| user.uid != 0) {
        passwd += &format!("{}:x:{}:{}::{}:{}\n", user.name, user.uid, user.gid, user.home, user.shell);
        if user.gid != 0 {
            group += &format!("{}:x:{}:\n", user.name, user.gid);
        }
    }
    write(root, "/etc/passwd", passwd.as_bytes(), (0, 0, 0o644))?;
    write(root, "/etc/group", group.as_bytes(), (0, 0, 0o644))
}

fn add_file(root: &Root, file: &FileSpec, base: &Path) -> Result<(), Error> {
    let owner = (file.uid, file.gid, file.mode);
    match (&file.content, &file.source) {
        (Some(content), _) => write(root, &file.path, content.as_bytes(), owner),
        (None, source) => {
            let source = base.join(source.as_deref().unwrap_or_default());
            let bytes = fs::read(&source)
                .map_err(|e| io_problem(&format!("no se pudo leer {}", source.display()), e))?;
            write(root, &file.path, &bytes, owner)
        }
    }
}

fn write(root: &Root, path: &str, bytes: &[u8], (uid, gid, mode): (u32, u32, u32)) -> Result<(), Error> {
    let attempt = || -> io::Result<()> {
        let place = root.place(inside(path))?;
        place.remove()?;
        let mut file = place.create_file()?;
        file.write_all(bytes)?;
        Ok(set_owner(&file, uid, gid, mode)?)
    };
    attempt().map_err(|e| trouble(path, e))
}

fn add_link(root: &Root, link: &Link) -> Result<(), Error> {
    let target = expand(root, link)?;
    let attempt = || -> Result<(), Errno> {
        let place = root.place(inside(&link.path))?;
        // un enlace sustituye a un fichero o a otro enlace; un directorio lleno sería demasiado perder
        if place.stat()?.is_some_and(|stat| is(&stat, SFlag::S_IFDIR)) {
            return Err(Errno::EISDIR);
        }
        place.remove()?;
        place.create_symlink(target.as_bytes())
    };
    attempt().map_err(|e| trouble(&link.path, e.into()))
}

/// El destino de un enlace; si lleva `*`, el único nombre que encaja.
fn expand(root: &Root, link: &Link) -> Result<String, Error> {
    let (dir, pattern) = link.target.rsplit_once('/').unwrap_or(("", &link.target));
    let Some((start, end)) = pattern.split_once('*') else { return Ok(link.target.clone()) };
    let from = if dir.is_empty() { link.path.rsplit_once('/').map_or("", |(dir, _)| dir) } else { dir };
    let names = root.names(inside(from)).map_err(|e| trouble(from, e.into()))?;
    let fits = |name: &&String| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    match names.iter().filter(fits).collect::<Vec<_>>().as_slice() {
        [name] if dir.is_empty() => Ok((*name).clone()),
        [name] => Ok(format!("{dir}/{name}")),
        found => Err(Error::failed(format!("el enlace {} necesita un único «{}»", link.path, link.target))
            .because(format!("en la imagen hay {}", found.len()))),
    }
}

/// Lo que puede tardar un comando de una receta: los hay que compilan.
const INSIDE_LIMIT: Duration = Duration::from_secs(3600);

// ANCHOR: run_inside
/// Ejecuta un comando dentro de la raíz: con espacios de nombres propios (ni red, ni procesos, ni
/// montajes del anfitrión), con las capacidades justas y sin poder ganar otras.
fn run_inside(root: &Path, command: &[String]) -> Result<(), Error> {
    let kept = "-all,+chown,+dac_override,+fowner,+fsetid,+setgid,+setuid,+sys_chroot";
    let failed = |e| io_problem("no se pudo ejecutar unshare", e);
    let isolated = Program::new(&program("unshare")?, INSIDE_LIMIT)
        .map_err(failed)?
        .options(["--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"])
        .operands([program("setpriv")?])
        .operands(["--inh-caps=-all", &format!("--bounding-set={kept}"), "--no-new-privs", "--"])
        .operands([program("chroot")?, root.to_path_buf()])
        .operands(command.iter().cloned());
    let output = isolated.run(b"").map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.err);
    let mut error = Error::failed(format!("falló dentro de la imagen: {}", command.join(" ")));
    for line in said.lines().rev().take(5).collect::<Vec<_>>().into_iter().rev() {
        error = error.because(line);
    }
    Err(error)
}
// ANCHOR_END: run_inside

/// Una ruta absoluta de la imagen, relativa a su raíz.
fn inside(path: &str) -> &[u8] {
    path.trim_start_matches('/').trim_end_matches('/').as_bytes()
}

fn trouble(path: &str, e: io::Error) -> Error {
    io_problem(&format!("no se pudo crear {path} dentro de la imagen"), e)
}
