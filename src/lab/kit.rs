//! El kit de quien enseña: lo que hace falta en un aula sin red, en una carpeta que cabe en una memoria USB.
//!
//! ```text
//! KIT/micropod       este mismo programa, con los laboratorios dentro
//!     imagenes/      las que piden los laboratorios, cada una en un directorio OCI
//!     enunciados/    para imprimir
//!     libro/         si se dice dónde está construido
//!     instala        lo pone todo en una máquina
//!     SHA256SUMS     el resumen de cada fichero: se escribe lo último
//! ```
//!
//! Si se corta, se repite la misma orden: lo que ya está entero no se vuelve a escribir.

use super::catalog;
use super::values::Values;
use crate::error::Error;
use crate::image::{self, inroot::io_problem};
use crate::texts;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Dice que una carpeta es un kit: se escribe lo primero.
const MARK: &str = ".micropod-kit";
const SUMS: &str = "SHA256SUMS";
const README: &str = "Kit de micropod para un aula sin red.\n\n\
    En cada ordenador: sudo sh instala\n\n\
    Después: micropod lab lista. El libro, si está, es libro/index.html.\n";
/// De quién son los valores de los enunciados que se imprimen.
const NOBODY: &str = "aula";

/// Lo que ha quedado fuera, para decirlo.
#[derive(Debug, Default)]
pub struct Missing {
    /// Imagen → los laboratorios que la piden.
    pub images: Vec<(String, Vec<String>)>,
    pub book: bool,
}

/// Hace o acaba el kit de `dir`. `tell` se llama con cada cosa que se hace.
pub fn prepare(dir: &Path, book: Option<&Path>, mut tell: impl FnMut(String)) -> Result<Missing, Error> {
    if let Some(book) = book.filter(|book| !book.join("index.html").is_file()) {
        return Err(Error::usage(format!("en {} no está el libro: falta index.html", book.display()))
            .with_hint("se construye con `make book`, y queda en book/book"));
    }
    claim(dir)?;
    // mientras no esté todo, que nadie lo dé por bueno
    remove(&dir.join(SUMS))?;
    copy(Path::new("/proc/self/exe"), &dir.join("micropod"), 0o755)?;
    tell("micropod".into());
    let mut missing = Missing { book: book.is_none(), ..Missing::default() };
    for (name, labs) in wanted() {
        let Some(image) = image::list().into_iter().find(|image| image.name == name) else {
            missing.images.push((name, labs));
            continue;
        };
        let fresh = image::export(&image, &dir.join("imagenes").join(&name))?;
        tell(format!("imagenes/{name}{}", if fresh { "" } else { ", que ya estaba" }));
    }
    statements(dir)?;
    tell("enunciados".into());
    if let Some(book) = book {
        copy_tree(book, &dir.join("libro"))?;
        tell("libro".into());
    }
    write(&dir.join("instala"), texts::one("instala.sh").as_bytes(), 0o755)?;
    write(&dir.join("LEEME.txt"), README.as_bytes(), 0o644)?;
    write(&dir.join(SUMS), sums(dir)?.as_bytes(), 0o644)?;
    tell(format!("instala, LEEME.txt y {SUMS}"));
    Ok(missing)
}

/// La carpeta es nueva, está vacía o es un kit: si no, no se toca.
fn claim(dir: &Path) -> Result<(), Error> {
    let shown = dir.display();
    if dir.exists() && !dir.is_dir() {
        return Err(Error::usage(format!("{shown} no es un directorio")));
    }
    let names = crate::state::names_in(dir);
    if !names.is_empty() && !names.iter().any(|name| name == MARK) {
        return Err(Error::usage(format!("{shown} no está vacío y no es un kit: no se toca"))
            .with_hint(format!("di una carpeta nueva: sudo micropod lab prepara {shown}/kit")));
    }
    fs::create_dir_all(dir).map_err(|e| io_problem(&format!("no se pudo crear {shown}"), e))?;
    write(&dir.join(MARK), format!("{}\n", env!("CARGO_PKG_VERSION")).as_bytes(), 0o644)
}

/// Las imágenes que piden los laboratorios, y cuáles las piden.
fn wanted() -> Vec<(String, Vec<String>)> {
    let labs = catalog::all();
    let images: BTreeSet<String> = labs.iter().flat_map(|lab| lab.blank_sheet().needs.images).collect();
    let asks = |image: &String| {
        let asking = labs.iter().filter(|lab| lab.blank_sheet().needs.images.contains(image));
        asking.map(catalog::Lab::code).collect()
    };
    images.iter().map(|image| (image.clone(), asks(image))).collect()
}

/// Los enunciados, para imprimir si solo funciona un ordenador.
fn statements(dir: &Path) -> Result<(), Error> {
    for lab in catalog::all() {
        let values = Values::of(NOBODY, &lab.name, "", &lab.blank_sheet().values);
        let path = dir.join("enunciados").join(format!("{}.md", lab.name));
        write(&path, lab.statement(&values).as_bytes(), 0o644)?;
    }
    Ok(())
}

fn cannot(path: &Path, e: io::Error) -> Error {
    let error = io_problem(&format!("no se pudo escribir {}", path.display()), e);
    error.with_hint("cuando lo arregles, repite la misma orden: sigue por donde iba")
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(cannot(path, e)),
        _ => Ok(()),
    }
}

/// Escribe un fichero de una vez: o está entero, o no está.
fn place(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Error> {
    let above = path.parent().unwrap_or(path);
    let unfinished = above.join(".parte");
    let done = fs::create_dir_all(above).and_then(|()| {
        let mut file = File::create(&unfinished)?;
        fill(&mut file)?;
        // en FAT no hay permisos, y no hacen falta
        let _ = file.set_permissions(fs::Permissions::from_mode(mode));
        file.sync_all()?;
        fs::rename(&unfinished, path)
    });
    done.map_err(|e| {
        // que no ocupe sitio: ya se dice que ha fallado
        let _ = fs::remove_file(&unfinished);
        cannot(path, e)
    })
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    place(path, mode, |file| io::Write::write_all(file, bytes))
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    let size = |path: &Path| fs::metadata(path).map(|about| about.len()).ok();
    // el tamaño primero: leer dos veces un fichero grande de una memoria USB tarda
    if size(from) == size(to) && digest(from).ok() == digest(to).ok() {
        return Ok(());
    }
    place(to, mode, |file| io::copy(&mut File::open(from)?, file).map(drop))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Error> {
    for name in crate::state::names_in(from) {
        let (source, target) = (from.join(&name), to.join(&name));
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            copy(&source, &target, 0o644)?;
        }
    }
    Ok(())
}

fn digest(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    io::copy(&mut File::open(path)?, &mut digest)?;
    Ok(format!("{:x}", digest.finalize()))
}

/// Una línea por fichero, como las de `sha256sum`.
fn sums(dir: &Path) -> Result<String, Error> {
    let mut lines = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(inner) = pending.pop() {
        for name in crate::state::names_in(&dir.join(&inner)) {
            let path = inner.join(&name);
            if dir.join(&path).is_dir() {
                pending.push(path);
            } else if path != Path::new(MARK) && path != Path::new(SUMS) {
                let sum = digest(&dir.join(&path)).map_err(|e| cannot(&dir.join(&path), e))?;
                lines.push(format!("{sum}  {}\n", path.display()));
            }
        }
    }
    lines.sort();
    Ok(lines.concat())
}
