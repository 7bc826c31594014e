//! Cada frase del texto fuente tiene capítulo, laboratorio y una especificación que se ejecuta.

use crate::book::Book;
use crate::fault::{Fault, Report};

/// Las frases del texto fuente, numeradas.
pub const SENTENCES: &[&str] = &[
    "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12", "S13a", "S13b", "S13c", "S14",
    "S15a", "S15b", "S15c", "S15d", "S16", "S17", "S18", "S19", "S20",
];

pub fn complete(book: &Book) -> Report {
    let mut report = Report { name: "mapa de la fuente", ..Report::default() };
    let mut fault = |text: String| report.faults.push(Fault::new("book/mapa-fuente.ron", 0, text));
    let mut waiting = 0;
    for id in SENTENCES {
        let Some(sentence) = book.source_map.iter().find(|s| s.frase == *id) else {
            fault(format!("falta {id}"));
            continue;
        };
        for (empty, what) in [
            (sentence.capitulos.is_empty(), "capítulo"),
            (sentence.laboratorios.is_empty(), "laboratorio"),
            (sentence.specs.is_empty(), "especificación"),
            (sentence.idea.is_empty(), "idea"),
        ] {
            if empty {
                fault(format!("{id} no tiene {what}"));
            }
        }
        let mut done = false;
        for number in &sentence.capitulos {
            if book.pending.capitulos.iter().any(|(n, ..)| n == number) {
                continue;
            }
            match book.chapters().find(|p| p.front.chapter == Some(*number)) {
                None => fault(format!("{id}: el capítulo {number} no existe")),
                Some(page) if !page.front.source.iter().any(|s| s == id) => {
                    fault(format!(
                        "{id}: {} no dice que la explique (`fuente:` de su cabecera)",
                        page.file()
                    ));
                }
                Some(_) => done = true,
            }
        }
        waiting += usize::from(!done);
        for lab in &sentence.laboratorios {
            if !has_lab(book, lab) && !book.pending.laboratorios.contains(lab) {
                fault(format!("{id}: no existe el laboratorio {lab}"));
            }
        }
        let declared =
            |name: &String| book.pages.iter().any(|p| p.front.specs.iter().any(|(n, ..)| n == name));
        // mientras sus capítulos son borradores, sus especificaciones aún no están
        if done && !sentence.specs.iter().any(declared) {
            fault(format!("{id}: ningún capítulo ejecuta {}", sentence.specs.join(" ni ")));
        }
    }
    for page in book.pages.iter() {
        let exists = |lab: &String| has_lab(book, lab) || book.pending.laboratorios.contains(lab);
        for lab in page.front.labs.iter().filter(|lab| !exists(lab)) {
            report.faults.push(page.fault(1, format!("no existe el laboratorio {lab}")));
        }
        for id in &page.front.source {
            let number = page.front.chapter.unwrap_or_default();
            if !book.source_map.iter().any(|s| s.frase == *id && s.capitulos.contains(&number)) {
                report.faults.push(page.fault(1, format!("dice explicar {id}, y el mapa no lo sabe")));
            }
        }
    }
    for lab in book.pending.laboratorios.iter().filter(|lab| has_lab(book, lab)) {
        let text = format!("el laboratorio {lab} ya existe: quítalo de la lista");
        report.faults.push(Fault::new("book/pendiente.ron", 0, text));
    }
    report.summary = format!("{} frases; {waiting} esperan a su capítulo", SENTENCES.len());
    report
}

/// Un laboratorio `L05` es un directorio `labs/05-…`.
fn has_lab(book: &Book, lab: &str) -> bool {
    let prefix = format!("{}-", lab.trim_start_matches('L'));
    std::fs::read_dir(book.root.join("labs"))
        .into_iter()
        .flatten()
        .flatten()
        .any(|e| e.file_name().to_string_lossy().starts_with(&prefix))
}
