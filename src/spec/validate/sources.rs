//! De dónde salen variables y ficheros: un solo origen, con nombres, campos y recursos que existen.

use super::{Checks, containers, data, names};
use crate::config::downward;
use crate::spec::errors::visible;
use crate::spec::suggest;
use crate::spec::types::{Container, EnvFromSource, EnvVar, ObjectFieldSelector, Pod, ResourceFieldSelector};

pub fn check(checks: &mut Checks, pod: &Pod) {
    for (path, _, container) in containers(pod) {
        for (i, variable) in container.env.iter().enumerate() {
            env(checks, pod, container, &format!("{path}.env[{i}]"), variable);
        }
        for (i, source) in container.env_from.iter().enumerate() {
            env_from(checks, &format!("{path}.envFrom[{i}]"), source);
        }
    }
}

/// Los orígenes que hay, con su nombre: debe haber exactamente uno.
pub fn only_one(checks: &mut Checks, code: &'static str, path: &str, what: &str, sources: &[(&str, bool)]) {
    let present: Vec<&str> = sources.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    let all: Vec<String> = sources.iter().map(|(name, _)| format!("`{name}`")).collect();
    let hint = format!("pon exactamente uno: {}", all.join(", "));
    match present.as_slice() {
        [_] => {}
        [] => checks.add(code, path, format!("{what} no dice de dónde sale"), hint),
        [_, second, ..] => {
            let problem = format!("{what} tiene {} orígenes", present.len());
            checks.add(code, format!("{path}.{second}"), problem, hint);
        }
    }
}

fn env(checks: &mut Checks, pod: &Pod, container: &Container, path: &str, variable: &EnvVar) {
    let Some(source) = &variable.value_from else { return };
    let what = format!("la variable `{}`", visible(&variable.name, 63));
    let inner = format!("{path}.valueFrom");
    if !variable.value.is_empty() {
        let problem = format!("{what} tiene `value` y `valueFrom`");
        checks.add("MP0185", inner.clone(), problem, "deja uno de los dos");
    }
    only_one(
        checks,
        "MP0185",
        &inner,
        &what,
        &[
            ("configMapKeyRef", source.config_map_key_ref.is_some()),
            ("secretKeyRef", source.secret_key_ref.is_some()),
            ("fieldRef", source.field_ref.is_some()),
            ("resourceFieldRef", source.resource_field_ref.is_some()),
        ],
    );
    if let Some(wanted) = &source.config_map_key_ref {
        let path = format!("{inner}.configMapKeyRef");
        names::object(checks, &format!("{path}.name"), "el nombre del ConfigMap", &wanted.name);
        data::key(checks, &format!("{path}.key"), &wanted.key);
    }
    if let Some(wanted) = &source.secret_key_ref {
        let path = format!("{inner}.secretKeyRef");
        names::object(checks, &format!("{path}.name"), "el nombre del Secret", &wanted.name);
        data::key(checks, &format!("{path}.key"), &wanted.key);
    }
    if let Some(wanted) = &source.field_ref {
        let known = [&downward::FIELDS[..], &downward::ENV_FIELDS].concat();
        field(checks, &format!("{inner}.fieldRef"), wanted, &known, false);
    }
    if let Some(wanted) = &source.resource_field_ref {
        resource(checks, pod, &format!("{inner}.resourceFieldRef"), wanted, Some(container));
    }
}

fn env_from(checks: &mut Checks, path: &str, source: &EnvFromSource) {
    let refs =
        [("configMapRef", source.config_map_ref.is_some()), ("secretRef", source.secret_ref.is_some())];
    only_one(checks, "MP0185", path, "`envFrom`", &refs);
    if !source.prefix.is_empty() {
        names::env_name(checks, &format!("{path}.prefix"), &source.prefix);
    }
    if let Some(wanted) = &source.config_map_ref {
        names::object(checks, &format!("{path}.configMapRef.name"), "el nombre del ConfigMap", &wanted.name);
    }
    if let Some(wanted) = &source.secret_ref {
        names::object(checks, &format!("{path}.secretRef.name"), "el nombre del Secret", &wanted.name);
    }
}

/// Un campo del Pod: de los `known` o, con `whole_maps`, también un mapa entero.
pub fn field(
    checks: &mut Checks,
    path: &str,
    wanted: &ObjectFieldSelector,
    known: &[&str],
    whole_maps: bool,
) {
    if let Some(version) = wanted.api_version.as_deref().filter(|v| *v != "v1") {
        let problem = format!("no hay una versión `{}` del Pod", visible(version, 40));
        checks.add("MP0186", format!("{path}.apiVersion"), problem, "quítalo, o pon \"v1\"");
    }
    let path = format!("{path}.fieldPath");
    let (map, key) = downward::subscript(&wanted.field_path);
    let is_map = downward::MAPS.contains(&map);
    match key {
        Some(key) if is_map => return names::qualified(checks, &path, "", key),
        None if known.contains(&map) || whole_maps && is_map => return,
        _ => {}
    }
    let shown = visible(&wanted.field_path, 80);
    let problem = format!("`{shown}` no es un campo del Pod que se pueda pedir aquí");
    let hint = match suggest::nearest(&wanted.field_path, known.iter().copied()) {
        _ if is_map => format!("pide una clave: `{map}['app']`"),
        Some(better) => format!("¿querías decir `{better}`?"),
        None => format!(
            "los que hay: {}, metadata.labels['clave'] y metadata.annotations['clave']",
            known.join(", ")
        ),
    };
    checks.add("MP0186", path, problem, hint);
}

/// Un recurso de un contenedor: el que se nombra o, si no hace falta nombrarlo, el `own`.
pub fn resource(
    checks: &mut Checks,
    pod: &Pod,
    path: &str,
    wanted: &ResourceFieldSelector,
    own: Option<&Container>,
) {
    let known = downward::RESOURCES;
    if !known.contains(&wanted.resource.as_str()) {
        let problem = format!("`{}` no es un recurso que se pueda pedir", visible(&wanted.resource, 60));
        let hint = match suggest::nearest(&wanted.resource, known) {
            Some(better) => format!("¿querías decir `{better}`?"),
            None => format!("los que hay: {}", known.join(", ")),
        };
        checks.add("MP0187", format!("{path}.resource"), problem, hint);
    } else if let Some(divisor) = &wanted.divisor {
        divisible(checks, &format!("{path}.divisor"), &wanted.resource, divisor);
    }
    let names: Vec<&str> = containers(pod).map(|(_, _, c)| c.name.as_str()).collect();
    match wanted.container_name.as_deref() {
        None if own.is_none() => {
            let hint = format!("añade `containerName: \"{}\"`", visible(names.first().unwrap_or(&"…"), 63));
            checks.add("MP0187", path, "en un volumen hay que decir de qué contenedor es el recurso", hint);
        }
        Some(name) if !names.contains(&name) => {
            let problem = format!("no hay ningún contenedor `{}`", visible(name, 63));
            let hint = match suggest::nearest(name, names.iter().copied()) {
                Some(better) => format!("¿querías decir `{}`?", visible(better, 63)),
                None => {
                    format!("los que hay: {}", names.iter().take(5).copied().collect::<Vec<_>>().join(", "))
                }
            };
            checks.add("MP0187", format!("{path}.containerName"), problem, hint);
        }
        Some(_) | None => {}
    }
}

/// Las unidades en las que Kubernetes deja pedir un recurso.
fn divisible(checks: &mut Checks, path: &str, resource: &str, divisor: &crate::spec::quantity::Quantity) {
    const MEMORY: [&str; 13] =
        ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
    const CPU: [&str; 2] = ["1", "1m"];
    let allowed: &[&str] = if resource.ends_with("cpu") { &CPU } else { &MEMORY };
    let same = |text: &str| {
        crate::spec::quantity::Quantity::parse(text).is_ok_and(|q| q.millis_exact() == divisor.millis_exact())
    };
    if divisor.millis_exact() == 0 || allowed.iter().any(|text| same(text)) {
        return;
    }
    let problem = format!("`{divisor}` no es una unidad de `{resource}`");
    checks.add("MP0187", path, problem, format!("debe ser una de estas: {}", allowed.join(", ")));
}
