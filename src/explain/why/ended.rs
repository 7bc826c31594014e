//! Por qué acabó un contenedor: la vida que ya no está, con su código y su señal.

use super::causes::Cause;
use super::clues::{Clue, Clues, LogLine};
use super::finding::{Finding, From};
use super::logs;
use super::past::{Death, Killer};
use super::probes;
use crate::cgroup::counter;
use crate::explain::story::signal_name;
use crate::logic::ProbeKind;
use crate::logic::status::Terminated;
use crate::spec::types::RestartPolicy;

/// Líneas que se leen del final de un log.
const LINES: usize = 20;

/// Por qué acabó su última vida, si alguna ha acabado.
pub fn explain(clues: &Clues, clue: &Clue) -> Option<Finding> {
    let (end, life) = clue.last_end()?;
    let lines = clues.last_lines(clue, life, LINES);
    let finding = why(clues, clue, end, &lines);
    let quote = quote(&lines, end);
    let times = match clue.status.restart_count {
        0 => String::new(),
        1 => "; va por su primer reinicio".to_string(),
        n => format!("; va por el reinicio {n}"),
    };
    let ended = format!(
        "{}: última vida, código {}{}, razón {}, {}{times}",
        clue.spec.name,
        end.exit_code,
        if end.signal > 0 { format!(" ({})", signal_name(end.signal)) } else { String::new() },
        end.reason,
        clues.ago(end.finished)
    );
    let mut finding = finding.because(From::State, ended).because(From::Logs, quote);
    if finding.next.is_empty() {
        // los logs de la vida que acabó: si corre otra, son los de antes
        let previous = if clue.is_running() { " -p" } else { "" };
        finding = finding.try_now(format!("micropod logs{previous} {} -c {}", clues.pod(), clue.spec.name));
    }
    Some(finding)
}

fn why(clues: &Clues, clue: &Clue, end: &Terminated, lines: &[LogLine]) -> Finding {
    let name = &clue.spec.name;
    if end.reason == "OOMKilled" {
        return out_of_memory(clues, clue, end);
    }
    if end.reason == "StartError" && !clue.plan.lower.exists() {
        return image_is_gone(clue);
    }
    if end.reason == "StartError" {
        return not_executed(clues, clue, end);
    }
    match death(clues, clue, end).and_then(|d| d.killed.as_ref()) {
        Some(Killer::Probe(kind, said)) => return probes::killed(clues, clue, *kind, said),
        Some(Killer::Ending) => return stopped(clues, clue, end, "el Pod acababa"),
        Some(Killer::Restarting) => {
            return stopped(clues, clue, end, "una regla pidió que todos volvieran a empezar");
        }
        Some(Killer::Hook) => return stopped(clues, clue, end, "falló su postStart"),
        None => {}
    }
    if let Some(finding) = lost_its_namespace(clues, clue, end) {
        return finding;
    }
    if let Some(finding) = logs::explain(clues, clue, end, lines) {
        return finding;
    }
    match (end.exit_code, signal(end)) {
        (0, _) => completed(clue),
        (_, Some(signal)) if is_crash(signal) => {
            let who = if end.signal > 0 { "se rompió" } else { "o uno de sus procesos se rompió" };
            let says = format!("{name} acabó con {} porque {who}: {}", end.exit_code, signal_name(signal));
            Finding::new(Cause::ProgramCrash, says)
        }
        (_, Some(signal)) if end.signal > 0 => killed_from_outside(clues, clue, end, signal),
        (127, _) => {
            let says = format!("{name} acabó con 127: su shell no encontró una de sus órdenes");
            Finding::new(Cause::ShellCommandNotFound, says).unsure()
        }
        (code, _) => {
            let last = lines.iter().rev().find(|l| l.error).or(lines.last());
            let last = last.map(|l| format!("; lo último que dijo: «{}»", l.text)).unwrap_or_default();
            Finding::new(Cause::ExitedWithError, format!("{name} acabó con el código de error {code}{last}"))
        }
    }
}

/// La muerte de esa vida, si está grabada.
fn death<'c>(clues: &'c Clues, clue: &Clue, end: &Terminated) -> Option<&'c Death> {
    clues.past.as_ref()?.deaths.get(clue.id)?.iter().rev().find(|death| death.at == end.finished)
}

/// La señal que lo mató a él, o a un hijo cuyo código devuelve como suyo: 128 más la señal.
fn signal(end: &Terminated) -> Option<i32> {
    match end.signal {
        0 => Some(end.exit_code - 128).filter(|n| (1..=64).contains(n)),
        signal => Some(signal),
    }
}

fn is_crash(signal: i32) -> bool {
    [libc::SIGSEGV, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS]
        .contains(&signal)
}

fn completed(clue: &Clue) -> Finding {
    let name = &clue.spec.name;
    let policy = if clue.status.sidecar {
        RestartPolicy::Always
    } else {
        clue.spec.restart_policy.unwrap_or_default()
    };
    let says =
        format!("{name} acaba bien, con código 0, y su política de reinicio ({policy}) lo arranca otra vez");
    Finding::new(Cause::CompletesAndRestarts, says)
        .because(From::Spec, "un programa que hace algo y acaba quiere restartPolicy: OnFailure o Never; un servidor, quedarse en primer plano")
}

fn killed_from_outside(clues: &Clues, clue: &Clue, end: &Terminated, signal: i32) -> Finding {
    let name = &clue.spec.name;
    let says = format!("a {name} lo mató {}, que no envió micropod", signal_name(signal));
    let finding = Finding::new(Cause::KilledFromOutside, says);
    match death(clues, clue, end) {
        Some(_) => finding.because(From::Recording, "en ella no hay ninguna orden de matarlo"),
        None => finding.unsure(),
    }
}

/// Lo paró micropod: su código es el de esa señal, o el que quiso dar al recibirla.
fn stopped(clues: &Clues, clue: &Clue, end: &Terminated, why: &str) -> Finding {
    let name = &clue.spec.name;
    let how = match signal(end) {
        Some(signal) => format!("lo mató {}, que envió micropod", signal_name(signal)),
        None => format!("lo paró micropod y acabó con {}", end.exit_code),
    };
    let order = "el núcleo pidió pararlo antes de que muriera";
    Finding::new(Cause::StoppedByMicropod, format!("a {name} {how}: {why}"))
        .because(From::Recording, order)
        .try_now(format!("micropod reproduce {}", clues.pod()))
}

/// Con los procesos compartidos, la pausa es el PID 1 de todos: si muere, el kernel mata a los demás.
fn lost_its_namespace(clues: &Clues, clue: &Clue, end: &Terminated) -> Option<Finding> {
    let shared = clues.seen.record.pod.spec.share_process_namespace;
    clues.pod_event("SandboxChanged").filter(|_| shared && end.signal == libc::SIGKILL)?;
    let says = format!(
        "a {} lo mató el kernel: la pausa era el PID 1 de su espacio de procesos, y con él mueren todos",
        clue.spec.name
    );
    let finding = Finding::new(Cause::KilledWithItsPid1, says)
        .because(From::Spec, "shareProcessNamespace: true")
        .try_now(format!("micropod reproduce {}", clues.pod()));
    Some(match death(clues, clue, end) {
        Some(_) => finding.because(From::Recording, "en ella no hay ninguna orden de matarlo"),
        None => finding.unsure(),
    })
}

fn out_of_memory(clues: &Clues, clue: &Clue, end: &Terminated) -> Finding {
    let name = &clue.spec.name;
    // cuando murió se miró en el kernel contra qué límite había chocado
    let told = clues.events(name, "OOMKilling").next().map_or("no había memoria", |e| &e.note.message);
    let says = format!("{name} terminó con {}: {told}", end.exit_code);
    let kills =
        clues.seen.record.cgroup.as_deref().and_then(|pod| counter(pod, "memory.events", "oom_kill "));
    let kills = kills.map(|n| format!("memory.events del Pod: oom_kill {n}")).unwrap_or_default();
    Finding::new(Cause::OutOfMemory, says)
        .because(From::Kernel, kills)
        .try_now(format!("micropod top pod {} --containers", clues.pod()))
        .try_now("sube resources.limits.memory, o haz que el programa gaste menos".to_string())
}

/// La imagen de la que salía su raíz se ha borrado desde que nació el Pod.
pub fn image_is_gone(clue: &Clue) -> Finding {
    let (name, image) = (&clue.spec.name, &clue.plan.image);
    Finding::new(Cause::ImageMissing, format!("{name} no puede arrancar: su imagen, {image}, ya no está"))
        .because(From::Kernel, format!("no existe {}", clue.plan.lower.display()))
        .try_now("micropod image ls".to_string())
}

/// No llegó a ser su programa: el mensaje lo escribió `process.rs` con el errno en la mano.
pub fn not_executed(clues: &Clues, clue: &Clue, end: &Terminated) -> Finding {
    let name = &clue.spec.name;
    let message = &end.message;
    let program = clue.plan.argv.first().map(String::as_str).unwrap_or_default();
    let program = crate::spec::errors::visible(crate::process::shown(program, &clue.plan.hidden), 80);
    let (cause, says) = match message.as_str() {
        m if m.contains("pero necesita") => {
            let needs = m.split("pero necesita `").nth(1).and_then(|t| t.split('`').next()).unwrap_or("otro");
            (
                Cause::MissingLoader,
                format!(
                    "el programa de {name}, {program}, está en la imagen, pero necesita {needs}, que no está"
                ),
            )
        }
        m if m.contains("no es un ejecutable") => (
            Cause::BadFormat,
            format!("el programa de {name}, {program}, no es un ejecutable para esta máquina"),
        ),
        _ if end.exit_code == 127 => (
            Cause::CommandNotFound,
            format!("el programa de {name}, {program}, no está en la imagen {}", clue.plan.image),
        ),
        _ if end.exit_code == 126 => {
            (Cause::NotExecutable, format!("el programa de {name}, {program}, no se puede ejecutar"))
        }
        _ => (Cause::CreateFailed, format!("{name} no se pudo preparar")),
    };
    let at = clue.plan.lower.join(program.trim_start_matches('/'));
    let there = match (cause, program.starts_with('/')) {
        (Cause::CommandNotFound, true) => match std::fs::symlink_metadata(&at) {
            Ok(_) => format!("{} está en la imagen", at.display()),
            Err(_) => format!("no existe {}", at.display()),
        },
        _ => String::new(),
    };
    Finding::new(cause, says)
        .because(From::State, message.clone())
        .because(From::Kernel, there)
        .try_now(format!("micropod describe pod {}", clues.pod()))
}

/// Lo último que dijo: mejor un error que una línea cualquiera; o su mensaje de terminación.
fn quote(lines: &[LogLine], end: &Terminated) -> String {
    let last = lines.iter().rev().find(|l| l.error).or(lines.last());
    match (end.message.trim(), last) {
        ("", Some(line)) => format!("«{}»", line.text),
        (message, Some(line)) if end.reason != "StartError" => {
            let message = crate::spec::errors::visible(message, 120);
            format!("«{}»; mensaje de terminación: «{message}»", line.text)
        }
        _ => String::new(),
    }
}

/// ¿Qué sonda lo mató, si fue una?
pub fn killed_by(clues: &Clues, clue: &Clue) -> Option<ProbeKind> {
    let (end, _) = clue.last_end()?;
    match death(clues, clue, end)?.killed.as_ref()? {
        Killer::Probe(kind, _) => Some(*kind),
        Killer::Ending | Killer::Restarting | Killer::Hook => None,
    }
}
