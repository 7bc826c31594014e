//! Capítulo 11 · Las recetas: qué lleva una imagen, escrito en RON.
//!
//! Una receta es un `Dockerfile` sin órdenes sueltas: dice de dónde sale el árbol (paquetes de
//! Debian, o nada), qué se le añade y con qué valores queda la imagen. Se lee y se valida entera
//! antes de tocar nada.

use super::ImageConfig;
use crate::error::{Error, spanish};
use crate::spec::ron;
use crate::texts;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Las recetas que van dentro del programa (`images/`).
pub const SHIPPED: [&str; 3] = ["busybox", "nginx", "php-fpm"];

/// La receta que va dentro del programa con ese nombre.
pub fn shipped(name: &str) -> Option<String> {
    SHIPPED.contains(&name).then(|| texts::one(&format!("{name}.ron")))
}

// ANCHOR: recipe
/// Una imagen, descrita: `Image(name: "nginx", from: Debian(packages: […]), …)`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename = "Image", rename_all = "camelCase", deny_unknown_fields)]
pub struct Recipe {
    /// Nombre que tendrá la imagen, salvo que `--name` diga otro.
    pub name: String,
    /// De dónde sale el árbol.
    pub from: From,
    /// Lo que no se extrae de los paquetes: rutas absolutas, con todo lo que cuelgue de ellas. En
    /// cada trozo cabe un `*`.
    #[serde(default)]
    pub exclude: Vec<String>,
    #[serde(default)]
    pub directories: Vec<Directory>,
    /// Cuentas de `/etc/passwd`, cada una con un grupo de su mismo nombre. root está siempre.
    #[serde(default)]
    pub users: Vec<User>,
    #[serde(default)]
    pub files: Vec<FileSpec>,
    /// Enlaces simbólicos.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Comandos que se ejecutan al final, dentro de la raíz, sin red y sin `/proc`.
    #[serde(default)]
    pub run: Vec<Vec<String>>,
    #[serde(default)]
    pub entrypoint: Vec<String>,
    #[serde(default)]
    pub cmd: Vec<String>,
    #[serde(default)]
    pub env: Vec<Variable>,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub working_dir: String,
    #[serde(default)]
    pub stop_signal: String,
}
// ANCHOR_END: recipe

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum From {
    /// Paquetes de Debian y todo lo que necesitan, extraídos sin configurar.
    Debian { packages: Vec<String> },
    /// Nada: un árbol vacío.
    Scratch,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    pub path: String,
    #[serde(default = "directory_mode")]
    pub mode: u32,
    #[serde(default)]
    pub uid: u32,
    #[serde(default)]
    pub gid: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    #[serde(default = "no_home")]
    pub home: String,
    #[serde(default = "no_shell")]
    pub shell: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    pub path: String,
    /// El texto del fichero…
    #[serde(default)]
    pub content: Option<String>,
    /// …o el fichero del que se copia, relativo a la receta.
    #[serde(default)]
    pub source: Option<String>,
    #[serde(default = "file_mode")]
    pub mode: u32,
    #[serde(default)]
    pub uid: u32,
    #[serde(default)]
    pub gid: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub path: String,
    /// Adónde lleva. Si su último trozo tiene `*`, vale por el único nombre que encaje: así una
    /// receta no depende de la versión de un paquete.
    pub target: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    pub value: String,
}

fn directory_mode() -> u32 {
    0o755
}

fn file_mode() -> u32 {
    0o644
}

fn no_home() -> String {
    "/nonexistent".to_string()
}

fn no_shell() -> String {
    "/usr/sbin/nologin".to_string()
}

/// Una receta leída y validada, y el directorio al que son relativas sus rutas.
pub(super) struct Loaded {
    pub(super) recipe: Recipe,
    pub(super) base: PathBuf,
}

/// Lee la receta `path`. Si no existe y es el nombre de una que va en el programa, vale esa.
pub(super) fn load(path: &Path) -> Result<Loaded, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => match path.to_str().and_then(shipped) {
            Some(text) => text,
            None => return Err(unreadable(path, e)),
        },
    };
    let recipe = parse(&path.display().to_string(), &text)?;
    Ok(Loaded { recipe, base: path.parent().map(Path::to_path_buf).unwrap_or_default() })
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    let cause = match e.raw_os_error() {
        Some(errno) => spanish(Errno::from_raw(errno)),
        None => "no es un fichero de texto en UTF-8",
    };
    Error::usage(format!("no se pudo leer la receta {}: {cause}", path.display()))
        .with_hint(format!("las recetas que trae el programa se piden por su nombre: {}", SHIPPED.join(", ")))
}

pub(super) fn parse(file: &str, text: &str) -> Result<Recipe, Error> {
    if text.trim().is_empty() {
        return Err(Error::usage(format!("{file}: la receta está vacía")));
    }
    let recipe: Recipe = ron::read(text)
        .map_err(|wrong| Error::Usage { problem: format!("{file}:{wrong}"), hint: wrong.hint })?;
    recipe
        .check()
        .map_err(|(field, why)| Error::Usage { problem: format!("{file}: {field}: {why}"), hint: None })?;
    Ok(recipe)
}

/// Qué campo está mal y por qué.
type Problem = (String, String);

impl Recipe {
    /// Lo que los tipos no pueden decir.
    fn check(&self) -> Result<(), Problem> {
        if let From::Debian { packages } = &self.from {
            if packages.is_empty() {
                return Err(("from.packages".into(), "hace falta al menos un paquete".into()));
            }
            for (i, package) in packages.iter().enumerate() {
                check(is_package(package), "from.packages", i, package, "no es un nombre de paquete")?;
            }
        }
        for (i, path) in self.exclude.iter().enumerate() {
            check(is_path(path), "exclude", i, path, "debe ser una ruta absoluta sin «..»")?;
        }
        for (i, d) in self.directories.iter().enumerate() {
            check(is_path(&d.path), "directories", i, &d.path, "debe ser una ruta absoluta sin «..»")?;
            check(d.mode <= 0o7777, "directories", i, &d.path, "el modo pasa de 0o7777")?;
        }
        for (i, user) in self.users.iter().enumerate() {
            check(
                user.is_valid(),
                "users",
                i,
                &user.name,
                "nombre, home o shell tienen un carácter que no cabe",
            )?;
        }
        for (i, f) in self.files.iter().enumerate() {
            check(is_path(&f.path), "files", i, &f.path, "debe ser una ruta absoluta sin «..»")?;
            check(f.mode <= 0o7777, "files", i, &f.path, "el modo pasa de 0o7777")?;
            let one = f.content.is_some() != f.source.is_some();
            check(one, "files", i, &f.path, "indica exactamente uno: content o source")?;
        }
        for (i, link) in self.links.iter().enumerate() {
            check(is_path(&link.path), "links", i, &link.path, "debe ser una ruta absoluta sin «..»")?;
            check(!link.target.is_empty(), "links", i, &link.path, "target está vacío")?;
            let stars = link.target.matches('*').count();
            let in_name = !link.target.rsplit_once('/').is_some_and(|(dir, _)| dir.contains('*'));
            check(stars < 2 && in_name, "links", i, &link.target, "solo cabe un * y en el último trozo")?;
        }
        for (i, command) in self.run.iter().enumerate() {
            let absolute = command.first().is_some_and(|program| program.starts_with('/'));
            check(absolute, "run", i, &command.join(" "), "el programa debe ser una ruta absoluta")?;
        }
        let signal = is_signal(&self.stop_signal);
        check(signal, "stopSignal", 0, &self.stop_signal, "no es una señal: SIGTERM, SIGQUIT…")?;
        self.config().check().map_err(|e| ("env".to_string(), e.to_string()))
    }

    /// Los valores de fábrica de la imagen.
    pub(super) fn config(&self) -> ImageConfig {
        let mut env: Vec<String> = self.env.iter().map(|v| format!("{}={}", v.name, v.value)).collect();
        if !self.env.iter().any(|v| v.name == "PATH") {
            env.insert(0, super::DEFAULT_PATH.to_string());
        }
        ImageConfig {
            entrypoint: self.entrypoint.clone(),
            cmd: self.cmd.clone(),
            env,
            user: self.user.clone(),
            working_dir: self.working_dir.clone(),
            stop_signal: self.stop_signal.clone(),
        }
    }
}

impl User {
    fn is_valid(&self) -> bool {
        let clean = |text: &str| !text.contains([':', '\n', '\0']);
        !self.name.is_empty()
            && [&self.name, &self.home, &self.shell].into_iter().all(|text| clean(text))
            && self.uid != u32::MAX
            && self.gid != u32::MAX
    }
}

fn check(fine: bool, list: &str, index: usize, value: &str, why: &str) -> Result<(), Problem> {
    if fine {
        return Ok(());
    }
    Err((format!("{list}[{index}]"), format!("«{}»: {why}", value.escape_debug())))
}

/// Va a la línea de órdenes de otro programa: que no pueda pasar por una opción.
fn is_package(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
}

fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() > 1
        && !path.contains('\0')
        && path.split('/').all(|part| part != "..")
}

fn is_signal(text: &str) -> bool {
    text.is_empty()
        || text.parse::<Signal>().is_ok()
        || format!("SIG{text}").parse::<Signal>().is_ok()
        || text.parse().is_ok_and(|number: i32| (1..=64).contains(&number))
}
