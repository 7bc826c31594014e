//! Capítulo 23 · LA HISTORIA de un Pod, del lado del anfitrión.
//!
//! Leer lo que se quiere, tomar el nombre, decidirlo todo, y supervisar hasta el final. [`run`] es
//! esa historia; lo que hace la pausa está en `sandbox.rs`, y lo que hace cada contenedor, en
//! `container.rs`.

use crate::cli::namespace::Namespace;
use crate::cli::term::Screen;
use crate::config::publish;
use crate::container::{Pause, Stdio};
use crate::control::Control;
use crate::controller::state::Owner;
use crate::error::{Error, each, exit};
use crate::kernel::ops::{MakeDir, RemoveDir, RemoveTree, quote};
use crate::kernel::{Kernel, Mode, Step};
use crate::logic::pod::Pod;
use crate::logic::rules::{PodRules, annotated_acelera};
use crate::logic::status::{ContainerState, Phase, PodStatus};
use crate::network;
use crate::plan::{self, PodPlan};
use crate::runtime::{Kind, Order, Runtime};
use crate::spec::types::{Container, Object, PodSpec, RestartPolicy};
use crate::spec::{self, Loaded, Manifest, Policy, Validation, Workload};
use crate::state::{self, Claim, Live, ProcessId, Record, Seen};
use crate::supervise::{STARTED, Signals, Start, Supervisor, hold_signals, release_signals};
use crate::{cgroup, controller, gc, rootfs, security, volume};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Lo que se puede pedir a `micropod run`.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// El fichero; `-` es la entrada estándar.
    pub file: PathBuf,
    /// De lo que se ejecuta en el fichero, solo lo que se llama así.
    pub only: Option<String>,
    /// En segundo plano.
    pub detach: bool,
    /// Borrar la ficha y los logs al acabar.
    pub remove: bool,
    pub mode: Mode,
    /// Quién crea este Pod, si es un controlador, y qué proceso es.
    pub owner: Option<(Owner, i32)>,
    /// De un ReplicaSet en marcha: cambiar sus Pods por otros del molde nuevo.
    pub replace: bool,
    /// Por cuánto se dividen las esperas entre reinicios, para clase; si no se dice, lo dice la
    /// anotación `micropod/acelera` del Pod.
    pub acelera: Option<u32>,
    /// Quién crea los contenedores.
    pub runtime: Kind,
    /// Lo que se admite.
    pub policy: Policy,
    /// Qué hacer con lo que micropod no tiene.
    pub validation: Validation,
    /// A qué espacio de nombres va (`-n`).
    pub namespace: Namespace,
}

/// Cómo acabó `run`.
#[derive(Default)]
pub struct Outcome {
    /// Lo que se ha quedado en segundo plano: `pod/web`.
    pub started: Vec<String>,
    pub code: u8,
}

impl From<u8> for Outcome {
    fn from(code: u8) -> Outcome {
        Outcome { started: Vec::new(), code }
    }
}

/// Levanta lo que dice el fichero y, en primer plano, lo acompaña hasta que acaba.
pub fn run(options: &RunOptions) -> Result<Outcome, Error> {
    let manifest = read(options)?;
    if options.mode.is_real() && !options.detach {
        manifest.in_foreground()?;
    }
    let mut outcome = Outcome::default();
    each(manifest.runnable()?, |object| {
        let one = launch_one(&manifest, object, options)?;
        outcome.started.extend(one.started);
        outcome.code = one.code;
        Ok(())
    })?;
    Ok(outcome)
}

/// Lo que dice el fichero, si se admite entero: hasta que no lo está no se crea nada.
pub fn read(options: &RunOptions) -> Result<Manifest, Error> {
    if options.mode.is_real() && nix::unistd::geteuid().is_root() {
        // antes de leer nada: si la entrada es una tubería, no se podría leer otra vez
        security::seal()?;
    }
    if options.mode.is_real() {
        // un supervisor no muere porque se vaya quien lee su salida, o un contenedor que leía la entrada
        crate::kernel::sys::ignore_signal(libc::SIGPIPE);
    }
    if let Some((_, pid)) = &options.owner {
        controller::die_with_owner(*pid)?;
    }
    let mut manifest = spec::load_with(&options.file, options.validation)?;
    options.namespace.put(&mut manifest)?;
    manifest.keep(options.only.as_deref())?;
    for note in &manifest.notes {
        crate::cli::term::note(note);
    }
    manifest.enforce(options.policy)?;
    Ok(manifest)
}

/// Levanta lo que es `object`, si se ejecuta. Si hay varios, el error dice de cuál es.
pub fn launch_one(manifest: &Manifest, object: &Object, options: &RunOptions) -> Result<Outcome, Error> {
    let Some(workload) = manifest.workload(object) else { return Ok(Outcome::default()) };
    let several = manifest.runnable()?.len() > 1;
    let name = object.metadata().filter(|_| several).map(|m| format!("{} `{}`", object.kind(), m.name));
    launch(workload, options).map_err(|error| match &name {
        Some(name) => error.about(name),
        None => error,
    })
}

// ANCHOR: run
/// Levanta un Pod y, en primer plano, lo acompaña hasta que acaba.
fn launch(workload: Workload, options: &RunOptions) -> Result<Outcome, Error> {
    let loaded = match workload {
        Workload::Pod(loaded) => Loaded { policy: options.policy, ..*loaded },
        Workload::Controller(controlled) => return controller::run(*controlled, options),
    };
    for warning in security::warnings(&loaded.pod.spec) {
        crate::cli::term::note(&format!("aviso: {warning}"));
    }
    if !options.mode.is_real() {
        return rehearse(&loaded, options.mode, options.runtime).map(|_| exit::OK.into());
    }
    require_root("crear un Pod")?;
    gc::sweep_pending();
    hold_signals().map_err(|e| Error::failed("no se pudieron retener las señales").because(e))?;
    let uid = new_uid()?;
    let (claim, old) = claim(&loaded.pod.metadata.name)?;
    let prepared = remember(&claim, &uid).and_then(|()| decide(&loaded, &uid));
    let plan = match prepared {
        Ok(plan) => plan,
        Err(error) => {
            gc::undo_birth(claim, &uid);
            return Err(error);
        }
    };
    if let Some(old) = old {
        replace(&claim, &old);
    }
    match options.detach {
        true => detach(claim, loaded, plan, options),
        false => {
            let screen = Screen::new(options.owner.as_ref().map(|_| plan.name.as_str()), &plan.containers);
            live(claim, loaded, plan, options, Some(screen), &mut None).map(Outcome::from)
        }
    }
}
// ANCHOR_END: run

/// Crear espacios de nombres pide ser root: se dice antes de tocar nada, con el comando que sí vale.
pub fn require_root(what: &str) -> Result<(), Error> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let words = std::env::args_os().skip(1).map(|word| quote(&word.to_string_lossy()));
    let command = words.fold("sudo micropod".to_string(), |all, word| format!("{all} {word}"));
    Err(Error::failed(format!("hace falta ser administrador para {what}")).with_hint(command))
}

/// Toma el nombre y, si lo tenía un Pod que acabó, recoge lo que dejara. Su ficha espera: si el nuevo no
/// puede nacer, es lo que hay.
fn claim(name: &str) -> Result<(Claim, Option<Seen>), Error> {
    let Some(claim) = Claim::take(name)? else {
        return Err(Error::failed(format!("ya hay un Pod `{name}` en marcha")).with_hint(format!(
            "míralo con `sudo micropod get pod {name}` o bórralo con `sudo micropod delete pod {name}`"
        )));
    };
    let old = state::see_claimed(&claim);
    if let Some(old) = &old {
        gc::reap(&old.record, &old.live);
    }
    Ok((claim, old))
}

/// Sustituye al Pod que tenía este nombre, y lo dice.
fn replace(claim: &Claim, old: &Seen) {
    let (name, phase) = (&claim.name, old.live.status.phase);
    log::info!("se sustituye el Pod {name} anterior ({phase})");
    crate::cli::term::note(&format!(
        "el Pod `{name}` anterior había acabado ({phase}): se sustituye por uno nuevo"
    ));
    gc::forget_logs(name);
    state::forget_previous(claim);
}

fn new_uid() -> Result<String, Error> {
    state::new_uid().map_err(|e| Error::failed("no se pudo inventar un UID").because(e))
}

/// Deja dicho que este Pod está naciendo, antes de hacer nada que haya que deshacer.
fn remember(claim: &Claim, uid: &str) -> Result<(), Error> {
    state::mark_pending(&claim.name, uid)
        .map_err(|e| Error::failed(format!("no se pudo escribir en {}", state::RUN)).because(e))
}

/// Decide cuanto hay que decidir, y reserva lo que se usa de la red.
fn decide(loaded: &Loaded, uid: &str) -> Result<PodPlan, Error> {
    let network = match loaded.pod.spec.host_network {
        true => None,
        false => Some(network::lease(&loaded.pod.spec, &loaded.pod.metadata.name, uid)?),
    };
    plan::decide(loaded, uid, network)
}

// ANCHOR: prepare
/// Del lado del anfitrión: lo que debe existir antes que nadie. Cada cosa, con su deshacer detrás.
fn prepare(
    k: &mut Kernel,
    spec: &PodSpec,
    plan: &PodPlan,
    runtime: &dyn Runtime,
) -> Result<(), crate::error::StepError> {
    let data = state::data_dir(&plan.uid);
    k.step("crear el directorio del Pod, para sus capas y sus volúmenes", MakeDir::new(&data, 0o700))?;
    k.undo_later("borrar el directorio del Pod: capas y emptyDir mueren con él", RemoveTree(data));
    k.step(
        "crear el punto de montaje de los ficheros del Pod",
        MakeDir::if_missing(rootfs::pod_files(), 0o700),
    )?;
    k.step(
        "crear el punto de montaje de su memoria compartida",
        MakeDir::if_missing(rootfs::pod_shm(), 0o700),
    )?;
    rootfs::prepare_floor(k)?;
    volume::prepare(k, &plan.uid, &plan.volumes)?;
    publish::all(k, &plan.data, false, &plan.version)?;
    if let Some(hierarchy) = &plan.hierarchy {
        cgroup::prepare(k, hierarchy, &plan.name, &runtime.pod_limits(spec))?;
    }
    Ok(())
}
// ANCHOR_END: prepare

/// La ficha del Pod. La escribe quien va a supervisarlo: en segundo plano no es quien lo lanzó.
fn write_record(loaded: &Loaded, plan: &PodPlan, options: &RunOptions) -> Result<(), Error> {
    let record = Record {
        format: state::FORMAT,
        name: plan.name.clone(),
        uid: plan.uid.clone(),
        pod: loaded.pod.clone(),
        base: loaded.base.clone(),
        born: state::unix_millis(),
        supervisor: ProcessId::of(std::process::id() as i32).unwrap_or(ProcessId { pid: 0, start: 0 }),
        cgroup: plan.cgroup.clone(),
        network: plan.network.clone(),
        owner: options.owner.as_ref().map(|(owner, _)| owner.clone()),
        runtime: options.runtime,
        remove: options.remove,
        plans: plan.containers.clone(),
    };
    state::write_record(&record).map_err(|e| {
        Error::failed(format!("no se pudo guardar la ficha del Pod en {}", state::RUN)).because(e)
    })
}

/// Supervisa el Pod hasta que acaba y recoge lo suyo.
fn live(
    claim: Claim,
    loaded: Loaded,
    plan: PodPlan,
    options: &RunOptions,
    screen: Option<Screen>,
    parent: &mut Option<OwnedFd>,
) -> Result<u8, Error> {
    let uid = plan.uid.clone();
    let supervisor = match give_birth(loaded, plan, options, screen, parent) {
        Ok(supervisor) => supervisor,
        Err(error) => {
            gc::undo_birth(claim, &uid);
            return Err(error);
        }
    };
    let (live, failures) = supervisor.run();
    for failure in &failures {
        log::error!("{failure}");
    }
    finish(claim, &uid, &live, options)
}

/// Lo que puede fallar antes de que haya Pod: la ficha, el socket de control y lo del anfitrión.
fn give_birth(
    loaded: Loaded,
    plan: PodPlan,
    options: &RunOptions,
    screen: Option<Screen>,
    parent: &mut Option<OwnedFd>,
) -> Result<Supervisor, Error> {
    let signals =
        Signals::listen().map_err(|e| Error::failed("no se pudieron atender las señales").because(e))?;
    crate::kernel::sys::set_process_name(c"micropod");
    security::protect_supervisor();
    write_record(&loaded, &plan, options)?;
    let control = Control::listen(&state::pod_dir(&plan.name).join("control"))?;
    for dir in
        [rootfs::mount_point(), rootfs::pod_files(), rootfs::pod_shm(), Path::new(state::LIB).join("pods")]
    {
        state::make_private_dir(&dir)?;
    }
    let mut k = Kernel::new(options.mode);
    if let Err(error) = prepare(&mut k, &loaded.pod.spec, &plan, options.runtime.runtime()) {
        k.teardown();
        return Err(error.into());
    }
    let core = Pod::new(PodRules::from(
        &loaded.pod,
        options.acelera.unwrap_or_else(|| annotated_acelera(&loaded.pod)),
    ));
    let spec = loaded.pod.spec;
    Ok(Supervisor::new(Start {
        k,
        plan,
        runtime: options.runtime.runtime(),
        spec,
        core,
        signals,
        control,
        screen,
        parent: parent.take(),
    }))
}

/// El Pod ha acabado: suelta su dirección y su nombre; la ficha se queda, salvo con `--rm`.
fn finish(claim: Claim, uid: &str, live: &Live, options: &RunOptions) -> Result<u8, Error> {
    if let Some(seen) = state::see_claimed(&claim) {
        if let Some(net) = &seen.record.network {
            network::settle(net, uid);
        }
    }
    state::clear_pending(&claim.name);
    if options.remove || state::is_to_be_forgotten(&claim.name) {
        gc::forget_logs(&claim.name);
        let name = claim.name.clone();
        claim
            .forget()
            .map_err(|e| Error::failed(format!("no se pudo borrar la ficha de {name}")).because(e))?;
    }
    Ok(exit_code(&live.status))
}

/// El código con el que sale `run` en primer plano: el del primer contenedor que falló.
fn exit_code(status: &PodStatus) -> u8 {
    if status.phase == Phase::Succeeded {
        return exit::OK;
    }
    // el código de un auxiliar no cuenta: tampoco para la fase
    let init = status.init_containers.iter().filter(|c| !c.sidecar);
    let all = init.chain(&status.containers);
    let code = |c: &crate::logic::status::ContainerStatus| match &c.state {
        ContainerState::Terminated(end) => Some(end.exit_code),
        ContainerState::Waiting { .. } | ContainerState::Running { .. } => {
            c.last.as_ref().map(|end| end.exit_code)
        }
    };
    let failed = all.filter_map(code).find(|code| *code != 0);
    failed.map_or(exit::FAILED, |code| (code & 0xff) as u8)
}

// ANCHOR: detach
/// En segundo plano, el Pod lo supervisa un hijo.
fn detach(claim: Claim, loaded: Loaded, plan: PodPlan, options: &RunOptions) -> Result<Outcome, Error> {
    let name = plan.name.clone();
    in_background(claim, &state::log_dir(&name), &format!("pod/{name}"), |claim, parent| {
        live(claim, loaded, plan, options, None, parent)
    })
}

/// Un hijo hace `body`, con el nombre que se ha tomado; quien lo lanzó espera a que diga que está
/// en marcha y se va. `shown`: cómo se llama lo que se lanza, `pod/web`.
pub fn in_background(
    claim: Claim,
    logs: &Path,
    shown: &str,
    body: impl FnOnce(Claim, &mut Option<OwnedFd>) -> Result<u8, Error>,
) -> Result<Outcome, Error> {
    let (ours, theirs) = crate::kernel::sys::report_pipe().map_err(|errno| {
        Error::failed("no se pudo abrir una tubería").because(crate::error::spanish(errno))
    })?;
    match crate::kernel::sys::clone3(0, None) {
        Ok(crate::kernel::sys::Cloned::Child) => {
            drop(ours);
            become_daemon(logs);
            let mut parent = Some(theirs);
            let code = body(claim, &mut parent).unwrap_or_else(|error| {
                log::error!("{error}");
                if let Some(parent) = &parent {
                    // si quien esperaba se fue, queda en el fichero de diagnósticos
                    let _ = nix::unistd::write(parent, error.to_string().as_bytes());
                }
                error.exit_code()
            });
            crate::kernel::sys::exit_now(code)
        }
        Ok(crate::kernel::sys::Cloned::Parent { .. }) => {
            drop(theirs);
            // el cerrojo es del hijo
            claim.leave();
            // quien espera puede morir: el Pod ya es de su supervisor
            release_signals().map_err(|e| Error::failed("no se pudieron atender las señales").because(e))?;
            wait_for_report(ours, logs, shown)
        }
        Err(errno) => {
            Err(Error::failed("no se pudo crear el supervisor").because(crate::error::spanish(errno)))
        }
    }
}
// ANCHOR_END: detach

/// Sin terminal, sin directorio de nadie y con los diagnósticos en un fichero.
fn become_daemon(logs: &Path) {
    // quien acaba de nacer no es líder de ningún grupo: setsid no falla
    let _ = nix::unistd::setsid();
    let _ = nix::unistd::chdir("/");
    if state::make_private_dir(logs).is_ok() {
        crate::cli::term::redirect_to(&logs.join("supervisor.log"));
    }
}

/// El supervisor dice por la tubería que el Pod ya está en marcha, o por qué no. Si muere, nada.
fn wait_for_report(pipe: OwnedFd, logs: &Path, shown: &str) -> Result<Outcome, Error> {
    let mut report = String::new();
    // si la lectura falla, es como si hubiera muerto
    let _ = std::fs::File::from(pipe).read_to_string(&mut report);
    match report.as_str() {
        STARTED => {
            crate::cli::term::data(&format!("{shown} created"));
            Ok(Outcome { started: vec![shown.to_string()], code: exit::OK })
        }
        "" => Err(Error::failed(format!("el supervisor de {shown} ha muerto al empezar"))
            .with_hint(format!("mira {}/supervisor.log y `dmesg`", logs.display()))),
        why => Err(Error::failed(format!("{shown} no arranca bien")).because(why.trim_end())),
    }
}

/// Una historia contada sin vivirla.
pub struct Rehearsal {
    /// Los pasos, en el orden en que se darían.
    pub steps: Vec<Step>,
    /// Cómo se desharía, empezando por lo último que se hizo.
    pub undo: Vec<Step>,
    /// Los contenedores que deben acabar antes de que empiece el siguiente.
    pub inits: Vec<String>,
}

/// El UID de un Pod que no va a nacer.
pub const REHEARSED: &str = "ensayo";

/// ¿Se podría crear este Pod? Decide cuanto hay que decidir y no reserva nada.
pub fn decide_for_nothing(loaded: &Loaded) -> Result<PodPlan, Error> {
    let spec = &loaded.pod.spec;
    let network = if spec.host_network { None } else { Some(network::rehearse(spec)?) };
    plan::decide(loaded, REHEARSED, network)
}

/// Cuenta la historia sin tocar nada: `--dry-run` y `guion`.
pub fn rehearse(loaded: &Loaded, mode: Mode, runtime: Kind) -> Result<Rehearsal, Error> {
    let spec = &loaded.pod.spec;
    let plan = decide_for_nothing(loaded)?;
    for container in &plan.containers {
        if let Some(error) = &container.config_error {
            let (name, problem) = (&container.name, &error.problem);
            crate::cli::term::note(&format!("aviso: el contenedor {name} no podría arrancar: {problem}"));
        }
    }
    let mut k = Kernel::new(mode);
    tell(&mut k, spec, &plan, runtime.runtime())?;
    let steps = k.told().to_vec();
    let mut undo = Vec::new();
    if mode == Mode::Script {
        k.teardown();
        undo = k.told()[steps.len()..].to_vec();
    }
    let sidecar = |c: &&Container| c.restart_policy == Some(RestartPolicy::Always);
    let inits = spec.init_containers.iter().filter(|c| !sidecar(c)).map(|c| c.name.clone()).collect();
    Ok(Rehearsal { steps, undo, inits })
}

// ANCHOR: tell
/// La misma historia que vive el supervisor, de principio a fin y de una vez.
fn tell(k: &mut Kernel, spec: &PodSpec, plan: &PodPlan, runtime: &dyn Runtime) -> Result<(), Error> {
    prepare(k, spec, plan, runtime)?;
    let pause = runtime.run_sandbox(k, plan)?;
    let shown = pause.shown();
    for id in 0..plan.containers.len() {
        let pause = Pause { pidfd: None, shown: &shown };
        let order = Order { pod: plan, id, life: 0, pause, target: None };
        let born = runtime.create(k, &order, Stdio::Rehearsal)?;
        runtime.start(k, &born);
        if let Some(cgroup) = born.cgroup {
            k.undo_later("borrar el grupo de control del contenedor", RemoveDir(cgroup));
        }
    }
    Ok(())
}
// ANCHOR_END: tell
