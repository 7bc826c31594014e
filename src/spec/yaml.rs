//! El lector de YAML: de los sucesos de `saphyr-parser` al árbol, hasta el primer fallo.
//!
//! La biblioteca sabe la gramática; aquí se decide lo demás como lo decide Kubernetes: qué vale cada
//! palabra sin comillas ([`super::scalar`]), qué claves y etiquetas se admiten, y cuánto pueden crecer
//! las referencias (`*ancla`): con nueve líneas se pueden escribir mil millones de nodos.

use super::errors::{floor_char, visible};
use super::language::Language;
use super::tree::{Entry, Fault, MAX_DEPTH, Node, Tree, Value};
use super::{scalar, yaml_faults};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use std::collections::HashMap;
use std::ops::Range;

/// Los nodos que pueden llevar anclas y añadir las referencias, todas juntas.
const MAX_REPEATED: usize = 10_000;

/// El árbol de `text` y su primer fallo de sintaxis.
pub fn read(text: &str) -> Tree {
    let mut builder = Builder { at: Offsets::new(text), text, anchors: HashMap::new(), repeated: 0 };
    let (documents, fault) = match builder.documents() {
        Ok(documents) => (documents, None),
        Err(fault) => (Vec::new(), Some(*fault)),
    };
    // los documentos vacíos (un `---` de más) no cuentan
    let mut documents: Vec<Node> =
        documents.into_iter().filter(|d| !matches!(d.value, Value::Null)).collect();
    let many = documents.len() > 1;
    let root = match documents.len() {
        0 => Node { span: 0..0, value: Value::Null },
        1 => documents.remove(0),
        _ => Node { span: 0..text.len(), value: Value::List(documents) },
    };
    Tree { language: Language::Yaml, documents: many, root, fault }
}

/// De la cuenta de caracteres de la biblioteca a la de bytes.
struct Offsets(Option<Vec<usize>>, usize);

impl Offsets {
    fn new(text: &str) -> Offsets {
        let wide = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Offsets(wide, text.len())
    }

    fn byte(&self, index: usize) -> usize {
        match &self.0 {
            Some(bytes) => bytes.get(index).copied().unwrap_or(self.1),
            None => index.min(self.1),
        }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }
}

/// Una lista o un mapa que aún no se ha cerrado.
struct Open {
    start: usize,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Node>, merged: Vec<Node> },
}

struct Builder<'a> {
    text: &'a str,
    at: Offsets,
    anchors: HashMap<usize, Node>,
    repeated: usize,
}

type Read<T> = Result<T, Box<Fault>>;

fn fault(at: Range<usize>, code: &'static str, problem: impl Into<String>, hint: &str) -> Box<Fault> {
    let hint = Some(hint.to_string()).filter(|h| !h.is_empty());
    Box::new(Fault { at, code, problem: problem.into(), hint })
}

impl<'a> Builder<'a> {
    fn documents(&mut self) -> Read<Vec<Node>> {
        let mut parser = Parser::new(StrInput::new(self.text));
        let (mut documents, mut stack) = (Vec::new(), Vec::<Open>::new());
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let at = self.at.byte(error.marker().index());
                Box::new(yaml_faults::explain(
                    self.text,
                    at,
                    error.info(),
                    stack.last().map(|open| open.start),
                ))
            })?;
            let Some((node, anchor)) = self.node(event, &span, &mut stack)? else { continue };
            if anchor > 0 {
                self.repeat(&node, &node.span)?;
                self.anchors.insert(anchor, node.clone());
            }
            match stack.last_mut() {
                None => documents.push(node),
                Some(Open { inside: Inside::List(items), .. }) => items.push(node),
                Some(Open { inside: Inside::Map { entries, key, merged }, .. }) => match key.take() {
                    None => *key = Some(self.key(node)?),
                    Some(key) if matches!(key.value, Value::Unknown) => merged.push(node),
                    Some(key) => entries.push(Entry { key, value: node }),
                },
            }
        }
        Ok(documents)
    }

    /// El nodo que acaba con este suceso, si acaba alguno, y su ancla.
    fn node(&mut self, event: Event<'_>, span: &Span, stack: &mut Vec<Open>) -> Read<Option<(Node, usize)>> {
        let at = self.at.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), &at, stack)?;
                // nada: la biblioteca señala lo que sigue
                let at = if text.is_empty() && style == ScalarStyle::Plain { at.start..at.start } else { at };
                let at = at.start..end_of_quoted(self.text, at);
                Ok(Some((Node { span: at, value }, anchor)))
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    let problem = "esta referencia está dentro de aquello a lo que se refiere";
                    return Err(fault(at, "MP0213", problem, "no acabaría nunca: escríbelo entero"));
                };
                self.repeat(&node, &at)?;
                if stack.len() + depth(&node) > MAX_DEPTH {
                    return Err(too_deep(at));
                }
                Ok(Some((node, 0)))
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", &at)?;
                self.open(stack, Open { start: at.start, anchor, inside: Inside::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", &at)?;
                let inside = Inside::Map { entries: Vec::new(), key: None, merged: Vec::new() };
                self.open(stack, Open { start: at.start, anchor, inside })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = stack.pop() else { return Ok(None) };
                let anchor = open.anchor;
                Ok(Some((self.close(open, at.end)?, anchor)))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
        }
    }

    fn open(&self, stack: &mut Vec<Open>, open: Open) -> Read<Option<(Node, usize)>> {
        if stack.len() >= MAX_DEPTH {
            return Err(too_deep(open.start..open.start + 1));
        }
        stack.push(open);
        Ok(None)
    }

    fn close(&mut self, open: Open, end: usize) -> Read<Node> {
        let span = open.start..end.max(open.start);
        let value = match open.inside {
            Inside::List(items) => Value::List(items),
            Inside::Map { mut entries, merged, .. } => {
                for node in merged {
                    merge(&mut entries, node)?;
                }
                Value::Map(entries)
            }
        };
        Ok(Node { span, value })
    }

    /// Lo que se repite se cuenta: un ancla y cada referencia a ella.
    fn repeat(&mut self, node: &Node, at: &Range<usize>) -> Read<()> {
        self.repeated += size(node);
        if self.repeated <= MAX_REPEATED {
            return Ok(());
        }
        let problem = format!("las anclas y sus referencias repiten más de {MAX_REPEATED} valores");
        Err(fault(at.clone(), "MP0213", problem, "escribe cada cosa donde va, sin referencias a referencias"))
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: &Range<usize>,
        stack: &[Open],
    ) -> Read<Value> {
        let plain = style == ScalarStyle::Plain;
        let is_key = matches!(stack.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }));
        if is_key && plain && tag.is_none() && text == "<<" {
            return Ok(Value::Unknown);
        }
        match tag {
            None if plain => Ok(scalar::resolve(text)),
            None => Ok(Value::Text(text.to_string())),
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(Value::Text(text.to_string())),
            Some(tag) => {
                let resolved = scalar::resolve(text);
                let fits = match (tag.is_yaml_core_schema(), tag.suffix.as_str(), &resolved) {
                    (true, "str", _) => return Ok(Value::Text(text.to_string())),
                    (true, "int", Value::Number(number)) => !number.contains('.'),
                    (true, "float", Value::Number(_))
                    | (true, "bool", Value::Word(_))
                    | (true, "null", Value::Null) => true,
                    _ => false,
                };
                if fits { Ok(resolved) } else { Err(bad_tag(tag, at)) }
            }
        }
    }

    fn collection_tag(&self, tag: Option<&Tag>, kind: &str, at: &Range<usize>) -> Read<()> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == kind) => Err(bad_tag(tag, at)),
            _ => Ok(()),
        }
    }

    /// Una clave es un texto. Las que no lo son, pero se leen igual que se escriben (`8080`), también
    /// valen; las que no (`on`, que es `true`), se señalan: perderse aquí sería perderse en silencio.
    fn key(&self, node: Node) -> Read<Node> {
        let end = floor_char(self.text, node.span.end);
        let written = self.text[floor_char(self.text, node.span.start)..end].trim();
        let read = match &node.value {
            // la de `<<` se reconoce por no ser nada
            Value::Text(_) | Value::Unknown => return Ok(node),
            Value::Number(number) if number == written => {
                return Ok(Node { value: Value::Text(number.clone()), span: node.span });
            }
            Value::Number(number) => number.clone(),
            Value::Word(word) => word.clone(),
            Value::Null => "null".to_string(),
            _ => {
                let hint = "una clave es un texto: si empieza por `{` o `[`, ponle comillas";
                return Err(fault(node.head(), "MP0213", "una lista o un mapa no puede ser una clave", hint));
            }
        };
        let shown = visible(written, 60);
        let problem = format!("la clave `{shown}`, sin comillas, la lee YAML como `{read}`");
        Err(fault(node.span, "MP0214", problem, &format!("escribe `\"{shown}\"`")))
    }
}

/// Dónde se cierran las comillas de un texto: la biblioteca llega hasta lo siguiente, y se lleva los comentarios.
fn end_of_quoted(text: &str, at: Range<usize>) -> usize {
    let inside = text.as_bytes().get(at.clone()).unwrap_or_default();
    let Some(quote) = inside.first().filter(|first| matches!(first, b'"' | b'\'')) else { return at.end };
    let mut i = 1;
    while i < inside.len() {
        let doubled = *quote == b'\'' && inside.get(i + 1) == Some(quote);
        match inside[i] {
            b'\\' if *quote == b'"' => i += 1,
            byte if byte == *quote && doubled => i += 1,
            byte if byte == *quote => return at.start + i + 1,
            _ => {}
        }
        i += 1;
    }
    at.end
}

fn too_deep(at: Range<usize>) -> Box<Fault> {
    let problem = format!("hay más de {MAX_DEPTH} listas y mapas unos dentro de otros");
    fault(at, "MP0111", problem, "un Pod no necesita más de 12")
}

fn bad_tag(tag: &Tag, at: &Range<usize>) -> Box<Fault> {
    let shown = match tag.is_yaml_core_schema() {
        true => format!("!!{}", tag.suffix),
        false => tag.to_string(),
    };
    let problem = format!("la etiqueta `{}` no vale aquí", visible(&shown, 60));
    fault(at.clone(), "MP0213", problem, "quítala; para que algo sea un texto basta con ponerle comillas")
}

/// `<<: *ancla`: los campos de otro mapa que no estén ya en este.
fn merge(entries: &mut Vec<Entry>, node: Node) -> Read<()> {
    match node.value {
        Value::Map(others) => {
            for other in others {
                let has = |e: &Entry| match (&e.key.value, &other.key.value) {
                    (Value::Text(a), Value::Text(b)) => a == b,
                    _ => false,
                };
                if !entries.iter().any(has) {
                    entries.push(other);
                }
            }
            Ok(())
        }
        Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
            items.into_iter().try_for_each(|item| merge(entries, item))
        }
        _ => Err(fault(node.span.clone(), "MP0213", "`<<` mezcla mapas, y esto no lo es", "quítalo")),
    }
}

/// Cuántos nodos hay en `node`, con él. La profundidad está acotada: no desborda la pila.
fn size(node: &Node) -> usize {
    let entries: usize = node.entries().iter().map(|e| 1 + size(&e.value)).sum();
    1 + entries + node.items().iter().map(size).sum::<usize>()
}

fn depth(node: &Node) -> usize {
    let entries = node.entries().iter().map(|e| depth(&e.value)).max();
    let items = node.items().iter().map(depth).max();
    match node.is_compound() {
        true => 1 + entries.or(items).unwrap_or_default(),
        false => 0,
    }
}
