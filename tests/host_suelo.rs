//! Los puntos de montaje que le faltan a una imagen se ven del suelo común, y nadie los crea.

mod common;
use common::{World, is_root, wait_until};

/// Un Pod que duerme, con la imagen `image`.
fn sleeper(image: &str) -> String {
    format!(
        r#"Pod(metadata: (name: "p"), spec: (terminationGracePeriodSeconds: 0,
            containers: [(name: "c", image: "{image}", command: ["/bin/sleep", "1000"])]))"#
    )
}

/// El pid, en el mundo, del `sleep` del Pod.
fn sleep_pid(world: &World) -> i32 {
    let find = || world.processes().into_iter().find(|(_, line)| line == "/bin/sleep 1000");
    wait_until("que corra el contenedor", 5, || find().is_some());
    find().unwrap().0
}

#[test]
fn lo_que_le_falta_a_una_imagen_no_se_escribe_en_la_capa_del_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let image = || world.sh("ls /var/lib/micropod/images/busybox/rootfs");
    assert!(!image().lines().any(|name| name == "proc"), "esta imagen sirve porque no trae /proc");
    world.write("p.ron", &sleeper("busybox"));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let root = format!("/proc/{}/root", sleep_pid(&world));
    // ve los tres ficheros del Pod y sus vistas del kernel…
    assert!(world.read(&format!("{root}/etc/hosts")).contains("\tp\n"));
    assert_eq!(world.read(&format!("{root}/etc/hostname")), "p\n");
    assert!(world.sh(&format!("ls -A {root}/proc {root}/sys {root}/dev")).contains("self"));
    // …y para eso no ha hecho falta crear nada: ni en su capa ni en la imagen
    assert_eq!(world.sh("ls -A /var/lib/micropod/pods/*/c.0"), "");
    assert!(!image().lines().any(|name| name == "proc"), "la imagen no se toca");
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn si_la_imagen_trae_etc_en_otro_sitio_el_suelo_no_lo_tapa() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.sh("cp -a /var/lib/micropod/images/busybox/rootfs r && mkdir r/usr && mv r/etc r/usr/etc &&
         ln -s usr/etc r/etc && echo mio >r/usr/etc/mio && tar -C r -cf r.tar . && rm -rf r");
    world.micropod(&["image", "import", "rara", "r.tar"]).ok();
    world.write("p.ron", &sleeper("rara"));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let root = format!("/proc/{}/root", sleep_pid(&world));
    assert_eq!(world.sh(&format!("readlink {root}/etc")), "usr/etc\n");
    assert_eq!(world.read(&format!("{root}/usr/etc/mio")), "mio\n");
    assert_eq!(world.read(&format!("{root}/usr/etc/hostname")), "p\n");
    world.micropod(&["delete", "pod", "p"]).ok();
}
