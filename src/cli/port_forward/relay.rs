//! Llevar lo que llega por un lado al otro, sin esperar a nadie: un solo `poll` para todas.

use super::Listening;
use crate::cli::term;
use crate::error::spanish;
use crate::kernel::ops::Connect;
use crate::kernel::{Kernel, Mode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, Shutdown, getsockopt, recv, send, shutdown, sockopt};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

pub enum End {
    Interrupted,
    PodGone,
}

/// Conexiones a la vez; las demás esperan en la cola del kernel.
const MAX_CONNECTIONS: usize = 256;
/// Lo que se guarda de cada sentido.
const MAX_PENDING: usize = 64 * 1024;

/// Un descriptor que despierta con Ctrl-C.
pub fn on_interrupt() -> std::io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    write.set_nonblocking(true)?;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// Un sentido: lo leído de un lado que aún no ha cabido en el otro.
#[derive(Default)]
struct Flow {
    pending: Vec<u8>,
    /// De ese lado no vendrá más.
    ended: bool,
    /// Y al otro ya se le ha dicho.
    told: bool,
}

struct Connection {
    local: u16,
    remote: u16,
    outside: OwnedFd,
    inside: OwnedFd,
    /// Aún no ha contestado nadie; y si ya se ha probado con IPv6.
    connecting: bool,
    tried_ipv6: bool,
    inwards: Flow,
    outwards: Flow,
    over: bool,
}

pub fn run(listening: &[Listening], pod: &OwnedFd, interrupted: &UnixStream) -> End {
    let mut k = Kernel::new(Mode::Quiet);
    let mut all: Vec<Connection> = Vec::new();
    loop {
        let room = all.len() < MAX_CONNECTIONS;
        let mut fds = vec![
            PollFd::new(interrupted.as_fd(), PollFlags::POLLIN),
            PollFd::new(pod.as_fd(), PollFlags::POLLIN),
        ];
        for one in listening {
            let wanted = if room { PollFlags::POLLIN } else { PollFlags::empty() };
            fds.push(PollFd::new(one.listener.as_fd(), wanted));
        }
        // de quién es cada descriptor; del lado del que no se espera nada no interesa ni que se cuelgue
        let mut owners = Vec::new();
        for (i, connection) in all.iter().enumerate() {
            let [outside, inside] = connection.interest();
            for (fd, flags) in [(&connection.outside, outside), (&connection.inside, inside)] {
                if !flags.is_empty() {
                    fds.push(PollFd::new(fd.as_fd(), flags));
                    owners.push(i);
                }
            }
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return End::PodGone,
        }
        let ready: Vec<bool> = fds.iter().map(|fd| fd.revents().is_some_and(|r| !r.is_empty())).collect();
        drop(fds);
        if ready[0] {
            return End::Interrupted;
        }
        if ready[1] {
            return End::PodGone;
        }
        for (owner, _) in owners.iter().zip(&ready[2 + listening.len()..]).filter(|(_, ready)| **ready) {
            all[*owner].advance(&mut k);
        }
        all.retain(|connection| !connection.over);
        for (one, _) in listening.iter().zip(&ready[2..]).filter(|(_, ready)| **ready) {
            all.extend(accept(&mut k, one));
        }
    }
}

/// Alguien llama. Si dentro no se puede ni empezar a conectar, se le cuelga.
fn accept(k: &mut Kernel, one: &Listening) -> Option<Connection> {
    let (client, _) = one.listener.accept().ok()?;
    client.set_nonblocking(true).ok()?;
    println!("Handling connection for {}", one.local);
    let inside = match connect(k, IpAddr::V4(Ipv4Addr::LOCALHOST), one.remote) {
        Ok(socket) => socket,
        Err(errno) => {
            refused(one.local, one.remote, errno);
            return None;
        }
    };
    Some(Connection {
        local: one.local,
        remote: one.remote,
        outside: client.into(),
        inside,
        connecting: true,
        tried_ipv6: false,
        inwards: Flow::default(),
        outwards: Flow::default(),
        over: false,
    })
}

fn connect(k: &mut Kernel, ip: IpAddr, port: u16) -> Result<OwnedFd, Errno> {
    let address = SocketAddr::new(ip, port);
    let goal = format!("conectar con {address}, ya dentro de la red del Pod");
    k.step(goal, Connect(address)).map_err(|error| error.errno())?.ok_or(Errno::ECANCELED)
}

fn refused(local: u16, remote: u16, errno: Errno) {
    let why = match errno {
        Errno::ECONNREFUSED => format!("dentro del Pod nadie escucha en el puerto {remote}"),
        errno => spanish(errno).to_string(),
    };
    term::note(&format!("error: an error occurred forwarding {local} -> {remote}: {why}"));
}

impl Connection {
    /// Qué se espera de cada lado: que traiga, si cabe; que admita, si hay algo para él.
    fn interest(&self) -> [PollFlags; 2] {
        if self.connecting {
            return [PollFlags::empty(), PollFlags::POLLOUT];
        }
        let wanted = |from: &Flow, to: &Flow| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, !from.ended && from.pending.len() < MAX_PENDING);
            flags.set(PollFlags::POLLOUT, !to.pending.is_empty());
            flags
        };
        [wanted(&self.inwards, &self.outwards), wanted(&self.outwards, &self.inwards)]
    }

    fn advance(&mut self, k: &mut Kernel) {
        if self.over {
            return;
        }
        if self.connecting && !self.finish_connecting(k) {
            return;
        }
        let done = [
            carry(&mut self.inwards, self.outside.as_fd(), self.inside.as_fd()),
            carry(&mut self.outwards, self.inside.as_fd(), self.outside.as_fd()),
        ];
        let both_ended = self.inwards.told && self.outwards.told;
        self.over = both_ended || done.contains(&false);
    }

    /// ¿Ya hay con quién hablar? Quien no escucha en IPv4 puede escuchar en IPv6.
    fn finish_connecting(&mut self, k: &mut Kernel) -> bool {
        let errno = match getsockopt(&self.inside, sockopt::SocketError) {
            Ok(0) => {
                // despertar por el otro lado no es haber conectado
                self.connecting = nix::sys::socket::getpeername::<nix::sys::socket::SockaddrStorage>(
                    self.inside.as_raw_fd(),
                )
                .is_err();
                return !self.connecting;
            }
            Ok(number) => Errno::from_raw(number),
            Err(errno) => errno,
        };
        let again = (errno == Errno::ECONNREFUSED && !std::mem::replace(&mut self.tried_ipv6, true))
            .then(|| connect(k, IpAddr::V6(Ipv6Addr::LOCALHOST), self.remote).ok())
            .flatten();
        match again {
            Some(socket) => self.inside = socket,
            None => {
                refused(self.local, self.remote, errno);
                self.over = true;
            }
        }
        false
    }
}

/// Lleva lo que haya y quepa; `false` si uno de los lados se ha roto.
fn carry(flow: &mut Flow, from: BorrowedFd, to: BorrowedFd) -> bool {
    let mut chunk = [0; 16 * 1024];
    while !flow.ended && flow.pending.len() < MAX_PENDING {
        match recv(from.as_raw_fd(), &mut chunk, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => flow.ended = true,
            Ok(n) => flow.pending.extend_from_slice(&chunk[..n]),
            Err(Errno::EAGAIN | Errno::EINTR) => break,
            Err(_) => return false,
        }
    }
    while !flow.pending.is_empty() {
        match send(to.as_raw_fd(), &flow.pending, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(n) => drop(flow.pending.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => break,
            Err(_) => return false,
        }
    }
    if flow.ended && flow.pending.is_empty() && !std::mem::replace(&mut flow.told, true) {
        // quien ya se fue no necesita que se lo digan
        let _ = shutdown(to.as_raw_fd(), Shutdown::Write);
    }
    true
}
