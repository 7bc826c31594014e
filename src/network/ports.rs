//! `hostPort`: un puerto de la máquina que lleva a uno del Pod.
//!
//! Cada uno que está en uso es un fichero con el UID de su Pod dentro, como las direcciones: dos
//! Pods no pueden pedir el mismo, y un Pod caído se puede recoger.

use super::addresses::lock;
use super::nft::{self, Nft};
use super::{BRIDGE, PodNetwork};
use crate::error::{Error, StepError};
use crate::kernel::ops::SetSysctls;
use crate::kernel::{Kernel, Op};
use crate::plan::all_containers;
use crate::spec::types::PodSpec;
use crate::state;
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Un puerto de la máquina, y adónde lleva dentro del Pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPort {
    /// Solo en esta dirección de la máquina; `None`, en todas.
    pub host_ip: Option<Ipv4Addr>,
    /// `tcp` o `udp`.
    pub protocol: String,
    pub host_port: u16,
    pub container_port: u16,
}

impl HostPort {
    /// `tcp-8080` o, en una sola dirección, `tcp-8080-127.0.0.1`.
    fn file_name(&self) -> String {
        let ip = self.host_ip.map(|ip| format!("-{ip}")).unwrap_or_default();
        format!("{}-{}{ip}", self.protocol, self.host_port)
    }

    /// ¿Piden lo mismo? Todas las direcciones incluyen a cada una.
    fn clashes_with(&self, file_name: &str) -> bool {
        let mut parts = file_name.splitn(3, '-');
        let same = parts.next() == Some(&self.protocol) && parts.next() == Some(&self.host_port.to_string());
        let other: Option<Ipv4Addr> = parts.next().and_then(|ip| ip.parse().ok());
        same && (self.host_ip.is_none() || other.is_none() || self.host_ip == other)
    }
}

fn dir() -> PathBuf {
    Path::new(state::RUN).join("puertos")
}

/// Los puertos de la máquina que pide un Pod. Con su propia red; con la de la máquina ya son suyos.
pub fn wanted(spec: &PodSpec) -> Vec<HostPort> {
    let ports = all_containers(spec).flat_map(|c| &c.ports);
    let port = |p: &crate::spec::types::ContainerPort| {
        Some(HostPort {
            host_ip: p
                .host_ip
                .as_ref()
                .and_then(|ip| ip.parse().ok())
                .filter(|ip: &Ipv4Addr| !ip.is_unspecified()),
            protocol: p.protocol.to_string().to_lowercase(),
            // la validación ya ha comprobado que están entre 1 y 65535
            host_port: u16::try_from(p.host_port?).ok()?,
            container_port: u16::try_from(p.container_port).ok()?,
        })
    };
    // uno de inicialización puede pedir el mismo que uno de los demás: basta abrirlo una vez
    let mut all: Vec<HostPort> = Vec::new();
    for port in ports.filter_map(port) {
        if !all.contains(&port) {
            all.push(port);
        }
    }
    all
}

// ANCHOR: reserve
/// Reserva los puertos para el Pod `uid`, o ninguno.
pub fn reserve(ports: &[HostPort], pod: &str, uid: &str) -> Result<(), Error> {
    if ports.is_empty() {
        return Ok(());
    }
    if nft::find().is_none() {
        return Err(Error::failed("hostPort necesita el programa nft, y no está instalado")
            .with_hint("sudo apt install nftables; o quita hostPort y usa la IP del Pod"));
    }
    let _lock = lock()?;
    state::make_private_dir(&dir())?;
    if let Some(error) = conflict(ports, None) {
        return Err(error);
    }
    for port in ports {
        let path = dir().join(port.file_name());
        state::replace_file(&path, format!("{uid} {pod}").as_bytes()).map_err(|e| {
            release(ports, uid);
            Error::failed(format!("no se pudo reservar el puerto {}", port.host_port)).because(e)
        })?;
    }
    Ok(())
}
// ANCHOR_END: reserve

/// El primero que ya es de otro, y de quién. `own`: el Pod cuyos puertos no cuentan como de otro.
pub fn conflict(ports: &[HostPort], own: Option<&str>) -> Option<Error> {
    let taken = state::names_in(&dir());
    for port in ports {
        let shown = format!("{}/{}", port.host_port, port.protocol.to_uppercase());
        if let Some(owner) = taken.iter().find(|name| port.clashes_with(name)) {
            let text = fs::read_to_string(dir().join(owner)).unwrap_or_default();
            let owner = text.split_whitespace().nth(1).unwrap_or("?").to_string();
            if own == Some(&owner) {
                continue;
            }
            let problem = format!("el puerto {shown} de la máquina ya es del Pod `{owner}`");
            let hint = format!("usa otro hostPort, o bórralo: `micropod delete pod {owner}`");
            return Some(Error::failed(problem).with_hint(hint));
        }
        if is_listening(port) {
            let problem = format!("en el puerto {shown} ya escucha un programa de esta máquina");
            return Some(
                Error::failed(problem).with_hint("usa otro hostPort, o mira cuál es con `sudo ss -lntup`"),
            );
        }
    }
    None
}

/// ¿Escucha ya alguien de la máquina en ese puerto? Redirigirlo se lo quitaría.
fn is_listening(port: &HostPort) -> bool {
    let tables = [("tcp", "0A"), ("udp", "07")].into_iter().filter(|(name, _)| *name == port.protocol);
    let busy = |(name, state): (&str, &str)| {
        let table = fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
        let table6 = fs::read_to_string(format!("/proc/net/{name}6")).unwrap_or_default();
        table.lines().chain(table6.lines()).any(|line| listens(line, state, port))
    };
    tables.into_iter().any(busy)
}

/// Una línea de `/proc/net/tcp`: `0: 0100007F:1F90 00000000:0000 0A …`.
fn listens(line: &str, state: &str, port: &HostPort) -> bool {
    let fields: Vec<&str> = line.split_whitespace().take(4).collect();
    let Some((ip, number)) = fields.get(1).and_then(|local| local.rsplit_once(':')) else { return false };
    let same = u16::from_str_radix(number, 16) == Ok(port.host_port) && fields.get(3) == Some(&state);
    let ip = u32::from_str_radix(ip, 16).ok().map(|ip| Ipv4Addr::from(u32::from_be(ip)));
    let elsewhere = matches!((ip, port.host_ip), (Some(a), Some(b)) if !a.is_unspecified() && a != b);
    same && !elsewhere
}

/// Suelta los puertos que sean de ese Pod.
pub fn release(ports: &[HostPort], uid: &str) {
    for port in ports {
        let path = dir().join(port.file_name());
        if owner_of(&path) == uid {
            // si otro la ha soltado entre medias, mejor
            let _ = fs::remove_file(path);
        }
    }
}

/// Cierra y suelta los puertos de un Pod caído: los que abrió y aún son suyos.
pub fn close(ports: &[HostPort], uid: &str) {
    for port in ports.iter().filter(|port| owner_of(&dir().join(port.file_name())) == uid) {
        shut(port);
    }
    release(ports, uid);
}

/// Deja de redirigir un puerto. Si no llegó a abrirse, no hay nada que cerrar.
fn shut(port: &HostPort) {
    let _ = Nft { orders: nft::remove_port(port) }.run();
}

/// Suelta los puertos de un Pod que no llegó a nacer, del que solo se sabe el UID.
pub fn release_of(uid: &str) {
    release(&reserved(), uid);
}

/// Los puertos reservados, con el UID de su Pod.
pub fn owners() -> Vec<(HostPort, String)> {
    let owner = |port: HostPort| {
        let uid = owner_of(&dir().join(port.file_name()));
        (port, uid)
    };
    reserved().into_iter().map(owner).collect()
}

/// Cierra y suelta, de estos puertos, los que no son de ninguno de esos Pods.
pub fn close_orphans(ports: &[(HostPort, String)], alive: &[String]) {
    let Ok(_lock) = lock() else { return };
    for (port, uid) in ports.iter().filter(|(_, uid)| !alive.contains(uid)) {
        close(std::slice::from_ref(port), uid);
    }
    for name in state::names_in(&dir()).iter().filter(|name| parse(name).is_none()) {
        // quien lo estaba escribiendo murió antes de darle su nombre
        let _ = fs::remove_file(dir().join(name));
    }
}

fn reserved() -> Vec<HostPort> {
    state::names_in(&dir()).iter().filter_map(|name| parse(name)).collect()
}

/// El UID del Pod que tiene ese puerto; vacío si nadie lo tiene.
fn owner_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or_default().to_string()
}

/// Del nombre del fichero al puerto: basta para cerrarlo.
fn parse(file_name: &str) -> Option<HostPort> {
    let mut parts = file_name.splitn(3, '-');
    let (protocol, host_port) = (parts.next()?.to_string(), parts.next()?.parse().ok()?);
    let host_ip = match parts.next() {
        Some(ip) => Some(ip.parse().ok()?),
        None => None,
    };
    Some(HostPort { host_ip, protocol, host_port, container_port: 0 })
}

// ANCHOR: open
/// Del lado del anfitrión: que lo que llegue a esos puertos acabe en el Pod.
pub fn open(k: &mut Kernel, net: &PodNetwork) -> Result<(), StepError> {
    if net.host_ports.is_empty() {
        return Ok(());
    }
    k.step(
        "dejar que lo que sale de localhost llegue al puente; la tabla de nft no deja pasar lo contrario",
        SetSysctls::one(format!("net.ipv4.conf.{BRIDGE}.route_localnet"), "1"),
    )?;
    let mut orders = nft::table(net);
    for port in &net.host_ports {
        orders.push('\n');
        orders.push_str(&nft::add_port(port, net));
    }
    // que no se sepa lo que contestó nft no quiere decir que no lo haya hecho
    k.step("redirigir al Pod los puertos de la máquina que pide", Nft { orders })
        .inspect_err(|_| net.host_ports.iter().for_each(shut))?;
    let removal: Vec<String> = net.host_ports.iter().map(nft::remove_port).collect();
    k.undo_later("dejar de redirigir sus puertos", Nft { orders: removal.join("\n") });
    Ok(())
}
// ANCHOR_END: open

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: Option<[u8; 4]>, protocol: &str, host_port: u16) -> HostPort {
        HostPort { host_ip: ip.map(Into::into), protocol: protocol.into(), host_port, container_port: 80 }
    }

    #[test]
    fn chocan_los_que_comparten_protocolo_puerto_y_alguna_direccion() {
        let all = port(None, "tcp", 8080);
        let one = port(Some([127, 0, 0, 1]), "tcp", 8080);
        assert!(all.clashes_with("tcp-8080") && all.clashes_with("tcp-8080-127.0.0.1"));
        assert!(one.clashes_with("tcp-8080") && one.clashes_with(&one.file_name()));
        for free in ["udp-8080", "tcp-808", "tcp-8080-10.0.0.1"] {
            assert!(!one.clashes_with(free), "{free}");
        }
        assert_eq!(parse(&one.file_name()).unwrap().file_name(), one.file_name());
        assert_eq!(parse("basura"), None);
    }

    #[test]
    fn escucha_quien_esta_en_esa_direccion_o_en_todas() {
        let line = |ip: &str, state: &str| format!("  0: {ip}:1F90 00000000:0000 {state} 00000000:00000000");
        let all = port(None, "tcp", 8080);
        let one = port(Some([127, 0, 0, 1]), "tcp", 8080);
        assert!(listens(&line("00000000", "0A"), "0A", &one));
        assert!(listens(&line("00000000000000000000000000000000", "0A"), "0A", &one), "IPv6 también");
        assert!(listens(&line("0200000A", "0A"), "0A", &all));
        assert!(!listens(&line("0200000A", "0A"), "0A", &one));
        assert!(!listens(&line("00000000", "01"), "0A", &all), "una conexión no es una escucha");
        assert!(!listens("  sl  local_address rem_address   st", "0A", &all));
    }
}
