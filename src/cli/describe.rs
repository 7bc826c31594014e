//! `micropod describe`: todo lo que se sabe de un Pod, con la ficha de kubectl.

use super::{pod_names, words};
use crate::error::{Error, exit};
use crate::object;
use crate::output::describe as page;
use crate::output::time::Now;
use clap::ArgMatches;

pub fn describe(args: &ArgMatches) -> Result<u8, Error> {
    let names = pod_names(&words(args, "POD"))?;
    let mut pages = Vec::new();
    for name in &names {
        let seen = super::see(name)?;
        pages.push(page::pod(&object::pod(&seen), &object::events(&seen), &Now::here()));
    }
    print!("{}", pages.join("\n\n"));
    Ok(exit::OK)
}
