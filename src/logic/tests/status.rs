//! Lo que se ve desde fuera: fases, condiciones, y las columnas de `get pods`.

use super::super::columns::columns;
use super::*;
use RestartPolicy::*;

fn kind(_: Duration, action: &Action) -> Answers {
    obedient(action)
}

#[test]
fn un_pod_recien_nacido_esta_pendiente_y_creandose() {
    let mut pod = Pod::new(rules(Always, &["a", "b"]));
    pod.step(s(0), Event::TimePassed);
    assert_eq!(pod.phase(), Phase::Pending);
    assert_eq!((reason(&pod, 0), reason(&pod, 1)), ("ContainerCreating".into(), "ContainerCreating".into()));
    assert_eq!(
        (columns(&pod.status()).ready, columns(&pod.status()).status),
        ("0/2".into(), "ContainerCreating".into())
    );
}

#[test]
fn mientras_un_contenedor_no_haya_corrido_nunca_el_pod_sigue_pendiente() {
    let mut pod = Pod::new(rules(Always, &["a", "b"]));
    simulate(&mut pod, s(1), vec![], |_, action| match action {
        Action::Start(1) => vec![],
        other => obedient(other),
    });
    assert_eq!(pod.phase(), Phase::Pending);
}

#[test]
fn las_condiciones_llevan_su_orden_y_su_hora() {
    let mut pod = Pod::new(rules(Always, &["a"]));
    simulate(&mut pod, s(9), vec![], |_, action| match action {
        Action::StartSandbox => vec![(s(2), Event::SandboxReady)],
        Action::Start(id) => vec![(s(3), Event::Started(*id))],
        other => obedient(other),
    });
    let seen: Vec<_> =
        pod.status().conditions.into_iter().map(|c| (c.kind, c.status, c.since.as_secs())).collect();
    // sin contenedores de inicialización, inicializado está desde el principio
    assert_eq!(
        seen,
        [
            ("PodReadyToStartContainers".to_string(), true, 2),
            ("Initialized".to_string(), true, 0),
            ("Ready".to_string(), true, 5),
            ("ContainersReady".to_string(), true, 5),
            ("PodScheduled".to_string(), true, 0),
        ]
    );
}

#[test]
fn un_pod_acabado_dice_por_que_no_esta_listo() {
    for (code, reason) in [(0, "PodCompleted"), (1, "PodFailed")] {
        let mut pod = Pod::new(rules(Never, &["a"]));
        simulate(&mut pod, s(9), vec![(s(4), exited(0, code))], kind);
        for name in ["Ready", "ContainersReady"] {
            assert_eq!(condition(&pod, name), (false, reason.into(), String::new(), 4));
        }
    }
}

#[test]
fn las_fases_finales_no_cambian() {
    let mut pod = Pod::new(rules(Never, &["a"]));
    simulate(&mut pod, s(9), vec![(s(4), exited(0, 0))], kind);
    let before = pod.status();
    for event in [delete(), exited(0, 1), Event::Started(0), Event::SandboxDied("tarde".into())] {
        assert_eq!(pod.step(s(20), event), []);
    }
    assert_eq!(pod.status(), before);
    assert_eq!(pod.next_deadline(), None);
}

#[test]
fn uno_corre_y_otro_acabo_bien_es_not_ready() {
    // el ejemplo two-container-pod.yaml de la documentación de Kubernetes
    let mut pod = Pod::new(rules(Never, &["nginx", "debian"]));
    simulate(&mut pod, s(9), vec![(s(4), exited(1, 0))], kind);
    let seen = columns(&pod.status());
    assert_eq!(pod.phase(), Phase::Running);
    assert_eq!((seen.ready.as_str(), seen.status.as_str(), seen.restarts), ("1/2", "NotReady", 0));
}

#[test]
fn si_ademas_otro_fallo_la_columna_dice_el_fallo() {
    let mut pod = Pod::new(rules(Never, &["bien", "mal", "corre"]));
    simulate(&mut pod, s(9), vec![(s(4), exited(0, 0)), (s(5), exited(1, 1))], kind);
    assert_eq!(columns(&pod.status()).status, "Error");
}

#[test]
fn la_columna_dice_lo_del_primero_que_tenga_algo_que_contar() {
    let mut pod = Pod::new(rules(Always, &["a", "cae"]));
    let plans = vec![(s(1), exited(1, 1)), (s(2), exited(1, 1))];
    simulate(&mut pod, s(9), plans, kind);
    let seen = columns(&pod.status());
    assert_eq!((seen.ready.as_str(), seen.status.as_str()), ("1/2", "CrashLoopBackOff"));
    assert_eq!((seen.restarts, seen.last_restart), (1, Some(s(2))));
}

#[test]
fn running_y_completed_y_terminating() {
    let mut pod = Pod::new(rules(OnFailure, &["a"]));
    simulate(&mut pod, s(1), vec![], kind);
    assert_eq!(columns(&pod.status()).status, "Running");
    pod.step(s(2), delete());
    assert_eq!(columns(&pod.status()).status, "Terminating");
    pod.step(s(3), exited(0, 0));
    assert_eq!((pod.phase(), columns(&pod.status()).status), (Phase::Succeeded, "Completed".into()));
}

#[test]
fn si_no_hay_razon_se_dice_la_senal_o_el_codigo() {
    let mut pod = Pod::new(rules(Never, &["a"]));
    simulate(&mut pod, s(9), vec![(s(4), exited(0, 7))], kind);
    let mut status = pod.status();
    let ContainerState::Terminated(ended) = &mut status.containers[0].state else {
        panic!("debería haber acabado")
    };
    ended.reason.clear();
    let mut signalled = ended.clone();
    assert_eq!(columns(&status).status, "ExitCode:7");
    signalled.signal = 9;
    status.containers[0].state = ContainerState::Terminated(signalled);
    assert_eq!(columns(&status).status, "Signal:9");
}

#[test]
fn la_razon_del_pod_gana_a_la_fase_si_ningun_contenedor_dice_nada() {
    let status = super::super::status::PodStatus {
        phase: Phase::Failed,
        reason: "Evicted".into(),
        ..Default::default()
    };
    assert_eq!(columns(&status).status, "Evicted");
}

#[test]
fn un_auxiliar_que_se_cae_despues_no_devuelve_el_pod_al_principio() {
    let mut custom = rules(Always, &["aux", "app"]);
    custom.containers[0].kind = Kind::Sidecar;
    let mut pod = Pod::new(custom);
    let plans = vec![(s(2), exited(0, 1)), (s(3), exited(0, 1))];
    simulate(&mut pod, s(9), plans, kind);
    assert_eq!(reason(&pod, 0), "CrashLoopBackOff");
    assert!(condition(&pod, "Initialized").0);
    assert_eq!(pod.phase(), Phase::Running);
    let seen = columns(&pod.status());
    // kubectl también lo cuenta como Init:…, con el de aplicación listo
    assert_eq!(
        (seen.ready.as_str(), seen.status.as_str(), seen.restarts),
        ("1/2", "Init:CrashLoopBackOff", 1)
    );
}

#[test]
fn sin_reinicios_no_se_dice_cuando_fue_el_ultimo() {
    let failure = StartFailure {
        reason: "RunContainerError".into(),
        message: "no existe".into(),
        exit_code: Some(127),
    };
    let mut pod = Pod::new(rules(Always, &["a"]));
    let mut first = true;
    simulate(&mut pod, s(9), vec![], |_, action| match action {
        Action::Start(id) if std::mem::take(&mut first) => {
            vec![(s(1), Event::StartFailed(*id, failure.clone()))]
        }
        Action::Start(_) => vec![],
        other => obedient(other),
    });
    let seen = columns(&pod.status());
    assert_eq!((seen.status.as_str(), seen.restarts, seen.last_restart), ("RunContainerError", 0, None));
    assert!(state(&pod, 0).last.is_some());
}

fn says(kind: &str, status: bool) -> Event {
    Event::ConditionSet(OutsideCondition {
        kind: kind.into(),
        status,
        reason: "Dicho".into(),
        message: String::new(),
    })
}

#[test]
fn con_readiness_gates_el_pod_no_esta_listo_hasta_que_alguien_de_fuera_lo_dice() {
    let mut rules = rules(Always, &["a"]);
    rules.readiness_gates = vec!["ejemplo.es/lista".into(), "otra".into()];
    let mut pod = Pod::new(rules);
    let told = |seconds, event| (s(seconds), event);
    let events = vec![
        told(4, says("ejemplo.es/lista", false)),
        told(6, says("ajena", true)),
        told(7, says("ejemplo.es/lista", true)),
    ];
    simulate(&mut pod, s(9), events, kind);
    assert!(condition(&pod, "ContainersReady").0, "los contenedores sí lo están");
    let missing = "nadie ha puesto aún la condición «otra» de sus readinessGates".to_string();
    assert_eq!(condition(&pod, "Ready"), (false, "ReadinessGatesNotReady".into(), missing, 0));
    // las que se han puesto se enseñan detrás de las suyas; las que nadie espera, no
    let kinds: Vec<_> = pod.status().conditions.into_iter().map(|c| (c.kind, c.since.as_secs())).collect();
    assert_eq!(kinds[5..], [("ejemplo.es/lista".to_string(), 7)]);

    pod.step(s(10), says("otra", true));
    assert_eq!(condition(&pod, "Ready"), (true, String::new(), String::new(), 10));
    // repetirla no la hace más nueva
    pod.step(s(11), says("otra", true));
    assert_eq!(condition(&pod, "otra").3, 10);
    pod.step(s(12), says("otra", false));
    let no = "la condición «otra» de sus readinessGates no es True: es False".to_string();
    assert_eq!(condition(&pod, "Ready"), (false, "ReadinessGatesNotReady".into(), no, 12));
    // si además falla un contenedor, eso es lo que se dice
    pod.step(s(13), exited(0, 1));
    assert_eq!(condition(&pod, "Ready").1, "ContainersNotReady");
}
