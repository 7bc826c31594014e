//! La parada de un Pod: orden, plazos y qué queda dicho al final.

use super::*;
use RestartPolicy::*;

/// Nadie hace caso a la señal de parada ni acaba sus *hooks*.
fn stubborn(_: Duration, action: &Action) -> Answers {
    match action {
        Action::Kill(_, Signal::Stop) | Action::RunHook(..) => vec![],
        other => obedient(other),
    }
}

fn kind(_: Duration, action: &Action) -> Answers {
    obedient(action)
}

fn stop(grace: u64) -> Event {
    Event::StopRequested { grace: Some(s(grace)), reason: StopReason::Deleted }
}

/// Las órdenes desde que empieza la despedida.
fn farewell(diary: &[Entry], from: u64) -> Vec<String> {
    let late: Vec<Entry> = diary.iter().filter(|entry| entry.at >= s(from)).cloned().collect();
    orders(&late)
}

#[test]
fn quien_ignora_sigterm_recibe_sigkill_tras_el_plazo_de_gracia() {
    let mut pod = Pod::new(rules(Always, &["c"]));
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
    assert_eq!(pod.phase(), Phase::Failed);
}

#[test]
fn los_contenedores_de_aplicacion_reciben_la_senal_a_la_vez() {
    let mut pod = Pod::new(rules(Always, &["a", "b"]));
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete())], |_, action| match action {
        Action::Kill(id, Signal::Stop) => vec![(s(1 + *id as u64), exited(*id, 0))],
        other => obedient(other),
    });
    assert_eq!(farewell(&diary, 5), ["   5s Kill(0, Stop)", "   5s Kill(1, Stop)", "   7s StopSandbox"]);
    assert_eq!(
        notes(&diary)[7..],
        ["Killing a: parando el contenedor a", "Killing b: parando el contenedor b"]
    );
}

#[test]
fn la_fase_de_un_pod_borrado_la_dan_sus_codigos_de_salida() {
    for (code, phase) in [(0, Phase::Succeeded), (143, Phase::Failed), (3, Phase::Failed)] {
        let mut pod = Pod::new(rules(Always, &["c"]));
        let plans = vec![(s(5), delete())];
        simulate(&mut pod, s(99), plans, |_, action| match action {
            Action::Kill(id, Signal::Stop) => vec![(s(1), exited(*id, code))],
            other => obedient(other),
        });
        assert_eq!(pod.phase(), phase, "código {code}");
    }
}

#[test]
fn borrar_durante_la_espera_acaba_con_lo_que_dijo_la_ultima_vida() {
    for (code, phase) in [(0, Phase::Succeeded), (1, Phase::Failed)] {
        let mut pod = Pod::new(rules(Always, &["c"]));
        let plans = vec![(s(1), exited(0, code)), (s(2), exited(0, code)), (s(4), delete())];
        let diary = simulate(&mut pod, s(99), plans, kind);
        assert_eq!(farewell(&diary, 4), ["   4s StopSandbox"]);
        assert_eq!(pod.phase(), phase);
        assert!(matches!(state(&pod, 0).state, ContainerState::Terminated(_)));
    }
}

#[test]
fn nada_arranca_despues_de_pedir_que_acabe() {
    let mut pod = Pod::new(rules(Always, &["a", "b"]));
    let diary = simulate(&mut pod, s(99), vec![(s(1), delete())], |_, action| match action {
        Action::Start(id) => vec![(s(3), Event::Started(*id))],
        other => obedient(other),
    });
    // el que ya estaba naciendo, nace y se para; el segundo no llega a empezar
    assert_eq!(farewell(&diary, 1), ["   3s Kill(0, Stop)", "   3s StopSandbox"]);
    assert_eq!(pod.phase(), Phase::Failed);
    // y quien espera para reiniciarse, mientras otro agota su plazo, ya no se reinicia
    let mut pod = Pod::new(rules(Always, &["cae", "terco"]));
    let diary = simulate(&mut pod, s(99), vec![(s(5), stop(30))], |now, action| match action {
        Action::Start(0) => vec![(s(0), Event::Started(0)), (s(1), exited(0, 1))],
        other => stubborn(now, other),
    });
    assert_eq!(farewell(&diary, 5), ["   5s Kill(1, Stop)", "  35s Kill(1, Kill)", "  35s StopSandbox"]);
}

#[test]
fn quien_nace_cuando_el_pod_ya_acaba_solo_tiene_lo_que_queda_de_plazo() {
    let mut pod = Pod::new(rules(Always, &["a"]));
    let diary = simulate(&mut pod, s(99), vec![(s(1), stop(10))], |now, action| match action {
        Action::Start(id) => vec![(s(6), Event::Started(*id))],
        other => stubborn(now, other),
    });
    assert_eq!(farewell(&diary, 1), ["   6s Kill(0, Stop)", "  11s Kill(0, Kill)", "  11s StopSandbox"]);
}

#[test]
fn quien_nace_cuando_el_pod_ya_acaba_no_ejecuta_su_post_start() {
    let mut custom = rules(Always, &["a"]);
    custom.containers[0].post_start = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(1), delete())], |_, action| match action {
        Action::Start(id) => vec![(s(3), Event::Started(*id))],
        other => obedient(other),
    });
    assert_eq!(farewell(&diary, 1), ["   3s Kill(0, Stop)", "   3s StopSandbox"]);
}

#[test]
fn un_plazo_de_cero_se_queda_en_los_dos_segundos_de_cortesia() {
    for grace in [0, 1, 2] {
        let mut pod = Pod::new(rules(Always, &["c"]));
        let diary = simulate(&mut pod, s(99), vec![(s(5), stop(grace))], stubborn);
        assert_eq!(farewell(&diary, 5)[..2], ["   5s Kill(0, Stop)", "   7s Kill(0, Kill)"]);
    }
}

#[test]
fn una_segunda_peticion_solo_puede_acortar_el_plazo() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(99), vec![(s(5), stop(20)), (s(10), stop(60))], stubborn);
    assert_eq!(farewell(&diary, 5)[..2], ["   5s Kill(0, Stop)", "  25s Kill(0, Kill)"]);

    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(99), vec![(s(5), stop(20)), (s(10), stop(0))], stubborn);
    assert_eq!(farewell(&diary, 5)[..2], ["   5s Kill(0, Stop)", "  12s Kill(0, Kill)"]);
}

#[test]
fn el_pre_stop_se_descuenta_del_plazo_de_gracia() {
    let mut custom = rules(Always, &["c"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete())], |now, action| match action {
        Action::RunHook(id, hook) => {
            vec![(Duration::from_millis(10_500), Event::HookDone(*id, *hook, Err("salió con 2".into())))]
        }
        other => stubborn(now, other),
    });
    // 30 − 10 s (los medios no cuentan) desde la señal
    assert_eq!(
        farewell(&diary, 5),
        [
            "   5s RunHook(0, PreStop)",
            "15.500s Kill(0, Stop)",
            "35.500s Kill(0, Kill)",
            "35.500s StopSandbox"
        ]
    );
    assert!(notes(&diary).contains(&"FailedPreStopHook c: falló el hook preStop: salió con 2".to_string()));
}

#[test]
fn un_pre_stop_que_no_acaba_gasta_el_plazo_y_quedan_dos_segundos() {
    let mut custom = rules(Always, &["c"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete())], stubborn);
    assert_eq!(
        farewell(&diary, 5),
        [
            "   5s RunHook(0, PreStop)",
            "  35s AbandonHook(0, PreStop)",
            "  35s Kill(0, Stop)",
            "  37s Kill(0, Kill)",
            "  37s StopSandbox",
        ]
    );
}

#[test]
fn quien_acaba_durante_su_pre_stop_no_recibe_senales() {
    let mut custom = rules(Always, &["c"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let plans = vec![(s(5), delete()), (s(7), exited(0, 0))];
    let diary = simulate(&mut pod, s(99), plans, stubborn);
    assert_eq!(
        farewell(&diary, 5),
        ["   5s RunHook(0, PreStop)", "   7s AbandonHook(0, PreStop)", "   7s StopSandbox"]
    );
}

#[test]
fn quien_acaba_por_su_cuenta_no_tiene_pre_stop() {
    let mut custom = rules(Never, &["c"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(7), exited(0, 0))], kind);
    assert_eq!(farewell(&diary, 1), ["   7s StopSandbox"]);
}

#[test]
fn la_sonda_de_vida_tambien_espera_al_pre_stop_salvo_con_plazo_cero() {
    for (grace, expected) in [(30, "   0s RunHook(0, PreStop)"), (0, "   0s Kill(0, Stop)")] {
        let mut custom = rules(Never, &["c"]);
        custom.grace = s(grace);
        custom.containers[0].pre_stop = true;
        custom.containers[0].liveness = Some(probe(10, 1));
        let mut pod = Pod::new(custom);
        let diary = simulate(&mut pod, s(1), vec![], |now, action| match action {
            Action::Probe(id, kind) => {
                vec![(s(0), Event::Probed(*id, *kind, Outcome::Failure("no".into())))]
            }
            other => stubborn(now, other),
        });
        assert_eq!(orders(&diary)[3], expected);
    }
}

#[test]
fn los_auxiliares_se_paran_los_ultimos_y_en_orden_inverso() {
    let mut custom = rules(Always, &["aux1", "aux2", "app1", "app2"]);
    custom.containers[0].kind = Kind::Sidecar;
    custom.containers[1].kind = Kind::Sidecar;
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete())], |_, action| match action {
        Action::Kill(id, Signal::Stop) => vec![(s(2), exited(*id, 0))],
        other => obedient(other),
    });
    assert_eq!(
        farewell(&diary, 5),
        [
            "   5s RunHook(0, PreStop)", // el preStop de un auxiliar no espera su turno
            "   5s Kill(2, Stop)",
            "   5s Kill(3, Stop)",
            "   7s Kill(1, Stop)",
            "   9s Kill(0, Stop)",
            "  11s StopSandbox",
        ]
    );
    assert_eq!(pod.phase(), Phase::Succeeded);
}

#[test]
fn agotado_el_plazo_los_auxiliares_reciben_la_senal_a_la_vez_y_dos_segundos() {
    let mut custom = rules(Always, &["aux1", "aux2", "app"]);
    custom.containers[0].kind = Kind::Sidecar;
    custom.containers[1].kind = Kind::Sidecar;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), stop(10))], |now, action| match action {
        Action::Kill(2, Signal::Kill) => vec![], // ni SIGKILL: está atascado en el kernel
        other => stubborn(now, other),
    });
    assert_eq!(
        farewell(&diary, 5),
        [
            "   5s Kill(2, Stop)",
            "  15s Kill(0, Stop)",
            "  15s Kill(1, Stop)",
            "  15s Kill(2, Kill)",
            "  17s Kill(0, Kill)",
            "  17s Kill(1, Kill)",
        ]
    );
    assert_eq!(pod.leaving().len(), 1);
    assert_eq!(pod.leaving()[0].container, "app");
}

#[test]
fn el_plazo_activo_cuenta_desde_que_nace_el_pod_y_lo_hace_fallar() {
    let mut custom = rules(Always, &["init", "app"]);
    custom.containers[0].kind = Kind::Init;
    custom.active_deadline = Some(s(20));
    let mut pod = Pod::new(custom);
    let plans = vec![(s(15), exited(0, 0))];
    let diary = simulate(&mut pod, s(99), plans, |_, action| match action {
        Action::Kill(id, Signal::Stop) => vec![(s(3), exited(*id, 0))],
        other => obedient(other),
    });
    assert_eq!(farewell(&diary, 16), ["  20s Kill(1, Stop)", "  23s StopSandbox"]);
    let status = pod.status();
    assert_eq!((status.phase, status.reason.as_str()), (Phase::Failed, "DeadlineExceeded"));
    assert_eq!(status.message, "el Pod ha estado activo más tiempo del permitido");
}

#[test]
fn la_fase_no_es_final_hasta_que_no_queda_ningun_proceso() {
    let mut custom = rules(Always, &["app"]);
    custom.active_deadline = Some(s(20));
    let mut pod = Pod::new(custom);
    simulate(&mut pod, s(30), vec![], stubborn);
    assert_eq!((pod.phase(), pod.status().reason.as_str()), (Phase::Running, ""));
    pod.step(s(50), exited(0, 0));
    assert_eq!((pod.phase(), pod.status().reason.as_str()), (Phase::Failed, "DeadlineExceeded"));
}

#[test]
fn un_pod_expulsado_falla_y_dice_por_que() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let reason = StopReason::Evicted("el volumen cache pasa de 10Mi".into());
    let plans = vec![(s(5), Event::StopRequested { grace: None, reason })];
    let diary = simulate(&mut pod, s(99), plans, stubborn);
    assert_eq!(farewell(&diary, 5)[..2], ["   5s Kill(0, Stop)", "   7s Kill(0, Kill)"]);
    let status = pod.status();
    assert_eq!((status.phase, status.reason.as_str()), (Phase::Failed, "Evicted"));
    assert_eq!(status.message, "el volumen cache pasa de 10Mi");
    assert!(!status.deleting);
}

#[test]
fn si_la_pausa_no_nace_el_pod_falla_entero() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(9), vec![], |_, action| match action {
        Action::StartSandbox => vec![(s(0), Event::SandboxFailed("no quedan direcciones".into()))],
        other => obedient(other),
    });
    assert_eq!(orders(&diary), ["   0s StartSandbox", "   0s StopSandbox"]);
    assert_eq!(pod.status().reason, "FailedCreatePodSandBox");
    assert_eq!(pod.phase(), Phase::Failed);
}

#[test]
fn si_la_pausa_muere_el_pod_falla_entero_y_sin_despedidas() {
    let mut custom = rules(Always, &["a", "b"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let died = Event::SandboxDied("la mató la señal 9".into());
    let diary = simulate(&mut pod, s(99), vec![(s(5), died)], kind);
    assert_eq!(farewell(&diary, 5), ["   5s Kill(0, Kill)", "   5s Kill(1, Kill)", "   5s StopSandbox"]);
    assert_eq!((pod.phase(), pod.status().reason.as_str()), (Phase::Failed, "SandboxChanged"));
    assert!(!condition(&pod, "PodReadyToStartContainers").0);
}

#[test]
fn si_la_pausa_muere_durante_la_despedida_no_se_espera_mas() {
    let mut custom = rules(Always, &["a", "b"]);
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let died = Event::SandboxDied("la mató la señal 9".into());
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete()), (s(8), died)], stubborn);
    assert_eq!(
        farewell(&diary, 8),
        ["   8s AbandonHook(0, PreStop)", "   8s Kill(1, Kill)", "   8s Kill(0, Kill)", "   8s StopSandbox",]
    );
}

#[test]
fn borrar_antes_de_que_exista_la_pausa_espera_a_saber_de_ella() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    let diary = simulate(&mut pod, s(9), vec![(s(1), delete())], |_, action| match action {
        Action::StartSandbox => vec![(s(3), Event::SandboxReady)],
        other => obedient(other),
    });
    assert_eq!(orders(&diary), ["   0s StartSandbox", "   3s StopSandbox"]);

    let mut pod = Pod::new(rules(Always, &["c"]));
    assert_eq!(pod.step(s(0), delete()), [Action::StopSandbox]);
}

#[test]
fn borrar_durante_el_post_start_lo_abandona_y_se_despide() {
    let mut custom = rules(Always, &["c"]);
    custom.containers[0].post_start = true;
    custom.containers[0].pre_stop = true;
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), delete())], |_, action| match action {
        Action::RunHook(_, HookKind::PostStart) => vec![],
        other => obedient(other),
    });
    assert_eq!(
        farewell(&diary, 5),
        [
            "   5s AbandonHook(0, PostStart)",
            "   5s RunHook(0, PreStop)",
            "   5s Kill(0, Stop)",
            "   5s StopSandbox",
        ]
    );
}

#[test]
fn borrar_durante_una_muerte_por_sonda_la_convierte_en_definitiva() {
    let mut custom = rules(Always, &["c"]);
    custom.containers[0].liveness = Some(probe(10, 1));
    let mut pod = Pod::new(custom);
    let diary = simulate(&mut pod, s(99), vec![(s(5), stop(10))], |now, action| match action {
        Action::Probe(id, kind) => vec![(s(0), Event::Probed(*id, *kind, Outcome::Failure("no".into())))],
        other => stubborn(now, other),
    });
    assert_eq!(orders(&diary)[3..], ["   0s Kill(0, Stop)", "  15s Kill(0, Kill)", "  15s StopSandbox"]);
}

#[test]
fn se_sabe_a_quien_se_espera_y_hasta_cuando() {
    let mut pod = Pod::new(rules(Always, &["a", "b"]));
    simulate(&mut pod, s(12), vec![(s(5), delete())], |now, action| match action {
        Action::Kill(0, Signal::Stop) => vec![(s(2), exited(0, 0))],
        other => stubborn(now, other),
    });
    let step = lifecycle::Step::Stopped { kill_at: s(35) };
    assert_eq!(pod.leaving(), [Leaving { container: "b".into(), step, deadline: Some(s(35)) }]);
}

#[test]
fn un_pod_que_se_borra_dice_cuando_se_pidio_y_con_que_plazo() {
    let mut pod = Pod::new(rules(Always, &["c"]));
    simulate(&mut pod, s(5), vec![(s(2), delete())], stubborn);
    let deletion = pod.status().deletion.expect("se está borrando");
    assert_eq!((deletion.requested, deletion.grace), (s(2), s(30)));
    let mut again = Pod::new(rules(Always, &["c"]));
    simulate(&mut again, s(5), vec![], kind);
    assert_eq!(again.status().deletion, None);
}
