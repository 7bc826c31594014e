//! Lo que imprimen los verbos, comparado byte a byte con lo que imprime kubectl.

mod kubectl;

use kubectl::Api;
use micropod::output::jsonpath::JsonPath;
use micropod::output::time::Now;
use micropod::output::{self, describe, json, yaml};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Números al azar, siempre los mismos.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Los que YAML podría entender de otra manera, uno a uno.
const FIXED: &[&str] = &[
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    " a",
    "a ",
    "a\n b",
    " a\nb",
    "a \nb",
    "a\n\nb\n",
    "a: b",
    "a:b",
    "a:",
    ":a",
    "- a",
    "-a",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "# a",
    "a #b",
    "a#b",
    "?",
    "? a",
    "?a",
    "[a]",
    "{a}",
    "a,b",
    ",a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "'",
    "''",
    "it's",
    "\"",
    "a\"b",
    "%a",
    "@a",
    "`a",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "N",
    "true",
    "False",
    "null",
    "~",
    "Null",
    "nULL",
    ".nan",
    ".inf",
    "-.INF",
    "<<",
    "=",
    "0",
    "-0",
    "+1",
    "1_000",
    "0x1F",
    "0b101",
    "0b2",
    "0o17",
    "017",
    "089",
    "1.5",
    "1.",
    ".5",
    "-.5e3",
    "1e3",
    "1e",
    "e3",
    "+",
    ".",
    "-.",
    "1:30",
    "190:20:30",
    "1:60",
    "-1:30.5",
    "1:3:",
    "2026-11-23",
    "2026-1-3",
    "2026-13-01",
    "2026-11-23T16:10:03Z",
    "2026-11-23t16:10:03.5+01:00",
    "2026-11-23 16:10:03",
    "2026-11-23T16:10",
    "99999999999999999999",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1__0",
    "_1",
    "0x",
    "0xg",
    "0_",
    "tab\ta",
    "\u{1b}[31m",
    "á é ñ",
    "😀",
    "\u{a0}",
    "\u{2028}",
    "a\rb",
    "a\u{0}b",
    "$HOME",
    "C:\\dir",
    "a\\nb",
    "{{x}}",
    "<a>&b",
];

/// Textos con mala idea: los que YAML podría entender de otra manera, y mezclas al azar.
fn nasty() -> Vec<String> {
    let mut all: Vec<String> = FIXED.iter().map(|text| text.to_string()).collect();
    let pieces = [
        " ",
        " ",
        " ",
        "  ",
        "\n",
        "a",
        "palabra",
        "12",
        ":",
        "-",
        "#",
        "'",
        "\"",
        ",",
        "[",
        "}",
        "\t",
        "é",
        "😀",
        ".",
        "_",
        "0",
        "x",
        "T",
        "Z",
        "una-palabra-bastante-larga",
        "\\",
        "%",
        "!",
        "yes",
        "~",
        "e",
        "+",
    ];
    let mut dice = Dice(7);
    for i in 0..1500 {
        let length = if i % 3 == 0 { 1 + dice.roll(4) } else { 1 + dice.roll(60) };
        all.push((0..length).map(|_| pieces[dice.roll(pieces.len())]).collect());
    }
    all
}

fn pod_with(annotations: serde_json::Map<String, Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default", "annotations": annotations},
           "spec": {"containers": []}, "status": {}})
}

/// Lo guardado en `tests/kubectl/NOMBRE` es lo que imprime kubectl 1.33: ha de ser lo nuestro y, si
/// aquí hay kubectl, lo suyo. Con `MICROPOD_GRABA=1` se graba otra vez.
#[track_caller]
fn golden(name: &str, ours: &str, theirs: Option<String>) {
    if let Some(theirs) = &theirs {
        if std::env::var_os("MICROPOD_GRABA").is_some() {
            std::fs::write(saved(name), theirs).unwrap();
        }
        assert_same(&read(name), theirs);
    }
    assert_same(ours, &read(name));
}

#[test]
fn el_yaml_y_el_json_son_los_de_kubectl() {
    let program = kubectl::find();
    let odd: Vec<String> = nasty().into_iter().take(FIXED.len()).collect();
    let odd = pod_with(odd.iter().enumerate().map(|(i, text)| (format!("k{i:03}"), json!(text))).collect());
    for (name, pod) in
        [("nginx-php", fixture("nginx-php.json")), ("todo", fixture("todo.json")), ("raros", odd)]
    {
        let said = |format: &str| {
            let api = Api::serve(program.clone()?, vec![pod.clone()], Vec::new());
            Some(api.out(&["get", "pod", pod["metadata"]["name"].as_str()?, "-o", format]))
        };
        golden(&format!("{name}.yaml"), &yaml::to_yaml(&pod), said("yaml"));
        if name == "raros" {
            golden("raros.json", &json::pretty(&pod), said("json"));
        }
    }
}

#[test]
fn el_yaml_y_el_json_son_los_de_kubectl_con_textos_al_azar() {
    let Some(program) = kubectl::find() else { return };
    let as_values = nasty().into_iter().enumerate().map(|(i, text)| (format!("k{i:05}"), json!(text)));
    // las claves, como las admite Kubernetes: con textos cualesquiera, el orden de kubectl no es ni un orden
    let mut dice = Dice(11);
    let parts = ["a", "B", "z", "1-", "9.", "23/", "-", ".", "/", "_", "ejemplo.org"];
    let as_keys = (0..500).map(|i| {
        let key: String = (0..1 + dice.roll(8)).map(|_| parts[dice.roll(parts.len())]).collect();
        (key, json!(i.to_string()))
    });
    let pod = pod_with(as_values.chain(as_keys).collect());
    let api = Api::serve(program, vec![pod.clone()], Vec::new());
    assert_same(&json::pretty(&pod), &api.out(&["get", "pod", "p", "-o", "json"]));
    assert_same(&yaml::to_yaml(&pod), &api.out(&["get", "pod", "p", "-o", "yaml"]));
}

/// Como `assert_eq`, pero enseña solo dónde empieza la diferencia.
#[track_caller]
fn assert_same(ours: &str, theirs: &str) {
    if ours == theirs {
        return;
    }
    let mut lines = ours.lines().zip(theirs.lines()).enumerate();
    let (n, (our, their)) = lines.find(|(_, (a, b))| a != b).unwrap_or((0, ("(más corto)", "(más largo)")));
    panic!("línea {}:\n  micropod {our:?}\n  kubectl  {their:?}", n + 1);
}

/// Plantillas que kubectl entiende, y que han de imprimir lo mismo.
const TEMPLATES: &[&str] = &[
    "{.items[0].metadata.name}",
    "{.items[*].metadata.name}",
    "{.items[*].spec.containers[*].image}",
    "{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{\"\\n\"}{end}",
    "{range .items[*]}{.metadata.name}: {range .spec.containers[*]}{.name}={.image} {end}{\"\\n\"}{end}fin",
    "{range .nada[*]}x{end}y",
    "texto suelto {.items[0].kind} y más",
    "{.items[0].metadata.labels.app}",
    "{.items[0].metadata.labels}",
    "{.items[0].metadata.labels.app\\.kubernetes\\.io/name}",
    "{.items[0].metadata.labels['app']}",
    "{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}",
    "{.items[0]['metadata','spec']['name','nodeName']}",
    "{.items[0].status.conditions[?(@.type==\"Ready\")].status}",
    "{.items[0].status.conditions[?(@.type=='Ready')].status}",
    "{.items[0].status.conditions[?(@.type!=\"Ready\")].type}",
    "{.items[*].status.containerStatuses[?(@.restartCount>0)].name}",
    "{.items[*].status.containerStatuses[?(@.restartCount>=0)].name}",
    "{.items[*].status.containerStatuses[?(@.restartCount<4)].name}",
    "{.items[*].status.containerStatuses[?(@.ready==true)].name}",
    "{.items[*].status.containerStatuses[?(@.state.waiting)].name}",
    "{.items[?(@.metadata.name==\"nginx-php\")].status.podIP}",
    "{.items[0].spec.containers[-1].name}",
    "{.items[0].spec.containers[0:1].name}",
    "{.items[0].spec.containers[0:2].name}",
    "{.items[0].spec.containers[:1].name}",
    "{.items[0].spec.containers[1:].name}",
    "{.items[0].spec.containers[::2].name}",
    "{.items[0].spec.containers[0,1].name}",
    "{.items[0].spec.containers[-2:-1].name}",
    "{.items[0].spec.containers[1:1].name}",
    "{.items[0].spec.containers[0].ports}",
    "{.items[0].spec.containers[0].ports[0].containerPort}",
    "{..containerPort}",
    "{.items[0].status.containerStatuses[*].ready}",
    "{.items[0].nada}",
    "{.items[0].nada.mas}",
    "{.items[0].metadata.name.nada}",
    "{.items[0].spec.containers[0].resources.limits}",
    "{.items[0].spec.containers[*].resources.limits.cpu}",
    "{$.items[0].kind}",
    "{@.items[0].kind}",
    "{ .items[0].kind }",
    "{.items[0].metadata.annotations}",
    "{\"á\\u00e9\\x41\"}",
    "{.items[0].spec.tolerations[0].tolerationSeconds}",
    "{12}{true}{-3}",
    "{.kind}{.apiVersion}",
    "{}",
];

/// Las que kubectl rechaza, y por qué.
const WRONG: &[(&str, &str)] = &[
    ("{.items[", "unterminated array"),
    ("{.items", "unclosed action"),
    ("{.items[a]}", "invalid array index a"),
    ("{.items[?(@.x==\"y\")}", "unclosed array expect ]"),
    ("{.items[?(@.x==\"y\"}", "unterminated filter"),
    ("{end}", "not in range, nothing to end"),
    ("{foo}", "unrecognized identifier foo"),
    ("{&}", "unrecognized character in action: U+0026 '&'"),
    ("{.items[7].x}", "array index out of bounds: index 7, length 1"),
    ("{.items[-2].x}", "array index out of bounds: index -1, length 1"),
    ("{.items[0].spec.containers[0:9].x}", "array index out of bounds: index 8, length 2"),
    ("{.items[0].metadata.name[0]}", " is not array or slice"),
    ("{.items[0].metadata[?(@.a==1)]}", "is not array or slice and cannot be filtered"),
    ("{.items[*].status.containerStatuses[?(@.name>1)]}", "incompatible types for comparison"),
    ("{\"abc}", "unterminated quoted string"),
];

fn saved(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubectl").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(saved(name)).unwrap_or_default()
}

fn fixture(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

fn events() -> Vec<Value> {
    serde_json::from_value(fixture("sucesos.json")).unwrap()
}

/// El momento en que se grabaron las salidas de kubectl que se guardan: 2026-11-23T16:16:37Z.
fn then() -> Now {
    Now { at: UNIX_EPOCH + Duration::from_secs(1_795_450_597), zone: |_| 0 }
}

#[test]
fn la_ficha_es_byte_a_byte_la_de_kubectl() {
    for (name, events) in [("nginx-php", events()), ("todo", vec![]), ("nada", vec![])] {
        let pod = fixture(&format!("{name}.json"));
        assert_same(&describe::pod(&pod, &events, &then()), &read(&format!("{name}.txt")));
    }
}

/// Los mismos sucesos en el orden en que los enseña kubectl.
fn sorted(mut events: Vec<Value>) -> Vec<Value> {
    events.sort_by_key(|event| event["lastTimestamp"].as_str().unwrap().to_string());
    events
}

#[test]
fn la_tabla_de_sucesos_es_la_de_kubectl() {
    let ours = |now: &Now| output::events::table(&sorted(events()), now, "Pod", true, false);
    golden("sucesos.txt", &ours(&then()), None);
    let Some(program) = kubectl::find() else { return };
    let api = Api::serve(program, vec![fixture("nginx-php.json")], events());
    assert_same(&ours(&Now { at: SystemTime::now(), zone: |_| 0 }), &api.out(&["events"]));
}

#[test]
fn el_kubectl_de_esta_maquina_imprime_las_mismas_fichas() {
    let Some(program) = kubectl::find() else { return };
    for (name, events) in [("todo", vec![]), ("nada", vec![]), ("nginx-php", events())] {
        let pod = fixture(&format!("{name}.json"));
        let api = Api::serve(program.clone(), vec![pod.clone()], events.clone());
        let now = Now { at: SystemTime::now(), zone: |_| 0 };
        assert_same(&describe::pod(&pod, &events, &now), &api.out(&["describe", "pod", name]));
    }
}

#[test]
fn jsonpath_imprime_lo_mismo_que_kubectl() {
    let mut pod = fixture("nginx-php.json");
    pod["metadata"]["labels"]["app.kubernetes.io/name"] = json!("tienda");
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [pod], "metadata": {"resourceVersion": ""}});
    let api = kubectl::find().map(|program| Api::serve(program, vec![pod], Vec::new()));
    let ours = |template: &str| JsonPath::parse(template).and_then(|path| path.print(&list));
    let each: String = TEMPLATES.iter().map(|t| format!("{t}\n{}\n", ours(t).unwrap())).collect();
    let format = |template: &str| format!("jsonpath={template}");
    let theirs = api.as_ref().map(|api| {
        let said = |t: &&str| format!("{t}\n{}\n", api.out(&["get", "pods", "-o", &format(t)]));
        TEMPLATES.iter().map(said).collect()
    });
    golden("jsonpath.txt", &each, theirs);
    for (template, why) in WRONG {
        let error = ours(template).unwrap_err();
        assert!(error.contains(why), "{template}: {error}");
        if let Some(api) = &api {
            let theirs = api.run(&["get", "pods", "-o", &format(template)]);
            let error = String::from_utf8_lossy(&theirs.stderr);
            assert!(!theirs.status.success() && error.contains(why), "{template}: {error}");
        }
    }
}
