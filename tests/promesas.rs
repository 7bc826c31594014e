//! Cada promesa de `promesas.txt` tiene una prueba que existe, o una razón para no tenerla.

mod lista;

use lista::{Line, Tests, project, rust_files, tests_in};
use std::collections::{BTreeMap, BTreeSet};

/// Los identificadores que no pueden faltar: quitar una promesa de la lista es romperla en silencio.
const ALL: &str = "A1 A2 A3 A4 A5 A6 A8 A9 A10 A11 A12 B1 B2 B4 B5 B6 B7 \
    C1 C2 C3 C4 C7 C8 C9 C11 C12 C13 C15 C16 C17 C18 C19 C21 D1 D2 D3 D4 D5 D6 D7 D8 D10 D11 D13 \
    E1 E2 E3 E4 E5 E6 E8 E9 E10 E11 F1 F2 F3 F4 F5 F7 F8 F9 F10 F11 F12 F14 F16 \
    G1 G2 G3 G4 G5 G6 G8 G9 G10 G11 G13 G14 H1 H2 H3 H5 H6 H7 H8 H9 H10 H11 H12 H14 H15 H16 H17 H18 H19 \
    I1 I2 I4 I6 I7 I8 J1 J2 J3 J4 J6 J7 J8 K1 K2 K4 K5";

fn promises() -> Vec<Line> {
    let all = lista::read("promesas.txt");
    for Line { id, text, .. } in &all {
        assert!(text.len() > 10, "no dice qué promete: {id}");
    }
    all
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
    let tests = Tests::new();
    let mut proven = 0;
    for Line { id, proof, .. } in promises() {
        if let Some(reason) = proof.strip_prefix("no: ") {
            assert!(reason.len() > 8, "{id}: sin una razón no basta");
            continue;
        }
        assert!(tests.has(&proof), "{id}: no existe el test {proof}");
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
