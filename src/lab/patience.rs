//! Cuánto se espera: lo que pide el criterio, por lo lenta que sea la máquina.
//!
//! Un ordenador viejo o con la clase entera encima tarda más en todo. Eso no es un error del
//! estudiante: se mide al empezar lo que cuesta aquí lanzar un proceso y se espera en proporción. A quien ya no
//! va a volver no se lo espera.

use crate::logic::restart::{self, Restart};
use crate::logic::rules::PodRules;
use crate::logic::status::{ContainerState, PodStatus};
use crate::spec::types;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Cada cuánto se mira si ya se cumple.
pub const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Lo que se espera, en una máquina tranquila, a que se cumpla un paso que no dice otra cosa.
pub const USUAL: Duration = Duration::from_secs(5);
/// Lo que cuesta lanzar un proceso en una máquina tranquila.
const CALM_LAUNCH: Duration = Duration::from_millis(8);

#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub factor: f64,
}

impl Patience {
    /// La de esta máquina, ahora.
    pub fn measure() -> Patience {
        let launch = || {
            let start = Instant::now();
            let own = Command::new("/proc/self/exe").arg("--version").stdout(Stdio::null()).status();
            own.map_or(CALM_LAUNCH, |_| start.elapsed())
        };
        let slowest = (0..3).map(|_| launch()).max().unwrap_or(CALM_LAUNCH);
        Patience::from_launch(slowest)
    }

    fn from_launch(launch: Duration) -> Patience {
        Patience { factor: (launch.as_secs_f64() / CALM_LAUNCH.as_secs_f64()).clamp(1.0, 12.0) }
    }

    pub fn of(self, calm: Duration) -> Duration {
        calm.mul_f64(self.factor)
    }
}

/// ¿Ha acabado ese contenedor, y nadie lo va a levantar? A quien acaba y vuelve sin esperar también se lo ve
/// acabado: lo que decide es su política.
pub fn stays_down(pod: &types::Pod, status: &PodStatus, index: usize) -> bool {
    let rules = PodRules::from(pod, 1).containers;
    let end = match status.all().nth(index).map(|c| &c.state) {
        Some(ContainerState::Terminated(end)) => end,
        _ => return false,
    };
    // con una regla así, lo puede levantar la muerte de otro
    let together = rules.iter().flat_map(|c| &c.exit_rules).any(|rule| rule.then == Restart::Everyone);
    let alone = rules.get(index).is_some_and(|own| restart::after(own, end) == Restart::Nobody);
    status.phase.is_final() || alone && !together
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::status::{ContainerStatus, Terminated};
    use crate::spec::types::RestartPolicy::{self, *};

    #[test]
    fn en_una_maquina_lenta_se_espera_mas_y_nunca_menos_de_lo_dicho() {
        let factor = |millis| Patience::from_launch(Duration::from_millis(millis)).factor;
        assert_eq!(factor(1), 1.0);
        assert_eq!(factor(16), 2.0);
        assert_eq!(factor(60_000), 12.0);
        let slow = Patience { factor: 3.0 };
        assert_eq!(slow.of(Duration::from_secs(2)), Duration::from_secs(6));
    }

    #[test]
    fn de_quien_ha_acabado_no_se_espera_nada_si_su_politica_no_lo_levanta() {
        let down = |policy: RestartPolicy, exit_code: i32, kind: fn(Terminated) -> ContainerState| {
            let containers =
                ["uno", "otro"].map(|name| types::Container { name: name.into(), ..Default::default() });
            let spec = types::PodSpec {
                containers: containers.into(),
                restart_policy: policy,
                ..Default::default()
            };
            let end = Terminated {
                exit_code,
                signal: 0,
                reason: String::new(),
                message: String::new(),
                started: Duration::ZERO,
                finished: Duration::ZERO,
            };
            let alive = ContainerState::Running { since: Duration::ZERO };
            let status = |state| ContainerStatus {
                name: String::new(),
                sidecar: false,
                ready: false,
                started: false,
                restart_count: 0,
                state,
                last: None,
            };
            let status =
                PodStatus { containers: vec![status(kind(end)), status(alive)], ..Default::default() };
            let pod = types::Pod { spec, ..Default::default() };
            assert!(!stays_down(&pod, &status, 1), "el otro sigue en marcha");
            stays_down(&pod, &status, 0)
        };
        let ended = ContainerState::Terminated;
        assert!(down(Never, 1, ended) && down(Never, 0, ended) && down(OnFailure, 0, ended));
        assert!(!down(OnFailure, 1, ended) && !down(Always, 0, ended) && !down(Always, 1, ended));
        let waits = |_| ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: String::new() };
        assert!(!down(Never, 1, waits), "quien espera volverá");
    }
}
