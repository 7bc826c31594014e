//! El disco de los logs se llena mientras corre un Pod: ni se para ni muere, y lo que falta se dice.

mod common;

use common::notas::{noted, pod, shell, start};
use common::{World, is_root, wait_until};

/// Las líneas del log, que han de ser todas enteras: hora, salida, marca y texto.
fn lines(world: &World) -> Vec<String> {
    let text = world.read("/var/log/micropod/lleno/c/0.log");
    assert!(text.is_empty() || text.ends_with('\n'), "la última línea está a medias");
    for line in text.lines() {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        let whole = parts.len() == 4 && parts[0].ends_with('Z') && ["stdout", "stderr"].contains(&parts[1]);
        assert!(whole && ["F", "P"].contains(&parts[2]), "no es una línea: {line:?}");
    }
    text.lines().map(String::from).collect()
}

fn last_number(world: &World) -> u32 {
    noted(world, "cuenta").first().and_then(|line| line.parse().ok()).unwrap_or(0)
}

#[test]
fn con_el_disco_de_los_logs_lleno_el_pod_sigue_y_cuando_hay_sitio_se_dice_lo_que_falta() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.sh("mount -o remount,size=256k /var/log/micropod");
    // cada línea, de un kibibyte y con su número; la cuenta, también en un volumen
    let line = "i=0; t=$(head -c 1000 /dev/zero | tr '\\0' x); \
        while :; do i=$((i+1)); echo $i $t; echo $i >/n/c.tmp; mv /n/c.tmp /n/cuenta; sleep 0.02; done";
    start(&world, "lleno", &pod("lleno", "terminationGracePeriodSeconds: 0,", &shell("c", line, "")));
    wait_until("que empiece a escribir", 20, || lines(&world).len() > 3);
    let free = || world.sh("df -k /var/log/micropod | tail -1 | awk '{print $4}'");
    wait_until("que el disco se llene", 60, || free().trim().parse::<u32>().unwrap() < 8);

    // lleno: el contenedor no se detiene, y el supervisor atiende
    let before = last_number(&world);
    wait_until("que el contenedor siga", 30, || last_number(&world) > before + 50);
    lines(&world);
    let status = world.micropod(&["get", "pod", "lleno", "--no-headers"]).ok().out;
    let cells: Vec<&str> = status.split_whitespace().collect();
    assert_eq!(cells[..4], ["lleno", "1/1", "Running", "0"], "{status}");

    // vuelve a haber sitio: el log sigue donde debe, y dice cuánto falta
    let kept = lines(&world).len();
    world.sh("mount -o remount,size=4m /var/log/micropod");
    wait_until("que vuelva a escribir", 30, || lines(&world).len() > kept + 5);
    let all = lines(&world);
    let gap = all.iter().position(|line| line.contains("micropod: aquí faltan ")).expect("no se dice");
    let number = |line: &str| line.split(' ').nth(3).and_then(|n| n.parse::<u32>().ok());
    let (before, after) = (number(&all[gap - 1]).unwrap(), number(&all[gap + 1]).unwrap());
    assert!(after > before + 1, "{before} … {after}");
    let told: u64 = all[gap].split("faltan ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let missing = u64::from(after - before - 1);
    assert!((missing * 1000..missing * 1100).contains(&told), "faltan {missing} líneas y se dice {told}");
    world.micropod(&["delete", "pod", "lleno"]).ok();
}
