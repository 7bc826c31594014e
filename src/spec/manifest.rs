//! Un fichero ya leído: sus objetos, y dónde está escrito cada uno para poder señalarlo.

use super::errors::{SpecErrors, visible};
use super::language::Language;
use super::objects::{ConfigMap, Object, Secret};
use super::parse;
use super::policy::{self, Policy};
use super::types::Pod;
use super::validate::{self, Broken};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Los objetos de un fichero, leídos y validados, y de dónde salieron.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// En el orden del fichero y sin listas: las que hubiera están ya abiertas.
    pub objects: Vec<Object>,
    /// El directorio del fichero; véase [`Loaded::base`].
    pub base: PathBuf,
    /// Lo que hay que decir a quien lo escribió: los campos de los que se ha prescindido.
    pub notes: Vec<String>,
    file: String,
    pub(super) language: Language,
    pub(super) text: String,
    /// El camino de cada objeto en el fichero: vacío si es el único, `items[1]` en una lista, `[1]` si
    /// es el segundo documento de un YAML.
    pub(super) paths: Vec<String>,
}

/// Un Pod leído y validado, con los ConfigMaps y Secrets de su fichero, y de dónde salió.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub pod: Pod,
    pub config: Config,
    /// El directorio del fichero, absoluto y sin enlaces: las rutas relativas de hostPath lo son a
    /// él. Lo que llega por la entrada estándar cuenta desde el directorio actual.
    pub base: PathBuf,
    /// La política con la que se admitió.
    pub policy: Policy,
    /// Véase [`Manifest::notes`].
    pub notes: Vec<String>,
}

/// Los ConfigMaps y Secrets que un Pod puede pedir, por su nombre.
#[derive(Clone, Debug, Serialize, Deserialize, Default, PartialEq)]
pub struct Config {
    pub config_maps: BTreeMap<String, ConfigMap>,
    pub secrets: BTreeMap<String, Secret>,
}

/// Lo que se puede ejecutar.
#[derive(Clone, Debug)]
pub enum Workload {
    Pod(Box<Loaded>),
    Controller(Box<Controlled>),
}

/// Un ReplicaSet, Job o CronJob, con los ConfigMaps y Secrets de su fichero.
#[derive(Clone, Debug)]
pub struct Controlled {
    pub object: Object,
    pub config: Config,
    /// Véase [`Loaded::base`].
    pub base: PathBuf,
}

impl Config {
    pub fn is_empty(&self) -> bool {
        self.config_maps.is_empty() && self.secrets.is_empty()
    }
}

impl Manifest {
    /// Abre las listas de `roots`, que es lo que dice `text`, y comprueba cada objeto.
    pub fn new(
        file: &str,
        language: Language,
        text: &str,
        roots: Vec<(String, Object)>,
        notes: Vec<String>,
    ) -> Result<Manifest, SpecErrors> {
        let (paths, objects): (Vec<String>, Vec<Object>) = roots.into_iter().flat_map(flatten).unzip();
        let count = objects.len();
        let (file, text, base) = (file.to_string(), text.to_string(), PathBuf::new());
        let manifest = Manifest { objects, base, notes, file, language, text, paths };
        if count > validate::MAX_ITEMS {
            let problem = format!("hay {count} objetos, y el máximo de micropod es {}", validate::MAX_ITEMS);
            return Err(manifest.complain(vec![Broken::new(
                "MP0165",
                "items",
                problem,
                "repártelos en varios ficheros",
            )]));
        }
        let mut broken = Vec::new();
        for (path, object) in manifest.paths.iter().zip(&manifest.objects) {
            broken.extend(validate::check_object(object).into_iter().map(|b| b.inside(path)));
        }
        broken.extend(manifest.repeated());
        broken.extend(manifest.other_namespaces());
        broken.truncate(validate::ENOUGH);
        match broken.is_empty() {
            true => Ok(manifest),
            false => Err(manifest.complain(broken)),
        }
    }

    /// Dos objetos de la misma clase con el mismo nombre: no se sabría a cuál se pide algo.
    fn repeated(&self) -> Vec<Broken> {
        let same = |a: &Object, b: &Object| a.kind() == b.kind() && name(a) == name(b);
        let mut found = Vec::new();
        for (i, object) in self.objects.iter().enumerate() {
            if self.objects[..i].iter().any(|other| same(other, object)) {
                let problem =
                    format!("ya hay un {} que se llama `{}`", object.kind(), visible(&name(object), 63));
                let path = format!("{}.metadata.name", self.paths[i]);
                found.push(Broken::new("MP0181", path, problem, "da a cada uno un nombre distinto"));
            }
        }
        found
    }

    /// Un Pod solo ve los ConfigMaps y Secrets de su espacio de nombres: en un fichero, todos en el mismo.
    fn other_namespaces(&self) -> Vec<Broken> {
        let of = |object: &Object| object.metadata().map(|m| m.namespace().to_string());
        let first = self.objects.iter().find_map(of);
        let mut found = Vec::new();
        for (path, object) in self.paths.iter().zip(&self.objects) {
            let Some(namespace) = of(object).filter(|_| of(object) != first) else { continue };
            let problem = format!(
                "este {} está en el espacio de nombres `{namespace}`, y el primero del fichero, en `{}`",
                object.kind(),
                first.as_deref().unwrap_or_default()
            );
            let hint = "un Pod no ve lo que hay en otro: pon `namespace` igual en todos";
            found.push(Broken::new("MP0234", "metadata.name", problem, hint).inside(path));
        }
        found
    }

    /// Se niega si algún Pod del fichero pide lo que `policy` no admite.
    pub fn enforce(&self, policy: Policy) -> Result<(), SpecErrors> {
        let mut broken = Vec::new();
        for (path, object) in self.paths.iter().zip(&self.objects) {
            let Some((place, pod)) = object.pod() else { continue };
            let found = policy::check(policy, &pod, &self.base).into_iter();
            broken.extend(found.map(|b| b.inside(place).inside(path)));
        }
        match broken.is_empty() {
            true => Ok(()),
            false => Err(self.complain(broken)),
        }
    }

    /// El objeto `object` de este fichero, si se ejecuta, con los ConfigMaps y Secrets que use.
    pub fn workload(&self, object: &Object) -> Option<Workload> {
        let (config, base) = (self.config(), self.base.clone());
        match object {
            Object::Pod(pod) => {
                let (pod, notes) = (pod.clone(), self.notes.clone());
                Some(Workload::Pod(Box::new(Loaded { pod, config, base, policy: Policy::default(), notes })))
            }
            Object::ReplicaSet(_) | Object::Job(_) | Object::CronJob(_) => {
                Some(Workload::Controller(Box::new(Controlled { object: object.clone(), config, base })))
            }
            Object::ConfigMap(_) | Object::Secret(_) | Object::List(_) => None,
        }
    }

    /// Los objetos del fichero que se ejecutan, en su orden. Un fichero sin ninguno es un error.
    pub fn runnable(&self) -> Result<Vec<&Object>, SpecErrors> {
        let found: Vec<&Object> = self.objects.iter().filter(runs).collect();
        match found.is_empty() {
            true => Err(self.complain(vec![nothing_to_run(self.language)])),
            false => Ok(found),
        }
    }

    /// El único Pod del fichero, con sus ConfigMaps y Secrets. Un fichero con ninguno o con varios
    /// es un error.
    pub fn into_pod(self) -> Result<Loaded, SpecErrors> {
        let is_pod = |object: &&Object| matches!(object, Object::Pod(_));
        self.at_most_one(is_pod, "Pods, y aquí se espera uno", "")?;
        match self.objects.iter().find(is_pod).and_then(|o| self.workload(o)) {
            Some(Workload::Pod(loaded)) => Ok(*loaded),
            Some(Workload::Controller(_)) | None => Err(self.complain(vec![no_pod(self.language)])),
        }
    }

    /// Se niega si hay varias cosas que ejecutar y solo se acompaña a una.
    pub fn in_foreground(&self) -> Result<(), SpecErrors> {
        self.at_most_one(
            runs,
            "objetos que ejecutar, y en primer plano se acompaña a uno",
            "con -d se dejan todos en segundo plano; o ",
        )
    }

    /// Se niega si hay varios de los que `counts`, y dice cómo elegir.
    fn at_most_one(&self, counts: fn(&&Object) -> bool, what: &str, hint: &str) -> Result<(), SpecErrors> {
        let found = || self.objects.iter().zip(&self.paths).filter(|(object, _)| counts(object));
        let Some((_, second)) = found().nth(1) else { return Ok(()) };
        let names: Vec<String> = found().take(3).map(|(o, _)| format!("`--solo {}`", name(o))).collect();
        let problem = format!("en el fichero hay {} {what}", found().count());
        let hint = format!("{hint}di cuál: {}", names.join(", "));
        Err(self.complain(vec![Broken::new("MP0180", second, problem, hint)]))
    }

    /// Deja, de lo que se ejecuta, solo lo que se llama `only`, si se ha dicho.
    pub fn keep(&mut self, only: Option<&str>) -> Result<(), SpecErrors> {
        let Some(only) = only else { return Ok(()) };
        let all = std::mem::take(&mut self.objects).into_iter().zip(std::mem::take(&mut self.paths));
        (self.objects, self.paths) = all.filter(|(object, _)| !runs(&object) || name(object) == only).unzip();
        if self.objects.iter().any(|o| runs(&o)) {
            return Ok(());
        }
        let problem = format!("en el fichero no hay nada que ejecutar que se llame `{}`", visible(only, 63));
        let hint = "`--solo` lleva el nombre de uno de sus objetos";
        Err(self.complain(vec![Broken::new("MP0180", "", problem, hint)]))
    }

    /// Los ConfigMaps y Secrets del fichero.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        for object in &self.objects {
            match object.clone() {
                Object::ConfigMap(map) => {
                    config.config_maps.insert(map.metadata.name.clone(), map);
                }
                Object::Secret(secret) => {
                    config.secrets.insert(secret.metadata.name.clone(), secret);
                }
                Object::Pod(_)
                | Object::ReplicaSet(_)
                | Object::Job(_)
                | Object::CronJob(_)
                | Object::List(_) => {}
            }
        }
        config
    }

    /// Los errores que señalan a estas reglas rotas, con el camino ya completo.
    pub fn complain(&self, broken: Vec<Broken>) -> SpecErrors {
        parse::place_broken(&self.file, self.language, &self.text, broken)
    }
}

/// ¿Es de los que se ejecutan, y no de los que otros usan?
fn runs(object: &&Object) -> bool {
    !matches!(object, Object::ConfigMap(_) | Object::Secret(_) | Object::List(_))
}

fn name(object: &Object) -> String {
    object.metadata().map(|m| m.name.clone()).unwrap_or_default()
}

fn nothing_to_run(language: Language) -> Broken {
    Broken::new(
        "MP0180",
        "",
        "en el fichero no hay nada que ejecutar: ni Pod, ni ReplicaSet, Job o CronJob",
        language.shape_of_a_pod(),
    )
}

fn no_pod(language: Language) -> Broken {
    Broken::new("MP0180", "", "en el fichero no hay ningún Pod", language.shape_of_a_pod())
}

/// Los objetos de una lista, o el objeto solo, con su camino en el fichero.
fn flatten((path, root): (String, Object)) -> Vec<(String, Object)> {
    let prefix = if path.is_empty() { path.clone() } else { format!("{path}.") };
    match root {
        Object::List(list) => {
            let items = list.items.into_iter().enumerate();
            items.map(|(i, item)| (format!("{prefix}items[{i}]"), item)).collect()
        }
        one => vec![(path, one)],
    }
}
