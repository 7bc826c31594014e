//! La red de un Pod: de `eth0`, por el cable, al puente y de ahí fuera. Preguntada por rtnetlink en
//! los dos espacios de red, el suyo y el de la máquina.

use super::facts::Facts;
use super::inside;
use crate::network::look::{Address, Link, Route};
use crate::network::translation::{self, Translation};

/// La red propia de un Pod.
#[derive(Clone, Debug, Default)]
pub struct Network {
    pub eth0: Link,
    pub addresses: Vec<Address>,
    pub default_route: Option<Route>,
    /// El otro extremo del cable, si está en la red de la máquina.
    pub cable: Option<Cable>,
    /// Las traducciones de direcciones que le tocan; `None` si no se pueden mirar.
    pub translation: Option<Translation>,
    /// Por dónde sale la máquina: la interfaz de su ruta por omisión.
    pub exit: Option<String>,
}

/// El extremo del par veth que se queda en la máquina.
#[derive(Clone, Debug, Default)]
pub struct Cable {
    pub veth: Link,
    pub bridge: Option<Bridge>,
}

#[derive(Clone, Debug, Default)]
pub struct Bridge {
    pub link: Link,
    pub addresses: Vec<Address>,
    /// Cables enchufados a él.
    pub ports: usize,
}

/// La red del Pod, si no es la de la máquina.
pub fn of(facts: &Facts) -> Option<Network> {
    let member = facts.pause().or(facts.members.first())?;
    if facts.is_of_host("net", *member.namespaces.get("net")?) {
        return None;
    }
    let view = &member.inside.view;
    let eth0 = view.link_named("eth0").cloned().unwrap_or_default();
    let addresses: Vec<Address> = view.addresses_of(&eth0).into_iter().cloned().collect();
    let first = addresses.first().map(|a| a.ip);
    let host = &facts.host.view;
    let exit = host.default_route().and_then(|r| host.link(r.link)).map(|l| l.name.clone());
    Some(Network {
        cable: cable(facts, &eth0, member.pid),
        default_route: view.default_route().cloned(),
        translation: first.and_then(translation::of),
        addresses,
        eth0,
        exit,
    })
}

/// El otro extremo: el veth de la máquina con el índice que dice `eth0`, cuyo otro extremo es a su vez
/// `eth0` en la red del Pod. Con una sola de las dos señas, dos Pods podrían confundirse.
fn cable(facts: &Facts, eth0: &Link, pid: i32) -> Option<Cable> {
    let host = &facts.host.view;
    let veth = host.link(eth0.peer?)?;
    let returns = veth.peer == Some(eth0.index) && veth.peer_netns == inside::netns_of(pid);
    if !returns || veth.peer_netns.is_none() {
        return None;
    }
    let bridge = veth.master.and_then(|index| host.link(index)).map(|link| Bridge {
        addresses: host.addresses_of(link).into_iter().cloned().collect(),
        ports: host.links.iter().filter(|l| l.master == Some(link.index)).count(),
        link: link.clone(),
    });
    Some(Cable { veth: veth.clone(), bridge })
}
