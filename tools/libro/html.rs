//! El HTML construido: cada enlace llega a un fichero y a un identificador, y nada pide la red.

use crate::book::Book;
use crate::fault::{Fault, Report};
use crate::finish::html_files;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub fn links(book: &Book, out: &Path) -> Report {
    let mut report = Report { name: "enlaces del HTML", ..Report::default() };
    // mdBook deja de leer el índice donde algo no le gusta, y no lo dice
    for path in book.pages.iter().map(|p| p.path.clone()).chain(crate::generate::paths()) {
        if !out.join(path.replace(".md", ".html")).exists() {
            report.faults.push(Fault::new(
                "book/src/SUMMARY.md",
                0,
                format!("mdBook no ha construido {path}"),
            ));
        }
    }
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for path in html_files(out) {
        texts.insert(path.clone(), fs::read_to_string(&path).unwrap_or_default());
    }
    let mut count = 0;
    for (path, text) in &texts {
        let name = path.strip_prefix(out).unwrap_or(path).display().to_string();
        for (mark, is_link) in [("href=\"", true), ("src=\"", false)] {
            for rest in text.split(mark).skip(1) {
                let Some((target, _)) = rest.split_once('"') else { continue };
                let remote = target.contains("://") || target.starts_with("//");
                if remote && (!is_link || rest_of_tag_is_stylesheet(text, target)) {
                    report.faults.push(Fault::new(&name, 0, format!("pide algo a la red: {target}")));
                }
                if remote || target.starts_with("data:") || target.starts_with("mailto:") {
                    continue;
                }
                count += 1;
                if let Err(problem) = check(path, target, &texts) {
                    report.faults.push(Fault::new(&name, 0, problem));
                }
            }
        }
    }
    report.summary = format!("{count} enlaces en {} páginas", texts.len());
    report
}

fn rest_of_tag_is_stylesheet(text: &str, target: &str) -> bool {
    text.contains(&format!("<link rel=\"stylesheet\" href=\"{target}\""))
}

fn check(from: &Path, target: &str, texts: &BTreeMap<PathBuf, String>) -> Result<(), String> {
    let (file, id) = target.split_once('#').unwrap_or((target, ""));
    let file = file.split('?').next().unwrap_or_default();
    let mut path = from.parent().unwrap_or(from).to_path_buf();
    match file {
        "" => path = from.to_path_buf(),
        file => {
            for part in file.split('/') {
                match part {
                    ".." => drop(path.pop()),
                    "." => {}
                    part => path.push(part),
                }
            }
        }
    }
    let Some(text) = texts.get(&path) else {
        return if path.exists() {
            Ok(())
        } else {
            Err(format!("el enlace «{target}» no lleva a ningún fichero"))
        };
    };
    let id = decode(id);
    match id.is_empty() || text.contains(&format!("id=\"{id}\"")) {
        true => Ok(()),
        false => Err(format!("el enlace «{target}» lleva a un título que no existe")),
    }
}

/// `%C3%B3` es `ó`.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
