//! Las frases que se comprueban: las del texto fuente sobre los Pods y las que añade micropod.

mod limits;
mod sharing;
mod source;
#[cfg(test)]
mod tests;

pub use limits::{Asked, asked as limits_asked};
pub use source::of_the_source;

use super::facts::{Facts, Member};
use super::prove::Statement;

/// Lo que además promete micropod de un Pod.
pub fn of_micropod(facts: &Facts, asked: &[Asked]) -> Vec<Statement> {
    let mut all = vec![
        sharing::hostname(facts),
        sharing::memory(facts),
        sharing::own_roots(facts),
        sharing::own_cgroups(facts),
        sharing::net_apart_from_host(facts),
        sharing::cable(facts),
    ];
    all.extend(limits::statements(asked, facts));
    all
}

/// «nginx net:[4026532252] · php net:[4026532252]».
fn inodes<'a>(members: impl IntoIterator<Item = &'a Member>, namespace: &str) -> String {
    let one = |m: &Member| match m.namespaces.get(namespace) {
        Some(inode) => format!("{} {namespace}:[{inode}]", m.name),
        None => format!("{} {namespace}: no se ve", m.name),
    };
    members.into_iter().map(one).collect::<Vec<_>>().join(" · ")
}

/// ¿Tiene cada contenedor el suyo, distinto de los demás y del de la máquina?
fn all_different(facts: &Facts, namespace: &str) -> bool {
    let seen: Vec<Option<&u64>> = facts.containers().map(|m| m.namespaces.get(namespace)).collect();
    let mut known: Vec<&u64> =
        seen.iter().copied().flatten().chain(facts.host.namespaces.get(namespace)).collect();
    crate::order::sort(&mut known);
    known.dedup();
    seen.iter().all(Option::is_some) && known.len() == seen.len() + 1
}
