//! Las órdenes: cada una sabe hacerse y sabe escribirse para la shell.

mod cgroups;
mod data;
mod files;
mod mounts;
mod places;
mod processes;
mod sockets;
mod stdio;
mod sysctl;

pub use cgroups::*;
pub use data::*;
pub use files::*;
pub use mounts::*;
pub use places::*;
pub use processes::*;
pub use sockets::*;
pub use stdio::*;
pub use sysctl::*;

use std::path::Path;

/// Una ruta o un texto, escritos para la shell: entre comillas solo si hace falta.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,=@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Un texto ajeno, escrito para la shell: aquí un `$` es un `$` y no el principio de una variable.
pub fn literal(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,=@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Como [`quote`], para una ruta.
pub fn quote_path(path: &Path) -> String {
    quote(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_shell_lee_lo_mismo_que_se_quiso_escribir() {
        for text in ["hola", "", "a b", "it's", "$HOME", "~", "a;b", "tab\tlínea\n", "'", "*", "=x", "`ls`"]
        {
            let out = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("printf %s {}", quote(text))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stdout), text);
        }
    }
}
