//! Promesas E: los escapes que ya le pasaron a otros, intentados de principio a fin.

mod aislamiento;
mod common;

use aislamiento::{image_root, plant_program};
use common::{World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Un Pod de un contenedor de busybox que ejecuta una línea de shell.
fn pod(name: &str, line: &str, fields: &str, pod_fields: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, {pod_fields} \
         containers: [(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields})]))"
    )
}

fn executable(path: &std::path::Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn e1_desde_dentro_no_se_puede_reescribir_el_ejecutable_de_micropod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let attack = aislamiento::built("MICROPOD_REESCRIBE", "aislamiento/reescribe.c");
    plant_program(&world, "reescribe", &attack);
    let root = image_root(&world);
    for loader in ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"] {
        let loader = root.join(loader);
        fs::create_dir_all(loader.parent().unwrap()).unwrap();
        fs::copy(&attack, &loader).unwrap();
        fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
    }
    executable(&root.join("bin/cebo"), "#!/proc/self/exe\n");
    // una copia: si el ataque sale bien, que no sea el binario de los demás tests
    let copy = world.dir().join("micropod");
    fs::copy(common::binary(), &copy).unwrap();
    let file = world.write("caza.ron", &pod("caza", "exec /bin/reescribe caza", "", ""));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    // se lee desde fuera: un exec más, con el otro binario, sería también presa
    let hunter = || world.processes().into_iter().find(|(_, line)| line == "/bin/reescribe caza");
    wait_until("que corra quien caza", 5, || hunter().is_some());
    let seen = world.path(&format!("/proc/{}/root/resultado", hunter().unwrap().0));
    let result = || fs::read_to_string(&seen).unwrap_or_default();
    for _ in 0..200 {
        common::run(world.command(&copy).args(["exec", "caza", "--", "/bin/cebo"]));
        if !result().is_empty() {
            break;
        }
    }
    wait_until("que el ataque llegue al final", 20, || !["", "CAZADO"].contains(&result().as_str()));
    assert_eq!(result(), "EROFS", "el ejecutable de fuera se ha podido abrir para escribir");
    world.micropod(&["delete", "pod", "caza"]).ok();
}
