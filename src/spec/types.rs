//! Los objetos de Kubernetes que micropod entiende: mismos nombres, mismo árbol.
//!
//! Los comentarios `///` de cada campo son su documentación: los imprime `micropod explain`.
//! Un mismo juego de tipos sirve para RON, YAML y JSON. Los enteros que Kubernetes limita se
//! leen anchos (`i64`) y se acotan al validar, para que el error diga el límite en español.

use super::fields::{Data, through_data};
pub use super::life::*;
use super::quantity::Quantity;
use super::schema::{object, words};
use crate::data::{Fault, Value};
use std::collections::BTreeMap;

pub use super::controllers::*;
pub use super::dns::*;
pub use super::ephemeral::EphemeralContainer;
pub use super::objects::{ConfigMap, List, Object, Secret, SecretText};
pub use super::sources::*;

// ANCHOR: pod
object! {
    /// Un Pod: uno o varios contenedores que se ejecutan juntos, comparten una IP y pueden
    /// compartir almacenamiento. Es la unidad mínima de ejecución de Kubernetes.
    pub struct Pod {
        required {
            /// Quién es el Pod: su nombre, sus etiquetas y sus anotaciones.
            metadata: ObjectMeta,
            /// Cómo quieres que sea el Pod.
            spec: PodSpec,
        }
        optional {}
    }
}
// ANCHOR_END: pod

object! {
    /// Los datos que identifican a un objeto.
    pub struct ObjectMeta {
        required {
            /// Nombre del objeto, único en la máquina: letras minúsculas, cifras, guiones y
            /// puntos, como un nombre de DNS; como mucho 253 caracteres.
            name: String,
        }
        optional {
            /// Etiquetas: pares clave y valor para reconocer y seleccionar objetos.
            labels: BTreeMap<String, String>,
            /// Anotaciones: pares clave y valor para guardar datos que no sirven para seleccionar.
            /// "micropod/acelera": "10" divide entre 10 las esperas entre reinicios, para clase.
            annotations: BTreeMap<String, String>,
            /// Espacio de nombres de Kubernetes: se enseña y forma parte del nombre completo del Pod.
            /// Aquí no separa nada: los nombres son únicos en toda la máquina. Predeterminado: default.
            namespace: Option<String>,
        }
    }
}

impl ObjectMeta {
    /// El espacio de nombres de Kubernetes, dicho o no.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or(crate::object::NAMESPACE)
    }
}

object! {
    /// La descripción de un Pod: lo que quieres que haya.
    pub struct PodSpec {
        required {
            /// Los contenedores del Pod: al menos uno y, con los de inicialización, 64 como mucho.
            /// Todos arrancan, en este orden.
            containers: Vec<Container>,
        }
        optional {
            /// Contenedores que se ejecutan antes que los demás, de uno en uno y en orden: cada
            /// uno debe acabar con código 0 para que empiece el siguiente. Con restartPolicy: Always
            /// es un contenedor auxiliar (sidecar): basta con que arranque, y se queda.
            init_containers: Vec<Container>,
            /// Contenedores que han llegado con el Pod ya en marcha, a mirar. No se escriben en un
            /// fichero: los añade `micropod debug`.
            ephemeral_containers: Vec<EphemeralContainer>,
            /// Volúmenes que los contenedores pueden montar con volumeMounts.
            volumes: Vec<Volume>,
            /// Cuándo se reinicia un contenedor que acaba: Always (siempre), OnFailure (si falla)
            /// o Never (nunca). El valor predeterminado es Always.
            restart_policy: RestartPolicy,
            /// Segundos que se espera a que un contenedor acabe por las buenas tras SIGTERM,
            /// antes de matarlo con SIGKILL. El valor predeterminado es 30.
            termination_grace_period_seconds: Option<i64>,
            /// Segundos que el Pod puede estar activo, contados desde que empieza; después se
            /// termina y queda en fase Failed con razón DeadlineExceeded.
            active_deadline_seconds: Option<i64>,
            /// Nombre de máquina que ven los contenedores. El predeterminado es el del Pod.
            hostname: Option<String>,
            /// Con él, el Pod tiene además un nombre completo, en su /etc/hosts:
            /// hostname.subdomain.default.svc.cluster.local.
            subdomain: Option<String>,
            /// Que el nombre de máquina sea el completo y no el corto. Necesita subdomain.
            #[serde(rename = "setHostnameAsFQDN")]
            set_hostname_as_fqdn: bool,
            /// Nombre de máquina, tal cual: gana a hostname y al nombre del Pod.
            hostname_override: Option<String>,
            /// Líneas que se añaden al /etc/hosts del Pod.
            host_aliases: Vec<HostAlias>,
            /// De dónde sale su DNS: None, solo lo de dnsConfig; con las demás, el de la máquina, porque
            /// aquí no hay un DNS del clúster. El valor predeterminado es ClusterFirst.
            dns_policy: Option<DNSPolicy>,
            /// Servidores, dominios y opciones de DNS que se añaden a los que le toquen.
            dns_config: Option<PodDNSConfig>,
            /// Compartir la red de la máquina en vez de tener una propia.
            host_network: bool,
            /// Un solo espacio de nombres de procesos para todo el Pod: cada contenedor ve los
            /// procesos de los demás, y la pausa es el PID 1.
            share_process_namespace: bool,
            /// Condiciones que pone alguien de fuera (`micropod patch`), y que han de cumplirse para que el
            /// Pod esté listo.
            readiness_gates: Vec<PodReadinessGate>,
            /// Ajustes de seguridad que valen para todos los contenedores.
            security_context: PodSecurityContext,
            /// Límites del Pod entero: cpu, memory y pids.
            resources: ResourceRequirements,
        }
    }
}

object! {
    /// Una condición de la que depende que el Pod esté listo.
    pub struct PodReadinessGate {
        required {
            /// El tipo de la condición: `nombre` o `dominio/nombre`.
            condition_type: String,
        }
        optional {}
    }
}

// ANCHOR: restart_policy
words! {
    /// Cuándo se reinicia un contenedor que acaba.
    pub enum RestartPolicy { Always, OnFailure, Never }
}
// ANCHOR_END: restart_policy

object! {
    /// Un contenedor: un proceso con su propia raíz, sus límites y su entorno.
    pub struct Container {
        required {
            /// Nombre del contenedor, único en el Pod: letras minúsculas, cifras y guiones;
            /// como mucho 63 caracteres.
            name: String,
            /// Imagen de la que sale su sistema de ficheros raíz. `micropod image ls` enseña
            /// las que hay; `host` usa la raíz de la propia máquina, en solo lectura.
            image: String,
        }
        optional {
            /// Programa que se ejecuta, en lugar del ENTRYPOINT de la imagen. No pasa por una
            /// shell. Si se da sin args, el CMD de la imagen no se usa. Admite $(VARIABLE).
            command: Vec<String>,
            /// Argumentos del programa, en lugar del CMD de la imagen. Admite $(VARIABLE).
            args: Vec<String>,
            /// Directorio en el que arranca. El predeterminado es el de la imagen.
            working_dir: Option<String>,
            /// Cuándo se descarga la imagen. micropod no descarga: IfNotPresent y Never valen lo mismo
            /// (tiene que estar ya aquí), y Always no se puede cumplir.
            image_pull_policy: Option<PullPolicy>,
            /// Variables de entorno. Ganan a las de envFrom.
            env: Vec<EnvVar>,
            /// Variables que salen de golpe de un ConfigMap o de un Secret. Si dos se llaman
            /// igual, gana la última.
            env_from: Vec<EnvFromSource>,
            /// Puertos en los que escucha. Salvo hostPort, es solo información.
            ports: Vec<ContainerPort>,
            /// Recursos: lo que necesita (requests) y lo que no puede pasar (limits).
            resources: ResourceRequirements,
            /// Volúmenes que monta y dónde.
            volume_mounts: Vec<VolumeMount>,
            /// Sonda de vida: si falla varias veces seguidas, el contenedor se mata y se
            /// reinicia según la política de reinicio.
            liveness_probe: Option<Probe>,
            /// Sonda de preparación: mientras falla, el contenedor no está listo. No reinicia nada.
            readiness_probe: Option<Probe>,
            /// Sonda de inicio: hasta que acierta, las otras sondas esperan.
            startup_probe: Option<Probe>,
            /// Lo que se hace al empezar y antes de acabar (hooks), y con qué señal se para.
            lifecycle: Option<Lifecycle>,
            /// Política de reinicio de este contenedor, en lugar de la del Pod. En uno de
            /// inicialización, Always lo convierte en auxiliar (sidecar): arranca en su turno, no se
            /// espera a que acabe y se para el último.
            restart_policy: Option<RestartPolicy>,
            /// Reglas según el código de salida, por orden: gana la primera que case, antes que
            /// restartPolicy, que hay que decir también. Como mucho 20.
            restart_policy_rules: Vec<ContainerRestartRule>,
            /// Dónde puede dejar dicho, dentro del contenedor, por qué acaba: lo último que haya en
            /// ese fichero (4096 bytes) sale en su estado. Predeterminado: /dev/termination-log.
            termination_message_path: Option<String>,
            /// De dónde sale el mensaje de terminación: File (de ese fichero, el predeterminado) o
            /// FallbackToLogsOnError (si está vacío y el contenedor falló, el final de sus logs).
            termination_message_policy: TerminationMessagePolicy,
            /// Ajustes de seguridad del contenedor. Ganan a los del Pod.
            security_context: SecurityContext,
            /// Dejar abierta la entrada estándar. Si no, quien lee encuentra el fin del fichero.
            stdin: bool,
            /// Cerrar la entrada en cuanto se va el primero que se conectó a ella (`micropod attach -i`).
            stdin_once: bool,
            /// Dar al contenedor una terminal. Necesita stdin.
            tty: bool,
        }
    }
}

words! {
    /// Cuándo se descarga una imagen.
    pub enum PullPolicy { IfNotPresent, Never, Always }
}

object! {
    /// Una variable de entorno.
    pub struct EnvVar {
        required {
            /// Nombre de la variable.
            name: String,
        }
        optional {
            /// Valor. Admite $(VARIABLE) con variables declaradas antes; $$ escribe un $.
            value: String,
            /// De dónde sale el valor, si no se escribe aquí.
            value_from: Option<EnvVarSource>,
        }
    }
}

object! {
    /// Un puerto en el que escucha un contenedor.
    pub struct ContainerPort {
        required {
            /// Puerto dentro del Pod: de 1 a 65535.
            container_port: i64,
        }
        optional {
            /// Nombre del puerto, único en el contenedor: como mucho 15 caracteres.
            name: Option<String>,
            /// Puerto de la máquina que se redirige a este: de 1 a 65535.
            host_port: Option<i64>,
            /// Dirección de la máquina en la que vale hostPort. La predeterminada es todas.
            #[serde(rename = "hostIP")]
            host_ip: Option<String>,
            /// Protocolo: TCP (el predeterminado) o UDP.
            protocol: Protocol,
        }
    }
}

words! {
    /// Protocolo de un puerto.
    pub enum Protocol { TCP, UDP }
}

object! {
    /// Recursos que un contenedor (o el Pod entero) pide y los que no puede pasar.
    pub struct ResourceRequirements {
        required {}
        optional {
            /// Lo máximo que puede usar: cpu, memory y, en el Pod, pids.
            limits: ResourceList,
            /// Lo que necesita: cpu y memory. Si falta y hay límite, vale el límite.
            requests: ResourceList,
        }
    }
}

object! {
    /// Cantidades de recursos: «500m» es media CPU; «64Mi», 64 MiB.
    pub struct ResourceList {
        required {}
        optional {
            /// CPU, en núcleos: 2, 0.5 o 500m (milésimas).
            cpu: Option<Quantity>,
            /// Memoria, en bytes: 64Mi (múltiplos de 1024) o 64M (de 1000). Como límite, 512Ki o más.
            memory: Option<Quantity>,
            /// Número de procesos e hilos. Solo en spec.resources.limits.
            pids: Option<Quantity>,
        }
    }
}

object! {
    /// Un volumen: almacenamiento con nombre. Indica exactamente un origen; sin ninguno es un emptyDir.
    pub struct Volume {
        required {
            /// Nombre del volumen, único en el Pod: letras minúsculas, cifras y guiones.
            name: String,
        }
        optional {
            /// Un directorio vacío que vive lo que vive el Pod.
            empty_dir: Option<EmptyDir>,
            /// Un fichero o directorio de la máquina. Sobrevive al Pod.
            host_path: Option<HostPath>,
            /// Las claves de un ConfigMap del mismo fichero, como ficheros.
            config_map: Option<ConfigMapVolumeSource>,
            /// Las claves de un Secret del mismo fichero, como ficheros en memoria.
            secret: Option<SecretVolumeSource>,
            /// Lo que se sabe del Pod, como ficheros.
            #[serde(rename = "downwardAPI")]
            downward_api: Option<DownwardAPIVolumeSource>,
            /// Varios orígenes juntos en un solo directorio.
            projected: Option<ProjectedVolumeSource>,
        }
    }
}

object! {
    /// Un directorio vacío que nace y muere con el Pod.
    pub struct EmptyDir {
        required {}
        optional {
            /// Dónde vive: en disco (sin poner nada) o en memoria (Memory).
            medium: Medium,
            /// Tamaño máximo. En memoria es un muro; en disco, pasarlo expulsa al Pod (Evicted).
            size_limit: Option<Quantity>,
        }
    }
}

words! {
    /// Dónde vive un `emptyDir`. En Kubernetes el valor predeterminado es la cadena vacía.
    pub enum Medium { Disk = "", Memory }
}

object! {
    /// Un fichero o directorio de la máquina, a la vista del contenedor.
    pub struct HostPath {
        required {
            /// Ruta en la máquina. Si es relativa, lo es al directorio del fichero del Pod
            /// (Kubernetes exige que sea absoluta).
            path: String,
        }
        optional {
            /// Qué debe haber en la ruta: nada que comprobar (sin poner nada), DirectoryOrCreate,
            /// Directory, FileOrCreate, File, Socket, CharDevice o BlockDevice.
            r#type: HostPathType,
        }
    }
}

words! {
    /// Qué debe haber en la ruta de un `hostPath`.
    pub enum HostPathType {
        Unchecked = "", DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice, BlockDevice,
    }
}

object! {
    /// El montaje de un volumen en un contenedor.
    pub struct VolumeMount {
        required {
            /// Nombre de un volumen de spec.volumes.
            name: String,
            /// Ruta absoluta, dentro del contenedor, donde se monta.
            mount_path: String,
        }
        optional {
            /// Montarlo en solo lectura.
            read_only: bool,
            /// Ruta relativa dentro del volumen: se monta eso en vez de su raíz. Se crea si falta.
            sub_path: Option<String>,
            /// Como subPath, con las variables del contenedor: $(POD_NAME)/datos. No van los dos.
            sub_path_expr: Option<String>,
        }
    }
}

object! {
    /// Una pregunta que se hace cada cierto tiempo a un contenedor. Indica exactamente una
    /// manera de preguntar: exec, httpGet, tcpSocket o grpc.
    pub struct Probe {
        required {}
        optional {
            /// Ejecutar un comando dentro del contenedor: acierta si sale con 0.
            exec: Option<ExecAction>,
            /// Pedir una página: acierta si responde con un código entre 200 y 399.
            http_get: Option<HttpGetAction>,
            /// Conectar a un puerto: acierta si alguien escucha.
            tcp_socket: Option<TcpSocketAction>,
            /// Llamar al servicio de salud de gRPC: acierta si responde SERVING.
            grpc: Option<GrpcAction>,
            /// Segundos desde que arranca el contenedor hasta la primera pregunta. Predeterminado: 0.
            initial_delay_seconds: Option<i64>,
            /// Segundos entre preguntas. Predeterminado, también si es 0: 10.
            period_seconds: Option<i64>,
            /// Segundos que se espera la respuesta. Predeterminado, también si es 0: 1.
            timeout_seconds: Option<i64>,
            /// Aciertos seguidos para darla por buena. Predeterminado: 1. En livenessProbe y
            /// startupProbe debe ser 1.
            success_threshold: Option<i64>,
            /// Fallos seguidos para darla por mala. Predeterminado, también si es 0: 3.
            failure_threshold: Option<i64>,
            /// Segundos de gracia al matar el contenedor por esta sonda, en lugar de los del Pod.
            /// No vale en readinessProbe.
            termination_grace_period_seconds: Option<i64>,
        }
    }
}

object! {
    /// Un comando que se ejecuta dentro del contenedor.
    pub struct ExecAction {
        required {
            /// El programa y sus argumentos. No pasa por una shell.
            command: Vec<String>,
        }
        optional {}
    }
}

object! {
    /// Una petición HTTP GET.
    pub struct HttpGetAction {
        required {
            /// Puerto: un número, o el nombre de un puerto del mismo contenedor.
            port: IntOrString,
        }
        optional {
            /// Ruta que se pide. Predeterminada: /.
            path: Option<String>,
            /// Máquina a la que se pregunta. La predeterminada es la IP del Pod.
            host: Option<String>,
            /// Cabeceras que se añaden a la petición; pueden repetirse. User-Agent y Accept, vacías,
            /// quitan las que se ponen de serie.
            http_headers: Vec<HttpHeader>,
            /// HTTP, el predeterminado. HTTPS no vale: micropod no habla TLS.
            scheme: UriScheme,
        }
    }
}

object! {
    /// Una cabecera HTTP.
    pub struct HttpHeader {
        required {
            /// Nombre de la cabecera.
            name: String,
            /// Valor de la cabecera.
            value: String,
        }
        optional {}
    }
}

object! {
    /// Una conexión TCP.
    pub struct TcpSocketAction {
        required {
            /// Puerto: un número, o el nombre de un puerto del mismo contenedor.
            port: IntOrString,
        }
        optional {
            /// Máquina a la que se conecta. La predeterminada es la IP del Pod.
            host: Option<String>,
        }
    }
}

/// Un número o un texto: `port: 80` o `port: "web"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntOrString {
    Int(i64),
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        IntOrString::Int(0)
    }
}

impl Data for IntOrString {
    fn read(value: Value) -> Result<IntOrString, Fault> {
        match value {
            Value::String(text) => Ok(IntOrString::String(text)),
            value => i64::read(value).map(IntOrString::Int),
        }
    }
    fn write(&self) -> Value {
        match self {
            IntOrString::Int(number) => Value::from(*number),
            IntOrString::String(text) => Value::from(text.as_str()),
        }
    }
}

through_data!(IntOrString);

impl super::schema::Described for IntOrString {
    fn kind() -> String {
        "IntOrString".to_string()
    }
}

object! {
    /// Ajustes de seguridad que valen para todos los contenedores del Pod.
    pub struct PodSecurityContext {
        required {}
        optional {
            /// Número de usuario con el que se ejecutan los contenedores.
            run_as_user: Option<i64>,
            /// Número de grupo con el que se ejecutan los contenedores.
            run_as_group: Option<i64>,
            /// Negarse a ejecutar un contenedor como root (uid 0).
            run_as_non_root: Option<bool>,
            /// Grupos a los que además pertenecen los procesos.
            supplemental_groups: Vec<i64>,
            /// Cómo se juntan esos grupos con los que la imagen da al usuario en su /etc/group:
            /// Merge (el predeterminado) los suma; Strict deja solo los de aquí.
            supplemental_groups_policy: SupplementalGroupsPolicy,
            /// Grupo de los volúmenes del Pod (no de los hostPath), que pueden leer y escribir
            /// sus miembros; y uno más de los grupos de los procesos.
            fs_group: Option<i64>,
            /// Cuándo se cambia el grupo de un volumen: Always u OnRootMismatch. Aquí todos los
            /// volúmenes con fsGroup nacen con el Pod, así que da lo mismo.
            fs_group_change_policy: Option<FsGroupChangePolicy>,
            /// Filtro de llamadas al sistema.
            seccomp_profile: Option<SeccompProfile>,
            /// Ajustes del kernel que son de cada Pod (sysctl), de la lista segura de Kubernetes.
            sysctls: Vec<Sysctl>,
        }
    }
}

object! {
    /// Un ajuste del kernel: su nombre, con puntos, y su valor.
    pub struct Sysctl {
        required {
            /// Nombre, como lo escribe sysctl(8): net.ipv4.tcp_syncookies.
            name: String,
            /// Valor.
            value: String,
        }
        optional {}
    }
}

words! {
    /// De dónde salen los grupos suplementarios.
    pub enum SupplementalGroupsPolicy { Merge, Strict }
}

words! {
    /// Cuándo se cambia el grupo de lo que hay en un volumen.
    pub enum FsGroupChangePolicy { Always, OnRootMismatch }
}

object! {
    /// Ajustes de seguridad de un contenedor.
    pub struct SecurityContext {
        required {}
        optional {
            /// Quitar casi todas las barreras: todas las capacidades y dispositivos, sin filtro de
            /// llamadas ni rutas ocultas.
            privileged: Option<bool>,
            /// Capacidades que se añaden o se quitan a las predeterminadas.
            capabilities: Option<Capabilities>,
            /// Permitir que un proceso gane privilegios (con un ejecutable setuid, por ejemplo).
            /// Predeterminado: false, al revés que en Kubernetes.
            allow_privilege_escalation: Option<bool>,
            /// Qué se ve de /proc y /sys: Default tapa lo delicado y protege lo que vale para toda la
            /// máquina; Unmasked lo deja a la vista.
            proc_mount: ProcMount,
            /// Raíz en solo lectura. Los volúmenes siguen siendo lo que eran.
            read_only_root_filesystem: Option<bool>,
            /// Número de usuario con el que se ejecuta.
            run_as_user: Option<i64>,
            /// Número de grupo con el que se ejecuta.
            run_as_group: Option<i64>,
            /// Negarse a ejecutarlo como root (uid 0).
            run_as_non_root: Option<bool>,
            /// Filtro de llamadas al sistema.
            seccomp_profile: Option<SeccompProfile>,
        }
    }
}

words! {
    /// Qué se ve de /proc y /sys dentro de un contenedor.
    pub enum ProcMount { Default, Unmasked }
}

object! {
    /// Capacidades de Linux, sin el prefijo CAP_.
    pub struct Capabilities {
        required {}
        optional {
            /// Las que se añaden; ALL son todas.
            add: Vec<String>,
            /// Las que se quitan; ALL son todas. Se quita antes de añadir.
            drop: Vec<String>,
        }
    }
}

object! {
    /// Filtro de llamadas al sistema (seccomp).
    pub struct SeccompProfile {
        required {
            /// RuntimeDefault (el filtro de micropod) o Unconfined (ninguno).
            r#type: SeccompProfileType,
        }
        optional {}
    }
}

words! {
    /// Qué filtro de llamadas al sistema se usa.
    pub enum SeccompProfileType { RuntimeDefault, Unconfined }
}
