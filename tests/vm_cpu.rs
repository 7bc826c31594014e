//! El reparto de la CPU, medido en lo que el kernel dice que ha gastado cada uno.

mod common;

use common::{World, in_vm, wait_until};
use std::fs;
use std::time::{Duration, Instant};

/// Levanta un Pod cuyos contenedores no paran: su nombre y lo que se pide para él.
fn busy(world: &World, containers: &[(&str, &str)]) {
    let one = |(name, resources): &(&str, &str)| {
        format!(
            "(name: \"{name}\", image: \"busybox\", resources: ({resources}),
              command: [\"taskset\", \"1\", \"sh\", \"-c\", \"while :; do :; done\"])"
        )
    };
    let all: Vec<String> = containers.iter().map(one).collect();
    let text = format!("Pod(metadata: (name: \"gasta\"), spec: (containers: [{}]))", all.join(", "));
    let file = world.write("gasta.ron", &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn value(world: &World, path: &str) -> String {
    let path = world.cgroup().join("micropod/gasta").join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).trim().to_string()
}

/// Un contador de `cpu.stat`; el tiempo, en microsegundos.
fn counter(world: &World, container: &str, name: &str) -> u64 {
    let text = value(world, &format!("{container}/cpu.stat"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} no está en {text}")).parse().unwrap()
}

fn used(world: &World, container: &str) -> u64 {
    counter(world, container, "usage_usec")
}

#[test]
fn g3_la_cuota_de_cpu_se_cumple() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    busy(&world, &[("c", "limits: (cpu: \"500m\")")]);
    wait_until("que el kernel lo frene", 30, || counter(&world, "c", "nr_throttled") > 3);
    let (start, before) = (Instant::now(), used(&world, "c"));
    std::thread::sleep(Duration::from_secs(8));
    let (after, elapsed) = (used(&world, "c"), start.elapsed());
    // un periodo de más o de menos en los bordes
    let share = (after - before) as f64 / elapsed.as_micros() as f64;
    assert!((0.45..=0.55).contains(&share), "con 500m ha gastado {share:.3} de una CPU");
    world.micropod(&["delete", "pod", "gasta", "--force"]).ok();
}

#[test]
fn g4_si_no_hay_cpu_para_todos_cada_uno_tiene_segun_lo_que_pidio() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    // en la misma CPU: con una para cada uno no habría nada que repartir
    busy(&world, &[("poco", "requests: (cpu: \"250m\")"), ("mucho", "requests: (cpu: \"750m\")")]);
    let weight = |name: &str| value(&world, &format!("{name}/cpu.weight")).parse::<f64>().unwrap();
    let expected = weight("mucho") / weight("poco");
    assert!(expected > 1.5, "los pesos se parecen demasiado para medir nada: {expected}");
    wait_until("que los dos hayan empezado", 30, || {
        used(&world, "poco").min(used(&world, "mucho")) > 500_000
    });
    let before = ["poco", "mucho"].map(|name| used(&world, name));
    std::thread::sleep(Duration::from_secs(8));
    let after = ["poco", "mucho"].map(|name| used(&world, name));
    let ratio = (after[1] - before[1]) as f64 / (after[0] - before[0]) as f64;
    let fair = expected * 0.8..=expected * 1.25;
    assert!(fair.contains(&ratio), "les tocaba 1 a {expected:.2} y ha sido 1 a {ratio:.2}");
    world.micropod(&["delete", "pod", "gasta", "--force"]).ok();
}
