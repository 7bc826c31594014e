//! Cada regla de `reglas.txt` tiene una prueba que existe y se ejecuta, o dice por qué no.

mod lista;

use lista::{Line, Tests};
use std::collections::BTreeSet;

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
    ("CS", 11),
    ("SC", 9),
];

fn rules() -> Vec<Line> {
    let all = lista::read("reglas.txt");
    for Line { id, text, .. } in &all {
        assert!(text.len() > 6, "no dice qué regla es: {id}");
    }
    all
}

#[test]
fn no_falta_ni_se_repite_ninguna_regla() {
    let all = rules();
    let ids: BTreeSet<&String> = all.iter().map(|rule| &rule.id).collect();
    assert_eq!(ids.len(), all.len(), "alguna está dos veces");
    for (part, count) in PARTS {
        let of = |id: &&&String| id.trim_end_matches(|c: char| c.is_ascii_digit()) == *part;
        assert_eq!(ids.iter().filter(of).count(), *count, "{part}");
    }
    assert_eq!(PARTS.iter().map(|(_, count)| count).sum::<usize>(), all.len(), "y ninguna de otra parte");
}

#[test]
fn la_prueba_de_cada_regla_existe_y_se_ejecuta() {
    let tests = Tests::new();
    let mut wrong = Vec::new();
    for Line { id, proof, .. } in rules() {
        if let Some(reason) = proof.strip_prefix("no: ").or(proof.strip_prefix("distinto: ")) {
            assert!(reason.len() > 20, "{id}: sin una razón no basta");
            continue;
        }
        for one in proof.split(", ") {
            if !tests.has(one) {
                wrong.push(format!("{id}: no existe «{one}»"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
