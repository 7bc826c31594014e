//! El perfil de fábrica, desde dentro: la sonda intenta 108 cosas y no puede hacer ninguna.

mod aislamiento;
mod common;

use aislamiento::{Probe, host_namespaces, plant_probe, summary};
use common::{World, is_root};

/// Ejecuta la sonda en un Pod con esos campos en el contenedor y devuelve lo que dijo.
fn probe(world: &World, pod_fields: &str, fields: &str) -> Probe {
    let text = format!(
        "Pod(metadata: (name: \"sonda\"), spec: (restartPolicy: Never, {pod_fields} containers: [\
         (name: \"c\", image: \"busybox\", command: [\"/bin/sonda\"], {fields})]))"
    );
    let file = world.write("sonda.ron", &text);
    world.micropod(&["run", file.to_str().unwrap()]).ok();
    let said = world.micropod(&["logs", "sonda"]).ok().out;
    world.micropod(&["delete", "pod", "sonda"]).ok();
    Probe::read(&said)
}

#[test]
fn la_sonda_puntua_108_de_108_con_los_ajustes_de_fabrica() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let checks = probe(&world, "", "").checks(&host_namespaces(&world));
    let failed: Vec<String> =
        checks.iter().filter(|c| !c.met).map(|c| format!("{}: {}", c.group, c.name)).collect();
    eprintln!("aislamiento: {}", summary(&checks));
    assert_eq!(checks.len(), 108, "{}", summary(&checks));
    common::figure("sonda", checks.len(), failed.len());
    assert!(failed.is_empty(), "{}\n{}", summary(&checks), failed.join("\n"));
}

#[test]
fn fuera_de_un_contenedor_la_sonda_suspende() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let said = common::run(&mut world.command(aislamiento::probe_binary())).ok().out;
    let met = Probe::read(&said).checks(&host_namespaces(&world)).iter().filter(|c| c.met).count();
    assert!(met < 60, "si fuera también aprueba, la sonda no mide nada: {met}/108");
}

#[test]
fn cada_parte_del_perfil_se_abre_con_su_campo_y_las_demas_se_quedan() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let with = |pod: &str, fields: &str| probe(&world, pod, &format!("securityContext: ({fields})"));

    let open = with("", "seccompProfile: (type: Unconfined)");
    assert_eq!(open.status("Seccomp"), "0");
    assert_eq!(open.status("CapEff"), "00000000000004fb");
    assert!(open.all("mask").all(|l| !l.ends_with("VISIBLE")));

    let gains = with("", "allowPrivilegeEscalation: true");
    assert_eq!((gains.status("NoNewPrivs"), gains.status("Seccomp")), ("0", "2"));
    assert!(!gains.mount_options("/").unwrap().contains(&"nosuid"), "un setuid vale");

    let unmasked = with("", "procMount: Unmasked");
    assert!(unmasked.all("mask").any(|l| l.starts_with("/proc/interrupts") && l.ends_with("VISIBLE")));
    assert!(unmasked.all("write").any(|l| l == "/proc/sys/kernel/core_pattern OPENED"));
    assert_eq!(unmasked.status("Seccomp"), "2");

    let time = with("", "capabilities: (add: [\"SYS_TIME\"])");
    assert_eq!(time.status("CapEff"), "00000000020004fb");
    assert_eq!(time.call("settimeofday"), "EFAULT", "quien pide la capacidad quiere la llamada");
    assert_eq!(time.call("mount"), "EPERM");

    let nothing = with("", "capabilities: (drop: [\"ALL\"]), runAsUser: 1000, runAsGroup: 1000");
    assert_eq!(nothing.status("CapBnd"), "0000000000000000");
    assert_eq!(
        (nothing.status("Uid"), nothing.status("Gid")),
        ("1000 1000 1000 1000", "1000 1000 1000 1000")
    );

    let sysctl = "securityContext: (sysctls: [(name: \"net.ipv4.tcp_fin_timeout\", value: \"7\")]),";
    with(sysctl, "readOnlyRootFilesystem: true")
        .mount_options("/")
        .unwrap()
        .contains(&"ro")
        .then_some(())
        .unwrap();

    let all = with("", "privileged: true");
    assert_eq!((all.status("Seccomp"), all.status("NoNewPrivs")), ("0", "0"));
    assert_eq!(all.call("mount"), "EFAULT");
    assert!(all.all("write").any(|l| l == "/proc/sys/kernel/core_pattern OPENED"));
    assert!(!all.mount_options("/sys").unwrap().contains(&"ro"));
}
