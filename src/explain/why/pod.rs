//! El Pod entero: en qué está y, si algo lo retiene, qué.

use super::causes::Cause;
use super::clues::{Clue, Clues, brief};
use super::ended;
use super::finding::{Finding, From};
use super::probes;
use crate::cli::farewell;
use crate::logic::ProbeKind;
use crate::logic::lifecycle::Step;
use crate::logic::rules::Kind;
use crate::logic::status::{ContainerState, ContainerStatus, Phase};

/// La razón de los que murieron sin que nadie lo viera.
const UNKNOWN: &str = "ContainerStatusUnknown";

/// Lo que le pasa al Pod entero, y manda sobre lo que le pase a cada contenedor.
pub fn of_the_pod(clues: &Clues) -> Option<Finding> {
    let live = &clues.seen.live;
    let status = &live.status;
    let unknown =
        |c: &ContainerStatus| matches!(&c.state, ContainerState::Terminated(end) if end.reason == UNKNOWN);
    if live.lost || status.all().any(unknown) {
        return Some(lost(clues));
    }
    if let Some(event) = clues.pod_event("SandboxChanged") {
        let says = "la pausa, que sostenía su red, murió, y el Pod falla entero".to_string();
        return Some(
            Finding::new(Cause::SandboxDied, says)
                .because(
                    From::Events,
                    format!("SandboxChanged {}: {}", clues.ago(event.last), event.note.message),
                )
                .try_now(format!("micropod reproduce {}", clues.pod())),
        );
    }
    if let Some(event) = clues.pod_event("FailedCreatePodSandBox") {
        return Some(
            Finding::new(Cause::SandboxFailed, "no se pudo crear su entorno: la pausa o la red")
                .because(From::Events, one_line(&event.note.message))
                .try_now("micropod doctor".to_string()),
        );
    }
    match (status.phase, status.reason.as_str()) {
        (_, "Evicted") => Some(evicted(clues)),
        (_, "DeadlineExceeded") => Some(deadline(clues)),
        (Phase::Succeeded, _) => Some(finished(clues)),
        (Phase::Failed, _) => None,
        _ if !live.leaving.is_empty() => Some(stopping(clues)),
        (Phase::Pending | Phase::Running | Phase::Unknown, _) => closed_gate(clues),
    }
}

/// Todo corre y está listo, y aun así el Pod no: falta lo que pone alguien de fuera.
fn closed_gate(clues: &Clues) -> Option<Finding> {
    let conditions = &clues.seen.live.status.conditions;
    let ready = conditions.iter().find(|c| c.kind == "Ready" && c.reason == "ReadinessGatesNotReady")?;
    let met = |kind: &str| conditions.iter().any(|c| c.kind == kind && c.status);
    let gates = &clues.seen.record.pod.spec.readiness_gates;
    let gate = &gates.iter().find(|gate| !met(&gate.condition_type))?.condition_type;
    let patch = format!(r#"{{"status":{{"conditions":[{{"type":"{gate}","status":"True"}}]}}}}"#);
    Some(
        Finding::new(Cause::ReadinessGateClosed, ready.message.clone())
            .because(From::State, "ContainersReady es True, y Ready no: ReadinessGatesNotReady")
            .because(From::Spec, format!("readinessGates: {gate}"))
            .try_now(format!("micropod patch pod {} --subresource=status -p '{patch}'", clues.pod())),
    )
}

fn lost(clues: &Clues) -> Finding {
    let record = &clues.seen.record;
    Finding::new(Cause::SupervisorKilled, "su supervisor murió a la fuerza, y con él todo el Pod")
        .because(
            From::Kernel,
            format!("el proceso {} ya no existe y nadie tiene el cerrojo del Pod", record.supervisor.pid),
        )
        .because(From::State, "su último estado no es final: lo que corría queda en ContainerStatusUnknown")
        .try_now(format!("micropod delete pod {}", clues.pod()))
}

fn evicted(clues: &Clues) -> Finding {
    let message = &clues.seen.live.status.message;
    Finding::new(Cause::Evicted, format!("se le expulsó: {}", one_line(message)))
        .because(From::State, format!("fase {}, razón Evicted", clues.seen.live.status.phase))
        .try_now("sube el sizeLimit de ese volumen, o escribe menos en él".to_string())
}

fn deadline(clues: &Clues) -> Finding {
    let limit = clues.seen.record.pod.spec.active_deadline_seconds.unwrap_or_default();
    Finding::new(
        Cause::DeadlineExceeded,
        format!("llevaba en marcha más de los {limit} s de activeDeadlineSeconds"),
    )
    .because(From::Spec, format!("activeDeadlineSeconds: {limit}"))
    .try_now("micropod explain pod.spec.activeDeadlineSeconds".to_string())
}

fn finished(clues: &Clues) -> Finding {
    let names: Vec<&str> = clues.seen.live.status.containers.iter().map(|c| c.name.as_str()).collect();
    Finding::new(Cause::Finished, "todos sus contenedores acabaron con código 0 y ninguno se reinicia")
        .because(From::State, format!("fase Succeeded; contenedores: {}", names.join(", ")))
        .try_now(format!("micropod logs {}", clues.pod()))
}

/// Está acabando: a quién se espera, y si tiene sentido esperarlo.
fn stopping(clues: &Clues) -> Finding {
    let live = &clues.seen.live;
    let lines = farewell::lines(live, &clues.seen.record.plans, clues.now);
    let deaf = live.leaving.iter().find(|leaving| {
        let clue = clues.containers.iter().find(|c| c.spec.name == leaving.container);
        matches!(leaving.step, Step::Stopped { .. })
            && clue.is_some_and(|c| c.process.is_some_and(|p| !farewell::handles(p.pid, c.plan.stop_signal)))
    });
    let waits = lines.join("; ");
    let finding = match deaf {
        Some(leaving) => {
            let clue = clues.containers.iter().find(|c| c.spec.name == leaving.container);
            let (pid, signal) =
                clue.and_then(|c| Some((c.process?.pid, c.plan.stop_signal))).unwrap_or_default();
            let left = leaving.deadline.map(|at| at.saturating_sub(clues.now)).unwrap_or_default();
            let says = format!(
                "está acabando, y el PID 1 de {} no atiende la señal de parada: morirá con SIGKILL en {}",
                leaving.container,
                brief(left)
            );
            Finding::new(Cause::IgnoresStop, says)
                .because(
                    From::Kernel,
                    format!(
                        "en /proc/{pid}/status, SigCgt no tiene {}",
                        crate::explain::story::signal_name(signal)
                    ),
                )
                .try_now(format!("micropod delete pod {} --force", clues.pod()))
        }
        None => Finding::new(Cause::Stopping, format!("está acabando: {waits}"))
            .try_now(format!("micropod wait pod {} --for=delete", clues.pod())),
    };
    finding.because(From::State, waits)
}

/// Lo que retiene a un contenedor, o lo que le pasó.
pub fn of_a_container(clues: &Clues, clue: &Clue) -> Option<Finding> {
    match &clue.status.state {
        ContainerState::Waiting { reason, message } => Some(waiting(clues, clue, reason, message)),
        ContainerState::Terminated(end) => {
            let fine = end.exit_code == 0 && end.reason != "OOMKilled";
            // a quien acabó bien y no vuelve no le pasa nada
            let returns = clues.past.as_ref().is_some_and(|past| past.pod.restarts_at(clue.id).is_some());
            if fine && !returns { None } else { ended::explain(clues, clue) }
        }
        ContainerState::Running { .. } if !clue.status.ready => {
            let unready = (clue.kind != Kind::Init).then(|| probes::not_ready(clues, clue)).flatten();
            unready.or_else(|| probes::about_to_die(clues, clue))
        }
        ContainerState::Running { .. } => probes::about_to_die(clues, clue),
    }
}

fn waiting(clues: &Clues, clue: &Clue, reason: &str, message: &str) -> Finding {
    let name = &clue.spec.name;
    match reason {
        "CreateContainerConfigError" => {
            let as_root = clue.plan.security.uid == 0 && message.contains("runAsNonRoot");
            let cause = if as_root { Cause::RootForbidden } else { Cause::ConfigMissing };
            let hint = clue.plan.config_error.as_ref().map(|error| error.hint.clone());
            Finding::new(cause, format!("{name} no puede arrancar: {}", one_line(message)))
                .because(From::State, "CreateContainerConfigError: se vuelve a probar cada 10 s".to_string())
                .try_now(hint.unwrap_or_else(|| format!("micropod describe pod {}", clues.pod())))
        }
        "CreateContainerError" if !clue.plan.lower.exists() => ended::image_is_gone(clue),
        "CreateContainerError" => Finding::new(Cause::CreateFailed, format!("{name} no se pudo preparar"))
            .because(From::State, one_line(message))
            .try_now(format!("micropod describe pod {}", clues.pod())),
        "CrashLoopBackOff" | "RunContainerError" => {
            let finding = ended::explain(clues, clue);
            let finding = finding.unwrap_or_else(|| {
                Finding::new(Cause::CreateFailed, format!("{name} no arranca: {}", one_line(message)))
                    .unsure()
            });
            next_try(clues, clue, finding)
        }
        _ => queued(clues, clue),
    }
}

/// Añade cuándo se vuelve a intentar.
fn next_try(clues: &Clues, clue: &Clue, finding: Finding) -> Finding {
    let Some(at) = clues.past.as_ref().and_then(|past| past.pod.restarts_at(clue.id)) else { return finding };
    let clock = crate::logs::Civil::from_unix(
        clues.seen.clock(at).duration_since(std::time::UNIX_EPOCH).map(|d| d.as_secs()).unwrap_or_default(),
    );
    let left = brief(at.saturating_sub(clues.now));
    finding.because(
        From::State,
        format!("CrashLoopBackOff: se intenta otra vez a las {} UTC, dentro de {left}", clock.time()),
    )
}

/// Aún no le ha tocado: alguien va delante.
fn queued(clues: &Clues, clue: &Clue) -> Finding {
    let name = &clue.spec.name;
    let before = clues.containers.iter().take_while(|c| c.id != clue.id).filter(|c| c.kind != Kind::App);
    for earlier in before {
        let init = &earlier.spec.name;
        match (&earlier.status.state, earlier.kind) {
            (ContainerState::Terminated(end), _) if end.exit_code == 0 => continue,
            (ContainerState::Running { since }, Kind::Init) => {
                let last = clues.last_lines(earlier, earlier.status.restart_count, 1);
                let last = last.first().map(|l| format!("«{}»", l.text)).unwrap_or_default();
                return Finding::new(
                    Cause::InitRunning,
                    format!("espera a que acabe {init}, que corre desde {}", clues.ago(*since)),
                )
                .because(From::Logs, last)
                .because(
                    From::State,
                    format!("{name} no arranca hasta que todos los de inicialización acaben bien"),
                )
                .try_now(format!("micropod logs -f {} -c {init}", clues.pod()));
            }
            (ContainerState::Running { .. }, Kind::Sidecar) if earlier.status.started => continue,
            (ContainerState::Running { .. }, _) => {
                let why = probes::not_ready(clues, earlier);
                let says = why.as_ref().map(|f| format!(": {}", f.says)).unwrap_or_default();
                let mut finding = Finding::new(
                    Cause::WaitingSidecar,
                    format!("espera a que arranque su auxiliar {init}{says}"),
                );
                finding.evidence.extend(why.map(|f| f.evidence).unwrap_or_default());
                return finding.try_now(format!("micropod logs -f {} -c {init}", clues.pod()));
            }
            (ContainerState::Terminated(_) | ContainerState::Waiting { .. }, _) => {
                let Some(why) = of_a_container(clues, earlier).filter(|f| f.cause != Cause::Starting) else {
                    break;
                };
                let mut finding = Finding::new(
                    Cause::InitFailing,
                    format!(
                        "{init} no acaba bien, y hasta que lo haga no arranca nadie más: {}",
                        why.sentence()
                    ),
                );
                finding.evidence = why.evidence;
                finding.next = why.next;
                return finding;
            }
        }
    }
    starting(clues)
}

pub fn starting(clues: &Clues) -> Finding {
    let now = brief(clues.now);
    // su programa ya corre, y aún no cuenta como Running: lo retiene su hook
    let held = |clue: &&Clue| {
        let hook = clue.spec.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some());
        hook && clue.process.is_some() && matches!(clue.status.state, ContainerState::Waiting { .. })
    };
    let again = format!("micropod por-que {}", clues.pod());
    match clues.containers.iter().find(held) {
        Some(clue) => {
            let name = &clue.spec.name;
            let says = format!("todavía está arrancando: espera a que acabe el postStart de {name}");
            let pid = clue.process.map(|p| p.pid).unwrap_or_default();
            Finding::new(Cause::Starting, says)
                .because(From::Kernel, format!("el programa de {name} ya corre (pid {pid})"))
                .because(From::Spec, "un postStart no tiene plazo: ni este ni los siguientes siguen sin él")
                .try_now(again)
        }
        None => {
            Finding::new(Cause::Starting, format!("todavía está arrancando: nació hace {now}")).try_now(again)
        }
    }
}

/// Lo que le pasó antes a un contenedor que ahora va bien.
pub fn of_before(clues: &Clues, clue: &Clue) -> Option<Finding> {
    if !clue.is_running() || clue.status.restart_count == 0 {
        return None;
    }
    ended::explain(clues, clue)
}

/// ¿Lo mató una sonda y ya corre otra vez? Entonces eso es lo que hay que contar.
pub fn was_killed_by_a_probe(clues: &Clues, clue: &Clue) -> bool {
    clue.is_running() && ended::killed_by(clues, clue).is_some_and(|kind| kind != ProbeKind::Readiness)
}

pub fn one_line(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    crate::spec::errors::visible(&line.join(" "), 300)
}
