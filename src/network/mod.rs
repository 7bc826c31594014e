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
mod netlink;
mod ops;

pub use addresses::{lease, release, release_all, release_orphans};

use crate::error::{Error, StepError};
use crate::kernel::Kernel;
use crate::kernel::ops::WriteValue;
use crate::spec::types::PodSpec;
use ops::{
    AddAddress, AddBridge, AddVeth, DefaultRoute, PermanentNeighbour, RemoveNeighbour, SetHairpin, SetLink,
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::path::Path;

/// El puente al que se enchufan todos los Pods.
pub const BRIDGE: &str = "micropod0";
/// La red de los Pods: la misma que usa Kubernetes en casi todos los cursos.
pub const SUBNET: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 0);
pub const PREFIX: u8 = 16;
/// La dirección del puente, que es la puerta de enlace de los Pods.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);

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
}

impl PodNetwork {
    /// Todo sale de la dirección: así un Pod caído se puede recoger sabiendo solo cuál era.
    pub fn with_ip(ip: Ipv4Addr) -> PodNetwork {
        let [a, b, c, d] = ip.octets();
        PodNetwork {
            ip,
            gateway: GATEWAY,
            prefix: PREFIX,
            mac: mac_of(ip),
            host_veth: format!("mp{a:02x}{b:02x}{c:02x}{d:02x}"),
            bridge: BRIDGE.into(),
        }
    }
}

/// La dirección física que corresponde a una IP: `0a:58` y sus cuatro bytes, como en las redes CNI.
fn mac_of(ip: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = ip.octets();
    [0x0a, 0x58, a, b, c, d]
}

/// La red con la que se ensaya: no reserva nada.
pub fn rehearse() -> PodNetwork {
    PodNetwork::with_ip(Ipv4Addr::new(10, 244, 0, 2))
}

// ANCHOR: attach
/// Del lado del anfitrión: el puente, si falta, y el par veth que une al Pod con él.
///
/// `pause`: el proceso en cuyo espacio de red nace `eth0`; `shown`, cómo se escribe en la shell.
pub fn attach(k: &mut Kernel, net: &PodNetwork, pause: i32, shown: &str) -> Result<(), StepError> {
    if !k.is_real() || !Path::new("/sys/class/net").join(&net.bridge).exists() {
        prepare_bridge(k, net)?;
    }
    k.step(
        "crear un par veth: un cable con un extremo aquí y el otro, eth0, ya dentro del Pod",
        AddVeth { name: net.host_veth.clone(), peer: "eth0", mac: net.mac, pid: pause, shown: shown.into() },
    )?;
    k.step(
        "enchufar nuestro extremo al puente y encenderlo",
        SetLink { name: net.host_veth.clone(), master: Some(net.bridge.clone()) },
    )?;
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
    Ok(())
}
// ANCHOR_END: attach

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
    k.step("encender el puente", SetLink { name: bridge(), master: None })?;
    k.step(
        "permitir que el anfitrión reenvíe paquetes entre los Pods y el resto",
        WriteValue::new("/proc/sys/net/ipv4/ip_forward", 1),
    )
}

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
    k.step("encender eth0", SetLink { name: "eth0".into(), master: None })?;
    k.step("llegar a todo lo demás a través del puente", DefaultRoute { gateway: net.gateway })?;
    k.step(
        "apuntar la dirección física del puente, para no preguntarla",
        PermanentNeighbour { ip: net.gateway, mac: mac_of(net.gateway), device: "eth0".into() },
    )?;
    for (name, value) in [("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 2147483647")] {
        k.step(
            format_args!("dejar que cualquier usuario del Pod abra puertos bajos y haga ping ({name})"),
            WriteValue::new(format!("/proc/sys/net/ipv4/{name}"), value),
        )?;
    }
    Ok(())
}
// ANCHOR_END: own

/// Lo que hay que recoger de un Pod caído: su vecino permanente y su dirección.
pub fn forget(net: &PodNetwork, uid: &str) {
    use crate::kernel::Op;
    // si el puente ya no está, tampoco está el vecino
    let _ = RemoveNeighbour { ip: net.ip, device: net.bridge.clone() }.run();
    release(net.ip, uid);
}

/// `hostPort` todavía no se redirige: se dice antes de crear nada, en lugar de callarlo.
pub fn check_ports(spec: &PodSpec, _network: Option<&PodNetwork>) -> Result<(), Error> {
    if spec.host_network {
        return Ok(()); // con la red de la máquina, el puerto ya es de la máquina
    }
    let ports = crate::plan::all_containers(spec).flat_map(|c| &c.ports);
    match ports.filter_map(|p| p.host_port).next() {
        None => Ok(()),
        Some(port) => Err(Error::failed(format!("esta versión no redirige hostPort ({port})"))
            .with_hint("quita hostPort y usa la IP del Pod, o usa hostNetwork: true")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn todo_lo_de_la_red_de_un_pod_sale_de_su_direccion() {
        let net = PodNetwork::with_ip(Ipv4Addr::new(10, 244, 1, 5));
        assert_eq!(net.host_veth, "mp0af40105");
        assert_eq!(net.mac, [0x0a, 0x58, 10, 244, 1, 5]);
        assert!(net.host_veth.len() <= 15);
    }
}
