//! Los verbos que miran y los que tocan, con Pods de verdad: lo que dicen, comparado con el kernel.

mod common;
#[allow(dead_code)]
mod kubectl;

use common::{World, is_root, wait_until};
use kubectl::Api;
use serde_json::Value;

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

/// Deja en marcha un Pod. `metadata` y `spec`: lo que va además del nombre y de los contenedores.
fn start(world: &World, name: &str, metadata: &str, spec: &str, containers: &str) {
    let text =
        format!("Pod(metadata: (name: \"{name}\", {metadata}), spec: ({spec} containers: [{containers}]))");
    let file = world.write(&format!("{name}.ron"), &text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Lo que imprime `get pod NOMBRE -o jsonpath=…`.
fn ask(world: &World, name: &str, path: &str) -> String {
    world.micropod(&["get", "pod", name, "-o", &format!("jsonpath={path}")]).ok().out
}

#[test]
fn lo_que_dice_el_objeto_es_lo_que_hay_en_el_kernel() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "cierto", "labels: {\"app\": \"web\"},", "", &shell("c", "exec sleep 3001", ""));
    let pids = world.processes();
    let (pid, _) = pids.iter().find(|(_, line)| line == "sleep 3001").expect("corre");
    let address = world.sh(&format!("nsenter -t {pid} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
    let ip = ask(&world, "cierto", "{.status.podIP}");
    assert_eq!(address.trim().split('/').next(), Some(ip.as_str()));
    let uid = ask(&world, "cierto", "{.metadata.uid}");
    assert!(world.path(&format!("/var/lib/micropod/pods/{uid}/c.0/upper")).is_dir(), "{uid}");
    let root = ask(&world, "cierto", "{.status.containerStatuses[0].imageID}");
    let root = root.strip_prefix("file://").unwrap();
    let layers = world.read(&format!("/proc/{pid}/mountinfo"));
    assert!(layers.contains(&format!("lowerdir={root}")), "{root} no está en\n{layers}");
    assert_eq!(ask(&world, "cierto", "{.spec.nodeName}"), world.read("/proc/sys/kernel/hostname").trim());
    // las otras formas dicen lo mismo
    let yaml = world.micropod(&["get", "pod/cierto", "-o", "yaml"]).ok().out;
    assert!(
        yaml.contains(&format!("\n  podIP: {ip}\n")) && yaml.starts_with("apiVersion: v1\nkind: Pod\n"),
        "{yaml}"
    );
    let columns =
        world.micropod(&["get", "pods", "-o", "custom-columns=P:.metadata.name,IP:.status.podIP"]).ok();
    assert_eq!(columns.out, format!("P        IP\ncierto   {ip}\n"));
    let table = world.micropod(&["get", "pods", "-l", "app in (web)", "-L", "app", "--no-headers"]).ok().out;
    let cells: Vec<&str> = table.split_whitespace().collect();
    assert_eq!((cells[0], cells[1], cells[2], cells[3], cells[5]), ("cierto", "1/1", "Running", "0", "web"));
    let none = world.micropod(&["get", "pods", "-l", "app!=web"]).ok();
    assert_eq!((none.out.as_str(), none.err.as_str()), ("", "No resources found in default namespace.\n"));
    let some = world.micropod(&["get", "pods", "cierto", "falso", "-o", "name"]).exits(1);
    assert_eq!(some.out, "pod/cierto\n");
    assert!(some.err.starts_with("Error from server (NotFound): pods \"falso\" not found\n"), "{}", some.err);
    delete(&world, "cierto");
}

#[test]
fn el_kubectl_de_verdad_ensena_del_mismo_objeto_la_misma_ficha() {
    let Some(program) = kubectl::find() else { return };
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let web = "ports: [(containerPort: 80, hostPort: 8080)], env: [(name: \"MODO\", value: \"clase\")],
        volumeMounts: [(name: \"web\", mountPath: \"/w\"), (name: \"casa\", mountPath: \"/casa\", readOnly: true)],
        livenessProbe: (tcpSocket: (port: 80), periodSeconds: 60), readinessProbe: (exec: (command: [\"true\"]))";
    let containers =
        shell("web", "exec sleep 3002", web) + &shell("roto", "echo fin >/dev/termination-log; exit 3", "");
    let init = format!("initContainers: [{}],", shell("antes", "exit 0", ""));
    let spec = format!(
        "{init} volumes: [(name: \"web\", emptyDir: (sizeLimit: \"1024Ki\")), (name: \"casa\", hostPath: (path: \".\"))],"
    );
    start(&world, "ficha", "annotations: {\"curso\": \"pods\\nde verdad\"},", &spec, &containers);
    wait_until("que el roto espere", 10, || {
        ask(&world, "ficha", "{.status.containerStatuses[1].state.waiting.reason}") == "CrashLoopBackOff"
    });
    let object: Value =
        serde_json::from_str(&world.micropod(&["get", "pod", "ficha", "-o", "json"]).ok().out).unwrap();
    let api = Api::serve(program, vec![object], Vec::new());
    let ours =
        world.command(common::binary()).env("TZ", "UTC").args(["describe", "pod", "ficha"]).output().unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    let until_events = |text: &str| text.split("\nEvents:").next().unwrap().to_string();
    assert_eq!(until_events(&ours), until_events(&api.out(&["describe", "pod", "ficha"])));
    delete(&world, "ficha");
}
