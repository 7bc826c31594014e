//! Qué se hace con un campo de Kubernetes que micropod no tiene: nunca callárselo.

use super::choices::VALIDATIONS;
use super::structure::Finding;
use std::ops::Range;

/// Qué pasa con lo que no se va a hacer (`--validate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Es un error.
    #[default]
    Strict,
    /// Se dice, y se sigue sin ello.
    Warn,
}

impl Validation {
    pub fn from_name(name: &str) -> Option<Validation> {
        let all = [Validation::Strict, Validation::Warn];
        all.into_iter().zip(VALIDATIONS).find(|(_, n)| *n == name).map(|(validation, _)| validation)
    }
}

/// Lo que impide un hallazgo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// No se puede seguir.
    #[default]
    Fatal,
    /// Un campo que micropod no hace, o que no existe: se puede seguir sin él si se pide.
    Unsupported,
    /// Un campo que en una sola máquina no significa nada.
    Neutral,
    /// Falta un campo, y hay uno mal escrito que quería ser ese: es lo mismo, salvo que se siga sin el otro.
    Implied,
}

/// Los campos que hablan del clúster (en qué nodo, con qué cuenta, con qué prioridad), o que los escribe
/// él: aquí no hay nada que hacer con ellos. Cada uno, con el tipo en el que está.
const NEUTRAL: &[(&str, &[&str])] = &[
    (
        "PodSpec",
        &[
            "automountServiceAccountToken",
            "enableServiceLinks",
            "imagePullSecrets",
            "nodeName",
            "nodeSelector",
            "preemptionPolicy",
            "priority",
            "priorityClassName",
            "schedulerName",
            "serviceAccount",
            "serviceAccountName",
            "tolerations",
            "topologySpreadConstraints",
        ],
    ),
    (
        "ObjectMeta",
        &["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"],
    ),
    ("Pod", &["status"]),
    ("ReplicaSet", &["status"]),
    ("Job", &["status"]),
    ("CronJob", &["status"]),
];

/// Los campos del tipo `kind` que no significan nada en una sola máquina.
pub fn neutral(kind: &str) -> &'static [&'static str] {
    NEUTRAL.iter().find(|(k, _)| *k == kind).map_or(&[], |(_, fields)| fields)
}

/// Lo que se dice de los que se aceptan.
pub fn accepted(names: &[String]) -> String {
    let (mean, accept) =
        if names.len() == 1 { ("no significa", "se acepta") } else { ("no significan", "se aceptan") };
    format!("en una sola máquina {mean} nada, y {accept} sin hacer nada: {}", names.join(", "))
}

/// Lo hallado en un fichero, repartido: lo que es un error y lo que basta con decir.
#[derive(Default)]
pub struct Sifted {
    pub errors: Vec<Finding>,
    /// Una línea por cosa que decir.
    pub notes: Vec<String>,
    /// Las claves de los campos de los que se prescinde.
    pub dropped: Vec<Range<usize>>,
}

pub fn sift(file: &str, text: &str, found: Vec<Finding>, validation: Validation) -> Sifted {
    let mut sifted = Sifted::default();
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let title = if file.is_empty() { String::new() } else { format!("aviso: {file}: ") };
    let mut neutral = Vec::new();
    for finding in found {
        match (finding.weight, validation) {
            (Weight::Fatal, _)
            | (Weight::Unsupported, Validation::Strict)
            | (Weight::Implied, Validation::Warn) => {
                sifted.errors.push(finding);
                continue;
            }
            (Weight::Implied, Validation::Strict) => continue,
            (Weight::Unsupported, Validation::Warn) => {
                let problem = format!("{}: se sigue sin él", finding.problem);
                sifted.notes.push(match file {
                    "" => format!("{}: {problem}", finding.field),
                    file => format!("aviso: {file}:{}: {problem}", line(finding.at.start)),
                });
            }
            (Weight::Neutral, _) if file.is_empty() => neutral.push(finding.field),
            (Weight::Neutral, _) => {
                let name = finding.field.rsplit('.').next().unwrap_or_default();
                neutral.push(format!("{name} (línea {})", line(finding.at.start)));
            }
        }
        sifted.dropped.push(finding.at);
    }
    if !neutral.is_empty() {
        sifted.notes.push(title + &accepted(&neutral));
    }
    sifted
}
