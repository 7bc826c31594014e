//! El examen: los mismos ficheros de partida, con averías distintas para cada cual, y un plazo.

use super::catalog::Lab;
use super::folder::State;
use super::sheet::Fault;
use super::values::Values;
use std::collections::BTreeMap;

/// El plazo de un examen. No impide nada: se dice al empezar, se recuerda y se cuenta a quien enseña, que
/// es quien decide. El reloj y la cuenta son de una máquina en la que manda quien se examina.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deadline {
    /// Segundos desde 1970.
    begun: u64,
    minutes: u32,
}

impl Deadline {
    /// El de una carpeta o una entrega, si lo tiene.
    pub fn of(state: &State) -> Option<Deadline> {
        state.limit.map(|minutes| Deadline { begun: state.begun, minutes })
    }

    /// Los segundos que quedan en el momento `now`; pasado el plazo, en negativo.
    fn left(self, now: u64) -> i64 {
        let end = self.begun.saturating_add(u64::from(self.minutes) * 60);
        i64::try_from(end).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
    }

    /// Lo que se le dice a quien se examina.
    pub fn tell(self, now: u64) -> String {
        match self.left(now) {
            left @ 0.. => {
                let left = minutes(left.unsigned_abs());
                format!("Plazo: te queda{} {left}.", if left == "1 minuto" { "" } else { "n" })
            }
            over => format!(
                "Plazo: se acabó hace {}. Lo que entregues saldrá en el informe como tarde.",
                minutes(over.unsigned_abs())
            ),
        }
    }
}

/// Los minutos, sin dejar ninguno a medias: el que ha empezado se cuenta.
fn minutes(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        1 => "1 minuto".into(),
        n => format!("{n} minutos"),
    }
}

/// Lo que tardó quien entrega, para el informe: `45`, o `93 de 90, tarde`.
pub fn spent(state: &State) -> Option<String> {
    let last = state.attempts.last().map(|attempt| attempt.when);
    let Some(deadline) = Deadline::of(state) else {
        // lo que va del último intento a la entrega no es trabajo; de quien no hizo ninguno no se sabe más
        return last.or(state.handed_in).map(|end| (end.saturating_sub(state.begun) / 60).to_string());
    };
    let end = state.handed_in.or(last)?;
    let late = if deadline.left(end) < 0 { ", tarde" } else { "" };
    Some(format!("{} de {}{late}", end.saturating_sub(state.begun).div_ceil(60), deadline.minutes))
}

/// ¿Se entregó pasado el plazo?
pub fn is_late(state: &State) -> bool {
    spent(state).is_some_and(|spent| spent.ends_with("tarde"))
}

/// Los ficheros de partida de alguien, con las averías que le tocan: de cada grupo, una.
pub fn start_files(lab: &Lab, values: &Values) -> BTreeMap<String, String> {
    let mut files = lab.start_files(values);
    let groups = lab.sheet(values).faults;
    for (group, chosen) in groups.iter().zip(draw(&groups, values)) {
        if let Some(fault) = group.get(chosen) {
            spoil(&mut files, fault);
        }
    }
    files
}

/// De cada grupo, cuál le toca.
fn draw(groups: &[Vec<Fault>], values: &Values) -> Vec<usize> {
    let one = |(number, group): (usize, &Vec<Fault>)| {
        (values.number(&format!("avería {number}")) % group.len().max(1) as u64) as usize
    };
    groups.iter().enumerate().map(one).collect()
}

/// Estropea un fichero. Lo que la avería busca está, y una sola vez: un test lo mira.
fn spoil(files: &mut BTreeMap<String, String>, fault: &Fault) {
    if let Some(text) = files.get_mut(&fault.file) {
        *text = text.replacen(&fault.before, &fault.after, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::catalog;
    use crate::lab::folder::Attempt;

    #[test]
    fn a_cada_cual_le_tocan_siempre_las_mismas_averias_y_no_las_de_los_demas() {
        let lab = catalog::all().into_iter().find(|lab| lab.blank_sheet().exam).unwrap();
        let choices = lab.blank_sheet().values;
        let values = |who: &str, seed: &str| Values::of(who, &lab.name, seed, &choices);
        let of = |who: &str, seed: &str| draw(&lab.sheet(&values(who, seed)).faults, &values(who, seed));
        assert_eq!(of("ana", "2ASIR"), of("ana", "2ASIR"));
        assert_ne!(of("ana", "2ASIR"), of("ana", "1ASIR"));
        let class: std::collections::BTreeSet<_> = (0..30).map(|n| of(&format!("a{n}"), "2ASIR")).collect();
        assert!(class.len() >= 28, "{} exámenes para treinta", class.len());
        let (whole, spoiled) = (lab.start_files(&values("ana", "x")), start_files(&lab, &values("ana", "x")));
        let touched = spoiled.iter().filter(|(name, text)| whole.get(*name) != Some(text)).count();
        assert_eq!(touched, lab.blank_sheet().faults.len(), "cada Pod, con su avería");
    }

    fn state(limit: Option<u32>, handed_in: Option<u64>) -> State {
        let attempts = vec![Attempt { when: 1000 + 59 * 60, ..Attempt::default() }];
        State { begun: 1000, limit, handed_in, attempts, ..State::default() }
    }

    #[test]
    fn del_plazo_se_dice_lo_que_queda_y_despues_cuanto_hace_que_se_acabo() {
        let deadline = Deadline::of(&state(Some(90), None)).unwrap();
        let at = |seconds: u64| deadline.tell(1000 + seconds);
        assert_eq!(at(0), "Plazo: te quedan 90 minutos.");
        assert_eq!(at(88 * 60 + 1), "Plazo: te quedan 2 minutos.");
        assert_eq!(at(89 * 60), "Plazo: te queda 1 minuto.");
        assert_eq!(at(90 * 60), "Plazo: te quedan 0 minutos.");
        assert!(at(90 * 60 + 1).starts_with("Plazo: se acabó hace 1 minuto."));
        assert!(at(93 * 60).starts_with("Plazo: se acabó hace 3 minutos."));
        assert_eq!(Deadline::of(&state(None, None)), None, "fuera de un examen no hay plazo");
    }

    #[test]
    fn quien_entrega_un_segundo_despues_del_plazo_sale_como_tarde() {
        let of = |limit, handed_in| spent(&state(limit, handed_in)).unwrap();
        assert_eq!(of(Some(90), Some(1000 + 90 * 60)), "90 de 90");
        assert_eq!(of(Some(90), Some(1000 + 90 * 60 + 1)), "91 de 90, tarde");
        // sin la hora de la entrega vale la del último intento, que es lo que hay
        assert_eq!(of(Some(58), None), "59 de 58, tarde");
        assert_eq!(of(None, Some(1000 + 500 * 60)), "59", "sin plazo, lo que se tardó en hacerlo");
        let untried = State { attempts: Vec::new(), ..state(None, Some(1000 + 30 * 60)) };
        assert_eq!(spent(&untried).unwrap(), "30", "sin ningún intento, hasta que se entregó");
        assert!(is_late(&state(Some(90), Some(9999))) && !is_late(&state(None, Some(9999))));
        // un reloj atrasado o un plazo disparatado no rompen nada
        let odd = State { begun: u64::MAX, limit: Some(u32::MAX), ..State::default() };
        assert!(Deadline::of(&odd).unwrap().tell(0).starts_with("Plazo: te quedan"));
    }

    #[test]
    fn cada_averia_estropea_algo_que_esta_una_sola_vez() {
        for lab in catalog::all() {
            let values = Values::of("ana", &lab.name, "curso", &lab.blank_sheet().values).with_tokens();
            let files = lab.start_files(&values);
            for fault in lab.sheet(&values).faults.iter().flatten() {
                let times = files.get(&fault.file).map_or(0, |text| text.matches(&fault.before).count());
                assert_eq!(times, 1, "{}: {fault:?}", lab.name);
            }
        }
    }
}
