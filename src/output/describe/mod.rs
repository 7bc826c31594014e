//! La ficha de un Pod (`micropod describe`), con el orden, los nombres y los huecos de kubectl.
//!
//! Se escribe desde el objeto de Kubernetes, no desde las estructuras de micropod: con el mismo
//! objeto, kubectl imprime lo mismo.

mod containers;
mod env;
pub mod kernel;
mod volumes;

use super::tabwriter::{PAGE, align};
use super::time::Now;
use serde_json::Value;

/// Una anotación más larga se escribe en su propia línea, y más allá no se escribe.
const MAX_ANNOTATION: usize = 140;

/// La ficha de `pod`, con sus sucesos.
pub fn pod(pod: &Value, events: &[Value], now: &Now) -> String {
    let mut page = Page::default();
    header(&mut page, pod, now);
    let (spec, status) = (&pod["spec"], &pod["status"]);
    containers::resources(&mut page, 1, &spec["resources"], Some("Resources:"));
    if !list(&spec["initContainers"]).is_empty() {
        let statuses = &status["initContainerStatuses"];
        containers::describe(&mut page, "Init Containers:", &spec["initContainers"], statuses, pod, now);
    }
    containers::describe(
        &mut page,
        "Containers:",
        &spec["containers"],
        &status["containerStatuses"],
        pod,
        now,
    );
    if !list(&spec["ephemeralContainers"]).is_empty() {
        let (specs, statuses) = (&spec["ephemeralContainers"], &status["ephemeralContainerStatuses"]);
        containers::describe(&mut page, "Ephemeral Containers:", specs, statuses, pod, now);
    }
    conditions(&mut page, pod);
    volumes::describe(&mut page, &spec["volumes"]);
    page.line(0, &format!("QoS Class:\t{}", text(&status["qosClass"])));
    labels(&mut page, "Node-Selectors", &spec["nodeSelector"]);
    tolerations(&mut page, &spec["tolerations"]);
    if events.is_empty() {
        page.line(0, "Events:\t<none>");
    }
    page.finish() + &self::events(events, now)
}

/// Líneas con sus tabuladores, que se alinean al final.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Dos espacios por nivel, y lo que haga falta para que nadie mande sobre la terminal.
    fn line(&mut self, level: usize, line: &str) {
        self.text.extend(std::iter::repeat_n("  ", level));
        self.text.push_str(&escaped(line));
        self.text.push('\n');
    }

    fn finish(self) -> String {
        align(&self.text, PAGE)
    }
}

/// Lo que un texto ajeno podría mandar a la terminal, a la vista. Los saltos de línea se quedan.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\u{1b}' => out.push_str("^["),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// El texto de un valor; vacío si no está.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// El texto, o lo que se escribe cuando no hay.
fn text_or<'a>(value: &'a Value, default: &'a str) -> &'a str {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or(default)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Un entero, como se imprime; 0 si no está.
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false)
}

fn header(page: &mut Page, pod: &Value, now: &Now) {
    let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
    page.line(0, &format!("Name:\t{}", text(&metadata["name"])));
    page.line(0, &format!("Namespace:\t{}", text(&metadata["namespace"])));
    if let Some(priority) = spec["priority"].as_i64() {
        page.line(0, &format!("Priority:\t{priority}"));
    }
    for (title, value) in [
        ("Priority Class Name", &spec["priorityClassName"]),
        ("Runtime Class Name", &spec["runtimeClassName"]),
        ("Service Account", &spec["serviceAccountName"]),
    ] {
        if !text(value).is_empty() {
            page.line(0, &format!("{title}:\t{}", text(value)));
        }
    }
    match text(&spec["nodeName"]) {
        "" => page.line(0, "Node:\t<none>"),
        node => page.line(0, &format!("Node:\t{node}/{}", text(&status["hostIP"]))),
    }
    if let Some(start) = status["startTime"].as_str() {
        page.line(0, &format!("Start Time:\t{}", now.date(Some(start))));
    }
    labels(page, "Labels", &metadata["labels"]);
    annotations(page, &metadata["annotations"]);
    status_lines(page, pod, now);
    seccomp(page, 0, &spec["securityContext"]["seccompProfile"]);
    page.line(0, &format!("IP:\t{}", text(&status["podIP"])));
    match list(&status["podIPs"]) {
        [] => page.line(0, "IPs:\t<none>"),
        ips => {
            page.line(0, "IPs:");
            ips.iter().for_each(|ip| page.line(1, &format!("IP:\t{}", text(&ip["ip"]))));
        }
    }
    let owner = list(&metadata["ownerReferences"]).iter().find(|owner| flag(&owner["controller"]));
    if let Some(owner) = owner {
        page.line(0, &format!("Controlled By:\t{}/{}", text(&owner["kind"]), text(&owner["name"])));
    }
}

fn status_lines(page: &mut Page, pod: &Value, now: &Now) {
    let (metadata, status) = (&pod["metadata"], &pod["status"]);
    let phase = text(&status["phase"]);
    match metadata["deletionTimestamp"].as_str() {
        Some(deleted) if phase != "Failed" && phase != "Succeeded" => {
            let grace = number(&metadata["deletionGracePeriodSeconds"]);
            let lasts = now.leaving_since(deleted, grace);
            page.line(0, &format!("Status:\tTerminating (lasts {lasts})"));
            page.line(0, &format!("Termination Grace Period:\t{grace}s"));
        }
        _ => page.line(0, &format!("Status:\t{phase}")),
    }
    for (title, value) in [("Reason", &status["reason"]), ("Message", &status["message"])] {
        if !text(value).is_empty() {
            page.line(0, &format!("{title}:\t{}", text(value)));
        }
    }
}

fn seccomp(page: &mut Page, level: usize, profile: &Value) {
    let Some(kind) = profile["type"].as_str() else { return };
    page.line(level, &format!("SeccompProfile:\t{kind}"));
    if let Some(file) = profile["localhostProfile"].as_str() {
        // en un contenedor, un nivel más adentro
        let level = if level == 0 { 0 } else { level + 1 };
        page.line(level, &format!("LocalhostProfile:\t{file}"));
    }
}

fn labels(page: &mut Page, title: &str, labels: &Value) {
    match labels.as_object().filter(|labels| !labels.is_empty()) {
        None => page.line(0, &format!("{title}:\t<none>")),
        Some(labels) => {
            for (i, (key, value)) in labels.iter().enumerate() {
                let title = if i == 0 { format!("{title}:") } else { String::new() };
                page.line(0, &format!("{title}\t{key}={}", text(value)));
            }
        }
    }
}

fn annotations(page: &mut Page, annotations: &Value) {
    const HIDDEN: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let shown = annotations.as_object().into_iter().flatten().filter(|(key, _)| *key != HIDDEN);
    let mut title = "Annotations:";
    for (key, value) in shown {
        let value = text(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        if value.len() + key.len() + 2 > MAX_ANNOTATION || value.contains('\n') {
            page.line(0, &format!("{title}\t{key}:"));
            for line in value.split('\n') {
                page.line(0, &format!("\t  {}", shortened(line)));
            }
        } else {
            page.line(0, &format!("{title}\t{key}: {value}"));
        }
        title = "";
    }
    if !title.is_empty() {
        page.line(0, "Annotations:\t<none>");
    }
}

/// Corta por bytes, como kubectl, pero nunca a mitad de una letra.
fn shortened(line: &str) -> String {
    const MAX: usize = MAX_ANNOTATION - 2;
    if line.len() <= MAX {
        return line.to_string();
    }
    let cut = (0..=MAX).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", &line[..cut])
}

fn conditions(page: &mut Page, pod: &Value) {
    let conditions = list(&pod["status"]["conditions"]);
    let gates = list(&pod["spec"]["readinessGates"]);
    if !gates.is_empty() {
        page.line(0, "Readiness Gates:\n  Type\tStatus");
        for gate in gates {
            let found = conditions.iter().find(|c| c["type"] == gate["conditionType"]);
            let status = found.map_or("<none>", |c| text(&c["status"]));
            page.line(1, &format!("{} \t{status} ", text(&gate["conditionType"])));
        }
    }
    if !conditions.is_empty() {
        page.line(0, "Conditions:\n  Type\tStatus");
        for condition in conditions {
            page.line(1, &format!("{} \t{} ", text(&condition["type"]), text(&condition["status"])));
        }
    }
}

fn tolerations(page: &mut Page, tolerations: &Value) {
    let mut sorted: Vec<&Value> = list(tolerations).iter().collect();
    crate::order::sort_by_key(&mut sorted, |toleration| text(&toleration["key"]));
    if sorted.is_empty() {
        return page.line(0, "Tolerations:\t<none>");
    }
    for (i, toleration) in sorted.iter().enumerate() {
        let title = if i == 0 { "Tolerations:" } else { "" };
        let (key, value, effect) =
            (text(&toleration["key"]), text(&toleration["value"]), text(&toleration["effect"]));
        let mut line = format!("{title}\t{key}");
        if !value.is_empty() {
            line.push_str(&format!("={value}"));
        }
        if !effect.is_empty() {
            line.push_str(&format!(":{effect}"));
        }
        if toleration["operator"] == "Exists" && value.is_empty() {
            line.push_str(if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if let Some(seconds) = toleration["tolerationSeconds"].as_i64() {
            line.push_str(&format!(" for {seconds}s"));
        }
        page.line(0, &line);
    }
}

/// Los sucesos, del más viejo al más nuevo. Se alinean por su cuenta.
fn events(events: &[Value], now: &Now) -> String {
    if events.is_empty() {
        return String::new();
    }
    let mut page = Page::default();
    page.line(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage");
    page.line(1, "----\t------\t----\t----\t-------");
    let mut sorted: Vec<&Value> = events.iter().collect();
    crate::order::sort_by_key(&mut sorted, |event| text(&event["lastTimestamp"]));
    for event in sorted {
        let first = now.since(event["firstTimestamp"].as_str());
        let age = match number(&event["count"]) {
            count @ 2.. => format!("{} (x{count} over {first})", now.since(event["lastTimestamp"].as_str())),
            _ => first,
        };
        let from = text_or(&event["source"]["component"], text(&event["reportingComponent"]));
        let (kind, reason) = (text(&event["type"]), text(&event["reason"]));
        page.line(1, &format!("{kind}\t{reason}\t{age}\t{from}\t{}", text(&event["message"]).trim()));
    }
    page.finish()
}
