//! Los carriles: en qué estaba cada cual en cada momento, para dibujarlo.

use crate::logic::status::Phase;
use crate::logic::{Glance, Pod};
use std::time::Duration;

/// Cómo se ve algo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    Pending,
    Waiting,
    Starting,
    Unready,
    Ready,
    Stopping,
    Succeeded,
    Failed,
    /// Cambia tan deprisa que a esta escala no se distingue.
    Mixed,
}

impl Look {
    pub fn of(glance: Glance) -> Look {
        match glance {
            Glance::Pending => Look::Pending,
            Glance::Waiting => Look::Waiting,
            Glance::Starting | Glance::Running { started: false, .. } => Look::Starting,
            Glance::Running { ready: false, .. } => Look::Unready,
            Glance::Running { ready: true, .. } => Look::Ready,
            Glance::Stopping => Look::Stopping,
            Glance::Ended { ok: true } => Look::Succeeded,
            Glance::Ended { ok: false } => Look::Failed,
        }
    }

    pub fn of_pod(pod: &Pod) -> Look {
        match pod.phase() {
            Phase::Succeeded => Look::Succeeded,
            Phase::Failed => Look::Failed,
            _ if pod.is_ending() => Look::Stopping,
            Phase::Pending | Phase::Unknown => Look::Pending,
            Phase::Running if pod.is_ready() => Look::Ready,
            Phase::Running => Look::Unready,
        }
    }
}

/// Un rato en un estado.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub from: Duration,
    pub to: Duration,
    pub look: Look,
}

/// Una muerte y su código.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    pub at: Duration,
    pub code: i32,
}

/// El carril de alguien: sus ratos, seguidos, y sus muertes.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    pub spans: Vec<Span>,
    pub marks: Vec<Mark>,
    /// Muertes que no se han guardado.
    pub more_marks: u64,
    now: Option<(Duration, Look)>,
    /// Por debajo de esto, un rato se junta con sus vecinos.
    grain: Duration,
}

/// Ratos que se guardan: más de los que caben en una pantalla.
const MAX_SPANS: usize = 8192;

impl Lane {
    /// Lo anterior a `at` no se sabe.
    pub fn begin(&mut self, at: Duration, look: Look) {
        self.now = Some((at, look));
    }

    /// Desde el instante `at`, así.
    pub fn look(&mut self, at: Duration, look: Look) {
        match self.now {
            Some((_, before)) if before == look => return,
            Some((from, before)) => self.add(Span { from, to: at, look: before }),
            None if at > Duration::ZERO => {
                self.add(Span { from: Duration::ZERO, to: at, look: Look::Pending })
            }
            None => {}
        }
        self.now = Some((at, look));
    }

    pub fn mark(&mut self, at: Duration, code: i32) {
        if self.marks.len() < MAX_SPANS {
            self.marks.push(Mark { at, code });
        } else {
            self.more_marks += 1;
        }
    }

    pub fn end(&mut self, at: Duration) {
        let (from, look) = self.now.take().unwrap_or((Duration::ZERO, Look::Pending));
        self.add(Span { from, to: at, look });
    }

    fn add(&mut self, span: Span) {
        if span.from == span.to {
            return;
        }
        join(&mut self.spans, span, self.grain);
        if self.spans.len() > MAX_SPANS {
            self.grain = self.grain.max(Duration::from_millis(1)) * 2;
            self.spans = coarse(&self.spans, self.grain);
        }
    }
}

/// Los mismos ratos, con los más cortos que `grain` juntos en ratos revueltos.
pub fn coarse(spans: &[Span], grain: Duration) -> Vec<Span> {
    let mut all = Vec::new();
    for span in spans {
        join(&mut all, *span, grain);
    }
    all
}

/// Añade un rato; si él y el anterior son cortos, se juntan.
fn join(spans: &mut Vec<Span>, span: Span, grain: Duration) {
    let brief = |span: &Span| span.to - span.from < grain;
    if let Some(last) = spans.last_mut() {
        let same = last.look == span.look;
        if same || (brief(&span) && (brief(last) || last.look == Look::Mixed)) {
            last.to = span.to;
            last.look = if same { last.look } else { Look::Mixed };
            return;
        }
    }
    spans.push(span);
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn los_ratos_van_seguidos_y_cubren_todo() {
        let mut lane = Lane::default();
        lane.look(s(2), Look::Ready);
        lane.look(s(5), Look::Ready);
        lane.look(s(7), Look::Waiting);
        lane.look(s(7), Look::Ready);
        lane.end(s(9));
        let looks: Vec<_> = lane.spans.iter().map(|s| (s.from.as_secs(), s.to.as_secs(), s.look)).collect();
        assert_eq!(looks, [(0, 2, Look::Pending), (2, 9, Look::Ready)]);
    }

    #[test]
    fn un_millon_de_cambios_no_ocupa_mas_y_los_ratos_largos_se_siguen_viendo() {
        let mut lane = Lane::default();
        for i in 0..1_000_000u64 {
            lane.look(s(i), if i % 2 == 0 { Look::Ready } else { Look::Unready });
        }
        lane.look(s(1_000_000), Look::Waiting);
        lane.end(s(2_000_000));
        assert!(lane.spans.len() <= MAX_SPANS, "{}", lane.spans.len());
        assert!(lane.spans.windows(2).all(|w| w[0].to == w[1].from));
        let last = lane.spans.last().unwrap();
        assert_eq!((last.look, last.from, last.to), (Look::Waiting, s(1_000_000), s(2_000_000)));
        assert!(lane.spans.iter().any(|s| s.look == Look::Mixed));
    }
}
