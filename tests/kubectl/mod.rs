//! El kubectl de verdad, delante de un servidor de mentira: lo que imprime micropod se compara con
//! lo que imprime él, byte a byte. Donde no hay kubectl, esos tests se omiten y lo dicen.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

/// kubectl 1.33: `MICROPOD_KUBECTL`, o el que se llame así en el PATH.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("MICROPOD_KUBECTL").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let there = ["kubectl.1.33", "kubectl"].into_iter().flat_map(|n| dirs.iter().map(move |d| d.join(n)));
    let found = named.into_iter().chain(there).find(|program| version(program).as_deref() == Some("1.33"));
    if found.is_none() {
        eprintln!("omitido: no hay un kubectl 1.33 con el que comparar (MICROPOD_KUBECTL)");
    }
    found
}

fn version(program: &PathBuf) -> Option<String> {
    let output = Command::new(program).args(["version", "--client", "-o", "json"]).output().ok()?;
    let said: Value = serde_json::from_slice(&output.stdout).ok()?;
    let number = |key: &str| Some(said["clientVersion"][key].as_str()?.trim_end_matches('+').to_string());
    Some(format!("{}.{}", number("major")?, number("minor")?))
}

/// Un servidor de la API de Kubernetes que solo sabe enseñar unos Pods y sus sucesos.
pub struct Api {
    kubectl: PathBuf,
    address: SocketAddr,
}

impl Api {
    pub fn serve(kubectl: PathBuf, pods: Vec<Value>, events: Vec<Value>) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new((pods, events));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = world.clone();
                std::thread::spawn(move || attend(stream, &world.0, &world.1));
            }
        });
        Api { kubectl, address }
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let home = std::env::temp_dir();
        let mut command = Command::new(&self.kubectl);
        command.args(args).arg("-s").arg(format!("http://{}", self.address));
        command.env("HOME", home).env("TZ", "UTC").env_remove("KUBECONFIG").output().unwrap()
    }

    /// Lo que imprime, que ha de salir bien.
    #[track_caller]
    pub fn out(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn attend(stream: TcpStream, pods: &[Value], events: &[Value]) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
            header.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let (code, body) = match answer(path, pods, events) {
            Some(body) => (200, body),
            None => (
                404,
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                                 "message": "not found", "code": 404}),
            ),
        };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {code} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(path: &str, pods: &[Value], events: &[Value]) -> Option<Value> {
    let list = |kind: &str, items: &[Value]| json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items});
    let resource = |name: &str, singular: &str, kind: &str, short: &str| {
        json!({"name": name, "singularName": singular, "namespaced": true, "kind": kind,
               "verbs": ["get", "list", "watch"], "shortNames": [short]})
    };
    let rest = path.strip_prefix("/api/v1/namespaces/default/").unwrap_or_default();
    Some(match path {
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            resource("pods", "pod", "Pod", "po"), resource("events", "event", "Event", "ev")]}),
        _ if rest == "pods" => list("PodList", pods),
        _ if rest == "events" => list("EventList", events),
        _ => {
            let name = rest.strip_prefix("pods/")?;
            pods.iter().find(|pod| pod["metadata"]["name"] == name)?.clone()
        }
    })
}
