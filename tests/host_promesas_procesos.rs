//! Promesas A y B: los privilegios de los procesos de un contenedor y las llamadas que pueden hacer.

mod aislamiento;
mod common;

use aislamiento::{
    Probe, down, exec, here, image_root, inpod, pid_of, plant_probe, plant_program, pod, probe_binary,
    refuse, status, up,
};
use common::{World, is_root, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Los campos de `/proc/PID/status` que dicen qué se puede hacer.
const PRIVILEGES: [&str; 11] = [
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "SigIgn",
];

fn set_image_user(world: &World, user: &str) {
    let config = image_root(world).parent().unwrap().join("config.json");
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    text["config"]["user"] = user.into();
    fs::write(config, text.to_string()).unwrap();
}

#[test]
fn a1_las_capacidades_de_fabrica_son_ocho_y_ninguna_se_hereda() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    up(&world, "a1", "", "", "exec sleep 3101");
    let pid = pid_of(&world, "sleep 3101");
    for field in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(status(&world, pid, field), "00000000000004fb", "{field}");
    }
    for field in ["CapInh", "CapAmb"] {
        assert_eq!(status(&world, pid, field), "0000000000000000", "{field}");
    }
    down(&world, "a1");
}

#[test]
fn a2_un_ejecutable_setuid_no_da_nada_salvo_si_se_pide() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_program(&world, "su0", &probe_binary());
    fs::set_permissions(image_root(&world).join("bin/su0"), fs::Permissions::from_mode(0o4755)).unwrap();
    let uids = |fields: &str| {
        let (code, said) =
            inpod(&world, "", &format!("securityContext: (runAsUser: 1000, {fields})"), "exec su0");
        assert_eq!(code, 0, "{said}");
        let probe = Probe::read(&said);
        (probe.status("Uid").to_string(), probe.status("NoNewPrivs").to_string())
    };
    assert_eq!(uids(""), ("1000 1000 1000 1000".into(), "1".into()));
    assert_eq!(uids("allowPrivilegeEscalation: true"), ("1000 0 0 0".into(), "0".into()));
}

#[test]
fn a3_quitar_todas_y_anadir_una_deja_esa_y_solo_esa() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let fields = "securityContext: (capabilities: (drop: [\"ALL\"], add: [\"NET_BIND_SERVICE\"]))";
    up(&world, "a3", "", fields, "exec sleep 3103");
    let pid = pid_of(&world, "sleep 3103");
    for field in ["CapEff", "CapPrm", "CapBnd"] {
        assert_eq!(status(&world, pid, field), "0000000000000400", "{field}");
    }
    down(&world, "a3");
}

#[test]
fn a4_una_capacidad_desconocida_se_rechaza_con_una_propuesta() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let text = pod("a4", "", "securityContext: (capabilities: (add: [\"CAP_NET_ADMINN\"]))", "true");
    let said = refuse(&world, &text);
    assert!(said.contains("NET_ADMIN`"), "{said}");
    world.assert_clean();
}

#[test]
fn a5_quien_no_es_root_no_tiene_capacidades_ni_mas_grupos_que_los_suyos() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    up(&world, "a5", "", "securityContext: (runAsUser: 1000, runAsGroup: 1000)", "exec sleep 3105");
    let pid = pid_of(&world, "sleep 3105");
    for field in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        assert_eq!(status(&world, pid, field), "0000000000000000", "{field}");
    }
    assert_eq!(status(&world, pid, "Uid"), "1000 1000 1000 1000");
    assert_eq!(status(&world, pid, "Gid"), "1000 1000 1000 1000");
    assert!(["", "1000"].contains(&status(&world, pid, "Groups").as_str()));
    down(&world, "a5");
}

#[test]
fn a6_run_as_non_root_mira_el_usuario_que_sale_y_no_el_que_se_escribe() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let volume = "volumes: [(name: \"v\", hostPath: (path: \"v\", type: DirectoryOrCreate))],";
    let fields = "securityContext: (runAsNonRoot: true), volumeMounts: [(name: \"v\", mountPath: \"/v\")]";
    for user in ["", "0", "root", "root:www-data"] {
        set_image_user(&world, user);
        let file = world.write("a6.ron", &pod("a6", volume, fields, "id -u >/v/corrio"));
        let done = world.micropod(&["run", "-d", "--rm", file.to_str().unwrap()]);
        assert_ne!(done.code, 0, "con el usuario «{user}» de la imagen");
        assert!(done.err.contains("runAsNonRoot"), "{user}: {}", done.err);
        // como en Kubernetes, el Pod se queda: espera, y nadie llega a correr
        world.micropod(&["delete", "pod", "a6", "--grace-period=1"]).ok();
        assert!(!world.dir().join("v/corrio").exists(), "con el usuario «{user}» llegó a correr");
    }
    set_image_user(&world, "www-data");
    let line = "chmod 777 /v 2>/dev/null; id -u";
    let (code, said) = inpod(&world, volume, fields, line);
    assert_eq!((code, said.trim()), (0, "33"));
}

#[test]
fn a8_exec_y_las_sondas_tienen_los_mismos_privilegios_que_el_pid_1() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    for (i, context) in
        ["", "runAsUser: 33, runAsGroup: 29", "capabilities: (drop: [\"KILL\"], add: [\"NET_RAW\"])"]
            .into_iter()
            .enumerate()
    {
        let name = format!("a8-{i}");
        let fields = format!(
            "securityContext: ({context}), readinessProbe: (periodSeconds: 1, exec: (command: \
             [\"sh\", \"-c\", \"exec cat /proc/self/status >/tmp/sonda\"]))"
        );
        up(&world, &name, "", &fields, &format!("exec sleep 318{i}"));
        let pid = pid_of(&world, &format!("sleep 318{i}"));
        let inside = exec(&world, &name, "exec cat /proc/self/status").ok().out;
        let probe = world.path(&format!("/proc/{pid}/root/tmp/sonda"));
        wait_until("que pregunte la sonda", 10, || {
            fs::read_to_string(&probe).is_ok_and(|t| t.contains("Seccomp:"))
        });
        let probe = fs::read_to_string(&probe).unwrap();
        for field in PRIVILEGES {
            let of = |text: &str| {
                let line = text.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(':')).unwrap();
                line.split_whitespace().collect::<Vec<_>>().join(" ")
            };
            let first = status(&world, pid, field);
            assert_eq!(of(&inside), first, "exec, {context}: {field}");
            assert_eq!(of(&probe), first, "sonda, {context}: {field}");
        }
        down(&world, &name);
    }
}

#[test]
fn a10_el_entorno_de_fuera_no_entra() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let file = world
        .write("a10.ron", &pod("a10", "", "env: [(name: \"MIA\", value: \"1\")]", "env; exec sleep 3110"));
    let run = format!(
        "SECRETO=1 AWS_KEY=2 LD_PRELOAD= BASH_ENV=/x {} run -d {}",
        common::binary().display(),
        file.display()
    );
    world.sh(&run);
    let pid = pid_of(&world, "sleep 3110");
    let environ = fs::read(world.path(&format!("/proc/{pid}/environ"))).unwrap();
    let environ = String::from_utf8(environ).unwrap();
    let mut names: Vec<&str> = environ.split('\0').filter_map(|pair| Some(pair.split_once('=')?.0)).collect();
    names.sort_unstable();
    // SHLVL y PWD los pone la shell del contenedor
    names.retain(|name| !["SHLVL", "PWD", "OLDPWD"].contains(name));
    assert_eq!(names, ["HOME", "HOSTNAME", "MIA", "PATH"]);
    let inside = world.sh(&format!("SECRETO=1 {} exec a10 -- env", common::binary().display()));
    assert!(!inside.contains("SECRETO") && inside.contains("MIA=1"), "{inside}");
    down(&world, "a10");
}

#[test]
fn a11_senales_umask_y_limites_no_son_los_de_quien_lo_lanzo() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let file = world.write("a11.ron", &pod("a11", "", "", "exec sonda"));
    let binary = common::binary();
    world.sh(&format!(
        "trap '' PIPE HUP INT; umask 077; ulimit -Sn 64; ulimit -Sc unlimited; ulimit -Ss 512; \
         ulimit -f 4000000; {} run {}",
        binary.display(),
        file.display()
    ));
    let probe = Probe::read(&world.micropod(&["logs", "a11"]).ok().out);
    assert!(probe.all("signals").eq(["blocked=0 ignored=0"]));
    assert!(probe.all("umask").eq(["0022"]));
    let limits: Vec<&str> = probe.all("limit").collect();
    let of = |name: &str| limits.iter().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_string();
    assert_eq!(of("core"), "0 0");
    assert!(of("nofile").starts_with("1024 "), "{limits:?}");
    assert!(of("stack").starts_with("8388608 "), "{limits:?}");
    down(&world, "a11");
}

/// Las puntuaciones que da `audita`, por grupo: cuántas se cumplen y cuántas hay.
fn audited(world: &World, pod: &str) -> BTreeMap<String, String> {
    let said = world.micropod(&["audita", pod]).ok().out;
    let one = |line: &str| {
        let (group, score) = line.strip_prefix("  ")?.split_once(' ')?;
        (!group.is_empty() && score.contains('/')).then(|| (group.to_string(), score.trim().to_string()))
    };
    said.lines().filter_map(one).collect()
}

#[test]
fn a12_audita_ve_desde_fuera_lo_mismo_que_la_sonda_desde_dentro() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let host = aislamiento::host_namespaces(&world);
    for (i, context) in [
        "",
        "privileged: true",
        "procMount: Unmasked",
        "allowPrivilegeEscalation: true",
        "runAsUser: 1000, runAsGroup: 1000, capabilities: (drop: [\"ALL\"])",
        "capabilities: (add: [\"NET_RAW\", \"SYS_TIME\", \"MKNOD\"])",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("a12-{i}");
        let volume = "volumes: [(name: \"v\")],";
        let fields =
            format!("securityContext: ({context}), volumeMounts: [(name: \"v\", mountPath: \"/v\")]");
        up(&world, &name, volume, &fields, &format!("sonda >/v/sonda; exec sleep 319{i}"));
        let pid = pid_of(&world, &format!("sleep 319{i}"));
        let said = fs::read_to_string(world.path(&format!("/proc/{pid}/root/v/sonda"))).unwrap();
        let checks = Probe::read(&said).checks(&host);
        let inside = |group: &str| {
            let of: Vec<_> = checks.iter().filter(|c| c.group == group).collect();
            format!("{}/{}", of.iter().filter(|c| c.met).count(), of.len())
        };
        let outside = audited(&world, &name);
        for (there, here) in [
            ("caps", "privilegios"),
            ("escritura", "escrituras"),
            ("tapado", "tapado"),
            ("dispositivos", "dispositivos"),
            ("espacios", "espacios"),
            ("montajes", "montajes"),
        ] {
            assert_eq!(outside[here], inside(there), "{context}: {here}");
        }
        // las llamadas, si hay filtro: sin él, la sonda cuenta también las que niega no tener capacidad
        if context != "privileged: true" {
            let met = checks.iter().filter(|c| (c.group == "seccomp" || c.group == "abi") && c.met).count();
            assert_eq!(outside["llamadas"], format!("{met}/45"), "{context}");
        }
        down(&world, &name);
    }
}

#[test]
fn a12_audita_puntua_el_perfil_de_fabrica_sin_fiarse_de_la_ficha() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    // un enlace a un dispositivo no es otro dispositivo
    up(&world, "a12", "", "", "ln -s null /dev/enlace; exec sleep 3112");
    pid_of(&world, "sleep 3112");
    let score = audited(&world, "a12");
    // sin el controlador pids en cgroup v2 no hay tope de procesos, y se dice
    let limited = fs::read_to_string(world.cgroup().join("cgroup.controllers")).unwrap().contains("pids");
    assert_eq!(score["total"], if limited { "108/108" } else { "107/108" });
    // aunque la ficha mienta
    let record = world.path("/run/micropod/pods/a12/pod.json");
    let text = fs::read_to_string(&record).unwrap();
    let lie = text
        .replace("\"capabilities\":1275", "\"capabilities\":2199023255551")
        .replace("\"seccomp\":true", "\"seccomp\":false");
    assert_ne!(lie, text);
    fs::write(&record, lie).unwrap();
    assert_eq!(audited(&world, "a12"), score);
    // y el proceso sigue su vida: mirarlo lo detiene solo un instante
    assert!(status(&world, pid_of(&world, "sleep 3112"), "State").starts_with('S'));
    fs::write(&record, text).unwrap();
    down(&world, "a12");
    world.micropod(&["audita", "a12"]).exits(1);
}

#[test]
fn b1_el_filtro_esta_puesto_en_el_pid_1_en_exec_y_en_las_sondas() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let probe = "readinessProbe: (periodSeconds: 1, exec: (command: [\"sh\", \"-c\", \
                 \"grep Seccomp: /proc/self/status >/tmp/sonda\"]))";
    up(&world, "b1", "", probe, "exec sleep 3201");
    let pid = pid_of(&world, "sleep 3201");
    assert_eq!(status(&world, pid, "Seccomp"), "2");
    let inside = exec(&world, "b1", "grep Seccomp: /proc/self/status").ok().out;
    assert_eq!(inside.split_whitespace().last(), Some("2"));
    let seen = world.path(&format!("/proc/{pid}/root/tmp/sonda"));
    wait_until("que pregunte la sonda", 10, || {
        fs::read_to_string(&seen).is_ok_and(|text| text.split_whitespace().last() == Some("2"))
    });
    down(&world, "b1");
}

fn probe(world: &World, fields: &str) -> Probe {
    plant_probe(world);
    let (code, said) = inpod(world, "", fields, "exec sonda");
    assert_eq!(code, 0, "{said}");
    Probe::read(&said)
}

#[test]
fn b2_las_cuarenta_y_cuatro_llamadas_peligrosas_se_niegan_desde_dentro() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let checks = probe(&world, "").checks(&aislamiento::host_namespaces(&world));
    let calls: Vec<_> = checks.iter().filter(|c| c.group == "seccomp").collect();
    assert_eq!(calls.len(), 44);
    for call in calls {
        assert!(call.met, "{}", call.name);
    }
}

#[test]
fn b4_clone3_no_existe_y_los_hilos_funcionan() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let probe = probe(&world, "");
    assert_eq!(probe.call("clone3"), "ENOSYS");
    assert!(probe.all("thread").eq(["ok"]));
}

#[test]
fn b6_quitar_el_filtro_se_pide_a_las_claras_y_se_avisa() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let fields = "securityContext: (seccompProfile: (type: Unconfined))";
    let file = world.write("b6.ron", &pod("b6", "", fields, "exec sleep 3206"));
    let said = world.micropod(&["run", "-d", file.to_str().unwrap()]).ok().err;
    assert!(said.contains("aviso") && said.contains("Unconfined"), "{said}");
    assert_eq!(status(&world, pid_of(&world, "sleep 3206"), "Seccomp"), "0");
    down(&world, "b6");
}

#[test]
fn b7_un_programa_puede_ponerse_ademas_su_propio_filtro() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    assert!(probe(&world, "").all("filter").eq(["ok"]));
}
