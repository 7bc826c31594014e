//! `make labs`: todas las pruebas de los correctores, con sus cifras.
//!
//!     labs [LABORATORIO…] [--sin-mutantes] [--veces N]
//!
//! Cada corrección se hace en su propio mundo: aquí solo se mira que después no quede nada.

#[path = "../../tests/labs/mod.rs"]
mod labs;

use labs::{Case, Files, Report, mutants};
use micropod::lab::catalog;
use micropod::lab::needs::Machine;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

struct Options {
    wanted: Vec<String>,
    mutants: bool,
    times: u32,
}

fn options() -> Options {
    let mut options = Options { wanted: Vec::new(), mutants: true, times: 1 };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--sin-mutantes" => options.mutants = false,
            "--veces" => options.times = args.next().and_then(|n| n.parse().ok()).expect("--veces N"),
            other => options.wanted.push(other.to_string()),
        }
    }
    options
}

/// Cuentas de un laboratorio.
#[derive(Default)]
struct Tally {
    grades: u32,
    problems: Vec<String>,
    wrong: (usize, usize),
    mutants: (usize, usize),
    survivors: Vec<String>,
}

struct Prober {
    binary: PathBuf,
    folder: PathBuf,
}

impl Prober {
    fn grade(&self, case: &Case, files: &Files) -> Report {
        case.lay_out(&self.folder, files);
        let output = Command::new(&self.binary)
            .args(["lab", "comprueba", "-o", "json"])
            .current_dir(&self.folder)
            .output()
            .expect("micropod");
        let text = String::from_utf8_lossy(&output.stdout);
        Report::read(&text)
            .unwrap_or_else(|| panic!("{}: {text}{}", case.lab.name, String::from_utf8_lossy(&output.stderr)))
    }

    fn probe(&self, case: &Case, options: &Options) -> Tally {
        let mut tally = Tally::default();
        let full = |name: &str, tally: &mut Tally| {
            tally.grades += 1;
            let report = self.grade(case, &case.answer(name));
            if report.points() != 10.0 {
                tally.problems.push(format!(
                    "{name} no vale 10 sino {}:\n{}",
                    report.points(),
                    report.story()
                ));
            }
        };
        for _ in 0..options.times {
            full("solucion", &mut tally);
        }
        full("otra-solucion", &mut tally);
        self.untouched(case, &mut tally);
        self.wrong(case, &mut tally);
        if options.mutants {
            self.mutants(case, &mut tally);
        }
        tally
    }

    /// Nada entregado, y lo de partida.
    fn untouched(&self, case: &Case, tally: &mut Tally) {
        tally.grades += 2;
        let empty = self.grade(case, &Files::new());
        if empty.points() != 0.0 {
            tally.problems.push(format!("no entregar nada vale {}:\n{}", empty.points(), empty.story()));
        }
        let start = self.grade(case, &case.start());
        let wanted = &case.proofs.inicio;
        if start.points() > wanted.como_mucho || !start.blames(&wanted.falla, wanted.concepto.as_deref()) {
            tally.problems.push(format!("lo de partida vale {}:\n{}", start.points(), start.story()));
        }
    }

    fn wrong(&self, case: &Case, tally: &mut Tally) {
        for wrong in &case.proofs.malas {
            tally.grades += 1;
            tally.wrong.1 += 1;
            let report = self.grade(case, &case.wrong(wrong));
            if report.points() < 10.0 && report.blames(&wrong.falla, Some(&wrong.concepto)) {
                tally.wrong.0 += 1;
            } else {
                let (id, concept) = (&wrong.falla, &wrong.concepto);
                let story = report.story();
                tally
                    .problems
                    .push(format!("«{}» no se rechaza por {id}, {concept}:\n{story}", wrong.nombre));
            }
        }
    }

    fn mutants(&self, case: &Case, tally: &mut Tally) {
        let solution = case.answer("solucion");
        let known: BTreeSet<&str> = case.proofs.equivalentes.iter().map(|e| e.mutante.as_str()).collect();
        for (file, text) in &solution {
            for mutant in mutants::of(file, text) {
                if known.contains(mutant.name.as_str()) {
                    continue;
                }
                tally.grades += 1;
                tally.mutants.1 += 1;
                let mut files = solution.clone();
                files.insert(file.clone(), mutant.text);
                if self.grade(case, &files).points() < 10.0 {
                    tally.mutants.0 += 1;
                } else {
                    tally.survivors.push(mutant.name);
                }
            }
        }
    }
}

/// Lo que un corrector podría dejar en la máquina.
fn traces() -> BTreeSet<String> {
    let names = |dir: &str| -> Vec<String> {
        let all = micropod::state::names_in(Path::new(dir));
        all.into_iter().map(|name| format!("{dir}/{name}")).collect()
    };
    let root = micropod::cgroup::Hierarchy::find().map(|h| h.root.display().to_string()).unwrap_or_default();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mine = |n: &String| n.contains("micropod-lab");
    names(&root)
        .into_iter()
        .filter(mine)
        .chain(names("/run/micropod/pods"))
        .chain(names("/var/lib/micropod/pods"))
        .chain(mounts.lines().map(String::from))
        .collect()
}

fn main() -> ExitCode {
    let options = options();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    // la suite está junto al programa: target/PERFIL/examples/labs
    let beside = std::env::current_exe().unwrap().parent().unwrap().join("../micropod");
    let folder = std::env::temp_dir().join(format!("micropod-labs-{}", std::process::id()));
    let prober = Prober { binary: beside.canonicalize().expect("compila antes micropod"), folder };
    let machine = Machine::look();
    let (before, mut good) = (traces(), true);
    for lab in catalog::all() {
        let chosen = |w: &String| w.parse() == Ok(lab.number) || lab.name == *w;
        if !options.wanted.is_empty() && !options.wanted.iter().any(chosen) {
            continue;
        }
        let lacks = machine.lacks(&lab.blank_sheet().needs);
        if !lacks.is_empty() {
            println!("{}: no se prueba aquí: falta {}", lab.name, lacks.join("; "));
            continue;
        }
        let start = Instant::now();
        let case = Case::open(project, lab);
        let tally = prober.probe(&case, &options);
        good &= show(&case, &tally, start.elapsed().as_secs());
    }
    // la carpeta de pruebas puede no haberse llegado a hacer
    let _ = std::fs::remove_dir_all(&prober.folder);
    for left in traces().difference(&before) {
        println!("ha quedado: {left}");
        good = false;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Dice cómo ha ido, y si ha ido bien.
fn show(case: &Case, tally: &Tally, seconds: u64) -> bool {
    let Tally { grades, problems, wrong, mutants, survivors } = tally;
    let rate = if mutants.1 == 0 { 100.0 } else { 100.0 * mutants.0 as f64 / mutants.1 as f64 };
    println!(
        "{}: malas {} de {} · mutantes {} de {} ({rate:.1} %), y {} equivalentes · {grades} correcciones en {seconds} s",
        case.lab.name,
        wrong.0,
        wrong.1,
        mutants.0,
        mutants.1,
        case.proofs.equivalentes.len(),
    );
    for survivor in survivors {
        println!("  sobrevive: {survivor}");
    }
    for problem in problems {
        println!("  FALLO: {}", problem.replace('\n', "\n    "));
    }
    problems.is_empty() && rate >= 95.0
}
