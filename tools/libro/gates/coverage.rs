//! Cuánto de `src/` enseña el libro: se imprime, y no puede bajar.

use crate::book::Book;
use crate::fault::{Fault, Report};
use crate::include;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Líneas que cuentan, y cuántas de ellas salen en el libro.
#[derive(Debug, Default)]
pub struct Covered {
    pub files: BTreeMap<String, (usize, usize)>,
    /// Anclas que ninguna página usa.
    pub unused: Vec<String>,
}

impl Covered {
    pub fn percent(&self) -> f64 {
        percent(self.files.values())
    }

    /// Lo mismo, solo de los ficheros de `list`.
    pub fn percent_of(&self, list: &[String]) -> f64 {
        let inside = |path: &String| list.iter().any(|name| is_in(path, name));
        percent(self.files.iter().filter(|(path, _)| inside(path)).map(|(_, counted)| counted))
    }
}

fn percent<'a>(files: impl Iterator<Item = &'a (usize, usize)>) -> f64 {
    let (shown, all) = files.fold((0, 0), |(s, a), (shown, all)| (s + shown, a + all));
    shown as f64 * 100.0 / all.max(1) as f64
}

/// ¿Es `path` el fichero `name`, o está en el directorio `name/`?
fn is_in(path: &str, name: &str) -> bool {
    path == name || (name.ends_with('/') && path.starts_with(name))
}

/// La cobertura ha de ser, al menos, la que ya se alcanzó (`book/cobertura.ron`).
pub fn ratchet(book: &Book) -> Report {
    let mut report = Report { name: "cobertura de src/", ..Report::default() };
    for (path, reason) in &book.coverage.exentos {
        if !book.root.join(path).exists() {
            let text = format!("`{path}` está exento y ya no existe");
            report.faults.push(Fault::new("book/cobertura.ron", 0, text));
        }
        if reason.is_empty() {
            let text = format!("`{path}` está exento sin decir por qué");
            report.faults.push(Fault::new("book/cobertura.ron", 0, text));
        }
    }
    let covered = measure(book);
    let (percent, wanted) = (covered.percent(), book.coverage.minimo);
    if percent + 0.05 < wanted {
        let text = format!(
            "el libro enseña el {percent:.1} % de src/ y ya llegó al {wanted:.1} %: solo puede subir"
        );
        report.faults.push(Fault::new("book/cobertura.ron", 0, text));
    }
    for name in book.coverage.corazon.iter().filter(|name| !book.root.join(name).exists()) {
        let text = format!("`{name}` es del corazón y ya no existe");
        report.faults.push(Fault::new("book/cobertura.ron", 0, text));
    }
    let (heart, wanted_heart) =
        (covered.percent_of(&book.coverage.corazon), book.coverage.minimo_del_corazon);
    if heart + 0.05 < wanted_heart {
        let text = format!(
            "el libro enseña el {heart:.1} % del corazón y ya llegó al {wanted_heart:.1} %: solo puede subir"
        );
        report.faults.push(Fault::new("book/cobertura.ron", 0, text));
    }
    report.summary = format!(
        "{percent:.1} % (mínimo {wanted:.1} %); del corazón, {heart:.1} % (mínimo {wanted_heart:.1} %); {} exentos; {} anclas sin usar",
        book.coverage.exentos.len(),
        covered.unused.len()
    );
    report
}

/// Mira qué líneas de `src/` incluyen las páginas.
pub fn measure(book: &Book) -> Covered {
    let mut files = Vec::new();
    rust_files(&book.root, "src", &mut files);
    let mut shown: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let mut used: Vec<(String, String)> = Vec::new();
    let requests = book.pages.iter().flat_map(|p| &p.lines).filter_map(|l| include::request(l));
    for (path, anchor) in requests {
        if let Ok(piece) = include::piece(&book.root, path, anchor) {
            shown.entry(path).or_default().push((piece.first, piece.last));
            used.push((path.to_string(), piece.anchor.unwrap_or_default()));
        }
    }
    let mut covered = Covered::default();
    for path in files {
        let text = book.file(&path).unwrap_or_default();
        for anchor in text.lines().filter_map(|l| l.trim().strip_prefix("// ANCHOR: ")) {
            if !used.iter().any(|(p, a)| *p == path && a == anchor.trim()) {
                covered.unused.push(format!("{path}:{}", anchor.trim()));
            }
        }
        if is_exempt(book, &path) {
            continue;
        }
        let ranges = shown.get(path.as_str()).map(Vec::as_slice).unwrap_or_default();
        let counted = counted_lines(&text);
        let seen = counted.iter().filter(|n| ranges.iter().any(|(a, b)| (a..=b).contains(n))).count();
        covered.files.insert(path, (seen, counted.len()));
    }
    covered
}

fn is_exempt(book: &Book, path: &str) -> bool {
    book.coverage.exentos.iter().any(|(e, _)| is_in(path, e))
}

/// Las líneas con código, sin las de pruebas, los blancos, los comentarios ni los `use`.
fn counted_lines(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().position(|l| l.trim() == "#[cfg(test)]").unwrap_or(lines.len());
    lines[..tests]
        .iter()
        .enumerate()
        .filter(|(_, l)| {
            let l = l.trim();
            !l.is_empty() && !l.starts_with("//") && !l.starts_with("use ") && !l.starts_with("pub mod ")
        })
        .map(|(i, _)| i + 1)
        .collect()
}

fn rust_files(root: &Path, dir: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root.join(dir)) else { return };
    let mut names: Vec<_> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for name in names {
        let path = format!("{dir}/{name}");
        if root.join(&path).is_dir() {
            if name != "tests" {
                rust_files(root, &path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            found.push(path);
        }
    }
}
