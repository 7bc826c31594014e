//! De la ruta a lo que se pide. Puro: ni mira ni cambia nada.

/// Lo que hay en esta API, con los nombres de Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Pods,
    /// Los sucesos, como los daba `v1`.
    Events,
    /// Y como los da `events.k8s.io/v1`.
    NewEvents,
}

impl Resource {
    /// La clase y el grupo con su versión.
    pub fn kind(self) -> (&'static str, &'static str) {
        match self {
            Resource::Pods => ("Pod", "v1"),
            Resource::Events => ("Event", "v1"),
            Resource::NewEvents => ("Event", "events.k8s.io/v1"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Resource::Pods => "pods",
            Resource::Events | Resource::NewEvents => "events",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    Health,
    Version,
    /// `/api`
    Versions,
    /// `/apis`
    Groups,
    /// `/apis/GRUPO`
    Group(String),
    /// `/api/v1`, `/apis/GRUPO/VERSIÓN`
    GroupVersion(String),
    OpenApi2,
    /// El índice, o el de un grupo y una versión.
    OpenApi3(Option<String>),
    Namespaces,
    Namespace(String),
    Collection {
        resource: Resource,
        namespace: Option<String>,
    },
    Object {
        resource: Resource,
        namespace: String,
        name: String,
    },
    Log {
        namespace: String,
        pod: String,
    },
    Metrics {
        namespace: Option<String>,
        pod: Option<String>,
    },
    /// De Kubernetes, pero no de aquí: qué es.
    Missing(String),
}

pub fn route(path: &[String]) -> Route {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["healthz" | "readyz" | "livez", ..] => Route::Health,
        ["version"] => Route::Version,
        ["api"] => Route::Versions,
        ["apis"] => Route::Groups,
        ["openapi", "v2"] => Route::OpenApi2,
        ["openapi", "v3"] => Route::OpenApi3(None),
        ["openapi", "v3", rest @ ..] => Route::OpenApi3(Some(rest.join("/"))),
        ["api", "v1"] => Route::GroupVersion("v1".into()),
        ["api", "v1", rest @ ..] => core(rest),
        ["apis", group] => Route::Group(group.to_string()),
        ["apis", group, version] => Route::GroupVersion(format!("{group}/{version}")),
        ["apis", "events.k8s.io", "v1", rest @ ..] => match namespaced(rest) {
            (namespace, ["events", name @ ..]) => collection(Resource::NewEvents, namespace, name),
            _ => missing(rest),
        },
        ["apis", "metrics.k8s.io", "v1beta1", rest @ ..] => metrics(rest),
        _ => missing(&parts),
    }
}

/// `namespaces/NOMBRE/…` → el espacio de nombres y lo que sigue.
fn namespaced<'a>(parts: &'a [&'a str]) -> (Option<&'a str>, &'a [&'a str]) {
    match parts {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        _ => (None, parts),
    }
}

fn core(parts: &[&str]) -> Route {
    match namespaced(parts) {
        (None, ["namespaces"]) => Route::Namespaces,
        (None, ["namespaces", name]) => Route::Namespace(name.to_string()),
        (namespace, ["events", name @ ..]) => collection(Resource::Events, namespace, name),
        (Some(namespace), ["pods", pod, "log"]) => {
            Route::Log { namespace: namespace.into(), pod: pod.to_string() }
        }
        (Some(_), ["pods", _, sub, ..]) => Route::Missing(format!("pods/{sub}")),
        (namespace, ["pods", name @ ..]) => collection(Resource::Pods, namespace, name),
        (_, rest) => missing(rest),
    }
}

fn collection(resource: Resource, namespace: Option<&str>, rest: &[&str]) -> Route {
    match (namespace, rest) {
        (namespace, []) => Route::Collection { resource, namespace: namespace.map(String::from) },
        (Some(namespace), [name]) => {
            Route::Object { resource, namespace: namespace.into(), name: name.to_string() }
        }
        _ => Route::Missing(resource.name().into()),
    }
}

fn metrics(parts: &[&str]) -> Route {
    match namespaced(parts) {
        (namespace, ["pods"]) => Route::Metrics { namespace: namespace.map(String::from), pod: None },
        (Some(namespace), ["pods", pod]) => {
            Route::Metrics { namespace: Some(namespace.into()), pod: Some(pod.to_string()) }
        }
        (_, rest) => missing(rest),
    }
}

fn missing(parts: &[&str]) -> Route {
    Route::Missing(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Route {
        route(&path.split('/').filter(|p| !p.is_empty()).map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn cada_ruta_de_kubectl_es_una_cosa() {
        let all = |resource, namespace: Option<&str>| Route::Collection {
            resource,
            namespace: namespace.map(String::from),
        };
        assert_eq!(of("/api/v1/pods"), all(Resource::Pods, None));
        assert_eq!(of("/api/v1/namespaces/default/pods"), all(Resource::Pods, Some("default")));
        assert_eq!(of("/api/v1/namespaces/a/events"), all(Resource::Events, Some("a")));
        assert_eq!(of("/apis/events.k8s.io/v1/events"), all(Resource::NewEvents, None));
        let web = Route::Object { resource: Resource::Pods, namespace: "default".into(), name: "web".into() };
        assert_eq!(of("/api/v1/namespaces/default/pods/web"), web);
        let log = Route::Log { namespace: "default".into(), pod: "web".into() };
        assert_eq!(of("/api/v1/namespaces/default/pods/web/log"), log);
        assert_eq!(of("/api/v1/namespaces/default/pods/web/exec"), Route::Missing("pods/exec".into()));
        assert_eq!(of("/api/v1/namespaces/default/services"), Route::Missing("/services".into()));
        assert_eq!(of("/api/v1/namespaces"), Route::Namespaces);
        assert_eq!(of("/api/v1/namespaces/default"), Route::Namespace("default".into()));
        assert_eq!(of("/openapi/v3/api/v1"), Route::OpenApi3(Some("api/v1".into())));
        assert_eq!(of("/apis/apps/v1"), Route::GroupVersion("apps/v1".into()));
        let metrics = Route::Metrics { namespace: Some("default".into()), pod: Some("web".into()) };
        assert_eq!(of("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web"), metrics);
        assert_eq!(of("/"), Route::Missing("/".into()));
    }
}
