//! Lo que se dicen un supervisor y quien se conecta a la entrada y la salida de un contenedor.
//!
//! Va por el socket de control, que conserva los mensajes enteros: el primer byte dice de qué es el
//! resto. Nadie espera a nadie: quien no da abasto con lo que llega acaba desconectado, y quien
//! escribe más deprisa de lo que lee el contenedor se encuentra el socket lleno.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};

/// Un mensaje.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Del contenedor.
    Output(Vec<u8>),
    Errors(Vec<u8>),
    /// El contenedor ha acabado.
    End,
    /// Del teclado.
    Input(Vec<u8>),
    /// No se tecleará más.
    InputEnd,
    /// La ventana mide esto: filas y columnas.
    Window(u16, u16),
}

/// Bytes de texto que caben en un mensaje.
pub const MAX_TEXT: usize = 32 * 1024;

impl Frame {
    pub fn encode(&self) -> Vec<u8> {
        let (kind, text): (u8, &[u8]) = match self {
            Frame::Output(text) => (b'o', text),
            Frame::Errors(text) => (b'e', text),
            Frame::End => (b'f', &[]),
            Frame::Input(text) => (b'i', text),
            Frame::InputEnd => (b'x', &[]),
            Frame::Window(rows, columns) => {
                let [a, b] = rows.to_be_bytes();
                let [c, d] = columns.to_be_bytes();
                return vec![b'v', a, b, c, d];
            }
        };
        [&[kind], text].concat()
    }

    /// `None` si no se entiende.
    pub fn decode(bytes: &[u8]) -> Option<Frame> {
        let (kind, text) = bytes.split_first()?;
        Some(match (kind, text) {
            (b'o', text) => Frame::Output(text.to_vec()),
            (b'e', text) => Frame::Errors(text.to_vec()),
            (b'f', []) => Frame::End,
            (b'i', text) => Frame::Input(text.to_vec()),
            (b'x', []) => Frame::InputEnd,
            (b'v', [a, b, c, d]) => Frame::Window(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
            _ => return None,
        })
    }
}

/// Lo que falta por enviar a quien está al otro lado.
#[derive(Default)]
pub struct Queue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// Más atraso que este, y se le desconecta.
const MAX_BACKLOG: usize = 1024 * 1024;

impl Queue {
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Apunta un mensaje; `false` si ya va demasiado atrasado.
    pub fn push(&mut self, frame: &Frame) -> bool {
        let bytes = frame.encode();
        self.bytes += bytes.len();
        self.frames.push_back(bytes);
        self.bytes <= MAX_BACKLOG
    }

    /// Envía lo que quepa sin esperar; `false` si ya no hay nadie al otro lado.
    pub fn flush(&mut self, socket: &OwnedFd) -> bool {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(frame) = self.frames.front() {
            match send(socket.as_raw_fd(), frame, flags) {
                Ok(_) => {
                    self.bytes -= frame.len();
                    self.frames.pop_front();
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return true,
                Err(_) => return false,
            }
        }
        true
    }
}

/// Lo que llega de un socket, sin esperar.
#[derive(Debug, PartialEq)]
pub enum Received {
    Frame(Frame),
    /// Nada todavía.
    Nothing,
    /// Se ha ido, o dice algo que no se entiende.
    Gone,
}

pub fn receive(socket: &OwnedFd) -> Received {
    let mut bytes = vec![0; MAX_TEXT + 1];
    match recv(socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
        Ok(n) => Frame::decode(&bytes[..n]).map_or(Received::Gone, Received::Frame),
        Err(Errno::EAGAIN | Errno::EINTR) => Received::Nothing,
        Err(_) => Received::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    fn pair() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap()
    }

    #[test]
    fn cada_mensaje_llega_como_se_envio() {
        let (a, b) = pair();
        let frames = [
            Frame::Output(b"hola\n".to_vec()),
            Frame::Errors(vec![0, 255]),
            Frame::Input(vec![b'x'; MAX_TEXT]),
            Frame::Window(24, 300),
            Frame::InputEnd,
            Frame::End,
        ];
        let mut queue = Queue::default();
        assert!(frames.iter().all(|frame| queue.push(frame)) && queue.flush(&a) && queue.is_empty());
        for frame in frames {
            assert_eq!(receive(&b), Received::Frame(frame));
        }
        assert_eq!(receive(&b), Received::Nothing);
        drop(a);
        assert_eq!(receive(&b), Received::Gone);
    }

    #[test]
    fn lo_que_no_se_entiende_desconecta() {
        for bytes in [&b""[..], b"z", b"v12", b"fx", b"xx"] {
            assert_eq!(Frame::decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn quien_no_lee_no_hace_crecer_la_memoria_sin_fin() {
        let (a, b) = pair();
        let mut queue = Queue::default();
        let frame = Frame::Output(vec![b'x'; MAX_TEXT]);
        let mut sent = 0;
        while queue.push(&frame) && queue.flush(&a) {
            sent += 1;
            assert!(sent < 1000, "nunca se queja");
        }
        assert!(queue.bytes <= MAX_BACKLOG + MAX_TEXT + 1);
        drop(b);
        assert!(!queue.flush(&a), "ya no hay nadie");
    }
}
