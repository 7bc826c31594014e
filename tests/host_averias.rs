//! Averías en cada llamada al sistema: un error o un `kill -9` en la N-ésima de cada una, al arrancar,
//! parar, reiniciar, ejecutar dentro, borrar y recoger. Ninguna cuelga a micropod ni deja restos.
//!
//! Se prueban unas cuantas de las que hay, siempre las mismas. `make averias` las prueba todas
//! (`MICROPOD_AVERIAS` dice cuántas de cada clase) y apunta cuántas han sido.

mod common;
use common::faults::{Call, Fault};
use common::{Running, World, is_root, patience};
use std::fmt::Write as _;
use std::time::Instant;

/// Un Pod que acaba solo: pasa por todo el arranque y toda la parada.
const SHORT: &str = r#"Pod(metadata: (name: "p", annotations: {"micropod/acelera": "1000"}),
    spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, volumes: [(name: "v", emptyDir: (medium: Memory))],
    containers: [
        (name: "uno", image: "busybox", command: ["sh", "-c", "echo hola; sleep 0.1"],
         ports: [(containerPort: 80, hostPort: 8080)], volumeMounts: [(name: "v", mountPath: "/v")]),
        (name: "dos", image: "busybox", command: ["true"]),
    ]))"#;

/// Un Pod cuyo contenedor falla una vez y se reinicia.
const AGAIN: &str = r#"Pod(metadata: (name: "p", annotations: {"micropod/acelera": "1000"}),
    spec: (restartPolicy: OnFailure, terminationGracePeriodSeconds: 1, volumes: [(name: "v", emptyDir: ())],
    containers: [(name: "uno", image: "busybox", volumeMounts: [(name: "v", mountPath: "/v")],
        command: ["sh", "-c", "test -e /v/ya && exit 0; : >/v/ya; exit 1"])]))"#;

const SLEEPER: &str = r#"Pod(metadata: (name: "p"), spec: (terminationGracePeriodSeconds: 0,
    containers: [(name: "uno", image: "busybox", command: ["sleep", "1000"])]))"#;

/// Cuántas de cada clase se prueban si no se piden todas.
const SAMPLE: usize = 8;

/// El error con el que el kernel puede contestar de verdad a cada llamada; ninguno, si no puede fallar
/// o si fallar es quedarse sin memoria.
fn error_of(syscall: &str) -> Option<&'static str> {
    Some(match syscall {
        "openat" | "openat2" | "open" | "socket" | "pipe2" | "memfd_create" | "dup" | "pidfd_open"
        | "eventfd2" | "accept4" | "socketpair" => "error=EMFILE",
        "write" | "writev" | "pwrite64" | "ftruncate" | "mkdir" | "mkdirat" | "rename" | "renameat"
        | "link" | "linkat" | "symlink" | "symlinkat" => "error=ENOSPC",
        "read" | "pread64" | "fsync" | "fdatasync" | "getdents64" | "statx" | "newfstatat" | "readlink"
        | "readlinkat" | "unlink" | "unlinkat" | "rmdir" | "umount2" => "error=EIO",
        "clone" | "clone3" | "fork" | "vfork" => "error=EAGAIN",
        "mount" | "fsopen" | "fsconfig" | "fsmount" | "move_mount" | "open_tree" | "mount_setattr"
        | "setns" | "unshare" | "pivot_root" | "bind" | "sendto" | "sendmsg" => "error=ENOMEM",
        "prctl" | "capset" | "setgroups" | "setresuid" | "setresgid" | "setsid" | "sethostname"
        | "close_range" | "chdir" | "fchdir" | "fchmod" | "fchmodat" | "fchown" | "fchownat" | "seccomp"
        | "setrlimit" | "prlimit64" => "error=EPERM",
        "poll" | "ppoll" | "waitid" | "wait4" | "flock" | "clock_nanosleep" => "error=EINTR",
        _ => return None,
    })
}

/// Las llamadas que deshacen algo: las que borran, y todas desde que se recoge al último contenedor.
fn undoing(sweep: &Sweep, calls: &[Call]) -> Vec<bool> {
    let kills = |c: &Call| c.syscall == "pidfd_send_signal" && c.text.contains("SIGKILL");
    let last = calls.iter().rposition(kills).unwrap_or(calls.len());
    let last = calls[..last].iter().rposition(|c| c.syscall == "waitid").unwrap_or(last);
    let erases =
        |c: &Call| ["unlink", "unlinkat", "rmdir", "umount2", "rename"].contains(&c.syscall.as_str());
    let cleans = ["borrado", "gc"].contains(&sweep.name);
    calls.iter().enumerate().map(|(i, c)| cleans || i > last || erases(c)).collect()
}

/// La avería que una vez dejó un Pod sin pausa, creyendo tenerla: leer quién es, y que falle.
#[test]
fn si_no_se_sabe_quien_es_la_pausa_el_pod_falla_y_se_deshace() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", SHORT);
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    let calls = world.calls_of(&["run", "--rm", "p.ron"]);
    let born = calls.iter().position(|c| c.syscall == "clone3").expect("nace la pausa");
    let after = &calls[born..];
    let open = after.iter().find(|c| c.syscall == "openat" && c.text.contains("/stat\"")).expect("se lee");
    let fault = Fault { syscall: "openat", nth: open.nth, action: "error=EMFILE" };
    let done = world.faulty(&fault, &["run", "--rm", "p.ron"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.err.contains("qué proceso es la pausa"), "{done:?}");
    world.assert_clean();
}

/// La avería que una vez dejó a `delete` esperando para siempre a quien no había oído nada.
#[test]
fn si_no_se_puede_avisar_al_supervisor_se_le_avisa_otra_vez() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("duerme.ron", SLEEPER);
    sleeping(&world);
    let fault = Fault { syscall: "socket", nth: 1, action: "error=EMFILE" };
    world.faulty(&fault, &["delete", "pod", "p", "--timeout=60s"]).ok();
    world.assert_clean();
}

/// La que una vez dejó a un `exec` y a su hijo esperándose el uno al otro.
#[test]
fn si_no_se_puede_decir_adelante_a_un_hijo_no_se_le_espera_para_siempre() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("duerme.ron", SLEEPER);
    sleeping(&world);
    let fault = Fault { syscall: "sendto", nth: 1, action: "error=ENOMEM" };
    let mut running = world.start_faulty(&fault, &["exec", "p", "--", "true"]);
    assert!(ends_in(&mut running, 20), "se esperan: {:?}", world.processes());
    let done = running.wait();
    assert!(done.code == 125 && done.err.contains("no se pudo decir a un hijo que siga"), "{done:?}");
    world.micropod(&["delete", "pod", "p"]).ok();
    world.assert_clean();
}

/// De qué va un barrido.
struct Sweep {
    name: &'static str,
    args: &'static [&'static str],
    /// La avería alcanza a los hijos, y se cuentan sus llamadas.
    family: bool,
    /// Lo que hay que tener antes de cada intento.
    before: fn(&World),
}

struct Point {
    syscall: String,
    nth: usize,
    action: &'static str,
    /// Ya se está deshaciendo: si no se puede, lo que iba a borrarse se queda hasta el siguiente comando.
    undoing: bool,
}

fn points(sweep: &Sweep, calls: &[Call]) -> Vec<Point> {
    // la primera llamada es el execve de strace, que aún no es micropod; y soltar un cerrojo no falla
    let own =
        |c: &&Call| !["execve", "exit_group"].contains(&c.syscall.as_str()) && !c.text.contains("LOCK_UN");
    let undoing = undoing(sweep, calls);
    let calls: Vec<(&Call, bool)> = calls.iter().zip(undoing).filter(|(c, _)| own(c)).collect();
    let point = |c: &Call, action, undoing| Point { syscall: c.syscall.clone(), nth: c.nth, action, undoing };
    let killed: Vec<Point> = calls.iter().map(|(c, undoing)| point(c, "signal=KILL", *undoing)).collect();
    let failed =
        calls.iter().filter_map(|(c, undoing)| Some(point(c, error_of(&c.syscall)?, *undoing))).collect();
    let all: [Vec<Point>; 2] = [killed, failed];
    let wanted = wanted();
    let pick = |all: Vec<Point>| {
        let step = (all.len() / wanted).max(1);
        all.into_iter().skip(step / 2).step_by(step)
    };
    assert!(all.iter().all(|a| a.len() > SAMPLE), "{}: faltan llamadas", sweep.name);
    all.into_iter().flat_map(pick).collect()
}

/// Cuántas de cada clase, y de cada barrido.
fn wanted() -> usize {
    std::env::var("MICROPOD_AVERIAS").map_or(SAMPLE, |n| n.parse().expect("MICROPOD_AVERIAS es un número"))
}

/// Lo que pasó en un punto, si algo pasó.
fn problem(world: &World, sweep: &Sweep, point: &Point) -> Option<String> {
    (sweep.before)(world);
    let fault = Fault { syscall: &point.syscall, nth: point.nth, action: point.action };
    let mut running = match sweep.family {
        true => world.start_faulty_family(&fault, sweep.args),
        false => world.start_faulty(&fault, sweep.args),
    };
    // quien no ha podido crear un contenedor espera 10 s y vuelve a probar, y lo dice: no está colgado
    let waits = !ends_in(&mut running, 5);
    if waits {
        for (pid, line) in world.processes() {
            if !line.starts_with("strace") {
                world.command("kill").args(["-TERM", &pid.to_string()]).output().unwrap();
            }
        }
    }
    if !ends_in(&mut running, 5) {
        let still = world.processes();
        for (pid, _) in &still {
            world.command("kill").args(["-KILL", &pid.to_string()]).output().unwrap();
        }
        world.micropod(&["gc"]);
        return Some(format!("sigue tras 10 s: {still:?}"));
    }
    let done = running.wait();
    let mut told = String::new();
    if waits && !done.err.contains("se vuelve a intentar") {
        write!(told, "seguía a los 5 s sin decir por qué ").unwrap();
    }
    if done.code == 101 || done.err.contains("panicked") {
        write!(told, "pánico: {} ", done.err).unwrap();
    }
    // quien vuelve con un error ha deshecho lo suyo, sin que nadie recoja detrás
    let returned = point.action != "signal=KILL" && done.code < 128 && !point.undoing;
    if returned && sweep.name != "exec" {
        forget_record(world);
        write_left(world, "al volver con un error", &mut told);
    }
    world.micropod(&["delete", "pod", "p", "--grace-period=0"]);
    let gc = world.micropod(&["gc"]);
    if gc.code != 0 {
        write!(told, "gc: {gc:?} ").unwrap();
    }
    write_left(world, "tras recoger", &mut told);
    (!told.is_empty()).then(|| format!("{told}\n    (código {}: {})", done.code, done.err.trim()))
}

fn ends_in(running: &mut Running, seconds: u64) -> bool {
    let deadline = Instant::now() + patience(seconds);
    while !running.has_ended() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    true
}

/// La ficha de un Pod que llegó a nacer, y sus logs, se quedan para contarlo: no son restos, pero nada más. Se
/// quitan a mano, porque cualquier orden de micropod recogería también lo que no se hubiera deshecho.
fn forget_record(world: &World) {
    world.sh("rm -rf /run/micropod/pods/p /var/log/micropod/p");
}

fn write_left(world: &World, when: &str, told: &mut String) {
    let left = world.leftovers();
    if !left.is_empty() {
        write!(told, "{when} queda {left:?} ").unwrap();
    }
}

fn sweep(sweep: &Sweep) {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    for (name, text) in [("p.ron", SHORT), ("otra.ron", AGAIN), ("duerme.ron", SLEEPER)] {
        world.write(name, text);
    }
    // la primera vez crea lo que es de todos los Pods; después, todas son iguales
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    (sweep.before)(&world);
    let calls = match sweep.family {
        true => world.calls_of_children(sweep.args),
        false => world.calls_of(sweep.args),
    };
    world.micropod(&["delete", "pod", "p", "--grace-period=0"]);
    let points = points(sweep, &calls);
    let mut broken = Vec::new();
    for point in &points {
        // una máquina muy cargada puede tardar: solo cuenta lo que pasa dos veces seguidas
        let Some(_) = problem(&world, sweep, point) else { continue };
        if let Some(told) = problem(&world, sweep, point) {
            broken.push(format!("{} {} n.º {}: {told}", point.action, point.syscall, point.nth));
            // y el siguiente punto empieza en un mundo limpio
            world.expect_leftovers();
            let clean = World::with_busybox();
            for (name, text) in [("p.ron", SHORT), ("otra.ron", AGAIN), ("duerme.ron", SLEEPER)] {
                clean.write(name, text);
            }
            clean.micropod(&["run", "--rm", "p.ron"]).ok();
            world = clean;
        }
    }
    common::figure(&format!("averias {}", sweep.name), points.len(), broken.len());
    assert!(broken.is_empty(), "{} de {}:\n{}", broken.len(), points.len(), broken.join("\n"));
}

#[test]
fn ninguna_averia_al_arrancar_y_parar_cuelga_ni_deja_restos() {
    sweep(&Sweep {
        name: "arranque y parada",
        args: &["run", "--rm", "p.ron"],
        family: false,
        before: |_| {},
    });
}

#[test]
fn ninguna_averia_en_los_hijos_cuelga_ni_deja_restos() {
    sweep(&Sweep { name: "hijos", args: &["run", "--rm", "p.ron"], family: true, before: |_| {} });
}

#[test]
fn ninguna_averia_al_reiniciar_cuelga_ni_deja_restos() {
    sweep(&Sweep { name: "reinicio", args: &["run", "--rm", "otra.ron"], family: false, before: |_| {} });
}

fn sleeping(world: &World) {
    world.micropod(&["run", "-d", "duerme.ron"]).ok();
}

#[test]
fn ninguna_averia_al_ejecutar_dentro_cuelga_ni_deja_restos() {
    sweep(&Sweep { name: "exec", args: &["exec", "p", "--", "true"], family: false, before: sleeping });
}

#[test]
fn ninguna_averia_al_borrar_cuelga_ni_deja_restos() {
    sweep(&Sweep { name: "borrado", args: &["delete", "pod", "p"], family: false, before: sleeping });
}

#[test]
fn ninguna_averia_al_recoger_cuelga_ni_deja_restos() {
    let before = |world: &World| {
        sleeping(world);
        let supervisor = |(_, line): &&(i32, String)| line.contains("duerme.ron");
        let all = world.processes();
        let (pid, _) = all.iter().find(supervisor).expect("hay un supervisor");
        world.kill("KILL", *pid);
    };
    sweep(&Sweep { name: "gc", args: &["gc"], family: false, before });
}
