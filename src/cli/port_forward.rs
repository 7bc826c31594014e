//! `micropod port-forward`: un puerto de esta máquina que lleva a uno de dentro de un Pod.
//!
//! Un socket es de la red en la que nace, y ahí se queda. Se empieza a escuchar en la de la máquina, se
//! entra en la del Pod, y lo que se conecte después nace ya dentro: por eso llega también a lo que solo
//! escucha en `localhost`, como hace Kubernetes.

mod relay;

use super::{one_pod, require_root, words};
use crate::error::{Error, exit, spanish};
use crate::kernel::ops::JoinNamespaces;
use crate::kernel::{Kernel, Mode};
use crate::logic::status::Phase;
use crate::plan::all_containers;
use crate::state::{ProcessId, Seen};
use clap::ArgMatches;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

/// De qué puerto de la máquina (0: el que dé el kernel) a cuál del Pod.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    local: u16,
    remote: u16,
}

/// Un puerto en el que se escucha, y a cuál del Pod lleva.
struct Listening {
    listener: TcpListener,
    local: u16,
    remote: u16,
}

pub fn forward(args: &ArgMatches) -> Result<u8, Error> {
    require_root("entrar en la red de un Pod")?;
    let seen = one_pod(args, "POD")?;
    let pairs: Vec<Pair> =
        words(args, "PUERTO").iter().map(|text| pair(text, &seen)).collect::<Result<_, _>>()?;
    let addresses = addresses(args.get_one::<String>("address").map_or("localhost", String::as_str))?;
    let (process, pidfd) = alive(&seen)?;
    let listening = listen(&pairs, &addresses)?;
    if !seen.record.pod.spec.host_network {
        let join = JoinNamespaces {
            pidfd: Some(pidfd.as_fd()),
            process: process.pid.to_string(),
            namespaces: CloneFlags::CLONE_NEWNET,
        };
        Kernel::new(Mode::Quiet).step("entrar en la red del Pod, para conectar desde dentro", join)?;
    }
    let interrupted =
        relay::on_interrupt().map_err(|e| Error::failed("no se pudieron atender las señales").because(e))?;
    for one in &listening {
        let from =
            one.listener.local_addr().map_err(|e| Error::failed("no se sabe dónde se escucha").because(e))?;
        println!("Forwarding from {from} -> {}", one.remote);
    }
    match relay::run(&listening, &pidfd, &interrupted) {
        relay::End::Interrupted => Ok(exit::OK),
        relay::End::PodGone => Err(Error::failed("lost connection to pod")
            .with_hint(format!("el Pod ha acabado: micropod por-que {}", seen.record.name))),
    }
}

/// `8080:80`, `80` (el mismo en los dos lados), `:80` (el que dé el kernel), `8080:http` (por su nombre).
fn pair(text: &str, seen: &Seen) -> Result<Pair, Error> {
    let (local, remote) = text.split_once(':').map_or((text, text), |(local, remote)| (local, remote));
    let remote_port = match remote.parse::<u16>() {
        Ok(port) if port > 0 => port,
        _ => named(remote, seen)?,
    };
    let local = match local {
        "" => 0,
        same if same == remote => remote_port,
        number => number.parse().map_err(|_| {
            Error::usage(format!("«{number}» no es un puerto de esta máquina"))
                .with_hint("escríbelo así: 8080:80, 80 o :80")
        })?,
    };
    Ok(Pair { local, remote: remote_port })
}

/// El puerto que algún contenedor llama así.
fn named(name: &str, seen: &Seen) -> Result<u16, Error> {
    let ports = || all_containers(&seen.record.pod.spec).flat_map(|c| &c.ports);
    let found = ports().find(|port| port.name.as_deref() == Some(name));
    found.and_then(|port| u16::try_from(port.container_port).ok()).ok_or_else(|| {
        let known: Vec<&str> = ports().filter_map(|port| port.name.as_deref()).collect();
        let hint = match known.is_empty() {
            true => "escríbelo así: 8080:80, 80 o :80".to_string(),
            false => format!("los que tienen nombre son: {}", known.join(", ")),
        };
        let shown = crate::spec::errors::visible(name, 40);
        Error::usage(format!("«{shown}» no es un puerto del Pod")).with_hint(hint)
    })
}

/// `localhost` son las dos direcciones: IPv4 y, si la hay, IPv6.
fn addresses(text: &str) -> Result<Vec<IpAddr>, Error> {
    let mut all = Vec::new();
    for word in text.split(',') {
        match word {
            "localhost" => all.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]),
            word => all.push(word.parse().map_err(|_| {
                Error::usage(format!("«{}» no es una dirección", crate::spec::errors::visible(word, 40)))
                    .with_hint("por ejemplo: --address localhost,10.0.0.1")
            })?),
        }
    }
    Ok(all)
}

/// Alguien que sostiene la red del Pod: la pausa.
fn alive(seen: &Seen) -> Result<(ProcessId, OwnedFd), Error> {
    let phase = seen.live.status.phase;
    let pause = seen.live.pause.filter(|_| seen.supervised && phase != Phase::Pending);
    let open = pause.and_then(|p| Some((p, p.open(None)?)));
    open.filter(|(p, _)| p.is_alive()).ok_or_else(|| {
        Error::failed(format!("unable to forward port because pod is not running. Current status={phase}"))
            .with_hint(format!("micropod por-que {}", seen.record.name))
    })
}

fn listen(pairs: &[Pair], addresses: &[IpAddr]) -> Result<Vec<Listening>, Error> {
    let mut all = Vec::new();
    for pair in pairs {
        let mut local = pair.local;
        for (i, address) in addresses.iter().enumerate() {
            let place = SocketAddr::new(*address, local);
            let listener = match TcpListener::bind(place) {
                Ok(listener) => listener,
                // una máquina sin IPv6 es lo normal en un aula: basta con la otra
                Err(_) if i > 0 && address.is_ipv6() && address.is_loopback() => continue,
                Err(error) => return Err(busy(place, pair.remote, error)),
            };
            let failed = |e| Error::failed(format!("no se pudo escuchar en {place}")).because(e);
            listener.set_nonblocking(true).map_err(failed)?;
            // la segunda dirección escucha en el mismo que dio el kernel a la primera
            local = listener.local_addr().map_err(failed)?.port();
            all.push(Listening { listener, local, remote: pair.remote });
        }
    }
    Ok(all)
}

fn busy(place: SocketAddr, remote: u16, error: std::io::Error) -> Error {
    let why =
        error.raw_os_error().map_or_else(|| error.to_string(), |n| spanish(Errno::from_raw(n)).to_string());
    let other = place.port().checked_add(1).filter(|port| *port > 1024).unwrap_or(8080);
    Error::failed(format!("no se puede escuchar en {place}"))
        .because(why)
        .with_hint(format!("elige otro puerto, `{other}:{remote}`, o que lo elija el kernel: `:{remote}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_son_dos_direcciones_y_una_mal_escrita_se_dice() {
        assert_eq!(addresses("localhost").unwrap().len(), 2);
        assert_eq!(addresses("10.0.0.1,localhost").unwrap().len(), 3);
        assert!(addresses("nadie").is_err());
    }

    #[test]
    fn si_no_se_dice_puerto_lo_da_el_kernel_y_es_el_mismo_en_todas_las_direcciones() {
        let all = listen(&[Pair { local: 0, remote: 80 }], &addresses("localhost").unwrap()).unwrap();
        assert!(all[0].local > 0);
        assert!(all.iter().all(|one| one.local == all[0].local && one.remote == 80));
        let again = listen(&[Pair { local: all[0].local, remote: 80 }], &addresses("127.0.0.1").unwrap());
        let text = again.err().unwrap().to_string();
        assert!(text.contains("127.0.0.1") && text.contains(":80`"), "{text}");
    }
}
