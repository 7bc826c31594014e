//! `-n` y `-A`: el espacio de nombres de Kubernetes del que se habla.
//!
//! Aquí los nombres de los Pods son únicos en la máquina, y `metadata.namespace` es un apellido: sin
//! decir ninguno se habla de todos, y con `-n` solo de los que lo llevan.

use crate::error::Error;
use crate::object::NAMESPACE;
use crate::spec::Manifest;
use crate::spec::validate::check_object;
use crate::state::Seen;
use clap::ArgMatches;

/// Lo que se ha dicho con `-n` o `-A`.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    only: Option<String>,
    /// `-A`: de todos, y que se vea de cuál es cada uno.
    pub all: bool,
}

impl Namespace {
    /// Lee `-n` y `-A`, los que tenga el verbo. Como en kubectl, `-A` gana.
    pub fn new(args: &ArgMatches) -> Namespace {
        let all = args.try_get_one::<bool>("all-namespaces").ok().flatten().copied().unwrap_or(false);
        let only = args.try_get_one::<String>("namespace").ok().flatten().filter(|_| !all);
        Namespace { only: only.cloned(), all }
    }

    /// ¿Se habla de los objetos de ese espacio de nombres?
    pub fn is_about(&self, namespace: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == namespace)
    }

    pub fn has(&self, seen: &Seen) -> bool {
        self.is_about(seen.record.pod.metadata.namespace())
    }

    /// Lo que se dice si no hay nada: `No resources found in default namespace.`
    pub fn nothing(&self, what: &str) -> String {
        match self.all {
            true => format!("No {what} found"),
            false => format!("No {what} found in {} namespace.", self.only.as_deref().unwrap_or(NAMESPACE)),
        }
    }

    /// La cabecera de más que lleva una tabla con `-A`, o la celda de un objeto.
    pub fn column(&self, cell: &str) -> Option<String> {
        self.all.then(|| cell.to_string())
    }

    /// Lo que se crea va al espacio de nombres pedido; lo que dice otro en su fichero se rechaza.
    pub fn put(&self, manifest: &mut Manifest) -> Result<(), Error> {
        let Some(only) = &self.only else { return Ok(()) };
        for object in &mut manifest.objects {
            let Some(metadata) = object.metadata_mut() else { continue };
            let written = metadata.namespace.get_or_insert_with(|| only.clone());
            if written != only {
                let written = crate::spec::errors::visible(written, 63);
                return Err(Error::usage(format!(
                    "the namespace from the provided object \"{written}\" does not match the namespace \"{only}\""
                ))
                .with_hint(format!("quita -n, o pon --namespace={written}")));
            }
            // lo demás ya se comprobó al leer el fichero
            if let Some(broken) = check_object(object).into_iter().next() {
                return Err(Error::usage(broken.problem).with_hint(broken.hint.unwrap_or_default()));
            }
        }
        Ok(())
    }
}
