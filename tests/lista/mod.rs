//! Una lista de frases en un fichero de texto, `IDENTIFICADOR | frase | prueba`, y los tests que existen
//! para sostenerlas.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Line {
    pub id: String,
    pub text: String,
    pub proof: String,
}

pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lo que hay en `tests/{file}`, sin comentarios ni líneas vacías.
pub fn read(file: &str) -> Vec<Line> {
    let text = fs::read_to_string(project().join("tests").join(file)).unwrap();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let one = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [id, text, proof] = parts[..] else { panic!("mal escrita: {line}") };
        Line { id: id.into(), text: text.into(), proof: proof.into() }
    };
    lines.map(one).collect()
}

pub fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|e| e.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|p| p.is_dir());
    let files = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    files.chain(dirs.iter().flat_map(|d| rust_files(d))).collect()
}

/// Los tests de un fichero que se ejecutan: los que van tras `#[test]` y no están apartados.
pub fn tests_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let block = |block: &str| {
        let (before, after) = block.split_once("fn ")?;
        let name = after.split('(').next()?.to_string();
        (!before.contains("#[ignore")).then_some(name)
    };
    text.split("#[test]").skip(1).filter_map(block).collect()
}

/// Los tests de dentro de `src/`, que en las listas son de `lib`.
pub struct Tests {
    in_source: BTreeSet<String>,
}

impl Tests {
    pub fn new() -> Tests {
        Tests { in_source: rust_files(&project().join("src")).iter().flat_map(|f| tests_in(f)).collect() }
    }

    /// ¿Existe «fichero::test», y se ejecuta?
    pub fn has(&self, proof: &str) -> bool {
        match proof.split_once("::") {
            Some(("lib", test)) => self.in_source.contains(test),
            Some((file, test)) => tests_in(&project().join(format!("tests/{file}.rs"))).contains(test),
            None => false,
        }
    }
}
