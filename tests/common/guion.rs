//! El mismo Pod hecho dos veces, por micropod y por su guion, y lo que el kernel dice de cada uno.

#![allow(dead_code)] // cada fichero de tests usa solo una parte

use super::{World, run, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Lo que se ve de un Pod: una línea por cosa, con lo que no puede ser igual cambiado por un nombre.
pub type Seen = BTreeMap<String, String>;

pub struct Made {
    pub world: World,
    pub pids: [i32; 2],
    pause: i32,
    /// El directorio de los datos del Pod.
    data: String,
}

pub fn pid_of(world: &World, line: &str) -> i32 {
    let found = || world.processes().into_iter().find(|(_, l)| l == line).map(|(pid, _)| pid);
    wait_until(line, 10, || found().is_some());
    found().unwrap()
}

/// El Pod, hecho por micropod.
pub fn by_micropod(text: &str, name: &str) -> Made {
    let world = World::with_busybox();
    let file = world.write("pod.ron", text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    let pids = ["sleep 3001", "sleep 3002"].map(|line| pid_of(&world, line));
    let pause = world.processes().into_iter().map(|(pid, _)| pid);
    let comm = |pid: &i32| world.read(&format!("/proc/{pid}/comm")).trim() == "micropod: pausa";
    let pause = pause.clone().find(comm).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&world.read(&format!("/run/micropod/pods/{name}/pod.json"))).unwrap();
    let data = format!("/var/lib/micropod/pods/{}", json["uid"].as_str().unwrap());
    Made { world, pids, pause, data }
}

/// El guion, desde una shell sin más descriptores que los tres de siempre: los que hereda no los
/// puede cerrar él, y lo dice.
pub fn shell(world: &World, script: &Path) -> Command {
    let clean = r#"for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
        exec /bin/sh "$0""#;
    let mut command = world.command("busybox");
    command.args(["sh", "-c", clean]).arg(script);
    command
}

/// El Pod, hecho por el guion.
pub fn by_script(text: &str, name: &str) -> Made {
    let world = World::with_busybox();
    let file = world.write("pod.ron", text);
    let script = world.micropod(&["guion", file.to_str().unwrap()]).ok().out;
    let script = world.write("pod.sh", &script);
    let said = run(&mut shell(&world, &script)).ok();
    assert!(said.out.contains("para deshacerlo"), "{said:?}");
    let pids = ["sleep 3001", "sleep 3002"].map(|line| pid_of(&world, line));
    let pause = pid_of(&world, "sleep infinity");
    Made { world, pids, pause, data: format!("/var/lib/micropod/guion-{name}/datos") }
}

impl Made {
    pub fn read(&self, pid: i32, file: &str) -> String {
        self.world.read(&format!("/proc/{pid}/{file}"))
    }

    fn namespace(&self, pid: i32, name: &str) -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(self.world.path(&format!("/proc/{pid}/ns/{name}"))).unwrap().ino()
    }

    /// Todo lo que se compara.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen::new();
        for (who, pid) in [("uno", self.pids[0]), ("dos", self.pids[1])] {
            self.namespaces(who, pid, &mut seen);
            seen.insert(format!("{who}: montajes"), self.mounts(pid));
            self.process(who, pid, &mut seen);
            for file in ["etc/hosts", "etc/hostname", "etc/resolv.conf"] {
                seen.insert(format!("{who}: {file}"), self.read(pid, &format!("root/{file}")));
            }
            let devices =
                self.world.sh(&format!("ls -ln /proc/{pid}/root/dev | awk '{{print $1, $3, $4, $NF}}'"));
            seen.insert(format!("{who}: /dev"), devices);
        }
        let inside = |command: &str| self.world.sh(&format!("nsenter -t {} -n -u {command}", self.pids[0]));
        for command in [
            "hostname",
            "ip -o -4 addr",
            "ip route",
            "ip neigh",
            "ip -o link",
            "sysctl net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range net.ipv6.conf.all.disable_ipv6",
        ] {
            seen.insert(format!("dentro: {command}"), stable(&inside(command)));
        }
        for command in [
            "ip -o -4 addr show micropod0 2>/dev/null || :",
            "ip neigh show dev micropod0 2>/dev/null || :",
            "bridge -d link | grep -v master -A1 || :",
            "nft list table ip micropod 2>/dev/null || :",
            "cat /proc/sys/net/ipv4/ip_forward",
        ] {
            seen.insert(format!("fuera: {command}"), stable(&self.world.sh(command)));
        }
        seen
    }

    /// Con quién comparte cada espacio de nombres: con la pausa, con la máquina o con nadie.
    fn namespaces(&self, who: &str, pid: i32, seen: &mut Seen) {
        for name in ["net", "ipc", "uts", "pid", "mnt", "cgroup", "user"] {
            let own = self.namespace(pid, name);
            let with = |other: i32| self.namespace(other, name) == own;
            let text = format!("con la pausa: {}; con la máquina: {}", with(self.pause), with(1));
            seen.insert(format!("{who}: ns/{name}"), text);
        }
    }

    /// mountinfo sin lo que cambia de una vez a otra: los números, y dónde están los datos del Pod.
    fn mounts(&self, pid: i32) -> String {
        let text = self.read(pid, "mountinfo");
        let one = |line: &str| {
            let (before, after) = line.split_once(" - ").unwrap();
            let before: Vec<&str> = before.split(' ').collect();
            let root = match before[3].rsplit_once("/volumes/") {
                Some((_, rest)) => format!("DATOS/volumes/{rest}"),
                None => self.without_world(before[3]),
            };
            let propagation = before[6..].iter().filter(|t| !t.contains(':')).count();
            let after = after.replace(&self.data, "DATOS");
            format!("{root} {} {} {propagation} - {after}\n", before[4], before[5])
        };
        text.lines().map(one).collect()
    }

    /// Sin lo que es del mundo del test: su directorio y su cgroup, que se llaman igual.
    fn without_world(&self, text: &str) -> String {
        let dir = self.world.dir();
        let text = text.replace(dir.to_str().unwrap(), "AQUÍ");
        text.replace(dir.file_name().unwrap().to_str().unwrap(), "MUNDO")
    }

    fn process(&self, who: &str, pid: i32, seen: &mut Seen) {
        let status = self.read(pid, "status");
        let wanted = [
            "Umask",
            "Uid",
            "Gid",
            "Groups",
            "NSpid",
            "NSsid",
            "NSpgid",
            "CapInh",
            "CapPrm",
            "CapEff",
            "CapBnd",
            "CapAmb",
            "NoNewPrivs",
            "SigBlk",
            "SigIgn",
        ];
        for line in status.lines() {
            let (key, value) = line.split_once(':').unwrap();
            if wanted.contains(&key) {
                let value = match key {
                    // si encabeza su grupo y su sesión, son su propio número
                    "NSpid" | "NSsid" | "NSpgid" => {
                        let (inner, own) = (value.split_whitespace().last(), inner_pid(&status));
                        if inner == Some(own) { "el suyo" } else { value.trim() }
                    }
                    "SigIgn" | "SigBlk" => &signals(value),
                    _ => value.trim(),
                };
                seen.insert(format!("{who}: {key}"), value.to_string());
            }
        }
        let mut environment: Vec<String> = self.read(pid, "environ").split('\0').map(String::from).collect();
        environment.sort();
        seen.insert(format!("{who}: entorno"), environment.join("\n"));
        for file in ["limits", "oom_score_adj", "cmdline"] {
            seen.insert(format!("{who}: {file}"), self.read(pid, file));
        }
        let own = self.read(pid, "cgroup");
        let own = own.lines().find(|l| l.starts_with("0::")).map(|l| self.without_world(l));
        seen.insert(format!("{who}: cgroup"), own.unwrap_or_default());
        let link = |name: &str| fs::read_link(self.world.path(&format!("/proc/{pid}/{name}"))).unwrap();
        seen.insert(format!("{who}: cwd"), link("cwd").display().to_string());
        let fds = self.world.sh(&format!("ls -l /proc/{pid}/fd | awk '$(NF-2) > 2 {{print $(NF-2), $NF}}'"));
        seen.insert(format!("{who}: descriptores de más"), fds);
        seen.insert(format!("{who}: entrada"), link("fd/0").display().to_string());
    }
}

/// Sin la 32 y la 33, internas de la biblioteca de C: ningún programa normal las puede restaurar.
fn signals(mask: &str) -> String {
    format!("{:x}", u64::from_str_radix(mask.trim(), 16).unwrap() & !0x1_8000_0000)
}

fn inner_pid(status: &str) -> &str {
    let line = status.lines().find_map(|l| l.strip_prefix("NSpid:")).unwrap();
    line.split_whitespace().last().unwrap()
}

/// Sin números que cambian de un mundo a otro: índices de interfaces y espacios de red.
fn stable(text: &str) -> String {
    let word = |word: &str| match word.split_once("@if") {
        Some((name, _)) => format!("{name}@otro:"),
        None => word.to_string(),
    };
    let line = |line: &str| {
        let line = line
            .split_once(": ")
            .filter(|(n, _)| n.chars().all(|c| c.is_ascii_digit()))
            .map_or(line, |(_, l)| l);
        line.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

pub fn assert_same(one: &Seen, other: &Seen) {
    let mut different = Vec::new();
    for (key, value) in one {
        let found = other.get(key).map(String::as_str).unwrap_or("(falta)");
        if value != found {
            different.push(format!("── {key}\nmicropod: {value}\nguion:    {found}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(one.len(), other.len());
}

pub fn undo(made: &Made, name: &str) {
    let script = format!("/var/lib/micropod/guion-{name}/deshacer.sh");
    made.world.sh(&format!("sh {script} 2>/dev/null"));
    wait_until("que mueran sus procesos", 5, || made.world.processes().is_empty());
    assert!(!made.world.path(&format!("/var/lib/micropod/guion-{name}")).exists());
    made.world.assert_clean();
}
