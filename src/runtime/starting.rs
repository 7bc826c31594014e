//! Arrancar un demonio para un contenedor, y lo que se pone en su camino: una imagen vacía y un guion en el
//! lugar de runc.

use super::Kind;
use super::bundle::Bundle;
use super::tool::{PATIENCE, text};
use crate::kernel::Op;
use crate::kernel::ops::{errno_of, quote_path};
use crate::kernel::program::{self, Background, DIRECTORIES, Program};
use crate::state;
use nix::errno::Errno;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// La imagen vacía de la que docker cree hacer el contenedor.
pub const EMPTY: &str = "vacia";

// ANCHOR: daemon
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
