use super::*;
use crate::logic::Note;
use crate::logic::status::{Deletion, Phase, PodStatus};
use crate::output::jsonpath::text_of;
use crate::spec::types::Pod;
use crate::state::{Live, ProcessId, Record};
use std::path::PathBuf;

fn plan(name: &str) -> ContainerPlan {
    let lower = PathBuf::from("/imagenes/busybox/rootfs");
    ContainerPlan { name: name.into(), image: "busybox".into(), lower, ..ContainerPlan::default() }
}

/// Un Pod con un contenedor `c`, nacido el 2026-11-23 a las 16:10:03.
fn seen(spec: Value, status: PodStatus) -> Seen {
    let pod = json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec});
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let record = Record {
        format: 1,
        name: "web".into(),
        uid: "u-1".into(),
        plans: pod.spec.containers.iter().map(|c| plan(&c.name)).collect(),
        pod,
        base: PathBuf::from("/casa"),
        born: 1_795_450_203_250,
        supervisor: ProcessId { pid: 1, start: 0 },
        cgroup: None,
        network: None,
        owner: None,
        runtime: Default::default(),
        remove: false,
    };
    Seen { record, live: Live { status, ..Live::default() }, supervised: true }
}

/// Un Pod cualquiera que corre.
pub fn simple_seen(name: &str) -> Seen {
    let mut seen = seen(simple(), PodStatus::default());
    seen.record.name = name.into();
    seen
}

fn simple() -> Value {
    json!({"containers": [{"name": "c", "image": "busybox"}]})
}

#[track_caller]
fn holds(object: &Value, facts: &[(&str, &str)]) {
    for (pointer, expected) in facts {
        let found = object.pointer(pointer).unwrap_or_else(|| panic!("no está {pointer} en {object:#}"));
        assert_eq!(text_of(found), *expected, "{pointer}");
    }
}

#[test]
fn lo_que_nadie_dice_vale_lo_mismo_que_en_kubernetes() {
    let spec = json!({
        "containers": [{
            "name": "c", "image": "busybox",
            "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": "250m"}},
            "livenessProbe": {"httpGet": {"port": 80}, "timeoutSeconds": 0},
        }],
        "volumes": [{"name": "v"}, {"name": "h", "hostPath": {"path": "datos"}}],
    });
    holds(
        &pod(&seen(spec, PodStatus::default())),
        &[
            ("/spec/restartPolicy", "Always"),
            ("/spec/terminationGracePeriodSeconds", "30"),
            ("/spec/containers/0/ports/0/protocol", "TCP"),
            ("/spec/containers/0/resources/limits/cpu", "500m"),
            ("/spec/containers/0/resources/requests/cpu", "250m"),
            ("/spec/containers/0/resources/requests/memory", "1Gi"),
            ("/spec/containers/0/livenessProbe/timeoutSeconds", "1"),
            ("/spec/containers/0/livenessProbe/failureThreshold", "3"),
            ("/spec/containers/0/livenessProbe/httpGet/path", "/"),
            ("/spec/volumes/0/emptyDir", "{}"),
            ("/spec/volumes/1/hostPath/path", "/casa/datos"),
            ("/status/qosClass", "Burstable"),
        ],
    );
}

#[test]
fn los_instantes_del_estado_son_horas_del_reloj() {
    let object = pod(&seen(simple(), PodStatus { phase: Phase::Running, ..PodStatus::default() }));
    holds(&object, &[("/metadata/creationTimestamp", "2026-11-23T16:10:03Z"), ("/status/phase", "Running")]);
    assert_eq!(object.pointer("/metadata/deletionTimestamp"), None);
    let deletion = Some(Deletion { requested: Duration::from_secs(60), grace: Duration::from_secs(30) });
    let object = pod(&seen(simple(), PodStatus { deleting: true, deletion, ..PodStatus::default() }));
    holds(
        &object,
        &[
            ("/metadata/deletionTimestamp", "2026-11-23T16:11:33Z"),
            ("/metadata/deletionGracePeriodSeconds", "30"),
        ],
    );
}

fn ended(reason: &str, code: i32, at: u64) -> Terminated {
    let finished = Duration::from_secs(at);
    let (reason, message) = (reason.into(), String::new());
    Terminated { exit_code: code, signal: 9, reason, message, started: Duration::ZERO, finished }
}

#[test]
fn cada_vida_de_un_contenedor_tiene_su_identidad() {
    let status = |state, last| ContainerStatus {
        name: "c".into(),
        sidecar: false,
        ready: false,
        started: false,
        restart_count: 2,
        state,
        last,
    };
    let shown = |state, last| {
        let containers = vec![status(state, last)];
        pod(&seen(simple(), PodStatus { containers, ..PodStatus::default() }))["status"]["containerStatuses"]
            [0]
        .clone()
    };
    let running = ContainerState::Running { since: Duration::from_secs(5) };
    holds(
        &shown(running, Some(ended("Error", 1, 4))),
        &[
            ("/containerID", "micropod://u-1/c/2"),
            ("/lastState/terminated/containerID", "micropod://u-1/c/1"),
            ("/state/running/startedAt", "2026-11-23T16:10:08Z"),
            ("/imageID", "file:///imagenes/busybox/rootfs"),
        ],
    );
    let waiting = || ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: String::new() };
    let waits = shown(waiting(), Some(ended("OOMKilled", 137, 4)));
    holds(
        &waits,
        &[
            ("/containerID", "micropod://u-1/c/2"),
            ("/lastState/terminated/containerID", "micropod://u-1/c/2"),
            ("/lastState/terminated/exitCode", "137"),
            ("/state/waiting", "{\"reason\":\"CrashLoopBackOff\"}"),
        ],
    );
    assert_eq!(waits.pointer("/lastState/terminated/signal"), None, "137 ya lo dice");
    assert_eq!(shown(waiting(), None).get("containerID"), None, "aún no ha vivido");
}

#[test]
fn un_suceso_dice_de_que_contenedor_habla_y_cabe_en_una_linea() {
    let mut seen = seen(simple(), PodStatus::default());
    let note = Note {
        warning: true,
        reason: "Failed".into(),
        container: Some("c".into()),
        message: "no se pudo\n  causa: porque no\n".into(),
    };
    for at in [3, 5, 8] {
        seen.live.record(note.clone(), Duration::from_secs(at));
    }
    holds(
        &events(&seen)[0],
        &[
            ("/involvedObject/fieldPath", "spec.containers{c}"),
            ("/type", "Warning"),
            ("/message", "no se pudo; causa: porque no"),
            ("/count", "3"),
            ("/firstTimestamp", "2026-11-23T16:10:06Z"),
            ("/lastTimestamp", "2026-11-23T16:10:11Z"),
        ],
    );
}
