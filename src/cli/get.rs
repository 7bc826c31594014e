//! `micropod get`: los Pods en una tabla, o como se pidan, con las columnas y las formas de kubectl.

use super::pick::Pick;
use super::{LOOK_EVERY, age, events, term, words};
use crate::error::{Error, exit};
use crate::logic::columns::{self, Columns};
use crate::logic::rules::{Kind, init_kind};
use crate::logic::status::ContainerState;
use crate::object;
use crate::output::format::Format;
use crate::output::{sort, tabwriter};
use crate::state::Seen;
use clap::ArgMatches;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::{Duration, SystemTime};

pub fn get(args: &ArgMatches) -> Result<u8, Error> {
    super::require_root("mirar los Pods")?;
    if words(args, "POD").first().is_some_and(|word| events::is_kind(word)) {
        return events::get(args);
    }
    let wanted = Wanted::new(args)?;
    crate::gc::sweep_pending();
    if args.get_flag("watch") {
        return watch(&wanted);
    }
    let (mut seen, missing) = wanted.pick.look();
    if let Some(path) = &wanted.sort_by {
        sort::by(&mut seen, path, object::pod)?;
    }
    print!("{}", wanted.render(&seen, true)?);
    if wanted.format.is_table() {
        hints(&seen);
        if seen.is_empty() && missing.is_empty() {
            term::note(&wanted.pick.namespace.nothing("resources"));
        }
    }
    match missing.into_iter().next_back() {
        None => Ok(exit::OK),
        // los que sí están ya se han enseñado
        Some(last) => Err(last),
    }
}

/// Lo que se pide: qué Pods y cómo enseñarlos.
struct Wanted {
    pick: Pick,
    format: Format,
    headers: bool,
    label_columns: Vec<String>,
    show_labels: bool,
    sort_by: Option<String>,
}

impl Wanted {
    fn new(args: &ArgMatches) -> Result<Wanted, Error> {
        let columns = words(args, "label-columns");
        let wanted = Wanted {
            pick: Pick::new(args)?,
            format: Format::parse(args.get_one::<String>("output").map_or("", String::as_str))?,
            headers: !args.get_flag("no-headers"),
            label_columns: columns.iter().flat_map(|c| c.split(',')).map(String::from).collect(),
            show_labels: args.get_flag("show-labels"),
            sort_by: args.get_one("sort-by").cloned(),
        };
        if wanted.show_labels && !wanted.format.is_table() {
            return Err(Error::usage("--show-labels option cannot be used with this printer"));
        }
        Ok(wanted)
    }

    fn render(&self, seen: &[Seen], headers: bool) -> Result<String, Error> {
        let headers = headers && self.headers;
        if let Format::Table { wide } = self.format {
            let mut rows: Vec<Vec<String>> = seen.iter().map(|s| self.row(s, wide)).collect();
            if headers && !rows.is_empty() {
                rows.insert(0, self.header(wide));
            }
            return Ok(tabwriter::table(&rows));
        }
        if seen.is_empty() && !self.pick.names.is_empty() {
            return Ok(String::new());
        }
        let objects: Vec<Value> = seen.iter().map(object::pod).collect();
        self.format.render(objects, self.pick.names.len() == 1, headers)
    }

    fn header(&self, wide: bool) -> Vec<String> {
        let columns = &HEADERS[..if wide { HEADERS.len() } else { NARROW }];
        let mut headers = Vec::from_iter(self.pick.namespace.column("NAMESPACE"));
        headers.extend(columns.iter().map(|column| column.to_string()));
        let short = |label: &String| label.rsplit('/').next().unwrap_or(label).to_uppercase();
        headers.extend(self.label_columns.iter().map(short));
        if self.show_labels {
            headers.push("LABELS".into());
        }
        headers
    }

    fn row(&self, seen: &Seen, wide: bool) -> Vec<String> {
        let mut row = row(seen, wide);
        if let Some(namespace) = self.pick.namespace.column(seen.record.pod.metadata.namespace()) {
            row.insert(0, namespace);
        }
        let labels = &seen.record.pod.metadata.labels;
        row.extend(self.label_columns.iter().map(|label| labels.get(label).cloned().unwrap_or_default()));
        if self.show_labels {
            let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            row.push(if pairs.is_empty() { "<none>".into() } else { pairs.join(",") });
        }
        row
    }
}

/// Las columnas; las primeras [`NARROW`], siempre.
pub const HEADERS: [&str; 9] =
    ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"];
const NARROW: usize = 5;

/// La fila de un Pod: una celda por columna.
pub fn row(seen: &Seen, wide: bool) -> Vec<String> {
    row_at(seen, wide, SystemTime::now(), object::node_name())
}

/// La que tiene a las `now`, en esta máquina o en otra.
fn row_at(seen: &Seen, wide: bool, now: SystemTime, node: String) -> Vec<String> {
    // el reloj pudo cambiar: negativo, nunca
    let since = |at| age::human(now.duration_since(seen.clock(at)).unwrap_or_default());
    let Columns { ready, status, restarts, last_restart } = columns_of(seen);
    let restarts = match last_restart {
        Some(at) => format!("{restarts} ({} ago)", since(at)),
        None => restarts.to_string(),
    };
    let mut row = vec![seen.record.name.clone(), ready, status, restarts, since(Duration::ZERO)];
    if wide {
        let ip = seen.record.network.as_ref().map_or("<none>".into(), |net| net.ip.to_string());
        row.extend([ip, node, "<none>".into(), gates(seen)]);
    }
    row
}

/// Un Pod que está naciendo aún no ha apuntado sus contenedores: cuántos serán lo dice su especificación.
fn columns_of(seen: &Seen) -> Columns {
    let mut columns = columns::columns(&seen.live.status);
    if seen.live.status.containers.is_empty() {
        let spec = &seen.record.pod.spec;
        let sidecars = spec.init_containers.iter().filter(|c| init_kind(c) == Kind::Sidecar);
        columns.ready = format!("0/{}", spec.containers.len() + sidecars.count());
    }
    columns
}

/// `1/2`: de sus readinessGates, las que se cumplen.
fn gates(seen: &Seen) -> String {
    let gates = &seen.record.pod.spec.readiness_gates;
    let met = |kind: &str| seen.live.status.conditions.iter().any(|c| c.kind == kind && c.status);
    match gates.len() {
        0 => "<none>".into(),
        all => format!("{}/{all}", gates.iter().filter(|gate| met(&gate.condition_type)).count()),
    }
}

/// Debajo de la tabla, y solo para personas: por qué no va bien lo que no va bien.
fn hints(seen: &[Seen]) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    for Seen { record, live, .. } in seen {
        for container in live.status.all() {
            let (Some(last), ContainerState::Waiting { reason, .. }) = (&container.last, &container.state)
            else {
                continue;
            };
            term::note(&format!(
                "\n{}/{}: {reason}; la última vez salió con el código {} ({})\n     pista: sudo micropod logs {} -c {} -p",
                record.name, container.name, last.exit_code, last.reason, record.name, container.name
            ));
        }
    }
}

/// Enseña cada cambio hasta que se pulse Ctrl-C. La edad cambia sola: no es noticia.
fn watch(wanted: &Wanted) -> Result<u8, Error> {
    let (seen, mut missing) = wanted.pick.look();
    if let Some(error) = missing.pop() {
        return Err(error);
    }
    let mut shown: Vec<(Seen, Columns)> = Vec::new();
    let mut first = true;
    let mut pending = seen;
    loop {
        let now = std::mem::take(&mut pending);
        let gone = |(old, _): &(Seen, Columns)| !now.iter().any(|s| s.record.uid == old.record.uid);
        let (lost, kept): (Vec<_>, Vec<_>) = shown.into_iter().partition(gone);
        shown = kept;
        // como kubectl, de quien desaparece se repite lo último que se supo
        let mut news: Vec<Seen> = lost.into_iter().map(|(seen, _)| seen).collect();
        for seen in now {
            let columns = columns_of(&seen);
            match shown.iter_mut().find(|(old, _)| old.record.uid == seen.record.uid) {
                Some((old, before)) if is_same(wanted, (old, before), (&seen, &columns)) => continue,
                Some(known) => *known = (seen.clone(), columns),
                None => shown.push((seen.clone(), columns)),
            }
            news.push(seen);
        }
        for seen in news {
            let text = wanted.render(std::slice::from_ref(&seen), first)?;
            first = false;
            // si nadie lee, no hay nada que vigilar
            let mut out = std::io::stdout();
            if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
                return Ok(exit::OK);
            }
        }
        std::thread::sleep(LOOK_EVERY);
        pending = wanted.pick.present();
    }
}

fn is_same(wanted: &Wanted, (old, before): (&Seen, &Columns), (new, now): (&Seen, &Columns)) -> bool {
    match wanted.format.is_table() {
        true => before == now,
        false => object::pod(old) == object::pod(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::status::{Condition, ContainerStatus, Phase, PodStatus, Terminated};
    use crate::network::{PodNetwork, Subnet};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn container(name: &str, state: ContainerState) -> ContainerStatus {
        let ready = matches!(state, ContainerState::Running { .. });
        let name = name.to_string();
        ContainerStatus { name, sidecar: false, ready, started: ready, restart_count: 0, state, last: None }
    }

    /// El Pod de la tabla, a los cuatro minutos de nacer: php se ha caído cuatro veces.
    fn crashing() -> Seen {
        let mut seen = object::tests::simple_seen("nginx-php");
        let end = Terminated {
            exit_code: 137,
            signal: 9,
            reason: "OOMKilled".into(),
            message: String::new(),
            started: s(110),
            finished: s(112),
        };
        let waiting = ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: String::new() };
        let php = ContainerStatus { restart_count: 4, last: Some(end), ..container("php", waiting) };
        let initialized = Condition {
            kind: "Initialized".into(),
            status: true,
            reason: String::new(),
            message: String::new(),
            since: s(0),
        };
        seen.live.status = PodStatus {
            phase: Phase::Running,
            conditions: vec![initialized],
            containers: vec![container("nginx", ContainerState::Running { since: s(1) }), php],
            ..PodStatus::default()
        };
        let ip = std::net::Ipv4Addr::new(10, 244, 0, 5);
        seen.record.network = Some(PodNetwork::new(Subnet::DEFAULT, ip));
        seen
    }

    #[test]
    fn la_tabla_ancha_es_byte_a_byte_la_de_kubectl() {
        let seen = crashing();
        let now = seen.clock(s(240));
        let headers = HEADERS.map(String::from).to_vec();
        let wide = row_at(&seen, true, now, "aula-01".into());
        assert_eq!(
            tabwriter::table(&[headers.clone(), wide.clone()]),
            "NAME        READY   STATUS             RESTARTS       AGE   IP           NODE      NOMINATED NODE   READINESS GATES\n\
             nginx-php   1/2     CrashLoopBackOff   4 (2m8s ago)   4m    10.244.0.5   aula-01   <none>           <none>\n"
        );
        let narrow = row_at(&seen, false, now, "aula-01".into());
        assert_eq!(
            tabwriter::table(&[headers[..NARROW].to_vec(), narrow.clone()]),
            "NAME        READY   STATUS             RESTARTS       AGE\n\
             nginx-php   1/2     CrashLoopBackOff   4 (2m8s ago)   4m\n"
        );
        assert_eq!(narrow[..], wide[..NARROW]);
    }

    #[test]
    fn de_un_pod_que_esta_naciendo_ya_se_sabe_cuantos_contenedores_tendra() {
        let mut seen = crashing();
        seen.live.status = PodStatus::default();
        let all = seen.record.pod.spec.containers.len();
        assert!(all > 0);
        assert_eq!(row_at(&seen, false, seen.clock(s(1)), "aula-01".into())[1], format!("0/{all}"));
    }
}
