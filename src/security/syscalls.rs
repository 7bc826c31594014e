//! Las llamadas al sistema que se niegan: una tabla para leerla. De ella sale el filtro.
//!
//! Cada grupo dice por qué se niega y qué capacidad lo abre: quien pide `SYS_TIME` quiere cambiar la
//! hora, y negárselo después sería darle la capacidad y quitársela. Los números cambian con la
//! arquitectura; una llamada que una de ellas no tiene lleva `-`.

/// Las arquitecturas para las que se sabe hacer el filtro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    X86_64,
    Aarch64,
}

impl Arch {
    #[cfg(target_arch = "x86_64")]
    pub const HERE: Arch = Arch::X86_64;
    #[cfg(target_arch = "aarch64")]
    pub const HERE: Arch = Arch::Aarch64;

    /// Como la nombra el kernel en cada llamada (`AUDIT_ARCH_*`).
    pub fn audit(self) -> u32 {
        match self {
            Arch::X86_64 => 0xc000_003e,
            Arch::Aarch64 => 0xc000_00b7,
        }
    }
}

/// Una llamada y su número en cada arquitectura, si la tiene.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub name: &'static str,
    pub x86_64: Option<u32>,
    pub aarch64: Option<u32>,
}

impl Call {
    pub fn number(&self, arch: Arch) -> Option<u32> {
        match arch {
            Arch::X86_64 => self.x86_64,
            Arch::Aarch64 => self.aarch64,
        }
    }
}

/// Unas llamadas que se niegan por lo mismo.
pub struct Group {
    pub name: &'static str,
    pub why: &'static str,
    /// La capacidad con la que dejan de negarse, sin `CAP_`. Vacía: nunca.
    pub opened_by: &'static str,
    pub calls: &'static [Call],
}

macro_rules! number {
    (-) => {
        None
    };
    ($number:literal) => {
        Some($number)
    };
}

macro_rules! calls {
    ($($name:ident $x86_64:tt $aarch64:tt),* $(,)?) => {
        &[$(Call { name: stringify!($name), x86_64: number!($x86_64), aarch64: number!($aarch64) }),*]
    };
}

macro_rules! call {
    ($name:ident $x86_64:tt $aarch64:tt) => {
        Call { name: stringify!($name), x86_64: number!($x86_64), aarch64: number!($aarch64) }
    };
}

// ANCHOR: denied
/// Lo que se niega con EPERM. Tras cada nombre, su número en x86-64 y en arm64.
pub const DENIED: &[Group] = &[
    Group {
        name: "montajes",
        why: "destaparían lo que se ha tapado",
        opened_by: "SYS_ADMIN",
        calls: calls![
            mount 165 40, umount2 166 39, pivot_root 155 41, open_tree 428 428, move_mount 429 429,
            fsopen 430 430, fsconfig 431 431, fsmount 432 432, fspick 433 433, mount_setattr 442 442,
        ],
    },
    Group {
        name: "espacios de nombres",
        why: "abren mucho código del kernel a quien no es nadie fuera",
        opened_by: "SYS_ADMIN",
        calls: calls![setns 308 268, unshare 272 97],
    },
    Group {
        name: "módulos",
        why: "meten código en el kernel, que es el de toda la máquina",
        opened_by: "SYS_MODULE",
        calls: calls![
            init_module 175 105, finit_module 313 273, delete_module 176 106, create_module 174 -,
            query_module 178 -, get_kernel_syms 177 -,
        ],
    },
    Group {
        name: "arranque",
        why: "apagan la máquina o ponen otro kernel en marcha",
        opened_by: "SYS_BOOT",
        calls: calls![reboot 169 142, kexec_load 246 104, kexec_file_load 320 294],
    },
    Group {
        name: "máquina",
        why: "cambian lo que es de todos: discos, cuotas, nombre",
        opened_by: "SYS_ADMIN",
        calls: calls![
            swapon 167 224, swapoff 168 225, quotactl 179 60, quotactl_fd 443 443, nfsservctl 180 42,
            sethostname 170 161, setdomainname 171 162, lookup_dcookie 212 18,
        ],
    },
    Group {
        name: "contabilidad",
        why: "apunta en un fichero los procesos de toda la máquina",
        opened_by: "SYS_PACCT",
        calls: calls![acct 163 89],
    },
    Group {
        name: "mensajes del kernel",
        why: "cuentan direcciones y secretos de la máquina",
        opened_by: "SYSLOG",
        calls: calls![syslog 103 116],
    },
    Group {
        name: "terminal",
        why: "cuelga la terminal de otros",
        opened_by: "SYS_TTY_CONFIG",
        calls: calls![vhangup 153 58],
    },
    Group {
        name: "puertos de E/S",
        why: "hablan con el hardware sin pasar por el kernel",
        opened_by: "SYS_RAWIO",
        calls: calls![iopl 172 -, ioperm 173 -],
    },
    Group {
        name: "segmentos",
        why: "solo sirven a programas de 16 bits, y han abierto agujeros",
        opened_by: "",
        calls: calls![modify_ldt 154 -],
    },
    Group {
        name: "hora",
        why: "el reloj es uno para toda la máquina",
        opened_by: "SYS_TIME",
        calls: calls![clock_settime 227 112, settimeofday 164 170],
    },
    Group {
        name: "llaves",
        why: "los llaveros del kernel no son de cada contenedor",
        opened_by: "",
        calls: calls![add_key 248 217, request_key 249 218, keyctl 250 219],
    },
    Group {
        name: "io_uring",
        why: "por aquí han entrado muchos ataques, y esquiva a quien vigila las llamadas",
        opened_by: "",
        calls: calls![io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427],
    },
    Group {
        name: "userfaultfd",
        why: "para el kernel a mitad de una copia: la herramienta de muchos ataques",
        opened_by: "SYS_PTRACE",
        calls: calls![userfaultfd 323 282],
    },
    Group {
        name: "BPF",
        why: "ejecuta programas dentro del kernel",
        opened_by: "BPF",
        calls: calls![bpf 321 280],
    },
    Group {
        name: "medidas",
        why: "perf ve lo que hacen los demás procesos y el kernel",
        opened_by: "PERFMON",
        calls: calls![perf_event_open 298 241],
    },
    Group {
        name: "avisos de ficheros",
        why: "se entera de lo que abren otros, y puede impedírselo",
        opened_by: "SYS_ADMIN",
        calls: calls![fanotify_init 300 262],
    },
    Group {
        name: "ficheros por su número",
        why: "abren ficheros del anfitrión sin pasar por ninguna ruta",
        opened_by: "DAC_READ_SEARCH",
        calls: calls![open_by_handle_at 304 265],
    },
    Group {
        name: "procesos ajenos",
        why: "miran, o se quedan, lo que otro proceso tiene abierto",
        opened_by: "SYS_PTRACE",
        calls: calls![kcmp 312 272, pidfd_getfd 438 438, process_madvise 440 440],
    },
    Group {
        name: "memoria por nodos",
        why: "mueven la memoria de sitio en toda la máquina",
        opened_by: "SYS_NICE",
        calls: calls![
            mbind 237 235, set_mempolicy 238 237, get_mempolicy 239 236, migrate_pages 256 238,
            move_pages 279 239, set_mempolicy_home_node 450 450,
        ],
    },
    Group {
        name: "antiguallas",
        why: "nadie las usa: código viejo, poco mirado",
        opened_by: "",
        calls: calls![_sysctl 156 -, uselib 134 -, ustat 136 -, sysfs 139 -],
    },
];
// ANCHOR_END: denied

/// Las que se miran por sus argumentos.
pub const CLONE: Call = call!(clone 56 220);
pub const CLONE3: Call = call!(clone3 435 435);
pub const SOCKET: Call = call!(socket 41 198);
pub const IOCTL: Call = call!(ioctl 16 29);
pub const PERSONALITY: Call = call!(personality 135 92);

/// La última llamada que se revisó para hacer esta tabla (`mseal`, Linux 6.10): es la misma en las
/// dos arquitecturas. Lo que añada un kernel más nuevo responde «no existe».
pub const LAST_REVIEWED: u32 = 462;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn all() -> Vec<Call> {
        let grouped = DENIED.iter().flat_map(|g| g.calls).copied();
        grouped.chain([CLONE, CLONE3, SOCKET, IOCTL, PERSONALITY]).collect()
    }

    /// Las 61 que se decidió negar, escritas otra vez: borrar una fila de la tabla se nota.
    const DECIDED: &str = "mount umount2 pivot_root open_tree move_mount fsopen fsconfig fsmount fspick \
        mount_setattr setns unshare init_module finit_module delete_module create_module query_module \
        get_kernel_syms kexec_load kexec_file_load bpf reboot swapon swapoff acct quotactl quotactl_fd \
        nfsservctl sethostname setdomainname vhangup syslog iopl ioperm modify_ldt clock_settime settimeofday \
        add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd \
        perf_event_open fanotify_init lookup_dcookie open_by_handle_at kcmp pidfd_getfd process_madvise mbind \
        set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node _sysctl uselib ustat sysfs";

    #[test]
    fn la_tabla_tiene_las_sesenta_y_una_que_se_decidio_negar() {
        let mut decided: Vec<&str> = DECIDED.split_whitespace().collect();
        let mut denied: Vec<&str> = DENIED.iter().flat_map(|g| g.calls).map(|c| c.name).collect();
        crate::order::sort(&mut decided);
        crate::order::sort(&mut denied);
        assert_eq!(decided.len(), 61);
        assert_eq!(denied, decided);
    }

    #[test]
    fn cada_grupo_dice_por_que_y_lo_abre_una_capacidad_que_existe() {
        for group in DENIED {
            assert!(!group.name.is_empty() && !group.why.is_empty() && !group.calls.is_empty());
            let known = crate::security::capabilities::NAMES.contains(&group.opened_by);
            assert!(group.opened_by.is_empty() || known, "{}: {}", group.name, group.opened_by);
        }
    }

    #[test]
    fn ninguna_llamada_esta_dos_veces_ni_pasa_de_la_ultima_revisada() {
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let mut seen = HashMap::new();
            for call in all() {
                let Some(number) = call.number(arch) else { continue };
                assert!(number <= LAST_REVIEWED, "{}", call.name);
                assert_eq!(seen.insert(number, call.name), None, "{arch:?} {number}: {}", call.name);
            }
        }
    }

    /// Los números, según los ficheros de cabecera del kernel que trae esta máquina.
    fn header(path: &str) -> Option<HashMap<String, u32>> {
        let text = std::fs::read_to_string(path).ok()?;
        let one = |line: &str| {
            let mut words = line.strip_prefix("#define __NR")?.split_whitespace();
            let name = words.next()?.trim_start_matches("3264").strip_prefix('_')?.to_string();
            Some((name, words.next()?.parse().ok()?))
        };
        Some(text.lines().filter_map(one).collect())
    }

    fn compare(arch: Arch, paths: &[&str]) {
        let Some(numbers) = paths.iter().find_map(|path| header(path)) else {
            eprintln!("omitido: no están las cabeceras del kernel ({paths:?})");
            return;
        };
        for call in all() {
            // una cabecera puede haber olvidado una llamada vieja; lo que dice, no se contradice
            if let Some(number) = numbers.get(call.name) {
                assert_eq!(Some(*number), call.number(arch), "{arch:?}: {}", call.name);
            }
        }
        assert!(numbers.len() > 250, "{arch:?}: esas no son las cabeceras: {}", numbers.len());
    }

    #[test]
    fn los_numeros_de_arm64_son_los_de_las_cabeceras_del_kernel() {
        compare(Arch::Aarch64, &["/usr/include/asm-generic/unistd.h"]);
    }

    #[test]
    fn los_numeros_de_x86_64_son_los_de_las_cabeceras_del_kernel() {
        compare(
            Arch::X86_64,
            &["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
        );
    }
}
