//! Capítulo 16 · El peso de los volúmenes con tope, del lado del supervisor.

use super::{limited, reap};
use crate::check;
use crate::kernel::Kernel;
use crate::logic::Exit;
use crate::volume::VolumePlan;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Cada cuánto se mira si un `emptyDir` en disco pasa de su tope, como en kubelet.
const WEIGH_EVERY: Duration = Duration::from_secs(10);

// ANCHOR: scale
/// La balanza de los volúmenes con tope: los pesa por turnos, en un hijo.
pub struct Scale {
    volumes: Vec<(String, PathBuf, u64)>,
    turn: usize,
    next: Duration,
    measuring: Option<OwnedFd>,
}

impl Scale {
    pub fn new(volumes: &[VolumePlan]) -> Scale {
        Scale { volumes: limited(volumes), turn: 0, next: WEIGH_EVERY, measuring: None }
    }

    /// Cuándo toca pesar otra vez; nunca, si no hay nada que pesar o ya se está pesando.
    pub fn next(&self) -> Option<Duration> {
        (!self.volumes.is_empty() && self.measuring.is_none()).then_some(self.next)
    }

    pub fn measuring(&self) -> Option<BorrowedFd<'_>> {
        self.measuring.as_ref().map(AsFd::as_fd)
    }

    pub fn start_if_due(&mut self, k: &mut Kernel, now: Duration) {
        if self.next().is_none_or(|next| now < next) {
            return;
        }
        let (_, path, limit) = &self.volumes[self.turn];
        match k.tell_once("balanza", |k| check::measure(k, path, *limit)) {
            Ok(pidfd) => self.measuring = Some(pidfd),
            Err(error) => log::error!("{error}"),
        }
        self.next = now + WEIGH_EVERY / self.volumes.len() as u32;
    }

    /// El volumen que se estaba pesando, con su tope, si lo pasa.
    pub fn verdict(&mut self) -> Option<(String, u64)> {
        let pidfd = self.measuring.take()?;
        let over = reap(pidfd.as_fd()) == Some(Exit::Code(1));
        let (name, _, limit) = self.volumes[self.turn].clone();
        self.turn = (self.turn + 1) % self.volumes.len();
        over.then_some((name, limit))
    }
}
// ANCHOR_END: scale
