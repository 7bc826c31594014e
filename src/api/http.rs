//! HTTP/1.1, lo justo: leer peticiones y escribir respuestas. Nada de aquí abre un socket.
//!
//! Quien llama puede ser cualquiera de esta máquina: todo tiene un tope, lo ambiguo se rechaza en vez
//! de adivinarse (dos longitudes, un salto de línea suelto), y lo que llega a trozos se lee una vez.

use std::fmt::Write;

// ANCHOR: limits
/// La línea de petición y las cabeceras.
pub const MAX_HEAD: usize = 16 * 1024;
/// El cuerpo: lo mismo que se admite en un fichero.
pub const MAX_BODY: usize = 1024 * 1024;
const MAX_HEADERS: usize = 64;
/// La línea con el tamaño de un trozo, y las que siguen al último.
const MAX_LINE: usize = 1024;
// ANCHOR_END: limits

/// Una petición entera.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    pub method: String,
    /// Las partes de la ruta, ya descifradas: `/api/v1/pods` son tres.
    pub path: Vec<String>,
    pub query: Pairs,
    /// Los nombres, en minúsculas.
    pub headers: Pairs,
    pub body: Vec<u8>,
    /// Tras la respuesta se cuelga.
    pub close: bool,
    /// De HTTP/1.0, que no sabe recibir a trozos.
    pub old: bool,
}

/// Por qué no se entiende: el código de HTTP y qué tiene de malo.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub why: &'static str,
}

fn refuse<T>(status: u16, why: &'static str) -> Result<T, Refusal> {
    Err(Refusal { status, why })
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// De qué tipo dice ser el cuerpo, sin sus parámetros.
    pub fn content_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// El valor de `?name=…`; si se repite, el primero.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `true`, `1` o sin valor.
    pub fn asks(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| matches!(value, "true" | "1" | ""))
    }
}

/// Por dónde va la lectura.
#[derive(Debug, Default)]
enum Stage {
    #[default]
    Head,
    /// Faltan estos bytes de cuerpo.
    Sized(usize),
    /// La línea con el tamaño del próximo trozo.
    ChunkSize,
    Chunk(usize),
    /// El salto de línea que cierra un trozo.
    ChunkEnd,
    /// Lo que puede haber tras el último trozo: se lee y se tira.
    Trailer,
}

/// Lee peticiones, lleguen como lleguen partidas.
#[derive(Debug, Default)]
pub struct Parser {
    stage: Stage,
    /// La cabecera, o la línea, que aún no ha llegado entera.
    line: Vec<u8>,
    request: Request,
}

impl Parser {
    /// ¿Hay una petición a medias?
    pub fn is_waiting(&self) -> bool {
        !matches!(self.stage, Stage::Head) || !self.line.is_empty()
    }

    /// Consume de `bytes` lo que haga falta: cuánto ha usado y, si ya está entera, la petición.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(usize, Option<Request>), Refusal> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let done = match self.stage {
                Stage::Head => {
                    used += 1;
                    self.head_byte(rest[0])?
                }
                Stage::Sized(left) | Stage::Chunk(left) => {
                    let taken = left.min(rest.len());
                    self.request.body.extend_from_slice(&rest[..taken]);
                    used += taken;
                    self.took(left - taken)
                }
                Stage::ChunkSize | Stage::ChunkEnd | Stage::Trailer => {
                    used += 1;
                    self.line_byte(rest[0])?
                }
            };
            if done {
                self.stage = Stage::Head;
                return Ok((used, Some(std::mem::take(&mut self.request))));
            }
        }
        Ok((used, None))
    }

    /// Ha llegado un trozo del cuerpo, y de lo prometido faltan `left`.
    fn took(&mut self, left: usize) -> bool {
        self.stage = match (&self.stage, left) {
            (Stage::Chunk(_), 0) => Stage::ChunkEnd,
            (Stage::Chunk(_), left) => Stage::Chunk(left),
            (_, left) => Stage::Sized(left),
        };
        matches!(self.stage, Stage::Sized(0))
    }

    /// Un byte de la cabecera; `true` si con ella está ya todo.
    fn head_byte(&mut self, byte: u8) -> Result<bool, Refusal> {
        // entre una petición y otra puede haber saltos de línea de más
        if self.line.is_empty() && matches!(byte, b'\r' | b'\n') {
            return Ok(false);
        }
        self.line.push(byte);
        if self.line.len() > MAX_HEAD {
            return refuse(431, "la cabecera es demasiado grande");
        }
        if !self.line.ends_with(b"\r\n\r\n") {
            return Ok(false);
        }
        let head = std::mem::take(&mut self.line);
        let Ok(text) = std::str::from_utf8(&head[..head.len() - 4]) else {
            return refuse(400, "la cabecera no es texto");
        };
        self.request = parse_head(text)?;
        self.stage = body_of(&self.request)?;
        Ok(matches!(self.stage, Stage::Sized(0)))
    }

    fn line_byte(&mut self, byte: u8) -> Result<bool, Refusal> {
        if byte != b'\n' {
            self.line.push(byte);
            return if self.line.len() > MAX_LINE {
                refuse(400, "el trozo no se entiende")
            } else {
                Ok(false)
            };
        }
        let line = std::mem::take(&mut self.line);
        let Some((b'\r', line)) = line.split_last() else { return refuse(400, "un salto de línea suelto") };
        self.stage = match self.stage {
            Stage::ChunkSize => match chunk_size(line)? {
                0 => Stage::Trailer,
                size if self.request.body.len() + size > MAX_BODY => {
                    return refuse(413, "el cuerpo es demasiado grande");
                }
                size => Stage::Chunk(size),
            },
            Stage::ChunkEnd if line.is_empty() => Stage::ChunkSize,
            Stage::ChunkEnd => return refuse(400, "un trozo mide más de lo que dice"),
            Stage::Trailer if line.is_empty() => return Ok(true),
            _ => Stage::Trailer,
        };
        Ok(false)
    }
}

/// `1a3;lo=que=sea` → 0x1a3.
fn chunk_size(line: &[u8]) -> Result<usize, Refusal> {
    let digits = line.split(|b| *b == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).unwrap_or_default().trim_end();
    let good = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    match usize::from_str_radix(digits, 16) {
        Ok(size) if good => Ok(size),
        _ => refuse(400, "el trozo no se entiende"),
    }
}

fn parse_head(text: &str) -> Result<Request, Refusal> {
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return refuse(400, "la primera línea no es «MÉTODO /ruta HTTP/1.1»");
    };
    if method.is_empty() || method.len() > 16 || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return refuse(400, "el método no se entiende");
    }
    let old = match version {
        "HTTP/1.1" => false,
        "HTTP/1.0" => true,
        _ => return refuse(505, "solo se habla HTTP/1.1"),
    };
    let (path, query) = parse_target(target)?;
    let mut headers = Vec::new();
    for line in lines {
        if headers.len() >= MAX_HEADERS {
            return refuse(431, "hay demasiadas cabeceras");
        }
        headers.push(parse_header(line)?);
    }
    let mut request = Request { method: method.into(), path, query, headers, old, ..Request::default() };
    let repeated = |name: &str| request.headers.iter().filter(|(known, _)| known == name).count();
    match (repeated("host"), old) {
        (1, _) | (0, true) => {}
        _ => return refuse(400, "ha de haber una cabecera Host, y solo una"),
    }
    let said = request.header("connection").unwrap_or_default().to_lowercase();
    let says = |word: &str| said.split(',').any(|w| w.trim() == word);
    request.close = says("close") || old && !says("keep-alive");
    Ok(request)
}

/// Nombres con su valor: cabeceras, o lo que va detrás de `?`.
type Pairs = Vec<(String, String)>;

fn parse_target(target: &str) -> Result<(Vec<String>, Pairs), Refusal> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return refuse(400, "la ruta ha de empezar por /");
    }
    let parts = path.split('/').filter(|part| !part.is_empty());
    let path = parts.map(|part| decode(part, false)).collect::<Result<Vec<_>, _>>()?;
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name, true)?, decode(value, true)?))
    };
    let query = query.split('&').filter(|p| !p.is_empty()).map(pair).collect::<Result<Vec<_>, _>>()?;
    Ok((path, query))
}

fn parse_header(line: &str) -> Result<(String, String), Refusal> {
    let Some((name, value)) = line.split_once(':') else { return refuse(400, "una cabecera no tiene «:»") };
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return refuse(400, "el nombre de una cabecera no se entiende");
    }
    let value = value.trim_matches([' ', '\t']);
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return refuse(400, "una cabecera lleva caracteres de control");
    }
    Ok((name.to_ascii_lowercase(), value.to_string()))
}

/// Cómo llega el cuerpo. Decirlo de dos maneras es la forma de colar una petición dentro de otra.
fn body_of(request: &Request) -> Result<Stage, Refusal> {
    let lengths: Vec<&str> =
        request.headers.iter().filter(|(n, _)| n == "content-length").map(|(_, v)| v.as_str()).collect();
    match (request.header("transfer-encoding"), lengths.as_slice()) {
        (None, []) => Ok(Stage::Sized(0)),
        (None, [length]) => {
            let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
            match length.parse::<usize>() {
                _ if !digits => refuse(400, "Content-Length no es un número"),
                Ok(length) if length <= MAX_BODY => Ok(Stage::Sized(length)),
                _ => refuse(413, "el cuerpo es demasiado grande"),
            }
        }
        (Some(coding), []) if coding.eq_ignore_ascii_case("chunked") && !request.old => Ok(Stage::ChunkSize),
        (Some(_), []) => refuse(501, "no se entiende cómo viene el cuerpo (Transfer-Encoding)"),
        _ => refuse(400, "el cuerpo dice su longitud de dos maneras"),
    }
}

/// `%20` → un espacio. En la consulta, también `+`.
fn decode(text: &str, in_query: bool) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return refuse(400, "un % de la ruta no lleva dos cifras detrás");
                };
                bytes.push((high * 16 + low) as u8);
            }
            b'+' if in_query => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => Ok(text),
        _ => refuse(400, "la ruta no es texto"),
    }
}

/// Cómo acaba el cuerpo de una respuesta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    Known(usize),
    /// A trozos, cada uno con su tamaño delante.
    Chunked,
    /// Cuando se cuelga.
    UntilClose,
}

/// La cabecera de una respuesta. `warnings`: lo que kubectl enseña como «Warning: …».
pub fn head(status: u16, kind: &str, length: Length, close: bool, warnings: &[String]) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nCache-Control: no-cache, private\r\n\
         X-Content-Type-Options: nosniff\r\n",
        reason(status)
    );
    for warning in warnings {
        let clean: String = warning.chars().filter(|c| !c.is_control()).collect();
        // a un String se escribe siempre
        let _ = write!(text, "Warning: 299 - \"{}\"\r\n", clean.replace('\\', "\\\\").replace('"', "\\\""));
    }
    text += &match length {
        Length::Known(length) => format!("Content-Length: {length}\r\n"),
        Length::Chunked => "Transfer-Encoding: chunked\r\n".to_string(),
        Length::UntilClose => String::new(),
    };
    if close {
        text += "Connection: close\r\n";
    }
    (text + "\r\n").into_bytes()
}

/// Añade a `out` un trozo; vacío no se puede: sería el último.
pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// El trozo vacío que dice que no hay más.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
