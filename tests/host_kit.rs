//! El kit de un aula sin red: se hace, se corta, se instala en una máquina que no tiene nada, y un laboratorio se
//! comprueba allí.

mod common;
mod labs;

use common::{World, is_root, run};
use labs::Case;
use micropod::lab::catalog;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

const FOLDER: &str = "trabajo";
const BUSYBOX: &str = "/var/lib/micropod/images/busybox";

fn copy(from: &Path, to: &Path) {
    run(std::process::Command::new("cp").arg("-R").arg(from).arg(to)).ok();
}

#[test]
fn de_un_kit_se_instala_todo_sin_red_y_un_laboratorio_se_comprueba() {
    if !is_root() {
        return;
    }
    let (teacher, student) = (World::with_busybox(), World::new());
    fs::create_dir_all(teacher.dir().join("hecho/css")).unwrap();
    teacher.write("hecho/index.html", "el libro");
    teacher.write("hecho/css/uno.css", "a {}");
    let made = teacher.micropod(&["lab", "prepara", "kit", "--libro", "hecho"]).ok();
    assert!(made.err.contains("falta la imagen nginx (L07"), "{}", made.err);
    assert!(!made.err.contains("busybox") && !made.err.contains("libro"), "{}", made.err);

    copy(&teacher.dir().join("kit"), &student.dir().join("usb"));
    let prefix = student.dir().join("raiz").display().to_string();
    let said = student.sh(&format!("sh usb/instala {prefix}"));
    assert!(said.contains("image/busybox imported") && said.contains("LAB  CAP"), "{said}");
    let about = |world: &World, path: &str| {
        let path = world.path(&format!("{BUSYBOX}/rootfs{path}"));
        (fs::read(&path).unwrap(), path.symlink_metadata().map(|m| (m.mode(), m.uid())).unwrap())
    };
    // la misma raíz, con sus permisos y sus valores de fábrica
    assert!(about(&teacher, "/bin/busybox") == about(&student, "/bin/busybox"));
    let config = |world: &World| world.read(&format!("{BUSYBOX}/config.json"));
    let value = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["config"].clone();
    assert_eq!(value(config(&teacher)), value(config(&student)));
    assert_eq!(fs::read_to_string(format!("{prefix}/share/doc/micropod/libro/css/uno.css")).unwrap(), "a {}");
    // otra vez: lo que ya está no se toca
    assert!(student.sh(&format!("sh usb/instala {prefix}")).contains("la imagen busybox ya estaba"));

    let case = Case::open(common::project(), catalog::find("5").unwrap());
    case.lay_out(&student.dir().join(FOLDER), &case.answer("solucion"));
    let checked = student.sh(&format!("cd {FOLDER} && {prefix}/bin/micropod lab comprueba"));
    assert!(checked.contains("Puntos: 10 de 10"), "{checked}");
    student.assert_clean();
}

#[test]
fn lo_que_no_es_un_kit_no_se_toca() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("fotos/playa.txt", "mar");
    let done = world.micropod(&["lab", "prepara", "fotos"]).exits(2);
    assert!(done.err.contains("fotos no está vacío y no es un kit"), "{}", done.err);
    assert_eq!(world.sh("ls -A fotos").trim(), "playa.txt");
    let done = world.micropod(&["lab", "prepara", "fotos/playa.txt"]).exits(2);
    assert!(done.err.contains("no es un directorio"), "{}", done.err);
    let done = world.micropod(&["lab", "prepara", "kit", "--libro", "fotos"]).exits(2);
    assert!(done.err.contains("falta index.html"), "{}", done.err);
    assert!(!world.dir().join("kit").exists());
}

#[test]
fn si_no_cabe_se_dice_y_al_repetir_se_sigue_por_donde_iba() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let binary = common::binary().metadata().unwrap().len();
    // cabe el programa, y no la imagen
    let little = binary + (256 << 10);
    world.sh(&format!("mkdir usb && mount -t tmpfs -o size={little} usb usb"));
    let done = world.micropod(&["lab", "prepara", "usb"]).exits(1);
    assert!(done.err.contains("no se pudo escribir la imagen busybox"), "{}", done.err);
    assert!(done.err.contains("no queda espacio"), "{}", done.err);
    // a medias no se instala
    let refused = run(world.command("sh").args(["usb/instala", "/nada"]));
    assert_ne!(refused.code, 0);
    let program = |world: &World| world.sh("stat -c %i usb/micropod");
    let before = program(&world);
    world.sh("mount -o remount,size=1g usb");
    world.micropod(&["lab", "prepara", "usb"]).ok();
    assert_eq!(program(&world), before, "el programa ya estaba entero");
    world.sh("cd usb && sha256sum -c SHA256SUMS >/dev/null");
    let blobs = |world: &World| world.sh("ls -i usb/imagenes/busybox/blobs/sha256");
    let before = blobs(&world);
    let again = world.micropod(&["lab", "prepara", "usb"]).ok();
    assert!(again.out.contains("imagenes/busybox, que ya estaba"), "{}", again.out);
    assert_eq!(blobs(&world), before);
    world.sh("umount usb");
}

#[test]
fn un_kit_estropeado_no_instala_nada() {
    if !is_root() {
        return;
    }
    let (teacher, student) = (World::with_busybox(), World::new());
    teacher.micropod(&["lab", "prepara", "kit"]).ok();
    let kit = student.dir().join("kit");
    copy(&teacher.dir().join("kit"), &kit);
    assert!(fs::metadata(kit.join("instala")).unwrap().permissions().mode() & 0o100 != 0);
    let mut text = fs::read(kit.join("micropod")).unwrap();
    let middle = text.len() / 2;
    text[middle] ^= 1;
    fs::write(kit.join("micropod"), text).unwrap();
    let prefix = student.dir().join("raiz");
    let done = run(student.command("sh").arg("kit/instala").arg(&prefix));
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(done.err.contains("el kit está estropeado"), "{}", done.err);
    assert!(!prefix.exists());
    assert!(!student.path(BUSYBOX).exists());
}
