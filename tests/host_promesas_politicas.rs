//! Promesas K: qué Pods se admiten con cada `--policy`, y que `lab` aguanta a un alumno con ganas.

mod aislamiento;
mod common;

use aislamiento::{down, here, image_root, pid_of, pod};
use common::{Done, World, is_root};
use std::fs;
use std::os::unix::fs::symlink;

fn run(world: &World, policy: &str, name: &str, text: &str) -> Done {
    let file = world.write(&format!("lab/{name}.ron"), text);
    world.micropod(&["run", "--policy", policy, file.to_str().unwrap()])
}

#[track_caller]
fn refused(world: &World, policy: &str, text: &str, field: &str) {
    let said = run(world, policy, "no", text).exits(2).err;
    assert!(said.contains(field) && said.contains("política"), "{field}: {said}");
    world.assert_clean();
}

#[test]
fn k1_baseline_rechaza_cada_puerta_y_admite_lo_demas() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let security = |inside: &str| pod("no", "", &format!("securityContext: ({inside})"), "true");
    for (text, field) in [
        (pod("no", "hostNetwork: true,", "", "true"), "hostNetwork"),
        (security("privileged: true"), "privileged"),
        (security("capabilities: (add: [\"SYS_ADMIN\"])"), "SYS_ADMIN"),
        (security("procMount: Unmasked"), "procMount"),
        (security("seccompProfile: (type: Unconfined)"), "seccompProfile"),
        (pod("no", "volumes: [(name: \"h\", hostPath: (path: \"/etc\"))],", "", "true"), "hostPath"),
        (pod("no", "", "ports: [(containerPort: 80, hostPort: 8080)]", "true"), "hostPort"),
        (pod("no", "", "livenessProbe: (tcpSocket: (port: 1, host: \"1.1.1.1\"))", "true"), "host"),
    ] {
        for policy in ["baseline", "restricted", "lab"] {
            if !(policy == "lab" && field == "hostPath") {
                refused(&world, policy, &text, field);
            }
        }
    }
    run(&world, "baseline", "si", &pod("si", "", "", "true")).ok();
    world.micropod(&["delete", "pod", "si"]).ok();
    let said = run(&world, "estricta", "no", &pod("no", "", "", "true")).exits(2).err;
    assert!(said.contains("baseline") && said.contains("restricted"), "{said}");
}

#[test]
fn k2_restricted_exige_por_escrito_y_lo_que_admite_corre_sin_ningun_poder() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    refused(&world, "restricted", &pod("no", "", "", "true"), "runAsNonRoot");
    let context =
        "securityContext: (runAsNonRoot: true, runAsUser: 1000, seccompProfile: (type: RuntimeDefault)),";
    let fields = "securityContext: (allowPrivilegeEscalation: false, capabilities: (drop: [\"ALL\"]))";
    let file = world.write("lab/si.ron", &pod("si", context, fields, "exec sleep 3602"));
    world.micropod(&["run", "-d", "--policy", "restricted", file.to_str().unwrap()]).ok();
    let pid = pid_of(&world, "sleep 3602");
    for field in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
        assert_eq!(aislamiento::status(&world, pid, field), "0000000000000000", "{field}");
    }
    assert_eq!(aislamiento::status(&world, pid, "Uid"), "1000 1000 1000 1000");
    assert_eq!(aislamiento::status(&world, pid, "Seccomp"), "2");
    down(&world, "si");
}

/// Un Pod que monta `path` en /d y ejecuta una línea.
fn mounting(path: &str, kind: &str, line: &str) -> String {
    let volume = format!("volumes: [(name: \"h\", hostPath: (path: \"{path}\"{kind}))],");
    pod("lab", &volume, "volumeMounts: [(name: \"h\", mountPath: \"/d\")]", line)
}

#[test]
fn k_lab_host_path_no_sale_del_directorio_del_ejercicio_ni_con_enlaces() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = world.write("fuera/v", "a salvo");
    let victim = victim.parent().unwrap();
    world.write("lab/datos/x", "dentro");
    let lab = world.dir().join("lab");
    symlink(victim, lab.join("salida")).unwrap();
    symlink("../fuera", lab.join("subida")).unwrap();
    symlink("datos", lab.join("dentro")).unwrap();
    symlink("/proc/self/root", lab.join("magia")).unwrap();
    let read = "cat /d/* 2>/dev/null; touch /d/creado; true";
    for path in ["salida", "subida", "magia/etc", "salida/nuevo"] {
        for kind in ["", ", type: DirectoryOrCreate", ", type: Directory", ", type: FileOrCreate"] {
            let done = run(&world, "lab", "lab", &mounting(path, kind, read));
            assert_ne!(done.code, 0, "{path}{kind}: {done:?}");
            let names: Vec<_> = fs::read_dir(victim).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["v"], "{path}{kind}: han creado algo fuera");
            world.micropod(&["delete", "pod", "lab", "--ignore-not-found"]);
        }
    }
    for path in ["datos", "./datos", "dentro", &format!("{}/datos", lab.display())] {
        run(&world, "lab", "lab", &mounting(path, "", "grep -q dentro /d/x")).ok();
        world.micropod(&["delete", "pod", "lab"]).ok();
    }
    run(&world, "lab", "lab", &mounting("hecho/aqui", ", type: DirectoryOrCreate", "touch /d/y")).ok();
    assert!(lab.join("hecho/aqui/y").exists());
    world.micropod(&["delete", "pod", "lab"]).ok();
    // sin la política, quien escribe el Pod manda: el enlace se sigue
    let file = world.write("lab/lab.ron", &mounting("salida", "", "grep -q salvo /d/v"));
    world.micropod(&["run", file.to_str().unwrap()]).ok();
    world.micropod(&["delete", "pod", "lab"]).ok();
}

#[test]
fn k_lab_un_contenedor_que_cambia_su_carpeta_no_saca_al_siguiente() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = world.write("fuera/v", "a salvo");
    world.write("lab/datos/x", "dentro");
    // el primero monta la carpeta y cambia sin parar lo que va a montar el segundo
    let target = format!("{}/fuera", world.dir().display());
    let swap = format!("cd /d; while :; do rm -rf otro; ln -s {target} otro; rm -f otro; mkdir otro; done");
    let file = world.write("lab/primero.ron", &mounting(".", "", &swap).replace("\"lab\"", "\"primero\""));
    world.micropod(&["run", "-d", "--policy", "lab", file.to_str().unwrap()]).ok();
    let second = mounting("otro", ", type: DirectoryOrCreate", "ls /d; touch /d/creado")
        .replace("\"lab\"", "\"segundo\"");
    let file = world.write("lab/segundo.ron", &second);
    for _ in 0..25 {
        world.micropod(&["run", "--policy", "lab", file.to_str().unwrap()]);
        let said = world.micropod(&["logs", "segundo"]).out;
        assert!(!said.lines().any(|l| l == "v"), "ha visto lo de fuera: {said}");
        world.micropod(&["delete", "pod", "segundo", "--ignore-not-found"]);
    }
    let names: Vec<_> =
        fs::read_dir(victim.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["v"], "han creado algo fuera");
    down(&world, "primero");
}

#[test]
fn k_lab_la_imagen_de_la_maquina_no_se_admite() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    assert!(image_root(&world).exists());
    for image in ["host", "host:latest"] {
        refused(&world, "lab", &pod("no", "", "", "true").replace("busybox", image), "image");
    }
}
