//! Lo que es un Pod, comprobado desde fuera: `/proc`, cgroups, netlink y ficheros, nunca lo que
//! micropod dice de sí mismo.

mod common;

use common::{World, is_root, wait_until};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Un Pod con los contenedores y los campos que se digan.
fn pod(name: &str, fields: &str, containers: &str) -> String {
    format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{containers}]))")
}

/// Un contenedor de busybox que ejecuta una línea de shell.
fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

fn start(world: &World, name: &str, text: &str) {
    let file = world.write(&format!("{name}.ron"), text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

/// El pid del proceso `text`, en cuanto arranque.
fn pid_of(world: &World, text: &str) -> i32 {
    wait_until(text, 5, || !pids_of(world, text).is_empty());
    pids_of(world, text)[0]
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Los pid (del mundo) cuya línea de comandos es `text`: la shell que lo lanza, aún sin `exec`, no cuenta.
fn pids_of(world: &World, text: &str) -> Vec<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

fn namespaces(world: &World, pid: i32) -> HashMap<&'static str, u64> {
    let inode = |name| fs::metadata(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino();
    ["net", "ipc", "uts", "pid", "mnt"].into_iter().map(|name| (name, inode(name))).collect()
}

/// El pid de la pausa, según su nombre en `/proc`.
fn pause(world: &World) -> i32 {
    let named = |pid: &i32| world.read(&format!("/proc/{pid}/comm")).trim() == "micropod: pausa";
    world.processes().into_iter().map(|(pid, _)| pid).find(named).expect("hay una pausa")
}

#[test]
fn dos_contenedores_comparten_red_ipc_y_nombre_pero_no_ficheros_ni_procesos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let two = shell("uno", "exec sleep 1001", "") + &shell("dos", "exec sleep 1002", "");
    start(&world, "par", &pod("par", "", &two));
    let (one, other) = (pid_of(&world, "sleep 1001"), pid_of(&world, "sleep 1002"));
    let (a, b, p) = (namespaces(&world, one), namespaces(&world, other), namespaces(&world, pause(&world)));
    for name in ["net", "ipc", "uts"] {
        assert_eq!(a[name], b[name], "{name}");
        assert_eq!(a[name], p[name], "{name}: lo sostiene la pausa");
    }
    assert_ne!(a["mnt"], b["mnt"]);
    assert_ne!(a["pid"], b["pid"]);
    for pid in [one, other] {
        let status = world.read(&format!("/proc/{pid}/status"));
        let inner = status.lines().find(|l| l.starts_with("NSpid:")).unwrap();
        assert!(inner.ends_with("\t1"), "es el PID 1 de su espacio: {inner}");
    }
    world.micropod(&["demuestra", "par"]).ok();
    delete(&world, "par");
}

#[test]
fn la_ip_y_la_pausa_sobreviven_a_la_muerte_de_un_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "firme", &pod("firme", "", &shell("c", "exec sleep 1003", "")));
    let (first, holder) = (pid_of(&world, "sleep 1003"), pause(&world));
    let net = namespaces(&world, first)["net"];
    let address =
        |pid: i32| world.sh(&format!("nsenter -t {pid} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
    let ip = address(first);
    assert!(ip.starts_with("10.244."), "{ip}");
    world.kill("KILL", first);
    wait_until("que se reinicie el contenedor", 5, || {
        pids_of(&world, "sleep 1003").iter().any(|p| *p != first)
    });
    let second = pid_of(&world, "sleep 1003");
    assert_eq!(namespaces(&world, second)["net"], net);
    assert_eq!(address(second), ip);
    assert_eq!(pause(&world), holder);
    delete(&world, "firme");
}

#[test]
fn el_perfil_de_fabrica_se_ve_en_proc() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "preso", &pod("preso", "", &shell("c", "exec sleep 1004", "")));
    let pid = pid_of(&world, "sleep 1004");
    let status = world.read(&format!("/proc/{pid}/status"));
    let value = |key: &str| {
        status.lines().find_map(|l| l.strip_prefix(&format!("{key}:"))).unwrap().trim().to_string()
    };
    for key in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(value(key), "00000000000004fb", "{key}");
    }
    for key in ["CapInh", "CapAmb", "SigIgn", "SigBlk"] {
        assert_eq!(value(key), "0000000000000000", "{key}");
    }
    assert_eq!((value("NoNewPrivs").as_str(), value("Seccomp").as_str()), ("1", "2"));
    let mut fds: Vec<String> = fs::read_dir(world.path(&format!("/proc/{pid}/fd")))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    fds.sort();
    assert_eq!(fds, ["0", "1", "2"]);
    let mounts = world.read(&format!("/proc/{pid}/mountinfo"));
    assert!(!mounts.contains("shared:"), "nada se propaga:\n{mounts}");
    let root = mounts.lines().find(|l| l.split(' ').nth(4) == Some("/")).unwrap();
    assert!(root.contains("nodev") && root.contains("nosuid") && root.contains("overlay"), "{root}");
    // exec no entra con más privilegios
    let inside = world
        .micropod(&["exec", "preso", "--", "grep", "-E", "^(Cap|NoNew|Seccomp:)", "/proc/self/status"])
        .ok();
    for line in inside.out.lines() {
        assert!(status.contains(line), "exec tiene {line}");
    }
    let refused = world.micropod(&["exec", "preso", "--", "sh", "-c", "echo 1 >/proc/sys/kernel/panic"]);
    assert_ne!(refused.code, 0);
    delete(&world, "preso");
}

#[test]
fn un_volumen_se_comparte_y_muere_con_el_pod_y_hostpath_sobrevive() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("casa/nota", "del anfitrión");
    let mounts = "volumeMounts: [(name: \"v\", mountPath: \"/v\"), (name: \"m\", mountPath: \"/m\"), (name: \"casa\", mountPath: \"/casa\", readOnly: true)]";
    let writer = shell(
        "escribe",
        "umask 077; echo hola >/v/f; echo ram >/m/f; touch /casa/x; echo $? >/v/ro; exec sleep 1005",
        mounts,
    );
    let reader = shell("lee", "exec sleep 1006", mounts);
    let volumes = "volumes: [(name: \"v\"), (name: \"m\", emptyDir: (medium: Memory, sizeLimit: \"1Mi\")), (name: \"casa\", hostPath: (path: \"casa\", type: Directory))],";
    start(&world, "vol", &pod("vol", volumes, &(writer + &reader)));
    let reader = pid_of(&world, "sleep 1006");
    let seen = |path: &str| {
        fs::read_to_string(world.path(&format!("/proc/{reader}/root{path}"))).unwrap_or_default()
    };
    wait_until("que se vea lo escrito", 3, || !seen("/v/ro").is_empty());
    assert_eq!(
        (seen("/v/f").as_str(), seen("/m/f").as_str(), seen("/casa/nota").as_str()),
        ("hola\n", "ram\n", "del anfitrión")
    );
    assert_ne!(seen("/v/ro").trim(), "0", "readOnly no deja escribir");
    let mode = fs::metadata(world.path(&format!("/proc/{reader}/root/v"))).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o777);
    let full =
        world.micropod(&["exec", "vol", "-c", "lee", "--", "sh", "-c", "head -c 2000000 /dev/zero >/m/g"]);
    assert_ne!(full.code, 0, "un volumen de memoria tiene tope");
    delete(&world, "vol");
    assert_eq!(fs::read_to_string(world.dir().join("casa/nota")).unwrap(), "del anfitrión");
    assert!(!world.dir().join("casa/x").exists());
}

#[test]
fn si_matan_al_supervisor_sus_procesos_mueren_ya_y_el_siguiente_comando_recoge_el_resto() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let two = shell("uno", "trap '' TERM; (setsid sleep 1007 &); exec sleep 1007", "")
        + &shell("dos", "exec sleep 1007", "");
    start(&world, "huerfano", &pod("huerfano", "", &two));
    wait_until("que corran los tres", 3, || pids_of(&world, "sleep 1007").len() == 3);
    let seen: serde_json::Value =
        serde_json::from_str(&world.read("/run/micropod/pods/huerfano/pod.json")).unwrap();
    world.kill("KILL", seen["supervisor"]["pid"].as_i64().unwrap() as i32);
    wait_until("que no quede ni un proceso del Pod", 2, || world.processes().is_empty());
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("huerfano") && row.contains("ContainerStatusUnknown"), "{row}");
    let left: Vec<String> = world.leftovers().into_iter().filter(|l| !l.starts_with("fichero")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!world.leftovers().iter().any(|l| l.contains("/ips/10.") || l.contains("/lib/micropod/pods")));
    delete(&world, "huerfano");
    world.sh("rm -rf /run/micropod/ips");
}

#[test]
fn run_sale_con_el_codigo_del_contenedor_y_la_ficha_se_queda() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world
        .write("siete.ron", &pod("siete", "restartPolicy: Never,", &shell("c", "echo hola; exit 7", "")));
    let done = world.micropod(&["run", file.to_str().unwrap()]).exits(7);
    assert!(done.out.contains("c │ hola"), "{}", done.out);
    let row = world.micropod(&["get", "pod", "siete", "--no-headers"]).ok().out;
    assert!(row.contains("0/1") && row.contains("Error"), "{row}");
    assert_eq!(world.micropod(&["logs", "siete"]).ok().out, "hola\n");
    // otro run lo sustituye; --rm no deja nada
    world.micropod(&["run", "--rm", file.to_str().unwrap()]).exits(7);
    assert_eq!(world.micropod(&["get", "pods"]).ok().err.trim(), "No resources found in default namespace.");
}

#[test]
fn un_programa_que_no_se_puede_ejecutar_se_explica() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let run = |name: &str, command: &str| {
        let container = format!("(name: \"c\", image: \"busybox\", command: [\"{command}\"]),");
        let file = world.write(&format!("{name}.ron"), &pod(name, "restartPolicy: Never,", &container));
        world.micropod(&["run", "--rm", file.to_str().unwrap()])
    };
    assert!(run("no-existe", "/bin/nada").exits(127).err.contains("no está en la imagen"));
    assert!(run("directorio", "/bin").exits(126).err.contains("es un directorio"));
    assert!(run("sin-permiso", "/etc/hosts").exits(126).err.contains("permiso de ejecución"));
}

#[test]
fn el_mismo_nombre_dos_veces_lo_gana_uno() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("uno.ron", &pod("uno", "", &shell("c", "exec sleep 1008", "")));
    let all: Vec<_> = (0..8).map(|_| world.start(&["run", "-d", file.to_str().unwrap()])).collect();
    let codes: Vec<i32> = all.into_iter().map(|run| run.wait().code).collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|c| *c == 0 || *c == 1), "{codes:?}");
    pid_of(&world, "sleep 1008");
    assert_eq!(pids_of(&world, "sleep 1008").len(), 1);
    delete(&world, "uno");
}

#[test]
fn red_y_procesos_se_comparten_si_se_pide() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "hostNetwork: true, shareProcessNamespace: true,";
    let two = shell("uno", "exec sleep 1009", "") + &shell("dos", "exec sleep 1010", "");
    start(&world, "comun", &pod("comun", fields, &two));
    let (one, other) = (pid_of(&world, "sleep 1009"), pid_of(&world, "sleep 1010"));
    assert_eq!(namespaces(&world, one)["net"], namespaces(&world, 1)["net"]);
    assert_eq!(namespaces(&world, one)["pid"], namespaces(&world, other)["pid"]);
    assert_ne!(namespaces(&world, one)["pid"], namespaces(&world, 1)["pid"]);
    let listed = world.micropod(&["exec", "comun", "-c", "uno", "--", "ps"]).ok().out;
    assert!(listed.contains("sleep 1010") && listed.contains("pausa"), "{listed}");
    delete(&world, "comun");
}

#[test]
fn ctrl_c_para_con_orden_y_ctrl_c_dos_veces_para_ya() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let polite = world
        .write("cortes.ron", &pod("cortes", "", &shell("c", "trap 'exit 0' TERM; sleep 1011 & wait", "")));
    let running = world.start(&["run", "--rm", polite.to_str().unwrap()]);
    wait_until("que corra", 5, || !pids_of(&world, "sleep 1011").is_empty());
    running.signal("INT");
    assert_eq!(running.wait().code, 0);
    let deaf = world
        .write("sordo.ron", &pod("sordo", "", &shell("c", "trap '' TERM; while :; do sleep 1012; done", "")));
    let running = world.start(&["run", "--rm", deaf.to_str().unwrap()]);
    wait_until("que corra", 5, || !pids_of(&world, "sleep 1012").is_empty());
    running.signal("INT");
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(!pids_of(&world, "sleep 1012").is_empty(), "aún está en su plazo de gracia");
    running.signal("INT");
    let done = running.wait();
    assert_eq!(done.code, 137);
    for part in ["parada ordenada", "esperando a c: tiene SIGTERM", "le quedan 30 s", "parada inmediata"] {
        assert!(done.err.contains(part), "{part}: {}", done.err);
    }
}

#[test]
fn la_sonda_de_preparacion_decide_quien_esta_listo_sin_reiniciar_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe = "readinessProbe: (exec: (command: [\"cat\", \"/tmp/listo\"]), periodSeconds: 1)";
    start(&world, "sonda", &pod("sonda", "", &shell("c", "mkdir -p /tmp; exec sleep 1013", probe)));
    let ready = || world.micropod(&["get", "pod", "sonda", "--no-headers"]).ok().out.contains("1/1");
    assert!(!ready());
    world.micropod(&["exec", "sonda", "--", "touch", "/tmp/listo"]).ok();
    world.micropod(&["wait", "--for=condition=Ready", "pod/sonda", "--timeout=10s"]).ok();
    assert!(ready());
    assert_eq!(pids_of(&world, "sleep 1013").len(), 1);
    delete(&world, "sonda");
}

#[test]
fn un_limite_que_no_se_puede_dar_se_rechaza_sin_dejar_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let limits = "resources: (limits: (memory: \"64Mi\"))";
    let file = world.write(
        "tope.ron",
        &pod("tope", "restartPolicy: Never,", &shell("c", "cat /sys/fs/cgroup/memory.max", limits)),
    );
    let done = world.micropod(&["run", "--rm", file.to_str().unwrap()]);
    let controllers = fs::read_to_string(world.cgroup().join("cgroup.controllers")).unwrap();
    if controllers.contains("memory") {
        assert!(done.ok().out.contains("67108864"));
    } else {
        let said = done.exits(1).err;
        assert!(
            said.contains("no puede cumplir resources.limits.memory") && said.contains("make vm"),
            "{said}"
        );
    }
}

#[test]
fn un_fallo_al_preparar_en_segundo_plano_llega_a_quien_lo_lanzo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("roto.ron", &pod("roto", "", &shell("c", "sleep 1003", "")));
    let pods = world.path("/var/lib/micropod/pods");
    let _ = fs::remove_dir_all(&pods);
    fs::write(&pods, "esto debería ser un directorio").unwrap();
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    assert!(said.contains("/var/lib/micropod/pods"), "{said}");
    fs::remove_file(&pods).unwrap();
    assert!(!world.micropod(&["get", "pods"]).ok().out.contains("roto"));
}

#[test]
fn al_borrar_varios_pods_se_espera_a_todos_a_la_vez() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let names = ["b1", "b2", "b3"];
    for name in names {
        start(
            &world,
            name,
            &pod(name, "terminationGracePeriodSeconds: 3,", &shell("c", "exec sleep 1004", "")),
        );
    }
    let started = std::time::Instant::now();
    world.micropod(&["delete", "pod", "b1", "b2", "b3"]).ok();
    let (took, one_by_one) = (started.elapsed(), std::time::Duration::from_secs(9));
    assert!(took < one_by_one, "tres plazos seguidos serían 9 s: {took:?}");
}

#[test]
fn cada_paso_se_cuenta_y_un_ensayo_no_toca_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("cuento.ron", &pod("cuento", "restartPolicy: Never,", &shell("c", "true", "")));
    let told = world.micropod(&["run", "--rm", "--narra", file.to_str().unwrap()]).ok().err;
    let dry = world.micropod(&["run", "--dry-run", file.to_str().unwrap()]).ok().out;
    for text in [&told, &dry] {
        for expected in [
            "[anfitrión]",
            "[pausa]",
            "[contenedor c]",
            "pivot_root(2)",
            "clone3(2)",
            "rtnetlink(7)",
            "capítulo 10",
        ] {
            assert!(text.contains(expected), "falta «{expected}»");
        }
    }
    world.assert_clean();
    let script = world.micropod(&["guion", file.to_str().unwrap()]).ok().out;
    let checked = world.write("cuento.sh", &script);
    world.sh(&format!("sh -n {}", checked.display()));
}
