//! La historia en texto, alineada y con una línea por cada cosa que pasa; y en JSON.

use super::fold::{Again, Item, Line, Tone};
use super::words::short;
use super::{Told, Topic, Who};
use crate::logic::rules::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// La historia, lista para imprimir.
pub fn as_text(told: &Told, colours: bool) -> String {
    let width = told.names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max("Pod".len());
    let times: Vec<String> = told.items.iter().map(|(.., item)| short(item.at())).collect();
    let time_width = times.iter().map(String::len).max().unwrap_or(0).max(6);
    let mut before = Before::default();
    let mut out = String::new();
    for ((who, topic, item), time) in told.items.iter().zip(&times) {
        let name = who.map_or("Pod", |id| told.names[id].as_str());
        let text = match item {
            Item::Line(line) => {
                before.saw((*who, *topic), line);
                paint(&line_text(line), line.tone, colours)
            }
            Item::Again(again) => again_text(again, &before.last((*who, *topic), again.lines)),
        };
        let _ = writeln!(out, "{time:>time_width$}  {name:<width$}  {text}");
    }
    if told.lost > 0 {
        let _ = writeln!(out, "… y {} líneas más, que no se guardan", told.lost);
    }
    let _ = write!(out, "\n{}", summary(told));
    out
}

/// Lo último que se ha dicho en cada pista: lo que se repite se nombra.
#[derive(Default)]
struct Before(BTreeMap<(Who, Topic), Vec<String>>);

impl Before {
    fn saw(&mut self, track: (Who, Topic), line: &Line) {
        self.0.entry(track).or_default().push(line.text.clone());
    }

    fn last(&self, track: (Who, Topic), lines: usize) -> Vec<&str> {
        let all = self.0.get(&track).map(Vec::as_slice).unwrap_or_default();
        all[all.len().saturating_sub(lines)..].iter().map(String::as_str).collect()
    }
}

fn line_text(line: &Line) -> String {
    let mut text = line.text.clone();
    if !line.aside.is_empty() {
        let _ = write!(text, " · {}", line.aside);
    }
    if line.count > 1 {
        let every = line.every.map(|every| format!(", cada {}", short(every))).unwrap_or_default();
        let _ = write!(text, "  (×{}{every}, hasta {})", line.count, short(line.last));
    }
    text
}

fn again_text(again: &Again, block: &[&str]) -> String {
    let brief = |text: &&str| match text.char_indices().nth(44) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_string(),
    };
    let block: Vec<String> = block.iter().map(brief).collect();
    format!(
        "↻ {}: otras {} veces, cada {}, hasta {}",
        block.join(" → "),
        again.times,
        short(again.every),
        short(again.last)
    )
}

fn paint(text: &str, tone: Tone, colours: bool) -> String {
    match (tone, colours) {
        (Tone::Good, true) => format!("\x1b[32m{text}\x1b[0m"),
        (Tone::Bad, true) => format!("\x1b[31m{text}\x1b[0m"),
        (Tone::Plain, true) | (_, false) => text.to_string(),
    }
}

/// Las cuentas de cada contenedor.
fn summary(told: &Told) -> String {
    let header = ["CONTENEDOR", "ARRANQUES", "REINICIOS", "EN MARCHA", "LISTO", "SONDAS"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for ((name, kind), tally) in told.names.iter().zip(&told.kinds).zip(&told.tallies) {
        let failed = match tally.failed_starts {
            0 => String::new(),
            n => format!(" (+{n} fallidos)"),
        };
        let probes = match (tally.probes, tally.failed_probes) {
            (0, _) => "-".to_string(),
            (n, 0) => n.to_string(),
            (n, bad) => format!("{n}, {bad} mal"),
        };
        rows.push(vec![
            name.clone(),
            format!("{}{failed}", tally.starts),
            tally.restarts.to_string(),
            share(tally.running, told.end),
            // de uno de inicialización nadie espera que esté listo: se espera que acabe
            if matches!(kind, Kind::Init | Kind::Ephemeral) {
                "-".into()
            } else {
                share(tally.ready, told.end)
            },
            probes,
        ]);
    }
    let how = if told.over { "ha acabado" } else { "sigue" };
    let end = format!("A los {}, el Pod {how} en fase {}.\n", short(told.end), told.phase);
    format!("{end}\n{}", crate::cli::table::align(&rows, 3))
}

/// Un rato y la parte que es del total.
fn share(part: Duration, whole: Duration) -> String {
    let percent = match whole.as_millis() {
        0 => 0,
        whole => part.as_millis() * 100 / whole,
    };
    format!("{} ({percent} %)", short(part))
}

/// La misma historia, para otro programa. Los instantes, en segundos desde que nació el Pod.
pub fn as_json(told: &Told) -> Value {
    let item = |(who, topic, item): &(Who, Topic, Item)| {
        let mut value = json!({
            "at": item.at().as_secs_f64(),
            "who": who.map(|id| told.names[id].clone()),
            "topic": format!("{topic:?}"),
        });
        let more = match item {
            Item::Line(line) => json!({
                "text": line.text, "aside": line.aside, "bad": line.tone == Tone::Bad,
                "count": line.count, "last": line.last.as_secs_f64(),
                "every": line.every.map(|d| d.as_secs_f64()),
            }),
            Item::Again(again) => json!({
                "repeats": again.lines, "times": again.times, "last": again.last.as_secs_f64(),
                "every": again.every.as_secs_f64(),
            }),
        };
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        value
    };
    let tally = |(name, tally): (&String, &super::Tally)| {
        json!({
            "name": name, "starts": tally.starts, "failedStarts": tally.failed_starts,
            "restarts": tally.restarts, "running": tally.running.as_secs_f64(),
            "ready": tally.ready.as_secs_f64(), "probes": tally.probes, "failedProbes": tally.failed_probes,
        })
    };
    json!({
        "end": told.end.as_secs_f64(),
        "phase": told.phase,
        "over": told.over,
        "timeline": told.items.iter().map(item).collect::<Vec<_>>(),
        "lost": told.lost,
        "containers": told.names.iter().zip(&told.tallies).map(tally).collect::<Vec<_>>(),
    })
}
