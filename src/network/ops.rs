//! Las órdenes de red: cada una es un mensaje de rtnetlink, y sabe escribirse como `ip`.

use super::netlink::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Request};
use crate::kernel::Op;
use nix::errno::Errno;
use std::net::Ipv4Addr;

// rtnetlink(7), if_link.h, if_addr.h, neighbour.h: lo que libc no declara o declara con otro tipo
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_PROTINFO: u16 = 12;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;
const IFLA_BRPORT_MODE: u16 = 4;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_GATEWAY: u16 = 5;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NUD_PERMANENT: u16 = 0x80;
const AF_INET: u8 = 2;
const AF_INET6: u16 = 10;
const AF_BRIDGE: u8 = 7;
const IFF_UP: u32 = 1;

/// `struct ifinfomsg`: familia, tipo, índice, banderas y cuáles cambian.
fn link_header(family: u8, index: u32, flags: u32) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    body.extend_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(&flags.to_ne_bytes());
    body.extend_from_slice(&flags.to_ne_bytes());
    body
}

pub fn index_of(name: &str) -> Result<u32, Errno> {
    nix::net::if_::if_nametoindex(name)
}

fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}

/// Crear un puente. Que ya exista no es un fallo: lo habrá creado otro Pod en este instante.
pub struct AddBridge {
    pub name: String,
    pub mac: [u8; 6],
}

impl Op for AddBridge {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        let (name, mac) = (&self.name, mac_text(self.mac));
        format!("test -e /proc/sys/net/ipv4/conf/{name} || ip link add {name} address {mac} type bridge")
    }
    fn run(&self) -> Result<(), Errno> {
        let request = Request::new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link_header(0, 0, 0))
            .text(IFLA_IFNAME, &self.name)
            .attribute(IFLA_ADDRESS, &self.mac)
            .nest(IFLA_LINKINFO, |r| r.text(IFLA_INFO_KIND, "bridge"));
        match request.send() {
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
}

// ANCHOR: veth
/// Crear un par veth con el otro extremo ya dentro de un espacio de red ajeno.
pub struct AddVeth {
    pub name: String,
    pub peer: &'static str,
    pub mac: [u8; 6],
    /// Un proceso de ese espacio de red.
    pub pid: i32,
    pub shown: String,
}

impl Op for AddVeth {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!(
            "ip link add {} type veth peer name {} address {} netns {}",
            self.name,
            self.peer,
            mac_text(self.mac),
            self.shown
        )
    }
    fn run(&self) -> Result<(), Errno> {
        let request = Request::new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link_header(0, 0, 0));
        let peer = |r: Request| {
            r.raw(&link_header(0, 0, 0))
                .text(IFLA_IFNAME, self.peer)
                .attribute(IFLA_ADDRESS, &self.mac)
                .number(IFLA_NET_NS_PID, self.pid as u32)
        };
        request
            .text(IFLA_IFNAME, &self.name)
            .nest(IFLA_LINKINFO, |r| {
                r.text(IFLA_INFO_KIND, "veth").nest(IFLA_INFO_DATA, |r| r.nest(VETH_INFO_PEER, peer))
            })
            .send()
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: veth

/// Que IPv6 no invente una dirección para esta interfaz ni se anuncie por ella: cada Pod nuevo
/// llamaría a la puerta de todos los demás. Hay que pedirlo antes de encenderla, y en otro mensaje:
/// el kernel mira primero las banderas.
pub struct QuietIpv6(pub String);

impl Op for QuietIpv6 {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("ip link set {} addrgenmode none", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        let mode = |r: Request| r.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE]);
        let request = Request::new(RTM_NEWLINK, 0, &link_header(0, index_of(&self.0)?, 0))
            .nest(IFLA_AF_SPEC, |r| r.nest(AF_INET6, mode));
        match request.send() {
            // un kernel sin IPv6 no tiene nada que callar
            Err(Errno::EAFNOSUPPORT) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
}

/// Encender una interfaz y, si se dice, enchufarla a un puente.
pub struct SetLink {
    pub name: String,
    pub master: Option<String>,
}

impl Op for SetLink {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        let master = self.master.as_ref().map(|m| format!(" master {m}")).unwrap_or_default();
        format!("ip link set {}{master} up", self.name)
    }
    fn run(&self) -> Result<(), Errno> {
        let request = Request::new(RTM_NEWLINK, 0, &link_header(0, index_of(&self.name)?, IFF_UP));
        match &self.master {
            Some(master) => request.number(IFLA_MASTER, index_of(master)?).send(),
            None => request.send(),
        }
    }
    fn rehearse(&self) {}
}

/// Borrar una interfaz.
pub struct RemoveLink(pub String);

impl Op for RemoveLink {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("ip link del {}", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        Request::new(RTM_DELLINK, 0, &link_header(0, index_of(&self.0)?, 0)).send()
    }
    fn rehearse(&self) {}
}

/// Dejar que un puerto del puente devuelva lo que entra por él.
pub struct SetHairpin(pub String);

impl Op for SetHairpin {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("bridge link set dev {} hairpin on", self.0)
    }
    fn run(&self) -> Result<(), Errno> {
        Request::new(RTM_SETLINK, 0, &link_header(AF_BRIDGE, index_of(&self.0)?, 0))
            .nest(IFLA_PROTINFO, |r| r.attribute(IFLA_BRPORT_MODE, &[1]))
            .send()
    }
    fn rehearse(&self) {}
}

/// Dar una dirección a una interfaz. Que ya la tenga no es un fallo.
pub struct AddAddress {
    pub ip: Ipv4Addr,
    pub prefix: u8,
    pub device: String,
}

impl Op for AddAddress {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("ip addr replace {}/{} dev {}", self.ip, self.prefix, self.device)
    }
    fn run(&self) -> Result<(), Errno> {
        // struct ifaddrmsg: familia, prefijo, banderas, ámbito (0: global), índice
        let mut body = vec![AF_INET, self.prefix, 0, 0];
        body.extend_from_slice(&index_of(&self.device)?.to_ne_bytes());
        let request = Request::new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body)
            .attribute(IFA_LOCAL, &self.ip.octets())
            .attribute(IFA_ADDRESS, &self.ip.octets());
        match request.send() {
            Err(Errno::EEXIST) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
}

/// El camino hacia todo lo que no está en la red del Pod.
pub struct DefaultRoute {
    pub gateway: Ipv4Addr,
}

impl Op for DefaultRoute {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("ip route add default via {}", self.gateway)
    }
    fn run(&self) -> Result<(), Errno> {
        // struct rtmsg: familia, prefijos, servicio, tabla (254: main), origen (3: boot), ámbito, tipo (1: unicast)
        let body = [AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        Request::new(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body)
            .attribute(RTA_GATEWAY, &self.gateway.octets())
            .send()
    }
    fn rehearse(&self) {}
}

/// `struct ndmsg`: familia, relleno, índice, estado, banderas, tipo.
fn neighbour(kind: u16, flags: u16, ip: Ipv4Addr, device: &str) -> Result<Request, Errno> {
    let mut body = vec![AF_INET, 0, 0, 0];
    body.extend_from_slice(&index_of(device)?.to_ne_bytes());
    body.extend_from_slice(&NUD_PERMANENT.to_ne_bytes());
    body.extend_from_slice(&[0, 0]);
    Ok(Request::new(kind, flags, &body).attribute(NDA_DST, &ip.octets()))
}

/// Apuntar qué dirección física tiene una IP, para siempre.
pub struct PermanentNeighbour {
    pub ip: Ipv4Addr,
    pub mac: [u8; 6],
    pub device: String,
}

impl Op for PermanentNeighbour {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!(
            "ip neigh replace {} lladdr {} dev {} nud permanent",
            self.ip,
            mac_text(self.mac),
            self.device
        )
    }
    fn run(&self) -> Result<(), Errno> {
        neighbour(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, self.ip, &self.device)?
            .attribute(NDA_LLADDR, &self.mac)
            .send()
    }
    fn rehearse(&self) {}
}

/// Olvidar la dirección física de una IP. Que no esté no es un fallo.
pub struct RemoveNeighbour {
    pub ip: Ipv4Addr,
    pub device: String,
}

impl Op for RemoveNeighbour {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rtnetlink(7)"
    }
    fn shell(&self) -> String {
        format!("ip neigh del {} dev {} || :", self.ip, self.device)
    }
    fn run(&self) -> Result<(), Errno> {
        match neighbour(RTM_DELNEIGH, 0, self.ip, &self.device)?.send() {
            Err(Errno::ENOENT) => Ok(()),
            other => other,
        }
    }
    fn rehearse(&self) {}
}
