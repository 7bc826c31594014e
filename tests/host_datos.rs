//! ConfigMaps, Secrets y lo que un contenedor sabe de su Pod, mirado en `/proc` y en los montajes.

mod common;

use common::{World, is_root, wait_until};
use std::fs;

/// Un fichero con `objects` y un Pod `name` con esos campos y esos contenedores.
fn list(objects: &str, name: &str, fields: &str, containers: &str) -> String {
    format!(
        "List(items: [{objects}\nPod(metadata: (name: \"{name}\", labels: {{\"app\": \"tienda\"}}), \
         spec: ({fields} terminationGracePeriodSeconds: 1, containers: [{containers}]))])"
    )
}

/// Un contenedor de busybox que duerme `seconds`: por su número se le reconoce entre los procesos.
fn sleeper(name: &str, seconds: u32, fields: &str) -> String {
    format!("(name: \"{name}\", image: \"busybox\", command: [\"/bin/sleep\", \"{seconds}\"], {fields}),")
}

fn start(world: &World, name: &str, text: &str) {
    let file = world.write(&format!("{name}.ron"), text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--force", "--grace-period=0"]).ok();
}

/// El pid (en el mundo) de lo que duerme `seconds`.
fn pid_of(world: &World, seconds: u32) -> i32 {
    let line = format!("/bin/sleep {seconds}");
    let find = || world.processes().into_iter().find(|(_, l)| *l == line).map(|(pid, _)| pid);
    wait_until(&line, 10, || find().is_some());
    find().unwrap()
}

/// El entorno de un proceso, según el kernel.
fn environ(world: &World, pid: i32) -> Vec<String> {
    let bytes = fs::read(world.path(&format!("/proc/{pid}/environ"))).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.split('\0').filter(|v| !v.is_empty()).map(String::from).collect()
}

const SETTINGS: &str = r#"
    ConfigMap(metadata: (name: "ajustes"), data: {"COLOR": "verde", "TALLA": "L"}),
    Secret(metadata: (name: "clave"), data: {"usuario": "YW5h"}, stringData: {"pass": "hunter2-tope"}),
"#;

#[test]
fn las_variables_salen_de_configmaps_secrets_y_del_propio_pod() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let env = r#"resources: (limits: (cpu: "250m", memory: "64Mi")),
        envFrom: [(configMapRef: (name: "ajustes")), (prefix: "S_", secretRef: (name: "clave")),
                  (configMapRef: (name: "nada", optional: true))],
        env: [
            (name: "TALLA", value: "XL"),
            (name: "URL", value: "http://$(S_usuario):$(S_pass)@$(COLOR)"),
            (name: "PASS", valueFrom: (secretKeyRef: (name: "clave", key: "pass"))),
            (name: "NADA", valueFrom: (configMapKeyRef: (name: "ajustes", key: "no", optional: true))),
            (name: "POD", valueFrom: (fieldRef: (fieldPath: "metadata.name"))),
            (name: "APP", valueFrom: (fieldRef: (fieldPath: "metadata.labels['app']"))),
            (name: "IP", valueFrom: (fieldRef: (fieldPath: "status.podIP"))),
            (name: "NODO", valueFrom: (fieldRef: (fieldPath: "status.hostIP"))),
            (name: "UID", valueFrom: (fieldRef: (fieldPath: "metadata.uid"))),
            (name: "CPU", valueFrom: (resourceFieldRef: (resource: "limits.cpu"))),
            (name: "MEM", valueFrom: (resourceFieldRef: (resource: "limits.memory", divisor: "1Mi"))),
        ]"#;
    // sin cgroup v2 no se puede prometer un límite
    let limited = std::env::var_os("MICROPOD_VM").is_some();
    let env = if limited {
        env.to_string()
    } else {
        env.replace("resources: (limits: (cpu: \"250m\", memory: \"64Mi\")),", "")
    };
    start(&world, "var", &list(SETTINGS, "var", "", &sleeper("c", 2001, &env)));
    let pid = pid_of(&world, 2001);
    let found = environ(&world, pid);
    let get = |name: &str| {
        let all: Vec<&str> = found.iter().filter_map(|v| v.strip_prefix(&format!("{name}="))).collect();
        assert!(all.len() < 2, "{name} está {} veces", all.len());
        all.first().map(|v| v.to_string())
    };
    for (name, value) in [
        ("COLOR", Some("verde")),
        ("TALLA", Some("XL")),
        ("S_usuario", Some("ana")),
        ("S_pass", Some("hunter2-tope")),
        ("URL", Some("http://ana:hunter2-tope@verde")),
        ("PASS", Some("hunter2-tope")),
        ("NADA", None),
        ("POD", Some("var")),
        ("APP", Some("tienda")),
        ("NODO", Some("10.244.0.1")),
    ] {
        assert_eq!(get(name).as_deref(), value, "{name}");
    }
    // la dirección que dice la variable es la que tiene la interfaz
    let ip = get("IP").unwrap();
    let routes = world.sh(&format!("nsenter -t {pid} -n ip -4 -o addr show eth0"));
    assert!(routes.contains(&format!(" {ip}/")), "{ip} no está en {routes}");
    let uid = get("UID").unwrap();
    assert!(world.path(&format!("/var/lib/micropod/pods/{uid}")).exists(), "el UID es el de verdad");
    if limited {
        assert_eq!((get("CPU").as_deref(), get("MEM").as_deref()), (Some("1"), Some("64")));
    } else {
        let cpus = world.sh("nproc --all").trim().to_string();
        assert_eq!(get("CPU"), Some(cpus), "sin límite, la máquina entera");
    }
    // un exec entra con el mismo entorno
    let out = world.micropod(&["exec", "var", "--", "/bin/busybox", "env"]).ok().out;
    assert!(out.lines().any(|l| l == "PASS=hunter2-tope"), "{out}");
    delete(&world, "var");
}

#[test]
fn sin_su_configmap_el_contenedor_ni_nace_y_el_pod_espera() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let needs = "envFrom: [(configMapRef: (name: \"falta\"))]";
    let text = list(
        SETTINGS,
        "espera",
        "restartPolicy: Never,",
        &(sleeper("c", 2002, needs) + &sleeper("d", 2003, "")),
    );
    let file = world.write("espera.ron", &text);
    let done = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1);
    assert!(done.err.contains("no hay ningún ConfigMap `falta`"), "{}", done.err);
    pid_of(&world, 2003);
    let running = world.processes();
    assert!(!running.iter().any(|(_, line)| line == "/bin/sleep 2002"), "{running:?}");
    let get = world.micropod(&["get", "pods"]).ok().out;
    assert!(get.contains("CreateContainerConfigError") && get.contains("1/2"), "{get}");
    let json = world.micropod(&["get", "pod", "espera", "-o", "json"]).ok().out;
    assert!(json.contains("\"Pending\""), "{json}");
    delete(&world, "espera");
    world.assert_clean();
}

#[test]
fn un_secreto_no_esta_en_nada_que_imprima_micropod_ni_en_sus_ficheros_abiertos_a_otros() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let uses = r#"envFrom: [(prefix: "S_", secretRef: (name: "clave"))],
        args: ["--clave=$(S_pass)"], env: [(name: "URL", value: "x:$(S_pass)")],"#;
    let uses = format!("{uses} {MOUNTS},");
    let text = list(
        SETTINGS,
        "mudo",
        &format!("restartPolicy: Never, {VOLUMES}"),
        &sleeper("c", 2004, "").replace(
            "command: [\"/bin/sleep\", \"2004\"],",
            &format!("command: [\"/bin/sh\", \"-c\", \"echo hola; exec sleep 2004\", \"$(S_pass)\"], {uses}"),
        ),
    );
    let file = world.write("mudo.ron", &text);
    let file = file.to_str().unwrap();
    let mut printed = Vec::new();
    for args in [vec!["run", "--dry-run", file], vec!["guion", file]] {
        let done = world.micropod(&args).ok();
        assert!(
            done.out.contains("(oculto)") || done.err.contains("(oculto)"),
            "{args:?}: {}{}",
            done.out,
            done.err
        );
        printed.push(done);
    }
    // a un fichero: lo que cuenta no cabe en una tubería
    let line = format!("RUST_LOG=trace {} run --narra {file} >todo.txt 2>&1", common::binary().display());
    let narrated = world.start_program("/bin/sh", &["-c", &line]);
    wait_until("que duerma", 20, || world.processes().iter().any(|(_, line)| line == "sleep 2004"));
    for args in [
        vec!["get", "pods", "-o", "wide"],
        vec!["get", "pod", "mudo", "-o", "json"],
        vec!["describe", "pod", "mudo"],
        vec!["dibuja", "mudo"],
        vec!["demuestra", "mudo"],
        vec!["logs", "mudo"],
    ] {
        printed.push(world.micropod(&args));
    }
    // los ficheros que sí lo llevan, solo los lee root
    let hits = world.sh("grep -rlE 'hunter2-tope|aHVudGVyMi10b3Bl' /run/micropod /var/log/micropod || true");
    for path in hits.lines() {
        assert_eq!(world.sh(&format!("stat -c %a:%u {path}")).trim(), "600:0", "{path}");
        assert!(path.starts_with("/run/micropod/pods/mudo/"), "{path}");
    }
    delete(&world, "mudo");
    narrated.wait();
    let narrated = fs::read_to_string(world.dir().join("todo.txt")).unwrap();
    assert!(narrated.contains("(oculto)"), "{narrated}");
    let printed = printed.iter().map(|done| format!("{}{}", done.out, done.err)).chain([narrated]);
    for all in printed {
        assert!(!all.is_empty());
        assert!(!all.contains("hunter2-tope") && !all.contains("aHVudGVyMi10b3Bl"), "{all}");
    }
}

#[test]
fn un_programa_que_no_existe_no_delata_sus_argumentos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let broken = r#"(name: "c", image: "busybox", command: ["/no/existe", "$(P)"],
        env: [(name: "P", valueFrom: (secretKeyRef: (name: "clave", key: "pass")))])"#;
    let file = world.write("roto.ron", &list(SETTINGS, "roto", "restartPolicy: Never,", broken));
    let done = world.micropod(&["run", file.to_str().unwrap()]).exits(127);
    assert!(done.err.contains("/no/existe") && done.err.contains("(oculto)"), "{}", done.err);
    assert!(!done.err.contains("hunter2-tope"), "{}", done.err);
    let described = world.micropod(&["describe", "pod", "roto"]).ok().out;
    assert!(!described.contains("hunter2-tope"), "{described}");
    delete(&world, "roto");
}

// ── volúmenes ─────────────────────────────────────────────────────────────────────────────────

/// Lo que hay en `path` del contenedor de `pid`: permisos, dueño y grupo, clase.
fn stat(world: &World, pid: i32, path: &str) -> String {
    // desde dentro del mundo: los enlaces se siguen en la raíz del contenedor
    world.sh(&format!("nsenter -t {pid} -m /bin/busybox stat -L -c '%a %u:%g %F' {path}")).trim().to_string()
}

fn inside(world: &World, pid: i32, line: &str) -> String {
    world.sh(&format!("nsenter -t {pid} -m /bin/busybox {line}"))
}

/// El montaje de `path` visto por `pid`, según el kernel: sistema de ficheros, su dispositivo y opciones.
fn mount(world: &World, pid: i32, path: &str) -> (String, String, Vec<String>) {
    let table = world.read(&format!("/proc/{pid}/mountinfo"));
    let line = table.lines().rfind(|l| l.split(' ').nth(4) == Some(path));
    let line = line.unwrap_or_else(|| panic!("{path} no está montado:\n{table}"));
    let (own, rest) = line.split_once(" - ").unwrap();
    let own: Vec<&str> = own.split(' ').collect();
    let options = own[5].split(',').map(String::from).collect();
    (rest.split(' ').next().unwrap().to_string(), own[2].to_string(), options)
}

const VOLUMES: &str = r#"volumes: [
    (name: "mapa", configMap: (name: "ajustes", items: [(key: "COLOR", path: "conf/color.txt", mode: 0o440), (key: "TALLA", path: "talla")])),
    (name: "secreto", secret: (secretName: "clave", defaultMode: 0o400)),
    (name: "pod", downwardAPI: (items: [(path: "etiquetas", fieldRef: (fieldPath: "metadata.labels")), (path: "nombre", fieldRef: (fieldPath: "metadata.name"))])),
    (name: "junto", projected: (defaultMode: 0o444, sources: [
        (configMap: (name: "ajustes")),
        (secret: (name: "clave", items: [(key: "pass", path: "privado/pass", mode: 0o400)])),
        (downwardAPI: (items: [(path: "uid", fieldRef: (fieldPath: "metadata.uid"))]))])),
    (name: "nada", configMap: (name: "noexiste", optional: true)),
],"#;

const MOUNTS: &str = r#"volumeMounts: [
    (name: "mapa", mountPath: "/mapa"), (name: "secreto", mountPath: "/secreto"), (name: "pod", mountPath: "/pod"),
    (name: "junto", mountPath: "/junto"), (name: "nada", mountPath: "/nada"),
    (name: "mapa", mountPath: "/etc/talla.conf", subPath: "talla"),
]"#;

#[test]
fn los_volumenes_de_datos_tienen_sus_ficheros_sus_permisos_y_son_de_solo_lectura() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "vol", &list(SETTINGS, "vol", VOLUMES, &sleeper("c", 2101, MOUNTS)));
    let pid = pid_of(&world, 2101);
    for (path, content, stat_) in [
        ("/mapa/conf/color.txt", "verde", "440 0:0 regular file"),
        ("/mapa/talla", "L", "644 0:0 regular file"),
        ("/etc/talla.conf", "L", "644 0:0 regular file"),
        ("/secreto/usuario", "ana", "400 0:0 regular file"),
        ("/secreto/pass", "hunter2-tope", "400 0:0 regular file"),
        ("/pod/etiquetas", "app=\"tienda\"", "644 0:0 regular file"),
        ("/pod/nombre", "vol", "644 0:0 regular file"),
        ("/junto/COLOR", "verde", "444 0:0 regular file"),
        ("/junto/privado/pass", "hunter2-tope", "400 0:0 regular file"),
    ] {
        assert_eq!(inside(&world, pid, &format!("cat {path}")), content, "{path}");
        assert_eq!(stat(&world, pid, path), stat_, "{path}");
    }
    // lo que ve el programa son enlaces que pasan por ..data
    assert_eq!(inside(&world, pid, "readlink /secreto/pass").trim(), "..data/pass");
    assert_eq!(inside(&world, pid, "readlink /mapa/conf").trim(), "..data/conf");
    let version = inside(&world, pid, "readlink /secreto/..data");
    assert!(version.starts_with("..20") && version.contains('.'), "{version}");
    assert_eq!(inside(&world, pid, "ls /nada"), "", "opcional y sin origen: vacío");
    // los secretos, en memoria y cada uno en la suya; lo demás, donde los datos del Pod; nada, de escritura
    let (_, disk, _) = mount(&world, 1, "/var/lib/micropod");
    let mut seen = vec![disk.clone()];
    for (path, memory) in [
        ("/mapa", false),
        ("/nada", false),
        ("/secreto", true),
        ("/pod", true),
        ("/junto", true),
        ("/etc/talla.conf", false),
    ] {
        let (fstype, device, options) = mount(&world, pid, path);
        assert_eq!(fstype == "tmpfs" && device != disk, memory, "{path} es {fstype} en {device}");
        assert!(!memory || !seen.contains(&device), "{path} comparte {device}");
        seen.push(device);
        for option in ["ro", "nosuid", "nodev"] {
            assert!(options.iter().any(|o| o == option), "{path}: {options:?}");
        }
        let written = world.sh(&format!("nsenter -t {pid} -m /bin/busybox touch {path}/x 2>&1 || true"));
        assert!(
            written.contains("Read-only file system") || written.contains("Not a directory"),
            "{path}: {written}"
        );
    }
    // y los secretos no tocan el disco
    let disk = world.sh(
        "grep -rl hunter2-tope $(ls -d /var/lib/micropod/* | grep -v /images$) /var/log/micropod || true",
    );
    assert_eq!(disk, "", "un secreto en el disco");
    delete(&world, "vol");
    world.assert_clean();
}

#[test]
fn un_contenedor_que_se_reinicia_conserva_los_volumenes_de_datos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let once = r#"(name: "c", image: "busybox", command: ["/bin/sh", "-c", "cat /secreto/pass /mapa/talla; exec sleep 2.1"], volumeMounts: [
        (name: "secreto", mountPath: "/secreto"), (name: "mapa", mountPath: "/mapa")])"#;
    start(&world, "otra", &list(SETTINGS, "otra", VOLUMES, once));
    let log = "/var/log/micropod/otra/c/1.log";
    wait_until("que vuelva a arrancar", 10, || {
        world.path(log).exists() && world.read(log).contains("hunter2-topeL")
    });
    delete(&world, "otra");
}

#[test]
fn sin_el_origen_de_un_volumen_no_arranca_nadie_y_el_suceso_es_failed_mount() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "volumes: [(name: \"v\", secret: (secretName: \"falta\"))],";
    let text = list(SETTINGS, "monta", fields, &(sleeper("c", 2102, "") + &sleeper("d", 2103, "")));
    let file = world.write("monta.ron", &text);
    let done = world.micropod(&["run", "-d", file.to_str().unwrap()]).exits(1);
    assert!(
        done.err.contains("no se puede preparar el volumen `v`: no hay ningún Secret `falta`"),
        "{}",
        done.err
    );
    assert_eq!(done.err.matches("falta`").count(), 1, "se dice una vez: {}", done.err);
    let running = world.processes();
    assert!(!running.iter().any(|(_, line)| line.starts_with("/bin/sleep 21")), "{running:?}");
    let get = world.micropod(&["get", "pods"]).ok().out;
    assert!(get.contains("ContainerCreating") && get.contains("0/2"), "{get}");
    let described = world.micropod(&["describe", "pod", "monta"]).ok().out;
    assert!(described.contains("FailedMount"), "{described}");
    delete(&world, "monta");
    world.assert_clean();
}

#[test]
fn el_grupo_del_pod_puede_leer_sus_datos_y_escribir_en_sus_volumenes() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = r#"securityContext: (runAsUser: 1000, runAsGroup: 1000, fsGroup: 4321, supplementalGroups: [77]),
        volumes: [(name: "secreto", secret: (secretName: "clave", defaultMode: 0o400)), (name: "disco", emptyDir: ()),
                  (name: "mapa", configMap: (name: "ajustes")),
                  (name: "memoria", emptyDir: (medium: Memory)), (name: "suyo", hostPath: (path: "suyo", type: DirectoryOrCreate))],"#;
    let script = r#"cat /secreto/pass > /disco/copia && mkdir /disco/dir && echo hola > /memoria/x; exec /bin/sleep 2104"#;
    let one = format!(
        "(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{script}\"#], volumeMounts: [\
         (name: \"secreto\", mountPath: \"/secreto\"), (name: \"disco\", mountPath: \"/disco\"), (name: \"mapa\", mountPath: \"/mapa\"), \
         (name: \"memoria\", mountPath: \"/memoria\"), (name: \"suyo\", mountPath: \"/suyo\")])"
    );
    start(&world, "grupo", &list(SETTINGS, "grupo", fields, &one));
    let pid = pid_of(&world, 2104);
    let status = world.read(&format!("/proc/{pid}/status"));
    let groups = status.lines().find_map(|l| l.strip_prefix("Groups:")).unwrap();
    assert_eq!(groups.split_whitespace().collect::<Vec<_>>(), ["77", "4321"]);
    for (path, expected) in [
        ("/secreto/pass", "440 0:4321 regular file"),
        ("/mapa/TALLA", "644 0:4321 regular file"),
        ("/secreto", "2777 0:4321 directory"),
        ("/disco", "2777 0:4321 directory"),
        ("/memoria", "2777 0:4321 directory"),
        ("/disco/copia", "644 1000:4321 regular file"),
        ("/memoria/x", "644 1000:4321 regular file"),
        ("/suyo", "755 0:0 directory"),
    ] {
        assert_eq!(stat(&world, pid, path), expected, "{path}");
    }
    assert_eq!(inside(&world, pid, "cat /disco/copia"), "hunter2-tope");
    delete(&world, "grupo");
}

/// El directorio de un volumen, visto desde dentro de un contenedor.
fn within(world: &World, pid: i32, path: &str) -> std::path::PathBuf {
    world.path(&format!("/proc/{pid}/root{path}"))
}

#[test]
fn aplicar_un_configmap_cambiado_cambia_de_golpe_los_ficheros_del_pod_que_corre() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let objects = |color: &str, pass: &str| {
        format!(
            "ConfigMap(metadata: (name: \"ajustes\"), data: {{\"COLOR\": \"{color}\", \"viejo\": \"v\"}}),
             Secret(metadata: (name: \"clave\"), stringData: {{\"pass\": \"{pass}\"}}),"
        )
    };
    let volumes = "volumes: [(name: \"m\", configMap: (name: \"ajustes\")), (name: \"s\", secret: (secretName: \"clave\"))],";
    let fields =
        "env: [(name: \"COLOR\", valueFrom: (configMapKeyRef: (name: \"ajustes\", key: \"COLOR\")))],
        volumeMounts: [(name: \"m\", mountPath: \"/m\"), (name: \"s\", mountPath: \"/s\"),
            (name: \"m\", mountPath: \"/parte\", subPath: \"COLOR\")]";
    let text =
        |color: &str, pass: &str| list(&objects(color, pass), "vivo", volumes, &sleeper("c", 2051, fields));
    start(&world, "vivo", &text("verde", "hunter2-uno"));
    let pid = pid_of(&world, 2051);
    let read = |path: &str| fs::read_to_string(within(&world, pid, path)).unwrap();
    assert_eq!((read("/m/COLOR"), read("/s/pass")), ("verde".into(), "hunter2-uno".into()));
    let version = |dir: &str| fs::read_link(within(&world, pid, &format!("{dir}/..data"))).unwrap();
    let (before, held) = (version("/m"), fs::File::open(within(&world, pid, "/m/COLOR")).unwrap());

    let apply = |text: &str| {
        let file = world.write("vivo.ron", text);
        world.micropod(&["apply", "-f", file.to_str().unwrap()]).ok().out
    };
    let same = apply(&text("verde", "hunter2-uno"));
    assert_eq!(same, "configmap/ajustes unchanged\nsecret/clave unchanged\npod/vivo unchanged\n");
    assert_eq!(version("/m"), before, "lo que no cambia no se toca");
    let changed = apply(&text("rojo", "hunter2-dos"));
    assert_eq!(changed, "configmap/ajustes configured\nsecret/clave configured\npod/vivo unchanged\n");
    // el mismo proceso ve ficheros nuevos, en el disco y en memoria
    assert_eq!((read("/m/COLOR"), read("/s/pass")), ("rojo".into(), "hunter2-dos".into()));
    assert_ne!(version("/m"), before);
    assert!(!within(&world, pid, "/m").join(&before).exists(), "la versión anterior no se queda");
    assert_eq!(std::io::read_to_string(held).unwrap(), "verde", "quien lo tenía abierto lee el de antes");
    assert_eq!(pid_of(&world, 2051), pid, "no se reinicia nada");
    // su variable es la de cuando nació; la de la próxima vida, la nueva
    assert!(environ(&world, pid).contains(&"COLOR=verde".to_string()));
    world.kill("KILL", pid);
    let find = || world.processes().into_iter().find(|(new, l)| *l == "/bin/sleep 2051" && *new != pid);
    wait_until("la próxima vida", 20, || find().is_some());
    let (again, _) = find().unwrap();
    assert!(environ(&world, again).contains(&"COLOR=rojo".to_string()));
    delete(&world, "vivo");
}

#[test]
fn un_configmap_suelto_llega_a_los_pods_que_lo_usan_y_despierta_al_que_lo_esperaba() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields =
        "env: [(name: \"COLOR\", valueFrom: (configMapKeyRef: (name: \"ajustes\", key: \"COLOR\")))]";
    let volumes = "volumes: [(name: \"m\", projected: (sources: [(configMap: (name: \"ajustes\"))]))],";
    let mounts = format!("{fields}, volumeMounts: [(name: \"m\", mountPath: \"/m\")]");
    let file = world.write("espera.ron", &list("", "espera", volumes, &sleeper("c", 2052, &mounts)));
    world.micropod(&["run", "-d", file.to_str().unwrap()]);
    let map = |color: &str, more: &str| {
        let text =
            format!("ConfigMap(metadata: (name: \"ajustes\"), data: {{\"COLOR\": \"{color}\"}}{more})");
        world.write("ajustes.ron", &text).to_str().unwrap().to_string()
    };
    let alone = world.write("nadie.ron", "ConfigMap(metadata: (name: \"nadie\"), data: {})");
    let refused = world.micropod(&["apply", "-f", alone.to_str().unwrap()]).exits(1);
    assert!(refused.err.contains("ningún Pod en marcha usa"), "{}", refused.err);
    let done = world.micropod(&["apply", "-f", &map("azul", "")]).ok();
    assert_eq!(done.out, "configmap/ajustes configured\n");
    // el núcleo vuelve a probar cada diez segundos
    let find = || world.processes().into_iter().find(|(_, l)| *l == "/bin/sleep 2052");
    wait_until("que arranque", 40, || find().is_some());
    let (pid, _) = find().unwrap();
    assert!(environ(&world, pid).contains(&"COLOR=azul".to_string()));
    assert_eq!(fs::read_to_string(within(&world, pid, "/m/COLOR")).unwrap(), "azul");
    // el inmutable no cambia más
    world.micropod(&["apply", "-f", &map("gris", ", immutable: true")]).ok();
    assert_eq!(fs::read_to_string(within(&world, pid, "/m/COLOR")).unwrap(), "gris");
    let refused = world.micropod(&["apply", "-f", &map("negro", ", immutable: true")]).exits(1);
    assert!(refused.err.contains("`ajustes` es inmutable"), "{}", refused.err);
    assert_eq!(fs::read_to_string(within(&world, pid, "/m/COLOR")).unwrap(), "gris");
    delete(&world, "espera");
}
