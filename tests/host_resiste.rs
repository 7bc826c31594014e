//! Lo que solo se ve a fuerza de repetir: muertes en cualquier instante, señales a medio preparar y
//! reinicios sin fin. Aquí unas pocas; `make resiste` las pide por cientos.

mod common;
use common::{Running, World, is_root, patience, wait_until};
use std::fs;
use std::time::{Duration, Instant};

const SHORT: &str = r#"Pod(metadata: (name: "p"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1,
    volumes: [(name: "v", emptyDir: (medium: Memory))],
    containers: [
        (name: "uno", image: "busybox", command: ["sh", "-c", "sleep 0.2"], ports: [(containerPort: 80, hostPort: 8080)]),
        (name: "dos", image: "busybox", command: ["sleep", "1000"], volumeMounts: [(name: "v", mountPath: "/v")]),
    ]))"#;

/// Cuántas veces: las que diga la variable, o unas pocas.
fn times(variable: &str, few: usize) -> usize {
    std::env::var(variable).map_or(few, |n| n.parse().expect("es un número"))
}

/// Números al azar, los mismos cada vez (xorshift de Marsaglia).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// En qué llamada al sistema está cada proceso del mundo.
fn waiting_in(world: &World) -> Vec<(String, String)> {
    let call = |pid: i32| fs::read_to_string(world.path(&format!("/proc/{pid}/syscall"))).unwrap_or_default();
    world.processes().into_iter().map(|(pid, line)| (line, call(pid))).collect()
}

/// Acaba en 10 s; en una máquina cargada se espera el cuádruple, que quien se cuelga no acaba nunca.
fn end_in_time(world: &World, mut running: Running, told: &str) -> common::Done {
    let deadline = Instant::now() + patience(40);
    while !running.has_ended() {
        let late = Instant::now() >= deadline;
        assert!(!late, "{told}: no acaba: {:?}", waiting_in(world));
        std::thread::sleep(Duration::from_millis(2));
    }
    let done = running.wait();
    assert!(done.code != 101 && !done.err.contains("panicked"), "{told}: {done:?}");
    done
}

#[test]
fn h2_muera_en_el_instante_que_muera_no_queda_nada_corriendo_ni_tras_el_siguiente_comando() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", SHORT);
    world.micropod(&["image", "ls"]).ok();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let rounds = times("MICROPOD_MUERTES", 25);
    for round in 0..rounds {
        let delay = Duration::from_micros(dice.below(150_000));
        let told = format!("vuelta {round}, a los {delay:?}");
        let running = world.start(&["run", "--rm", "p.ron"]);
        std::thread::sleep(delay);
        running.signal("KILL");
        end_in_time(&world, running, &told);
        wait_until(&format!("{told}: que no quede ningún proceso"), 3, || world.processes().is_empty());
        world.micropod(&["get", "pods"]).ok();
        world.micropod(&["gc"]).ok();
        let left = world.leftovers();
        assert!(left.is_empty(), "{told}: {left:?}");
    }
    common::figure("muertes", rounds, 0);
}

#[test]
fn h3_una_senal_a_medio_preparar_lo_deshace_todo_sin_que_nadie_recoja_detras() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", SHORT);
    world.micropod(&["image", "ls"]).ok();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let rounds = times("MICROPOD_SENALES", 16);
    for round in 0..rounds {
        let signal = ["TERM", "INT", "HUP", "QUIT"][round % 4];
        let delay = Duration::from_micros(dice.below(120_000));
        let told = format!("vuelta {round}, {signal} a los {delay:?}");
        let running = world.start(&["run", "--rm", "p.ron"]);
        std::thread::sleep(delay);
        running.signal(signal);
        end_in_time(&world, running, &told);
        let left = world.leftovers();
        assert!(left.is_empty(), "{told}: {left:?}");
    }
    common::figure("señales", rounds, 0);
}

/// Los descriptores abiertos y la memoria (KiB) de un proceso del mundo.
fn weight(world: &World, pid: i32) -> (usize, u64) {
    let fds = fs::read_dir(world.path(&format!("/proc/{pid}/fd"))).unwrap().count();
    let status = world.read(&format!("/proc/{pid}/status"));
    let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    (fds, rss.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
fn g14_por_mas_que_se_reinicie_un_contenedor_el_supervisor_no_crece() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write(
        "p.ron",
        r#"Pod(metadata: (name: "p", annotations: {"micropod/acelera": "1000"}),
            spec: (containers: [(name: "c", image: "busybox", command: ["true"])]))"#,
    );
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let supervisor = |(_, line): &(i32, String)| line.contains("p.ron");
    let pid = world.processes().into_iter().find(supervisor).expect("hay un supervisor").0;
    let restarts = || -> usize {
        let line = world.micropod(&["get", "pod", "p", "--no-headers"]).out;
        line.split_whitespace().nth(3).and_then(|n| n.parse().ok()).unwrap_or(0)
    };
    let reach =
        |n: usize| wait_until(&format!("que vaya por {n} reinicios"), 5 + n as u64, || restarts() >= n);
    let total = times("MICROPOD_REINICIOS", 40);
    // los primeros llenan lo que tiene tope: la memoria de sucesos, los búferes de las tuberías
    reach(total / 2);
    let before = weight(&world, pid);
    reach(total);
    let after = weight(&world, pid);
    let done = restarts();
    assert!(after.0.abs_diff(before.0) <= 6, "descriptores: {before:?} y luego {after:?}");
    assert!(after.1 <= before.1 + 1024, "KiB: {before:?} y luego {after:?}");
    common::figure("reinicios", done, 0);
    world.micropod(&["delete", "pod", "p", "--grace-period=0"]).ok();
}
