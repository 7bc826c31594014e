//! Una petición HTTP y su respuesta, desde el mundo del corrector: dentro de él solo están sus Pods, así
//! que nadie puede contestar desde la máquina.

use super::pod::MAX_READ;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub code: u16,
    pub body: String,
}

/// Pide `path` a ese puerto.
pub fn get(ip: Ipv4Addr, port: u16, path: &str, patience: Duration) -> Result<Answer, String> {
    let url = format!("http://{ip}:{port}{path}");
    let failed = |e: std::io::Error| {
        let why = match e.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                "no contesta a tiempo".to_string()
            }
            _ => crate::error::in_spanish(e.to_string()),
        };
        format!("{url}: {why}")
    };
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((ip, port)), patience).map_err(failed)?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {ip}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut bytes = Vec::new();
    match stream.take(MAX_READ).read_to_end(&mut bytes) {
        // quien corta tras contestar ha contestado
        Err(e) if bytes.is_empty() => return Err(failed(e)),
        Ok(_) | Err(_) => {}
    }
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| format!("{url}: lo que contesta no es HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))?;
    let first = head.lines().next()?.strip_prefix("HTTP/")?;
    let code = first.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { code, body: body.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn de_una_respuesta_se_saca_el_codigo_y_el_cuerpo() {
        let answer = parse("HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\nno está\n").unwrap();
        assert_eq!(answer, Answer { code: 404, body: "no está\n".into() });
        for bad in ["", "hola", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn donde_no_escucha_nadie_se_dice_que_la_conexion_se_rechaza() {
        // el puerto se reserva y se suelta: nadie más lo usa entre medias
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = get(Ipv4Addr::LOCALHOST, free, "/", Duration::from_secs(1)).unwrap_err();
        assert!(error.contains("conexión rechazada"), "{error}");
    }
}
