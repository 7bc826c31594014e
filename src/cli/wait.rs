//! `micropod wait`: esperar a que se cumpla una condición, sin dormir a ciegas.

use super::{duration, pod_names, words};
use crate::error::{Error, exit};
use crate::{object, state};
use clap::ArgMatches;
use std::time::{Duration, Instant};

/// Cada cuánto se mira: leer un estado son microsegundos.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub fn wait(args: &ArgMatches) -> Result<u8, Error> {
    let names = pod_names(&words(args, "POD"))?;
    let timeout = duration(args.get_one::<String>("timeout").map_or("30s", String::as_str))?;
    for name in &names {
        until(name, super::text(args, "for"), timeout)?;
    }
    Ok(exit::OK)
}

/// Lo que se espera.
enum Goal {
    Condition { kind: String, status: bool },
    Delete,
    JsonPath { path: Vec<String>, value: String },
}

impl Goal {
    fn parse(text: &str) -> Result<Goal, Error> {
        if text == "delete" {
            return Ok(Goal::Delete);
        }
        if let Some(rest) = text.strip_prefix("condition=") {
            let (kind, status) = rest.split_once('=').unwrap_or((rest, "true"));
            return Ok(Goal::Condition {
                kind: kind.to_string(),
                status: status.eq_ignore_ascii_case("true"),
            });
        }
        if let Some((path, value)) = text.strip_prefix("jsonpath=").and_then(|r| r.rsplit_once('=')) {
            let path = path.trim_matches('\'').trim_start_matches("{.").trim_end_matches('}');
            let path = path.split('.').map(String::from).collect();
            return Ok(Goal::JsonPath { path, value: value.to_string() });
        }
        Err(Error::usage(format!("«{text}» no es una condición"))
            .with_hint("condition=Ready, delete o jsonpath='{.status.phase}'=Running"))
    }
}

/// Espera a que el Pod `name` cumpla `condition`.
pub fn until(name: &str, condition: &str, timeout: Duration) -> Result<u8, Error> {
    let goal = Goal::parse(condition)?;
    let end = Instant::now() + timeout;
    loop {
        match state::see(name) {
            None if matches!(goal, Goal::Delete) => break,
            None => return Err(super::not_found(name)),
            Some(seen) => {
                if is_met(&goal, &seen) {
                    break;
                }
                let phase = seen.live.status.phase;
                let hopeless = phase.is_final() && matches!(goal, Goal::Condition { status: true, .. });
                if hopeless {
                    return Err(Error::failed(format!(
                        "el Pod `{name}` ya ha acabado ({phase}): no llegará a cumplir {condition}"
                    ))
                    .with_hint(format!("micropod describe pod {name}")));
                }
            }
        }
        if Instant::now() >= end {
            return Err(Error::failed(format!("timed out waiting for the condition on pods/{name}"))
                .with_hint(format!("mira qué le pasa con `micropod describe pod {name}`")));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    println!("pod/{name} condition met");
    Ok(exit::OK)
}

fn is_met(goal: &Goal, seen: &state::Seen) -> bool {
    match goal {
        Goal::Delete => false,
        Goal::Condition { kind, status } => {
            let found = seen.live.status.conditions.iter().find(|c| c.kind.eq_ignore_ascii_case(kind));
            found.is_some_and(|c| c.status == *status)
        }
        Goal::JsonPath { path, value } => {
            let object = object::pod(seen);
            let found = path.iter().try_fold(&object, |at, key| at.get(key));
            found.is_some_and(|found| match found.as_str() {
                Some(text) => text == value,
                None => serde_json::from_str::<serde_json::Value>(value).is_ok_and(|value| value == *found),
            })
        }
    }
}
