//! Un contenedor efímero: llega a un Pod que ya vive, para mirarlo (`micropod debug`).

use super::schema::object;
use super::types::{
    Container, EnvFromSource, EnvVar, PullPolicy, SecurityContext, TerminationMessagePolicy, VolumeMount,
};

object! {
    /// Un contenedor que se añade a un Pod en marcha para averiguar qué le pasa. No se reinicia, no cuenta
    /// para la fase ni para si está listo, y no puede tener puertos, recursos, sondas ni hooks.
    pub struct EphemeralContainer {
        required {
            /// Nombre del contenedor, distinto de los demás del Pod.
            name: String,
            /// Imagen de la que sale su sistema de ficheros raíz: la que tenga las herramientas.
            image: String,
        }
        optional {
            /// Programa que se ejecuta, en lugar del ENTRYPOINT de la imagen. Admite $(VARIABLE).
            command: Vec<String>,
            /// Argumentos del programa, en lugar del CMD de la imagen. Admite $(VARIABLE).
            args: Vec<String>,
            /// Directorio en el que arranca. El predeterminado es el de la imagen.
            working_dir: Option<String>,
            /// Cuándo se descarga la imagen: micropod no descarga.
            image_pull_policy: Option<PullPolicy>,
            /// Variables de entorno. Ganan a las de envFrom.
            env: Vec<EnvVar>,
            /// Variables que salen de golpe de un ConfigMap o de un Secret.
            env_from: Vec<EnvFromSource>,
            /// Volúmenes del Pod que monta y dónde, sin subPath.
            volume_mounts: Vec<VolumeMount>,
            /// Dónde puede dejar dicho por qué acaba.
            termination_message_path: Option<String>,
            /// De dónde sale el mensaje de terminación.
            termination_message_policy: TerminationMessagePolicy,
            /// Ajustes de seguridad del contenedor. Ganan a los del Pod.
            security_context: SecurityContext,
            /// Dejar abierta la entrada estándar.
            stdin: bool,
            /// Cerrar la entrada en cuanto se va el primero que se conectó a ella.
            stdin_once: bool,
            /// Darle una terminal. Necesita stdin.
            tty: bool,
            /// El contenedor entre cuyos procesos nace: los ve, y muere con él.
            target_container_name: Option<String>,
        }
    }
}

impl EphemeralContainer {
    /// El contenedor que es, quitado lo que tiene de efímero.
    pub fn as_container(&self) -> Container {
        Container {
            name: self.name.clone(),
            image: self.image.clone(),
            command: self.command.clone(),
            args: self.args.clone(),
            working_dir: self.working_dir.clone(),
            image_pull_policy: self.image_pull_policy,
            env: self.env.clone(),
            env_from: self.env_from.clone(),
            volume_mounts: self.volume_mounts.clone(),
            termination_message_path: self.termination_message_path.clone(),
            termination_message_policy: self.termination_message_policy,
            security_context: self.security_context.clone(),
            stdin: self.stdin,
            stdin_once: self.stdin_once,
            tty: self.tty,
            ..Container::default()
        }
    }
}
