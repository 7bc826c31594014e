//! Políticas de reinicio y espera exponencial.

use super::*;
use RestartPolicy::*;

/// Cada vida dura `lasts` segundos y acaba con `code`.
fn crashing(code: i32, lasts: u64) -> impl FnMut(Duration, &Action) -> Answers {
    move |_, action| {
        let mut answers = obedient(action);
        if let Action::Start(id) = action {
            answers.push((s(lasts), exited(*id, code)));
        }
        answers
    }
}

#[test]
fn el_primer_reinicio_es_inmediato_y_la_espera_se_dobla_hasta_cinco_minutos() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(1000), vec![], crashing(1, 5));
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90, 175, 340, 645, 950]);
}

#[test]
fn quien_aguanta_diez_minutos_vuelve_a_empezar_de_cero() {
    let mut lives = 0;
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(900), vec![], |now, action| {
        if matches!(action, Action::Start(_)) {
            lives += 1;
        }
        crashing(1, if lives == 5 { 700 } else { 5 })(now, action)
    });
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90, 790, 805, 830, 875]);
}

#[test]
fn never_que_sale_bien_es_succeeded() {
    let mut pod = Pod::new(rules(Never, &["c"]));
    let diary = simulate(&mut pod, s(99), vec![], crashing(0, 3));
    assert_eq!(orders(&diary), ["   0s StartSandbox", "   0s Start(0)", "   3s StopSandbox"]);
    assert_eq!(pod.status().phase, Phase::Succeeded);
    assert!(pod.is_over());
}

#[test]
fn quien_ignora_sigterm_recibe_sigkill_tras_el_plazo_de_gracia() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let stubborn = |_: Duration, action: &Action| match action {
        Action::Kill(_, Signal::Stop) => vec![],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(99), vec![(s(2), delete())], stubborn);
    assert_eq!(
        orders(&diary),
        [
            "   0s StartSandbox",
            "   0s Start(0)",
            "   2s Kill(0, Stop)",
            "  32s Kill(0, Kill)",
            "  32s StopSandbox",
        ]
    );
    assert_eq!(pod.status().phase, Phase::Failed);
}
