//! Los contenedores efímeros: en un fichero, ninguno; en un Pod que ya vive, con las reglas de los demás.

use super::{Broken, Checks};
use crate::spec::policy::{self, Policy};
use crate::spec::types::{EphemeralContainer, Pod};
use std::path::Path;

/// El código de lo que no se admite por ser efímero.
const EPHEMERAL: &str = "MP0236";

pub(super) fn none(checks: &mut Checks, pod: &Pod) {
    if !pod.spec.ephemeral_containers.is_empty() {
        let problem = "ephemeralContainers: Forbidden: cannot be set on create";
        let hint =
            "un contenedor efímero se añade con el Pod ya en marcha: `micropod debug POD --image IMAGEN`";
        checks.add(EPHEMERAL, "spec.ephemeralContainers", problem, hint);
    }
}

// ANCHOR: check
/// Por qué no puede entrar `new` en `pod`, que ya vive: las reglas de cualquier contenedor, las de la
/// política con la que se admitió el Pod y las suyas.
pub fn check(pod: &Pod, new: &EphemeralContainer, policy: Policy) -> Vec<Broken> {
    let mut whole = pod.clone();
    let before = std::mem::take(&mut whole.spec.ephemeral_containers);
    whole.spec.containers.extend(before.iter().map(EphemeralContainer::as_container));
    let own = format!("spec.containers[{}]", whole.spec.containers.len());
    whole.spec.containers.push(new.as_container());
    let mut broken = super::check(&whole);
    // de un Pod en marcha solo se juzga lo nuevo: dónde estaba su fichero ya no importa
    let judged = policy::check(policy, &whole, Path::new("/"));
    broken.extend(judged.into_iter().filter(|b| b.path.starts_with(&own)));
    let path = format!("spec.ephemeralContainers[{}]", before.len());
    for one in &mut broken {
        one.path = one.path.replacen(&own, &path, 1);
    }
    broken.extend(own_rules(pod, new, &path));
    broken
}
// ANCHOR_END: check

fn own_rules(pod: &Pod, new: &EphemeralContainer, path: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (i, mount) in new.volume_mounts.iter().enumerate() {
        if mount.sub_path.is_some() || mount.sub_path_expr.is_some() {
            let path = format!("{path}.volumeMounts[{i}].subPath");
            let hint = "monta el volumen entero y entra en esa parte";
            broken.push(Broken::new(EPHEMERAL, path, "cannot be set for an Ephemeral Container", hint));
        }
    }
    if let Some(target) = &new.target_container_name {
        let mut all = pod.spec.init_containers.iter().chain(&pod.spec.containers);
        if !all.any(|container| container.name == *target) {
            let names: Vec<&str> = pod.spec.containers.iter().map(|c| c.name.as_str()).collect();
            let problem = format!("el Pod no tiene ningún contenedor `{target}`");
            let hint = format!("los que tiene son: {}", names.join(", "));
            broken.push(Broken::new(EPHEMERAL, format!("{path}.targetContainerName"), problem, hint));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::types::{Container, ObjectMeta, PodSpec, VolumeMount};

    fn pod() -> Pod {
        let app = Container { name: "app".into(), image: "busybox".into(), ..Container::default() };
        let metadata = ObjectMeta { name: "web".into(), ..ObjectMeta::default() };
        Pod { metadata, spec: PodSpec { containers: vec![app], ..PodSpec::default() } }
    }

    fn ephemeral(name: &str) -> EphemeralContainer {
        EphemeralContainer { name: name.into(), image: "busybox".into(), ..EphemeralContainer::default() }
    }

    fn paths(pod: &Pod, new: &EphemeralContainer, policy: Policy) -> Vec<String> {
        check(pod, new, policy).into_iter().map(|b| b.path).collect()
    }

    #[test]
    fn un_efimero_no_se_escribe_en_un_fichero() {
        let mut pod = pod();
        assert_eq!(super::super::check(&pod), []);
        pod.spec.ephemeral_containers.push(ephemeral("mira"));
        let broken = super::super::check(&pod);
        assert_eq!(broken[0].code, EPHEMERAL);
        assert!(broken[0].problem.contains("cannot be set on create"), "{broken:?}");
    }

    #[test]
    fn un_efimero_cumple_las_reglas_de_todos_y_las_suyas() {
        let mut pod = pod();
        assert_eq!(paths(&pod, &ephemeral("mira"), Policy::Privileged), Vec::<String>::new());
        // el nombre, de nadie más: ni de otro efímero
        assert_eq!(paths(&pod, &ephemeral("app"), Policy::Privileged), ["spec.ephemeralContainers[0].name"]);
        pod.spec.ephemeral_containers.push(ephemeral("mira"));
        assert_eq!(paths(&pod, &ephemeral("mira"), Policy::Privileged), ["spec.ephemeralContainers[1].name"]);
        let nobody = EphemeralContainer { target_container_name: Some("nadie".into()), ..ephemeral("otra") };
        assert_eq!(
            paths(&pod, &nobody, Policy::Privileged),
            ["spec.ephemeralContainers[1].targetContainerName"]
        );
        pod.spec.volumes = vec![crate::spec::types::Volume { name: "v".into(), ..Default::default() }];
        let part = VolumeMount {
            name: "v".into(),
            mount_path: "/v".into(),
            sub_path: Some("a".into()),
            ..VolumeMount::default()
        };
        let mounted = EphemeralContainer { volume_mounts: vec![part], ..ephemeral("otra") };
        assert_eq!(
            paths(&pod, &mounted, Policy::Privileged),
            ["spec.ephemeralContainers[1].volumeMounts[0].subPath"]
        );
    }

    #[test]
    fn la_politica_con_la_que_entro_el_pod_vale_tambien_para_el_efimero() {
        let mut wild = ephemeral("mira");
        wild.security_context.privileged = Some(true);
        assert_eq!(paths(&pod(), &wild, Policy::Privileged), Vec::<String>::new());
        let refused = paths(&pod(), &wild, Policy::Baseline);
        assert_eq!(refused, ["spec.ephemeralContainers[0].securityContext.privileged"]);
    }
}
