//! Órdenes sobre los ficheros de los volúmenes de datos, que pueden guardar secretos.

use super::{errno_of, literal, quote_path};
use crate::kernel::Op;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, fchown};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// Crear un fichero, que no debe existir, con esos bytes y exactamente esos permisos.
pub struct WriteData<'a> {
    pub path: PathBuf,
    pub content: &'a [u8],
    pub mode: u32,
    /// Lo que se escribe no se enseña.
    pub secret: bool,
}

/// Con esta línea acaba el guion de un hijo: dentro de un texto lo cortaría.
const END_OF_SCRIPT: &str = "FIN";

impl Op for WriteData<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let path = quote_path(&self.path);
        let text = std::str::from_utf8(self.content).ok();
        let text = text.filter(|t| !t.contains('\0') && t.lines().all(|line| line != END_OF_SCRIPT));
        let write = match text {
            _ if self.secret => "printf %s '(oculto)'".to_string(),
            Some(text) => format!("printf %s {}", literal(text)),
            None => format!("echo {} | base64 -d", crate::spec::base64::encode(self.content)),
        };
        format!("{write} > {path}\nchmod {:04o} {path}", self.mode)
    }
    fn run(&self) -> Result<(), Errno> {
        let io = |e: std::io::Error| errno_of(&e);
        // 0600 hasta que esté entero: nadie lo lee a medias, ni con permisos que no son los suyos
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)
            .map_err(io)?;
        file.write_all(self.content).map_err(io)?;
        fchmod(&file, Mode::from_bits_truncate(self.mode))
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        self.secret.then_some("lo que guarda un Secret no se enseña: ponlo tú")
    }
}

/// Dar a un fichero o directorio un grupo y unos permisos.
pub struct SetGroup {
    pub path: PathBuf,
    pub group: u32,
    pub mode: u32,
}

impl Op for SetGroup {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "fchown(2)"
    }
    fn shell(&self) -> String {
        let path = quote_path(&self.path);
        format!("chgrp {} {path}\nchmod {:04o} {path}", self.group, self.mode)
    }
    fn run(&self) -> Result<(), Errno> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)
            .map_err(|e| errno_of(&e))?;
        fchown(&file, None, Some(Gid::from_raw(self.group)))?;
        // después: cambiar de grupo puede llevarse el setgid
        file.set_permissions(fs::Permissions::from_mode(self.mode)).map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) {}
}

/// Cambiar de nombre; si ya había otro así, lo sustituye de golpe.
pub struct Rename {
    pub from: PathBuf,
    pub to: PathBuf,
}

impl Op for Rename {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "rename(2)"
    }
    fn shell(&self) -> String {
        format!("mv -T {} {}", quote_path(&self.from), quote_path(&self.to))
    }
    fn run(&self) -> Result<(), Errno> {
        nix::fcntl::renameat(AT_FDCWD, &self.from, AT_FDCWD, &self.to)
    }
    fn rehearse(&self) {}
}

/// Borrar un fichero o un enlace.
pub struct RemoveFile(pub PathBuf);

impl Op for RemoveFile {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "unlink(2)"
    }
    fn shell(&self) -> String {
        format!("rm -f {}", quote_path(&self.0))
    }
    fn run(&self) -> Result<(), Errno> {
        fs::remove_file(&self.0).map_err(|e| errno_of(&e))
    }
    fn rehearse(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_shell_escribe_los_mismos_bytes_y_de_un_secreto_ninguno() {
        let path = std::env::temp_dir().join(format!("micropod-escribe-{}", std::process::id()));
        for content in ["".as_bytes(), b"$HOME ~ %s", b"a\nFIN\nb", "ñ'\n".as_bytes(), b"\x00\xff", b"-n"] {
            let op = WriteData { path: path.clone(), content, mode: 0o640, secret: false };
            assert!(!op.shell().lines().any(|line| line == END_OF_SCRIPT), "{}", op.shell());
            let done = std::process::Command::new("/bin/sh").args(["-c", &op.shell()]).status().unwrap();
            assert!(done.success());
            assert_eq!(fs::read(&path).unwrap(), content, "{}", op.shell());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
            fs::remove_file(&path).unwrap();
            op.run().unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
            assert_eq!(op.run(), Err(Errno::EEXIST), "nunca pisa lo que hay");
            fs::remove_file(&path).unwrap();
        }
        for content in [&b"hunter2"[..], b"hunter2\xff"] {
            let op = WriteData { path: path.clone(), content, mode: 0o640, secret: true };
            assert!(!op.shell().contains("hunter2") && !op.shell().contains("base64"), "{}", op.shell());
            assert!(op.caveat().is_some());
        }
    }
}
