//! Decide si un contenedor vuelve a empezar, y cuándo.

use std::io::stdin;
use std::process::exit;

const FIRST: u64 = 10;
const LONGEST: u64 = 300;
const FORGET: u64 = 600;

struct Container {
    policy: String,
    /// El segundo en que empezó la vida de ahora.
    start: u64,
    /// Lo que toca esperar.
    delay: u64,
}

impl Container {
    fn ended(&mut self, lasted: u64, code: i32) -> Option<u64> {
        let again = match self.policy.as_str() {
            "Always" => true,
            "OnFailure" => code != 0,
            _ => false,
        };
        if !again {
            return None;
        }
        if lasted > FORGET {
            self.delay = 0;
        }
        self.start += lasted + self.delay;
        self.delay = (self.delay * 2).clamp(FIRST, LONGEST);
        Some(self.start)
    }
}

fn main() {
    let Some(policy) = std::env::args().nth(1) else { exit(2) };
    let mut container = Container { policy, start: 0, delay: 0 };
    for line in stdin().lines() {
        let line = line.unwrap_or_default();
        let Some((lasted, code)) = line.split_once(' ') else { exit(2) };
        let (Ok(lasted), Ok(code)) = (lasted.parse(), code.parse()) else { exit(2) };
        match container.ended(lasted, code) {
            Some(start) => println!("{start}"),
            None => {
                println!("{}", if code == 0 { "Succeeded" } else { "Failed" });
                return;
            }
        }
    }
}
