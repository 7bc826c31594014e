//! De otra manera: con la biblioteca de C para convertirse en el programa, una tabla de unidades y el número del
//! proceso escrito con todas sus cifras.

use std::ffi::{CString, c_char};
use std::fs::{self, File};
use std::io::Write;
use std::process::exit;

unsafe extern "C" {
    fn execvp(file: *const c_char, argv: *const *const c_char) -> i32;
}

const UNITS: [(&str, u64); 4] = [("Ki", 1 << 10), ("Mi", 1 << 20), ("k", 1_000), ("M", 1_000_000)];

fn number(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("«{text}» no es un número"));
    }
    text.parse().map_err(|_| format!("«{text}» es demasiado"))
}

fn bytes(text: &str) -> Result<u64, String> {
    for (unit, size) in UNITS {
        if let Some(head) = text.strip_suffix(unit) {
            return Ok(number(head)? * size);
        }
    }
    number(text)
}

fn quota(text: &str) -> Result<u64, String> {
    if text.ends_with('m') { Ok(number(&text[..text.len() - 1])? * 100) } else { Ok(number(text)? * 100_000) }
}

fn put(path: String, text: String) {
    let done = File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = done {
        eprintln!("{path}: {error}");
        exit(1);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 5 {
        exit(2);
    }
    let limits = bytes(&args[2]).and_then(|memory| Ok((memory, quota(&args[3])?)));
    let (memory, cpu) = limits.unwrap_or_else(|why| {
        eprintln!("{why}");
        exit(2)
    });
    let group = &args[1];
    let _ = fs::create_dir_all(group);
    put(format!("{group}/cpu.max"), format!("{cpu} 100000\n"));
    put(format!("{group}/memory.max"), format!("{memory}\n"));
    put(format!("{group}/cgroup.procs"), std::process::id().to_string());
    let words: Vec<CString> = args[4..].iter().map(|word| CString::new(word.as_str()).unwrap()).collect();
    let mut argv: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(std::ptr::null());
    // SAFETY: argv acaba en nulo, y las palabras viven más que la llamada
    unsafe { execvp(argv[0], argv.as_ptr()) };
    eprintln!("no se puede ejecutar {}", args[4]);
    exit(127);
}
