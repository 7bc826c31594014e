//! La carpeta de trabajo de un estudiante: sus ficheros y, aparte, la cuenta de sus intentos y pistas.

use super::catalog::{self, Lab};
use super::sheet::Sheet;
use super::values::Values;
use crate::data;
use crate::error::{Error, in_spanish};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

/// El fichero de la cuenta.
pub const STATE: &str = ".micropod-lab.json";

/// Lo que se recuerda de una carpeta.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub lab: String,
    #[serde(rename = "alumno")]
    pub student: String,
    #[serde(rename = "curso")]
    pub course: String,
    /// Segundos desde 1970.
    #[serde(rename = "empezado")]
    pub begun: u64,
    /// El plazo de un examen, en minutos.
    #[serde(rename = "minutos", default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Cuándo se hizo el paquete; solo va en él.
    #[serde(rename = "entregado", default, skip_serializing_if = "Option::is_none")]
    pub handed_in: Option<u64>,
    /// Tarea → la pista más alta que se ha pedido.
    #[serde(rename = "pistas", default)]
    pub hints: BTreeMap<u32, usize>,
    #[serde(rename = "intentos", default)]
    pub attempts: Vec<Attempt>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    #[serde(rename = "cuando")]
    pub when: u64,
    #[serde(rename = "puntos")]
    pub points: f64,
    /// Los criterios que no se cumplieron.
    #[serde(rename = "fallos")]
    pub failed: Vec<String>,
}

impl State {
    /// La tarea en la que está: la del primer criterio que falló la última vez, o la primera de todas.
    pub fn stuck_on(&self, sheet: &Sheet) -> u32 {
        let failed = self.attempts.last().map_or(&[][..], |attempt| &attempt.failed);
        let stuck = sheet.criteria.iter().find(|c| failed.contains(&c.id));
        stuck.or(sheet.criteria.first()).map_or(0, |c| c.task)
    }
}

/// Una carpeta de trabajo.
#[derive(Clone, Debug)]
pub struct Folder {
    pub dir: PathBuf,
    pub lab: Lab,
    pub state: State,
}

impl Folder {
    /// La del laboratorio `wanted`, o la del directorio actual si no se dice. Desde la carpeta de otro, vale
    /// también la que está a su lado.
    pub fn find(wanted: Option<&str>) -> Result<Folder, Error> {
        Folder::find_from(Path::new("."), wanted)
    }

    fn find_from(base: &Path, wanted: Option<&str>) -> Result<Folder, Error> {
        let here = Folder::open(base);
        let Some(wanted) = wanted else {
            return here.map_err(|_| {
                Error::usage("este directorio no es la carpeta de un laboratorio")
                    .with_hint("entra en ella, o añade el número del laboratorio")
            });
        };
        let lab = catalog::find(wanted)?;
        let (beside, go_up) = match here {
            Ok(folder) if folder.lab.name == lab.name => return Ok(folder),
            Ok(_) => (Some(base.join("..").join(&lab.name)), "cd .. && "),
            Err(_) => (None, ""),
        };
        let places = [Some(base.join(&lab.name)), beside];
        places.into_iter().flatten().find_map(|dir| Folder::open(&dir).ok()).ok_or_else(|| {
            Error::failed(format!("aquí no está la carpeta del laboratorio, {}", lab.name)).with_hint(format!(
                "si no lo has empezado, `{go_up}micropod lab empieza {}`; si está en otro sitio, entra en ella",
                lab.number
            ))
        })
    }

    pub fn open(dir: &Path) -> Result<Folder, Error> {
        let broken =
            |why: String| Error::failed(format!("no se entiende {}", dir.join(STATE).display())).because(why);
        let text = read_plain(&dir.join(STATE)).map_err(broken)?;
        let state: State = data::read(text.as_bytes()).map_err(|e| broken(e.to_string()))?;
        let lab = catalog::find(&state.lab)?;
        let dir = dir.canonicalize().map_err(|e| broken(in_spanish(e.to_string())))?;
        Ok(Folder { dir, lab, state })
    }

    pub fn values(&self) -> Values {
        let choices = self.lab.blank_sheet().values;
        Values::of(&self.state.student, &self.lab.name, &self.state.course, &choices)
    }

    pub fn save(&self) -> Result<(), Error> {
        let text = data::pretty(&self.state) + "\n";
        write_plain(&self.dir, STATE, text.as_bytes())
    }

    /// Escribe los ficheros de partida y el enunciado; los que ya están no se tocan, salvo con `again`.
    pub fn write_start(&self, again: bool) -> Result<Vec<String>, Error> {
        let values = self.values();
        let mut files = super::exam::start_files(&self.lab, &values);
        files.insert("enunciado.md".into(), self.lab.statement(&values));
        let mut written = Vec::new();
        for (name, text) in files {
            if again || !self.dir.join(&name).exists() {
                write_plain(&self.dir, &name, text.as_bytes())?;
                written.push(name);
            }
        }
        Ok(written)
    }
}

/// Lee un fichero corriente y no muy grande, sin seguir enlaces.
pub fn read_plain(path: &Path) -> Result<String, String> {
    let say = |e: std::io::Error| in_spanish(e.to_string());
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(say)?;
    let about = file.metadata().map_err(say)?;
    if !about.is_file() || about.len() > super::hand_in::MAX_FILE {
        return Err("no es un fichero corriente, o es demasiado grande".into());
    }
    std::io::read_to_string(file).map_err(|_| "no es texto".to_string())
}

/// Escribe `name` en `dir` sin seguir enlaces, y lo deja a nombre del dueño de la carpeta.
pub fn write_plain(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = dir.join(name);
    let failed = |e: std::io::Error| {
        Error::failed(format!("no se pudo escribir {}", path.display())).because(in_spanish(e.to_string()))
    };
    let mut above = dir.to_path_buf();
    for part in Path::new(name).parent().into_iter().flat_map(Path::components) {
        if let Component::Normal(part) = part {
            above.push(part);
            if !above.is_dir() {
                fs::create_dir(&above).map_err(failed)?;
                hand_over(&above);
            }
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(libc::O_NOFOLLOW);
    options.open(&path).and_then(|mut file| file.write_all(bytes)).map_err(failed)?;
    hand_over(&path);
    Ok(())
}

/// Deja `path` a nombre del dueño de la carpeta en que está: quien usa `sudo` quiere poder leerlo y editarlo
/// después.
pub fn hand_over(path: &Path) {
    if let Some(owner) = path.parent().and_then(|dir| fs::metadata(dir).ok()) {
        // sin ser root no hace falta, y no se puede
        let _ = std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Quién está trabajando, si no lo dice: quien usó `sudo`, o el usuario.
pub fn who() -> Option<String> {
    let known = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    known.map(|name| name.trim().to_string()).find(|name| !name.is_empty())
}

/// El directorio `path`, nuevo, a nombre de quien usó `sudo`.
pub fn make_dir(path: &Path) -> Result<(), Error> {
    let failed = |e: std::io::Error| {
        Error::failed(format!("no se pudo crear {}", path.display())).because(in_spanish(e.to_string()))
    };
    fs::create_dir(path).map_err(failed)?;
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    if let (Some(uid), Some(gid)) = (number("SUDO_UID"), number("SUDO_GID")) {
        // sin ser root, la carpeta ya es suya
        let _ = std::os::unix::fs::lchown(path, Some(uid), Some(gid));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desde_la_carpeta_de_un_laboratorio_vale_la_de_otro_que_este_a_su_lado() {
        let base = std::env::temp_dir().join(format!("micropod-carpetas-{}", std::process::id()));
        for name in ["01-primer-pod", "05-fecha"] {
            let dir = base.join(name);
            fs::create_dir_all(&dir).unwrap();
            let state = State { lab: name.into(), ..State::default() };
            Folder { dir, lab: catalog::find(name).unwrap(), state }.save().unwrap();
        }
        let found = |from: &str, wanted| Folder::find_from(&base.join(from), wanted).map(|f| f.lab.number);
        let hint = |from, wanted| found(from, Some(wanted)).unwrap_err().to_string();
        assert_eq!(found("", Some("5")).unwrap(), 5);
        assert_eq!(found("05-fecha", None).unwrap(), 5);
        assert_eq!(found("05-fecha", Some("5")).unwrap(), 5);
        assert_eq!(found("05-fecha", Some("1")).unwrap(), 1, "la de al lado");
        // la que no está, ni aquí ni al lado: se empieza fuera de la de ahora
        assert!(
            hint("05-fecha", "6").contains("`cd .. && micropod lab empieza 6`"),
            "{}",
            hint("05-fecha", "6")
        );
        assert!(hint("", "6").contains("`micropod lab empieza 6`"), "{}", hint("", "6"));
        fs::remove_dir_all(&base).unwrap();
    }
}
