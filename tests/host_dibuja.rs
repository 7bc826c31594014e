//! `dibuja` y `demuestra`: lo que dicen es lo que hay, preguntado aquí al kernel por otro camino.

mod common;

use common::{Done, World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::MetadataExt;

const TWO: &str = r#"Pod(
    metadata: (name: "par"),
    spec: (
        terminationGracePeriodSeconds: 1,
        volumes: [
            (name: "datos"),
            (name: "memoria", emptyDir: (medium: Memory, sizeLimit: "1Mi")),
            (name: "casa", hostPath: (path: "casa", type: DirectoryOrCreate)),
        ],
        containers: [
            (name: "uno", image: "busybox", command: ["sleep", "2001"],
             volumeMounts: [(name: "datos", mountPath: "/datos"), (name: "casa", mountPath: "/casa", readOnly: true)]),
            (name: "dos", image: "busybox", command: ["sleep", "2002"],
             volumeMounts: [(name: "datos", mountPath: "/otros", subPath: "sub"), (name: "memoria", mountPath: "/mem"),
                            (name: "casa", mountPath: "/casa")]),
        ],
    ),
)"#;

fn start(world: &World, name: &str, text: &str) {
    let file = world.write(&format!("{name}.ron"), text);
    world.micropod(&["run", "-d", "--wait", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--now"]).ok();
}

fn pid_of(world: &World, line: &str) -> i32 {
    let found = || world.processes().into_iter().find(|(_, l)| l == line).map(|(pid, _)| pid);
    wait_until(line, 5, || found().is_some());
    found().unwrap()
}

fn namespace(world: &World, pid: i32, name: &str) -> u64 {
    fs::metadata(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino()
}

/// Las líneas de `demuestra` que acompañan a una frase: su veredicto y sus pruebas.
fn verdict(done: &Done, phrase: &str) -> String {
    let at = done.out.lines().position(|l| l.starts_with('[') && l.contains(phrase));
    let at = at.unwrap_or_else(|| panic!("falta «{phrase}» en\n{}", done.out));
    let own = done.out.lines().skip(at);
    let end = own.clone().skip(1).take_while(|l| l.starts_with("    ")).count();
    own.take(end + 1).collect::<Vec<_>>().join("\n")
}

#[test]
fn el_dibujo_dice_los_numeros_que_da_el_kernel() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "par", TWO);
    let (one, two) = (pid_of(&world, "sleep 2001"), pid_of(&world, "sleep 2002"));
    let picture = world.micropod(&["dibuja", "par"]).ok().out;
    let has = |text: &str| assert!(picture.contains(text), "falta «{text}» en\n{picture}");
    for shared in ["net", "ipc", "uts"] {
        has(&format!("{shared}:[{}]", namespace(&world, one, shared)));
        assert_eq!(namespace(&world, one, shared), namespace(&world, two, shared));
    }
    for (pid, own) in [(one, "pid"), (one, "mnt"), (two, "pid"), (two, "mnt")] {
        has(&format!("{own}:[{}]", namespace(&world, pid, own)));
    }
    has(&format!("sleep {one} → 1"));
    has(&format!("sleep {two} → 1"));
    // la red, preguntada a ip desde dentro y desde fuera
    let inside = world.sh(&format!("nsenter -t {one} -n ip -o link show eth0"));
    let mac = inside.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap().to_string();
    has(&format!("MAC {mac}"));
    let index = inside.split("eth0@if").nth(1).unwrap().split(':').next().unwrap();
    let outside = world.sh("ip -o link show type veth");
    let veth = outside.lines().find(|l| l.starts_with(&format!("{index}: "))).expect("el otro extremo");
    let name = veth.split(": ").nth(1).unwrap().split('@').next().unwrap();
    has(&format!("veth {name}"));
    assert!(veth.contains("master micropod0"));
    has("puente micropod0");
    has("10.244.0.1/16");
    let ip = world.sh(&format!("nsenter -t {one} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
    has(ip.trim());
    // los volúmenes, por el inodo que ve cada uno
    for (pid, path) in [(one, "/datos"), (two, "/otros"), (two, "/mem"), (two, "/casa")] {
        let inode = fs::metadata(world.path(&format!("/proc/{pid}/root{path}"))).unwrap().ino();
        has(path);
        has(&format!("rw · {inode}"));
    }
    has("ro · ");
    let house = world.dir().join("casa");
    assert!(picture.contains(house.to_str().unwrap()) || picture.contains(&format!("= {}", house.display())));
    delete(&world, "par");
}

#[test]
fn dos_pods_con_las_mismas_interfaces_no_se_confunden_de_cable() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (name, seconds) in [("primero", 2003), ("segundo", 2004)] {
        let text = format!(
            "Pod(metadata: (name: \"{name}\"), spec: (terminationGracePeriodSeconds: 1, containers: \
             [(name: \"c\", image: \"busybox\", command: [\"sleep\", \"{seconds}\"])]))"
        );
        start(&world, name, &text);
    }
    for (name, line) in [("primero", "sleep 2003"), ("segundo", "sleep 2004")] {
        let pid = pid_of(&world, line);
        let index = world.sh(&format!("nsenter -t {pid} -n ip -o link show eth0 | sed 's/.*@if//; s/:.*//'"));
        let index = index.trim();
        let veth = world.sh(&format!("ip -o link | grep '^{index}: ' | cut -d: -f2 | cut -d@ -f1"));
        let picture = world.micropod(&["dibuja", name]).ok().out;
        assert!(picture.contains(&format!("veth {}", veth.trim())), "{name}: {veth}\n{picture}");
        assert!(picture.contains("2 cables enchufados"), "{picture}");
    }
    // un cable suelto por un extremo ya no une nada
    world.sh("ip link set $(ip -o link show type veth | head -1 | cut -d: -f2 | cut -d@ -f1) nomaster");
    let proved = world.micropod(&["demuestra", "primero"]).exits(1);
    assert!(verdict(&proved, "un cable une").contains("ningún puente"));
    for name in ["primero", "segundo"] {
        delete(&world, name);
    }
}

#[test]
fn el_svg_es_xml_bien_formado() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "par", TWO);
    let svg = world.micropod(&["dibuja", "par", "-o", "svg"]).ok().out;
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("prefers-color-scheme:dark"));
    // cada etiqueta que se abre se cierra, y en orden
    let mut open: Vec<&str> = Vec::new();
    for tag in svg.split('<').skip(1).map(|t| t.split('>').next().unwrap()) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "sin cerrar: {open:?}");
    delete(&world, "par");
    world.micropod(&["dibuja", "par"]).exits(1);
}

#[test]
fn demuestra_refuta_lo_que_se_estropea_de_verdad() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "par", TWO);
    let (one, two) = (pid_of(&world, "sleep 2001"), pid_of(&world, "sleep 2002"));
    let proved = world.micropod(&["demuestra", "par"]).ok();
    assert!(!proved.out.contains("refutado"), "{}", proved.out);
    for phrase in
        ["el volumen datos", "el volumen casa", "una única IP", "el mismo sistema", "ninguno ve los de otro"]
    {
        assert!(verdict(&proved, phrase).starts_with("[demostrado]"), "{phrase}");
    }
    // otra dirección, otro nombre, otros ficheros en el sitio del volumen
    world.sh(&format!("nsenter -t {one} -n ip addr add 10.244.9.9/32 dev eth0"));
    world.sh(&format!("nsenter -t {one} -m mount -t tmpfs impostor /datos"));
    let proved = world.micropod(&["demuestra", "par"]).exits(1);
    assert!(verdict(&proved, "una única IP").contains("10.244.9.9"));
    let volume = verdict(&proved, "el volumen datos");
    assert!(volume.starts_with("[refutado]") && volume.contains("pero en el volumen hay"), "{volume}");
    assert!(verdict(&proved, "el volumen casa").starts_with("[demostrado]"));
    world.sh(&format!("nsenter -t {one} -n ip addr del 10.244.9.9/32 dev eth0"));
    world.sh(&format!("nsenter -t {one} -m umount /datos"));
    world.sh(&format!("nsenter -t {two} -m umount /dev/shm"));
    let proved = world.micropod(&["demuestra", "par"]).exits(1);
    assert!(verdict(&proved, "memoria entre procesos").starts_with("[refutado]"));
    assert!(verdict(&proved, "el volumen datos").starts_with("[demostrado]"));
    delete(&world, "par");
}

#[test]
fn con_la_red_de_la_maquina_y_los_procesos_compartidos_dice_la_verdad() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let text = "Pod(metadata: (name: \"abierto\"), spec: (hostNetwork: true, shareProcessNamespace: true, \
                terminationGracePeriodSeconds: 1, containers: [(name: \"a\", image: \"busybox\", command: [\"sleep\", \"2005\"]), \
                (name: \"b\", image: \"busybox\", command: [\"sleep\", \"2006\"])]))";
    start(&world, "abierto", text);
    let proved = world.micropod(&["demuestra", "abierto"]).exits(1);
    for phrase in ["una única IP", "no es la de la máquina", "ninguno ve los de otro", "el principal de a"]
    {
        assert!(verdict(&proved, phrase).starts_with("[refutado]"), "{phrase}:\n{}", proved.out);
    }
    assert!(verdict(&proved, "una única IP").contains("hostNetwork"));
    assert!(verdict(&proved, "ninguno ve los de otro").contains("shareProcessNamespace"));
    assert!(verdict(&proved, "el mismo sistema").starts_with("[demostrado]"));
    let picture = world.micropod(&["dibuja", "abierto"]).ok().out;
    let pid = pid_of(&world, "sleep 2005");
    for text in ["red de la máquina".to_string(), format!("pid:[{}]", namespace(&world, pid, "pid"))] {
        assert!(picture.contains(&text), "falta «{text}»:\n{picture}");
    }
    assert!(!picture.contains("eth0"), "{picture}");
    delete(&world, "abierto");
}
