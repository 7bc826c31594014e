//! Reglas de reinicio, y un Pod que vuelve a empezar entero.

use super::*;
use RestartPolicy::*;

/// Un Pod cuyos contenedores se dicen como en la especificación.
fn pod(policy: RestartPolicy, init: Vec<types::Container>, apps: Vec<types::Container>) -> Pod {
    let spec = types::PodSpec {
        init_containers: init,
        containers: apps,
        restart_policy: policy,
        ..Default::default()
    };
    let metadata = types::ObjectMeta { name: "web".into(), ..Default::default() };
    Pod::new(PodRules::from(&types::Pod { metadata, spec }, 1))
}

fn named(name: &str) -> types::Container {
    types::Container { name: name.into(), ..Default::default() }
}

fn with_policy(name: &str, policy: RestartPolicy) -> types::Container {
    types::Container { restart_policy: Some(policy), ..named(name) }
}

fn rule(
    action: types::ContainerRestartRuleAction,
    operator: types::ContainerRestartRuleOnExitCodesOperator,
    codes: &[i64],
) -> types::ContainerRestartRule {
    let exit_codes = types::ContainerRestartRuleOnExitCodes { operator, values: codes.to_vec() };
    types::ContainerRestartRule { action, exit_codes }
}

use types::ContainerRestartRuleAction::{Restart as RESTART, RestartAllContainers as ALL};
use types::ContainerRestartRuleOnExitCodesOperator::{In, NotIn};

/// Cada contenedor acaba solo, con un código, a los segundos que se digan de arrancar.
fn ending(lives: &[(ContainerId, u64, i32)]) -> impl FnMut(Duration, &Action) -> Answers + use<'_> {
    move |_, action| {
        let mut answers = obedient(action);
        if let Action::Start(id) = action {
            let ends = lives.iter().filter(|(c, ..)| c == id);
            answers.extend(ends.map(|(id, after, code)| (s(*after), exited(*id, *code))));
        }
        answers
    }
}

#[test]
fn la_politica_de_cada_contenedor_se_lee_de_su_especificacion() {
    let mut pod =
        pod(Always, vec![], vec![with_policy("uno", Never), with_policy("dos", OnFailure), named("tres")]);
    let diary = simulate(&mut pod, s(7), vec![], ending(&[(0, 5, 1), (1, 5, 0), (2, 5, 0)]));
    assert_eq!(starts(&diary, 0), [0], "Never manda sobre el Always del Pod");
    assert_eq!(starts(&diary, 1), [0], "OnFailure, y acabó bien");
    assert_eq!(starts(&diary, 2), [0, 5], "quien no dice nada, la del Pod");
}

#[test]
fn un_de_inicializacion_con_always_es_un_auxiliar_y_con_otra_politica_no() {
    let mut one = pod(Never, vec![with_policy("aux", Always)], vec![named("app")]);
    let diary = simulate(&mut one, s(3), vec![], ending(&[]));
    assert_eq!(starts(&diary, 1), [0], "no espera a que acabe");
    assert!(state(&one, 0).sidecar);
    let mut retried = pod(Never, vec![with_policy("prepara", OnFailure)], vec![named("app")]);
    let diary = simulate(&mut retried, s(40), vec![], ending(&[(0, 2, 1)]));
    assert_eq!(starts(&diary, 0), [0, 2, 14, 36], "su política gana al Never del Pod");
    assert_eq!(starts(&diary, 1), [] as [u64; 0]);
    assert_eq!(retried.phase(), Phase::Pending);
}

#[test]
fn gana_la_primera_regla_que_casa() {
    let rules = vec![rule(RESTART, In, &[42]), rule(ALL, NotIn, &[0, 7])];
    for (code, expected) in [
        (42, restart::Restart::Itself),
        (1, restart::Restart::Everyone),
        // ninguna casa: manda la política
        (7, restart::Restart::Nobody),
        (0, restart::Restart::Nobody),
    ] {
        let container = types::Container { restart_policy_rules: rules.clone(), ..with_policy("c", Never) };
        let pod = pod(Always, vec![], vec![container]);
        let exit = container::terminated(Exit::Code(code), false, String::new(), s(0), s(1));
        assert_eq!(restart::after(&pod.rules.containers[0], &exit), expected, "código {code}");
    }
}

#[test]
fn una_regla_con_el_codigo_cero_tambien_reinicia() {
    let container =
        types::Container { restart_policy_rules: vec![rule(RESTART, In, &[0])], ..with_policy("c", Never) };
    let mut pod = pod(Never, vec![], vec![container]);
    let diary = simulate(&mut pod, s(6), vec![], ending(&[(0, 5, 0)]));
    assert_eq!(starts(&diary, 0), [0, 5]);
}

/// «vigila» sale con 88 y pide que todo vuelva a empezar.
fn watched() -> Pod {
    let watcher =
        types::Container { restart_policy_rules: vec![rule(ALL, In, &[88])], ..with_policy("vigila", Never) };
    let mut app = named("app");
    app.readiness_probe = Some(types::Probe {
        period_seconds: Some(100),
        tcp_socket: Some(Default::default()),
        ..Default::default()
    });
    pod(Never, vec![named("prepara"), with_policy("aux", Always)], vec![app, watcher])
}

#[test]
fn reiniciar_el_pod_entero_mata_a_todos_sin_despedidas_y_empieza_por_el_principio() {
    let mut pod = watched();
    pod.rules.containers[2].pre_stop = true;
    let once = |_: Duration, action: &Action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(1), exited(0, 0))],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(30), vec![(s(10), exited(3, 88))], once);
    assert_eq!(
        orders(&diary),
        [
            "   0s StartSandbox",
            "   0s Start(0)",
            "   1s Start(1)",
            "   1s Start(2)",
            "   1s Probe(2, Readiness)",
            "   1s Start(3)",
            // a los 10 s «vigila» sale con 88: SIGKILL a los que viven, sin preStop ni SIGTERM
            "  10s Kill(1, Kill)",
            "  10s Kill(2, Kill)",
            // y otra vez desde el principio, también el que ya había acabado bien
            "  10s Start(0)",
            "  11s Start(1)",
            "  11s Start(2)",
            "  11s Probe(2, Readiness)",
            "  11s Start(3)",
        ]
    );
    assert_eq!(pod.phase(), Phase::Running);
    let counts: Vec<u32> = (0..4).map(|id| state(&pod, id).restart_count).collect();
    assert_eq!(counts, [1, 1, 1, 1]);
    assert_eq!(state(&pod, 3).last.unwrap().exit_code, 88, "se sabe quién lo pidió");
    let killing = "Killing app: se para el contenedor app: con su salida, vigila reinicia el Pod entero";
    assert!(notes(&diary).iter().any(|n| n == killing), "{:?}", notes(&diary));
}

#[test]
fn mientras_muere_el_ultimo_nadie_vuelve_a_arrancar() {
    let mut pod = watched();
    let slow = |_: Duration, action: &Action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(1), exited(0, 0))],
        Action::Kill(1, Signal::Kill) => vec![(s(4), exited(1, 137))],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(30), vec![(s(10), exited(3, 88))], slow);
    assert_eq!(starts(&diary, 0), [0, 14]);
    assert_eq!(pod.phase(), Phase::Running);
}

#[test]
fn quien_estaba_naciendo_muere_al_nacer_y_vuelve_a_empezar_con_los_demas() {
    let mut pod = watched();
    let late = |at: Duration, action: &Action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(1), exited(0, 0))],
        // el auxiliar se cae y tarda en volver
        Action::Start(1) if at == s(8) => vec![(s(5), Event::Started(1))],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(30), vec![(s(8), exited(1, 1)), (s(10), exited(3, 88))], late);
    let order = orders(&diary);
    assert!(order.contains(&"  13s Kill(1, Kill)".to_string()), "{order:?}");
    assert_eq!(starts(&diary, 0), [0, 13]);
    assert_eq!(starts(&diary, 1), [1, 8, 14]);
}

#[test]
fn quien_pide_siempre_que_todo_vuelva_a_empezar_espera_lo_suyo() {
    let mut pod = watched();
    let always = |_: Duration, action: &Action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(0), exited(0, 0))],
        Action::Start(3) => vec![(s(0), Event::Started(3)), (s(5), exited(3, 88))],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(100), vec![], always);
    // las esperas de siempre: 0, 10, 20, 40 s; los demás no esperan más que a los muertos
    assert_eq!(starts(&diary, 3), [0, 5, 20, 45, 90]);
    assert_eq!(starts(&diary, 2), [0, 5, 10, 25, 50, 95]);
    assert_eq!(pod.phase(), Phase::Running);
}

#[test]
fn al_que_muere_porque_otro_lo_pide_no_se_le_miran_las_reglas() {
    let picky =
        types::Container { restart_policy_rules: vec![rule(ALL, In, &[137])], ..with_policy("a", Never) };
    let asks =
        types::Container { restart_policy_rules: vec![rule(ALL, In, &[88])], ..with_policy("b", Never) };
    let mut pod = pod(Never, vec![], vec![picky, asks]);
    let diary = simulate(&mut pod, s(60), vec![(s(10), exited(1, 88))], |_, action| obedient(action));
    assert_eq!(starts(&diary, 0), [0, 10]);
    assert_eq!(starts(&diary, 1), [0, 10]);
}

#[test]
fn borrar_el_pod_mientras_vuelve_a_empezar_lo_acaba() {
    let mut pod = watched();
    let slow = |_: Duration, action: &Action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(1), exited(0, 0))],
        Action::Kill(1, Signal::Kill) => vec![(s(4), exited(1, 137))],
        other => obedient(other),
    };
    let diary = simulate(&mut pod, s(60), vec![(s(10), exited(3, 88)), (s(11), delete())], slow);
    assert_eq!(diary.last().unwrap().to_string(), "  14s StopSandbox");
    assert_eq!(starts(&diary, 0), [0]);
}

#[test]
fn la_anotacion_acelera_vale_de_1_a_1000() {
    for (text, expected) in [("10", Some(10)), ("1", Some(1)), ("1000", Some(1000))] {
        assert_eq!(rules::parse_acelera(text), expected);
    }
    for bad in ["0", "1001", "-1", "", "x", "1.5", " 2"] {
        assert_eq!(rules::parse_acelera(bad), None, "{bad}");
    }
    let mut pod = types::Pod::default();
    assert_eq!(rules::annotated_acelera(&pod), 1);
    pod.metadata.annotations.insert(rules::ACELERA.into(), "60".into());
    assert_eq!(rules::annotated_acelera(&pod), 60);
}
