//! Las entradas de fuera, con los ejemplos guardados y unas miles de variantes de cada una: siempre las
//! mismas. `make fuzz` prueba las que se le pidan (`MICROPOD_FUZZ=N`) y las cuenta.

use micropod::fuzz::{TARGETS, run};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Ejemplos que son de otra cosa y aquí también sirven.
const BORROWED: &[(&str, &str, &str)] = &[
    ("especificacion-ron", "book/specs", "ron"),
    ("especificacion-yaml", "tests/corpus/especificacion-json", "json"),
];

/// Los ejemplos de una entrada, en orden.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = fs::read_dir(root.join("tests/corpus").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut paths: Vec<_> = own.flatten().map(|e| e.path()).collect();
    for (_, dir, ending) in BORROWED.iter().filter(|(target, ..)| *target == name) {
        let files = fs::read_dir(root.join(dir)).unwrap().flatten().map(|e| e.path());
        paths.extend(files.filter(|p| p.extension().is_some_and(|e| e == *ending)));
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Números al azar, los mismos cada vez (xorshift de Marsaglia).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// Una variante de un ejemplo: unos cuantos cambios, o un trozo de otro en medio.
    fn variant(&mut self, all: &[Vec<u8>]) -> Vec<u8> {
        const ODD: [u8; 16] = *b"\0\n\r\x1b\x7f\xff\x80(){}[]:,\"";
        let mut bytes = all[self.below(all.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(7) {
                _ if bytes.is_empty() => bytes.push(ODD[self.below(16)]),
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = ODD[self.below(16)],
                2 => bytes.insert(at, ODD[self.below(16)]),
                3 => drop(bytes.drain(at..(at + 1 + self.below(8)).min(bytes.len()))),
                4 => bytes.truncate(at + 1),
                5 => {
                    // un número más grande de lo que cabe, o una cifra de más
                    let digits: &[u8] = [&b"99999999999999999999"[..], b"-1", b"0", b"1e9"][self.below(4)];
                    bytes.splice(at..at, digits.iter().copied());
                }
                _ => {
                    let other = &all[self.below(all.len())];
                    let from = self.below(other.len());
                    let piece = other[from..(from + self.below(64)).min(other.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes.truncate(64 * 1024);
        bytes
    }
}

/// Da a una entrada sus ejemplos y sus variantes.
fn feed(name: &str) {
    let variants = std::env::var("MICROPOD_FUZZ").map_or(1000, |n| n.parse().expect("es un número"));
    let all = corpus(name);
    let good = all.iter().filter(|bytes| run(name, bytes)).count();
    assert!(good > 0, "{name}: ningún ejemplo se da por bueno");
    let mut dice = Dice(0x853c_49e6_748f_ea9b);
    let mut accepted = 0;
    for n in 0..variants {
        let bytes = dice.variant(&all);
        let outcome = std::panic::catch_unwind(|| run(name, &bytes));
        match outcome {
            Ok(ok) => accepted += usize::from(ok),
            Err(_) => {
                let path = std::env::temp_dir().join(format!("hallazgo-{name}-{n}"));
                fs::write(&path, &bytes).unwrap();
                panic!("{name}, variante {n}, guardada en {}: {}", path.display(), bytes.escape_ascii());
            }
        }
    }
    eprintln!("{name}: {} ejemplos, {variants} variantes, {accepted} admitidas", all.len());
    assert!(accepted > 0, "{name}: ninguna variante se da por buena: no se prueba lo que se admite");
    if let Some(path) = std::env::var_os("MICROPOD_CIFRAS") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{} 0 fuzz {name}", variants + all.len()).unwrap();
    }
}

#[test]
fn ninguna_entrada_se_queda_sin_ejemplos() {
    let dirs = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")).unwrap().flatten();
    let mut dirs: Vec<String> = dirs.map(|e| e.file_name().into_string().unwrap()).collect();
    dirs.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort();
    assert_eq!(dirs, names);
}

#[test]
fn lo_que_se_admite_en_ron_se_queda_dentro_y_se_convierte() {
    feed("especificacion-ron");
}

#[test]
fn lo_que_se_admite_en_yaml_se_queda_dentro_y_se_convierte() {
    feed("especificacion-yaml");
}

#[test]
fn lo_que_se_admite_en_json_se_queda_dentro_y_se_convierte() {
    feed("especificacion-json");
}

#[test]
fn ni_cantidades_ni_nombres_ni_rutas_ni_logs_ni_fichas_hacen_entrar_en_panico() {
    for name in ["cantidades", "nombres", "rutas", "logs", "fichas"] {
        feed(name);
    }
}

#[test]
fn ni_archivos_ni_respuestas_de_la_red_hacen_entrar_en_panico() {
    for name in ["archivos", "netlink", "http", "grpc", "peticiones"] {
        feed(name);
    }
}
