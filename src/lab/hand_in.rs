//! Lo que se entrega: qué ficheros de la carpeta cuentan, y cómo viajan.

use super::catalog::Lab;
use super::folder::{self, Folder, STATE};
use super::sheet::Sheet;
use crate::data;
use crate::error::{Error, in_spanish};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Lo que puede ocupar un fichero, y cuántos puede haber.
pub const MAX_FILE: u64 = 256 << 10;
pub const MAX_FILES: usize = 100;

/// Ruta dentro de la carpeta → contenido.
pub type Files = BTreeMap<String, String>;

/// Los ficheros de `dir` que se entregan. Lo que no es un fichero corriente (un enlace, una tubería)
/// no cuenta: es como si no estuviera.
pub fn collect(dir: &Path, sheet: &Sheet) -> Files {
    let mut files = Files::new();
    gather(dir, Path::new(""), sheet, &mut files);
    files
}

fn gather(dir: &Path, inner: &Path, sheet: &Sheet, files: &mut Files) {
    for entry in fs::read_dir(dir.join(inner)).into_iter().flatten().flatten() {
        let path = inner.join(entry.file_name());
        let Ok(about) = entry.path().symlink_metadata() else { continue };
        if about.is_dir() && path.components().count() <= 4 {
            gather(dir, &path, sheet, files);
        } else if about.is_file()
            && about.len() <= MAX_FILE
            && files.len() < MAX_FILES
            && Lab::is_handed_in(sheet, &path)
        {
            let Ok(text) = folder::read_plain(&entry.path()) else { continue };
            files.insert(path.to_string_lossy().into_owned(), text);
        }
    }
}

/// Escribe en `dir` lo entregado. Los nombres ya se han mirado: ninguno sale de él.
pub fn lay_out(files: &Files, dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    for (name, bytes) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// El paquete que se entrega: la carpeta, con su cuenta, en un tar comprimido. Devuelve su ruta.
pub fn pack(folder: &Folder) -> Result<PathBuf, Error> {
    let sheet = folder.lab.blank_sheet();
    let mut files = collect(&folder.dir, &sheet);
    if files.is_empty() {
        let wanted = sheet.files.join(", ");
        return Err(Error::failed("no hay nada que entregar").with_hint(format!("se entrega: {wanted}")));
    }
    let mut state = folder.state.clone();
    state.handed_in = Some(crate::state::unix_millis() / 1000);
    files.insert(STATE.into(), data::pretty(&state));
    let safe = |c: char| if c.is_alphanumeric() || ".-_@".contains(c) { c } else { '_' };
    let who: String = folder.state.student.chars().map(safe).collect();
    let package = format!("{}-{who}.tar.gz", folder.lab.code());
    let path = folder.dir.join(&package);
    let failed = |e: std::io::Error| {
        Error::failed(format!("no se pudo escribir {}", path.display())).because(in_spanish(e.to_string()))
    };
    let zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut tar = tar::Builder::new(zip);
    for (name, bytes) in &files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_bytes()).map_err(failed)?;
    }
    let bytes = tar.into_inner().and_then(|zip| zip.finish()).map_err(failed)?;
    folder::write_plain(&folder.dir, &package, &bytes)?;
    Ok(path)
}

/// Lo que hay en un paquete. De él solo salen ficheros corrientes, con nombres que no suben.
pub fn unpack(path: &Path) -> Result<Files, String> {
    let file = fs::File::open(path).map_err(|e| in_spanish(e.to_string()))?;
    let say = |e: std::io::Error| match e.raw_os_error() {
        Some(_) => in_spanish(e.to_string()),
        // quien desempaqueta lo dice en inglés, y a quien enseña le da igual en qué byte
        None => "no es un paquete de `micropod lab entrega`, o le falta un trozo: pídelo otra vez".into(),
    };
    // ni un paquete que se infla sin fin llena la memoria
    let limit = MAX_FILE * MAX_FILES as u64;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file).take(limit));
    let mut files = Files::new();
    for entry in tar.entries().map_err(say)? {
        let mut entry = entry.map_err(say)?;
        let name = entry.path().map_err(say)?.into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !entry.header().entry_type().is_file() || !plain || entry.size() > MAX_FILE {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(format!("tiene más de {MAX_FILES} ficheros"));
        }
        let mut text = String::new();
        // lo que no es texto no es de ningún laboratorio
        if entry.read_to_string(&mut text).is_ok() {
            files.insert(name.to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_un_paquete_cortado_o_que_no_lo_es_se_dice_en_espanol_que_se_pida_otra_vez() {
        let dir = std::env::temp_dir().join(format!("micropod-paquete-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("L01-ana.tar.gz");
        let zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut tar = tar::Builder::new(zip);
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        tar.append_data(&mut header, "a.ron", &b"hoy"[..]).unwrap();
        let whole = tar.into_inner().unwrap().finish().unwrap();
        fs::write(&path, &whole).unwrap();
        assert_eq!(unpack(&path).unwrap()["a.ron"], "hoy");
        for broken in [&whole[..whole.len() / 2], b"basura", b""] {
            fs::write(&path, broken).unwrap();
            let why = unpack(&path).unwrap_err();
            assert!(why.contains("pídelo otra vez"), "{why}");
        }
        let missing = unpack(&dir.join("no-esta")).unwrap_err();
        assert!(missing.contains("no existe el fichero"), "{missing}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
