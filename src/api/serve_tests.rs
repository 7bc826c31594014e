use super::super::peer::Peer;
use super::super::store::tests::store_with;
use super::*;
use nix::errno::Errno;

const ROOT: Asker = Ok(Some(Peer { uid: 0, cgroup: None }));

fn asking(method: &str, headers: &[(&str, &str)]) -> Request {
    Request {
        method: method.into(),
        path: ["api", "v1", "namespaces", "default", "pods"].map(String::from).to_vec(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        ..Request::default()
    }
}

/// El código con el que se niega, o 0 si se admite.
fn refused(changes: bool, owner: Option<u32>, request: &Request, asker: Asker) -> (u16, String) {
    let options = Options { changes, owner };
    let enters = || match request.method.as_str() {
        "GET" => Ok(()),
        _ => may_change(&options, || asker),
    };
    match local(request, || asker).and_then(|()| enters()) {
        Ok(()) => (0, String::new()),
        Err(problem) => (problem.status, problem.message),
    }
}

#[test]
fn una_pagina_web_no_puede_ni_mirar() {
    let local = [("host", "localhost:8001")];
    assert_eq!(refused(false, None, &asking("GET", &local), ROOT).0, 0);
    for host in ["127.0.0.1", "127.0.0.1:9000", "[::1]:8001", "localhost"] {
        assert_eq!(refused(false, None, &asking("GET", &[("host", host)]), ROOT).0, 0, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example:8001",
        "127.0.0.1.evil",
        "10.0.0.1:8001",
        "",
        "[::1",
        "localhost:x",
    ] {
        let (status, why) = refused(true, None, &asking("GET", &[("host", host)]), ROOT);
        assert_eq!(status, 403, "{host}");
        assert!(why.contains("MP0334"), "{why}");
    }
    let from_a_page = [("host", "localhost:8001"), ("origin", "http://localhost:8001")];
    assert_eq!(refused(true, None, &asking("GET", &from_a_page), ROOT).0, 403);
}

#[test]
fn solo_cambia_algo_quien_puede_y_solo_si_se_permite() {
    let who = |uid| Ok(Some(Peer { uid, cgroup: None }));
    for method in ["POST", "PATCH", "DELETE", "PUT"] {
        let request = asking(method, &[("host", "localhost")]);
        assert!(refused(false, Some(1000), &request, ROOT).1.contains("MP0332"), "{method}");
        assert_eq!(refused(true, None, &request, ROOT).0, 0);
        assert_eq!(refused(true, Some(1000), &request, who(1000)).0, 0);
        for asker in [who(1000), who(65534), Ok(None), Err(Errno::ENOENT)] {
            let (status, why) = refused(true, None, &request, asker);
            assert_eq!(status, 403, "{method} {asker:?}");
            assert!(why.contains("MP0333"), "{why}");
        }
        assert_eq!(refused(true, Some(1000), &request, who(1001)).0, 403);
    }
}

#[test]
fn lo_que_no_se_hace_se_dice_por_su_nombre() {
    let store = store_with(&["web"]);
    let get = |path: &str| {
        let path: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(String::from).collect();
        let options = Options { changes: false, owner: None };
        look(&options, &store, &Request { method: "GET".into(), ..Request::default() }, route(&path)).err()
    };
    let exec = get("/api/v1/namespaces/default/pods/web/exec").unwrap();
    assert!(exec.message.contains("micropod exec") && exec.status == 404, "{exec:?}");
    assert!(get("/api/v1/namespaces/default/services").unwrap().message.contains("/services"));
    assert_eq!(get("/api/v1/namespaces/default/pods/nadie").unwrap().message, "pods \"nadie\" not found");
    assert_eq!(get("/api/v1/namespaces/otro/pods/web").unwrap().status, 404);
    assert!(get("/api/v1/namespaces/default/pods/web").is_none());
}
