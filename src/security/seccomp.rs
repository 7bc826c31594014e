//! El filtro de llamadas al sistema: el programa BPF que sale de la tabla de `syscalls.rs`.
//!
//! Se niega lo peligroso y lo desconocido: lo que añada un kernel más nuevo que la tabla responde
//! «no existe». El filtro lo ejecuta el kernel en cada llamada, de arriba abajo.

use super::capabilities;
use super::syscalls::{Arch, CLONE, CLONE3, Call, DENIED, IOCTL, LAST_REVIEWED, PERSONALITY, SOCKET};
use crate::kernel::sys::BpfInstruction;

/// Familias de sockets que se pueden abrir: locales, IPv4, IPv6 y netlink.
pub const FAMILIES: [u32; 4] = [1, 2, 10, 16];
/// La de los paquetes en crudo, con la capacidad NET_RAW.
pub const AF_PACKET: u32 = 17;
/// `CLONE_NEW*` de `clone(2)`.
pub const NAMESPACE_FLAGS: u32 = 0x7e02_0000;
/// `personality(2)`: la de siempre, y preguntar cuál es.
pub const PERSONALITIES: [u32; 5] = [0, 8, 0x20000, 0x20008, 0xffff_ffff];
/// ioctl que escriben en la terminal como si tecleara otro (TIOCSTI, TIOCLINUX).
pub const TERMINAL_INJECTION: [u32; 2] = [0x5412, 0x541c];

const ALLOW: u32 = 0x7fff_0000;
const fn deny(errno: i32) -> u32 {
    0x0005_0000 | errno as u32
}
const EPERM: u32 = deny(libc::EPERM);
const ENOSYS: u32 = deny(libc::ENOSYS);

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
/// El filtro de un contenedor con esas capacidades. Cada regla son dos instrucciones: «si es esta
/// llamada…» y la respuesta; así ningún salto es largo.
pub fn program(arch: Arch, capabilities: u64) -> Vec<BpfInstruction> {
    let has = |name: &str| capabilities::contains(capabilities, name);
    let mut code = vec![load(ARCH), BpfInstruction { code: JUMP_EQUAL, jt: 1, jf: 0, k: arch.audit() }];
    code.push(answer(ENOSYS)); // otra arquitectura: i386 tiene puertas que aquí no se ven
    // lo que aún no existía, y las llamadas de x32, que llevan puesto el bit 30
    code.extend([load(NUMBER), unless(JUMP_GREATER, LAST_REVIEWED, 1), answer(ENOSYS)]);
    for group in DENIED.iter().filter(|g| !has(g.opened_by)) {
        for number in group.calls.iter().filter_map(|call| call.number(arch)) {
            code.extend([unless(JUMP_EQUAL, number, 1), answer(EPERM)]);
        }
    }
    if !has("SYS_ADMIN") {
        // los argumentos de clone3 están en memoria y no se pueden mirar: que usen clone
        code.extend(on_call(arch, CLONE3, &[answer(ENOSYS)]));
        let namespaces = [load(argument(0)), unless(JUMP_BITS, NAMESPACE_FLAGS, 1), answer(EPERM)];
        code.extend(on_call(arch, CLONE, &namespaces));
    }
    let mut families = FAMILIES.to_vec();
    families.extend(has("NET_RAW").then_some(AF_PACKET));
    code.extend(on_call(arch, SOCKET, &only(0, &families, deny(libc::EAFNOSUPPORT))));
    code.extend(on_call(arch, PERSONALITY, &only(0, &PERSONALITIES, EPERM)));
    let mut injection = vec![load(argument(1))];
    for request in TERMINAL_INJECTION {
        injection.extend([unless(JUMP_EQUAL, request, 1), answer(EPERM)]);
    }
    code.extend(on_call(arch, IOCTL, &injection));
    code.push(answer(ALLOW));
    code
}
// ANCHOR_END: program

/// Unas instrucciones que solo valen para una llamada; el número se vuelve a cargar antes de
/// compararlo, porque mirar un argumento lo pisa.
fn on_call(arch: Arch, call: Call, body: &[BpfInstruction]) -> Vec<BpfInstruction> {
    let Some(number) = call.number(arch) else { return Vec::new() };
    let mut code = vec![load(NUMBER), unless(JUMP_EQUAL, number, body.len() as u8)];
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
#[path = "seccomp_tests.rs"]
mod tests;
