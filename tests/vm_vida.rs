//! La falta de memoria, con cgroup v2 de verdad: quién muere, cómo se reconoce y qué se cuenta.

mod common;

use common::notas::*;
use common::{World, in_vm, wait_until};

fn status(world: &World, name: &str) -> serde_json::Value {
    serde_json::from_str(&world.read(&format!("/run/micropod/pods/{name}/status.json"))).unwrap()
}

#[test]
fn la_memoria_que_se_come_un_hijo_del_pid_1_mata_y_reinicia_al_contenedor_y_se_cuenta_cuanta_fue() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    // el que come es un nieto del PID 1; la segunda vez no come nadie
    let line = "echo vida >>/n/vidas; if test $(wc -l </n/vidas) = 1; then sh -c 'tail /dev/zero; true' & wait; fi; exec sleep 3301";
    let glutton = shell("gloton", line, "resources: (limits: (memory: \"16Mi\"))");
    let neighbour = shell("vecino", "exec sleep 3302", "");
    start(&world, "hambre", &pod("hambre", "restartPolicy: OnFailure,", &(glutton + &neighbour)));
    let neighbour = pid_of(&world, "sleep 3302");
    wait_until("que muera y vuelva", 20, || !pids_of(&world, "sleep 3301").is_empty());
    let container = status(&world, "hambre")["status"]["containers"][0].clone();
    assert_eq!(container["restart_count"], 1);
    assert_eq!(
        (&container["last"]["reason"], &container["last"]["exit_code"]),
        (&"OOMKilled".into(), &137.into())
    );
    assert_eq!(pids_of(&world, "sleep 3302"), [neighbour], "el vecino ni se entera");
    let events = status(&world, "hambre")["events"].to_string();
    let said =
        "el contenedor gloton pasó de su límite de memoria de 16Mi (llegó a gastar 16Mi): el kernel lo mató";
    assert!(events.contains(said), "{events}");
    // la vida nueva estrena cgroup: su cuenta de muertes está a cero
    let account = world.cgroup().join("micropod/hambre/gloton/memory.events");
    assert!(std::fs::read_to_string(account).unwrap().contains("oom_kill 0"));
    delete(&world, "hambre");
}

#[test]
fn si_el_tope_es_del_pod_se_dice_que_es_del_pod() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let glutton = shell("gloton", "tail /dev/zero", "");
    let neighbour = shell("vecino", "exec sleep 3304", "");
    let fields = "restartPolicy: Never, resources: (limits: (memory: \"16Mi\")),";
    start(&world, "comun", &pod("comun", fields, &(glutton + &neighbour)));
    pid_of(&world, "sleep 3304");
    let events = || status(&world, "comun")["events"].to_string();
    wait_until("que muera el glotón", 20, || events().contains("OOMKilling"));
    let said = "el Pod pasó de su límite de memoria de 16Mi: el kernel mató al contenedor gloton";
    assert!(events().contains(said), "{}", events());
    delete(&world, "comun");
}

#[test]
fn quien_entra_con_exec_gasta_la_memoria_del_contenedor() {
    if !in_vm() {
        return;
    }
    let world = World::with_busybox();
    let fields = "resources: (limits: (memory: \"16Mi\"))";
    start(&world, "visita", &pod("visita", "restartPolicy: Never,", &shell("c", "exec sleep 3303", fields)));
    pid_of(&world, "sleep 3303");
    assert_eq!(world.micropod(&["exec", "visita", "--", "tail", "/dev/zero"]).code, 137);
    wait_until("que muera el contenedor", 10, || pids_of(&world, "sleep 3303").is_empty());
    wait_until("que se sepa por qué", 10, || {
        status(&world, "visita")["status"]["containers"][0]["state"]["Terminated"]["reason"] == "OOMKilled"
    });
    delete(&world, "visita");
}
