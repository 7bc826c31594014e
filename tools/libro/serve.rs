//! Un servidor para leer el libro mientras se escribe: un bucle, una petición cada vez.
//!
//! Cada segundo mira si ha cambiado algo y, si ha cambiado, vuelve a construir el libro.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Sirve `out` en 127.0.0.1:`port` y llama a `rebuild` cuando cambia algo de `watched`.
pub fn run(out: &Path, port: u16, watched: &[PathBuf], rebuild: &dyn Fn()) -> Result<(), String> {
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|e| format!("el puerto {port}: {e}"))?;
    listener.set_nonblocking(true).map_err(|e| e.to_string())?;
    println!("El libro está en http://127.0.0.1:{port}/ (Ctrl-C para acabar)");
    let mut seen = newest(watched);
    let mut last_look = SystemTime::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(e) = answer(stream, out) {
                    eprintln!("  {e}");
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(30)),
            Err(e) => return Err(e.to_string()),
        }
        if last_look.elapsed().is_ok_and(|t| t > Duration::from_secs(1)) {
            last_look = SystemTime::now();
            let now = newest(watched);
            if now != seen {
                seen = now;
                rebuild();
            }
        }
    }
}

/// La última vez que cambió algo.
fn newest(paths: &[PathBuf]) -> Option<SystemTime> {
    paths.iter().filter_map(|p| newest_in(p)).max()
}

fn newest_in(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).and_then(|m| m.modified()).ok();
    let inside =
        fs::read_dir(path).into_iter().flatten().flatten().filter_map(|e| newest_in(&e.path())).max();
    own.max(inside)
}

fn answer(stream: TcpStream, out: &Path) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
    let target = request.split(' ').nth(1).unwrap_or("/");
    let path = target.split(['?', '#']).next().unwrap_or("/").trim_start_matches('/');
    let mut file = out.join(path);
    if path.contains("..") || !file.starts_with(out) {
        return reply(&stream, "403 Forbidden", "text/plain", b"no");
    }
    if file.is_dir() {
        file.push("index.html");
    }
    match fs::read(&file) {
        Ok(content) => reply(&stream, "200 OK", kind(&file), &content),
        Err(_) => reply(&stream, "404 Not Found", "text/plain; charset=utf-8", "no está".as_bytes()),
    }
}

fn reply(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
