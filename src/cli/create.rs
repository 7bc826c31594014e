//! `micropod create -f` y `micropod apply -f`: lo que teclea quien viene de kubectl.
//!
//! Los dos son `run -d` de cada objeto del fichero, en su orden. Se diferencian en qué pasa si ya está:
//! `create` se niega siempre, y `apply` no lo toca si es el mismo. Cambiar un Pod en marcha no se puede, y en
//! Kubernetes tampoco: casi todo en él es inmutable. Lo que sí cambia son sus ConfigMaps y Secrets.

use super::namespace::Namespace;
use super::{path, term, validation};
use crate::config;
use crate::control::{self, Request, Response};
use crate::controller;
use crate::data;
use crate::error::{Error, each, exit};
use crate::kernel::Mode;
use crate::run::{self, RunOptions};
use crate::spec::objects::{KINDS, Object};
use crate::spec::{Config, Manifest, Policy};
use crate::state;
use clap::ArgMatches;

pub fn create(args: &ArgMatches) -> Result<u8, Error> {
    run::require_root("crear un Pod")?;
    let options = options(args);
    let manifest = run::read(&options)?;
    each(manifest.runnable()?, |object| match running(object) {
        Some((kind, name, _)) => {
            Err(Error::failed(format!("Error from server (AlreadyExists): {kind} \"{name}\" already exists"))
                .with_hint(format!("míralo con `micropod get {kind} {name}`")))
        }
        None => start(&manifest, object, &options),
    })?;
    Ok(exit::OK)
}

pub fn apply(args: &ArgMatches) -> Result<u8, Error> {
    run::require_root("crear un Pod")?;
    let options = options(args);
    let manifest = run::read(&options)?;
    let mut users = 0;
    each(&manifest.objects, |object| {
        match (object, running(object)) {
        (Object::ConfigMap(_) | Object::Secret(_), _) => {
            users += configure(object, true)?;
            Ok(())
        }
        (Object::Pod(_), Some((_, name, true))) => {
            term::data(&format!("pod/{name} unchanged"));
            Ok(())
        }
        (Object::Pod(_), Some((_, name, false))) => Err(Error::failed(format!(
            "The Pod \"{name}\" is invalid: spec: Forbidden: pod updates may not change fields"
        ))
        .because("un Pod en marcha no se cambia: se sustituye por otro")
        .with_hint(format!(
            "micropod delete pod {name} && micropod apply -f {}; o ponlo en un ReplicaSet, que sabe cambiar de versión",
            options.file.display()
        ))),
        _ => start(&manifest, object, &options),
    }
    })?;
    if manifest.objects.iter().any(|object| matches!(object, Object::ReplicaSet(_) | Object::CronJob(_))) {
        // los Pods que han nacido entretanto, con lo de antes
        each(&manifest.objects, |object| configure(object, false).map(|_| ()))?;
    }
    if users == 0 && manifest.runnable().is_err() {
        return Err(Error::failed("ningún Pod en marcha usa lo que hay en este fichero")
            .with_hint("aquí un ConfigMap o un Secret va en la `List` del fichero de su Pod"));
    }
    Ok(exit::OK)
}

/// Da a los Pods en marcha el ConfigMap o Secret del fichero, si lo usan, y dice (`aloud`) si era otro. Devuelve
/// a cuántos Pods les toca.
fn configure(object: &Object, aloud: bool) -> Result<usize, Error> {
    let mut one = Config::default();
    let (what, metadata) = match object {
        Object::ConfigMap(map) => {
            one.config_maps.insert(map.metadata.name.clone(), map.clone());
            (format!("configmap/{}", map.metadata.name), &map.metadata)
        }
        Object::Secret(secret) => {
            one.secrets.insert(secret.metadata.name.clone(), secret.clone());
            (format!("secret/{}", secret.metadata.name), &secret.metadata)
        }
        Object::Pod(_) | Object::ReplicaSet(_) | Object::Job(_) | Object::CronJob(_) | Object::List(_) => {
            return Ok(0);
        }
    };
    let uses = |seen: &state::Seen| {
        let pod = &seen.record.pod;
        seen.supervised
            && pod.metadata.namespace() == metadata.namespace()
            && !config::used(&pod.spec, &one).is_empty()
    };
    let users: Vec<state::Seen> = state::see_all().into_iter().filter(uses).collect();
    let mut changed = 0;
    for seen in &users {
        changed += ask(&seen.record.name, &what, &one)?;
    }
    if aloud && !users.is_empty() {
        let done = if changed == 0 { "unchanged" } else { "configured" };
        term::data(&format!("{what} {done}"));
    }
    Ok(users.len())
}

/// Se lo da al supervisor del Pod `name`; devuelve cuántos eran otros.
fn ask(name: &str, what: &str, one: &Config) -> Result<usize, Error> {
    let failed =
        |why: String| Error::failed(format!("no se pudo cambiar {what} en el Pod `{name}`")).because(why);
    let path = state::pod_dir(name);
    state::replace_file(&path.join(state::NEXT_CONFIG), &data::bytes(one))
        .map_err(|fault| failed(fault.to_string()))?;
    match control::ask(&path.join("control"), &Request::Configure) {
        Ok(Response::Configured { changed }) => Ok(changed),
        Ok(Response::Refused(why)) => Err(failed(why)),
        Ok(Response::Accepted) => Err(failed("su supervisor es de otra versión".into())),
        Err(errno) => Err(failed(crate::error::spanish(errno).to_string())),
    }
}

/// Lo que ya está en marcha con la clase y el nombre de `object`, como lo nombra kubectl; de un Pod, si es el mismo.
fn running(object: &Object) -> Option<(&'static str, String, bool)> {
    let name = object.metadata()?.name.clone();
    if let Object::Pod(pod) = object {
        let seen = state::see(&name).filter(|seen| seen.supervised)?;
        return Some(("pods", name, seen.record.pod == *pod));
    }
    controller::state::see(object.kind(), &name).filter(|seen| seen.supervised)?;
    let kind = KINDS.iter().find(|kind| kind.name == object.kind())?;
    Some((kind.aliases[1], name, false))
}

fn start(manifest: &Manifest, object: &Object, options: &RunOptions) -> Result<(), Error> {
    run::launch_one(manifest, object, options).map(|_| ())
}

fn options(args: &ArgMatches) -> RunOptions {
    RunOptions {
        file: path(args, "filename"),
        only: None,
        detach: true,
        remove: false,
        mode: Mode::Quiet,
        owner: None,
        replace: false,
        acelera: None,
        runtime: Default::default(),
        policy: Policy::default(),
        validation: validation(args),
        namespace: Namespace::new(args),
    }
}
