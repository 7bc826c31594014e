//! La línea de comandos: sus verbos, sus argumentos y sus opciones. Lo que se dice de ella, en `usage.rs`.

mod lab;
mod look;

use crate::spec::choices::{POLICIES, VALIDATIONS};
use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;

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
}

/// Los argumentos, en el orden en que se escriben y antes que las opciones; `--help`, al final.
fn arranged(command: Command) -> Command {
    let help = Arg::new("ayuda").short('h').long("help").action(ArgAction::Help).help("Imprime esta ayuda");
    let mut order = 0;
    let in_order = |arg: Arg| {
        order += 1;
        if arg.is_positional() { arg.display_order(order) } else { arg }
    };
    command.mut_args(in_order).arg(help).mut_subcommands(arranged)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).num_args(1).help(help)
}

/// `-o`: `help` dice los formatos, y cuál vale si no se dice ninguno.
fn output(formats: &[&'static str], help: &'static str) -> Arg {
    option("output", "FORMATO", help).short('o').value_parser(formats.to_vec()).hide_possible_values(true)
}

fn operand(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name(name).help(help).help_heading("Argumentos")
}

/// Un verbo y quien construye su línea de comandos.
pub type Verb = (&'static str, fn() -> Command);

pub(super) fn verbs() -> impl Iterator<Item = Verb> {
    [run_verbs(), look::verbs(), explain_verbs(), house_verbs()].into_iter().flatten()
}

/// Toda la línea de comandos.
pub fn command() -> Command {
    arranged(whole().subcommands(verbs().map(|(_, build)| build())))
}

/// Solo lo que hace falta para entender una línea que empieza por `word`: construir los demás verbos son dos
/// millones de instrucciones. Si no es un verbo, todo: hay que enseñar cuáles hay.
pub fn command_for(word: Option<&OsString>) -> Command {
    match verbs().find(|(name, _)| word.is_some_and(|word| word == name)) {
        Some((_, build)) => arranged(whole().subcommand(build())),
        None => command(),
    }
}

/// La línea de comandos, aún sin sus verbos.
fn whole() -> Command {
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
}

fn run_verbs() -> Vec<Verb> {
    vec![
        ("run", || {
            verb("run", "Levanta el Pod que describe un fichero y lo acompaña hasta que acaba; con -d, todos los que haya")
            .arg(pod_file())
            .arg(only())
            .arg(flag("detach", "Dejarlo en segundo plano").short('d'))
            .arg(wait())
            .arg(option("timeout", "PLAZO", "Con --wait: cuánto esperar (30s, 2m). Si no se dice: 60s"))
            .arg(flag("rm", "Borrar su ficha y sus logs cuando acabe"))
            .arg(flag("narra", "Contar cada orden que se da al kernel").conflicts_with("detach"))
            .arg(
                flag("paso-a-paso", "Contar cada orden y esperar Intro antes de darla")
                    .conflicts_with("detach"),
            )
            .arg(flag(
                "reemplaza",
                "De un ReplicaSet en marcha: cambiar ya sus Pods por otros del molde nuevo",
            ))
            .arg(option("dueno", "QUIEN", "Quién crea este Pod").hide(true))
            .arg(flag("dry-run", "Contar lo que se haría, sin hacer nada ni ser root"))
            .arg(
                option(
                    "policy",
                    "NORMA",
                    "Negarse a lo que no admita: privileged (todo), baseline, restricted o lab (para corregir)",
                )
                .value_parser(POLICIES)
                .hide_possible_values(true),
            )
            .arg(validate())
            .arg(put_in())
            .arg(option(
                "runtime",
                "MOTOR",
                "Quién crea los contenedores: native (el propio micropod), runc, crun, podman, containerd, docker o youki",
            ))
            .arg(option(
                "acelera",
                "N",
                "Dividir entre N las esperas entre reinicios (1 a 1000), para clase. Gana a la anotación",
            ))
        }),
        ("exec", || {
            verb("exec", "Ejecuta un comando dentro de un contenedor")
                .arg(operand("POD", "Nombre del Pod").required(true))
                .arg(container())
                .arg(flag("stdin", "Pasarle lo que se teclee").short('i'))
                .arg(flag("tty", "Darle una terminal").short('t'))
                .arg(flag("quiet", "Callar todo lo que no diga el comando").short('q'))
                .arg(option(
                    "pod-running-timeout",
                    "PLAZO",
                    "Esperar hasta eso a que el contenedor corra: 30s, 1m",
                ))
                .arg(namespace())
                .arg(operand("COMANDO", "El comando, detrás de --").required(true).last(true).num_args(1..))
        }),
        ("debug", || {
            verb("debug", "Añade a un Pod en marcha un contenedor efímero, para mirarlo con otra imagen")
                .arg(operand("POD", "Nombre del Pod").required(true))
                .arg(
                    option("image", "IMAGEN", "La imagen del contenedor, con las herramientas")
                        .required(true),
                )
                .arg(container().help("Cómo se va a llamar. Si no se dice: debugger- y cinco letras"))
                .arg(option(
                    "target",
                    "CONTENEDOR",
                    "Que nazca entre los procesos de este: los ve, y muere con él",
                ))
                .arg(flag("stdin", "Pasarle lo que se teclee, y quedarse mirando").short('i'))
                .arg(flag("tty", "Darle una terminal").short('t'))
                .arg(flag("attach", "Quedarse mirando lo que escribe"))
                .arg(
                    option("env", "NOMBRE=VALOR", "Una variable de entorno; se puede repetir")
                        .action(ArgAction::Append),
                )
                .arg(flag("arguments-only", "Lo que va detrás de -- son los argumentos, y no el programa"))
                .arg(flag("quiet", "Callar todo lo que no diga el contenedor").short('q'))
                .arg(namespace())
                .arg(operand("COMANDO", "El programa, detrás de --").last(true).num_args(1..))
        }),
        ("create", || {
            verb("create", "Crea los objetos de un fichero y los deja en segundo plano, como kubectl")
                .arg(file_to_create())
                .arg(put_in())
                .arg(validate())
        }),
        ("apply", || {
            verb("apply", "Crea los objetos de un fichero que no estén ya; si uno es otro, dice qué hacer")
                .arg(file_to_create())
                .arg(put_in())
                .arg(validate())
        }),
        ("patch", || {
            verb("patch", "Pone una condición de las que dependen de alguien de fuera (readinessGates)")
                .arg(operand("POD", "«pod NOMBRE» o «pod/NOMBRE»").required(true).num_args(1..=2))
                .arg(
                    option("patch", "PARCHE", "Lo que cambia, en JSON: {\"status\":{\"conditions\":[…]}}")
                        .short('p')
                        .required(true),
                )
                .arg(option("subresource", "PARTE", "status: lo único de un Pod en marcha que se cambia así"))
                .arg(namespace())
        }),
        ("port-forward", || {
            verb("port-forward", "Lleva un puerto de esta máquina a uno de dentro de un Pod")
                .arg(operand("POD", "Nombre del Pod").required(true))
                .arg(
                    operand("PUERTO", "8080:80, 80 (el mismo), :80 (el que dé el kernel) o 8080:NOMBRE")
                        .required(true)
                        .num_args(1..),
                )
                .arg(namespace())
                .arg(option(
                    "address",
                    "DIRECCIÓN",
                    "Dónde escuchar, separadas por comas. Si no se dice: localhost",
                ))
        }),
        ("cp", || {
            verb("cp", "Copia ficheros de un contenedor a esta máquina, y al revés")
                .arg(operand("ORIGEN", "POD:RUTA, o una ruta de esta máquina").required(true))
                .arg(operand("DESTINO", "Lo mismo: uno de los dos es de un Pod").required(true))
                .arg(container())
                .arg(namespace())
                .arg(flag("no-preserve", "No llevar los permisos: los de un fichero nuevo"))
        }),
        ("delete", look::delete),
    ]
}

fn pod_file() -> Arg {
    operand("FICHERO", "Fichero del Pod en RON, YAML o JSON; - es la entrada estándar").required(true)
}

/// De un fichero con varios, cuál.
fn only() -> Arg {
    option("solo", "NOMBRE", "De un fichero con varios, solo el que se llama así")
}

/// `run -d --wait`, con condición o sin ella.
fn wait() -> Arg {
    option("wait", "CONDICIÓN", "Con -d: esperar a que se cumpla (condition=Ready si no se dice otra)")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("condition=Ready")
        .hide_default_value(true)
}

fn file_to_create() -> Arg {
    option("filename", "FICHERO", "Fichero de los objetos; - es la entrada estándar")
        .short('f')
        .required(true)
}

/// Qué hacer con lo que micropod no tiene.
fn validate() -> Arg {
    let help = "Con los campos que micropod no tiene: strict (un error) o warn (decirlo y seguir sin ellos)";
    option("validate", "MODO", help).value_parser(VALIDATIONS).hide_possible_values(true)
}

fn container() -> Arg {
    Arg::new("container")
        .short('c')
        .long("container")
        .value_name("CONTENEDOR")
        .num_args(1)
        .help("El contenedor")
}

/// `-n`, como en kubectl.
fn namespace() -> Arg {
    option("namespace", "ESPACIO", "Solo de este espacio de nombres. Si no se dice: de todos").short('n')
}

/// `-n`, de lo que se crea.
fn put_in() -> Arg {
    option("namespace", "ESPACIO", "Ponerlo en este espacio de nombres, si el fichero no dice otro")
        .short('n')
}

/// `-n` y `-A`, como en kubectl.
fn namespaces() -> [Arg; 2] {
    let help = "De todos los espacios de nombres, y decir de cuál es cada uno";
    [namespace(), flag("all-namespaces", help).short('A')]
}

fn pod() -> Arg {
    operand("POD", "Nombre del Pod").required(true)
}

fn explain_verbs() -> Vec<Verb> {
    vec![
        ("explain", || {
            verb("explain", "Explica un campo, un código de error o una razón")
                .arg(
                    operand("CAMPO", "pod.spec.containers.livenessProbe, MP0101, OOMKilled o 137")
                        .required(true),
                )
                .arg(flag("recursive", "También todos los campos de dentro"))
        }),
        ("convert", || {
            verb("convert", "Pasa un fichero a RON, YAML o JSON: de aquí a Kubernetes y de Kubernetes aquí")
                .arg(
                    operand("FICHERO", "Fichero en RON, YAML o JSON; - es la entrada estándar")
                        .required(true),
                )
                .arg(output(&["yaml", "json", "ron"], "En qué escribirlo: yaml (si no se dice), json o ron"))
                .arg(validate())
        }),
        ("guion", || {
            verb("guion", "Imprime un guion de shell que hace el mismo Pod sin micropod")
                .arg(operand("FICHERO", "Fichero del Pod en RON, YAML o JSON").required(true))
                .arg(only())
        }),
        ("dibuja", || {
            verb("dibuja", "Dibuja un Pod en marcha, mirando al kernel").arg(pod()).arg(output(
                &["texto", "svg"],
                "texto o svg: en este caso, micropod dibuja POD -o svg > pod.svg",
            ))
        }),
        ("demuestra", || {
            verb("demuestra", "Demuestra o refuta, mirando al kernel, lo que se dice de un Pod").arg(pod())
        }),
        ("audita", || {
            verb("audita", "Dice, mirando al kernel, qué puede hacer cada contenedor de un Pod, y lo puntúa")
                .arg(pod())
                .arg(container())
                .arg(flag("todo", "Enseñar también lo que se cumple"))
        }),
        ("simula", || {
            verb("simula", "Cuenta la vida que tendría un Pod, sin crearlo y sin que pase el tiempo")
                .arg(operand("FICHERO", "Fichero del Pod en RON, YAML o JSON").required(true))
                .arg(only())
                .arg(option("averias", "FICHERO", "Lo que va mal y cuándo (micropod explain averias)"))
                .arg(option("hasta", "PLAZO", "Cuánto simular: 10m, 1h, 30d. Si no se dice: 1h"))
                .arg(option("acelera", "N", "Dividir entre N las esperas entre reinicios"))
                .arg(output(&["texto", "svg", "json"], "texto, svg o json"))
        }),
        ("por-que", || {
            verb("por-que", "Dice por qué un Pod está como está, con pruebas y qué hacer")
                .arg(
                    operand("POD", "Nombre del Pod; o su fichero, y dice si algo le impide nacer")
                        .required(true),
                )
                .arg(container())
                .arg(only())
                .arg(output(&["texto", "json"], "texto o json"))
        }),
        ("graba", || {
            verb("graba", "Guarda en un fichero la grabación de un Pod: todo lo que le ha pasado")
                .arg(pod())
                .arg(operand("FICHERO", "Dónde guardarla; si no se dice, se imprime"))
        }),
        ("reproduce", || {
            verb("reproduce", "Cuenta otra vez lo que le pasó a un Pod, y comprueba que fue así")
                .arg(operand("QUÉ", "Nombre del Pod, o el fichero de su grabación").required(true))
                .arg(output(&["texto", "svg", "json"], "texto, svg o json"))
        }),
        ("compara", || {
            verb("compara", "Dice qué cambió entre dos vidas o, de un solo Pod, qué cuesta con cada motor")
            .arg(
                operand(
                    "A",
                    "Nombre de un Pod, o el fichero de su grabación. Si va solo, el fichero de un Pod: se levanta con cada --runtime que haya y se mide",
                )
                .required(true),
            )
            .arg(operand("B", "El otro Pod, o su grabación"))
            .arg(only())
        }),
    ]
}

fn image() -> Command {
    verb("image", "Imágenes: de dónde sale la raíz de los contenedores")
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
        )
}

fn house_verbs() -> Vec<Verb> {
    vec![
        ("lab", lab::lab),
        ("api", || {
            verb("api", "Sirve la API de Kubernetes, lo justo, para usar el kubectl de verdad")
                .arg(option(
                    "listen",
                    "DIRECCIÓN",
                    "Dónde escuchar, en esta máquina. Si no se dice: 127.0.0.1:8001",
                ))
                .arg(flag(
                    "permite-cambios",
                    "Admitir también create, apply y delete, de root y de quien usó sudo",
                ))
        }),
        ("image", image),
        ("gc", || verb("gc", "Recoge lo que dejaron los Pods acabados o caídos")),
        ("doctor", || verb("doctor", "Comprueba si esta máquina sirve, y qué le falta")),
        ("completion", || {
            verb("completion", "Imprime el autocompletado de una shell")
                .arg(operand("SHELL", "bash, zsh o fish").required(true))
        }),
    ]
}
