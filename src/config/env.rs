//! Las variables que declara un contenedor: `envFrom`, en orden, y encima `env`.

use super::downward::{self, Facts};
use super::{Missing, config_map, secret, secret_data};
use crate::process::{Word, expand_word};
use crate::spec::Config;
use crate::spec::types::{Container, EnvFromSource, EnvVarSource, PodSpec, ResourceFieldSelector};

/// Lo declarado, en orden; quien se repite ya está solo una vez, con el valor que gana.
pub type Declared = Vec<(String, Word)>;

// ANCHOR: declared
/// Las variables de `container`. Falla si pide algo que no hay y no es opcional.
pub fn declared(
    spec: &PodSpec,
    container: &Container,
    config: &Config,
    facts: &Facts,
) -> Result<Declared, String> {
    let mut all = Declared::new();
    for source in &container.env_from {
        for (name, value) in everything(source, config)? {
            set(&mut all, format!("{}{name}", source.prefix), value);
        }
    }
    for variable in &container.env {
        let value = match &variable.value_from {
            Some(source) => one(spec, container, source, config, facts)?,
            // solo se puede nombrar lo ya declarado: lo de después se queda como está
            None => Some(expand_word(&variable.value, |wanted| get(&all, wanted))),
        };
        if let Some(value) = value {
            set(&mut all, variable.name.clone(), value);
        }
    }
    Ok(all)
}
// ANCHOR_END: declared

/// El valor de la variable declarada `name`.
pub fn get<'a>(declared: &'a Declared, name: &str) -> Option<&'a Word> {
    declared.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

fn set(all: &mut Declared, name: String, value: Word) {
    match all.iter_mut().find(|(n, _)| *n == name) {
        Some(known) => known.1 = value,
        None => all.push((name, value)),
    }
}

/// Todas las claves de un ConfigMap o de un Secret. Ninguna, si no está y es opcional.
fn everything(source: &EnvFromSource, config: &Config) -> Result<Declared, String> {
    let mut all = Declared::new();
    if let Some(wanted) = &source.config_map_ref {
        match config_map(config, &wanted.name) {
            Ok(map) => all.extend(map.data.iter().map(|(k, v)| (k.clone(), Word::plain(v)))),
            Err(_) if wanted.optional => {}
            Err(missing) => return Err(missing.to_string()),
        }
    }
    if let Some(wanted) = &source.secret_ref {
        match secret(config, &wanted.name) {
            Ok(secret) => {
                for (key, bytes) in secret_data(secret) {
                    all.push((key.to_string(), secret_word(&wanted.name, key, bytes)?));
                }
            }
            Err(_) if wanted.optional => {}
            Err(missing) => return Err(missing.to_string()),
        }
    }
    Ok(all)
}

/// El valor de una variable con `valueFrom`; `None` si no está y es opcional.
fn one(
    spec: &PodSpec,
    container: &Container,
    source: &EnvVarSource,
    config: &Config,
    facts: &Facts,
) -> Result<Option<Word>, String> {
    if let Some(wanted) = &source.config_map_key_ref {
        let missing = || Missing::ConfigMapKey { name: wanted.name.clone(), key: wanted.key.clone() };
        let found = config_map(config, &wanted.name)
            .and_then(|map| map.data.get(&wanted.key).ok_or_else(missing))
            .map(|value| Word::plain(value));
        return unless_optional(found, wanted.optional);
    }
    if let Some(wanted) = &source.secret_key_ref {
        let missing = || Missing::SecretKey { name: wanted.name.clone(), key: wanted.key.clone() };
        let found = secret(config, &wanted.name)
            .and_then(|secret| secret_data(secret).remove(wanted.key.as_str()).ok_or_else(missing));
        return match unless_optional(found, wanted.optional)? {
            Some(bytes) => secret_word(&wanted.name, &wanted.key, bytes).map(Some),
            None => Ok(None),
        };
    }
    if let Some(wanted) = &source.field_ref {
        return Ok(downward::field(facts, &wanted.field_path).map(|value| Word::plain(&value)));
    }
    if let Some(wanted) = &source.resource_field_ref {
        let of = whose(spec, container, wanted);
        let value = downward::resource(spec, of, wanted, facts.node);
        return Ok(value.map(|value| Word::plain(&value.to_string())));
    }
    Ok(None)
}

/// De qué contenedor se pregunta un recurso: el que se nombra o, si ninguno, él mismo.
fn whose<'a>(spec: &'a PodSpec, own: &'a Container, wanted: &ResourceFieldSelector) -> &'a Container {
    let name = wanted.container_name.as_deref().unwrap_or(&own.name);
    crate::plan::all_containers(spec).find(|c| c.name == name).unwrap_or(own)
}

fn unless_optional<T>(found: Result<T, Missing>, optional: bool) -> Result<Option<T>, String> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(_) if optional => Ok(None),
        Err(missing) => Err(missing.to_string()),
    }
}

/// Una variable es un texto sin nulos; una clave de un Secret puede ser cualquier cosa.
fn secret_word(name: &str, key: &str, bytes: Vec<u8>) -> Result<Word, String> {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(Word::secret(&text)),
        Ok(_) | Err(_) => Err(format!(
            "la clave `{key}` del Secret `{name}` no es un texto, y una variable ha de serlo: móntala como fichero"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse::parse_all;

    /// Las variables del contenedor que tenga `fields`, junto a unos ConfigMaps y Secrets.
    fn variables(fields: &str) -> Result<Vec<(String, Word)>, String> {
        let text = format!(
            r#"List(items: [
                ConfigMap(metadata: (name: "m"), data: {{"A": "1", "B": "2"}}),
                ConfigMap(metadata: (name: "n"), data: {{"B": "otra", "C": "$(A)"}}),
                Secret(metadata: (name: "s"), data: {{"clave": "aG9sYQ==", "bytes": "/w=="}},
                       stringData: {{"clave2": "adiós"}}),
                Secret(metadata: (name: "t"), data: {{"x": "YQ=="}}, stringData: {{"x": "gana"}}),
                Pod(metadata: (name: "p"), spec: (containers: [(name: "c", image: "i", {fields})])),
            ])"#
        );
        let loaded = parse_all("p.ron", &text).and_then(crate::spec::Manifest::into_pod).unwrap();
        let facts = Facts { name: "p".into(), pod_ip: "10.244.0.9".into(), ..Facts::default() };
        declared(&loaded.pod.spec, &loaded.pod.spec.containers[0], &loaded.config, &facts)
    }

    fn texts(fields: &str) -> Vec<String> {
        let all = variables(fields).unwrap();
        all.into_iter().map(|(name, value)| format!("{name}={}", value.text())).collect()
    }

    #[test]
    fn de_envfrom_gana_el_ultimo_y_env_gana_a_todos() {
        let fields = r#"envFrom: [(configMapRef: (name: "m")), (prefix: "P_", configMapRef: (name: "n")),
                                  (configMapRef: (name: "n"))],
                        env: [(name: "A", value: "mía $(A) $(B) $(P_B) $(Z)"), (name: "Z", value: "z")]"#;
        assert_eq!(
            texts(fields),
            ["A=mía 1 otra otra $(Z)", "B=otra", "P_B=otra", "P_C=$(A)", "C=$(A)", "Z=z"],
            "lo que viene de un ConfigMap no se expande"
        );
    }

    #[test]
    fn valuefrom_saca_el_valor_de_cuatro_sitios() {
        let fields = r#"resources: (limits: (cpu: "1500m")), env: [
            (name: "A", valueFrom: (configMapKeyRef: (name: "m", key: "A"))),
            (name: "S", valueFrom: (secretKeyRef: (name: "s", key: "clave"))),
            (name: "T", valueFrom: (secretKeyRef: (name: "t", key: "x"))),
            (name: "IP", valueFrom: (fieldRef: (fieldPath: "status.podIP"))),
            (name: "CPU", valueFrom: (resourceFieldRef: (resource: "limits.cpu"))),
            (name: "URL", value: "http://$(IP)/?a=$(A)"),
        ]"#;
        assert_eq!(
            texts(fields),
            ["A=1", "S=hola", "T=gana", "IP=10.244.0.9", "CPU=2", "URL=http://10.244.0.9/?a=1"]
        );
    }

    #[test]
    fn lo_que_falta_es_un_fallo_salvo_que_sea_opcional() {
        for (fields, problem) in [
            (r#"envFrom: [(configMapRef: (name: "z"))]"#, "no hay ningún ConfigMap `z`"),
            (r#"envFrom: [(secretRef: (name: "z"))]"#, "no hay ningún Secret `z`"),
            (
                r#"env: [(name: "A", valueFrom: (configMapKeyRef: (name: "z", key: "k")))]"#,
                "no hay ningún ConfigMap `z`",
            ),
            (
                r#"env: [(name: "A", valueFrom: (configMapKeyRef: (name: "m", key: "k")))]"#,
                "el ConfigMap `m` no tiene la clave `k`",
            ),
            (
                r#"env: [(name: "A", valueFrom: (secretKeyRef: (name: "z", key: "k")))]"#,
                "no hay ningún Secret `z`",
            ),
            (
                r#"env: [(name: "A", valueFrom: (secretKeyRef: (name: "s", key: "k")))]"#,
                "el Secret `s` no tiene la clave `k`",
            ),
        ] {
            assert_eq!(variables(fields).unwrap_err(), problem);
            let optional = match fields.find("key:") {
                Some(_) => fields.replace("key:", "optional: true, key:"),
                None => fields.replace("name:", "optional: true, name:"),
            };
            assert_eq!(variables(&optional).unwrap(), [], "{optional}");
        }
        let binary = r#"env: [(name: "A", valueFrom: (secretKeyRef: (name: "s", key: "bytes")))]"#;
        assert!(variables(binary).unwrap_err().contains("móntala como fichero"));
    }

    #[test]
    fn lo_que_viene_de_un_secret_no_se_ensena_ni_dentro_de_otra_variable() {
        let fields = r#"envFrom: [(secretRef: (name: "s", )), ],
                        env: [(name: "A", value: "a $(clave) z"), (name: "B", value: "b")]"#
            .replace("(name: \"s\", )", "(name: \"t\")");
        let all = variables(&fields.replace("$(clave)", "$(x)")).unwrap();
        let shown: Vec<String> = all.iter().map(|(n, v)| format!("{n}={}", v.shown())).collect();
        assert_eq!(shown, ["x=(oculto)", "A=a (oculto) z", "B=b"]);
        assert!(!format!("{all:?}").contains("gana"), "ni al depurar");
    }
}
