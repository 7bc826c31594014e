//! Los verbos que miran: get, describe, logs, wait… Y el que borra, que elige igual.

use super::{Verb, container, flag, namespace, namespaces, operand, option, verb};
use clap::{Arg, ArgAction, Command};

/// «pods», «pod NOMBRE» o «pod/NOMBRE».
fn pods() -> Arg {
    operand("POD", "«pod NOMBRE» o «pod/NOMBRE»").required(true).num_args(1..)
}

pub(super) fn selector() -> Arg {
    option("selector", "SELECTOR", "Solo los que tienen estas etiquetas: app=web, 'app in (web, db)'")
        .short('l')
}

pub(super) fn verbs() -> Vec<Verb> {
    vec![
        ("get", get),
        ("describe", describe),
        ("events", events),
        ("top", top),
        ("logs", logs),
        ("attach", attach),
        ("wait", wait),
    ]
}

pub(super) fn delete() -> Command {
    verb("delete", "Borra Pods: los para y olvida su ficha y sus logs")
        .arg(operand("POD", "«pod NOMBRE…», «pod/NOMBRE» o «pods» con -l o --all").num_args(1..))
        .arg(
            option("filename", "FICHERO", "Los objetos que hay en este fichero")
                .short('f')
                .conflicts_with_all(["POD", "selector", "all"]),
        )
        .arg(selector())
        .arg(flag("all", "Todos los Pods"))
        .args(namespaces())
        .arg(
            option("grace-period", "SEGUNDOS", "Plazo para acabar por las buenas, en vez del suyo")
                .allow_hyphen_values(true),
        )
        .arg(flag("now", "Como --grace-period=1"))
        .arg(flag("force", "Matarlo ya"))
        .arg(option("wait", "true|false", "Esperar a que acaben. Si no se dice: true").require_equals(true))
        .arg(option("timeout", "PLAZO", "Cuánto esperar, como mucho: 30s, 2m"))
        .arg(option("output", "FORMATO", "name: decir solo su nombre").short('o'))
        .arg(flag("ignore-not-found", "Que no exista no es un fallo"))
}

fn get() -> Command {
    verb("get", "Enseña los Pods en una tabla")
        .arg(operand("POD", "«pods», «pod NOMBRE…» o «pod/NOMBRE»").required(true).num_args(1..))
        .arg(
            option(
                "output",
                "FORMATO",
                "wide, name, yaml, json, jsonpath=PLANTILLA o custom-columns=COLUMNAS",
            )
            .short('o'),
        )
        .arg(flag("watch", "Seguir mirando y enseñar cada cambio").short('w'))
        .arg(selector())
        .args(namespaces())
        .arg(option("field-selector", "SELECTOR", "Solo los que tienen estos campos: status.phase=Running"))
        .arg(flag("show-labels", "Con todas sus etiquetas"))
        .arg(
            option("label-columns", "ETIQUETAS", "Una columna por etiqueta: app,nivel")
                .short('L')
                .action(ArgAction::Append),
        )
        .arg(option("sort-by", "CAMPO", "En orden por un campo: .metadata.name"))
        .arg(flag("no-headers", "Sin la línea de cabeceras"))
}

fn describe() -> Command {
    verb("describe", "Enseña todo lo que se sabe de un Pod").arg(pods()).arg(selector()).args(namespaces())
}

fn events() -> Command {
    verb("events", "Enseña lo que ha ido pasando, del más viejo al más nuevo")
        .arg(option("for", "POD", "Solo los de un Pod: pod/NOMBRE"))
        .args(namespaces())
        .arg(option("types", "CLASES", "Solo los de estas clases: Normal, Warning").action(ArgAction::Append))
        .arg(flag("watch", "Seguir mirando y enseñar cada uno").short('w'))
        .arg(option("output", "FORMATO", "json, yaml, name, jsonpath=PLANTILLA…").short('o'))
        .arg(flag("no-headers", "Sin la línea de cabeceras"))
}

fn top() -> Command {
    verb("top", "Enseña lo que gastan los Pods en marcha: CPU y memoria")
        .arg(operand("POD", "«pods», «pod NOMBRE…» o «pod/NOMBRE»").required(true).num_args(1..))
        .arg(flag("containers", "Contenedor a contenedor"))
        .arg(
            option("output", "FORMATO", "wide: con procesos, frenazos de CPU y esperas (PSI)")
                .short('o')
                .value_parser(["wide"])
                .hide_possible_values(true),
        )
        .arg(flag("watch", "Seguir mirando, cada dos segundos").short('w'))
        .arg(selector())
        .args(namespaces())
        .arg(
            option("sort-by", "CAMPO", "De más a menos: cpu o memory")
                .value_parser(["cpu", "memory"])
                .hide_possible_values(true),
        )
        .arg(flag("no-headers", "Sin la línea de cabeceras"))
}

fn logs() -> Command {
    verb("logs", "Enseña lo que ha escrito un contenedor")
        .arg(operand("POD", "Nombre del Pod"))
        .arg(operand("CONTENEDOR", "El contenedor"))
        .arg(container())
        .arg(flag("all-containers", "Los de todos sus contenedores").conflicts_with("container"))
        .arg(selector())
        .arg(namespace())
        .arg(flag("follow", "Seguir leyendo").short('f'))
        .arg(flag("previous", "Los de su vida anterior").short('p'))
        .arg(option("tail", "N", "Solo las N últimas líneas").allow_hyphen_values(true))
        .arg(option("since", "PLAZO", "Solo las de este plazo: 30s, 5m, 1h"))
        .arg(option("since-time", "HORA", "Solo las escritas desde esta hora: 2026-11-23T16:10:03Z"))
        .arg(option("limit-bytes", "BYTES", "De cada contenedor, no más de estos bytes"))
        .arg(flag("timestamps", "Con la hora de cada línea"))
        .arg(flag("prefix", "Con el Pod y el contenedor delante de cada línea"))
}

fn attach() -> Command {
    verb("attach", "Se conecta a la salida, y con -i a la entrada, del programa de un contenedor")
        .arg(operand("POD", "Nombre del Pod").required(true))
        .arg(container())
        .arg(namespace())
        .arg(flag("stdin", "Pasarle lo que se teclee").short('i'))
        .arg(flag("tty", "Usar su terminal").short('t'))
}

fn wait() -> Command {
    verb("wait", "Espera a que se cumpla una condición")
        .arg(pods())
        .arg(
            option("for", "CONDICIÓN", "condition=Ready, delete, create o jsonpath={.status.phase}=Running")
                .required(true),
        )
        .arg(selector())
        .arg(flag("all", "A todos los Pods"))
        .args(namespaces())
        .arg(
            option("timeout", "PLAZO", "Cuánto esperar: 30s, 2m; 0, mirar una vez. Si no se dice: 30s")
                .allow_hyphen_values(true),
        )
}
