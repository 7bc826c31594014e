//! La cara de clap, en español.

use clap::error::{ContextKind, ContextValue, ErrorFormatter, ErrorKind};
use clap::{Arg, ArgAction, Command};

const TEMPLATE: &str = "{about-with-newline}\nUso: {usage}\n\n{all-args}{after-help}";

const EXIT_CODES: &str = "Códigos de salida:\n  0 bien · 1 falló, no existe o no llegó a tiempo · 2 uso incorrecto u objeto no válido\n  En run y exec: el del contenedor; 125 no se pudo preparar · 126 no se puede ejecutar ·\n  127 no existe · 128+n lo mató la señal n\n\nPara empezar:\n  micropod doctor                        ¿sirve esta máquina?\n  sudo micropod run nginx-php.ron -d     levantar un Pod\n  sudo micropod get pods                 ver los Pods\n  sudo micropod logs nginx-php -c nginx  leer sus logs\n  sudo micropod delete pod nginx-php     borrarlo\n";

fn verb(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .help_template(TEMPLATE)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .next_help_heading("Opciones")
        .arg(Arg::new("ayuda").short('h').long("help").action(ArgAction::Help).help("Imprime esta ayuda"))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).num_args(1).help(help)
}

fn operand(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name(name).help(help).help_heading("Argumentos")
}

/// Toda la línea de comandos.
pub fn command() -> Command {
    verb("micropod", "Un Pod de Kubernetes de verdad en un solo ordenador, explicado paso a paso.")
        .subcommand_help_heading("Comandos")
        .subcommand_value_name("COMANDO")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(EXIT_CODES)
        .arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(ArgAction::Version)
                .help("Imprime la versión"),
        )
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(run_verbs())
        .subcommands(look_verbs())
        .subcommands(explain_verbs())
        .subcommands(house_verbs())
}

fn run_verbs() -> Vec<Command> {
    let wait =
        option("wait", "CONDICIÓN", "Con -d: esperar a que se cumpla (condition=Ready si no se dice otra)")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("condition=Ready")
            .hide_default_value(true);
    vec![
        verb("run", "Levanta el Pod que describe un fichero y lo acompaña hasta que acaba")
            .arg(operand("FICHERO", "Fichero del Pod en RON; - es la entrada estándar").required(true))
            .arg(flag("detach", "Dejarlo en segundo plano").short('d'))
            .arg(wait)
            .arg(option("timeout", "PLAZO", "Con --wait: cuánto esperar (30s, 2m). Si no se dice: 60s"))
            .arg(flag("rm", "Borrar su ficha y sus logs cuando acabe"))
            .arg(flag("narra", "Contar cada orden que se da al kernel").conflicts_with("detach"))
            .arg(
                flag("paso-a-paso", "Contar cada orden y esperar Intro antes de darla")
                    .conflicts_with("detach"),
            )
            .arg(flag("dry-run", "Contar lo que se haría, sin hacer nada ni ser root"))
            .arg(option(
                "acelera",
                "N",
                "Dividir entre N las esperas entre reinicios (1 a 1000), para clase. Gana a la anotación",
            )),
        verb("exec", "Ejecuta un comando dentro de un contenedor")
            .arg(operand("POD", "Nombre del Pod").required(true))
            .arg(container())
            .arg(flag("stdin", "Pasarle lo que se teclee").short('i'))
            .arg(flag("tty", "Darle una terminal").short('t'))
            .arg(operand("COMANDO", "El comando, detrás de --").required(true).last(true).num_args(1..)),
        verb("delete", "Borra Pods: los para y olvida su ficha y sus logs")
            .arg(operand("POD", "«pod NOMBRE…» o «pod/NOMBRE»").required(true).num_args(1..))
            .arg(option("grace-period", "SEGUNDOS", "Plazo para acabar por las buenas, en vez del suyo"))
            .arg(flag("now", "Como --grace-period=1"))
            .arg(flag("force", "Matarlo ya"))
            .arg(flag("ignore-not-found", "Que no exista no es un fallo")),
    ]
}

fn container() -> Arg {
    Arg::new("container")
        .short('c')
        .long("container")
        .value_name("CONTENEDOR")
        .num_args(1)
        .help("El contenedor")
}

fn look_verbs() -> Vec<Command> {
    vec![
        verb("get", "Enseña los Pods en una tabla")
            .arg(operand("POD", "«pods», «pod NOMBRE…» o «pod/NOMBRE»").required(true).num_args(1..))
            .arg(
                option("output", "FORMATO", "wide, name o json")
                    .short('o')
                    .value_parser(["wide", "name", "json"])
                    .hide_possible_values(true),
            )
            .arg(flag("watch", "Seguir mirando y enseñar cada cambio").short('w'))
            .arg(flag("no-headers", "Sin la línea de cabeceras")),
        verb("describe", "Enseña todo lo que se sabe de un Pod")
            .arg(operand("POD", "«pod NOMBRE» o «pod/NOMBRE»").required(true).num_args(1..)),
        verb("logs", "Enseña lo que ha escrito un contenedor")
            .arg(operand("POD", "Nombre del Pod").required(true))
            .arg(operand("CONTENEDOR", "El contenedor"))
            .arg(container())
            .arg(flag("follow", "Seguir leyendo").short('f'))
            .arg(flag("previous", "Los de su vida anterior").short('p'))
            .arg(option("tail", "N", "Solo las N últimas líneas"))
            .arg(option("since", "PLAZO", "Solo las de este plazo: 30s, 5m, 1h"))
            .arg(flag("timestamps", "Con la hora de cada línea")),
        verb("wait", "Espera a que se cumpla una condición")
            .arg(operand("POD", "«pod NOMBRE» o «pod/NOMBRE»").required(true).num_args(1..))
            .arg(
                option("for", "CONDICIÓN", "condition=Ready, delete o jsonpath={.status.phase}=Running")
                    .required(true),
            )
            .arg(option("timeout", "PLAZO", "Cuánto esperar: 30s, 2m. Si no se dice: 30s")),
    ]
}

fn explain_verbs() -> Vec<Command> {
    let pod = || operand("POD", "Nombre del Pod").required(true);
    vec![
        verb("explain", "Explica un campo, un código de error o una razón")
            .arg(operand("CAMPO", "pod.spec.containers.livenessProbe, MP0101 u OOMKilled").required(true))
            .arg(flag("recursive", "También todos los campos de dentro")),
        verb("guion", "Imprime un guion de shell que hace el mismo Pod sin micropod")
            .arg(operand("FICHERO", "Fichero del Pod en RON").required(true)),
        verb("dibuja", "Dibuja un Pod en marcha, mirando al kernel").arg(pod()).arg(option(
            "svg",
            "FICHERO",
            "Escribir el dibujo en SVG en vez de en la terminal",
        )),
        verb("demuestra", "Demuestra o refuta, mirando al kernel, lo que se dice de un Pod").arg(pod()),
    ]
}

fn house_verbs() -> Vec<Command> {
    let image = verb("image", "Imágenes: de dónde sale la raíz de los contenedores")
        .subcommand_help_heading("Comandos")
        .subcommand_value_name("COMANDO")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            verb("build", "Construye una imagen con paquetes de Debian")
                .arg(operand("RECETA", "Fichero de la receta en RON").required(true))
                .arg(option("name", "NOMBRE", "Nombre de la imagen, en vez del de la receta")),
        )
        .subcommand(
            verb("import", "Importa un tar, un `docker save` o una imagen OCI")
                .arg(operand("NOMBRE", "Nombre de la imagen").required(true))
                .arg(operand("FICHERO", "Fichero (o directorio OCI)").required(true)),
        )
        .subcommand(verb("ls", "Enseña las imágenes que hay").arg(flag("name", "Solo los nombres")))
        .subcommand(
            verb("rm", "Borra imágenes")
                .arg(operand("NOMBRE", "Nombre de la imagen").required(true).num_args(1..)),
        );
    let shells = operand("SHELL", "bash, zsh, fish o elvish").required(true);
    vec![
        image,
        verb("gc", "Recoge lo que dejaron los Pods acabados o caídos"),
        verb("doctor", "Comprueba si esta máquina sirve, y qué le falta"),
        verb("completion", "Imprime el autocompletado de una shell").arg(shells),
    ]
}

/// Los errores de uso, en español.
pub struct Spanish;

impl ErrorFormatter for Spanish {
    fn format_error(error: &clap::error::Error<Self>) -> clap::builder::StyledStr {
        let get = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(all)) => all.join(", "),
            _ => String::new(),
        };
        let (arg, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
        let mut text = match error.kind() {
            ErrorKind::InvalidSubcommand => {
                format!("error: no existe el comando «{}»", get(ContextKind::InvalidSubcommand))
            }
            ErrorKind::UnknownArgument => format!("error: opción o argumento desconocido: «{arg}»"),
            ErrorKind::MissingRequiredArgument => format!("error: falta {arg}"),
            ErrorKind::MissingSubcommand => "error: falta el comando".to_string(),
            ErrorKind::InvalidValue if value.is_empty() => format!("error: a «{arg}» le falta un valor"),
            ErrorKind::InvalidValue => format!(
                "error: «{value}» no vale para «{arg}»\n  valores posibles: {}",
                get(ContextKind::ValidValue)
            ),
            ErrorKind::NoEquals => format!("error: «{arg}» se escribe con =: {arg}=VALOR"),
            ErrorKind::ArgumentConflict => {
                format!("error: «{arg}» no se puede usar con «{}»", get(ContextKind::PriorArg))
            }
            ErrorKind::TooManyValues => format!("error: sobra «{value}» en «{arg}»"),
            _ => "error: no se entiende la línea de comandos".to_string(),
        };
        let similar =
            [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
        if let Some(near) = similar.into_iter().map(get).find(|s| !s.is_empty()) {
            text.push_str(&format!("\n\n  pista: quizá querías decir «{near}»"));
        } else if let Some(known) = translate(&get(ContextKind::InvalidSubcommand)) {
            text.push_str(&format!("\n\n  pista: aquí es `micropod {known}`"));
        }
        text.push_str("\n\nMás ayuda: micropod --help\n");
        text.into()
    }
}

/// De los verbos de otras herramientas a los nuestros.
fn translate(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "ps" | "ls" | "list" => "get pods",
        "stop" | "kill" | "rm" | "down" => "delete pod NOMBRE",
        "inspect" => "describe pod NOMBRE",
        "apply" | "create" | "start" | "up" | "play" => "run FICHERO",
        "images" => "image ls",
        "load" | "pull" => "image import NOMBRE FICHERO",
        "attach" => "logs -f NOMBRE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(command: &Command) -> Vec<Command> {
        let mut found = vec![command.clone()];
        for sub in command.get_subcommands() {
            found.extend(all(sub));
        }
        found
    }

    #[test]
    fn ninguna_ayuda_deja_restos_de_ingles() {
        for mut verb in all(&command()) {
            let help = verb.render_long_help().to_string();
            for word in ["Usage:", "Options:", "Commands:", "Arguments:", "Print ", "[default", "[possible"] {
                assert!(!help.contains(word), "{}: «{word}» en\n{help}", verb.get_name());
            }
        }
    }

    #[test]
    fn los_errores_de_uso_hablan_espanol_y_proponen() {
        let message = |words: &[&str]| {
            let error = command().try_get_matches_from(words).unwrap_err();
            error.apply::<Spanish>().to_string()
        };
        assert!(message(&["micropod", "gett"]).contains("quizá querías decir «get»"));
        assert!(message(&["micropod", "ps"]).contains("micropod get pods"));
        assert!(message(&["micropod", "run", "x", "--detac"]).contains("«--detach»"));
        assert!(message(&["micropod", "run"]).contains("falta <FICHERO>"));
        assert!(message(&["micropod", "get", "pods", "-o", "xml"]).contains("wide, name, json"));
    }
}
