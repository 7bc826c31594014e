//! `micropod describe`: todo lo que se sabe de un Pod, con el orden y los nombres de kubectl.

use super::{age, get, pod_names, words};
use crate::cgroup;
use crate::error::{Error, exit};
use crate::logic::status::{ContainerState, ContainerStatus, Terminated};
use crate::logs::Civil;
use crate::spec::types::{Container, Probe, ResourceList, Volume};
use crate::state::{PodEvent, Seen};
use clap::ArgMatches;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

pub fn describe(args: &ArgMatches) -> Result<u8, Error> {
    let names = pod_names(&words(args, "POD"))?;
    for name in &names {
        print!("{}", text(&super::see(name)?));
    }
    Ok(exit::OK)
}

/// Líneas `clave: valor`, alineadas entre sí mientras son seguidas.
struct Page {
    out: String,
    block: Vec<(String, String)>,
}

impl Page {
    fn pair(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.block.push((key.into(), value.into()));
    }

    /// Una línea que no se alinea con nada: cierra el bloque anterior.
    fn line(&mut self, text: &str) {
        self.flush();
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn flush(&mut self) {
        let width = self.block.iter().map(|(k, _)| k.chars().count()).max().unwrap_or(0) + 2;
        for (key, value) in self.block.drain(..) {
            self.out.push_str(&format!("{key:<width$}{value}\n"));
        }
    }
}

fn text(seen: &Seen) -> String {
    let (record, status) = (&seen.record, &seen.live.status);
    let metadata = &record.pod.metadata;
    let mut page = Page { out: String::new(), block: Vec::new() };
    page.pair("Name:", &record.name);
    page.pair("Namespace:", "default");
    page.pair("Node:", get::node_name());
    page.pair("Start Time:", date(seen, Duration::ZERO));
    map(&mut page, "Labels:", &metadata.labels, "=");
    map(&mut page, "Annotations:", &metadata.annotations, ": ");
    page.pair("Status:", status.phase.to_string());
    if !status.reason.is_empty() {
        page.pair("Reason:", &status.reason);
        page.pair("Message:", &status.message);
    }
    let ip = record.network.as_ref().map_or("<none>".into(), |net| net.ip.to_string());
    page.pair("IP:", &ip);
    page.line("IPs:");
    page.line(&format!("  IP:  {ip}"));
    let spec = &record.pod.spec;
    if !spec.init_containers.is_empty() {
        containers(&mut page, "Init Containers:", &spec.init_containers, &status.init_containers, seen, 0);
    }
    containers(
        &mut page,
        "Containers:",
        &spec.containers,
        &status.containers,
        seen,
        spec.init_containers.len(),
    );
    page.line("Conditions:");
    page.pair("  Type", "Status");
    for condition in &status.conditions {
        page.pair(format!("  {} ", condition.kind), if condition.status { "True " } else { "False " });
    }
    page.flush();
    volumes(&mut page, &spec.volumes);
    page.pair("QoS Class:", cgroup::qos(spec).to_string());
    page.flush();
    events(&mut page, seen);
    page.out
}

fn map(page: &mut Page, key: &str, values: &BTreeMap<String, String>, joint: &str) {
    if values.is_empty() {
        return page.pair(key, "<none>");
    }
    for (i, (name, value)) in values.iter().enumerate() {
        page.pair(if i == 0 { key } else { "" }, format!("{name}{joint}{value}"));
    }
}

/// `Mon, 23 Nov 2026 16:10:00 +0000`.
fn date(seen: &Seen, at: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = seen.clock(at).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let civil = Civil::from_unix(seconds);
    let (day, month) = (DAYS[(civil.days % 7) as usize], MONTHS[(civil.month as usize - 1) % 12]);
    format!("{day}, {:02} {month} {} {} +0000", civil.day, civil.year, civil.time())
}

fn containers(
    page: &mut Page,
    title: &str,
    specs: &[Container],
    statuses: &[ContainerStatus],
    seen: &Seen,
    first: usize,
) {
    page.line(title);
    for (i, spec) in specs.iter().enumerate() {
        page.line(&format!("  {}:", spec.name));
        if let Some(process) = seen.live.processes.get(first + i).copied().flatten() {
            page.pair("    Process ID:", process.pid.to_string());
        }
        page.pair("    Image:", &spec.image);
        let ports: Vec<String> =
            spec.ports.iter().map(|p| format!("{}/{}", p.container_port, p.protocol)).collect();
        let title = if ports.len() > 1 { "    Ports:" } else { "    Port:" };
        page.pair(title, if ports.is_empty() { "<none>".into() } else { ports.join(", ") });
        listed(page, "    Command:", &spec.command);
        listed(page, "    Args:", &spec.args);
        if let Some(status) = statuses.get(i) {
            state(page, status, seen);
        }
        resources(page, "    Limits:", &spec.resources.limits);
        resources(page, "    Requests:", &spec.resources.requests);
        let probes = [
            ("    Liveness:", &spec.liveness_probe),
            ("    Readiness:", &spec.readiness_probe),
            ("    Startup:", &spec.startup_probe),
        ];
        for (title, probe) in probes {
            if let Some(probe) = probe {
                page.pair(title, probe_text(probe));
            }
        }
        if spec.env.is_empty() {
            page.pair("    Environment:", "<none>");
        } else {
            page.line("    Environment:");
            spec.env.iter().for_each(|e| page.pair(format!("      {}:", e.name), &e.value));
            page.flush();
        }
        if spec.volume_mounts.is_empty() {
            page.pair("    Mounts:", "<none>");
        } else {
            page.line("    Mounts:");
            for m in &spec.volume_mounts {
                let mode = if m.read_only { "ro" } else { "rw" };
                let sub = m.sub_path.as_ref().map(|s| format!(",path=\"{s}\"")).unwrap_or_default();
                page.line(&format!("      {} from {} ({mode}{sub})", m.mount_path, m.name));
            }
        }
        page.flush();
    }
}

fn listed(page: &mut Page, title: &str, words: &[String]) {
    if words.is_empty() {
        return;
    }
    page.line(title);
    for word in words {
        word.lines().for_each(|line| page.line(&format!("      {}", super::term::harmless(line))));
    }
}

fn state(page: &mut Page, status: &ContainerStatus, seen: &Seen) {
    match &status.state {
        ContainerState::Waiting { reason, message } => {
            page.pair("    State:", "Waiting");
            page.pair("      Reason:", reason);
            if !message.is_empty() {
                page.pair("      Message:", message);
            }
        }
        ContainerState::Running { since } => {
            page.pair("    State:", "Running");
            page.pair("      Started:", date(seen, *since));
        }
        ContainerState::Terminated(end) => terminated(page, "    State:", end, seen),
    }
    if let Some(last) = &status.last {
        terminated(page, "    Last State:", last, seen);
    }
    page.pair("    Ready:", if status.ready { "True" } else { "False" });
    page.pair("    Restart Count:", status.restart_count.to_string());
}

fn terminated(page: &mut Page, title: &str, end: &Terminated, seen: &Seen) {
    page.pair(title, "Terminated");
    page.pair("      Reason:", &end.reason);
    if !end.message.is_empty() {
        page.pair("      Message:", super::term::harmless(&end.message));
    }
    page.pair("      Exit Code:", end.exit_code.to_string());
    page.pair("      Started:", date(seen, end.started));
    page.pair("      Finished:", date(seen, end.finished));
}

fn resources(page: &mut Page, title: &str, list: &ResourceList) {
    let all = [("cpu", &list.cpu), ("memory", &list.memory), ("pids", &list.pids)];
    if all.iter().all(|(_, q)| q.is_none()) {
        return;
    }
    page.line(title);
    for (name, quantity) in all {
        if let Some(quantity) = quantity {
            page.pair(format!("      {name}:"), quantity.to_string());
        }
    }
    page.flush();
}

fn probe_text(probe: &Probe) -> String {
    let port = |p: &crate::spec::types::IntOrString| match p {
        crate::spec::types::IntOrString::Int(n) => n.to_string(),
        crate::spec::types::IntOrString::String(s) => s.clone(),
    };
    let how = match (&probe.exec, &probe.http_get, &probe.tcp_socket) {
        (Some(exec), ..) => format!("exec [{}]", exec.command.join(" ")),
        (_, Some(get), _) => {
            let host = get.host.clone().unwrap_or_default();
            format!("http-get http://{host}:{}{}", port(&get.port), get.path.as_deref().unwrap_or("/"))
        }
        (.., Some(tcp)) => format!("tcp-socket {}:{}", tcp.host.clone().unwrap_or_default(), port(&tcp.port)),
        _ => "unknown".into(),
    };
    let or = |n: Option<i64>, default: i64| n.filter(|n| *n != 0).unwrap_or(default);
    format!(
        "{how} delay={}s timeout={}s period={}s #success={} #failure={}",
        or(probe.initial_delay_seconds, 0),
        or(probe.timeout_seconds, 1),
        or(probe.period_seconds, 10),
        or(probe.success_threshold, 1),
        or(probe.failure_threshold, 3)
    )
}

fn volumes(page: &mut Page, volumes: &[Volume]) {
    if volumes.is_empty() {
        return page.line("Volumes:  <none>");
    }
    page.line("Volumes:");
    for volume in volumes {
        page.line(&format!("  {}:", volume.name));
        match &volume.host_path {
            Some(host) => {
                page.pair("    Type:", "HostPath (bare host directory volume)");
                page.pair("    Path:", &host.path);
            }
            None => {
                let empty = volume.empty_dir.clone().unwrap_or_default();
                page.pair("    Type:", "EmptyDir (a temporary directory that shares a pod's lifetime)");
                let medium = if empty.medium == crate::spec::types::Medium::Memory { "Memory" } else { "" };
                page.pair("    Medium:", medium);
                page.pair("    SizeLimit:", empty.size_limit.map_or("<unset>".into(), |q| q.to_string()));
            }
        }
        page.flush();
    }
}

fn events(page: &mut Page, seen: &Seen) {
    if seen.live.events.is_empty() {
        return page.line("Events:  <none>");
    }
    page.line("Events:");
    let header = ["Type", "Reason", "Age", "From", "Message"].map(String::from).to_vec();
    let dashes = ["----", "------", "----", "----", "-------"].map(String::from).to_vec();
    let rows: Vec<Vec<String>> =
        [header, dashes].into_iter().chain(seen.live.events.iter().map(|e| event(e, seen))).collect();
    for line in super::table::align(&rows, 2).lines() {
        page.line(&format!("  {line}"));
    }
}

fn event(event: &PodEvent, seen: &Seen) -> Vec<String> {
    let last = age::human(seen.since(event.last));
    let age = match event.count {
        1 => last,
        n => format!("{last} (x{n} over {})", age::human(seen.since(event.first))),
    };
    let kind = if event.note.warning { "Warning" } else { "Normal" };
    let message = event.note.message.lines().next().unwrap_or_default();
    vec![kind.into(), event.note.reason.clone(), age, "micropod".into(), super::term::harmless(message)]
}
