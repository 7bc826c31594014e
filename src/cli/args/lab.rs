//! La línea de comandos de `micropod lab`.

use super::{flag, operand, option, output, verb};
use clap::Command;

pub fn lab() -> Command {
    let required = || operand("LAB", "Número del laboratorio").required(true);
    let here = || operand("LAB", "Número del laboratorio; si no se dice, el de este directorio");
    let student = || option("alumno", "NOMBRE", "Quién lo hace; si no se dice, el usuario");
    verb("lab", "Laboratorios: ejercicios que se corrigen mirando al kernel")
        .subcommand_help_heading("Comandos")
        .subcommand_value_name("COMANDO")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(verb("lista", "Enseña los que hay, y cuáles se pueden comprobar aquí"))
        .subcommand(
            verb("empieza", "Escribe el enunciado y los ficheros de partida en una carpeta nueva")
                .arg(required())
                .arg(student())
                .arg(option("curso", "NOMBRE", "El curso: con otro, los valores cambian")),
        )
        .subcommand(
            verb("comprueba", "Levanta lo que has hecho, lo mira y dice qué falta")
                .arg(here())
                .arg(option("tarea", "N", "Solo lo de esa tarea"))
                .arg(flag("vigila", "Comprobar otra vez cada vez que guardes").conflicts_with("output"))
                .arg(output(&["texto", "json"], "texto o json")),
        )
        .subcommand(
            verb("pista", "Da una pista de una tarea; cada vez, una más")
                .arg(operand("LAB", "Número del laboratorio; si no se dice, el de este directorio"))
                .arg(operand("TAREA", "Número de la tarea; si no se dice, la primera que falló. Si solo das un número y estás en la carpeta, es este")),
        )
        .subcommand(verb("reinicia", "Deja los ficheros como al principio").arg(required()))
        .subcommand(verb("porque", "Cuenta por qué funciona, cuando ya está hecho").arg(here()))
        .subcommand(verb("entrega", "Hace el paquete que se entrega").arg(here()).arg(student()))
        .subcommand(
            verb("examen", "Empieza el examen: unos Pods averiados, distintos para cada cual")
                .arg(option("semilla", "PALABRA", "La que dé quien enseña").required(true))
                .arg(option("minutos", "N", "El plazo. Si no se dice, los minutos del laboratorio"))
                .arg(student()),
        )
        .subcommand(
            verb("corrige", "Vuelve a corregir, en esta máquina, las entregas de un directorio")
                .arg(operand("DIRECTORIO", "Donde están los .tar.gz").required(true))
                .arg(option(
                    "curso",
                    "NOMBRE",
                    "El curso, digan lo que digan las entregas. En un examen no vale",
                ))
                .arg(option("semilla", "PALABRA", "La del examen, digan lo que digan las entregas"))
                .arg(option("minutos", "N", "El plazo del examen, digan lo que digan las entregas"))
                .arg(option("timeout", "PLAZO", "Lo que puede tardar cada una. Si no se dice: 10m")),
        )
        .subcommand(
            verb("informe", "Escribe el informe de lo corregido: HTML, CSV y TSV")
                .arg(operand("DIRECTORIO", "El de las entregas").required(true)),
        )
        .subcommand(
            verb("prepara", "Hace el kit de un aula sin red: programa, imágenes, enunciados y un instalador")
                .arg(operand("DIRECTORIO", "Una carpeta nueva, o un kit que hay que acabar").required(true))
                .arg(option("libro", "DIRECTORIO", "El libro construido (make book), para llevarlo también")),
        )
        .subcommand(
            verb("corrector", "Corrige en un mundo aparte")
                .hide(true)
                .arg(operand("CGROUP", "").required(true)),
        )
}
