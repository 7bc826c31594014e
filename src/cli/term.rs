//! La terminal: la narración, los logs en primer plano y el teclado.

use super::farewell;
use crate::logic::lifecycle::Step;
use crate::logs::Stream;
use crate::process::ContainerPlan;
use crate::state::Live;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Imprime un paso narrado en la salida de errores, de una sola escritura.
pub fn narration(text: &str) {
    note_bytes(text.as_bytes());
}

/// Una línea para quien mira, fuera de los datos.
pub fn note(text: &str) {
    note_bytes(format!("{text}\n").as_bytes());
}

/// Una línea de datos, de un comando que no puede morir si ya no la lee nadie.
pub fn data(line: &str) {
    // entonces no hay a quién dársela
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn note_bytes(bytes: &[u8]) {
    // si ya no hay nadie leyendo los errores, no hay a quién decírselo
    let _ = std::io::stderr().write_all(bytes);
}

/// Desde ahora, la salida y los errores van a `path`, y no se lee nada.
pub fn redirect_to(path: &Path) {
    use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
    let null = std::fs::File::open("/dev/null");
    let log = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    if let (Ok(null), Ok(log)) = (null, log) {
        // si alguno fallara, se seguiría escribiendo donde antes
        let _ = (dup2_stdin(&null), dup2_stdout(&log), dup2_stderr(&log));
    }
}

/// ¿Se pueden usar colores en la salida?
pub fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Quita de un texto ajeno lo que podría mandar sobre la terminal.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) { '\u{fffd}' } else { c })
        .collect()
}

/// La terminal del usuario en modo crudo; vuelve a como estaba al soltarla.
pub struct RawMode(Termios);

impl RawMode {
    /// `None` si la entrada no es una terminal.
    pub fn enter() -> Option<RawMode> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&stdin, SetArg::TCSANOW, &raw).ok()?;
        Some(RawMode(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // si la terminal ya no está, no hay nada que devolver
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// Da a `terminal` el tamaño de la ventana del usuario.
pub fn copy_size(terminal: BorrowedFd) {
    if let Ok((rows, columns)) = crate::kernel::sys::terminal_size(std::io::stdout().as_fd()) {
        // una terminal sin tamaño funciona igual, solo que más fea
        let _ = crate::kernel::sys::set_terminal_size(terminal, rows, columns);
    }
}

const COLOURS: [&str; 6] = ["\x1b[36m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[31m"];

/// Un contenedor en pantalla: su prefijo y la línea que aún no ha acabado.
struct Lane {
    prefix: String,
    pending: Vec<u8>,
}

/// Lo que se ve de un Pod en primer plano: sus logs, con el nombre de cada contenedor delante.
///
/// Nunca detiene al supervisor: si la pantalla no da abasto, se salta texto y se dice cuánto.
pub struct Screen {
    /// Lo que se pone delante de lo que se dice del Pod: nada, o su nombre si hay varios.
    pod: String,
    /// Lo que se pone delante del nombre de cada contenedor: nada, o `POD/`.
    path: String,
    lanes: Vec<Lane>,
    skipped: u64,
    /// Ya se ha pulsado Ctrl-C.
    stopping: bool,
    /// Y otra vez: sin plazo.
    at_once: bool,
    /// Lo último que se dijo de la despedida, para no repetirlo.
    told: String,
    raw: Option<RawMode>,
    input_open: bool,
    pub reader: Reader,
}

/// Quien lee la salida al otro lado de una tubería: puede irse antes de que acabe el Pod (`… | head`).
#[derive(Default)]
pub struct Reader {
    ignored: bool,
}

impl Reader {
    /// De varios Pods en una pantalla no decide cada uno, sino quien los crea.
    pub fn ignored() -> Reader {
        Reader { ignored: true }
    }

    /// Para `poll`, sin pedirle nada: de una tubería sin lector, el kernel avisa siempre con POLLERR.
    pub fn fd(&self) -> Option<BorrowedFd<'static>> {
        (!self.ignored).then(|| STDOUT.as_fd())
    }

    /// ¿Se ha ido? Solo se dice una vez.
    pub fn has_left(&mut self) -> bool {
        let Some(fd) = self.fd() else { return false };
        let mut fds = [PollFd::new(fd, PollFlags::empty())];
        let told = matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1));
        self.ignored = told;
        // POLLHUP es otra cosa: un registro (journald) que se reinicia, o una terminal, que ya manda SIGHUP
        told && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLERR))
    }
}

/// Más de esto sin salto de línea se imprime aunque la línea no haya acabado.
const MAX_PENDING: usize = 4096;

impl Screen {
    /// `pod`: el nombre del Pod, si en la pantalla hay varios.
    pub fn new(pod: Option<&str>, containers: &[ContainerPlan]) -> Screen {
        let mark = pod.map(|name| format!("{name}: ")).unwrap_or_default();
        let reader = if pod.is_some() { Reader::ignored() } else { Reader::default() };
        let pod = pod.map(|name| format!("{name}/")).unwrap_or_default();
        let mut screen = Screen {
            pod: mark,
            path: pod,
            lanes: Vec::new(),
            skipped: 0,
            stopping: false,
            at_once: false,
            told: String::new(),
            raw: None,
            input_open: true,
            reader,
        };
        for _ in containers {
            screen.add_lane(containers);
        }
        screen
    }

    /// El siguiente de `containers` que aún no salía.
    pub fn add_lane(&mut self, containers: &[ContainerPlan]) {
        let i = self.lanes.len();
        let Some(container) = containers.get(i) else { return };
        let width = containers.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
        let (on, off) = if colours() { (COLOURS[i % COLOURS.len()], "\x1b[0m") } else { ("", "") };
        let prefix = format!("{on}{}{:width$} │{off} ", self.path, container.name);
        self.lanes.push(Lane { prefix, pending: Vec::new() });
    }

    /// Lo que escribe un contenedor, línea a línea y con su nombre delante.
    pub fn output(&mut self, id: usize, _stream: Stream, bytes: &[u8]) {
        if self.raw.is_some() {
            // con la terminal cedida al contenedor, lo suyo se ve tal cual
            self.skipped += write_without_waiting(bytes);
            return;
        }
        let lane = &mut self.lanes[id];
        let mut out = Vec::with_capacity(bytes.len() + lane.prefix.len());
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            lane.pending.extend_from_slice(piece);
            if piece.ends_with(b"\n") || lane.pending.len() > MAX_PENDING {
                out.extend_from_slice(lane.prefix.as_bytes());
                out.append(&mut lane.pending);
                if !out.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
        }
        let lost = write_without_waiting(&out);
        if lost == 0 && self.skipped > 0 {
            note(&format!(
                "({} bytes de logs sin mostrar: la pantalla no daba abasto; están en `micropod logs`)",
                self.skipped
            ));
            self.skipped = 0;
        }
        self.skipped += lost;
    }

    /// Cuenta los fallos y, mientras el Pod acaba, a quién se espera: en una terminal, cada segundo;
    /// si no, cuando cambia.
    pub fn show(&mut self, live: &Live, plans: &[ContainerPlan], now: Duration, failures: &mut Vec<String>) {
        for failure in failures.drain(..) {
            note(&format!("error: {failure}"));
        }
        // con la parada inmediata ya no hay plazo: solo es noticia quien no se muere ni con SIGKILL
        if self.at_once && live.leaving.iter().any(|leaving| leaving.step != Step::Killed) {
            return;
        }
        let lines = farewell::lines(live, plans, now);
        let turn = match std::io::stderr().is_terminal() {
            true => lines.join("\n"),
            false => format!("{:?}", live.leaving),
        };
        if self.told == turn {
            return;
        }
        for line in lines {
            if !self.pod.is_empty() {
                note(&format!("{}{line}", self.pod));
                continue;
            }
            note(&format!("{line} (Ctrl-C{}: ya)", if self.stopping { " otra vez" } else { " dos veces" }));
        }
        self.told = turn;
    }

    pub fn stopping(&mut self, at_once: bool) {
        let what = match at_once {
            true => "parada inmediata",
            false => "parada ordenada: se pide a los contenedores que acaben",
        };
        note(&format!("{}{what}", self.pod));
        self.stopping = true;
        self.at_once = at_once;
    }

    /// El teclado, si queda alguien tecleando.
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        self.input_open.then(|| STDIN.as_fd())
    }

    /// Lee lo tecleado; `None` si ya no habrá más.
    pub fn read_input(&mut self, bytes: &mut [u8]) -> Option<usize> {
        match nix::unistd::read(STDIN.as_fd(), bytes) {
            Ok(0) | Err(_) => {
                self.input_open = false;
                None
            }
            Ok(n) => Some(n),
        }
    }

    /// Un contenedor tiene terminal: el teclado es suyo, hasta Ctrl-C incluido.
    pub fn use_terminal(&mut self, terminal: Option<BorrowedFd>) {
        if let Some(terminal) = terminal {
            copy_size(terminal);
            self.raw = RawMode::enter();
        }
    }
}

/// La entrada y la salida viven lo que el programa.
static STDIN: std::sync::LazyLock<std::io::Stdin> = std::sync::LazyLock::new(std::io::stdin);
static STDOUT: std::sync::LazyLock<std::io::Stdout> = std::sync::LazyLock::new(std::io::stdout);

/// Escribe en la salida lo que quepa sin esperar. Devuelve los bytes que no cupieron.
fn write_without_waiting(mut bytes: &[u8]) -> u64 {
    // con POLLOUT, el kernel promete sitio para esto en una tubería
    const SURE: usize = 4096;
    let stdout = std::io::stdout();
    while !bytes.is_empty() {
        let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
        if !matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1)) {
            break;
        }
        match nix::unistd::write(&stdout, &bytes[..bytes.len().min(SURE)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(_) => break,
        }
    }
    bytes.len() as u64
}
