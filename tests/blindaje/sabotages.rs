//! Los sabotajes de `tests/sabotajes.txt`: cada uno rompe a propósito una promesa, en una sola línea, y
//! la prueba de esa promesa lo tiene que ver.

use super::lista::{self, project};
use std::collections::BTreeMap;
use std::fs;

#[derive(Clone, Debug, PartialEq)]
pub struct Sabotage {
    /// `A1`; si una promesa tiene varios, `A1b`, `A1c`…
    pub id: String,
    /// El fichero que se estropea, desde el directorio del proyecto.
    pub file: String,
    /// Qué deja de hacer el programa.
    pub why: String,
    /// Lo que hay, que solo está una vez en el fichero, y lo que se pone en su lugar.
    pub old: String,
    pub new: String,
    /// La prueba que lo tiene que ver: «fichero::test», la de su promesa.
    pub test: String,
}

/// Una promesa que no se puede romper cambiando una línea, y por qué.
pub struct Unbroken {
    pub id: String,
    pub why: String,
}

/// La promesa de un sabotaje: su nombre, sin la letra que lo distingue de los demás de la misma.
pub fn promise_of(id: &str) -> &str {
    id.trim_end_matches(|c: char| c.is_ascii_lowercase())
}

/// La prueba de cada promesa que la tiene.
pub fn proofs() -> BTreeMap<String, String> {
    let all = lista::read("promesas.txt").into_iter();
    all.filter(|p| !p.proof.starts_with("no: ")).map(|p| (p.id, p.proof)).collect()
}

/// Los sabotajes, y las promesas que no tienen ninguno.
pub fn read() -> (Vec<Sabotage>, Vec<Unbroken>) {
    let text = fs::read_to_string(project().join("tests/sabotajes.txt")).unwrap();
    let proofs = proofs();
    let (mut sabotages, mut unbroken) = (Vec::new(), Vec::new());
    let mut lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    while let Some(line) = lines.next() {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [id, file, why] = parts[..] else { panic!("mal escrita: {line}") };
        if file == "no" {
            unbroken.push(Unbroken { id: id.into(), why: why.into() });
            continue;
        }
        let test =
            proofs.get(promise_of(id)).unwrap_or_else(|| panic!("{id} no es de una promesa con prueba"));
        let mut change = |mark: &str| {
            let line = lines.next().unwrap_or_default();
            let text = line.strip_prefix(mark).unwrap_or_else(|| panic!("{id}: falta la línea {mark}"));
            text.trim().to_string()
        };
        let (old, new) = (change("-"), change("+"));
        let (id, file, why) = (id.into(), file.into(), why.into());
        sabotages.push(Sabotage { id, file, why, old, new, test: test.clone() });
    }
    (sabotages, unbroken)
}

impl Sabotage {
    /// El fichero estropeado, o por qué no se puede.
    pub fn apply(&self) -> Result<String, String> {
        let text =
            fs::read_to_string(project().join(&self.file)).map_err(|e| format!("{}: {e}", self.file))?;
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            n => Err(format!("{}: «{}» está {n} veces en {}", self.id, self.old, self.file)),
        }
    }
}
