//! El Pod como objeto de Kubernetes: el que enseñan `get -o yaml`, jsonpath y `describe`.
//!
//! Se hace en un solo sitio, con lo que dice la ficha y lo que publica el supervisor. Los nombres,
//! las formas y los valores predeterminados son los de Kubernetes; lo que Kubernetes no tiene va en
//! anotaciones o no está.

mod defaults;
mod quantity;

use crate::cgroup;
use crate::logic::status::{Condition, ContainerState, ContainerStatus, Terminated};
use crate::process::ContainerPlan;
use crate::spec::fields::Data;
use crate::state::{PodEvent, Seen};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// El espacio de nombres de Kubernetes de quien no dice el suyo.
pub const NAMESPACE: &str = "default";

/// El objeto entero.
pub fn pod(seen: &Seen) -> Value {
    let record = &seen.record;
    let mut spec = record.pod.spec.write();
    defaults::apply(&mut spec, &record.base);
    spec["nodeName"] = json!(node_name());
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata(seen), "spec": spec, "status": status(seen)})
}

/// Varios objetos, como los devuelve kubectl.
pub fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})
}

/// Los sucesos del Pod, del más viejo al más nuevo.
pub fn events(seen: &Seen) -> Vec<Value> {
    seen.live.events.iter().enumerate().map(|(i, event)| self::event(seen, event, i)).collect()
}

/// El nombre de esta máquina, que hace de nodo.
pub fn node_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string()
}

/// Un instante del Pod, como hora del reloj y sin decimales, como en Kubernetes.
fn clock(seen: &Seen, at: Duration) -> Value {
    let stamp = crate::logs::timestamp(seen.clock(at));
    json!(stamp.split_once('.').map_or(stamp.clone(), |(seconds, _)| format!("{seconds}Z")))
}

/// Sin los campos vacíos: Kubernetes no los escribe.
fn compact(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    Value::Object(map.into_iter().filter(|(_, value)| !empty(value)).collect::<Map<_, _>>())
}

fn metadata(seen: &Seen) -> Value {
    let (record, given) = (&seen.record, &seen.record.pod.metadata);
    let deletion = seen.live.status.deletion;
    let owner = record.owner.as_ref().map(|owner| {
        let group = if owner.kind == "ReplicaSet" { "apps/v1" } else { "batch/v1" };
        json!([{"apiVersion": group, "kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": true,
                "blockOwnerDeletion": true}])
    });
    compact(json!({
        "name": record.name,
        "ownerReferences": owner,
        "namespace": given.namespace(),
        "uid": record.uid,
        "labels": given.labels,
        "annotations": given.annotations,
        "creationTimestamp": clock(seen, Duration::ZERO),
        "deletionTimestamp": deletion.map(|d| clock(seen, d.requested.saturating_add(d.grace))),
        "deletionGracePeriodSeconds": deletion.map(|d| d.grace.as_secs()),
    }))
}

fn status(seen: &Seen) -> Value {
    let (record, status) = (&seen.record, &seen.live.status);
    let host_ip = crate::network::host_ip(record.network.as_ref()).to_string();
    let ip = record.network.as_ref().map_or_else(|| host_ip.clone(), |net| net.ip.to_string());
    let (init_plans, rest) = record.plans.split_at(status.init_containers.len().min(record.plans.len()));
    let (app_plans, ephemeral_plans) = rest.split_at(status.containers.len().min(rest.len()));
    let all = |statuses: &[ContainerStatus], plans: &[ContainerPlan]| {
        let each = statuses.iter().zip(plans).map(|(status, plan)| container_status(seen, status, plan));
        each.collect::<Vec<_>>()
    };
    let mut guests = all(&status.ephemeral_containers, ephemeral_plans);
    // de un efímero, Kubernetes no dice si ha arrancado
    guests.iter_mut().filter_map(Value::as_object_mut).for_each(|guest| drop(guest.remove("started")));
    compact(json!({
        "phase": status.phase.to_string(),
        "reason": status.reason,
        "message": status.message,
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": clock(seen, Duration::ZERO),
        "qosClass": cgroup::qos(&record.pod.spec).to_string(),
        "conditions": status.conditions.iter().map(|c| condition(seen, c)).collect::<Vec<_>>(),
        "initContainerStatuses": all(&status.init_containers, init_plans),
        "containerStatuses": all(&status.containers, app_plans),
        "ephemeralContainerStatuses": guests,
    }))
}

fn condition(seen: &Seen, condition: &Condition) -> Value {
    let mut value = compact(json!({
        "type": condition.kind,
        "status": if condition.status { "True" } else { "False" },
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": clock(seen, condition.since),
    }));
    value["lastProbeTime"] = Value::Null;
    value
}

fn container_status(seen: &Seen, status: &ContainerStatus, plan: &ContainerPlan) -> Value {
    let life = |life: u32| format!("micropod://{}/{}/{life}", seen.record.uid, plan.name);
    let now = status.restart_count;
    // la vida anterior es la última si la que viene aún no ha empezado
    let (current, before) = match &status.state {
        ContainerState::Waiting { .. } => (status.last.as_ref().map(|_| now), now),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => (Some(now), now.saturating_sub(1)),
    };
    let state = match &status.state {
        ContainerState::Waiting { reason, message } => {
            json!({"waiting": compact(json!({"reason": reason, "message": message}))})
        }
        ContainerState::Running { since } => json!({"running": {"startedAt": clock(seen, *since)}}),
        ContainerState::Terminated(end) => json!({"terminated": terminated(seen, end, life(now))}),
    };
    let last = status.last.as_ref().map(|end| json!({"terminated": terminated(seen, end, life(before))}));
    let mut value = json!({
        "name": status.name,
        "image": plan.image,
        "imageID": format!("file://{}", plan.lower.display()),
        "ready": status.ready,
        "started": status.started,
        "restartCount": now,
        "state": state,
        "lastState": last.unwrap_or_else(|| json!({})),
    });
    if let Some(current) = current {
        value["containerID"] = json!(life(current));
    }
    value
}

fn terminated(seen: &Seen, end: &Terminated, id: String) -> Value {
    // la señal ya está en el código (128 + n), y en Kubernetes tampoco se ve aparte
    compact(json!({
        "exitCode": end.exit_code,
        "reason": end.reason,
        "message": end.message,
        "startedAt": clock(seen, end.started),
        "finishedAt": clock(seen, end.finished),
        "containerID": id,
    }))
}

fn event(seen: &Seen, event: &PodEvent, number: usize) -> Value {
    let record = &seen.record;
    let note = &event.note;
    let field = note.container.as_ref().map(|name| format!("spec.containers{{{name}}}"));
    let message: Vec<&str> = note.message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{number:x}", record.name),
            "namespace": record.pod.metadata.namespace(),
            "creationTimestamp": clock(seen, event.first),
        },
        "involvedObject": compact(json!({
            "apiVersion": "v1", "kind": "Pod", "name": record.name,
            "namespace": record.pod.metadata.namespace(), "uid": record.uid,
            "fieldPath": field,
        })),
        "type": if note.warning { "Warning" } else { "Normal" },
        "reason": note.reason,
        "message": message.join("; "),
        "count": event.count,
        "firstTimestamp": clock(seen, event.first),
        "lastTimestamp": clock(seen, event.last),
        "source": {"component": "micropod", "host": node_name()},
        "reportingComponent": "micropod",
        "reportingInstance": node_name(),
    })
}

#[cfg(test)]
pub mod tests;
