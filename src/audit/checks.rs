//! De los hechos a las comprobaciones: puro. Cada una dice qué se mira y, si falla, qué campo la abre.

use super::facts::{Facts, NAMESPACES, Thing};
use crate::mountinfo::Mount;
use crate::security::bpf::{Call, lets_through, run_all};
use crate::security::capabilities;
use crate::security::syscalls::{self, Arch};

/// Una comprobación.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub group: &'static str,
    pub name: String,
    /// `None`: este kernel no deja saberlo.
    pub met: Option<bool>,
    /// Qué campo del Pod la gobierna.
    pub field: &'static str,
}

/// Las rutas por las que, escribiendo, se ha salido de contenedores.
const WRITABLE: [&str; 18] = [
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/kernel/hostname",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/irq/default_smp_affinity",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/acpi/wakeup",
    "/proc/bus/pci",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/release_agent",
    "/sys/module/overlay/parameters/metacopy",
];

/// Lo que habla de toda la máquina, y no debe verse.
const MASKED: [&str; 16] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/proc/kmsg",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/fs/bpf",
];

/// Las rutas que hay que mirar.
pub fn paths() -> Vec<&'static str> {
    WRITABLE.into_iter().chain(MASKED).collect()
}

/// Las llamadas que se preguntan al filtro: su nombre, y la familia o las banderas del primer argumento.
const CALLS: [(&str, u64); 43] = [
    ("mount", 0),
    ("umount2", 0),
    ("pivot_root", 0),
    ("setns", 0),
    ("unshare", 0),
    ("unshare", 0x1000_0000),
    ("clone", 0x1000_0011),
    ("clone3", 0),
    ("open_tree", 0),
    ("fsopen", 0),
    ("fsmount", 0),
    ("move_mount", 0),
    ("mount_setattr", 0),
    ("bpf", 0),
    ("perf_event_open", 0),
    ("userfaultfd", 0),
    ("io_uring_setup", 0),
    ("add_key", 0),
    ("keyctl", 0),
    ("request_key", 0),
    ("open_by_handle_at", 0),
    ("init_module", 0),
    ("finit_module", 0),
    ("delete_module", 0),
    ("kexec_load", 0),
    ("reboot", 0),
    ("swapon", 0),
    ("acct", 0),
    ("syslog", 0),
    ("quotactl", 0),
    ("iopl", 0),
    ("kcmp", 0),
    ("pidfd_getfd", 0),
    ("clock_settime", 0),
    ("settimeofday", 0),
    ("sethostname", 0),
    ("personality", 0x100),
    ("move_pages", 0),
    ("fanotify_init", 0),
    ("socket", 38),
    ("socket", 40),
    ("socket", 17),
    ("socket", 2), // en crudo: no la niega el filtro, sino no tener NET_RAW
];

const DOCKER: u64 = 0xa804_25fb;
const PODMAN: u64 = 0x8004_05fb;
const DEVICES: [&str; 8] = ["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"];

struct Auditor<'a> {
    facts: &'a Facts,
    checks: Vec<Check>,
}

impl Auditor<'_> {
    fn add(&mut self, group: &'static str, name: impl Into<String>, met: bool, field: &'static str) {
        self.checks.push(Check { group, name: name.into(), met: Some(met), field });
    }

    fn mask(&self, field: &str) -> u64 {
        let value = self.facts.status.get(field);
        // un campo que no está no demuestra nada: como si las tuviera todas
        value.and_then(|v| u64::from_str_radix(v, 16).ok()).unwrap_or(u64::MAX)
    }

    fn status(&self, field: &str) -> &str {
        self.facts.status.get(field).map_or("", String::as_str)
    }

    /// El montaje en el que está `path`: el último de los más largos.
    fn mount_at(&self, path: &str) -> Option<&Mount> {
        let holds = |m: &&Mount| {
            m.point == "/"
                || path == m.point
                || path.strip_prefix(&m.point).is_some_and(|r| r.starts_with('/'))
        };
        self.facts.mounts.iter().filter(holds).max_by_key(|m| m.point.len())
    }

    fn mount(&self, point: &str) -> Option<&Mount> {
        self.facts.mounts.iter().rfind(|m| m.point == point)
    }
}

/// Todas las comprobaciones, en el orden en que se enseñan.
pub fn check(facts: &Facts) -> Vec<Check> {
    let mut auditor = Auditor { facts, checks: Vec::new() };
    privileges(&mut auditor);
    calls(&mut auditor);
    writes(&mut auditor);
    masks(&mut auditor);
    devices(&mut auditor);
    namespaces(&mut auditor);
    mounts(&mut auditor);
    process(&mut auditor);
    auditor.checks
}

fn privileges(a: &mut Auditor) {
    const GROUP: &str = "privilegios";
    const CAPABILITIES: &str = "securityContext.capabilities";
    let (effective, bounding) = (a.mask("CapEff"), a.mask("CapBnd"));
    let has = |mask: u64, names: &[&str]| names.iter().any(|n| capabilities::contains(mask, n));
    a.add(GROUP, "efectivas: ninguna que Docker no dé", effective & !DOCKER == 0, CAPABILITIES);
    a.add(GROUP, "tope: ninguna que Docker no dé", bounding & !DOCKER == 0, CAPABILITIES);
    a.add(GROUP, "efectivas: ninguna que podman no dé", effective & !PODMAN == 0, CAPABILITIES);
    let power = !has(effective, &["SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO"]);
    a.add(GROUP, "ni SYS_ADMIN, ni SYS_PTRACE, ni SYS_MODULE, ni SYS_RAWIO", power, CAPABILITIES);
    a.add(GROUP, "ni NET_RAW ni MKNOD", !has(effective, &["NET_RAW", "MKNOD"]), CAPABILITIES);
    a.add(GROUP, "ninguna heredable", a.mask("CapInh") == 0, CAPABILITIES);
    a.add(GROUP, "ninguna ambiental", a.mask("CapAmb") == 0, CAPABILITIES);
    let gains = a.status("NoNewPrivs") == "1";
    a.add(GROUP, "no puede ganar privilegios", gains, "securityContext.allowPrivilegeEscalation");
    // el suyo, apuntado otra vez, no es de más: así lo deja podman
    let own = a.status("Gid").split(' ').next().unwrap_or_default();
    let groups = ["", "0", own].contains(&a.status("Groups"));
    a.add(GROUP, "ningún grupo de más", groups, "securityContext.supplementalGroups");
}

/// El nombre, los números y qué se pregunta de una llamada.
fn row(name: &str) -> Option<syscalls::Call> {
    let grouped = syscalls::DENIED.iter().flat_map(|g| g.calls).copied();
    let special =
        [syscalls::CLONE, syscalls::CLONE3, syscalls::SOCKET, syscalls::IOCTL, syscalls::PERSONALITY];
    grouped.chain(special).find(|call| call.name == name)
}

fn calls(a: &mut Auditor) {
    const GROUP: &str = "llamadas";
    const FIELD: &str = "securityContext.seccompProfile";
    a.add(GROUP, "hay filtro", a.status("Seccomp") == "2", FIELD);
    let raw = !capabilities::contains(a.mask("CapEff"), "NET_RAW");
    for (name, argument) in CALLS {
        let number = row(name).and_then(|call| call.number(Arch::HERE));
        let met = match (number, &a.facts.filters) {
            // esta arquitectura no la tiene
            (None, _) => Some(true),
            (Some(_), _) if name == "socket" && argument == 2 => Some(raw),
            (Some(_), None) => None,
            (Some(number), Some(filters)) => {
                let call = Call { arch: Arch::HERE.audit(), number, arguments: [argument, 0, 0, 0, 0, 0] };
                run_all(filters, &call).map(|answer| !lets_through(answer))
            }
        };
        let shown = match name {
            "unshare" | "clone" if argument != 0 => format!("se niega {name} (CLONE_NEWUSER)"),
            "socket" => format!("se niega socket ({})", family(argument)),
            "personality" => "se niega personality (otra)".to_string(),
            name => format!("se niega {name}"),
        };
        a.checks.push(Check { group: GROUP, name: shown, met, field: FIELD });
    }
    let i386 = Call { arch: 0x4000_0003, number: 20, arguments: [0; 6] };
    let met = a.facts.filters.as_ref().map(|all| run_all(all, &i386).is_some_and(|r| !lets_through(r)));
    let met = if Arch::HERE == Arch::X86_64 { met } else { Some(true) };
    let name = "se niega la interfaz de 32 bits".to_string();
    a.checks.push(Check { group: GROUP, name, met, field: FIELD });
}

fn family(number: u64) -> &'static str {
    match number {
        38 => "AF_ALG",
        40 => "AF_VSOCK",
        17 => "AF_PACKET",
        _ => "en crudo",
    }
}

fn writes(a: &mut Auditor) {
    const GROUP: &str = "escrituras";
    const FIELD: &str = "securityContext.procMount, privileged";
    for path in WRITABLE {
        let writable = match a.facts.things.get(path) {
            Some(Thing::File) => a.mount_at(path).is_some_and(|m| !m.is_read_only()),
            // lo que no está no se escribe, y en un directorio o en /dev/null no hay nada que cambiar
            _ => false,
        };
        a.add(GROUP, format!("está protegido {path}"), !writable, FIELD);
    }
    let cgroup = a.mount("/sys/fs/cgroup").is_some_and(|m| !m.is_read_only());
    a.add(GROUP, "está protegido /sys/fs/cgroup", !cgroup, FIELD);
}

/// Lo que, aunque esté a la vista, el kernel solo abre con una capacidad.
const GUARDED: [(&str, &str); 2] = [("/proc/kmsg", "SYSLOG"), ("/proc/kcore", "SYS_RAWIO")];

fn masks(a: &mut Auditor) {
    let effective = a.mask("CapEff");
    for path in MASKED {
        let guard = GUARDED.iter().find(|(guarded, _)| *guarded == path);
        let hidden = match a.facts.things.get(path) {
            Some(Thing::File) => guard.is_some_and(|(_, needed)| !capabilities::contains(effective, needed)),
            Some(Thing::FullDir) => false,
            Some(Thing::Nothing | Thing::NullDevice | Thing::EmptyDir) | None => true,
        };
        a.add("tapado", format!("está tapado {path}"), hidden, "securityContext.procMount");
    }
}

fn devices(a: &mut Auditor) {
    const GROUP: &str = "dispositivos";
    const FIELD: &str = "securityContext.privileged";
    let all = &a.facts.devices;
    let known = !all.is_empty() && all.iter().all(|(name, _)| DEVICES.contains(&name.as_str()));
    let blocks = all.iter().any(|(_, block)| *block);
    let useless =
        a.mount("/").is_some_and(|m| m.has("nodev")) || !capabilities::contains(a.mask("CapEff"), "MKNOD");
    a.add(GROUP, "solo los de siempre", known, FIELD);
    a.add(GROUP, "ninguno de bloques", !blocks, FIELD);
    a.add(GROUP, "uno fabricado no se abre", useless, "securityContext.capabilities");
}

fn namespaces(a: &mut Auditor) {
    for name in NAMESPACES {
        let own = a.facts.namespaces.get(name).is_some_and(|(own, host)| own != host && *own != 0);
        let field = if name == "net" || name == "uts" { "hostNetwork" } else { "" };
        a.add("espacios", format!("es propio el de {name}"), own, field);
    }
}

fn mounts(a: &mut Auditor) {
    const GROUP: &str = "montajes";
    let all = &a.facts.mounts;
    let private = !all.is_empty() && all.iter().all(|m| !m.propagates);
    let proc = a.mount("/proc").is_some_and(|m| m.has("nosuid") && m.has("nodev") && m.has("noexec"));
    let only_look = |point: &str| a.mount(point).is_none_or(|m| m.is_read_only());
    let (sys, cgroup) = (only_look("/sys"), only_look("/sys/fs/cgroup"));
    let root = a.mount("/").is_some_and(|m| m.has("nodev"));
    let dev = a.mount("/dev").is_some_and(|m| m.fstype == "tmpfs");
    let disk = |m: &&Mount| ["ext4", "xfs", "btrfs", "9p"].contains(&m.fstype.as_str()) && m.point != "/";
    let outside = all.iter().filter(disk).count() == 0;
    a.add(GROUP, "ninguno se propaga", private, "");
    a.add(GROUP, "/proc sin setuid, dispositivos ni programas", proc, "");
    a.add(GROUP, "/sys en solo lectura", sys, "securityContext.privileged");
    a.add(GROUP, "cgroups en solo lectura", cgroup, "securityContext.privileged");
    a.add(GROUP, "la raíz, sin dispositivos", root, "");
    a.add(GROUP, "/dev es suyo", dev, "");
    a.add(GROUP, "nada del disco del anfitrión", outside, "volumes");
}

fn process(a: &mut Auditor) {
    const GROUP: &str = "proceso";
    let files = match a.facts.foreign_files.is_empty() {
        true => "ningún fichero abierto de fuera".to_string(),
        false => format!("ningún fichero abierto de fuera ({})", a.facts.foreign_files.join(", ")),
    };
    a.add(GROUP, files, a.facts.foreign_files.is_empty(), "");
    a.add(GROUP, "el directorio actual está dentro", a.facts.cwd_inside, "workingDir");
    let limited = a.facts.pids_max.as_deref().is_some_and(|max| max.trim() != "max");
    a.add(GROUP, "el Pod tiene tope de procesos", limited, "resources.limits.pids");
}

#[cfg(test)]
#[path = "checks_tests.rs"]
mod tests;
