//! La terminal de un contenedor que crea otro: llega por un socket, como manda la norma OCI.

use crate::kernel::Op;
use crate::kernel::ops::{OpenTerminal, errno_of, quote_path};
use crate::kernel::sys;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// Escuchar en un socket con nombre.
pub struct Listen(pub PathBuf);

impl Op for Listen {
    /// `None` en un ensayo.
    type Output = Option<UnixListener>;
    fn syscall(&self) -> &'static str {
        "bind(2)"
    }
    fn shell(&self) -> String {
        format!(": socat UNIX-LISTEN:{} -", quote_path(&self.0))
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        UnixListener::bind(&self.0).map(Some).map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
}

/// Recibir por él un descriptor, y borrarlo.
pub struct ReceiveTerminal {
    pub listener: Option<UnixListener>,
    pub path: PathBuf,
}

impl Op for ReceiveTerminal {
    type Output = OwnedFd;
    fn syscall(&self) -> &'static str {
        "recvmsg(2)"
    }
    fn shell(&self) -> String {
        ": recvmsg SCM_RIGHTS".into()
    }
    fn run(&self) -> Result<OwnedFd, Errno> {
        let listener = self.listener.as_ref().ok_or(Errno::EBADF)?;
        // quien tenía que mandarlo ya ha acabado: si no lo mandó, no se le espera
        listener.set_nonblocking(true).map_err(|e| errno_of(&e))?;
        let (socket, _) = listener.accept().map_err(|e| errno_of(&e))?;
        socket.set_nonblocking(true).map_err(|e| errno_of(&e))?;
        let mut name = [0; 4096];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let mut parts = [IoSliceMut::new(&mut name)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let received = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        let fd = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
            _ => None,
        });
        // si queda el nombre, se irá con el directorio del Pod
        let _ = std::fs::remove_file(&self.path);
        fd.map(sys::own_fd).ok_or(Errno::EBADF)
    }
    fn rehearse(&self) -> OwnedFd {
        OpenTerminal.rehearse().master
    }
    fn caveat(&self) -> Option<&'static str> {
        Some("la shell no puede recibir un descriptor de otro proceso")
    }
}
