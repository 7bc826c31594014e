//! Cargas de verdad que se hacen con paquetes de Debian: nginx con PHP-FPM, un servidor de aplicaciones de
//! Java y un servidor de DNS al que pregunta otro Pod. Descargan: las ejecuta la capa root.

mod common;

use common::{World, is_root, run, wait_until};
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

/// Construye una imagen donde hay red (en un mundo no la hay), con una receta de las que trae micropod o
/// con un fichero de `tests/cargas`, y la lleva al mundo. `false`, dicho, si no se puede descargar.
fn bring(world: &World, recipe: &str) -> bool {
    let store: PathBuf = world.dir().join("almacen");
    std::fs::create_dir_all(&store).unwrap();
    // el almacén de esta máquina no se toca: se tapa con otro, y solo lo ve este comando
    let line =
        r#"mkdir -p /var/lib/micropod && mount --bind "$1" /var/lib/micropod && exec "$2" image build "$3""#;
    let mut build = Command::new("unshare");
    build.current_dir(common::project().join("tests/cargas"));
    build.args(["--mount", "sh", "-c", line, "sh"]).arg(&store).arg(common::binary()).arg(recipe);
    let built = run(&mut build);
    if built.code != 0 {
        let unreachable = ["Could not resolve", "Could not connect", "Temporary failure", "Failed to fetch"];
        assert!(unreachable.iter().any(|why| built.err.contains(why)), "{}{}", built.out, built.err);
        common::omitted(&format!("no se pueden descargar los paquetes de {recipe}:\n{}", built.err));
        return false;
    }
    world.sh("mkdir -p /var/lib/micropod/images && cp -a almacen/images/. /var/lib/micropod/images/ && rm -rf almacen");
    true
}

/// Levanta una de las cargas y espera a que esté lista. Devuelve su IP.
fn up(world: &World, name: &str, seconds: &str) -> String {
    let path = common::project().join(format!("tests/cargas/{name}.ron"));
    let path = path.to_str().unwrap();
    world.micropod(&["run", "-d", "--wait", "--timeout", seconds, path]).ok();
    let object: Value =
        serde_json::from_str(&world.micropod(&["get", "pod", name, "-o", "json"]).ok().out).unwrap();
    object["status"]["podIP"].as_str().unwrap().to_string()
}

#[test]
#[ignore = "descarga paquetes: la ejecuta la capa root"]
fn un_pod_pregunta_a_otro_por_un_nombre_y_sin_el_no_lo_sabe() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    if !bring(&world, "imagen-dnsmasq.ron") {
        return;
    }
    let server = up(&world, "dns", "60s");
    let client = format!(
        "Pod(metadata: (name: \"cliente\"), spec: (dnsPolicy: None, dnsConfig: (nameservers: [\"{server}\"]), \
         containers: [(name: \"c\", image: \"busybox\", command: [\"sleep\", \"3501\"])]))"
    );
    world.write("cliente.ron", &client);
    world.micropod(&["run", "-d", "cliente.ron"]).ok();
    let ask = || world.micropod(&["exec", "cliente", "--", "nslookup", "-type=a", "web.aula"]);
    let found = ask().ok().out;
    assert!(found.contains("Address: 10.1.2.3") && found.contains(&server), "{found}");
    // quien contestó fue el otro Pod: lo tiene apuntado, con la dirección de quien preguntó
    let ip: Value =
        serde_json::from_str(&world.micropod(&["get", "pod", "cliente", "-o", "json"]).ok().out).unwrap();
    let asked = format!("query[A] web.aula from {}", ip["status"]["podIP"].as_str().unwrap());
    wait_until("que lo apunte", 10, || world.micropod(&["logs", "dns"]).ok().out.contains(&asked));
    world.micropod(&["delete", "pod", "dns"]).ok();
    assert_ne!(ask().code, 0, "sin el servidor no hay respuesta");
    world.micropod(&["delete", "pod", "cliente", "--grace-period=1"]).ok();
}

#[test]
#[ignore = "descarga paquetes: la ejecuta la capa root"]
fn un_servidor_de_aplicaciones_de_java_esta_listo_cuando_responde_y_para_con_orden() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    if !bring(&world, "imagen-tomcat.ron") {
        return;
    }
    let ip = up(&world, "java", "180s");
    // listo quiere decir que ya responde, y su primera página ya está compilada
    let page = world.sh(&format!("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 20 {ip} 8080; true"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("\r\n\r\nHola desde Java "), "{page}");
    assert!(page.ends_with(", en java\n"), "{page}");
    let java = || world.processes().into_iter().filter(|(_, line)| line.contains("catalina")).count();
    assert_eq!(java(), 1);
    let threads: usize = {
        let pid = world.processes().into_iter().find(|(_, line)| line.contains("catalina")).unwrap().0;
        std::fs::read_dir(world.path(&format!("/proc/{pid}/task"))).unwrap().count()
    };
    assert!(threads > 10, "la máquina virtual tiene sus hilos: {threads}");
    // atiende SIGTERM: no agota los 20 s de gracia
    let began = std::time::Instant::now();
    world.micropod(&["delete", "pod", "java"]).ok();
    assert!(began.elapsed() < common::patience(19), "{:?}", began.elapsed());
    assert_eq!(java(), 0);
}

/// nginx y PHP-FPM, con sus imágenes y sus ficheros, en un mundo. `None`, dicho, si no se pueden descargar.
fn with_nginx_and_php() -> Option<World> {
    let world = World::with_busybox();
    if !bring(&world, "nginx") || !bring(&world, "php-fpm") {
        return None;
    }
    for entry in std::fs::read_dir(common::project().join("labs/nginx-php")).unwrap().flatten() {
        world.sh(&format!("cp -a {} .", entry.path().display()));
    }
    Some(world)
}

/// Levanta el Pod con un motor, espera a que PHP conteste a través de nginx y devuelve su IP.
fn serve(world: &World, runtime: &str) -> String {
    let words = ["run", "-d", "nginx-php.ron", "--runtime", runtime];
    world.micropod(&[&words[..], &["--wait=condition=Ready", "--timeout=180s"]].concat()).ok();
    let json = world.micropod(&["get", "pod", "nginx-php", "-o", "json"]).ok().out;
    let pod: Value = serde_json::from_str(&json).unwrap();
    let ip = pod["status"]["podIP"].as_str().unwrap().to_string();
    wait_until("que PHP conteste a través de nginx", 30, || fetch(world, &ip, "/").contains("<html"));
    ip
}

fn fetch(world: &World, ip: &str, path: &str) -> String {
    world.sh(&format!("busybox wget -q -O - http://{ip}{path} 2>/dev/null; true"))
}

#[test]
#[ignore = "descarga paquetes: la ejecuta la capa root"]
fn b5_nginx_y_php_fpm_sirven_una_pagina_con_el_perfil_de_fabrica() {
    if !is_root() {
        return;
    }
    let Some(world) = with_nginx_and_php() else { return };
    let ip = serve(&world, "native");
    let page = fetch(&world, &ip, "/");
    assert!(!page.contains("<?php"), "la página no la ha ejecutado nadie: {page}");
    for (pid, line) in world.processes() {
        if line.starts_with("nginx: ") || line.starts_with("php-fpm: ") {
            let status = world.read(&format!("/proc/{pid}/status"));
            assert!(
                status.contains("Seccomp:\t2\n") && status.contains("NoNewPrivs:\t1\n"),
                "{line}: {status}"
            );
        }
    }
    let pods = world.processes().iter().filter(|(_, l)| l.starts_with("nginx: ")).count();
    assert!(pods >= 2, "el maestro y sus trabajadores: {:?}", world.processes());
    world.micropod(&["delete", "pod", "nginx-php", "--grace-period=2"]).ok();
    world.assert_clean();
}

/// La tabla que incluye el libro. La escribe este test: `MICROPOD_ESCRIBE=1`.
const TABLE: &str = "book/tablas/motores-web.md";

/// Lo que se ve de nginx y PHP con un motor, leído en el kernel y en lo que contestan.
fn seen(world: &World, runtime: &str) -> Vec<(&'static str, String)> {
    let yes = |what: bool| if what { "sí" } else { "no" }.to_string();
    let ip = serve(world, runtime);
    let processes = world.processes();
    let all = |name: &str| processes.iter().filter(|(_, line)| line.starts_with(name)).count();
    let first = |name: &str| processes.iter().find(|(_, line)| line.starts_with(name)).unwrap().0;
    let (nginx, php) = (first("nginx: master"), first("php-fpm: master"));
    let inode =
        |pid: i32, path: &str| std::fs::metadata(world.path(&format!("/proc/{pid}/{path}"))).unwrap().ino();
    let same = |path: &str| inode(nginx, path) == inode(php, path);
    let status = world.read(&format!("/proc/{nginx}/status"));
    let pids = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    let address = world.sh(&format!("nsenter -t {nginx} -n ip -4 -o addr show eth0"));
    let page = fetch(world, &ip, "/");
    let json = world.micropod(&["get", "pod", "nginx-php", "-o", "json"]).ok().out;
    let pod: Value = serde_json::from_str(&json).unwrap();
    let restarts = pod["status"]["containerStatuses"].as_array().unwrap();
    let restarts: u64 = restarts.iter().map(|one| one["restartCount"].as_u64().unwrap()).sum();
    let facts = vec![
        ("la IP del Pod es la de su eth0", yes(address.contains(&format!(" {ip}/")))),
        ("fase", pod["status"]["phase"].as_str().unwrap().to_string()),
        ("nginx sirve lo que ejecuta PHP", yes(page.contains("<html") && !page.contains("<?php"))),
        ("nginx sirve un fichero tal cual", fetch(world, &ip, "/salud.txt").trim().to_string()),
        ("comparten red, IPC y nombre", yes(["ns/net", "ns/ipc", "ns/uts"].into_iter().all(same))),
        ("cada uno, sus montajes y sus procesos", yes(!["ns/mnt", "ns/pid"].into_iter().any(same))),
        ("ven las mismas páginas", yes(same("root/usr/share/nginx/html/salud.txt"))),
        ("y el mismo directorio vacío", yes(same("root/usr/share/nginx/html/compartido"))),
        ("nginx es el PID 1 de los suyos", yes(pids.ends_with("\t1"))),
        ("nginx tiene trabajadores", yes(all("nginx: worker") > 0)),
        ("PHP tiene trabajadores", yes(all("php-fpm: pool") > 0)),
        ("reinicios", restarts.to_string()),
    ];
    world.micropod(&["delete", "pod", "nginx-php", "--grace-period=2"]).ok();
    facts
}

#[test]
#[ignore = "descarga paquetes: la ejecuta la capa root"]
fn nginx_y_php_se_ven_igual_con_cada_motor() {
    if !is_root() {
        return;
    }
    let Some(mut world) = with_nginx_and_php() else { return };
    let runtimes = world.runtimes();
    let columns: Vec<_> = runtimes.iter().map(|runtime| seen(&world, runtime)).collect();
    let text = common::table(&columns);
    assert!(columns[0].contains(&("nginx sirve lo que ejecuta PHP", "sí".to_string())), "{text}");
    assert!(columns[0].contains(&("comparten red, IPC y nombre", "sí".to_string())), "{text}");
    for (facts, runtime) in columns.iter().zip(runtimes) {
        assert_eq!(*facts, columns[0], "{runtime}\n{text}");
    }
    let path = common::project().join(TABLE);
    if std::env::var_os("MICROPOD_ESCRIBE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        common::only_columns(&kept, columns.len()),
        text,
        "la tabla ha cambiado: MICROPOD_ESCRIBE=1 la escribe otra vez"
    );
    world.assert_clean();
}
