//! Por qué no puede nacer el Pod de un fichero: se decide todo, como haría `run`, y no se crea nada.

use super::causes::Cause;
use super::finding::{Finding, From};
use crate::error::Error;
use crate::plan::all_containers;
use crate::spec::{self, Loaded};
use crate::{cgroup, image, volume};
use std::path::Path;

/// Lo que le impide nacer; `None`: nada que se sepa.
pub fn explain(loaded: &Loaded, file: &Path) -> Option<Finding> {
    let spec = &loaded.pod.spec;
    let name = &loaded.pod.metadata.name;
    let retry = format!("micropod run {}", file.display());
    for container in all_containers(spec) {
        if let Err(error) = image::find(&container.image) {
            let says =
                format!("la imagen de {}, {}, no está en esta máquina", container.name, container.image);
            return Some(
                said(Finding::new(Cause::ImageMissing, says), From::Kernel, &error)
                    .try_now("micropod image ls"),
            );
        }
    }
    if let Err(error) = cgroup::check(spec, cgroup::Hierarchy::find().as_ref()) {
        let says = "pide un límite que esta máquina no puede dar";
        return Some(
            said(Finding::new(Cause::LimitImpossible, says), From::Kernel, &error).try_now("micropod doctor"),
        );
    }
    let volumes = volume::plan(spec, &loaded.base, "ensayo", None, false);
    if let Err(error) = volume::check(&volumes) {
        let says = "uno de sus hostPath no es lo que dice ser";
        return Some(said(Finding::new(Cause::BadVolume, says), From::Kernel, &error).try_now(retry));
    }
    if let Some(error) = crate::network::port_conflict(spec, name) {
        let says = "un hostPort que pide ya está ocupado";
        return Some(
            said(Finding::new(Cause::PortTaken, says), From::Kernel, &error).try_now("sudo ss -lntup"),
        );
    }
    None
}

/// Un hallazgo con lo que dice el error: el problema, sus causas y su pista.
fn said(finding: Finding, from: From, error: &Error) -> Finding {
    let Error::Failed { problem, causes, hint, .. } = error else {
        return finding.because(from, super::pod::one_line(&error.to_string()));
    };
    let finding =
        causes.iter().fold(finding.because(from, problem.clone()), |f, cause| f.because(from, cause.clone()));
    match hint {
        Some(hint) => finding.try_now(hint.clone()),
        None => finding,
    }
}

/// Lee el fichero: si está mal escrito, el error ya lo explica todo.
pub fn load(file: &Path, only: Option<&str>) -> Result<Loaded, Error> {
    spec::load(file, only)
}
