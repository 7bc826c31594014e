//! «¿Querías decir…?»: del nombre que se escribió al que hay.

/// Lo que escribe quien piensa en español, o viene de otra herramienta, y cómo se llama aquí.
const ALIASES: &[(&str, &[&str])] = &[
    ("nombre", &["name"]),
    ("imagen", &["image"]),
    ("contenedores", &["containers"]),
    ("contenedor", &["containers"]),
    ("volumenes", &["volumes", "volumeMounts"]),
    ("montajes", &["volumeMounts"]),
    ("mounts", &["volumeMounts"]),
    ("puertos", &["ports"]),
    ("puerto", &["port", "containerPort"]),
    ("comando", &["command"]),
    ("orden", &["command"]),
    ("cmd", &["command"]),
    ("entrypoint", &["command"]),
    ("argumentos", &["args"]),
    ("entorno", &["env"]),
    ("variables", &["env"]),
    ("environment", &["env"]),
    ("etiquetas", &["labels"]),
    ("anotaciones", &["annotations"]),
    ("metadatos", &["metadata"]),
    ("especificacion", &["spec"]),
    ("recursos", &["resources"]),
    ("limites", &["limits"]),
    ("solicitudes", &["requests"]),
    ("peticiones", &["requests"]),
    ("memoria", &["memory", "Memory"]),
    ("mem", &["memory"]),
    ("cpus", &["cpu"]),
    ("procesos", &["pids"]),
    ("ruta", &["path", "mountPath"]),
    ("valor", &["value"]),
    ("protocolo", &["protocol"]),
    ("tipo", &["type"]),
    ("soloLectura", &["readOnly"]),
    ("usuario", &["runAsUser"]),
    ("user", &["runAsUser"]),
    ("grupo", &["runAsGroup"]),
    ("privilegiado", &["privileged"]),
    ("capacidades", &["capabilities"]),
    ("directorio", &["workingDir", "Directory"]),
    ("workdir", &["workingDir"]),
    ("tamaño", &["sizeLimit"]),
    ("size", &["sizeLimit"]),
    ("reinicio", &["restartPolicy"]),
    ("politicaDeReinicio", &["restartPolicy"]),
    ("restart", &["restartPolicy"]),
    ("liveness", &["livenessProbe"]),
    ("readiness", &["readinessProbe"]),
    ("startup", &["startupProbe"]),
    ("sondaDeVida", &["livenessProbe"]),
    ("sondaDePreparacion", &["readinessProbe"]),
    ("sondaDeInicio", &["startupProbe"]),
    ("periodo", &["periodSeconds"]),
    ("intervalo", &["periodSeconds"]),
    ("interval", &["periodSeconds"]),
    ("timeout", &["timeoutSeconds"]),
    ("siempre", &["Always"]),
    ("unlessStopped", &["Always"]),
    ("nunca", &["Never"]),
    ("no", &["Never", "false"]),
    ("alFallar", &["OnFailure"]),
    ("siFalla", &["OnFailure"]),
    ("fichero", &["File"]),
    ("archivo", &["File"]),
    ("si", &["true"]),
    ("yes", &["true"]),
    ("on", &["true"]),
    ("verdadero", &["true"]),
    ("off", &["false"]),
    ("falso", &["false"]),
    ("ninguno", &["Unconfined"]),
];

/// El candidato que se quiso escribir, si alguno se parece.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    same(found, &candidates).or_else(|| similar(found, &candidates))
}

/// El candidato que se llama igual: en español, en otra herramienta o con otras mayúsculas y guiones.
pub fn same<'a>(found: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = normal(found);
    let aliases =
        ALIASES.iter().find(|(alias, _)| normal(alias) == plain).map_or(&[][..], |(_, names)| names);
    let by_alias = candidates.iter().find(|c| aliases.contains(c));
    by_alias.or_else(|| candidates.iter().find(|c| normal(c) == plain)).copied()
}

/// El candidato más parecido: una errata por cada tres letras, como mucho.
fn similar<'a>(found: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = normal(found);
    // comparar es cuadrático en la longitud: un nombre larguísimo no se parece a ninguno
    if plain.len() > 80 {
        return None;
    }
    let (distance, nearest) = candidates
        .iter()
        .map(|c| (strsim::damerau_levenshtein(&plain, &normal(c)), *c))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= (plain.chars().count() / 3).max(1) && distance < nearest.len()).then_some(nearest)
}

/// Sin mayúsculas, guiones ni tildes: `restart_policy` y `restartPolicy` son lo mismo.
fn normal(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ' | '.'));
    letters
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' => 'u',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_adivina_lo_parecido_y_lo_dicho_en_espanol() {
        let fields = ["name", "image", "containers", "restartPolicy", "volumeMounts", "env"];
        for (found, expected) in [
            ("imagen", Some("image")),
            ("imgae", Some("image")),
            ("Imagen", Some("image")),
            ("nombre", Some("name")),
            ("contenedores", Some("containers")),
            ("container", Some("containers")),
            ("restart_policy", Some("restartPolicy")),
            ("restart-policy", Some("restartPolicy")),
            ("RestartPolicy", Some("restartPolicy")),
            ("volumemounts", Some("volumeMounts")),
            ("mounts", Some("volumeMounts")),
            ("x", None),
            ("", None),
            ("completamenteOtraCosa", None),
        ] {
            assert_eq!(nearest(found, fields), expected, "{found}");
        }
        assert_eq!(nearest("Siempre", ["Always", "OnFailure", "Never"]), Some("Always"));
        assert_eq!(nearest("Nunca", ["Always", "OnFailure", "Never"]), Some("Never"));
        assert_eq!(nearest("sí", ["true", "false"]), Some("true"));
    }
}
