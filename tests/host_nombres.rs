//! Cómo se llama un Pod, a quién conoce y a quién pregunta; qué parte de un volumen monta; y quién no
//! puede ser root. Se mira lo que ven los contenedores, en `/proc/PID/root`.

mod common;

use common::notas::*;
use common::{World, is_root, wait_until};
use serde_json::Value;
use std::fs;

/// Un fichero del contenedor cuyo PID 1 es `program`, como lo ve él.
fn inside(world: &World, program: &str, path: &str) -> String {
    world.read(&format!("/proc/{}/root{path}", pid_of(world, program)))
}

fn object(world: &World, name: &str) -> Value {
    serde_json::from_str(&world.micropod(&["get", "pod", name, "-o", "json"]).ok().out).unwrap()
}

fn ip(world: &World, name: &str) -> String {
    object(world, name)["status"]["podIP"].as_str().unwrap().to_string()
}

#[test]
fn los_alias_y_el_nombre_completo_estan_en_el_etc_hosts_de_todos_los_contenedores() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "subdomain: \"grupo\", hostAliases: [\
        (ip: \"127.0.0.1\", hostnames: [\"foo.local\", \"bar.local\"]), (ip: \"10.1.2.3\", hostnames: [\"remoto\"])],";
    let two = shell("a", "exec sleep 3201", "") + &shell("b", "exec sleep 3202", "");
    start(&world, "alias", &pod("alias", fields, &two));
    let hosts = inside(&world, "sleep 3201", "/etc/hosts");
    let ip = ip(&world, "alias");
    assert!(hosts.contains(&format!("\n{ip}\talias.grupo.default.svc.cluster.local\talias\n")), "{hosts}");
    let end = "\n\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tremoto\n";
    assert!(hosts.ends_with(end), "{hosts}");
    assert_eq!(inside(&world, "sleep 3202", "/etc/hosts"), hosts, "el mismo fichero");
    // y vale: la biblioteca de C lo lee
    let pinged = world.micropod(&["exec", "alias", "-c", "a", "--", "ping", "-c1", "-W2", "bar.local"]);
    assert!(pinged.out.contains("(127.0.0.1)"), "{}{}", pinged.out, pinged.err);
    let name = world.micropod(&["exec", "alias", "-c", "a", "--", "hostname"]).ok().out;
    assert_eq!(name.trim(), "alias", "el kernel tiene el corto");
    delete(&world, "alias");
}

#[test]
fn el_kernel_tiene_el_nombre_que_se_pide() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for (fields, wanted) in [
        ("subdomain: \"grupo\", setHostnameAsFQDN: true,", "nombre.grupo.default.svc.cluster.local"),
        (
            "hostname: \"otro\", subdomain: \"g\", setHostnameAsFQDN: true,",
            "otro.g.default.svc.cluster.local",
        ),
        ("hostnameOverride: \"tal.cual\", hostname: \"otro\",", "tal.cual"),
    ] {
        start(&world, "nombre", &pod("nombre", fields, &shell("c", "exec sleep 3203", "")));
        // /proc/sys enseña el nombre del espacio UTS de quien lo lee
        let pid = pid_of(&world, "sleep 3203");
        let seen = world.sh(&format!("nsenter --uts=/proc/{pid}/ns/uts cat /proc/sys/kernel/hostname"));
        assert_eq!(seen.trim(), wanted);
        delete(&world, "nombre");
    }
}

#[test]
fn el_dns_es_el_de_la_maquina_mas_lo_que_se_pide_y_con_none_solo_lo_que_se_pide() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let config = "dnsConfig: (nameservers: [\"10.9.9.9\"], searches: [\"aula.es\"], \
                  options: [(name: \"ndots\", value: \"2\"), (name: \"edns0\")]),";
    let one = shell("c", "exec sleep 3204", "");
    start(&world, "nada", &pod("nada", &format!("dnsPolicy: None, {config}"), &one));
    assert_eq!(
        inside(&world, "sleep 3204", "/etc/resolv.conf"),
        "search aula.es\nnameserver 10.9.9.9\noptions ndots:2 edns0\n"
    );
    assert!(!world.micropod(&["events", "--for", "pod/nada"]).ok().out.contains("MissingClusterDNS"));
    delete(&world, "nada");
    start(&world, "mas", &pod("mas", &format!("dnsPolicy: ClusterFirst, {config}"), &one));
    let file = inside(&world, "sleep 3204", "/etc/resolv.conf");
    assert!(file.contains("nameserver 10.9.9.9\n") && file.contains("ndots:2"), "{file}");
    let own = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    for server in own.lines().filter(|line| line.starts_with("nameserver") && !line.contains(" 127.")) {
        assert!(file.contains(server.trim()), "falta el de la máquina, {server}:\n{file}");
    }
    let told = world.micropod(&["events", "--for", "pod/mas"]).ok().out;
    assert!(told.contains("Warning") && told.contains("MissingClusterDNS"), "{told}");
    delete(&world, "mas");
    // quien no dice nada no recibe ningún aviso
    start(&world, "callado", &pod("callado", "", &one));
    assert!(!world.micropod(&["events", "--for", "pod/callado"]).ok().out.contains("MissingClusterDNS"));
    delete(&world, "callado");
}

#[test]
fn el_espacio_de_nombres_de_kubernetes_se_ensena_y_se_puede_preguntar() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let env = "env: [(name: \"NS\", valueFrom: (fieldRef: (fieldPath: \"metadata.namespace\")))],";
    let text = pod("esp", "", &shell("c", "echo $NS >/n/ns; exec sleep 3205", env));
    let text = text.replace("(name: \"esp\")", "(name: \"esp\", namespace: \"curso\")");
    start(&world, "esp", &text);
    wait_until("la nota", 5, || !noted(&world, "ns").is_empty());
    assert_eq!(noted(&world, "ns"), ["curso"]);
    assert_eq!(object(&world, "esp")["metadata"]["namespace"], "curso");
    assert!(world.micropod(&["describe", "pod", "esp"]).ok().out.contains("Namespace:        curso\n"));
    delete(&world, "esp");
}

#[test]
fn sub_path_expr_monta_la_parte_del_volumen_que_dicen_las_variables() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let mounting = |name: &str, expr: &str, number: u32, env: &str| {
        format!(
            "(name: \"{name}\", image: \"busybox\", command: [\"sleep\", \"{number}\"], env: [{env}], \
             volumeMounts: [(name: \"v\", mountPath: \"/v\", subPathExpr: \"{expr}\")]),"
        )
    };
    let own = "(name: \"QUIEN\", valueFrom: (fieldRef: (fieldPath: \"metadata.name\")))";
    let volume = "volumes: [(name: \"v\", hostPath: (path: \"datos\", type: DirectoryOrCreate))],";
    let text = |containers: &str| {
        format!("Pod(metadata: (name: \"expr\"), spec: ({volume} containers: [{containers}]))")
    };
    start(&world, "expr", &text(&mounting("c", "$(QUIEN)/logs", 3206, own)));
    let pid = pid_of(&world, "sleep 3206");
    fs::write(world.path(&format!("/proc/{pid}/root/v/dentro")), "hola").unwrap();
    assert_eq!(fs::read_to_string(world.dir().join("datos/expr/logs/dentro")).unwrap(), "hola");
    delete(&world, "expr");
    // una variable que falta, una vacía y una que sale del volumen: no arranca, y dice por qué
    for (expr, env, why) in [
        ("$(NADIE)/x", "", "la variable NADIE no está"),
        ("$(VACIA)/x", "(name: \"VACIA\", value: \"\")", "la variable VACIA no está o está vacía"),
        ("$(SALE)/x", "(name: \"SALE\", value: \"../..\")", "fuera del volumen"),
    ] {
        let path = file(&world, "expr", &text(&mounting("c", expr, 3207, env)));
        let done = world.micropod(&["run", "-d", &path]).exits(1);
        assert!(done.err.contains(why), "{expr}: {}", done.err);
        let shown = world.micropod(&["get", "pods", "--no-headers"]).ok().out;
        assert!(shown.contains("CreateContainerConfigError"), "{shown}");
        assert_eq!(pids_of(&world, "sleep 3207"), [] as [i32; 0]);
        delete(&world, "expr");
    }
    assert_eq!(fs::read_dir(world.dir().join("datos")).unwrap().count(), 1, "solo el de antes");
}

#[test]
fn quien_seria_root_y_no_puede_no_arranca_y_el_pod_se_queda_en_pending() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let fields = "securityContext: (runAsNonRoot: true),";
    let path = file(&world, "raiz", &pod("raiz", "", &shell("c", "exec sleep 3208", fields)));
    let done = world.micropod(&["run", "-d", &path]).exits(1);
    assert!(done.err.contains("runAsNonRoot") && done.err.contains("runAsUser: 1000"), "{}", done.err);
    let status = &object(&world, "raiz")["status"];
    assert_eq!(status["phase"], "Pending");
    let waiting = &status["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "CreateContainerConfigError");
    assert!(waiting["message"].as_str().unwrap().contains("runAsNonRoot"));
    let why: Value = serde_json::from_str(&world.micropod(&["por-que", "raiz", "-o", "json"]).out).unwrap();
    assert_eq!(why["cause"], "root-prohibido", "{why}");
    assert_eq!(pids_of(&world, "sleep 3208"), [] as [i32; 0], "ningún proceso suyo");
    delete(&world, "raiz");
    // ensayarlo también lo dice
    let rehearsed = world.micropod(&["run", "--dry-run", &path]).ok();
    assert!(rehearsed.err.contains("no podría arrancar: runAsNonRoot"), "{}", rehearsed.err);
}

#[test]
fn bash_completa_los_nombres_de_los_pods_y_nada_detras_de_dos_guiones() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    for name in ["web", "web-2", "otro"] {
        start(&world, name, &pod(name, "", &shell("c", "exec sleep 3209", "")));
    }
    let complete = |words: &[&str]| -> Vec<String> {
        let script = r#"PATH=$(dirname "$1"):$PATH; source <("$1" completion bash); shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _micropod_con_pods "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\n' "${COMPREPLY[@]}""#;
        let mut command = world.command("bash");
        command.args(["-c", script, "bash"]).arg(common::binary()).args(words);
        common::run(&mut command).ok().out.lines().map(String::from).collect()
    };
    let logs = complete(&["micropod", "logs", "we"]);
    assert!(logs.contains(&"web".to_string()) && logs.contains(&"web-2".to_string()), "{logs:?}");
    assert!(!logs.contains(&"otro".to_string()), "{logs:?}");
    assert!(complete(&["micropod", "delete", "pod", "o"]).contains(&"otro".to_string()));
    assert!(complete(&["micropod", "exec", "-i", "o"]).contains(&"otro".to_string()));
    for none in [
        &["micropod", "exec", "web", "--", "o"][..],
        &["micropod", "logs", "-c", "o"],
        &["micropod", "run", "o"],
    ] {
        assert!(!complete(none).contains(&"otro".to_string()), "{none:?}");
    }
    assert!(
        complete(&["micropod", "logs", "--ta"]).contains(&"--tail".to_string()),
        "las opciones, como antes"
    );
    for name in ["web", "web-2", "otro"] {
        delete(&world, name);
    }
}
