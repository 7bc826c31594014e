//! `micropod por-que`: cada causa, provocada de verdad, y lo que se contesta.

mod common;

use common::{World, is_root, run, wait_until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn pod(name: &str, fields: &str, containers: &str) -> String {
    format!("Pod(metadata: (name: \"{name}\"), spec: ({fields} containers: [{containers}]))")
}

fn shell(name: &str, line: &str, fields: &str) -> String {
    format!(
        "(name: \"{name}\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], {fields}),"
    )
}

fn command(name: &str, words: &[&str]) -> String {
    format!("(name: \"{name}\", image: \"busybox\", command: {words:?}),")
}

fn file(world: &World, name: &str, text: &str) -> String {
    world.write(&format!("{name}.ron"), text).to_str().unwrap().to_string()
}

/// Levanta un Pod; que arranque mal es de lo que se trata.
fn start(world: &World, name: &str, text: &str) {
    let file = file(world, name, text);
    world.micropod(&["run", "-d", &file]);
    assert!(
        world.path(&format!("/run/micropod/pods/{name}/pod.json")).exists(),
        "{name} no ha llegado a nacer"
    );
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

fn ask(world: &World, what: &str) -> Value {
    let mut args = vec!["por-que", "-o", "json"];
    args.extend(what.split(' '));
    let done = world.micropod(&args);
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}{}", done.out, done.err))
}

/// Espera a que la causa sea esa y comprueba que lo que se contesta lo dice todo.
#[track_caller]
fn answers(world: &World, what: &str, cause: &str, parts: &[&str]) -> Value {
    let mut last = Value::Null;
    wait_until_cause(world, what, cause, &mut last);
    let text = last.to_string();
    for part in parts {
        assert!(text.contains(part), "{what}: falta «{part}» en\n{last:#}");
    }
    last
}

#[track_caller]
fn wait_until_cause(world: &World, what: &str, cause: &str, last: &mut Value) {
    let deadline = std::time::Instant::now() + common::patience(25);
    while std::time::Instant::now() < deadline {
        *last = ask(world, what);
        if last["cause"] == cause {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{what} no llegó a «{cause}»:\n{last:#}");
}

/// Entre los demás hallazgos acaba estando el de esa causa, y ninguno culpa a quien no fue.
#[track_caller]
fn also(world: &World, what: &str, cause: &str, says: &str) {
    wait_until(&format!("«{cause}» con «{says}» en {what}"), 25, || {
        let told = ask(world, what);
        assert!(!told.to_string().contains("que no envió micropod"), "{told:#}");
        let findings = told["findings"].as_array().unwrap();
        let said = findings.iter().find(|f| f["cause"] == cause).map(|f| f["says"].to_string());
        said.is_some_and(|said| said.contains(says))
    });
}

fn supervisor(world: &World, name: &str) -> i32 {
    let record: Value =
        serde_json::from_str(&world.read(&format!("/run/micropod/pods/{name}/pod.json"))).unwrap();
    record["supervisor"]["pid"].as_i64().unwrap() as i32
}

fn status(world: &World, name: &str) -> Value {
    serde_json::from_str(&world.read(&format!("/run/micropod/pods/{name}/status.json"))).unwrap()
}

#[test]
fn todo_va_bien_y_todo_acabo_bien() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(&world, "bien", &pod("bien", "", &shell("c", "exec sleep 3001", "")));
    answers(
        &world,
        "bien",
        "todo-va-bien",
        &["El Pod bien va bien.", "c corre y está listo", "sudo micropod demuestra bien"],
    );
    answers(&world, "bien -c c", "todo-va-bien", &["El contenedor c del Pod bien va bien."]);
    delete(&world, "bien");
    start(&world, "fin", &pod("fin", "restartPolicy: Never,", &shell("c", "true", "")));
    answers(&world, "fin", "todo-acabo-bien", &["acabó bien", "código 0"]);
    // lo que se pide mal
    assert!(world.micropod(&["por-que", "fni"]).exits(1).err.contains("¿querías decir `fin`?"));
    assert!(world.micropod(&["por-que", "fin", "-c", "x"]).exits(1).err.contains("container x is not valid"));
    delete(&world, "fin");
}

#[test]
fn los_programas_que_no_se_pueden_ejecutar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("bin/sin-permiso", "#!/bin/sh\nexit 0\n");
    world.write("bin/sin-interprete", "#!/opt/no/existe\n");
    world.write("bin/basura", "esto no es un programa\n");
    for (name, mode) in [("sin-permiso", 0o644), ("sin-interprete", 0o755), ("basura", 0o755)] {
        let path = world.dir().join("bin").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let volumes = "volumes: [(name: \"bin\", hostPath: (path: \"bin\"))],";
    let with_volume = |program: &str| {
        format!(
            "(name: \"c\", image: \"busybox\", command: [\"{program}\"], volumeMounts: [(name: \"bin\", mountPath: \"/opt/bin\")]),"
        )
    };
    for (name, containers, cause, parts) in [
        (
            "nohay",
            command("c", &["/opt/no-esta"]),
            "programa-que-no-existe",
            &["/opt/no-esta", "no está en la imagen busybox", "no existe /var/lib/micropod"][..],
        ),
        (
            "permiso",
            with_volume("/opt/bin/sin-permiso"),
            "programa-no-ejecutable",
            &["no tiene permiso de ejecución"],
        ),
        (
            "basura",
            with_volume("/opt/bin/basura"),
            "formato-no-ejecutable",
            &["no es un ejecutable para esta máquina"],
        ),
        (
            "cargador",
            with_volume("/opt/bin/sin-interprete"),
            "falta-su-interprete",
            &["necesita /opt/no/existe"],
        ),
    ] {
        start(&world, name, &pod(name, &format!("{volumes} restartPolicy: Never,"), &containers));
        answers(&world, name, cause, &[parts, &["ha fallado porque"]].concat());
        delete(&world, name);
    }
    // la shell sí está; la orden que le piden, no
    start(&world, "orden", &pod("orden", "restartPolicy: Never,", &shell("c", "no-existe-esta-orden", "")));
    let said = answers(&world, "orden", "orden-que-no-existe", &["no-existe-esta-orden: not found"]);
    assert_eq!(said["findings"][0]["sure"], false, "otro programa puede usar el 127");
    assert!(said["answer"].as_str().unwrap().contains("probablemente"), "{said}");
    delete(&world, "orden");
}

#[test]
fn los_programas_que_acaban() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let never = "restartPolicy: Never,";
    for (name, fields, line, cause, parts) in [
        (
            "mal",
            never,
            "echo va; echo 'falta la clave' >&2; echo adiós; exit 3",
            "acaba-con-error",
            &["código de error 3", "falta la clave", "sudo micropod logs mal -c c"][..],
        ),
        ("roto", never, "sh -c 'kill -SEGV $$$$'; exit $?", "fallo-del-programa", &["139", "SIGSEGV"]),
        (
            "vuelta",
            "",
            "echo hecho",
            "acaba-bien-y-se-reinicia",
            &["política de reinicio (Always)", "OnFailure", "se intenta otra vez a las", "UTC, dentro de"],
        ),
        (
            "bucle",
            "",
            "exit 4",
            "acaba-con-error",
            &["se intenta otra vez a las", "va por su primer reinicio", "no está listo porque"],
        ),
    ] {
        start(&world, name, &pod(name, fields, &shell("c", line, "")));
        if fields.is_empty() {
            wait_until("CrashLoopBackOff", 10, || {
                status(&world, name).to_string().contains("CrashLoopBackOff")
            });
        }
        answers(&world, name, cause, parts);
        delete(&world, name);
    }
    start(&world, "victima", &pod("victima", never, &shell("c", "exec sleep 3002", "")));
    let pid = status(&world, "victima")["processes"][0]["pid"].as_i64().unwrap() as i32;
    world.kill("KILL", pid);
    answers(
        &world,
        "victima",
        "matado-desde-fuera",
        &["SIGKILL, que no envió micropod", "no hay ninguna orden de matarlo"],
    );
    delete(&world, "victima");
}

#[test]
fn lo_que_los_contenedores_se_estorban_o_no_pueden_escribir() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let never = "restartPolicy: Never,";
    let two = shell("uno", "exec httpd -f -p 8081", "") + &shell("dos", "sleep 1; exec httpd -f -p 8081", "");
    start(&world, "puerto", &pod("puerto", never, &two));
    let said =
        answers(&world, "puerto -c dos", "puerto-ocupado-en-el-pod", &["ya escucha uno", "8081 (uno)"]);
    assert!(said["answer"].as_str().unwrap().contains("8081"), "{said}");
    delete(&world, "puerto");

    let read_only = "securityContext: (readOnlyRootFilesystem: true)";
    start(&world, "raiz", &pod("raiz", never, &shell("c", "echo x >/fichero", read_only)));
    answers(&world, "raiz", "solo-lectura", &["su raíz, que es de solo lectura", "readOnlyRootFilesystem"]);
    delete(&world, "raiz");

    let volumes = "volumes: [(name: \"d\", hostPath: (path: \"datos\", type: DirectoryOrCreate))],";
    let mount = |more: &str| format!("volumeMounts: [(name: \"d\", mountPath: \"/datos\", {more})]");
    start(
        &world,
        "montaje",
        &pod(
            "montaje",
            &format!("{never} {volumes}"),
            &shell("c", "echo x >/datos/f", &mount("readOnly: true")),
        ),
    );
    answers(&world, "montaje", "solo-lectura", &["/datos, que es el volumen d montado en solo lectura"]);
    delete(&world, "montaje");

    fs::set_permissions(world.dir().join("datos"), fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!("{}, securityContext: (runAsUser: 1234)", mount(""));
    start(
        &world,
        "dueno",
        &pod("dueno", &format!("{never} {volumes}"), &shell("c", "echo x >/datos/f", &user)),
    );
    let said = answers(
        &world,
        "dueno",
        "permiso-denegado",
        &["corre con el usuario 1234", "es del usuario 0 y el grupo 0, con modo 755", "volumen d"],
    );
    assert_eq!(said["findings"][0]["sure"], true, "lo dice el kernel");
    delete(&world, "dueno");

    let small = "volumes: [(name: \"d\", emptyDir: (medium: Memory, sizeLimit: \"1Mi\"))],";
    let fill = "dd if=/dev/zero of=/datos/f bs=64k count=64 || exit 1";
    start(&world, "lleno", &pod("lleno", &format!("{never} {small}"), &shell("c", fill, &mount(""))));
    answers(&world, "lleno", "sin-sitio", &["ha llenado el volumen d, en /datos"]);
    delete(&world, "lleno");
}

/// Un servidor que acepta y no contesta.
const SLOW: &str = "mkdir -p /w/cgi-bin; printf '#!/bin/sh\nsleep 9\n' >/w/cgi-bin/x; chmod +x /w/cgi-bin/x; exec httpd -f -h /w -p 8080";
const SLOW_PAGE: &str = "httpGet: (port: 8080, path: \"/cgi-bin/x\")";

fn probe(kind: &str, how: &str, more: &str) -> String {
    format!("{kind}: ({how}, periodSeconds: 1, {more})")
}

#[test]
fn las_sondas_de_preparacion_preguntan_al_kernel_quien_escucha() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let http = "httpGet: (port: 8080)";
    let ready = |how: &str, more: &str| probe("readinessProbe", how, more);
    let server =
        |listen: &str| format!("mkdir -p /w; echo hola >/w/index.html; exec httpd -f -h /w -p {listen}");
    for (name, line, probes, cause, parts) in [
        (
            "nadie",
            "exec sleep 3003".to_string(),
            ready(http, ""),
            "preparacion-nadie-escucha",
            &["nadie escucha en el puerto 8080", "escuchan: nadie", "no está listo porque"][..],
        ),
        (
            "local",
            server("127.0.0.1:8080"),
            ready(http, ""),
            "preparacion-solo-en-localhost",
            &["solo en 127.0.0.1:8080"],
        ),
        (
            "otro",
            server("8090"),
            ready(http, ""),
            "preparacion-otro-puerto",
            &["llama al puerto 8080 y c escucha en el 8090"],
        ),
        (
            "ruta",
            server("8080"),
            ready("httpGet: (port: 8080, path: \"/salud\")", ""),
            "preparacion-ruta-404",
            &["/salud no existe (404)"],
        ),
        (
            "codigo",
            "while :; do printf 'HTTP/1.0 503 No\\r\\n\\r\\n' | nc -l -p 8080; done".to_string(),
            ready(http, "failureThreshold: 1"),
            "preparacion-codigo-http",
            &["responde con el código 503"],
        ),
        (
            "lenta",
            SLOW.to_string(),
            ready(SLOW_PAGE, "failureThreshold: 1"),
            "preparacion-lenta",
            &["no contesta en 1s"],
        ),
        (
            "comando",
            "exec sleep 3004".to_string(),
            ready("exec: (command: [\"cat\", \"/no/hay\"])", ""),
            "preparacion-comando",
            &["cat /no/hay", "No such file", "sudo micropod exec comando -c c -- cat /no/hay"],
        ),
        (
            "espera",
            "exec sleep 3005".to_string(),
            ready(http, "initialDelaySeconds: 300"),
            "preparacion-sin-preguntar",
            &["espera 300 s antes de su primera pregunta"],
        ),
    ] {
        start(&world, name, &pod(name, "", &shell("c", &line, &probes)));
        answers(&world, name, cause, parts);
        delete(&world, name);
    }
    // cuántas veces van, contadas
    start(&world, "cuenta", &pod("cuenta", "", &shell("c", "exec sleep 3006", &ready(http, ""))));
    answers(&world, "cuenta", "preparacion-nadie-escucha", &[]);
    wait_until("que vayan tres", 10, || {
        ask(&world, "cuenta").to_string().contains("ha fallado 3 de 3 veces")
    });
    wait_until("que pasen de tres", 10, || {
        ask(&world, "cuenta").to_string().contains("veces seguidas (bastan 3)")
    });
    delete(&world, "cuenta");
}

#[test]
fn las_sondas_de_vida_y_de_inicio_dicen_por_que_mataron() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let dies = "terminationGracePeriodSeconds: 1";
    let live = |how: &str| probe("livenessProbe", how, &format!("failureThreshold: 2, {dies}"));
    let http = "httpGet: (port: 8080)";
    for (name, line, probes, cause, parts) in [
        (
            "codigo",
            "while :; do printf 'HTTP/1.0 500 No\\r\\n\\r\\n' | nc -l -p 8080; done",
            live(http),
            "vida-codigo-http",
            &["código 500"][..],
        ),
        ("rechazo", "exec sleep 3007", live("tcpSocket: (port: 8080)"), "vida-rechazada", &["8080"]),
        ("colgado", SLOW, live(SLOW_PAGE), "vida-sin-respuesta", &["1s"]),
        ("comando", "exec sleep 3008", live("exec: (command: [\"false\"])"), "vida-comando", &["false"]),
    ] {
        start(&world, name, &pod(name, "", &shell("c", line, &probes)));
        wait_until("que lo maten", 25, || {
            status(&world, name)["status"]["containers"][0]["restart_count"].as_u64() > Some(0)
        });
        let said = answers(&world, name, cause, parts);
        assert!(
            said.to_string().contains("la sonda de vida")
                || said.to_string().contains("su sonda de vida, que falló 2 veces"),
            "{said:#}"
        );
        delete(&world, name);
    }
    let startup =
        |failures: u32| probe("startupProbe", http, &format!("failureThreshold: {failures}, {dies}"));
    start(&world, "lento", &pod("lento", "", &shell("c", "exec sleep 3009", &startup(100))));
    answers(
        &world,
        "lento",
        "inicio-sin-aprobar",
        &["a las 100 seguidas se le mata", "nadie escucha en el puerto 8080"],
    );
    delete(&world, "lento");
    start(
        &world,
        "tarde",
        &pod("tarde", "restartPolicy: Never,", &shell("c", "exec sleep 3010", &startup(2))),
    );
    answers(&world, "tarde", "inicio-agotado", &["sonda de inicio, que falló 2 veces"]);
    delete(&world, "tarde");
}

#[test]
fn los_de_inicializacion_y_los_auxiliares_retienen_a_los_demas() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let with_init = |init: &str| format!("initContainers: [{init}],");
    let app = shell("web", "exec sleep 3011", "");
    let slow = shell("prepara", "echo copiando datos; exec sleep 3012", "");
    start(&world, "lento", &pod("lento", &with_init(&slow), &app));
    answers(
        &world,
        "lento",
        "init-en-marcha",
        &["espera a que acabe prepara, que corre desde hace", "copiando datos", "no ha arrancado porque"],
    );
    delete(&world, "lento");
    let bad = shell("prepara", "echo 'no hay base de datos' >&2; exit 1", "");
    start(&world, "falla", &pod("falla", &with_init(&bad), &app));
    wait_until("CrashLoopBackOff", 10, || status(&world, "falla").to_string().contains("CrashLoopBackOff"));
    answers(&world, "falla -c web", "init-que-falla", &["prepara no acaba bien", "no hay base de datos"]);
    answers(&world, "falla", "acaba-con-error", &["prepara acabó con el código de error 1"]);
    delete(&world, "falla");
    let sidecar = shell(
        "proxy",
        "exec sleep 3013",
        &format!(
            "restartPolicy: Always, {}",
            probe("startupProbe", "tcpSocket: (port: 9000)", "failureThreshold: 100")
        ),
    );
    start(&world, "auxiliar", &pod("auxiliar", &with_init(&sidecar), &app));
    answers(
        &world,
        "auxiliar -c web",
        "espera-a-un-auxiliar",
        &["su auxiliar proxy", "nadie escucha en el puerto 9000"],
    );
    delete(&world, "auxiliar");
    let hook = r#"lifecycle: (postStart: (exec: (command: ["/bin/sleep", "3014"])))"#;
    let two = shell("uno", "exec sleep 3015", hook) + &shell("dos", "exec sleep 3016", "");
    start(&world, "hook", &pod("hook", "", &two));
    answers(
        &world,
        "hook",
        "arrancando",
        &["El Pod hook todavía está arrancando: espera a que acabe el postStart de uno.", "ya corre (pid "],
    );
    answers(&world, "hook -c dos", "arrancando", &["espera a que acabe el postStart de uno"]);
    delete(&world, "hook");
}

#[test]
fn lo_que_acaba_con_un_pod_entero() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let sleeper = shell("c", "exec sleep 3014", "");
    start(&world, "sordo", &pod("sordo", "", &sleeper));
    let deleting = world.start(&["delete", "pod", "sordo", "--grace-period=15"]);
    answers(
        &world,
        "sordo",
        "ignora-la-parada",
        &["el PID 1 de c no atiende la señal de parada", "SigCgt no tiene SIGTERM", "--force"],
    );
    world.micropod(&["delete", "pod", "sordo", "--force"]).ok();
    deleting.wait();
    let polite = shell("c", "trap 'sleep 5; exit 0' TERM; while :; do sleep 0.1; done", "");
    start(&world, "lento", &pod("lento", "", &polite));
    let deleting = world.start(&["delete", "pod", "lento", "--grace-period=15"]);
    answers(&world, "lento", "acabando", &["esperando a c: tiene SIGTERM"]);
    world.micropod(&["delete", "pod", "lento", "--force"]).ok();
    deleting.wait();

    start(
        &world,
        "plazo",
        &pod("plazo", "activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1,", &sleeper),
    );
    answers(&world, "plazo", "plazo-agotado", &["más de los 1 s", "ha fallado porque"]);
    also(&world, "plazo", "lo-paro-micropod", "a c lo mató SIGKILL, que envió micropod: el Pod acababa");
    delete(&world, "plazo");

    let small = "volumes: [(name: \"d\", emptyDir: (sizeLimit: \"64Ki\"))],";
    let fill = "dd if=/dev/zero of=/d/f bs=64k count=32; exec sleep 3015";
    start(
        &world,
        "gordo",
        &pod("gordo", small, &shell("c", fill, "volumeMounts: [(name: \"d\", mountPath: \"/d\")]")),
    );
    answers(&world, "gordo", "expulsado", &["emptyDir `d`"]);
    delete(&world, "gordo");

    start(&world, "pausa", &pod("pausa", "", &sleeper));
    let pause = status(&world, "pausa")["pause"]["pid"].as_i64().unwrap() as i32;
    world.kill("KILL", pause);
    answers(&world, "pausa", "pausa-muerta", &["la pausa, que sostenía su red, murió"]);
    also(&world, "pausa", "lo-paro-micropod", "a c lo mató SIGKILL, que envió micropod: el Pod acababa");
    delete(&world, "pausa");

    // con los procesos compartidos, quien los mata es el kernel, antes de que nadie pueda pedirlo
    start(&world, "juntos", &pod("juntos", "shareProcessNamespace: true,", &sleeper));
    let pause = status(&world, "juntos")["pause"]["pid"].as_i64().unwrap() as i32;
    world.kill("KILL", pause);
    answers(&world, "juntos", "pausa-muerta", &["la pausa, que sostenía su red, murió"]);
    also(
        &world,
        "juntos",
        "murio-su-pid-1",
        "a c lo mató el kernel: la pausa era el PID 1 de su espacio de procesos",
    );
    delete(&world, "juntos");

    // un impostor con el nombre del puente: la red del Pod no se puede hacer
    let other = World::with_busybox();
    other.sh("ip link add otro0 type veth peer name micropod0");
    start(&other, "sinred", &pod("sinred", "", &sleeper));
    answers(&other, "sinred", "pausa-que-no-se-puede-crear", &["micropod0", "ha fallado porque"]);
    delete(&other, "sinred");
    other.sh("ip link del micropod0");

    start(&world, "huerfano", &pod("huerfano", "", &sleeper));
    let pid = supervisor(&world, "huerfano");
    world.kill("KILL", pid);
    answers(
        &world,
        "huerfano",
        "supervisor-muerto",
        &[&format!("el proceso {pid} ya no existe"), "ContainerStatusUnknown"],
    );
    delete(&world, "huerfano");
}

#[test]
fn lo_que_impide_que_un_pod_nazca_o_vuelva_a_arrancar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "securityContext: (runAsNonRoot: true)";
    start(&world, "raiz", &pod("raiz", "", &shell("c", "exec sleep 3017", fields)));
    answers(&world, "raiz", "root-prohibido", &["sería root (uid 0)", "runAsUser: 1000"]);
    delete(&world, "raiz");
    let sleeper = shell("c", "exec sleep 3016", "");
    world.write("un-fichero", "x");
    let born = |name: &str, text: &str| file(&world, name, text);
    let image = born("imagen", &pod("imagen", "", &sleeper.replace("busybox", "no-esta")));
    answers(
        &world,
        &image,
        "imagen-que-falta",
        &["la imagen de c, no-esta, no está en esta máquina", "no puede nacer"],
    );
    let volume = "volumes: [(name: \"d\", hostPath: (path: \"un-fichero\", type: Directory))],";
    let volume = born("volumen", &pod("volumen", volume, &sleeper));
    answers(&world, &volume, "volumen-que-no-casa", &["pide un directorio", "hay otra cosa"]);
    let port = |name: &str| {
        pod(name, "", &shell("c", "exec sleep 3017", "ports: [(containerPort: 80, hostPort: 18080)]"))
    };
    start(&world, "primero", &port("primero"));
    let second = born("segundo", &port("segundo"));
    answers(&world, &second, "puerto-de-la-maquina-ocupado", &["18080/TCP", "ya es del Pod `primero`"]);
    delete(&world, "primero");
    let fine = born("bueno", &pod("bueno", "", &sleeper));
    answers(&world, &fine, "todo-va-bien", &["nada le impide nacer"]);
    let controllers = fs::read_to_string(world.cgroup().join("cgroup.controllers")).unwrap();
    if !controllers.contains("memory") {
        let limit = born(
            "limite",
            &pod("limite", "", &shell("c", "true", "resources: (limits: (memory: \"64Mi\"))")),
        );
        answers(&world, &limit, "limite-imposible", &["no puede cumplir resources.limits.memory"]);
    }
    // y los que nacieron y no pueden volver: sin imagen, sin configuración
    start(&world, "borrada", &pod("borrada", "", &shell("c", "sleep 2", "")));
    fs::rename(world.path("/var/lib/micropod/images/busybox"), world.path("/var/lib/micropod/images/otra"))
        .unwrap();
    answers(&world, "borrada", "imagen-que-falta", &["su imagen, busybox, ya no está"]);
    fs::rename(world.path("/var/lib/micropod/images/otra"), world.path("/var/lib/micropod/images/busybox"))
        .unwrap();
    delete(&world, "borrada");
    let missing = "env: [(name: \"CLAVE\", valueFrom: (secretKeyRef: (name: \"no-hay\", key: \"clave\")))]";
    start(&world, "secreto", &pod("secreto", "", &shell("c", "exec sleep 3018", missing)));
    answers(&world, "secreto", "configuracion-que-falta", &["no-hay"]);
    delete(&world, "secreto");
    start(&world, "sitio", &pod("sitio", "", &shell("c", "true", "workingDir: \"/dev/null\"")));
    answers(&world, "sitio", "contenedor-que-no-se-puede-crear", &["/dev/null"]);
    delete(&world, "sitio");
}

#[test]
fn lo_que_espera_de_alguien_de_fuera_lo_pone_patch_y_no_reinicia_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let gate = "readinessGates: [(conditionType: \"ejemplo.es/lista\")],";
    start(&world, "puerta", &pod("puerta", gate, &shell("c", "exec sleep 3019", "")));
    let told = answers(
        &world,
        "puerta",
        "condicion-de-fuera",
        &["no está listo porque nadie ha puesto aún la condición «ejemplo.es/lista»", "readinessGates"],
    );
    let pid = status(&world, "puerta")["processes"][0]["pid"].as_i64().unwrap() as i32;
    let gates = || {
        let wide = world.micropod(&["get", "pod", "puerta", "-o", "wide", "--no-headers"]).ok().out;
        wide.split_whitespace().last().unwrap().to_string()
    };
    assert_eq!(gates(), "0/1");
    world.micropod(&["wait", "pod/puerta", "--for=condition=ContainersReady", "--timeout=20s"]).ok();
    world.micropod(&["wait", "pod/puerta", "--for=condition=Ready", "--timeout=0"]).exits(1);
    // lo que se aconseja se puede teclear, y funciona
    let advice = told["findings"][0]["next"][0].as_str().unwrap();
    let (words, patch) = advice.split_once(" -p ").unwrap();
    let words: Vec<&str> = words.split(' ').skip(2).chain(["-p", patch.trim_matches('\'')]).collect();
    assert_eq!(world.micropod(&words).ok().out, "pod/puerta patched\n");
    world.micropod(&["wait", "pod/puerta", "--for=condition=Ready", "--timeout=20s"]).ok();
    assert_eq!(gates(), "1/1");
    answers(&world, "puerta", "todo-va-bien", &[]);
    let no = patch.trim_matches('\'').replace("True", "False");
    world.micropod(&["patch", "pod/puerta", "--subresource=status", "-p", &no]).ok();
    world.micropod(&["wait", "pod/puerta", "--for=condition=Ready=False", "--timeout=20s"]).ok();
    // las que no espera nadie se rechazan por su nombre, y sin --subresource no se cambia nada
    let other = no.replace("ejemplo.es/lista", "Ready");
    let refused = world.micropod(&["patch", "pod", "puerta", "--subresource=status", "-p", &other]).exits(1);
    assert!(refused.err.contains("no espera de fuera ninguna condición `Ready`"), "{}", refused.err);
    world.micropod(&["patch", "pod", "puerta", "-p", &no]).exits(2);
    assert_eq!(status(&world, "puerta")["processes"][0]["pid"].as_i64().unwrap() as i32, pid, "es el mismo");
    delete(&world, "puerta");
}

#[test]
fn la_respuesta_se_lee_de_un_vistazo_y_cada_causa_se_explica() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    start(
        &world,
        "mal",
        &pod("mal", "restartPolicy: Never,", &shell("c", "echo 'falta la clave' >&2; exit 3", "")),
    );
    answers(&world, "mal", "acaba-con-error", &[]);
    let text = world.micropod(&["por-que", "mal"]).ok().out;
    assert!(text.starts_with("El Pod mal ha fallado porque c acabó con el código de error 3; lo último que dijo: «falta la clave».\n"), "{text}");
    for part in [
        "\n  estado      c: última vida, código 3",
        "\nAhora:\n  sudo micropod logs mal -c c\n",
        "\ncausa: acaba-con-error   (micropod explain acaba-con-error)\n",
    ] {
        assert!(text.contains(part), "falta «{part}»:\n{text}");
    }
    delete(&world, "mal");
    let list = run(world.command(common::binary()).args(["explain", "causas"])).ok().out;
    assert!(list.lines().count() > 40, "{list}");
    let one = world.micropod(&["explain", "sin-memoria"]).ok().out;
    assert!(one.starts_with("sin-memoria: superó su límite de memoria\n"), "{one}");
}

#[test]
fn un_fichero_sin_ruta_tambien_se_reconoce_si_esta_en_yaml() {
    let folder = std::env::temp_dir().join(format!("micropod-porque-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: no-esta}]}\n";
    std::fs::write(folder.join("x.yaml"), pod).unwrap();
    let done = std::process::Command::new(common::binary())
        .args(["por-que", "x.yaml"])
        .current_dir(&folder)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("causa: imagen-que-falta"), "{said}{}", String::from_utf8_lossy(&done.stderr));
}
