//! Contenedores efímeros: llegan a mirar, y para el Pod es como si no estuvieran.

use super::*;
use RestartPolicy::*;

pub(super) fn guest(name: &str) -> Event {
    let guest =
        types::EphemeralContainer { name: name.into(), image: "busybox".into(), ..Default::default() };
    Event::EphemeralAdded(Box::new(super::super::rules::ephemeral(&guest)))
}

fn with_init(policy: RestartPolicy) -> Pod {
    let mut rules = rules(policy, &["prepara", "app"]);
    rules.containers[0].kind = Kind::Init;
    Pod::new(rules)
}

#[test]
fn un_efimero_empieza_sin_esperar_a_la_inicializacion_y_no_vuelve_a_empezar() {
    let mut pod = with_init(Always);
    let diary = simulate(&mut pod, s(700), vec![(s(5), guest("mira"))], |_, action| {
        let mut answers = obedient(action);
        if *action == Action::Start(2) {
            answers.push((s(3), exited(2, 1)));
        }
        answers
    });
    assert_eq!(starts(&diary, 2), [5], "ni espera a «prepara», que no acaba, ni se reinicia con Always");
    assert_eq!(state(&pod, 1).restart_count, 0);
    assert_eq!(reason(&pod, 2), "Error");
    let guest = &pod.status().ephemeral_containers[0];
    assert_eq!((guest.name.as_str(), guest.ready, guest.restart_count), ("mira", false, 0));
}

#[test]
fn un_efimero_no_cuenta_para_la_fase_ni_para_las_condiciones_ni_para_las_columnas() {
    let mut pod = Pod::new(rules(Never, &["app"]));
    simulate(&mut pod, s(5), vec![], |_, action| obedient(action));
    let before = pod.status();
    let mut same = pod.clone();
    simulate(&mut pod, s(30), vec![(s(6), guest("mira"))], |_, action| {
        let mut answers = obedient(action);
        if *action == Action::Start(1) {
            answers.push((s(3), exited(1, 137)));
        }
        answers
    });
    let after = pod.status();
    assert_eq!((after.phase, &after.conditions), (Phase::Running, &before.conditions));
    assert_eq!(columns::columns(&after), columns::columns(&before));
    // y acaba bien aunque el efímero acabara mal: la fase sale de los demás
    for pod in [&mut pod, &mut same] {
        simulate(pod, s(60), vec![(s(40), exited(0, 0))], |_, action| obedient(action));
        assert_eq!(pod.phase(), Phase::Succeeded);
    }
}

#[test]
fn un_efimero_que_sigue_mirando_no_alarga_la_vida_del_pod_y_muere_con_el() {
    let mut pod = Pod::new(rules(Never, &["app"]));
    let added = vec![(s(5), guest("mira")), (s(20), exited(0, 0))];
    let diary = simulate(&mut pod, s(100), added, |_, action| match action {
        Action::Kill(1, Signal::Stop) => vec![(s(1), exited(1, 143))],
        other => obedient(other),
    });
    assert_eq!(pod.phase(), Phase::Succeeded);
    let orders = orders(&diary);
    assert_eq!(orders[orders.len() - 2..], ["  20s Kill(1, Stop)", "  21s StopSandbox"], "{orders:#?}");
}

#[test]
fn a_un_pod_que_acaba_no_llega_ningun_efimero_ni_dos_con_el_mismo_nombre() {
    let mut pod = Pod::new(rules(Always, &["app"]));
    let twice = vec![(s(5), guest("mira")), (s(6), guest("mira")), (s(7), guest("app"))];
    let diary = simulate(&mut pod, s(10), twice, |_, action| obedient(action));
    assert_eq!((starts(&diary, 1), pod.status().ephemeral_containers.len()), (vec![5], 1));
    let late = vec![(s(11), delete()), (s(12), guest("tarde"))];
    // se resiste a acabar: aún vive cuando llega
    simulate(&mut pod, s(20), late, |_, action| match action {
        Action::Kill(..) => vec![],
        other => obedient(other),
    });
    assert!(pod.is_ending() && !pod.is_over());
    assert_eq!(pod.status().ephemeral_containers.len(), 1);
}

#[test]
fn cuando_vuelven_a_empezar_todos_el_efimero_sigue_mirando() {
    use types::{ContainerRestartRuleAction as Then, ContainerRestartRuleOnExitCodesOperator as Operator};
    let everyone = types::ContainerRestartRule {
        action: Then::RestartAllContainers,
        exit_codes: types::ContainerRestartRuleOnExitCodes { operator: Operator::In, values: vec![42] },
    };
    let asks = types::Container {
        name: "pide".into(),
        restart_policy: Some(Never),
        restart_policy_rules: vec![everyone],
        ..Default::default()
    };
    let other = types::Container { name: "otro".into(), ..Default::default() };
    let metadata = types::ObjectMeta { name: "web".into(), ..Default::default() };
    let spec = types::PodSpec { containers: vec![asks, other], ..Default::default() };
    let mut pod = Pod::new(PodRules::from(&types::Pod { metadata, spec }, 1));
    let diary =
        simulate(&mut pod, s(60), vec![(s(5), guest("mira")), (s(20), exited(0, 42))], |_, action| {
            let mut answers = obedient(action);
            if *action == Action::Kill(1, Signal::Kill) {
                answers.push((s(0), exited(1, 137)));
            }
            answers
        });
    assert_eq!(starts(&diary, 1), [0, 20], "los demás vuelven");
    assert_eq!((starts(&diary, 2), reason(&pod, 2)), (vec![5], "Running".to_string()));
}
