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
//! docker hace la raíz de una imagen suya, y no deja unirse a la red de un proceso. Importarle la nuestra sería
//! copiarla entera para cada contenedor, y tener otra raíz y otra red que con los demás motores. Los dos llaman a
//! runc, y ahí está el remedio: a quien llaman es a un guion, que cambia lo que le han escrito por lo nuestro. La
//! imagen que ve docker está vacía.

use super::bundle::{Bundle, WriteConfig, WriteProcess};
use super::client::{LeaveHerald, WITNESS, become_client, infrastructure, own_cgroup};
use super::errand::{command, explain, lay_out, own_view, send, set_out};
use super::missing::look_for_command;
use super::starting::{EMPTY, StartDaemon, conf, meeting, ready, script, script_text, socket};
use super::tool::{Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::child::Child;
use crate::kernel::ops::{Adopt, MakeDir, Mount, Place, RemoveTree, ResetSignals, Unshare, WriteFile};
use crate::kernel::program::{self};
use crate::plan::PodPlan;
use crate::process::{ContainerPlan, Overhead};
use crate::{sandbox, supervise};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use serde_json::json;
use std::path::Path;

/// containerd o docker.
pub struct Daemon(pub Kind);

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
        let child = set_out(k, name, place.as_ref(), why, |k| self.story(k, order, &bundle, &layer, stdio))?;
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
        let child = set_out(k, name, None, why, |k| self.enter(k, target, argv, stdio))?;
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
        lay_out(k, order, bundle, layer)?;
        self.apart(k)?;
        k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
        // al convertirse este proceso en el cliente nadie lo suelta: vivirá lo que él
        let start = StartDaemon { engine, bundle };
        let _daemon = k.step(format_args!("arrancar {} y esperar a que conteste", start.program()), start)?;
        let talks = stdio.talks();
        let explained = |error| explain(error, &bundle.log(), command(plan), engine.name());
        if engine == Kind::Docker {
            let import = Tool { zeros: 1024, ..self.call(bundle, &["import", "-", EMPTY]) };
            k.step("darle una imagen vacía: la raíz la ponemos nosotros", import).map_err(explained)?;
        }
        let why = format!("decir a {engine} que haga un contenedor");
        k.step(why, self.creation(bundle, plan, talks)).map_err(explained)?;
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
        let (terminal, talks) = (matches!(stdio, Stdio::Terminal), stdio.talks());
        look_for_command(k, target, argv)?;
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
        Tool { program, args, shares: false, variable, log: Some(bundle.log()), hidden: Vec::new(), zeros: 0 }
    }

    /// Lo justo para hacer un contenedor: ni redes, ni cortafuegos, ni el protocolo de Kubernetes.
    fn settings(&self, bundle: &Bundle) -> String {
        let at = |name: &str| json!(bundle.dir.join(name));
        if self.0 == Kind::Docker {
            // en el /run de este recado: el /var/run donde lo pone él no siempre es el mismo sitio
            let all = json!({
                "exec-root": "/run/docker", "pidfile": "/run/docker.pid",
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
