//! Cada promesa de `promesas.txt` tiene una prueba que existe, o una razón para no tenerla.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Los identificadores que no pueden faltar: quitar una promesa de la lista es romperla en silencio.
const ALL: &str = "A1 A2 A3 A4 A5 A6 A8 A9 A10 A11 A12 B1 B2 B4 B5 B6 B7 \
    C1 C2 C3 C4 C7 C8 C9 C11 C12 C13 C15 C16 C17 C18 C19 C21 D1 D2 D3 D4 D5 D6 D7 D8 D10 D11 D13 \
    E1 E2 E3 E4 E5 E6 E8 E9 E10 E11 F1 F2 F3 F4 F5 F7 F8 F9 F10 F11 F12 F14 F16 \
    G1 G2 G3 G4 G5 G6 G8 G9 G10 G11 G13 G14 H1 H2 H3 H5 H6 H7 H8 H9 H10 H11 H12 H14 H15 H16 H17 H18 H19 \
    I1 I2 I4 I6 I7 I8 J1 J2 J3 J4 J6 J7 J8 K1 K2 K4 K5";

struct Promise {
    id: String,
    proof: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn promises() -> Vec<Promise> {
    let text = fs::read_to_string(project().join("tests/promesas.txt")).unwrap();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let one = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [id, promise, proof] = parts[..] else { panic!("mal escrita: {line}") };
        assert!(promise.len() > 10, "no dice qué promete: {line}");
        Promise { id: id.into(), proof: proof.into() }
    };
    lines.map(one).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|e| e.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|p| p.is_dir());
    let files = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    files.chain(dirs.iter().flat_map(|d| rust_files(d))).collect()
}

/// Los tests de un fichero: las funciones que van tras `#[test]` y no están apartadas.
fn tests_in(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for block in text.split("#[test]").skip(1) {
        let before = block.split("fn ").next().unwrap_or_default();
        let name = block.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
        if let Some(name) = name.filter(|_| !before.contains("#[ignore")) {
            found.push(name.to_string());
        }
    }
    found
}

#[test]
fn no_falta_ni_sobra_ninguna_promesa() {
    let expected: BTreeSet<String> = ALL.split_whitespace().map(String::from).collect();
    let mut seen = BTreeSet::new();
    for promise in promises() {
        assert!(seen.insert(promise.id.clone()), "{} está dos veces", promise.id);
    }
    assert_eq!(seen, expected);
}

#[test]
fn cada_prueba_existe_y_se_ejecuta() {
    let in_source: BTreeSet<String> =
        rust_files(&project().join("src")).iter().flat_map(|f| tests_in(f)).collect();
    let mut proven = 0;
    for Promise { id, proof } in promises() {
        if let Some(reason) = proof.strip_prefix("no: ") {
            assert!(reason.len() > 8, "{id}: sin una razón no basta");
            continue;
        }
        let (file, test) = proof.split_once("::").unwrap_or_else(|| panic!("{id}: «{proof}»"));
        let exists = match file {
            "lib" => in_source.contains(test),
            file => tests_in(&project().join("tests").join(format!("{file}.rs"))).iter().any(|t| t == test),
        };
        assert!(exists, "{id}: no existe el test {proof}");
        proven += 1;
    }
    eprintln!("promesas: {proven} probadas de {}", promises().len());
}

#[test]
fn cada_test_con_identificador_esta_en_la_lista() {
    let proofs: BTreeMap<String, String> = promises().into_iter().map(|p| (p.id, p.proof)).collect();
    for file in rust_files(&project().join("tests")) {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains("promesas_") {
            continue;
        }
        for test in tests_in(&file) {
            // a1_…, e4_e6_…: los identificadores van delante
            let ids = test.split('_').map(str::to_uppercase).take_while(|word| proofs.contains_key(word));
            for id in ids {
                assert!(!proofs[&id].starts_with("no: "), "{id} ya tiene prueba: {name}::{test}");
            }
        }
    }
}
