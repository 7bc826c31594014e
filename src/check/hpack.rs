//! Capítulo 19 · Las cabeceras comprimidas de HTTP/2 (HPACK, RFC 7541), lo justo para leerlas.
//!
//! Al otro lado se le dice que la tabla dinámica mide 0, así que no hay memoria entre cabeceras: solo
//! la tabla fija, los textos y el código de Huffman.

/// Lo que cuesta leer un bloque de cabeceras, como mucho.
const MAX_TEXT: usize = 8 * 1024;

/// Las cabeceras de un bloque. De la tabla fija solo interesa `:status`: las demás salen sin nombre.
pub fn decode(block: &[u8]) -> Option<Vec<(String, String)>> {
    let mut reader = Reader { bytes: block };
    let mut headers = Vec::new();
    while let Some(&first) = reader.bytes.first() {
        match first {
            // ya está en la tabla, nombre y valor
            0x80.. => headers.push(indexed(reader.integer(7)?)?),
            // nombre y valor, «y apúntalo»: con una tabla de 0, no hay dónde
            0x40..=0x7f => headers.push(reader.literal(6)?),
            // la tabla cambia de tamaño: solo puede ser a 0
            0x20..=0x3f => drop(reader.integer(5).filter(|size| *size == 0)?),
            // nombre y valor, sin apuntar
            0x00..=0x1f => headers.push(reader.literal(4)?),
        }
    }
    Some(headers)
}

/// Los valores de `:status` de la tabla fija, del índice 8 al 14.
const STATUS: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];

fn indexed(index: usize) -> Option<(String, String)> {
    match index {
        8..=14 => Some((":status".into(), STATUS[index - 8].into())),
        1..=61 => Some(Default::default()),
        _ => None,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    /// Un entero que empieza en los últimos `bits` bits del primer byte.
    fn integer(&mut self, bits: u32) -> Option<usize> {
        let mask = (1usize << bits) - 1;
        let mut value = usize::from(self.byte()?) & mask;
        if value < mask {
            return Some(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            value += (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn literal(&mut self, bits: u32) -> Option<(String, String)> {
        let name = match self.integer(bits)? {
            0 => self.text()?,
            index => indexed(index)?.0,
        };
        Some((name, self.text()?))
    }

    fn text(&mut self) -> Option<String> {
        let compressed = self.bytes.first()? & 0x80 != 0;
        let length = self.integer(7)?;
        let (text, rest) = self.bytes.split_at_checked(length).filter(|_| length <= MAX_TEXT)?;
        self.bytes = rest;
        let text = if compressed { huffman(text)? } else { text.to_vec() };
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Bits del código de cada byte. El código es canónico: con las longitudes basta, porque a igual
/// longitud los códigos van seguidos y en el orden de los bytes.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
     6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
     5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
    13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
     7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
    15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
     6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// Deshace el código de Huffman. Lo que sobra al final son menos de 8 unos de relleno.
fn huffman(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |i| (b >> i) & 1)).collect();
    let mut rest = &bits[..];
    while !(rest.len() < 8 && rest.iter().all(|bit| *bit == 1)) {
        let (byte, length) = symbol(rest)?;
        text.push(byte);
        rest = &rest[length..];
    }
    Some(text)
}

/// El primer byte que dicen estos bits y cuántos ocupa.
fn symbol(bits: &[u8]) -> Option<(u8, usize)> {
    let (mut code, mut first) = (0u32, 0u32);
    for length in 1..=30u8 {
        code = code << 1 | u32::from(*bits.get(usize::from(length) - 1)?);
        first <<= 1;
        let mut same = (0..=255u8).filter(|byte| LENGTHS[usize::from(*byte)] == length);
        if let Some(byte) = code.checked_sub(first).and_then(|n| same.nth(n as usize)) {
            return Some((byte, length.into()));
        }
        first += LENGTHS.iter().filter(|l| **l == length).count() as u32;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex: String = hex.split_whitespace().collect();
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    #[test]
    fn los_ejemplos_de_la_norma_se_descifran() {
        // RFC 7541, C.4: «www.example.com», «no-cache», «custom-value»
        assert_eq!(huffman(&bytes("f1e3 c2e5 f23a 6ba0 ab90 f4ff")).unwrap(), b"www.example.com");
        assert_eq!(huffman(&bytes("a8eb 1064 9cbf")).unwrap(), b"no-cache");
        assert_eq!(huffman(&bytes("25a8 49e9 5bb8 e8b4 bf")).unwrap(), b"custom-value");
        // C.2.1: texto sin comprimir; C.6.1: «:status 302» comprimido, nombre de la tabla
        let literal = bytes("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
        assert_eq!(decode(&literal), pairs(&[("custom-key", "custom-header")]));
        assert_eq!(decode(&bytes("4882 6402")), pairs(&[(":status", "302")]));
        assert_eq!(decode(&bytes("20 88")), pairs(&[(":status", "200")]), "y la tabla, a 0");
        // C.1.2: 1337 con un prefijo de 5 bits
        assert_eq!(Reader { bytes: &bytes("1f9a 0a") }.integer(5), Some(1337));
    }

    #[test]
    fn cada_byte_vuelve_a_ser_el_que_era() {
        // se codifica con las mismas longitudes, por otro camino: asignando los códigos uno a uno
        let mut order: Vec<u8> = (0..=255).collect();
        order.sort_by_key(|byte| (LENGTHS[usize::from(*byte)], *byte));
        let (mut code, mut length) = (0u64, 0);
        for byte in order {
            let bits = u32::from(LENGTHS[usize::from(byte)]);
            code <<= bits - length;
            length = bits;
            let padded = ((code << (64 - bits)) | (u64::MAX >> bits)).to_be_bytes();
            let used = bits.div_ceil(8) as usize;
            assert_eq!(huffman(&padded[..used]).unwrap(), [byte], "{byte}");
            code += 1;
        }
        assert_eq!(code << (30 - length), (1 << 30) - 1, "solo queda libre el código de fin, 30 unos");
    }

    #[test]
    fn lo_que_no_se_entiende_se_rechaza() {
        for hex in ["40", "0005 61", "ff ff ff ff ff 7f", "be", "3f 01", "00 81 ff 00", "80"] {
            assert_eq!(decode(&bytes(hex)), None, "{hex}");
        }
    }
}
