//! Lo que hay, con una cuenta de lo que cambia: de ahí sale `resourceVersion`.
//!
//! Cada cambio de un objeto es el siguiente número de una cuenta única. Empieza en los milisegundos
//! del reloj, así que los números que dio otro `micropod api` anterior son todos menores: quien siga
//! con uno de ellos oye «demasiado viejo» (410) y vuelve a mirar, en vez de perderse algo.
//!
//! Se guardan los últimos cambios y no más: quien vigila lee de aquí a su ritmo, y quien se retrasa
//! tanto que lo suyo ya no está, también oye 410. Así nadie hace crecer nada por leer despacio.

use super::answer::Problem;
use super::patch;
use super::route::Resource;
use crate::cli::selector::{FieldSelector, Selector};
use crate::state::{self, Seen};
use crate::{gc, object};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

/// Los cambios que se recuerdan.
const MAX_CHANGES: usize = 512;

/// Un objeto, tal como era desde la revisión `revision`.
pub struct Stored {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub revision: u64,
    /// Sin su `resourceVersion`: la pone quien lo enseña.
    object: Value,
    /// De un Pod, lo que se sabe de él.
    pub seen: Option<Seen>,
}

impl Stored {
    /// El objeto como lo da `resource`, con la revisión que se diga.
    pub fn object(&self, resource: Resource, revision: u64) -> Value {
        let mut object = match resource {
            Resource::NewEvents => new_event(&self.object),
            Resource::Pods | Resource::Events => self.object.clone(),
        };
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        object
    }
}

/// Lo que pasó en una revisión: `now` sin `before` nació, `before` sin `now` se fue.
pub struct Change {
    pub revision: u64,
    pub before: Option<Rc<Stored>>,
    pub now: Option<Rc<Stored>>,
}

type Key = (&'static str, String, String);

/// Lo que basta mirar para saber si la ficha de un Pod es la misma.
#[derive(PartialEq)]
struct Sign {
    files: [(u64, i64, i64); 2],
    supervised: bool,
}

pub struct Store {
    pub revision: u64,
    /// Desde esta revisión se puede contar lo que ha pasado.
    floor: u64,
    current: BTreeMap<Key, Rc<Stored>>,
    /// De cada Pod, cómo era su ficha y qué objetos salieron de ella.
    known: BTreeMap<String, (Sign, Vec<Key>)>,
    changes: VecDeque<Change>,
}

impl Store {
    pub fn new(first: u64) -> Store {
        Store {
            revision: first,
            floor: first,
            current: BTreeMap::new(),
            known: BTreeMap::new(),
            changes: VecDeque::new(),
        }
    }

    /// Vuelve a mirar las fichas; solo se leen las que han cambiado.
    pub fn refresh(&mut self) {
        gc::sweep_pending();
        let mut names = state::names_in(&state::pods_dir());
        crate::order::sort(&mut names);
        let gone: Vec<String> = self.known.keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in gone {
            self.replace(&name, Vec::new());
            self.known.remove(&name);
        }
        for name in names {
            let sign = sign(&name);
            if self.known.get(&name).is_some_and(|(known, _)| *known == sign) {
                continue;
            }
            let keys = match state::see(&name) {
                Some(seen) => self.replace(&name, objects(seen)),
                None => self.replace(&name, Vec::new()),
            };
            self.known.insert(name, (sign, keys));
        }
    }

    /// De la ficha `name` salen ahora estos objetos. Devuelve sus claves.
    fn replace(&mut self, name: &str, objects: Vec<Stored>) -> Vec<Key> {
        let old = self.known.get(name).map(|(_, keys)| keys.clone()).unwrap_or_default();
        let key = |one: &Stored| (one.resource.name(), one.namespace.clone(), one.name.clone());
        let keys: Vec<Key> = objects.iter().map(key).collect();
        for lost in old.iter().filter(|key| !keys.contains(key)) {
            if let Some(before) = self.current.remove(lost) {
                self.note(Some(before), None);
            }
        }
        for (key, one) in keys.iter().zip(objects) {
            self.put(key, one);
        }
        keys
    }

    fn put(&mut self, key: &Key, mut one: Stored) {
        let before = self.current.get(key).cloned();
        let before = match before {
            Some(old) if old.uid == one.uid && old.object == one.object => return,
            // otro con el mismo nombre: el de antes ya no está
            Some(old) if old.uid != one.uid => {
                self.note(Some(old), None);
                None
            }
            before => before,
        };
        one.revision = self.revision + 1;
        let one = Rc::new(one);
        self.current.insert(key.clone(), one.clone());
        self.note(before, Some(one));
    }

    fn note(&mut self, before: Option<Rc<Stored>>, now: Option<Rc<Stored>>) {
        self.revision += 1;
        self.changes.push_back(Change { revision: self.revision, before, now });
        if self.changes.len() > MAX_CHANGES {
            self.floor = self.changes.pop_front().map_or(self.floor, |change| change.revision);
        }
    }

    /// Los objetos que pasan el filtro.
    pub fn list(&self, filter: &Filter) -> Vec<Rc<Stored>> {
        self.current.values().filter(|one| filter.admits(one)).cloned().collect()
    }

    pub fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<Rc<Stored>> {
        self.current.get(&(resource.name(), namespace.to_string(), name.to_string())).cloned()
    }

    /// El primer cambio posterior a la revisión `at`; un error, si ya no se recuerda.
    pub fn after(&self, at: u64) -> Result<Option<&Change>, Problem> {
        if at < self.floor {
            let message = format!("too old resource version: {at} ({})", self.floor);
            return Err(Problem::new(410, "Expired", message));
        }
        let first = self.changes.partition_point(|change| change.revision <= at);
        Ok(self.changes.get(first))
    }

    /// ¿Hay ya un Pod que se llama así, esté en el espacio de nombres que esté?
    pub fn has_pod(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|(_, keys)| !keys.is_empty())
    }

    /// Los espacios de nombres en uso; el predeterminado está siempre.
    pub fn namespaces(&self) -> Vec<String> {
        let used = self.current.keys().map(|(_, namespace, _)| namespace.clone());
        let mut all: Vec<String> = used.chain([object::NAMESPACE.to_string()]).collect();
        crate::order::sort(&mut all);
        all.dedup();
        all
    }
}

fn sign(name: &str) -> Sign {
    let dir = state::pod_dir(name);
    let of = |file: &str| {
        let data = std::fs::metadata(dir.join(file));
        data.map_or((0, 0, 0), |data| (data.ino(), data.mtime(), data.mtime_nsec()))
    };
    // el cerrojo se mira antes que el estado, como en `state::see`
    let supervised = state::is_locked(&dir.join("lock"));
    Sign { files: [of("pod.json"), of("status.json")], supervised }
}

/// El Pod y sus sucesos.
fn objects(seen: Seen) -> Vec<Stored> {
    let namespace = seen.record.pod.metadata.namespace().to_string();
    let mut all: Vec<Stored> = Vec::new();
    for (event, was) in object::events(&seen).into_iter().zip(&seen.live.events) {
        let born = seen.clock(was.first).duration_since(UNIX_EPOCH).unwrap_or_default();
        let one = event_stored(event, born, &seen.record.name, &namespace);
        // dos que no se distinguen son el mismo
        if !all.iter().any(|known| known.name == one.name) {
            all.push(one);
        }
    }
    all.push(Stored {
        resource: Resource::Pods,
        namespace,
        name: seen.record.name.clone(),
        uid: seen.record.uid.clone(),
        revision: 0,
        object: patch::restore(object::pod(&seen)),
        seen: Some(seen),
    });
    all
}

/// Un suceso, con un nombre que es suyo aunque los más viejos se vayan olvidando. Lleva delante la hora
/// de la primera vez, como en Kubernetes: por orden de nombre es por orden de llegada.
fn event_stored(mut event: Value, born: Duration, pod: &str, namespace: &str) -> Stored {
    let mut hasher = DefaultHasher::new();
    for field in ["involvedObject", "reason", "message", "firstTimestamp"] {
        event[field].to_string().hash(&mut hasher);
    }
    let id = hasher.finish();
    let name = format!("{pod}.{:016x}{:04x}", born.as_nanos(), id & 0xffff);
    let uid = format!("{:08x}-{:04x}-4000-8000-{:012x}", id >> 32, id >> 16 & 0xffff, id & 0xffff_ffff_ffff);
    event["metadata"]["name"] = json!(name);
    event["metadata"]["uid"] = json!(uid);
    Stored {
        resource: Resource::Events,
        namespace: namespace.into(),
        name,
        uid,
        revision: 0,
        object: event,
        seen: None,
    }
}

/// El mismo suceso, con los nombres de `events.k8s.io/v1`.
fn new_event(event: &Value) -> Value {
    let mut new = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": event["metadata"],
        "eventTime": null,
        "regarding": event["involvedObject"],
        "type": event["type"], "reason": event["reason"], "note": event["message"],
        "reportingController": event["reportingComponent"],
        "reportingInstance": event["reportingInstance"],
        "deprecatedSource": event["source"],
        "deprecatedCount": event["count"],
        "deprecatedFirstTimestamp": event["firstTimestamp"],
        "deprecatedLastTimestamp": event["lastTimestamp"],
    });
    if event["count"].as_u64().is_some_and(|count| count > 1) {
        let last = event["lastTimestamp"].as_str().unwrap_or_default();
        // es una hora con microsegundos
        let last = last.strip_suffix('Z').map_or(last.to_string(), |seconds| format!("{seconds}.000000Z"));
        new["series"] = json!({"count": event["count"], "lastObservedTime": last});
    }
    new
}

/// Lo que dice un error, sin el «error:» ni la pista de la línea de comandos.
pub fn words_of(error: crate::error::Error) -> String {
    match error {
        crate::error::Error::Usage { problem, .. } | crate::error::Error::Failed { problem, .. } => problem,
        other => other.to_string(),
    }
}

/// De qué se quiere saber.
pub struct Filter {
    pub resource: Resource,
    pub namespace: Option<String>,
    pub labels: Selector,
    pub fields: FieldSelector,
}

impl Filter {
    pub fn new(
        resource: Resource,
        namespace: Option<String>,
        labels: &str,
        fields: &str,
    ) -> Result<Filter, Problem> {
        let refused = |error: crate::error::Error| Problem::bad_request(words_of(error));
        let known = match resource {
            Resource::Pods => FieldSelector::OF_A_POD,
            Resource::Events => EVENT_FIELDS,
            Resource::NewEvents => NEW_EVENT_FIELDS,
        };
        Ok(Filter {
            resource,
            namespace,
            labels: Selector::parse(labels).map_err(refused)?,
            fields: FieldSelector::parse_among(fields, known).map_err(refused)?,
        })
    }

    pub fn admits(&self, one: &Stored) -> bool {
        let labels = || match &one.seen {
            Some(seen) => self.labels.matches(&seen.record.pod.metadata.labels),
            None => self.labels.matches(&BTreeMap::new()),
        };
        one.resource.name() == self.resource.name()
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == one.namespace)
            && (self.labels.is_empty() || labels())
            && (self.fields.is_empty() || self.fields.matches(&one.object(self.resource, one.revision)))
    }
}

/// Los que admite Kubernetes para un suceso.
const EVENT_FIELDS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
    "metadata.name",
    "metadata.namespace",
];

const NEW_EVENT_FIELDS: &[&str] = &[
    "regarding.kind",
    "regarding.namespace",
    "regarding.name",
    "regarding.uid",
    "regarding.apiVersion",
    "regarding.fieldPath",
    "reason",
    "reportingController",
    "type",
    "metadata.name",
    "metadata.namespace",
];

#[cfg(test)]
#[path = "store_tests.rs"]
pub mod tests;
