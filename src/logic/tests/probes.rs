//! Sondas: cuándo preguntan, qué se cree y qué pasa cuando fallan.

use super::*;
use RestartPolicy::*;

/// Un Pod de un contenedor con estas sondas.
fn probed(policy: RestartPolicy, kinds: &[(ProbeKind, super::super::probe::ProbeRules)]) -> Pod {
    let mut rules = rules(policy, &["c"]);
    for (kind, probe) in kinds {
        let place = match kind {
            ProbeKind::Startup => &mut rules.containers[0].startup,
            ProbeKind::Readiness => &mut rules.containers[0].readiness,
            ProbeKind::Liveness => &mut rules.containers[0].liveness,
        };
        *place = Some(probe.clone());
    }
    Pod::new(rules)
}

/// Las sondas aciertan o no según la hora.
fn answering(good: impl Fn(Duration, ProbeKind) -> bool) -> impl FnMut(Duration, &Action) -> Answers {
    move |now, action| match action {
        Action::Probe(id, kind) if !good(now, *kind) => {
            vec![(s(0), Event::Probed(*id, *kind, Outcome::Failure("conexión rechazada".into())))]
        }
        other => obedient(other),
    }
}

/// Solo las órdenes sobre sondas y señales.
fn probing(diary: &[Entry]) -> Vec<String> {
    let lines = orders(diary).into_iter();
    lines.filter(|line| !line.contains("Sandbox") && !line.contains("Start(")).collect()
}

#[test]
fn la_sonda_de_vida_mata_al_tercer_fallo_y_el_pod_lo_reinicia() {
    let mut liveness = probe(10, 3);
    liveness.initial_delay = s(5);
    let mut pod = probed(OnFailure, &[(ProbeKind::Liveness, liveness)]);
    let diary = simulate(&mut pod, s(36), vec![], |now, action| match action {
        Action::Kill(id, _) => vec![(s(2), exited(*id, 0))], // sale «bien»
        other => answering(|now, _| now > s(30))(now, other),
    });
    assert_eq!(
        orders(&diary),
        [
            "   0s StartSandbox",
            "   0s Start(0)",
            "   5s Probe(0, Liveness)",
            "  15s Probe(0, Liveness)",
            "  25s Probe(0, Liveness)",
            "  25s Kill(0, Stop)",
            "  27s Start(0)",
            "  32s Probe(0, Liveness)",
        ]
    );
    let killing = "Killing c: el contenedor c no pasa la sonda de vida: se reiniciará";
    assert!(notes(&diary).contains(&killing.to_string()));
    assert!(notes(&diary).contains(&"Unhealthy c: falla la sonda de vida: conexión rechazada".to_string()));
}

#[test]
fn con_never_la_sonda_de_vida_mata_y_el_pod_falla() {
    let mut pod = probed(Never, &[(ProbeKind::Liveness, probe(10, 1))]);
    let diary = simulate(&mut pod, s(99), vec![], answering(|_, _| false));
    assert_eq!(probing(&diary), ["   0s Probe(0, Liveness)", "   0s Kill(0, Stop)"]);
    assert_eq!((pod.phase(), starts(&diary, 0).len()), (Phase::Failed, 1));
    assert!(
        notes(&diary).contains(&"Killing c: el contenedor c no pasa la sonda de vida: se para".to_string())
    );
}

#[test]
fn quien_muere_por_la_sonda_se_reinicia_sin_mirar_sus_reglas_de_salida() {
    let mut custom = rules(Never, &["c"]);
    custom.containers[0].liveness = Some(probe(10, 1));
    custom.containers[0].exit_rules =
        vec![restart::ExitRule { codes: vec![143], listed: true, then: restart::Restart::Itself }];
    let mut pod = Pod::new(custom);
    simulate(&mut pod, s(99), vec![], answering(|_, _| false));
    assert_eq!(pod.phase(), Phase::Failed);
}

#[test]
fn el_plazo_de_gracia_de_la_sonda_gana_al_del_pod() {
    let mut liveness = probe(10, 1);
    liveness.grace = Some(s(45));
    let mut pod = probed(Never, &[(ProbeKind::Liveness, liveness)]);
    let diary = simulate(&mut pod, s(99), vec![], |now, action| match action {
        Action::Kill(_, Signal::Stop) => vec![],
        other => answering(|_, _| false)(now, other),
    });
    assert_eq!(probing(&diary), ["   0s Probe(0, Liveness)", "   0s Kill(0, Stop)", "  45s Kill(0, Kill)"]);
}

#[test]
fn una_sonda_colgada_cuenta_como_fallo() {
    let mut pod = probed(Never, &[(ProbeKind::Liveness, probe(9, 2))]);
    let diary = simulate(&mut pod, s(12), vec![], |_, action| match action {
        Action::Probe(..) => vec![],
        other => obedient(other),
    });
    assert_eq!(
        probing(&diary),
        [
            "   0s Probe(0, Liveness)",
            "   1s AbandonProbe(0, Liveness)",
            "   9s Probe(0, Liveness)",
            "  10s AbandonProbe(0, Liveness)",
            "  10s Kill(0, Stop)",
        ]
    );
    assert!(notes(&diary).contains(&"Unhealthy c: falla la sonda de vida: no respondió en 1s".to_string()));
}

#[test]
fn una_respuesta_tardia_no_cuenta() {
    let mut pod = probed(Never, &[(ProbeKind::Readiness, probe(9, 1))]);
    simulate(&mut pod, s(2), vec![], |_, action| match action {
        Action::Probe(..) => vec![],
        other => obedient(other),
    });
    assert_eq!(pod.step(s(3), Event::Probed(0, ProbeKind::Readiness, Outcome::Success)), []);
    assert!(!state(&pod, 0).ready);
}

#[test]
fn la_preparacion_empieza_en_no_y_no_mata_a_nadie() {
    let mut pod = probed(Always, &[(ProbeKind::Readiness, probe(10, 3))]);
    let good = |now, _| now >= s(20) && now < s(50);
    let mut ready = Vec::new();
    let mut world = answering(good);
    let diary = simulate(&mut pod, s(5), vec![], &mut world);
    assert!(!state(&pod, 0).ready);
    assert!(diary.iter().all(|entry| !matches!(entry.action, Action::Kill(..))));

    let mut pod = probed(Always, &[(ProbeKind::Readiness, probe(10, 3))]);
    for end in [15, 25, 55, 65, 75] {
        let mut fresh = pod.clone();
        simulate(&mut fresh, s(end), vec![], answering(good));
        ready.push((end, state(&fresh, 0).ready, fresh.phase()));
    }
    // tres fallos seguidos, a los 50, 60 y 70, para dejar de estar listo
    let running = Phase::Running;
    assert_eq!(
        ready,
        [
            (15, false, running),
            (25, true, running),
            (55, true, running),
            (65, true, running),
            (75, false, running)
        ]
    );
    simulate(&mut pod, s(75), vec![], answering(good));
    assert_eq!(
        condition(&pod, "Ready"),
        (false, "ContainersNotReady".into(), "contenedores que no están listos: [c]".into(), 70)
    );
}

#[test]
fn un_acierto_suelto_pone_a_cero_la_cuenta_de_fallos() {
    let mut pod = probed(Always, &[(ProbeKind::Liveness, probe(10, 3))]);
    let diary = simulate(&mut pod, s(200), vec![], answering(|now, _| (now.as_secs() / 10) % 3 == 2));
    assert_eq!(starts(&diary, 0), [0]);
}

#[test]
fn el_umbral_de_aciertos_retrasa_la_preparacion() {
    let mut readiness = probe(10, 3);
    readiness.success_threshold = 3;
    for (end, ready) in [(15, false), (20, true)] {
        let mut pod = probed(Always, &[(ProbeKind::Readiness, readiness.clone())]);
        simulate(&mut pod, s(end), vec![], answering(|_, _| true));
        assert_eq!(state(&pod, 0).ready, ready, "a los {end} s");
    }
}

#[test]
fn hasta_que_la_sonda_de_inicio_acierta_las_demas_callan() {
    let all = [
        (ProbeKind::Startup, probe(10, 30)),
        (ProbeKind::Readiness, probe(5, 3)),
        (ProbeKind::Liveness, probe(7, 3)),
    ];
    let mut pod = probed(Always, &all);
    let diary =
        simulate(&mut pod, s(28), vec![], answering(|now, kind| kind != ProbeKind::Startup || now >= s(20)));
    assert_eq!(
        probing(&diary),
        [
            "   0s Probe(0, Startup)",
            "  10s Probe(0, Startup)",
            "  20s Probe(0, Startup)",
            "  20s Probe(0, Readiness)", // nada más arrancar
            "  20s Probe(0, Liveness)",
            "  25s Probe(0, Readiness)",
            "  27s Probe(0, Liveness)",
        ]
    );
    assert!(state(&pod, 0).started && state(&pod, 0).ready);
}

#[test]
fn si_la_sonda_de_inicio_no_acierta_nunca_se_mata_y_se_reinicia() {
    let mut pod = probed(OnFailure, &[(ProbeKind::Startup, probe(10, 3))]);
    let diary = simulate(&mut pod, s(45), vec![], answering(|_, _| false));
    assert_eq!(starts(&diary, 0), [0, 20, 40]);
    assert!(!state(&pod, 0).started);
}

#[test]
fn una_vida_nueva_empieza_sin_estar_lista() {
    let mut pod = probed(Always, &[(ProbeKind::Readiness, probe(10, 3))]);
    let plans = vec![(s(3), exited(0, 1))];
    let mut asked = 0;
    simulate(&mut pod, s(5), plans, |_, action| match action {
        Action::Probe(..) => {
            asked += 1;
            if asked == 1 { obedient(action) } else { vec![] }
        }
        other => obedient(other),
    });
    assert_eq!((asked, state(&pod, 0).ready, state(&pod, 0).restart_count), (2, false, 1));
}

#[test]
fn al_acabar_el_contenedor_se_abandonan_sus_sondas() {
    let mut pod = probed(Never, &[(ProbeKind::Readiness, probe(10, 3))]);
    let diary = simulate(&mut pod, s(5), vec![(s(0), exited(0, 0))], |_, action| match action {
        Action::Start(id) => vec![(s(0), Event::Started(*id))],
        Action::Probe(..) => vec![(s(1), exited(0, 0))],
        other => obedient(other),
    });
    assert_eq!(
        orders(&diary)[2..],
        ["   0s Probe(0, Readiness)", "   1s AbandonProbe(0, Readiness)", "   1s StopSandbox"]
    );
}

#[test]
fn no_poder_preguntar_no_es_un_fallo_del_contenedor() {
    let mut pod = probed(Always, &[(ProbeKind::Liveness, probe(10, 1))]);
    let diary = simulate(&mut pod, s(12), vec![], |_, action| match action {
        Action::Probe(id, kind) => {
            vec![(s(0), Event::Probed(*id, *kind, Outcome::Error("no hay memoria".into())))]
        }
        other => obedient(other),
    });
    // tres intentos en cada turno, y el contenedor sigue
    let probe_at = |at| format!("{at:>4}s Probe(0, Liveness)");
    assert_eq!(probing(&diary), [0, 0, 0, 10, 10, 10].map(probe_at));
    let unhealthy = "Unhealthy c: no se pudo hacer la sonda de vida: no hay memoria";
    assert_eq!(notes(&diary).iter().filter(|note| *note == unhealthy).count(), 2);
    assert_eq!(starts(&diary, 0), [0]);
}

#[test]
fn una_redireccion_a_otra_maquina_es_un_acierto_que_se_cuenta() {
    let mut pod = probed(Always, &[(ProbeKind::Readiness, probe(10, 1))]);
    let diary = simulate(&mut pod, s(2), vec![], |_, action| match action {
        Action::Probe(id, kind) => vec![(s(0), Event::Probed(*id, *kind, Outcome::Warning("302".into())))],
        other => obedient(other),
    });
    assert!(state(&pod, 0).ready);
    assert!(notes(&diary).contains(&"ProbeWarning c: la sonda de preparación avisa: 302".to_string()));
}

#[test]
fn el_periodo_va_de_pregunta_a_pregunta_aunque_la_respuesta_tarde() {
    let mut readiness = probe(2, 3);
    readiness.timeout = s(9);
    let mut pod = probed(Always, &[(ProbeKind::Readiness, readiness)]);
    let diary = simulate(&mut pod, s(7), vec![], |now, action| match action {
        Action::Probe(id, kind) => {
            let takes = if now == s(2) { 3 } else { 1 };
            vec![(s(takes), Event::Probed(*id, *kind, Outcome::Success))]
        }
        other => obedient(other),
    });
    let probe_at = |at| format!("{at:>4}s Probe(0, Readiness)");
    assert_eq!(probing(&diary), [0, 2, 5, 7].map(probe_at));
}

#[test]
fn al_despedirse_el_pod_sigue_la_preparacion_y_callan_las_demas() {
    let all = [(ProbeKind::Readiness, probe(10, 1)), (ProbeKind::Liveness, probe(10, 1))];
    let mut pod = probed(Always, &all);
    let diary = simulate(&mut pod, s(45), vec![(s(15), delete())], |now, action| match action {
        Action::Kill(_, Signal::Stop) => vec![],
        other => answering(|now, _| now < s(15))(now, other),
    });
    assert_eq!(
        probing(&diary)[4..],
        [
            "  15s Kill(0, Stop)",
            "  20s Probe(0, Readiness)",
            "  30s Probe(0, Readiness)",
            "  40s Probe(0, Readiness)",
            "  45s Kill(0, Kill)",
        ]
    );
}

#[test]
fn al_empezar_la_despedida_se_abandona_la_sonda_de_vida_que_estaba_en_marcha() {
    let mut liveness = probe(10, 1);
    liveness.timeout = s(5);
    let mut pod = probed(Always, &[(ProbeKind::Liveness, liveness)]);
    let diary = simulate(&mut pod, s(45), vec![(s(2), delete())], |_, action| match action {
        Action::Probe(..) => vec![],
        other => obedient(other),
    });
    assert_eq!(
        probing(&diary),
        ["   0s Probe(0, Liveness)", "   2s AbandonProbe(0, Liveness)", "   2s Kill(0, Stop)"]
    );
}

#[test]
fn un_cero_en_la_especificacion_es_el_valor_predeterminado() {
    let liveness = types::Probe {
        period_seconds: Some(0),
        timeout_seconds: None,
        failure_threshold: Some(0),
        ..Default::default()
    };
    let container =
        types::Container { name: "c".into(), liveness_probe: Some(liveness), ..Default::default() };
    let spec = types::PodSpec { containers: vec![container], ..Default::default() };
    let rules = PodRules::from(&types::Pod { spec, ..Default::default() }, 0);
    let liveness = rules.containers[0].liveness.clone().unwrap();
    assert_eq!((liveness.period, liveness.timeout, liveness.failure_threshold), (s(10), s(1), 3));
    assert_eq!((rules.grace, rules.acelera), (s(30), 1));
}
