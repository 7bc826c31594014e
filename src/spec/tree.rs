//! El texto RON visto como un árbol que recuerda dónde está cada cosa.
//!
//! serde construye los tipos pero olvida de qué línea salieron, y un error que no señala su línea
//! no enseña. Este lector es tolerante: sigue leyendo tras el primer fallo de sintaxis (que
//! apunta) para poder situar cualquier camino, `spec.containers[1].image`, en su trozo de texto.
//! Quien decide si el fichero es RON válido es la biblioteca `ron`; esto solo sabe señalar.

use super::errors::Place;
use super::language::Language;
use super::{json, reader, yaml};
use std::ops::Range;

// ANCHOR: node
/// Un valor y los bytes que ocupa.
#[derive(Clone, Debug)]
pub struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub enum Value {
    /// `(campo: valor)` o `Nombre(campo: valor)`.
    Object {
        name: Option<Range<usize>>,
        entries: Vec<Entry>,
    },
    /// `{clave: valor}`.
    Map(Vec<Entry>),
    /// `[valor]`.
    List(Vec<Node>),
    /// `(valor, valor)`, o `Nombre(valor)`.
    Tuple {
        name: Option<Range<usize>>,
        items: Vec<Node>,
    },
    /// Un texto, ya sin comillas ni secuencias de escape.
    Text(String),
    Char,
    /// Un número, como lo escribe JSON si viene de YAML (donde `0644` es 420).
    Number(String),
    /// Una palabra sin comillas: `true`, `Always`. De YAML y JSON, solo `true` y `false`.
    Word(String),
    /// Nada: `null` de YAML y JSON, que es como no haber escrito el campo.
    Null,
    Unknown,
}
// ANCHOR_END: node

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Node,
    pub value: Node,
}

/// El primer fallo de sintaxis que se ve.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub at: Range<usize>,
    pub code: &'static str,
    pub problem: String,
    pub hint: Option<String>,
}

pub struct Tree {
    pub language: Language,
    /// ¿Son varios documentos de YAML? Entonces la raíz es la lista de todos.
    pub documents: bool,
    pub root: Node,
    pub fault: Option<Fault>,
}

/// Corchetes y paréntesis unos dentro de otros: un Pod no pasa de 12.
pub const MAX_DEPTH: usize = 40;

/// Un paso de un camino.
#[derive(Debug, PartialEq)]
pub enum Step {
    Field(String),
    Index(usize),
    /// La clave de un mapa: `["app"]`.
    Key(String),
}

/// `spec.containers[1].env` y `metadata.labels["app"]`, paso a paso.
pub fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let (key, after) = quoted.split_once("\"]").unwrap_or((quoted, ""));
            steps.push(Step::Key(key.to_string()));
            rest = after;
        } else if let Some(number) = rest.strip_prefix('[') {
            let (index, after) = number.split_once(']').unwrap_or((number, ""));
            steps.push(Step::Index(index.parse().unwrap_or(usize::MAX)));
            rest = after;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.push(Step::Field(name[..end].to_string()));
            rest = &name[end..];
        }
    }
    steps
}

/// El lugar del campo `path`; si no está escrito, el de lo más cercano que lo contiene.
pub fn locate(text: &str, path: &str) -> Option<Place> {
    let tree = Tree::read(Language::Ron, text);
    tree.find(text, path).map(|range| Place::new(text, range))
}

impl Tree {
    pub fn read(language: Language, text: &str) -> Tree {
        match language {
            Language::Ron => reader::read(text),
            Language::Yaml => yaml::read(text),
            Language::Json => json::read(text),
        }
    }

    /// Los bytes que hay que señalar para hablar de `path`.
    pub fn find(&self, text: &str, path: &str) -> Option<Range<usize>> {
        let mut node = &self.root;
        let mut shown = node.head();
        for step in steps(path) {
            let next = match (&step, &node.value) {
                (Step::Index(i), Value::List(items)) => items.get(*i).map(|item| (item, item.head())),
                (Step::Field(name), Value::Object { entries, .. } | Value::Map(entries)) => {
                    entries.iter().find(|e| e.key.name(text) == name).map(|e| (&e.value, e.head()))
                }
                (Step::Key(name), Value::Map(entries)) => entries
                    .iter()
                    .rfind(|e| matches!(&e.key.value, Value::Text(key) if key == name))
                    .map(|e| (&e.value, e.head())),
                _ => None,
            };
            let Some((found, range)) = next else { break };
            (node, shown) = (found, range);
        }
        Some(shown)
    }

    /// Como [`Tree::find`], pero señala la clave de la última entrada y no su valor.
    pub fn find_key(&self, text: &str, path: &str) -> Option<Range<usize>> {
        let value = self.find(text, path)?;
        self.root.key_of(&value).or(Some(value))
    }
}

impl Node {
    /// Lo que se subraya: entero si es un valor suelto; si no, su primer trozo.
    pub fn head(&self) -> Range<usize> {
        match &self.value {
            Value::Object { name, .. } | Value::Tuple { name, .. } => {
                name.clone().unwrap_or(self.span.start..self.span.start + 1)
            }
            // en YAML, un mapa sin llaves empieza en su primera clave
            Value::Map(entries) if entries.first().is_some_and(|e| e.key.span.start == self.span.start) => {
                entries[0].key.span.clone()
            }
            Value::Map(_) | Value::List(_) => self.span.start..self.span.start + 1,
            _ => self.span.clone(),
        }
    }

    /// El nombre de un campo, escrito como palabra o entre comillas.
    pub fn name<'a>(&'a self, text: &'a str) -> &'a str {
        match &self.value {
            Value::Text(name) => name,
            _ => text[self.span.clone()].trim_start_matches("r#"),
        }
    }

    /// ¿Tiene otros dentro?
    pub fn is_compound(&self) -> bool {
        matches!(self.value, Value::Object { .. } | Value::Tuple { .. } | Value::Map(_) | Value::List(_))
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Object { entries, .. } | Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) | Value::Tuple { items, .. } => items,
            _ => &[],
        }
    }

    /// Las claves y los valores sueltos que hay dentro, él incluido.
    pub fn leaves<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        if !self.is_compound() {
            visit(self);
        }
        for entry in self.entries() {
            visit(&entry.key);
            entry.value.leaves(visit);
        }
        self.items().iter().for_each(|item| item.leaves(visit));
    }

    fn key_of(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let found = self.entries().iter().find(|e| e.head() == *value).map(|e| e.key.span.clone());
        found
            .or_else(|| self.entries().iter().find_map(|e| e.value.key_of(value)))
            .or_else(|| self.items().iter().find_map(|n| n.key_of(value)))
    }
}

impl Entry {
    /// De un valor compuesto se señala su nombre: es lo que se reconoce a simple vista.
    pub fn head(&self) -> Range<usize> {
        // y de lo que no tiene nada escrito, también
        match self.value.is_compound() || self.value.span.is_empty() {
            true => self.key.span.clone(),
            false => self.value.span.clone(),
        }
    }
}

/// El texto que dice un literal entre comillas.
pub fn unquote(literal: &str) -> Option<String> {
    ron::from_str(literal).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r##"// un Pod
Pod(
    metadata: (name: "web", labels: {"app": "a", "b/c": r#"x"y"#}),
    spec: PodSpec( /* uno /* dentro de otro */ */
        containers: [
            (name: "uno", image: "i"),
            Container(name: "dos", args: ["a", 'b', "ñ)"], volumeMounts: [(name: "v", mountPath: "/x")]),
        ],
        hostname: Some("h"),
        volumes: [],
    ),
)
"##;

    fn pointed(path: &str) -> (usize, String) {
        let tree = Tree::read(Language::Ron, POD);
        assert_eq!(tree.fault, None);
        let range = tree.find(POD, path).unwrap();
        (Place::new(POD, range.clone()).line, POD[range].to_string())
    }

    #[test]
    fn un_camino_lleva_a_su_trozo_de_texto() {
        for (path, line, text) in [
            ("", 2, "Pod"),
            ("metadata.name", 3, "\"web\""),
            ("metadata.labels", 3, "labels"),
            ("metadata.labels[\"b/c\"]", 3, "r#\"x\"y\"#"),
            ("spec.containers[0]", 6, "("),
            ("spec.containers[1]", 7, "Container"),
            ("spec.containers[1].args[2]", 7, "\"ñ)\""),
            ("spec.containers[1].volumeMounts[0].mountPath", 7, "\"/x\""),
            ("spec.hostname", 9, "\"h\""),
            ("spec.volumes", 10, "volumes"),
            ("spec.containers[0].command[3]", 6, "("),
            ("spec.noexiste", 4, "spec"),
        ] {
            assert_eq!(pointed(path), (line, text.to_string()), "{path}");
        }
        let tree = Tree::read(Language::Ron, POD);
        let key = tree.find_key(POD, "metadata.labels[\"b/c\"]").unwrap();
        assert_eq!(&POD[key], "\"b/c\"");
        assert_eq!(
            locate(POD, "spec.containers[0].image").map(|p| (p.line, p.column, p.width)),
            Some((6, 34, 3))
        );
    }

    #[test]
    fn cortado_por_cualquier_sitio_no_se_cuelga_ni_entra_en_panico() {
        for i in (0..POD.len()).filter(|&i| POD.is_char_boundary(i)) {
            let tree = Tree::read(Language::Ron, &POD[..i]);
            let _ = tree.find(POD, "spec.containers[1].args[0]");
        }
    }

    #[test]
    fn diez_mil_corchetes_no_desbordan_la_pila() {
        for open in ["[", "(", "{", "Some(", "a: (", "{\"a\": "] {
            let fault = Tree::read(Language::Ron, &open.repeat(10_000)).fault.unwrap();
            assert!(matches!(fault.code, "MP0111" | "MP0109" | "MP0112"), "{open}: {fault:?}");
        }
    }
}
