//! `--sort-by`: poner objetos en orden por uno de sus campos.

use super::jsonpath::JsonPath;
use crate::error::Error;
use crate::spec::quantity::Quantity;
use serde_json::Value;
use std::cmp::Ordering;

/// Ordena `items` por el campo `path` de su objeto. El campo ha de estar en alguno.
pub fn by<T>(items: &mut [T], path: &str, object: impl Fn(&T) -> Value) -> Result<(), Error> {
    let parsed = JsonPath::relaxed(path).map_err(Error::usage)?;
    let mut keys: Vec<(usize, Option<Value>)> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let object = object(item);
        let found = parsed.find(&object).map_err(Error::failed)?;
        keys.push((i, found.first().map(|value| (*value).clone())));
    }
    if !items.is_empty() && keys.iter().all(|(_, key)| key.is_none()) {
        return Err(Error::failed(format!(
            "couldn't find any field with path \"{{.{}}}\" in the list of objects",
            path.trim_matches(['{', '}']).trim_start_matches('.')
        ))
        .with_hint("mira qué campos hay con -o yaml"));
    }
    crate::order::sort_by(&mut keys, |(_, a), (_, b)| compare(a.as_ref(), b.as_ref()));
    let mut place = vec![0; items.len()];
    keys.iter().enumerate().for_each(|(to, (from, _))| place[*from] = to);
    // cada uno a su sitio, de intercambio en intercambio
    for i in 0..items.len() {
        while place[i] != i {
            let to = place[i];
            items.swap(i, to);
            place.swap(i, to);
        }
    }
    Ok(())
}

/// Quien no lo tiene va antes. Los textos que son cantidades, por lo que valen; los demás, con las
/// cifras por su valor: `pod-2` antes que `pod-10`.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(Value::String(a)), Some(Value::String(b))) => match (Quantity::parse(a), Quantity::parse(b)) {
            (Ok(a), Ok(b)) => a.millis_exact().cmp(&b.millis_exact()),
            _ => natural(a, b),
        },
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let (Some(x), Some(y)) = (a.peek().copied(), b.peek().copied()) else {
            return a.peek().is_some().cmp(&b.peek().is_some());
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            number(&mut a).cmp(&number(&mut b))
        } else {
            a.next();
            b.next();
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Las cifras que siguen: primero cuántas, sin ceros delante, y luego cuáles.
fn number(chars: &mut std::iter::Peekable<std::str::Chars>) -> (usize, String) {
    let mut digits = String::new();
    while let Some(c) = chars.next_if(char::is_ascii_digit) {
        digits.push(c);
    }
    let digits = digits.trim_start_matches('0').to_string();
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sorted(values: Vec<Value>) -> Vec<Value> {
        let mut items = values;
        by(&mut items, ".x", |value| json!({"x": value, "y": 1})).unwrap();
        items
    }

    #[test]
    fn los_numeros_por_su_valor_y_las_cifras_de_un_nombre_tambien() {
        assert_eq!(sorted(vec![json!(10), json!(9)]), [json!(9), json!(10)]);
        assert_eq!(sorted(vec![json!("pod-10"), json!("pod-9"), json!("pod")]), ["pod", "pod-9", "pod-10"]);
        assert_eq!(sorted(vec![json!("1Gi"), json!("512Mi"), json!("2Ki")]), ["2Ki", "512Mi", "1Gi"]);
    }

    #[test]
    fn un_campo_que_no_tiene_nadie_es_un_error() {
        let mut items = vec![json!({"a": 1})];
        assert!(by(&mut items, "{.nada}", |v| v.clone()).is_err());
        assert!(by(&mut items, "{", |v| v.clone()).is_err());
        assert!(by(&mut items, ".a", |v| v.clone()).is_ok());
    }
}
