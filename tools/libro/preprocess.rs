//! El preprocesador de mdBook: lo que cada página tiene de más y de menos antes de ser HTML.
//!
//! mdBook nos da el libro en JSON por la entrada estándar y lo espera de vuelta por la salida. Se
//! quitan las cabeceras, se ponen el código incluido, los datos y lo que se genera, y se añaden las
//! páginas de los errores.

use crate::book::Book;
use crate::page::{Block, Page};
use crate::{generate, include};
use serde_json::{Value, json};
use std::io::{Read, Write};

pub fn run(book: &Book) -> Result<(), String> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(|e| e.to_string())?;
    let mut input: Value =
        serde_json::from_str(&input).map_err(|e| format!("mdBook no ha dado JSON: {e}"))?;
    let mut theirs = input[1].take();
    let items = theirs.get_mut("items").ok_or("mdBook no ha dado ningún capítulo")?;
    visit(book, items);
    let output = serde_json::to_string(&theirs).map_err(|e| e.to_string())?;
    std::io::stdout().write_all(output.as_bytes()).map_err(|e| e.to_string())
}

fn visit(book: &Book, items: &mut Value) {
    for item in items.as_array_mut().into_iter().flatten() {
        let Some(chapter) = item.get_mut("Chapter") else { continue };
        let path = chapter["path"].as_str().unwrap_or_default().to_string();
        if let Some(page) = book.page(&path) {
            chapter["content"] = render(book, page).into();
        }
        if path == "apendices/errores.md" {
            chapter["sub_items"] = error_chapters(chapter["name"].as_str().unwrap_or_default());
        }
        visit(book, &mut chapter["sub_items"]);
    }
}

fn error_chapters(parent: &str) -> Value {
    let pages = generate::error_pages().into_iter();
    pages
        .map(|(name, path, content)| {
            json!({"Chapter": {
                "name": name, "content": content, "number": null, "sub_items": [],
                "path": path, "source_path": null, "parent_names": [parent],
            }})
        })
        .collect()
}

/// El Markdown que verá mdBook.
pub fn render(book: &Book, page: &Page) -> String {
    let mut out = String::new();
    let mut n = page.body;
    while n < page.lines.len() {
        if let Some(block) = page.blocks.iter().find(|b| b.line == n + 1) {
            out += &render_block(book, block);
            n += block.body.len() + 2;
            continue;
        }
        let line = &page.lines[n];
        let generated = line.strip_prefix("{{").and_then(|l| l.strip_suffix("}}"));
        let drawing = generated.and_then(|name| name.strip_prefix("figura "));
        match (drawing, generated.and_then(|name| generate::content(book, name)), included(book, line)) {
            (Some(name), ..) => out += &figure(book, name),
            (_, Some(content), _) | (.., Some(content)) => out += &content,
            _ => out += &book.with_figures(line),
        }
        out.push('\n');
        n += 1;
    }
    out
}

/// Lo que incluye una línea fuera de los bloques: una tabla que ha escrito un test, que es ya Markdown.
fn included(book: &Book, line: &str) -> Option<String> {
    let (path, anchor) = include::request(line)?;
    // una falta: ya la ha dicho la comprobación de los includes
    Some(include::piece(&book.root, path, anchor).ok()?.lines.join("\n"))
}

/// Un dibujo dentro de la página, para que tome sus colores. Sin líneas en blanco: acabarían el HTML.
fn figure(book: &Book, name: &str) -> String {
    let svg = book.file(&crate::gates::code::figure_path(name)).unwrap_or_default();
    let lines: Vec<&str> = svg.lines().filter(|l| !l.trim().is_empty()).collect();
    format!("<figure>\n{}\n</figure>\n", lines.join("\n"))
}

fn render_block(book: &Book, block: &Block) -> String {
    // RON se colorea como Rust, que es de donde sale su escritura
    let language = match block.language.as_str() {
        "ron" => "rust",
        language => language,
    };
    let (mut body, mut places) = (Vec::new(), Vec::<(String, Vec<(usize, usize)>)>::new());
    for line in &block.body {
        match include::request(line).map(|(path, anchor)| include::piece(&book.root, path, anchor)) {
            Some(Ok(piece)) => {
                if places.last().is_none_or(|(path, _)| *path != piece.path) {
                    places.push((piece.path.clone(), Vec::new()));
                }
                if let (Some(_), Some((_, lines))) = (&piece.anchor, places.last_mut()) {
                    lines.push((piece.first, piece.last));
                }
                body.extend(piece.lines);
            }
            // una falta: ya la ha dicho la comprobación de los includes
            Some(Err(problem)) => body.push(problem),
            None => body.push(line.clone()),
        }
    }
    let places: Vec<String> = places.iter().map(|(path, lines)| place(path, lines)).collect();
    let caption = caption(block, &places);
    let indent = &block.indent;
    let fence = if body.iter().any(|l| l.contains("```")) { "````" } else { "```" };
    let mut out = String::new();
    if let Some(caption) = caption {
        out += &format!("{indent}<div class=\"origen\">{caption}</div>\n\n");
    }
    out += &format!("{indent}{fence}{language}\n");
    for line in body {
        let line = if language == "rust" { visible(&line) } else { line };
        out += &format!("{indent}{line}\n");
    }
    out + &format!("{indent}{fence}\n")
}

/// La línea como hay que dársela a mdBook para que se vea: en Rust esconde las que empiezan por `# `,
/// aunque estén dentro de un texto, y de dos almohadillas enseña una.
fn visible(line: &str) -> String {
    let start = line.trim_start();
    match start.strip_prefix('#') {
        Some(rest) if rest.is_empty() || rest.starts_with([' ', '#']) => {
            format!("{}#{start}", &line[..line.len() - start.len()])
        }
        _ => line.to_string(),
    }
}

/// De qué fichero y de qué líneas salen los trozos de un bloque; de muchos, entre cuáles están.
fn place(path: &str, lines: &[(usize, usize)]) -> String {
    let each: Vec<String> = lines.iter().map(|(first, last)| format!("{first} a {last}")).collect();
    match (each.as_slice(), lines.iter().map(|l| l.0).min(), lines.iter().map(|l| l.1).max()) {
        ([_, _, _, ..], Some(first), Some(last)) => format!("{path}, entre las líneas {first} y {last}"),
        ([], ..) => path.to_string(),
        (some, ..) => format!("{path}, líneas {}", some.join(" y ")),
    }
}

/// Lo que se dice encima de un bloque: dónde guardarlo, de dónde sale, o que no se ha ejecutado.
fn caption(block: &Block, places: &[String]) -> Option<String> {
    if let Some(name) = block.attribute("fichero") {
        return Some(format!("Guárdalo como <code>{name}</code>"));
    }
    if block.language == "console" {
        if block.not_run().is_some() {
            return Some("No comprobado al hacer el libro".into());
        }
        return block.attribute("terminal").map(|name| format!("En otra terminal ({name})"));
    }
    // un fichero que se guardó antes y se vuelve a enseñar no necesita decir de dónde sale
    (!places.is_empty()).then(|| format!("<code>{}</code>", places.join("</code>, <code>")))
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn lo_que_mdbook_esconderia_se_ve_y_lo_demas_no_cambia() {
        assert_eq!(visible("    # un comentario de la shell"), "    ## un comentario de la shell");
        assert_eq!(visible("#"), "##");
        assert_eq!(visible("## dos"), "### dos");
        for same in ["#[derive(Debug)]", "#![allow(unused)]", "let x = \"# no\";", ""] {
            assert_eq!(visible(same), same);
        }
    }
}
