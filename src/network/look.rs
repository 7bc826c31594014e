//! Lo que hay en un espacio de red, preguntado al kernel por rtnetlink: interfaces, direcciones y rutas.
//!
//! Ni `/sys/class/net` ni `/proc/net` valen: enseñan el espacio de red de quien los montó o los abre
//! a medias. Un volcado de rtnetlink habla siempre del de quien pregunta.

use super::netlink::{NLM_F_DUMP, Request, attributes, number};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNSID: u16 = 90;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_LINK_NETNSID: u16 = 37;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;
const AF_INET: u8 = 2;
const IFF_UP: u32 = 1;
const MAIN_TABLE: u8 = 254;
const UNICAST: u8 = 1;

/// Una interfaz de red.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub index: u32,
    pub name: String,
    /// `veth`, `bridge`… vacío si es de una tarjeta o es `lo`.
    pub kind: String,
    pub mac: Vec<u8>,
    pub up: bool,
    /// El índice del otro extremo, en su espacio de red.
    pub peer: Option<u32>,
    /// El número con que este espacio de red conoce al del otro extremo; `None`: es este mismo.
    pub peer_netns: Option<i32>,
    /// El índice del puente al que está enchufada.
    pub master: Option<u32>,
}

impl Link {
    pub fn mac_text(&self) -> String {
        self.mac.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub link: u32,
    pub ip: Ipv4Addr,
    pub prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Adónde lleva; `None`: a todo lo demás.
    pub to: Option<(Ipv4Addr, u8)>,
    pub via: Option<Ipv4Addr>,
    pub link: u32,
}

/// Un espacio de red, visto desde dentro.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
}

impl View {
    // ANCHOR: look
    /// Mira el espacio de red de este proceso.
    pub fn look() -> Result<View, Errno> {
        Ok(View {
            links: dump(RTM_GETLINK, &[0; 16], read_link)?,
            addresses: dump(RTM_GETADDR, &[AF_INET, 0, 0, 0, 0, 0, 0, 0], read_address)?,
            routes: dump(RTM_GETROUTE, &[AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], read_route)?,
        })
    }
    // ANCHOR_END: look

    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|l| l.index == index)
    }

    pub fn link_named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|l| l.name == name)
    }

    /// Las direcciones de una interfaz.
    pub fn addresses_of(&self, link: &Link) -> Vec<&Address> {
        self.addresses.iter().filter(|a| a.link == link.index).collect()
    }

    /// Las direcciones por las que se puede llegar desde fuera: todas menos las de loopback.
    pub fn outer_addresses(&self) -> Vec<&Address> {
        self.addresses.iter().filter(|a| !a.ip.is_loopback()).collect()
    }

    pub fn default_route(&self) -> Option<&Route> {
        self.routes.iter().find(|r| r.to.is_none())
    }
}

/// El número con que el espacio de red de este proceso conoce al de `netns`, si lo conoce.
pub fn netns_id(netns: BorrowedFd) -> Option<i32> {
    let request = Request::new(RTM_GETNSID, 0, &[0; 4]).number(NETNSA_FD, netns.as_raw_fd() as u32);
    let answers = request.ask().ok()?;
    let found = attributes(answers.first()?.get(4..)?).into_iter().find(|(kind, _)| *kind == NETNSA_NSID)?;
    number(found.1, 0).map(|id| id as i32).filter(|id| *id >= 0)
}

/// Cuánto se entiende de una respuesta cualquiera, del kernel o de quien se haga pasar por él.
pub fn understand(bytes: &[u8]) -> usize {
    let known = |body: &[u8]| {
        [read_link(body).is_some(), read_address(body).is_some(), read_route(body).is_some()].contains(&true)
    };
    super::netlink::messages(bytes).iter().filter(|(_, body)| known(body)).count()
}

fn dump<T>(kind: u16, body: &[u8], read: fn(&[u8]) -> Option<T>) -> Result<Vec<T>, Errno> {
    let answers = Request::new(kind, NLM_F_DUMP, body).ask()?;
    Ok(answers.iter().filter_map(|answer| read(answer)).collect())
}

/// `struct ifinfomsg`: familia, relleno, tipo, índice, banderas, máscara.
fn read_link(body: &[u8]) -> Option<Link> {
    let mut link = Link { index: number(body, 4)?, up: number(body, 8)? & IFF_UP != 0, ..Link::default() };
    for (kind, data) in attributes(body.get(16..)?) {
        match kind {
            IFLA_IFNAME => link.name = text(data),
            IFLA_ADDRESS => link.mac = data.to_vec(),
            IFLA_LINK => link.peer = number(data, 0),
            IFLA_LINK_NETNSID => link.peer_netns = number(data, 0).map(|id| id as i32),
            IFLA_MASTER => link.master = number(data, 0),
            IFLA_LINKINFO => {
                let inside = attributes(data);
                let kind = inside.iter().find(|(kind, _)| *kind == IFLA_INFO_KIND);
                link.kind = kind.map(|(_, data)| text(data)).unwrap_or_default();
            }
            _ => {}
        }
    }
    Some(link)
}

/// `struct ifaddrmsg`: familia, prefijo, banderas, ámbito, índice.
fn read_address(body: &[u8]) -> Option<Address> {
    let all = attributes(body.get(8..)?);
    // en un enlace punto a punto, la propia es la «local»
    let own = all.iter().find(|(kind, _)| *kind == IFA_LOCAL);
    let ip = ip(own.or_else(|| all.iter().find(|(kind, _)| *kind == IFA_ADDRESS))?.1)?;
    Some(Address { link: number(body, 4)?, ip, prefix: *body.get(1)? })
}

/// `struct rtmsg`: familia, prefijos, servicio, tabla, origen, ámbito, tipo, banderas.
fn read_route(body: &[u8]) -> Option<Route> {
    if *body.get(4)? != MAIN_TABLE || *body.get(7)? != UNICAST {
        return None;
    }
    let all = attributes(body.get(12..)?);
    let get = |wanted: u16| all.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    Some(Route {
        to: get(RTA_DST).and_then(ip).map(|to| (to, body[1])),
        via: get(RTA_GATEWAY).and_then(ip),
        link: get(RTA_OIF).and_then(|data| number(data, 0))?,
    })
}

fn ip(data: &[u8]) -> Option<Ipv4Addr> {
    data.get(..4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(Ipv4Addr::from)
}

fn text(data: &[u8]) -> String {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    String::from_utf8_lossy(&data[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn este_proceso_ve_lo_con_su_direccion() {
        let view = View::look().unwrap();
        let lo = view.link_named("lo").expect("todo espacio de red tiene lo");
        assert!(lo.index > 0 && lo.kind.is_empty() && lo.mac == [0; 6]);
        assert_eq!(view.link(lo.index), Some(lo));
        assert!(view.outer_addresses().iter().all(|a| !a.ip.is_loopback()));
    }

    #[test]
    fn una_ruta_de_otra_tabla_no_cuenta() {
        let route = |table: u8| {
            let mut body = vec![AF_INET, 16, 0, 0, table, 0, 0, UNICAST, 0, 0, 0, 0];
            for (kind, data) in [(RTA_DST, [10, 244, 0, 0]), (RTA_OIF, 3u32.to_ne_bytes())] {
                body.extend_from_slice(&8u16.to_ne_bytes());
                body.extend_from_slice(&kind.to_ne_bytes());
                body.extend_from_slice(&data);
            }
            read_route(&body)
        };
        let expected = Route { to: Some((Ipv4Addr::new(10, 244, 0, 0), 16)), via: None, link: 3 };
        assert_eq!(route(MAIN_TABLE), Some(expected));
        assert_eq!(route(255), None);
    }

    #[test]
    fn una_respuesta_cortada_no_se_inventa_nada() {
        assert_eq!(read_link(&[0; 15]), None);
        assert_eq!(read_address(&[AF_INET, 16, 0, 0, 1, 0, 0, 0]), None);
        assert_eq!(read_route(&[]), None);
    }
}
