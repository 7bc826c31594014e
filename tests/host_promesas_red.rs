//! Promesas D: qué comparte un Pod con los demás y con la máquina, y qué no.

mod aislamiento;
mod common;

use aislamiento::{Probe, down, exec, here, inpod, pid_of, plant_probe, pod, refuse, up};
use common::{World, is_root, wait_until};
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn namespace(world: &World, pid: i32, name: &str) -> String {
    fs::read_link(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().display().to_string()
}

#[test]
fn d1_el_pod_comparte_red_memoria_y_nombre_y_cada_contenedor_tiene_procesos_y_montajes() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let other = "(name: \"d\", image: \"busybox\", command: [\"sleep\", \"3402\"])";
    let text = pod("d1", "", "", "exec sleep 3401").replace("]))\n", "").trim_end().to_string();
    let text = format!("{}, {other}]))", text.strip_suffix("]))").unwrap());
    let file = world.write("d1.ron", &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    let (one, two) = (pid_of(&world, "sleep 3401"), pid_of(&world, "sleep 3402"));
    let of = |pid: i32, name: &str| namespace(&world, pid, name);
    for name in ["net", "ipc", "uts"] {
        assert_eq!(of(one, name), of(two, name), "{name}");
        assert_ne!(of(one, name), of(1, name), "{name}");
    }
    for name in ["pid", "mnt"] {
        assert_ne!(of(one, name), of(two, name), "{name}");
        assert_ne!(of(one, name), of(1, name), "{name}");
    }
    assert_ne!(of(one, "cgroup"), of(1, "cgroup"));
    down(&world, "d1");
}

#[test]
fn d2_los_cgroups_de_fuera_no_se_ven_y_los_propios_no_se_tocan() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "exec 2>&1; grep ^0: /proc/self/cgroup; mkdir /sys/fs/cgroup/x; echo max >/sys/fs/cgroup/cgroup.procs; \
                echo 1 >/sys/fs/cgroup/cgroup.kill; echo fin";
    let (_, said) = inpod(&world, "", "", line);
    assert!(said.starts_with("0::/\n") && said.ends_with("fin\n"), "{said}");
    assert_eq!(said.matches("Read-only file system").count(), 3, "{said}");
}

#[test]
fn d3_solo_se_ven_y_se_matan_los_procesos_propios() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let neighbour = world.start_program("sleep", &["3403"]);
    up(&world, "d3", "", "", "kill -9 -1 2>/dev/null; ls -d /proc/[0-9]* | wc -l; exec sleep 3404");
    pid_of(&world, "sleep 3404");
    let said = world.micropod(&["logs", "d3"]).ok().out;
    assert!(said.trim().parse::<u32>().unwrap_or(999) <= 4, "ve procesos ajenos: {said}");
    pid_of(&world, "sleep 3403");
    assert!(world.micropod(&["get", "pod", "d3", "--no-headers"]).ok().out.contains("Running"));
    down(&world, "d3");
    neighbour.signal("KILL");
    neighbour.wait();
}

#[test]
fn d4_no_hay_sockets_en_crudo_ni_de_paquetes() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let probe = |fields: &str| Probe::read(&inpod(&world, "", fields, "exec sonda").1);
    let default = probe("");
    assert_eq!(default.call("socket_AF_PACKET"), "EAFNOSUPPORT");
    assert_eq!(default.call("socket_raw_icmp"), "EPERM");
    let raw = probe("securityContext: (capabilities: (add: [\"NET_RAW\"]))");
    assert!(raw.call("socket_AF_PACKET").starts_with("ALLOWED"), "quien la pide la tiene");
    assert!(raw.call("socket_raw_icmp").starts_with("ALLOWED"));
}

#[test]
fn d5_cualquier_usuario_hace_ping_y_abre_el_puerto_80() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let line = "sonda; (echo hola | nc -l -p 80 >/dev/null) & sleep 0.3; nc -w2 127.0.0.1 80 </dev/null";
    let (code, said) = inpod(&world, "", "securityContext: (runAsUser: 1000, runAsGroup: 1000)", line);
    let said = said.strip_suffix("hola\n").unwrap_or_else(|| panic!("no se pudo abrir el 80: {said}"));
    // el que usa ping(8) cuando no puede abrir uno en crudo
    assert!(Probe::read(said).call("socket_ping").starts_with("ALLOWED"), "{code}");
}

#[test]
fn d6_la_red_del_pod_no_hace_de_router_ni_cree_a_quien_diga_serlo() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    // lo peor que puede heredar: IPv4 copia los ajustes de la máquina en la que nace
    world.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet");
    up(&world, "d6", "", "", "exec sleep 3406");
    let pid = pid_of(&world, "sleep 3406");
    let value = |name: &str| {
        let line = format!("nsenter -t {pid} -n cat /proc/sys/net/{name}");
        world.sh(&line).trim().to_string()
    };
    for (name, expected) in [
        ("ipv4/ip_forward", "0"),
        ("ipv4/conf/all/forwarding", "0"),
        ("ipv4/conf/eth0/forwarding", "0"),
        ("ipv4/conf/all/route_localnet", "0"),
        ("ipv4/conf/eth0/route_localnet", "0"),
        ("ipv4/conf/all/accept_redirects", "0"),
        ("ipv4/conf/eth0/accept_redirects", "0"),
        ("ipv4/conf/all/rp_filter", "1"),
        ("ipv4/ip_unprivileged_port_start", "0"),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    if world.path(&format!("/proc/{pid}/root/proc/sys/net/ipv6")).exists() {
        assert_eq!(value("ipv6/conf/eth0/accept_ra"), "0");
    }
    down(&world, "d6");
}

#[test]
fn d6_un_sysctl_pedido_vale_en_el_pod_y_no_fuera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let before = world.sh("cat /proc/sys/net/ipv4/tcp_fin_timeout");
    let context = "securityContext: (sysctls: [(name: \"net.ipv4.tcp_fin_timeout\", value: \"7\"), \
                   (name: \"net/ipv4/ip_local_port_range\", value: \"2000 2999\"), \
                   (name: \"kernel.shm_rmid_forced\", value: \"1\")]),";
    let line = "cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/kernel/shm_rmid_forced; \
                cat /proc/sys/net/ipv4/ip_local_port_range";
    let (code, said) = inpod(&world, context, "", line);
    assert_eq!((code, said.replace('\t', " ").as_str()), (0, "7\n1\n2000 2999\n"));
    assert_eq!(world.sh("cat /proc/sys/net/ipv4/tcp_fin_timeout"), before);
    let bad = "securityContext: (sysctls: [(name: \"net.ipv4.ip_local_port_range\", value: \"9 2\")]),";
    let (code, said) = inpod(&world, bad, "", "true");
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("ip_local_port_range") && said.contains("EINVAL"), "{said}");
}

#[test]
fn d7_lo_que_escucha_en_el_localhost_de_la_maquina_no_se_alcanza_desde_un_pod() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let asked = serve_on_localhost(&world, 9999);
    // con un hostPort, la máquina sí enruta su localhost: es cuando más falta hace
    let ports = "ports: [(containerPort: 80, hostPort: 18080)]";
    let line = "for ip in 127.0.0.1 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'); do \
                nc -w1 $ip 9999 </dev/null; done; \
                ip route add 127.0.0.2/32 via 10.244.0.1 2>/dev/null; nc -w1 127.0.0.2 9999 </dev/null; echo fin";
    let (_, said) = inpod(&world, "", ports, line);
    assert!(said.ends_with("fin\n") && !said.contains("secreto"), "{said}");
    assert_eq!(asked.load(Ordering::Relaxed), 0, "alguien ha llegado desde el Pod");
    let _ = common::run(world.command("busybox").args(["nc", "-w1", "127.0.0.1", "9999"]));
    wait_until("que conteste a quien sí es de la máquina", 3, || asked.load(Ordering::Relaxed) == 1);
}

/// Un servidor en el 127.0.0.1 del mundo; devuelve cuántos le han hablado.
fn serve_on_localhost(world: &World, port: u16) -> Arc<AtomicUsize> {
    let network = fs::File::open(world.path("/proc/1/ns/net")).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, (ready, is_ready)) = (asked.clone(), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        // solo cambia de red este hilo; lo que abra, se queda en ella
        nix::sched::setns(network, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        ready.send(()).unwrap();
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = (&stream).write_all(b"secreto\n");
        }
    });
    is_ready.recv().unwrap();
    asked
}

#[test]
fn d8_ni_sockets_abstractos_ni_de_control_abiertos_a_otros() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    up(&world, "d8", "", "", "exec sleep 3408");
    pid_of(&world, "sleep 3408");
    let sockets = world.read("/proc/1/net/unix");
    assert!(!sockets.lines().any(|l| l.contains('@') && l.contains("micropod")), "{sockets}");
    let control = world.path("/run/micropod/pods/d8/control");
    assert_eq!(fs::metadata(control).unwrap().permissions().mode() & 0o7777, 0o600);
    down(&world, "d8");
}

#[test]
fn d10_treinta_pods_seguidos_no_dejan_ni_un_cable_ni_un_espacio_de_red() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("d10.ron", &pod("d10", "", "", "true"));
    for _ in 0..30 {
        world.micropod(&["run", "--rm", file.to_str().unwrap()]).ok();
    }
    // sin gc: cada Pod ha recogido lo suyo
    world.assert_clean();
}

#[test]
fn d11_dos_pods_nunca_tienen_la_misma_ip_aunque_nazcan_a_la_vez() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let all: Vec<_> = (0..12)
        .map(|i| {
            let file = world
                .write(&format!("ip{i}.ron"), &pod(&format!("ip{i}"), "", "", &format!("exec sleep 343{i}")));
            world.start(&["run", "-d", file.to_str().unwrap()])
        })
        .collect();
    for run in all {
        run.wait().ok();
    }
    let mut seen = HashSet::new();
    for i in 0..12 {
        let pid = pid_of(&world, &format!("sleep 343{i}"));
        let ip = world.sh(&format!("nsenter -t {pid} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
        assert!(ip.starts_with("10.244.") && seen.insert(ip.clone()), "repetida: {ip}");
    }
    let mut names = vec!["delete".to_string(), "pod".to_string(), "--grace-period=1".to_string()];
    names.extend((0..12).map(|i| format!("ip{i}")));
    world.micropod(&names.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    // las direcciones se sueltan
    wait_until("que no quede ninguna reservada", 5, || {
        fs::read_dir(world.path("/run/micropod/ips")).unwrap().count() == 0
    });
}

#[test]
fn d13_usar_la_red_de_la_maquina_se_pide_y_entonces_no_se_tocan_sus_ajustes() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let sysctl =
        "hostNetwork: true, securityContext: (sysctls: [(name: \"net.ipv4.tcp_syncookies\", value: \"0\")]),";
    let said = refuse(&world, &pod("d13", sysctl, "", "true"));
    assert!(said.contains("hostNetwork"), "{said}");
    for field in ["hostPID: true,", "hostIPC: true,", "hostUsers: false,"] {
        let said = refuse(&world, &pod("d13", field, "", "true"));
        let name = field.split(':').next().unwrap();
        assert!(said.contains(name) && said.contains("Kubernetes"), "{said}");
    }
    world.sh("echo 1 >/proc/sys/net/ipv4/ip_forward");
    up(&world, "d13", "hostNetwork: true,", "", "exec sleep 3413");
    let pid = pid_of(&world, "sleep 3413");
    assert_eq!(namespace(&world, pid, "net"), namespace(&world, 1, "net"));
    assert_eq!(world.sh("cat /proc/sys/net/ipv4/ip_forward"), "1\n", "era de la máquina");
    let refused = exec(&world, "d13", "echo 0 >/proc/sys/net/ipv4/ip_forward");
    assert_ne!(refused.code, 0);
    down(&world, "d13");
}
