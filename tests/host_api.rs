//! `micropod api` con el kubectl de verdad, y con quien no viene a pedir nada bueno.

mod common;

use common::{Done, Running, World, binary, is_root, patience, run, wait_until};
use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const SERVER: &str = "http://127.0.0.1:8001";

const LINES: &str = r#"Pod(metadata: (name: "web", labels: {"app": "web"}), spec: (containers: [(name: "c", image: "busybox",
    command: ["sh", "-c", "i=0; while true; do echo linea $i; i=$((i+1)); sleep 0.1; done"])]))"#;

/// Los kubectl que hay en esta máquina. Sin ninguno, el test se omite y lo dice.
fn kubectls() -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let done = run(&mut Command::new(common::project().join("tools/kubectl")));
        if done.code != 0 {
            common::omitted(done.err.trim());
        }
        done.out.lines().map(PathBuf::from).collect()
    })
}

/// kubectl, dentro del mundo y con su propia casa.
fn command(world: &World, kubectl: &Path, args: &[&str]) -> Command {
    let mut command = world.command("env");
    command.arg("HOME=/nada").arg(kubectl).args(["-s", SERVER, "--cache-dir"]).arg(world.dir().join("cache"));
    command.args(args);
    command
}

fn kubectl(world: &World, kubectl: &Path, args: &[&str]) -> Done {
    run(&mut command(world, kubectl, args))
}

/// La API en marcha, ya escuchando.
fn serve<'w>(world: &'w World, args: &[&str]) -> Running<'w> {
    let server = world.start(&[&["api"], args].concat());
    wait_until("que la API escuche", 10, || inside(world, || TcpStream::connect("127.0.0.1:8001").is_ok()));
    server
}

/// Hace algo desde la red del mundo. Los hilos tienen cada uno la suya.
fn inside<T: Send>(world: &World, what: impl FnOnce() -> T + Send) -> T {
    let root = world.path("");
    let net = root.parent().unwrap().join("ns/net");
    std::thread::scope(|scope| {
        let entered = scope.spawn(move || {
            setns(File::open(net).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            what()
        });
        entered.join().unwrap()
    })
}

/// Envía `text` y devuelve todo lo que contestan.
fn talk(text: &[u8]) -> String {
    let mut socket = TcpStream::connect("127.0.0.1:8001").unwrap();
    socket.set_read_timeout(Some(patience(40))).unwrap();
    // si cuelga antes de leerlo todo, lo que importa es lo que dijo
    let _ = socket.write_all(text);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(path: &str, headers: &str) -> String {
    talk(
        format!("GET {path} HTTP/1.1\r\nHost: localhost:8001\r\nConnection: close\r\n{headers}\r\n")
            .as_bytes(),
    )
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn start_pod(world: &World, text: &str) {
    world.write("pod.ron", text);
    world.micropod(&["run", "-d", "--wait", "pod.ron"]).ok();
}

#[test]
fn kubectl_ve_los_pods_como_los_ve_micropod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start_pod(&world, LINES);
    let server = serve(&world, &[]);
    for program in kubectls() {
        let ask = |args: &[&str]| kubectl(&world, program, args).ok().out;
        let uid = world.micropod(&["get", "pod", "web", "-o", "jsonpath={.metadata.uid}"]).ok().out;
        assert_eq!(ask(&["get", "pod", "web", "-o", "jsonpath={.metadata.uid}"]), uid);
        let words = |text: &str| {
            text.lines()
                .map(|l| l.split_whitespace().map(String::from).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let mut theirs = words(&ask(&["get", "pods", "-o", "wide"]));
        let mut ours = words(&world.micropod(&["get", "pods", "-o", "wide"]).ok().out);
        // la edad puede haber cambiado entre una y otra
        theirs[1][4] = String::new();
        ours[1][4] = String::new();
        assert_eq!(theirs, ours);
        assert!(ask(&["describe", "pod", "web"]).contains("Restart Count:  0"));
        assert_eq!(ask(&["get", "po", "-l", "app=no"]), "");
        assert_eq!(
            ask(&[
                "get",
                "po",
                "-l",
                "app in (web)",
                "--field-selector",
                "status.phase=Running",
                "-o",
                "name"
            ]),
            "pod/web\n"
        );
        assert!(ask(&["get", "events"]).contains("Started"));
        assert_eq!(ask(&["get", "ns", "-o", "name"]), "namespace/default\n");
        assert!(ask(&["explain", "pod.spec.containers.livenessProbe"]).contains("Sonda de vida"));
        assert!(
            ask(&["wait", "--for=condition=Ready", "pod/web", "--timeout=20s"]).contains("condition met")
        );
        let top = ask(&["top", "pod", "web", "--no-headers"]);
        let cells: Vec<&str> = top.split_whitespace().collect();
        assert!(cells[0] == "web" && cells[1].ends_with('m') && cells[2].ends_with("Mi"), "{top}");
        assert!(ask(&["version"]).contains("+micropod"));
        assert!(ask(&["api-resources"]).contains("events.k8s.io"));
        let missing = kubectl(&world, program, &["get", "pod", "nadie"]).exits(1).err;
        assert!(missing.contains("pods \"nadie\" not found"), "{missing}");
        // de solo lectura: lo que cambia algo no llega a nadie
        let refused = kubectl(&world, program, &["delete", "pod", "web"]).exits(1).err;
        assert!(refused.contains("MP0332"), "{refused}");
        let refused = kubectl(&world, program, &["exec", "web", "--", "ls"]).exits(1).err;
        assert!(refused.contains("micropod exec"), "{refused}");
    }
    let phase = world.micropod(&["get", "pod", "web", "-o", "jsonpath={.status.phase}"]).ok().out;
    assert_eq!(phase, "Running");
    server.signal("TERM");
    assert_eq!(server.wait().code, 0);
    world.micropod(&["delete", "pod", "web", "--now"]).ok();
}

#[test]
fn kubectl_logs_da_las_mismas_lineas_y_las_sigue() {
    if !is_root() {
        return;
    }
    let Some(first) = kubectls().first() else { return };
    let world = World::with_busybox();
    let twice = r#"Pod(metadata: (name: "web"), spec: (terminationGracePeriodSeconds: 0, containers: [
        (name: "c", image: "busybox", command: ["sh", "-c", "for i in 1 2 3; do echo linea $i; done; echo fin; sleep 1000"]),
        (name: "d", image: "busybox", command: ["sh", "-c", "i=0; while true; do echo otra $i; i=$((i+1)); sleep 0.1; done"])]))"#;
    start_pod(&world, twice);
    let _server = serve(&world, &[]);
    for program in kubectls() {
        let ask = |args: &[&str]| kubectl(&world, program, args).ok().out;
        wait_until("que escriba", 10, || ask(&["logs", "web", "-c", "c"]).ends_with("fin\n"));
        assert_eq!(ask(&["logs", "web", "-c", "c"]), "linea 1\nlinea 2\nlinea 3\nfin\n");
        assert_eq!(ask(&["logs", "web", "-c", "c", "--tail=2"]), "linea 3\nfin\n");
        assert_eq!(ask(&["logs", "web", "-c", "c", "--limit-bytes=9"]), "linea 1\nl");
        let stamped = ask(&["logs", "web", "-c", "c", "--timestamps", "--tail=1"]);
        assert!(stamped.starts_with("20") && stamped.ends_with("Z fin\n"), "{stamped}");
        let mine = world.micropod(&["logs", "web", "-c", "c", "--timestamps", "--tail=1"]).ok().out;
        assert_eq!(stamped, mine);
        assert_eq!(ask(&["logs", "web", "-c", "c", "--since-time=2200-01-01T00:00:00Z"]), "");
        let previous = kubectl(&world, program, &["logs", "web", "-c", "c", "-p"]).exits(1).err;
        assert!(previous.contains("previous terminated container"), "{previous}");
    }
    let mut follow = command(&world, first, &["logs", "-f", "web", "-c", "d", "--tail=0"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = follow.stdout.take().unwrap();
    let mut start = [0; 40];
    out.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"otra "), "{}", String::from_utf8_lossy(&start));
    // al acabar el contenedor, kubectl también
    world.micropod(&["delete", "pod", "web", "--now"]).ok();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(follow.wait().unwrap().success());
}

#[test]
fn kubectl_get_w_ve_cada_cambio_y_una_revision_vieja_se_rechaza() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let server = serve(&world, &[]);
    if let Some(program) = kubectls().first() {
        let mut watch = command(&world, program, &["get", "pods", "-w", "--no-headers"]);
        let mut watch = watch.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = std::io::BufReader::new(watch.stdout.take().unwrap());
        start_pod(&world, &LINES.replace("sleep 0.1", "sleep 1"));
        let mut next = || {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut out, &mut line).unwrap();
            line
        };
        let mut line = next();
        while !line.contains("1/1") {
            line = next();
        }
        assert!(line.starts_with("web") && line.contains("Running"), "{line}");
        let gone = kubectl(&world, program, &["wait", "--for=delete", "pod/web", "--timeout=1s"]);
        assert_eq!(gone.code, 1, "aún está");
        world.micropod(&["delete", "pod", "web", "--now"]).ok();
        let last = next();
        assert!(last.starts_with("web"), "{last}");
        let gone = kubectl(&world, program, &["wait", "--for=delete", "pod/web", "--timeout=20s"]);
        // si ya no estaba, el kubectl de Debian 12 dice que no encuentra nada
        assert!(gone.code == 0 || gone.err.contains("no matching resources found"), "{gone:?}");
        let missing = kubectl(&world, program, &["get", "pod", "web"]).exits(1);
        assert!(missing.err.contains("NotFound"), "{missing:?}");
        // se acaba con la API, no se queda colgado
        server.signal("TERM");
        assert_eq!(server.wait().code, 0);
        let _ = watch.wait();
    } else {
        drop(server);
    }
    let _server = serve(&world, &[]);
    let old = inside(&world, || get("/api/v1/pods?watch=true&resourceVersion=5", ""));
    assert!(status(&old) == "410" && old.contains("\"reason\":\"Expired\""), "{old}");
    let listed = inside(&world, || get("/api/v1/pods", ""));
    let revision = listed.split("\"resourceVersion\":\"").nth(1).unwrap().split('"').next().unwrap();
    let seconds = common::patience(4).as_secs();
    let path = format!("/api/v1/pods?watch=true&timeoutSeconds={seconds}&resourceVersion={revision}");
    let heard = std::thread::scope(|scope| {
        let heard = scope.spawn(|| inside(&world, || get(&path, "")));
        start_pod(&world, LINES);
        heard.join().unwrap()
    });
    assert!(heard.contains("\"type\":\"ADDED\"") && heard.contains("\"name\":\"web\""), "{heard}");
    assert!(heard.ends_with("0\r\n\r\n"), "acaba cuando se le dijo: {heard}");
    world.micropod(&["delete", "pod", "web", "--now"]).ok();
}

#[test]
fn lo_que_no_es_un_programa_de_esta_maquina_no_entra() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (args, code) in [
        (["api", "--listen", "0.0.0.0:8001"], "MP0330"),
        (["api", "--listen", "[::]:1"], "MP0330"),
        (["api", "--listen", "x"], "MP0331"),
    ] {
        let done = world.micropod(&args).exits(2);
        assert!(done.err.contains(code), "{}", done.err);
    }
    let _server = serve(&world, &["--permite-cambios"]);
    let busy = world.micropod(&["api"]).exits(1);
    assert!(busy.err.contains("MP0331"), "{}", busy.err);
    let listening = world.sh("cat /proc/net/tcp /proc/net/tcp6");
    let open: Vec<&str> =
        listening.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A")).collect();
    assert!(open.iter().all(|line| line.contains("0100007F:1F41")), "solo en 127.0.0.1:8001: {open:?}");
    let ask = |host: &str, more: &str| {
        let text = format!("GET /api/v1/pods HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        inside(&world, || talk(text.as_bytes()))
    };
    assert_eq!(status(&ask("localhost:9000", "")), "200");
    for (host, more) in [("evil.example", ""), ("localhost", "Origin: http://localhost:8001\r\n")] {
        let answer = ask(host, more);
        assert!(status(&answer) == "403" && answer.contains("MP0334"), "{answer}");
    }
    // el root de un contenedor con la red del anfitrión es root, pero está en un Pod
    let spy = r#"Pod(metadata: (name: "espia"), spec: (hostNetwork: true, restartPolicy: Never, containers: [(name: "c", image: "busybox",
        command: ["sh", "-c", "printf 'GET /api/v1/pods HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' | nc 127.0.0.1 8001; echo hecho"])]))"#;
    world.write("espia.ron", spy);
    world.micropod(&["run", "-d", "espia.ron"]).ok();
    wait_until("que el espía pregunte", 20, || world.micropod(&["logs", "espia"]).out.contains("hecho"));
    let heard = world.micropod(&["logs", "espia"]).ok().out;
    assert!(heard.contains("MP0333") && !heard.contains("PodList"), "{heard}");
    world.micropod(&["delete", "pod", "espia"]).ok();
}

#[test]
fn quien_no_puede_no_cambia_nada_aunque_cuelgue_antes_de_que_se_le_mire() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start_pod(&world, LINES);
    let server = world
        .start_program("env", &["SUDO_UID=12345", binary().to_str().unwrap(), "api", "--permite-cambios"]);
    wait_until("que la API escuche", 10, || inside(&world, || TcpStream::connect("127.0.0.1:8001").is_ok()));
    let delete = b"DELETE /api/v1/namespaces/default/pods/web?gracePeriodSeconds=0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let as_user = |uid: u32, what: fn(&[u8]) -> String| {
        inside(&world, move || {
            // solo de este hilo: es lo que el kernel apunta como dueño de un socket
            nix::unistd::setfsuid(uid.into());
            what(delete)
        })
    };
    let refused = as_user(65534, talk);
    assert!(status(&refused) == "403" && refused.contains("MP0333"), "{refused}");
    // de un socket que ya no tiene nadie, el kernel dice que es de root
    let runaway: fn(&[u8]) -> String = |text| {
        for half in [true, false] {
            let mut socket = TcpStream::connect("127.0.0.1:8001").unwrap();
            socket.write_all(text).unwrap();
            if half {
                socket.shutdown(Shutdown::Write).unwrap();
            }
        }
        String::new()
    };
    for _ in 0..20 {
        as_user(65534, runaway);
    }
    let uid = world
        .micropod(&["get", "pod", "web", "-o", "jsonpath={.status.phase} {.metadata.deletionTimestamp}"])
        .ok()
        .out;
    assert_eq!(uid.trim(), "Running", "nadie lo ha borrado");
    // quien escribió sudo sí
    let done = as_user(12345, talk);
    assert_eq!(status(&done), "200", "{done}");
    wait_until("que se borre", 20, || world.micropod(&["get", "pod", "web"]).code == 1);
    server.signal("TERM");
    server.wait();
}

#[test]
fn con_permiso_kubectl_crea_aplica_y_borra_pods_de_verdad() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let _server = serve(&world, &["--permite-cambios"]);
    let yaml = |image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: hecho\n  labels: {{app: hecho}}\nspec:\n  terminationGracePeriodSeconds: 1\n  \
                 containers:\n  - name: c\n    image: {image}\n    command: [sleep, '1234']\n"
        )
    };
    world.write("hecho.yaml", &yaml("busybox"));
    world.write("otro.yaml", &yaml("host"));
    world.write("malo.yaml", &yaml("busybox").replace("containers:", "contenedores: 1\n  containers:"));
    let meaningless = "  nodeSelector: {disco: ssd}\n  serviceAccountName: otra\n  tolerations: [{operator: Exists}]\n  \
                       securityContext: {}\n";
    let one = yaml("busybox").replace("hecho", "uno").replace("1234]", "1235]\n    resources: {limits: {}}");
    let two =
        yaml("busybox").replace("hecho", "dos").replace("1234]", "1236]\n    resources: {requests: {}}");
    world.write("varios.yaml", &format!("{one}{meaningless}---\n{two}"));
    world.write("mudado.yaml", &format!("{one}{meaningless}---\n{two}").replace("ssd", "hdd"));
    let sleeping = || world.processes().iter().filter(|(_, line)| line == "sleep 1234").count();
    for program in kubectls() {
        let ask = |args: &[&str]| kubectl(&world, program, args);
        let bad = ask(&["apply", "-f", "malo.yaml"]).exits(1);
        assert!(bad.err.contains("contenedores") && !bad.err.contains("-->"), "{}", bad.err);
        assert_eq!(ask(&["apply", "-f", "hecho.yaml"]).ok().out, "pod/hecho created\n");
        wait_until("que corra", 20, || sleeping() == 1);
        assert_eq!(ask(&["apply", "-f", "hecho.yaml"]).ok().out, "pod/hecho unchanged\n");
        let exists = ask(&["create", "-f", "hecho.yaml"]).exits(1);
        assert!(exists.err.contains("AlreadyExists"), "{}", exists.err);
        let changed = ask(&["apply", "-f", "otro.yaml"]).exits(1);
        assert!(
            changed.err.contains("spec.containers[c].image") && changed.err.contains("MP0336"),
            "{}",
            changed.err
        );
        let label = ask(&["label", "pod", "hecho", "nivel=2"]).exits(1);
        assert!(label.err.contains("metadata.labels.nivel"), "{}", label.err);
        assert_eq!(sleeping(), 1, "nada de eso lo ha tocado");
        // varios en un fichero, con lo que en una máquina no significa nada y lo que no dice nada
        let several = ask(&["apply", "-f", "varios.yaml"]).ok();
        assert_eq!(several.out, "pod/uno created\npod/dos created\n");
        let told = "Warning: en una sola máquina no significan nada, y se aceptan sin hacer nada: \
                    spec.nodeSelector, spec.serviceAccountName, spec.tolerations\n";
        assert_eq!(several.err, told);
        let again = ask(&["apply", "-f", "varios.yaml"]).ok();
        assert_eq!((again.out.as_str(), again.err.as_str()), ("pod/uno unchanged\npod/dos unchanged\n", ""));
        let moved = ask(&["apply", "-f", "mudado.yaml"]).ok();
        assert!(moved.out.starts_with("pod/uno configured\n"), "{}", moved.out);
        assert!(moved.err.ends_with("se acepta sin hacer nada: spec.nodeSelector.disco\n"), "{}", moved.err);
        ask(&["delete", "-f", "varios.yaml", "--now"]).ok();
        assert!(ask(&["delete", "pod", "hecho"]).ok().out.contains("pod \"hecho\" deleted"));
        wait_until("que no quede nadie", 20, || sleeping() == 0);
        assert_eq!(world.micropod(&["get", "pod", "hecho"]).code, 1);
        assert_eq!(ask(&["create", "-f", "hecho.yaml"]).ok().out, "pod/hecho created\n");
        wait_until("que corra", 20, || sleeping() == 1);
        ask(&["delete", "-f", "hecho.yaml", "--now"]).ok();
        wait_until("que no quede nadie", 20, || sleeping() == 0);
    }
}

#[test]
fn quien_pide_mal_o_despacio_no_hace_esperar_a_nadie() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start_pod(&world, LINES);
    let server = serve(&world, &[]);
    let memory = || {
        let text = world.read(&format!("/proc/{}/status", server.pid));
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    inside(&world, || {
        let connect = || TcpStream::connect("127.0.0.1:8001").unwrap();
        // a medias, y ahí se quedan
        let mut slow: Vec<TcpStream> = (0..30).map(|_| connect()).collect();
        for socket in &mut slow {
            socket.write_all(b"GET /api/v1/pods HTTP/1.1\r\nHost: loc").unwrap();
        }
        // piden sin parar y no leen nada
        let mut deaf: Vec<TcpStream> = (0..10).map(|_| connect()).collect();
        for socket in &mut deaf {
            socket.set_nonblocking(true).unwrap();
            for _ in 0..2000 {
                if socket.write_all(b"GET /openapi/v3/api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n").is_err() {
                    break;
                }
            }
        }
        // se van sin despedirse
        for _ in 0..200 {
            let mut socket = connect();
            socket.write_all(b"GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        }
        // más de las que caben, y calladas
        let silent: Vec<TcpStream> = (0..100).map(|_| connect()).collect();
        assert_eq!(status(&get("/healthz", "")), "200", "se atiende a quien pide bien");
        let huge = format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000));
        assert_eq!(status(&talk(huge.as_bytes())), "431");
        assert_eq!(
            status(&talk(b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
            "400"
        );
        assert_eq!(
            status(&talk(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")),
            "413"
        );
        assert_eq!(
            status(&talk(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")),
            "400",
            "esto es TLS"
        );
        // tres seguidas, y en orden
        let three = talk(
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nada HTTP/1.1\r\nHost: localhost\r\n\r\n\
              GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        );
        let order: Vec<&str> = three.matches("HTTP/1.1 200").chain(three.matches("HTTP/1.1 404")).collect();
        assert_eq!(order.len(), 3, "{three}");
        assert!(
            three.find("404") > three.find("ok") && three.find("gitVersion") > three.find("404"),
            "{three}"
        );
        // a quien no acaba de pedir se le cuelga
        let mut first = slow.remove(0);
        first.set_read_timeout(Some(patience(60))).unwrap();
        let mut rest = Vec::new();
        let _ = first.read_to_end(&mut rest);
        assert_eq!(rest, b"", "se le cuelga sin más");
        drop((slow, deaf, silent));
    });
    let grown = memory().saturating_sub(before);
    assert!(grown < 64 * 1024, "ha crecido {grown} KiB");
    assert_eq!(world.micropod(&["get", "pods", "--no-headers"]).ok().out.lines().count(), 1);
    std::thread::sleep(Duration::from_millis(100));
    // y cuando todos se han ido, no le quedan conexiones abiertas
    wait_until("que cuelgue a todos", 70, || {
        let fds = fs::read_dir(world.path(&format!("/proc/{}/fd", server.pid))).unwrap().count();
        fds < 12
    });
    server.signal("INT");
    assert_eq!(server.wait().code, 0);
    world.micropod(&["delete", "pod", "web", "--now"]).ok();
}
