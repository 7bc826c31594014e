//! `micropod demuestra`: cada frase sobre el Pod, demostrada o refutada mirando solo al kernel.

use super::claims;
use super::facts::{self, Role};
use crate::error::{Error, exit};
use crate::state::Seen;
use std::fmt;

/// Lo que dice el kernel de una frase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proven,
    Refuted,
    /// En este Pod, o en un instante, no hay con qué comprobarla.
    Unseen,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Verdict::Proven => "[demostrado]",
            Verdict::Refuted => "[refutado]  ",
            Verdict::Unseen => "[no se ve]  ",
        })
    }
}

/// Una frase, su veredicto y con qué se sostiene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    pub verdict: Verdict,
    pub evidence: String,
}

impl Statement {
    pub fn new(text: impl Into<String>, holds: bool, evidence: impl Into<String>) -> Statement {
        let verdict = if holds { Verdict::Proven } else { Verdict::Refuted };
        Statement { text: text.into(), verdict, evidence: evidence.into() }
    }

    /// Una frase que no se puede comprobar mirando al kernel ahora; `how`: cómo comprobarla.
    pub fn unseen(text: impl Into<String>, how: impl Into<String>) -> Statement {
        Statement { text: text.into(), verdict: Verdict::Unseen, evidence: how.into() }
    }
}

/// Imprime la demostración. Sale con 1 si el kernel refuta alguna frase.
pub fn prove(seen: &Seen) -> Result<u8, Error> {
    let mut facts = facts::read(seen);
    // lo que se afirma es de los contenedores del Pod, y no de quien ha venido a mirarlos
    facts.members.retain(|member| member.role != Role::Ephemeral);
    if facts.members.is_empty() {
        return Err(Error::failed(format!(
            "el Pod `{}` no está en marcha: no hay nada que mirar",
            seen.record.name
        )));
    }
    let source = claims::of_the_source(&facts);
    let promises = claims::of_micropod(&facts, &claims::limits_asked(seen));
    println!("Lo que dice el texto fuente, en el Pod «{}»:", facts.pod);
    show(&source);
    println!("\nLo que además promete micropod:");
    show(&promises);
    let all = [source, promises].concat();
    let count = |verdict| all.iter().filter(|s| s.verdict == verdict).count();
    let (proven, refuted, unseen) = (count(Verdict::Proven), count(Verdict::Refuted), count(Verdict::Unseen));
    println!("\ndemostradas: {proven} · refutadas: {refuted} · no se ven aquí: {unseen}");
    Ok(if refuted == 0 { exit::OK } else { exit::FAILED })
}

fn show(statements: &[Statement]) {
    for Statement { text, verdict, evidence } in statements {
        println!("{verdict} {text}");
        for line in evidence.lines() {
            println!("    {line}");
        }
    }
}
