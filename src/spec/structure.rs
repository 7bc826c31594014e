//! Los campos del texto frente a los de los tipos: los que sobran, los que faltan, los que no casan.
//!
//! Solo se mira cuando `ron` ya ha dicho que no. Recorre el árbol con la descripción de cada tipo
//! ([`Field`]) y apunta todos los errores, no solo el primero.

use super::errors::visible;
use super::language::Language;
use super::objects::Kind;
use super::quantity::Quantity;
use super::schema::Field;
use super::tree::{Entry, Node, Tree, Value};
use super::validation::{self, Weight};
use super::{kubernetes_fields, objects, suggest, typed};
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
    pub weight: Weight,
}

/// Todos los errores de los campos de `tree`, que es un objeto o una lista de ellos.
pub fn check(text: &str, tree: &Tree) -> Vec<Finding> {
    let root = &objects::KINDS[0];
    let mut checker = Checker { language: tree.language, text, found: Vec::new(), root, secret: false };
    match tree.documents {
        false => checker.any_object(&tree.root, &tree.root.head(), ""),
        true => {
            for (i, document) in tree.root.items().iter().enumerate() {
                checker.any_object(document, &document.head(), &format!("[{i}]"));
            }
        }
    }
    checker.found
}

/// Errores que se apuntan como mucho.
const ENOUGH: usize = 100;
/// Valores de Kubernetes que aquí no hay: nadie debe leer que no existen.
const ELSEWHERE: [&str; 3] = ["SCTP", "Localhost", "HugePages"];

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
    fn expected(&self, language: Language) -> &'static str {
        let yaml = language == Language::Yaml;
        match self.kind.as_str() {
            kind if language != Language::Ron && !matches!(kind, "integer" | "boolean" | "Quantity") => {
                match kind {
                    kind if kind.starts_with("[]") && yaml => {
                        "una lista, con `- ` delante de cada elemento o `[…]`"
                    }
                    kind if kind.starts_with("[]") => "una lista, `[…]`",
                    kind if kind.starts_with("map[") && yaml => "un mapa, `clave: valor`",
                    kind if kind.starts_with("map[") => "un mapa, `{\"clave\": \"valor\"}`",
                    _ if !self.fields.is_empty() && yaml => "un objeto con sus campos, `campo: valor`",
                    _ if !self.fields.is_empty() => "un objeto con sus campos, `{\"campo\": …}`",
                    "Object" => "un objeto con su `apiVersion` y su `kind`",
                    "IntOrString" => "un número entero o un texto",
                    _ if !self.values.is_empty() => "una de sus palabras",
                    _ if yaml => "un texto",
                    _ => "un texto entre comillas",
                }
            }
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
    language: Language,
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
        self.found.push(Finding {
            at,
            code,
            field: field.to_string(),
            problem,
            hint,
            possible: Vec::new(),
            weight: Weight::Fatal,
        });
    }

    fn value(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        if matches!(&node.value, Value::Word(word) if word == "None") {
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
        if self.language != Language::Ron {
            return self.kubernetes_object(node, head, path);
        }
        let name = match &node.value {
            Value::Object { name, .. } | Value::Tuple { name, .. } => name.clone(),
            Value::Word(_) => Some(node.span.clone()),
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
                let (problem, hint) = explain_kind(&written, self.language);
                self.push(name.unwrap_or(head.clone()), "MP0113", path, problem, Some(hint));
            }
        }
    }

    /// Un objeto que dice de qué clase es en sus campos: `kind: Pod` y `apiVersion: v1`.
    fn kubernetes_object(&mut self, node: &Node, head: &Range<usize>, path: &str) {
        let entry = |name: &str| node.entries().iter().find(|e| e.key.name(self.text) == name);
        let place = entry("kind").map_or(head.clone(), Entry::head);
        let written = typed::text(node, "kind").unwrap_or_default();
        let Some(kind) = objects::kind(written).filter(|_| matches!(node.value, Value::Map(_))) else {
            let (problem, hint) = explain_kind(written, self.language);
            return self.push(place, "MP0113", path, problem, Some(hint));
        };
        let (name, version) = (kind.name, kind.api_version);
        let hint = Some(self.language.say(&format!("escribe `apiVersion: \"{version}\"`")));
        let field = if path.is_empty() { "apiVersion".to_string() } else { format!("{path}.apiVersion") };
        match (typed::text(node, "apiVersion"), entry("apiVersion").map(Entry::head)) {
            (Some(said), _) if said == version => {}
            (_, None) => self.push(place, "MP0212", &field, format!("falta `apiVersion` en el {name}"), hint),
            (said, Some(at)) => {
                let said = visible(said.unwrap_or_default(), 60);
                let problem = format!("un {name} es de la versión `{version}` de la API, no de `{said}`");
                self.push(at, "MP0212", &field, problem, hint);
            }
        }
        let shape = Shape { kind: name.to_string(), fields: (kind.fields)(), values: &[] };
        let outer = std::mem::replace(&mut self.root, kind);
        self.object(node, head, &shape, path);
        self.root = outer;
    }

    fn scalar_fits(&self, node: &Node, shape: &Shape) -> bool {
        let source = match &node.value {
            Value::Number(number) | Value::Word(number) => number,
            _ => self.source(&node.span),
        };
        let integer = || {
            source.replace('_', "").parse::<i64>().is_ok()
                || ["0x", "0b", "0o"].iter().any(|p| source.starts_with(p))
        };
        match (shape.kind.as_str(), &node.value) {
            ("integer", Value::Number(_)) => integer(),
            ("IntOrString", Value::Number(_)) => integer(),
            ("IntOrString", Value::Text(_)) => true,
            ("boolean", Value::Word(_)) => matches!(source, "true" | "false"),
            ("string", Value::Word(_)) => self.language == Language::Ron && shape.values.contains(&source),
            ("string", Value::Text(text)) => {
                shape.values.is_empty()
                    || self.language != Language::Ron && shape.values.contains(&text.as_str())
            }
            _ => false,
        }
    }

    fn quantity(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let written = match &node.value {
            Value::Number(text) | Value::Text(text) => Some(text.clone()),
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
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for entry in entries {
            let Value::Text(key) = &entry.key.value else {
                self.mismatch(&entry.key, &entry.key.span, &text, path);
                continue;
            };
            let path = format!("{path}[\"{key}\"]");
            let head =
                if matches!(entry.value.value, Value::Null) { entry.head() } else { entry.value.head() };
            self.value(&entry.value, &head, &text, &path);
            if seen.contains(key.as_str()) {
                let problem = format!("la clave `{}` está repetida", visible(key, 60));
                self.push(entry.key.span.clone(), "MP0121", &path, problem, Some("deja una sola".into()));
            }
            seen.insert(key);
        }
    }

    fn object(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let (name, entries) = match &node.value {
            Value::Object { name, entries } => (name, entries),
            Value::Map(entries) if self.language != Language::Ron => (&None, entries),
            _ => return self.mismatch(node, head, shape, path),
        };
        if let Some(name) = name.as_ref().filter(|name| self.source(name) != shape.kind) {
            let problem = format!("aquí va un `{}`, no un `{}`", shape.kind, visible(self.source(name), 40));
            let hint = "el nombre del tipo se puede quitar: deja solo los paréntesis".to_string();
            self.push(name.clone(), "MP0106", path, problem, Some(hint));
        }
        let owner = self.owner(node, shape, path);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for entry in entries {
            let name = entry.key.name(self.text);
            if self.language != Language::Ron && self.belongs_to_kind(name, shape) && !seen.contains(name) {
                seen.insert(name);
                continue;
            }
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            // en RON un campo no lleva comillas
            let quoted = self.language == Language::Ron && matches!(entry.key.value, Value::Text(_));
            match shape.fields.iter().find(|f| !quoted && f.is(name)) {
                None if seen.contains(name) => self.repeated(entry, &inner, &owner),
                None => self.unknown(entry, shape, &inner, path, &owner),
                Some(_) if seen.contains(name) => self.repeated(entry, &inner, &owner),
                // `null` es como no haberlo escrito
                Some(_) if matches!(entry.value.value, Value::Null) => continue,
                Some(field) => {
                    self.secret = shape.kind == "Secret" && is_secret_field(name);
                    self.value(&entry.value, &entry.head(), &Shape::of(field), &inner);
                    self.secret = false;
                    if name == "imagePullPolicy" {
                        self.pulling(entry, &inner);
                    }
                }
            }
            seen.insert(name);
        }
        self.missing(&seen, head, shape, path, &owner);
    }

    /// De las maneras de traer una imagen, la que pide un registro no se hace.
    fn pulling(&mut self, entry: &Entry, path: &str) {
        let always = matches!(&entry.value.value, Value::Text(word) | Value::Word(word) if word == "Always");
        if always && !self.is_full() {
            let problem = "`Always` pide preguntar a un registro, y micropod no descarga imágenes";
            let hint = "quítalo, o pon IfNotPresent: `micropod image ls` enseña las que hay";
            self.push(entry.key.span.clone(), "MP0230", path, problem.into(), Some(hint.into()));
            self.found.iter_mut().rev().take(1).for_each(|found| found.weight = Weight::Unsupported);
        }
    }

    fn repeated(&mut self, entry: &Entry, inner: &str, owner: &str) {
        let name = visible(entry.key.name(self.text), 60);
        let problem = format!("el campo `{name}` está repetido en {owner}");
        self.push(entry.key.span.clone(), "MP0105", inner, problem, Some("deja uno solo".into()));
    }

    /// ¿Es de lo que dice qué objeto es, o de lo que kubectl pone en una lista?
    fn belongs_to_kind(&self, name: &str, shape: &Shape) -> bool {
        objects::kind(&shape.kind).is_some()
            && (matches!(name, "apiVersion" | "kind") || shape.kind == "List" && name == "metadata")
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
            if seen.iter().any(|seen| field.is(seen)) {
                continue;
            }
            let name = field.name();
            let known = self.found.len();
            let implied = seen.iter().take(ENOUGH).any(|seen| suggest::nearest(seen, [&*name]).is_some());
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let sample = match Shape::of(field) {
                shape if shape.kind.starts_with("[]") => "[…]",
                shape if !shape.fields.is_empty() && self.language == Language::Ron => "(…)",
                shape if !shape.fields.is_empty() => "{…}",
                shape if shape.kind == "string" => "\"…\"",
                _ => "…",
            };
            let problem = format!("falta el campo `{name}` en {owner}");
            self.push(
                head.clone(),
                "MP0104",
                &inner,
                problem,
                Some(self.language.say(&format!("añade `{name}: {sample}`"))),
            );
            if let Some(pushed) = self.found.get_mut(known).filter(|_| implied) {
                pushed.weight = Weight::Implied;
            }
        }
    }

    /// De quién es el campo, para decirlo.
    fn owner(&self, node: &Node, shape: &Shape, path: &str) -> String {
        let name = node.entries().iter().find(|e| e.key.name(self.text) == "name");
        let name = name.and_then(|e| match &e.value.value {
            Value::Text(name) => Some(name),
            _ => None,
        });
        match (shape.kind.as_str(), name) {
            ("Container", Some(name)) => format!("el contenedor `{}`", visible(name, 63)),
            ("Volume", Some(name)) => format!("el volumen `{}`", visible(name, 63)),
            ("List", _) => "la lista".to_string(),
            (kind, _) if objects::kind(kind).is_some() => format!("el {kind}"),
            _ if path.starts_with('[') => format!("`{}`", path.split_once("].").map_or(path, |(_, p)| p)),
            _ => format!("`{path}`"),
        }
    }

    fn unknown(&mut self, entry: &Entry, shape: &Shape, inner: &str, path: &str, owner: &str) {
        if self.is_full() {
            return;
        }
        let source = self.source(&entry.key.span).to_string();
        if self.language == Language::Ron && matches!(entry.key.value, Value::Text(_)) {
            let hint = format!("escribe `{}`", source.trim_matches('"'));
            let problem = "los nombres de los campos van sin comillas".to_string();
            return self.push(entry.key.span.clone(), "MP0106", path, problem, Some(hint));
        }
        let name = visible(entry.key.name(self.text), 60);
        let ours: Vec<String> = shape.fields.iter().map(Field::name).collect();
        let ours_ref: Vec<&str> = ours.iter().map(String::as_str).collect();
        let (code, problem, hint) = explain_unknown(&name, shape, &ours_ref, self.root, owner);
        self.push(entry.key.span.clone(), code, inner, problem, hint);
        let neutral = validation::neutral(&shape.kind).contains(&name.as_str());
        let Some(last) = self.found.last_mut() else { return };
        last.weight = if neutral { Weight::Neutral } else { Weight::Unsupported };
        if last.code == "MP0101" {
            last.possible = ours;
        }
    }

    /// Hay un valor, pero no de la clase que se esperaba.
    fn mismatch(&mut self, node: &Node, head: &Range<usize>, shape: &Shape, path: &str) {
        let source = if self.secret { "(oculto)" } else { self.source(&node.span) };
        let found = match &node.value {
            Value::Object { .. } | Value::Tuple { .. } => "un objeto entre paréntesis".to_string(),
            Value::Map(_) if self.language == Language::Ron => "un mapa entre llaves".to_string(),
            Value::Map(_) => "un mapa".to_string(),
            Value::List(_) => "una lista".to_string(),
            Value::Text(_) => "un texto".to_string(),
            Value::Null => "nada".to_string(),
            Value::Char => "un carácter entre comillas simples".to_string(),
            Value::Number(number) if number != source && !self.secret => {
                format!("`{}`, que es el número {}", visible(source, 40), visible(number, 40))
            }
            Value::Word(word) if word != source && !self.secret => {
                format!("`{}`, que es `{word}`", visible(source, 40))
            }
            Value::Number(_) => format!("el número {}", visible(source, 40)),
            Value::Word(_) if self.language != Language::Ron => format!("`{}`", visible(source, 40)),
            Value::Word(_) => format!("la palabra `{}`", visible(source, 40)),
            Value::Unknown => "otra cosa".to_string(),
        };
        let is_word = !shape.values.is_empty()
            && match self.language {
                Language::Ron => matches!(node.value, Value::Word(_)),
                Language::Yaml | Language::Json => matches!(node.value, Value::Text(_)),
            };
        let code = if is_word { "MP0107" } else { "MP0106" };
        let name = last_name(path);
        let problem = if is_word {
            let value = node.name(self.text);
            match ELSEWHERE.contains(&value) {
                true => format!("`{value}` existe en Kubernetes, en `{name}`; micropod no lo implementa"),
                false => format!("`{}` no es un valor de `{name}`", visible(value, 40)),
            }
        } else {
            let there = if matches!(node.value, Value::Null) { "no hay" } else { "hay" };
            format!("en `{name}` va {}, y {there} {found}", shape.expected(self.language))
        };
        let hint = self.repair(node, shape);
        let at = match node.value {
            Value::Null if node.span.is_empty() => head.clone(),
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
        let inside = match &node.value {
            Value::Text(text) => text.clone(),
            Value::Char => source.trim_matches('\'').to_string(),
            _ => source.to_string(),
        };
        let inside = visible(&inside, 60);
        if self.language != Language::Ron {
            return repair_kubernetes(self.language, shape, &node.value, &inside);
        }
        match (shape.kind.as_str(), &node.value) {
            (kind, Value::Object { .. }) if kind.starts_with("[]") => {
                Some("escribe `[(…)]`: una lista con un elemento".into())
            }
            ("[]string", Value::Text(_)) => Some(format!("escribe `[\"{inside}\"]`")),
            (kind, Value::Object { .. }) if kind.starts_with("map[") => {
                Some("escribe `{\"app\": \"web\"}`: con llaves y las claves entre comillas".into())
            }
            (kind, Value::Map(_)) if kind.starts_with("[]") && shape.fields.is_empty() => {
                Some("escribe `[ ]` en vez de `{ }`".into())
            }
            (kind, Value::Map(_)) if kind.starts_with("[]") => {
                let names: Vec<String> =
                    shape.fields.iter().take(2).map(|f| format!("{}: …", f.name())).collect();
                Some(format!(
                    "escribe `[({})]`: una lista, con cada elemento entre paréntesis",
                    names.join(", ")
                ))
            }
            (_, Value::Map(_)) if !shape.fields.is_empty() => Some("escribe `( )` en vez de `{ }`".into()),
            (_, Value::List(_)) if !shape.fields.is_empty() => Some("escribe `( )` en vez de `[ ]`".into()),
            ("boolean", Value::Text(_) | Value::Word(_)) => suggest::nearest(&inside, ["true", "false"])
                .map(|word| format!("escribe `{word}`, sin comillas")),
            ("integer", Value::Text(_)) if inside.parse::<i64>().is_ok() => {
                Some(format!("quita las comillas: `{inside}`"))
            }
            ("integer", Value::Number(_)) => Some("los enteros van sin decimales y no pasan de 2⁶³−1".into()),
            ("string", Value::Text(_)) => {
                let word = suggest::nearest(&inside, shape.values.iter().copied().filter(|v| !v.is_empty()));
                match word {
                    Some(word) => {
                        Some(format!("es una palabra, no un texto: escribe `{word}`, sin comillas"))
                    }
                    None if inside.is_empty() => Some("quita el campo: es su valor predeterminado".into()),
                    None => None,
                }
            }
            ("string", Value::Word(_)) if !shape.values.is_empty() => {
                suggest::nearest(&inside, shape.values.iter().copied())
                    .map(|word| format!("¿querías decir `{word}`?"))
            }
            ("string" | "Quantity" | "IntOrString", Value::Word(_) | Value::Number(_) | Value::Char)
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
                    weight: Weight::Fatal,
                });
            }
            visit(text, value, found);
        }
        node.items().iter().for_each(|item| visit(text, item, found));
    }
    let mut found = Vec::new();
    // leer el árbol cuesta: solo si puede haber alguno
    if text.contains("ode: 0") || text.contains("ode:0") {
        visit(text, &Tree::read(Language::Ron, text).root, &mut found);
        found.truncate(ENOUGH);
    }
    found
}

/// Lo mismo, para quien escribe YAML o JSON.
fn repair_kubernetes(language: Language, shape: &Shape, found: &Value, inside: &str) -> Option<String> {
    let word = |word: &str| suggest::nearest(word, shape.values.iter().copied().filter(|v| !v.is_empty()));
    match (shape.kind.as_str(), found) {
        ("[]string", Value::Text(_)) => Some(format!("escribe `[\"{inside}\"]`")),
        (kind, Value::Map(_)) if kind.starts_with("[]") => Some(match language {
            Language::Yaml => "pon `- ` delante de su primer campo: será una lista de uno".into(),
            _ => "ponlo entre `[ ]`: será una lista de uno".into(),
        }),
        (_, Value::List(_)) if !shape.fields.is_empty() => Some(match language {
            Language::Yaml => "quita el `-`: no es una lista".into(),
            _ => "quita los `[ ]`: no es una lista".into(),
        }),
        ("boolean", Value::Text(_)) => {
            suggest::nearest(inside, ["true", "false"]).map(|word| format!("escribe `{word}`, sin comillas"))
        }
        ("integer", Value::Text(_)) if inside.parse::<i64>().is_ok() => {
            Some(format!("quita las comillas: `{inside}`"))
        }
        ("integer", Value::Number(_)) => Some("los enteros van sin decimales y no pasan de 2⁶³−1".into()),
        ("string", Value::Text(text)) => match word(text) {
            Some(word) => Some(format!("¿querías decir `{word}`?")),
            None if text.is_empty() => Some("quita el campo: es su valor predeterminado".into()),
            None => None,
        },
        ("string", Value::Null) => Some("si es un texto vacío, escribe `\"\"`".into()),
        ("string" | "Quantity" | "IntOrString", Value::Word(_) | Value::Number(_))
            if shape.values.is_empty() =>
        {
            Some(format!("ponle comillas: `\"{inside}\"`"))
        }
        _ => None,
    }
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
pub fn explain_kind(name: &str, language: Language) -> (String, String) {
    let ours: Vec<&str> = objects::KINDS.iter().map(|k| k.name).collect();
    let known = kubernetes_fields::other_kind(name);
    let problem = match (name, known) {
        ("", _) => "falta decir qué objeto es".to_string(),
        (name, _) if ours.contains(&name) && language == Language::Ron => {
            format!("después de `{name}` van unos paréntesis con sus campos")
        }
        (name, Some(_)) => format!("`{name}` es un objeto de Kubernetes que micropod no crea"),
        (name, None) => format!("`{}` no es un objeto: los que hay son {}", visible(name, 60), list(&ours)),
    };
    let guess = suggest::nearest(name, ours.iter().copied())
        .filter(|better| *better != name)
        .map(|better| format!("¿querías decir `{better}`?"));
    let hint = known.map(|hint| language.say(hint)).or(guess);
    (problem, hint.unwrap_or_else(|| language.shape_of_a_pod().to_string()))
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
    let kubernetes = kubernetes_fields::of(&shape.kind).map_or(&[][..], |t| &t.fields);
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
    if (root.fields)().iter().any(|f| f.is(name)) {
        found.push(root.name.to_string());
    }
    visit("", (root.fields)(), name, &mut found);
    found
}

fn visit(path: &str, fields: &[Field], name: &str, found: &mut Vec<String>) {
    if !path.is_empty() && fields.iter().any(|f| f.is(name)) {
        found.push(path.to_string());
    }
    for field in fields {
        let inner = if path.is_empty() { field.name() } else { format!("{path}.{}", field.name()) };
        visit(&inner, (field.fields)(), name, found);
    }
}
