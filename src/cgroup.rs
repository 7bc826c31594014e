//! Capítulo 12 · Límites: cgroup v2.
//!
//! ```text
//! /sys/fs/cgroup/micropod/            de micropod: nadie vive aquí
//!                 └── POD/            límites del Pod; nadie vive aquí
//!                     ├── _pausa/     la pausa
//!                     └── CONTENEDOR/ los límites y los procesos de cada contenedor
//! ```
//!
//! Los procesos viven solo en las hojas: es la regla «no internal processes» de cgroup v2.

use crate::error::{Error, StepError};
use crate::kernel::ops::{CgroupValue, MakeDir, RemoveDir, WriteCgroup};
use crate::kernel::{Kernel, Op};
use crate::logic::Kind;
use crate::logic::rules::init_kind;
use crate::mountinfo::{self, Mount};
use crate::plan;
use crate::process::Limits;
use crate::spec::types::{Container, PodSpec, ResourceList};
use nix::errno::Errno;
use std::fs;
use std::path::{Path, PathBuf};

/// El cgroup de la pausa: un contenedor no puede llamarse así, porque `_` no cabe en su nombre.
pub const PAUSE: &str = "_pausa";

/// El periodo de `cpu.max`, en microsegundos.
const CPU_PERIOD: u64 = 100_000;
/// La cuota más pequeña que admite el kernel: 1 ms. Menos de 10m cuenta como 10m.
const MIN_CPU_QUOTA: u64 = 1_000;
/// Procesos e hilos de un Pod que no dice cuántos quiere.
pub const DEFAULT_PIDS: u64 = 512;

/// Dónde está montado cgroup v2 y con qué controladores.
#[derive(Clone, Debug, PartialEq)]
pub struct Hierarchy {
    pub root: PathBuf,
    pub controllers: Vec<String>,
    /// Controladores que se quedó cgroup v1 (máquina híbrida).
    pub held_by_v1: Vec<String>,
}

impl Hierarchy {
    /// La de esta máquina, o `None` si no hay cgroup v2 montado (y a la vista).
    pub fn find() -> Option<Hierarchy> {
        let (roots, held_by_v1) = read_mounts(&mountinfo::of("self").ok()?);
        // puede estar montado varias veces, y alguna, tapado por otro montaje
        let readable =
            |root: PathBuf| Some((fs::read_to_string(root.join("cgroup.controllers")).ok()?, root));
        let (controllers, root) = roots.into_iter().find_map(readable)?;
        let controllers = controllers.split_whitespace().map(String::from).collect();
        Some(Hierarchy { root, controllers, held_by_v1 })
    }

    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|c| c == controller)
    }

    /// Donde cuelgan los cgroups de todos los Pods.
    pub fn home(&self) -> PathBuf {
        self.root.join("micropod")
    }

    /// Los controladores que micropod reparte, de los que hay.
    fn delegated(&self) -> Vec<&'static str> {
        ["cpu", "memory", "pids"].into_iter().filter(|c| self.has(c)).collect()
    }

    /// ¿Los tienen ya los Pods? Puede que otro haya hecho el grupo de micropod y aún no los haya repartido.
    fn has_delegated(&self) -> bool {
        let given = fs::read_to_string(self.home().join("cgroup.subtree_control")).unwrap_or_default();
        self.delegated().into_iter().all(|wanted| given.split_whitespace().any(|c| c == wanted))
    }
}

/// Dónde está cgroup v2, según los montajes, y qué controladores se quedó la versión 1.
fn read_mounts(mounts: &[Mount]) -> (Vec<PathBuf>, Vec<String>) {
    let of = |fstype: &'static str| mounts.iter().filter(move |m| m.fstype == fstype);
    let roots = of("cgroup2").map(|m| PathBuf::from(&m.point)).collect();
    let wanted = |n: &&String| ["cpu", "memory", "pids", "io"].contains(&n.as_str());
    (roots, of("cgroup").flat_map(|m| &m.fs_options).filter(wanted).cloned().collect())
}

// ANCHOR: weight
/// De CPU pedida (milésimas) a `cpu.weight`: 1 CPU es 100, el valor del kernel.
///
/// Primero las *shares* de cgroup v1 (1024 por CPU, entre 2 y 262144) y de ahí la curva que usan
/// los motores de ejecución: `10^((l² + 125·l)/612 − 7/34)`, con `l = log2(shares)`. kubelet usa
/// otra, lineal, en sus propios cgroups, que daría 39: aquí hay una sola, la que da 100.
pub fn cpu_weight(millis: u64) -> u64 {
    let shares = (millis * 1024 / 1000).clamp(2, 262_144);
    let l = (shares as f64).log2();
    let weight = 10f64.powf((l * l + 125.0 * l) / 612.0 - 7.0 / 34.0).ceil();
    (weight as u64).clamp(1, 10_000)
}
// ANCHOR_END: weight

fn request_or_limit(container: &Container, of: impl Fn(&ResourceList) -> Option<u64>) -> Option<u64> {
    of(&container.resources.requests).or_else(|| of(&container.resources.limits))
}

/// Los límites de un contenedor.
pub fn container_limits(container: &Container, oom_score_adj: i32) -> Limits {
    let limits = &container.resources.limits;
    let cpu = |list: &ResourceList| list.cpu.as_ref().map(|q| q.millis());
    Limits {
        memory_max: limits.memory.as_ref().map(|q| q.units()),
        cpu_max: cpu(limits),
        cpu_weight: request_or_limit(container, cpu).map(cpu_weight),
        pids_max: None,
        oom_score_adj: Some(oom_score_adj),
    }
}

// ANCHOR: pod_limits
/// Los límites del Pod entero: los suyos si los tiene; si no, la suma de los de sus contenedores,
/// y solo de los recursos que *todos* limitan (si uno no tiene tope, el Pod tampoco).
pub fn pod_limits(spec: &PodSpec) -> Limits {
    let sum = |of: fn(&ResourceList) -> Option<u64>| {
        let own = of(&spec.resources.limits);
        own.or_else(|| together(spec, |c| of(&c.resources.limits)))
    };
    let cpu = |list: &ResourceList| list.cpu.as_ref().map(|q| q.millis());
    let weight = plan::all_containers(spec).any(|c| request_or_limit(c, cpu).is_some());
    let weight = weight.then(|| together(spec, |c| Some(request_or_limit(c, cpu).unwrap_or(0)))).flatten();
    let weight = weight.or(cpu(&spec.resources.limits));
    Limits {
        memory_max: sum(|l| l.memory.as_ref().map(|q| q.units())),
        cpu_max: sum(|l| l.cpu.as_ref().map(|q| q.millis())),
        cpu_weight: weight.map(cpu_weight),
        pids_max: Some(spec.resources.limits.pids.as_ref().map_or(DEFAULT_PIDS, |q| q.units())),
        oom_score_adj: None,
    }
}
// ANCHOR_END: pod_limits

/// Lo que usan a la vez los contenedores de un Pod, como mucho; `None` si alguno no lo dice.
///
/// Los de aplicación y los auxiliares corren juntos: se suman. Los demás de inicialización corren
/// de uno en uno, antes, y con los auxiliares que ya habían arrancado.
fn together(spec: &PodSpec, of: impl Fn(&Container) -> Option<u64>) -> Option<u64> {
    let (mut sidecars, mut most) = (0u64, 0u64);
    for container in &spec.init_containers {
        let own = of(container)?;
        match init_kind(container) {
            Kind::Sidecar => sidecars = sidecars.saturating_add(own),
            Kind::Init | Kind::App | Kind::Ephemeral => most = most.max(sidecars.saturating_add(own)),
        }
    }
    let apps = spec.containers.iter().map(of).try_fold(0u64, |sum, own| Some(sum.saturating_add(own?)))?;
    Some(most.max(sidecars.saturating_add(apps)))
}

/// Los límites que pide la especificación, por el controlador que los da.
fn asked(spec: &PodSpec) -> Vec<(&'static str, String)> {
    let mut asked = Vec::new();
    let named = spec.init_containers.iter().chain(&spec.containers);
    let lists = named
        .map(|c| (format!("del contenedor {}", c.name), &c.resources.limits))
        .chain(std::iter::once(("del Pod".to_string(), &spec.resources.limits)));
    for (owner, list) in lists {
        for (controller, value) in [("memory", &list.memory), ("cpu", &list.cpu), ("pids", &list.pids)] {
            if let Some(quantity) = value {
                asked.push((controller, format!("resources.limits.{controller} {owner} ({quantity})")));
            }
        }
    }
    asked
}

// ANCHOR: check
/// Se niega a prometer un límite que esta máquina no puede dar.
pub fn check(spec: &PodSpec, hierarchy: Option<&Hierarchy>) -> Result<(), Error> {
    let lacks = |controller: &str| hierarchy.is_none_or(|h| !h.has(controller));
    let Some((controller, what)) = asked(spec).into_iter().find(|(controller, _)| lacks(controller)) else {
        return Ok(());
    };
    let cause = match hierarchy {
        None => "cgroup v2 no está montado".to_string(),
        Some(h) if h.held_by_v1.iter().any(|c| c == controller) => format!(
            "modo híbrido: el controlador {controller} está montado como cgroup v1, y en {} no lo hay",
            h.root.display()
        ),
        Some(h) => format!("en {} no está el controlador {controller}", h.root.display()),
    };
    Err(Error::failed(format!("esta máquina no puede cumplir {what}")).because(cause).with_hint(
        "arranca el kernel con systemd.unified_cgroup_hierarchy=1, usa `make vm` o quita el límite; \
         `micropod doctor` da los detalles",
    ))
}
// ANCHOR_END: check

// ANCHOR: prepare
/// Del lado del anfitrión: crea el cgroup del Pod y el de la pausa. Devuelve el del Pod.
pub fn prepare(
    k: &mut Kernel,
    hierarchy: &Hierarchy,
    pod: &str,
    limits: &Limits,
) -> Result<PathBuf, StepError> {
    let home = hierarchy.home();
    let path = home.join(pod);
    let delegated = hierarchy.delegated().iter().map(|c| format!("+{c}")).collect::<Vec<_>>().join(" ");
    if !k.is_real() || !home.exists() || !hierarchy.has_delegated() {
        k.step(
            "crear el grupo de control de micropod, del que cuelgan los de todos los Pods",
            MakeDir::if_missing(&home, 0o755),
        )?;
        if !delegated.is_empty() {
            let why = "repartir hacia abajo los controladores, para que los Pods puedan tener límites";
            let value = CgroupValue::Controllers(delegated.clone());
            k.step(why, WriteCgroup { dir: hierarchy.root.clone(), value: value.clone() })?;
            k.step("repartirlos también a los Pods", WriteCgroup { dir: home.clone(), value })?;
        }
    }
    k.step("crear el grupo de control del Pod, para medirlo y limitarlo entero", MakeDir::new(&path, 0o755))?;
    k.undo_later("borrar el grupo de control del Pod", RemoveDir(path.clone()));
    if !delegated.is_empty() {
        k.step(
            "repartir los controladores a los contenedores del Pod",
            WriteCgroup { dir: path.clone(), value: CgroupValue::Controllers(delegated) },
        )?;
    }
    write_limits(k, hierarchy, &path, limits)?;
    let pause = path.join(PAUSE);
    k.step(
        "crear el grupo de control de la pausa: los procesos solo viven en las hojas",
        MakeDir::new(&pause, 0o755),
    )?;
    k.undo_later("borrar el grupo de control de la pausa", RemoveDir(pause));
    Ok(path)
}
// ANCHOR_END: prepare

// ANCHOR: prepare_container
/// Del lado del anfitrión: crea el cgroup de un contenedor dentro del de su Pod. Quien lo llama
/// lo borra cuando el contenedor acaba: cada vida estrena el suyo, con sus contadores a cero.
pub fn prepare_container(
    k: &mut Kernel,
    hierarchy: &Hierarchy,
    pod: &Path,
    name: &str,
    limits: &Limits,
) -> Result<PathBuf, StepError> {
    let path = pod.join(name);
    k.step(format_args!("crear el grupo de control de {name}"), MakeDir::new(&path, 0o755))?;
    write_limits(k, hierarchy, &path, limits)?;
    // en los contenedores, y no en el Pod: si el que se agota es el límite del Pod, moriría también la pausa
    if hierarchy.has("memory") {
        let why = "si falta memoria, matar todos sus procesos y no uno cualquiera";
        k.step(why, WriteCgroup { dir: path.clone(), value: CgroupValue::OomGroup })?;
    }
    Ok(path)
}
// ANCHOR_END: prepare_container

/// De milésimas de CPU a los dos números de `cpu.max`: microsegundos, y de cuántos.
pub fn cpu_quota(millis: u64) -> (u64, u64) {
    ((millis * CPU_PERIOD / 1000).max(MIN_CPU_QUOTA), CPU_PERIOD)
}

// ANCHOR: write_limits
/// Escribe los límites antes de que nadie viva dentro: valen desde la primera instrucción.
fn write_limits(
    k: &mut Kernel,
    hierarchy: &Hierarchy,
    path: &Path,
    limits: &Limits,
) -> Result<(), StepError> {
    let write = |value| WriteCgroup { dir: path.to_path_buf(), value };
    if let Some(bytes) = limits.memory_max {
        k.step("poner tope a la memoria", write(CgroupValue::MemoryMax(bytes)))?;
        let why = "no dejar que el tope se esquive con la memoria de intercambio";
        if path.join("memory.swap.max").exists() || !k.is_real() {
            k.step(why, write(CgroupValue::SwapMax(0)))?;
        }
    }
    if let Some(millis) = limits.cpu_max {
        let (quota, _) = cpu_quota(millis);
        let why = "poner tope a la CPU: microsegundos de cada periodo";
        k.step(why, write(CgroupValue::CpuMax { quota, period: CPU_PERIOD }))?;
    }
    if let Some(weight) = limits.cpu_weight.filter(|_| hierarchy.has("cpu")) {
        k.step("repartir la CPU cuando no haya para todos", write(CgroupValue::CpuWeight(weight)))?;
    }
    if let Some(pids) = limits.pids_max.filter(|_| hierarchy.has("pids")) {
        k.step("poner tope al número de procesos", write(CgroupValue::PidsMax(pids)))?;
    }
    Ok(())
}
// ANCHOR_END: write_limits

// ANCHOR: kill
/// Mata de un golpe cuanto viva en un cgroup o por debajo. Que no exista no es un fallo.
pub fn kill(path: &Path) -> Result<(), Errno> {
    let op = WriteCgroup { dir: path.to_path_buf(), value: CgroupValue::Kill };
    match op.run() {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

/// Cuántas veces el kernel mató algo de este cgroup, o de los que cuelgan, por falta de memoria.
/// Hay que leerlo antes de borrar el cgroup.
pub fn oom_kills(path: &Path) -> u64 {
    counter(path, "memory.events", "oom_kill ").unwrap_or(0)
}
// ANCHOR_END: kill

/// Un contador de un fichero de un cgroup, de la forma `clave número`.
pub fn counter(path: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path.join(file)).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
}

/// Por qué mató el kernel al contenedor `name`, de este cgroup, por falta de memoria. `oom` se cuenta en el grupo que
/// chocó con su tope: él, su Pod o, si ninguno de los dos, la máquina.
pub fn why_oom_killed(path: &Path, name: &str) -> String {
    let number = |path: &Path, file| fs::read_to_string(path.join(file)).ok()?.trim().parse::<u64>().ok();
    let quantity = |before: &str, n: Option<u64>, after: &str| {
        n.map(|n| format!("{before}{}{after}", as_quantity(n))).unwrap_or_default()
    };
    let hit = |path: &&Path| counter(path, "memory.events.local", "oom ").is_some_and(|n| n > 0);
    let limit = |path| quantity(" de ", number(path, "memory.max"), "");
    if hit(&path) {
        // memory.peak es de Linux 5.19
        let peak = quantity(" (llegó a gastar ", number(path, "memory.peak"), ")");
        format!("el contenedor {name} pasó de su límite de memoria{}{peak}: el kernel lo mató", limit(path))
    } else if let Some(pod) = path.parent().filter(hit) {
        format!("el Pod pasó de su límite de memoria{}: el kernel mató al contenedor {name}", limit(pod))
    } else {
        format!("la máquina se quedó sin memoria: el kernel mató al contenedor {name}")
    }
}

/// Unos bytes como se escriben en la especificación: `64Mi`, `15,5Mi`, `512Ki`.
pub fn as_quantity(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1 << 20 { (1u64 << 20, "Mi") } else { (1 << 10, "Ki") };
    match (bytes * 10 + unit / 2) / unit {
        tenths if tenths % 10 == 0 => format!("{}{name}", tenths / 10),
        tenths => format!("{},{}{name}", tenths / 10, tenths % 10),
    }
}

/// Mata lo que quede en un cgroup (un proceso que se hizo demonio) y lo borra en cuanto se vacía.
pub fn remove_for_sure(path: &Path) {
    for attempt in 0..200 {
        match remove_tree(path) {
            Ok(()) => return,
            Err(_) if attempt == 0 => {
                if let Err(error) = kill(path) {
                    log::error!("no se pudo vaciar {}: {error}", path.display());
                }
            }
            // lo que se acaba de matar tarda unos instantes en irse
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }
    log::error!("el grupo de control {} no se vacía", path.display());
}

/// Los procesos que viven en un cgroup y en los que cuelgan de él: podman, containerd y docker hacen otro debajo.
pub fn members(path: &Path) -> Vec<i32> {
    let text = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    // el directorio ya dice qué es cada cosa: preguntarlo de sus cuarenta ficheros, uno por uno, saldría caro
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let below = fs::read_dir(path).into_iter().flatten().flatten().filter(is_dir);
    let here = text.lines().filter_map(|line| line.parse().ok());
    here.chain(below.flat_map(|entry| members(&entry.path()))).collect()
}

/// Borra un cgroup y los que cuelgan de él, que ya han de estar vacíos.
pub fn remove_tree(path: &Path) -> std::io::Result<()> {
    // casi ninguno tiene otros debajo: mirar antes uno por uno sus cuarenta ficheros saldría caro
    match fs::remove_dir(path) {
        Ok(()) => return Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(_) => {}
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

// ANCHOR: qos
/// Clase de calidad de servicio del Pod: cuenta la CPU y la memoria de todos sus contenedores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl std::fmt::Display for Qos {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

pub fn qos(spec: &PodSpec) -> Qos {
    // cantidades (pedida, límite) de cada recurso que cuenta; cero es como no ponerla
    let pair = |r: &crate::spec::types::ResourceRequirements| {
        let limit = [r.limits.cpu.as_ref(), r.limits.memory.as_ref()].map(|q| q.map_or(0, |q| q.millis()));
        let asked =
            [r.requests.cpu.as_ref(), r.requests.memory.as_ref()].map(|q| q.map_or(0, |q| q.millis()));
        [0, 1].map(|i| (if asked[i] == 0 { limit[i] } else { asked[i] }, limit[i]))
    };
    let pod = pair(&spec.resources);
    let containers = spec.init_containers.iter().chain(&spec.containers).map(|c| pair(&c.resources));
    let all: Vec<[(u64, u64); 2]> =
        if pod.iter().any(|(asked, _)| *asked > 0) { vec![pod] } else { containers.collect() };
    let flat = || all.iter().flatten();
    if flat().all(|(asked, _)| *asked == 0) {
        Qos::BestEffort
    } else if flat().all(|(asked, limit)| *limit > 0 && asked == limit) {
        Qos::Guaranteed
    } else {
        Qos::Burstable
    }
}
// ANCHOR_END: qos

// ANCHOR: oom_score
/// Cuánto se ofrece un contenedor al verdugo de la memoria (`oom_score_adj`): de −997 a 1000. Un
/// auxiliar no se ofrece más que el que menos de los de aplicación a los que sirve.
pub fn oom_score_adj(qos: Qos, spec: &PodSpec, container: &Container, node_memory: u64) -> i32 {
    let one = |container: &Container| {
        let request = request_or_limit(container, |l| l.memory.as_ref().map(|q| q.units())).unwrap_or(0);
        let share = request.saturating_mul(1000) / node_memory.max(1);
        (1000 - share as i64).clamp(3, 999) as i32
    };
    let sidecar = init_kind(container) == Kind::Sidecar
        && spec.init_containers.iter().any(|c| c.name == container.name);
    match qos {
        Qos::Guaranteed => -997,
        Qos::BestEffort => 1000,
        Qos::Burstable if sidecar => spec.containers.iter().map(one).fold(one(container), i32::min),
        Qos::Burstable => one(container),
    }
}
// ANCHOR_END: oom_score

/// Procesadores de la máquina.
pub fn node_cpus() -> u64 {
    let online = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN);
    online.ok().flatten().and_then(|n| u64::try_from(n).ok()).unwrap_or(1)
}

/// Bytes de memoria de la máquina.
pub fn node_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:")).and_then(|l| l.split_whitespace().next());
    kib.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn los_bytes_se_dicen_como_se_escriben() {
        for (bytes, text) in [
            (16 << 20, "16Mi"),
            (16_252_928, "15,5Mi"),
            (512 << 10, "512Ki"),
            (0, "0Ki"),
            (5 << 30, "5120Mi"),
        ] {
            assert_eq!(as_quantity(bytes), text);
        }
    }

    #[test]
    fn el_peso_de_una_cpu_es_el_del_kernel() {
        let table = [
            (0, 1),
            (10, 4),
            (50, 11),
            (100, 17),
            (250, 35),
            (500, 59),
            (1000, 100),
            (2000, 174),
            (4000, 303),
        ];
        for (millis, weight) in table {
            assert_eq!(cpu_weight(millis), weight, "{millis}m");
        }
    }

    fn container(name: &str, memory: &str, policy: Option<crate::spec::types::RestartPolicy>) -> Container {
        let mut container = Container { name: name.into(), restart_policy: policy, ..Default::default() };
        container.resources.limits.memory = Some(crate::spec::quantity::Quantity::parse(memory).unwrap());
        container
    }

    #[test]
    fn el_pod_puede_gastar_lo_que_gasten_a_la_vez_los_suyos() {
        let sidecar = Some(crate::spec::types::RestartPolicy::Always);
        let spec = PodSpec {
            init_containers: vec![
                container("antes", "100Mi", None),
                container("auxiliar", "30Mi", sidecar),
                container("despues", "90Mi", None),
            ],
            containers: vec![container("a", "40Mi", None), container("b", "40Mi", None)],
            ..Default::default()
        };
        // a la vez: 30 + 40 + 40; «despues» corre con el auxiliar: 30 + 90; «antes», solo
        assert_eq!(pod_limits(&spec).memory_max, Some(120 << 20));
        let apps_only = PodSpec { init_containers: spec.init_containers[..2].to_vec(), ..spec.clone() };
        assert_eq!(pod_limits(&apps_only).memory_max, Some(110 << 20));
        let mut unlimited = spec;
        unlimited.init_containers[1].resources.limits.memory = None;
        assert_eq!(pod_limits(&unlimited).memory_max, None, "si uno no tiene tope, el Pod tampoco");
    }

    #[test]
    fn la_clase_de_un_pod_sale_de_la_cpu_y_la_memoria_de_todos() {
        use crate::spec::types::ResourceRequirements;
        let list = |cpu: &str, memory: &str| {
            let quantity = |text: &str| crate::spec::quantity::Quantity::parse(text).ok();
            ResourceList { cpu: quantity(cpu), memory: quantity(memory), pids: None }
        };
        // lo pedido y el límite de cada contenedor; el vacío es no decirlo
        let class = |containers: &[[&str; 4]], pod: [&str; 2]| {
            let one = |[cpu, memory, max_cpu, max_memory]: &[&str; 4]| Container {
                resources: ResourceRequirements {
                    requests: list(cpu, memory),
                    limits: list(max_cpu, max_memory),
                },
                ..Default::default()
            };
            let limits = list(pod[0], pod[1]);
            qos(&PodSpec {
                containers: containers.iter().map(one).collect(),
                resources: ResourceRequirements { limits, ..Default::default() },
                ..Default::default()
            })
        };
        let nobody = ["", ""];
        assert_eq!(class(&[["", "", "", ""]], nobody), Qos::BestEffort);
        assert_eq!(class(&[["0", "0", "", ""]], nobody), Qos::BestEffort, "cero es como no ponerlo");
        assert_eq!(class(&[["", "", "1", "64Mi"]], nobody), Qos::Guaranteed, "se pide lo que se limita");
        assert_eq!(
            class(&[["1", "64Mi", "1000m", "65536Ki"]], nobody),
            Qos::Guaranteed,
            "es la misma cantidad"
        );
        assert_eq!(class(&[["500m", "", "1", "64Mi"]], nobody), Qos::Burstable);
        assert_eq!(class(&[["", "64Mi", "", ""]], nobody), Qos::Burstable);
        assert_eq!(class(&[["", "", "", "64Mi"]], nobody), Qos::Burstable, "falta la CPU");
        let two = [["", "", "1", "64Mi"], ["", "", "", ""]];
        assert_eq!(class(&two, nobody), Qos::Burstable, "basta con que uno no diga nada");
        assert_eq!(class(&two, ["2", "1Gi"]), Qos::Guaranteed, "si lo dice el Pod, manda el Pod");
    }

    #[test]
    fn lo_que_se_ofrece_cada_contenedor_son_los_numeros_de_kubernetes() {
        let spec = PodSpec::default();
        let adj = |qos, memory: &str| oom_score_adj(qos, &spec, &container("c", memory, None), 4 << 30);
        assert_eq!(adj(Qos::Guaranteed, "64Mi"), -997);
        assert_eq!(adj(Qos::BestEffort, "64Mi"), 1000);
        for (memory, expected) in [("64Mi", 985), ("1Gi", 750), ("1Ki", 999), ("4Gi", 3), ("8Gi", 3)] {
            assert_eq!(adj(Qos::Burstable, memory), expected, "{memory} de 4Gi");
        }
    }

    #[test]
    fn a_un_auxiliar_no_se_le_mata_antes_que_a_quien_sirve() {
        let sidecar = Some(crate::spec::types::RestartPolicy::Always);
        let spec = PodSpec {
            init_containers: vec![container("auxiliar", "64Mi", sidecar)],
            containers: vec![container("grande", "1Gi", sidecar), container("medio", "512Mi", None)],
            ..Default::default()
        };
        let adj = |c: &Container| oom_score_adj(Qos::Burstable, &spec, c, 4 << 30);
        assert_eq!(adj(&spec.containers[0]), 750);
        assert_eq!(adj(&spec.containers[1]), 875, "cada uno de aplicación, lo suyo");
        assert_eq!(adj(&spec.init_containers[0]), 750, "como el que menos se ofrece");
    }

    #[test]
    fn una_maquina_hibrida_se_reconoce_por_sus_montajes() {
        let mounts = "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let (roots, held) = read_mounts(&mountinfo::read(mounts));
        assert_eq!(roots, [Path::new("/sys/fs/cgroup/unified")]);
        assert_eq!(held, ["memory"]);
        assert!(read_mounts(&mountinfo::read("1 1 0:1 / / rw - ext4 /dev/vda rw\n")).0.is_empty());
    }
}
