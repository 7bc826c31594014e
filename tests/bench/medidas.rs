//! Cómo se mide: ejecutar, cronometrar, contar memoria y mirar qué ha quedado.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Una línea, en palabras.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// Ejecuta un comando hasta el final; si sale mal, lo último que dijo.
///
/// Sus errores van a un fichero y no a una tubería: quien se queda en segundo plano la heredaría, y
/// leerla hasta el final sería esperarlo a él.
pub fn run(command: &[String]) -> Result<(), String> {
    let path = std::env::temp_dir().join(format!("banco-errores-{}", std::process::id()));
    let errors = File::create(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .status();
    match status {
        Err(e) => Err(format!("{}: {e}", command[0])),
        Ok(status) if status.success() => Ok(()),
        Ok(_) => {
            let said = fs::read(&path).unwrap_or_default();
            let said = String::from_utf8_lossy(&said).into_owned();
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            Err(last.unwrap_or("falló sin decir nada").to_string())
        }
    }
}

/// Lo que imprime un comando que sale bien.
pub fn output(command: &[String]) -> Result<Vec<u8>, String> {
    let done = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).output();
    let done = done.map_err(|e| format!("{}: {e}", command[0]))?;
    match done.status.success() {
        true => Ok(done.stdout),
        false => Err(String::from_utf8_lossy(&done.stderr).trim().to_string()),
    }
}

/// Cuánto tardan unos comandos, uno tras otro, y cuánta CPU gastan ellos y los hijos que recogen.
pub fn time(commands: &[Vec<String>]) -> Result<(Duration, Duration), String> {
    let (start, before) = (Instant::now(), cpu_of_children());
    for command in commands {
        run(command)?;
    }
    Ok((start.elapsed(), cpu_of_children() - before))
}

fn cpu_of_children() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("no puede fallar con estos argumentos");
    let time = |t: nix::sys::time::TimeVal| Duration::new(t.tv_sec() as u64, t.tv_usec() as u32 * 1000);
    time(usage.user_time()) + time(usage.system_time())
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// La mediana. Ordena los tiempos: el primero queda el menor.
pub fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// RSS y PSS, en kB, de los procesos de este mundo cuyo nombre es uno de `names`, y cuántos son.
pub fn memory_of(names: &[&str]) -> (f64, f64, usize) {
    let (mut rss, mut pss, mut count) = (0.0, 0.0, 0);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if !names.contains(&read("comm").trim()) {
            continue;
        }
        count += 1;
        for line in read("smaps_rollup").lines() {
            let value = || line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
            match line.split(':').next() {
                Some("Rss") => rss += value(),
                Some("Pss") => pss += value(),
                _ => {}
            }
        }
    }
    (rss, pss, count)
}

/// Lo que queda de los Pods, mirado en el kernel: (procesos, cables, cgroups, ficheros).
pub fn leftovers() -> [usize; 4] {
    let names = |dir: &Path| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|e| e.file_name().into_string().ok()).collect()
    };
    let comm = |pid: &String| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let processes = names(Path::new("/proc")).iter().filter(|pid| comm(pid).starts_with("micropod")).count();
    let links = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    // los nuestros: «mp» y la dirección en hexadecimal
    let veths = links.lines().filter(|line| line.trim_start().starts_with("mp")).count();
    let cgroups = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(|root| {
        names(&Path::new(root).join("micropod")).iter().filter(|n| n.starts_with("banco-")).count()
    });
    let files = ["/run/micropod/pods", "/run/micropod/ips", "/var/lib/micropod/pods", "/var/log/micropod"]
        .map(|dir| names(Path::new(dir)).len());
    [processes, veths, cgroups.iter().sum(), files.iter().sum()]
}
