//! Mirar la red de los procesos de un Pod: sus interfaces, sus cables y lo que llega por ellos.

use super::look::{Look, expect, some};
use super::pod::Pod;
use super::web::{self, Answer};
use crate::explain::inside;
use crate::network::look::{Link, View};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Lo que se espera a que conteste un servidor.
const ANSWER: Duration = Duration::from_secs(3);

fn view(pod: &Pod, container: &str) -> Result<View, String> {
    Ok(inside::look(pod.process(container)?).view)
}

fn link<'v>(view: &'v View, container: &str, name: &str) -> Result<&'v Link, String> {
    let no = || format!("en la red de «{container}» no hay ninguna interfaz `{name}`");
    view.link_named(name).ok_or_else(no)
}

pub fn interface(pod: &Pod, container: &str, name: &str, address: &str) -> Look {
    let view = view(pod, container)?;
    let link = link(&view, container, name)?;
    let full = |ip: Ipv4Addr, prefix: u8| format!("{ip}/{prefix}");
    let addresses: Vec<String> = view.addresses_of(link).iter().map(|a| full(a.ip, a.prefix)).collect();
    let same = |a: &String| a == address || a.split('/').next() == Some(address);
    let state = if link.up { "encendida" } else { "apagada" };
    expect(link.up && addresses.iter().any(same), || {
        let had = if addresses.is_empty() { "sin ninguna dirección".into() } else { addresses.join(", ") };
        format!("`{name}` de «{container}» está {state}, {had}")
    })
}

pub fn interfaces(pod: &Pod, container: &str, wanted: usize) -> Look {
    let found = view(pod, container)?.links.len();
    expect(found == wanted, || {
        let found = some(found, "interfaz", "interfaces");
        format!("en la red de «{container}» hay {found}, y no {wanted}")
    })
}

pub fn link_kind(pod: &Pod, container: &str, name: &str, kind: &str) -> Look {
    let view = view(pod, container)?;
    let found = &link(&view, container, name)?.kind;
    expect(found == kind, || format!("`{name}` de «{container}» no es `{kind}`, sino `{found}`"))
}

/// Las dos puntas se tienen que reconocer: con una sola de las señas, dos cables podrían confundirse.
pub fn cable(pod: &Pod, (container, name): (&str, &str), (other, bridge): (&str, &str)) -> Look {
    let process = pod.process(container)?;
    let seen = inside::look(process).view;
    let tip = link(&seen, container, name)?;
    // el número de una red lo pone cada red: hay que preguntarlo desde la otra
    let there = inside::ask(pod.process(other)?, || (View::look().ok(), inside::netns_of(process.pid)));
    let (Some(there), number) = there.ok_or_else(|| format!("«{other}» acaba de morir"))? else {
        return Err(format!("no se puede mirar la red de «{other}»").into());
    };
    let far = tip.peer.and_then(|index| there.link(index));
    let far = far.filter(|far| far.peer == Some(tip.index) && number.is_some() && far.peer_netns == number);
    let Some(far) = far else {
        return Err(format!("`{name}` de «{container}» no es un cable que llegue a «{other}»").into());
    };
    let plugged = far.master.and_then(|index| there.link(index));
    expect(plugged.is_some_and(|link| link.kind == "bridge" && link.name == bridge), || {
        format!("la otra punta de `{name}`, `{}`, no está enchufada al puente `{bridge}`", far.name)
    })
}

pub fn default_route(pod: &Pod, container: &str, via: &str) -> Look {
    let view = view(pod, container)?;
    let found = view.default_route().and_then(|route| route.via).map(|ip| ip.to_string());
    expect(found.as_deref() == Some(via), || match &found {
        Some(found) => format!("«{container}» sale por {found}, y no por {via}"),
        None => format!("«{container}» no sabe por dónde salir: no tiene ruta por omisión"),
    })
}

/// Pide una página desde aquí, o desde la red de un proceso.
pub fn get(pod: &Pod, from: Option<&str>, ip: Ipv4Addr, port: u16, path: &str) -> Result<Answer, String> {
    let Some(from) = from else { return web::get(ip, port, path, ANSWER) };
    let answer = inside::ask(pod.process(from)?, || web::get(ip, port, path, ANSWER));
    answer.unwrap_or_else(|| Err(format!("«{from}» acaba de morir")))
}
