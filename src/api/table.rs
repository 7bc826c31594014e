//! Tablas: las columnas las pone quien sirve, y kubectl solo las alinea.
//!
//! Son las mismas que las de `micropod get`: salen de la misma función.

use super::route::Resource;
use super::store::Stored;
use crate::cli::get;
use crate::output::{events, time::Now};
use serde_json::{Value, json};

/// Qué acompaña a cada fila (`includeObject`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub fn named(name: Option<&str>) -> Include {
        match name {
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            _ => Include::Metadata,
        }
    }
}

/// Nombre, tipo y prioridad: las de prioridad 1 salen solo con `-o wide`.
type Column = (&'static str, &'static str, u8);

const POD: [Column; 9] = [
    ("Name", "string", 0),
    ("Ready", "string", 0),
    ("Status", "string", 0),
    ("Restarts", "string", 0),
    ("Age", "string", 0),
    ("IP", "string", 1),
    ("Node", "string", 1),
    ("Nominated Node", "string", 1),
    ("Readiness Gates", "string", 1),
];

const EVENT: [Column; 5] = [
    ("Last Seen", "string", 0),
    ("Type", "string", 0),
    ("Reason", "string", 0),
    ("Object", "string", 0),
    ("Message", "string", 0),
];

const NAMESPACE: [Column; 3] = [("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)];

/// La tabla de unos objetos. `headers`: en una vigilancia, solo la primera lleva columnas.
pub fn table(
    resource: Resource,
    rows: &[(&Stored, u64)],
    revision: u64,
    include: Include,
    headers: bool,
) -> Value {
    let columns: &[Column] = if resource == Resource::Pods { &POD } else { &EVENT };
    let rows = rows.iter().map(|(one, revision)| {
        let object = one.object(resource, *revision);
        let cells = match &one.seen {
            Some(seen) => get::row(seen, true),
            None => events::row(&one.object(Resource::Events, *revision), &Now::here(), "pod"),
        };
        row(cells, object, include)
    });
    whole(columns, rows.collect(), revision, headers)
}

/// La de los espacios de nombres.
pub fn namespaces(all: &[Value], revision: u64, include: Include) -> Value {
    let cells = |one: &Value| {
        let name = one["metadata"]["name"].as_str().unwrap_or_default();
        vec![name.to_string(), "Active".into(), "<unknown>".into()]
    };
    let rows = all.iter().map(|one| row(cells(one), one.clone(), include)).collect();
    whole(&NAMESPACE, rows, revision, true)
}

fn row(cells: Vec<String>, object: Value, include: Include) -> Value {
    let object = match include {
        Include::None => return json!({"cells": cells}),
        Include::Metadata => json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                                    "metadata": object["metadata"]}),
        Include::Object => object,
    };
    json!({"cells": cells, "object": object})
}

fn whole(columns: &[Column], rows: Vec<Value>, revision: u64, headers: bool) -> Value {
    let column = |(name, kind, priority): &Column| {
        let format = if *name == "Name" { "name" } else { "" };
        json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
    };
    let columns = headers.then(|| columns.iter().map(column).collect::<Vec<_>>());
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": revision.to_string()},
           "columnDefinitions": columns.unwrap_or_default(), "rows": rows})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::store::{Filter, tests::store_with};

    #[test]
    fn las_columnas_son_las_de_micropod_get_y_kubectl_elige_cuales_ensena() {
        let store = store_with(&["web"]);
        let all = store.list(&Filter::new(Resource::Pods, None, "", "").unwrap());
        let rows: Vec<_> = all.iter().map(|one| (one.as_ref(), one.revision)).collect();
        let value = table(Resource::Pods, &rows, store.revision, Include::Metadata, true);
        let columns: Vec<String> = value["columnDefinitions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["name"].as_str().unwrap().to_uppercase())
            .collect();
        assert_eq!(columns, get::HEADERS);
        let row = &value["rows"][0];
        assert_eq!(row["cells"].as_array().unwrap().len(), columns.len());
        assert_eq!(row["cells"][0], "web");
        assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
        assert_eq!(row["object"]["metadata"]["resourceVersion"], all[0].revision.to_string());
        let bare = table(Resource::Pods, &rows, store.revision, Include::None, false);
        assert!(bare["rows"][0].get("object").is_none());
        assert_eq!(bare["columnDefinitions"], json!([]));
    }
}
