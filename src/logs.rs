//! Los logs de los contenedores, en el formato de CRI y con tope.
//!
//! ```text
//! 2026-11-23T16:10:03.123456789Z stdout F una línea entera
//! 2026-11-23T16:10:03.123456789Z stderr P un trozo de una línea muy larga
//! ```
//!
//! Cada contenedor tiene un fichero por vida (`0.log`, `1.log`…). Al pasar de 10 MiB se aparta
//! como `0.log.1`, y se guardan cinco. Escribir es añadir a un fichero: nunca se espera a nadie.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

// ANCHOR: limits
/// Un fichero de log no pasa de aquí…
const MAX_FILE: u64 = 10 * 1024 * 1024;
/// …y se guardan estos, contando el actual.
const MAX_FILES: u32 = 5;
/// Una línea más larga se parte en trozos.
const MAX_LINE: usize = 16 * 1024;
// ANCHOR_END: limits

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// Escribe los logs de una vida de un contenedor.
pub struct LogWriter {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    /// Lo que aún no ha terminado en salto de línea, de cada flujo.
    pending: [Vec<u8>; 2],
    /// Reutilizado en cada escritura.
    out: Vec<u8>,
    /// Lo que no se pudo escribir (disco lleno).
    pub lost: u64,
    /// De ello, lo que aún no se ha dicho en el propio log.
    unsaid: u64,
}

impl LogWriter {
    /// Si no se puede abrir, los logs se pierden y se cuenta cuántos bytes: el contenedor sigue.
    pub fn open(dir: &Path, life: u32) -> LogWriter {
        let path = dir.join(format!("{life}.log"));
        // el error lo dirá la primera escritura
        let _ = crate::state::make_private_dir(dir);
        let file = open_new(&path);
        LogWriter {
            path,
            file,
            size: 0,
            pending: [Vec::new(), Vec::new()],
            out: Vec::new(),
            lost: 0,
            unsaid: 0,
        }
    }

    // ANCHOR: write
    /// Parte `bytes` en líneas y las escribe de una vez.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) {
        let stamp = timestamp(now);
        self.out.clear();
        let pending = &mut self.pending[stream as usize];
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ended) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let mut text = text;
            while pending.len() + text.len() > MAX_LINE {
                let (fits, rest) = text.split_at(MAX_LINE - pending.len());
                pending.extend_from_slice(fits);
                append(&mut self.out, &stamp, stream, b'P', pending);
                pending.clear();
                text = rest;
            }
            pending.extend_from_slice(text);
            if ended {
                append(&mut self.out, &stamp, stream, b'F', pending);
                pending.clear();
            }
        }
        self.flush(&stamp);
    }
    // ANCHOR_END: write

    /// El contenedor ha acabado: la última línea puede no llevar salto.
    pub fn finish(&mut self, now: SystemTime) {
        let stamp = timestamp(now);
        self.out.clear();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let pending = std::mem::take(&mut self.pending[stream as usize]);
            if !pending.is_empty() {
                append(&mut self.out, &stamp, stream, b'F', &pending);
            }
        }
        self.flush(&stamp);
    }

    fn flush(&mut self, stamp: &str) {
        if self.out.is_empty() {
            return;
        }
        let bytes = self.out.len() as u64;
        if self.unsaid > 0 {
            // quien lea los logs ha de saber que aquí falta algo
            let gap = format!("micropod: aquí faltan {} bytes: no se pudieron escribir", self.unsaid);
            let text = std::mem::take(&mut self.out);
            append(&mut self.out, stamp, Stream::Stderr, b'F', gap.as_bytes());
            self.out.extend(text);
            if self.file.is_none() {
                self.file = open_new(&self.path);
            }
        }
        if self.size + self.out.len() as u64 > MAX_FILE && self.size > 0 {
            self.rotate();
        }
        match self.file.as_mut().map(|file| file.write_all(&self.out)) {
            Some(Ok(())) => {
                self.size += self.out.len() as u64;
                self.unsaid = 0;
            }
            Some(Err(error)) => self.lose(bytes, &error.to_string()),
            None => self.lose(bytes, "no se pudo crear"),
        }
    }

    /// No se pudo escribir. Se dice la primera vez; después, solo a quien mira los diagnósticos.
    fn lose(&mut self, bytes: u64, why: &str) {
        let shown = self.path.display();
        if self.lost == 0 {
            log::error!("{shown}: {why}: lo que escriba el contenedor no queda en sus logs");
        }
        // lo que llegó a escribirse de una línea a medias no es una línea
        if let Some(file) = &mut self.file {
            let _ = file.set_len(self.size).and_then(|()| file.seek(std::io::SeekFrom::Start(self.size)));
        }
        self.lost += bytes;
        self.unsaid += bytes;
        log::warn!("{shown}: {} bytes de log perdidos", self.lost);
    }

    /// `0.log` pasa a ser `0.log.1`, este `0.log.2`…, y el más viejo se pierde.
    fn rotate(&mut self) {
        for n in (1..MAX_FILES).rev() {
            let from = if n == 1 { self.path.clone() } else { numbered(&self.path, n - 1) };
            // si aún no hay tantos, no hay nada que mover
            let _ = fs::rename(from, numbered(&self.path, n));
        }
        self.file = open_new(&self.path);
        self.size = 0;
    }
}

fn open_new(path: &Path) -> Option<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path).ok()
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

fn append(out: &mut Vec<u8>, stamp: &str, stream: Stream, mark: u8, text: &[u8]) {
    out.extend_from_slice(stamp.as_bytes());
    out.push(b' ');
    out.extend_from_slice(stream.name().as_bytes());
    out.extend_from_slice(&[b' ', mark, b' ']);
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// Una línea leída de los logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Tal como está escrita: RFC 3339 con nanosegundos.
    pub stamp: String,
    pub text: Vec<u8>,
    /// ¿Sigue en la línea siguiente?
    pub partial: bool,
}

/// Los ficheros de una vida, del más viejo al actual.
pub fn files(dir: &Path, life: u32) -> Vec<PathBuf> {
    let path = dir.join(format!("{life}.log"));
    (1..MAX_FILES).rev().map(|n| numbered(&path, n)).chain([path.clone()]).collect()
}

/// Las líneas de una vida, de la más vieja a la más nueva, con sus ficheros apartados.
pub fn read(dir: &Path, life: u32) -> Vec<Line> {
    files(dir, life).iter().flat_map(|path| read_file(path, 0).0).collect()
}

/// Las líneas de `path` desde el byte `from`, y por dónde se quedó: una línea a medias no cuenta.
pub fn read_file(path: &Path, from: u64) -> (Vec<Line>, u64) {
    let mut lines = Vec::new();
    let at = each(path, from, |line| {
        lines.push(line);
        ControlFlow::Continue(())
    });
    (lines, at)
}

/// Lo mismo de una en una, sin guardarlas: un fichero puede ser muy grande.
pub fn each(path: &Path, from: u64, mut attend: impl FnMut(Line) -> ControlFlow<()>) -> u64 {
    use std::io::{Seek, SeekFrom};
    let mut at = from;
    let Ok(mut file) = File::open(path) else { return at };
    if file.seek(SeekFrom::Start(from)).is_err() {
        return at;
    }
    let mut reader = BufReader::new(file);
    let mut raw = Vec::new();
    while reader.read_until(b'\n', &mut raw).is_ok_and(|n| n > 0) {
        if raw.last() != Some(&b'\n') {
            break;
        }
        at += raw.len() as u64;
        if parse(&raw[..raw.len() - 1]).is_some_and(|line| attend(line).is_break()) {
            break;
        }
        raw.clear();
    }
    at
}

fn parse(raw: &[u8]) -> Option<Line> {
    let mut parts = raw.splitn(4, |b| *b == b' ');
    let stamp = String::from_utf8(parts.next()?.to_vec()).ok()?;
    let _stream = parts.next()?;
    let partial = parts.next()? == b"P";
    Some(Line { stamp, text: parts.next()?.to_vec(), partial })
}

/// El final de lo que escribió una vida: como mucho `max_lines` líneas y `max_bytes` bytes. Los logs
/// pueden ocupar 50 MiB: solo se mira el final.
pub fn tail(dir: &Path, life: u32, max_lines: usize, max_bytes: usize) -> Vec<u8> {
    let path = dir.join(format!("{life}.log"));
    // cada línea lleva delante unos 45 bytes de hora y de flujo
    let enough = (max_bytes + max_lines * 64) as u64;
    let mut lines = Vec::new();
    for path in [numbered(&path, 1), path] {
        let from = fs::metadata(&path).map_or(0, |m| m.len().saturating_sub(enough));
        // si se empieza por en medio, la primera línea está cortada
        lines.extend(read_file(&path, from).0.into_iter().skip(usize::from(from > 0)));
    }
    let first = lines.len().saturating_sub(max_lines);
    let mut text = Vec::new();
    for line in &lines[first..] {
        text.extend_from_slice(&line.text);
        if !line.partial {
            text.push(b'\n');
        }
    }
    text.split_off(text.len().saturating_sub(max_bytes))
}

/// La última vida con logs en `dir`.
pub fn last_life(dir: &Path) -> Option<u32> {
    let names = crate::state::names_in(dir);
    names.iter().filter_map(|n| n.strip_suffix(".log")?.parse().ok()).max()
}

/// Una hora del reloj en RFC 3339, UTC y con nanosegundos.
pub fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let civil = Civil::from_unix(since.as_secs());
    format!("{}T{}.{:09}Z", civil.date(), civil.time(), since.subsec_nanos())
}

/// Una fecha del calendario, en UTC.
pub struct Civil {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    /// 0: jueves, 1 de enero de 1970.
    pub days: u64,
    seconds: u64,
}

impl Civil {
    /// De segundos desde 1970 a fecha. El año empieza en marzo, para que el día bisiesto sea el último.
    pub fn from_unix(seconds: u64) -> Civil {
        let days = seconds / 86_400;
        let shifted = days + 719_468; // desde el 1 de marzo del año 0
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Civil { year: year_of_era + era * 400 + carry, month, day, days, seconds: seconds % 86_400 }
    }

    pub fn date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    pub fn time(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(test: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("micropod-logs-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    fn texts(dir: &Path) -> Vec<String> {
        read(dir, 0).iter().map(|l| String::from_utf8_lossy(&l.text).into_owned()).collect()
    }

    #[test]
    fn las_lineas_son_las_mismas_se_lea_como_se_lea() {
        let text = b"uno\ndos\n\ncuatro largo \xff\xfe\x00 fin\nultima sin salto";
        for size in 1..text.len() {
            let dir = folder("trozos");
            let mut logs = LogWriter::open(&dir, 0);
            for chunk in text.chunks(size) {
                logs.write(Stream::Stdout, chunk, UNIX_EPOCH);
            }
            logs.finish(UNIX_EPOCH);
            let lines = read(&dir, 0);
            assert_eq!(lines.len(), 5, "trozos de {size}");
            assert_eq!(lines[3].text, b"cuatro largo \xff\xfe\x00 fin");
            assert_eq!(lines[4].text, b"ultima sin salto");
            fs::remove_dir_all(dir).unwrap();
        }
    }

    #[test]
    fn una_linea_muy_larga_se_parte_sin_perder_nada() {
        let dir = folder("larga");
        let mut logs = LogWriter::open(&dir, 0);
        let long = vec![b'x'; 3 * MAX_LINE + 5];
        logs.write(Stream::Stderr, &long, UNIX_EPOCH);
        logs.write(Stream::Stderr, b"\n", UNIX_EPOCH);
        let lines = read(&dir, 0);
        assert_eq!(lines.iter().map(|l| l.partial).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(lines.iter().map(|l| l.text.len()).sum::<usize>(), long.len());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn al_pasar_del_tope_se_aparta_y_solo_se_pierde_lo_mas_viejo() {
        let dir = folder("rota");
        let mut logs = LogWriter::open(&dir, 0);
        let block: Vec<u8> = (0..1024)
            .flat_map(|_| *b"0123456789012345678901234567890123456789012345678901234567890123\n")
            .collect();
        for _ in 0..600 {
            logs.write(Stream::Stdout, &block, UNIX_EPOCH);
        }
        let files = crate::state::names_in(&dir);
        assert_eq!(files.len(), MAX_FILES as usize, "{files:?}");
        let total: u64 = files.iter().map(|f| fs::metadata(dir.join(f)).unwrap().len()).sum();
        assert!(total <= MAX_FILE * u64::from(MAX_FILES), "{total}");
        assert!(texts(&dir).len() > 400_000, "se conserva casi todo: {}", texts(&dir).len());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn un_disco_que_no_admite_nada_cuenta_lo_perdido() {
        let mut logs = LogWriter::open(Path::new("/proc/no-se-puede"), 0);
        logs.write(Stream::Stdout, b"hola\n", UNIX_EPOCH);
        assert!(logs.lost > 0);
    }

    #[test]
    fn las_fechas_son_las_del_calendario() {
        let at = |s| timestamp(UNIX_EPOCH + Duration::new(s, 5));
        assert_eq!(at(0), "1970-01-01T00:00:00.000000005Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000000005Z");
        assert_eq!(at(1_795_450_203), "2026-11-23T16:10:03.000000005Z");
        assert_eq!(at(4_102_444_799), "2099-12-31T23:59:59.000000005Z");
    }
}
