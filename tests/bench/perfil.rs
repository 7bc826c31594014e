//! En qué se va el tiempo: muestras de `perf`, repartidas según lo que se le pedía al kernel.

use super::medidas::{output, run, words};
use std::collections::BTreeMap;
use std::path::Path;

/// Ejecuta `command` unas cuantas veces bajo `perf` y dice qué parte del tiempo de CPU, en tanto por
/// ciento, se va en cada cosa: de más a menos. Cuentan también los procesos que nacen de él.
pub fn shares(dir: &Path, command: &[String], rounds: usize) -> Result<Vec<(String, f64)>, String> {
    let data = dir.join("perf.data").display().to_string();
    let mut record = words(&format!("perf record --quiet -F 5000 -e cpu-clock -g -o {data} -- sh -c"));
    let many = format!("i=0; while [ $i -lt {rounds} ]; do \"$@\" || exit; i=$((i + 1)); done");
    record.extend([many, "sh".to_string()]);
    record.extend_from_slice(command);
    run(&record)?;
    let script = output(&words(&format!("perf script -F ip,sym,dso -i {data}")))?;
    Ok(count(&String::from_utf8_lossy(&script)))
}

/// Una muestra son unas líneas, de la función que se ejecutaba a quien la llamó, y una en blanco.
fn count(script: &str) -> Vec<(String, f64)> {
    let mut samples: BTreeMap<String, usize> = BTreeMap::new();
    for sample in script.split("\n\n").filter(|sample| !sample.trim().is_empty()) {
        *samples.entry(class(sample)).or_default() += 1;
    }
    let all: usize = samples.values().sum();
    let mut shares: Vec<_> =
        samples.into_iter().map(|(class, n)| (class, 100.0 * n as f64 / all as f64)).collect();
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    shares
}

fn class(sample: &str) -> String {
    const CALLS: [&str; 3] = ["__x64_sys_", "__arm64_sys_", "__do_sys_"];
    let names = || sample.lines().filter_map(|line| line.split_whitespace().nth(1));
    if let Some(call) = names().find_map(|name| CALLS.iter().find_map(|prefix| name.strip_prefix(prefix))) {
        return format!("{}()", call.trim_start_matches("new"));
    }
    if names().any(|name| name.contains("page_fault")) {
        return "fallos de página".into();
    }
    match sample.trim_start().lines().next().is_some_and(|line| line.contains("[kernel")) {
        true => "el kernel, entre llamada y llamada".into(),
        false => "el programa, sin el kernel".into(),
    }
}
