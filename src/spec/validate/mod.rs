//! Lo que los tipos no saben decir: nombres, repeticiones, límites, contradicciones.
//!
//! Cada regla es de Kubernetes salvo que su texto diga que es de micropod. Se apuntan todos los
//! errores, con el camino de su campo; quien llama sabe en qué línea está.

mod containers;
mod controllers;
mod data;
mod dns;
mod data_volumes;
pub mod ephemeral;
mod life;
mod names;
mod network;
mod probes;
mod resources;
mod security;
mod sources;
mod volumes;

pub use volumes::{has_dot_dot, is_reserved};

use super::errors::is_hidden;
use super::types::{Container, Object, Pod};
use crate::spec::fields::Data;
use serde_json::Value;

/// Contenedores de un Pod, los de inicialización incluidos. Es un límite de micropod: cada uno
/// cuesta un proceso, una raíz montada y dos tuberías.
pub const MAX_CONTAINERS: usize = 64;

/// Volúmenes de un Pod, y variables, puertos o montajes de un contenedor. También es de micropod.
pub const MAX_ITEMS: usize = 500;

/// El número más alto de un usuario, un grupo o unos segundos: lo que cabe en 31 bits.
const MAX_INT: i64 = 2_147_483_647;

/// Una regla que no se cumple.
#[derive(Debug, PartialEq)]
pub struct Broken {
    pub code: &'static str,
    /// El camino del campo: `spec.containers[0].image`.
    pub path: String,
    /// Lo que está mal es la clave de un mapa, no su valor.
    pub on_key: bool,
    pub problem: String,
    pub hint: Option<String>,
}

impl Broken {
    pub fn new(
        code: &'static str,
        path: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Broken {
        let hint = Some(hint.into()).filter(|h| !h.is_empty());
        Broken { code, path: path.into(), on_key: false, problem: problem.into(), hint }
    }

    /// La misma regla, dicha desde fuera de un objeto que está en `place`.
    pub fn inside(mut self, place: &str) -> Broken {
        if !place.is_empty() {
            self.path = format!("{place}.{}", self.path);
        }
        self
    }
}

#[derive(Default)]
struct Checks {
    broken: Vec<Broken>,
}

/// Reglas rotas que se apuntan como mucho: nadie lee más, y explicarlas cuesta.
pub const ENOUGH: usize = 100;

impl Checks {
    fn is_full(&self) -> bool {
        self.broken.len() >= ENOUGH
    }

    fn add(
        &mut self,
        code: &'static str,
        path: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.is_full() {
            return;
        }
        self.broken.push(Broken::new(code, path, problem, hint));
    }

    /// Lo último que se apuntó está en la clave.
    fn on_key(&mut self) {
        if let Some(last) = self.broken.last_mut() {
            last.on_key = true;
        }
    }
}

/// Los contenedores con su camino: primero los de inicialización.
fn containers(pod: &Pod) -> impl Iterator<Item = (String, bool, &Container)> {
    let init = pod.spec.init_containers.iter().enumerate();
    let app = pod.spec.containers.iter().enumerate();
    init.map(|(i, c)| (format!("spec.initContainers[{i}]"), true, c))
        .chain(app.map(|(i, c)| (format!("spec.containers[{i}]"), false, c)))
}

/// ¿Es un auxiliar? Solo puede serlo uno de inicialización.
fn is_sidecar(container: &Container) -> bool {
    crate::logic::rules::init_kind(container) == crate::logic::Kind::Sidecar
}

/// Las reglas que `object` no cumple.
pub fn check_object(object: &Object) -> Vec<Broken> {
    match object {
        Object::Pod(pod) => check(pod),
        Object::ConfigMap(map) => data::config_map(map),
        Object::Secret(secret) => data::secret(secret),
        Object::ReplicaSet(set) => controllers::replica_set(set),
        Object::Job(job) => controllers::job(job),
        Object::CronJob(cron) => controllers::cron_job(cron),
        Object::List(_) => {
            let hint = "pon sus objetos en la lista de fuera";
            vec![Broken::new("MP0113", "", "una `List` no va dentro de otra", hint)]
        }
    }
}

/// Las reglas que `pod` no cumple.
pub fn check(pod: &Pod) -> Vec<Broken> {
    let mut checks = Checks::default();
    lengths(&mut checks, pod);
    if !checks.broken.is_empty() {
        return checks.broken;
    }
    hidden_characters(&mut checks, pod);
    names::metadata(&mut checks, &pod.metadata, "el nombre del Pod");
    dns::check(&mut checks, pod);
    whole_pod(&mut checks, pod);
    ephemeral::none(&mut checks, pod);
    volumes::check(&mut checks, pod);
    containers::check(&mut checks, pod);
    sources::check(&mut checks, pod);
    network::check(&mut checks, pod);
    probes::check(&mut checks, pod);
    life::check(&mut checks, pod);
    resources::check(&mut checks, pod);
    security::check(&mut checks, pod);
    checks.broken
}

/// Listas más largas no son un Pod: son un error, o un ataque a las reglas que comparan todo con todo.
fn lengths(checks: &mut Checks, pod: &Pod) {
    let mut length = |path: String, length: usize, max: usize, what: &str| {
        if length > max {
            let code = if what == "contenedores" { "MP0132" } else { "MP0165" };
            let problem = format!("hay {length} {what}, y el máximo de micropod es {max}");
            checks.add(code, path, problem, "repártelos en varios Pods");
        }
    };
    let total = pod.spec.containers.len() + pod.spec.init_containers.len();
    length("spec.containers".to_string(), total, MAX_CONTAINERS, "contenedores");
    length("spec.volumes".to_string(), pod.spec.volumes.len(), MAX_ITEMS, "volúmenes");
    length("spec.readinessGates".to_string(), pod.spec.readiness_gates.len(), MAX_ITEMS, "condiciones");
    length("spec.hostAliases".to_string(), pod.spec.host_aliases.len(), MAX_ITEMS, "alias");
    for (path, _, container) in containers(pod) {
        length(format!("{path}.env"), container.env.len(), MAX_ITEMS, "variables");
        length(format!("{path}.envFrom"), container.env_from.len(), MAX_ITEMS, "orígenes de variables");
        length(format!("{path}.ports"), container.ports.len(), MAX_ITEMS, "puertos");
        length(format!("{path}.volumeMounts"), container.volume_mounts.len(), MAX_ITEMS, "montajes");
    }
}

fn whole_pod(checks: &mut Checks, pod: &Pod) {
    let spec = &pod.spec;
    // ANCHOR: at_least_one
    if spec.containers.is_empty() {
        let hint = "añade uno: `(name: \"web\", image: \"nginx\")`";
        checks.add("MP0132", "spec.containers", "el Pod no tiene ningún contenedor", hint);
    }
    // ANCHOR_END: at_least_one
    if let Some(name) = &spec.hostname {
        names::dns_label(checks, "spec.hostname", "el nombre de máquina", name);
    }
    for (i, gate) in spec.readiness_gates.iter().enumerate() {
        let path = format!("spec.readinessGates[{i}].conditionType");
        names::qualified(checks, &path, " de la condición", &gate.condition_type);
    }
    if let Some(seconds) = spec.termination_grace_period_seconds {
        range(checks, "MP0144", "spec.terminationGracePeriodSeconds", seconds, 0, MAX_INT);
    }
    if let Some(seconds) = spec.active_deadline_seconds {
        range(checks, "MP0144", "spec.activeDeadlineSeconds", seconds, 1, MAX_INT);
    }
}

/// `value` debe estar entre `min` y `max`.
fn range(checks: &mut Checks, code: &'static str, path: &str, value: i64, min: i64, max: i64) {
    if (min..=max).contains(&value) {
        return;
    }
    let name = path.rsplit('.').next().unwrap_or(path);
    checks.add(code, path, format!("`{name}` vale {value}"), format!("debe estar entre {min} y {max}"));
}

/// Un carácter de control dentro de un texto (escrito como `\0` o `\u{202e}`) engaña a quien lo
/// lee después en una lista o en los logs; el nulo, además, corta las rutas del kernel.
fn hidden_characters(checks: &mut Checks, pod: &Pod) {
    hidden_in(checks, &pod.write(), "");
}

fn hidden_in(checks: &mut Checks, value: &Value, path: &str) {
    match value {
        Value::String(text) => hidden_in_text(checks, text, path),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                hidden_in(checks, item, &format!("{path}[{i}]"));
            }
        }
        Value::Object(fields) => {
            let is_map = path == "metadata.labels" || path == "metadata.annotations";
            for (name, value) in fields {
                let inner = match (is_map, path) {
                    (true, _) => format!("{path}[\"{name}\"]"),
                    (false, "") => name.clone(),
                    (false, _) => format!("{path}.{name}"),
                };
                if is_map && name.chars().any(is_hidden) {
                    hidden_in_text(checks, name, &inner);
                    checks.on_key();
                }
                hidden_in(checks, value, &inner);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hidden_in_text(checks: &mut Checks, text: &str, path: &str) {
    // los saltos de línea y los tabuladores son normales en un guion de shell
    let hidden = text.chars().find(|&c| is_hidden(c) && !matches!(c, '\n' | '\t' | '\r'));
    if let Some(c) = hidden {
        let name = match c {
            '\0' => "un carácter nulo".to_string(),
            c if c.is_control() => format!("un carácter de control, U+{:04X}", c as u32),
            c => format!("un carácter invisible, U+{:04X}, que cambia el orden en que se ve", c as u32),
        };
        checks.add("MP0120", path, format!("en este texto hay {name}"), "quítalo");
    }
}
