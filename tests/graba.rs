//! La grabación sin Pod: cuánto ocupa, qué aguanta y qué pasa cuando está mal.

use micropod::explain::faults;
use micropod::explain::replay::replay;
use micropod::explain::world::World;
use micropod::logic::simulate::{Answers, Stage, live};
use micropod::logic::{Action, Event, Pod, PodRules};
use micropod::recording::{CURRENT, MAX_FILE, OLDER, Recorder, Recording};
use micropod::spec::parse::parse;
use micropod::spec::types;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const POD: &str = r#"Pod(metadata: (name: "p"), spec: (containers: [
    (name: "web", image: "i", readinessProbe: (tcpSocket: (port: 80), periodSeconds: 1),
     livenessProbe: (exec: (command: ["true"]), periodSeconds: 3)),
    (name: "c", image: "i"),
]))"#;

fn spec() -> types::Pod {
    parse("p.ron", POD).unwrap_or_else(|e| panic!("{e}"))
}

/// Un mundo que se graba.
struct Recorded {
    world: World,
    recorder: Recorder,
    steps: u64,
}

impl Stage for Recorded {
    fn answer(&mut self, now: Duration, action: &Action) -> Answers {
        self.world.answer(now, action)
    }

    fn see(&mut self, pod: &Pod, at: Duration, event: &Event, actions: &[Action]) {
        self.recorder.hear(at, event);
        self.recorder.asked(pod, actions);
        self.steps += 1;
    }
}

fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("graba-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    dir
}

/// Graba `until` segundos de vida en `dir`; dice cuántos pasos fueron.
fn record(dir: &Path, until: u64) -> u64 {
    let pod = spec();
    let rules = PodRules::from(&pod, 1);
    let text = "[Acaba(contenedor: \"c\", codigo: 1, tras: \"7s\"), \
                FallaSonda(contenedor: \"web\", sonda: vida, desde: \"100s\", hasta: \"130s\"), \
                FallaSonda(contenedor: \"web\", sonda: preparacion, desde: \"9000s\", hasta: \"9100s\")]";
    let faults = faults::parse_text("a.ron", text, &rules).unwrap_or_else(|e| panic!("{e}"));
    let world = World::new(faults, &rules);
    let mut core = Pod::new(rules);
    let recorder = Recorder::new(dir, "uid", 1_764_000_000_000, &pod.spec, &core);
    let mut stage = Recorded { world, recorder, steps: 0 };
    live(&mut core, Duration::from_secs(until), Vec::new(), &mut stage);
    stage.recorder.flush();
    stage.steps
}

fn bytes(dir: &Path) -> Vec<u8> {
    let read = |file| fs::read(dir.join(file)).unwrap_or_default();
    [read(OLDER), read(CURRENT)].concat()
}

#[test]
fn por_mucho_que_viva_un_pod_su_grabacion_no_pasa_de_dos_mebibytes_y_se_sigue_reproduciendo() {
    let dir = folder("larga");
    record(&dir, 14_000);
    for file in [OLDER, CURRENT] {
        let size = fs::metadata(dir.join(file)).unwrap().len();
        assert!(size <= MAX_FILE + 8 * 1024, "{file}: {size}");
    }
    let recording = Recording::parse("x", bytes(&dir).as_slice()).unwrap();
    let started = recording.header.pod.now();
    assert!(started > Duration::from_secs(500), "lo viejo se olvida: empieza a los {started:?}");
    let replayed = replay(&recording);
    assert_eq!(replayed.differences, []);
    assert!(replayed.steps > 10_000, "{}", replayed.steps);
    assert!(replayed.told.lanes.iter().all(|lane| lane.spans[0].from == started));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn un_estado_que_no_es_el_que_sale_de_los_sucesos_se_descubre() {
    let dir = folder("estado");
    record(&dir, 8_000);
    let text = String::from_utf8(bytes(&dir)).unwrap();
    // el segundo estado, el que debe salir de reproducir lo de antes
    let (before, after) = text.split_at(text.rfind("{\"micropod\"").unwrap());
    let changed = before.to_string() + &after.replacen("\"lives\":", "\"lives\":1", 1);
    let replayed = replay(&Recording::parse("x", changed.as_bytes()).unwrap());
    assert!(!replayed.differences.is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn una_grabacion_estropeada_por_cualquier_sitio_no_rompe_nada() {
    let dir = folder("rota");
    record(&dir, 120);
    let good = bytes(&dir);
    assert!(
        good.len() < 100_000
            && replay(&Recording::parse("x", good.as_slice()).unwrap()).differences.is_empty()
    );
    let mut dice: u64 = 0x5eed;
    let mut roll = |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice % sides as u64) as usize
    };
    let mut understood = 0;
    for _ in 0..400 {
        let mut bad = good.clone();
        let at = roll(bad.len());
        match roll(3) {
            // otra cifra donde había una: quizá se entienda y no tenga sentido
            0 => {
                let digits: Vec<usize> = (0..bad.len()).filter(|i| bad[*i].is_ascii_digit()).collect();
                bad[digits[roll(digits.len())]] = b"0123456789"[roll(10)];
            }
            1 => bad.truncate(at),
            _ => bad[at] = roll(256) as u8,
        }
        if let Ok(recording) = Recording::parse("x", bad.as_slice()) {
            understood += 1;
            let replayed = replay(&recording);
            micropod::explain::story::svg::as_svg(&replayed.told, "p");
        }
    }
    assert!(understood > 20, "{understood}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn si_no_se_puede_grabar_el_pod_sigue_y_grabar_cuesta_menos_que_nada() {
    let started = Instant::now();
    let steps = record(Path::new("/proc/no-se-puede"), 3600);
    // una sonda cuesta más de cien microsegundos: grabarla, unos pocos
    let each = started.elapsed() / steps as u32;
    assert!(each < Duration::from_micros(200), "{each:?} por paso, sin optimizar y con la máquina ocupada");
}
