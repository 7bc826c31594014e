//! Un contenedor que inunda su salida: no se pierde ni se rompe una línea, y nadie más lo nota.

mod common;
use common::{World, is_root, wait_until};
use std::fs;

/// Lo que cabe en un fichero de log.
const FILE: u64 = 10 * 1024 * 1024;
/// Lo que se guarda de cada contenedor: cinco ficheros.
const KEPT: u64 = 5 * FILE;
/// Lo que el supervisor lee de una vez; entero va a un fichero o al siguiente.
const CHUNK: u64 = 64 * 1024;

/// Un Pod con esos contenedores de shell, que ven en `/caja` el directorio del test.
fn pod(world: &World, containers: &[(&str, &str)]) -> String {
    let container = |(name, line): &(&str, &str)| {
        format!(
            r##"(name: "{name}", image: "busybox", command: ["sh", "-c", r#"{line}"#],
                volumeMounts: [(name: "caja", mountPath: "/caja")])"##
        )
    };
    let containers: Vec<String> = containers.iter().map(container).collect();
    format!(
        r#"Pod(metadata: (name: "p"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 0,
            volumes: [(name: "caja", hostPath: (path: "{}"))], containers: [{}]))"#,
        world.dir().display(),
        containers.join(", ")
    )
}

/// Las líneas que un contenedor ha dejado en sus ficheros CRI, en orden y sin pasar por `logs`:
/// de cada una, su texto; que esté entera lo dice su marca.
fn cri_lines(world: &World, container: &str) -> Vec<String> {
    let dir = world.path(&format!("/var/log/micropod/p/{container}"));
    let files = ["0.log.4", "0.log.3", "0.log.2", "0.log.1", "0.log"].map(|name| dir.join(name));
    let text: String = files.iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    text.lines()
        .map(|line| {
            let mut fields = line.splitn(4, ' ');
            let (stamp, stream, mark) = (fields.next(), fields.next(), fields.next());
            assert!(stamp.is_some_and(|s| s.len() == 30 && s.ends_with('Z')), "línea rota: {line}");
            assert_eq!((stream, mark), (Some("stdout"), Some("F")), "línea rota: {line}");
            fields.next().unwrap_or_default().to_string()
        })
        .collect()
}

#[test]
fn quien_inunda_sus_logs_no_pierde_ni_rompe_una_linea_por_debajo_de_la_rotacion() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // 30 MB de líneas de longitudes muy distintas: los cortes de la tubería caen en cualquier sitio
    let expected: Vec<String> = (0..60_000).map(|i| format!("{i} {}", "x".repeat(i * 7 % 1000))).collect();
    world.write("lineas", &(expected.join("\n") + "\n"));
    world.write("p.ron", &pod(&world, &[("c", "cat /caja/lineas")]));
    world.micropod(&["run", "p.ron"]).ok();
    let lines = cri_lines(&world, "c");
    assert_eq!(lines.len(), expected.len());
    let wrong = lines.iter().zip(&expected).position(|(got, wanted)| got != wanted);
    assert_eq!(wrong, None, "la primera línea cambiada");
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn de_lo_que_pasa_de_la_rotacion_quedan_las_ultimas_lineas_seguidas_y_enteras() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // 72 MB, contando la hora y lo demás que lleva cada línea: sobran 20
    world.write("p.ron", &pod(&world, &[("c", "seq -w 1 1500000")]));
    world.micropod(&["run", "p.ron"]).ok();
    let numbers: Vec<u64> = cri_lines(&world, "c").iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers.last(), Some(&1_500_000));
    let broken = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]);
    assert_eq!(broken, None, "falta algo en medio");
    // un fichero se cierra cuando lo leído de una vez ya no cabe, y el último puede acabar de empezar
    let (said, line) =
        ("1500000\n".len() as u64, "2026-11-23T16:10:03.123456789Z stdout F 1500000\n".len() as u64);
    let bytes = numbers.len() as u64 * line;
    let full = FILE - CHUNK / said * line;
    assert!(bytes <= KEPT && bytes > 4 * full, "se guardan {bytes} bytes; lo menos, {}", 4 * full);
    let kept = fs::read_dir(world.path("/var/log/micropod/p/c")).unwrap().count();
    assert_eq!(kept, 5, "ficheros de log");
    world.micropod(&["delete", "pod", "p"]).ok();
}

#[test]
fn mientras_uno_inunda_sus_logs_los_demas_siguen_hablando_y_el_pod_obedece() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // tres a la vez, y de bloque en bloque: la tubería no se vacía nunca
    world.write("mega", &"ahogo ".repeat(15).replace("ahogo ahogo ahogo ", "ahogo\n").repeat(20_000));
    let flood = "for i in 1 2 3; do while :; do cat /caja/mega; done & done; wait";
    let answer = "while :; do [ -e /caja/di ] && mv /caja/di /caja/d && cat /caja/d; sleep 0.05; done";
    world.write("p.ron", &pod(&world, &[("habla", answer), ("inunda", flood)]));
    world.micropod(&["run", "-d", "p.ron"]).ok();
    let size = || {
        let path = world.path("/var/log/micropod/p/inunda");
        let files = fs::read_dir(path).into_iter().flatten().flatten();
        files.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum::<u64>()
    };
    wait_until("que se inunde hasta rotar", 30, || size() > KEPT / 2);
    for i in 0..5 {
        world.write("pregunta", &format!("voy por {i}\n"));
        fs::rename(world.dir().join("pregunta"), world.dir().join("di")).unwrap();
        wait_until("que se oiga al otro contenedor", 5, || {
            world.micropod(&["logs", "p", "-c", "habla"]).ok().out.contains(&format!("voy por {i}\n"))
        });
    }
    // y la memoria del supervisor no crece con lo que pasa por él
    let supervisor = world.processes().into_iter().find(|(_, line)| line.contains("run -d p.ron")).unwrap().0;
    let status = world.read(&format!("/proc/{supervisor}/status"));
    let rss = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap().to_string();
    let kilobytes: u64 = rss.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 4096, "el supervisor retiene lo que copia: {rss}");
    world.micropod(&["delete", "pod", "p", "--force"]).ok();
    assert!(world.processes().is_empty(), "{:?}", world.processes());
}
