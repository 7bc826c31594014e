//! El filtro de llamadas al sistema, como lo pide la norma OCI: el mismo que el nuestro, de la misma
//! tabla (`security/syscalls.rs`), escrito para que lo compile otro.
//!
//! La norma solo sabe permitir y negar por nombre: «lo desconocido responde que no existe» obliga a
//! nombrar todo lo conocido. Lo que en nuestro filtro es una comparación, aquí es una regla.

use crate::security::capabilities;
use crate::security::seccomp::{AF_PACKET, FAMILIES, NAMESPACE_FLAGS, PERSONALITIES, TERMINAL_INJECTION};
use crate::security::syscalls::{Arch, DENIED};
use serde_json::{Value, json};

const ALLOW: &str = "SCMP_ACT_ALLOW";
const ERRNO: &str = "SCMP_ACT_ERRNO";

// ANCHOR: profile
/// El perfil de un contenedor con esas capacidades. `swapped`: quien lo lee toma la máscara por el valor.
pub fn profile(caps: u64, swapped: bool) -> Value {
    let has = |name: &str| capabilities::contains(caps, name);
    let closed: Vec<&str> = DENIED
        .iter()
        .filter(|group| !has(group.opened_by))
        .flat_map(|group| group.calls.iter().map(|call| call.name))
        .collect();
    let open: Vec<&str> = KNOWN.split_whitespace().filter(|name| !closed.contains(name)).collect();
    let when = |call, index, mask, value| match swapped {
        true => when(call, index, value, mask),
        false => when(call, index, mask, value),
    };
    let mut rules = vec![
        json!({ "names": open, "action": ALLOW }),
        json!({ "names": closed, "action": ERRNO, "errnoRet": libc::EPERM }),
    ];
    if has("SYS_ADMIN") {
        rules.push(json!({ "names": ["clone", "clone3"], "action": ALLOW }));
    } else {
        // ninguno de los bits CLONE_NEW*; clone3 no se nombra: responde que no existe
        rules.push(when("clone", 0, NAMESPACE_FLAGS, 0));
    }
    let raw = has("NET_RAW").then_some(AF_PACKET);
    rules.extend(FAMILIES.into_iter().chain(raw).map(|family| when("socket", 0, u32::MAX, family)));
    rules.extend(PERSONALITIES.map(|persona| when("personality", 0, u32::MAX, persona)));
    let mut rest = Vec::new();
    others(&TERMINAL_INJECTION, 32, 0, &mut rest);
    rules.extend(rest.into_iter().map(|(mask, value)| when("ioctl", 1, mask, value)));
    json!({
        "defaultAction": ERRNO,
        "defaultErrnoRet": libc::ENOSYS,
        "architectures": [architecture()],
        "syscalls": rules,
    })
}
// ANCHOR_END: profile

fn architecture() -> &'static str {
    match Arch::HERE {
        Arch::X86_64 => "SCMP_ARCH_X86_64",
        Arch::Aarch64 => "SCMP_ARCH_AARCH64",
    }
}

/// Permitir `call` si los bits `mask` de su argumento `index` son los de `value`. El kernel solo mira
/// los 32 bits bajos de estos argumentos: comparar los 64 dejaría colarse al que ensucie los altos.
fn when(call: &str, index: u32, mask: u32, value: u32) -> Value {
    let test = json!({ "index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ" });
    json!({ "names": [call], "action": ALLOW, "args": [test] })
}

/// Todo número menos `except`, en bloques de los que comparten los primeros bits, como las redes de
/// una tabla de rutas: un filtro OCI no sabe decir «ni este ni este».
fn others(except: &[u32], bits: u32, prefix: u32, blocks: &mut Vec<(u32, u32)>) {
    let known = if bits == 32 { 0 } else { u32::MAX << bits };
    let inside: Vec<u32> = except.iter().copied().filter(|n| n & known == prefix).collect();
    match (inside.is_empty(), bits) {
        (true, _) => blocks.push((known, prefix)),
        (false, 0) => {}
        (false, _) => {
            others(&inside, bits - 1, prefix, blocks);
            others(&inside, bits - 1, prefix | 1 << (bits - 1), blocks);
        }
    }
}

/// Los nombres de las llamadas que había cuando se revisó la tabla, salvo las cinco que tienen reglas
/// propias. Las que una arquitectura no tiene se pasan por alto.
const KNOWN: &str = include_str!("syscalls.txt");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::bpf::{self, run};
    use crate::security::syscalls::{CLONE, Call, IOCTL, PERSONALITY, SOCKET};

    const EPERM: u32 = 0x0005_0001;
    const ENOSYS: u32 = 0x0005_0026;
    const ALLOWED: u32 = 0x7fff_0000;

    /// Lo que respondería el perfil, leído como manda la norma, o con los dos nombres cambiados.
    fn read_says((mask, value): (&str, &str), profile: &Value, call: &str, args: [u64; 6]) -> u32 {
        let fits = |rule: &&Value| {
            let named = rule["names"].as_array().unwrap().iter().any(|n| n == call);
            let tests = rule["args"].as_array().cloned().unwrap_or_default();
            named
                && tests.iter().all(|test| {
                    let number = |name: &str| test[name].as_u64().unwrap();
                    // a lo que se compara también le quita lo que la máscara no mira
                    (args[number("index") as usize] ^ number(value)) & number(mask) == 0
                })
        };
        match profile["syscalls"].as_array().unwrap().iter().find(fits) {
            None => 0x0005_0000 | profile["defaultErrnoRet"].as_u64().unwrap() as u32,
            Some(rule) if rule["action"] == ALLOW => ALLOWED,
            Some(rule) => 0x0005_0000 | rule["errnoRet"].as_u64().unwrap() as u32,
        }
    }

    const NORM: (&str, &str) = ("value", "valueTwo");
    /// libcontainer 0.7, de youki: `MaskedEqual(valueTwo)`, y el valor, `value`.
    const YOUKI: (&str, &str) = ("valueTwo", "value");

    fn profile_says(profile: &Value, call: &str, args: [u64; 6]) -> u32 {
        read_says(NORM, profile, call, args)
    }

    #[test]
    fn el_perfil_y_nuestro_filtro_deciden_lo_mismo() {
        decide_the_same(NORM, false);
    }

    #[test]
    fn el_perfil_que_se_da_a_youki_decide_lo_mismo_como_lo_lee_youki() {
        decide_the_same(YOUKI, true);
        // con el de los demás dejaría estrenar un espacio de usuarios: por eso no vale
        let (user, usual) = ([0x1000_0011, 0, 0, 0, 0, 0], profile(0, false));
        assert_eq!(read_says(YOUKI, &usual, "clone", user), ALLOWED);
        assert_eq!(read_says(YOUKI, &profile(0, true), "clone", user), ENOSYS);
    }

    fn decide_the_same(reading: (&str, &str), swapped: bool) {
        let some = |arg: u64| [arg, arg, 0, 0, 0, 0];
        let mut asked: Vec<(Call, u64)> =
            DENIED.iter().flat_map(|g| g.calls.iter().map(|call| (*call, 0))).collect();
        asked.extend([0x11, 0x1000_0011, 0x2000_0000, 0x0002_0000].map(|flags| (CLONE, flags)));
        asked.extend([1, 2, 10, 16, 0x1_0000_0002].map(|family| (SOCKET, family)));
        asked.extend([0, 8, 0x20000, 0xffff_ffff].map(|persona| (PERSONALITY, persona)));
        asked.extend([0x5412, 0x541c, 0x5413, 0x5401, 0, 0xffff_ffff, 0x1_0000_5412].map(|r| (IOCTL, r)));
        for caps in [0, 1 << 21, u64::MAX] {
            let profile = profile(caps, swapped);
            for (call, arg) in &asked {
                let Some(number) = call.number(Arch::HERE) else { continue };
                let arch = Arch::HERE.audit();
                let seen = bpf::Call { arch, number, arguments: some(*arg) };
                let ours = run(&crate::security::default_filter(caps), &seen).unwrap();
                let theirs = read_says(reading, &profile, call.name, some(*arg));
                // negar, los dos niegan; el porqué puede ser otro: «no permitido» o «no existe»
                let known = [EPERM, ENOSYS, 0x0005_0061];
                let same = ours == theirs || (known.contains(&ours) && known.contains(&theirs));
                assert!(same, "{} {arg:#x} con {caps:#x}: {ours:#x} y {theirs:#x}", call.name);
            }
        }
    }

    #[test]
    fn lo_que_no_se_conoce_responde_que_no_existe() {
        let profile = profile(0, false);
        assert_eq!(profile_says(&profile, "llamada_del_futuro", [0; 6]), ENOSYS);
        assert_eq!(profile_says(&profile, "socket", [3, 0, 0, 0, 0, 0]), ENOSYS);
        assert_eq!(profile_says(&profile, "read", [0; 6]), ALLOWED);
        assert_eq!(profile_says(&profile, "mount", [0; 6]), EPERM);
    }

    #[test]
    fn toda_llamada_que_se_niega_tiene_un_nombre_conocido() {
        let known: Vec<&str> = KNOWN.split_whitespace().collect();
        let only_arm = |call: &Call| call.x86_64.is_none();
        for call in DENIED.iter().flat_map(|g| g.calls).filter(|call| !only_arm(call)) {
            assert!(known.contains(&call.name), "{}", call.name);
        }
    }

    #[test]
    fn todo_menos_dos_numeros_se_parte_en_bloques_sin_huecos() {
        let mut blocks = Vec::new();
        others(&TERMINAL_INJECTION, 32, 0, &mut blocks);
        let inside = |n: u32| blocks.iter().filter(|(mask, value)| n & mask == *value).count();
        for n in (0x5400..0x5500).chain([0, 1, u32::MAX, 1 << 31]) {
            assert_eq!(inside(n), usize::from(!TERMINAL_INJECTION.contains(&n)), "{n:#x}");
        }
    }
}
