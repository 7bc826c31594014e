//! Quien ejecuta un ReplicaSet, un Job o un CronJob: crea Pods y los repone.
//!
//! Un solo proceso en primer plano y un solo `poll`: señales, el socket de control, la muerte de los
//! supervisores de sus Pods, los cambios de estado de esos Pods (inotify) y el próximo plazo. Cada
//! Pod lo supervisa, como siempre, un `micropod run` hijo de este; si este muere, el kernel les manda
//! SIGTERM y acaban con orden.

mod manager;
pub mod names;
mod set;
pub mod state;

use crate::error::{Error, exit};
use crate::kernel::Mode;
use crate::run::{self, Outcome, RunOptions};
use crate::spec::types::{Object, PodTemplate};
use crate::spec::{Controlled, Loaded};
use manager::Manager;
use state::Owner;

// ANCHOR: run
/// Ejecuta el controlador y, en primer plano, lo acompaña hasta que acaba.
pub fn run(controlled: Controlled, options: &RunOptions) -> Result<Outcome, Error> {
    if options.mode == Mode::StepByStep {
        return Err(Error::usage("--paso-a-paso va de Pod en Pod, y un controlador crea varios")
            .with_hint("usa --narra, o escribe un Pod con su plantilla"));
    }
    let pod = template_of(&controlled.object).pod("ensayo");
    let (config, base) = (controlled.config.clone(), controlled.base.clone());
    let pod = Loaded { pod, config, base, policy: options.policy, notes: Vec::new() };
    if !options.mode.is_real() {
        return run::rehearse(&pod, options.mode, options.runtime).map(|_| exit::OK.into());
    }
    run::require_root("crear Pods")?;
    crate::gc::sweep_pending();
    // lo que falle siempre (una imagen que no está) se dice antes de crear nada
    run::decide_for_nothing(&pod)?;
    let (kind, name) = (controlled.object.kind(), name_of(&controlled.object));
    let key = state::key(kind, &name);
    let Some(claim) = state::claim(&key)? else {
        return manager::change_running(&key, &controlled, options.replace);
    };
    forget_finished(kind, &name);
    let shown = format!("{}/{name}", kind.to_lowercase());
    let live = |claim, parent: &mut _| {
        Manager::new(&key, controlled, options, parent)?.run();
        manager::finish(claim, &key)
    };
    match options.detach {
        true => run::in_background(claim, &state::log_dir(&key), &shown, live),
        false => live(claim, &mut None).map(Outcome::from),
    }
}
// ANCHOR_END: run

fn name_of(object: &Object) -> String {
    object.metadata().map(|m| m.name.clone()).unwrap_or_default()
}

/// Un Job acabado deja su sitio a otro del mismo nombre, como un Pod.
fn forget_finished(kind: &str, name: &str) {
    if let Some(old) = state::see(kind, name) {
        crate::cli::term::note(&format!(
            "el {kind} `{name}` anterior había acabado: se sustituye por uno nuevo"
        ));
        for set in &old.status.sets {
            forget_pods(&set.uid);
        }
    }
}

/// Olvida un controlador que ya no ejecuta nadie, con los Pods que creó.
pub fn forget(claim: crate::state::Claim, key: &str) -> Result<(), Error> {
    let status: state::Status = state::read(key, "status.json").unwrap_or_default();
    for set in &status.sets {
        forget_pods(&set.uid);
    }
    // si no había, mejor
    let _ = std::fs::remove_dir_all(state::log_dir(key));
    claim.forget().map_err(|e| Error::failed(format!("no se pudo olvidar {key}")).because(e))
}

/// Olvida los Pods acabados de un grupo: fichas y logs.
fn forget_pods(uid: &str) {
    for seen in state::pods_of(uid) {
        forget_one(&seen.record.name);
    }
}

fn forget_one(name: &str) {
    if let Ok(Some(claim)) = crate::state::Claim::take(name) {
        // si no se puede, el siguiente `gc` lo intentará
        let _ = crate::gc::forget_pod(claim);
    }
}

/// El molde del que salen los Pods de un controlador.
pub fn template_of(object: &Object) -> PodTemplate {
    match object {
        Object::ReplicaSet(set) => set.spec.template.clone(),
        Object::Job(job) => job.spec.template.clone(),
        Object::CronJob(cron) => cron.spec.job_template.spec.template.clone(),
        Object::Pod(_) | Object::ConfigMap(_) | Object::Secret(_) | Object::List(_) => PodTemplate::default(),
    }
}

/// `--dueno ReplicaSet/web/UID/PID`: quién crea este Pod, y qué proceso es.
pub fn parse_owner(text: &str) -> Option<(Owner, i32)> {
    let mut parts = text.split('/').map(String::from);
    let (kind, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    let pid = parts.next()?.parse().ok()?;
    Some((Owner { kind, name, uid }, pid))
}

/// Si muere quien crea los Pods, este supervisor acaba con orden. Se llama al empezar.
pub fn die_with_owner(pid: i32) -> Result<(), Error> {
    use crate::kernel::sys;
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as u64, 0, 0, 0).map_err(|e| {
        Error::failed("no se pudo atar este Pod a quien lo crea").because(crate::error::spanish(e))
    })?;
    // si ya había muerto, la señal no llegará nunca
    match nix::unistd::getppid().as_raw() == pid {
        true => Ok(()),
        false => Err(Error::failed("quien creaba este Pod ha muerto")),
    }
}
