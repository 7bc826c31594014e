//! Lo que se ve desde dentro de un espacio de nombres: hay que entrar para mirarlo.
//!
//! Entra un hijo que mira, lo cuenta por una tubería y muere: el que pregunta no se mueve de su sitio.

use crate::data;
use crate::kernel::ops::{Fork, JoinNamespaces};
use crate::kernel::{Op, sys};
use crate::network::look::{View, netns_id};
use crate::state::ProcessId;
use nix::sched::CloneFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

/// Lo que ve un proceso del Pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// El nombre de la máquina, el de su espacio UTS.
    pub hostname: String,
    /// Su red.
    pub view: View,
}

/// Entra en la red y el nombre de un proceso y mira. Vacío si ya no está.
pub fn look(process: ProcessId) -> Inside {
    let see = || Inside {
        hostname: nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        view: View::look().unwrap_or_default(),
    };
    ask(process, see).unwrap_or_default()
}

/// Contesta a `question` desde la red de un proceso, y con su nombre de máquina. `None`: no se puede entrar.
pub fn ask<T: Serialize + DeserializeOwned>(process: ProcessId, question: impl FnOnce() -> T) -> Option<T> {
    ask_in(process, CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS, question)
}

/// Contesta a `question` desde esos espacios de un proceso. `None`: no se puede entrar.
pub fn ask_in<T: Serialize + DeserializeOwned>(
    process: ProcessId,
    namespaces: CloneFlags,
    question: impl FnOnce() -> T,
) -> Option<T> {
    let pidfd = process.open(None)?;
    let (ours, theirs) = sys::report_pipe().ok()?;
    match Fork.run().ok()?? {
        sys::Cloned::Child => answer(&pidfd, namespaces, theirs, question),
        sys::Cloned::Parent { pidfd: child, .. } => {
            drop(theirs);
            let mut told = Vec::new();
            // si muere a medias, lo leído no se entenderá
            let _ = File::from(ours).read_to_end(&mut told);
            let _ = nix::sys::wait::waitid(
                nix::sys::wait::Id::PIDFd(child.as_fd()),
                nix::sys::wait::WaitPidFlag::WEXITED,
            );
            data::read(&told).ok()
        }
    }
}

/// La vida del hijo: entrar, mirar, contarlo y morir.
fn answer<T: Serialize>(
    process: &OwnedFd,
    namespaces: CloneFlags,
    pipe: OwnedFd,
    question: impl FnOnce() -> T,
) -> ! {
    let join = JoinNamespaces { pidfd: Some(process.as_fd()), process: String::new(), namespaces };
    let seen = join.run().map(|()| question());
    if let Ok(text) = seen.map(|seen| data::bytes(&seen)) {
        // si quien pregunta ha muerto, no hay a quién contárselo
        let _ = File::from(pipe).write_all(&text);
    }
    sys::exit_now(0)
}

/// El número con que la red de este proceso conoce a la de `pid`: el que llevan sus cables.
pub fn netns_of(pid: i32) -> Option<i32> {
    netns_id(File::open(format!("/proc/{pid}/ns/net")).ok()?.as_fd())
}
