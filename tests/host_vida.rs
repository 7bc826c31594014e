//! La vida de los contenedores: reinicios, auxiliares y despedidas, mirada en `/proc` y en los
//! ficheros que dejan, nunca en lo que micropod dice de sí mismo.

mod common;

use common::notas::*;
use common::{World, is_root, wait_until};
use std::fs;
use std::time::{Duration, Instant};

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

/// El estado que publica el supervisor: aquí interesa el mensaje, que sale de un fichero del contenedor.
fn message(world: &World, name: &str) -> String {
    let text = world.read(&format!("/run/micropod/pods/{name}/status.json"));
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    status["status"]["containers"][0]["state"]["Terminated"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_string()
}

#[test]
fn las_ultimas_palabras_salen_del_fichero_que_se_diga_o_de_los_logs() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let run = |name: &str, line: &str, fields: &str| {
        let path = file(&world, name, &pod(name, "restartPolicy: Never,", &shell("c", line, fields)));
        world.micropod(&["run", &path]);
        let said = message(&world, name);
        delete(&world, name);
        said
    };
    assert_eq!(run("de-serie", "echo adios >/dev/termination-log; echo log", ""), "adios\n");
    let other = "terminationMessagePath: \"/nuevo/sitio/adios\"";
    assert_eq!(run("otro", "echo fin >/nuevo/sitio/adios; exit 3", other), "fin\n");
    // solo escritura para todos: quien no es root también puede despedirse
    let nobody = "securityContext: (runAsUser: 65534, readOnlyRootFilesystem: true)";
    assert_eq!(run("nadie", "echo yo >/dev/termination-log", nobody), "yo\n");
    let fallback = "terminationMessagePolicy: FallbackToLogsOnError";
    assert_eq!(run("falla", "echo no hay disco; exit 3", fallback), "no hay disco\n");
    assert_eq!(run("acierta", "echo todo bien", fallback), "");
    assert_eq!(run("mucho", "yes >/dev/termination-log", "").len(), 4096, "y no pasa de 1 MiB lo que ocupa");
}

#[test]
fn cada_vida_empieza_sin_ultimas_palabras() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "cat /dev/termination-log >>/n/heredado; echo vida >>/n/vidas; echo adios >/dev/termination-log; \
                test $(wc -l </n/vidas) -ge 2 && exec sleep 3008; exit 1";
    start(&world, "vidas", &pod("vidas", "", &shell("c", line, "")));
    pid_of(&world, "sleep 3008");
    assert_eq!(noted(&world, "heredado"), [] as [&str; 0]);
    delete(&world, "vidas");
}

#[test]
fn la_senal_de_parada_llega_solo_al_pid_1_y_sigkill_a_todos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // dos hijos: uno que apuntaría SIGTERM, y otro que se hizo demonio y la ignora
    let line = "sh -c 'trap \"echo hijo >>/n/senal\" TERM; while :; do sleep 0.1; done' & setsid sh -c 'trap \"\" TERM; \
                exec sleep 3009' & trap 'echo uno >>/n/senal; sleep 1; exit 0' TERM; sleep 3010 & wait";
    start(&world, "senal", &pod("senal", "", &shell("c", line, "")));
    pid_of(&world, "sleep 3009");
    pid_of(&world, "sleep 3010");
    world.micropod(&["delete", "pod", "senal"]).ok();
    assert_eq!(noted(&world, "senal"), ["uno"]);
    assert_eq!(world.processes(), [], "con el PID 1 mueren los demás");
}

#[test]
fn quien_ignora_sigterm_muere_al_acabar_su_plazo_y_se_dice_mientras_se_espera() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // `sleep` no atiende SIGTERM y, siendo PID 1, tampoco muere de ella
    let path = file(
        &world,
        "sordo",
        &pod("sordo", "terminationGracePeriodSeconds: 3,", &shell("c", "exec sleep 3011", "")),
    );
    let run = world.start(&["run", "--rm", &path]);
    let pid = pid_of(&world, "sleep 3011");
    let caught = world.read(&format!("/proc/{pid}/status"));
    let caught = caught.lines().find_map(|l| l.strip_prefix("SigCgt:")).unwrap().trim().to_string();
    assert_eq!(u64::from_str_radix(&caught, 16).unwrap() & (1 << 14), 0, "no atiende SIGTERM");
    let from = Instant::now();
    run.signal("TERM");
    let done = run.wait();
    assert!(from.elapsed() >= Duration::from_secs(3), "{:?}", from.elapsed());
    assert_eq!(done.code, 137);
    let said = "esperando a c: tiene SIGTERM y su PID 1 no la atiende: acabará con SIGKILL; le quedan";
    assert!(done.err.contains(said), "{}", done.err);
}

#[test]
fn borrar_con_prisa_acorta_el_plazo_y_a_la_fuerza_no_espera() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let deaf = |name: &str, number: u32| {
        start(&world, name, &pod(name, "", &shell("c", &format!("exec sleep {number}"), "")));
        pid_of(&world, &format!("sleep {number}"));
    };
    deaf("prisa", 3012);
    let slow = world.start(&["delete", "pod", "prisa"]);
    // con el plazo ya corriendo (30 s), otro lo acorta: quedan los 2 s de cortesía
    std::thread::sleep(Duration::from_millis(300));
    let from = Instant::now();
    world.micropod(&["delete", "pod", "prisa", "--grace-period=0", "--ignore-not-found"]);
    slow.wait();
    let took = from.elapsed();
    assert!(took >= Duration::from_millis(1500) && took < common::patience(8), "{took:?}");
    assert_eq!(pids_of(&world, "sleep 3012"), [] as [i32; 0]);
    deaf("fuerza", 3013);
    let from = Instant::now();
    world.micropod(&["delete", "pod", "fuerza", "--force"]).ok();
    assert!(from.elapsed() < common::patience(5), "su plazo es de 30 s: {:?}", from.elapsed());
    assert_eq!(pids_of(&world, "sleep 3013"), [] as [i32; 0]);
}

#[test]
fn un_pod_no_pasa_de_su_plazo_activo_ni_mientras_se_inicializa() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = format!(
        "activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1, initContainers: [{}],",
        shell("prepara", "exec sleep 3014", "")
    );
    let path = file(&world, "plazo", &pod("plazo", &fields, &shell("c", "exec sleep 3015", "")));
    let from = Instant::now();
    assert_ne!(world.micropod(&["run", &path]).code, 0);
    assert!(from.elapsed() >= Duration::from_secs(3), "1 s de plazo y 2 de cortesía: {:?}", from.elapsed());
    assert_eq!(world.processes(), []);
    let row = world.micropod(&["get", "pod", "plazo", "--no-headers"]).ok().out;
    assert!(row.contains("DeadlineExceeded") || row.contains("Init:"), "{row}");
    let described = world.micropod(&["describe", "pod", "plazo"]).ok().out;
    assert!(described.contains("Failed") && described.contains("DeadlineExceeded"), "{described}");
    delete(&world, "plazo");
}
