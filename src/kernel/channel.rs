//! El cordón entre un hijo y el anfitrión: el hijo no hace nada hasta que oye «adelante», cuenta
//! por él sus pasos cuando se narra, y por él avisa de que está listo o de que ha fallado.
//!
//! ```text
//! [hijo]                         [anfitrión]
//!    <------- Go ------------------   puedes empezar (fin de fichero: el anfitrión ha muerto)
//!    -------- Step --------------->   voy a hacer esto          (solo si se narra)
//!    <------- Go ------------------   sigue
//!    -------- Ready --------------->  la pausa está lista
//!    -------- Failed -------------->  no he podido: este es el error
//!    ======== fin de fichero =====>   execve ha cerrado el canal: el programa ya corre
//! ```

use super::Step;
use crate::error::StepError;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    Go,
    Step(Step),
    Ready,
    Failed(StepError),
}

/// Un extremo del cordón. SEQPACKET: un mensaje, una lectura.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// Ningún mensaje ocupa más: un paso lleva frases y rutas, no datos.
const MAX_MESSAGE: usize = 64 * 1024;

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
            other => serde_json::to_vec(other).expect("los mensajes no llevan claves que no sean texto"),
        };
        loop {
            match send(self.0.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => continue,
                other => return other.map(|_| ()),
            }
        }
    }

    /// El siguiente mensaje; `None` si el otro extremo se ha cerrado (o dice algo ilegible).
    pub fn receive(&self) -> Option<Message> {
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Err(Errno::EINTR) => continue,
                Err(_) | Ok(0) => return None,
                Ok(n) if &buffer[..n] == b"\"Go\"" => return Some(Message::Go),
                Ok(n) => return serde_json::from_slice(&buffer[..n]).ok(),
            }
        }
    }

    /// Cuenta un paso y espera permiso para darlo. Si el anfitrión ha muerto, este proceso también.
    pub fn tell_and_wait(&self, message: &Message) {
        if self.send(message).is_err() || !matches!(self.receive(), Some(Message::Go)) {
            super::sys::exit_now(crate::error::exit::SETUP);
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
