//! Cada frase, con un Pod en el que es verdad y otro en el que no.

use super::limits::Asked;
use super::*;
use crate::explain::facts::{Cgroup, Process, Role};
use crate::explain::inside::Inside;
use crate::explain::mounts::{Mounted, Root, Volume};
use crate::explain::net::{Bridge, Cable, Network};
use crate::explain::prove::Verdict;
use crate::network::look::{Address, Link, View};
use std::net::Ipv4Addr;

/// Un Pod con dos contenedores que comparten un volumen, como debe ser.
fn good() -> Facts {
    let address = Address { link: 2, ip: Ipv4Addr::new(10, 244, 0, 2), prefix: 16 };
    let view = View { addresses: vec![address], ..View::default() };
    let member = |name: &str, role, n: u64| Member {
        name: name.into(),
        role,
        pid: 100 + n as i32,
        namespaces: [
            ("net", 1),
            ("ipc", 2),
            ("uts", 3),
            ("pid", 40 + n),
            ("mnt", 50 + n),
            ("cgroup", 60 + n),
        ]
        .into(),
        processes: vec![Process { pid: 100 + n as i32, inner: 1, name: "sh".into() }],
        root: Root { fstype: "overlay".into(), dies_with_pod: true, ..Root::default() },
        mounts: vec![Mounted {
            volume: "datos".into(),
            path: format!("/en-{name}"),
            device: 7,
            inode: 8,
            original: Some((7, 8)),
            ..Mounted::default()
        }],
        cgroup: Some(Cgroup { path: format!("/cg/pod/{name}").into(), ..Cgroup::default() }),
        inside: Inside { hostname: "pod".into(), view: view.clone() },
        shm: Some((9, 1)),
    };
    let mut pause = member("la pausa", Role::Pause, 0);
    pause.mounts.clear();
    let link = |name: &str| Link { index: 5, name: name.into(), ..Link::default() };
    let bridge = Some(Bridge { link: link("micropod0"), ..Bridge::default() });
    Facts {
        pod: "pod".into(),
        members: vec![pause, member("uno", Role::App, 1), member("dos", Role::App, 2)],
        cgroup: Some(Cgroup { path: "/cg/pod".into(), ..Cgroup::default() }),
        network: Some(Network { cable: Some(Cable { veth: link("mp1"), bridge }), ..Network::default() }),
        volumes: vec![Volume { name: "datos".into(), device: 7, inode: 8, ..Volume::default() }],
        host: crate::explain::facts::Host {
            namespaces: [("net", 91), ("ipc", 92), ("uts", 93), ("pid", 94), ("mnt", 95), ("cgroup", 96)]
                .into(),
            ..Default::default()
        },
        ..Facts::default()
    }
}

/// Las frases que el kernel refuta.
fn refuted(facts: &Facts) -> Vec<String> {
    let all = [of_the_source(facts), of_micropod(facts, &[])].concat();
    all.into_iter().filter(|s| s.verdict == Verdict::Refuted).map(|s| s.text).collect()
}

/// Falla si estropear así el Pod no refuta justo eso.
#[track_caller]
fn breaks(spoil: impl FnOnce(&mut Facts), expected: &[&str]) {
    let mut facts = good();
    spoil(&mut facts);
    let found = refuted(&facts);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for part in expected {
        assert!(found.iter().any(|text| text.contains(part)), "falta «{part}» en {found:#?}");
    }
}

#[test]
fn de_un_pod_como_es_debido_no_se_refuta_nada() {
    assert_eq!(refuted(&good()), Vec::<String>::new());
    let unseen = of_the_source(&good()).into_iter().filter(|s| s.verdict == Verdict::Unseen).count();
    assert_eq!(unseen, 4, "solo lo que pasa con el tiempo");
}

#[test]
fn un_volumen_con_otro_inodo_es_otro_aunque_se_llame_igual() {
    breaks(|f| f.members[2].mounts[0].inode = 999, &["comparten almacenamiento: el volumen datos"]);
    breaks(|f| f.members[1].mounts[0].device = 999, &["comparten almacenamiento: el volumen datos"]);
    breaks(|f| f.members[1].mounts[0].original = None, &["comparten almacenamiento: el volumen datos"]);
}

#[test]
fn una_parte_de_un_volumen_es_ese_volumen() {
    let mut facts = good();
    let mount = &mut facts.members[2].mounts[0];
    (mount.sub_path, mount.inode, mount.original) = ("sub".into(), 33, Some((7, 33)));
    assert!(refuted(&facts).is_empty());
}

#[test]
fn dos_direcciones_no_son_una_ni_vale_que_cada_uno_vea_la_suya() {
    let other = Address { link: 2, ip: Ipv4Addr::new(10, 244, 0, 9), prefix: 16 };
    breaks(
        |f| f.members.iter_mut().for_each(|m| m.inside.view.addresses.push(other.clone())),
        &["una única IP"],
    );
    breaks(|f| f.members[2].inside.view.addresses = vec![other.clone()], &["una única IP"]);
    breaks(|f| f.members[2].inside.view.addresses.clear(), &["una única IP"]);
}

#[test]
fn con_la_red_de_la_maquina_se_dice_que_no_hay_ip_propia() {
    let host_network = |f: &mut Facts| {
        f.network = None;
        f.members.iter_mut().for_each(|m| *m.namespaces.get_mut("net").unwrap() = 91);
    };
    breaks(host_network, &["una única IP", "la red del Pod no es la de la máquina"]);
}

#[test]
fn con_los_procesos_compartidos_se_dice_que_se_ven_y_que_el_uno_es_la_pausa() {
    let share = |f: &mut Facts| {
        for (i, member) in f.members.iter_mut().enumerate() {
            member.namespaces.insert("pid", 77);
            member.processes[0].inner = 1 + i as i32;
        }
    };
    breaks(share, &["el principal de uno", "el principal de dos", "ninguno ve los de otro"]);
}

#[test]
fn quien_se_sale_de_lo_comun_refuta_su_frase() {
    breaks(|f| _ = f.members[2].namespaces.insert("net", 88), &["el mismo sistema"]);
    breaks(|f| _ = f.members[2].namespaces.insert("uts", 88), &["el mismo nombre de máquina"]);
    breaks(|f| f.members[2].inside.hostname = "otro".into(), &["el mismo nombre de máquina"]);
    breaks(|f| _ = f.members[2].namespaces.insert("ipc", 88), &["memoria entre procesos"]);
    breaks(|f| f.members[2].shm = Some((9, 2)), &["memoria entre procesos"]);
}

#[test]
fn quien_no_tiene_lo_suyo_refuta_su_frase() {
    breaks(|f| _ = f.members[2].namespaces.insert("mnt", 51), &["su propia raíz"]);
    breaks(|f| _ = f.members[2].namespaces.insert("mnt", 95), &["su propia raíz"]);
    breaks(|f| _ = f.members[2].namespaces.insert("pid", 94), &["ninguno ve los de otro"]);
    breaks(|f| f.members[1].processes[0].inner = 2, &["el principal de uno"]);
    breaks(|f| f.members[2].root.dies_with_pod = false, &["no sobrevive al Pod"]);
    breaks(|f| f.members[2].cgroup = f.members[1].cgroup.clone(), &["su grupo de control"]);
    breaks(|f| f.members[2].cgroup.as_mut().unwrap().path = "/cg/otro/dos".into(), &["su grupo de control"]);
}

#[test]
fn sin_pausa_o_sin_puente_se_dice() {
    breaks(|f| _ = f.members.remove(0), &["una envoltura"]);
    breaks(|f| f.network.as_mut().unwrap().cable = None, &["un cable une"]);
    breaks(|f| f.network.as_mut().unwrap().cable.as_mut().unwrap().bridge = None, &["un cable une"]);
}

#[test]
fn lo_que_no_se_puede_mirar_no_se_da_por_demostrado() {
    let mut facts = good();
    facts.members.iter_mut().for_each(|m| m.cgroup = None);
    facts.members[2].mounts.clear();
    let all = [of_the_source(&facts), of_micropod(&facts, &[])].concat();
    let unseen: Vec<&str> =
        all.iter().filter(|s| s.verdict == Verdict::Unseen).map(|s| s.text.as_str()).collect();
    for part in ["comparten almacenamiento", "su grupo de control", "los límites"] {
        assert!(unseen.iter().any(|text| text.contains(part)), "{part}: {unseen:#?}");
    }
    assert!(refuted(&facts).is_empty());
}

#[test]
fn un_limite_vale_lo_que_dice_el_kernel_y_no_lo_que_se_pidio() {
    let asked = [Asked {
        container: Some("uno".into()),
        values: vec![("memory.max", "65536".into()), ("pids.max", "9".into())],
    }];
    let verdict = |values: &[(&'static str, &str)]| {
        let mut facts = good();
        let own = facts.members[1].cgroup.as_mut().unwrap();
        own.values = values.iter().map(|(k, v)| (*k, v.to_string())).collect();
        limits::statements(&asked, &facts).remove(0)
    };
    assert_eq!(verdict(&[("memory.max", "65536"), ("pids.max", "9")]).verdict, Verdict::Proven);
    let wrong = verdict(&[("memory.max", "max"), ("pids.max", "9")]);
    assert_eq!(wrong.verdict, Verdict::Refuted);
    assert!(wrong.evidence.contains("memory.max = max, y debía ser 65536"), "{}", wrong.evidence);
    assert_eq!(verdict(&[]).verdict, Verdict::Unseen, "sin controladores no hay qué mirar");
}
