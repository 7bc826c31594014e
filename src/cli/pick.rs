//! De qué Pods se habla: los que se nombran, los que tienen ciertas etiquetas o todos.

use super::namespace::Namespace;
use super::selector::{FieldSelector, Selector};
use super::{not_found, pod_names, words};
use crate::error::Error;
use crate::object;
use crate::state::{self, Seen};
use clap::ArgMatches;

/// Lo que se ha dicho de qué Pods.
pub struct Pick {
    pub names: Vec<String>,
    labels: Selector,
    fields: FieldSelector,
    all: bool,
    pub namespace: Namespace,
}

impl Pick {
    /// Lee `POD…`, `-l`, `--field-selector` y `--all`, los que tenga el verbo.
    pub fn new(args: &ArgMatches) -> Result<Pick, Error> {
        let text = |name: &str| {
            let value = args.try_get_one::<String>(name).ok().flatten();
            value.map_or("", String::as_str)
        };
        let pick = Pick {
            names: pod_names(&words(args, "POD"))?,
            labels: Selector::parse(text("selector"))?,
            fields: FieldSelector::parse(text("field-selector"))?,
            all: args.try_get_one::<bool>("all").ok().flatten().copied().unwrap_or(false),
            namespace: Namespace::new(args),
        };
        if !pick.names.is_empty() && (pick.is_filter() || pick.all) {
            return Err(Error::usage("name cannot be provided when a selector is specified")
                .with_hint("o el nombre, o un selector: no los dos"));
        }
        Ok(pick)
    }

    /// ¿Se ha dicho algo, o valdría cualquiera?
    pub fn is_said(&self) -> bool {
        !self.names.is_empty() || self.is_filter() || self.all
    }

    fn is_filter(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// ¿Es de los que se piden?
    pub fn chooses(&self, seen: &Seen) -> bool {
        let named = self.names.is_empty() || self.names.contains(&seen.record.name);
        named
            && self.namespace.has(seen)
            && self.labels.matches(&seen.record.pod.metadata.labels)
            && (self.fields.is_empty() || self.fields.matches(&object::pod(seen)))
    }

    /// Los Pods pedidos que hay y, por cada nombre que no existe, su error.
    pub fn look(&self) -> (Vec<Seen>, Vec<Error>) {
        if self.names.is_empty() {
            let all = state::see_all();
            super::tell_unread(&all);
            return (all.into_iter().filter(|seen| self.chooses(seen)).collect(), Vec::new());
        }
        let mut missing = Vec::new();
        let found =
            self.names.iter().filter_map(|name| self.see(name).map_err(|e| missing.push(e)).ok()).collect();
        (found, missing)
    }

    /// El que se llama así, si es del espacio de nombres del que se habla.
    pub fn see(&self, name: &str) -> Result<Seen, Error> {
        super::see(name)
            .and_then(|seen| if self.namespace.has(&seen) { Ok(seen) } else { Err(not_found(name)) })
    }

    /// Los pedidos que hay ahora.
    pub fn present(&self) -> Vec<Seen> {
        state::see_all().into_iter().filter(|seen| self.chooses(seen)).collect()
    }
}
