//! El informe de una clase: quién, qué criterio y, sobre todo, qué idea equivocada se repite.

use super::catalog::{self, Lab};
use super::exam;
use super::folder::State;
use super::grade::{Grade, Mark, Outcome};
use super::results::{Results, alike};
use super::sheet::Sheet;
use super::values::Values;
use std::collections::BTreeMap;
use std::fmt::Write;

/// `7,25`: coma decimal, como la espera el libro de notas en español.
pub fn comma(number: f64) -> String {
    format!("{number:.2}").replace('.', ",")
}

/// Las notas, para importarlas: una fila por entrega. `separator`: `;` o tabulador. La coma es del decimal.
pub fn table(results: &Results, separator: char) -> String {
    let cell = |text: &str| quoted(text, separator);
    let head = ["username", "laboratorio", "nota", "pistas", "intentos", "retroalimentación"];
    let mut text = head.join(&separator.to_string()) + "\n";
    for marked in results.values() {
        let state = &marked.state;
        let row = [
            cell(&state.student),
            cell(&state.lab),
            comma(marked.grade.points()),
            state.hints.values().sum::<usize>().to_string(),
            state.attempts.len().to_string(),
            cell(&(lateness(state) + &feedback(state, &marked.grade))),
        ];
        text.push_str(&(row.join(&separator.to_string()) + "\n"));
    }
    text
}

/// Los ficheros de notas: el de todo y, si hay varios laboratorios, uno de cada uno, que es como se importan:
/// una nota por estudiante.
pub fn grade_books(results: &Results) -> Vec<(String, Results)> {
    let mut labs: BTreeMap<String, Results> = BTreeMap::new();
    for (package, marked) in results {
        let code = catalog::find(&marked.state.lab).map_or_else(|_| "otros".to_string(), |lab| lab.code());
        labs.entry(format!("notas-{code}")).or_default().insert(package.clone(), marked.clone());
    }
    let each = labs.into_iter().filter(|(_, own)| own.len() < results.len());
    [("notas".to_string(), results.clone())].into_iter().chain(each).collect()
}

/// Un texto ajeno en una celda. Lo que empieza como una fórmula deja de parecerlo: las hojas de cálculo las
/// ejecutan al abrir el fichero.
fn quoted(text: &str, separator: char) -> String {
    let plain = text.replace(['\n', '\r', '\t'], " ");
    let plain = if plain.starts_with(['=', '+', '-', '@']) { format!("'{plain}") } else { plain };
    match plain.contains([separator, '"']) {
        true => format!("\"{}\"", plain.replace('"', "\"\"")),
        false => plain,
    }
}

/// Lo que se dice antes que nada de quien entregó un examen pasado el plazo.
fn lateness(state: &State) -> String {
    match exam::is_late(state) {
        true => {
            let spent = exam::spent(state).unwrap_or_default();
            format!("Fuera de plazo (minutos: {}). ", spent.trim_end_matches(", tarde"))
        }
        false => String::new(),
    }
}

/// Lo que se le dice al estudiante, con sus valores, en una línea.
fn feedback(state: &State, grade: &Grade) -> String {
    let own = |lab: Lab| {
        let values = Values::of(&state.student, &lab.name, &state.course, &lab.blank_sheet().values);
        lab.sheet(&values)
    };
    let sheet = catalog::find(&state.lab).map(own).ok();
    let say = |mark: &Mark| {
        let concept = mark.concept.as_ref().and_then(|code| Some(&sheet.as_ref()?.concepts.get(code)?.says));
        format!("{}: {}", mark.id, concept.unwrap_or(&mark.seen))
    };
    let failed = grade.marks.iter().filter(|m| matches!(m.outcome, Outcome::Fail | Outcome::Late));
    let all: Vec<String> = failed.map(say).collect();
    if all.is_empty() { "Todo bien.".into() } else { all.join(" · ") }
}

/// Cuántas veces falla cada cosa: (laboratorio, clave) → veces. La clave la saca `of` de un criterio fallado.
fn count(results: &Results, of: impl Fn(&Mark) -> Option<String>) -> Vec<(String, String, usize)> {
    let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
    for marked in results.values() {
        let failed = marked.grade.marks.iter().filter(|m| matches!(m.outcome, Outcome::Fail | Outcome::Late));
        for key in failed.filter_map(&of) {
            *times.entry((marked.state.lab.clone(), key)).or_default() += 1;
        }
    }
    let mut all: Vec<_> = times.into_iter().map(|((lab, key), n)| (lab, key, n)).collect();
    all.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
    all
}

/// Los criterios que más fallan, y las ideas equivocadas que más se repiten: (laboratorio, qué, veces). Se
/// dicen sin los valores de nadie, para que lo mismo de dos estudiantes cuente dos veces.
pub fn most_failed(results: &Results) -> [Vec<(String, String, usize)>; 2] {
    let sheets: BTreeMap<String, Sheet> =
        catalog::all().into_iter().map(|lab| (lab.name.clone(), lab.class_sheet())).collect();
    let title = |sheet: &Sheet, id: &str| {
        let known = sheet.criteria.iter().find(|c| c.id == id);
        known.map(|c| format!("{id} {}", c.title))
    };
    let says = |sheet: &Sheet, code: &str| {
        sheet.concepts.get(code).map(|c| format!("{} (capítulo {})", c.says, c.chapter))
    };
    let spell = |rows: Vec<(String, String, usize)>, of: &dyn Fn(&Sheet, &str) -> Option<String>| {
        let one = |(lab, key, times): (String, String, usize)| {
            let what = sheets.get(&lab).and_then(|sheet| of(sheet, &key)).unwrap_or(key);
            (lab, what, times)
        };
        rows.into_iter().map(one).collect()
    };
    [
        spell(count(results, |m| Some(m.id.clone())), &title),
        spell(count(results, |m| m.concept.clone()), &says),
    ]
}

/// El informe en HTML: se abre sin red y se imprime.
pub fn html(results: &Results) -> String {
    let mut page = String::from(HEAD);
    let [criteria, concepts] = most_failed(results);
    page.push_str("<h2>Qué explicar mañana</h2>\n");
    page.push_str(&ranking("Ideas equivocadas", &concepts));
    page.push_str(&ranking("Criterios", &criteria));
    let mut labs: BTreeMap<&str, Vec<&super::results::Marked>> = BTreeMap::new();
    for marked in results.values() {
        labs.entry(&marked.state.lab).or_default().push(marked);
    }
    for (lab, all) in labs {
        page.push_str(&one_lab(lab, &all));
    }
    let same = alike(results);
    if !same.is_empty() {
        page.push_str("<h2>Mira estas</h2>\n<p>Respuestas idénticas. No es un veredicto.</p>\n<ul>\n");
        for students in same {
            // escribir en una cadena no falla
            let _ = writeln!(page, "<li>{}</li>", escape(&students.join(", ")));
        }
        page.push_str("</ul>\n");
    }
    page + "</body></html>\n"
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="es"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Informe de los laboratorios</title><style>
body { font-family: system-ui, sans-serif; margin: 2rem; line-height: 1.4; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; }
td.n { text-align: right; }
@media print { body { margin: 0; font-size: 10pt; } table { page-break-inside: avoid; } }
</style></head><body><h1>Informe de los laboratorios</h1>
"#;

fn ranking(title: &str, rows: &[(String, String, usize)]) -> String {
    let mut text =
        format!("<h3>{title}</h3>\n<table><tr><th>Laboratorio</th><th>Qué</th><th>Veces</th></tr>\n");
    for (lab, what, times) in rows.iter().take(10) {
        let (lab, what) = (escape(lab), escape(what));
        // escribir en una cadena no falla
        let _ = writeln!(text, "<tr><td>{lab}</td><td>{what}</td><td class=\"n\">{times}</td></tr>");
    }
    text + "</table>\n"
}

fn one_lab(lab: &str, all: &[&super::results::Marked]) -> String {
    let ids: Vec<&str> =
        all.first().map(|m| m.grade.marks.iter().map(|m| m.id.as_str()).collect()).unwrap_or_default();
    let heads: String = ids.iter().map(|id| format!("<th>{}</th>", escape(id))).collect();
    let mut text = format!(
        "<h2>{}</h2>\n<table><tr><th>Estudiante</th><th>Nota</th>{heads}<th>Pistas</th><th>Intentos</th><th>Minutos</th></tr>\n",
        escape(lab)
    );
    for marked in all {
        let word = |outcome| match outcome {
            Outcome::Pass => "bien",
            Outcome::Fail => "mal",
            Outcome::Late => "lento",
            Outcome::Blocked => "–",
        };
        let state = &marked.state;
        let marks: String =
            marked.grade.marks.iter().map(|m| format!("<td>{}</td>", word(m.outcome))).collect();
        let minutes = exam::spent(state).unwrap_or_else(|| "–".to_string());
        // escribir en una cadena no falla
        let _ = writeln!(
            text,
            "<tr><td>{}</td><td class=\"n\">{}</td>{marks}<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{minutes}</td></tr>",
            escape(&state.student),
            comma(marked.grade.points()),
            state.hints.values().sum::<usize>(),
            state.attempts.len(),
        );
    }
    text + "</table>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::results::Marked;

    fn marked(student: &str, answer: &str, outcome: Outcome) -> Marked {
        let mark = Mark {
            id: "1.2".into(),
            task: 1,
            title: "título".into(),
            outcome,
            points: if outcome == Outcome::Pass { 7.25 } else { 0.0 },
            out_of: 10.0,
            seen: "se ve <esto>".into(),
            concept: (outcome == Outcome::Fail).then(|| "VOL-CAPA".to_string()),
        };
        let state = State { lab: "05-fecha".into(), student: student.into(), ..State::default() };
        let grade = Grade { marks: vec![mark], millis: 1 };
        Marked { digest: "x".into(), answer: answer.into(), state, grade }
    }

    fn class() -> Results {
        let all = [
            ("a.tar.gz", marked("ana", "uno", Outcome::Pass)),
            ("b.tar.gz", marked("=1+1", "dos", Outcome::Fail)),
            ("c.tar.gz", marked("<b>eva", "dos", Outcome::Fail)),
        ];
        all.into_iter().map(|(name, marked)| (name.to_string(), marked)).collect()
    }

    #[test]
    fn las_notas_llevan_coma_decimal_y_otro_separador() {
        for separator in [';', '\t'] {
            let text = table(&class(), separator);
            let rows: Vec<&str> = text.lines().collect();
            assert_eq!(rows.len(), 4);
            assert_eq!(rows[1].split(separator).nth(2), Some("7,25"), "{text}");
            assert!(rows.iter().all(|row| row.split(separator).count() == 6), "{text}");
        }
    }

    #[test]
    fn de_varios_laboratorios_hay_ademas_unas_notas_de_cada_uno_con_una_fila_por_estudiante() {
        let mut class = class();
        let names = |class: &Results| -> Vec<(String, usize)> {
            grade_books(class).into_iter().map(|(name, own)| (name, own.len())).collect()
        };
        assert_eq!(names(&class), [("notas".to_string(), 3)]);
        let mut other = marked("ana", "tres", Outcome::Pass);
        other.state.lab = "14-dale-una-ip".into();
        class.insert("d.tar.gz".into(), other);
        let wanted = [("notas", 4), ("notas-L05", 3), ("notas-L14", 1)];
        assert_eq!(names(&class), wanted.map(|(name, rows)| (name.to_string(), rows)));
    }

    #[test]
    fn un_nombre_no_es_una_formula_ni_una_etiqueta() {
        assert!(table(&class(), ';').contains("\n'=1+1;"));
        assert_eq!(quoted("a;\"b\"", ';'), "\"a;\"\"b\"\"\"");
        let page = html(&class());
        assert!(page.contains("&lt;b&gt;eva") && !page.contains("<b>eva"), "{page}");
    }

    #[test]
    fn lo_primero_es_la_idea_equivocada_que_mas_se_repite() {
        let [criteria, concepts] = most_failed(&class());
        assert_eq!((concepts.len(), concepts[0].0.as_str(), concepts[0].2), (1, "05-fecha", 2));
        assert!(concepts[0].1.contains("en su propia capa, no en un volumen"), "{concepts:?}");
        assert_eq!(criteria[0].2, 2);
        assert!(html(&class()).contains("en su propia capa, no en un volumen"), "{}", html(&class()));
    }

    #[test]
    fn lo_que_fallan_dos_con_valores_distintos_se_cuenta_junto_y_se_dice_sin_ellos() {
        let all: Results = ["ana", "eva", "luis"]
            .map(|student| {
                let mut marked = marked(student, student, Outcome::Fail);
                let state = &mut marked.state;
                state.lab = "15-mata-la-pausa".into();
                let lab = catalog::find("15").unwrap();
                let sheet = lab.sheet(&Values::of(student, &lab.name, "", &lab.blank_sheet().values));
                let criterion = sheet.criteria.iter().find(|c| c.id == "1.3").unwrap();
                let mark = &mut marked.grade.marks[0];
                (mark.id, mark.title, mark.concept) =
                    ("1.3".into(), criterion.title.clone(), Some("NOMBRE".into()));
                (student.to_string(), marked)
            })
            .into();
        let [criteria, concepts] = most_failed(&all);
        assert_eq!((criteria.len(), criteria[0].2, concepts[0].2), (1, 3, 3));
        assert!(criteria[0].1.starts_with("1.3 Su máquina se llama …"), "{criteria:?}");
        assert!(concepts[0].1.contains("no se llama …:"), "{concepts:?}");
        // a cada cual, con los suyos
        let text = table(&all, ';');
        let lab = catalog::find("15").unwrap();
        for student in ["ana", "eva", "luis"] {
            let own = Values::of(student, &lab.name, "", &lab.blank_sheet().values);
            let says = format!("no se llama {}:", own.get("nombre").unwrap());
            let row = text.lines().find(|row| row.starts_with(student)).unwrap();
            assert!(row.contains(&says), "{row}");
        }
    }

    #[test]
    fn quien_entrega_tarde_un_examen_sale_en_la_pagina_y_en_las_notas() {
        let mut class = class();
        assert!(!table(&class, ';').contains("Fuera de plazo") && !html(&class).contains("tarde"));
        let late = class.get_mut("a.tar.gz").unwrap();
        late.state.limit = Some(90);
        late.state.handed_in = Some(95 * 60);
        assert!(
            table(&class, ';').contains("Fuera de plazo (minutos: 95 de 90). Todo bien."),
            "{}",
            table(&class, ';')
        );
        assert!(html(&class).contains("95 de 90, tarde"), "{}", html(&class));
    }

    #[test]
    fn las_respuestas_identicas_se_ensenan_sin_juzgarlas() {
        assert_eq!(alike(&class()), [["<b>eva", "=1+1"]]);
        assert!(html(&class()).contains("No es un veredicto"));
    }
}
