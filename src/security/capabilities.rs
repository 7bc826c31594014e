//! Las capacidades: el poder de root, en trozos.

use crate::spec::types::Capabilities;

/// Las capacidades de Linux, por su número (`capabilities(7)`).
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

// ANCHOR: default
/// Las de fábrica: bastan para un servidor que abre un puerto bajo, cambia de usuario y mata a sus hijos.
const DEFAULT: [&str; 8] =
    ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "NET_BIND_SERVICE"];
// ANCHOR_END: default

fn bit(name: &str) -> Result<u64, String> {
    let bare = name.strip_prefix("CAP_").unwrap_or(name);
    match NAMES.iter().position(|n| *n == bare) {
        Some(number) => Ok(1 << number),
        None => Err(format!("la capacidad `{name}` no existe{}", suggestion(bare))),
    }
}

/// La máscara con esa sola capacidad; vacía si no existe.
pub fn mask_of(name: &str) -> u64 {
    NAMES.iter().position(|n| *n == name).map_or(0, |number| 1 << number)
}

/// ¿Está la capacidad `name` en la máscara?
pub fn contains(mask: u64, name: &str) -> bool {
    mask & mask_of(name) != 0
}

fn suggestion(name: &str) -> String {
    let near = NAMES.iter().max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
    near.map(|n| format!(": ¿querías decir `{n}`?")).unwrap_or_default()
}

fn all() -> u64 {
    (1 << NAMES.len()) - 1
}

fn mask(names: &[String]) -> Result<u64, String> {
    names.iter().try_fold(0, |mask, name| Ok(mask | if name == "ALL" { all() } else { bit(name)? }))
}

/// Las capacidades de un contenedor: las de fábrica, menos `drop`, más `add`.
pub fn decide(wanted: Option<&Capabilities>, privileged: bool) -> Result<u64, String> {
    if privileged {
        return Ok(all());
    }
    let default = DEFAULT.iter().try_fold(0, |mask, name| Ok::<u64, String>(mask | bit(name)?))?;
    match wanted {
        None => Ok(default),
        Some(wanted) => Ok((default & !mask(&wanted.drop)?) | mask(&wanted.add)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(add: &[&str], drop: &[&str]) -> Capabilities {
        let owned = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        Capabilities { add: owned(add), drop: owned(drop) }
    }

    #[test]
    fn las_de_fabrica_son_ocho() {
        assert_eq!(decide(None, false), Ok(0x4fb));
    }

    #[test]
    fn se_quita_antes_de_anadir() {
        assert_eq!(decide(Some(&caps(&["NET_BIND_SERVICE"], &["ALL"])), false), Ok(0x400));
        assert_eq!(decide(Some(&caps(&["NET_RAW"], &[])), false), Ok(0x24fb));
    }

    #[test]
    fn una_capacidad_desconocida_se_rechaza_con_una_propuesta() {
        let problem = decide(Some(&caps(&["NET_ADMINN"], &[])), false).unwrap_err();
        assert!(problem.contains("NET_ADMIN`?"), "{problem}");
    }
}
