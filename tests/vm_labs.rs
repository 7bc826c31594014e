//! Los laboratorios que piden límites, con cgroup v2 de verdad: la solución, la otra, lo de partida, nada y
//! una muestra fija de las respuestas malas: en la VM cada corrección tarda (`make labs` las prueba todas donde
//! haya cgroup v2).

mod common;
#[path = "labs/en_mundo.rs"]
mod en_mundo;
mod labs;

use common::{World, in_vm};
use en_mundo::grade;
use labs::{Case, Files};
use micropod::lab::catalog;

/// De cada tantas respuestas malas se prueba una.
const ONE_IN: usize = 9;

fn cases() -> Vec<Case> {
    let limited = |lab: &catalog::Lab| {
        let needs = lab.blank_sheet().needs;
        !needs.controllers.is_empty() && !needs.rustc && needs.images.iter().all(|image| image == "busybox")
    };
    let cases = catalog::all().into_iter().filter(limited);
    let cases: Vec<Case> = cases.map(|lab| Case::open(common::project(), lab)).collect();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn con_limites_de_verdad_las_soluciones_valen_diez_y_lo_de_partida_poco() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    for case in cases() {
        let name = &case.lab.name;
        for answer in ["solucion", "otra-solucion"] {
            let report = grade(&world, &case, &case.answer(answer));
            assert_eq!(report.points(), 10.0, "{name}, {answer}:\n{}", report.story());
        }
        let empty = grade(&world, &case, &Files::new());
        assert_eq!(empty.points(), 0.0, "{name}, nada:\n{}", empty.story());
        let start = grade(&world, &case, &case.start());
        let wanted = &case.proofs.inicio;
        let blamed = start.blames(&wanted.falla, wanted.concepto.as_deref());
        assert!(blamed && start.points() <= wanted.como_mucho, "{name}, lo de partida:\n{}", start.story());
    }
}

#[test]
fn con_limites_de_verdad_las_respuestas_malas_se_rechazan_con_su_diagnostico() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    for case in cases() {
        let mut missed = Vec::new();
        let sample: Vec<_> = case.proofs.malas.iter().step_by(ONE_IN).collect();
        for wrong in &sample {
            let report = grade(&world, &case, &case.wrong(wrong));
            if report.points() == 10.0 || !report.blames(&wrong.falla, Some(&wrong.concepto)) {
                missed.push(format!("«{}»:\n{}", wrong.nombre, report.story()));
            }
        }
        assert!(missed.is_empty(), "{}: {}", case.lab.name, missed.join("\n"));
        let all = case.proofs.malas.len();
        eprintln!("{}: {} respuestas malas rechazadas, de {all}", case.lab.name, sample.len());
    }
}
