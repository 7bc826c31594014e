//! Órdenes sobre sockets.

use crate::kernel::Op;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// Empezar una conexión TCP, sin esperar a que se haga: puede estar a medias.
pub struct Connect(pub SocketAddr);

impl Op for Connect {
    type Output = Option<OwnedFd>;
    fn syscall(&self) -> &'static str {
        "connect(2)"
    }
    fn shell(&self) -> String {
        format!("nc {} {}", self.0.ip(), self.0.port())
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let family = if self.0.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None)?;
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(self.0)) {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(Some(socket)),
            Err(errno) => Err(errno),
        }
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
}
