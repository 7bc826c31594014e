//! El código que se enseña: sale de ficheros, y lo que no, dice por qué.

use crate::book::Book;
use crate::fault::{Fault, Report};
use crate::include;

/// Cada `#include` nombra un fichero y un ancla que existen y que no están vacíos.
pub fn includes(book: &Book) -> Report {
    let mut report = Report { name: "includes", ..Report::default() };
    let mut count = 0;
    for page in &book.pages {
        for (i, line) in page.lines.iter().enumerate() {
            let Some((path, anchor)) = include::request(line) else {
                if line.contains("{{#") {
                    report
                        .faults
                        .push(page.fault(i + 1, "un include va solo en su línea: {{#include ruta:ancla}}"));
                }
                continue;
            };
            count += 1;
            if path.starts_with("src/") && anchor.is_none() {
                let text = format!("`{path}` se incluye por anclas, no entero ni por números de línea");
                report.faults.push(page.fault(i + 1, text));
            }
            if let Err(problem) = include::piece(&book.root, path, anchor) {
                report.faults.push(page.fault(i + 1, problem));
            }
        }
    }
    report.summary = format!("{count} includes");
    report
}

/// Dónde está el dibujo de `{{figura nombre}}`.
pub fn figure_path(name: &str) -> String {
    format!("book/figuras/{}.svg", name.trim())
}

/// Cada figura existe, dice qué se ve en ella y toma los colores de la página.
pub fn drawings(book: &Book) -> Report {
    let mut report = Report { name: "figuras", ..Report::default() };
    let mut count = 0;
    for page in &book.pages {
        for (n, line) in page.outside_blocks() {
            let Some(name) = line.strip_prefix("{{figura ").and_then(|l| l.strip_suffix("}}")) else {
                continue;
            };
            count += 1;
            let path = figure_path(name);
            match book.file(&path) {
                None => report.faults.push(page.fault(n, format!("no existe `{path}`"))),
                Some(svg) if !svg.contains("<title") => {
                    report.faults.push(page.fault(n, format!("`{path}` no dice en <title> qué se ve")));
                }
                Some(svg) if !svg.contains("currentColor") && !svg.contains("var(--") => {
                    report.faults.push(page.fault(n, format!("`{path}` no usa los colores de la página")));
                }
                Some(_) => {}
            }
        }
    }
    report.summary = format!("{count} figuras");
    report
}

/// Las líneas que puede tener el programa de un capítulo de la segunda parte.
const STEP_LINES: usize = 60;

/// Cada programa de `examples/` cabe en una página y sale entero en el libro.
pub fn steps(book: &Book) -> Report {
    let mut report = Report { name: "programas de examples/", ..Report::default() };
    let mut names: Vec<String> = std::fs::read_dir(book.root.join("examples"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| format!("examples/{}", e.file_name().to_string_lossy()))
        .filter(|name| name.ends_with(".rs"))
        .collect();
    names.sort();
    for name in &names {
        let lines = book.file(name).unwrap_or_default().lines().count();
        if lines > STEP_LINES {
            let text = format!("tiene {lines} líneas, y el máximo es {STEP_LINES}");
            report.faults.push(Fault::new(name.as_str(), 0, text));
        }
        let wanted = Some((name.as_str(), None));
        if !book.pages.iter().flat_map(|p| &p.lines).any(|l| include::request(l) == wanted) {
            report.faults.push(Fault::new(name.as_str(), 0, "ninguna página lo enseña entero"));
        }
    }
    report.summary = format!("{} programas", names.len());
    report
}

/// Ningún bloque de Rust o de RON está escrito a mano, salvo que diga por qué.
pub fn handwritten(book: &Book) -> Report {
    let mut report = Report { name: "código escrito a mano", ..Report::default() };
    let mut reasons = Vec::new();
    for page in &book.pages {
        for block in page.blocks.iter().filter(|b| matches!(b.language.as_str(), "rust" | "ron")) {
            let included = block.body.iter().all(|l| l.is_empty() || include::request(l).is_some());
            match block.attribute("escrito-a-mano") {
                Some(reason) => reasons.push(format!("    {}:{}: {reason}", page.file(), block.line)),
                None if included => {}
                None => {
                    let text = "código escrito a mano: inclúyelo de un fichero, o di por qué no con escrito-a-mano=\"…\"";
                    report.faults.push(page.fault(block.line, text));
                }
            }
        }
    }
    report.summary = format!("{} bloques escritos a mano\n{}", reasons.len(), reasons.join("\n"));
    report.summary.truncate(report.summary.trim_end().len());
    report
}

/// Los bloques de consola que no se ejecutan dicen por qué, y son pocos.
pub fn not_run(book: &Book) -> Report {
    let mut report = Report { name: "consola sin ejecutar", ..Report::default() };
    let (mut total, mut reasons) = (0, Vec::new());
    for page in &book.pages {
        for block in page.blocks.iter().filter(|b| b.language == "console") {
            total += 1;
            if let Some(reason) = block.not_run() {
                reasons.push(format!("    {}:{}: {reason}", page.file(), block.line));
            }
        }
    }
    let percent = reasons.len() * 100 / total.max(1);
    if percent > book.style.sin_ejecutar {
        let text = format!(
            "{} de {total} bloques de consola sin ejecutar: el {percent} %, y el tope es el {} %",
            reasons.len(),
            book.style.sin_ejecutar
        );
        report.faults.push(Fault::new("book/estilo.ron", 0, text));
    }
    report.summary = format!("{} de {total} bloques sin ejecutar\n{}", reasons.len(), reasons.join("\n"));
    report.summary.truncate(report.summary.trim_end().len());
    report
}
