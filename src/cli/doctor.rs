//! `micropod doctor`: ¿sirve esta máquina? Mira sin tocar nada, y no hace falta ser root.

use crate::cgroup::Hierarchy;
use crate::error::{Error, exit};
use crate::runtime::Kind;
use crate::state;
use nix::sys::statvfs::{FsFlags, statvfs};
use std::fs;
use std::path::Path;

enum Verdict {
    Good,
    Notice,
    Bad,
}

struct Check {
    verdict: Verdict,
    what: String,
    hint: Option<String>,
}

fn check(good: bool, otherwise: Verdict, yes: impl Into<String>, no: impl Into<String>, hint: &str) -> Check {
    match good {
        true => Check { verdict: Verdict::Good, what: yes.into(), hint: None },
        false => {
            Check { verdict: otherwise, what: no.into(), hint: (!hint.is_empty()).then(|| hint.to_string()) }
        }
    }
}

pub fn doctor() -> Result<u8, Error> {
    let mut checks = vec![root(), kernel()];
    checks.extend(cgroups());
    checks.extend(features());
    checks.extend(runtimes());
    checks.extend([places(), nft(), mmdebstrap(), forwarding(), neighbours(), routes(), leftovers()]);
    let mut failed = false;
    for Check { verdict, what, hint } in checks {
        let mark = match verdict {
            Verdict::Good => "[ok]   ",
            Verdict::Notice => "[aviso]",
            Verdict::Bad => "[FALLO]",
        };
        failed |= matches!(verdict, Verdict::Bad);
        println!("{mark} {what}");
        if let Some(hint) = hint {
            println!("        pista: {hint}");
        }
    }
    Ok(if failed { exit::FAILED } else { exit::OK })
}

fn root() -> Check {
    let is_root = nix::unistd::geteuid().is_root();
    check(is_root, Verdict::Notice, "eres root", "no eres root: casi todo necesita sudo", "sudo micropod …")
}

fn kernel() -> Check {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_string();
    let mut numbers = release.split(['.', '-']).filter_map(|n| n.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let text = format!("kernel {release} (hace falta 5.14 o más nuevo, por cgroup.kill)");
    check(
        version >= (5, 14),
        Verdict::Bad,
        text.clone(),
        text,
        "actualiza el kernel: apt-get install linux-image-amd64",
    )
}

fn cgroups() -> Vec<Check> {
    let Some(hierarchy) = Hierarchy::find() else {
        return vec![Check {
            verdict: Verdict::Bad,
            what: "cgroup v2 no está montado: no hay límites ni se puede matar un Pod de un golpe".into(),
            hint: Some(
                "mount -t cgroup2 cgroup2 /sys/fs/cgroup, o arranca con systemd.unified_cgroup_hierarchy=1"
                    .into(),
            ),
        }];
    };
    let missing: Vec<&str> = ["memory", "cpu", "pids"].into_iter().filter(|c| !hierarchy.has(c)).collect();
    let held = missing.iter().any(|c| hierarchy.held_by_v1.iter().any(|h| h == c));
    let why = if held { " (están montados como cgroup v1: modo híbrido)" } else { "" };
    let root = hierarchy.root.display();
    vec![check(
        missing.is_empty(),
        Verdict::Notice,
        format!("cgroup v2 en {root}, con memory, cpu y pids"),
        format!(
            "cgroup v2 en {root}, sin {}{why}: los Pods con límites se rechazan; los demás funcionan",
            missing.join(", ")
        ),
        "arranca con systemd.unified_cgroup_hierarchy=1, o usa `make vm`",
    )]
}

/// Lo que el kernel ya tiene o sabe cargar.
fn features() -> Vec<Check> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = Path::new("/lib/modules").join(release.trim());
    let index = ["modules.builtin", "modules.dep"]
        .map(|f| fs::read_to_string(modules.join(f)).unwrap_or_default())
        .concat();
    let loaded = fs::read_to_string("/proc/modules").unwrap_or_default();
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let known = |name: &str, symbol: &str| {
        filesystems.lines().any(|l| l.trim_start_matches("nodev").trim() == name)
            || index.contains(&format!("/{name}.ko"))
            || loaded.lines().any(|l| l.starts_with(&format!("{name} ")))
            || symbols.contains(symbol)
    };
    [
        ("overlay", " ovl_", "la raíz de los contenedores"),
        ("veth", " veth_", "la red de los Pods"),
        ("bridge", " br_add_if", "la red de los Pods"),
    ]
    .map(|(name, symbol, why)| {
        check(
            known(name, symbol),
            Verdict::Bad,
            format!("{name}: {why}"),
            format!("al kernel le falta {name}: {why}"),
            "usa el kernel de Debian",
        )
    })
    .into()
}

fn installed(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|dir| Path::new(dir).join(program).exists())
}

fn nft() -> Check {
    check(
        installed("nft"),
        Verdict::Notice,
        "nftables instalado",
        "nftables no está: los Pods no salen a internet",
        "sudo apt-get install nftables",
    )
}

/// Los motores que hay, con su versión. Solo hace falta el nuestro.
fn runtimes() -> Vec<Check> {
    let one = |kind: Kind| {
        let version = kind.version().unwrap_or_default();
        let missing = kind.missing();
        check(
            missing.is_none(),
            Verdict::Notice,
            format!("--runtime {kind}: {version}"),
            format!("--runtime {kind}: {}; no hace falta", missing.unwrap_or_default()),
            kind.source(),
        )
    };
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Native).map(one).collect()
}

fn mmdebstrap() -> Check {
    let hint = "sudo apt-get install mmdebstrap";
    check(
        installed("mmdebstrap"),
        Verdict::Notice,
        "mmdebstrap instalado",
        "mmdebstrap no está: no se pueden construir imágenes, solo importarlas",
        hint,
    )
}

fn forwarding() -> Check {
    let on = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|t| t.trim() == "1");
    check(
        on,
        Verdict::Notice,
        "la máquina reenvía paquetes (ip_forward)",
        "ip_forward está apagado: micropod lo enciende con el primer Pod",
        "",
    )
}

fn neighbours() -> Check {
    let limit = fs::read_to_string("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
        .ok()
        .and_then(|t| t.trim().parse::<u32>().ok());
    let limit = limit.unwrap_or(1024);
    Check {
        verdict: Verdict::Good,
        what: format!("tabla de vecinos: {limit} entradas; los Pods usan permanentes, que no cuentan"),
        hint: None,
    }
}

/// ¿Pisa la red de los Pods alguna ruta que no sea la suya?
fn routes() -> Check {
    let subnet = match crate::network::Subnet::configured() {
        Ok(subnet) => subnet,
        Err(error) => return Check { verdict: Verdict::Bad, what: error.to_string(), hint: None },
    };
    let clash = subnet.conflict().map(|(other, device)| format!("{other} por {device}"));
    check(
        clash.is_none(),
        Verdict::Bad,
        format!("la red de los Pods, {subnet}, está libre"),
        format!("la red de los Pods, {subnet}, choca con {}", clash.unwrap_or_default()),
        "elige otra: sudo mkdir -p /etc/micropod; echo 10.245.0.0/16 | sudo tee /etc/micropod/subred",
    )
}

/// ¿Se puede escribir donde micropod escribe? Lo que aún no exista nacerá en el directorio de encima.
fn places() -> Check {
    let frozen = |dir: &&str| statvfs(*dir).is_ok_and(|s| s.flags().contains(FsFlags::ST_RDONLY));
    let all = ["/run", state::RUN, "/var/lib", state::LIB, "/var/log"];
    let frozen: Vec<&str> = all.into_iter().filter(frozen).collect();
    check(
        frozen.is_empty(),
        Verdict::Bad,
        "se puede escribir en /run, /var/lib y /var/log",
        format!("de solo lectura: {}", frozen.join(", ")),
        "míralo con `findmnt`; sudo mount -o remount,rw …",
    )
}

fn leftovers() -> Check {
    let abandoned = state::see_all().into_iter().filter(|s| s.was_abandoned()).count();
    check(
        abandoned == 0,
        Verdict::Notice,
        "ningún Pod caído por recoger",
        format!("{abandoned} Pods cayeron y nadie los ha recogido"),
        "sudo micropod gc",
    )
}
