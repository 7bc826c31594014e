//! Los logs de un contenedor, servidos poco a poco: nunca hay en memoria más que lo que cabe en la
//! salida de quien los pide.

use super::answer::Problem;
use super::http::Request;
use crate::cli::duration;
use crate::cli::logs::{no_previous, not_started};
use crate::logic::status::ContainerState;
use crate::logs::{self, Line};
use crate::output::time;
use crate::state::{self, Seen};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Qué se enseña de cada línea, y cuáles.
struct Shape {
    timestamps: bool,
    /// Hora (RFC 3339) desde la que se enseñan.
    since: Option<String>,
    /// Líneas del principio que sobran.
    skip: usize,
    /// Bytes que aún se pueden enseñar.
    left: Option<u64>,
    /// ¿Lo siguiente empieza línea?
    starts: bool,
}

pub struct LogStream {
    pod: String,
    uid: String,
    /// Cuál es, entre los del Pod.
    id: usize,
    dir: PathBuf,
    life: u32,
    /// Los ficheros de esa vida, por cuál se va y por qué byte.
    files: Vec<PathBuf>,
    file: usize,
    at: u64,
    follow: bool,
    shape: Shape,
}

/// Cómo ha quedado tras leer un poco.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// Queda más por leer.
    More,
    /// No hay nada por ahora.
    Idle,
    End,
}

impl LogStream {
    pub fn open(seen: &Seen, request: &Request) -> Result<LogStream, Problem> {
        let id = container(seen, request.query("container"))?;
        let (pod, name) = (&seen.record.name, &seen.record.plans[id].name);
        let dir = state::log_dir(pod).join(name);
        let status = seen.live.status.all().nth(id);
        let last =
            logs::last_life(&dir).ok_or_else(|| Problem::bad_request(not_started(pod, name, status)))?;
        let life = match (request.asks("previous"), last.checked_sub(1)) {
            (false, _) => last,
            (true, Some(before)) => before,
            (true, None) => return Err(Problem::bad_request(no_previous(pod, name))),
        };
        let tail = number(request, "tailLines")?;
        let files = logs::files(&dir, life);
        let shape = Shape {
            timestamps: request.asks("timestamps"),
            since: since(request)?,
            skip: tail.map_or(0, |tail| whole_lines(&files).saturating_sub(tail as usize)),
            left: number(request, "limitBytes")?,
            starts: true,
        };
        Ok(LogStream {
            pod: pod.clone(),
            uid: seen.record.uid.clone(),
            id,
            dir,
            life,
            files,
            file: 0,
            at: 0,
            follow: request.asks("follow") && !request.asks("previous"),
            shape,
        })
    }

    /// Añade a `out` lo que haya, hasta pasar de `room` bytes.
    pub fn pump(&mut self, out: &mut Vec<u8>, room: usize) -> Progress {
        // se mira antes de leer: lo que escriba justo al acabar no se pierde
        let over = !self.follow || self.is_over();
        loop {
            if self.shape.left == Some(0) {
                return Progress::End;
            }
            let path = &self.files[self.file];
            if std::fs::metadata(path).is_ok_and(|data| data.len() < self.at) {
                self.at = 0; // se ha apartado: el fichero es nuevo
            }
            let shape = &mut self.shape;
            self.at = logs::each(path, self.at, |line| {
                shape.write(&line, out);
                if out.len() >= room { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if out.len() >= room {
                return Progress::More;
            }
            if self.file + 1 == self.files.len() {
                return if over { Progress::End } else { Progress::Idle };
            }
            self.file += 1;
            self.at = 0;
        }
    }

    /// Como en Kubernetes, se sigue una vida: si el contenedor renace, hay que volver a pedirlo.
    fn is_over(&self) -> bool {
        let Some(seen) = state::see(&self.pod).filter(|seen| seen.record.uid == self.uid) else {
            return true;
        };
        let status = &seen.live.status;
        let own = status.all().nth(self.id);
        let runs = own.is_some_and(|own| matches!(own.state, ContainerState::Running { .. }));
        !seen.supervised || !runs || logs::last_life(&self.dir).is_some_and(|last| last > self.life)
    }
}

impl Shape {
    fn write(&mut self, line: &Line, out: &mut Vec<u8>) {
        if self.skip > 0 {
            self.skip -= usize::from(!line.partial);
            return;
        }
        if self.since.as_ref().is_some_and(|since| line.stamp < *since) {
            return;
        }
        let before = out.len();
        if self.starts && self.timestamps {
            out.extend_from_slice(line.stamp.as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(&line.text);
        self.starts = !line.partial;
        if self.starts {
            out.push(b'\n');
        }
        if let Some(left) = &mut self.left {
            let wrote = (out.len() - before).min(usize::try_from(*left).unwrap_or(usize::MAX));
            out.truncate(before + wrote);
            *left -= wrote as u64;
        }
    }
}

/// Las líneas enteras que hay: una partida en trozos cuenta una vez.
fn whole_lines(files: &[PathBuf]) -> usize {
    let mut count = 0;
    for path in files {
        logs::each(path, 0, |line| {
            count += usize::from(!line.partial);
            ControlFlow::Continue(())
        });
    }
    count
}

fn container(seen: &Seen, wanted: Option<&str>) -> Result<usize, Problem> {
    let pod = &seen.record.name;
    let names: Vec<&str> = seen.record.plans.iter().map(|plan| plan.name.as_str()).collect();
    match wanted.filter(|name| !name.is_empty()) {
        Some(name) => names.iter().position(|known| *known == name).ok_or_else(|| {
            let name = crate::spec::errors::visible(name, 80);
            Problem::bad_request(format!("container {name} is not valid for pod {pod}"))
        }),
        None if names.len() == 1 => Ok(0),
        None => Err(Problem::bad_request(format!(
            "a container name must be specified for pod {pod}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

fn number(request: &Request, name: &str) -> Result<Option<u64>, Problem> {
    let bad = |text: &str| {
        let text = crate::spec::errors::visible(text, 40);
        Problem::bad_request(format!(
            "{name}: Invalid value: \"{text}\": must be a number greater than or equal to 0"
        ))
    };
    // -1 es «todas», como en kubectl
    let said = request.query(name).filter(|text| *text != "-1");
    said.map(|text| text.parse().map_err(|_| bad(text))).transpose()
}

fn since(request: &Request) -> Result<Option<String>, Problem> {
    let bad = |text: &str| {
        Problem::bad_request(format!("«{}» no es una hora", crate::spec::errors::visible(text, 40)))
    };
    if let Some(text) = request.query("sinceSeconds") {
        let ago = duration(text).map_err(|_| bad(text))?;
        let from = SystemTime::now().checked_sub(ago).unwrap_or(UNIX_EPOCH);
        return Ok(Some(logs::timestamp(from)));
    }
    let Some(text) = request.query("sinceTime") else { return Ok(None) };
    let seconds = time::parse(text).and_then(|at| u64::try_from(at).ok()).ok_or_else(|| bad(text))?;
    Ok(Some(logs::timestamp(UNIX_EPOCH + Duration::from_secs(seconds))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, partial: bool) -> Line {
        Line { stamp: "2026-11-23T16:10:03.000000000Z".into(), text: text.into(), partial }
    }

    fn shown(mut shape: Shape, lines: &[Line]) -> String {
        let mut out = Vec::new();
        lines.iter().for_each(|line| shape.write(line, &mut out));
        String::from_utf8(out).unwrap()
    }

    fn plain() -> Shape {
        Shape { timestamps: false, since: None, skip: 0, left: None, starts: true }
    }

    #[test]
    fn una_linea_partida_es_una_sola_para_la_hora_y_para_la_cuenta() {
        let lines = [line("uno", false), line("dos ", true), line("y medio", false), line("tres", false)];
        assert_eq!(shown(plain(), &lines), "uno\ndos y medio\ntres\n");
        assert_eq!(shown(Shape { skip: 1, ..plain() }, &lines), "dos y medio\ntres\n");
        assert_eq!(shown(Shape { skip: 2, ..plain() }, &lines), "tres\n");
        let stamped = shown(Shape { timestamps: true, ..plain() }, &lines);
        assert_eq!(stamped.matches("2026-").count(), 3, "{stamped}");
    }

    #[test]
    fn el_tope_de_bytes_y_la_hora_recortan() {
        let lines = [line("uno", false), line("dos", false)];
        assert_eq!(shown(Shape { left: Some(6), ..plain() }, &lines), "uno\ndo");
        let later = Some("2026-11-23T16:10:04".to_string());
        assert_eq!(shown(Shape { since: later, ..plain() }, &lines), "");
    }

    #[test]
    fn los_numeros_que_no_lo_son_se_dicen() {
        let asking = |name: &str, value: &str| Request {
            query: vec![(name.into(), value.into())],
            ..Request::default()
        };
        assert_eq!(number(&asking("tailLines", "5"), "tailLines").unwrap(), Some(5));
        assert_eq!(number(&asking("tailLines", "-1"), "tailLines").unwrap(), None);
        assert_eq!(number(&asking("tailLines", "-7"), "tailLines").unwrap_err().status, 400);
        assert!(since(&asking("sinceTime", "ayer")).is_err());
        assert_eq!(
            since(&asking("sinceTime", "2026-11-23T16:10:03Z")).unwrap().unwrap(),
            "2026-11-23T16:10:03.000000000Z"
        );
        assert!(since(&asking("sinceSeconds", "30")).unwrap().is_some());
    }
}
