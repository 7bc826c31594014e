//! El supervisor muere de golpe (`kill -9`) en un momento exacto: los procesos del Pod desaparecen al
//! instante, y lo demás, con el siguiente comando.

mod common;
use common::faults::{Call, Fault};
use common::{World, is_root, patience, wait_until};
use std::fs;
use std::time::Instant;

/// Un Pod que acaba solo: pasa por todo el arranque y toda la parada.
const SHORT: &str = r#"Pod(metadata: (name: "p"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1,
    containers: [
        (name: "uno", image: "busybox", command: ["sh", "-c", "sleep 0.2"]),
        (name: "dos", image: "busybox", command: ["sh", "-c", "exit 0"]),
    ]))"#;

/// Un Pod que no acaba ni cuando se le pide.
const STUBBORN: &str = r#"Pod(metadata: (name: "p"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1,
    containers: [(name: "terco", image: "busybox", command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])]))"#;

/// Un momento: cómo se cuenta, y la llamada al sistema que está a punto de hacer el supervisor. Si hay
/// varias que casan, la que diga `which` (0 la primera, -1 la última).
struct Moment {
    told: &'static str,
    syscall: &'static str,
    text: &'static str,
    which: isize,
}

const fn at(told: &'static str, syscall: &'static str, text: &'static str, which: isize) -> Moment {
    Moment { told, syscall, text, which }
}

/// Del arranque y de la parada de un Pod que acaba solo.
const MOMENTS: [Moment; 20] = [
    at("con el nombre tomado", "openat", "pendientes/p", -1),
    at("con la dirección a medio apuntar", "openat", "/run/micropod/ultima-ip", -1),
    at("a punto de escribir la ficha", "rename", "pod.json", 0),
    at("con la ficha, y sin nada hecho", "mkdirat", "/var/lib/micropod/pods/", 0),
    at("con el cgroup del Pod recién hecho", "mkdirat", "_pausa", 0),
    at("a punto de crear la pausa", "clone3", "CLONE_NEWNET", 0),
    at("con la pausa esperando, sin red", "socket", "NETLINK_ROUTE", 0),
    at("con el par veth, sin enchufar", "socket", "NETLINK_ROUTE", 2),
    at("con la red puesta, antes de decir adelante a la pausa", "sendto", "Go", 0),
    at("con la pausa en pie, antes de la primera capa", "mkdirat", "/uno.0\"", 0),
    at("a punto de crear el primer contenedor", "clone3", "CLONE_NEWPID", 0),
    at("con el primer contenedor esperando", "sendto", "Go", 1),
    at("con uno en marcha, a punto de crear el segundo", "clone3", "CLONE_NEWPID", 1),
    at("con el segundo esperando", "sendto", "Go", 2),
    at("con un contenedor muerto y sin recoger", "waitid", "P_PIDFD", 0),
    at("a punto de borrar la capa del último", "unlinkat", "/uno.0\"", -1),
    at("con todos recogidos, a punto de matar la pausa", "pidfd_send_signal", "SIGKILL", -1),
    at("con la pausa muerta, a punto de borrar el cgroup del Pod", "rmdir", "_pausa", -1),
    at("con el cgroup borrado y el directorio de datos no", "unlinkat", "/var/lib/micropod/pods/", -1),
    at("a punto de soltar la dirección", "unlink", "/run/micropod/ips/", -1),
];

impl Moment {
    /// La llamada de este momento, buscada en una ejecución que fue bien.
    fn find(&self, calls: &[Call]) -> Fault<'_> {
        let same = calls.iter().filter(|c| c.syscall == self.syscall && c.text.contains(self.text));
        let same: Vec<&Call> = same.collect();
        let index = if self.which < 0 { same.len() as isize + self.which } else { self.which };
        let call = usize::try_from(index).ok().and_then(|i| same.get(i));
        let call =
            call.unwrap_or_else(|| panic!("nadie llama así {}: {} {}", self.told, self.syscall, self.text));
        Fault { syscall: self.syscall, nth: call.nth, action: "signal=KILL" }
    }
}

/// Lo que el kernel (y los directorios de trabajo) aún tienen del Pod. No cuenta su ficha ni sus logs.
fn objects(world: &World) -> Vec<String> {
    let names = |path: std::path::PathBuf| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .filter(|e| e.path().is_dir() || e.path().is_file())
            .map(|e| e.file_name().to_string_lossy().into())
            .collect()
    };
    let mut all: Vec<String> = names(world.cgroup().join("micropod"))
        .into_iter()
        .filter(|name| world.cgroup().join("micropod").join(name).is_dir())
        .map(|name| format!("cgroup {name}"))
        .collect();
    for dir in ["/run/micropod/ips", "/run/micropod/pendientes", "/var/lib/micropod/pods"] {
        all.extend(names(world.path(dir)).into_iter().map(|name| format!("{dir}/{name}")));
    }
    let links = world.sh("ip -br link; ip neigh show dev micropod0 nud permanent 2>/dev/null || true");
    let ours = |line: &&str| line.starts_with("mp0") || line.contains("lladdr");
    all.extend(links.lines().filter(ours).map(String::from));
    all
}

/// Comprueba la promesa, con el supervisor recién muerto.
fn keeps_its_promise(world: &World, told: &str) {
    let deadline = Instant::now() + patience(2);
    while !world.processes().is_empty() {
        assert!(Instant::now() < deadline, "{told}: quedan procesos: {:?}", world.processes());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    world.micropod(&["get", "pods"]).ok();
    // la muerte de una red tarda unos milisegundos en notarse
    let deadline = Instant::now() + patience(2);
    while !objects(world).is_empty() {
        assert!(Instant::now() < deadline, "{told}: quedan tras el siguiente comando: {:#?}", objects(world));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // si llegó a haber Pod, se sabe que acabó mal; y `gc` no deja nada de nadie
    if world.path("/run/micropod/pods/p/pod.json").exists() {
        let phase = world.micropod(&["get", "pod", "p", "--no-headers"]).ok().out;
        let ended = phase.contains("Succeeded") || phase.contains("Completed");
        assert!(ended || !phase.contains("Running"), "{told}: {phase}");
    }
    world.micropod(&["gc"]).ok();
    world.assert_clean();
}

#[test]
fn muera_cuando_muera_el_supervisor_de_un_pod_no_queda_nada_suyo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", SHORT);
    // la primera vez crea lo que es de todos los Pods; después, todas son iguales
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    let calls = world.calls_of(&["run", "--rm", "p.ron"]);
    for moment in &MOMENTS {
        let fault = moment.find(&calls);
        let died = (0..3).any(|_| {
            let done = world.faulty(&fault, &["run", "--rm", "p.ron"]);
            assert!([0, 137].contains(&done.code), "{}: {done:?}", moment.told);
            done.code == 137
        });
        assert!(died, "no llegó a morir {}: {fault:?}", moment.told);
        keeps_its_promise(&world, moment.told);
        // y el nombre vuelve a servir
        world.micropod(&["run", "--rm", "p.ron"]).ok();
    }
}

#[test]
fn muera_cuando_muera_mientras_se_le_pide_que_acabe_no_queda_nada() {
    if !is_root() {
        return;
    }
    let moments = [
        at("con la petición recién llegada", "accept4", "", 0),
        at("a punto de pedir al contenedor que acabe", "pidfd_send_signal", "", 0),
        at("esperando a que acabe por las buenas", "pidfd_send_signal", "", 1),
        at("tras matarlo, antes de recogerlo", "waitid", "", 0),
        at("a punto de publicar el final", "unlink", "", 1),
    ];
    let world = World::with_busybox();
    world.write("p.ron", STUBBORN);
    world.micropod(&["image", "ls"]).ok();
    for moment in &moments {
        let fault = Fault { syscall: moment.syscall, nth: moment.which as usize + 1, action: "signal=KILL" };
        let supervisor = world.start_faulty(&fault, &["run", "p.ron"]);
        wait_until("que corra el Pod", 10, || {
            world.processes().iter().any(|(_, line)| line.contains("trap ''"))
        });
        // le da igual a quién se lo pide: a veces muere antes de contestar
        world.micropod(&["delete", "pod", "p"]);
        assert_eq!(supervisor.wait().code, 137, "no llegó a morir {}", moment.told);
        keeps_its_promise(&world, moment.told);
    }
}

#[test]
fn gc_no_toca_lo_de_un_pod_que_esta_naciendo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", SHORT);
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    let ips = || {
        let entries = fs::read_dir(world.path("/run/micropod/ips")).unwrap().flatten();
        entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    // se queda parado con la dirección reservada y la ficha sin acabar de escribir
    let moment = at("con la ficha a medias", "openat", "pods/p/pod.tmp", 0);
    let calls = world.calls_of(&["run", "--rm", "p.ron"]);
    let fault = Fault { action: "signal=STOP", ..moment.find(&calls) };
    let run = world.start_faulty(&fault, &["run", "p.ron"]);
    wait_until("que reserve su dirección y se pare", 5, || {
        let stopped = |pid: &i32| world.read(&format!("/proc/{pid}/stat")).contains(") t ");
        ips().len() == 1
            && world.processes().iter().any(|(pid, line)| !line.starts_with("strace") && stopped(pid))
    });
    let before = ips();
    world.micropod(&["gc"]).ok();
    assert_eq!(ips(), before, "gc ha soltado la dirección de un Pod que está naciendo");
    for (pid, line) in world.processes() {
        if !line.starts_with("strace") {
            world.kill("CONT", pid);
        }
    }
    run.wait().exits(0);
    world.micropod(&["delete", "pod", "p"]).ok();
}
