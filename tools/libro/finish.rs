//! Lo último: el HTML de mdBook, en español.
//!
//! mdBook no traduce su interfaz. Cada texto suyo está en `book/interfaz.ron` con su traducción; si
//! uno ya no aparece (una versión nueva de mdBook), es una falta, y también lo es uno inglés que quede.

use crate::fault::{Fault, Report};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Un texto de la interfaz.
#[derive(Debug, Deserialize)]
pub struct Text {
    /// Los ficheros donde está: `html`, o el nombre de uno de JavaScript.
    pub en: String,
    pub de: String,
    pub a: String,
    /// Puede no salir en ninguna página.
    #[serde(default)]
    pub opcional: bool,
}

/// Traduce el libro construido en `out`.
pub fn translate(root: &Path, out: &Path) -> Report {
    let mut report = Report { name: "interfaz en español", ..Report::default() };
    let texts: Vec<Text> = match fs::read_to_string(root.join("book/interfaz.ron"))
        .map_err(|e| e.to_string())
        .and_then(|t| ron::from_str(&t).map_err(|e| e.to_string()))
    {
        Ok(texts) => texts,
        Err(e) => {
            report.faults.push(Fault::new("book/interfaz.ron", 0, format!("no se entiende: {e}")));
            return report;
        }
    };
    let pages = html_files(out);
    let mut found = vec![0; texts.len()];
    let files = pages.iter().cloned().chain(scripts(out));
    for path in files {
        let Ok(mut text) = fs::read_to_string(&path) else { continue };
        let kind = match path.extension().is_some_and(|e| e == "html") {
            true => "html".to_string(),
            false => script_name(&path),
        };
        for (i, wanted) in texts.iter().enumerate().filter(|(_, t)| t.en == kind) {
            let count = text.matches(&wanted.de).count();
            if count > 0 {
                text = text.replace(&wanted.de, &wanted.a);
            }
            // traducido por una pasada anterior
            found[i] += count + text.matches(&wanted.a).count();
        }
        if kind == "html" {
            for english in leftovers(&text, &texts) {
                let name = path.strip_prefix(out).unwrap_or(&path).display().to_string();
                report.faults.push(Fault::new(name, 0, format!("queda en inglés: «{english}»")));
            }
        }
        if let Err(e) = fs::write(&path, text) {
            report.faults.push(Fault::new(path.display().to_string(), 0, e.to_string()));
        }
    }
    for (text, _) in texts.iter().zip(&found).filter(|(text, count)| **count == 0 && !text.opcional) {
        let problem = format!("mdBook ya no dice «{}» en {}", text.de, text.en);
        report.faults.push(Fault::new("book/interfaz.ron", 0, problem));
    }
    if let Err(e) = spanish_search(root, out) {
        report.faults.push(Fault::new("book/js/buscador.js", 0, e));
    }
    if let Err(e) = short_contents(out) {
        report.faults.push(Fault::new("toc.js", 0, e));
    }
    report.summary = format!("{} textos traducidos en {} páginas", texts.len(), pages.len());
    report
}

/// Pone las reglas del español detrás de elasticlunr: antes de que el buscador de mdBook lo use.
fn spanish_search(root: &Path, out: &Path) -> Result<(), String> {
    let ours = fs::read_to_string(root.join("book/js/buscador.js")).map_err(|e| e.to_string())?;
    let path = out.join("elasticlunr.min.js");
    let theirs =
        fs::read_to_string(&path).map_err(|e| format!("mdBook ya no pone elasticlunr.min.js: {e}"))?;
    if theirs.contains(&ours) {
        return Ok(());
    }
    fs::write(&path, format!("{theirs}\n{ours}")).map_err(|e| e.to_string())
}

/// Quita del índice lateral las páginas de los errores: son muchas, y tienen su tabla.
fn short_contents(out: &Path) -> Result<(), String> {
    const ITEM: &str =
        "<li class=\"chapter-item \"><span class=\"chapter-link-wrapper\"><a href=\"apendices/errores/";
    const TOGGLE: &str = "Errores</a><a class=\"chapter-fold-toggle\"><div>❱</div></a>";
    for name in ["toc.js", "toc.html"] {
        let path = out.join(name);
        let text = fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        let mut kept = String::new();
        for (i, piece) in text.split(ITEM).enumerate() {
            // tras el corte va el resto del elemento que se quita
            kept += if i == 0 { piece } else { piece.split_once("</li>").map_or("", |(_, rest)| rest) };
        }
        if kept == text && !text.contains("Errores</a></span>") {
            return Err(format!(
                "{name} ya no tiene la forma de antes: no sé quitar de él las páginas de los errores"
            ));
        }
        fs::write(&path, kept.replace(TOGGLE, "Errores</a>")).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Los textos de la barra de mdBook que no son de los traducidos.
fn leftovers(html: &str, texts: &[Text]) -> Vec<String> {
    let mut left = Vec::new();
    for mark in ["aria-label=\"", " title=\"", "placeholder=\""] {
        for rest in html.split(mark).skip(1) {
            let Some((value, _)) = rest.split_once('"') else { continue };
            let ours = texts.iter().any(|t| t.a.contains(&format!("\"{value}\"")));
            // lo que no es de mdBook lo escribimos nosotros, en español, y no empieza así
            if !ours && MDBOOK.iter().any(|word| value.starts_with(word)) {
                left.push(value.to_string());
            }
        }
    }
    // el título de un aviso: detrás de su dibujo
    for rest in html.split("blockquote-tag-title\">").skip(1) {
        let title = rest.split_once("</p>").map_or(rest, |(title, _)| title);
        let title = title.rsplit('>').next().unwrap_or(title).trim();
        if !texts.iter().any(|t| t.a == format!("</svg>{title}</p>")) {
            left.push(title.to_string());
        }
    }
    left
}

/// Cómo empiezan los textos de mdBook.
const MDBOOK: &[&str] = &[
    "Toggle", "Change", "Search", "Print", "Git", "Suggest", "Page", "Previous", "Next", "Table", "Theme",
    "Show", "Hide", "Run", "Copy", "Undo",
];

/// Los HTML del libro, y los de sus subdirectorios.
pub fn html_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(html_files(&path));
        } else if path.extension().is_some_and(|e| e == "html") {
            found.push(path);
        }
    }
    found
}

fn scripts(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    entries.filter(|p| p.extension().is_some_and(|e| e == "js")).collect()
}

/// `book-1a2b3c.js` es `book.js`.
fn script_name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let base = match name.rsplit_once('-') {
        Some((base, hash)) if hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => base,
        _ => &name,
    };
    format!("{base}.js")
}
