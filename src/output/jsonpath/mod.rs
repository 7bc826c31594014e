//! jsonpath, el de kubectl: `{.status.phase}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`.
//!
//! Una plantilla son trozos: texto, o un camino entre llaves. Un camino son pasos, y cada paso lleva
//! de una lista de valores a otra: al principio, el objeto entero; al final, lo que se imprime. Lo
//! que no existe no es un error: no imprime nada.

mod parse;

use super::json;
use serde_json::Value;

/// Una plantilla entendida, lista para aplicarla a cualquier objeto.
#[derive(Debug, PartialEq)]
pub struct JsonPath {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Path(Vec<Node>),
    /// `{range camino}…{end}`: lo de dentro, para cada valor del camino.
    Range(Vec<Node>, Vec<Piece>),
}

/// Un paso del camino.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Field(String),
    /// `.*`
    Wildcard,
    /// `..`
    Recursive,
    /// `[1]`, `[-1]`, `[0:2]`, `[::2]`
    Slice(Slice),
    /// `[0,2]`, `['a','b']`
    Union(Vec<Vec<Node>>),
    /// `[?(@.type=="Ready")]`; sin operador, `[?(@.type)]`: los que lo tienen.
    Filter {
        left: Vec<Node>,
        compare: Option<(Operator, Vec<Node>)>,
    },
    /// Un texto, un número o un booleano escritos tal cual.
    Literal(Value),
}

#[derive(Clone, Debug, PartialEq)]
struct Slice {
    from: Option<i64>,
    to: Option<i64>,
    step: Option<i64>,
    /// `[n]`: uno solo.
    single: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

type Found<'a> = Vec<&'a Value>;

impl JsonPath {
    /// Entiende una plantilla, o dice qué le pasa.
    pub fn parse(template: &str) -> Result<JsonPath, String> {
        Ok(JsonPath { pieces: parse::template(template)? })
    }

    /// Un camino suelto, con llaves o sin ellas y con el primer punto o sin él, como los de
    /// `custom-columns`, `--sort-by` y `wait`.
    pub fn relaxed(path: &str) -> Result<JsonPath, String> {
        let inner = path.strip_prefix('{').and_then(|p| p.strip_suffix('}')).unwrap_or(path);
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err(format!(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{{name1.name2}}' or \
                 '{{.name1.name2}}': {path}"
            ));
        }
        JsonPath::parse(&format!("{{.{inner}}}"))
    }

    /// Lo que imprime esta plantilla con `object`.
    pub fn print(&self, object: &Value) -> Result<String, String> {
        let mut out = String::new();
        print_pieces(&self.pieces, object, &mut out)?;
        Ok(out)
    }

    /// Los valores a los que llega el primer camino.
    pub fn find<'a>(&'a self, object: &'a Value) -> Result<Found<'a>, String> {
        match self.pieces.first() {
            Some(Piece::Path(nodes)) => walk(vec![object], nodes),
            Some(Piece::Text(_) | Piece::Range(..)) | None => Ok(Vec::new()),
        }
    }
}

/// Un valor como lo imprime jsonpath: los compuestos, en JSON.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => json::compact(value),
        other => other.to_string(),
    }
}

fn print_pieces(pieces: &[Piece], object: &Value, out: &mut String) -> Result<(), String> {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Path(nodes) => {
                let found = walk(vec![object], nodes)?;
                let texts: Vec<String> = found.iter().map(|value| text_of(value)).collect();
                out.push_str(&texts.join(" "));
            }
            Piece::Range(nodes, inside) => {
                for value in walk(vec![object], nodes)? {
                    print_pieces(inside, value, out)?;
                }
            }
        }
    }
    Ok(())
}

fn walk<'a>(mut values: Found<'a>, nodes: &'a [Node]) -> Result<Found<'a>, String> {
    for node in nodes {
        let mut next = Vec::new();
        for value in &values {
            step(value, node, &mut next)?;
        }
        values = next;
    }
    Ok(values)
}

fn children(value: &Value) -> Found<'_> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn step<'a>(value: &'a Value, node: &'a Node, out: &mut Found<'a>) -> Result<(), String> {
    match node {
        Node::Field(name) if name.is_empty() => out.push(value),
        Node::Field(name) => out.extend(value.get(name)),
        Node::Wildcard => out.extend(children(value)),
        Node::Recursive => descend(value, out),
        Node::Slice(slice) => out.extend(cut(value, slice)?),
        Node::Union(paths) => {
            for path in paths {
                out.extend(walk(vec![value], path)?);
            }
        }
        Node::Filter { left, compare } => {
            let Value::Array(_) = value else {
                return Err(format!("{} is not array or slice and cannot be filtered", text_of(value)));
            };
            for item in children(value) {
                if passes(item, left, compare.as_ref())? {
                    out.push(item);
                }
            }
        }
        Node::Literal(literal) => out.push(literal),
    }
    Ok(())
}

/// El propio valor y todo lo que cuelga de él.
fn descend<'a>(value: &'a Value, out: &mut Found<'a>) {
    if matches!(value, Value::Object(_) | Value::Array(_)) {
        out.push(value);
    }
    for child in children(value) {
        descend(child, out);
    }
}

fn cut<'a>(value: &'a Value, slice: &Slice) -> Result<Found<'a>, String> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let Value::Array(array) = value else {
        return Err(format!("{} is not array or slice", text_of(value)));
    };
    let length = array.len() as i64;
    let wrap = |index: i64| if index < 0 { index + length } else { index };
    let from = wrap(slice.from.unwrap_or(0));
    let to = match slice.to {
        _ if slice.single => from + 1,
        Some(to) => wrap(to),
        None => length,
    };
    let out_of_bounds =
        |index: i64| Err(format!("array index out of bounds: index {index}, length {length}"));
    if from == to {
        return Ok(Vec::new());
    }
    if from >= length || from < 0 {
        return out_of_bounds(from);
    }
    if to > length || to < 0 {
        return out_of_bounds(to - 1);
    }
    if from > to {
        return Err(format!("starting index {from} is greater than ending index {to}"));
    }
    let step = slice.step.unwrap_or(1);
    if step <= 0 {
        return Err("step must be > 0".into());
    }
    let all = children(value);
    let wanted = all.into_iter().skip(from as usize).take((to - from) as usize);
    Ok(wanted.step_by(step as usize).collect())
}

fn passes(item: &Value, left: &[Node], compare: Option<&(Operator, Vec<Node>)>) -> Result<bool, String> {
    let lefts = walk(vec![item], left)?;
    let Some((operator, right)) = compare else { return Ok(!lefts.is_empty()) };
    let rights = walk(vec![item], right)?;
    if lefts.len() > 1 || rights.len() > 1 {
        return Err("can only compare one element at a time".into());
    }
    match (lefts.first(), rights.first()) {
        (Some(left), Some(right)) => holds(left, *operator, right),
        _ => Ok(false),
    }
}

fn holds(left: &Value, operator: Operator, right: &Value) -> Result<bool, String> {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) if matches!(operator, Operator::Equal | Operator::NotEqual) => {
            Some(a.cmp(b))
        }
        _ => return Err("incompatible types for comparison".into()),
    };
    let Some(order) = order else { return Ok(false) };
    Ok(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
    })
}
