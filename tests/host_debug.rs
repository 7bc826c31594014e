//! Contenedores efímeros: `micropod debug` en un Pod de verdad, comprobado mirando al kernel.

mod common;

use common::notas::{delete, namespace, pid_of, pids_of, pod, shell, start};
use common::{World, is_root, wait_until};
use std::io::Write;
use std::process::Stdio;

/// Lo que imprime `get pod NOMBRE -o jsonpath=…`.
fn ask(world: &World, name: &str, path: &str) -> String {
    world.micropod(&["get", "pod", name, "-o", &format!("jsonpath={path}")]).ok().out
}

/// El pid de la pausa del Pod, que está en su estado.
fn pause(world: &World, name: &str) -> i32 {
    let status = world.read(&format!("/run/micropod/pods/{name}/status.json"));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    i32::try_from(status["pause"]["pid"].as_i64().unwrap()).unwrap()
}

fn debug(world: &World, args: &[&str], command: &[&str]) -> common::Done {
    world.micropod(&[&["debug"], args, &["--image", "busybox", "--"], command].concat())
}

const TWO: [(&str, &str); 2] = [("app", "exec sleep 3101"), ("otro", "exec sleep 3102")];

fn two(name: &str, fields: &str) -> String {
    let containers = TWO.map(|(name, line)| shell(name, line, "")).concat();
    pod(name, &format!("terminationGracePeriodSeconds: 1, {fields}"), &containers)
}

#[test]
fn un_efimero_comparte_lo_del_pod_y_ve_los_procesos_del_que_mira() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "mirado", &two("mirado", ""));
    let before = world.micropod(&["get", "pod", "mirado", "--no-headers"]).ok().out;
    debug(&world, &["mirado", "-c", "mira", "--target", "app"], &["sleep", "3103"]).ok();
    let (guest, app, other) =
        (pid_of(&world, "sleep 3103"), pid_of(&world, "sleep 3101"), pid_of(&world, "sleep 3102"));
    let pause = pause(&world, "mirado");
    for kind in ["net", "ipc", "uts"] {
        assert_eq!(namespace(&world, guest, kind), namespace(&world, pause, kind), "{kind}");
    }
    assert_eq!(namespace(&world, guest, "pid"), namespace(&world, app, "pid"), "el que mira");
    assert_ne!(namespace(&world, guest, "pid"), namespace(&world, other, "pid"), "y ninguno más");
    assert_ne!(namespace(&world, guest, "mnt"), namespace(&world, app, "mnt"), "su raíz es suya");
    // desde dentro: /proc es el de ese espacio
    let seen = world.micropod(&["exec", "mirado", "-c", "mira", "--", "cat", "/proc/1/cmdline"]).ok().out;
    assert_eq!(seen, "sleep\u{0}3101\u{0}");
    // no cuenta: ni READY, ni la fase, ni los reinicios
    let after = world.micropod(&["get", "pod", "mirado", "--no-headers"]).ok().out;
    let cells = |line: &str| line.split_whitespace().take(4).map(String::from).collect::<Vec<_>>();
    assert_eq!(cells(&after), cells(&before));
    assert_eq!(cells(&after), ["mirado", "2/2", "Running", "0"]);
    // y se ve en el objeto, como en Kubernetes
    let path = "{.spec.ephemeralContainers[0].targetContainerName}";
    assert_eq!(ask(&world, "mirado", path), "app");
    let path = "{.status.ephemeralContainerStatuses[0].name}{.status.ephemeralContainerStatuses[0].ready}";
    assert_eq!(ask(&world, "mirado", path), "mirafalse");
    assert!(
        ask(&world, "mirado", "{.status.ephemeralContainerStatuses[0].state.running.startedAt}")
            .ends_with('Z')
    );
    let told = world.micropod(&["describe", "pod", "mirado"]).ok().out;
    assert!(told.contains("\nEphemeral Containers:\n  mira:\n"), "{told}");
    // muere con el que mira, y no vuelve aunque el Pod diga Always
    world.kill("KILL", app);
    wait_until("que muera con él", 5, || pids_of(&world, "sleep 3103").is_empty());
    let code = "{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}";
    wait_until("que se cuente", 5, || ask(&world, "mirado", code) == "137");
    wait_until("que vuelva el otro", 15, || pids_of(&world, "sleep 3101").iter().any(|pid| *pid != app));
    assert!(pids_of(&world, "sleep 3103").is_empty());
    assert_eq!(ask(&world, "mirado", "{.status.ephemeralContainerStatuses[0].restartCount}"), "0");
    // y lo que vivió se reproduce igual: el núcleo supo de él
    world.micropod(&["reproduce", "mirado"]).ok();
    delete(&world, "mirado");
    world.assert_clean();
}

#[test]
fn un_efimero_tiene_logs_y_attach_y_muere_con_el_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "vivo", &two("vivo", ""));
    // lo que escribe llega desde la primera letra, y lo que se le teclea también
    let mut command = world.command(common::binary());
    command.args(["debug", "vivo", "-i", "-c", "eco", "--image", "busybox", "--", "/bin/sh", "-c"]);
    command.arg("echo empieza; read linea; echo \"[$linea]\"; exit 3");
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = pipes.spawn().unwrap();
    client.stdin.as_mut().unwrap().write_all(b"hola\n").unwrap();
    let done = client.wait_with_output().unwrap();
    assert!(done.status.success(), "como en kubectl, el código de su programa no es el de debug: {done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "empieza\n[hola]\n");
    assert_eq!(world.micropod(&["logs", "vivo", "-c", "eco"]).ok().out, "empieza\n[hola]\n");
    let code = "{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}";
    assert_eq!(ask(&world, "vivo", code), "3");
    // otro, en el fondo; el Pod acaba con él dentro
    debug(&world, &["vivo", "-q", "--env", "A=1"], &["/bin/sh", "-c", "echo $A; exec sleep 3104"]).ok();
    let guest = pid_of(&world, "sleep 3104");
    assert_ne!(namespace(&world, guest, "pid"), namespace(&world, pid_of(&world, "sleep 3101"), "pid"));
    let name = ask(&world, "vivo", "{.status.ephemeralContainerStatuses[1].name}");
    assert!(name.starts_with("debugger-") && name.len() == 14, "{name}");
    wait_until("sus logs", 5, || world.micropod(&["logs", "vivo", "-c", &name]).ok().out == "1\n");
    let listed = world.micropod(&["logs", "vivo", "--tail", "0"]).ok().err;
    assert_eq!(
        listed,
        format!("Defaulted container \"app\" out of: app, otro, eco (ephem), {name} (ephem)\n")
    );
    delete(&world, "vivo");
    assert!(pids_of(&world, "sleep 3104").is_empty());
    world.assert_clean();
}

#[test]
fn con_terminal_el_efimero_tiene_desde_el_principio_el_tamano_de_la_ventana() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "consola", &two("consola", ""));
    let size = nix::pty::Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = world.command(common::binary());
    command.args(["debug", "consola", "-it", "-q", "--image", "busybox", "--", "/bin/sh", "-c"]);
    command.arg("read nada; stty size; tty").stdin(slave()).stdout(slave()).stderr(slave());
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut keyboard = std::fs::File::from(pty.master.try_clone().unwrap());
    let mut screen = std::fs::File::from(pty.master);
    drop(pty.slave);
    keyboard.write_all(b"\n").unwrap();
    let reader = std::thread::spawn(move || {
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        while let Ok(n @ 1..) = std::io::Read::read(&mut screen, &mut bytes) {
            text.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        text
    });
    assert!(child.wait().unwrap().success());
    drop(keyboard);
    let seen = reader.join().unwrap();
    assert!(seen.contains("33 101") && seen.contains("/dev/pts/0"), "{seen:?}");
    delete(&world, "consola");
}

#[test]
fn en_un_pod_que_comparte_procesos_el_efimero_los_ve_todos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "juntos", &two("juntos", "shareProcessNamespace: true,"));
    debug(&world, &["juntos", "-c", "mira", "--target", "app"], &["sleep", "3105"]).ok();
    let guest = pid_of(&world, "sleep 3105");
    assert_eq!(namespace(&world, guest, "pid"), namespace(&world, pause(&world, "juntos"), "pid"));
    delete(&world, "juntos");
}

#[test]
fn con_runc_el_efimero_nace_en_los_mismos_espacios() {
    let missing = |name: &str| {
        !["/usr/sbin", "/usr/bin"].iter().any(|dir| std::path::Path::new(dir).join(name).exists())
    };
    if !is_root() || missing("runc") {
        return;
    }
    let world = World::with_busybox();
    let file = common::notas::file(&world, "oci", &two("oci", ""));
    world.micropod(&["run", "-d", "--runtime", "runc", &file]).ok();
    debug(&world, &["oci", "-c", "mira", "--target", "app"], &["sleep", "3106"]).ok();
    let (guest, app) = (pid_of(&world, "sleep 3106"), pid_of(&world, "sleep 3101"));
    for kind in ["net", "ipc", "uts", "pid"] {
        assert_eq!(namespace(&world, guest, kind), namespace(&world, app, kind), "{kind}");
    }
    delete(&world, "oci");
    world.assert_clean();
}

#[test]
fn lo_que_no_puede_ser_un_efimero_se_rechaza_y_no_queda_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "serio", &two("serio", ""));
    let cases: [(&[&str], i32, &str); 6] = [
        (&["serio", "-c", "app"], 2, "spec.ephemeralContainers[0].name"),
        (&["serio", "--target", "nadie"], 2, "no tiene ningún contenedor `nadie`"),
        (&["serio", "-t"], 2, "-i/--stdin is required for containers with -t/--tty=true"),
        (&["serio", "--env", "SIN_VALOR"], 2, "no es una variable"),
        (&["serio", "-i", "--", "/no/existe"], 1, "no llegó a ejecutar su programa"),
        (&["nadie"], 1, "pods \"nadie\" not found"),
    ];
    for (args, code, text) in cases {
        let command: &[&str] = if args.contains(&"--") { &[] } else { &["--", "sh"] };
        let args = [&["debug", "--image", "busybox"], args, command].concat();
        let done = world.micropod(&args).exits(code);
        assert!(done.err.contains(text), "{}", done.err);
    }
    let unknown = world.micropod(&["debug", "serio", "--image", "nohay"]).exits(1);
    assert!(unknown.err.contains("no existe la imagen «nohay»"), "{}", unknown.err);
    let huge = "x".repeat(5000);
    let long = debug(&world, &["serio", "-c", "largo"], &["echo", &huge]).exits(2);
    assert!(long.err.contains("demasiado largo"), "{}", long.err);
    assert_eq!(
        ask(&world, "serio", "{.spec.ephemeralContainers[*].name}").split(' ').count(),
        1,
        "el que no arrancó"
    );
    delete(&world, "serio");
    // en el fichero de un Pod nuevo no puede estar: la razón es la de Kubernetes
    let text = two("nuevo", "ephemeralContainers: [(name: \"mira\", image: \"busybox\")],");
    let refused = world.micropod(&["run", "-d", &common::notas::file(&world, "nuevo", &text)]).exits(2);
    assert!(
        refused.err.contains("cannot be set on create") && refused.err.contains("MP0236"),
        "{}",
        refused.err
    );
    world.assert_clean();
}

#[test]
fn la_politica_del_pod_vale_para_quien_llega_despues() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let strict = "(name: \"app\", image: \"busybox\", command: [\"sleep\", \"3107\"], securityContext: (runAsUser: 1000, \
         runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: (drop: [\"ALL\"]), \
         seccompProfile: (type: RuntimeDefault)))";
    let text = format!(
        "Pod(metadata: (name: \"estricto\"), spec: (terminationGracePeriodSeconds: 1, containers: [{strict}]))"
    );
    let file = common::notas::file(&world, "estricto", &text);
    world.micropod(&["run", "-d", "--policy", "restricted", &file]).ok();
    let refused = debug(&world, &["estricto", "-c", "mira"], &["sleep", "1"]).exits(1);
    assert!(refused.err.contains("la política `restricted` exige"), "{}", refused.err);
    delete(&world, "estricto");
}
