//! Los verbos que miran: get, describe, logs, wait…

use super::{container, flag, operand, option, verb};
use clap::{Arg, ArgAction, Command};

/// «pods», «pod NOMBRE» o «pod/NOMBRE».
fn pods() -> Arg {
    operand("POD", "«pod NOMBRE» o «pod/NOMBRE»").required(true).num_args(1..)
}

pub(super) fn selector() -> Arg {
    option("selector", "SELECTOR", "Solo los que tienen estas etiquetas: app=web, 'app in (web, db)'")
        .short('l')
}

pub(super) fn verbs() -> Vec<Command> {
    vec![get(), describe(), logs(), wait()]
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
    verb("describe", "Enseña todo lo que se sabe de un Pod").arg(pods())
}

fn logs() -> Command {
    verb("logs", "Enseña lo que ha escrito un contenedor")
        .arg(operand("POD", "Nombre del Pod").required(true))
        .arg(operand("CONTENEDOR", "El contenedor"))
        .arg(container())
        .arg(flag("follow", "Seguir leyendo").short('f'))
        .arg(flag("previous", "Los de su vida anterior").short('p'))
        .arg(option("tail", "N", "Solo las N últimas líneas"))
        .arg(option("since", "PLAZO", "Solo las de este plazo: 30s, 5m, 1h"))
        .arg(flag("timestamps", "Con la hora de cada línea"))
}

fn wait() -> Command {
    verb("wait", "Espera a que se cumpla una condición")
        .arg(pods())
        .arg(
            option("for", "CONDICIÓN", "condition=Ready, delete o jsonpath={.status.phase}=Running")
                .required(true),
        )
        .arg(option("timeout", "PLAZO", "Cuánto esperar: 30s, 2m. Si no se dice: 30s"))
}
