//! Las tuberías de quien lanza un Pod: quien lee o escribe al otro lado puede irse antes.

mod common;

use common::{Done, World, is_root, run};
use std::path::Path;

fn pod(name: &str, fields: &str, script: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, \
         containers: [(name: \"c\", image: \"busybox\", {fields} command: [\"sh\", \"-c\", \"{script}\"])]))"
    )
}

/// Una línea de shell; `$m` es micropod, y `$f`, el fichero del Pod.
fn shell(world: &World, file: &Path, line: &str) -> Done {
    let binary = common::binary();
    let setup = format!("m={} f={}; {line}", binary.display(), file.display());
    run(world.command("busybox").args(["sh", "-c", &setup]))
}

#[test]
fn si_quien_leia_la_salida_se_va_el_pod_para_en_orden_y_no_queda_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // el que avisa de que le han pedido acabar: nadie lo mata sin más
    let polite = "trap 'echo adios >/tmp/x; exit 0' TERM; while :; do echo hola; done";
    let file = world.write("hablador.ron", &pod("hablador", "", polite));
    let done = shell(&world, &file, "{ $m run --rm $f; echo $? >codigo; } | head -1");
    assert_eq!(done.out, "c │ hola\n");
    // si la pantalla no daba abasto, antes dice cuánto no se ha enseñado, y nada más
    let first =
        done.err.split_once(" bytes de logs sin mostrar: ").and_then(|(_, rest)| rest.split_once('\n'));
    let said = first.map_or(done.err.as_str(), |(_, rest)| rest);
    assert!(said.starts_with("nadie lee ya la salida\nparada ordenada"), "{}", done.err);
    assert_eq!(std::fs::read_to_string(world.dir().join("codigo")).unwrap(), "0\n", "{}", done.err);
    assert!(world.processes().is_empty(), "{:?}", world.processes());
    world.assert_clean();
}

#[test]
fn tambien_para_el_pod_callado_cuyo_lector_se_fue() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("callado.ron", &pod("callado", "", "exec sleep 4002"));
    let done = shell(&world, &file, "$m run --rm $f | true");
    assert!(done.err.contains("nadie lee ya la salida"), "{}", done.err);
    assert!(world.processes().is_empty(), "{:?}", world.processes());
    world.assert_clean();
}

#[test]
fn los_pods_de_un_replicaset_paran_todos_y_no_nacen_otros() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write(
        "set.ron",
        r#"ReplicaSet(metadata: (name: "web"), spec: (replicas: 2, selector: (matchLabels: {"app": "web"}),
            template: (metadata: (labels: {"app": "web"}), spec: (terminationGracePeriodSeconds: 1, containers: [
                (name: "c", image: "busybox", command: ["sh", "-c", "while :; do echo hola; sleep 0.1; done"])]))))"#,
    );
    let done = shell(&world, &file, "$m run $f | head -1");
    assert_eq!(done.err.matches("crea el Pod").count(), 2, "{}", done.err);
    assert_eq!(done.err.matches("nadie lee ya la salida").count(), 1, "{}", done.err);
    assert!(world.processes().is_empty(), "{:?}", world.processes());
    world.micropod(&["delete", "pods", "--all"]).ok();
    world.assert_clean();
}

#[test]
fn que_nadie_lea_los_errores_no_cambia_la_vida_del_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("narrado.ron", &pod("narrado", "", "echo hola; sleep 0.3; echo sigo; exit 3"));
    for line in [
        "{ $m run --rm --narra $f 2>&1 >salida; echo $? >codigo; } | head -1 >/dev/null",
        "{ $m run --rm --narra $f 2>&1 >salida; echo $? >codigo; } | true",
        "$m run --rm $f >salida 2>&-; echo $? >codigo",
    ] {
        shell(&world, &file, line).ok();
        let read = |name: &str| std::fs::read_to_string(world.dir().join(name)).unwrap();
        assert_eq!(
            (read("salida").as_str(), read("codigo").as_str()),
            ("c │ hola\nc │ sigo\n", "3\n"),
            "{line}"
        );
        world.assert_clean();
    }
}

#[test]
fn con_la_salida_cerrada_de_antemano_el_pod_vive_igual_y_deja_sus_logs() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("cerrado.ron", &pod("cerrado", "", "echo hola; exit 4"));
    let done =
        shell(&world, &file, "$m run $f <&- >&- 2>&-; echo $?; $m logs cerrado; $m delete pod cerrado");
    assert_eq!(done.ok().out, "4\nhola\npod \"cerrado\" deleted\n");
    world.assert_clean();
}

#[test]
fn un_contenedor_que_cierra_su_entrada_no_mata_a_quien_le_escribe() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file =
        world.write("sordo.ron", &pod("sordo", "stdin: true,", "exec <&-; echo cerrada; sleep 1; exit 5"));
    let line = "mkfifo f; $m run --rm $f <f >salida & exec 3>f
        until grep -q cerrada salida; do sleep 0.05; done
        echo una >&3; sleep 0.2; echo otra >&3; wait $!; echo $?";
    assert_eq!(shell(&world, &file, line).ok().out, "5\n");
    world.assert_clean();
}
