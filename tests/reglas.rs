//! Cada regla de `reglas.txt` tiene una prueba que existe y se ejecuta, o dice por qué no.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Cuántas reglas hay de cada parte: quitar una de la lista es romperla en silencio.
const PARTS: &[(&str, usize)] = &[
    ("PH", 10),
    ("CO", 5),
    ("ST", 14),
    ("RP", 9),
    ("BO", 4),
    ("IN", 10),
    ("PR", 17),
    ("HK", 8),
    ("TE", 8),
    ("VO", 11),
    ("NE", 12),
    ("RE", 12),
    ("CS", 10),
    ("SC", 9),
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Identificador y prueba de cada regla.
fn rules() -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join("tests/reglas.txt")).unwrap();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let one = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [id, rule, proof] = parts[..] else { panic!("mal escrita: {line}") };
        assert!(rule.len() > 6, "no dice qué regla es: {line}");
        (id.to_string(), proof.to_string())
    };
    lines.map(one).collect()
}

/// Los tests de un fichero que se ejecutan: los que van tras `#[test]` y no están apartados.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let block = |block: &str| {
        let (before, after) = block.split_once("fn ")?;
        let name = after.split('(').next()?.to_string();
        (!before.contains("#[ignore")).then_some(name)
    };
    text.split("#[test]").skip(1).filter_map(block).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().flatten().map(|e| e.path()) {
        match path.is_dir() {
            true => found.extend(rust_files(&path)),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

#[test]
fn no_falta_ni_se_repite_ninguna_regla() {
    let all = rules();
    let ids: BTreeSet<&String> = all.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), all.len(), "alguna está dos veces");
    for (part, count) in PARTS {
        let of = |id: &&&String| id.trim_end_matches(|c: char| c.is_ascii_digit()) == *part;
        assert_eq!(ids.iter().filter(of).count(), *count, "{part}");
    }
    assert_eq!(PARTS.iter().map(|(_, count)| count).sum::<usize>(), all.len(), "y ninguna de otra parte");
}

#[test]
fn la_prueba_de_cada_regla_existe_y_se_ejecuta() {
    let in_source: BTreeSet<String> =
        rust_files(&project().join("src")).iter().flat_map(|file| tests_in(file)).collect();
    let mut wrong = Vec::new();
    for (id, proof) in rules() {
        if let Some(reason) = proof.strip_prefix("no: ").or(proof.strip_prefix("distinto: ")) {
            assert!(reason.len() > 20, "{id}: sin una razón no basta");
            continue;
        }
        for one in proof.split(", ") {
            let exists = match one.split_once("::") {
                Some(("lib", test)) => in_source.contains(test),
                Some((file, test)) => tests_in(&project().join(format!("tests/{file}.rs"))).contains(test),
                None => false,
            };
            if !exists {
                wrong.push(format!("{id}: no existe «{one}»"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
