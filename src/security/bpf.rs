//! Un intérprete de BPF clásico: lo que hace el kernel con un filtro en cada llamada al sistema.
//!
//! Sirve para preguntarle a un filtro, sin ejecutar nada, qué respondería. El nuestro usa cinco
//! instrucciones; un programa puede ponerse además el suyo, y los de libseccomp usan las demás.

use crate::kernel::sys::BpfInstruction;

/// Una llamada al sistema, como se la enseña el kernel al filtro (`struct seccomp_data`).
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub arch: u32,
    pub number: u32,
    pub arguments: [u64; 6],
}

impl Call {
    /// La palabra de 32 bits que hay en `at`; los bytes, en el orden de esta máquina.
    fn word(&self, at: u32) -> Option<u32> {
        let mut bytes = [0u8; 64];
        bytes[0..4].copy_from_slice(&self.number.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.arch.to_ne_bytes());
        for (i, argument) in self.arguments.iter().enumerate() {
            bytes[16 + 8 * i..24 + 8 * i].copy_from_slice(&argument.to_ne_bytes());
        }
        let word = bytes.get(at as usize..)?.get(..4)?;
        Some(u32::from_ne_bytes(word.try_into().ok()?))
    }
}

/// Los campos del código de una instrucción: clase, operación y de dónde sale el operando.
const CLASS: u16 = 0x07;
const OPERATION: u16 = 0xf0;
const FROM_X: u16 = 0x08;

// ANCHOR: run
/// Lo que responde el filtro; `None` si el kernel no lo habría aceptado.
pub fn run(program: &[BpfInstruction], call: &Call) -> Option<u32> {
    let (mut at, mut a, mut x, mut memory) = (0usize, 0u32, 0u32, [0u32; 16]);
    loop {
        let BpfInstruction { code, jt, jf, k } = *program.get(at)?;
        at += 1;
        let operand = if code & FROM_X != 0 { x } else { k };
        match code & CLASS {
            0x00 => a = load(code, k, &memory, call)?,
            0x01 => x = load(code, k, &memory, call)?,
            0x02 => *memory.get_mut(k as usize)? = a,
            0x03 => *memory.get_mut(k as usize)? = x,
            0x04 => a = compute(code, a, operand)?,
            0x05 if code & OPERATION == 0 => at += k as usize,
            0x05 => at += usize::from(if holds(code, a, operand)? { jt } else { jf }),
            0x06 => return Some(if code & 0x18 == 0x10 { a } else { k }),
            _ if code & 0x80 != 0 => a = x,
            _ => x = a,
        }
    }
}
// ANCHOR_END: run

/// De dónde se carga: de la llamada (absoluto), de la propia instrucción o de la memoria.
fn load(code: u16, k: u32, memory: &[u32; 16], call: &Call) -> Option<u32> {
    match code & 0xe0 {
        0x00 => Some(k),
        0x20 => call.word(k),
        0x60 => memory.get(k as usize).copied(),
        0x80 => Some(64), // la longitud de los datos
        _ => None,
    }
}

fn compute(code: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match code & OPERATION {
        0x00 => a.wrapping_add(operand),
        0x10 => a.wrapping_sub(operand),
        0x20 => a.wrapping_mul(operand),
        0x30 => a.checked_div(operand)?,
        0x40 => a | operand,
        0x50 => a & operand,
        0x60 => a.checked_shl(operand)?,
        0x70 => a.checked_shr(operand)?,
        0x80 => a.wrapping_neg(),
        0xa0 => a ^ operand,
        _ => return None,
    })
}

fn holds(code: u16, a: u32, operand: u32) -> Option<bool> {
    Some(match code & OPERATION {
        0x10 => a == operand,
        0x20 => a > operand,
        0x30 => a >= operand,
        0x40 => a & operand != 0,
        _ => return None,
    })
}

/// De más a menos severa, lo que puede responder un filtro: con varios puestos, gana la más severa.
fn severity(answer: u32) -> u32 {
    match answer & 0xffff_0000 {
        0x8000_0000 => 7, // matar el proceso
        0x0000_0000 => 6, // matar el hilo
        0x0003_0000 => 5, // una trampa
        0x0005_0000 => 4, // un error
        0x7fc0_0000 => 3, // preguntar a otro proceso
        0x7ff0_0000 => 2, // avisar a quien depura
        0x7ffc_0000 => 1, // apuntarlo
        _ => 0,           // dejar pasar
    }
}

/// Lo que responden entre todos. Sin filtros, pasa.
pub fn run_all(programs: &[Vec<BpfInstruction>], call: &Call) -> Option<u32> {
    let answers: Option<Vec<u32>> = programs.iter().map(|program| run(program, call)).collect();
    Some(answers?.into_iter().max_by_key(|answer| severity(*answer)).unwrap_or(0x7fff_0000))
}

/// ¿Deja pasar la llamada esa respuesta?
pub fn lets_through(answer: u32) -> bool {
    severity(answer) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(code: u16, jt: u8, jf: u8, k: u32) -> BpfInstruction {
        BpfInstruction { code, jt, jf, k }
    }

    fn call(number: u32, first: u64) -> Call {
        Call { arch: 7, number, arguments: [first, 0, 0, 0, 0, 0] }
    }

    #[test]
    fn cada_instruccion_hace_lo_suyo() {
        // A = argumento 0 & 0xff; si A >= 16, devuelve A; si no, X = A, A = X + 1 y lo devuelve
        let program = [
            op(0x20, 0, 0, 16),
            op(0x54, 0, 0, 0xff),
            op(0x35, 0, 1, 16),
            op(0x16, 0, 0, 0),
            op(0x07, 0, 0, 0),
            op(0x02, 0, 0, 3),
            op(0x00, 0, 0, 1),
            op(0x0c, 0, 0, 0),
            op(0x16, 0, 0, 0),
        ];
        assert_eq!(run(&program, &call(0, 0x1_0000_0120)), Some(0x20));
        assert_eq!(run(&program, &call(0, 0x105)), Some(6));
        let jump = [op(0x05, 0, 0, 1), op(0x06, 0, 0, 1), op(0x06, 0, 0, 2)];
        assert_eq!(run(&jump, &call(0, 0)), Some(2));
    }

    #[test]
    fn un_programa_que_se_sale_no_responde() {
        assert_eq!(run(&[], &call(0, 0)), None);
        assert_eq!(run(&[op(0x05, 0, 0, 9)], &call(0, 0)), None);
        assert_eq!(run(&[op(0x20, 0, 0, 64), op(0x06, 0, 0, 0)], &call(0, 0)), None);
    }

    #[test]
    fn con_varios_filtros_gana_el_mas_severo() {
        let answer = |k: u32| vec![op(0x06, 0, 0, k)];
        let (allow, error, kill) = (answer(0x7fff_0000), answer(0x0005_0001), answer(0x8000_0000));
        let all = |programs: &[&Vec<BpfInstruction>]| {
            run_all(&programs.iter().map(|p| p.to_vec()).collect::<Vec<_>>(), &call(0, 0))
        };
        assert_eq!(all(&[]), Some(0x7fff_0000));
        assert_eq!(all(&[&allow, &error]), Some(0x0005_0001));
        assert_eq!(all(&[&kill, &error, &allow]), Some(0x8000_0000));
        assert!(lets_through(0x7fff_0000) && !lets_through(0x0005_0001) && !lets_through(0));
    }
}
