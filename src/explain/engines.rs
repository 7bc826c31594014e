//! `micropod compara FICHERO`: el mismo Pod con cada motor que haya, uno detrás de otro, y lo que cuesta.
//!
//! Todo se mide desde fuera, en `/proc` y en cgroupfs, y cada Pod se borra antes de levantar el siguiente.

use super::facts;
use crate::cli::table;
use crate::error::{Error, exit};
use crate::kernel::program::Program;
use crate::kernel::sys;
use crate::run::require_root;
use crate::runtime::Kind;
use crate::spec;
use crate::state::{self, ProcessId, Seen};
use crate::supervise::Signals;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Lo más que se espera a que un Pod se ponga en marcha o se vaya.
const LIMIT: Duration = Duration::from_secs(300);

/// Cada cuánto se mira si sus procesos son ya los mismos, y cuántas veces seguidas han de serlo.
const GLANCE: Duration = Duration::from_millis(50);
const GLANCES: usize = 6;

/// Lo más que se espera a eso: un contenedor puede estar creando procesos sin parar.
const SETTLING: Duration = Duration::from_secs(5);

/// Lo que se ha visto de un Pod con un motor.
struct Measured {
    /// Desde que se pide hasta que corren sus contenedores.
    start: Duration,
    /// `None`: al acabar de mirarlo no corría ninguno, y lo que se viera no sería lo que cuesta.
    cost: Option<Cost>,
    /// Los contenedores que no corrían entonces.
    ended: Vec<String>,
}

/// Lo que cuesta un Pod con un motor.
struct Cost {
    /// Memoria de todos, en KiB: lo que comparten varios procesos se reparte entre ellos (PSS).
    memory: u64,
    /// De ella, la del supervisor.
    supervisor: u64,
    processes: usize,
    namespaces: usize,
    cgroups: usize,
    mounts: usize,
}

// ANCHOR: print
/// Levanta el Pod con cada motor, lo mide y lo borra. Sale con 1 si con alguno no se pudo.
pub fn print(file: &Path, only: Option<&str>) -> Result<u8, Error> {
    let name = spec::load(file, only)?.pod.metadata.name;
    require_root("levantar el Pod con cada motor")?;
    if state::see(&name).is_some() {
        return Err(Error::failed(format!("ya hay un Pod `{name}`: aquí se crea y se borra varias veces"))
            .with_hint(format!("bórralo antes con `micropod delete pod {name}`")));
    }
    let file = fs::canonicalize(file)
        .map_err(|e| Error::failed(format!("no se puede leer {}", file.display())).because(e))?;
    let signals =
        Signals::listen().map_err(|e| Error::failed("no se pudieron atender las señales").because(e))?;
    let mut costs: Vec<(Kind, Result<Measured, Error>)> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_installed()) {
        costs.push((kind, measure(kind, &file, &name)));
        if signals.drain() > 0 {
            return Err(Error::Exit(exit::FAILED));
        }
    }
    print!("{}", report(&costs));
    let notes: Vec<String> =
        costs.iter().filter_map(|(kind, seen)| Some(format!("{kind}: {}", note(seen)?))).collect();
    notes.iter().for_each(|note| crate::cli::term::note(note));
    let all = costs.iter().all(|(_, seen)| seen.as_ref().is_ok_and(|seen| seen.cost.is_some()));
    Ok(if all { exit::OK } else { exit::FAILED })
}
// ANCHOR_END: print

/// Lo que hay que decir de lo que se ha visto con un motor, si hay algo.
fn note(seen: &Result<Measured, Error>) -> Option<String> {
    match seen {
        Err(error) => Some(error.to_string()),
        Ok(seen) if seen.cost.is_none() => Some(
            "el Pod ya había terminado cuando se fue a medir: que alguno de sus contenedores dure".into(),
        ),
        Ok(seen) if seen.ended.is_empty() => None,
        Ok(seen) => Some(format!("sin contar lo que ya había terminado: {}", seen.ended.join(", "))),
    }
}

/// Un Pod de principio a fin: pase lo que pase, no queda.
fn measure(kind: Kind, file: &Path, name: &str) -> Result<Measured, Error> {
    let begun = Instant::now();
    let run = ["run", "-d", "--rm", "--solo", name, "--runtime", kind.name()];
    let started = micropod(&run, file.as_os_str());
    let start = begun.elapsed();
    let cost = state::see(name).filter(|_| started.is_ok()).map(|seen| weigh(&seen));
    // lo que acaba mientras se mira no se ha medido
    let now = state::see(name);
    let ended: Vec<String> = now.as_ref().map(ended).unwrap_or_default();
    let runs = now
        .as_ref()
        .is_some_and(|seen| seen.supervised && ended.len() < seen.record.pod.spec.containers.len());
    if now.is_some() {
        micropod(&["delete", "pod", "--ignore-not-found", "--grace-period=1"], name.as_ref())?;
    }
    started.map(|()| Measured { start, cost: cost.filter(|_| runs), ended })
}

/// Los contenedores que no corren.
fn ended(seen: &Seen) -> Vec<String> {
    let first = seen.record.pod.spec.init_containers.len();
    let runs = |id: usize| crate::cli::exec::running(seen, id).is_ok();
    let containers = seen.record.pod.spec.containers.iter().enumerate();
    containers.filter(|(id, _)| !runs(first + id)).map(|(_, c)| c.name.clone()).collect()
}

/// Este mismo programa, con otras órdenes.
fn micropod(options: &[&str], operand: &std::ffi::OsStr) -> Result<(), Error> {
    let run = || {
        let own = fs::read_link("/proc/self/exe")?;
        Program::new(&own, LIMIT)?.options(options.iter().copied()).operands([operand]).run(b"")
    };
    let ended = run().map_err(|e| Error::failed("no se pudo llamar a micropod").because(e))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.err).into_owned();
    Err(Error::failed(said.trim().trim_start_matches("error: ").to_string()))
}

/// Los cgroups de un Pod y los procesos que viven por él.
fn family(seen: &Seen) -> (BTreeSet<String>, BTreeSet<i32>) {
    let groups = seen.record.cgroup.as_ref().map(|path| groups_in(path)).unwrap_or_default();
    let members: BTreeSet<i32> = groups.iter().flat_map(|path| pids_of(Path::new(path))).collect();
    // quien ya ha acabado y nadie ha recogido aún no cuesta nada
    let open = |pid: i32| ProcessId::of(pid).and_then(|process| process.open(None));
    let lives = |pid: &i32| open(*pid).is_some_and(|pidfd| !sys::has_died(pidfd));
    let all = descendants(seen.record.supervisor.pid).into_iter().chain(members).filter(lives).collect();
    (groups, all)
}

/// Lo mismo, cuando ya son siempre los mismos: quien ayudó a hacer los contenedores puede estar acabando.
fn settled(seen: &Seen) -> (BTreeSet<String>, BTreeSet<i32>) {
    let deadline = Instant::now() + SETTLING;
    let (mut before, mut same) = (family(seen), 0);
    while same < GLANCES && Instant::now() < deadline {
        std::thread::sleep(GLANCE);
        let now = family(seen);
        same = if now == before { same + 1 } else { 0 };
        before = now;
    }
    before
}

fn weigh(seen: &Seen) -> Cost {
    let supervisor = seen.record.supervisor.pid;
    let (groups, all) = settled(seen);
    let pss: BTreeMap<i32, u64> = all.iter().map(|pid| (*pid, pss(*pid))).collect();
    let host = facts::namespaces(std::process::id() as i32);
    let own = all.iter().flat_map(|pid| facts::namespaces(*pid));
    let new: BTreeSet<_> = own.filter(|(kind, inode)| host.get(kind) != Some(inode)).collect();
    // los de cada lista, una vez: cada contenedor tiene la suya
    let lists: BTreeMap<u64, usize> =
        all.iter().filter_map(|pid| Some((*facts::namespaces(*pid).get("mnt")?, mounts(*pid)))).collect();
    let host_list = host.get("mnt").copied().unwrap_or_default();
    Cost {
        memory: pss.values().sum(),
        supervisor: pss.get(&supervisor).copied().unwrap_or_default(),
        processes: all.len(),
        namespaces: new.len(),
        cgroups: groups.len(),
        mounts: lists.iter().filter(|(list, _)| **list != host_list).map(|(_, n)| n).sum(),
    }
}

/// Un proceso y cuantos descienden de él.
fn descendants(root: i32) -> BTreeSet<i32> {
    let pids = state::names_in(Path::new("/proc")).into_iter().filter_map(|name| name.parse::<i32>().ok());
    let parents: Vec<(i32, i32)> = pids.filter_map(|pid| Some((pid, state::parent_of(pid)?))).collect();
    let mut family = BTreeSet::from([root]);
    loop {
        let more: Vec<i32> = parents
            .iter()
            .filter(|(pid, parent)| family.contains(parent) && !family.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            return family;
        }
        family.extend(more);
    }
}

/// Un cgroup y los que cuelgan de él.
fn groups_in(path: &Path) -> BTreeSet<String> {
    let inner = state::names_in(path).into_iter().map(|name| path.join(name)).filter(|path| path.is_dir());
    let mut all: BTreeSet<String> = inner.flat_map(|path| groups_in(&path)).collect();
    all.insert(path.to_string_lossy().into_owned());
    all
}

fn pids_of(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// En KiB.
fn pss(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn mounts(pid: i32) -> usize {
    crate::mountinfo::of(pid).map_or(0, |all| all.len())
}

/// La tabla: un motor por columna.
fn report(costs: &[(Kind, Result<Measured, Error>)]) -> String {
    let line = |title: &str, cell: &dyn Fn(&Measured) -> Option<String>| {
        let cells =
            costs.iter().map(|(_, seen)| seen.as_ref().ok().and_then(cell).unwrap_or_else(|| "—".into()));
        std::iter::once(title.to_string()).chain(cells).collect::<Vec<_>>()
    };
    let row = |title: &str, cell: fn(&Cost) -> String| line(title, &|seen| seen.cost.as_ref().map(cell));
    let header = std::iter::once(String::new()).chain(costs.iter().map(|(kind, _)| kind.to_string()));
    let rows = vec![
        header.collect(),
        line("hasta que corre", &|seen| Some(format!("{} ms", seen.start.as_millis()))),
        row("memoria (PSS)", |c| crate::cgroup::as_quantity(c.memory << 10)),
        row("  de ella, el supervisor", |c| crate::cgroup::as_quantity(c.supervisor << 10)),
        row("procesos", |c| c.processes.to_string()),
        row("espacios de nombres nuevos", |c| c.namespaces.to_string()),
        row("grupos de control", |c| c.cgroups.to_string()),
        row("montajes", |c| c.mounts.to_string()),
    ];
    table::align(&rows, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_que_no_se_ha_podido_medir_se_queda_en_hueco_y_se_dice_por_que() {
        let cost =
            Cost { memory: 2048, supervisor: 512, processes: 3, namespaces: 7, cgroups: 3, mounts: 40 };
        let seen = |cost: Option<Cost>, ended: &[&str]| {
            let ended = ended.iter().map(|name| name.to_string()).collect();
            Ok(Measured { start: Duration::from_millis(31), cost, ended })
        };
        let costs = [
            (Kind::Native, seen(Some(cost), &["a"])),
            (Kind::Runc, Err(Error::failed("no"))),
            (Kind::Crun, seen(None, &["a", "b"])),
        ];
        let text = report(&costs);
        let lines: Vec<Vec<&str>> =
            text.lines().map(|l| l.split("   ").map(str::trim).filter(|w| !w.is_empty()).collect()).collect();
        assert_eq!(lines[0], ["native", "runc", "crun"]);
        assert_eq!(lines[1], ["hasta que corre", "31 ms", "—", "31 ms"]);
        assert_eq!(lines[2], ["memoria (PSS)", "2Mi", "—", "—"]);
        assert_eq!(lines[4], ["procesos", "3", "—", "—"]);
        let notes = costs.map(|(_, seen)| note(&seen).unwrap_or_default());
        assert_eq!(notes[..2], ["sin contar lo que ya había terminado: a", "error: no"]);
        assert!(notes[2].starts_with("el Pod ya había terminado"), "{notes:?}");
    }

    #[test]
    fn la_familia_de_un_proceso_lo_incluye_a_el_y_a_sus_hijos() {
        let own = std::process::id() as i32;
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = descendants(own);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.contains(&own) && family.contains(&(child.id() as i32)));
    }
}
