//! Debajo de la ficha de kubectl, lo que kubectl no sabe: cómo ve el kernel cada contenedor.

use super::Page;
use crate::process::ContainerPlan;
use crate::state::{ProcessId, Seen};
use crate::usage::{self, Memory, Usage};

/// Vacío si el Pod no corre.
pub fn describe(seen: &Seen) -> String {
    let alive: Vec<(&ContainerPlan, ProcessId)> = match seen.supervised {
        true => {
            let each = seen.record.plans.iter().zip(&seen.live.processes);
            each.filter_map(|(plan, process)| Some((plan, (*process)?))).collect()
        }
        false => Vec::new(),
    };
    if alive.is_empty() {
        return String::new();
    }
    let mut page = Page::default();
    page.line(0, "En el kernel:");
    for (plan, process) in alive {
        page.line(1, &format!("{}:", plan.name));
        page.line(2, &format!("PID:\t{}", process.pid));
        if let Some(adjustment) = oom(process.pid, plan.limits.oom_score_adj) {
            page.line(2, &format!("oom_score_adj:\t{adjustment}"));
        }
        let Some(path) = seen.record.cgroup.as_ref().map(|pod| pod.join(&plan.name)) else { continue };
        let Some(usage) = usage::read(&path) else { continue };
        page.line(2, &format!("cgroup:\t{}", path.display()));
        spent(&mut page, &usage);
    }
    page.finish()
}

fn spent(page: &mut Page, usage: &Usage) {
    if let Some(memory) = &usage.memory {
        page.line(2, &format!("Memoria:\t{}", memory_text(memory)));
    }
    let mut cpu = format!("{:.2} s gastados", usage.cpu.as_secs_f64());
    if let Some(t) = &usage.throttling {
        cpu.push_str(&format!(
            "; frenado en {} de {} periodos, {:.2} s esperando cuota",
            t.throttled,
            t.periods,
            t.waited.as_secs_f64()
        ));
    }
    page.line(2, &format!("CPU:\t{cpu}"));
    page.line(2, &format!("Procesos:\t{}", usage.processes));
    let pressure =
        [("CPU", usage.pressure.cpu), ("memoria", usage.pressure.memory), ("disco", usage.pressure.io)];
    let known: Vec<String> =
        pressure.iter().filter_map(|(what, p)| Some(format!("{what} {:.2} %", (*p)?))).collect();
    if !known.is_empty() {
        page.line(2, &format!("Esperas (PSI):\t{}", known.join(", ")));
    }
}

fn memory_text(memory: &Memory) -> String {
    let size = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let mut text = size(memory.used);
    if let Some(limit) = memory.limit {
        text.push_str(&format!(" de {}", size(limit)));
    }
    if let Some(peak) = memory.peak {
        text.push_str(&format!("; lo más, {}", size(peak)));
    }
    if !memory.counted {
        text.push_str(" (la residente de sus procesos: sin controlador memory no se cuenta más)");
    }
    text
}

/// El valor que tiene y, si no es el que le tocaba, cuál y por qué.
fn oom(pid: i32, wanted: Option<i32>) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).ok()?;
    let real: i32 = text.trim().parse().ok()?;
    Some(match wanted {
        Some(wanted) if wanted < real => {
            format!("{real} (le tocaba {wanted}, pero bajarlo exige CAP_SYS_RESOURCE y micropod no la tiene)")
        }
        Some(wanted) if wanted != real => format!("{real} (se le puso {wanted}, y alguien lo ha cambiado)"),
        Some(_) | None => real.to_string(),
    })
}
