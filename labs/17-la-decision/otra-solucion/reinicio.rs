//! De otra manera: todo de una vez, con las esperas como una sucesión que se vuelve a empezar.

use std::io::{Read, Write, stdin, stdout};
use std::iter::{once, successors};
use std::time::Duration;

fn waits() -> impl Iterator<Item = Duration> {
    let longest = Duration::from_secs(300);
    let doubled = successors(Some(Duration::from_secs(10)), move |wait| Some(longest.min(*wait * 2)));
    once(Duration::ZERO).chain(doubled)
}

fn main() {
    let policy = std::env::args().nth(1).unwrap_or_default();
    let mut input = String::new();
    stdin().read_to_string(&mut input).unwrap();
    let words: Vec<i64> = input.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let mut out = stdout().lock();
    let mut pending: Box<dyn Iterator<Item = Duration>> = Box::new(waits());
    let mut now = Duration::ZERO;
    for life in words.chunks(2) {
        let (lasted, failed) = (Duration::from_secs(life[0] as u64), life[1] != 0);
        now += lasted;
        match (policy.as_str(), failed) {
            ("Always", _) | ("OnFailure", true) => {
                if lasted > Duration::from_secs(10 * 60) {
                    pending = Box::new(waits());
                }
                now += pending.next().unwrap();
                writeln!(out, "{}", now.as_secs()).unwrap();
            }
            (_, false) => return writeln!(out, "Succeeded").unwrap(),
            (_, true) => return writeln!(out, "Failed").unwrap(),
        }
    }
}
