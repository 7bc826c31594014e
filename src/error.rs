//! Errores que enseñan: qué falló, qué dijo el kernel, a qué equivale y qué puedes hacer.

use crate::chapters;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;

/// Códigos de salida del programa. El mandato de un contenedor (en `exec` y en `run`
/// en primer plano) sale con el suyo propio.
pub mod exit {
    pub const OK: u8 = 0;
    /// La operación falló, no existe lo que se pedía o se agotó el plazo.
    pub const FAILED: u8 = 1;
    /// Uso incorrecto u objeto no válido: no se ha hecho nada.
    pub const USAGE: u8 = 2;
    /// micropod no pudo preparar el contenedor.
    pub const SETUP: u8 = 125;
    /// El mandato existe, pero no se puede ejecutar.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// El mandato no existe.
    pub const NOT_FOUND: u8 = 127;
}

// ANCHOR: step_error
/// Un paso que el kernel no quiso dar. Se construye siempre desde la orden ([`crate::kernel::Op`]),
/// así que lo que cuenta es lo que de verdad se pidió. Viaja del hijo al anfitrión en JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepError {
    /// Quién lo intentaba: «anfitrión», «pausa», «contenedor nginx».
    pub actor: String,
    pub goal: String,
    pub syscall: String,
    pub shell: String,
    pub errno: i32,
    pub file: String,
    pub line: u32,
    /// Lo que sabe quien dio el paso y no se deduce de la llamada.
    pub hint: Option<String>,
    /// Código con el que sale el proceso que falla: 125, 126 o 127.
    pub exit_code: u8,
}
// ANCHOR_END: step_error

impl StepError {
    pub fn errno(&self) -> Errno {
        Errno::from_raw(self.errno)
    }

    /// En una línea, para un estado o un suceso.
    pub fn summary(&self) -> String {
        let said =
            format!("no se pudo {}: {} ({})", failed_goal(&self.goal), spanish(self.errno()), self.syscall);
        match &self.hint {
            Some(hint) => format!("{said}; {hint}"),
            None => said,
        }
    }

    /// Añade lo que sabe quien llamó: la causa concreta y qué hacer.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn exit_code(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }

    // ANCHOR: advice
    /// Qué hacer. Depende de la llamada y del errno, no de dónde se hizo.
    fn advice(&self) -> String {
        if let Some(hint) = &self.hint {
            return hint.clone();
        }
        let text = match (self.syscall.as_str(), self.errno()) {
            (_, Errno::EPERM) => "hace falta ser root: repite el comando con sudo",
            // un overlay que no puede escribir en su capa se monta, y de solo lectura
            (_, Errno::EROFS) if self.actor.starts_with("contenedor") => {
                "si eso cae dentro de un volumen de solo lectura, crea antes en él lo que falta; si no, a su capa \
                 de escritura le falta sitio (mira `df -h` y `df -i`) o su disco es de solo lectura"
            }
            (_, Errno::EXDEV) => "un enlace de esa ruta sale de donde no debe: mira con `ls -l` a dónde va",
            (_, errno @ (Errno::ENOSPC | Errno::EROFS)) => general_advice(errno).unwrap_or_default(),
            (_, Errno::EMFILE | Errno::ENFILE) => "hay demasiados ficheros abiertos: mira `ulimit -n`",
            (_, Errno::ENOMEM) => "no queda memoria: mira `free -h`",
            (_, Errno::EAGAIN) => "se alcanzó un límite de procesos: mira `ulimit -u` y pids.max",
            ("pivot_root(2)", Errno::EINVAL) => {
                "la nueva raíz debe ser un punto de montaje y no ser compartida; mira el paso anterior"
            }
            ("mount(2)", Errno::ENOENT) => "comprueba que existen las dos rutas, origen y destino",
            ("mount(2)", Errno::EBUSY) => "ya hay algo montado ahí; mira `findmnt` y desmóntalo",
            ("mount(2)", Errno::ENODEV) => {
                "al kernel le falta ese sistema de ficheros: mira `micropod doctor`"
            }
            ("nft(8)", Errno::EOPNOTSUPP) => {
                "nft no lo acepta: ejecuta a mano lo de arriba y lee su queja; quizá el kernel no tenga nf_tables"
            }
            ("rtnetlink(7)", Errno::EOPNOTSUPP) => {
                "al kernel le falta ese tipo de interfaz: mira `micropod doctor`"
            }
            (_, Errno::ENOENT) => "no existe: comprueba la ruta",
            _ => "repite el comando con --narra para ver los pasos anteriores, y mira `micropod doctor`",
        };
        text.to_string()
    }
    // ANCHOR_END: advice
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "no se pudo {}", failed_goal(&self.goal))?;
        let errno = self.errno();
        writeln!(f, "  quién:      {}", self.actor)?;
        writeln!(f, "  el kernel:  {:?} ({}), al llamar a {}", errno, spanish(errno), self.syscall)?;
        writeln!(f, "  equivale a: {}", self.shell.replace('\n', "\n              "))?;
        writeln!(f, "  qué hacer:  {}", self.advice())?;
        write!(f, "  código:     {}:{}", self.file, self.line)?;
        if let Some(chapter) = chapters::of(&self.file) {
            write!(f, " (capítulo {}: {})", chapter.number, chapter.title)?;
        }
        Ok(())
    }
}

impl std::error::Error for StepError {}

/// Cualquier final infeliz de un comando. Se imprime una sola vez, en `main`.
#[derive(Debug)]
pub enum Error {
    /// El kernel no quiso dar un paso.
    Step(Box<StepError>),
    /// El objeto escrito por quien lo usa no es válido: sale con 2 y no se ha hecho nada.
    Spec(Box<crate::spec::SpecErrors>),
    /// Uso incorrecto del programa: sale con 2.
    Usage { problem: String, hint: Option<String> },
    /// Algo no existe, no llegó a tiempo o no se pudo: sale con `code`.
    Failed { problem: String, causes: Vec<String>, hint: Option<String>, code: u8 },
    /// Ya está todo dicho: solo falta salir con ese código.
    Exit(u8),
}

impl Error {
    pub fn failed(problem: impl Into<String>) -> Error {
        Error::Failed { problem: problem.into(), causes: Vec::new(), hint: None, code: exit::FAILED }
    }

    pub fn usage(problem: impl Into<String>) -> Error {
        Error::Usage { problem: problem.into(), hint: None }
    }

    /// La acción que lo arregla, mejor si es un comando que se pueda pegar.
    pub fn with_hint(mut self, text: impl Into<String>) -> Error {
        match &mut self {
            Error::Usage { hint, .. } | Error::Failed { hint, .. } => *hint = Some(text.into()),
            Error::Step(step) => step.hint = Some(text.into()),
            Error::Spec(_) | Error::Exit(_) => {}
        }
        self
    }

    /// De quién es el error, si puede ser de varios.
    pub fn about(mut self, whose: &str) -> Error {
        if let Error::Usage { problem, .. } | Error::Failed { problem, .. } = &mut self {
            problem.insert_str(0, &format!("{whose}: "));
        }
        self
    }

    pub fn with_code(mut self, exit_code: u8) -> Error {
        if let Error::Failed { code, .. } = &mut self {
            *code = exit_code;
        }
        self
    }

    pub fn because(mut self, cause: impl fmt::Display) -> Error {
        let cause = in_spanish(cause.to_string());
        let remedy = [Errno::ENOSPC, Errno::EROFS].into_iter().find(|errno| cause == spanish(*errno));
        if let Error::Failed { causes, hint, .. } = &mut self {
            causes.push(cause);
            // si quien llama sabe algo mejor, lo dirá después
            *hint = hint.take().or_else(|| Some(remedy.and_then(general_advice)?.to_string()));
        }
        self
    }

    /// Lo imprime, si no está ya dicho. Devuelve el código con el que se sale.
    pub fn tell(&self) -> u8 {
        if !matches!(self, Error::Exit(_)) {
            // si no hay quien lo lea, queda el código
            let _ = writeln!(anstream::stderr(), "{self}");
        }
        self.exit_code()
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Step(step) if step.exit_code != 0 => step.exit_code,
            Error::Step(_) => exit::FAILED,
            Error::Spec(_) | Error::Usage { .. } => exit::USAGE,
            Error::Failed { code, .. } | Error::Exit(code) => *code,
        }
    }
}

/// Hace `work` con cada uno aunque alguno falle, como kubectl: cada error se dice en su momento, y se sale
/// con el código del último.
pub fn each<T>(
    all: impl IntoIterator<Item = T>,
    mut work: impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut done = Ok(());
    for one in all {
        if let Err(error) = work(one) {
            done = Err(Error::Exit(error.tell()));
        }
    }
    done
}

impl From<StepError> for Error {
    fn from(e: StepError) -> Error {
        Error::Step(Box::new(e))
    }
}

impl From<crate::spec::SpecError> for Error {
    fn from(e: crate::spec::SpecError) -> Error {
        Error::Spec(Box::new(e.into()))
    }
}

impl From<crate::spec::SpecErrors> for Error {
    fn from(e: crate::spec::SpecErrors) -> Error {
        Error::Spec(Box::new(e))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Step(step) => write!(f, "error: {step}"),
            Error::Spec(spec) => write!(f, "{spec}"),
            Error::Usage { problem, hint } => {
                write!(f, "error: {problem}")?;
                write_hint(f, hint)
            }
            Error::Failed { problem, causes, hint, .. } => {
                // los de kubectl que ya empiezan así no llevan otra vez la palabra
                let title = if problem.starts_with("Error from server") { "" } else { "error: " };
                write!(f, "{title}{problem}")?;
                for cause in causes {
                    write!(f, "\n  causa: {cause}")?;
                }
                write_hint(f, hint)
            }
            Error::Exit(_) => Ok(()),
        }
    }
}

fn write_hint(f: &mut fmt::Formatter, hint: &Option<String>) -> fmt::Result {
    match hint {
        Some(hint) => write!(f, "\n  pista: {hint}"),
        None => Ok(()),
    }
}

impl std::error::Error for Error {}

/// Qué hacer con un errno que en todas partes significa lo mismo.
fn general_advice(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::ENOSPC => Some("no queda sitio: mira `df -h` y `df -i` y libera espacio"),
        Errno::EROFS => Some("ese sistema de ficheros es de solo lectura: mira `findmnt`"),
        _ => None,
    }
}

/// Un objetivo, detrás de «no se pudo»: «quedarse con» es «no se pudo quedar con», y «que nadie lo vea»,
/// «no se pudo hacer que nadie lo vea».
fn failed_goal(goal: &str) -> String {
    match goal.split_once(' ') {
        Some(("que", rest)) => format!("hacer que {rest}"),
        Some((verb, rest)) if verb.ends_with("rse") => format!("{} {rest}", &verb[..verb.len() - 2]),
        _ => goal.to_string(),
    }
}

/// Un texto con los errores del sistema en español. La biblioteca de Rust los escribe en inglés y con
/// su número detrás: «Is a directory (os error 21)».
pub fn in_spanish(text: String) -> String {
    let number = text.split_once(" (os error ").and_then(|(_, rest)| rest.split_once(')'));
    let Some(number) = number.and_then(|(number, _)| number.parse::<i32>().ok()) else { return text };
    let english = std::io::Error::from_raw_os_error(number).to_string();
    text.replace(&english, spanish(Errno::from_raw(number)))
}

/// El texto en español de un errno; los raros, como los llama la biblioteca de C.
pub fn spanish(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM => "operación no permitida",
        Errno::ENOENT => "no existe el fichero o directorio",
        Errno::ESRCH => "no existe ese proceso",
        Errno::EINTR => "llamada interrumpida",
        Errno::EIO => "error de entrada o salida",
        Errno::ENXIO => "no existe ese dispositivo o dirección",
        Errno::EMSGSIZE => "el mensaje es demasiado largo",
        Errno::E2BIG => "argumentos demasiado largos",
        Errno::ENOEXEC => "el formato del ejecutable no es válido",
        Errno::EBADF => "descriptor de fichero no válido",
        Errno::ECHILD => "no hay procesos hijos",
        Errno::EAGAIN => "recurso no disponible por ahora",
        Errno::ENOMEM => "no queda memoria",
        Errno::EACCES => "permiso denegado",
        Errno::EBUSY => "recurso ocupado",
        Errno::EEXIST => "ya existe",
        Errno::EXDEV => "enlace entre sistemas de ficheros distintos, o salida del directorio",
        Errno::ENODEV => "no existe ese dispositivo o sistema de ficheros",
        Errno::ENOTDIR => "no es un directorio",
        Errno::EISDIR => "es un directorio",
        Errno::EINVAL => "argumento no válido",
        Errno::ENFILE => "demasiados ficheros abiertos en el sistema",
        Errno::EMFILE => "demasiados ficheros abiertos",
        Errno::ETXTBSY => "el ejecutable está en uso",
        Errno::EFBIG => "fichero demasiado grande",
        Errno::ENOSPC => "no queda espacio",
        Errno::EROFS => "sistema de ficheros de solo lectura",
        Errno::EMLINK => "demasiados enlaces",
        Errno::EPIPE => "tubería rota",
        Errno::ERANGE => "valor fuera de rango",
        Errno::ENAMETOOLONG => "nombre demasiado largo",
        Errno::ENOSYS => "el kernel no tiene esa llamada",
        Errno::ENOTEMPTY => "el directorio no está vacío",
        Errno::ELOOP => "demasiados enlaces simbólicos",
        Errno::EXFULL => "no caben más",
        Errno::EREMOTEIO => "ese programa no lo hizo",
        Errno::EOPNOTSUPP => "operación no admitida",
        Errno::EADDRINUSE => "dirección en uso",
        Errno::EADDRNOTAVAIL => "dirección no disponible",
        Errno::ENETUNREACH => "red inalcanzable",
        Errno::EHOSTUNREACH => "máquina inalcanzable",
        Errno::ECONNREFUSED => "conexión rechazada",
        Errno::ECONNRESET => "la otra parte la corta",
        Errno::ENOTCONN => "no hay conexión",
        Errno::ETIMEDOUT => "plazo agotado",
        other => other.desc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_que_no_se_pudo_se_dice_como_se_habla() {
        assert_eq!(failed_goal("convertirse en el programa"), "convertir en el programa");
        assert_eq!(failed_goal("que nadie lo vea"), "hacer que nadie lo vea");
        assert_eq!(failed_goal("montar un /proc propio"), "montar un /proc propio");
    }

    #[test]
    fn la_causa_de_un_error_del_sistema_se_dice_en_espanol() {
        let full = std::io::Error::from_raw_os_error(libc::ENOSPC);
        let said = Error::failed("no se pudo escribir").because(full).to_string();
        assert_eq!(
            said,
            "error: no se pudo escribir\n  causa: no queda espacio\n  \
             pista: no queda sitio: mira `df -h` y `df -i` y libera espacio"
        );
        assert_eq!(in_spanish("lo que sea (os error x)".into()), "lo que sea (os error x)");
        let inside = format!("x: {} y ya", std::io::Error::from_raw_os_error(libc::EISDIR));
        assert_eq!(in_spanish(inside), "x: es un directorio y ya");
    }
}
