//! Los comentarios de un fichero, llevados a otro que dice lo mismo en otro lenguaje.
//!
//! No son del objeto: se buscan en el texto, se apunta junto a qué campo o elemento está cada uno, y se escriben
//! junto al mismo en el texto nuevo. De quién es un comentario lo dice su sangría, como a quien lo lee.

use super::language::Language;
use super::manifest::Manifest;
use super::tree::{Entry, Node, Tree};
use super::{parse, reader};
use crate::order;
use std::ops::Range;

/// Más comentarios no se llevan: nadie los ha escrito a mano.
const MOST: usize = 4096;

/// Un campo, un elemento o un objeto entero: los bytes que ocupa y cómo se llega a él.
struct Anchor {
    at: Range<usize>,
    path: String,
}

/// Dónde va un comentario: en las líneas de antes, al final de la suya o en la línea de después.
#[derive(Clone, Copy)]
enum Side {
    Before,
    Beside,
    After,
}

/// Un fichero, visto por quien busca comentarios.
struct Page<'a> {
    language: Language,
    text: &'a str,
    /// En el orden en que empiezan; el que contiene a otro, delante.
    anchors: Vec<Anchor>,
    /// Lo que ocupan los textos, en su orden: ahí dentro una marca no empieza nada.
    leaves: Vec<Range<usize>>,
}

/// `text`, que dice en `language` lo mismo que `manifest`, con los comentarios de este; y las líneas de los que no
/// han pasado.
pub fn carry(manifest: &Manifest, language: Language, text: String) -> (String, Vec<usize>) {
    let from = Page::new(manifest);
    let comments = from.comments();
    let all = comments.iter().map(|(line, _)| *line).collect();
    let file = format!("convertido.{}", language.extension());
    let read = |text: &str| parse::parse_all(&file, text).ok();
    let Some(target) = read(&text).filter(|_| language != Language::Json && comments.len() <= MOST) else {
        return (text, all);
    };
    let to = Page::new(&target);
    let (mut lost, mut added) = (Vec::new(), Vec::new());
    for (line, comment) in &comments {
        match from.owner(comment).and_then(|(owner, side)| Some((to.same(owner)?, side))) {
            Some((anchor, side)) => added.push(to.write(anchor, side, &from.lines(comment))),
            None => lost.push(*line),
        }
    }
    order::sort_by_key(&mut added, |(at, _)| *at);
    let (mut out, mut done) = (String::new(), 0);
    for (at, piece) in added {
        out += &text[done..at];
        out += &piece;
        done = at;
    }
    out += &text[done..];
    // un comentario no cambia nunca lo que dice el fichero
    match read(&out).is_some_and(|again| again.objects == target.objects) {
        true => (out, lost),
        false => (text, all),
    }
}

impl<'a> Page<'a> {
    fn new(manifest: &'a Manifest) -> Page<'a> {
        let Manifest { language, text, paths, .. } = manifest;
        let tree = Tree::read(*language, text);
        let mut page = Page { language: *language, text, anchors: Vec::new(), leaves: Vec::new() };
        page.visit(&tree.root, tree.root.span.start, String::new());
        page.anchors.iter_mut().for_each(|anchor| anchor.path = of_object(paths, &anchor.path));
        page
    }

    /// Apunta un nodo, que con su clave empieza en `start`, y dice dónde acaba.
    fn visit(&mut self, node: &Node, start: usize, path: String) -> usize {
        let index = self.anchors.len();
        // lo que repite una referencia de YAML está escrito en otra parte
        if self.anchors.last().is_some_and(|last| start < last.at.start) {
            return 0;
        }
        self.anchors.push(Anchor { at: start..start, path: path.clone() });
        let mut end = start;
        for (i, item) in node.items().iter().enumerate() {
            // un texto en bloque de YAML ocupa desde su primera línea: el guion está con la marca, más arriba
            let above = self.text[..item.span.start].trim_end();
            let mark = above.rfind(char::is_whitespace).map_or(0, |space| space + 1);
            let block = self.language == Language::Yaml && above[mark..].starts_with(['|', '>']);
            let start = if block { mark } else { item.span.start };
            end = self.visit(item, start, format!("{path}[{i}]")).max(end);
        }
        for Entry { key, value } in node.entries() {
            self.leaves.push(key.span.clone());
            end = self.visit(value, key.span.start, format!("{path}.{}", key.name(self.text))).max(end);
        }
        // un mapa de YAML sin llaves llega hasta lo siguiente, y un texto en bloque, hasta el salto de línea
        let written = self.text[..node.span.end].trim_end();
        if !node.is_compound() {
            self.leaves.push(node.span.clone());
        }
        if !node.is_compound() || written.ends_with([')', ']', '}']) {
            end = end.max(written.len());
        }
        self.anchors[index].at.end = end;
        end
    }

    /// ¿De qué texto es este byte, si es de alguno?
    fn leaf(&self, at: usize) -> Option<&Range<usize>> {
        let next = self.leaves.partition_point(|span| span.start <= at);
        self.leaves[..next].last().filter(|span| span.contains(&at))
    }

    /// Los comentarios, cada uno con su línea.
    fn comments(&self) -> Vec<(usize, Range<usize>)> {
        let (mark, seconds): (char, &[char]) = match self.language {
            Language::Ron => ('/', &['/', '*']),
            Language::Yaml => ('#', &[]),
            Language::Json => return Vec::new(),
        };
        let (mut found, mut at, mut line, mut counted) = (Vec::new(), 0, 1, 0);
        while let Some(start) = self.text[at..].find(mark).map(|next| at + next) {
            let leaf = self.leaf(start).map(|leaf| leaf.end);
            at = leaf.unwrap_or(start + 1);
            if leaf.is_some() || !(seconds.is_empty() || self.text[at..].starts_with(seconds)) {
                continue;
            }
            line += self.text[counted..start].matches('\n').count();
            (counted, at) = (start, reader::end_of_comment(self.text, start));
            found.push((line, start..at));
        }
        found
    }

    /// Lo que dice un comentario, línea a línea y sin sus marcas.
    fn lines(&self, comment: &Range<usize>) -> Vec<&'a str> {
        let text = &self.text[comment.clone()];
        let inside = text.strip_prefix("/*").map(|text| text.trim_end_matches("*/").trim());
        let bare = |line: &'a str| match inside {
            Some(_) => line.trim_start().trim_start_matches('*'),
            None => line,
        };
        let all = inside.unwrap_or(text.trim_start_matches(['/', '#'])).split('\n');
        all.map(|line| bare(line).trim_end()).map(|line| line.strip_prefix(' ').unwrap_or(line)).collect()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |end| at + end)
    }

    /// La sangría de la línea en la que está.
    fn indent(&self, at: usize) -> usize {
        let line = &self.text[self.line_start(at)..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// De quién es un comentario: del que empieza en su línea, del siguiente o, si está más adentro, del anterior.
    fn owner(&self, comment: &Range<usize>) -> Option<(&Anchor, Side)> {
        let line = self.line_start(comment.start);
        let alone = self.text[line..comment.start].trim().is_empty();
        let mut anchors = self.anchors.iter();
        let found = match alone {
            true => anchors.find(|a| a.at.start >= comment.end).map(|a| (a, Side::Before)),
            false => anchors.find(|a| (line..comment.start).contains(&a.at.start)).map(|a| (a, Side::Beside)),
        };
        let before = || self.anchors.iter().filter(|a| !a.path.is_empty() && a.at.end <= comment.start);
        let close = found.filter(|(a, _)| !alone || self.indent(comment.start) <= self.indent(a.at.start));
        close.or_else(|| before().max_by_key(|a| a.at.end).map(|a| (a, Side::After))).or(found)
    }

    /// El mismo en este texto. En RON no hay `kind`, lo dice el nombre del objeto; y lo de una lista de objetos va
    /// con el primero.
    fn same(&self, other: &Anchor) -> Option<&Anchor> {
        let find = |path: &str| self.anchors.iter().find(|a| a.path == path);
        let (object, rest) = other.path.split_once(' ').unwrap_or(("0", ""));
        find(&other.path)
            .filter(|found| !found.path.is_empty())
            .or_else(|| find(&format!("{object} ")).filter(|_| !rest.contains(['.', '['])))
    }

    /// Qué se escribe, y dónde.
    fn write(&self, anchor: &Anchor, side: Side, lines: &[&str]) -> (usize, String) {
        let mark = if self.language == Language::Ron { "//" } else { "#" };
        let (start, end) = (anchor.at.start, self.line_end(anchor.at.start));
        let line = |line: &&str| format!("{mark} {line}").trim_end().to_string();
        if let (Side::Beside, [one], None) = (side, lines, self.leaf(end)) {
            return (end, format!(" {}", line(one)));
        }
        // tras un campo de YAML que está junto a un guion, lo que sigue va donde él
        let aligned = matches!(side, Side::After) && mark == "#" && !anchor.path.ends_with(']');
        let margin = " ".repeat(if aligned { start - self.line_start(start) } else { self.indent(start) });
        let all: String = lines.iter().map(|one| format!("{margin}{}\n", line(one))).collect();
        match side {
            Side::Before | Side::Beside => (self.line_start(start), all),
            Side::After => ((self.line_end(anchor.at.end) + 1).min(self.text.len()), all),
        }
    }
}

/// El camino desde su objeto, con el número de este delante; vacío, si es de la lista de todos.
fn of_object(paths: &[String], path: &str) -> String {
    let path = path.trim_start_matches('.');
    let rest = |prefix: &String| {
        path.strip_prefix(prefix.as_str())
            .filter(|rest| rest.is_empty() || prefix.is_empty() || rest.starts_with('.'))
    };
    let mut all = paths.iter().enumerate();
    all.find_map(|(n, prefix)| Some(format!("{n} {}", rest(prefix)?.trim_start_matches('.'))))
        .unwrap_or_default()
}
