//! Capítulo 13 · Configuración: de un ConfigMap, un Secret o el propio Pod, a variables y ficheros.
//!
//! Lo mismo se puede pedir de dos maneras: como variable, que se fija cuando arranca el contenedor, o
//! como fichero de un volumen, que cambia cuando cambia su origen.

pub mod downward;
pub mod env;
pub mod files;
pub mod publish;

use crate::spec::types::{ConfigMap, PodSpec, Secret};
use crate::spec::{Config, base64};
use crate::volume::{VolumeKind, VolumePlan};
use files::Context;
use publish::DataVolume;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Lo que un contenedor o un volumen pide y no hay. Con `optional`, no es un fallo.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    ConfigMap(String),
    Secret(String),
    ConfigMapKey { name: String, key: String },
    SecretKey { name: String, key: String },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Missing::ConfigMap(name) => write!(f, "no hay ningún ConfigMap `{name}`"),
            Missing::Secret(name) => write!(f, "no hay ningún Secret `{name}`"),
            Missing::ConfigMapKey { name, key } => {
                write!(f, "el ConfigMap `{name}` no tiene la clave `{key}`")
            }
            Missing::SecretKey { name, key } => write!(f, "el Secret `{name}` no tiene la clave `{key}`"),
        }
    }
}

pub fn config_map<'a>(config: &'a Config, name: &str) -> Result<&'a ConfigMap, Missing> {
    config.config_maps.get(name).ok_or_else(|| Missing::ConfigMap(name.to_string()))
}

pub fn secret<'a>(config: &'a Config, name: &str) -> Result<&'a Secret, Missing> {
    config.secrets.get(name).ok_or_else(|| Missing::Secret(name.to_string()))
}

/// De `config`, lo que el Pod nombra en sus volúmenes o en sus variables.
pub fn used(spec: &PodSpec, config: &Config) -> Config {
    let (mut maps, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    for volume in &spec.volumes {
        maps.extend(volume.config_map.as_ref().map(|source| &source.name));
        secrets.extend(volume.secret.as_ref().map(|source| &source.secret_name));
        for source in volume.projected.iter().flat_map(|projected| &projected.sources) {
            maps.extend(source.config_map.as_ref().map(|source| &source.name));
            secrets.extend(source.secret.as_ref().map(|source| &source.name));
        }
    }
    for container in crate::plan::all_containers(spec) {
        for from in container.env.iter().filter_map(|var| var.value_from.as_ref()) {
            maps.extend(from.config_map_key_ref.as_ref().map(|key| &key.name));
            secrets.extend(from.secret_key_ref.as_ref().map(|key| &key.name));
        }
        for from in &container.env_from {
            maps.extend(from.config_map_ref.as_ref().map(|all| &all.name));
            secrets.extend(from.secret_ref.as_ref().map(|all| &all.name));
        }
    }
    let mut used = config.clone();
    used.config_maps.retain(|name, _| maps.contains(name));
    used.secrets.retain(|name, _| secrets.contains(name));
    used
}

/// Los volúmenes de datos del Pod, con los ficheros que les tocan ahora mismo.
pub fn volumes(
    spec: &PodSpec,
    config: &Config,
    facts: &downward::Facts,
    plans: &[VolumePlan],
) -> Vec<DataVolume> {
    let context = Context { spec, config, facts };
    let one = |(volume, plan): (_, &VolumePlan)| {
        Some(DataVolume {
            name: plan.name.clone(),
            path: plan.path.clone(),
            memory: matches!(plan.kind, VolumeKind::SecretData { .. }),
            group: plan.group,
            files: files::contents(volume, &context)?,
        })
    };
    spec.volumes.iter().zip(plans).filter_map(one).collect()
}

/// Los datos de un Secret: los de `data`, descifrado su base64, y encima los de `stringData`.
pub fn secret_data(secret: &Secret) -> BTreeMap<&str, Vec<u8>> {
    // la validación ya ha comprobado el base64
    let decoded = |text: &str| base64::decode(text).unwrap_or_default();
    let mut all: BTreeMap<&str, Vec<u8>> =
        secret.data.iter().map(|(key, value)| (key.as_str(), decoded(value.reveal()))).collect();
    all.extend(secret.string_data.iter().map(|(k, v)| (k.as_str(), v.reveal().as_bytes().to_vec())));
    all
}
