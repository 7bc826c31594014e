//! Las palabras con las que se cuenta cada cosa.

use super::fold::Tone;
use crate::logic::status::Phase;
use crate::logic::{Exit, Glance, HookKind, Note, Outcome, ProbeKind, StartFailure, StopReason};
use std::time::Duration;

/// Algo que decir: el texto, lo que se añade sin compararlo, y qué tal es.
pub struct Said {
    pub text: String,
    pub aside: String,
    pub tone: Tone,
}

impl Said {
    pub fn plain(text: &str) -> Said {
        Said { text: text.to_string(), aside: String::new(), tone: Tone::Plain }
    }

    pub fn good(text: &str) -> Said {
        Said { tone: Tone::Good, ..Said::plain(text) }
    }

    pub fn bad(text: String) -> Said {
        Said { text, aside: String::new(), tone: Tone::Bad }
    }

    fn aside(mut self, aside: String) -> Said {
        self.aside = aside;
        self
    }
}

/// Un rato, corto de leer: `0s`, `0.25s`, `1m20s`, `3d2h`.
pub fn short(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    // los milisegundos solo se ven mientras dicen algo
    if millis > 0 && seconds < 60 {
        let fraction = format!("{millis:03}");
        return format!("{seconds}.{}s", fraction.trim_end_matches('0'));
    }
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".into() } else { text }
}

pub fn probe_name(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Startup => "sonda de inicio",
        ProbeKind::Readiness => "sonda de preparación",
        ProbeKind::Liveness => "sonda de vida",
    }
}

fn hook_name(hook: HookKind) -> &'static str {
    match hook {
        HookKind::PostStart => "postStart",
        HookKind::PreStop => "preStop",
    }
}

pub fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("la señal {signal}"), |s| s.as_str().to_string())
}

pub fn started(life: u32) -> Said {
    let said = Said::good("arranca");
    if life == 0 { said } else { said.aside(format!("reinicio {life}")) }
}

pub fn start_failed(failure: &StartFailure) -> Said {
    let code = failure.exit_code.map(|code| format!(", código {code}")).unwrap_or_default();
    Said::bad(format!("no arranca: {} ({}{code})", failure.message, failure.reason))
}

pub fn exited(exit: Exit, oom: bool, message: &str, lived: Option<Duration>) -> Said {
    let text = match exit {
        _ if oom => format!("muere con {}: se quedó sin memoria (OOMKilled)", exit.code()),
        Exit::Code(code) => format!("acaba con código {code}"),
        Exit::Signal(signal) => format!("muere con {}: lo mata {}", exit.code(), signal_name(signal)),
    };
    let tone = if exit == Exit::Code(0) && !oom { Tone::Plain } else { Tone::Bad };
    let lived = lived.map(|time| format!("vivió {}", short(time))).unwrap_or_default();
    let last = match message.trim() {
        "" => lived,
        message => format!("{lived}; dejó dicho: {}", crate::spec::errors::visible(message, 120)),
    };
    Said { text, tone, aside: last }
}

pub fn probed(kind: ProbeKind, outcome: &Outcome) -> Said {
    let name = probe_name(kind);
    match outcome {
        Outcome::Success => Said::plain(&format!("{name}: bien")),
        Outcome::Warning(text) => Said::plain(&format!("{name}: bien, pero {text}")),
        Outcome::Failure(text) => Said::bad(format!("{name}: falla: {text}")),
        Outcome::Error(text) => Said::bad(format!("{name}: no se pudo hacer: {text}")),
    }
}

/// De la queja de una sonda sin respuesta, solo lo que dice de nuevo.
pub fn timeout(message: &str) -> String {
    message.split_once(": ").map_or(message, |(_, why)| why).to_string()
}

pub fn hook_begins(hook: HookKind) -> Said {
    Said::plain(&format!("empieza su {}", hook_name(hook)))
}

pub fn hook_done(hook: HookKind) -> Said {
    Said::plain(&format!("acaba su {}", hook_name(hook)))
}

pub fn stop_requested(grace: Option<Duration>, reason: &StopReason) -> Said {
    match reason {
        StopReason::Deleted => {
            let with = grace.map(|grace| format!(", con un plazo de {}", short(grace))).unwrap_or_default();
            Said::plain(&format!("se pide que acabe{with}"))
        }
        // lo cuenta el suceso Evicted
        StopReason::Evicted(_) => Said::bad("se le expulsa".into()),
    }
}

/// Lo que añade un suceso de Kubernetes a lo que ya se cuenta. `wait`: lo que se espera a reiniciar.
pub fn note(note: &Note, wait: Option<Duration>) -> Option<Said> {
    match note.reason.as_str() {
        // ya se cuentan de otra manera
        "Scheduled"
        | "Pulled"
        | "Created"
        | "Started"
        | "Unhealthy"
        | "ProbeWarning"
        | "Failed"
        | "FailedCreatePodSandBox"
        | "SandboxChanged"
        | "ErrImageNeverPull" => None,
        "BackOff" => {
            let wait = wait.map(short).unwrap_or_else(|| "un rato".into());
            Some(Said::bad(format!("CrashLoopBackOff: espera {wait} antes de volver")))
        }
        "Killing" => Some(Said::plain(&note.message)),
        reason => {
            let tone = if note.warning { Tone::Bad } else { Tone::Plain };
            Some(Said { tone, ..Said::plain(&format!("{reason}: {}", note.message)) })
        }
    }
}

/// ¿Dice una despedida algo más que «parando»?
pub fn says_why(note: &Note) -> bool {
    !note.message.starts_with("parando ")
}

/// Lo que cambia para quien espera a que un contenedor esté listo.
pub fn readiness(before: Glance, after: Glance) -> Option<Said> {
    let ready = |glance| matches!(glance, Glance::Running { ready: true, .. });
    let started = |glance| matches!(glance, Glance::Running { started: true, .. });
    let running = |glance| matches!(glance, Glance::Running { .. });
    match (before, after) {
        _ if !ready(before) && ready(after) => Some(Said::good("está listo")),
        _ if ready(before) && !ready(after) && running(after) => {
            Some(Said::bad("deja de estar listo".into()))
        }
        _ if running(before) && !started(before) && started(after) => {
            Some(Said::good("ya ha arrancado del todo"))
        }
        _ => None,
    }
}

pub fn pod_ready(ready: bool) -> Said {
    if ready { Said::good("el Pod está listo") } else { Said::bad("el Pod deja de estar listo".into()) }
}

pub fn over(phase: Phase) -> Said {
    Said::plain(&format!("mueren la pausa y la red: el Pod ha acabado en fase {phase}"))
}

pub fn tone_of(phase: Phase) -> Tone {
    match phase {
        Phase::Succeeded => Tone::Good,
        Phase::Failed => Tone::Bad,
        Phase::Pending | Phase::Running | Phase::Unknown => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_ratos_se_leen_de_un_vistazo() {
        let ms = Duration::from_millis;
        for (time, text) in [
            (0, "0s"),
            (250, "0.25s"),
            (1005, "1.005s"),
            (59_900, "59.9s"),
            (60_900, "1m"),
            (80_000, "1m20s"),
            (3_600_000, "1h"),
            (2_592_000_000, "30d"),
            (93_784_000, "1d2h3m4s"),
        ] {
            assert_eq!(short(ms(time)), text, "{time}");
        }
    }
}
