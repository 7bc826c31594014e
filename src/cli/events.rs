//! `micropod events`: lo que ha ido pasando, del más viejo al más nuevo.

use super::namespace::Namespace;
use super::{LOOK_EVERY, require_root, term, words};
use crate::error::{Error, exit};
use crate::object;
use crate::output::format::Format;
use crate::output::{self, time::Now};
use crate::state::{self, Seen};
use clap::ArgMatches;
use serde_json::Value;
use std::io::Write;

/// ¿Nombra los sucesos, en `get`?
pub fn is_kind(word: &str) -> bool {
    matches!(word, "events" | "event" | "ev")
}

/// Qué sucesos y cómo.
struct Wanted {
    /// Solo los de este Pod.
    pod: Option<String>,
    /// `Normal`, `Warning`; vacía, todos.
    types: Vec<String>,
    format: Format,
    headers: bool,
    /// `Pod/web` en `events`; `pod/web` en `get events`.
    kind: &'static str,
    namespace: Namespace,
}

pub fn events(args: &ArgMatches) -> Result<u8, Error> {
    require_root("mirar los sucesos")?;
    let wanted = Wanted {
        pod: args.get_one::<String>("for").map(|text| for_pod(text)).transpose()?,
        types: types(&words(args, "types"))?,
        format: Format::parse(args.get_one::<String>("output").map_or("", String::as_str))?,
        headers: !args.get_flag("no-headers"),
        kind: "Pod",
        namespace: Namespace::new(args),
    };
    show(&wanted, args.get_flag("watch"))
}

/// `get events`: la misma tabla, con las minúsculas de `get`.
pub fn get(args: &ArgMatches) -> Result<u8, Error> {
    if words(args, "POD").len() > 1 {
        return Err(
            Error::usage("los sucesos no tienen nombre").with_hint("micropod events --for pod/NOMBRE")
        );
    }
    let format = Format::parse(args.get_one::<String>("output").map_or("", String::as_str))?;
    let headers = !args.get_flag("no-headers");
    let namespace = Namespace::new(args);
    let wanted = Wanted { pod: None, types: Vec::new(), format, headers, kind: "pod", namespace };
    show(&wanted, args.get_flag("watch"))
}

fn for_pod(text: &str) -> Result<String, Error> {
    match text.split_once('/') {
        Some(("pod" | "pods" | "po" | "Pod", name)) if !name.is_empty() => Ok(name.to_string()),
        _ => Err(Error::usage("--for must be in resource/name form").with_hint("--for pod/NOMBRE")),
    }
}

fn types(words: &[String]) -> Result<Vec<String>, Error> {
    let one = |word: &str| match word.to_lowercase().as_str() {
        "normal" => Ok("Normal".to_string()),
        "warning" => Ok("Warning".to_string()),
        _ => Err(Error::usage("valid --types are Normal or Warning")),
    };
    words.iter().flat_map(|word| word.split(',')).map(one).collect()
}

impl Wanted {
    /// Los sucesos pedidos, por la hora a la que pasaron por última vez.
    fn look(&self) -> Vec<Value> {
        crate::gc::sweep_pending();
        let seen: Vec<Seen> = match &self.pod {
            Some(name) => state::see(name).into_iter().collect(),
            None => state::see_all(),
        };
        // por milisegundos: la hora que se enseña no lleva decimales
        let each = |seen: &Seen| {
            let moments = seen.live.events.iter().map(|event| seen.clock(event.last));
            moments.zip(object::events(seen)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = seen.iter().filter(|seen| self.namespace.has(seen)).flat_map(each).collect();
        crate::order::sort_by_key(&mut all, |(at, _)| *at);
        let of_type =
            |event: &Value| self.types.is_empty() || self.types.iter().any(|t| event["type"] == *t.as_str());
        all.into_iter().map(|(_, event)| event).filter(of_type).collect()
    }

    fn render(&self, events: &[Value], headers: bool) -> Result<String, Error> {
        if !self.format.is_table() {
            return self.format.render(events.to_vec(), false, self.headers);
        }
        Ok(output::events::table(
            events,
            &Now::here(),
            self.kind,
            headers && self.headers,
            self.namespace.all,
        ))
    }
}

fn show(wanted: &Wanted, follow: bool) -> Result<u8, Error> {
    let mut known = wanted.look();
    if known.is_empty() && !follow && wanted.format.is_table() {
        term::note(&wanted.namespace.nothing("events"));
        return Ok(exit::OK);
    }
    let mut news = known.clone();
    let mut first = true;
    loop {
        if !news.is_empty() || !follow {
            let mut out = std::io::stdout();
            let text = wanted.render(&news, first)?;
            first = false;
            // si nadie lee, no hay nada que seguir
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Ok(exit::OK);
            }
        }
        if !follow {
            return Ok(exit::OK);
        }
        std::thread::sleep(LOOK_EVERY);
        let now = wanted.look();
        news = now.iter().filter(|event| !is_known(&known, event)).cloned().collect();
        known = now;
    }
}

/// El mismo suceso, las mismas veces.
fn is_known(known: &[Value], event: &Value) -> bool {
    let same = |field: &str, old: &Value| old[field] == event[field];
    let fields = ["involvedObject", "reason", "message", "count", "firstTimestamp"];
    known.iter().any(|old| fields.iter().all(|field| same(field, old)))
}
