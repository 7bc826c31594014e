//! `micropod por-que`: por qué un Pod está como está, en una frase, con lo que lo demuestra y qué hacer.
//!
//! Se mira al kernel antes que a nadie (quién escucha, quién atiende una señal, qué contó el cgroup),
//! después a lo que el núcleo sabe y, lo último, a lo que dijeron los programas: eso es una pista, y una
//! causa que se apoya solo en ella se da como probable.

mod birth;
pub mod causes;
mod clues;
mod ended;
mod finding;
mod logs;
mod past;
mod pod;
mod probes;
mod sockets;

use crate::error::{Error, exit};
use crate::logic::rules::Kind;
use crate::state::Seen;
use causes::Cause;
use clues::{Clue, Clues};
use finding::{Finding, From};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// La respuesta: una frase y los hallazgos que la sostienen, el primero el que manda.
pub struct Answer {
    pub headline: String,
    pub findings: Vec<Finding>,
}

/// Responde por un Pod, o por uno de sus contenedores.
pub fn print(seen: &Seen, container: Option<usize>, as_json: bool) -> Result<u8, Error> {
    let clues = Clues::gather(seen);
    show(&answer(&clues, container), as_json);
    Ok(exit::OK)
}

/// Responde por un Pod que aún es un fichero: qué le impide nacer. Sale con 1 si algo se lo impide.
pub fn print_file(file: &Path, only: Option<&str>, as_json: bool) -> Result<u8, Error> {
    let loaded = birth::load(file, only)?;
    let chosen = only.map(|only| PathBuf::from(format!("{} --solo {only}", file.display())));
    let file = chosen.as_deref().unwrap_or(file);
    let name = &loaded.pod.metadata.name;
    let (answer, code) = match birth::explain(&loaded, file) {
        Some(finding) => {
            let headline = format!("El Pod {name} no puede nacer porque {}.", finding.sentence());
            (Answer { headline, findings: vec![finding] }, exit::FAILED)
        }
        None => {
            let finding = Finding::new(Cause::AllGood, "nada le impide nacer")
                .try_now(format!("micropod run {}", file.display()));
            (
                Answer { headline: format!("Al Pod {name} nada le impide nacer."), findings: vec![finding] },
                exit::OK,
            )
        }
    };
    show(&answer, as_json);
    Ok(code)
}

// ANCHOR: answer
/// Lo que manda: lo que le pase al Pod entero, luego a lo que retiene a cada contenedor, luego lo que
/// les pasó antes. Si no hay nada, es que va bien.
fn answer(clues: &Clues, only: Option<usize>) -> Answer {
    let about = |clue: &&Clue| only.is_none_or(|id| clue.id == id);
    let mut findings: Vec<Finding> = Vec::new();
    findings.extend(pod::of_the_pod(clues));
    let whole = !findings.is_empty();
    for clue in clues.containers.iter().filter(about) {
        if whole && clue.process.is_some() {
            continue; // de uno que vive en un Pod que acaba ya está dicho todo
        }
        add(&mut findings, pod::of_a_container(clues, clue));
    }
    let now = findings.len();
    for clue in clues.containers.iter().filter(about).filter(|_| !whole) {
        if let Some(throttled) = throttled(clue) {
            add(&mut findings, Some(throttled.finding(clues, clue)));
        }
        // lo de antes cuenta aunque ya haya pasado: si lo mató una sonda, más que lo de ahora
        let before = pod::of_before(clues, clue);
        match pod::was_killed_by_a_probe(clues, clue) && now > 0 {
            true => findings.splice(0..0, before).for_each(drop),
            false => add(&mut findings, before),
        }
    }
    if !whole && !findings.iter().any(|f| f.cause == Cause::TooManyProcesses) {
        add(&mut findings, logs::too_many_processes(clues, None));
    }
    let headline = headline(clues, only, &findings, now);
    if findings.is_empty() {
        findings.push(fine(clues, only));
    }
    Answer { headline, findings }
}
// ANCHOR_END: answer

/// Añade un hallazgo, si no es lo mismo que ya se ha dicho de otro contenedor.
fn add(findings: &mut Vec<Finding>, new: Option<Finding>) {
    findings.extend(new.filter(|new| !findings.iter().any(|f| f.says == new.says)));
}

/// La frase que lo resume. `now`: cuántos de los hallazgos son de ahora.
fn headline(clues: &Clues, only: Option<usize>, findings: &[Finding], now: usize) -> String {
    let status = &clues.seen.live.status;
    let who = match only {
        Some(id) => format!("El contenedor {} del Pod {}", clues.containers[id].spec.name, clues.pod()),
        None => format!("El Pod {}", clues.pod()),
    };
    let Some(first) = findings.first() else {
        return match only.map(|id| &clues.containers[id]).filter(|clue| clue.kind == Kind::Init) {
            Some(_) => format!("{who} hizo su trabajo: acabó con código 0."),
            None => format!("{who} va bien."),
        };
    };
    let ready = match only {
        Some(id) => clues.containers[id].status.ready,
        None => status.conditions.iter().any(|c| c.kind == "Ready" && c.status),
    };
    let why = first.sentence();
    // un porqué dentro de otro no se lee
    let link = if why.contains(" porque ") { ":" } else { " porque" };
    match first.cause {
        Cause::Finished => format!("{who} acabó bien: {why}."),
        Cause::Stopping | Cause::IgnoresStop | Cause::Starting => format!("{who} {why}."),
        _ if status.phase.is_final() => format!("{who} ha fallado{link} {why}."),
        _ if now == 0 || ready => format!("{who} ahora va bien, pero {why}."),
        _ if status.phase == crate::logic::status::Phase::Pending => {
            format!("{who} no ha arrancado{link} {why}.")
        }
        _ => format!("{who} no está listo{link} {why}."),
    }
}

fn fine(clues: &Clues, only: Option<usize>) -> Finding {
    let shown = clues.containers.iter().filter(|c| only.is_none_or(|id| c.id == id) && c.is_running());
    let running: Vec<String> = shown.map(|c| format!("{} corre y está listo", c.spec.name)).collect();
    Finding::new(Cause::AllGood, "va bien")
        .because(From::State, running.join("; "))
        .try_now(format!("micropod demuestra {}", clues.pod()))
}

/// La CPU que el kernel le ha quitado a un contenedor por su límite.
struct Throttled {
    periods: u64,
    throttled: u64,
}

/// Periodos que hacen falta para decir algo, y qué parte estrangulada es demasiada.
const MIN_PERIODS: u64 = 50;
const TOO_MUCH: u64 = 25;

fn throttled(clue: &Clue) -> Option<Throttled> {
    let periods = clue.counter("cpu.stat", "nr_periods ").filter(|n| *n >= MIN_PERIODS)?;
    let throttled = clue.counter("cpu.stat", "nr_throttled ")?;
    (throttled * 100 / periods >= TOO_MUCH).then_some(Throttled { periods, throttled })
}

impl Throttled {
    fn percent(&self) -> u64 {
        self.throttled * 100 / self.periods.max(1)
    }

    fn text(&self) -> String {
        format!(
            "cpu.stat: en {} de {} periodos el kernel lo paró por su límite ({} %)",
            self.throttled,
            self.periods,
            self.percent()
        )
    }

    fn finding(&self, clues: &Clues, clue: &Clue) -> Finding {
        let limit = clue.spec.resources.limits.cpu.as_ref();
        let limit = limit.map(|l| format!("limits.cpu: {l}")).unwrap_or_else(|| "el límite del Pod".into());
        let says = format!(
            "a {} no le llega la CPU que tiene ({limit}): el kernel lo para en {} de cada 100 periodos",
            clue.spec.name,
            self.percent()
        );
        Finding::new(Cause::CpuThrottled, says)
            .because(From::Kernel, self.text())
            .try_now(format!("micropod top pod {} --containers", clues.pod()))
    }
}

fn show(answer: &Answer, as_json: bool) {
    match as_json {
        true => println!("{}", to_json(answer)),
        false => print!("{}", to_text(answer)),
    }
}

fn to_text(answer: &Answer) -> String {
    let mut out = format!("{}\n", answer.headline);
    for (i, finding) in answer.findings.iter().enumerate() {
        if i > 0 {
            let _ = writeln!(out, "\nAdemás: {}.", finding.sentence());
        }
        let gap = if i == 0 && !finding.evidence.is_empty() { "\n" } else { "" };
        let _ = write!(out, "{gap}");
        for (from, text) in &finding.evidence {
            let _ = writeln!(out, "  {:<11} {text}", from.name());
        }
    }
    let mut next: Vec<&String> = answer.findings.iter().flat_map(|f| &f.next).collect();
    let mut seen = std::collections::BTreeSet::new();
    next.retain(|command| seen.insert(*command));
    if !next.is_empty() {
        let _ = writeln!(out, "\nAhora:");
        for command in next {
            let _ = writeln!(out, "  {command}");
        }
    }
    let mut ids: Vec<&str> = answer.findings.iter().map(|f| f.cause.id()).collect();
    ids.dedup();
    let _ = writeln!(out, "\ncausa: {}   (micropod explain {})", ids.join(", "), ids[0]);
    out
}

fn to_json(answer: &Answer) -> Value {
    let finding = |f: &Finding| {
        let evidence = |(from, text): &(From, String)| json!({ "from": from.name(), "text": text });
        json!({
            "cause": f.cause.id(), "sure": f.sure, "says": f.says,
            "evidence": f.evidence.iter().map(evidence).collect::<Vec<_>>(), "next": f.next,
        })
    };
    json!({
        "answer": answer.headline,
        "cause": answer.findings[0].cause.id(),
        "findings": answer.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}
