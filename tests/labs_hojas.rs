//! Las hojas de los laboratorios y sus pruebas, leídas: lo que no necesita levantar nada.

mod labs;

use labs::Case;
use micropod::lab::catalog;
use std::path::Path;

#[test]
fn cada_laboratorio_tiene_solucion_otra_distinta_y_al_menos_cinco_respuestas_malas() {
    for lab in catalog::all() {
        let case = Case::open(Path::new(env!("CARGO_MANIFEST_DIR")), lab);
        let name = &case.lab.name;
        assert_eq!(case.complaints(), Vec::<String>::new(), "{name}");
        let (one, other) = (case.answer("solucion"), case.answer("otra-solucion"));
        assert_ne!(one, other, "{name}");
        for text in one.values().chain(other.values()) {
            assert!(!text.contains("{{"), "{name}: {text}");
        }
        let solution = case.answer("solucion");
        for wrong in &case.proofs.malas {
            assert_ne!(case.wrong(wrong), solution, "{name}: «{}» no cambia nada", wrong.nombre);
        }
    }
}
