//! `run --policy`: qué Pods se admiten, según las normas de seguridad de Pods de Kubernetes
//! (Pod Security Standards). Quien corrige los ejercicios de otros usa `lab`.
//!
//! Cada regla nombra su campo y dice qué pasaría si se dejara: es también una manera de aprenderlas.

use super::choices::POLICIES;
use super::errors::visible;
use super::types::{
    Container, HostPathType, Pod, PodSecurityContext, Probe, ProcMount, SeccompProfile, SeccompProfileType,
};
use super::validate::Broken;
use std::path::{Component, Path};

/// De la más abierta a la más estrecha; `lab` es `baseline` con lo que necesita un corrector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Lo que pida: quien escribe el Pod es quien lo ejecuta.
    #[default]
    Privileged,
    /// Nada de lo que da poder sobre la máquina.
    Baseline,
    /// Además, lo que manda el buen hacer: sin root, sin capacidades, con filtro.
    Restricted,
    /// `baseline`, con hostPath solo por debajo del directorio del fichero y sin la imagen `host`.
    Lab,
}

impl Policy {
    pub fn from_name(name: &str) -> Option<Policy> {
        let all = [Policy::Privileged, Policy::Baseline, Policy::Restricted, Policy::Lab];
        all.into_iter().zip(POLICIES).find(|(_, n)| *n == name).map(|(policy, _)| policy)
    }

    pub fn name(self) -> &'static str {
        POLICIES[self as usize]
    }
}

/// Lo que `baseline` deja añadir.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Los ajustes del kernel que `baseline` deja cambiar: los demás seguros son de Kubernetes, pero no suyos.
const BASELINE_SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

/// Los códigos de cada política, para `micropod explain`.
const BASELINE: &str = "MP0200";
const RESTRICTED: &str = "MP0201";
const LAB: &str = "MP0202";

/// Lo que se va apuntando.
struct Judge<'a> {
    policy: Policy,
    pod: &'a Pod,
    broken: Vec<Broken>,
}

impl Judge<'_> {
    /// `what`: lo que se pide. `why`: qué pasaría, y qué hacer.
    fn refuse(&mut self, code: &'static str, path: String, what: &str, why: &str) {
        let problem = format!("la política `{}` no admite {what}", self.policy.name());
        self.broken.push(Broken::new(code, path, problem, why));
    }

    /// Algo que la política exige escribir.
    fn demand(&mut self, code: &'static str, path: String, what: &str, why: &str) {
        let problem = format!("la política `{}` exige {what}", self.policy.name());
        self.broken.push(Broken::new(code, path, problem, why));
    }
}

/// Lo que `policy` no admite de este Pod. `base`: el directorio de su fichero, absoluto y sin enlaces.
pub fn check(policy: Policy, pod: &Pod, base: &Path) -> Vec<Broken> {
    let mut judge = Judge { policy, pod, broken: Vec::new() };
    match policy {
        Policy::Privileged => {}
        Policy::Baseline => baseline(&mut judge, None),
        Policy::Restricted => {
            baseline(&mut judge, None);
            restricted(&mut judge);
        }
        Policy::Lab => {
            baseline(&mut judge, Some(base));
            own_image(&mut judge);
        }
    }
    judge.broken
}

/// Los contenedores con su camino en el fichero.
fn containers(pod: &Pod) -> Vec<(String, &Container)> {
    let init = pod.spec.init_containers.iter().enumerate();
    let app = pod.spec.containers.iter().enumerate();
    init.map(|(i, c)| (format!("spec.initContainers[{i}]"), c))
        .chain(app.map(|(i, c)| (format!("spec.containers[{i}]"), c)))
        .collect()
}

// ANCHOR: baseline
/// `lab`: el directorio por debajo del cual sí se admite hostPath.
fn baseline(judge: &mut Judge, lab: Option<&Path>) {
    let pod = judge.pod;
    if pod.spec.host_network {
        let why =
            "por la red de la máquina se ve el tráfico de todos y se llega a sus servicios locales: quítalo";
        judge.refuse(BASELINE, "spec.hostNetwork".into(), "`hostNetwork: true`", why);
    }
    for (i, volume) in pod.spec.volumes.iter().enumerate() {
        let Some(host_path) = &volume.host_path else { continue };
        let path = format!("spec.volumes[{i}].hostPath");
        match lab {
            None => {
                let why =
                    "da acceso a los ficheros de la máquina: usa `emptyDir`, o pon los datos en la imagen";
                judge.refuse(BASELINE, path, "`hostPath`", why);
            }
            Some(base) => lab_host_path(judge, &path, &host_path.path, host_path.r#type, base),
        }
    }
    for (i, sysctl) in pod.spec.security_context.sysctls.iter().enumerate() {
        let name = crate::security::sysctls::with_dots(&sysctl.name);
        if !BASELINE_SYSCTLS.contains(&name.as_str()) {
            let path = format!("spec.securityContext.sysctls[{i}].name");
            let why = "no está en su lista: quítalo";
            judge.refuse(BASELINE, path, &format!("cambiar `{}`", visible(&name, 60)), why);
        }
    }
    unconfined(judge, "spec", pod.spec.security_context.seccomp_profile.as_ref());
    for (path, container) in containers(pod) {
        baseline_container(judge, &path, container);
    }
}

fn baseline_container(judge: &mut Judge, path: &str, container: &Container) {
    let context = &container.security_context;
    if context.privileged == Some(true) {
        let why =
            "quien manda en un contenedor privilegiado manda en la máquina: pide solo la capacidad que falte";
        judge.refuse(BASELINE, format!("{path}.securityContext.privileged"), "`privileged: true`", why);
    }
    let added = context.capabilities.as_ref().map_or(&[][..], |c| c.add.as_slice());
    for (i, name) in added.iter().enumerate() {
        if !BASELINE_CAPABILITIES.contains(&name.as_str()) {
            let field = format!("{path}.securityContext.capabilities.add[{i}]");
            let why = format!("se pueden añadir: {}", BASELINE_CAPABILITIES.join(", "));
            judge.refuse(BASELINE, field, &format!("añadir `{}`", visible(name, 40)), &why);
        }
    }
    if context.proc_mount == ProcMount::Unmasked {
        let why = "enseña secretos de la máquina que /proc cuenta a root: déjalo en Default";
        judge.refuse(BASELINE, format!("{path}.securityContext.procMount"), "`procMount: Unmasked`", why);
    }
    unconfined(judge, path, context.seccomp_profile.as_ref());
    for (i, port) in container.ports.iter().enumerate() {
        if port.host_port.is_some_and(|p| p != 0) {
            let field = format!("{path}.ports[{i}].hostPort");
            let why = "ocupa un puerto que es de toda la máquina: habla con la IP del Pod";
            judge.refuse(BASELINE, field, "`hostPort`", why);
        }
    }
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    for (name, probe) in probes {
        if let Some(probe) = probe {
            foreign_host(judge, &format!("{path}.{name}"), probe);
        }
    }
}
// ANCHOR_END: baseline

fn unconfined(judge: &mut Judge, path: &str, profile: Option<&SeccompProfile>) {
    if profile.is_some_and(|p| p.r#type == SeccompProfileType::Unconfined) {
        let why = "sin filtro se llega a mucho más código del kernel: usa RuntimeDefault";
        let field = format!("{path}.securityContext.seccompProfile.type");
        judge.refuse(BASELINE, field, "`seccompProfile: Unconfined`", why);
    }
}

/// Una sonda la hace micropod desde la máquina: con `host`, hablaría con quien el Pod dijera.
fn foreign_host(judge: &mut Judge, path: &str, probe: &Probe) {
    let hosts = [
        ("httpGet", probe.http_get.as_ref().and_then(|p| p.host.as_ref())),
        ("tcpSocket", probe.tcp_socket.as_ref().and_then(|p| p.host.as_ref())),
    ];
    for (kind, host) in hosts {
        if host.is_some_and(|h| !h.is_empty()) {
            let why = "la pregunta sale de la máquina y llegaría a donde el Pod no puede: quítalo";
            judge.refuse(BASELINE, format!("{path}.{kind}.host"), "`host` en una sonda", why);
        }
    }
}

// ANCHOR: restricted
fn restricted(judge: &mut Judge) {
    let pod_context = &judge.pod.spec.security_context;
    if pod_context.run_as_user == Some(0) {
        not_root(judge, "spec.securityContext.runAsUser".into());
    }
    for (path, container) in containers(judge.pod) {
        let context = &container.security_context;
        if context.allow_privilege_escalation != Some(false) {
            let why = "micropod ya lo hace así, pero Kubernetes no: escríbelo y valdrá en los dos";
            let what = "`allowPrivilegeEscalation: false` en cada contenedor";
            judge.demand(RESTRICTED, format!("{path}.securityContext.allowPrivilegeEscalation"), what, why);
        }
        if context.run_as_non_root.or(pod_context.run_as_non_root) != Some(true) {
            let why =
                "si alguien escapa del contenedor siendo root, fuera también lo es: ponlo en el Pod o aquí";
            judge.demand(
                RESTRICTED,
                format!("{path}.securityContext.runAsNonRoot"),
                "`runAsNonRoot: true`",
                why,
            );
        }
        if context.run_as_user == Some(0) {
            not_root(judge, format!("{path}.securityContext.runAsUser"));
        }
        filter_in_writing(judge, &path, context.seccomp_profile.as_ref(), pod_context);
        drop_all(judge, &path, container);
    }
}
// ANCHOR_END: restricted

fn not_root(judge: &mut Judge, path: String) {
    judge.refuse(RESTRICTED, path, "el usuario 0", "es root: pon otro número, por ejemplo 1000");
}

fn filter_in_writing(judge: &mut Judge, path: &str, own: Option<&SeccompProfile>, pod: &PodSecurityContext) {
    if own.or(pod.seccomp_profile.as_ref()).is_none() {
        let why = "micropod ya lo pone, pero Kubernetes no: escríbelo en el Pod o en cada contenedor";
        let field = format!("{path}.securityContext.seccompProfile");
        judge.demand(RESTRICTED, field, "`seccompProfile: (type: RuntimeDefault)`", why);
    }
}

fn drop_all(judge: &mut Judge, path: &str, container: &Container) {
    let capabilities = container.security_context.capabilities.as_ref();
    let field = format!("{path}.securityContext.capabilities");
    if !capabilities.is_some_and(|c| c.drop.iter().any(|name| name == "ALL")) {
        let why = "casi ningún programa necesita capacidades: se quitan todas y se añade la que haga falta";
        judge.demand(RESTRICTED, format!("{field}.drop"), "`capabilities: (drop: [\"ALL\"])`", why);
    }
    for (i, name) in capabilities.map_or(&[][..], |c| c.add.as_slice()).iter().enumerate() {
        // las que baseline ya rechaza están dichas
        if name != "NET_BIND_SERVICE" && BASELINE_CAPABILITIES.contains(&name.as_str()) {
            let why = "solo se puede añadir NET_BIND_SERVICE, para abrir un puerto bajo";
            judge.refuse(RESTRICTED, format!("{field}.add[{i}]"), &format!("añadir `{name}`"), why);
        }
    }
}

/// En `lab`, hostPath lleva solo a lo que hay por debajo del directorio del fichero. Los enlaces que
/// haya ahí los mira el kernel al montar (`openat2` con `RESOLVE_BENEATH`).
fn lab_host_path(judge: &mut Judge, path: &str, host_path: &str, kind: HostPathType, base: &Path) {
    let asked = Path::new(host_path);
    let inside = match asked.is_absolute() {
        true => asked.starts_with(base),
        false => true,
    };
    let climbs = asked.components().any(|part| part == Component::ParentDir);
    if !inside || climbs {
        let what =
            format!("`{}`, que no está por debajo del directorio del ejercicio", visible(host_path, 80));
        let why = "pon los datos junto al fichero del Pod y escribe la ruta relativa: `./datos`";
        judge.refuse(LAB, format!("{path}.path"), &what, why);
    }
    if matches!(kind, HostPathType::Socket | HostPathType::CharDevice | HostPathType::BlockDevice) {
        let why = "en un ejercicio hay ficheros y directorios: quita `type`";
        judge.refuse(LAB, format!("{path}.type"), &format!("`type: {kind:?}`"), why);
    }
}

/// `image: "host"` enseña la raíz de la máquina entera, `/etc/shadow` incluido.
fn own_image(judge: &mut Judge) {
    for (path, container) in containers(judge.pod) {
        if crate::image::is_host(&container.image) {
            let why = "enseñaría todos los ficheros de la máquina: usa una imagen de `micropod image ls`";
            judge.refuse(LAB, format!("{path}.image"), "la imagen `host`", why);
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
