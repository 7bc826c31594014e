//! Los campos del texto frente a los de los tipos: los que sobran, los que faltan, los que no casan.
//!
//! Solo se mira cuando `ron` ya ha dicho que no. Recorre el árbol con la descripción de cada tipo
//! ([`Field`]) y apunta todos los errores, no solo el primero.

use super::errors::visible;
use super::objects::Kind;
use super::quantity::Quantity;
use super::schema::Field;
use super::tree::{Entry, Node, Tree, Value, unquote};
use super::{kubernetes_fields, objects, suggest};
use std::collections::BTreeSet;
use std::ops::Range;

/// Un error y los bytes que señala.
#[derive(Debug)]
pub struct Finding {
    pub at: Range<usize>,
    pub code: &'static str,
    pub field: String,
    pub problem: String,
    pub hint: Option<String>,
    pub possible: Vec<String>,
}

/// Todos los errores de los campos de `tree`, que es un objeto o una lista de ellos.
pub fn check(text: &str, tree: &Tree) -> Vec<Finding> {
    let mut checker = Checker { text, found: Vec::new(), root: &objects::KINDS[0], secret: false };
    checker.any_object(&tree.root, &tree.root.head(), "");
    checker.found
}

/// Errores que se apuntan como mucho.
const ENOUGH: usize = 100;

/// Lo que se espera en un sitio.
struct Shape {
    kind: String,
    fields: &'static [Field],
    values: &'static [&'static str],
}

impl Shape {
    fn of(field: &Field) -> Shape {
        Shape { kind: (field.kind)(), fields: (field.fields)(), values: (field.values)() }
    }

    /// Cómo se escribe un valor así.
    fn expected(&self) -> &'static str {
        match self.kind.as_str() {
            kind if kind.starts_with("[]") => "una lista entre corchetes, `[…]`",
            kind if kind.starts_with("map[") => "un mapa entre llaves, `{\"clave\": \"valor\"}`",
            _ if !self.fields.is_empty() => "un objeto entre paréntesis, `(campo: valor)`",
            "Object" => "un objeto con su nombre delante, `Pod(…)` o `ConfigMap(…)`",
            "integer" => "un número entero",
            "boolean" => "`true` o `false`",
            "Quantity" => "una cantidad, como `\"64Mi\"` o `\"500m\"`",
            "IntOrString" => "un número entero o un texto entre comillas",
            _ if !self.values.is_empty() => "una de sus palabras, sin comillas",
            _ => "un texto entre comillas",
        }
    }
}

struct Checker<'a> {
    text: &'a str,
    found: Vec<Finding>,
    /// La clase del objeto en el que se está: en él se busca el sitio de un campo descolocado.
    root: &'static Kind,
    /// ¿Se está entre los datos de un Secret? Lo que hay no se enseña.
    secret: bool,
}

impl Checker<'_> {
    fn source(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// ¿Ya hay más errores de los que nadie va a leer? Explicar cada uno cuesta.
    fn is_full(&self) -> bool {
        self.found.len() >= ENOUGH
    }

    fn push(
        &mut self,
        at: Range<usize>,
        code: &'static str,
        field: &str,
        problem: String,
        hint: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        self.found.push(Finding { at, code, field: field.to_string(), problem, hint, possible: Vec::new() });
    }

    fn value(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        if matches!(node.value, Value::Word) && self.source(&node.span) == "None" {
            return;
        }
        match shape.kind.as_str() {
            kind if kind.starts_with("[]") => {
                let Value::List(items) = &node.value else { return self.mismatch(node, head, shape, path) };
                let shape = Shape { kind: kind[2..].to_string(), ..*shape };
                for (i, item) in items.iter().enumerate() {
                    self.value(item, &item.head(), &shape, &format!("{path}[{i}]"));
                }
            }
            kind if kind.starts_with("map[") => match &node.value {
                Value::Map(entries) => self.map(entries, path),
                _ => self.mismatch(node, head, shape, path),
            },
            "Object" => self.any_object(node, head, path),
            _ if !shape.fields.is_empty() => self.object(node, head, shape, path),
            "Quantity" => self.quantity(node, head, shape, path),
            _ if !self.scalar_fits(node, shape) => self.mismatch(node, head, shape, path),
            _ => {}
        }
    }

    /// Un objeto que dice de qué clase es: `Pod(…)`.
    fn any_object(&mut self, node: &Node, head: &Range<usize>, path: &str) {
        let name = match &node.value {
            Value::Object { name, .. } | Value::Tuple { name, .. } => name.clone(),
            Value::Word => Some(node.span.clone()),
            _ => None,
        };
        let written = name.clone().map_or(String::new(), |name| self.source(&name).to_string());
        match (objects::kind(&written), &node.value) {
            (Some(kind), Value::Object { .. }) => {
                let shape = Shape { kind: kind.name.to_string(), fields: (kind.fields)(), values: &[] };
                let outer = std::mem::replace(&mut self.root, kind);
                self.object(node, head, &shape, path);
                self.root = outer;
            }
            _ => {
                let (problem, hint) = explain_kind(&written);
                self.push(name.unwrap_or(head.clone()), "MP0113", path, problem, Some(hint));
            }
        }
    }

    fn scalar_fits(&self, node: &Node, shape: &Shape) -> bool {
        let source = self.source(&node.span);
        let integer = || {
            source.replace('_', "").parse::<i64>().is_ok()
                || ["0x", "0b", "0o"].iter().any(|p| source.starts_with(p))
        };
        match (shape.kind.as_str(), &node.value) {
            ("integer", Value::Number) => integer(),
            ("IntOrString", Value::Number) => integer(),
            ("IntOrString", Value::Text) => true,
            ("boolean", Value::Word) => matches!(source, "true" | "false"),
            ("string", Value::Word) => shape.values.contains(&source),
            ("string", Value::Text) => shape.values.is_empty(),
            _ => false,
        }
    }

    fn quantity(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let written = match node.value {
            Value::Number => Some(self.source(&node.span).to_string()),
            Value::Text => unquote(self.source(&node.span)),
            _ => None,
        };
        match written.map(|text| Quantity::diagnose(&text)) {
            None => self.mismatch(node, head, shape, path),
            Some(Err(e)) => self.push(node.span.clone(), "MP0108", path, e.problem, Some(e.hint)),
            Some(Ok(_)) => {}
        }
    }

    fn map(&mut self, entries: &[Entry], path: &str) {
        let text = Shape { kind: "string".to_string(), fields: &[], values: &[] };
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for entry in entries {
            let Some(key) =
                unquote(self.source(&entry.key.span)).filter(|_| matches!(entry.key.value, Value::Text))
            else {
                self.mismatch(&entry.key, &entry.key.span, &text, path);
                continue;
            };
            let path = format!("{path}[\"{key}\"]");
            self.value(&entry.value, &entry.value.head(), &text, &path);
            if seen.contains(&key) {
                let problem = format!("la clave `{}` está repetida", visible(&key, 60));
                self.push(entry.key.span.clone(), "MP0121", &path, problem, Some("deja una sola".into()));
            }
            seen.insert(key);
        }
    }

    fn object(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let Value::Object { name, entries } = &node.value else {
            return self.mismatch(node, head, shape, path);
        };
        if let Some(name) = name.as_ref().filter(|name| self.source(name) != shape.kind) {
            let problem = format!("aquí va un `{}`, no un `{}`", shape.kind, visible(self.source(name), 40));
            let hint = "el nombre del tipo se puede quitar: deja solo los paréntesis".to_string();
            self.push(name.clone(), "MP0106", path, problem, Some(hint));
        }
        let owner = self.owner(node, shape, path);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for entry in entries {
            let name = self.text[entry.key.span.clone()].trim_start_matches("r#");
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            match shape.fields.iter().find(|f| f.name() == name) {
                None => self.unknown(entry, shape, &inner, path, &owner),
                Some(_) if seen.contains(name) => {
                    let problem = format!("el campo `{name}` está repetido en {owner}");
                    self.push(
                        entry.key.span.clone(),
                        "MP0105",
                        &inner,
                        problem,
                        Some("deja uno solo".into()),
                    );
                }
                Some(field) => {
                    self.secret = shape.kind == "Secret" && is_secret_field(name);
                    self.value(&entry.value, &entry.head(), &Shape::of(field), &inner);
                    self.secret = false;
                }
            }
            seen.insert(name);
        }
        self.missing(&seen, head, shape, path, &owner);
    }

    fn missing(
        &mut self,
        seen: &BTreeSet<&str>,
        head: &Range<usize>,
        shape: &Shape,
        path: &str,
        owner: &str,
    ) {
        for field in shape.fields.iter().filter(|f| f.required) {
            let name = field.name();
            // si hay un campo mal escrito que quería ser este, ya está dicho
            if seen.iter().take(ENOUGH).any(|seen| suggest::nearest(seen, [&*name]).is_some())
                || seen.contains(&*name)
            {
                continue;
            }
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let sample = match Shape::of(field) {
                shape if shape.kind.starts_with("[]") => "[…]",
                shape if !shape.fields.is_empty() => "(…)",
                shape if shape.kind == "string" => "\"…\"",
                _ => "…",
            };
            let problem = format!("falta el campo `{name}` en {owner}");
            self.push(head.clone(), "MP0104", &inner, problem, Some(format!("añade `{name}: {sample}`")));
        }
    }

    /// De quién es el campo, para decirlo.
    fn owner(&self, node: &Node, shape: &Shape, path: &str) -> String {
        let name = node.entries().iter().find(|e| self.source(&e.key.span) == "name");
        let name = name
            .filter(|e| matches!(e.value.value, Value::Text))
            .and_then(|e| unquote(self.source(&e.value.span)));
        match (shape.kind.as_str(), name) {
            ("Container", Some(name)) => format!("el contenedor `{}`", visible(&name, 63)),
            ("Volume", Some(name)) => format!("el volumen `{}`", visible(&name, 63)),
            ("List", _) => "la lista".to_string(),
            (kind, _) if objects::kind(kind).is_some() => format!("el {kind}"),
            _ => format!("`{path}`"),
        }
    }

    fn unknown(&mut self, entry: &Entry, shape: &Shape, inner: &str, path: &str, owner: &str) {
        if self.is_full() {
            return;
        }
        let source = self.source(&entry.key.span).to_string();
        if matches!(entry.key.value, Value::Text) {
            let hint = format!("escribe `{}`", source.trim_matches('"'));
            let problem = "los nombres de los campos van sin comillas".to_string();
            return self.push(entry.key.span.clone(), "MP0106", path, problem, Some(hint));
        }
        let name = visible(source.trim_start_matches("r#"), 60);
        let ours: Vec<String> = shape.fields.iter().map(Field::name).collect();
        let ours_ref: Vec<&str> = ours.iter().map(String::as_str).collect();
        let (code, problem, hint) = explain_unknown(&name, shape, &ours_ref, self.root, owner);
        self.push(entry.key.span.clone(), code, inner, problem, hint);
        if let Some(last) = self.found.last_mut().filter(|f| f.code == "MP0101") {
            last.possible = ours;
        }
    }

    /// Hay un valor, pero no de la clase que se esperaba.
    fn mismatch(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let source = if self.secret { "(oculto)" } else { self.source(&node.span) };
        let found = match &node.value {
            Value::Object { .. } | Value::Tuple { .. } => "un objeto entre paréntesis".to_string(),
            Value::Map(_) => "un mapa entre llaves".to_string(),
            Value::List(_) => "una lista".to_string(),
            Value::Text => "un texto".to_string(),
            Value::Char => "un carácter entre comillas simples".to_string(),
            Value::Number => format!("el número {}", visible(source, 40)),
            Value::Word => format!("la palabra `{}`", visible(source, 40)),
            Value::Unknown => "otra cosa".to_string(),
        };
        let is_word = matches!(node.value, Value::Word) && !shape.values.is_empty();
        let code = if is_word { "MP0107" } else { "MP0106" };
        let name = last_name(path);
        let problem = if is_word {
            format!("`{}` no es un valor de `{name}`", visible(source, 40))
        } else {
            format!("en `{name}` va {}, y hay {found}", shape.expected())
        };
        let hint = self.repair(node, shape);
        let at = match node.value {
            Value::Object { .. } | Value::Map(_) | Value::List(_) | Value::Tuple { .. } => head.clone(),
            _ => node.span.clone(),
        };
        self.push(at, code, path, problem, hint);
        if let Some(last) = self.found.last_mut() {
            last.possible = shape.values.iter().filter(|v| !v.is_empty()).map(|v| v.to_string()).collect();
        }
    }

    /// Cómo escribirlo bien, si se adivina.
    fn repair(&self, node: &Node, shape: &Shape) -> Option<String> {
        if self.secret {
            return Some("los datos de un Secret son textos: ponles comillas, `\"…\"`".into());
        }
        let source = self.source(&node.span);
        let inside = match node.value {
            Value::Text => unquote(source).unwrap_or_default(),
            Value::Char => source.trim_matches('\'').to_string(),
            _ => source.to_string(),
        };
        let inside = visible(&inside, 60);
        match (shape.kind.as_str(), &node.value) {
            (kind, Value::Object { .. }) if kind.starts_with("[]") => {
                Some("escribe `[(…)]`: una lista con un elemento".into())
            }
            ("[]string", Value::Text) => Some(format!("escribe `[\"{inside}\"]`")),
            (kind, Value::Object { .. }) if kind.starts_with("map[") => {
                Some("escribe `{\"app\": \"web\"}`: con llaves y las claves entre comillas".into())
            }
            (_, Value::Map(_)) if !shape.fields.is_empty() => Some("escribe `( )` en vez de `{ }`".into()),
            (_, Value::List(_)) if !shape.fields.is_empty() => Some("escribe `( )` en vez de `[ ]`".into()),
            ("boolean", Value::Text | Value::Word) => suggest::nearest(&inside, ["true", "false"])
                .map(|word| format!("escribe `{word}`, sin comillas")),
            ("integer", Value::Text) if inside.parse::<i64>().is_ok() => {
                Some(format!("quita las comillas: `{inside}`"))
            }
            ("integer", Value::Number) => Some("los enteros van sin decimales y no pasan de 2⁶³−1".into()),
            ("string", Value::Text) => {
                let word = suggest::nearest(&inside, shape.values.iter().copied().filter(|v| !v.is_empty()));
                match word {
                    Some(word) => {
                        Some(format!("es una palabra, no un texto: escribe `{word}`, sin comillas"))
                    }
                    None if inside.is_empty() => Some("quita el campo: es su valor predeterminado".into()),
                    None => None,
                }
            }
            ("string", Value::Word) if !shape.values.is_empty() => {
                suggest::nearest(&inside, shape.values.iter().copied())
                    .map(|word| format!("¿querías decir `{word}`?"))
            }
            ("string" | "Quantity" | "IntOrString", Value::Word | Value::Number | Value::Char)
                if shape.values.is_empty() =>
            {
                Some(format!("ponle comillas: `\"{inside}\"`"))
            }
            _ => None,
        }
    }
}

/// Los permisos escritos como en C, con un 0 delante: RON los lee en decimal, y serían otros.
pub fn decimal_modes(text: &str) -> Vec<Finding> {
    fn visit(text: &str, node: &Node, found: &mut Vec<Finding>) {
        for Entry { key, value } in node.entries() {
            let (name, source) = (&text[key.span.clone()], &text[value.span.clone()]);
            let digits =
                source.strip_prefix('0').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if let Some(digits) = digits.filter(|_| matches!(name, "mode" | "defaultMode")) {
                found.push(Finding {
                    at: value.span.clone(),
                    code: "MP0189",
                    field: name.to_string(),
                    problem: format!("`{}` se leería en decimal, no en octal", visible(source, 20)),
                    hint: Some(format!("escribe `0o{}`", visible(digits, 20))),
                    possible: Vec::new(),
                });
            }
            visit(text, value, found);
        }
        node.items().iter().for_each(|item| visit(text, item, found));
    }
    let mut found = Vec::new();
    // leer el árbol cuesta: solo si puede haber alguno
    if text.contains("ode: 0") || text.contains("ode:0") {
        visit(text, &Tree::read(text).root, &mut found);
        found.truncate(ENOUGH);
    }
    found
}

/// Los campos de un Secret cuyo contenido no se enseña.
pub fn is_secret_field(name: &str) -> bool {
    matches!(name, "data" | "stringData")
}

/// El último paso de un camino: `name` o `app.conf` (la clave de un mapa, que puede llevar puntos).
fn last_name(path: &str) -> &str {
    match path.strip_suffix("\"]").and_then(|rest| rest.rsplit_once("[\"")) {
        Some((_, key)) => key,
        None => path.rsplit('.').next().unwrap_or(path),
    }
}

/// Por qué `name` no es un objeto que se pueda escribir, y qué hacer.
pub fn explain_kind(name: &str) -> (String, String) {
    let ours: Vec<&str> = objects::KINDS.iter().map(|k| k.name).collect();
    let known = kubernetes_fields::other_kind(name);
    let problem = match (name, known) {
        ("", _) => "falta decir qué objeto es".to_string(),
        (name, _) if ours.contains(&name) => {
            format!("después de `{name}` van unos paréntesis con sus campos")
        }
        (name, Some(_)) => format!("`{name}` es un objeto de Kubernetes que micropod no crea"),
        (name, None) => format!("`{}` no es un objeto: los que hay son {}", visible(name, 60), list(&ours)),
    };
    let guess = suggest::nearest(name, ours.iter().copied())
        .filter(|better| *better != name)
        .map(|better| format!("¿querías decir `{better}`?"));
    let hint = known.map(str::to_string).or(guess);
    (problem, hint.unwrap_or_else(|| super::parse::SHAPE_OF_A_POD.to_string()))
}

/// Un campo que no está: ¿errata, otro sitio, o cosa de Kubernetes que micropod no hace?
fn explain_unknown(
    name: &str,
    shape: &Shape,
    ours: &[&str],
    root: &Kind,
    owner: &str,
) -> (&'static str, String, Option<String>) {
    let unknown = || format!("campo desconocido `{name}` en {owner}");
    let kubernetes = kubernetes_fields::of(&shape.kind).map_or(&[][..], |t| t.fields);
    if let Some(better) = suggest::same(name, ours) {
        return ("MP0101", unknown(), Some(format!("¿querías decir `{better}`?")));
    }
    if objects::kind(&shape.kind).is_some() && matches!(name, "apiVersion" | "kind") {
        let problem = format!("`{name}` no se escribe en RON");
        return ("MP0103", problem, Some(format!("quítalo: `{}(` ya dice qué objeto es", shape.kind)));
    }
    let homes = homes(name, root);
    if let Some(field) = suggest::same(name, kubernetes) {
        let problem = format!("`{field}` existe en Kubernetes, en {owner}; micropod no lo implementa");
        let hint = match homes.as_slice() {
            [] => "quítalo: micropod nunca omite en silencio lo que no hace".to_string(),
            homes => format!("quítalo; micropod tiene `{field}` en {}", places(homes)),
        };
        return ("MP0102", problem, Some(hint));
    }
    if !homes.is_empty() {
        return ("MP0103", format!("`{name}` no va en {owner}"), Some(format!("va en {}", places(&homes))));
    }
    if let Some(better) = suggest::nearest(name, ours.iter().copied()) {
        return ("MP0101", unknown(), Some(format!("¿querías decir `{better}`?")));
    }
    if let Some(kind) = kubernetes_fields::with_field(name) {
        let problem = format!("`{name}` existe en Kubernetes, en `{}`; micropod no lo implementa", kind.name);
        return ("MP0102", problem, Some("quítalo: micropod nunca omite en silencio lo que no hace".into()));
    }
    ("MP0101", unknown(), None)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn places(places: &[String]) -> String {
    let quoted: Vec<String> = places.iter().take(3).map(|p| format!("`{p}`")).collect();
    quoted.join(" o en ")
}

/// Los sitios del objeto que tienen un campo que se llama así.
fn homes(name: &str, root: &Kind) -> Vec<String> {
    let mut found = Vec::new();
    if (root.fields)().iter().any(|f| f.name() == name) {
        found.push(root.name.to_string());
    }
    visit("", (root.fields)(), name, &mut found);
    found
}

fn visit(path: &str, fields: &[Field], name: &str, found: &mut Vec<String>) {
    if !path.is_empty() && fields.iter().any(|f| f.name() == name) {
        found.push(path.to_string());
    }
    for field in fields {
        let inner = if path.is_empty() { field.name() } else { format!("{path}.{}", field.name()) };
        visit(&inner, (field.fields)(), name, found);
    }
}
