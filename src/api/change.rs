//! Lo que cambia algo: crear, borrar y lo poco que se puede hacer con un Pod que ya está.
//!
//! Cada cambio es una orden de micropod, la misma que se teclearía, en otro proceso: crear un Pod
//! tarda, y aquí no se espera a nadie.

use super::answer::{Answer, Problem};
use super::http::Request;
use super::patch;
use super::route::Resource;
use super::store::{Store, Stored};
use crate::kernel::program::{Background, Program};
use crate::object;
use crate::spec::objects::Object;
use crate::spec::types::Pod;
use crate::spec::{Manifest, Validation, parse, validation, write};
use serde_json::{Value, json};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

/// Más de lo que tarda cualquier Pod en nacer; colgada una orden, se mata.
const LIMIT: Duration = Duration::from_secs(120);

enum What {
    Create,
    Delete,
}

/// Un cambio en marcha.
pub struct Change {
    what: What,
    namespace: String,
    name: String,
    /// Lo que hay que decir si sale bien.
    notes: Vec<String>,
    program: Background,
}

impl Change {
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.program.fd()
    }

    /// La respuesta, si la orden ya ha acabado.
    pub fn advance(&mut self, store: &mut Store) -> Option<Answer> {
        let ended = match self.program.poll() {
            Ok(None) => return None,
            Ok(Some(ended)) => ended,
            Err(error) => {
                let message = format!("no se pudo esperar a la orden: {error}");
                return Some(Problem::new(500, "InternalError", message).answer());
            }
        };
        store.refresh();
        let said = String::from_utf8_lossy(&ended.err).trim().to_string();
        let pod = store.get(Resource::Pods, &self.namespace, &self.name);
        let shown = |pod: &Stored| Answer::json(&pod.object(Resource::Pods, pod.revision));
        Some(match (ended.status.code(), &self.what, pod) {
            (Some(0), What::Create, Some(pod)) => {
                // kubectl ya les pone «Warning: »
                let said = said.lines().map(|line| line.trim_start_matches("aviso: ").to_string());
                let warnings = std::mem::take(&mut self.notes).into_iter().chain(said).collect();
                Answer { warnings, ..shown(&pod).with_status(201) }
            }
            (Some(0), What::Delete, Some(pod)) => shown(&pod),
            (Some(0), What::Delete, None) => deleted(&self.name),
            (Some(2), What::Create, _) => Problem::invalid(&self.name, vec![["pod".into(), said]]).answer(),
            _ => Problem::new(500, "InternalError", said).answer(),
        })
    }
}

fn deleted(name: &str) -> Answer {
    Answer::json(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                         "details": {"name": name, "kind": "pods"}}))
}

/// Lo que sale de pedir un cambio: la respuesta, o algo a lo que esperar.
pub enum Outcome {
    Done(Answer),
    Started(Box<Change>),
}

fn start(
    what: What,
    (namespace, name): (&str, &str),
    notes: Vec<String>,
    options: &[&str],
    input: &[u8],
) -> Result<Outcome, Problem> {
    let failed =
        |e: std::io::Error| Problem::new(500, "InternalError", format!("no se pudo ejecutar micropod: {e}"));
    let program = Program::new(Path::new("/proc/self/exe"), LIMIT).map_err(failed)?;
    let program = program.options(options.iter().copied()).background(input).map_err(failed)?;
    let (namespace, name) = (namespace.into(), name.into());
    Ok(Outcome::Started(Box::new(Change { what, namespace, name, notes, program })))
}

/// `POST …/pods`; con `name`, el que ha de llevar.
pub fn create(
    store: &Store,
    namespace: &str,
    name: Option<&str>,
    request: &Request,
) -> Result<Outcome, Problem> {
    let mut pod = read_object(request)?;
    let name = check(&mut pod, namespace, name)?;
    let (wanted, notes) = validate(&name, &pod, strictness(request)?)?;
    if store.has_pod(&name) {
        return Err(Problem::new(409, "AlreadyExists", format!("pods \"{name}\" already exists")));
    }
    if is_dry_run(request)? {
        return Ok(Outcome::Done(Answer { warnings: notes, ..Answer::json(&pod).with_status(201) }));
    }
    // ya sin lo que no se hace: está dicho
    let text = crate::output::json::pretty(&write::kubernetes(&Object::Pod(wanted)));
    start(What::Create, (namespace, &name), notes, &["run", "--detach", "-"], text.as_bytes())
}

/// `DELETE …/pods/NOMBRE`
pub fn delete(pod: &Stored, request: &Request) -> Result<Outcome, Problem> {
    let options = match request.body.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(&request.body)
            .map_err(|_| Problem::bad_request("las opciones de borrado no son JSON"))?,
    };
    if let Some(uid) = options["preconditions"]["uid"].as_str().filter(|uid| *uid != pod.uid) {
        let message =
            format!("the UID in the precondition ({uid}) does not match the UID in record ({})", pod.uid);
        return Err(Problem::new(409, "Conflict", message));
    }
    if is_dry_run(request)? || options["dryRun"].as_array().is_some_and(|all| !all.is_empty()) {
        return Ok(Outcome::Done(Answer::json(&pod.object(Resource::Pods, pod.revision))));
    }
    let asked = request.query("gracePeriodSeconds").and_then(|text| text.parse().ok());
    let grace: Option<i64> = asked.or(options["gracePeriodSeconds"].as_i64());
    let mut words = vec!["delete".to_string(), format!("pod/{}", pod.name), "--wait=false".into()];
    match grace {
        Some(0) => words.push("--force".into()),
        Some(seconds @ 1..) => words.push(format!("--grace-period={seconds}")),
        Some(_) | None => {}
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    start(What::Delete, (&pod.namespace, &pod.name), Vec::new(), &words, &[])
}

/// `PATCH …/pods/NOMBRE`: lo que envía `kubectl apply`. Un Pod en marcha no se cambia: si lo que se
/// quiere es lo que hay, bien; si no, se dice qué es distinto.
pub fn patch(store: &Store, namespace: &str, name: &str, request: &Request) -> Result<Outcome, Problem> {
    let current = store.get(Resource::Pods, namespace, name);
    let kind = request.content_type();
    let wanted = read_json(request);
    let mut dropped = Vec::new();
    let different = match (kind, &current) {
        // server-side apply: lo que se envía es el objeto entero, y si no está se crea
        (patch::APPLY, None) => return create(store, namespace, Some(name), request),
        (_, None) => return Err(Problem::not_found("pods", name)),
        (patch::APPLY, Some(pod)) => applied(&mut wanted?, namespace, name, pod)?,
        (patch::STRATEGIC | patch::MERGE, Some(pod)) => {
            let (wanted, object) = (wanted?, pod.object(Resource::Pods, pod.revision));
            let differences = |from| patch::differences(&wanted, from, kind == patch::STRATEGIC);
            // en lo que se aplicó ya estaba, y en el Pod no: de eso se prescindió
            let (old, new) = (differences(&patch::last_applied(&object)), differences(&object));
            let different: (Vec<_>, Vec<_>) =
                new.into_iter().partition(|path| old.contains(path) || patch::is_neutral(path));
            dropped = different.1;
            different.0
        }
        (other, _) => {
            let other = crate::spec::errors::visible(other, 60);
            return Err(Problem::new(
                415,
                "UnsupportedMediaType",
                format!("micropod api no entiende {other} [MP0336]"),
            ));
        }
    };
    // lo que aquí no significa nada no cambia nada
    let (neutral, different): (Vec<_>, Vec<_>) =
        different.into_iter().partition(|path| patch::is_neutral(path));
    match (different.as_slice(), current) {
        ([], Some(pod)) => {
            let answer = Answer::json(&pod.object(Resource::Pods, pod.revision));
            let neutral = (!neutral.is_empty()).then(|| validation::accepted(&neutral));
            let dropped = (!dropped.is_empty())
                .then(|| format!("ya se prescindió de esto al crearlo: {}", dropped.join(", ")));
            Ok(Outcome::Done(Answer { warnings: neutral.into_iter().chain(dropped).collect(), ..answer }))
        }
        _ => Err(unchangeable(name, &different)),
    }
}

pub fn unchangeable(name: &str, different: &[String]) -> Problem {
    let shown: Vec<String> =
        different.iter().take(8).map(|path| crate::spec::errors::visible(path, 100)).collect();
    let message = format!(
        "Forbidden: un Pod en marcha no se cambia: bórralo (kubectl delete pod {name}) y créalo otra vez [MP0336]"
    );
    Problem::invalid(name, vec![[shown.join(", "), message]])
}

/// En qué se distingue lo que se aplica de lo que hay.
fn applied(wanted: &mut Value, namespace: &str, name: &str, pod: &Stored) -> Result<Vec<String>, Problem> {
    check(wanted, namespace, Some(name))?;
    if wanted["spec"].is_null() {
        // solo habla de sus metadatos
        return Ok(patch::differences(wanted, &pod.object(Resource::Pods, pod.revision), true));
    }
    let (asked, _) = validate(name, wanted, Validation::Strict)?;
    if pod.seen.as_ref().is_some_and(|seen| patch::bare(&seen.record.pod) == patch::bare(&asked)) {
        return Ok(Vec::new());
    }
    let mut found = patch::differences(wanted, &pod.object(Resource::Pods, pod.revision), true);
    if found.is_empty() {
        // todo lo que dice está: entonces es que hay algo que no dice
        found.push("spec".into());
    }
    Ok(found)
}

/// El Pod que se pide, si vale, y lo que hay que decir de él.
fn validate(name: &str, pod: &Value, mode: Validation) -> Result<(Pod, Vec<String>), Problem> {
    let loaded = parse::parse_with("", &crate::output::json::pretty(pod), mode).and_then(Manifest::into_pod);
    let loaded = loaded.map_err(|errors| Problem::wrong(name, &errors))?;
    Ok((loaded.pod, loaded.notes))
}

fn read_json(request: &Request) -> Result<Value, Problem> {
    serde_json::from_slice(&request.body).map_err(|_| not_json())
}

fn not_json() -> Problem {
    Problem::new(415, "UnsupportedMediaType", "el objeto ha de venir en JSON [MP0336]")
}

fn read_object(request: &Request) -> Result<Value, Problem> {
    if !matches!(request.content_type(), "application/json" | patch::APPLY) {
        return Err(not_json());
    }
    read_json(request)
}

/// Quita lo que pone quien sirve y comprueba que el objeto es el de la ruta. Devuelve su nombre.
fn check(pod: &mut Value, namespace: &str, name: Option<&str>) -> Result<String, Problem> {
    let kind = pod["kind"].as_str().unwrap_or_default().to_string();
    if kind != "Pod" {
        let kind = crate::spec::errors::visible(&kind, 40);
        return Err(Problem::bad_request(format!("se esperaba un Pod, y es «{kind}» [MP0335]")));
    }
    let bad = || Problem::bad_request("el objeto no tiene metadata.name");
    let map = pod.as_object_mut().ok_or_else(bad)?;
    map.remove("status");
    let metadata = map.get_mut("metadata").and_then(Value::as_object_mut).ok_or_else(bad)?;
    for served in ["creationTimestamp", "uid", "resourceVersion", "managedFields", "generation", "selfLink"] {
        metadata.remove(served);
    }
    let said = metadata.get("name").and_then(Value::as_str).filter(|said| !said.is_empty()).map(String::from);
    let said = said.ok_or_else(bad)?;
    if name.is_some_and(|name| name != said) {
        return Err(Problem::bad_request("the name of the object does not match the name on the URL"));
    }
    match metadata.get("namespace").and_then(Value::as_str) {
        Some(own) if own != namespace => {
            return Err(Problem::bad_request(
                "the namespace of the object does not match the namespace on the request",
            ));
        }
        Some(_) => {}
        None if namespace == object::NAMESPACE => {}
        None => {
            metadata.insert("namespace".into(), json!(namespace));
        }
    }
    // el nombre es también el de su directorio: el resto de las reglas las mira quien lee el objeto
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match said.chars().all(plain) && !said.starts_with('.') {
        true => Ok(said),
        false => {
            let field = ["metadata.name".into(), "no es un nombre de DNS [MP0106]".into()];
            Err(Problem::invalid(&said, vec![field]))
        }
    }
}

fn strictness(request: &Request) -> Result<Validation, Problem> {
    match request.query("fieldValidation") {
        None | Some("" | "Strict") => Ok(Validation::Strict),
        // lo que micropod no tiene se dice siempre, aunque se pida callarlo
        Some("Warn" | "Ignore") => Ok(Validation::Warn),
        Some(_) => Err(Problem::bad_request("fieldValidation: Strict, Warn o Ignore")),
    }
}

fn is_dry_run(request: &Request) -> Result<bool, Problem> {
    match request.query("dryRun") {
        None | Some("") => Ok(false),
        Some("All") => Ok(true),
        Some(_) => Err(Problem::bad_request("dryRun: solo se admite All")),
    }
}
