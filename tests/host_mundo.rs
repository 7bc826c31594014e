//! El terreno de los tests: que cada mundo esté de verdad aparte y que ningún resto se le escape.

mod common;

use common::{World, is_root, wait_until};
use std::fs;

#[test]
fn en_un_mundo_solo_hay_lo_y_ninguna_ruta_que_salga() {
    if !is_root() {
        return;
    }
    let world = World::new();
    assert_eq!(world.sh("ip -o link | cut -d: -f2").trim(), "lo");
    assert_eq!(world.sh("ip route"), "");
    world.sh("ip -o link show lo | grep -q 'UP'");
}

#[test]
fn dos_mundos_no_se_ven() {
    if !is_root() {
        return;
    }
    let (one, other) = (World::new(), World::new());
    one.sh("touch /run/micropod/mio; ip addr add 10.244.0.1/32 dev lo");
    assert!(one.path("/run/micropod/mio").exists());
    assert!(!other.path("/run/micropod/mio").exists());
    assert!(!other.sh("ip -o addr").contains("10.244.0.1"));
    one.sh("ip addr del 10.244.0.1/32 dev lo");
    assert!(!fs::exists("/run/micropod/mio").unwrap(), "el mundo no debe escribir en la máquina");
}

#[test]
fn la_raiz_de_los_cgroups_del_mundo_es_suya_y_admite_repartir_controladores() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let mount = world.sh("awk '$3 == \"cgroup2\" {print $2; exit}' /proc/mounts");
    let mount = mount.trim();
    if mount.is_empty() {
        return; // esta máquina no tiene cgroup v2
    }
    assert!(world.sh("grep ^0:: /proc/self/cgroup").contains("0::/_mundo"));
    world.sh(&format!("mkdir {mount}/micropod {mount}/micropod/web"));
    assert!(world.cgroup().join("micropod/web").is_dir());
    // se reparte lo que haya: en una máquina híbrida, nada que nos sirva
    world.sh(&format!("cat {mount}/cgroup.controllers >/tmp/controladores.$$; rm /tmp/controladores.$$"));
    world.sh(&format!("sed 's/[^ ][^ ]*/+&/g' {mount}/cgroup.controllers >{mount}/cgroup.subtree_control"));
    assert_eq!(world.leftovers(), ["cgroup micropod/web"]);
    world.sh(&format!("rmdir {mount}/micropod/web"));
}

#[test]
fn un_proceso_un_montaje_una_interfaz_y_un_fichero_olvidados_son_restos() {
    if !is_root() {
        return;
    }
    let mut world = World::new();
    world.expect_leftovers();
    world.sh("sleep 1000 >/dev/null 2>&1 &");
    world.sh(
        "mkdir /run/micropod/pods; mkdir /run/micropod/pods/web; mount -t tmpfs x /run/micropod/pods/web",
    );
    world.sh("ip link add olvidada type bridge");
    let left = world.leftovers().join("\n");
    for expected in [
        "sleep 1000",
        "montaje /run/micropod/pods/web",
        "interfaz olvidada",
        "fichero /run/micropod/pods/web",
    ] {
        assert!(left.contains(expected), "falta «{expected}» en:\n{left}");
    }
}

#[test]
fn al_acabar_un_mundo_mueren_sus_procesos_y_desaparece_su_cgroup() {
    if !is_root() {
        return;
    }
    let mut world = World::new();
    world.expect_leftovers();
    let mark = format!("{}", 100_000 + std::process::id());
    world.sh(&format!("setsid sleep {mark} >/dev/null 2>&1 &"));
    wait_until("que arranque el proceso", 2, || running(&mark));
    let dir = world.dir().to_path_buf();
    drop(world);
    wait_until("que muera el proceso del mundo", 2, || !running(&mark));
    assert!(!dir.exists());
}

#[test]
fn un_huerfano_no_se_queda_de_zombi() {
    if !is_root() {
        return;
    }
    let world = World::new();
    world.sh("(sleep 0.05 &) >/dev/null 2>&1");
    wait_until("que el kernel recoja al huérfano", 2, || world.processes().is_empty());
}

#[test]
fn lo_que_se_ejecuta_en_un_mundo_trabaja_en_su_directorio_y_sale_con_su_codigo() {
    if !is_root() {
        return;
    }
    let world = World::new();
    world.write("datos/nota", "hola");
    assert_eq!(world.sh("cat datos/nota"), "hola");
    let done = common::run(world.command("sh").args(["-c", "echo bien; echo mal >&2; exit 42"])).exits(42);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("bien\n", "mal\n"));
}

#[test]
fn lo_que_se_deja_en_marcha_recibe_senales_y_cuenta_como_acaba() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let script = r#"trap 'echo adiós; exit 3' TERM; echo hola; while :; do sleep 0.05; done"#;
    let running = world.start_program("sh", &["-c", script]);
    wait_until("que arranque", 2, || world.processes().iter().any(|(pid, _)| *pid == running.pid));
    std::thread::sleep(common::patience(1) / 10); // que llegue a poner el trap
    running.signal("TERM");
    assert_eq!(running.wait().exits(3).out, "hola\nadiós\n");
}

/// ¿Hay en la máquina un `sleep` con ese argumento?
fn running(seconds: &str) -> bool {
    let wanted = format!("sleep\0{seconds}\0").into_bytes();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|e| fs::read(e.path().join("cmdline")).ok()).any(|line| line == wanted)
}
