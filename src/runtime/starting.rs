//! Arrancar un demonio para un contenedor, y lo que se pone en su camino: una imagen vacía y un guion en el
//! lugar de runc.

use super::Kind;
use super::bundle::Bundle;
use super::tool::{PATIENCE, text};
use crate::error::{StepError, exit};
use crate::kernel::ops::{Place, errno_of, quote_path};
use crate::kernel::program::{self, Background, DIRECTORIES, Program};
use crate::kernel::{Kernel, Op};
use crate::process::{ContainerPlan, DEFAULT_PATH, MountPlan};
use crate::{rootfs, state};
use nix::errno::Errno;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// La imagen vacía de la que docker cree hacer el contenedor.
pub const EMPTY: &str = "vacia";

// ANCHOR: daemon
/// Mirar si un programa está: el demonio lo diría por los errores del contenedor, con otras palabras.
pub fn find_program(k: &mut Kernel, find: FindProgram) -> Result<(), StepError> {
    let name = find.name;
    k.step("mirar si su programa está en la imagen", find).map_err(|error| match error.errno() {
        Errno::EACCES => {
            let hint = format!("`{name}` no se puede ejecutar: revisa sus permisos");
            error.exit_code(exit::NOT_EXECUTABLE).hint(hint)
        }
        _ => {
            error.exit_code(exit::NOT_FOUND).hint(format!("`{name}` no está en la imagen: revisa `command`"))
        }
    })
}

pub struct FindProgram<'a> {
    pub root: &'a Place,
    pub plan: &'a ContainerPlan,
    pub name: &'a str,
    /// Lo que aún no está montado: lo que haya ahí no se mira, se da por bueno.
    pub unseen: &'a [MountPlan],
}

impl Op for FindProgram<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "stat(2)"
    }
    fn shell(&self) -> String {
        format!("test -x {}", quote_path(&rootfs::mount_point().join(self.name)))
    }
    fn run(&self) -> Result<(), Errno> {
        let (plan, name) = (self.plan, self.name);
        let path = plan.env.iter().find_map(|e| e.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        let dirs: Vec<&str> = if name.contains('/') { vec![&plan.cwd] } else { path.split(':').collect() };
        let mut why = Errno::ENOENT;
        for candidate in dirs.into_iter().map(|dir| Path::new(dir).join(name)) {
            if self.unseen.iter().any(|mount| candidate.starts_with(&mount.target)) {
                return Ok(());
            }
            let Ok(stat) = self.root.stat(&candidate.to_string_lossy()) else { continue };
            if stat.st_mode & libc::S_IFMT == libc::S_IFREG && stat.st_mode & 0o111 != 0 {
                return Ok(());
            }
            why = Errno::EACCES;
        }
        Err(why)
    }
    fn rehearse(&self) {}
}

/// Arrancar un demonio para este contenedor.
pub struct StartDaemon<'a> {
    pub engine: Kind,
    pub bundle: &'a Bundle,
}

impl StartDaemon<'_> {
    pub fn program(&self) -> &'static str {
        if self.engine == Kind::Docker { "dockerd" } else { "containerd" }
    }

    fn options(&self) -> [String; 2] {
        let option = if self.engine == Kind::Docker { "--config-file" } else { "--config" };
        [option.into(), text(&conf(self.bundle))]
    }

    /// Por delante, el guion: containerd busca a `runc` por su nombre.
    fn path(&self) -> String {
        format!("{}:{}", self.bundle.dir.display(), DIRECTORIES.join(":"))
    }
}

impl Op for StartDaemon<'_> {
    /// `None` en un ensayo.
    type Output = Option<Background>;
    fn syscall(&self) -> &'static str {
        if self.engine == Kind::Docker { "dockerd(8)" } else { "containerd(8)" }
    }
    fn shell(&self) -> String {
        let (path, [option, conf]) = (self.path(), self.options());
        let (program, socket) = (self.program(), quote_path(&socket(self.bundle)));
        format!("PATH={path} {program} {option} {conf} & while [ ! -S {socket} ]; do sleep 0.1; done")
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let io = |e: std::io::Error| errno_of(&e);
        let program = program::find(self.program()).ok_or(Errno::ENOENT)?;
        let program = Program::new(&program, PATIENCE).map_err(io)?.die_with_us();
        let program = program.variable("PATH", self.path()).options(self.options());
        let mut daemon = program.background(b"").map_err(io)?;
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(socket(self.bundle)).is_err() {
            if daemon.poll().map_err(io)?.is_some() {
                return Err(Errno::EREMOTEIO);
            }
            if Instant::now() > deadline {
                return Err(Errno::ETIMEDOUT);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(daemon))
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
}

/// El guion que hace de runc.
const SCRIPT: &str = r#"#!/bin/sh
# Quien llama aquí cree llamar a runc. Lo que ha escrito se cambia por lo de micropod.
set -e
caja=${0%/*} bundle='' proceso='' apunta='' antes=''
for palabra; do
    case $antes in
    --bundle) bundle=$palabra ;;
    --process) proceso=$palabra ;;
    --pid-file) apunta=$palabra ;;
    esac
    antes=$palabra
done
case " $* " in
*' create '*)
    cp "$caja/config.json" "$bundle/config.json"
    @RUNC@ "$@"
    cp "$apunta" "$caja/pid"
    exit ;;
*' start '*)
    # su programa no empieza hasta que el testigo ha devuelto a la raíz sus atributos
    n=0
    until [ -e "$caja/listo" ]; do
        [ "$n" -lt 3000 ] || exit 1
        n=$((n + 1))
        sleep 0.01
    done ;;
*' exec '*)
    n=$(sed -n 's/.*MICROPOD_EXEC=\([0-9]*\).*/\1/p' "$proceso")
    [ -z "$n" ] || mv "$caja/exec-$n" "$proceso" ;;
esac
exec @RUNC@ "$@"
"#;

pub fn script_text() -> String {
    SCRIPT.replace("@RUNC@", &quote_path(&Kind::Runc.path()))
}
// ANCHOR_END: daemon

/// Donde se citan el demonio y su cliente: fuera del bundle, porque la ruta de un socket ha de caber en 108
/// letras.
pub fn meeting(bundle: &Bundle) -> PathBuf {
    let (uid, container) = bundle.id.split_once('.').unwrap_or((&bundle.id, ""));
    state::data_dir(uid).join(format!("{container}.cita"))
}

pub fn socket(bundle: &Bundle) -> PathBuf {
    meeting(bundle).join("s")
}

pub fn conf(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("demonio.conf")
}

pub fn script(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("runc")
}

/// Está cuando el contenedor puede empezar.
pub fn ready(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("listo")
}
