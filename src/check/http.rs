//! Capítulo 19 · Una petición HTTP, byte a byte: lo que se pide y lo que se entiende de la respuesta.
//!
//! Aquí no hay conexiones: entran bytes y sale una decisión. Quien los trae es `talk.rs`.

/// Lo que se lee del cuerpo de una respuesta, como mucho; lo demás ya no cambia nada.
const MAX_BODY: usize = 10 * 1024;
/// Lo que puede ocupar la cabecera de una respuesta.
const MAX_HEAD: usize = 64 * 1024;

/// Lo que se va a pedir, con la máquina y el puerto ya decididos.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub host: String,
    pub port: u16,
    /// Con su `?consulta`, si la tiene.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Quién dice que es: `kube-probe/1.36`.
    pub agent: &'static str,
}

impl Request {
    /// La petición, tal como viaja. Sin conexión que mantener, sin compresión.
    pub fn bytes(&self) -> Vec<u8> {
        let given = |name: &str| {
            let of = |(n, v): &(String, String)| n.eq_ignore_ascii_case(name).then(|| v.clone());
            self.headers.iter().find_map(of)
        };
        let host = given("Host").filter(|value| !value.is_empty()).unwrap_or_else(|| self.authority());
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {host}\r\n", encoded(&self.path));
        // las dos que Kubernetes pone se cambian dándolas, y se quitan dándolas vacías
        let agent = given("User-Agent").unwrap_or_else(|| self.agent.to_string());
        let accept = given("Accept").unwrap_or_else(|| "*/*".to_string());
        for (name, value) in [("User-Agent", agent), ("Accept", accept)] {
            if !value.is_empty() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let mut accepts = 0;
        for (name, value) in &self.headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            accepts += usize::from(is("Accept"));
            let repeated_accept = is("Accept") && accepts > 1 && !value.is_empty();
            if repeated_accept || !(is("Host") || is("User-Agent") || is("Accept")) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("Connection: close\r\n\r\n");
        text.into_bytes()
    }

    /// `10.244.0.5:80`, `[::1]:80`.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}{}", self.authority(), self.path)
    }
}

/// Lo que no es ASCII viaja como `%C3%B1`.
fn encoded(path: &str) -> String {
    let byte = |b: u8| if b.is_ascii() { char::from(b).to_string() } else { format!("%{b:02X}") };
    path.bytes().map(byte).collect()
}

/// La respuesta, ya leída.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub code: u16,
    pub location: Option<String>,
}

/// Cuánto cuerpo falta por leer.
#[derive(Clone, Debug, Default, PartialEq)]
enum Body {
    /// Aún se lee la cabecera.
    #[default]
    Unknown,
    Sized(usize),
    Chunked,
    UntilClosed,
}

/// Una respuesta que va llegando.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    body: Body,
    response: Option<Response>,
    /// Dónde empieza el cuerpo.
    start: usize,
}

impl Reader {
    // ANCHOR: feed
    /// Llegan bytes. Devuelve la respuesta cuando está entera, o cuando lo que falta no importa.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<Response>, String> {
        self.bytes.extend_from_slice(bytes);
        while self.response.is_none() {
            let Some(end) = self.bytes.windows(4).position(|w| w == b"\r\n\r\n") else {
                return match self.bytes.len() > MAX_HEAD {
                    true => Err(format!("la cabecera de la respuesta pasa de {} KiB", MAX_HEAD / 1024)),
                    false => Ok(None),
                };
            };
            let (response, body) = head(&self.bytes[..end])?;
            match response.code {
                // «sigue» y otras provisionales: la de verdad viene detrás
                100..=199 => drop(self.bytes.drain(..end + 4)),
                _ => (self.response, self.body, self.start) = (Some(response), body, end + 4),
            }
        }
        let body = &self.bytes[self.start..];
        let complete = body.len() >= MAX_BODY
            || match self.body {
                Body::Sized(length) => body.len() >= length,
                Body::Chunked => all_chunks(body)?,
                Body::UntilClosed | Body::Unknown => false,
            };
        Ok(self.response.clone().filter(|_| complete))
    }
    // ANCHOR_END: feed

    /// La otra parte ha cerrado: vale si ya había dicho cuanto iba a decir.
    pub fn closed(&mut self) -> Result<Response, String> {
        match (&self.response, &self.body) {
            (Some(response), Body::UntilClosed) => Ok(response.clone()),
            (Some(_), _) => Err("la respuesta se corta a la mitad".into()),
            (None, _) if self.bytes.is_empty() => Err("cierra la conexión sin responder".into()),
            (None, _) => match self.bytes.starts_with(b"HTTP/") {
                true => Err("la respuesta se corta a la mitad".into()),
                false => Err("la respuesta no es HTTP".into()),
            },
        }
    }
}

fn head(bytes: &[u8]) -> Result<(Response, Body), String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1."));
    let code = status.and_then(|line| line.get(2..5)?.parse::<u16>().ok());
    let code = code.ok_or("la respuesta no es HTTP")?;
    let (mut location, mut body) = (None, Body::UntilClosed);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "location" if location.is_none() && !value.is_empty() => location = Some(value.to_string()),
            // lo que diga Content-Length no vale si va a trozos
            "content-length" if body != Body::Chunked => {
                let length = value.parse().map_err(|_| format!("Content-Length no es un número: {value}"))?;
                body = Body::Sized(length);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => body = Body::Chunked,
            _ => {}
        }
    }
    if matches!(code, 204 | 304) {
        body = Body::Sized(0);
    }
    Ok((Response { code, location }, body))
}

/// ¿Ha llegado ya el último trozo, el de longitud 0?
fn all_chunks(mut body: &[u8]) -> Result<bool, String> {
    loop {
        let Some(end) = body.windows(2).position(|w| w == b"\r\n") else { return Ok(false) };
        let line = String::from_utf8_lossy(&body[..end]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let size =
            usize::from_str_radix(size, 16).map_err(|_| "un trozo de la respuesta no dice su tamaño")?;
        body = &body[end + 2..];
        if size == 0 {
            return Ok(body.starts_with(b"\r\n") || body.windows(4).any(|w| w == b"\r\n\r\n"));
        }
        let Some(rest) = size.checked_add(2).and_then(|skip| body.get(skip..)) else { return Ok(false) };
        body = rest;
    }
}

/// Adónde lleva una redirección.
#[derive(Debug, PartialEq)]
pub enum Follow {
    /// A la misma máquina: se sigue.
    Here(Request),
    /// A otra: no se sigue.
    Elsewhere,
    /// A la misma, cifrado: no se puede seguir.
    Encrypted,
}

// ANCHOR: follow
/// ¿Se sigue esta redirección? Solo si es a la misma máquina; el puerto puede ser otro.
pub fn follow(from: &Request, location: &str) -> Follow {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = location.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?']));
    let (rest, encrypted) = match scheme {
        Some(("http", rest)) => (rest, false),
        Some(("https", rest)) => (rest, true),
        Some(_) => return Follow::Elsewhere,
        None => match location.strip_prefix("//") {
            Some(rest) => (rest, false),
            None => return Follow::Here(Request { path: resolved(&from.path, location), ..from.clone() }),
        },
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((host, port)) = split_authority(authority) else { return Follow::Elsewhere };
    if !host.eq_ignore_ascii_case(&from.host) {
        return Follow::Elsewhere;
    }
    if encrypted {
        return Follow::Encrypted;
    }
    let path = if path.starts_with('/') { path.to_string() } else { format!("/{path}") };
    let mut next = Request { port, path, ..from.clone() };
    if scheme.is_some() {
        // con dirección nueva no vale el Host que se dio para la antigua
        next.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    }
    Follow::Here(next)
}
// ANCHOR_END: follow

fn split_authority(authority: &str) -> Option<(&str, u16)> {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, port.strip_prefix(':'))
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port.filter(|port| !port.is_empty()).map_or(Some(80), |port| port.parse().ok())?;
    Some((host, port))
}

/// Una ruta relativa, respecto a la de la página que la da.
fn resolved(base: &str, location: &str) -> String {
    let page = base.split('?').next().unwrap_or("/");
    if location.is_empty() {
        return base.to_string();
    }
    if location.starts_with('?') {
        return format!("{page}{location}");
    }
    let (path, query) = location.find('?').map_or((location, ""), |at| location.split_at(at));
    let absolute = match path.starts_with('/') {
        true => path.to_string(),
        false => format!("{}/{path}", page.rsplit_once('/').map_or("", |(dir, _)| dir)),
    };
    let mut parts: Vec<&str> = Vec::new();
    let last = absolute.split('/').next_back().unwrap_or_default();
    for part in absolute.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if matches!(last, "." | "..") {
        parts.push("");
    }
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        Request {
            host: "10.244.0.5".into(),
            port: 8080,
            path: "/salud?x=1".into(),
            headers: headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
            agent: "kube-probe/1.36",
        }
    }

    fn asked(headers: &[(&str, &str)]) -> String {
        String::from_utf8(request(headers).bytes()).unwrap()
    }

    #[test]
    fn se_pide_como_kubernetes_sin_mantener_la_conexion() {
        assert_eq!(
            asked(&[]),
            "GET /salud?x=1 HTTP/1.1\r\nHost: 10.244.0.5:8080\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\n\
             Connection: close\r\n\r\n"
        );
        let strange = Request { host: "::1".into(), path: "/año".into(), ..request(&[]) };
        let text = String::from_utf8(strange.bytes()).unwrap();
        assert!(text.starts_with("GET /a%C3%B1o HTTP/1.1\r\nHost: [::1]:8080\r\n"), "{text}");
    }

    #[test]
    fn las_cabeceras_dadas_ganan_se_repiten_y_vacias_quitan_las_de_serie() {
        let text =
            asked(&[("host", "mi.sitio"), ("accept", ""), ("user-agent", "yo"), ("X-A", "1"), ("X-A", "2")]);
        assert!(text.contains("\r\nHost: mi.sitio\r\nUser-Agent: yo\r\nX-A: 1\r\nX-A: 2\r\n"), "{text}");
        assert!(!text.contains("Accept"));
        let text =
            asked(&[("User-Agent", ""), ("Accept", "a/b"), ("Accept", "c/d"), ("X-Vacia", ""), ("Host", "")]);
        assert!(!text.contains("User-Agent"), "{text}");
        assert!(
            text.contains("Host: 10.244.0.5:8080\r\nAccept: a/b\r\nAccept: c/d\r\nX-Vacia: \r\n"),
            "{text}"
        );
    }

    /// Lo que se entiende de una respuesta que llega de a trozos de `n` bytes y luego se cierra.
    fn read(text: &str, n: usize) -> Result<Response, String> {
        let mut reader = Reader::default();
        for chunk in text.as_bytes().chunks(n) {
            if let Some(response) = reader.feed(chunk)? {
                return Ok(response);
            }
        }
        reader.closed()
    }

    fn code(text: &str) -> Result<u16, String> {
        let whole = read(text, text.len().max(1)).map(|r| r.code);
        assert_eq!(read(text, 1).map(|r| r.code), whole, "da igual cómo llegue partida");
        whole
    }

    #[test]
    fn la_respuesta_se_lee_entera_llegue_como_llegue() {
        assert_eq!(code("HTTP/1.1 200 OK\r\n\r\nhola"), Ok(200));
        assert_eq!(code("HTTP/1.0 503 No\r\nContent-Length: 4\r\n\r\nhola"), Ok(503));
        assert_eq!(code("HTTP/1.1 204 X\r\nContent-Length: 4\r\n\r\n"), Ok(204), "204 no lleva cuerpo");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhola\r\n0\r\n\r\n";
        assert_eq!(code(chunked), Ok(200));
        assert_eq!(code("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 418 Tetera\r\n\r\n"), Ok(418));
    }

    #[test]
    fn una_respuesta_a_medias_no_vale() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhola",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhola\r\n",
            "HTTP/1.1 200 OK\r\n",
        ] {
            assert_eq!(code(text), Err("la respuesta se corta a la mitad".into()), "{text}");
        }
        assert_eq!(code(""), Err("cierra la conexión sin responder".into()));
        for text in ["SSH-2.0-OpenSSH\r\n", "hola\r\n\r\n", "HTTP/2 200\r\n\r\n"] {
            assert_eq!(code(text), Err("la respuesta no es HTTP".into()), "{text}");
        }
        assert!(code("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }

    #[test]
    fn del_cuerpo_se_leen_diez_kib_y_de_la_cabecera_sesenta_y_cuatro() {
        let mut reader = Reader::default();
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n").unwrap();
        assert_eq!(reader.feed(&[b'x'; MAX_BODY - 1]), Ok(None));
        assert_eq!(reader.feed(b"x").unwrap().unwrap().code, 200, "con 10 KiB basta");
        let mut endless = Reader::default();
        assert!(endless.feed(&[b'x'; MAX_HEAD + 1]).is_err());
    }

    #[test]
    fn una_redireccion_se_sigue_solo_a_la_misma_maquina() {
        let from = request(&[("Host", "mi.sitio"), ("X-A", "1")]);
        for (location, port, path) in [
            ("/otra", 8080, "/otra"),
            ("otra?y=2", 8080, "/otra?y=2"),
            ("../a/./b", 8080, "/a/b"),
            ("?z", 8080, "/salud?z"),
            ("http://10.244.0.5/x#fin", 80, "/x"),
            ("//10.244.0.5:81", 81, "/"),
            ("http://10.244.0.5:82?q=://", 82, "/?q=://"),
        ] {
            let Follow::Here(next) = follow(&from, location) else { panic!("{location}") };
            assert_eq!((next.port, next.path.as_str()), (port, path), "{location}");
            assert!(next.headers.iter().any(|(name, _)| name == "X-A"), "{location}");
            let keeps_host = next.headers.iter().any(|(name, _)| name == "Host");
            assert_eq!(
                keeps_host,
                !location.starts_with("http"),
                "el Host dado es de la dirección vieja: {location}"
            );
        }
        assert_eq!(follow(&from, "https://10.244.0.5/x"), Follow::Encrypted);
        for location in
            ["http://10.244.0.6/", "http://ejemplo.invalid", "ftp://10.244.0.5/", "http://10.244.0.5:x/"]
        {
            assert_eq!(follow(&from, location), Follow::Elsewhere, "{location}");
        }
    }
}
