//! El nuestro: micropod habla con el kernel, sin ningún programa en medio.

use super::{Alive, Order, Runtime};
use crate::cgroup;
use crate::container::{self, Born, Stdio};
use crate::error::StepError;
use crate::kernel::ops::{CgroupValue, SendSignal, WriteCgroup};
use crate::kernel::{Kernel, sys};

pub struct Native;

impl Runtime for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
        container::create(k, order, stdio)
    }

    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
        let name = alive.name();
        if let (libc::SIGKILL, Some(path)) = (signal, alive.cgroup) {
            let op = WriteCgroup { dir: path.to_path_buf(), value: CgroupValue::Kill };
            match k.step(format_args!("matar de un golpe cuanto corre en {name}"), op) {
                Ok(()) => return Ok(()),
                Err(error) => log::error!("{error}"),
            }
        }
        send(k, alive, signal)
    }

    fn remove(&self, _k: &mut Kernel, order: &Order) -> Result<(), StepError> {
        if let Some(pod) = &order.pod.cgroup {
            // si no está, no hay nada que borrar
            cgroup::remove_for_sure(&pod.join(&order.pod.containers[order.id].name));
        }
        Ok(())
    }
}

/// Una señal al PID 1, por su pidfd: no puede llegarle a otro.
pub(super) fn send(k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
    let op = SendSignal { pidfd: Some(alive.pidfd), process: alive.pid.to_string(), signal };
    k.step(format_args!("enviar la señal {signal} al PID 1 de {}", alive.name()), op)?;
    // un PID 1 detenido (SIGSTOP) no oiría nada
    if signal != libc::SIGKILL {
        let _ = sys::pidfd_send_signal(alive.pidfd, libc::SIGCONT);
    }
    Ok(())
}
