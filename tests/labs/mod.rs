//! Probar a los correctores más que a los estudiantes: la solución, otra, ninguna, las malas y mutantes.
//!
//! Lo usan `tests/host_labs.rs` (una muestra, en `make test`) y `tools/labs` (todo, en `make labs`).

#![allow(dead_code)] // cada uno usa solo una parte

pub mod mutants;

use micropod::lab::catalog::Lab;
use micropod::lab::folder::{STATE, State};
use micropod::lab::values::{self, Values};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Con qué se prueba un laboratorio: `labs/NN-nombre/pruebas.ron`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofs {
    pub inicio: Start,
    pub malas: Vec<Wrong>,
    /// Mutantes que valen lo mismo que la solución, y por qué.
    pub equivalentes: Vec<Equivalent>,
}

/// Los ficheros de partida, sin tocar.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    pub como_mucho: f64,
    pub falla: String,
    #[serde(default)]
    pub concepto: Option<String>,
}

/// Una respuesta mala: la solución, con cambios. Cada uno es (fichero, antes, después).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    pub nombre: String,
    pub falla: String,
    pub concepto: String,
    pub cambia: Vec<(String, String, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    pub mutante: String,
    pub razon: String,
}

pub type Files = BTreeMap<String, String>;

/// Un laboratorio y dónde están sus respuestas.
pub struct Case {
    pub lab: Lab,
    pub proofs: Proofs,
    pub values: Values,
    home: PathBuf,
}

/// El estudiante de las pruebas.
const STUDENT: &str = "ana.ruiz";

impl Case {
    pub fn open(project: &Path, lab: Lab) -> Case {
        let home = project.join("labs").join(&lab.name);
        let text =
            fs::read_to_string(home.join("pruebas.ron")).unwrap_or_else(|e| panic!("{}: {e}", lab.name));
        let proofs =
            ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let proofs = proofs.from_str(&text).unwrap_or_else(|e| panic!("{}/pruebas.ron: {e}", lab.name));
        let values = Values::of(STUDENT, &lab.name, "", &lab.blank_sheet().values).with_tokens();
        Case { lab, proofs, values, home }
    }

    /// Los ficheros de una respuesta (`solucion`, `otra-solucion`), con los valores del estudiante.
    pub fn answer(&self, name: &str) -> Files {
        let mut files = Files::new();
        read_all(&self.home.join(name), Path::new(""), &mut files);
        assert!(!files.is_empty(), "{}: no hay {name}", self.lab.name);
        files.into_iter().map(|(path, text)| (path, values::fill(&text, &self.values))).collect()
    }

    pub fn start(&self) -> Files {
        micropod::lab::exam::start_files(&self.lab, &self.values)
    }

    /// La solución con los cambios de una mala. Cada uno tiene que encontrar lo suyo.
    pub fn wrong(&self, wrong: &Wrong) -> Files {
        let mut files = self.answer("solucion");
        for (file, before, after) in &wrong.cambia {
            let (before, after) = (values::fill(before, &self.values), values::fill(after, &self.values));
            let text = files.get_mut(file).unwrap_or_else(|| panic!("{}: no hay {file}", wrong.nombre));
            assert!(text.contains(&before), "{}, «{}»: no está «{before}»", self.lab.name, wrong.nombre);
            *text = text.replace(&before, &after);
        }
        files
    }

    /// Deja en `dir` la carpeta de un estudiante con esos ficheros.
    pub fn lay_out(&self, dir: &Path, files: &Files) {
        // la de la respuesta anterior
        let _ = fs::remove_dir_all(dir);
        fs::create_dir_all(dir).unwrap();
        let state = State { lab: self.lab.name.clone(), student: STUDENT.into(), ..State::default() };
        fs::write(dir.join(STATE), serde_json::to_string(&state).unwrap()).unwrap();
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Cómo se corrige desde su carpeta, para una shell. De un examen solo se dice el porqué a quien enseña.
    pub fn script(&self, binary: &Path, files: &Files) -> String {
        let lab = format!("{} lab", binary.display());
        if !self.lab.blank_sheet().exam || files.is_empty() {
            return format!("exec {lab} comprueba -o json");
        }
        format!(
            "{lab} entrega >/dev/null && mkdir clase && mv *.tar.gz clase && {lab} corrige clase >&2; \
             cat clase/resultados.json"
        )
    }

    /// Lo que falta por decir: cuántas malas hay como poco, que nombren lo que está en la hoja, y que los
    /// mutantes que se dan por buenos existan.
    pub fn complaints(&self) -> Vec<String> {
        let sheet = self.lab.sheet(&self.values);
        let mut wrong = Vec::new();
        if self.proofs.malas.len() < 5 {
            wrong.push(format!("solo hay {} respuestas malas", self.proofs.malas.len()));
        }
        for bad in &self.proofs.malas {
            if !sheet.criteria.iter().any(|c| c.id == bad.falla) {
                wrong.push(format!("«{}» nombra el criterio {}, que no está", bad.nombre, bad.falla));
            }
            if !sheet.concepts.contains_key(&bad.concepto) {
                wrong.push(format!("«{}» nombra {}, que no está", bad.nombre, bad.concepto));
            }
        }
        for fault in sheet.faults.iter().flatten() {
            let change = (fault.file.clone(), fault.before.clone(), fault.after.clone());
            let fill = |text: &String| values::fill(text, &self.values);
            let same = |bad: &Wrong| match &bad.cambia[..] {
                [(file, before, after)] => (file.clone(), fill(before), fill(after)) == change,
                _ => false,
            };
            if !self.proofs.malas.iter().any(same) {
                wrong.push(format!("la avería {change:?} no es una de las respuestas malas"));
            }
        }
        let solution = self.answer("solucion");
        // lo que se estropea es lo que funcionaba
        let start = self.lab.start_files(&self.values);
        if sheet.exam && solution.iter().any(|(file, text)| start.get(file) != Some(text)) {
            wrong.push("lo de partida, sin averías, no es la solución".into());
        }
        let all = solution.iter().flat_map(|(file, text)| mutants::of(file, text));
        let names: BTreeSet<String> = all.map(|mutant| mutant.name).collect();
        for same in self.proofs.equivalentes.iter().filter(|same| !names.contains(&same.mutante)) {
            wrong.push(format!("se da por bueno el mutante «{}», que no existe", same.mutante));
        }
        wrong
    }
}

fn read_all(root: &Path, inner: &Path, files: &mut Files) {
    for entry in fs::read_dir(root.join(inner)).into_iter().flatten().flatten() {
        let path = inner.join(entry.file_name());
        if entry.path().is_dir() {
            read_all(root, &path, files);
        } else {
            files.insert(path.display().to_string(), fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Lo que dijo el corrector (`comprueba -o json`).
#[derive(Debug)]
pub struct Report(pub Value);

impl Report {
    pub fn read(text: &str) -> Option<Report> {
        let mut value: Value = serde_json::from_str(text).ok()?;
        if value.get("tests").is_some() {
            return Some(Report(value));
        }
        // lo que guarda quien enseña: una sola entrega
        let grade = value.as_object_mut()?.values_mut().next()?["correccion"].take();
        let grade: micropod::lab::grade::Grade = serde_json::from_value(grade).ok()?;
        Some(Report(micropod::lab::report::exercism(&grade, &BTreeMap::new())))
    }

    pub fn points(&self) -> f64 {
        self.0["puntos"].as_f64().unwrap()
    }

    /// El primer criterio que no se cumple, y la idea equivocada que se reconoce en él.
    pub fn failure(&self) -> Option<(String, Option<String>)> {
        let tests = self.0["tests"].as_array().unwrap();
        let failed = tests.iter().find(|t| t["status"] != "pass")?;
        let text = |value: &Value| value.as_str().map(String::from);
        Some((text(&failed["criterio"]).unwrap(), text(&failed["concepto"])))
    }

    /// ¿Falla ese criterio por esa idea?
    pub fn blames(&self, criterion: &str, concept: Option<&str>) -> bool {
        let tests = self.0["tests"].as_array().unwrap();
        tests.iter().any(|t| {
            t["criterio"] == criterion && t["status"] != "pass" && concept.is_none_or(|c| t["concepto"] == c)
        })
    }

    /// Por qué no se aceptó, para el mensaje de un test.
    pub fn story(&self) -> String {
        let tests = self.0["tests"].as_array().unwrap();
        let line =
            |t: &Value| format!("{} {} {} {}\n", t["criterio"], t["resultado"], t["concepto"], t["message"]);
        tests.iter().map(line).collect()
    }
}
