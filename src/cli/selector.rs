//! Selectores: `-l app=web,nivel!=2`, `-l 'app in (web, db)'` y `--field-selector status.phase=Running`.

use crate::error::Error;
use serde_json::Value;
use std::collections::BTreeMap;

/// Todas las condiciones se han de cumplir. Vacío: valen todos.
#[derive(Debug, Default, PartialEq)]
pub struct Selector {
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
enum Condition {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    /// También vale quien no tiene esa etiqueta.
    NotIn(String, Vec<String>),
    Greater(String, i64),
    Less(String, i64),
}

impl Selector {
    pub fn parse(text: &str) -> Result<Selector, Error> {
        let mut lexer = Lexer { rest: text };
        let mut conditions = Vec::new();
        while !lexer.rest.trim().is_empty() {
            conditions.push(lexer.condition().map_err(|why| {
                Error::usage(format!("unable to parse requirement: {why}"))
                    .with_hint("un selector es así: app=web,nivel!=2 o 'app in (web, db),!viejo'")
            })?);
        }
        Ok(Selector { conditions })
    }

    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let number = |key: &String| labels.get(key).and_then(|value| value.parse::<i64>().ok());
        self.conditions.iter().all(|condition| match condition {
            Condition::Exists(key) => labels.contains_key(key),
            Condition::Missing(key) => !labels.contains_key(key),
            Condition::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Condition::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Condition::Greater(key, limit) => number(key).is_some_and(|value| value > *limit),
            Condition::Less(key, limit) => number(key).is_some_and(|value| value < *limit),
        })
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    /// Una palabra: una clave o un valor.
    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '=' | '!' | '(' | ')' | '<' | '>');
        let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_string()
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some(after) = rest.strip_prefix(sign) else { return false };
        self.rest = after;
        true
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let missing = self.take("!");
        let key = self.word();
        if key.is_empty() {
            return Err(format!("found '{}', expected: identifier", self.rest.trim()));
        }
        let condition = if missing {
            Condition::Missing(key)
        } else if self.take("!=") {
            Condition::NotIn(key, vec![self.word()])
        } else if self.take("==") || self.take("=") {
            Condition::In(key, vec![self.word()])
        } else if self.take(">") {
            Condition::Greater(key, self.integer()?)
        } else if self.take("<") {
            Condition::Less(key, self.integer()?)
        } else if self.is_next_end() {
            Condition::Exists(key)
        } else {
            match self.word().as_str() {
                "in" => Condition::In(key, self.values()?),
                "notin" => Condition::NotIn(key, self.values()?),
                other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
            }
        };
        if !self.is_next_end() {
            return Err(format!("found '{}', expected: ',' or end of string", self.rest.trim()));
        }
        if self.take(",") && self.rest.trim().is_empty() {
            return Err("found '', expected: identifier after ','".into());
        }
        Ok(condition)
    }

    fn is_next_end(&self) -> bool {
        let rest = self.rest.trim_start();
        rest.is_empty() || rest.starts_with(',')
    }

    fn integer(&mut self) -> Result<i64, String> {
        let word = self.word();
        word.parse().map_err(|_| format!("'{word}' is not an integer"))
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.take("(") {
            return Err(format!("found '{}', expected: '('", self.rest.trim()));
        }
        let mut values = vec![self.word()];
        while self.take(",") {
            values.push(self.word());
        }
        if self.take(")") {
            Ok(values)
        } else {
            Err(format!("found '{}', expected: ',' or ')'", self.rest.trim()))
        }
    }
}

/// `status.phase=Running,metadata.name!=web`.
#[derive(Debug, Default, PartialEq)]
pub struct FieldSelector {
    conditions: Vec<(String, bool, String)>,
}

impl FieldSelector {
    /// Los que admite Kubernetes para un Pod.
    pub const OF_A_POD: &[&str] = &[
        "metadata.name",
        "metadata.namespace",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
        "status.podIP",
    ];

    pub fn parse(text: &str) -> Result<FieldSelector, Error> {
        FieldSelector::parse_among(text, FieldSelector::OF_A_POD)
    }

    /// Lo mismo, con los campos que se admiten para otra clase de objetos.
    pub fn parse_among(text: &str, known: &[&str]) -> Result<FieldSelector, Error> {
        let one = |condition: &str| {
            let (field, value) = condition
                .split_once("!=")
                .or_else(|| condition.split_once("=="))
                .or_else(|| condition.split_once('='))
                .ok_or_else(|| {
                    Error::usage(format!("invalid field selector: {condition}"))
                        .with_hint("se escribe así: status.phase=Running")
                })?;
            if !known.contains(&field) {
                return Err(Error::usage(format!("field label not supported: {field}"))
                    .with_hint(format!("los que hay: {}", known.join(", "))));
            }
            Ok((field.to_string(), !condition.contains("!="), value.to_string()))
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        Ok(FieldSelector { conditions: parts.map(one).collect::<Result<_, _>>()? })
    }

    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    pub fn matches(&self, object: &Value) -> bool {
        self.conditions.iter().all(|(field, equal, value)| {
            let found = object.pointer(&format!("/{}", field.replace('.', "/")));
            (found.and_then(Value::as_str).unwrap_or_default() == value) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(selector: &str) -> Vec<&'static str> {
        let pods = [
            ("web", &[("app", "web"), ("nivel", "1")][..]),
            ("db", &[("app", "db"), ("nivel", "2")]),
            ("suelto", &[]),
        ];
        let selector = Selector::parse(selector).unwrap();
        let labels =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        pods.into_iter().filter(|(_, pairs)| selector.matches(&labels(pairs))).map(|(name, _)| name).collect()
    }

    #[test]
    fn un_selector_elige_por_etiquetas_como_en_kubernetes() {
        assert_eq!(chosen(""), ["web", "db", "suelto"]);
        assert_eq!(chosen("app=web"), ["web"]);
        assert_eq!(chosen("app==web,nivel=1"), ["web"]);
        assert_eq!(chosen("app=web,nivel=2"), Vec::<&str>::new());
        assert_eq!(chosen("app!=web"), ["db", "suelto"], "quien no la tiene, también vale");
        assert_eq!(chosen("app in (web, db)"), ["web", "db"]);
        assert_eq!(chosen("app notin (web),nivel"), ["db"]);
        assert_eq!(chosen("!app"), ["suelto"]);
        assert_eq!(chosen("app"), ["web", "db"]);
        assert_eq!(chosen("nivel>1"), ["db"]);
        assert_eq!(chosen("nivel<2"), ["web"]);
        assert_eq!(chosen("app="), Vec::<&str>::new());
    }

    #[test]
    fn un_selector_mal_escrito_se_rechaza_antes_de_mirar_nada() {
        for bad in ["app in (", "app in web", "=web", "app web", "app=web,", "app=web db", "nivel>x", "(a)"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn los_campos_que_se_pueden_seleccionar_son_los_de_kubernetes() {
        let pod = json!({"metadata": {"name": "web"}, "status": {"phase": "Running"}});
        let matches = |text: &str| FieldSelector::parse(text).unwrap().matches(&pod);
        assert!(matches("status.phase=Running") && matches("status.phase==Running,metadata.name!=db"));
        assert!(!matches("status.phase!=Running") && !matches("metadata.name=db"));
        assert!(FieldSelector::parse("spec.containers=x").is_err());
        assert!(FieldSelector::parse("status.phase").is_err());
    }
}
