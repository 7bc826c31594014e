//! `micropod simula`: la vida de un Pod sin Pod. El núcleo solo, un reloj de mentira y las averías
//! que se le digan; no hace falta ser root, y siempre sale lo mismo.

use super::faults::{self, Faults};
use super::story::{Story, Told, print, svg};
use super::world::World;
use crate::error::Error;
use crate::logic::calm::Beat;
use crate::logic::rules::annotated_acelera;
use crate::logic::simulate::{Answers, Stage, live};
use crate::logic::{Action, Event, Pod, PodRules};
use crate::spec;
use std::path::PathBuf;
use std::time::Duration;

/// Lo que se simula si no se dice otra cosa.
pub const DEFAULT_UNTIL: Duration = Duration::from_secs(3600);

/// Lo que se puede pedir a `micropod simula`.
pub struct SimulateOptions {
    pub file: PathBuf,
    /// De los Pods del fichero, cuál, si hay varios.
    pub only: Option<String>,
    pub faults: Option<PathBuf>,
    pub until: Duration,
    /// Gana a la anotación `micropod/acelera` del Pod.
    pub acelera: Option<u32>,
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Text,
    Svg,
    Json,
}

impl Output {
    pub fn named(name: &str) -> Option<Output> {
        match name {
            "texto" => Some(Output::Text),
            "svg" => Some(Output::Svg),
            "json" => Some(Output::Json),
            _ => None,
        }
    }
}

/// Simula un Pod y enseña su historia.
pub fn print(options: &SimulateOptions) -> Result<(), Error> {
    let loaded = spec::load(&options.file, options.only.as_deref())?;
    loaded.notes.iter().for_each(|note| crate::cli::term::note(note));
    let rules =
        PodRules::from(&loaded.pod, options.acelera.unwrap_or_else(|| annotated_acelera(&loaded.pod)));
    let faults = match &options.faults {
        Some(path) => faults::load(path, &rules)?,
        None => Faults::default(),
    };
    let name = rules.name.clone();
    let (told, unused) = run(rules, faults, options.until);
    let title = format!("Pod {name}, simulado: {} sin que pase el tiempo", super::story::short(told.end));
    match options.output {
        Output::Text => {
            print!("{title}\n\n{}", print::as_text(&told, crate::cli::term::colours()));
            for line in unused {
                crate::cli::term::note(&format!(
                    "aviso: la avería de la línea {line} no ha llegado a hacer nada"
                ));
            }
        }
        Output::Svg => print!("{}", svg::as_svg(&told, &title)),
        Output::Json => println!("{}", print::as_json(&told)),
    }
    Ok(())
}

/// Hace vivir al Pod hasta `until`. Devuelve su historia y las líneas de las averías que sobraron.
pub fn run(rules: PodRules, faults: Faults, until: Duration) -> (Told, Vec<usize>) {
    let world = World::new(faults, &rules);
    let plans = world.plans();
    let story = Story::new(&rules, Duration::ZERO);
    let mut pod = Pod::new(rules);
    let mut show = Show { world, story, end: Duration::ZERO };
    live(&mut pod, until, plans, &mut show);
    let end = if pod.is_over() { show.end } else { until };
    (show.story.finish(&pod, end), show.world.unused(end))
}

/// El mundo de las averías y quien cuenta lo que pasa en él.
struct Show {
    world: World,
    story: Story,
    end: Duration,
}

impl Stage for Show {
    fn answer(&mut self, now: Duration, action: &Action) -> Answers {
        self.world.answer(now, action)
    }

    fn see(&mut self, pod: &Pod, at: Duration, event: &Event, actions: &[Action]) {
        self.end = at;
        self.story.tell(pod, at, event, actions);
    }

    fn calm_until(&self, now: Duration, beats: &[Beat]) -> Option<Duration> {
        self.world.calm_until(now, beats)
    }

    fn skipped(&mut self, _now: Duration, by: Duration, beats: &[Beat]) {
        self.story.skip(by, beats);
    }
}
