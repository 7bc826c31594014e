//! Convertir no cambia nada: RON, YAML y JSON dicen lo mismo, y otros lectores de YAML también lo entienden.

mod common;

use micropod::cli::convert::changes;
use micropod::output::yaml::to_portable_yaml as to_yaml;
use micropod::spec::comments;
use micropod::spec::language::Language;
use micropod::spec::objects::KINDS;
use micropod::spec::parse::{options, parse_all};
use micropod::spec::schema::Field;
use micropod::spec::tree::Tree;
use micropod::spec::types::Object;
use micropod::spec::{structure, typed, write};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Un generador de números con semilla (xorshift): los mismos objetos en cada máquina.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    /// Un texto de los que dan guerra, o varios pegados.
    fn text(&mut self) -> String {
        let pieces = 1 + self.roll(2) * self.roll(3);
        (0..pieces).map(|_| self.pick(NASTY)).collect()
    }
}

const NASTY: &[&str] = &[
    "web",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "N",
    "true",
    "null",
    "~",
    "",
    "0644",
    "0o17",
    "0x1F",
    "1e3",
    "1_000",
    "-1",
    "+2",
    ".5",
    "1.",
    ".inf",
    ".NaN",
    "1:30",
    "190:20:30",
    "2001-12-14",
    "=",
    "<<",
    "-",
    "- a",
    "? a",
    ": ",
    "a: b",
    "a:b",
    "# no",
    "a # no",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "[a]",
    "{a}",
    ",",
    "'",
    "\"",
    "''",
    "\"#",
    "\\",
    "\\n",
    "a\\",
    " a",
    "a ",
    "  ",
    "\t",
    "a\tb",
    "\n",
    "a\n",
    "a\nb",
    "a\n\n",
    "\na",
    " a\n b\n",
    "a\n  b\n\n",
    "\r\n",
    "a\r",
    "ñ",
    "日本",
    "😀",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{feff}",
    "\u{2028}",
    "\u{1b}[31m",
    "---",
    "...",
    "--- a",
    "#!/bin/sh\nset -e\necho \"$1\"\n",
    "una línea bastante larga para que quien escribe YAML quiera partirla por algún espacio, que los hay de sobra en ella",
];

fn value(dice: &mut Dice, kind: &str, fields: &[Field], values: &[&str]) -> Value {
    match kind {
        kind if kind.starts_with("[]") => {
            (0..dice.roll(3)).map(|_| value(dice, &kind[2..], fields, values)).collect()
        }
        kind if kind.starts_with("map[") => {
            let pairs = (0..dice.roll(4)).map(|_| (dice.text(), Value::String(dice.text())));
            Value::Object(pairs.collect())
        }
        "integer" => json!([0_i64, 1, -1, 80, 420, 65_535, i64::MAX, i64::MIN][dice.roll(8)]),
        "boolean" => json!(dice.roll(2) == 1),
        "Quantity" => json!(dice.pick(&["500m", "64Mi", "1", "0.5", "1e3", "2k", "12G"])),
        "IntOrString" if dice.roll(2) == 1 => json!(dice.roll(70_000)),
        _ if !values.is_empty() => {
            let words: Vec<&str> = values.iter().copied().filter(|word| !word.is_empty()).collect();
            json!(dice.pick(&words))
        }
        _ if !fields.is_empty() => {
            let mut map = serde_json::Map::new();
            for field in fields {
                if field.required || dice.roll(4) == 0 {
                    let inside = value(dice, &(field.kind)(), (field.fields)(), (field.values)());
                    map.insert(field.name(), inside);
                }
            }
            Value::Object(map)
        }
        // un tipo sin campos
        kind if kind != "string" && kind != "IntOrString" => json!({}),
        _ => json!(dice.text()),
    }
}

/// Un objeto cualquiera que quepa en los tipos; no tiene por qué cumplir las reglas.
fn object(dice: &mut Dice) -> Object {
    let kinds: Vec<_> = KINDS.iter().filter(|kind| kind.name != "List").collect();
    let kind = kinds[dice.roll(kinds.len())];
    let inside = value(dice, kind.name, (kind.fields)(), &[]);
    let tagged = Value::Object([(kind.name.to_string(), inside)].into_iter().collect());
    serde_json::from_value(tagged.clone()).unwrap_or_else(|e| panic!("{e}: {tagged:#}"))
}

fn say(language: Language, objects: &[Object]) -> String {
    match language {
        Language::Ron => write::ron(objects),
        Language::Json => format!("{:#}\n", write::kubernetes_list(objects)),
        Language::Yaml => {
            objects.iter().map(|o| to_yaml(&write::kubernetes(o))).collect::<Vec<_>>().join("---\n")
        }
    }
}

fn read(language: Language, text: &str) -> Vec<Object> {
    let tree = Tree::read(language, text);
    assert!(tree.fault.is_none(), "{:?}\n{text}", tree.fault);
    // `imagePullPolicy: Always` se entiende, y no se hace
    let found: Vec<_> = structure::check(text, &tree).into_iter().filter(|f| f.code != "MP0230").collect();
    assert!(found.is_empty(), "{found:?}\n{text}");
    let roots = typed::read(text, &tree, &[]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let open = |(_, object)| match object {
        Object::List(list) => list.items,
        one => vec![one],
    };
    roots.into_iter().flat_map(open).collect()
}

const LANGUAGES: [Language; 3] = [Language::Ron, Language::Yaml, Language::Json];

#[test]
fn lo_que_se_escribe_en_cualquier_lenguaje_se_lee_igual() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    for _ in 0..120 {
        let objects: Vec<Object> = (0..1 + dice.roll(2)).map(|_| object(&mut dice)).collect();
        for language in LANGUAGES {
            let text = say(language, &objects);
            assert_eq!(read(language, &text), objects, "{}:\n{text}", language.name());
        }
        // y que sea RON lo decide su biblioteca
        let text = write::ron(&objects);
        options().from_str::<IgnoredAny>(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    }
}

/// Manifiestos como los que se encuentran por ahí.
const REAL: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: nginx-php\n  labels: {app: web, tier: \"1\"}\nspec:\n  containers:\n  - name: nginx\n    \
     image: nginx:1.27\n    ports:\n    - containerPort: 80\n      hostPort: 8080\n    volumeMounts:\n    - {name: html, mountPath: /srv, readOnly: true}\n  \
     - name: php\n    image: php:8-fpm\n    command: [sh, -c]\n    args:\n    - |\n      set -e\n      exec php-fpm -F\n    env:\n    - name: \"ON\"\n      value: \"yes\"\n    \
     resources:\n      requests: {cpu: 100m}\n      limits: {cpu: 500m, memory: 64Mi}\n    livenessProbe:\n      tcpSocket: {port: 9000}\n      periodSeconds: 5\n  \
     volumes:\n  - name: html\n    hostPath: {path: /srv/html, type: Directory}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  \"on\": \"0644\"\n  app.conf: |\n    listen = 80\n\n    debug = yes\n---\n\
     apiVersion: v1\nkind: Secret\nmetadata: {name: clave}\ntype: Opaque\ndata: {a: aG9sYQ==}\n---\n\
     apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n  initContainers:\n  - {name: i, image: busybox, command: [\"true\"]}\n  containers:\n  \
     - name: c\n    image: busybox\n    envFrom:\n    - configMapRef: {name: conf}\n    securityContext:\n      capabilities: {drop: [ALL]}\n      runAsUser: 1000\n",
    "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: rs}\nspec:\n  replicas: 2\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    \
     spec:\n      containers:\n      - {name: c, image: nginx}\n",
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: copia}\nspec:\n  schedule: \"*/5 * * * *\"\n  jobTemplate:\n    spec:\n      backoffLimit: 3\n      template:\n        spec:\n          \
     restartPolicy: Never\n          containers:\n          - {name: c, image: busybox, command: [date]}\n",
];

#[test]
fn un_manifiesto_de_verdad_va_y_vuelve_por_los_tres_lenguajes() {
    for manifest in REAL {
        let first = parse_all("m.yaml", manifest).unwrap_or_else(|e| panic!("{manifest}\n{e}")).objects;
        let yaml = say(Language::Yaml, &first);
        for language in LANGUAGES {
            let text = say(language, &first);
            let file = format!("m.{}", language.extension());
            let again = parse_all(&file, &text).unwrap_or_else(|e| panic!("{text}\n{e}")).objects;
            assert_eq!(again, first, "{text}");
            assert_eq!(say(Language::Yaml, &again), yaml);
            assert_eq!(say(language, &again), text);
        }
    }
}

#[test]
fn el_ron_que_se_escribe_es_el_que_escribiria_una_persona() {
    let objects = parse_all("m.yaml", REAL[0]).unwrap().objects;
    let text = say(Language::Ron, &objects);
    for piece in [
        "Pod(\n    metadata: (name: \"nginx-php\", labels: {\"app\": \"web\", \"tier\": \"1\"}),\n    spec: (\n        containers: [\n",
        "args: [\n                    r\"set -e\nexec php-fpm -F\n\",\n                ],",
        "ports: [(containerPort: 80, hostPort: 8080)],",
        "volumes: [(name: \"html\", hostPath: (path: \"/srv/html\", type: Directory))],",
    ] {
        assert!(text.contains(piece), "{piece}\n{text}");
    }
}

/// Lo que dice un programa de fuera al darle `input`; `None` si no está.
fn ask(program: &str, args: &[&str], input: &str) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let done = child.wait_with_output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    Some((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn lo_que_cambia_en_un_cluster_se_dice_nombre_a_nombre() {
    let text = "Pod(metadata: (name: \"p\"), spec: (resources: (limits: (pids: 100)), volumes: [\
        (name: \"a\", hostPath: (path: \"datos\")), (name: \"b\", hostPath: (path: \"/srv\"))], containers: [\
        (name: \"c\", image: \"host\", ports: [(containerPort: 80, hostPort: 8080)]),\
        (name: \"d\", image: \"nginx\", securityContext: (allowPrivilegeEscalation: false))]))";
    let said = changes(&parse_all("p.ron", text).unwrap().objects).join("\n");
    for piece in [
        "las imágenes (`nginx`)",
        "la imagen `host` es la raíz",
        "hostPath (`/srv`) es de cada nodo",
        "hostPath (`datos`) es una ruta relativa",
        "hostPort (`8080`)",
        "el límite de pids de `p`",
        "allowPrivilegeEscalation no está escrito en `c`:",
    ] {
        assert!(said.contains(piece), "{piece}\n{said}");
    }
    let quiet = "ConfigMap(metadata: (name: \"c\"), data: {\"a\": \"b\"})";
    assert!(changes(&parse_all("c.ron", quiet).unwrap().objects).is_empty());
}

#[test]
fn se_sabe_cuantos_comentarios_hay_y_en_json_se_quedan_todos() {
    let ron =
        "Pod(metadata: (name: \"p\"), spec: (containers: [(name: \"c\", image: \"i\", args: [\"// no\"])]))";
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: \"# no\"\n  b: |\n    # tampoco\n  c: x#y\n  d: x#\n";
    for (file, text, lines) in [
        ("p.ron", ron.to_string(), vec![]),
        ("p.ron", format!("// sí\n{ron}"), vec![1]),
        ("p.ron", ron.replace("spec:", "/* sí /* // */ */ spec:"), vec![1]),
        ("p.yaml", yaml.to_string(), vec![]),
        ("p.yaml", format!("{yaml}# sí # y nada más\n"), vec![10]),
        ("p.yaml", yaml.replace("{name: c}", "{name: c} # sí"), vec![3]),
        // detrás de unas comillas, también
        ("p.yaml", yaml.replace("\"# no\"", "\"\\\"# no\" # sí"), vec![5]),
        ("p.yaml", yaml.replace("\"# no\"", "'''# no' # sí"), vec![5]),
    ] {
        let manifest = parse_all(file, &text).unwrap();
        let json = say(Language::Json, &manifest.objects);
        assert_eq!(comments::carry(&manifest, Language::Json, json.clone()), (json, lines), "{text}");
    }
}

/// El fichero convertido, con sus comentarios, y las líneas de los que no pasan.
fn carried(file: &str, text: &str, language: Language) -> (String, Vec<usize>) {
    let manifest = parse_all(file, text).unwrap_or_else(|e| panic!("{text}\n{e}"));
    let bare = say(language, &manifest.objects);
    comments::carry(&manifest, language, bare)
}

const COMMENTED: &str = r##"// Un Pod,
//
//     micropod run p.ron
Pod(
    metadata: (name: "p"), // su nombre
    /* dos
     * líneas */
    spec: (
        // es lo de fábrica, y no se escribe
        restartPolicy: Always,
        containers: [ // los que son
            // el primero
            (
                name: "c", /* y sigue */ image: "busybox",
                // lo que ejecuta
                command: ["sh", "-c", r"echo // no
# tampoco"], // un guion
            ), // aquí acaba
            // (name: "d", image: "busybox"),
        ],
    ),
    // nada más
)
// fin
"##;

#[test]
fn los_comentarios_pasan_a_su_sitio_y_se_dice_cuales_no_lo_tienen() {
    let (yaml, lost) = carried("p.ron", COMMENTED, Language::Yaml);
    assert_eq!(lost, [9]);
    let expected = "# Un Pod,
#
#     micropod run p.ron
apiVersion: v1
kind: Pod
metadata: # su nombre
  name: p
# dos
# líneas
spec:
  containers: # los que son
  # el primero
  # lo que ejecuta
  - command:
    - sh
    - \"-c\"
    - |-
      echo // no
      # tampoco
    # un guion
    image: busybox
    name: c # y sigue
  # aquí acaba
  # (name: \"d\", image: \"busybox\"),
# nada más
# fin
";
    assert_eq!(yaml, expected);
    let (ron, lost) = carried("p.yaml", &yaml, Language::Ron);
    assert!(lost.is_empty(), "{lost:?}");
    for piece in
        ["// Un Pod,\n//\n//     micropod run p.ron\nPod(", "metadata: (name: \"p\"), // su nombre\n"]
    {
        assert!(ron.contains(piece), "{ron}");
    }
}

#[test]
fn con_comentarios_en_cualquier_linea_se_convierte_lo_mismo() {
    let (mut tried, mut dice) = (0, Dice(0xc0de_cafe_1357_9bdf));
    let manifests = &REAL[..2];
    for (round, manifest) in manifests.iter().cycle().take(2 * manifests.len()).enumerate() {
        let objects = parse_all("m.yaml", manifest).unwrap().objects;
        let from = [Language::Ron, Language::Yaml][round / manifests.len()];
        let (file, mark) =
            (format!("p.{}", from.extension()), if from == Language::Ron { "//" } else { "#" });
        let text = say(from, &objects);
        for (n, line) in text.lines().enumerate() {
            // la sangría puede ser cualquiera
            let margin = " ".repeat(dice.roll(12));
            for piece in [format!("{margin}{mark} aquí\n{line}"), format!("{line} {mark} aquí")] {
                let mut lines: Vec<&str> = text.lines().collect();
                lines[n] = &piece;
                let commented = lines.join("\n") + "\n";
                // dentro de un texto no es un comentario
                if parse_all(&file, &commented).is_ok_and(|read| read.objects == objects) {
                    for to in [Language::Ron, Language::Yaml] {
                        let (out, lost) = carried(&file, &commented, to);
                        assert_eq!((out.matches("aquí").count(), lost.len()), (1, 0), "{commented}\n{out}");
                        assert_eq!(read(to, &out), objects, "{commented}\n{out}");
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 400, "{tried}");
}

#[test]
fn otro_lector_de_yaml_1_1_lee_lo_mismo() {
    let script =
        "import json,sys,yaml\nprint(json.dumps(list(yaml.safe_load_all(sys.stdin.buffer.read().decode()))))";
    match ask("python3", &["-c", "import yaml"], "") {
        Some((true, _)) => {}
        _ => return common::omitted("no está PyYAML (python3-yaml), que es un lector de YAML 1.1"),
    }
    let mut dice = Dice(0xfeed_beef_1234_5671);
    let objects: Vec<Object> = (0..150).map(|_| object(&mut dice)).collect();
    let yaml = say(Language::Yaml, &objects);
    let (ok, said) = ask("python3", &["-c", script], &yaml).unwrap();
    assert!(ok, "{said}");
    let seen: Vec<Value> = serde_json::from_str(&said).unwrap();
    assert_eq!(seen.len(), objects.len());
    for (seen, object) in seen.iter().zip(&objects) {
        assert_eq!(*seen, write::kubernetes(object), "{}", to_yaml(&write::kubernetes(object)));
    }
}

/// El validador de manifiestos, si `tools/prepara kubernetes` pudo instalarlo.
fn validator() -> Option<PathBuf> {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let cache =
        std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map_or_else(home, PathBuf::from);
    let path = cache.join("micropod/kubernetes-validate/bin/kubernetes-validate");
    if !path.exists() {
        common::omitted("no está kubernetes-validate, que es de PyPI (tools/prepara kubernetes)");
    }
    path.exists().then_some(path)
}

/// Lo que dicen de unos manifiestos los esquemas que publica Kubernetes, sin dejar pasar ningún campo de más.
fn judge(validator: &Path, manifests: &[(String, String)]) -> (bool, String) {
    let own = format!("{}-{:?}", std::process::id(), std::thread::current().id());
    let dir = std::env::temp_dir().join(format!("micropod-valida-{own}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let files = manifests.iter().map(|(name, yaml)| {
        let path = dir.join(name.replace('/', "_") + ".yaml");
        fs::write(&path, yaml).unwrap();
        path.to_str().unwrap().to_string()
    });
    let files: Vec<String> = files.collect();
    let mut args = vec!["--strict", "--no-warn", "--quiet", "--kubernetes-version", KUBERNETES];
    args.extend(files.iter().map(String::as_str));
    let judged = ask(validator.to_str().unwrap(), &args, "").unwrap();
    fs::remove_dir_all(&dir).unwrap();
    judged
}

/// La primera con todos los campos que conoce micropod.
const KUBERNETES: &str = "1.34";

/// Los ficheros `.ron` de un directorio y de los que hay dentro.
fn rons(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => rons(&path),
            false => Vec::from_iter(path.extension().is_some_and(|ext| ext == "ron").then_some(path)),
        })
        .collect()
}

#[test]
fn lo_que_se_exporta_cumple_los_esquemas_de_kubernetes() {
    let Some(validator) = validator() else { return };
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut manifests = Vec::new();
    for path in ["labs", "book/specs"].iter().flat_map(|dir| rons(&project.join(dir))) {
        let text = fs::read_to_string(&path).unwrap().replace("{{sufijo}}", "x");
        // no todos son objetos: hay pruebas y fichas de laboratorios, y faltas puestas a propósito
        let Ok(loaded) = parse_all("p.ron", &text) else { continue };
        let name = path.strip_prefix(project).unwrap().to_str().unwrap().to_string();
        manifests.push((name, say(Language::Yaml, &loaded.objects)));
    }
    assert!(manifests.len() > 60, "{}", manifests.len());
    let mut dice = Dice(0x0dd_ba11_cafe_f00d);
    let objects: Vec<Object> = (0..80).map(|_| object(&mut dice)).collect();
    manifests.push(("al-azar".into(), say(Language::Yaml, &objects)));
    let (ok, said) = judge(&validator, &manifests);
    assert!(ok, "{said}");
}

#[test]
fn lo_que_no_cumple_los_esquemas_de_kubernetes_se_descubre() {
    let Some(validator) = validator() else { return };
    let good = say(Language::Yaml, &parse_all("m.yaml", REAL[0]).unwrap().objects);
    assert!(judge(&validator, &[("bien".into(), good.clone())]).0);
    for (from, to) in [("image: nginx", "imagen: nginx"), ("containerPort: 80", "containerPort: ochenta")] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        let (ok, said) = judge(&validator, &[("bien".into(), good.clone()), ("mal".into(), bad)]);
        assert!(!ok && said.contains("mal.yaml"), "{said}");
    }
}
