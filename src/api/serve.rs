//! De una petición a su respuesta: quién puede pedir qué, y qué se le da.

use super::answer::{Answer, Problem, accepts_json, wants_table};
use super::change::{self, Outcome};
use super::connection::Job;
use super::http::Request;
use super::log::LogStream;
use super::metrics::Measure;
use super::peer::Peer;
use super::route::{Resource, Route, route};
use super::server::Asker;
use super::store::{Filter, Store, Stored};
use super::table::{self, Include};
use super::watch::Watch;
use super::{Options, discovery, gnostic, openapi};
use serde_json::{Value, json};
use std::rc::Rc;

/// Lo que se contesta ya, o lo que hay que hacer antes.
pub enum Reply {
    Done(Answer),
    Later(Job),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply::Done(answer)
    }
}

/// Contesta. `asker` pregunta al kernel quién es el del otro lado.
pub fn serve(options: &Options, store: &mut Store, request: &Request, asker: impl Fn() -> Asker) -> Reply {
    let asked = route(&request.path);
    let reply = local(request, &asker).and_then(|()| {
        store.refresh();
        match (request.method.as_str(), asked) {
            // lo que no hay no lo hay para nadie
            (_, Route::Missing(what)) => Err(missing(&what)),
            ("GET", asked) => look(options, store, request, asked),
            (_, asked) => may_change(options, asker).and_then(|()| change(store, request, asked)),
        }
    });
    reply.unwrap_or_else(|problem| Reply::Done(problem.answer()))
}

fn forbidden(message: String) -> Result<(), Problem> {
    Err(Problem::new(403, "Forbidden", message))
}

// ANCHOR: allowed
/// Que pregunte un programa de esta máquina: ni una página web ni un Pod.
fn local(request: &Request, asker: impl Fn() -> Asker) -> Result<(), Problem> {
    if !request.header("host").is_none_or(is_loopback) || request.header("origin").is_some() {
        return forbidden(
            "esto no es para un navegador: Host ha de ser localhost, y no puede haber Origin [MP0334]".into(),
        );
    }
    if asker().is_ok_and(|peer| peer.is_some_and(Peer::is_in_a_pod)) {
        return forbidden("desde dentro de un Pod no se habla con esta API [MP0333]".into());
    }
    Ok(())
}

/// Que pueda cambiar algo: se permite, y es quien puede.
fn may_change(options: &Options, asker: impl Fn() -> Asker) -> Result<(), Problem> {
    if !options.changes {
        return forbidden(
            "esta API es de solo lectura: vuelve a lanzarla con --permite-cambios [MP0332]".into(),
        );
    }
    match asker() {
        Ok(Some(peer)) if peer.uid == 0 || Some(peer.uid) == options.owner => Ok(()),
        Ok(Some(peer)) => forbidden(format!(
            "solo root y quien lanzó esta API pueden cambiar algo, y tú eres el usuario {} [MP0333]",
            peer.uid
        )),
        Ok(None) => forbidden("no se sabe de quién es esta conexión: ya está cerrada [MP0333]".into()),
        Err(errno) => forbidden(format!(
            "el kernel no dice de quién es esta conexión ({}): modprobe tcp_diag [MP0333]",
            crate::error::spanish(errno)
        )),
    }
}
// ANCHOR_END: allowed

/// `localhost:8001`, `127.0.0.1`, `[::1]:9000`. El puerto da igual: con `ssh -L` es otro.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

fn look(options: &Options, store: &Store, request: &Request, route: Route) -> Result<Reply, Problem> {
    if !accepts_json(request) && !matches!(route, Route::OpenApi2 | Route::Log { .. }) {
        return Err(Problem::new(406, "NotAcceptable", "esto se da en application/json"));
    }
    Ok(match route {
        Route::Health => Answer::text("ok").into(),
        Route::Version => Answer::json(&discovery::version()).into(),
        Route::Versions => {
            Answer::json(&discovery::versions(request.header("host").unwrap_or_default())).into()
        }
        Route::Groups => Answer::json(&discovery::groups()).into(),
        Route::Group(name) => Answer::json(&discovery::group(&name)?).into(),
        Route::GroupVersion(name) => Answer::json(&discovery::resources(&name, options.changes)?).into(),
        Route::OpenApi2 => openapi2(request).into(),
        Route::OpenApi3(None) => Answer::json(&openapi::index()).into(),
        Route::OpenApi3(Some(path)) if path == "api/v1" => {
            Answer::json(&openapi::three(options.changes)).into()
        }
        Route::OpenApi3(Some(path)) => return Err(Problem::missing(&path)),
        Route::Namespaces => namespaces(store, request).into(),
        Route::Namespace(name) => namespace(store, &name)?.into(),
        Route::Collection { resource, namespace } => collection(store, request, resource, namespace)?,
        Route::Object { resource, namespace, name } => {
            let one = find(store, resource, &namespace, &name)?;
            object(&one, request, resource).into()
        }
        Route::Log { namespace, pod } => {
            let one = find(store, Resource::Pods, &namespace, &pod)?;
            let seen = one.seen.as_ref().ok_or_else(|| Problem::not_found("pods", &pod))?;
            Reply::Later(Job::Log(Box::new(LogStream::open(seen, request)?)))
        }
        Route::Metrics { namespace, pod } => measure(store, request, namespace, pod)?,
        Route::Missing(what) => return Err(missing(&what)),
    })
}

/// Lo que tiene un verbo de micropod, aunque por aquí no se pueda.
fn missing(what: &str) -> Problem {
    let verb = match what {
        "pods/exec" => "exec",
        "pods/attach" => "attach",
        "pods/ephemeralcontainers" => "debug",
        "pods/portforward" => "port-forward",
        _ => return Problem::missing(what),
    };
    Problem::new(404, "NotFound", format!("{what} no se hace por esta API: usa micropod {verb} [MP0335]"))
}

fn openapi2(request: &Request) -> Answer {
    // se pide con una @, que en la respuesta no admite quien la pide
    const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    let document = openapi::two();
    match request.header("accept").is_some_and(|accept| accept.contains("spec.v2@v1.0+protobuf")) {
        true => {
            Answer { status: 200, kind: PROTOBUF, body: gnostic::encode(&document), warnings: Vec::new() }
        }
        false => Answer::json(&document),
    }
}

fn find(store: &Store, resource: Resource, namespace: &str, name: &str) -> Result<Rc<Stored>, Problem> {
    store.get(resource, namespace, name).ok_or_else(|| Problem::not_found(resource.name(), name))
}

fn namespaces(store: &Store, request: &Request) -> Answer {
    let all: Vec<Value> = store.namespaces().iter().map(|name| discovery::namespace(name)).collect();
    if wants_table(request) {
        let include = Include::named(request.query("includeObject"));
        return Answer::json(&table::namespaces(&all, store.revision, include));
    }
    Answer::json(&json!({"kind": "NamespaceList", "apiVersion": "v1",
                         "metadata": {"resourceVersion": store.revision.to_string()}, "items": all}))
}

fn namespace(store: &Store, name: &str) -> Result<Answer, Problem> {
    match store.namespaces().iter().any(|known| known == name) {
        true => Ok(Answer::json(&discovery::namespace(name))),
        false => Err(Problem::not_found("namespaces", name)),
    }
}

fn collection(
    store: &Store,
    request: &Request,
    resource: Resource,
    namespace: Option<String>,
) -> Result<Reply, Problem> {
    let text = |name: &str| request.query(name).unwrap_or_default();
    let filter = Filter::new(resource, namespace, text("labelSelector"), text("fieldSelector"))?;
    let table = wants_table(request).then(|| Include::named(request.query("includeObject")));
    if request.asks("watch") {
        let watch = Watch::new(filter, table, request, store)?;
        return Ok(Reply::Later(Job::Watch(Box::new(watch))));
    }
    let all = store.list(&filter);
    if let Some(include) = table {
        let rows: Vec<(&Stored, u64)> = all.iter().map(|one| (one.as_ref(), one.revision)).collect();
        return Ok(Answer::json(&table::table(resource, &rows, store.revision, include, true)).into());
    }
    let (kind, version) = resource.kind();
    let items: Vec<Value> = all.iter().map(|one| one.object(resource, one.revision)).collect();
    Ok(Answer::json(&json!({"kind": format!("{kind}List"), "apiVersion": version,
                            "metadata": {"resourceVersion": store.revision.to_string()}, "items": items}))
    .into())
}

fn object(one: &Stored, request: &Request, resource: Resource) -> Answer {
    if wants_table(request) {
        let include = Include::named(request.query("includeObject"));
        return Answer::json(&table::table(resource, &[(one, one.revision)], one.revision, include, true));
    }
    Answer::json(&one.object(resource, one.revision))
}

fn measure(
    store: &Store,
    request: &Request,
    namespace: Option<String>,
    pod: Option<String>,
) -> Result<Reply, Problem> {
    let pods = match &pod {
        Some(name) => vec![find(store, Resource::Pods, namespace.as_deref().unwrap_or_default(), name)?],
        None => {
            let text = |name: &str| request.query(name).unwrap_or_default();
            let filter =
                Filter::new(Resource::Pods, namespace, text("labelSelector"), text("fieldSelector"))?;
            store.list(&filter)
        }
    };
    Ok(Reply::Later(Job::Measure(Measure::new(pods, pod.is_some())?)))
}

/// Lo que se contesta a quien recibe este código de error: lo enseña su página del libro.
pub fn sample(code: &str) -> Option<Problem> {
    let options = |changes| Options { changes, owner: None };
    let nobody = || Ok(Some(Peer { uid: 65534, cgroup: None }));
    let evil = Request { headers: vec![("host".into(), "evil.example".into())], ..Request::default() };
    match code {
        "MP0332" => may_change(&options(false), nobody).err(),
        "MP0333" => may_change(&options(true), nobody).err(),
        "MP0334" => local(&evil, nobody).err(),
        "MP0335" => Some(missing("pods/exec")),
        "MP0336" => Some(change::unchangeable("web", &["metadata.labels.nivel".into()])),
        _ => None,
    }
}

/// Lo que no es mirar. Las puertas ya se han pasado.
fn change(store: &Store, request: &Request, route: Route) -> Result<Reply, Problem> {
    let outcome = match (request.method.as_str(), route) {
        ("POST", Route::Collection { resource: Resource::Pods, namespace: Some(namespace) }) => {
            change::create(store, &namespace, None, request)?
        }
        ("DELETE", Route::Object { resource: Resource::Pods, namespace, name }) => {
            change::delete(&*find(store, Resource::Pods, &namespace, &name)?, request)?
        }
        ("PATCH", Route::Object { resource: Resource::Pods, namespace, name }) => {
            change::patch(store, &namespace, &name, request)?
        }
        (method, _) => {
            return Err(Problem::new(
                405,
                "MethodNotAllowed",
                format!("micropod api no hace {method} de eso [MP0335]"),
            ));
        }
    };
    Ok(match outcome {
        Outcome::Done(answer) => Reply::Done(answer),
        Outcome::Started(change) => Reply::Later(Job::Change(change)),
    })
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
