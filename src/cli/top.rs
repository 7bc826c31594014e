//! `micropod top`: lo que gastan los Pods ahora mismo, leído de sus cgroups.

use super::namespace::Namespace;
use super::pick::Pick;
use super::{require_root, term};
use crate::error::{Error, exit};
use crate::output::tabwriter;
use crate::state::Seen;
use crate::usage::{Sample, Usage};
use clap::ArgMatches;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// La CPU es lo gastado en este tiempo: entre dos lecturas.
const WINDOW: Duration = Duration::from_secs(1);
/// Cada cuánto se vuelve a mirar con `-w`.
const REFRESH: Duration = Duration::from_secs(2);

pub fn top(args: &ArgMatches) -> Result<u8, Error> {
    require_root("mirar los Pods")?;
    let pick = Pick::new(args)?;
    let sort = args.get_one::<String>("sort-by").map(String::as_str);
    let shape = Shape {
        containers: args.get_flag("containers"),
        wide: args.contains_id("output"),
        headers: !args.get_flag("no-headers"),
        sort,
        namespace: &pick.namespace,
    };
    let mut before = look(&pick)?;
    if before.is_empty() {
        term::note(&pick.namespace.nothing("resources"));
        return Ok(exit::OK);
    }
    let follow = args.get_flag("watch");
    std::thread::sleep(WINDOW);
    warn_if_guessed(&before);
    loop {
        let now = look(&pick)?;
        let text = shape.table(&before, &now);
        let clear = if follow && std::io::stdout().is_terminal() { "\x1b[H\x1b[J" } else { "" };
        let mut out = std::io::stdout();
        let shown = write!(out, "{clear}{text}").and_then(|()| out.flush());
        if !follow || shown.is_err() {
            return Ok(exit::OK);
        }
        before = now;
        std::thread::sleep(REFRESH);
    }
}

/// Los Pods que corren, con una lectura de cada uno.
fn look(pick: &Pick) -> Result<Vec<(Seen, Sample)>, Error> {
    crate::gc::sweep_pending();
    let (seen, missing) = pick.look();
    if let Some(error) = missing.into_iter().next() {
        return Err(error);
    }
    if let Some(idle) = seen.iter().find(|seen| !pick.names.is_empty() && !seen.supervised) {
        let (name, phase) = (&idle.record.name, idle.live.status.phase);
        return Err(Error::failed(format!("el Pod `{name}` ya ha acabado ({phase}): no gasta nada")));
    }
    if let Some(blind) = seen.iter().find(|seen| seen.supervised && seen.record.cgroup.is_none()) {
        return Err(Error::failed(format!("no se sabe lo que gasta el Pod `{}`", blind.record.name))
            .because("nació sin cgroup v2 a la vista")
            .with_hint("mira `micropod doctor`, o prueba en la micro-VM: make vm"));
    }
    let running = seen.into_iter().filter(|seen| seen.supervised);
    Ok(running
        .map(|seen| {
            let sample = Sample::take(&seen);
            (seen, sample)
        })
        .collect())
}

fn warn_if_guessed(samples: &[(Seen, Sample)]) {
    let mut all = samples.iter().flat_map(|(_, sample)| &sample.containers);
    if all.any(|(_, usage)| usage.memory.is_some_and(|memory| !memory.counted)) {
        term::note(
            "aviso: sin el controlador memory de cgroup v2, la memoria es la suma de la residente de sus procesos",
        );
    }
}

struct Shape<'a> {
    containers: bool,
    wide: bool,
    headers: bool,
    sort: Option<&'a str>,
    namespace: &'a Namespace,
}

/// Una fila, antes de escribirla.
struct Row {
    names: Vec<String>,
    millis: u64,
    usages: Vec<Usage>,
}

impl Shape<'_> {
    fn table(&self, before: &[(Seen, Sample)], now: &[(Seen, Sample)]) -> String {
        let mut rows: Vec<Row> =
            now.iter().flat_map(|(seen, sample)| self.rows(before, seen, sample)).collect();
        match self.sort {
            Some("cpu") => crate::order::sort_by_key(&mut rows, |row| std::cmp::Reverse(row.millis)),
            Some(_) => crate::order::sort_by_key(&mut rows, |row| std::cmp::Reverse(row.memory())),
            None => {}
        }
        let mut lines: Vec<Vec<String>> = rows.iter().map(|row| row.cells(self.wide)).collect();
        if self.headers && !lines.is_empty() {
            lines.insert(0, self.header());
        }
        tabwriter::table(&lines)
    }

    fn header(&self) -> Vec<String> {
        let names = if self.containers { &["POD", "NAME"][..] } else { &["NAME"] };
        let extra =
            if self.wide { &["PIDS", "THROTTLED", "PSI(cpu)", "PSI(memory)", "PSI(io)"][..] } else { &[] };
        let namespace: &[&str] = if self.namespace.all { &["NAMESPACE"] } else { &[] };
        let all = [namespace, names, &["CPU(cores)", "MEMORY(bytes)"], extra].concat();
        all.into_iter().map(String::from).collect()
    }

    fn rows(&self, before: &[(Seen, Sample)], seen: &Seen, sample: &Sample) -> Vec<Row> {
        let earlier = before.iter().find(|(old, _)| old.record.uid == seen.record.uid);
        // uno que acaba de nacer aún no se puede medir: se compara consigo mismo
        let earlier = earlier.map_or(sample, |(_, sample)| sample);
        let mut whose = Vec::from_iter(self.namespace.column(seen.record.pod.metadata.namespace()));
        whose.push(seen.record.name.clone());
        let each = sample.containers.iter().map(|(name, usage)| Row {
            names: [&whose[..], std::slice::from_ref(name)].concat(),
            millis: sample.millis_since(earlier, name),
            usages: vec![usage.clone()],
        });
        let each: Vec<Row> = each.collect();
        if self.containers {
            return each;
        }
        vec![Row {
            names: whose,
            millis: each.iter().map(|row| row.millis).sum(),
            usages: each.into_iter().flat_map(|row| row.usages).collect(),
        }]
    }
}

impl Row {
    fn memory(&self) -> u64 {
        self.usages.iter().filter_map(|usage| usage.memory).map(|memory| memory.used).sum()
    }

    fn cells(&self, wide: bool) -> Vec<String> {
        let mut cells = self.names.clone();
        cells.push(format!("{}m", self.millis));
        cells.push(format!("{}Mi", self.memory() >> 20));
        if wide {
            cells.push(self.usages.iter().map(|usage| usage.processes).sum::<u64>().to_string());
            cells.push(self.throttling());
            let worst = |of: fn(&Usage) -> Option<f64>| {
                let worst = self.usages.iter().filter_map(of).reduce(f64::max);
                worst.map_or("<none>".into(), |percent| format!("{percent:.2}%"))
            };
            cells.push(worst(|usage| usage.pressure.cpu));
            cells.push(worst(|usage| usage.pressure.memory));
            cells.push(worst(|usage| usage.pressure.io));
        }
        cells
    }

    /// `45/200`: de 200 periodos en los que quiso CPU, en 45 se quedó sin cuota.
    fn throttling(&self) -> String {
        let limited = self.usages.iter().filter_map(|usage| usage.throttling);
        let sum = limited.map(|t| (t.throttled, t.periods)).reduce(|a, b| (a.0 + b.0, a.1 + b.1));
        sum.map_or("<none>".into(), |(throttled, periods)| format!("{throttled}/{periods}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Memory;
    use std::time::Instant;

    /// Una lectura de nginx y php: lo que han gastado de CPU en total y lo que tienen de memoria.
    fn sample(at: Instant, nginx: u64, php: u64) -> Sample {
        let usage = |micros: u64, mib: u64| Usage {
            cpu: Duration::from_micros(micros),
            memory: Some(Memory { used: mib << 20, counted: true, ..Memory::default() }),
            ..Usage::default()
        };
        let containers = vec![("nginx".to_string(), usage(nginx, 7)), ("php".to_string(), usage(php, 20))];
        Sample { at, containers }
    }

    #[test]
    fn las_tablas_de_top_son_las_de_kubectl_sin_blancos_al_final() {
        let begin = Instant::now();
        let seen = crate::object::tests::simple_seen("nginx-php");
        let before = [(seen.clone(), sample(begin, 0, 0))];
        let now = [(seen, sample(begin + Duration::from_secs(1), 2000, 3000))];
        let namespace = Namespace::default();
        let shape =
            |containers| Shape { containers, wide: false, headers: true, sort: None, namespace: &namespace };
        assert_eq!(
            shape(false).table(&before, &now),
            "NAME        CPU(cores)   MEMORY(bytes)\n\
             nginx-php   5m           27Mi\n"
        );
        assert_eq!(
            shape(true).table(&before, &now),
            "POD         NAME    CPU(cores)   MEMORY(bytes)\n\
             nginx-php   nginx   2m           7Mi\n\
             nginx-php   php     3m           20Mi\n"
        );
    }
}
