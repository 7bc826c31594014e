//! `micropod por-que`, con los límites que solo hay en cgroup v2: memoria, procesos y CPU.

mod common;

use common::{World, in_vm, patience};
use serde_json::Value;
use std::time::Instant;

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

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Espera a que esa causa esté entre los hallazgos, y comprueba lo que dice.
#[track_caller]
fn finds(world: &World, what: &str, cause: &str, parts: &[&str]) -> Value {
    let deadline = Instant::now() + patience(30);
    loop {
        let done = world.micropod(&["por-que", "-o", "json", what]);
        let said: Value =
            serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}{}", done.out, done.err));
        let found = said["findings"].as_array().unwrap().iter().any(|f| f["cause"] == cause);
        let text = said.to_string();
        if found && parts.iter().all(|part| text.contains(part)) {
            return said;
        }
        assert!(Instant::now() < deadline, "{what} no llegó a «{cause}» con {parts:?}:\n{said:#}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

#[test]
fn sin_memoria_se_dice_de_quien_es_el_limite_lo_pida_el_pid_1_o_un_hijo_suyo() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let own = "resources: (limits: (memory: \"16Mi\"))";
    let of_pod = "resources: (limits: (memory: \"16Mi\")),";
    for (name, fields, line, limit, says) in [
        ("propio", "", "exec tail /dev/zero", own, "c pasó de su límite de memoria de 16Mi"),
        ("hijo", "", "tail /dev/zero & wait; exec sleep 3020", own, "c pasó de su límite de memoria de 16Mi"),
        ("entero", of_pod, "exec tail /dev/zero", "", "el Pod pasó de su límite de memoria de 16Mi"),
        // los dos tienen el mismo: el Pod, que además lleva al vecino, llega antes
        ("ambos", of_pod, "exec tail /dev/zero", own, "el Pod pasó de su límite de memoria de 16Mi"),
    ] {
        // el vecino sigue, y con él el cgroup del Pod y sus cuentas
        let both = shell("c", line, limit) + &shell("vecino", "exec sleep 3023", "");
        start(&world, name, &format!("restartPolicy: Never, {fields}"), &both);
        let said = finds(&world, name, "sin-memoria", &["c terminó con 137", says, "oom_kill "]);
        assert_eq!(said["cause"], "sin-memoria");
        assert_eq!(said["findings"][0]["sure"], true);
        delete(&world, name);
    }
}

#[test]
fn quien_agota_el_limite_de_su_pod_no_se_lleva_la_pausa_por_delante() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    // el único contenedor tiene límite: el Pod tiene el mismo, y en él vive también la pausa. Con todos los
    // límites el Pod es Guaranteed, y su contenedor se ofrece al verdugo lo menos que puede un contenedor
    let line = "sleep 1; exec tail /dev/zero";
    for (name, limits) in [("solo", "memory: \"16Mi\""), ("entero", "cpu: 1, memory: \"16Mi\"")] {
        start(&world, name, "", &shell("c", line, &format!("resources: (limits: ({limits}))")));
        let pause = || {
            let status = world.read(&format!("/run/micropod/pods/{name}/status.json"));
            serde_json::from_str::<Value>(&status).unwrap()["pause"]["pid"].as_i64()
        };
        let before = pause();
        let pid = before.expect("el Pod tiene pausa");
        assert_eq!(world.read(&format!("/proc/{pid}/oom_score_adj")).trim(), "-999");
        finds(&world, name, "sin-memoria", &["CrashLoopBackOff: se intenta otra vez", "oom_kill "]);
        assert_eq!(pause(), before, "{name}: la misma pausa, la misma red");
        delete(&world, name);
    }
}

#[test]
fn quien_llega_al_limite_de_procesos_lo_sabe_por_el_kernel() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let line = "i=0; while [ $i -lt 40 ]; do sleep 3021 & i=$((i+1)); done; exec sleep 3022";
    let limit = "restartPolicy: Never, resources: (limits: (pids: 12)),";
    let neighbour = shell("vecino", "exec sleep 3024", "");
    // quien topa con el límite es un hijo suyo: el contenedor sigue, y con él lo que contó el kernel
    let child = "(i=0; while [ $i -lt 40 ]; do sleep 3021 & i=$((i+1)); done); exec sleep 3022";
    start(&world, "muchos", limit, &(shell("c", child, "") + &neighbour));
    let said =
        finds(&world, "muchos", "limite-de-procesos", &["su límite de 12 procesos", "pids.events: max"]);
    assert_eq!(said["findings"][0]["sure"], true, "lo cuenta el kernel");
    delete(&world, "muchos");
    // sin el Pod ya no hay cuentas: solo lo que dijo el programa, y así se dice
    start(&world, "muchos", limit, &shell("c", line, ""));
    let parts = ["can't fork", "el límite del Pod es de 12"];
    let said = finds(&world, "muchos", "limite-de-procesos", &parts);
    assert_eq!(said["findings"][0]["sure"], false);
    delete(&world, "muchos");
}

#[test]
fn a_quien_no_le_llega_la_cpu_se_le_dice_cuanto_lo_para_el_kernel() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let line = "while :; do :; done";
    start(&world, "lento", "", &shell("c", line, "resources: (limits: (cpu: \"50m\"))"));
    finds(&world, "lento", "cpu-estrangulada", &["limits.cpu: 50m", "cpu.stat: en "]);
    delete(&world, "lento");
}
