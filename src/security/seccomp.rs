//! El filtro de llamadas al sistema: una tabla que se lee y un programa BPF que sale de ella.
//!
//! Se niega lo peligroso y lo desconocido: lo que añada un kernel más nuevo que esta tabla responde
//! «no existe». El filtro lo ejecuta el kernel en cada llamada, de arriba abajo.

use crate::kernel::sys::BpfInstruction;
use libc::c_long;

/// Grupos de llamadas que se niegan con EPERM, y por qué.
pub const DENIED: &[(&str, &str, &[c_long])] = &[
    (
        "montajes",
        "desharían las rutas tapadas",
        &[
            libc::SYS_mount,
            libc::SYS_umount2,
            libc::SYS_pivot_root,
            libc::SYS_open_tree,
            libc::SYS_move_mount,
            libc::SYS_fsopen,
            libc::SYS_fsconfig,
            libc::SYS_fsmount,
            libc::SYS_fspick,
            libc::SYS_mount_setattr,
        ],
    ),
    ("espacios de nombres", "dan acceso a mucho código del kernel", &[libc::SYS_setns, libc::SYS_unshare]),
    (
        "código del kernel",
        "lo cambian",
        &[
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_delete_module,
            libc::SYS_kexec_load,
            libc::SYS_bpf,
        ],
    ),
    (
        "la máquina",
        "valen para toda ella",
        &[
            libc::SYS_reboot,
            libc::SYS_swapon,
            libc::SYS_swapoff,
            libc::SYS_acct,
            libc::SYS_quotactl,
            libc::SYS_quotactl_fd,
            libc::SYS_sethostname,
            libc::SYS_setdomainname,
            libc::SYS_vhangup,
            libc::SYS_syslog,
        ],
    ),
    ("el reloj", "no es de cada contenedor", &[libc::SYS_clock_settime, libc::SYS_settimeofday]),
    (
        "las llaves",
        "no son de cada contenedor",
        &[libc::SYS_add_key, libc::SYS_request_key, libc::SYS_keyctl],
    ),
    (
        "puertas al kernel",
        "por ellas han entrado muchos ataques",
        &[
            libc::SYS_io_uring_setup,
            libc::SYS_io_uring_enter,
            libc::SYS_io_uring_register,
            libc::SYS_userfaultfd,
            libc::SYS_perf_event_open,
            libc::SYS_fanotify_init,
            libc::SYS_lookup_dcookie,
        ],
    ),
    (
        "lo ajeno",
        "abren ficheros o procesos de otros",
        &[libc::SYS_open_by_handle_at, libc::SYS_kcmp, libc::SYS_pidfd_getfd, libc::SYS_process_madvise],
    ),
    (
        "la memoria de la máquina",
        "la reparten entre nodos",
        &[
            libc::SYS_mbind,
            libc::SYS_set_mempolicy,
            libc::SYS_get_mempolicy,
            libc::SYS_migrate_pages,
            libc::SYS_move_pages,
            SYS_SET_MEMPOLICY_HOME_NODE,
        ],
    ),
    ("lo antiguo", "solo está en x86-64 o nadie lo usa", ONLY_HERE),
];

/// Tiene el mismo número en todas las arquitecturas.
const SYS_SET_MEMPOLICY_HOME_NODE: c_long = 450;

#[cfg(target_arch = "x86_64")]
const ONLY_HERE: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    174,
    178,
    177, // create_module, query_module, get_kernel_syms
    libc::SYS_nfsservctl,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const ONLY_HERE: &[c_long] = &[libc::SYS_nfsservctl, 294 /* kexec_file_load */];

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;

/// La última llamada que se revisó para hacer esta tabla (`mseal`, Linux 6.10).
const LAST_REVIEWED: u32 = 462;

/// Familias de sockets que se pueden abrir: locales, IPv4, IPv6 y netlink.
const FAMILIES: [u32; 4] = [1, 2, 10, 16];
/// `CLONE_NEW*` de `clone(2)`.
const NAMESPACE_FLAGS: u32 = 0x7e02_0000;
/// `personality(2)`: la de siempre, y preguntar cuál es.
const PERSONALITIES: [u32; 5] = [0, 8, 0x20000, 0x20008, 0xffff_ffff];
/// ioctl que escriben en la terminal como si tecleara otro.
const TERMINAL_INJECTION: [u32; 2] = [0x5412, 0x541c];

const ALLOW: u32 = 0x7fff_0000;
const fn deny(errno: i32) -> u32 {
    0x0005_0000 | errno as u32
}

/// Dónde están los datos de la llamada: número, arquitectura y los 32 bits bajos de cada argumento.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(n: u32) -> u32 {
    16 + 8 * n
}

// códigos de BPF clásico
const LOAD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_BITS: u16 = 0x45;
const RETURN: u16 = 0x06;

fn load(at: u32) -> BpfInstruction {
    BpfInstruction { code: LOAD, jt: 0, jf: 0, k: at }
}

/// Si la comparación se cumple, sigue; si no, salta `skip` instrucciones.
fn unless(code: u16, value: u32, skip: u8) -> BpfInstruction {
    BpfInstruction { code, jt: 0, jf: skip, k: value }
}

fn answer(verdict: u32) -> BpfInstruction {
    BpfInstruction { code: RETURN, jt: 0, jf: 0, k: verdict }
}

// ANCHOR: program
/// El filtro. Cada regla son dos instrucciones: «si es esta llamada…» y la respuesta; así ningún
/// salto es largo.
pub fn program() -> Vec<BpfInstruction> {
    let eperm = deny(libc::EPERM);
    let mut code = vec![load(ARCH), BpfInstruction { code: JUMP_EQUAL, jt: 1, jf: 0, k: AUDIT_ARCH }];
    code.push(answer(deny(libc::ENOSYS))); // otra arquitectura: i386 tiene puertas que aquí no se ven
    code.extend([load(NUMBER), unless(JUMP_GREATER, LAST_REVIEWED, 1), answer(deny(libc::ENOSYS))]);
    // los argumentos de clone3 están en memoria y no se pueden mirar: que usen clone
    code.extend([unless(JUMP_EQUAL, libc::SYS_clone3 as u32, 1), answer(deny(libc::ENOSYS))]);
    for number in DENIED.iter().flat_map(|(_, _, calls)| *calls) {
        code.extend([unless(JUMP_EQUAL, *number as u32, 1), answer(eperm)]);
    }
    code.extend(on_call(
        libc::SYS_clone,
        &[load(argument(0)), unless(JUMP_BITS, NAMESPACE_FLAGS, 1), answer(eperm)],
    ));
    code.extend(on_call(libc::SYS_socket, &only(0, &FAMILIES, deny(libc::EAFNOSUPPORT))));
    code.extend(on_call(libc::SYS_personality, &only(0, &PERSONALITIES, eperm)));
    let mut injection = vec![load(argument(1))];
    for request in TERMINAL_INJECTION {
        injection.extend([unless(JUMP_EQUAL, request, 1), answer(eperm)]);
    }
    code.extend(on_call(libc::SYS_ioctl, &injection));
    code.push(answer(ALLOW));
    code
}
// ANCHOR_END: program

/// Unas instrucciones que solo valen para una llamada; el número se vuelve a cargar antes de
/// compararlo, porque mirar un argumento lo pisa.
fn on_call(number: c_long, body: &[BpfInstruction]) -> Vec<BpfInstruction> {
    let mut code = vec![load(NUMBER), unless(JUMP_EQUAL, number as u32, body.len() as u8)];
    code.extend_from_slice(body);
    code
}

/// Si el argumento `n` es uno de los permitidos, adelante; si no, `verdict`.
fn only(n: u32, allowed: &[u32], verdict: u32) -> Vec<BpfInstruction> {
    let mut code = vec![load(argument(n))];
    for value in allowed {
        code.extend([unless(JUMP_EQUAL, *value, 1), answer(ALLOW)]);
    }
    code.push(answer(verdict));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ejecuta el filtro como lo haría el kernel.
    fn verdict(arch: u32, number: u32, arguments: [u32; 3]) -> u32 {
        let program = program();
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let BpfInstruction { code, jt, jf, k } = program[at];
            let jump = |taken: bool| usize::from(if taken { jt } else { jf });
            at += 1;
            match code {
                LOAD if k == NUMBER => accumulator = number,
                LOAD if k == ARCH => accumulator = arch,
                LOAD => accumulator = arguments[((k - 16) / 8) as usize],
                JUMP_EQUAL => at += jump(accumulator == k),
                JUMP_GREATER => at += jump(accumulator > k),
                JUMP_BITS => at += jump(accumulator & k != 0),
                RETURN => return k,
                other => panic!("instrucción {other:#x}"),
            }
        }
    }

    fn call(number: c_long, arguments: [u32; 3]) -> u32 {
        verdict(AUDIT_ARCH, number as u32, arguments)
    }

    #[test]
    fn todo_lo_de_la_tabla_se_niega() {
        for (group, _, calls) in DENIED {
            for number in *calls {
                assert_eq!(call(*number, [0; 3]), deny(libc::EPERM), "{group}: {number}");
            }
        }
    }

    #[test]
    fn lo_corriente_pasa() {
        for number in [
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_openat,
            libc::SYS_execve,
            libc::SYS_futex,
            libc::SYS_ptrace,
        ] {
            assert_eq!(call(number, [0; 3]), ALLOW, "{number}");
        }
        assert_eq!(call(libc::SYS_clone, [0x3d0f00, 0, 0]), ALLOW, "un hilo");
        assert_eq!(call(libc::SYS_ioctl, [0, 0x5401, 0]), ALLOW, "TCGETS");
        for family in FAMILIES {
            assert_eq!(call(libc::SYS_socket, [family, 0, 0]), ALLOW);
        }
        for value in PERSONALITIES {
            assert_eq!(call(libc::SYS_personality, [value, 0, 0]), ALLOW);
        }
    }

    #[test]
    fn lo_delicado_se_mira_por_sus_argumentos() {
        let eperm = deny(libc::EPERM);
        for flag in
            [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]
        {
            assert_eq!(call(libc::SYS_clone, [flag | 17, 0, 0]), eperm, "{flag:#x}");
        }
        for family in [17, 38, 40] {
            assert_eq!(call(libc::SYS_socket, [family, 0, 0]), deny(libc::EAFNOSUPPORT));
        }
        assert_eq!(call(libc::SYS_ioctl, [0, 0x5412, 0]), eperm, "TIOCSTI");
        assert_eq!(call(libc::SYS_personality, [0x100, 0, 0]), eperm);
        assert_eq!(call(libc::SYS_clone3, [0; 3]), deny(libc::ENOSYS));
    }

    #[test]
    fn otra_arquitectura_y_lo_desconocido_no_existen() {
        assert_eq!(verdict(0x4000_0003, 20, [0; 3]), deny(libc::ENOSYS), "i386");
        assert_eq!(verdict(AUDIT_ARCH, 0x4000_0000, [0; 3]), deny(libc::ENOSYS), "x32");
        assert_eq!(verdict(AUDIT_ARCH, LAST_REVIEWED + 1, [0; 3]), deny(libc::ENOSYS));
    }
}
