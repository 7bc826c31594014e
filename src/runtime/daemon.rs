//! containerd, lo que hay entre Kubernetes y runc, y docker, que lo usa por debajo; cada uno, con su cliente.
//!
//! ```text
//! [supervisor] ── recado: monta la raíz y los volúmenes donde solo él los ve
//!      │             ├─ containerd, o dockerd   uno para este contenedor: ve los mismos montajes
//!      │             ├─ ctr containers create, o docker create
//!      │             └─ se convierte en `ctr tasks start`, o en `docker start`, que acaba con él y con su código
//!      └── [testigo]                   dice quién es el PID 1, y cuándo empieza
//! ```
//!
//! El de la máquina, si lo hay, no vería lo que monta el Pod: sus montajes son suyos. Este no apunta nada
//! fuera del Pod, muere con su cliente, y entre él y el contenedor hay quien lo cuida: `containerd-shim`.
//!
//! docker hace la raíz de una imagen suya, y no deja unirse a la red de un proceso. Los dos llaman a runc, y
//! ahí está el remedio: a quien llaman es a un guion, que cambia lo que le han escrito por lo nuestro.

use super::bundle::{Bundle, WriteConfig, WriteProcess};
use super::client::{LeaveHerald, WITNESS, become_client, infrastructure, own_cgroup};
use super::oci::{command, explain, own_view, send};
use super::tool::{PATIENCE, Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::error::{StepError, exit};
use crate::kernel::child::Child;
use crate::kernel::ops::{
    Adopt, Clone3, MakeDir, Mount, Place, RemoveTree, ResetSignals, Unshare, WriteFile, errno_of, quote_path,
};
use crate::kernel::program::{self, Background, DIRECTORIES, Program};
use crate::kernel::{Actor, Kernel, Op};
use crate::plan::PodPlan;
use crate::process::{ContainerPlan, DEFAULT_PATH, MountPlan, Overhead};
use crate::state::ProcessId;
use crate::{rootfs, sandbox, state, supervise, volume};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use serde_json::json;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// containerd o docker.
pub struct Daemon(pub Kind);

/// La imagen vacía de la que docker cree hacer el contenedor.
const EMPTY: &str = "vacia";

impl Runtime for Daemon {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run_sandbox(&self, k: &mut Kernel, pod: &PodPlan) -> Result<Child, StepError> {
        k.step("adoptar a los nietos que se queden huérfanos", Adopt)?;
        sandbox::start(k, pod)
    }

    fn stop_sandbox(&self) {
        supervise::end_orphans();
    }

    fn strangers(&self) -> &'static [&'static str] {
        &["dockerd", "docker", "containerd", "containerd-shim", "ctr", "runc", WITNESS]
    }

    // containerd, `ctr` y containerd-shim: medido, de 30 a 50 MB y unos cuarenta hilos; docker, el doble
    fn overhead(&self) -> Overhead {
        match self.0 {
            Kind::Docker => Overhead { memory: 256 << 20, pids: 256 },
            _ => Overhead { memory: 128 << 20, pids: 128 },
        }
    }

    // ANCHOR: create
    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
        let (pod, plan, engine) = (order.pod, &order.pod.containers[order.id], self.0);
        let bundle = Bundle { inner: Some("tarea"), ..Bundle::of(order) };
        let name = &plan.name;
        let layer = container::prepare_layer(k, &pod.uid, name, order.life)?;
        for dir in [&bundle.dir, &meeting(&bundle)] {
            let why = format!("crear un directorio para lo que {engine} necesita saber de {name}");
            k.step(why, MakeDir::new(dir, 0o700))?;
        }
        k.step(
            format_args!("escribir cómo ha de ser {name}, con las palabras de la norma OCI"),
            WriteConfig { order, bundle: &bundle },
        )?;
        k.step(
            format_args!("escribir la configuración de {engine}: lo suyo, dentro del Pod"),
            WriteFile { path: conf(&bundle), content: self.settings(&bundle), mode: 0o600 },
        )?;
        k.step(
            "escribir el guion que hará de runc: cambia lo que le escriban por lo nuestro",
            WriteFile { path: script(&bundle), content: script_text(), mode: 0o700 },
        )?;
        let cgroup = own_cgroup(k, order)?;
        let place = infrastructure(k, order)?;
        let why = format!("crear el proceso que hará el recado de llamar a {engine}");
        let actor = Actor::Container(name.clone());
        let story = |k: &mut Kernel| self.story(k, order, &bundle, &layer, stdio);
        let child = k.spawn(why, Clone3::inside(place.as_ref()), "$RECADO", actor, story)?;
        Ok(Born { child, cgroup })
    }
    // ANCHOR_END: create

    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
        let bundle = Bundle::of(&alive.order);
        let (number, id) = (signal.to_string(), bundle.id.as_str());
        let words: &[&str] = match self.0 {
            Kind::Docker => &["kill", "--signal", &number, id],
            _ => &["tasks", "kill", "--signal", &number, id],
        };
        // al morir el PID 1 se llevan su grupo de control: puede no quedar a quién rematar
        match send(k, alive, signal, self.name(), self.call(&bundle, words)) {
            Err(error) if error.errno() == Errno::ENOENT => Ok(()),
            other => other,
        }
    }

    fn remove(&self, k: &mut Kernel, order: &Order) -> Result<(), StepError> {
        let (name, bundle) = (&order.pod.containers[order.id].name, Bundle::of(order));
        Native.remove(k, order)?;
        k.step("borrar donde se citaban el demonio y su cliente", RemoveTree(meeting(&bundle)))?;
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
        let why = format!("crear el proceso que pedirá a {} que entre en {name}", self.0);
        let actor = Actor::Container(name.clone());
        let story = |k: &mut Kernel| self.enter(k, target, argv, stdio);
        let child = k.spawn(why, Clone3::inside(None), "$RECADO", actor, story)?;
        k.go(&child);
        Ok(child)
    }
}

impl Daemon {
    // ANCHOR: story
    /// Quien cuida de un contenedor atiende siempre en /run/containerd: en un /run que solo ve este recado no
    /// se cruza con nadie, ni deja nada. dockerd, además, borra el puente de otro docker, y apunta su clave en
    /// /etc/docker.
    fn apart(&self, k: &mut Kernel) -> Result<(), StepError> {
        let docker = self.0 == Kind::Docker;
        if docker {
            k.step("una red vacía para dockerd: la del Pod es del Pod", Unshare(CloneFlags::CLONE_NEWNET))?;
        }
        let key = Some("/etc/docker").filter(|path| docker && Path::new(path).is_dir());
        for target in ["/run"].into_iter().chain(key) {
            let target = Place::at(target);
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            let data = "mode=0700,size=16m".into();
            let why = "taparlo con uno en memoria: lo de este demonio no se mezcla con nada";
            k.step(why, Mount { fstype: "tmpfs", target: &target, flags, data })?;
        }
        Ok(())
    }

    /// Del lado del recado: prepara lo que es de la capa del Pod, arranca el demonio y se queda con el cliente.
    fn story(
        &self,
        k: &mut Kernel,
        order: &Order,
        bundle: &Bundle,
        layer: &Layer,
        stdio: Stdio,
    ) -> Result<(), StepError> {
        let (plan, engine) = (&order.pod.containers[order.id], self.0);
        own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
        let root = rootfs::overlay(k, plan, layer)?;
        for (n, mount) in plan.mounts.iter().enumerate() {
            volume::lay_out(k, mount, &bundle.volume(n))?;
        }
        rootfs::fresh_last_words(k, plan)?;
        let find = FindProgram { root: &root, plan, name: command(plan), unseen: &plan.mounts };
        find_program(k, find)?;
        self.apart(k)?;
        k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
        // al convertirse este proceso en el cliente nadie lo suelta: vivirá lo que él
        let start = StartDaemon { engine, bundle };
        let _daemon = k.step(format_args!("arrancar {} y esperar a que conteste", start.program()), start)?;
        let talks = matches!(stdio, Stdio::Terminal | Stdio::Pipes { input: Some(_), .. });
        if engine == Kind::Docker {
            let call = self.call(bundle, &["import", "-", EMPTY]);
            k.step("darle una imagen vacía: la raíz la ponemos nosotros", ImportEmpty(call))?;
        }
        let why = format!("decir a {engine} que haga un contenedor");
        k.step(why, self.creation(bundle, plan, talks))
            .map_err(|error| explain(error, &bundle.log(), command(plan), engine.name()))?;
        container::connect(k, stdio)?;
        let channel = k.copy_channel();
        let herald = LeaveHerald {
            channel,
            pid_file: bundle.pid_file(),
            ready: ready(bundle),
            preparer: Kind::Runc.path(),
            engine: engine.name(),
            nosuid: plan.security.no_new_privs,
        };
        k.step("dejar a un testigo: dirá quién es el contenedor, y cerrará el canal cuando corra", herald)?;
        let (pipes, id) = (text(&bundle.dir), bundle.id.as_str());
        let client = match (engine, talks) {
            (Kind::Docker, false) => self.call(bundle, &["start", "--attach", id]),
            (Kind::Docker, true) => self.call(bundle, &["start", "--attach", "--interactive", id]),
            _ => self.call(bundle, &["tasks", "start", "--fifo-dir", &pipes, id]),
        };
        become_client(k, client, "convertirse en el cliente, que lo empieza y se queda con él")
    }

    /// Cómo se le pide un contenedor. Lo demás está en el `config.json` que pondrá el guion.
    fn creation(&self, bundle: &Bundle, plan: &ContainerPlan, talks: bool) -> Tool {
        let config = text(&bundle.config());
        let mut words = match self.0 {
            Kind::Docker => vec!["create", "--runtime", "micropod", "--network", "none", "--name"],
            _ => vec!["containers", "create", "--config", &config],
        };
        words.push(&bundle.id);
        if self.0 == Kind::Docker {
            words.splice(1..1, talks.then_some("--interactive"));
            words.splice(1..1, plan.tty.then_some("--tty"));
            words.extend([EMPTY, "micropod"]);
        }
        self.call(bundle, &words)
    }

    /// Del lado del recado de un `exec`: convertirse en el cliente, que acaba con el comando y con su código.
    fn enter(&self, k: &mut Kernel, target: &Target, argv: &[String], stdio: Stdio) -> Result<(), StepError> {
        let (owner, plan) = (&target.owner, target.plan);
        own_view(k, None, Hierarchy::find().as_ref())?;
        let bundle = Bundle::latest(owner.uid, owner.id, &plan.name);
        let terminal = matches!(stdio, Stdio::Terminal);
        let talks = terminal || matches!(stdio, Stdio::Pipes { input: Some(_), .. });
        // si ya ha acabado, lo dirá el cliente
        if let Some(root) = ProcessId::of(target.pid).and_then(Place::root_of) {
            let name = argv.first().map_or("", String::as_str);
            find_program(k, FindProgram { root: &root, plan, name, unseen: &[] })?;
        }
        container::connect(k, stdio)?;
        k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
        let own = std::process::id();
        let (name, variable) = (format!("exec-{own}"), format!("MICROPOD_EXEC={own}"));
        let pipes = text(&bundle.dir);
        let mut words = match self.0 {
            Kind::Docker => {
                let path = bundle.dir.join(&name);
                let why =
                    "escribir cómo ha de ser el proceso: el guion lo pone en lugar de lo que diga docker";
                k.step(why, WriteProcess { plan, argv, terminal, path })?;
                vec!["exec", "--env", &variable]
            }
            _ => vec!["tasks", "exec", "--exec-id", &name, "--fifo-dir", &pipes],
        };
        words.extend((talks && self.0 == Kind::Docker).then_some("--interactive"));
        words.extend(terminal.then_some("--tty"));
        words.push(&bundle.id);
        words.extend(argv.iter().map(String::as_str));
        become_client(k, self.call(&bundle, &words), "convertirse en el cliente, que entra en el contenedor")
    }

    /// Una llamada a su cliente.
    fn call(&self, bundle: &Bundle, words: &[&str]) -> Tool {
        let socket = text(&socket(bundle));
        let mut args = match self.0 {
            Kind::Docker => vec!["--host".into(), format!("unix://{socket}")],
            _ => vec!["--address".into(), socket, "--namespace".into(), "micropod".into()],
        };
        args.extend(words.iter().map(|word| word.to_string()));
        let name = if self.0 == Kind::Docker { "docker" } else { "ctr" };
        let program = program::find(name).unwrap_or_else(|| name.into());
        // lo que tenga apuntado root para docker no cuenta
        let variable = (name == "docker").then(|| ("DOCKER_CONFIG", text(&bundle.dir)));
        Tool { program, args, shares: false, variable, log: Some(bundle.log()), hidden: Vec::new() }
    }

    /// Lo justo para hacer un contenedor: ni redes, ni cortafuegos, ni el protocolo de Kubernetes.
    fn settings(&self, bundle: &Bundle) -> String {
        let at = |name: &str| json!(bundle.dir.join(name));
        if self.0 == Kind::Docker {
            let all = json!({
                "data-root": at("raiz"), "hosts": [format!("unix://{}", text(&socket(bundle)))],
                "bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false,
                "ip-masq": false, "userland-proxy": false, "storage-driver": "vfs", "log-driver": "none",
                "log-level": "error", "exec-opts": ["native.cgroupdriver=cgroupfs"],
                "runtimes": { "micropod": { "path": text(&script(bundle)) } },
            });
            return format!("{all}\n");
        }
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
    // ANCHOR_END: story
}

// ANCHOR: daemon
/// Mirar si un programa está: el demonio lo diría por los errores del contenedor, con otras palabras.
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

/// Arrancar un demonio para este contenedor.
struct StartDaemon<'a> {
    engine: Kind,
    bundle: &'a Bundle,
}

impl StartDaemon<'_> {
    fn program(&self) -> &'static str {
        if self.engine == Kind::Docker { "dockerd" } else { "containerd" }
    }

    fn options(&self) -> [String; 2] {
        let option = if self.engine == Kind::Docker { "--config-file" } else { "--config" };
        [option.into(), text(&conf(self.bundle))]
    }

    /// Por delante, el guion: containerd busca a `runc` por su nombre.
    fn path(&self) -> String {
        format!("{}:{}", self.bundle.dir.display(), DIRECTORIES.join(":"))
    }
}

impl Op for StartDaemon<'_> {
    /// `None` en un ensayo.
    type Output = Option<Background>;
    fn syscall(&self) -> &'static str {
        if self.engine == Kind::Docker { "dockerd(8)" } else { "containerd(8)" }
    }
    fn shell(&self) -> String {
        let (path, [option, conf]) = (self.path(), self.options());
        let (program, socket) = (self.program(), quote_path(&socket(self.bundle)));
        format!("PATH={path} {program} {option} {conf} & while [ ! -S {socket} ]; do sleep 0.1; done")
    }
    fn run(&self) -> Result<Self::Output, Errno> {
        let io = |e: std::io::Error| errno_of(&e);
        let program = program::find(self.program()).ok_or(Errno::ENOENT)?;
        let program = Program::new(&program, PATIENCE).map_err(io)?.die_with_us();
        let program = program.variable("PATH", self.path()).options(self.options());
        let mut daemon = program.background(b"").map_err(io)?;
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

/// Dar a docker una imagen sin nada: el final de un `tar`.
struct ImportEmpty(Tool);

impl Op for ImportEmpty {
    type Output = ();
    fn syscall(&self) -> &'static str {
        self.0.syscall()
    }
    fn shell(&self) -> String {
        format!("head -c 1024 /dev/zero | {} {}", quote_path(&self.0.program), self.0.args.join(" "))
    }
    fn run(&self) -> Result<(), Errno> {
        let call = || Program::new(&self.0.program, PATIENCE)?.options(&self.0.args).run(&[0; 1024]);
        let ended = call().map_err(|e| errno_of(&e))?;
        if ended.status.success() { Ok(()) } else { Err(Errno::EREMOTEIO) }
    }
    fn rehearse(&self) {}
}

/// El guion que hace de runc.
const SCRIPT: &str = r#"#!/bin/sh
# Quien llama aquí cree llamar a runc. Lo que ha escrito se cambia por lo de micropod.
set -e
caja=${0%/*} bundle='' proceso='' apunta='' antes=''
for palabra; do
    case $antes in
    --bundle) bundle=$palabra ;;
    --process) proceso=$palabra ;;
    --pid-file) apunta=$palabra ;;
    esac
    antes=$palabra
done
case " $* " in
*' create '*)
    cp "$caja/config.json" "$bundle/config.json"
    @RUNC@ "$@"
    cp "$apunta" "$caja/pid"
    exit ;;
*' start '*)
    # su programa no empieza hasta que el testigo ha devuelto a la raíz sus atributos
    n=0
    until [ -e "$caja/listo" ]; do
        [ "$n" -lt 3000 ] || exit 1
        n=$((n + 1))
        sleep 0.01
    done ;;
*' exec '*)
    n=$(sed -n 's/.*MICROPOD_EXEC=\([0-9]*\).*/\1/p' "$proceso")
    [ -z "$n" ] || mv "$caja/exec-$n" "$proceso" ;;
esac
exec @RUNC@ "$@"
"#;

fn script_text() -> String {
    SCRIPT.replace("@RUNC@", &quote_path(&Kind::Runc.path()))
}
// ANCHOR_END: daemon

/// Donde se citan el demonio y su cliente: fuera del bundle, porque la ruta de un socket ha de caber en 108
/// letras.
fn meeting(bundle: &Bundle) -> PathBuf {
    let (uid, container) = bundle.id.split_once('.').unwrap_or((&bundle.id, ""));
    state::data_dir(uid).join(format!("{container}.cita"))
}

fn socket(bundle: &Bundle) -> PathBuf {
    meeting(bundle).join("s")
}

fn conf(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("demonio.conf")
}

fn script(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("runc")
}

/// Está cuando el contenedor puede empezar.
fn ready(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("listo")
}
