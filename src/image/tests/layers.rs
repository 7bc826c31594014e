//! Capas: qué tapa cada una, y qué se conserva de cada fichero.

use super::*;
use std::os::unix::fs::symlink as make_symlink;

#[test]
fn las_marcas_de_borrado_tapan_lo_de_debajo_y_solo_lo_de_debajo() {
    let Some(ground) = Ground::new() else { return };
    let base =
        || vec![dir("d"), file("d/a", "1"), file("d/b", "1"), dir("d/s"), file("d/s/c", "1"), file("e", "1")];
    type Case = (&'static str, Vec<Vec<Raw>>, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        ("borra un fichero", vec![base(), vec![file("d/.wh.a", "")]], &["d", "d/b", "d/s", "d/s/c", "e"]),
        ("borra un directorio", vec![base(), vec![file(".wh.d", "")]], &["e"]),
        (
            "borra lo que no existe",
            vec![base(), vec![file("d/.wh.z", ""), file("x/y/.wh.z", "")]],
            &["d", "d/a", "d/b", "d/s", "d/s/c", "e"],
        ),
        (
            "una marca que es un enlace duro a otra",
            vec![base(), vec![file("d/.wh.a", ""), hard_link("d/.wh.b", "d/.wh.a")]],
            &["d", "d/s", "d/s/c", "e"],
        ),
        (
            "una marca que es un enlace simbólico",
            vec![base(), vec![symlink("d/.wh.a", "b")]],
            &["d", "d/b", "d/s", "d/s/c", "e"],
        ),
        (
            "una marca que es un dispositivo",
            vec![base(), vec![other(b'3', "d/.wh.a")]],
            &["d", "d/b", "d/s", "d/s/c", "e"],
        ),
        ("opaco", vec![base(), vec![file("d/.wh..wh..opq", "")]], &["d", "e"]),
        (
            "opaco, y lo nuevo viene después",
            vec![base(), vec![file("d/.wh..wh..opq", ""), file("d/n", "2")]],
            &["d", "d/n", "e"],
        ),
        (
            "opaco, y lo nuevo venía antes",
            vec![
                base(),
                vec![dir("d"), file("d/n", "2"), dir("d/s"), file("d/s/m", "2"), file("d/.wh..wh..opq", "")],
            ],
            &["d", "d/n", "d/s", "d/s/m", "e"],
        ),
        ("opaco en la raíz", vec![base(), vec![file("n", "2"), file(".wh..wh..opq", "")]], &["n"]),
        (
            "opaco dentro de opaco",
            vec![base(), vec![file("d/.wh..wh..opq", ""), file("d/s/.wh..wh..opq", ""), file("d/s/n", "")]],
            &["d", "d/s", "d/s/n", "e"],
        ),
        (
            "borra y vuelve a poner en la misma capa",
            vec![base(), vec![file("d/a", "2"), file("d/.wh.a", "")]],
            &["d", "d/a", "d/b", "d/s", "d/s/c", "e"],
        ),
        (
            "borra en una y vuelve a poner en la siguiente",
            vec![base(), vec![file(".wh.d", "")], vec![dir("d"), file("d/n", "")]],
            &["d", "d/n", "e"],
        ),
        ("una marca en la primera capa", vec![vec![file(".wh.x", ""), file("y", "")]], &["y"]),
        ("un fichero donde había un directorio", vec![base(), vec![file("d", "2")]], &["d", "e"]),
        (
            "un directorio donde había un fichero",
            vec![base(), vec![dir("e"), file("e/n", "")]],
            &["d", "d/a", "d/b", "d/s", "d/s/c", "e", "e/n"],
        ),
        ("un enlace donde había un directorio", vec![base(), vec![symlink("d", "e")]], &["d", "e"]),
        (
            "un directorio sobre otro se funden",
            vec![base(), vec![dir("d"), file("d/n", "")]],
            &["d", "d/a", "d/b", "d/n", "d/s", "d/s/c", "e"],
        ),
    ];
    for (name, layers, expected) in cases {
        let tars: Vec<Vec<u8>> = layers.iter().map(|layer| tar_of(layer)).collect();
        let image = ground.import(&docker_archive(&tars)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(paths(&image.root), expected, "{name}");
    }
    let tars = [tar_of(&base()), tar_of(&[file("d/a", "2"), file("d/.wh.a", "")])];
    assert_eq!(read(&ground.import(&docker_archive(&tars)).unwrap(), "d/a").unwrap(), "2");
}

#[test]
fn en_el_tar_de_una_raiz_no_hay_marcas_de_borrado() {
    let Some(ground) = Ground::new() else { return };
    let image = ground.import(&tar_of(&[file("x", "1"), file(".wh.x", "2")])).unwrap();
    assert_eq!(paths(&image.root), [".wh.x", "x"]);
}

#[test]
fn se_conservan_duenos_modos_fechas_y_enlaces() {
    let Some(ground) = Ground::new() else { return };
    let long = "n".repeat(200);
    let first = tar_of(&[
        dir("./").mode(0o711),
        dir("d").mode(0o2775).uid(1000),
        file("d/setuid", "x").mode(0o4755),
        file("d/ajeno", "x").uid(3_000_000),
        file(&long, "largo"),
        file("bajo", "").pax("path", "ñandú".as_bytes()).pax("mtime", b"1500000000.25").pax("uid", b"77"),
        symlink("enlace", "/no/existe"),
    ]);
    let second = tar_of(&[hard_link("duro", "d/setuid"), hard_link("otro", "/d/ajeno")]);
    let image = ground.import(&docker_archive(&[first, second])).unwrap();
    let meta = |path: &str| fs::symlink_metadata(image.root.join(path)).unwrap();
    // en la raíz de una imagen solo entra root; la del contenedor toma la suya de la capa de escritura
    assert_eq!(meta("").mode() & 0o7777, 0o700);
    assert_eq!(
        (meta("d").mode() & 0o7777, meta("d").uid(), meta("d").mtime()),
        (0o2775, 1000, 1_600_000_000)
    );
    assert_eq!((meta("d/setuid").mode() & 0o7777, meta("d/setuid").nlink()), (0o4755, 2));
    assert_eq!(meta("d/setuid").ino(), meta("duro").ino(), "enlace duro entre capas");
    assert_eq!((meta("d/ajeno").uid(), meta("otro").nlink()), (3_000_000, 2));
    assert_eq!(read(&image, &long).unwrap(), "largo");
    assert_eq!(
        (meta("ñandú").mtime(), meta("ñandú").mtime_nsec(), meta("ñandú").uid()),
        (1_500_000_000, 250_000_000, 77)
    );
    assert_eq!(fs::read_link(image.root.join("enlace")).unwrap(), Path::new("/no/existe"));
    assert_eq!(meta("enlace").mtime(), 1_600_000_000);
    assert_eq!(image.size, 1 + 1 + 5, "los enlaces duros cuentan una vez");
}

#[test]
fn un_ejecutable_conserva_sus_capacidades() {
    let Some(ground) = Ground::new() else { return };
    // versión 2: cap_net_raw permitida y efectiva; lleva bytes que parecen saltos de línea
    let value = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, b'\n', 0, 0, 0, 0, 0, 0, 0];
    let tar = tar_of(&[file("ping", "x").mode(0o755).pax("SCHILY.xattr.security.capability", &value)]);
    let image = ground.import(&tar).unwrap();
    let path = image.root.join("ping");
    match std::process::Command::new("getcap").arg(&path).output() {
        Ok(output) => assert!(String::from_utf8_lossy(&output.stdout).contains("cap_net_raw"), "{output:?}"),
        Err(_) => println!("omitido: no está getcap"),
    }
}

#[test]
fn importar_encima_sustituye_de_golpe_y_lo_que_dejo_un_muerto_se_recoge() {
    let Some(ground) = Ground::new() else { return };
    ground.import(&tar_of(&[file("vieja", "")])).unwrap();
    // una importación que murió: su directorio está y nadie tiene su cerrojo
    fs::create_dir_all(ground.dir.join("store/.nuevo-1-0/rootfs/x")).unwrap();
    fs::create_dir_all(ground.dir.join("store/.viejo-1-0/rootfs/x")).unwrap();
    // y un nombre que no es de nadie
    make_symlink(ground.dir.join("victima"), ground.dir.join("store/.otro")).unwrap();
    let image = ground.import(&tar_of(&[file("nueva", "")])).unwrap();
    assert_eq!(paths(&image.root), ["nueva"]);
    assert_eq!(ground.stored(), [".otro", "prueba"]);
    // si la nueva no sale, la vieja sigue
    ground.import(&tar_of(&[file("../x", "")])).unwrap_err();
    assert_eq!(paths(&ground.store.find("prueba:latest").unwrap().root), ["nueva"]);
    assert_eq!(ground.store.list().len(), 1);
}

#[test]
fn lo_que_otro_esta_preparando_no_se_toca() {
    let Some(ground) = Ground::new() else { return };
    let staging = ground.store.stage().unwrap();
    ground.import(&tar_of(&[file("x", "")])).unwrap();
    ground.store.sweep();
    assert!(staging.root().is_dir());
    drop(staging);
    assert_eq!(ground.stored(), ["prueba"]);
}

#[test]
fn una_imagen_que_falta_dice_cuales_hay_y_como_se_crea() {
    let Some(ground) = Ground::new() else { return };
    let error = |name: &str| ground.store.find(name).unwrap_err().to_string();
    assert!(error("nginx").contains("image build nginx"), "{}", error("nginx"));
    assert!(error("cosa").contains("image import cosa FICHERO.tar"));
    assert!(error("ngnix").contains("¿querías decir `nginx`?"), "{}", error("ngnix"));
    ground.import(&tar_of(&[file("x", "")])).unwrap();
    assert!(error("prueva").contains("prueba"), "{}", error("prueva"));
    assert!(ground.store.find("../x").unwrap_err().to_string().contains("no es un nombre"));
    let host = ground.store.find("host").unwrap();
    assert_eq!((host.root.as_path(), host.config.env.len()), (Path::new("/"), 1));
}

#[test]
fn una_imagen_en_uso_por_un_pod_vivo_no_se_borra_ni_se_sustituye() {
    use crate::state::{Live, ProcessId, Record, Seen};
    let plan = |lower: &str| {
        serde_json::from_value(serde_json::json!({
            "name": "c", "image": "x", "lower": lower, "argv": [], "env": [], "cwd": "/", "mounts": [],
            "limits": crate::process::Limits::default(), "stop_signal": 15, "stdin": false, "tty": false,
            "security": {"uid": 0, "gid": 0, "groups": [], "capabilities": 0, "no_new_privs": true,
                         "seccomp": true, "masked": true, "privileged": false, "read_only_root": false},
        }))
        .unwrap()
    };
    let seen = |supervised: bool, lower: &str| Seen {
        record: Record {
            format: 1,
            name: "web".into(),
            uid: "u".into(),
            pod: Default::default(),
            base: "/".into(),
            born: 0,
            supervisor: ProcessId { pid: 1, start: 1 },
            cgroup: None,
            owner: None,
            network: None,
            runtime: Default::default(),
            remove: false,
            plans: vec![plan("/otra"), plan(lower)],
        },
        live: Live::default(),
        supervised,
    };
    let root = Path::new("/almacén/nginx/rootfs");
    let user = |pods: &[Seen]| super::super::store::user_of(root, pods);
    assert_eq!(user(&[seen(true, "/almacén/nginx/rootfs")]).as_deref(), Some("web"));
    assert_eq!(user(&[seen(false, "/almacén/nginx/rootfs")]), None, "un Pod acabado no la necesita");
    assert_eq!(user(&[seen(true, "/almacén/nginx@1/rootfs")]), None);
}
