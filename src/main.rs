//! Entiende lo que se pide, lo hace y, si algo sale mal, lo dice una sola vez.

use micropod::error::Error;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Rust ignora SIGPIPE: `micropod get pods | head -1` acabaría en pánico
    micropod::kernel::sys::default_sigpipe();
    env_logger::Builder::from_default_env()
        .format(|out, record| writeln!(out, "[{} {}] {}", record.level(), record.target(), record.args()))
        .init();
    match micropod::cli::main() {
        Ok(code) => code.into(),
        Err(error) => {
            if !matches!(error, Error::Exit(_)) {
                let _ = writeln!(anstream::stderr(), "{error}");
            }
            error.exit_code().into()
        }
    }
}
