//! Capítulo 11 · Imágenes sin registro: de dónde sale la raíz de un contenedor.
//!
//! Una imagen son dos cosas: un árbol de ficheros (la raíz que verá el contenedor) y unos valores
//! de fábrica (qué programa se ejecuta si nadie dice otra cosa). Aquí no hay nada más, ni hace falta
//! un servidor:
//!
//! ```text
//! /var/lib/micropod/images/nginx/rootfs/       la raíz: la capa inferior del overlay
//!                               /config.json   entrypoint, cmd, env, user…, tamaño y fecha
//!                         /.nuevo-…/           lo que alguien está preparando ahora mismo
//!                         /.viejo-…/           lo que se está borrando
//! ```
//!
//! Orden de lectura: [`name`] (cómo se llaman), [`store`] (dónde viven), [`inroot`] (cómo se toca
//! una ruta hostil sin salir de la raíz), [`tarball`] y [`unpack`] (de un tar a un árbol),
//! [`bundle`], [`oci`] e [`import`] (de un fichero a una imagen), [`recipe`], [`debian`] y [`mod@build`] (de una receta a una imagen).
//!
//! Nada de esto construye un Pod, así que no pasa por `Kernel::step`.

mod build;
mod bundle;
mod debian;
mod export;
mod hashed;
mod import;
pub mod inroot;
pub mod name;
mod oci;
pub mod recipe;
mod store;
mod tarball;
mod unpack;
mod untrusted;

#[cfg(test)]
mod tests;

pub use build::build;
pub use export::export;
pub use import::import;
pub use name::Name;
pub use store::{Store, human_size};
pub use untrusted::{unpack_layers, walk};

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// La imagen que siempre está: la raíz de la propia máquina.
pub const HOST: &str = "host";

/// Dónde se buscan los programas si la imagen no lo dice.
pub const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Una imagen lista para usar.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    pub name: String,
    /// La raíz: la capa inferior del overlay de sus contenedores.
    pub root: PathBuf,
    pub config: ImageConfig,
    /// Milisegundos desde 1970.
    pub created: u64,
    /// Bytes de sus ficheros.
    pub size: u64,
}

// ANCHOR: config
/// Los valores de fábrica de una imagen: lo que vale si el Pod no dice otra cosa.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ImageConfig {
    /// El programa y sus argumentos fijos.
    pub entrypoint: Vec<String>,
    /// Los argumentos que se pueden sustituir.
    pub cmd: Vec<String>,
    /// `CLAVE=valor`, en orden.
    pub env: Vec<String>,
    /// `usuario`, `uid`, `usuario:grupo` o `uid:gid`; vacío: root.
    pub user: String,
    /// Directorio de trabajo; vacío: la raíz.
    pub working_dir: String,
    /// `SIGQUIT`, `QUIT` o `3`; vacío: SIGTERM.
    pub stop_signal: String,
}
// ANCHOR_END: config

impl ImageConfig {
    /// Un NUL cortaría en silencio un argumento o una variable; y una variable sin `=` no lo es.
    fn check(&self) -> Result<(), Error> {
        let fields = [&self.user, &self.working_dir, &self.stop_signal];
        let mut texts = self.entrypoint.iter().chain(&self.cmd).chain(&self.env).chain(fields);
        if texts.any(|text| text.contains('\0')) {
            return Err(Error::failed("los valores de la imagen contienen un carácter NUL"));
        }
        match self.env.iter().find(|variable| variable.find('=').unwrap_or(0) == 0) {
            Some(bad) => {
                Err(Error::failed(format!("«{}» no es una variable de entorno", bad.escape_debug())))
            }
            None => Ok(()),
        }
    }
}

/// ¿Nombra la raíz de la propia máquina?
pub fn is_host(name: &str) -> bool {
    Name::parse(name).is_ok_and(|name| name.is_host())
}

/// La imagen local `name`, o un error que dice cuáles hay y cómo crear la que falta.
pub fn find(name: &str) -> Result<Image, Error> {
    Store::local().find(name)
}

/// Las imágenes locales, por nombre. `host` no aparece: no ocupa sitio ni se puede borrar.
pub fn list() -> Vec<Image> {
    Store::local().list()
}

/// Borra la imagen `name`, si ningún Pod la está usando.
pub fn remove(name: &str) -> Result<(), Error> {
    Store::local().remove(&Name::parse(name)?)
}
