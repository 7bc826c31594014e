//! `micropod reproduce`: lo que vivió un Pod, contado otra vez a partir de su grabación.
//!
//! Los sucesos grabados se le dan al núcleo, que es el mismo que los vivió: tiene que pedir lo mismo
//! que entonces. Si no, se dice dónde se separan.

use super::simulate::Output;
use super::story::{Story, Told, print, short, svg};
use crate::data;
use crate::error::{Error, exit};
use crate::logic::Pod;
use crate::logs::Civil;
use crate::recording::{self, Recording, terse};
use std::time::Duration;

/// Lo que puede bailar el ritmo de lo que se repite: lo que tarda una máquina ocupada.
const SLACK: Duration = Duration::from_millis(300);

/// Una grabación ya reproducida.
pub struct Replayed {
    pub told: Told,
    pub steps: usize,
    pub differences: Vec<Difference>,
}

/// Un paso en el que el núcleo no pidió lo que se grabó.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub line: usize,
    pub at: Duration,
    pub recorded: Vec<String>,
    pub asked: Vec<String>,
}

/// Cuenta la grabación de `what`, un Pod o un fichero. Sale con 1 si el núcleo no pide lo mismo.
pub fn print(what: &str, output: Output) -> Result<u8, Error> {
    let recording = recording::read(what)?;
    let replayed = replay(&recording);
    let title = title(&recording);
    match output {
        Output::Text => {
            print!("{title}\n\n{}", print::as_text(&replayed.told, crate::cli::term::colours()));
            print!("\n{}", verdict(&replayed));
        }
        Output::Svg => print!("{}", svg::as_svg(&replayed.told, &title)),
        Output::Json => {
            let mut json = print::as_json(&replayed.told);
            json["steps"] = replayed.steps.into();
            json["differences"] = replayed.differences.len().into();
            println!("{json}");
        }
    }
    if output != Output::Text && !replayed.differences.is_empty() {
        crate::cli::term::note(verdict(&replayed).trim_end());
    }
    Ok(if replayed.differences.is_empty() { exit::OK } else { exit::FAILED })
}

// ANCHOR: replay
/// Da al núcleo los sucesos grabados y compara lo que pide con lo que pidió.
pub fn replay(recording: &Recording) -> Replayed {
    let mut pod = recording.header.pod.clone();
    let mut story = Story::new(pod.rules(), SLACK);
    story.resume(&pod);
    let (mut steps, mut differences) = (0, Vec::new());
    for line in &recording.lines {
        match line {
            recording::Line::Step(line, step) => {
                let at = Duration::from_nanos(step.t);
                let actions = pod.step(at, step.e.clone());
                let asked: Vec<String> = actions.iter().map(terse).collect();
                if asked != step.a {
                    differences.push(Difference { line: *line, at, recorded: step.a.clone(), asked });
                }
                story.tell(&pod, at, &step.e, &actions);
                steps += 1;
            }
            recording::Line::Checkpoint(line, saved) => {
                if !same_state(&pod, saved) {
                    let at = saved.now();
                    let recorded = vec!["otro estado del núcleo".to_string()];
                    differences.push(Difference { line: *line, at, recorded, asked: Vec::new() });
                    pod = (**saved).clone();
                }
            }
        }
    }
    Replayed { told: story.finish(&pod, recording.end()), steps, differences }
}
// ANCHOR_END: replay

/// ¿Está el núcleo como se grabó? Lo que dijeron los programas no se graba, y no cuenta.
fn same_state(pod: &Pod, saved: &Pod) -> bool {
    let text = |pod: &Pod| data::bytes(&pod.without_words());
    text(pod) == text(saved)
}

pub fn title(recording: &Recording) -> String {
    let born = Civil::from_unix(recording.header.born / 1000);
    let name = &recording.header.pod.rules().name;
    let since = recording.header.pod.now();
    let lost = match since.is_zero() {
        true => String::new(),
        false => format!(" (lo anterior a los {} ya no se guarda)", short(since)),
    };
    format!("Pod {name}, nacido el {} a las {} UTC{lost}", born.date(), born.time())
}

fn verdict(replayed: &Replayed) -> String {
    let Some(first) = replayed.differences.first() else {
        return format!(
            "Comprobado: con estos {} sucesos el núcleo pide hoy exactamente lo mismo que pidió entonces.\n",
            replayed.steps
        );
    };
    let list = |actions: &[String]| if actions.is_empty() { "nada".to_string() } else { actions.join(", ") };
    format!(
        "DIVERGE: en {} de {} pasos el núcleo no pide lo que se grabó. El primero, línea {}, a los {}:\n  se grabó: {}\n  \
         hoy pide: {}\nO la grabación no está entera, o la hizo otra versión de micropod.\n",
        replayed.differences.len(),
        replayed.steps,
        first.line,
        short(first.at),
        list(&first.recorded),
        list(&first.asked)
    )
}

/// `micropod graba`: copia la grabación de un Pod en un fichero, o la imprime.
pub fn save(pod: &str, file: Option<&String>) -> Result<(), Error> {
    use std::io::Write;
    let bytes = recording::of_pod(pod)?;
    match file {
        None => {
            // si quien leía se ha ido, no hay a quién decírselo
            let _ = std::io::stdout().write_all(&bytes);
        }
        Some(file) => {
            std::fs::write(file, &bytes)
                .map_err(|e| Error::failed(format!("no se pudo escribir {file}")).because(e))?;
            println!("pod/{pod} grabado en {file} ({} bytes)", bytes.len());
        }
    }
    Ok(())
}
