//! Las direcciones: un fichero por cada una que está en uso, con el UID de su Pod dentro.
//!
//! Se reparten por turno, como hacen las redes CNI: una dirección recién soltada tarda en volver a
//! usarse, y nadie habla con el Pod equivocado.

use super::{PodNetwork, Subnet};
use crate::error::Error;
use crate::state;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// La última que se dio, fuera del directorio: en él solo hay direcciones en uso.
fn last_path() -> PathBuf {
    Path::new(state::RUN).join("ultima-ip")
}

fn dir() -> PathBuf {
    Path::new(state::RUN).join("ips")
}

pub(super) fn lock() -> Result<Flock<File>, Error> {
    state::make_private_dir(&dir())?;
    let path = Path::new(state::RUN).join("ips.lock");
    let failed =
        |e: &dyn std::fmt::Display| Error::failed(format!("no se pudo abrir {}", path.display())).because(e);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    Flock::lock(file.map_err(|e| failed(&e))?, FlockArg::LockExclusive).map_err(|(_, errno)| failed(&errno))
}

// ANCHOR: lease
/// Reserva una dirección de la red para el Pod `uid`.
pub fn lease(subnet: Subnet, uid: &str) -> Result<PodNetwork, Error> {
    let _lock = lock()?;
    let last: Option<Ipv4Addr> = fs::read_to_string(last_path()).ok().and_then(|t| t.trim().parse().ok());
    let first = last.map_or(0, |ip| u32::from(ip).wrapping_sub(u32::from(subnet.gateway())));
    for n in 0..subnet.usable() {
        let ip = subnet.nth(first.wrapping_add(n));
        // crear con «si no existe»: quien lo consigue se la queda
        let open =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(dir().join(ip.to_string()));
        match open.and_then(|mut file| file.write_all(uid.as_bytes())) {
            Ok(()) => {
                // si no se puede apuntar, solo se pierde el turno
                let _ = state::write_private(&last_path(), ip.to_string().as_bytes());
                return Ok(PodNetwork::new(subnet, ip));
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::failed(format!("no se pudo reservar la dirección {ip}")).because(e)),
        }
    }
    Err(Error::failed(format!("no quedan direcciones libres en {subnet}"))
        .with_hint("borra Pods que no uses, o recoge los caídos con `micropod gc`"))
}
// ANCHOR_END: lease

/// Suelta una dirección, si es de ese Pod.
pub fn release(ip: Ipv4Addr, uid: &str) {
    let path = dir().join(ip.to_string());
    if fs::read_to_string(&path).is_ok_and(|owner| owner.trim() == uid) {
        // si otro la ha soltado entre medias, mejor
        let _ = fs::remove_file(path);
    }
}

/// Suelta cuanto sea de un Pod del que solo se sabe el UID, y lo que no llegó a llevar ni eso.
pub fn release_all(uid: &str) {
    // con el cerrojo tomado nadie está a medias: si no dice de quién es, quien la reservaba ha muerto
    let Ok(_lock) = lock() else { return };
    for ip in leased() {
        release(ip, uid);
        release(ip, "");
    }
}

/// Las direcciones en uso, con el UID de su Pod; sin él, quien la reservaba murió al apuntarlo.
pub fn owners() -> Vec<(Ipv4Addr, String)> {
    let Ok(_lock) = lock() else { return Vec::new() };
    let owner = |ip: Ipv4Addr| {
        let text = fs::read_to_string(dir().join(ip.to_string())).ok()?;
        Some((ip, text.trim().to_string()))
    };
    leased().into_iter().filter_map(owner).collect()
}

/// Suelta, de estas direcciones, las que no son de ninguno de esos Pods. Devuelve cuáles.
pub fn release_orphans(ips: &[(Ipv4Addr, String)], alive: &[String]) -> Vec<Ipv4Addr> {
    let Ok(_lock) = lock() else { return Vec::new() };
    let orphans = ips.iter().filter(|(_, uid)| !alive.contains(uid));
    orphans.inspect(|(ip, uid)| release(*ip, uid)).map(|(ip, _)| *ip).collect()
}

/// ¿Hay alguna dirección en uso? Con el cerrojo tomado, nadie puede estar empezando a usar la red.
pub(super) fn any_leased() -> bool {
    !leased().is_empty()
}

fn leased() -> Vec<Ipv4Addr> {
    state::names_in(&dir()).iter().filter_map(|name| name.parse().ok()).collect()
}
