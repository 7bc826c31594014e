//! Los verbos que miran y los que tocan, con Pods de verdad: lo que dicen, comparado con el kernel.

mod common;
#[allow(dead_code)]
mod kubectl;

use common::{World, is_root, wait_until};
use kubectl::Api;
use serde_json::Value;

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

/// Deja en marcha un Pod. `metadata` y `spec`: lo que va además del nombre y de los contenedores.
fn start(world: &World, name: &str, metadata: &str, spec: &str, containers: &str) {
    let text =
        format!("Pod(metadata: (name: \"{name}\", {metadata}), spec: ({spec} containers: [{containers}]))");
    let file = world.write(&format!("{name}.ron"), &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Lo que imprime `get pod NOMBRE -o jsonpath=…`.
fn ask(world: &World, name: &str, path: &str) -> String {
    world.micropod(&["get", "pod", name, "-o", &format!("jsonpath={path}")]).ok().out
}

#[test]
fn lo_que_dice_el_objeto_es_lo_que_hay_en_el_kernel() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "cierto", "labels: {\"app\": \"web\"},", "", &shell("c", "exec sleep 3001", ""));
    let pids = world.processes();
    let (pid, _) = pids.iter().find(|(_, line)| line == "sleep 3001").expect("corre");
    let address = world.sh(&format!("nsenter -t {pid} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
    let ip = ask(&world, "cierto", "{.status.podIP}");
    assert_eq!(address.trim().split('/').next(), Some(ip.as_str()));
    let uid = ask(&world, "cierto", "{.metadata.uid}");
    assert!(world.path(&format!("/var/lib/micropod/pods/{uid}/c.0")).is_dir(), "{uid}");
    let root = ask(&world, "cierto", "{.status.containerStatuses[0].imageID}");
    let root = root.strip_prefix("file://").unwrap();
    let layers = world.read(&format!("/proc/{pid}/mountinfo"));
    assert!(layers.contains(root), "{root} no está en\n{layers}");
    assert_eq!(ask(&world, "cierto", "{.spec.nodeName}"), world.read("/proc/sys/kernel/hostname").trim());
    // las otras formas dicen lo mismo
    let yaml = world.micropod(&["get", "pod/cierto", "-o", "yaml"]).ok().out;
    assert!(
        yaml.contains(&format!("\n  podIP: {ip}\n")) && yaml.starts_with("apiVersion: v1\nkind: Pod\n"),
        "{yaml}"
    );
    let columns =
        world.micropod(&["get", "pods", "-o", "custom-columns=P:.metadata.name,IP:.status.podIP"]).ok();
    assert_eq!(columns.out, format!("P        IP\ncierto   {ip}\n"));
    let table = world.micropod(&["get", "pods", "-l", "app in (web)", "-L", "app", "--no-headers"]).ok().out;
    let cells: Vec<&str> = table.split_whitespace().collect();
    assert_eq!((cells[0], cells[1], cells[2], cells[3], cells[5]), ("cierto", "1/1", "Running", "0", "web"));
    let none = world.micropod(&["get", "pods", "-l", "app!=web"]).ok();
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No resources found in default namespace.\n"));
    let some = world.micropod(&["get", "pods", "cierto", "falso", "-o", "name"]).exits(1);
    assert_eq!(some.out, "pod/cierto\n");
    assert!(some.err.starts_with("Error from server (NotFound): pods \"falso\" not found\n"), "{}", some.err);
    delete(&world, "cierto");
}

#[test]
fn el_kubectl_de_verdad_ensena_del_mismo_objeto_la_misma_ficha() {
    let Some(program) = kubectl::find() else { return };
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let web = "ports: [(containerPort: 80, hostPort: 8080)], env: [(name: \"MODO\", value: \"clase\")],
        volumeMounts: [(name: \"web\", mountPath: \"/w\"), (name: \"casa\", mountPath: \"/casa\", readOnly: true)],
        livenessProbe: (tcpSocket: (port: 80), periodSeconds: 60), readinessProbe: (exec: (command: [\"true\"]))";
    let containers =
        shell("web", "exec sleep 3002", web) + &shell("roto", "echo fin >/dev/termination-log; exit 3", "");
    let init = format!("initContainers: [{}],", shell("antes", "exit 0", ""));
    let spec = format!(
        "{init} volumes: [(name: \"web\", emptyDir: (sizeLimit: \"1024Ki\")), (name: \"casa\", hostPath: (path: \".\"))],"
    );
    start(&world, "ficha", "annotations: {\"curso\": \"pods\\nde verdad\"},", &spec, &containers);
    wait_until("que el roto espere", 10, || {
        ask(&world, "ficha", "{.status.containerStatuses[1].state.waiting.reason}") == "CrashLoopBackOff"
    });
    let object: Value =
        serde_json::from_str(&world.micropod(&["get", "pod", "ficha", "-o", "json"]).ok().out).unwrap();
    let api = Api::serve(program, vec![object], Vec::new());
    let ours =
        world.command(common::binary()).env("TZ", "UTC").args(["describe", "pod", "ficha"]).output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    let until_events = |text: &str| text.split("\nEvents:").next().unwrap().to_string();
    assert_eq!(until_events(&ours), until_events(&api.out(&["describe", "pod", "ficha"])));
    delete(&world, "ficha");
}

#[test]
fn los_sucesos_se_suman_en_orden_y_sobreviven_a_los_reinicios() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "ruidoso", "", "", &shell("c", "sleep 0.1; exit 3", ""));
    start(&world, "quieto", "", "", &shell("c", "exec sleep 3003", ""));
    wait_until("que se reinicie y espere", 10, || {
        ask(&world, "ruidoso", "{.status.containerStatuses[0].state.waiting.reason}") == "CrashLoopBackOff"
    });
    let of = |args: &[&str]| world.micropod(&[&["events", "--for", "pod/ruidoso"], args].concat()).ok().out;
    let table = of(&["--no-headers"]);
    let reasons: Vec<&str> = table
        .lines()
        .map(|line| line.split("   ").filter(|cell| !cell.is_empty()).nth(2).unwrap().trim())
        .collect();
    assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started", "BackOff"], "{table}");
    let started = table.lines().find(|line| line.contains("Started")).unwrap();
    assert!(started.contains(" (x2 over ") && started.contains("Pod/ruidoso"), "{started}");
    let warnings = of(&["--types=Warning", "-o", "jsonpath={.items[*].reason}"]);
    assert_eq!(warnings, "BackOff");
    let all = world.micropod(&["events"]).ok().out;
    assert!(all.starts_with("LAST SEEN") && all.contains("Pod/quieto"), "{all}");
    let nobody = world.micropod(&["events", "--for", "pod/nadie"]).ok();
    assert_eq!((nobody.out.as_str(), nobody.err.as_str()), ("", "No events found in default namespace.\n"));
    world.micropod(&["events", "--types=raro"]).exits(2);
    // quien los sigue los ve llegar
    let follower = world.start(&["events", "--for", "pod/quieto", "-w"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    delete(&world, "quieto");
    world.kill("TERM", follower.pid);
    let seen = follower.wait().out;
    assert!(seen.contains("Started") && seen.contains("Killing"), "{seen}");
    delete(&world, "ruidoso");
}

#[test]
fn los_logs_se_piden_de_un_contenedor_de_todos_de_antes_o_de_unos_cuantos_pods() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let two =
        shell("uno", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo linea $i; done; exec sleep 3004", "")
            + &shell("dos", "echo vida; sleep 0.2; exit 1", "");
    start(&world, "pareja", "labels: {\"app\": \"x\"},", "", &two);
    wait_until("que dos tenga una vida anterior", 10, || {
        ask(&world, "pareja", "{.status.containerStatuses[1].restartCount}") == "1"
    });
    let logs = |args: &[&str]| world.micropod(&[&["logs"], args].concat());
    assert_eq!(logs(&["pod/pareja", "-c", "uno", "--tail=2"]).ok().out, "linea 11\nlinea 12\n");
    assert_eq!(logs(&["pareja", "uno", "--tail=0"]).ok().out, "");
    assert_eq!(logs(&["pareja", "uno", "--limit-bytes=10"]).ok().out, "linea 1\nli");
    let defaulted = logs(&["pareja", "--tail=1"]).ok();
    assert_eq!(defaulted.err, "Defaulted container \"uno\" out of: uno, dos\n");
    let prefixed = logs(&["pareja", "--all-containers", "--prefix", "--tail=1"]).ok().out;
    assert_eq!(prefixed, "[pod/pareja/uno] linea 12\n[pod/pareja/dos] vida\n");
    // con un selector, como en kubectl, solo las diez últimas
    let selected = logs(&["-l", "app=x", "-c", "uno"]).ok().out;
    assert_eq!(selected.lines().next(), Some("linea 3"));
    assert_eq!(logs(&["pareja", "-c", "dos", "-p"]).ok().out, "vida\n");
    let stamped = logs(&["pareja", "-c", "uno", "--timestamps", "--tail=1"]).ok().out;
    let stamp = stamped.split(' ').next().unwrap();
    assert_eq!(logs(&["pareja", "-c", "uno", "--since-time", "2100-01-01T00:00:00Z"]).ok().out, "");
    let whole = format!("{}Z", stamp.split('.').next().unwrap());
    assert_eq!(logs(&["pareja", "-c", "uno", "--since-time", &whole]).ok().out.lines().count(), 12);
    // son los que hay en el fichero, en el formato de CRI
    let file = world.read("/var/log/micropod/pareja/uno/0.log");
    assert!(file.contains(&format!("{stamp} stdout F linea 12\n")), "{file}");
    for (args, said) in [
        (
            &["pareja", "-c", "uno", "-p"][..],
            "previous terminated container \"uno\" in pod \"pareja\" not found",
        ),
        (&["pareja", "-c", "tres"], "container tres is not valid for pod pareja"),
        (&["nadie"], "pods \"nadie\" not found"),
    ] {
        let error = logs(args).exits(1).err;
        assert!(error.contains(said), "{error}");
    }
    logs(&["pareja", "--since=1m", "--since-time=2020-01-01T00:00:00Z"]).exits(2);
    logs(&[]).exits(2);
    delete(&world, "pareja");
}

#[test]
fn seguir_los_logs_de_todos_acaba_cuando_acaba_el_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let two = shell("uno", "echo a; sleep 1; echo b", "") + &shell("dos", "echo c; sleep 1.2; echo d", "");
    start(&world, "corto", "", "restartPolicy: Never,", &two);
    let follower = world.start(&["logs", "corto", "-f", "--all-containers", "--prefix"]);
    let done = follower.wait().ok();
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort();
    assert_eq!(lines, ["[pod/corto/dos] c", "[pod/corto/dos] d", "[pod/corto/uno] a", "[pod/corto/uno] b"]);
    delete(&world, "corto");
}

#[test]
fn se_espera_a_que_exista_a_que_cumpla_y_a_que_se_vaya() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let waiter = world.start(&["wait", "pod/futuro", "--for=create", "--timeout=20s"]);
    start(&world, "futuro", "labels: {\"app\": \"x\"},", "", &shell("c", "exec sleep 3005", ""));
    assert_eq!(waiter.wait().ok().out, "pod/futuro condition met\n");
    let wait = |args: &[&str]| world.micropod(&[&["wait"], args].concat());
    let met = "pod/futuro condition met\n";
    assert_eq!(wait(&["pods", "-l", "app=x", "--for=condition=Ready"]).ok().out, met);
    assert_eq!(wait(&["pods", "--all", "--for=jsonpath={.status.podIP}"]).ok().out, met);
    assert_eq!(wait(&["pod", "futuro", "--for=jsonpath='{.status.phase}'=Running"]).ok().out, met);
    let filter = "--for=jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True";
    assert_eq!(wait(&["pod/futuro", filter]).ok().out, met);
    let late = wait(&["pod/futuro", "--for=condition=Ready=False", "--timeout=200ms"]).exits(1);
    assert!(
        late.err.starts_with("error: timed out waiting for the condition on pods/futuro\n"),
        "{}",
        late.err
    );
    let now = wait(&["pod/futuro", "--for=condition=Ready=False", "--timeout=0"]).exits(1);
    assert!(now.err.starts_with("error: condition not met for pods/futuro\n"), "{}", now.err);
    assert_eq!(wait(&["pod/nadie", "--for=delete"]).ok().out, "");
    wait(&["pod/nadie", "--for=condition=Ready"]).exits(1);
    wait(&["pods", "--for=condition=Ready"]).exits(2);
    let gone = world.start(&["wait", "pod/futuro", "--for=delete", "--timeout=20s"]);
    delete(&world, "futuro");
    assert_eq!(gone.wait().ok().out, met);
}

#[test]
fn se_borra_por_nombre_por_etiquetas_por_fichero_o_todo_y_sin_esperar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let all = ["a", "b", "c", "d"];
    for name in all {
        let labels = if name == "a" { "labels: {\"app\": \"x\"}," } else { "" };
        start(&world, name, labels, "", &shell("c", "exec sleep 3006", ""));
    }
    let delete = |args: &[&str]| world.micropod(&[&["delete"], args].concat());
    assert_eq!(delete(&["pods", "-l", "app=x", "--now"]).ok().out, "pod \"a\" deleted\n");
    let file = world.dir().join("b.ron");
    assert_eq!(delete(&["-f", file.to_str().unwrap(), "--force", "-o", "name"]).ok().out, "pod/b\n");
    let mixed = delete(&["pod", "nadie", "c", "--force"]).exits(1);
    assert_eq!(mixed.out, "pod \"c\" force deleted\n");
    assert!(
        mixed.err.starts_with("Error from server (NotFound): pods \"nadie\" not found\n"),
        "{}",
        mixed.err
    );
    delete(&["pod/nadie", "--ignore-not-found"]).ok();
    // sin esperar: la ficha se va sola cuando el Pod acaba de verdad
    assert_eq!(
        delete(&["pods", "--all", "--wait=false", "--grace-period=1"]).ok().out,
        "pod \"d\" deleted\n"
    );
    assert!(world.path("/run/micropod/pods/d/pod.json").exists(), "todavía está acabando");
    wait_until("que se olvide la ficha", 10, || !world.path("/run/micropod/pods/d").exists());
    assert!(world.processes().iter().all(|(_, line)| line != "sleep 3006"), "{:?}", world.processes());
    for wrong in [
        &["pods"][..],
        &["pod", "x", "--all"],
        &["pod", "x", "--now", "--grace-period=3"],
        &["pod", "x", "--wait=quizá"],
    ] {
        delete(wrong).exits(2);
    }
}

/// Los pid cuya línea de comandos es `text`.
fn pids_of(world: &World, text: &str) -> Vec<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

#[test]
fn un_fichero_con_varios_objetos_se_crea_se_aplica_y_se_borra_de_una_vez() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let spec = |n: u32, more: &str| {
        format!(
            "spec: {{terminationGracePeriodSeconds: 0, containers: [{{name: c, image: busybox, \
             command: [sleep, '{n}']{more}}}]}}"
        )
    };
    let text = |second: u32| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{}\n---\napiVersion: v1\nkind: List\nitems:\n\
             - {{apiVersion: v1, kind: ConfigMap, metadata: {{name: cfg}}, data: {{x: uno}}}}\n\
             - {{apiVersion: v1, kind: Pod, metadata: {{name: b}}, {}}}\n---\napiVersion: batch/v1\nkind: Job\n\
             metadata: {{name: j}}\nspec: {{template: {{{}}}}}\n",
            spec(3041, ""),
            spec(second, ", envFrom: [{configMapRef: {name: cfg}}]"),
            spec(3043, "").replace("containers", "restartPolicy: Never, containers"),
        )
    };
    let run = |args: &[&str], file: &str| world.micropod(&[args, &[file]].concat());
    world.write("varios.yaml", &text(3042));
    world.write("malo.yaml", &text(3042).replace("kind: Job", "kind: Trabajo"));
    world.write("otro.yaml", &text(3044));
    let no_image = text(3045).replace("busybox", "nohay").replace("name: a}", "name: a2}");
    let no_image = no_image.split("---\n").next().unwrap().to_string()
        + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: c}\n";
    world.write("sin-imagen.yaml", &(no_image + &spec(3045, "") + "\n"));
    // mal uno, ninguno
    assert!(run(&["create", "-f"], "malo.yaml").exits(2).err.contains("MP0113"));
    let refused = run(&["run"], "varios.yaml").exits(2).err;
    assert!(refused.contains("MP0180") && refused.contains("con -d se dejan todos"), "{refused}");
    assert_eq!(run(&["get", "-o", "name"], "pods").out, "");
    for verb in ["simula", "guion", "por-que"] {
        let refused = run(&[verb], "varios.yaml").exits(2).err;
        assert!(refused.contains("di cuál: `--solo a`, `--solo b`"), "{verb}: {refused}");
        let chosen = run(&[verb, "--solo", "b"], "varios.yaml").ok().out;
        assert!(chosen.contains("Pod b") || chosen.contains("sleep 3042"), "{verb}: {chosen}");
    }
    let said = run(&["create", "-f"], "varios.yaml").ok().out;
    assert_eq!(said, "pod/a created\npod/b created\njob/j created\n");
    wait_until("que corran los tres", 20, || {
        [3041, 3042, 3043].iter().all(|n| pids_of(&world, &format!("sleep {n}")).len() == 1)
    });
    let again = run(&["create", "-f"], "varios.yaml").exits(1).err;
    for exists in ["pods \"a\" already", "pods \"b\" already", "jobs \"j\" already"] {
        assert!(again.contains(exists), "{again}");
    }
    let bad = run(&["create", "-f"], "sin-imagen.yaml").exits(1);
    assert_eq!(bad.out, "pod/c created\n");
    assert!(bad.err.starts_with("error: Pod `a2`: no existe la imagen «nohay»\n"), "{}", bad.err);
    delete(&world, "c");
    // lo que es otro no impide que se aplique lo demás
    world.micropod(&["delete", "pod", "a"]).ok();
    world.micropod(&["delete", "job", "j"]).ok();
    let mixed = run(&["apply", "-f"], "otro.yaml").exits(1);
    assert_eq!(mixed.out, "pod/a created\nconfigmap/cfg unchanged\njob/j created\n");
    assert!(mixed.err.contains("The Pod \"b\" is invalid"), "{}", mixed.err);
    // el nombre de cada uno es de su supervisor y de nadie más: muerto, queda libre
    let record: Value = serde_json::from_str(&world.read("/run/micropod/pods/a/pod.json")).unwrap();
    world.kill("KILL", record["supervisor"]["pid"].as_i64().unwrap() as i32);
    wait_until("que muera", 10, || pids_of(&world, "sleep 3041").is_empty());
    assert_eq!(run(&["run", "-d", "--solo", "a"], "varios.yaml").ok().out, "pod/a created\n");
    let deleted = run(&["delete", "-f"], "varios.yaml").ok().out;
    assert_eq!(deleted, "pod \"a\" deleted\npod \"b\" deleted\njob.batch \"j\" deleted\n");
    let nobody = run(&["delete", "-f"], "varios.yaml").exits(1).err;
    for missing in ["pods \"a\" not found", "pods \"b\" not found", "jobs.batch \"j\" not found"] {
        assert!(nobody.contains(missing), "{nobody}");
    }
    let waited = run(&["run", "-d", "--wait", "--solo", "b"], "varios.yaml").ok().out;
    assert_eq!(waited, "pod/b created\npod/b condition met\n");
    delete(&world, "b");
}

#[test]
fn si_muere_el_supervisor_de_un_pod_borrado_sin_esperar_tambien_se_olvida() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "huerfano", "", "", &shell("c", "trap '' TERM; while :; do sleep 1; done", ""));
    world.micropod(&["delete", "pod", "huerfano", "--wait=false"]).ok();
    let record = world.read("/run/micropod/pods/huerfano/pod.json");
    let record: Value = serde_json::from_str(&record).unwrap();
    world.kill("KILL", record["supervisor"]["pid"].as_i64().unwrap() as i32);
    wait_until("que mueran sus procesos", 5, || {
        world.processes().iter().all(|(_, l)| !l.contains("while :"))
    });
    world.micropod(&["get", "pods"]).ok();
    assert!(!world.path("/run/micropod/pods/huerfano").exists());
}

/// CPU gastada por un cgroup, en microsegundos.
fn cpu_of(world: &World, path: &str) -> u64 {
    let text = std::fs::read_to_string(world.cgroup().join("micropod").join(path).join("cpu.stat")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("usage_usec ")).unwrap();
    line.parse().unwrap()
}

#[test]
fn top_dice_la_cpu_que_cuenta_el_kernel_y_pone_delante_a_quien_mas_gasta() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let two = shell("quieto", "exec sleep 3007", "") + &shell("ocupado", "while :; do :; done", "");
    start(&world, "gasta", "", "", &two);
    let (before, started) = (cpu_of(&world, "gasta/ocupado"), std::time::Instant::now());
    let table =
        world.micropod(&["top", "pod", "gasta", "--containers", "--sort-by=cpu", "-o", "wide"]).ok().out;
    let spent =
        (cpu_of(&world, "gasta/ocupado") - before) as f64 / started.elapsed().as_micros() as f64 * 1000.0;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..5], ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)", "PIDS"]);
    assert_eq!(lines[1][..2], ["gasta", "ocupado"], "{table}");
    assert_eq!((lines[2][1], lines[2][4], lines[2][5]), ("quieto", "1", "<none>"), "{table}");
    let said: f64 = lines[1][2].strip_suffix('m').unwrap().parse().unwrap();
    assert!(said > spent / 3.0 && said < spent * 3.0 + 10.0, "dice {said}m y ha gastado {spent:.0}m");
    let idle: u64 = lines[2][2].strip_suffix('m').unwrap().parse().unwrap();
    assert!(idle < 50, "{table}");
    let pods = world.micropod(&["top", "pods"]).ok().out;
    assert!(pods.starts_with("NAME    CPU(cores)   MEMORY(bytes)\ngasta   "), "{pods}");
    delete(&world, "gasta");
    world.micropod(&["top", "pod", "gasta"]).exits(1);
    assert_eq!(world.micropod(&["top", "pods"]).ok().err, "No resources found in default namespace.\n");
}

#[test]
fn describe_ensena_el_oom_score_adj_que_tiene_y_no_el_que_se_pidio() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "verdugo", "", "", &shell("c", "exec sleep 3008", ""));
    let found = || world.processes().into_iter().find(|(_, line)| line == "sleep 3008");
    wait_until("que corra", 10, || found().is_some());
    let (pid, _) = found().expect("corre");
    let shown = || world.micropod(&["describe", "pod", "verdugo"]).ok().out;
    let page = shown();
    assert!(page.contains(&format!("PID:            {pid}\n")), "{page}");
    assert!(page.lines().any(|line| line.split_whitespace().eq(["QoS", "Class:", "BestEffort"])), "{page}");
    assert!(page.contains("oom_score_adj:  1000\n"), "{page}");
    assert_eq!(world.read(&format!("/proc/{pid}/oom_score_adj")).trim(), "1000");
    world.sh(&format!("echo 500 >/proc/{pid}/oom_score_adj"));
    let page = shown();
    assert!(page.contains("oom_score_adj:  500 (se le puso 1000, y alguien lo ha cambiado)\n"), "{page}");
    delete(&world, "verdugo");
}

/// Un cliente de verdad de `attach`, con su entrada abierta.
fn attach(world: &World, args: &[&str]) -> std::process::Child {
    use std::process::Stdio;
    let mut command = world.command(common::binary());
    command.arg("attach").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn output_of(child: std::process::Child) -> (i32, String, String) {
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
}

#[test]
fn attach_lleva_lo_tecleado_al_contenedor_y_trae_lo_suyo_hasta_que_acaba() {
    use std::io::Write;
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let script = r#"while read linea; do echo "dice: $linea"; echo "error: $linea" >&2; [ "$linea" != fin ] || exit 7; done; echo cerrada"#;
    start(&world, "eco", "", "restartPolicy: Never,", &shell("c", script, "stdin: true"));
    let mut one = attach(&world, &["eco", "-i"]);
    let watcher = attach(&world, &["eco"]);
    // quien se va no cierra la entrada: no es stdinOnce
    one.stdin.as_mut().unwrap().write_all(b"hola\n").unwrap();
    wait_until("que lo lea el contenedor", 5, || world.micropod(&["logs", "eco"]).out.contains("dice: hola"));
    drop(one.stdin.take());
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut two = attach(&world, &["eco", "-i"]);
    two.stdin.as_mut().unwrap().write_all(b"fin\n").unwrap();
    let (code, out, err) = output_of(two);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "dice: fin\n", "error: fin\n"));
    let (_, out, _) = output_of(one);
    assert_eq!(out, "dice: hola\ndice: fin\n");
    let (_, out, err) = output_of(watcher);
    assert!(out.ends_with("dice: fin\n") && err.ends_with("error: fin\n"), "{out} {err}");
    // quien mira se va con lo último que se escribe, y eso es antes de que muera
    let exit_code = "{.status.containerStatuses[0].state.terminated.exitCode}";
    wait_until("que acabe con un 7", 5, || ask(&world, "eco", exit_code) == "7");
    let late = world.micropod(&["attach", "eco"]).exits(1).err;
    assert!(late.contains("cannot attach a container in a completed pod; current phase is Failed"), "{late}");
    delete(&world, "eco");
}

#[test]
fn con_stdin_once_la_entrada_se_cierra_cuando_se_va_quien_tecleaba() {
    use std::io::Write;
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "stdin: true, stdinOnce: true";
    start(&world, "una-vez", "", "restartPolicy: Never,", &shell("c", "cat | md5sum", fields));
    let mut one = attach(&world, &["una-vez", "-i"]);
    // más de lo que cabe en una tubería: nadie pierde nada
    let text = vec![b'x'; 3 << 20];
    one.stdin.as_mut().unwrap().write_all(&text).unwrap();
    drop(one.stdin.take());
    let (code, out, _) = output_of(one);
    // md5 de 3 MiB de letras x
    assert_eq!((code, out.as_str()), (0, "c1887f0c970afa48194adf7f5c504696  -\n"));
    delete(&world, "una-vez");
}

#[test]
fn quien_mira_y_no_lee_no_detiene_al_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line =
        "sleep 1; yes esta-linea-es-larga-para-que-casi-todo-lo-que-se-guarda-de-ella-sea-suyo-y-no-fecha";
    start(&world, "caudal", "", "", &shell("c", line, ""));
    let lazy = attach(&world, &["caudal"]);
    let size = || {
        let dir = std::fs::read_dir(world.path("/var/log/micropod/caudal/c")).unwrap();
        dir.flatten().map(|e| e.metadata().unwrap().len()).sum::<u64>()
    };
    wait_until("que escriba más de lo que cabe en ninguna cola", 20, || size() > 8 << 20);
    let (code, _, err) = output_of(lazy);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("no daba abasto"), "{err}");
    delete(&world, "caudal");
}

#[test]
fn attach_con_terminal_da_a_la_del_contenedor_el_tamano_de_la_ventana_y_sus_teclas() {
    use std::io::{Read, Write};
    use std::process::Stdio;
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "consola", "", "", &shell("c", "exec sh -i", "stdin: true, tty: true"));
    let size = nix::pty::Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = world.command(common::binary());
    command.args(["attach", "consola", "-it"]).stdin(slave()).stdout(slave()).stderr(slave());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut keyboard = std::fs::File::from(pty.master.try_clone().unwrap());
    let mut screen = std::fs::File::from(pty.master);
    drop(pty.slave);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let shared = seen.clone();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = screen.read(&mut bytes) {
            shared.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    });
    let shows = |what: &str| seen.lock().unwrap().contains(what);
    wait_until("que diga cómo seguir", 5, || shows("try pressing enter"));
    keyboard.write_all(b"stty size; tty\n").unwrap();
    wait_until("que la terminal mida lo que la ventana", 5, || shows("33 101") && shows("/dev/pts/0"));
    // Ctrl-C es una tecla más: la recibe el programa, y no acaba con attach
    keyboard.write_all(b"sleep 3009\n").unwrap();
    wait_until("que arranque", 5, || world.processes().iter().any(|(_, line)| line == "sleep 3009"));
    keyboard.write_all(b"\x03echo sigo\n").unwrap();
    wait_until("que siga", 5, || shows("\nsigo"));
    assert!(world.processes().iter().all(|(_, line)| line != "sleep 3009"));
    keyboard.write_all(b"exit 0\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    drop(keyboard);
    reader.join().unwrap();
    delete(&world, "consola");
}
