//! Los enlaces de dentro del libro llegan a una página y a un título que existen.

use crate::book::Book;
use crate::fault::Report;
use crate::generate;
use crate::page::Page;

/// Cada `](pagina.md#titulo)` existe; cada imagen, también.
pub fn internal(book: &Book) -> Report {
    let mut report = Report { name: "enlaces internos", ..Report::default() };
    let mut count = 0;
    for page in &book.pages {
        for (n, line) in page.outside_blocks() {
            for target in targets(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                count += 1;
                if let Err(problem) = check(book, page, target) {
                    report.faults.push(page.fault(n, problem));
                }
            }
        }
    }
    report.summary = format!("{count} enlaces");
    report
}

fn targets(line: &str) -> Vec<&str> {
    let marked = line.split("](").skip(1).filter_map(|r| r.split_once(')')).map(|(t, _)| t);
    let html = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|mark| line.split(mark).skip(1).filter_map(|r| r.split_once('"')).map(|(t, _)| t));
    marked.chain(html).collect()
}

fn check(book: &Book, page: &Page, target: &str) -> Result<(), String> {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { page.path.clone() } else { join(&page.path, path) };
    let Some(found) = book.page(&path) else {
        if generate::paths().contains(&path) || book.root.join("book/src").join(&path).is_file() {
            return Ok(());
        }
        return Err(format!("el enlace `{target}` no lleva a ninguna página"));
    };
    // los títulos de lo que se genera no están en el fichero: los mira la comprobación del HTML
    let generated = found.lines.iter().any(|l| {
        let name = l.strip_prefix("{{").and_then(|l| l.strip_suffix("}}"));
        name.is_some_and(|name| generate::content(book, name).is_some())
    });
    if fragment.is_empty() || generated || found.headings().any(|(_, _, text)| slug(text) == fragment) {
        return Ok(());
    }
    Err(format!("`{path}` no tiene el título `#{fragment}`"))
}

/// `../b.md` desde `a/c.md`.
pub fn join(from: &str, to: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// El identificador que mdBook da a un título.
pub fn slug(heading: &str) -> String {
    let text = heading.replace(['`', '*'], "");
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        match c {
            c if c.is_alphanumeric() || c == '_' || c == '-' => slug.push(c),
            c if c.is_whitespace() => slug.push('-'),
            _ => {}
        }
    }
    slug
}
