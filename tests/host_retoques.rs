//! Lo que lee quien se equivoca, y lo que queda cuando un `run` no llega a nada.

mod common;
use common::{World, is_root, run, wait_until};

fn pod(container: &str, fields: &str) -> String {
    format!(
        r#"Pod(metadata: (name: "p"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 60, {fields}
            containers: [(name: "c", {container})]))"#
    )
}

const DONE: &str = r#"image: "busybox", command: ["sh", "-c", "echo hecho"]"#;
const STUBBORN: &str =
    r#"image: "busybox", command: ["sh", "-c", "trap '' TERM; echo va; while true; do sleep 1; done"]"#;

/// Lo que dice `run` de un Pod que no puede arrancar.
fn refused(world: &World, text: &str) -> String {
    world.write("mal.ron", text);
    let done = world.micropod(&["run", "mal.ron"]);
    assert_ne!(done.code, 0, "{done:?}");
    done.err
}

#[test]
fn un_pod_que_no_puede_nacer_no_se_lleva_la_ficha_del_que_habia() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", &pod(DONE, ""));
    world.micropod(&["run", "p.ron"]).ok();
    let err = refused(&world, &pod(r#"image: "no-esta", command: ["true"]"#, ""));
    assert!(err.contains("no existe la imagen «no-esta»") && !err.contains("se sustituye"), "{err}");
    assert!(world.micropod(&["get", "pods"]).ok().out.contains("Completed"));
    assert_eq!(world.micropod(&["logs", "p"]).ok().out, "hecho\n");
    // ni una dirección de más: la del que no nació se ha soltado
    assert_eq!(world.sh("ls /run/micropod/ips"), "");
    let again = world.micropod(&["run", "p.ron"]).ok();
    assert!(again.err.contains("el Pod `p` anterior había acabado (Succeeded): se sustituye"), "{again:?}");
    world.micropod(&["delete", "pod", "p"]).ok();
    world.assert_clean();
}

#[test]
fn con_una_espera_mal_dicha_no_nace_ningun_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", &pod(DONE, ""));
    let done = world.micropod(&["run", "p.ron", "-d", "--wait=lista"]).exits(2);
    assert!(done.err.contains("unrecognized condition: \"lista\"") && done.out.is_empty(), "{done:?}");
    assert_eq!(world.micropod(&["get", "pods"]).ok().out, "");
    world.assert_clean();
}

#[test]
fn quien_entra_con_terminal_sabe_de_que_clase_es() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", &pod(STUBBORN, ""));
    world.micropod(&["run", "p.ron", "-d"]).ok();
    let term = |options: &[&str]| {
        let all = [&["exec"], options, &["p", "--", "sh", "-c", "echo \"es ${TERM-ninguna}\""]].concat();
        world.micropod(&all).ok().out.trim().to_string()
    };
    assert_eq!(term(&["-t"]), "es xterm");
    assert_eq!(term(&[]), "es ninguna");
    world.micropod(&["delete", "pod", "p", "--now"]).ok();
    world.assert_clean();
}

#[test]
fn la_parada_inmediata_no_habla_de_plazos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("p.ron", &pod(STUBBORN, ""));
    let running = world.start(&["run", "p.ron", "--rm"]);
    wait_until("que escriba", 30, || world.micropod(&["logs", "p"]).out == "va\n");
    running.signal("INT");
    let stopping = || world.micropod(&["get", "pods"]).out.contains("Terminating");
    wait_until("que empiece a parar", 30, stopping);
    running.signal("INT");
    let done = running.wait().exits(137);
    let (_, after) = done.err.split_once("parada inmediata\n").expect(&done.err);
    assert_eq!(after, "", "{done:?}");
    world.assert_clean();
}

#[test]
fn sin_root_la_pista_es_el_mismo_comando_con_sudo() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let command = ["exec", "p", "--", "ls", "un sitio"];
    let done = run(world.command("setpriv").args(nobody).arg(common::binary()).args(command)).exits(1);
    assert!(done.err.ends_with("  pista: sudo micropod exec p -- ls 'un sitio'\n"), "{done:?}");
}

#[test]
fn sin_root_doctor_dice_la_misma_version_de_cada_motor() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let engines = |said: &str| -> Vec<String> {
        said.lines().filter(|line| line.contains("--runtime ")).map(String::from).collect()
    };
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let seen = run(world.command("setpriv").args(nobody).arg(common::binary()).arg("doctor"));
    let wanted = engines(&world.micropod(&["doctor"]).out);
    assert!(wanted.iter().all(|line| !line.trim_end().ends_with(':')), "{wanted:?}");
    assert_eq!(engines(&seen.out), wanted);
}

#[test]
fn de_lo_que_no_se_puede_montar_se_dice_el_porque_que_toca() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let dir = world.dir().join("d");
    std::fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink("/etc", dir.join("fuera")).unwrap();
    let volumes = |volume: &str, mounts: &str| {
        pod(&format!("{DONE}, volumeMounts: [{mounts}]"), &format!("volumes: [{volume}],"))
    };
    let host = |path: &str, kind: &str| format!(r#"(name: "v", hostPath: (path: "{path}", type: {kind}))"#);
    let mount = r#"(name: "v", mountPath: "/m", readOnly: true)"#;
    for (path, kind, hint) in [
        ("nada", "File", "FileOrCreate para que se cree el fichero\n"),
        ("nada", "Directory", "DirectoryOrCreate para que se cree el directorio\n"),
        ("nada", "Socket", "pista: corrige hostPath.path\n"),
        ("d", "File", "pista: corrige hostPath.path, o su type\n"),
    ] {
        let err = refused(&world, &volumes(&host(path, kind), mount));
        assert!(err.ends_with(hint), "{kind} en {path}: {err}");
    }
    let out = r#"(name: "v", mountPath: "/m", subPath: "fuera")"#;
    let err = refused(&world, &volumes(&host("d", "Directory"), out));
    assert!(err.contains("un enlace de esa ruta sale de donde no debe"), "{err}");
    let two = format!(r#"{}, (name: "e", emptyDir: ())"#, host("d", "Directory"));
    let inside = format!(r#"{mount}, (name: "e", mountPath: "/m/dentro")"#);
    let err = refused(&world, &volumes(&two, &inside));
    assert!(err.contains("dentro de un volumen de solo lectura, crea antes en él lo que falta"), "{err}");
    world.micropod(&["gc"]).ok();
    world.assert_clean();
}
