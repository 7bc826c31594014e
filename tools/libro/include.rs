//! `{{#include ruta:ancla}}`: el código que se enseña sale siempre de un fichero.
//!
//! mdBook da por bueno un fichero que falta y un ancla que no existe. Aquí son faltas, y por eso se
//! resuelven aquí, antes de que mdBook los vea. Las rutas lo son a la raíz del proyecto.

use std::fs;
use std::path::Path;

/// Un trozo de un fichero.
#[derive(Debug)]
pub struct Piece {
    pub path: String,
    pub anchor: Option<String>,
    /// Primera y última línea dentro del fichero, desde 1.
    pub first: usize,
    pub last: usize,
    /// Sin las marcas de ancla y sin la sangría común.
    pub lines: Vec<String>,
}

/// Qué pide una línea, si es un include: ruta y ancla.
pub fn request(line: &str) -> Option<(&str, Option<&str>)> {
    let inside = line.trim().strip_prefix("{{#include ")?.strip_suffix("}}")?.trim();
    Some(match inside.split_once(':') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (inside, None),
    })
}

/// El trozo pedido, o qué lo impide.
pub fn piece(root: &Path, path: &str, anchor: Option<&str>) -> Result<Piece, String> {
    let text = fs::read_to_string(root.join(path)).map_err(|e| format!("no se puede leer `{path}`: {e}"))?;
    let all: Vec<&str> = text.lines().collect();
    let (first, last) = match anchor {
        None => (1, all.len()),
        Some(name) => {
            let find = |mark: &str| {
                let mark = format!("{mark}: {name}");
                all.iter().position(|l| {
                    l.trim_start_matches(['/', '#', ' ', '\t', '-', '<', '!']).trim_end() == mark
                })
            };
            let start = find("ANCHOR").ok_or(format!("`{path}` no tiene el ancla `{name}`"))?;
            let end = find("ANCHOR_END").ok_or(format!("`{path}` no cierra el ancla `{name}`"))?;
            (start + 2, end)
        }
    };
    let kept: Vec<&str> =
        all.get(first - 1..last).unwrap_or_default().iter().copied().filter(|l| !is_mark(l)).collect();
    if kept.iter().all(|l| l.trim().is_empty()) {
        return Err(format!("`{path}{}` está vacío", anchor.map(|a| format!(":{a}")).unwrap_or_default()));
    }
    let margin = kept
        .iter()
        .filter(|l| !l.trim().is_empty())
        .map(|l| l.len() - l.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines = kept.iter().map(|l| l.get(margin..).unwrap_or("").to_string()).collect();
    Ok(Piece { path: path.to_string(), anchor: anchor.map(String::from), first, last, lines })
}

/// ¿Es la línea una marca de ancla?
pub fn is_mark(line: &str) -> bool {
    line.contains("ANCHOR: ") || line.contains("ANCHOR_END: ")
}
