//! Las columnas de `get pods`, con los casos con los que Kubernetes prueba las suyas (`TestPrintPod`).

use super::*;
use crate::logic::columns::columns;
use crate::logic::status::{Condition, ContainerState, ContainerStatus, PodStatus, Terminated};

/// Hace cuánto, contado desde un ahora lejano.
const NOW: u64 = 100 * 86_400;

fn ended(reason: &str, code: i32) -> ContainerState {
    let (started, finished) = (s(0), s(0));
    ContainerState::Terminated(Terminated {
        exit_code: code,
        signal: 0,
        reason: reason.into(),
        message: String::new(),
        started,
        finished,
    })
}

fn waiting(reason: &str) -> ContainerState {
    ContainerState::Waiting { reason: reason.into(), message: String::new() }
}

fn running() -> ContainerState {
    ContainerState::Running { since: s(0) }
}

/// Un contenedor: listo, reinicios, estado y hace cuántos segundos acabó su vida anterior.
fn one(ready: bool, restarts: u32, state: ContainerState, ago: Option<u64>) -> ContainerStatus {
    let last = ago.map(|ago| match ended("", 0) {
        ContainerState::Terminated(end) => Terminated { finished: s(NOW - ago), ..end },
        _ => unreachable!(),
    });
    ContainerStatus {
        name: "c".into(),
        sidecar: false,
        ready,
        started: false,
        restart_count: restarts,
        state,
        last,
    }
}

fn sidecar(started: bool, restarts: u32, state: ContainerState, ago: Option<u64>) -> ContainerStatus {
    ContainerStatus { sidecar: true, started, ..one(false, restarts, state, ago) }
}

fn pod(phase: Phase, init: Vec<ContainerStatus>, apps: Vec<ContainerStatus>) -> PodStatus {
    PodStatus { phase, init_containers: init, containers: apps, ..PodStatus::default() }
}

fn with(mut pod: PodStatus, kind: &str, status: bool) -> PodStatus {
    let (reason, message) = (String::new(), String::new());
    pod.conditions.push(Condition { kind: kind.into(), status, reason, message, since: s(0) });
    pod
}

/// READY, STATUS y RESTARTS, con el `(… ago)` en segundos.
#[track_caller]
fn shows(pod: PodStatus, expected: &str) {
    let found = columns(&pod);
    let restarts = match found.last_restart {
        Some(at) => format!("{} ({}s ago)", found.restarts, NOW - at.as_secs()),
        None => found.restarts.to_string(),
    };
    assert_eq!(format!("{} {} {restarts}", found.ready, found.status), expected);
}

#[test]
fn cuentan_los_listos_que_corren_y_manda_el_primero_que_tenga_algo_que_decir() {
    use Phase::*;
    let apps = |a, b| vec![a, b];
    let good = || one(true, 3, running(), None);
    shows(pod(Pending, vec![], apps(good(), one(false, 3, waiting(""), None))), "1/2 Pending 6");
    shows(pod(Pending, vec![], apps(good(), one(false, 3, waiting("Espera"), None))), "1/2 Espera 6");
    let both = apps(one(false, 3, waiting("Espera"), None), one(false, 3, ended("Fin", 0), None));
    shows(pod(Pending, vec![], both), "0/2 Espera 6");
    // estar listo no basta: ha de correr
    shows(pod(Pending, vec![], apps(good(), one(true, 3, waiting(""), None))), "1/2 Pending 6");
    let reason = PodStatus {
        reason: "Motivo".into(),
        ..pod(Pending, vec![], apps(good(), one(true, 3, waiting(""), None)))
    };
    shows(reason, "1/2 Motivo 6");
}

#[test]
fn un_contenedor_acabado_y_otro_en_marcha_es_notready_salvo_que_el_pod_este_listo() {
    let two = || {
        let apps = vec![one(true, 3, ended("Completed", 0), None), one(true, 3, running(), None)];
        pod(Phase::Running, vec![], apps)
    };
    shows(two(), "1/2 NotReady 6");
    shows(with(two(), "Ready", true), "1/2 Running 6");
}

#[test]
fn mientras_inicializa_cuentan_los_reinicios_de_los_de_inicializacion() {
    use Phase::*;
    let idle = || vec![one(false, 0, waiting(""), None)];
    let again = || one(false, 3, running(), Some(10));
    shows(pod(Pending, vec![again()], idle()), "0/1 Init:0/1 3 (10s ago)");
    shows(pod(Pending, vec![again(), one(false, 0, waiting(""), None)], idle()), "0/1 Init:0/2 3 (10s ago)");
    shows(pod(Pending, vec![one(false, 0, ended("", 0), None), again()], idle()), "0/1 Init:1/2 3 (10s ago)");
    shows(
        pod(Pending, vec![one(false, 2, ended("", 0), Some(120)), again()], idle()),
        "0/1 Init:1/2 5 (10s ago)",
    );
    // ya inicializado, los suyos no cuentan
    let done = vec![one(false, 2, ended("", 0), Some(120))];
    shows(pod(Running, done, vec![one(false, 4, running(), Some(20))]), "0/1 Running 4 (20s ago)");
}

#[test]
fn la_edad_del_reinicio_es_la_del_ultimo_de_todos() {
    let day = 86_400;
    let apps = |list| pod(Phase::Running, vec![], list);
    shows(apps(vec![one(true, 3, running(), Some(5 * day))]), "1/1 Running 3 (432000s ago)");
    shows(
        apps(vec![one(true, 0, running(), None), one(true, 3, running(), Some(10 * day))]),
        "2/2 Running 3 (864000s ago)",
    );
    let both = vec![one(true, 6, running(), Some(5 * day)), one(true, 3, running(), Some(20 * day))];
    shows(apps(both), "2/2 Running 9 (432000s ago)");
}

#[test]
fn un_pod_que_se_borra_es_terminating_hasta_que_acaba() {
    let deleted =
        |phase, state| PodStatus { deleting: true, ..pod(phase, vec![], vec![one(false, 0, state, None)]) };
    shows(pod(Phase::Succeeded, vec![], vec![one(false, 0, ended("Completed", 0), None)]), "0/1 Completed 0");
    shows(pod(Phase::Failed, vec![], vec![one(false, 0, ended("Error", 1), None)]), "0/1 Error 0");
    shows(deleted(Phase::Succeeded, ended("Completed", 0)), "0/1 Completed 0");
    shows(deleted(Phase::Running, running()), "0/1 Terminating 0");
    shows(deleted(Phase::Pending, waiting("")), "0/1 Terminating 0");
}

#[test]
fn los_auxiliares_cuentan_en_ready_y_en_los_reinicios() {
    use Phase::*;
    let idle = || vec![one(false, 0, waiting(""), None)];
    let starting = with(
        pod(
            Pending,
            vec![sidecar(false, 3, running(), Some(10)), sidecar(false, 0, waiting(""), None)],
            idle(),
        ),
        "Initialized",
        false,
    );
    shows(starting, "0/3 Init:0/2 3 (10s ago)");
    let second = vec![sidecar(true, 3, running(), Some(10)), sidecar(false, 0, running(), None)];
    shows(with(pod(Pending, second, idle()), "Initialized", false), "0/3 Init:1/2 3 (10s ago)");
    let both = vec![sidecar(true, 3, running(), Some(10)), sidecar(true, 0, running(), None)];
    let up = pod(Running, both, vec![one(true, 4, running(), Some(20))]);
    shows(with(up, "Initialized", true), "1/3 Running 7 (10s ago)");
    let dead =
        vec![sidecar(false, 3, ended("Error", 137), Some(10)), sidecar(false, 0, ended("Error", 137), None)];
    let over = pod(Succeeded, dead, vec![one(false, 4, ended("Completed", 0), Some(20))]);
    shows(with(over, "Initialized", true), "0/3 Completed 7 (10s ago)");
}

#[test]
fn si_un_auxiliar_se_cae_los_que_van_detras_dejan_de_contarse() {
    let ready = ContainerStatus { ready: true, ..sidecar(true, 2, running(), None) };
    let fallen = sidecar(false, 5, waiting("CrashLoopBackOff"), Some(10));
    let status = pod(Phase::Running, vec![fallen, ready], vec![one(true, 0, running(), None)]);
    shows(with(status, "Initialized", true), "1/3 Init:CrashLoopBackOff 5 (10s ago)");
}
