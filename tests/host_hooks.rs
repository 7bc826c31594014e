//! Los hooks: quién los ejecuta, dónde, cuándo y a costa de qué. Se mira lo que dejan escrito desde
//! dentro del contenedor y los procesos que hay, nunca lo que micropod dice de sí mismo.

mod common;

use common::notas::*;
use common::{World, is_root, wait_until};
use std::fs;
use std::time::{Duration, Instant};

/// Los campos de un contenedor con esos hooks.
fn hooks(inside: &str) -> String {
    format!("lifecycle: ({inside})")
}

fn exec(line: &str) -> String {
    format!("(exec: (command: [\"/bin/sh\", \"-c\", r#\"{line}\"#]))")
}

/// Lo que hace un contenedor que anota cuándo le piden que acabe.
fn polite(number: u32) -> String {
    format!("trap 'echo term >>/n/orden; exit 0' TERM; sleep {number} & wait")
}

#[test]
fn el_post_start_corre_dentro_y_el_siguiente_contenedor_espera_a_que_acabe() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let hook = "echo $(hostname) $(tr '\\0' ' ' </proc/1/cmdline) >>/n/desde; until test -e /n/ya; do sleep 0.05; done";
    let one = shell("uno", "exec sleep 3101", &hooks(&format!("postStart: {}", exec(hook))));
    start(&world, "despues", &pod("despues", "", &(one + &shell("dos", "exec sleep 3102", ""))));
    pid_of(&world, "sleep 3101");
    wait_until("que corra el hook", 5, || !noted(&world, "desde").is_empty());
    assert_eq!(
        noted(&world, "desde"),
        ["despues sleep 3101"],
        "ve el nombre del Pod y el PID 1 del contenedor"
    );
    assert_eq!(pids_of(&world, "sleep 3102"), [] as [i32; 0]);
    let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert!(row.contains("0/2") && row.contains("ContainerCreating"), "aún no cuenta como Running: {row}");
    fs::write(world.dir().join("notas/ya"), "").unwrap();
    pid_of(&world, "sleep 3102");
    delete(&world, "despues");
}

#[test]
fn si_falla_el_post_start_se_despide_al_contenedor_con_su_pre_stop() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let both = hooks(&format!(
        "postStart: {}, preStop: {}",
        exec("echo no hay base de datos; exit 3"),
        exec("echo pre >>/n/orden")
    ));
    let path = file(&world, "mal", &pod("mal", "restartPolicy: Never,", &shell("c", &polite(3103), &both)));
    world.micropod(&["run", &path]);
    assert_eq!(noted(&world, "orden"), ["pre", "term"]);
    assert_eq!(pids_of(&world, "sleep 3103"), [] as [i32; 0]);
    let described = world.micropod(&["describe", "pod", "mal"]).ok().out;
    assert!(described.contains("FailedPostStartHook"), "{described}");
    assert!(described.contains("el comando salió con el código 3: no hay base de datos"), "{described}");
    delete(&world, "mal");
}

#[test]
fn un_hook_que_no_se_puede_ejecutar_dice_por_que() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let hook = hooks("postStart: (exec: (command: [\"/bin/no-existe\"]))");
    let path = file(&world, "nada", &pod("nada", "restartPolicy: Never,", &shell("c", &polite(3104), &hook)));
    world.micropod(&["run", &path]);
    let described = world.micropod(&["describe", "pod", "nada"]).ok().out;
    assert!(described.contains("no está en la imagen"), "{described}");
    delete(&world, "nada");
}

#[test]
fn el_pre_stop_corre_antes_de_la_senal_y_solo_si_alguien_para_al_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let hook = hooks(&format!("preStop: {}", exec("echo pre >>/n/orden; sleep 0.2")));
    start(&world, "antes", &pod("antes", "", &shell("c", &polite(3105), &hook)));
    pid_of(&world, "sleep 3105");
    world.micropod(&["delete", "pod", "antes"]).ok();
    assert_eq!(noted(&world, "orden"), ["pre", "term"]);
    fs::remove_file(world.dir().join("notas/orden")).unwrap();
    let path =
        file(&world, "solo", &pod("solo", "restartPolicy: Never,", &shell("c", "echo yo >>/n/orden", &hook)));
    world.micropod(&["run", "--rm", &path]).ok();
    assert_eq!(noted(&world, "orden"), ["yo"], "quien acaba por su cuenta no tiene preStop");
}

#[test]
fn un_pre_stop_colgado_gasta_el_plazo_y_la_senal_tiene_dos_segundos_mas() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // el contenedor no hace caso a SIGTERM: tiene que llegar SIGKILL
    let deaf = "trap 'date +%s%3N >>/n/term' TERM; while :; do sleep 3106 & wait; done";
    let hook = hooks(&format!("preStop: {}", exec("date +%s%3N >>/n/pre; exec sleep 3107")));
    start(&world, "colgado", &pod("colgado", "", &shell("c", deaf, &hook)));
    pid_of(&world, "sleep 3106");
    let from = Instant::now();
    world.micropod(&["delete", "pod", "colgado", "--grace-period=2"]).ok();
    let total = from.elapsed();
    assert_eq!((noted(&world, "pre").len(), noted(&world, "term").len()), (1, 1));
    assert!(total >= Duration::from_secs(4), "2 s de plazo y 2 de cortesía: {total:?}");
    assert!(total < common::patience(8), "{total:?}");
    assert_eq!(pids_of(&world, "sleep 3107"), [] as [i32; 0], "el hook muere con su contenedor");
}

#[test]
fn esperar_antes_de_acabar_retrasa_la_senal() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let hook = hooks("preStop: (sleep: (seconds: 1))");
    start(&world, "espera", &pod("espera", "", &shell("c", &polite(3108), &hook)));
    pid_of(&world, "sleep 3108");
    let from = Instant::now();
    world.micropod(&["delete", "pod", "espera"]).ok();
    assert!(from.elapsed() >= Duration::from_secs(1), "{:?}", from.elapsed());
    assert!(from.elapsed() < common::patience(5), "{:?}", from.elapsed());
    assert_eq!(noted(&world, "orden"), ["term"]);
}

#[test]
fn un_hook_http_llega_al_contenedor_y_le_vale_cualquier_codigo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let server =
        format!("(printf 'HTTP/1.1 500 No\\r\\n\\r\\n' | nc -l -p 80 >>/n/pedido) & {}", polite(3109));
    let hook = hooks("preStop: (httpGet: (port: \"web\", path: \"/hola\"))");
    let fields = format!("ports: [(name: \"web\", containerPort: 80)], {hook}");
    start(&world, "web", &pod("web", "", &shell("c", &server, &fields)));
    let pid = pid_of(&world, "sleep 3109");
    wait_until("que escuche", 5, || listens(&world, pid, 80));
    world.micropod(&["delete", "pod", "web"]).ok();
    let asked = noted(&world, "pedido");
    assert_eq!(asked[0], "GET /hola HTTP/1.1");
    assert!(asked.iter().any(|l| l == "User-Agent: kube-lifecycle/1.36"), "{asked:?}");
    assert_eq!(noted(&world, "orden"), ["term"], "responder con un 500 es responder");
}

#[test]
fn la_senal_de_parada_se_puede_elegir() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line =
        "trap 'echo quit >>/n/orden; exit 0' QUIT; trap 'echo term >>/n/orden' TERM; sleep 3110 & wait";
    start(&world, "quit", &pod("quit", "", &shell("c", line, &hooks("stopSignal: \"SIGQUIT\""))));
    pid_of(&world, "sleep 3110");
    world.micropod(&["delete", "pod", "quit"]).ok();
    assert_eq!(noted(&world, "orden"), ["quit"]);
}
