//! Corregir una respuesta en el mundo privado de un test.

use crate::common::{self, World};
use crate::labs::{Case, Files, Report};

/// La carpeta del estudiante, en el mundo del test.
pub const FOLDER: &str = "trabajo";

pub fn grade(world: &World, case: &Case, files: &Files) -> Report {
    case.lay_out(&world.dir().join(FOLDER), files);
    let script = format!("cd {FOLDER} && {}", case.script(&common::binary(), files));
    let done = common::run(world.command("sh").arg("-c").arg(&script));
    Report::read(&done.out).unwrap_or_else(|| panic!("{}: {}\n{}", case.lab.name, done.out, done.err))
}
