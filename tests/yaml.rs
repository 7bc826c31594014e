//! YAML y JSON: los mismos objetos que RON, con los mismos errores y las trampas de YAML 1.1.

use micropod::spec::parse::{parse, parse_all, parse_with};
use micropod::spec::types::{IntOrString, Object, Pod};
use micropod::spec::{SpecErrors, Validation};
use std::time::Instant;

fn pod(file: &str, text: &str) -> Pod {
    parse(file, text).unwrap_or_else(|e| panic!("debía valer:\n{text}\n{e}"))
}

fn errors(file: &str, text: &str) -> SpecErrors {
    match parse_all(file, text).and_then(|manifest| manifest.runnable().map(|_| ())) {
        Ok(_) => panic!("debía fallar:\n{}", text.chars().take(2000).collect::<String>()),
        Err(errors) => errors,
    }
}

/// Un Pod con `inside` en su contenedor, a partir de la línea 9.
fn container(inside: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: i\n{inside}\n"
    )
}

const RON: &str = r#"Pod(
    metadata: (name: "web", labels: {"app": "web", "si": "yes"}, annotations: {"nota": "0644"}),
    spec: (
        restartPolicy: OnFailure,
        terminationGracePeriodSeconds: 5,
        containers: [(
            name: "web",
            image: "nginx:1.27",
            command: ["sh", "-c", "echo uno\necho dos\n"],
            ports: [(containerPort: 80, name: "http")],
            resources: (limits: (cpu: "500m", memory: "64Mi")),
            livenessProbe: (httpGet: (port: "http", path: "/")),
            readinessProbe: (tcpSocket: (port: 80)),
            volumeMounts: [(name: "datos", mountPath: "/srv", readOnly: true)],
        )],
        volumes: [(name: "datos", emptyDir: (medium: Memory)), (name: "otro", emptyDir: ())],
    ),
)"#;

const BLOCK: &str = r#"---
# un Pod
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, "si": 'yes'}
  annotations:
    nota: "0644"
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 0x5
  containers:
  - name: web
    image: nginx:1.27
    args:            # nada: como si no estuviera
    command:
      - sh
      - -c
      - |
        echo uno
        echo dos
    ports:
    - {containerPort: 80, name: http}
    resources: {limits: {cpu: 500m, memory: 64Mi}}
    livenessProbe:
      httpGet: {port: http, path: /}
    readinessProbe:
      tcpSocket:
        port: 80
    volumeMounts:
    - name: datos
      mountPath: /srv
      readOnly: yes
  volumes:
  - {name: datos, emptyDir: {medium: Memory}}
  - name: otro
    emptyDir: {}
...
"#;

const KYAML: &str = r#"---
{
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", labels: { app: "web", si: "yes", }, annotations: { nota: "0644", }, },
  spec: {
    restartPolicy: "OnFailure",
    terminationGracePeriodSeconds: 5,
    containers: [{
      name: "web",
      image: "nginx:1.27",
      command: [ "sh", "-c", "\
         echo uno\n\
         echo dos\n\
        ", ],
      ports: [{ containerPort: 80, name: "http", }],
      resources: { limits: { cpu: "500m", memory: "64Mi", }, },
      livenessProbe: { httpGet: { port: "http", path: "/", }, },
      readinessProbe: { tcpSocket: { port: 80, }, },
      volumeMounts: [{ name: "datos", mountPath: "/srv", readOnly: true, }],
    }],
    volumes: [{ name: "datos", emptyDir: { medium: "Memory", }, }, { name: "otro", emptyDir: {}, }],
  },
}
"#;

const JSON: &str = r#"{
  "kind": "Pod", "apiVersion": "v1",
  "metadata": {"name": "web", "labels": {"app": "web", "si": "yes"}, "annotations": {"nota": "06\u00344"}},
  "spec": {
    "restartPolicy": "OnFailure", "terminationGracePeriodSeconds": 5, "hostname": null,
    "containers": [{
      "name": "web", "image": "nginx:1.27", "command": ["sh", "-c", "echo uno\necho dos\n"],
      "ports": [{"containerPort": 80, "name": "http"}],
      "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}},
      "livenessProbe": {"httpGet": {"port": "http", "path": "\/"}},
      "readinessProbe": {"tcpSocket": {"port": 80}},
      "volumeMounts": [{"name": "datos", "mountPath": "/srv", "readOnly": true}]
    }],
    "volumes": [{"name": "datos", "emptyDir": {"medium": "Memory"}}, {"name": "otro", "emptyDir": {}}]
  }
}"#;

#[test]
fn el_mismo_pod_se_escribe_en_ron_yaml_kyaml_y_json() {
    let ron = pod("p.ron", RON);
    for (file, text) in [
        ("p.yaml", BLOCK),
        ("p.yml", KYAML),
        ("p.yaml", JSON),
        ("p.json", JSON),
        // sin nombre que lo diga, se mira cómo empieza
        ("entrada estándar", BLOCK),
        ("entrada estándar", KYAML),
        ("entrada estándar", JSON),
        ("entrada estándar", RON),
    ] {
        assert_eq!(pod(file, text), ron, "{file}\n{text}");
    }
}

#[test]
fn varios_documentos_y_listas_son_los_objetos_de_un_fichero() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: uno}\ndata: {a: b}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: dos}\nstringData: {a: b}\n";
    let pod = container("");
    let indent = |text: &str| format!("- {}\n", text.trim_end().replace('\n', "\n  "));
    let list = format!(
        "apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: \"\"}}\nitems:\n{}{}",
        indent(secret),
        indent(&pod)
    );
    for text in [
        format!("---\n{map}---\n{secret}---\n{pod}"),
        format!("{map}---\n# solo un comentario\n---\n{secret}...\n---\n{pod}---\n"),
        format!("{map}---\n{list}"),
    ] {
        let manifest = parse_all("p.yaml", &text).unwrap_or_else(|e| panic!("{text}\n{e}"));
        let kinds: Vec<&str> = manifest.objects.iter().map(Object::kind).collect();
        assert_eq!(kinds, ["ConfigMap", "Secret", "Pod"], "{text}");
        assert_eq!(manifest.into_pod().unwrap().config.secrets["dos"].string_data["a"].reveal(), "b");
    }
    // un error del segundo objeto se señala en el suyo, y su camino se cuenta desde él
    let broken = format!("{map}---\n{list}").replace("image: i", "image: ''");
    let found = errors("p.yaml", &broken);
    assert_eq!(found.0[0].place.as_ref().map(|p| p.line), Some(21), "{found}");
    assert_eq!(found.0[0].field, "items[1].spec.containers[0].image");
    assert_eq!(errors("p.yaml", &format!("{pod}---\n{pod}")).0[0].code, "MP0181");
}

#[test]
fn de_un_fichero_con_varios_pods_se_elige_uno_o_se_dejan_todos() {
    let pods = ["a", "b", "c", "d"].map(|name| container("").replace("name: p", &format!("name: {name}")));
    let all = || parse_all("p.yaml", &pods.join("---\n")).unwrap();
    assert_eq!(all().runnable().unwrap().len(), 4);
    let line = pods[0].lines().count() + 2;
    for refused in [all().in_foreground().unwrap_err(), all().into_pod().unwrap_err()] {
        let error = &refused.0[0];
        assert_eq!((error.code, error.place.as_ref().unwrap().line), ("MP0180", line), "{refused}");
        let hint = error.hint.as_deref().unwrap();
        assert!(hint.ends_with("di cuál: `--solo a`, `--solo b`, `--solo c`"), "{hint}");
    }
    let mut chosen = all();
    chosen.keep(Some("c")).unwrap();
    chosen.in_foreground().unwrap();
    assert_eq!(chosen.into_pod().unwrap().pod.metadata.name, "c");
    assert_eq!(all().keep(Some("z")).unwrap_err().0[0].code, "MP0180");
    // el repetido se señala en su nombre
    let twice = errors("p.yaml", &format!("{0}---\n{0}", pods[0]));
    let place = twice.0[0].place.as_ref().unwrap();
    assert_eq!(
        (twice.0[0].code, place.line, place.column),
        ("MP0181", pods[0].lines().count() + 5, 9),
        "{twice}"
    );
}

/// Cada caso: lo escrito, el código y dónde se señala (línea, columna, y lo subrayado).
fn check(file: &str, cases: &[(String, &str, usize, usize, &str)]) {
    let mut wrong = String::new();
    for (text, code, line, column, marked) in cases {
        let found = errors(file, text);
        let error = &found.0[0];
        let place = error.place.as_ref().unwrap_or_else(|| panic!("sin lugar: {found}"));
        let shown: String = place.text.chars().skip(place.column - 1).take(place.width).collect();
        let got = (error.code, place.line, place.column, shown.as_str());
        let expected = (*code, *line, *column, *marked);
        if got != expected {
            wrong += &format!(
                "\n{expected:?} y es {got:?}:\n{}",
                found.to_string().lines().take(7).collect::<Vec<_>>().join("\n")
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn cada_error_de_yaml_se_senala_donde_esta() {
    check(
        "p.yaml",
        &[
            // sintaxis
            (container("    tty: true\n      stdin: true"), "MP0210", 10, 12, ":"),
            (container("    command: [sh, -c"), "MP0210", 9, 14, "["),
            (container("\ttty: true"), "MP0210", 9, 1, "\t"),
            (container("    workingDir: a: b"), "MP0210", 9, 18, ":"),
            (container("    workingDir: \"/srv"), "MP0210", 9, 17, "\"/srv"),
            (container("    workingDir: \"C:\\dir\""), "MP0210", 9, 17, "\"C:\\dir\""),
            (container("    workingDir: @x"), "MP0210", 9, 17, "@x"),
            (container("    workingDir: *x"), "MP0210", 9, 17, "*x"),
            (container("    workingDir: !mio x"), "MP0213", 9, 17, "!mio x"),
            (container("    workingDir: !!int x"), "MP0213", 9, 17, "!!int x"),
            (container("    workingDir: &a [*a]"), "MP0213", 9, 21, "*a"),
            (container("    command: &a [x]\n    <<: *a"), "MP0213", 9, 14, "&a [x]"),
            (container("    {a: b}: c"), "MP0213", 9, 5, "{"),
            ("[".repeat(10_000), "MP0111", 1, 256, "["),
            ("{a: ".repeat(200), "MP0111", 1, 161, "{"),
            ("- ".repeat(200), "MP0111", 1, 81, "-"),
            // objetos
            ("hola".into(), "MP0113", 1, 1, "hola"),
            ("metadata: {name: a}\nkind: Pod\nspec: {containers: []}".into(), "MP0212", 2, 7, "Pod"),
            ("apiVersion: v1".into(), "MP0113", 1, 1, "apiVersion"),
            ("apiVersion: v1\nkind: [Pod]".into(), "MP0113", 2, 1, "kind"),
            ("apiVersion: v1\nkind: pod".into(), "MP0113", 2, 7, "pod"),
            ("apiVersion: apps/v1\nkind: Deployment".into(), "MP0113", 2, 7, "Deployment"),
            ("- apiVersion: v1\n  kind: Pod".into(), "MP0113", 1, 1, "-"),
            (container("").replace("v1", "v2"), "MP0212", 1, 13, "v2"),
            (container("").replace("v1", "1"), "MP0212", 1, 13, "1"),
            (container("kind: Pod"), "MP0105", 9, 1, "kind"),
            ("Pod(metadata: (name: \"a\"))".into(), "MP0114", 1, 1, "Pod(metadata: (name: \"a\"))"),
            // campos
            (container("    imagen: x"), "MP0101", 9, 5, "imagen"),
            (container("    \"imagen\": x"), "MP0101", 9, 5, "\"imagen\""),
            (container("    volumeDevices: []"), "MP0102", 9, 5, "volumeDevices"),
            (container("    restartPolicy: always"), "MP0107", 9, 20, "always"),
            (container("    volumes: []"), "MP0103", 9, 5, "volumes"),
            (container("    image: otra"), "MP0105", 9, 5, "image"),
            (container("    command: sh"), "MP0106", 9, 14, "sh"),
            (container("    ports:\n      containerPort: 80"), "MP0106", 9, 5, "ports"),
            (container("    ports: [{containerPort: \"80\"}]"), "MP0106", 9, 29, "\"80\""),
            (container("    ports: [null]"), "MP0106", 9, 13, "null"),
            (container("    resources: [x]"), "MP0106", 9, 5, "resources"),
            (container("    resources: {limits: {cpu: 1x}}"), "MP0108", 9, 31, "1x"),
            (container("    tty: \"yes\""), "MP0106", 9, 10, "\"yes\""),
            (container("    name: ~").replace("  - name: c", "  - tty: no"), "MP0104", 7, 5, "tty"),
            (container("").replace("name: p", "name: p\n  labels: {a: b, a: c}"), "MP0121", 5, 18, "a"),
            (container("").replace("name: p", "name: p\n  labels:\n    a:"), "MP0106", 6, 5, "a"),
            // reglas
            (container("").replace("name: p", "name: P"), "MP0130", 4, 9, "P"),
        ],
    );
}

#[test]
fn cada_error_de_json_se_senala_donde_esta_y_habla_de_json() {
    let object = |inside: &str| {
        format!(
            "{{\n\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {{\"containers\": [{{\"name\": \"c\", \"image\": \"i\"}}]}},\n{inside}\n}}"
        )
    };
    check(
        "p.json",
        &[
            (object("\"metadata\": {},"), "MP0211", 3, 15, ","),
            (object("\"metadata\": {\"name\": \"a\"} \"spec\": {}"), "MP0211", 3, 26, " "),
            (object("metadata: {}"), "MP0211", 3, 1, "metadata"),
            (object("\"metadata\" {}"), "MP0211", 3, 11, " "),
            (object("\"metadata\": {'name': 1}"), "MP0211", 3, 14, "'"),
            (object("\"metadata\": // x"), "MP0211", 3, 13, "/"),
            (object("\"a\": 0644"), "MP0211", 3, 6, "0644"),
            (object("\"a\": yes"), "MP0211", 3, 6, "yes"),
            (object("\"a\": \"x"), "MP0211", 3, 6, "\"x"),
            (object("\"a\": \"\\q\""), "MP0211", 3, 6, "\"\\q\""),
            ("{\"a\": [1, 2".into(), "MP0211", 1, 7, "["),
            ("{} {}".into(), "MP0211", 1, 4, "{"),
            ("[".repeat(10_000), "MP0111", 1, 41, "["),
            ("kind: Pod".into(), "MP0114", 1, 1, "kind: Pod"),
            (object("\"metadata\": {\"name\": 1}"), "MP0106", 3, 22, "1"),
            (object("\"metadata\": {\"nombre\": \"a\"}"), "MP0101", 3, 14, "\"nombre\""),
        ],
    );
    let said = errors("p.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}").to_string();
    assert!(said.contains("`\"spec\": {…}`"), "{said}");
}

#[test]
fn las_pistas_estan_escritas_en_el_lenguaje_del_fichero() {
    let text = container("    volumeMounts: [{name: v, mountPath: /v}]");
    let said = errors("p.yaml", &text).to_string();
    assert!(said.contains("`volumes: [{name: \"v\", emptyDir: {}}]`"), "{said}");
    let said = errors("p.yaml", &container("    livenessProbe: {periodSeconds: 3}")).to_string();
    assert!(said.contains("`httpGet: {port: 80}`"), "{said}");
    let said = errors("p.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}").to_string();
    assert!(said.contains("`Deployment` es un objeto de Kubernetes que micropod no crea"), "{said}");
    let hint = "copia su `template` en un `kind: ReplicaSet`; para uno, en un `kind: Pod`";
    assert!(said.contains(hint), "{said}");
    let json = r#"{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "a"}}"#;
    let said = errors("p.json", json).to_string();
    assert!(said.contains(r#"en un `"kind": "ReplicaSet"`; para uno, en un `"kind": "Pod"`"#), "{said}");
    let said = errors("p.yaml", &(container("") + "  dnsPolicy: None\n")).to_string();
    assert!(said.contains("`dnsConfig: {nameservers: [\"10.244.0.53\"]}`"), "{said}");
}

#[test]
fn una_comilla_sin_cerrar_se_senala_donde_se_abre() {
    let with = |line: &str| container(&format!("    {line}\n    tty: true\n    args: [\"a\", 'b']"));
    check(
        "p.yaml",
        &[
            (with("workingDir: \"/x"), "MP0210", 9, 17, "\"/x"),
            (with("workingDir: '/x"), "MP0210", 9, 17, "'/x"),
            (with("command: [\"a\", \"b]"), "MP0210", 9, 20, "\"b]"),
            (with("command: [a, \"it said \\\"x\\\"]"), "MP0210", 9, 18, "\"it said \\\"x\\\"]"),
            (container("    workingDir: \"/x"), "MP0210", 9, 17, "\"/x"),
            ("apiVersion: \"v1\n---\nkind: Pod\n".into(), "MP0210", 1, 13, "\"v1"),
            // la primera comilla que se encuentra después abría otro texto
            ("metadata: {name: \"p}\nspec: {nodeName: \"n\"}\n".into(), "MP0210", 1, 18, "\"p}"),
            // lo demás no es eso
            (with("workingDir: 'it's'"), "MP0210", 9, 21, "s'"),
            (with("workingDir: \"C:\\dir\""), "MP0210", 9, 17, "\"C:\\dir\""),
        ],
    );
    let said = errors("p.yaml", &with("workingDir: \"/x")).to_string();
    assert!(
        said.contains("este texto no se cierra") && said.contains("falta su comilla del final, `\"`"),
        "{said}"
    );
    let said = errors("p.yaml", &with("workingDir: \"C:\\dir\"")).to_string();
    assert!(said.contains("secuencia de escape"), "{said}");
}

#[test]
fn las_trampas_de_yaml_1_1_se_leen_como_en_kubernetes_o_se_senalan() {
    let text = container(
        "    tty: off\n    stdin: On\n    ports: [{containerPort: 0120}, {containerPort: 1e3}, {containerPort: 1_024}]\n    \
         args: [1:30, 2001-12-14, \"yes\", !!str 0644, ! on, '~', 1.27.3]\n    \
         livenessProbe: {httpGet: {port: 0x50}}\n    resources: {limits: {cpu: 1.0, memory: 1e9}}",
    );
    let pod = pod("p.yaml", &text);
    let c = &pod.spec.containers[0];
    assert!(!c.tty && c.stdin);
    assert_eq!(c.ports.iter().map(|p| p.container_port).collect::<Vec<_>>(), [80, 1000, 1024]);
    assert_eq!(c.args, ["1:30", "2001-12-14", "yes", "0644", "on", "~", "1.27.3"]);
    let port = c.liveness_probe.as_ref().and_then(|p| p.http_get.as_ref()).map(|h| h.port.clone());
    assert_eq!(port, Some(IntOrString::Int(80)));
    assert_eq!(c.resources.limits.memory.as_ref().map(ToString::to_string).as_deref(), Some("1000000000"));

    // donde va un texto, lo que YAML no lee como texto es un error que dice qué leyó
    for (written, read) in
        [("yes", "`true`"), ("0644", "420"), ("1e3", "1000"), ("12", "12"), ("n", "`false`")]
    {
        let found = errors("p.yaml", &container(&format!("    args: [{written}]")));
        let said = found.to_string();
        assert!(said.contains(read) && said.contains(&format!("`\"{written}\"`")), "{said}");
    }
    // y una clave que cambiaría de nombre, también; la que no cambia, vale
    let map = |key: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  {key}: \"1\"\n")
    };
    for key in ["on", "y", "n", "0644", "1e3", "~"] {
        assert_eq!(errors("p.yaml", &map(key)).0[0].code, "MP0214", "{key}");
    }
    for key in ["\"on\"", "8080", "a.b"] {
        parse_all("p.yaml", &map(key)).unwrap_or_else(|e| panic!("{key}: {e}"));
    }
}

#[test]
fn las_anclas_se_copian_y_una_bomba_de_referencias_no_explota() {
    let text = container("    env: &env\n    - {name: A, value: &v uno}\n    - {name: B, value: *v}")
        + "  - <<: &base {image: j, tty: true}\n    name: d\n    tty: false\n    env: *env\n";
    let pod = pod("p.yaml", &text);
    let [c, d] = pod.spec.containers.as_slice() else { panic!("{pod:?}") };
    assert_eq!(c.env[1].value, "uno");
    assert_eq!(d.env, c.env);
    assert_eq!((d.image.as_str(), d.tty, d.name.as_str()), ("j", false, "d"));

    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_string();
    for (name, inner) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{inner}"); 9].join(","));
    }
    let start = Instant::now();
    assert_eq!(errors("p.yaml", &bomb).0[0].code, "MP0213");
    // anclas unas dentro de otras también crecen
    let nested = format!("{}{}{}", "&x [".repeat(39), "y, ".repeat(20_000), "]".repeat(39));
    assert_eq!(errors("p.yaml", &nested).0[0].code, "MP0213");
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn cortado_por_cualquier_sitio_da_un_error_y_no_un_panico() {
    for (file, text) in [("p.yaml", BLOCK), ("p.yaml", KYAML), ("p.json", JSON)] {
        for i in (0..text.len()).filter(|&i| text.is_char_boundary(i)) {
            let cuts =
                [text[..i].to_string(), text[i..].to_string(), format!("{}ñ{}", &text[..i], &text[i..])];
            // el final, en todos los sitios; lo demás, en uno de cada ocho: analizar cuesta
            for text in cuts.into_iter().take(if i % 8 == 0 { 3 } else { 1 }) {
                if let Err(found) = parse_all(file, &text) {
                    let _ = found.to_string();
                }
            }
        }
    }
}

#[test]
fn ningun_error_ensena_lo_que_guarda_un_secret() {
    let secret = |data: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{data}\n");
    for data in [
        "stringData: {clave: s3cr3t0, otra: 12}",
        "stringData:\n  clave: s3cr3t0\n  clave: s3cr3t0",
        "stringData:\n  clave: s3cr3t0: x",
        "stringData:\n  clave: \"s3cr3t0\\q\"",
        "stringData:\n  clave: @s3cr3t0",
        "stringData:\n  clave: |\n  s3cr3t0\n   x: y",
        "stringData: s3cr3t0",
        "stringData: [s3cr3t0]",
        "data:\n  clave: s3cr3t0!",
    ] {
        let said = errors("p.yaml", &secret(data)).to_string();
        assert!(!said.contains("s3cr3t0"), "{data}\n{said}");
    }
    let json = "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"stringData\": {\"a\": s3cr3t0}}";
    let said = errors("p.json", json).to_string();
    assert!(!said.contains("s3cr3t0"), "{said}");
}

#[test]
fn lo_que_solo_importa_en_un_cluster_se_acepta_y_se_dice() {
    let text = container("").replace("name: p", "name: p\n  generation: 3")
        + "  nodeSelector: {disco: ssd}\n  serviceAccountName: web\nstatus: {phase: Running}\n";
    let manifest = parse_all("p.yaml", &text).unwrap_or_else(|e| panic!("{e}"));
    let said = "aviso: p.yaml: en una sola máquina no significan nada, y se aceptan sin hacer nada: \
                generation (línea 5), nodeSelector (línea 11), serviceAccountName (línea 12), status (línea 13)";
    assert_eq!(manifest.notes, [said]);
    assert_eq!(manifest.into_pod().unwrap().pod, pod("p.yaml", &container("")));
    let ron =
        "Pod(metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"i\")], nodeName: \"n1\"))";
    let manifest = parse_all("p.ron", ron).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(manifest.notes.len(), 1);
    assert!(manifest.notes[0].ends_with("no significa nada, y se acepta sin hacer nada: nodeName (línea 1)"));
    assert_eq!(manifest.into_pod().unwrap().pod, pod("p.yaml", &container("")));
}

#[test]
fn con_validate_warn_se_dice_cada_campo_que_no_se_hace_y_se_sigue_sin_el() {
    let yaml =
        container("    volumeDevices: []\n    nada: {de: [esto]}\n    stdin: true") + "  affinity: {}\n";
    let ron = "Pod(\nmetadata: (name: \"p\"),\nspec: (affinity: (), containers: [(\nname: \"c\", image: \"i\",\n\
               volumeDevices: [],\nnada: [(de: \"esto\")],\nstdin: true,\n)]))";
    let pods =
        [("p.yaml", yaml.as_str(), [9, 10, 12]), ("p.ron", ron, [5, 6, 3])].map(|(file, text, lines)| {
            let strict = parse_all(file, text).unwrap_err();
            assert_eq!(strict.0.len(), 3, "{strict}");
            let manifest = parse_with(file, text, Validation::Warn).unwrap_or_else(|e| panic!("{e}"));
            let notes = manifest.notes.join("\n");
            for (name, line) in ["volumeDevices", "nada", "affinity"].into_iter().zip(lines) {
                let start = format!("aviso: {file}:{line}: ");
                assert!(
                    manifest.notes.iter().any(|n| n.starts_with(&start) && n.contains(name)),
                    "{name} {line}\n{notes}"
                );
            }
            manifest.into_pod().unwrap().pod
        });
    assert!(pods[0].spec.containers[0].stdin);
    assert_eq!(pods[0], pods[1]);
    // también el valor que no se hace de un campo que sí
    let pull = yaml.replace("stdin: true", "imagePullPolicy: Always\n    stdin: true");
    let manifest = parse_with("p.yaml", &pull, Validation::Warn).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        manifest.notes.iter().any(|n| n.starts_with("aviso: p.yaml:11: `Always` pide")),
        "{:?}",
        manifest.notes
    );
    assert_eq!(manifest.into_pod().unwrap().pod, pods[0]);
    // lo que está mal escrito sigue siendo un error, y solo se cuenta eso
    let broken = yaml.replace("stdin: true", "stdin: 3");
    let found = parse_with("p.yaml", &broken, Validation::Warn).unwrap_err();
    assert_eq!(found.0.iter().map(|e| e.code).collect::<Vec<_>>(), ["MP0106"], "{found}");
    // ni se sigue sin lo que hace falta porque esté mal escrito
    let misspelt = yaml.replace("image: i", "imagen: i");
    let found = parse_with("p.yaml", &misspelt, Validation::Warn).unwrap_err();
    let lines: Vec<_> = found.0.iter().map(|e| (e.code, e.place.as_ref().unwrap().line)).collect();
    assert_eq!(lines, [("MP0104", 7)], "{found}");
    assert!(parse_all("p.yaml", &misspelt).unwrap_err().0.iter().all(|e| e.code != "MP0104"));
    // y una clave repetida, también: no se sabe cuál sobra
    let repeated = yaml.replace("stdin: true", "stdin: true\n    stdin: true");
    assert_eq!(parse_with("p.yaml", &repeated, Validation::Warn).unwrap_err().0[0].code, "MP0105");
}

#[test]
fn un_fichero_sin_nada_esta_vacio_en_cualquier_lenguaje() {
    for (file, text) in
        [("p.yaml", ""), ("p.yaml", "# nada\n---\n---\n"), ("p.json", " \n"), ("p.yaml", "---\n")]
    {
        assert_eq!(errors(file, text).0[0].code, "MP0116", "{text:?}");
    }
}
