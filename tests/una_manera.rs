//! Hay una manera de hacer cada cosa peligrosa, y el resto del programa la usa: si alguien inventa
//! otra, este test dice cuál es la buena.

use std::fs;
use std::path::{Path, PathBuf};

/// Lo que no se puede escribir, dónde sí, y qué usar en su lugar.
struct Rule {
    /// Cualquiera de estos textos rompe la regla.
    forbidden: &'static [&'static str],
    /// Los ficheros que son esa única manera, o tienen un motivo.
    allowed: &'static [&'static str],
    instead: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        forbidden: &["Command::new("],
        allowed: &[
            "src/kernel/program.rs",
            // las órdenes de la línea de comandos (clap) se llaman igual
            "src/cli/args.rs",
            // el supervisor de cada réplica es este mismo programa
            "src/controller/set.rs",
            // el corrector se lanza a sí mismo, y busca el rustc de quien entrega en su carpeta
            "src/lab/",
        ],
        instead: "kernel::program::Program: ruta absoluta, entorno conocido, `--` y plazo",
    },
    Rule {
        forbidden: &[
            "\"cgroup.kill\"",
            "\"memory.max\"",
            "\"memory.swap.max\"",
            "\"memory.oom.group\"",
            "\"cpu.max\"",
            "\"cpu.weight\"",
            "\"pids.max\"",
            "\"cgroup.subtree_control\"",
            "\"cgroup.freeze\"",
        ],
        allowed: &[
            "src/kernel/ops/cgroups.rs",
            // abre cgroup.kill de antemano, para el día en que muera el supervisor
            "src/sandbox.rs",
            // estos solo leen
            "src/audit/facts.rs",
            "src/usage.rs",
            "src/explain/",
            "src/cgroup.rs",
            // los escribe otro: van en el config.json que se le da
            "src/runtime/bundle.rs",
        ],
        instead: "kernel::ops::WriteCgroup: el valor se comprueba antes y se lee después",
    },
    Rule {
        forbidden: &["openat2("],
        allowed: &[
            "src/kernel/sys.rs",
            "src/kernel/ops/files.rs",
            "src/kernel/ops/places.rs",
            // lo mismo, para escribir la raíz de una imagen que se está desempaquetando
            "src/image/inroot.rs",
            // lo mismo, y también escribe: son los ficheros de un ejercicio
            "src/lab/pod.rs",
        ],
        instead: "kernel::ops::{OpenInRoot, OpenBeneath} o los métodos de Place",
    },
    Rule {
        // un enlace absoluto de dentro se resolvería contra la raíz de fuera
        forbidden: &["}/root", "proc/self/root"],
        allowed: &[
            "src/kernel/ops/places.rs",
            // la pausa ve la raíz del anfitrión: lo que hay en ella es nuestro
            "src/supervise/containers.rs",
            "src/explain/mounts.rs",
            // la abren sin mirar dentro, y de ahí no se sale
            "src/lab/pod.rs",
            "src/cli/cp.rs",
            // un enlace que quiere salir, para ver que no puede
            "src/fuzz.rs",
        ],
        instead: "kernel::ops::Place::root_of(proceso) y sus métodos, que no siguen enlaces hacia fuera",
    },
    Rule {
        forbidden: &[
            "signal::kill",
            "killpg(",
            "libc::kill",
            "SYS_kill",
            "SYS_tgkill",
            "nix::sys::signal::{kill",
        ],
        allowed: &[],
        instead: "sys::pidfd_send_signal: un número de proceso puede haber pasado a otro",
    },
    Rule {
        forbidden: &["pidfd_open("],
        allowed: &[
            "src/kernel/sys.rs",
            "src/kernel/ops/processes.rs",
            "src/kernel/program.rs",
            "src/state.rs",
            // su propio hijo, que aún nadie ha recogido
            "src/controller/set.rs",
        ],
        instead: "ProcessId::open, que comprueba después cuándo nació y en qué cgroup vive",
    },
    Rule {
        forbidden: &["fs::write(", "File::create("],
        allowed: &[
            // el fichero que pide quien nos usa, o de trabajo en un directorio solo nuestro
            "src/cli/cp.rs",
            "src/explain/",
            "src/image/debian.rs",
            "src/image/export.rs",
            "src/image/store.rs",
            "src/lab/",
            "src/fuzz.rs",
        ],
        instead: "state::write_private, state::replace_file o kernel::ops::WriteFile, que fijan los permisos",
    },
    Rule {
        forbidden: &["unsafe {", "unsafe fn", "unsafe impl"],
        allowed: &["src/kernel/sys.rs"],
        instead: "una función de kernel/sys.rs, con su invariante",
    },
    Rule {
        forbidden: &["set_current_dir(", "env::set_var(", "env::remove_var("],
        allowed: &[],
        instead: "una orden (Op) que se pueda contar, ensayar y deshacer",
    },
];

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten().map(|e| e.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|p| p.is_dir());
    let rust = files.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs"));
    rust.chain(dirs.iter().flat_map(|d| sources(d))).collect()
}

/// El fichero sin sus tests ni sus comentarios, línea a línea.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break; // los tests van al final
        }
        if !line.trim_start().starts_with("//") {
            lines.push((i + 1, line.to_string()));
        }
    }
    lines
}

fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.contains("/tests/") || name.ends_with("_tests.rs") || name.ends_with("/tests.rs")
}

/// Los sitios que rompen una regla.
fn broken(rule: &Rule) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for path in sources(&root.join("src")) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        // un permiso que acaba en `/` es de un directorio
        let allowed = |a: &&str| *a == name || a.ends_with('/') && name.starts_with(*a);
        if is_test(&path) || rule.allowed.iter().any(allowed) {
            continue;
        }
        for (number, line) in code(&path) {
            if rule.forbidden.iter().any(|text| line.contains(text)) {
                found.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

#[test]
fn cada_cosa_peligrosa_se_hace_de_una_sola_manera() {
    let mut all = String::new();
    for rule in RULES {
        let found = broken(rule);
        if !found.is_empty() {
            all.push_str(&format!("usa {}\n  {}\n", rule.instead, found.join("\n  ")));
        }
    }
    assert!(all.is_empty(), "hay otra manera, y es la buena:\n{all}");
}

#[test]
fn ninguna_excepcion_sobra() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for rule in RULES {
        for name in rule.allowed {
            let path = root.join(name);
            assert!(path.exists(), "{name} ya no existe");
            let files = if path.is_dir() { sources(&path) } else { vec![path] };
            let used = files
                .iter()
                .flat_map(|f| code(f))
                .any(|(_, line)| rule.forbidden.iter().any(|t| line.contains(t)));
            assert!(used, "{name} ya no necesita su permiso para {}", rule.forbidden[0]);
        }
    }
}

#[test]
fn cada_bloque_unsafe_dice_su_invariante() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernel/sys.rs");
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, l)| l.contains("unsafe {")) {
        // la misma explicación puede valer para las líneas de una sola llamada
        let above = lines[i.saturating_sub(5)..i].iter().any(|l| l.contains("// SAFETY:"));
        assert!(above, "línea {}: {}", i + 1, line.trim());
    }
}

/// Encadenar `let` en una condición pide Rust 1.88, y este programa se compila con el de Debian 13
/// (`rust-version` en Cargo.toml). Un Rust más nuevo lo da por bueno, así que hay que mirarlo.
#[test]
fn ninguna_condicion_encadena_let() {
    let found = everywhere(chains);
    assert!(found.is_empty(), "un `let` tras `&&`, o `&&` tras un `let`:\n  {}", found.join("\n  "));
}

/// Partido en dos, para que este fichero no se encuentre a sí mismo.
const CALL: &str = concat!("format", "_args!(");

/// Guardarlo en una variable pide Rust 1.89.
#[test]
fn ningun_format_args_se_guarda_en_una_variable() {
    let (one, two) = (format!("let a = {CALL}\"\");"), format!("\nlet c =\n    {CALL}\"\");"));
    assert_eq!(kept(&(one + &two)), [1, 3]);
    assert!(kept(&format!("f({CALL}\"{{b}}\"));\n// let a = 1\n{CALL}\"\")")).is_empty());
    let found = everywhere(kept);
    assert!(found.is_empty(), "un format_args! guardado (usa format!):\n  {}", found.join("\n  "));
}

/// Las líneas en que hay un `format_args!` detrás de un igual.
fn kept(text: &str) -> Vec<usize> {
    let calls = text.match_indices(CALL).map(|(at, _)| &text[..at]);
    calls.filter(|before| before.trim_end().ends_with('=')).map(|before| before.lines().count()).collect()
}

/// Dónde hay algo que `search` encuentra, en todo el código del proyecto: `fichero:línea`.
fn everywhere(search: impl Fn(&str) -> Vec<usize>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = ["src", "tests", "tools", "examples", "fuzz", "labs", "book"].map(|dir| root.join(dir));
    let files = dirs.iter().filter(|dir| dir.is_dir()).flat_map(|dir| sources(dir));
    let mut found = Vec::new();
    for path in files.chain([root.join("build.rs")]) {
        let text = fs::read_to_string(&path).unwrap();
        for at in search(&text) {
            found.push(format!("{}:{at}", path.strip_prefix(root).unwrap().display()));
        }
    }
    found
}

#[test]
fn un_let_encadenado_se_reconoce_se_escriba_como_se_escriba() {
    let chained = [
        "if let Some(a) = b && a > 1 {",
        "if a && let Some(b) = c {",
        "} else if let Some(a) = b\n    && a.is_file()\n{",
        "while let Some(a) = b.next() && a > 1 {",
        "if a\n    && let Some(b) = c {",
    ];
    for text in chained {
        assert_eq!(chains(text).len(), 1, "{text}");
    }
    let plain = [
        "if let Some(a) = b.filter(|b| c && d) {",
        "if let Some(a) = b { c && d }",
        "if let Some(a) = (if x { y } else { z }) {",
        "let a = b && c;",
        "// if let a && let b",
        "if let Ok(a) = f(\"x && y\") {",
    ];
    for text in plain {
        assert!(chains(text).is_empty(), "{text}");
    }
}

/// Las líneas en que empieza un `&&` que encadena un `let`: lo lleva detrás, o está en su condición
/// (hasta la llave que la acaba, y sin contar lo que va entre paréntesis o comillas).
fn chains(text: &str) -> Vec<usize> {
    let (mut found, mut condition, mut depth) = (Vec::new(), false, 0);
    for (number, line) in text.lines().enumerate() {
        let line = line.split_once("//").map_or(line, |(code, _)| code);
        let code: String = line.split('"').step_by(2).collect();
        let mut rest = code.as_str();
        while let Some(first) = rest.chars().next() {
            if rest.starts_with("if let ") || rest.starts_with("while let ") {
                (condition, depth) = (true, 0);
            }
            match first {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                '{' | ';' if depth <= 0 => condition = false,
                '&' if rest.starts_with("&& let ") || rest.starts_with("&& ") && condition && depth <= 0 => {
                    found.push(number + 1);
                }
                _ => {}
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}
