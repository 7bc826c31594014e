//! Contenedores: nombres, imagen, programa, entorno y terminal.

use super::{Checks, containers, names};
use crate::spec::errors::visible;
use crate::spec::types::{Container, Pod};

/// Argumentos y entorno juntos. El kernel admite la cuarta parte de la pila (2 MiB de 8); el resto
/// queda para lo que añade la imagen.
pub const MAX_ARGS: usize = 1 << 20;
/// MAX_ARG_STRLEN: lo que puede ocupar un solo argumento o variable.
const MAX_ARG: usize = 128 << 10;

pub fn check(checks: &mut Checks, pod: &Pod) {
    let mut seen: Vec<(&str, String)> = Vec::new();
    for (path, _, container) in containers(pod) {
        let name = container.name.as_str();
        names::dns_label(checks, &format!("{path}.name"), "el nombre de contenedor", name);
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, other)) => {
                let problem = format!("el nombre `{}` ya lo tiene `{other}`", visible(name, 63));
                let hint = "cada contenedor del Pod lleva un nombre distinto, también los de inicialización";
                checks.add("MP0131", format!("{path}.name"), problem, hint);
            }
            None => seen.push((name, path.clone())),
        }
        names::image(checks, &format!("{path}.image"), &container.image);
        program(checks, &path, container);
        environment(checks, &path, container);
        size(checks, &path, container);
    }
}

fn program(checks: &mut Checks, path: &str, container: &Container) {
    if container.command.first().is_some_and(String::is_empty) {
        let hint =
            "pon el programa, por ejemplo `command: [\"sh\"]`, o quita `command` para usar el de la imagen";
        checks.add("MP0163", format!("{path}.command[0]"), "el programa está vacío", hint);
    }
    if let Some(dir) = container.working_dir.as_deref().filter(|dir| !dir.is_empty() && !dir.starts_with('/'))
    {
        let shown = visible(dir, 80);
        let hint = format!("debe ser absoluto: ¿querías decir `/{}`?", shown.trim_start_matches("./"));
        checks.add(
            "MP0163",
            format!("{path}.workingDir"),
            format!("el directorio de trabajo `{shown}` es relativo"),
            hint,
        );
    }
    if container.tty && !container.stdin {
        let hint = "añade `stdin: true`, o quita `tty`";
        checks.add("MP0153", format!("{path}.tty"), "una terminal necesita la entrada estándar", hint);
    }
}

fn environment(checks: &mut Checks, path: &str, container: &Container) {
    for (i, variable) in container.env.iter().enumerate() {
        let path = format!("{path}.env[{i}].name");
        names::env_name(checks, &path, &variable.name);
        if container.env[..i].iter().any(|v| v.name == variable.name) {
            let problem = format!("la variable `{}` está repetida", visible(&variable.name, 63));
            checks.add("MP0131", path, problem, "deja una sola: Kubernetes usaría la última");
        }
    }
}

/// Lo que execve(2) no admitiría se dice ahora, con su nombre, y no como «E2BIG».
fn size(checks: &mut Checks, path: &str, container: &Container) {
    let lists = [("command", &container.command), ("args", &container.args)];
    let mut total = 0;
    for (name, list) in lists {
        for (i, argument) in list.iter().enumerate() {
            if argument.len() >= MAX_ARG {
                let problem = format!(
                    "este argumento ocupa {} bytes, y el kernel admite {}",
                    argument.len(),
                    MAX_ARG - 1
                );
                checks.add("MP0161", format!("{path}.{name}[{i}]"), problem, "ponlo en un fichero y móntalo");
            }
            // el texto, su nulo final y su puntero
            total += argument.len() + 1 + size_of::<usize>();
        }
    }
    for (i, variable) in container.env.iter().enumerate() {
        let bytes = variable.name.len() + 1 + variable.value.len();
        if bytes >= MAX_ARG {
            let problem = format!("esta variable ocupa {bytes} bytes, y el kernel admite {}", MAX_ARG - 1);
            checks.add("MP0161", format!("{path}.env[{i}]"), problem, "ponla en un fichero y móntalo");
        }
        total += bytes + 1 + size_of::<usize>();
    }
    if total > MAX_ARGS {
        let problem = format!("los argumentos y el entorno ocupan {total} bytes, y el máximo es {MAX_ARGS}");
        checks.add("MP0161", path, problem, "ponlos en un fichero y móntalo con un volumen");
    }
}
