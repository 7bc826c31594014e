//! `get`, `describe` y `delete` de ReplicaSets, Jobs y CronJobs, con las columnas de kubectl.

use super::namespace::Namespace;
use super::{age, table, term, words};
use crate::control::{self, Request};
use crate::controller::state::{self, Controller, SetStatus};
use crate::error::{Error, exit};
use crate::object::NAMESPACE;
use crate::spec::objects::{KINDS, Kind};
use crate::spec::types::Object;
use clap::ArgMatches;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lo que se pide de un controlador: `rs`, `job suma`, `cronjob/copia`.
pub struct Wanted {
    kind: &'static Kind,
    names: Vec<String>,
    namespace: Namespace,
}

const CONTROLLERS: [&str; 3] = ["ReplicaSet", "Job", "CronJob"];

/// ¿Se habla de controladores? Las palabras son las de la línea de comandos: `rs web`, `job/suma`.
pub fn wanted(args: &ArgMatches) -> Option<Wanted> {
    let words = words(args, "POD");
    let controllers =
        |name: &str| KINDS.iter().find(|k| k.aliases.contains(&name) && CONTROLLERS.contains(&k.name));
    let (first, namespace) = (words.first()?, Namespace::new(args));
    if let Some(kind) = controllers(first) {
        return Some(Wanted { kind, names: words[1..].to_vec(), namespace });
    }
    let kind = controllers(first.split_once('/')?.0)?;
    let name = |word: &String| word.split_once('/').map_or(word.clone(), |(_, name)| name.to_string());
    Some(Wanted { kind, names: words.iter().map(name).collect(), namespace })
}

impl Wanted {
    /// Los que hay: todos los de su clase o, si se han nombrado, esos.
    fn find(&self) -> Result<Vec<Item>, Error> {
        super::require_root("mirar los controladores")?;
        crate::gc::sweep_pending();
        let all = self.items();
        if self.names.is_empty() {
            return Ok(all);
        }
        self.names.iter().map(|name| self.one(&all, name)).collect()
    }

    /// Los de su clase y su espacio de nombres.
    fn items(&self) -> Vec<Item> {
        let ours = |item: &Item| self.namespace.is_about(item.namespace());
        items(self.kind.name).into_iter().filter(ours).collect()
    }

    fn one(&self, all: &[Item], name: &str) -> Result<Item, Error> {
        all.iter().find(|item| item.name == *name).cloned().ok_or_else(|| {
            let plural = self.kind.aliases[1];
            let group = if self.kind.name == "ReplicaSet" { "apps" } else { "batch" };
            let what = format!(
                "Error from server (NotFound): {plural}.{group} \"{}\" not found",
                term::harmless(name)
            );
            Error::failed(what).with_hint(format!("mira los que hay con `micropod get {plural}`"))
        })
    }
}

/// Un controlador, o un Job de un CronJob.
#[derive(Clone)]
struct Item {
    name: String,
    controller: Controller,
    /// Su grupo de Pods; un CronJob no lo tiene.
    set: Option<SetStatus>,
}

impl Item {
    fn namespace(&self) -> &str {
        self.controller.record.object.metadata().map_or(NAMESPACE, |metadata| metadata.namespace())
    }
}

fn items(kind: &str) -> Vec<Item> {
    let mut found = Vec::new();
    for controller in state::see_all() {
        let own = controller.kind();
        if own == kind {
            let (name, set) = (controller.name().to_string(), controller.status.sets.first().cloned());
            let set = set.filter(|_| own != "CronJob");
            found.push(Item { name, set, controller });
        } else if own == "CronJob" && kind == "Job" {
            found.extend(controller.status.sets.iter().map(|set| Item {
                name: set.name.clone(),
                set: Some(set.clone()),
                controller: controller.clone(),
            }));
        }
    }
    found
}

pub fn get(wanted: &Wanted, args: &ArgMatches) -> Result<u8, Error> {
    let items = wanted.find()?;
    if items.is_empty() {
        term::note(&wanted.namespace.nothing("resources"));
        return Ok(exit::OK);
    }
    let kind = wanted.kind.name;
    match args.get_one::<String>("output").map_or("", String::as_str) {
        "" | "wide" => {
            let of = |namespace: &str, cells: Vec<String>| -> Vec<String> {
                wanted.namespace.column(namespace).into_iter().chain(cells).collect()
            };
            let mut rows = vec![of("NAMESPACE", headers(kind))];
            rows.extend(items.iter().map(|item| of(item.namespace(), row(kind, item))));
            if args.get_flag("no-headers") {
                rows.remove(0);
            }
            print!("{}", table::align(&rows, 3));
        }
        "name" => items.iter().for_each(|item| println!("{}/{}", group_name(kind), item.name)),
        other => {
            return Err(Error::usage(format!("«-o {other}» no vale para un {kind}"))
                .with_hint("las tablas y -o name; de sus Pods, `micropod get pods -o json`"));
        }
    }
    Ok(exit::OK)
}

fn group_name(kind: &str) -> String {
    let group = if kind == "ReplicaSet" { "apps" } else { "batch" };
    format!("{}.{group}", kind.to_lowercase())
}

fn headers(kind: &str) -> Vec<String> {
    let names: &[&str] = match kind {
        "ReplicaSet" => &["NAME", "DESIRED", "CURRENT", "READY", "AGE"],
        "Job" => &["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"],
        _ => &["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"],
    };
    names.iter().map(|name| name.to_string()).collect()
}

fn row(kind: &str, item: &Item) -> Vec<String> {
    let (record, status) = (&item.controller.record, &item.controller.status);
    let since = |at: Duration| {
        let born = UNIX_EPOCH + Duration::from_millis(record.born) + at;
        age::human(SystemTime::now().duration_since(born).unwrap_or_default())
    };
    let mut row = vec![item.name.clone()];
    match (&record.object, &item.set) {
        (_, Some(set)) if kind == "ReplicaSet" => {
            row.extend([set.desired, set.current, set.ready].map(|n| n.to_string()));
            row.push(since(set.born));
        }
        (object, Some(set)) => {
            row.push(job_status(set).to_string());
            row.push(completions(object, set));
            row.push(match set.finished {
                Some(end) => age::human(end.saturating_sub(set.born)),
                None => since(set.born),
            });
            row.push(since(set.born));
        }
        (Object::CronJob(cron), None) => {
            let active = status.sets.iter().filter(|set| set.verdict.is_none()).count();
            let last = status.last_schedule.map(|at| {
                let at = UNIX_EPOCH + Duration::from_secs(at.unsigned_abs());
                age::human(SystemTime::now().duration_since(at).unwrap_or_default())
            });
            row.extend([cron.spec.schedule.clone(), "<none>".into()]);
            row.push(if cron.spec.suspend { "True".into() } else { "False".into() });
            row.extend([active.to_string(), last.unwrap_or_else(|| "<none>".into()), since(Duration::ZERO)]);
        }
        // está naciendo: aún no ha dicho nada
        (_, None) => {}
    }
    row
}

fn job_status(set: &SetStatus) -> &str {
    set.verdict.as_ref().map_or("Running", |(verdict, _)| verdict)
}

/// `2/3`, o como lo escribe kubectl cuando no se pidió un número: `1/1 of 2`.
fn completions(object: &Object, set: &SetStatus) -> String {
    let spec = match object {
        Object::Job(job) => &job.spec,
        Object::CronJob(cron) => &cron.spec.job_template.spec,
        Object::Pod(_)
        | Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::ReplicaSet(_)
        | Object::List(_) => {
            return String::new();
        }
    };
    match (spec.completions, spec.parallelism) {
        (Some(wanted), _) => format!("{}/{wanted}", set.succeeded),
        (None, Some(parallelism)) if parallelism > 1 => format!("{}/1 of {parallelism}", set.succeeded),
        (None, _) => format!("{}/1", set.succeeded),
    }
}

pub fn describe(wanted: &Wanted) -> Result<u8, Error> {
    for item in wanted.find()? {
        let kind = wanted.kind.name;
        let record = &item.controller.record;
        let mut rows: Vec<[String; 2]> = Vec::new();
        let mut pair = |key: &str, value: String| rows.push([format!("{key}:"), value]);
        pair("Name", item.name.clone());
        pair("Namespace", item.namespace().to_string());
        if let Object::ReplicaSet(set) = &record.object {
            let selector = &set.spec.selector.match_labels;
            pair("Selector", selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","));
        }
        if let (Object::CronJob(_), "Job") = (&record.object, kind) {
            pair("Controlled By", format!("CronJob/{}", item.controller.name()));
        }
        for (header, cell) in headers(kind).iter().zip(row(kind, &item)).skip(1) {
            let mut words = header.to_lowercase();
            words[..1].make_ascii_uppercase();
            pair(&words, cell);
        }
        if let Some(set) = &item.set {
            if kind == "Job" {
                pair(
                    "Pods Statuses",
                    format!("{} Active / {} Succeeded / {} Failed", set.current, set.succeeded, set.failed),
                );
            }
            if let Some((verdict, why)) = set.verdict.as_ref().filter(|(_, why)| !why.is_empty()) {
                pair("Message", format!("{verdict}: {why}"));
            }
            pair("Pods", if set.pods.is_empty() { "<none>".into() } else { set.pods.join(", ") });
        } else if kind == "CronJob" {
            let jobs: Vec<&str> = item.controller.status.sets.iter().map(|s| s.name.as_str()).collect();
            pair("Jobs", if jobs.is_empty() { "<none>".into() } else { jobs.join(", ") });
        }
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        print!("{}", table::align(&rows, 2));
        print!("{}", events(&item.controller));
    }
    Ok(exit::OK)
}

fn events(controller: &Controller) -> String {
    let events = &controller.status.events;
    if events.is_empty() {
        return "Events:  <none>\n".into();
    }
    let since = |at: Duration| {
        let at = UNIX_EPOCH + Duration::from_millis(controller.record.born) + at;
        age::human(SystemTime::now().duration_since(at).unwrap_or_default())
    };
    let mut rows = vec![["Type", "Reason", "Age", "Message"].map(String::from).to_vec()];
    rows.push(["----", "------", "----", "-------"].map(String::from).to_vec());
    for event in events {
        let kind = if event.note.warning { "Warning" } else { "Normal" };
        let age = match event.count {
            1 => since(event.last),
            n => format!("{} (x{n} over {})", since(event.last), since(event.first)),
        };
        rows.push(vec![kind.into(), event.note.reason.clone(), age, event.note.message.clone()]);
    }
    let lines: String = table::align(&rows, 2).lines().map(|line| format!("  {line}\n")).collect();
    format!("Events:\n{lines}")
}

/// `delete -f`: si el objeto es un controlador, lo borra.
pub fn delete_object(object: &Object, args: &ArgMatches) -> Result<(), Error> {
    let kind = KINDS.iter().find(|k| k.name == object.kind() && CONTROLLERS.contains(&k.name));
    let (Some(kind), Some(metadata)) = (kind, object.metadata()) else { return Ok(()) };
    delete(&Wanted { kind, names: vec![metadata.name.clone()], namespace: Namespace::new(args) }, args)
        .map(|_| ())
}

pub fn delete(wanted: &Wanted, args: &ArgMatches) -> Result<u8, Error> {
    if wanted.names.is_empty() {
        let kind = wanted.kind.aliases[0];
        return Err(Error::usage(format!("falta el nombre del {}", wanted.kind.name))
            .with_hint(format!("micropod delete {kind} NOMBRE")));
    }
    let all = wanted.items();
    let mut found = Vec::new();
    for name in &wanted.names {
        match wanted.one(&all, name) {
            Err(_) if args.get_flag("ignore-not-found") => continue,
            Err(error) => return Err(error),
            Ok(item) => found.push(item),
        }
    }
    if args.get_flag("now") || args.get_flag("force") || args.get_one::<String>("grace-period").is_some() {
        let what = "el plazo es para el controlador, como en Kubernetes";
        super::term::note(&format!("aviso: {what}: sus Pods acaban con el suyo"));
    }
    for item in found {
        if item.controller.kind() != wanted.kind.name {
            return Err(Error::failed(format!("el Job `{}` es de un CronJob", item.name)).with_hint(
                format!("bórralo entero con `micropod delete cronjob {}`", item.controller.name()),
            ));
        }
        stop_and_forget(&item)?;
        let (kind, name) = (group_name(wanted.kind.name), &item.name);
        match args.get_one::<String>("output") {
            Some(_) => println!("{kind}/{name}"),
            None => println!("{kind} \"{name}\" deleted"),
        }
    }
    Ok(exit::OK)
}

/// Pide que acabe a quien lo ejecuta, lo espera y olvida lo que quede: sus Pods y su ficha.
fn stop_and_forget(item: &Item) -> Result<(), Error> {
    let key = state::key(item.controller.kind(), &item.name);
    // si no hay quien lo oiga, ya había acabado
    let _ = control::ask(
        &state::dir(&key).join("control"),
        &Request::Delete { grace_seconds: None, force: false },
    );
    let claim = loop {
        if let Some(claim) = state::claim(&key)? {
            break claim;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    crate::controller::forget(claim, &key)
}
