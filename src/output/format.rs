//! `-o FORMATO`: de qué manera se quiere un objeto.

use super::columns::CustomColumns;
use super::jsonpath::JsonPath;
use super::{json, tabwriter, yaml};
use crate::error::Error;
use serde_json::Value;

/// Los que hay, por orden alfabético, como los dice kubectl.
const ALLOWED: &str =
    "custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,name,wide,yaml";

#[derive(Debug, PartialEq)]
pub enum Format {
    Table {
        wide: bool,
    },
    Name,
    Json,
    Yaml,
    JsonPath {
        template: String,
        path: JsonPath,
    },
    /// Los valores encontrados, en una lista de JSON.
    JsonPathAsJson {
        template: String,
        path: JsonPath,
    },
    Columns(CustomColumns),
}

impl Format {
    /// Entiende lo que sigue a `-o`; sin nada, la tabla.
    pub fn parse(text: &str) -> Result<Format, Error> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let columns =
            |columns: Result<CustomColumns, String>| columns.map(Format::Columns).map_err(Error::usage);
        match name {
            "" => Ok(Format::Table { wide: false }),
            "wide" => Ok(Format::Table { wide: true }),
            "name" => Ok(Format::Name),
            "json" => Ok(Format::Json),
            "yaml" => Ok(Format::Yaml),
            "jsonpath" => json_path(value).map(|(template, path)| Format::JsonPath { template, path }),
            "jsonpath-as-json" => {
                json_path(value).map(|(template, path)| Format::JsonPathAsJson { template, path })
            }
            "jsonpath-file" => {
                json_path(&file(value)?).map(|(template, path)| Format::JsonPath { template, path })
            }
            "custom-columns" => columns(CustomColumns::parse(value)),
            "custom-columns-file" => columns(CustomColumns::from_file(&file(value)?)),
            other => Err(Error::usage(format!(
                "unable to match a printer suitable for the output format \"{other}\", allowed formats are: {ALLOWED}"
            ))
            .with_hint("para leerlo, -o wide; para otro programa, -o json o -o jsonpath='{.status.phase}'")),
        }
    }

    pub fn is_table(&self) -> bool {
        matches!(self, Format::Table { .. })
    }

    /// Los objetos escritos así. `single`: se pidió uno por su nombre, y no va dentro de una lista.
    /// Las tablas las hace quien sabe qué columnas tienen.
    pub fn render(&self, objects: Vec<Value>, single: bool, headers: bool) -> Result<String, Error> {
        let whole = |mut objects: Vec<Value>| match (single, objects.len()) {
            (true, 1) => objects.remove(0),
            _ => crate::object::list(objects),
        };
        match self {
            Format::Table { .. } => Ok(String::new()),
            Format::Name => Ok(objects.iter().map(|object| name(object) + "\n").collect()),
            Format::Json => Ok(json::pretty(&whole(objects))),
            Format::Yaml => Ok(yaml::to_yaml(&whole(objects))),
            Format::JsonPath { template, path } => {
                path.print(&whole(objects)).map_err(|why| not_executed(template, &why))
            }
            Format::JsonPathAsJson { template, path } => {
                let whole = whole(objects);
                let found = path.find(&whole).map_err(|why| not_executed(template, &why))?;
                Ok(json::pretty(&Value::Array(found.into_iter().cloned().collect())))
            }
            Format::Columns(columns) => {
                let mut rows: Vec<Vec<String>> = if headers { vec![columns.headers()] } else { Vec::new() };
                for object in &objects {
                    rows.push(columns.row(object).map_err(Error::failed)?);
                }
                Ok(tabwriter::table(&rows))
            }
        }
    }
}

/// `pod/nginx-php`
fn name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap_or_default())
}

fn json_path(template: &str) -> Result<(String, JsonPath), Error> {
    if template.is_empty() {
        return Err(Error::usage("template format specified but no template given")
            .with_hint("-o jsonpath='{.status.phase}'"));
    }
    JsonPath::parse(template).map(|path| (template.to_string(), path)).map_err(|why| {
        Error::usage(format!("error parsing jsonpath {template}, {why}"))
            .with_hint("una plantilla es así: {.metadata.name}{\"\\n\"}; en la shell, entre comillas simples")
    })
}

fn not_executed(template: &str, why: &str) -> Error {
    Error::failed(format!("error executing jsonpath \"{template}\": {why}"))
        .with_hint("mira qué hay en el objeto con -o yaml")
}

fn file(path: &str) -> Result<String, Error> {
    if path.is_empty() {
        return Err(Error::usage("falta el fichero").with_hint("se escribe pegado, con =: FORMATO=FICHERO"));
    }
    std::fs::read_to_string(path).map_err(|e| Error::usage(format!("no se pudo leer {path}")).because(e))
}
