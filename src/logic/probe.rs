//! Capítulo 19 · Sondas: preguntar cada cierto tiempo y no fiarse de una sola respuesta.

use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRules {
    /// Desde que arranca el contenedor hasta la primera pregunta.
    pub initial_delay: Duration,
    /// De una pregunta a la siguiente. Mayor que cero.
    pub period: Duration,
    /// Lo que se espera una respuesta. Mayor que cero.
    pub timeout: Duration,
    /// Aciertos seguidos para darla por buena.
    pub success_threshold: u32,
    /// Fallos seguidos para darla por mala.
    pub failure_threshold: u32,
    /// Plazo de gracia si por ella se mata al contenedor; si falta, el del Pod.
    pub grace: Option<Duration>,
}

/// Lo que se cree de un contenedor, según una sonda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Unknown,
    Passing,
    Failing,
}

/// Intentos de una misma pregunta cuando no se puede ni hacer.
const MAX_ATTEMPTS: u32 = 3;

// ANCHOR: probe_state
/// De quién es el turno: nuestro (esperar) o de la sonda (responder).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Turn {
    Idle { until: Duration },
    Asking { asked: Duration, until: Duration, attempt: u32 },
}

/// Una sonda, en una vida de un contenedor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeState {
    pub verdict: Verdict,
    turn: Turn,
    /// La última respuesta y las veces seguidas que se ha repetido.
    last: bool,
    streak: u32,
}
// ANCHOR_END: probe_state

/// Lo que toca hacer con una sonda en este instante.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    Ask,
    /// Venció el plazo: dejar de esperarla, y es un fallo.
    GiveUp,
}

impl ProbeState {
    /// La sonda de una vida que empezó en `since`.
    pub fn new(rules: &ProbeRules, verdict: Verdict, since: Duration) -> ProbeState {
        let until = since.saturating_add(rules.initial_delay);
        ProbeState { verdict, turn: Turn::Idle { until }, last: false, streak: 0 }
    }

    /// Hace que pase lo que venza en `now`.
    pub fn due(&mut self, rules: &ProbeRules, now: Duration) -> Due {
        match self.turn {
            Turn::Idle { until } if now >= until => {
                let until = now.saturating_add(rules.timeout);
                self.turn = Turn::Asking { asked: now, until, attempt: 1 };
                Due::Ask
            }
            Turn::Asking { until, .. } if now >= until => {
                self.observe(rules, false);
                Due::GiveUp
            }
            Turn::Idle { .. } | Turn::Asking { .. } => Due::Nothing,
        }
    }

    // ANCHOR: observe
    /// Una respuesta suelta no cambia nada; una racha, sí.
    pub fn observe(&mut self, rules: &ProbeRules, success: bool) {
        self.streak = if self.last == success { self.streak.saturating_add(1) } else { 1 };
        self.last = success;
        if success && self.streak >= rules.success_threshold {
            self.verdict = Verdict::Passing;
        } else if !success && self.streak >= rules.failure_threshold {
            self.verdict = Verdict::Failing;
        }
        self.rest(rules);
    }
    // ANCHOR_END: observe

    /// No se pudo ni preguntar: ¿se intenta otra vez? Al tercer intento se deja, sin contarlo.
    pub fn retry(&mut self, rules: &ProbeRules, now: Duration) -> bool {
        match &mut self.turn {
            Turn::Asking { until, attempt, .. } if *attempt < MAX_ATTEMPTS => {
                *attempt += 1;
                *until = now.saturating_add(rules.timeout);
                true
            }
            Turn::Asking { .. } | Turn::Idle { .. } => {
                self.rest(rules);
                false
            }
        }
    }

    /// Hasta la siguiente pregunta: el periodo va de pregunta a pregunta, tarde lo que tarde la
    /// respuesta.
    fn rest(&mut self, rules: &ProbeRules) {
        if let Turn::Asking { asked, .. } = self.turn {
            self.turn = Turn::Idle { until: asked.saturating_add(rules.period) };
        }
    }

    /// Deja de esperar la respuesta: ya no interesa.
    pub fn abandon(&mut self) {
        if let Turn::Asking { asked, .. } = self.turn {
            self.turn = Turn::Idle { until: asked };
        }
    }

    /// La última respuesta y las veces seguidas que se ha repetido; `None` si no ha respondido.
    pub fn streak(&self) -> Option<(bool, u32)> {
        (self.streak > 0).then_some((self.last, self.streak))
    }

    /// Su última respuesta, si repetirla no cambiaría nada; `None` si sí, o si aún no hay ninguna.
    pub fn settled(&self, rules: &ProbeRules) -> Option<bool> {
        let enough = match self.verdict {
            Verdict::Passing => self.last && self.streak >= rules.success_threshold,
            Verdict::Failing => !self.last && self.streak > 0,
            Verdict::Unknown => false,
        };
        enough.then_some(self.last)
    }

    /// Mueve su próxima pregunta `by` hacia delante.
    pub fn shift(&mut self, by: Duration) {
        if let Turn::Idle { until } = &mut self.turn {
            *until = until.saturating_add(by);
        }
    }

    pub fn is_asking(&self) -> bool {
        matches!(self.turn, Turn::Asking { .. })
    }

    pub fn deadline(&self) -> Duration {
        match self.turn {
            Turn::Idle { until } | Turn::Asking { until, .. } => until,
        }
    }
}
