//! Las cifras de lo que se promete: `make rompe` y `make blindaje`.
//!
//!     blindaje rompe [SABOTAJE…]     estropea el programa línea a línea y mira que una prueba lo vea
//!     blindaje apunta FICHERO        guarda en tests/medidas.txt lo que apuntaron unos tests
//!     blindaje cifras                lo enseña todo, como en el apéndice del libro

#[path = "../../tests/blindaje/mod.rs"]
mod blindaje;
mod rompe;
mod tree;

use blindaje::figures::{self, Figure};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.first().map(String::as_str) {
        Some("rompe") => rompe::run(&args[1..]),
        Some("apunta") if args.len() == 2 => std::fs::read_to_string(&args[1])
            .map(|text| {
                note(figures::noted(&text));
                true
            })
            .map_err(|e| format!("{}: {e}", args[1])),
        Some("cifras") => Ok(show()),
        _ => Err("uso: blindaje rompe|apunta|cifras (lo explica tools/blindaje/main.rs)".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Guarda unas cifras, con la fecha y la máquina en que se midieron.
fn note(noted: Vec<(String, u64, u64)>) {
    let mut figures = figures::read();
    for (what, count, bad) in noted {
        figures.insert(what, Figure { count, bad, date: today(), machine: machine() });
    }
    figures::write(&figures);
}

/// `false`: algo salió mal al medirlo.
fn show() -> bool {
    let figures = figures::read();
    print!("{}", figures::page(&figures));
    figures.values().all(|figure| figure.bad == 0)
}

fn today() -> String {
    let said = Command::new("date").arg("+%Y-%m-%d").output().expect("date");
    String::from_utf8_lossy(&said.stdout).trim().to_string()
}

/// El procesador y el kernel, sin el nombre de la máquina.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cpus = info.lines().filter(|l| l.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let version: String = kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!("{cpus} CPU {}, Linux {version}", model.unwrap_or("desconocida").trim())
}
