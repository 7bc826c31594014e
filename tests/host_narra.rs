//! `--narra` y `--paso-a-paso`, como los vive quien los usa: en una terminal y con el teclado.

mod common;

use common::terminal::Terminal;
use common::{World, binary, is_root, patience};
use std::fs;

fn pod(name: &str, container: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, \
         containers: [(name: \"c\", image: \"busybox\", {container})]))"
    )
}

/// Los directorios de Pods que hay de verdad en el disco del mundo.
fn pod_dirs(world: &World) -> usize {
    fs::read_dir(world.path("/var/lib/micropod/pods")).map_or(0, |dir| dir.count())
}

#[test]
fn paso_a_paso_no_se_da_un_paso_hasta_que_se_pulsa_intro() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("lento.ron", &pod("lento", "command: [\"true\"]"));
    let mut terminal = Terminal::open(&world, &["run", "--rm", "--paso-a-paso", file.to_str().unwrap()]);
    terminal.wait_for("  1. [anfitrión] crear el directorio del Pod");
    terminal.wait_for("Intro: dar este paso");
    std::thread::sleep(patience(1) / 5);
    assert_eq!(pod_dirs(&world), 0, "el paso 1 se ha contado, pero nadie ha dicho que se dé");
    assert!(!terminal.shows("  2. "));
    terminal.press("\n");
    terminal.wait_for("  2. ");
    assert_eq!(pod_dirs(&world), 1);
    assert!(!terminal.shows("  3. "), "un Intro, un paso");
    terminal.press("t\n");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.shows("[contenedor c] convertirse en el programa"), "los pasos de los hijos, también");
}

#[test]
fn ctrl_c_en_mitad_de_los_pasos_lo_deshace_todo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("dejado.ron", &pod("dejado", "command: [\"sleep\", \"1000\"]"));
    for steps in [2, 20] {
        let mut terminal = Terminal::open(&world, &["run", "--rm", "--paso-a-paso", file.to_str().unwrap()]);
        for step in 1..=steps {
            terminal.wait_for(&format!("{step:>3}. ["));
            terminal.press("\n");
        }
        terminal.wait_for(&format!("{:>3}. [", steps + 1));
        terminal.press("\x03");
        terminal.wait_for("se deja aquí");
        assert_eq!(terminal.code(), 137, "sleep no atiende SIGTERM: acaba con SIGKILL; tras {steps} pasos");
        assert!(!terminal.shows(&format!("{:>3}. [", steps + 2)), "desde ahí no se cuenta nada más");
        world.assert_clean();
    }
}

#[test]
fn sin_terminal_paso_a_paso_lo_dice_y_sigue() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("ciego.ron", &pod("ciego", "command: [\"true\"]"));
    let mut command = world.command("busybox");
    command.args(["setsid"]).arg(binary()).args(["run", "--rm", "--paso-a-paso", file.to_str().unwrap()]);
    let done = common::run(&mut command).ok();
    assert_eq!(done.err.matches("no hay terminal en la que pulsar Intro").count(), 1, "{}", done.err);
    assert!(done.err.contains("execve(2)"));
}

#[test]
fn una_sonda_que_se_repite_se_cuenta_solo_la_primera_vez() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let probe = "command: [\"sh\", \"-c\", \"while [ ! -e /fin ]; do sleep 0.1; done\"], \
                 readinessProbe: (periodSeconds: 1, exec: (command: [\"sh\", \"-c\", \"echo x >> /veces; [ $(wc -l < /veces) -lt 3 ] || : > /fin\"]))";
    let file = world.write("sonda.ron", &pod("sonda", probe));
    let told = world.micropod(&["run", "--rm", "--narra", file.to_str().unwrap()]).ok().err;
    assert_eq!(told.matches("abrir una tubería por la que responda").count(), 1, "{told}");
    // lo que hace el hijo de la primera también se cuenta, y nada más
    assert_eq!(told.matches("convertirse en el programa").count(), 2, "el contenedor y la sonda");
}

#[test]
fn una_orden_de_varias_lineas_se_cuenta_como_se_teclea() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("lineas.ron", &pod("lineas", "command: [\"true\"]"));
    let told = world.micropod(&["run", "--dry-run", file.to_str().unwrap()]).ok().out;
    let at = told.find("$ nft -f - <<'FIN'").expect("la tabla de nft");
    let mut lines = told[at..].lines().skip(1).take_while(|line| !line.contains("nft(8)"));
    assert!(lines.all(|line| line.starts_with("      > ")), "{}", &told[at..at + 400]);
}

#[test]
fn el_ensayo_se_cuenta_en_el_orden_en_que_pasaria() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("orden.ron", &pod("orden", "command: [\"true\"]"));
    let real = world.micropod(&["run", "--rm", "--narra", file.to_str().unwrap()]).ok().err;
    let dry = world.micropod(&["run", "--dry-run", file.to_str().unwrap()]).ok().out;
    let goals = |told: &str| -> Vec<String> {
        let steps = told.lines().filter(|l| l.get(..3).is_some_and(|n| n.trim().parse::<u32>().is_ok()));
        steps.map(|l| l[5..].to_string()).collect()
    };
    let (real, dry) = (goals(&real), goals(&dry));
    // lo que el ensayo cuenta y la realidad también, en el mismo orden: la pausa, cuando ya tiene red
    let known = |all: &[String], other: &[String]| -> Vec<String> {
        all.iter().filter(|g| other.contains(g)).cloned().collect()
    };
    let (told, happened) = (known(&dry, &real), known(&real, &dry));
    assert!(told.len() > 60, "{told:#?}");
    let at = |wanted: &str| told.iter().position(|g| g.contains(wanted)).unwrap();
    assert!(at("crear un par veth") < at("dar al Pod su dirección"));
    assert_eq!(told, happened[..told.len()]);
}
