//! Lo corregido de una clase: `resultados.json`, junto a las entregas. Se guarda tras cada una, y por eso se
//! puede dejar a medias y seguir otro día.

use super::folder::{self, STATE, State};
use super::grade::Grade;
use super::hand_in::{self, Files};
use crate::data;
use crate::error::{Error, in_spanish};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// El fichero de los resultados.
pub const RESULTS: &str = "resultados.json";

/// Una entrega, corregida.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// La huella de lo entregado: si cambia, se corrige otra vez.
    #[serde(rename = "huella")]
    pub digest: String,
    /// La de sus ficheros sin la cuenta: dos iguales son la misma respuesta.
    #[serde(rename = "huella_de_la_respuesta")]
    pub answer: String,
    #[serde(rename = "estado")]
    pub state: State,
    #[serde(rename = "correccion")]
    pub grade: Grade,
}

/// Nombre del paquete → su corrección.
pub type Results = BTreeMap<String, Marked>;

/// Lo que ya se ha corregido en `dir`.
pub fn load(dir: &Path) -> Result<Results, Error> {
    let path = dir.join(RESULTS);
    let unreadable = |why: String, hint: String| {
        Error::failed(format!("no se puede leer {}", path.display())).because(why).with_hint(hint)
    };
    let again = || "apártalo y vuelve a corregir".to_string();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) => {
            let hint = match e.kind() {
                std::io::ErrorKind::NotFound => return Ok(Results::new()),
                std::io::ErrorKind::PermissionDenied => {
                    format!("sudo micropod lab informe {}", dir.display())
                }
                _ => again(),
            };
            return Err(unreadable(in_spanish(e.to_string()), hint));
        }
    };
    data::read(text.as_bytes()).map_err(|e| unreadable(e.to_string(), again()))
}

pub fn save(dir: &Path, results: &Results) -> Result<(), Error> {
    let (path, text) = (dir.join(RESULTS), data::pretty(results));
    crate::state::replace_file(&path, text.as_bytes()).map_err(|e| {
        Error::failed(format!("no se pudo guardar en {}", dir.display())).because(in_spanish(e.to_string()))
    })?;
    folder::hand_over(&path);
    Ok(())
}

/// Una entrega sin corregir.
pub struct Submission {
    pub name: String,
    pub state: State,
    pub files: Files,
    pub digest: String,
    pub answer: String,
}

/// Los paquetes que hay en `dir`, por su nombre.
pub fn packages(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(|e| {
        Error::usage(format!("no se puede leer {}", dir.display())).with_hint(in_spanish(e.to_string()))
    })?;
    let mut all: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    all.retain(|path| path.is_file() && path.to_string_lossy().ends_with(".tar.gz"));
    all.sort();
    Ok(all)
}

/// Abre un paquete.
pub fn open(path: &Path) -> Result<Submission, String> {
    let mut files = hand_in::unpack(path)?;
    let digest = digest(&files);
    let state =
        files.remove(STATE).ok_or_else(|| format!("le falta {STATE}: no lo hizo `micropod lab entrega`"))?;
    let state: State = data::read(state.as_bytes()).map_err(|e| format!("no se entiende su {STATE}: {e}"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let answer = self::digest(&files);
    Ok(Submission { name, state, files, digest, answer })
}

fn digest(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (name, text) in files {
        hash.update(format!("{name}\0{}\0{text}", text.len()));
    }
    format!("{:x}", hash.finalize())
}

/// Las respuestas idénticas de estudiantes distintos: no es un veredicto, es para mirarlas.
pub fn alike(results: &Results) -> Vec<Vec<&str>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for marked in results.values() {
        let key = (marked.state.lab.as_str(), marked.answer.as_str());
        groups.entry(key).or_default().push(&marked.state.student);
    }
    let mut alike: Vec<Vec<&str>> = groups.into_values().collect();
    alike.iter_mut().for_each(|students| {
        students.sort_unstable();
        students.dedup();
    });
    alike.retain(|students| students.len() > 1);
    alike
}
