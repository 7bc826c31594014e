//! Los ficheros de un volumen de datos: de ConfigMaps, Secrets y campos del Pod, a rutas, bytes y
//! permisos. Aquí no se escribe nada: solo se decide.

use super::downward::{self, Facts};
use super::{Missing, config_map, secret, secret_data};
use crate::spec::types::{DownwardAPIVolumeFile, KeyToPath, PodSpec, Volume};
use crate::spec::{Config, base64};
use std::collections::BTreeMap;
use std::fmt;

/// Permisos de un fichero si nadie dice otros.
const DEFAULT_MODE: i64 = 0o644;

/// Un fichero de un volumen.
#[derive(Clone, PartialEq)]
pub struct File {
    pub content: Vec<u8>,
    pub mode: u32,
    /// ¿Viene de un Secret? Entonces no se enseña.
    pub secret: bool,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let content = if self.secret { "(oculto)".into() } else { String::from_utf8_lossy(&self.content) };
        write!(f, "{:04o} {content:?}", self.mode)
    }
}

/// Los ficheros de un volumen, por su ruta relativa.
pub type Files = BTreeMap<String, File>;

/// Lo que hace falta para decidir: la especificación, los objetos del fichero y lo que se sabe del Pod.
pub struct Context<'a> {
    pub spec: &'a PodSpec,
    pub config: &'a Config,
    pub facts: &'a Facts,
}

// ANCHOR: contents
/// Los ficheros de `volume`, o por qué no se sabe; `None` si no es un volumen de datos.
pub fn contents(volume: &Volume, context: &Context) -> Option<Result<Files, String>> {
    let mut files = Files::new();
    let filled = if let Some(source) = &volume.config_map {
        let mode = source.default_mode;
        from_config_map(&mut files, context, &source.name, &source.items, source.optional, mode)
    } else if let Some(source) = &volume.secret {
        let mode = source.default_mode;
        from_secret(&mut files, context, &source.secret_name, &source.items, source.optional, mode)
    } else if let Some(source) = &volume.downward_api {
        from_the_pod(&mut files, context, &source.items, source.default_mode);
        Ok(())
    } else if let Some(projected) = &volume.projected {
        projected.sources.iter().try_for_each(|source| {
            let mode = projected.default_mode;
            if let Some(map) = &source.config_map {
                from_config_map(&mut files, context, &map.name, &map.items, map.optional, mode)?;
            }
            if let Some(secret) = &source.secret {
                from_secret(&mut files, context, &secret.name, &secret.items, secret.optional, mode)?;
            }
            if let Some(downward) = &source.downward_api {
                from_the_pod(&mut files, context, &downward.items, mode);
            }
            Ok(())
        })
    } else {
        return None;
    };
    Some(filled.map_err(|missing| missing.to_string()).and_then(|()| no_file_inside_another(files)))
}
// ANCHOR_END: contents

fn from_config_map(
    files: &mut Files,
    context: &Context,
    name: &str,
    items: &[KeyToPath],
    optional: bool,
    mode: Option<i64>,
) -> Result<(), Missing> {
    let map = match config_map(context.config, name) {
        Err(_) if optional => return Ok(()),
        found => found?,
    };
    // la validación ya ha comprobado el base64
    let binary = map.binary_data.iter().map(|(k, v)| (k.as_str(), base64::decode(v).unwrap_or_default()));
    let text = map.data.iter().map(|(k, v)| (k.as_str(), v.as_bytes().to_vec()));
    let missing = |key: &str| Missing::ConfigMapKey { name: name.to_string(), key: key.to_string() };
    project(files, text.chain(binary).collect(), items, optional, mode, false, missing)
}

fn from_secret(
    files: &mut Files,
    context: &Context,
    name: &str,
    items: &[KeyToPath],
    optional: bool,
    mode: Option<i64>,
) -> Result<(), Missing> {
    let found = match secret(context.config, name) {
        Err(_) if optional => return Ok(()),
        found => found?,
    };
    let missing = |key: &str| Missing::SecretKey { name: name.to_string(), key: key.to_string() };
    project(files, secret_data(found), items, optional, mode, true, missing)
}

/// Todas las claves o, con `items`, solo esas y con el nombre que digan.
fn project(
    files: &mut Files,
    mut data: BTreeMap<&str, Vec<u8>>,
    items: &[KeyToPath],
    optional: bool,
    mode: Option<i64>,
    secret: bool,
    missing: impl Fn(&str) -> Missing,
) -> Result<(), Missing> {
    if items.is_empty() {
        for (key, content) in data {
            files.insert(key.to_string(), File { content, mode: permissions(mode), secret });
        }
        return Ok(());
    }
    for item in items {
        match data.get_mut(item.key.as_str()) {
            Some(content) => {
                let file = File { content: content.clone(), mode: permissions(item.mode.or(mode)), secret };
                files.insert(normal(&item.path), file);
            }
            None if optional => {}
            None => return Err(missing(&item.key)),
        }
    }
    Ok(())
}

fn from_the_pod(files: &mut Files, context: &Context, items: &[DownwardAPIVolumeFile], mode: Option<i64>) {
    for item in items {
        let field = item.field_ref.as_ref().and_then(|f| downward::field(context.facts, &f.field_path));
        let resource = item.resource_field_ref.as_ref().and_then(|wanted| {
            let whose = wanted.container_name.as_deref();
            let container =
                crate::plan::all_containers(context.spec).find(|c| Some(c.name.as_str()) == whose)?;
            downward::resource(context.spec, container, wanted, context.facts.node)
        });
        // la validación ya ha comprobado que hay exactamente uno y que existe
        let value = field.or(resource.map(|value| value.to_string())).unwrap_or_default();
        let mode = permissions(item.mode.or(mode));
        files.insert(normal(&item.path), File { content: value.into_bytes(), mode, secret: false });
    }
}

fn permissions(mode: Option<i64>) -> u32 {
    // la validación lo ha acotado a 0o777
    u32::try_from(mode.unwrap_or(DEFAULT_MODE)).unwrap_or(0) & 0o777
}

/// `a//./b` → `a/b`.
pub fn normal(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    parts.join("/")
}

/// Un fichero no puede ser a la vez el directorio de otro.
fn no_file_inside_another(files: Files) -> Result<Files, String> {
    let clash = files.keys().find(|path| files.keys().any(|other| is_inside(path, other)));
    match clash {
        Some(path) => Err(format!("`{path}` sería a la vez un fichero y un directorio con otro dentro")),
        None => Ok(files),
    }
}

/// ¿Está `path` dentro de `dir`?
pub fn is_inside(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse::parse_all;

    /// Los ficheros de un volumen con ese origen: ruta, permisos y contenido.
    fn files(source: &str) -> Result<Vec<String>, String> {
        let text = format!(
            r#"List(items: [
                ConfigMap(metadata: (name: "m"), data: {{"a.conf": "uno", "b": "dos"}}, binaryData: {{"c": "/w=="}}),
                Secret(metadata: (name: "s"), stringData: {{"clave": "hunter2"}}),
                Pod(metadata: (name: "p", labels: {{"app": "web"}}), spec: (
                    volumes: [(name: "v", {source})],
                    containers: [(name: "c", image: "i", resources: (limits: (cpu: "1500m")))])),
            ])"#
        );
        let loaded = parse_all("p.ron", &text).and_then(crate::spec::Manifest::into_pod);
        let loaded = loaded.unwrap_or_else(|e| panic!("{e}"));
        let labels = loaded.pod.metadata.labels.clone();
        let facts = Facts { name: "p".into(), labels, ..Facts::default() };
        let context = Context { spec: &loaded.pod.spec, config: &loaded.config, facts: &facts };
        let files = contents(&loaded.pod.spec.volumes[0], &context).unwrap()?;
        let line = |(path, file): (&String, &File)| {
            format!("{path} {:04o} {}", file.mode, String::from_utf8_lossy(&file.content))
        };
        Ok(files.iter().map(line).collect())
    }

    #[test]
    fn sin_items_van_todas_las_claves_y_con_items_solo_esas() {
        assert_eq!(
            files("configMap: (name: \"m\")").unwrap(),
            ["a.conf 0644 uno", "b 0644 dos", "c 0644 \u{fffd}"]
        );
        let items = "configMap: (name: \"m\", defaultMode: 0o400, items: [(key: \"b\", path: \"x/./y//b.txt\"), (key: \"a.conf\", path: \"a\", mode: 0o640)])";
        assert_eq!(files(items).unwrap(), ["a 0640 uno", "x/y/b.txt 0400 dos"]);
        assert_eq!(files("secret: (secretName: \"s\", defaultMode: 0)").unwrap(), ["clave 0000 hunter2"]);
    }

    #[test]
    fn lo_que_falta_deja_el_volumen_sin_hacer_salvo_que_sea_opcional() {
        for (source, problem) in [
            ("configMap: (name: \"z\")", "no hay ningún ConfigMap `z`"),
            (
                "configMap: (name: \"m\", items: [(key: \"z\", path: \"z\")])",
                "el ConfigMap `m` no tiene la clave `z`",
            ),
            ("secret: (secretName: \"z\")", "no hay ningún Secret `z`"),
            (
                "secret: (secretName: \"s\", items: [(key: \"z\", path: \"z\")])",
                "el Secret `s` no tiene la clave `z`",
            ),
            (
                "projected: (sources: [(configMap: (name: \"m\")), (secret: (name: \"z\"))])",
                "no hay ningún Secret `z`",
            ),
        ] {
            assert_eq!(files(source).unwrap_err(), problem);
            let optional = match source.contains("projected") {
                true => source.replace("(name: \"z\")", "(name: \"z\", optional: true)"),
                false => source.replacen("Map: (", "Map: (optional: true, ", 1).replacen(
                    "ecret: (",
                    "ecret: (optional: true, ",
                    1,
                ),
            };
            let found = files(&optional).unwrap();
            assert!(found.iter().all(|line| !line.starts_with('z')), "{found:?}");
        }
    }

    #[test]
    fn un_volumen_projected_junta_varios_origenes_y_gana_el_ultimo() {
        let source = r#"projected: (defaultMode: 0o440, sources: [
            (configMap: (name: "m", items: [(key: "b", path: "mio")])),
            (secret: (name: "s", items: [(key: "clave", path: "d/clave", mode: 0o400)])),
            (downwardAPI: (items: [
                (path: "etiquetas", fieldRef: (fieldPath: "metadata.labels")),
                (path: "d/cpu", resourceFieldRef: (containerName: "c", resource: "limits.cpu")),
                (path: "mio", fieldRef: (fieldPath: "metadata.name")),
            ])),
        ])"#;
        // el mismo fichero dos veces lo rechaza la validación: aquí gana el último
        let source = source.replace("path: \"mio\", fieldRef", "path: \"nombre\", fieldRef");
        assert_eq!(
            files(&source).unwrap(),
            [
                "d/clave 0400 hunter2",
                "d/cpu 0440 2",
                "etiquetas 0440 app=\"web\"",
                "mio 0440 dos",
                "nombre 0440 p"
            ]
        );
        let clash = "projected: (sources: [(configMap: (name: \"m\")), (secret: (name: \"s\", items: [(key: \"clave\", path: \"b/x\")]))])";
        assert_eq!(
            files(clash).unwrap_err(),
            "`b/x` sería a la vez un fichero y un directorio con otro dentro"
        );
    }

    #[test]
    fn el_contenido_de_un_secret_no_sale_al_depurar() {
        let file = File { content: b"hunter2".to_vec(), mode: 0o400, secret: true };
        assert_eq!(format!("{file:?}"), "0400 \"(oculto)\"");
    }
}
