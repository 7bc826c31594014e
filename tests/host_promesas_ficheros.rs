//! Promesas C: lo que un contenedor ve, y lo que puede tocar, del sistema de ficheros.

mod aislamiento;
mod common;

use aislamiento::{Probe, down, exec, here, image_root, inpod, pid_of, plant_probe, pod, refuse, up};
use common::{World, is_root, wait_until};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// Un directorio del anfitrión que nadie de dentro debe tocar.
struct Victim {
    dir: PathBuf,
}

impl Victim {
    fn new(world: &World) -> Victim {
        let file = world.write("victima/v", "a salvo");
        Victim { dir: file.parent().unwrap().to_path_buf() }
    }

    #[track_caller]
    fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(&self.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["v"], "han creado algo en el anfitrión");
        assert_eq!(fs::read_to_string(self.dir.join("v")).unwrap(), "a salvo");
    }
}

/// Pone en la imagen un enlace simbólico en lugar de lo que hubiera.
fn plant_link(root: &Path, path: &str, target: impl AsRef<Path>) {
    let place = root.join(path);
    let _ = fs::remove_dir_all(&place);
    let _ = fs::remove_file(&place);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    symlink(target, place).unwrap();
}

/// Los montajes de un proceso del mundo: punto, raíz, opciones, y si se propaga.
fn mounts(world: &World, pid: i32) -> Vec<(String, String, String, bool)> {
    let text = world.read(&format!("/proc/{pid}/mountinfo"));
    let one = |line: &str| {
        let field = |n: usize| line.split(' ').nth(n).unwrap_or_default().to_string();
        (field(4), field(3), field(5), line.contains(" shared:") || line.contains(" master:"))
    };
    text.lines().map(one).collect()
}

#[test]
fn c1_ningun_montaje_se_propaga_y_ni_la_raiz_ni_los_volumenes_admiten_dispositivos_ni_setuid() {
    if !is_root() {
        return;
    }
    let world = World::with_busybox();
    world.write("casa/x", "");
    let volumes = "volumes: [(name: \"v\"), (name: \"m\", emptyDir: (medium: Memory)), \
                   (name: \"h\", hostPath: (path: \"casa\"))],";
    let fields = "volumeMounts: [(name: \"v\", mountPath: \"/v\"), (name: \"m\", mountPath: \"/m\"), \
                  (name: \"h\", mountPath: \"/h\")]";
    up(&world, "c1", volumes, fields, "exec sleep 3301");
    let all = mounts(&world, pid_of(&world, "sleep 3301"));
    for (point, _, options, propagates) in &all {
        assert!(!propagates, "{point} se propaga");
        let has = |option: &str| options.split(',').any(|o| o == option);
        assert!(has("nosuid"), "{point}: {options}");
        // /dev y lo que se tapa con su /dev/null necesitan dispositivos
        let devices = point == "/dev" || point == "/dev/pts" || point.starts_with("/proc/");
        assert!(devices || has("nodev"), "{point}: {options}");
    }
    for point in ["/", "/v", "/m", "/h", "/proc", "/sys", "/dev/shm", "/dev/mqueue", "/etc/hosts"] {
        assert!(all.iter().any(|m| m.0 == point), "falta {point}");
    }
    down(&world, "c1");
}

#[test]
fn c2_lo_tapado_esta_vacio_y_no_se_puede_destapar() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let line = "for p in /proc/kcore /proc/keys /proc/timer_list /proc/kallsyms /proc/interrupts; do
            [ ! -e $p ] || { head -c 10 $p | wc -c; umount $p 2>/dev/null && echo destapado $p; }
        done
        for d in /sys/firmware /proc/acpi /proc/scsi /sys/dev/block /sys/kernel/debug /sys/kernel/security; do
            [ ! -d $d ] || ls -A $d
            touch $d/x 2>/dev/null && echo escrito $d
            umount $d 2>/dev/null && echo destapado $d
        done
        true";
    let (code, said) = inpod(&world, "", "", line);
    assert_eq!(code, 0, "{said}");
    assert!(!said.is_empty() && said.lines().all(|line| line == "0"), "{said}");
}

#[test]
fn c3_los_ajustes_de_la_maquina_no_se_pueden_cambiar() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let before = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let line = "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/net/ipv4/ip_forward \
                /proc/irq/default_smp_affinity /sys/kernel/mm/transparent_hugepage/enabled; do
            [ ! -e $f ] || echo h 2>&1 >$f | grep -o 'Read-only file system' || echo otra cosa en $f
        done";
    // la redirección fallida la cuenta la shell
    let line = line.replace("echo h 2>&1 >$f", "{ (echo h >$f) 2>&1; }");
    let (_, said) = inpod(&world, "", "", &line);
    assert!(said.lines().count() >= 4 && said.lines().all(|l| l == "Read-only file system"), "{said}");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap(), before);
}

#[test]
fn c4_dev_es_nuestro_con_los_dispositivos_de_siempre() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    // los de la imagen no cuentan: aquí hay uno que no debe verse
    fs::create_dir_all(image_root(&world).join("dev")).unwrap();
    fs::write(image_root(&world).join("dev/de-la-imagen"), "").unwrap();
    up(&world, "c4", "", "", "exec sleep 3304");
    let dev = world.path(&format!("/proc/{}/root/dev", pid_of(&world, "sleep 3304")));
    let mut found = Vec::new();
    for entry in fs::read_dir(&dev).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let data = fs::symlink_metadata(entry.path()).unwrap();
        assert!(!data.file_type().is_block_device(), "{name}");
        if data.file_type().is_char_device() {
            let (major, minor) = (nix::sys::stat::major(data.rdev()), nix::sys::stat::minor(data.rdev()));
            found.push(format!("{name} {major}:{minor} {:o}", data.mode() & 0o7777));
        }
        assert_ne!(name, "de-la-imagen");
    }
    found.sort();
    let expected =
        ["full 1:7 666", "null 1:3 666", "random 1:8 666", "tty 5:0 666", "urandom 1:9 666", "zero 1:5 666"];
    assert_eq!(found, expected);
    assert_eq!(fs::read_link(dev.join("ptmx")).unwrap(), Path::new("pts/ptmx"));
    down(&world, "c4");
}

#[test]
fn c7_si_la_imagen_trae_enlaces_en_lugar_de_directorios_no_se_sale_de_ella() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = Victim::new(&world);
    let root = image_root(&world);
    for path in ["proc", "sys", "dev"] {
        for target in [victim.dir.as_path(), Path::new("/"), Path::new("../../../../../../..")] {
            plant_link(&root, path, target);
            let (code, said) = inpod(&world, "", "", "true");
            assert_eq!(code, 125, "/{path} → {}: {said}", target.display());
            assert!(said.contains(&format!("/{path}")), "el error dice cuál: {said}");
        }
        fs::remove_file(root.join(path)).unwrap();
    }
    for path in ["etc", "tmp"] {
        let saved = root.join(format!("{path}.buena"));
        fs::rename(root.join(path), &saved).unwrap();
        plant_link(&root, path, &victim.dir);
        // dentro, ese enlace lleva a un sitio de la propia imagen, que se crea si falta
        let (code, said) = inpod(&world, "", "", "true");
        assert_eq!(code, 0, "/{path}: {said}");
        victim.assert_untouched();
        fs::remove_file(root.join(path)).unwrap();
        fs::rename(saved, root.join(path)).unwrap();
    }
    victim.assert_untouched();
}

#[test]
fn c8_los_ficheros_que_se_escriben_en_etc_no_siguen_enlaces_hacia_fuera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = Victim::new(&world);
    let root = image_root(&world);
    let climb = format!("../../../../../../../..{}/v", victim.dir.display());
    for name in ["hosts", "hostname", "resolv.conf"] {
        for target in [victim.dir.join("v").as_path(), Path::new(&climb)] {
            plant_link(&root, &format!("etc/{name}"), target);
            let (code, said) =
                inpod(&world, "", "", &format!("echo 1.2.3.4 mio >>/etc/{name}; cat /etc/{name}"));
            assert_eq!(code, 0, "{name}: {said}");
            assert!(said.contains("mio"), "{name}: {said}");
            victim.assert_untouched();
        }
        // y si lleva a lo que da el kernel, se dice
        for target in ["/proc/sysrq-trigger", "/dev/null", "/proc/1/cwd/x"] {
            plant_link(&root, &format!("etc/{name}"), target);
            let (code, said) = inpod(&world, "", "", "true");
            assert_eq!(code, 125, "{name} → {target}: {said}");
        }
        fs::remove_file(root.join("etc").join(name)).unwrap();
    }
}

#[test]
fn c9_un_volumen_montado_a_traves_de_un_enlace_de_la_imagen_se_queda_dentro() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = Victim::new(&world);
    let root = image_root(&world);
    plant_link(&root, "enlace", &victim.dir);
    let volume = "volumes: [(name: \"e\")],";
    let mount = |path: &str| format!("volumeMounts: [(name: \"e\", mountPath: \"{path}\")]");
    let (code, said) = inpod(&world, volume, &mount("/enlace/x"), "touch /enlace/x/y; ls /enlace/x");
    assert_eq!((code, said.trim()), (0, "y"));
    victim.assert_untouched();
    // hacia lo que monta micropod, no: con otro /dev/null se taparía con lo que quisiera el volumen
    for target in ["/dev", "/proc", "/sys/kernel", "/", "dev/../proc"] {
        plant_link(&root, "enlace", target);
        let (code, said) = inpod(&world, volume, &mount("/enlace"), "true");
        assert_eq!(code, 125, "{target}: {said}");
        assert!(said.contains("enlace"), "{said}");
    }
    let outside = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!outside.contains("victima"), "ha quedado un montaje fuera");
}

#[test]
fn c11_solo_lectura_es_todo_lo_que_cuelga_tambien() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    fs::create_dir_all(world.dir().join("vol/dentro")).unwrap();
    let dir = world.dir().join("vol/dentro");
    world.sh(&format!("mount -t tmpfs t {}", dir.display()));
    let volume = "volumes: [(name: \"h\", hostPath: (path: \"vol\"))],";
    let mount = |ro: bool| format!("volumeMounts: [(name: \"h\", mountPath: \"/d\", readOnly: {ro})]");
    let line = "touch /d/a && echo a; touch /d/dentro/a && echo b; true";
    let (_, said) = inpod(&world, volume, &mount(true), line);
    assert_eq!(said.matches("Read-only file system").count(), 2, "{said}");
    let (_, said) = inpod(&world, volume, &mount(false), line);
    assert_eq!(said, "a\nb\n", "sin readOnly se escribe en los dos");
    world.sh(&format!("umount {}", dir.display()));
}

#[test]
fn c12_los_montajes_no_pasan_ni_hacia_fuera_ni_hacia_dentro() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let shared = world.dir().join("vol");
    fs::create_dir_all(shared.join("luego")).unwrap();
    world.sh(&format!("mount --bind {0} {0}; mount --make-shared {0}", shared.display()));
    let before = fs::read_to_string(world.path("/proc/1/mountinfo")).unwrap();
    let volume = "volumes: [(name: \"h\", hostPath: (path: \"vol\"))],";
    up(&world, "c12", volume, "volumeMounts: [(name: \"h\", mountPath: \"/d\")]", "exec sleep 3312");
    let pid = pid_of(&world, "sleep 3312");
    assert!(mounts(&world, pid).iter().all(|m| !m.3), "algo se propaga");
    let while_running = fs::read_to_string(world.path("/proc/1/mountinfo")).unwrap();
    assert_eq!(before, while_running, "el Pod ha cambiado los montajes del anfitrión");
    // lo que el anfitrión monte después en ese volumen no aparece dentro
    world.sh(&format!("mount -t tmpfs t {}/luego; touch {0}/luego/nuevo", shared.display()));
    assert_eq!(exec(&world, "c12", "ls /d/luego").ok().out, "");
    world.sh(&format!("umount {}/luego", shared.display()));
    down(&world, "c12");
    world.sh(&format!("umount {}", shared.display()));
}

#[test]
fn c13_el_directorio_de_trabajo_no_puede_estar_fuera() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    plant_probe(&world);
    let victim = Victim::new(&world);
    plant_link(&image_root(&world), "enlace", "/proc/self/fd");
    // abierto en quien lo lanza: si llegara al contenedor, sería una puerta
    let run = |cwd: &str| {
        let text = pod("c13", "", &format!("workingDir: \"{cwd}\""), "exec sonda");
        let file = world.write("c13.ron", &text);
        let binary = common::binary();
        let line = format!("exec {} run {} 9<{}", binary.display(), file.display(), victim.dir.display());
        let done = common::run(world.command("sh").args(["-c", &line]));
        let said = world.micropod(&["logs", "c13"]).out;
        world.micropod(&["delete", "pod", "c13"]);
        (done.code, said)
    };
    for number in 3..24 {
        let (code, _) = run(&format!("/proc/self/fd/{number}/creado"));
        assert_ne!(code, 0, "/proc/self/fd/{number}");
        victim.assert_untouched();
    }
    for cwd in ["/enlace/9/creado", "/proc/1/cwd/x", "/proc/self/root/../..", "/proc/self/exe"] {
        let (code, said) = run(cwd);
        assert!(code != 0 || Probe::read(&said).all("cwd").all(|l| l.starts_with('/')), "{cwd}: {said}");
        victim.assert_untouched();
    }
    let (code, said) = run("/no/existe/todavia");
    assert_eq!(code, 0, "el que falta se crea: {said}");
    assert!(Probe::read(&said).all("cwd").eq(["/no/existe/todavia"]));
}

#[test]
fn c15_un_volumen_de_memoria_tiene_tope() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let volume = "volumes: [(name: \"m\", emptyDir: (medium: Memory, sizeLimit: \"8Mi\"))],";
    let mount = "volumeMounts: [(name: \"m\", mountPath: \"/d\")]";
    let line =
        "dd if=/dev/zero of=/d/x bs=1M count=64 2>&1 | grep -o 'No space left on device'; stat -c %s /d/x";
    let (_, said) = inpod(&world, volume, mount, line);
    assert_eq!(said, "No space left on device\n8388608\n");
}

#[test]
fn c16_lo_que_guarda_micropod_no_lo_lee_ni_lo_escribe_otro_usuario() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let file = world.write(
        "c16.ron",
        &pod(
            "c16",
            "volumes: [(name: \"v\")],",
            "volumeMounts: [(name: \"v\", mountPath: \"/v\")]",
            "exec sleep 3316",
        ),
    );
    world.sh(&format!("umask 000; {} run -d {}", common::binary().display(), file.display()));
    pid_of(&world, "sleep 3316");
    // lo que ve un usuario cualquiera: ni el estado, ni los logs, ni los volúmenes, ni lo que lleva una imagen
    // por dentro (qué imágenes hay, sí); y no puede escribir en nada
    let script = "for d in /run/micropod /var/log/micropod; do ls $d; find $d -readable; done 2>/dev/null
        find /var/lib/micropod -readable \\( -path '*/pods/*' -o -path '*/rootfs*' \\) 2>/dev/null
        find /run/micropod /var/log/micropod /var/lib/micropod -writable 2>/dev/null; true";
    assert_eq!(common::run(world.command_as_nobody("sh").args(["-c", script])).ok().out, "");
    assert!(world.sh("find /var/lib/micropod/pods -name v").contains("/v"), "el volumen está");
    // y por dentro tampoco, por si alguien abriera la puerta
    for dir in ["/run/micropod", "/var/log/micropod"] {
        assert_private(&world.path(dir));
    }
    down(&world, "c16");
}

/// Nadie más que su dueño puede nada en este árbol.
#[track_caller]
fn assert_private(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let data = fs::symlink_metadata(entry.path()).unwrap();
        assert_eq!(data.mode() & 0o077, 0, "{} {:o}", entry.path().display(), data.mode());
        if data.is_dir() {
            assert_private(&entry.path());
        }
    }
}

#[test]
fn c17_la_raiz_en_solo_lectura_lo_es_y_los_volumenes_no() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let volume = "volumes: [(name: \"v\")],";
    let fields =
        "securityContext: (readOnlyRootFilesystem: true), volumeMounts: [(name: \"v\", mountPath: \"/d\")]";
    let line = "for f in /x /tmp/x /etc/x /d/x; do touch $f 2>/dev/null && echo $f; done; echo >/dev/null && echo fin";
    assert_eq!(inpod(&world, volume, fields, line), (0, "/d/x\nfin\n".into()));
}

#[test]
fn c18_la_memoria_compartida_es_del_pod_y_tiene_tope() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let line = "dd if=/dev/zero of=/dev/shm/x bs=1M count=80 2>&1 | grep -o 'No space left'; exec sleep 3318";
    up(&world, "c18", "", "", line);
    let pid = pid_of(&world, "sleep 3318");
    let size = fs::metadata(world.path(&format!("/proc/{pid}/root/dev/shm/x"))).unwrap().len();
    assert_eq!(size, 64 * 1024 * 1024);
    assert_eq!(inpod(&world, "", "", "ls /dev/shm"), (0, String::new()));
    down(&world, "c18");
}

#[test]
fn c19_borrar_un_pod_no_sigue_ningun_enlace() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    let victim = Victim::new(&world);
    let line = format!(
        "cd /d; ln -s / r; ln -s {0} y; ln -s {0}/v z; mkdir -p a/b; ln -s ../../../../../../../.. a/b/c; \
         cd /; ln -s {0} /enlace; mkdir /tmp/h; ln -s {0} /tmp/h/i; exec sleep 3319",
        victim.dir.display()
    );
    up(&world, "c19", "volumes: [(name: \"v\")],", "volumeMounts: [(name: \"v\", mountPath: \"/d\")]", &line);
    pid_of(&world, "sleep 3319");
    assert_eq!(fs::read_dir(world.path("/var/lib/micropod/pods")).unwrap().count(), 1);
    down(&world, "c19");
    victim.assert_untouched();
    wait_until("que se borren sus datos", 5, || {
        fs::read_dir(world.path("/var/lib/micropod/pods")).unwrap().count() == 0
    });
}

#[test]
fn c21_los_sitios_reservados_no_admiten_volumenes() {
    if !here() {
        return;
    }
    let world = World::with_busybox();
    for path in [
        "/",
        "/proc",
        "/proc/self",
        "/sys",
        "/sys/fs/cgroup",
        "/dev",
        "/dev/null",
        "/dev/pts",
        "relativo",
        "",
        "/a/../..",
        "//",
        "/./proc",
        "/proc/../proc",
    ] {
        let mount = format!("volumeMounts: [(name: \"v\", mountPath: \"{path}\")]");
        let said = refuse(&world, &pod("c21", "volumes: [(name: \"v\")],", &mount, "true"));
        assert!(said.contains("mountPath"), "{path}: {said}");
    }
    // más memoria compartida sí se puede pedir
    let volume = "volumes: [(name: \"v\", emptyDir: (medium: Memory))],";
    let mount = "volumeMounts: [(name: \"v\", mountPath: \"/dev/shm\")]";
    let line = "dd if=/dev/zero of=/dev/shm/x bs=1M count=80 2>/dev/null; stat -c %s /dev/shm/x";
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let available = memory.lines().find_map(|l| l.strip_prefix("MemAvailable:")).unwrap();
    let kib: u64 = available.split_whitespace().next().unwrap().parse().unwrap();
    if kib > 1_000_000 {
        assert_eq!(inpod(&world, volume, mount, line), (0, "83886080\n".into()));
    }
}
