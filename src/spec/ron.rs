//! Nuestros propios ficheros en RON, que no son de Kubernetes: las recetas de las imágenes y las hojas de
//! los laboratorios. Del mismo árbol que los Pods, y a los tipos por el camino de todo lo demás.

use super::errors::Place;
use super::language::Language;
use super::tree::{Entry, Node, Tree, Value};
use super::{parse, typed};
use crate::data::{self, Map, Value as Json};
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::ops::Range;

/// Lo que está mal en el fichero, y dónde.
#[derive(Debug)]
pub struct Wrong {
    pub place: Place,
    pub problem: String,
    pub hint: Option<String>,
}

impl Wrong {
    fn new(text: &str, at: Range<usize>, problem: impl Into<String>, hint: Option<String>) -> Wrong {
        Wrong { place: Place::new(text, at), problem: problem.into(), hint }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.problem)
    }
}

pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    let tree = Tree::read(Language::Ron, text);
    let value = value(text, &tree)?;
    data::typed(value).map_err(|fault| {
        let at = if fault.on_key { tree.find_key(text, &fault.path) } else { tree.find(text, &fault.path) };
        Wrong::new(text, at.unwrap_or(0..0), fault.problem.clone(), fault.hint.clone())
    })
}

fn value(text: &str, tree: &Tree) -> Result<Json, Wrong> {
    if let Some(fault) = &tree.fault {
        return Err(Wrong::new(text, fault.at.clone(), &fault.problem, fault.hint.clone()));
    }
    if let Err(error) = parse::options().from_str::<IgnoredAny>(text) {
        let error = parse::translate("", text, &error);
        return Err(Wrong {
            place: error.place.unwrap_or_else(|| Place::new(text, 0..0)),
            problem: error.problem,
            hint: None,
        });
    }
    json(text, &tree.root)
}

/// `Nombre(…)` es `{"Nombre": …}`, y una palabra suelta, `{"palabra": null}`: quien los lee sabe si es una
/// de varias formas o el nombre de un bloque, que sobra.
fn json(text: &str, node: &Node) -> Result<Json, Wrong> {
    let named = |name: &Option<Range<usize>>, inside: Json| match name.clone().map(|name| &text[name]) {
        None | Some("Some") => inside,
        Some(name) => Json::Object([(name.to_string(), inside)].into_iter().collect()),
    };
    let list = |items: &[Node]| items.iter().map(|item| json(text, item)).collect::<Result<Json, Wrong>>();
    Ok(match &node.value {
        Value::Object { name, entries } => named(name, fields(text, entries)?),
        Value::Map(entries) => fields(text, entries)?,
        Value::List(items) => list(items)?,
        Value::Tuple { name: name @ Some(_), items } if items.len() == 1 => {
            named(name, json(text, &items[0])?)
        }
        Value::Tuple { name, items } => named(name, list(items)?),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Number(number) => typed::number(Language::Ron, number),
        Value::Word(word) => match word.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "None" => Json::Null,
            word => Json::Object([(word.to_string(), Json::Null)].into_iter().collect()),
        },
        Value::Null | Value::Char | Value::Unknown => Json::Null,
    })
}

fn fields(text: &str, entries: &[Entry]) -> Result<Json, Wrong> {
    let mut map = Map::new();
    for entry in entries {
        let name = entry.key.name(text);
        if map.insert(name.to_string(), json(text, &entry.value)?).is_some() {
            let problem = format!("el campo `{name}` está repetido");
            return Err(Wrong::new(text, entry.key.span.clone(), problem, None));
        }
    }
    Ok(Json::Object(map))
}
