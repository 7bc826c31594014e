//! Lo que se alimenta con basura para ver si aguanta: cada entrada que llega de fuera, y lo que debe
//! seguir siendo verdad después. El programa no llama a nada de esto.
//!
//! Lo usan `tests/fuzz.rs`, que prueba los ejemplos guardados y unas miles de variantes, y `fuzz/`, donde
//! cargo-fuzz busca sin fin. Un hallazgo es un pánico.

use crate::check::{grpc, hpack, http};
use crate::cli::convert::written;
use crate::data;
use crate::image;
use crate::kernel::Op;
use crate::kernel::ops::{OpenBeneath, OpenDir, Place};
use crate::logs::{self, LogWriter, Stream};
use crate::network::look;
use crate::spec::language::Language;
use crate::spec::objects::Object;
use crate::spec::parse::parse_bytes;
use crate::spec::quantity::Quantity;
use crate::spec::types::{Container, Pod};
use crate::{recording::Recording, state};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Una entrada de fuera. Devuelve si se dio por buena: una prueba que lo rechaza todo no prueba nada.
pub type Target = fn(&[u8]) -> bool;

// ANCHOR: targets
/// Las entradas, por el nombre del directorio de sus ejemplos.
pub const TARGETS: &[(&str, Target)] = &[
    ("especificacion-ron", |bytes| specification("x.ron", bytes)),
    ("especificacion-yaml", |bytes| specification("x.yaml", bytes)),
    ("especificacion-json", |bytes| specification("x.json", bytes)),
    ("cantidades", quantity),
    ("nombres", names),
    ("rutas", paths),
    ("logs", log_lines),
    ("fichas", state_files),
    ("archivos", archives),
    ("netlink", netlink),
    ("http", http_answers),
    ("grpc", grpc_answers),
    ("peticiones", api_requests),
];
// ANCHOR_END: targets

/// Da `bytes` a la entrada `name`.
pub fn run(name: &str, bytes: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, target)| target(bytes)).unwrap_or_else(|| panic!("no hay ninguna entrada {name}"))
}

/// Un directorio solo nuestro, en memoria si se puede.
fn scratch(what: &str) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let thread = std::thread::current().id();
    base.join(format!("micropod-fuzz-{what}-{}-{thread:?}", std::process::id()))
}

fn specification(file: &str, bytes: &[u8]) -> bool {
    // lo que se dice se imprime: ni escapes ni lo que da la vuelta al texto; los tabuladores de la línea
    // que se enseña se quedan, para que casen los de debajo
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let hostile = |c: char| control(c) || ('\u{202a}'..='\u{202e}').contains(&c);
    let manifest = match parse_bytes(file, bytes.to_vec()) {
        Ok(manifest) => manifest,
        Err(errors) => {
            assert!(!errors.to_string().contains(hostile), "{errors:?}");
            return false;
        }
    };
    assert!(!manifest.notes.concat().contains(hostile), "{:?}", manifest.notes);
    for language in [Language::Ron, Language::Yaml, Language::Json] {
        let (text, _) = written(&manifest, language);
        let again = parse_bytes(&format!("x.{}", language.extension()), text.clone().into_bytes());
        assert_eq!(again.expect(&text).objects, manifest.objects, "{text}");
    }
    let mut pods = 0;
    for object in &manifest.objects {
        if let Object::Pod(pod) = object {
            stays_inside(pod);
            pods += 1;
        }
        // lo que se escribe de un objeto se vuelve a leer igual
        let again: Object = data::read(&data::bytes(object)).expect("lo escribió el programa");
        assert_eq!(&again, object);
    }
    pods > 0
}

/// Un solo nombre: al añadirlo a un directorio, el resultado cuelga directamente de él.
fn is_one_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

// ANCHOR: stays_inside
/// Todo lo que micropod crearía para un Pod que ha admitido cuelga de sus directorios y de su cgroup.
fn stays_inside(pod: &Pod) {
    let name = &pod.metadata.name;
    for (dir, home) in [(state::pod_dir(name), state::RUN), (state::log_dir(name), state::LOG)] {
        assert!(is_one_name(name) && dir.starts_with(home), "{name:?} sale de {home}: {}", dir.display());
    }
    let spec = &pod.spec;
    for volume in &spec.volumes {
        assert!(is_one_name(&volume.name), "volumen {:?}", volume.name);
    }
    for container in spec.init_containers.iter().chain(&spec.containers) {
        container_stays_inside(container);
    }
}

fn container_stays_inside(container: &Container) {
    // el nombre es el de su cgroup, el de su capa y el de sus logs
    assert!(is_one_name(&container.name), "contenedor {:?}", container.name);
    for mount in &container.volume_mounts {
        let climbs = |path: &str| Path::new(path).components().any(|c| c == Component::ParentDir);
        assert!(mount.mount_path.starts_with('/') && !climbs(&mount.mount_path), "{:?}", mount.mount_path);
        let sub_path = mount.sub_path.as_deref().unwrap_or_default();
        assert!(!sub_path.starts_with('/') && !climbs(sub_path), "{sub_path:?}");
    }
    let text = container.command.iter().chain(&container.args).chain(container.env.iter().map(|e| &e.name));
    assert!(!text.into_iter().any(|t| t.contains('\0')), "execve no lleva nulos");
    for env in &container.env {
        assert!(!env.name.is_empty() && !env.name.contains('='), "variable {:?}", env.name);
    }
}
// ANCHOR_END: stays_inside

fn quantity(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(value) = Quantity::parse(text) else { return false };
    let again = Quantity::parse(&value.to_string()).expect("lo que se escribe se lee");
    assert_eq!((again.units(), again.millis()), (value.units(), value.millis()), "{text:?}");
    true
}

fn names(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(name) = image::Name::parse(text) else { return false };
    let dir = Path::new("/imagenes").join(name.as_str());
    assert!(dir.components().all(|c| c != Component::ParentDir), "{text:?}");
    assert!(dir.starts_with("/imagenes"), "{text:?}");
    true
}

/// Un árbol con enlaces que quieren salir, y la ruta la elige quien ataca.
fn paths(bytes: &[u8]) -> bool {
    thread_local! {
        static TREE: Tree = hostile_tree();
    }
    let Ok(path) = std::str::from_utf8(bytes) else { return false };
    TREE.with(|Tree { dir, root, .. }| {
        let inside = |fd: &Place| {
            let real = fs::read_link(fd.for_kernel()).expect("un descriptor abierto tiene ruta");
            assert!(real.starts_with(dir), "{path:?} lleva a {}", real.display());
        };
        let opened = OpenBeneath { root, path }.run();
        opened.iter().for_each(inside);
        let found = root.find(path);
        found.iter().for_each(|found| inside(&found.place));
        if let Ok(text) = root.read(path, 64) {
            assert_eq!(text, b"dentro", "{path:?}");
        }
        opened.is_ok() || found.is_some()
    })
}

struct Tree {
    outer: PathBuf,
    dir: PathBuf,
    root: Place,
}

impl Drop for Tree {
    fn drop(&mut self) {
        // es de trabajo: si no se puede borrar, se queda en la memoria hasta que se apague la máquina
        let _ = fs::remove_dir_all(&self.outer);
    }
}

fn hostile_tree() -> Tree {
    let outer = scratch("rutas");
    let dir = outer.join("raiz");
    fs::create_dir_all(dir.join("d/e")).expect("un directorio de trabajo");
    fs::write(outer.join("secreto"), "fuera").expect("un fichero de trabajo");
    fs::write(dir.join("d/f"), "dentro").expect("un fichero de trabajo");
    for (link, target) in [("a", "/"), ("b", ".."), ("c", "../secreto"), ("d/g", "../../.."), ("h", "d/f")] {
        // ya está, si otro intento lo dejó
        let _ = std::os::unix::fs::symlink(target, dir.join(link));
    }
    let _ = std::os::unix::fs::symlink("/proc/self/root", dir.join("m"));
    let root = OpenDir(dir.clone()).run().expect("se acaba de crear");
    Tree { outer, dir, root }
}

/// Un contenedor escribe lo que quiere y como quiere: no se pierde ni se inventa un byte.
fn log_lines(bytes: &[u8]) -> bool {
    let dir = scratch("logs");
    let mut writer = LogWriter::open(&dir, 0);
    // el primer byte decide en cuántos trozos llega
    let (size, bytes) = bytes.split_first().map_or((1, bytes), |(size, rest)| (usize::from(*size) + 1, rest));
    for chunk in bytes.chunks(size) {
        writer.write(Stream::Stdout, chunk, UNIX_EPOCH);
    }
    writer.finish(UNIX_EPOCH);
    let mut whole = Vec::new();
    for line in logs::read(&dir, 0) {
        whole.extend_from_slice(&line.text);
        if !line.partial {
            whole.push(b'\n');
        }
    }
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        assert_eq!(whole.pop(), Some(b'\n'), "a la última línea se le pone su salto");
    }
    fs::remove_dir_all(&dir).expect("se puede borrar");
    assert!(whole == bytes, "lo leído no es lo escrito");
    true
}

/// Los ficheros de estado: los escribe micropod, pero un disco se estropea.
fn state_files(bytes: &[u8]) -> bool {
    let record = data::read::<state::Record>(bytes);
    let live = data::read::<state::Live>(bytes);
    let recording = Recording::parse("x.jsonl", bytes);
    record.is_ok() || live.is_ok() || recording.is_ok()
}

/// Dos capas de imagen seguidas, una sobre otra. Solo root puede dar dueño a los ficheros.
fn archives(bytes: &[u8]) -> bool {
    let half = bytes.len() / 2 / 512 * 512;
    let (one, two) = bytes.split_at(half);
    let whole = image::walk(bytes);
    if nix::unistd::geteuid().is_root() {
        let outer = scratch("archivos");
        let root = outer.join("raiz");
        fs::create_dir_all(&root).expect("un directorio de trabajo");
        for layers in [&[bytes][..], &[one, two]] {
            // que se admita o no, da igual: lo de fuera no se toca
            let _ = image::unpack_layers(&root, layers);
        }
        let names: Vec<_> =
            fs::read_dir(&outer).expect("sigue ahí").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["raiz"], "ha salido de su raíz");
        fs::remove_dir_all(&outer).expect("se puede borrar");
    }
    whole.is_ok_and(|entries| entries > 0)
}

fn netlink(bytes: &[u8]) -> bool {
    // de una respuesta cortada no sale nadie
    crate::api::peer::parse(bytes);
    look::understand(bytes) > 0
}

/// Lo que se pide a `micropod api`: se lee igual venga como venga partido, y nada pasa de su tope.
fn api_requests(bytes: &[u8]) -> bool {
    use crate::api::http::{MAX_BODY, Parser};
    let read = |size: usize| {
        let mut parser = Parser::default();
        let mut all = Vec::new();
        for mut piece in bytes.chunks(size) {
            while !piece.is_empty() {
                match parser.feed(piece) {
                    Ok((used, request)) => {
                        assert!((1..=piece.len()).contains(&used), "no avanza");
                        piece = &piece[used..];
                        all.extend(request);
                    }
                    Err(refusal) => return (all, Some(refusal)),
                }
            }
        }
        (all, None)
    };
    let whole = read(bytes.len().max(1));
    for size in [1, 7] {
        assert_eq!(read(size), whole, "trozos de {size}");
    }
    for request in &whole.0 {
        assert!(request.body.len() <= MAX_BODY);
        assert!(request.old || request.header("host").is_some());
        assert!(
            !request.path.iter().any(|part| part.is_empty() || part.contains('\0')),
            "{:?}",
            request.path
        );
        // y de la ruta sale siempre algo, aunque sea «no hay»
        crate::api::route::route(&request.path);
    }
    !whole.0.is_empty()
}

fn http_answers(bytes: &[u8]) -> bool {
    let from = http::Request {
        host: "10.244.0.2".into(),
        port: 80,
        path: "/".into(),
        headers: Vec::new(),
        agent: "fuzz",
    };
    let mut whole = None;
    for size in [1, 7, usize::MAX] {
        let mut reader = http::Reader::default();
        let mut answer = None;
        for chunk in bytes.chunks(size.min(bytes.len().max(1))) {
            match reader.feed(chunk) {
                Ok(None) => {}
                Ok(Some(response)) => answer = Some(response),
                Err(_) => break,
            }
            if answer.is_some() {
                break;
            }
        }
        let answer = answer.or_else(|| reader.closed().ok());
        if let Some(location) = answer.as_ref().and_then(|a| a.location.as_deref()) {
            // se siga o no, no se va a otra máquina
            if let http::Follow::Here(next) = http::follow(&from, location) {
                assert_eq!(next.host, from.host, "{location:?}");
            }
        }
        whole = whole.or(answer.map(|a| a.code));
    }
    whole.is_some()
}

fn grpc_answers(bytes: &[u8]) -> bool {
    let headers = hpack::decode(bytes);
    let mut reader = grpc::Reader::default();
    let mut reply = Vec::new();
    let mut answered = false;
    for chunk in bytes.chunks(5) {
        answered |= reader.feed(chunk, &mut reply).is_some();
        if answered {
            break;
        }
    }
    // lo que se contesta no crece más que lo que llega
    assert!(reply.len() <= 64 + 32 * bytes.len(), "{} bytes de respuesta", reply.len());
    // no importa qué diga de una conversación cortada
    let _ = reader.closed();
    answered || headers.is_some_and(|h| !h.is_empty())
}
