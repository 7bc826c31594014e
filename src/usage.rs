//! Lo que gasta un contenedor, leído de su cgroup: CPU, memoria, procesos, frenazos y esperas.
//!
//! Con cgroup v2 entero lo cuenta el kernel. En una máquina híbrida el controlador de memoria se lo
//! quedó la versión 1: entonces se suma la memoria residente de sus procesos, que cuenta dos veces lo
//! que comparten.

use crate::cgroup;
use crate::state::Seen;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Una lectura.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU gastada desde que nació el cgroup.
    pub cpu: Duration,
    pub memory: Option<Memory>,
    pub processes: u64,
    /// `None`: no tiene tope de CPU, así que nadie lo frena.
    pub throttling: Option<Throttling>,
    /// Porcentaje del tiempo, en los últimos 10 s, en que alguien esperaba: CPU, memoria y disco.
    pub pressure: Pressure,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Sin la caché de ficheros que el kernel puede tirar: lo que Kubernetes llama *working set*.
    pub used: u64,
    /// Lo más que ha llegado a tener, si el kernel lo dice (desde el 5.19).
    pub peak: Option<u64>,
    pub limit: Option<u64>,
    /// ¿Lo cuenta el cgroup, o es la suma de sus procesos?
    pub counted: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttling {
    /// Periodos en los que quiso CPU.
    pub periods: u64,
    /// Periodos en los que se le acabó la cuota.
    pub throttled: u64,
    /// Tiempo que pasó esperando a la cuota siguiente.
    pub waited: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
    pub io: Option<f64>,
}

// ANCHOR: read
/// Lee el cgroup `path`; `None` si no existe.
pub fn read(path: &Path) -> Option<Usage> {
    let cpu = fs::read_to_string(path.join("cpu.stat")).ok()?;
    let pressure = |file: &str| some_avg10(&fs::read_to_string(path.join(file)).ok()?);
    let processes = cgroup::members(path);
    Some(Usage {
        cpu: Duration::from_micros(field(&cpu, "usage_usec").unwrap_or(0)),
        memory: memory(path, &processes),
        processes: number(path, "pids.current").unwrap_or(processes.len() as u64),
        throttling: throttling(path, &cpu),
        pressure: Pressure {
            cpu: pressure("cpu.pressure"),
            memory: pressure("memory.pressure"),
            io: pressure("io.pressure"),
        },
    })
}
// ANCHOR_END: read

fn memory(path: &Path, processes: &[i32]) -> Option<Memory> {
    let Some(current) = number(path, "memory.current") else {
        let used = processes.iter().map(|pid| resident(*pid)).sum();
        return Some(Memory { used, peak: None, limit: None, counted: false });
    };
    let stat = fs::read_to_string(path.join("memory.stat")).unwrap_or_default();
    let reclaimable = field(&stat, "inactive_file").unwrap_or(0);
    Some(Memory {
        used: current.saturating_sub(reclaimable),
        peak: number(path, "memory.peak"),
        limit: number(path, "memory.max"),
        counted: true,
    })
}

fn throttling(path: &Path, stat: &str) -> Option<Throttling> {
    let max = fs::read_to_string(path.join("cpu.max")).ok()?;
    if max.starts_with("max") {
        return None;
    }
    Some(Throttling {
        periods: field(stat, "nr_periods")?,
        throttled: field(stat, "nr_throttled")?,
        waited: Duration::from_micros(field(stat, "throttled_usec")?),
    })
}

/// La memoria residente de un proceso, en bytes.
fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Un fichero con un solo número; `max` es que no lo hay.
fn number(path: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(path.join(file)).ok()?.trim().parse().ok()
}

/// El valor de `clave valor`, una por línea.
fn field(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok())
}

/// `some avg10=1.25 avg60=…`: el 1,25.
fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split(' ').find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

/// Lo que gastan los contenedores de un Pod en un instante: nombre y lectura de cada uno que vive.
#[derive(Clone, Debug)]
pub struct Sample {
    pub at: Instant,
    pub containers: Vec<(String, Usage)>,
}

impl Sample {
    pub fn take(seen: &Seen) -> Sample {
        let cgroup = seen.record.cgroup.as_ref().filter(|_| seen.supervised);
        let alive = seen.record.plans.iter().zip(&seen.live.processes).filter(|(_, p)| p.is_some());
        let read_one = |name: &String| Some((name.clone(), read(&cgroup?.join(name))?));
        Sample {
            at: Instant::now(),
            containers: alive.filter_map(|(plan, _)| read_one(&plan.name)).collect(),
        }
    }

    /// Milésimas de CPU que ha usado `name` desde la lectura `before`, hacia arriba como Kubernetes.
    pub fn millis_since(&self, before: &Sample, name: &str) -> u64 {
        let cpu = |sample: &Sample| {
            sample.containers.iter().find(|(n, _)| n == name).map_or(Duration::ZERO, |(_, usage)| usage.cpu)
        };
        let elapsed = self.at.saturating_duration_since(before.at).as_micros().max(1);
        let (now, then) = (cpu(self), cpu(before));
        // una vida nueva estrena cgroup, y su cuenta empieza en cero
        let spent = now.checked_sub(then).unwrap_or(now).as_micros();
        u64::try_from((spent * 1000).div_ceil(elapsed)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Un cgroup de mentira: un directorio con sus ficheros.
    fn group(test: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("micropod-gasto-{test}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        dir
    }

    #[test]
    fn se_lee_lo_que_cuenta_el_kernel_y_no_la_cache_que_puede_tirar() {
        let dir = group(
            "entero",
            &[
                (
                    "cpu.stat",
                    "usage_usec 2500000\nuser_usec 1\nnr_periods 200\nnr_throttled 45\nthrottled_usec 1200000\n",
                ),
                ("cpu.max", "50000 100000\n"),
                (
                    "cpu.pressure",
                    "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=1.00 avg60=0 avg300=0 total=0\n",
                ),
                ("memory.current", "10485760\n"),
                ("memory.stat", "anon 1\ninactive_file 2097152\n"),
                ("memory.peak", "12582912\n"),
                ("memory.max", "67108864\n"),
                ("pids.current", "3\n"),
                ("cgroup.procs", ""),
            ],
        );
        let usage = read(&dir).unwrap();
        assert_eq!(usage.cpu, Duration::from_millis(2500));
        let memory = Memory { used: 8 << 20, peak: Some(12 << 20), limit: Some(64 << 20), counted: true };
        assert_eq!(usage.memory, Some(memory));
        let throttling = Throttling { periods: 200, throttled: 45, waited: Duration::from_millis(1200) };
        assert_eq!(usage.throttling, Some(throttling));
        assert_eq!((usage.processes, usage.pressure.cpu, usage.pressure.io), (3, Some(12.5), None));
        fs::write(dir.join("cpu.max"), "max 100000\n").unwrap();
        assert_eq!(read(&dir).unwrap().throttling, None, "sin tope nadie lo frena");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn sin_controlador_de_memoria_se_suma_la_de_sus_procesos() {
        let me = std::process::id().to_string();
        let dir = group("hibrido", &[("cpu.stat", "usage_usec 7\n"), ("cgroup.procs", &me)]);
        let usage = read(&dir).unwrap();
        let memory = usage.memory.unwrap();
        assert!(memory.used > 100_000 && !memory.counted, "{memory:?}");
        assert_eq!(usage.processes, 1);
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(read(&dir), None);
    }

    #[test]
    fn la_cpu_es_lo_gastado_entre_dos_lecturas_hacia_arriba() {
        let at = Instant::now();
        let sample = |later: u64, cpu: u64| Sample {
            at: at + Duration::from_millis(later),
            containers: vec![("c".into(), Usage { cpu: Duration::from_micros(cpu), ..Usage::default() })],
        };
        let before = sample(0, 1_000_000);
        assert_eq!(sample(1000, 1_250_000).millis_since(&before, "c"), 250);
        assert_eq!(sample(1000, 1_000_001).millis_since(&before, "c"), 1);
        assert_eq!(sample(1000, 1_000_000).millis_since(&before, "c"), 0);
        assert_eq!(sample(2000, 5_000_000).millis_since(&before, "c"), 2000);
        // estrenó cgroup entre medias
        assert_eq!(sample(1000, 100_000).millis_since(&before, "c"), 100);
        assert_eq!(sample(1000, 1).millis_since(&before, "otro"), 0);
    }

    #[test]
    fn los_procesos_del_grupo_que_un_motor_cuelga_del_nuestro_tambien_cuentan() {
        let dir = group("colgado", &[("cgroup.procs", "7\n")]);
        fs::create_dir_all(dir.join("libpod-1/dentro")).unwrap();
        fs::write(dir.join("libpod-1/cgroup.procs"), "8\n9\n").unwrap();
        fs::write(dir.join("libpod-1/dentro/cgroup.procs"), "10\n").unwrap();
        let mut all = cgroup::members(&dir);
        all.sort();
        assert_eq!(all, [7, 8, 9, 10]);
        fs::remove_dir_all(dir).unwrap();
    }
}
