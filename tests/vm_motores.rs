//! Los límites con cada motor: los mismos valores en cgroupfs, y la misma muerte al pasarlos.

mod common;

use common::{World, in_vm, wait_until};
use std::fs;

fn start(world: &World, runtime: &str, name: &str, fields: &str, container: &str) {
    let text = format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{container}]))");
    let file = world.write(&format!("{name}.ron"), &text);
    world.micropod(&["run", "-d", "--runtime", runtime, file.to_str().unwrap()]).ok();
}

fn shell(line: &str, limits: &str) -> String {
    format!(
        "(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], resources: (limits: ({limits})))"
    )
}

/// Lo que dicen los ficheros del cgroup del contenedor.
fn values(world: &World, runtime: &str) -> Vec<String> {
    start(world, runtime, "tope", "", &shell("exec sleep 3101", "cpu: \"500m\", memory: \"64Mi\""));
    let dir = world.cgroup().join("micropod/tope/c");
    let files = ["memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight", "pids.max"];
    let read = |file: &&str| {
        let text = fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{runtime} {file}: {e}"));
        format!("{file} {}", text.trim())
    };
    let values = files.iter().map(read).collect();
    assert_eq!(fs::read_to_string(dir.join("cgroup.procs")).unwrap().lines().count(), 1, "{runtime}");
    world.micropod(&["delete", "pod", "tope", "--grace-period=1"]).ok();
    values
}

#[test]
fn con_cada_motor_los_limites_son_los_mismos() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let ours = values(&world, "native");
    assert!(ours.contains(&"memory.max 67108864".to_string()), "{ours:?}");
    for runtime in ["runc", "crun"] {
        assert_eq!(values(&world, runtime), ours, "{runtime}");
    }
}

#[test]
fn con_cada_motor_quien_pasa_su_memoria_muere_y_se_cuenta() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    for runtime in ["native", "runc", "crun"] {
        start(&world, runtime, "oom", "restartPolicy: Never,", &shell("tail /dev/zero", "memory: \"32Mi\""));
        let status = || world.read("/run/micropod/pods/oom/status.json");
        wait_until("que muera por falta de memoria", 30, || status().contains("OOMKilled"));
        assert!(status().contains("\"exit_code\":137"), "{runtime}: {}", status());
        world.micropod(&["delete", "pod", "oom", "--grace-period=1"]).ok();
    }
}
