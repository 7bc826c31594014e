//! Los límites, con cgroup v2 de verdad: lo que escribe micropod se lee en cgroupfs y se sufre.

mod common;

use common::{World, in_vm, wait_until};
use std::fs;

fn start(world: &World, name: &str, fields: &str, containers: &str) {
    let text = format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{containers}]))");
    let file = world.write(&format!("{name}.ron"), &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

fn limits(list: &str) -> String {
    format!("resources: (limits: ({list}))")
}

/// El valor de un fichero del cgroup de un Pod o de uno de sus contenedores.
fn value(world: &World, path: &str) -> String {
    let path = world.cgroup().join("micropod").join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).trim().to_string()
}

#[test]
fn quien_encuentra_el_grupo_de_micropod_a_medio_hacer_lo_acaba() {
    if !in_vm() {
        return;
    }
    // lo que deja otro Pod que nace a la vez, entre crear el grupo y repartir los controladores
    let world = World::with_busybox();
    fs::create_dir(world.cgroup().join("micropod")).unwrap();
    start(&world, "tope", "", &shell("c", "exec sleep 2010", &limits("memory: \"64Mi\"")));
    assert_eq!(value(&world, "tope/c/memory.max"), "67108864");
    world.micropod(&["delete", "pod", "tope", "--grace-period=1"]).ok();
}

#[test]
fn los_limites_se_leen_en_cgroupfs_y_el_proceso_nace_dentro() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let container =
        shell("c", "cat /proc/self/cgroup; exec sleep 2001", &limits("cpu: \"500m\", memory: \"64Mi\""));
    start(&world, "tope", "", &container);
    assert_eq!(value(&world, "tope/c/memory.max"), "67108864");
    assert_eq!(value(&world, "tope/c/memory.swap.max"), "0");
    assert_eq!(value(&world, "tope/c/memory.oom.group"), "1");
    assert_eq!(value(&world, "tope/memory.oom.group"), "0", "el Pod no muere entero por un contenedor");
    assert_eq!(value(&world, "tope/c/cpu.max"), "50000 100000");
    assert_eq!(value(&world, "tope/c/cpu.weight"), "59");
    assert_eq!(
        value(&world, "tope/memory.max"),
        "67108864",
        "el único contenedor tiene tope: el Pod también"
    );
    assert_eq!(value(&world, "tope/pids.max"), "512");
    wait_until("que solo quede el principal", 5, || {
        value(&world, "tope/c/cgroup.procs").lines().count() == 1
    });
    assert_eq!(value(&world, "tope/_pausa/cgroup.procs").lines().count(), 1);
    let inside = world.micropod(&["logs", "tope"]).ok().out;
    assert_eq!(inside.trim(), "0::/", "el contenedor se ve en la raíz de sus cgroups");
    let refused = world.micropod(&["exec", "tope", "--", "sh", "-c", "echo max >/sys/fs/cgroup/memory.max"]);
    assert_ne!(refused.code, 0, "el contenedor no puede quitarse el tope");
    world.micropod(&["delete", "pod", "tope", "--grace-period=1"]).ok();
}

#[test]
fn quien_pasa_su_memoria_muere_entero_y_su_vecino_ni_se_entera() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    // quien pide de más es un hijo: el PID 1, que apenas gasta, tiene que morir con él
    let hungry = shell("gloton", "tail /dev/zero & exec sleep 2002", &limits("memory: \"16Mi\""));
    let neighbour = shell("vecino", "exec sleep 2003", "");
    start(&world, "oom", "restartPolicy: Never,", &(hungry + &neighbour));
    let status = || world.read("/run/micropod/pods/oom/status.json");
    wait_until("que muera por falta de memoria", 20, || status().contains("OOMKilled"));
    assert!(status().contains("\"exit_code\":137"), "{}", status());
    let lines: Vec<String> = world.processes().into_iter().map(|(_, line)| line).collect();
    assert!(lines.iter().any(|l| l.contains("sleep 2003")), "el vecino sigue: {lines:?}");
    assert!(!lines.iter().any(|l| l.contains("sleep 2002")), "muere el contenedor entero: {lines:?}");
    world.micropod(&["delete", "pod", "oom", "--grace-period=1"]).ok();
}

#[test]
fn una_bomba_de_procesos_choca_con_el_tope_del_pod() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let bomb = shell(
        "c",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do sleep 2004 & done; wait",
        "",
    );
    start(&world, "bomba", "restartPolicy: Never, resources: (limits: (pids: 20)),", &bomb);
    assert_eq!(value(&world, "bomba/pids.max"), "20");
    let said = || world.micropod(&["logs", "bomba"]).out;
    wait_until("que el kernel se niegue a crear otro proceso", 10, || said().contains("fork"));
    world.micropod(&["delete", "pod", "bomba", "--grace-period=1"]).ok();
}
