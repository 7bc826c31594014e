//! Contenedores y supervisores en apuros: cada uno tiene un final conocido, y se mira en el kernel.

mod common;

use common::notas::*;
use common::{World, is_root, patience, wait_until};
use std::fs;
use std::time::{Duration, Instant};

fn supervisor(world: &World, name: &str) -> i32 {
    let record = world.read(&format!("/run/micropod/pods/{name}/pod.json"));
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["supervisor"]["pid"].as_i64().unwrap() as i32
}

fn status(world: &World, name: &str) -> serde_json::Value {
    let text = world.read(&format!("/run/micropod/pods/{name}/status.json"));
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["status"]["containers"][0].clone()
}

/// El estado de un proceso: `S`, `T` (parado), `Z` (zombi)…; `None` si ya no está.
fn state(world: &World, pid: i32) -> Option<char> {
    let stat = fs::read_to_string(world.path(&format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// La CPU que lleva gastada un proceso, en tics.
fn ticks(world: &World, pid: i32) -> u64 {
    let stat = world.read(&format!("/proc/{pid}/stat"));
    let fields: Vec<u64> =
        stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2).map(|n| n.parse().unwrap()).collect();
    fields.iter().sum()
}

/// Los zombis cuyo padre es `parent`.
fn zombies_of(world: &World, parent: i32) -> usize {
    let children = world.read(&format!("/proc/{parent}/task/{parent}/children"));
    children.split_whitespace().filter(|pid| state(world, pid.parse().unwrap()) == Some('Z')).count()
}

/// En dos segundos no debe gastar casi nada: quien da vueltas gastaría doscientos tics.
fn assert_idle(world: &World, pid: i32) {
    let before = ticks(world, pid);
    std::thread::sleep(Duration::from_secs(2));
    let spent = ticks(world, pid) - before;
    assert!(spent < 40, "el supervisor da vueltas para nada: {spent} tics en dos segundos");
}

#[test]
fn con_el_supervisor_parado_el_pod_sigue_y_al_continuar_se_entera_de_lo_que_paso() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe =
        "readinessProbe: (periodSeconds: 1, exec: (command: [\"/bin/sh\", \"-c\", \"echo x >>/n/sondas\"])),";
    let two = shell("cae", "exec sleep 3401", "") + &shell("sigue", "exec sleep 3402", probe);
    start(&world, "parado", &pod("parado", "", &two));
    let (first, other) = (pid_of(&world, "sleep 3401"), pid_of(&world, "sleep 3402"));
    wait_until("la primera sonda", 10, || !noted(&world, "sondas").is_empty());
    let supervisor = supervisor(&world, "parado");
    world.kill("STOP", supervisor);
    wait_until("que se pare", 5, || state(&world, supervisor) == Some('T'));
    let probes = noted(&world, "sondas").len();
    world.kill("KILL", first);
    wait_until("que muera", 5, || state(&world, first) == Some('Z'));
    // quien mira no se queda esperando
    let began = Instant::now();
    assert!(world.micropod(&["get", "pods", "--no-headers"]).ok().out.contains("parado"));
    world.micropod(&["describe", "pod", "parado"]).ok();
    assert!(began.elapsed() < patience(20), "mirar un Pod con el supervisor parado no espera por él");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(state(&world, other), Some('S'), "el otro contenedor no lo nota");
    assert_eq!(pids_of(&world, "sleep 3401"), [] as [i32; 0], "nadie lo repone mientras tanto");
    assert!(noted(&world, "sondas").len() <= probes + 1, "ni pregunta");
    world.kill("CONT", supervisor);
    let again = pid_of(&world, "sleep 3401");
    assert_ne!(again, first);
    wait_until("que se publique", 10, || status(&world, "parado")["restart_count"] == 1);
    assert_eq!(state(&world, first), None, "al muerto ya lo ha recogido");
    assert_eq!(pid_of(&world, "sleep 3402"), other, "el otro es el mismo");
    // las sondas que no se hicieron no se hacen todas de golpe
    let now = noted(&world, "sondas").len();
    std::thread::sleep(Duration::from_millis(500));
    assert!(noted(&world, "sondas").len() <= now + 2, "una ráfaga de sondas atrasadas");
    delete(&world, "parado");
}

#[test]
fn mil_zombis_en_un_contenedor_no_estorban_a_nadie_y_se_van_con_el() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // donde el kernel cuenta los procesos de un Pod, caben 512 si no se dice otra cosa
    let counted = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").is_ok_and(|c| c.contains("pids"));
    let room = if counted { "resources: (limits: (pids: \"3000\"))," } else { "" };
    // mil procesos a la espera de que alguien escriba; su padre se va, y sleep, que los hereda, no los recoge
    let line = "mkfifo /n/tubo; (i=0; while [ $i -lt 1000 ]; do (: </n/tubo) & i=$((i+1)); done; \
                echo ya >/n/listos) & exec sleep 3403";
    let two = shell("z", line, "") + &shell("vecino", "exec sleep 3404", "");
    start(&world, "zombis", &pod("zombis", room, &two));
    wait_until("que estén todos", 60, || !noted(&world, "listos").is_empty());
    let pid = pid_of(&world, "sleep 3403");
    let children = || world.read(&format!("/proc/{pid}/task/{pid}/children")).split_whitespace().count();
    wait_until("que los herede", 20, || children() >= 1000);
    // abrir la tubería los suelta a todos
    drop(fs::File::options().write(true).open(world.dir().join("notas/tubo")).unwrap());
    wait_until("mil zombis", 60, || zombies_of(&world, pid) >= 1000);
    assert_idle(&world, supervisor(&world, "zombis"));
    assert_eq!(world.micropod(&["exec", "zombis", "-c", "vecino", "--", "echo", "vivo"]).ok().out, "vivo\n");
    delete(&world, "zombis");
    world.assert_clean();
}

#[test]
fn con_los_procesos_compartidos_la_pausa_recoge_a_los_huerfanos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // doble fork: el nieto se queda huérfano y acaba después que su padre
    let line = "i=0; while [ $i -lt 100 ]; do (sleep 0.3 & exit 0); i=$((i+1)); done; exec sleep 3405";
    start(&world, "junto", &pod("junto", "shareProcessNamespace: true,", &shell("c", line, "")));
    wait_until("que la shell deje paso", 60, || !pids_of(&world, "sleep 3405").is_empty());
    let pause: serde_json::Value =
        serde_json::from_str(&world.read("/run/micropod/pods/junto/status.json")).unwrap();
    let pause = pause["pause"]["pid"].as_i64().unwrap() as i32;
    wait_until("que acaben los huérfanos", 20, || pids_of(&world, "sleep 0.3").is_empty());
    wait_until("que la pausa los recoja", 20, || zombies_of(&world, pause) == 0);
    delete(&world, "junto");
    world.assert_clean();
}

#[test]
fn quien_cierra_su_salida_sigue_corriendo_y_el_supervisor_no_da_vueltas() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "echo antes; exec >&- 2>&-; until test -e /n/acaba; do sleep 0.1; done; exit 7";
    start(&world, "mudo", &pod("mudo", "restartPolicy: Never,", &shell("c", line, "")));
    wait_until("que hable", 10, || world.micropod(&["logs", "mudo"]).ok().out == "antes\n");
    assert_idle(&world, supervisor(&world, "mudo"));
    assert!(status(&world, "mudo").to_string().contains("Running"), "{}", status(&world, "mudo"));
    fs::write(world.dir().join("notas/acaba"), "").unwrap();
    wait_until("que se sepa cómo acabó", 10, || {
        status(&world, "mudo").to_string().contains("\"exit_code\":7")
    });
    delete(&world, "mudo");
}

#[test]
fn quien_se_hace_demonio_acaba_y_lo_que_deja_detras_muere_con_el() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (name, fields) in [("demonio", ""), ("demonio-junto", "shareProcessNamespace: true,")] {
        let line = "setsid sleep 3406 </dev/null >/dev/null 2>&1 & sleep 0.3; exit 0";
        let fields = format!("restartPolicy: Never, {fields}");
        start(&world, name, &pod(name, &fields, &shell("c", line, "")));
        wait_until("que acabe", 10, || status(&world, name).to_string().contains("\"exit_code\":0"));
        wait_until("que el kernel se lo lleve", 5, || pids_of(&world, "sleep 3406").is_empty());
        let row = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
        assert!(row.contains("Completed"), "{row}");
        delete(&world, name);
    }
}

#[test]
fn quien_ignora_todas_las_senales_muere_con_la_unica_que_no_se_puede_ignorar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let all: String = (1..=31).filter(|n| ![9, 19].contains(n)).map(|n| format!("{n} ")).collect();
    let line = format!("trap '' {all}; echo sordo; while :; do sleep 0.2; done");
    let fields = "terminationGracePeriodSeconds: 2, restartPolicy: Never,";
    let path = file(&world, "sordo", &pod("sordo", fields, &shell("c", &line, "")));
    let running = world.start(&["run", &path]);
    wait_until("que sea sordo", 10, || {
        world.path("/run/micropod/pods/sordo").exists() && world.micropod(&["logs", "sordo"]).out == "sordo\n"
    });
    let live = world.read("/run/micropod/pods/sordo/status.json");
    let live: serde_json::Value = serde_json::from_str(&live).unwrap();
    let pid = live["processes"][0]["pid"].as_i64().unwrap() as i32;
    let ignored = world.read(&format!("/proc/{pid}/status"));
    let mask = ignored.lines().find_map(|l| l.strip_prefix("SigIgn:")).unwrap().trim().to_string();
    let mask = u64::from_str_radix(&mask, 16).unwrap();
    assert!(mask & (1 << 14) != 0 && mask & (1 << 1) != 0, "ignora SIGTERM y SIGINT: {mask:x}");
    let began = Instant::now();
    running.signal("INT");
    let done = running.wait();
    assert_eq!(done.code, 137, "{}{}", done.out, done.err);
    assert!(began.elapsed() >= Duration::from_millis(1900), "tuvo su plazo de gracia");
    assert_eq!(state(&world, pid), None);
    delete(&world, "sordo");
}
