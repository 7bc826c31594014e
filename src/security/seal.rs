//! El ejecutable de micropod, a salvo de los contenedores.
//!
//! El proceso que se convierte en el programa de un contenedor es, hasta ese instante, micropod. Un
//! guion que empiece por `#!/proc/self/exe` hace que el kernel ejecute micropod *dentro*, y por
//! `/proc/PID/exe` se llega entonces al fichero de verdad, el del anfitrión: root podría reescribirlo,
//! y la próxima vez que alguien lo ejecutara, mandaría fuera (CVE-2019-5736). Por eso quien va a crear
//! contenedores se ejecuta antes desde un montaje en solo lectura de sí mismo, que nadie más ve.

use crate::error::{Error, spanish};
use crate::kernel::{Op, sys};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::statvfs::{FsFlags, statvfs};
use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

const OWN: &str = "/proc/self/exe";

/// ¿Está el ejecutable donde no se puede escribir?
fn is_sealed() -> Result<bool, Errno> {
    Ok(statvfs(OWN)?.flags().contains(FsFlags::ST_RDONLY))
}

// ANCHOR: seal
/// Vuelve a ejecutar este mismo programa, con los mismos argumentos, desde un montaje en solo lectura.
/// Si ya está en uno, sigue.
pub fn seal() -> Result<(), Error> {
    reexecute_sealed().map_err(|errno| {
        Error::failed(
            "no se pudo poner a salvo el ejecutable de micropod, que un contenedor podría reescribir",
        )
        .because(spanish(errno))
        .with_hint("micropod necesita Linux 5.14 o posterior y CAP_SYS_ADMIN: mira `micropod doctor`")
    })
}

fn reexecute_sealed() -> Result<(), Errno> {
    if !is_sealed()? {
        let copy = sys::clone_mount(c"/proc/self/exe")?;
        sys::mount_setattr(copy.as_fd(), false, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID, 0)?;
        let strings = |all: Vec<Vec<u8>>| all.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
        // ni los argumentos ni el entorno de un proceso llevan NUL
        let arguments = strings(std::env::args_os().map(OsStringExt::into_vec).collect());
        let environment = strings(
            std::env::vars_os()
                .map(|(name, value)| [name.into_vec(), value.into_vec()].join(&b'='))
                .collect(),
        );
        let (arguments, environment) =
            (arguments.map_err(|_| Errno::EINVAL)?, environment.map_err(|_| Errno::EINVAL)?);
        nix::unistd::execveat(copy.as_fd(), c"", &arguments, &environment, AtFlags::AT_EMPTY_PATH)?;
    }
    // quien se ejecuta por un descriptor se queda con un número por nombre
    sys::set_process_name(c"micropod");
    Ok(())
}
// ANCHOR_END: seal

/// Comprobar que el ejecutable está a salvo, antes de que nazca nadie dentro.
pub struct CheckSealed;

impl Op for CheckSealed {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "statfs(2)"
    }
    fn shell(&self) -> String {
        ": findmnt -no OPTIONS -T /proc/self/exe".into()
    }
    fn run(&self) -> Result<(), Errno> {
        match is_sealed()? {
            true => Ok(()),
            false => Err(Errno::EPERM),
        }
    }
    fn rehearse(&self) {}
}
