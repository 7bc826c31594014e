//! Mil Pods a la vez: direcciones, cables, vecinos y procesos, contados en el kernel.

mod common;
use common::{World, is_root, wait_until};
use std::collections::HashSet;
use std::fs;

const PODS: usize = 1000;

fn sleeper(name: &str) -> String {
    format!(
        r#"Pod(metadata: (name: "{name}"), spec: (terminationGracePeriodSeconds: 0,
            containers: [(name: "c", image: "busybox", command: ["/bin/sleep", "100000"])]))"#
    )
}

/// Los extremos de cable que hay en el anfitrión del mundo.
fn veths(world: &World) -> usize {
    world.sh("ip -br link").lines().filter(|line| line.starts_with("mp0")).count()
}

#[test]
fn caben_mil_pods_a_la_vez_y_de_ninguno_queda_nada() {
    if !is_root() {
        return;
    }
    if std::env::var_os("MICROPOD_VM").is_some() {
        return common::omitted("sin KVM, mil Pods tardarían demasiado; es lo mismo que en la máquina");
    }
    let world = World::with_busybox();
    for i in 0..PODS {
        world.write(&format!("m{i}.ron"), &sleeper(&format!("m{i}")));
    }
    // de cuatro en cuatro, para que también se peleen por las direcciones y por crear el puente
    let binary = common::binary().display().to_string();
    world.sh(&format!("seq 0 {} | xargs -P 4 -I@ {binary} run -d m@.ron >/dev/null", PODS - 1));

    let names: HashSet<String> = fs::read_dir(world.path("/run/micropod/ips"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), PODS, "una dirección cada uno");
    assert_eq!(veths(&world), PODS, "un cable cada uno");
    let neighbours = world.sh("ip neigh show dev micropod0 nud permanent");
    let known = names.iter().filter(|ip| neighbours.contains(&format!("{ip} lladdr"))).count();
    assert_eq!(known, PODS, "todos apuntados, aunque la tabla de vecinos sea más pequeña");
    let sleeping = world.processes().iter().filter(|(_, line)| line == "/bin/sleep 100000").count();
    assert_eq!(sleeping, PODS);

    let table = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
    assert_eq!(table.lines().filter(|line| line.contains(" Running ")).count(), PODS);
    // los más lejanos se hablan, en las dos direcciones
    for (from, to) in [(0, PODS - 1), (PODS - 1, 0)] {
        let wide = world.micropod(&["get", "pod", &format!("m{to}"), "-o", "wide", "--no-headers"]).ok().out;
        let ip = wide.split_whitespace().find(|word| names.contains(*word)).unwrap().to_string();
        // nadie escucha ahí, y que lo diga prueba que el otro ha contestado
        let said = world.micropod(&["exec", &format!("m{from}"), "--", "nc", "-w", "5", &ip, "9"]).err;
        assert!(said.contains("Connection refused"), "m{from} no llega a m{to}: {said}");
    }

    let all: Vec<String> = (0..PODS).map(|i| format!("m{i}")).collect();
    let mut delete = vec!["delete", "pod"];
    delete.extend(all.iter().map(String::as_str));
    world.micropod(&delete).ok();
    // mil redes tardan más que una en desaparecer
    wait_until("que se vayan los mil cables", 60, || veths(&world) == 0);
    world.assert_clean();
    common::figure("pods", PODS, 0);
}

#[test]
fn un_puente_lleno_se_dice_y_no_deja_nada_a_medias() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    world.write("p.ron", &sleeper("p"));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    world.micropod(&["delete", "pod", "p"]).ok();
    // cables de nadie, hasta llenar el puente
    let mut batch = String::new();
    for i in 0..1023 {
        batch += &format!("link add v{i} master micropod0 type veth peer name w{i}\n");
    }
    world.write("cables", &batch);
    world.sh("ip -batch cables");
    let before: HashSet<String> = world.leftovers().into_iter().collect();
    let said = world.micropod(&["run", "p.ron"]).exits(1).err;
    assert!(said.contains("1.023 cables"), "{said}");
    let after: HashSet<String> = world.leftovers().into_iter().collect();
    // solo la ficha y lo grabado de su vida, que cuentan que falló: se quedan hasta que se borra
    let told = |what: &&String| what.contains("/pods/p") || what.ends_with("/log/micropod/p");
    let new: Vec<&String> = after.difference(&before).filter(|what| !told(what)).collect();
    assert_eq!(new, Vec::<&String>::new());
    // quitarlos de uno en uno costaría medio minuto: se van con el mundo
    world.expect_leftovers();
}
