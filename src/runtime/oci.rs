//! Los de la norma OCI: runc, crun y youki. Son lo que hay debajo de containerd, de Docker y de CRI-O.
//!
//! ```text
//! [supervisor] ── recado: monta la raíz y los volúmenes donde solo él los ve
//!      │             ├─ runc create   hace el contenedor, que hereda nuestras tuberías, y acaba
//!      │             ├─ runc start    le dice «adelante», y acaba
//!      │             └─ dice qué proceso es, y acaba
//!      └── [PID 1 del contenedor]     huérfano: lo adopta el supervisor, que recogerá su código
//! ```
//!
//! Ningún programa se queda en medio: cuando el contenedor corre, quien lo creó ya no está.

use super::bundle::{Bundle, WriteConfig, WriteProcess, console};
use super::console::{Listen, ReceiveTerminal};
use super::errand::{command, errand, explain, found, lay_out, own_view, send, set_out};
use super::made::RestrictRoot;
use super::missing::look_for_command;
use super::tool::{Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::error::StepError;
use crate::kernel::Kernel;
use crate::kernel::channel::Message;
use crate::kernel::child::Child;
use crate::kernel::ops::{Adopt, MakeDir, OpenPath, Place, RemoveTree, ResetSignals, SendTerminal, TellPid};
use crate::plan::PodPlan;
use crate::state::ProcessId;
use crate::{cgroup, sandbox, security, state, supervise};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Uno de ellos: todos se llaman igual, porque la norma dice también cómo.
pub struct Oci(pub Kind);

impl Runtime for Oci {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run_sandbox(&self, k: &mut Kernel, pod: &PodPlan) -> Result<Child, StepError> {
        k.step("adoptar a los nietos que se queden huérfanos: así nacerán los contenedores", Adopt)?;
        sandbox::start(k, pod)
    }

    // ANCHOR: create
    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
        let (pod, plan) = (order.pod, &order.pod.containers[order.id]);
        let (name, program) = (&plan.name, self.0);
        let bundle = Bundle { youki: program == Kind::Youki, ..Bundle::of(order) };
        let layer = container::prepare_layer(k, &pod.uid, name, order.life)?;
        k.step(
            format_args!("crear el directorio con lo que {program} necesita saber de {name}"),
            MakeDir::new(&bundle.dir, 0o700),
        )?;
        k.step(
            format_args!("escribir cómo ha de ser {name}, con las palabras de la norma OCI"),
            WriteConfig { order, bundle: &bundle },
        )?;
        let cgroup = self.cgroup(k, order)?;
        let why = format!("crear el proceso que hará el recado de llamar a {program}");
        let child = set_out(k, name, cgroup.as_ref(), why, |k| self.story(k, order, &bundle, &layer, stdio))?;
        Ok(Born { child, cgroup: pod.cgroup.as_ref().map(|path| path.join(name)) })
    }
    // ANCHOR_END: create

    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
        let id = Bundle::of(&alive.order).id;
        let name = if signal == libc::SIGKILL { "KILL".into() } else { signal.to_string() };
        let tool = self.tool(&alive.order, vec!["kill".into(), id, name], false);
        send(k, alive, signal, self.name(), tool)
    }

    // ANCHOR: exec
    fn exec(
        &self,
        k: &mut Kernel,
        target: &Target,
        argv: &[String],
        stdio: Stdio,
    ) -> Result<Child, StepError> {
        let (name, program) = (&target.plan.name, self.0);
        // en un exec, youki no pone el filtro de llamadas: entramos nosotros, con todo lo del PID 1
        if program == Kind::Youki {
            return Native.exec(k, target, argv, stdio);
        }
        k.step("adoptar a los nietos que se queden huérfanos: así nacerá el proceso", Adopt)?;
        let cgroup = match &target.cgroup {
            Some(path) if self.leaves_cgroups() => {
                Some(k.step("abrir el grupo de control del contenedor", OpenPath(path.clone()))?)
            }
            _ => None,
        };
        let why = format!("crear el proceso que hará el recado de pedir a {program} que entre en {name}");
        let child = set_out(k, name, cgroup.as_ref(), why, |k| self.enter(k, target, argv, stdio))?;
        k.go(&child);
        Ok(child)
    }
    // ANCHOR_END: exec

    fn adopts(&self) -> bool {
        true
    }

    fn stop_sandbox(&self) {
        supervise::end_orphans();
    }

    fn remove(&self, k: &mut Kernel, order: &Order) -> Result<(), StepError> {
        let (plan, bundle) = (&order.pod.containers[order.id], Bundle::of(order));
        let name = &plan.name;
        if state_of(&order.pod.name).join(&bundle.id).exists() {
            let goal = format!("que {} olvide a {name} y borre lo suyo", self.0);
            let tool = self.tool(order, vec!["delete".into(), "--force".into(), bundle.id], false);
            if let Err(error) = errand(k, order, self.name(), &goal, tool) {
                log::error!("{error}");
            }
        }
        Native.remove(k, order)?;
        k.step(format_args!("borrar lo que se le contó de {name}"), RemoveTree(bundle.dir))
    }
}

impl Oci {
    // ANCHOR: story
    /// Del lado del recado: prepara lo que es de la capa del Pod y llama a quien hace el contenedor.
    fn story(
        &self,
        k: &mut Kernel,
        order: &Order,
        bundle: &Bundle,
        layer: &Layer,
        stdio: Stdio,
    ) -> Result<(), StepError> {
        let (plan, program) = (&order.pod.containers[order.id], self.0);
        lay_out(k, order, bundle, layer)?;
        if program == Kind::Youki {
            security::own_keyring(k, &plan.security)?; // él no lo hace
        }
        let path = console(order);
        let (terminal, listener) = connect(k, stdio, &path)?;
        let (dir, pid_file) = (text(&bundle.dir), text(&bundle.pid_file()));
        let mut words = vec!["create".into(), "--bundle".into(), dir, "--pid-file".into(), pid_file];
        if terminal {
            words.extend(["--console-socket".into(), text(&path)]);
        }
        if plan.security.privileged {
            words.push("--no-new-keyring".into());
        }
        words.push(bundle.id.clone());
        k.step(
            format_args!("que {program} haga el contenedor: queda hecho, y su programa sin empezar"),
            self.tool(order, words, !terminal),
        )
        .map_err(|error| explain(error, &bundle.log(), command(plan), self.name()))?;
        let pid = found(k, bundle.pid_file(), self.name(), 1)?;
        k.step(
            format_args!("devolver a su raíz los atributos que {program} le haya quitado"),
            RestrictRoot { pid, nosuid: plan.security.no_new_privs },
        )?;
        if terminal {
            hand_over_terminal(k, listener, path)?;
        }
        let start = self.tool(order, vec!["start".into(), bundle.id.clone()], false);
        k.step(format_args!("que {program} le diga «adelante»"), start)
            .map_err(|error| explain(error, &bundle.log(), command(plan), self.name()))?;
        tell(k, pid)
    }
    // ANCHOR_END: story

    /// Del lado del recado de un `exec`: el proceso nace de quien hizo el contenedor, que acaba y lo deja.
    fn enter(&self, k: &mut Kernel, target: &Target, argv: &[String], stdio: Stdio) -> Result<(), StepError> {
        let (owner, program) = (&target.owner, self.0);
        let hierarchy = Hierarchy::find();
        own_view(k, None, hierarchy.as_ref())?;
        look_for_command(k, target, argv)?;
        // crun no lo pone en un exec, aunque se le diga
        security::set_oom_score(k, target.plan.limits.oom_score_adj)?;
        let root = state_of(owner.pod);
        let container = latest(&root, owner.uid, owner.id);
        let own = std::process::id();
        let dir = state::data_dir(owner.uid).join(format!("{own}.exec"));
        let path = state::data_dir(owner.uid).join(format!("{own}.tty"));
        let file = |name: &str| dir.join(name);
        k.step("crear el directorio con lo que necesita saber", MakeDir::new(&dir, 0o700))?;
        let (terminal, listener) = connect(k, stdio, &path)?;
        let mut words = vec!["exec".into(), "--detach".into()];
        words.extend(["--process".into(), text(&file("process.json")), "--pid-file".into()]);
        words.push(text(&file("pid")));
        if terminal {
            words.extend(["--console-socket".into(), text(&path)]);
        }
        words.push(container);
        let write = WriteProcess { plan: target.plan, argv, terminal, path: file("process.json") };
        let log = file("queja");
        let exec = self.call(&root, &log, words, !terminal);
        let made = k
            .step("escribir cómo ha de ser el proceso, con las palabras de la norma OCI", write)
            .and_then(|()| {
                let goal = format!("que {program} traiga al mundo un proceso dentro de {}", target.plan.name);
                let asked = argv.first().map_or("", String::as_str);
                k.step(goal, exec).map_err(|error| explain(error, &log, asked, self.name()))
            })
            .and_then(|()| found(k, file("pid"), self.name(), 1));
        // pase lo que pase, no queda
        k.step("borrar lo que se le contó", RemoveTree(dir.clone()))?;
        let pid = made?;
        if terminal {
            hand_over_terminal(k, listener, path)?;
        }
        tell(k, pid)
    }

    fn tool(&self, order: &Order, words: Vec<String>, shares: bool) -> Tool {
        self.call(&state_of(&order.pod.name), &Bundle::of(order).log(), words, shares)
    }

    fn call(&self, root: &Path, log: &Path, words: Vec<String>, shares: bool) -> Tool {
        let mut args = Vec::new();
        if self.leaves_cgroups() {
            args.push("--cgroup-manager=disabled".into());
        }
        args.extend(["--root".into(), text(root), "--log".into(), text(log)]);
        args.extend(["--log-format".into(), "json".into()]);
        args.extend(words);
        Tool { program: self.0.path(), args, shares, variable: None, log: None, hidden: Vec::new(), zeros: 0 }
    }

    /// crun filtra los dispositivos con un programa BPF, y para cargarlo quiere subir un tope: sin
    /// CAP_SYS_RESOURCE no puede, y se le pide que no toque los grupos de control.
    fn leaves_cgroups(&self) -> bool {
        self.0 == Kind::Crun && !super::bundle::can_raise()
    }

    /// El cgroup en el que ha de nacer el recado, si quien crea el contenedor no se ocupa de ello.
    fn cgroup(&self, k: &mut Kernel, order: &Order) -> Result<Option<Place>, StepError> {
        let (Some(hierarchy), Some(pod), true) =
            (&order.pod.hierarchy, &order.pod.cgroup, self.leaves_cgroups())
        else {
            return Ok(None);
        };
        let plan = &order.pod.containers[order.id];
        let path = cgroup::prepare_container(k, hierarchy, pod, &plan.name, &plan.limits)?;
        k.step("abrir su grupo de control", OpenPath(path)).map(Some)
    }
}

/// Conecta la entrada y las salidas; una terminal llegará por el socket `path`.
fn connect(k: &mut Kernel, stdio: Stdio, path: &Path) -> Result<(bool, Option<UnixListener>), StepError> {
    let terminal = matches!(stdio, Stdio::Terminal);
    let listener = match terminal {
        true => k.step("escuchar por dónde llegará su terminal", Listen(path.to_path_buf()))?,
        false => {
            container::connect(k, stdio)?;
            None
        }
    };
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    Ok((terminal, listener))
}

fn hand_over_terminal(
    k: &mut Kernel,
    listener: Option<UnixListener>,
    path: PathBuf,
) -> Result<(), StepError> {
    let master = k.step("recibir el extremo de su terminal", ReceiveTerminal { listener, path })?;
    let channel = k.copy_channel();
    k.step("mandarlo a quien lo espera", SendTerminal { channel, master })
}

fn tell(k: &mut Kernel, pid: Option<i32>) -> Result<(), StepError> {
    let channel = k.copy_channel();
    k.step(
        "decir al supervisor qué proceso es, para que lo adopte",
        TellPid { channel, message: Message::Born, pid },
    )
}

/// Un proceso que hizo otro y que ahora es hijo de este: se ha de poder seguir.
pub fn adopted(pid: i32) -> Option<(ProcessId, std::os::fd::OwnedFd)> {
    let process = ProcessId::of(pid).filter(|_| state::parent_of(pid) == Some(std::process::id() as i32))?;
    Some((process, process.open(None)?))
}

/// Donde quien crea los contenedores de un Pod se acuerda de ellos.
fn state_of(pod: &str) -> PathBuf {
    state::pod_dir(pod).join("oci")
}

/// Cómo llama a la última vida de un contenedor.
fn latest(root: &Path, uid: &str, id: usize) -> String {
    let prefix = format!("{uid}.{id}.");
    let lives = state::names_in(root).into_iter();
    let last = lives.filter_map(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok()).max();
    format!("{prefix}{}", last.unwrap_or(0))
}
