//! Lo que dicen `top` y `describe` de lo que gasta un contenedor es lo que cuenta cgroup v2.

mod common;

use common::{World, in_vm, wait_until};
use std::fs;

fn value(world: &World, path: &str) -> String {
    let path = world.cgroup().join("micropod").join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).trim().to_string()
}

fn field(world: &World, path: &str, key: &str) -> u64 {
    let text = value(world, path);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} ")));
    line.unwrap_or_else(|| panic!("{key} no está en {text}")).parse().unwrap()
}

#[test]
fn la_memoria_los_procesos_y_los_frenazos_son_los_del_cgroup() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let limits = "resources: (limits: (cpu: \"200m\", memory: \"64Mi\"))";
    let full = r#"head -c 4194304 /dev/zero >/m/x; sleep 4001 & while :; do :; done"#;
    let text = format!(
        "Pod(metadata: (name: \"gasta\"), spec: (volumes: [(name: \"m\", emptyDir: (medium: Memory))], containers: [
            (name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{full}\"#], {limits},
             volumeMounts: [(name: \"m\", mountPath: \"/m\")])]))"
    );
    let file = world.write("gasta.ron", &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    wait_until("que el kernel lo frene", 20, || field(&world, "gasta/c/cpu.stat", "nr_throttled") > 3);
    wait_until("que llene su volumen", 30, || {
        value(&world, "gasta/c/memory.current").parse::<u64>().unwrap() > 4 << 20
    });
    let before = field(&world, "gasta/c/cpu.stat", "nr_throttled");
    let table = world.micropod(&["top", "pod", "gasta", "--containers", "-o", "wide", "--no-headers"]).ok();
    let after = field(&world, "gasta/c/cpu.stat", "nr_throttled");
    assert_eq!(table.err, "", "aquí lo cuenta todo el kernel");
    let cells: Vec<&str> = table.out.split_whitespace().collect();
    let cpu: u64 = cells[2].strip_suffix('m').unwrap().parse().unwrap();
    assert!((100..=320).contains(&cpu), "con un tope de 200m gasta {cpu}m");
    // los 4 MiB del volumen en memoria son suyos, y la caché que se puede tirar no cuenta
    let memory: u64 = cells[3].strip_suffix("Mi").unwrap().parse().unwrap();
    let current: u64 = value(&world, "gasta/c/memory.current").parse().unwrap();
    let cache = field(&world, "gasta/c/memory.stat", "inactive_file");
    let real = (current - cache) >> 20;
    assert!(memory >= 4 && memory.abs_diff(real) <= 2, "dice {memory}Mi y son {real}Mi");
    assert_eq!(cells[4], value(&world, "gasta/c/pids.current"));
    let (throttled, periods) = cells[5].split_once('/').unwrap();
    let throttled: u64 = throttled.parse().unwrap();
    assert!((before..=after).contains(&throttled), "{before} ≤ {throttled} ≤ {after}");
    assert!(periods.parse::<u64>().unwrap() >= throttled);
    if world.cgroup().join("micropod/gasta/c/cpu.pressure").exists() {
        assert!(cells[6].ends_with('%'), "{}", cells[6]);
    }
    let page = world.micropod(&["describe", "pod", "gasta"]).ok().out;
    assert!(page.contains("QoS Class:") && page.contains("Guaranteed\n"), "{page}");
    assert!(page.contains("frenado en ") && page.contains(" de 64.0 MiB"), "{page}");
    let pid = page.lines().find_map(|line| line.trim().strip_prefix("PID:")).unwrap().trim();
    let real = world.read(&format!("/proc/{pid}/oom_score_adj"));
    assert_eq!(real.trim(), "-997", "el último que se mata");
    assert!(page.contains("oom_score_adj:  -997\n"), "{page}");
    world.micropod(&["delete", "pod", "gasta", "--force"]).ok();
}
