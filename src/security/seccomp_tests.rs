//! El filtro, ejecutado aquí como lo ejecutaría el kernel, para las dos arquitecturas.

use super::*;
use crate::security::bpf::{Call, run};
use crate::security::capabilities::{self, mask_of};
use crate::security::syscalls::Call as Row;

const ARCHS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];
const I386: u32 = 0x4000_0003;
const ARM: u32 = 0x4000_0028;
const X32: u32 = 0x4000_0000;

/// Lo que responde un filtro a una llamada con esos argumentos.
fn interpret(program: &[BpfInstruction], seen: Seen) -> u32 {
    let [a, b, c] = seen.arguments.map(u64::from);
    let call = Call { arch: seen.arch, number: seen.number, arguments: [a, b, c, 0, 0, 0] };
    run(program, &call).expect("el kernel habría aceptado el programa")
}

/// Una llamada con los argumentos que se miran.
#[derive(Clone, Copy)]
struct Seen {
    arch: u32,
    number: u32,
    arguments: [u32; 3],
}

/// Lo que responde el filtro de fábrica en su arquitectura.
fn verdict(arch: Arch, number: u32, arguments: [u32; 3]) -> u32 {
    let default = capabilities::decide(None, false).unwrap();
    interpret(&program(arch, default), Seen { arch: arch.audit(), number, arguments })
}

fn of(arch: Arch, call: Row, arguments: [u32; 3]) -> u32 {
    verdict(arch, call.number(arch).unwrap(), arguments)
}

/// Todas las llamadas que hay que probar: las que existen, un margen, las de x32 y los extremos.
fn numbers() -> impl Iterator<Item = u32> {
    (0..2048).chain(X32..X32 + 2048).chain([u32::MAX - 1, u32::MAX, 0x8000_0000, 0x7fff_ffff])
}

#[test]
fn cada_llamada_de_las_dos_arquitecturas_tiene_la_respuesta_de_la_tabla() {
    for arch in ARCHS {
        let denied: Vec<u32> = DENIED.iter().flat_map(|g| g.calls).filter_map(|c| c.number(arch)).collect();
        for number in numbers() {
            let expected = if number > LAST_REVIEWED || number == 435 {
                ENOSYS
            } else if denied.contains(&number) {
                EPERM
            } else if Some(number) == SOCKET.number(arch) {
                deny(libc::EAFNOSUPPORT) // la familia 0 no es ninguna
            } else {
                ALLOW
            };
            assert_eq!(verdict(arch, number, [0; 3]), expected, "{arch:?}: {number}");
        }
    }
}

#[test]
fn con_otra_arquitectura_no_existe_ninguna_llamada() {
    for arch in ARCHS {
        let program = program(arch, u64::MAX);
        for other in [I386, ARM, 0, u32::MAX].into_iter().chain(ARCHS.map(Arch::audit)) {
            if other == arch.audit() {
                continue;
            }
            for number in numbers() {
                let seen = Seen { arch: other, number, arguments: [0; 3] };
                assert_eq!(interpret(&program, seen), ENOSYS, "{arch:?} desde {other:#x}: {number}");
            }
        }
    }
}

#[test]
fn las_llamadas_de_x32_no_existen_ni_con_todas_las_capacidades() {
    for number in X32..X32 + 2048 {
        let seen = Seen { arch: Arch::X86_64.audit(), number, arguments: [0; 3] };
        assert_eq!(interpret(&program(Arch::X86_64, u64::MAX), seen), ENOSYS, "{number:#x}");
    }
}

#[test]
fn lo_delicado_se_mira_por_sus_argumentos() {
    for arch in ARCHS {
        for bit in [17, 25, 26, 27, 28, 29, 30] {
            assert_eq!(of(arch, CLONE, [1 << bit | 17, 0, 0]), EPERM, "{arch:?}: clone, bit {bit}");
        }
        assert_eq!(of(arch, CLONE, [0x003d_0f00, 0, 0]), ALLOW, "{arch:?}: un hilo");
        assert_eq!(of(arch, CLONE, [17, 0, 0]), ALLOW, "{arch:?}: un proceso");
        for family in 0..64 {
            let expected = if FAMILIES.contains(&family) { ALLOW } else { deny(libc::EAFNOSUPPORT) };
            assert_eq!(of(arch, SOCKET, [family, 0, 0]), expected, "{arch:?}: familia {family}");
        }
        for value in PERSONALITIES {
            assert_eq!(of(arch, PERSONALITY, [value, 0, 0]), ALLOW, "{arch:?}: {value:#x}");
        }
        for value in [1, 0x0010_0000, 0x0040_0000, 0x0100] {
            assert_eq!(of(arch, PERSONALITY, [value, 0, 0]), EPERM, "{arch:?}: {value:#x}");
        }
        for request in TERMINAL_INJECTION {
            assert_eq!(of(arch, IOCTL, [0, request, 0]), EPERM, "{arch:?}: {request:#x}");
        }
        assert_eq!(of(arch, IOCTL, [0, 0x5401, 0]), ALLOW, "{arch:?}: TCGETS");
        assert_eq!(of(arch, IOCTL, [0x5412, 0, 0x5412]), ALLOW, "{arch:?}: se mira el segundo argumento");
    }
}

#[test]
fn una_capacidad_abre_lo_suyo_y_nada_mas() {
    for arch in ARCHS {
        for name in capabilities::NAMES {
            let program = program(arch, mask_of(name));
            let verdict = |call: &Row| {
                let number = call.number(arch)?;
                Some(interpret(&program, Seen { arch: arch.audit(), number, arguments: [1 << 17, 0, 0] }))
            };
            for group in DENIED {
                let expected = if group.opened_by == name { ALLOW } else { EPERM };
                for call in group.calls {
                    let got = verdict(call).unwrap_or(expected);
                    assert_eq!(got, expected, "{arch:?} con {name}: {}", call.name);
                }
            }
            let admin = name == "SYS_ADMIN";
            assert_eq!(verdict(&CLONE), Some(if admin { ALLOW } else { EPERM }), "{name}");
            assert_eq!(verdict(&CLONE3), Some(if admin { ALLOW } else { ENOSYS }), "{name}");
            let raw =
                Seen { arch: arch.audit(), number: SOCKET.number(arch).unwrap(), arguments: [17, 0, 0] };
            assert_eq!(interpret(&program, raw) == ALLOW, name == "NET_RAW", "{name}: AF_PACKET");
        }
    }
}

#[test]
fn el_kernel_aceptaria_el_programa() {
    for arch in ARCHS {
        for capabilities in [0, u64::MAX] {
            let program = program(arch, capabilities);
            assert!(program.len() < 4096, "BPF_MAXINSNS");
            for (i, BpfInstruction { code, jt, jf, k }) in program.iter().enumerate() {
                let farthest = i + 1 + usize::from(*jt.max(jf));
                let jumps = [JUMP_EQUAL, JUMP_GREATER, JUMP_BITS].contains(code);
                assert!(!jumps || farthest < program.len(), "{arch:?}: la {i} salta fuera");
                assert!(*code != LOAD || (*k < 64 && k % 4 == 0), "{arch:?}: la {i} lee fuera");
            }
            assert_eq!(program.last().map(|last| (last.code, last.k)), Some((RETURN, ALLOW)));
        }
    }
}
