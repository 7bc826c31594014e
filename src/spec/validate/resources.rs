//! Recursos: límites que un proceso pueda cumplir, y solicitudes que quepan en ellos.

use super::{Checks, containers};
use crate::spec::quantity::Quantity;
use crate::spec::types::{Pod, ResourceRequirements};

/// Con menos memoria que esta un proceso muere antes de llegar a `main`: el kernel ya carga al
/// cgroup sus tablas de páginas y su pila. Es un límite de micropod.
const MIN_MEMORY: u64 = 512 << 10;
/// Un pebibyte: la suma de los de un Pod cabe siempre en 64 bits, y el kernel no la toma por «sin límite».
const MAX_MEMORY: u64 = 1 << 50;
/// El mayor `pids.max`: el máximo de `kernel.pid_max` en 64 bits.
const MAX_PIDS: u64 = 4_194_304;
/// Más núcleos que esto no es una CPU: es un sufijo de memoria.
const MAX_CPUS: u64 = 1_000_000;

pub fn check(checks: &mut Checks, pod: &Pod) {
    let of_pod = &pod.spec.resources;
    both(checks, "spec.resources", of_pod);
    if let Some(pids) = &of_pod.limits.pids {
        let whole = pids.millis() % 1000 == 0;
        if !whole || !(1..=MAX_PIDS).contains(&pids.units()) {
            let hint = format!("debe ser un número entero entre 1 y {MAX_PIDS}");
            checks.add(
                "MP0156",
                "spec.resources.limits.pids",
                format!("el límite de procesos vale {pids}"),
                hint,
            );
        }
    }
    no_pids(checks, "spec.resources.requests.pids", &of_pod.requests.pids);
    for (path, _, container) in containers(pod) {
        let path = format!("{path}.resources");
        both(checks, &path, &container.resources);
        no_pids(checks, &format!("{path}.limits.pids"), &container.resources.limits.pids);
        no_pids(checks, &format!("{path}.requests.pids"), &container.resources.requests.pids);
    }
}

fn no_pids(checks: &mut Checks, path: &str, pids: &Option<Quantity>) {
    if pids.is_some() {
        let hint = "quítalo de aquí y ponlo en `spec.resources.limits.pids`";
        checks.add("MP0156", path, "`pids` solo se limita en el Pod entero", hint);
    }
}

fn both(checks: &mut Checks, path: &str, resources: &ResourceRequirements) {
    if let Some(memory) = &resources.limits.memory {
        memory_limit(checks, &format!("{path}.limits.memory"), memory);
    }
    if let Some(cpu) = &resources.limits.cpu {
        cpu_limit(checks, &format!("{path}.limits.cpu"), cpu);
    }
    let pairs = [
        ("cpu", &resources.requests.cpu, &resources.limits.cpu),
        ("memory", &resources.requests.memory, &resources.limits.memory),
    ];
    for (name, request, limit) in pairs {
        let (Some(request), Some(limit)) = (request, limit) else { continue };
        if request.millis_exact() > limit.millis_exact() {
            let problem = format!("pide más {name} ({request}) de la que puede usar ({limit})");
            checks.add(
                "MP0154",
                format!("{path}.requests.{name}"),
                problem,
                "baja `requests` o sube `limits`",
            );
        }
    }
}

fn memory_limit(checks: &mut Checks, path: &str, memory: &Quantity) {
    if memory.units() > MAX_MEMORY {
        let problem = format!("el límite de memoria vale {memory}, más de lo que tiene ninguna máquina");
        checks.add(
            "MP0155",
            path,
            problem,
            "quita `memory` si no quieres límite, o escribe por ejemplo \"64Mi\"",
        );
        return;
    }
    if memory.units() >= MIN_MEMORY {
        return;
    }
    let text = memory.to_string();
    let hint = match text.strip_suffix('m') {
        Some(number) => format!("`m` son milésimas de byte: ¿querías decir `{number}Mi`?"),
        None if memory.units() == 0 => {
            "quita `memory` si no quieres límite, o escribe por ejemplo \"64Mi\"".to_string()
        }
        None if text.bytes().all(|b| b.is_ascii_digit()) => format!("son bytes: ¿querías decir `{text}Mi`?"),
        None => "con menos de 512Ki ningún programa llega a arrancar".to_string(),
    };
    checks.add("MP0155", path, format!("el límite de memoria, {text}, es demasiado bajo"), hint);
}

fn cpu_limit(checks: &mut Checks, path: &str, cpu: &Quantity) {
    if cpu.millis() == 0 {
        let hint = "quita `cpu` si no quieres límite, o escribe por ejemplo \"500m\" (media CPU)";
        checks.add("MP0155", path, "el límite de CPU es 0", hint);
    } else if cpu.units() > MAX_CPUS {
        let problem = format!("{cpu} son {} núcleos", cpu.units());
        checks.add("MP0155", path, problem, "la CPU se escribe en núcleos, `2`, o en milésimas, `500m`");
    }
}
