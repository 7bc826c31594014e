//! Los verbos: un fichero por verbo.

pub mod age;
pub mod args;
pub mod attach;
pub mod completion;
pub mod controllers;
pub mod convert;
pub mod cp;
pub mod debug;
pub mod create;
pub mod delete;
pub mod describe;
pub mod doctor;
pub mod events;
pub mod exec;
pub mod exit_codes;
pub mod explain;
pub mod farewell;
pub mod get;
pub mod image;
pub mod lab;
pub mod logs;
pub mod namespace;
pub mod pick;
pub mod patch;
pub mod port_forward;
pub mod selector;
pub mod pace;
pub mod table;
pub mod teacher;
pub mod term;
pub mod top;
pub mod usage;
pub mod wait;

use self::namespace::Namespace;
use crate::error::{Error, each, exit};
use crate::kernel::Mode;
use crate::logic::rules::{MAX_ACELERA, parse_acelera};
use crate::plan;
use crate::run::{self, RunOptions, require_root};
use crate::runtime::Kind;
use crate::spec::language::Language;
use crate::spec::{Policy, Validation};
use crate::state::{self, Seen};
use clap::ArgMatches;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Entiende la línea de comandos y hace lo que pide. Devuelve el código de salida.
pub fn main() -> Result<u8, Error> {
    seal_early();
    let matches = usage::matches(std::env::args_os())?;
    let Some((verb, args)) = matches.subcommand() else { return Err(Error::Exit(exit::USAGE)) };
    match verb {
        "run" => run_verb(args),
        "exec" => exec::exec(args),
        "create" => create::create(args),
        "apply" => create::apply(args),
        "patch" => patch::patch(args),
        "port-forward" => port_forward::forward(args),
        "cp" => cp::cp(args),
        "debug" => debug::debug(args),
        "delete" => match controllers::wanted(args) {
            Some(wanted) => controllers::delete(&wanted, args),
            None => delete::delete(args),
        },
        "get" => match controllers::wanted(args) {
            Some(wanted) => controllers::get(&wanted, args),
            None => get::get(args),
        },
        "events" => events::events(args),
        "top" => top::top(args),
        "attach" => attach::attach(args),
        "describe" => match controllers::wanted(args) {
            Some(wanted) => controllers::describe(&wanted),
            None => describe::describe(args),
        },
        "logs" => logs::logs(args),
        "wait" => wait::wait(args),
        "explain" => explain_verb(args).map(|()| exit::OK),
        "convert" => {
            let output = args.get_one::<String>("output").and_then(|name| Language::from_name(name));
            let output = output.unwrap_or(Language::Yaml);
            convert::convert(&path(args, "FICHERO"), output, validation(args)).map(|()| exit::OK)
        }
        "guion" => {
            crate::explain::script::print(&path(args, "FICHERO"), only(args).as_deref()).map(|()| exit::OK)
        }
        "dibuja" => crate::explain::draw::draw(&one_pod(args, "POD")?, output(args)).map(|()| exit::OK),
        "audita" => {
            let seen = one_pod(args, "POD")?;
            let container = args.get_one::<String>("container").map(String::as_str);
            crate::audit::audit(&seen, container, args.get_flag("todo"))
        }
        "demuestra" => crate::explain::prove::prove(&one_pod(args, "POD")?),
        "simula" => simulate_verb(args).map(|()| exit::OK),
        "por-que" => why_verb(args),
        "graba" => {
            let seen = one_pod(args, "POD")?;
            crate::explain::replay::save(&seen.record.name, args.get_one::<String>("FICHERO"))
                .map(|()| exit::OK)
        }
        "reproduce" => crate::explain::replay::print(text(args, "QUÉ"), output(args)),
        "compara" => compare_verb(args),
        "api" => crate::api::api(args),
        "lab" => lab::lab(args),
        "image" => image_verb(args).map(|()| exit::OK),
        "gc" => {
            require_root("recoger lo que dejan los Pods")?;
            crate::gc::gc().map(|()| exit::OK)
        }
        "doctor" => doctor::doctor(),
        "completion" => completion::print(text(args, "SHELL")).map(|()| exit::OK),
        other => Err(Error::usage(format!("no existe el comando «{other}»"))),
    }
}

/// Ponerse a salvo es ejecutarse otra vez (`security::seal`): si se hace antes de leer la línea de
/// comandos, se lee una vez y no dos, que es medio milisegundo de cada `exec`. Lo que falle aquí lo dice
/// el verbo, que lo comprueba en su momento.
fn seal_early() {
    let creates = matches!(std::env::args_os().nth(1), Some(verb) if verb == "run" || verb == "exec");
    if creates && nix::unistd::geteuid().is_root() {
        let _ = crate::security::seal();
    }
}

/// Con dos, dos vidas; con uno, que ha de ser el fichero de un Pod, todos los motores.
fn compare_verb(args: &ArgMatches) -> Result<u8, Error> {
    match args.get_one::<String>("B") {
        Some(other) => crate::explain::compare::print(text(args, "A"), other).map(|()| exit::OK),
        None if Path::new(text(args, "A")).is_file() => {
            crate::explain::engines::print(&path(args, "A"), only(args).as_deref())
        }
        None => Err(Error::usage("falta con qué compararlo").with_hint(
            "di dos vidas (`micropod compara A B`), o el fichero de un Pod para levantarlo con cada motor",
        )),
    }
}

/// Cada cuánto se mira, en `-w`, si hay algo nuevo.
const LOOK_EVERY: Duration = Duration::from_millis(200);

fn text<'a>(args: &'a ArgMatches, name: &str) -> &'a str {
    // clap ya ha exigido que esté
    args.get_one::<String>(name).map_or("", String::as_str)
}

fn path(args: &ArgMatches, name: &str) -> PathBuf {
    PathBuf::from(text(args, name))
}

/// `--validate`: qué hacer con lo que micropod no tiene.
fn validation(args: &ArgMatches) -> Validation {
    args.get_one::<String>("validate").and_then(|name| Validation::from_name(name)).unwrap_or_default()
}

fn run_verb(args: &ArgMatches) -> Result<u8, Error> {
    let mode = match () {
        () if args.get_flag("dry-run") => Mode::DryRun,
        () if args.get_flag("paso-a-paso") => Mode::StepByStep,
        () if args.get_flag("narra") => Mode::Narrate,
        () => Mode::Quiet,
    };
    let acelera = acelera(args)?;
    let owner = args.get_one::<String>("dueno").and_then(|text| crate::controller::parse_owner(text));
    let runtime = args.get_one::<String>("runtime").map_or(Ok(Kind::Native), |name| Kind::wanted(name))?;
    let options = RunOptions {
        owner,
        runtime,
        replace: args.get_flag("reemplaza"),
        file: path(args, "FICHERO"),
        only: only(args),
        detach: args.get_flag("detach"),
        remove: args.get_flag("rm"),
        mode,
        acelera,
        policy: args.get_one::<String>("policy").and_then(|name| Policy::from_name(name)).unwrap_or_default(),
        validation: validation(args),
        namespace: Namespace::new(args),
    };
    // si está mal dicho, se dice antes de que haya Pod
    let goal = args.get_one::<String>("wait").map(|text| wait::Goal::parse(text)).transpose()?;
    let timeout = duration(args.get_one::<String>("timeout").map_or("60s", String::as_str))?;
    let outcome = run::run(&options)?;
    // el supervisor es ya otro proceso
    crate::kernel::sys::default_sigpipe();
    let Some(goal) = goal else { return Ok(outcome.code) };
    each(outcome.started, |name| match name.strip_prefix("pod/") {
        Some(pod) => wait::until(pod, &goal, timeout).map(|_| ()),
        None => {
            Err(Error::usage("--wait espera a un Pod, y esto no lo es")
                .with_hint("míralo con `micropod get`"))
        }
    })?;
    Ok(outcome.code)
}

/// `--solo NOMBRE`: de un fichero con varios, cuál.
fn only(args: &ArgMatches) -> Option<String> {
    args.get_one::<String>("solo").cloned()
}

/// `--acelera`, si se ha dicho: gana a la anotación del Pod.
fn acelera(args: &ArgMatches) -> Result<Option<u32>, Error> {
    let Some(text) = args.get_one::<String>("acelera") else { return Ok(None) };
    let bad =
        || Error::usage(format!("--acelera necesita un número de 1 a {MAX_ACELERA}, y «{text}» no lo es"));
    parse_acelera(text).ok_or_else(bad).map(Some)
}

/// `-o texto|svg|json`; clap ya ha comprobado que es uno de ellos.
fn output(args: &ArgMatches) -> crate::explain::simulate::Output {
    use crate::explain::simulate::Output;
    args.get_one::<String>("output").and_then(|name| Output::named(name)).unwrap_or(Output::Text)
}

fn why_verb(args: &ArgMatches) -> Result<u8, Error> {
    use crate::explain::why;
    let as_json = args.get_one::<String>("output").is_some_and(|format| format == "json");
    let word = text(args, "POD");
    if Language::of_name(word).is_some() || (word.contains('/') && !word.starts_with("pod/")) {
        return why::print_file(Path::new(word), only(args).as_deref(), as_json);
    }
    let seen = one_pod(args, "POD")?;
    let container = match args.get_one::<String>("container") {
        Some(_) => Some(choose_container(&seen, args.get_one::<String>("container"))?),
        None => None,
    };
    let spec = &seen.record.pod.spec;
    if let Some(guest) = container.and_then(|id| id.checked_sub(plan::all_containers(spec).count())) {
        let name = &spec.ephemeral_containers[guest].name;
        return Err(Error::usage(format!(
            "`{name}` es un contenedor efímero: cómo está el Pod no depende de él"
        ))
        .with_hint(format!("cómo acabó se ve con `micropod describe pod {}`", seen.record.name)));
    }
    why::print(&seen, container, as_json)
}

fn simulate_verb(args: &ArgMatches) -> Result<(), Error> {
    use crate::explain::{faults, simulate};
    let until = match args.get_one::<String>("hasta") {
        None => simulate::DEFAULT_UNTIL,
        Some(text) => faults::duration(text).filter(|d| !d.is_zero()).ok_or_else(|| {
            Error::usage(format!("«{text}» no es un plazo")).with_hint("escríbelo así: 10m, 1h30m, 30d")
        })?,
    };
    simulate::print(&simulate::SimulateOptions {
        file: path(args, "FICHERO"),
        only: only(args),
        faults: args.get_one::<String>("averias").map(PathBuf::from),
        until,
        acelera: acelera(args)?,
        output: output(args),
    })
}

fn explain_verb(args: &ArgMatches) -> Result<(), Error> {
    explain::run(text(args, "CAMPO"), args.get_flag("recursive"))
}

fn image_verb(args: &ArgMatches) -> Result<(), Error> {
    match args.subcommand() {
        Some(("build", args)) => {
            require_root("construir una imagen")?;
            image::build(&path(args, "RECETA"), args.get_one::<String>("name").map(String::as_str))
        }
        Some(("import", args)) => {
            require_root("importar una imagen")?;
            image::import(text(args, "NOMBRE"), &path(args, "FICHERO"))
        }
        Some(("ls", args)) => image::ls(args.get_flag("name").then_some("name")),
        Some(("rm", args)) => {
            require_root("borrar una imagen")?;
            let names: Vec<String> =
                args.get_many::<String>("NOMBRE").into_iter().flatten().cloned().collect();
            image::rm(&names)
        }
        _ => Err(Error::usage("falta el comando de image")),
    }
}

/// Los nombres de Pods de `pod a b`, `pods a`, `pod/a pod/b`; vacío si son todos.
fn pod_names(words: &[String]) -> Result<Vec<String>, Error> {
    let kind = |word: &str| matches!(word, "pod" | "pods" | "po");
    let first = words.first().map(String::as_str).unwrap_or_default();
    if kind(first) {
        return Ok(words[1..].to_vec());
    }
    let slashed = |word: &String| match word.split_once('/') {
        Some((k, name)) if kind(k) => Ok(name.to_string()),
        _ => {
            let bad = word.split('/').next().unwrap_or(word);
            Err(Error::failed(format!("the server doesn't have a resource type \"{bad}\""))
                .with_hint("hay pods, replicasets (rs), jobs y cronjobs (cj): escribe «pods», «pod NOMBRE» o «rs/NOMBRE»"))
        }
    };
    words.iter().map(slashed).collect()
}

fn words(args: &ArgMatches, name: &str) -> Vec<String> {
    args.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// El nombre de un Pod, que puede llevar `pod/` delante.
fn bare_name(word: &str) -> &str {
    let kinds = ["pod/", "pods/", "po/"];
    kinds.into_iter().find_map(|kind| word.strip_prefix(kind)).unwrap_or(word)
}

/// El Pod que nombra un argumento, con o sin `pod/` delante.
fn one_pod(args: &ArgMatches, name: &str) -> Result<Seen, Error> {
    see_in(args, bare_name(text(args, name)))
}

/// El Pod `name`, si es del espacio de nombres que se ha dicho con `-n`.
fn see_in(args: &ArgMatches, name: &str) -> Result<Seen, Error> {
    let namespace = Namespace::new(args);
    see(name).and_then(|seen| if namespace.has(&seen) { Ok(seen) } else { Err(not_found(name)) })
}

/// El Pod `name`, o el error de kubectl con una pista.
pub fn see(name: &str) -> Result<Seen, Error> {
    require_root("mirar los Pods")?;
    crate::gc::sweep_pending();
    let looks_right = !name.contains('/') && !name.starts_with('.');
    let seen = state::see(name).filter(|_| looks_right);
    seen.ok_or_else(|| other_version(name).filter(|_| looks_right).unwrap_or_else(|| not_found(name)))
}

/// Lo que se dice de un Pod cuya ficha es de otra versión.
fn other_version(name: &str) -> Option<Error> {
    let format = state::other_format(name)?;
    let ours = state::FORMAT;
    let problem = format!(
        "el Pod `{name}` es de otra versión de micropod: su ficha es del formato {format}, y esta entiende el {ours}"
    );
    Some(Error::failed(problem).with_hint(
        "míralo o bórralo con la versión que lo creó; cuando ya no corra, `micropod gc` recoge lo que deje",
    ))
}

/// Cuenta los Pods en marcha que no salen en una lista porque no se entiende su ficha.
pub fn tell_unread(seen: &[Seen]) {
    for (name, _) in state::running_unread(seen) {
        let why = match state::other_format(&name) {
            Some(_) => "es de otra versión de micropod",
            None => "está estropeada",
        };
        term::note(&format!("el Pod `{}` corre y no sale aquí: su ficha {why}", term::harmless(&name)));
    }
}

fn not_found(name: &str) -> Error {
    let known = state::names_in(&state::pods_dir());
    let seen = known.iter().any(|known| known == name).then(|| state::see(name)).flatten();
    let namespace = seen.map(|seen| seen.record.pod.metadata.namespace().to_string());
    Error::failed(format!("Error from server (NotFound): pods \"{}\" not found", term::harmless(name)))
        .with_hint(where_to_look(name, &known, namespace.as_deref()))
}

/// Qué probar cuando no está el Pod `name`. `known`: los nombres tomados; `namespace`: el suyo, si tiene ficha.
fn where_to_look(name: &str, known: &[String], namespace: Option<&str>) -> String {
    if let Some(namespace) = namespace {
        return format!("está en el espacio de nombres `{namespace}`: dilo con `-n {namespace}`");
    }
    if known.iter().any(|known| known == name) {
        return "está naciendo ahora mismo: repítelo dentro de un momento".into();
    }
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    // como mucho, una errata por cada tres letras: `cc` no quería decir `hn`
    match near.filter(|(distance, _)| *distance <= (name.len() / 3).clamp(1, 2)) {
        Some((_, near)) => format!("¿querías decir `{near}`?"),
        None => "mira los que hay con `micropod get pods`".into(),
    }
}

/// Un plazo como los de kubectl: `30s`, `5m`, `1h30m`; sin unidad, segundos.
pub fn duration(text: &str) -> Result<Duration, Error> {
    let bad = || Error::usage(format!("«{text}» no es un plazo")).with_hint("escríbelo así: 30s, 5m, 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut number = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let milli = c == 'm' && rest.peek() == Some(&'s');
        let unit = match c {
            'h' => 3_600_000,
            'm' if milli => 1,
            'm' => 60_000,
            's' => 1000,
            _ => return Err(bad()),
        };
        if milli {
            rest.next();
        }
        let amount: u64 = std::mem::take(&mut number).parse().map_err(|_| bad())?;
        total += Duration::from_millis(amount.checked_mul(unit).ok_or_else(bad)?);
    }
    if number.is_empty() && !text.is_empty() { Ok(total) } else { Err(bad()) }
}

/// Qué contenedor es, si no se ha dicho: el primero, como kubectl, que lo dice por los errores.
fn choose_container(seen: &Seen, wanted: Option<&String>) -> Result<usize, Error> {
    let names: Vec<&str> = seen.record.plans.iter().map(|p| p.name.as_str()).collect();
    let inits = seen.record.pod.spec.init_containers.len();
    match wanted {
        Some(name) => names.iter().position(|n| n == name).ok_or_else(|| {
            let pod = &seen.record.name;
            Error::failed(format!("container {name} is not valid for pod {pod}"))
                .with_hint(format!("los que tiene son: {}", names.join(", ")))
        }),
        None => {
            if names.len() > 1 {
                let shown = names.iter().enumerate();
                let ephemeral = names.len() - seen.record.pod.spec.ephemeral_containers.len();
                let shown: Vec<String> = shown
                    .map(|(i, n)| match () {
                        () if i < inits => format!("{n} (init)"),
                        () if i >= ephemeral => format!("{n} (ephem)"),
                        () => n.to_string(),
                    })
                    .collect();
                // kubectl enseña antes los de aplicación
                let ordered = [&shown[inits..], &shown[..inits]].concat().join(", ");
                term::note(&format!("Defaulted container \"{}\" out of: {ordered}", names[inits]));
            }
            Ok(inits)
        }
    }
}

/// Como se escribe una ruta en una pista.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quien_no_encuentra_un_pod_se_le_dice_donde_esta_o_cual_querria_decir() {
        let known = ["barco".to_string(), "barca".to_string()];
        let hint = |name, namespace| where_to_look(name, &known, namespace);
        assert_eq!(hint("barco", Some("prod")), "está en el espacio de nombres `prod`: dilo con `-n prod`");
        // tiene el nombre tomado y aún no tiene ficha: no se le propone él mismo
        assert_eq!(hint("barco", None), "está naciendo ahora mismo: repítelo dentro de un momento");
        assert_eq!(hint("barcos", None), "¿querías decir `barco`?");
        assert_eq!(hint("otro", None), "mira los que hay con `micropod get pods`");
        let short = ["hn".to_string()];
        assert_eq!(where_to_look("cc", &short, None), "mira los que hay con `micropod get pods`");
        assert_eq!(where_to_look("h", &short, None), "¿querías decir `hn`?");
    }

    #[test]
    fn los_plazos_se_escriben_como_en_kubectl() {
        let table =
            [("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("7", 7000), ("0s", 0)];
        for (text, millis) in table {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
        for bad in ["", "s", "5x", "1m5", "99999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn los_pods_se_nombran_de_tres_maneras() {
        let names = |words: &[&str]| pod_names(&words.iter().map(|w| w.to_string()).collect::<Vec<_>>());
        assert_eq!(names(&["pods"]).unwrap(), Vec::<String>::new());
        assert_eq!(names(&["po", "a", "b"]).unwrap(), ["a", "b"]);
        assert_eq!(names(&["pod/a", "pods/b"]).unwrap(), ["a", "b"]);
        // lo que no hay se rechaza diciendo lo que hay
        let refused = names(&["svc"]).unwrap_err().to_string();
        for kind in ["pods", "replicasets", "jobs", "cronjobs"] {
            assert!(refused.contains(kind), "{kind}: {refused}");
        }
    }
}
