//! `micropod create -f` y `micropod apply -f`: lo que teclea quien viene de kubectl.
//!
//! Los dos son `run -d`. Se diferencian en qué pasa si el Pod ya está: `create` se niega siempre, y
//! `apply` no lo toca si es el mismo. Cambiar un Pod en marcha no se puede, y en Kubernetes tampoco:
//! casi todo en él es inmutable. Lo que sí cambia son sus ConfigMaps y Secrets.

use super::namespace::Namespace;
use super::{path, validation};
use crate::config;
use crate::control::{self, Request, Response};
use crate::data;
use crate::error::{Error, exit};
use crate::kernel::Mode;
use crate::run::{self, RunOptions};
use crate::spec::{self, Config, Manifest, Policy, Validation, types::Object};
use crate::state;
use clap::ArgMatches;
use std::path::{Path, PathBuf};

pub fn create(args: &ArgMatches) -> Result<u8, Error> {
    let (file, validation, namespace) = (path(args, "filename"), validation(args), Namespace::new(args));
    run::require_root("crear un Pod")?;
    let manifest = read(&file, validation, &namespace)?;
    if let Some((name, _)) = manifest.as_ref().and_then(running) {
        return Err(Error::failed(format!(
            "Error from server (AlreadyExists): pods \"{name}\" already exists"
        ))
        .with_hint(format!("míralo con `micropod get pod {name}`")));
    }
    start(file, validation, namespace)
}

pub fn apply(args: &ArgMatches) -> Result<u8, Error> {
    let (file, validation, namespace) = (path(args, "filename"), validation(args), Namespace::new(args));
    run::require_root("crear un Pod")?;
    let Some(manifest) = read(&file, validation, &namespace)? else {
        return start(file, validation, namespace);
    };
    let config = manifest.config();
    match running(&manifest) {
        Some((name, false)) => Err(Error::failed(format!(
            "The Pod \"{name}\" is invalid: spec: Forbidden: pod updates may not change fields"
        ))
        .because("un Pod en marcha no se cambia: se sustituye por otro")
        .with_hint(format!(
            "micropod delete pod {name} && micropod apply -f {}; o ponlo en un ReplicaSet, que sabe cambiar de versión",
            file.display()
        ))),
        Some((name, true)) => {
            configure(&config, &manifest)?;
            println!("pod/{name} unchanged");
            Ok(exit::OK)
        }
        None if manifest.objects.iter().all(|o| matches!(o, Object::ConfigMap(_) | Object::Secret(_))) => {
            match configure(&config, &manifest)? {
                0 => Err(Error::failed("ningún Pod en marcha usa lo que hay en este fichero")
                    .with_hint("aquí un ConfigMap o un Secret va en la `List` del fichero de su Pod")),
                _ => Ok(exit::OK),
            }
        }
        None => {
            let code = start(file, validation, namespace)?;
            // los Pods de un controlador que ya corrían
            configure(&config, &manifest)?;
            Ok(code)
        }
    }
}

/// Da a los Pods en marcha los ConfigMaps y Secrets del fichero que usen, y dice cuáles eran otros. Devuelve
/// a cuántos Pods les toca alguno.
fn configure(config: &Config, manifest: &Manifest) -> Result<usize, Error> {
    let namespace = manifest.objects.iter().find_map(|object| object.metadata()).map(|m| m.namespace());
    let ours =
        |seen: &state::Seen| seen.supervised && Some(seen.record.pod.metadata.namespace()) == namespace;
    let seen: Vec<_> = state::see_all().into_iter().filter(ours).collect();
    let mut users = 0;
    let each = config.config_maps.iter().map(|(name, map)| {
        let one = Config { config_maps: [(name.clone(), map.clone())].into(), ..Config::default() };
        (format!("configmap/{name}"), one)
    });
    let each = each.chain(config.secrets.iter().map(|(name, secret)| {
        let one = Config { secrets: [(name.clone(), secret.clone())].into(), ..Config::default() };
        (format!("secret/{name}"), one)
    }));
    for (what, one) in each {
        let mut changed = None;
        for seen in seen.iter().filter(|seen| !config::used(&seen.record.pod.spec, &one).is_empty()) {
            users += 1;
            *changed.get_or_insert(0) += ask(&seen.record.name, &what, &one)?;
        }
        match changed {
            None => {}
            Some(0) => println!("{what} unchanged"),
            Some(_) => println!("{what} configured"),
        }
    }
    Ok(users)
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

/// Lo que dice el fichero. Lo que llega por la entrada estándar solo se puede leer una vez: de eso se
/// ocupará `run`.
fn read(file: &Path, validation: Validation, namespace: &Namespace) -> Result<Option<Manifest>, Error> {
    if file == Path::new("-") {
        return Ok(None);
    }
    let mut manifest = spec::load_with(file, validation)?;
    namespace.put(&mut manifest)?;
    Ok(Some(manifest))
}

/// El Pod del fichero, si ya hay uno en marcha con su nombre, y si es el mismo.
fn running(manifest: &Manifest) -> Option<(String, bool)> {
    let wanted = manifest.objects.iter().find_map(|object| match object {
        Object::Pod(pod) => Some(pod),
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::ReplicaSet(_)
        | Object::Job(_)
        | Object::CronJob(_)
        | Object::List(_) => None,
    })?;
    let seen = state::see(&wanted.metadata.name).filter(|seen| seen.supervised)?;
    Some((wanted.metadata.name.clone(), seen.record.pod == *wanted))
}

fn start(file: PathBuf, validation: Validation, namespace: Namespace) -> Result<u8, Error> {
    let options = RunOptions {
        file,
        detach: true,
        remove: false,
        mode: Mode::Quiet,
        owner: None,
        replace: false,
        acelera: None,
        runtime: Default::default(),
        policy: Policy::default(),
        validation,
        namespace,
    };
    let outcome = run::run(&options)?;
    if let Some(name) = outcome.started {
        println!("{name} created");
    }
    Ok(outcome.code)
}
