//! `micropod delete`: parar un Pod y olvidarlo.

use super::{farewell, pod_names, term, words};
use crate::control::{self, Request};
use crate::error::{Error, exit};
use crate::state::{self, Claim};
use clap::ArgMatches;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

pub fn delete(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("borrar Pods", "delete pod")?;
    let grace = match (args.get_flag("now"), args.get_one::<String>("grace-period")) {
        (true, _) => Some(1),
        (false, None) => None,
        (false, Some(text)) => Some(text.parse().map_err(|_| {
            Error::usage(format!("«{text}» no es un plazo")).with_hint("--grace-period=10 son diez segundos")
        })?),
    };
    let names = pod_names(&words(args, "POD"))?;
    if names.is_empty() {
        return Err(Error::usage("falta el nombre del Pod").with_hint("micropod delete pod NOMBRE"));
    }
    // se pide a todos antes de esperar a ninguno: mil Pods tardan lo que el más lento
    let mut asked = Vec::new();
    for name in &names {
        match super::see(name) {
            Err(_) if args.get_flag("ignore-not-found") => continue,
            Err(error) => return Err(error),
            Ok(_) => asked.push((name, ask_to_stop(name, grace, args.get_flag("force")))),
        }
    }
    for (name, heard) in asked {
        wait_and_forget(name, heard)?;
    }
    Ok(exit::OK)
}

/// Pide al supervisor que acabe; `false` si no hay quien lo oiga.
fn ask_to_stop(name: &str, grace_seconds: Option<u64>, force: bool) -> bool {
    let path = state::pod_dir(name).join("control");
    let answer = control::ask(&path, &Request::Delete { grace_seconds, force });
    log::debug!("el supervisor de {name} responde: {answer:?}");
    answer.is_ok()
}

fn wait_and_forget(name: &str, heard: bool) -> Result<(), Error> {
    let claim = wait_for_name(name)?;
    if let Some(seen) = state::see_claimed(&claim) {
        if seen.was_abandoned() || !heard {
            crate::gc::reap(&seen.record, &seen.live);
        }
    }
    crate::gc::forget_logs(name);
    state::clear_pending(name);
    claim.forget().map_err(|e| Error::failed(format!("no se pudo borrar la ficha de {name}")).because(e))?;
    println!("pod \"{name}\" deleted");
    Ok(())
}

/// Espera a que el supervisor acabe. En una terminal, dice a quién espera y por qué.
fn wait_for_name(name: &str) -> Result<Claim, Error> {
    let started = Instant::now();
    let mut said = 0;
    loop {
        if let Some(claim) = Claim::take(name)? {
            return Ok(claim);
        }
        let seconds = started.elapsed().as_secs();
        if seconds > said && std::io::stderr().is_terminal() {
            said = seconds;
            tell_who(name);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn tell_who(name: &str) {
    let Some(seen) = state::see(name) else { return };
    let now = seen.since(Duration::ZERO);
    for line in farewell::lines(&seen.live, &seen.record.plans, now) {
        term::note(&line);
    }
}
