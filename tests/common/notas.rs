//! Pods que dejan notas: lo que hacen sus contenedores se lee en ficheros del test, y lo demás, en
//! `/proc`.

#![allow(dead_code)] // cada fichero de tests usa solo una parte

use super::{World, wait_until};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Un Pod que deja lo que cuenta en el directorio `notas` del test, montado en `/n`.
pub fn pod(name: &str, fields: &str, containers: &str) -> String {
    let volume = "volumes: [(name: \"n\", hostPath: (path: \"notas\", type: DirectoryOrCreate))],";
    format!("Pod(metadata: (name: \"{name}\"), spec: ({volume} {fields} containers: [{containers}]))")
}

/// Un contenedor de busybox que ejecuta una línea de shell.
pub fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], \
         volumeMounts: [(name: \"n\", mountPath: \"/n\")], {fields}),"
    )
}

pub fn file(world: &World, name: &str, text: &str) -> String {
    world.write(&format!("{name}.ron"), text).to_str().unwrap().to_string()
}

pub fn start(world: &World, name: &str, text: &str) {
    world.micropod(&["run", "-d", &file(world, name, text)]).ok();
}

pub fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

/// Las líneas que han dejado los contenedores en `notas/NOMBRE`.
pub fn noted(world: &World, name: &str) -> Vec<String> {
    let text = fs::read_to_string(world.dir().join("notas").join(name)).unwrap_or_default();
    text.lines().map(String::from).collect()
}

/// Los pid (del mundo) cuya línea de comandos es `text`.
pub fn pids_of(world: &World, text: &str) -> Vec<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

pub fn pid_of(world: &World, text: &str) -> i32 {
    wait_until(text, 5, || !pids_of(world, text).is_empty());
    pids_of(world, text)[0]
}

/// El inodo de un espacio de nombres de un proceso del mundo.
pub fn namespace(world: &World, pid: i32, name: &str) -> u64 {
    fs::metadata(world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino()
}

/// Cuándo nació un proceso, en tics desde que arrancó la máquina.
pub fn born(world: &World, pid: i32) -> u64 {
    let stat = world.read(&format!("/proc/{pid}/stat"));
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// ¿Escucha alguien en ese puerto, en la red de ese proceso? (`0A` es LISTEN para el kernel.)
pub fn listens(world: &World, pid: i32, port: u16) -> bool {
    let tables = ["tcp", "tcp6"].map(|name| world.read(&format!("/proc/{pid}/net/{name}")));
    let wanted = format!(":{port:04X}");
    let listening = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() > 3 && fields[1].ends_with(&wanted) && fields[3] == "0A"
    };
    tables.iter().flat_map(|table| table.lines()).any(listening)
}
