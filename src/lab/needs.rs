//! Qué laboratorios se pueden hacer en esta máquina, y qué les falta a los demás.

use super::compile::Compiler;
use super::sheet::Needs;
use crate::cgroup::Hierarchy;
use crate::image;

/// Lo que hay aquí.
pub struct Machine {
    root: bool,
    images: Vec<String>,
    hierarchy: Option<Hierarchy>,
    rustc: bool,
    user_namespaces: bool,
}

impl Machine {
    pub fn look() -> Machine {
        let sysctl = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/sys/{name}")).ok()?;
            text.trim().parse::<i64>().ok()
        };
        // el primero es de Debian; el segundo, de Ubuntu
        let allowed = sysctl("kernel/unprivileged_userns_clone") != Some(0)
            && sysctl("kernel/apparmor_restrict_unprivileged_userns").unwrap_or(0) == 0
            && sysctl("user/max_user_namespaces") != Some(0);
        Machine {
            root: nix::unistd::geteuid().is_root(),
            images: image::list().into_iter().map(|image| image.name.as_str().to_string()).collect(),
            hierarchy: Hierarchy::find(),
            rustc: Compiler::find().is_some(),
            user_namespaces: allowed,
        }
    }

    /// Lo que falta para corregir un laboratorio, con cómo conseguirlo. Vacío si se puede.
    pub fn lacks(&self, needs: &Needs) -> Vec<String> {
        let mut lacks = Vec::new();
        if !self.root {
            lacks.push("ser administrador (sudo) para comprobarlo".to_string());
        }
        let missing = needs.images.iter().filter(|name| !self.images.contains(name));
        // sin ser root no se ven las imágenes
        if self.root {
            lacks.extend(missing.map(|name| format!("la imagen {name} (micropod image build {name})")));
        }
        if self.root {
            let absent = needs.commands.iter().filter(|(name, command)| !has_command(name, command));
            lacks.extend(absent.map(|(name, command)| format!("la orden {command} en la imagen {name}")));
        }
        let here = |controller: &String| self.hierarchy.as_ref().is_some_and(|h| h.has(controller));
        let absent: Vec<&str> = needs.controllers.iter().filter(|c| !here(c)).map(String::as_str).collect();
        if !absent.is_empty() {
            lacks.push(format!("cgroup v2 con {} (make vm)", absent.join(" y ")));
        }
        if needs.rustc && !self.rustc {
            lacks.push("el compilador rustc".into());
        }
        if needs.user_namespaces && !self.user_namespaces {
            lacks.push("espacios de usuario para quien no es root (sysctl user.max_user_namespaces)".into());
        }
        lacks
    }
}

/// ¿Está ese programa en la imagen? Sin imagen, ya se dice que falta ella.
fn has_command(name: &str, command: &str) -> bool {
    let Ok(image) = image::find(name) else { return true };
    let places = ["bin", "usr/bin", "sbin", "usr/sbin"];
    places.iter().any(|dir| image.root.join(dir).join(command).symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let controllers = vec!["cpu".to_string()];
        let hierarchy = Some(Hierarchy { root: "/x".into(), controllers, held_by_v1: vec!["memory".into()] });
        Machine { root: true, images: vec!["busybox".into()], hierarchy, rustc: false, user_namespaces: true }
    }

    #[test]
    fn se_dice_todo_lo_que_falta_y_como_conseguirlo() {
        let needs = Needs {
            images: vec!["busybox".into(), "nginx".into()],
            controllers: vec!["cpu".into(), "memory".into()],
            commands: Vec::new(),
            rustc: true,
            user_namespaces: true,
        };
        let lacks = machine().lacks(&needs);
        let expected = [
            "la imagen nginx (micropod image build nginx)",
            "cgroup v2 con memory (make vm)",
            "el compilador rustc",
        ];
        assert_eq!(lacks, expected);
        assert!(machine().lacks(&Needs::default()).is_empty());
    }

    #[test]
    fn sin_ser_root_no_se_puede_comprobar_nada() {
        let user = Machine { root: false, ..machine() };
        assert_eq!(user.lacks(&Needs::default()), ["ser administrador (sudo) para comprobarlo"]);
    }
}
