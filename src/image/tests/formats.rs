//! Los formatos de archivo de imágenes, los de verdad y los estropeados.

use super::*;
use serde_json::{Value, json};

/// Un directorio OCI con una imagen; `break_it` puede estropear el índice o los ficheros.
struct Layout {
    dir: PathBuf,
    index: Value,
}

impl Layout {
    fn new(ground: &Ground, layers: &[Vec<u8>]) -> Layout {
        let dir = ground.dir.join("oci");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let mut layout = Layout { dir, index: json!({"schemaVersion": 2, "manifests": []}) };
        let manifest = layout.manifest(layers);
        layout.index["manifests"] = json!([manifest]);
        layout.save();
        layout
    }

    fn save(&self) {
        fs::write(self.dir.join("index.json"), self.index.to_string()).unwrap();
    }

    /// Guarda una pieza y devuelve su descriptor.
    fn blob(&self, kind: &str, bytes: &[u8]) -> Value {
        fs::write(self.path(&sha256(bytes)), bytes).unwrap();
        json!({"mediaType": kind, "digest": format!("sha256:{}", sha256(bytes)), "size": bytes.len()})
    }

    fn path(&self, hex: &str) -> PathBuf {
        self.dir.join("blobs/sha256").join(hex)
    }

    fn manifest(&self, layers: &[Vec<u8>]) -> Value {
        let config = self.blob("application/vnd.oci.image.config.v1+json", config_json(layers).as_bytes());
        let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
        let layers: Vec<Value> = layers.iter().map(|layer| self.blob(kind, &gzip(layer))).collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        self.blob("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes())
    }

    /// Lo mismo, en un tar.
    fn archive(&self) -> Vec<u8> {
        let entries: Vec<Raw> = paths(&self.dir)
            .iter()
            .filter(|path| self.dir.join(path).is_file())
            .map(|path| Raw {
                data: fs::read(self.dir.join(path)).unwrap(),
                ..file(&format!("./{path}"), "")
            })
            .collect();
        tar_of(&entries)
    }
}

fn two_layers() -> Vec<Vec<u8>> {
    vec![tar_of(&[file("a", "1"), file("b", "1")]), tar_of(&[file("a", "2"), file(".wh.b", "")])]
}

fn check_two_layers(image: &Image) {
    assert_eq!(paths(&image.root), ["a"]);
    assert_eq!(read(image, "a").unwrap(), "2");
    let config = &image.config;
    assert_eq!((&config.entrypoint[..], config.cmd.len()), (&["/bin/programa".to_string()][..], 0));
    assert_eq!(config.env, ["A=1", "B=2=3"]);
    assert_eq!(
        (config.user.as_str(), config.working_dir.as_str(), config.stop_signal.as_str()),
        ("nobody", "/srv", "SIGQUIT")
    );
}

#[test]
fn se_importan_todos_los_formatos_tal_cual_y_comprimidos() {
    let Some(ground) = Ground::new() else { return };
    let layout = Layout::new(&ground, &two_layers());
    check_two_layers(&ground.store.import("prueba", &layout.dir).unwrap());
    check_two_layers(&ground.import(&layout.archive()).unwrap());
    check_two_layers(&ground.import(&gzip(&layout.archive())).unwrap());
    check_two_layers(&ground.import(&docker_archive(&two_layers())).unwrap());
    check_two_layers(&ground.import(&gzip(&docker_archive(&two_layers()))).unwrap());
    let plain =
        ground.import(&gzip(&tar_of(&[file("x", ""), file("manifest.json", "no soy json"), dir("etc")])));
    assert_eq!(paths(&plain.unwrap().root), ["etc", "manifest.json", "x"], "una raíz con un manifest.json");
    assert_eq!(ground.stored(), ["prueba"], "los ficheros de trabajo también se borran");
    assert_eq!(crate::state::names_in(&ground.dir.join("store/prueba")).len(), 2);
}

#[test]
fn una_capa_repetida_puede_ser_un_enlace_a_la_otra() {
    let Some(ground) = Ground::new() else { return };
    let layer = tar_of(&[file("a", "1")]);
    let layers = [layer.clone(), layer.clone()];
    let config = config_json(&layers);
    let manifest = json!([{"Config": "c.json", "RepoTags": null, "Layers": ["1/layer.tar", "2/layer.tar"]}]);
    let archive = |link: Raw| {
        tar_of(&[
            Raw { data: layer.clone(), ..file("1/layer.tar", "") },
            link,
            file("c.json", &config),
            file("manifest.json", &manifest.to_string()),
        ])
    };
    for link in [symlink("2/layer.tar", "../1/layer.tar"), hard_link("2/layer.tar", "1/layer.tar")] {
        assert_eq!(paths(&ground.import(&archive(link)).unwrap().root), ["a"]);
    }
    let secret = format!("{}/secreto", ground.victim());
    for link in ["../2/layer.tar", &secret, "../../../../../../etc/passwd", "/etc/passwd"] {
        let e = ground.import(&archive(symlink("2/layer.tar", link))).unwrap_err().to_string();
        assert!(e.contains("le falta la pieza «2/layer.tar»"), "{link}: {e}");
    }
}

#[test]
fn de_un_indice_se_elige_la_plataforma_de_esta_maquina() {
    let Some(ground) = Ground::new() else { return };
    let mut layout = Layout::new(&ground, &two_layers());
    let ours = layout.index["manifests"][0].clone();
    let on = |mut descriptor: Value, os: &str, arch: &str| {
        descriptor["platform"] = json!({"os": os, "architecture": arch});
        descriptor
    };
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    // la de otra máquina ni siquiera está en el archivo; y una firma no es de ninguna
    let missing = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "digest": format!("sha256:{}", "0".repeat(64)), "size": 1});
    let list = json!([
        on(missing.clone(), "linux", "s390x"),
        on(ours, "linux", arch),
        on(missing.clone(), "unknown", "unknown"),
    ]);
    let nested = json!({"schemaVersion": 2, "manifests": list}).to_string();
    let nested = layout.blob("application/vnd.oci.image.index.v1+json", nested.as_bytes());
    for manifests in [list, json!([nested])] {
        layout.index["manifests"] = manifests;
        layout.save();
        check_two_layers(&ground.store.import("prueba", &layout.dir).unwrap());
    }
    layout.index["manifests"] =
        json!([on(missing.clone(), "linux", "s390x"), on(missing, "windows", "amd64")]);
    layout.save();
    let e = ground.store.import("prueba", &layout.dir).unwrap_err().to_string();
    assert!(e.contains("linux/s390x, windows/amd64"), "{e}");
}

#[test]
fn si_hay_varias_imagenes_vale_la_que_se_llama_igual() {
    let Some(ground) = Ground::new() else { return };
    let mut layout = Layout::new(&ground, &two_layers());
    let named = |mut descriptor: Value, name: &str| {
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        descriptor
    };
    let other = layout.manifest(&[tar_of(&[file("otra", "")])]);
    let ours = layout.index["manifests"][0].clone();
    layout.index["manifests"] =
        json!([named(other.clone(), "otra:1"), named(ours.clone(), "localhost/prueba:latest")]);
    layout.save();
    check_two_layers(&ground.store.import("prueba", &layout.dir).unwrap());
    assert_eq!(paths(&ground.store.import("otra:1", &layout.dir).unwrap().root), ["otra"]);
    let e = ground.store.import("nueva", &layout.dir).unwrap_err().to_string();
    assert!(e.contains("otra:1, localhost/prueba:latest"), "{e}");
    layout.index["manifests"] = json!([]);
    layout.save();
    assert!(ground.store.import("x", &layout.dir).unwrap_err().to_string().contains("ninguna imagen"));
}

#[test]
fn un_solo_byte_cambiado_en_cualquier_pieza_se_nota() {
    let Some(ground) = Ground::new() else { return };
    let layout = Layout::new(&ground, &two_layers());
    let blobs = crate::state::names_in(&layout.dir.join("blobs/sha256"));
    assert_eq!(blobs.len(), 4, "manifiesto, configuración y dos capas");
    for blob in &blobs {
        let good = fs::read(layout.path(blob)).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        for (bytes, why) in [(&bad[..], "no tiene el contenido"), (&good[1..], "no mide lo que")] {
            fs::write(layout.path(blob), bytes).unwrap();
            let e = ground.store.import("prueba", &layout.dir).unwrap_err().to_string();
            assert!(e.contains(why), "{blob}: {e}");
        }
        fs::remove_file(layout.path(blob)).unwrap();
        let e = ground.store.import("prueba", &layout.dir).unwrap_err().to_string();
        assert!(e.contains("le falta la pieza"), "{e}");
        fs::write(layout.path(blob), good).unwrap();
    }
    assert_eq!(ground.stored(), Vec::<String>::new());
    check_two_layers(&ground.store.import("prueba", &layout.dir).unwrap());
}

#[test]
fn en_docker_se_comprueban_la_configuracion_y_las_capas_descomprimidas() {
    let Some(ground) = Ground::new() else { return };
    let layer = tar_of(&[file("a", "1")]);
    let changed = tar_of(&[file("a", "2")]);
    let config = config_json(std::slice::from_ref(&layer));
    let import = |config_name: &str, config: &str, layers: &[&str], layer: &[u8]| {
        let manifest = json!([{"Config": config_name, "Layers": layers}]).to_string();
        let layer = Raw { data: layer.to_vec(), ..file("l.tar", "") };
        ground.import(&tar_of(&[file(config_name, config), layer, file("manifest.json", &manifest)]))
    };
    let good = format!("{}.json", sha256(config.as_bytes()));
    import(&good, &config, &["l.tar"], &layer).unwrap();
    import(&good, &config, &["l.tar"], &gzip(&layer)).unwrap();
    let secret = format!("{}/secreto", ground.victim());
    let arm = config.replace("amd64", "s390x").replace("arm64", "s390x");
    let bad_id = config.replace("sha256:", "sha256:../../");
    let nul = config.replace("/bin/programa", "/bin/x\\u0000y");
    let bad_env = config.replace("A=1", "=1");
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd];
    zstd.resize(600, 0);
    for (name, result, why) in [
        ("capa cambiada", import(&good, &config, &["l.tar"], &changed), "no tiene el contenido"),
        (
            "configuración cambiada",
            import(&good, &format!("{config} "), &["l.tar"], &layer),
            "no tiene el contenido",
        ),
        ("sobran capas", import(&good, &config, &["l.tar", "l.tar"], &layer), "2 capas"),
        ("faltan capas", import(&good, &config, &[], &layer), "0 capas"),
        ("capa que sube", import(&good, &config, &["../../victima/secreto"], &layer), "le falta la pieza"),
        ("capa absoluta", import(&good, &config, &[&secret], &layer), "le falta la pieza"),
        (
            "configuración que no está",
            import("c.json", "{", &["l.tar"], &layer),
            "no se entiende la configuración",
        ),
        ("otra arquitectura", import("c.json", &arm, &["l.tar"], &layer), "s390x"),
        ("resumen que es una ruta", import("c.json", &bad_id, &["l.tar"], &layer), "no es un resumen"),
        ("NUL en el programa", import("c.json", &nul, &["l.tar"], &layer), "NUL"),
        ("variable sin nombre", import("c.json", &bad_env, &["l.tar"], &layer), "variable de entorno"),
        ("capa en zstd", import(&good, &config, &["l.tar"], &zstd), "--dest-compress-format gzip"),
        ("capa vacía", import(&good, &config, &["l.tar"], b""), "está vacío"),
        ("capa cortada", import(&good, &config, &["l.tar"], &layer[..700]), "cortado"),
    ] {
        let e = result.expect_err(name).to_string();
        assert!(e.contains(why), "{name}: {e}");
    }
}

#[test]
fn un_directorio_oci_no_lee_fuera_de_si_mismo() {
    let Some(ground) = Ground::new() else { return };
    let layout = Layout::new(&ground, &two_layers());
    let blob = crate::state::names_in(&layout.dir.join("blobs/sha256")).remove(0);
    fs::remove_file(layout.path(&blob)).unwrap();
    std::os::unix::fs::symlink(ground.dir.join("victima/secreto"), layout.path(&blob)).unwrap();
    let e = ground.store.import("prueba", &layout.dir).unwrap_err().to_string();
    assert!(e.contains("le falta la pieza"), "{e}");
    fs::remove_file(layout.path(&blob)).unwrap();
    nix::unistd::mkfifo(&layout.path(&blob), nix::sys::stat::Mode::S_IRUSR).unwrap();
    ground.store.import("prueba", &layout.dir).expect_err("una tubería no es una pieza");
    let e = ground.store.import("prueba", &ground.dir.join("victima")).unwrap_err().to_string();
    assert!(e.contains("no es un directorio de imágenes OCI"), "{e}");
}

#[test]
fn lo_que_guarda_podman_de_verdad_se_importa() {
    let Some(ground) = Ground::new() else { return };
    let layer = ground.file("raiz.tar", &tar_of(&[dir("bin"), file("bin/x", "hola").mode(0o755)]));
    // un almacén aparte: el de la máquina ni se mira
    let podman = |args: &[&str]| {
        let (root, run) = (ground.dir.join("podman"), ground.dir.join("podman-run"));
        let mut command = std::process::Command::new("podman");
        command
            .arg("--root")
            .arg(root)
            .arg("--runroot")
            .arg(run)
            .args(["--storage-driver", "vfs"])
            .args(args);
        command.output().is_ok_and(|output| output.status.success())
    };
    if !podman(&["import", "--change", r#"CMD ["/bin/x"]"#, layer.to_str().unwrap(), "prueba"]) {
        println!("omitido: no hay podman que funcione");
        return;
    }
    for format in ["docker-archive", "oci-archive", "oci-dir"] {
        let out = ground.dir.join(format);
        if !podman(&["save", "--format", format, "-o", out.to_str().unwrap(), "prueba"]) {
            println!("omitido: podman no sabe guardar como {format}");
            continue;
        }
        let image = ground.store.import("prueba", &out).unwrap();
        assert_eq!(
            (paths(&image.root), image.config.cmd),
            (vec!["bin".into(), "bin/x".into()], vec!["/bin/x".into()])
        );
    }
}
