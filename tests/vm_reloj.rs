//! Alguien cambia la hora de la máquina mientras corre un Pod. Los plazos no se miden con ella.

mod common;

use common::{World, in_vm, is_root, patience, wait_until};
use std::time::{Duration, Instant};

fn restarts(world: &World) -> u64 {
    let text = world.micropod(&["get", "pod", "hora", "-o", "json"]).ok().out;
    let pod: serde_json::Value = serde_json::from_str(&text).unwrap();
    pod["status"]["containerStatuses"][1]["restartCount"].as_u64().unwrap()
}

fn probes(world: &World) -> usize {
    world.read("/n/sondas").lines().count()
}

#[test]
fn aunque_cambie_la_hora_los_plazos_las_sondas_y_las_esperas_siguen_igual() {
    if !is_root() || !in_vm() {
        return;
    }
    let world = World::with_busybox();
    world.sh("mkdir -p /n; touch /n/sondas");
    let pod = "Pod(metadata: (name: \"hora\"), spec: (activeDeadlineSeconds: 3600, terminationGracePeriodSeconds: 1,
        volumes: [(name: \"n\", hostPath: (path: \"/n\"))],
        containers: [
          (name: \"firme\", image: \"busybox\", command: [\"sleep\", \"3031\"], volumeMounts: [(name: \"n\", mountPath: \"/n\")],
           readinessProbe: (periodSeconds: 1, timeoutSeconds: 10, exec: (command: [\"sh\", \"-c\", \"echo x >>/n/sondas\"])),
           livenessProbe: (periodSeconds: 1, timeoutSeconds: 600, exec: (command: [\"true\"]))),
          (name: \"cae\", image: \"busybox\", command: [\"sh\", \"-c\", \"exit 3\"]),
        ]))";
    let file = world.write("hora.ron", pod);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    wait_until("que espere para reiniciarse por segunda vez", 60, || {
        let columns = world.micropod(&["get", "pod", "hora", "--no-headers"]).ok().out;
        columns.contains("CrashLoopBackOff") && restarts(&world) == 1
    });
    let waiting = Instant::now();
    for (step, seconds) in [("un día hacia delante", 86_400_i64), ("dos hacia atrás", -172_800)] {
        let (before, now) = (probes(&world), world.sh("date +%s"));
        let then = now.trim().parse::<i64>().unwrap() + seconds;
        world.sh(&format!("date -s @{then}"));
        // ni se paran ni se hacen todas las que faltarían para alcanzar la hora
        wait_until(&format!("{step}: que se siga preguntando"), 30, || probes(&world) > before + 2);
        assert!(probes(&world) < before + 60, "{step}: una ráfaga de sondas");
        let out = world.micropod(&["get", "pod", "hora", "-o", "json"]).ok().out;
        let status: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(status["status"]["phase"], "Running", "{step}: el plazo activo no se cuenta con la hora");
        assert_eq!(status["status"]["containerStatuses"][0]["restartCount"], 0, "{step}");
    }
    // los 10 s de espera son 10 s, por más que el reloj haya dado vueltas
    if waiting.elapsed() < Duration::from_secs(8) {
        assert_eq!(restarts(&world), 1, "volvió antes de tiempo");
    }
    wait_until("que vuelva", 60, || restarts(&world) >= 2);
    let asked = Instant::now();
    world.micropod(&["delete", "pod", "hora"]).ok();
    assert!(asked.elapsed() < patience(15), "el plazo de gracia tampoco");
    let then = world.sh("date +%s").trim().parse::<i64>().unwrap() + 86_400;
    world.sh(&format!("date -s @{then}"));
}
