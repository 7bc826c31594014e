//! Los códigos de error: qué significa cada uno, con un ejemplo mal y otro bien.
//!
//! Están en `codes.ron`. Los ejemplos no son adorno: una prueba comprueba que el que está mal da ese código y que el que
//! está bien se acepta.

use super::ron;
use crate::texts;
use serde::Deserialize;
use std::sync::LazyLock;

/// Un código de error de los objetos que se escriben.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub code: String,
    pub title: String,
    pub text: String,
    pub place: Where,
    pub wrong: String,
    /// Vacío si no hay un equivalente correcto que enseñar.
    #[serde(default)]
    pub right: String,
}

/// Dónde irían los ejemplos dentro del fichero.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub enum Where {
    /// El ejemplo es el fichero entero.
    File,
    /// El fichero entero, escrito en YAML.
    Yaml,
    /// El fichero entero, escrito en JSON.
    Json,
    /// Dentro de una `List`, junto al Pod.
    Objects,
    /// Dentro de `metadata: (…)`.
    Metadata,
    /// Dentro de `spec: (…)`, que ya tiene un contenedor.
    Spec,
    /// Dentro de `containers: […]`.
    Containers,
    /// Dentro de un contenedor que ya tiene nombre e imagen.
    Container,
    /// El ejemplo es un comando.
    Command,
    /// El ejemplo es un comando que usa `micropod api`, o la lanza.
    Server,
    /// El ejemplo es un fichero de averías para un Pod con un contenedor `web`.
    Faults,
}

impl Where {
    /// El fichero entero que sale de poner el ejemplo en su sitio.
    pub fn file(self, example: &str) -> String {
        let pod =
            |metadata: &str, spec: &str| format!("Pod(\n  metadata: ({metadata}),\n  spec: ({spec}),\n)\n");
        let name = "name: \"ejemplo\"";
        match self {
            Where::File | Where::Yaml | Where::Json | Where::Command | Where::Server | Where::Faults => {
                example.to_string()
            }
            Where::Objects => {
                let pod = pod(name, "containers: [(name: \"web\", image: \"nginx\")]");
                format!("List(items: [\n{example}\n{}])\n", pod.trim_end())
            }
            Where::Metadata => pod(example, "containers: [(name: \"web\", image: \"nginx\")]"),
            Where::Spec => pod(name, &format!("containers: [(name: \"web\", image: \"nginx\")],\n{example}")),
            Where::Containers => pod(name, &format!("containers: [\n{example}\n]")),
            Where::Container => {
                pod(name, &format!("containers: [(name: \"web\", image: \"nginx\",\n{example}\n)]"))
            }
        }
    }

    /// Cómo se llamaría ese fichero: su nombre dice en qué está escrito.
    pub fn file_name(self) -> &'static str {
        match self {
            Where::Yaml => "ejemplo.yaml",
            Where::Json => "ejemplo.json",
            _ => "ejemplo.ron",
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Where::File => "el fichero entero",
            Where::Yaml => "el fichero entero, en YAML",
            Where::Json => "el fichero entero, en JSON",
            Where::Objects => "dentro de `List(items: […])`, junto al Pod",
            Where::Metadata => "dentro de `metadata`",
            Where::Spec => "dentro de `spec`",
            Where::Containers => "dentro de `spec.containers`",
            Where::Container => "dentro de un contenedor",
            Where::Command => "en la terminal",
            Where::Server => "al usar la API",
            Where::Faults => "en un fichero de averías",
        }
    }
}

/// El código `name`; da igual cómo estén las mayúsculas.
pub fn find(name: &str) -> Option<&'static Code> {
    name.get(..2).filter(|start| start.eq_ignore_ascii_case("MP"))?;
    CODES.iter().find(|c| c.code.eq_ignore_ascii_case(name))
}

/// Los de `codes.ron`, en su orden.
pub static CODES: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let text = texts::all().remove("codes.ron").unwrap_or_default();
    // está dentro del binario y las pruebas lo leen: no puede fallar
    let mut codes: Vec<Code> = ron::read(&text).unwrap_or_else(|wrong| panic!("codes.ron:{wrong}"));
    for code in &mut codes {
        code.text = code.text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    codes
});

/// Una palabra de las columnas STATUS y REASON, y qué significa.
pub struct Reason {
    pub name: &'static str,
    pub text: &'static str,
    /// Qué mirar después.
    pub next: &'static str,
}

const fn reason(name: &'static str, text: &'static str, next: &'static str) -> Reason {
    Reason { name, text, next }
}

/// La razón `name`; da igual cómo estén las mayúsculas.
pub fn find_reason(name: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|r| r.name.eq_ignore_ascii_case(name))
}

pub const REASONS: &[Reason] = &[
    reason(
        "Pending",
        "Fase del Pod: aún no han arrancado todos sus contenedores. O se está preparando, o un contenedor de \
         inicialización no ha acabado, o algo lo impide.",
        "micropod describe pod POD",
    ),
    reason(
        "Running",
        "Fase del Pod: hay algún contenedor en marcha, o que se va a reiniciar. También un Pod en \
         CrashLoopBackOff está en fase Running.",
        "micropod get pods",
    ),
    reason(
        "Succeeded",
        "Fase del Pod: todos los contenedores de aplicación acabaron con código 0 y ninguno se reiniciará.",
        "micropod logs POD",
    ),
    reason(
        "Failed",
        "Fase del Pod: todos los contenedores de aplicación acabaron, alguno con un código distinto de 0 o \
         matado, y ninguno se reiniciará. También si falla la inicialización con `restartPolicy: Never`.",
        "micropod describe pod POD",
    ),
    reason(
        "ContainerCreating",
        "El contenedor todavía no ha arrancado: se preparan la red, los volúmenes y su raíz. Si dura, algo \
         lo impide, y está en los sucesos.",
        "micropod describe pod POD",
    ),
    reason(
        "PodInitializing",
        "El contenedor espera a que acaben los de inicialización.",
        "micropod logs POD -c CONTENEDOR-DE-INICIALIZACIÓN",
    ),
    reason(
        "CrashLoopBackOff",
        "No es la causa: es la espera. El contenedor acabó, se va a reiniciar, y cada vez se espera el doble: \
         10 s, 20 s, 40 s… hasta 5 minutos. Vuelve a empezar tras 10 minutos de funcionar. El primer reinicio es \
         inmediato, y también se espera si acabó con código 0. La causa está en el último estado y en los logs.",
        "micropod logs -p POD -c CONTENEDOR",
    ),
    reason(
        "Completed",
        "El contenedor acabó con código 0. Con `restartPolicy: Always` se reinicia igualmente.",
        "micropod logs POD -c CONTENEDOR",
    ),
    reason(
        "Error",
        "El contenedor acabó con un código distinto de 0. Un código mayor que 128 es 128 más la señal que lo \
         mató: 143 es SIGTERM (15) y 137, SIGKILL (9). 126: no se pudo ejecutar; 127: no existe el programa.",
        "micropod logs -p POD -c CONTENEDOR",
    ),
    reason(
        "OOMKilled",
        "El contenedor pasó de su límite de memoria y el kernel lo mató con SIGKILL: código 137. Mueren todos sus \
         procesos a la vez (memory.oom.group); los demás contenedores siguen.",
        "sube `resources.limits.memory`, o mira cuánto gasta: micropod describe pod POD",
    ),
    reason(
        "OOMKilling",
        "Suceso: el kernel mató un contenedor por falta de memoria; dice con qué tope chocó y cuánto llegó a gastar.",
        "micropod explain OOMKilled",
    ),
    reason(
        "PostStartHookError",
        "Falló el hook postStart: se mata al contenedor (antes corre su preStop) y decide su política de reinicio.",
        "micropod explain pod.spec.containers.lifecycle.postStart",
    ),
    reason(
        "FailedPostStartHook",
        "Suceso: el hook postStart falló, y por qué. El contenedor se para.",
        "micropod describe pod POD",
    ),
    reason(
        "FailedPreStopHook",
        "Suceso: el hook preStop falló, y por qué. No cambia nada: el contenedor se para igual.",
        "micropod describe pod POD",
    ),
    reason(
        "Unhealthy",
        "Suceso: una sonda no acertó, y qué respondió. Hacen falta `failureThreshold` fallos seguidos para que pase algo.",
        "micropod explain pod.spec.containers.livenessProbe",
    ),
    reason(
        "ProbeWarning",
        "Suceso: una sonda acertó, pero hay algo que contar: respondieron con una redirección que no se sigue.",
        "micropod explain pod.spec.containers.readinessProbe.httpGet",
    ),
    reason(
        "BackOff",
        "Suceso: el contenedor acabó y se espera antes de reiniciarlo. Mientras, su razón es CrashLoopBackOff.",
        "micropod explain CrashLoopBackOff",
    ),
    reason(
        "Killing",
        "Suceso: se para un contenedor, y por qué: acaba el Pod, no pasa una sonda, falló su postStart, o la salida de \
         otro reinicia el Pod entero.",
        "micropod explain pod.spec.terminationGracePeriodSeconds",
    ),
    reason(
        "ContainerStatusUnknown",
        "El supervisor del Pod murió sin poder anotar cómo acabó el contenedor: se le da el código 137.",
        "micropod delete pod POD",
    ),
    reason(
        "ErrImageNeverPull",
        "La imagen no está en el almacén. micropod no descarga imágenes: se construyen o se importan.",
        "micropod image ls",
    ),
    reason(
        "MissingClusterDNS",
        "Suceso: el Pod pide el DNS del clúster con `dnsPolicy: ClusterFirst`, y aquí no hay clúster. Se le da el de la \
         máquina, como hace kubelet cuando no le han dicho cuál es.",
        "micropod explain pod.spec.dnsPolicy",
    ),
    reason("InvalidImageName", "El nombre de la imagen no se entiende.", "micropod explain MP0162"),
    reason(
        "FailedMount",
        "Suceso: no se puede preparar un volumen del Pod, casi siempre porque falta el ConfigMap o el Secret del \
         que sale. Ningún contenedor arranca: el Pod se queda en Pending, en ContainerCreating, y se prueba otra vez \
         cada 10 segundos.",
        "micropod describe pod POD",
    ),
    reason(
        "CreateContainerConfigError",
        "El contenedor pide algo que no hay (un ConfigMap, un Secret o una de sus claves, sin `optional: true`; una \
         variable en un subPathExpr) o algo que se contradice (runAsNonRoot, y sería root). No se puede saber con qué \
         arrancaría, así que no arranca: espera, con el Pod en Pending, y se prueba otra vez cada 10 segundos.",
        "micropod describe pod POD",
    ),
    reason(
        "CreateContainerError",
        "No se pudo preparar el contenedor: su raíz, sus volúmenes o sus límites.",
        "micropod describe pod POD",
    ),
    reason(
        "RunContainerError",
        "El contenedor se preparó, pero su programa no se pudo ejecutar: no existe (127) o no es ejecutable (126).",
        "micropod describe pod POD",
    ),
    reason(
        "StartError",
        "El proceso nació y murió antes de ejecutar su programa.",
        "micropod describe pod POD",
    ),
    reason(
        "Evicted",
        "micropod echó al Pod por gastar lo que no debía: por ejemplo, un `emptyDir` que pasó de su `sizeLimit`. \
         Queda en fase Failed.",
        "micropod describe pod POD",
    ),
    reason(
        "DeadlineExceeded",
        "El Pod pasó de `activeDeadlineSeconds` y se terminó. Queda en fase Failed.",
        "micropod explain pod.spec.activeDeadlineSeconds",
    ),
    reason(
        "NotReady",
        "Algún contenedor acabó bien, otro sigue en marcha y el Pod no está listo.",
        "micropod describe pod POD",
    ),
    reason(
        "Terminating",
        "Se ha pedido que el Pod acabe: sus contenedores recibieron SIGTERM y tienen hasta el final del período \
         de gracia para acabar por las buenas.",
        "micropod explain pod.spec.terminationGracePeriodSeconds",
    ),
];
