//! El cordón entre un hijo y el anfitrión: el hijo no hace nada hasta que oye «adelante», cuenta
//! por él sus pasos cuando se narra, y por él avisa de que está listo o de que ha fallado.
//!
//! ```text
//! [hijo]                         [anfitrión]
//!    <------- Go ------------------   puedes empezar (fin de fichero: el anfitrión ha muerto)
//!    -------- Step --------------->   voy a hacer esto          (solo si se narra)
//!    <------- Go ------------------   sigue
//!    -------- Ready --------------->  la pausa está lista
//!    -------- Born --------------->  el contenedor es este proceso: adóptalo
//!    -------- Client ------------->  el contenedor es este proceso, y yo acabaré con él
//!    -------- Failed -------------->  no he podido: este es el error
//!    ======== fin de fichero =====>   execve ha cerrado el canal: el programa ya corre
//! ```

use super::{Step, sys};
use crate::data;
use crate::error::{StepError, spanish};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, Shutdown, SockFlag, SockType, UnixAddr,
    recv, recvmsg, send, sendmsg, shutdown, socketpair,
};
use serde::{Deserialize, Serialize};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    Go,
    Step(Step),
    Ready,
    /// Con él viaja el extremo de la terminal del contenedor.
    Terminal,
    /// El contenedor, que ha creado otro, es este proceso.
    Born(i32),
    /// El contenedor es este proceso, y quien lo dice acabará cuando él y con su código.
    Client(i32),
    Failed(StepError),
}

/// Un extremo del cordón. SEQPACKET: un mensaje, una lectura.
#[derive(Debug)]
pub struct Channel(OwnedFd);

impl Channel {
    /// Los dos extremos: (anfitrión, hijo). Se cierran solos al ejecutar otro programa.
    pub fn pair() -> Result<(Channel, Channel), Errno> {
        let (a, b) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Channel(a), Channel(b)))
    }

    pub fn send(&self, message: &Message) -> Result<(), Errno> {
        // «Go» es lo único que se envía sin narrar: no pasa por JSON.
        let text = match message {
            Message::Go => Vec::from("\"Go\""),
            other => data::bytes(other),
        };
        loop {
            match send(self.0.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => continue,
                other => return other.map(|_| ()),
            }
        }
    }

    /// Dice «adelante». Si no se puede, deja de hablar: quien esperaba oye el fin de fichero y muere, en vez
    /// de esperar para siempre. Si es porque ya ha muerto, lo dirá su pidfd.
    pub fn go_on(&self) {
        match self.send(&Message::Go) {
            Ok(()) => return,
            Err(Errno::EPIPE | Errno::ECONNRESET) => {}
            Err(errno) => log::error!("no se pudo decir a un hijo que siga: {}", spanish(errno)),
        }
        // si ni eso se puede, es que no queda nadie al otro lado
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Write);
    }

    /// Manda un descriptor: el extremo de la terminal del contenedor.
    pub fn send_fd(&self, fd: BorrowedFd) -> Result<(), Errno> {
        let (text, fds) = (b"\"Terminal\"", [fd.as_raw_fd()]);
        let rights = [ControlMessage::ScmRights(&fds)];
        let parts = [IoSlice::new(text)];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, &rights, MsgFlags::MSG_NOSIGNAL, None).map(|_| ())
    }

    /// El siguiente mensaje; `None` si el otro extremo se ha cerrado (o dice algo ilegible).
    pub fn receive(&self) -> Option<Message> {
        self.receive_with_fd().map(|(message, _)| message)
    }

    /// Como [`Channel::receive`], con el descriptor que venga con el mensaje.
    pub fn receive_with_fd(&self) -> Option<(Message, Option<OwnedFd>)> {
        // primero, cuánto ocupa: casi siempre son cuatro letras, y estrenar 64 KiB costaría más
        let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
        let size = loop {
            match recv(self.0.as_raw_fd(), &mut [], peek) {
                Err(Errno::EINTR) => continue,
                Err(_) => return None,
                Ok(size) => break size,
            }
        };
        let mut buffer = vec![0; size];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let (n, fd) = loop {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            match recvmsg::<UnixAddr>(
                self.0.as_raw_fd(),
                &mut parts,
                Some(&mut space),
                MsgFlags::MSG_CMSG_CLOEXEC,
            ) {
                Err(Errno::EINTR) => continue,
                Err(_) => return None,
                Ok(received) => break (received.bytes, first_fd(&received)),
            }
        };
        match &buffer[..n] {
            b"" => None,
            b"\"Go\"" => Some((Message::Go, fd)),
            text => Some((data::read(text).ok()?, fd)),
        }
    }

    pub fn try_clone(&self) -> std::io::Result<Channel> {
        self.0.try_clone().map(Channel)
    }

    /// Cuenta un paso y espera permiso para darlo. Si el anfitrión ha muerto, este proceso también.
    pub fn tell_and_wait(&self, message: &Message) {
        if self.send(message).is_err() || !matches!(self.receive(), Some(Message::Go)) {
            sys::exit_now(crate::error::exit::SETUP);
        }
    }
}

/// El primer descriptor que venga con un mensaje; los demás no los esperamos.
fn first_fd(received: &nix::sys::socket::RecvMsg<UnixAddr>) -> Option<OwnedFd> {
    let mut fds = received.cmsgs().ok()?.filter_map(|c| match c {
        ControlMessageOwned::ScmRights(fds) => fds.first().copied(),
        _ => None,
    });
    fds.next().map(sys::own_fd)
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
