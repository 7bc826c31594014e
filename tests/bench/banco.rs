//! El banco de pruebas: cuánto tarda y cuánto ocupa micropod, al lado de otros y en la misma
//! ejecución. Las rondas se alternan: si la máquina va lenta un rato, va lenta para todos.
//!
//! Lo prepara `tests/bench/run`. No afirma nada: imprime cifras, y si llegan al objetivo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(micropod), Some(dir)) = (args.next(), args.next()) else {
        return eprintln!("uso: banco MICROPOD DIRECTORIO [RONDAS]");
    };
    let rounds = args.next().and_then(|n| n.parse().ok()).unwrap_or(40);
    let bench = Bench { micropod, dir: dir.into(), rounds };
    bench.one_container();
    bench.two_containers();
    bench.exec();
    bench.memory();
    bench.thousand();
}

struct Bench {
    micropod: String,
    dir: PathBuf,
    rounds: usize,
}

/// Algo que se cronometra: un nombre y sus comandos, uno tras otro.
struct Rival {
    name: &'static str,
    commands: Vec<Vec<String>>,
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

fn run(command: &[String]) -> Result<(), String> {
    let output = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).output();
    match output {
        Err(e) => Err(format!("{}: {e}", command[0])),
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            Err(said.lines().last().unwrap_or("falló sin decir nada").to_string())
        }
    }
}

fn time(commands: &[Vec<String>]) -> Result<Duration, String> {
    let start = Instant::now();
    for command in commands {
        run(command)?;
    }
    Ok(start.elapsed())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

impl Bench {
    fn own(&self, line: &str) -> Vec<String> {
        [vec![self.micropod.clone()], words(line)].concat()
    }

    fn root(&self) -> PathBuf {
        Path::new("/var/lib/micropod/images/busybox/rootfs").into()
    }

    /// Escribe un Pod con esos contenedores y devuelve su ruta.
    fn pod(&self, name: &str, commands: &[&str]) -> String {
        let container = |(i, command): (usize, &&str)| {
            format!("(name: \"c{i}\", image: \"busybox\", command: [\"sh\", \"-c\", \"exec {command}\"])")
        };
        let containers: Vec<String> = commands.iter().enumerate().map(container).collect();
        let text = format!(
            "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 0, \
             containers: [{}]))",
            containers.join(", ")
        );
        let path = self.dir.join(format!("{name}.ron"));
        fs::write(&path, text).expect("se puede escribir en el directorio de trabajo");
        path.display().to_string()
    }

    /// Cronometra a todos, alternándolos, y los compara con el primero, que es micropod.
    fn compare(&self, title: &str, rivals: Vec<Rival>, rounds: usize, targets: &str) {
        println!("\n── {title} ──");
        let mut alive: Vec<(Rival, Vec<Duration>)> = Vec::new();
        for rival in rivals {
            // la primera vez no cuenta: caliente o en frío, todos igual
            match time(&rival.commands) {
                Ok(_) => alive.push((rival, Vec::new())),
                Err(why) => println!("{:22} omitido: {why}", rival.name),
            }
        }
        for _ in 0..rounds {
            for (rival, times) in &mut alive {
                match time(&rival.commands) {
                    Ok(took) => times.push(took),
                    Err(why) => println!("{}: {why}", rival.name),
                }
            }
        }
        let ours = alive.first_mut().map(|(_, times)| ms(median(times)));
        for (rival, times) in &mut alive {
            let middle = ms(median(times));
            let ratio = ours.map(|ours| middle / ours).unwrap_or_default();
            println!(
                "{:22} mediana {middle:8.2} ms   mínimo {:8.2} ms   × {ratio:.1}",
                rival.name,
                ms(times[0])
            );
        }
        println!("objetivo: {targets}");
    }

    fn one_container(&self) {
        let file = self.pod("banco-uno", &["true"]);
        let root = self.root().display().to_string();
        let bundle = self.bundle("uno", "\"true\"");
        let rivals = vec![
            Rival { name: "micropod", commands: vec![self.own(&format!("run --rm {file}"))] },
            Rival { name: "runc", commands: vec![words(&format!("runc run -b {bundle} banco-runc"))] },
            Rival { name: "crun", commands: vec![words(&format!("crun run -b {bundle} banco-crun"))] },
            Rival {
                name: "bubblewrap",
                commands: vec![words(&format!(
                    "bwrap --unshare-all --ro-bind {root} / --proc /proc --dev /dev true"
                ))],
            },
            Rival {
                name: "unshare … chroot",
                commands: vec![words(&format!("unshare --fork -p -m -n -u -i chroot {root} true"))],
            },
        ];
        self.compare(
            "La vida entera de un Pod de un contenedor (busybox true)",
            rivals,
            self.rounds,
            "micropod ≤ 6 ms y ≤ 1/3 de runc",
        );
    }

    /// Un bundle de OCI sobre la raíz de busybox.
    fn bundle(&self, name: &str, args: &str) -> String {
        let dir = self.dir.join(format!("bundle-{name}"));
        let config = format!(
            "{{\"ociVersion\":\"1.0.2\",\"process\":{{\"terminal\":false,\"user\":{{\"uid\":0,\"gid\":0}},\
             \"args\":[{args}],\"env\":[\"PATH=/usr/bin:/bin\"],\"cwd\":\"/\",\"noNewPrivileges\":true}},\
             \"root\":{{\"path\":\"{}\",\"readonly\":true}},\"hostname\":\"banco\",\"mounts\":[\
             {{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}},\
             {{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]}}],\
             \"linux\":{{\"namespaces\":[{{\"type\":\"pid\"}},{{\"type\":\"network\"}},{{\"type\":\"ipc\"}},\
             {{\"type\":\"uts\"}},{{\"type\":\"mount\"}}]}}}}",
            self.root().display()
        );
        fs::create_dir_all(&dir).expect("se puede escribir en el directorio de trabajo");
        fs::write(dir.join("config.json"), config).expect("se puede escribir en el directorio de trabajo");
        dir.display().to_string()
    }

    /// Podman con su propio almacén, y la misma raíz como imagen. Sin red: no se le cuenta.
    fn podman(&self, line: &str) -> Vec<String> {
        let dir = self.dir.display();
        words(&format!(
            "podman --root {dir}/podman --runroot {dir}/podman-run --cgroup-manager cgroupfs {line}"
        ))
    }

    fn podman_pod(&self, commands: &[&str]) -> Result<String, String> {
        let tar = self.dir.join("raiz.tar");
        run(&words(&format!("tar -C {} -cf {} .", self.root().display(), tar.display())))?;
        run(&self.podman(&format!("import -q {} localhost/banco:1", tar.display())))?;
        let container = |(i, command): (usize, &&str)| {
            format!("  - name: c{i}\n    image: localhost/banco:1\n    command: [sh, -c, 'exec {command}']\n")
        };
        let containers: String = commands.iter().enumerate().map(container).collect();
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: banco-podman\nspec:\n  restartPolicy: Never\n  \
             terminationGracePeriodSeconds: 0\n  containers:\n{containers}"
        );
        let path = self.dir.join("podman.yaml");
        fs::write(&path, text).map_err(|e| e.to_string())?;
        Ok(path.display().to_string())
    }

    fn two_containers(&self) {
        let file = self.pod("banco-dos", &["sleep 1000", "sleep 1000"]);
        let mut rivals = vec![Rival {
            name: "micropod",
            commands: vec![
                self.own(&format!("run -d {file}")),
                self.own("delete pod banco-dos --force --grace-period=0"),
            ],
        }];
        match self.podman_pod(&["sleep 1000", "sleep 1000"]) {
            Ok(yaml) => rivals.push(Rival {
                name: "podman kube play",
                commands: vec![
                    self.podman(&format!("kube play --network none {yaml}")),
                    self.podman("pod rm -f -t 0 banco-podman"),
                ],
            }),
            Err(why) => println!("\npodman                 omitido: {why}"),
        }
        let targets = "micropod ≤ 1/80 de podman";
        self.compare("Arrancar y borrar un Pod de dos contenedores", rivals, self.rounds.min(8), targets);
    }

    fn exec(&self) {
        let file = self.pod("banco-exec", &["sleep 1000"]);
        let bundle = self.bundle("exec", "\"sleep\",\"1000\"");
        if let Err(why) = run(&self.own(&format!("run -d {file}"))) {
            return println!("exec: {why}");
        }
        let mut rivals =
            vec![Rival { name: "micropod exec", commands: vec![self.own("exec banco-exec -- true")] }];
        let runc = run(&words(&format!("runc run -d -b {bundle} banco-exec-runc")));
        match &runc {
            Ok(()) => rivals
                .push(Rival { name: "runc exec", commands: vec![words("runc exec banco-exec-runc true")] }),
            Err(why) => println!("\nrunc exec              omitido: {why}"),
        }
        self.compare("exec en un contenedor que ya corre", rivals, self.rounds, "≤ 3 ms");
        if runc.is_ok() {
            let _ = run(&words("runc delete -f banco-exec-runc"));
        }
        let _ = run(&self.own("delete pod banco-exec --force --grace-period=0"));
    }

    fn memory(&self) {
        const PODS: usize = 100;
        println!(
            "\n── Memoria por Pod de dos contenedores, media de {PODS} (sin contar los contenedores) ──"
        );
        let name = |i| format!("banco-mem-{i}");
        for i in 0..PODS {
            let file = self.pod(&name(i), &["sleep 1000", "sleep 1000"]);
            if let Err(why) = run(&self.own(&format!("run -d {file}"))) {
                return println!("micropod: {why}");
            }
        }
        let (rss, pss) = memory_of(|comm| comm == "micropod" || comm == "micropod: pausa");
        println!(
            "micropod + pausa       RSS {:6.0} kB   PSS {:6.0} kB",
            rss / PODS as f64,
            pss / PODS as f64
        );
        let all: Vec<String> = (0..PODS).map(name).collect();
        let _ = run(&self.own(&format!("delete pod {} --force --grace-period=0", all.join(" "))));
        let podman = self.podman_pod(&["sleep 1000", "sleep 1000"]).and_then(|yaml| {
            run(&self.podman(&format!("kube play --network none {yaml}")))?;
            let found = memory_of(|comm| comm == "conmon" || comm == "catatonit");
            run(&self.podman("pod rm -f -t 0 banco-podman"))?;
            Ok(found)
        });
        match podman {
            Ok((rss, pss)) => {
                println!("conmon + catatonit     RSS {rss:6.0} kB   PSS {pss:6.0} kB   (un Pod)")
            }
            Err(why) => println!("conmon + catatonit     omitido: {why}"),
        }
        println!("objetivo: ≤ 1024 kB de PSS");
    }

    fn thousand(&self) {
        const PODS: usize = 1000;
        println!("\n── Arrancar el Pod número… (run -d, mediana de los 20 de alrededor) ──");
        let name = |i| format!("banco-mil-{i}");
        let mut times = Vec::new();
        for i in 0..PODS {
            let file = self.pod(&name(i), &["sleep 1000"]);
            match time(&[self.own(&format!("run -d {file}"))]) {
                Ok(took) => times.push(took),
                Err(why) => {
                    println!("el número {}: {why}", i + 1);
                    break;
                }
            }
        }
        let around = |n: usize| {
            let from = n.saturating_sub(20).min(times.len().saturating_sub(20));
            ms(median(&mut times[from..(from + 20).min(times.len())].to_vec()))
        };
        if times.len() >= 20 {
            let first = around(0);
            for n in [1, 100, PODS].into_iter().filter(|n| *n <= times.len()) {
                println!("{n:>5}                  mediana {:8.2} ms   × {:.2}", around(n), around(n) / first);
            }
        }
        let all: Vec<String> = (0..times.len()).map(name).collect();
        let _ = run(&self.own(&format!("delete pod {} --force --grace-period=0", all.join(" "))));
        println!("objetivo: el 1000 en ≤ 1,5 veces el tiempo del primero");
    }
}

/// RSS y PSS, en kB, de los procesos de este espacio de red cuyo nombre cumple `wanted`.
fn memory_of(wanted: impl Fn(&str) -> bool) -> (f64, f64) {
    let (mut rss, mut pss) = (0.0, 0.0);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if !wanted(read("comm").trim()) {
            continue;
        }
        for line in read("smaps_rollup").lines() {
            let value = || line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
            match line.split(':').next() {
                Some("Rss") => rss += value(),
                Some("Pss") => pss += value(),
                _ => {}
            }
        }
    }
    (rss, pss)
}
