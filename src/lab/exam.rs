//! El examen: los mismos ficheros de partida, con averías distintas para cada cual.

use super::catalog::Lab;
use super::sheet::Fault;
use super::values::Values;
use std::collections::BTreeMap;

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
