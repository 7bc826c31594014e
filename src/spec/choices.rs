//! Los valores de dos opciones de la línea de comandos. Van aparte porque los lee también `build.rs`, que
//! escribe el autocompletado.

/// `--policy`, en el orden de [`super::policy::Policy`].
pub const POLICIES: [&str; 4] = ["privileged", "baseline", "restricted", "lab"];

/// `--validate`, en el de [`super::validation::Validation`].
pub const VALIDATIONS: [&str; 2] = ["strict", "warn"];
