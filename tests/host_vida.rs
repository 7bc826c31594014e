//! La vida de los contenedores: reinicios, auxiliares y despedidas, mirada en `/proc` y en los
//! ficheros que dejan, nunca en lo que micropod dice de sí mismo.

mod common;

use common::{World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Un Pod que deja lo que cuenta en el directorio `notas` del test, montado en `/n`.
fn pod(name: &str, fields: &str, containers: &str) -> String {
    let volume = "volumes: [(name: \"n\", hostPath: (path: \"notas\", type: DirectoryOrCreate))],";
    format!("Pod(metadata: (name: \"{name}\"), spec: ({volume} {fields} containers: [{containers}]))")
}

/// Un contenedor de busybox que ejecuta una línea de shell.
fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], \
         volumeMounts: [(name: \"n\", mountPath: \"/n\")], {fields}),"
    )
}

fn file(world: &World, name: &str, text: &str) -> String {
    world.write(&format!("{name}.ron"), text).to_str().unwrap().to_string()
}

fn start(world: &World, name: &str, text: &str) {
    world.micropod(&["run", "-d", &file(world, name, text)]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Las líneas que han dejado los contenedores en `notas/NOMBRE`.
fn noted(world: &World, name: &str) -> Vec<String> {
    let text = fs::read_to_string(world.dir().join("notas").join(name)).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// Los pid (del mundo) cuya línea de comandos es `text`.
fn pids_of(world: &World, text: &str) -> Vec<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

fn pid_of(world: &World, text: &str) -> i32 {
    wait_until(text, 5, || !pids_of(world, text).is_empty());
    pids_of(world, text)[0]
}

/// El inodo de un espacio de nombres de un proceso del mundo.
fn namespace(world: &World, pid: i32, name: &str) -> u64 {
    fs::metadata(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino()
}

/// Cuándo nació un proceso, en tics desde que arrancó la máquina.
fn born(world: &World, pid: i32) -> u64 {
    let stat = world.read(&format!("/proc/{pid}/stat"));
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

const SIDECAR: &str = "restartPolicy: Always,";

#[test]
fn los_auxiliares_arrancan_antes_se_paran_al_reves_y_su_codigo_no_cuenta() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let sidecar = |name: &str, number: u32| {
        let line = format!("trap 'echo {name} >>/n/fin; exit 3' TERM; sleep {number} & wait");
        shell(name, &line, SIDECAR)
    };
    let init = format!(
        "initContainers: [{} {} {}], restartPolicy: Never,",
        sidecar("uno", 3001),
        shell("prepara", "test -d /proc/1; echo prepara >>/n/inicio", ""),
        sidecar("dos", 3002)
    );
    let app = shell("app", "echo app >>/n/inicio; until test -e /n/basta; do sleep 0.05; done", "");
    let path = file(&world, "auxiliares", &pod("auxiliares", &init, &app));
    let run = world.start(&["run", &path]);
    let (one, two) = (pid_of(&world, "sleep 3001"), pid_of(&world, "sleep 3002"));
    wait_until("que corra la aplicación", 5, || noted(&world, "inicio") == ["prepara", "app"]);
    assert!(born(&world, one) <= born(&world, two), "en orden");
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("3/3") && row.contains("Running"), "{row}");
    fs::write(world.dir().join("notas/basta"), "").unwrap();
    // los auxiliares salieron con 3, y el Pod acaba bien
    run.wait().exits(0);
    assert_eq!(noted(&world, "fin"), ["dos", "uno"], "en orden inverso");
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("Completed"), "{row}");
    delete(&world, "auxiliares");
}

#[test]
fn un_auxiliar_que_se_cae_vuelve_aunque_la_politica_sea_never() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let init =
        format!("restartPolicy: Never, initContainers: [{}],", shell("aux", "exec sleep 3003", SIDECAR));
    start(&world, "vuelve", &pod("vuelve", &init, &shell("app", "exec sleep 3004", "")));
    let (first, app) = (pid_of(&world, "sleep 3003"), pid_of(&world, "sleep 3004"));
    let pods_network = namespace(&world, first, "net");
    world.kill("KILL", first);
    wait_until("que vuelva", 5, || pids_of(&world, "sleep 3003").iter().any(|pid| *pid != first));
    assert_eq!(namespace(&world, pid_of(&world, "sleep 3003"), "net"), pods_network);
    assert_eq!(pids_of(&world, "sleep 3004"), [app], "la aplicación ni se entera");
    delete(&world, "vuelve");
}

#[test]
fn una_regla_reinicia_el_pod_entero_con_su_red_y_sus_volumenes() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let rules = "restartPolicy: Never, restartPolicyRules: [(action: RestartAllContainers, exitCodes: \
                 (operator: In, values: [88]))],";
    let init = format!(
        "restartPolicy: Never, initContainers: [{}],",
        shell("prepara", "echo prepara >>/n/orden", "")
    );
    let app = shell(
        "app",
        "echo app $(ls /efimero) >>/n/orden; touch /efimero; trap 'echo adios >>/n/orden' TERM; exec sleep 3005",
        "",
    );
    let watcher = shell(
        "vigila",
        "test -e /n/otra && exec sleep 3006; touch /n/otra; until test -e /n/ya; do sleep 0.05; done; exit 88",
        rules,
    );
    start(&world, "entero", &pod("entero", &init, &(app + &watcher)));
    let first = pid_of(&world, "sleep 3005");
    let network = namespace(&world, first, "net");
    fs::write(world.dir().join("notas/ya"), "").unwrap();
    pid_of(&world, "sleep 3006");
    wait_until("que vuelva la aplicación", 5, || {
        pids_of(&world, "sleep 3005").first().is_some_and(|pid| *pid != first)
    });
    let second = pid_of(&world, "sleep 3005");
    assert_eq!(
        noted(&world, "orden"),
        ["prepara", "app", "prepara", "app"],
        "desde el principio, sin despedidas y con otra capa"
    );
    assert_eq!(namespace(&world, second, "net"), network, "la misma red");
    delete(&world, "entero");
}

#[test]
fn al_reiniciarse_un_contenedor_estrena_capa_y_conserva_su_emptydir() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "echo \"$(cat /propio /v/comun 2>/dev/null | tr '\\n' ' ')\" >>/n/veo; \
                echo mio >>/propio; echo nuestro >>/v/comun; test -e /n/basta || exit 1; exec sleep 3007";
    let container = format!(
        "(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], volumeMounts: \
         [(name: \"n\", mountPath: \"/n\"), (name: \"v\", mountPath: \"/v\")]),"
    );
    let volumes =
        "volumes: [(name: \"n\", hostPath: (path: \"notas\", type: DirectoryOrCreate)), (name: \"v\")],";
    let text = format!("Pod(metadata: (name: \"capa\"), spec: ({volumes} containers: [{container}]))");
    start(&world, "capa", &text);
    wait_until("que corra dos veces", 5, || noted(&world, "veo").len() == 2);
    assert_eq!(noted(&world, "veo"), ["", "nuestro "], "la capa se estrena; el emptyDir sigue");
    delete(&world, "capa");
}

#[test]
fn acelera_divide_las_esperas_y_la_opcion_gana_a_la_anotacion() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let crash = |name: &str, annotation: &str| {
        let container = shell("c", &format!("echo x >>/n/{name}; exit 1"), "");
        let volume = "volumes: [(name: \"n\", hostPath: (path: \"notas\", type: DirectoryOrCreate))],";
        file(
            &world,
            name,
            &format!(
                "Pod(metadata: (name: \"{name}\", annotations: {{{annotation}}}), spec: ({volume} containers: \
                 [{container}]))"
            ),
        )
    };
    let annotated = crash("anotado", "\"micropod/acelera\": \"1000\"");
    world.micropod(&["run", "-d", &annotated]).ok();
    // cuatro arranques piden esperas de 0, 10 y 20 s: en tiempo real no llegarían
    wait_until("que se caiga cuatro veces", 9, || noted(&world, "anotado").len() >= 4);
    delete(&world, "anotado");
    fs::remove_file(world.dir().join("notas/anotado")).unwrap();
    world.micropod(&["run", "-d", "--acelera", "1", &annotated]).ok();
    wait_until("que se caiga dos veces", 5, || noted(&world, "anotado").len() == 2);
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        assert_eq!(noted(&world, "anotado").len(), 2, "la opción pide tiempo real");
        std::thread::sleep(Duration::from_millis(50));
    }
    delete(&world, "anotado");
    let bad = world.micropod(&["run", "-d", "--acelera", "0", &annotated]).exits(2);
    assert!(bad.err.contains("de 1 a 1000"), "{}", bad.err);
}
