//! Mirar: cada paso que observa, contra el kernel o la red. Ninguno lee el texto de la respuesta.
//!
//! Una mirada dice si se cumple ahora; si no, qué se ve en su lugar y si aún puede cumplirse.

use super::mounts::{mounted, sees_mount};
use super::net;
use super::pod::Pod;
use super::step::Step;
use super::timeline;
use crate::controller::state;
use crate::explain::{facts, inside};
use crate::kernel::sys;
use crate::logic::Note;
use crate::logic::schedule::Schedule;
use crate::logic::status::{ContainerState, ContainerStatus};
use crate::spec::types::Object;
use crate::state::Seen;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Por qué no se cumple un paso.
#[derive(Clone, Debug, PartialEq)]
pub struct Miss {
    /// Lo que se ve.
    pub seen: String,
    /// ¿Podría cumplirse si se espera? Lo que ya no puede cambiar no se espera.
    pub hope: bool,
}

pub type Look = Result<(), Miss>;

impl From<String> for Miss {
    fn from(seen: String) -> Miss {
        Miss { seen, hope: true }
    }
}

pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Look {
    if holds { Ok(()) } else { Err(Miss { seen: otherwise(), hope: true }) }
}

pub fn lost(seen: String) -> Look {
    Err(Miss { seen, hope: false })
}

/// Mira una vez.
pub fn look(pod: &Pod, step: &Step) -> Look {
    match step {
        Step::Phase(wanted) => phase(pod, wanted),
        Step::Runs(c) => runs(pod, c),
        Step::Ended(c, code) => ended(pod, c, *code),
        Step::Ready(c) => ready(pod, c, true),
        Step::NotReady(c) => ready(pod, c, false),
        Step::Restarts(c, least) => restarts(pod, c, *least),
        Step::EndReason(c, reason) => end_reason(pod, c, reason),
        Step::RestartGap(c, seconds) => restart_gap(pod, c, *seconds),
        Step::Object(path, value) => object(pod, path, value),
        Step::CreatedBy(kind, name) => created_by(pod, &format!("{kind}/{name}")),
        Step::Every(seconds) => every(pod, *seconds),
        Step::Pods(least) => {
            let found = crate::state::see_all().len();
            expect(found >= *least, || {
                let created = if found == 1 { "se ha creado" } else { "se han creado" };
                format!("{created} {}, y {}", some(found, "Pod", "Pods"), hoped(*least))
            })
        }
        Step::SameNamespace(a, b, kind) => same_namespace(pod, a, b, kind),
        Step::SameFile(a, b) => same_file(pod, a, b),
        Step::Mounted(c, path) => mounted(pod, c, path, |_| true, "no hay nada montado"),
        Step::MountedReadOnly(c, path) => {
            mounted(pod, c, path, |m| m.is_read_only(), "no está montado de solo lectura")
        }
        Step::MountType(c, path, kind) => {
            mounted(pod, c, path, |m| m.fstype == *kind, "lo montado es de otro tipo")
        }
        Step::NamespaceRoot(c, (other, path)) => {
            let root = super::mounts::space(pod, c)?.root;
            expect(root == identity(pod.open(other, path, libc::O_PATH)?)?, || {
                format!("la raíz del espacio de montajes de «{c}» no es {path} de «{other}»")
            })
        }
        Step::SeesMount(c, (other, path)) => sees_mount(pod, c, other, path),
        Step::ReadOnlyRoot(c) => mounted(pod, c, "/", |m| m.is_read_only(), "su raíz se puede escribir"),
        Step::Environment(c, name, value) => environment(pod, c, name, value),
        Step::Hostname(c, wanted) => hostname(pod, c, wanted),
        Step::User(c, uid) => {
            let found = field(&pod.proc(c, "status")?, "Uid:", 1);
            expect(found == uid.to_string(), || format!("el usuario de «{c}» es el {found}, y no el {uid}"))
        }
        Step::NoCapability(c, number) => no_capability(pod, c, *number),
        Step::NoNewPrivileges(c) => {
            let found = field(&pod.proc(c, "status")?, "NoNewPrivs:", 0);
            expect(found == "1", || format!("«{c}» puede ganar privilegios (NoNewPrivs: {found})"))
        }
        Step::Processes(c, wanted) => {
            let found = pod.processes(c)?.len();
            expect(found == *wanted, || {
                format!("en «{c}» hay {}, y {}", some(found, "proceso", "procesos"), hoped(*wanted))
            })
        }
        Step::InnerPid(c, wanted) => {
            let status = pod.proc(c, "status")?;
            let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            let found = line.split_whitespace().last().unwrap_or_default();
            expect(found == wanted.to_string(), || {
                format!("dentro, «{c}» es el proceso {found}, y no el {wanted}")
            })
        }
        Step::Interface(c, name, address) => net::interface(pod, c, name, address),
        Step::Interfaces(c, wanted) => net::interfaces(pod, c, *wanted),
        Step::LinkKind(c, name, kind) => net::link_kind(pod, c, name, kind),
        Step::Cable(c, name, other, bridge) => net::cable(pod, (c, name), (other, bridge)),
        Step::DefaultRoute(c, via) => net::default_route(pod, c, via),
        Step::Main(c, wanted) => {
            let found = crate::cli::term::harmless(pod.proc(c, "comm")?.trim());
            expect(found == *wanted, || format!("el proceso 1 de «{c}» es `{found}`, y no `{wanted}`"))
        }
        Step::Listens(c, port) => listens(pod, c, *port),
        Step::NoZombies(c) => no_zombies(pod, c),
        Step::Sleeps(c) => sleeps(pod, c),
        Step::Cgroup(c, file, value) => {
            let seen = pod.seen()?;
            let path = seen.record.cgroup.clone().map(|path| path.join(c));
            cgroup(path, file, value)
        }
        Step::PodCgroup(file, value) => cgroup(pod.seen()?.record.cgroup, file, value),
        Step::Contains(c, path, text) => {
            let found = pod.read(c, path)?;
            expect(found.contains(text), || format!("{path} de «{c}» no dice lo que se esperaba"))
        }
        Step::Exists(c, path) => pod.open(c, path, libc::O_PATH).map(drop).map_err(Miss::from),
        Step::Says(c, text) => {
            let output = pod.output(c)?;
            expect(output.contains(text), || format!("«{c}» no ha escrito «{text}» en su salida"))
        }
        Step::SaysTimes(c, text, wanted) => {
            let found = pod.output(c)?.lines().filter(|line| line.contains(text)).count();
            expect(found == *wanted, || format!("«{c}» ha escrito «{text}» {}, y no {wanted}", times(found)))
        }
        Step::SaysAtLeast(c, text, least) => {
            let found = pod.output(c)?.lines().filter(|line| line.contains(text)).count();
            expect(found >= *least, || format!("«{c}» ha escrito «{text}» solo {}", times(found)))
        }
        Step::HandedInContains(path, text) => {
            let found = pod.read_beside(path)?;
            expect(found.contains(text), || {
                format!("en {path}, junto al fichero del Pod, no está lo escrito")
            })
        }
        Step::OfHandedIn(c, path, beside) => of_handed_in(pod, c, path, beside),
        Step::Http { from, ip, port, path, code, says } => {
            let ip = ip.map_or_else(|| pod.ip(), Ok)?;
            let answer = net::get(pod, from.as_deref(), ip, *port, path)?;
            let begin: String = crate::cli::term::harmless(answer.body.trim_end()).chars().take(60).collect();
            expect(answer.code == *code && answer.body.contains(says), || {
                format!("http://{ip}:{port}{path} responde {} y dice «{begin}»", answer.code)
            })
        }
        Step::Foretells(lives) => timeline::foretells(pod, lives),
        Step::MatchesReal(real) => timeline::matches_real(pod, real),
        Step::Exec { container, command, code, says } => exec(pod, container, command, *code, says),
        Step::Not(inner) => match look(pod, inner) {
            Ok(()) => Err(Miss { seen: unwanted(inner), hope: true }),
            Err(_) => Ok(()),
        },
        Step::Any(all) => {
            let mut misses = all.iter().map(|step| look(pod, step));
            if misses.by_ref().any(|l| l.is_ok()) {
                return Ok(());
            }
            look(pod, &all[all.len() - 1])
        }
        Step::Write(..)
        | Step::WriteBeside(..)
        | Step::Remove(..)
        | Step::RemoveBeside(_)
        | Step::AskToStop
        | Step::Signal(..)
        | Step::SignalAll(..)
        | Step::KillChildren(_)
        | Step::StopsWithin(_)
        | Step::Rebirth
        | Step::Holds(..)
        | Step::Within(..)
        | Step::WithinClock(..)
        | Step::Now(_) => unreachable!("ese paso no es una mirada"),
    }
}

/// `1 proceso`, `3 procesos`.
pub fn some(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}

/// `1 vez`, `3 veces`.
fn times(n: usize) -> String {
    some(n, "vez", "veces")
}

/// `se esperaba 1`, `se esperaban 3`.
fn hoped(n: usize) -> String {
    format!("se {} {n}", if n == 1 { "esperaba" } else { "esperaban" })
}

/// Lo que se dice de algo que se cumple y no debía.
fn unwanted(step: &Step) -> String {
    match step {
        Step::SameNamespace(a, b, kind) => format!("«{a}» y «{b}» comparten el espacio `{kind}`"),
        Step::SameFile((a, path), (b, _)) => format!("{path} de «{a}» y de «{b}» son lo mismo"),
        Step::OfHandedIn(c, path, beside) => format!("{path} de «{c}» es {beside}, de la máquina"),
        Step::Mounted(c, path) => format!("en {path} de «{c}» hay algo montado"),
        Step::MountedReadOnly(c, path) => format!("{path} de «{c}» está montado de solo lectura"),
        Step::SeesMount(c, (other, path)) => format!("«{c}» sigue viendo el {path} de «{other}»"),
        Step::NamespaceRoot(c, (other, path)) => {
            format!("la raíz del espacio de montajes de «{c}» sigue siendo {path} de «{other}»")
        }
        Step::Hostname(c, name) => format!("la máquina que ve «{c}» también se llama «{name}»"),
        Step::Exists(c, path) => format!("existe {path} en «{c}»"),
        Step::Says(c, text) => format!("«{c}» ya ha escrito «{text}»"),
        Step::Runs(c) => format!("«{c}» está en marcha"),
        Step::Restarts(c, _) => format!("«{c}» se ha reiniciado"),
        Step::Listens(c, port) => format!("«{c}» escucha en el puerto {port}"),
        Step::Http { port, path, .. } => format!("en el puerto {port} se sirve {path}"),
        _ => "se cumple lo que no debía".into(),
    }
}

fn phase(pod: &Pod, wanted: &str) -> Look {
    let seen = pod.seen()?;
    let phase = seen.live.status.phase;
    let found = phase.to_string();
    if found == wanted {
        return Ok(());
    }
    let text = format!("el Pod está {found}{}, y no {wanted}", why(&seen));
    if phase.is_final() { lost(text) } else { Err(text.into()) }
}

/// Por qué no arranca, si lo dice el estado de alguno de sus contenedores.
fn why(seen: &Seen) -> String {
    let status = &seen.live.status;
    let waiting = status.all().find_map(|c| match &c.state {
        ContainerState::Waiting { reason, message } if !reason.is_empty() && reason != "PodInitializing" => {
            Some(format!(" («{}» espera: {reason}. {})", c.name, crate::cli::term::harmless(message)))
        }
        _ => None,
    });
    waiting.unwrap_or_default()
}

fn status(pod: &Pod, container: &str) -> Result<ContainerStatus, String> {
    let seen = pod.seen()?;
    let index = pod.index(&seen, container)?;
    let status = &seen.live.status;
    let mut all = status.all();
    all.nth(index).cloned().ok_or_else(|| format!("«{container}» aún no ha empezado"))
}

fn runs(pod: &Pod, container: &str) -> Look {
    let Err(missing) = pod.process(container) else { return Ok(()) };
    let seen = pod.seen()?;
    let (container, _) = container.split_once('/').unwrap_or((container, ""));
    pod.index(&seen, container).map_err(|seen| Miss { seen, hope: false })?;
    let text = format!("{missing}{}{}", end_of(pod, container), why(&seen));
    if seen.live.status.phase.is_final() { lost(text) } else { Err(text.into()) }
}

/// Cómo acabó su última vida, si acabó alguna.
fn end_of(pod: &Pod, container: &str) -> String {
    let Ok(status) = status(pod, container) else { return String::new() };
    let end = match &status.state {
        ContainerState::Terminated(end) => Some(end),
        _ => status.last.as_ref(),
    };
    end.map(|end| format!(": acabó con el código {}", end.exit_code)).unwrap_or_default()
}

fn ended(pod: &Pod, container: &str, code: i32) -> Look {
    let status = status(pod, container)?;
    match &status.state {
        ContainerState::Terminated(end) if end.exit_code == code => Ok(()),
        ContainerState::Terminated(end) => {
            lost(format!("«{container}» acabó con el código {}, y no con el {code}", end.exit_code))
        }
        _ => Err(format!("«{container}» no ha acabado").into()),
    }
}

fn ready(pod: &Pod, container: &str, wanted: bool) -> Look {
    let status = status(pod, container)?;
    if !wanted && matches!(status.state, ContainerState::Terminated(_)) {
        let end = end_of(pod, container);
        return lost(format!(
            "«{container}» ya no está en marcha{end}, sin haber dejado antes de estar listo"
        ));
    }
    let text = if wanted { "no está listo" } else { "sigue listo" };
    expect(status.ready == wanted, || {
        let said = if wanted { last_probe(pod, container) } else { String::new() };
        format!("«{container}» {text}{}{said}", end_of(pod, container))
    })
}

/// Lo que dijo una sonda suya la última vez que falló.
fn last_probe(pod: &Pod, container: &str) -> String {
    let Ok(seen) = pod.seen() else { return String::new() };
    let is_ours = |note: &&Note| note.reason == "Unhealthy" && note.container.as_deref() == Some(container);
    let last = seen.live.events.iter().map(|event| &event.note).rfind(is_ours);
    last.map_or(String::new(), |note| format!(": {}", crate::cli::term::harmless(&note.message)))
}

fn restarts(pod: &Pod, container: &str, least: u32) -> Look {
    let status = status(pod, container)?;
    let text = format!(
        "«{container}» se ha reiniciado {}, y {}{}",
        times(status.restart_count as usize),
        hoped(least as usize),
        end_of(pod, container)
    );
    if status.restart_count >= least {
        return Ok(());
    }
    if pod.seen()?.live.status.phase.is_final() { lost(text) } else { Err(text.into()) }
}

fn end_reason(pod: &Pod, container: &str, reason: &str) -> Look {
    let status = status(pod, container)?;
    let now = match &status.state {
        ContainerState::Terminated(end) => Some(end.reason.clone()),
        _ => None,
    };
    let found = now.or(status.last.map(|end| end.reason)).unwrap_or_else(|| "nada: no ha acabado".into());
    expect(found == reason, || format!("«{container}» acabó por {found}, y no por {reason}"))
}

fn restart_gap(pod: &Pod, container: &str, seconds: f64) -> Look {
    let status = status(pod, container)?;
    match (&status.state, &status.last) {
        (ContainerState::Running { since }, Some(last)) => {
            let gap = since.saturating_sub(last.finished).as_secs_f64();
            expect(gap >= seconds, || format!("entre una vida y otra pasaron {gap:.1} s").replace('.', ","))
        }
        _ => Err(format!("«{container}» aún no ha vuelto a empezar").into()),
    }
}

fn object(pod: &Pod, path: &str, value: &str) -> Look {
    let object = crate::object::pod(&pod.seen()?);
    let found = crate::output::jsonpath::JsonPath::parse(path)?.print(&object).unwrap_or_default();
    let shown = crate::cli::term::harmless(&found);
    match found == value {
        true => Ok(()),
        false => lost(format!("{path} vale «{shown}», y no «{value}»")),
    }
}

fn created_by(pod: &Pod, wanted: &str) -> Look {
    match &pod.creator {
        Some(creator) if creator == wanted => Ok(()),
        Some(creator) => lost(format!("el Pod lo crea {creator}, y no {wanted}")),
        None => lost(format!("es un Pod suelto: no lo crea {wanted}")),
    }
}

/// Lo que va de una vez que toca a la siguiente.
fn every(pod: &Pod, wanted: i64) -> Look {
    let (kind, name) = pod.creator.as_deref().and_then(|c| c.split_once('/')).unwrap_or_default();
    let Some(Object::CronJob(cron)) = state::see(kind, name).map(|c| c.record.object) else {
        return lost("no lo crea ningún CronJob: no tiene horario".into());
    };
    let schedule = Schedule::parse(&cron.spec.schedule)?;
    let after = |at: i64| schedule.next(at, sys::local_offset);
    let first = after(i64::try_from(crate::state::unix_millis() / 1000).unwrap_or(0));
    let found = first.and_then(|first| Some(after(first)? - first));
    match found {
        Some(found) if found == wanted => Ok(()),
        Some(found) => lost(format!("le toca cada {found} s, y no cada {wanted}")),
        None => lost("no le toca nunca".into()),
    }
}

fn same_namespace(pod: &Pod, a: &str, b: &str, kind: &str) -> Look {
    let inode = |c: &str| -> Result<u64, String> {
        let all = facts::namespaces(pod.pid(c)?);
        all.get(kind).copied().ok_or_else(|| format!("no se ve el espacio `{kind}` de «{c}»"))
    };
    let (one, other) = (inode(a)?, inode(b)?);
    match one == other {
        true => Ok(()),
        false => lost(format!("«{a}» y «{b}» están en espacios `{kind}` distintos: {one} y {other}")),
    }
}

/// Quién es un fichero para el kernel: su dispositivo y su inodo.
fn identity(fd: OwnedFd) -> Result<(u64, u64), String> {
    let stat = nix::sys::stat::fstat(&fd).map_err(|e| crate::error::spanish(e).to_string())?;
    Ok((stat.st_dev, stat.st_ino))
}

fn of_handed_in(pod: &Pod, container: &str, path: &str, beside: &str) -> Look {
    let inside = identity(pod.open(container, path, libc::O_PATH)?)?;
    let outside = identity(pod.open_beside(beside, libc::O_PATH)?)?;
    expect(inside == outside, || format!("{path} de «{container}» no es {beside}, junto al fichero del Pod"))
}

fn same_file(pod: &Pod, a: &(String, String), b: &(String, String)) -> Look {
    let identity = |(c, path): &(String, String)| identity(pod.open(c, path, libc::O_PATH)?);
    let (one, other) = (identity(a)?, identity(b)?);
    expect(one == other, || format!("{} de «{}» y {} de «{}» no son lo mismo", a.1, a.0, b.1, b.0))
}

fn environment(pod: &Pod, container: &str, name: &str, value: &str) -> Look {
    let text = pod.proc(container, "environ")?;
    let found = text.split('\0').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    match found {
        Some(found) if found == value => Ok(()),
        Some(found) => {
            let found = crate::cli::term::harmless(found);
            lost(format!("en «{container}», {name} vale «{found}», y no «{value}»"))
        }
        None => lost(format!("«{container}» no tiene la variable {name}")),
    }
}

fn hostname(pod: &Pod, container: &str, wanted: &str) -> Look {
    let found = inside::look(pod.process(container)?).hostname;
    expect(found == wanted, || {
        let found = crate::cli::term::harmless(&found);
        format!("dentro de «{container}» la máquina se llama «{found}», y no «{wanted}»")
    })
}

/// El campo número `n` de una línea de `/proc/PID/status`.
fn field(status: &str, name: &str, n: usize) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().nth(n).unwrap_or_default().to_string()
}

fn no_capability(pod: &Pod, container: &str, number: u32) -> Look {
    let status = pod.proc(container, "status")?;
    let has = |set: &&str| u64::from_str_radix(&field(&status, set, 0), 16).unwrap_or(!0) >> number & 1 == 1;
    let held: Vec<&str> = ["CapPrm:", "CapEff:", "CapBnd:"].into_iter().filter(has).collect();
    match held.is_empty() {
        true => Ok(()),
        false => {
            lost(format!("el principal de «{container}» tiene la capacidad {number} en {}", held.join(" y ")))
        }
    }
}

/// ¿Escucha algún proceso de este contenedor en `port`? Las líneas de `/proc/PID/net/tcp` son de toda
/// la red del Pod: el dueño es quien tiene el descriptor.
fn listens(pod: &Pod, container: &str, port: u16) -> Look {
    let tables = ["net/tcp", "net/tcp6"].map(|file| pod.proc(container, file).unwrap_or_default());
    let open: Vec<(u16, String)> = tables.iter().flat_map(|table| listening(table)).collect();
    let mut own = BTreeSet::new();
    for pid in pod.processes(container)? {
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        for target in fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()) {
            let mine = open.iter().filter(|(_, socket)| target.to_str() == Some(socket));
            own.extend(mine.map(|(port, _)| *port));
        }
    }
    let taken = open.iter().any(|(other, _)| *other == port);
    expect(own.contains(&port), || {
        format!("«{container}» no escucha en el puerto {port}: {}", instead(&own, taken))
    })
}

/// Los puertos de una tabla de `/proc/PID/net` en los que alguien escucha, con el socket de cada uno.
fn listening(table: &str) -> Vec<(u16, String)> {
    const LISTEN: &str = "0A";
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
        (*state == LISTEN).then(|| (port, format!("socket:[{inode}]")))
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// Qué pasa, si un contenedor no escucha donde debe: escucha en `own`, y el puerto puede tener otro dueño.
fn instead(own: &BTreeSet<u16>, taken: bool) -> String {
    let ports: Vec<String> = own.iter().map(|port| format!("el {port}")).collect();
    match (taken, ports.is_empty()) {
        (true, _) => "lo tiene otro contenedor".into(),
        (false, true) => "no escucha en ninguno".into(),
        (false, false) => format!("escucha en {}", ports.join(" y ")),
    }
}

fn no_zombies(pod: &Pod, container: &str) -> Look {
    let state = |pid: &i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        field(&text, "State:", 0)
    };
    // el proceso 1 no es de nadie del contenedor: si ha muerto él, es que el contenedor está acabando
    let first = pod.pid(container)?;
    let dead = pod.processes(container)?.iter().filter(|pid| **pid != first && state(pid) == "Z").count();
    expect(dead == 0, || {
        let dead = some(dead, "proceso muerto", "procesos muertos");
        format!("en «{container}» hay {dead} sin recoger")
    })
}

/// Ni corre ni espera un procesador tres cuartas partes del tiempo. El estado de `/proc` no sirve: a quien pregunta
/// sin parar se lo puede ver dormido en mitad de un `waitpid` que no espera.
fn sleeps(pod: &Pod, container: &str) -> Look {
    // los dos primeros números de schedstat, en nanosegundos
    let busy = || -> Result<u64, String> {
        let text = pod.proc(container, "schedstat")?;
        Ok(text.split_whitespace().take(2).filter_map(|number| number.parse::<u64>().ok()).sum())
    };
    let before = busy()?;
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(500));
    let window = start.elapsed().as_nanos() as u64;
    let awake = busy()? - before;
    expect(awake < window / 4 * 3, || {
        format!("el proceso de «{container}» no duerme: {} % del tiempo, despierto", awake * 100 / window)
    })
}

fn cgroup(path: Option<std::path::PathBuf>, file: &str, value: &str) -> Look {
    let Some(path) = path else { return lost("el Pod no tiene cgroup".into()) };
    let found = std::fs::read_to_string(path.join(file)).unwrap_or_default();
    let found = found.trim();
    expect(found == value, || format!("{file} vale «{found}», y no «{value}»"))
}

fn exec(pod: &Pod, container: &str, command: &[String], code: i32, says: &str) -> Look {
    let words = ["exec", &pod.name, "-c", container, "--"].into_iter();
    let output = super::pod::micropod(words.chain(command.iter().map(String::as_str)));
    let output = output.map_err(|e| Miss::from(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let real = output.status.code().unwrap_or(-1);
    expect(real == code && text.contains(says), || told(container, command, (code, real), &text))
}

/// De una orden que no acaba como debía, con el código `real` y no con `wanted`: lo que dijo. Si es un guion que
/// acaba mal y dice por qué, solo eso.
fn told(container: &str, command: &[String], (wanted, real): (i32, i32), text: &str) -> String {
    let said = crate::cli::term::harmless(text.trim_end());
    let begin = |most: usize| said.chars().take(most).collect::<String>();
    match command {
        [sh, c, _] if sh == "sh" && c == "-c" && wanted == 0 && real != 0 && !said.is_empty() => begin(160),
        _ => format!("en «{container}», `{}` acaba con {real} y dice «{}»", command.join(" "), begin(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_quien_no_escucha_donde_debe_se_dice_donde_escucha() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4242 1\n\
             1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4343 1\n\
             2: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000 0 0 4444 1\n";
        let open = [(80, "socket:[4242]".to_string()), (8080, "socket:[4343]".to_string())];
        assert_eq!(listening(table), open, "una conexión no es escuchar");
        assert_eq!(instead(&[80, 8080].into(), false), "escucha en el 80 y el 8080");
        assert_eq!(instead(&[].into(), false), "no escucha en ninguno");
        assert_eq!(instead(&[80].into(), true), "lo tiene otro contenedor");
    }

    #[test]
    fn de_un_guion_que_dice_por_que_falla_basta_lo_que_dice() {
        let words = |all: &[&str]| all.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let script = words(&["sh", "-c", "test -e x || { echo falta x; exit 1; }"]);
        assert_eq!(told("mira", &script, (0, 1), "falta x\n"), "falta x");
        assert_eq!(
            told("mira", &words(&["sh", "-c", "cat x"]), (0, 1), ""),
            "en «mira», `sh -c cat x` acaba con 1 y dice «»"
        );
        let cat = words(&["cat", "x"]);
        assert_eq!(told("mira", &cat, (0, 0), "otra\n"), "en «mira», `cat x` acaba con 0 y dice «otra»");
    }

    #[test]
    fn una_vez_no_son_varias() {
        assert_eq!([times(0), times(1), times(2)], ["0 veces", "1 vez", "2 veces"]);
        assert_eq!([hoped(1), hoped(2)], ["se esperaba 1", "se esperaban 2"]);
    }
}
