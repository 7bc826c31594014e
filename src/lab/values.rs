//! Los valores de cada estudiante: salen de su nombre, y dos compañeros no tienen los mismos.
//!
//! En los textos de un laboratorio se escriben `{{así}}`. Los hay que cambian en cada corrección, las
//! fichas (`{{ficha}}`): nadie puede tenerlas escritas de antemano.

use super::sheet::Choice;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Las fichas que se inventan en cada corrección.
const TOKENS: [&str; 3] = ["ficha", "ficha2", "ficha3"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    given: BTreeMap<String, String>,
    seed: String,
}

impl Values {
    /// Los de `student` en este laboratorio y este curso.
    pub fn of(student: &str, lab: &str, course: &str, choices: &BTreeMap<String, Choice>) -> Values {
        let seed = format!("{}\0{lab}\0{course}", student.trim().to_lowercase());
        let mut values = Values { seed, given: BTreeMap::new() };
        for (name, choice) in choices {
            let number = values.number(name);
            let text = match choice {
                Choice::Between(low, high) => {
                    (u64::from(*low) + number % u64::from(high - low + 1)).to_string()
                }
                Choice::OneOf(all) => all[(number % all.len() as u64) as usize].clone(),
            };
            values.given.insert(name.clone(), text);
        }
        values.given.insert("alumno".into(), student.trim().to_string());
        values
    }

    /// Un número que depende del estudiante y de para qué es.
    pub fn number(&self, what: &str) -> u64 {
        let digest = Sha256::digest(format!("{}\0{what}", self.seed));
        u64::from_be_bytes(digest[..8].try_into().unwrap_or_default())
    }

    /// Con fichas nuevas, que no ha visto nadie.
    pub fn with_tokens(mut self) -> Values {
        for name in TOKENS {
            let uid = crate::state::new_uid().unwrap_or_default();
            self.given.insert(name.into(), uid.replace('-', "")[..16.min(uid.len())].to_string());
        }
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }
}

/// Pone cada valor en su hueco.
pub fn fill(text: &str, values: &Values) -> String {
    let given = &values.given;
    given.iter().fold(text.to_string(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

/// Pone un 1 en cada hueco: vale como número y como texto.
pub fn blank(text: &str) -> String {
    without_values(text, |_| '1')
}

/// Pone puntos suspensivos en los huecos que están dentro de un texto entre comillas, y un 1 en los demás,
/// que han de ser números.
pub fn dotted(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    without_values(text, |before| {
        for c in before.chars() {
            match c {
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        // la de una dirección, `10.{{n}}.0.1`, también ha de ser un número
        if quoted && !before.ends_with('.') { '…' } else { '1' }
    })
}

/// Pone en cada hueco lo que diga `put`, que ve lo que hay entre el hueco anterior y ese.
fn without_values(text: &str, mut put: impl FnMut(&str) -> char) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        out.push(put(before));
        rest = after.split_once("}}").map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> BTreeMap<String, Choice> {
        [
            ("puerto".to_string(), Choice::Between(8000, 8999)),
            ("color".to_string(), Choice::OneOf(vec!["rojo".into(), "verde".into()])),
        ]
        .into()
    }

    #[test]
    fn cada_estudiante_tiene_siempre_los_mismos_valores_y_no_los_de_otro() {
        let of = |who: &str| Values::of(who, "05-fecha", "2025", &choices());
        assert_eq!(of("ana"), of(" Ana ").clone_with("alumno", "ana"));
        let ports: std::collections::BTreeSet<String> =
            (0..40).map(|i| of(&format!("a{i}")).get("puerto").unwrap().to_string()).collect();
        assert!(ports.len() > 35, "{ports:?}");
        let port: u32 = of("ana").get("puerto").unwrap().parse().unwrap();
        assert!((8000..=8999).contains(&port));
    }

    #[test]
    fn las_fichas_no_se_repiten() {
        let fresh = || Values::default().with_tokens().get("ficha").unwrap().to_string();
        assert_eq!(fresh().len(), 16);
        assert_ne!(fresh(), fresh());
    }

    #[test]
    fn cada_valor_va_a_su_hueco() {
        let values = Values::of("ana", "x", "y", &choices());
        let text = fill("{{alumno}}: {{puerto}} {{otro}}", &values);
        assert_eq!(text, format!("ana: {} {{{{otro}}}}", values.get("puerto").unwrap()));
        assert_eq!(blank("Http(puerto: {{puerto}}, dice: \"{{ficha}}\")"), "Http(puerto: 1, dice: \"1\")");
        assert_eq!(
            dotted(r#"(p: {{p}}, d: "a \"{{x}}\" {{y}}", q: {{q}})"#),
            r#"(p: 1, d: "a \"…\" …", q: 1)"#
        );
    }

    impl Values {
        fn clone_with(&self, name: &str, value: &str) -> Values {
            let mut other = self.clone();
            other.given.insert(name.into(), value.into());
            other
        }
    }
}
