//! Los códigos de error: qué significa cada uno, con un ejemplo mal y otro bien.
//!
//! Los ejemplos no son adorno: una prueba comprueba que el que está mal da ese código y que el que
//! está bien se acepta.

/// Un código de error de los objetos que se escriben.
pub struct Code {
    pub code: &'static str,
    pub title: &'static str,
    pub text: &'static str,
    pub place: Where,
    pub wrong: &'static str,
    /// Vacío si no hay un equivalente correcto que enseñar.
    pub right: &'static str,
}

/// Dónde irían los ejemplos dentro del fichero.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// El Pod más pequeño, en YAML.
const YAML_POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx";

const fn code(
    code: &'static str,
    title: &'static str,
    text: &'static str,
    place: Where,
    wrong: &'static str,
    right: &'static str,
) -> Code {
    Code { code, title, text, place, wrong, right }
}

/// El código `name`; da igual cómo estén las mayúsculas.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.code.eq_ignore_ascii_case(name))
}

/// Un Pod mínimo, para los ejemplos que son el fichero entero.
const POD: &str =
    "Pod(\n  metadata: (name: \"web\"),\n  spec: (containers: [(name: \"web\", image: \"nginx\")]),\n)";

pub const CODES: &[Code] = &[
    code(
        "MP0101",
        "campo desconocido",
        "Ningún campo se llama así en ese objeto. Casi siempre es una errata: los nombres son los de \
         Kubernetes, en inglés y con mayúsculas intercaladas (`restartPolicy`). El error enseña los que hay y \
         `micropod explain pod.spec.containers` los explica.",
        Where::Containers,
        "(name: \"web\", imagen: \"nginx\")",
        "(name: \"web\", image: \"nginx\")",
    ),
    code(
        "MP0102",
        "campo de Kubernetes que micropod no implementa",
        "El campo existe en Kubernetes y está bien escrito, pero micropod no hace lo que pide. Omitirlo en \
         silencio te haría creer que funciona, así que se rechaza por su nombre. Con `--validate=warn` se dice y se \
         sigue sin él. Los que hablan del clúster (`nodeSelector`, `tolerations`, `serviceAccountName`…) se \
         aceptan siempre, con un aviso: en una sola máquina no significan nada.",
        Where::Spec,
        "affinity: (),",
        "",
    ),
    code(
        "MP0103",
        "campo en un sitio que no es el suyo",
        "El campo existe, pero en otro objeto. Mira con qué paréntesis lo has dejado dentro.",
        Where::Metadata,
        "name: \"web\", restartPolicy: Never",
        "name: \"web\"",
    ),
    code(
        "MP0104",
        "falta un campo obligatorio",
        "Hay campos sin los que el objeto no significa nada: un contenedor necesita `name` e `image`. \
         `micropod explain` los marca con «-required-».",
        Where::Containers,
        "(name: \"web\")",
        "(name: \"web\", image: \"nginx\")",
    ),
    code(
        "MP0105",
        "campo repetido",
        "El mismo campo está dos veces en un objeto, y no se puede saber cuál vale.",
        Where::Containers,
        "(name: \"web\", image: \"nginx\", image: \"php\")",
        "(name: \"web\", image: \"nginx\")",
    ),
    code(
        "MP0106",
        "valor de otra clase",
        "El campo espera un valor de otra clase: un número donde hay un texto, una lista donde hay un valor \
         suelto… En RON los textos van entre comillas, las listas entre corchetes, los objetos entre paréntesis \
         y los mapas entre llaves.",
        Where::Container,
        "command: \"sh\"",
        "command: [\"sh\"]",
    ),
    code(
        "MP0107",
        "palabra que no está entre las posibles",
        "El campo solo admite unas palabras, que en RON van sin comillas y con sus mayúsculas.",
        Where::Spec,
        "restartPolicy: Siempre",
        "restartPolicy: Always",
    ),
    code(
        "MP0108",
        "cantidad mal escrita",
        "Una cantidad es un número y un sufijo pegado a él: `Ki`, `Mi`, `Gi` multiplican por 1024; `k`, `M`, `G`, \
         por 1000; `m` divide entre 1000 (`500m` de CPU es media). `MB`, `mb` o `K` no existen en Kubernetes.",
        Where::Container,
        "resources: (limits: (memory: \"64MB\"))",
        "resources: (limits: (memory: \"64Mi\"))",
    ),
    code(
        "MP0109",
        "error de sintaxis de RON",
        "Falta o sobra un signo: una coma entre dos campos, los dos puntos después de un nombre, el paréntesis \
         o el corchete que cierra. El error señala el sitio donde falta, o lo que se abrió y no se cierra.",
        Where::Containers,
        "(name: \"web\" image: \"nginx\")",
        "(name: \"web\", image: \"nginx\")",
    ),
    code(
        "MP0110",
        "comillas",
        "Los textos van entre comillas dobles y rectas. Dentro, una barra invertida se escribe `\\\\` y unas \
         comillas, `\\\"`; en un texto crudo, `r\"…\"`, nada es especial.",
        Where::Containers,
        "(name: \"web\", image: nginx:1.27)",
        "(name: \"web\", image: \"nginx:1.27\")",
    ),
    code(
        "MP0111",
        "demasiados paréntesis unos dentro de otros",
        "micropod deja de leer a los 40 niveles; un Pod completo no pasa de 12.",
        Where::Spec,
        "volumes: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "volumes: []",
    ),
    code(
        "MP0112",
        "sobra texto después del objeto",
        "En cada fichero va un solo objeto. Si sobra un paréntesis, es que no hay ninguno abierto.",
        Where::File,
        "Pod(metadata: (name: \"web\"), spec: (containers: [(name: \"web\", image: \"nginx\")])))",
        "Pod(metadata: (name: \"web\"), spec: (containers: [(name: \"web\", image: \"nginx\")]))",
    ),
    code(
        "MP0113",
        "no es un objeto que micropod entienda",
        "Un fichero es un `Pod(…)`, o una `List(items: […])` con un Pod y los `ConfigMap` y `Secret` que usa. \
         Los objetos que en un clúster crean Pods por ti (`Deployment`…) o los conectan (`Service`) no existen \
         en una sola máquina: el error dice qué hacer en su lugar.",
        Where::File,
        "Deployment(metadata: (name: \"web\"))",
        POD,
    ),
    code(
        "MP0114",
        "está escrito en otro lenguaje",
        "micropod lee lo mismo en RON, YAML y JSON, y en qué está escrito un fichero lo dice el final de su \
         nombre: `.ron`, `.yaml` (o `.yml`) y `.json`. Lo que hay en este no es lo que dice su nombre: \
         cámbiaselo. De lo que llega por la entrada estándar, que no tiene nombre, se mira cómo empieza.",
        Where::File,
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web",
        POD,
    ),
    code(
        "MP0115",
        "no se puede leer el fichero",
        "No existe, no tienes permiso para leerlo o no es un fichero corriente. Con `-` se lee de la entrada \
         estándar.",
        Where::Command,
        "micropod run noexiste.ron",
        "",
    ),
    code(
        "MP0116",
        "el fichero está vacío",
        "No hay nada, o solo hay comentarios.",
        Where::File,
        "// aquí irá mi Pod",
        POD,
    ),
    code(
        "MP0117",
        "el fichero es demasiado grande",
        "Se lee 1 MiB como mucho. La descripción de un Pod ocupa unos pocos KiB: casi seguro que es otro fichero.",
        Where::Command,
        "micropod run imagen-de-disco.img",
        "",
    ),
    code(
        "MP0118",
        "no es un fichero de texto",
        "Contiene bytes nulos o que no son UTF-8: es un binario, o está guardado con otra codificación \
         (`iconv -f latin1 -t utf8` la cambia).",
        Where::Command,
        "micropod run /bin/ls",
        "",
    ),
    code(
        "MP0119",
        "el fichero empieza por una marca BOM",
        "Algunos editores de Windows ponen tres bytes invisibles al principio. Guárdalo como UTF-8 sin BOM.",
        Where::File,
        "\u{feff}Pod(metadata: (name: \"web\"), spec: (containers: [(name: \"web\", image: \"nginx\")]))",
        POD,
    ),
    code(
        "MP0120",
        "carácter invisible o de control",
        "Un texto con caracteres de control, o con los que cambian el sentido de la escritura, no dice lo que \
         parece. El carácter nulo, además, corta las rutas y los argumentos que se dan al kernel.",
        Where::Container,
        "args: [\"uno\\0dos\"]",
        "args: [\"uno\", \"dos\"]",
    ),
    code(
        "MP0121",
        "clave repetida en un mapa",
        "La misma etiqueta o anotación está dos veces. Si ganara la última, la primera se perdería sin avisar.",
        Where::Metadata,
        "name: \"web\", labels: {\"app\": \"uno\", \"app\": \"dos\"}",
        "name: \"web\", labels: {\"app\": \"uno\", \"nivel\": \"dos\"}",
    ),
    code(
        "MP0130",
        "nombre no válido",
        "Los nombres acaban siendo nombres de DNS, de directorio y de cgroup. Un contenedor, un volumen o una \
         máquina: letras minúsculas, cifras y guiones, 63 caracteres. Un Pod admite además puntos, y 253. Los \
         guiones bajos y las mayúsculas no están permitidos.",
        Where::Metadata,
        "name: \"pod_multicontenedor\"",
        "name: \"pod-multicontenedor\"",
    ),
    code(
        "MP0131",
        "nombre repetido",
        "Dos contenedores (también los de inicialización), dos volúmenes, dos variables o dos puertos del mismo \
         contenedor se llaman igual.",
        Where::Containers,
        "(name: \"web\", image: \"nginx\"), (name: \"web\", image: \"php\")",
        "(name: \"web\", image: \"nginx\"), (name: \"php\", image: \"php\")",
    ),
    code(
        "MP0132",
        "número de contenedores",
        "Un Pod tiene al menos un contenedor, y en micropod 64 como mucho, los de inicialización incluidos.",
        Where::Containers,
        "",
        "(name: \"web\", image: \"nginx\")",
    ),
    code(
        "MP0133",
        "el volumen no está declarado",
        "`volumeMounts` monta volúmenes de `spec.volumes`, por su nombre. Primero se declaran y luego se montan.",
        Where::Container,
        "volumeMounts: [(name: \"datos\", mountPath: \"/datos\")]",
        "",
    ),
    code(
        "MP0134",
        "ruta de montaje no válida",
        "La ruta es dentro del contenedor, absoluta y sin `..`. No puede tapar la raíz, `/proc`, `/sys` ni `/dev`, \
         que prepara micropod.",
        Where::File,
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    containers: [(name: \"web\", image: \"nginx\", \
         volumeMounts: [(name: \"v\", mountPath: \"datos\")])],\n    volumes: [(name: \"v\", emptyDir: ())],\n  ),\n)",
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    containers: [(name: \"web\", image: \"nginx\", \
         volumeMounts: [(name: \"v\", mountPath: \"/datos\")])],\n    volumes: [(name: \"v\", emptyDir: ())],\n  ),\n)",
    ),
    code(
        "MP0135",
        "dos montajes en la misma ruta",
        "El segundo taparía al primero. Se comparan las rutas sin barras de más: `/datos` y `/datos/` son la misma.",
        Where::File,
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    containers: [(name: \"web\", image: \"nginx\", \
         volumeMounts: [\n      (name: \"v\", mountPath: \"/datos\"),\n      (name: \"v\", mountPath: \"/datos/\"),\n    \
         ])],\n    volumes: [(name: \"v\", emptyDir: ())],\n  ),\n)",
        "",
    ),
    code(
        "MP0136",
        "`subPath` no válido",
        "Es una ruta relativa dentro del volumen y no puede salir de él.",
        Where::File,
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    containers: [(name: \"web\", image: \"nginx\", \
         volumeMounts: [(name: \"v\", mountPath: \"/d\", subPath: \"../otro\")])],\n    volumes: [(name: \"v\")],\n  ),\n)",
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    containers: [(name: \"web\", image: \"nginx\", \
         volumeMounts: [(name: \"v\", mountPath: \"/d\", subPath: \"otro\")])],\n    volumes: [(name: \"v\")],\n  ),\n)",
    ),
    code(
        "MP0137",
        "nombre de variable no válido",
        "Letras, cifras, `_`, `-` y `.`, sin empezar por cifra. Un `=` la partiría en dos.",
        Where::Container,
        "env: [(name: \"1MODO\", value: \"clase\")]",
        "env: [(name: \"MODO\", value: \"clase\")]",
    ),
    code(
        "MP0138",
        "puerto fuera de rango",
        "Un puerto es un número de 16 bits que no es 0: de 1 a 65535.",
        Where::Container,
        "ports: [(containerPort: 70000)]",
        "ports: [(containerPort: 7000)]",
    ),
    code(
        "MP0139",
        "dos contenedores declaran el mismo puerto",
        "Los contenedores de un Pod comparten su dirección IP, y con ella los puertos: dos programas no pueden \
         escuchar en el mismo. El segundo fallaría con «dirección en uso».",
        Where::Containers,
        "(name: \"a\", image: \"nginx\", ports: [(containerPort: 80)]),\n(name: \"b\", image: \"nginx\", ports: \
         [(containerPort: 80)])",
        "(name: \"a\", image: \"nginx\", ports: [(containerPort: 80)]),\n(name: \"b\", image: \"nginx\", ports: \
         [(containerPort: 8080)])",
    ),
    code(
        "MP0140",
        "`hostPort` repetido",
        "Un puerto de la máquina solo puede llevar a un sitio.",
        Where::Container,
        "ports: [(containerPort: 80, hostPort: 8080), (containerPort: 81, hostPort: 8080)]",
        "ports: [(containerPort: 80, hostPort: 8080), (containerPort: 81, hostPort: 8081)]",
    ),
    code(
        "MP0141",
        "`hostIP` no válida",
        "Es una dirección IPv4 de la máquina, y acompaña a un `hostPort`.",
        Where::Container,
        "ports: [(containerPort: 80, hostPort: 8080, hostIP: \"localhost\")]",
        "ports: [(containerPort: 80, hostPort: 8080, hostIP: \"127.0.0.1\")]",
    ),
    code(
        "MP0142",
        "nombre de puerto no válido",
        "Como los de IANA: 15 caracteres como mucho, letras minúsculas, cifras y guiones sueltos, y alguna letra.",
        Where::Container,
        "ports: [(containerPort: 80, name: \"Web\")]",
        "ports: [(containerPort: 80, name: \"web\")]",
    ),
    code(
        "MP0143",
        "`hostPort` distinto con `hostNetwork`",
        "Con `hostNetwork: true` el Pod usa la red de la máquina: no hay nada que redirigir.",
        Where::File,
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    hostNetwork: true,\n    containers: [(name: \"web\", image: \
         \"nginx\", ports: [(containerPort: 80, hostPort: 8080)])],\n  ),\n)",
        "Pod(\n  metadata: (name: \"web\"),\n  spec: (\n    hostNetwork: true,\n    containers: [(name: \"web\", image: \
         \"nginx\", ports: [(containerPort: 80)])],\n  ),\n)",
    ),
    code(
        "MP0144",
        "plazo fuera de rango",
        "`terminationGracePeriodSeconds` va de 0 a 2147483647; `activeDeadlineSeconds` empieza en 1.",
        Where::Spec,
        "terminationGracePeriodSeconds: -1",
        "terminationGracePeriodSeconds: 0",
    ),
    code(
        "MP0145",
        "una sonda pregunta de una sola manera",
        "`exec`, `httpGet`, `tcpSocket` o `grpc`: exactamente una, y si es `exec`, con su comando.",
        Where::Container,
        "livenessProbe: (periodSeconds: 5)",
        "livenessProbe: (tcpSocket: (port: 80), periodSeconds: 5)",
    ),
    code(
        "MP0146",
        "número de una sonda fuera de rango",
        "Ninguno puede ser negativo. En Kubernetes 0 es lo mismo que no ponerlo: vale el predeterminado.",
        Where::Container,
        "livenessProbe: (tcpSocket: (port: 80), periodSeconds: -5)",
        "livenessProbe: (tcpSocket: (port: 80), periodSeconds: 5)",
    ),
    code(
        "MP0147",
        "campo que no vale en esa sonda",
        "Solo `readinessProbe` puede pedir varios aciertos seguidos, y como no mata al contenedor no tiene \
         período de gracia.",
        Where::Container,
        "livenessProbe: (tcpSocket: (port: 80), successThreshold: 2)",
        "readinessProbe: (tcpSocket: (port: 80), successThreshold: 2)",
    ),
    code(
        "MP0148",
        "puerto con nombre que no existe",
        "Una sonda puede nombrar un puerto, pero solo de los `ports` de su mismo contenedor.",
        Where::Container,
        "livenessProbe: (httpGet: (port: \"web\"))",
        "ports: [(name: \"web\", containerPort: 80)], livenessProbe: (httpGet: (port: \"web\"))",
    ),
    code(
        "MP0149",
        "sonda en un contenedor de inicialización",
        "Un contenedor de inicialización trabaja y acaba: su código de salida ya dice si fue bien.",
        Where::Spec,
        "initContainers: [(name: \"prepara\", image: \"busybox\", livenessProbe: (exec: (command: [\"true\"])))]",
        "initContainers: [(name: \"prepara\", image: \"busybox\")]",
    ),
    code(
        "MP0150",
        "usuario o grupo fuera de rango",
        "De 0 a 2147483647. El 4294967295, que es −1 sin signo, significa para el kernel «no lo cambies»: el \
         proceso seguiría siendo root.",
        Where::Container,
        "securityContext: (runAsUser: 4294967295)",
        "securityContext: (runAsUser: 1000)",
    ),
    code(
        "MP0151",
        "capacidad desconocida",
        "Las 41 capacidades de Linux están en capabilities(7). Kubernetes las escribe en mayúsculas y sin `CAP_`; \
         `ALL` son todas.",
        Where::Container,
        "securityContext: (capabilities: (add: [\"CAP_NET_ADMIN\"]))",
        "securityContext: (capabilities: (add: [\"NET_ADMIN\"]))",
    ),
    code(
        "MP0152",
        "ajustes de seguridad que se contradicen",
        "`privileged` o `SYS_ADMIN` con `allowPrivilegeEscalation: false`, o el usuario 0 con `runAsNonRoot`: una \
         de las dos cosas sobra, y elegir por ti sería peligroso.",
        Where::Container,
        "securityContext: (privileged: true, allowPrivilegeEscalation: false)",
        "securityContext: (privileged: true)",
    ),
    code(
        "MP0153",
        "terminal sin entrada estándar",
        "`tty` da una terminal, y sin `stdin` no habría forma de escribir en ella.",
        Where::Container,
        "tty: true",
        "tty: true, stdin: true",
    ),
    code(
        "MP0154",
        "la solicitud pasa del límite",
        "`requests` es lo que necesita y `limits` lo que no puede pasar: no puede necesitar más de lo que puede usar.",
        Where::Container,
        "resources: (requests: (memory: \"128Mi\"), limits: (memory: \"64Mi\"))",
        "resources: (requests: (memory: \"64Mi\"), limits: (memory: \"128Mi\"))",
    ),
    code(
        "MP0155",
        "límite imposible",
        "Con menos de 512Ki de memoria o sin CPU ningún programa llega a arrancar, y más de 1Pi de memoria no la tiene \
         ninguna máquina. Ojo con los sufijos: `500m` de \
         memoria son 0,5 bytes; `500Mi` son 500 MiB.",
        Where::Container,
        "resources: (limits: (memory: \"500m\"))",
        "resources: (limits: (memory: \"500Mi\"))",
    ),
    code(
        "MP0156",
        "límite de procesos",
        "`pids` se limita en el Pod entero, en `spec.resources.limits`, con un número entero de 1 a 4194304.",
        Where::Container,
        "resources: (limits: (pids: 50))",
        "",
    ),
    code(
        "MP0157",
        "ruta de `hostPath` no válida",
        "Es una ruta de la máquina, sin `..`. Si es relativa, lo es al directorio del fichero del Pod (Kubernetes \
         exige que sea absoluta).",
        Where::Spec,
        "volumes: [(name: \"web\", hostPath: (path: \"../www\"))]",
        "volumes: [(name: \"web\", hostPath: (path: \"./www\"))]",
    ),
    code(
        "MP0158",
        "un volumen con dos orígenes",
        "Un volumen es un `emptyDir` o un `hostPath`, no las dos cosas.",
        Where::Spec,
        "volumes: [(name: \"v\", emptyDir: (), hostPath: (path: \"/srv\"))]",
        "volumes: [(name: \"v\", hostPath: (path: \"/srv\"))]",
    ),
    code(
        "MP0159",
        "tamaño máximo de 0",
        "En un `emptyDir` de tamaño 0 no cabe nada. Si no quieres límite, quita `sizeLimit`.",
        Where::Spec,
        "volumes: [(name: \"v\", emptyDir: (sizeLimit: 0))]",
        "volumes: [(name: \"v\", emptyDir: (sizeLimit: \"64Mi\"))]",
    ),
    code(
        "MP0160",
        "etiqueta o anotación no válida",
        "La clave es `nombre` o `dominio/nombre`: hasta 63 caracteres de letras, cifras, `-`, `_` y `.`, que \
         empiezan y acaban por letra o cifra. El valor de una etiqueta sigue la misma regla; el de una anotación \
         es libre, pero entre todas no pasan de 256 KiB.",
        Where::Metadata,
        "name: \"web\", labels: {\"curso\": \"segundo de DAM\"}",
        "name: \"web\", labels: {\"curso\": \"segundo-de-DAM\"}",
    ),
    code(
        "MP0161",
        "argumentos o entorno demasiado grandes",
        "El kernel no ejecuta un programa con un argumento de 128 KiB o más, ni con demasiados (E2BIG). Los datos \
         grandes van en un fichero, montado con un volumen.",
        Where::Command,
        "micropod run argumentos-enormes.ron",
        "",
    ),
    code(
        "MP0162",
        "nombre de imagen no válido",
        "El nombre de una imagen es también su directorio en el almacén: letras, cifras, `.`, `_`, `-`, `:`, `@` y \
         partes separadas por `/`.",
        Where::Containers,
        "(name: \"web\", image: \"../../etc\")",
        "(name: \"web\", image: \"nginx:1.27\")",
    ),
    code(
        "MP0163",
        "programa o directorio de trabajo no válido",
        "El programa no puede estar vacío y el directorio de trabajo es absoluto, dentro del contenedor.",
        Where::Container,
        "workingDir: \"datos\"",
        "workingDir: \"/datos\"",
    ),
    code(
        "MP0164",
        "petición de una sonda no válida",
        "La ruta empieza por `/` y no lleva espacios; los nombres de cabecera, letras, cifras y guiones; los \
         valores, sin saltos de línea.",
        Where::Container,
        "livenessProbe: (httpGet: (port: 80, path: \"salud\"))",
        "livenessProbe: (httpGet: (port: 80, path: \"/salud\"))",
    ),
    code(
        "MP0165",
        "lista demasiado larga",
        "Un fichero admite 500 objetos; un Pod, 500 volúmenes, de 500 ficheros cada uno; y un contenedor, 500 variables, 500 puertos y 500 montajes. Son límites de \
         micropod, muy por encima de lo que se usa.",
        Where::Command,
        "micropod run mil-volumenes.ron",
        "",
    ),
    code(
        "MP0170",
        "anotación de micropod no válida",
        "Las anotaciones que empiezan por `micropod/` cambian lo que hace el programa. Hay una: `micropod/acelera` \
         divide las esperas entre reinicios, y solo ellas, entre un número de 1 a 1000.",
        Where::Metadata,
        "name: \"web\", annotations: {\"micropod/acelera\": \"muy rápido\"}",
        "name: \"web\", annotations: {\"micropod/acelera\": \"10\"}",
    ),
    code(
        "MP0171",
        "reglas de reinicio no válidas",
        "Cada regla lleva de 1 a 255 códigos de salida distintos, de 0 a 255; puede haber 20 reglas, y el \
         contenedor tiene que decir también su `restartPolicy`, para cuando ninguna case.",
        Where::Container,
        "restartPolicyRules: [(action: Restart, exitCodes: (operator: In, values: [42]))]",
        "restartPolicy: Never, restartPolicyRules: [(action: Restart, exitCodes: (operator: In, values: [42]))]",
    ),
    code(
        "MP0172",
        "`lifecycle` no válido",
        "Un hook hace una sola cosa: `exec`, `httpGet` o `sleep`, que dura como mucho el plazo de gracia del Pod. \
         `tcpSocket` existe en Kubernetes, donde falla siempre. Los contenedores de inicialización no los tienen, \
         salvo los auxiliares. `stopSignal` es el nombre de una señal.",
        Where::Container,
        "lifecycle: (preStop: (sleep: (seconds: 90)))",
        "lifecycle: (preStop: (sleep: (seconds: 10)))",
    ),
    code(
        "MP0173",
        "HTTPS en una sonda",
        "micropod no lleva TLS: la criptografía sería la parte más grande y más delicada del programa, para una \
         pregunta en la que Kubernetes ni comprueba el certificado.",
        Where::Container,
        "livenessProbe: (httpGet: (port: 443, scheme: HTTPS))",
        "livenessProbe: (tcpSocket: (port: 443))",
    ),
    code(
        "MP0174",
        "`terminationMessagePath` no válida",
        "Es la ruta absoluta, dentro del contenedor, de un fichero: se crea vacío en cada vida, y lo último que \
         tenga (4096 bytes) sale en el estado del contenedor.",
        Where::Container,
        "terminationMessagePath: \"adios.txt\"",
        "terminationMessagePath: \"/tmp/adios.txt\"",
    ),
    code(
        "MP0180",
        "el fichero no tiene nada que ejecutar, o tiene demasiado",
        "`micropod run` ejecuta un objeto: un Pod, o un ReplicaSet, Job o CronJob que los crea. En su fichero puede \
         haber además cuantos `ConfigMap` y `Secret` hagan falta, todos en una `List`.",
        Where::File,
        "ConfigMap(metadata: (name: \"ajustes\"), data: {\"color\": \"verde\"})",
        "List(items: [\n  ConfigMap(metadata: (name: \"ajustes\"), data: {\"color\": \"verde\"}),\n  Pod(metadata: \
         (name: \"web\"), spec: (containers: [(name: \"web\", image: \"nginx\")])),\n])",
    ),
    code(
        "MP0181",
        "dos objetos con el mismo nombre",
        "Dentro de un fichero, dos objetos de la misma clase llevan nombres distintos: si no, al pedir uno no se \
         sabría cuál. Un ConfigMap y un Secret sí pueden llamarse igual.",
        Where::Objects,
        "ConfigMap(metadata: (name: \"a\")), ConfigMap(metadata: (name: \"a\")),",
        "ConfigMap(metadata: (name: \"a\")), Secret(metadata: (name: \"a\")),",
    ),
    code(
        "MP0182",
        "clave de un ConfigMap o un Secret no válida",
        "Una clave puede acabar siendo el nombre de un fichero: lleva letras, cifras, `-`, `_` y `.`, y no empieza \
         por `..`. En un ConfigMap, además, no puede estar a la vez en `data` y en `binaryData`.",
        Where::Objects,
        "ConfigMap(metadata: (name: \"a\"), data: {\"conf/nginx.conf\": \"…\"}),",
        "ConfigMap(metadata: (name: \"a\"), data: {\"nginx.conf\": \"…\"}),",
    ),
    code(
        "MP0183",
        "base64 mal escrito",
        "El campo `data` de un Secret y `binaryData` de un ConfigMap van en base64, que sirve para meter bytes en \
         un texto: no oculta nada. Para escribir un Secret en texto está `stringData`.",
        Where::Objects,
        "Secret(metadata: (name: \"a\"), data: {\"clave\": \"sin codificar\"}),",
        "Secret(metadata: (name: \"a\"), stringData: {\"clave\": \"sin codificar\"}),",
    ),
    code(
        "MP0184",
        "faltan las claves de ese tipo de Secret",
        "Los tipos de Secret de Kubernetes prometen lo que hay dentro: `kubernetes.io/tls` tiene `tls.crt` y \
         `tls.key`, por ejemplo. El tipo predeterminado, `Opaque`, no exige nada.",
        Where::Objects,
        "Secret(metadata: (name: \"a\"), type: \"kubernetes.io/basic-auth\"),",
        "Secret(metadata: (name: \"a\"), type: \"kubernetes.io/basic-auth\", stringData: {\"username\": \"ana\"}),",
    ),
    code(
        "MP0185",
        "variable sin origen, o con varios",
        "El valor de una variable se escribe en `value` o sale de un sitio, y solo de uno: `configMapKeyRef`, \
         `secretKeyRef`, `fieldRef` o `resourceFieldRef`. Con `envFrom`, de `configMapRef` o de `secretRef`.",
        Where::Container,
        "env: [(name: \"COLOR\", value: \"verde\", valueFrom: (configMapKeyRef: (name: \"a\", key: \"color\")))]",
        "env: [(name: \"COLOR\", valueFrom: (configMapKeyRef: (name: \"a\", key: \"color\")))]",
    ),
    code(
        "MP0186",
        "campo del Pod que no se puede pedir",
        "`fieldRef` da al contenedor lo que se sabe de su Pod: nombre, UID, etiquetas, anotaciones y, en una \
         variable, direcciones y máquina. De un mapa, en una variable, se pide una clave.",
        Where::Container,
        "env: [(name: \"APP\", valueFrom: (fieldRef: (fieldPath: \"metadata.labels\")))]",
        "env: [(name: \"APP\", valueFrom: (fieldRef: (fieldPath: \"metadata.labels['app']\")))]",
    ),
    code(
        "MP0187",
        "recurso que no se puede pedir",
        "`resourceFieldRef` da un límite o una solicitud de un contenedor: `limits.cpu`, `limits.memory`, \
         `requests.cpu` o `requests.memory`, en la unidad de `divisor` y redondeado hacia arriba.",
        Where::Container,
        "env: [(name: \"MEMORIA\", valueFrom: (resourceFieldRef: (resource: \"limits.memory\", divisor: \"3Mi\")))]",
        "env: [(name: \"MEMORIA\", valueFrom: (resourceFieldRef: (resource: \"limits.memory\", divisor: \"1Mi\")))]",
    ),
    code(
        "MP0188",
        "fichero de un volumen no válido",
        "Lo que un ConfigMap, un Secret o el Pod ponen en un volumen son ficheros: cada uno con su ruta relativa \
         dentro de él, distinta de las demás, un solo origen y permisos de 0 a 0o777.",
        Where::Spec,
        "volumes: [(name: \"v\", configMap: (name: \"a\", items: [(key: \"k\", path: \"../k\")]))],",
        "volumes: [(name: \"v\", configMap: (name: \"a\", items: [(key: \"k\", path: \"conf/k\")]))],",
    ),
    code(
        "MP0189",
        "permisos escritos en decimal",
        "Los permisos de un fichero se escriben en octal, y en RON un octal empieza por `0o`. Con solo un 0 delante, \
         como en C o en YAML, se leería en decimal: otros permisos.",
        Where::Spec,
        "volumes: [(name: \"v\", secret: (secretName: \"a\", defaultMode: 0400))],",
        "volumes: [(name: \"v\", secret: (secretName: \"a\", defaultMode: 0o400))],",
    ),
    code(
        "MP0190",
        "ajuste del kernel que no se puede pedir",
        "Casi todos los ajustes de sysctl valen para toda la máquina. Los de la lista segura de Kubernetes son de \
         cada Pod: los de su red y `kernel.shm_rmid_forced`. Con `hostNetwork` la red no es suya.",
        Where::Spec,
        "securityContext: (sysctls: [(name: \"kernel.core_pattern\", value: \"1\")])",
        "securityContext: (sysctls: [(name: \"net.ipv4.tcp_syncookies\", value: \"1\")])",
    ),
    code(
        "MP0191",
        "el controlador y su molde no se entienden",
        "Un ReplicaSet reconoce sus Pods por sus etiquetas: las de `selector` tienen que estar en las de `template`. \
         Sus Pods no acaban nunca (`restartPolicy: Always`); los de un Job sí (`Never` u `OnFailure`).",
        Where::File,
        "Job(metadata: (name: \"suma\"), spec: (template: (spec: (containers: [(name: \"c\", image: \"busybox\")]))))",
        "Job(metadata: (name: \"suma\"), spec: (template: (spec: (restartPolicy: Never, containers: [(name: \"c\", image: \
         \"busybox\")]))))",
    ),
    code(
        "MP0192",
        "horario no válido",
        "Un horario de cron tiene cinco campos: minuto (0-59), hora (0-23), día del mes (1-31), mes (1-12) y día de \
         la semana (0-6; el 0 es domingo). `*` es cualquiera; `*/5`, de cinco en cinco; `1-5`, del 1 al 5; \
         `1,15`, el 1 y el 15. También valen @hourly, @daily, @weekly, @monthly, @yearly y @every 30s.",
        Where::File,
        "CronJob(metadata: (name: \"copia\"), spec: (schedule: \"cada hora\", jobTemplate: (spec: (template: (spec: \
         (restartPolicy: Never, containers: [(name: \"c\", image: \"busybox\")]))))))",
        "CronJob(metadata: (name: \"copia\"), spec: (schedule: \"0 * * * *\", jobTemplate: (spec: (template: (spec: \
         (restartPolicy: Never, containers: [(name: \"c\", image: \"busybox\")]))))))",
    ),
    code(
        "MP0200",
        "la política baseline no lo admite",
        "Con `--policy baseline` (o una más estrecha) se rechaza lo que da poder sobre la máquina: la red de la \
         máquina, `privileged`, capacidades fuera de una lista de 13, `hostPath`, `hostPort`, `host` en una sonda, \
         `procMount: Unmasked`, `seccompProfile: Unconfined` y ajustes del kernel fuera de su lista. Es una de las \
         normas de seguridad de Pods de Kubernetes.",
        Where::Command,
        "micropod run --policy baseline privilegiado.ron",
        "",
    ),
    code(
        "MP0201",
        "la política restricted no lo admite",
        "Con `--policy restricted`, además de lo de `baseline`, cada contenedor dice por escrito que no es root \
         (`runAsNonRoot`), que no puede ganar privilegios (`allowPrivilegeEscalation: false`), que se filtran sus \
         llamadas (`seccompProfile`) y que suelta todas las capacidades (`drop: [\"ALL\"]`).",
        Where::Command,
        "micropod run --policy restricted nginx.ron",
        "",
    ),
    code(
        "MP0202",
        "la política lab no lo admite",
        "`--policy lab` es la de quien corrige los ejercicios de otros: lo de `baseline`, con `hostPath` solo por \
         debajo del directorio del fichero y sin la imagen `host`, que enseña la raíz de la máquina.",
        Where::Command,
        "micropod run --policy lab ejercicio.ron",
        "",
    ),
    code(
        "MP0210",
        "YAML mal escrito",
        "En YAML la sangría dice de quién es cada campo: los de un mismo objeto empiezan en la misma columna, con \
         espacios y nunca con tabuladores, y los `-` de una misma lista también. Detrás de los dos puntos va un \
         espacio. Un texto que lleva `: ` o ` #`, o que empieza por un signo (`*`, `&`, `@`, `%`, `[`, `{`…), va \
         entre comillas.",
        Where::Yaml,
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n   labels: {app: web}\nspec:\n  containers: []",
        YAML_POD,
    ),
    code(
        "MP0211",
        "JSON mal escrito",
        "En JSON las claves y los textos van siempre entre comillas dobles, entre dos valores va una coma y detrás \
         del último no, y no hay comentarios.",
        Where::Json,
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\",\n}",
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"web\"},\n \
         \"spec\": {\"containers\": [{\"name\": \"web\", \"image\": \"nginx\"}]}}",
    ),
    code(
        "MP0212",
        "apiVersion falta o no es la suya",
        "Cada clase de objeto es de un grupo y una versión de la API de Kubernetes: `v1` los Pods, ConfigMaps, \
         Secrets y listas; `apps/v1` los ReplicaSets; `batch/v1` los Jobs y CronJobs. En RON no se escribe: \
         `Pod(…)` ya lo dice todo.",
        Where::Yaml,
        "apiVersion: apps/v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: nginx",
        YAML_POD,
    ),
    code(
        "MP0213",
        "algo de YAML que aquí no vale",
        "YAML puede mucho más de lo que necesita un objeto de Kubernetes. Valen las anclas (`&x`), sus referencias \
         (`*x`) y la mezcla (`<<: *x`), pero sin repetir más de 10 000 valores: con nueve líneas de referencias a \
         referencias se llenaría cualquier memoria. No valen las etiquetas (`!algo`) que no sean las de serie, ni \
         las claves que no son textos.",
        Where::Yaml,
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: !mio web\nspec: {}",
        YAML_POD,
    ),
    code(
        "MP0214",
        "esta clave no se lee como se escribe",
        "Kubernetes lee YAML 1.1, donde `yes`, `on` y `y` sin comillas son `true`, y `0644` es 420. En un valor, el \
         tipo del campo lo descubre; en la clave de un mapa nadie lo vería: el dato acabaría llamándose `true`. \
         Ponle comillas.",
        Where::Yaml,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  on: \"1\"",
        YAML_POD,
    ),
    code(
        "MP0230",
        "imagePullPolicy: Always",
        "`Always` pide preguntar al registro en cada arranque, y micropod no habla con ninguno: las imágenes se \
         construyen o se importan. Callarlo sería prometer una imagen al día que nadie va a traer. `IfNotPresent` y \
         `Never` valen lo mismo aquí: la imagen tiene que estar ya.",
        Where::Container,
        "imagePullPolicy: Always",
        "imagePullPolicy: IfNotPresent",
    ),
    code(
        "MP0231",
        "alias de /etc/hosts no válido",
        "Un alias es una dirección IP y los nombres que se le dan en el `/etc/hosts` del Pod.",
        Where::Spec,
        "hostAliases: [(ip: \"localhost\", hostnames: [\"yo\"])],",
        "hostAliases: [(ip: \"127.0.0.1\", hostnames: [\"yo\"])],",
    ),
    code(
        "MP0232",
        "DNS no válido",
        "`dnsConfig` admite 3 servidores, que son direcciones IP; 32 dominios de búsqueda, de 2048 letras entre todos; \
         y opciones de una palabra. Con `dnsPolicy: None` no hay más servidores que esos: hace falta uno.",
        Where::Spec,
        "dnsPolicy: None,",
        "dnsPolicy: None, dnsConfig: (nameservers: [\"10.244.0.53\"]),",
    ),
    code(
        "MP0233",
        "nombre de máquina imposible",
        "El kernel admite nombres de máquina de 64 letras, y cada Pod tiene uno: `hostnameOverride` no puede ir con \
         `setHostnameAsFQDN` ni con `hostNetwork`, que piden otro.",
        Where::Spec,
        "hostnameOverride: \"web\", hostNetwork: true,",
        "hostnameOverride: \"web\",",
    ),
    code(
        "MP0234",
        "objetos de espacios de nombres distintos",
        "Un Pod solo ve los ConfigMaps y los Secrets de su espacio de nombres. Los de un fichero van todos en el mismo.",
        Where::Objects,
        "ConfigMap(metadata: (name: \"c\", namespace: \"otro\")),",
        "ConfigMap(metadata: (name: \"c\")),",
    ),
    code(
        "MP0235",
        "subPath y subPathExpr",
        "Los dos dicen qué parte del volumen se monta: uno tal cual y el otro con variables. No pueden ir juntos.",
        Where::Spec,
        "volumes: [(name: \"v\")], initContainers: [(name: \"i\", image: \"nginx\", volumeMounts: [(name: \"v\", \
         mountPath: \"/v\", subPath: \"a\", subPathExpr: \"$(B)\")])],",
        "volumes: [(name: \"v\")], initContainers: [(name: \"i\", image: \"nginx\", volumeMounts: [(name: \"v\", \
         mountPath: \"/v\", subPathExpr: \"$(B)\")])],",
    ),
    code(
        "MP0236",
        "contenedor efímero fuera de lugar",
        "Un contenedor efímero llega a un Pod que ya vive, para mirarlo: no se escribe en su fichero, sino que se \
         añade con `micropod debug`. No puede tener puertos, recursos, sondas, hooks ni `subPath`, y el contenedor \
         al que mira ha de ser del Pod.",
        Where::Spec,
        "ephemeralContainers: [(name: \"mira\", image: \"busybox\")],",
        "",
    ),
    code(
        "MP0301",
        "esto no es una avería",
        "Un fichero de averías es una lista, y cada elemento es una de las averías que hay, con su nombre en \
         español. `micropod explain averias` las cuenta todas.",
        Where::Faults,
        "[ SeCae(contenedor: \"web\") ]",
        "[ Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\") ]",
    ),
    code(
        "MP0302",
        "a una avería le sobra o le falta un campo",
        "Cada avería tiene sus campos, con su nombre delante; unos hacen falta siempre y otros se pueden omitir.",
        Where::Faults,
        "[ Acaba(contenedor: \"web\", codigo: 1) ]",
        "[ Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\") ]",
    ),
    code(
        "MP0303",
        "un valor que no vale en ese campo de una avería",
        "Los plazos y los nombres van entre comillas; los números, sin ellas; las sondas (inicio, preparacion, vida) y \
         los hooks (postStart, preStop) son palabras.",
        Where::Faults,
        "[ Acaba(contenedor: \"web\", codigo: 1, tras: 5) ]",
        "[ Acaba(contenedor: \"web\", codigo: 1, tras: \"5s\") ]",
    ),
    code(
        "MP0304",
        "una avería de algo que el Pod no tiene",
        "Las averías hablan de los contenedores, las sondas y los hooks de un Pod: si no los tiene, no pasaría nada, y \
         se dice antes de simular.",
        Where::Faults,
        "[ SinMemoria(contenedor: \"php\", tras: \"5s\") ]",
        "[ SinMemoria(contenedor: \"web\", tras: \"5s\") ]",
    ),
    code(
        "MP0305",
        "dos averías que se contradicen",
        "De una misma vida de un contenedor se dicen dos cosas que no pueden pasar a la vez. De varias muertes ocurre \
         la que llega antes: esas no se contradicen.",
        Where::Faults,
        "[ IgnoraParada(contenedor: \"web\"), TardaEnParar(contenedor: \"web\", tarda: \"3s\") ]",
        "[ IgnoraParada(contenedor: \"web\", vida: 1), TardaEnParar(contenedor: \"web\", tarda: \"3s\") ]",
    ),
    code(
        "MP0330",
        "la API solo escucha en esta máquina",
        "`micropod api` corre como root y no pide contraseña: si escuchara en una dirección que se ve desde otras \
         máquinas, cualquiera de la red leería los logs. Desde fuera se entra con un túnel de ssh, que sí la pide: \
         `ssh -L 8001:localhost:8001 USUARIO@MÁQUINA`, y allí `kubectl -s http://127.0.0.1:8001 get pods`.",
        Where::Server,
        "micropod api --listen 0.0.0.0:8001",
        "",
    ),
    code(
        "MP0331",
        "ahí no se puede escuchar",
        "`--listen` es una dirección de esta máquina y un puerto, `127.0.0.1:8001`. Si está bien escrita, el puerto lo \
         tiene ya otro programa (`kubectl proxy` usa el mismo): `ss -ltnp` dice cuál. Con el puerto 0, lo elige el kernel.",
        Where::Server,
        "micropod api --listen aula-01",
        "",
    ),
    code(
        "MP0332",
        "la API es de solo lectura",
        "Mientras no se diga otra cosa, `micropod api` enseña y no cambia nada. Con `--permite-cambios` admite además \
         crear, aplicar y borrar Pods.",
        Where::Server,
        "kubectl -s http://127.0.0.1:8001 delete pod web",
        "",
    ),
    code(
        "MP0333",
        "no eres quien puede pedir eso a la API",
        "Quien crea un Pod es como root: puede montar cualquier directorio. Por eso, aun con `--permite-cambios`, solo \
         se admite de un proceso de root o de quien escribió `sudo micropod api`; el kernel dice de quién es la \
         conexión. Y a lo que corre dentro de un Pod no se le deja ni mirar.",
        Where::Server,
        "sudo -u nobody kubectl -s http://127.0.0.1:8001 delete pod web",
        "",
    ),
    code(
        "MP0334",
        "la API no es para un navegador",
        "Una página web cualquiera puede hacer que tu navegador pida cosas a tu propia máquina, y hasta cambiar a \
         quién lleva su nombre para leer la respuesta (*DNS rebinding*). Por eso se rechaza lo que lleve `Origin` y lo \
         que no vaya a nombre de `localhost`, `127.0.0.1` o `[::1]`.",
        Where::Server,
        "curl -H 'Host: evil.example' http://127.0.0.1:8001/api/v1/pods",
        "",
    ),
    code(
        "MP0335",
        "la API no tiene eso",
        "`micropod api` sirve los Pods, sus logs, sus sucesos y lo que gastan. Lo demás de Kubernetes (servicios, \
         nodos, Deployments…) aquí no existe, y `exec`, `attach`, `cp` y `port-forward` se hacen con los verbos de \
         micropod, que se llaman igual.",
        Where::Server,
        "kubectl -s http://127.0.0.1:8001 exec web -- ls",
        "",
    ),
    code(
        "MP0336",
        "un cambio que no se puede hacer",
        "Un Pod en marcha no se cambia: ni su imagen, ni sus etiquetas. En Kubernetes casi todo en él es inmutable \
         también. Lo que envía `kubectl apply` se admite si es lo que ya hay; si no, se dice qué es distinto.",
        Where::Server,
        "kubectl -s http://127.0.0.1:8001 label pod web nivel=2",
        "",
    ),
];

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
