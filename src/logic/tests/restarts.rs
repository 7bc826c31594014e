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

/// La vida número n (desde 1) del contenedor dura `lasts(n)` segundos y acaba con 1.
fn lasting(lasts: impl Fn(u32) -> u64) -> impl FnMut(Duration, &Action) -> Answers {
    let mut life = 0;
    move |now, action| {
        life += u32::from(matches!(action, Action::Start(_)));
        crashing(1, lasts(life))(now, action)
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
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(900), vec![], lasting(|life| if life == 5 { 700 } else { 5 }));
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90, 790, 805, 830, 875]);
}

#[test]
fn diez_minutos_justos_no_bastan_para_empezar_de_cero() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(900), vec![], lasting(|life| if life == 5 { 600 } else { 5 }));
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90, 770]);
}

#[test]
fn la_sonda_de_vida_mata_cada_minuto_sin_espera_hasta_que_la_espera_supera_a_la_vida() {
    let mut rules = rules(Always, &["c"]);
    rules.containers[0].liveness = Some(probe(60, 1));
    rules.containers[0].liveness.as_mut().unwrap().initial_delay = s(60);
    let mut pod = Pod::new(rules);
    let diary = simulate(&mut pod, s(700), vec![], |_, action| match action {
        Action::Probe(id, kind) => vec![(s(0), Event::Probed(*id, *kind, Outcome::Failure("no".into())))],
        other => obedient(other),
    });
    assert_eq!(starts(&diary, 0), [0, 60, 120, 180, 240, 300, 440, 660]);
}

#[test]
fn quien_muere_por_la_sonda_tras_mas_de_diez_minutos_vuelve_a_empezar_de_cero() {
    let mut rules = rules(Always, &["c"]);
    rules.containers[0].liveness = Some(probe(10, 1));
    let mut pod = Pod::new(rules);
    let mut born = s(0);
    let mut life = 0;
    let diary = simulate(&mut pod, s(2000), vec![], |now, action| {
        if matches!(action, Action::Start(_)) {
            (born, life) = (now, life + 1);
        }
        let lasts = if life == 4 { 700 } else { 20 };
        match action {
            Action::Probe(id, kind) if now - born >= s(lasts) => {
                vec![(s(0), Event::Probed(*id, *kind, Outcome::Failure("no".into())))]
            }
            other => obedient(other),
        }
    });
    // 780 y 800: la vida larga hace olvidar la espera; sin olvidarla, la siguiente sería de 80 s
    assert_eq!(starts(&diary, 0)[..8], [0, 20, 40, 60, 760, 780, 800, 860]);
}

#[test]
fn la_espera_es_de_cada_contenedor() {
    let mut pod = Pod::new(rules(Always, &["cae", "aguanta"]));
    let diary = simulate(&mut pod, s(200), vec![], |now, action| match action {
        Action::Start(1) => obedient(action),
        other => crashing(1, 5)(now, other),
    });
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90, 175]);
    assert_eq!(starts(&diary, 1), [0]);
}

#[test]
fn acelera_divide_las_esperas_y_nada_mas() {
    let mut fast = rules(Always, &["c"]);
    fast.acelera = 10;
    let mut pod = Pod::new(fast);
    let diary = simulate(&mut pod, s(120), vec![(s(100), delete())], lasting(|_| 5));
    // esperas de 0, 1, 2, 4, 8, 16 y 30 s
    assert_eq!(starts(&diary, 0), [0, 5, 11, 18, 27, 40, 61, 96]);
    // y el plazo de gracia sigue siendo el suyo
    let mut fast = rules(Never, &["c"]);
    fast.acelera = 10;
    let mut pod = Pod::new(fast);
    let diary = simulate(&mut pod, s(99), vec![(s(1), delete())], |_, action| match action {
        Action::Kill(_, Signal::Stop) => vec![],
        other => obedient(other),
    });
    assert_eq!(diary.last().unwrap().to_string(), "  31s StopSandbox");
}

#[test]
fn tabla_de_politicas() {
    #[rustfmt::skip]
    let table = [
        // política  código  ¿arranca otra vez?  fase
        (Always,     0,      true,               Phase::Running),
        (Always,     1,      true,               Phase::Running),
        (OnFailure,  0,      false,              Phase::Succeeded),
        (OnFailure,  1,      true,               Phase::Running),
        (Never,      0,      false,              Phase::Succeeded),
        (Never,      1,      false,              Phase::Failed),
    ];
    for (policy, code, again, phase) in table {
        let mut pod = Pod::new(rules(policy, &["c"]));
        let diary = simulate(&mut pod, s(7), vec![], crashing(code, 5));
        assert_eq!(starts(&diary, 0).len() == 2, again, "{policy:?} {code}");
        assert_eq!(pod.phase(), phase, "{policy:?} {code}");
    }
}

#[test]
fn con_always_salir_bien_tambien_espera_y_el_pod_nunca_acaba() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(100), vec![], crashing(0, 5));
    assert_eq!(starts(&diary, 0), [0, 5, 20, 45, 90]);
    assert_eq!(pod.phase(), Phase::Running);
}

#[test]
fn la_politica_de_un_contenedor_gana_a_la_del_pod_y_sus_reglas_ganan_a_su_politica() {
    let mut custom = rules(Always, &["uno", "dos"]);
    custom.containers[0].policy = Never;
    custom.containers[1].policy = Never;
    custom.containers[1].exit_rules =
        vec![restart::ExitRule { codes: vec![42], listed: true, then: restart::Restart::Itself }];
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(100), vec![], crashing(42, 5));
    assert_eq!(starts(&diary, 0), [0]);
    assert_eq!(starts(&diary, 1), [0, 5, 20, 45, 90]);
}

#[test]
fn una_regla_not_in_reinicia_con_cualquier_otro_codigo() {
    for (code, times) in [(0, 1), (3, 2)] {
        let mut custom = rules(Never, &["c"]);
        custom.containers[0].exit_rules =
            vec![restart::ExitRule { codes: vec![0], listed: false, then: restart::Restart::Itself }];
        let mut pod = Pod::new(custom);
        let diary = simulate(&mut pod, s(7), vec![], crashing(code, 5));
        assert_eq!(starts(&diary, 0).len(), times, "código {code}");
    }
}

#[test]
fn crash_loop_back_off_es_una_razon_y_conserva_como_acabo() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    simulate(&mut pod, s(30), vec![], crashing(3, 5));
    let status = state(&pod, 0);
    assert_eq!(pod.phase(), Phase::Running);
    let ContainerState::Waiting { reason, message } = status.state else { panic!("debería esperar") };
    assert_eq!(reason, "CrashLoopBackOff");
    assert_eq!(message, "espera de 20s antes de reiniciar el contenedor c del Pod web");
    let last = status.last.unwrap();
    assert_eq!((last.exit_code, last.reason.as_str()), (3, "Error"));
    assert_eq!((last.started, last.finished), (s(20), s(25)));
    assert_eq!(status.restart_count, 2);
}

#[test]
fn el_numero_de_reinicios_cuenta_reemplazos_y_no_muertes() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let mut seen = vec![(0, state(&pod, 0).restart_count, pod.life(0))];
    simulate(&mut pod, s(50), vec![], |now, action| crashing(1, 5)(now, action));
    seen.push((50, state(&pod, 0).restart_count, pod.life(0)));
    // cuatro vidas acabadas: la última aún no tiene sucesora, que sería la 4
    assert_eq!(seen, [(0, 0, 0), (50, 3, 4)]);
}

#[test]
fn mientras_vive_se_ve_la_vida_anterior_y_al_acabar_las_dos_ultimas() {
    let mut pod = Pod::new(rules(Never, &["c"]));
    simulate(&mut pod, s(3), vec![], crashing(0, 9));
    assert_eq!(state(&pod, 0).state, ContainerState::Running { since: s(0) });
    assert_eq!(state(&pod, 0).last, None);

    let mut pod = Pod::new(rules(Always, &["c"]));
    simulate(&mut pod, s(27), vec![(s(27), delete())], crashing(1, 5));
    let status = state(&pod, 0);
    let ContainerState::Terminated(ended) = status.state else { panic!("debería haber acabado") };
    assert_eq!((ended.finished, status.last.unwrap().finished), (s(25), s(10)));
}

#[test]
fn los_sucesos_de_un_reinicio_llevan_las_razones_de_kubernetes() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(12), vec![], crashing(1, 5));
    let reasons: Vec<_> =
        notes(&diary).iter().map(|n| n.split([' ', ':']).next().unwrap().to_string()).collect();
    assert_eq!(
        reasons,
        ["Scheduled", "Pulled", "Created", "Started", "Pulled", "Created", "Started", "BackOff"]
    );
}

#[test]
fn quien_no_llega_ni_a_nacer_se_reintenta_cada_diez_segundos_con_cualquier_politica() {
    let mut pod = Pod::new(rules(Never, &["c"]));
    let failure = StartFailure {
        reason: "CreateContainerConfigError".into(),
        message: "no existe el usuario nadie".into(),
        exit_code: None,
    };
    let diary = simulate(&mut pod, s(25), vec![], |_, action| match action {
        Action::Start(id) => vec![(s(0), Event::StartFailed(*id, failure.clone()))],
        other => obedient(other),
    });
    assert_eq!(starts(&diary, 0), [0, 10, 20]);
    assert_eq!(reason(&pod, 0), "CreateContainerConfigError");
    assert_eq!((pod.phase(), state(&pod, 0).restart_count), (Phase::Pending, 0));
}

#[test]
fn a_quien_le_falta_un_volumen_espera_y_el_suceso_es_del_pod() {
    let mut pod = Pod::new(rules(Never, &["a", "b"]));
    let failure = StartFailure {
        reason: "ContainerCreating".into(),
        message: "no hay ningún Secret `x`".into(),
        exit_code: None,
    };
    let diary = simulate(&mut pod, s(15), vec![], |_, action| match action {
        Action::Start(id) => vec![(s(0), Event::StartFailed(*id, failure.clone()))],
        other => obedient(other),
    });
    let told = notes(&diary);
    let mounts: Vec<_> = told.iter().filter(|n| n.starts_with("FailedMount")).collect();
    assert_eq!(mounts.len(), 4, "dos contenedores, en 0 s y en 10 s: {told:?}");
    assert!(!told.iter().any(|n| n.starts_with("Pulled")), "{told:?}");
    assert_eq!((pod.phase(), reason(&pod, 1).as_str()), (Phase::Pending, "ContainerCreating"));
}

#[test]
fn un_programa_que_no_se_puede_ejecutar_es_una_vida_con_su_codigo() {
    let failure = |code| StartFailure {
        reason: "RunContainerError".into(),
        message: "no existe /bin/nada".into(),
        exit_code: Some(code),
    };
    let world = |_: Duration, action: &Action| match action {
        Action::Start(id) => vec![(s(0), Event::StartFailed(*id, failure(127)))],
        other => obedient(other),
    };
    let mut pod = Pod::new(rules(Never, &["c"]));
    simulate(&mut pod, s(9), vec![], world);
    let ContainerState::Terminated(ended) = state(&pod, 0).state else { panic!("debería haber acabado") };
    assert_eq!((ended.exit_code, ended.reason.as_str()), (127, "StartError"));
    assert_eq!(pod.phase(), Phase::Failed);

    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(40), vec![], world);
    assert_eq!(starts(&diary, 0), [0, 0, 10, 30]);
    assert_eq!(reason(&pod, 0), "CrashLoopBackOff");
}

#[test]
fn la_falta_de_memoria_es_oom_killed_con_137() {
    let mut pod = Pod::new(rules(Never, &["c"]));
    simulate(&mut pod, s(9), vec![], |_, action| match action {
        Action::Start(id) => {
            let killed = Event::Exited { id: *id, exit: Exit::Signal(9), oom: true, message: String::new() };
            vec![(s(0), Event::Started(*id)), (s(1), killed)]
        }
        other => obedient(other),
    });
    let ContainerState::Terminated(ended) = state(&pod, 0).state else { panic!("debería haber acabado") };
    assert_eq!((ended.reason.as_str(), ended.exit_code, ended.signal), ("OOMKilled", 137, 9));
}

#[test]
fn un_contenedor_se_cae_y_su_vecino_ni_se_entera() {
    let mut pod = Pod::new(rules(OnFailure, &["cae", "sigue"]));
    let diary = simulate(&mut pod, s(30), vec![], |now, action| match action {
        Action::Start(0) => crashing(1, 5)(now, action),
        other => obedient(other),
    });
    assert_eq!(starts(&diary, 1), [0]);
    assert_eq!(state(&pod, 1).state, ContainerState::Running { since: s(0) });
    assert_eq!(pod.phase(), Phase::Running);
}
