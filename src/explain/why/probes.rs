//! Por qué falla una sonda: lo que dijo, y lo que el kernel dice de quién escucha en la red del Pod.

use super::causes::Cause;
use super::clues::{Clue, Clues, brief};
use super::finding::{Finding, From};
use super::logs::join_or_none;
use super::past::TIMEOUT;
use crate::check::{self, Question};
use crate::explain::story::probe_name;
use crate::logic::ProbeKind;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Cómo falla una sonda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Http(u16),
    NotHttp,
    Refused,
    Timeout,
    Command,
    /// No se pudo ni preguntar.
    Unknown,
}

/// De lo que dejó dicho `check.rs` a cómo falló.
fn how(said: &str, question: &Question) -> How {
    let code = said.rsplit("con el código ").next().and_then(|n| n.trim().parse().ok());
    match question {
        _ if said.contains(TIMEOUT) || said.contains("no respondió en ") => How::Timeout,
        Question::Exec { .. } => How::Command,
        Question::Http(_) if code.is_some() => How::Http(code.unwrap_or_default()),
        Question::Http(_) if said.contains("no es HTTP") => How::NotHttp,
        Question::Http(_) | Question::Tcp { .. } | Question::Grpc { .. }
            if said.contains("conexión rechazada") =>
        {
            How::Refused
        }
        Question::Http(_) | Question::Tcp { .. } | Question::Grpc { .. } | Question::Sleep(_) => How::Unknown,
    }
}

/// Cómo se escribe una pregunta.
fn shown(question: &Question) -> String {
    match question {
        Question::Exec { command } => {
            format!("el comando «{}»", crate::spec::errors::visible(&command.join(" "), 80))
        }
        Question::Http(r) => format!("http://{}:{}{}", r.host, r.port, r.path),
        Question::Tcp { host, port } => format!("una conexión a {host}:{port}"),
        Question::Grpc { host, port, .. } => format!("el estado gRPC de {host}:{port}"),
        Question::Sleep(_) => "esperar".to_string(),
    }
}

fn question(clues: &Clues, clue: &Clue, kind: ProbeKind) -> Option<Question> {
    Some(check::question(clue.probe(kind)?, clue.spec, &clues.pod_ip.to_string()))
}

/// Lo que dijo una sonda la última vez que falló, según los sucesos o, si no, la grabación.
fn said(clues: &Clues, clue: &Clue, kind: ProbeKind) -> String {
    let name = probe_name(kind);
    let event = clues.events(&clue.spec.name, "Unhealthy").find(|e| e.note.message.contains(name));
    let text = event.and_then(|e| e.note.message.split_once(": ")).map(|(_, text)| text.to_string());
    let recorded =
        || clues.past.as_ref().and_then(|past| past.said.get(clue.id)).map(|s| s[kind as usize].clone());
    text.or_else(recorded).unwrap_or_default()
}

/// «ha fallado 3 de 3 veces».
fn streak(clues: &Clues, clue: &Clue, kind: ProbeKind) -> Option<(u32, u32)> {
    let past = clues.past.as_ref()?;
    let (ok, times) = past.pod.streak(clue.id, kind)?;
    let limit = past.pod.rules().containers.get(clue.id)?.probe(kind)?.failure_threshold;
    (!ok).then_some((times, limit))
}

/// Por qué un contenedor que corre no está listo.
pub fn not_ready(clues: &Clues, clue: &Clue) -> Option<Finding> {
    if !clue.status.started && clue.spec.startup_probe.is_some() {
        return not_started(clues, clue);
    }
    let kind = ProbeKind::Readiness;
    let question = question(clues, clue, kind)?;
    let name = &clue.spec.name;
    let Some((times, limit)) = streak(clues, clue, kind) else { return Some(not_asked(clues, clue)) };
    let said = said(clues, clue, kind);
    let (cause, why, sure) = readiness_cause(clues, clue, &question, how(&said, &question), &said);
    let says =
        format!("{name} no pasa su sonda de preparación, que ha fallado {}: {why}", counted(times, limit));
    let finding = Finding::new(cause, says);
    let finding = if sure { finding } else { finding.unsure() };
    Some(with_evidence(clues, clue, kind, &question, &said, finding))
}

/// Los fallos seguidos, y los que hacen falta para creérselos.
fn counted(times: u32, limit: u32) -> String {
    if times <= limit {
        format!("{times} de {limit} veces")
    } else {
        format!("{times} veces seguidas (bastan {limit})")
    }
}

fn readiness_cause(
    clues: &Clues,
    clue: &Clue,
    question: &Question,
    how: How,
    said: &str,
) -> (Cause, String, bool) {
    match how {
        How::Http(404) => {
            (Cause::ReadinessNotFound, format!("la página {} no existe (404)", shown(question)), true)
        }
        How::Http(code) => {
            (Cause::ReadinessHttp, format!("{} responde con el código {code}", shown(question)), true)
        }
        How::Command => (Cause::ReadinessCommand, format!("{} falla: «{said}»", shown(question)), true),
        How::Timeout => {
            let within = timeout_of(clue, ProbeKind::Readiness);
            (Cause::ReadinessSlow, format!("no contesta en {within}"), true)
        }
        How::NotHttp => (Cause::ReadinessHttp, "quien contesta no habla HTTP".into(), true),
        How::Refused | How::Unknown => nobody_there(clues, clue, question, said),
    }
}

/// Nadie acepta la conexión: ¿quién escucha, y dónde?
fn nobody_there(clues: &Clues, clue: &Clue, question: &Question, said: &str) -> (Cause, String, bool) {
    let (host, port) = match question {
        Question::Http(r) => (&r.host, &r.port),
        Question::Tcp { host, port } | Question::Grpc { host, port, .. } => (host, port),
        Question::Exec { .. } | Question::Sleep(_) => {
            return (Cause::ReadinessCommand, said.to_string(), true);
        }
    };
    let ip = host.parse::<Ipv4Addr>().ok();
    let of_pod = ip.is_some_and(|ip| ip == clues.pod_ip);
    if !of_pod {
        // pregunta a otra máquina: de sus puertos no se sabe nada
        return (Cause::ReadinessNobody, format!("{host}:{port} no acepta la conexión: «{said}»"), false);
    }
    let there: Vec<_> = clues.listeners.iter().filter(|l| l.port == *port).collect();
    if there.iter().any(|l| l.hears(clues.pod_ip)) {
        let why = format!(
            "la última vez nadie escuchaba en el puerto {port}; ahora ya sí: pasará en la próxima pregunta"
        );
        return (Cause::ReadinessNobody, why, true);
    }
    if let Some(local) = there.iter().find(|l| l.only_localhost()) {
        let why =
            format!("escucha solo en {}, y a esa dirección no llega nadie de fuera del Pod", local.shown());
        return (Cause::ReadinessLocalhost, why, true);
    }
    let others = clues.listeners_of(clue);
    if others.is_empty() {
        return (Cause::ReadinessNobody, format!("nadie escucha en el puerto {port}"), true);
    }
    let ports: Vec<String> = others.iter().map(|l| l.port.to_string()).collect();
    (
        Cause::ReadinessOtherPort,
        format!(
            "la sonda llama al puerto {port} y {} escucha en el {}",
            clue.spec.name,
            ports.join(" y el ")
        ),
        true,
    )
}

fn not_asked(clues: &Clues, clue: &Clue) -> Finding {
    let name = &clue.spec.name;
    let delay = clue.probe(ProbeKind::Readiness).and_then(|p| p.initial_delay_seconds).unwrap_or(0);
    let says = match delay {
        0 => format!("la sonda de preparación de {name} aún no ha contestado"),
        n => format!("la sonda de preparación de {name} espera {n} s antes de su primera pregunta"),
    };
    let finding = Finding::new(Cause::ReadinessWaiting, says);
    let finding = match clues.past.is_some() {
        true => finding,
        false => finding.unsure(),
    };
    let delay =
        if delay > 0 { format!("readinessProbe: initialDelaySeconds: {delay}") } else { String::new() };
    finding
        .because(From::Spec, delay)
        .try_now(format!("micropod wait pod {} --for=condition=Ready", clues.pod()))
}

fn not_started(clues: &Clues, clue: &Clue) -> Option<Finding> {
    let kind = ProbeKind::Startup;
    let question = question(clues, clue, kind)?;
    let name = &clue.spec.name;
    let said = said(clues, clue, kind);
    let says = match streak(clues, clue, kind) {
        None => format!("{name} aún no ha pasado su sonda de inicio"),
        Some((times, limit)) => format!(
            "{name} aún no ha pasado su sonda de inicio, que ha fallado {times} veces (a las {limit} seguidas se le mata): {}",
            reason(clues, clue, kind, &question, &said)
        ),
    };
    let finding = Finding::new(Cause::StartupNotPassed, says);
    Some(with_evidence(clues, clue, kind, &question, &said, finding))
}

/// La causa de fondo de una sonda que falla, en pocas palabras.
fn reason(clues: &Clues, clue: &Clue, kind: ProbeKind, question: &Question, said: &str) -> String {
    match how(said, question) {
        How::Timeout => format!("no contesta en {}", timeout_of(clue, kind)),
        How::Refused => nobody_there(clues, clue, question, said).1,
        How::Http(_) | How::NotHttp | How::Command | How::Unknown => said.to_string(),
    }
}

/// La sonda de vida falla y aún no ha matado a nadie.
pub fn about_to_die(clues: &Clues, clue: &Clue) -> Option<Finding> {
    let kind = ProbeKind::Liveness;
    let (times, limit) = streak(clues, clue, kind)?;
    let question = question(clues, clue, kind)?;
    let said = said(clues, clue, kind);
    let says = format!(
        "la sonda de vida de {} ha fallado {times} de {limit} veces (a las {limit} se le mata): {}",
        clue.spec.name,
        reason(clues, clue, kind, &question, &said)
    );
    let finding = Finding::new(liveness_cause(how(&said, &question)), says);
    Some(with_evidence(clues, clue, kind, &question, &said, finding))
}

fn liveness_cause(how: How) -> Cause {
    match how {
        How::Http(_) | How::NotHttp => Cause::LivenessHttp,
        How::Refused | How::Unknown => Cause::LivenessRefused,
        How::Timeout => Cause::LivenessTimeout,
        How::Command => Cause::LivenessCommand,
    }
}

/// A un contenedor lo mató una de sus sondas. `recorded`: lo que dijo al fallar, según la grabación.
pub fn killed(clues: &Clues, clue: &Clue, kind: ProbeKind, recorded: &str) -> Finding {
    let name = &clue.spec.name;
    let from_events = said(clues, clue, kind);
    // la grabación sabe cuándo no contestó; los sucesos, lo que dijo un comando
    let said = if recorded.contains(TIMEOUT) || from_events.is_empty() { recorded } else { &from_events };
    let Some(question) = question(clues, clue, kind) else {
        return Finding::new(Cause::LivenessRefused, format!("a {name} lo mató una sonda que ya no tiene"))
            .unsure();
    };
    let how = how(said, &question);
    let limit = clue.probe(kind).and_then(|p| p.failure_threshold).filter(|n| *n > 0).unwrap_or(3);
    let why = match how {
        How::Timeout => format!("no contestó en {}", timeout_of(clue, kind)),
        How::Refused => format!("nadie aceptó {}", shown(&question)),
        How::Http(_) | How::NotHttp | How::Command | How::Unknown => said.to_string(),
    };
    let cause = if kind == ProbeKind::Startup { Cause::StartupExhausted } else { liveness_cause(how) };
    let says = format!("a {name} lo mató su {}, que falló {limit} veces seguidas: {why}", probe_name(kind));
    with_evidence(clues, clue, kind, &question, said, Finding::new(cause, says))
        .try_now(format!("micropod logs -p {} -c {name}", clues.pod()))
}

/// Lo que se pregunta, lo que contestó y, si es por la red, quién escucha.
fn with_evidence(
    clues: &Clues,
    clue: &Clue,
    kind: ProbeKind,
    question: &Question,
    said: &str,
    finding: Finding,
) -> Finding {
    let period = clue.probe(kind).and_then(|p| p.period_seconds).filter(|n| *n > 0).unwrap_or(10);
    let asks = format!(
        "la {} pide {} cada {}",
        probe_name(kind),
        shown(question),
        brief(Duration::from_secs(period as u64))
    );
    let name = probe_name(kind);
    let event = clues.events(&clue.spec.name, "Unhealthy").find(|e| e.note.message.contains(name));
    let times =
        event.map(|e| format!("Unhealthy ×{}, la última vez {}: «{said}»", e.count, clues.ago(e.last)));
    let mut finding = finding.because(From::Spec, asks).because(From::Events, times.unwrap_or_default());
    let target = match question {
        Question::Exec { command } => {
            let command = crate::spec::errors::visible(&command.join(" "), 80);
            return finding.try_now(format!(
                "micropod exec {} -c {} -- {command}",
                clues.pod(),
                clue.spec.name
            ));
        }
        Question::Http(r) => format!("curl -i http://{}:{}{}", r.host, r.port, r.path),
        Question::Tcp { host, port } | Question::Grpc { host, port, .. } => format!("nc -zv {host} {port}"),
        Question::Sleep(_) => return finding,
    };
    let listening: Vec<String> = clues
        .listeners
        .iter()
        .map(|l| format!("{} ({})", l.shown(), clues.owner_of(l).unwrap_or("otro")))
        .collect();
    finding =
        finding.because(From::Kernel, format!("en la red del Pod escuchan: {}", join_or_none(&listening)));
    finding
        .because(From::Kernel, super::throttled(clue).map(|t| t.text()).unwrap_or_default())
        .try_now(target)
}

fn timeout_of(clue: &Clue, kind: ProbeKind) -> String {
    let seconds = clue.probe(kind).and_then(|p| p.timeout_seconds).filter(|n| *n > 0).unwrap_or(1);
    brief(Duration::from_secs(seconds as u64))
}
