//! rtnetlink con nuestras manos: un mensaje, su respuesta y nada más.
//!
//! ```text
//! nlmsghdr (16 bytes) · cabecera de la familia (ifinfomsg, ifaddrmsg…) · atributos
//! atributo: longitud (2) · tipo (2) · datos · relleno hasta múltiplo de 4
//! ```
//!
//! Los números de 16 y 32 bits van en el orden de la máquina, salvo las direcciones, que van tal cual.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::os::fd::{AsRawFd, OwnedFd};

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
/// Que los cuente todos.
pub const NLM_F_DUMP: u16 = 0x300;
/// Que falle si ya existe.
pub const NLM_F_EXCL: u16 = 0x200;
/// Que lo cree.
pub const NLM_F_CREATE: u16 = 0x400;
/// Que lo sustituya si ya existe.
pub const NLM_F_REPLACE: u16 = 0x100;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;

/// Un mensaje a medio escribir.
pub struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// `kind`: `RTM_NEWLINK`…; `flags`: `NLM_F_CREATE`…; `body`: la cabecera de la familia.
    pub fn new(kind: u16, flags: u16, body: &[u8]) -> Request {
        let mut bytes = vec![0; 4]; // la longitud se escribe al final
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(flags | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]); // número de orden y puerto: los pone el kernel
        bytes.extend_from_slice(body);
        Request { bytes }
    }

    pub fn attribute(mut self, kind: u16, data: &[u8]) -> Request {
        let length = (data.len() + 4) as u16;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(data);
        self.pad();
        self
    }

    pub fn text(self, kind: u16, text: &str) -> Request {
        let mut data = text.as_bytes().to_vec();
        data.push(0);
        self.attribute(kind, &data)
    }

    pub fn number(self, kind: u16, number: u32) -> Request {
        self.attribute(kind, &number.to_ne_bytes())
    }

    /// Un atributo que contiene otros.
    pub fn nest(mut self, kind: u16, inside: impl FnOnce(Request) -> Request) -> Request {
        const NLA_F_NESTED: u16 = 0x8000;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NLA_F_NESTED).to_ne_bytes());
        let mut full = inside(self);
        let length = (full.bytes.len() - start) as u16;
        full.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        full
    }

    /// Bytes sueltos dentro de un atributo: la cabecera del otro extremo de un veth.
    pub fn raw(mut self, data: &[u8]) -> Request {
        self.bytes.extend_from_slice(data);
        self.pad();
        self
    }

    fn pad(&mut self) {
        while self.bytes.len() % 4 != 0 {
            self.bytes.push(0);
        }
    }

    // ANCHOR: send
    /// Lo envía y espera el acuse: 0, o el errno del kernel.
    pub fn send(self) -> Result<(), Errno> {
        let mut answer = [0; 4096];
        let socket = self.deliver(SockProtocol::NetlinkRoute)?;
        let n = receive(&socket, &mut answer)?;
        acknowledged(&answer[..n])
    }
    // ANCHOR_END: send

    // ANCHOR: ask
    /// Lo envía y junta las respuestas: de cada una, su cabecera de familia y sus atributos.
    pub fn ask(self) -> Result<Vec<Vec<u8>>, Errno> {
        self.ask_with(SockProtocol::NetlinkRoute)
    }
    // ANCHOR_END: ask

    /// Lo mismo, a otra parte del kernel que la red.
    pub fn ask_with(self, whom: SockProtocol) -> Result<Vec<Vec<u8>>, Errno> {
        // el kernel reparte las respuestas largas en trozos de este tamaño, como mucho
        let mut chunk = vec![0; 32 * 1024];
        let socket = self.deliver(whom)?;
        let mut answers = Vec::new();
        loop {
            let n = receive(&socket, &mut chunk)?;
            for (kind, body) in messages(&chunk[..n]) {
                match kind {
                    NLMSG_DONE => return Ok(answers),
                    NLMSG_ERROR => return error_in(body).map(|()| answers),
                    _ => answers.push(body.to_vec()),
                }
            }
        }
    }

    fn deliver(mut self, whom: SockProtocol) -> Result<OwnedFd, Errno> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        // el espacio de red es el de quien abre el socket
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, whom)?;
        send(socket.as_raw_fd(), &self.bytes, MsgFlags::empty())?;
        Ok(socket)
    }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match recv(socket.as_raw_fd(), buffer, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            Ok(0) => return Err(Errno::EPROTO),
            other => return other,
        }
    }
}

/// Los mensajes que trae una lectura: de cada uno, su tipo y lo que lleva detrás de la cabecera.
pub fn messages(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut all = Vec::new();
    while let Some(length) =
        number(bytes, 0).map(|n| n as usize).filter(|n| (HEADER..=bytes.len()).contains(n))
    {
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        all.push((kind, &bytes[HEADER..length]));
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    all
}

/// Los atributos de `bytes`: tipo (sin las banderas de anidado) y datos.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut all = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        if !(4..=bytes.len()).contains(&length) {
            break;
        }
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        all.push((kind, &bytes[4..length]));
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    all
}

/// El entero de 32 bits que hay en `at`.
pub fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes)
}

/// Lee el acuse: un nlmsghdr de tipo NLMSG_ERROR y un entero, 0 o el errno cambiado de signo.
fn acknowledged(answer: &[u8]) -> Result<(), Errno> {
    match messages(answer).first() {
        Some((NLMSG_ERROR, body)) => error_in(body),
        _ => Err(Errno::EPROTO),
    }
}

fn error_in(body: &[u8]) -> Result<(), Errno> {
    match number(body, 0).map(|n| n as i32) {
        Some(0) => Ok(()),
        Some(code) => Err(Errno::from_raw(-code)),
        None => Err(Errno::EPROTO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_atributos_se_rellenan_hasta_multiplo_de_cuatro() {
        let request = Request::new(16, 0, &[]).text(3, "eth0");
        assert_eq!(request.bytes.len(), HEADER + 12);
        assert_eq!(request.bytes[HEADER..HEADER + 2], 9u16.to_ne_bytes());
    }

    #[test]
    fn un_atributo_anidado_cuenta_lo_que_lleva_dentro() {
        let request = Request::new(16, 0, &[]).nest(18, |r| r.text(1, "veth"));
        assert_eq!(request.bytes[HEADER..HEADER + 2], 16u16.to_ne_bytes());
    }

    #[test]
    fn un_acuse_cortado_o_ajeno_no_se_toma_por_bueno() {
        assert_eq!(acknowledged(&[]), Err(Errno::EPROTO));
        assert_eq!(acknowledged(&[0; 20]), Err(Errno::EPROTO));
        let mut error = [0; 20];
        error[0] = 20;
        error[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert_eq!(acknowledged(&error), Ok(()));
        error[16..20].copy_from_slice(&(-17i32).to_ne_bytes());
        assert_eq!(acknowledged(&error), Err(Errno::EEXIST));
    }
    #[test]
    fn una_respuesta_son_varios_mensajes_y_cada_uno_varios_atributos() {
        let two = [
            Request::new(16, 0, &[1, 2, 3, 4]).text(3, "eth0").number(5, 7).bytes,
            Request::new(16, 0, &[9, 9, 9, 9]).bytes,
        ];
        let bytes: Vec<u8> = two
            .into_iter()
            .flat_map(|mut one| {
                let length = (one.len() as u32).to_ne_bytes();
                one[..4].copy_from_slice(&length);
                one
            })
            .collect();
        let read = messages(&bytes);
        assert_eq!(read.len(), 2);
        assert_eq!(attributes(&read[0].1[4..]), [(3, &b"eth0\0"[..]), (5, &7u32.to_ne_bytes()[..])]);
        assert_eq!(messages(&bytes[..bytes.len() - 1]).len(), 1, "uno cortado no se lee");
        assert_eq!(attributes(&[200, 0, 3, 0, 1]), [], "ni un atributo que dice medir más de lo que hay");
    }
}
