//! El *bundle* de la norma OCI: un directorio con un `config.json` que dice cómo ha de ser el contenedor.
//!
//! Aquí no se decide nada: se escribe lo que ya ha decidido `plan.rs`, lo mismo que obedece el nuestro.

use super::{Order, filter};
use crate::kernel::Op;
use crate::kernel::ops::{WriteFile, quote_path};
use crate::process::{ContainerPlan, shown};
use crate::rootfs;
use crate::security::{self, CAPABILITIES, LIMITS, SecurityPlan};
use crate::state;
use nix::errno::Errno;
use nix::sched::CloneFlags;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Dónde está el bundle de una vida de un contenedor.
pub struct Bundle {
    pub dir: PathBuf,
    /// Cómo llama al contenedor quien lo crea.
    pub id: String,
    /// El grupo de control que se le pide dentro del que hace micropod; `None`: hace él el del contenedor.
    pub inner: Option<&'static str>,
    /// ¿Lo va a leer youki 0.7? Toma por valores las máscaras del filtro, y no escribe un límite de cero.
    pub youki: bool,
}

impl Bundle {
    pub fn of(order: &Order) -> Bundle {
        let Order { pod, id, life, .. } = order;
        let name = &pod.containers[*id].name;
        // ningún nombre lleva puntos: no puede ser el de una capa
        let dir = state::data_dir(&pod.uid).join(format!("{name}.{life}.oci"));
        Bundle { dir, id: format!("{}.{id}.{life}", pod.uid), inner: None, youki: false }
    }

    /// El de la última vida de un contenedor, según los directorios que hay.
    pub fn latest(uid: &str, id: usize, name: &str) -> Bundle {
        let prefix = format!("{name}.");
        let life =
            |file: &String| -> Option<u32> { file.strip_prefix(&prefix)?.strip_suffix(".oci")?.parse().ok() };
        let last = state::names_in(&state::data_dir(uid)).iter().filter_map(life).max().unwrap_or(0);
        Bundle {
            dir: state::data_dir(uid).join(format!("{name}.{last}.oci")),
            id: format!("{uid}.{id}.{last}"),
            inner: None,
            youki: false,
        }
    }

    pub fn config(&self) -> PathBuf {
        self.dir.join("config.json")
    }

    /// Donde quien lo crea escribe el número del PID 1.
    pub fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// Donde se queja.
    pub fn log(&self) -> PathBuf {
        self.dir.join("queja")
    }

    /// Donde se deja preparado el volumen número `n`.
    pub fn volume(&self, n: usize) -> PathBuf {
        self.dir.join(format!("volumen-{n}"))
    }
}

/// El socket por el que llega la terminal: fuera del bundle, porque su ruta ha de caber en 108 letras.
pub fn console(order: &Order) -> PathBuf {
    state::data_dir(&order.pod.uid).join(format!("{}.{}.tty", order.id, order.life))
}

// ANCHOR: config
/// El `config.json` de un contenedor. `env` y `argv` van aparte: para enseñarlos, sin lo secreto.
fn config(order: &Order, bundle: &Bundle, argv: &[String], env: &[String]) -> Value {
    let (pod, plan) = (order.pod, &order.pod.containers[order.id]);
    let security = &plan.security;
    let mut linux = json!({
        "namespaces": namespaces(order, bundle),
        "resources": resources(order, bundle.youki),
        "maskedPaths": if security.masked { security::masked_here() } else { Vec::new() },
        "readonlyPaths": if security.masked { security::READ_ONLY.to_vec() } else { Vec::new() },
    });
    if let Some(path) = cgroups_path(order) {
        linux["cgroupsPath"] = json!(bundle.inner.map_or(path.clone(), |inner| format!("{path}/{inner}")));
    }
    if security.seccomp {
        linux["seccomp"] = filter::profile(security.open_to_filter(), bundle.youki);
    }
    if security.privileged {
        linux["devices"] = json!(host_devices());
    }
    json!({
        "ociVersion": "1.0.2",
        "process": process(plan, plan.tty, argv, env),
        "root": { "path": rootfs::mount_point(), "readonly": security.read_only_root },
        "mounts": mounts(plan, bundle, pod.hierarchy.is_some()),
        "linux": linux,
    })
}
// ANCHOR_END: config

/// Cómo ha de ser un proceso: el PID 1, o el de un `exec`, que no tiene más privilegios que él.
fn process(plan: &ContainerPlan, terminal: bool, argv: &[String], env: &[String]) -> Value {
    let security = &plan.security;
    let mut process = json!({
        "terminal": terminal,
        "user": {
            "uid": security.uid, "gid": security.gid, "additionalGids": security.groups, "umask": 0o022,
        },
        "args": argv,
        "env": env,
        "cwd": plan.cwd,
        "capabilities": capabilities(security),
        "rlimits": limits(),
        "oomScoreAdj": oom_score(plan.limits.oom_score_adj),
    });
    // un `false` escrito no es lo mismo para youki: pondría el filtro cuando ya no puede
    if security.no_new_privs {
        process["noNewPrivileges"] = json!(true);
    }
    process
}

/// Lo que comparte el Pod, por la ruta con la que lo nombra la pausa; lo demás, nuevo. La red se nombra siempre
/// a quien deja un demonio en medio: la suya no es la de nadie.
fn namespaces(order: &Order, bundle: &Bundle) -> Vec<Value> {
    let kinds = [
        (CloneFlags::CLONE_NEWNET, "network", "net"),
        (CloneFlags::CLONE_NEWIPC, "ipc", "ipc"),
        (CloneFlags::CLONE_NEWUTS, "uts", "uts"),
        (CloneFlags::CLONE_NEWPID, "pid", "pid"),
        (CloneFlags::CLONE_NEWCGROUP, "cgroup", "cgroup"),
    ];
    let one = |(flag, kind, file): &(CloneFlags, &str, &str)| {
        let pause = order.pause.shown;
        if let (Some(target), CloneFlags::CLONE_NEWPID) = (order.target, *flag) {
            let target = target.shown;
            return Some(json!({ "type": kind, "path": format!("/proc/{target}/ns/{file}") }));
        }
        let not_theirs = *flag == CloneFlags::CLONE_NEWNET && bundle.inner.is_some();
        if not_theirs || order.pod.shared.contains(*flag) {
            return Some(json!({ "type": kind, "path": format!("/proc/{pause}/ns/{file}") }));
        }
        order.pod.own.contains(*flag).then(|| json!({ "type": kind }))
    };
    std::iter::once(json!({ "type": "mount" })).chain(kinds.iter().filter_map(one)).collect()
}

/// Los mismos ficheros de cgroup v2 que escribe el nuestro.
fn resources(order: &Order, youki: bool) -> Value {
    let plan = &order.pod.containers[order.id];
    let has = |name: &str| order.pod.hierarchy.as_ref().is_some_and(|h| h.has(name));
    let mut all = json!({ "devices": [{ "allow": plan.security.privileged, "access": "rwm" }] });
    let mut unified = serde_json::Map::new();
    if has("memory") {
        unified.insert("memory.oom.group".into(), json!("1"));
    }
    if let Some(bytes) = plan.limits.memory_max {
        // la suma de las dos: sin sitio para la memoria de intercambio
        all["memory"] = json!({ "limit": bytes, "swap": bytes });
        let swap = |pod: &PathBuf| pod.join("memory.swap.max").exists();
        if youki && order.pod.cgroup.as_ref().is_some_and(swap) {
            unified.insert("memory.swap.max".into(), json!("0"));
        }
    }
    if let Some(millis) = plan.limits.cpu_max {
        let (quota, period) = crate::cgroup::cpu_quota(millis);
        all["cpu"] = json!({ "quota": quota, "period": period });
    }
    if let Some(weight) = plan.limits.cpu_weight.filter(|_| has("cpu")) {
        unified.insert("cpu.weight".into(), json!(weight.to_string()));
    }
    if !unified.is_empty() {
        all["unified"] = Value::Object(unified);
    }
    all
}

/// El cgroup del contenedor, desde la raíz de la jerarquía.
pub fn cgroups_path(order: &Order) -> Option<String> {
    let hierarchy = order.pod.hierarchy.as_ref()?;
    let path = order.pod.cgroup.as_ref()?.strip_prefix(&hierarchy.root).ok()?;
    Some(format!("/{}", path.join(&order.pod.containers[order.id].name).display()))
}

/// Los nombres de unas capacidades: `CAP_CHOWN`.
pub fn capability_names(mask: u64) -> Vec<String> {
    let all = CAPABILITIES.iter().enumerate();
    all.filter(|(i, _)| mask & (1 << i) != 0).map(|(_, name)| format!("CAP_{name}")).collect()
}

fn capabilities(security: &SecurityPlan) -> Value {
    let kept = capability_names(security.kept_capabilities());
    json!({ "bounding": capability_names(security.capabilities), "effective": kept, "permitted": kept })
}

/// ¿Puede micropod subir un tope? Quien crea el contenedor no lo tolera si no: se le pide lo que hay.
pub fn can_raise() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let own = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
    let own = own.and_then(|n| u64::from_str_radix(n.trim(), 16).ok()).unwrap_or(0);
    security::capabilities::contains(own, "SYS_RESOURCE")
}

/// Los topes de un proceso: cómo se llama, el blando y el duro.
pub fn limits_here() -> Vec<(String, u64, u64)> {
    let free = can_raise();
    let one = |(resource, _, _, soft, hard): &security::Limit| {
        let most = nix::sys::resource::getrlimit(*resource).map_or(*hard, |(_, most)| most);
        let hard = if free { *hard } else { most.min(*hard) };
        (format!("{resource:?}"), hard.min(*soft), hard)
    };
    LIMITS.iter().map(one).collect()
}

fn limits() -> Vec<Value> {
    let all = limits_here().into_iter();
    all.map(|(name, soft, hard)| json!({ "type": name, "soft": soft, "hard": hard })).collect()
}

/// A quién matar antes. Bajarlo de donde está también exige CAP_SYS_RESOURCE.
pub fn oom_score(wanted: Option<i32>) -> i32 {
    let own = fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    let own = own.trim().parse().unwrap_or(0);
    let wanted = wanted.unwrap_or(own);
    if can_raise() { wanted } else { wanted.max(own) }
}

fn mount(target: &str, kind: &str, options: &[&str]) -> Value {
    json!({ "destination": target, "type": kind, "source": kind, "options": options })
}

fn bind(source: &Path, target: &str, options: &[&str]) -> Value {
    let options: Vec<&str> = ["rbind"].iter().chain(options).copied().collect();
    json!({ "destination": target, "type": "bind", "source": source, "options": options })
}

/// Los montajes de la raíz, en el orden en que los hace el nuestro.
fn mounts(plan: &ContainerPlan, bundle: &Bundle, cgroup: bool) -> Vec<Value> {
    let closed = ["nosuid", "nodev", "noexec"];
    let look = ["nosuid", "nodev", "noexec", "ro"];
    let only_look: &[&str] = if plan.security.privileged { &closed } else { &look };
    let dev = ["nosuid", "noexec", "mode=0755", "size=64k", "nr_inodes=1k"];
    let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    let mut all = vec![mount("/proc", "proc", &closed), mount("/sys", "sysfs", only_look)];
    if cgroup {
        all.push(mount("/sys/fs/cgroup", "cgroup", only_look));
    }
    all.push(mount("/dev", "tmpfs", &dev));
    all.push(mount("/dev/pts", "devpts", &pts));
    all.push(bind(&rootfs::pod_shm(), "/dev/shm", &closed));
    all.push(mount("/dev/mqueue", "mqueue", &closed));
    for name in ["hosts", "hostname", "resolv.conf"] {
        let path = format!("/etc/{name}");
        if !plan.mounts.iter().any(|m| m.target == path) {
            all.push(bind(&rootfs::pod_files().join(name), &path, &closed));
        }
    }
    for (n, volume) in plan.mounts.iter().enumerate() {
        let mut options = vec!["nosuid"];
        options.extend((!volume.devices).then_some("nodev"));
        options.extend(volume.read_only.then_some("ro"));
        all.push(bind(&bundle.volume(n), &volume.target, &options));
    }
    all.push(bind(&rootfs::termination_log(&plan.name), &plan.termination_log, &closed));
    all
}

/// Un contenedor privilegiado ve los dispositivos del anfitrión.
fn host_devices() -> Vec<Value> {
    use nix::sys::stat::{major, minor};
    let one = |device: rootfs::HostDevice| {
        json!({
            "path": format!("/dev/{}", device.name), "type": if device.block { "b" } else { "c" },
            "major": major(device.rdev), "minor": minor(device.rdev), "fileMode": device.mode, "uid": 0, "gid": 0,
        })
    };
    rootfs::devices_of_host().map(one).collect()
}

/// Escribir el `config.json`. Solo lo lee root: las variables pueden llevar secretos.
pub struct WriteConfig<'a> {
    pub order: &'a Order<'a>,
    pub bundle: &'a Bundle,
}

impl WriteConfig<'_> {
    fn plan(&self) -> &ContainerPlan {
        &self.order.pod.containers[self.order.id]
    }
}

impl Op for WriteConfig<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let plan = self.plan();
        let config = config(self.order, self.bundle, &public(plan, &plan.argv), &public(plan, &plan.env));
        written(&self.bundle.config(), &config)
    }
    fn run(&self) -> Result<(), Errno> {
        let plan = self.plan();
        let content = pretty(&config(self.order, self.bundle, &plan.argv, &plan.env));
        WriteFile { path: self.bundle.config(), content, mode: 0o600 }.run()
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        let hidden = !self.plan().hidden.is_empty();
        hidden.then_some("los valores de los Secret no se enseñan: ponlos tú")
    }
}

/// Escribir cómo ha de ser el proceso de un `exec`.
pub struct WriteProcess<'a> {
    pub plan: &'a ContainerPlan,
    pub argv: &'a [String],
    pub terminal: bool,
    pub path: PathBuf,
}

impl Op for WriteProcess<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let (argv, env) = (public(self.plan, self.argv), public(self.plan, &self.plan.env));
        written(&self.path, &process(self.plan, self.terminal, &argv, &env))
    }
    fn run(&self) -> Result<(), Errno> {
        let content = pretty(&process(self.plan, self.terminal, self.argv, &self.plan.env));
        WriteFile { path: self.path.clone(), content, mode: 0o600 }.run()
    }
    fn rehearse(&self) {}
}

/// Unas palabras, sin lo que no se enseña.
pub fn public(plan: &ContainerPlan, words: &[String]) -> Vec<String> {
    words.iter().map(|word| shown(word, &plan.hidden).to_string()).collect()
}

/// Como se escribe en la shell un fichero que solo lee root.
fn written(path: &Path, value: &Value) -> String {
    format!("(umask 077; cat > {} <<'FIN'\n{}\nFIN\n)", quote_path(path), pretty(value))
}

/// Lo que cabe en una línea.
const WIDTH: usize = 140;

/// JSON para leerlo: lo que cabe en una línea, en una línea, y las listas largas, como un párrafo.
fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out
}

fn write_value(value: &Value, indent: usize, out: &mut String) {
    let flat = value.to_string();
    let (open, close, items): (char, char, Vec<(String, &Value)>) = match value {
        Value::Array(all) => ('[', ']', all.iter().map(|v| (String::new(), v)).collect()),
        Value::Object(all) => ('{', '}', all.iter().map(|(k, v)| (format!("{}: ", json!(k)), v)).collect()),
        _ => return out.push_str(&flat),
    };
    if flat.len() + indent <= WIDTH {
        return out.push_str(&flat);
    }
    let plain = items.iter().all(|(_, v)| !v.is_array() && !v.is_object());
    let (inner, mut column) = (indent + 2, usize::MAX);
    out.push(open);
    for (i, (key, item)) in items.iter().enumerate() {
        let comma = if i + 1 < items.len() { "," } else { "" };
        let mut text = key.clone();
        write_value(item, inner, &mut text);
        if plain && value.is_array() && column.saturating_add(text.len() + 2) <= WIDTH {
            out.push(' ');
            column += text.len() + 2;
        } else {
            out.push_str(&format!("\n{:inner$}", ""));
            column = inner + text.len() + 1;
        }
        out.push_str(&text);
        out.push_str(comma);
    }
    out.push_str(&format!("\n{:indent$}{close}", ""));
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
