//! Un mundo privado para cada test que crea Pods.
//!
//! Un [`World`] es una máquina en pequeño: red, montajes, procesos y cgroups propios, con los
//! directorios de micropod vacíos. Dos tests pueden usar a la vez el mismo nombre de Pod y la misma
//! dirección, y ningún paquete puede salir de la máquina. Al soltarlo se mira qué ha quedado: un
//! resto es un fallo. Los procesos del mundo mueren con él, y con el test aunque lo maten.
//!
//! Sus procesos tienen otros números de pid: para mirar en su `/proc` o en sus ficheros desde el
//! test, [`World::path`].

#![allow(dead_code)] // cada fichero de tests compila este módulo y usa solo una parte

pub mod faults;
pub mod guion;
pub mod notas;
pub mod terminal;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Un usuario cualquiera, y su grupo.
pub const NOBODY: u32 = 65534;

/// El binario que se prueba: `MICROPOD_BIN`, o el que acaba de compilar cargo.
pub fn binary() -> PathBuf {
    std::env::var_os("MICROPOD_BIN").map_or_else(|| env!("CARGO_BIN_EXE_micropod").into(), PathBuf::from)
}

/// El directorio del proyecto (también dentro de la micro-VM).
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `micropod` en esta misma máquina, sin mundo: para lo que no necesita root.
pub fn micropod(args: &[&str]) -> Done {
    run(Command::new(binary()).args(args))
}

/// ¿Somos root? Si no, el test se omite; salvo que `make test` prometiera lo contrario.
pub fn is_root() -> bool {
    condition(nix::unistd::geteuid().is_root(), "hace falta ser root: make test")
}

/// ¿Estamos en la micro-VM, con cgroup v2 y todos sus controladores?
pub fn in_vm() -> bool {
    condition(std::env::var_os("MICROPOD_VM").is_some(), "hace falta la micro-VM: make vm-test")
}

fn condition(met: bool, needed: &str) -> bool {
    assert!(met || std::env::var_os("MICROPOD_CAPA").is_none(), "{needed}");
    if !met {
        omitted(needed);
    }
    met
}

/// Dice que no se prueba algo, y por qué, aunque libtest se guarde lo que imprimen los tests que pasan: lo
/// omitido no puede parecer probado, y `tools/prueba` lo cuenta.
pub fn omitted(why: &str) {
    use std::io::Write;
    let line = format!("\nomitido: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Todos los motores, en el orden en que los enseñan las tablas del libro. Debian no trae el último.
pub const RUNTIMES: [&str; 7] = ["native", "runc", "crun", "podman", "containerd", "docker", "youki"];

/// Las filas de una tabla con una columna para cada motor. Los que no están no tienen columna.
pub fn table<T: AsRef<[(&'static str, String)]>>(columns: &[T]) -> String {
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let names: Vec<String> = RUNTIMES[..columns.len()].iter().map(|name| format!("`{name}`")).collect();
    let mut out = row(std::iter::once("Lo que se ve").chain(names.iter().map(String::as_str)).collect());
    out += &format!("|{}\n", "---|".repeat(columns.len() + 1));
    for (n, (name, _)) in columns[0].as_ref().iter().enumerate() {
        let values = columns.iter().map(|facts| facts.as_ref()[n].1.as_str());
        out += &row(std::iter::once(*name).chain(values).collect());
    }
    out
}

/// Lo mismo de un texto ya escrito: se le quitan las columnas de los motores que no están.
pub fn only_columns(text: &str, runtimes: usize) -> String {
    let cut = |line: &str| match line.starts_with('|') {
        true => line.split('|').take(runtimes + 2).collect::<Vec<_>>().join("|") + "|\n",
        false => format!("{line}\n"),
    };
    text.lines().map(cut).collect()
}

/// Un plazo para esperar. La micro-VM, sin KVM, va unas diez veces más despacio.
pub fn patience(seconds: u64) -> Duration {
    let slow = std::env::var_os("MICROPOD_VM").is_some();
    Duration::from_secs(if slow { seconds * 5 } else { seconds })
}

/// Apunta una cifra (cuántas veces se hizo algo y cuántas salió mal) donde la recoge `make blindaje`.
pub fn figure(what: &str, count: usize, bad: usize) {
    use std::io::Write;
    eprintln!("{what}: {count}, {bad} mal");
    if let Some(path) = std::env::var_os("MICROPOD_CIFRAS") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{count} {bad} {what}").unwrap();
    }
}

/// Espera a que se cumpla `met`; si no llega a tiempo, el test falla diciendo qué esperaba. `seconds` es
/// lo que tarda de sobra en una máquina tranquila: en una cargada, lento no es mal, y se espera el cuádruple.
pub fn wait_until(what: &str, seconds: u64, mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience(seconds * 4);
    while !met() {
        assert!(Instant::now() < deadline, "no llegó a pasar en {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Un comando que ya ha terminado.
#[derive(Debug)]
pub struct Done {
    /// El código de salida, o 128 más la señal que lo mató.
    pub code: i32,
    pub out: String,
    pub err: String,
    command: String,
}

impl Done {
    /// Salió bien, o el test falla enseñando lo que dijo.
    #[track_caller]
    pub fn ok(self) -> Done {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Done {
        let Done { code: real, out, err, command } = &self;
        assert_eq!(*real, code, "{command}\n── salida ──\n{out}── errores ──\n{err}");
        self
    }
}

/// Ejecuta un comando y espera a que acabe.
pub fn run(command: &mut Command) -> Done {
    use std::os::unix::process::ExitStatusExt;
    let text = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("no se pudo ejecutar {text}: {e}"));
    Done {
        code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        command: text,
    }
}

/// Lo que prepara el mundo, desde dentro. `$1`: dónde está montado cgroup v2.
///
/// El PID 1 acaba siendo `cat`: vive mientras el test tenga abierta su tubería. Con SIGCHLD
/// ignorada, el kernel recoge a los huérfanos, como haría el init de una máquina de verdad.
const PREPARE: &str = r#"
set -e
for dir in /run/micropod /var/lib/micropod /var/log/micropod; do
    mkdir -p $dir
    mount -t tmpfs -o mode=700 micropod $dir
done
if [ -n "$1" ]; then
    umount "$1"
    mount -t cgroup2 cgroup2 "$1"
    echo $$ >"$1/_mundo/cgroup.procs"
fi
ip link set lo up
echo listo
exec /usr/bin/env --ignore-signal=CHLD cat >/dev/null
"#;

pub struct World {
    /// `unshare`: el dueño de los namespaces. Su único hijo es el PID 1 del mundo.
    owner: Child,
    /// Al cerrarse, el mundo se acaba.
    life: Option<ChildStdin>,
    /// Directorio de trabajo, visible dentro y fuera con el mismo nombre.
    dir: PathBuf,
    /// La raíz de cgroup v2 del mundo, vista desde fuera, si la máquina tiene cgroup v2.
    cgroup: Option<PathBuf>,
    before: Vec<String>,
    leftovers_expected: bool,
}

impl World {
    /// Un mundo sin ninguna imagen (`image: "host"` no la necesita).
    pub fn new() -> World {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("micropod-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(&name);
        fs::create_dir_all(&dir).unwrap();
        let mount = cgroup2_mount();
        let cgroup = mount.as_ref().map(|mount| make_cgroup(mount, &name));
        let mut owner = start_owner(cgroup.as_deref(), mount.as_deref());
        let life = owner.stdin.take();
        let mut ready = String::new();
        BufReader::new(owner.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "listo\n", "no se pudo preparar el mundo del test");
        if let Some(cgroup) = &cgroup {
            // en la raíz del mundo no puede quedar nadie: «no internal processes»
            fs::write(cgroup.join("_mundo/cgroup.procs"), owner.id().to_string()).unwrap();
        }
        let mut world = World { owner, life, dir, cgroup, before: Vec::new(), leftovers_expected: false };
        world.before = world.snapshot();
        world
    }

    /// Un mundo con la imagen `busybox`, hecha del busybox estático de esta máquina.
    pub fn with_busybox() -> World {
        let world = World::new();
        world.micropod(&["image", "import", "busybox", busybox_tar()]).ok();
        world
    }

    /// ¿Está youki? Debian no lo trae: si lo hay compilado en la caché, se pone donde se buscan los programas.
    /// La micro-VM lo lleva puesto. Se pide antes de hacer nada más.
    pub fn bring_youki(&mut self) -> bool {
        if ["/usr/local/bin/youki", "/usr/bin/youki"].iter().any(|path| Path::new(path).exists()) {
            return true;
        }
        let var = |name| std::env::var_os(name).map(PathBuf::from);
        let cache = var("XDG_CACHE_HOME").or_else(|| Some(var("HOME")?.join(".cache")));
        let dir = cache.unwrap_or_default().join("micropod/youki/bin");
        if !dir.join("youki").exists() {
            omitted(
                "youki no está: `cargo install youki@0.7.0 --features seccomp,v2 --root ~/.cache/micropod/youki`",
            );
            return false;
        }
        let (over, dir) = ("/usr/local/sbin", dir.display());
        self.sh(&format!("mount -t overlay overlay -o lowerdir={dir}:{over} {over}"));
        self.before = self.snapshot();
        true
    }

    /// Los motores con los que se prueba: el último, youki, solo si está.
    pub fn runtimes(&mut self) -> &'static [&'static str] {
        &RUNTIMES[..RUNTIMES.len() - usize::from(!self.bring_youki())]
    }

    /// Directorio para los ficheros del test: el de trabajo de todo lo que se ejecuta en el mundo.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Escribe un fichero en [`World::dir`].
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// `path` del mundo, visto desde el test: `world.path("/proc/12/status")`.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.owner.id()))
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// La raíz de cgroup v2 del mundo, vista desde el test.
    pub fn cgroup(&self) -> &Path {
        self.cgroup.as_deref().expect("esta máquina no tiene cgroup v2")
    }

    /// Ejecuta micropod en el mundo y espera a que acabe.
    pub fn micropod(&self, args: &[&str]) -> Done {
        run(self.command(binary()).args(args))
    }

    /// Ejecuta una línea de shell en el mundo; si sale mal, el test falla. Devuelve lo que imprime.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        run(self.command("sh").arg("-c").arg(line)).ok().out
    }

    /// Un comando que correrá en el mundo, en [`World::dir`]. Mándale señales con [`World::kill`]:
    /// el proceso que ve el test es `nsenter`, no él.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let owner = self.owner.id();
        let mut command = Command::new("busybox");
        // se entra en el cgroup antes que en el mundo: desde dentro, el resto de la máquina no existe
        let enter = r#"[ -z "$1" ] || echo $$ >"$1/_mundo/cgroup.procs"
            ns=/proc/$2/ns; dir=$3; shift 3
            exec /usr/bin/nsenter --net=$ns/net --mount=$ns/mnt --cgroup=$ns/cgroup \
                --pid=$ns/pid_for_children --wdns="$dir" -- "$@""#;
        command.args(["sh", "-c", enter, "sh"]);
        command.arg(self.cgroup.as_deref().unwrap_or(Path::new("")));
        command.arg(owner.to_string()).arg(&self.dir).arg(program);
        command
    }

    /// Como [`World::command`], pero sin ser root: con el usuario [`NOBODY`].
    pub fn command_as_nobody(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command("setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
        command.arg(program);
        command
    }

    /// Deja un micropod en marcha.
    pub fn start(&self, args: &[&str]) -> Running<'_> {
        self.start_program(binary(), args)
    }

    /// Deja un programa en marcha.
    pub fn start_program(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Running<'_> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let pid_file = self.dir.join(format!(".pid-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut command = self.command("sh");
        command.arg("-c").arg(r#"echo $$ >"$0.tmp"; mv "$0.tmp" "$0"; exec "$@""#).arg(&pid_file);
        command.arg(program).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        wait_until("que arranque el programa", 5, || pid_file.exists());
        let pid = fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        fs::remove_file(&pid_file).unwrap();
        Running { world: self, child, pid }
    }

    /// Manda una señal a un pid del mundo.
    #[track_caller]
    pub fn kill(&self, signal: &str, pid: i32) {
        self.sh(&format!("kill -{signal} {pid}"));
    }

    /// Los procesos del mundo, salvo su PID 1: pid y línea de comandos.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let pids = fs::read_dir(self.path("/proc")).unwrap();
        let pids = pids.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
        let mut all: Vec<(i32, String)> = pids
            .filter(|&pid| pid != 1)
            .filter_map(|pid| {
                let line = fs::read(self.path(&format!("/proc/{pid}/cmdline"))).ok()?;
                Some((pid, String::from_utf8_lossy(&line).replace('\0', " ").trim().to_string()))
            })
            .collect();
        all.sort();
        all
    }

    /// Este test deja restos a propósito.
    pub fn expect_leftovers(&mut self) {
        self.leftovers_expected = true;
    }

    /// Falla si queda algo que no estaba al empezar. También se mira al soltar el mundo.
    #[track_caller]
    pub fn assert_clean(&self) {
        let left = self.leftovers();
        assert!(left.is_empty(), "han quedado restos:\n{}", left.join("\n"));
    }

    /// Lo que hay de más. La muerte de una red tarda unos milisegundos en notarse: se espera.
    pub fn leftovers(&self) -> Vec<String> {
        let deadline = Instant::now() + patience(4);
        loop {
            let now = self.snapshot();
            let left: Vec<String> = now.into_iter().filter(|line| !self.before.contains(line)).collect();
            if left.is_empty() {
                return self.forgotten_rules();
            }
            if Instant::now() > deadline {
                return left;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Todo lo que un Pod puede dejar tras de sí, una línea por cosa. El bridge, su dirección y el
    /// cgroup `micropod` son de todos los Pods: pueden quedarse, vacíos.
    fn snapshot(&self) -> Vec<String> {
        let own = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", self.owner.id())).unwrap();
        let mut all: Vec<String> =
            self.processes().iter().map(|(pid, line)| format!("proceso {pid}: {line}")).collect();
        all.extend(own("mountinfo").lines().map(|line| {
            let field = |n: usize| line.split(' ').nth(n).unwrap_or_default();
            format!("montaje {} (de {})", field(4), field(3))
        }));
        let links = own("net/dev");
        let links = links.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim);
        all.extend(links.filter(|name| *name != "micropod0").map(|name| format!("interfaz {name}")));
        let routes = own("net/route");
        let routes = routes.lines().skip(1).filter(|line| !line.starts_with("micropod0"));
        all.extend(routes.map(|line| format!("ruta {}", line.replace('\t', " "))));
        for dir in [
            "/run/micropod/pods",
            "/run/micropod/ips",
            "/run/micropod/puertos",
            "/run/micropod/pendientes",
            "/var/log/micropod",
        ] {
            list(&self.path(dir), &format!("fichero {dir}"), &mut all);
        }
        list(&self.path("/var/lib/micropod/pods"), "fichero /var/lib/micropod/pods", &mut all);
        if let Some(cgroup) = &self.cgroup {
            let mut groups = Vec::new();
            list_dirs(cgroup, cgroup, &mut groups);
            groups.retain(|group| group != "_mundo" && group != "micropod");
            all.extend(groups.iter().map(|group| format!("cgroup {group}")));
        }
        all
    }

    /// Las reglas de los `hostPort` de Pods que ya no están.
    fn forgotten_rules(&self) -> Vec<String> {
        let ruleset = run(self.command("nft").args(["list", "ruleset"])).out;
        let rules = ruleset.lines().filter(|line| line.contains("elements"));
        rules.map(|line| format!("regla {}", line.trim())).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let left = if self.leftovers_expected { Vec::new() } else { self.leftovers() };
        // sin la tubería, el PID 1 acaba y el kernel mata a todos los procesos del mundo
        drop(self.life.take());
        let _ = self.owner.wait();
        if let Some(cgroup) = &self.cgroup {
            remove_cgroup(cgroup);
        }
        let _ = fs::remove_dir_all(&self.dir);
        if !std::thread::panicking() {
            assert!(left.is_empty(), "el test ha dejado restos:\n{}", left.join("\n"));
        }
    }
}

/// Un micropod en marcha. Al soltarlo sin esperarlo, se le mata.
pub struct Running<'w> {
    world: &'w World,
    child: Child,
    /// Su pid en el mundo.
    pub pid: i32,
}

impl Running<'_> {
    #[track_caller]
    pub fn signal(&self, signal: &str) {
        self.world.kill(signal, self.pid);
    }

    /// ¿Ha acabado ya?
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Espera a que acabe y devuelve lo que dijo.
    pub fn wait(mut self) -> Done {
        use std::io::Read;
        use std::os::unix::process::ExitStatusExt;
        let mut out = self.child.stdout.take().unwrap();
        let mut err = self.child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            err.read_to_end(&mut text).map(|_| text)
        });
        let mut text = Vec::new();
        out.read_to_end(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        Done {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            out: String::from_utf8_lossy(&text).into_owned(),
            err: String::from_utf8_lossy(&errors.join().unwrap().unwrap()).into_owned(),
            command: format!("micropod con pid {}", self.pid),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = run(self.world.command("kill").arg("-KILL").arg(self.pid.to_string()));
            let _ = self.child.wait();
        }
    }
}

fn start_owner(cgroup: Option<&Path>, mount: Option<&Path>) -> Child {
    // quien crea el namespace de cgroups está dentro del que será su raíz
    let script = r#"[ -z "$1" ] || echo $$ >"$1/cgroup.procs"
        exec /usr/bin/unshare --net --mount --pid --cgroup --fork --kill-child --mount-proc busybox sh -c "$2" sh "$3""#;
    // busybox hace él mismo lo que otras shells encargan a otros programas: en la VM se nota
    Command::new("busybox")
        .args(["sh", "-c", script, "sh"])
        .arg(cgroup.unwrap_or(Path::new("")))
        .arg(PREPARE)
        .arg(mount.unwrap_or(Path::new("")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn cgroup2_mount() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut mounts = mounts.lines().map(|line| line.split(' '));
    mounts.find_map(|mut fields| {
        let path = fields.nth(1)?;
        (fields.next()? == "cgroup2").then(|| path.into())
    })
}

fn make_cgroup(mount: &Path, name: &str) -> PathBuf {
    for controller in ["+cpu", "+memory", "+pids"] {
        // en una máquina híbrida no están, y no pasa nada
        let _ = fs::write(mount.join("cgroup.subtree_control"), controller);
    }
    let cgroup = mount.join(name);
    fs::create_dir_all(cgroup.join("_mundo")).unwrap();
    cgroup
}

fn remove_cgroup(cgroup: &Path) {
    let _ = fs::write(cgroup.join("cgroup.kill"), "1");
    let mut groups = Vec::new();
    list_dirs(cgroup, cgroup, &mut groups);
    let deadline = Instant::now() + patience(2);
    // de las hojas a la raíz; un cgroup se deja borrar cuando sus procesos han muerto del todo
    for group in groups.iter().rev().map(|g| cgroup.join(g)).chain([cgroup.to_path_buf()]) {
        while fs::remove_dir(&group).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn list_dirs(root: &Path, dir: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
        list_dirs(root, &entry.path(), found);
    }
}

fn list(dir: &Path, label: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    found.extend(entries.flatten().map(|e| format!("{label}/{}", e.file_name().to_string_lossy())));
}

/// El .tar de la imagen de los tests, hecho una vez por proceso.
pub fn busybox_tar() -> &'static str {
    static TAR: OnceLock<String> = OnceLock::new();
    TAR.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(dir).unwrap();
        let target = dir.join("busybox.tar");
        let target = target.to_str().unwrap().to_string();
        run(Command::new(project().join("tests/common/busybox-tar")).arg(&target)).ok();
        target
    })
}
