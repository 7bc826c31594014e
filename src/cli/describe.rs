//! `micropod describe`: todo lo que se sabe de un Pod, con la ficha de kubectl.

use super::pick::Pick;
use super::{require_root, term};
use crate::error::{Error, exit};
use crate::object;
use crate::output::describe as page;
use crate::output::time::Now;
use crate::state::Seen;
use clap::ArgMatches;

pub fn describe(args: &ArgMatches) -> Result<u8, Error> {
    require_root("mirar los Pods")?;
    crate::gc::sweep_pending();
    let pick = Pick::new(args)?;
    let (seen, missing) = pick.look();
    let now = Now::here();
    let page = |seen: &Seen| {
        let page = page::pod(&object::pod(seen), &object::events(seen), &now);
        page + &page::kernel::describe(seen)
    };
    let pages: Vec<String> = seen.iter().map(page).collect();
    print!("{}", pages.join("\n\n"));
    match missing.into_iter().next_back() {
        Some(last) => return Err(last),
        None if seen.is_empty() => term::note(&pick.namespace.nothing("resources")),
        None => {}
    }
    Ok(exit::OK)
}
