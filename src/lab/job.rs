//! Un encargo al corrector: qué se corrige y con qué valores. Viaja al mundo por su entrada.

use super::compile;
use super::grade::{Bench, Grade};
use super::hand_in::{self, Files};
use super::patience::Patience;
use super::values::Values;
use super::{catalog, world};
use crate::cli::term;
use crate::data;
use crate::error::{Error, in_spanish};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Lo que tarda, como mucho, la corrección de una entrega.
pub const LIMIT: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    pub lab: String,
    pub student: String,
    pub course: String,
    pub files: Files,
    pub task: Option<u32>,
    pub compiler: Option<compile::Compiler>,
}

impl Job {
    /// Corrige en un mundo nuevo.
    pub fn grade(&self, limit: Duration) -> Result<Grade, Error> {
        world::make_places()?;
        let answer = world::run(self, limit)?;
        data::read(&answer).map_err(|e| Error::failed("no se entiende lo que dice el corrector").because(e))
    }

    /// Del lado del mundo: corrige y escribe la corrección.
    pub fn carry_out(&self) -> Result<Vec<u8>, Error> {
        let lab = catalog::find(&self.lab)?;
        let values =
            Values::of(&self.student, &lab.name, &self.course, &lab.blank_sheet().values).with_tokens();
        let sheet = lab.sheet(&values);
        let dir = PathBuf::from(crate::state::RUN).join("lab");
        hand_in::lay_out(&lab.grader_files(&values), &dir)
            .and_then(|()| hand_in::lay_out(&self.files, &dir.join("entrega")))
            .and_then(|()| fs::create_dir_all(dir.join("programa")))
            .map_err(|e| {
                Error::failed("no se pudo preparar la entrega").because(in_spanish(e.to_string()))
            })?;
        let patience = Patience::measure();
        let compile = |source: &str| compile::compile(self.compiler.as_ref(), &dir, source, patience);
        let bench = Bench { sheet: &sheet, dir: &dir, patience, compile: &compile };
        let told = std::io::stderr().is_terminal();
        let grade = bench.grade(self.task, |criterion, nth, all| {
            if told {
                // lo siguiente se escribe encima
                term::narration(&format!("comprobando {} ({nth} de {all})…\x1b[K\r", criterion.id));
            }
        });
        if told {
            term::narration("\x1b[K");
        }
        Ok(data::bytes(&grade))
    }
}
