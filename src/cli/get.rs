//! `micropod get`: los Pods en una tabla, con las columnas de kubectl.

use super::{age, pod_names, table, term, words};
use crate::error::{Error, exit};
use crate::logic::columns;
use crate::logic::status::{Condition, ContainerState, ContainerStatus, Terminated};
use crate::logs::timestamp;
use crate::state::{self, Seen};
use clap::ArgMatches;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;

pub fn get(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("mirar los Pods", "get pods")?;
    crate::gc::sweep_pending();
    let names = pod_names(&words(args, "POD"))?;
    let format = args.get_one::<String>("output").map_or("", String::as_str);
    if args.get_flag("watch") {
        return watch(&names, format == "wide");
    }
    let seen = match names.is_empty() {
        true => state::see_all(),
        false => names.iter().map(|name| super::see(name)).collect::<Result<_, _>>()?,
    };
    if seen.is_empty() {
        term::note("No resources found in default namespace.");
        return Ok(exit::OK);
    }
    match format {
        "name" => seen.iter().for_each(|s| println!("pod/{}", s.record.name)),
        "json" => println!("{}", to_json(&seen, names.len() == 1)),
        format => {
            let mut rows = rows(&seen, format == "wide");
            if args.get_flag("no-headers") {
                rows.remove(0);
            }
            print!("{}", table::align(&rows, 3));
            hints(&seen);
        }
    }
    Ok(exit::OK)
}

fn rows(seen: &[Seen], wide: bool) -> Vec<Vec<String>> {
    let mut headers = vec!["NAME", "READY", "STATUS", "RESTARTS", "AGE"];
    if wide {
        headers.extend(["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]);
    }
    let headers = headers.into_iter().map(String::from).collect();
    std::iter::once(headers).chain(seen.iter().map(|s| row(s, wide))).collect()
}

fn row(seen: &Seen, wide: bool) -> Vec<String> {
    let columns = columns::columns(&seen.live.status);
    let restarts = match columns.last_restart {
        Some(at) => format!("{} ({} ago)", columns.restarts, age::human(seen.since(at))),
        None => columns.restarts.to_string(),
    };
    let mut row = vec![
        seen.record.name.clone(),
        columns.ready,
        columns.status,
        restarts,
        age::human(seen.since(Duration::ZERO)),
    ];
    if wide {
        let ip = seen.record.network.as_ref().map_or("<none>".into(), |net| net.ip.to_string());
        row.extend([ip, node_name(), "<none>".into(), "<none>".into()]);
    }
    row
}

/// El nombre de esta máquina, que hace de nodo.
pub fn node_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string()
}

/// Debajo de la tabla, y solo para personas: por qué no va bien lo que no va bien.
fn hints(seen: &[Seen]) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    for Seen { record, live, .. } in seen {
        for container in &live.status.containers {
            let (Some(last), ContainerState::Waiting { reason, .. }) = (&container.last, &container.state)
            else {
                continue;
            };
            term::note(&format!(
                "\n{}/{}: {reason}; la última vez salió con el código {} ({})\n     pista: micropod logs {} -c {} -p",
                record.name, container.name, last.exit_code, last.reason, record.name, container.name
            ));
        }
    }
}

/// Enseña cada cambio hasta que se pulse Ctrl-C.
fn watch(names: &[String], wide: bool) -> Result<u8, Error> {
    let mut shown: Vec<(String, Vec<String>)> = Vec::new();
    let mut first = true;
    loop {
        let seen =
            state::see_all().into_iter().filter(|s| names.is_empty() || names.contains(&s.record.name));
        for seen in seen {
            let row = row(&seen, wide);
            // la edad cambia sola: no es noticia
            let news: Vec<String> =
                row.iter().enumerate().filter(|(i, _)| *i != 4).map(|(_, c)| c.clone()).collect();
            let known = shown.iter_mut().find(|(uid, _)| *uid == seen.record.uid);
            match known {
                Some((_, before)) if *before == news => continue,
                Some((_, before)) => *before = news,
                None => shown.push((seen.record.uid.clone(), news)),
            }
            let mut out = rows(std::slice::from_ref(&seen), wide);
            if !std::mem::take(&mut first) {
                let widths = out.remove(0);
                out[0] = out[0]
                    .iter()
                    .zip(&widths)
                    .map(|(cell, h)| format!("{cell:<w$}", w = h.chars().count()))
                    .collect();
            }
            print!("{}", table::align(&out, 3));
            use std::io::Write;
            // si nadie lee, no hay nada que vigilar
            if std::io::stdout().flush().is_err() {
                return Ok(exit::OK);
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn to_json(seen: &[Seen], single: bool) -> String {
    let mut objects: Vec<Value> = seen.iter().map(object).collect();
    let value = match (single, objects.pop()) {
        (true, Some(only)) => only,
        (_, last) => {
            objects.extend(last);
            json!({"apiVersion": "v1", "kind": "List", "items": objects, "metadata": {"resourceVersion": ""}})
        }
    };
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

/// El Pod con la forma del objeto de Kubernetes.
pub fn object(seen: &Seen) -> Value {
    let (record, status) = (&seen.record, &seen.live.status);
    let metadata = &record.pod.metadata;
    let clock = |at: Duration| json!(timestamp(seen.clock(at)).split('.').next().map(|t| format!("{t}Z")));
    let condition = |c: &Condition| {
        json!({"type": c.kind, "status": if c.status { "True" } else { "False" }, "reason": c.reason, "message": c.message,
               "lastTransitionTime": clock(c.since)})
    };
    let terminated = |t: &Terminated| {
        json!({"exitCode": t.exit_code, "signal": t.signal, "reason": t.reason, "message": t.message,
               "startedAt": clock(t.started), "finishedAt": clock(t.finished)})
    };
    let container = |c: &ContainerStatus| {
        let state = match &c.state {
            ContainerState::Waiting { reason, message } => {
                json!({"waiting": {"reason": reason, "message": message}})
            }
            ContainerState::Running { since } => json!({"running": {"startedAt": clock(*since)}}),
            ContainerState::Terminated(end) => json!({"terminated": terminated(end)}),
        };
        let last = c.last.as_ref().map_or(json!({}), |end| json!({"terminated": terminated(end)}));
        json!({"name": c.name, "ready": c.ready, "started": c.started, "restartCount": c.restart_count,
               "state": state, "lastState": last})
    };
    let ip = record.network.as_ref().map(|net| net.ip.to_string());
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": record.name, "namespace": "default", "uid": record.uid,
            "labels": metadata.labels, "annotations": metadata.annotations, "creationTimestamp": clock(Duration::ZERO),
        },
        "spec": record.pod.spec,
        "status": {
            "phase": status.phase.to_string(), "reason": status.reason, "message": status.message,
            "podIP": ip, "startTime": clock(Duration::ZERO), "qosClass": crate::cgroup::qos(&record.pod.spec).to_string(),
            "conditions": status.conditions.iter().map(condition).collect::<Vec<_>>(),
            "initContainerStatuses": status.init_containers.iter().map(container).collect::<Vec<_>>(),
            "containerStatuses": status.containers.iter().map(container).collect::<Vec<_>>(),
        },
    })
}
