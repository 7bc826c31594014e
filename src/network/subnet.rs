//! Qué red tienen los Pods, y si choca con otra de esta máquina.

use super::BRIDGE;
use crate::error::Error;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;

/// Quien quiera otra red, la escribe aquí: `10.245.0.0/16`. Una línea.
pub const FILE: &str = "/etc/micropod/subred";

/// Una red IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub ip: Ipv4Addr,
    pub prefix: u8,
}

impl Subnet {
    /// La misma que usa Kubernetes en casi todos los cursos.
    pub const DEFAULT: Subnet = Subnet { ip: Ipv4Addr::new(10, 244, 0, 0), prefix: 16 };

    /// La de esta máquina: la del fichero o, si no lo hay, la de siempre.
    pub fn configured() -> Result<Subnet, Error> {
        let text = match fs::read_to_string(FILE) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Subnet::DEFAULT),
            Err(e) => return Err(Error::failed(format!("no se pudo leer {FILE}")).because(e)),
        };
        Subnet::parse(text.trim()).ok_or_else(|| {
            Error::failed(format!("en {FILE} no hay una red que valga: «{}»", text.trim()))
                .with_hint(format!("escribe una red entera, de /8 a /28: {}", Subnet::DEFAULT))
        })
    }

    /// De `10.244.0.0/16`. Los bits del final han de ser cero, y deben caber al menos unos Pods.
    fn parse(text: &str) -> Option<Subnet> {
        let (ip, prefix) = text.split_once('/')?;
        let net = Subnet { ip: ip.parse().ok()?, prefix: prefix.parse().ok()? };
        let whole = (8..=28).contains(&net.prefix) && u32::from(net.ip) & !net.mask() == 0;
        (whole && !net.ip.is_loopback() && !net.ip.is_multicast() && !net.ip.is_unspecified()).then_some(net)
    }

    fn mask(self) -> u32 {
        u32::MAX << (32 - self.prefix)
    }

    /// La dirección del puente, que es la puerta de enlace de los Pods: la primera.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.ip) + 1)
    }

    /// Cuántas se pueden dar: todas menos la de la red, la del puente y la de difusión.
    pub fn usable(self) -> u32 {
        !self.mask() - 2
    }

    /// La dirección número `n` (desde 0) de las que se pueden dar; después de la última, la primera.
    pub fn nth(self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.gateway()) + 1 + n % self.usable())
    }

    fn contains(self, ip: Ipv4Addr) -> bool {
        u32::from(ip) & self.mask() == u32::from(self.ip)
    }

    fn overlaps(self, other: Subnet) -> bool {
        self.contains(other.ip) || other.contains(self.ip)
    }

    /// La ruta de esta máquina que choca con esta red, si la hay: (red, interfaz). La ruta por
    /// defecto no choca con nadie, y la de nuestro puente es la nuestra.
    pub fn conflict(self) -> Option<(Subnet, String)> {
        self.conflict_in(&fs::read_to_string("/proc/net/route").unwrap_or_default())
    }

    fn conflict_in(self, table: &str) -> Option<(Subnet, String)> {
        let route = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // en hexadecimal y en el orden de bytes de la máquina
            let number = |i: usize| u32::from_str_radix(fields.get(i)?, 16).ok().map(u32::from_be);
            let (ip, mask) = (number(1)?, number(7)?);
            let net = Subnet { ip: ip.into(), prefix: mask.count_ones() as u8 };
            Some((net, fields[0].to_string()))
        };
        let clashes =
            |(net, device): &(Subnet, String)| net.prefix > 0 && device != BRIDGE && self.overlaps(*net);
        table.lines().skip(1).filter_map(route).find(clashes)
    }

    /// Un error si esta red choca con otra. Se mira antes de crear el puente: después, los paquetes
    /// de la otra red acabarían en él.
    pub fn check(self) -> Result<(), Error> {
        let Some((other, device)) = self.conflict() else { return Ok(()) };
        Err(Error::failed(format!(
            "la red de los Pods, {self}, choca con una que ya usa esta máquina: {other}, por {device}"
        ))
        .with_hint(format!(
            "elige otra red: `sudo mkdir -p /etc/micropod; echo 10.245.0.0/16 | sudo tee {FILE}`; \
             o usa hostNetwork: true"
        )))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn se_reparten_todas_menos_la_red_el_puente_y_la_difusion() {
        let net = Subnet::DEFAULT;
        assert_eq!(net.nth(0), Ipv4Addr::new(10, 244, 0, 2));
        assert_eq!(net.nth(net.usable() - 1), Ipv4Addr::new(10, 244, 255, 254));
        assert_eq!(net.nth(net.usable()), Ipv4Addr::new(10, 244, 0, 2), "y vuelta a empezar");
        let small = Subnet::parse("192.168.7.16/28").unwrap();
        assert_eq!((small.gateway(), small.usable()), (Ipv4Addr::new(192, 168, 7, 17), 13));
        assert_eq!(small.nth(12), Ipv4Addr::new(192, 168, 7, 30));
    }

    #[test]
    fn solo_vale_una_red_entera_y_con_sitio() {
        for bad in ["", "10.244.0.0", "10.244.0.1/16", "10.0.0.0/7", "10.0.0.0/29", "127.0.0.0/8", "::1/16"] {
            assert_eq!(Subnet::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn choca_la_ruta_que_se_solapa_y_ni_la_nuestra_ni_la_de_salida() {
        let table = |device: &str, ip: Ipv4Addr, prefix: u32| {
            let hex = |n: u32| format!("{:08X}", n.to_be());
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            format!("Iface …\n{device}\t{}\t00000000\t1\t0\t0\t0\t{}\t0\t0\t0\n", hex(ip.into()), hex(mask))
        };
        let clash = |text: String| Subnet::DEFAULT.conflict_in(&text).map(|(net, _)| net.to_string());
        assert_eq!(clash(table("tun0", Ipv4Addr::new(10, 0, 0, 0), 8)), Some("10.0.0.0/8".into()));
        assert_eq!(clash(table("cni0", Ipv4Addr::new(10, 244, 3, 0), 24)), Some("10.244.3.0/24".into()));
        assert_eq!(clash(table("eth0", Ipv4Addr::new(0, 0, 0, 0), 0)), None);
        assert_eq!(clash(table("eth0", Ipv4Addr::new(10, 245, 0, 0), 16)), None);
        assert_eq!(clash(table(BRIDGE, Ipv4Addr::new(10, 244, 0, 0), 16)), None);
    }
}
