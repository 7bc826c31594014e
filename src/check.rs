//! Capítulo 19 · Una sonda: una pregunta, hecha en un proceso hijo.
//!
//! El hijo pregunta, escribe en una tubería lo que haya que contar y sale con un código. Así una
//! sonda que se cuelga no cuelga a nadie: cuando el núcleo se cansa de esperarla, se la mata.

use crate::container::{self, Stdio, Target};
use crate::error::StepError;
use crate::kernel::{Kernel, Mode, sys};
use crate::logic::Outcome;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{self, Command};
use std::time::Duration;

/// Lo más que se guarda de lo que dice una sonda.
const MAX_OUTPUT: usize = 10 * 1024;
/// Redirecciones que se siguen, como mucho.
const MAX_REDIRECTS: usize = 10;

/// Códigos con los que sale el hijo de una sonda de red.
const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const WARNING: u8 = 3;

/// Una pregunta ya decidida: puertos con número y máquina con nombre.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    Exec { command: Vec<String> },
    Http { host: String, port: u16, path: String, headers: Vec<(String, String)> },
    Tcp { host: String, port: u16 },
}

/// Una sonda en marcha.
pub struct Asking {
    pidfd: OwnedFd,
    pipe: OwnedFd,
    output: Vec<u8>,
    exec: bool,
}

impl Asking {
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Recoge lo que haya dicho hasta ahora; lo que pase del tope se lee y se tira. Devuelve si
    /// aún puede decir más.
    pub fn listen(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match nix::unistd::read(&self.pipe, &mut chunk) {
            Ok(0) => false,
            Ok(n) => {
                let room = MAX_OUTPUT.saturating_sub(self.output.len());
                self.output.extend_from_slice(&chunk[..n.min(room)]);
                true
            }
            Err(Errno::EAGAIN | Errno::EINTR) => true,
            Err(_) => false,
        }
    }

    /// Deja de esperarla.
    pub fn abandon(&self) {
        // si ya ha muerto, mejor
        let _ = sys::pidfd_send_signal(self.pidfd.as_fd(), libc::SIGKILL);
    }

    /// Su respuesta, una vez muerta con el código `code`.
    pub fn outcome(mut self, code: i32) -> Outcome {
        while self.listen() && readable(self.pipe.as_fd()) {}
        let text = String::from_utf8_lossy(&self.output).trim_end().to_string();
        match code {
            0 => Outcome::Success,
            code if code == i32::from(WARNING) && !self.exec => Outcome::Warning(text),
            // 125: no se pudo entrar en el contenedor; no es culpa suya
            125 if self.exec => Outcome::Error(text),
            code if self.exec && text.is_empty() => {
                Outcome::Failure(format!("el comando salió con el código {code}"))
            }
            _ => Outcome::Failure(text),
        }
    }
}

fn readable(fd: BorrowedFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
}

// ANCHOR: ask
/// Hace la pregunta. Las de red salen del anfitrión hacia la IP del Pod, como las de kubelet;
/// las de comando entran en el contenedor con los mismos privilegios que su PID 1.
pub fn ask(k: &mut Kernel, question: &Question, target: &Target) -> Result<Asking, StepError> {
    let (ours, theirs) = pipe(k)?;
    let (pidfd, exec) = match question {
        Question::Exec { command } => {
            let errors = k.step(
                "compartir la tubería entre salida y errores",
                crate::kernel::ops::Duplicate(&theirs),
            )?;
            let stdio = Stdio::Pipes { input: None, output: theirs, errors };
            let child = container::exec(k, target, command, stdio)?;
            let Some((pidfd, channel)) = child.into_parts() else {
                unreachable!("una sonda nunca se ensaya")
            };
            if k.mode() != Mode::Quiet {
                // cuenta sus pasos y espera el permiso de cada uno, hasta que ejecuta su programa
                while k.hear(&channel).is_none() {}
            }
            (pidfd, true)
        }
        network => match k.step("crear el proceso que pregunta", crate::kernel::ops::Fork)? {
            Some(sys::Cloned::Parent { pidfd, .. }) => (pidfd, false),
            Some(sys::Cloned::Child) => answer(network, theirs),
            None => unreachable!("una sonda nunca se ensaya"),
        },
    };
    Ok(Asking { pidfd, pipe: ours, output: Vec::new(), exec })
}
// ANCHOR_END: ask

fn pipe(k: &mut Kernel) -> Result<(OwnedFd, OwnedFd), StepError> {
    k.step(
        "abrir una tubería por la que responda",
        crate::kernel::ops::Pipe { flags: OFlag::O_CLOEXEC, nonblocking_read: true },
    )
}

/// La vida del hijo de una sonda de red.
fn answer(question: &Question, pipe: OwnedFd) -> ! {
    let (code, text) = match question {
        Question::Http { host, port, path, headers } => http(host, *port, path, headers, 0),
        Question::Tcp { host, port } => match connect(host, *port) {
            Ok(_) => (SUCCESS, String::new()),
            Err(problem) => (FAILURE, problem),
        },
        Question::Exec { .. } => (FAILURE, "un comando no es una pregunta de red".into()),
    };
    let text = &text.as_bytes()[..text.len().min(MAX_OUTPUT)];
    // si el supervisor ya no escucha, basta el código
    let _ = std::fs::File::from(pipe).write_all(text);
    sys::exit_now(code)
}

/// Quien cuenta el tiempo es el núcleo; esto solo evita un hijo eterno si el supervisor muere.
const LAST_RESORT: Duration = Duration::from_secs(3600);

fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let describe = |e: std::io::Error| {
        let said = crate::error::spanish(crate::kernel::ops::errno_of(&e));
        format!("conexión a {host}:{port}: {said}")
    };
    let ip = match host.parse::<IpAddr>() {
        Ok(ip) => ip,
        Err(_) => resolve(host).ok_or_else(|| format!("no se encuentra la dirección de {host}"))?,
    };
    let stream = TcpStream::connect_timeout(&SocketAddr::new(ip, port), LAST_RESORT).map_err(describe)?;
    stream.set_read_timeout(Some(LAST_RESORT)).map_err(describe)?;
    Ok(stream)
}

/// La dirección de un nombre, según los mismos ficheros y servidores que los demás programas de la
/// máquina. Lo pregunta `getent`: en un binario estático, la resolución de glibc no es de fiar.
fn resolve(host: &str) -> Option<IpAddr> {
    let answer = Command::new("/usr/bin/getent")
        .args(["ahosts", "--", host])
        .env_clear()
        .stdin(process::Stdio::null())
        .stderr(process::Stdio::null())
        .output()
        .ok()?;
    String::from_utf8_lossy(&answer.stdout).split_whitespace().next()?.parse().ok()
}

// ANCHOR: http
/// Pide una página: entre 200 y 399, acierto. Una redirección se sigue solo a la misma máquina;
/// a otra, es acierto con aviso, como en Kubernetes.
fn http(host: &str, port: u16, path: &str, headers: &[(String, String)], redirects: usize) -> (u8, String) {
    let response = match request(host, port, path, headers) {
        Ok(response) => response,
        Err(problem) => return (FAILURE, problem),
    };
    let text = String::from_utf8_lossy(&response);
    let mut lines = text.lines();
    let code =
        lines.next().and_then(|l| l.strip_prefix("HTTP/1.")).and_then(|l| l.get(2..5)?.parse::<u16>().ok());
    let Some(code) = code else { return (FAILURE, "la respuesta no es HTTP".into()) };
    let location = lines.take_while(|l| !l.is_empty()).filter_map(|l| l.split_once(':'));
    let location =
        location.filter(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, v)| v.trim()).next();
    match (code, location) {
        (301 | 302 | 303 | 307 | 308, Some(_)) if redirects >= MAX_REDIRECTS => {
            (FAILURE, format!("más de {MAX_REDIRECTS} redirecciones seguidas"))
        }
        (301 | 302 | 303 | 307 | 308, Some(location)) => match follow(host, port, location) {
            Some((port, path)) => http(host, port, &path, headers, redirects + 1),
            None => (WARNING, format!("redirige a otra máquina ({location}): no se sigue, se da por buena")),
        },
        (200..=399, _) => (SUCCESS, String::new()),
        _ => (FAILURE, format!("la página http://{host}:{port}{path} respondió con el código {code}")),
    }
}
// ANCHOR_END: http

/// Adónde lleva una redirección, si es a la misma máquina y sin cifrar.
fn follow(host: &str, port: u16, location: &str) -> Option<(u16, String)> {
    if location.starts_with('/') && !location.starts_with("//") {
        return Some((port, location.to_string()));
    }
    let rest = location.strip_prefix("http://")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], &rest[at..]),
        None => (rest, "/"),
    };
    let (name, number) = authority.split_once(':').unwrap_or((authority, "80"));
    (name == host).then_some(())?;
    Some((number.parse().ok()?, path.to_string()))
}

fn request(host: &str, port: u16, path: &str, headers: &[(String, String)]) -> Result<Vec<u8>, String> {
    let mut stream = connect(host, port)?;
    let given = |name: &str| headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in [
        ("Host", format!("{host}:{port}")),
        ("User-Agent", "kube-probe/1.36".into()),
        ("Accept", "*/*".into()),
    ] {
        if !given(name) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    // un valor vacío quita la cabecera
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("Connection: close\r\n\r\n");
    stream
        .write_all(text.as_bytes())
        .map_err(|e| format!("no se pudo pedir la página: {}", crate::error::in_spanish(e.to_string())))?;
    let mut response = Vec::new();
    // basta la cabecera: el cuerpo no cuenta
    let mut chunk = [0; 2048];
    while response.len() < MAX_OUTPUT && !response.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => response.extend_from_slice(&chunk[..n]),
            Err(e) => {
                return Err(format!(
                    "no se pudo leer la respuesta: {}",
                    crate::error::in_spanish(e.to_string())
                ));
            }
        }
    }
    Ok(response)
}

/// Convierte la sonda de la especificación en una pregunta: la IP del Pod y puertos con número.
pub fn question(
    probe: &crate::spec::types::Probe,
    container: &crate::spec::types::Container,
    pod_ip: Option<Ipv4Addr>,
) -> Question {
    use crate::spec::types::IntOrString;
    let number = |port: &IntOrString| match port {
        IntOrString::Int(number) => *number as u16,
        // la validación ya ha comprobado que el nombre existe en este contenedor
        IntOrString::String(name) => container
            .ports
            .iter()
            .find(|p| p.name.as_deref() == Some(name))
            .map_or(0, |p| p.container_port as u16),
    };
    let ip = pod_ip.unwrap_or(Ipv4Addr::LOCALHOST).to_string();
    let host = |host: &Option<String>| host.clone().unwrap_or_else(|| ip.clone());
    if let Some(get) = &probe.http_get {
        let path = get.path.clone().filter(|p| !p.is_empty()).unwrap_or_else(|| "/".into());
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let headers = get.http_headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect();
        return Question::Http { host: host(&get.host), port: number(&get.port), path, headers };
    }
    if let Some(tcp) = &probe.tcp_socket {
        return Question::Tcp { host: host(&tcp.host), port: number(&tcp.port) };
    }
    let command = probe.exec.as_ref().map(|e| e.command.clone()).unwrap_or_default();
    // $(NOMBRE) se cambia solo por los valores literales de `env`
    let value = |name: &str| container.env.iter().find(|e| e.name == name).map(|e| e.value.clone());
    Question::Exec { command: command.iter().map(|w| crate::process::expand(w, value)).collect() }
}

/// ¿Cuánto ocupa un volumen en disco? Contarlo puede tardar: lo hace un hijo. Sale con 1 si pasa del tope.
pub fn measure(k: &mut Kernel, path: &std::path::Path, limit: u64) -> Result<OwnedFd, StepError> {
    match k.step("crear el proceso que mide el volumen", crate::kernel::ops::Fork)? {
        Some(sys::Cloned::Child) => {
            let over = crate::volume::disk_usage(path) > limit;
            sys::exit_now(u8::from(over))
        }
        Some(sys::Cloned::Parent { pidfd, .. }) => Ok(pidfd),
        None => unreachable!("un volumen nunca se mide en un ensayo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Un servidor que responde `answers` en orden y devuelve lo que le pidieron.
    fn serve(answers: Vec<String>) -> (u16, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 4096];
                let n = stream.read(&mut buffer).unwrap();
                asked.push(String::from_utf8_lossy(&buffer[..n]).to_string());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        (port, server)
    }

    fn ask_once(answer: &str) -> u8 {
        let (port, server) = serve(vec![answer.to_string()]);
        let (code, _) = http("127.0.0.1", port, "/", &[], 0);
        server.join().unwrap();
        code
    }

    #[test]
    fn un_nombre_se_resuelve_como_en_el_resto_de_la_maquina() {
        assert!(resolve("localhost").is_some_and(|ip| ip.is_loopback()));
        assert_eq!(resolve("no-existe.invalid"), None);
        assert_eq!(resolve("--help"), None, "un nombre no es una opción");
    }

    #[test]
    fn de_200_a_399_acierta_y_lo_demas_falla() {
        for (status, expected) in [
            (200, SUCCESS),
            (204, SUCCESS),
            (304, SUCCESS),
            (399, SUCCESS),
            (400, FAILURE),
            (500, FAILURE),
            (199, FAILURE),
        ] {
            assert_eq!(ask_once(&format!("HTTP/1.1 {status} X\r\n\r\n")), expected, "{status}");
        }
        assert_eq!(ask_once("SSH-2.0-OpenSSH\r\n"), FAILURE);
        assert_eq!(ask_once(""), FAILURE);
    }

    #[test]
    fn una_redireccion_se_sigue_solo_a_la_misma_maquina() {
        let (port, server) =
            serve(vec!["HTTP/1.1 302 X\r\nLocation: /otra\r\n\r\n".into(), "HTTP/1.1 500 X\r\n\r\n".into()]);
        assert_eq!(http("127.0.0.1", port, "/", &[], 0).0, FAILURE);
        assert!(server.join().unwrap()[1].starts_with("GET /otra HTTP/1.1"));
        assert_eq!(ask_once("HTTP/1.1 302 X\r\nLocation: http://ejemplo.invalid/\r\n\r\n"), WARNING);
    }

    #[test]
    fn las_cabeceras_dadas_ganan_y_una_vacia_quita_la_de_serie() {
        let (port, server) = serve(vec!["HTTP/1.1 200 X\r\n\r\n".into()]);
        let headers = [("Host".to_string(), "mi.sitio".to_string()), ("Accept".to_string(), String::new())];
        http("127.0.0.1", port, "/x?y=1", &headers, 0);
        let asked = server.join().unwrap().remove(0);
        assert!(asked.starts_with("GET /x?y=1 HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("Host: mi.sitio\r\n")
                && !asked.contains("Accept")
                && asked.contains("User-Agent: kube-probe/")
        );
    }

    #[test]
    fn un_puerto_cerrado_dice_que_nadie_escucha() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let problem = connect("127.0.0.1", free).unwrap_err();
        assert!(problem.contains("conexión rechazada"), "{problem}");
    }
}
