//! La tabla de sucesos de `kubectl events`.

use super::{tabwriter, time::Now};
use crate::cli::term;
use serde_json::Value;

/// Los sucesos, en el orden en que vienen. `kind`: cómo se escribe «Pod» en la columna OBJECT. `namespaces`:
/// con la columna de su espacio de nombres.
pub fn table(events: &[Value], now: &Now, kind: &str, headers: bool, namespaces: bool) -> String {
    let titles = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(String::from).to_vec();
    let titles = headers.then_some(("NAMESPACE", titles));
    let whose = |event: &'_ Value| event["metadata"]["namespace"].as_str().unwrap_or_default().to_string();
    let rows = events.iter().map(|event| (whose(event), row(event, now, kind)));
    let rows = titles.map(|(first, rest)| (first.to_string(), rest)).into_iter().chain(rows);
    let rows: Vec<_> =
        rows.map(|(first, rest)| if namespaces { [vec![first], rest].concat() } else { rest }).collect();
    tabwriter::table(&rows)
}

/// La fila de un suceso.
pub fn row(event: &Value, now: &Now, kind: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let last = now.since(event["lastTimestamp"].as_str());
    let seen = match event["count"].as_u64() {
        Some(count @ 2..) => {
            format!("{last} (x{count} over {})", now.since(event["firstTimestamp"].as_str()))
        }
        _ => last,
    };
    let object = format!("{kind}/{}", text(&event["involvedObject"]["name"]));
    let message = term::harmless(&text(&event["message"]));
    vec![seen, text(&event["type"]), text(&event["reason"]), object, message]
}
