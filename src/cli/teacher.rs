//! `micropod lab corrige`, `informe` y `prepara`: lo que usa quien enseña.

use super::{lab::points, path, require_root, term};
use crate::error::{Error, exit};
use crate::lab::compile::Compiler;
use crate::lab::folder::{self, State};
use crate::lab::grade::Grade;
use crate::lab::hand_in::Files;
use crate::lab::job::{self, Job};
use crate::lab::needs::Machine;
use crate::lab::results::{self, Marked, Submission};
use crate::lab::{catalog, class, kit};
use clap::ArgMatches;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Corrige las entregas de un directorio. Lo ya corregido y sin cambios no se repite.
pub fn correct(args: &ArgMatches) -> Result<u8, Error> {
    require_root("corregir")?;
    let dir = path(args, "DIRECTORIO");
    let limit = match args.get_one::<String>("timeout") {
        Some(text) => super::duration(text)?,
        None => job::LIMIT,
    };
    let packages = results::packages(&dir)?;
    if packages.is_empty() {
        return Err(Error::failed(format!("en {} no hay entregas (.tar.gz)", dir.display()))
            .with_hint("son los paquetes que hace `micropod lab entrega`"));
    }
    let limit_of_exam = super::lab::minutes(args)?;
    let mut all = results::load(&dir)?;
    let compiler = Compiler::find();
    let (machine, mut pending) = (Machine::look(), 0);
    for package in &packages {
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shown = term::harmless(&name);
        let mut submission = match results::open(package) {
            Ok(submission) => submission,
            Err(why) => {
                println!("{shown}: no se puede corregir: {}", term::harmless(&why));
                pending += 1;
                continue;
            }
        };
        let own = submission.state.course.clone();
        submission.state.course = told_course(&submission.state.lab, args).unwrap_or_else(|| own.clone());
        if submission.state.limit.is_some() {
            submission.state.limit = limit_of_exam.or(submission.state.limit);
        }
        let course = submission.state.course.clone();
        let same = |old: &&mut Marked| old.digest == submission.digest && old.state.course == course;
        if let Some(old) = all.get_mut(&name).filter(same) {
            // el plazo no cambia la corrección: solo lo que se cuenta de ella
            old.state.limit = submission.state.limit;
            results::save(&dir, &all)?;
            println!("{shown}: ya estaba corregida");
            continue;
        }
        match grade(&submission, &machine, compiler.as_ref(), limit) {
            Ok(grade) => {
                let other = match own.as_str() {
                    own if own == course => String::new(),
                    "" => format!(" (se empezó sin curso, y se ha corregido con «{course}»)"),
                    own => format!(" (se empezó con «{}», y no con «{course}»)", term::harmless(own)),
                };
                println!("{shown}: {}{other}", points(grade.points()));
                let Submission { state, digest, answer, .. } = submission;
                all.insert(name, Marked { digest, answer, state, grade });
                results::save(&dir, &all)?;
            }
            // que se rompa el corrector no es culpa del estudiante: no se apunta nada
            Err(Error::Exit(130)) => return Err(Error::Exit(130)),
            Err(error) => {
                println!("{shown}: sin corregir: {}", error.to_string().lines().next().unwrap_or_default());
                pending += 1;
            }
        }
    }
    println!("\nCorregidas: {} · sin corregir: {pending}", all.len());
    println!("El informe: micropod lab informe {}", dir.display());
    Ok(if pending == 0 { exit::OK } else { exit::FAILED })
}

/// El curso que dice quien enseña o, si es un examen, la semilla. Si no dice nada, vale lo de la entrega.
fn told_course(lab: &str, args: &ArgMatches) -> Option<String> {
    let exam = catalog::find(lab).is_ok_and(|lab| lab.blank_sheet().exam);
    args.get_one::<String>(if exam { "semilla" } else { "curso" }).cloned()
}

fn grade(
    submission: &Submission,
    machine: &Machine,
    compiler: Option<&Compiler>,
    limit: Duration,
) -> Result<Grade, Error> {
    let State { lab, student, course, .. } = &submission.state;
    let lab = catalog::find(lab)?;
    let sheet = lab.blank_sheet();
    let lacks = machine.lacks(&sheet.needs);
    if !lacks.is_empty() {
        return Err(Error::failed(format!("aquí falta {}", lacks.join("; "))));
    }
    let mut files: Files = submission.files.clone();
    files.retain(|name, _| catalog::Lab::is_handed_in(&sheet, Path::new(name)));
    let job = Job {
        lab: lab.name.clone(),
        student: student.clone(),
        course: course.clone(),
        files,
        task: None,
        compiler: compiler.cloned(),
    };
    job.grade(limit)
}

/// Hace el kit de un aula sin red, o acaba el que se quedó a medias.
pub fn prepare(args: &ArgMatches) -> Result<u8, Error> {
    require_root("leer las imágenes")?;
    let dir = path(args, "DIRECTORIO");
    let book = args.get_one::<String>("libro").map(PathBuf::from);
    let missing = kit::prepare(&dir, book.as_deref(), |what| println!("  {what}"))?;
    println!("El kit está en {}. En cada ordenador, sin red: sudo sh instala", dir.display());
    for (image, labs) in missing.images {
        let labs = labs.join(", ");
        term::note(&format!("falta la imagen {image} ({labs}): sudo micropod image build {image}, y repite"));
    }
    if missing.book {
        term::note("falta el libro: constrúyelo con `make book` y repite con --libro book/book");
    }
    Ok(exit::OK)
}

/// Escribe el informe junto a las entregas y enseña lo que más falla.
pub fn inform(args: &ArgMatches) -> Result<u8, Error> {
    let dir = path(args, "DIRECTORIO");
    let all = results::load(&dir)?;
    if all.is_empty() {
        return Err(Error::failed(format!("en {} no hay nada corregido", dir.display()))
            .with_hint(format!("sudo micropod lab corrige {}", dir.display())));
    }
    let mut files = vec![("informe.html".to_string(), class::html(&all))];
    for (name, results) in class::grade_books(&all) {
        files.push((format!("{name}.csv"), class::table(&results, ';')));
        files.push((format!("{name}.tsv"), class::table(&results, '\t')));
    }
    for (name, text) in files {
        folder::write_plain(&dir, &name, text.as_bytes())?;
        println!("{}", dir.join(name).display());
    }
    let [criteria, concepts] = class::most_failed(&all);
    for (title, rows) in
        [("Ideas equivocadas que más se repiten", concepts), ("Criterios que más fallan", criteria)]
    {
        println!("\n{title}:");
        for (lab, what, times) in rows.iter().take(5) {
            println!("  {times:>3}  {lab}  {}", term::harmless(what));
        }
    }
    Ok(exit::OK)
}
