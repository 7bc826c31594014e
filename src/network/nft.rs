//! Lo único que se pide al cortafuegos del kernel: traducir direcciones. Todo está en una tabla
//! propia, `ip micropod`; las demás ni se miran.
//!
//! ```text
//! map puertos: tcp . 8080 : 10.244.0.5 . 80      un elemento por cada hostPort
//!
//! protege   lo que un Pod dirija al 127.0.0.1 del anfitrión, fuera
//! llegada   a lo que viene de fuera para un hostPort, cambiarle el destino
//! propia    lo mismo, a lo que sale de esta máquina (también por localhost)
//! salida    lo que sale de los Pods, con la dirección de esta máquina
//! ```
//!
//! nft hace cada encargo entero o no lo hace. Añadir y quitar un puerto es tocar un elemento.

use super::ports::HostPort;
use super::{BRIDGE, PodNetwork};
use crate::kernel::Op;
use crate::kernel::ops::errno_of;
use crate::kernel::program::Program;
use nix::errno::Errno;
use std::path::Path;
use std::time::Duration;

/// El programa `nft`, si está instalado. Por su ruta entera: no se ejecuta lo primero que haya en
/// el PATH de quien nos llama.
pub fn find() -> Option<&'static Path> {
    ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"].map(Path::new).into_iter().find(|path| path.exists())
}

/// Lo que se le deja tardar: con miles de reglas, décimas de segundo.
pub const LIMIT: Duration = Duration::from_secs(30);

// ANCHOR: table
/// La tabla entera. Repetirlo no cambia nada: los mapas conservan sus elementos.
pub fn table(net: &PodNetwork) -> String {
    let subnet = net.subnet();
    format!(
        "table ip micropod {{
  map puertos {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
  map puertos_de_una_ip {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
  chain protege {{ type filter hook prerouting priority raw; }}
  chain llegada {{ type nat hook prerouting priority dstnat; }}
  chain propia {{ type nat hook output priority -100; }}
  chain salida {{ type nat hook postrouting priority srcnat; }}
}}
flush chain ip micropod protege
flush chain ip micropod llegada
flush chain ip micropod propia
flush chain ip micropod salida
table ip micropod {{
  chain protege {{
    iifname \"{BRIDGE}\" ip daddr 127.0.0.0/8 counter drop
  }}
  chain llegada {{
    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @puertos_de_una_ip
    fib daddr type local dnat ip to meta l4proto . th dport map @puertos
  }}
  chain propia {{
    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @puertos_de_una_ip
    fib daddr type local dnat ip to meta l4proto . th dport map @puertos
  }}
  chain salida {{
    ip saddr {subnet} oifname != \"{BRIDGE}\" masquerade
    ip saddr {subnet} oifname \"{BRIDGE}\" ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname \"{BRIDGE}\" masquerade
  }}
}}"
    )
}
// ANCHOR_END: table

/// En qué mapa está un puerto, y con qué clave.
fn place(port: &HostPort) -> (&'static str, String) {
    let key = format!("{} . {}", port.protocol, port.host_port);
    match port.host_ip {
        None => ("puertos", key),
        Some(ip) => ("puertos_de_una_ip", format!("{ip} . {key}")),
    }
}

pub fn add_port(port: &HostPort, net: &PodNetwork) -> String {
    let (map, key) = place(port);
    format!("add element ip micropod {map} {{ {key} : {} . {} }}", net.ip, port.container_port)
}

pub fn remove_port(port: &HostPort) -> String {
    let (map, key) = place(port);
    format!("delete element ip micropod {map} {{ {key} }}")
}

/// Un encargo a nft: o se cumple entero, o no cambia nada.
pub struct Nft {
    pub orders: String,
}

impl Op for Nft {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "nft(8)"
    }
    fn shell(&self) -> String {
        format!("nft -f - <<'FIN'\n{}\nFIN", self.orders)
    }
    fn run(&self) -> Result<(), Errno> {
        let program = find().ok_or(Errno::ENOENT)?;
        let program = Program::new(program, LIMIT).map_err(|e| errno_of(&e))?.options(["-f", "-"]);
        let ended = program.run(self.orders.as_bytes()).map_err(|e| errno_of(&e))?;
        if ended.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.err).into_owned();
        log::warn!("nft: {}", said.trim());
        // lo que significan sus quejas: falta algo en el kernel, no somos root, o no estaba
        Err(match said {
            _ if said.contains("Operation not permitted") => Errno::EPERM,
            _ if said.contains("No such file or directory") => Errno::ENOENT,
            _ => Errno::EOPNOTSUPP,
        })
    }
    fn rehearse(&self) {}
}
