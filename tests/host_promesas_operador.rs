//! Promesas G, H, I y J: un programa que corre como root, entre averías y con quien lo usa mal.

mod common;
use common::faults::Fault;
use common::{World, is_root, patience, run, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

fn pod(fields: &str, container: &str) -> String {
    format!(
        r#"Pod(metadata: (name: "p"), spec: (terminationGracePeriodSeconds: 1, {fields}
            containers: [(name: "c", image: "busybox", {container})]))"#
    )
}

const SLEEP: &str = r#"command: ["sleep", "1000"]"#;
const DONE: &str = r#"command: ["true"]"#;

fn world_with(text: &str) -> World {
    let world = World::with_busybox();
    world.write("p.ron", text);
    world
}

fn binary() -> String {
    common::binary().display().to_string()
}

fn no_panic(done: &common::Done) {
    assert!(done.code != 101 && !done.err.contains("panicked"), "{done:?}");
}

/// El pid (en el mundo) del proceso cuya línea de comandos casa.
fn pid_of(world: &World, wanted: impl Fn(&str) -> bool) -> i32 {
    let found = world.processes().into_iter().find(|(_, line)| wanted(line));
    found.unwrap_or_else(|| panic!("no está: {:?}", world.processes())).0
}

#[test]
fn j1_sin_root_se_dice_en_una_linea_y_no_se_hace_nada() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("", DONE));
    let done = run(world.command_as_nobody(common::binary()).args(["run", "p.ron"])).exits(1);
    assert!(done.err.starts_with("error: hace falta ser administrador"), "{done:?}");
    world.assert_clean();
}

#[test]
fn j1_sin_root_se_ensaya_un_pod_con_imagen_y_se_saca_su_guion_sin_poder_entrar_en_ella() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("", DONE));
    let as_nobody = |program: &Path, args: &[&str]| run(world.command_as_nobody(program).args(args));
    for args in [&["run", "p.ron", "--dry-run"][..], &["guion", "p.ron"], &["image", "ls"]] {
        let done = as_nobody(&common::binary(), args).ok();
        assert!(done.out.contains("busybox"), "{args:?}");
    }
    // los ejecutables setuid de una imagen no están al alcance de nadie
    let images = "/var/lib/micropod/images/busybox";
    as_nobody(Path::new("/bin/cat"), &[&format!("{images}/config.json")]).ok();
    as_nobody(Path::new("/bin/cat"), &[&format!("{images}/rootfs/bin/busybox")]).exits(1);
    world.assert_clean();
}

#[test]
fn j2_ni_el_path_ni_el_directorio_ni_el_entorno_cuelan_un_programa() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod(
        r#"restartPolicy: Never,"#,
        r#"command: ["true"], ports: [(containerPort: 80, hostPort: 8080)],
           startupProbe: (httpGet: (host: "nadie.example", port: 80))"#,
    ));
    let mark = world.dir().join("colado");
    let evil = world.dir().join("malo");
    fs::create_dir(&evil).unwrap();
    for name in
        "ip nft iptables tar mount umount runc crun nsenter sh bash modprobe getent unshare env".split(' ')
    {
        let path = evil.join(name);
        fs::write(&path, format!("#!/bin/busybox sh\n/bin/busybox touch {}\n", mark.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = world.command("/usr/bin/env");
    command
        .args(["-C", "malo"])
        .arg(format!("PATH={}:.", evil.display()))
        .args(["IFS=/", "LD_LIBRARY_PATH=."]);
    command.arg(format!("BASH_ENV={}", evil.join("sh").display()));
    let done = run(command.arg(common::binary()).args(["run", "--rm", "../p.ron"]));
    no_panic(&done);
    done.ok();
    assert!(!mark.exists(), "se ha ejecutado un programa ajeno");
}

#[test]
fn j3_en_sitios_raros_funciona_o_lo_dice() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("restartPolicy: Never,", DONE));
    let file = world.dir().join("p.ron").display().to_string();
    run(world.command("/usr/bin/env").arg("-i").arg(common::binary()).args(["run", "--rm", "p.ron"])).ok();
    let gone = format!("mkdir ido; cd ido; rmdir ../ido; {} run --rm {file}", binary());
    let done = run(world.command("sh").args(["-c", &gone]));
    no_panic(&done);
    assert!(done.code == 0 || done.err.starts_with("error: "), "{done:?}");
    let latin = format!("LANG=C LC_ALL=C TERM= {} run --rm p.ron", binary());
    run(world.command("sh").args(["-c", &latin])).ok();
    world.assert_clean();
}

/// Los permisos de cuanto hay en un Pod lanzado con esa umask: lo que guarda micropod y lo que se ve dentro.
fn modes_with(umask: &str) -> Vec<String> {
    let fields = r#"volumes: [(name: "v"), (name: "m", emptyDir: (medium: Memory))],"#;
    let mounts = r#"volumeMounts: [(name: "v", mountPath: "/v"), (name: "m", mountPath: "/m")]"#;
    let world = world_with(&pod(fields, &format!("{SLEEP}, {mounts}")));
    world.sh(&format!("umask {umask}; {} run -d p.ron", binary()));
    let inside = "stat -c '%a %n' / /dev /dev/null /dev/shm /dev/termination-log /v /m /etc/hosts /etc/hostname \
                  /etc/resolv.conf; umask";
    let mut all: Vec<String> =
        world.micropod(&["exec", "p", "--", "sh", "-c", inside]).ok().out.lines().map(String::from).collect();
    for dir in ["/run/micropod", "/var/log/micropod", "/var/lib/micropod/pods", "/var/lib/micropod/suelo"] {
        let listed = world.sh(&format!("find {dir} -exec stat -c '%a %n' {{}} + | sort -k 2"));
        // el UID de cada Pod es otro
        let anonymous = |line: &str| {
            let parts: Vec<&str> = line.split('/').map(|p| if p.len() == 36 { "UID" } else { p }).collect();
            parts.join("/")
        };
        all.extend(listed.lines().map(anonymous));
    }
    world.micropod(&["delete", "pod", "p", "--grace-period=0"]).ok();
    all
}

#[test]
fn j4_los_permisos_no_dependen_de_la_umask_de_quien_lo_lanza() {
    if !is_root() {
        return;
    }
    let open = modes_with("000");
    assert!(open.len() > 25, "{open:?}");
    for line in ["666 /dev/termination-log", "644 /etc/hosts", "1777 /dev/shm", "777 /v", "777 /m", "0022"] {
        assert!(open.iter().any(|l| l == line), "{line}: {open:?}");
    }
    assert_eq!(open, modes_with("077"));
}

#[test]
fn j7_con_la_salida_llena_se_dice_y_no_hay_panico() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("", SLEEP));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    for line in ["get pods", "describe pod p", "version", "gc", "explain pod", "delete pod p"] {
        let done = run(world.command("sh").args(["-c", &format!("{} {line} >/dev/full", binary())]));
        no_panic(&done);
        assert!([0, 1, 2].contains(&done.code), "{line}: {done:?}");
    }
    world.micropod(&["delete", "pod", "p", "--ignore-not-found"]);
    world.assert_clean();
}

/// Todos los ficheros que cuelgan de un directorio.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|p| p.is_dir() && !p.is_symlink());
    files.into_iter().filter(|p| p.is_file()).chain(dirs.iter().flat_map(|d| self::files(d))).collect()
}

#[test]
fn j8_los_secretos_no_salen_en_argumentos_ni_en_nada_que_lea_otro() {
    if !is_root() {
        return;
    }
    let secret = "P4SS-que-no-sale";
    let text = format!("{SLEEP}, env: [(name: \"CLAVE\", value: \"{secret}\")]");
    let world = world_with(&pod("", &text));
    let line = format!("RUST_LOG=trace {} run -d p.ron", binary());
    let done = run(world.command("sh").args(["-c", &line])).ok();
    assert!(!done.err.contains(secret) && !done.out.contains(secret), "en los diagnósticos: {done:?}");
    for (pid, line) in world.processes() {
        assert!(!line.contains(secret), "{pid}: {line}");
    }
    for dir in ["/run/micropod", "/var/log/micropod", "/var/lib/micropod/pods"] {
        for path in files(&world.path(dir)) {
            let found = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(secret);
            let mode = fs::metadata(&path).map_or(0o600, |m| m.permissions().mode() & 0o777);
            assert!(!found || mode == 0o600, "{} lo tiene, con modo {mode:o}", path.display());
        }
    }
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn f8_variables_y_argumentos_imposibles_se_rechazan_sin_tocar_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for bad in [
        r#"command: ["true"], env: [(name: "A=B", value: "x")]"#,
        r#"command: ["true"], env: [(name: "", value: "x")]"#,
        r#"command: ["true"], env: [(name: "A", value: "x\u{0}y")]"#,
        r#"command: ["true\u{0}"]"#,
        r#"command: ["true"], args: ["\u{0}"]"#,
    ] {
        world.write("p.ron", &pod("", bad));
        let done = world.micropod(&["run", "p.ron"]).exits(2);
        no_panic(&done);
        world.assert_clean();
    }
}

#[test]
fn f16_lo_que_dice_un_contenedor_no_lleva_escapes_a_la_terminal_de_quien_mira() {
    if !is_root() {
        return;
    }
    let line = r"printf 'mal\033[2J\033]0;x\007\342\200\256fin' >/dev/termination-log; exit 1";
    let container = format!("command: [\"sh\", \"-c\", r#\"{line}\"#]");
    let world = world_with(&pod("restartPolicy: Never,", &container));
    world.micropod(&["run", "p.ron"]);
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    let turns = |c: char| ('\u{202a}'..='\u{202e}').contains(&c);
    for args in [
        &["describe", "pod", "p"][..],
        &["get", "pods", "-o", "wide"],
        &["get", "pod", "p", "-o", "yaml"],
        &["get", "pod", "p", "-o", "json"],
        &["events"],
        &["por-que", "p"],
    ] {
        let done = world.micropod(args);
        // YAML y JSON son para programas, y van byte a byte como los de kubectl: allí lo que da la vuelta al
        // texto es un carácter más
        let data = ["yaml", "json"].contains(args.last().unwrap());
        let hostile = |c: char| control(c) || !data && turns(c);
        let bad: Vec<&str> =
            done.out.lines().chain(done.err.lines()).filter(|l| l.contains(hostile)).collect();
        assert!(bad.is_empty(), "{args:?}: {bad:?}");
    }
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn g6_una_linea_sin_fin_con_nulos_y_bytes_rotos_se_guarda_entera_y_no_engorda_a_nadie() {
    if !is_root() {
        return;
    }
    let line = r"head -c 8388608 /dev/zero; printf '\377\376\n'; sleep 1000";
    let world = world_with(&pod("", &format!("command: [\"sh\", \"-c\", r#\"{line}\"#]")));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let logged = || {
        let done = world.command(common::binary()).args(["logs", "p"]).output().unwrap();
        done.stdout
    };
    wait_until("que llegue la línea entera", 30, || logged().ends_with(b"\xff\xfe\n"));
    let out = logged();
    assert_eq!(out.len(), 8388608 + 3);
    assert!(out[..8388608].iter().all(|b| *b == 0));
    let pid = pid_of(&world, |line| line.contains("p.ron"));
    let status = world.read(&format!("/proc/{pid}/status"));
    let kilobytes = |what: &str| -> u64 {
        let value = status.lines().find_map(|l| l.strip_prefix(what)).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let (peak, kept) = (kilobytes("VmHWM:"), kilobytes("RssAnon:"));
    assert!(peak < 32 * 1024 && kept < 4096, "el supervisor llegó a {peak} kB y retiene {kept} kB");
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn g9_con_muy_pocos_descriptores_ni_panico_ni_restos() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("restartPolicy: Never,", DONE));
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    let mut worked = 0;
    for n in (3..32).step_by(2) {
        let line = format!("ulimit -n {n}; exec timeout 20 {} run --rm p.ron", binary());
        let done = run(world.command("sh").args(["-c", &line]));
        no_panic(&done);
        // a quien no puede crear un contenedor le para el plazo: lo vuelve a intentar y lo dice
        let waits = done.err.contains("se vuelve a intentar");
        assert!(done.code != 124 || waits, "con {n} descriptores se cuelga: {done:?}");
        worked += usize::from(done.code == 0);
        world.micropod(&["gc"]).ok();
        world.assert_clean();
    }
    assert!(worked > 0, "con 31 descriptores tiene que ir bien");
}

#[test]
fn g10_si_falta_memoria_el_supervisor_es_el_ultimo_y_el_contenedor_no_se_puede_colar() {
    if !is_root() {
        return;
    }
    let line = "echo -1000 >/proc/self/oom_score_adj && echo colado >/dev/termination-log; exec sleep 1000";
    let world = world_with(&pod("", &format!("command: [\"sh\", \"-c\", \"{line}\"]")));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let adj = |wanted: &str| -> i32 {
        let pid = pid_of(&world, |line| line.contains(wanted));
        world.read(&format!("/proc/{pid}/oom_score_adj")).trim().parse().unwrap()
    };
    wait_until("que duerma", 5, || world.processes().iter().any(|(_, l)| l == "sleep 1000"));
    assert_eq!(adj("sleep 1000"), 1000, "sin pedir nada, el primero en caer");
    // bajarlo exige CAP_SYS_RESOURCE: sin ella, el kernel lo deja como estaba
    let allowed = world.sh("(echo -999 >/proc/self/oom_score_adj) 2>/dev/null && echo sí; true");
    assert!(allowed.is_empty() || adj("p.ron") == -999, "el supervisor, de los últimos: {}", adj("p.ron"));
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn g11_si_comparten_procesos_la_pausa_recoge_a_los_huerfanos() {
    if !is_root() {
        return;
    }
    let line = "for i in $(seq 60); do (sleep 0.01 &); done; echo hechos; exec sleep 1000";
    let text = pod("shareProcessNamespace: true,", &format!("command: [\"sh\", \"-c\", \"{line}\"]"));
    let world = world_with(&text);
    world.micropod(&["run", "-d", "p.ron"]).ok();
    wait_until("que los cree todos", 10, || world.micropod(&["logs", "p"]).out.contains("hechos"));
    let zombies = || {
        let states = world
            .processes()
            .into_iter()
            .filter_map(|(pid, _)| fs::read_to_string(world.path(&format!("/proc/{pid}/stat"))).ok());
        states.filter(|stat| stat.contains(") Z ")).count()
    };
    wait_until("que no quede ningún zombi", 5, || zombies() == 0);
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn h6_un_kernel_lento_no_bloquea_la_parada() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("", SLEEP));
    world.micropod(&["run", "--rm", "-d", "p.ron"]).ok();
    world.micropod(&["delete", "pod", "p"]).ok();
    let fault = Fault { syscall: "rmdir", nth: 1, action: "delay_enter=3000000" };
    let running = world.start_faulty(&fault, &["run", "--rm", "p.ron"]);
    wait_until("que duerma", 10, || world.processes().iter().any(|(_, l)| l == "sleep 1000"));
    world.micropod(&["delete", "pod", "p"]).ok();
    running.wait();
    world.assert_clean();
}

#[test]
fn h14_un_supervisor_congelado_se_pone_al_dia_una_vez_y_no_a_rafagas() {
    if !is_root() {
        return;
    }
    let probe = r#"livenessProbe: (periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 100,
        exec: (command: ["sh", "-c", "echo x >>/veces"]))"#;
    let world = world_with(&pod("", &format!("{SLEEP}, {probe}")));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let pid = pid_of(&world, |line| line.contains("p.ron"));
    let times = || world.micropod(&["exec", "p", "--", "cat", "/veces"]).out.lines().count();
    wait_until("que empiece a mirar", 10, || times() > 0);
    world.kill("STOP", pid);
    std::thread::sleep(Duration::from_secs(5));
    let before = times();
    let started = Instant::now();
    world.kill("CONT", pid);
    wait_until("que vuelva a mirar", 10, || times() > before);
    std::thread::sleep(Duration::from_millis(500));
    let extra = times() - before;
    let allowed = 2 + started.elapsed().as_secs() as usize;
    assert!(extra <= allowed, "{extra} sondas en {:?}", started.elapsed());
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn h15_un_contenedor_detenido_o_congelado_se_puede_parar() {
    if !is_root() {
        return;
    }
    for freeze in [false, true] {
        let world = world_with(&pod("", SLEEP));
        world.micropod(&["run", "-d", "p.ron"]).ok();
        if freeze {
            fs::write(world.cgroup().join("micropod/p/c/cgroup.freeze"), "1").unwrap();
        } else {
            world.kill("STOP", pid_of(&world, |line| line == "sleep 1000"));
        }
        let started = Instant::now();
        world.micropod(&["delete", "pod", "p", "--grace-period=1"]).ok();
        assert!(started.elapsed() < patience(6), "congelado: {freeze}, {:?}", started.elapsed());
        world.assert_clean();
    }
}

#[test]
fn i2_run_delete_y_gc_a_la_vez_no_se_estorban() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("restartPolicy: Never,", r#"command: ["sleep", "0.1"]"#));
    let repeat = |args: &'static [&'static str]| {
        let world = &world;
        move || {
            for _ in 0..15 {
                let done = world.micropod(args);
                no_panic(&done);
                assert!([0, 1].contains(&done.code), "{args:?}: {done:?}");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(repeat(&["run", "--rm", "p.ron"]));
        scope.spawn(repeat(&["gc"]));
        scope.spawn(repeat(&["delete", "pod", "p", "--grace-period=0", "--ignore-not-found"]));
    });
    world.micropod(&["delete", "pod", "p", "--grace-period=0", "--ignore-not-found"]).ok();
    world.micropod(&["gc"]).ok();
    world.assert_clean();
}

#[test]
fn i4_un_estado_estropeado_ni_cuelga_ni_confunde_y_gc_lo_recoge() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("restartPolicy: Never,", DONE));
    for round in 0..16 {
        world.micropod(&["run", "p.ron"]).ok();
        for name in ["pod.json", "status.json"] {
            let path = world.path(&format!("/run/micropod/pods/p/{name}"));
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() * (round + 1) / 18;
            match round % 3 {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << (round % 8),
                _ => bytes[at..].fill(0),
            }
            fs::write(&path, bytes).unwrap();
        }
        for args in
            [&["get", "pods"][..], &["describe", "pod", "p"], &["logs", "p"], &["por-que", "p"], &["events"]]
        {
            let started = Instant::now();
            let done = world.micropod(args);
            no_panic(&done);
            assert!([0, 1, 2].contains(&done.code), "vuelta {round}, {args:?}: {done:?}");
            assert!(started.elapsed() < patience(10), "vuelta {round}, {args:?}");
        }
        world.micropod(&["gc"]).ok();
        world.assert_clean();
    }
}

#[test]
fn i6_muera_donde_muera_al_escribir_su_estado_se_lee_lo_viejo_o_lo_nuevo() {
    if !is_root() {
        return;
    }
    let world = world_with(&pod("restartPolicy: Never,", DONE));
    world.micropod(&["run", "--rm", "p.ron"]).ok();
    let calls = world.calls_of(&["run", "--rm", "p.ron"]);
    // abrir el fichero de al lado, escribirlo y ponerlo en su sitio
    let mut points = Vec::new();
    for (i, call) in calls.iter().enumerate() {
        let opens =
            call.syscall == "openat" && (call.text.contains("status.tmp") || call.text.contains("pod.tmp"));
        if opens {
            points.extend(
                calls[i..(i + 6).min(calls.len())]
                    .iter()
                    .filter(|c| ["openat", "write", "rename", "close"].contains(&c.syscall.as_str())),
            );
        }
    }
    assert!(points.len() > 8, "{points:?}");
    for call in points {
        let fault = Fault { syscall: &call.syscall, nth: call.nth, action: "signal=KILL" };
        let died = world.faulty(&fault, &["run", "--rm", "p.ron"]);
        no_panic(&died);
        // antes de que nadie recoja: lo que haya, está entero
        let written = ["pod.json", "status.json"].map(|name| world.path("/run/micropod/pods/p").join(name));
        for text in written.iter().filter_map(|path| fs::read_to_string(path).ok()) {
            let text = text.trim();
            assert!(text.starts_with('{') && text.ends_with('}'), "{fault:?}: a medias: {text:?}");
        }
        let missing = !written[0].exists();
        let done = world.micropod(&["get", "pod", "p", "-o", "json"]);
        let missing = missing && (done.err.contains("not found") || done.err.contains("no hay ningún Pod"));
        assert!(done.code == 0 && done.out.starts_with('{') || missing, "{fault:?}: {done:?}");
        wait_until("que muera todo", 3, || world.processes().is_empty());
        world.micropod(&["gc"]).ok();
        world.assert_clean();
    }
}
