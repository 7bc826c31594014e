//! `micropod delete`: parar Pods y olvidarlos.

use super::pick::Pick;
use super::{duration, farewell, require_root, term};
use crate::control::{self, Request};
use crate::error::{Error, each, exit};
use crate::spec::{self, Validation, objects::Object};
use crate::state::{self, Claim};
use clap::ArgMatches;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Cómo se pide que acaben.
struct How {
    grace: Option<u64>,
    force: bool,
    wait: bool,
    timeout: Option<Duration>,
    /// `-o name`: decir solo `pod/NOMBRE`.
    short: bool,
}

pub fn delete(args: &ArgMatches) -> Result<u8, Error> {
    require_root("borrar Pods")?;
    let how = How::new(args)?;
    let targets = targets(args)?;
    crate::gc::sweep_pending();
    // se pide a todos antes de esperar a ninguno: mil Pods tardan lo que el más lento
    let asked: Vec<_> = targets
        .into_iter()
        .map(|target| match target {
            Target::Pod(name) if super::see_in(args, &name).is_ok() => {
                (Some(how.ask(&name)), Target::Pod(name))
            }
            target => (None, target),
        })
        .collect();
    each(asked, |(heard, target)| match (target, heard) {
        (Target::Pod(name), Some(heard)) => {
            if how.wait || !heard {
                how.wait_and_forget(&name, heard)?;
            }
            how.tell(&name);
            Ok(())
        }
        (Target::Pod(_), None) if args.get_flag("ignore-not-found") => Ok(()),
        (Target::Pod(name), None) => Err(super::not_found(&name)),
        (Target::Other(object), _) => super::controllers::delete_object(&object, args),
    })?;
    Ok(exit::OK)
}

impl How {
    fn new(args: &ArgMatches) -> Result<How, Error> {
        let text = |name: &str| args.get_one::<String>(name).map(String::as_str);
        let force = args.get_flag("force");
        let grace = match (args.get_flag("now"), text("grace-period")) {
            (true, Some(_)) => {
                return Err(Error::usage("--now and --grace-period cannot be specified together")
                    .with_hint("--now es --grace-period=1"));
            }
            (true, None) => Some(1),
            // -1 es «el suyo», como en kubectl
            (false, None | Some("-1")) => None,
            (false, Some(text)) => Some(text.parse().map_err(|_| {
                Error::usage(format!("«{text}» no es un plazo"))
                    .with_hint("--grace-period=10 son diez segundos")
            })?),
        };
        let wait = match text("wait") {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => {
                return Err(Error::usage(format!("«{other}» no vale para «--wait»: es true o false")));
            }
        };
        let timeout = text("timeout").map(duration).transpose()?.filter(|timeout| !timeout.is_zero());
        let short = match text("output") {
            None => false,
            Some("name") => true,
            Some(other) => {
                return Err(Error::usage(format!(
                    "unexpected -o output mode: {other}. We only support '-o name'"
                )));
            }
        };
        Ok(How { grace, force, wait, timeout, short })
    }

    /// Pide al supervisor que acabe; `false` si no hay quien lo oiga.
    fn ask(&self, name: &str) -> bool {
        if !self.wait {
            if let Err(error) = state::forget_when_over(name) {
                log::error!("la ficha de {name} se quedará: {error}");
            }
        }
        let path = state::pod_dir(name).join("control");
        let answer = control::ask(&path, &Request::Delete { grace_seconds: self.grace, force: self.force });
        log::debug!("el supervisor de {name} responde: {answer:?}");
        answer.is_ok()
    }

    fn tell(&self, name: &str) {
        match (self.short, self.force) {
            (true, _) => println!("pod/{name}"),
            (false, true) => println!("pod \"{name}\" force deleted"),
            (false, false) => println!("pod \"{name}\" deleted"),
        }
    }
}

/// Lo que se borra.
enum Target {
    Pod(String),
    /// Un controlador; o lo que usan los Pods, que se va con ellos.
    Other(Box<Object>),
}

/// Los que se nombran, los de un fichero, los de un selector o todos.
fn targets(args: &ArgMatches) -> Result<Vec<Target>, Error> {
    let Some(file) = args.get_one::<String>("filename") else {
        return Ok(names(args)?.into_iter().map(Target::Pod).collect());
    };
    // para borrarlo da igual lo que micropod no haga de él
    let manifest = spec::load_with(Path::new(file), Validation::Warn)?;
    let target = |object: Object| match object {
        Object::Pod(pod) => Target::Pod(pod.metadata.name),
        other => Target::Other(Box::new(other)),
    };
    Ok(manifest.objects.into_iter().map(target).collect())
}

fn names(args: &ArgMatches) -> Result<Vec<String>, Error> {
    let pick = Pick::new(args)?;
    if !pick.is_said() {
        return Err(Error::usage("resource(s) were provided, but no name was specified").with_hint(
            "di cuál: delete pod NOMBRE, delete pods -l app=web, delete pods --all o delete -f FICHERO",
        ));
    }
    if !pick.names.is_empty() {
        return Ok(pick.names);
    }
    let names: Vec<String> = pick.present().into_iter().map(|seen| seen.record.name).collect();
    if names.is_empty() {
        term::note("No resources found");
    }
    Ok(names)
}

/// Cada cuánto se vuelve a pedir a un supervisor que aún no lo ha oído.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Segundos que ya son una espera: con `--now` no se llega a ellos.
const WORTH_TELLING: u64 = 3;

impl How {
    fn wait_and_forget(&self, name: &str, heard: bool) -> Result<(), Error> {
        let claim = self.wait_for_name(name, heard)?;
        if let Some(seen) = state::see_claimed(&claim) {
            // el supervisor pudo morir también después de publicar el final: hasta soltarlo todo, pendiente
            if seen.was_abandoned() || !heard || state::pending_path(name).exists() {
                crate::gc::reap(&seen.record, &seen.live);
            }
        }
        crate::gc::forget_record(claim)
    }

    /// Espera a que el supervisor acabe. En una terminal, dice a quién espera y por qué. Quien no oyó que
    /// debía acabar (aún nacía, o aquí no quedaban descriptores) no acabaría nunca: se le pide otra vez.
    fn wait_for_name(&self, name: &str, mut heard: bool) -> Result<Claim, Error> {
        let started = Instant::now();
        let (mut said, mut asked) = (0, started);
        loop {
            if let Some(claim) = Claim::take(name)? {
                return Ok(claim);
            }
            if !heard && asked.elapsed() >= ASK_AGAIN {
                (heard, asked) = (self.ask(name), Instant::now());
            }
            if self.timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
                return Err(Error::failed(format!("timed out waiting for the condition on pods/{name}"))
                    .with_hint("sigue acabando: mira a quién espera con `micropod get pods`"));
            }
            let seconds = started.elapsed().as_secs();
            if seconds > said && seconds >= WORTH_TELLING && std::io::stderr().is_terminal() {
                said = seconds;
                tell_who(name);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn tell_who(name: &str) {
    let Some(seen) = state::see(name) else { return };
    let now = seen.since(Duration::ZERO);
    for line in farewell::lines(&seen.live, &seen.record.plans, now) {
        term::note(&line);
    }
}
