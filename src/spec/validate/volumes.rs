//! Volúmenes: un origen cada uno, y montajes que existen y no tapan lo que monta micropod.

use super::{Checks, containers, data_volumes, names};
use crate::spec::errors::visible;
use crate::spec::suggest;
use crate::spec::types::{Container, Pod, Volume, VolumeMount};

pub fn check(checks: &mut Checks, pod: &Pod) {
    for (i, volume) in pod.spec.volumes.iter().enumerate() {
        let path = format!("spec.volumes[{i}]");
        names::dns_label(checks, &format!("{path}.name"), "el nombre de volumen", &volume.name);
        if pod.spec.volumes[..i].iter().any(|v| v.name == volume.name) {
            let problem = format!("ya hay un volumen que se llama `{}`", visible(&volume.name, 63));
            checks.add("MP0131", format!("{path}.name"), problem, "da a cada volumen un nombre distinto");
        }
        source(checks, &path, volume);
        data_volumes::check(checks, pod, &path, volume);
    }
    for (path, _, container) in containers(pod) {
        mounts(checks, &path, container, &pod.spec.volumes);
    }
}

fn source(checks: &mut Checks, path: &str, volume: &Volume) {
    let all = [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("secret", volume.secret.is_some()),
        ("downwardAPI", volume.downward_api.is_some()),
        ("projected", volume.projected.is_some()),
    ];
    let present: Vec<&str> = all.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    if let [first, second, ..] = present.as_slice() {
        let problem = format!("el volumen `{}` tiene {} orígenes", visible(&volume.name, 63), present.len());
        let hint = format!("deja `{first}` o `{second}`, uno solo; para juntar varios está `projected`");
        checks.add("MP0158", format!("{path}.{second}"), problem, hint);
    }
    if let Some(limit) = volume.empty_dir.as_ref().and_then(|e| e.size_limit.as_ref()) {
        if limit.units() == 0 {
            let hint = "quítalo si no quieres límite, o escribe por ejemplo \"64Mi\"";
            checks.add("MP0159", format!("{path}.emptyDir.sizeLimit"), "el tamaño máximo es 0", hint);
        }
    }
    let Some(host_path) = &volume.host_path else { return };
    let inner = format!("{path}.hostPath.path");
    if host_path.path.is_empty() {
        checks.add("MP0157", inner, "la ruta está vacía", "por ejemplo, `./www` o `/srv/www`");
    } else if has_dot_dot(&host_path.path) {
        let problem = format!("la ruta `{}` lleva `..`", visible(&host_path.path, 80));
        checks.add(
            "MP0157",
            inner,
            problem,
            "escribe la ruta absoluta, o pon los datos junto al fichero del Pod",
        );
    } else if host_path.path.len() > MAX_PATH {
        checks.add("MP0157", inner, format!("la ruta tiene más de {MAX_PATH} bytes"), "");
    }
}

/// PATH_MAX, sin el byte nulo del final.
pub const MAX_PATH: usize = 4095;

fn mounts(checks: &mut Checks, path: &str, container: &Container, volumes: &[Volume]) {
    for (i, mount) in container.volume_mounts.iter().enumerate() {
        let path = format!("{path}.volumeMounts[{i}]");
        if !volumes.iter().any(|v| v.name == mount.name) {
            undeclared(checks, &path, &mount.name, volumes);
        }
        target(checks, &path, mount);
        let same = |other: &&VolumeMount| normal(&other.mount_path) == normal(&mount.mount_path);
        if let Some(other) = container.volume_mounts[..i].iter().find(same) {
            let problem = format!(
                "en `{}` ya se monta el volumen `{}`",
                normal(&mount.mount_path),
                visible(&other.name, 63)
            );
            checks.add(
                "MP0135",
                format!("{path}.mountPath"),
                problem,
                "monta cada volumen en una ruta distinta",
            );
        }
        if let Some(sub_path) = &mount.sub_path {
            sub_path_check(checks, &format!("{path}.subPath"), sub_path);
        }
        if let Some(wanted) = &mount.sub_path_expr {
            sub_path_check(checks, &format!("{path}.subPathExpr"), wanted);
            if mount.sub_path.is_some() {
                let problem = "`subPath` y `subPathExpr` dicen lo mismo de dos maneras";
                checks.add("MP0235", format!("{path}.subPathExpr"), problem, "deja uno de los dos");
            }
        }
    }
}

fn undeclared(checks: &mut Checks, path: &str, name: &str, volumes: &[Volume]) {
    let shown = visible(name, 63);
    let hint = match suggest::nearest(name, volumes.iter().map(|v| v.name.as_str())) {
        Some(better) => format!("¿querías decir `{}`?", visible(better, 63)),
        None => format!("decláralo: `volumes: [(name: \"{shown}\", emptyDir: ())]` dentro de `spec`"),
    };
    checks.add(
        "MP0133",
        format!("{path}.name"),
        format!("el volumen `{shown}` no está en `spec.volumes`"),
        hint,
    );
}

fn target(checks: &mut Checks, path: &str, mount: &VolumeMount) {
    let target = mount.mount_path.as_str();
    let shown = visible(target, 80);
    let (fault, hint) = if target.is_empty() {
        ("está vacía".to_string(), "por ejemplo, `/datos`".to_string())
    } else if has_dot_dot(target) {
        ("lleva `..`".to_string(), "escribe la ruta completa, sin subir de directorio".to_string())
    } else if !target.starts_with('/') {
        (
            "es relativa".to_string(),
            format!("debe ser absoluta: ¿querías decir `/{}`?", shown.trim_start_matches("./")),
        )
    } else if target.contains(':') {
        ("lleva `:`".to_string(), "Kubernetes no lo admite en una ruta de montaje".to_string())
    } else if target.len() > MAX_PATH {
        (format!("tiene más de {MAX_PATH} bytes"), String::new())
    } else if let Some(owner) = reserved(&normal(target)) {
        (format!("taparía {owner}"), "monta el volumen en otro directorio, por ejemplo `/datos`".to_string())
    } else {
        return;
    };
    checks.add(
        "MP0134",
        format!("{path}.mountPath"),
        format!("la ruta de montaje `{shown}` no vale: {fault}"),
        hint,
    );
}

/// ¿Es `target` (una ruta sin enlaces) algo que monta micropod?
pub fn is_reserved(target: &str) -> bool {
    reserved(&normal(target)).is_some()
}

/// Lo que micropod monta en cada contenedor y no se puede tapar. `/etc/hosts`, `/etc/hostname` y
/// `/etc/resolv.conf` sí: en Kubernetes un contenedor puede traer los suyos.
fn reserved(target: &str) -> Option<&'static str> {
    let below =
        |root: &str| target == root || target.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
    if target == "/dev/shm" {
        None // un volumen de memoria aquí es la manera de tener más memoria compartida
    } else if target == "/" {
        Some("la raíz del contenedor")
    } else if below("/proc") {
        Some("`/proc`, que da el kernel")
    } else if below("/sys") {
        Some("`/sys`, que da el kernel")
    } else if below("/dev") {
        Some("`/dev`, que prepara micropod")
    } else {
        None
    }
}

fn sub_path_check(checks: &mut Checks, path: &str, sub_path: &str) {
    let fault = if sub_path.starts_with('/') {
        "es absoluta"
    } else if has_dot_dot(sub_path) {
        "lleva `..`"
    } else if sub_path.len() > MAX_PATH {
        "es demasiado larga"
    } else {
        return;
    };
    let problem = format!("la ruta `{}` dentro del volumen no vale: {fault}", visible(sub_path, 80));
    checks.add(
        "MP0136",
        path,
        problem,
        "es relativa a la raíz del volumen y no puede salir de él: `datos/web`",
    );
}

pub fn has_dot_dot(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// `/a//b/./` → `/a/b`.
pub fn normal(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    format!("/{}", parts.join("/"))
}
