//! La micro-VM da lo que promete: cgroup v2 entero, overlayfs, veth, bridge y nftables.

mod common;

use common::{World, in_vm, wait_until};
use std::fs;

const ROOT: &str = "/sys/fs/cgroup";

#[test]
fn estan_los_controladores_de_memoria_cpu_y_pids() {
    if !in_vm() {
        return;
    }
    let controllers = fs::read_to_string(format!("{ROOT}/cgroup.controllers")).unwrap();
    for wanted in ["memory", "cpu", "pids", "io"] {
        assert!(controllers.split_whitespace().any(|c| c == wanted), "falta {wanted} en {controllers}");
    }
}

#[test]
fn quien_pasa_de_memory_max_muere_y_queda_apuntado_en_memory_events() {
    if !in_vm() {
        return;
    }
    let world = World::new();
    world.sh(&format!(
        "cd {ROOT}; echo +memory >cgroup.subtree_control; mkdir glotón; echo 8M >glotón/memory.max"
    ));
    // tail guarda en memoria lo que ha de imprimir al final
    let hungry = format!("echo $$ >{ROOT}/glotón/cgroup.procs; exec tail -c 100000000 /dev/zero");
    let done = common::run(world.command("sh").args(["-c", &hungry]));
    assert_eq!(done.code, 137, "{done:?}");
    let events = fs::read_to_string(world.cgroup().join("glotón/memory.events")).unwrap();
    assert!(events.lines().any(|line| line == "oom_kill 1"), "{events}");
    world.sh(&format!("rmdir {ROOT}/glotón"));
}

#[test]
fn pids_max_detiene_los_fork() {
    if !in_vm() {
        return;
    }
    let world = World::new();
    world.sh(&format!("cd {ROOT}; echo +pids >cgroup.subtree_control; mkdir pocos; echo 2 >pocos/pids.max"));
    let script = format!("echo $$ >{ROOT}/pocos/cgroup.procs; sleep 0.2 & sleep 0.2 & sleep 0.2 & wait");
    let done = common::run(world.command("sh").args(["-c", &script]));
    assert!(done.err.to_lowercase().contains("fork"), "{done:?}");
    let group = world.cgroup().join("pocos");
    wait_until("que se vacíe el cgroup", 2, || {
        fs::read_to_string(group.join("cgroup.procs")).unwrap().is_empty()
    });
    world.sh(&format!("rmdir {ROOT}/pocos"));
}

#[test]
fn overlayfs_se_monta_sobre_un_tmpfs_y_la_capa_de_abajo_no_cambia() {
    if !in_vm() {
        return;
    }
    let world = World::new();
    world.sh("mkdir abajo arriba trabajo junto; echo viejo >abajo/f
         mount -t overlay overlay -o lowerdir=abajo,upperdir=arriba,workdir=trabajo junto
         echo nuevo >junto/f; umount junto");
    assert_eq!(world.sh("cat abajo/f arriba/f"), "viejo\nnuevo\n");
}

#[test]
fn un_veth_con_bridge_llega_a_otra_red_y_nft_enmascara() {
    if !in_vm() {
        return;
    }
    let mut world = World::new();
    world.expect_leftovers();
    world.sh(
        "ip link add puente type bridge; ip addr add 10.99.0.1/24 dev puente; ip link set puente up
         unshare --net sleep 60 >/dev/null 2>&1 & pid=$!
         while [ \"$(readlink /proc/$pid/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.1; done
         ip link add v0 type veth peer name eth0 netns $pid; ip link set v0 master puente up
         nsenter --target $pid --net ip addr add 10.99.0.2/24 dev eth0
         nsenter --target $pid --net ip link set eth0 up
         ping -c 1 -W 10 10.99.0.2 >/dev/null
         printf 'table ip t {\\n chain c {\\n type nat hook postrouting priority 100\\n masquerade\\n }\\n}\\n' | nft -f -",
    );
    assert!(world.sh("nft list ruleset").contains("masquerade"));
}
