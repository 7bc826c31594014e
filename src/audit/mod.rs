//! `micropod audita`: qué puede y qué no puede hacer un contenedor, según el kernel.
//!
//! Desde fuera y sin fiarse de nadie: ni de lo que se pidió, ni de lo que micropod apuntó. Hasta el
//! filtro de llamadas se lee del propio proceso y se le pregunta qué respondería.

pub mod checks;
pub mod facts;

use crate::cgroup::Hierarchy;
use crate::error::{Error, exit};
use crate::security::capabilities;
use crate::state::{ProcessId, Seen};
use checks::Check;
use facts::Facts;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Lo que se ha visto de un contenedor.
struct Report {
    name: String,
    facts: Facts,
    checks: Vec<Check>,
}

/// Audita los contenedores en marcha de un Pod, o uno. `all`: enseñar también lo que se cumple.
pub fn audit(seen: &Seen, container: Option<&str>, all: bool) -> Result<u8, Error> {
    let pod = &seen.record.name;
    let cgroup = Hierarchy::find().map(|h| h.home().join(pod));
    let mut reports = Vec::new();
    for (id, plan) in seen.record.plans.iter().enumerate() {
        if container.is_some_and(|wanted| wanted != plan.name) {
            continue;
        }
        // mientras se tenga su descriptor, su número no pasa a otro
        let Some((process, _pidfd)) = running(seen, id, cgroup.as_deref()) else { continue };
        let facts = facts::read(process, &checks::paths(), cgroup.as_deref()).map_err(|e| {
            Error::failed(format!("no se pudo mirar el contenedor `{}`", plan.name)).because(e)
        })?;
        reports.push(Report { name: plan.name.clone(), checks: checks::check(&facts), facts });
    }
    if reports.is_empty() {
        let what =
            container.map_or("ningún contenedor".to_string(), |name| format!("el contenedor `{name}`"));
        return Err(Error::failed(format!(
            "en el Pod `{pod}` no está en marcha {what}: no hay nada que auditar"
        ))
        .with_hint(format!("mira por qué con `micropod describe pod {pod}`")));
    }
    for (i, report) in reports.iter().enumerate() {
        let gap = if i > 0 { "\n" } else { "" };
        print!("{gap}{}", render(report, all));
    }
    Ok(exit::OK)
}

/// El PID 1 del contenedor: el que se apuntó, si sigue siendo él y vive en el cgroup que le toca.
fn running(seen: &Seen, id: usize, cgroup: Option<&Path>) -> Option<(ProcessId, OwnedFd)> {
    let process = seen.live.processes.get(id).copied().flatten()?;
    let cgroup = cgroup.map(|pod| pod.join(&seen.record.plans[id].name));
    process.open(cgroup.as_deref()).map(|pidfd| (process, pidfd))
}

/// El informe de un contenedor, como se imprime.
fn render(report: &Report, all: bool) -> String {
    let mut text =
        format!("contenedor {} (proceso {}): {}\n\n", report.name, report.facts.pid, who(&report.facts));
    let mut groups: Vec<&str> = report.checks.iter().map(|c| c.group).collect();
    groups.dedup();
    for group in groups {
        let of: Vec<&Check> = report.checks.iter().filter(|c| c.group == group).collect();
        text.push_str(&format!("  {group:<14}{:>7}\n", score(&of)));
        for check in of.iter().filter(|c| all || c.met != Some(true)) {
            text.push_str(&line(check));
        }
    }
    let every: Vec<&Check> = report.checks.iter().collect();
    text.push_str(&format!("  {:<14}{:>7}\n", "total", score(&every)));
    text
}

fn score(checks: &[&Check]) -> String {
    let met = checks.iter().filter(|c| c.met == Some(true)).count();
    format!("{met}/{}", checks.len())
}

fn line(check: &Check) -> String {
    let (mark, field) = match check.met {
        Some(true) => ("sí", String::new()),
        Some(false) if check.field.is_empty() => ("NO", String::new()),
        Some(false) => ("NO", format!("  (lo gobierna {})", check.field)),
        None => ("? ", "  (este kernel no deja leer el filtro)".to_string()),
    };
    format!("      {mark}  {}{field}\n", crate::cli::term::harmless(&check.name))
}

/// Con qué usuario y con qué poderes corre.
fn who(facts: &Facts) -> String {
    let status = |field: &str| facts.status.get(field).map_or("", String::as_str);
    let uid = status("Uid").split(' ').next().unwrap_or_default().to_string();
    let user = if uid == "0" { "root".to_string() } else { format!("usuario {uid}") };
    let mask = u64::from_str_radix(status("CapEff"), 16).unwrap_or_default();
    let names: Vec<&str> =
        capabilities::NAMES.into_iter().filter(|n| capabilities::contains(mask, n)).collect();
    let powers = match names.len() {
        0 => "sin ninguna capacidad".to_string(),
        n if n > 14 => format!("con {n} capacidades"),
        _ => format!("con {}", names.join(", ")),
    };
    let filter = match (status("Seccomp"), &facts.filters) {
        ("2", Some(all)) => format!("filtro de {} instrucciones", all.iter().map(Vec::len).sum::<usize>()),
        ("2", None) => "con filtro".to_string(),
        _ => "sin filtro de llamadas".to_string(),
    };
    format!("{user}, {powers}; {filter}")
}
