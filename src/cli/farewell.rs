//! A quién se espera mientras un Pod acaba, y por qué.

use crate::logic::lifecycle::Step;
use crate::process::ContainerPlan;
use crate::state::{Live, ProcessId};
use std::time::Duration;

/// Una frase por cada contenedor al que se espera. `now`: tiempo desde que nació el Pod.
pub fn lines(live: &Live, plans: &[ContainerPlan], now: Duration) -> Vec<String> {
    let line = |leaving: &crate::logic::pod::Leaving| {
        let plan = plans.iter().zip(&live.processes).find(|(plan, _)| plan.name == leaving.container);
        let why = match leaving.step {
            Step::PreStop => "corre su preStop".to_string(),
            Step::Turn => "le toca después de los demás".to_string(),
            Step::Stopped { .. } => match plan {
                Some((plan, process)) => stopped(plan.stop_signal, *process),
                None => String::new(),
            },
            Step::Killed => "ya tiene SIGKILL".to_string(),
        };
        let left = leaving.deadline.map(|at| at.saturating_sub(now)).filter(|left| !left.is_zero());
        let left = left.map(|left| left.as_secs_f64().ceil());
        let left =
            left.map(|s| format!("; le queda{} {s} s", if s == 1.0 { "" } else { "n" })).unwrap_or_default();
        format!("esperando a {}: {why}{left}", leaving.container)
    };
    live.leaving.iter().map(line).collect()
}

fn stopped(signal: i32, process: Option<ProcessId>) -> String {
    let name = nix::sys::signal::Signal::try_from(signal).map_or("su señal de parada", |s| s.as_str());
    match process {
        // quien acaba de morir ya no atiende nada, y no por eso la ignoró
        Some(process) if alive(process.pid) && !handles(process.pid, signal) => {
            format!("tiene {name} y su PID 1 no la atiende: acabará con SIGKILL")
        }
        _ => format!("tiene {name}"),
    }
}

/// ¿Vive, y no es un zombi?
fn alive(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|l| l.strip_prefix("State:"));
    state.is_some_and(|s| !s.trim_start().starts_with(['Z', 'X']))
}

// ANCHOR: handles
/// ¿Tiene el proceso un manejador para esa señal? El PID 1 de un espacio de procesos no muere sin él.
pub fn handles(pid: i32, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|l| l.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|l| u64::from_str_radix(l.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}
// ANCHOR_END: handles

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::pod::Leaving;

    #[test]
    fn se_dice_a_quien_se_espera_cuanto_le_queda_y_que_viene_despues() {
        let s = Duration::from_secs;
        let leaving =
            |container: &str, step, deadline| Leaving { container: container.into(), step, deadline };
        let live = Live {
            leaving: vec![
                leaving("web", Step::PreStop, Some(s(30))),
                leaving("proxy", Step::Turn, None),
                leaving("db", Step::Killed, Some(s(1))),
                leaving("cola", Step::PreStop, Some(s(3))),
            ],
            ..Live::default()
        };
        assert_eq!(
            lines(&live, &[], Duration::from_millis(2500)),
            [
                "esperando a web: corre su preStop; le quedan 28 s",
                "esperando a proxy: le toca después de los demás",
                "esperando a db: ya tiene SIGKILL",
                "esperando a cola: corre su preStop; le queda 1 s",
            ]
        );
        // este proceso no atiende SIGUSR1, y a SIGSEGV sí: lo usa la biblioteca estándar
        let me = ProcessId::of(std::process::id() as i32);
        assert_eq!(stopped(libc::SIGUSR1, me), "tiene SIGUSR1 y su PID 1 no la atiende: acabará con SIGKILL");
        assert_eq!(stopped(libc::SIGSEGV, me), "tiene SIGSEGV");
    }

    #[test]
    fn de_quien_acaba_de_morir_no_se_dice_que_no_atiende_la_senal() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (pid, process) = (child.id() as i32, ProcessId::of(child.id() as i32));
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while alive(pid) && std::time::Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        // zombi: nadie lo ha recogido todavía
        assert!(process.is_some());
        assert_eq!(stopped(libc::SIGTERM, process), "tiene SIGTERM");
        child.wait().unwrap();
        assert_eq!(stopped(libc::SIGTERM, process), "tiene SIGTERM");
    }
}
