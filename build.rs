//! Guarda dentro del binario, comprimidos, los laboratorios (en clase no hay internet), los demás textos que
//! casi nunca hacen falta y el autocompletado de las shells.
//!
//! De los laboratorios van el enunciado, los ficheros de partida y los criterios. Las soluciones y las respuestas malas se
//! quedan en el repositorio: son para probar al corrector, y un binario se puede abrir.

/// La línea de comandos, y lo que necesita de lo demás.
#[path = "src/cli"]
#[allow(dead_code)]
mod cli {
    pub mod args;
}
#[path = "src/spec"]
mod spec {
    pub mod choices;
}
#[path = "tools/completado.rs"]
mod completado;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// De cada laboratorio, lo que se guarda.
const PARTS: [&str; 5] = ["lab.ron", "enunciado.md", "porque.md", "inicio", "corrector"];

/// Lo demás que se guarda, y con qué nombre.
const ALONE: [(&str, &str); 9] = [
    ("book/src/SUMMARY.md", "SUMMARY.md"),
    ("src/spec/codes.ron", "codes.ron"),
    ("src/spec/kubernetes_fields.txt", "kubernetes_fields.txt"),
    ("src/spec/reasons.txt", "reasons.txt"),
    ("src/explain/why/causes.txt", "causes.txt"),
    ("src/lab/instala.sh", "instala.sh"),
    ("images/busybox.ron", "busybox.ron"),
    ("images/nginx.ron", "nginx.ron"),
    ("images/php-fpm.ron", "php-fpm.ron"),
];

fn main() {
    let code = ["src/cli/args.rs", "src/cli/args", "src/spec/choices.rs", "tools/completado.rs"];
    for path in ALONE.map(|(path, _)| path).into_iter().chain(code).chain(["labs", "src/spec"]) {
        println!("cargo:rerun-if-changed={path}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo dice dónde")).join("textos.z");
    let mut texts = Vec::new();
    for lab in sorted(Path::new("labs")) {
        let name = lab.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            for part in PARTS.map(|part| lab.join(part)) {
                add(&mut texts, &part, &Path::new(&name).join(part.file_name().unwrap()));
            }
        }
    }
    for (path, name) in ALONE {
        add(&mut texts, Path::new(path), Path::new(name));
    }
    write!(texts, "documentacion\0{}\0", documentation()).unwrap();
    for (shell, script) in completado::scripts() {
        let script = if shell == clap_complete::Shell::Bash { bare(&script) } else { script };
        write!(texts, "completado/{shell}\0{script}\0").unwrap();
    }
    // tarda más que los demás en comprimir, y ocupa menos; lo lee cualquiera que sepa de deflate
    let (options, out) = (zopfli::Options::default(), File::create(out).unwrap());
    zopfli::compress(options, zopfli::Format::Deflate, &texts[..], out).unwrap();
}

/// Lo que dicen los tipos de `object!` y sus campos en sus comentarios (`micropod explain`): en cada línea, el tipo,
/// el campo y lo que dice.
fn documentation() -> String {
    let mut all = String::new();
    for file in sorted(Path::new("src/spec")).into_iter().filter(|file| file.is_file()) {
        let text = fs::read_to_string(file).unwrap();
        let blocks = text.split("\nobject! {\n").skip(1).map(|rest| rest.split("\n}").next().unwrap_or(""));
        for block in blocks {
            let (mut owner, mut doc) = ("", Vec::new());
            for line in block.lines().map(str::trim).filter(|line| !line.starts_with("#[")) {
                match (line.strip_prefix("///"), line.strip_prefix("pub struct "), line.split_once(": ")) {
                    (Some(said), ..) => {
                        doc.push(said.trim());
                        continue;
                    }
                    (_, Some(name), _) => {
                        owner = name.trim_end_matches(" {");
                        all += &format!("{owner}\t\t{}\n", doc.join(" "));
                    }
                    (.., Some((field, _))) => all += &format!("{owner}\t{field}\t{}\n", doc.join(" ")),
                    _ => {}
                }
                doc.clear();
            }
        }
    }
    all
}

/// Añade un fichero, o un directorio con cuanto tiene; lo que no está no se añade. De cada fichero, su nombre
/// y su texto, y un cero tras cada uno: un tar, con sus cabeceras, son 6 kB más.
fn add(texts: &mut Vec<u8>, from: &Path, name: &Path) {
    if from.is_dir() {
        for inner in sorted(from) {
            add(texts, &inner, &name.join(inner.file_name().unwrap()));
        }
    } else if from.is_file() {
        let mut text = fs::read_to_string(from).unwrap();
        assert!(!text.contains('\0'), "{} no es un fichero de texto", from.display());
        if name.ends_with("lab.ron") {
            text = bare(&text);
        } else if name.ends_with("SUMMARY.md") {
            text = titles(&text);
        }
        write!(texts, "{}\0{text}\0", name.display()).unwrap();
    }
}

/// Del índice del libro, los títulos de los capítulos: cada uno, en la línea de su número.
fn titles(summary: &str) -> String {
    let chapters = summary.lines().filter_map(|line| line.strip_prefix("- [")?.split_once(']'));
    chapters.map(|(title, _)| format!("\n{title}")).collect()
}

/// Sin sangría ni comentarios: quien lo lee es un programa, y son 2 kB.
fn bare(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn sorted(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}
