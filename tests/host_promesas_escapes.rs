//! Promesas E: los escapes que ya le pasaron a otros, intentados de principio a fin.

mod aislamiento;
mod common;

use aislamiento::{here, image_root, plant_program};
use common::{World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Un Pod de un contenedor de busybox que ejecuta una línea de shell.
fn pod(name: &str, line: &str, fields: &str, pod_fields: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, {pod_fields} \
         containers: [(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields})]))"
    )
}

fn executable(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn e1_desde_dentro_no_se_puede_reescribir_el_ejecutable_de_micropod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let attack = aislamiento::built("MICROPOD_REESCRIBE", "aislamiento/reescribe.c");
    plant_program(&world, "reescribe", &attack);
    let root = image_root(&world);
    for loader in ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"] {
        let loader = root.join(loader);
        fs::create_dir_all(loader.parent().unwrap()).unwrap();
        fs::copy(&attack, &loader).unwrap();
        fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
    }
    executable(&root.join("bin/cebo"), "#!/proc/self/exe\n");
    // una copia: si el ataque sale bien, que no sea el binario de los demás tests
    let copy = world.dir().join("micropod");
    fs::copy(common::binary(), &copy).unwrap();
    let file = world.write("caza.ron", &pod("caza", "exec /bin/reescribe caza", "", ""));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    // se lee desde fuera: un exec más, con el otro binario, sería también presa
    let hunter = || world.processes().into_iter().find(|(_, line)| line == "/bin/reescribe caza");
    wait_until("que corra quien caza", 5, || hunter().is_some());
    let seen = world.path(&format!("/proc/{}/root/resultado", hunter().unwrap().0));
    let result = || fs::read_to_string(&seen).unwrap_or_default();
    for _ in 0..200 {
        common::run(world.command(&copy).args(["exec", "caza", "--", "/bin/cebo"]));
        if !result().is_empty() {
            break;
        }
    }
    wait_until("que el ataque llegue al final", 20, || !["", "CAZADO"].contains(&result().as_str()));
    assert_eq!(result(), "EROFS", "el ejecutable de fuera se ha podido abrir para escribir");
    world.micropod(&["delete", "pod", "caza"]).ok();
}

#[test]
fn e2_ningun_descriptor_abierto_fuera_llega_al_pid_1_a_exec_ni_a_una_sonda() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    world.write("secreto", "x");
    let probe = "readinessProbe: (periodSeconds: 1, exec: (command: [\"sh\", \"-c\", \
                 \"ls -l /proc/self/fd >/tmp/sonda\"]))";
    let file = world.write("e2.ron", &pod("e2", "exec sleep 3502", probe, ""));
    let open = "6</ 7<secreto 8<>/dev/null 9<.";
    let micropod = common::binary();
    world.sh(&format!("{} run -d {} {open}", micropod.display(), file.display()));
    let pid = aislamiento::pid_of(&world, "sleep 3502");
    let mut names: Vec<_> = fs::read_dir(world.path(&format!("/proc/{pid}/fd")))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["0", "1", "2"]);
    // ls abre el directorio que enseña: es el 3
    let inside = world.sh(&format!("{} exec e2 -- ls -l /proc/self/fd {open}", micropod.display()));
    let seen = world.path(&format!("/proc/{pid}/root/tmp/sonda"));
    wait_until("que pregunte la sonda", 10, || fs::read_to_string(&seen).is_ok_and(|t| t.contains(" 2 ->")));
    for said in [inside, fs::read_to_string(&seen).unwrap()] {
        for line in said.lines().filter(|l| l.contains("->")) {
            let number = line.split(" -> ").next().unwrap().split(' ').next_back().unwrap();
            assert!(["0", "1", "2", "3"].contains(&number), "{said}");
            assert!(!line.contains("secreto") && !line.ends_with("-> /"), "{said}");
        }
    }
    aislamiento::down(&world, "e2");
}

#[test]
fn e3_no_se_puede_cambiar_aquello_con_lo_que_se_tapa() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    aislamiento::plant_probe(&world);
    let root = image_root(&world);
    let before = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    fs::create_dir_all(root.join("dev/.vacio")).unwrap();
    fs::write(root.join("dev/.vacio/cebo"), "").unwrap();
    std::os::unix::fs::symlink("/proc/sys/kernel/core_pattern", root.join("dev/null")).unwrap();
    std::os::unix::fs::symlink("/dev", root.join("enlace")).unwrap();
    let masked = |pod_fields: &str, fields: &str| {
        let (code, said) = aislamiento::inpod(&world, pod_fields, fields, "exec sonda");
        match code {
            0 => {
                let probe = aislamiento::Probe::read(&said);
                assert!(probe.all("mask").all(|l| !l.ends_with("VISIBLE")), "{said}");
                assert!(
                    !probe
                        .all("write")
                        .any(|l| l.starts_with("/proc/sys/kernel/core") && l.ends_with("OPENED"))
                );
            }
            code => assert_eq!(code, 125, "{said}"),
        }
    };
    masked("", "");
    // otro contenedor planta en un volumen el /dev/null con el que querría que se tapara
    let plant = "initContainers: [(name: \"planta\", image: \"busybox\", command: [\"sh\", \"-c\", \
                 \"ln -s /proc/sys/kernel/core_pattern /v/null; mkdir /v/.vacio /v/pts /v/shm /v/mqueue\"], \
                 volumeMounts: [(name: \"v\", mountPath: \"/v\")])], volumes: [(name: \"v\")],";
    masked(plant, "volumeMounts: [(name: \"v\", mountPath: \"/enlace\")]");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap(), before);
}

#[test]
fn e4_e6_la_terminal_es_suya_y_por_ella_no_se_teclea_fuera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    aislamiento::plant_probe(&world);
    let root = image_root(&world);
    fs::create_dir_all(root.join("dev")).unwrap();
    for name in ["console", "ptmx", "tty"] {
        std::os::unix::fs::symlink("/proc/sysrq-trigger", root.join("dev").join(name)).unwrap();
    }
    for profile in ["", "seccompProfile: (type: Unconfined)"] {
        let fields = format!("tty: true, stdin: true, securityContext: ({profile})");
        let (code, said) = aislamiento::inpod(
            &world,
            "",
            &fields,
            "tty; readlink /proc/self/fd/0; stat -c %d /dev/pts; exec sonda",
        );
        assert_eq!(code, 0, "{said}");
        let said = said.replace('\r', "");
        assert!(said.starts_with("/dev/pts/0\n/dev/pts/0\n"), "{said}");
        // un devpts suyo, y no el de la máquina, que también puede tener un 0 libre
        let own: u64 = said.lines().nth(2).unwrap().parse().unwrap();
        assert_ne!(own, std::os::unix::fs::MetadataExt::dev(&fs::metadata("/dev/pts").unwrap()), "{said}");
        let probe = aislamiento::Probe::read(&said);
        assert!(!profile.is_empty() || probe.call("ioctl_TIOCSTI") == "EPERM", "{said}");
        // aun sin filtro, su terminal es de otro devpts: lo que teclee se lo teclea a sí mismo
        assert!(probe.mounts().iter().any(|m| m[0] == "/dev/pts" && m[1] == "devpts"));
    }
}

#[test]
fn e5_lo_que_micropod_escribe_en_proc_es_proc_de_verdad() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    // uno privilegiado puede montar otro /proc encima, con enlaces donde micropod vaya a escribir
    let line = "mkdir /falso /falso/self; echo intacto >/presa; ln -s /presa /falso/self/oom_score_adj; \
                mount --bind /falso /proc; exec sleep 3505";
    aislamiento::up(&world, "e5", "", "securityContext: (privileged: true)", line);
    let pid = aislamiento::pid_of(&world, "sleep 3505");
    let prey = world.path(&format!("/proc/{pid}/root/presa"));
    let done = world.micropod(&["exec", "e5", "--", "true"]);
    assert_eq!(fs::read_to_string(prey).unwrap(), "intacto\n", "ha escrito en un /proc falso: {done:?}");
    assert_eq!(done.code, 125, "y lo dice: {done:?}");
    aislamiento::down(&world, "e5");
}

#[test]
fn e8_los_programas_y_bibliotecas_del_contenedor_no_corren_nunca_fuera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let mark = world.dir().join("corrio-fuera");
    let trap = format!(
        "#!/bin/sh\ntouch {0} /proc/1/root{0} 2>/dev/null\nexec busybox \"${{0##*/}}\" \"$@\"\n",
        mark.display()
    );
    let root = image_root(&world);
    for name in ["ps", "nsenter", "tar", "ls", "getent", "nft", "mount", "cat"] {
        let path = root.join("bin").join(name);
        let _ = fs::remove_file(&path);
        executable(&path, &trap);
    }
    for library in ["lib/libnss_files.so.2", "lib/x86_64-linux-gnu/libnss_files.so.2"] {
        let path = root.join(library);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        executable(&path, &trap);
    }
    let probe = "livenessProbe: (periodSeconds: 1, tcpSocket: (port: 80, host: \"localhost\"), failureThreshold: 100)";
    aislamiento::up(&world, "e8", "", probe, "exec sleep 3508");
    aislamiento::pid_of(&world, "sleep 3508");
    for args in [
        &["exec", "e8", "--", "ps"][..],
        &["logs", "e8"],
        &["describe", "pod", "e8"],
        &["get", "pods", "-o", "wide"],
        &["demuestra", "e8"],
        &["top", "pod", "e8"],
        &["cp", "e8:/bin/ps", "copiado"],
        &["audita", "e8"],
    ] {
        world.micropod(args);
    }
    std::thread::sleep(std::time::Duration::from_millis(1200));
    aislamiento::down(&world, "e8");
    assert!(!mark.exists(), "algo de la imagen ha corrido fuera");
}

#[test]
fn e9_el_camino_de_release_agent_esta_cerrado() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let line = "unshare -UrmC sh -c 'mount -t cgroup -o rdma c /tmp' && echo dentro; \
                unshare -m true && echo montajes; mount -t cgroup -o rdma c /tmp && echo montado; \
                mount -t cgroup2 c /tmp && echo montado; true";
    let (code, said) = aislamiento::inpod(&world, "", "", line);
    assert_eq!(code, 0, "{said}");
    for word in ["dentro", "montajes", "montado"] {
        assert!(!said.lines().any(|l| l == word), "{said}");
    }
    assert!(said.contains("not permitted"), "{said}");
}

#[test]
fn e11_los_logs_estan_donde_ningun_contenedor_los_puede_enlazar() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let line = "ln -s /etc/shadow /dev/termination-log 2>/dev/null; rm -f /dev/termination-log 2>/dev/null; \
                echo hola; exec sleep 3511";
    aislamiento::up(&world, "e11", "", "", line);
    let pid = aislamiento::pid_of(&world, "sleep 3511");
    let mounts = world.read(&format!("/proc/{pid}/mountinfo"));
    assert!(!mounts.lines().any(|l| l.split(' ').nth(3).unwrap().contains("log/micropod")), "{mounts}");
    let log = world.path("/var/log/micropod/e11/c/0.log");
    assert!(fs::symlink_metadata(&log).unwrap().file_type().is_file());
    common::wait_until("que su línea llegue al log", 5, || {
        fs::read_to_string(&log).is_ok_and(|text| text.ends_with("stdout F hola\n"))
    });
    world.micropod(&["delete", "pod", "e11", "--grace-period=1"]).ok();
}

#[test]
fn e10_copiar_no_se_puede_desviar_con_una_carrera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    // el anfitrión que se quiere leer y estropear
    let victim = world.write("victima/f", "de fuera");
    let dir = victim.parent().unwrap();
    plant_program(&world, "intercambia", &aislamiento::compile("aislamiento/intercambia.c"));
    let line = format!("mkdir /d; echo dentro >/d/f; ln -s {} /e; exec intercambia /d /e", dir.display());
    aislamiento::up(&world, "e10", "", "", &line);
    aislamiento::pid_of(&world, "intercambia /d /e");
    world.write("nuevo", "nuevo");
    let mut read = 0;
    for round in 0..60 {
        // quien mira /d cuando es el enlace no encuentra nada: dentro no hay tal directorio
        let _ = fs::remove_file(world.dir().join("copia"));
        let done = world.micropod(&["cp", "e10:/d/f", "copia"]);
        let copied = fs::read_to_string(world.dir().join("copia")).unwrap_or_default();
        assert!(["", "dentro\n", "nuevo"].contains(&copied.as_str()), "vuelta {round}: {copied:?}, {done:?}");
        assert_eq!(done.code == 0, !copied.is_empty(), "{done:?}");
        read += usize::from(done.code == 0);
        world.micropod(&["cp", "nuevo", "e10:/d/f"]);
        world.micropod(&["cp", "e10:/d", "arbol"]);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "de fuera", "vuelta {round}: se ha escrito fuera");
        assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "vuelta {round}: se ha creado algo fuera");
        let tree = fs::read_to_string(world.dir().join("arbol/f")).unwrap_or_default();
        assert_ne!(tree, "de fuera", "vuelta {round}");
    }
    assert!((1..60).contains(&read), "sin carrera no se prueba nada: {read} de 60");
    aislamiento::down(&world, "e10");
}
