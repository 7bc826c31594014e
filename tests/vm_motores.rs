//! Los límites con cada motor: los mismos valores en cgroupfs, y la misma muerte al pasarlos. De aquí sale
//! la otra tabla del capítulo 22.

mod common;

use common::{World, in_vm, only_columns, project, table, wait_until};
use std::fs;

/// Lo que se ha visto con un motor: hecho y valor, en el orden en que se enseñan.
type Facts = Vec<(&'static str, String)>;

/// La tabla que incluye el libro.
const TABLE: &str = "book/tablas/motores-limites.md";

/// Un contenedor con límites: lo que dicen los ficheros de su grupo, y lo que le pasa cuando gasta de más.
fn limits(world: &World, runtime: &str) -> Facts {
    let line = "until [ -e /gasta ]; do sleep 1; done; tail /dev/zero";
    let container = format!(
        "(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", \"{line}\"],
            resources: (limits: (cpu: \"500m\", memory: \"32Mi\")))"
    );
    let text =
        format!("Pod(metadata: (name: \"tope\"), spec: (restartPolicy: Never, containers: [{container}]))");
    let file = world.write("tope.ron", &text);
    let run = || world.micropod(&["run", "-d", "--runtime", runtime, file.to_str().unwrap()]);
    // dockerd da quince segundos a su containerd: sin KVM, y con otros trabajando, no siempre le bastan
    let late =
        |done: &common::Done| runtime == "docker" && done.err.contains("Cannot connect to the Docker daemon");
    let done = (0..3).map(|_| run()).find(|done| !late(done)).expect("dockerd no arranca en tres intentos");
    done.ok();
    let dir = world.cgroup().join("micropod/tope/c");
    // el Pod, lo que pide y además lo que gasta la infraestructura del motor (RuntimeClass.overhead)
    let engine: u64 = match runtime {
        "podman" => 64,
        "containerd" => 128,
        "docker" => 256,
        _ => 0,
    };
    let limit = |file: &str| fs::read_to_string(dir.join("..").join(file)).unwrap().trim().to_string();
    assert_eq!(limit("memory.max"), ((32 + engine) << 20).to_string(), "{runtime}");
    assert_eq!(limit("pids.max"), (512 + engine).to_string(), "{runtime}");
    let mut facts = Facts::new();
    for file in ["memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight", "pids.max"] {
        let text = fs::read_to_string(dir.join(file)).unwrap_or_else(|e| panic!("{runtime} {file}: {e}"));
        facts.push((file, text.trim().to_string()));
    }
    let shell = || world.processes().into_iter().find(|(_, text)| text.contains("[ -e /gasta ]"));
    wait_until("que corra su programa", 30, || shell().is_some_and(|(_, text)| text.starts_with("/bin/sh")));
    let pid = shell().unwrap().0;
    let proven = world.micropod(&["demuestra", "tope"]).ok().out;
    for claim in ["el Pod tiene los límites que pide", "c tiene los límites que pide"] {
        assert!(proven.contains(&format!("[demostrado] {claim}")), "{runtime}: {proven}");
    }
    // el de podman, el de containerd y el de docker cuelgan del que les hacemos
    let inside = world.read(&format!("/proc/{pid}/cgroup")).contains("/micropod/tope/c");
    facts.push(("está en su grupo", if inside { "sí" } else { "no" }.to_string()));
    fs::write(world.path(&format!("/proc/{pid}/root/gasta")), "").unwrap();
    world.micropod(&["wait", "--for=jsonpath={.status.phase}=Failed", "pod", "tope", "--timeout=300s"]).ok();
    let status = world.read("/run/micropod/pods/tope/status.json");
    assert!(status.contains("OOMKilled"), "{runtime}: no es falta de memoria\n{status}");
    let code = if status.contains("\"exit_code\":137") { "137 OOMKilled" } else { "OOMKilled" };
    facts.push(("pasa de su memoria", code.to_string()));
    world.micropod(&["delete", "pod", "tope", "--grace-period=1"]).ok();
    facts
}

#[test]
fn con_cada_motor_los_limites_son_los_mismos_y_quien_los_pasa_muere_igual() {
    if !in_vm() {
        return;
    }
    let mut world = World::with_busybox();
    let runtimes = world.runtimes();
    let columns: Vec<Facts> = runtimes.iter().map(|runtime| limits(&world, runtime)).collect();
    let text = table(&columns);
    assert!(columns[0].contains(&("memory.max", "33554432".to_string())), "{text}");
    for (facts, runtime) in columns.iter().zip(runtimes).skip(1) {
        assert_eq!(*facts, columns[0], "{runtime}\n{text}");
    }
    let kept = fs::read_to_string(project().join(TABLE)).unwrap_or_default();
    assert_eq!(
        only_columns(&kept, columns.len()),
        text,
        "la tabla ha cambiado: escribe esto en {TABLE}\n{text}"
    );
}
