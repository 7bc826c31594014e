//! Cuánto se espera: lo que pide el criterio, por lo lenta que sea la máquina.
//!
//! Un ordenador viejo o con la clase entera encima tarda más en todo. Eso no es un error del
//! estudiante: se mide al empezar lo que cuesta aquí lanzar un proceso y se espera en proporción.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn en_una_maquina_lenta_se_espera_mas_y_nunca_menos_de_lo_dicho() {
        let factor = |millis| Patience::from_launch(Duration::from_millis(millis)).factor;
        assert_eq!(factor(1), 1.0);
        assert_eq!(factor(16), 2.0);
        assert_eq!(factor(60_000), 12.0);
        let slow = Patience { factor: 3.0 };
        assert_eq!(slow.of(Duration::from_secs(2)), Duration::from_secs(6));
    }
}
