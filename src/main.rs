//! Entiende lo que se pide, lo hace y, si algo sale mal, lo dice una sola vez.

use std::io::Write;
use std::process::ExitCode;

// El de musl devuelve al kernel cada página que se libera, y la pide otra vez en la línea siguiente: una
// quinta parte de lo que cuesta arrancar un Pod se iba en eso (perf stat: 14,0 ms de CPU; así, 11,4).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // Rust ignora SIGPIPE: `micropod get pods | head -1` acabaría en pánico
    micropod::kernel::sys::default_sigpipe();
    // lo que se cree tendrá siempre los mismos permisos, sea cual sea la umask de quien nos lanza
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    env_logger::Builder::from_default_env()
        .format(|out, record| {
            let said = micropod::error::in_spanish(record.args().to_string());
            writeln!(out, "[{} {}] {said}", record.level(), record.target())
        })
        .init();
    match micropod::cli::main() {
        Ok(code) => code.into(),
        Err(error) => error.tell().into(),
    }
}
