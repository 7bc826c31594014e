//! La grabación de un Pod de verdad: al reproducirla, el núcleo pide lo mismo; y no lleva secretos.

mod common;

use common::{World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn pod(name: &str, fields: &str, containers: &str) -> String {
    format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{containers}]))")
}

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

fn start(world: &World, name: &str, text: &str) {
    let file = world.write(&format!("{name}.ron"), text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn status(world: &World, name: &str) -> String {
    world.read(&format!("/run/micropod/pods/{name}/status.json"))
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

const SECRET: &str = "xyzzy-42";

/// Un Pod al que le pasa de todo: se cae, falla una sonda de comando que habla de más, deja un mensaje.
fn eventful() -> String {
    let chatty = format!(
        "readinessProbe: (exec: (command: [\"sh\", \"-c\", \"echo {SECRET}; test -e /tmp/si\"]), periodSeconds: 1)"
    );
    pod(
        "vida",
        "",
        &(shell("cae", &format!("echo {SECRET} >/dev/termination-log; sleep 0.3; exit 3"), "")
            + &shell(
                "web",
                "mkdir -p /tmp; sleep 2; touch /tmp/si; trap 'exit 0' TERM; while :; do sleep 0.1; done",
                &chatty,
            )),
    )
}

#[test]
fn lo_que_vivio_un_pod_se_cuenta_otra_vez_y_el_nucleo_pide_exactamente_lo_mismo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "vida", &eventful());
    let listo = || status(&world, "vida").contains("\"ready\":true");
    wait_until("que la sonda pase y el otro se caiga dos veces", 20, || {
        listo() && status(&world, "vida").contains("CrashLoopBackOff")
    });
    let told = world.micropod(&["reproduce", "vida"]).ok().out;
    for part in [
        "vida, nacido el ",
        "cae  arranca",
        "cae  acaba con código 3",
        "CrashLoopBackOff: espera 10s",
        "web  sonda de preparación: falla: su comando ha fallado",
        "web  está listo",
        "el núcleo pide hoy exactamente lo mismo",
    ] {
        let squeezed = told.split('\n').map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.clone().any(|l| l.contains(&part)), "falta «{part}»:\n{told}");
    }
    world.micropod(&["delete", "pod", "vida"]).ok();
    assert!(world.micropod(&["reproduce", "vida"]).exits(1).err.contains("not found"));
}

#[test]
fn una_grabacion_no_lleva_lo_que_dicen_los_programas_y_solo_la_lee_root() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "vida", &eventful());
    wait_until("que se caiga dos veces", 20, || status(&world, "vida").contains("CrashLoopBackOff"));
    assert!(
        status(&world, "vida").contains(SECRET),
        "el estado sí lo lleva: si no, este test no prueba nada"
    );
    world.micropod(&["graba", "vida", "vida.jsonl"]).ok();
    let saved = fs::read_to_string(world.dir().join("vida.jsonl")).unwrap();
    assert!(saved.contains("\"Exited\"") && saved.contains("\"Readiness\""), "{saved}");
    assert!(!saved.contains(SECRET), "{saved}");
    for (file, mode) in [("/var/log/micropod/vida", 0o700), ("/var/log/micropod/vida/grabacion.jsonl", 0o600)]
    {
        assert_eq!(fs::metadata(world.path(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
    delete(&world, "vida");
    // sin el Pod, la copia se reproduce igual, y sin ser root
    world.micropod(&["reproduce", "./vida.jsonl"]).ok();
}

#[test]
fn una_grabacion_cambiada_se_descubre_y_una_rota_se_dice_donde() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "breve", &pod("breve", "restartPolicy: Never,", &shell("c", "exit 7", "")));
    wait_until("que acabe", 10, || status(&world, "breve").contains("Failed"));
    world.micropod(&["graba", "breve", "breve.jsonl"]).ok();
    delete(&world, "breve");
    let saved = fs::read_to_string(world.dir().join("breve.jsonl")).unwrap();
    // con otro código no cambiaría ninguna orden; sin el arranque, sí
    let lines: Vec<&str> = saved.lines().filter(|line| !line.contains("\"Started\"")).collect();
    world.write("mentira.jsonl", &(lines.join("\n") + "\n"));
    let said = world.micropod(&["reproduce", "./mentira.jsonl"]).exits(1).out;
    assert!(said.contains("DIVERGE") && said.contains("StopSandbox"), "{said}");
    let broken = saved.replacen("{\"t\":", "{\"x\":", 1);
    world.write("rota.jsonl", &broken);
    let said = world.micropod(&["reproduce", "./rota.jsonl"]).exits(2).err;
    assert!(said.contains("rota.jsonl, línea 2: no se entiende"), "{said}");
    // lo último, a medias: vale hasta ahí
    world.write("cortada.jsonl", &saved[..saved.len() - 20]);
    world.micropod(&["reproduce", "./cortada.jsonl"]).ok();
    assert!(world.micropod(&["reproduce", "./no-hay.jsonl"]).exits(2).err.contains("no se puede leer"));
}

#[test]
fn dos_vidas_se_comparan_y_se_dice_donde_se_separan() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (file, code, period) in [("a.jsonl", 0, 1), ("b.jsonl", 5, 2), ("c.jsonl", 0, 1)] {
        let probe = format!("livenessProbe: (exec: (command: [\"true\"]), periodSeconds: {period})");
        let line = format!("sleep 1.5; exit {code}");
        start(&world, "par", &pod("par", "restartPolicy: OnFailure,", &shell("c", &line, &probe)));
        let wanted = if code == 0 { "Succeeded" } else { "CrashLoopBackOff" };
        wait_until(wanted, 20, || status(&world, "par").contains(wanted));
        world.micropod(&["graba", "par", file]).ok();
        delete(&world, "par");
    }
    let said = world.micropod(&["compara", "./a.jsonl", "./b.jsonl"]).ok().out;
    for part in [
        "c.liveness.period   1s   2s",
        "Succeeded   Running",
        "Se separan en c:",
        "«acaba con código 0»",
        "«acaba con código 5»",
    ] {
        assert!(said.contains(part), "falta «{part}»:\n{said}");
    }
    let said = world.micropod(&["compara", "./a.jsonl", "./c.jsonl"]).ok().out;
    assert!(said.contains("No cambió nada"), "{said}");
}
