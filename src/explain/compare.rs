//! `micropod compara`: qué cambió entre dos vidas de un Pod, a partir de sus grabaciones.

use super::replay::{Replayed, replay, title};
use super::story::fold::Item;
use super::story::{Topic, short};
use crate::data;
use crate::error::Error;
use crate::logic::PodRules;
use crate::recording;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Compara dos grabaciones, cada una de un Pod o de un fichero, e imprime lo que cambia.
pub fn print(one: &str, other: &str) -> Result<(), Error> {
    let (a, b) = (recording::read(one)?, recording::read(other)?);
    let (first, second) = (replay(&a), replay(&b));
    println!("A: {}\nB: {}\n", title(&a), title(&b));
    print!("{}", report(&rules(a.header.pod.rules()), &first, &rules(b.header.pod.rules()), &second));
    Ok(())
}

/// Los datos de una vida que se comparan, por su nombre.
type Facts = BTreeMap<String, String>;

/// Lo que cambia, en texto.
pub fn report(rules_a: &Facts, a: &Replayed, rules_b: &Facts, b: &Replayed) -> String {
    let mut out = String::new();
    let mut section = |name: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let header = vec![name.to_string(), "A".to_string(), "B".to_string()];
            let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
            out += &format!("{}\n", crate::cli::table::align(&rows, 3));
        }
    };
    section("LO QUE SE PIDIÓ", changed(rules_a, rules_b));
    section("LO QUE PASÓ", changed(&facts(a), &facts(b)));
    section("LO QUE SE CONTÓ", changed(&counts(a), &counts(b)));
    match (out.is_empty(), first_difference(a, b)) {
        (true, None) => "No cambió nada: las dos vidas se cuentan igual.\n".into(),
        (_, None) => out,
        (_, Some(text)) => out + &text,
    }
}

/// Las filas que no son iguales en los dos.
fn changed(a: &Facts, b: &Facts) -> Vec<Vec<String>> {
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    crate::order::sort(&mut names);
    names.dedup();
    let of = |facts: &Facts, name: &str| facts.get(name).cloned().unwrap_or_else(|| "-".into());
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| vec![name.clone(), of(a, name), of(b, name)])
        .collect()
}

/// Las reglas del Pod, una por camino: `nginx.readiness.period`.
pub fn rules(rules: &PodRules) -> Facts {
    let mut facts = Facts::new();
    let mut value = data::value(rules);
    let containers = value.as_object_mut().and_then(|pod| pod.remove("containers")).unwrap_or_default();
    flatten("", &value, &mut facts);
    for container in containers.as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        flatten(name, container, &mut facts);
    }
    facts.retain(|name, _| name != "name" && !name.ends_with(".name"));
    facts
}

fn flatten(path: &str, value: &Value, facts: &mut Facts) {
    let inner = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        // un rato, como lo escribe serde
        Value::Object(map) if map.len() == 2 && map.contains_key("secs") && map.contains_key("nanos") => {
            let secs = map["secs"].as_u64().unwrap_or_default();
            let nanos = map["nanos"].as_u64().unwrap_or_default();
            let time = Duration::from_secs(secs).saturating_add(Duration::from_nanos(nanos));
            facts.insert(path.to_string(), short(time));
        }
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&inner(key), value, facts)),
        Value::Null => {}
        Value::Array(all) if all.is_empty() => {}
        Value::String(text) => {
            facts.insert(path.to_string(), text.clone());
        }
        other => {
            facts.insert(path.to_string(), other.to_string());
        }
    }
}

/// Lo que se ve al final.
fn facts(run: &Replayed) -> Facts {
    let told = &run.told;
    let mut facts = Facts::from([
        ("fase".to_string(), told.phase.to_string()),
        ("ha acabado".to_string(), if told.over { "sí" } else { "no" }.to_string()),
    ]);
    let ready = told.items.iter().find_map(|(who, topic, item)| match item {
        Item::Line(line)
            if who.is_none() && *topic == Topic::Conditions && line.text.ends_with("está listo") =>
        {
            Some(rounded(line.at))
        }
        Item::Line(_) | Item::Again(_) => None,
    });
    facts.insert("listo por primera vez".into(), ready.unwrap_or_else(|| "nunca".into()));
    for (name, tally) in told.names.iter().zip(&told.tallies) {
        facts.insert(format!("{name}: arranques"), tally.starts.to_string());
        facts.insert(format!("{name}: arranques fallidos"), tally.failed_starts.to_string());
        facts.insert(format!("{name}: sondas que fallan"), tally.failed_probes.to_string());
    }
    facts
}

/// Un instante sin los milisegundos, que en dos vidas nunca son los mismos.
fn rounded(at: Duration) -> String {
    short(Duration::from_secs((at.as_millis() as u64 + 500) / 1000))
}

/// Cada cosa que se contó, y cuántas veces. Las sondas que van bien no son noticia.
fn counts(run: &Replayed) -> Facts {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut recent: BTreeMap<_, Vec<(String, u64)>> = BTreeMap::new();
    for (who, topic, item) in &run.told.items {
        let name = who.map_or("Pod", |id| run.told.names[id].as_str());
        let seen = recent.entry((*who, *topic)).or_default();
        match item {
            Item::Line(line) => {
                let text = format!("{name}: {}", line.text);
                *counts.entry(text.clone()).or_default() += line.count;
                seen.push((text, line.count));
            }
            Item::Again(again) => {
                for (text, count) in seen.iter().rev().take(again.lines) {
                    *counts.entry(text.clone()).or_default() += count * again.times;
                }
            }
        }
    }
    let probe_ok = |text: &str| text.ends_with(": bien");
    counts.into_iter().filter(|(text, _)| !probe_ok(text)).map(|(text, n)| (text, format!("×{n}"))).collect()
}

/// Dónde se separan las dos historias: la primera línea de la vida de alguien que no es la misma.
fn first_difference(a: &Replayed, b: &Replayed) -> Option<String> {
    let lives = |run: &Replayed| {
        let mut lives: BTreeMap<String, Vec<(Duration, String)>> = BTreeMap::new();
        for (who, topic, item) in &run.told.items {
            if let (Topic::Life, Item::Line(line)) = (topic, item) {
                let name = who.map_or("Pod", |id| run.told.names[id].as_str());
                lives.entry(name.to_string()).or_default().push((line.at, line.text.clone()));
            }
        }
        lives
    };
    let (a, b) = (lives(a), lives(b));
    let apart = |(name, one): (&String, &Vec<(Duration, String)>)| {
        let other = b.get(name)?;
        let length = one.len().max(other.len());
        let i = (0..length).find(|i| one.get(*i).map(|l| &l.1) != other.get(*i).map(|l| &l.1))?;
        let show = |line: Option<&(Duration, String)>| match line {
            Some((at, text)) => format!("a los {}, «{text}»", rounded(*at)),
            None => "no pasa nada más".to_string(),
        };
        let at = one.get(i).or(other.get(i)).map(|line| line.0)?;
        Some((
            (at, name == "Pod"),
            format!("Se separan en {name}:\n  en A, {}\n  en B, {}\n", show(one.get(i)), show(other.get(i))),
        ))
    };
    a.iter().filter_map(apart).min().map(|(_, text)| text)
}
