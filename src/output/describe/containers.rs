//! Los contenedores: qué son, cómo están, qué pueden gastar y cómo se les pregunta.

use super::{Page, env, flag, list, number, seccomp, text, text_or};
use crate::output::time::Now;
use serde_json::Value;

pub(super) fn describe(
    page: &mut Page,
    title: &str,
    specs: &Value,
    statuses: &Value,
    pod: &Value,
    now: &Now,
) {
    page.line(0, title);
    for spec in list(specs) {
        let status = list(statuses).iter().find(|status| status["name"] == spec["name"]);
        identity(page, spec, status);
        words(page, "Command:", &spec["command"]);
        words(page, "Args:", &spec["args"]);
        if let Some(status) = status {
            state(page, status, now);
        }
        resources(page, 2, &spec["resources"], None);
        for (title, probe) in [
            ("Liveness", &spec["livenessProbe"]),
            ("Readiness", &spec["readinessProbe"]),
            ("Startup", &spec["startupProbe"]),
        ] {
            if probe.is_object() {
                page.line(2, &format!("{title}:\t{}", probe_text(probe)));
            }
        }
        env::describe(page, spec, pod);
        mounts(page, spec);
    }
}

fn identity(page: &mut Page, spec: &Value, status: Option<&Value>) {
    page.line(1, &format!("{}:", text(&spec["name"])));
    if let Some(status) = status {
        page.line(2, &format!("Container ID:\t{}", text(&status["containerID"])));
    }
    page.line(2, &format!("Image:\t{}", text(&spec["image"])));
    if let Some(status) = status {
        page.line(2, &format!("Image ID:\t{}", text(&status["imageID"])));
    }
    for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let port = |port: &Value| format!("{}/{}", number(&port[field]), text_or(&port["protocol"], "TCP"));
        let ports: Vec<String> = list(&spec["ports"]).iter().map(port).collect();
        let plural = if ports.len() > 1 { "s" } else { "" };
        let ports = if ports.is_empty() { "<none>".into() } else { ports.join(", ") };
        page.line(2, &format!("{title}{plural}:\t{ports}"));
    }
    seccomp(page, 2, &spec["securityContext"]["seccompProfile"]);
}

fn words(page: &mut Page, title: &str, words: &Value) {
    let words = list(words);
    if !words.is_empty() {
        page.line(2, title);
    }
    for line in words.iter().flat_map(|word| text(word).split('\n')) {
        page.line(3, line);
    }
}

fn state(page: &mut Page, status: &Value, now: &Now) {
    one_state(page, "State", &status["state"], now);
    if status["lastState"]["terminated"].is_object() {
        one_state(page, "Last State", &status["lastState"], now);
    }
    page.line(2, &format!("Ready:\t{}", if flag(&status["ready"]) { "True" } else { "False" }));
    page.line(2, &format!("Restart Count:\t{}", number(&status["restartCount"])));
}

fn one_state(page: &mut Page, title: &str, state: &Value, now: &Now) {
    let (running, ended) = (&state["running"], &state["terminated"]);
    if running.is_object() {
        page.line(2, &format!("{title}:\tRunning"));
        page.line(3, &format!("Started:\t{}", now.date(running["startedAt"].as_str())));
    } else if ended.is_object() && !state["waiting"].is_object() {
        page.line(2, &format!("{title}:\tTerminated"));
        for (title, value) in [("Reason", &ended["reason"]), ("Message", &ended["message"])] {
            if !text(value).is_empty() {
                page.line(3, &format!("{title}:\t{}", text(value)));
            }
        }
        page.line(3, &format!("Exit Code:\t{}", number(&ended["exitCode"])));
        if number(&ended["signal"]) > 0 {
            page.line(3, &format!("Signal:\t{}", number(&ended["signal"])));
        }
        page.line(3, &format!("Started:\t{}", now.date(ended["startedAt"].as_str())));
        page.line(3, &format!("Finished:\t{}", now.date(ended["finishedAt"].as_str())));
    } else {
        page.line(2, &format!("{title}:\tWaiting"));
        let reason = text(&state["waiting"]["reason"]);
        if !reason.is_empty() {
            page.line(3, &format!("Reason:\t{reason}"));
        }
    }
}

/// Límites y peticiones. `title`: la línea de encima, si hay algo que decir.
pub(super) fn resources(page: &mut Page, level: usize, resources: &Value, title: Option<&str>) {
    if !resources.is_object() {
        return;
    }
    if let Some(title) = title {
        page.line(level - 1, title);
    }
    for (title, list) in [("Limits:", &resources["limits"]), ("Requests:", &resources["requests"])] {
        let Some(list) = list.as_object().filter(|list| !list.is_empty()) else { continue };
        page.line(level, title);
        for (name, quantity) in list {
            page.line(level + 1, &format!("{name}:\t{}", text(quantity)));
        }
    }
}

fn probe_text(probe: &Value) -> String {
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number(&probe["initialDelaySeconds"]),
        number(&probe["timeoutSeconds"]),
        number(&probe["periodSeconds"]),
        number(&probe["successThreshold"]),
        number(&probe["failureThreshold"])
    );
    let how = if probe["exec"].is_object() {
        let words: Vec<&str> = list(&probe["exec"]["command"]).iter().map(text).collect();
        format!("exec [{}]", words.join(" "))
    } else if probe["httpGet"].is_object() {
        format!("http-get {}", url(&probe["httpGet"]))
    } else if probe["tcpSocket"].is_object() {
        format!("tcp-socket {}:{}", text(&probe["tcpSocket"]["host"]), port(&probe["tcpSocket"]["port"]))
    } else if probe["grpc"].is_object() {
        format!("grpc <pod>:{} {}", number(&probe["grpc"]["port"]), text(&probe["grpc"]["service"]))
    } else {
        "unknown".into()
    };
    format!("{how} {attributes}")
}

fn port(port: &Value) -> String {
    port.as_str().map_or_else(|| number(port).to_string(), String::from)
}

fn url(get: &Value) -> String {
    let scheme = text_or(&get["scheme"], "HTTP").to_lowercase();
    let host = text(&get["host"]);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    let path = text(&get["path"]);
    let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{host}:{}{slash}{}", port(&get["port"]), percent(path))
}

/// Una ruta dentro de una URL: lo que no cabe en ella, en hexadecimal.
fn percent(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@' => {
                out.push(char::from(byte))
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn mounts(page: &mut Page, spec: &Value) {
    let mut mounts: Vec<&Value> = list(&spec["volumeMounts"]).iter().collect();
    crate::order::sort_by_key(&mut mounts, |mount| text(&mount["mountPath"]));
    page.line(2, if mounts.is_empty() { "Mounts:\t<none>" } else { "Mounts:" });
    for mount in mounts {
        let mode = if flag(&mount["readOnly"]) { "ro" } else { "rw" };
        let sub = match text(&mount["subPath"]) {
            "" => String::new(),
            sub => format!(",path={sub:?}"),
        };
        page.line(3, &format!("{} from {} ({mode}{sub})", text(&mount["mountPath"]), text(&mount["name"])));
    }
}
