//! `micropod debug`: un contenedor efímero, para mirar un Pod que ya vive sin tocarlo.

use super::{attach, one_pod, term, text, words};
use crate::control::{self, Request, Response};
use crate::controller::names;
use crate::error::{Error, exit};
use crate::logic::status::ContainerState;
use crate::spec::types::{EnvVar, EphemeralContainer};
use crate::spec::{Policy, validate};
use crate::state;
use clap::ArgMatches;
use nix::errno::Errno;
use std::time::{Duration, Instant};

pub fn debug(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("añadir un contenedor a un Pod")?;
    if args.get_flag("tty") && !args.get_flag("stdin") {
        return Err(Error::usage("-i/--stdin is required for containers with -t/--tty=true"));
    }
    let new = ephemeral(args)?;
    let seen = one_pod(args, "POD")?;
    let pod = &seen.record.name;
    // la política la sabe su supervisor, que lo comprobará todo otra vez
    if let Some(broken) = validate::ephemeral::check(&seen.record.pod, &new, Policy::Privileged).first() {
        let error = Error::usage(format!("{}: {}", broken.path, broken.problem));
        return Err(match &broken.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        });
    }
    let stays = new.stdin || args.get_flag("attach");
    let (name, stdin, tty) = (new.name.clone(), new.stdin, new.tty);
    let path = state::pod_dir(pod).join("control");
    let request = Request::Debug { container: Box::new(new), attach: stays };
    let (socket, response) = control::call(&path, &request).map_err(|errno| match errno {
        Errno::EMSGSIZE => Error::usage("el contenedor que se pide es demasiado largo").with_hint(
            "lo que se escribe de él ha de caber en 4 KiB: pon el resto en un fichero de su imagen",
        ),
        errno => Error::failed(format!("el supervisor del Pod `{pod}` no responde"))
            .because(crate::error::spanish(errno))
            .with_hint(format!("mira si sigue en marcha con `micropod get pod {pod}`")),
    })?;
    if let Response::Refused(why) = response {
        return Err(Error::failed(why));
    }
    if !stays {
        return Ok(exit::OK);
    }
    attach::follow(socket, stdin, tty)?;
    ended(pod, &name)
}

/// El contenedor que se pide, con las palabras de kubectl.
fn ephemeral(args: &ArgMatches) -> Result<EphemeralContainer, Error> {
    let quiet = args.get_flag("quiet");
    let target = args.get_one::<String>("target").cloned();
    let name = match args.get_one::<String>("container") {
        Some(name) => name.clone(),
        None => {
            let name = names::fresh("debugger")?;
            if !quiet {
                term::note(&format!("Defaulting debug container name to {name}."));
            }
            name
        }
    };
    if let Some(target) = target.as_ref().filter(|_| !quiet) {
        term::note(&format!("Targeting container \"{target}\"."));
    }
    let typed = words(args, "COMANDO");
    let (command, typed) = if args.get_flag("arguments-only") { (vec![], typed) } else { (typed, vec![]) };
    Ok(EphemeralContainer {
        name,
        image: text(args, "image").to_string(),
        command,
        args: typed,
        env: args
            .get_many::<String>("env")
            .unwrap_or_default()
            .map(|pair| variable(pair))
            .collect::<Result<_, _>>()?,
        stdin: args.get_flag("stdin"),
        tty: args.get_flag("tty"),
        target_container_name: target,
        ..EphemeralContainer::default()
    })
}

fn variable(pair: &str) -> Result<EnvVar, Error> {
    let (name, value) = pair.split_once('=').ok_or_else(|| {
        Error::usage(format!("«{pair}» no es una variable")).with_hint("escríbela así: --env NOMBRE=VALOR")
    })?;
    Ok(EnvVar { name: name.into(), value: value.into(), ..EnvVar::default() })
}

/// Cómo acabó. El código de su programa no es el nuestro, como en kubectl; no poder ejecutarlo, sí.
fn ended(pod: &str, name: &str) -> Result<u8, Error> {
    let state = || {
        let mut all = state::see(pod)?.live.status.ephemeral_containers.into_iter();
        all.find(|status| status.name == name).map(|status| status.state)
    };
    // ha acabado: lo que tarde su supervisor en publicarlo
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match state() {
            Some(ContainerState::Terminated(end)) if end.reason == "StartError" => {
                let problem = format!("el contenedor efímero `{name}` no llegó a ejecutar su programa");
                return Err(Error::failed(problem).because(end.message));
            }
            Some(ContainerState::Running { .. } | ContainerState::Waiting { .. })
                if Instant::now() < deadline =>
            {
                std::thread::sleep(super::LOOK_EVERY / 10);
            }
            Some(_) | None => return Ok(exit::OK),
        }
    }
}
