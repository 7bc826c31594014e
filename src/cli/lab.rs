//! `micropod lab`: lo que ve un estudiante.

use super::{require_root, teacher, term, text};
use crate::error::{Error, exit};
use crate::lab::catalog::{self, Lab};
use crate::lab::compile::Compiler;
use crate::lab::exam::Deadline;
use crate::lab::folder::{self, Attempt, Folder, State};
use crate::lab::grade::{Grade, Mark, Outcome};
use crate::lab::job::{self, Job};
use crate::lab::needs::Machine;
use crate::lab::sheet::Sheet;
use crate::lab::{hand_in, report, world};
use crate::state;
use clap::ArgMatches;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Las pistas de cada tarea.
const HINT_NAMES: [&str; 3] = ["Orientación", "Herramienta", "Casi la solución"];

pub fn lab(args: &ArgMatches) -> Result<u8, Error> {
    match args.subcommand() {
        Some(("lista", _)) => list(),
        Some(("empieza", args)) => begin(args),
        Some(("comprueba", args)) => check(args),
        Some(("pista", args)) => hint(args),
        Some(("reinicia", args)) => start_over(args),
        Some(("porque", args)) => why(args),
        Some(("entrega", args)) => hand_in_verb(args),
        Some(("examen", args)) => exam(args),
        Some(("corrige", args)) => teacher::correct(args),
        Some(("informe", args)) => teacher::inform(args),
        Some(("prepara", args)) => teacher::prepare(args),
        Some(("corrector", args)) => world::enter(text(args, "CGROUP")),
        _ => Err(Error::usage("falta el comando de lab")),
    }
}

fn list() -> Result<u8, Error> {
    let machine = Machine::look();
    println!("LAB  CAP  MIN  TÍTULO");
    let mut absent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lab in catalog::all() {
        let Sheet { title, chapter, minutes, needs, .. } = lab.blank_sheet();
        let lacks = machine.lacks(&needs);
        let mark = if lacks.is_empty() { "" } else { " (*)" };
        println!("{}  {chapter:>3}  {minutes:>3}  {title}{mark}", lab.code());
        for lack in lacks {
            absent.entry(lack).or_default().push(lab.code());
        }
    }
    if !absent.is_empty() {
        println!("\n(*) Aquí no se puede comprobar. Falta:");
    }
    for (lack, labs) in absent {
        println!("  {lack}: {}", labs.join(", "));
    }
    println!("\nEmpieza por: micropod lab empieza 1");
    Ok(exit::OK)
}

fn begin(args: &ArgMatches) -> Result<u8, Error> {
    let course = args.get_one::<String>("curso").cloned().unwrap_or_default();
    begin_as(catalog::find(text(args, "LAB"))?, course, None, args)
}

/// El examen: la semilla, que da quien enseña, decide con el nombre qué averías le tocan a cada cual.
fn exam(args: &ArgMatches) -> Result<u8, Error> {
    let exam = catalog::all().into_iter().find(|lab| lab.blank_sheet().exam);
    let lab = exam.ok_or_else(|| Error::failed("este micropod no lleva ningún examen"))?;
    let limit = minutes(args)?.unwrap_or(lab.blank_sheet().minutes);
    begin_as(lab, text(args, "semilla").to_string(), Some(limit), args)
}

/// El plazo que se da, en minutos.
pub fn minutes(args: &ArgMatches) -> Result<Option<u32>, Error> {
    const DAY: u32 = 24 * 60;
    let Some(text) = args.get_one::<String>("minutos") else { return Ok(None) };
    let given = text.parse().ok().filter(|n| (1..=DAY).contains(n));
    given.map(Some).ok_or_else(|| {
        Error::usage(format!("«{}» no es un plazo", term::harmless(text)))
            .with_hint(format!("son minutos, de 1 a {DAY}: --minutos 90"))
    })
}

fn begin_as(lab: Lab, course: String, limit: Option<u32>, args: &ArgMatches) -> Result<u8, Error> {
    let given = args.get_one::<String>("alumno").cloned();
    let student = given.or_else(folder::who).filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        Error::usage("no sé quién eres").with_hint("dilo: repite la orden con `--alumno ana.ruiz` detrás")
    })?;
    let dir = PathBuf::from(&lab.name);
    if dir.exists() {
        return Err(already_begun(&lab, &student, &course));
    }
    folder::make_dir(&dir)?;
    let begun = state::unix_millis() / 1000;
    let state = State { lab: lab.name.clone(), student, course, begun, limit, ..State::default() };
    let folder = Folder { dir, lab, state };
    folder.save()?;
    let files = folder.write_start(false)?;
    println!("{} · {}", folder.lab.code(), folder.lab.blank_sheet().title);
    println!("En la carpeta {}: {}", folder.lab.name, files.join(", "));
    if let Some(deadline) = Deadline::of(&folder.state) {
        println!("{}", deadline.tell(begun));
    }
    println!("Lee enunciado.md. Cuando quieras saber cómo vas:");
    println!("  cd {} && sudo micropod lab comprueba", folder.lab.name);
    Ok(exit::OK)
}

/// Volver al principio deja los valores con que se empezó: para otro curso, u otra semilla, no vale.
fn already_begun(lab: &Lab, student: &str, course: &str) -> Error {
    let same = |folder: Folder| folder.state.course == course && folder.state.student == student;
    let hint = match Folder::open(Path::new(&lab.name)).is_ok_and(same) {
        true => format!("sigue en ella, o empieza de cero con `micropod lab reinicia {}`", lab.number),
        false => "no es lo que pides: se empezó con otro nombre, otro curso u otra semilla. Hazlo en otro \
                  directorio: `mkdir otra && cd otra`, y repite la orden"
            .to_string(),
    };
    Error::failed(format!("ya existe la carpeta {}", lab.name)).with_hint(hint)
}

fn start_over(args: &ArgMatches) -> Result<u8, Error> {
    let folder = Folder::find(args.get_one::<String>("LAB").map(String::as_str))?;
    let files = folder.write_start(true)?;
    println!("Como al principio: {}", files.join(", "));
    println!("Los ficheros que hayas añadido tú siguen ahí, y la cuenta de intentos y pistas, también.");
    Ok(exit::OK)
}

/// Lo que hay en la carpeta, como encargo.
pub fn job_of(folder: &Folder, task: Option<u32>, compiler: Option<Compiler>) -> Job {
    Job {
        lab: folder.lab.name.clone(),
        student: folder.state.student.clone(),
        course: folder.state.course.clone(),
        files: hand_in::collect(&folder.dir, &folder.lab.blank_sheet()),
        task,
        compiler,
    }
}

fn number(args: &ArgMatches, name: &str) -> Result<Option<u32>, Error> {
    let Some(text) = args.get_one::<String>(name) else { return Ok(None) };
    let bad = || Error::usage(format!("«{}» no es el número de una tarea", term::harmless(text)));
    text.parse().map(Some).map_err(|_| bad())
}

fn check(args: &ArgMatches) -> Result<u8, Error> {
    require_root("comprobar un laboratorio")?;
    let task = number(args, "tarea")?;
    let mut folder = Folder::find(args.get_one::<String>("LAB").map(String::as_str))?;
    let sheet = folder.lab.sheet(&folder.values());
    if let Some(task) = task.filter(|task| sheet.criteria.iter().all(|c| c.task != *task)) {
        return Err(no_task(&sheet, task));
    }
    let lacks = Machine::look().lacks(&sheet.needs);
    if !lacks.is_empty() {
        return Err(Error::failed(format!("aquí no se puede comprobar el {}", folder.lab.code()))
            .with_hint(format!("falta {}", lacks.join("; "))));
    }
    if !args.get_flag("vigila") {
        let json = args.get_one::<String>("output").is_some_and(|format| format == "json");
        let grade = attempt(&mut folder, &sheet, task, json)?;
        return Ok(if grade.is_full() { exit::OK } else { exit::FAILED });
    }
    let mut before = None;
    loop {
        let job = job_of(&folder, task, None);
        if before.as_ref() != Some(&job.files) {
            let grade = attempt(&mut folder, &sheet, task, false)?;
            if grade.is_full() {
                return Ok(exit::OK);
            }
            before = Some(job.files);
            println!("\nEspero a que guardes algún cambio (Ctrl-C para dejarlo)…");
        }
        if world::interrupted() {
            return Err(Error::Exit(130));
        }
        std::thread::sleep(super::LOOK_EVERY);
    }
}

fn no_task(sheet: &Sheet, task: u32) -> Error {
    // los criterios van por ensayos, y sus tareas ni en orden ni juntas; pero no falta ninguna
    let last = sheet.criteria.iter().map(|c| c.task).max().unwrap_or(0);
    let known: Vec<String> = (1..=last).map(|task| task.to_string()).collect();
    Error::usage(format!("no hay una tarea {task}")).with_hint(format!("las hay: {}", known.join(", ")))
}

/// Corrige, lo cuenta y lo apunta.
fn attempt(folder: &mut Folder, sheet: &Sheet, task: Option<u32>, json: bool) -> Result<Grade, Error> {
    let compiler = sheet.needs.rustc.then(Compiler::find).flatten();
    let full = job_of(folder, task, compiler).grade(job::LIMIT).inspect_err(|error| {
        if matches!(error, Error::Exit(130)) {
            term::note("interrumpido: no cuenta como intento");
        }
    })?;
    let grade = if sheet.exam { full.without_reasons() } else { full };
    match json {
        true => println!("{}", report::exercism(&grade, &folder.state.hints)),
        false => show(&folder.lab, sheet, &grade, task),
    }
    if let Some(deadline) = Deadline::of(&folder.state).filter(|_| !json) {
        println!("{}", deadline.tell(state::unix_millis() / 1000));
    }
    if task.is_none() {
        let failed =
            grade.marks.iter().filter(|m| m.outcome != Outcome::Pass).map(|m| m.id.clone()).collect();
        let when = state::unix_millis() / 1000;
        folder.state.attempts.push(Attempt { when, points: grade.points(), failed });
        folder.save()?;
    }
    Ok(grade)
}

/// `3,5`: con coma, como se escribe en clase.
pub fn points(number: f64) -> String {
    let text = format!("{number:.2}").replace('.', ",");
    text.trim_end_matches('0').trim_end_matches(',').to_string()
}

fn show(lab: &Lab, sheet: &Sheet, grade: &Grade, task: Option<u32>) {
    println!("{} · {}", lab.code(), sheet.title);
    for mark in &grade.marks {
        show_mark(sheet, mark);
    }
    println!("\nPuntos: {} de {}", points(grade.points()), points(grade.out_of()));
    match grade.marks.iter().find(|m| matches!(m.outcome, Outcome::Fail | Outcome::Late)) {
        None if task.is_some() => println!("Esta tarea está. Mira el conjunto: sudo micropod lab comprueba"),
        None => println!("Está todo. ¿Por qué funciona? micropod lab porque {}", lab.number),
        Some(_) if sheet.exam => {}
        Some(mark) => println!("¿Una pista? micropod lab pista {} {}", lab.number, mark.task),
    }
}

fn show_mark(sheet: &Sheet, mark: &Mark) {
    let Mark { id, title, outcome, points: won, out_of, seen, concept, .. } = mark;
    let word = match outcome {
        Outcome::Pass => "[bien]  ",
        Outcome::Fail => "[mal]   ",
        Outcome::Late => "[lento] ",
        Outcome::Blocked => "[espera]",
    };
    println!("{word} {id}  {title} ({} de {})", points(*won), points(*out_of));
    if *outcome == Outcome::Pass {
        return;
    }
    for line in seen.lines() {
        println!("             {line}");
    }
    if let Some(concept) = concept.as_ref().and_then(|code| sheet.concepts.get(code)) {
        println!("         {}", concept.says);
        let title = catalog::chapter_title(concept.chapter);
        println!("         Lo explica el capítulo {}: {title}", concept.chapter);
    }
}

fn hint(args: &ArgMatches) -> Result<u8, Error> {
    let (lab, given) = match (args.get_one::<String>("LAB"), number(args, "TAREA")?) {
        // un solo número, en la carpeta de un laboratorio, es el de la tarea
        (Some(_), None) if Folder::find(None).is_ok() => (None, number(args, "LAB")?),
        (lab, task) => (lab.map(String::as_str), task),
    };
    let mut folder = Folder::find(lab)?;
    let sheet = folder.lab.sheet(&folder.values());
    if sheet.exam {
        return Err(Error::failed("en un examen no hay pistas"));
    }
    let task = given.unwrap_or_else(|| folder.state.stuck_on(&sheet));
    let Some((first, second, third)) = sheet.hints.get(&task) else { return Err(no_task(&sheet, task)) };
    let level = folder.state.hints.get(&task).copied().unwrap_or(0).min(HINT_NAMES.len() - 1) + 1;
    folder.state.hints.insert(task, level);
    folder.save()?;
    if given.is_none() {
        println!("La tarea {task}:");
    }
    for (name, hint) in HINT_NAMES.iter().zip([first, second, third]).take(level) {
        println!("{name}. {hint}");
    }
    if level < HINT_NAMES.len() {
        println!("\n(Hay {} más: repite el comando.)", HINT_NAMES.len() - level);
    }
    Ok(exit::OK)
}

fn why(args: &ArgMatches) -> Result<u8, Error> {
    let folder = Folder::find(args.get_one::<String>("LAB").map(String::as_str))?;
    let passed = folder.state.attempts.iter().any(|a| a.failed.is_empty());
    if !passed {
        return Err(Error::failed("el porqué se cuenta cuando está hecho")
            .with_hint("compruébalo con `sudo micropod lab comprueba`"));
    }
    println!("{}", folder.lab.why(&folder.values()).trim_end());
    let chapter = folder.lab.blank_sheet().chapter;
    println!("\nEl capítulo {chapter} del libro lo cuenta entero: {}", catalog::chapter_title(chapter));
    Ok(exit::OK)
}

fn hand_in_verb(args: &ArgMatches) -> Result<u8, Error> {
    let mut folder = Folder::find(args.get_one::<String>("LAB").map(String::as_str))?;
    if args.get_one::<String>("alumno").is_some_and(|student| *student != folder.state.student) {
        let own = term::harmless(&folder.state.student);
        return Err(Error::usage(format!("esta carpeta la empezó «{own}», y sus valores son los suyos"))
            .with_hint("empieza el laboratorio con tu nombre: `micropod lab empieza … --alumno`"));
    }
    folder.dir = std::path::absolute(&folder.dir).unwrap_or(folder.dir);
    let path = hand_in::pack(&folder)?;
    if let Some(deadline) = Deadline::of(&folder.state) {
        println!("{}", deadline.tell(state::unix_millis() / 1000));
    }
    println!("{}", path.strip_prefix(Path::new(".")).unwrap_or(&path).display());
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn las_tareas_que_hay_se_dicen_en_orden_y_una_vez() {
        let sheet = catalog::find("4").unwrap().blank_sheet();
        let said = no_task(&sheet, 9).to_string();
        assert!(said.contains("las hay: 1, 2, 3"), "{said}");
        for lab in catalog::all() {
            let mut tasks: Vec<u32> = lab.blank_sheet().criteria.iter().map(|c| c.task).collect();
            tasks.sort_unstable();
            tasks.dedup();
            assert!(tasks.iter().copied().eq(1..=tasks.len() as u32), "{}: {tasks:?}", lab.name);
        }
    }
}
