//! Seguridad: usuarios que existen, capacidades con su nombre y ajustes que no se contradicen.

use super::{Checks, MAX_INT, containers, range};
use crate::security::CAPABILITIES;
use crate::security::sysctls::{SAFE, is_of_network, is_value, with_dots};
use crate::spec::errors::visible;
use crate::spec::suggest;
use crate::spec::types::{Pod, SecurityContext, Sysctl};

pub fn check(checks: &mut Checks, pod: &Pod) {
    let of_pod = &pod.spec.security_context;
    ids(checks, "spec.securityContext", of_pod.run_as_user, of_pod.run_as_group);
    if let Some(group) = of_pod.fs_group {
        range(checks, "MP0150", "spec.securityContext.fsGroup", group, 0, MAX_INT);
    }
    for (i, group) in of_pod.supplemental_groups.iter().enumerate() {
        range(checks, "MP0150", &format!("spec.securityContext.supplementalGroups[{i}]"), *group, 0, MAX_INT);
    }
    for (i, sysctl) in of_pod.sysctls.iter().enumerate() {
        let path = format!("spec.securityContext.sysctls[{i}]");
        let repeated = of_pod.sysctls[..i].iter().any(|s| with_dots(&s.name) == with_dots(&sysctl.name));
        sysctl_check(checks, &path, sysctl, repeated, pod.spec.host_network);
    }
    if of_pod.run_as_non_root == Some(true) && of_pod.run_as_user == Some(0) {
        not_root(checks, "spec.securityContext.runAsUser");
    }
    for (path, _, container) in containers(pod) {
        let path = format!("{path}.securityContext");
        let own = &container.security_context;
        ids(checks, &path, own.run_as_user, own.run_as_group);
        capabilities(checks, &path, own);
        escalation(checks, &path, own);
        // lo del contenedor gana a lo del Pod; si todo es del Pod, ya está dicho arriba
        let mixed = own.run_as_user.is_some() || own.run_as_non_root.is_some();
        let non_root = own.run_as_non_root.or(of_pod.run_as_non_root) == Some(true);
        if mixed && non_root && own.run_as_user.or(of_pod.run_as_user) == Some(0) {
            let field = if own.run_as_user.is_some() { "runAsUser" } else { "runAsNonRoot" };
            not_root(checks, &format!("{path}.{field}"));
        }
    }
}

fn sysctl_check(checks: &mut Checks, path: &str, sysctl: &Sysctl, repeated: bool, host_network: bool) {
    let name = with_dots(&sysctl.name);
    let shown = visible(&name, 60);
    if !SAFE.contains(&name.as_str()) {
        let hint = match suggest::nearest(&name, SAFE) {
            Some(better) => format!("¿querías decir `{better}`?"),
            None => format!("se pueden cambiar: {}", SAFE.join(", ")),
        };
        let problem = format!("`{shown}` no es un ajuste que sea de cada Pod y seguro de cambiar");
        checks.add("MP0190", format!("{path}.name"), problem, hint);
    } else if repeated {
        checks.add("MP0190", format!("{path}.name"), format!("`{shown}` está dos veces"), "deja una");
    } else if host_network && is_of_network(&name) {
        let problem = format!("`{shown}` es de la red, y con `hostNetwork: true` es la de la máquina");
        checks.add("MP0190", format!("{path}.name"), problem, "quita `hostNetwork` o este ajuste");
    }
    if !is_value(&sysctl.value) {
        let problem = format!("`{}` no es un valor de sysctl", visible(&sysctl.value, 60));
        checks.add(
            "MP0190",
            format!("{path}.value"),
            problem,
            "números separados por espacios: \"1024 65000\"",
        );
    }
}

fn not_root(checks: &mut Checks, path: &str) {
    let hint = "pon otro `runAsUser`, por ejemplo 1000, o quita `runAsNonRoot`";
    checks.add("MP0152", path, "`runAsNonRoot: true` prohíbe el usuario 0, que es root", hint);
}

fn ids(checks: &mut Checks, path: &str, user: Option<i64>, group: Option<i64>) {
    for (name, id) in [("runAsUser", user), ("runAsGroup", group)] {
        if let Some(id) = id {
            range(checks, "MP0150", &format!("{path}.{name}"), id, 0, MAX_INT);
        }
    }
}

fn capabilities(checks: &mut Checks, path: &str, context: &SecurityContext) {
    let Some(capabilities) = &context.capabilities else { return };
    for (list, names) in [("add", &capabilities.add), ("drop", &capabilities.drop)] {
        for (i, name) in names.iter().enumerate() {
            if name == "ALL" || CAPABILITIES.contains(&name.as_str()) {
                continue;
            }
            let bare = name.to_uppercase();
            let bare = bare.strip_prefix("CAP_").unwrap_or(&bare);
            let better = suggest::nearest(bare, CAPABILITIES.into_iter().chain(["ALL"]));
            let hint = match better {
                Some(better) if name.starts_with("CAP_") && better == bare => {
                    format!("Kubernetes las escribe sin `CAP_`: `{better}`")
                }
                Some(better) => format!("¿querías decir `{better}`?"),
                None => {
                    "la lista está en capabilities(7); se escriben sin `CAP_`, como `NET_ADMIN`".to_string()
                }
            };
            let problem = format!("`{}` no es una capacidad", visible(name, 60));
            checks.add("MP0151", format!("{path}.capabilities.{list}[{i}]"), problem, hint);
        }
    }
}

fn escalation(checks: &mut Checks, path: &str, context: &SecurityContext) {
    if context.allow_privilege_escalation != Some(false) {
        return;
    }
    let added = context.capabilities.as_ref().map_or(&[][..], |c| c.add.as_slice());
    let cause = if context.privileged == Some(true) {
        "`privileged: true`"
    } else if added.iter().any(|c| c == "SYS_ADMIN" || c == "ALL") {
        "añadir `SYS_ADMIN`"
    } else {
        return;
    };
    let problem = format!("`allowPrivilegeEscalation: false` y {cause} se contradicen");
    let hint = "quita uno de los dos: quien tiene todos los privilegios no necesita ganarlos";
    checks.add("MP0152", format!("{path}.allowPrivilegeEscalation"), problem, hint);
}
