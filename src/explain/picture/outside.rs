//! La red: `eth0`, dentro del Pod; el cable, el puente y la salida, fuera.
//!
//! ```text
//! ║ ┌ eth0 ─────┐                         ║
//! ║ └─────╥─────┘                         ║
//! ╚═══════╬═══════════════════════════════╝
//! ┌ mp0af…╨─┐   ┌ puente micropod0 ┐   ┌ salida ┐
//! └─────────┘═══└──────────────────┘═══└────────┘
//! ```

use super::{Cord, Look, Picture, Rect, Tone};
use crate::explain::facts::Facts;
use crate::explain::net::{Bridge, Cable, Network};
use crate::network::look::Address;
use crate::network::translation::{Port, Translation};

/// Lo que mide el cable entre dos cajas.
const CABLE: usize = 3;

fn address_text(address: &Address) -> String {
    format!("{}/{}", address.ip, address.prefix)
}

/// Dentro del Pod: `eth0`. Devuelve la fila del borde inferior del Pod.
pub fn own_end(picture: &mut Picture, facts: &Facts, area: Rect) -> usize {
    let Some(net) = &facts.network else { return area.top };
    let mut lines: Vec<String> = net.addresses.iter().map(address_text).collect();
    lines.push(format!("MAC {}", net.eth0.mac_text()));
    let via = net.default_route.as_ref().and_then(|r| r.via);
    lines.push(via.map_or("sin ruta a lo demás".into(), |via| format!("lo demás: {via}")));
    let rect = Rect { right: first_of_three(area).right, bottom: area.top + lines.len() + 1, ..area };
    fill(picture, rect, "eth0", &lines);
    rect.bottom + 1
}

/// El primero de los tres sitios iguales en que se reparte el ancho.
fn first_of_three(area: Rect) -> Rect {
    let each = (area.right + 1 - area.left - 2 * CABLE) / 3;
    Rect { right: area.left + each - 1, ..area }
}

/// Fuera del Pod, cuyo borde inferior está en la fila `pod`. Devuelve la del borde de la máquina.
pub fn lay_out(picture: &mut Picture, facts: &Facts, pod: usize) -> usize {
    let area = Rect { left: 2, right: picture.columns - 3, top: pod + 2, bottom: 0 };
    match &facts.network {
        Some(net) => {
            let eth0 = picture.frames.iter().rev().find(|f| f.look == Look::Net).map(|f| f.rect);
            match (&net.cable, eth0) {
                (Some(cable), Some(eth0)) => wired(picture, net, cable, eth0, area),
                _ => unplugged(picture, area),
            }
        }
        None => shared_with_host(picture, facts, pod, area),
    }
}

/// El extremo del cable, el puente y la salida, en fila.
fn wired(picture: &mut Picture, net: &Network, cable: &Cable, eth0: Rect, area: Rect) -> usize {
    let veth = vec![
        "el otro extremo del cable".to_string(),
        format!("índice {}, unido al {}", cable.veth.index, net.eth0.index),
        if cable.veth.up { "encendido".into() } else { "apagado".into() },
    ];
    let mut boxes = vec![(format!("veth {}", cable.veth.name), veth)];
    if let Some(bridge) = &cable.bridge {
        boxes.push((format!("puente {}", bridge.link.name), bridge_lines(bridge)));
        boxes.push(("salida".into(), exit_lines(net)));
    }
    let tallest = boxes.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
    let bottom = area.top + tallest + 1;
    let mut previous: Option<Rect> = None;
    for (title, lines) in &boxes {
        let left = previous.map_or(area.left, |p| p.right + 1 + CABLE);
        let rect = Rect { left, bottom, ..first_of_three(area) };
        let rect = Rect { right: left + rect.right - area.left, ..rect };
        fill(picture, rect, title, lines);
        let from = match previous {
            Some(previous) => vec![(previous.right, area.top + 1), (rect.left, area.top + 1)],
            // de eth0, a través del borde del Pod
            None => vec![(eth0.right - 5, eth0.bottom), (eth0.right - 5, rect.top)],
        };
        picture.wire(Cord::Cable, from);
        previous = Some(rect);
    }
    bottom + 1
}

fn bridge_lines(bridge: &Bridge) -> Vec<String> {
    let mut lines: Vec<String> = bridge.addresses.iter().map(address_text).collect();
    lines.push(format!("MAC {}", bridge.link.mac_text()));
    lines.push(if bridge.ports == 1 {
        "1 cable enchufado".into()
    } else {
        format!("{} cables enchufados", bridge.ports)
    });
    lines
}

fn exit_lines(net: &Network) -> Vec<String> {
    let mut lines = Vec::new();
    let exit = net.exit.as_deref();
    match &net.translation {
        None => lines.push("sin nft no se sabe qué sale".into()),
        Some(Translation { masquerade: true, .. }) => {
            lines.push(
                exit.map_or("la máquina no tiene salida".into(), |exit| format!("por {exit}, con la IP de")),
            );
            lines.push(
                if exit.is_some() { "la máquina (masquerade)" } else { "(masquerade está puesto)" }.into(),
            );
        }
        Some(_) => lines.push("nadie traduce su dirección".into()),
    }
    lines.extend(net.translation.iter().flat_map(|t| &t.ports).map(port_text));
    lines
}

/// «:8080/tcp → al 80 del Pod».
fn port_text(port: &Port) -> String {
    let ip = port.host_ip.map(|ip| ip.to_string()).unwrap_or_default();
    format!("{ip}:{}/{} → :{} del Pod", port.host_port, port.protocol, port.container_port)
}

fn unplugged(picture: &mut Picture, area: Rect) -> usize {
    let text = "el otro extremo de su cable no está en la red de esta máquina";
    picture.write((area.left, area.top - 1), area.right - area.left, text, Tone::Faint);
    area.top
}

/// Con hostNetwork, el Pod está enchufado directamente a la red de la máquina.
fn shared_with_host(picture: &mut Picture, facts: &Facts, pod: usize, area: Rect) -> usize {
    let view = &facts.host.view;
    let mut lines: Vec<String> = Vec::new();
    for link in &view.links {
        let addresses: Vec<String> = view.addresses_of(link).into_iter().map(address_text).collect();
        if !addresses.is_empty() {
            lines.push(format!("{} {}", link.name, addresses.join(", ")));
        }
    }
    const MOST: usize = 6;
    if lines.len() > MOST {
        let more = lines.len() - MOST + 1;
        lines.truncate(MOST - 1);
        lines.push(format!("y {more} interfaces más"));
    }
    let rect = Rect { bottom: area.top + lines.len() + 1, ..area };
    fill(picture, rect, "la red de la máquina: el Pod no tiene otra", &lines);
    // donde no haya título
    let x = area.right - 6;
    picture.wire(Cord::Cable, vec![(x, pod), (x, rect.top)]);
    rect.bottom + 1
}

fn fill(picture: &mut Picture, rect: Rect, title: &str, lines: &[String]) {
    picture.frame(rect, Look::Net, title);
    for (i, text) in lines.iter().enumerate() {
        picture.write((rect.left + 2, rect.top + 1 + i), rect.right - rect.left - 2, text, Tone::Plain);
    }
}
