//! containerd: lo que hay entre Kubernetes y runc, manejado con su cliente, `ctr`.
//!
//! ```text
//! [supervisor] ── recado: monta la raíz y los volúmenes donde solo él los ve
//!      │             ├─ containerd     uno para este contenedor: ve los mismos montajes
//!      │             ├─ ctr containers create
//!      │             └─ se convierte en `ctr tasks start`, que acaba con él y con su código
//!      └── [testigo]                   dice quién es el PID 1, y cuándo empieza
//! ```
//!
//! El de la máquina, si lo hay, no vería lo que monta el Pod: sus montajes son suyos. Este no apunta nada
//! fuera del Pod, muere con su cliente, y entre él y el contenedor hay quien lo cuida: `containerd-shim`.

use super::bundle::{Bundle, WriteConfig};
use super::client::{LeaveHerald, WITNESS, become_client, infrastructure, own_cgroup};
use super::oci::{command, explain, own_view, send};
use super::tool::{PATIENCE, Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::error::{StepError, exit};
use crate::kernel::child::Child;
use crate::kernel::ops::{
    Adopt, Clone3, MakeDir, Mount, Place, RemoveTree, ResetSignals, WriteFile, errno_of, quote_path,
};
use crate::kernel::program::{self, Background, Program};
use crate::kernel::{Actor, Kernel, Op};
use crate::plan::PodPlan;
use crate::process::{ContainerPlan, DEFAULT_PATH, MountPlan, Overhead};
use crate::state::ProcessId;
use crate::{rootfs, sandbox, state, supervise, volume};
use nix::errno::Errno;
use nix::mount::MsFlags;
use serde_json::json;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub struct Containerd;

impl Runtime for Containerd {
    fn name(&self) -> &'static str {
        "containerd"
    }

    fn run_sandbox(&self, k: &mut Kernel, pod: &PodPlan) -> Result<Child, StepError> {
        k.step("adoptar a los nietos que se queden huérfanos", Adopt)?;
        sandbox::start(k, pod)
    }

    fn stop_sandbox(&self) {
        supervise::end_orphans();
    }

    fn strangers(&self) -> &'static [&'static str] {
        &["containerd", "containerd-shim", "ctr", "runc", WITNESS]
    }

    // containerd, `ctr` y containerd-shim: medido, de 30 a 50 MB y unos cuarenta hilos
    fn overhead(&self) -> Overhead {
        Overhead { memory: 128 << 20, pids: 128 }
    }

    // ANCHOR: create
    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
        let (pod, plan) = (order.pod, &order.pod.containers[order.id]);
        let bundle = Bundle { inner: Some("tarea"), ..Bundle::of(order) };
        let name = &plan.name;
        let layer = container::prepare_layer(k, &pod.uid, name, order.life)?;
        for dir in [&bundle.dir, &meeting(&bundle)] {
            let why = format!("crear un directorio para lo que containerd necesita saber de {name}");
            k.step(why, MakeDir::new(dir, 0o700))?;
        }
        k.step(
            format_args!("escribir cómo ha de ser {name}, con las palabras de la norma OCI"),
            WriteConfig { order, bundle: &bundle },
        )?;
        k.step(
            "escribir la configuración de containerd: lo suyo, dentro del Pod",
            WriteFile { path: conf(&bundle), content: settings(&bundle), mode: 0o600 },
        )?;
        let cgroup = own_cgroup(k, order)?;
        let place = infrastructure(k, order)?;
        let why = "crear el proceso que hará el recado de llamar a containerd";
        let actor = Actor::Container(name.clone());
        let story = |k: &mut Kernel| story(k, order, &bundle, &layer, stdio);
        let child = k.spawn(why, Clone3::inside(place.as_ref()), "$RECADO", actor, story)?;
        Ok(Born { child, cgroup })
    }
    // ANCHOR_END: create

    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
        let bundle = Bundle::of(&alive.order);
        let words = ["tasks", "kill", "--signal", &signal.to_string(), &bundle.id].map(String::from);
        // al morir el PID 1, containerd se lleva su grupo de control: puede no quedar a quién rematar
        match send(k, alive, signal, self.name(), call(&bundle, words.to_vec())) {
            Err(error) if error.errno() == Errno::ENOENT => Ok(()),
            other => other,
        }
    }

    fn remove(&self, k: &mut Kernel, order: &Order) -> Result<(), StepError> {
        let (name, bundle) = (&order.pod.containers[order.id].name, Bundle::of(order));
        Native.remove(k, order)?;
        k.step("borrar donde se citaban containerd y su cliente", RemoveTree(meeting(&bundle)))?;
        k.step(format_args!("borrar lo que se le contó de {name}"), RemoveTree(bundle.dir))
    }

    fn exec(
        &self,
        k: &mut Kernel,
        target: &Target,
        argv: &[String],
        stdio: Stdio,
    ) -> Result<Child, StepError> {
        let name = &target.plan.name;
        let why = format!("crear el proceso que pedirá a containerd que entre en {name}");
        let actor = Actor::Container(name.clone());
        let child =
            k.spawn(why, Clone3::inside(None), "$RECADO", actor, |k| enter(k, target, argv, stdio))?;
        k.go(&child);
        Ok(child)
    }
}

// ANCHOR: story
/// Del lado del recado: prepara lo que es de la capa del Pod, arranca containerd y se queda con el cliente.
fn story(
    k: &mut Kernel,
    order: &Order,
    bundle: &Bundle,
    layer: &Layer,
    stdio: Stdio,
) -> Result<(), StepError> {
    let plan = &order.pod.containers[order.id];
    own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
    let root = rootfs::overlay(k, plan, layer)?;
    for (n, mount) in plan.mounts.iter().enumerate() {
        volume::lay_out(k, mount, &bundle.volume(n))?;
    }
    rootfs::fresh_last_words(k, plan)?;
    let find = FindProgram { root: &root, plan, name: command(plan), unseen: &plan.mounts };
    find_program(k, find)?;
    own_run(k)?;
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    // al convertirse este proceso en el cliente nadie lo suelta: vivirá lo que él
    let _daemon = k.step("arrancar containerd y esperar a que conteste", StartDaemon { bundle })?;
    let config = text(&bundle.config());
    let words = ["containers", "create", "--config", &config, &bundle.id].map(String::from).to_vec();
    k.step("decir a containerd cómo ha de ser el contenedor", call(bundle, words))
        .map_err(|error| explain(error, &bundle.log(), command(plan), "containerd"))?;
    container::connect(k, stdio)?;
    let channel = k.copy_channel();
    let (pid_file, preparer) = (bundle.pid_file(), Kind::Runc.path());
    let nosuid = plan.security.no_new_privs;
    let herald = LeaveHerald { channel, pid_file, preparer, engine: "containerd", nosuid };
    k.step("dejar a un testigo: dirá quién es el contenedor, y cerrará el canal cuando corra", herald)?;
    let (pipes, pid_file) = (text(&bundle.dir), text(&bundle.pid_file()));
    let words = ["tasks", "start", "--fifo-dir", &pipes, "--pid-file", &pid_file, &bundle.id];
    let words = words.map(String::from).to_vec();
    become_client(k, call(bundle, words), "convertirse en el cliente, que lo empieza y se queda con él")
}

/// Del lado del recado de un `exec`: convertirse en el cliente, que acaba con el comando y con su código.
fn enter(k: &mut Kernel, target: &Target, argv: &[String], stdio: Stdio) -> Result<(), StepError> {
    let owner = &target.owner;
    own_view(k, None, Hierarchy::find().as_ref())?;
    let bundle = Bundle::latest(owner.uid, owner.id, &target.plan.name);
    let terminal = matches!(stdio, Stdio::Terminal);
    // si ya ha acabado, lo dirá el cliente
    if let Some(root) = ProcessId::of(target.pid).and_then(Place::root_of) {
        let name = argv.first().map_or("", String::as_str);
        find_program(k, FindProgram { root: &root, plan: target.plan, name, unseen: &[] })?;
    }
    container::connect(k, stdio)?;
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    let (own, pipes) = (format!("exec-{}", std::process::id()), text(&bundle.dir));
    let mut words: Vec<String> =
        ["tasks", "exec", "--exec-id", &own, "--fifo-dir", &pipes].map(String::from).into();
    words.extend(terminal.then(|| "--tty".into()));
    words.push(bundle.id.clone());
    words.extend(argv.iter().cloned());
    let why = "convertirse en el cliente de containerd, que entra en el contenedor";
    become_client(k, call(&bundle, words), why)
}

/// Quien cuida de un contenedor atiende siempre en /run/containerd: en un /run que solo ve este recado no se
/// cruza con nadie, ni deja nada.
fn own_run(k: &mut Kernel) -> Result<(), StepError> {
    k.step(
        "tapar /run con uno en memoria: lo de este containerd no se mezcla con nada",
        Mount {
            fstype: "tmpfs",
            target: &Place::at("/run"),
            flags: MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
            data: "mode=0700,size=1m".into(),
        },
    )
}

/// Mirar si un programa está: containerd lo diría por los errores del contenedor, con otras palabras.
fn find_program(k: &mut Kernel, find: FindProgram) -> Result<(), StepError> {
    let name = find.name;
    k.step("mirar si su programa está en la imagen", find).map_err(|error| match error.errno() {
        Errno::EACCES => {
            let hint = format!("`{name}` no se puede ejecutar: revisa sus permisos");
            error.exit_code(exit::NOT_EXECUTABLE).hint(hint)
        }
        _ => {
            error.exit_code(exit::NOT_FOUND).hint(format!("`{name}` no está en la imagen: revisa `command`"))
        }
    })
}

struct FindProgram<'a> {
    root: &'a Place,
    plan: &'a ContainerPlan,
    name: &'a str,
    /// Lo que aún no está montado: lo que haya ahí no se mira, se da por bueno.
    unseen: &'a [MountPlan],
}

impl Op for FindProgram<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "stat(2)"
    }
    fn shell(&self) -> String {
        format!("test -x {}", quote_path(&rootfs::mount_point().join(self.name)))
    }
    fn run(&self) -> Result<(), Errno> {
        let (plan, name) = (self.plan, self.name);
        let path = plan.env.iter().find_map(|e| e.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
        let dirs: Vec<&str> = if name.contains('/') { vec![&plan.cwd] } else { path.split(':').collect() };
        let mut why = Errno::ENOENT;
        for candidate in dirs.into_iter().map(|dir| Path::new(dir).join(name)) {
            if self.unseen.iter().any(|mount| candidate.starts_with(&mount.target)) {
                return Ok(());
            }
            let Ok(stat) = self.root.stat(&candidate.to_string_lossy()) else { continue };
            if stat.st_mode & libc::S_IFMT == libc::S_IFREG && stat.st_mode & 0o111 != 0 {
                return Ok(());
            }
            why = Errno::EACCES;
        }
        Err(why)
    }
    fn rehearse(&self) {}
}
// ANCHOR_END: story

// ANCHOR: daemon
/// Arrancar un containerd para este contenedor.
struct StartDaemon<'a> {
    bundle: &'a Bundle,
}

impl Op for StartDaemon<'_> {
    /// `None` en un ensayo.
    type Output = Option<Background>;
    fn syscall(&self) -> &'static str {
        "containerd(8)"
    }
    fn shell(&self) -> String {
        let (conf, socket) = (quote_path(&conf(self.bundle)), quote_path(&socket(self.bundle)));
        format!("containerd --config {conf} & while [ ! -S {socket} ]; do sleep 0.1; done")
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let io = |e: std::io::Error| errno_of(&e);
        let program = program::find("containerd").ok_or(Errno::ENOENT)?;
        let program = Program::new(&program, PATIENCE).map_err(io)?.die_with_us();
        let mut daemon =
            program.options(["--config", &text(&conf(self.bundle))]).background(b"").map_err(io)?;
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(socket(self.bundle)).is_err() {
            if daemon.poll().map_err(io)?.is_some() {
                return Err(Errno::EREMOTEIO);
            }
            if Instant::now() > deadline {
                return Err(Errno::ETIMEDOUT);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(daemon))
    }
    fn rehearse(&self) -> Self::Output {
        None
    }
}

/// Una llamada a su cliente.
fn call(bundle: &Bundle, words: Vec<String>) -> Tool {
    let mut args: Vec<String> = vec!["--address".into(), text(&socket(bundle))];
    args.extend(["--namespace".into(), "micropod".into()]);
    args.extend(words);
    let program = program::find("ctr").unwrap_or_else(|| "ctr".into());
    Tool { program, args, shares: false, variable: None, log: Some(bundle.log()), hidden: Vec::new() }
}

/// Lo justo para hacer un contenedor: ni imágenes, ni redes, ni el protocolo con el que le habla Kubernetes.
fn settings(bundle: &Bundle) -> String {
    let at = |name: &str| json!(bundle.dir.join(name));
    let unused = ["grpc.v1.cri", "internal.v1.opt", "snapshotter.v1.aufs"]
        .into_iter()
        .chain(["snapshotter.v1.btrfs", "snapshotter.v1.devmapper", "snapshotter.v1.zfs"])
        .map(|name| format!("io.containerd.{name}"));
    format!(
        "version = 2\nroot = {}\nstate = {}\ndisabled_plugins = {}\n\n[grpc]\naddress = {}\n\n[debug]\nlevel = \"error\"\n",
        at("raiz"),
        at("marcha"),
        json!(unused.collect::<Vec<_>>()),
        json!(socket(bundle)),
    )
}
// ANCHOR_END: daemon

/// Donde se citan containerd y su cliente: fuera del bundle, porque la ruta de un socket ha de caber en 108
/// letras.
fn meeting(bundle: &Bundle) -> PathBuf {
    let (uid, container) = bundle.id.split_once('.').unwrap_or((&bundle.id, ""));
    state::data_dir(uid).join(format!("{container}.cita"))
}

fn socket(bundle: &Bundle) -> PathBuf {
    meeting(bundle).join("s")
}

fn conf(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("containerd.toml")
}
