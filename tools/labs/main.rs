//! `make labs`: todas las pruebas de los correctores, con sus cifras.
//!
//!     labs [LABORATORIO…] [--sin-mutantes] [--veces N] [--a-la-vez N] [--solo TEXTO]…
//!
//! Con `--solo`, nada más que las respuestas en cuyo nombre está ese texto.
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
use std::sync::Mutex;
use std::time::Instant;

struct Options {
    wanted: Vec<String>,
    mutants: bool,
    times: u32,
    at_once: usize,
    only: Vec<String>,
}

fn options() -> Options {
    let mut options = Options { wanted: Vec::new(), mutants: true, times: 1, at_once: 2, only: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--sin-mutantes" => options.mutants = false,
            "--veces" => options.times = args.next().and_then(|n| n.parse().ok()).expect("--veces N"),
            "--a-la-vez" => options.at_once = args.next().and_then(|n| n.parse().ok()).expect("--a-la-vez N"),
            "--solo" => options.only.push(args.next().expect("--solo TEXTO")),
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
    fn grade(&self, case: &Case, files: &Files, worker: usize) -> Report {
        let folder = self.folder.join(worker.to_string());
        case.lay_out(&folder, files);
        let output = Command::new("sh")
            .args(["-c", &case.script(&self.binary, files)])
            .current_dir(&folder)
            .output()
            .expect("micropod");
        let text = String::from_utf8_lossy(&output.stdout);
        Report::read(&text)
            .unwrap_or_else(|| panic!("{}: {text}{}", case.lab.name, String::from_utf8_lossy(&output.stderr)))
    }

    /// Todo lo que se le hace a un laboratorio, `options.at_once` correcciones a la vez: casi todo es esperar.
    fn probe(&self, case: &Case, options: &Options) -> Tally {
        let queue = Mutex::new(trials(case, options).into_iter());
        let tally = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for worker in 0..options.at_once {
                let (queue, tally) = (&queue, &tally);
                scope.spawn(move || {
                    loop {
                        // en su línea: en la condición del bucle, el cerrojo duraría lo que la corrección
                        let next = queue.lock().unwrap().next();
                        let Some(trial) = next else { break };
                        let report = self.grade(case, &trial.files, worker);
                        tally.lock().unwrap().count(trial, &report);
                    }
                });
            }
        });
        tally.into_inner().unwrap()
    }
}

/// Una respuesta y lo que se espera de ella.
struct Trial {
    name: String,
    files: Files,
    expect: Expect,
}

enum Expect {
    Points(f64),
    /// Como mucho tantos puntos, y falla eso.
    Start(f64, String, Option<String>),
    Blame(String, String),
    NotFull,
}

fn trials(case: &Case, options: &Options) -> Vec<Trial> {
    let trial = |name: &str, files, expect| Trial { name: name.into(), files, expect };
    let full = |name: &str| trial(name, case.answer(name), Expect::Points(10.0));
    let start = &case.proofs.inicio;
    let start = Expect::Start(start.como_mucho, start.falla.clone(), start.concepto.clone());
    let mut all: Vec<Trial> = (0..options.times).map(|_| full("solucion")).collect();
    all.push(full("otra-solucion"));
    all.push(trial("no entregar nada", Files::new(), Expect::Points(0.0)));
    all.push(trial("lo de partida", case.start(), start));
    all.extend(case.proofs.malas.iter().map(|wrong| {
        let blame = Expect::Blame(wrong.falla.clone(), wrong.concepto.clone());
        trial(&format!("«{}»", wrong.nombre), case.wrong(wrong), blame)
    }));
    if options.mutants {
        all.extend(mutants(case));
    }
    let chosen = |name: &str| options.only.is_empty() || options.only.iter().any(|text| name.contains(text));
    all.retain(|trial| chosen(&trial.name));
    all
}

/// Los de la solución, menos los que valen lo mismo.
fn mutants(case: &Case) -> Vec<Trial> {
    let solution = case.answer("solucion");
    let known: BTreeSet<&str> = case.proofs.equivalentes.iter().map(|e| e.mutante.as_str()).collect();
    let of_file = |(file, text): (&String, &String)| -> Vec<Trial> {
        let all = mutants::of(file, text).into_iter().filter(|m| !known.contains(m.name.as_str()));
        let with = |text| solution.clone().into_iter().chain([(file.clone(), text)]).collect();
        all.map(|m| Trial { name: m.name, files: with(m.text), expect: Expect::NotFull }).collect()
    };
    solution.iter().flat_map(of_file).collect()
}

impl Tally {
    fn count(&mut self, trial: Trial, report: &Report) {
        self.grades += 1;
        let (name, points) = (trial.name, report.points());
        match trial.expect {
            Expect::Points(wanted) if points == wanted => {}
            Expect::Points(wanted) => {
                self.problems.push(format!("{name} no vale {wanted} sino {points}:\n{}", report.story()));
            }
            Expect::Start(most, id, concept) => {
                if points > most || !report.blames(&id, concept.as_deref()) {
                    self.problems.push(format!("{name} vale {points}:\n{}", report.story()));
                }
            }
            Expect::Blame(id, concept) => {
                self.wrong.1 += 1;
                if points < 10.0 && report.blames(&id, Some(&concept)) {
                    self.wrong.0 += 1;
                } else {
                    let story = report.story();
                    self.problems.push(format!("{name} no se rechaza por {id}, {concept}:\n{story}"));
                }
            }
            Expect::NotFull => {
                self.mutants.1 += 1;
                if points < 10.0 {
                    self.mutants.0 += 1;
                } else {
                    self.survivors.push(name);
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
    // el de un corrector que sigue en marcha no es un resto
    let alive = |pid: &str| pid.parse().is_ok_and(|pid| micropod::state::ProcessId::of(pid).is_some());
    let mine = |n: &String| n.rsplit_once("micropod-lab-").is_some_and(|(_, pid)| !alive(pid));
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
