//! Cargas de verdad con lo que ya hay en la máquina: un servidor web como servicio y una tarea
//! programada. Las que necesitan descargar paquetes están en `cargas.rs`.

mod common;

use common::notas::{pid_of, pids_of};
use common::{World, is_root, wait_until};
use std::fs;

/// Copia una de las cargas al directorio del test y devuelve su ruta.
fn load(world: &World, name: &str) -> String {
    let text = fs::read_to_string(common::project().join(format!("tests/cargas/{name}.ron"))).unwrap();
    world.write(&format!("{name}.ron"), &text).to_str().unwrap().to_string()
}

fn page(world: &World) -> String {
    world.sh("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 127.0.0.1 18480 2>/dev/null; true")
}

#[test]
fn un_servidor_web_como_servicio_responde_en_un_puerto_de_la_maquina_y_si_cae_vuelve() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let path = load(&world, "web");
    world.micropod(&["run", "-d", "--wait", "--timeout", "60s", &path]).ok();
    wait_until("que responda", 20, || page(&world).ends_with("\r\n\r\nHola desde web\n"));
    let first = pid_of(&world, "httpd -f -p 80 -h /paginas");
    world.kill("KILL", first);
    wait_until("que vuelva", 30, || {
        let now = pids_of(&world, "httpd -f -p 80 -h /paginas");
        now.len() == 1 && now[0] != first
    });
    wait_until("que responda otra vez", 20, || page(&world).ends_with("Hola desde web\n"));
    let row = world.micropod(&["get", "pod", "web", "--no-headers"]).ok().out;
    assert!(row.contains(" 1 ("), "un reinicio: {row}");
    world.micropod(&["delete", "pod", "web"]).ok();
    assert_eq!(page(&world), "", "y con él se va su puerto");
    world.assert_clean();
}

#[test]
fn una_tarea_programada_corre_a_su_hora_en_pods_distintos_y_lo_que_guarda_les_sobrevive() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let path = load(&world, "tarea");
    world.micropod(&["run", "-d", &path]).ok();
    let lines = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(world.dir().join("copias").join(file)).unwrap_or_default();
        text.lines().map(String::from).collect()
    };
    // a su hora, que es cada minuto en punto
    wait_until("la primera", 90, || lines("quien").len() == 1);
    wait_until("la segunda", 90, || lines("quien").len() == 2);
    let minute = |line: &String| line[..16].to_string();
    let hours = lines("hechas");
    assert_ne!(minute(&hours[0]), minute(&hours[1]), "{hours:?}");
    let who = lines("quien");
    assert_ne!(who[0], who[1], "cada vez, un Pod nuevo");
    assert!(who.iter().all(|name| name.starts_with("copia-")), "{who:?}");
    world.micropod(&["delete", "cronjob", "copia"]).ok();
    assert_eq!(lines("hechas").len(), 2, "lo guardado sobrevive a quien lo guardó");
    world.assert_clean();
}
