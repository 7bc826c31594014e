//! Nombres: qué caracteres admite cada uno, y el que se propone cuando no vale.

use super::Checks;
use crate::spec::errors::visible;
use crate::spec::types::ObjectMeta;

/// Longitud de una etiqueta de DNS y de un nombre completo.
const LABEL: usize = 63;
const SUBDOMAIN: usize = 253;
/// Lo que pueden ocupar todas las anotaciones juntas.
const MAX_ANNOTATIONS: usize = 256 << 10;

pub fn metadata(checks: &mut Checks, metadata: &ObjectMeta, what: &str) {
    if let Some(fault) = subdomain_fault(&metadata.name) {
        bad_name(checks, "metadata.name", what, &metadata.name, &fault, SUBDOMAIN);
    }
    if let Some(namespace) = &metadata.namespace {
        dns_label(checks, "metadata.namespace", "el espacio de nombres", namespace);
    }
    for (key, value) in &metadata.labels {
        let path = format!("metadata.labels[\"{key}\"]");
        metadata_key(checks, &path, "la etiqueta", key);
        if let Some(fault) = label_value_fault(value) {
            let problem = format!("el valor `{}` de la etiqueta no vale: {fault}", visible(value, 80));
            checks.add(
                "MP0160",
                &path,
                problem,
                "letras, cifras, `-`, `_` y `.`; empieza y acaba por letra o cifra",
            );
        }
    }
    let mut total = 0;
    for (key, value) in &metadata.annotations {
        metadata_key(checks, &format!("metadata.annotations[\"{key}\"]"), "la anotación", key);
        total += key.len() + value.len();
    }
    if total > MAX_ANNOTATIONS {
        let problem = format!("las anotaciones ocupan {total} bytes, y el máximo es {MAX_ANNOTATIONS}");
        checks.add("MP0160", "metadata.annotations", problem, "guarda los datos grandes en un fichero");
    }
}

/// El nombre de un objeto al que se hace referencia.
pub fn object(checks: &mut Checks, path: &str, what: &str, name: &str) {
    if let Some(fault) = subdomain_fault(name) {
        bad_name(checks, path, what, name, &fault, SUBDOMAIN);
    }
}

/// `app`, o `ejemplo.es/app`: prefijo de DNS opcional y nombre.
fn metadata_key(checks: &mut Checks, path: &str, what: &str, key: &str) {
    let before = checks.broken.len();
    qualified(checks, path, &format!(" de {what}"), key);
    if checks.broken.len() > before {
        checks.on_key();
    }
}

/// Una clave así, venga de donde venga; `owner` se añade al mensaje.
pub fn qualified(checks: &mut Checks, path: &str, owner: &str, key: &str) {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let fault = match prefix.and_then(subdomain_fault) {
        Some(fault) => Some(format!("su prefijo {fault}")),
        None if name.is_empty() => Some("le falta el nombre".to_string()),
        None => label_value_fault(name),
    };
    if let Some(fault) = fault {
        let problem = format!("la clave `{}`{owner} no vale: {fault}", visible(key, 80));
        let hint = "es `nombre` o `dominio/nombre`, con letras, cifras, `-`, `_` y `.` en el nombre";
        checks.add("MP0160", path, problem, hint);
    }
}

fn label_value_fault(value: &str) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.chars().count() > LABEL {
        Some(format!("tiene {} caracteres y el máximo es {LABEL}", value.chars().count()))
    } else if let Some(c) = value.chars().find(|&c| !allowed(c)) {
        Some(format!("lleva {}", show(c)))
    } else {
        ends(value)
    }
}

/// Contenedores, volúmenes y máquinas: minúsculas, cifras y guiones; 63 caracteres.
pub fn dns_label(checks: &mut Checks, path: &str, what: &str, name: &str) {
    if let Some(fault) = label_fault(name) {
        bad_name(checks, path, what, name, &fault, LABEL);
    }
}

fn bad_name(checks: &mut Checks, path: &str, what: &str, name: &str, fault: &str, max: usize) {
    let proposal = propose(name, max);
    let rule = if max == LABEL {
        "letras minúsculas, cifras y guiones"
    } else {
        "letras minúsculas, cifras, guiones y puntos"
    };
    let hint = match proposal {
        Some(better) => format!("¿querías decir `{better}`?"),
        None => format!("usa {rule}; empieza y acaba por letra o cifra"),
    };
    checks.add("MP0130", path, format!("{what} `{}` no vale: {fault}", visible(name, 80)), hint);
}

fn label_fault(name: &str) -> Option<String> {
    too_long(name, LABEL).or_else(|| bad_character(name, false)).or_else(|| ends(name))
}

fn subdomain_fault(name: &str) -> Option<String> {
    let inside = || {
        name.split('.')
            .find_map(|part| if part.is_empty() { Some("tiene un punto de más".into()) } else { ends(part) })
    };
    too_long(name, SUBDOMAIN).or_else(|| bad_character(name, true)).or_else(inside)
}

fn too_long(name: &str, max: usize) -> Option<String> {
    match name.chars().count() {
        0 => Some("está vacío".to_string()),
        n if n > max => Some(format!("tiene {n} caracteres y el máximo es {max}")),
        _ => None,
    }
}

fn bad_character(name: &str, dots: bool) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || dots && c == '.';
    let c = name.chars().find(|&c| !allowed(c))?;
    Some(match c {
        '_' => "los guiones bajos (`_`) no están permitidos".to_string(),
        c if c.is_uppercase() => "lleva mayúsculas".to_string(),
        c => format!("lleva {}", show(c)),
    })
}

fn show(c: char) -> String {
    if c.is_whitespace() { "espacios".to_string() } else { format!("`{}`", visible(&c.to_string(), 1)) }
}

fn ends(name: &str) -> Option<String> {
    let fine = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let both = fine(name.chars().next()) && fine(name.chars().next_back());
    (!both).then(|| "debe empezar y acabar por letra o cifra".to_string())
}

/// Un nombre que sí vale y se parece: `Pod_Multicontenedor` → `pod-multicontenedor`.
fn propose(name: &str, max: usize) -> Option<String> {
    let mut better = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match plain(c) {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => better.push(c),
            '.' if max == SUBDOMAIN => better.push('.'),
            _ if better.ends_with('-') => {}
            _ => better.push('-'),
        }
    }
    better.truncate(max);
    let better = better.trim_matches(['-', '.']);
    let fault = if max == LABEL { label_fault(better) } else { subdomain_fault(better) };
    fault.is_none().then(|| better.to_string())
}

/// Sin tilde: á → a, ñ → n.
fn plain(c: char) -> char {
    match c {
        'á' | 'à' | 'ä' | 'â' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        c => c,
    }
}

/// El nombre de una variable de entorno. `=` la partiría en dos, y una shell no ve las que empiezan por cifra.
pub fn env_name(checks: &mut Checks, path: &str, name: &str) {
    let fault = if name.is_empty() {
        "está vacío".to_string()
    } else if let Some(c) =
        name.chars().find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
    {
        format!("lleva {}", show(c))
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        "empieza por una cifra".to_string()
    } else {
        return;
    };
    let problem = format!("el nombre de variable `{}` no vale: {fault}", visible(name, 80));
    checks.add(
        "MP0137",
        path,
        problem,
        "letras, cifras, `_`, `-` y `.`, sin empezar por cifra: `PUERTO_WEB`",
    );
}

/// El nombre de un puerto, como los de IANA: 15 caracteres, alguna letra, guiones sueltos.
pub fn port_name_fault(name: &str) -> Option<String> {
    too_long(name, 15)
        .or_else(|| bad_character(name, false))
        .or_else(|| ends(name))
        .or_else(|| name.contains("--").then(|| "lleva dos guiones seguidos".to_string()))
        .or_else(|| {
            (!name.contains(|c: char| c.is_ascii_lowercase())).then(|| "no lleva ninguna letra".to_string())
        })
}

/// El nombre de una imagen acaba siendo un directorio del almacén: nada de rutas.
pub fn image(checks: &mut Checks, path: &str, image: &str) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@');
    let fault = if image.is_empty() {
        "está vacío".to_string()
    } else if image.chars().count() > 255 {
        format!("tiene {} caracteres y el máximo es 255", image.chars().count())
    } else if let Some(c) = image.chars().find(|&c| !allowed(c)) {
        format!("lleva {}", show(c))
    } else if image.split('/').any(|part| !part.starts_with(|c: char| c.is_ascii_alphanumeric())) {
        "cada parte debe empezar por letra o cifra".to_string()
    } else {
        return;
    };
    let problem = format!("el nombre de imagen `{}` no vale: {fault}", visible(image, 80));
    checks.add(
        "MP0162",
        path,
        problem,
        "por ejemplo, `nginx` o `nginx:1.27`; `micropod image ls` enseña las que hay",
    );
}
