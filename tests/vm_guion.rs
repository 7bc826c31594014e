//! Los límites, con cgroup v2 de verdad: los pone igual el guion, se ven en el dibujo y se demuestran.

mod common;

use common::{World, in_vm, run, wait_until};
use std::collections::BTreeMap;
use std::fs;

const LIMITED: &str = r#"Pod(
    metadata: (name: "justo"),
    spec: (
        terminationGracePeriodSeconds: 1,
        resources: (limits: (pids: "20")),
        containers: [
            (name: "uno", image: "busybox", command: ["sleep", "4001"],
             resources: (requests: (cpu: "100m"), limits: (cpu: "250m", memory: "32Mi"))),
            (name: "dos", image: "busybox", command: ["sleep", "4002"],
             resources: (limits: (cpu: "500m", memory: "10000000"))),
        ],
    ),
)"#;

fn started(world: &World) {
    for line in ["sleep 4001", "sleep 4002"] {
        wait_until(line, 20, || world.processes().iter().any(|(_, l)| l == line));
    }
}

/// Lo que dice cada fichero de límites del Pod y de sus contenedores.
fn limits(world: &World) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for group in ["", "/uno", "/dos", "/_pausa"] {
        for file in [
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "cpu.max",
            "cpu.weight",
            "pids.max",
            "cgroup.subtree_control",
        ] {
            let path = world.cgroup().join(format!("micropod/justo{group}/{file}"));
            all.insert(format!("{group}/{file}"), fs::read_to_string(path).unwrap_or_default());
        }
        let path = world.cgroup().join(format!("micropod/justo{group}/cgroup.procs"));
        let count = fs::read_to_string(path).unwrap().lines().count();
        all.insert(format!("{group}/procesos"), count.to_string());
    }
    all
}

#[test]
fn el_guion_pone_los_mismos_limites_que_micropod() {
    if !in_vm() {
        return;
    }
    let (real, scripted) = (World::with_busybox(), World::with_busybox());
    let file = real.write("pod.ron", LIMITED);
    real.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    started(&real);
    let file = scripted.write("pod.ron", LIMITED);
    let script = scripted.micropod(&["guion", file.to_str().unwrap()]).ok().out;
    let script = scripted.write("pod.sh", &script);
    run(scripted.command("/bin/sh").arg(&script)).ok();
    started(&scripted);
    let (expected, found) = (limits(&real), limits(&scripted));
    assert_eq!(expected["/uno/memory.max"], "33554432\n");
    assert_eq!(expected["/uno/cpu.max"], "25000 100000\n");
    assert_eq!(expected["/pids.max"], "20\n");
    // unshare --fork se queda esperando a su hijo en el mismo grupo: uno más por contenedor
    for (key, value) in &expected {
        match key.ends_with("/uno/procesos") || key.ends_with("/dos/procesos") {
            true => assert_eq!((value.as_str(), found[key].as_str()), ("1", "2"), "{key}"),
            false => assert_eq!(value, &found[key], "{key}"),
        }
    }
    real.micropod(&["delete", "pod", "justo", "--now"]).ok();
    scripted.sh("sh /var/lib/micropod/guion-justo/deshacer.sh 2>/dev/null");
    wait_until("que mueran sus procesos", 20, || scripted.processes().is_empty());
    scripted.assert_clean();
}

#[test]
fn los_limites_se_dibujan_con_lo_que_se_gasta_y_se_demuestran_o_se_refutan() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("pod.ron", LIMITED);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    started(&world);
    let picture = world.micropod(&["dibuja", "justo"]).ok().out;
    eprintln!("{picture}");
    for text in
        ["de 32 MiB", "CPU 0,25, peso", "CPU 0,5, peso", "de 9,5 MiB", "procesos 3 de 20", "CPU 0,75, peso"]
    {
        assert!(picture.contains(text), "falta «{text}» en\n{picture}");
    }
    let proved = world.micropod(&["demuestra", "justo"]).ok().out;
    for text in [
        "[demostrado] el Pod tiene los límites que pide",
        "[demostrado] uno tiene los límites que pide",
        "memory.max = 33554432",
        "memory.max = 9998336",
        "cpu.max = 25000 100000",
        "pids.max = 20",
    ] {
        assert!(proved.contains(text), "falta «{text}» en\n{proved}");
    }
    fs::write(world.cgroup().join("micropod/justo/uno/memory.max"), "max").unwrap();
    let proved = world.micropod(&["demuestra", "justo"]).exits(1).out;
    assert!(proved.contains("[refutado]   uno tiene los límites que pide"), "{proved}");
    assert!(proved.contains("memory.max = max, y debía ser 33554432"), "{proved}");
    assert!(world.micropod(&["dibuja", "justo"]).ok().out.contains("CPU 0,25"), "y se sigue dibujando");
    world.micropod(&["delete", "pod", "justo", "--now"]).ok();
}
