//! Preguntas de verdad a servidores de mentira, por loopback.

use super::*;
use nix::poll::{PollFd, PollTimeout, poll};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

/// Un servidor que atiende así, por orden, a quienes lleguen, y devuelve lo que le dijeron.
fn serve(answers: Vec<Vec<u8>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap();
            asked.push(String::from_utf8_lossy(&buffer[..n]).to_string());
            // quien ya tiene lo que quería puede haber colgado
            let _ = stream.write_all(&answer);
        }
        asked
    });
    (port, server)
}

/// Hace la pregunta como el bucle del supervisor, hasta que responde.
fn ask_as(question: Question, any_answer: bool) -> Outcome {
    let mut k = Kernel::new(Mode::Quiet);
    let ip = question.host().unwrap().parse().unwrap();
    let mut talk = match Talk::start(&mut k, question, ip, any_answer) {
        Ok(talk) => talk,
        Err(outcome) => return outcome,
    };
    loop {
        if let Some(outcome) = talk.advance(&mut k) {
            return outcome;
        }
        let mut fds = [PollFd::new(talk.fd(), talk.interest())];
        assert_eq!(poll(&mut fds, PollTimeout::from(5000u16)), Ok(1), "nadie dice nada en 5 s");
    }
}

fn page(port: u16) -> Question {
    let headers = vec![("Host".to_string(), "mi.sitio".to_string())];
    let host = "127.0.0.1".to_string();
    Question::Http(http::Request { host, port, path: "/".into(), headers, agent: "kube-probe/1.36" })
}

/// Lo que resulta de pedir una página a un servidor que da esas respuestas, y lo que se le pidió.
fn get(answers: &[&str]) -> (Outcome, Vec<String>) {
    let (port, server) = serve(answers.iter().map(|a| a.replace("PUERTO", "").into_bytes()).collect());
    (ask_as(page(port), false), server.join().unwrap())
}

fn failure(outcome: Outcome) -> String {
    let Outcome::Failure(why) = outcome else { panic!("debía fallar: {outcome:?}") };
    why
}

#[test]
fn un_nombre_se_resuelve_como_en_el_resto_de_la_maquina() {
    assert!(address_of("localhost").is_some_and(|ip| ip.is_loopback()));
    assert_eq!(address_of("no-existe.invalid"), None);
    assert_eq!(address_of("--help"), None, "un nombre no es una opción");
}

#[test]
fn un_nombre_de_etc_hosts_no_se_pregunta_a_nadie() {
    let hosts = "# 10.0.0.9 web\n10.0.0.1\tuno  web # WEB2\n::1 seis\nno-es-ip web3\n10.0.0.2 web\n";
    assert_eq!(in_hosts(hosts, "WEB"), Some("10.0.0.1".parse().unwrap()));
    assert_eq!(in_hosts(hosts, "seis"), Some("::1".parse().unwrap()));
    for name in ["web2", "web3", "10.0.0.1", ""] {
        assert_eq!(in_hosts(hosts, name), None, "{name}");
    }
}

#[test]
fn de_lo_que_dice_un_comando_se_guardan_diez_kib_y_lo_demas_se_lee_y_se_tira() {
    let (ours, theirs) = nix::unistd::pipe().unwrap();
    let what = What::Resolve { question: Question::Exec { command: vec![] }, any_answer: false };
    let pidfd = sys::pidfd_open(std::process::id() as i32).unwrap();
    let mut errand =
        Errand { pidfd, pid: 0, pipe: ours, output: Vec::new(), listening: true, asks_another: false, what };
    let writer = std::thread::spawn(move || std::fs::File::from(theirs).write_all(&vec![b'x'; 100_000]));
    while errand.listening {
        errand.listen();
    }
    writer.join().unwrap().unwrap();
    assert_eq!(errand.output.len(), MAX_OUTPUT);
}

#[test]
fn de_200_a_299_acierta_hasta_399_avisa_y_lo_demas_falla() {
    for code in [200, 204, 299] {
        assert_eq!(get(&[&format!("HTTP/1.1 {code} X\r\n\r\n")]).0, Outcome::Success, "{code}");
    }
    for code in [300, 304, 399] {
        let (outcome, _) = get(&[&format!("HTTP/1.1 {code} X\r\n\r\n")]);
        assert!(matches!(outcome, Outcome::Warning(_)), "{code}: {outcome:?}");
    }
    for code in [199, 400, 404, 500] {
        let (outcome, _) = get(&[&format!("HTTP/1.1 {code} X\r\n\r\n")]);
        assert!(matches!(outcome, Outcome::Failure(_)), "{code}: {outcome:?}");
    }
    assert!(failure(get(&["SSH-2.0-OpenSSH\r\n"]).0).contains("no es HTTP"));
    assert!(failure(get(&[""]).0).contains("sin responder"));
}

#[test]
fn una_redireccion_a_la_misma_maquina_se_sigue_hasta_diez_peticiones() {
    let (outcome, asked) =
        get(&["HTTP/1.1 302 X\r\nLocation: /otra\r\n\r\n", "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"]);
    assert!(failure(outcome).contains("/otra respondió con el código 500"));
    assert!(asked[1].starts_with("GET /otra HTTP/1.1\r\nHost: mi.sitio\r\n"), "{}", asked[1]);
    let loops = ["HTTP/1.1 301 X\r\nLocation: /\r\n\r\n"; 9];
    let (outcome, asked) = get(&[&loops[..], &["HTTP/1.1 200 X\r\n\r\n"]].concat());
    assert_eq!((outcome, asked.len()), (Outcome::Success, 10));
    let (outcome, asked) = get(&["HTTP/1.1 301 X\r\nLocation: /\r\n\r\n"; 10]);
    assert!(failure(outcome).contains("redirige 10 veces"));
    assert_eq!(asked.len(), 10);
}

#[test]
fn una_redireccion_a_otra_maquina_acierta_con_un_aviso() {
    for (location, said) in
        [("http://ejemplo.invalid/", "otra máquina"), ("https://127.0.0.1/", "no habla TLS")]
    {
        let (outcome, _) = get(&[&format!("HTTP/1.1 302 X\r\nLocation: {location}\r\n\r\n")]);
        let Outcome::Warning(text) = outcome else { panic!("{outcome:?}") };
        assert!(text.contains(said) && text.contains(location), "{text}");
    }
}

#[test]
fn a_un_hook_le_vale_cualquier_respuesta_http() {
    for answer in ["HTTP/1.1 500 X\r\n\r\n", "HTTP/1.1 302 X\r\nLocation: http://ejemplo.invalid/\r\n\r\n"] {
        let (port, server) = serve(vec![answer.into()]);
        assert_eq!(ask_as(page(port), true), Outcome::Success, "{answer}");
        server.join().unwrap();
    }
    let (port, server) = serve(vec!["hola\r\n\r\n".into()]);
    assert!(failure(ask_as(page(port), true)).contains("no es HTTP"));
    server.join().unwrap();
}

#[test]
fn un_puerto_cerrado_dice_que_nadie_escucha() {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};
    // con dueño y sin nadie escuchando: otro test no puede quedárselo
    let owner = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(std::os::fd::AsRawFd::as_raw_fd(&owner), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let free = getsockname::<SockaddrIn>(std::os::fd::AsRawFd::as_raw_fd(&owner)).unwrap().port();
    for question in [page(free), Question::Tcp { host: "127.0.0.1".into(), port: free }] {
        let why = failure(ask_as(question, false));
        assert_eq!(why, format!("conexión a 127.0.0.1:{free}: conexión rechazada"));
    }
}

#[test]
fn a_una_sonda_tcp_le_basta_que_acepten_la_conexion() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(ask_as(Question::Tcp { host: "127.0.0.1".into(), port }, false), Outcome::Success);
}

#[test]
fn una_respuesta_interminable_de_byte_en_byte_no_acapara_el_bucle() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let head = b"HTTP/1.1 200 X\r\n\r\n".iter().copied();
        let sent = head.chain(std::iter::repeat(b'x')).take_while(|byte| stream.write_all(&[*byte]).is_ok());
        sent.count()
    });
    assert_eq!(ask_as(page(port), false), Outcome::Success);
    // se ha colgado a los 10 KiB, aunque la otra parte siga
    assert!(server.join().unwrap() >= 10 * 1024);
}

fn grpc(port: u16, service: &str) -> Question {
    Question::Grpc { host: "127.0.0.1".into(), port, service: service.into() }
}

#[test]
fn a_quien_no_habla_grpc_se_le_nota_enseguida() {
    for (answer, said) in
        [("HTTP/1.1 400 Bad Request\r\n\r\n", "no habla HTTP/2"), ("", "cierra la conexión sin responder")]
    {
        let (port, server) = serve(vec![answer.into()]);
        let why = failure(ask_as(grpc(port, ""), false));
        assert!(why.contains(said) && why.starts_with(&format!("127.0.0.1:{port}: ")), "{why}");
        server.join().unwrap();
    }
}
