//! Capítulo 16 · PID 1, señales y parada ordenada: en qué orden y con qué plazos se despide un
//! contenedor.
//!
//! ```text
//! plazo de gracia g ───────────────────────────────────────────────┐
//! preStop (si lo hay) │ su turno (auxiliares) │ señal de parada … │ SIGKILL
//!                                              └── g − lo gastado, y nunca menos de 2 s
//! ```

use std::time::Duration;

/// Tras la señal de parada se espera al menos esto antes de SIGKILL.
pub const MIN_STOP: Duration = Duration::from_secs(2);
/// Al acabar un Pod, ningún plazo de gracia vale menos que esto.
pub const MIN_GRACE: Duration = Duration::from_secs(1);

/// Por qué se para a un contenedor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Acaba el Pod.
    Pod,
    /// Lo condena una sonda.
    Probe,
    /// Falló su *hook* postStart.
    PostStart,
}

// ANCHOR: farewell
/// La despedida de un contenedor.
#[derive(Clone, Debug, PartialEq)]
pub struct Farewell {
    pub cause: Cause,
    /// Cuándo empezó y cuánto se le concede en total.
    pub began: Duration,
    pub grace: Duration,
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Su *hook* preStop corre, a costa del plazo de gracia.
    PreStop,
    /// Espera a que acaben los que deben acabar antes que él.
    Turn,
    /// Ya tiene la señal de parada.
    Stopped { kill_at: Duration },
    /// Ya tiene SIGKILL: solo queda que el kernel lo confirme.
    Killed,
}
// ANCHOR_END: farewell

impl Farewell {
    /// Cuándo se le acaba el plazo.
    pub fn until(&self) -> Duration {
        self.began.saturating_add(self.grace)
    }

    // ANCHOR: kill_at
    /// Cuándo llega SIGKILL si la señal de parada se envía en `now`: se descuentan los segundos
    /// enteros ya gastados, y siempre quedan al menos 2.
    pub fn kill_at(&self, now: Duration) -> Duration {
        let spent = Duration::from_secs(now.saturating_sub(self.began).as_secs());
        now.saturating_add(self.grace.saturating_sub(spent).max(MIN_STOP))
    }
    // ANCHOR_END: kill_at

    /// El Pod acaba con un plazo nuevo que se cuenta desde `now`: solo puede acortar el que había.
    pub fn shorten(&mut self, now: Duration, grace: Duration) {
        self.cause = Cause::Pod;
        if now.saturating_add(grace) < self.until() {
            (self.began, self.grace) = (now, grace);
        }
        if let Step::Stopped { kill_at } = &mut self.step {
            *kill_at = (*kill_at).min(now.saturating_add(grace.max(MIN_STOP)));
        }
    }

    pub fn deadline(&self) -> Option<Duration> {
        match self.step {
            Step::PreStop | Step::Turn => Some(self.until()),
            Step::Stopped { kill_at } => Some(kill_at),
            Step::Killed => None,
        }
    }
}
