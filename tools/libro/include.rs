//! `{{#include ruta:ancla}}`: el código que se enseña sale siempre de un fichero.
//!
//! mdBook da por bueno un fichero que falta y un ancla que no existe. Aquí son faltas, y por eso se
//! resuelven aquí, antes de que mdBook los vea. Las rutas lo son a la raíz del proyecto.
//!
//! Un ancla son dos comentarios en el fichero, o el nombre de lo que se quiere, que ya es una marca:
//! `{{#include ruta:fn step}}`, `:struct Pod`, `:impl Drop for Child`, o `:fn Child::go` si hay varias.

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
        Some(name) if name.contains(' ') => item(&all, name).map_err(|e| format!("`{path}` {e}"))?,
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
    // una línea en blanco antes de cerrar el ancla no se ve, y no se cuenta
    let blank = all.get(first - 1..last).unwrap_or_default().iter().rev().take_while(|l| l.trim().is_empty());
    let last = last - blank.count();
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

/// Primera y última línea de lo que se llama `name` (`fn step`), con los comentarios que lleva encima.
///
/// El código está escrito por rustfmt: lo que empieza con una sangría acaba en la primera línea con la
/// misma que cierra su llave o acaba en punto y coma.
fn item(all: &[&str], name: &str) -> Result<(usize, usize), String> {
    let (wanted, owner) = match name.strip_prefix("fn ").and_then(|n| n.split_once("::")) {
        Some((owner, method)) => (format!("fn {method}"), Some(owner)),
        None => (name.to_string(), None),
    };
    let starts = |l: &str| {
        let rest = bare(l).strip_prefix(wanted.as_str());
        rest.is_some_and(|r| !r.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let found: Vec<usize> = (0..all.len())
        .filter(|i| {
            starts(all[*i]) && owner.is_none_or(|o| owner_of(all, *i).is_some_and(|line| owns(line, o)))
        })
        .collect();
    let [start] = found[..] else {
        return Err(match found.len() {
            0 => format!("no tiene `{name}`"),
            n => format!("tiene {n} veces `{name}`: di de quién es, o pon un ancla"),
        });
    };
    let margin = indent(all[start]);
    let closes = |l: &str| indent(l) == margin && (l.ends_with('}') || l.ends_with(';'));
    let end = (start..all.len()).find(|i| closes(all[*i])).ok_or(format!("no cierra `{name}`"))?;
    let above = |l: &&&str| {
        let l = l.trim_start();
        l.starts_with("///") || l.starts_with("#[")
    };
    let first = start - all[..start].iter().rev().take_while(above).count();
    Ok((first + 1, end + 1))
}

/// La línea sin lo que precede al nombre: `pub`, `const` delante de `fn`, los parámetros de un `impl`.
fn bare(line: &str) -> &str {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        let after = after.strip_prefix('(').and_then(|a| a.split_once(')')).map_or(after, |(_, a)| a);
        rest = after.trim_start();
    }
    for word in ["const fn", "unsafe fn"] {
        if rest.starts_with(word) {
            rest = &rest[word.len() - 2..];
        }
    }
    rest
}

/// La línea que abre el `impl` o el `trait` donde está la línea `at`.
fn owner_of<'a>(all: &[&'a str], at: usize) -> Option<&'a str> {
    let margin = indent(all[at]);
    let open = |l: &&&str| !l.trim().is_empty() && indent(l) < margin && l.ends_with('{');
    all[..at].iter().rev().find(open).copied()
}

/// `impl Drop for Child {` es de `Child`, y también `impl<'a> Child<'a> {`.
fn owns(line: &str, owner: &str) -> bool {
    let head = bare(line).trim_end_matches('{');
    let name = head.rsplit(" for ").next().unwrap_or(head).trim();
    let name = name.rsplit(' ').next().unwrap_or(name);
    name.split('<').next() == Some(owner)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// ¿Es la línea una marca de ancla?
pub fn is_mark(line: &str) -> bool {
    line.contains("ANCHOR: ") || line.contains("ANCHOR_END: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "/// Uno.\n#[must_use]\npub fn uno(\n    a: u8,\n) -> u8 {\n    a\n}\n\npub struct Caja;\n\n\
        impl<'a> Caja<'a> {\n    pub(crate) const fn abre(&self) {\n        if x {\n            y;\n        }\n    }\n}\n\n\
        impl Drop for Caja {\n    // ANCHOR: x\n    fn abre(&mut self) {}\n}\n\nconst TODO: &[u8] = &[\n    1,\n];\n";

    fn shown(name: &str) -> Result<String, String> {
        let all: Vec<&str> = CODE.lines().collect();
        let (first, last) = item(&all, name)?;
        Ok(all[first - 1..last].join("|"))
    }

    #[test]
    fn lo_que_tiene_nombre_se_encuentra_entero_y_con_sus_comentarios() {
        assert_eq!(shown("fn uno").unwrap(), "/// Uno.|#[must_use]|pub fn uno(|    a: u8,|) -> u8 {|    a|}");
        assert_eq!(shown("struct Caja").unwrap(), "pub struct Caja;");
        assert_eq!(shown("const TODO").unwrap(), "const TODO: &[u8] = &[|    1,|];");
        assert!(shown("impl Drop for Caja").unwrap().ends_with("fn abre(&mut self) {}|}"));
    }

    #[test]
    fn lo_que_no_esta_o_esta_dos_veces_es_una_falta() {
        assert!(shown("fn un").unwrap_err().contains("no tiene `fn un`"));
        assert!(shown("fn abre").unwrap_err().contains("2 veces"));
        assert!(shown("fn Caja::abre").unwrap_err().contains("2 veces"), "los dos impl son de Caja");
    }

    #[test]
    fn de_dos_con_el_mismo_nombre_se_elige_por_su_dueno() {
        let code =
            "impl A {\n    fn f() {\n        a\n    }\n}\nimpl Op for B {\n    fn f() {\n        b\n    }\n}";
        let all: Vec<&str> = code.lines().collect();
        assert_eq!(item(&all, "fn A::f"), Ok((2, 4)));
        assert_eq!(item(&all, "fn B::f"), Ok((7, 9)));
    }

    #[test]
    fn la_linea_en_blanco_antes_de_cerrar_el_ancla_no_se_cuenta() {
        let folder = std::env::temp_dir().join(format!("libro-include-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.rs"), "// ANCHOR: a\nuno\n\ndos\n\n// ANCHOR_END: a\n").unwrap();
        let piece = piece(&folder, "a.rs", Some("a")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((piece.first, piece.last, piece.lines.join("|").as_str()), (2, 4, "uno||dos"));
    }
}
