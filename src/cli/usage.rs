//! Lo que se dice de la línea de comandos: la ayuda y los errores de uso, en español.

use super::args;
use crate::error::{Error, exit};
use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorFormatter, ErrorKind};
use std::ffi::OsString;
use std::io::Write;

/// Entiende la línea de comandos; si es ayuda o un error, lo imprime.
pub fn matches(line: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, Error> {
    let line: Vec<OsString> = line.into_iter().collect();
    args::command_for(line.get(1)).try_get_matches_from(line).map_err(|error| {
        let wrong = error.use_stderr();
        let text = said(error);
        // si nadie lee la ayuda, no hay a quién decírselo
        let _ = match wrong {
            true => anstream::stderr().write_all(text.as_bytes()),
            false => anstream::stdout().write_all(text.as_bytes()),
        };
        Error::Exit(if wrong { exit::USAGE } else { exit::OK })
    })
}

/// El texto de un error de clap (o de la ayuda, que para clap es otro error).
fn said(error: clap::Error) -> String {
    let text = error.apply::<Spanish>().render().ansi().to_string();
    // la única palabra que clap no deja cambiar
    text.replace("[OPTIONS]", "[OPCIONES]")
}

/// Los errores de uso, en español.
pub struct Spanish;

impl ErrorFormatter for Spanish {
    fn format_error(error: &clap::error::Error<Self>) -> clap::builder::StyledStr {
        let get = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => text.clone(),
            Some(ContextValue::Strings(all)) => all.join(", "),
            Some(ContextValue::StyledStr(text)) => text.to_string(),
            _ => String::new(),
        };
        let usage = get(ContextKind::Usage).replacen("Usage:", "", 1);
        let verb: Vec<&str> =
            usage.split_whitespace().take_while(|w| !w.starts_with(['[', '<', '-'])).collect();
        let verb = if verb.is_empty() { "micropod".to_string() } else { verb.join(" ") };
        let mut text = format!("error: {}\n", problem(error.kind(), &get));
        if let Some(hint) = hint(&verb, &get) {
            text.push_str(&format!("  pista: {hint}\n"));
        }
        if !usage.is_empty() {
            text.push_str(&format!("\nUso: {}\n", usage.trim()));
        }
        text.push_str(&format!("Más ayuda: {verb} --help\n"));
        text.into()
    }
}

fn problem(kind: ErrorKind, get: &dyn Fn(ContextKind) -> String) -> String {
    let (arg, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let (prior, known) = (get(ContextKind::PriorArg), get(ContextKind::ValidValue));
    let known = if known.is_empty() { known } else { format!("; puede ser: {known}") };
    match kind {
        ErrorKind::InvalidSubcommand => {
            format!("no existe el comando «{}»", get(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => "falta el comando".into(),
        ErrorKind::UnknownArgument if arg.starts_with('-') && arg.len() > 1 => {
            format!("no existe la opción «{arg}»")
        }
        ErrorKind::UnknownArgument => format!("sobra «{arg}»"),
        ErrorKind::MissingRequiredArgument => format!("falta {arg}"),
        ErrorKind::InvalidValue if value.is_empty() => format!("a «{arg}» le falta un valor{known}"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("«{value}» no vale para «{arg}»{known}")
        }
        ErrorKind::NoEquals => format!("el valor de «{arg}» se escribe pegado, con ="),
        ErrorKind::ArgumentConflict if arg == prior => format!("«{arg}» está dos veces"),
        ErrorKind::ArgumentConflict => format!("«{arg}» no se puede usar con «{prior}»"),
        ErrorKind::TooManyValues => format!("«{arg}» no lleva valor, y sobra «{value}»"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("a «{arg}» le faltan valores"),
        ErrorKind::InvalidUtf8 => "uno de los argumentos no es texto: no está en UTF-8".into(),
        _ => "no se entiende la línea de comandos".into(),
    }
}

fn hint(verb: &str, get: &dyn Fn(ContextKind) -> String) -> Option<String> {
    let similar = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(near) = similar.into_iter().map(get).find(|s| !s.is_empty()) {
        return Some(format!("¿querías decir «{near}»?"));
    }
    let (wrong, extra) = (get(ContextKind::InvalidSubcommand), get(ContextKind::InvalidArg));
    if let Some(known) = translate(&wrong) {
        return Some(format!("aquí es `micropod {known}`"));
    }
    match verb {
        "micropod exec" if !extra.is_empty() && !extra.starts_with('<') => {
            Some(format!("el comando va detrás de --, con sus opciones: {verb} POD -- COMANDO"))
        }
        "micropod run" if ["condition=", "jsonpath="].iter().any(|start| extra.starts_with(start)) => {
            Some(format!("el valor de --wait va pegado: --wait={extra}"))
        }
        _ => None,
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
        "help" => "--help",
        "version" => "--version",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    fn message(words: &[&str]) -> String {
        let line = std::iter::once("micropod").chain(words.iter().copied());
        let error = args::command().try_get_matches_from(line).expect_err("esa línea está bien");
        anstream::adapter::strip_str(&said(error)).to_string()
    }

    /// Los verbos de `command`, uno a uno, como se teclean.
    fn verbs(command: &Command, path: &[String]) -> Vec<Vec<String>> {
        let mut all = vec![path.to_vec()];
        for sub in command.get_subcommands() {
            all.extend(verbs(sub, &[path, &[sub.get_name().to_string()]].concat()));
        }
        all
    }

    const ENGLISH: [&str; 22] = [
        "OPTIONS",
        "COMMAND",
        "Usage",
        "Options",
        "Commands",
        "Arguments",
        "Print ",
        "default",
        "possible",
        "aliases",
        "help for",
        "error: the",
        "unexpected",
        "required",
        "provided",
        "invalid",
        "value",
        "For more",
        "tip:",
        "similar",
        "cannot",
        "found",
    ];

    fn assert_spanish(said: &str, words: &[&str]) {
        // los nombres de las opciones son los de kubectl
        let prose: Vec<&str> = said.split(' ').filter(|word| !word.starts_with("--")).collect();
        let prose = prose.join(" ");
        for english in ENGLISH {
            assert!(!prose.contains(english), "«{english}» en micropod {}:\n{said}", words.join(" "));
        }
    }

    #[test]
    fn un_verbo_dice_lo_mismo_solo_que_con_los_demas() {
        for (name, _) in args::verbs() {
            for extra in ["--help", "--nada", "de=más"] {
                let line = ["micropod", name, extra];
                let alone = args::command_for(Some(&name.into()));
                assert_eq!(alone.get_subcommands().count(), 1);
                let read = |command: Command| match command.try_get_matches_from(line) {
                    Ok(read) => format!("{:?}", read.subcommand()),
                    Err(error) => said(error),
                };
                assert_eq!(read(alone), read(args::command()), "micropod {name} {extra}");
            }
        }
    }

    #[test]
    fn ninguna_ayuda_deja_restos_de_ingles() {
        let all = verbs(&args::command(), &[]);
        assert!(all.len() >= 19, "la ayuda ya no recorre los verbos: {all:?}");
        for verb in all {
            for flag in ["--help", "-h"] {
                let words: Vec<&str> = verb.iter().map(String::as_str).chain([flag]).collect();
                let help = message(&words);
                assert!(help.contains("Uso: micropod") && help.contains("Imprime esta ayuda"), "{help}");
                assert_spanish(&help, &words);
            }
        }
    }

    #[test]
    fn ningun_error_de_uso_deja_restos_de_ingles() {
        // a cada verbo: sin nada, con una opción que no existe y con argumentos de más
        let mut tried = 0;
        for verb in verbs(&args::command(), &[]) {
            for extra in [&[][..], &["--nada"], &["a", "b", "c", "d"], &["--help=x"]] {
                let words: Vec<&str> = verb.iter().map(String::as_str).chain(extra.iter().copied()).collect();
                let line = std::iter::once("micropod").chain(words.iter().copied());
                let Err(error) = args::command().try_get_matches_from(line) else { continue };
                let said = anstream::adapter::strip_str(&said(error)).to_string();
                assert_spanish(&said, &words);
                assert!(!said.contains("no se entiende"), "{words:?}:\n{said}");
                tried += 1;
            }
        }
        assert!(tried > 40, "{tried}");
    }

    #[test]
    fn los_errores_de_uso_dicen_que_pasa_como_se_usa_y_que_probar() {
        for (words, expected) in [
            (&["gett", "pods"][..], &["no existe el comando «gett»", "¿querías decir «get»?"][..]),
            (&["ps"], &["aquí es `micropod get pods`"]),
            (&["help"], &["aquí es `micropod --help`"]),
            (&["run"], &["falta <FICHERO>", "Uso: micropod run <FICHERO>", "micropod run --help"]),
            (&["run", "a", "b"], &["sobra «b»", "Uso: micropod run [OPCIONES] <FICHERO>"]),
            (&["run", "x", "--detac"], &["no existe la opción «--detac»", "¿querías decir «--detach»?"]),
            (&["run", "x", "--rm", "--rm"], &["«--rm» está dos veces"]),
            (&["run", "x", "--narra", "-d"], &["«--narra» no se puede usar con «--detach»"]),
            (&["run", "x", "--timeout"], &["a «--timeout <PLAZO>» le falta un valor"]),
            (&["run", "x", "--wait", "condition=Ready"], &["--wait=condition=Ready"]),
            (&["get", "pods", "-o"], &["le falta un valor"]),
            (&["get", "pods", "--watch=si"], &["«--watch» no lleva valor, y sobra «si»"]),
            (&["exec", "p", "ls"], &["sobra «ls»", "micropod exec POD -- COMANDO"]),
            (&["exec", "p", "--"], &["falta <COMANDO>"]),
            (&["image", "rm"], &["falta <NOMBRE>", "micropod image rm --help"]),
            (&["image", "foo"], &["no existe el comando «foo»"]),
        ] {
            let said = message(words);
            for part in expected {
                assert!(said.contains(part), "falta «{part}» en micropod {}:\n{said}", words.join(" "));
            }
        }
    }

    #[test]
    fn un_argumento_que_no_es_texto_se_dice() {
        use std::os::unix::ffi::OsStringExt;
        let line = ["micropod".into(), "run".into(), OsString::from_vec(vec![0xff])];
        let error = args::command().try_get_matches_from(line).unwrap_err();
        assert!(said(error).contains("no está en UTF-8"));
    }

    #[test]
    fn los_argumentos_se_explican_en_el_orden_en_que_se_escriben() {
        let help = message(&["image", "import", "--help"]);
        let (arguments, options) = (help.find("Argumentos:").unwrap(), help.find("Opciones:").unwrap());
        assert!(arguments < options, "{help}");
        let list = &help[arguments..options];
        assert!(list.find("<NOMBRE>").unwrap() < list.find("<FICHERO>").unwrap(), "{help}");
    }
}
