//! De otra manera: sin rasgos. Un motor son cuatro funciones, y la política las recibe.

use std::process::{Command, exit};

type Words<'a> = &'a [String];

struct Engine {
    file: &'static str,
    create: fn(&Engine, &str, Words) -> Option<String>,
    verbs: [&'static str; 3],
    end: fn(bool, &str) -> Option<i32>,
}

impl Engine {
    fn say(&self, words: &[&str], rest: Words) -> (bool, String) {
        let folder = std::env::var("MOTORES").unwrap_or_else(|_| "motores".to_string());
        let out = Command::new("sh").arg(format!("{folder}/{}", self.file)).args(words).args(rest).output().unwrap();
        (out.status.success(), String::from_utf8(out.stdout).unwrap().trim().to_owned())
    }
}

const ROBLE: Engine = Engine {
    file: "roble",
    create: |engine, name, program| engine.say(&["create", name], program).0.then(|| name.to_string()),
    verbs: ["start", "state", "delete"],
    end: |_, said| said.split_once("stopped ").and_then(|(_, code)| code.parse().ok()),
};

const PINO: Engine = Engine {
    file: "pino",
    create: |engine, _, program| Some(engine.say(&["nuevo"], program)).filter(|(ok, _)| *ok).map(|(_, id)| id),
    verbs: ["arranca", "mira", "quita"],
    end: |alive, said| {
        let number: i32 = said.split(' ').next_back()?.parse().ok()?;
        (!alive).then_some(if said.starts_with("lo") { number | 128 } else { number })
    },
};

/// Un intento entero. Sin motor que pueda, nada.
fn attempt(engine: &Engine, name: &str, program: Words) -> Option<i32> {
    let id = (engine.create)(engine, name, program)?;
    let [start, look, delete] = engine.verbs;
    engine.say(&[start, &id], &[]).0.then_some(())?;
    let code = std::iter::from_fn(|| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let (alive, said) = engine.say(&[look, &id], &[]);
        Some((engine.end)(alive, &said))
    })
    .flatten()
    .next()?;
    engine.say(&[delete, &id], &[]);
    Some(code)
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let engine = match words.get(1).map(|word| word.as_ref()) {
        Some("roble") => ROBLE,
        Some("pino") => PINO,
        _ => exit(2),
    };
    if words.len() < 4 {
        exit(2);
    }
    let mut left = {{intentos}};
    let code = loop {
        left -= 1;
        match attempt(&engine, &words[2], &words[3..]) {
            None => {
                eprintln!("{} no puede", engine.file);
                break 125;
            }
            Some(code) if code == 0 || left == 0 => break code,
            Some(_) => {}
        }
    };
    exit(code);
}
