//! La sonda de aislamiento: un programa que intenta, desde dentro de un contenedor, todo aquello por
//! lo que se ha salido de otros; y las 108 comprobaciones que se hacen sobre lo que ha podido.

#![allow(dead_code)] // cada fichero de tests compila este módulo y usa solo una parte

use crate::common::{self, World};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// ¿Toca este test aquí? Como root, y no otra vez en la micro-VM, que va diez veces más despacio: allí
/// bastan los que miran al kernel más viejo y a cgroup v2, que preguntan con `is_root`.
pub fn here() -> bool {
    let again = std::env::var_os("MICROPOD_VM").is_some();
    if again {
        eprintln!("omitido: en la micro-VM bastan otros");
    }
    !again && common::is_root()
}

/// La sonda compilada: la de `MICROPOD_SONDA` (en la micro-VM no hay gcc) o `sonda.c`, con gcc.
pub fn probe_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || match std::env::var_os("MICROPOD_SONDA") {
        Some(path) => PathBuf::from(path),
        None => compile("aislamiento/sonda.c"),
    };
    BINARY.get_or_init(build).clone()
}

/// Un programa estático de `tests/`, recién compilado.
pub fn compile(source: &str) -> PathBuf {
    let name = source.rsplit('/').next().unwrap().trim_end_matches(".c");
    let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(binary.parent().unwrap()).unwrap();
    let source = common::project().join("tests").join(source);
    let gcc = ["-O1", "-Wall", "-Werror", "-static", "-pthread", "-o"];
    common::run(Command::new("gcc").args(gcc).arg(&binary).arg(source)).ok();
    binary
}

/// Un programa estático de `tests/` que en la micro-VM viene ya hecho en la variable `variable`.
pub fn built(variable: &str, source: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| compile(source), PathBuf::from)
}

/// La raíz de la imagen `busybox` del mundo, para plantar en ella lo que haga falta.
pub fn image_root(world: &World) -> PathBuf {
    let images = world.path("/var/lib/micropod/images");
    let found = fs::read_dir(&images).unwrap().flatten().map(|e| e.path().join("rootfs"));
    found.into_iter().find(|root| root.join("bin/busybox").exists()).expect("está la imagen busybox")
}

/// Planta la sonda en la imagen, como `/bin/sonda`.
pub fn plant_probe(world: &World) {
    plant_program(world, "sonda", &probe_binary());
}

/// Planta un programa en la imagen, como `/bin/NOMBRE`.
pub fn plant_program(world: &World, name: &str, binary: &std::path::Path) {
    let target = image_root(world).join("bin").join(name);
    fs::copy(binary, &target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Un Pod de un contenedor, `c`, de busybox, que ejecuta una línea de shell y no se reinicia.
pub fn pod(name: &str, pod_fields: &str, fields: &str, line: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, {pod_fields} \
         containers: [(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r##\"{line}\"##], {fields})]))"
    )
}

/// Levanta ese Pod en segundo plano.
#[track_caller]
pub fn up(world: &World, name: &str, pod_fields: &str, fields: &str, line: &str) {
    let file = world.write(&format!("{name}.ron"), &pod(name, pod_fields, fields, line));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

#[track_caller]
pub fn down(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Ejecuta una línea en el contenedor `c` de un Pod en marcha.
pub fn exec(world: &World, name: &str, line: &str) -> common::Done {
    world.micropod(&["exec", name, "-c", "c", "--", "/bin/sh", "-c", line])
}

/// Vive un Pod entero que ejecuta una línea: su código de salida y lo que escribió.
#[track_caller]
pub fn inpod(world: &World, pod_fields: &str, fields: &str, line: &str) -> (i32, String) {
    let file = world.write("dentro.ron", &pod("dentro", pod_fields, fields, line));
    let done = world.micropod(&["run", file.to_str().unwrap()]);
    let said = world.micropod(&["logs", "dentro"]);
    let left = world.micropod(&["delete", "pod", "dentro"]);
    assert!(done.code != 2, "el Pod no vale: {}", done.err);
    // si no llegó a correr nada, lo que importa es lo que dijo micropod
    match left.code == 0 && (done.code == 0 || !said.out.is_empty()) {
        true => (done.code, said.out),
        false => (done.code, done.err),
    }
}

/// Un Pod que debe rechazarse sin dejar nada: devuelve lo que se dijo.
#[track_caller]
pub fn refuse(world: &World, text: &str) -> String {
    let file = world.write("rechazado.ron", text);
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(2).err;
    assert!(!world.micropod(&["get", "pods", "-o", "name"]).out.contains("pod/"), "no debía quedar Pod");
    said
}

/// El pid (en el mundo) del proceso cuya línea de comandos es `text`, en cuanto arranque.
#[track_caller]
pub fn pid_of(world: &World, text: &str) -> i32 {
    let found = || world.processes().into_iter().find(|(_, line)| line == text).map(|(pid, _)| pid);
    common::wait_until(text, 10, || found().is_some());
    found().unwrap()
}

/// Un campo de `/proc/PID/status`, visto desde fuera.
pub fn status(world: &World, pid: i32, field: &str) -> String {
    let text = world.read(&format!("/proc/{pid}/status"));
    let found = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no está {field}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lo que dijo la sonda.
pub struct Probe {
    lines: Vec<String>,
}

/// Una comprobación: su grupo, su nombre y si se cumple.
pub struct Check {
    pub group: &'static str,
    pub name: String,
    pub met: bool,
}

const DOCKER: u64 = 0xa804_25fb;
const PODMAN: u64 = 0x8004_05fb;
const DANGEROUS: u64 = 1 << 16 | 1 << 17 | 1 << 19 | 1 << 21;
const NET_RAW_AND_MKNOD: u64 = 1 << 13 | 1 << 27;

const REFUSED: &str = "mount umount2 pivot_root setns unshare0 unshare_user clone_newuser clone3 open_tree fsopen \
    fsmount move_mount mount_setattr bpf perf_event_open userfaultfd io_uring_setup add_key keyctl request_key \
    open_by_handle_at init_module finit_module delete_module kexec_load reboot_badmagic swapon acct syslog \
    quotactl iopl kcmp pidfd_getfd clock_settime settimeofday sethostname personality_bad move_pages \
    fanotify_init socket_AF_ALG socket_AF_VSOCK socket_AF_PACKET socket_raw_icmp";

const MASKED: &str = "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats \
    /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware \
    /proc/kmsg /sys/kernel/debug /sys/kernel/security /sys/fs/bpf";

const DEVICES: &str = "null zero full random urandom tty console ptmx";

impl Probe {
    pub fn read(output: &str) -> Probe {
        let lines: Vec<String> = output.lines().map(String::from).collect();
        assert_eq!(lines.last().map(String::as_str), Some("fin"), "la sonda no llegó al final:\n{output}");
        Probe { lines }
    }

    /// Las líneas que empiezan por `key`, sin ella.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |l| l.strip_prefix(key)?.strip_prefix(' '))
    }

    /// Lo que dice `/proc/self/status` de `field`.
    pub fn status(&self, field: &str) -> &str {
        let found = self.all("status").find_map(|l| l.strip_prefix(field)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("la sonda no dice {field}")).trim()
    }

    fn mask(&self, field: &str) -> u64 {
        u64::from_str_radix(self.status(field), 16).unwrap()
    }

    /// La respuesta a una llamada al sistema.
    pub fn call(&self, name: &str) -> &str {
        let found = self.all("sys").find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("la sonda no ha probado {name}"))
    }

    fn refused(&self, name: &str) -> bool {
        let said = self.call(name);
        let unknown_family = name.starts_with("socket") && ["EAFNOSUPPORT", "EACCES"].contains(&said);
        ["EPERM", "ENOSYS"].contains(&said) || said.starts_with("KILLED") || unknown_family
    }

    /// Los montajes: punto, tipo, opciones, propagación.
    pub fn mounts(&self) -> Vec<[&str; 4]> {
        let fields = |l| {
            let mut words = str::split(l, ' ');
            std::array::from_fn(|_| words.next().unwrap_or_default())
        };
        self.all("mnt").map(fields).collect()
    }

    /// Las opciones del montaje de `path`.
    pub fn mount_options(&self, path: &str) -> Option<Vec<&str>> {
        let found = self.mounts().into_iter().find(|m| m[0] == path)?;
        Some(found[2].split(',').collect())
    }

    /// Los espacios de nombres, por su nombre.
    pub fn namespaces(&self) -> BTreeMap<&str, &str> {
        self.all("ns").filter_map(|l| l.split_once(' ')).collect()
    }

    /// Las 108 comprobaciones. `host`: los espacios de nombres de fuera.
    pub fn checks(&self, host: &BTreeMap<String, String>) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut check = |group, name: &str, met| checks.push(Check { group, name: name.to_string(), met });
        let (effective, bounding) = (self.mask("CapEff"), self.mask("CapBnd"));
        check("caps", "efectivas: ninguna que Docker no dé", effective & !DOCKER == 0);
        check("caps", "tope: ninguna que Docker no dé", bounding & !DOCKER == 0);
        check("caps", "efectivas: ninguna que podman no dé", effective & !PODMAN == 0);
        check("caps", "ni SYS_ADMIN, ni SYS_PTRACE, ni SYS_MODULE, ni SYS_RAWIO", effective & DANGEROUS == 0);
        check("caps", "ni NET_RAW ni MKNOD", effective & NET_RAW_AND_MKNOD == 0);
        check("caps", "ninguna heredable", self.mask("CapInh") == 0);
        check("caps", "ninguna ambiental", self.mask("CapAmb") == 0);
        check("caps", "no_new_privs", self.status("NoNewPrivs") == "1");
        check("caps", "ningún grupo de más", ["", "0"].contains(&self.status("Groups")));
        check("seccomp", "hay filtro", self.status("Seccomp") == "2");
        for name in REFUSED.split_whitespace() {
            check("seccomp", name, self.refused(name));
        }
        for line in self.all("write") {
            check("escritura", line, !line.ends_with("OPENED"));
        }
        check("escritura", "crear un cgroup", self.all("cgmkdir").all(|l| l != "CREATED"));
        for path in MASKED.split_whitespace() {
            let seen = self.all("mask").find(|l| l.split(' ').next() == Some(path));
            check("tapado", path, !seen.unwrap_or_else(|| panic!("{path}")).ends_with("VISIBLE"));
        }
        let devices: Vec<Vec<&str>> = self.all("dev").map(|l| l.split(' ').collect()).collect();
        let known = |d: &Vec<&str>| DEVICES.split_whitespace().any(|name| name == d[0]);
        check("dispositivos", "solo los de siempre", !devices.is_empty() && devices.iter().all(known));
        check("dispositivos", "ninguno de bloques", devices.iter().all(|d| d[1] != "b"));
        check("dispositivos", "uno fabricado no se abre", self.made_devices_are_useless());
        let namespaces = self.namespaces();
        for name in ["cgroup", "ipc", "mnt", "net", "pid", "uts"] {
            check("espacios", name, namespaces[name] != host[name]);
        }
        self.check_mounts(&mut check);
        check("proceso", "ningún descriptor más allá del 2", self.all("fd").all(|l| l.starts_with("std")));
        check("proceso", "el directorio actual está dentro", self.all("cwd").all(|l| l.starts_with('/')));
        check("proceso", "señales como al nacer", self.all("signals").eq(["blocked=0 ignored=0"]));
        check("abi", "sin interfaz de 32 bits", self.call("i386_getpid") != "ALLOWED");
        checks
    }

    fn made_devices_are_useless(&self) -> bool {
        self.all("mknod").all(|l| !l.ends_with("open=OPENED") || l.starts_with("null_1_3"))
    }

    fn check_mounts(&self, check: &mut impl FnMut(&'static str, &str, bool)) {
        let mounts = self.mounts();
        let has = |path: &str, wanted: &[&str]| {
            self.mount_options(path).is_some_and(|all| wanted.iter().all(|o| all.contains(o)))
        };
        let absent = |path: &str| self.mount_options(path).is_none();
        let private = !mounts.is_empty() && mounts.iter().all(|m| m[3] != "SHARED");
        check("montajes", "ninguno se propaga", private);
        check(
            "montajes",
            "/proc sin setuid, dispositivos ni programas",
            has("/proc", &["nosuid", "nodev", "noexec"]),
        );
        check("montajes", "/sys en solo lectura", absent("/sys") || has("/sys", &["ro"]));
        check(
            "montajes",
            "cgroups en solo lectura",
            absent("/sys/fs/cgroup") || has("/sys/fs/cgroup", &["ro"]),
        );
        let useless = has("/", &["nodev"]) || self.made_devices_are_useless();
        check("montajes", "la raíz, sin dispositivos", useless);
        check("montajes", "/dev es nuestro", mounts.iter().any(|m| m[0] == "/dev" && m[1] == "tmpfs"));
        let disk = |m: &&[&str; 4]| ["ext4", "xfs", "btrfs", "9p"].contains(&m[1]) && m[0] != "/";
        check("montajes", "nada del disco del anfitrión", mounts.iter().filter(disk).count() == 0);
    }
}

/// Los espacios de nombres del mundo: los de fuera, para quien está en un contenedor.
pub fn host_namespaces(world: &World) -> BTreeMap<String, String> {
    let one = |name: &str| {
        let target = fs::read_link(world.path(&format!("/proc/1/ns/{name}"))).unwrap();
        (name.to_string(), target.to_string_lossy().into_owned())
    };
    ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"].into_iter().map(one).collect()
}

/// `108/108 caps=9/9 …`
pub fn summary(checks: &[Check]) -> String {
    let met = |all: &[&Check]| format!("{}/{}", all.iter().filter(|c| c.met).count(), all.len());
    let all: Vec<&Check> = checks.iter().collect();
    let mut groups: Vec<&str> = Vec::new();
    for check in checks {
        if !groups.contains(&check.group) {
            groups.push(check.group);
        }
    }
    let of = |group: &str| checks.iter().filter(|c| c.group == group).collect::<Vec<_>>();
    let parts: Vec<String> = groups.iter().map(|g| format!("{g}={}", met(&of(g)))).collect();
    format!("{} {}", met(&all), parts.join(" "))
}
