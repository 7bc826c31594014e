//! Archivos hechos con mala intención: nada se escribe fuera y nada queda a medias.

use super::super::unpack::Limits;
use super::*;

enum Fate {
    /// Se rechaza, y el error contiene esto.
    Refused(&'static str),
    /// Se admite; estas rutas existen dentro de la imagen.
    Inside(&'static [&'static str]),
}
use Fate::{Inside, Refused};

type Case = (&'static str, Vec<Vec<Raw>>, Fate);

/// Importa cada caso y comprueba la víctima y el almacén. Una capa: tar de una raíz; varias: `docker save`.
fn try_all(cases: impl Fn(&str) -> Vec<Case>) {
    let Some(ground) = Ground::new() else { return };
    let before = ground.victim_state();
    for (name, layers, fate) in cases(&ground.victim()) {
        let tars: Vec<Vec<u8>> = layers.iter().map(|layer| tar_of(layer)).collect();
        let result =
            if let [only] = &tars[..] { ground.import(only) } else { ground.import(&docker_archive(&tars)) };
        assert_eq!(ground.victim_state(), before, "{name}: se ha tocado la víctima");
        match (result, fate) {
            (Ok(image), Inside(expected)) => {
                for path in expected {
                    let there = fs::symlink_metadata(image.root.join(path)).is_ok();
                    assert!(there, "{name}: falta {path} en {:?}", paths(&image.root));
                }
                ground.store.remove(&crate::image::Name::parse("prueba").unwrap()).unwrap();
            }
            (Err(e), Refused(text)) => {
                assert!(e.to_string().contains(text), "{name}: {e}");
            }
            (Ok(image), Refused(_)) => panic!("{name}: se ha admitido: {:?}", paths(&image.root)),
            (Err(e), Inside(_)) => panic!("{name}: se ha rechazado: {e}"),
        }
        assert_eq!(ground.stored(), Vec::<String>::new(), "{name}: quedan restos");
    }
}

#[test]
fn ninguna_ruta_sale_de_la_raiz() {
    try_all(|victim| {
        let below = |rest: &str| format!("{victim}/{rest}");
        // dentro de la imagen, con la misma ruta
        let inside = |rest: &str| -> Fate {
            let path: &'static str = below(rest).trim_start_matches('/').to_string().leak();
            Inside(vec![path].leak())
        };
        let long = "x".repeat(256);
        let deep = "d/".repeat(101);
        let huge = format!("{}x", "directorio/".repeat(400));
        vec![
            ("sube", vec![vec![file("../victima/x", "")]], Refused("«..»")),
            ("sube desde dentro", vec![vec![file("a/../../victima/x", "")]], Refused("«..»")),
            ("sube y vuelve", vec![vec![file("a/../b", "")]], Refused("«..»")),
            ("el de encima", vec![vec![dir("..")]], Refused("«..»")),
            ("el de encima, al final", vec![vec![dir("a/..")]], Refused("«..»")),
            ("sube con /", vec![vec![file("/../victima/x", "")]], Refused("«..»")),
            ("sube con ./", vec![vec![file("./../victima/x", "")]], Refused("«..»")),
            ("absoluta", vec![vec![file(&below("x"), "")]], inside("x")),
            (
                "absoluta a un fichero que existe",
                vec![vec![file(&below("secreto"), "mal")]],
                inside("secreto"),
            ),
            ("con dos barras", vec![vec![file("//etc//passwd", "")]], Inside(&["etc/passwd"])),
            ("sube en pax", vec![vec![file("x", "").pax("path", b"../victima/x")]], Refused("«..»")),
            ("sube en GNU", vec![vec![file(&format!("{}../../x", "a/".repeat(60)), "")]], Refused("«..»")),
            ("sin nombre", vec![vec![file("", "")]], Refused("no tiene nombre")),
            ("sin nombre en pax", vec![vec![file("x", "").pax("path", b"")]], Refused("no tiene nombre")),
            ("NUL", vec![vec![file("x", "").pax("path", b"a\0b")]], Refused("NUL")),
            ("la raíz es un fichero", vec![vec![file("./", "x")]], Refused("la raíz tiene que ser")),
            ("la raíz es un enlace", vec![vec![symlink(".", victim)]], Refused("la raíz tiene que ser")),
            ("nombre larguísimo", vec![vec![file(&long, "")]], Refused("demasiado larga")),
            ("muy hondo", vec![vec![file(&format!("{deep}x"), "")]], Refused("anidados")),
            ("ruta larguísima", vec![vec![file("x", "").pax("path", huge.as_bytes())]], Refused("anidados")),
        ]
    });
}

#[test]
fn ningun_enlace_lleva_fuera_de_la_raiz() {
    try_all(|victim| {
        let secret = format!("{victim}/secreto");
        let through = |to: &str| vec![vec![symlink("s", to), file("s/x", "mal")]];
        vec![
            ("a través de un enlace absoluto", through(victim), Refused("no existe")),
            (
                "a través de uno relativo",
                through(&format!("../../../../../../..{victim}")),
                Refused("no existe"),
            ),
            ("a través de la raíz", through("/"), Inside(&["x"])),
            ("a través del de encima", through("../../.."), Inside(&["x"])),
            ("a través de /proc", through(&format!("/proc/self/root{victim}")), Refused("no existe")),
            ("a través de un descriptor", through("/proc/self/fd/3"), Refused("no existe")),
            (
                "en cadena",
                vec![vec![symlink("a", "b"), symlink("b", victim), file("a/x", "")]],
                Refused("no existe"),
            ),
            (
                "en círculo",
                vec![vec![symlink("a", "b"), symlink("b", "a"), file("a/x", "")]],
                Refused("enlaces simb"),
            ),
            (
                "un fichero sobre un enlace",
                vec![vec![symlink("f", &secret), file("f", "mal")]],
                Inside(&["f"]),
            ),
            (
                "un directorio sobre un enlace",
                vec![vec![symlink("d", victim), dir("d").mode(0o777), file("d/x", "")]],
                Inside(&["d/x"]),
            ),
            ("enlace duro absoluto", vec![vec![hard_link("h", &secret)]], Refused("no existe")),
            ("enlace duro que sube", vec![vec![hard_link("h", "../victima/secreto")]], Refused("no vale")),
            (
                "enlace duro a través de un enlace",
                vec![vec![symlink("s", victim), hard_link("h", "s/secreto")]],
                Refused("no existe"),
            ),
            (
                "enlace duro a un enlace, y escribir en él",
                vec![vec![symlink("s", &secret), hard_link("h", "s"), file("h", "mal")]],
                Inside(&["h", "s"]),
            ),
            (
                "enlace duro a un directorio",
                vec![vec![dir("d"), hard_link("h", "d")]],
                Refused("no se pudo crear «h»"),
            ),
            ("enlace duro a sí mismo", vec![vec![hard_link("h", "h")]], Refused("no existe")),
            (
                "enlace duro a sí mismo, que existe",
                vec![vec![file("h", "x"), hard_link("h", "h")]],
                Inside(&["h"]),
            ),
            ("enlace duro a nada", vec![vec![hard_link("h", "")]], Refused("no vale")),
            ("enlace simbólico a nada", vec![vec![symlink("s", "")]], Refused("no se pudo crear «s»")),
            (
                "debajo de un fichero",
                vec![vec![file("a", ""), file("a/b", "")]],
                Refused("no es un directorio"),
            ),
        ]
    });
}

#[test]
fn ninguna_capa_escribe_a_traves_de_lo_que_planto_otra() {
    try_all(|victim| {
        let secret = format!("{victim}/secreto");
        let planted = |then: Vec<Raw>| vec![vec![symlink("s", victim)], then];
        vec![
            ("fichero", planted(vec![file("s/x", "mal")]), Refused("no existe")),
            ("fichero sobre el secreto", planted(vec![file("s/secreto", "mal")]), Refused("no existe")),
            ("directorio", planted(vec![dir("s").mode(0o777), file("s/x", "")]), Inside(&["s/x"])),
            ("enlace duro", planted(vec![hard_link("h", "s/secreto")]), Refused("no existe")),
            ("enlace simbólico", planted(vec![symlink("s/x", "y")]), Refused("no existe")),
            ("borrado", planted(vec![file("s/.wh.secreto", "")]), Inside(&["s"])),
            ("borrado de un directorio", planted(vec![file("s/.wh.dir", "")]), Inside(&["s"])),
            ("opaco", planted(vec![file("s/.wh..wh..opq", "")]), Inside(&["s"])),
            ("borrado del enlace", planted(vec![file(".wh.s", ""), file("s/x", "")]), Inside(&["s/x"])),
            (
                "fichero sobre enlace",
                vec![vec![symlink("f", &secret)], vec![file("f", "mal")]],
                Inside(&["f"]),
            ),
            (
                "un directorio que se vuelve enlace",
                vec![vec![dir("d"), file("d/a", "")], vec![symlink("d", victim)], vec![file("d/x", "")]],
                Refused("no existe"),
            ),
            (
                "un directorio que se vuelve enlace en la misma capa",
                vec![vec![dir("d")], vec![symlink("d", victim), file("d/secreto", "mal")]],
                Refused("no existe"),
            ),
            (
                "borrar el propio directorio",
                vec![vec![dir("a")], vec![file("a/.wh..", "")]],
                Refused("no válido"),
            ),
            ("borrar el de encima", vec![vec![dir("a")], vec![file("a/.wh...", "")]], Refused("no válido")),
            ("borrar nada", vec![vec![dir("a")], vec![file("a/.wh.", "")]], Refused("no válido")),
            ("restos de aufs", vec![vec![dir("a")], vec![file(".wh..wh.plnk", "")]], Refused("no válido")),
            ("por una marca", vec![vec![dir("a")], vec![file("a/.wh.b/c", "")]], Refused("marca de borrado")),
            ("borrar subiendo", vec![vec![dir("a")], vec![file("../.wh.victima", "")]], Refused("«..»")),
        ]
    });
}

#[test]
fn las_cabeceras_que_mienten_se_rechazan_antes_de_escribir() {
    try_all(|_| {
        let eight_tib = 8u64 << 40;
        vec![
            ("8 TiB", vec![vec![file("x", "").claims(eight_tib)]], Refused("más de lo que se admite")),
            (
                "8 TiB en pax",
                vec![vec![file("x", "").pax("size", b"8796093022208")]],
                Refused("más de lo que"),
            ),
            ("todo unos", vec![vec![file("x", "").claims(u64::MAX)]], Refused("más de lo que se admite")),
            ("dueño imposible", vec![vec![file("x", "").uid(u64::from(u32::MAX))]], Refused("imposible")),
            ("dueño enorme", vec![vec![file("x", "").uid(1 << 40)]], Refused("imposible")),
            (
                "dueño imposible en pax",
                vec![vec![file("x", "").pax("uid", b"4294967295")]],
                Refused("imposible"),
            ),
            (
                "pax mal formado",
                vec![vec![Raw { data: b"99 path=x\n".to_vec(), ..other(b'x', "p") }]],
                Refused("pax"),
            ),
            (
                "pax sin longitud",
                vec![vec![Raw { data: b"path=x\n".to_vec(), ..other(b'x', "p") }]],
                Refused("pax"),
            ),
            ("pax negativo", vec![vec![file("x", "").pax("size", b"-1")]], Refused("pax")),
            (
                "pax larguísimo",
                vec![vec![Raw { data: vec![b'a'; 2 << 20], ..other(b'x', "p") }]],
                Refused("anuncia"),
            ),
            (
                "nombre larguísimo",
                vec![vec![Raw { data: vec![b'a'; 2 << 20], ..other(b'L', "p") }]],
                Refused("anuncia"),
            ),
            ("disperso de GNU", vec![vec![other(b'S', "x")]], Refused("disperso")),
            (
                "disperso de pax",
                vec![vec![file("x", "").pax("GNU.sparse.major", b"1")]],
                Refused("dispersos"),
            ),
            ("tipo desconocido", vec![vec![other(b'Z', "x")]], Refused("tipo desconocido")),
            ("una etiqueta de volumen", vec![vec![other(b'V', "x")]], Refused("tipo desconocido")),
        ]
    });
}

#[test]
fn los_dispositivos_no_se_crean_y_se_cuentan() {
    let Some(ground) = Ground::new() else { return };
    let tar = tar_of(&[other(b'3', "nulo"), other(b'4', "disco"), other(b'6', "tubería"), file("x", "")]);
    let image = ground.import(&tar).unwrap();
    assert_eq!(paths(&image.root), ["x"]);
    let root = crate::image::unpack::open_root(&image.root).unwrap();
    let mut unpacker = crate::image::unpack::Unpacker::new(&root, Limits::default());
    unpacker.write(&tar[..], false).map(drop).unwrap();
    assert_eq!(unpacker.skipped, 3);
}

#[test]
fn lo_que_crece_sin_limite_se_para_en_el_limite() {
    let Some(ground) = Ground::new() else { return };
    let limits = Limits { bytes: 1 << 20, entries: 10, depth: 100 };
    let big = Raw { data: vec![0; 64 << 20], ..file("x", "") };
    let many: Vec<Raw> = (0..11).map(|i| file(&format!("{i}"), "")).collect();
    // una cola de ceros detrás del final: no es de ningún fichero, pero hay que descomprimirla
    let mut tail = tar_of(&[file("x", "")]);
    tail.resize(64 << 20, 0);
    let halves = tar_of(&[Raw { data: vec![0; 600 << 10], ..file("x", "") }]);
    for (name, bytes, why) in [
        ("fichero enorme", tar_of(std::slice::from_ref(&big)), "más de lo que se admite"),
        ("bomba gzip", gzip(&tar_of(&[big])), "más de lo que se admite"),
        ("bomba en la cola", gzip(&tail), "más de lo que se admite"),
        ("demasiadas entradas", tar_of(&many), "más entradas"),
        (
            "dos capas que juntas no caben",
            docker_archive_with(&[halves.clone(), halves], gzip),
            "más de lo que se admite",
        ),
    ] {
        let e = ground.import_within(&bytes, limits).unwrap_err().to_string();
        assert!(e.contains(why), "{name}: {e}");
        assert_eq!(ground.stored(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn lo_estropeado_se_dice_en_espanol_y_no_deja_restos() {
    let Some(ground) = Ground::new() else { return };
    let good = tar_of(&[file("x", &"hola".repeat(1000))]);
    let packed = gzip(&good);
    let mut flipped = packed.clone();
    let middle = flipped.len() - 6; // dentro del CRC
    flipped[middle] ^= 0xff;
    let mut wrong_sum = good.clone();
    wrong_sum[0] ^= 1;
    let mut second_wrong = tar_of(&[file("a", ""), file("b", "")]);
    second_wrong[512] ^= 1;
    for (name, bytes, why) in [
        ("vacío", vec![], "vacío"),
        ("un byte", vec![b'x'], "no es un tar"),
        ("texto", vec![b'x'; 4096], "no es un tar"),
        ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0], "zstd"),
        ("xz", b"\xfd7zXZ\0".to_vec(), "xz"),
        ("bzip2", b"BZh91AY".to_vec(), "bzip2"),
        ("zip", b"PK\x03\x04".to_vec(), "zip"),
        ("suma mala", wrong_sum, "no es un tar"),
        ("segunda suma mala", second_wrong, "no cuadra la suma"),
        ("cortado en los datos", good[..1024].to_vec(), "cortado"),
        ("cortado en una cabecera", good[..300].to_vec(), "no es un tar"),
        ("sin el final", good[..good.len() - 1024].to_vec(), "cortado"),
        ("gzip cortado", packed[..packed.len() / 2].to_vec(), "cortado"),
        ("gzip sin su final", packed[..packed.len() - 4].to_vec(), "cortado"),
        ("gzip estropeado", flipped, "estropeados"),
        ("tar sin nada", gzip(&tar_of(&[])), "no contiene nada"),
        ("gzip de nada", gzip(b""), "cortado"),
        ("gzip y basura", [&packed[..], &[b'x'; 64]].concat(), "estropeados"),
    ] {
        let e = ground.import(&bytes).expect_err(name).to_string();
        assert!(e.contains(why), "{name}: {e}");
        assert_eq!(ground.stored(), Vec::<String>::new(), "{name}");
    }
    assert!(
        ground
            .store
            .import("x", &ground.dir.join("no-existe"))
            .unwrap_err()
            .to_string()
            .contains("no existe")
    );
    assert!(ground.store.import("host", &ground.dir.join("x")).unwrap_err().to_string().contains("host"));
}

#[test]
fn un_fichero_nuevo_nunca_se_abre_a_traves_de_lo_que_ya_habia() {
    let Some(ground) = Ground::new() else { return };
    let before = ground.victim_state();
    let root = crate::image::unpack::open_root(&ground.dir).unwrap();
    std::os::unix::fs::symlink("victima/secreto", ground.dir.join("enlace")).unwrap();
    for name in ["enlace", "victima/secreto"] {
        let error = root.place(name.as_bytes()).unwrap().create_file().map(drop).unwrap_err();
        assert_eq!(error, nix::errno::Errno::EEXIST, "{name}");
    }
    assert_eq!(ground.victim_state(), before);
}
