//! Nada se pisa, nada se sale y nada falta, sea como sea el Pod.

use super::*;
use crate::explain::facts::{Cgroup, Host, Member, Process, Role};
use crate::explain::inside::Inside;
use crate::explain::mounts::{Mounted, Root, Volume};
use crate::explain::net::{Bridge, Cable, Network};
use crate::explain::{svg, text};
use crate::network::look::{Address, Link, Route, View};
use crate::network::translation::{Port, Translation};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Números al azar, siempre los mismos.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn name(&mut self, stem: &str) -> String {
        let tail =
            ["", "-b", "-un-nombre-largo", "-con-el-nombre-mas-largo-que-admite-kubernetes-letra-a-letra"];
        format!("{stem}{}", tail[self.below(tail.len())])
    }

    fn inode(&mut self) -> u64 {
        4_026_531_840 + self.below(9000) as u64
    }

    fn cgroup(&mut self, name: &str) -> Option<Cgroup> {
        let path = format!("/sys/fs/cgroup/micropod/pod/{name}").into();
        let limited = [
            ("memory.max", "1125899906842624"),
            ("memory.current", "999999999999"),
            ("cpu.max", "123456 100000"),
            ("cpu.weight", "10000"),
            ("pids.max", "4194304"),
            ("pids.current", "4194304"),
        ];
        let values = |all: &[(&'static str, &str)]| all.iter().map(|(k, v)| (*k, v.to_string())).collect();
        match self.below(3) {
            0 => None,
            1 => Some(Cgroup { path, values: BTreeMap::new() }),
            _ => Some(Cgroup { path, values: values(&limited) }),
        }
    }

    fn member(&mut self, name: String, role: Role, shared: &[(&'static str, u64)]) -> Member {
        let pid = 1 + self.below(4_194_303) as i32;
        let own = ["pid", "mnt", "cgroup"].map(|n| (n, self.inode()));
        let processes = (0..self.below(9)).map(|i| Process {
            pid: pid + i as i32,
            inner: 1 + i as i32,
            name: ["sh", "nginx", "php-fpm8.2", "quince-letras-x"][i % 4].into(),
        });
        Member {
            processes: processes.collect(),
            namespaces: own.into_iter().chain(shared.iter().copied()).collect(),
            root: Root {
                fstype: "overlay".into(),
                lower: "/var/lib/micropod/images/busybox/rootfs".into(),
                ..Root::default()
            },
            cgroup: self.cgroup(&name),
            inside: Inside { hostname: "un-nombre-de-maquina-muy-largo".into(), view: View::default() },
            shm: None,
            mounts: Vec::new(),
            name,
            role,
            pid,
        }
    }
}

/// Un Pod cualquiera.
fn any_pod(seed: u64) -> Facts {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let host: BTreeMap<_, _> = NAMESPACES.iter().map(|n| (*n, 4_026_531_835)).collect();
    let mut shared = vec![("net", dice.inode()), ("ipc", dice.inode()), ("uts", dice.inode())];
    if dice.one_in(3) {
        shared.push(("pid", dice.inode()));
    }
    let host_network = dice.one_in(4);
    if host_network {
        shared[0].1 = host["net"];
        shared[2].1 = host["uts"];
    }
    let volumes: Vec<Volume> = (0..dice.below(5))
        .map(|i| Volume {
            name: dice.name(&format!("vol{i}")),
            kind: ["emptyDir", "hostPath"][i % 2].into(),
            place: "/srv/datos/de/la/web/con/muchos/directorios".into(),
            of_the_pod: i % 2 == 0,
            fstype: ["ext4", "tmpfs"][dice.below(2)].into(),
            device: 65024,
            inode: dice.inode(),
        })
        .collect();
    let mut members = vec![dice.member("la pausa".into(), Role::Pause, &shared)];
    for i in 0..1 + dice.below(13) {
        let role = [Role::App, Role::Init, Role::Sidecar][dice.below(3)];
        let name = dice.name(&format!("c{i}"));
        let mut member = dice.member(name, role, &shared);
        for volume in &volumes {
            for _ in 0..dice.below(3) {
                member.mounts.push(Mounted {
                    volume: volume.name.clone(),
                    path: ["/d", "/usr/share/nginx/html/compartido", "/var/lib/datos"][dice.below(3)].into(),
                    device: 65024,
                    inode: if dice.one_in(4) { dice.inode() } else { volume.inode },
                    read_only: dice.one_in(2),
                    sub_path: ["", "sub/directorio"][dice.below(2)].into(),
                    original: None,
                });
            }
        }
        members.push(member);
    }
    let gone = 0..dice.below(6);
    let absent: Vec<_> =
        gone.map(|i| (dice.name(&format!("fin{i}")), "acabó con código 0".to_string())).collect();
    Facts {
        pod: dice.name("pod"),
        absent,
        cgroup: dice.cgroup("x"),
        network: (!host_network).then(|| network(&mut dice)),
        host: Host { name: dice.name("maquina"), namespaces: host, view: host_view(dice.below(12)) },
        members,
        volumes,
    }
}

fn address(link: u32) -> Address {
    Address { link, ip: Ipv4Addr::new(192, 168, 255, 254), prefix: 24 }
}

fn host_view(links: usize) -> View {
    let links = (1..=links as u32).map(|index| Link {
        index,
        name: format!("interfaz-larga{index}"),
        ..Link::default()
    });
    let links: Vec<Link> = links.collect();
    View {
        addresses: links.iter().flat_map(|l| [address(l.index), address(l.index)]).collect(),
        links,
        routes: Vec::new(),
    }
}

fn network(dice: &mut Dice) -> Network {
    let link = |name: &str| Link {
        index: 1_234_567,
        name: name.into(),
        mac: vec![0xab; 6],
        up: true,
        ..Link::default()
    };
    let bridge = Bridge { link: link("micropod0"), addresses: vec![address(1)], ports: 1023 };
    let port = Port {
        protocol: "tcp".into(),
        host_ip: Some(Ipv4Addr::new(192, 168, 255, 254)),
        host_port: 65535,
        container_port: 65535,
    };
    Network {
        eth0: link("eth0"),
        addresses: vec![address(1); dice.below(3)],
        default_route: Some(Route { to: None, via: Some(Ipv4Addr::new(10, 255, 255, 254)), link: 1 }),
        cable: (!dice.one_in(5))
            .then(|| Cable { veth: link("mpc0a8fffe"), bridge: (!dice.one_in(5)).then_some(bridge) }),
        translation: (!dice.one_in(4))
            .then(|| Translation { masquerade: dice.one_in(2), ports: vec![port; dice.below(4)] }),
        exit: dice.one_in(2).then(|| "wlp2s0".into()),
    }
}

fn contains(outer: Rect, inner: Rect) -> bool {
    outer.left < inner.left
        && outer.top < inner.top
        && inner.right < outer.right
        && inner.bottom < outer.bottom
}

fn apart(a: Rect, b: Rect) -> bool {
    a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top
}

fn on_border(rect: Rect, (x, y): (usize, usize)) -> bool {
    let across = (rect.left..=rect.right).contains(&x) && (y == rect.top || y == rect.bottom);
    let down = (rect.top..=rect.bottom).contains(&y) && (x == rect.left || x == rect.right);
    across || down
}

fn strictly_inside(rect: Rect, (x, y): (usize, usize)) -> bool {
    rect.left < x && x < rect.right && rect.top < y && y < rect.bottom
}

/// Las celdas de una línea, y si en cada una va en horizontal.
fn cells(wire: &Wire) -> Vec<((usize, usize), bool)> {
    let mut all = Vec::new();
    for pair in wire.points.windows(2) {
        let (from, to) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        assert!(from.0 == to.0 || from.1 == to.1, "una línea torcida: {wire:?}");
        let across = from.1 == to.1;
        for x in from.0..=to.0 {
            all.extend((from.1..=to.1).map(|y| ((x, y), across)));
        }
    }
    all
}

/// Lo que no debe pasar en ningún dibujo.
fn check(picture: &Picture, what: &str) {
    let frames: Vec<Rect> = picture.frames.iter().map(|f| f.rect).collect();
    for (i, a) in frames.iter().enumerate() {
        assert!(a.left < a.right && a.top < a.bottom, "{what}: una caja del revés: {a:?}");
        assert!(a.right < picture.columns && a.bottom < picture.rows, "{what}: se sale del dibujo: {a:?}");
        for b in &frames[i + 1..] {
            assert!(contains(*a, *b) || contains(*b, *a) || apart(*a, *b), "{what}: se pisan {a:?} y {b:?}");
        }
    }
    let mut written: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    for label in &picture.labels {
        let end = label.x + label.text.chars().count();
        let place = (label.x, label.y);
        let home = match label.tone {
            Tone::Title => frames.iter().find(|f| f.top == label.y && f.left + 3 == label.x),
            // la caja más pequeña que lo contiene
            _ => frames.iter().filter(|f| strictly_inside(**f, place)).min_by_key(|f| f.right - f.left),
        };
        let home = home.unwrap_or_else(|| panic!("{what}: «{}» no está en ninguna caja", label.text));
        assert!(end <= home.right, "{what}: «{}» se sale de {home:?}", label.text);
        for x in label.x..end {
            let before = written.insert((x, label.y), &label.text);
            assert!(before.is_none(), "{what}: «{}» pisa «{}»", label.text, before.unwrap_or_default());
            let crossed = frames.iter().any(|f| on_border(*f, (x, label.y)));
            assert!(!crossed || label.tone == Tone::Title, "{what}: «{}» pisa un borde", label.text);
        }
    }
    let mut strung: BTreeMap<((usize, usize), bool), usize> = BTreeMap::new();
    for (i, wire) in picture.wires.iter().enumerate() {
        let ends = [wire.points[0], wire.points[wire.points.len() - 1]];
        for (cell, across) in cells(wire) {
            assert!(
                !written.contains_key(&cell),
                "{what}: {wire:?} tacha «{}»",
                written.get(&cell).unwrap_or(&"")
            );
            let other = strung.insert((cell, across), i);
            let joins = ends.contains(&cell);
            assert!(
                other.is_none_or(|o| o == i) || joins,
                "{what}: dos líneas por el mismo sitio en {cell:?}"
            );
        }
        for frame in &picture.frames {
            let holds = matches!(frame.look, Look::Host | Look::Pod);
            let crosses = cells(wire).iter().any(|(cell, _)| strictly_inside(frame.rect, *cell));
            assert!(holds || !crosses, "{what}: {wire:?} atraviesa {:?}", frame.rect);
        }
        for end in ends {
            let touches = frames.iter().any(|f| on_border(*f, end)) || other_wire(picture, i, end);
            assert!(touches, "{what}: {wire:?} acaba en el aire");
        }
    }
}

fn other_wire(picture: &Picture, own: usize, end: (usize, usize)) -> bool {
    let mut others = picture.wires.iter().enumerate().filter(|(i, _)| *i != own);
    others.any(|(_, wire)| cells(wire).iter().any(|(cell, _)| *cell == end))
}

#[test]
fn en_ningun_pod_se_pisa_nada_ni_se_sale_nada() {
    for seed in 0..80 {
        for columns in [COLUMNS, 124] {
            let facts = any_pod(seed);
            check(&lay_out(&facts, columns), &format!("semilla {seed}, {columns} columnas"));
        }
    }
}

#[test]
fn en_la_terminal_cabe_en_cien_columnas_y_se_lee_cada_texto() {
    for seed in 0..60 {
        let picture = lay_out(&any_pod(seed), COLUMNS);
        let painted = text::paint(&picture);
        let rows: Vec<&str> = painted.lines().take(picture.rows).collect();
        assert!(rows.iter().all(|row| row.chars().count() <= COLUMNS), "semilla {seed}");
        for label in &picture.labels {
            let row: Vec<char> = rows[label.y].chars().collect();
            let shown: String = row[label.x..].iter().take(label.text.chars().count()).collect();
            assert_eq!(shown, label.text, "semilla {seed}");
            if let Some(full) = &label.full {
                assert!(painted.contains(&format!("= {full}\n")), "«{full}» no se puede leer entero");
            }
        }
    }
}

#[test]
fn el_svg_tiene_todas_las_cajas_y_dice_cuanto_mide_cada_texto() {
    for seed in 0..50 {
        let picture = lay_out(&any_pod(seed), 124);
        let painted = svg::paint(&picture);
        assert_eq!(painted.matches("<text").count(), picture.labels.len());
        assert_eq!(painted.matches("textLength=").count(), picture.labels.len());
        let cut = picture.labels.iter().filter(|l| l.full.is_some()).count();
        assert_eq!(
            painted.matches("<title>").count(),
            1 + picture.frames.len() + cut,
            "lo recortado se lee al pasar"
        );
    }
}

#[test]
fn de_cada_contenedor_sale_un_cable_a_cada_volumen_que_monta_y_a_ninguno_mas() {
    for seed in 0..60 {
        let facts = any_pod(seed);
        let picture = lay_out(&facts, COLUMNS);
        let drawn = picture.frames.iter().filter(|f| f.look == Look::Container).count();
        let mut expected = 0;
        for volume in &facts.volumes {
            let mounts = |m: &&Member| m.mounts.iter().any(|mount| mount.volume == volume.name);
            expected += facts.containers().take(drawn).filter(mounts).count();
        }
        let dots: usize = picture.wires.iter().map(|w| w.dots.len()).sum();
        assert_eq!(dots, expected, "semilla {seed}");
    }
}

#[test]
fn a_todos_los_dibujados_les_llega_la_banda() {
    for seed in 0..60 {
        let picture = lay_out(&any_pod(seed), COLUMNS);
        for frame in picture.frames.iter().filter(|f| matches!(f.look, Look::Pause | Look::Container)) {
            let shares = picture.wires.iter().filter(|w| w.cord == Cord::Share);
            let reached = shares.flat_map(|w| &w.points).any(|point| on_border(frame.rect, *point));
            assert!(reached, "semilla {seed}: {}", frame.hover);
        }
    }
}
