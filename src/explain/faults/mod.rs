//! Las averías que se ensayan en `micropod simula`: qué le pasa a quién, y cuándo.
//!
//! ```text
//! [
//!     Acaba(contenedor: "web", codigo: 1, tras: "5s", vida: 2),
//!     FallaSonda(contenedor: "web", sonda: vida, desde: "1m", hasta: "2m"),
//!     Borra(en: "10m"),
//! ]
//! ```
//!
//! Lo que se puede escribir está en la tabla de `kinds.rs`, de la que salen a la vez la lectura, los
//! errores y la ayuda.

mod kinds;
mod read;

pub use kinds::KINDS;
pub use read::duration;

use crate::error::Error;
use crate::logic::{ContainerId, Exit, HookKind, PodRules, ProbeKind};
use crate::spec::parse;
use std::path::Path;
use std::time::Duration;

/// Las averías de un fichero, ya comprobadas contra el Pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    pub all: Vec<Fault>,
}

/// Una avería, y la línea del fichero en la que está.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub line: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A un contenedor, en todas sus vidas o solo en una (la primera es la 1).
    Container {
        id: ContainerId,
        life: Option<u32>,
        trouble: Trouble,
    },
    /// La pausa no llega a nacer.
    SandboxFails {
        says: String,
    },
    SandboxDies {
        at: Duration,
    },
    /// Alguien pide que acabe.
    Delete {
        at: Duration,
        grace: Option<Duration>,
    },
    Evict {
        at: Duration,
        says: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// Acaba al cabo de un rato. `oom`: porque le falta memoria.
    Ends {
        exit: Exit,
        oom: bool,
        after: Duration,
    },
    /// No llega a ejecutar su programa. Sin código: ni siquiera nace.
    NoStart {
        exit_code: Option<i32>,
        says: String,
    },
    SlowStart {
        takes: Duration,
    },
    ProbeFails {
        kind: ProbeKind,
        when: Window,
        says: String,
    },
    ProbeSlow {
        kind: ProbeKind,
        when: Window,
        takes: Duration,
    },
    HookSlow {
        hook: HookKind,
        takes: Duration,
    },
    HookFails {
        hook: HookKind,
        says: String,
    },
    IgnoresStop,
    SlowStop {
        takes: Duration,
        code: i32,
    },
}

/// Cuándo vale una avería de una sonda.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Contados desde que nace el Pod.
    pub from: Option<Duration>,
    pub until: Option<Duration>,
    /// Contado desde que arranca cada vida.
    pub after: Option<Duration>,
}

impl Window {
    /// ¿Vale en el instante `now` de una vida que empezó en `since`?
    pub fn contains(&self, now: Duration, since: Duration) -> bool {
        self.from.is_none_or(|from| now >= from)
            && self.until.is_none_or(|until| now < until)
            && self.after.is_none_or(|after| now >= since.saturating_add(after))
    }

    /// Cuándo empezará o dejará de valer, si es después de `now`.
    pub fn changes_after(&self, now: Duration, since: Duration) -> Option<Duration> {
        let after = self.after.map(|after| since.saturating_add(after));
        [self.from, self.until, after].into_iter().flatten().filter(|at| *at > now).min()
    }
}

/// Lee las averías de `path` y comprueba que hablan de este Pod.
pub fn load(path: &Path, rules: &PodRules) -> Result<Faults, Error> {
    let (file, text) = parse::read_text(path)?;
    Ok(parse_text(&file, &text, rules)?)
}

/// Las averías que describe `text`; `file` es el nombre que sale en los errores.
pub fn parse_text(file: &str, text: &str, rules: &PodRules) -> Result<Faults, crate::spec::SpecErrors> {
    read::read(file, text, rules)
}

/// Lo que se puede escribir en un fichero de averías, para `micropod explain averias`.
pub fn help() -> String {
    let mut text = "Un fichero de averías es una lista en RON:\n\n    [\n        Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\"),\n        \
                    Borra(en: \"10m\"),\n    ]\n\n"
        .to_string();
    for kind in KINDS {
        text += &format!("{}\n    {}\n", kind.name, kind.doc);
        for field in kind.fields {
            let needed = if field.required { "" } else { " (se puede omitir)" };
            text += &format!("    {:<11} {}{needed}\n", field.name, field.kind.describe());
        }
        text.push('\n');
    }
    text + "vida      en qué vida del contenedor: 1 es la primera; sin ella, en todas\n\
            tras      contado desde que arranca esa vida\n\
            en, desde, hasta   contados desde que nace el Pod\n"
}
