//! Quien lee una grabación, de este Pod o de otro, escrita por nosotros o por cualquiera.

use super::{CURRENT, Header, OLDER, Step};
use crate::data::{self, Fault};
use crate::error::Error;
use crate::logic::Pod;
use crate::spec::errors::visible;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

/// Una grabación ya leída y con sentido.
#[derive(Clone, Debug)]
pub struct Recording {
    pub header: Header,
    /// Los pasos y, donde se cambió de fichero, cómo estaba el núcleo: sirve para comprobar.
    pub lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub enum Line {
    Step(usize, Step),
    Checkpoint(usize, Box<Pod>),
}

/// Lo más que se lee: más de lo que ocupa ninguna.
const MAX_BYTES: u64 = 64 << 20;

enum Any {
    Step(Step),
    Header(Box<Header>),
}

/// Una línea. Se mira por dónde empieza: así serde no tiene que guardarla para probar dos veces.
fn any(raw: &[u8]) -> Result<Any, Fault> {
    match raw.starts_with(b"{\"micropod\"") {
        true => Ok(Any::Header(data::read(raw)?)),
        false => Ok(Any::Step(data::read(raw)?)),
    }
}

/// Los bytes de la grabación del Pod `name`, de lo más viejo a lo más nuevo.
pub fn of_pod(name: &str) -> Result<Vec<u8>, Error> {
    let dir = crate::state::log_dir(name);
    let mut bytes = Vec::new();
    for file in [OLDER, CURRENT] {
        if let Ok(more) = std::fs::read(dir.join(file)) {
            bytes.extend(more);
        }
    }
    if bytes.is_empty() {
        return Err(Error::failed(format!("el Pod `{name}` no tiene grabación en {}", dir.display()))
            .with_hint("se graba desde que nace; lo creó una versión anterior, o no se pudo escribir"));
    }
    Ok(bytes)
}

impl Recording {
    /// Entiende los bytes de una grabación. `file`: de dónde salen, para los errores.
    pub fn parse(file: &str, source: impl Read) -> Result<Recording, Error> {
        let bad = |line: usize, why: String| {
            Error::usage(format!("{file}, línea {line}: {why}"))
                .with_hint("una grabación es lo que escribe `micropod graba POD FICHERO`")
        };
        let mut header: Option<Header> = None;
        let mut lines = Vec::new();
        let mut last = 0;
        let mut reader = BufReader::new(source.take(MAX_BYTES));
        let mut raw = Vec::new();
        let mut number = 0;
        loop {
            raw.clear();
            let read = reader.read_until(b'\n', &mut raw);
            match read {
                Ok(0) => break,
                Ok(_) => number += 1,
                Err(error) => return Err(bad(number, error.to_string())),
            }
            // la última línea de un Pod que aún vive puede estar a medias
            if raw.last() != Some(&b'\n') {
                break;
            }
            let any = any(&raw).map_err(|_| {
                bad(number, format!("no se entiende: {}", visible(&String::from_utf8_lossy(&raw), 60)))
            })?;
            match any {
                Any::Header(new) if !new.pod.makes_sense() => {
                    return Err(bad(number, "el estado del núcleo no tiene sentido".into()));
                }
                Any::Header(new) if header.as_ref().is_some_and(|h| h.uid != new.uid) => {
                    return Err(bad(number, "empieza la grabación de otro Pod".into()));
                }
                Any::Header(new) => match &header {
                    None => header = Some(*new),
                    Some(_) => lines.push(Line::Checkpoint(number, Box::new(new.pod))),
                },
                Any::Step(_) if header.is_none() => {
                    return Err(bad(number, "falta la primera línea, que dice de qué Pod es".into()));
                }
                Any::Step(step) if step.t < last => {
                    return Err(bad(number, "el tiempo va hacia atrás".into()));
                }
                Any::Step(step) => {
                    last = step.t;
                    lines.push(Line::Step(number, step));
                }
            }
        }
        let header = header.ok_or_else(|| bad(1, "la grabación está vacía".into()))?;
        Ok(Recording { header, lines })
    }

    /// Hasta cuándo llega.
    pub fn end(&self) -> Duration {
        let last = self.lines.iter().rev().find_map(|line| match line {
            Line::Step(_, step) => Some(Duration::from_nanos(step.t)),
            Line::Checkpoint(..) => None,
        });
        last.unwrap_or(self.header.pod.now())
    }
}

/// La grabación que hay en `what`: un fichero, si es una ruta o acaba en `.jsonl`; si no, la del Pod.
pub fn read(what: &str) -> Result<Recording, Error> {
    if what.contains('/') && !what.starts_with("pod/") || what.ends_with(".jsonl") || what == "-" {
        let file = if what == "-" { "entrada estándar".to_string() } else { visible(what, 200) };
        if what == "-" {
            return Recording::parse(&file, std::io::stdin().lock());
        }
        let opened = std::fs::File::open(Path::new(what)).map_err(|e| {
            Error::usage(format!("no se puede leer `{file}`"))
                .with_hint(crate::error::spanish(crate::kernel::ops::errno_of(&e)))
        })?;
        return Recording::parse(&file, opened);
    }
    let seen = crate::cli::see(what.strip_prefix("pod/").unwrap_or(what))?;
    let bytes = of_pod(&seen.record.name)?;
    Recording::parse(&format!("la grabación de {}", seen.record.name), bytes.as_slice())
}
