//! Los límites: lo que pide la especificación y lo que el kernel dice que va a hacer cumplir.

use crate::explain::facts::{Cgroup, Facts};
use crate::explain::prove::Statement;
use crate::process::Limits;
use crate::state::Seen;

/// Los límites que ha de tener alguien: el Pod o un contenedor.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `None`: el Pod entero.
    pub container: Option<String>,
    /// Fichero del cgroup y lo que ha de decir.
    pub values: Vec<(&'static str, String)>,
}

/// Los que pide la especificación de un Pod.
pub fn asked(seen: &Seen) -> Vec<Asked> {
    let (record, spec) = (&seen.record, &seen.record.pod.spec);
    let pod = record.runtime.runtime().pod_limits(spec);
    let pod = Asked { container: None, values: values(&pod) };
    let each = record.plans.iter();
    let each = each.map(|p| Asked { container: Some(p.name.clone()), values: values(&p.limits) });
    std::iter::once(pod).chain(each).collect()
}

/// El kernel cuenta la memoria en páginas: redondea hacia abajo.
const PAGE: u64 = 4096;
/// El periodo en que mide la CPU, y lo menos que admite, en microsegundos.
const PERIOD: u64 = 100_000;
const LEAST: u64 = 1000;

fn values(limits: &Limits) -> Vec<(&'static str, String)> {
    let memory = limits.memory_max.map(|bytes| ("memory.max", (bytes / PAGE * PAGE).to_string()));
    let cpu =
        limits.cpu_max.map(|millis| ("cpu.max", format!("{} {PERIOD}", (millis * PERIOD / 1000).max(LEAST))));
    let weight = limits.cpu_weight.map(|weight| ("cpu.weight", weight.to_string()));
    let pids = limits.pids_max.map(|pids| ("pids.max", pids.to_string()));
    [memory, cpu, weight, pids].into_iter().flatten().collect()
}

/// Una frase por cada cual que tenga límites.
pub fn statements(asked: &[Asked], facts: &Facts) -> Vec<Statement> {
    let all: Vec<Statement> = asked.iter().filter_map(|one| statement(one, facts)).collect();
    match all.is_empty() {
        true => vec![Statement::unseen("tiene los límites que pide", "no pide ninguno")],
        false => all,
    }
}

fn statement(asked: &Asked, facts: &Facts) -> Option<Statement> {
    if asked.values.is_empty() {
        return None;
    }
    let (who, cgroup) = match &asked.container {
        None => ("el Pod".to_string(), facts.cgroup.as_ref()),
        // uno que ya no vive no tiene cgroup que mirar
        Some(name) => (name.clone(), facts.containers().find(|m| m.name == *name)?.cgroup.as_ref()),
    };
    let text = format!("{who} tiene los límites que pide");
    let Some(cgroup) = cgroup else {
        return Some(Statement::unseen(text, "esta máquina no tiene cgroup v2"));
    };
    let present: Vec<_> = asked.values.iter().filter(|(file, _)| cgroup.values.contains_key(file)).collect();
    if present.is_empty() {
        return Some(Statement::unseen(
            text,
            "esta máquina no da controladores a cgroup v2: `micropod doctor`",
        ));
    }
    let holds = present.iter().all(|(file, wanted)| cgroup.values.get(file) == Some(wanted));
    let evidence: Vec<String> = present.iter().map(|(file, wanted)| compared(cgroup, file, wanted)).collect();
    Some(Statement::new(text, holds, evidence.join(" · ")))
}

fn compared(cgroup: &Cgroup, file: &str, wanted: &str) -> String {
    match cgroup.values.get(file).map(String::as_str).unwrap_or_default() {
        found if found == wanted => format!("{file} = {found}"),
        found => format!("{file} = {found}, y debía ser {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_pedido_se_escribe_como_lo_dira_el_kernel() {
        let limits = Limits {
            memory_max: Some(10_000_000),
            cpu_max: Some(250),
            cpu_weight: Some(17),
            pids_max: Some(64),
            oom_score_adj: None,
        };
        let expected = [
            ("memory.max", "9998336"), // páginas enteras
            ("cpu.max", "25000 100000"),
            ("cpu.weight", "17"),
            ("pids.max", "64"),
        ];
        assert_eq!(values(&limits), expected.map(|(file, value)| (file, value.to_string())));
        let least = Limits { cpu_max: Some(1), ..Limits::default() };
        assert_eq!(values(&least), [("cpu.max", "1000 100000".to_string())]);
        assert!(values(&Limits::default()).is_empty());
    }
}
