//! Las fichas de otra versión: las de antes se leen, y a las que no se entienden no se les hace daño.

mod aislamiento;
mod common;

use aislamiento::{here, inpod, pid_of, pod};
use common::World;
use serde_json::Value;
use std::fs;

/// Levanta un Pod que duerme y devuelve el pid de su contenedor.
fn sleeper(world: &World, seconds: &str) -> i32 {
    let file = world.write("p.ron", &pod("p", "", "", &format!("exec sleep {seconds}")));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    pid_of(world, &format!("sleep {seconds}"))
}

/// Cambia la ficha del Pod; devuelve la que había.
fn rewrite(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let path = world.path("/run/micropod/pods/p/pod.json");
    let old = fs::read_to_string(&path).unwrap();
    let mut record: Value = serde_json::from_str(&old).unwrap();
    change(&mut record);
    fs::write(&path, record.to_string()).unwrap();
    old
}

#[test]
fn i7_la_ficha_de_otra_version_se_lee_o_se_dice_y_a_su_pod_no_se_le_toca() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let pid = sleeper(&world, "3701");
    // como las de antes de que hubiera formatos, controladores y motores
    rewrite(&world, |record| {
        let record = record.as_object_mut().unwrap();
        assert_eq!(record.remove("format"), Some(1.into()));
        record.remove("owner");
        record.remove("runtime");
    });
    assert!(world.micropod(&["get", "pod", "p", "--no-headers"]).ok().out.contains("Running"));
    assert_eq!(world.micropod(&["exec", "p", "--", "echo", "dentro"]).ok().out, "dentro\n");
    // una que vendrá: lo que dice se entendería mal, o ni se entiende
    let refused = || {
        for args in [&["get", "pod", "p"][..], &["describe", "pod", "p"], &["exec", "p", "--", "true"]] {
            let said = world.micropod(args).exits(1).err;
            assert!(
                said.contains("otra versión de micropod") && said.contains("formato 99"),
                "{args:?}: {said}"
            );
            assert!(said.contains("pista: ") && !said.contains("NotFound"), "{args:?}: {said}");
        }
    };
    let ours = rewrite(&world, |record| record["format"] = 99.into());
    refused();
    rewrite(&world, |record| record["plans"] = "de otra manera".into());
    refused();
    let list = world.micropod(&["get", "pods"]).ok();
    assert!(list.err.contains("`p` corre y no sale aquí"), "{list:?}");
    let kept = |what: &str| {
        world.micropod(&["gc"]).ok();
        assert_eq!(pid_of(&world, "sleep 3701"), pid, "{what}: gc ha matado a un Pod que corría");
        assert_eq!(fs::read_dir(world.path("/var/lib/micropod/pods")).unwrap().count(), 1, "{what}");
        assert_eq!(fs::read_dir(world.path("/run/micropod/ips")).unwrap().count(), 1, "{what}");
        assert!(world.path("/var/log/micropod/p").exists(), "{what}");
    };
    kept("de otra versión");
    world.micropod(&["run", "p.ron"]).exits(1);
    // ni aunque se haya estropeado del todo mientras corre
    fs::write(world.path("/run/micropod/pods/p/pod.json"), "{\"for").unwrap();
    kept("estropeada");
    fs::write(world.path("/run/micropod/pods/p/pod.json"), ours).unwrap();
    world.micropod(&["delete", "pod", "p", "--grace-period=1"]).ok();
    world.assert_clean();
}

#[test]
fn i7_lo_que_dejo_un_pod_de_otra_version_lo_recoge_gc() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    sleeper(&world, "3702");
    rewrite(&world, |record| record["format"] = 99.into());
    let supervisor = world.processes().into_iter().find(|(_, line)| line.contains("p.ron")).unwrap().0;
    world.kill("KILL", supervisor);
    common::wait_until("que muera todo", 5, || world.processes().is_empty());
    world.micropod(&["gc"]).ok();
    world.assert_clean();
    assert_eq!(inpod(&world, "", "", "echo otra vez").1, "otra vez\n");
}
