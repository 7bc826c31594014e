//! El espacio de nombres de Kubernetes en la línea de comandos: lo que se copia de un curso funciona.

mod common;

use common::{World, is_root};

fn file(world: &World, name: &str, text: &str) -> String {
    world.write(&format!("{name}.ron"), text).to_str().unwrap().to_string()
}

fn pod(name: &str, namespace: &str) -> String {
    let namespace =
        if namespace.is_empty() { String::new() } else { format!(", namespace: \"{namespace}\"") };
    format!(
        "Pod(metadata: (name: \"{name}\", labels: {{\"app\": \"x\"}}{namespace}), spec: (terminationGracePeriodSeconds: 0, containers: [
            (name: \"c\", image: \"busybox\", command: [\"sleep\", \"3021\"])]))"
    )
}

#[test]
fn los_comandos_de_un_curso_con_su_espacio_de_nombres_funcionan() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let of = |name: &str| file(&world, name, &pod(name, if name == "produccion" { "prod" } else { "" }));
    world.micropod(&["create", "-f", &of("suelto")]).ok();
    world.micropod(&["apply", "-f", &of("produccion"), "-n", "prod"]).ok();
    world.micropod(&["apply", "-n", "prod", "-f", &of("puesto")]).ok();
    // el mismo fichero y el mismo espacio de nombres: nada que hacer
    let again = world.micropod(&["apply", "-n", "prod", "-f", &of("puesto")]).ok();
    assert_eq!(again.out, "pod/puesto unchanged\n");
    let inside = world.micropod(&["exec", "puesto", "-n", "prod", "--", "cat", "/proc/1/cmdline"]).ok().out;
    assert_eq!(inside, "sleep\x003021\x00");

    let names = |args: &[&str]| {
        let mut lines = world.micropod(&[&["get", "pods", "-o", "name"], args].concat()).ok().out;
        lines.pop();
        lines
    };
    assert_eq!(names(&["-n", "prod"]), "pod/produccion\npod/puesto");
    assert_eq!(names(&["--namespace=default"]), "pod/suelto");
    assert_eq!(names(&["-A"]), "pod/produccion\npod/puesto\npod/suelto");
    assert_eq!(names(&["-n", "prod", "-l", "app=x"]), "pod/produccion\npod/puesto");
    let table = world.micropod(&["get", "pods", "-A"]).ok().out;
    let first: Vec<&str> = table.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(first, ["NAMESPACE", "prod", "prod", "default"], "{table}");
    let nobody = world.micropod(&["get", "pods", "-n", "otro"]).ok();
    assert_eq!((nobody.out.as_str(), nobody.err.as_str()), ("", "No resources found in otro namespace.\n"));

    // el de otro espacio de nombres no está: ni se enseña, ni se entra, ni se borra
    for args in [
        &["get", "pod", "suelto", "-n", "prod"][..],
        &["describe", "pod", "suelto", "-n", "prod"],
        &["logs", "suelto", "-n", "prod"],
        &["exec", "suelto", "-n", "prod", "--", "true"],
        &["attach", "suelto", "-n", "prod"],
        &["cp", "suelto:/etc/hosts", "/dev/null", "-n", "prod"],
        &["port-forward", "suelto", "80", "-n", "prod"],
        &["wait", "pod/suelto", "--for=condition=Ready", "-n", "prod"],
        &["top", "pod", "suelto", "-n", "prod"],
        &["delete", "pod", "suelto", "-n", "prod"],
    ] {
        let refused = world.micropod(args).exits(1);
        assert!(refused.err.contains("pods \"suelto\" not found"), "{args:?}: {}", refused.err);
        assert!(
            refused.err.contains("pista: está en el espacio de nombres `default`"),
            "{args:?}: {}",
            refused.err
        );
    }
    let seen = world.micropod(&["events", "-n", "prod", "--no-headers"]).ok().out;
    assert!(seen.contains("Pod/puesto") && !seen.contains("Pod/suelto"), "{seen}");
    let seen = world.micropod(&["events", "-A"]).ok().out;
    assert!(seen.starts_with("NAMESPACE   LAST SEEN") && seen.contains("\ndefault     "), "{seen}");

    // lo que dice el fichero no se cambia a escondidas
    let refused = world.micropod(&["apply", "-n", "otro", "-f", &of("produccion")]).exits(2);
    assert!(refused.err.contains("object \"prod\" does not match the namespace \"otro\""), "{}", refused.err);
    let refused = world.micropod(&["create", "-n", "No Vale", "-f", &of("suelto")]).exits(2);
    assert!(refused.err.contains("espacio de nombres `No Vale`"), "{}", refused.err);

    world.micropod(&["delete", "pods", "--all", "-n", "prod"]).ok();
    assert_eq!(names(&["-A"]), "pod/suelto");
    world.micropod(&["delete", "-f", &of("suelto")]).ok();
}

#[test]
fn los_controladores_tambien_tienen_espacio_de_nombres() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let set = "ReplicaSet(metadata: (name: \"web\"), spec: (replicas: 1, selector: (matchLabels: {\"app\": \"w\"}),
        template: (metadata: (labels: {\"app\": \"w\"}), spec: (terminationGracePeriodSeconds: 0, containers: [
            (name: \"c\", image: \"busybox\", command: [\"sleep\", \"3022\"])]))))";
    let web = file(&world, "web", set);
    world.micropod(&["apply", "-n", "prod", "-f", &web]).ok();
    let mine = world.micropod(&["get", "rs", "-n", "prod", "-o", "name"]).ok().out;
    assert_eq!(mine, "replicaset.apps/web\n");
    assert_eq!(world.micropod(&["get", "rs", "-n", "default"]).ok().out, "");
    let table = world.micropod(&["get", "rs", "-A"]).ok().out;
    assert!(table.starts_with("NAMESPACE   NAME") && table.contains("\nprod        web"), "{table}");
    // sus Pods nacen en el suyo
    common::wait_until("que nazca su Pod", 20, || {
        world.micropod(&["get", "pods", "-n", "prod", "-o", "name"]).ok().out.starts_with("pod/web-")
    });
    world.micropod(&["delete", "rs", "web", "-n", "otro"]).exits(1);
    world.micropod(&["delete", "rs", "web", "-n", "prod"]).ok();
}
