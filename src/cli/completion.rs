//! `micropod completion`: el autocompletado de una shell. Los guiones los escribió `build.rs`.

use crate::error::Error;
use crate::texts;
use std::io::Write;

pub fn print(shell: &str) -> Result<(), Error> {
    let script = texts::all().remove(&format!("completado/{shell}")).ok_or_else(|| {
        Error::usage(format!("no hay autocompletado para «{shell}»")).with_hint("bash, zsh o fish")
    })?;
    // quien cierra la tubería ya ha leído lo que quería
    let _ = std::io::stdout().write_all(script.as_bytes());
    Ok(())
}
