//! El informe de una clase: quién, qué criterio y, sobre todo, qué idea equivocada se repite.

use super::catalog;
use super::grade::{Grade, Mark, Outcome};
use super::results::{Results, alike};
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
            cell(&feedback(&state.lab, &marked.grade)),
        ];
        text.push_str(&(row.join(&separator.to_string()) + "\n"));
    }
    text
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

/// Lo que se le dice al estudiante, en una línea.
fn feedback(lab: &str, grade: &Grade) -> String {
    let sheet = catalog::find(lab).map(|lab| lab.blank_sheet()).ok();
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

/// Los criterios que más fallan, y las ideas equivocadas que más se repiten.
pub fn most_failed(results: &Results) -> [Vec<(String, String, usize)>; 2] {
    [count(results, |m| Some(format!("{} {}", m.id, m.title))), count(results, |m| m.concept.clone())]
}

/// El informe en HTML: se abre sin red y se imprime.
pub fn html(results: &Results) -> String {
    let mut page = String::from(HEAD);
    let [criteria, concepts] = most_failed(results);
    page.push_str("<h2>Qué explicar mañana</h2>\n");
    page.push_str(&ranking("Ideas equivocadas", &concepts, true));
    page.push_str(&ranking("Criterios", &criteria, false));
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

fn ranking(title: &str, rows: &[(String, String, usize)], concepts: bool) -> String {
    let mut text =
        format!("<h3>{title}</h3>\n<table><tr><th>Laboratorio</th><th>Qué</th><th>Veces</th></tr>\n");
    for (lab, key, times) in rows.iter().take(10) {
        let sheet = catalog::find(lab).map(|lab| lab.blank_sheet()).ok();
        let says = sheet.as_ref().filter(|_| concepts).and_then(|s| s.concepts.get(key));
        let says =
            says.map(|c| format!("{} (capítulo {})", c.says, c.chapter)).unwrap_or_else(|| key.clone());
        let (lab, says) = (escape(lab), escape(&says));
        // escribir en una cadena no falla
        let _ = writeln!(text, "<tr><td>{lab}</td><td>{says}</td><td class=\"n\">{times}</td></tr>");
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
        let minutes = state.attempts.last().map(|a| a.when.saturating_sub(state.begun) / 60);
        let minutes = minutes.map_or("–".to_string(), |n| n.to_string());
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
    use crate::lab::folder::State;
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
    fn un_nombre_no_es_una_formula_ni_una_etiqueta() {
        assert!(table(&class(), ';').contains("\n'=1+1;"));
        assert_eq!(quoted("a;\"b\"", ';'), "\"a;\"\"b\"\"\"");
        let page = html(&class());
        assert!(page.contains("&lt;b&gt;eva") && !page.contains("<b>eva"), "{page}");
    }

    #[test]
    fn lo_primero_es_la_idea_equivocada_que_mas_se_repite() {
        let [criteria, concepts] = most_failed(&class());
        assert_eq!(concepts, [("05-fecha".to_string(), "VOL-CAPA".to_string(), 2)]);
        assert_eq!(criteria[0].2, 2);
        assert!(html(&class()).contains("en su propia capa, no en un volumen"), "{}", html(&class()));
    }

    #[test]
    fn las_respuestas_identicas_se_ensenan_sin_juzgarlas() {
        assert_eq!(alike(&class()), [["<b>eva", "=1+1"]]);
        assert!(html(&class()).contains("No es un veredicto"));
    }
}
