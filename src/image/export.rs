//! De una imagen a un directorio OCI, para llevarla a otra máquina: lo contrario de `import`.
//!
//! Una sola capa, con la raíz entera. El índice se escribe lo último: mientras no está, no hay imagen.

use super::hashed::Hashed;
use super::inroot::io_problem;
use super::{Image, ImageConfig, oci};
use crate::data;
use crate::error::Error;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Lo que se está escribiendo, aún sin nombre.
const UNFINISHED: &str = "capa.parte";

/// Escribe `image` en `dir`. Si ya estaba entera, no hace nada y dice que no.
pub fn export(image: &Image, dir: &Path) -> Result<bool, Error> {
    let done = is_exported(image, dir);
    if !done {
        write(image, dir)
            .map_err(|e| {
                io_problem(&format!("no se pudo escribir la imagen {} en {}", image.name, dir.display()), e)
            })
            // lo escrito a medias no sirve a nadie
            .inspect_err(|_| drop(fs::remove_dir_all(dir)))?;
    }
    Ok(!done)
}

/// ¿Está ahí esta misma imagen? El índice dice cuándo se creó.
fn is_exported(image: &Image, dir: &Path) -> bool {
    let index = fs::read(dir.join("index.json")).ok().and_then(|bytes| data::read::<Value>(&bytes).ok());
    index.is_some_and(|index| index["annotations"]["micropod.creada"] == json!(image.created.to_string()))
}

fn write(image: &Image, dir: &Path) -> io::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir.join("blobs/sha256"))?;
    let (layer, diff_id) = write_layer(&image.root, dir)?;
    let platform = json!({"architecture": oci::architecture(), "os": "linux"});
    let config = json!({
        "architecture": platform["architecture"], "os": "linux", "config": defaults(&image.config),
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{diff_id}")]},
    });
    let config = write_blob(dir, &config, "application/vnd.oci.image.config.v1+json")?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer],
    });
    let mut manifest = write_blob(dir, &manifest, "application/vnd.oci.image.manifest.v1+json")?;
    manifest["platform"] = platform;
    let index = json!({
        "schemaVersion": 2, "manifests": [manifest],
        "annotations": {"micropod.creada": image.created.to_string()},
    });
    put(&dir.join("oci-layout"), &data::bytes(&json!({"imageLayoutVersion": "1.0.0"})))?;
    put(&dir.join("index.json"), &data::bytes(&index))
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Los valores de fábrica, como los escribe OCI.
fn defaults(config: &ImageConfig) -> Value {
    let ImageConfig { entrypoint, cmd, env, user, working_dir, stop_signal } = config;
    json!({
        "Entrypoint": entrypoint, "Cmd": cmd, "Env": env, "User": user,
        "WorkingDir": working_dir, "StopSignal": stop_signal,
    })
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size})
}

fn write_blob(dir: &Path, value: &Value, media_type: &str) -> io::Result<Value> {
    let bytes = data::bytes(value);
    let digest = format!("{:x}", Sha256::digest(&bytes));
    put(&dir.join("blobs/sha256").join(&digest), &bytes)?;
    Ok(descriptor(media_type, &digest, bytes.len() as u64))
}

/// La raíz entera en un tar comprimido. Devuelve su descriptor y el resumen del tar sin comprimir.
fn write_layer(root: &Path, dir: &Path) -> io::Result<(Value, String)> {
    let unfinished = dir.join(UNFINISHED);
    let file = Hashed::new(BufWriter::new(File::create(&unfinished)?));
    let plain = Hashed::new(GzEncoder::new(file, Compression::fast()));
    let mut tar = tar::Builder::new(plain);
    tar.follow_symlinks(false);
    tar.append_dir_all("", root)?;
    let (gzip, diff_id, _) = tar.into_inner()?.finish();
    let (file, digest, size) = gzip.finish()?.finish();
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&unfinished, dir.join("blobs/sha256").join(&digest))?;
    Ok((descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &digest, size), diff_id))
}
