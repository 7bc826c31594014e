//! La corrección de una entrega, para otros programas: la forma de Exercism, con nuestros puntos.

use super::grade::{Grade, Mark, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `version`, `status` y `tests`, como en Exercism; además, puntos, ideas equivocadas y pistas usadas.
pub fn exercism(grade: &Grade, hints: &BTreeMap<u32, usize>) -> Value {
    let test = |mark: &Mark| {
        json!({
            "name": format!("{} {}", mark.id, mark.title),
            "status": if mark.outcome == Outcome::Pass { "pass" } else { "fail" },
            "message": mark.seen,
            "task_id": mark.task,
            "criterio": mark.id,
            "resultado": mark.outcome,
            "puntos": mark.points,
            "de": mark.out_of,
            "concepto": mark.concept,
        })
    };
    let used: BTreeMap<String, usize> =
        hints.iter().map(|(task, level)| (task.to_string(), *level)).collect();
    json!({
        "version": 3,
        "status": if grade.is_full() { "pass" } else { "fail" },
        "tests": grade.marks.iter().map(test).collect::<Vec<Value>>(),
        "puntos": grade.points(),
        "de": grade.out_of(),
        "pistas": used,
        "duracion_ms": grade.millis,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_que_no_se_ha_mirado_no_cuenta_como_bueno() {
        let mark = |id: &str, outcome, points| Mark {
            id: id.into(),
            task: 1,
            title: "título".into(),
            outcome,
            points,
            out_of: 5.0,
            seen: String::new(),
            concept: None,
        };
        let marks = vec![mark("1", Outcome::Pass, 5.0), mark("2", Outcome::Blocked, 0.0)];
        let value = exercism(&Grade { marks, millis: 7 }, &[(1, 2)].into());
        assert_eq!(value["status"], "fail");
        assert_eq!(value["tests"][0]["status"], "pass");
        assert_eq!(value["tests"][1]["status"], "fail");
        assert_eq!(value["tests"][1]["resultado"], "espera");
        assert_eq!((&value["puntos"], &value["de"]), (&json!(5.0), &json!(10.0)));
        assert_eq!(value["pistas"]["1"], 2);
    }
}
