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
use super::made::{FindContainer, RestrictRoot, lie};
use super::tool::{PATIENCE, Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::data;
use crate::error::{StepError, exit};
use crate::kernel::channel::Message;
use crate::kernel::child::{Child, News};
use crate::kernel::ops::{
    Adopt, Bind, Clone3, JoinNamespaces, MakeDir, NewSession, OpenPath, Place, Propagation, RemoveTree,
    ResetSignals, SendTerminal, TellPid, Unshare,
};
use crate::kernel::{Actor, Kernel};
use crate::plan::PodPlan;
use crate::process::ContainerPlan;
use crate::state::ProcessId;
use crate::{cgroup, rootfs, sandbox, security, state, supervise, volume};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Uno de ellos: todos se llaman igual, porque la norma dice también cómo.
pub struct Oci(pub Kind);

/// Lo más que se lee de lo que cuente en su registro.
const MAX_LOG: u64 = 1 << 20;

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
        let bundle = Bundle { swapped: program == Kind::Youki, ..Bundle::of(order) };
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
        let birth = Clone3::inside(cgroup.as_ref());
        let why = format!("crear el proceso que hará el recado de llamar a {program}");
        let actor = Actor::Container(name.clone());
        let story = |k: &mut Kernel| self.story(k, order, &bundle, &layer, stdio);
        let child = k.spawn(why, birth, "$RECADO", actor, story)?;
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
        let birth = Clone3::inside(cgroup.as_ref());
        let why = format!("crear el proceso que hará el recado de pedir a {program} que entre en {name}");
        let actor = Actor::Container(name.clone());
        let child = k.spawn(why, birth, "$RECADO", actor, |k| self.enter(k, target, argv, stdio))?;
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
        own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
        rootfs::overlay(k, plan, layer)?;
        for (n, mount) in plan.mounts.iter().enumerate() {
            volume::lay_out(k, mount, &bundle.volume(n))?;
        }
        rootfs::fresh_last_words(k, plan)?;
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
        Tool { program: self.0.path(), args, shares, variable: None, log: None, hidden: Vec::new() }
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

/// Enviar una señal con `tool`, y por nuestra cuenta a quien no le llegue así.
pub fn send(k: &mut Kernel, alive: &Alive, signal: i32, program: &str, tool: Tool) -> Result<(), StepError> {
    let goal = format!("enviar la señal {signal} a {} con {program}", alive.name());
    match errand(k, &alive.order, program, &goal, tool) {
        Ok(()) if signal != libc::SIGKILL => Ok(()),
        // solo ha matado al PID 1: el kernel remata a cuantos haya en su grupo de control
        Ok(()) => Native.stop(k, alive, signal),
        // aún se está haciendo, o ya no está: se lo decimos nosotros a lo que haya
        Err(error) => {
            log::debug!("{error}");
            Native.stop(k, alive, signal)
        }
    }
}

/// Un recado corto: llamar una vez a quien creó el contenedor, y esperar.
pub fn errand(k: &mut Kernel, order: &Order, program: &str, goal: &str, tool: Tool) -> Result<(), StepError> {
    let birth = Clone3::inside(None);
    let why = format!("crear el proceso que hará el recado de llamar a {program}");
    let child = k.spawn(why, birth, "$RECADO", Actor::Host, |k| {
        own_view(k, Some(order), order.pod.hierarchy.as_ref())?;
        k.step(goal, tool)
    })?;
    k.go(&child);
    let Some((pidfd, channel)) = child.into_parts() else { return Ok(()) };
    let result = loop {
        match k.hear(&channel) {
            None | Some(News::Ready) => {}
            Some(News::Failed(error)) => break Err(*error),
            Some(News::Closed | News::Terminal(_) | News::Born(_) | News::Client(_)) => break Ok(()),
        }
    };
    supervise::reap(pidfd.as_fd());
    result
}

/// Del lado del recado: ver los ficheros del Pod (si hacen falta), y la jerarquía de cgroup v2 donde
/// todos la buscan.
pub fn own_view(
    k: &mut Kernel,
    order: Option<&Order>,
    hierarchy: Option<&Hierarchy>,
) -> Result<(), StepError> {
    k.step("sesión propia, sin la terminal de quien lanzó micropod", NewSession)?;
    if let Some(order) = order.filter(|order| order.pause.pidfd.is_some() || !k.is_real()) {
        let namespaces = CloneFlags::CLONE_NEWNS;
        let join = JoinNamespaces { pidfd: order.pause.pidfd, process: order.pause.shown.into(), namespaces };
        k.step("entrar donde se ven los volúmenes y los ficheros del Pod", join)?;
    }
    k.step("tener una lista de montajes propia", Unshare(CloneFlags::CLONE_NEWNS))?;
    k.step(
        "que lo que se monte aquí no se vea fuera, ni al revés",
        Propagation { target: "/".into(), kind: MsFlags::MS_PRIVATE },
    )?;
    let usual = Path::new("/sys/fs/cgroup");
    match hierarchy {
        Some(hierarchy) if hierarchy.root != usual => k.step(
            "enseñar cgroup v2 donde se busca siempre: esta máquina lo tiene en otra parte",
            Bind { source: &Place::at(&hierarchy.root), target: &Place::at(usual) },
        ),
        _ => Ok(()),
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

/// El proceso que dejó apuntado quien lo hizo, comprobado.
pub fn found(
    k: &mut Kernel,
    file: PathBuf,
    program: &str,
    generations: u32,
) -> Result<Option<i32>, StepError> {
    let find = FindContainer { file, generations };
    k.step(format_args!("averiguar qué proceso ha hecho {program}"), find).map_err(|error| {
        let lie = lie(error.errno());
        error.hint(format!("{program} {lie}: comprueba que es el de verdad, con `{program} --version`"))
    })
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

pub fn command(plan: &ContainerPlan) -> &str {
    plan.argv.first().map_or("", String::as_str)
}

/// De qué se quejó: la última línea de su registro que sea un error.
fn complaint(log: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(log).ok()?.take(MAX_LOG).read_to_end(&mut bytes).ok()?;
    let log = String::from_utf8_lossy(&bytes);
    let said = |line: &str| {
        let value = data::parse(line.as_bytes()).ok()?;
        let error = value["level"].as_str()?.eq_ignore_ascii_case("error");
        // youki lo llama de otra manera, y detrás dice por qué funciones iba
        let message = value["msg"].as_str().or_else(|| value["message"].as_str())?;
        error.then(|| message.split("\n\n").next().unwrap_or(message).to_string())
    };
    log.lines().rev().find_map(said)
}

/// Por qué no se pudo, con las palabras de siempre si es que falta el programa.
pub fn explain(error: StepError, log: &Path, name: &str, program: &str) -> StepError {
    if error.errno() == Errno::ETIMEDOUT {
        let seconds = PATIENCE.as_secs();
        return error
            .hint(format!("{program} no acabó en {seconds} s, y se le ha matado: prueba con otro motor"));
    }
    let Some(said) = complaint(log) else {
        return error.hint(format!(
            "{program} no ha dicho por qué: comprueba que es el de verdad, con `{program} --version`"
        ));
    };
    let about_exec = said.contains("exec") || said.contains(name);
    let lower = said.to_lowercase();
    if about_exec && (lower.contains("not found") || lower.contains("no such file")) {
        let hint = format!("`{name}` no está en la imagen: revisa `command` ({program} dice: {said})");
        return error.exit_code(exit::NOT_FOUND).hint(hint);
    }
    if about_exec && lower.contains("permission denied") {
        let hint = format!("`{name}` no se puede ejecutar: revisa sus permisos ({program} dice: {said})");
        return error.exit_code(exit::NOT_EXECUTABLE).hint(hint);
    }
    error.hint(format!("{program} dice: {said}"))
}
