//! El guion hace el mismo Pod que micropod: se ejecuta en un mundo, micropod en otro, y se compara lo
//! que dice el kernel de los dos.

mod common;

use common::guion::{assert_same, by_micropod, by_script, pid_of, shell, undo};
use common::{World, is_root, wait_until};
use std::fs;

/// Un Pod con de todo: volúmenes de cada clase, entorno, usuario, raíz de solo lectura, hostPort e
/// inicialización.
const RICH: &str = r#"Pod(
    metadata: (name: "rico"),
    spec: (
        hostname: "maquina",
        terminationGracePeriodSeconds: 1,
        securityContext: (supplementalGroups: [3000, 3001]),
        volumes: [
            (name: "disco"),
            (name: "memoria", emptyDir: (medium: Memory, sizeLimit: "2Mi")),
            (name: "casa", hostPath: (path: "casa", type: DirectoryOrCreate)),
        ],
        initContainers: [
            (name: "prepara", image: "busybox", command: ["sh", "-c", "mkdir /datos/sub; echo hecho > /datos/sub/nota"],
             volumeMounts: [(name: "disco", mountPath: "/datos")]),
        ],
        containers: [
            (name: "uno", image: "busybox", command: ["sleep", "3001"],
             env: [(name: "SALUDO", value: "hola, $HOME y 'comillas'"), (name: "OTRA", value: "$(SALUDO)!")],
             ports: [(containerPort: 80, hostPort: 8080)],
             securityContext: (readOnlyRootFilesystem: true, runAsUser: 1000, runAsGroup: 2000),
             volumeMounts: [(name: "disco", mountPath: "/datos"), (name: "casa", mountPath: "/casa", readOnly: true),
                            (name: "memoria", mountPath: "/mem")]),
            (name: "dos", image: "busybox", command: ["sleep"], args: ["3002"], workingDir: "/un/sitio nuevo",
             securityContext: (capabilities: (add: ["NET_RAW"], drop: ["CHOWN"])),
             volumeMounts: [(name: "disco", mountPath: "/parte", subPath: "sub"), (name: "casa", mountPath: "/casa")]),
        ],
    ),
)"#;

const OPEN: &str = r#"Pod(
    metadata: (name: "abierto"),
    spec: (
        hostNetwork: true,
        shareProcessNamespace: true,
        terminationGracePeriodSeconds: 1,
        containers: [
            (name: "uno", image: "busybox", command: ["sleep", "3001"]),
            (name: "dos", image: "busybox", command: ["sleep", "3002"], securityContext: (privileged: true)),
        ],
    ),
)"#;

#[test]
fn el_guion_hace_el_mismo_pod_que_micropod() {
    if !is_root() {
        return;
    }
    let (real, scripted) = (by_micropod(RICH, "rico"), by_script(RICH, "rico"));
    let (expected, found) = (real.seen(), scripted.seen());
    assert!(
        expected["uno: montajes"].contains("/datos") && expected["uno: Uid"].starts_with("1000"),
        "{expected:#?}"
    );
    assert_same(&expected, &found);
    // los dos contenedores comparten de verdad el volumen que llenó el de inicialización
    for made in [&real, &scripted] {
        for (pid, path) in [(made.pids[0], "/datos/sub/nota"), (made.pids[1], "/parte/nota")] {
            assert_eq!(made.read(pid, &format!("root{path}")), "hecho\n");
        }
    }
    real.world.micropod(&["delete", "pod", "rico", "--now"]).ok();
    undo(&scripted, "rico");
}

#[test]
fn el_guion_de_un_pod_con_la_red_de_la_maquina_y_los_procesos_compartidos_tambien() {
    if !is_root() {
        return;
    }
    let (real, scripted) = (by_micropod(OPEN, "abierto"), by_script(OPEN, "abierto"));
    let (expected, found) = (real.seen(), scripted.seen());
    assert!(expected["uno: ns/pid"].starts_with("con la pausa: true"));
    assert!(expected["uno: ns/net"].ends_with("con la máquina: true"));
    assert_same(&expected, &found);
    real.world.micropod(&["delete", "pod", "abierto", "--now"]).ok();
    undo(&scripted, "abierto");
}

#[test]
fn si_el_guion_falla_lo_deshace_todo_y_lo_dice() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (name, container) in [
        (
            "malo",
            "(name: \"c\", image: \"busybox\", command: [\"sleep\", \"3003\"], volumeMounts: [(name: \"v\", mountPath: \"/v\")])",
        ),
        ("init", "(name: \"c\", image: \"busybox\", command: [\"sleep\", \"3003\"])"),
    ] {
        let extra = match name {
            // el directorio desaparece entre que se escribe el guion y se ejecuta
            "malo" => "volumes: [(name: \"v\", hostPath: (path: \"va-a-faltar\", type: Directory))],",
            _ => "initContainers: [(name: \"i\", image: \"busybox\", command: [\"false\"])],",
        };
        fs::create_dir_all(world.dir().join("va-a-faltar")).unwrap();
        let text = format!("Pod(metadata: (name: \"{name}\"), spec: ({extra} containers: [{container}]))");
        let file = world.write("pod.ron", &text);
        let script = world.micropod(&["guion", file.to_str().unwrap()]).ok().out;
        let script = world.write("pod.sh", &script);
        fs::remove_dir(world.dir().join("va-a-faltar")).unwrap();
        let done = common::run(&mut shell(&world, &script));
        assert_ne!(done.code, 0, "{done:?}");
        assert!(!done.out.contains("listo"), "{done:?}");
        wait_until("que mueran sus procesos", 5, || world.processes().is_empty());
        assert!(!world.path(&format!("/var/lib/micropod/guion-{name}")).exists());
        world.assert_clean();
    }
}

#[test]
fn dos_veces_el_mismo_guion_se_dice_y_no_estropea_el_primero() {
    if !is_root() {
        return;
    }
    let made = by_script(OPEN, "abierto");
    let done = common::run(&mut shell(&made.world, &made.world.dir().join("pod.sh"))).exits(1);
    assert!(done.err.contains("para deshacerlo: sh /var/lib/micropod/guion-abierto/deshacer.sh"), "{done:?}");
    assert_eq!(pid_of(&made.world, "sleep 3001"), made.pids[0]);
    undo(&made, "abierto");
}

#[test]
fn deshacer_el_guion_espera_a_que_sus_grupos_de_control_se_vacien() {
    if !is_root() {
        return;
    }
    let made = by_script(OPEN, "abierto");
    // alguien que tarda en salir de su grupo, como el padre de un contenedor que acaba de morir
    let mut late = std::process::Command::new("sleep").arg("1.5").spawn().unwrap();
    let group = made.world.cgroup().join("micropod/abierto/dos/cgroup.procs");
    fs::write(group, late.id().to_string()).unwrap();
    undo(&made, "abierto");
    late.wait().unwrap();
}
