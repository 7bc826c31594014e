//! Órdenes sobre la entrada, la salida y las terminales.

use super::errno_of;
use crate::kernel::channel::Channel;
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, major, minor};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

/// Conectar los descriptores 0, 1 y 2. Sin entrada, se lee `/dev/null`: fin de fichero.
pub struct ConnectStdio {
    pub input: Option<OwnedFd>,
    pub output: OwnedFd,
    pub errors: OwnedFd,
}

impl Op for ConnectStdio {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "dup2(2)"
    }
    fn shell(&self) -> String {
        let input = if self.input.is_some() { "" } else { "< /dev/null " };
        format!("exec {input}> $SALIDA 2> $ERRORES")
    }
    fn run(&self) -> Result<(), Errno> {
        match &self.input {
            Some(input) => dup2_stdin(input)?,
            None => dup2_stdin(open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?)?,
        }
        dup2_stdout(&self.output)?;
        dup2_stderr(&self.errors)
    }
    fn rehearse(&self) {}
}

/// Los dos extremos de una terminal.
pub struct TerminalPair {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

/// Abrir un par de terminal en el `/dev/pts` de este espacio de montajes.
pub struct OpenTerminal;

impl Op for OpenTerminal {
    type Output = TerminalPair;
    fn syscall(&self) -> &'static str {
        "ioctl_tty(2)"
    }
    fn shell(&self) -> String {
        "script -q -c sh /dev/null".into()
    }
    fn run(&self) -> Result<TerminalPair, Errno> {
        let master = open(
            "/dev/pts/ptmx",
            OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
            Mode::empty(),
        )?;
        // el contenedor manda en su /dev: se comprueba que es de verdad el multiplexor de terminales
        let file = std::fs::File::from(master.try_clone().map_err(|e| errno_of(&e))?);
        let rdev = file.metadata().map_err(|e| errno_of(&e))?.rdev();
        if (major(rdev), minor(rdev)) != (5, 2) {
            return Err(Errno::ENODEV);
        }
        let slave = sys::open_terminal_peer(master.as_fd())?;
        Ok(TerminalPair { master, slave })
    }
    /// En un ensayo el par es `/dev/null` dos veces: nadie lo usa.
    fn rehearse(&self) -> TerminalPair {
        let null = || {
            open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
                .expect("/dev/null existe siempre")
        };
        TerminalPair { master: null(), slave: null() }
    }
}

/// Mandar el extremo del maestro al anfitrión.
pub struct SendTerminal {
    pub channel: Option<Channel>,
    pub master: OwnedFd,
}

impl Op for SendTerminal {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "sendmsg(2)"
    }
    fn shell(&self) -> String {
        ": sendmsg SCM_RIGHTS".into()
    }
    fn run(&self) -> Result<(), Errno> {
        self.channel.as_ref().ok_or(Errno::EBADF)?.send_fd(self.master.as_fd())
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell no puede pasar un descriptor a otro proceso ya en marcha")
    }
}

/// Hacer de una terminal la de control, y leer y escribir por ella.
pub struct UseTerminal(pub OwnedFd);

impl Op for UseTerminal {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "ioctl_tty(2)"
    }
    fn shell(&self) -> String {
        "setsid -c sh".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::set_controlling_terminal(self.0.as_fd())?;
        dup2_stdin(&self.0)?;
        dup2_stdout(&self.0)?;
        dup2_stderr(&self.0)
    }
    fn rehearse(&self) {}
}

/// Abrir una tubería: (por donde se lee, por donde se escribe).
pub struct Pipe {
    pub flags: OFlag,
    /// Que leer no espere: quien lee tiene más cosas que atender.
    pub nonblocking_read: bool,
}

impl Op for Pipe {
    type Output = (OwnedFd, OwnedFd);
    fn syscall(&self) -> &'static str {
        "pipe2(2)"
    }
    fn shell(&self) -> String {
        "mkfifo $SALIDA".into()
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let (read, write) = nix::unistd::pipe2(self.flags)?;
        if self.nonblocking_read {
            nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok((read, write))
    }
    /// En un ensayo los dos extremos son `/dev/null`: nadie los usa.
    fn rehearse(&self) -> Self::Output {
        let pair = OpenTerminal.rehearse();
        (pair.master, pair.slave)
    }
}

/// Otro descriptor para lo mismo.
pub struct Duplicate<'a>(pub &'a OwnedFd);

impl Op for Duplicate<'_> {
    type Output = OwnedFd;
    fn syscall(&self) -> &'static str {
        "fcntl(2)"
    }
    fn shell(&self) -> String {
        "exec 2>&1".into()
    }
    fn run(&self) -> Result<OwnedFd, Errno> {
        self.0.try_clone().map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) -> OwnedFd {
        OpenTerminal.rehearse().slave
    }
}

/// Cerrar todo descriptor que no sea 0, 1, 2 o el canal con el anfitrión, que se cierra al ejecutar
/// el programa.
pub struct CloseInherited(pub Option<RawFd>);

impl Op for CloseInherited {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "close_range(2)"
    }
    fn shell(&self) -> String {
        ": close_range 3".into()
    }
    fn run(&self) -> Result<(), Errno> {
        sys::close_all_but([0, 1, 2].into_iter().chain(self.0).collect());
        // ya no queda ninguno que no lo lleve; si quedara, que tampoco pase
        sys::cloexec_from(3)
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell solo cierra descriptores de uno en uno: exec 3>&-")
    }
}
