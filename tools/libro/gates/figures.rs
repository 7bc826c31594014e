//! Las cifras con unidad: o salen de `book/datos.ron`, o la frase dice de quién son.

use crate::book::{Book, Origin};
use crate::fault::{Fault, Report};
use crate::prose;

const UNITS: &[&str] = &[
    "B",
    "bytes",
    "kB",
    "KB",
    "KiB",
    "MB",
    "MiB",
    "GB",
    "GiB",
    "TB",
    "TiB",
    "ns",
    "µs",
    "ms",
    "s",
    "%",
    "MHz",
    "GHz",
    "líneas",
    "segundos",
    "milisegundos",
    "microsegundos",
    "minutos",
    "horas",
    "días",
];

/// Ninguna cifra con unidad está escrita a mano en la prosa, salvo la que lleva una cita.
pub fn prose(book: &Book) -> Report {
    let mut report = Report { name: "cifras", ..Report::default() };
    let mut used = Vec::new();
    for page in &book.pages {
        for paragraph in prose::paragraphs(page) {
            for key in keys(&paragraph.raw) {
                if book.figure(&key).is_none() {
                    let text = format!("`{{{{dato {key}}}}}` no está en book/datos.ron");
                    report.faults.push(page.fault(paragraph.line, text));
                }
                used.push(key);
            }
            // las frases se cortan sobre el texto con sus enlaces, que son la cita
            for sentence in prose::sentences(&without_code(&paragraph.raw)) {
                let cited = sentence.contains("](http") || sentence.contains("[^");
                for figure in figures(&sentence) {
                    if !cited {
                        let text = format!("«{figure}» no sale de book/datos.ron ni lleva una cita");
                        report.faults.push(page.fault(paragraph.line, text));
                    }
                }
            }
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for figure in &book.figures {
        let fault = |text: String| Fault::new("book/datos.ron", 0, text);
        if seen.contains(&figure.clave.as_str()) {
            report.faults.push(fault(format!("`{}` está dos veces", figure.clave)));
        }
        seen.push(&figure.clave);
        if !used.contains(&figure.clave) {
            report.faults.push(fault(format!("`{}` no se usa en ninguna página", figure.clave)));
        }
        match &figure.origen {
            Origin::Fichero { fichero, texto }
                if !book.file(fichero).is_some_and(|t| t.contains(texto.as_str())) =>
            {
                let text = format!("`{}`: `{fichero}` ya no contiene `{texto}`", figure.clave);
                report.faults.push(fault(text));
            }
            Origin::Medido { orden, cuando } if orden.is_empty() || cuando.is_empty() => {
                report.faults.push(fault(format!("`{}`: falta con qué o cuándo se midió", figure.clave)));
            }
            Origin::Decidido { motivo } if motivo.is_empty() => {
                report.faults.push(fault(format!("`{}`: falta el motivo", figure.clave)));
            }
            _ => {}
        }
    }
    report.summary = format!("{} datos, usados {} veces", book.figures.len(), used.len());
    report
}

fn keys(raw: &str) -> Vec<String> {
    raw.split("{{dato ")
        .skip(1)
        .filter_map(|r| r.split_once("}}"))
        .map(|(k, _)| k.trim().to_string())
        .collect()
}

fn without_code(raw: &str) -> String {
    raw.split('`').step_by(2).collect::<Vec<_>>().join("código")
}

/// Las cifras con unidad de una frase: «64 MiB», «20 %», «1,5 s».
fn figures(sentence: &str) -> Vec<String> {
    let words: Vec<&str> = sentence.split(|c: char| c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let mut found = Vec::new();
    for pair in words.windows(2) {
        let unit = pair[1].trim_matches(|c: char| ".,;:!?)»…".contains(c));
        let number = pair[0].trim_matches(|c: char| "(«¿¡".contains(c));
        if UNITS.contains(&unit) && is_number(number) {
            found.push(format!("{number} {unit}"));
        }
    }
    for word in words {
        let word = word.trim_matches(|c: char| "(«¿¡.,;:!?)»…".contains(c));
        let digits = word.trim_start_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
        if digits.len() < word.len() && UNITS.contains(&digits) {
            found.push(word.to_string());
        }
    }
    found
}

fn is_number(word: &str) -> bool {
    let all = word.chars().all(|c| c.is_ascii_digit() || ".,\u{a0}\u{202f}–-".contains(c));
    all && word.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn una_cifra_con_unidad_se_encuentra_con_o_sin_espacio() {
        assert_eq!(figures("Tarda 1,5 s (o 20 %) y ocupa 64MiB."), ["1,5 s", "20 %", "64MiB"]);
        assert!(figures("Hay 3 contenedores y el capítulo 12 sigue").is_empty());
    }
}
