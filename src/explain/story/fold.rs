//! Lo que se repite se cuenta una vez: un mes de sondas y de reinicios cabe en una pantalla.
//!
//! Cada pista (la vida de un contenedor, una de sus sondas…) se pliega por su cuenta:
//!
//! 1. una línea igual a la anterior solo la alarga: `×12, cada 5s`;
//! 2. un bloque de líneas que se repite con el mismo ritmo tres veces se cuenta una:
//!    «↻ se repite 8495 veces, cada 5m5s».

use std::time::Duration;

/// Qué tal está lo que se cuenta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
}

/// Una línea de la historia.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Para poner en su orden lo que ocurre a la vez.
    pub order: u64,
    pub at: Duration,
    /// Cuándo ocurrió la última vez, si se repite.
    pub last: Duration,
    pub count: u64,
    /// El ritmo, si es siempre el mismo.
    pub every: Option<Duration>,
    pub text: String,
    /// Lo que se dice de la primera y no se compara con las demás.
    pub aside: String,
    pub tone: Tone,
}

/// Un bloque que se repite: las `lines` líneas de antes, otras `times` veces.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    pub order: u64,
    pub at: Duration,
    pub last: Duration,
    pub lines: usize,
    pub times: u64,
    pub every: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Line(Line),
    Again(Again),
}

/// Líneas de un bloque que se repite, como mucho.
const MAX_BLOCK: usize = 12;
/// Líneas que se guardan de una pista que no se repite nunca; las demás solo se cuentan.
const MAX_ITEMS: usize = 5000;

/// Una pista.
#[derive(Clone, Debug, Default)]
pub struct Track {
    items: Vec<Item>,
    /// La última, que aún puede alargarse.
    open: Option<Line>,
    /// Las que ya no caben.
    pub lost: u64,
}

impl Track {
    /// Añade una línea. `slack`: cuánto pueden bailar los ritmos de lo que se repite.
    pub fn push(&mut self, line: Line, slack: Duration) {
        if let Some(open) = self.open.as_mut().filter(|open| open.text == line.text) {
            open.again(1, line.at.saturating_sub(open.last), slack);
            return;
        }
        self.close(slack);
        self.open = Some(line);
    }

    /// Lo último ha ocurrido otras `times` veces, con ese ritmo.
    pub fn repeat(&mut self, times: u64, every: Duration, slack: Duration) {
        if let Some(open) = self.open.as_mut().filter(|_| times > 0) {
            open.again(times, every, slack);
        }
    }

    /// Lo que venga ya no es repetición de lo último: empieza otra vida.
    pub fn close(&mut self, slack: Duration) {
        let Some(line) = self.open.take() else { return };
        if self.items.len() >= MAX_ITEMS {
            self.lost += line.count;
            return;
        }
        self.items.push(Item::Line(line));
        if !self.absorb(slack) {
            self.fold(slack);
        }
    }

    /// Todo lo contado, en orden.
    pub fn finish(mut self, slack: Duration) -> (Vec<Item>, u64) {
        self.close(slack);
        (self.items, self.lost)
    }

    /// Las líneas del final, desde la última repetición (o desde el principio).
    fn tail(&self) -> &[Item] {
        let start = self.items.iter().rposition(|i| matches!(i, Item::Again(_))).map_or(0, |i| i + 1);
        &self.items[start..]
    }

    /// ¿Es lo último una vuelta más del bloque que ya se repetía?
    fn absorb(&mut self, slack: Duration) -> bool {
        let tail = self.tail().len();
        let Some(at) = self.items.len().checked_sub(tail + 1) else { return false };
        let Some(Item::Again(again)) = self.items.get(at) else { return false };
        let (size, turns, every) = (again.lines, again.times, again.every);
        if tail != size || at < size {
            return false;
        }
        let shift = every * u32::try_from(turns + 1).unwrap_or(u32::MAX);
        if !same_block(&self.items[at - size..at], &self.items[at + 1..], shift, slack * 4) {
            return false;
        }
        let last = self.items.last().map_or(Duration::ZERO, Item::last);
        self.items.truncate(at + 1);
        if let Some(Item::Again(again)) = self.items.last_mut() {
            again.times += 1;
            again.last = last;
            if !slack.is_zero() {
                // un ritmo de verdad baila: se corrige con lo que se va viendo
                let first = self.items[at - 1].last();
                if let Some(Item::Again(again)) = self.items.last_mut() {
                    again.every = last.saturating_sub(first) / u32::try_from(again.times).unwrap_or(u32::MAX);
                }
            }
        }
        true
    }

    /// ¿Son las últimas líneas tres veces el mismo bloque? Entonces basta con la primera.
    fn fold(&mut self, slack: Duration) {
        let tail = self.tail();
        let fits = |size: &usize| {
            let start = tail.len().checked_sub(3 * size)?;
            let (one, rest) = tail[start..].split_at(*size);
            let (two, three) = rest.split_at(*size);
            let every = two[0].at().saturating_sub(one[0].at());
            let repeats = same_block(one, two, every, slack) && same_block(one, three, every * 2, slack * 2);
            repeats.then(|| (*size, every, two[0].order(), two[0].at()))
        };
        let Some((lines, every, order, at)) = (1..=MAX_BLOCK).find_map(|size| fits(&size)) else { return };
        let last = self.items.last().map_or(at, Item::last);
        self.items.truncate(self.items.len() - 2 * lines);
        self.items.push(Item::Again(Again { order, at, last, lines, times: 2, every }));
    }
}

impl Item {
    pub fn at(&self) -> Duration {
        match self {
            Item::Line(line) => line.at,
            Item::Again(again) => again.at,
        }
    }

    pub fn last(&self) -> Duration {
        match self {
            Item::Line(line) => line.last,
            Item::Again(again) => again.last,
        }
    }

    pub fn order(&self) -> u64 {
        match self {
            Item::Line(line) => line.order,
            Item::Again(again) => again.order,
        }
    }
}

impl Line {
    fn again(&mut self, times: u64, gap: Duration, slack: Duration) {
        self.every = match (self.count, self.every) {
            (1, _) => Some(gap),
            (_, Some(every)) if close(every, gap, slack) => Some(every),
            (_, _) => None,
        };
        self.count += times;
        self.last += Duration::from_secs(gap.as_secs() * (times - 1)) + gap;
    }
}

fn close(a: Duration, b: Duration, slack: Duration) -> bool {
    a.abs_diff(b) <= slack
}

/// ¿Dicen lo mismo, `shift` después?
fn same_block(one: &[Item], two: &[Item], shift: Duration, slack: Duration) -> bool {
    let same = |(a, b): (&Item, &Item)| match (a, b) {
        (Item::Line(a), Item::Line(b)) => {
            a.text == b.text
                && a.count == b.count
                && close(a.at + shift, b.at, slack)
                && close(a.last + shift, b.last, slack)
        }
        (Item::Line(_) | Item::Again(_), _) => false,
    };
    one.len() == two.len() && one.iter().zip(two).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[(u64, &str)], slack: u64) -> Vec<String> {
        let mut track = Track::default();
        let slack = Duration::from_millis(slack);
        for (order, (at, text)) in lines.iter().enumerate() {
            let at = Duration::from_millis(*at);
            track.push(
                Line {
                    order: order as u64,
                    at,
                    last: at,
                    count: 1,
                    every: None,
                    text: text.to_string(),
                    aside: String::new(),
                    tone: Tone::Plain,
                },
                slack,
            );
        }
        let show = |item: &Item| match item {
            Item::Line(l) => format!("{} {}×{} {:?}", l.at.as_millis(), l.text, l.count, l.every),
            Item::Again(a) => {
                format!("{} {} líneas, {} veces más, cada {:?}", a.at.as_millis(), a.lines, a.times, a.every)
            }
        };
        track.finish(slack).0.iter().map(show).collect()
    }

    #[test]
    fn lo_mismo_seguido_es_una_linea_con_su_cuenta_y_su_ritmo_si_lo_tiene() {
        assert_eq!(
            told(&[(0, "a"), (1000, "a"), (2000, "a"), (2500, "b")], 0),
            ["0 a×3 Some(1s)", "2500 b×1 None"]
        );
        assert_eq!(told(&[(0, "a"), (1000, "a"), (2001, "a")], 0), ["0 a×3 None"]);
        assert_eq!(told(&[(0, "a"), (1000, "a"), (2001, "a")], 5), ["0 a×3 Some(1s)"]);
    }

    #[test]
    fn un_bloque_con_ritmo_se_cuenta_una_vez_y_lo_que_sobra_al_final_se_ve() {
        let mut lines: Vec<(u64, &str)> =
            (0..100).flat_map(|i| [(i * 305_000, "arranca"), (i * 305_000 + 5000, "acaba")]).collect();
        lines.push((100 * 305_000, "arranca"));
        lines.push((100 * 305_000 + 7000, "acaba"));
        assert_eq!(
            told(&lines, 0),
            [
                "0 arranca×1 None",
                "5000 acaba×1 None",
                "305000 2 líneas, 99 veces más, cada 305s",
                "30500000 arranca×1 None",
                "30507000 acaba×1 None",
            ]
        );
    }

    #[test]
    fn dos_veces_no_es_una_costumbre_y_esperas_que_crecen_se_ven_todas() {
        let twice = [(0, "a"), (1, "b"), (10, "a"), (11, "b")];
        assert_eq!(told(&twice, 0).len(), 4);
        let growing = [(0, "a"), (1, "b"), (10, "a"), (11, "b"), (30, "a"), (31, "b"), (70, "a"), (71, "b")];
        assert_eq!(told(&growing, 0).len(), 8);
    }

    #[test]
    fn los_ritmos_de_verdad_bailan_un_poco_y_se_pliegan_igual() {
        let jitter = [0, 3, 7, 2, 9, 4, 8, 1, 5, 6];
        let lines: Vec<(u64, &str)> =
            (0..10).flat_map(|i| [(i * 1000 + jitter[i as usize], "a"), (i * 1000 + 500, "b")]).collect();
        assert_eq!(told(&lines, 20).len(), 3, "{:?}", told(&lines, 20));
        assert_eq!(told(&lines, 0).len(), 20);
    }
}
