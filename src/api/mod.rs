//! `micropod api`: la parte de la API de Kubernetes que hace falta para usar el kubectl de verdad.
//!
//! Corre como root, así que es una puerta: escucha solo en esta máquina, solo enseña mientras no se diga
//! `--permite-cambios`, y lo que cambia algo se acepta solo de root y de quien escribió `sudo`.

pub mod answer;
pub mod change;
pub mod connection;
pub mod discovery;
pub mod gnostic;
pub mod http;
pub mod log;
pub mod metrics;
pub mod openapi;
pub mod patch;
pub mod peer;
pub mod route;
pub mod serve;
pub mod server;
pub mod store;
pub mod table;
pub mod watch;

use crate::error::{Error, exit, spanish};
use crate::supervise::Signals;
use clap::ArgMatches;
use nix::errno::Errno;
use server::Server;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Donde escucha `kubectl proxy`, y donde se escucha aquí si no se dice otra cosa.
pub const LISTEN: &str = "127.0.0.1:8001";

const ONLY_HERE: &str = "MP0330";
const NOT_A_PLACE: &str = "MP0331";

/// Cómo se sirve.
pub struct Options {
    pub changes: bool,
    /// Además de root, quien puede cambiar algo: quien escribió `sudo`.
    pub owner: Option<u32>,
}

pub fn api(args: &ArgMatches) -> Result<u8, Error> {
    let place = place(args.get_one::<String>("listen").map_or(LISTEN, String::as_str))?;
    if !nix::unistd::geteuid().is_root() {
        return Err(
            Error::failed("hace falta ser administrador para mirar los Pods").with_hint("sudo micropod api")
        );
    }
    let owner = std::env::var("SUDO_UID").ok().and_then(|text| text.parse().ok());
    let options = Options { changes: args.get_flag("permite-cambios"), owner };
    let listener = listen(place)?;
    let failed = |e: std::io::Error| Error::failed(format!("no se pudo escuchar en {place}")).because(e);
    let address = listener.local_addr().map_err(failed)?;
    let signals =
        Signals::listen().map_err(|e| Error::failed("no se pudieron atender las señales").because(e))?;
    greet(address, &options);
    Server::new(options, listener, signals).run()?;
    Ok(exit::OK)
}

fn greet(address: SocketAddr, options: &Options) {
    println!("Starting to serve on {address}");
    let who = match (options.changes, options.owner) {
        (false, _) => {
            "cualquiera de esta máquina puede mirar los Pods y sus logs; cambiar, nadie".to_string()
        }
        (true, None) => "cualquiera de esta máquina puede mirar; crear y borrar, solo root".to_string(),
        (true, Some(uid)) => {
            format!("cualquiera de esta máquina puede mirar; crear y borrar, root y el usuario {uid}")
        }
    };
    crate::cli::term::note(&format!("{who}\npruébalo: kubectl -s http://{address} get pods"));
}

/// `127.0.0.1:8001`, `localhost:8001`, `[::1]:8001`, `:8001` u `8001`.
fn place(text: &str) -> Result<SocketAddr, Error> {
    let shown = crate::spec::errors::visible(text, 60);
    let bad = || {
        Error::usage(format!("«{shown}» no es dónde escuchar [{NOT_A_PLACE}]"))
            .with_hint(format!("así: --listen {LISTEN}"))
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => ("", text),
    };
    let port: u16 = port.parse().map_err(|_| bad())?;
    let ip = match host {
        "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| bad())?,
    };
    if !ip.is_loopback() {
        return Err(Error::usage(format!(
            "la API solo escucha en esta máquina, y {ip} se ve desde otras [{ONLY_HERE}]"
        ))
        .with_hint(format!(
            "déjala en {LISTEN} y entra por un túnel: ssh -L 8001:localhost:8001 USUARIO@ESTA-MÁQUINA"
        )));
    }
    Ok(SocketAddr::new(ip, port))
}

fn listen(place: SocketAddr) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(place).and_then(|one| one.set_nonblocking(true).map(|()| one));
    listener.map_err(|error| {
        let why = error.raw_os_error().map_or_else(|| error.to_string(), |n| spanish(Errno::from_raw(n)).to_string());
        Error::failed(format!("no se puede escuchar en {place} [{NOT_A_PLACE}]"))
            .because(why)
            .with_hint("quizá ya haya otra en marcha (kubectl proxy usa el mismo puerto); o elige otro: --listen 127.0.0.1:8002")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solo_se_escucha_en_esta_maquina() {
        for good in ["127.0.0.1:8001", "localhost:8001", ":8001", "8001", "[::1]:8001", "127.3.2.1:0"] {
            assert!(place(good).unwrap().ip().is_loopback(), "{good}");
        }
        for open in ["0.0.0.0:8001", "[::]:8001", "10.0.0.1:8001", "192.168.1.2:0", "[fe80::1]:80"] {
            let text = place(open).unwrap_err().to_string();
            assert!(text.contains("MP0330") && text.contains("ssh -L"), "{open}: {text}");
        }
        for bad in ["", "nadie:8001", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:", "a b:1"] {
            assert!(place(bad).unwrap_err().to_string().contains("MP0331"), "{bad}");
        }
    }
}
