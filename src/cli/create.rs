//! `micropod create -f` y `micropod apply -f`: lo que teclea quien viene de kubectl.
//!
//! Los dos son `run -d`. Se diferencian en qué pasa si el Pod ya está: `create` se niega siempre, y
//! `apply` no hace nada si es el mismo. Cambiar un Pod en marcha no se puede, y en Kubernetes tampoco:
//! casi todo en él es inmutable.

use super::namespace::Namespace;
use super::{path, validation};
use crate::error::{Error, exit};
use crate::kernel::Mode;
use crate::run::{self, RunOptions};
use crate::spec::{self, Policy, Validation, types::Object};
use crate::state;
use clap::ArgMatches;
use std::path::{Path, PathBuf};

pub fn create(args: &ArgMatches) -> Result<u8, Error> {
    let (file, validation, namespace) = (path(args, "filename"), validation(args), Namespace::new(args));
    run::require_root("crear un Pod", &file)?;
    if let Some((name, _)) = running_with_the_same_name(&file, validation, &namespace)? {
        return Err(Error::failed(format!(
            "Error from server (AlreadyExists): pods \"{name}\" already exists"
        ))
        .with_hint(format!("míralo con `micropod get pod {name}`")));
    }
    start(file, validation, namespace)
}

pub fn apply(args: &ArgMatches) -> Result<u8, Error> {
    let (file, validation, namespace) = (path(args, "filename"), validation(args), Namespace::new(args));
    run::require_root("crear un Pod", &file)?;
    match running_with_the_same_name(&file, validation, &namespace)? {
        None => start(file, validation, namespace),
        Some((name, true)) => {
            println!("pod/{name} unchanged");
            Ok(exit::OK)
        }
        Some((name, false)) => Err(Error::failed(format!(
            "The Pod \"{name}\" is invalid: spec: Forbidden: pod updates may not change fields"
        ))
        .because("un Pod en marcha no se cambia: se sustituye por otro")
        .with_hint(format!(
            "micropod delete pod {name} && micropod apply -f {}; o ponlo en un ReplicaSet, que sabe cambiar de versión",
            file.display()
        ))),
    }
}

/// El Pod del fichero, si ya hay uno en marcha con su nombre, y si es el mismo. Lo que llega por la
/// entrada estándar solo se puede leer una vez: de eso se ocupará `run`.
fn running_with_the_same_name(
    file: &Path,
    validation: Validation,
    namespace: &Namespace,
) -> Result<Option<(String, bool)>, Error> {
    if file == Path::new("-") {
        return Ok(None);
    }
    let mut manifest = spec::load_with(file, validation)?;
    namespace.put(&mut manifest)?;
    let wanted = manifest.objects.iter().find_map(|object| match object {
        Object::Pod(pod) => Some(pod),
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::ReplicaSet(_)
        | Object::Job(_)
        | Object::CronJob(_)
        | Object::List(_) => None,
    });
    let Some(wanted) = wanted else { return Ok(None) };
    let seen = state::see(&wanted.metadata.name).filter(|seen| seen.supervised);
    Ok(seen.map(|seen| (wanted.metadata.name.clone(), seen.record.pod == *wanted)))
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
