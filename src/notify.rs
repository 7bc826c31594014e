//! Decir a systemd cómo va el Pod, cuando es él quien lanza al supervisor (`Type=notify`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

// ANCHOR: notify
/// Manda `state` (`READY=1`, `STOPPING=1`) a quien lo espera; si nadie lo espera, nada (`sd_notify(3)`).
///
/// Si no se puede, no se insiste: el Pod vale lo mismo, y systemd lo dará por no arrancado.
pub fn notify(state: &str) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(path.as_encoded_bytes(), state) {
        log::error!("no se pudo avisar a systemd: {error}");
    }
}
// ANCHOR_END: notify

fn send(path: &[u8], state: &str) -> std::io::Result<()> {
    let address = match path.strip_prefix(b"@") {
        // el espacio de nombres abstracto no está en ningún disco
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn el_aviso_llega_a_un_socket_con_ruta_y_a_uno_abstracto() {
        let path = std::env::temp_dir().join(format!("micropod-aviso-{}", std::process::id()));
        let there = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str().as_bytes(), "READY=1").unwrap();
        let name = format!("micropod-aviso-{}", std::process::id());
        let abstracto = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let nowhere = UnixDatagram::bind_addr(&abstracto).unwrap();
        send(format!("@{name}").as_bytes(), "STOPPING=1").unwrap();
        for (socket, expected) in [(there, "READY=1"), (nowhere, "STOPPING=1")] {
            let mut bytes = [0; 64];
            let n = socket.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..n], expected.as_bytes());
        }
        std::fs::remove_file(&path).unwrap();
    }
}
