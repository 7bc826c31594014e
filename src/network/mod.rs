//! Capítulo 14 · Una IP por Pod: puente, par veth, dirección y ruta.
//!
//! ```text
//!   anfitrión                                  espacio de red del Pod
//!   micropod0 (10.244.0.1/16) ── mp0af40005 ═══ eth0 (10.244.0.5/16)
//!        puente                    par veth          lo
//! ```
//!
//! Todo por rtnetlink, sin ejecutar `ip`. Al morir el espacio de red muere el par veth entero: nadie
//! lo borra, que costaría 17 ms.

mod addresses;
pub mod look;
pub mod names;
pub mod netlink;
pub mod nft;
mod ops;
mod ports;
mod subnet;
pub mod translation;

pub use ops::SetLink;
pub use ports::HostPort;
pub use subnet::Subnet;

use crate::error::{Error, StepError};
use crate::kernel::ops::SetSysctls;
use crate::kernel::{Kernel, Op};
use crate::security::sysctls::OF_EVERY_POD;
use crate::spec::types::PodSpec;
use nft::Nft;
use nix::errno::Errno;
use ops::{
    AddAddress, AddBridge, AddVeth, DefaultRoute, PermanentNeighbour, QuietIpv6, RemoveLink, RemoveNeighbour,
    SetHairpin,
};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// El puente al que se enchufan todos los Pods.
pub const BRIDGE: &str = "micropod0";

// ANCHOR: types
/// La red de un Pod, ya decidida.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodNetwork {
    pub ip: Ipv4Addr,
    pub gateway: Ipv4Addr,
    pub prefix: u8,
    pub mac: [u8; 6],
    /// El extremo del par veth que se queda en el anfitrión (15 letras como mucho).
    pub host_veth: String,
    pub bridge: String,
    /// Los puertos de la máquina que llevan a este Pod.
    pub host_ports: Vec<HostPort>,
}
// ANCHOR_END: types

impl PodNetwork {
    /// Todo sale de la dirección: así un Pod caído se puede recoger sabiendo solo cuál era.
    pub fn new(subnet: Subnet, ip: Ipv4Addr) -> PodNetwork {
        let [a, b, c, d] = ip.octets();
        PodNetwork {
            ip,
            gateway: subnet.gateway(),
            prefix: subnet.prefix,
            mac: mac_of(ip),
            host_veth: format!("mp{a:02x}{b:02x}{c:02x}{d:02x}"),
            bridge: BRIDGE.into(),
            host_ports: Vec::new(),
        }
    }

    /// La red de la que sale su dirección.
    fn subnet(&self) -> Subnet {
        // la puerta de enlace es la primera dirección de la red
        Subnet { ip: Ipv4Addr::from(u32::from(self.gateway) - 1), prefix: self.prefix }
    }
}

/// La dirección física que corresponde a una IP: `0a:58` y sus cuatro bytes, como en las redes CNI.
fn mac_of(ip: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = ip.octets();
    [0x0a, 0x58, a, b, c, d]
}

/// Reserva lo que el Pod usará de la red: una dirección y, si los pide, puertos de la máquina.
pub fn lease(spec: &PodSpec, pod: &str, uid: &str) -> Result<PodNetwork, Error> {
    let subnet = Subnet::configured()?;
    if !is_bridge_ready(subnet.gateway()) {
        subnet.check()?;
    }
    let mut net = addresses::lease(subnet, uid)?;
    net.host_ports = ports::wanted(spec);
    ports::reserve(&net.host_ports, pod, uid)?;
    Ok(net)
}

/// La red con la que se ensaya: no reserva nada.
pub fn rehearse(spec: &PodSpec) -> Result<PodNetwork, Error> {
    let subnet = Subnet::configured()?;
    let mut net = PodNetwork::new(subnet, subnet.nth(0));
    net.host_ports = ports::wanted(spec);
    Ok(net)
}

/// La dirección con la que esta máquina sale al mundo; si no tiene, la que ven los Pods.
pub fn host_ip(net: Option<&PodNetwork>) -> IpAddr {
    // conectar un socket UDP no envía nada: solo elige la ruta (192.0.2.0/24 es de documentación)
    let outside = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let gateway = net.map(|net| IpAddr::from(net.gateway));
    outside.ok().map(|address| address.ip()).or(gateway).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// ¿Está el puente, y con esa dirección? A una dirección que no es nuestra no se puede enlazar nada.
fn is_bridge_ready(gateway: Ipv4Addr) -> bool {
    ops::index_of(BRIDGE).is_ok() && UdpSocket::bind((gateway, 0)).is_ok()
}

// ANCHOR: attach
/// Del lado del anfitrión: el puente, si falta, y el par veth que une al Pod con él.
///
/// `pause`: el proceso en cuyo espacio de red nace `eth0`; `shown`, cómo se escribe en la shell.
pub fn attach(k: &mut Kernel, net: &PodNetwork, pause: i32, shown: &str) -> Result<(), StepError> {
    if !k.is_real() || !is_bridge_ready(net.gateway) {
        prepare_bridge(k, net)?;
    }
    k.step(
        "crear un par veth: un cable con un extremo aquí y el otro, eth0, ya dentro del Pod",
        AddVeth { name: net.host_veth.clone(), peer: "eth0", mac: net.mac, pid: pause, shown: shown.into() },
    )?;
    k.step("que IPv6 no se anuncie por él: el Pod usa IPv4", QuietIpv6(net.host_veth.clone()))?;
    k.step(
        "enchufar nuestro extremo al puente y encenderlo",
        SetLink { name: net.host_veth.clone(), master: Some(net.bridge.clone()) },
    )
    .map_err(|e| if e.errno() == Errno::EXFULL { e.hint(FULL) } else { e })?;
    k.step(
        "dejar que el puente devuelva por donde vino lo que el Pod se manda a sí mismo",
        SetHairpin(net.host_veth.clone()),
    )?;
    k.step(
        "apuntar la dirección física del Pod, para no preguntarla: con mil Pods la tabla se llenaría",
        PermanentNeighbour { ip: net.ip, mac: net.mac, device: net.bridge.clone() },
    )?;
    k.undo_later(
        "borrar la dirección física del Pod",
        RemoveNeighbour { ip: net.ip, device: net.bridge.clone() },
    );
    ports::open(k, net)
}
// ANCHOR_END: attach

const FULL: &str = "un puente del kernel tiene sitio para 1.023 cables: borra Pods que no uses";

// ANCHOR: bridge
/// El puente se crea una vez y se queda. Si dos Pods lo crean a la vez, gana uno y al otro le vale.
fn prepare_bridge(k: &mut Kernel, net: &PodNetwork) -> Result<(), StepError> {
    let bridge = || net.bridge.clone();
    k.step(
        "crear el puente: un conmutador al que se enchufan todos los Pods",
        AddBridge { name: bridge(), mac: mac_of(net.gateway) },
    )?;
    k.step(
        "darle una dirección: será la puerta de enlace de los Pods",
        AddAddress { ip: net.gateway, prefix: net.prefix, device: bridge() },
    )?;
    k.step("que IPv6 no se anuncie por él", QuietIpv6(bridge()))?;
    k.step("encender el puente", SetLink { name: bridge(), master: None })?;
    k.step(
        "permitir que el anfitrión reenvíe paquetes entre los Pods y el resto",
        SetSysctls::one("net.ipv4.ip_forward", "1"),
    )?;
    if let Err(error) = k.step(
        "que lo que sale de los Pods lleve la dirección de esta máquina: fuera nadie conoce la suya",
        Nft { orders: nft::table(net) },
    ) {
        // sin nft, los Pods se hablan entre ellos y con el anfitrión: basta para casi todo
        log::warn!("los Pods no podrán salir de esta máquina: {}", error.summary());
    }
    Ok(())
}
// ANCHOR_END: bridge

// ANCHOR: own
/// Del lado de la pausa: `lo`, la dirección y el camino hacia fuera.
pub fn own(k: &mut Kernel, net: &PodNetwork) -> Result<(), StepError> {
    k.step(
        "encender lo: sin ella, los contenedores no podrían hablarse por localhost",
        SetLink { name: "lo".into(), master: None },
    )?;
    k.step(
        "dar al Pod su dirección, una para todos sus contenedores",
        AddAddress { ip: net.ip, prefix: net.prefix, device: "eth0".into() },
    )?;
    k.step("que IPv6 no se anuncie por eth0", QuietIpv6("eth0".into()))?;
    k.step("encender eth0", SetLink { name: "eth0".into(), master: None })?;
    k.step("llegar a todo lo demás a través del puente", DefaultRoute { gateway: net.gateway })?;
    k.step(
        "apuntar la dirección física del puente, para no preguntarla",
        PermanentNeighbour { ip: net.gateway, mac: mac_of(net.gateway), device: "eth0".into() },
    )?;
    let pairs = OF_EVERY_POD.map(|(name, value)| (name.to_string(), value.to_string()));
    k.step(
        "que el Pod no haga de router ni crea a quien diga serlo, y que cualquiera abra puertos bajos y haga ping",
        SetSysctls(pairs.to_vec()),
    )
}
// ANCHOR_END: own

/// Lo que hay que recoger de un Pod caído: su vecino permanente, sus puertos y su dirección.
pub fn forget(net: &PodNetwork, uid: &str) {
    // si el puente ya no está, tampoco está el vecino
    let _ = RemoveNeighbour { ip: net.ip, device: net.bridge.clone() }.run();
    ports::close(&net.host_ports, uid);
    addresses::release(net.ip, uid);
}

/// Suelta lo que tenía reservado un Pod que acaba bien: lo demás ya está deshecho.
pub fn settle(net: &PodNetwork, uid: &str) {
    ports::release(&net.host_ports, uid);
    addresses::release(net.ip, uid);
}

/// Suelta lo que reservó un Pod que no llegó a nacer, del que solo se sabe el UID.
pub fn settle_all(uid: &str) {
    ports::release_of(uid);
    addresses::release_all(uid);
}

/// Lo que hay reservado en este instante, con el UID de su Pod.
pub struct InUse {
    ips: Vec<(Ipv4Addr, String)>,
    ports: Vec<(HostPort, String)>,
}

impl InUse {
    /// Los Pods que tienen algo reservado.
    pub fn uids(&self) -> Vec<String> {
        self.ips.iter().map(|(_, uid)| uid).chain(self.ports.iter().map(|(_, uid)| uid)).cloned().collect()
    }
}

pub fn in_use() -> InUse {
    InUse { ips: addresses::owners(), ports: ports::owners() }
}

/// Recoge, de lo que había reservado, lo que no es de ninguno de estos Pods. Devuelve sus direcciones.
pub fn release_orphans(reserved: &InUse, alive: &[String]) -> Vec<Ipv4Addr> {
    ports::close_orphans(&reserved.ports, alive);
    addresses::release_orphans(&reserved.ips, alive)
}

/// Sin ningún Pod, el puente y la tabla de nft sobran. Devuelve si había algo que quitar.
pub fn dismantle() -> bool {
    let Ok(_lock) = addresses::lock() else { return false };
    if addresses::any_leased() || ops::index_of(BRIDGE).is_err() {
        return false;
    }
    // si no había tabla, nada que borrar
    let _ = Nft { orders: "delete table ip micropod".into() }.run();
    RemoveLink(BRIDGE.into()).run().is_ok()
}

/// El primer `hostPort` de un Pod que ya es de otro, sin reservar nada.
pub fn port_conflict(spec: &PodSpec, pod: &str) -> Option<Error> {
    ports::conflict(&ports::wanted(spec), Some(pod))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todo_lo_de_la_red_de_un_pod_sale_de_su_direccion() {
        let net = PodNetwork::new(Subnet::DEFAULT, Ipv4Addr::new(10, 244, 1, 5));
        assert_eq!(net.host_veth, "mp0af40105");
        assert_eq!(net.mac, [0x0a, 0x58, 10, 244, 1, 5]);
        assert!(net.host_veth.len() <= 15);
        assert_eq!(net.subnet(), Subnet::DEFAULT);
    }
}
