//! podman: el mismo contenedor, pedido a un programa de los que usa una persona.
//!
//! ```text
//! [supervisor] ── recado: monta la raíz y los volúmenes donde solo él los ve
//!      │             ├─ podman create, podman init   el contenedor queda hecho, sin empezar
//!      │             └─ se convierte en `podman start --attach`, que acaba con él y con su código
//!      └── [conmon]                  huérfano: lo adopta el supervisor
//!            └── [PID 1 del contenedor]
//! ```
//!
//! podman no tiene demonio, pero sí quien se quede en medio: `conmon`, que es el padre del contenedor, y
//! su cliente, por el que pasa lo que escribe. Lo que podman apunta es de cada Pod, y se va con él.

use super::bundle::{self, Bundle};
use super::client::{LeaveWitness, WITNESS, become_client, infrastructure, own_cgroup};
use super::errand::{errand, found, lay_out, own_view, send, set_out};
use super::made::RestrictRoot;
use super::missing::look_for_command;
use super::tool::{Tool, text};
use super::{Alive, Kind, Native, Order, Runtime};
use crate::cgroup::Hierarchy;
use crate::container::{self, Born, Layer, Stdio, Target};
use crate::error::{StepError, exit};
use crate::kernel::channel::Message;
use crate::kernel::child::Child;
use crate::kernel::ops::{self, Adopt, MakeDir, OpenInRoot, RemoveTree, ResetSignals, TellPid, WriteFile};
use crate::kernel::{Actor, Kernel, Op};
use crate::plan::PodPlan;
use crate::process::{ContainerPlan, Hidden, Overhead};
use crate::{rootfs, sandbox, security, state, supervise};
use nix::sched::CloneFlags;
use serde_json::json;
use std::path::{Path, PathBuf};

pub struct Podman;

impl Runtime for Podman {
    fn name(&self) -> &'static str {
        "podman"
    }

    fn run_sandbox(&self, k: &mut Kernel, pod: &PodPlan) -> Result<Child, StepError> {
        k.step("adoptar a los nietos que se queden huérfanos: así nacerá conmon", Adopt)?;
        sandbox::start(k, pod)
    }

    fn stop_sandbox(&self) {
        supervise::end_orphans();
    }

    fn strangers(&self) -> &'static [&'static str] {
        &["conmon", "podman", "crun", "runc", WITNESS]
    }

    // `podman start` y conmon: medido, de 13 a 16 MB y una docena de hilos
    fn overhead(&self) -> Overhead {
        Overhead { memory: 64 << 20, pids: 64 }
    }

    fn create(&self, k: &mut Kernel, order: &Order, stdio: Stdio) -> Result<Born, StepError> {
        let (pod, plan, bundle) = (order.pod, &order.pod.containers[order.id], Bundle::of(order));
        let name = &plan.name;
        one_line_each(plan)?;
        let layer = container::prepare_layer(k, &pod.uid, name, order.life)?;
        let why = format!("crear el directorio con lo que podman necesita saber de {name}");
        k.step(why, MakeDir::new(&bundle.dir, 0o700))?;
        k.step(
            "escribir la configuración de podman: sin nada de la que haya en la máquina",
            WriteFile { path: conf(&bundle.dir), content: settings(plan), mode: 0o600 },
        )?;
        k.step(
            "escribir las variables, que pueden llevar secretos",
            WriteEnv { plan, path: env_file(&bundle) },
        )?;
        let cgroup = own_cgroup(k, order)?;
        let place = infrastructure(k, order)?;
        let why = "crear el proceso que hará el recado de llamar a podman";
        let child = set_out(k, name, place.as_ref(), why, |k| story(k, order, &bundle, &layer, stdio))?;
        Ok(Born { child, cgroup })
    }

    fn stop(&self, k: &mut Kernel, alive: &Alive, signal: i32) -> Result<(), StepError> {
        let bundle = Bundle::of(&alive.order);
        let words = vec!["kill".into(), "--signal".into(), signal.to_string(), bundle.id.clone()];
        send(k, alive, signal, self.name(), call(&alive.order.pod.name, &bundle, words))
    }

    fn remove(&self, k: &mut Kernel, order: &Order) -> Result<(), StepError> {
        let (name, bundle) = (&order.pod.containers[order.id].name, Bundle::of(order));
        if podman_dir(&order.pod.name).exists() && conf(&bundle.dir).exists() {
            let words = ["rm", "--force", "--ignore", "--time", "0", &bundle.id];
            let words = words.map(String::from).to_vec();
            let goal = format!("que podman olvide a {name} y borre lo suyo");
            if let Err(error) = errand(k, order, "podman", &goal, call(&order.pod.name, &bundle, words)) {
                log::error!("{error}");
            }
        }
        Native.remove(k, order)?;
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
        k.step("adoptar a los nietos que se queden huérfanos: así nacerá conmon", Adopt)?;
        let why = format!("crear el proceso que pedirá a podman que entre en {name}");
        let child = set_out(k, name, None, why, |k| enter(k, target, argv, stdio))?;
        k.go(&child);
        Ok(child)
    }
}

// ANCHOR: story
/// Del lado del recado: prepara lo que es de la capa del Pod, manda hacer el contenedor y se queda con él.
fn story(
    k: &mut Kernel,
    order: &Order,
    bundle: &Bundle,
    layer: &Layer,
    stdio: Stdio,
) -> Result<(), StepError> {
    let plan = &order.pod.containers[order.id];
    let root = lay_out(k, order, bundle, layer)?;
    security::limit_process(k, &plan.security, plan.limits.oom_score_adj)?;
    k.step(
        "buscar el directorio de trabajo; si falta, se crea: podman no lo hace",
        OpenInRoot::mount_point(&root, &plan.cwd, ops::Kind::Directory),
    )?;
    if plan.security.seccomp {
        let content = super::filter::profile(plan.security.open_to_filter(), false).to_string();
        let path = seccomp_file(bundle);
        k.step("escribir el filtro de llamadas", WriteFile { path, content, mode: 0o600 })?;
    }
    let ask = |k: &mut Kernel, why: &str, words: Vec<String>| {
        let tool = Tool { hidden: hidden(plan), ..call(&order.pod.name, bundle, words) };
        k.step(why, tool).map_err(|error| explain(error, bundle, plan))
    };
    ask(k, "decir a podman cómo ha de ser el contenedor", creation(order, bundle))?;
    ask(k, "que podman haga el contenedor, sin empezar", vec!["init".into(), bundle.id.clone()])?;
    let pid = found(k, bundle.pid_file(), "podman", 2)?;
    k.step(
        "devolver a su raíz los atributos que haya perdido",
        RestrictRoot { pid, nosuid: plan.security.no_new_privs },
    )?;
    let talks = stdio.talks();
    container::connect(k, stdio)?;
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    let channel = k.copy_channel();
    k.step(
        "decir al supervisor qué proceso es el contenedor",
        TellPid { channel, message: Message::Client, pid },
    )?;
    k.step("dejar a un testigo: el canal se cerrará cuando el programa corra", LeaveWitness { pid })?;
    let mut words = vec!["start".into(), "--attach".into(), "--sig-proxy=false".into()];
    words.extend(talks.then(|| "--interactive".into()));
    words.push(bundle.id.clone());
    become_client(k, call(&order.pod.name, bundle, words), "quedarse con el contenedor, que ya empieza")
}

/// Del lado del recado de un `exec`: convertirse en el cliente, que acaba con el comando y con su código.
fn enter(k: &mut Kernel, target: &Target, argv: &[String], stdio: Stdio) -> Result<(), StepError> {
    let owner = &target.owner;
    own_view(k, None, Hierarchy::find().as_ref())?;
    look_for_command(k, target, argv)?;
    let plan = target.plan;
    security::limit_process(k, &plan.security, plan.limits.oom_score_adj)?;
    let bundle = Bundle::latest(owner.uid, owner.id, &plan.name);
    let (terminal, talks) = (matches!(stdio, Stdio::Terminal), stdio.talks());
    container::connect(k, stdio)?;
    k.step("que ninguna señal le llegue ignorada ni bloqueada", ResetSignals)?;
    let mut words = vec!["exec".to_string()];
    words.extend(talks.then(|| "--interactive".into()));
    words.extend(terminal.then(|| "--tty".into()));
    words.push(bundle.id.clone());
    words.extend(argv.iter().cloned());
    let why = "convertirse en el cliente de podman, que entra en el contenedor";
    become_client(k, call(owner.pod, &bundle, words), why)
}
// ANCHOR_END: story

/// Una llamada corta, que no dice nada.
fn call(pod: &str, bundle: &Bundle, words: Vec<String>) -> Tool {
    let mut args = globals(pod);
    args.extend(words);
    Tool {
        program: Kind::Podman.path(),
        args,
        shares: false,
        variable: Some(("CONTAINERS_CONF", text(&conf(&bundle.dir)))),
        log: Some(bundle.log()),
        hidden: Vec::new(),
        zeros: 0,
    }
}

/// Los argumentos del programa van todos en una palabra: si lleva un secreto, se enseña otra.
fn hidden(plan: &ContainerPlan) -> Vec<Hidden> {
    let public = bundle::public(plan, &plan.argv);
    match public == plan.argv {
        true => Vec::new(),
        false => vec![Hidden { real: json!(plan.argv).to_string(), shown: json!(public).to_string() }],
    }
}

fn globals(pod: &str) -> Vec<String> {
    let dir = podman_dir(pod);
    let at = |name: &str| text(&dir.join(name));
    // crun filtra los dispositivos subiendo antes un tope: sin CAP_SYS_RESOURCE no puede
    let order = if bundle::can_raise() { [Kind::Crun, Kind::Runc] } else { [Kind::Runc, Kind::Crun] };
    let runtime = order.into_iter().find(|kind| kind.is_installed()).unwrap_or(Kind::Runc);
    let pairs = [
        ("--root", at("raiz")),
        ("--runroot", at("marcha")),
        ("--tmpdir", at("tmp")),
        ("--network-config-dir", at("redes")),
        ("--storage-driver", "vfs".into()),
        ("--events-backend", "none".into()),
        ("--cgroup-manager", "cgroupfs".into()),
        ("--runtime", text(&runtime.path())),
        ("--runtime-flag", format!("root={}", at("oci"))),
    ];
    pairs.into_iter().flat_map(|(option, value)| [option.to_string(), value]).collect()
}

// ANCHOR: creation
/// Las palabras de `podman create`: lo mismo que el `config.json` de los de la norma OCI.
fn creation(order: &Order, bundle: &Bundle) -> Vec<String> {
    let plan = &order.pod.containers[order.id];
    let security = &plan.security;
    let mut words: Vec<String> = vec!["create".into()];
    let mut say = |option: &str, value: String| words.extend([option.to_string(), value]);
    say("--name", bundle.id.clone());
    say("--pidfile", text(&bundle.pid_file()));
    say("--log-driver", "none".into());
    for (option, value) in namespaces(order) {
        say(option, value);
    }
    match bundle::cgroups_path(order) {
        Some(path) => {
            say("--cgroups", "no-conmon".into());
            say("--cgroup-parent", path);
        }
        None => say("--cgroups", "disabled".into()),
    }
    say("--pids-limit", "0".into());
    say("--user", format!("{}:{}", security.uid, security.gid));
    for group in &security.groups {
        say("--group-add", group.to_string());
    }
    say("--umask", "0022".into());
    say("--workdir", plan.cwd.clone());
    say("--oom-score-adj", bundle::oom_score(plan.limits.oom_score_adj).to_string());
    for limit in limits() {
        say("--ulimit", limit);
    }
    for option in protections(plan, bundle) {
        say("--security-opt", option);
    }
    for mount in mounts(plan, bundle) {
        say("--volume", mount);
    }
    say("--env-file", text(&env_file(bundle)));
    say("--entrypoint", json!(plan.argv).to_string());
    for option in ["--unsetenv-all", "--no-hosts", "--http-proxy=false", "--systemd=false"] {
        words.push(option.into());
    }
    words.extend([
        "--sdnotify=ignore".into(),
        "--image-volume=ignore".into(),
        "--read-only-tmpfs=false".into(),
    ]);
    words.extend(security.read_only_root.then(|| "--read-only".into()));
    words.extend(security.privileged.then(|| "--privileged".into()));
    words.extend(plan.tty.then(|| "--tty".into()));
    words.extend((plan.tty || plan.stdin).then(|| "--interactive".into()));
    words.extend(["--rootfs".into(), text(&rootfs::mount_point())]);
    words
}

/// Lo que comparte el Pod, por la ruta con la que lo nombra la pausa; lo demás, nuevo o de la máquina.
fn namespaces(order: &Order) -> Vec<(&'static str, String)> {
    let kinds = [
        (CloneFlags::CLONE_NEWNET, "--network", "net"),
        (CloneFlags::CLONE_NEWIPC, "--ipc", "ipc"),
        (CloneFlags::CLONE_NEWUTS, "--uts", "uts"),
        (CloneFlags::CLONE_NEWPID, "--pid", "pid"),
        (CloneFlags::CLONE_NEWCGROUP, "--cgroupns", "cgroup"),
    ];
    let value = |flag: CloneFlags, file: &str| match order.pod.shared.contains(flag) {
        true => format!("ns:/proc/{}/ns/{file}", order.pause.shown),
        false if order.pod.own.contains(flag) => "private".into(),
        false => "host".into(),
    };
    kinds.into_iter().map(|(flag, option, file)| (option, value(flag, file))).collect()
}

fn protections(plan: &ContainerPlan, bundle: &Bundle) -> Vec<String> {
    let security = &plan.security;
    let mut all = vec!["label=disable".to_string(), "apparmor=unconfined".into()];
    all.extend(security.no_new_privs.then(|| "no-new-privileges".into()));
    all.push(match security.seccomp {
        true => format!("seccomp={}", text(&seccomp_file(bundle))),
        false => "seccomp=unconfined".into(),
    });
    all.push(match security.masked {
        true => format!("mask={}", security::masked_here().join(":")),
        false => "unmask=ALL".into(),
    });
    all
}

/// Los ficheros y los volúmenes, con las opciones de siempre. Ninguna ruta lleva dos puntos.
fn mounts(plan: &ContainerPlan, bundle: &Bundle) -> Vec<String> {
    let closed = "rbind,nosuid,nodev,noexec";
    let bind =
        |source: &Path, target: &str, options: &str| format!("{}:{target}:{options}", source.display());
    let mut all = vec![bind(&rootfs::pod_shm(), "/dev/shm", closed)];
    for name in ["hosts", "hostname", "resolv.conf"] {
        let path = format!("/etc/{name}");
        if !plan.mounts.iter().any(|m| m.target == path) {
            all.push(bind(&rootfs::pod_files().join(name), &path, closed));
        }
    }
    for (n, volume) in plan.mounts.iter().enumerate() {
        let devices = if volume.devices { "" } else { ",nodev" };
        let mode = if volume.read_only { ",ro" } else { "" };
        all.push(bind(&bundle.volume(n), &volume.target, &format!("rbind,nosuid{devices}{mode}")));
    }
    all.push(bind(&rootfs::termination_log(&plan.name), &plan.termination_log, closed));
    all
}

/// Los topes, como se le dicen a podman. El de la memoria virtual no lo conoce y se hereda; el de procesos,
/// que micropod no toca, lo cambiaría si no se le dijera.
fn limits() -> Vec<String> {
    let number = |n: u64| if n == u64::MAX { "-1".to_string() } else { n.to_string() };
    let mut all = bundle::limits_here();
    if let Ok((soft, hard)) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NPROC) {
        // podman baja el suyo a pid_max, y desde ahí no todo root puede subirlo
        let most = std::fs::read_to_string("/proc/sys/kernel/pid_max").ok();
        let most = most.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
        all.push(("RLIMIT_NPROC".into(), soft.min(most), hard.min(most)));
    }
    let known = all.into_iter().filter(|(name, ..)| name != "RLIMIT_AS");
    let shown = |name: &str| name.trim_start_matches("RLIMIT_").to_lowercase();
    known.map(|(name, soft, hard)| format!("{}={}:{}", shown(&name), number(soft), number(hard))).collect()
}

/// La configuración con la que corre podman. Las capacidades van aquí: pedidas con `--cap-add`, a quien no
/// es root se las daría también como ambientales.
fn settings(plan: &ContainerPlan) -> String {
    let names = bundle::capability_names(plan.security.capabilities);
    format!(
        "[containers]\ndefault_capabilities = {}\ndefault_ulimits = []\n\n[engine]\nlock_type = \"file\"\n",
        json!(names)
    )
}

// ANCHOR_END: creation

/// podman lee las variables de un fichero con una en cada línea.
fn one_line_each(plan: &ContainerPlan) -> Result<(), StepError> {
    let Some(bad) = plan.env.iter().find(|pair| pair.contains(['\n', '\r'])) else { return Ok(()) };
    let name = bad.split('=').next().unwrap_or_default();
    Err(StepError {
        actor: Actor::Host.to_string(),
        goal: "escribir las variables para podman".into(),
        syscall: "write(2)".into(),
        shell: ":".into(),
        errno: nix::errno::Errno::EINVAL as i32,
        file: file!().into(),
        line: line!(),
        hint: Some(format!(
            "podman no admite variables de varias líneas, y `{name}` lo es: ponla en un volumen, o usa otro motor"
        )),
        exit_code: exit::SETUP,
    })
}

/// Escribir el fichero de variables. Solo lo lee root.
struct WriteEnv<'a> {
    plan: &'a ContainerPlan,
    path: PathBuf,
}

impl Op for WriteEnv<'_> {
    type Output = ();
    fn syscall(&self) -> &'static str {
        "write(2)"
    }
    fn shell(&self) -> String {
        let lines = bundle::public(self.plan, &self.plan.env).join("\n");
        format!("(umask 077; cat > {} <<'FIN'\n{lines}\nFIN\n)", crate::kernel::ops::quote_path(&self.path))
    }
    fn run(&self) -> Result<(), nix::errno::Errno> {
        let content = self.plan.env.iter().map(|pair| format!("{pair}\n")).collect();
        WriteFile { path: self.path.clone(), content, mode: 0o600 }.run()
    }
    fn rehearse(&self) {}
    fn caveat(&self) -> Option<&'static str> {
        (!self.plan.hidden.is_empty()).then_some("los valores de los Secret no se enseñan: ponlos tú")
    }
}

/// Por qué no se pudo, con las palabras de siempre si es que falta el programa.
fn explain(error: StepError, bundle: &Bundle, plan: &ContainerPlan) -> StepError {
    super::errand::explain(error, &bundle.log(), super::errand::command(plan), "podman")
}

/// Donde podman se acuerda de los contenedores de un Pod.
fn podman_dir(pod: &str) -> PathBuf {
    state::pod_dir(pod).join("podman")
}

fn conf(dir: &Path) -> PathBuf {
    dir.join("containers.conf")
}

fn env_file(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("entorno")
}

fn seccomp_file(bundle: &Bundle) -> PathBuf {
    bundle.dir.join("filtro.json")
}
