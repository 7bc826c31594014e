//! Las páginas que no se escriben: salen de los tipos, de los códigos y de los datos del libro.

use crate::blindaje::figures;
use crate::book::{Book, Entry};
use crate::errors;
use micropod::lab::catalog;
use micropod::spec::codes::{CODES, Code, Where};
use micropod::spec::schema::{Described, Field};
use micropod::spec::types::Pod;
use micropod::spec::{controllers, objects};
use std::fmt::Write;

/// Los minutos de una hora de clase de formación profesional.
const CLASS_HOUR: u32 = 55;

/// Las rutas de las páginas generadas, desde `book/src/`.
pub fn paths() -> Vec<String> {
    CODES.iter().map(error_path).collect()
}

fn error_path(code: &Code) -> String {
    format!("apendices/errores/{}.md", code.code.to_lowercase())
}

/// Lo que va en lugar de `{{nombre}}`, si es algo que se genera.
pub fn content(book: &Book, name: &str) -> Option<String> {
    Some(match name {
        "glosario" => glossary(book),
        "horario" => timetable(book),
        "objetivos" => objectives(book),
        "errores" => error_list(),
        "mapa-fuente" => source_map(book),
        "referencia" => reference(),
        "blindaje" => figures::page(&figures::read()),
        _ => return None,
    })
}

/// Las páginas de los errores: título, ruta y contenido.
pub fn error_pages() -> Vec<(String, String, String)> {
    CODES
        .iter()
        .map(|code| (format!("{}: {}", code.code, code.title), error_path(code), error_page(code)))
        .collect()
}

fn error_page(code: &Code) -> String {
    let mut text = format!("# {}: {}\n\n{}\n\n", code.code, code.title, paragraph(&code.text));
    let Ok(produced) = errors::produce(code) else { return text };
    let language = fence(code.place);
    if let Some((name, file)) = &produced.file {
        let _ = write!(text, "Este `{name}` lo produce:\n\n```{language}\n{}```\n\n", ended(file));
    }
    let _ = write!(text, "```console\n$ {}\n{}```\n\n", produced.command, ended(&produced.output));
    if !code.right.is_empty() {
        let place = code.place.describe();
        let (wrong, right) = (ended(&code.wrong), ended(&code.right));
        if matches!(
            code.place,
            Where::File | Where::Yaml | Where::Json | Where::Command | Where::Server | Where::Faults
        ) {
            let _ = write!(text, "Así está bien:\n\n```{language}\n{right}```\n\n");
        } else {
            let _ = write!(text, "El cambio, {place}:\n\n```rust\n// mal\n{wrong}// bien\n{right}```\n\n");
        }
    }
    let _ = writeln!(text, "Lo mismo, en la terminal: `micropod explain {}`.", code.code);
    text
}

/// Con qué colores se enseña un ejemplo. mdBook no conoce RON: los de Rust le sientan bien.
fn fence(place: Where) -> &'static str {
    match place {
        Where::Yaml => "yaml",
        Where::Json => "json",
        _ => "rust",
    }
}

fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

/// Los textos de los códigos citan marcas que en Markdown serían etiquetas.
fn paragraph(text: &str) -> String {
    let mut out = String::new();
    let mut code = false;
    for c in text.chars() {
        match c {
            '`' => code = !code,
            '<' if !code => {
                out.push_str("&lt;");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

fn error_list() -> String {
    let mut text = "| Código | Qué pasa |\n|---|---|\n".to_string();
    for code in CODES.iter() {
        let link = format!("errores/{}.md", code.code.to_lowercase());
        let _ =
            writeln!(text, "| [{}]({link}) | {} |", code.code, paragraph(&code.title).replace('|', "\\|"));
    }
    text
}

fn glossary(book: &Book) -> String {
    let mut terms: Vec<_> = book.glossary.iter().collect();
    terms.sort_by_key(|t| folded(&t.termino));
    let mut text = String::new();
    for term in terms {
        let english = if term.ingles.is_empty() { String::new() } else { format!(" (*{}*)", term.ingles) };
        let gender = if term.genero.is_empty() { String::new() } else { format!(", {}.", term.genero) };
        let _ = write!(text, "**{}**{english}{gender}\n: {}\n\n", term.termino, term.definicion);
    }
    text
}

/// Para ordenar: sin mayúsculas ni tildes.
fn folded(text: &str) -> String {
    let fold = |c| match c {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        '`' => ' ',
        c => c,
    };
    text.to_lowercase().chars().map(fold).collect::<String>().trim().to_string()
}

/// Número, título, minutos y página de cada capítulo, también de los que faltan.
fn chapters(book: &Book) -> Vec<(u32, &Entry, u32)> {
    let mut all = Vec::new();
    for entry in &book.entries {
        let page = book.page(&entry.path);
        let draft = book.pending.capitulos.iter().find(|(_, title, _)| *title == entry.title);
        match (page.and_then(|p| p.front.chapter.map(|n| (n, p.front.minutes))), draft) {
            (Some((number, minutes)), _) => all.push((number, entry, minutes)),
            (None, Some((number, _, minutes))) => all.push((*number, entry, *minutes)),
            (None, None) => {}
        }
    }
    all
}

fn timetable(book: &Book) -> String {
    let mut text = String::new();
    let (mut part, mut total) = ("", 0);
    for (number, entry, minutes) in chapters(book) {
        if entry.part != part || text.is_empty() {
            part = &entry.part;
            let title = if part.is_empty() { "Antes de empezar" } else { part };
            let _ = write!(
                text,
                "\n**{title}**\n\n| | Capítulo | Minutos | Hora de clase | Laboratorio entero |\n|--:|---|--:|---|---|\n"
            );
        }
        let name = match entry.path.as_str() {
            "" => format!("{} *(por escribir)*", entry.title),
            path => format!("[{}](../{path})", entry.title),
        };
        let (first, last) =
            (total / CLASS_HOUR + 1, (total + minutes).max(1).saturating_sub(1) / CLASS_HOUR + 1);
        total += minutes;
        let hour = if first == last { format!("{first}.ª") } else { format!("{first}.ª a {last}.ª") };
        let label = label(book, &entry.path, number);
        // un capítulo que cuelga de otro comparte los suyos
        let labs = if label == number.to_string() { labs_of(number) } else { "—".into() };
        let _ = writeln!(text, "| {label} | {name} | {minutes} | {hour} | {labs} |");
    }
    let hours = total.div_ceil(CLASS_HOUR);
    let _ = write!(text, "\nEn total, {total} minutos: {hours} horas de clase de {CLASS_HOUR} minutos.\n");
    text
}

/// Los laboratorios de un capítulo, con lo que dura cada uno.
fn labs_of(chapter: u32) -> String {
    let labs = catalog::all().into_iter().map(|lab| (lab.code(), lab.blank_sheet()));
    let here = labs.filter(|(_, sheet)| u32::from(sheet.chapter) == chapter);
    let texts: Vec<String> = here.map(|(code, sheet)| format!("{code}, {}", sheet.minutes)).collect();
    if texts.is_empty() { "—".into() } else { texts.join("; ") }
}

/// Cómo se llama un capítulo: `23`, y el primero de los que cuelgan de él, `23.1`.
fn label(book: &Book, path: &str, number: u32) -> String {
    let Some(at) = book.entries.iter().position(|e| e.path == path) else { return number.to_string() };
    match book.entries[..=at].iter().rev().take_while(|e| e.depth == 2).count() {
        0 => number.to_string(),
        under => format!("{number}.{under}"),
    }
}

fn objectives(book: &Book) -> String {
    let mut text = "| | Quien lo lee sabrá… | Frases de la fuente |\n|--:|---|---|\n".to_string();
    for page in book.chapters() {
        let number = label(book, &page.path, page.front.chapter.unwrap_or_default());
        let source = if page.front.source.is_empty() { "—".into() } else { page.front.source.join(", ") };
        let _ = writeln!(text, "| [{number}](../{}) | {} | {source} |", page.path, page.front.objective);
    }
    text
}

fn source_map(book: &Book) -> String {
    let mut text =
        "| Frase | Qué dice, con nuestras palabras | Capítulos | Laboratorios | Especificaciones |\n\
                    |---|---|---|---|---|\n"
            .to_string();
    for sentence in &book.source_map {
        let chapters: Vec<String> = sentence
            .capitulos
            .iter()
            .map(|n| match book.chapters().find(|p| p.front.chapter == Some(*n)) {
                Some(page) => format!("[{n}](../{})", page.path),
                None => n.to_string(),
            })
            .collect();
        let specs: Vec<String> = sentence.specs.iter().map(|s| format!("`{s}`")).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            sentence.frase,
            sentence.idea,
            chapters.join(", "),
            sentence.laboratorios.join(", "),
            specs.join(", ")
        );
    }
    text
}

/// La referencia: un apartado por cada tipo, con sus campos.
fn reference() -> String {
    let mut types: Vec<(String, &'static str, &'static [Field])> = Vec::new();
    visit(Pod::kind(), Pod::doc(), Pod::fields(), &mut types);
    use {controllers::*, objects::*};
    visit(ReplicaSet::kind(), ReplicaSet::doc(), ReplicaSet::fields(), &mut types);
    visit(Job::kind(), Job::doc(), Job::fields(), &mut types);
    visit(CronJob::kind(), CronJob::doc(), CronJob::fields(), &mut types);
    visit(ConfigMap::kind(), ConfigMap::doc(), ConfigMap::fields(), &mut types);
    visit(Secret::kind(), Secret::doc(), Secret::fields(), &mut types);
    visit(List::kind(), List::doc(), List::fields(), &mut types);
    let mut text = String::new();
    for (name, doc, fields) in &types {
        let _ = write!(text, "## {name}\n\n{}\n\n", paragraph(doc));
        for field in *fields {
            let kind = (field.kind)();
            let element = kind.trim_start_matches("[]");
            let list = if kind.starts_with("[]") { "lista de " } else { "" };
            let kind = match types.iter().any(|(name, ..)| name == element) {
                true => format!("{list}[{element}](#{})", element.to_lowercase()),
                false => format!("{list}`{element}`"),
            };
            let required = if field.required { ", **obligatorio**" } else { "" };
            let quoted = |v: &&str| format!("`{}`", if v.is_empty() { "\"\"" } else { v });
            let values = (field.values)();
            let values = match values.is_empty() {
                true => String::new(),
                false => format!(" Valores: {}.", values.iter().map(quoted).collect::<Vec<_>>().join(", ")),
            };
            let doc = paragraph(field.doc());
            let _ = writeln!(text, "- **`{}`** ({kind}{required}). {doc}{values}", field.name());
        }
        text.push('\n');
    }
    text
}

fn visit(
    kind: String,
    doc: &'static str,
    fields: &'static [Field],
    types: &mut Vec<(String, &'static str, &'static [Field])>,
) {
    if fields.is_empty() || types.iter().any(|(name, ..)| *name == kind) {
        return;
    }
    types.push((kind, doc, fields));
    for field in fields {
        let kind = (field.kind)().trim_start_matches("[]").to_string();
        visit(kind, (field.type_doc)(), (field.fields)(), types);
    }
}
