//! Guarda los laboratorios dentro del binario, comprimidos: en clase no hay internet.
//!
//! Van el enunciado, los ficheros de partida y los criterios. Las soluciones y las respuestas malas se
//! quedan en el repositorio: son para probar al corrector, y un binario se puede abrir.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// De cada laboratorio, lo que se guarda.
const PARTS: [&str; 5] = ["lab.ron", "enunciado.md", "porque.md", "inicio", "corrector"];

fn main() {
    println!("cargo:rerun-if-changed=labs");
    println!("cargo:rerun-if-changed=book/src/SUMMARY.md");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo dice dónde")).join("labs.tar.gz");
    let zip = flate2::write::DeflateEncoder::new(File::create(out).unwrap(), flate2::Compression::best());
    let mut tar = tar::Builder::new(zip);
    // el mismo contenido da siempre los mismos bytes
    tar.mode(tar::HeaderMode::Deterministic);
    for lab in sorted(Path::new("labs")) {
        let name = lab.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            for part in PARTS.map(|part| lab.join(part)) {
                add(&mut tar, &part, &Path::new(&name).join(part.file_name().unwrap()));
            }
        }
    }
    add(&mut tar, Path::new("book/src/SUMMARY.md"), Path::new("SUMMARY.md"));
    tar.into_inner().unwrap().finish().unwrap();
}

/// Añade un fichero, o un directorio con cuanto tiene; lo que no está no se añade.
fn add<W: std::io::Write>(tar: &mut tar::Builder<W>, from: &Path, name: &Path) {
    if from.is_dir() {
        for inner in sorted(from) {
            add(tar, &inner, &name.join(inner.file_name().unwrap()));
        }
    } else if from.is_file() {
        tar.append_path_with_name(from, name).unwrap();
    }
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}
