//! El bucle: un solo hilo y un solo `poll` para todas las conexiones, como en `supervise.rs`.

use super::Options;
use super::answer::{Answer, Problem};
use super::change::Change;
use super::connection::{Connection, Job};
use super::peer::{self, Peer};
use super::serve;
use super::store::Store;
use crate::error::Error;
use crate::supervise::Signals;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

// ANCHOR: limits
/// Conexiones a la vez. Con todas ocupadas se cuelga a la que lleve más sin pedir nada.
const MAX_CONNECTIONS: usize = 64;
/// Lo que puede haber preparado y sin leer entre todas.
const MAX_PENDING: usize = 32 * 1024 * 1024;
// ANCHOR_END: limits

/// Cada cuánto se miran las fichas, si alguien vigila.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Cada cuánto se mira si hay algo nuevo en los logs que alguien sigue.
const READ_EVERY: Duration = Duration::from_millis(50);

pub struct Server {
    pub options: Options,
    pub store: Store,
    listener: TcpListener,
    signals: Signals,
    connections: Vec<Connection>,
    /// Órdenes de quien se fue sin esperar: acaban igual.
    orphans: Vec<Change>,
    looked: Instant,
}

impl Server {
    pub fn new(options: Options, listener: TcpListener, signals: Signals) -> Server {
        let store = Store::new(crate::state::unix_millis());
        Server {
            options,
            store,
            listener,
            signals,
            connections: Vec::new(),
            orphans: Vec::new(),
            looked: Instant::now(),
        }
    }

    // ANCHOR: run
    /// Atiende hasta que se le pide que acabe.
    pub fn run(mut self) -> Result<(), Error> {
        while !self.wait()? {
            self.accept();
            self.look();
            for i in 0..self.connections.len() {
                self.attend(i);
            }
            self.hang_up();
        }
        Ok(())
    }
    // ANCHOR_END: run

    /// Espera a que pase algo; `true`, si es una señal de acabar.
    fn wait(&mut self) -> Result<bool, Error> {
        let timeout = self.timeout();
        let room = self.connections.len() < MAX_CONNECTIONS || self.idlest().is_some();
        let wanted = if room { PollFlags::POLLIN } else { PollFlags::empty() };
        let mut fds = vec![
            PollFd::new(self.signals.fd(), PollFlags::POLLIN),
            PollFd::new(self.listener.as_fd(), wanted),
        ];
        fds.extend(self.connections.iter().map(|one| PollFd::new(one.fd(), one.interest())));
        let changes = self.connections.iter().filter_map(|one| match one.job() {
            Some(Job::Change(change)) => Some(change.as_ref()),
            _ => None,
        });
        fds.extend(changes.chain(&self.orphans).map(|change| PollFd::new(change.fd(), PollFlags::POLLIN)));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(Error::failed("no se pudo esperar").because(crate::error::spanish(errno)));
            }
        }
        let ready: Vec<PollFlags> = fds.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty())).collect();
        drop(fds);
        for (one, news) in self.connections.iter_mut().zip(&ready[2..]).filter(|(_, news)| !news.is_empty()) {
            one.receive(*news);
        }
        Ok(!ready[0].is_empty() && self.signals.drain() > 0)
    }

    /// Lo que falta para el próximo plazo.
    fn timeout(&self) -> PollTimeout {
        let now = Instant::now();
        let orphans = self.orphans.first().map(|_| now + LOOK_EVERY);
        let soonest = self.connections.iter().filter_map(|one| self.deadline(one, now)).chain(orphans).min();
        let Some(soonest) = soonest else { return PollTimeout::NONE };
        // un milisegundo de más: el plazo se redondea hacia arriba
        let left = soonest.saturating_duration_since(now) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    fn deadline(&self, one: &Connection, now: Instant) -> Option<Instant> {
        // a quien aún no ha leído lo que tiene no se le prepara más
        let full = one.pending() >= super::connection::HIGH_WATER;
        let work = match one.job() {
            _ if full => None,
            Some(Job::Watch(watch)) => {
                Some(watch.deadline().map_or(self.looked + LOOK_EVERY, |at| at.min(self.looked + LOOK_EVERY)))
            }
            Some(Job::Log(_)) => Some(now + READ_EVERY),
            Some(Job::Measure(measure)) => Some(measure.ready),
            Some(Job::Change(_)) => Some(now + LOOK_EVERY),
            None => None,
        };
        one.deadline().into_iter().chain(work).min()
    }

    fn accept(&mut self) {
        while self.connections.len() < MAX_CONNECTIONS || self.idlest().is_some() {
            let Ok((socket, theirs)) = self.listener.accept() else { return };
            let Ok(ours) = socket.local_addr() else { continue };
            // lo que se escribe sale ya, aunque sea poco
            let _ = socket.set_nodelay(true);
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() >= MAX_CONNECTIONS {
                self.idlest().map(|idlest| self.connections.swap_remove(idlest));
            }
            self.connections.push(Connection::new(socket, theirs, ours));
        }
    }

    /// La que lleva más sin pedir nada, si hay alguna a la que no se le debe nada.
    fn idlest(&self) -> Option<usize> {
        let idle = self.connections.iter().enumerate().filter(|(_, one)| one.is_idle());
        idle.min_by_key(|(_, one)| one.since()).map(|(i, _)| i)
    }

    /// Mira las fichas, si alguien vigila y ya toca.
    fn look(&mut self) {
        let watched = self.connections.iter().any(|one| matches!(one.job(), Some(Job::Watch(_))));
        if watched && self.looked.elapsed() >= LOOK_EVERY {
            self.store.refresh();
            self.looked = Instant::now();
        }
    }

    fn attend(&mut self, i: usize) {
        self.connections[i].work(&mut self.store);
        while let Some(request) = self.connections[i].request() {
            let pending: usize = self.connections.iter().map(Connection::pending).sum();
            let one = &mut self.connections[i];
            let reply = match pending < MAX_PENDING {
                true => {
                    serve::serve(&self.options, &mut self.store, &request, || peer::of(one.theirs, one.ours))
                }
                false => serve::Reply::Done(too_busy()),
            };
            match reply {
                serve::Reply::Done(answer) => one.answer(&answer, request.close),
                serve::Reply::Later(job) => one.begin(job, &request),
            }
            one.work(&mut self.store);
        }
        self.connections[i].flush();
    }

    /// Cuelga a quien ha acabado y a quien se le ha pasado el plazo.
    fn hang_up(&mut self) {
        let now = Instant::now();
        let mut i = 0;
        while i < self.connections.len() {
            let one = &self.connections[i];
            if !one.over && one.deadline().is_none_or(|deadline| now < deadline) {
                i += 1;
                continue;
            }
            let gone = self.connections.swap_remove(i);
            self.orphans.extend(gone.into_change());
        }
        let store = &mut self.store;
        self.orphans.retain_mut(|change| change.advance(store).is_none());
    }
}

fn too_busy() -> Answer {
    Problem::new(503, "ServiceUnavailable", "hay demasiadas respuestas sin leer: vuelve a probar").answer()
}

/// Quién pregunta, si se puede saber.
pub type Asker = Result<Option<Peer>, Errno>;
