//! Cómo se escribe: las palabras del glosario, las que no se usan y cuánto cuesta leerlo.

use crate::book::Book;
use crate::fault::Report;
use crate::page::Page;
use crate::prose;

/// Ninguna variante prohibida del glosario sale en el texto que se lee (en `código` o en *cursiva*, sí).
pub fn glossary(book: &Book) -> Report {
    let mut report = Report { name: "glosario", ..Report::default() };
    let mut banned = 0;
    let lines = readable_lines(book);
    for term in &book.glossary {
        for bad in &term.prohibidas {
            banned += 1;
            for (page, n, text) in &lines {
                if contains_word(text, bad) {
                    report
                        .faults
                        .push(page.fault(*n, format!("«{bad}»: en este libro es «{}»", term.termino)));
                }
            }
        }
    }
    report.summary = format!("{} términos, {banned} variantes que no se usan", book.glossary.len());
    report
}

/// Ni muletillas, ni anglicismos, ni comillas inglesas, ni punto decimal.
pub fn words(book: &Book) -> Report {
    let mut report = Report { name: "palabras", ..Report::default() };
    for (page, n, text) in readable_lines(book) {
        for (bad, good) in &book.style.prohibidas {
            if contains_word(&text, bad) {
                report.faults.push(page.fault(n, format!("«{bad}» no: {good}")));
            }
        }
        if text.contains(['"', '“', '”']) {
            report.faults.push(page.fault(n, "las comillas son « »"));
        }
        if let Some(number) = decimal_point(&text) {
            report.faults.push(page.fault(n, format!("«{number}»: la coma es la decimal en español")));
        }
    }
    report.summary = format!("{} palabras y frases que no se usan", book.style.prohibidas.len());
    report
}

/// Cada página se lee bien: frases cortas y palabras cortas.
pub fn readability(book: &Book) -> Report {
    let mut report = Report { name: "lectura", ..Report::default() };
    let (mut worst_mean, mut worst_ease) = (0.0f64, 100.0f64);
    for page in &book.pages {
        let (mut sentences, mut words, mut syllables) = (0usize, 0usize, 0usize);
        for paragraph in prose::paragraphs(page) {
            for sentence in prose::sentences(&prose::plain(&book.with_figures(&paragraph.raw))) {
                let count = prose::words(&sentence).count();
                if count > book.style.maximo_de_palabras {
                    let start: Vec<_> = sentence.split_whitespace().take(6).collect();
                    let text = format!(
                        "una frase de {count} palabras, y el máximo es {}: «{}…»",
                        book.style.maximo_de_palabras,
                        start.join(" ")
                    );
                    report.faults.push(page.fault(paragraph.line, text));
                }
                sentences += 1;
                words += count;
                syllables += prose::words(&sentence).map(prose::syllables).sum::<usize>();
            }
        }
        // una página de pocas frases no da para una media
        if sentences < 10 {
            continue;
        }
        let mean = words as f64 / sentences as f64;
        let ease = 206.835 - 62.3 * syllables as f64 / words as f64 - mean;
        if mean > book.style.media_de_palabras {
            let text =
                format!("{mean:.1} palabras por frase, y el máximo es {}", book.style.media_de_palabras);
            report.faults.push(page.fault(1, text));
        }
        if ease < book.style.inflesz {
            let text =
                format!("INFLESZ {ease:.0}, y el mínimo es {}: palabras más cortas", book.style.inflesz);
            report.faults.push(page.fault(1, text));
        }
        worst_mean = worst_mean.max(mean);
        worst_ease = worst_ease.min(ease);
    }
    report.summary = format!("la peor página: {worst_mean:.1} palabras por frase; INFLESZ {worst_ease:.0}");
    report
}

/// El texto de cada línea de prosa, título o tabla, sin código, cursivas ni destinos de enlaces.
fn readable_lines(book: &Book) -> Vec<(&Page, usize, String)> {
    let mut all = Vec::new();
    for page in &book.pages {
        for (n, line) in page.outside_blocks() {
            let line = without_italics(line);
            let line = line.split_once("]: http").map_or(line.as_str(), |(before, _)| before);
            all.push((page, n, prose::plain(line)));
        }
    }
    all
}

/// Lo que va entre asteriscos sueltos es una palabra de otra lengua.
fn without_italics(line: &str) -> String {
    let bold = line.replace("**", "");
    let parts: Vec<&str> = bold.split('*').collect();
    // un asterisco de lista deja un número par de trozos
    if parts.len() % 2 == 0 { bold } else { parts.into_iter().step_by(2).collect() }
}

fn contains_word(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(&wanted)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + wanted.len()..].chars().next()))
}

/// «1.5 s»: un número con punto delante de una unidad. Las versiones («Linux 6.1») no la llevan.
fn decimal_point(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let (whole, part) = pair[0].split_once('.')?;
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let unit = pair[1].trim_matches(|c: char| !c.is_alphanumeric() && c != '%');
        let units = ["s", "ms", "µs", "MiB", "MB", "KiB", "kB", "GiB", "GB", "%", "CPU"];
        (digits(whole) && digits(part) && units.contains(&unit)).then(|| format!("{} {unit}", pair[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn una_palabra_se_busca_entera_y_sin_mirar_las_mayusculas() {
        assert!(contains_word("Un Cluster pequeño", "cluster"));
        assert!(!contains_word("clusterizar", "cluster"));
        assert_eq!(without_italics("la espera (*back-off*) crece"), "la espera () crece");
    }

    #[test]
    fn el_punto_decimal_se_ve_y_una_version_no_lo_es() {
        assert_eq!(decimal_point("tarda 1.5 s").as_deref(), Some("1.5 s"));
        assert_eq!(decimal_point("con Linux 6.1 va bien"), None);
    }
}
