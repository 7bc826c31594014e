//! Órdenes sobre los ajustes del kernel.

use super::{errno_of, quote};
use crate::kernel::Op;
use nix::errno::Errno;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// Poner unos ajustes del kernel y comprobar que se han quedado puestos.
pub struct SetSysctls(pub Vec<(String, String)>);

impl SetSysctls {
    pub fn one(name: impl Into<String>, value: impl Into<String>) -> SetSysctls {
        SetSysctls(vec![(name.into(), value.into())])
    }
}

impl Op for SetSysctls {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let all: Vec<String> = self.0.iter().map(|(n, v)| quote(&format!("{n}={v}"))).collect();
        format!("sysctl -qe {}", all.join(" "))
    }
    fn run(&self) -> Result<(), Errno> {
        self.0.iter().try_for_each(|(name, value)| set(name, value))
    }
    fn rehearse(&self) {}
}

// ANCHOR: set
fn set(name: &str, value: &str) -> Result<(), Errno> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        // un kernel sin IPv6 no tiene nada que ajustar
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && name.starts_with("net.ipv6.") => return Ok(()),
        other => other.map_err(|e| errno_of(&e))?,
    };
    (&file).write_all(value.as_bytes()).map_err(|e| errno_of(&e))?;
    // el kernel acepta algunos valores y se queda con otros: se lee lo que hay, de una vez
    let mut now = [0; 512];
    let read = file.read_at(&mut now, 0).map_err(|e| errno_of(&e))?;
    let now = String::from_utf8_lossy(&now[..read]);
    match now.split_whitespace().eq(value.split_whitespace()) {
        true => Ok(()),
        false => Err(Errno::EINVAL),
    }
}
// ANCHOR_END: set
