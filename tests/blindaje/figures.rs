//! Lo que se ha medido: `tests/medidas.txt`, una línea por cada cosa que se repitió, y la tabla que sale de
//! ahí: la de `make blindaje` y la del libro, que se hace cada vez que se construye.

use super::lista::{self, project};
use super::sabotages;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const DATA: &str = "tests/medidas.txt";
const HEAD: &str =
    "# Lo que se ha medido, y dónde. Lo escriben `make averias`, `make resiste`, `make fuzz` y `make rompe`;
# `make blindaje` lo enseña, y el libro lo lleva en un apéndice.
#
#   QUÉ | CUÁNTAS | MAL | FECHA | MÁQUINA
";

/// Cuántas veces se hizo algo, y cuántas salió mal.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub count: u64,
    pub bad: u64,
    pub date: String,
    pub machine: String,
}

pub type Figures = BTreeMap<String, Figure>;

pub fn read() -> Figures {
    let text = fs::read_to_string(project().join(DATA)).unwrap_or_default();
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    let one = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [what, count, bad, date, machine] = parts[..] else { panic!("mal escrita: {line}") };
        let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("no es un número: {line}"));
        let (count, bad) = (number(count), number(bad));
        (what.to_string(), Figure { count, bad, date: date.into(), machine: machine.into() })
    };
    lines.map(one).collect()
}

pub fn write(figures: &Figures) {
    let mut text = HEAD.to_string();
    for (what, Figure { count, bad, date, machine }) in figures {
        let _ = writeln!(text, "{what} | {count} | {bad} | {date} | {machine}");
    }
    fs::write(project().join(DATA), text).unwrap();
}

/// Lo que apuntan los tests en `MICROPOD_CIFRAS`: «CUÁNTAS MAL QUÉ», una línea cada vez.
pub fn noted(text: &str) -> Vec<(String, u64, u64)> {
    let one = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (count, bad) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((words.next()?.to_string(), count, bad))
    };
    text.lines().map(|line| one(line).unwrap_or_else(|| panic!("mal apuntada: {line}"))).collect()
}

/// Las promesas: todas, las que tienen una prueba, y las que no con su razón.
pub fn promises() -> (usize, usize, Vec<(String, String)>) {
    let all = lista::read("promesas.txt");
    let without: Vec<(String, String)> =
        all.iter().filter_map(|p| Some((p.id.clone(), p.proof.strip_prefix("no: ")?.to_string()))).collect();
    (all.len(), all.len() - without.len(), without)
}

/// Los grupos de cifras: cómo empiezan, cómo se llaman y cómo se llama lo que sale mal.
const GROUPS: &[(&str, &str, &str)] = &[
    ("sonda", "Comprobaciones de la sonda, desde dentro de un contenedor", "que fallan"),
    ("sabotajes", "Sabotajes: una línea estropeada a propósito", "que nadie ve"),
    ("averias", "Averías: un error o un `kill -9` en una llamada al sistema", "que cuelgan o dejan restos"),
    ("muertes", "Muertes del supervisor en un instante cualquiera, seguidas", "que dejan restos"),
    ("señales", "Señales a medio preparar un Pod", "que dejan restos"),
    ("reinicios", "Reinicios de un contenedor, con la misma memoria y los mismos descriptores", "de más"),
    ("pods", "Pods levantados y bajados en la misma máquina", "que dejan restos"),
    ("fuzz", "Entradas hostiles", "que hacen entrar en pánico"),
];

/// Cómo se llama el grupo de una cifra, si es de alguno.
pub fn group_of(what: &str) -> Option<&'static str> {
    let first = what.split(' ').next();
    GROUPS.iter().find(|(group, ..)| first == Some(group)).map(|(_, name, _)| *name)
}

/// Un número con los millares separados.
fn spaced(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && digits.len() > 4 {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

/// La tabla del libro: lo que se promete, lo que se ha medido y en qué máquina.
pub fn page(figures: &Figures) -> String {
    let (total, proven, without) = promises();
    let sabotages = sabotages::read().0.len();
    let mut text = "| Qué | Cuántas | Mal |\n|---|--:|--:|\n".to_string();
    let _ = writeln!(text, "| Promesas con una prueba | {proven} de {total} | {} sin ella |", total - proven);
    for (group, name, bad_name) in GROUPS {
        let own: Vec<(&String, &Figure)> =
            figures.iter().filter(|(what, _)| what.split(' ').next() == Some(group)).collect();
        if own.is_empty() {
            let _ = writeln!(text, "| {name} | sin medir | |");
            continue;
        }
        let (count, bad) = own.iter().fold((0, 0), |(n, m), (_, f)| (n + f.count, m + f.bad));
        let of = if *group == "sabotajes" { format!(" de {sabotages}") } else { String::new() };
        let _ = writeln!(text, "| {name} | {}{of} | {bad} {bad_name} |", spaced(count));
        for (what, figure) in own.iter().filter(|_| own.len() > 1) {
            let part = what.split_once(' ').map_or("", |(_, part)| part);
            let _ = writeln!(text, "| … {part} | {} | {} |", spaced(figure.count), figure.bad);
        }
    }
    let mut machines: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (what, figure) in figures {
        let group = what.split(' ').next().unwrap_or_default();
        let whats = machines.entry((&figure.machine, &figure.date)).or_default();
        if !whats.contains(&group) {
            whats.push(group);
        }
    }
    text.push('\n');
    for ((machine, date), whats) in machines {
        let _ = writeln!(text, "- {}: {date}, {machine}.", whats.join(", "));
    }
    if !without.is_empty() {
        text.push_str("\nLas promesas que no tienen prueba, y por qué:\n\n");
    }
    for (id, why) in without {
        let _ = writeln!(text, "- {id}: {why}.");
    }
    text
}
