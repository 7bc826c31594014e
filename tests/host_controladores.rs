//! Los controladores: quién repone, quién insiste y quién obedece al reloj. Lo que se afirma de los
//! Pods se mira en sus procesos, sus direcciones y sus namespaces.

mod common;

use common::{World, is_root, patience, wait_until};
use std::collections::BTreeSet;
use std::time::Instant;

fn replica_set(replicas: u32, command: &str) -> String {
    format!(
        r#"ReplicaSet(metadata: (name: "web"), spec: (replicas: {replicas}, selector: (matchLabels: {{"app": "web"}}),
            template: (metadata: (labels: {{"app": "web"}}), spec: (terminationGracePeriodSeconds: 1, containers: [
                (name: "c", image: "busybox", command: ["/bin/sh", "-c", "{command}"])]))))"#
    )
}

fn job(name: &str, fields: &str, policy: &str, command: &str) -> String {
    format!(
        r#"Job(metadata: (name: "{name}"), spec: ({fields} template: (spec: (restartPolicy: {policy}, containers: [
            (name: "c", image: "busybox", command: ["/bin/sh", "-c", "{command}"])]))))"#
    )
}

/// Los pid cuya línea de comandos es `text`.
fn pids_of(world: &World, text: &str) -> BTreeSet<i32> {
    world.processes().into_iter().filter(|(_, line)| line == text).map(|(pid, _)| pid).collect()
}

/// La IP de cada proceso, leída dentro de su espacio de red.
fn addresses(world: &World, pids: &BTreeSet<i32>) -> BTreeSet<String> {
    let of =
        |pid: &i32| world.sh(&format!("nsenter -t {pid} -n ip -o -4 addr show eth0 | awk '{{print $4}}'"));
    pids.iter().map(of).map(|ip| ip.trim().to_string()).collect()
}

fn pod_names(world: &World) -> BTreeSet<String> {
    world.micropod(&["get", "pods", "-o", "name"]).out.lines().map(String::from).collect()
}

#[test]
fn quien_pierde_un_pod_lo_repone_con_otro_nombre_y_otra_ip() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("web.ron", &replica_set(2, "exec sleep 4001"));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    wait_until("que haya dos Pods", 10, || pids_of(&world, "sleep 4001").len() == 2);
    let (pids, names) = (pids_of(&world, "sleep 4001"), pod_names(&world));
    let before = addresses(&world, &pids);
    assert_eq!(before.len(), 2, "cada Pod, su IP: {before:?}");
    let victim = names.first().unwrap().clone();
    world.micropod(&["delete", &victim]).ok();
    wait_until("que se reponga", 10, || {
        let now = pids_of(&world, "sleep 4001");
        now.len() == 2 && now != pids
    });
    let now = pod_names(&world);
    assert!(!now.contains(&victim), "el nombre no vuelve: {now:?}");
    assert_eq!(now.difference(&names).count(), 1);
    let after = addresses(&world, &pids_of(&world, "sleep 4001"));
    assert_eq!(after.difference(&before).count(), 1, "una IP nueva: {before:?} → {after:?}");
    // el plazo no es para sus Pods: se dice, no se calla
    let done = world.micropod(&["delete", "rs", "web", "--now"]).ok();
    assert!(done.err.contains("sus Pods acaban con el suyo"), "{}", done.err);
    assert!(pids_of(&world, "sleep 4001").is_empty());
    assert_eq!(pod_names(&world).len(), 0);
}

#[test]
fn otra_version_no_toca_a_los_que_hay_hasta_que_se_pide_reemplazarlos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let v1 = world.write("v1.ron", &replica_set(2, "exec sleep 4101"));
    let v2 = world.write("v2.ron", &replica_set(2, "exec sleep 4102"));
    world.micropod(&["run", "-d", v1.to_str().unwrap()]).ok();
    wait_until("que haya dos Pods", 10, || pids_of(&world, "sleep 4101").len() == 2);
    let names = pod_names(&world);
    let said = world.micropod(&["run", v2.to_str().unwrap()]).ok();
    assert_eq!(said.out, "replicaset/web configured\n");
    // el que se borre se repone con la versión nueva; el otro sigue siendo el de antes
    world.micropod(&["delete", names.first().unwrap()]).ok();
    wait_until("que nazca uno nuevo", 10, || pids_of(&world, "sleep 4102").len() == 1);
    assert_eq!(pids_of(&world, "sleep 4101").len(), 1);
    let watched = pids_of(&world, "sleep 4101");
    world.micropod(&["run", v2.to_str().unwrap(), "--reemplaza"]).ok();
    // mientras cambian, nunca hay menos de dos
    let deadline = Instant::now() + patience(15);
    while pids_of(&world, "sleep 4101") == watched {
        assert!(Instant::now() < deadline, "no se va el viejo");
        let (old, new) = (pids_of(&world, "sleep 4101").len(), pids_of(&world, "sleep 4102").len());
        assert!(old + new >= 2, "{old} de antes y {new} de ahora");
    }
    wait_until("que solo queden nuevos", 10, || {
        pids_of(&world, "sleep 4101").is_empty() && pids_of(&world, "sleep 4102").len() == 2
    });
    world.micropod(&["delete", "replicaset/web"]).ok();
}

/// Quién es cada Pod del ReplicaSet: su nombre, su UID y su IP.
fn identities(world: &World) -> Vec<[String; 3]> {
    let columns = "custom-columns=N:.metadata.name,U:.metadata.uid,I:.status.podIP";
    let listed = world.micropod(&["get", "pods", "--no-headers", "-o", columns]).ok().out;
    let one = |line: &str| -> [String; 3] {
        let cells: Vec<String> = line.split_whitespace().map(String::from).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("{cells:?}"))
    };
    listed.lines().map(one).collect()
}

#[test]
fn de_la_v1_a_la_v2_cada_pod_es_otro_y_se_cuenta_paso_a_paso() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let v1 = world.write("v1.ron", &replica_set(2, "exec sleep 4201"));
    let v2 = world.write("v2.ron", &replica_set(2, "exec sleep 4202"));
    let running = world.start(&["run", v1.to_str().unwrap()]);
    wait_until("que haya dos Pods", 15, || pids_of(&world, "sleep 4201").len() == 2);
    wait_until("que se vean", 15, || identities(&world).len() == 2);
    let before = identities(&world);
    world.micropod(&["run", v2.to_str().unwrap(), "--reemplaza"]).ok();
    wait_until("que solo queden nuevos", 30, || {
        pids_of(&world, "sleep 4201").is_empty() && pids_of(&world, "sleep 4202").len() == 2
    });
    let names = |pods: &[[String; 3]]| pods.iter().map(|[name, ..]| name.clone()).collect::<BTreeSet<_>>();
    wait_until("que se olviden los viejos", 15, || {
        let now = identities(&world);
        now.len() == 2 && names(&now).is_disjoint(&names(&before))
    });
    let after = identities(&world);
    for (i, what) in ["nombre", "UID", "IP"].iter().enumerate() {
        let all: BTreeSet<&String> = before.iter().chain(&after).map(|pod| &pod[i]).collect();
        assert_eq!(all.len(), 4, "ningún {what} se repite: {before:?} → {after:?}");
    }
    world.micropod(&["delete", "replicaset/web"]).ok();
    // quien lo mira lo lee en orden: nace uno del molde nuevo y, cuando está listo, se va uno de antes
    let told = running.wait().err;
    let steps = told.lines().skip_while(|line| !line.contains("desde ahora, 2 Pods del molde nuevo")).skip(1);
    let verb = |line: &str| {
        let (_, rest) = line.split_once("replicaset/web: ")?;
        let (verb, name) = rest.split_once(" el Pod ")?;
        Some((verb.to_string(), name.to_string()))
    };
    let steps: Vec<(String, String)> = steps.filter_map(verb).take(4).collect();
    let verbs: Vec<&str> = steps.iter().map(|(verb, _)| verb.as_str()).collect();
    assert_eq!(verbs, ["crea", "para", "crea", "para"], "{told}");
    for (verb, name) in &steps {
        let whose = if verb == "crea" { &after } else { &before };
        assert!(names(whose).contains(name), "{verb} {name}: {before:?} → {after:?}");
    }
}

#[test]
fn si_matan_a_quien_repone_sus_pods_acaban_y_no_queda_nada_suyo() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("web.ron", &replica_set(2, "exec sleep 4201"));
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    wait_until("que haya dos Pods", 10, || pids_of(&world, "sleep 4201").len() == 2);
    let record = world.read("/run/micropod/controladores/replicaset.web/record.json");
    let pid: i32 =
        record.split("\"supervisor\":{\"pid\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    world.kill("KILL", pid);
    wait_until("que acaben sus Pods", 10, || pids_of(&world, "sleep 4201").is_empty());
    world.micropod(&["get", "rs"]).ok();
    assert!(!world.path("/run/micropod/controladores/replicaset.web").exists());
    wait_until("que acaben sus supervisores", 10, || {
        !world.processes().iter().any(|(_, line)| line.contains("--dueno"))
    });
    world.micropod(&["gc"]).ok();
}

#[test]
fn un_job_crea_pods_hasta_que_aciertan_los_que_hacen_falta_y_no_deja_procesos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file =
        world.write("suma.ron", &job("suma", "completions: 3, parallelism: 2,", "Never", "echo $((20+22))"));
    let done = world.micropod(&["run", file.to_str().unwrap()]).ok();
    assert_eq!(done.out.lines().filter(|l| l.ends_with("│ 42")).count(), 3, "{}", done.out);
    let table = world.micropod(&["get", "jobs"]).ok().out;
    let cells: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().take(3).collect();
    assert_eq!(cells, ["suma", "Complete", "3/3"]);
    let pods = pod_names(&world);
    assert_eq!(pods.len(), 3, "sus fichas se quedan: {pods:?}");
    let logs = world.micropod(&["logs", pods.first().unwrap()]).ok().out;
    assert_eq!(logs, "42\n");
    world.micropod(&["delete", "job", "suma"]).ok();
    assert_eq!(pod_names(&world).len(), 0);
}

#[test]
fn un_job_que_falla_insiste_hasta_su_tope_y_sale_mal() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write("mal.ron", &job("mal", "backoffLimit: 2,", "Never", "echo no; exit 3"));
    let done = world.micropod(&["run", file.to_str().unwrap(), "--acelera", "100"]).exits(1);
    assert_eq!(
        done.out.lines().filter(|l| l.ends_with("│ no")).count(),
        3,
        "el primero y dos más: {}",
        done.out
    );
    // con OnFailure no hay Pods nuevos: el mismo se reinicia
    let file = world.write("igual.ron", &job("igual", "backoffLimit: 2,", "OnFailure", "echo no; exit 3"));
    world.micropod(&["run", file.to_str().unwrap(), "--acelera", "100"]).exits(1);
    let pods: Vec<String> = pod_names(&world).into_iter().filter(|n| n.starts_with("pod/igual-")).collect();
    assert_eq!(pods.len(), 1, "{pods:?}");
    world.micropod(&["delete", "job", "mal", "igual"]).ok();
}

#[test]
fn un_cronjob_crea_un_job_cada_vez_y_recuerda_los_ultimos() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let text = r#"CronJob(metadata: (name: "hora"), spec: (schedule: "@every 1s", successfulJobsHistoryLimit: 2,
        jobTemplate: (spec: (template: (spec: (restartPolicy: Never, containers: [
            (name: "c", image: "busybox", command: ["date", "+%s"])]))))))"#;
    let file = world.write("hora.ron", text);
    world.micropod(&["run", "-d", file.to_str().unwrap()]).ok();
    let jobs = || -> BTreeSet<String> {
        let out = world.micropod(&["get", "jobs", "--no-headers"]).ok().out;
        let complete = out.lines().filter(|l| l.contains("Complete"));
        complete.filter_map(|l| l.split_whitespace().next().map(String::from)).collect()
    };
    let mut seen = BTreeSet::new();
    wait_until("que haya hecho cuatro Jobs", 20, || {
        seen.extend(jobs());
        seen.len() >= 4
    });
    assert!(jobs().len() <= 2, "solo recuerda dos");
    world.micropod(&["delete", "cj", "hora"]).ok();
    assert_eq!(pod_names(&world).len(), 0, "con él se van sus Jobs y sus Pods");
}
