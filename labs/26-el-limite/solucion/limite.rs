//! Pone un límite de memoria y de CPU y se convierte en un programa.

use std::fs::{create_dir, write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, exit};

const PERIOD: u64 = 100000;

/// De `64Mi` a bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "k" => 1000,
        "Ki" => 1024,
        "M" => 1000 * 1000,
        "Mi" => 1024 * 1024,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// De `200m` a microsegundos de cada cien mil.
fn quota(text: &str) -> Option<u64> {
    let thousandths = match text.strip_suffix('m') {
        Some(number) => number.parse::<u64>().ok()?,
        None => text.parse::<u64>().ok()?.checked_mul(1000)?,
    };
    thousandths.checked_mul(PERIOD / 1000)
}

fn limit(group: &Path, memory: u64, cpu: u64) -> std::io::Result<()> {
    create_dir(group)?;
    write(group.join("memory.max"), memory.to_string())?;
    write(group.join("cpu.max"), format!("{cpu} {PERIOD}"))?;
    write(group.join("cgroup.procs"), "0")
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [group, memory, cpu, program, rest @ ..] = args.as_slice() else { exit(2) };
    let (Some(memory), Some(cpu)) = (bytes(memory), quota(cpu)) else {
        eprintln!("esos límites no se entienden");
        exit(2);
    };
    if let Err(error) = limit(Path::new(group), memory, cpu) {
        eprintln!("{group}: {error}");
        exit(1);
    }
    // si vuelve, es que no ha podido
    let error = Command::new(program).args(rest).exec();
    eprintln!("{program}: {error}");
    exit(127);
}
