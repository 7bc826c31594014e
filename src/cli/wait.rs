//! `micropod wait`: esperar a que se cumpla una condición, sin dormir a ciegas.

use super::pick::Pick;
use super::{duration, require_root};
use crate::error::{Error, exit};
use crate::object;
use crate::output::jsonpath::{JsonPath, text_of};
use crate::state::{self, Seen};
use clap::ArgMatches;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Cada cuánto se mira: leer un estado son microsegundos.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Un plazo negativo es una semana, como en kubectl.
const A_WEEK: Duration = Duration::from_secs(7 * 86_400);

pub fn wait(args: &ArgMatches) -> Result<u8, Error> {
    require_root("mirar los Pods")?;
    let goal = Goal::parse(super::text(args, "for"))?;
    let timeout = match args.get_one::<String>("timeout").map_or("30s", String::as_str) {
        text if text.starts_with('-') => A_WEEK,
        text => duration(text)?,
    };
    let pick = Pick::new(args)?;
    if !pick.is_said() {
        return Err(Error::usage("resource(s) were provided, but no name was specified")
            .with_hint("di cuál: pod/NOMBRE, -l app=web o --all"));
    }
    crate::gc::sweep_pending();
    let names = match pick.names.is_empty() {
        true => pick.present().into_iter().map(|seen| seen.record.name).collect(),
        false => pick.names.clone(),
    };
    if names.is_empty() && !matches!(goal, Goal::Delete) {
        return Err(Error::failed("no matching resources found"));
    }
    let end = Instant::now() + timeout;
    for name in &names {
        // el de otro espacio de nombres no es este
        if state::see(name).is_some_and(|seen| !pick.namespace.has(&seen)) {
            return Err(super::not_found(name));
        }
        if wait_for(name, &goal, timeout, end)? {
            println!("pod/{name} condition met");
        }
    }
    Ok(exit::OK)
}

/// Espera a que el Pod `name` cumpla `goal`, y lo dice.
pub fn until(name: &str, goal: &Goal, timeout: Duration) -> Result<u8, Error> {
    wait_for(name, goal, timeout, Instant::now() + timeout)?;
    println!("pod/{name} condition met");
    Ok(exit::OK)
}

/// Lo que se espera.
#[derive(Debug, PartialEq)]
pub enum Goal {
    Condition {
        kind: String,
        status: String,
    },
    Create,
    Delete,
    /// Sin valor: que exista.
    JsonPath {
        path: JsonPath,
        value: Option<String>,
    },
}

impl Goal {
    pub fn parse(text: &str) -> Result<Goal, Error> {
        if let Some(rest) = text.strip_prefix("condition=") {
            let (kind, status) = rest.split_once('=').unwrap_or((rest, "true"));
            return Ok(Goal::Condition { kind: kind.to_string(), status: status.to_string() });
        }
        if let Some(rest) = text.strip_prefix("jsonpath=") {
            return Goal::json_path(rest.trim_matches('\''));
        }
        match text {
            "delete" => Ok(Goal::Delete),
            "create" => Ok(Goal::Create),
            _ => Err(Error::usage(format!("unrecognized condition: \"{text}\""))
                .with_hint("condition=Ready, delete, create o jsonpath='{.status.phase}'=Running")),
        }
    }

    /// `{.status.phase}=Running`, `.status.phase=Running` o solo el camino. El `=` que separa va
    /// detrás de la llave: dentro de un filtro puede haber otros.
    fn json_path(text: &str) -> Result<Goal, Error> {
        let split = match text.rfind('}') {
            Some(brace) => (&text[..=brace], text[brace + 1..].trim_start_matches('\'')),
            None => text.split_at(text.find('=').unwrap_or(text.len())),
        };
        let value = match split.1.strip_prefix('=') {
            Some("") => {
                return Err(Error::usage(
                    "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.phase}'=Running",
                ));
            }
            value => value.map(|value| value.trim_matches(['\'', '"']).to_string()),
        };
        let path = JsonPath::relaxed(split.0).map_err(|why| {
            Error::usage(format!("«{text}» no es un jsonpath: {why}"))
                .with_hint("--for=jsonpath='{.status.phase}'=Running")
        })?;
        Ok(Goal::JsonPath { path, value })
    }

    fn is_met(&self, seen: &Seen) -> Result<bool, Error> {
        match self {
            Goal::Create => Ok(true),
            Goal::Delete => Ok(false),
            Goal::Condition { kind, status } => {
                let found = seen.live.status.conditions.iter().find(|c| c.kind.eq_ignore_ascii_case(kind));
                let word = |met: bool| if met { "True" } else { "False" };
                Ok(found.is_some_and(|c| word(c.status).eq_ignore_ascii_case(status)))
            }
            Goal::JsonPath { path, value } => {
                let object = object::pod(seen);
                let found = path.find(&object).map_err(Error::failed)?;
                match (found.as_slice(), value) {
                    ([], _) => Ok(false),
                    ([_, _, ..], _) => {
                        Err(Error::failed("given jsonpath expression matches more than one value"))
                    }
                    ([Value::Object(_) | Value::Array(_)], Some(_)) => {
                        Err(Error::failed("jsonpath leads to a nested object or list which is not supported"))
                    }
                    ([found], Some(value)) => Ok(text_of(found) == *value),
                    ([_], None) => Ok(true),
                }
            }
        }
    }

    /// Un Pod acabado no volverá a estar listo: esperar no sirve de nada.
    fn is_hopeless(&self, seen: &Seen) -> bool {
        let wanted = matches!(self, Goal::Condition { status, .. } if status.eq_ignore_ascii_case("true"));
        wanted && seen.live.status.phase.is_final()
    }
}

/// Espera hasta `end`. `false`: se esperaba un borrado y no había nada que borrar.
fn wait_for(name: &str, goal: &Goal, timeout: Duration, end: Instant) -> Result<bool, Error> {
    let first = state::see(name).map(|seen| seen.record.uid);
    loop {
        match state::see(name) {
            // borrado, o sustituido por otro con el mismo nombre
            None if *goal == Goal::Delete => return Ok(first.is_some()),
            Some(seen) if *goal == Goal::Delete && first.as_ref() != Some(&seen.record.uid) => {
                return Ok(true);
            }
            None if *goal == Goal::Create => {}
            None => return Err(super::not_found(name)),
            Some(seen) if goal.is_met(&seen)? => return Ok(true),
            Some(seen) if goal.is_hopeless(&seen) => {
                let phase = seen.live.status.phase;
                return Err(Error::failed(format!(
                    "el Pod `{name}` ya ha acabado ({phase}): no llegará a cumplirlo"
                ))
                .with_hint(format!("micropod describe pod {name}")));
            }
            Some(_) => {}
        }
        if Instant::now() >= end {
            let problem = match timeout.is_zero() {
                true => format!("condition not met for pods/{name}"),
                false => format!("timed out waiting for the condition on pods/{name}"),
            };
            return Err(Error::failed(problem)
                .with_hint(format!("mira qué le pasa con `micropod describe pod {name}`")));
        }
        std::thread::sleep(LOOK_EVERY.min(end.saturating_duration_since(Instant::now())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_que_se_espera_se_escribe_como_en_kubectl() {
        let condition =
            |kind: &str, status: &str| Goal::Condition { kind: kind.into(), status: status.into() };
        assert_eq!(Goal::parse("condition=Ready").unwrap(), condition("Ready", "true"));
        assert_eq!(Goal::parse("condition=Ready=False").unwrap(), condition("Ready", "False"));
        assert_eq!(Goal::parse("delete").unwrap(), Goal::Delete);
        assert_eq!(Goal::parse("create").unwrap(), Goal::Create);
        let path = |text: &str| JsonPath::relaxed(text).unwrap();
        for text in [
            "jsonpath={.status.phase}=Running",
            "jsonpath='{.status.phase}'=Running",
            "jsonpath=.status.phase=Running",
        ] {
            let goal = Goal::JsonPath { path: path(".status.phase"), value: Some("Running".into()) };
            assert_eq!(Goal::parse(text).unwrap(), goal, "{text}");
        }
        let filter = "{.status.conditions[?(@.type==\"Ready\")].status}";
        let goal = Goal::JsonPath { path: path(filter), value: Some("True".into()) };
        assert_eq!(Goal::parse(&format!("jsonpath={filter}=True")).unwrap(), goal);
        let exists = Goal::JsonPath { path: path(".status.podIP"), value: None };
        assert_eq!(Goal::parse("jsonpath='{.status.podIP}'").unwrap(), exists);
        for bad in ["foo", "condition", "jsonpath=", "jsonpath={.a}=", "jsonpath={.a"] {
            assert!(Goal::parse(bad).is_err(), "{bad}");
        }
    }
}
