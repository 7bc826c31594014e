//! `micropod logs`: lo que ha escrito un contenedor, o todos los de unos cuantos Pods.

use super::pick::Pick;
use super::{choose_container, duration, require_root, term};
use crate::error::{Error, exit};
use crate::logic::status::{ContainerState, ContainerStatus};
use crate::logs::{self, Line};
use crate::output::time;
use crate::state::{self, Seen};
use clap::ArgMatches;
use std::collections::VecDeque;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub fn logs(args: &ArgMatches) -> Result<u8, Error> {
    require_root("leer los logs")?;
    let shape = Shape::new(args)?;
    let mut sources = Vec::new();
    for seen in chosen(args)? {
        for id in containers(&seen, args)? {
            sources.push(Source::find(&seen, id, args.get_flag("previous"), &shape)?);
        }
    }
    let mut out = Out { to: std::io::BufWriter::new(std::io::stdout()), shape: &shape };
    for source in &mut sources {
        // si nadie lee, no hay a quién escribir
        if source.dump(&mut out).is_err() {
            return Ok(exit::OK);
        }
    }
    if args.get_flag("follow") {
        follow(&mut sources, &mut out);
    }
    Ok(exit::OK)
}

/// El Pod nombrado, o los que tienen unas etiquetas.
fn chosen(args: &ArgMatches) -> Result<Vec<Seen>, Error> {
    crate::gc::sweep_pending();
    if let Some(word) = args.get_one::<String>("POD") {
        if args.contains_id("selector") {
            return Err(Error::usage("only a selector (-l) or a POD name is allowed"));
        }
        return Ok(vec![super::see_in(args, super::bare_name(word))?]);
    }
    let pick = Pick::new(args)?;
    if !pick.is_said() {
        return Err(Error::usage("falta el nombre del Pod").with_hint("micropod logs NOMBRE, o -l app=web"));
    }
    let seen = pick.present();
    if seen.is_empty() {
        term::note(&pick.namespace.nothing("resources"));
    }
    Ok(seen)
}

fn containers(seen: &Seen, args: &ArgMatches) -> Result<Vec<usize>, Error> {
    if args.get_flag("all-containers") {
        return Ok((0..seen.record.plans.len()).collect());
    }
    let wanted = args.get_one::<String>("container").or(args.get_one::<String>("CONTENEDOR"));
    Ok(vec![choose_container(seen, wanted)?])
}

/// Qué se enseña de cada línea, y cuáles.
struct Shape {
    timestamps: bool,
    prefix: bool,
    /// Hora (RFC 3339) desde la que se enseñan.
    since: Option<String>,
    /// Cuántas, contando desde el final.
    tail: Option<usize>,
    /// Bytes de cada contenedor.
    limit: Option<u64>,
}

impl Shape {
    fn new(args: &ArgMatches) -> Result<Shape, Error> {
        let text = |name: &str| args.get_one::<String>(name).map(String::as_str);
        let ago = text("since").map(duration).transpose()?;
        let from = ago.map(|ago| SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH));
        let exact = text("since-time").map(|stamp| {
            let seconds = time::parse(stamp).and_then(|at| u64::try_from(at).ok()).ok_or_else(|| {
                Error::usage(format!("«{stamp}» no es una hora")).with_hint("como esta: 2026-11-23T16:10:03Z")
            });
            seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
        });
        let exact = exact.transpose()?;
        if from.is_some() && exact.is_some() {
            return Err(Error::usage("at most one of `sinceTime` or `sinceSeconds` may be specified")
                .with_hint("o --since o --since-time"));
        }
        // con un selector, como en kubectl, solo las diez últimas de cada uno
        let default = if args.contains_id("selector") { 10 } else { -1 };
        let tail = text("tail").map_or(Ok(default), str::parse::<i64>);
        let limit = text("limit-bytes").map(str::parse::<u64>).transpose();
        let tail = tail.map_err(|_| Error::usage("--tail necesita un número"))?;
        if tail < -1 {
            return Err(Error::usage("--tail must be greater than or equal to -1"));
        }
        Ok(Shape {
            timestamps: args.get_flag("timestamps"),
            prefix: args.get_flag("prefix"),
            since: from.or(exact).map(logs::timestamp),
            tail: usize::try_from(tail).ok(),
            limit: limit
                .ok()
                .filter(|limit| *limit != Some(0))
                .ok_or_else(|| Error::usage("--limit-bytes necesita un número mayor que cero"))?,
        })
    }
}

/// Por donde salen las líneas.
struct Out<'a> {
    to: std::io::BufWriter<std::io::Stdout>,
    shape: &'a Shape,
}

/// Los logs de un contenedor, y por dónde se van leyendo.
struct Source {
    pod: String,
    container: String,
    dir: PathBuf,
    life: u32,
    /// Byte del fichero actual desde el que falta por leer.
    at: u64,
    /// Bytes que aún se pueden enseñar.
    left: Option<u64>,
    /// ¿Lo siguiente empieza línea?
    starts: bool,
}

impl Source {
    fn find(seen: &Seen, id: usize, previous: bool, shape: &Shape) -> Result<Source, Error> {
        let (pod, container) = (seen.record.name.clone(), seen.record.plans[id].name.clone());
        let dir = state::log_dir(&pod).join(&container);
        let status = seen.live.status.all().nth(id);
        let last = logs::last_life(&dir).ok_or_else(|| {
            refused(&not_started(&pod, &container, status))
                .with_hint(format!("aún no ha escrito nada; mira por qué con `micropod describe pod {pod}`"))
        })?;
        let life = match (previous, last.checked_sub(1)) {
            (false, _) => last,
            (true, Some(before)) => before,
            (true, None) => {
                return Err(refused(&no_previous(&pod, &container))
                    .with_hint("solo ha tenido una vida: sus logs se ven sin -p"));
            }
        };
        Ok(Source { pod, container, dir, life, at: 0, left: shape.limit, starts: true })
    }

    fn file(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.life))
    }

    /// Enseña lo que ya hay. De un contenedor que escribió mucho no se guarda en memoria más que lo
    /// que se va a enseñar.
    fn dump(&mut self, out: &mut Out) -> std::io::Result<()> {
        let mut kept: VecDeque<Line> = VecDeque::new();
        // una línea partida cuenta una vez
        let mut whole = 0;
        for file in logs::files(&self.dir, self.life) {
            let mut failed = Ok(());
            self.at = logs::each(&file, 0, |line| {
                let Some(tail) = out.shape.tail else {
                    failed = self.write(&line, out);
                    return if failed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                };
                whole += usize::from(!line.partial);
                kept.push_back(line);
                while whole > tail {
                    whole -= usize::from(kept.pop_front().is_some_and(|line| !line.partial));
                }
                ControlFlow::Continue(())
            });
            failed?;
        }
        for line in kept {
            self.write(&line, out)?;
        }
        out.to.flush()
    }

    fn write(&mut self, line: &Line, out: &mut Out) -> std::io::Result<()> {
        if out.shape.since.as_ref().is_some_and(|since| line.stamp < *since) || self.left == Some(0) {
            return Ok(());
        }
        if self.starts && out.shape.prefix {
            write!(out.to, "[pod/{}/{}] ", self.pod, self.container)?;
        }
        let mut text = Vec::with_capacity(line.text.len() + 40);
        if self.starts && out.shape.timestamps {
            text.extend_from_slice(line.stamp.as_bytes());
            text.push(b' ');
        }
        text.extend_from_slice(&line.text);
        self.starts = !line.partial;
        if self.starts {
            text.push(b'\n');
        }
        if let Some(left) = &mut self.left {
            text.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= text.len() as u64;
        }
        out.to.write_all(&text)
    }

    /// Enseña lo nuevo; `false` si no hay nada.
    fn advance(&mut self, out: &mut Out) -> std::io::Result<bool> {
        let file = self.file();
        if std::fs::metadata(&file).is_ok_and(|m| m.len() < self.at) {
            self.at = 0; // se ha apartado: el fichero es nuevo
        }
        let (lines, next) = logs::read_file(&file, self.at);
        self.at = next;
        for line in &lines {
            self.write(line, out)?;
        }
        if !lines.is_empty() {
            out.to.flush()?;
            return Ok(true);
        }
        let Some(newer) = logs::last_life(&self.dir).filter(|n| *n > self.life) else { return Ok(false) };
        term::note(&format!("(el contenedor {} se ha reiniciado: vida {newer})", self.container));
        (self.life, self.at, self.starts) = (newer, 0, true);
        Ok(true)
    }
}

/// Sigue leyendo hasta que los Pods acaben, no quede nada que enseñar o nadie escuche.
fn follow(sources: &mut Vec<Source>, out: &mut Out) {
    while !sources.is_empty() {
        let is_over = |pod: &str| {
            state::see(pod).is_none_or(|seen| seen.live.status.phase.is_final() || !seen.supervised)
        };
        // se mira antes de leer: lo que escriba justo al acabar no se pierde
        let over: Vec<bool> = sources.iter().map(|source| is_over(&source.pod)).collect();
        let mut alive = Vec::new();
        for (source, over) in sources.iter_mut().zip(over) {
            match source.advance(out) {
                Ok(news) => alive.push((news || !over) && source.left != Some(0)),
                Err(_) => return,
            }
        }
        let mut alive = alive.into_iter();
        sources.retain(|_| alive.next().unwrap_or(false));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Lo que contesta Kubernetes si un contenedor aún no ha escrito nada.
pub fn not_started(pod: &str, container: &str, status: Option<&ContainerStatus>) -> String {
    let reason = status.and_then(|status| match &status.state {
        ContainerState::Waiting { reason, .. } => Some(reason.as_str()),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => None,
    });
    let reason = reason.unwrap_or("ContainerCreating");
    format!("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}")
}

/// Lo que contesta Kubernetes si se piden los de la vida anterior de quien no la tiene.
pub fn no_previous(pod: &str, container: &str) -> String {
    format!("previous terminated container \"{container}\" in pod \"{pod}\" not found")
}

fn refused(message: &str) -> Error {
    Error::failed(format!("Error from server (BadRequest): {message}"))
}
