//! ConfigMaps, Secrets y lo que un contenedor sabe de su Pod, mirado en `/proc` y en los montajes.

mod common;

use common::{World, is_root, wait_until};
use std::fs;

/// Un fichero con `objects` y un Pod `name` con esos campos y esos contenedores.
fn list(objects: &str, name: &str, fields: &str, containers: &str) -> String {
    format!(
        "List(items: [{objects}\nPod(metadata: (name: \"{name}\", labels: {{\"app\": \"tienda\"}}), \
         spec: ({fields} terminationGracePeriodSeconds: 1, containers: [{containers}]))])"
    )
}

/// Un contenedor de busybox que duerme `seconds`: por su número se le reconoce entre los procesos.
fn sleeper(name: &str, seconds: u32, fields: &str) -> String {
    format!("(name: \"{name}\", image: \"busybox\", command: [\"/bin/sleep\", \"{seconds}\"], {fields}),")
}

fn start(world: &World, name: &str, text: &str) {
    let file = world.write(&format!("{name}.ron"), text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--force", "--grace-period=0"]).ok();
}

/// El pid (en el mundo) de lo que duerme `seconds`.
fn pid_of(world: &World, seconds: u32) -> i32 {
    let line = format!("/bin/sleep {seconds}");
    let find = || world.processes().into_iter().find(|(_, l)| *l == line).map(|(pid, _)| pid);
    wait_until(&line, 10, || find().is_some());
    find().unwrap()
}

/// El entorno de un proceso, según el kernel.
fn environ(world: &World, pid: i32) -> Vec<String> {
    let bytes = fs::read(world.path(&format!("/proc/{pid}/environ"))).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split('\0').filter(|v| !v.is_empty()).map(String::from).collect()
}

const SETTINGS: &str = r#"
    ConfigMap(metadata: (name: "ajustes"), data: {"COLOR": "verde", "TALLA": "L"}),
    Secret(metadata: (name: "clave"), data: {"usuario": "YW5h"}, stringData: {"pass": "hunter2-tope"}),
"#;

#[test]
fn las_variables_salen_de_configmaps_secrets_y_del_propio_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let env = r#"resources: (limits: (cpu: "250m", memory: "64Mi")),
        envFrom: [(configMapRef: (name: "ajustes")), (prefix: "S_", secretRef: (name: "clave")),
                  (configMapRef: (name: "nada", optional: true))],
        env: [
            (name: "TALLA", value: "XL"),
            (name: "URL", value: "http://$(S_usuario):$(S_pass)@$(COLOR)"),
            (name: "PASS", valueFrom: (secretKeyRef: (name: "clave", key: "pass"))),
            (name: "NADA", valueFrom: (configMapKeyRef: (name: "ajustes", key: "no", optional: true))),
            (name: "POD", valueFrom: (fieldRef: (fieldPath: "metadata.name"))),
            (name: "APP", valueFrom: (fieldRef: (fieldPath: "metadata.labels['app']"))),
            (name: "IP", valueFrom: (fieldRef: (fieldPath: "status.podIP"))),
            (name: "NODO", valueFrom: (fieldRef: (fieldPath: "status.hostIP"))),
            (name: "UID", valueFrom: (fieldRef: (fieldPath: "metadata.uid"))),
            (name: "CPU", valueFrom: (resourceFieldRef: (resource: "limits.cpu"))),
            (name: "MEM", valueFrom: (resourceFieldRef: (resource: "limits.memory", divisor: "1Mi"))),
        ]"#;
    // sin cgroup v2 no se puede prometer un límite
    let limited = std::env::var_os("MICROPOD_VM").is_some();
    let env = if limited {
        env.to_string()
    } else {
        env.replace("resources: (limits: (cpu: \"250m\", memory: \"64Mi\")),", "")
    };
    start(&world, "var", &list(SETTINGS, "var", "", &sleeper("c", 2001, &env)));
    let pid = pid_of(&world, 2001);
    let found = environ(&world, pid);
    let get = |name: &str| {
        let all: Vec<&str> = found.iter().filter_map(|v| v.strip_prefix(&format!("{name}="))).collect();
        assert!(all.len() < 2, "{name} está {} veces", all.len());
        all.first().map(|v| v.to_string())
    };
    for (name, value) in [
        ("COLOR", Some("verde")),
        ("TALLA", Some("XL")),
        ("S_usuario", Some("ana")),
        ("S_pass", Some("hunter2-tope")),
        ("URL", Some("http://ana:hunter2-tope@verde")),
        ("PASS", Some("hunter2-tope")),
        ("NADA", None),
        ("POD", Some("var")),
        ("APP", Some("tienda")),
        ("NODO", Some("10.244.0.1")),
    ] {
        assert_eq!(get(name).as_deref(), value, "{name}");
    }
    // la dirección que dice la variable es la que tiene la interfaz
    let ip = get("IP").unwrap();
    let routes = world.sh(&format!("nsenter -t {pid} -n ip -4 -o addr show eth0"));
    assert!(routes.contains(&format!(" {ip}/")), "{ip} no está en {routes}");
    let uid = get("UID").unwrap();
    assert!(world.path(&format!("/var/lib/micropod/pods/{uid}")).exists(), "el UID es el de verdad");
    if limited {
        assert_eq!((get("CPU").as_deref(), get("MEM").as_deref()), (Some("1"), Some("64")));
    } else {
        let cpus = world.sh("nproc --all").trim().to_string();
        assert_eq!(get("CPU"), Some(cpus), "sin límite, la máquina entera");
    }
    // un exec entra con el mismo entorno
    let out = world.micropod(&["exec", "var", "--", "/bin/busybox", "env"]).ok().out;
    assert!(out.lines().any(|l| l == "PASS=hunter2-tope"), "{out}");
    delete(&world, "var");
}

#[test]
fn sin_su_configmap_el_contenedor_ni_nace_y_el_pod_espera() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let needs = "envFrom: [(configMapRef: (name: \"falta\"))]";
    let text = list(
        SETTINGS,
        "espera",
        "restartPolicy: Never,",
        &(sleeper("c", 2002, needs) + &sleeper("d", 2003, "")),
    );
    let file = world.write("espera.ron", &text);
    let done = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1);
    assert!(done.err.contains("no hay ningún ConfigMap `falta`"), "{}", done.err);
    pid_of(&world, 2003);
    let running = world.processes();
    assert!(!running.iter().any(|(_, line)| line == "/bin/sleep 2002"), "{running:?}");
    let get = world.micropod(&["get", "pods"]).ok().out;
    assert!(get.contains("CreateContainerConfigError") && get.contains("1/2"), "{get}");
    let json = world.micropod(&["get", "pod", "espera", "-o", "json"]).ok().out;
    assert!(json.contains("\"Pending\""), "{json}");
    delete(&world, "espera");
    world.assert_clean();
}

#[test]
fn un_secreto_no_esta_en_nada_que_imprima_micropod_ni_en_sus_ficheros_abiertos_a_otros() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let uses = r#"envFrom: [(prefix: "S_", secretRef: (name: "clave"))],
        args: ["--clave=$(S_pass)"], env: [(name: "URL", value: "x:$(S_pass)")]"#;
    let text = list(
        SETTINGS,
        "mudo",
        "restartPolicy: Never,",
        &sleeper("c", 2004, "").replace(
            "command: [\"/bin/sleep\", \"2004\"],",
            &format!("command: [\"/bin/sh\", \"-c\", \"echo hola; exec sleep 2004\", \"$(S_pass)\"], {uses}"),
        ),
    );
    let file = world.write("mudo.ron", &text);
    let file = file.to_str().unwrap();
    let mut printed = Vec::new();
    for args in [vec!["run", "--dry-run", file], vec!["guion", file]] {
        let done = world.micropod(&args).ok();
        assert!(
            done.out.contains("(oculto)") || done.err.contains("(oculto)"),
            "{args:?}: {}{}",
            done.out,
            done.err
        );
        printed.push(done);
    }
    let narrated = world.start_program(
        "/usr/bin/env",
        &["RUST_LOG=trace", common::binary().to_str().unwrap(), "run", "--narra", file],
    );
    wait_until("que duerma", 20, || world.processes().iter().any(|(_, line)| line == "sleep 2004"));
    for args in [
        vec!["get", "pods", "-o", "wide"],
        vec!["get", "pod", "mudo", "-o", "json"],
        vec!["describe", "pod", "mudo"],
        vec!["dibuja", "mudo"],
        vec!["demuestra", "mudo"],
        vec!["logs", "mudo"],
    ] {
        printed.push(world.micropod(&args));
    }
    // los ficheros que sí lo llevan, solo los lee root
    let hits = world.sh("grep -rlE 'hunter2-tope|aHVudGVyMi10b3Bl' /run/micropod /var/log/micropod || true");
    for path in hits.lines() {
        assert_eq!(world.sh(&format!("stat -c %a:%u {path}")).trim(), "600:0", "{path}");
        assert!(path.starts_with("/run/micropod/pods/mudo/"), "{path}");
    }
    delete(&world, "mudo");
    printed.push(narrated.wait());
    for done in printed {
        let all = format!("{}{}", done.out, done.err);
        assert!(!all.is_empty());
        assert!(!all.contains("hunter2-tope"), "{done:?}");
    }
}

#[test]
fn un_programa_que_no_existe_no_delata_sus_argumentos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let broken = r#"(name: "c", image: "busybox", command: ["/no/existe", "$(P)"],
        env: [(name: "P", valueFrom: (secretKeyRef: (name: "clave", key: "pass")))])"#;
    let file = world.write("roto.ron", &list(SETTINGS, "roto", "restartPolicy: Never,", broken));
    let done = world.micropod(&["run", file.to_str().unwrap()]).exits(127);
    assert!(done.err.contains("/no/existe") && done.err.contains("(oculto)"), "{}", done.err);
    assert!(!done.err.contains("hunter2-tope"), "{}", done.err);
    let described = world.micropod(&["describe", "pod", "roto"]).ok().out;
    assert!(!described.contains("hunter2-tope"), "{described}");
    delete(&world, "roto");
}
