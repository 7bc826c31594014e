//! Capítulo 11 · Los archivos de imágenes por dentro: qué capas, en qué orden y con qué valores.
//!
//! Hay dos maneras de escribirlo, y aquí se leen las dos:
//!
//! ```text
//! OCI     index.json → manifiesto → configuración y capas, todo en blobs/sha256/RESUMEN
//! Docker  manifest.json → configuración (NOMBRE.json) y capas (NOMBRE.tar)
//! ```
//!
//! Cada pieza se nombra por el resumen SHA-256 de su contenido: quien sabe el nombre puede comprobar
//! que nadie la ha cambiado. Se comprueban todas, y las capas dos veces: comprimidas y sin comprimir.

use super::ImageConfig;
use super::bundle::{Bundle, Piece};
use super::hashed::Hashed;
use super::inroot::io_problem;
use crate::data;
use crate::error::Error;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Seek};

/// Índices dentro de índices que se siguen.
const MAX_INDEXES: usize = 4;
/// Capas de una imagen: overlayfs admite unas 500, y Docker, 127.
const MAX_LAYERS: usize = 512;

/// Lo que hay que desempaquetar, y con qué valores de fábrica queda la imagen.
pub(super) struct Plan {
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<Layer>,
}

pub(super) struct Layer {
    /// La pieza del archivo.
    pub(super) name: String,
    /// Resumen de la pieza tal como está en el archivo, si se sabe.
    digest: Option<String>,
    /// Resumen de la capa descomprimida (`diff_id`).
    pub(super) diff_id: String,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// La configuración de una imagen, igual en los dos formatos.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    config: Option<Defaults>,
    rootfs: Option<RootFs>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Defaults {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    working_dir: Option<String>,
    stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

// ANCHOR: plan
/// Lee el archivo y decide qué imagen es. Si hay varias, la que se llame `wanted`.
pub(super) fn plan(bundle: &Bundle, wanted: &str) -> Result<Plan, Error> {
    if bundle.has("oci-layout") && bundle.has("index.json") {
        let index: Index = parse("index.json", &bundle.read("index.json")?)?;
        let manifest = choose(bundle, index.manifests, wanted, 0)?;
        return from_manifest(bundle, &manifest);
    }
    let images: Vec<DockerImage> = parse("manifest.json", &bundle.read("manifest.json")?)?;
    from_docker(bundle, only(images, wanted, |image| image.repo_tags.clone().unwrap_or_default())?)
}
// ANCHOR_END: plan

/// El manifiesto de la imagen para esta máquina, entre los que ofrece un índice.
fn choose(
    bundle: &Bundle,
    offered: Vec<Descriptor>,
    wanted: &str,
    depth: usize,
) -> Result<Descriptor, Error> {
    // los que no son de ninguna plataforma llevan firmas y procedencias, no imágenes
    let images: Vec<Descriptor> =
        offered.into_iter().filter(|d| d.platform.as_ref().is_none_or(|p| p.os != "unknown")).collect();
    let platforms: Vec<String> = images
        .iter()
        .filter_map(|d| d.platform.as_ref().map(|p| format!("{}/{}", p.os, p.architecture)))
        .collect();
    let fits = |p: &Platform| p.os == "linux" && p.architecture == architecture();
    let fitting: Vec<Descriptor> =
        images.into_iter().filter(|d| d.platform.as_ref().is_none_or(fits)).collect();
    if fitting.is_empty() && !platforms.is_empty() {
        return Err(wrong_platform(&platforms.join(", ")));
    }
    let chosen = only(fitting, wanted, Descriptor::names)?;
    if !chosen.media_type.contains("index") && !chosen.media_type.contains("manifest.list") {
        return Ok(chosen);
    }
    if depth == MAX_INDEXES {
        return Err(Error::failed("el archivo tiene demasiados índices, unos dentro de otros"));
    }
    let index: Index = parse("el índice", &verified(bundle, &chosen)?)?;
    choose(bundle, index.manifests, wanted, depth + 1)
}

impl Descriptor {
    fn names(&self) -> Vec<String> {
        let keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
        let annotations = self.annotations.iter().flatten();
        annotations.filter(|(key, _)| keys.contains(&key.as_str())).map(|(_, name)| name.clone()).collect()
    }

    /// La pieza que describe. El resumen se valida antes: forma parte de una ruta.
    fn blob(&self) -> Result<String, Error> {
        hexadecimal(&self.digest).map(|hex| format!("blobs/sha256/{hex}"))
    }
}

/// La única imagen, o la que se llame `wanted`.
fn only<T>(mut images: Vec<T>, wanted: &str, names: impl Fn(&T) -> Vec<String>) -> Result<T, Error> {
    let list: Vec<String> = images.iter().flat_map(&names).collect();
    if images.len() > 1 {
        images.retain(|image| names(image).iter().any(|name| is_called(name, wanted)));
    }
    let found = images.len();
    match images.pop() {
        Some(image) if found == 1 => Ok(image),
        None if list.is_empty() => Err(Error::failed("en el archivo no hay ninguna imagen")),
        _ => Err(Error::failed(format!("en el archivo hay varias imágenes y ninguna se llama «{wanted}»"))
            .because(format!("hay: {}", list.join(", ")))
            .with_hint("impórtala con el nombre que tiene ahí, o guarda en el archivo solo la que quieres")),
    }
}

/// ¿Es `name`, tal como lo escribe un registro, la imagen `wanted`?
fn is_called(name: &str, wanted: &str) -> bool {
    let plain = name.strip_suffix(":latest").unwrap_or(name);
    ["", "docker.io/library/", "docker.io/", "localhost/"]
        .iter()
        .any(|prefix| plain.strip_prefix(prefix).is_some_and(|rest| rest == wanted))
}

fn from_manifest(bundle: &Bundle, descriptor: &Descriptor) -> Result<Plan, Error> {
    let manifest: Manifest = parse("el manifiesto", &verified(bundle, descriptor)?)?;
    let (config, diff_ids) = configuration(&verified(bundle, &manifest.config)?)?;
    let layers = manifest.layers.iter().map(|layer| Ok((layer.blob()?, Some(layer.digest.clone()))));
    let plan = join(config, layers.collect::<Result<_, Error>>()?, diff_ids)?;
    for (layer, descriptor) in plan.layers.iter().zip(&manifest.layers) {
        check_size(&bundle.open(&layer.name)?, descriptor)?;
    }
    Ok(plan)
}

fn from_docker(bundle: &Bundle, image: DockerImage) -> Result<Plan, Error> {
    let bytes = bundle.read(&image.config)?;
    // RESUMEN.json o blobs/sha256/RESUMEN: si el nombre es un resumen, se comprueba
    let file = image.config.rsplit('/').next().unwrap_or_default();
    if let Ok(hex) = hexadecimal(&format!("sha256:{}", file.strip_suffix(".json").unwrap_or(file))) {
        check_digest("la configuración", &hex, &format!("{:x}", Sha256::digest(&bytes)))?;
    }
    let (config, diff_ids) = configuration(&bytes)?;
    join(config, image.layers.into_iter().map(|name| (name, None)).collect(), diff_ids)
}

fn join(
    config: ImageConfig,
    layers: Vec<(String, Option<String>)>,
    diff_ids: Vec<String>,
) -> Result<Plan, Error> {
    if layers.len() != diff_ids.len() || layers.len() > MAX_LAYERS {
        return Err(Error::failed(format!(
            "el archivo tiene {} capas y su configuración dice que son {}",
            layers.len(),
            diff_ids.len()
        )));
    }
    let layers = layers.into_iter().zip(diff_ids);
    Ok(Plan {
        config,
        layers: layers.map(|((name, digest), diff_id)| Layer { name, digest, diff_id }).collect(),
    })
}

/// Los valores de fábrica y los resúmenes de las capas, de la primera a la última.
fn configuration(bytes: &[u8]) -> Result<(ImageConfig, Vec<String>), Error> {
    let configuration: Configuration = parse("la configuración", bytes)?;
    let (os, arch) = (configuration.os, configuration.architecture);
    if !os.is_empty() && os != "linux" || !arch.is_empty() && arch != architecture() {
        return Err(wrong_platform(&format!("{os}/{arch}")));
    }
    let defaults = configuration.config.unwrap_or_default();
    let config = ImageConfig {
        entrypoint: defaults.entrypoint.unwrap_or_default(),
        cmd: defaults.cmd.unwrap_or_default(),
        env: defaults.env.unwrap_or_default(),
        user: defaults.user.unwrap_or_default(),
        working_dir: defaults.working_dir.unwrap_or_default(),
        stop_signal: defaults.stop_signal.unwrap_or_default(),
    };
    config.check()?;
    Ok((config, configuration.rootfs.map(|rootfs| rootfs.diff_ids).unwrap_or_default()))
}

// ANCHOR: verify
impl Layer {
    /// Comprueba que la pieza es la que dice su nombre, antes de mirar dentro.
    pub(super) fn check_piece(&self, piece: &mut Piece) -> Result<(), Error> {
        let Some(digest) = &self.digest else { return Ok(()) };
        let mut hashed = Hashed::new(&mut *piece);
        io::copy(&mut hashed, &mut io::sink()).map_err(|e| io_problem("no se pudo leer la capa", e))?;
        let (_, found, _) = hashed.finish();
        check_digest("la capa", &hexadecimal(digest)?, &found)?;
        piece.rewind().map_err(|e| io_problem("no se pudo leer la capa", e))
    }

    /// Comprueba el resumen de la capa descomprimida.
    pub(super) fn check_content(&self, found: &str) -> Result<(), Error> {
        check_digest("la capa descomprimida", &hexadecimal(&self.diff_id)?, found)
    }
}

/// El contenido de una pieza pequeña, si su tamaño y su resumen son los anunciados.
fn verified(bundle: &Bundle, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
    let name = descriptor.blob()?;
    check_size(&bundle.open(&name)?, descriptor)?;
    let bytes = bundle.read(&name)?;
    check_digest(&name, &hexadecimal(&descriptor.digest)?, &format!("{:x}", Sha256::digest(&bytes)))?;
    Ok(bytes)
}

fn check_size(piece: &Piece, descriptor: &Descriptor) -> Result<(), Error> {
    if piece.length == descriptor.size {
        return Ok(());
    }
    Err(broken("una pieza del archivo no mide lo que se anunció")
        .because(format!("mide {} bytes y debía medir {}", piece.length, descriptor.size)))
}

fn check_digest(what: &str, expected: &str, found: &str) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(broken(&format!("{what} no tiene el contenido que se anunció"))
        .because(format!("su SHA-256 es {found} y debía ser {expected}")))
}
// ANCHOR_END: verify

fn broken(problem: &str) -> Error {
    Error::failed(problem).with_hint("el archivo está estropeado o alguien lo ha cambiado: vuelve a copiarlo")
}

/// Las 64 cifras de `sha256:…`.
fn hexadecimal(digest: &str) -> Result<String, Error> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(hex.to_string());
    }
    Err(Error::failed(format!("«{}» no es un resumen SHA-256", digest.escape_debug())))
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    data::read(bytes)
        .map_err(|e| Error::failed(format!("no se entiende {what} del archivo de imágenes")).because(e))
}

fn wrong_platform(found: &str) -> Error {
    let own = architecture();
    Error::failed(format!("la imagen no es para esta máquina, que es linux/{own}"))
        .because(format!("es para {found}"))
        .with_hint(format!("descárgala para la tuya: `docker pull --platform linux/{own} …`"))
}

/// La arquitectura de esta máquina, con el nombre que usan las imágenes.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
