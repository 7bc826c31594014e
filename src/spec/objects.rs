//! Las clases de objetos que puede haber en un fichero: Pods, lo que usan y quien los crea.

use super::fields::{self, Data, through_data};
use super::schema::{Described, Field, object};
use super::types::{CronJob, Job, ObjectMeta, Pod, ReplicaSet};
use crate::data::{Fault, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Lo que puede haber en un fichero: `Pod(metadata: …, spec: …)`, o varios en una `List`.
// un fichero tiene un puñado: no importa que todos ocupen lo que un Pod
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    Pod(Pod),
    ConfigMap(ConfigMap),
    Secret(Secret),
    ReplicaSet(ReplicaSet),
    Job(Job),
    CronJob(CronJob),
    List(List),
}

/// Lo que se sabe de una clase de objetos, para leerla, señalar sus errores y explicarla.
pub struct Kind {
    pub name: &'static str,
    /// Su grupo y su versión en la API de Kubernetes: `apps/v1`.
    pub api_version: &'static str,
    /// Como se nombra en la línea de comandos: `pods`, `cm`.
    pub aliases: &'static [&'static str],
    pub fields: fn() -> &'static [Field],
    pub doc: fn() -> &'static str,
}

/// Las clases que hay. Una nueva se añade aquí y en [`Object`].
pub const KINDS: &[Kind] = &[
    Kind {
        name: "Pod",
        api_version: "v1",
        aliases: &["pod", "pods", "po"],
        fields: Pod::fields,
        doc: Pod::doc,
    },
    Kind {
        name: "ConfigMap",
        api_version: "v1",
        aliases: &["configmap", "configmaps", "cm"],
        fields: ConfigMap::fields,
        doc: ConfigMap::doc,
    },
    Kind {
        name: "Secret",
        api_version: "v1",
        aliases: &["secret", "secrets"],
        fields: Secret::fields,
        doc: Secret::doc,
    },
    Kind {
        name: "ReplicaSet",
        api_version: "apps/v1",
        aliases: &["replicaset", "replicasets", "rs"],
        fields: ReplicaSet::fields,
        doc: ReplicaSet::doc,
    },
    Kind {
        name: "Job",
        api_version: "batch/v1",
        aliases: &["job", "jobs"],
        fields: Job::fields,
        doc: Job::doc,
    },
    Kind {
        name: "CronJob",
        api_version: "batch/v1",
        aliases: &["cronjob", "cronjobs", "cj"],
        fields: CronJob::fields,
        doc: CronJob::doc,
    },
    Kind { name: "List", api_version: "v1", aliases: &["list"], fields: List::fields, doc: List::doc },
];

/// La clase que se llama `name`, tal cual se escribe en un fichero.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.name == name)
}

impl Object {
    /// El nombre de su clase: `ConfigMap`.
    pub fn kind(&self) -> &'static str {
        match self {
            Object::Pod(_) => "Pod",
            Object::ConfigMap(_) => "ConfigMap",
            Object::Secret(_) => "Secret",
            Object::ReplicaSet(_) => "ReplicaSet",
            Object::Job(_) => "Job",
            Object::CronJob(_) => "CronJob",
            Object::List(_) => "List",
        }
    }

    /// El Pod que es, o el que sale de su molde, y dónde está dentro del objeto.
    pub fn pod(&self) -> Option<(&'static str, Pod)> {
        let (place, template) = match self {
            Object::Pod(pod) => return Some(("", pod.clone())),
            Object::ReplicaSet(set) => ("spec.template", &set.spec.template),
            Object::Job(job) => ("spec.template", &job.spec.template),
            Object::CronJob(cron) => {
                ("spec.jobTemplate.spec.template", &cron.spec.job_template.spec.template)
            }
            Object::ConfigMap(_) | Object::Secret(_) | Object::List(_) => return None,
        };
        Some((place, template.pod("molde")))
    }

    /// Sus metadatos; una lista no tiene.
    pub fn metadata(&self) -> Option<&ObjectMeta> {
        match self {
            Object::Pod(pod) => Some(&pod.metadata),
            Object::ConfigMap(map) => Some(&map.metadata),
            Object::Secret(secret) => Some(&secret.metadata),
            Object::ReplicaSet(set) => Some(&set.metadata),
            Object::Job(job) => Some(&job.metadata),
            Object::CronJob(cron) => Some(&cron.metadata),
            Object::List(_) => None,
        }
    }

    pub fn metadata_mut(&mut self) -> Option<&mut ObjectMeta> {
        match self {
            Object::Pod(pod) => Some(&mut pod.metadata),
            Object::ConfigMap(map) => Some(&mut map.metadata),
            Object::Secret(secret) => Some(&mut secret.metadata),
            Object::ReplicaSet(set) => Some(&mut set.metadata),
            Object::Job(job) => Some(&mut job.metadata),
            Object::CronJob(cron) => Some(&mut cron.metadata),
            Object::List(_) => None,
        }
    }
}

/// `{"Pod": {…}}`.
impl Data for Object {
    fn read(value: Value) -> Result<Object, Fault> {
        let (kind, inside) = fields::named(value)?;
        match kind.as_str() {
            "Pod" => Pod::read(inside).map(Object::Pod),
            "ConfigMap" => ConfigMap::read(inside).map(Object::ConfigMap),
            "Secret" => Secret::read(inside).map(Object::Secret),
            "ReplicaSet" => ReplicaSet::read(inside).map(Object::ReplicaSet),
            "Job" => Job::read(inside).map(Object::Job),
            "CronJob" => CronJob::read(inside).map(Object::CronJob),
            "List" => List::read(inside).map(Object::List),
            _ => Err(Fault::new(format!("valor desconocido `{kind}`"))),
        }
    }
    fn write(&self) -> Value {
        let inside = match self {
            Object::Pod(pod) => pod.write(),
            Object::ConfigMap(map) => map.write(),
            Object::Secret(secret) => secret.write(),
            Object::ReplicaSet(set) => set.write(),
            Object::Job(job) => job.write(),
            Object::CronJob(cron) => cron.write(),
            Object::List(list) => list.write(),
        };
        Value::Object([(self.kind().to_string(), inside)].into_iter().collect())
    }
}

through_data!(Object);

impl Described for Object {
    fn kind() -> String {
        "Object".to_string()
    }
}

object! {
    /// Varios objetos en un solo fichero: un Pod y los ConfigMaps y Secrets que usa.
    pub struct List {
        required {
            /// Los objetos, en cualquier orden.
            items: Vec<Object>,
        }
        optional {}
    }
}

object! {
    /// Un ConfigMap: datos de configuración, sin nada que ocultar, que un Pod usa como variables
    /// de entorno o como ficheros.
    pub struct ConfigMap {
        required {
            /// Quién es: el nombre por el que lo pide el Pod.
            metadata: ObjectMeta,
        }
        optional {
            /// Los datos: cada clave, que puede acabar siendo el nombre de un fichero, con su
            /// texto. El fichero entero ocupa 1 MiB como mucho.
            data: BTreeMap<String, String>,
            /// Datos que no son texto, en base64. Ninguna clave puede estar también en data.
            binary_data: BTreeMap<String, String>,
            /// Con true, sus datos no se pueden cambiar: hay que borrarlo y hacer otro.
            immutable: Option<bool>,
        }
    }
}

object! {
    /// Un Secret: datos delicados (contraseñas, claves, certificados) que un Pod usa como variables
    /// de entorno o como ficheros en memoria. micropod nunca los enseña; en el fichero están a la
    /// vista: base64 no es un cifrado.
    pub struct Secret {
        required {
            /// Quién es: el nombre por el que lo pide el Pod.
            metadata: ObjectMeta,
        }
        optional {
            /// Los datos en base64: `printf %s hola | base64` da el de «hola».
            data: BTreeMap<String, SecretText>,
            /// Los datos en texto, sin base64. Si una clave está también en data, gana esta.
            string_data: BTreeMap<String, SecretText>,
            /// Para qué es. Opaque (el predeterminado) admite cualquier clave; los de Kubernetes
            /// (`kubernetes.io/tls`, `kubernetes.io/basic-auth`…) exigen las suyas.
            r#type: Option<String>,
            /// Con true, sus datos no se pueden cambiar: hay que borrarlo y hacer otro.
            immutable: Option<bool>,
        }
    }
}

/// Un texto que no se enseña: se escribe en la ficha, pero ni en un mensaje ni en un diagnóstico.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: impl Into<String>) -> SecretText {
        SecretText(text.into())
    }

    /// Quien llama se compromete a no enseñarlo.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Data for SecretText {
    fn read(value: Value) -> Result<SecretText, Fault> {
        String::read(value).map(SecretText)
    }
    fn write(&self) -> Value {
        self.0.write()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("(oculto)")
    }
}

impl Described for SecretText {
    fn kind() -> String {
        "string".to_string()
    }
}
