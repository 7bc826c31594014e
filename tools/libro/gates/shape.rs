//! La forma fija de un capítulo, lo que falta por escribir y las especificaciones.

use crate::book::Book;
use crate::fault::{Fault, Report};
use crate::page::Page;
use std::fs;

/// Los apartados de un capítulo, en su orden.
pub const SECTIONS: &[&str] = &[
    "Antes de mirar",
    "La idea",
    "Rómpelo",
    "El código",
    "En Kubernetes se llama…",
    "Lo que la fuente simplifica",
    "Comprueba que lo has entendido",
    "Laboratorio",
    "Nota de diseño",
];

const QUESTIONS: usize = 3;

/// Cada capítulo tiene su cabecera, sus apartados, sus tres preguntas con respuesta y lo del profesorado.
pub fn chapters(book: &Book) -> Report {
    let mut report = Report { name: "forma de los capítulos", ..Report::default() };
    let mut count = 0;
    for page in book.chapters() {
        count += 1;
        let chapter = page.front.chapter.unwrap_or_default();
        let mut fault = |line, text: String| report.faults.push(page.fault(line, text));
        if page.front.minutes == 0 {
            fault(1, "la cabecera no dice los `minutos`".into());
        }
        if page.front.objective.is_empty() {
            fault(1, "la cabecera no dice el `objetivo`".into());
        }
        if let Some(entry) = book.entries.iter().find(|e| e.path == page.path) {
            // el capítulo 0 va antes de la primera parte, sin número
            if entry.number != chapter {
                fault(1, format!("dice ser el capítulo {chapter} y en el índice es el {}", entry.number));
            }
        }
        // el capítulo 0 prepara la máquina: no explica ningún concepto
        if chapter > 0 {
            sections(page, &mut fault);
        }
    }
    for chapter in micropod::chapters::CHAPTERS {
        let wanted = u32::from(chapter.number);
        let entry = book.entries.iter().find(|e| e.number == wanted && e.depth == 1);
        if book.root.join("src/chapters.rs").exists()
            && !entry.is_some_and(|e| e.title.starts_with(chapter.title))
        {
            let text = format!(
                "llama «{}» al capítulo {wanted}, y el índice, «{}»",
                chapter.title,
                entry.map_or("nada", |e| &e.title)
            );
            report.faults.push(Fault::new("src/chapters.rs", 0, text));
        }
    }
    report.summary = format!("{count} capítulos");
    report
}

fn sections(page: &Page, fault: &mut impl FnMut(usize, String)) {
    let mut last = 0;
    for section in SECTIONS {
        match page.headings().find(|(_, level, text)| *level == 2 && text == section) {
            None => fault(1, format!("falta el apartado «## {section}»")),
            Some((n, ..)) if n < last => fault(n, format!("«{section}» está fuera de su sitio")),
            Some((n, ..)) => last = n,
        }
    }
    let first = page.blocks.first();
    let before = page.headings().find(|(_, level, _)| *level == 2).map_or(0, |(n, ..)| n);
    if first.is_none_or(|b| b.line >= before) {
        fault(
            1,
            "no empieza por una escena que se ejecuta: el primer bloque va antes del primer apartado".into(),
        );
    }
    let questions = page.outside_blocks().filter(|(_, l)| l.trim() == "<summary>Respuesta</summary>").count();
    if questions != QUESTIONS {
        fault(
            1,
            format!(
                "tiene {questions} preguntas con «<summary>Respuesta</summary>», y han de ser {QUESTIONS}"
            ),
        );
    }
    if !page.outside_blocks().any(|(_, l)| l.trim() == "<summary>Para el profesorado</summary>") {
        fault(1, "falta «<summary>Para el profesorado</summary>»".into());
    }
}

/// Los borradores del índice son exactamente los de `book/pendiente.ron`.
pub fn pending(book: &Book) -> Report {
    let mut report = Report { name: "por escribir", ..Report::default() };
    let drafts: Vec<_> = book.entries.iter().filter(|e| e.path.is_empty()).collect();
    for draft in &drafts {
        if !book.pending.capitulos.iter().any(|(_, title, _)| *title == draft.title) {
            let text = format!("«{}» no tiene página ni está en book/pendiente.ron", draft.title);
            report.faults.push(Fault::new("book/src/SUMMARY.md", draft.line, text));
        }
    }
    for (_, title, _) in &book.pending.capitulos {
        if !drafts.iter().any(|d| d.title == *title) {
            let text = format!("«{title}» ya no es un borrador: quítalo de la lista");
            report.faults.push(Fault::new("book/pendiente.ron", 0, text));
        }
    }
    report.summary =
        format!("{} capítulos y {} laboratorios por escribir", drafts.len(), book.pending.laboratorios.len());
    report
}

/// Cada fichero de `book/specs/` lo declara un capítulo, y lo declarado existe.
pub fn specs(book: &Book) -> Report {
    let mut report = Report { name: "especificaciones declaradas", ..Report::default() };
    let mut declared = Vec::new();
    for page in &book.pages {
        for (name, expected, line) in &page.front.specs {
            let path = Book::spec_path(name);
            if !book.root.join(&path).is_file() {
                report.faults.push(page.fault(*line, format!("no existe `{path}`")));
            }
            if let Err(problem) = crate::specs::Expected::read(expected) {
                report.faults.push(page.fault(*line, problem));
            }
            let shown = page.lines.iter().any(|l| crate::include::request(l) == Some((&path, None)));
            if !shown {
                report.faults.push(page.fault(*line, format!("`{path}` se declara y no se enseña entero")));
            }
            declared.push(path);
        }
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(book.root.join("book/specs")).into_iter().flatten().flatten() {
        files.push(format!("book/specs/{}", entry.file_name().to_string_lossy()));
    }
    files.sort();
    for file in files.iter().filter(|f| f.ends_with(".ron") && !declared.contains(f)) {
        let text = "ningún capítulo la declara en `specs:`".to_string();
        report.faults.push(Fault::new(file.as_str(), 0, text));
    }
    report.summary = format!("{} especificaciones", declared.len());
    report
}
