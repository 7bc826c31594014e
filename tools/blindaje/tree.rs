//! Una copia del proyecto en la caché, para estropearla sin tocar el de verdad.

use super::blindaje::lista::project;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lo que hace falta para compilar y para que corran los tests.
const PARTS: [&str; 13] = [
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "README.md",
    "src",
    "tests",
    "tools",
    "labs",
    "examples",
    "images",
    "book",
];

pub struct Tree {
    pub dir: PathBuf,
    /// Lo compilado: se comparte entre sabotajes, y cada uno solo compila lo suyo.
    pub target: PathBuf,
    /// Lo que ya se sabe.
    pub done: PathBuf,
}

impl Tree {
    /// La copia, igual que el proyecto. Lo que no ha cambiado no se vuelve a escribir: así no se compila.
    pub fn new() -> Tree {
        let home = || Path::new(&std::env::var_os("HOME").expect("HOME")).join(".cache");
        let cache =
            std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("micropod/rompe");
        let tree =
            Tree { dir: cache.join("copia"), target: cache.join("target"), done: cache.join("hechos") };
        fs::create_dir_all(&tree.dir).expect("se puede escribir en la caché");
        for part in PARTS {
            same(&project().join(part), &tree.dir.join(part));
        }
        tree
    }

    /// Vuelve a dejar un fichero como el del proyecto.
    pub fn restore(&self, file: &str) {
        same(&project().join(file), &self.dir.join(file));
    }
}

/// Deja `to` igual que `from`.
fn same(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("se puede escribir en la caché");
        let names = |dir: &Path| -> BTreeSet<_> {
            fs::read_dir(dir).expect("se puede leer").flatten().map(|e| e.file_name()).collect()
        };
        let wanted = names(from);
        for extra in names(to).difference(&wanted) {
            let extra = to.join(extra);
            let gone = if extra.is_dir() { fs::remove_dir_all(&extra) } else { fs::remove_file(&extra) };
            gone.expect("se puede borrar de la caché");
        }
        for name in wanted {
            same(&from.join(&name), &to.join(&name));
        }
    } else if from.is_file() {
        let content = fs::read(from).expect("se puede leer");
        if fs::read(to).ok().as_ref() != Some(&content) {
            fs::write(to, content).expect("se puede escribir en la caché");
        }
        let mode = fs::metadata(from).expect("se acaba de leer").permissions();
        fs::set_permissions(to, mode).expect("es nuestro");
    }
}
