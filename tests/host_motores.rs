//! Los mismos Pods con cada motor, y los mismos hechos, leídos en el kernel: `/proc`, las rutas de los
//! espacios de nombres y lo que ven los procesos. De aquí sale la tabla del capítulo 22.

mod common;

use common::{RUNTIMES, World, is_root, only_columns, project, table, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Lo que se ha visto con un motor: hecho y valor, en el orden en que se enseñan.
type Facts = Vec<(&'static str, String)>;

fn write(world: &World, name: &str, fields: &str, containers: &str) -> String {
    let text = format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{containers}]))");
    world.write(&format!("{name}.ron"), &text).to_str().unwrap().to_string()
}

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

fn start(world: &World, runtime: &str, name: &str, fields: &str, containers: &str) {
    let file = write(world, name, fields, containers);
    world.micropod(&["run", "-d", "--acelera", "100", "--runtime", runtime, &file]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

fn pids_of(world: &World, text: &str) -> Vec<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

fn pid_of(world: &World, text: &str) -> i32 {
    wait_until(text, 10, || !pids_of(world, text).is_empty());
    pids_of(world, text)[0]
}

fn namespace(world: &World, pid: i32, name: &str) -> u64 {
    fs::metadata(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino()
}

/// Un campo de `/proc/PID/status`, sin lo que sobra.
fn status_field(world: &World, pid: i32, name: &str) -> String {
    let text = world.read(&format!("/proc/{pid}/status"));
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{name}:"))).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// El estado que publica el supervisor, para lo que no está en el kernel: fases y reinicios.
fn published(world: &World, name: &str) -> serde_json::Value {
    let text = fs::read_to_string(world.path(&format!("/run/micropod/pods/{name}/status.json")));
    serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default()
}

/// El ritmo de una sonda que ejecuta algo. En la micro-VM, sin KVM, un `exec` de runc tarda varios segundos: con el
/// de fábrica ninguna llegaría a acertar, y no dejarían sitio a nadie.
fn pace() -> &'static str {
    match std::env::var_os("MICROPOD_VM") {
        Some(_) => "periodSeconds: 10, timeoutSeconds: 20",
        None => "periodSeconds: 1",
    }
}

fn yes(what: bool) -> String {
    if what { "sí" } else { "no" }.to_string()
}

/// Un contenedor que acaba: su código, lo que dice y lo que puede desde dentro.
fn one(world: &World, runtime: &str, facts: &mut Facts) {
    let line = "echo hola; echo ay >&2; mount -t tmpfs t /tmp 2>/dev/null && echo monta
        unshare -U true 2>/dev/null && echo separa
        (echo 1 > /proc/sys/vm/swappiness) 2>/dev/null && echo escribe
        [ -s /proc/kcore ] && echo memoria
        printf adios > /dev/termination-log; exit 7";
    let file = write(world, "uno", "restartPolicy: Never,", &shell("c", line, ""));
    let done = world.micropod(&["run", "--runtime", runtime, &file]).exits(7);
    let status = published(world, "uno");
    let end = &status["status"]["containers"][0]["state"];
    facts.push(("código con el que sale `run`", done.code.to_string()));
    facts.push(("fase", status["status"]["phase"].as_str().unwrap_or_default().to_string()));
    facts.push(("mensaje de despedida", yes(end.to_string().contains("adios"))));
    let log = world.read("/var/log/micropod/uno/c/0.log");
    // la salida y los errores llegan cada uno por su tubería: quién va antes no está escrito
    let mut said: Vec<&str> = log.lines().filter_map(|l| l.splitn(4, ' ').nth(3)).collect();
    said.sort();
    facts.push(("lo que queda en su log", said.join(" ")));
    delete(world, "uno");
}

/// Dos contenedores de un Pod, mirados desde fuera.
fn two(world: &World, runtime: &str, facts: &mut Facts) {
    let web = "echo desde el otro > /v/index.html; exec httpd -f -p 8080 -h /v";
    let mounts = |extra: &str| {
        format!("volumeMounts: [(name: \"v\", mountPath: \"/v\"{extra}), (name: \"m\", mountPath: \"/m\")],")
    };
    let guest = "securityContext: (runAsUser: 1000, runAsGroup: 1001, readOnlyRootFilesystem: true,
        capabilities: (drop: [\"ALL\"])), workingDir: \"/m\", env: [(name: \"COLOR\", value: \"azul\")],
        readinessProbe: (exec: (command: [\"test\", \"-e\", \"/v/index.html\"]), PACE),";
    let guest = guest.replace("PACE", pace());
    let containers = shell("web", web, &mounts(""))
        + &shell("ojo", "exec sleep 3001", &(guest + &mounts(", readOnly: true")));
    let volumes = "volumes: [(name: \"v\", emptyDir: ()), (name: \"m\", emptyDir: (medium: Memory))],
        securityContext: (fsGroup: 2000, supplementalGroups: [3000]),";
    start(world, runtime, "par", volumes, &containers);
    let web = pid_of(world, "httpd -f -p 8080 -h /v");
    let ojo = pid_of(world, "sleep 3001");
    let same = |name| namespace(world, web, name) == namespace(world, ojo, name);
    facts.push(("comparten red, IPC y nombre", yes(["net", "ipc", "uts"].into_iter().all(same))));
    let apart = ["mnt", "pid", "cgroup"].into_iter().all(|name| !same(name));
    facts.push(("cada uno, sus montajes, procesos y cgroups", yes(apart)));
    let address = world.sh(&format!("nsenter -t {ojo} -n ip -4 -o addr show eth0"));
    facts.push(("IP del Pod", address.split_whitespace().nth(3).unwrap_or_default().to_string()));
    facts.push(("es el PID 1 de los suyos", yes(status_field(world, ojo, "NSpid").ends_with(" 1"))));
    let file = |pid: i32| fs::metadata(world.path(&format!("/proc/{pid}/root/v/index.html"))).unwrap();
    facts.push(("ven el mismo fichero del volumen", yes(file(web).ino() == file(ojo).ino())));
    let page = ["exec", "par", "-c", "ojo", "--", "wget", "-qO-", "http://127.0.0.1:8080/"];
    facts.push(("por localhost se oye", world.micropod(&page).ok().out.trim().to_string()));
    facts.push(("usuario", status_field(world, ojo, "Uid")));
    facts.push(("grupo", status_field(world, ojo, "Gid")));
    facts.push(("grupos", status_field(world, ojo, "Groups")));
    facts.push(("capacidades de root", status_field(world, web, "CapEff")));
    facts.push(("tope de capacidades de root", status_field(world, web, "CapBnd")));
    facts.push((
        "capacidades del otro, y su tope",
        format!("{} {}", status_field(world, ojo, "CapEff"), status_field(world, ojo, "CapBnd")),
    ));
    facts.push(("no_new_privs", status_field(world, ojo, "NoNewPrivs")));
    facts.push(("modo de seccomp", status_field(world, ojo, "Seccomp")));
    let adj = world.read(&format!("/proc/{ojo}/oom_score_adj"));
    facts.push(("oom_score_adj", adj.trim().to_string()));
    let limits = world.read(&format!("/proc/{ojo}/limits"));
    let open = limits.lines().find(|l| l.starts_with("Max open files")).unwrap_or_default();
    facts.push((
        "ficheros abiertos, como mucho",
        open.split_whitespace().nth(3).unwrap_or_default().to_string(),
    ));
    let cwd = fs::read_link(world.path(&format!("/proc/{ojo}/cwd"))).unwrap();
    facts.push(("directorio de trabajo", cwd.display().to_string()));
    let env = world.read(&format!("/proc/{ojo}/environ"));
    let mut env: Vec<&str> = env.split('\0').filter(|e| !e.is_empty()).collect();
    env.sort();
    facts.push(("entorno", env.join(" ")));
    mounts_of(world, ojo, facts);
    let cgroup = fs::read_to_string(world.path(&format!("/proc/{ojo}/cgroup"))).unwrap();
    let cgroup = cgroup.lines().find_map(|l| l.strip_prefix("0::")).unwrap_or_default();
    facts.push(("grupo de control", yes(cgroup.ends_with("/micropod/par/ojo"))));
    let group = ["exec", "par", "-c", "ojo", "--", "sh", "-c", "id -u; exit 9"];
    let done = world.micropod(&group).exits(9);
    facts.push(("usuario y código de un `exec`", format!("{} {}", done.out.trim(), done.code)));
    let done = world.micropod(&["exec", "par", "-c", "ojo", "--", "nada"]);
    let named = done.err.contains("nada");
    facts.push(("un `exec` de lo que no está", format!("{} {}", done.code, yes(named))));
    wait_until("que la sonda acierte", 20, || published(world, "par").to_string().contains("\"ready\":true"));
    facts.push(("la sonda de comando acierta", yes(true)));
    delete(world, "par");
}

/// Cómo ve un contenedor su raíz y sus volúmenes.
fn mounts_of(world: &World, pid: i32, facts: &mut Facts) {
    let text = world.read(&format!("/proc/{pid}/mountinfo"));
    let mut seen = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let kind = line.split(" - ").nth(1).and_then(|l| l.split(' ').next()).unwrap_or_default();
        let mut options: Vec<&str> =
            words[5].split(',').filter(|o| ["ro", "rw", "nosuid", "nodev", "noexec"].contains(o)).collect();
        options.sort();
        seen.insert(words[4].to_string(), (kind.to_string(), options.join(",")));
    }
    let of = |path: &str| seen.get(path).map_or("-".into(), |(kind, options)| format!("{kind} {options}"));
    facts.push(("la raíz", of("/")));
    facts.push(("/proc", of("/proc")));
    facts.push(("/sys", of("/sys")));
    facts.push(("/dev/shm", of("/dev/shm")));
    facts.push(("volumen de solo lectura", seen.get("/v").map_or("-".into(), |(_, o)| o.clone())));
    facts.push(("volumen en memoria", of("/m")));
    facts.push(("/etc/hosts", of("/etc/hosts")));
    let delicate = ["/proc/kcore", "/proc/kallsyms", "/proc/keys", "/sys/firmware", "/proc/sys"];
    let covered = |path: &&str| seen.contains_key(*path);
    let hidden = delicate.iter().filter(|path| fs::metadata(path).is_ok()).all(covered);
    facts.push(("lo delicado, tapado o de solo lectura", yes(hidden)));
}

/// Reinicios, sondas que fallan, señales y programas que no están.
fn lives(world: &World, runtime: &str, facts: &mut Facts) {
    let volume = "volumes: [(name: \"v\", emptyDir: ())],";
    let mounted = "volumeMounts: [(name: \"v\", mountPath: \"/v\")],";
    let line = "[ -e /v/ya ] && exit 0; touch /v/ya; exit 3";
    let fields = format!("restartPolicy: OnFailure, {volume}");
    let file = write(world, "falla", &fields, &shell("c", line, mounted));
    let done = world.micropod(&["run", "--acelera", "100", "--runtime", runtime, &file]);
    let status = published(world, "falla");
    let container = &status["status"]["containers"][0];
    facts.push(("falla una vez y se reinicia", format!("{} {}", done.code, container["restart_count"])));
    delete(world, "falla");

    let deaf = "trap '' TERM; echo vida; sleep 3002 & wait; wait; wait; sleep 3003";
    let probe = "livenessProbe: (exec: (command: [\"false\"]), periodSeconds: 1, failureThreshold: 1),";
    start(world, runtime, "sorda", "terminationGracePeriodSeconds: 1,", &shell("c", deaf, probe));
    wait_until("que la sonda que falla lo reinicie", 30, || {
        published(world, "sorda")["status"]["containers"][0]["restart_count"].as_u64() >= Some(1)
    });
    let last = published(world, "sorda")["status"]["containers"][0]["last"].clone();
    facts.push(("la sonda falla y no oye SIGTERM", format!("{}", last["exit_code"])));
    delete(world, "sorda");

    let polite = "trap 'echo hasta luego; exit 0' TERM; echo listo; sleep 3004 & wait";
    let file = write(world, "educada", "restartPolicy: Never,", &shell("c", polite, ""));
    let run = world.start(&["run", "--runtime", runtime, &file]);
    wait_until("que corra", 10, || {
        let log = fs::read_to_string(world.path("/var/log/micropod/educada/c/0.log"));
        log.unwrap_or_default().contains("listo")
    });
    run.signal("TERM");
    let done = run.wait();
    facts.push((
        "oye SIGTERM y se despide",
        format!("{} {}", done.code, yes(done.out.contains("hasta luego"))),
    ));
    delete(world, "educada");

    let missing = "(name: \"c\", image: \"busybox\", command: [\"nada\"]),";
    let file = write(world, "vacia", "restartPolicy: Never,", missing);
    let done = world.micropod(&["run", "--runtime", runtime, &file]);
    let named = done.err.contains("`nada` no está en la imagen");
    facts.push(("su programa no existe", format!("{} {}", done.code, yes(named))));
    delete(world, "vacia");
}

/// Lo que se comparte cuando se pide, la terminal, y la muerte del supervisor.
fn edges(world: &World, runtime: &str, facts: &mut Facts) {
    let both = shell("a", "exec sleep 3005", "") + &shell("b", "exec sleep 3006", "");
    start(world, runtime, "juntos", "shareProcessNamespace: true,", &both);
    let (a, b) = (pid_of(world, "sleep 3005"), pid_of(world, "sleep 3006"));
    facts.push(("shareProcessNamespace", yes(namespace(world, a, "pid") == namespace(world, b, "pid"))));
    delete(world, "juntos");

    let line = "test -t 0 && test -t 1 && echo terminal; exit 4";
    let file = write(world, "tty", "restartPolicy: Never,", &shell("c", line, "tty: true, stdin: true,"));
    let done = world.micropod(&["run", "--runtime", runtime, &file]);
    let log = world.read("/var/log/micropod/tty/c/0.log");
    facts.push(("tty", format!("{} {}", done.code, yes(log.contains("terminal")))));
    delete(world, "tty");

    start(world, runtime, "caida", "", &shell("c", "exec sleep 3007", ""));
    pid_of(world, "sleep 3007");
    let record: serde_json::Value =
        serde_json::from_str(&world.read("/run/micropod/pods/caida/pod.json")).unwrap();
    world.kill("KILL", record["supervisor"]["pid"].as_i64().unwrap() as i32);
    wait_until("que muera con su supervisor", 10, || pids_of(world, "sleep 3007").is_empty());
    facts.push(("muere con su supervisor", yes(true)));
    world.micropod(&["gc"]).ok();
}

/// Vacío, si el motor no está.
fn all(runtime: &str) -> Facts {
    let mut world = World::with_busybox();
    let mut facts = Vec::new();
    if runtime == "youki" && !world.bring_youki() {
        return facts;
    }
    one(&world, runtime, &mut facts);
    two(&world, runtime, &mut facts);
    lives(&world, runtime, &mut facts);
    edges(&world, runtime, &mut facts);
    facts
}

/// La tabla que incluye el libro. La escribe este test: `MICROPOD_ESCRIBE=1`.
const TABLE: &str = "book/tablas/motores.md";

fn with_differences(columns: &[Facts]) -> String {
    let mut out = table(columns);
    out += "\nLo único que no es igual:\n\n";
    for (fact, who, why) in DIFFERENT {
        out += &format!("- «{fact}»: `{who}` {why}.\n");
    }
    out
}

/// Lo único que no es igual, y por qué.
const DIFFERENT: [(&str, &str, &str); 4] = [
    ("grupos", "podman", "apunta también el primero, el de runAsGroup"),
    ("grupo de control", "podman", "cuelga el suyo, con otro nombre, del que le hacemos"),
    ("grupo de control", "containerd", "también, y así no borra el nuestro"),
    ("grupo de control", "docker", "también"),
];

#[test]
fn los_mismos_pods_se_ven_igual_con_cada_motor() {
    if !is_root() {
        return;
    }
    let columns: Vec<Facts> =
        RUNTIMES.iter().map(|runtime| all(runtime)).filter(|facts| !facts.is_empty()).collect();
    let text = with_differences(&columns);
    let path = project().join(TABLE);
    if std::env::var_os("MICROPOD_ESCRIBE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    for (facts, runtime) in columns.iter().zip(RUNTIMES).skip(1) {
        for ((name, ours), (_, theirs)) in columns[0].iter().zip(facts) {
            let known = DIFFERENT.iter().any(|(fact, who, _)| fact == name && *who == runtime);
            assert_eq!(ours != theirs, known, "{name}: native y {runtime}\n{text}");
        }
    }
    // en la micro-VM no está el proyecto: allí basta con que las columnas sean iguales
    if !project().join("Cargo.toml").exists() {
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        only_columns(&kept, columns.len()),
        text,
        "la tabla ha cambiado: MICROPOD_ESCRIBE=1 la escribe otra vez"
    );
}

#[test]
fn un_motor_que_no_esta_se_dice_en_una_linea_y_no_deja_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = write(&world, "web", "", &shell("c", "true", ""));
    // este dice que es otro: quizá lea de otra manera el filtro de llamadas, y no se le dan contenedores
    let other = world.write("youki", "#!/bin/sh\nprintf 'youki version: 0.8.0\\nlibseccomp: 2.5.4\\n'\n");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    world.sh(&format!("mount --bind {} /usr/local/sbin", world.dir().display()));
    for (name, said) in [
        ("youki", "youki está instalado, pero es el 0.8.0: hace falta el 0.7.0 con libseccomp, y no otro"),
        ("rkt", "rkt se retiró en 2020"),
        ("rocket", "rkt se retiró en 2020"),
        ("cri-o", "CRI-O solo se maneja por el socket de CRI"),
    ] {
        let done = world.micropod(&["run", "--runtime", name, &file]).exits(2);
        assert!(done.err.contains(said), "{}", done.err);
        assert_eq!(done.err.trim_end().lines().count(), 1, "{}", done.err);
    }
    let doctor = world.micropod(&["doctor"]).out;
    assert!(doctor.contains("--runtime youki: está instalado, pero es el 0.8.0; no hace falta"), "{doctor}");
    world.sh("umount /usr/local/sbin");
    // sin uno de los programas que necesita
    world.sh("mount --bind /dev/null $(command -v ctr)");
    let done = world.micropod(&["run", "--runtime", "containerd", &file]).exits(2);
    assert!(done.err.contains("containerd está instalado, pero no `ctr`, que le hace falta"), "{}", done.err);
    world.sh("umount $(findmnt -nro TARGET | grep /ctr$)");
    world.assert_clean();
}

/// Lo que se cuenta de esos programas, y con qué se les ha llamado: nombre y palabras, en orden.
fn told_and_called(world: &World, runtime: &str, programs: &[&str]) -> (Vec<String>, Vec<String>) {
    let file = write(world, "web", "restartPolicy: Never,", &shell("c", "exit 5", ""));
    let calls = spied(world, programs);
    let done = world.micropod(&["run", "--narra", "--runtime", runtime, &file]).exits(5);
    for name in programs {
        world.sh(&format!("umount $(command -v {name})"));
    }
    let command = |line: &str| {
        let line = line.trim().strip_prefix("$ ")?;
        let start = programs.iter().find_map(|name| {
            let called = format!("{name} --");
            let mut places = line.match_indices(&called).map(|(at, _)| at);
            places.find(|at| *at == 0 || line[..*at].ends_with(['/', ' ']))
        })?;
        // las palabras del programa, y no lo que la shell hace con él ni sus comillas
        Some(line[start..].split(['<', '&']).next()?.trim().replace('\'', ""))
    };
    let told = done.err + &done.out;
    let called = fs::read_to_string(&calls).unwrap_or_default();
    world.micropod(&["delete", "pod", "web"]).ok();
    // qué versión es se pregunta antes de que haya Pod
    let called = called.lines().filter(|line| !line.ends_with(" --version"));
    (told.lines().filter_map(command).collect(), called.map(String::from).collect())
}

#[test]
fn lo_que_se_narra_con_cada_motor_es_lo_que_se_ejecuta() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    let runtimes = world.runtimes();
    for (runtime, programs, verbs) in [
        ("runc", ["runc"].as_slice(), [" create ", " start ", " delete "].as_slice()),
        ("crun", &["crun"], &[" create ", " start ", " delete "]),
        ("youki", &["youki"], &[" create ", " start ", " delete "]),
        ("podman", &["podman"], &[" create ", " init ", " start ", " rm "]),
        ("containerd", &["containerd", "ctr"], &[" --config ", " containers create ", " tasks start "]),
        ("docker", &["dockerd", "docker"], &[" --config-file ", " import ", " create ", " start --attach "]),
    ] {
        if !runtimes.contains(&runtime) {
            continue;
        }
        let (told, called) = told_and_called(&world, runtime, programs);
        assert_eq!(told, called, "{runtime}: se cuenta lo primero y se ejecuta lo segundo");
        assert_eq!(told.len(), verbs.len(), "{told:?}");
        for (line, verb) in told.iter().zip(verbs) {
            assert!(line.contains(verb), "{runtime}: falta «{verb}» en {line}");
        }
    }
    world.assert_clean();
}

#[test]
fn un_ensayo_con_runc_ensena_el_filtro_y_no_deja_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = write(&world, "web", "restartPolicy: Never,", &shell("c", "exit 5", ""));
    let rehearsed = world.micropod(&["run", "--dry-run", "--runtime", "runc", &file]).ok();
    assert!(rehearsed.out.contains("\"defaultAction\": \"SCMP_ACT_ERRNO\""));
    world.assert_clean();
}

/// Pone delante de unos programas, solo en este mundo, un guion que apunta con qué se les llama.
fn spied(world: &World, programs: &[&str]) -> std::path::PathBuf {
    let calls = world.dir().join("llamadas");
    let _ = fs::remove_file(&calls);
    for name in programs {
        // con su nombre: así se le reconoce entre los procesos
        let real = world.dir().join("de-verdad").join(name);
        world.sh(&format!("mkdir -p de-verdad && cp $(command -v {name}) {}", real.display()));
        let text =
            format!("#!/bin/sh\necho \"{name} $*\" >>{}\nexec {} \"$@\"\n", calls.display(), real.display());
        let script = world.write(&format!("espia-{name}"), &text);
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        world.sh(&format!("mount --bind {} $(command -v {name})", script.display()));
    }
    calls
}

#[test]
fn un_exec_y_una_sonda_se_le_piden_al_motor_que_hizo_el_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let calls = spied(&world, &["runc"]);
    let asked = || fs::read_to_string(&calls).unwrap_or_default().matches(" exec --detach ").count();
    let probe = format!("readinessProbe: (exec: (command: [\"true\"]), {}),", pace());
    start(&world, "runc", "pedido", "", &shell("c", "exec sleep 3020", &probe));
    wait_until("que la sonda pregunte", 20, || asked() > 0);
    let ready = || published(&world, "pedido")["status"]["containers"][0]["ready"] == true;
    wait_until("que acierte", 20, ready);
    delete(&world, "pedido");

    start(&world, "runc", "pedido", "", &shell("c", "exec sleep 3021", ""));
    let before = asked();
    let exec = |words: &[&str]| {
        let mut all = vec!["exec"];
        all.extend(words);
        world.micropod(&all)
    };
    let said = exec(&["pedido", "--", "/bin/sh", "-c", "echo hola; echo mal >&2; exit 9"]).exits(9);
    assert_eq!((said.out.as_str(), said.err.contains("mal")), ("hola\n", true), "{said:?}");
    // lo mata una señal: el mismo código que con el nuestro
    exec(&["pedido", "--", "/bin/sh", "-c", "kill -KILL $$"]).exits(137);
    let tty = exec(&["-t", "pedido", "--", "/bin/sh", "-c", "test -t 0 && echo terminal; exit 3"]).exits(3);
    assert!(tty.out.contains("terminal"), "{tty:?}");
    // lo que no está no llega a pedírsele
    let missing = exec(&["pedido", "--", "nada"]).exits(127);
    assert!(missing.err.contains("`nada` no está en la imagen"), "{missing:?}");
    assert_eq!(asked() - before, 3);
    // lo que se le contó no queda
    let data = world.path("/var/lib/micropod/pods");
    let uid = fs::read_dir(data).unwrap().flatten().next().unwrap().path();
    let left: Vec<_> = fs::read_dir(uid).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("exec")), "{left:?}");
    delete(&world, "pedido");
    world.sh("umount $(command -v runc)");
    world.assert_clean();
}

#[test]
fn lo_que_no_se_puede_ejecutar_se_dice_igual_con_todos_los_motores() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    let line = "cd /d; cp /bin/busybox suelto; cp /bin/busybox ajeno; chmod 700 ajeno; echo x > datos
        echo x > texto; printf '#!/no/esta\\n' > guion; chmod 755 texto guion";
    let mounted = "volumeMounts: [(name: \"d\", mountPath: \"/d\")],";
    let fields =
        format!("volumes: [(name: \"d\", emptyDir: ())], initContainers: [{}],", shell("i", line, mounted));
    let guest = format!("securityContext: (runAsUser: 1000), workingDir: \"/d\", {mounted}");
    let absent = "no existe el fichero o directorio";
    let cases = [
        ("nada", 127, absent, "`nada` no está en la imagen: mira si está bien escrito"),
        // está donde corre, y no en el PATH
        ("suelto", 127, absent, "`suelto` no está en la imagen: mira si está bien escrito"),
        ("/d/nada", 127, absent, "`/d/nada` no está en la imagen: mira si está bien escrito"),
        ("/d/guion", 127, absent, "`/d/guion` existe, pero necesita `/no/esta`"),
        ("./datos", 126, "permiso denegado", "`./datos` no tiene permiso de ejecución"),
        ("/d", 126, "permiso denegado", "`/d` es un directorio"),
        ("/d/ajeno", 126, "permiso denegado", "el usuario del contenedor no puede ejecutar `/d/ajeno`"),
        ("/d/texto", 126, "el formato del ejecutable no es válido", "`/d/texto` no es un ejecutable"),
    ];
    for runtime in world.runtimes() {
        start(&world, runtime, "par", &fields, &shell("c", "exec sleep 3030", &guest));
        wait_until("que corra", 30, || !pids_of(&world, "sleep 3030").is_empty());
        for (name, code, cause, hint) in cases {
            let done = world.micropod(&["exec", "par", "-c", "c", "--", name]).exits(code);
            let expected = format!(
                "error: no se puede ejecutar `{name}` en el contenedor `c`\n  causa: {cause}\n  pista: {hint}"
            );
            assert!(done.err.starts_with(&expected), "{runtime}: {}", done.err);
            assert_eq!(done.err.lines().count(), 3, "{runtime}: {}", done.err);
        }
        delete(&world, "par");
        // y el de un contenedor que no llega a empezar
        let script = "(name: \"c\", image: \"busybox\", command: [\"/etc\"]),";
        let file = write(&world, "vacia", "restartPolicy: Never,", script);
        let done = world.micropod(&["run", "--runtime", runtime, &file]).exits(126);
        assert!(done.err.contains("`/etc` es un directorio"), "{runtime}: {}", done.err);
        delete(&world, "vacia");
    }
    world.assert_clean();
}

#[test]
fn una_sonda_que_se_abandona_a_medias_no_deja_a_nadie_sin_recoger() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // un motor lento: cuando se abandona la sonda, el comando ya ha nacido y aún no se sabe quién es
    let calls = world.dir().join("llamadas");
    let real = world.dir().join("de-verdad");
    world.sh(&format!("cp $(command -v runc) {}", real.display()));
    let text = format!(
        "#!/bin/sh\n{} \"$@\" || exit\ncase \" $* \" in *' exec '*) echo exec >>{}; sleep 2 ;; esac\n",
        real.display(),
        calls.display()
    );
    let script = world.write("lento", &text);
    world.sh(&format!("chmod 755 {0}; mount --bind {0} $(command -v runc)", script.display()));
    let probe =
        "livenessProbe: (exec: (command: [\"sleep\", \"3022\"]), periodSeconds: 1, timeoutSeconds: 60),";
    let deaf = "trap '' TERM; sleep 3023 & wait; wait";
    start(&world, "runc", "medias", "", &shell("c", deaf, probe));
    wait_until("que nazca el comando de la sonda", 20, || calls.exists());
    world.micropod(&["delete", "pod", "medias", "--grace-period=1", "--timeout=60s"]).ok();
    world.sh("umount $(command -v runc)");
    world.assert_clean();
}

#[test]
fn compara_levanta_el_pod_con_cada_motor_lo_mide_y_no_deja_nada() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    let runtimes = world.runtimes();
    let both = shell("a", "exec sleep 3010", "") + &shell("b", "exec sleep 3011", "");
    let file = write(&world, "medido", "", &both);
    let done = world.micropod(&["compara", &file]).ok();
    let rows: Vec<Vec<String>> = done
        .out
        .lines()
        .map(|line| line.split("   ").map(str::trim).filter(|w| !w.is_empty()).map(String::from).collect())
        .collect();
    assert_eq!(rows[0], runtimes);
    let present = |all: &[&'static str]| all[..runtimes.len()].to_vec();
    let row = |name: &str| {
        rows.iter().find(|r| r[0] == name).unwrap_or_else(|| panic!("{name}: {rows:?}"))[1..].to_vec()
    };
    // el supervisor, la pausa y los dos contenedores: con runc, crun y youki, nadie más se queda en medio; con
    // podman, por cada contenedor, conmon y el cliente; con containerd, él, su cliente y quien cuida; con
    // docker, dockerd además
    assert_eq!(row("procesos"), present(&["4", "4", "4", "8", "10", "12", "4"]), "{}", done.out);
    assert_eq!(row("grupos de control"), present(&["4", "4", "4", "6", "6", "6", "4"]), "{}", done.out);
    // con los tres, además, los montajes que prepara el recado, de los que viven quienes se quedan; y con
    // docker, una red vacía para dockerd
    let spaces: Vec<usize> = row("espacios de nombres nuevos").iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(spaces, [0, 0, 0, 2, 2, 4, 0].map(|more| spaces[0] + more)[..runtimes.len()], "{}", done.out);
    assert!(row("hasta que corre").iter().all(|cell| cell.ends_with(" ms")), "{}", done.out);
    assert!(!done.out.contains('—') && done.err.is_empty(), "{}{}", done.out, done.err);
    world.assert_clean();

    let alone = world.micropod(&["compara", "nadie"]).exits(2);
    assert!(alone.err.contains("falta con qué compararlo"), "{}", alone.err);
    let brief = write(&world, "breve", "restartPolicy: Never,", &shell("c", "exit 0", ""));
    // de lo que ya ha terminado no hay nada que medir, y se dice: un cero no sería lo que cuesta
    let done = world.micropod(&["compara", &brief]).exits(1);
    let lines: Vec<&str> = done.out.lines().skip(2).collect();
    let holes = |line: &&str| line.matches('—').count() == runtimes.len() && !line.contains(char::is_numeric);
    assert!(lines.len() == 6 && lines.iter().all(holes), "{}", done.out);
    assert_eq!(done.err.matches(": el Pod ya había terminado").count(), runtimes.len(), "{}", done.err);
    world.assert_clean();
    let half = shell("a", "exit 0", "") + &shell("b", "exec sleep 3012", "");
    let half = write(&world, "medio", "restartPolicy: Never,", &half);
    let done = world.micropod(&["compara", &half]).ok();
    assert!(!done.out.contains('—'), "{}", done.out);
    let told = done.err.matches(": sin contar lo que ya había terminado: a\n").count();
    assert_eq!(told, runtimes.len(), "{}", done.err);
    world.assert_clean();
}
