//! Capítulo 16 · Una terminal para el contenedor (`tty: true`, `exec -t`).
//!
//! El contenedor abre el par en *sus* terminales (`/dev/pts`), se queda con un extremo y manda el
//! otro al anfitrión por el canal: así `tty` y `ps` dicen la verdad dentro.

use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::ops::{OpenTerminal, SendTerminal};
use std::os::fd::OwnedFd;

// ANCHOR: own
/// Del lado del contenedor: abre el par y manda al anfitrión el extremo del maestro.
pub fn own(k: &mut Kernel) -> Result<OwnedFd, StepError> {
    let pair = k.step("abrir una terminal en el /dev/pts del contenedor", OpenTerminal)?;
    let channel = k.copy_channel();
    k.step("mandar su otro extremo al anfitrión", SendTerminal { channel, master: pair.master })?;
    Ok(pair.slave)
}
// ANCHOR_END: own
