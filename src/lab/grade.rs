//! Corregir: los criterios en orden, cada uno en su Pod, con lo que se dice de cada fallo.

use super::act::{self, Failure};
use super::patience::Patience;
use super::pod::Pod;
use super::sheet::{Criterion, Sheet, Trial};
use super::step::Step;
use crate::cli::term;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// De lo que escribió un programa se enseñan, como mucho, tantas líneas y de tantas letras.
const LINES_SHOWN: usize = 5;
const WIDTH_SHOWN: usize = 160;

/// Cómo salió un criterio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    #[serde(rename = "bien")]
    Pass,
    #[serde(rename = "mal")]
    Fail,
    /// No llegó a tiempo, y podía llegar.
    #[serde(rename = "lento")]
    Late,
    /// No se mira hasta que se cumplan otros.
    #[serde(rename = "espera")]
    Blocked,
}

/// Un criterio, ya mirado.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub id: String,
    #[serde(rename = "tarea")]
    pub task: u32,
    #[serde(rename = "titulo")]
    pub title: String,
    #[serde(rename = "resultado")]
    pub outcome: Outcome,
    #[serde(rename = "puntos")]
    pub points: f64,
    #[serde(rename = "de")]
    pub out_of: f64,
    /// Lo que se vio.
    #[serde(rename = "visto", default)]
    pub seen: String,
    /// La idea equivocada, si se reconoce.
    #[serde(rename = "concepto", default)]
    pub concept: Option<String>,
}

/// La corrección de una entrega.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    #[serde(rename = "criterios")]
    pub marks: Vec<Mark>,
    #[serde(rename = "duracion_ms")]
    pub millis: u64,
}

impl Grade {
    /// De 0 a 10. Con una sola tarea, de lo que vale ella.
    pub fn points(&self) -> f64 {
        self.marks.iter().map(|m| m.points).sum()
    }

    pub fn out_of(&self) -> f64 {
        self.marks.iter().map(|m| m.out_of).sum()
    }

    /// Solo qué está bien y qué está mal: en un examen no se dice por qué.
    pub fn without_reasons(&self) -> Grade {
        let silent = |mark: &Mark| Mark { seen: String::new(), concept: None, ..mark.clone() };
        Grade { marks: self.marks.iter().map(silent).collect(), millis: self.millis }
    }

    pub fn is_full(&self) -> bool {
        self.marks.iter().all(|m| m.outcome == Outcome::Pass)
    }
}

/// Lo que hace falta para corregir: la hoja y dónde está cada cosa.
pub struct Bench<'a> {
    pub sheet: &'a Sheet,
    /// El directorio de trabajo: dentro, `entrega/` y los Pods del corrector.
    pub dir: &'a Path,
    pub patience: Patience,
    /// Compila un fichero de Rust entregado y deja el programa en `programa/`.
    pub compile: &'a dyn Fn(&str) -> Result<(), String>,
}

/// El Pod en marcha de un ensayo, o por qué no lo está.
type Running = Option<(String, Result<Pod, String>)>;

impl Bench<'_> {
    /// Corrige los criterios de `task`, o todos. `tell` se llama con cada uno antes de mirarlo: el que es, y por
    /// cuántos va.
    pub fn grade(&self, task: Option<u32>, tell: impl Fn(&Criterion, usize, usize)) -> Grade {
        let start = std::time::Instant::now();
        let mut marks: Vec<Mark> = Vec::new();
        let mut running: Running = None;
        let wanted = self.wanted(task);
        for criterion in &wanted {
            tell(criterion, marks.len() + 1, wanted.len());
            let mark = self.one(criterion, &marks, &mut running);
            marks.push(mark);
        }
        close(&mut running);
        Grade { marks, millis: start.elapsed().as_millis() as u64 }
    }

    /// Los de esa tarea y los que han de cumplirse antes.
    fn wanted(&self, task: Option<u32>) -> Vec<&Criterion> {
        let all = &self.sheet.criteria;
        let mut keep: Vec<&str> = Vec::new();
        for c in all.iter().rev() {
            if task.is_none_or(|task| task == c.task) || keep.contains(&c.id.as_str()) {
                keep.push(&c.id);
                keep.extend(c.after.iter().map(String::as_str));
            }
        }
        all.iter().filter(|c| keep.contains(&c.id.as_str())).collect()
    }

    fn one(&self, criterion: &Criterion, before: &[Mark], running: &mut Running) -> Mark {
        let mark = |outcome, seen: String, concept| Mark {
            id: criterion.id.clone(),
            task: criterion.task,
            title: criterion.title.clone(),
            outcome,
            points: if outcome == Outcome::Pass { criterion.points } else { 0.0 },
            out_of: criterion.points,
            seen,
            concept,
        };
        let met = |id: &&String| before.iter().any(|m| m.id == **id && m.outcome == Outcome::Pass);
        if let Some(missing) = criterion.after.iter().find(|id| !met(id)) {
            return mark(Outcome::Blocked, format!("no se mira hasta que se cumpla el {missing}"), None);
        }
        let pod = match self.trial(&criterion.trial, running) {
            Ok(pod) => pod,
            Err(why) => return mark(Outcome::Fail, why.clone(), self.unborn(criterion)),
        };
        for step in &criterion.steps {
            let (outcome, seen) = match act::take(pod, step, self.patience) {
                Ok(()) => continue,
                Err(Failure::Wrong(seen)) => (Outcome::Fail, seen),
                Err(Failure::Late { seen, waited }) => {
                    let waited = format!("{:.0}", waited.as_secs_f64());
                    (Outcome::Late, format!("{seen} (esperé {waited} s)"))
                }
            };
            let symptom = criterion.symptoms.iter().find(|s| act::shows(pod, &s.when));
            let concept = symptom.map(|s| s.concept.clone());
            // de lo que se reconoce como un error ya no se dice que sea lento
            let outcome = if concept.is_some() { Outcome::Fail } else { outcome };
            let printed = self.printed(criterion, step, pod).filter(|text| {
                // una vez basta: de lo mismo fallan varios
                !before.iter().any(|m| m.seen.contains(text))
            });
            let seen = [seen].into_iter().chain(printed).collect::<Vec<_>>().join("\n");
            return mark(outcome, seen, concept);
        }
        mark(Outcome::Pass, String::new(), None)
    }

    /// Lo que escribió quien ha fallado, si quien lo entrega no ha podido leerlo: lo suyo se ejecuta en
    /// un Pod del corrector, o su Pod ya no está. Y si es lo escrito lo que se miraba, siempre.
    fn printed(&self, criterion: &Criterion, step: &Step, pod: &Pod) -> Option<String> {
        let container = step.container()?;
        let ours = matches!(self.sheet.trials[&criterion.trial], Trial::Ours { .. });
        let shown = ours || step.reads_output() || pod.failed(container);
        let output = shown.then(|| pod.output(container).ok()).flatten()?;
        last_lines(&output).map(|lines| format!("Lo que escribió «{container}»:\n{lines}"))
    }

    /// Lo que se dice cuando el Pod ni nace: el síntoma que no necesita mirar nada.
    fn unborn(&self, criterion: &Criterion) -> Option<String> {
        let always = criterion.symptoms.iter().find(|s| s.when.is_empty());
        always.map(|s| s.concept.clone())
    }

    /// El Pod del ensayo `name`: el que ya está, o uno recién levantado.
    fn trial<'r>(&self, name: &str, running: &'r mut Running) -> Result<&'r mut Pod, &'r String> {
        if running.as_ref().is_none_or(|(current, _)| current != name) {
            close(running);
            *running = Some((name.to_string(), self.start(name)));
        }
        match &mut running.as_mut().expect("se acaba de poner").1 {
            Ok(pod) => Ok(pod),
            Err(why) => Err(why),
        }
    }

    fn start(&self, name: &str) -> Result<Pod, String> {
        let words = |file: std::path::PathBuf, more: &[&str]| {
            let file = file.to_string_lossy().into_owned();
            let more = more.iter().map(|word| word.to_string());
            ["run".to_string(), file, "-d".into()].into_iter().chain(more).collect::<Vec<String>>()
        };
        match &self.sheet.trials[name] {
            Trial::HandedIn(file) => {
                let path = self.dir.join("entrega").join(file);
                if !path.is_file() {
                    return Err(format!("falta el fichero {file}"));
                }
                // las esperas entre reinicios, cortas: aquí no enseñan nada
                let born = Pod::start(words(path, &["--policy", "lab", "--acelera", "20"]));
                // quien lee no sabe que se corrige una copia: los nombres, como en su carpeta
                let copy = format!("{}/", self.dir.join("entrega").display());
                born.map_err(|why| why.replace(&copy, ""))
            }
            Trial::Ours { pod, compile } => {
                if let Some(source) = compile {
                    (self.compile)(source)?;
                }
                Pod::start(words(self.dir.join(pod), &[]))
            }
        }
    }
}

/// La primera línea de lo que escribió un programa, que suele decir qué pasa, y las últimas, sin que llenen la
/// pantalla ni manden sobre ella.
pub fn last_lines(output: &str) -> Option<String> {
    let all: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
    let (first, rest) = all.split_first()?;
    let skipped = rest.len().saturating_sub(LINES_SHOWN - 1);
    let shown = |line: &&str| {
        let line = term::harmless(&line.replace('\t', " "));
        match line.chars().count() > WIDTH_SHOWN {
            true => format!("  | {}…", line.chars().take(WIDTH_SHOWN).collect::<String>()),
            false => format!("  | {line}"),
        }
    };
    let mut lines = vec![shown(first)];
    if skipped > 0 {
        lines.push("  …".into());
    }
    lines.extend(rest[skipped..].iter().map(shown));
    Some(lines.join("\n"))
}

fn close(running: &mut Running) {
    if let Some((_, Ok(pod))) = running.take() {
        pod.delete();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_lo_que_escribio_un_programa_se_ensena_el_principio_y_el_final_y_no_manda_en_la_pantalla() {
        assert_eq!(last_lines("\n \n"), None);
        assert_eq!(last_lines("uno\n\ndos\n").as_deref(), Some("  | uno\n  | dos"));
        let long: String = (0..9).map(|n| format!("línea {n}\n")).collect();
        let shown = last_lines(&long).unwrap();
        assert_eq!(shown, "  | línea 0\n  …\n  | línea 5\n  | línea 6\n  | línea 7\n  | línea 8");
        let few: String = (0..LINES_SHOWN).map(|n| format!("línea {n}\n")).collect();
        assert!(!last_lines(&few).unwrap().contains('…'), "caben todas");
        assert_eq!(last_lines("\tcon tabulador").as_deref(), Some("  |  con tabulador"));
        let wide = last_lines(&format!("\u{1b}[2J{}", "a".repeat(500))).unwrap();
        assert!(!wide.contains('\u{1b}') && wide.ends_with('…'), "{wide}");
        assert_eq!(wide.chars().count(), "  | ".len() + WIDTH_SHOWN + 1);
    }
}
