//! Pruebas de las imágenes. Escriben como root, y solo debajo de un directorio temporal.

mod evil;
mod formats;
mod layers;
mod recipes;

use super::unpack::Limits;
use super::{Image, Store};
use crate::error::Error;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Un directorio temporal con un almacén y, al lado, una víctima que nadie debe tocar.
pub(super) struct Ground {
    pub(super) dir: PathBuf,
    pub(super) store: Store,
}

impl Ground {
    /// `None` si no somos root: no se podría ni poner dueño a un fichero.
    pub(super) fn new() -> Option<Ground> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            println!("omitido: hace falta ser root");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("micropod-imagen-{}-{number}", std::process::id()));
        fs::create_dir_all(dir.join("victima/dir")).unwrap();
        fs::write(dir.join("victima/secreto"), "intacto").unwrap();
        fs::set_permissions(dir.join("victima/secreto"), fs::Permissions::from_mode(0o600)).unwrap();
        Some(Ground { store: Store::at(&dir.join("store")), dir })
    }

    pub(super) fn victim(&self) -> String {
        self.dir.join("victima").to_str().unwrap().to_string()
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn import(&self, bytes: &[u8]) -> Result<Image, Error> {
        let path = self.file("entrada", bytes);
        self.store.import("prueba", &path)
    }

    pub(super) fn import_within(&self, bytes: &[u8], limits: Limits) -> Result<Image, Error> {
        let path = self.file("entrada", bytes);
        self.store.import_within("prueba", &path, limits)
    }

    /// Cómo está la víctima: nombres, modos, dueños, enlaces y contenidos.
    pub(super) fn victim_state(&self) -> Vec<String> {
        let mut state = Vec::new();
        let mut pending = vec![self.dir.join("victima")];
        while let Some(path) = pending.pop() {
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            // el número de enlaces delata un enlace duro hecho desde fuera
            let (mode, owner, links) = (meta.mode(), (meta.uid(), meta.gid()), meta.nlink());
            state.push(format!(
                "{} {mode:o} {owner:?} {links} {:?} {content}",
                path.display(),
                meta.modified().unwrap()
            ));
            if meta.is_dir() {
                pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        state.sort();
        state
    }

    /// Lo que hay en el almacén, contando lo escondido.
    pub(super) fn stored(&self) -> Vec<String> {
        let mut names = crate::state::names_in(&self.dir.join("store"));
        names.sort();
        names
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Una entrada de tar tal cual: ninguna biblioteca escribiría estas.
#[derive(Clone)]
pub(super) struct Raw {
    name: Vec<u8>,
    kind: u8,
    link: Vec<u8>,
    data: Vec<u8>,
    mode: u32,
    uid: u64,
    size: Option<u64>,
    mtime: u64,
    pax: Vec<(String, Vec<u8>)>,
}

fn raw(kind: u8, name: &str) -> Raw {
    let (name, link, data, pax) = (name.as_bytes().to_vec(), Vec::new(), Vec::new(), Vec::new());
    Raw { name, kind, link, data, mode: 0o644, uid: 0, size: None, mtime: 1_600_000_000, pax }
}

pub(super) fn file(name: &str, text: &str) -> Raw {
    Raw { data: text.as_bytes().to_vec(), ..raw(b'0', name) }
}

pub(super) fn dir(name: &str) -> Raw {
    Raw { mode: 0o755, ..raw(b'5', name) }
}

pub(super) fn symlink(name: &str, to: &str) -> Raw {
    Raw { link: to.as_bytes().to_vec(), ..raw(b'2', name) }
}

pub(super) fn hard_link(name: &str, to: &str) -> Raw {
    Raw { link: to.as_bytes().to_vec(), ..raw(b'1', name) }
}

pub(super) fn other(kind: u8, name: &str) -> Raw {
    raw(kind, name)
}

impl Raw {
    pub(super) fn mode(self, mode: u32) -> Raw {
        Raw { mode, ..self }
    }

    pub(super) fn uid(self, uid: u64) -> Raw {
        Raw { uid, ..self }
    }

    pub(super) fn claims(self, size: u64) -> Raw {
        Raw { size: Some(size), ..self }
    }

    pub(super) fn pax(mut self, key: &str, value: &[u8]) -> Raw {
        self.pax.push((key.to_string(), value.to_vec()));
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.pax.is_empty() {
            let records = self.pax.iter().flat_map(|(key, value)| pax_record(key, value)).collect();
            Raw { data: records, ..raw(b'x', "pax") }.write(out);
        }
        if self.name.len() > 100 {
            Raw { data: [&self.name[..], b"\0"].concat(), ..raw(b'L', "largo") }.write(out);
        }
        if self.link.len() > 100 {
            Raw { data: [&self.link[..], b"\0"].concat(), ..raw(b'K', "largo") }.write(out);
        }
        let mut block = [0u8; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, &number(self.uid, 8));
        put(116, &number(0, 8));
        put(124, &number(self.size.unwrap_or(self.data.len() as u64), 12));
        put(136, &number(self.mtime, 12));
        put(156, &[self.kind]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(148, b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(&self.data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

/// En octal si cabe; si no, en binario, como hace GNU.
fn number(value: u64, width: usize) -> Vec<u8> {
    let octal = format!("{value:0width$o}", width = width - 1);
    if octal.len() < width {
        return octal.into_bytes();
    }
    let mut bytes = vec![0; width];
    let digits = value.to_be_bytes();
    let length = width.min(8);
    bytes[width - length..].copy_from_slice(&digits[8 - length..]);
    bytes[0] |= 0x80;
    bytes
}

fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
    let mut length = body.len() + 1;
    while length.to_string().len() + body.len() != length {
        length += 1;
    }
    [length.to_string().as_bytes(), &body].concat()
}

pub(super) fn tar_of(entries: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut bytes));
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// La configuración de una imagen hecha de estas capas.
pub(super) fn config_json(layers: &[Vec<u8>]) -> String {
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", sha256(layer))).collect();
    serde_json::json!({
        "architecture": if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" },
        "os": "linux",
        "config": {
            "Entrypoint": ["/bin/programa"], "Cmd": null, "Env": ["A=1", "B=2=3"], "User": "nobody",
            "WorkingDir": "/srv", "StopSignal": "SIGQUIT", "Labels": {"algo": "más"},
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string()
}

/// Lo que escribe `docker save` de una imagen con estas capas.
pub(super) fn docker_archive(layers: &[Vec<u8>]) -> Vec<u8> {
    docker_archive_with(layers, <[u8]>::to_vec)
}

/// Lo mismo, con cada capa pasada por `pack`.
pub(super) fn docker_archive_with(layers: &[Vec<u8>], pack: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|i| format!("{i}/layer.tar")).collect();
    let mut entries: Vec<Raw> =
        names.iter().zip(layers).map(|(name, layer)| Raw { data: pack(layer), ..file(name, "") }).collect();
    let config = config_json(layers);
    let config_name = format!("{}.json", sha256(config.as_bytes()));
    let manifest =
        serde_json::json!([{"Config": config_name, "RepoTags": ["prueba:latest"], "Layers": names}]);
    entries.push(file(&config_name, &config));
    entries.push(file("manifest.json", &manifest.to_string()));
    tar_of(&entries)
}

pub(super) fn read(image: &Image, path: &str) -> Option<String> {
    fs::read_to_string(image.root.join(path)).ok()
}

/// Las rutas de una imagen, en orden.
pub(super) fn paths(root: &Path) -> Vec<String> {
    let (mut found, mut pending) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_string());
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
