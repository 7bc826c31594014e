//! Quién está al otro lado de una conexión de esta misma máquina.
//!
//! El kernel lo sabe: es el dueño del otro socket, y se pregunta por él con `sock_diag(7)` diciendo sus
//! dos direcciones y sus dos puertos. Un socket que su dueño ya ha cerrado no es de nadie, y el kernel
//! contesta entonces que es del usuario 0: por eso se exige que tenga inodo, que solo tiene el que
//! alguien sigue teniendo abierto.

use crate::network::netlink::{Request, attributes, number};
use crate::state;
use nix::errno::Errno;
use nix::sys::socket::SockProtocol;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_CGROUP_ID: u16 = 21;
/// Lo que ocupa `inet_diag_msg`, y dónde están en él el dueño y el inodo.
const MESSAGE: usize = 72;
const UID: usize = 64;
const INODE: usize = 68;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peer {
    pub uid: u32,
    /// El cgroup en el que nació el socket, si el kernel lo dice.
    pub cgroup: Option<u64>,
}

/// El dueño del socket que va de `theirs` a `ours`; `None` si ya no lo tiene nadie.
pub fn of(theirs: SocketAddr, ours: SocketAddr) -> Result<Option<Peer>, Errno> {
    let request = Request::new(SOCK_DIAG_BY_FAMILY, 0, &question(theirs, ours));
    match request.ask_with(SockProtocol::NetlinkSockDiag) {
        Ok(answers) => Ok(answers.iter().find_map(|answer| parse(answer))),
        // no hay ninguno así
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// `inet_diag_req_v2`: los puertos y las direcciones, en el orden de la red.
fn question(theirs: SocketAddr, ours: SocketAddr) -> Vec<u8> {
    let family = if theirs.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut bytes = vec![family as u8, libc::IPPROTO_TCP as u8, 0, 0];
    bytes.extend_from_slice(&u32::MAX.to_ne_bytes()); // en cualquier estado
    bytes.extend_from_slice(&theirs.port().to_be_bytes());
    bytes.extend_from_slice(&ours.port().to_be_bytes());
    for ip in [theirs.ip(), ours.ip()] {
        let mut room = [0; 16];
        match ip {
            IpAddr::V4(ip) => room[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => room.copy_from_slice(&ip.octets()),
        }
        bytes.extend_from_slice(&room);
    }
    bytes.extend_from_slice(&0u32.to_ne_bytes()); // por cualquier interfaz
    bytes.extend_from_slice(&u64::MAX.to_ne_bytes()); // sin saber su «cookie»
    bytes
}

/// Lo que contesta el kernel. De un socket sin inodo no se fía nadie.
pub fn parse(answer: &[u8]) -> Option<Peer> {
    let (uid, inode) = (number(answer, UID)?, number(answer, INODE)?);
    let id = |data: &[u8]| data.try_into().ok().map(u64::from_ne_bytes);
    let cgroup = attributes(&answer[MESSAGE..]).into_iter().find(|(kind, _)| *kind == INET_DIAG_CGROUP_ID);
    (inode != 0).then(|| Peer { uid, cgroup: cgroup.and_then(|(_, data)| id(data)) })
}

impl Peer {
    /// ¿Es de un proceso de un Pod? Con `hostNetwork`, el root de un contenedor llega hasta aquí.
    pub fn is_in_a_pod(self) -> bool {
        let Some(id) = self.cgroup else { return false };
        let homes = state::see_all().into_iter().filter_map(|seen| seen.record.cgroup);
        homes.into_iter().any(|home| contains(&home, id))
    }
}

/// ¿Es `id` el número de este directorio de cgroup o de alguno de dentro?
fn contains(dir: &Path, id: u64) -> bool {
    let here = std::fs::metadata(dir).is_ok_and(|data| data.ino() == id);
    here || std::fs::read_dir(dir).is_ok_and(|entries| {
        let dirs = entries.flatten().filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
        dirs.into_iter().any(|entry| contains(&entry.path(), id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(uid: u32, inode: u32) -> Vec<u8> {
        let mut bytes = vec![0; UID];
        bytes.extend_from_slice(&uid.to_ne_bytes());
        bytes.extend_from_slice(&inode.to_ne_bytes());
        bytes.extend_from_slice(&[12, 0, 21, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn de_un_socket_que_ya_no_tiene_nadie_no_se_cree_que_sea_de_root() {
        assert_eq!(parse(&answer(0, 0)), None);
        assert_eq!(parse(&answer(0, 5)), Some(Peer { uid: 0, cgroup: Some(9) }));
        assert_eq!(parse(&answer(65534, 5)).unwrap().uid, 65534);
        for length in 0..MESSAGE {
            assert_eq!(parse(&answer(0, 5)[..length]), None, "cortada en {length}");
        }
    }

    #[test]
    fn el_kernel_dice_de_quien_es_el_otro_extremo() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(ours).unwrap();
        let (server, theirs) = listener.accept().unwrap();
        let me = nix::unistd::geteuid().as_raw();
        assert_eq!(of(theirs, ours).unwrap().map(|peer| peer.uid), Some(me));
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(of(theirs, ours).unwrap().map(|peer| peer.uid), Some(me), "aún lo tiene abierto");
        drop(client);
        assert_eq!(of(theirs, ours).unwrap(), None, "ya no es de nadie");
        drop(server);
    }
}
