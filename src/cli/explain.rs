//! `micropod explain`: pendiente de unir.
use crate::error::Error;
pub fn run(_path: &str, _recursive: bool) -> Result<(), Error> {
    Err(Error::failed("x"))
}
