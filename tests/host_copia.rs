//! `port-forward`, `cp`, `exec`, `create` y `apply`: lo que hacen, mirado desde el kernel y los ficheros.

mod common;

use common::notas::*;
use common::{World, is_root, wait_until};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Child, Stdio};

/// Un micropod con la salida a la vista. Sus procesos se ven en el mundo con su propio número.
fn spawn(world: &World, args: &[&str]) -> Child {
    let mut command = world.command(common::binary());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// El pid (del mundo) del micropod que ejecuta `verb`.
fn pid_running(world: &World, verb: &str) -> i32 {
    let found = || {
        let all = world.processes();
        all.into_iter().find(|(_, line)| line.contains("micropod") && line.contains(verb)).map(|(pid, _)| pid)
    };
    wait_until(verb, 5, || found().is_some());
    found().unwrap()
}

fn ask(world: &World, port: u16, text: &str) -> String {
    world.sh(&format!("printf '{text}' | busybox nc -w 5 127.0.0.1 {port}; true"))
}

#[test]
fn port_forward_llega_a_lo_que_solo_escucha_dentro_y_se_va_con_el_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // solo en su localhost: desde fuera del Pod no hay otra manera de llegar
    let line = "mkdir /w; hostname >/w/nombre; exec httpd -f -p 127.0.0.1:8080 -h /w";
    let ports = "ports: [(name: \"web\", containerPort: 8080)],";
    start(&world, "fw", &pod("fw", "", &shell("c", line, ports)));
    let mut child = spawn(&world, &["port-forward", "pod/fw", "18080:web", "18081:9"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert_eq!(first, "Forwarding from 127.0.0.1:18080 -> 8080\n");
    let page = || ask(&world, 18080, "GET /nombre HTTP/1.0\\r\\n\\r\\n");
    wait_until("que conteste", 10, || page().ends_with("\r\n\r\nfw\n"));
    // quien escucha lo hace en la red de la máquina, y solo en localhost
    let pid = pid_running(&world, "port-forward");
    let listening = world.read("/proc/1/net/tcp");
    assert!(listening.contains(&format!("0100007F:{:04X} 00000000:0000 0A", 18080)), "{listening}");
    assert_ne!(namespace(&world, pid, "net"), namespace(&world, 1, "net"), "él ya está en la del Pod");
    assert_eq!(namespace(&world, pid, "net"), namespace(&world, pid_of_server(&world), "net"));
    // a un puerto en el que nadie escucha: se dice, y lo demás sigue
    assert_eq!(ask(&world, 18081, "x\\n"), "");
    assert!(page().ends_with("\r\n\r\nfw\n"));
    delete(&world, "fw");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let (mut rest, mut err) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(rest.contains("Handling connection for 18080\n"), "{rest}");
    assert!(err.contains("forwarding 18081 -> 9") && err.contains("nadie escucha en el puerto 9"), "{err}");
    assert!(err.contains("lost connection to pod"), "{err}");
}

fn pid_of_server(world: &World) -> i32 {
    let all = world.processes();
    all.into_iter().find(|(_, line)| line.starts_with("httpd -f")).map(|(pid, _)| pid).unwrap()
}

#[test]
fn port_forward_lleva_megas_en_los_dos_sentidos_y_acaba_bien_con_ctrl_c() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "exec nc -ll -p 7000 -e /bin/cat";
    start(&world, "eco", &pod("eco", "", &shell("c", line, "")));
    let mut child = spawn(&world, &["port-forward", "eco", ":7000"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    let port: u16 = first.split(':').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    wait_until("que conteste", 10, || ask(&world, port, "hola\\n") == "hola\n");
    let bytes: Vec<u8> = (0..8_000_000u32).map(|n| (n / 7 % 251) as u8).collect();
    fs::write(world.dir().join("ida"), &bytes).unwrap();
    world.sh(&format!("busybox nc -w 20 127.0.0.1 {port} <ida >vuelta"));
    assert!(fs::read(world.dir().join("vuelta")).unwrap() == bytes, "lo que vuelve no es lo que se envió");
    world.kill("INT", pid_running(&world, "port-forward"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // lo que se pide mal
    for (args, why) in [
        (&["port-forward", "eco", "http"][..], "no es un puerto del Pod"),
        (&["port-forward", "eco", "nada:80"], "no es un puerto de esta máquina"),
        (&["port-forward", "eco", "80", "--address", "nadie"], "no es una dirección"),
    ] {
        let done = world.micropod(args).exits(2);
        assert!(done.err.contains(why), "{args:?}: {}", done.err);
    }
    delete(&world, "eco");
}

#[test]
fn cp_trae_y_lleva_ficheros_y_directorios_sin_salir_nunca_de_la_raiz_del_contenedor() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let line = "mkdir -p /datos/sub; echo uno >/datos/uno; echo dos >/datos/sub/dos; chmod 750 /datos/sub/dos; \
                ln -s /etc/passwd /datos/enlace; ln -s /../../../../.. /fuera; mkfifo /datos/tubo; exec sleep 3301";
    let user = "securityContext: (runAsUser: 0),";
    start(&world, "co", &pod("co", "", &shell("c", line, user)));
    pid_of(&world, "sleep 3301");
    let dir = world.dir();
    // un fichero, a un nombre y a un directorio que existe
    world.micropod(&["cp", "co:/datos/uno", "traido"]).ok();
    assert_eq!(fs::read_to_string(dir.join("traido")).unwrap(), "uno\n");
    fs::create_dir(dir.join("aqui")).unwrap();
    world.micropod(&["cp", "co:datos/uno", "aqui"]).ok();
    assert_eq!(fs::read_to_string(dir.join("aqui/uno")).unwrap(), "uno\n");
    // un directorio da su contenido; los enlaces no se traen, y se dice
    let done = world.micropod(&["cp", "co:/datos", "todo"]).ok();
    assert_eq!(fs::read_to_string(dir.join("todo/sub/dos")).unwrap(), "dos\n");
    assert_eq!(fs::metadata(dir.join("todo/sub/dos")).unwrap().permissions().mode() & 0o777, 0o750);
    assert!(!dir.join("todo/enlace").exists() && !dir.join("todo/tubo").exists());
    assert!(done.err.contains("warning: skipping symlink: \"datos/enlace\""), "{}", done.err);
    // un enlace hacia arriba da vueltas dentro: la raíz es la suya
    world.micropod(&["cp", "co:/fuera/datos/uno", "vueltas"]).ok();
    assert_eq!(fs::read_to_string(dir.join("vueltas")).unwrap(), "uno\n");
    fs::write(dir.join("secreto"), "de la máquina").unwrap();
    let outside = format!("co:/fuera{}/secreto", dir.display());
    assert!(
        world.micropod(&["cp", &outside, "robado"]).exits(1).err.contains("no existe"),
        "lo de fuera no está"
    );
    assert!(!dir.join("robado").exists());
    // de aquí a allí: con sus permisos, y de quien corre dentro
    fs::create_dir_all(dir.join("va/hondo")).unwrap();
    fs::write(dir.join("va/hondo/x"), "equis").unwrap();
    fs::set_permissions(dir.join("va/hondo/x"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("hondo/x", dir.join("va/link")).unwrap();
    world.micropod(&["cp", "va", "co:/datos"]).ok();
    let pid = pid_of(&world, "sleep 3301");
    let inside = |path: &str| world.path(&format!("/proc/{pid}/root{path}"));
    assert_eq!(fs::read_to_string(inside("/datos/va/hondo/x")).unwrap(), "equis");
    assert_eq!(fs::metadata(inside("/datos/va/hondo/x")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_link(inside("/datos/va/link")).unwrap().to_str(), Some("hondo/x"));
    world.micropod(&["cp", "traido", "co:/nuevo/dir/fichero", "--no-preserve"]).ok();
    assert_eq!(fs::read_to_string(inside("/nuevo/dir/fichero")).unwrap(), "uno\n");
    // lo que se pide mal
    assert!(
        world.micropod(&["cp", "a", "b"]).exits(2).err.contains("uno de los dos tiene que ser de un Pod")
    );
    assert!(world.micropod(&["cp", "co:/a", "co:/b"]).exits(2).err.contains("must be a local file"));
    assert!(world.micropod(&["cp", "co:/no-esta", "b"]).exits(1).err.contains("no-esta"));
    assert!(world.micropod(&["cp", "co:/datos/tubo", "b"]).exits(1).err.contains("no es un fichero"));
    assert!(
        world.micropod(&["cp", "traido", "co:/datos/sub/.."]).code == 0,
        "un `..` de dentro se queda dentro"
    );
    delete(&world, "co");
}

#[test]
fn lo_que_se_copia_a_un_contenedor_es_de_su_usuario_y_lo_de_solo_lectura_no_se_toca() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "securityContext: (runAsUser: 1234, runAsGroup: 55, readOnlyRootFilesystem: true),";
    start(&world, "usu", &pod("usu", "", &shell("c", "exec sleep 3302", fields)));
    pid_of(&world, "sleep 3302");
    fs::write(world.dir().join("f"), "hola").unwrap();
    world.micropod(&["cp", "f", "usu:/n/copiado"]).ok();
    let meta = fs::metadata(world.dir().join("notas/copiado")).unwrap();
    assert_eq!((meta.uid(), meta.gid()), (1234, 55));
    let done = world.micropod(&["cp", "f", "usu:/etc/f"]).exits(1);
    assert!(done.err.contains("solo lectura"), "{}", done.err);
    delete(&world, "usu");
    assert!(world.micropod(&["cp", "f", "usu:/n/x"]).exits(1).err.contains("not found"));
}

#[test]
fn create_y_apply_dicen_lo_que_dice_kubectl() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let path = file(&world, "uno", &pod("uno", "", &shell("c", "exec sleep 3303", "")));
    assert_eq!(world.micropod(&["create", "-f", &path]).ok().out, "pod/uno created\n");
    pid_of(&world, "sleep 3303");
    let again = world.micropod(&["create", "-f", &path]).exits(1);
    assert!(again.err.contains("(AlreadyExists): pods \"uno\" already exists"), "{}", again.err);
    assert_eq!(world.micropod(&["apply", "-f", &path]).ok().out, "pod/uno unchanged\n");
    let before = pid_of(&world, "sleep 3303");
    let other = file(&world, "uno", &pod("uno", "", &shell("c", "exec sleep 3304", "")));
    let done = world.micropod(&["apply", "-f", &other]).exits(1);
    assert!(done.err.contains("Forbidden") && done.err.contains("micropod delete pod uno"), "{}", done.err);
    assert_eq!(pid_of(&world, "sleep 3303"), before, "y al que hay no se le toca");
    delete(&world, "uno");
    assert_eq!(world.micropod(&["apply", "-f", &other]).ok().out, "pod/uno created\n");
    delete(&world, "uno");
}

#[test]
fn exec_espera_al_contenedor_si_se_pide_y_callado_no_anade_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let init = shell("prepara", "until test -e /n/ya; do sleep 0.05; done", "");
    let fields = format!("initContainers: [{init}],");
    let two = shell("a", "exec sleep 3305", "") + &shell("b", "exec sleep 3306", "");
    start(&world, "esp", &pod("esp", &fields, &two));
    let args = ["exec", "esp", "-q", "--pod-running-timeout", "20s", "--", "sh", "-c", "echo dentro; exit 3"];
    let mut child = spawn(&world, &args);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "aún no hay dónde ejecutarlo: espera");
    fs::write(world.dir().join("notas/ya"), "").unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "dentro\n");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "", "ni el contenedor elegido ni el código");
    let loud = world.micropod(&["exec", "esp", "--", "sh", "-c", "exit 3"]).exits(3);
    assert!(
        loud.err.contains("Defaulted container \"a\"") && loud.err.contains("exit code 3"),
        "{}",
        loud.err
    );
    delete(&world, "esp");
}
