//! Lo que un Pod pide y abre una puerta: se hace, porque se ha pedido, y se avisa.

use crate::spec::types::{Container, PodSpec, ProcMount, SeccompProfileType};

/// Las capacidades con las que root, dentro, manda fuera.
const HOST_POWER: [&str; 8] =
    ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH", "BPF", "SYS_BOOT"];

/// Un aviso por cada puerta que abre cada contenedor.
pub fn warnings(spec: &PodSpec) -> Vec<String> {
    let all = spec.init_containers.iter().chain(&spec.containers);
    all.flat_map(|container| of_container(spec, container)).collect()
}

fn of_container(spec: &PodSpec, container: &Container) -> Vec<String> {
    let context = &container.security_context;
    let who = format!("el contenedor `{}`", container.name);
    if context.privileged == Some(true) {
        // lo es todo: los demás avisos sobran
        return vec![format!("{who} es privilegiado: quien mande en él manda en esta máquina")];
    }
    let mut all = Vec::new();
    let profile = context.seccomp_profile.as_ref().or(spec.security_context.seccomp_profile.as_ref());
    if profile.is_some_and(|p| p.r#type == SeccompProfileType::Unconfined) {
        all.push(format!("{who} corre sin filtro de llamadas al sistema (seccompProfile: Unconfined)"));
    }
    if context.proc_mount == ProcMount::Unmasked {
        all.push(format!("{who} ve /proc y /sys sin tapar (procMount: Unmasked)"));
    }
    let added = context.capabilities.as_ref().map_or(&[][..], |c| c.add.as_slice());
    let powerful: Vec<&str> = added.iter().map(String::as_str).filter(|c| HOST_POWER.contains(c)).collect();
    if !powerful.is_empty() {
        all.push(format!("{who} tiene {}: basta para mandar en esta máquina", powerful.join(", ")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::types::{Capabilities, SeccompProfile, SecurityContext};

    fn said(context: SecurityContext) -> Vec<String> {
        let container = Container { name: "c".into(), security_context: context, ..Default::default() };
        warnings(&PodSpec { containers: vec![container], ..Default::default() })
    }

    #[test]
    fn lo_de_fabrica_no_avisa_y_cada_puerta_avisa_una_vez() {
        assert!(said(SecurityContext::default()).is_empty());
        let unconfined = Some(SeccompProfile { r#type: SeccompProfileType::Unconfined });
        let open = SecurityContext {
            seccomp_profile: unconfined,
            proc_mount: ProcMount::Unmasked,
            capabilities: Some(Capabilities { add: vec!["SYS_ADMIN".into(), "KILL".into()], drop: vec![] }),
            ..Default::default()
        };
        let all = said(open.clone());
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(all[2].contains("SYS_ADMIN:") && !all[2].contains("KILL"));
        assert_eq!(said(SecurityContext { privileged: Some(true), ..open }).len(), 1);
    }
}
