//! Capítulo 17 · Políticas de reinicio: si un contenedor vuelve a arrancar, y cuándo.

use super::rules::{ContainerRules, Kind, RestartPolicy};
use super::status::Terminated;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// «Si sale con uno de estos códigos (o con ninguno de estos), se hace esto».
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitRule {
    pub codes: Vec<i32>,
    /// `true`: `In`; `false`: `NotIn`.
    pub listed: bool,
    pub then: Restart,
}

/// Quién vuelve a arrancar cuando acaba un contenedor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restart {
    Nobody,
    Itself,
    /// Todos los del Pod, empezando otra vez por los de inicialización.
    Everyone,
}

// ANCHOR: after
/// Quién vuelve a arrancar cuando un contenedor ha acabado así.
pub fn after(rules: &ContainerRules, ended: &Terminated) -> Restart {
    let matches = |rule: &&ExitRule| rule.codes.contains(&ended.exit_code) == rule.listed;
    if let Some(rule) = rules.exit_rules.iter().find(matches) {
        return rule.then;
    }
    let failed = !succeeded(rules.kind, ended);
    let again = match rules.policy {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure => failed,
        // uno de inicialización que sale bien ya ha hecho su trabajo
        RestartPolicy::Always => failed || rules.kind != Kind::Init,
    };
    if again { Restart::Itself } else { Restart::Nobody }
}
// ANCHOR_END: after

/// ¿Acabó bien? A uno de inicialización no le vale un 0 si por el camino le faltó memoria.
pub fn succeeded(kind: Kind, ended: &Terminated) -> bool {
    ended.exit_code == 0 && (kind != Kind::Init || ended.reason != "OOMKilled")
}

pub const FIRST_DELAY: Duration = Duration::from_secs(10);
pub const MAX_DELAY: Duration = Duration::from_secs(300);
/// Quien vive más que esto desde que se decidió arrancarlo empieza de cero.
pub const FORGET_AFTER: Duration = Duration::from_secs(600);

// ANCHOR: backoff
/// La memoria de los reinicios de un contenedor: 10 s, 20 s, 40 s… hasta 5 minutos.
///
/// La espera se cuenta desde que *acabó* la vida anterior, y la apunta cada arranque para el
/// siguiente: por eso el primer reinicio es inmediato.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    entry: Option<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    delay: Duration,
    /// Cuándo se decidió el último reinicio.
    decided: Duration,
}

impl Backoff {
    /// Lo que ha de esperar quien acabó en el instante `finished`; cero: nada.
    pub fn delay(&self, finished: Duration) -> Duration {
        match &self.entry {
            Some(entry) if !entry.is_old(finished) => entry.delay,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Se reinicia en el instante `now` a quien acabó en `finished`: la próxima espera se dobla.
    pub fn restarted(&mut self, now: Duration, finished: Duration) {
        let delay = match &self.entry {
            Some(entry) if !entry.is_old(finished) => (entry.delay * 2).min(MAX_DELAY),
            Some(_) | None => FIRST_DELAY,
        };
        self.entry = Some(Entry { delay, decided: now });
    }

    /// Olvida si ha pasado mucho desde el último reinicio: `kubelet` hace limpieza cada 2 s, y solo
    /// se nota cuando la que manda es la muerte de una vida más antigua (ver [`next_start`]).
    pub fn clean(&mut self, now: Duration) {
        self.entry.take_if(|entry| entry.is_old(now));
    }
}

impl Entry {
    fn is_old(&self, at: Duration) -> bool {
        at.saturating_sub(self.decided) > FORGET_AFTER
    }
}
// ANCHOR_END: backoff

/// Cuándo arranca la vida siguiente.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextStart {
    pub at: Duration,
    /// La muerte de la que se cuenta la espera; `None`: no cuenta como reinicio con espera.
    pub finished: Option<Duration>,
}

// ANCHOR: next_start
/// Cuándo vuelve a arrancar quien acaba de acabar, en el instante `now`.
///
/// Si lo mató una sonda, `kubelet` mata y arranca de una vez, mirando la muerte *anterior*
/// (`older`): mientras cada vida dure más que la espera, no hay CrashLoopBackOff.
pub fn next_start(
    backoff: &mut Backoff,
    now: Duration,
    by_probe: bool,
    older: Option<Duration>,
    acelera: u32,
) -> NextStart {
    let ready = |backoff: &Backoff, finished: Duration| {
        finished.saturating_add(backoff.delay(finished) / acelera.max(1))
    };
    if by_probe {
        backoff.clean(now);
        match older {
            None => return NextStart { at: now, finished: None },
            Some(older) if ready(backoff, older) <= now => {
                return NextStart { at: now, finished: Some(older) };
            }
            Some(_) => {}
        }
    }
    NextStart { at: ready(backoff, now), finished: Some(now) }
}
// ANCHOR_END: next_start
