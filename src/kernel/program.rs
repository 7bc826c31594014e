//! La única manera de ejecutar un programa de fuera: por su ruta absoluta, con un entorno conocido, con
//! `--` delante de lo que no es una opción, sin shell y con un plazo.
//!
//! micropod corre como root: un PATH con un directorio ajeno, una variable que cambia a otro programa, un
//! nombre que empieza por `-` o un programa que no acaba nunca serían de quien supiera aprovecharlos.

use super::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Donde se buscan los programas, y el PATH de los que se ejecutan.
pub const DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Lo más que se guarda de lo que diga.
const MAX_OUTPUT: u64 = 16 << 20;

/// La ruta del programa `name`, si está donde debe.
pub fn find(name: &str) -> Option<std::path::PathBuf> {
    DIRECTORIES.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// Un programa de fuera, listo para ejecutarse.
pub struct Program {
    command: Command,
    operands: Vec<OsString>,
    limit: Duration,
}

/// Lo que pasó con él.
pub struct Ended {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
}

impl Program {
    /// `limit`: pasado ese tiempo, se mata.
    pub fn new(path: &Path, limit: Duration) -> io::Result<Program> {
        if !path.is_absolute() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "el programa no es una ruta absoluta"));
        }
        let mut command = Command::new(path);
        command.env_clear().env("PATH", DIRECTORIES.join(":")).env("LC_ALL", "C.UTF-8").env("HOME", "/root");
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Program { command, operands: Vec::new(), limit })
    }

    /// Opciones: lo escribe micropod, nunca quien nos usa.
    pub fn options<S: Into<OsString>>(mut self, options: impl IntoIterator<Item = S>) -> Program {
        self.command.args(options.into_iter().map(Into::into));
        self
    }

    /// Lo que no son opciones: va detrás de `--`.
    pub fn operands<S: Into<OsString>>(mut self, operands: impl IntoIterator<Item = S>) -> Program {
        self.operands.extend(operands.into_iter().map(Into::into));
        self
    }

    /// Una variable más, de las pocas que hacen falta.
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Program {
        self.command.env(name, value.into());
        self
    }

    /// Que muera con quien lo ejecuta: si a este lo matan, no sigue por su cuenta.
    pub fn die_with_us(mut self) -> Program {
        sys::die_with_parent(&mut self.command);
        self
    }

    fn spawn(&mut self) -> io::Result<Child> {
        if !self.operands.is_empty() {
            self.command.arg("--").args(&self.operands);
        }
        self.command.spawn()
    }

    /// Lo ejecuta y espera a que acabe. `shares`: con nuestra entrada y nuestras salidas, que serán las del
    /// contenedor que deje hecho; si no, mudo.
    pub fn finish(mut self, shares: bool) -> io::Result<ExitStatus> {
        if shares {
            self.command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        }
        let deadline = Instant::now() + self.limit;
        Running::new(self.spawn()?, deadline)?.wait()
    }

    /// Lo ejecuta con `input` por la entrada y espera a que acabe.
    pub fn run(mut self, input: &[u8]) -> io::Result<Ended> {
        if !input.is_empty() {
            // en memoria y no en una tubería: por larga que sea, nadie espera a que la lea
            let mut file = File::from(memfd_create(c"entrada", MFdFlags::MFD_CLOEXEC)?);
            file.write_all(input)?;
            file.rewind()?;
            self.command.stdin(file);
        }
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let deadline = Instant::now() + self.limit;
        let mut running = Running::new(self.spawn()?, deadline)?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        running.gather(&mut out, &mut err)?;
        Ok(Ended { status: running.wait()?, out, err })
    }

    /// Lo deja en marcha con `input` por la entrada, sin esperar a nada: se pregunta por él con
    /// [`Background::poll`]. Lo que diga por los errores se lee al final.
    pub fn background(mut self, input: &[u8]) -> io::Result<Background> {
        if !input.is_empty() {
            let mut file = File::from(memfd_create(c"entrada", MFdFlags::MFD_CLOEXEC)?);
            file.write_all(input)?;
            file.rewind()?;
            self.command.stdin(file);
        }
        let errors = File::from(memfd_create(c"errores", MFdFlags::MFD_CLOEXEC)?);
        self.command.stderr(errors.try_clone()?);
        let deadline = Instant::now() + self.limit;
        Ok(Background { running: Running::new(self.spawn()?, deadline)?, errors })
    }

    /// Lo deja en marcha, con los errores en `errors`, para leer su salida según salga. El plazo cuenta
    /// desde la última vez que dijo algo.
    pub fn start(mut self, errors: Stdio) -> io::Result<Running> {
        self.command.stdout(Stdio::piped()).stderr(errors);
        let limit = self.limit;
        let mut running = Running::new(self.spawn()?, Instant::now() + limit)?;
        running.patience = Some(limit);
        Ok(running)
    }
}

/// Un programa de fuera en marcha. Se lee de él lo que va diciendo; al soltarlo sin esperarlo, se mata.
pub struct Running {
    child: Child,
    pidfd: OwnedFd,
    deadline: Instant,
    /// Lo que se alarga el plazo cada vez que dice algo.
    patience: Option<Duration>,
    ended: bool,
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "el programa no acabó en su plazo")
}

/// Espera a que se pueda leer de alguno; `false`, si se acabó el plazo.
fn wait_for(fds: &[BorrowedFd], deadline: Instant) -> io::Result<Option<Vec<bool>>> {
    let mut all: Vec<PollFd> = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        // un milisegundo de más: el plazo se redondea hacia arriba
        let left = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut all, left) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {
                let ready = |fd: &PollFd| fd.revents().is_some_and(|r| !r.is_empty());
                return Ok(Some(all.iter().map(ready).collect()));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Un programa al que nadie espera.
pub struct Background {
    running: Running,
    errors: File,
}

impl Background {
    /// Se puede leer cuando el programa ha acabado.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.running.pidfd.as_fd()
    }

    /// Cómo acabó, si ya ha acabado. Pasado su plazo, un error: al soltarlo, se mata.
    pub fn poll(&mut self) -> io::Result<Option<Ended>> {
        let Some(status) = self.running.child.try_wait()? else {
            return if Instant::now() >= self.running.deadline { Err(late()) } else { Ok(None) };
        };
        self.running.ended = true;
        let mut err = Vec::new();
        self.errors.rewind()?;
        (&mut self.errors).take(MAX_OUTPUT).read_to_end(&mut err)?;
        Ok(Some(Ended { status, out: Vec::new(), err }))
    }
}

impl Running {
    fn new(mut child: Child, deadline: Instant) -> io::Result<Running> {
        match sys::pidfd_open(child.id() as i32) {
            Ok(pidfd) => Ok(Running { child, pidfd, deadline, patience: None, ended: false }),
            Err(errno) => {
                // es nuestro hijo y nadie lo ha recogido: su número aún es suyo
                let _ = child.kill();
                let _ = child.wait();
                Err(errno.into())
            }
        }
    }

    /// Lee las dos salidas a la vez hasta que se cierran: si una se llenara sin leerla, esperaría siempre.
    fn gather(&mut self, out: &mut Vec<u8>, err: &mut Vec<u8>) -> io::Result<()> {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        while stdout.is_some() || stderr.is_some() {
            let fds: Vec<BorrowedFd> = stdout
                .as_ref()
                .map(AsFd::as_fd)
                .into_iter()
                .chain(stderr.as_ref().map(AsFd::as_fd))
                .collect();
            let Some(ready) = wait_for(&fds, self.deadline)? else { return Err(late()) };
            let first_is_out = stdout.is_some();
            for (i, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
                match i == 0 && first_is_out {
                    true => drain(&mut stdout, out)?,
                    false => drain(&mut stderr, err)?,
                }
            }
        }
        Ok(())
    }

    /// Espera a que acabe; pasado su plazo, lo mata.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        if wait_for(&[self.pidfd.as_fd()], self.deadline)?.is_none() {
            return Err(late());
        }
        self.ended = true;
        self.child.wait()
    }
}

/// Lee un trozo; al acabarse, suelta la tubería. Lo que pase del tope se lee y se tira.
fn drain<R: Read>(pipe: &mut Option<R>, into: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 8192];
    let n = match pipe {
        Some(pipe) => pipe.read(&mut chunk)?,
        None => 0,
    };
    if n == 0 {
        *pipe = None;
    } else if (into.len() as u64) < MAX_OUTPUT {
        into.extend_from_slice(&chunk[..n]);
    }
    Ok(())
}

/// Su salida, con plazo: quien la lee no puede quedarse esperando para siempre.
impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stdout) = &mut self.child.stdout else { return Ok(0) };
        if wait_for(&[stdout.as_fd()], self.deadline)?.is_none() {
            return Err(late());
        }
        let n = stdout.read(buffer)?;
        if let Some(patience) = self.patience {
            self.deadline = Instant::now() + patience;
        }
        Ok(n)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            // si ya ha muerto, basta recogerlo
            let _ = sys::pidfd_send_signal(self.pidfd.as_fd(), libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(line: &str, limit: Duration) -> Program {
        Program::new(Path::new("/bin/sh"), limit).unwrap().options(["-c", line])
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn solo_se_ejecuta_por_su_ruta_absoluta() {
        for bad in ["sh", "./sh", "bin/sh", ""] {
            assert!(Program::new(Path::new(bad), LONG).is_err(), "{bad}");
        }
    }

    #[test]
    fn el_entorno_y_el_directorio_son_conocidos_y_la_entrada_esta_cerrada() {
        let ended = shell("env | sort; pwd; cat", LONG).run(b"").unwrap();
        let out = String::from_utf8(ended.out).unwrap();
        let names: Vec<&str> = out.lines().filter_map(|l| Some(l.split_once('=')?.0)).collect();
        // PWD y OLDPWD los pone la shell
        let names: Vec<&str> = names.into_iter().filter(|n| !n.ends_with("PWD")).collect();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
        assert_eq!(out.lines().last(), Some("/"));
    }

    #[test]
    fn lo_que_no_es_una_opcion_va_detras_de_dos_guiones() {
        let program =
            Program::new(Path::new("/bin/ls"), LONG).unwrap().options(["-d"]).operands(["--version"]);
        let ended = program.run(b"").unwrap();
        assert!(!ended.status.success(), "no hay ningún fichero que se llame así");
        assert!(String::from_utf8_lossy(&ended.err).contains("--version"));
    }

    #[test]
    fn quien_pasa_de_su_plazo_muere() {
        let started = Instant::now();
        let problem = shell("sleep 60", Duration::from_millis(200)).run(b"").err().unwrap();
        assert_eq!(problem.kind(), io::ErrorKind::TimedOut);
        // también si cierra sus salidas y sigue, o si no para de hablar
        let quiet = shell("exec >/dev/null 2>&1; exec sleep 60", Duration::from_millis(200)).run(b"");
        assert_eq!(quiet.err().unwrap().kind(), io::ErrorKind::TimedOut);
        let noisy = shell("exec yes", Duration::from_millis(200)).run(b"");
        assert_eq!(noisy.err().unwrap().kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn lo_que_dice_por_las_dos_salidas_se_lee_entero_y_la_entrada_le_llega() {
        let line = "cat; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 3";
        let ended = shell(line, LONG).run(b"hola").unwrap();
        assert!(ended.out.starts_with(b"hola"));
        assert_eq!((ended.out.len(), ended.err.len(), ended.status.code()), (300_004, 300_000, Some(3)));
    }

    #[test]
    fn lo_que_se_lee_segun_sale_tambien_tiene_plazo() {
        let mut running =
            shell("echo hola; exec sleep 60", Duration::from_millis(300)).start(Stdio::null()).unwrap();
        let mut text = Vec::new();
        let problem = running.read_to_end(&mut text).unwrap_err();
        assert_eq!((text.as_slice(), problem.kind()), (&b"hola\n"[..], io::ErrorKind::TimedOut));
    }
}
