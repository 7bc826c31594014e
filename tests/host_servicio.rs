//! Un Pod como servicio de systemd: lo que el supervisor le dice, y la unidad que lo lanza.

mod common;

use common::{World, is_root, patience, project, run};
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// Lo próximo que llega por el socket de avisos.
fn heard(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 64];
    let n = socket.recv(&mut bytes).expect("un aviso a tiempo");
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

#[test]
fn systemd_sabe_que_el_pod_esta_en_marcha_cuando_lo_esta_y_no_antes() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write(
        "servicio.ron",
        r#"Pod(metadata: (name: "servicio"), spec: (terminationGracePeriodSeconds: 1, restartPolicy: Never,
            initContainers: [(name: "antes", image: "busybox", command: ["sleep", "2"])],
            containers: [(name: "c", image: "busybox", command: ["sleep", "5001"])]))"#,
    );
    let path = world.dir().join("avisos");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(patience(20))).unwrap();
    let said = world.sh(&format!(
        "NOTIFY_SOCKET={} setsid {} run {} >/dev/null 2>&1 & echo $!",
        path.display(),
        common::binary().display(),
        file.display()
    ));
    assert_eq!(heard(&socket), "READY=1");
    assert!(world.processes().iter().any(|(_, line)| line == "sleep 5001"), "su contenedor ya corre");
    let pid: i32 = said.trim().parse().unwrap();
    world.kill("TERM", pid);
    assert_eq!(heard(&socket), "STOPPING=1");
    common::wait_until("que acabe el supervisor", 10, || !world.processes().iter().any(|(p, _)| *p == pid));
    world.micropod(&["delete", "pod", "servicio"]).ok();
}

#[test]
fn la_unidad_de_systemd_esta_bien_escrita() {
    let unit = project().join("packaging/micropod@.service");
    let Ok(found) = Command::new("systemd-analyze").arg("--version").output() else {
        return common::omitted("aquí no está systemd-analyze");
    };
    assert!(found.status.success());
    let dir = std::env::temp_dir().join(format!("micropod-unidad-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    // systemd-analyze exige que el programa exista: aquí lo hace otro
    let text = std::fs::read_to_string(&unit).unwrap().replace("/usr/bin/micropod", "/bin/true");
    std::fs::write(dir.join("micropod@prueba.service"), text).unwrap();
    let done = run(Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(dir.join("micropod@prueba.service")));
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(!done.err.contains("micropod@") && done.code == 0, "{}{}", done.out, done.err);
}
