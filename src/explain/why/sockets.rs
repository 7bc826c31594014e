//! Quién escucha en la red del Pod, según el kernel: `/proc/PID/net/tcp` y los descriptores de cada proceso.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Un socket TCP que espera conexiones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub ip: IpAddr,
    pub port: u16,
    pub inode: u64,
}

impl Listener {
    /// ¿Le llega lo que va a `ip`?
    pub fn hears(&self, ip: Ipv4Addr) -> bool {
        match self.ip {
            IpAddr::V4(own) => own.is_unspecified() || own == ip,
            // «::» oye también a IPv4, salvo que el programa pida lo contrario
            IpAddr::V6(own) => own.is_unspecified() || own.to_ipv4_mapped() == Some(ip),
        }
    }

    pub fn only_localhost(&self) -> bool {
        match self.ip {
            IpAddr::V4(own) => own.is_loopback(),
            IpAddr::V6(own) => own.is_loopback() || own.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
        }
    }

    pub fn shown(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => format!("{ip}:{}", self.port),
            IpAddr::V6(ip) => format!("[{ip}]:{}", self.port),
        }
    }
}

/// Los que escuchan en la red del proceso `pid`.
pub fn listeners(pid: i32) -> Vec<Listener> {
    let table = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
    parse(&table("tcp")).into_iter().chain(parse(&table("tcp6"))).collect()
}

fn parse(table: &str) -> Vec<Listener> {
    table.lines().skip(1).filter_map(line).collect()
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …`
fn line(line: &str) -> Option<Listener> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != LISTEN {
        return None;
    }
    Some(Listener {
        ip: address(ip)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// El kernel escribe cada palabra de 32 bits como la guarda esta máquina.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |i: usize| {
        let text = hex.get(i * 8..i * 8 + 8)?;
        Some(u32::from_str_radix(text, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for i in 0..4 {
                bytes[i * 4..i * 4 + 4].copy_from_slice(&word(i)?);
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// Los sockets que tiene abiertos un proceso, por su inodo.
pub fn sockets_of(pid: i32) -> BTreeSet<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeSet::new() };
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.flatten().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_lee_lo_mismo_que_escribe_el_kernel() {
        let here = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let everywhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let me = std::process::id() as i32;
        let all = listeners(me);
        let mine = sockets_of(me);
        let find = |port| all.iter().find(|l| l.port == port && mine.contains(&l.inode)).unwrap();
        let (local, open) =
            (find(here.local_addr().unwrap().port()), find(everywhere.local_addr().unwrap().port()));
        let pod: Ipv4Addr = "10.244.0.2".parse().unwrap();
        assert!(local.only_localhost() && !local.hears(pod));
        assert!(!open.only_localhost() && open.hears(pod));
    }

    #[test]
    fn ipv6_tambien_y_lo_que_no_es_escuchar_no_cuenta() {
        let table = "  sl  local_address remote_address st\n\
             0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 77\n\
             1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 78\n\
             2: 0100007F:1F90 0100007F:A000 01 0:0 00:0 0 0 0 79\n";
        let found = parse(table);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].port, found[0].shown().as_str()), (80, "[::]:80"));
        assert!(found[0].hears("10.0.0.1".parse().unwrap()));
        assert!(found[1].only_localhost(), "{:?}", found[1]);
    }
}
