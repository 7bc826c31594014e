//! Lo que sale mal: se dice qué, en español y con su código, y no queda nada.

mod common;

use common::{Done, World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Instant;

fn pod(name: &str, command: &str) -> String {
    format!(
        "Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, terminationGracePeriodSeconds: 1, \
         containers: [(name: \"c\", image: \"busybox\", command: [{command}])]))"
    )
}

/// Ni una frase de la biblioteca de C ni de la de Rust.
#[track_caller]
fn assert_spanish(done: &Done) {
    for english in ["os error", "No such file", "No space", "Read-only", "Permission denied", "thread '"] {
        assert!(!done.err.contains(english), "{done:?}");
    }
}

#[test]
fn un_fichero_disparatado_se_rechaza_con_2_sin_tocar_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let a_lot = |text: &str, times: usize| text.repeat(times);
    let many: String = (0..1000).map(|i| format!("(name: \"c{i}\", image: \"busybox\"),")).collect();
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("vacio", Vec::new(), "está vacío"),
        ("grande", vec![b'a'; 10 * 1024 * 1024], "el máximo es 1 MiB"),
        ("binario", (0..=255).cycle().take(4096).collect(), "no es un fichero de texto"),
        ("hondo", format!("Pod({}", a_lot("(", 10_000)).into(), "unos dentro de otros"),
        ("hondo2", a_lot("[", 10_000).into(), "unos dentro de otros"),
        ("nulo", pod("a", "\"sh\\u{0}\"").into(), "carácter nulo"),
        ("nulo2", pod("a", "\"sh\0\"").into(), "byte nulo"),
        ("nombre", pod(&a_lot("a", 300), "\"sh\"").into(), "tiene 300 caracteres"),
        (
            "contenedor",
            pod("a", "\"sh\"").replace("name: \"c\"", &format!("name: \"{}\"", a_lot("c", 300))).into(),
            "tiene 300 caracteres",
        ),
        (
            "imagen",
            pod("a", "\"sh\"").replace("\"busybox\"", &format!("\"{}\"", a_lot("i", 300))).into(),
            "tiene 300 caracteres",
        ),
        (
            "memoria",
            pod("a", "\"sh\"").replace("command", "resources: (limits: (memory: \"0\")), command").into(),
            "demasiado bajo",
        ),
        (
            "mil",
            format!("Pod(metadata: (name: \"a\"), spec: (containers: [{many}]))").into(),
            "hay 1000 contenedores",
        ),
    ];
    for (name, bytes, expected) in files {
        let path = world.dir().join(name);
        fs::write(&path, bytes).unwrap();
        for detached in [false, true] {
            let started = Instant::now();
            let args = if detached { vec!["run", "-d"] } else { vec!["run"] };
            let done = world.micropod(&[&args[..], &[path.to_str().unwrap()]].concat()).exits(2);
            assert!(done.err.contains(expected), "{name}: falta «{expected}»\n{}", done.err);
            assert!(done.err.lines().all(|line| line.chars().count() < 400), "{name}:\n{}", done.err);
            assert_spanish(&done);
            assert!(started.elapsed() < common::patience(5), "{name}");
        }
        // por la entrada estándar, lo mismo
        let mut command = world.command(common::binary());
        let child = command.args(["run", "-"]).stdin(Stdio::from(fs::File::open(&path).unwrap()));
        let output = child.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{name}");
        world.assert_clean();
    }
    fs::create_dir(world.dir().join("dir")).unwrap();
    let done = world.micropod(&["run", "dir"]).exits(2);
    assert!(done.err.contains("es un directorio"), "{done:?}");
    // una entrada que no se acaba nunca
    let endless = world.sh("head -c 50000000 /dev/zero | $0 run - 2>&1; [ $? -eq 2 ] && echo bien"
        .replace("$0", common::binary().to_str().unwrap())
        .as_str());
    assert!(endless.ends_with("bien\n"), "{endless}");
}

/// El ELF más pequeño que pide un cargador: cabecera, un PT_INTERP y el nombre de un cargador que no hay.
fn elf_with_missing_loader() -> Vec<u8> {
    const LOADER: &[u8] = b"/lib/cargador-que-no-hay.so\0";
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend([2u16.to_le_bytes(), machine.to_le_bytes()].concat()); // ET_EXEC
    elf.extend(1u32.to_le_bytes());
    for address in [0x40_0000u64, 64, 0] {
        elf.extend(address.to_le_bytes()); // entrada, cabeceras de programa, de sección
    }
    elf.extend(0u32.to_le_bytes());
    for number in [64u16, 56, 1, 0, 0, 0] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(3u32.to_le_bytes()); // PT_INTERP
    elf.extend(4u32.to_le_bytes());
    let length = LOADER.len() as u64;
    for number in [120u64, 0, 0, length, length, 1] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(LOADER);
    elf
}

#[test]
fn un_programa_que_no_se_puede_ejecutar_dice_por_que_y_sale_con_126_o_127() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let image = world.path("/var/lib/micropod/images/busybox/rootfs");
    let put = |name: &str, bytes: &[u8], mode: u32| {
        let path = image.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    put("dinamico", &elf_with_missing_loader(), 0o755);
    put("guion", b"#!/no/hay/interprete\n", 0o755);
    put("basura", b"\x01\x02esto no es nada", 0o755);
    put("sin-permiso", b"#!/bin/sh\n", 0o644);
    put("vacio", b"", 0o755);
    for (command, code, expected) in [
        ("\"/no/esta\"", 127, "`/no/esta` no está en la imagen"),
        ("\"noesta\"", 127, "`noesta` no está en la imagen"),
        ("\"/dinamico\"", 127, "`/dinamico` existe, pero necesita `/lib/cargador-que-no-hay.so`"),
        ("\"/guion\"", 127, "`/guion` existe, pero necesita `/no/hay/interprete`"),
        ("\"/sin-permiso\"", 126, "no tiene permiso de ejecución"),
        ("\"/etc\"", 126, "es un directorio"),
        ("\"/basura\"", 126, "no es un ejecutable para esta máquina"),
        ("\"/vacio\"", 126, "no es un ejecutable para esta máquina"),
    ] {
        let file = world.write("malo.ron", &pod("malo", command));
        let done = world.micropod(&["run", "--rm", file.to_str().unwrap()]).exits(code);
        assert!(done.err.contains(expected), "{command}: falta «{expected}»\n{}", done.err);
        assert!(done.err.starts_with("error: no se pudo convertir en el programa"), "{}", done.err);
        assert_spanish(&done);
        world.assert_clean();
        // en segundo plano se dice lo mismo a quien lo lanzó, y queda la ficha, como en Kubernetes
        let done = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1);
        assert!(done.err.contains(expected), "{command}:\n{}", done.err);
        world.micropod(&["delete", "pod", "malo"]).ok();
        world.assert_clean();
    }
}

const VOLUMES: &str = r#"Pod(metadata: (name: "lleno"), spec: (restartPolicy: Never,
    volumes: [(name: "a"), (name: "b", emptyDir: (medium: Memory))],
    containers: [(name: "c", image: "busybox", command: ["sh", "-c", "echo hola > /v/x && cat /v/x"],
        volumeMounts: [(name: "a", mountPath: "/v"), (name: "b", mountPath: "/w")])]))"#;

/// Ficheros que hay en el sistema de ficheros de `dir`.
fn used_inodes(world: &World, dir: &str) -> u32 {
    world.sh(&format!("stat -f -c '%c %d' {dir} | awk '{{print $1 - $2}}'")).trim().parse().unwrap()
}

fn allow_inodes(world: &World, dir: &str, count: u32) {
    world.sh(&format!("mount -o remount,nr_inodes={count} {dir}"));
}

/// ¿Está esperando a que se pueda crear su contenedor, como en Kubernetes?
fn waits_for_room(world: &World) -> bool {
    let status = fs::read_to_string(world.path("/run/micropod/pods/lleno/status.json"));
    status.is_ok_and(|text| text.contains("\"reason\":\"CreateContainerError\""))
}

/// Deja sitio en `dir` para 0, 1, 2… ficheros más, hasta que el Pod pueda: cada fallo se dice y no deja
/// nada. Devuelve cuántas veces falló.
fn fails_at_every_step(world: &World, dir: &str) -> u32 {
    let file = world.write("lleno.ron", VOLUMES);
    let file = file.to_str().unwrap();
    world.micropod(&["run", "--rm", file]).ok();
    let used = used_inodes(world, dir);
    for room in 0..40 {
        allow_inodes(world, dir, used + room);
        let mut running = world.start(&["run", "--rm", file]);
        wait_until("que acabe o se quede esperando sitio", 20, || {
            running.has_ended() || waits_for_room(world)
        });
        let waiting = !running.has_ended();
        if waiting {
            allow_inodes(world, dir, used + 200);
        }
        let done = running.wait();
        assert_spanish(&done);
        let left = world.leftovers();
        assert!(left.is_empty(), "con sitio para {room}:\n{}\n{}", left.join("\n"), done.err);
        if done.code == 0 && done.err.is_empty() {
            assert_eq!(done.out, "c │ hola\n");
            return room;
        }
        // el overlay que no cabe se monta de solo lectura
        let told = ["no queda espacio", "le falta sitio"].iter().any(|text| done.err.contains(text));
        assert!(told || done.out.contains("No space left"), "con sitio para {room}: {done:?}");
        assert_eq!(waiting, done.err.contains("y ahora:    se vuelve a intentar cada 10 s"), "{done:?}");
        if waiting {
            // lo dijo una vez, y con sitio corre por fin
            assert_eq!(
                (done.err.matches("error:").count(), done.out.as_str()),
                (1, "c │ hola\n"),
                "{done:?}"
            );
        }
        // y la vez siguiente, en segundo plano, tampoco
        allow_inodes(world, dir, used + room);
        let done = world.micropod(&["run", "-d", file]);
        assert_spanish(&done);
        allow_inodes(world, dir, used + 200);
        world.micropod(&["delete", "pod", "lleno", "--ignore-not-found"]).ok();
        world.assert_clean();
    }
    panic!("con sitio de sobra sigue sin poder");
}

#[test]
fn sin_sitio_en_el_disco_falla_en_cada_paso_sin_dejar_nada() {
    if !is_root() {
        return;
    }
    let failures = fails_at_every_step(&World::with_busybox(), "/var/lib/micropod");
    // el directorio del Pod, los volúmenes, la capa, lo que crea el propio overlay…
    assert!(failures >= 8, "solo ha fallado {failures} veces");
}

#[test]
fn sin_sitio_en_run_falla_en_cada_paso_sin_dejar_nada() {
    if !is_root() {
        return;
    }
    let failures = fails_at_every_step(&World::with_busybox(), "/run/micropod");
    // el nombre, la señal de que nace, la dirección, la ficha, el socket…
    assert!(failures >= 4, "solo ha fallado {failures} veces");
}

#[test]
fn si_el_disco_se_llena_mientras_corre_lo_sufre_el_contenedor_y_no_el_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.sh("mount -o remount,size=8m /var/lib/micropod");
    let file = world.write(
        "glotón.ron",
        &pod("gloton", "\"sh\", \"-c\", \"cat /dev/zero > /grande; rm /grande; echo sigo > /x; cat /x\""),
    );
    let done = world.micropod(&["run", "--rm", file.to_str().unwrap()]).ok();
    assert!(done.out.contains("No space left") && done.out.contains("c │ sigo"), "{done:?}");
    world.assert_clean();
}

#[test]
fn en_un_disco_o_un_run_de_solo_lectura_se_dice_y_no_queda_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("quieto.ron", &pod("quieto", "\"true\""));
    let file = file.to_str().unwrap();
    world.micropod(&["run", "--rm", file]).ok();
    for dir in ["/var/lib/micropod", "/run/micropod"] {
        world.sh(&format!("mount -o remount,ro {dir}"));
        for args in [&["run", "--rm", file][..], &["run", "-d", file]] {
            let done = world.micropod(args).exits(1);
            assert!(done.err.contains("sistema de ficheros de solo lectura"), "{done:?}");
            assert!(done.err.contains("mira `findmnt`"), "{done:?}");
            assert_spanish(&done);
        }
        // mirar sigue funcionando, y dice qué pasa
        world.micropod(&["get", "pods"]).ok();
        let done = world.micropod(&["doctor"]).exits(1);
        assert!(done.out.contains(&format!("[FALLO] de solo lectura: {dir}\n")), "{done:?}");
        world.sh(&format!("mount -o remount,rw {dir}"));
        world.assert_clean();
    }
    // /run entero, en una máquina donde micropod no ha corrido nunca
    world.sh("umount /run/micropod; mount -t tmpfs -o ro nada /run");
    for args in [&["run", file][..], &["run", "-d", file], &["gc"]] {
        let done = world.micropod(args);
        assert_spanish(&done);
        assert!(done.code == 1 && done.err.contains("solo lectura") || args == ["gc"], "{done:?}");
    }
    world.sh("umount /run; mount -t tmpfs -o mode=700 micropod /run/micropod");
}

#[test]
fn si_no_se_pueden_escribir_los_logs_el_pod_corre_y_se_dice() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file =
        world.write("mudo.ron", &pod("mudo", "\"sh\", \"-c\", \"echo hola; sleep 0.2; echo otra vez\""));
    world.sh("mount -o remount,ro /var/log/micropod");
    let done = world.micropod(&["run", "--rm", file.to_str().unwrap()]).ok();
    assert_eq!(done.out, "c │ hola\nc │ otra vez\n");
    let told = done.err.matches("no queda en sus logs").count();
    assert_eq!(told, 1, "se dice, y una sola vez: {}", done.err);
    assert_spanish(&done);
    world.sh("mount -o remount,rw /var/log/micropod");
    world.assert_clean();
}
