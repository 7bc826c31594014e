//! Contenedores de inicialización, auxiliares y el orden de arranque.

use super::*;
use RestartPolicy::*;

/// Un Pod en el que los primeros `kinds` son de inicialización o auxiliares.
fn with_kinds(policy: RestartPolicy, kinds: &[(&str, Kind)]) -> PodRules {
    let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
    let mut rules = rules(policy, &names);
    for (container, (_, kind)) in rules.containers.iter_mut().zip(kinds) {
        container.kind = *kind;
        if *kind == Kind::Sidecar {
            container.policy = Always;
        }
    }
    rules
}

/// Los que se dicen duran un segundo y acaban con ese código; los demás no acaban.
fn short_lived(codes: &[(ContainerId, i32)]) -> impl FnMut(Duration, &Action) -> Answers + use<'_> {
    move |_, action| {
        let mut answers = obedient(action);
        if let Action::Start(id) = action {
            let code = codes.iter().find(|(other, _)| other == id);
            answers.extend(code.map(|(id, code)| (s(1), exited(*id, *code))));
        }
        answers
    }
}

#[test]
fn los_de_inicializacion_van_de_uno_en_uno_y_antes_que_los_demas() {
    let kinds = [("uno", Kind::Init), ("dos", Kind::Init), ("app", Kind::App)];
    let mut pod = Pod::new(with_kinds(Always, &kinds));
    let diary = simulate(&mut pod, s(9), vec![], short_lived(&[(0, 0), (1, 0)]));
    assert_eq!(orders(&diary), ["   0s StartSandbox", "   0s Start(0)", "   1s Start(1)", "   2s Start(2)"]);
    assert_eq!(condition(&pod, "Initialized"), (true, String::new(), String::new(), 2));
    assert!(state(&pod, 0).ready && state(&pod, 1).ready);
}

#[test]
fn mientras_se_inicializa_el_pod_esta_pendiente_y_lo_dice() {
    let kinds = [("uno", Kind::Init), ("dos", Kind::Init), ("app", Kind::App)];
    let mut pod = Pod::new(with_kinds(Always, &kinds));
    simulate(&mut pod, s(1), vec![], short_lived(&[(0, 0)]));
    assert_eq!(pod.phase(), Phase::Pending);
    assert_eq!(
        condition(&pod, "Initialized"),
        (false, "ContainersNotInitialized".into(), "contenedores sin completar: [dos]".into(), 0)
    );
    assert_eq!(reason(&pod, 2), "PodInitializing");
    assert_eq!(columns::columns(&pod.status()).status, "Init:1/2");
}

#[test]
fn con_never_un_fallo_al_inicializar_hace_fallar_el_pod() {
    let mut pod = Pod::new(with_kinds(Never, &[("init", Kind::Init), ("app", Kind::App)]));
    let diary = simulate(&mut pod, s(9), vec![], short_lived(&[(0, 1)]));
    assert_eq!(orders(&diary), ["   0s StartSandbox", "   0s Start(0)", "   1s StopSandbox"]);
    assert_eq!(pod.phase(), Phase::Failed);
    assert_eq!(columns::columns(&pod.status()).status, "Init:Error");
}

#[test]
fn con_always_un_fallo_al_inicializar_se_reintenta_con_espera() {
    for policy in [Always, OnFailure] {
        let mut pod = Pod::new(with_kinds(policy, &[("init", Kind::Init), ("app", Kind::App)]));
        let diary = simulate(&mut pod, s(40), vec![], short_lived(&[(0, 1)]));
        assert_eq!(starts(&diary, 0), [0, 1, 12, 33]);
        assert!(starts(&diary, 1).is_empty());
        assert_eq!(pod.phase(), Phase::Pending);
        let columns = columns::columns(&pod.status());
        assert_eq!((columns.status.as_str(), columns.restarts), ("Init:CrashLoopBackOff", 3));
    }
}

#[test]
fn con_always_el_de_inicializacion_que_sale_bien_no_se_repite() {
    let mut pod = Pod::new(with_kinds(Always, &[("init", Kind::Init), ("app", Kind::App)]));
    let diary = simulate(&mut pod, s(50), vec![], short_lived(&[(0, 0), (1, 1)]));
    assert_eq!(starts(&diary, 0), [0]);
    assert_eq!(starts(&diary, 1), [1, 2, 13, 34]);
}

#[test]
fn al_de_inicializacion_que_se_queda_sin_memoria_no_le_vale_salir_con_cero() {
    let mut pod = Pod::new(with_kinds(Never, &[("init", Kind::Init), ("app", Kind::App)]));
    let oom = Event::Exited { id: 0, exit: Exit::Code(0), oom: true, message: String::new() };
    simulate(&mut pod, s(9), vec![(s(1), oom)], |_, action| obedient(action));
    assert_eq!(pod.phase(), Phase::Failed);
}

#[test]
fn los_de_aplicacion_arrancan_en_orden_y_el_post_start_de_uno_retrasa_al_siguiente() {
    let mut rules = rules(Always, &["a", "b", "c"]);
    rules.containers[0].post_start = true;
    let mut pod = Pod::new(rules);
    let diary = simulate(&mut pod, s(9), vec![], |_, action| match action {
        Action::Start(id) => vec![(s(1), Event::Started(*id))],
        Action::RunHook(id, hook) => vec![(s(3), Event::HookDone(*id, *hook, Ok(())))],
        other => obedient(other),
    });
    assert_eq!(
        orders(&diary),
        [
            "   0s StartSandbox",
            "   0s Start(0)",
            "   1s RunHook(0, PostStart)",
            "   4s Start(1)",
            "   5s Start(2)",
        ]
    );
    // corre desde que nació, aunque no contara como Running hasta acabar el hook
    assert_eq!(state(&pod, 0).state, ContainerState::Running { since: s(1) });
}

#[test]
fn mientras_corre_su_post_start_un_contenedor_aun_no_es_running() {
    let mut rules = rules(Always, &["a"]);
    rules.containers[0].post_start = true;
    let mut pod = Pod::new(rules);
    simulate(&mut pod, s(1), vec![], |_, action| match action {
        Action::RunHook(..) => vec![],
        other => obedient(other),
    });
    assert_eq!(reason(&pod, 0), "ContainerCreating");
    assert!(!state(&pod, 0).ready);
}

#[test]
fn si_falla_el_post_start_se_mata_el_contenedor_y_manda_la_politica() {
    let mut rules = rules(Always, &["a"]);
    rules.containers[0].post_start = true;
    rules.containers[0].pre_stop = true;
    let mut pod = Pod::new(rules);
    let mut seen = Vec::new();
    let mut fails = 0;
    let diary = simulate(&mut pod, s(6), vec![], |_, action| match action {
        Action::RunHook(id, HookKind::PostStart) => {
            fails += 1;
            let result = if fails == 1 { Err("salió con 1".into()) } else { Ok(()) };
            vec![(s(1), Event::HookDone(*id, HookKind::PostStart, result))]
        }
        Action::Kill(id, _) => vec![(s(2), exited(*id, 143))],
        other => obedient(other),
    });
    seen.extend(orders(&diary));
    assert_eq!(
        seen[1..],
        [
            "   0s Start(0)",
            "   0s RunHook(0, PostStart)",
            "   1s RunHook(0, PreStop)",
            "   1s Kill(0, Stop)",
            "   3s Start(0)",
            "   3s RunHook(0, PostStart)",
        ]
    );
    assert!(
        notes(&diary).contains(&"FailedPostStartHook a: falló el hook postStart: salió con 1".to_string())
    );
}

#[test]
fn mientras_se_mata_a_quien_fallo_su_post_start_se_dice_por_que() {
    let mut rules = rules(Always, &["a", "b"]);
    rules.containers[0].post_start = true;
    let mut pod = Pod::new(rules);
    let diary = simulate(&mut pod, s(2), vec![], |_, action| match action {
        Action::RunHook(id, hook) => vec![(s(1), Event::HookDone(*id, *hook, Err("mal".into())))],
        Action::Kill(..) => vec![],
        other => obedient(other),
    });
    assert_eq!(reason(&pod, 0), "PostStartHookError");
    assert!(starts(&diary, 1).is_empty(), "el siguiente espera a que acabe");
}

#[test]
fn un_auxiliar_deja_pasar_al_siguiente_en_cuanto_ha_arrancado() {
    let kinds = [("aux", Kind::Sidecar), ("init", Kind::Init), ("app", Kind::App)];
    let mut rules = with_kinds(Never, &kinds);
    rules.containers[0].startup = Some(probe(5, 30));
    rules.containers[0].readiness = Some(probe(5, 3));
    let mut pod = Pod::new(rules);
    let diary = simulate(&mut pod, s(12), vec![], |now, action| match action {
        Action::Probe(id, ProbeKind::Startup) if now < s(10) => {
            vec![(s(0), Event::Probed(*id, ProbeKind::Startup, Outcome::Failure("aún no".into())))]
        }
        Action::Probe(_, ProbeKind::Readiness) => vec![], // no espera a que esté listo
        other => short_lived(&[(1, 0)])(now, other),
    });
    let lines: Vec<_> = orders(&diary).into_iter().filter(|line| line.contains("Start(")).collect();
    assert_eq!(lines, ["   0s Start(0)", "  10s Start(1)", "  11s Start(2)"]);
    let columns = columns::columns(&pod.status());
    assert_eq!(columns.ready, "1/2", "el auxiliar cuenta, y no está listo");
}

#[test]
fn un_auxiliar_se_reinicia_aunque_la_politica_del_pod_sea_never() {
    let kinds = [("aux", Kind::Sidecar), ("app", Kind::App)];
    let mut pod = Pod::new(with_kinds(Never, &kinds));
    let diary = simulate(&mut pod, s(9), vec![(s(3), exited(0, 1))], |_, action| obedient(action));
    assert_eq!(starts(&diary, 0), [0, 3]);
    assert_eq!(pod.phase(), Phase::Running);
}

#[test]
fn un_auxiliar_no_alarga_la_vida_del_pod_ni_cuenta_su_codigo_de_salida() {
    let kinds = [("aux", Kind::Sidecar), ("app", Kind::App)];
    let mut pod = Pod::new(with_kinds(Never, &kinds));
    let diary = simulate(&mut pod, s(99), vec![], short_lived(&[(1, 0)]));
    assert_eq!(orders(&diary)[2..], ["   0s Start(1)", "   1s Kill(0, Stop)", "   1s StopSandbox"]);
    assert_eq!(pod.phase(), Phase::Succeeded);
}
