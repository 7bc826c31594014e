//! `micropod explain`: los campos de los objetos, los códigos de error y las razones, explicados.
//!
//! La disposición es la de `kubectl explain`; el texto sale de los comentarios de los tipos, que
//! son los únicos que lo dicen.

use crate::error::Error;
use crate::spec::codes::{self, Code};
use crate::spec::objects::{KINDS, Kind};
use crate::spec::schema::Field;
use crate::spec::{kubernetes_fields, suggest};
use crate::texts::Entry;

/// Imprime la explicación de `path`: `pod.spec.containers`, `MP0101` u `OOMKilled`.
pub fn run(path: &str, recursive: bool) -> Result<(), Error> {
    print!("{}", explain(path, recursive)?);
    Ok(())
}

fn explain(path: &str, recursive: bool) -> Result<String, Error> {
    if let Some(code) = codes::find(path) {
        return Ok(explain_code(code));
    }
    if let Some(reason) = codes::find_reason(path) {
        return Ok(explain_reason(reason));
    }
    if let Ok(code) = path.parse::<u8>() {
        return Ok(super::exit_codes::explain(code));
    }
    if matches!(path.to_lowercase().as_str(), "averias" | "averías") {
        return Ok(crate::explain::faults::help());
    }
    if path.eq_ignore_ascii_case("causas") {
        return Ok(crate::explain::why::causes::list());
    }
    if let Some(cause) = crate::explain::why::causes::find(path) {
        return Ok(format!("{}: {}\n\n{}", cause.name, cause.line, wrapped(&cause.text)));
    }
    let mut names = path.split('.');
    let resource = names.next().unwrap_or_default();
    let resource = resource.to_lowercase();
    let Some(kind) = KINDS.iter().find(|k| k.aliases.contains(&resource.as_str())) else {
        return Err(not_explained(path));
    };
    let names: Vec<&str> = names.collect();
    // `pod.spec.` acaba en un punto de más: kubectl lo admite
    let names = match names.as_slice() {
        [names @ .., ""] => names,
        names => names,
    };
    explain_field(kind, names, recursive)
}

fn not_explained(what: &str) -> Error {
    let shown = crate::spec::errors::visible(what, 60);
    let known = codes::CODES
        .iter()
        .map(|c| c.code.as_str())
        .chain(codes::REASONS.iter().map(|r| r.name.as_str()))
        .chain(KINDS.iter().map(|k| k.aliases[0]));
    let hint = match suggest::nearest(what, known) {
        Some(better) => format!("¿querías decir `{better}`?"),
        None => "prueba con un campo, `pod.spec.containers`; un código, `MP0101`; o una razón, `OOMKilled`"
            .to_string(),
    };
    Error::failed(format!("no sé explicar `{shown}`")).with_hint(hint)
}

fn explain_field(object: &Kind, names: &[&str], recursive: bool) -> Result<String, Error> {
    let mut fields = (object.fields)();
    let mut kind = object.name.to_string();
    let mut found: Option<&Field> = None;
    for name in names {
        let Some(field) = fields.iter().find(|f| f.name() == *name) else {
            return Err(unknown_field(name, &kind, fields));
        };
        kind = (field.kind)().trim_start_matches("[]").to_string();
        fields = (field.fields)();
        found = Some(field);
    }
    let mut text = format!("KIND:       {}\nVERSION:    v1\n\n", object.name);
    if let Some(field) = found {
        text += &format!("FIELD: {} <{}>\n", field.name(), type_name(field));
        let values = values(field);
        if !values.is_empty() {
            text += &format!("ENUM:\n{}", values.iter().map(|v| format!("    {v}\n")).collect::<String>());
        }
        text += "\n";
    }
    let docs = match found {
        Some(field) => [field.doc(), (field.type_doc)()],
        None => [(object.doc)(), ""],
    };
    text += if found.is_some_and(|f| values(f).is_empty()) { "\nDESCRIPTION:\n" } else { "DESCRIPTION:\n" };
    for doc in docs.iter().filter(|doc| !doc.is_empty()) {
        text += &wrapped(doc);
    }
    text += "    \n";
    if !fields.is_empty() {
        text += "FIELDS:\n";
        list(&mut text, fields, 1, recursive);
    }
    Ok(text + "\n")
}

fn unknown_field(name: &str, kind: &str, fields: &[Field]) -> Error {
    let ours: Vec<String> = fields.iter().map(Field::name).collect();
    let in_kubernetes = kubernetes_fields::of(kind).is_some_and(|t| t.fields.contains(&name));
    let hint = if in_kubernetes {
        format!("`{name}` existe en Kubernetes; micropod no lo implementa")
    } else if let Some(better) = suggest::nearest(name, ours.iter().map(String::as_str)) {
        format!("¿querías decir `{better}`?")
    } else if ours.is_empty() {
        "ese campo no tiene campos dentro".to_string()
    } else {
        format!("los que hay: {}", ours.join(", "))
    };
    Error::failed(format!("field \"{}\" does not exist", crate::spec::errors::visible(name, 60)))
        .with_hint(hint)
}

/// Los campos por orden alfabético, como kubectl. Con `recursive`, todos los de dentro y sin texto.
fn list(text: &mut String, fields: &[Field], depth: usize, recursive: bool) {
    let mut fields: Vec<&Field> = fields.iter().collect();
    crate::order::sort_by_key(&mut fields, |f| f.name());
    let indent = "  ".repeat(depth);
    for field in fields {
        let required = if field.required { " -required-" } else { "" };
        *text += &format!("{indent}{}\t<{}>{required}\n", field.name(), type_name(field));
        let values = values(field);
        if !values.is_empty() {
            // kubectl enseña cuatro y puntos suspensivos; todos están en la página del campo
            let more = if values.len() > 4 { ", ...." } else { "" };
            *text += &format!("{indent}enum: {}{more}\n", values[..values.len().min(4)].join(", "));
        }
        if recursive {
            list(text, (field.fields)(), depth + 1, true);
        } else {
            *text += &wrapped(field.doc());
            *text += "\n";
        }
    }
}

/// Los valores por orden alfabético, como kubectl; la cadena vacía, entre comillas.
fn values(field: &Field) -> Vec<String> {
    let quote = |v: &&str| if v.is_empty() { "\"\"".to_string() } else { v.to_string() };
    let mut values: Vec<String> = (field.values)().iter().map(quote).collect();
    crate::order::sort(&mut values);
    values
}

/// El tipo como lo llama Kubernetes: `[]Container`, `EmptyDirVolumeSource`.
fn type_name(field: &Field) -> String {
    let kind = (field.kind)();
    let (list, element) = match kind.strip_prefix("[]") {
        Some(element) => ("[]", element),
        None => ("", kind.as_str()),
    };
    // en Kubernetes es un mapa: micropod documenta las claves que admite
    if element == "ResourceList" {
        return "map[string]Quantity".to_string();
    }
    format!("{list}{}", kubernetes_fields::of(element).map_or(element, |t| t.name))
}

/// El texto en líneas de 80 columnas, con un margen de 4.
pub fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 76 {
            lines += &format!("    {line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &format!("    {line}\n")
}

fn explain_code(code: &Code) -> String {
    let mut text = format!("{}: {}\n\n{}", code.code, code.title, wrapped(&code.text));
    let place = code.place.describe();
    if !code.wrong.is_empty() {
        text += &format!("\nMAL ({place}):\n{}", indented(&code.wrong));
    }
    if !code.right.is_empty() {
        text += &format!("\nBIEN:\n{}", indented(&code.right));
    }
    text
}

fn explain_reason(reason: &Entry) -> String {
    format!("{}\n\n{}\nQUÉ MIRAR:\n    {}\n", reason.name, wrapped(&reason.text), reason.line)
}

fn indented(example: &str) -> String {
    let visible = |c: char| if crate::spec::errors::is_hidden(c) || c == '\u{feff}' { '\u{fffd}' } else { c };
    example.lines().map(|line| format!("    {}\n", line.chars().map(visible).collect::<String>())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_disposicion_es_la_de_kubectl() {
        assert_eq!(
            explain("pod.spec.containers.livenessProbe.tcpSocket", false).unwrap(),
            "KIND:       Pod\nVERSION:    v1\n\nFIELD: tcpSocket <TCPSocketAction>\n\n\nDESCRIPTION:\n    Conectar a un \
             puerto: acierta si alguien escucha.\n    Una conexión TCP.\n    \nFIELDS:\n  host\t<string>\n    Máquina \
             a la que se conecta. La predeterminada es la IP del Pod.\n\n  port\t<IntOrString> -required-\n    Puerto: \
             un número, o el nombre de un puerto del mismo contenedor.\n\n\n"
        );
        assert_eq!(
            explain("po.spec.restartPolicy", false).unwrap(),
            "KIND:       Pod\nVERSION:    v1\n\nFIELD: restartPolicy <string>\nENUM:\n    Always\n    Never\n    \
             OnFailure\n\nDESCRIPTION:\n    Cuándo se reinicia un contenedor que acaba: Always (siempre), OnFailure \
             (si\n    falla) o Never (nunca). El valor predeterminado es Always.\n    \n\n"
        );
    }

    #[test]
    fn con_recursive_salen_todos_los_campos_sin_texto() {
        let text = explain("pods", true).unwrap();
        assert!(
            text.contains("\n  spec\t<PodSpec> -required-\n    activeDeadlineSeconds\t<integer>\n"),
            "{text}"
        );
        assert!(text.contains("\n        hostIP\t<string>\n"), "{text}");
        assert!(
            text.contains("\n    restartPolicy\t<string>\n    enum: Always, Never, OnFailure\n"),
            "{text}"
        );
        assert!(
            text.contains("\n        limits\t<map[string]Quantity>\n          cpu\t<Quantity>\n"),
            "{text}"
        );
    }

    #[test]
    fn ninguna_linea_pasa_de_80_columnas_y_todo_campo_tiene_texto() {
        fn visit(path: &str, fields: &[Field]) {
            for field in fields {
                let inner = format!("{path}.{}", field.name());
                assert!(!field.doc().is_empty(), "{inner} no tiene documentación");
                let text = explain(&inner, false).unwrap();
                for line in text.lines() {
                    assert!(line.chars().count() <= 80, "{inner}: {line}");
                }
                visit(&inner, (field.fields)());
            }
        }
        for kind in KINDS {
            visit(kind.aliases[0], (kind.fields)());
        }
        for name in
            codes::CODES.iter().map(|c| c.code.as_str()).chain(codes::REASONS.iter().map(|r| r.name.as_str()))
        {
            assert!(explain(&name.to_lowercase(), false).unwrap().starts_with(name));
        }
    }

    #[test]
    fn lo_desconocido_lleva_pista() {
        for (path, problem, hint) in [
            ("pod.spec.contenedores", "field \"contenedores\" does not exist", "`containers`"),
            ("pod.spec.affinity", "field \"affinity\" does not exist", "existe en Kubernetes"),
            ("pod.spec.containers.name.x", "field \"x\" does not exist", "no tiene campos dentro"),
            ("MP9999", "no sé explicar", "`MP01"),
            ("OOMKiled", "no sé explicar", "`OOMKilled`"),
            ("deployment", "no sé explicar", "prueba con"),
            ("", "no sé explicar", "prueba con"),
        ] {
            let error = explain(path, false).unwrap_err();
            assert_eq!(error.exit_code(), 1, "{path}");
            let text = error.to_string();
            assert!(text.contains(problem) && text.contains(hint), "{path}: {text}");
        }
    }
}
