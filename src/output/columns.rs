//! Columnas a medida: `-o custom-columns=NOMBRE:.metadata.name,IMAGEN:.spec.containers[*].image`.

use super::jsonpath::JsonPath;
use serde_json::Value;

#[derive(Debug, PartialEq)]
pub struct CustomColumns {
    headers: Vec<String>,
    paths: Vec<JsonPath>,
}

impl CustomColumns {
    /// `NOMBRE:camino,NOMBRE:camino`.
    pub fn parse(spec: &str) -> Result<CustomColumns, String> {
        if spec.is_empty() {
            return Err("custom-columns format specified but no custom columns given".into());
        }
        let split = |column: &str| match column.split_once(':') {
            Some((header, path)) => Ok((header.to_string(), path.to_string())),
            None => {
                Err(format!("unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>"))
            }
        };
        CustomColumns::new(spec.split(',').map(split).collect::<Result<_, _>>()?)
    }

    /// Un fichero: en la primera línea, las cabeceras; en la segunda, los caminos.
    pub fn from_file(text: &str) -> Result<CustomColumns, String> {
        let mut lines = text.lines();
        let words = |line: Option<&str>| -> Vec<String> {
            line.unwrap_or_default().split_whitespace().map(String::from).collect()
        };
        let (headers, paths) = (words(lines.next()), words(lines.next()));
        if headers.is_empty() || headers.len() != paths.len() {
            return Err(format!(
                "number of headers ({}) and field specifications ({}) don't match",
                headers.len(),
                paths.len()
            ));
        }
        CustomColumns::new(headers.into_iter().zip(paths).collect())
    }

    fn new(pairs: Vec<(String, String)>) -> Result<CustomColumns, String> {
        let (headers, paths): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let paths = paths.iter().map(|path| JsonPath::relaxed(path)).collect::<Result<_, _>>()?;
        Ok(CustomColumns { headers, paths })
    }

    pub fn headers(&self) -> Vec<String> {
        self.headers.clone()
    }

    /// La fila de un objeto.
    pub fn row(&self, object: &Value) -> Result<Vec<String>, String> {
        let cell = |path: &JsonPath| {
            let found = path.find(object)?;
            let texts: Vec<String> = found.iter().map(|value| go(value)).collect();
            Ok(if texts.is_empty() { "<none>".into() } else { texts.join(",") })
        };
        self.paths.iter().map(cell).collect()
    }
}

/// Un valor como lo escribe Go: `map[clave:valor]`, `[uno dos]`.
fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
