//! Cada comprobación falla cuando debe: se parte de unos hechos buenos y se estropea uno.

use super::*;
use crate::mountinfo::read as read_mounts;
use crate::security::capabilities::decide;
use std::collections::BTreeMap;

const MOUNTS: &str = "1 0 0:1 / / rw,nosuid,nodev - overlay o rw\n\
    2 1 0:2 / /proc rw,nosuid,nodev,noexec - proc p rw\n\
    3 2 0:2 /sys /proc/sys ro,nosuid - proc p rw\n\
    4 1 0:3 / /sys ro,nosuid - sysfs s rw\n\
    5 1 0:4 / /dev rw,nosuid - tmpfs t rw\n";

fn good() -> Facts {
    let status = [
        ("CapEff", "00000000000004fb"),
        ("CapBnd", "00000000000004fb"),
        ("CapInh", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("Groups", ""),
    ];
    let filter = crate::security::default_filter(decide(None, false).unwrap());
    Facts {
        status: status.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        mounts: read_mounts(MOUNTS),
        namespaces: NAMESPACES.map(|name| (name, (1, 2))).into(),
        filters: Some(vec![filter]),
        devices: vec![("null".into(), false)],
        things: BTreeMap::from([("/proc/sys/kernel/core_pattern", Thing::File)]),
        cwd_inside: true,
        pids_max: Some("512\n".into()),
        ..Facts::default()
    }
}

fn failed(facts: &Facts) -> Vec<String> {
    check(facts)
        .into_iter()
        .filter(|c| c.met != Some(true))
        .map(|c| format!("{}: {}", c.group, c.name))
        .collect()
}

#[test]
fn unos_hechos_buenos_lo_cumplen_todo() {
    assert_eq!(check(&good()).len(), 108);
    assert_eq!(failed(&good()), Vec::<String>::new());
}

#[track_caller]
fn only(spoil: impl Fn(&mut Facts), expected: &[&str]) {
    let mut facts = good();
    spoil(&mut facts);
    assert_eq!(failed(&facts), expected);
}

#[test]
fn cada_hecho_malo_se_nota_y_solo_el() {
    let set = |field: &'static str, value: &'static str| {
        move |f: &mut Facts| {
            f.status.insert(field.into(), value.into());
        }
    };
    only(set("NoNewPrivs", "0"), &["privilegios: no puede ganar privilegios"]);
    only(set("CapInh", "0000000000000001"), &["privilegios: ninguna heredable"]);
    only(set("CapAmb", "0000000000000001"), &["privilegios: ninguna ambiental"]);
    only(set("Groups", "0 27"), &["privilegios: ningún grupo de más"]);
    only(set("CapBnd", "000001ffffffffff"), &["privilegios: tope: ninguna que Docker no dé"]);
    only(
        set("CapEff", "00000000000024fb"),
        &[
            "privilegios: efectivas: ninguna que podman no dé",
            "privilegios: ni NET_RAW ni MKNOD",
            "llamadas: se niega socket (en crudo)",
        ],
    );
    only(
        |f| {
            f.namespaces = [("net", (2, 2))]
                .into_iter()
                .chain(good().namespaces.into_iter().filter(|(n, _)| *n != "net"))
                .collect()
        },
        &["espacios: es propio el de net"],
    );
    only(
        |f| f.devices.push(("sda".into(), true)),
        &["dispositivos: solo los de siempre", "dispositivos: ninguno de bloques"],
    );
    only(
        |f| f.foreign_files.push("9 → /etc/shadow".into()),
        &["proceso: ningún fichero abierto de fuera (9 → /etc/shadow)"],
    );
    only(|f| f.cwd_inside = false, &["proceso: el directorio actual está dentro"]);
    only(|f| f.pids_max = Some("max\n".into()), &["proceso: el Pod tiene tope de procesos"]);
    only(|f| f.pids_max = None, &["proceso: el Pod tiene tope de procesos"]);
    only(
        |f| {
            f.things.insert("/proc/keys", Thing::File);
            // esta la guarda el kernel: sin SYS_RAWIO no se abre
            f.things.insert("/proc/kcore", Thing::File);
        },
        &["tapado: está tapado /proc/keys"],
    );
    only(
        |f| {
            f.things.insert("/sys/firmware", Thing::FullDir);
        },
        &["tapado: está tapado /sys/firmware"],
    );
}

#[test]
fn un_montaje_cambiado_se_nota() {
    let with = |from: &'static str, to: &'static str| {
        move |f: &mut Facts| {
            assert!(MOUNTS.contains(from));
            f.mounts = read_mounts(&MOUNTS.replace(from, to));
        }
    };
    only(
        with("/proc/sys ro,", "/proc/sys rw,"),
        &["escrituras: está protegido /proc/sys/kernel/core_pattern"],
    );
    only(with("/sys ro,nosuid - sysfs", "/sys rw,nosuid - sysfs"), &["montajes: /sys en solo lectura"]);
    only(
        with("rw,nosuid,nodev - overlay", "rw,nosuid shared:1 - overlay"),
        &["montajes: ninguno se propaga", "montajes: la raíz, sin dispositivos"],
    );
    only(with("nodev,noexec", "nodev"), &["montajes: /proc sin setuid, dispositivos ni programas"]);
    only(with("- tmpfs", "- devtmpfs"), &["montajes: /dev es suyo"]);
    only(
        with("5 1 0:4 /", "6 1 0:9 /c /casa rw - ext4 d rw\n5 1 0:4 /"),
        &["montajes: nada del disco del anfitrión"],
    );
}

#[test]
fn sin_filtro_pasan_todas_las_llamadas_y_si_no_se_puede_leer_no_se_sabe() {
    let mut facts = good();
    facts.filters = Some(Vec::new());
    facts.status.insert("Seccomp".into(), "0".into());
    // la de NET_RAW no es cosa del filtro
    assert_eq!(failed(&facts).iter().filter(|l| l.starts_with("llamadas")).count(), 44);
    let mut facts = good();
    facts.filters = None;
    let unknown = check(&facts).into_iter().filter(|c| c.met.is_none()).count();
    assert_eq!(unknown, if Arch::HERE == Arch::X86_64 { 43 } else { 41 });
}
