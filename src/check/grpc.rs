//! Capítulo 19 · Preguntar a `grpc.health.v1.Health/Check`: un cliente de HTTP/2 de una sola pregunta.
//!
//! gRPC es una llamada sobre HTTP/2: unas cabeceras, un mensaje de protobuf con su longitud delante
//! y, de vuelta, lo mismo y unas cabeceras finales con el resultado. Aquí entran bytes y salen bytes.

use super::hpack;

/// Lo que dijo el servidor.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Serving,
    /// Por qué no.
    Not(String),
}

/// Lo que puede ocupar una respuesta: la de salud son unos pocos bytes.
const MAX_ANSWER: usize = 64 * 1024;

// tipos de trama y sus marcas
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

// ANCHOR: question
/// La pregunta entera: se envía de una vez, sin esperar a que el servidor se presente.
pub fn question(authority: &str, service: &str) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // HEADER_TABLE_SIZE (1) y ENABLE_PUSH (2), los dos a 0
    bytes.extend(frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]));
    let mut headers = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("user-agent", "kube-probe/1.36"),
        ("te", "trailers"),
    ] {
        // nombre y valor literales, sin apuntar en la tabla
        headers.push(0);
        for text in [name, value] {
            prefixed(&mut headers, text.len());
            headers.extend(text.bytes());
        }
    }
    bytes.extend(frame(HEADERS, END_HEADERS, 1, &headers));
    // HealthCheckRequest: el campo 1, un texto
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(1 << 3 | 2);
        varint(&mut message, service.len());
        message.extend(service.bytes());
    }
    let mut body = vec![0];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    bytes.extend(frame(DATA, END_STREAM, 1, &body));
    bytes
}
// ANCHOR_END: question

/// Una longitud de HPACK, con un prefijo de 7 bits.
fn prefixed(out: &mut Vec<u8>, length: usize) {
    if length < 127 {
        return out.push(length as u8);
    }
    out.push(127);
    varint(out, length - 127);
}

/// Un entero de protobuf (y el resto de uno de HPACK): 7 bits por byte, los bajos primero.
fn varint(out: &mut Vec<u8>, mut n: usize) {
    while n > 127 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Una respuesta que va llegando.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    seen: usize,
    /// Ya se ha presentado: lo primero que dice un servidor son sus SETTINGS.
    greeted: bool,
    /// Las cabeceras a medias, si siguen en otra trama, y si con ellas acaba todo.
    headers: Vec<u8>,
    last: bool,
    data: Vec<u8>,
    status: Option<String>,
    http_status: Option<String>,
    message: Option<String>,
}

impl Reader {
    // ANCHOR: feed
    /// Llegan bytes. Devuelve la respuesta, si ya se sabe; en `reply` deja lo que haya que contestar.
    pub fn feed(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Option<Answer> {
        self.bytes.extend_from_slice(bytes);
        self.seen += bytes.len();
        while let Some(&[a, b, c, kind, flags, s0, s1, s2, s3]) = self.bytes.first_chunk::<9>() {
            if !std::mem::replace(&mut self.greeted, true) && kind != SETTINGS {
                return Some(Answer::Not("quien escucha no habla HTTP/2".into()));
            }
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = self.bytes.get(9..9 + length).map(<[u8]>::to_vec) else { break };
            self.bytes.drain(..9 + length);
            let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
            if let Some(answer) = self.frame(kind, flags, stream, payload, reply) {
                return Some(answer);
            }
        }
        (self.seen > MAX_ANSWER).then(|| Answer::Not("la respuesta no acaba nunca".into()))
    }
    // ANCHOR_END: feed

    fn frame(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Option<Answer> {
        let malformed = || Some(Answer::Not("la respuesta no es HTTP/2 válido".into()));
        match (kind, stream) {
            (SETTINGS, _) if flags & ACK == 0 => reply.extend(frame(SETTINGS, ACK, 0, &[])),
            (PING, _) if flags & ACK == 0 => reply.extend(frame(PING, ACK, 0, &payload)),
            (DATA, 1) => {
                let Some(data) = unpadded(&payload, flags & PADDED != 0, false) else { return malformed() };
                self.data.extend_from_slice(data);
                self.last = flags & END_STREAM != 0;
                return self.last.then(|| self.answer());
            }
            (HEADERS | CONTINUATION, 1) => {
                let part = match kind {
                    HEADERS => unpadded(&payload, flags & PADDED != 0, flags & PRIORITY != 0),
                    _ => Some(&payload[..]),
                };
                let Some(part) = part else { return malformed() };
                self.headers.extend_from_slice(part);
                if kind == HEADERS {
                    self.last = flags & END_STREAM != 0;
                }
                if flags & END_HEADERS != 0 {
                    let Some(headers) = hpack::decode(&std::mem::take(&mut self.headers)) else {
                        return malformed();
                    };
                    self.note(headers);
                    return self.last.then(|| self.answer());
                }
            }
            (RST_STREAM, 1) => return Some(Answer::Not("el servidor corta la llamada (RST_STREAM)".into())),
            (GOAWAY, _) => return Some(Answer::Not("el servidor se despide (GOAWAY)".into())),
            _ => {}
        }
        None
    }

    fn note(&mut self, headers: Vec<(String, String)>) {
        for (name, value) in headers {
            match name.as_str() {
                ":status" => self.http_status = Some(value),
                "grpc-status" => self.status = Some(value),
                "grpc-message" => self.message = Some(value),
                _ => {}
            }
        }
    }

    fn answer(&self) -> Answer {
        let said =
            self.message.as_ref().filter(|m| !m.is_empty()).map(|m| format!(": {m}")).unwrap_or_default();
        match self.status.as_deref() {
            Some("0") => match serving_status(&self.data) {
                Some(1) => Answer::Serving,
                Some(status) => Answer::Not(format!("el servicio dice que no está sano ({})", name(status))),
                None => Answer::Not("la respuesta no es un HealthCheckResponse".into()),
            },
            Some("12") => Answer::Not(format!(
                "el servidor no tiene el servicio grpc.health.v1.Health (UNIMPLEMENTED{said})"
            )),
            Some("5") => Answer::Not(format!("el servidor no conoce ese servicio (NOT_FOUND{said})")),
            Some(code) => Answer::Not(format!("la llamada falló con el código {code} de gRPC{said}")),
            None => match self.http_status.as_deref() {
                Some("200") | None => Answer::Not("el servidor no dice cómo acabó la llamada".into()),
                Some(code) => {
                    Answer::Not(format!("el servidor respondió con el código {code} de HTTP: no es gRPC"))
                }
            },
        }
    }

    /// La otra parte ha cerrado sin acabar.
    pub fn closed(&self) -> String {
        match self.seen {
            0 => "cierra la conexión sin responder".into(),
            _ => "cierra la conexión a media respuesta".into(),
        }
    }
}

/// La carga de una trama, sin su relleno ni su prioridad.
fn unpadded(payload: &[u8], padded: bool, priority: bool) -> Option<&[u8]> {
    let mut rest = payload;
    let mut padding = 0;
    if padded {
        let (first, after) = rest.split_first()?;
        (padding, rest) = (usize::from(*first), after);
    }
    if priority {
        rest = rest.get(5..)?;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

/// El campo 1 de HealthCheckResponse. Si no viene, vale 0: UNKNOWN.
fn serving_status(data: &[u8]) -> Option<u64> {
    let [0, a, b, c, d] = data.first_chunk::<5>()? else { return None };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    let mut message = data.get(5..)?.get(..length)?;
    let mut status = 0;
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        let number = match key & 7 {
            0 => Some(take_varint(&mut message)?),
            1 => skip(&mut message, 8)?,
            2 => {
                let length = take_varint(&mut message)?;
                skip(&mut message, usize::try_from(length).ok()?)?
            }
            5 => skip(&mut message, 4)?,
            _ => return None,
        };
        if let (1, Some(number)) = (key >> 3, number) {
            status = number;
        }
    }
    Some(status)
}

fn skip(message: &mut &[u8], n: usize) -> Option<Option<u64>> {
    *message = message.get(n..)?;
    Some(None)
}

fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn name(status: u64) -> String {
    match status {
        0 => "UNKNOWN".into(),
        2 => "NOT_SERVING".into(),
        3 => "SERVICE_UNKNOWN".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// gRPC 1.85 (el núcleo en C): textos sin comprimir.
    const SERVING: &str = "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004 \
        0100000000000004080000000000000000050000080600000000009452b0633ede782100004f0104000000012088400c636f \
        6e74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f64696e6717 \
        6964656e746974792c206465666c6174652c20677a69700000070000000000010000000002080100001e010500000001400b \
        677270632d7374617475730130000c677270632d6d65737361676500";
    /// El mismo, a quien se pregunta por un servicio que no tiene.
    const NOT_FOUND: &str = "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004 \
        01000000000000040800000000000000000b0000080600000000008abb852cb750310100004f0104000000012088400c636f \
        6e74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f64696e6717 \
        6964656e746974792c206465666c6174652c20677a6970000005000000000001000000000000001e010500000001400b6772 \
        70632d7374617475730135000c677270632d6d65737361676500";
    /// El mismo, sin servicio de salud.
    const UNIMPLEMENTED: &str = "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004 \
        010000000000000408000000000000000005000008060000000000eaa5d7bf1b02b2d10000510105000000012088400c636f \
        6e74656e742d74797065106170706c69636174696f6e2f67727063400b677270632d737461747573023132000c677270632d \
        6d657373616765114d6574686f64206e6f7420666f756e6421";
    /// grpclib 0.4 (sobre h2): textos comprimidos con Huffman.
    const NOT_SERVING: &str = "00002a04000000000000010000100000020000000000040000ffff0005000040000008000000000003000000640006000100 \
        00000004080000000000003f000100000604000000000000040040000000000004010000000000001401040000000120885f \
        901d75d0620d263d4c4d6564ff75d8749f0000070000000000010000000002080200000c01050000000140889acac8b21234 \
        da8f8107";

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    /// Lo que se entiende de una respuesta grabada que llega de a `n` bytes, y lo que se contesta.
    fn read(bytes: &[u8], n: usize) -> (Option<Answer>, Vec<u8>) {
        let (mut reader, mut reply) = (Reader::default(), Vec::new());
        let answer = bytes.chunks(n).find_map(|chunk| reader.feed(chunk, &mut reply));
        (answer, reply)
    }

    fn why(hex: &str) -> String {
        let bytes = bytes(hex);
        assert_eq!(read(&bytes, 1), read(&bytes, bytes.len()), "da igual cómo llegue partida");
        match read(&bytes, 7).0 {
            Some(Answer::Not(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn las_respuestas_grabadas_de_dos_servidores_se_entienden() {
        for n in [1, 5, 9, 1000] {
            assert_eq!(read(&bytes(SERVING), n).0, Some(Answer::Serving), "de {n} en {n}");
        }
        assert_eq!(why(NOT_SERVING), "el servicio dice que no está sano (NOT_SERVING)");
        assert_eq!(why(NOT_FOUND), "el servidor no conoce ese servicio (NOT_FOUND)");
        let unimplemented =
            "el servidor no tiene el servicio grpc.health.v1.Health (UNIMPLEMENTED: Method not found!)";
        assert_eq!(why(UNIMPLEMENTED), unimplemented);
    }

    #[test]
    fn a_cada_settings_y_a_cada_ping_se_le_contesta() {
        let (_, reply) = read(&bytes(SERVING), 1000);
        let ping = "9452b0633ede7821";
        assert_eq!(reply, bytes(&format!("000000 04 01 00000000 000008 06 01 00000000 {ping}")));
    }

    #[test]
    fn la_pregunta_es_http2_y_protobuf() {
        let text = question("10.244.0.5:50051", "mi.servicio");
        let rest = text.strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut frames = Vec::new();
        let mut rest = rest;
        while let Some(&[a, b, c, kind, flags, _, _, _, stream]) = rest.first_chunk::<9>() {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            frames.push((kind, flags, stream, &rest[9..9 + length]));
            rest = &rest[9 + length..];
        }
        assert_eq!(
            frames.iter().map(|(k, f, s, _)| (*k, *f, *s)).collect::<Vec<_>>(),
            [(4, 0, 0), (1, 4, 1), (0, 1, 1)]
        );
        let headers = hpack::decode(frames[1].3).unwrap();
        assert!(headers.contains(&(":path".into(), "/grpc.health.v1.Health/Check".into())), "{headers:?}");
        assert!(headers.contains(&(":authority".into(), "10.244.0.5:50051".into())));
        assert!(headers.contains(&("te".into(), "trailers".into())));
        assert_eq!(frames[2].3, b"\0\0\0\0\x0d\x0a\x0bmi.servicio");
        assert!(question("h:1", "").ends_with(b"\0\0\x05\0\x01\0\0\0\x01\0\0\0\0\0"), "sin servicio, vacío");
        // una longitud que no cabe en un byte
        let long = "s".repeat(300);
        assert!(question("h:1", &long).windows(3).any(|w| w == [0x0a, 0xac, 0x02]));
    }

    /// SETTINGS y lo que se diga detrás.
    fn after_settings(frames: &[Vec<u8>]) -> Option<Answer> {
        let all = [&[frame(SETTINGS, 0, 0, &[])], frames].concat().concat();
        read(&all, all.len()).0
    }

    fn not(answer: Option<Answer>) -> String {
        let Some(Answer::Not(why)) = answer else { panic!("{answer:?}") };
        why
    }

    #[test]
    fn lo_que_no_es_una_respuesta_de_salud_no_vale() {
        // un servidor HTTP/2 cualquiera: «:status 404» y se acabó
        let plain = frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x8d]);
        assert_eq!(
            not(after_settings(&[plain])),
            "el servidor respondió con el código 404 de HTTP: no es gRPC"
        );
        assert!(not(after_settings(&[frame(RST_STREAM, 0, 1, &[0; 4])])).contains("RST_STREAM"));
        assert!(not(after_settings(&[frame(GOAWAY, 0, 0, &[0; 8])])).contains("GOAWAY"));
        // grpc-status 0 y un mensaje comprimido, o ninguno
        let mut status = vec![0, 11];
        status.extend(b"grpc-status");
        status.extend([1, b'0']);
        let end = frame(HEADERS, END_HEADERS | END_STREAM, 1, &status);
        for data in [&[][..], &[1, 0, 0, 0, 2, 8, 1], &[0, 0, 0, 0, 9, 8, 1], &[0, 0, 0, 0, 1, 0xff]] {
            let answer = after_settings(&[frame(DATA, 0, 1, data), end.clone()]);
            assert_eq!(not(answer), "la respuesta no es un HealthCheckResponse", "{data:?}");
        }
        let unknown = after_settings(&[frame(DATA, 0, 1, &[0; 5]), end.clone()]);
        assert_eq!(not(unknown), "el servicio dice que no está sano (UNKNOWN)");
        // con relleno, y campos que no se conocen delante del que importa
        let data = [3, 0, 0, 0, 0, 7, 0x12, 1, b'x', 0x18, 7, 8, 1, 0, 0, 0];
        assert_eq!(after_settings(&[frame(DATA, PADDED, 1, &data), end]), Some(Answer::Serving));
        let mut reader = Reader::default();
        assert_eq!(reader.closed(), "cierra la conexión sin responder");
        assert_eq!(reader.feed(&frame(SETTINGS, 0, 0, &[]), &mut Vec::new()), None);
        assert_eq!(reader.closed(), "cierra la conexión a media respuesta");
        let endless = vec![frame(DATA, 0, 1, &[0; 16_000]); 5];
        assert_eq!(not(after_settings(&endless)), "la respuesta no acaba nunca");
        assert!(not(after_settings(&[frame(DATA, PADDED, 1, &[9, 0])])).contains("no es HTTP/2 válido"));
    }
}
