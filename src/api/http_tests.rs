use super::*;

/// Lo que se lee de `text`, dado en trozos de `size`: las peticiones enteras, o por qué no.
fn read(text: &[u8], size: usize) -> Result<Vec<Request>, Refusal> {
    let mut parser = Parser::default();
    let mut all = Vec::new();
    for mut piece in text.chunks(size) {
        while !piece.is_empty() {
            let (used, request) = parser.feed(piece)?;
            assert!(used > 0, "no avanza");
            all.extend(request);
            piece = &piece[used..];
        }
    }
    Ok(all)
}

fn one(text: &str) -> Request {
    let mut all = read(text.as_bytes(), 4096).unwrap();
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

#[test]
fn una_peticion_se_lee_igual_llegue_como_llegue_partida() {
    let text = b"GET /api/v1/pods?watch=true&labelSelector=app%3Dweb+x HTTP/1.1\r\nHost: localhost\r\nAccept:  a \r\n\r\n\
        POST /p HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhola\r\na;x=y\r\n0123456789\r\n0\r\nCola: si\r\n\r\n\
        POST /q HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let whole = read(text, text.len()).unwrap();
    assert_eq!(whole.len(), 3);
    assert_eq!(whole[0].path, ["api", "v1", "pods"]);
    assert_eq!((whole[0].query("labelSelector"), whole[0].asks("watch")), (Some("app=web x"), true));
    assert_eq!((whole[0].header("accept"), whole[0].close), (Some("a"), false));
    assert_eq!(whole[1].body, b"hola0123456789");
    assert_eq!((whole[2].body.as_slice(), whole[2].close), (&b"abc"[..], true));
    for size in 1..40 {
        assert_eq!(read(text, size).unwrap(), whole, "trozos de {size}");
    }
}

#[test]
fn lo_ambiguo_se_rechaza_y_cada_cosa_dice_por_que() {
    let table = [
        ("GET / HTTP/1.1\r\n\r\n", 400, "Host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Host"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "primera línea"),
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "método"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"),
        ("GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "empezar por /"),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "dos cifras"),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no es texto"),
        ("GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "no es texto"),
        ("GET / HTTP/1.1\r\nHost: a\r\n plegada\r\n\r\n", 400, "«:»"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "nombre"),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "control"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "dos maneras",
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "dos maneras"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400, "no es un número"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413, "grande"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "grande"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Transfer-Encoding"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "trozo"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400, "trozo"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", 400, "mide más"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\nab", 400, "salto de línea"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413, "grande"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413, "grande"),
    ];
    for (text, status, why) in table {
        let refusal = read(text.as_bytes(), 7).unwrap_err();
        assert_eq!(refusal.status, status, "{text:?}: {refusal:?}");
        assert!(refusal.why.contains(why), "{text:?}: {refusal:?}");
    }
}

#[test]
fn nada_crece_mas_que_su_tope() {
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(MAX_HEAD));
    assert_eq!(read(long.as_bytes(), 999).unwrap_err().status, 431);
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(MAX_HEADERS));
    assert_eq!(read(many.as_bytes(), 999).unwrap_err().status, 431);
    let chunks = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_string()
        + &format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(33);
    assert_eq!(read(chunks.as_bytes(), 4096).unwrap_err().status, 413);
    let line =
        format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(MAX_LINE));
    assert_eq!(read(line.as_bytes(), 4096).unwrap_err().status, 400);
}

#[test]
fn las_conexiones_se_conservan_o_no_segun_la_version() {
    assert!(!one("GET / HTTP/1.1\r\nHost: a\r\n\r\n").close);
    assert!(one("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close, x\r\n\r\n").close);
    assert!(one("GET / HTTP/1.0\r\n\r\n").close);
    let kept = one("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(!kept.close && kept.old);
}

#[test]
fn una_respuesta_dice_su_longitud_y_un_aviso_no_puede_partirla() {
    let text = head(200, "text/plain", Length::Known(3), true, &["ojo \"x\"\r\nSet-Cookie: y".into()]);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-cache, private\r\n\
         X-Content-Type-Options: nosniff\r\nWarning: 299 - \"ojo \\\"x\\\"Set-Cookie: y\"\r\nContent-Length: 3\r\n\
         Connection: close\r\n\r\n"
    );
    let mut out = Vec::new();
    chunk(&mut out, b"hola");
    chunk(&mut out, b"");
    assert_eq!(out, b"4\r\nhola\r\n");
}
