//! Lo decidido sobre un Pod antes de tocar nada: de la especificación a los hechos.
//!
//! Aquí se pregunta a la máquina (imágenes, cgroups, memoria) y se resuelve todo; a partir de aquí,
//! los demás módulos solo obedecen. Un Pod que no se puede cumplir se rechaza aquí, sin dejar nada.

use crate::cgroup::{self, Hierarchy};
use crate::config::downward::{Facts, Node};
use crate::config::publish::{self, DataVolume};
use crate::config::{self, env};
use crate::error::Error;
use crate::image::{self, Image};
use crate::network::{PodNetwork, names};
use crate::process::{self, ConfigError, ContainerPlan, Word};
use crate::spec::types::{Container, Pod, PodSpec};
use crate::spec::{Config, Loaded, Policy};
use crate::volume::{self, VolumePlan};
use crate::{namespaces, rootfs, security};
use nix::sched::CloneFlags;
use std::path::PathBuf;
use std::time::SystemTime;

/// Todo lo que hace falta para levantar el Pod.
pub struct PodPlan {
    pub name: String,
    pub uid: String,
    pub hostname: String,
    /// Lo que sostiene la pausa y comparten los contenedores.
    pub shared: CloneFlags,
    /// Lo que estrena cada contenedor.
    pub own: CloneFlags,
    /// La red propia, o `None` si usa la de la máquina.
    pub network: Option<PodNetwork>,
    pub hierarchy: Option<Hierarchy>,
    /// El cgroup del Pod, si hay cgroup v2.
    pub cgroup: Option<PathBuf>,
    pub volumes: Vec<VolumePlan>,
    /// Los ajustes del kernel que pide, con puntos en el nombre.
    pub sysctls: Vec<(String, String)>,
    pub hosts: String,
    pub resolv_conf: String,
    /// Los volúmenes hechos de ConfigMaps, Secrets y datos del Pod, y la versión que se publica.
    pub data: Vec<DataVolume>,
    pub version: String,
    /// Lo que sus contenedores pueden preguntar del Pod, y los ConfigMaps y Secrets que pueden pedir.
    pub facts: Facts,
    pub config: Config,
    /// La política con la que se admitió: también vale para quien llegue después.
    pub policy: Policy,
    /// En el orden de [`crate::logic::ContainerId`]: primero los de inicialización; los efímeros, detrás.
    pub containers: Vec<ContainerPlan>,
}

/// Los contenedores de un Pod, en el orden de [`crate::logic::ContainerId`], sin los efímeros.
pub fn all_containers(spec: &PodSpec) -> impl Iterator<Item = &Container> {
    spec.init_containers.iter().chain(&spec.containers)
}

/// Decide. `network`: la red ya reservada, o `None` con hostNetwork.
pub fn decide(loaded: &Loaded, uid: &str, network: Option<PodNetwork>) -> Result<PodPlan, Error> {
    let (name, spec) = (&loaded.pod.metadata.name, &loaded.pod.spec);
    let hierarchy = Hierarchy::find();
    cgroup::check(spec, hierarchy.as_ref())?;
    let memory = cgroup::pod_limits(spec).memory_max;
    let volumes = volume::plan(spec, &loaded.base, uid, memory, loaded.policy == Policy::Lab);
    volume::check(&volumes)?;
    let hostname = names::hostname(&loaded.pod);
    let facts = facts(&loaded.pod, uid, network.as_ref());
    let data = config::volumes(spec, &loaded.config, &facts, &volumes);
    let mut plan = PodPlan {
        name: name.clone(),
        uid: uid.to_string(),
        shared: namespaces::of_the_pod(spec),
        own: namespaces::of_a_container(spec, hierarchy.is_some()),
        cgroup: hierarchy.as_ref().map(|h| h.home().join(name)),
        hosts: names::hosts_file(&loaded.pod, network.as_ref()),
        resolv_conf: names::resolv_conf(&loaded.pod),
        hostname,
        network,
        hierarchy,
        sysctls: sysctls(spec),
        volumes,
        data,
        version: publish::version(SystemTime::now()),
        facts,
        config: loaded.config.clone(),
        policy: loaded.policy,
        containers: Vec::new(),
    };
    plan.containers = all_containers(spec)
        .map(|container| decide_container(spec, container, &plan))
        .collect::<Result<_, _>>()?;
    Ok(plan)
}

/// Lo que un contenedor puede saber del Pod.
fn facts(pod: &Pod, uid: &str, network: Option<&PodNetwork>) -> Facts {
    let host_ip = crate::network::host_ip(network).to_string();
    Facts {
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace().to_string(),
        uid: uid.to_string(),
        labels: pod.metadata.labels.clone(),
        annotations: pod.metadata.annotations.clone(),
        node_name: crate::object::node_name(),
        pod_ip: network.map_or_else(|| host_ip.clone(), |net| net.ip.to_string()),
        host_ip,
        node: Node::this(),
    }
}

fn sysctls(spec: &PodSpec) -> Vec<(String, String)> {
    let all = spec.security_context.sysctls.iter();
    all.map(|s| (security::sysctls::with_dots(&s.name), s.value.clone())).collect()
}

/// Decide un contenedor del Pod que describe `plan`: lo que ejecuta, con qué entorno y qué monta.
pub fn decide_container(
    spec: &PodSpec,
    container: &Container,
    plan: &PodPlan,
) -> Result<ContainerPlan, Error> {
    let Image { name: image, root: lower, config, .. } = image::find(&container.image)?;
    let who = format!("el contenedor `{}`", container.name);
    let (security, home) = security::plan(spec, container, &config.user, &lower)
        .map_err(|problem| Error::failed(format!("{who}: {problem}")))?;
    let (declared, missing) = match env::declared(spec, container, &plan.config, &plan.facts) {
        Ok(declared) => (declared, None),
        Err(problem) => (Vec::new(), Some(ConfigError { problem, hint: ADD_IT.into() })),
    };
    let (container, badly_mounted) = match with_sub_paths(container, &declared) {
        Ok(container) => (container, None),
        Err(error) => (container.clone(), Some(error)),
    };
    let as_root = security::forbidden_root(spec, &container, &security)
        .map(|(problem, hint)| ConfigError { problem, hint });
    let config_error = missing.or(badly_mounted).or(as_root);
    // $(…) solo nombra lo declarado: lo que ponen la imagen y micropod se queda como está
    let expanded = |words: &[String]| -> Vec<Word> {
        words.iter().map(|w| process::expand_word(w, |name| env::get(&declared, name))).collect()
    };
    let (command, args) = (expanded(&container.command), expanded(&container.args));
    let texts = |words: &[Word]| words.iter().map(|w| w.text().to_string()).collect::<Vec<_>>();
    let argv = process::argv(&config.entrypoint, &config.cmd, &texts(&command), &texts(&args));
    if argv.is_empty() {
        let problem = format!("{who} no dice qué ejecutar, y su imagen `{image}` tampoco");
        return Err(Error::failed(problem).with_hint("añade command: [\"programa\", \"argumento\"]"));
    }
    let qos = cgroup::qos(spec);
    let adj = cgroup::oom_score_adj(qos, spec, &container, cgroup::node_memory());
    let own_signal = container.lifecycle.as_ref().and_then(|l| l.stop_signal.as_deref());
    let default_cwd = if config.working_dir.is_empty() { "/" } else { &config.working_dir };
    Ok(ContainerPlan {
        name: container.name.clone(),
        image,
        lower,
        argv,
        env: process::environment(&config.env, &plan.hostname, &home, container.tty, &declared),
        hidden: process::hidden(declared.iter(), &[command, args].concat()),
        cwd: container.working_dir.clone().unwrap_or_else(|| default_cwd.to_string()),
        mounts: volume::mounts_of(&container, &plan.volumes),
        limits: cgroup::container_limits(&container, adj),
        security,
        stop_signal: stop_signal(own_signal.unwrap_or(&config.stop_signal)),
        termination_log: container
            .termination_message_path
            .clone()
            .unwrap_or_else(|| rootfs::TERMINATION_LOG.to_string()),
        stdin: container.stdin,
        stdin_once: container.stdin_once,
        tty: container.tty,
        target: None,
        config_error,
    })
}

const ADD_IT: &str = "ponlo en la `List` del fichero, junto al Pod, o pide esa variable con `optional: true`";

/// El contenedor con sus `subPathExpr` ya resueltos. Una variable que falta o está vacía no deja saber
/// qué parte del volumen se quiere; tampoco una que saque de él.
fn with_sub_paths(container: &Container, declared: &env::Declared) -> Result<Container, ConfigError> {
    let mut container = container.clone();
    for mount in &mut container.volume_mounts {
        let Some(wanted) = mount.sub_path_expr.take() else { continue };
        let empty = std::cell::RefCell::new(None);
        let word = process::expand_word(&wanted, |name| {
            let value = env::get(declared, name).filter(|word| !word.text().is_empty());
            if value.is_none() {
                empty.borrow_mut().get_or_insert_with(|| name.to_string());
            }
            value
        });
        let wrong = |problem: String, hint: &str| ConfigError { problem, hint: hint.into() };
        if let Some(name) = empty.into_inner() {
            let problem = format!("subPathExpr `{wanted}`: la variable {name} no está o está vacía");
            return Err(wrong(problem, "declárala en el `env` de ese contenedor"));
        }
        let path = word.text();
        if path.starts_with('/') || crate::spec::validate::has_dot_dot(path) {
            let problem = format!("subPathExpr `{wanted}` lleva a `{}`, fuera del volumen", word.shown());
            return Err(wrong(problem, "usa variables que den una ruta relativa y sin `..`"));
        }
        mount.sub_path = Some(path.to_string());
    }
    Ok(container)
}

/// De «SIGQUIT», «QUIT» o «3» a su número; SIGTERM si la imagen no dice nada que se entienda.
fn stop_signal(text: &str) -> i32 {
    use std::str::FromStr;
    if let Ok(number) = text.parse::<i32>() {
        if (1..=64).contains(&number) {
            return number;
        }
    }
    let full = if text.starts_with("SIG") { text.to_string() } else { format!("SIG{text}") };
    nix::sys::signal::Signal::from_str(&full).map_or(libc::SIGTERM, |s| s as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn la_senal_de_parada_se_escribe_de_tres_maneras() {
        for (text, number) in [("SIGQUIT", 3), ("QUIT", 3), ("3", 3), ("", 15), ("SIGNADA", 15), ("99", 15)] {
            assert_eq!(stop_signal(text), number, "{text}");
        }
    }
}
