//! Las sondas, vistas desde fuera: lo que recibe el contenedor, los procesos que hay (y los que no) y
//! lo que queda cuando fallan.

mod common;

use common::notas::*;
use common::{World, is_root, wait_until};
use std::fs;

/// El pid (del mundo) del supervisor de un Pod.
fn supervisor(world: &World, name: &str) -> i32 {
    let record = world.read(&format!("/run/micropod/pods/{name}/pod.json"));
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["supervisor"]["pid"].as_i64().unwrap() as i32
}

/// Los hijos de un proceso del mundo, y en qué estado está cada uno (`S`, `Z`…).
fn children(world: &World, pid: i32) -> Vec<(i32, char)> {
    let list = world.read(&format!("/proc/{pid}/task/{pid}/children"));
    let state = |pid: i32| {
        let stat = fs::read_to_string(world.path(&format!("/proc/{pid}/stat"))).ok()?;
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        Some((pid, state))
    };
    list.split_whitespace().filter_map(|pid| state(pid.parse().unwrap())).collect()
}

fn status(world: &World, name: &str) -> serde_json::Value {
    serde_json::from_str(&world.read(&format!("/run/micropod/pods/{name}/status.json"))).unwrap()
}

fn is_ready(world: &World, name: &str) -> bool {
    status(world, name)["status"]["containers"][0]["ready"].as_bool().unwrap()
}

fn restarts(world: &World, name: &str) -> u64 {
    status(world, name)["status"]["containers"][0]["restart_count"].as_u64().unwrap()
}

/// Un servidor que apunta en `/n/FICHERO` lo que le piden y responde siempre lo mismo.
fn server(file: &str, port: u16) -> String {
    format!(
        "while :; do printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n' | nc -l -p {port} >>/n/{file}; done"
    )
}

#[test]
fn la_peticion_sale_del_anfitrion_hacia_la_ip_del_pod_con_las_cabeceras_pedidas() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe = "ports: [(name: \"web\", containerPort: 8080)], readinessProbe: (periodSeconds: 1, httpGet: (port: \
                 \"web\", path: \"/salud?x=1\", httpHeaders: [(name: \"X-A\", value: \"1\"), (name: \"X-A\", value: \
                 \"2\"), (name: \"Accept\", value: \"\")]))";
    start(&world, "cabeceras", &pod("cabeceras", "", &shell("c", &server("pedido", 8080), probe)));
    wait_until("que esté listo", 9, || is_ready(&world, "cabeceras"));
    let ip = world.micropod(&["get", "pod", "cabeceras", "-o", "json"]).ok().out;
    let ip: serde_json::Value = serde_json::from_str(&ip).unwrap();
    let ip = ip["status"]["podIP"].as_str().unwrap();
    let asked = noted(&world, "pedido");
    let first: Vec<&str> = asked.iter().map(|l| l.trim_end()).take(6).collect();
    let host = format!("Host: {ip}:8080");
    let expected = [
        "GET /salud?x=1 HTTP/1.1",
        &host,
        "User-Agent: kube-probe/1.36",
        "X-A: 1",
        "X-A: 2",
        "Connection: close",
    ];
    assert_eq!(first, expected);
    delete(&world, "cabeceras");
}

#[test]
fn una_sonda_de_red_no_crea_ningun_proceso_aunque_el_servidor_no_conteste() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // acepta y calla
    let mute = "exec nc -ll -p 80 -e sleep 100";
    let probe = "readinessProbe: (periodSeconds: 1, timeoutSeconds: 60, httpGet: (port: 80))";
    start(&world, "calla", &pod("calla", "", &shell("c", mute, probe)));
    // la conexión está abierta y en uso: la ve el kernel (estado 01, ESTABLISHED, al puerto 80)
    let connected = || {
        let table = world.read("/proc/1/net/tcp");
        table
            .lines()
            .any(|l| l.split_whitespace().nth(2).is_some_and(|a| a.ends_with(":0050")) && l.contains(" 01 "))
    };
    wait_until("que la sonda esté preguntando", 9, connected);
    let alive = children(&world, supervisor(&world, "calla"));
    assert_eq!(alive.len(), 2, "la pausa y el contenedor, nadie más: {alive:?}");
    assert!(!is_ready(&world, "calla"));
    delete(&world, "calla");
}

#[test]
fn una_sonda_de_comando_que_se_cuelga_muere_en_su_plazo_y_no_deja_zombis() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe = "livenessProbe: (periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2, exec: (command: \
                 [\"/bin/sh\", \"-c\", \"echo >>/n/sonda; exec sleep 3201\"])), readinessProbe: (exec: (command: \
                 [\"/bin/sleep\", \"3202\"]), timeoutSeconds: 60)";
    start(
        &world,
        "cuelga",
        &pod("cuelga", "terminationGracePeriodSeconds: 1,", &shell("c", "exec sleep 3203", probe)),
    );
    let first = pid_of(&world, "sleep 3203");
    pid_of(&world, "sleep 3201");
    wait_until("que la sonda de vida lo reinicie", 20, || restarts(&world, "cuelga") >= 1);
    assert!(noted(&world, "sonda").len() >= 2, "dos fallos seguidos");
    wait_until("que corra otra vez", 9, || pids_of(&world, "sleep 3203").iter().any(|pid| *pid != first));
    let zombies = || {
        let children = children(&world, supervisor(&world, "cuelga"));
        children.into_iter().filter(|(_, state)| *state == 'Z').count()
    };
    // la de preparación estaba a medias cuando murió el contenedor: también hay que recogerla
    wait_until("que no queden zombis", 5, || zombies() == 0);
    delete(&world, "cuelga");
}

#[test]
fn una_sonda_que_no_para_de_hablar_no_engorda_al_supervisor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // gigas por segundo, hasta que vence su plazo
    let probe = "readinessProbe: (periodSeconds: 1, timeoutSeconds: 2, exec: (command: [\"/bin/yes\"]))";
    start(&world, "grita", &pod("grita", "", &shell("c", "exec sleep 3204", probe)));
    pid_of(&world, "/bin/yes");
    wait_until("que venza su plazo", 15, || {
        status(&world, "grita")["events"].to_string().contains("no respondió")
    });
    let memory = world.read(&format!("/proc/{}/status", supervisor(&world, "grita")));
    let peak = memory.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap().trim();
    let peak: u64 = peak.split(' ').next().unwrap().parse().unwrap();
    assert!(peak < 64 * 1024, "llegó a ocupar {peak} KiB");
    delete(&world, "grita");
}

#[test]
fn un_comando_que_no_existe_no_es_un_fallo_del_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe = "livenessProbe: (periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1, exec: (command: [\"/bin/no-existe\"]))";
    start(&world, "falta", &pod("falta", "", &shell("c", "exec sleep 3205", probe)));
    let first = pid_of(&world, "sleep 3205");
    let told = || status(&world, "falta")["events"].to_string();
    wait_until("que se cuente", 9, || told().contains("no se pudo hacer la sonda de vida"));
    assert!(told().contains("no está en la imagen"), "{}", told());
    assert_eq!(pids_of(&world, "sleep 3205"), [first], "sigue vivo");
    delete(&world, "falta");
}

#[test]
fn mientras_el_pod_acaba_se_sigue_preguntando_si_esta_listo_y_no_si_vive() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = format!(
        "trap 'date >>/n/term' TERM; ({} ) & ({}) & while ! test -e /n/basta; do sleep 0.1; done",
        server("lista", 81),
        server("vive", 82)
    );
    let probes = "readinessProbe: (periodSeconds: 1, httpGet: (port: 81)), livenessProbe: (periodSeconds: 1, httpGet: \
                  (port: 82))";
    start(&world, "fin", &pod("fin", "", &shell("c", &line, probes)));
    let asked = |file: &str| noted(&world, file).iter().filter(|l| l.starts_with("GET")).count();
    wait_until("que se pregunten las dos cosas", 9, || asked("lista") > 0 && asked("vive") > 0);
    let deleting = world.start(&["delete", "pod", "fin", "--grace-period=60"]);
    wait_until("que llegue SIGTERM", 9, || !noted(&world, "term").is_empty());
    let (ready, alive) = (asked("lista"), asked("vive"));
    wait_until("que se siga preguntando si está listo", 15, || asked("lista") >= ready + 2);
    // una que ya estaba en camino
    assert!(asked("vive") <= alive + 1, "{} {alive}", asked("vive"));
    fs::write(world.dir().join("notas/basta"), "").unwrap();
    deleting.wait().exits(0);
}

#[test]
fn a_una_maquina_con_nombre_se_le_busca_la_direccion_sin_esperar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let listener = world.start_program("busybox", &["nc", "-ll", "-p", "8090", "-e", "true"]);
    let probe =
        "readinessProbe: (periodSeconds: 1, timeoutSeconds: 5, tcpSocket: (host: \"localhost\", port: 8090))";
    start(&world, "nombre", &pod("nombre", "", &shell("c", "exec sleep 3206", probe)));
    wait_until("que esté listo", 15, || is_ready(&world, "nombre"));
    delete(&world, "nombre");
    listener.signal("KILL");
    listener.wait();
}

#[test]
fn una_sonda_grpc_pregunta_por_el_servicio_y_entiende_la_respuesta() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // SETTINGS; HEADERS con :status 200; DATA con HealthCheckResponse{SERVING}; HEADERS finales, grpc-status 0
    let answer = [
        &[0, 0, 0, 4, 0, 0, 0, 0, 0][..],
        &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88],
        &[0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, 1],
        &[0, 0, 15, 1, 5, 0, 0, 0, 1, 0, 11],
        b"grpc-status",
        &[1, b'0'],
    ]
    .concat();
    fs::create_dir_all(world.dir().join("notas")).unwrap();
    fs::write(world.dir().join("notas/respuesta"), answer).unwrap();
    let line = "while :; do nc -l -p 50051 </n/respuesta >>/n/pedido; done";
    let probe = "readinessProbe: (periodSeconds: 1, grpc: (port: 50051, service: \"mi.servicio\"))";
    start(&world, "grpc", &pod("grpc", "", &shell("c", line, probe)));
    wait_until("que esté listo", 15, || is_ready(&world, "grpc"));
    let asked = fs::read(world.dir().join("notas/pedido")).unwrap();
    let has = |text: &[u8]| asked.windows(text.len()).any(|w| w == text);
    assert!(has(b"PRI * HTTP/2.0") && has(b"/grpc.health.v1.Health/Check") && has(b"mi.servicio"));
    delete(&world, "grpc");
}

#[test]
fn con_la_red_de_la_maquina_la_sonda_pregunta_a_la_direccion_de_la_maquina() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // una máquina con una red de verdad, que no lleva a ningún sitio
    world
        .sh("ip link add falsa type veth peer name cable && ip link set cable up && ip addr add 10.77.0.9/24 dev falsa && ip link set falsa up && \
              ip route add default via 10.77.0.1 dev falsa");
    let probe = "readinessProbe: (periodSeconds: 1, httpGet: (port: 18090))";
    start(&world, "nodo", &pod("nodo", "hostNetwork: true,", &shell("c", &server("pedido", 18090), probe)));
    wait_until("que esté listo", 15, || is_ready(&world, "nodo"));
    let object = world.micropod(&["get", "pod", "nodo", "-o", "json"]).ok().out;
    let object: serde_json::Value = serde_json::from_str(&object).unwrap();
    assert_eq!(
        (&object["status"]["podIP"], &object["status"]["hostIP"]),
        (&"10.77.0.9".into(), &"10.77.0.9".into())
    );
    let asked = noted(&world, "pedido");
    assert!(asked.iter().any(|line| line.trim_end() == "Host: 10.77.0.9:18090"), "{asked:?}");
    delete(&world, "nodo");
    world.sh("ip link del falsa");
}

#[test]
fn el_siguiente_espera_a_que_acierte_la_sonda_de_inicio_del_auxiliar_y_no_a_que_este_listo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let has = |file: &str| {
        format!(
            "(periodSeconds: 1, failureThreshold: 100, exec: (command: [\"test\", \"-e\", \"/n/{file}\"]))"
        )
    };
    let probes =
        format!("restartPolicy: Always, startupProbe: {}, readinessProbe: {}", has("arranca"), has("listo"));
    let sidecar = shell("proxy", "exec sleep 3121", &probes);
    let init = shell("prepara", "echo ya >>/n/prepara", "");
    let fields = format!("initContainers: [{sidecar} {init}],");
    start(&world, "puerta", &pod("puerta", &fields, &shell("web", "exec sleep 3122", "")));
    pid_of(&world, "sleep 3121");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(noted(&world, "prepara").is_empty(), "el siguiente de inicialización espera");
    assert_eq!(pids_of(&world, "sleep 3122"), [] as [i32; 0]);
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("0/2") && row.contains("Init:0/2"), "{row}");
    fs::write(world.dir().join("notas/arranca"), "").unwrap();
    wait_until("que arranque el de aplicación", 10, || !pids_of(&world, "sleep 3122").is_empty());
    assert_eq!(noted(&world, "prepara"), ["ya"]);
    // corre todo y el Pod aún no está listo: el auxiliar cuenta
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("1/2"), "{row}");
    fs::write(world.dir().join("notas/listo"), "").unwrap();
    wait_until("que esté listo", 10, || {
        world.micropod(&["get", "pods", "--no-headers"]).ok().out.contains("2/2")
    });
    delete(&world, "puerta");
}
