//! Lo que se escribe mal, y lo que micropod contesta.

use micropod::error::Error;
use micropod::spec::codes::{CODES, Where};
use micropod::spec::parse::parse;
use micropod::spec::schema::Described;
use micropod::spec::types::{Container, IntOrString, Object, Pod};
use micropod::spec::{SpecErrors, load, write};
use std::path::{Path, PathBuf};

fn errors(text: &str) -> SpecErrors {
    match parse("p.ron", text) {
        Ok(_) => panic!("debía fallar:\n{}", text.chars().take(2000).collect::<String>()),
        Err(errors) => errors,
    }
}

fn ok(text: &str) -> Pod {
    parse("p.ron", text).unwrap_or_else(|e| panic!("debía valer:\n{text}\n{e}"))
}

/// Un Pod con `inside` dentro de su contenedor, en la línea 5.
fn container(inside: &str) -> String {
    format!(
        "Pod(\n  metadata: (name: \"p\"),\n  spec: (\n    containers: [(name: \"c\", image: \"i\",\n{inside}\n)]))"
    )
}

/// Un Pod con `inside` dentro de `spec`, en la línea 5.
fn spec(inside: &str) -> String {
    format!(
        "Pod(\n  metadata: (name: \"p\"),\n  spec: (\n    containers: [(name: \"c\", image: \"i\")],\n{inside}\n))"
    )
}

/// Un Pod con `inside` como metadatos, en la línea 2.
fn metadata(inside: &str) -> String {
    format!("Pod(metadata: (\n{inside}\n), spec: (containers: [(name: \"c\", image: \"i\")]))")
}

const COMPLETE: &str = r##"// un Pod con todo
Pod(
    metadata: (
        name: "nginx-php.v2",
        labels: {"app": "web", "ejemplo.es/nivel": "1", "vacia": ""},
        annotations: {"micropod/acelera": "10", "nota": "con\nsaltos"},
    ),
    spec: PodSpec( /* anidado /* dos */ */
        initContainers: [
            (name: "prepara", image: "busybox", command: ["sh", "-c"], args: ["echo $(X) > /d/i"],
             env: [(name: "X", value: "1")], volumeMounts: [(name: "web", mountPath: "/d")]),
        ],
        containers: [
            Container(
                name: "nginx", image: "nginx:1.27",
                ports: [
                    (name: "web", containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1"),
                    (containerPort: 53, protocol: UDP),
                ],
                resources: (limits: (cpu: "500m", memory: "64Mi"), requests: (cpu: 0.25)),
                volumeMounts: [
                    (name: "web", mountPath: "/usr/share/nginx/html", readOnly: true, subPath: "html"),
                    (name: "conf", mountPath: "/etc/hosts"),
                ],
                livenessProbe: (httpGet: (port: "web", path: "/", httpHeaders: [(name: "Host", value: "x")]),
                                periodSeconds: 5, successThreshold: 0, terminationGracePeriodSeconds: 2),
                readinessProbe: (exec: (command: ["cat", r#"/tmp/"listo""#]), successThreshold: 2),
                startupProbe: (tcpSocket: (port: 80), failureThreshold: 30),
                securityContext: (capabilities: (add: ["NET_ADMIN"], drop: ["ALL"]), runAsUser: 1000,
                                  allowPrivilegeEscalation: false, seccompProfile: (type: RuntimeDefault)),
            ),
            (name: "php", image: "php-fpm", stdin: true, tty: true, workingDir: "/srv",
             ports: [(containerPort: 9000), (containerPort: 80, protocol: UDP)]),
        ],
        volumes: [
            (name: "web", emptyDir: (medium: Memory, sizeLimit: "10Mi")),
            (name: "conf", hostPath: (path: "./hosts", type: File)),
            (name: "nada"),
        ],
        restartPolicy: OnFailure,
        terminationGracePeriodSeconds: 0,
        activeDeadlineSeconds: 600,
        hostname: Some("maquina"),
        shareProcessNamespace: true,
        securityContext: (supplementalGroups: [10, 20], runAsNonRoot: true),
        resources: (limits: (pids: 100, memory: "1Gi")),
    ),
)
"##;

#[test]
fn un_pod_con_todos_los_campos_se_lee_y_se_vuelve_a_escribir_igual() {
    let pod = ok(COMPLETE);
    let nginx = &pod.spec.containers[0];
    assert_eq!(nginx.ports[0].host_ip.as_deref(), Some("127.0.0.1"));
    assert_eq!(nginx.resources.requests.cpu.as_ref().map(|q| q.millis()), Some(250));
    assert_eq!(pod.spec.resources.limits.pids.as_ref().map(|q| q.units()), Some(100));
    assert_eq!(
        nginx.liveness_probe.as_ref().unwrap().http_get.as_ref().unwrap().port,
        IntOrString::String("web".into())
    );

    let ron = write::ron(&[Object::Pod(pod.clone())]);
    assert_eq!(ok(&ron), pod, "{ron}");
    let json = serde_json::to_string(&pod).unwrap();
    assert!(json.contains("\"hostIP\":\"127.0.0.1\""), "{json}");
    assert_eq!(serde_json::from_str::<Pod>(&json).unwrap(), pod);
}

#[test]
fn da_igual_como_acaben_las_lineas() {
    assert_eq!(ok(&COMPLETE.replace('\n', "\r\n").replace("con\\r\\n", "con\\n")), ok(COMPLETE));
    let error = &errors(&container("imagen: 1").replace('\n', "\r\n")).0[0];
    let place = error.place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.text.as_str()), (5, 1, "imagen: 1"));
}

// ── los ejemplos de cada código ───────────────────────────────────────────────────────────────

#[test]
fn el_ejemplo_malo_de_cada_codigo_lo_da_y_el_bueno_se_acepta() {
    for code in CODES.iter().filter(|c| !matches!(c.place, Where::Command | Where::Server | Where::Faults)) {
        let read = |text: &str| {
            let parsed = micropod::spec::parse::parse_bytes(code.place.file_name(), text.as_bytes().to_vec());
            parsed.and_then(|manifest| manifest.runnable().map(|_| ()))
        };
        let text = code.place.file(&code.wrong);
        let found = match read(&text) {
            Ok(_) => panic!("{}: se acepta\n{text}", code.code),
            Err(errors) => errors,
        };
        assert!(found.0.iter().all(|e| e.code == code.code), "{}: {found}\n{text}", code.code);
        assert!(
            matches!(code.code.as_str(), "MP0116" | "MP0119") || found.0[0].place.is_some(),
            "{}",
            code.code
        );
        if !code.right.is_empty() {
            let text = code.place.file(&code.right);
            read(&text).unwrap_or_else(|e| panic!("debía valer:\n{text}\n{e}"));
        }
    }
}

#[test]
fn cada_codigo_del_programa_esta_explicado_y_no_sobra_ninguno() {
    fn collect(dir: &Path, used: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, used);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap_or_default();
                let codes =
                    code.lines().filter(|l| !l.trim_start().starts_with("//")).flat_map(|l| l.split('"'));
                used.extend(codes.filter(|c| c.len() == 6 && c.starts_with("MP0")).map(str::to_string));
            }
        }
    }
    let mut used = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
    used.sort();
    used.dedup();
    let explained: Vec<&str> = CODES.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(used, explained, "los usados (izquierda) y los explicados (derecha), en orden");
}

// ── cómo se ve ────────────────────────────────────────────────────────────────────────────────

#[test]
fn asi_se_ve_un_campo_mal_escrito() {
    let text = "Pod(\n    metadata: (name: \"web\"),\n    spec: (containers: [\n        (name: \"nginx\", imagen: \
                \"nginx:1.27\"),\n    ]),\n)\n";
    let fields: Vec<String> = Container::fields().iter().map(|field| field.name()).collect();
    assert!(fields.starts_with(&["name", "image", "command"].map(String::from)));
    assert_eq!(
        errors(text).to_string(),
        format!(
            "error[MP0101]: campo desconocido `imagen` en el contenedor `nginx`
 --> p.ron:4:25
  |
4 |         (name: \"nginx\", imagen: \"nginx:1.27\"),
  |                         ^^^^^^
  |
  = campo: spec.containers[0].imagen
  = pista: ¿querías decir `image`?
  = campos posibles: {}
  = más información: micropod explain MP0101",
            fields.join(", ")
        )
    );
}

/// La cabecera, el lugar, la línea, el subrayado y la pista de lo único que está mal.
fn brief(text: &str) -> String {
    let errors = errors(text);
    assert_eq!(errors.0.len(), 1, "{errors}");
    let error = &errors.0[0];
    let place = error.place.as_ref().unwrap();
    let under = format!("{}{}", " ".repeat(place.column - 1), "^".repeat(place.width));
    let hint = error.hint.as_deref().unwrap_or("");
    format!(
        "{} {}:{} {}\n{}\n{under}\n{hint}",
        error.code, place.line, place.column, error.problem, place.text
    )
}

#[test]
fn cada_error_senala_lo_suyo() {
    for (text, expected) in [
        (
            spec("restartPolicy: Siempre,"),
            "MP0107 5:16 `Siempre` no es un valor de `restartPolicy`\nrestartPolicy: Siempre,\n               ^^^^^^^\n¿querías decir `Always`?",
        ),
        (
            spec("volumes: [(name: \"v\", emptyDir: (medium: HugePages))],"),
            "MP0107 5:42 `HugePages` existe en Kubernetes, en `medium`; micropod no lo implementa\nvolumes: [(name: \"v\", \
             emptyDir: (medium: HugePages))],\n                                         ^^^^^^^^^\n",
        ),
        (
            spec("restartPolicy: \"Always\","),
            "MP0106 5:16 en `restartPolicy` va una de sus palabras, sin comillas, y hay un texto\nrestartPolicy: \
             \"Always\",\n               ^^^^^^^^\nes una palabra, no un texto: escribe `Always`, sin comillas",
        ),
        (
            spec("affinity: (nodeAffinity: ()),"),
            "MP0102 5:1 `affinity` existe en Kubernetes, en `spec`; micropod no lo implementa\naffinity: \
             (nodeAffinity: ()),\n^^^^^^^^\nquítalo: micropod nunca omite en silencio lo que no hace",
        ),
        (
            metadata("name: \"pod_multicontenedor\""),
            "MP0130 2:7 el nombre del Pod `pod_multicontenedor` no vale: los guiones bajos (`_`) no están \
             permitidos\nname: \"pod_multicontenedor\"\n      ^^^^^^^^^^^^^^^^^^^^^\n¿querías decir `pod-multicontenedor`?",
        ),
        (
            container("resources: (limits: (memory: \"64 Mi\")),"),
            "MP0108 5:30 la cantidad `64 Mi` tiene espacios: el número y el sufijo van pegados\nresources: (limits: \
             (memory: \"64 Mi\")),\n                             ^^^^^^^\n¿querías decir `64Mi`?",
        ),
        (
            container("args: [\"ñandú\" \"b\"],"),
            "MP0109 5:15 falta una coma\nargs: [\"ñandú\" \"b\"],\n              ^\ndespués de cada valor va una coma, o \
             el `]` que cierra",
        ),
        (
            spec("restart-policy: Never,"),
            "MP0101 5:1 `restart-policy` no es el nombre de ningún campo\nrestart-policy: Never,\n^^^^^^^^^^^^^^\nvan sin \
             guiones: ¿querías decir `restartPolicy`?",
        ),
        (
            container("volumeMounts: [(name: \"web\", mountPath: \"/x\")],")
                .replace("))", ", volumes: [(name: \"weeb\")]))"),
            "MP0133 5:23 el volumen `web` no está en `spec.volumes`\nvolumeMounts: [(name: \"web\", mountPath: \
             \"/x\")],\n                      ^^^^^\n¿querías decir `weeb`?",
        ),
        (
            container("livenessProbe: (httpGet: (port: 80), tcpSocket: (port: 80)),"),
            "MP0145 5:38 la sonda pregunta de dos maneras: `httpGet` y `tcpSocket`\nlivenessProbe: (httpGet: (port: \
             80), tcpSocket: (port: 80)),\n                                     ^^^^^^^^^\ndeja una sola",
        ),
        (
            container("env: [(name: \"A=B\")],"),
            "MP0137 5:14 el nombre de variable `A=B` no vale: lleva `=`\nenv: [(name: \"A=B\")],\n             \
             ^^^^^\nletras, cifras, `_`, `-` y `.`, sin empezar por cifra: `PUERTO_WEB`",
        ),
        (
            container("securityContext: (capabilities: (add: [\"KILL\", \"cap_net_admin\"])),"),
            "MP0151 5:48 `cap_net_admin` no es una capacidad\nsecurityContext: (capabilities: (add: [\"KILL\", \
             \"cap_net_admin\"])),\n                                               ^^^^^^^^^^^^^^^\n¿querías decir `NET_ADMIN`?",
        ),
        (
            metadata("name: \"p\", labels: {\"a b\": \"1\"}"),
            "MP0160 2:21 la clave `a b` de la etiqueta no vale: lleva espacios\nname: \"p\", labels: {\"a b\": \
             \"1\"}\n                    ^^^^^\nes `nombre` o `dominio/nombre`, con letras, cifras, `-`, `_` y `.` en el nombre",
        ),
    ] {
        assert_eq!(brief(&text), expected, "{text}");
    }
}

#[test]
fn codigo_linea_y_columna_de_cada_error() {
    let table: &[(String, &str, usize, usize)] = &[
        // sintaxis
        ("Pod(\n  metadata: (name: \"a\"),\n  spec: (containers: []),\n".into(), "MP0109", 1, 4),
        ("Pod(\n  metadata: (name: \"a\"],\n  spec: (containers: []))\n".into(), "MP0109", 2, 23),
        ("Pod(\n  metadata: (name = \"a\"))".into(), "MP0109", 2, 19),
        ("Pod(\n  metadata: (name \"a\"))".into(), "MP0109", 2, 18),
        ("Pod(\n  metadata: (name: \"a\",, ))".into(), "MP0109", 2, 24),
        ("Pod(\n  metadata: (name: \"a\"; ))".into(), "MP0109", 2, 23),
        ("Pod(\n  metadata: (name: \"a\")\n  spec: (containers: []))".into(), "MP0109", 2, 24),
        ("Pod(\n  # comentario\n  metadata: (name: \"a\"))".into(), "MP0109", 2, 3),
        ("Pod(\n  metadata: (name: ))".into(), "MP0109", 2, 20),
        (spec("volumes: [name: \"a\", emptyDir: ()]"), "MP0109", 5, 11),
        ("Pod(\n  metadata: (name: 'abc'))".into(), "MP0110", 2, 20),
        ("Pod(\n  metadata: (name: “abc”))".into(), "MP0110", 2, 20),
        ("Pod(\n  metadata: (name: \"abc))".into(), "MP0110", 2, 20),
        ("Pod(\n  metadata: (name: \"abc,\n labels: {\"a\": \"b\"}))".into(), "MP0110", 2, 20),
        ("Pod(\n  metadata: (name: \"a\\b\\q\"))".into(), "MP0110", 2, 22),
        ("Pod(\n /* metadata: (name: \"a\"))".into(), "MP0110", 2, 2),
        ("Pod(\n  metadata: (name: \"a\\xz\"))".into(), "MP0110", 2, 22),
        ("Pod(\n  metadata: (name: \"a\\u41\\\"))".into(), "MP0110", 2, 20),
        (metadata("name: \"p\", labels: {\"a\", \"b\"}"), "MP0109", 2, 24),
        (container("workingDir: /srv/www,"), "MP0110", 5, 13),
        (container("resources: (limits: (cpu: 500m)),"), "MP0110", 5, 27),
        (spec(&format!("volumes: {}", "[".repeat(10_000))), "MP0111", 5, 48),
        ("[".repeat(10_000), "MP0111", 1, 41),
        (format!("Pod(metadata: {}", "(a: ".repeat(10_000)), "MP0111", 1, 171),
        (spec("").trim_end().to_string() + "\nPod()", "MP0112", 7, 1),
        // objetos
        ("\n\n  Service(spec: ())".into(), "MP0113", 3, 3),
        ("(metadata: (name: \"a\"))".into(), "MP0113", 1, 1),
        ("pod(metadata: (name: \"a\"))".into(), "MP0113", 1, 1),
        ("# hola\n---\nkind: Pod".into(), "MP0114", 2, 1),
        ("// hola\nmetadata:\n  name: x\n".into(), "MP0114", 2, 1),
        ("{\n \"kind\": \"Pod\"}".into(), "MP0114", 1, 1),
        // campos
        (container("Image: \"x\","), "MP0101", 5, 1),
        (container("nombre: \"x\","), "MP0101", 5, 1),
        (spec("contenedores: [],"), "MP0101", 5, 1),
        (spec("restart_policy: Never,"), "MP0101", 5, 1),
        (container("ports: [(containerPort: 80, hostIp: \"1.2.3.4\")],"), "MP0101", 5, 29),
        (container("volumeDevices: [],"), "MP0102", 5, 1),
        (container("resizePolicy: [],"), "MP0102", 5, 1),
        (container("env: [(name: \"A\", valueFrom: (fileKeyRef: (path: \"x\")))],"), "MP0102", 5, 31),
        (spec("volumes: [(name: \"v\", nfs: (server: \"c\"))],"), "MP0102", 5, 23),
        (spec("volumes: [(name: \"v\", projected: (sources: [(serviceAccountToken: (path: \"t\"))]))],"), "MP0102", 5, 46),
        (container("livenessProbe: (grpc: (port: 1, mode: \"x\")),"), "MP0102", 5, 33),
        (metadata("name: \"p\", generateName: \"x\""), "MP0102", 2, 12),
        (metadata("name: \"p\", containers: []"), "MP0103", 2, 12),
        (spec("volumeMounts: [],"), "MP0103", 5, 1),
        (container("volumes: [],"), "MP0103", 5, 1),
        ("Pod(\napiVersion: \"v1\", metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"i\")]))".into(), "MP0103", 2, 1),
        ("Pod(\n metadata: (name: \"p\"))".into(), "MP0104", 1, 1),
        ("Pod(\n metadata: (), spec: (containers: [(name: \"c\", image: \"i\")]))".into(), "MP0104", 2, 2),
        (container("volumeMounts: [(name: \"v\")],"), "MP0104", 5, 16),
        (container("livenessProbe: (httpGet: (path: \"/\")),"), "MP0104", 5, 17),
        (spec("hostNetwork: true, hostNetwork: false,"), "MP0105", 5, 20),
        // clases de valor
        (container("ports: [(containerPort: \"80\")],"), "MP0106", 5, 25),
        (container("ports: [(containerPort: 80.5)],"), "MP0106", 5, 25),
        (container("ports: [(containerPort: 99999999999999999999)],"), "MP0106", 5, 25),
        (container("ports: [(containerPort: 65536)],"), "MP0138", 5, 25),
        (container("ports: [(containerPort: 1, hostPort: 65536)],"), "MP0138", 5, 38),
        (container("ports: (containerPort: 80),"), "MP0106", 5, 1),
        (container("ports: [{\"containerPort\": 80}],"), "MP0106", 5, 9),
        (container("args: [\"a\", 5],"), "MP0106", 5, 13),
        (container("workingDir: true,"), "MP0106", 5, 13),
        (container("tty: \"true\","), "MP0106", 5, 6),
        (container("tty: yes,"), "MP0106", 5, 6),
        (container("resources: (limits: (cpu: true)),"), "MP0106", 5, 27),
        (container("livenessProbe: (tcpSocket: (port: web)),"), "MP0106", 5, 35),
        (container("livenessProbe: (tcpSocket: (port: 1.5)),"), "MP0106", 5, 35),
        (metadata("name: \"p\", labels: (app: \"x\")"), "MP0106", 2, 12),
        (metadata("name: \"p\", labels: {app: \"x\"}"), "MP0106", 2, 21),
        (metadata("name: \"p\", labels: {\"app\": 5}"), "MP0106", 2, 28),
        (metadata("name: 'p'"), "MP0106", 2, 7),
        (metadata("\"name\": \"p\""), "MP0106", 2, 1),
        (spec("volumes: [Volumen(name: \"v\")],"), "MP0106", 5, 11),
        (spec("volumes: [(name: \"v\", emptyDir: (medium: \"Memory\"))],"), "MP0106", 5, 42),
        (spec("volumes: [(name: \"v\", emptyDir: (medium: memoria))],"), "MP0107", 5, 42),
        (container("ports: [(containerPort: 80, protocol: SCTP)],"), "MP0107", 5, 39),
        (container("resources: (limits: (memory: \"-1\")),"), "MP0108", 5, 30),
        (container("resources: (limits: (memory: -1)),"), "MP0108", 5, 30),
        (container("resources: (limits: (memory: \"\")),"), "MP0108", 5, 30),
        (container("resources: (limits: (memory: \"9Ei\")),"), "MP0108", 5, 30),
        // textos
        (container("args: [\"a\", \"\\u{202e}b\"],"), "MP0120", 5, 13),
        (container("args: [\"a\u{202e}\"],"), "MP0120", 5, 10),
        (container("env: [(name: \"A\", value: \"\\u{1b}[31m\")],"), "MP0120", 5, 26),
        (metadata("name: \"p\", annotations: {\"a\": \"1\", r\"a\": \"2\"}"), "MP0121", 2, 36),
        // nombres
        (metadata("name: \"\""), "MP0130", 2, 7),
        (metadata(&format!("name: \"{}\"", "a".repeat(300))), "MP0130", 2, 7),
        (metadata("name: \"Web\""), "MP0130", 2, 7),
        (metadata("name: \"../../etc\""), "MP0130", 2, 7),
        (metadata("name: \"a..b\""), "MP0130", 2, 7),
        (metadata("name: \"-a\""), "MP0130", 2, 7),
        (spec("hostname: \"a.b\","), "MP0130", 5, 11),
        (spec("volumes: [(name: \"mi volumen\")],"), "MP0130", 5, 18),
        (spec("initContainers: [(name: \"c\", image: \"i\")],"), "MP0131", 4, 25),
        (spec("volumes: [(name: \"v\"), (name: \"v\")],"), "MP0131", 5, 31),
        (container("env: [(name: \"A\"), (name: \"A\")],"), "MP0131", 5, 27),
        (container("ports: [(containerPort: 1, name: \"a\"), (containerPort: 2, name: \"a\")],"), "MP0131", 5, 65),
        (container("volumeMounts: [(name: \"v\", mountPath: \"/\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0134", 5, 39),
        (container("volumeMounts: [(name: \"v\", mountPath: \"/proc/sys\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0134", 5, 39),
        (container("volumeMounts: [(name: \"v\", mountPath: \"//dev/./pts/\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0134", 5, 39),
        (container("volumeMounts: [(name: \"v\", mountPath: \"/a/../b\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0134", 5, 39),
        (container("volumeMounts: [(name: \"v\", mountPath: \"/a:b\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0134", 5, 39),
        (container("volumeMounts: [(name: \"v\", mountPath: \"/a\", subPath: \"/b\")],").replace("))", ", volumes: [(name: \"v\")]))"), "MP0136", 5, 54),
        // puertos
        (container("ports: [(containerPort: 0)],"), "MP0138", 5, 25),
        (container("ports: [(containerPort: 80, hostPort: -1)],"), "MP0138", 5, 39),
        (container("livenessProbe: (tcpSocket: (port: 0)),"), "MP0138", 5, 35),
        (container("ports: [(containerPort: 80, hostPort: 1, hostIP: \"127.0.0.1\"), (containerPort: 81, hostPort: 1)],"), "MP0140", 5, 94),
        (container("ports: [(containerPort: 80, hostPort: 1, hostIP: \"::1\")],"), "MP0141", 5, 50),
        (container("ports: [(containerPort: 80, hostIP: \"127.0.0.1\")],"), "MP0141", 5, 37),
        (container("ports: [(containerPort: 80, name: \"80\")],"), "MP0142", 5, 35),
        (container("ports: [(containerPort: 80, name: \"demasiado-largo-16\")],"), "MP0142", 5, 35),
        // plazos y sondas
        (spec("activeDeadlineSeconds: 0,"), "MP0144", 5, 24),
        (spec("terminationGracePeriodSeconds: 9999999999,"), "MP0144", 5, 32),
        (container("livenessProbe: (exec: (command: [])),"), "MP0145", 5, 24),
        (container("livenessProbe: (),"), "MP0145", 5, 1),
        (container("readinessProbe: (tcpSocket: (port: 1), timeoutSeconds: -1),"), "MP0146", 5, 56),
        (container("startupProbe: (tcpSocket: (port: 1), terminationGracePeriodSeconds: 0),"), "MP0146", 5, 69),
        (container("startupProbe: (tcpSocket: (port: 1), successThreshold: 3),"), "MP0147", 5, 56),
        (container("readinessProbe: (tcpSocket: (port: 1), terminationGracePeriodSeconds: 5),"), "MP0147", 5, 71),
        (container("livenessProbe: (tcpSocket: (port: \"80\")),"), "MP0148", 5, 35),
        (container("livenessProbe: (httpGet: (port: 80, path: \"/a b\")),"), "MP0164", 5, 43),
        (container("livenessProbe: (httpGet: (port: 80, httpHeaders: [(name: \"a\", value: \"b\\nc\")])),"), "MP0164", 5, 70),
        (container("livenessProbe: (tcpSocket: (port: 80, host: \"\")),"), "MP0164", 5, 45),
        // seguridad
        (container("securityContext: (runAsUser: -1),"), "MP0150", 5, 30),
        (spec("securityContext: (supplementalGroups: [1, 4294967295]),"), "MP0150", 5, 43),
        (container("securityContext: (capabilities: (drop: [\"todo\"])),"), "MP0151", 5, 41),
        (container("securityContext: (runAsNonRoot: true, runAsUser: 0),"), "MP0152", 5, 50),
        (spec("securityContext: (sysctls: [(name: \"kernel.core_pattern\", value: \"1\")]),"), "MP0190", 5, 36),
        (spec("securityContext: (sysctls: [(name: \"net.ipv4.tcp_syncookies\", value: \"1\\n2\")]),"), "MP0190", 5, 70),
        (spec("securityContext: (sysctls: [(name: \"net/ipv4/tcp_syncookies\", value: \"1\"), (name: \"net.ipv4.tcp_syncookies\", value: \"1\")]),"), "MP0190", 5, 83),
        (spec("hostNetwork: true, securityContext: (sysctls: [(name: \"net.ipv4.tcp_syncookies\", value: \"1\")]),"), "MP0190", 5, 55),
        (container("securityContext: (allowPrivilegeEscalation: false, capabilities: (add: [\"SYS_ADMIN\"])),"), "MP0152", 5, 45),
        // nombres y DNS
        (spec("hostAliases: [(ip: \"localhost\", hostnames: [\"yo\"])],"), "MP0231", 5, 20),
        (spec("hostAliases: [(ip: \"1.2.3.4\", hostnames: [\"Yo\"])],"), "MP0130", 5, 43),
        (spec("dnsPolicy: None,"), "MP0232", 5, 12),
        (spec("dnsPolicy: None, dnsConfig: (searches: [\"a.es\"]),"), "MP0232", 5, 12),
        (spec("dnsConfig: (nameservers: [\"nadie\"]),"), "MP0232", 5, 27),
        (spec("dnsConfig: (nameservers: [\"1.1.1.1\", \"1.1.1.2\", \"1.1.1.3\", \"1.1.1.4\"]),"), "MP0232", 5, 13),
        (spec("dnsConfig: (searches: [\"-a\"]),"), "MP0130", 5, 24),
        (spec("dnsConfig: (options: [(name: \"a b\")]),"), "MP0232", 5, 30),
        (spec("subdomain: \"a.b\","), "MP0130", 5, 12),
        (spec("hostnameOverride: \"a\", hostNetwork: true,"), "MP0233", 5, 19),
        (spec("subdomain: \"g\", setHostnameAsFQDN: true, hostname: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","), "MP0233", 5, 36),
        (container("imagePullPolicy: Always,"), "MP0230", 5, 1),
        (metadata("name: \"p\", namespace: \"A\""), "MP0130", 2, 23),
        // recursos
        (container("resources: (requests: (cpu: \"2\"), limits: (cpu: 1)),"), "MP0154", 5, 29),
        (container("resources: (limits: (memory: \"0\")),"), "MP0155", 5, 30),
        (container("resources: (limits: (memory: 64)),"), "MP0155", 5, 30),
        (container("resources: (limits: (cpu: 0)),"), "MP0155", 5, 27),
        (container("resources: (limits: (cpu: \"64Mi\")),"), "MP0155", 5, 27),
        (spec("resources: (limits: (pids: 0)),"), "MP0156", 5, 28),
        (spec("resources: (limits: (pids: 1.5)),"), "MP0156", 5, 28),
        (spec("resources: (requests: (pids: 5)),"), "MP0156", 5, 30),
        // volúmenes y programa
        (spec(&format!("volumes: [{}],", "(name: \"v\"),".repeat(501))), "MP0165", 5, 1),
        (spec("volumes: [(name: \"v\", hostPath: (path: \"\"))],"), "MP0157", 5, 40),
        (metadata("name: \"p\", labels: {\"a\": \"-\"}"), "MP0160", 2, 26),
        (metadata("name: \"p\", labels: {\"A.b/c\": \"x\"}"), "MP0160", 2, 21),
        (metadata("name: \"p\", annotations: {\"a/\": \"x\"}"), "MP0160", 2, 26),
        (container(&format!("args: [\"{}\"],", "a".repeat(131_072))), "MP0161", 5, 8),
        (container(&format!("args: [{}],", "\"\",".repeat(120_000))), "MP0161", 4, 18),
        ("Pod(metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"\")]))".into(), "MP0162", 1, 67),
        (container("command: [\"\"],"), "MP0163", 5, 11),
    ];
    let mut wrong = String::new();
    for (text, code, line, column) in table {
        let errors = errors(text);
        let error = &errors.0[0];
        let place = error.place.as_ref().unwrap_or_else(|| panic!("sin lugar: {error}"));
        if (error.code, place.line, place.column) != (*code, *line, *column) || errors.0.len() != 1 {
            wrong += &format!("se esperaba {code} {line}:{column}, uno solo:\n{errors}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn salen_todos_los_errores_en_el_orden_del_fichero_y_como_mucho_diez() {
    let text =
        container("tty: true, workingDir: \"x\",").replace("\"p\"", "\"P\"").replace("\"c\"", "\"c_c\"");
    let codes: Vec<&str> = errors(&text).0.iter().map(|e| e.code).collect();
    assert_eq!(codes, ["MP0130", "MP0130", "MP0153", "MP0163"]);

    let many = container(&format!("env: [{}],", "(name: \"1\"),".repeat(8)));
    let shown = errors(&many).to_string();
    assert_eq!(shown.matches("error[").count(), 10);
    assert!(shown.ends_with("y 5 errores más: corrige estos y vuelve a probar"), "{shown}");
}

#[test]
fn mil_contenedores_se_rechazan() {
    let many: String = (0..1000).map(|i| format!("(name: \"c{i}\", image: \"i\"),")).collect();
    let errors = errors(&format!("Pod(metadata: (name: \"p\"), spec: (containers: [{many}]))"));
    assert_eq!(errors.0[0].code, "MP0132");
    assert!(errors.0[0].problem.contains("hay 1000 contenedores"), "{errors}");
}

#[test]
fn los_objetos_de_kubernetes_que_no_son_pods_dicen_que_hacer() {
    for kind in [
        "Deployment",
        "DaemonSet",
        "StatefulSet",
        "Service",
        "PersistentVolumeClaim",
        "ServiceAccount",
        "Namespace",
    ] {
        let error = &errors(&format!("{kind}(metadata: (name: \"x\"))")).0[0];
        assert!(error.problem.starts_with(&format!("`{kind}` es un objeto de Kubernetes")), "{error}");
        assert!(error.hint.as_ref().is_some_and(|h| !h.is_empty()), "{error}");
    }
}

// ── nada lo rompe ─────────────────────────────────────────────────────────────────────────────

#[test]
fn cortado_por_cualquier_sitio_es_un_error_con_su_codigo() {
    for i in (0..COMPLETE.trim_end().len()).filter(|&i| COMPLETE.is_char_boundary(i)) {
        let errors = errors(&COMPLETE[..i]);
        assert!(errors.0.iter().all(|e| e.code.starts_with("MP01")), "{errors}");
        assert!(!errors.to_string().contains("esto no es RON válido"), "{i}: {errors}");
    }
}

#[test]
fn un_byte_cambiado_o_borrado_nunca_hace_entrar_en_panico() {
    let original = COMPLETE.as_bytes();
    let bytes = [b'(', b')', b'"', b',', b':', b' ', b'\n', b'\\', b'0', 0x00, 0x80, 0xff, b'{'];
    for i in 0..original.len() {
        let mut changed = original.to_vec();
        changed[i] = bytes[i % bytes.len()];
        check(changed);
        let mut shorter = original.to_vec();
        shorter.remove(i);
        check(shorter);
    }
    fn check(bytes: Vec<u8>) {
        if let Err(errors) = micropod::spec::parse::parse_bytes("p.ron", bytes) {
            assert!(!errors.0.is_empty());
            assert!(!errors.to_string().is_empty());
        }
    }
}

#[test]
fn un_mebibyte_de_malicia_se_contesta_enseguida() {
    let fill = |piece: &str| piece.repeat((1 << 20) / piece.len() - 200 / piece.len() - 1);
    let list = |name: &str, item: &str| spec(&format!("{name}: [{}],", fill(item)));
    let inner = |name: &str, item: &str| container(&format!("{name}: [{}],", fill(item)));
    // tiempo de CPU de este hilo: el de reloj depende de quién más use la máquina
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    let start = clock.now().unwrap();
    for text in [
        format!("Pod({}", fill("(]")),
        format!("Pod({}", fill("]")),
        format!("Pod({}", fill("(")),
        format!("Pod({}", fill("[")),
        format!("Pod({}", fill("'a' ")),
        format!("Pod({}", fill("'a")),
        format!("Pod({}", fill("a-b: ")),
        format!("Pod({}", fill("a a ")),
        format!("Pod({})", fill("a:1,")),
        format!("Pod({}", fill("\"\\q")),
        format!("Pod({}", fill("/*")),
        format!("Pod({}", fill(",")),
        fill("#a\n"),
        metadata(&format!(
            "name: \"p\", labels: {{{}}}",
            (0..60_000).map(|i| format!("\"{i}\":1,")).collect::<String>()
        )),
        list("volumes", "(name:\"v\"),"),
        inner("env", "(name:\"A\"),"),
        inner("ports", "(containerPort:1,hostPort:1),"),
        inner("volumeMounts", "(name:\"v\",mountPath:\"/a\"),"),
    ] {
        assert!(text.len() <= 1 << 20, "{}", text.len());
        let shown = errors(&text).to_string();
        assert!(shown.len() < 20_000, "{}", shown.len());
    }
    let spent = clock.now().unwrap() - start;
    assert!(spent.tv_sec() < 40, "{spent}");
}

// ── ficheros ──────────────────────────────────────────────────────────────────────────────────

struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("micropod-spec-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn refused(path: &Path) -> (String, String) {
    let error = load(path, None).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let Error::Spec(errors) = error else { panic!("{error}") };
    (errors.0[0].code.to_string(), errors.0[0].problem.clone())
}

#[test]
fn lo_que_no_es_un_fichero_de_texto_se_rechaza_sin_colgarse() {
    let dir = Dir::new("raros");
    let fifo = dir.0.join("tuberia");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, code, text) in [
        (dir.0.clone(), "MP0115", "es un directorio"),
        (dir.0.join("noexiste.ron"), "MP0115", "no existe"),
        (fifo, "MP0115", "una tubería"),
        (PathBuf::from("/dev/zero"), "MP0115", "un dispositivo"),
        (dir.file("vacio.ron", ""), "MP0116", "está vacío"),
        (dir.file("blancos.ron", " \n// nada\n/* y */"), "MP0116", "está vacío"),
        (dir.file("grande.ron", " ".repeat((1 << 20) + 1)), "MP0117", "ocupa 1048577 bytes"),
        (dir.file("nulo.ron", b"Pod(\n\n\0)"), "MP0118", "la línea 3"),
        (dir.file("latin1.ron", b"Pod(\n// a\xf1o\n)"), "MP0118", "0xf1 de la línea 2"),
        (dir.file("bom.ron", "\u{feff}Pod()"), "MP0119", "BOM"),
    ] {
        let (found, problem) = refused(&path);
        assert_eq!(found, code, "{problem}");
        assert!(problem.contains(text), "{problem}");
    }
}

#[test]
fn las_rutas_relativas_parten_del_directorio_del_fichero() {
    let dir = Dir::new("base");
    std::fs::create_dir(dir.0.join("dentro")).unwrap();
    let file = dir.file("dentro/p.ron", COMPLETE);
    let loaded = load(&file.parent().unwrap().join("../dentro/p.ron"), None).unwrap();
    assert_eq!(loaded.base, dir.0.join("dentro").canonicalize().unwrap());
    assert_eq!(loaded.pod, ok(COMPLETE));
}

// ── varios objetos en un fichero ──────────────────────────────────────────────────────────────

/// Una lista con `inside` antes de un Pod mínimo, en la línea 2.
fn with_pod(inside: &str) -> String {
    format!(
        "List(items: [\n{inside}\nPod(metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"i\")]))])"
    )
}

#[test]
fn una_lista_trae_el_pod_con_sus_configmaps_y_sus_secrets() {
    let text = with_pod(
        "ConfigMap(metadata: (name: \"ajustes\"), data: {\"a.conf\": \"x = 1\\n\"}, binaryData: {\"b\": \"AAE=\"}),
         Secret(metadata: (name: \"clave\"), data: {\"a\": \"aG9sYQ==\"}, stringData: {\"b\": \"adiós\"}, type: \"Opaque\"),",
    );
    let manifest = micropod::spec::parse::parse_all("p.ron", &text).unwrap();
    let kinds: Vec<&str> = manifest.objects.iter().map(Object::kind).collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "Pod"]);
    let loaded = manifest.into_pod().unwrap();
    assert_eq!(loaded.pod.metadata.name, "p");
    assert_eq!(loaded.config.config_maps["ajustes"].data["a.conf"], "x = 1\n");
    assert_eq!(loaded.config.secrets["clave"].string_data["b"].reveal(), "adiós");
    assert!(!format!("{loaded:?}").contains("adiós"), "ni al depurar");
    let ron = write::ron(&[Object::Secret(loaded.config.secrets["clave"].clone())]);
    let again = micropod::spec::parse::parse_all("p.ron", &ron).unwrap();
    assert_eq!(again.objects, [Object::Secret(loaded.config.secrets["clave"].clone())]);
}

#[test]
fn cada_objeto_de_una_lista_senala_lo_suyo() {
    for (inside, code, line, column) in [
        ("Servicio(),", "MP0113", 2, 1),
        ("Service(metadata: (name: \"s\")),", "MP0113", 2, 1),
        ("Secret,", "MP0113", 2, 1),
        ("(metadata: (name: \"s\")),", "MP0113", 2, 1),
        ("\"texto\",", "MP0113", 2, 1),
        ("List(items: []),", "MP0113", 2, 1),
        ("ConfigMap(metadata: (nombre: \"s\")),", "MP0101", 2, 22),
        ("ConfigMap(metadata: (name: \"s\"), kind: \"ConfigMap\"),", "MP0103", 2, 34),
        ("ConfigMap(metadata: (name: \"s\"), name: \"x\"),", "MP0103", 2, 34),
        ("ConfigMap(metadata: (name: \"s\"), stringData: {}),", "MP0102", 2, 34),
        ("ConfigMap(data: {}),", "MP0104", 2, 1),
        ("ConfigMap(metadata: (name: \"s\"), data: {\"a.b\": 80}),", "MP0106", 2, 48),
        ("ConfigMap(metadata: (name: \"s\"), data: (a: \"x\")),", "MP0106", 2, 34),
        ("ConfigMap(metadata: (name: \"s\"), data: {\"a\": \"1\", \"a\": \"2\"}),", "MP0121", 2, 51),
        ("ConfigMap(metadata: (name: \"S\")),", "MP0130", 2, 28),
        ("Secret(metadata: (name: \"s\")),\nSecret(metadata: (name: \"s\")),", "MP0181", 3, 25),
        ("ConfigMap(metadata: (name: \"s\"), data: {\"../a\": \"x\"}),", "MP0182", 2, 41),
        ("ConfigMap(metadata: (name: \"s\"), data: {\"..a\": \"x\"}),", "MP0182", 2, 41),
        (
            "ConfigMap(metadata: (name: \"s\"), data: {\"a\": \"x\"}, binaryData: {\"a\": \"\"}),",
            "MP0182",
            2,
            65,
        ),
        ("ConfigMap(metadata: (name: \"s\"), binaryData: {\"a\": \"ñ\"}),", "MP0183", 2, 52),
        ("Secret(metadata: (name: \"s\"), data: {\"a\": \"Zg\"}),", "MP0183", 2, 43),
        ("Secret(metadata: (name: \"s\"), type: \"kubernetes.io/tls\"),", "MP0184", 2, 37),
        ("Pod(metadata: (name: \"q\"), spec: (containers: [(name: \"c\", image: \"i\")])),", "MP0180", 3, 1),
    ] {
        let errors = errors(&with_pod(inside));
        let place = errors.0[0].place.as_ref().unwrap();
        assert_eq!((errors.0[0].code, place.line, place.column), (code, line, column), "{errors}");
        assert_eq!(errors.0.len(), 1, "{errors}");
    }
    let many = with_pod(&"ConfigMap(metadata: (name: \"s\")),".repeat(500));
    assert_eq!(errors(&many).0[0].code, "MP0165");
}

#[test]
fn ningun_error_ensena_lo_que_guarda_un_secret() {
    let secrets = [
        "Secret(metadata: (name: \"s\"), data: {\"a\": \"hunter2\"}),",
        "Secret(metadata: (name: \"s\"), data: {\"a\": \"aHVudGVyMg==\", \"/\": \"hunter2\"}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": hunter2}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": 'hunter2'}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": [\"hunter2\"]}),",
        "Secret(metadata: (name: \"s\"), stringData: \"hunter2\"),",
        "Secret(metadata: (name: \"s\"), stringData: (a: \"hunter2\")),",
        "Secret(metadata: (name: \"S\"), stringData: {\"a\": \"hunter2\"}),",
        "Secret(metadata: (name: \"s\"), nada: 1, stringData: {\"a\": \"hunter2\"}),",
        "Secreto(metadata: (name: \"s\"), stringData: {\"a\": \"hunter2\"}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": \"hunter2}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": \"\\q hunter2\"}),",
        "Secret(metadata: (name: \"s\"), stringData: {\"a\": 2hunter2}),",
    ];
    for secret in secrets {
        for text in [with_pod(secret), secret.trim_end_matches(',').to_string()] {
            let shown = errors(&text).to_string();
            assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
        }
    }
    let shown =
        errors(&with_pod("Secret(metadata: (name: \"s\"), stringData: {\"pin\": 4321}),")).to_string();
    assert!(!shown.contains("4321"), "{shown}");
}

#[test]
fn en_una_lista_no_se_esconde_un_pod_mal_escrito() {
    let text = with_pod("").replace("image: \"i\"", "imagen: \"i\"");
    let error = &errors(&text).0[0];
    assert_eq!(error.field, "items[0].spec.containers[0].imagen");
    assert_eq!(error.code, "MP0101");
    let text = with_pod("").replace("name: \"c\"", "name: \"C\"");
    let error = &errors(&text).0[0];
    assert_eq!((error.code, error.field.as_str()), ("MP0130", "items[0].spec.containers[0].name"));
}

#[test]
fn una_variable_sale_de_un_solo_sitio_que_existe() {
    let from = |inside: &str| container(&format!("env: [(name: \"A\", valueFrom: ({inside}))],"));
    let place = |text: &str| {
        let errors = errors(text);
        let place = errors.0[0].place.as_ref().unwrap();
        assert_eq!(errors.0.len(), 1, "{errors}");
        (errors.0[0].code, place.column, errors.0[0].hint.clone().unwrap_or_default())
    };
    for (text, code, column, hint) in [
        (from(""), "MP0185", 19, "exactamente uno"),
        (
            from("fieldRef: (fieldPath: \"metadata.name\"), configMapKeyRef: (name: \"m\", key: \"k\")"),
            "MP0185",
            31,
            "exactamente uno",
        ),
        (
            container(
                "env: [(name: \"A\", value: \"x\", valueFrom: (fieldRef: (fieldPath: \"metadata.name\")))],",
            ),
            "MP0185",
            31,
            "uno de los dos",
        ),
        (from("fieldRef: (fieldPath: \"metadata.nane\")"), "MP0186", 53, "`metadata.name`"),
        (from("fieldRef: (fieldPath: \"status.podIp\")"), "MP0186", 53, "`status.podIP`"),
        (from("fieldRef: (fieldPath: \"spec.containers\")"), "MP0186", 53, "los que hay"),
        (from("fieldRef: (fieldPath: \"metadata.labels\")"), "MP0186", 53, "metadata.labels['app']"),
        (from("fieldRef: (fieldPath: \"metadata.labels['a b']\")"), "MP0160", 53, "dominio/nombre"),
        (from("fieldRef: (fieldPath: \"metadata.name\", apiVersion: \"v2\")"), "MP0186", 82, "v1"),
        (from("resourceFieldRef: (resource: \"limit.cpu\")"), "MP0187", 60, "`limits.cpu`"),
        (from("resourceFieldRef: (resource: \"limits.cpu\", divisor: \"1Mi\")"), "MP0187", 83, "1, 1m"),
        (from("resourceFieldRef: (resource: \"limits.memory\", divisor: \"1m\")"), "MP0187", 86, "1Mi"),
        (
            from("resourceFieldRef: (resource: \"limits.cpu\", containerName: \"d\")"),
            "MP0187",
            89,
            "los que hay: c",
        ),
        (from("configMapKeyRef: (name: \"M\", key: \"k\")"), "MP0130", 55, "`m`"),
        (from("secretKeyRef: (name: \"s\", key: \"a/b\")"), "MP0182", 62, ""),
        (container("envFrom: [(prefix: \"A\")],"), "MP0185", 11, "exactamente uno"),
        (container("envFrom: [(configMapRef: (name: \"m\"), secretRef: (name: \"m\"))],"), "MP0185", 39, ""),
        (container("envFrom: [(prefix: \"A=\", configMapRef: (name: \"m\"))],"), "MP0137", 20, ""),
    ] {
        let found = place(&text);
        assert_eq!((found.0, found.1), (code, column), "{text}");
        assert!(found.2.contains(hint), "{}: {}", hint, found.2);
    }
    for resource in ["limits.cpu", "requests.cpu"] {
        for divisor in ["1", "1m", "0"] {
            ok(&from(&format!("resourceFieldRef: (resource: \"{resource}\", divisor: \"{divisor}\")")));
        }
    }
    ok(&from("resourceFieldRef: (resource: \"requests.memory\", divisor: 1, containerName: \"c\")"));
}

#[test]
fn los_ficheros_de_un_volumen_tienen_ruta_permisos_y_un_solo_origen() {
    let volume = |inside: &str| spec(&format!("volumes: [(name: \"v\", {inside})],"));
    let items = |inside: &str| volume(&format!("configMap: (name: \"m\", items: [{inside}])"));
    let files = |inside: &str| volume(&format!("downwardAPI: (items: [{inside}])"));
    for (text, code, hint) in [
        (volume("configMap: (name: \"M\")"), "MP0130", "`m`"),
        (volume("secret: (secretName: \"s\", defaultMode: 644)"), "MP0188", "`0o644`"),
        (volume("secret: (secretName: \"s\", defaultMode: 0o1000)"), "MP0188", "de 0 a 0o777"),
        (volume("secret: (secretName: \"s\", defaultMode: -1)"), "MP0188", "de 0 a 0o777"),
        (volume("secret: (secretName: \"s\", defaultMode: 0400)"), "MP0189", "`0o400`"),
        (volume("emptyDir: (), secret: (secretName: \"s\")"), "MP0158", "`projected`"),
        (items("(key: \"a/b\", path: \"x\")"), "MP0182", ""),
        (items("(key: \"a\", path: \"\")"), "MP0188", "relativa"),
        (items("(key: \"a\", path: \"/x\")"), "MP0188", "relativa"),
        (items("(key: \"a\", path: \"x/../y\")"), "MP0188", "relativa"),
        (items("(key: \"a\", path: \"..x\")"), "MP0188", "relativa"),
        (items("(key: \"a\", path: \"x\", mode: 0o1777)"), "MP0188", "de 0 a 0o777"),
        (items("(key: \"a\", path: \"x\"), (key: \"b\", path: \"./x\")"), "MP0188", "distinta"),
        (items("(key: \"a\", path: \"x\"), (key: \"b\", path: \"x/y\")"), "MP0188", "distinta"),
        (items("(key: \"a\", path: \"x/y\"), (key: \"b\", path: \"x\")"), "MP0188", "distinta"),
        (files("(path: \"x\")"), "MP0188", "exactamente uno"),
        (files("(path: \"x\", fieldRef: (fieldPath: \"status.podIP\"))"), "MP0186", "los que hay"),
        (
            files("(path: \"x\", resourceFieldRef: (resource: \"limits.cpu\"))"),
            "MP0187",
            "containerName: \"c\"",
        ),
        (volume("projected: (sources: [()])"), "MP0188", "exactamente uno"),
        (
            volume(
                "projected: (sources: [(configMap: (name: \"m\", items: [(key: \"a\", path: \"x\")])), (secret: (name: \"m\", items: [(key: \"a\", path: \"x\")]))])",
            ),
            "MP0188",
            "distinta",
        ),
    ] {
        let errors = errors(&text);
        assert_eq!((errors.0.len(), errors.0[0].code), (1, code), "{errors}");
        assert!(errors.0[0].hint.as_deref().unwrap_or_default().contains(hint), "{errors}");
        assert!(errors.0[0].place.as_ref().unwrap().line == 5, "{errors}");
    }
    ok(&files(
        "(path: \"e/x\", fieldRef: (fieldPath: \"metadata.labels\"), mode: 0o400), (path: \"e/y\", fieldRef: (fieldPath: \"metadata.annotations['a']\"))",
    ));
    ok(&volume("secret: (secretName: \"s\", defaultMode: 256)"));
}
