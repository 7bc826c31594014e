//! La red de un Pod hacia fuera: `hostPort`, la salida con la dirección de la máquina y lo que se
//! comprueba antes de tocar nada. Cada test, en su propia red.

mod common;

use common::{World, is_root, wait_until};
use std::fs;

/// Un Pod con un servidor web en el puerto 80 que responde con su nombre.
fn web(name: &str, ports: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (terminationGracePeriodSeconds: 0, containers: [(name: \"web\",
           image: \"busybox\", ports: [{ports}], command: [\"sh\", \"-c\",
           \"mkdir /w; echo soy {name} > /w/index.html; exec httpd -f -p 80 -h /w\"])]))"
    )
}

fn start(world: &World, name: &str, ports: &str) {
    let file = world.write(&format!("{name}.ron"), &web(name, ports));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

fn ip_of(world: &World, name: &str) -> String {
    let table = world.micropod(&["get", "pod", name, "-o", "wide"]).ok().out;
    table.split_whitespace().find(|word| word.starts_with("10.244.")).unwrap().to_string()
}

/// Lo que responde una dirección web, pedida por un comando de shell con `$URL`.
fn ask(world: &World, before: &str, url: &str) -> String {
    let line = format!("timeout 3 {before} busybox wget -qO- http://{url}/ 2>&1 || true");
    let mut said = String::new();
    // el servidor tarda un instante en escuchar
    wait_until(&format!("que responda {url}"), 5, || {
        said = world.sh(&line);
        said.contains("soy")
    });
    said.trim().to_string()
}

/// Otra máquina: un espacio de red unido al del mundo por un cable, 192.168.77.2 al otro lado de
/// 192.168.77.1. Devuelve cómo ejecutar algo en ella.
fn other_machine(world: &World) -> String {
    let pid = world.sh(
        "unshare -n sleep 300 >/dev/null 2>&1 & echo $!; sleep 0.2
         ip link add cable type veth peer name eth0 netns $!
         ip addr add 192.168.77.1/24 dev cable; ip link set cable up
         nsenter -t $! -n sh -c 'ip link set lo up; ip addr add 192.168.77.2/24 dev eth0; ip link set eth0 up'",
    );
    format!("nsenter -t {} -n", pid.trim())
}

fn remove(world: &World, machine: &str) {
    let pid = machine.split_whitespace().nth(2).unwrap();
    world.sh(&format!("kill {pid}; ip link del cable; true"));
}

#[test]
fn un_host_port_se_alcanza_desde_la_maquina_desde_otra_y_desde_el_propio_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let other = other_machine(&world);
    start(&world, "web", "(containerPort: 80, hostPort: 8080)");
    assert_eq!(ask(&world, "", "127.0.0.1:8080"), "soy web", "por localhost");
    assert_eq!(ask(&world, "", "192.168.77.1:8080"), "soy web", "por otra dirección de la máquina");
    assert_eq!(ask(&world, &other, "192.168.77.1:8080"), "soy web", "desde otra máquina");
    let inside = world.micropod(&["exec", "web", "--", "wget", "-qO-", "http://192.168.77.1:8080/"]).ok();
    assert_eq!(inside.out.trim(), "soy web", "desde el propio Pod: la horquilla");
    delete(&world, "web");
    let closed = world.sh("timeout 2 busybox wget -qO- http://127.0.0.1:8080/ 2>&1 || true");
    assert!(closed.contains("refused"), "{closed}");
    remove(&world, &other);
}

#[test]
fn un_host_port_puede_ser_de_una_sola_direccion() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.sh("ip addr add 192.168.78.1/32 dev lo");
    start(&world, "uno", "(containerPort: 80, hostPort: 8080, hostIP: \"127.0.0.1\")");
    assert_eq!(ask(&world, "", "127.0.0.1:8080"), "soy uno");
    let said = world.sh("timeout 2 busybox wget -qO- http://192.168.78.1:8080/ 2>&1 || true");
    assert!(said.contains("refused"), "solo en 127.0.0.1: {said}");
    // el mismo puerto en otra dirección es otro puerto; en todas, no
    start(&world, "dos", "(containerPort: 80, hostPort: 8080, hostIP: \"192.168.78.1\")");
    assert_eq!(ask(&world, "", "192.168.78.1:8080"), "soy dos");
    for name in ["uno", "dos"] {
        delete(&world, name);
    }
    world.sh("ip addr del 192.168.78.1/32 dev lo");
}

#[test]
fn un_host_port_udp_lleva_los_datagramas_al_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    if world.sh("command -v perl || true").is_empty() {
        return common::omitted("sin perl no hay quien escuche UDP (se ejecuta en la capa root)");
    }
    let listen = "use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(7, INADDR_ANY)); \
                  recv(S, $m, 99, 0); print $m; sleep 1000";
    let pod = format!(
        "Pod(metadata: (name: \"eco\"), spec: (terminationGracePeriodSeconds: 0, containers: [(name: \"c\",
           image: \"host\", ports: [(containerPort: 7, hostPort: 8080, protocol: UDP)],
           command: [\"perl\", \"-e\", r#\"$| = 1; {listen}\"#])]))"
    );
    let file = world.write("eco.ron", &pod);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    wait_until("que llegue un datagrama al Pod", 5, || {
        world.sh("bash -c 'echo hola-udp > /dev/udp/127.0.0.1/8080'");
        world.micropod(&["logs", "eco"]).ok().out.contains("hola-udp")
    });
    delete(&world, "eco");
}

#[test]
fn un_puerto_ocupado_se_rechaza_antes_de_crear_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "primero", "(containerPort: 80, hostPort: 8080)");
    let file = world.write("segundo.ron", &web("segundo", "(containerPort: 80, hostPort: 8080)"));
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    assert!(said.contains("8080/TCP") && said.contains("`primero`"), "{said}");
    assert!(!world.micropod(&["get", "pods"]).ok().out.contains("segundo"));
    // lo que ya escucha en la máquina no se le quita a nadie
    let server = world.sh("busybox httpd -f -p 8081 -h /tmp >/dev/null 2>&1 & echo $!; sleep 0.3");
    let file = world.write("tercero.ron", &web("tercero", "(containerPort: 80, hostPort: 8081)"));
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    assert!(said.contains("8081/TCP") && said.contains("ya escucha"), "{said}");
    world.sh(&format!("kill {}", server.trim()));
    delete(&world, "primero");
}

#[test]
fn tras_matar_al_supervisor_el_siguiente_comando_cierra_sus_puertos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "caido", "(containerPort: 80, hostPort: 8080)");
    let elements = || world.sh("nft list map ip micropod puertos").contains("8080");
    assert!(elements());
    let supervisor = world.processes().into_iter().find(|(_, line)| line.contains("run -d")).unwrap().0;
    world.kill("KILL", supervisor);
    wait_until("que el siguiente comando recoja", 5, || {
        world.micropod(&["get", "pods"]).ok();
        !elements()
    });
    world.micropod(&["delete", "pod", "caido"]).ok();
}

#[test]
fn lo_que_sale_de_un_pod_lleva_la_direccion_de_la_maquina() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let other = other_machine(&world);
    // la otra máquina no tiene ruta hacia los Pods: solo puede responder a 192.168.77.1
    let log = world.dir().join("visto");
    let server = world.sh(&format!(
        "mkdir w; echo soy la otra > w/index.html; {other} busybox httpd -v -f -p 80 -h w 2>{} >/dev/null & echo $!",
        log.display()
    ));
    start(&world, "cliente", "");
    let mut said = String::new();
    wait_until("que responda la otra máquina", 5, || {
        said = world
            .micropod(&["exec", "cliente", "--", "timeout", "2", "wget", "-qO-", "http://192.168.77.2/"])
            .out;
        said.contains("soy la otra")
    });
    let seen = fs::read_to_string(&log).unwrap();
    assert!(seen.contains("192.168.77.1") && !seen.contains("10.244."), "{seen}");
    delete(&world, "cliente");
    world.sh(&format!("kill {}", server.trim()));
    remove(&world, &other);
}

#[test]
fn un_pod_no_alcanza_el_localhost_de_la_maquina() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // con un hostPort, el puente acepta direcciones 127: la tabla de nft ha de cerrar esa puerta
    start(&world, "curioso", "(containerPort: 80, hostPort: 8080)");
    let server = world.sh("busybox httpd -f -p 127.0.0.1:9090 -h / >/dev/null 2>&1 & echo $!");
    // con las rutas de un Pod malicioso, que manda por el cable lo que es para 127.0.0.1
    let named =
        |(pid, _): &(i32, String)| world.read(&format!("/proc/{pid}/comm")).trim() == "micropod: pausa";
    let pause = world.processes().into_iter().find(named).unwrap().0;
    let inside = format!("nsenter -t {pause} -n");
    world.sh(&format!(
        "{inside} sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
           ip route del local 127.0.0.1 dev lo table local; ip route del local 127.0.0.0/8 dev lo table local
           ip route add 127.0.0.1/32 via 10.244.0.1 src 10.244.0.2'"
    ));
    let said = world.sh(&format!(
        "timeout 2 {inside} bash -c 'exec 3<>/dev/tcp/127.0.0.1/9090' 2>&1 && echo entra || true"
    ));
    assert!(!said.contains("entra"), "{said}");
    let rule = world.sh("nft list chain ip micropod protege");
    assert!(
        rule.contains("drop") && !rule.contains("packets 0"),
        "los paquetes llegaron y se tiraron: {rule}"
    );
    world.sh(&format!("kill {}", server.trim()));
    delete(&world, "curioso");
}

#[test]
fn la_red_de_los_pods_no_pisa_la_de_otro_y_se_puede_elegir() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.sh("ip link add vpn0 type bridge; ip addr add 10.244.9.1/24 dev vpn0; ip link set vpn0 up");
    let file = world.write("web.ron", &web("web", ""));
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    for part in ["10.244.0.0/16", "10.244.9.0/24", "vpn0", "/etc/micropod/subred"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!world.sh("ip -o link").contains("micropod0"), "no se ha creado nada");
    world.sh("mkdir -p /etc/micropod; mount -t tmpfs tmpfs /etc/micropod; echo 10.99.0.0/24 > /etc/micropod/subred");
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    let inside = world.micropod(&["exec", "web", "--", "ip", "-4", "addr"]).ok().out;
    assert!(inside.contains("10.99.0.2/24"), "{inside}");
    delete(&world, "web");
    world.sh("echo 10.99.0.1/24 > /etc/micropod/subred");
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    assert!(said.contains("/etc/micropod/subred") && said.contains("10.99.0.1/24"), "{said}");
    world.sh("umount /etc/micropod; ip link del vpn0");
}

#[test]
fn un_puente_sin_sitio_se_explica_y_no_deja_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "primero", "");
    // con estos son 1.023: el puente ya no admite ninguno
    world.sh(
        "for i in $(seq 512); do echo link add a$i type veth peer name b$i; done | ip -batch -
         for i in $(seq 512); do echo link set a$i master micropod0; echo link set b$i master micropod0; done |
         head -n 1022 | ip -batch -",
    );
    let file = world.write("sobra.ron", &web("sobra", ""));
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1).err;
    assert!(said.contains("1.023 cables"), "{said}");
    world.micropod(&["delete", "pod", "sobra"]);
    delete(&world, "primero");
    world.sh("for i in $(seq 512); do echo link del a$i; done | ip -batch -");
}

#[test]
fn sin_pods_gc_quita_el_puente_y_la_tabla_y_con_ellos_no() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "vivo", "");
    world.micropod(&["gc"]).ok();
    assert!(world.sh("ip -o link").contains("micropod0"), "lo usa un Pod");
    assert_eq!(ip_of(&world, "vivo"), "10.244.0.2");
    delete(&world, "vivo");
    let said = world.micropod(&["gc"]).ok().out;
    assert!(said.contains("micropod0"), "{said}");
    assert!(!world.sh("ip -o link").contains("micropod0"));
    assert_eq!(world.sh("nft list ruleset").trim(), "");
}

#[test]
fn ni_el_pod_ni_su_cable_se_anuncian_por_ipv6() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "callado", "");
    let inside = world.micropod(&["exec", "callado", "--", "cat", "/proc/net/if_inet6"]).ok().out;
    assert!(inside.lines().all(|line| line.ends_with("lo")), "{inside}");
    assert!(!world.sh("ip -6 -o addr").contains("fe80"));
    delete(&world, "callado");
}
