//! El socket por el que se pide a un supervisor que acabe con su Pod.
//!
//! Un mensaje en JSON por conexión, en un socket que solo root puede abrir. El servidor vive dentro
//! del bucle del supervisor: no espera a nadie, y atiende pocos clientes a la vez.

use crate::data;
use crate::error::Error;
use crate::spec::types::EphemeralContainer;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind, connect, listen, recv,
    send, socket,
};
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Acabar con el Pod. `grace_seconds`: en vez del plazo de su especificación.
    Delete { grace_seconds: Option<u64>, force: bool },
    /// Conectarse a la salida de un contenedor y, con `stdin`, a su entrada. Lo que sigue por el mismo
    /// socket está en `attach.rs`.
    Attach { container: String, stdin: bool },
    /// Poner una de las condiciones de las que depende que esté listo (`readinessGates`).
    Condition(crate::logic::OutsideCondition),
    /// Sus ConfigMaps y Secrets han cambiado: lo que se quiere está en su `config.json`.
    Configure,
    /// Añadir un contenedor efímero y, con `attach`, conectarse a él desde que nace.
    Debug { container: Box<EphemeralContainer>, attach: bool },
    /// A un ReplicaSet: lo que se quiere ha cambiado; está en su `next.json`.
    Change { replace: bool },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Response {
    Accepted,
    /// Cuántos ConfigMaps y Secrets eran otros.
    Configured {
        changed: usize,
    },
    /// No se puede, y por qué.
    Refused(String),
}

// ANCHOR: limits
/// Clientes a la vez; los demás esperan en la cola del kernel.
const MAX_CLIENTS: usize = 8;
const MAX_MESSAGE: usize = 4096;
// ANCHOR_END: limits

/// El lado del supervisor.
pub struct Control {
    listener: OwnedFd,
    clients: Vec<OwnedFd>,
    path: PathBuf,
}

impl Control {
    pub fn listen(path: &Path) -> Result<Control, Error> {
        // uno anterior es de un supervisor que ya no está: el nombre es nuestro
        let _ = std::fs::remove_file(path);
        let failed = |errno: Errno| {
            Error::failed(format!("no se pudo abrir el socket {}", path.display()))
                .because(crate::error::spanish(errno))
        };
        let listener = seqpacket(SockFlag::SOCK_NONBLOCK).map_err(failed)?;
        bind(listener.as_raw_fd(), &UnixAddr::new(path).map_err(failed)?).map_err(failed)?;
        listen(&listener, Backlog::new(16).unwrap_or(Backlog::MAXCONN)).map_err(failed)?;
        // el directorio ya es solo de root; el socket, también
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        Ok(Control { listener, clients: Vec::new(), path: path.to_path_buf() })
    }

    pub fn fds(&self) -> Vec<(BorrowedFd<'_>, PollFlags)> {
        let room = self.clients.len() < MAX_CLIENTS;
        let listener = room.then_some((self.listener.as_fd(), PollFlags::POLLIN));
        listener.into_iter().chain(self.clients.iter().map(|c| (c.as_fd(), PollFlags::POLLIN))).collect()
    }

    /// Acepta a quien llame y lee lo que haya: cada petición, con quien la hizo.
    pub fn attend(&mut self) -> Vec<(OwnedFd, Request)> {
        while self.clients.len() < MAX_CLIENTS {
            match accept4(self.listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK) {
                Ok(fd) => self.clients.push(crate::kernel::sys::own_fd(fd)),
                Err(_) => break,
            }
        }
        let mut requests = Vec::new();
        let mut waiting = Vec::new();
        for client in self.clients.drain(..) {
            let mut bytes = [0; MAX_MESSAGE];
            match recv(client.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
                Err(Errno::EAGAIN | Errno::EINTR) => waiting.push(client),
                // se fue, o dice algo que no se entiende: no se le atiende más
                Err(_) | Ok(0) => {}
                Ok(n) => requests.extend(data::read(&bytes[..n]).ok().map(|request| (client, request))),
            }
        }
        self.clients = waiting;
        requests
    }

    /// Responde y cuelga.
    pub fn answer(&self, client: OwnedFd, response: &Response) {
        self.answer_and_keep(&client, response);
    }

    /// Responde; la conexión sigue, para lo que venga detrás.
    pub fn answer_and_keep(&self, client: &OwnedFd, response: &Response) {
        let text = data::bytes(response);
        // si ya se fue, no hay a quién responder
        let _ = send(client.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // quien pregunte después ha de ver que no hay nadie
        let _ = std::fs::remove_file(&self.path);
    }
}

fn seqpacket(flags: SockFlag) -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Unix, SockType::SeqPacket, flags | SockFlag::SOCK_CLOEXEC, None)
}

/// El lado de quien pide. Falla si no hay nadie al otro lado.
pub fn ask(path: &Path, request: &Request) -> Result<Response, Errno> {
    call(path, request).map(|(_, response)| response)
}

/// Lo mismo, y se queda con la conexión.
pub fn call(path: &Path, request: &Request) -> Result<(OwnedFd, Response), Errno> {
    let socket = seqpacket(SockFlag::empty())?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    let text = data::bytes(request);
    if text.len() > MAX_MESSAGE {
        return Err(Errno::EMSGSIZE);
    }
    send(socket.as_raw_fd(), &text, MsgFlags::MSG_NOSIGNAL)?;
    let mut answer = [0; MAX_MESSAGE];
    let n = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    let response = data::read(&answer[..n]).map_err(|_| Errno::EPROTO)?;
    Ok((socket, response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn un_cliente_que_no_dice_nada_no_detiene_al_que_si() {
        let path = std::env::temp_dir().join(format!("micropod-control-{}", std::process::id()));
        let mut control = Control::listen(&path).unwrap();
        let silent: Vec<OwnedFd> = (0..3)
            .map(|_| {
                let s = seqpacket(SockFlag::empty()).unwrap();
                connect(s.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
                s
            })
            .collect();
        let asking = path.clone();
        let asked = std::thread::spawn(move || {
            ask(&asking, &Request::Delete { grace_seconds: Some(3), force: false })
        });
        let mut got = Vec::new();
        while got.is_empty() {
            got = control.attend();
        }
        let (client, request) = got.remove(0);
        assert!(matches!(request, Request::Delete { grace_seconds: Some(3), force: false }));
        control.answer(client, &Response::Accepted);
        assert!(matches!(asked.join().unwrap(), Ok(Response::Accepted)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(silent);
        drop(control);
        assert!(!path.exists());
    }
}
