//! Los límites que pone el guion son los que pone micropod, fichero a fichero del cgroup.

mod common;

use common::guion::{Made, assert_same, by_micropod, by_script, undo};
use common::in_vm;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const LIMITED: &str = r#"Pod(
    metadata: (name: "justo"),
    spec: (
        terminationGracePeriodSeconds: 1,
        resources: (limits: (memory: "96Mi", cpu: "800m", pids: "60")),
        containers: [
            (name: "uno", image: "busybox", command: ["sleep", "3001"],
             resources: (requests: (cpu: "100m", memory: "16Mi"), limits: (cpu: "250m", memory: "32Mi"))),
            (name: "dos", image: "busybox", command: ["sleep", "3002"], resources: (requests: (cpu: "300m"))),
        ],
    ),
)"#;

/// Los ajustes de un cgroup: lo que se puede escribir en él y leer de vuelta.
fn settings(group: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(group).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        // quién hay dentro y cuánto espera cambian solos; lo demás se queda como se dejó
        let moves =
            ["cgroup.procs", "cgroup.threads"].contains(&name.as_str()) || name.ends_with(".pressure");
        if entry.file_type().unwrap().is_file() && mode & 0o600 == 0o600 && !moves {
            found.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
    found
}

/// El cgroup v2 de un proceso, visto desde el test.
fn group_of(made: &Made, pid: i32) -> PathBuf {
    let text = made.read(pid, "cgroup");
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap();
    Path::new("/sys/fs/cgroup").join(path)
}

/// Los ajustes del cgroup del Pod, que está encima de los de sus contenedores, y los de cada uno.
fn limits(made: &Made) -> BTreeMap<String, String> {
    let uno = group_of(made, made.pids[0]);
    let groups = [
        ("Pod", uno.parent().unwrap().to_path_buf()),
        ("uno", uno.clone()),
        ("dos", group_of(made, made.pids[1])),
    ];
    let one = |(who, group): &(&str, PathBuf)| {
        let named = |(file, value)| (format!("{who}: {file}"), value);
        settings(group).into_iter().map(named).collect::<Vec<_>>()
    };
    groups.iter().flat_map(one).collect()
}

#[test]
fn el_guion_pone_los_mismos_limites_que_micropod() {
    if !in_vm() {
        return;
    }
    let (real, scripted) = (by_micropod(LIMITED, "justo"), by_script(LIMITED, "justo"));
    let (expected, found) = (limits(&real), limits(&scripted));
    // que se comparan límites puestos, y no los que trae un cgroup recién hecho
    for (file, value) in [
        ("Pod: memory.max", "100663296"),
        ("Pod: pids.max", "60"),
        ("Pod: cpu.max", "80000 100000"),
        ("uno: memory.max", "33554432"),
        ("uno: memory.swap.max", "0"),
        ("uno: memory.oom.group", "1"),
        ("uno: cpu.max", "25000 100000"),
        ("dos: memory.max", "max"),
    ] {
        assert_eq!(expected[file].trim(), value, "{file}: {expected:#?}");
    }
    assert_ne!(expected["dos: cpu.weight"], expected["uno: cpu.weight"]);
    assert_same(&expected, &found);
    // y lo demás es igual, también con límites
    assert_same(&real.seen(), &scripted.seen());
    real.world.micropod(&["delete", "pod", "justo", "--now"]).ok();
    undo(&scripted, "justo");
}
