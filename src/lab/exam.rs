//! El examen: los mismos ficheros de partida, con averías distintas para cada cual.

use super::catalog::Lab;
use super::sheet::Fault;
use super::values::Values;
use std::collections::BTreeMap;

/// Los ficheros de partida de alguien, con las averías que le tocan: de cada grupo, una.
pub fn start_files(lab: &Lab, values: &Values) -> BTreeMap<String, String> {
    let mut files = lab.start_files(values);
    for (number, group) in lab.sheet(values).faults.iter().enumerate() {
        if group.is_empty() {
            continue;
        }
        let chosen = values.number(&format!("avería {number}")) % group.len() as u64;
        spoil(&mut files, &group[chosen as usize]);
    }
    files
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
