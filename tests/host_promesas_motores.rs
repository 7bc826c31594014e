//! K4 y K5: con otro motor se promete lo mismo, y un motor que miente no engaña a nadie.

mod common;

use common::{Done, World, is_root, wait_until};
use std::os::unix::fs::PermissionsExt;

fn pod(world: &World, name: &str, line: &str) -> String {
    pod_with(world, name, line, "")
}

fn pod_with(world: &World, name: &str, line: &str, security: &str) -> String {
    let container = format!(
        "(name: \"c\", image: \"busybox\", command: [\"/bin/sh\", \"-c\", r#\"{line}\"#], \
         securityContext: ({security} runAsUser: 1000, runAsGroup: 1001))"
    );
    let text =
        format!("Pod(metadata: (name: \"{name}\"), spec: (restartPolicy: Never, containers: [{container}]))");
    world.write(&format!("{name}.ron"), &text).to_str().unwrap().to_string()
}

fn delete(world: &World, name: &str) {
    world.micropod(&["delete", "pod", name, "--grace-period=1"]).ok();
}

// ── K4 ──

#[test]
fn k4_las_comprobaciones_de_audita_salen_igual_con_cualquier_motor() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    let runtimes = world.runtimes();
    let file = pod(&world, "igual", "exec sleep 3201");
    let audit = |engine: &str| {
        world.micropod(&["run", "-d", "--runtime", engine, &file]).ok();
        // hasta que ejecuta su programa, el proceso es todavía del motor, con ficheros suyos abiertos
        let runs = || world.processes().into_iter().any(|(_, line)| line == "sleep 3201");
        wait_until("que corra su programa", 10, runs);
        let said = world.micropod(&["audita", "igual", "--todo"]).ok().out;
        delete(&world, "igual");
        // la primera línea dice el número del proceso y lo que ocupa el filtro, que cada uno compila
        said.lines().skip(1).map(String::from).collect::<Vec<_>>()
    };
    let ours = audit("native");
    assert!(ours.len() > 100, "{ours:?}");
    assert!(!ours.iter().any(|line| line.contains("  NO  la raíz")), "{ours:?}");
    for engine in &runtimes[1..] {
        assert_eq!(audit(engine), ours, "{engine}");
    }
    // el mismo fichero, con otro Pod: sin no_new_privs el filtro se pone antes de soltar los privilegios
    pod_with(&world, "igual", "exec sleep 3201", "allowPrivilegeEscalation: true,");
    let ours = audit("native");
    assert!(ours.iter().any(|line| line.contains("NO  no puede ganar privilegios")), "{ours:?}");
    for engine in runtimes.iter().filter(|engine| ["runc", "crun", "youki"].contains(engine)) {
        assert_eq!(audit(engine), ours, "{engine}");
    }
}

/// Los privilegios de un proceso, contados por él mismo.
const SELF: &str = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; cat /proc/self/oom_score_adj; \
     echo ficheros $(ulimit -n); umask; pwd; env | grep -v -E '^(SHLVL|_)=' | sort; readlink /proc/self/ns/mnt; readlink /proc/self/ns/pid";

#[test]
fn k4_un_exec_tiene_los_privilegios_del_pid_1_y_son_los_mismos_con_cualquier_motor() {
    if !is_root() {
        return;
    }
    let mut world = World::with_busybox();
    let runtimes = world.runtimes();
    let file = pod(&world, "dentro", &format!("({SELF}) >/tmp/uno; exec sleep 3202"));
    let see = |engine: &str| {
        world.micropod(&["run", "-d", "--runtime", engine, &file]).ok();
        let exec = |line: &str| world.micropod(&["exec", "dentro", "--", "/bin/sh", "-c", line]).ok().out;
        wait_until("que corra su programa", 10, || exec("ps").contains("sleep 3202"));
        // podman apunta entre los demás grupos el primero, y en un exec no: no da nada que no tenga ya
        let same = |text: String| {
            if engine == "podman" { text.replace("Groups:\t1001 ", "Groups:\t ") } else { text }
        };
        let (first, second) = (same(exec("cat /tmp/uno")), same(exec(SELF)));
        // y su conmon, donde puede bajarlo, deja en 0 a quién matar antes a los que entran
        let second = if engine == "podman" { second.replacen("\n0\n", "\n1000\n", 1) } else { second };
        delete(&world, "dentro");
        assert!(first.contains("Uid:\t1000") && first.contains("pid:["), "{engine}: {first}");
        // (También cuando lo llaman podman, containerd o docker.) El runc de Debian 12 pone el tope de ficheros de un `exec` en carrera con su propio arranque, que sube el
        // flojo hasta el duro: unas veces sale uno y otras el otro. El de su PID 1 sí se compara.
        let with_runc = ["runc", "podman", "containerd", "docker"].contains(&engine);
        let same = |told: &str| {
            let lines = told.lines().filter(|line| !with_runc || !line.starts_with("ficheros "));
            lines.map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(same(&first), same(&second), "{engine}: un exec no es como su PID 1");
        // los espacios de nombres son otros en cada Pod
        first.lines().filter(|line| !line.contains(":[")).map(String::from).collect::<Vec<_>>()
    };
    let ours = see("native");
    for engine in &runtimes[1..] {
        assert_eq!(see(engine), ours, "{engine}");
    }
}

// ── K5 ──

/// Pone en el lugar de runc, y solo en este mundo, un guion que al crear hace `create`.
fn fake_runc(world: &World, create: &str) {
    let script = format!(
        r#"#!/bin/sh
for word; do
    case $word in create|start|kill|delete|exec) verb=$word ;; esac
    [ "$before" = --pid-file ] && pid_file=$word
    [ "$before" = --log ] && log=$word
    before=$word
done
[ "$verb" = create ] || exit 0
{create}
"#
    );
    let path = world.write("runc", &script);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    world.sh(&format!("mount --bind {} $(command -v runc)", path.display()));
}

fn real_runc(world: &World) {
    world.sh("umount $(command -v runc)");
}

fn sleepers(world: &World, text: &str) -> usize {
    world.processes().iter().filter(|(_, line)| line.contains(text)).count()
}

/// El Pod falla, se dice quién miente y cómo, y no queda nada.
fn caught(create: &str, said: &str) -> Done {
    let world = World::with_busybox();
    let file = pod(&world, "creido", "exec sleep 3203");
    fake_runc(&world, create);
    let done = world.micropod(&["run", "--runtime", "runc", &file]).exits(125);
    assert!(done.err.contains("runc") && done.err.contains(said), "«{said}» no está en:\n{}", done.err);
    assert!(!done.err.contains("panicked"), "{}", done.err);
    delete(&world, "creido");
    real_runc(&world);
    world.assert_clean();
    done
}

#[test]
fn k5_un_motor_que_dice_que_lo_ha_hecho_y_no_es_verdad_no_engana() {
    if !is_root() {
        return;
    }
    caught("exit 0", "no dejó apuntado qué proceso es");
}

#[test]
fn k5_el_numero_de_otro_proceso_no_se_toma_por_el_contenedor() {
    if !is_root() {
        return;
    }
    // el PID 1 de la máquina (el del mundo): si se le tomara por el contenedor, al borrar el Pod moriría
    caught("echo 1 >$pid_file", "el proceso que apuntó no lo ha creado él");
    // uno que sí ha creado, pero que no está encerrado
    let free = "setsid sleep 3204 </dev/null >/dev/null 2>&1 & echo $! >$pid_file";
    let done = caught(free, "no está en el grupo de control del contenedor");
    assert!(done.err.contains("según runc es el contenedor c"), "{}", done.err);
}

/// El kernel saca a quien acaba de `cgroup.procs` un momento antes de darlo por muerto. Aquí ese momento se alarga:
/// el contenedor no está en su grupo, y acaba enseguida.
#[test]
fn k5_a_quien_acaba_mientras_se_comprueba_no_se_le_toma_por_otro() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = pod(&world, "fugaz", "exec sleep 3208");
    fake_runc(&world, "(sleep 0.3; exit 5) </dev/null >/dev/null 2>&1 & echo $! >$pid_file");
    world.micropod(&["run", "--runtime", "runc", &file]).exits(5);
    delete(&world, "fugaz");
    real_runc(&world);
    world.assert_clean();
}

#[test]
fn k5_lo_que_escribe_un_motor_puede_ser_cualquier_cosa() {
    if !is_root() {
        return;
    }
    let noise = "head -c 300000 /dev/urandom >$pid_file; head -c 300000 /dev/urandom; head -c 300000 /dev/urandom >&2";
    caught(noise, "lo que apuntó no es el número de un proceso");
    for number in ["-1", "0", "99999999999999999999", "4194305"] {
        let said = if number.len() > 10 { "no es el número de un proceso" } else { "no lo ha creado él" };
        caught(&format!("echo {number} >$pid_file"), said);
    }
    let log = "head -c 3000000 /dev/urandom >$log; exit 1";
    caught(log, "runc no ha dicho por qué");
}

#[test]
fn k5_un_motor_que_no_acaba_tiene_un_plazo() {
    if !is_root() {
        return;
    }
    caught("sleep 3205", "no acabó en 30 s, y se le ha matado");
}

#[test]
fn k5_mientras_un_motor_no_acaba_el_pod_se_puede_borrar_y_no_queda_nada() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    let file = pod(&world, "colgado", "exec sleep 3206");
    fake_runc(&world, "sleep 3207");
    let run = world.start(&["run", "--runtime", "runc", &file]);
    wait_until("que el motor se cuelgue", 10, || sleepers(&world, "sleep 3207") > 0);
    run.signal("TERM");
    run.wait();
    assert_eq!(sleepers(&world, "sleep 3207"), 0, "{:?}", world.processes());
    delete(&world, "colgado");
    real_runc(&world);
    world.assert_clean();
}
