//! La hoja de un laboratorio, `lab.ron`: qué se entrega, qué se mira y qué se dice de cada error.
//!
//! Los criterios son datos. Cada uno es una lista de pasos ([`Step`]) que miran al kernel y a la red;
//! ninguno lee el texto de la respuesta.

use super::step::Step;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Un laboratorio, con los valores de un estudiante ya puestos en su sitio.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    #[serde(rename = "titulo")]
    pub title: String,
    /// El capítulo del libro al que acompaña.
    #[serde(rename = "capitulo")]
    pub chapter: u8,
    #[serde(rename = "minutos")]
    pub minutes: u32,
    /// Los ficheros que se entregan; si acaba en `/`, un directorio con lo que tenga.
    #[serde(rename = "entrega")]
    pub files: Vec<String>,
    #[serde(rename = "necesita", default)]
    pub needs: Needs,
    /// Los que cambian de un estudiante a otro: nombre → entre qué se elige.
    #[serde(rename = "valores", default)]
    pub values: BTreeMap<String, Choice>,
    /// Los Pods que se levantan para mirar.
    #[serde(rename = "ensayos")]
    pub trials: BTreeMap<String, Trial>,
    #[serde(rename = "criterios")]
    pub criteria: Vec<Criterion>,
    /// Las ideas equivocadas que se reconocen, por su código.
    #[serde(rename = "conceptos")]
    pub concepts: BTreeMap<String, Concept>,
    /// Tarea → tres pistas: orientación, herramienta y casi la solución.
    #[serde(rename = "pistas")]
    pub hints: BTreeMap<u32, (String, String, String)>,
    /// Es un examen: sin pistas ni diagnósticos, y a cada cual le tocan unas averías.
    #[serde(rename = "examen", default)]
    pub exam: bool,
    /// Averías que se le hacen a los ficheros de partida: de cada grupo, una.
    #[serde(rename = "averias", default)]
    pub faults: Vec<Vec<Fault>>,
}

/// Lo que hace falta en la máquina.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    #[serde(rename = "imagenes")]
    pub images: Vec<String>,
    /// Controladores de cgroup v2.
    #[serde(rename = "cgroup")]
    pub controllers: Vec<String>,
    /// Un compilador de Rust.
    pub rustc: bool,
    /// Órdenes que ha de tener una imagen: (imagen, orden).
    #[serde(rename = "ordenes")]
    pub commands: Vec<(String, String)>,
    /// Espacios de usuario sin ser root, para los que construyen a mano.
    #[serde(rename = "espacios_de_usuario")]
    pub user_namespaces: bool,
}

/// De dónde sale un valor.
#[derive(Clone, Debug, Deserialize)]
pub enum Choice {
    /// Un número entre dos, los dos incluidos.
    #[serde(rename = "Entre")]
    Between(u32, u32),
    #[serde(rename = "Una")]
    OneOf(Vec<String>),
}

/// Un cambio en un fichero de partida.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(rename = "fichero")]
    pub file: String,
    #[serde(rename = "antes")]
    pub before: String,
    #[serde(rename = "despues")]
    pub after: String,
}

/// Un Pod que se levanta para mirar.
#[derive(Clone, Debug, Deserialize)]
pub enum Trial {
    /// El de un fichero entregado: se admite lo que admite `--policy lab`.
    #[serde(rename = "Entregado")]
    HandedIn(String),
    /// Uno nuestro, que usa lo entregado (en `entrega/`) y lo compilado (en `programa/`).
    #[serde(rename = "Corrector")]
    Ours {
        #[serde(rename = "pod")]
        pod: String,
        /// El fichero de Rust que se compila antes.
        #[serde(rename = "compila", default)]
        compile: Option<String>,
    },
}

/// Algo que se puntúa.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    pub id: String,
    /// La tarea del enunciado a la que pertenece.
    #[serde(rename = "tarea")]
    pub task: u32,
    #[serde(rename = "puntos")]
    pub points: f64,
    #[serde(rename = "titulo")]
    pub title: String,
    /// Los que han de cumplirse antes: si no, ni se mira.
    #[serde(rename = "tras", default)]
    pub after: Vec<String>,
    #[serde(rename = "ensayo")]
    pub trial: String,
    /// Lo que se hace y se mira, en orden.
    #[serde(rename = "pasos")]
    pub steps: Vec<Step>,
    /// Si falla, la primera idea equivocada cuyos síntomas se vean todos.
    #[serde(rename = "si_falla", default)]
    pub symptoms: Vec<Symptom>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symptom {
    /// Vacía: siempre.
    #[serde(rename = "cuando", default)]
    pub when: Vec<Step>,
    #[serde(rename = "concepto")]
    pub concept: String,
}

/// Una idea equivocada: lo que se le dice a quien la tiene, y dónde se explica.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    #[serde(rename = "di")]
    pub says: String,
    #[serde(rename = "capitulo")]
    pub chapter: u8,
}

impl Sheet {
    /// La puntuación más alta: diez, si la hoja está bien escrita.
    pub fn top(&self) -> f64 {
        self.criteria.iter().map(|c| c.points).sum()
    }

    /// Lo que no cuadra dentro de la hoja. Vacío si está bien.
    pub fn faults_in(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if (self.top() - 10.0).abs() > 1e-9 {
            wrong.push(format!("los puntos suman {}, y no 10", self.top()));
        }
        let mut known: Vec<&str> = Vec::new();
        for c in &self.criteria {
            let id = &c.id;
            if known.contains(&id.as_str()) {
                wrong.push(format!("el criterio {id} está dos veces"));
            }
            let later = c.after.iter().filter(|a| !known.contains(&a.as_str()));
            wrong.extend(later.map(|a| format!("el criterio {id} va tras {a}, que no está antes")));
            if !self.trials.contains_key(&c.trial) {
                wrong.push(format!("el criterio {id} mira el ensayo {}, que no existe", c.trial));
            }
            if !self.exam && !self.hints.contains_key(&c.task) {
                wrong.push(format!("la tarea {} no tiene pistas", c.task));
            }
            let unknown = c.symptoms.iter().filter(|s| !self.concepts.contains_key(&s.concept));
            wrong.extend(unknown.map(|s| format!("el criterio {id} nombra {}, que no está", s.concept)));
            known.push(id);
        }
        let used =
            |code: &String| self.criteria.iter().any(|c| c.symptoms.iter().any(|s| s.concept == *code));
        wrong.extend(self.concepts.keys().filter(|c| !used(c)).map(|c| format!("nadie diagnostica {c}")));
        wrong
    }
}
