//! El banco de pruebas: cuánto tarda y cuánto ocupa micropod, al lado de otros y en la misma
//! ejecución. Las rondas se alternan: si la máquina va lenta un rato, va lenta para todos.
//!
//! Lo prepara `tests/bench/run`. No afirma nada: imprime cifras, y el objetivo al que se comparan.

mod medidas;
mod perfil;
mod rivales;

use medidas::{leftovers, median, memory_of, ms, output, run, time, words};
use rivales::Rival;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

type Part = fn(&Bench);

/// Las partes del banco, en el orden en que se hacen.
const PARTS: [(&str, Part); 7] = [
    ("uno", Bench::one_container),
    ("perfil", Bench::profile),
    ("dos", Bench::two_containers),
    ("exec", Bench::exec),
    ("memoria", Bench::memory),
    ("logs", Bench::logs),
    ("mil", Bench::thousand),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [micropod, dir, rounds, parts @ ..] = args.as_slice() else {
        return eprintln!("uso: banco MICROPOD DIRECTORIO RONDAS [PARTE]...");
    };
    let bench = Bench { micropod: micropod.clone(), dir: dir.into(), rounds: rounds.parse().unwrap_or(40) };
    for (name, part) in PARTS {
        if parts.is_empty() || parts.iter().any(|wanted| wanted == name) {
            part(&bench);
        }
    }
}

pub struct Bench {
    micropod: String,
    dir: PathBuf,
    rounds: usize,
}

fn title(text: &str) {
    println!("\n── {text} ──");
}

impl Bench {
    /// Cronometra a todos, alternándolos, y los compara con el primero, que es micropod.
    fn compare(&self, rivals: Vec<Rival>, rounds: usize, targets: &str) {
        let mut alive: Vec<(Rival, Vec<Duration>, Vec<Duration>)> = Vec::new();
        for rival in rivals {
            // la primera vez no cuenta: caliente o en frío, todos igual
            match time(&rival.commands) {
                Ok(_) => alive.push((rival, Vec::new(), Vec::new())),
                Err(why) => println!("{:22} omitido: {why}", rival.name),
            }
        }
        for _ in 0..rounds {
            for (rival, times, cpus) in &mut alive {
                match time(&rival.commands) {
                    Ok((took, cpu)) => {
                        times.push(took);
                        cpus.push(cpu);
                    }
                    Err(why) => println!("{}: {why}", rival.name),
                }
            }
        }
        alive.retain(|(_, times, _)| !times.is_empty());
        let ours = alive.first_mut().map(|(_, times, _)| ms(median(times)));
        for (rival, times, cpus) in &mut alive {
            let (middle, cpu) = (ms(median(times)), ms(median(cpus)));
            let ratio = ours.map(|ours| middle / ours).unwrap_or_default();
            let least = ms(times[0]);
            println!(
                "{:18} mediana {middle:8.2} ms   mínimo {least:8.2} ms   CPU {cpu:7.2} ms   × {ratio:.1}",
                rival.name
            );
        }
        println!("objetivo: {targets}");
    }

    fn one_container(&self) {
        title("La vida entera de un Pod de un contenedor (busybox true)");
        let file = self.pod("banco-uno", &["true"]);
        let root = self.root().display().to_string();
        let bundle = self.bundle("uno", "\"true\"");
        let oci = |name: &'static str| {
            Rival::new(name, vec![words(&format!("{name} run -b {bundle} banco-{name}"))])
        };
        let bwrap = words(&format!("bwrap --unshare-all --bind {root} / --proc /proc --dev /dev true"));
        let unshare = words(&format!("unshare --fork -p -m -n -u -i chroot {root} true"));
        let rivals = vec![
            Rival::new("micropod", vec![self.own(&format!("run --rm {file}"))]),
            oci("runc"),
            oci("crun"),
            Rival::new("bubblewrap", vec![bwrap]),
            Rival::new("unshare … chroot", vec![unshare]),
        ];
        self.compare(rivals, self.rounds, "micropod ≤ 6 ms y ≤ 1/3 de runc");
    }

    fn profile(&self) {
        const SHOWN: usize = 16;
        title("En qué se va la CPU de esa vida entera (perf record -e cpu-clock)");
        let command = self.own(&format!("run --rm {}", self.pod("banco-perfil", &["true"])));
        match perfil::shares(&self.dir, &command, self.rounds) {
            Ok(shares) => {
                let (shown, rest) = shares.split_at(shares.len().min(SHOWN));
                for (what, share) in shown {
                    println!("{share:6.1} %  {what}");
                }
                println!("{:6.1} %  otras {} cosas", rest.iter().map(|(_, s)| s).sum::<f64>(), rest.len());
            }
            Err(why) => println!("{:22} omitido: {why}", "perf (linux-perf)"),
        }
    }

    fn two_containers(&self) {
        title("Arrancar y borrar un Pod de dos contenedores");
        let sleepers = ["/bin/sleep 1000"; 2];
        let file = self.pod("banco-dos", &sleepers);
        let mut rivals = vec![Rival::new(
            "micropod",
            vec![
                self.own(&format!("run -d {file}")),
                self.own("delete pod banco-dos --force --grace-period=0"),
            ],
        )];
        match self.podman_pod("banco-podman", &sleepers) {
            Ok(yaml) => rivals.push(Rival::new(
                "podman kube play",
                vec![
                    self.podman(&format!("kube play --network none {yaml}")),
                    self.podman("pod rm -f -t 0 banco-podman"),
                ],
            )),
            Err(why) => println!("{:22} omitido: {why}", "podman kube play"),
        }
        self.compare(rivals, self.rounds.min(8), "micropod ≤ 1/80 de podman");
    }

    fn exec(&self) {
        title("exec en un contenedor que ya corre");
        let file = self.pod("banco-exec", &["sleep 1000"]);
        let bundle = self.bundle("exec", "\"sleep\",\"1000\"");
        if let Err(why) = run(&self.own(&format!("run -d {file}"))) {
            return println!("micropod: {why}");
        }
        let mut rivals = vec![Rival::new("micropod exec", vec![self.own("exec banco-exec -- true")])];
        for (tool, name) in [("runc", "runc exec"), ("crun", "crun exec")] {
            match run(&words(&format!("{tool} run -d -b {bundle} banco-exec-{tool}"))) {
                Ok(()) => {
                    rivals.push(Rival::new(name, vec![words(&format!("{name} banco-exec-{tool} true"))]));
                }
                Err(why) => println!("{name:22} omitido: {why}"),
            }
        }
        self.compare(rivals, self.rounds, "≤ 3 ms");
        for tool in ["runc", "crun"] {
            // si no llegó a arrancar, no hay nada que borrar
            let _ = run(&words(&format!("{tool} delete -f banco-exec-{tool}")));
        }
        self.delete(&["banco-exec".into()]);
    }

    /// Borra esos Pods y dice cuánto tarda.
    fn delete(&self, names: &[String]) -> Duration {
        let start = Instant::now();
        let command = format!("delete pod {} --force --grace-period=0", names.join(" "));
        if let Err(why) = run(&self.own(&command)) {
            println!("delete: {why}");
        }
        start.elapsed()
    }

    fn memory(&self) {
        const PODS: usize = 100;
        const THEIRS: usize = 5;
        title("Memoria de quien cuida de un Pod de dos contenedores (ellos no cuentan)");
        let sleepers = ["/bin/sleep 1000"; 2];
        let names: Vec<String> = (0..PODS).map(|i| format!("banco-mem-{i}")).collect();
        for name in &names {
            let file = self.pod(name, &sleepers);
            if let Err(why) = run(&self.own(&format!("run -d {file}"))) {
                return println!("micropod: {why}");
            }
        }
        let line = |name: &str, pods: usize, (rss, pss, count): (f64, f64, usize)| {
            let (rss, pss, each) = (rss / pods as f64, pss / pods as f64, count as f64 / pods as f64);
            println!(
                "{name:22} RSS {rss:6.0} kB   PSS {pss:6.0} kB   {each:.0} procesos (media de {pods} Pods)"
            );
        };
        line("micropod + pausa", PODS, memory_of(&["micropod", "micropod: pausa"]));
        self.delete(&names);
        let theirs: Result<Vec<String>, String> = (0..THEIRS)
            .map(|i| {
                let name = format!("banco-podman-{i}");
                let yaml = self.podman_pod(&name, &sleepers)?;
                run(&self.podman(&format!("kube play --network none {yaml}"))).map(|()| name)
            })
            .collect();
        match theirs {
            Ok(names) => {
                line("conmon + catatonit", THEIRS, memory_of(&["conmon", "catatonit"]));
                for name in names {
                    if let Err(why) = run(&self.podman(&format!("pod rm -f -t 0 {name}"))) {
                        println!("podman: {why}");
                    }
                }
            }
            Err(why) => println!("{:22} omitido: {why}", "conmon + catatonit"),
        }
        println!("objetivo: ≤ 1024 kB de PSS");
    }

    /// Cuántos bytes por segundo acepta el supervisor de quien inunda su salida, y si se pierde alguno.
    fn logs(&self) {
        const LINES: usize = 200_000;
        title("Un contenedor que inunda sus logs");
        let text: String = (0..LINES).map(|i| format!("{i:08} {:189}|\n", "x")).collect();
        if let Err(why) = fs::write(self.dir.join("lineas"), &text) {
            return println!("no se pudo escribir el texto: {why}");
        }
        let megabytes = text.len() as f64 / 1e6;
        // por debajo de lo que se guarda (50 MiB): no puede faltar nada
        if let Some(took) = self.flood("cat /banco/lineas") {
            println!("{megabytes:.0} MB en líneas de 199     {:8.1} MB/s", megabytes / took);
            let kept = output(&self.own("logs banco-logs")).unwrap_or_default();
            let verdict =
                if kept == text.as_bytes() { "ni un byte perdido" } else { "SE HAN PERDIDO LÍNEAS" };
            println!("{:22} {verdict}: {} de {} bytes", "lo guardado", kept.len(), text.len());
        }
        if let Some(took) = self.flood("for i in 0 1 2 3 4 5 6 7 8 9; do cat /banco/lineas; done") {
            println!("{:.0} MB, rotando        {:8.1} MB/s", megabytes * 10.0, megabytes * 10.0 / took);
        }
        if let Some(took) = self.flood("yes | head -n 3000000") {
            println!("líneas de 1 letra      {:8.2} millones de líneas/s", 3.0 / took);
        }
        self.delete(&["banco-logs".into()]);
        println!("objetivo: sin perder ninguna por debajo de la rotación (10 MiB × 5)");
    }

    /// Los segundos que tarda en acabar un contenedor que solo escribe.
    fn flood(&self, command: &str) -> Option<f64> {
        let file = self.pod_with_files("banco-logs", command);
        let start = Instant::now();
        let done = run(&self.own(&format!("run -d {file}"))).and_then(|()| {
            run(&self.own("wait pod banco-logs --for=jsonpath={.status.phase}=Succeeded --timeout=300s"))
        });
        done.inspect_err(|why| println!("micropod: {why}")).ok().map(|()| start.elapsed().as_secs_f64())
    }

    /// ¿Llega el último Pod a hablar con el primero?
    fn greet(&self, names: &[String]) {
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return };
        let line = output(&self.own(&format!("get pod {first} -o wide --no-headers"))).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let ip = line.split_whitespace().find(|word| word.starts_with("10.")).unwrap_or("¿sin dirección?");
        // ahí no escucha nadie, y que lo diga prueba que contesta; el código de salida es de fallo
        let said =
            Command::new(&self.micropod).args(words(&format!("exec {last} -- nc -w 5 {ip} 9"))).output();
        let said =
            said.map_or_else(|e| e.to_string(), |done| String::from_utf8_lossy(&done.stderr).into_owned());
        let verdict = if said.contains("refused") { "contesta" } else { "NO CONTESTA" };
        println!("del último al primero  {ip} {verdict}");
    }

    fn thousand(&self) {
        const PODS: usize = 1000;
        title("Arrancar el Pod número… (run -d, mediana de 20)");
        let mut names = Vec::new();
        let mut times = Vec::new();
        for i in 0..PODS {
            let name = format!("banco-mil-{i}");
            let file = self.pod(&name, &["sleep 100000"]);
            match time(&[self.own(&format!("run -d {file}"))]) {
                Ok((took, _)) => times.push(took),
                Err(why) => {
                    println!("el número {}: {why}", i + 1);
                    break;
                }
            }
            names.push(name);
        }
        let around = |n: usize| {
            let from = n.saturating_sub(10).min(times.len().saturating_sub(20));
            ms(median(&mut times[from..times.len().min(from + 20)].to_vec()))
        };
        for n in [1, 100, 500, PODS].into_iter().filter(|n| *n <= times.len()) {
            println!("{n:>5}                  mediana {:8.2} ms   × {:.2}", around(n), around(n) / around(0));
        }
        println!("objetivo: el 1000 en ≤ 1,5 veces el tiempo del primero");
        self.greet(&names);
        let start = Instant::now();
        let running = output(&self.own("get pods --no-headers"))
            .map(|table| String::from_utf8_lossy(&table).matches(" Running ").count());
        let running = running.map_or_else(|why| why, |count| format!("{count} Running"));
        println!("get pods               {:8.0} ms: {running}", ms(start.elapsed()));
        println!("borrarlos todos        {:8.0} ms", ms(self.delete(&names)));
        // la muerte de una red tarda unos milisegundos en notarse
        let deadline = Instant::now() + Duration::from_secs(5);
        while leftovers() != [0; 4] && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let [processes, veths, cgroups, files] = leftovers();
        println!(
            "quedan                 {processes} procesos, {veths} cables, {cgroups} cgroups, {files} ficheros"
        );
    }
}
