//! `micropod logs`: lo que ha escrito un contenedor.

use super::{choose_container, duration, one_pod, term};
use crate::error::{Error, exit};
use crate::logic::status::ContainerState;
use crate::logs::{self, Line};
use crate::state;
use clap::ArgMatches;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Qué se enseña de cada línea, y cuáles.
struct Shape {
    timestamps: bool,
    /// Hora (RFC 3339) desde la que se enseñan.
    since: Option<String>,
}

pub fn logs(args: &ArgMatches) -> Result<u8, Error> {
    let seen = one_pod(args, "POD")?;
    let wanted = args.get_one::<String>("container").or(args.get_one::<String>("CONTENEDOR"));
    let id = choose_container(&seen, wanted)?;
    let name = &seen.record.plans[id].name;
    let dir = state::log_dir(&seen.record.name).join(name);
    let Some(last) = logs::last_life(&dir) else {
        let status = seen.live.status.init_containers.iter().chain(&seen.live.status.containers).nth(id);
        let reason = status.and_then(|s| match &s.state {
            ContainerState::Waiting { reason, .. } => Some(reason.clone()),
            ContainerState::Running { .. } | ContainerState::Terminated(_) => None,
        });
        return Err(Error::failed(format!("el contenedor `{name}` no ha llegado a escribir nada"))
            .because(reason.unwrap_or_else(|| "no ha arrancado".into())));
    };
    let life = match (args.get_flag("previous"), last.checked_sub(1)) {
        (false, _) => last,
        (true, Some(before)) => before,
        (true, None) => {
            return Err(Error::failed(format!(
                "previous terminated container \"{name}\" in pod \"{}\" not found",
                seen.record.name
            ))
            .with_hint("solo ha tenido una vida: sus logs se ven sin -p"));
        }
    };
    let since = args.get_one::<String>("since").map(|text| duration(text)).transpose()?;
    let shape = Shape {
        timestamps: args.get_flag("timestamps"),
        since: since
            .map(|ago| logs::timestamp(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))),
    };
    let tail = args.get_one::<String>("tail").map(|n| n.parse::<i64>()).transpose();
    let tail = tail.map_err(|_| Error::usage("--tail necesita un número"))?.filter(|n| *n >= 0);
    let path = dir.join(format!("{life}.log"));
    let mut at = std::fs::metadata(&path).map_or(0, |m| m.len());
    let mut lines = logs::read(&dir, life);
    if let Some(n) = tail {
        // una línea partida cuenta una vez
        let whole = lines.iter().enumerate().filter(|(_, l)| !l.partial).map(|(i, _)| i).collect::<Vec<_>>();
        let keep = whole.len().checked_sub(n as usize).filter(|k| *k > 0);
        if let Some(before) = keep.and_then(|k| whole.get(k - 1)) {
            lines.drain(..=*before);
        }
    }
    if print(&lines, &shape).is_err() || !args.get_flag("follow") {
        return Ok(exit::OK);
    }
    // una línea a medias se vuelve a leer entera
    at = logs::read_file(&path, 0).1.min(at);
    follow(&seen.record.name, &path, life, &dir, at, &shape)
}

/// Sigue leyendo hasta que el Pod acabe o nadie escuche.
fn follow(
    pod: &str,
    path: &Path,
    mut life: u32,
    dir: &Path,
    mut at: u64,
    shape: &Shape,
) -> Result<u8, Error> {
    let mut path = path.to_path_buf();
    loop {
        let over = state::see(pod).is_none_or(|seen| seen.live.status.phase.is_final() || !seen.supervised);
        if std::fs::metadata(&path).is_ok_and(|m| m.len() < at) {
            at = 0; // se ha apartado: el fichero es nuevo
        }
        let (lines, next) = logs::read_file(&path, at);
        at = next;
        if print(&lines, shape).is_err() {
            return Ok(exit::OK);
        }
        if let Some(newer) = logs::last_life(dir).filter(|n| *n > life && lines.is_empty()) {
            term::note(&format!("(el contenedor se ha reiniciado: vida {newer})"));
            (life, at, path) = (newer, 0, dir.join(format!("{newer}.log")));
            continue;
        }
        if over {
            return Ok(exit::OK);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn print(lines: &[Line], shape: &Shape) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut starts = true;
    for line in lines.iter().filter(|l| shape.since.as_ref().is_none_or(|since| l.stamp >= *since)) {
        if shape.timestamps && starts {
            write!(out, "{} ", line.stamp)?;
        }
        out.write_all(&line.text)?;
        starts = !line.partial;
        if starts {
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}
