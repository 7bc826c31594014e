use std::process::ExitCode;

fn main() -> ExitCode {
    micropod::kernel::sys::default_sigpipe();
    env_logger::init();
    let args: Vec<String> = std::env::args().collect();
    let mode = match args.iter().any(|a| a == "--narra") {
        true => micropod::kernel::Mode::Narrate,
        false if args.iter().any(|a| a == "--dry-run") => micropod::kernel::Mode::DryRun,
        _ => micropod::kernel::Mode::Quiet,
    };
    let o = micropod::run::RunOptions {
        file: args[2].clone().into(),
        detach: args.iter().any(|a| a == "-d"),
        remove: args.iter().any(|a| a == "--rm"),
        mode,
        acelera: 1,
    };
    match micropod::run::run(&o) {
        Ok(c) => c.into(),
        Err(e) => {
            eprintln!("{e}");
            e.exit_code().into()
        }
    }
}
