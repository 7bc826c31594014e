//! `micropod explain 137`: qué quiere decir el código con el que acabó un contenedor.

use super::explain::wrapped;
use crate::explain::story::signal_name;

/// Lo que se sabe de un código de salida, y qué mirar.
pub fn explain(code: u8) -> String {
    let signal = i32::from(code) - 128;
    let (title, text, next) = match code {
        0 => (
            "bien".to_string(),
            "El programa acabó y dice que bien. Con `restartPolicy: Always` se reinicia igualmente.".to_string(),
            "micropod logs POD",
        ),
        125 => (
            "no se pudo preparar".to_string(),
            "No lo dice ningún programa, sino micropod en `exec` y en `run`: algo falló antes de llegar a ejecutar \
             nada."
            .to_string(),
            "micropod describe pod POD",
        ),
        126 => (
            "no se puede ejecutar".to_string(),
            "El fichero está, pero no es ejecutable: le falta el permiso de ejecución, es un directorio, es de otra \
             arquitectura o es un guion sin su línea `#!`. Una shell lo da también por una orden suya."
                .to_string(),
            "micropod por-que POD",
        ),
        127 => (
            "no existe".to_string(),
            "El programa no está en la imagen. O está, y lo que no está es su cargador o su intérprete: el kernel lo \
             cuenta con el mismo error. O lo dice una shell, que sí arrancó, de una de sus órdenes."
                .to_string(),
            "micropod por-que POD",
        ),
        129..=192 => (format!("128 + {signal}: {}", signal_name(signal)), by_signal(signal), "micropod por-que POD"),
        _ => (
            "un error del programa".to_string(),
            "Lo decidió el programa, y solo él sabe qué quiere decir: está en lo último que escribió o en su manual."
                .to_string(),
            "micropod logs POD -p",
        ),
    };
    format!("{code} ({title})\n\n{}\nQUÉ MIRAR:\n    {next}\n", wrapped(&text))
}

fn by_signal(signal: i32) -> String {
    let why = match signal {
        libc::SIGKILL => {
            "No se puede atender ni evitar, y por eso no deja nada escrito. La envió el kernel, porque el contenedor \
             pasó de su límite de memoria (y entonces la razón es OOMKilled); o micropod, porque se acabó el plazo de \
             gracia sin que acabara por las buenas; o alguien, con kill -9."
        }
        libc::SIGTERM => {
            "Es la que se envía para pedir que acabe: el programa no la atendió y murió con ella. Uno que la atiende, \
             guarda lo que tenga a medias y acaba con 0."
        }
        libc::SIGSEGV => {
            "El programa tocó memoria que no es suya, y el kernel lo paró: es un fallo del programa, o una biblioteca \
             que no le corresponde."
        }
        libc::SIGABRT => {
            "El programa se dio por vencido él mismo (abort): suele decir por qué en lo último que escribe."
        }
        libc::SIGINT => "Es la de Ctrl-C.",
        libc::SIGPIPE => "Escribió en una tubería que ya no lee nadie.",
        libc::SIGSYS => "Hizo una llamada al sistema que su filtro de seccomp no admite.",
        _ => "Lo mató esa señal, o eso devolvió él de un hijo suyo.",
    };
    format!("Un código mayor que 128 es 128 más el número de la señal que mató al proceso. {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cada_codigo_de_salida_dice_lo_que_es() {
        for (code, words) in [
            (0, &["(bien)", "Always"][..]),
            (1, &["un error del programa", "logs POD -p"]),
            (126, &["no se puede ejecutar", "permiso"]),
            (127, &["no existe", "cargador"]),
            (137, &["128 + 9: SIGKILL", "OOMKilled", "por-que"]),
            (139, &["128 + 11: SIGSEGV"]),
            (143, &["128 + 15: SIGTERM"]),
            (255, &["un error del programa"]),
        ] {
            let text = explain(code);
            for word in words {
                assert!(text.contains(word), "{code}: falta «{word}» en\n{text}");
            }
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
    }
}
