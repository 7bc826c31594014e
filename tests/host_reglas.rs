//! Reglas de un Pod que solo se ven en los ficheros de la máquina.

mod common;

use common::notas::{delete, file, pid_of};
use common::{World, is_root};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn pod(kind: &str, path: &str) -> String {
    format!(
        "Pod(metadata: (name: \"ruta\"), spec: (volumes: [(name: \"v\", hostPath: (path: \"{path}\", type: {kind}))], \
         containers: [(name: \"c\", image: \"busybox\", command: [\"sleep\", \"3601\"], \
         volumeMounts: [(name: \"v\", mountPath: \"/v\")])]))"
    )
}

#[test]
fn un_hostpath_que_falta_se_crea_como_dice_su_tipo_y_sin_padres_si_es_un_fichero() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let run = |text: &str| world.micropod(&["run", "-d", &file(&world, "ruta", text)]);
    let mode = |path: &str| fs::metadata(world.dir().join(path)).unwrap().permissions().mode() & 0o7777;
    run(&pod("DirectoryOrCreate", "a/b/c")).ok();
    pid_of(&world, "sleep 3601");
    assert!(world.dir().join("a/b/c").is_dir());
    assert_eq!((mode("a"), mode("a/b/c")), (0o755, 0o755));
    delete(&world, "ruta");
    run(&pod("FileOrCreate", "fichero")).ok();
    pid_of(&world, "sleep 3601");
    assert_eq!((fs::read(world.dir().join("fichero")).unwrap().len(), mode("fichero")), (0, 0o644));
    delete(&world, "ruta");
    let done = run(&pod("FileOrCreate", "x/y/fichero"));
    assert_ne!(done.code, 0, "el directorio no se crea: {}", done.out);
    assert!(!world.dir().join("x").exists());
    world.micropod(&["delete", "pod", "ruta", "--ignore-not-found"]);
    for (kind, path) in [("Directory", "fichero"), ("File", "a"), ("Socket", "fichero"), ("File", "nada")] {
        let done = run(&pod(kind, path)).exits(1);
        assert!(done.err.contains("el volumen `v` pide"), "{kind} {path}: {}", done.err);
        assert!(!world.path("/run/micropod/pods/ruta/pod.json").exists(), "no llega a nacer");
    }
}
