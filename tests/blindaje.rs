//! Los sabotajes se pueden hacer todavía, y lo medido se entiende. Quien los hace y mide es `tools/blindaje`.

#[path = "blindaje/mod.rs"]
mod blindaje;

use blindaje::{figures, lista, sabotages};
use std::collections::BTreeSet;

#[test]
fn cada_sabotaje_se_puede_hacer_y_lo_ve_una_prueba_que_existe() {
    let tests = lista::Tests::new();
    let (all, _) = sabotages::read();
    let mut seen = BTreeSet::new();
    for sabotage in &all {
        let id = &sabotage.id;
        assert!(seen.insert(id), "{id} está dos veces");
        assert!(sabotage.why.len() > 10, "{id} no dice qué se rompe");
        assert!(sabotage.file.starts_with("src/"), "{id} no estropea el programa");
        assert_ne!(sabotage.old, sabotage.new, "{id} no cambia nada");
        assert!(tests.has(&sabotage.test), "{id}: no existe {}", sabotage.test);
        if let Err(problem) = sabotage.apply() {
            panic!("{problem}");
        }
    }
}

#[test]
fn cada_promesa_probada_tiene_su_sabotaje_o_dice_por_que_no() {
    let (all, unbroken) = sabotages::read();
    let broken: BTreeSet<&str> = all.iter().map(|s| sabotages::promise_of(&s.id)).collect();
    let excused: BTreeSet<&str> = unbroken.iter().map(|u| u.id.as_str()).collect();
    for one in &unbroken {
        assert!(one.why.len() > 20, "{}: sin una razón no basta", one.id);
        assert!(!broken.contains(one.id.as_str()), "{} tiene un sabotaje y una excusa", one.id);
    }
    for id in sabotages::proofs().keys() {
        assert!(broken.contains(id.as_str()) || excused.contains(id.as_str()), "{id} no tiene sabotaje");
    }
}

#[test]
fn lo_medido_se_entiende_y_dice_cuando_y_donde() {
    let figures = figures::read();
    for (what, figure) in &figures {
        assert!(figures::group_of(what).is_some(), "no se sabe qué es «{what}»");
        assert!(figure.count > 0, "{what}: ninguna vez");
        let date: Vec<&str> = figure.date.split('-').collect();
        assert!(date.len() == 3 && figure.machine.contains("Linux "), "{what}: {figure:?}");
    }
    let page = figures::page(&figures);
    let (total, proven, without) = figures::promises();
    assert!(page.contains(&format!("| {proven} de {total} |")), "{page}");
    assert!(without.iter().all(|(id, why)| page.contains(&format!("- {id}: {why}."))), "{page}");
}

#[test]
fn una_cifra_mala_no_se_pierde_al_sumar() {
    let figure = |count, bad| figures::Figure { count, bad, date: "d".into(), machine: "m".into() };
    let all = [("averias gc".into(), figure(12_345, 0)), ("averias exec".into(), figure(5, 2))].into();
    let page = figures::page(&all);
    assert!(page.contains("| 12.350 | 2 que cuelgan"), "{page}");
    assert!(page.contains("| … exec | 5 | 2 |") && page.contains("- averias: d, m."), "{page}");
    assert!(page.contains("| Entradas hostiles | sin medir | |"), "{page}");
}

#[test]
fn lo_que_apuntan_los_tests_se_entiende() {
    let noted = figures::noted("8 0 averias gc\n1000 2 muertes\n");
    assert_eq!(noted, [("averias gc".into(), 8, 0), ("muertes".into(), 1000, 2)]);
    assert!(std::panic::catch_unwind(|| figures::noted("muertes 1000")).is_err());
}
