//! Lo que se escribe en un `config.json`, sin crear nada.

use super::*;
use crate::cgroup::Hierarchy;
use crate::container::Pause;
use crate::plan::PodPlan;
use crate::run::decide_for_nothing;
use crate::spec;

/// El Pod de un texto en RON, ya decidido.
fn decided(text: &str) -> PodPlan {
    let dir = std::env::temp_dir().join(format!(
        "micropod-bundle-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("pod.ron");
    fs::write(&file, text).unwrap();
    let loaded = spec::load(&file, None).unwrap();
    fs::remove_dir_all(&dir).unwrap();
    decide_for_nothing(&loaded).unwrap()
}

fn config_of(pod: &PodPlan) -> Value {
    let order = Order { pod, id: 0, life: 2, pause: Pause { pidfd: None, shown: "77" }, target: None };
    config(&order, &Bundle::of(&order), &pod.containers[0].argv, &pod.containers[0].env)
}

fn pod(fields: &str, container: &str) -> PodPlan {
    decided(&format!(
        "Pod(metadata: (name: \"web\"), spec: (hostNetwork: false, {fields} containers: [
            (name: \"c\", image: \"host\", command: [\"sleep\", \"1\"], {container})]))"
    ))
}

fn mount_of<'a>(config: &'a Value, target: &str) -> &'a Value {
    let all = config["mounts"].as_array().unwrap();
    all.iter().find(|m| m["destination"] == target).unwrap_or_else(|| panic!("{target}"))
}

#[test]
fn lo_que_comparte_el_pod_se_nombra_por_la_pausa_y_lo_demas_es_nuevo() {
    let config = config_of(&pod("", ""));
    let all = config["linux"]["namespaces"].as_array().unwrap();
    let path = |kind: &str| all.iter().find(|n| n["type"] == kind).map(|n| n["path"].clone());
    assert_eq!(path("network"), Some(json!("/proc/77/ns/net")));
    assert_eq!(path("ipc"), Some(json!("/proc/77/ns/ipc")));
    assert_eq!(path("uts"), Some(json!("/proc/77/ns/uts")));
    assert_eq!(path("pid"), Some(Value::Null), "sus procesos son suyos");
    assert_eq!(path("mount"), Some(Value::Null));
    let together = config_of(&pod("shareProcessNamespace: true,", ""));
    let all = together["linux"]["namespaces"].as_array().unwrap();
    assert!(all.contains(&json!({ "type": "pid", "path": "/proc/77/ns/pid" })));
}

#[test]
fn el_efimero_que_mira_a_uno_nace_entre_sus_procesos() {
    let pod = pod("", "");
    let pause = |shown| Pause { pidfd: None, shown };
    let order = Order { pod: &pod, id: 0, life: 0, pause: pause("77"), target: Some(pause("88")) };
    let all = namespaces(&order, &Bundle::of(&order));
    assert!(all.contains(&json!({ "type": "pid", "path": "/proc/88/ns/pid" })), "{all:?}");
    assert!(all.contains(&json!({ "type": "network", "path": "/proc/77/ns/net" })), "{all:?}");
}

#[test]
fn con_la_red_de_la_maquina_no_se_nombra_ninguna_red() {
    let config = config_of(&decided(
        "Pod(metadata: (name: \"web\"), spec: (hostNetwork: true, containers: [
            (name: \"c\", image: \"host\", command: [\"true\"])]))",
    ));
    let all = config["linux"]["namespaces"].as_array().unwrap();
    assert!(!all.iter().any(|n| n["type"] == "network" || n["type"] == "uts"), "{all:?}");
}

#[test]
fn a_quien_deja_un_demonio_en_medio_se_le_nombra_siempre_la_red_de_la_pausa() {
    let pod = decided(
        "Pod(metadata: (name: \"web\"), spec: (hostNetwork: true, containers: [
            (name: \"c\", image: \"host\", command: [\"true\"])]))",
    );
    let order = Order { pod: &pod, id: 0, life: 0, pause: Pause { pidfd: None, shown: "77" }, target: None };
    let all = namespaces(&order, &Bundle { inner: Some("tarea"), ..Bundle::of(&order) });
    assert!(all.contains(&json!({ "type": "network", "path": "/proc/77/ns/net" })), "{all:?}");
}

#[test]
fn los_privilegios_son_los_que_decidio_el_plan() {
    let config = config_of(&pod(
        "",
        "securityContext: (runAsUser: 1000, runAsGroup: 1000, readOnlyRootFilesystem: true)",
    ));
    let process = &config["process"];
    assert_eq!(process["user"]["uid"], 1000);
    assert_eq!(process["noNewPrivileges"], true);
    // youki pone el filtro antes de soltar privilegios solo si no se nombra
    let gains = config_of(&pod("", "securityContext: (allowPrivilegeEscalation: true)"));
    assert!(gains["process"].get("noNewPrivileges").is_none(), "{gains}");
    assert_eq!(process["capabilities"]["effective"], json!([]), "quien no es root no conserva ninguna");
    assert_eq!(process["capabilities"]["bounding"].as_array().unwrap().len(), 8);
    assert_eq!(config["root"]["readonly"], true);
    assert!(config["linux"]["maskedPaths"].as_array().unwrap().contains(&json!("/proc/kcore")));
    assert_eq!(config["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
}

#[test]
fn el_privilegiado_no_lleva_filtro_ni_nada_tapado_y_ve_los_dispositivos() {
    let config = config_of(&pod("", "securityContext: (privileged: true)"));
    assert_eq!(config["linux"]["seccomp"], Value::Null);
    assert_eq!(config["linux"]["maskedPaths"], json!([]));
    assert_eq!(config["linux"]["resources"]["devices"][0]["allow"], true);
    assert!(!mount_of(&config, "/sys")["options"].as_array().unwrap().contains(&json!("ro")));
}

#[test]
fn un_volumen_de_solo_lectura_se_monta_asi_y_sin_setuid_ni_dispositivos() {
    let config = config_of(&pod(
        "volumes: [(name: \"v\", emptyDir: ())],",
        "volumeMounts: [(name: \"v\", mountPath: \"/v\", readOnly: true), (name: \"v\", mountPath: \"/etc/hosts\")]",
    ));
    assert_eq!(mount_of(&config, "/v")["options"], json!(["rbind", "nosuid", "nodev", "ro"]));
    let hosts: Vec<&Value> =
        config["mounts"].as_array().unwrap().iter().filter(|m| m["destination"] == "/etc/hosts").collect();
    assert_eq!(hosts.len(), 1, "si monta ahí lo suyo, lo del Pod no se monta");
}

#[test]
fn el_json_largo_se_parte_y_se_sigue_leyendo_igual() {
    let value = config_of(&pod("", ""));
    let text = pretty(&value);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    let long = text.lines().filter(|line| line.len() > WIDTH + 10).count();
    assert_eq!(long, 0, "ninguna línea pasa de su ancho:\n{text}");
}

#[test]
fn el_grupo_de_quien_borra_el_suyo_cuelga_del_que_hace_micropod() {
    let mut pod = pod("", "");
    let root = PathBuf::from("/sys/fs/cgroup");
    pod.cgroup = Some(root.join("micropod/p"));
    pod.hierarchy = Some(Hierarchy { root, controllers: Vec::new(), held_by_v1: Vec::new() });
    let order = Order { pod: &pod, id: 0, life: 0, pause: Pause { pidfd: None, shown: "77" }, target: None };
    let path = |inner| {
        let bundle = Bundle { inner, ..Bundle::of(&order) };
        config(&order, &bundle, &[], &[])["linux"]["cgroupsPath"].clone()
    };
    assert_eq!(path(None), "/micropod/p/c");
    assert_eq!(path(Some("tarea")), "/micropod/p/c/tarea");
}

#[test]
fn a_youki_se_le_dice_dos_veces_que_no_hay_memoria_de_intercambio() {
    let mut pod = pod("", "");
    pod.containers[0].limits.memory_max = Some(32 << 20);
    let dir = std::env::temp_dir().join(format!("micropod-youki-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("memory.swap.max"), "max").unwrap();
    pod.cgroup = Some(dir.clone());
    let order = Order { pod: &pod, id: 0, life: 0, pause: Pause { pidfd: None, shown: "77" }, target: None };
    let resources = |youki| {
        let bundle = Bundle { youki, ..Bundle::of(&order) };
        config(&order, &bundle, &[], &[])["linux"]["resources"].clone()
    };
    let (usual, youki) = (resources(false), resources(true));
    fs::remove_dir_all(&dir).unwrap();
    // con la resta de las dos, cero, los demás escriben memory.swap.max; youki lo deja como estaba
    assert_eq!(usual["memory"], json!({ "limit": 32 << 20, "swap": 32 << 20 }));
    assert_eq!(youki["memory"], usual["memory"]);
    assert_eq!(youki["unified"]["memory.swap.max"], "0");
    assert!(usual["unified"].get("memory.swap.max").is_none(), "{usual}");
}

#[test]
fn lo_secreto_se_escribe_y_no_se_ensena() {
    let mut pod = pod("", "");
    pod.containers[0].env.push("CLAVE=hunter2".into());
    pod.containers[0]
        .hidden
        .push(crate::process::Hidden { real: "CLAVE=hunter2".into(), shown: "CLAVE=(oculto)".into() });
    let order = Order { pod: &pod, id: 0, life: 0, pause: Pause { pidfd: None, shown: "77" }, target: None };
    let bundle = Bundle::of(&order);
    let shown = WriteConfig { order: &order, bundle: &bundle }.shell();
    assert!(shown.contains("CLAVE=(oculto)") && !shown.contains("hunter2"));
    assert!(config_of(&pod).to_string().contains("CLAVE=hunter2"));
}
